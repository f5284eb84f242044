#!/usr/bin/env bats
# smtp-recv: who logs in, what that allows, and what strangers make of it.
# Without TLS here; tests/smtp-recv-tls.bats has both.

# shellcheck disable=SC2154 # address and servers, of server
load lib
load peers
load interop

setup() {
	sandbox
	export PYTHONPATH=$TESTS PYTHONDONTWRITEBYTECODE=1
	cat >check <<-'END'
		#!/bin/sh
		cat <&3 >given
		case $(tr '\0' '\n' <given) in
		ann*secret) exec "$@" ;;
		later*) exit 111 ;;
		killed*) exec kill -9 $$ ;;
		slow*) exec sleep 60 ;;
		*) exit 1 ;;
		esac
	END
	chmod +x check
	recv=(smtp-recv --hostname host.example --auth ./check --auth-clear)
}

teardown() {
	stop_servers
}

# plain NAME PASSWORD [AUTHZID]: an initial response.
plain() {
	printf '%s\0%s\0%s' "${3-}" "$1" "$2" | base64 -w 0
}

# talk ARGS < dialogue, LF: the replies behind the greeting, ids made equal.
talk() {
	crlf | "${recv[@]}" "$@" 2>log | tr -d '\r' | tail -n +2 |
		sed -E 's/as [0-9a-z]{20}$/as ID/'
}

# listen ARGS: the listener is the last of servers; sets $port.
listen() {
	server log "${recv[@]}" "$@"
	port=${address##*:}
}

# client: Python with tests/tls.py, and the port as p.
client() {
	{
		printf 'import os, time, smtplib\nfrom base64 import *\n'
		printf 'from tls import *\np = %s\n' "$port"
		cat
	} | "$PYTHON" -
}

@test "who has logged in may send anywhere, and the command learns who that is" {
	{
		echo 'EHLO me'
		echo 'MAIL FROM:<a@host.example>'
		echo 'RCPT TO:<b@other.example>'
		echo RSET
		echo "AUTH PLAIN $(plain ann secret)"
		echo 'MAIL FROM:<a@host.example> AUTH=x+40y.example'
		echo 'RCPT TO:<b@other.example>'
		printf 'DATA\n\ntext\n.\n'
	} | REMOTE_ADDR=192.0.2.7 AUTH_USER=root talk -- sh -c \
		'env | grep -E "^(AUTH|PROTOCOL|TLS)"; env >env; cat >message' >got
	same got <<-'END'
		250-host.example
		250-PIPELINING
		250-SIZE 104857600
		250-8BITMIME
		250-SMTPUTF8
		250-CHUNKING
		250-AUTH PLAIN LOGIN
		250 ENHANCEDSTATUSCODES
		250 2.1.0 OK
		550 5.7.1 No relaying for you
		250 2.0.0 Reset
		235 2.7.0 Welcome
		250 2.1.0 OK
		250 2.1.5 OK
		354 End data with <CRLF>.<CRLF>
		250 2.0.0 accepted as ID
	END
	grep -E '^(AUTH|PROTOCOL|TLS)' env | sort >got
	printf '%s\n' AUTH_USER=ann PROTOCOL=ESMTPA | same got
	head -n 3 message | sed -E 's/id [^ ]+/id ID/; s/;.*//; s/\t/  /' >got
	same got <<-'END'
		Received: from me ([192.0.2.7])
		  by host.example with ESMTPA id ID
		  for <b@other.example>
	END
	sed -E 's/id=[^ ]+/id=ID/; s/reply=.*//' log >got
	same got <<-'END'
		event=refused client=192.0.2.7 helo=me from=<a@host.example> to=b@other.example 
		event=received id=ID client=192.0.2.7 helo=me user=ann from=<a@host.example> to=<b@other.example> size=6 
	END
}

@test "without a login AUTH_USER is empty, whatever smtp-recv was given" {
	printf '%s\n' 'EHLO me' 'MAIL FROM:<>' 'RCPT TO:<c@host.example>' \
		DATA . | AUTH_USER=root talk -- sh -c 'env | grep ^AUTH_ >env' >got
	[ "$(tail -n 1 got)" = '250 2.0.0 accepted as ID' ]
	same env <<<AUTH_USER=
}

@test "with mailboxes alone a login relays nothing" {
	maildirs box
	echo "c@host.example $PWD/box/" >mailboxes
	printf '%s\n' 'EHLO me' "AUTH PLAIN $(plain ann secret)" \
		'MAIL FROM:<a@host.example>' 'RCPT TO:<b@other.example>' \
		'RCPT TO:<c@host.example>' | talk --mailboxes mailboxes |
		tail -n 4 >got
	same got <<-'END'
		235 2.7.0 Welcome
		250 2.1.0 OK
		550 5.7.1 No relaying for you
		250 2.1.5 OK
	END
}

@test "a wrong login is 535, trouble with the checker is 454, and both are logged" {
	for name in bob later killed; do
		printf '%s\n' 'EHLO me' 'AUTH LOGIN' \
			"$(printf %s "$name" | base64)" c2VjcmV0 NOOP |
			talk --spool spool | tail -n 4
		grep ^event log
	done >got
	printf '%s\n' 'EHLO me' "AUTH PLAIN $(plain ann secret)" |
		talk --auth ./missing --spool spool | tail -n 1 >>got
	same got <<-'END'
		334 VXNlcm5hbWU6
		334 UGFzc3dvcmQ6
		535 5.7.8 Wrong name or password
		250 2.0.0 OK
		event=denied client=unknown helo=me user=bob reply="535 5.7.8 Wrong name or password"
		334 VXNlcm5hbWU6
		334 UGFzc3dvcmQ6
		454 4.7.0 No login just now
		250 2.0.0 OK
		event=denied client=unknown helo=me user=later reply="454 4.7.0 No login just now"
		334 VXNlcm5hbWU6
		334 UGFzc3dvcmQ6
		454 4.7.0 No login just now
		250 2.0.0 OK
		event=denied client=unknown helo=me user=killed reply="454 4.7.0 No login just now"
		454 4.7.0 No login just now
	END
}

@test "three wrong logins take three seconds, and the fourth ends the session" {
	start=$(date +%s%N)
	{
		echo 'EHLO me'
		for _ in {1..4}; do echo "AUTH PLAIN $(plain bob x)"; done
		echo NOOP
	} | talk --spool spool | tail -n 4 >got
	took=$((($(date +%s%N) - start) / 1000000))
	same got <<-'END'
		535 5.7.8 Wrong name or password
		535 5.7.8 Wrong name or password
		535 5.7.8 Wrong name or password
		421 4.7.0 Too many failed logins
	END
	[ "$(wc -l <log)" -eq 3 ]
	((took >= 3000)) || { echo "only $took ms"; false; }
}

# What no login may have is refused; all else reaches the checker as it was.
@test "odd names and passwords arrive exactly, or are refused" {
	"$PYTHON" - >in <<-'END'
		from base64 import b64encode
		print("EHLO me")
		def auth(name, password, more=b""):
		    text = b"\0" + name + b"\0" + password + more
		    print("AUTH PLAIN " + b64encode(text).decode())
		auth(b"ann", b"sec\0ret")
		auth(b"a" * 10000, b"x")
		auth(b"a" * 255, b"x" * 255)
		auth(b"", b"x")
		auth(b"a", b"")
		auth(b"a" * 9000, b"x")
		auth(b"a\r\nb", b"x")
		auth(b"a\x1b[2J", b"x")
	END
	talk --spool spool <in | sed -n '/^[345]/p' >got
	for _ in {1..8}; do echo '501 5.5.2 No login in Base64'; done >want
	sed -i '2s/.*/500 5.5.2 Line too long/' want
	same got <want
	same log </dev/null
	[ ! -e given ]
	printf '#!/bin/sh\ncat <&3 >given\nexec "$@"\n' >take
	chmod +x take
	for password in $'\r\nRSET\r\n' $'" \x27 $(touch x) `touch x` ;\\' \
		$'\xff\xfe\x80' '-f' "$(printf %0506d 0)"; do
		for name in ann 'a b' '-x"' $'\xff\xc0'; do
			((${#name} + ${#password} <= 509)) || continue
			printf '%s\n' 'EHLO me' \
				"AUTH PLAIN $(plain "$name" "$password")" |
				talk --auth ./take --spool spool | tail -n 1
			printf '%s\0%s\0\0' "$name" "$password" | cmp - given
			rm given
		done
	done >got 2>&1
	uniq got >all
	same all <<<'235 2.7.0 Welcome'
	[ "$(wc -l <got)" -eq 20 ]
}

@test "a name in the log is escaped and cannot make a line of its own" {
	printf '%s\n' 'EHLO me' \
		"AUTH PLAIN $(plain $'x event=received "\xff\xe2\x80\xae\xc2\x85' y)" |
		talk --spool spool >/dev/null
	same log <<-'END'
		event=denied client=unknown helo=me user="x event=received \"\xff\xe2\x80\xae\xc2\x85" reply="535 5.7.8 Wrong name or password"
	END
}

@test "-v shows no password, whatever form it comes in" {
	printf '%s\n' 'EHLO me' 'AUTH PLAIN *' \
		"auth  plain $(plain bob secret)" 'AUTH PLAIN' \
		"$(plain later secret)" 'AUTH LOGIN bGF0ZXI=' 'c2VjcmV0' |
		talk -v --spool spool >/dev/null
	grep 'C: ' log >got
	same got <<-'END'
		smtp-recv: C: EHLO me
		smtp-recv: C: AUTH PLAIN ***
		smtp-recv: C: auth ***
		smtp-recv: C: AUTH PLAIN
		smtp-recv: C: ***
		smtp-recv: C: AUTH LOGIN ***
		smtp-recv: C: ***
	END
}

@test "-v shows no password that comes behind a refused AUTH, or in a wrong one" {
	printf '%s\n' 'EHLO me' 'AUTH CRAM-MD5' "$(plain pipelined secret)" \
		"AUTH $(plain bob secret)" $'AUTH\tPLAIN\t'"$(plain bob secret)" \
		"$(plain "$(printf %02100d 0)" secret)" 'RCPT TO:<x@y>' |
		talk -v --spool spool >/dev/null
	grep 'C: ' log >got
	same got <<-'END'
		smtp-recv: C: EHLO me
		smtp-recv: C: AUTH ***
		smtp-recv: C: ***
		smtp-recv: C: AUTH ***
		smtp-recv: C: ***
		smtp-recv: C: ***
		smtp-recv: C: RCPT TO:<x@y>
	END
}

@test "after a login the password is nowhere in the memory of either process" {
	plain_build "sanitizers keep what is freed"
	listen --spool spool
	"$PYTHON" - "$port" "${servers[-1]}" >got <<-'END'
	import base64, sys
	from tls import connect, reply

	def children(pid):
	    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
	        return f.read().split()

	def memory(pid):
	    with open(f"/proc/{pid}/maps", encoding="ascii") as maps, \
	            open(f"/proc/{pid}/mem", "rb") as mem:
	        for line in maps:
	            where, mode = line.split()[:2]
	            if mode.startswith("rw"):
	                start, end = (int(x, 16) for x in where.split("-"))
	                mem.seek(start)
	                yield mem.read(end - start)

	password = b"correct-horse-battery-secret"
	one = base64.b64encode(password)
	both = base64.b64encode(b"\0ann\0" + password)
	# Tails, as the start of a line is soon written over.
	words = [one[16:], both[24:], b"battery"]
	for login in ([b"AUTH PLAIN " + both], [b"AUTH PLAIN", both],
	              [b"AUTH LOGIN YW5u", one]):
	    s = connect(sys.argv[1])
	    reply(s)
	    for command in [b"EHLO me", *login]:
	        s.sendall(command + b"\r\n")
	        answer = reply(s)
	    session = children(sys.argv[2])[-1]
	    found = [w for pid in [session, *children(session)]
	             for piece in memory(pid) for w in words if w in piece]
	    print(answer, len(children(session)), found)
	    s.close()
	END
	for _ in 1 2 3; do echo '235 2.7.0 Welcome 1 []'; done | same got
}

@test "AUTH with all its lines has the time of one command" {
	listen --spool spool --timeout 5
	client >got <<-'END'
	s = connect(p)
	reply(s)
	say(s, "EHLO me", "AUTH LOGIN")
	start = time.monotonic()
	time.sleep(4)
	say(s, "YW5u")
	try:
	    for octet in 1000 * b"Y":
	        s.sendall(bytes([octet]))
	        time.sleep(0.1)
	except OSError:
	    pass
	print(line(s), time.monotonic() - start < 8.5)
	END
	same got <<-'END'
		250 ENHANCEDSTATUSCODES
		334 VXNlcm5hbWU6
		334 UGFzc3dvcmQ6
		421 4.4.2 host.example Timeout True
	END
}

# Told while a response, the checker or the second after a wrong login is
# awaited.
@test "SIGTERM ends a session at once that logs in" {
	listen --spool spool
	"$PYTHON" - "$port" "${servers[-1]}" "$(plain slow x)" "$(plain bob x)" \
		>got <<-'END'
	import os, signal, sys, time
	from tls import connect, reply, rest

	def wait_for(sign):
	    while not sign():
	        time.sleep(0.01)

	def denied():
	    with open("log", encoding="ascii") as f:
	        return "denied" in f.read()

	port, listener, slow, wrong = sys.argv[1:]
	with open(f"/proc/{listener}/task/{listener}/children") as f:
	    old = f.read().split()
	for command, sign in ((f"AUTH PLAIN {slow}", lambda: os.path.exists("given")),
	                      (f"AUTH PLAIN {wrong}", denied),
	                      ("AUTH LOGIN", None)):
	    s = connect(port)
	    reply(s)
	    s.sendall(b"EHLO me\r\n")
	    reply(s)
	    with open(f"/proc/{listener}/task/{listener}/children") as f:
	        session = [p for p in f.read().split() if p not in old][-1]
	    old.append(session)
	    s.sendall(command.encode() + b"\r\n")
	    wait_for(sign) if sign else reply(s)
	    start = time.monotonic()
	    os.kill(int(session), signal.SIGTERM)
	    print(rest(s), time.monotonic() - start < 0.9)
	END
	for _ in 1 2 3; do
		echo "b'421 4.3.2 host.example Shutting down\r\n' True"
	done | same got
}

@test "smtplib and swaks log in by every mechanism they know" {
	listen --spool spool
	client >got <<-'END'
	for how in "auth_plain", "auth_login":
	    for initial in True, False:
	        c = smtplib.SMTP("127.0.0.1", p, timeout=20)
	        c.user, c.password = "ann", "secret"
	        c.ehlo("me")
	        print(c.auth(how[5:].upper(), getattr(c, how),
	                     initial_response_ok=initial))
	        print(c.sendmail("a@host.example", ["b@other.example"], "\r\n"))
	        c.quit()
	END
	for _ in {1..4}; do
		printf '%s\n' "(235, b'2.7.0 Welcome')" '{}'
	done | same got
	for how in PLAIN LOGIN; do
		swaks --server "$address" -a $how -au ann -ap secret -q RCPT \
			--from a@host.example --to b@other.example >out
		sed -n 's/^<..[ ] *\(334\|235\|250 2\)/\1/p' out
	done >got
	for challenges in '' "$(printf '334 %s\n' VXNlcm5hbWU6 UGFzc3dvcmQ6)"; do
		cat <<-END
			$challenges
			235 2.7.0 Welcome
			250 2.1.0 OK
			250 2.1.5 OK
		END
	done | sed '/^$/d' | same got
}
