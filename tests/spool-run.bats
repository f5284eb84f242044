#!/usr/bin/env bats
# spool run: where mail goes, what becomes of it, who is told.
load lib
load spool

@test "one good, one 550 and one 450: sent, reported, kept" {
	relay
	id=$(message hello | spool add -f s@b.example good@x.example perm@y.example temp@z.example)
	run_spool 2>err
	same log <<-'END'
		args --batch --relay smtp://127.0.0.1:1 --tls=off
		<s@b.example> <good@x.example> hello
		<s@b.example> <perm@y.example> hello
		<s@b.example> <temp@z.example> hello
	END
	plain <err >logged
	same logged <<-'END'
		event=sent id=ID mail_id=ID rcpt=good@x.example code=250 text="2.0.0 queued as 42"
		event=failed id=ID mail_id=ID rcpt=perm@y.example code=550 text="5.1.1 no such user"
		event=deferred id=ID mail_id=ID rcpt=temp@z.example code=450 text="4.2.1 busy"
		event=bounced id=ID mail_id=ID report=ID to=s@b.example
	END
	spool list | plain | sort >listed
	same listed <<-'END'
		  <s@b.example>
		  <temp@z.example> 450 4.2.1 busy
		ID queued TIME 0 1101 <>
		ID queued TIME 1 21 <s@b.example>
	END
	report=$(sed -n 's/.* report=\([0-9a-z]*\) .*/\1/p' err)
	spool show "$report" >report
	python3 - <<-'END' >parsed
		import email, email.policy
		m = email.message_from_binary_file(open("report", "rb"), policy=email.policy.default)
		assert not m.defects, m.defects
		print(m.get_content_type(), m.get_param("report-type"))
		print(m["To"], "|", m["Auto-Submitted"])
		text, status, original = m.iter_parts()
		print(text.get_content_type(), "perm@y.example" in text.get_content())
		for block in status.get_payload():
		    print({k: v for k, v in block.items() if "ID" not in k and "Date" not in k})
		print(original.get_content_type(), repr(original.get_content().as_string()))
	END
	same parsed <<-'END'
		multipart/report delivery-status
		s@b.example | auto-replied
		text/plain True
		{'Reporting-MTA': 'dns;me.example'}
		{'Final-Recipient': 'rfc822;perm@y.example', 'Action': 'failed', 'Status': '5.1.1', 'Diagnostic-Code': 'smtp; 550 5.1.1 no such user'}
		message/rfc822 'Subject: test\n\nhello\n'
	END
	rm log
	run_spool 2>err # the report itself; the deferred one is not due
	sed -i 's/--[0-9a-z]*--$/END/' log
	same log <<-'END'
		args --batch --relay smtp://127.0.0.1:1 --tls=off
		<> <s@b.example> END
	END
}

@test "the null sender is never answered: it rests in dead/" {
	relay
	id=$(message | spool add -f '' perm@x.example)
	run_spool 2>err
	plain <err >logged
	same logged <<-'END'
		event=failed id=ID mail_id=ID rcpt=perm@x.example code=550 text="5.1.1 no such user"
		event=dead id=ID mail_id=ID
	END
	[ -z "$(ls s/queue)" ]
	ls s/dead/*."$id".q
	spool show "$id" >shown
	message | same shown
}

@test "a message is sent to each destination by a transport of its own" {
	message | spool add -f a@b.example good@x.example good@Y.example good-2@x.example >/dev/null
	run_spool -j 1 2>err
	same log <<-'END'
		args --batch --mx --hostname me.example
		<a@b.example> <good@x.example> hi
		<a@b.example> <good-2@x.example> hi
		args --batch --mx --hostname me.example
		<a@b.example> <good@Y.example> hi
	END
	[ "$(spool list)" = "" ]
}

# started TRANSPORTS SEEN: so many have begun, and all of them wait.
started() {
	[ "$(grep -c ^args log)" = "$1" ] && [ "$(grep -vc ^args log)" = "$1" ]
}

@test "what is more than a run has in work at once is tried behind it, each once" {
	plain_build
	relay
	sed -i '1i y.example relay smtp://127.0.0.1:2 --tls=off' s/routes
	for i in 1 2 3 4; do
		message | spool add -f a@b.example "late-$i@x.example"
	done >/dev/null
	for i in 1 2 3 4 5 6 7; do
		message | spool add -f a@b.example "good-$i@y.example"
		message | spool add -f a@b.example "temp-$i@y.example"
	done >/dev/null
	"$BUILD/proof/spool-few" run --hostname me.example -j 2 --transport "$T" \
		--log none &
	PIDS+=($!)
	eventually started 1
	sleep 0.5
	touch go
	wait "${PIDS[0]}"
	grep -v ^args log | sed 's/.*<\(.*\)-[0-9]*@.*/\1/' | uniq -c |
		sed 's/^ *//' >came
	head -n 1 came >first
	[[ $(<first) == [34]" late" ]]
	grep -v ^args log | sort | uniq -c | awk '$1 == 1' | wc -l >count
	echo 18 | same count
	grep -vc ^args log >count
	echo 18 | same count
	[ "$(spool list | grep -c ' queued ')" = 7 ]
}

@test "one connection carries all to a destination, --per-host lets more work at once" {
	# A transport has 64 jobs at most; each waits with its first.
	for i in {1..129}; do
		message | spool add -f a@b.example "late-$i@x.example"
	done >/dev/null
	message | spool add -f a@b.example late@y.example >/dev/null
	run_spool --per-host 9 -j 5 --log none &
	PIDS+=($!)
	eventually started 4
	touch go
	wait "${PIDS[0]}"
	grep -c ^args log >count
	echo 4 | same count
	grep -v ^args log | sort -u | wc -l >count
	echo 130 | same count
	[ -z "$(ls s/queue)" ]
	rm log go
	for i in {1..70}; do
		message | spool add -f a@b.example "late-$i@x.example"
	done >/dev/null
	run_spool --log none &
	PIDS+=($!)
	eventually started 1
	touch go
	wait "${PIDS[1]}"
	grep -c ^args log >count
	echo 1 | same count
}

@test "a message for very many goes in jobs of 1,000 recipients" {
	relay
	cat >transport <<-'END'
		BEGIN { FS = OFS = "\t" }
		{
			print NF - 5 >>"jobs"
			for (i = 6; i <= NF; i++)
				print $1, $i, i % 2 ? "ok" : "temp", i % 2 ? 250 : 450, "-", "x"
			fflush()
		}
	END
	seq 2500 | sed 's/.*/To: r&@x.example/' |
		{ cat && printf '\nhi\n'; } | spool add -t -f a@b.example >/dev/null
	exits 0 spool run --transport 'awk -f transport; :' --log none
	printf '1000\n1000\n500\n' | same jobs
	grep -ac '^R + 250' s/queue/* >count
	grep -ac '^R \. 450' s/queue/* >>count
	printf '1250\n1250\n' | same count
	[ "$(sed -n 's/^tries 0*//p' s/queue/*)" = 1 ]
}

@test "the log has all that the next hop said, so the name it gave the message" {
	relay
	cat >transport <<-'END'
		#!/bin/sh
		tab=$(printf '\t')
		while IFS="$tab" read -r id _ _ _ _ rcpt; do
			printf '%s\t%s\tok\t250\t2.6.0\t%0200d queued as 4F2A\n' \
				"$id" "$rcpt" 7
		done
	END
	chmod +x transport
	message | spool add -f a@b.example c@d.example >/dev/null
	spool run --transport ./transport 2>err
	grep -o '00007 queued as 4F2A"$' err >end
	same end <<<'00007 queued as 4F2A"'
}

@test "routes decide, and what none matches waits with the reason" {
	mkdir s
	cat >s/routes <<-'END'
		# comment
		from:@work.example relay smtp://w --tls=off
		x.example lmtp /run/lmtp
	END
	message | spool add -f a@work.example good@x.example >/dev/null
	message | spool add -f a@b.example good@x.example good@y.example >/dev/null
	run_spool 2>/dev/null
	sort log >sorted
	same sorted <<-'END'
		<a@b.example> <good@x.example> hi
		<a@work.example> <good@x.example> hi
		args --batch --lmtp /run/lmtp
		args --batch --relay smtp://w --tls=off
	END
	spool list | plain >listed
	same listed <<-'END'
		ID queued TIME 1 18 <a@b.example>
		  <good@y.example> no route
	END
}

@test "a bad routes file is 78 and loses nothing" {
	mkdir s
	echo '* nowhere' >s/routes
	message | spool add -f a@b.example good@x.example >/dev/null
	exits 78 run_spool 2>err
	echo 'spool: routes:1: unknown target' | same err
	exits 1 spool health >health
	echo 'trouble: 1 queued, 0 held, 1 due, 0 dead, 0 corrupt; last run: routes:1: unknown target' | same health
	echo '* mx' >s/routes
	chmod 666 s/routes
	exits 78 run_spool 2>err
	echo 'spool: routes: others may write it' | same err
}

@test "a routes file that cannot be read for now is 75" {
	[[ $BUILD == */san* ]] && skip "strace and sanitizers do not mix"
	relay
	exits 75 strace -o /dev/null -P "$PWD/s/routes" -e trace=read \
		-e inject=read:error=EIO spool run --transport "$T" 2>err
	echo 'spool: routes: Input/output error' | same err
}

@test "source routes: our own hops go, the next hop is the destination" {
	message | spool add -f a@b.example '@me.example,@also.example,@next.example:good@z.example' >/dev/null
	message | spool add -f a@b.example '@me.example:good@z.example' >/dev/null
	run_spool -j 1 --local also.example 2>/dev/null
	same log <<-'END'
		args --batch --mx --hostname me.example --local also.example
		<a@b.example> <@next.example:good@z.example> hi
		args --batch --mx --hostname me.example --local also.example
		<a@b.example> <good@z.example> hi
	END
	[ "$(spool list)" = "" ]
}

@test "the first hop's domain and the sender choose among the lines of routes" {
	mkdir s
	cat >s/routes <<-'END'
		.corp.example relay smtp://gateway.corp.example --tls=off
		from:@work.example relay smtp://work
		from:Boss@b.example lmtp /run/boss
		z.example relay smtp://z
		* mx --x y
	END
	chmod 644 s/routes
	for try in 'a@b.example @me.example,@gw.CORP.example,@far:good-1@z.example' \
		'you@WORK.example good-2@z.example' 'boss@B.example good-3@z.example' \
		'a@b.example @ME.example:good-4@Z.example' '<> good-5@other.example' \
		'a@b.example good-6@corp.example' 'you@sub.work.example good-7@y.example'; do
		# shellcheck disable=SC2086 # two words
		set -- $try
		message | spool add -f "$1" "$2" >/dev/null
	done
	run_spool -j 1 --log none
	# A process for each line, for * one for each domain.
	awk '/^args/ { route = $0; next } { print route "|" $0 }' log | sort >seen
	same seen <<-'END'
		args --batch --lmtp /run/boss|<boss@B.example> <good-3@z.example> hi
		args --batch --mx --hostname me.example --x y|<> <good-5@other.example> hi
		args --batch --mx --hostname me.example --x y|<a@b.example> <good-6@corp.example> hi
		args --batch --mx --hostname me.example --x y|<you@sub.work.example> <good-7@y.example> hi
		args --batch --relay smtp://gateway.corp.example --tls=off|<a@b.example> <@gw.CORP.example,@far:good-1@z.example> hi
		args --batch --relay smtp://work|<you@WORK.example> <good-2@z.example> hi
		args --batch --relay smtp://z|<a@b.example> <good-4@Z.example> hi
	END
	grep -c ^args log >count
	echo 7 | same count
}

# fill N: so many more messages like the one in the queue.
fill() {
	python3 - s/queue "$1" <<-'END'
		import os, sys
		os.chdir(sys.argv[1])
		name = min(os.listdir("."))
		due, _, state = name.split(".")
		data = open(name, "rb").read()
		for i in range(int(sys.argv[2])):
		    with open(f"{due}.{i:020d}.{state}", "wb") as f:
		        f.write(data)
	END
}

# peaks COMMAND...: what it takes of memory at most, in KiB.
peaks() {
	rm -f peak
	"$BUILD/drv/peak" peak "$@" >/dev/null
	sed 's/.* //' peak
}

@test "a run with nothing due opens no message, however many wait" {
	relay
	message | spool add --at +1d -f a@b.example good@x.example >/dev/null
	spool run
	strace -f -o few spool run
	small=$(peaks spool run)
	fill 20000
	strace -f -o many spool run
	big=$(peaks spool run)
	for trace in few many; do
		grep -c '"[0-9]*\.[0-9a-z]\{20\}\.q"' $trace || true
	done >count
	printf '0\n0\n' | same count
	# It reads the folder, and that is all.
	for trace in few many; do
		sed -E 's/^[0-9]+ +//; s/\(.*//' $trace | grep -v getdents >$trace.calls
	done
	sanitized || same many.calls <few.calls
	sanitized || [ $((big - small)) -lt 600 ]
}

@test "a list of very many messages takes no more memory than one of few" {
	message | spool add --at +1d -f a@b.example good@x.example >/dev/null
	for form in '' --json; do
		# shellcheck disable=SC2086 # nothing or a word
		peaks spool list $form
	done >few
	fill 20000
	for form in '' --json; do
		# shellcheck disable=SC2086
		peaks spool list $form
		# shellcheck disable=SC2086
		spool list $form | wc -l
	done >many
	sanitized || paste few <(sed -n '1p; 3p' many) |
		awk '$2 - $1 > 600 { exit 1 }'
	sed -n '2p; 4p' many >counts
	printf '40002\n20001\n' | same counts
}

@test "a deliver route runs a handler once a recipient, and takes its verdict" {
	mkdir s
	cat >handler <<-'END'
		#!/bin/sh
		echo "$2 $4 $MAIL_SIZE $(cat | tail -n 1)" >>"$TRANSPORT_LOG"
		case $4 in
		quota*) echo '552 5.2.2 mailbox full'; exit 69 ;;
		lie*) echo '250 2.0.0 fine'; exit 67 ;;
		later*) exit 64 ;;
		esac
	END
	chmod +x handler
	echo "x.example deliver $PWD/handler" >s/routes
	message | spool add -f a@b.example good@x.example quota@x.example lie@x.example later@x.example >/dev/null
	run_spool 2>err
	same log <<-'END'
		a@b.example good@x.example 18 hi
		a@b.example quota@x.example 18 hi
		a@b.example lie@x.example 18 hi
		a@b.example later@x.example 18 hi
	END
	plain <err >logged
	same logged <<-'END'
		event=sent id=ID mail_id=ID rcpt=good@x.example code=250 text="2.0.0 Message accepted"
		event=failed id=ID mail_id=ID rcpt=quota@x.example code=552 text="5.2.2 mailbox full"
		event=failed id=ID mail_id=ID rcpt=lie@x.example code=550 text="5.1.1 No such user here"
		event=deferred id=ID mail_id=ID rcpt=later@x.example code=000 text="4.3.5 the command of the route failed (exit 64)"
		spool: 4.3.5 the command of the route failed (exit 64)
		event=bounced id=ID mail_id=ID report=ID to=a@b.example
	END
}

@test "garbage and results nobody asked for are passed over" {
	relay
	message | spool add -f a@b.example garbage@x.example >/dev/null
	run_spool 2>err
	grep -v '^event=' err | plain >said
	same said <<-'END'
		spool: transport: not a result: no result
		spool: transport: not a result: 
		spool: transport: a result nobody asked for: ID who@where
		spool: transport: a result nobody asked for: unknownid garbage@x.example
		spool: transport: not a result: ID
	END
	[ "$(spool list)" = "" ]
}

@test "an expired message fails with its last reply and is reported" {
	relay
	id=$(message | spool add -f a@b.example temp@x.example)
	set_time "$id" expires 1
	run_spool 2>err
	plain <err >logged
	same logged <<-'END'
		event=deferred id=ID mail_id=ID rcpt=temp@x.example code=450 text="4.2.1 busy"
		event=bounced id=ID mail_id=ID report=ID to=a@b.example
	END
	[ -z "$(compgen -G "s/queue/*.$id.q")" ]
}

@test "the wait doubles from 5 minutes to 4 hours" {
	relay
	id=$(message | spool add -f a@b.example temp@x.example)
	for _ in {0..7}; do
		now=$(date +%s)
		run_spool 2>/dev/null
		due=$(ls s/queue | sed 's/^0*//; s/\..*//')
		echo $((due - now)) >>waits
		spool retry
	done
	python3 - <<-'END'
		base = [300, 600, 1200, 2400, 4800, 9600, 11520, 11520]
		for b, w in zip(base, map(int, open("waits"))):
		    assert b <= w <= b * 1.25 + 2, (b, w)
	END
}

@test "a delay is told once where that is asked for" {
	relay
	id=$(message | spool add -f a@b.example temp@x.example)
	set_time "$id" created 1
	run_spool --delay-warning 1h 2>err
	report=$(sed -n 's/.*event=warned.* report=\([0-9a-z]*\) .*/\1/p' err)
	spool show "$report" | sed -n '/^Action/p; /^Status/p' >report
	printf 'Action: delayed\nStatus: 4.2.1\n' | same report
	spool retry
	run_spool --delay-warning 1h 2>>err
	[ "$(grep -c event=warned err)" = 1 ]
	[ "$(sed -n 's/^R \(.\).*/\1/p' s/queue/*."$id".q)" = w ]
}

@test "run --watch sends what comes while it runs and ends with 0" {
	relay
	message | spool add -f a@b.example good@x.example >/dev/null
	spool run --watch --transport "$T" 2>err &
	pid=$!
	PIDS+=("$pid")
	eventually lines log 2
	message two | spool add -f a@b.example good@x.example >/dev/null
	eventually lines log 4
	eventually sh -c '[ -z "$(ls s/queue)" ]'
	kill -TERM $pid
	wait $pid
}

@test "run --watch wakes when a message becomes due, and to look each minute" {
	plain_build "strace and sanitizers do not mix"
	relay
	message | spool add --at +2s -f a@b.example good@x.example >/dev/null
	strace -o trace -e trace=ppoll -e inject=inotify_init1:error=EMFILE \
		sh -c 'echo $$ >pid && exec spool run --watch --transport "$0" --log none' \
		"$T" 2>err 3>&- &
	strace=$!
	eventually test -s pid
	PIDS+=("$(<pid)")
	eventually lines log 2
	eventually sh -c '[ -z "$(ls s/queue)" ]'
	# Other hosts' messages make no event.
	eventually grep -qE 'tv_sec=(60|59)' trace
	kill -TERM "${PIDS[0]}"
	exits 0 wait "$strace"
}

@test "run --watch whose events cannot be read says so once, and does not spin" {
	plain_build "strace and sanitizers do not mix"
	relay
	strace -o trace -P anon_inode:inotify -e trace=read,ppoll \
		-e inject=read:error=EIO \
		sh -c 'echo $$ >pid && exec spool run --watch --transport "$0"' \
		"$T" 2>err 3>&- &
	strace=$!
	eventually test -s pid
	PIDS+=("$(<pid)")
	eventually grep -q ppoll trace
	message | spool add -f a@b.example good@x.example >/dev/null
	eventually lines log 2
	eventually sh -c '[ -z "$(ls s/queue)" ]'
	kill -TERM "${PIDS[0]}"
	exits 0 wait "$strace"
	grep -v event= err >said
	echo 'spool: watch queue: Input/output error' | same said
	[ "$(grep -c '^read' trace)" = 1 ]
}

@test "run --watch goes by routes as they are when it has nothing to do" {
	relay
	spool run --watch --transport "$T" --log none 2>/dev/null 3>&- &
	PIDS+=($!)
	message one | spool add -f a@b.example good@x.example >/dev/null
	eventually sh -c '[ -e log ] && [ -z "$(ls s/queue)" ]'
	echo '* lmtp /run/other' >s/routes
	message two | spool add -f a@b.example good@x.example >/dev/null
	eventually lines log 4
	kill -TERM "${PIDS[0]}"
	wait "${PIDS[0]}"
	same log <<-'END'
		args --batch --relay smtp://127.0.0.1:1 --tls=off
		<a@b.example> <good@x.example> one
		args --batch --lmtp /run/other
		<a@b.example> <good@x.example> two
	END
}
