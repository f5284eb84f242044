#!/usr/bin/env bats
load lib
load spool

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

@test "what Bcc leaves on top passes for no From_ line" {
	id=$(printf 'Bcc: x@y.example\nFrom here on\nA: 1\n' |
		spool add -f a@b.example c@d.example)
	spool show "$id" >shown
	printf '\nFrom here on\nA: 1\n' | same shown
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

@test "--notify, --ret and --envid say what reports are wanted" {
	id=$(printf 'To: e@f.example\n\nhi\n' | spool add -t -f a@b.example \
		--notify Success,delay --ret hdrs --envid 'a+b =c' \
		--ret FULL c@d.example)
	sed -n 's/  */ /g; /^[FR] /p' s/queue/*."$id".q >envelope
	same envelope <<-'END'
		F <a@b.example> RET=FULL ENVID=a+2Bb+20+3Dc
		R . 000 <c@d.example> NOTIFY=SUCCESS,DELAY
		R . 000 <e@f.example> NOTIFY=SUCCESS,DELAY
	END
	for wish in notify=never,delay notify=delay,delay notify= notify=all \
		'notify=delay,' ret=both envid= "envid=$(printf '%0101d' 1)" \
		$'envid=a\nb' envid=ü; do
		exits 64 spool add --"$wish" c@d.example <<<hi 2>err
		exits 64 sendmail -"$(tr nre NRV <<<"${wish:0:1}")" "${wish#*=}" \
			c@d.example <<<hi 2>/dev/null
		sed -n "s/: bad value .*//p" err >what
		echo "spool: --${wish/=*/}" | same what
	done
	[ "$(find s/queue -type f | wc -l)" = 1 ]
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

@test "what is queued is not failed by an id that nobody takes, or by a signal" {
	spool add c@d.example <<<hi >/dev/full 2>err
	id=$(basename s/queue/*.q | cut -d . -f 2)
	echo "spool: write stdout: No space left on device: $id" | same err
	[[ $BUILD == */san* ]] && skip "strace and sanitizers do not mix"
	for sign in TERM INT HUP; do
		strace -o /dev/null -e trace=renameat2 \
			-e "inject=renameat2:signal=$sign" spool add c@d.example <<<hi
		strace -o /dev/null -e trace=renameat2 \
			-e "inject=renameat2:signal=$sign" \
			"$BUILD/bin/sendmail" -i c@d.example <<<hi
	done
	[ "$(find s/queue -type f | wc -l)" -eq 7 ]
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

@test "as root every command becomes the owner of the spool" {
	[ "$EUID" = 0 ] || skip "needs root"
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
