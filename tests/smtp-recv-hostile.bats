#!/usr/bin/env bats
# smtp-recv: cut connections, sockets, limits and signals.

# shellcheck disable=SC2154 # address, by listens
load lib
load recv

setup() {
	sandbox
	one_box
}

teardown() {
	[ -z "$server" ] || { kill "$server" && wait "$server"; } || :
}

# py SUBCOMMAND [FOLDER...] -- ARGS of smtp-recv
py() {
	local words=()
	while [ "$1" != -- ]; do
		words+=("$1")
		shift
	done
	shift
	python3 -S "$TESTS/lib/recv.py" "${words[@]}" -- \
		smtp-recv --log none --hostname host.example "$@"
}

normal() {
	sed -E 's/(id|as) [0-9a-z]{20}/\1 ID/'
}

session() {
	printf '%s\n' 'EHLO me.example' 'MAIL FROM:<a@b.example>' \
		'RCPT TO:<c@host.example>' DATA 'Subject: x' '' ..dot . QUIT
}

replies() {
	cat <<-'EOF'
		220 host.example ESMTP mailpipe
		250-host.example
		250-PIPELINING
		250-SIZE 104857600
		250-8BITMIME
		250-SMTPUTF8
		250-CHUNKING
		250 ENHANCEDSTATUSCODES
		250 2.1.0 OK
		250 2.1.5 OK
		354 End data with <CRLF>.<CRLF>
		250 2.0.0 delivered as ID
		221 2.0.0 Bye
		exit 0
	EOF
}

@test "a connection cut at any octet of DATA leaves nothing behind in any sink" {
	py cut spool -- --spool spool >got
	py cut box -- --mailboxes mailboxes >>got
	mkdir out
	py cut out -- -- sh -c 'cat >out/message' >>got
	same got <<-'EOF'
		1 file after b'250 2.0.0'
		1 file after b'250 2.0.0'
		1 file after b'250 2.0.0'
	EOF
	[ -z "$(find . -maxdepth 1 -name 'mailpipe-*')" ]
}

@test "a connection cut at any octet of its chunks leaves nothing behind either" {
	py cut-chunks spool -- --spool spool >got
	py cut-chunks box -- --mailboxes mailboxes >>got
	mkdir out
	py cut-chunks out -- -- sh -c 'cat >out/message' >>got
	same got <<-'EOF'
		1 file after b'250 2.0.0'
		1 file after b'250 2.0.0'
		1 file after b'250 2.0.0'
	EOF
}

@test "with the socket on 0, 1 and 2 no diagnostic enters the dialogue" {
	session | py inetd -- --log stderr -v --mailboxes mailboxes | normal >got
	replies | same got
	rm -r box
	session | sed '/^Subject/,/^\.$/d' |
		py inetd -- --log stderr --mailboxes mailboxes >got
	replies | sed 's/^354.*/451 4.3.0 Temporary trouble, try again later/
		/delivered/d' | same got
	py inetd -- --log stderr --spool none/spool </dev/null >got
	same got <<-'EOF'
		421 4.3.0 host.example Temporary trouble, try again later
		exit 75
	EOF
}

@test "each octet in a segment of its own is the same session" {
	session | crlf | py drip -- --mailboxes mailboxes | normal >got
	replies | same got
}

@test "on a socket, commands sent together before EHLO announced that end it" {
	session | crlf | py burst -- --mailboxes mailboxes >got
	same got <<-'EOF'
		220 host.example ESMTP mailpipe
		554 5.5.0 Commands out of turn
		exit 0
	EOF
	[ -z "$(find box -type f)" ]
}

@test "Python's smtplib delivers over --listen and over a socket on 0 and 1" {
	py smtplib-listen -- --mailboxes mailboxes >got
	py smtplib-inetd -- --mailboxes mailboxes >>got
	for _ in 1 2; do
		cat <<-'EOF'
			refused {'nobody@host.example': (550, b'5.1.1 No such user here')}
			noop (250, b'2.0.0 OK')
			quit 221
			exit 0
		EOF
	done | same got
	for m in box/new/*; do sed '1,/^$/d' "$m"; done >bodies
	same bodies <<-'EOF'
		.dot
		..
		last
		.dot
		..
		last
	EOF
}

@test "SIGTERM ends an idle session with 421, and lets a message end first" {
	py stop-idle -- --mailboxes mailboxes >got
	py stop-in-data -- --mailboxes mailboxes | normal >>got
	same got <<-'EOF'
		421 4.3.2 host.example Shutting down
		exit 0
		250 2.0.0 delivered as ID
		250 2.0.0 OK
		421 4.3.2 host.example Shutting down
		exit 0
	EOF
	[ "$(find box -type f | wc -l)" -eq 1 ]
}

@test "SIGTERM lets a message in chunks end first, between two of them as well" {
	py stop-in-chunks -- --mailboxes mailboxes | normal >got
	same got <<-'EOF'
		250 2.0.0 Go on
		250 2.0.0 delivered as ID
		250 2.0.0 OK
		421 4.3.2 host.example Shutting down
		exit 0
		250 2.0.0 Go on
		250 2.0.0 delivered as ID
		250 2.0.0 OK
		421 4.3.2 host.example Shutting down
		exit 0
	EOF
	[ "$(find box -type f | wc -l)" -eq 2 ]
}

@test "told twice to stop, it gives up the message with 75 and leaves nothing" {
	py stop-twice box -- --mailboxes mailboxes >got
	py stop-twice spool -- --spool spool >>got
	same got <<-'EOF'
		1 file while it comes
		exit 75
		0 left
		1 file while it comes
		exit 75
		0 left
	EOF
}

@test "a client that says nothing, or never ends a line, is told 421 in time" {
	mkfifo hold
	exec 9<>hold
	exits 0 smtp-recv --log none --hostname host.example --timeout 1 \
		--spool spool <hold >got
	printf 'NOO' >hold
	exits 0 smtp-recv --log none --hostname host.example --timeout 1 \
		--spool spool <hold >>got
	crlf <<-'EOF' | same got
		220 host.example ESMTP mailpipe
		421 4.4.2 host.example Timeout
		220 host.example ESMTP mailpipe
		421 4.4.2 host.example Timeout
	EOF
}

@test "a message of 16 MB takes under 4 MiB of memory, in every sink" {
	plain_build "sanitizers take memory of their own"
	py big -- --max-size 0 -- true >got
	py big -- --max-size 0 --spool spool >>got
	py big -- --max-size 0 --mailboxes mailboxes >>got
	py big -- --max-size 1M --spool spool >>got
	same got <<-'EOF'
		250 2.0.0
		under 4 MiB
		250 2.0.0
		under 4 MiB
		250 2.0.0
		under 4 MiB
		552 5.3.4
		under 4 MiB
	EOF
}

@test "a chunk of 16 MB takes under 4 MiB, and so does one that nobody wants" {
	plain_build "sanitizers take memory of their own"
	for sink in '-- true' '--spool spool' '--mailboxes mailboxes'; do
		# shellcheck disable=SC2086
		py big-chunk -- --max-size 0 $sink
	done >got
	py big-chunk -- --max-size 1M --spool spool >>got
	for code in '250 2.0.0' '250 2.0.0' '250 2.0.0' '552 5.3.4'; do
		printf '%s\n503 5.5.1\nunder 4 MiB\n' "$code"
	done | same got
}

@test "lines without end and commands without end take no memory" {
	plain_build "sanitizers take memory of their own"
	py flood -- --spool spool >got
	same got <<-'EOF'
		1 500 5.5.2 Line too long
		50000 250 2.0.0 OK
		under 4 MiB
	EOF
}

@test "a header over 1 MiB is refused, a body of that size is not" {
	{
		session | sed '/^Subject/,$d'
		for _ in {1..20}; do printf 'X: %060000d\n' 0; done
		printf '.\nRSET\n'
		session | sed '1d;/^Subject/,$d'
		echo
		for _ in {1..20}; do printf 'X: %060000d\n' 0; done
		echo .
	} | crlf | smtp-recv --log none --hostname host.example -- true |
		tr -d '\r' | normal | sed '1,/^354/d' >got
	same got <<-'EOF'
		552 5.3.4 Message header is too big
		250 2.0.0 Reset
		250 2.1.0 OK
		250 2.1.5 OK
		354 End data with <CRLF>.<CRLF>
		250 2.0.0 accepted as ID
	EOF
}

# listen ARGS: starts a listener, sets $server and $port.
listen() {
	: >log
	smtp-recv --hostname host.example --listen 127.0.0.1:0 "$@" 2>log &
	server=$!
	eventually listens log
	port=${address##*:}
}

# ask LINE...: waits for a reply before each line; prints the last reply.
ask() {
	exec 8<>"/dev/tcp/127.0.0.1/$port"
	local line reply
	for line in "$@"; do
		while IFS= read -r reply <&8 && [ "${reply:3:1}" = - ]; do :; done
		printf '%s\r\n' "$line" >&8
	done
	IFS= read -r reply <&8
	printf '%s\n' "${reply%$'\r'}"
	exec 8>&-
}

@test "a listener sees a changed table, and answers 451 while it cannot read it" {
	listen --mailboxes mailboxes
	new=('HELO me' 'MAIL FROM:<a@b.example>' 'RCPT TO:<new@host.example>')
	ask "${new[@]}" >got
	echo "new@host.example $PWD/box/" >>mailboxes
	ask "${new[@]}" >>got
	mv mailboxes gone
	ask "${new[@]}" >>got
	same got <<-'EOF'
		550 5.1.1 No such user here
		250 2.1.5 OK
		451 4.3.0 Temporary trouble, try again later
	EOF
}

@test "an address that is in use is 71, and a listener ends with 0" {
	listen --mailboxes mailboxes
	exits 71 smtp-recv --spool spool --listen "127.0.0.1:$port" 2>err
	same err <<<"smtp-recv: listen 127.0.0.1:$port: Address already in use"
	kill "$server"
	wait "$server"
	server=
}

@test "the client's address is in the trace and the log, not what it calls itself" {
	listen --mailboxes mailboxes
	ask 'HELO [192.0.2.1]' 'MAIL FROM:<a@b.example>' \
		'RCPT TO:<c@host.example>' DATA . | normal >got
	same got <<<'250 2.0.0 delivered as ID'
	head -n 4 box/new/* | normal | sed 's/; .*//' >top
	printf '%s\n' 'Return-Path: <a@b.example>' \
		'Delivered-To: c@host.example' \
		'Received: from [192.0.2.1] ([127.0.0.1])' \
		$'\tby host.example with SMTP id ID' | same top
	grep -c 'event=received .* client=127.0.0.1 ' log >count
	same count <<<1
}
