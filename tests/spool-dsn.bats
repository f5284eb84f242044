#!/usr/bin/env bats
# spool run: reports, as RFC 3461 lets a sender ask for them.
load lib
load spool

# reported: what the reports in the queue say, sorted by recipient; then they
# are gone.
reported() {
	local id
	spool list | sed -n 's/ .* <>$//p' >ids
	while read -r id; do
		spool show "$id" >report
		python3 - report <<-'PY'
			import email, email.policy, sys
			m = email.message_from_binary_file(open(sys.argv[1], "rb"), policy=email.policy.default)
			assert not m.defects, m.defects
			text, status, original = m.iter_parts()
			blocks = status.get_payload()
			envid = blocks[0].get("Original-Envelope-Id", "-")
			body = original.get_content() if original.get_content_type() == "text/rfc822-headers" else original.get_content().as_string()
			for b in blocks[1:]:
			    print(*[b.get(k, "-") for k in ("Final-Recipient",
			        "Original-Recipient", "Action", "Status")], envid,
			        m["To"], m["Subject"], original.get_content_type(),
			        repr(body), sep="|")
		PY
		spool rm "$id"
	done <ids | sort
}

# add [NAME=VALUE]... RCPT[,PARAMETER]...: from s@b.example.
add() {
	while [[ $1 == *=* && $1 != *@* ]]; do
		local -x "$1"
		shift
	done
	message | "$BUILD/drv/queue" s add "${FROM-s@b.example}" "$@"
}

@test "success is told by the next hop where it can, else by us; delivery always" {
	mkdir s
	cat >s/routes <<-'END'
		d.example deliver cat >>delivered; :
		l.example lmtp /run/l
		* relay smtp://x
	END
	chmod 644 s/routes
	PARAMS='RET=FULL ENVID=e+2B1' RCPT_PARAMS='NOTIFY=success,FAILURE ORCPT=rfc822;o+2B@x' \
		add nodsn@x.example good@x.example u@d.example nodsn-2@l.example good-2@l.example temp@x.example >id
	RCPT_PARAMS=NOTIFY=FAILURE,DELAY add nodsn@x.example >/dev/null
	RCPT_PARAMS=NOTIFY=NEVER add perm@x.example >/dev/null
	add nodsn@x.example >/dev/null
	FROM='' RCPT_PARAMS=NOTIFY=SUCCESS add nodsn@x.example >/dev/null
	run_spool 2>err
	reported >told
	same told <<-'END'
		rfc822;nodsn-2@l.example|rfc822;o+@x|delivered|2.0.0|e+1|s@b.example|Mail delivered|text/rfc822-headers|'Subject: test\n'
		rfc822;nodsn@x.example|rfc822;o+@x|relayed|2.0.0|e+1|s@b.example|Mail passed on|text/rfc822-headers|'Subject: test\n'
		rfc822;u@d.example|rfc822;o+@x|delivered|2.0.0|e+1|s@b.example|Mail delivered|text/rfc822-headers|'Subject: test\n'
	END
	grep -c event=reported err >count
	echo 2 | same count
	# Each once, though the message waits for one more.
	spool retry
	run_spool 2>/dev/null
	reported >told
	same told </dev/null
	sed -n 's/^R \(.\) .*<\([^@]*\)@.*/\1 \2/p' s/queue/*."$(<id)".q >marks
	same marks <<-'END'
		+ nodsn
		+ good
		+ u
		+ nodsn-2
		+ good-2
		. temp
	END
	[ "$(find s/queue s/dead -type f | wc -l)" = 1 ]
}

@test "a next hop that offers DSN is asked to tell, and one that does not is not" {
	for caps in PIPELINING,DSN PIPELINING; do
		python3 -S "$TESTS/lib/sink.py" "$caps" caps=$caps 3>&- &
		PIDS+=($!)
		eventually test -s $caps
		mkdir -p s
		echo "* relay smtp://127.0.0.1:$(<$caps) --tls=off" >s/routes
		chmod 644 s/routes
		RCPT_PARAMS=NOTIFY=SUCCESS PARAMS=ENVID=e add b@x.example >/dev/null
		spool run --log none
		reported >told
		cut -d'|' -f 1,3,5 told
		tr -d '\r' <$caps.1 | sed -n '/^MAIL/{s/ SIZE=[0-9]*//;p}; /^RCPT/p'
	done >seen
	same seen <<-'END'
		MAIL FROM:<s@b.example> ENVID=e
		RCPT TO:<b@x.example> NOTIFY=SUCCESS
		rfc822;b@x.example|relayed|e
		MAIL FROM:<s@b.example>
		RCPT TO:<b@x.example>
	END
}

@test "killed between an acceptance and its report: told once more, never sent again" {
	relay
	id=$(RCPT_PARAMS=NOTIFY=SUCCESS add good@x.example)
	sed -i 's/^R \. 000/R r 250/' s/queue/*."$id".q
	run_spool 2>/dev/null
	[ ! -e log ]
	reported | cut -d'|' -f 1,3 >told
	same told <<<'rfc822;good@x.example|relayed'
	[ -z "$(ls s/queue)" ]
}

@test "a delay is told to who wants to know, with the header alone" {
	relay
	id=$(RCPT_PARAMS='NOTIFY=DELAY ORCPT=rfc822;o@x' add temp@x.example)
	set_time "$id" created 1
	for want in NOTIFY=FAILURE NOTIFY=NEVER NOTIFY=SUCCESS; do
		id=$(RCPT_PARAMS=$want add temp-2@x.example)
		set_time "$id" created 1
	done
	FROM='' add temp-3@x.example >id
	set_time "$(<id)" created 1
	run_spool --delay-warning 1h --log none
	spool rm "$(<id)"
	reported | cut -d'|' -f 1-4,8- >told
	same told <<<"rfc822;temp@x.example|rfc822;o@x|delayed|4.2.1|text/rfc822-headers|'Subject: test\\n'"
}

@test "RET and 50 kB decide between the whole message and its header" {
	relay
	for ret in '' RET=FULL RET=HDRS; do
		PARAMS=$ret add perm@x.example
	done >ids
	{
		printf 'Subject: long\n\n'
		yes x | head -c 51200
	} | "$BUILD/drv/queue" s add s@b.example perm@x.example >>ids
	run_spool --log none
	reported | cut -d'|' -f 8 | sort >kinds
	same kinds <<-'END'
		message/rfc822
		message/rfc822
		text/rfc822-headers
		text/rfc822-headers
	END
}

@test "a report that fails rests in dead/, and none is made about it" {
	mkdir s
	echo '* relay smtp://x' >s/routes
	chmod 644 s/routes
	FROM=perm@b.example add perm@x.example >/dev/null
	run_spool 2>/dev/null
	run_spool 2>/dev/null
	[ -z "$(ls s/queue)" ]
	[ "$(find s/dead -type f | wc -l)" = 1 ]
}

# The walker (tests/proof) knows one report for each message; here is one of each
# kind.
@test "failing or killed at any call, a run sends or reports each in the end" {
	export ASAN_OPTIONS=detect_leaks=0
	cat >transport <<-'END'
		#!/bin/sh
		tab=$(printf '\t')
		while IFS="$tab" read -r id _ _ _ _ rcpts; do
			IFS=$tab
			for rcpt in $rcpts; do
				case $rcpt in
				*good*) echo good >>log; fate='ok	250	-	no DSN: x' ;;
				*temp*) fate='temp	450	-	x' ;;
				*) fate='perm	550	-	x' ;;
				esac
				printf '%s\t%s\t%s\n' "$id" "${rcpt%% *}" "$fate"
			done
		done
	END
	chmod 755 transport
	before() {
		fresh_spool
		RCPT_PARAMS=NOTIFY=SUCCESS,DELAY,FAILURE add good@x.example \
			temp@x.example perm@x.example >id
		sed -i 's/^created .*/created 00000000001/' s/queue/*
	}
	after() {
		local n
		for n in 1 2; do
			spool retry
			spool run --log none --transport ./transport --delay-warning 1s
		done
		n=$(wc -l <log)
		[ "$n" -eq 1 ] || { [ "$n" -eq 2 ] && [ "$1" -eq 137 ]; }
		sed -n '/^Final-Recipient/{N;s/.*;\(.*\)\nAction: /\1 /p}' reports |
			sort | uniq -c | sed 's/^ *//' >told
		grep -qx '[12] good@x.example relayed' told
		grep -qx '[12] temp@x.example delayed' told
		grep -qx '[12] perm@x.example failed' told
				[ "$(wc -l <told)" -eq 3 ]
		[ "$(sed -n 's/^R \(.\).*/\1/p' s/queue/*."$(<id)".q | tr -d '\n')" = +w! ]
	}
	for call in pwrite64 fsync fdatasync linkat renameat unlinkat; do
		for fault in signal=KILL error=EIO; do
			walk "$call" "$fault" spool run --log none \
				--transport ./transport --delay-warning 1s
		done
	done
}
