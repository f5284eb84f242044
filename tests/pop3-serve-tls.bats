#!/usr/bin/env bats
# pop3-serve under tls-serve: STLS and TLS from the first octet on, what is
# forgotten there, and what a client does wrong.
# shellcheck disable=SC2154 # address and servers, of server
load lib
load peers
load interop

setup() {
	sandbox
	export PYTHONPATH=$TESTS PYTHONDONTWRITEBYTECODE=1
	certificate mx mx.example.org
	maildirs home/Maildir
	printf 'Subject: x\n\nx\n' >home/Maildir/new/1
	cat >check <<-'END'
	#!/bin/sh
	pair=$(tr '\0' ' ' <&3)
	exec 3<&-
	[ "$pair" = 'alice secret  ' ] || exit 1
	export HOME=$PWD/home
	exec "$@"
	END
	chmod +x check
	auth=(--auth "$PWD/check")
}

teardown() {
	stop_servers
}

# listen [--implicit] -- ARGS: pop3-serve behind tls-serve; sets $port.
listen() {
	local tls=(tls-serve --cert mx.pem --key mx.key)
	while [ "$1" != -- ]; do
		tls+=("$1")
		shift
	done
	shift
	started log "${tls[@]}" -- pop3-serve --listen 127.0.0.1:0 "$@"
	port=${address##*:}
}

# client: Python with tests/tls.py, the port as p and our certificate in how.
client() {
	{
		cat <<-END
		import poplib, socket
		from tls import *
		p = $port
		how = {"ca": "mx.pem", "name": "mx.example.org"}
		def listing(s):
		    got = [line(s)]
		    while got[-1] not in ("", "."):
		        got.append(line(s))
		    return " ".join(got)
		END
		cat
	} | "$PYTHON" -
}

events() {
	grep -v -e event=listening -e event=root -e event=tls log || :
}

@test "poplib: STLS, TLS from the start, USER and PASS, and what is offered when" {
	listen -- "${auth[@]}"
	client >got <<-'END'
	c = poplib.POP3("127.0.0.1", p, 20)
	print(sorted(c.capa()))
	for v in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
	    c = poplib.POP3("127.0.0.1", p, 20)
	    print(c.stls(context(version=v)), sorted(c.capa()))
	    print(c.user("alice"), c.pass_("secret"), c.stat(), c.quit())
	END
	stop_servers
	servers=()
	events >>got
	listen --implicit -- "${auth[@]}"
	client >>got <<-'END'
	c = poplib.POP3_SSL("127.0.0.1", p, timeout=20, context=context())
	print(sorted(c.capa()))
	print(c.user("alice"), c.pass_("secret"), c.retr(1), c.quit())
	END
	clear="'AUTH-RESP-CODE', 'EXPIRE', 'PIPELINING', 'RESP-CODES'"
	same got <<-END
	[$clear, 'STLS', 'TOP', 'UIDL']
	b'+OK' [$clear, 'SASL', 'TOP', 'UIDL', 'USER']
	b'+OK' b'+OK' (1, 17) b'+OK bye'
	b'+OK' [$clear, 'SASL', 'TOP', 'UIDL', 'USER']
	b'+OK' b'+OK' (1, 17) b'+OK bye'
	event=login peer=127.0.0.1 user=alice
	event=logout peer=127.0.0.1 user=alice messages=1 sent=0 removed=0
	event=login peer=127.0.0.1 user=alice
	event=logout peer=127.0.0.1 user=alice messages=1 sent=0 removed=0
	[$clear, 'SASL', 'TOP', 'UIDL', 'USER']
	b'+OK' b'+OK' (b'+OK message follows', [b'Subject: x', b'', b'x'], 17) b'+OK bye'
	END
}

@test "curl: SASL PLAIN with and without an initial response, and the password file's" {
	listen -- "${auth[@]}"
	curl=(curl -m 20 -sS --ssl-reqd --cacert mx.pem --connect-to
		"::127.0.0.1:$port" -u alice:secret)
	"${curl[@]}" -v --login-options AUTH=PLAIN pop3://mx.example.org/1 \
		>got 2>said
	"${curl[@]}" --sasl-ir pop3://mx.example.org/ >>got
	printf 'Subject: x\n\nx\n1 17\n' | crlf | same got
	grep -a "^> [^Q]" said | tr -d '\r' >commands
	same commands <<-'END'
	> CAPA
	> STLS
	> CAPA
	> AUTH PLAIN
	> AGFsaWNlAHNlY3JldA==
	> RETR 1
	END
	stop_servers
	servers=()
	(umask 077 && echo secret >pw)
	listen -- --single-user home/Maildir --password-file pw
	curl=(curl -m 20 -sS --ssl-reqd --cacert mx.pem --connect-to
		"::127.0.0.1:$port" -u alice:secret)
	"${curl[@]}" pop3://mx.example.org/ >got
	printf '1 17\r\n' | same got
}

@test "STLS: nothing that was said or sent in clear is there after it" {
	listen -- "${auth[@]}" --auth-clear
	client >got <<-'END'
	s = connect(p)
	print(line(s), ask(s, "USER alice"), ask(s, "STLS x"), ask(s, "STLS"))
	s = wrap(s, **how)
	print(ask(s, "PASS secret"), "|", ask(s, "STLS"), "|", ask(s, "USER alice"),
	      ask(s, "PASS secret"), ask(s, "STLS"), ask(s, "STAT"))
	# Injected in the same segment.
	for injected in b"CAPA\r\n", b"USER alice\r\nPASS secret\r\nDELE 1\r\nQUIT\r\n":
	    s = connect(p)
	    line(s)
	    s.sendall(b"STLS\r\n" + injected)
	    print(line(s))
	    s = wrap(s, **how)
	    print(ask(s, "NOOP"))
	    s.settimeout(0.3)
	    try:
	        print(s.recv(100))
	    except TimeoutError:
	        print("silence")
	END
	same got <<-'END'
	+OK POP3 +OK -ERR wrong arguments +OK
	-ERR not in this state | -ERR TLS is there already | +OK +OK -ERR not in this state +OK 1 17
	+OK
	-ERR not in this state
	silence
	+OK
	-ERR not in this state
	silence
	END
	holds home/Maildir/new 1
}

@test "without TLS no password is taken, before and in place of STLS" {
	listen -- "${auth[@]}"
	client >got <<-'END'
	s = connect(p)
	line(s)
	for command in "USER alice", "PASS secret", "AUTH PLAIN", \
	        "AUTH PLAIN AGFsaWNlAHNlY3JldA==":
	    print(ask(s, command))
	END
	printf '%s\n' '-ERR a login needs TLS here'{,,,} | same got
	# There is a TLS_FD, but no broker behind it.
	printf 'STLS\r\nQUIT\r\n' | pop3-serve "${auth[@]}" >got
	printf '%s\r\n' '+OK POP3' '-ERR there is no TLS here' '+OK bye' |
		same got
}

@test "a handshake that fails ends the session, the next client is served" {
	listen -- "${auth[@]}"
	client >got <<-'END'
	for what in b"PASS secret\r\n" * 20, b"":
	    s = connect(p)
	    line(s)
	    print(ask(s, "STLS"))
	    s.sendall(what)
	    s.shutdown(socket.SHUT_WR)
	    got = rest(s)
	    print(got[:1] in (b"", b"\x15"), b"ERR" in got)
	c = poplib.POP3("127.0.0.1", p, 20)
	print(c.stls(context()), c.user("alice"), c.pass_("secret"), c.quit())
	END
	same got <<-'END'
	+OK
	True False
	+OK
	True False
	b'+OK' b'+OK' b'+OK' b'+OK bye'
	END
	events | sed 's/ reason=.*//' >got
	same got <<-'END'
	event=no-tls peer=127.0.0.1
	event=no-tls peer=127.0.0.1
	event=login peer=127.0.0.1 user=alice
	event=logout peer=127.0.0.1 user=alice messages=1 sent=0 removed=0
	END
}

@test "without a certificate STLS is refused for now, and the session goes on" {
	echo nonsense >mx.pem
	listen -- "${auth[@]}" --auth-clear
	client >got <<-'END'
	s = connect(p)
	line(s)
	for command in "STLS", "USER alice", "PASS secret", "QUIT":
	    print(ask(s, command))
	END
	same got <<-'END'
	-ERR [SYS/TEMP] TLS is not available just now
	+OK
	+OK
	+OK bye
	END
	stop_servers
	servers=()
	listen --implicit -- "${auth[@]}"
	client >got <<-'END'
	print(rest(connect(p)))
	END
	same got <<<"b''"
}

@test "a login and all behind it in one segment, and the end, reach through TLS" {
	listen --implicit -- "${auth[@]}"
	client >got <<-'END'
	s = wrap(connect(p), **how)
	s.sendall(b"USER alice\r\nPASS x\r\nUSER alice\r\nPASS secret\r\n" +
	          b"NOOP\r\n" * 3000 + b"DELE 1\r\nQUIT\r\n")
	got = rest(s).split(b"\r\n")
	print(got[:4], len(got), got[-2:])
	# An end without QUIT.
	s = wrap(connect(p), **how)
	s.sendall(b"USER alice\r\nPASS secret\r\n")
	print(line(s), line(s), line(s))
	s.unwrap().close()
	END
	same got <<-'END'
	[b'+OK POP3', b'+OK', b'-ERR [AUTH] wrong password', b'+OK'] 3008 [b'+OK bye', b'']
	+OK POP3 +OK +OK
	END
	holds home/Maildir/new 0
	two_ends() { [ "$(grep -c event=logout log)" = 2 ]; }
	peers_wait 400 '' two_ends
}

@test "SIGTERM to the listener ends a session under TLS, and its client sees it" {
	listen --implicit -- "${auth[@]}"
	client >got <<-END &
	import os, signal
	s = wrap(connect(p), **how)
	s.sendall(b"USER alice\r\nPASS secret\r\n")
	print(line(s), line(s), line(s))
	os.kill(${servers[0]}, signal.SIGTERM)
	print(rest(s))
	END
	exits 0 wait "${servers[0]}"
	servers=()
	wait
	printf "+OK POP3 +OK +OK\nb''\n" | same got
}
