#!/usr/bin/env bats
# pop3-serve --auth: who gets in, to which mailbox, as whom, and who holds what.
# shellcheck disable=SC2059 # formats of our own
# shellcheck disable=SC2154 # address and servers, of server
load lib
load peers
load interop

setup() {
	sandbox
	export PYTHONPATH=$TESTS PYTHONDONTWRITEBYTECODE=1
	outside=
	maildirs md
	cat >check <<-'END'
	#!/bin/sh
	# As DJB's does it: 1 is wrong, 111 trouble.
	pair=$(od -An -c -v <&3 | tr -d ' \n')
	exec 3<&-
	printf '%s\n' "$pair" >>pairs
	case $pair in
	*\\0secret\\0\\0) ;;
	*\\0trouble\\0\\0) exit 111 ;;
	*\\0killed\\0\\0) kill -9 $$ ;;
	*\\0hangs\\0\\0) echo $$ >hanging; exec sleep 100 ;;
	*\\0lost\\0\\0) exit 0 ;;
	*) exit 1 ;;
	esac
	export USER=alice HOME=$PWD/home
	exec "$@"
	END
	chmod +x check
	maildirs home/Maildir
	serve=(pop3-serve --auth "$PWD/check" --auth-clear)
	login='USER alice\nPASS secret\n'
}

teardown() {
	stop_servers
	[ -z "$outside" ] || rm -rf "$outside"
}

# outside: a folder that other users may enter.
outside() {
	[ "$EUID" = 0 ] || skip 'only root can become another'
	outside=$(mktemp -d)
	chmod 755 "$outside"
	cd "$outside" || return 1
}

# talk COMMANDS [OPTION...]: a session over pipes, its events in log.
talk() {
	local commands=$1
	shift
	printf "$commands" | crlf | "${serve[@]}" "$@" 2>log
}

@test "a session, pipelined in one segment, byte for byte" {
	printf 'Subject: a\n\n.dot\n' >home/Maildir/new/1.a
	talk "NOOP\n${login}CAPA\nSTAT\nUIDL\nRETR 1\nDELE 1\nQUIT\nNOOP\n" >out
	crlf <<-'END' | same out
	+OK POP3
	-ERR not in this state
	+OK
	+OK
	+OK
	TOP
	UIDL
	USER
	SASL PLAIN
	RESP-CODES
	AUTH-RESP-CODE
	PIPELINING
	EXPIRE NEVER
	.
	+OK 1 20
	+OK
	1 1.a
	.
	+OK message follows
	Subject: a

	..dot
	.
	+OK
	+OK bye
	END
	holds home/Maildir/new 0
	same pairs <<<'alice\0secret\0\0'
	same log <<-'END'
	event=login peer=unknown user=alice
	event=logout peer=unknown user=alice messages=1 sent=1 removed=1
	END
}

@test "the same when every octet comes alone" {
	printf 'a: b\n\nc\n' >home/Maildir/new/1
	printf "USER alice\nPASS x\n${login}STAT\nRETR 1\nUIDL\nFOO\nQUIT\n" |
		crlf >in
	"${serve[@]}" <in >whole 2>/dev/null
	"$PYTHON" - "${serve[@]}" <<-'END' >single
	import socket, subprocess, sys
	a, b = socket.socketpair()
	p = subprocess.Popen(sys.argv[1:], stdin=b, stdout=b, stderr=subprocess.DEVNULL)
	b.close()
	for c in open("in", "rb").read():
	    a.send(bytes([c]))
	sys.stdout.buffer.write(b"".join(iter(lambda: a.recv(4096), b"")))
	sys.exit(p.wait())
	END
	same single <whole
}

@test "10,000 commands sent behind the password are all served" {
	talk "$login$(printf 'NOOP\\n%.0s' {1..10000})QUIT\n" | sort | uniq -c |
		tr -d '\r' >out
	same out <<-'END'
	  10002 +OK
	      1 +OK POP3
	      1 +OK bye
	END
}

@test "SASL PLAIN logs in, and a name may hold what is no control character" {
	printf 'CAPA\r\nAUTH PLAIN\r\n%s\r\nSTAT\r\nQUIT\r\n' \
		"$(printf '\0a "\xff$(x) %%s[0m\0secret' | base64 -w 0)" |
		"${serve[@]}" 2>log >out
	tail -n 4 out >last
	printf '+ \n+OK\n+OK 0 0\n+OK bye\n' | crlf | same last
	same pairs <<<'a"377$(x)%s[0m\0secret\0\0'
	head -n 1 log >got
	same got <<-'END'
	event=login peer=unknown user="a \"\xff$(x) %s[0m"
	END
	rm pairs
	for name in 'a\nb' '\x1b[0m' '\x7f' 'a\r'; do
		printf 'AUTH PLAIN %s\r\nQUIT\r\n' \
			"$(printf "\\0$name\\0secret" | base64 -w 0)" |
			"${serve[@]}" | sed -n 2p
	done >out
	printf 'USER \x1b[0m\r\nPASS secret\r\nQUIT\r\n' | "${serve[@]}" |
		sed -n 2,3p >>out
	crlf <<-'END' | same out
	-ERR wrong response
	-ERR wrong response
	-ERR wrong response
	-ERR wrong response
	-ERR unknown command
	-ERR not in this state
	END
	[ ! -e pairs ]
}

@test "a wrong password is refused, and the third ends the session" {
	talk 'USER alice\nPASS x\nPASS secret\nUSER a b\nPASS c d \nUSER x\nPASS y\nUSER alice\nPASS secret\n' >out
	crlf <<-'END' | same out
	+OK POP3
	+OK
	-ERR [AUTH] wrong password
	-ERR not in this state
	+OK
	-ERR [AUTH] wrong password
	+OK
	-ERR [AUTH] wrong password
	END
	same pairs <<-'END'
	alice\0x\0\0
	ab\0cd\0\0
	x\0y\0\0
	END
	same log <<-'END'
	event=denied peer=unknown user=alice
	event=denied peer=unknown user="a b"
	event=denied peer=unknown user=x
	END
}

@test "a checker in trouble is no wrong password, and the client may go on" {
	for how in trouble killed lost; do
		talk "USER a\nPASS $how\n${login}STAT\nQUIT\n"
		cat log
	done >out
	{
		printf '+OK POP3\n+OK\n-ERR [SYS/TEMP] no login just now\n+OK\n+OK\n+OK 0 0\n+OK bye\n' |
			crlf
		cat <<-'END'
		event=no-login peer=unknown user=a
		event=login peer=unknown user=alice
		event=logout peer=unknown user=alice messages=0 sent=0 removed=0
		END
	} >one
	cat one one one | same out
	serve[2]=/nonexistent/checker
	talk "$login" >out
	printf '+OK POP3\n+OK\n-ERR [SYS/TEMP] no login just now\n' | crlf |
		same out
}

@test "a checker may be any shell command" {
	for cmd in "W=1 ./check" "true && ./check" "f" "  ./check" \
	    "command ./check" "exec ./check" 'sh -c "exec ./check \"\$@\"" sh'; do
		serve[2]=$cmd
		[ "$cmd" != f ] || serve[2]='f() { ./check "$@"; }; f'
		talk "${login}QUIT\n" | tail -n 1
	done | uniq -c >out
	printf '      7 +OK bye\r\n' | same out
}

@test "a checker that hangs is ended by somebody, and the client may go on" {
	mkfifo in
	"${serve[@]}" <in >out 2>log 3>&- &
	pid=$!
	exec 8>in
	printf 'USER a\r\nPASS hangs\r\n' >&8
	peers_wait 400 $pid test -s hanging
	kill -9 "$(cat hanging)"
	printf 'QUIT\r\n' >&8
	exec 8>&-
	exits 0 wait $pid
	printf '+OK POP3\n+OK\n-ERR [SYS/TEMP] no login just now\n+OK bye\n' |
		crlf | same out
}

@test "SIGTERM while a checker works ends it, and us" {
	mkfifo in
	"${serve[@]}" <in >out 2>log 3>&- &
	pid=$!
	exec 8>in
	printf 'USER a\r\nPASS hangs\r\n' >&8
	peers_wait 400 $pid test -s hanging
	kill $pid
	wait $pid || code=$?
	[ $code = 143 ] # SIGTERM's own
	exec 8>&-
	peers_wait 400 '' sh -c "! kill -0 $(cat hanging) 2>/dev/null"
}

# holders: a Python session over a socketpair; prints which processes have the
# other end of it, and under which numbers, before and after the login.
@test "the wire is the front's, then the session's, and nobody else's" {
	cat >holders.py <<-'END'
	import os, glob, signal, socket, subprocess, sys, time
	a, b = socket.socketpair()
	a.settimeout(20)
	wire = "socket:[%d]" % os.fstat(b.fileno()).st_ino
	p = subprocess.Popen(sys.argv[1:], stdin=b, stdout=b)
	b.close()
	def holders():
	    for d in glob.glob("/proc/[0-9]*"):
	        try:
	            fds = {int(f): os.readlink(d + "/fd/" + f)
	                   for f in os.listdir(d + "/fd")}
	            words = open(d + "/cmdline").read().split("\0")
	        except OSError:
	            continue
	        if wire in fds.values() and d != "/proc/self" and words[1:]:
	            yield (os.path.basename(words[0]), words[1],
	                   int(d[6:]) == p.pid,
	                   sorted(n for n in fds if fds[n] == wire),
	                   all("pipe" not in l and "memfd" not in l
	                       for n, l in fds.items() if n > 2))
	def one():
	    """The only one, once who ends has ended."""
	    for _ in range(500):
	        found = list(holders())
	        if len(found) == 1:
	            break
	        time.sleep(0.02)
	    return found
	def say(line):
	    a.send(line + b"\r\n")
	    print(a.recv(1000))
	print(a.recv(1000), *holders())
	say(b"USER alice")
	say(b"PASS secret")
	print(*one())
	say(b"STAT")
	if len(open("pairs").readlines()) == 1:
	    say(b"QUIT")
	    print(a.recv(1000), p.wait())
	END
	"$PYTHON" holders.py "${serve[@]}" >out 2>log
	same out <<-'END'
	b'+OK POP3\r\n' ('pop3-serve', '--auth', False, [0, 1], True)
	b'+OK\r\n'
	b'+OK\r\n'
	('pop3-serve', '--session', False, [0, 1], True)
	b'+OK 0 0\r\n'
	b'+OK bye\r\n'
	b'' 0
	END
}

@test "SIGTERM to the process that was started ends the session, and its client sees it" {
	"$PYTHON" - "${serve[@]}" >out 2>log <<-'END'
	import os, socket, subprocess, sys
	for logs_in in False, True:
	    a, b = socket.socketpair()
	    a.settimeout(20)
	    p = subprocess.Popen(sys.argv[1:], stdin=b, stdout=b)
	    b.close()
	    print(a.recv(1000))
	    if logs_in:
	        a.send(b"USER alice\r\nPASS secret\r\nSTAT\r\n")
	        got = b""
	        while b"0 0" not in got:
	            got += a.recv(1000)
	    p.terminate()
	    print(a.recv(1000), p.wait())
	END
	same out <<-'END'
	b'+OK POP3\r\n'
	b'' -15
	b'+OK POP3\r\n'
	b'' -15
	END
}

@test "under --listen a session counts until it ends, and its peer is known" {
	server log "${serve[@]}"
	"$PYTHON" - "$address" >out <<-'END'
	import poplib, sys
	host, port = sys.argv[1].rsplit(":", 1)
	def login(password):
	    p = poplib.POP3(host, int(port), 20)
	    p.user("alice")
	    try:
	        print(p.pass_(password))
	    except poplib.error_proto as e:
	        print(e)
	    return p
	p = login("secret")
	login("secret")
	login("wrong")
	print(p.stat(), p.quit())
	login("secret").quit()
	END
	same out <<-'END'
	b'+OK'
	b'-ERR [IN-USE] another session has the mailbox'
	b'-ERR [AUTH] wrong password'
	(0, 0) b'+OK bye'
	b'+OK'
	END
	pid=${servers[-1]}
	exec 9<>"/dev/tcp/${address%:*}/${address##*:}"
	printf 'USER alice\r\nPASS secret\r\n' >&9
	for _ in 1 2 3; do read -r -u 9; done
	kill "$pid"
	exits 0 wait "$pid"
	servers=()
	cat <&9 >rest
	exec 9<&-
	same rest </dev/null
	sed '1{/event=root/d}' log | grep -v event=listening >got
	same got <<-'END'
	event=login peer=127.0.0.1 user=alice
	event=denied peer=127.0.0.1 user=alice
	event=logout peer=127.0.0.1 user=alice messages=0 sent=0 removed=0
	event=login peer=127.0.0.1 user=alice
	event=logout peer=127.0.0.1 user=alice messages=0 sent=0 removed=0
	event=login peer=127.0.0.1 user=alice
	END
}

@test "under classic inetd nothing but the dialogue reaches the client" {
	sed -i '2i echo noise >&2' check
	sed -i 's/^export/echo more noise >\&2\n&/' check
	printf 'USER a\r\nPASS trouble\r\nUSER a\r\nPASS secret\r\nQUIT\r\n' |
		"$PYTHON" "$TESTS/wire.py" nowait "${serve[@]}" >out
	printf '+OK POP3\n+OK\n-ERR [SYS/TEMP] no login just now\n+OK\n+OK\n+OK bye\n' |
		crlf | same out
}

@test "the template says where the mailbox is, and no name leads out of it" {
	maildirs srv/example.org/alice srv/none/bob 'srv/%/x y'
	echo >srv/example.org/alice/new/1
	touch srv/none/bob/new/{1,2}
	touch 'srv/%/x y/new/'{1,2,3}
	for name in Alice@Example.ORG 'bob@none' 'a@b@none' ../none/bob@none \
	    bob@../srv/none bob@. alice .alice@example.org @none bob@ \
	    alice@example.org/ alice/@example.org bob@nowhere; do
		talk "USER $name\nPASS secret\nSTAT\n" --maildir "$PWD/srv/%d/%u" |
			tail -n +3
		head -n 1 log | sed "s,$PWD/,,"
	done | tr -d '\r' >out
	talk "USER X y@z\nPASS secret\nSTAT\n" --maildir "$PWD/srv/%%/%u" |
		tail -n 1 | tr -d '\r' >>out
	no=$'-ERR [SYS/TEMP] the mailbox cannot be opened\npop3-serve: user'
	same out <<-END
	+OK
	+OK 1 2
	event=login peer=unknown user=Alice@Example.ORG
	+OK
	+OK 2 0
	event=login peer=unknown user=bob@none
	-ERR [SYS/TEMP] the mailbox cannot be opened
	pop3-serve: open srv/none/a@b: No such file or directory
	$no ../none/bob@none: no mailbox can have this name
	$no bob@../srv/none: no mailbox can have this name
	$no bob@.: no mailbox can have this name
	$no alice: no mailbox can have this name
	$no .alice@example.org: no mailbox can have this name
	$no @none: no mailbox can have this name
	$no bob@: no mailbox can have this name
	$no alice@example.org/: no mailbox can have this name
	$no alice/@example.org: no mailbox can have this name
	-ERR [SYS/TEMP] the mailbox cannot be opened
	pop3-serve: open srv/nowhere/bob: No such file or directory
	+OK 3 0
	END
	sed -i 's/^export.*/unset HOME/' check
	exits 75 talk "${login}STAT\n" >out
	tail -n 1 out >last
	printf -- '-ERR [SYS/TEMP] the mailbox cannot be opened\r\n' | same last
	same log <<<'pop3-serve: user alice: no HOME'
}

@test "as root: each user's session is that user's, whoever reads first" {
	outside
	maildirs n/Maildir u/Maildir v/Maildir m/Maildir
	touch n/Maildir/new/1 u/Maildir/new/{1,2} v/Maildir/new/{1,2,3} \
		m/Maildir/new/{1,2,3,4}
	chown -R 65534:65534 n
	chown -R 4711:4712 u v
	chmod -R go= n u
	hash=$(openssl passwd -1 secret)
	printf '%s\n' "nobody:$hash::::$PWD/n" "uid:$hash:4711:4712::$PWD/u" \
		"virtual:$hash::::$PWD/v" "mail:$hash::::$PWD/m" \
		"root:$hash::::$PWD/n" "other:$hash:4711:4712::$PWD/n" >users
	chmod 600 users
	serve=(pop3-serve --auth "auth-passwd --file $PWD/users" --auth-clear)
	cat >ids.py <<-'END'
	import glob, socket, subprocess, sys
	for user in "nobody", "uid", "virtual", "mail", "other", "root":
	    a, b = socket.socketpair()
	    a.settimeout(20)
	    p = subprocess.Popen(sys.argv[1:], stdin=b, stdout=b,
	                         stderr=subprocess.DEVNULL)
	    b.close()
	    got = a.recv(1000)
	    a.send(b"USER %s\r\nPASS secret\r\nSTAT\r\n" % user.encode())
	    while got.count(b"\n") < 4 and b"opened\r\n" not in got:
	        got += a.recv(1000)
	    print(user, *got.split(b"\r\n")[2:-1])
	    for d in glob.glob("/proc/[0-9]*") if b"-ERR" not in got else ():
	        try:
	            s = open(d + "/status").read().split("\n")
	            words = open(d + "/cmdline").read()
	        except OSError:
	            continue
	        if "--session\0" in words and sys.argv[2] not in words and \
	                "PPid:\t%d" % p.pid in s:
	            print([l.split()[1:] for l in s
	                   if l.startswith(("Uid", "Gid", "Groups"))])
	    a.close()
	    p.wait()
	END
	"$PYTHON" ids.py "${serve[@]}" >out
	same out <<-'END'
	nobody b'+OK' b'+OK 1 0'
	[['65534', '65534', '65534', '65534'], ['65534', '65534', '65534', '65534'], ['65534']]
	uid b'+OK' b'+OK 2 0'
	[['4711', '4711', '4711', '4711'], ['4712', '4712', '4712', '4712'], []]
	virtual b'+OK' b'+OK 3 0'
	[['4711', '4711', '4711', '4711'], ['4712', '4712', '4712', '4712'], []]
	mail b'+OK' b'+OK 4 0'
	[['8', '8', '8', '8'], ['8', '8', '8', '8'], ['8']]
	other b'-ERR [SYS/TEMP] the mailbox cannot be opened'
	root b'-ERR [SYS/TEMP] no login just now' b'-ERR not in this state'
	END
}

@test "name and password of 248 octets each pass, longer ones by SASL, to 509" {
	name=$(printf 'n%.0s' {1..248})
	talk "USER $name\nPASS $name\n" | tail -n 1 >out
	sed 's/n\{248\}/N/g' pairs >>out
	long=$(printf 'x%.0s' {1..502})
	for more in a aa; do
		printf 'AUTH PLAIN\r\n%s\r\n' \
			"$(printf '\0%s\0secret' "$long$more" | base64 -w 0)" |
			"${serve[@]}" 2>log | tail -n 1 >>out
	done
	printf '%s\r\n' '-ERR [AUTH] wrong password' '+OK' '-ERR wrong response' |
		sed '1a N\\0N\\0\\0' | same out
}

@test "exit 64: a template that is none, a way in too few or too many" {
	for wrong in '--session --auth x' '--auth x --single-user md' \
	    '--auth x --maildir rel' '--auth x --maildir %u' \
	    '--auth x --maildir /a/%x' '--auth x --maildir /a/%' \
	    '--auth x --maildir /$HOME' '--auth x --maildir $HOMEx' \
	    '--auth x --maildir $USER' '--maildir /x'; do
		# shellcheck disable=SC2086 # words
		exits 64 pop3-serve $wrong 2>err </dev/null >out
		wc -l <err >lines
		echo 1 | same lines
		same out </dev/null
	done
}

@test "exit 75: a mailbox that is not there; a session that nobody waits for" {
	rm -r home/Maildir
	exits 75 talk "${login}STAT\n" >out
	printf '+OK POP3\n+OK\n-ERR [SYS/TEMP] the mailbox cannot be opened\n' |
		crlf | same out
	same log <<-END
	pop3-serve: open $PWD/home/Maildir: No such file or directory
	END
	maildirs home/Maildir
	exits 75 pop3-serve --session </dev/null >out 2>err 4</dev/null 5>&-
	same out </dev/null
	exits 75 pop3-serve --session </dev/null >out 2>err 4>&-
	same out </dev/null
}
