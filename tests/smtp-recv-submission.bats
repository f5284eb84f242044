#!/usr/bin/env bats
# smtp-recv --submission: who may send as whom, and what a message gets that
# lacks it.

# shellcheck disable=SC2154 # address, by listens
load lib
load recv

setup() {
	sandbox
	one_box
	printf '#!/bin/sh\ncat <&3 >/dev/null\n' >check
	cat >file <<-'END'
	#!/bin/sh
	cat >message
	END
	chmod +x check file
}

teardown() {
	[ -z "$server" ] || { kill "$server" && wait "$server"; } || :
}

recv() { behind_ehlo --submission --auth ./check --auth-clear "$@"; }

login() {
	echo "AUTH PLAIN $(printf '\0%s\0x' "$1" | base64 -w 0)"
}

# send < MESSAGE: logged in as ann, to a command that files it.
send() {
	{
		login ann
		printf '%s\n' 'MAIL FROM:<ann@host.example>' \
			'RCPT TO:<x@other.example>' DATA
		sed 's/^\./../'
		echo .
	} | recv -- ./file
}

# filed: the message, without what differs each time; Received is cut off.
filed() {
	sed -E '1,3d; s/^(Date:).*\+0000$/\1 DATE/
		s/^(Message-ID: <)[0-9a-z]{20}@/\1ID@/' message
}

@test "without a login there is no mail, and with one it may go anywhere" {
	{
		printf '%s\n' 'MAIL FROM:<a@host.example>' \
			'RCPT TO:<c@host.example>' DATA NOOP
		login ann
		printf '%s\n' 'MAIL FROM:<a@host.example>' \
			'RCPT TO:<x@other.example>'
	} | recv --spool spool >got
	same got <<-'END'
	530 5.7.0 Log in first
	503 5.5.1 Send MAIL first
	503 5.5.1 Send MAIL first
	250 2.0.0 OK
	235 2.7.0 Welcome
	250 2.1.0 OK
	250 2.1.5 OK
	END
	printf '%s\n' 'MAIL FROM:<a@host.example>' | REMOTE_ADDR=192.0.2.1 \
		recv --relay-from 192.0.2.1 --spool spool >got
	same got <<<'530 5.7.0 Log in first'
}

@test "Date, From and Message-ID are supplied, below Received, where they are missing" {
	send >got <<-'END'
	Subject: x

	.dot
	text
	END
	tail -n 1 got >last
	same last <<<'250 2.0.0 accepted as ID'
	head -n 1 message >first
	same first <<<'Received: from me.example (unknown)'
	filed >got
	same got <<-'END'
	Date: DATE
	From: <ann@host.example>
	Message-ID: <ID@host.example>
	Subject: x

	.dot
	text
	END
}

@test "what is there is not supplied again, and all else stays as it was" {
	printf 'X: %01200d\nmessage-id:\n <1@a>\nFrom : Ann\nDATE: now\n\n\n x \n' 0 \
		>mine
	send <mine
	filed >got
	same got <mine
	printf '%s\n' 'From: <a@b>' 'X-Date: 1' '' 'Date: in the body' >mine
	send <mine
	filed >got
	{
		printf '%s\n' 'Date: DATE' 'Message-ID: <ID@host.example>'
		cat mine
	} | same got
}

@test "Bcc and Resent-Bcc go, with what is folded behind them, the body's stay" {
	send <<-'END'
	Date: now
	Bcc: eve@other.example,
	 mallory@other.example
	From: a@b
	BCC : x
	Resent-Bcc: y
	Message-ID: <1@a>
	Bccx: z

	Bcc: w
	END
	filed >got
	same got <<-'END'
	Date: now
	From: a@b
	Message-ID: <1@a>
	Bccx: z

	Bcc: w
	END
}

@test "a message without header, or with nothing, has one; a From_ line stays first" {
	fields() {
		printf '%s\n' 'Date: DATE' 'From: <ann@host.example>' \
			'Message-ID: <ID@host.example>'
	}
	send <<<'body at once'
	filed >got
	{
		fields
		printf '\nbody at once\n'
	} | same got
	send </dev/null
	filed >got
	fields | same got
	printf 'From x\n\ntext\n' | send
	filed >got
	{
		echo 'From x'
		fields
		printf '\ntext\n'
	} | same got
}

@test "the null sender is MAILER-DAEMON in From" {
	{
		login ann
		printf 'MAIL FROM:<>\nRCPT TO:<x@other.example>\nDATA\n\nx\n.\n'
	} | recv -- ./file >got
	filed >got
	sed -n 2p got >from
	same from <<<'From: <MAILER-DAEMON>'
}

@test "it is the same in every sink, in chunks, and not at all without --submission" {
	transaction() {
		login ann
		printf '%s\n' 'MAIL FROM:<ann@host.example>' \
			'RCPT TO:<c@host.example>'
	}
	{
		transaction
		printf 'DATA\nBcc: y\nSubject: x\n\ntext\n.\n'
	} >in
	recv --spool spool <in >got
	recv --mailboxes mailboxes <in >>got
	{
		transaction
		printf 'BDAT 11\nBcc: y\nSubBDAT 17 LAST\nject: x\n\ntext\n'
	} | recv --spool spool >>got
	tail -n 2 got >last
	printf '250 2.0.0 %s\n' 'Go on' 'queued as ID' | same last
	for f in spool/queue/* box/new/*; do
		sed -E '1,/^Received/d; /^\t/d; s/^(Date|Message-ID): .*/\1/' "$f"
	done >got
	for _ in 1 2 3; do
		printf '%s\n' Date 'From: <ann@host.example>' Message-ID \
			'Subject: x' '' text
	done | same got
	rm -r box/new/*
	crlf <in | sed '1i EHLO me\r' | smtp-recv --hostname host.example \
		--auth ./check --auth-clear --mailboxes mailboxes >got 2>log
	sed -E '1,/^\tfor/d' box/new/* >got
	printf '%s\n' 'Bcc: y' 'Subject: x' '' text | same got
}

@test "a header without end takes no more memory than one that may be" {
	{
		login ann
		printf '%s\n' 'MAIL FROM:<ann@host.example>' \
			'RCPT TO:<x@other.example>' DATA
		for _ in {1..40}; do printf 'X: %060000d\n' 0; done
		printf '.\nNOOP\n'
	} | recv -- ./file | tail -n 2 >got
	same got <<-'END'
	552 5.3.4 Message header is too big
	250 2.0.0 OK
	END
	[ ! -e message ]
}

# answers LOGIN SENDER...: the reply to MAIL for each.
answers() {
	{
		login "$1"
		shift
		printf 'MAIL FROM:%s\nRSET\n' "$@"
	} | recv --sender-map senders --spool spool | sed -n '/^[45]\|2.1.0/p'
}

@test "a login sends as the table's addresses and domains, and as nobody else" {
	cat >senders <<-'END'
	# who      as whom
	ann        ann@host.example, Sales@host.example
	ann	"a, b"@host.example @ann.example
	bob@host.example  bob@host.example,<>
	END
	answers ann '<ann@host.example>' '<ANN@HOST.example>' \
		'<ann+list@host.example>' '<sales@host.example>' \
		'<"a, b"@host.example>' '<"a\nn"@host.example>' \
		'<any@ann.example>' '<postmaster@ANN.example>' |
		sort | uniq -c >got
	same got <<<'      8 250 2.1.0 OK'
	answers ann '<bob@host.example>' '<ann@other.example>' \
		'<anna@host.example>' '<x@sub.ann.example>' '<x@xann.example>' \
		'<ann@host.example.evil>' '<a@host.example>' '<>' \
		'<sales@ann.example@host.example>' '<+ann@host.example>' |
		sort | uniq -c >got
	same got <<-'END'
	      1 501 5.1.7 Bad sender address syntax
	      9 550 5.7.1 Not an address of yours
	END
	answers bob@host.example '<>' '<bob@host.example>' '<ann@host.example>' >got
	for login in bob ANN an ann@host.example '#' carol; do
		answers "$login" '<ann@host.example>'
	done >>got
	{
		printf '250 2.1.0 OK\n%.0s' 1 2
		printf '550 5.7.1 Not an address of yours\n%.0s' {1..7}
	} | same got
	same log <<-'END'
	event=refused client=unknown helo=me.example user=carol from=<ann@host.example> reply="550 5.7.1 Not an address of yours"
	END
}

@test "after a refused sender there is no transaction" {
	echo 'ann ann@host.example' >senders
	{
		login ann
		printf '%s\n' 'MAIL FROM:<x@host.example>' \
			'RCPT TO:<c@host.example>' DATA \
			'MAIL FROM:<ann@host.example>' 'RCPT TO:<c@host.example>'
	} | recv --sender-map senders --spool spool | tail -n 5 >got
	same got <<-'END'
	550 5.7.1 Not an address of yours
	503 5.5.1 Send MAIL first
	503 5.5.1 Send MAIL first
	250 2.1.0 OK
	250 2.1.5 OK
	END
}

@test "a table that makes no sense, or that others may write, is 78" {
	for line in ann 'ann ann' 'ann @' 'ann a@b x' 'ann a@b,<' 'ann <a@b>' \
		'ann @x.example:a@b' 'ann "a@b' 'ann a@b..c'; do
		echo "$line" >senders
		exits 78 smtp-recv --submission --auth true --spool spool \
			--sender-map senders </dev/null 2>>err
	done
	{
		echo 'smtp-recv: senders:1: no address behind the login'
		printf 'smtp-recv: senders:1: only addresses, @domains and <> may be behind the login\n%.0s' \
			{1..8}
	} | same err
	echo 'ann a@b' >senders
	chmod 666 senders
	exits 78 smtp-recv --submission --auth true --spool spool \
		--sender-map senders </dev/null 2>err
	exits 78 smtp-recv --submission --auth true --spool spool \
		--sender-map none </dev/null 2>>err
	same err <<-'END'
	smtp-recv: senders: others may write it
	smtp-recv: open none: No such file or directory
	END
}

@test "a listener sees a changed table, and answers 451 while it cannot read it" {
	echo 'ann ann@host.example' >senders
	smtp-recv --hostname host.example --listen 127.0.0.1:0 --spool spool \
		--submission --auth ./check --auth-clear --sender-map senders \
		2>log &
	server=$!
	eventually listens log
	port=${address##*:}
	ask() {
		exec 8<>"/dev/tcp/127.0.0.1/$port"
		local line reply
		for line in 'EHLO me' "$(login ann)" 'MAIL FROM:<new@host.example>'; do
			while IFS= read -r reply <&8 && [ "${reply:3:1}" = - ]; do :; done
			printf '%s\r\n' "$line" >&8
		done
		IFS= read -r reply <&8
		printf '%s\n' "${reply%$'\r'}"
		exec 8>&-
	}
	ask >got
	echo 'ann new@host.example' >>senders
	ask >>got
	mv senders gone
	ask >>got
	same got <<-'END'
	550 5.7.1 Not an address of yours
	250 2.1.0 OK
	451 4.3.0 Temporary trouble, try again later
	END
}

@test "the options need each other" {
	exits 64 smtp-recv --spool spool --submission 2>err
	exits 64 smtp-recv --spool spool --auth true --sender-map x 2>>err
	same err <<-'END'
	smtp-recv: --submission needs --auth
	smtp-recv: --sender-map needs --submission
	END
}
