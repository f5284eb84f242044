#!/usr/bin/env bats
# smtp-recv behind a proxy: whom it takes for the client, and whom it believes.
# The test is the proxy, from 127.0.0.1; from 127.0.0.2 nobody believes it.

# shellcheck disable=SC2154 # address and servers, of server
load lib
load peers
load interop

setup() {
	sandbox
	export PYTHONPATH=$TESTS PYTHONDONTWRITEBYTECODE=1
	maildirs box
	echo "c@host.example $PWD/box/" >mailboxes
	cat >proxy.py <<-'END'
	import socket, struct, sys, time
	from tls import connect, greeted, line, rest, wrap

	port = sys.argv[1]
	MARK = b"\r\n\r\n\0\r\nQUIT\n"

	def header(client="192.0.2.7", number=12345, fields=b"", kind=None):
	    v6 = ":" in client
	    family = socket.AF_INET6 if v6 else socket.AF_INET
	    ours = "2001:db8::25" if v6 else "192.0.2.25"
	    block = (socket.inet_pton(family, client) +
	             socket.inet_pton(family, ours) +
	             struct.pack(">HH", number, 25) + fields)
	    kind = kind or (0x21 if v6 else 0x11)
	    return MARK + bytes([0x21, kind]) + struct.pack(">H", len(block)) + block

	LOCAL = MARK + b"\x20\0\0\0"

	def end(s, *data, long=5):
	    """What comes until the end, and whether that took so many seconds."""
	    began = time.monotonic()
	    try:
	        for d in data:
	            s.sendall(d)
	        got = rest(s)
	    except (ConnectionResetError, BrokenPipeError):
	        got = b"reset"
	    return got, time.monotonic() - began > long
	END
}

teardown() {
	stop_servers
}

listen() {
	server log smtp-recv --hostname host.example --proxy-protocol \
		--proxy-from 127.0.0.1 "$@"
	port=${address##*:}
}

# client: Python behind proxy.py
client() {
	cat proxy.py - >client.py
	"$PYTHON" client.py "$port"
}

@test "the client that the proxy names is in the trace, the log and the environment" {
	cat >handler <<-'END'
	#!/bin/sh
	{ head -n 1; echo "$REMOTE_ADDR $REMOTE_PORT"; } >>seen
	END
	chmod +x handler
	listen -- ./handler
	client >got <<-'END'
	for h in (header(), header("2001:db8::7", 65535),
	          header("192.0.2.8", 1, b"\4\0\1x" + b"\5\0\200" + 128 * b"u"),
	          header("::ffff:192.0.2.9", 25), LOCAL):
	    s = connect(port)
	    s.sendall(h)
	    print(greeted(s, "HELO me", "MAIL FROM:<a@b.example>",
	              "RCPT TO:<c@host.example>", "DATA", "\r\nx\r\n.")[:9])
	END
	printf '250 2.0.0\n%.0s' {1..5} | same got
	same seen <<-END
	Received: from me ([192.0.2.7])
	192.0.2.7 12345
	Received: from me ([IPv6:2001:db8::7])
	2001:db8::7 65535
	Received: from me ([192.0.2.8])
	192.0.2.8 1
	Received: from me ([192.0.2.9])
	192.0.2.9 25
	Received: from me ([127.0.0.1])
	127.0.0.1 $(sed -n '10s/.* //p' seen)
	END
	sed -nE 's/^event=received .* (client=[^ ]*) .*/\1/p' log >got
	printf 'client=%s\n' 192.0.2.7 2001:db8::7 192.0.2.8 192.0.2.9 \
		127.0.0.1 | same got
}

@test "the client's address says who may relay, the proxy's does not" {
	listen --spool spool --relay-from 192.0.2.0/24 --relay-from 127.0.0.0/8
	client >got <<-'END'
	for source, h in (("127.0.0.1", header()),
	                  ("127.0.0.1", header("198.51.100.1")),
	                  ("127.0.0.1", header("::1")),
	                  ("127.0.0.1", LOCAL), ("127.0.0.2", b"")):
	    s = connect(port, source)
	    s.sendall(h)
	    print(greeted(s, "HELO me", "MAIL FROM:<a@b.example>",
	              "RCPT TO:<x@other.example>"))
	END
	same got <<-'END'
	250 2.1.5 OK
	550 5.7.1 No relaying for you
	550 5.7.1 No relaying for you
	250 2.1.5 OK
	250 2.1.5 OK
	END
}

@test "a header that comes octet by octet is one, and nothing behind it is lost" {
	listen --mailboxes mailboxes
	client >got <<-'END'
	s = connect(port)
	s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
	for octet in header(fields=b"\4\0\1x"):
	    s.sendall(bytes([octet]))
	print(greeted(s, "NOOP"))
	s = connect(port)
	s.sendall(header() + b"EHLO me\r\n")
	print(rest(s))
	END
	same got <<-'END'
	250 2.0.0 OK
	b'554 5.5.0 You spoke before the greeting\r\n'
	END
	sed -n '/^event=early/p' log >got
	same got <<<'event=early client=192.0.2.7'
}

@test "anything else from the proxy ends the connection, without a word" {
	listen --mailboxes mailboxes
	client >got <<-'END'
	first = header()
	for data in (b"EHLO me\r\n", b"PROXY TCP4 192.0.2.7 192.0.2.25 1 25\r\n",
	             header(kind=0x12), header(kind=0x31), header(kind=0x10),
	             header(kind=0x21), MARK + b"\x21\0\0\0", MARK + b"\x22\x11\0\x0c",
	             MARK + b"\x11\x11\0\x0c" + first[16:],
	             MARK + b"\x21\x11\xff\xff"):
	    s = connect(port)
	    s.sendall(data)
	    if data.endswith(b"\0\x0c"):
	        s.sendall(first[16:])
	    print(end(s))
	s = connect(port)
	s.sendall(first[:20])
	s.shutdown(socket.SHUT_WR)
	print(end(s))
	END
	sed -i "s/^(b'reset'/(b''/" got
	printf "(b'', False)\n%.0s" {1..11} | same got
	sed -n 's/^event=no-header //p' log >got
	{
		printf 'proxy=127.0.0.1 reason="Protocol error"\n%.0s' {1..10}
		echo 'proxy=127.0.0.1 reason="Connection reset by peer"'
	} | same got
	grep -c 'event=' log >count
	same count <<<"$((11 + $(grep -c -e event=root -e event=listening log)))"
}

@test "a proxy that says nothing, or drips, is not waited for" {
	listen --timeout 1 --mailboxes mailboxes
	client >got <<-'END'
	s = connect(port)
	print(end(s, long=0.5))
	s, began = connect(port), time.monotonic()
	try:
	    for octet in header():
	        s.sendall(bytes([octet]))
	        time.sleep(0.1)
	except OSError:
	    pass
	print(time.monotonic() - began < 5)
	END
	same got <<-'END'
	(b'', True)
	True
	END
	grep -c 'reason="Connection timed out"' log >count
	same count <<<2
}

@test "a header from anyone else is no header" {
	listen --mailboxes mailboxes
	client >got <<-'END'
	s = connect(port, "127.0.0.2")
	print(line(s))
	s.sendall(header())
	s.sendall(b"QUIT\r\n")
	print(rest(s).split(b"\r\n")[0][:3])
	END
	same got <<-'END'
	220 host.example ESMTP mailpipe
	b'554'
	END
	server log smtp-recv --hostname host.example --mailboxes mailboxes
	port=${address##*:}
	client >got <<-'END'
	s = connect(port)
	print(line(s))
	s.sendall(header())
	print(rest(s)[:3])
	END
	same got <<-'END'
	220 host.example ESMTP mailpipe
	b'554'
	END
}

# 20 for an address, as without a proxy; the proxy itself has no share.
@test "each client has its share of the sessions, whatever comes by the proxy" {
	listen --mailboxes mailboxes
	client >got <<-'END'
	def come(h):
	    s = connect(port)
	    s.sendall(h)
	    return s, line(s)
	kept = [come(header(number=n)) for n in range(20)]
	print({text for _, text in kept})
	print(come(header())[1])
	kept += [come(header("2001:db8::%x" % n)) for n in range(1, 21)]
	print({text for _, text in kept[20:]})
	print(come(header("2001:db8::ffff"))[1])
	print(come(header("2001:db8:0:1::1"))[1])
	print(come(header("192.0.2.8"))[1])
	print({come(LOCAL)[1] for _ in range(25)})
	kept[0][0].close()
	while True:
	    s, text = come(header())
	    if not text.startswith("421"):
	        break
	print(text)
	END
	same got <<-'END'
	{'220 host.example ESMTP mailpipe'}
	421 4.3.2 host.example Too many connections
	{'220 host.example ESMTP mailpipe'}
	421 4.3.2 host.example Too many connections
	220 host.example ESMTP mailpipe
	220 host.example ESMTP mailpipe
	{'220 host.example ESMTP mailpipe'}
	220 host.example ESMTP mailpipe
	END
}

@test "with --implicit the header comes before TLS, in clear" {
	certificate mx mx.example.org
	started log tls-serve --cert mx.pem --key mx.key --implicit -- smtp-recv \
		--listen 127.0.0.1:0 --hostname host.example --proxy-protocol \
		--proxy-from 127.0.0.1 --mailboxes mailboxes
	port=${address##*:}
	client >got <<-'END'
	s = connect(port)
	s.sendall(header())
	s = wrap(s, "mx.pem", "mx.example.org")
	print(greeted(s, "HELO me", "MAIL FROM:<a@b.example>",
	          "RCPT TO:<c@host.example>", "DATA", "\r\nx\r\n.")[:9])
	END
	same got <<<'250 2.0.0'
	sed -n 's/^Received: //p' box/new/* >got
	same got <<<'from me ([192.0.2.7])'
}

@test "on standard input it is the super-server's client that is the proxy" {
	cat >one.py <<-'END'
	s, theirs = socket.socketpair()
	p = __import__("subprocess").Popen(sys.argv[1:], stdin=theirs, stdout=theirs)
	theirs.close()
	s.sendall(header())
	print(greeted(s, "HELO me", "MAIL FROM:<a@b.example>",
	          "RCPT TO:<c@other.example>", "QUIT"))
	print(p.wait())
	END
	cat proxy.py one.py >client.py
	REMOTE_ADDR=127.0.0.1 "$PYTHON" client.py smtp-recv --log none \
		--hostname host.example --proxy-protocol --proxy-from 127.0.0.1 \
		--relay-from 192.0.2.7 --spool spool >got
	same got <<-'END'
	221 2.0.0 Bye
	0
	END
}

@test "both options are needed, and a network that is one" {
	exits 64 smtp-recv --spool spool --proxy-protocol 2>err
	exits 64 smtp-recv --spool spool --proxy-from 127.0.0.1 2>>err
	exits 64 smtp-recv --spool spool --proxy-protocol --proxy-from any 2>>err
	same err <<-'END'
	smtp-recv: --proxy-protocol and --proxy-from go together
	smtp-recv: --proxy-protocol and --proxy-from go together
	smtp-recv: bad value `any'
	END
}
