#!/usr/bin/env bats
# smtp-recv --lmtp (RFC 2033): a verdict for each recipient, in every sink.

load lib

setup() {
	sandbox
	mkdir -p {ann,bob,cid}/{tmp,new,cur}
	for user in ann bob cid; do
		echo "$user@host.example $PWD/$user/"
	done >mailboxes
	export TMPDIR=$BATS_TEST_TMPDIR
}

teardown() {
	[ -z "$server" ] || { kill "$server" && wait "$server"; } || :
}

# lmtp ARGS < dialogue, LF: the replies behind that to LHLO.
lmtp() {
	{
		echo 'LHLO me.example'
		cat
	} | crlf | smtp-recv --lmtp --hostname host.example "$@" 2>log |
		tr -d '\r' | sed '1,/^250 E/d' | normal
}

normal() {
	sed -E 's/(id|as) [0-9a-z]{20}/\1 ID/
		s/^\t/  /
		s/[A-Z][a-z]{2}, [0-9]{1,2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} .0000/DATE/'
}

# letter RCPT... : the transaction of a short message.
letter() {
	echo 'MAIL FROM:<a@b.example>'
	printf 'RCPT TO:<%s@host.example>\n' "$@"
	printf 'DATA\nSubject: x\n\n..dot\n.\n'
}

# listen ARGS: starts a listener on a socket in the file system.
listen() {
	smtp-recv --lmtp --hostname host.example --listen "$PWD/socket" "$@" \
		2>listen.log &
	server=$!
	eventually [ -S socket ]
}

@test "each mailbox has a verdict of its own, and who is named twice one message" {
	rm -r bob
	{
		letter ann bob nobody cid ann
		echo QUIT
	} | lmtp --mailboxes mailboxes >got
	same got <<-'EOF'
		250 2.1.0 OK
		250 2.1.5 OK
		250 2.1.5 OK
		550 5.1.1 No such user here
		250 2.1.5 OK
		250 2.1.5 OK
		354 End data with <CRLF>.<CRLF>
		250 2.0.0 delivered as ID
		451 4.3.0 Temporary trouble, try again later
		250 2.0.0 delivered as ID
		250 2.0.0 As before
		221 2.0.0 Bye
	EOF
	find ann cid -type f | sed 's,[^/]*$,,' >got
	same got <<-'EOF'
		ann/new/
		cid/new/
	EOF
	grep -oE 'event=[a-z]+| to=[^ ]+' log | paste - - >got
	same got <<-'EOF'
		event=refused	 to=nobody@host.example
		event=received	 to=<ann@host.example>
		event=failed	 to=<bob@host.example>
		event=received	 to=<cid@host.example>
	EOF
	normal <cid/new/* >got
	same got <<-'EOF'
		Return-Path: <a@b.example>
		Delivered-To: cid@host.example
		Received: from me.example (unknown)
		  by host.example with LMTP id ID; DATE
		Subject: x

		.dot
	EOF
}

@test "a message for one mailbox goes into its file, for several by way of another" {
	export TMPDIR=$PWD/none
	{
		letter ann ann
		letter ann bob
		echo QUIT
	} | lmtp --mailboxes mailboxes >got
	same got <<-'EOF'
		250 2.1.0 OK
		250 2.1.5 OK
		250 2.1.5 OK
		354 End data with <CRLF>.<CRLF>
		250 2.0.0 delivered as ID
		250 2.0.0 delivered as ID
		250 2.1.0 OK
		250 2.1.5 OK
		250 2.1.5 OK
		451 4.3.0 Temporary trouble, try again later
		500 5.5.2 Unknown command
		500 5.5.2 Unknown command
		500 5.5.2 Unknown command
		500 5.5.2 Unknown command
		221 2.0.0 Bye
	EOF
	find ann bob -type f | sed 's,[^/]*$,,' >got
	echo ann/new/ | same got
}

@test "a command is run once for each recipient, and each exit status counts" {
	cat >handler <<-'EOF'
		#!/bin/sh
		cat >"message.$4"
		echo "$* $PROTOCOL $MAIL_SIZE" >>calls
		case $4 in
		bob*) exit 67 ;;
		cid*) echo '452 4.2.2 full' && exit 75 ;;
		esac
	EOF
	chmod +x handler
	letter ann bob cid | lmtp -- ./handler | tail -n 3 >got
	same got <<-'EOF'
		250 2.0.0 accepted as ID
		550 5.1.1 No such user here
		452 4.2.2 full
	EOF
	size=$(stat -c %s message.ann@host.example)
	for user in ann bob cid; do
		echo "-f a@b.example -- $user@host.example LMTP $size"
		cmp message.ann@host.example message.$user@host.example
	done | same calls
	[ "$(sed -n '/^Subject/,$p' message.cid@host.example)" = \
		$'Subject: x\n\n.dot' ]
}

@test "a program of the table takes its recipient among others" {
	[ "$EUID" -eq 0 ] && skip_root=1
	cat >program <<-'EOF'
		#!/bin/sh
		cat >"${0%/*}/filed"
	EOF
	chmod +x program
	echo "dan@host.example |$PWD/program" >>mailboxes
	letter ann dan cid | lmtp --mailboxes mailboxes | tail -n 3 >got
	if [ -n "$skip_root" ]; then
		# No program runs as root.
		same got <<-'EOF'
			250 2.0.0 delivered as ID
			451 4.3.0 Temporary trouble, try again later
			250 2.0.0 delivered as ID
		EOF
		return
	fi
	same got <<-'EOF'
		250 2.0.0 delivered as ID
		250 2.0.0 accepted as ID
		250 2.0.0 delivered as ID
	EOF
	sed -n 1p filed >got
	same got <<<'Delivered-To: dan@host.example'
}

@test "the queue takes a message once and says so to each" {
	letter ann bob ann | lmtp --spool spool | tail -n 3 >got
	same got <<-'EOF'
		250 2.0.0 queued as ID
		250 2.0.0 queued as ID
		250 2.0.0 queued as ID
	EOF
	[ "$(find spool/queue -type f | wc -l)" -eq 1 ]
	[ "$(grep -c '^R ' spool/queue/*)" -eq 2 ]
}

@test "submission is by SMTP" {
	exits 64 smtp-recv --lmtp --submission --auth true --spool spool 2>err
	same err <<<'smtp-recv: either --submission or --lmtp, not both'
}

@test "what is refused is refused to each, and nothing is left of it" {
	letter ann bob | sed 's/^\.\.dot/a\r.b/' |
		lmtp --mailboxes mailboxes | tail -n 2 >got
	letter ann bob | lmtp --max-size 5 --mailboxes mailboxes | tail -n 2 >>got
	letter ann bob | head -n -1 | lmtp --mailboxes mailboxes | tail -n 1 >>got
	same got <<-'EOF'
		550 5.5.2 Bare CR or LF in message; lines end in CRLF
		550 5.5.2 Bare CR or LF in message; lines end in CRLF
		552 5.3.4 Message is too big
		552 5.3.4 Message is too big
		354 End data with <CRLF>.<CRLF>
	EOF
	find ann bob -type f >left
	same left </dev/null
}

@test "Python's LMTP client and our own spool deliver into its socket" {
	listen --mailboxes mailboxes
	python3 - >got <<-'END'
	import os, smtplib
	c = smtplib.LMTP(os.path.abspath("socket"))
	print(c.sendmail("a@b.example", ["ann@host.example"], "From: a\r\n\r\npy\r\n"))
	print(c.quit())
	END
	same got <<-'EOF'
		{}
		(221, b'2.0.0 Bye')
	EOF
	mkdir spool
	echo "host.example lmtp $PWD/socket" >spool/routes
	printf 'From: a\n\nspool\n' | spool -d spool add -f a@b.example -- \
		{ann,nobody,bob}@host.example >id
	spool -d spool run 2>run.log
	for user in ann bob cid; do
		echo "$user: $(find $user/new -type f -exec tail -qn1 {} + | sort | paste -sd ' ')"
	done >got
	same got <<-'EOF'
		ann: py spool
		bob: spool
		cid: 
	EOF
	grep -h '^Final-Recipient\|^Status' spool/queue/* >got
	same got <<-'EOF'
		Final-Recipient: rfc822;nobody@host.example
		Status: 5.1.1
	EOF
}
