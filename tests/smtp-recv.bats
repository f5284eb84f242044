#!/usr/bin/env bats
# smtp-recv: whole dialogues, whom it receives for, where messages go.

load lib
load recv

setup() {
	sandbox
	one_box
	export MAILPIPE_SPOOL=$PWD/forwards
}

# recv ARGS < dialogue, LF: the replies behind the greeting's and EHLO's, LF,
# with ids and dates made equal.
recv() {
	local code=0
	sed $'1i EHLO me.example\r\n; s/$/\r/' |
		smtp-recv --log none --hostname host.example "$@" >replies ||
		code=$?
	sed -E "s/\r//g; 1,/^250 E/d; $normal" replies
	return $code
}

normal='s/(id|as) [0-9a-z]{20}/\1 ID/
	s/^\t/  /
	s/[A-Z][a-z]{2}, [0-9]{1,2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} .0000/DATE/'
normal() {
	sed -E "$normal"
}

# letter RCPT... : the transaction of a short message.
letter() {
	echo 'MAIL FROM:<a@b.example>'
	printf 'RCPT TO:<%s>\n' "$@"
	printf 'DATA\nSubject: x\n\n..dot\ntext\n.\n'
}

@test "a whole session in clear is this one, byte for byte" {
	printf '%s\r\n' 'EHLO me.example' 'MAIL FROM:<a@b.example> BODY=8BITMIME' \
		'RCPT TO:<c@host.example>' DATA 'Subject: x' '' text . QUIT |
		smtp-recv --log none --hostname host.example --spool spool |
		normal >got
	crlf <<-'EOF' | same got
		220 host.example ESMTP mailpipe
		250-host.example
		250-PIPELINING
		250-SIZE 104857600
		250-8BITMIME
		250-SMTPUTF8
		250-CHUNKING
		250-DSN
		250 ENHANCEDSTATUSCODES
		250 2.1.0 OK
		250 2.1.5 OK
		354 End data with <CRLF>.<CRLF>
		250 2.0.0 queued as ID
		221 2.0.0 Bye
	EOF
}

@test "a message goes into the mailbox with its trace fields on top" {
	letter c@host.example | recv --mailboxes mailboxes >got
	same got <<-'EOF'
		250 2.1.0 OK
		250 2.1.5 OK
		354 End data with <CRLF>.<CRLF>
		250 2.0.0 delivered as ID
	EOF
	normal <box/new/* >message
	same message <<-'EOF'
		Return-Path: <a@b.example>
		Delivered-To: c@host.example
		Received: from me.example (unknown)
		  by host.example with ESMTP id ID
		  for <c@host.example>; DATE
		Subject: x

		.dot
		text
	EOF
	[ -z "$(ls box/tmp)" ]
}

@test "a message goes into the queue with its envelope, and the id names it" {
	{
		echo 'MAIL FROM:<> BODY=8BITMIME'
		printf 'RCPT TO:<%s>\n' c@host.example d@host.example
		printf 'DATA\nbody at once\n.\n'
	} | recv --spool spool >got
	id=$(sed -n 's/.*queued as \([0-9a-z]*\)\r/\1/p' replies)
	[ -n "$(echo spool/queue/*."$id".q)" ]
	sed -n '/^F/,$p' spool/queue/*."$id".q | normal | sed "s/ \{30,\}/ /" >message
	same message <<-'EOF'
		F <> BODY=8BITMIME
		R . 000 <c@host.example>
		R . 000 <d@host.example>

		Received: from me.example (unknown)
		  by host.example with ESMTP id ID; DATE

		body at once
	EOF
}

@test "what SMTPUTF8 and DSN said is kept in the queue, and with says UTF8SMTP" {
	{
		echo 'MAIL FROM:<jörg@b.example> RET=HDRS SMTPUTF8 ENVID=a+2Bb'
		echo 'RCPT TO:<ann@host.example> ORCPT=utf-8;änn@d.example NOTIFY=DELAY,FAILURE'
		echo 'RCPT TO:<bücher@host.example> NOTIFY=NEVER'
		printf 'DATA\nbody\n.\n'
	} | recv --spool spool >got
	sed -n '/^F/,/^\tby/p' spool/queue/* | normal |
		sed "s/ \{30,\}/ /" >message
	same message <<-'EOF'
		F <jörg@b.example> SMTPUTF8 RET=HDRS ENVID=a+2Bb
		R . 000 <ann@host.example> NOTIFY=FAILURE,DELAY ORCPT=utf-8;änn@d.example
		R . 000 <bücher@host.example> NOTIFY=NEVER

		Received: from me.example (unknown)
		  by host.example with UTF8SMTP id ID; DATE
	EOF
	for sink in '--mailboxes mailboxes' '-- true'; do
		printf '%s\n' 'MAIL FROM:<a@b.example> RET=HDRS' \
			'MAIL FROM:<a@b.example>' \
			'RCPT TO:<c@host.example> NOTIFY=NEVER' >session
		# shellcheck disable=SC2086
		recv $sink <session
	done >got
	same got <<-'EOF'
		555 5.5.4 Unknown parameter
		250 2.1.0 OK
		555 5.5.4 Unknown parameter
		555 5.5.4 Unknown parameter
		250 2.1.0 OK
		555 5.5.4 Unknown parameter
	EOF
}

@test "a report goes by what DSN asked for, and by nothing that was injected" {
	mkdir spool
	echo '* deliver sh -c "exit 67"' >spool/routes
	{
		echo 'MAIL FROM:<a@b.example> RET=HDRS ENVID=a+2Bb+20c'
		echo 'RCPT TO:<ann@host.example> ORCPT=rfc822;x+2By@d.example'
		echo 'RCPT TO:<bob@host.example> NOTIFY=NEVER'
		echo 'RCPT TO:<cid@host.example> NOTIFY=DELAY,SUCCESS'
		echo 'RCPT TO:<dan@host.example> NOTIFY=FAILURE'
		echo 'RCPT TO:<eve@host.example> ORCPT=rfc822;e+0AX-Y:+20z'
		printf 'DATA\nSubject: x\n\nbody\n.\n'
	} | recv --spool spool >got
	same got <<-'EOF'
		250 2.1.0 OK
		250 2.1.5 OK
		250 2.1.5 OK
		250 2.1.5 OK
		250 2.1.5 OK
		501 5.5.4 Bad parameter
		354 End data with <CRLF>.<CRLF>
		250 2.0.0 queued as ID
	EOF
	spool -d spool run 2>log
	grep -hE '^(Original-|Final-|Subject|Content-Type|body)' spool/queue/* >got
	same got <<-'EOF'
		Subject: Undelivered mail
		Content-Type: multipart/report; report-type=delivery-status;
		Content-Type: text/plain; charset=utf-8
		Content-Type: message/delivery-status
		Original-Envelope-Id: a+b c
		Original-Recipient: rfc822;x+y@d.example
		Final-Recipient: rfc822;ann@host.example
		Final-Recipient: rfc822;dan@host.example
		Content-Type: text/rfc822-headers
		Subject: x
	EOF
	grep -q '^F <>$' spool/queue/*
	[ "$(find spool/queue -type f | wc -l)" -eq 1 ]
}

@test "an original recipient in UTF-8 makes a report in UTF-8 (RFC 6533)" {
	mkdir spool
	echo '* deliver sh -c "exit 67"' >spool/routes
	{
		echo 'MAIL FROM:<a@b.example> SMTPUTF8'
		echo 'RCPT TO:<ann@host.example> ORCPT=utf-8;änn+2B1@d.example'
		printf 'DATA\nSubject: x\n\nbody\n.\n'
	} | recv --spool spool >got
	spool -d spool run 2>log
	grep -hE '^Original-|^Final-|/(global-)?delivery-status$' spool/queue/* >got
	same got <<-'EOF'
		Content-Type: message/global-delivery-status
		Original-Recipient: utf-8;änn+1@d.example
		Final-Recipient: rfc822;ann@host.example
	EOF
}

@test "an address in UTF-8 has a mailbox, by name and by the name of a folder" {
	mkdir -p jörg/{tmp,new,cur}
	printf '%s\n' "bücher@host.example $PWD/box/" "@host.example $PWD/%u/" >mailboxes
	{
		echo 'MAIL FROM:<a@b.example> SMTPUTF8'
		printf 'RCPT TO:<%s@host.example>\n' bücher jörg nemo../x änn
		printf 'DATA\nbody\n.\n'
	} | recv --mailboxes mailboxes >got
	same got <<-'EOF'
		250 2.1.0 OK
		250 2.1.5 OK
		250 2.1.5 OK
		501 5.1.3 Bad recipient address syntax
		550 5.1.1 No such user here
		354 End data with <CRLF>.<CRLF>
		250 2.0.0 delivered as ID
	EOF
	sed -sn 2p box/new/* jörg/new/* >got
	same got <<-'EOF'
		Delivered-To: bücher@host.example
		Delivered-To: jörg@host.example
	EOF
}

@test "a command gets the envelope as arguments and the rest in its environment" {
	cat >handler <<-'EOF'
		#!/bin/sh
		printf '%s\n' "$@" >args
		env | grep -E '^(REMOTE_|HELO|PROTOCOL|MAIL_)' | sort >env
		stat -c %h /dev/stdin -L >links
		cat >message
	EOF
	chmod +x handler
	{
		echo 'HELO a b;$(c)"'
		letter c@host.example '"q u"@host.example'
	} | REMOTE_ADDR=192.0.2.7 REMOTE_PORT=99 recv -- ./handler one 'two 2' >got
	tail -n 1 got | grep -qx '250 2.0.0 accepted as ID'
	same args <<-'EOF'
		one
		two 2
		-f
		a@b.example
		--
		c@host.example
		"q u"@host.example
	EOF
	sed -i 's/^MAIL_ID=[0-9a-z]\{20\}$/MAIL_ID=ID/' env
	same env <<-EOF
		HELO=a?b???c??
		MAIL_ID=ID
		MAIL_SIZE=$(stat -c %s message)
		PROTOCOL=SMTP
		REMOTE_ADDR=192.0.2.7
		REMOTE_PORT=99
	EOF
	same links <<<0
	head -n 3 message | normal >trace
	same trace <<-'EOF'
		Received: from unknown ([192.0.2.7])
		  (HELO a?b???c??)
		  by host.example with SMTP id ID; DATE
	EOF
}

@test "chunks come to each sink as one message, and none of what RSET gave up" {
	{
		printf 'MAIL FROM:<a@b.example>\nRCPT TO:<c@host.example>\nBDAT 7\n'
		printf 'given\nRSET\n'
		printf 'MAIL FROM:<a@b.example>\nRCPT TO:<c@host.example>\nBDAT 15\n'
		printf 'Subject: x\n\n.BDAT 7 LAST\n.\ntext'
	} >session
	recv --mailboxes mailboxes <session >got
	recv --spool spool <session >>got
	mkdir out
	recv -- sh -c 'cat >out/$$' <session >>got
	for word in delivered queued accepted; do
		cat <<-EOF
			250 2.1.0 OK
			250 2.1.5 OK
			250 2.0.0 Go on
			250 2.0.0 Reset
			250 2.1.0 OK
			250 2.1.5 OK
			250 2.0.0 Go on
			250 2.0.0 $word as ID
		EOF
	done | same got
	find spool/tmp box/tmp -type f >left
	same left </dev/null
	printf 'Subject: x\n\n..\ntext' >want
	for file in spool/queue/* box/new/* out/*; do
		sed -n '/^Subject/,$p' "$file" | same want
	done
}

@test "the null sender reaches the command as an empty argument" {
	printf 'MAIL FROM:<>\nRCPT TO:<c@host.example>\nDATA\n.\n' |
		recv -- sh -c 'printf "[%s]" "$@" >args' x
	same args <<<"$(echo -n '[-f][][--][c@host.example]')" ||
		[ "$(cat args)" = '[-f][][--][c@host.example]' ]
}

@test "the command's exit status is the reply" {
	for code in 0 67 68 65 77 69 64 78 75 71 1 99 126 127; do
		letter c@host.example | recv -- sh -c "exit $code" | tail -n 1
	done >got
	letter c@host.example | recv -- sh -c 'kill -9 $$' | tail -n 1 >>got
	letter c@host.example | recv -- /nonexistent/command | tail -n 1 >>got
	same got <<-'EOF'
		250 2.0.0 accepted as ID
		550 5.1.1 No such user here
		550 5.1.2 No such domain
		554 5.6.0 Message content refused
		550 5.7.1 Not allowed
		554 5.0.0 Delivery refused
		451 4.3.0 Temporary trouble, try again later
		451 4.3.0 Temporary trouble, try again later
		451 4.3.0 Temporary trouble, try again later
		451 4.3.0 Temporary trouble, try again later
		451 4.3.0 Temporary trouble, try again later
		451 4.3.0 Temporary trouble, try again later
		451 4.3.0 Temporary trouble, try again later
		451 4.3.0 Temporary trouble, try again later
		451 4.3.0 Temporary trouble, try again later
		451 4.3.0 Temporary trouble, try again later
	EOF
}

@test "the command's first line replaces the reply when its class agrees" {
	while read -r code line; do
		export line
		letter c@host.example |
			recv -- sh -c 'printf "$line\nmore\n"; exit '"$code" |
			tail -n 1
	done >got <<-'EOF'
		69 552 5.2.2 Mailbox full
		75 452 4.2.2 Later \033[31m\200
		75 421 4.3.2 Shutting down
		75 421 Bye
		0 250 2.6.0 Taken
		0 250 Taken without an enhanced code
		0 552 5.2.2 Mailbox full
		69 250 2.0.0 Taken
		69 452 4.2.2 Later
		69 hodyuzrq0dsgfrtgxtpk
		69 5522 5.2.2 Four digits
	EOF
	same got <<-'EOF'
		552 5.2.2 Mailbox full
		452 4.2.2 Later ?[31m?
		451 4.3.2 Shutting down
		451 4.0.0 Bye
		250 2.6.0 Taken
		250 2.0.0 Taken without an enhanced code
		250 2.0.0 accepted as ID
		554 5.0.0 Delivery refused
		554 5.0.0 Delivery refused
		554 5.0.0 Delivery refused
		554 5.0.0 Delivery refused
	EOF
}

# answers ARGS < addresses: "REPLY <address>" for each as a recipient.
answers() {
	cat >addresses
	sed 's/.*/RSET\nMAIL FROM:<x@b.example>\nRCPT TO:&/' addresses |
		recv "$@" | sed -n 'n; n; s/^\(.\{9\}\).*/\1/p' |
		paste -d ' ' - addresses
}

@test "the table says who has a mailbox, and a folder that cannot be read is 451" {
	cat >mailboxes <<-EOF
		alice@host.example $PWD/box/
		bob                $PWD/bob
		@any.example       $PWD/%u/
		bugs@host.example  |true
	EOF
	mkdir -p nest/real
	answers --local host.example --local second.example --mailboxes mailboxes \
		>got <<-'EOF'
			<alice@host.example>
			<ALICE+list@HOST.example>
			<alice@second.example>
			<bob@second.example>
			<bob@third.example>
			<nobody@host.example>
			<box@any.example>
			<none@any.example>
			<"../box"@any.example>
			<postmaster>
			<postmaster@second.example>
			<bugs@host.example>
		EOF
	same got <<-'EOF'
		250 2.1.5 <alice@host.example>
		250 2.1.5 <ALICE+list@HOST.example>
		550 5.1.1 <alice@second.example>
		250 2.1.5 <bob@second.example>
		550 5.7.1 <bob@third.example>
		550 5.1.1 <nobody@host.example>
		250 2.1.5 <box@any.example>
		550 5.1.1 <none@any.example>
		553 5.1.3 <"../box"@any.example>
		250 2.1.5 <postmaster>
		250 2.1.5 <postmaster@second.example>
		250 2.1.5 <bugs@host.example>
	EOF
}

@test "without a table every recipient of a local domain is accepted, others are not" {
	answers --spool spool >got <<-'EOF'
		<anyone@host.example>
		<anyone@HOST.EXAMPLE>
		<postmaster>
		<a@b.example>
	EOF
	answers --spool spool --local second.example >>got <<-'EOF'
		<anyone@host.example>
		<anyone@second.example>
	EOF
	same got <<-'EOF'
		250 2.1.5 <anyone@host.example>
		250 2.1.5 <anyone@HOST.EXAMPLE>
		250 2.1.5 <postmaster>
		550 5.7.1 <a@b.example>
		550 5.7.1 <anyone@host.example>
		250 2.1.5 <anyone@second.example>
	EOF
}

@test "domains that the spool's routes deliver here are local" {
	mkdir spool
	cat >spool/routes <<-'EOF'
		lists.example lmtp /run/lmtp
		here.example  deliver true
		* relay smtp://relay.example
	EOF
	answers --spool spool --mailboxes mailboxes >got <<-'EOF'
		<all@lists.example>
		<all@here.example>
		<all@elsewhere.example>
		<all@host.example>
	EOF
	same got <<-'EOF'
		250 2.1.5 <all@lists.example>
		250 2.1.5 <all@here.example>
		550 5.7.1 <all@elsewhere.example>
		550 5.1.1 <all@host.example>
	EOF
}

@test "each form of path has its mailbox: quoted, at a literal, without a domain" {
	cat >mailboxes <<-EOF
		"q u"@host.example          $PWD/box/
		c@host.example              $PWD/box/
		d@[192.0.2.1]               $PWD/box/
		e@[IPv6:2001:db8::1]        $PWD/box/
		postmaster                  $PWD/box/
	EOF
	cat >paths <<-'EOF'
		<"q u"@host.example>
		<"q\ u"@HOST.example>
		<"c"@host.example>
		<d@[192.0.2.1]>
		<d@[IPv6:::ffff:192.0.2.1]>
		<e@[ipv6:2001:DB8::1]>
		<e@[IPv6:2001:db8:0:0:0:0:0:1]>
		<postmaster>
		<PostMaster@host.example>
		<@x.example,@[192.0.2.9]:c@host.example>
	EOF
	answers --local host.example --local '[192.0.2.1]' \
		--local '[IPv6:2001:db8::1]' --mailboxes mailboxes <paths >got
	sed 's/^/250 2.1.5 /' paths | same got
	while IFS= read -r path; do
		printf 'MAIL FROM:<"s t"@[192.0.2.5]>\nRCPT TO:%s\nDATA\nx: y\n.\n' \
			"$path"
	done <paths | recv --local host.example --local '[192.0.2.1]' \
		--local '[IPv6:2001:db8::1]' --mailboxes mailboxes >got
	[ "$(grep -c delivered got)" -eq 10 ]
	cat box/new/* | grep -E '^(Return|Delivered|.for)' | sed 's/; .*//' |
		sort | uniq -c | sed 's/^ *//' >got
	sed 's/.*:c@/<c@/; s/^.//; s/.$//' paths >kept
	{
		sed 's/.*/1 \tfor <&>/' kept
		sed 's/.*/1 Delivered-To: &/' kept
		echo '10 Return-Path: <"s t"@[192.0.2.5]>'
	} | sort -k 2 >want
	sort -k 2 got >sorted
	same sorted <want
}

open_relay_forms() {
	cat <<-'EOF'
		<c%other.example@host.example>
		<other.example!c@host.example>
		<@host.example:c@other.example>
		<@other.example,@host.example:c@third.example>
		<@host.example,@other.example:c@host.example>
		<"c@other.example">
		<"c@other.example"@host.example>
		<c@other.example@host.example>
		<c@host.example@other.example>
		<c@[127.0.0.1]>
		<c@[192.0.2.77]>
		<c@[IPv6:2001:db8::1]>
		<c@host.example.other.example>
		<c@other.example.>
		<c@host.example.>
		<c@host.example:25>
		<c(comment)@host.example>
		<c@>
		<@host.example>
		<@host.example:>
		<c@host.example,c@other.example>
		<c@other.example>
	EOF
}

@test "no form of address makes it relay for a stranger, nor the null sender" {
	for policy in strip follow reject; do
		open_relay_forms | answers --source-routes $policy \
			--mailboxes mailboxes --spool spool \
			--relay-from 192.0.2.0/24
	done >got
	grep ^250 got >taken
	same taken <<-'EOF'
		250 2.1.5 <@host.example,@other.example:c@host.example>
	EOF
	cut -d' ' -f1 got | sort -u >codes
	same codes <<-'EOF'
		250
		501
		550
	EOF
}

@test "relaying is for the networks it is told, and needs somewhere to relay to" {
	export REMOTE_ADDR=192.0.2.9
	answers --spool spool --relay-from 192.0.2.0/24 >got <<<'<c@other.example>'
	answers --relay-from 192.0.2.0/24 -- true >>got <<<'<c@other.example>'
	REMOTE_ADDR=192.0.3.9 answers --spool spool --relay-from 192.0.2.0/24 \
		--relay-from ::1 >>got <<<'<c@other.example>'
	REMOTE_ADDR=::1 answers --spool spool --relay-from 192.0.2.0/24 \
		--relay-from ::1 >>got <<<'<c@other.example>'
	same got <<-'EOF'
		250 2.1.5 <c@other.example>
		250 2.1.5 <c@other.example>
		550 5.7.1 <c@other.example>
		250 2.1.5 <c@other.example>
	EOF
	exits 64 smtp-recv --mailboxes mailboxes --relay-from 192.0.2.0/24 2>err
	same err <<<'smtp-recv: --relay-from needs --spool or -- COMMAND'
}

# routed POLICY ADDRESS: how the queue's envelope has it, or the reply.
routed() {
	rm -rf spool
	printf 'MAIL FROM:<a@b.example>\nRCPT TO:<%s>\nDATA\n.\n' "$2" |
		REMOTE_ADDR=192.0.2.9 recv --spool spool --local host.example \
			--local second.example --relay-from 192.0.2.9 \
			--source-routes "$1" | sed -n '2{/^250/!p;}'
	find spool/queue -type f -exec sed -n 's/^R . 000 *//p' {} +
}

@test "source routes are stripped, followed without our own names, or rejected" {
	for policy in strip follow reject; do
		routed $policy '@host.example,@p.example:u@z.example'
		routed $policy '@second.example,@HOST.example:u@z.example'
		routed $policy '@p.example,@host.example:u@host.example'
	done >got 2>/dev/null
	same got <<-'EOF'
		<u@z.example>
		<u@z.example>
		<u@host.example>
		<@p.example:u@z.example>
		<u@z.example>
		<@p.example,@host.example:u@host.example>
		550 5.7.1 No source routes
		550 5.7.1 No source routes
		550 5.7.1 No source routes
	EOF
}

@test "a recipient given twice gets one message" {
	letter c@host.example c@host.example | recv --mailboxes mailboxes >got
	[ "$(grep -c '^250 2.1.5' got)" -eq 2 ]
	[ "$(find box/new -type f | wc -l)" -eq 1 ]
}

@test "several recipients of one table get the message each, or none of them" {
	mkdir -p dan/{tmp,new,cur}
	cat >>mailboxes <<-EOF
		dan@host.example $PWD/dan/
		eve@host.example $PWD/eve
		out@host.example elsewhere@other.example
	EOF
	letter {c,dan,eve,out}@host.example | recv --mailboxes mailboxes |
		tail -n 1 >got
	same got <<<'250 2.0.0 delivered as ID'
	[ "$(find box/new dan/new forwards/queue -type f | wc -l)" -eq 3 ]
	grep -q 'Delivered-To: eve@host.example' eve
	rm -rf dan
	letter c@host.example dan@host.example | recv --mailboxes mailboxes |
		sed -n 4p >got
	same got <<<'451 4.3.0 Temporary trouble, try again later'
	[ "$(find box -type f | wc -l)" -eq 1 ]
}

@test "root delivers into no folder of another's" {
	[ "$EUID" -eq 0 ] || skip "only root could"
	chown -R nobody box
	letter c@host.example | recv --mailboxes mailboxes | sed -n 3p >got
	same got <<<'451 4.3.0 Temporary trouble, try again later'
	[ -z "$(find box -type f)" ]
}

# as_user COMMAND...: not as root, in a folder of its own that it may use.
as_user() {
	[ "$EUID" -eq 0 ] || { "$@" && return; }
	setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
}

@test "a program among the mailboxes is taken only alone, and run, not as root" {
	open=$(mktemp -d -p /tmp)
	chmod 777 "$open"
	cd "$open"
	cat >program <<-'EOF'
		#!/bin/sh
		printf '%s\n' "$@" >"${0%/*}/args"
		cat >"${0%/*}/message"
		echo '250 2.6.0 filed'
	EOF
	chmod 755 program
	printf '%s\n' "c@host.example $open/box" "bugs |$open/program" >mailboxes
	{
		echo 'EHLO me.example'
		echo 'MAIL FROM:<a@b.example>'
		printf 'RCPT TO:<%s>\n' c@host.example bugs@host.example
		echo RSET
		letter bugs@host.example c@host.example bugs@host.example
	} | crlf >in
	TMPDIR=$open as_user smtp-recv --log none --hostname host.example \
		--mailboxes mailboxes <in | tr -d '\r' | sed '1,/^250 E/d' >got
	same got <<-'EOF'
		250 2.1.0 OK
		250 2.1.5 OK
		452 4.5.3 This recipient takes a message alone
		250 2.0.0 Reset
		250 2.1.0 OK
		250 2.1.5 OK
		452 4.5.3 This recipient takes a message alone
		250 2.1.5 OK
		354 End data with <CRLF>.<CRLF>
		250 2.6.0 filed
	EOF
	printf '%s\n' -f a@b.example -- bugs@host.example | same args
	normal <message >got
	same got <<-'EOF'
		Delivered-To: bugs@host.example
		Received: from me.example (unknown)
		  by host.example with ESMTP id ID
		  for <bugs@host.example>; DATE
		Subject: x

		.dot
		text
	EOF
	if [ "$EUID" -eq 0 ]; then
		smtp-recv --log none --hostname host.example \
			--mailboxes mailboxes <in 2>err | tail -n 1 >got
		crlf <<<'451 4.3.0 Temporary trouble, try again later' | same got
	fi
	cd /
	rm -r "$open"
}

@test "each message and each refusal is one line of the log" {
	{
		printf 'EHLO me.example\nMAIL FROM:<a@b.example>\n'
		printf 'RCPT TO:<"x\\"y"@other.example>\nRCPT TO:<c@host.example>\n'
		printf 'DATA\nSubject: x\n\ntext\n.\n'
		letter c@host.example
	} | crlf | smtp-recv --hostname host.example --max-size 17 \
		--mailboxes mailboxes 2>log >replies
	sed -E 's/[0-9a-z]{20}/ID/g' log >got
	same got <<-'EOF'
		event=refused client=unknown helo=me.example from=<a@b.example> to="\"x\\\"y\"@other.example" reply="550 5.7.1 No relaying for you"
		event=received id=ID client=unknown helo=me.example from=<a@b.example> to=<c@host.example> size=17 reply="250 2.0.0 delivered as ID"
		event=rejected id=ID client=unknown helo=me.example from=<a@b.example> to=<c@host.example> size=22 reply="552 5.3.4 Message is too big"
	EOF
}

@test "-v shows the dialogue on stderr" {
	printf 'EHLO me\r\nQUIT\r\n' | smtp-recv -v --hostname host.example \
		--spool spool 2>got >replies
	same got <<-'EOF'
		smtp-recv: S: 220 host.example ESMTP mailpipe
		smtp-recv: C: EHLO me
		smtp-recv: S: 250-host.example
		smtp-recv: S: 250-PIPELINING
		smtp-recv: S: 250-SIZE 104857600
		smtp-recv: S: 250-8BITMIME
		smtp-recv: S: 250-SMTPUTF8
		smtp-recv: S: 250-CHUNKING
		smtp-recv: S: 250-DSN
		smtp-recv: S: 250 ENHANCEDSTATUSCODES
		smtp-recv: C: QUIT
		smtp-recv: S: 221 2.0.0 Bye
	EOF
}

@test "a full disk is 452 or 451, the dialogue stays in step, and nothing is left" {
	{
		letter c@host.example | sed '/^text/,$d'
		printf '%0100000d\n.\nNOOP\n' 0
	} >big
	(
		ulimit -f 64
		recv --spool spool <big | tail -n 2 >spooled
		recv --mailboxes mailboxes <big | tail -n 2 >boxed
		recv -- cat <big | tail -n 2 >commanded
	)
	cat spooled boxed commanded | cut -c1-3 | paste -sd ' ' >got
	same got <<<'452 250 451 250 452 250'
	find spool box -type f >left
	same left </dev/null
}

@test "options come from a file too, and mistakes have their exit codes" {
	cat >conf <<-EOF
		# ours
		hostname host.example
		mailboxes $PWD/mailboxes
		max-rcpts 1
	EOF
	printf 'HELO me\r\nQUIT\r\n' | exits 0 smtp-recv --config conf >got
	crlf <<-'EOF' | same got
		220 host.example ESMTP mailpipe
		250 host.example
		221 2.0.0 Bye
	EOF
	echo 'max-rcpt 1' >conf
	exits 78 smtp-recv --config conf 2>err
	same err <<<'smtp-recv: conf:1: unknown option `max-rcpt'"'"
	for bad in '--max-rcpts 0' '--max-rcpts 1001' '--max-size x' \
		'--hostname a..b' '--local <>' '--relay-from 10.0.0.1/8' \
		'--source-routes no' '--bare-newline no' '--timeout 0' \
		'--log file' '--listen nowhere' '--frob'; do
		# shellcheck disable=SC2086
		exits 64 smtp-recv --spool spool $bad </dev/null 2>err
		[ "$(wc -l <err)" -eq 1 ]
	done
	exits 64 smtp-recv </dev/null 2>err
	same err <<<'smtp-recv: where to? --mailboxes FILE, --spool DIR or -- COMMAND'
	exits 64 smtp-recv --spool spool -- true </dev/null 2>err
	same err <<<'smtp-recv: either --spool or -- COMMAND, not both'
}

@test "a table or routes that cannot be read or make no sense is 78" {
	exits 78 smtp-recv --mailboxes none 2>err
	same err <<<'smtp-recv: open none: No such file or directory'
	chmod 666 mailboxes
	exits 78 smtp-recv --mailboxes mailboxes 2>err
	mkdir spool
	echo 'x.example foo' >spool/routes
	exits 78 smtp-recv --spool spool 2>err
	[ "$(wc -l <err)" -eq 1 ]
}

@test "without its spool it says 421 and exits 75" {
	exits 75 smtp-recv --hostname host.example --spool none/spool \
		</dev/null >got 2>err
	crlf <<-'EOF' | same got
		421 4.3.0 host.example Temporary trouble, try again later
	EOF
	same err <<<'smtp-recv: open spool none/spool: No such file or directory'
}

@test "end of file between commands and after QUIT is 0" {
	exits 0 smtp-recv --log none --spool spool </dev/null >/dev/null
	printf 'HELO me\r\nMAIL FROM:<a@b.example>\r\n' |
		exits 0 smtp-recv --log none --spool spool >/dev/null
	printf 'QUIT\r\nNOOP\r\n' | smtp-recv --log none --spool spool |
		tail -n 1 >got
	crlf <<<'221 2.0.0 Bye' | same got
}

@test "help fits a screen, and --version costs few system calls" {
	smtp-recv --help >got
	[ "$(wc -l <got)" -le 24 ] && [ "$(wc -L <got)" -le 80 ]
	smtp-recv --version >got
	same got <<<"smtp-recv (mailpipe) $(sed -n 's/^VERSION := //p' "$TOP/Makefile")"
	plain_build "sanitizers make calls of their own"
	strace -f -o calls smtp-recv --version >/dev/null
	[ "$(wc -l <calls)" -le 40 ]
}
