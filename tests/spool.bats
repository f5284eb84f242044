#!/usr/bin/env bats
load lib

setup() {
	sandbox
	export MAILPIPE_SPOOL=$PWD/s TRANSPORT_LOG=$PWD/log GO=$PWD/go
	T=$TESTS/transport.py
	PIDS=()
}

teardown() {
	touch "$GO"
	local pid
	for pid in "${PIDS[@]}"; do
		kill -KILL "$pid" 2>/dev/null || true
	done
}

# All mail by one relay route.
relay() {
	mkdir -p s
	echo '* relay smtp://127.0.0.1:1 --tls=off' >s/routes
	chmod 644 s/routes
}

message() { printf 'Subject: test\n\n%s\n' "${1:-hi}"; }

run_spool() { spool run --hostname me.example --transport "$T" "$@"; }

# What was listed or logged, without IDs and times that differ each time.
plain() {
	sed -E 's/\b[0-9a-z]{20}\b/ID/g; s/[0-9]{4}-[0-9-]+T[0-9:]+Z/TIME/g'
}

# Polls for a bounded time.
eventually() {
	local i
	for ((i = 0; i < 500; i++)); do
		"$@" 2>/dev/null && return
		read -rt 0.02 <> <(:) || true
	done
	echo "not within 10 s: $*" >&2
	return 1
}

lines() { [ "$(cat "$1" 2>/dev/null | wc -l)" -ge "$2" ]; }

set_time() { # ID created|expires|tries NUMBER
	python3 - "$PWD"/s/queue/*."$1".* "$2" "$3" <<-'END'
		import sys
		name, field, value = sys.argv[1:]
		data = open(name, "rb").read()
		at = data.index(b"\n" + field.encode()) + len(field) + 2
		width = data.index(b"\n", at) - at
		new = data[:at] + value.zfill(width).encode() + data[at + width:]
		open(name, "r+b").write(new)
	END
}

@test "add prints the queue id and stores envelope and message" {
	id=$(message | spool add -f a@b.example 'c@d.example' '"x y"@e.example')
	[[ $id =~ ^[0-9a-z]{20}$ ]]
	sed -E 's/^(created|expires) [0-9]{11}$/\1 T/' s/queue/*."$id".q |
		sed "s/$id/ID/" >stored
	pad=$(printf '%120s' '')
	same stored <<-END
		mailpipe-queue 1 00000429 0000000000000018
		created T
		expires T
		tries 00000
		trace ID
		F <a@b.example>
		R . 000 $pad <c@d.example>
		R . 000 $pad <"x y"@e.example>

		Subject: test

		hi
	END
	[ -z "$(find s/tmp s/dead s/corrupt -type f)" ]
	[ "$(stat -c %a s s/queue s/queue/* | tr '\n' ' ')" = "700 700 600 " ]
}

@test "CRLF becomes LF, Bcc goes, and other octets stay" {
	id=$(printf 'Bcc: x@y.example\r\nTo: b\r\nRESENT-BCC: q\r\n more\r\n\r\n\377.\r\n.\nno end' |
		spool add -f '' c@d.example)
	spool show "$id" >shown
	printf 'To: b\n\n\377.\n.\nno end' | same shown
}

@test "mail in transit keeps its Bcc and its MAIL_ID" {
	id=$(printf 'Bcc: x@y\n\nhi\n' | MAIL_ID=abc1 spool add -f '<>' -- Postmaster 2>log.txt)
	spool show "$id" >shown
	printf 'Bcc: x@y\n\nhi\n' | same shown
	plain <log.txt >logged
	same logged <<-'END'
		event=queued id=ID mail_id=abc1 sender="" rcpts=1
	END
	[ "$(sed -n 's/^trace //p' s/queue/*)" = abc1 ]
}

@test "-t takes the recipients of the header, each once" {
	id=$(printf 'To: A <a@x.example>,\n b@x.example\nCc: a@X.example\nBcc: c@x.example\n\nhi\n' |
		spool add -t -f s@x.example d@x.example)
	spool list | plain >listed
	same listed <<-'END'
		ID queued TIME 0 54 <s@x.example>
		  <d@x.example>
		  <a@x.example>
		  <b@x.example>
		  <c@x.example>
	END
}

@test "add refuses what must not enter, each with its exit code" {
	exits 64 spool add -f a@b.example <<<hi 2>err
	exits 65 spool add -f a@b.example 'c d@e.example' <<<hi 2>>err
	exits 65 spool add -f 'a b@c' c@d.example <<<hi 2>>err
	printf 'Subject: x\n\na\0b' | exits 65 spool add c@d.example 2>>err
	printf 'Subject: x\n\r\nab\rc\n' | exits 65 spool add c@d.example 2>>err
	exits 65 spool add c@d.example </dev/null 2>>err
	printf 'To: ()\n\n' | exits 65 spool add -t 2>>err
	printf '12345' | exits 75 spool add --size 6 c@d.example 2>>err
	exits 75 spool add c@d.example <"$PWD" 2>>err
	exits 64 spool add --at never c@d.example <<<hi 2>>err
	exits 64 spool 2>>err
	exits 64 spool frobnicate 2>>err
	head -n 8 err >first
	same first <<-'END'
		spool: no recipient (try --help)
		spool: recipient: no address: c d@e.example
		spool: sender: no address: a b@c
		spool: add: NUL at byte 13: such a message is refused
		spool: add: bare CR at byte 15: such a message is refused
		spool: add: empty message (--allow-empty)
		spool: add: header: no recipient
		spool: add: 5 octets came, not 6
	END
	[ "$(spool list)" = "" ]
	[ "$(ls s/tmp)" = "" ]
}

@test "over 100 hops are a loop: 69 and the reply on stdout" {
	yes 'Received: x' | head -n 60 >m
	yes 'delivered-to: x' | head -n 41 >>m
	exits 69 spool add c@d.example <m >out 2>err
	echo '554 5.4.6 Too many hops: the message loops' | same out
	echo 'spool: add: 554 5.4.6 Too many hops: the message loops' | same err
	sed -i 1d m
	spool add c@d.example <m >out
	[[ $(<out) =~ ^[0-9a-z]{20}$ ]]
}

@test "an empty message is kept with --allow-empty and arrives empty" {
	relay
	id=$(spool add --allow-empty -f a@b.example c@d.example </dev/null)
	spool show "$id" >shown
	same shown </dev/null
}

@test "\$EMAIL with a name is the sender, without the name" {
	message | EMAIL='"B, Ann" <ann@y.example>' spool add good@x.example >/dev/null
	spool list | sed -n '1s/.* //p' >sender
	echo '<ann@y.example>' | same sender
	EMAIL='ann@y.example, bob' exits 65 spool add good@x.example <<<hi 2>err
	echo 'spool: sender: no address: ann@y.example, bob' | same err
}

@test "--at, --hold and --expires: held and later messages are not tried" {
	relay
	message | spool add --at +1h -f a@b.example good@x.example >ids
	message | spool add --hold -f a@b.example good@x.example >>ids
	run_spool
	[ ! -e log ]
	spool list | plain | sort >listed
	same listed <<-'END'
		  <good@x.example>
		  <good@x.example>
		ID held TIME 0 18 <a@b.example>
		ID queued TIME 0 18 <a@b.example>
	END
	id=$(message | spool add --expires 10 -f a@b.example good@x.example)
	python3 - s/queue/*."$id".q <<-'END'
		import sys, re
		h = open(sys.argv[1]).read()
		c, e = (int(re.search(k + r" (\d+)", h)[1]) for k in ("created", "expires"))
		assert e - c == 10, (c, e)
	END
}

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
		args --batch --mx
		<a@b.example> <good@x.example> hi
		<a@b.example> <good-2@x.example> hi
		args --batch --mx
		<a@b.example> <good@Y.example> hi
	END
	[ "$(spool list)" = "" ]
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

@test "source routes: our own hops go, the next hop is the destination" {
	message | spool add -f a@b.example '@me.example,@also.example,@next.example:good@z.example' >/dev/null
	message | spool add -f a@b.example '@me.example:good@z.example' >/dev/null
	run_spool -j 1 --local also.example 2>/dev/null
	same log <<-'END'
		args --batch --mx
		<a@b.example> <@next.example:good@z.example> hi
		args --batch --mx
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
		args --batch --mx --x y|<> <good-5@other.example> hi
		args --batch --mx --x y|<a@b.example> <good-6@corp.example> hi
		args --batch --mx --x y|<you@sub.work.example> <good-7@y.example> hi
		args --batch --relay smtp://gateway.corp.example --tls=off|<a@b.example> <@gw.CORP.example,@far:good-1@z.example> hi
		args --batch --relay smtp://work|<you@WORK.example> <good-2@z.example> hi
		args --batch --relay smtp://z|<a@b.example> <good-4@Z.example> hi
	END
	grep -c ^args log >count
	echo 7 | same count
}

@test "a run with nothing due opens no message" {
	relay
	for _ in 1 2 3; do
		message | spool add --at +1d -f a@b.example good@x.example >/dev/null
	done
	strace -f -o trace -e trace=open,openat spool run
	grep -c '"[0-9]*\.[0-9a-z]\{20\}\.q"' trace >count || true
	echo 0 | same count
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
		event=deferred id=ID mail_id=ID rcpt=later@x.example code=451 text="4.3.0 Temporary trouble, try again later (exit 64)"
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

@test "what a dead transport leaves unanswered is unsure and tried again" {
	relay
	message | spool add -f a@b.example good@x.example kill@x.example >/dev/null
	run_spool 2>/dev/null
	spool list | plain >listed
	same listed <<-'END'
		ID queued TIME 1 18 <a@b.example>
		  <kill@x.example> unsure: transport ended with status 137
	END
	spool retry
	rm log
	run_spool 2>/dev/null
	same log <<-'END'
		args --batch --relay smtp://127.0.0.1:1 --tls=off
		<a@b.example> <kill@x.example> hi
	END
}

@test "--unsure=hold keeps it until someone releases it" {
	relay
	id=$(message | spool add -f a@b.example unsure@x.example)
	run_spool --unsure hold 2>/dev/null
	spool list | plain >listed
	same listed <<-'END'
		ID held TIME 0 18 <a@b.example>
		  <unsure@x.example> unsure: lost after the final dot
	END
	rm log
	spool release "$id"
	spool list | plain >listed
	same listed <<-'END'
		ID queued TIME 0 18 <a@b.example>
		  <unsure@x.example> lost after the final dot
	END
	run_spool --unsure hold 2>/dev/null
	lines log 2
}

@test "a transport that cannot run or refuses its options bounces nothing" {
	relay
	message | spool add -f a@b.example good@x.example >/dev/null
	for cmd in /nonexistent 'exit 64; :' 'exit 78; :'; do
		exits 0 spool run --transport "$cmd" 2>/dev/null
		spool retry
	done
	spool list | plain >listed
	same listed <<-'END'
		ID queued TIME 3 18 <a@b.example>
		  <good@x.example> transport ended with status 78
	END
}

@test "of a transport that dies only the jobs that it was given are unsure" {
	relay
	# A line over the pipe's 64 KiB: of the second one some stays here.
	label=$(printf 'd%.0s' {1..60})
	many=$(printf "%040d@$label.$label.$label.example " {1..300})
	# shellcheck disable=SC2086 # a list of words
	for _ in 1 2; do
		message | spool add -f a@b.example $many >/dev/null
	done
	exits 0 spool run --transport 'read -r job; exit 77; :' 2>/dev/null
	spool list | grep -o 'unsure: .*\|transport .*' | sort | uniq -c >counts
	same counts <<-'END'
		    300 transport ended with status 77
		    300 unsure: transport ended with status 77
	END
}

@test "a transport that hangs is ended after --timeout, others go on" {
	message | spool add -f a@b.example hang@x.example good@y.example >/dev/null
	run_spool --timeout 1 2>/dev/null
	spool list | plain >listed
	same listed <<-'END'
		ID queued TIME 1 18 <a@b.example>
		  <hang@x.example> unsure: transport ended by signal 9
	END
}

@test "a transport without any answer at its end leaves them unsure" {
	relay
	message | spool add -f a@b.example mute@x.example >/dev/null
	run_spool 2>/dev/null
	spool list | plain >listed
	same listed <<-'END'
		ID queued TIME 1 18 <a@b.example>
		  <mute@x.example> unsure: transport ended with status 0
	END
}

@test "two runners at once never send twice" {
	relay
	for i in {1..150}; do
		message "m$i" | spool add -f a@b.example good@x.example
	done >/dev/null
	run_spool 2>/dev/null &
	run_spool 2>/dev/null
	wait
	grep -v ^args log | sort | uniq -c | awk '{ n++; if ($1 > 1) d++ } END { print n, d + 0 }' >counted
	echo '150 0' | same counted
	[ "$(spool list)" = "" ]
}

@test "the transport that outlives its runner keeps the claim" {
	relay
	id=$(message | spool add -f a@b.example late@x.example)
	run_spool 2>/dev/null &
	runner=$!
	PIDS+=("$runner")
	eventually lines log 2
	# 'spool run' itself, not the subshell that bats made of the function.
	pkill -KILL -P "$runner" spool || kill -KILL "$runner"
	wait "$runner" 2>/dev/null || true
	exits 75 spool rm "$id" 2>err
	echo "spool: rm $id: it is being sent now" | same err
	exits 75 spool hold "$id" 2>err
	run_spool 2>/dev/null
	lines log 2 && ! lines log 4
	touch go
	eventually spool hold "$id"
	spool list | plain >listed
	same listed <<-'END'
		ID held TIME 0 18 <a@b.example>
		  <late@x.example>
	END
}

@test "killed between a report and its mark: reported again, never lost" {
	relay
	id=$(message | spool add -f a@b.example perm@x.example)
	# As such a kill leaves it: failed, the report queued, not yet marked.
	python3 - s/queue/*."$id".q <<-'END'
		import sys
		d = open(sys.argv[1], "r+b").read()
		at = d.index(b"\nR . ") + 3
		f = open(sys.argv[1], "r+b")
		f.seek(at)
		f.write(b"- 550 " + b"5.1.1 gone".ljust(120))
	END
	run_spool 2>err
	[ ! -e log ]
	plain <err >logged
	same logged <<-'END'
		event=bounced id=ID mail_id=ID report=ID to=a@b.example
	END
	[ -z "$(compgen -G "s/queue/*.$id.q")" ]
}

@test "a message all sent but not removed is removed, not sent again" {
	relay
	id=$(message | spool add -f a@b.example good@x.example)
	sed -i 's/^R \. 000/R + 250/' s/queue/*."$id".q
	run_spool
	[ ! -e log ]
	[ -z "$(ls s/queue)" ]
}

@test "what is sent but cannot be removed is not sent again" {
	export ASAN_OPTIONS=detect_leaks=0
	relay
	message | spool add -f a@b.example good@x.example ok@x.example >/dev/null
	exits 75 strace -o trace -e trace=unlinkat -e inject=unlinkat:error=EROFS \
		spool run --transport "$T" --log none 2>/dev/null
	grep -c INJECTED trace >count
	echo 1 | same count
	rm log
	run_spool
	[ ! -e log ]
	[ -z "$(ls s/queue)" ]
}

@test "corrupt, empty and foreign files are set aside" {
	relay
	id=$(message | spool add -f a@b.example good@x.example)
	name=$(ls s/queue)
	head -c 100 "s/queue/$name" >"s/queue/00000000001.${id/%?/0}.q"
	: >"s/queue/00000000002.${id/%?/1}.q"
	echo more | cat "s/queue/$name" - >"s/queue/00000000003.${id/%?/2}.q"
	ln -s /etc/passwd "s/queue/00000000004.${id/%?/3}.q"
	mkfifo "s/queue/00000000005.${id/%?/4}.q"
	mkdir "s/queue/00000000006.${id/%?/5}.q"
	echo x >s/queue/README
	run_spool 2>err
	[ -z "$(ls s/queue)" ]
	ls s/corrupt | plain | sort >aside
	same aside <<-'END'
		00000000001.ID.q
		00000000002.ID.q
		00000000003.ID.q
		00000000004.ID.q
		00000000005.ID.q
		00000000006.ID.q
		README
	END
	lines log 2
	exits 1 spool health >health
	echo 'trouble: 0 queued, 0 held, 0 due, 0 dead, 7 corrupt' | same health
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
	for i in {0..7}; do
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

@test "hold, release, retry and rm, by id" {
	id=$(message | spool add --at +1h -f a@b.example c@d.example)
	spool hold "$id"
	spool list | cut -d' ' -f2 | head -n 1 >state
	spool release "$id"
	spool list | cut -d' ' -f2 | head -n 1 >>state
	printf 'held\nqueued\n' | same state
	spool health >health
	spool retry "$id"
	spool health >>health
	same health <<-'END'
		ok: 1 queued, 0 held, 0 due, 0 dead, 0 corrupt
		ok: 1 queued, 0 held, 1 due, 0 dead, 0 corrupt
	END
	spool rm "$id"
	[ -z "$(ls s/queue)" ]
	for c in rm hold release retry show; do
		exits 66 spool $c "$id" 2>err
		echo "spool: $c $id: no such message" | same err
		exits 64 spool $c ../x 2>err
		echo "spool: no queue id: ../x" | same err
	done
}

@test "health says since when mail is overdue" {
	id=$(message | spool add -f a@b.example c@d.example)
	mv s/queue/* "s/queue/01000000000.$id.q"
	exits 1 spool health >health
	echo 'trouble: 1 queued, 0 held, 1 due, 0 dead, 0 corrupt; due since 2001-09-09T01:46:40Z' | same health
}

@test "list, show and health create nothing" {
	spool list >out
	same out </dev/null
	spool health >out
	echo 'ok: no spool' | same out
	exits 66 spool show aaaaaaaaaaaaaaaaaaaa 2>/dev/null
	[ ! -e s ]
	mkdir s
	echo '* mx' >s/routes
	spool list
	[ "$(ls s)" = routes ]
}

@test "list --json is a line of JSON a message, also for odd octets" {
	relay
	id=$(message | spool add -f a@b.example temp@x.example '"q\"\\"@y.example')
	python3 - s/queue/*."$id".q <<-'END'
		import sys
		d = open(sys.argv[1], "r+b").read()
		f = open(sys.argv[1], "r+b")
		f.seek(d.index(b"\nR . ") + 3)
		f.write(b". 450 " + b"busy \xff \xc2\x9b \x1b \xc3\xa4 \"".ljust(120))
	END
	spool list --json | python3 -c 'import json, sys
m = json.load(sys.stdin)
print(m["state"], m["sender"], m["size"])
for r in m["recipients"]:
    print([r[k] for k in sorted(r)])' | cat -v >shown
	same shown <<-'END'
		queued a@b.example 18
		['temp@x.example', 450, 'pending', 'busy M-CM-? \x9b \x1b M-CM-$ "']
		['"q\\"\\\\"@y.example', 0, 'pending', '']
	END
	spool list | tail -n 2 | cat -v >shown
	same shown <<-'END'
		  <temp@x.example> 450 busy \xff \xc2\x9b \x1b M-CM-$ "
		  <"q\"\\"@y.example>
	END
}

@test "a full disk is 75 and leaves nothing" {
	mkdir s
	spool -d s list
	(
		ulimit -f 8
		head -c 100000 /dev/zero | tr '\0' x | exits 75 spool add c@d.example 2>err
	)
	[ -z "$(find s/queue s/tmp -type f)" ]
	echo 'spool: add: write: File too large' | same err
}

@test "a spool whose parent is missing is 75" {
	exits 75 spool -d no/such/s add c@d.example <<<hi 2>err
	echo 'spool: open spool no/such/s: No such file or directory' | same err
}

@test "SIGTERM while a message comes in leaves nothing, with 75" {
	mkfifo pipe
	spool add c@d.example <pipe &
	pid=$!
	exec 9>pipe
	echo hi >&9
	eventually sh -c 'ls s/tmp/* >/dev/null'
	kill -TERM $pid
	got=0
	wait $pid || got=$?
	exec 9>&-
	[ $got = 75 ]
	[ -z "$(find s/tmp s/queue -type f)" ]
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

@test "SIGTERM ends a run with 75 once what was begun has its result" {
	relay
	message | spool add -f a@b.example late@x.example >/dev/null
	spool run --transport "$T" 2>/dev/null &
	pid=$!
	PIDS+=("$pid")
	eventually lines log 2
	kill -TERM $pid
	touch go
	got=0
	wait $pid || got=$?
	[ $got = 75 ]
	[ "$(spool list)" = "" ]
}

@test "as root every command becomes the owner of the spool" {
	[ "$(id -u)" = 0 ] || skip "needs root"
	chmod 755 "$BATS_TEST_TMPDIR"
	mkdir s
	chown 65534:65534 s
	message | spool add -f a@b.example c@d.example >/dev/null
	stat -c %u s/queue s/queue/* >owners
	printf '65534\n65534\n' | same owners
}

@test "--help fits a screen and --version names the program" {
	spool --help >help
	[ "$(wc -l <help)" -le 24 ]
	[ "$(wc -L <help)" -le 80 ]
	spool --version >version
	grep -qx 'spool (mailpipe) .*' version
}
