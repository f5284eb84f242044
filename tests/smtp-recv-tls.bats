#!/usr/bin/env bats
# smtp-recv under tls-serve: STARTTLS and TLS from the first octet on, what is
# forgotten there, and what a client does wrong.

# shellcheck disable=SC2154 # address and servers, of server
load lib
load peers
load interop

setup() {
	sandbox
	export PYTHONPATH=$TESTS PYTHONDONTWRITEBYTECODE=1
	certificate mx mx.example.org
	printf '#!/bin/sh\n[ "$(cat <&3 | tr -d "\\0")" = annsecret ]\n' >check
	chmod +x check
	maildirs box
	echo "c@host.example $PWD/box/" >mailboxes
}

teardown() {
	stop_servers
}

# listen [--implicit] -- ARGS: smtp-recv behind tls-serve; sets $port.
listen() {
	local tls=(tls-serve --cert mx.pem --key mx.key)
	[ "$1" = -- ] || tls+=("$1") && [ "$1" = -- ] || shift
	shift
	started log "${tls[@]}" -- smtp-recv --listen 127.0.0.1:0 \
		--hostname host.example "$@"
	port=${address##*:}
}

# client: Python with tests/tls.py, the port as p and our certificate in how.
client() {
	{
		printf 'import os, smtplib, time\nfrom tls import *\np = %s\n' \
			"$port"
		echo 'how = {"ca": "mx.pem", "name": "mx.example.org"}'
		cat
	} | "$PYTHON" -
}

normal() {
	sed -E 's/(id|as) [0-9a-z]{20}/\1 ID/; s/; .*//; s/^\t/  /'
}

@test "under STARTTLS a message tells the version and cipher, once it has come" {
	listen -- --mailboxes mailboxes
	client >got <<-'END'
	for v in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
	    with smtplib.SMTP("127.0.0.1", p, "me", 20) as c:
	        print(c.starttls(context=context(version=v)))
	        c.sendmail("a@b.example", ["c@host.example"],
	                   "Subject: x\r\n\r\n.dot\r\n")
	END
	printf "(220, b'2.0.0 Go ahead')\n%.0s" 1 2 | same got
	for message in box/new/*; do
		normal <"$message"
	done | sed 's/ECDHE-.*)/ECDHE)/' | sort >got
	sort <<-'END' | same got
		Return-Path: <a@b.example>
		Delivered-To: c@host.example
		Received: from me ([127.0.0.1])
		  (using TLSv1.2 with cipher ECDHE)
		  by host.example with ESMTPS id ID
		  for <c@host.example>
		Subject: x

		.dot
		Return-Path: <a@b.example>
		Delivered-To: c@host.example
		Received: from me ([127.0.0.1])
		  (using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384)
		  by host.example with ESMTPS id ID
		  for <c@host.example>
		Subject: x

		.dot
	END
}

@test "with TLS from the first octet a login sends anywhere, and says so" {
	listen --implicit -- --auth ./check -- sh -c 'echo "$@" >args
		env | grep -E "^(PROTOCOL|AUTH_USER|REMOTE_ADDR|TLS)" | sort >env
		cd /proc/$$/fd && echo * >"$OLDPWD/fds"; cat >"$OLDPWD/message"' sh
	client >got <<-'END'
	c = smtplib.SMTP_SSL("127.0.0.1", p, "me", timeout=20,
	                     context=context())
	print(c.ehlo())
	print(c.login("ann", "secret"))
	print(c.sendmail("a@b.example", ["d@other.example"], "\r\ntext\r\n"))
	print(c.quit())
	END
	same got <<-'END'
		(250, b'host.example\nPIPELINING\nSIZE 104857600\n8BITMIME\nSMTPUTF8\nCHUNKING\nAUTH PLAIN LOGIN\nENHANCEDSTATUSCODES')
		(235, b'2.7.0 Welcome')
		{}
		(221, b'2.0.0 Bye')
	END
	same args <<<'-f a@b.example -- d@other.example'
	same env <<-'END'
		AUTH_USER=ann
		PROTOCOL=ESMTPSA
		REMOTE_ADDR=127.0.0.1
	END
	# The shell's own for the folder is 3.
	same fds <<<'0 1 2 3'
	normal <message >got
	same got <<-'END'
		Received: from me ([127.0.0.1])
		  (using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384)
		  by host.example with ESMTPSA id ID
		  for <d@other.example>

		text
	END
}

@test "what is injected behind STARTTLS is never answered, before it or after" {
	listen -- --auth ./check --auth-clear --spool spool
	client >got <<-'END'
	s = connect(p)
	print(reply(s))
	say(s, "EHLO clear.example", "AUTH PLAIN AGFubgBzZWNyZXQ=",
	    "MAIL FROM:<a@b.example>", "RCPT TO:<d@other.example>",
	    "STARTTLS now", "STARTTLS\r\nEHLO injected\r\nRSET\r\nNOO")
	t = wrap(s, **how)
	say(t, "RCPT TO:<d@other.example>", "DATA", "MAIL FROM:<a@b.example>",
	    "AUTH PLAIN AGFubgBzZWNyZXQ=")
	t.sendall(b"EHLO me.example\r\n")
	print(reply(t))
	say(t, "STARTTLS", "MAIL FROM:<a@b.example>", "RCPT TO:<d@other.example>",
	    "QUIT")
	print(rest(t))
	END
	same got <<-'END'
		220 host.example ESMTP mailpipe
		250 ENHANCEDSTATUSCODES
		235 2.7.0 Welcome
		250 2.1.0 OK
		250 2.1.5 OK
		501 5.5.4 No argument is allowed
		220 2.0.0 Go ahead
		503 5.5.1 Send MAIL first
		503 5.5.1 Send MAIL first
		503 5.5.1 Send EHLO or HELO first
		503 5.5.1 Send EHLO first
		250-host.example
		250-PIPELINING
		250-SIZE 104857600
		250-8BITMIME
		250-SMTPUTF8
		250-CHUNKING
		250-DSN
		250-AUTH PLAIN LOGIN
		250 ENHANCEDSTATUSCODES
		503 5.5.1 TLS is on already
		250 2.1.0 OK
		550 5.7.1 No relaying for you
		221 2.0.0 Bye
		b''
	END
	grep -c 'helo=me.example from=<a@b.example>' log >got
	same got <<<1
}

@test "without TLS no login is offered, and none is taken" {
	listen -- --auth ./check --spool spool
	client >got <<-'END'
	s = connect(p)
	reply(s)
	s.sendall(b"EHLO me\r\n")
	print(reply(s))
	say(s, "AUTH PLAIN AGFubgBzZWNyZXQ=", "AUTH LOGIN", "QUIT")
	END
	same got <<-'END'
		250-host.example
		250-PIPELINING
		250-SIZE 104857600
		250-8BITMIME
		250-SMTPUTF8
		250-CHUNKING
		250-DSN
		250-STARTTLS
		250 ENHANCEDSTATUSCODES
		538 5.7.11 Encryption is required for that
		538 5.7.11 Encryption is required for that
		221 2.0.0 Bye
	END
}

dialogue() {
	printf '%s\r\n' 'MAIL FROM:<a@b.example>' 'RCPT TO:<c@host.example>' \
		DATA 'Subject: x' '' ..dot . 'AUTH LOGIN' YW5u c2VjcmV0 \
		'MAIL FROM:<>' 'RCPT TO:<x@host.example>' QUIT
}

@test "under TLS a dialogue is the same in one segment and octet by octet" {
	listen -- --auth ./check --mailboxes mailboxes
	dialogue >dialogue
	client >got <<-'END'
	data = open("dialogue", "rb").read()
	for step in len(data), 7, 1:
	    s = connect(p)
	    reply(s)
	    say(s, "EHLO me", "STARTTLS")
	    t = wrap(s, **how)
	    say(t, "EHLO me")
	    for at in range(0, len(data), step):
	        t.sendall(data[at:at + step])
	    print(rest(t).decode().replace("\r\n", "\n"), end="")
	END
	for _ in 1 2 3; do
		cat <<-'END'
			250 ENHANCEDSTATUSCODES
			220 2.0.0 Go ahead
			250 ENHANCEDSTATUSCODES
			250 2.1.0 OK
			250 2.1.5 OK
			354 End data with <CRLF>.<CRLF>
			250 2.0.0 delivered as ID
			334 VXNlcm5hbWU6
			334 UGFzc3dvcmQ6
			235 2.7.0 Welcome
			250 2.1.0 OK
			550 5.1.1 No such user here
			221 2.0.0 Bye
		END
	done >want
	normal <got | diff -u want -
}

@test "under TLS too, commands sent together before EHLO end the session" {
	listen -- --spool spool
	client >got <<-'END'
	s = connect(p)
	reply(s)
	say(s, "EHLO me", "STARTTLS")
	t = wrap(s, **how)
	t.sendall(b"MAIL FROM:<a@b.example>\r\nNOOP\r\n")
	print(rest(t))
	END
	same got <<-'END'
		250 ENHANCEDSTATUSCODES
		220 2.0.0 Go ahead
		b'554 5.5.0 Commands out of turn\r\n'
	END
}

@test "under TLS too, only CRLF.CRLF ends a message, and a cut one leaves nothing" {
	listen -- --mailboxes mailboxes
	client >got <<-'END'
	def begin():
	    s = connect(p)
	    reply(s)
	    for command in b"EHLO me", b"STARTTLS":
	        s.sendall(command + b"\r\n")
	        reply(s)
	    t = wrap(s, **how)
	    for command in (b"EHLO me", b"MAIL FROM:<a@b.example>",
	                    b"RCPT TO:<c@host.example>", b"DATA"):
	        t.sendall(command + b"\r\n")
	        reply(t)
	    return t

	for end in b"\n.\n", b"\r\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n\0.\r\n":
	    t = begin()
	    t.sendall(b"x\r\n\r\nx" + end + b"MAIL FROM:<evil@b.example>\r\n"
	              b"RCPT TO:<c@host.example>\r\nDATA\r\n\r\n.\r\nQUIT\r\n")
	    print(rest(t))
	t = begin()
	t.sendall(b"Subject: x\r\n\r\ncut\r\n.\r")
	t.close()
	END
	same got <<-'END'
		b'550 5.5.2 Bare CR or LF in message; lines end in CRLF\r\n221 2.0.0 Bye\r\n'
		b'550 5.5.2 Bare CR or LF in message; lines end in CRLF\r\n221 2.0.0 Bye\r\n'
		b'550 5.5.2 Bare CR or LF in message; lines end in CRLF\r\n221 2.0.0 Bye\r\n'
		b'550 5.5.2 Bare CR or LF in message; lines end in CRLF\r\n221 2.0.0 Bye\r\n'
		b'550 5.6.0 NUL in message\r\n221 2.0.0 Bye\r\n'
	END
	stop_servers
	servers=()
	find box -type f >left
	same left </dev/null
}

failures() {
	[ "$(grep -c event=tls-failed log)" -eq "$1" ]
}

@test "a failed handshake ends the session without a plain word, and no other" {
	listen -- --timeout 2 --spool spool
	client >got <<-'END'
	for hello in b"MAIL FROM:<a@b.example>\r\n", b"\x16\x03\x01\x00\x02\x01\x00", b"":
	    s = connect(p)
	    reply(s)
	    s.sendall(b"EHLO me\r\n")
	    reply(s)
	    s.sendall(b"STARTTLS\r\n")
	    print(reply(s))
	    s.sendall(hello)
	    if hello:
	        s.shutdown(socket.SHUT_WR)
	    try:
	        print(b"220" in rest(s))
	    except ConnectionResetError:
	        print(False)
	s = connect(p)
	reply(s)
	say(s, "QUIT")
	END
	same got <<-'END'
		220 2.0.0 Go ahead
		False
		220 2.0.0 Go ahead
		False
		220 2.0.0 Go ahead
		False
		221 2.0.0 Bye
	END
	peers_wait 400 "" failures 3
	sed -n '/tls-failed/s/ reason=.*//p' log >got
	for _ in 1 2 3; do echo 'event=tls-failed client=127.0.0.1'; done | same got
}

@test "without a usable certificate STARTTLS is 454, and the session goes on" {
	echo nonsense >mx.pem
	listen -- --spool spool
	client >got <<-'END'
	s = connect(p)
	reply(s)
	say(s, "EHLO me", "STARTTLS", "MAIL FROM:<a@b.example>",
	    "RCPT TO:<c@host.example>", "STARTTLS", "RSET", "QUIT")
	END
	same got <<-'END'
		250 ENHANCEDSTATUSCODES
		454 4.7.0 TLS is not available just now
		250 2.1.0 OK
		250 2.1.5 OK
		454 4.7.0 TLS is not available just now
		250 2.0.0 Reset
		221 2.0.0 Bye
	END
}

@test "with TLS from the first octet nothing is said in clear, not even trouble" {
	listen --implicit -- --timeout 2 --spool none/spool
	client >got <<-'END'
	print(rest(connect(p)))
	END
	same got <<<"b''"
	stop_servers
	servers=()
	listen --implicit -- --timeout 1 --spool spool
	client >got <<-'END'
	s = connect(p)
	s.sendall(b"EHLO me\r\nQUIT\r\n")
	print(b"220" in rest(s))
	idle = [connect(p) for _ in range(21)]
	print(rest(idle[-1]))
	END
	same got <<-'END'
		False
		b''
	END
}

# family: Python that finds a listener's new session, and what a process holds.
family() {
	cat <<-'END'
	import signal
	listener, known = os.environ["LISTENER"], set()

	def children(pid):
	    with open(f"/proc/{pid}/task/{pid}/children") as f:
	        return f.read().split()

	def session():
	    new = set(children(listener)) - known
	    known.update(new)
	    return new.pop()

	def sockets(pid):
	    names = (os.readlink(f"/proc/{pid}/fd/{n}")
	             for n in os.listdir(f"/proc/{pid}/fd"))
	    return {n for n in names if n.startswith("socket:")}

	def upgrade():
	    s = connect(p)
	    reply(s)
	    pid = session()
	    for command in b"EHLO me", b"STARTTLS":
	        held = len(sockets(pid) & sockets(listener))
	        s.sendall(command + b"\r\n")
	        reply(s)
	    return s, pid, held
	END
}

@test "SIGTERM ends a session at once that waits for a handshake" {
	listen -- --spool spool
	LISTENER=${servers[-1]} client >got < <(
		family
		cat <<-'END'
		s, pid, _ = upgrade()
		start = time.monotonic()
		os.kill(int(pid), signal.SIGTERM)
		print(rest(s), time.monotonic() - start < 2)
		END
	)
	same got <<<"b'' True"
}

@test "once TLS is on the session cannot ask for more, and its starter never could" {
	listen -- --auth ./check --spool spool
	LISTENER=${servers[-1]} client >got < <(
		family
		cat <<-'END'
		s, pid, held = upgrade()
		t = wrap(s, **how)
		say(t, "EHLO me")
		print(held, *(len(sockets(i) & sockets(listener))
		              for i in [pid, *children(pid)]))
		END
	)
	same got <<-'END'
		250 ENHANCEDSTATUSCODES
		1 0 0
	END
}
