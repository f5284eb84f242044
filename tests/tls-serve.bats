#!/usr/bin/env bats
# tls-serve: TLS for a server that asks for it, for one that begins with it, and
# for one that knows nothing of it. drv/starttls is the server.
# shellcheck disable=SC2030,SC2031 # each test is a subshell
# shellcheck disable=SC2154 # drv, pid and address: tls.bash and interop.bash
load lib
load peers
load interop
load tls

setup() {
	sandbox
	pair=(--cert "$PWD/mx.pem" --key "$PWD/mx.key")
}

teardown() {
	stop_servers
	peers_stop
}

@test "STARTTLS: the server learns what was agreed on, and the log tells it" {
	certificate mx mx.example.org
	serve "${pair[@]}"
	client >out <<-'END'
	for v in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
	    t = starttls(p, ca="mx.pem", name="mx.example.org", version=v)
	    print(ask(t, "how"), ask(t, "quit"), rest(t))
	    print(*t.cipher()[1::-1])
	END
	same out <<-'END'
	TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384 bye b''
	TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384
	TLSv1.3 TLS_AES_256_GCM_SHA384 bye b''
	TLSv1.3 TLS_AES_256_GCM_SHA384
	END
	handshakes >said
	same said <<-'END'
	event=tls client=127.0.0.1 version=TLSv1.2 cipher=ECDHE-ECDSA-AES256-GCM-SHA384
	event=tls client=127.0.0.1 version=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384
	END
}

@test "--implicit: the handshake comes before the greeting" {
	certificate mx mx.example.org
	serve "${pair[@]}" --implicit
	client >out <<-'END'
	for v in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
	    t = wrap(connect(p), ca="mx.pem", name="mx.example.org", version=v)
	    print(line(t), ask(t, "how"), ask(t, "quit"), rest(t))
	s = connect(p)
	s.settimeout(0.2)
	try:
	    print(s.recv(100))
	except socket.timeout:
	    print("not a word in clear")
	END
	same out <<-'END'
	hello TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384 bye b''
	hello TLSv1.3 TLS_AES_256_GCM_SHA384 bye b''
	not a word in clear
	END
}

@test "TLS 1.0 and 1.1 are refused, and so are suites without encryption" {
	certificate mx mx.example.org
	serve "${pair[@]}"
	client >out 2>/dev/null <<-'END'
	for v in ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1:
	    try:
	        print(starttls(p, version=v).version())
	    except ssl.SSLError as e:
	        print(e.reason)
	s = connect(p)
	line(s), ask(s, "STARTTLS")
	c = context(version=ssl.TLSVersion.TLSv1_2)
	c.set_ciphers("aNULL:eNULL:@SECLEVEL=0")
	try:
	    print(c.wrap_socket(s).cipher())
	except ssl.SSLError as e:
	    print(e.reason)
	END
	same out <<-'END'
	TLSV1_ALERT_PROTOCOL_VERSION
	TLSV1_ALERT_PROTOCOL_VERSION
	SSLV3_ALERT_HANDSHAKE_FAILURE
	END
	handshakes >said
	same said <<-'END'
	event=tls-failed client=127.0.0.1 reason="unsupported protocol"
	event=tls-failed client=127.0.0.1 reason="unsupported protocol"
	event=tls-failed client=127.0.0.1 reason="no shared cipher"
	END
}

@test "of several certificates the client's server name chooses" {
	certificate mx mx.example.org
	certificate net '*.example.net' example.net
	certificate com mail.example.com MX.Example.Org
	serve "${pair[@]}" --cert net.pem --key net.key --cert com.pem \
		--key com.key
	client >out <<-'END'
	made = {ssl.PEM_cert_to_DER_cert(open(n + ".pem").read()): n
	        for n in ("mx", "net", "com")}
	for name in ("mx.example.org", "MX.example.ORG", "a.example.net",
	             "a.b.example.net", "example.net", "mail.example.com",
	             "other.example.com", "x." * 100 + "y", None):
	    t = starttls(p, name=name)
	    print(name and name[:20], made[t.getpeercert(True)])
	END
	same out <<-'END'
	mx.example.org mx
	MX.example.ORG mx
	a.example.net net
	a.b.example.net mx
	example.net net
	mail.example.com com
	other.example.com mx
	x.x.x.x.x.x.x.x.x.x. mx
	None mx
	END
}

@test "the chain is sent, so that a client that knows the root is content" {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-keyout root.key -out root.pem -subj /CN=root -days 2 2>/dev/null
	for name in middle mx; do
		openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
			-keyout $name.key -out $name.req -subj /CN=$name 2>/dev/null
		chmod 600 $name.key
	done
	openssl x509 -req -in middle.req -CA root.pem -CAkey root.key -days 2 \
		-extfile <(echo basicConstraints=critical,CA:TRUE) \
		-CAcreateserial -out middle.pem 2>/dev/null
	openssl x509 -req -in mx.req -CA middle.pem -CAkey middle.key -days 2 \
		-extfile <(echo subjectAltName=DNS:mx.example.org) \
		-CAcreateserial -out leaf.pem 2>/dev/null
	cat leaf.pem middle.pem >mx.pem
	serve "${pair[@]}"
	client >out <<-'END'
	t = starttls(p, ca="root.pem", name="mx.example.org")
	print(ask(t, "echo"))
	END
	echo echo | same out
}

@test "a renewed certificate serves the next client, a bad one does not" {
	certificate mx mx.example.org
	certificate new mx.example.org
	serve "${pair[@]}"
	client >out <<-'END'
	def which():
	    made = {ssl.PEM_cert_to_DER_cert(open(n).read()): n
	            for n in ("old.pem", "new.pem")}
	    t = starttls(p)
	    return made[t.getpeercert(True)], ask(t, "echo")
	subprocess.run(["cp", "mx.pem", "old.pem"])
	print(*which())
	# As a renewal does it, the certificate first.
	os.rename("mx.key", "old.key")
	os.link("old.key", "mx.key")
	subprocess.run(["cp", "new.pem", "next"])
	os.rename("next", "mx.pem")
	print(*which())
	print(*which())
	os.rename("new.key", "mx.key")
	print(*which())
	os.unlink("mx.pem")
	print(*which())
	END
	same out <<-'END'
	old.pem echo
	old.pem echo
	old.pem echo
	new.pem echo
	new.pem echo
	END
	grep ^tls-serve: log | sed "s,$PWD/,," >said
	same said <<-'END'
	tls-serve: mx.key: key values mismatch
	tls-serve: mx.pem: No such file or directory
	END
}

@test "with a bad certificate or key STARTTLS is 454, and 220 once it is good" {
	certificate mx mx.example.org
	certificate other mx.example.org
	mv mx.pem good.pem
	cp mx.key good.key
	serve "${pair[@]}"
	client >out <<-'END'
	import shutil
	def put(name, text, mode=0o600):
	    with open("next", "w") as f:
	        f.write(text)
	    os.chmod("next", mode)
	    os.rename("next", name)
	def answers(n=1):
	    for i in range(n):
	        s = connect(p)
	        line(s)
	        print(ask(s, "STARTTLS").split()[0], ask(s, "in clear"))
	pem, key = open("good.pem").read(), open("good.key").read()
	def good():
	    put("mx.pem", pem)
	    put("mx.key", key)
	put("mx.pem", "")
	answers(2)
	put("mx.pem", pem.replace("M", "N"))
	answers()
	put("mx.pem", pem + pem[:200])
	answers()
	put("mx.pem", "x" * (1 << 20) + pem)
	answers()
	put("mx.pem", pem)
	put("mx.key", open("other.key").read())
	answers()
	for mode in 0o644, 0o604, 0o660, 0o602:
	    put("mx.key", key, mode)
	    answers()
	subprocess.run(["openssl", "ec", "-in", "good.key", "-aes128", "-passout",
	                "pass:x", "-out", "locked"], stderr=subprocess.DEVNULL)
	put("mx.key", open("locked").read())
	answers()
	os.unlink("mx.key")
	os.mkfifo("mx.key", 0o600)
	answers()
	os.unlink("mx.key")
	answers()
	put("mx.key", key, 0o640)
	t = starttls(p)
	print(ask(t, "under TLS"))
	END
	{
		printf '454 in clear\n%.0s' {1..13}
		echo under TLS
	} | same out
	grep ^tls-serve: log | sed "s,$PWD/,,; s/asn1 [a-z ]*/asn1/" >said
	same said <<-'END'
	tls-serve: mx.pem: No such file or directory
	tls-serve: mx.pem: no start line
	tls-serve: mx.pem: wrong tag
	tls-serve: mx.pem: bad end line
	tls-serve: mx.pem: too long
	tls-serve: mx.key: key values mismatch
	tls-serve: mx.key: others may read or write it
	tls-serve: mx.key: others may read or write it
	tls-serve: mx.key: others may read or write it
	tls-serve: mx.key: others may read or write it
	tls-serve: mx.key: it has a passphrase
	tls-serve: mx.key: not a regular file
	tls-serve: mx.key: No such file or directory
	END
}

@test "megabytes pass both ways, octet for octet, one after the other and at once" {
	certificate mx mx.example.org
	serve "${pair[@]}"
	client >out <<-'END'
	block = bytes(ord("a") + i % 23 for i in range(1000))
	def exactly(t, n):
	    got = bytearray()
	    while len(got) < n:
	        data = t.recv(1 << 20)
	        if not data:
	            break
	        got += data
	    return bytes(got)
	for v in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
	    t = starttls(p, version=v)
	    t.sendall(b"send 8000000\r\n")
	    got = exactly(t, 8000000)
	    print(got == block * 8000)
	    up = os.urandom(3000017)
	    t.sendall(b"take 3000017\r\n" + up)
	    got = exactly(t, len(up))
	    print(got == up, ask(t, "quit"), rest(t))
	END
	printf 'True\nTrue bye b%s\n%.0s' "''" 1 "''" 2 | same out
	# What is sent back while it is still coming.
	seq -f 'line %.0f' 200000 | crlf >lines
	client lines >out <<-'END'
	t = starttls(p)
	sent = open(sys.argv[1], "rb").read()
	t.setblocking(False)
	got, at = bytearray(), 0
	while len(got) < len(sent):
	    select.select([t], [t] if at < len(sent) else [], [], 20)
	    try:
	        if at < len(sent):
	            at += t.send(sent[at:at + 65536])
	    except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
	        pass
	    try:
	        got += t.recv(65536)
	    except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
	        pass
	print(got == sent)
	END
	echo True | same out
}

@test "each direction ends by itself, with the goodbye of TLS or without" {
	certificate mx mx.example.org
	serve "${pair[@]}"
	client >out <<-'END'
	def begin():
	    s = connect(p)
	    line(s), ask(s, "STARTTLS")
	    return Session(s)
	for how in "goodbye", "end of the stream":
	    s = begin()
	    s.send(b"eof\r\n" + b"x" * 100000)
	    if how == "goodbye":
	        s.goodbye()
	    else:
	        s.s.shutdown(socket.SHUT_WR)
	    print(how, s.rest())
	# The other way round: the server ends first, and still hears us.
	s = begin()
	s.send(b"half\r\n")
	print(s.rest())
	s.send(b"x" * 100000)
	s.goodbye()
	print(s.s.recv(100))
	END
	same out <<-'END'
	goodbye b'100000 and the end\r\n'
	end of the stream b'100000 and the end\r\n'
	b'half\r\n'
	b''
	END
	peers_wait 400 "" grep -q event=half log
	grep event=half log >said
	echo event=half octets=100000 | same said
}

@test "a client that is cut off is an end to the server, which says so" {
	certificate mx mx.example.org
	serve "${pair[@]}"
	client <<-'END'
	import struct
	s = connect(p)
	line(s), ask(s, "STARTTLS")
	s = Session(s)
	s.send(b"half\r\n" + b"x" * 1000)
	s.rest()
	s.s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
	               struct.pack("ii", 1, 0))
	s.s.close()
	END
	peers_wait 400 "" grep -q event=half log
	kill "$pid"
	wait "$pid"
	peers_wait 400 "" none_left
}

@test "what the server wrote last arrives, slowly read or with it gone" {
	certificate mx mx.example.org
	serve "${pair[@]}"
	client >out <<-'END'
	s = socket.socket()
	s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
	s.connect(("127.0.0.1", p))
	line(s), ask(s, "STARTTLS")
	t = wrap(s)
	t.sendall(b"send 600000\r\nquit\r\n")
	time.sleep(0.3)
	got = rest(t)
	print(len(got), got[-5:])
	END
	same out <<-'END'
	600005 b'bye\r\n'
	END
}

# One address has twenty.
@test "forty sessions at once, each with what is its own" {
	certificate mx mx.example.org
	serve "${pair[@]}"
	client >out <<-'END'
	def one(n):
	    try:
	        t = starttls(p, "127.0.0.%d" % (1 + n % 2))
	        start.wait(30)
	        for i in range(20):
	            mine = "session %d line %d" % (n, i)
	            assert ask(t, mine) == mine
	        ok.append(n)
	    except Exception as e:
	        print(repr(e))
	ok, start = [], threading.Barrier(40)
	threads = [threading.Thread(target=one, args=(n,)) for n in range(40)]
	for t in threads:
	    t.start()
	for t in threads:
	    t.join()
	print(len(ok))
	END
	echo 40 | same out
}

@test "the broker ends with the server, and sessions under way are finished" {
	certificate mx mx.example.org
	serve "${pair[@]}"
	client "$pid" >out <<-'END'
	a, b = starttls(p), starttls(p)
	print(ask(a, "one"), ask(b, "two"))
	os.kill(int(sys.argv[1]), signal.SIGKILL)
	print(ask(a, "three"), ask(a, "quit"), ask(b, "four"))
	END
	same out <<-'END'
	one two
	three bye four
	END
	peers_wait 400 "" none_left
}

@test "signals to the group stop neither the broker nor what is under way" {
	certificate mx mx.example.org
	client "$drv" "$PWD" >out <<-'END'
	pem, key = (sys.argv[2] + "/mx." + x for x in ("pem", "key"))
	s, near = socket.socketpair()
	s.settimeout(20)
	c = subprocess.Popen(["tls-serve", "--cert", pem, "--key", key, "--",
	    "sh", "-c", "trap '' HUP INT QUIT TERM; exec \"$0\"", sys.argv[1]],
	    stdin=near, stdout=near, start_new_session=True)
	near.close()
	print(line(s))
	for sig in signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM:
	    os.killpg(c.pid, sig)
	print(ask(s, "STARTTLS"))
	t = Session(s)
	t.send(b"how\r\n")
	for sig in signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM:
	    os.killpg(c.pid, sig)
	t.send(b"quit\r\n")
	print(t.rest(), c.wait(20))
	END
	same out <<-'END'
	hello
	220 go
	b'TLSv1.3 TLS_AES_256_GCM_SHA384\r\nbye\r\n' 3
	END
	peers_wait 400 "" none_left
}

# sessions: two clients of $port under a super-server.
sessions() {
	client >out <<-'END'
	for i in range(2):
	    s = connect(p)
	    print(line(s), ask(s, "env"))
	    print(ask(s, "STARTTLS"))
	    t = Session(s)
	    t.send(b"how\r\nquit\r\n")
	    print(t.rest())
	END
	same out <<-'END'
	hello end
	220 go
	b'TLSv1.3 TLS_AES_256_GCM_SHA384\r\nbye\r\n'
	hello end
	220 go
	b'TLSv1.3 TLS_AES_256_GCM_SHA384\r\nbye\r\n'
	END
}

@test "systemd's listening socket is the server's own" {
	certificate mx mx.example.org
	free_port port
	systemd_activate "$port" "$BUILD/bin/tls-serve" "${pair[@]}" -- "$drv"
	sessions
	peers_stop
	peers_wait 400 "" none_left
}

@test "so is the connection of Accept=yes" {
	certificate mx mx.example.org
	free_port port
	systemd_activate -a "$port" "$BUILD/bin/tls-serve" "${pair[@]}" -- "$drv"
	sessions
	peers_stop
	peers_wait 400 "" none_left
}

@test "under inetd nothing is written to the connection but what belongs there" {
	certificate mx mx.example.org
	free_port port
	inetd_start "$port" nowait "$(id -un)" "$BUILD/bin/tls-serve" \
		"${pair[@]}" -- "$drv"
	sessions
	client >out <<-'END'
	s = connect(p)
	print(line(s), ask(s, "STARTTLS"))
	s.sendall(b"EHLO in clear\r\n")
	print(rest(s))
	END
	same out <<-'END'
	hello 220 go
	b''
	END
	peers_stop
}

@test "the server is executed in our place, with the way to the broker and no child" {
	certificate mx mx.example.org
	cat >server <<-'END'
	#!/usr/bin/python3
	import os, sys
	print(os.getpid() == int(sys.argv[1]), sys.argv[2:])
	fds = os.listdir("/proc/self/fd")
	print(sorted(int(f) for f in fds if os.path.exists("/proc/self/fd/" + f)))
	print(os.environ["TLS_FD"], os.environ.get("TLS_MODE"))
	print(os.environ["PATH"].split(":")[0] == sys.argv[2])
	try:
	    print(os.waitpid(-1, os.WNOHANG))
	except ChildProcessError:
	    print("no child")
	END
	chmod +x server
	for option in '' --implicit; do
		# Python closes what is open here.
		# shellcheck disable=SC2016,SC2086 # the server's own; none is none
		"$PYTHON" -c 'import subprocess, sys; subprocess.run(sys.argv[1:])' \
			tls-serve "${pair[@]}" $option -- \
			sh -c 'exec ./server $$ "$@"' sh "$BUILD/bin" a '' <mx.pem
	done >out
	same out <<-END
	True ['$BUILD/bin', 'a', '']
	[0, 1, 2, 100]
	100 None
	True
	no child
	True ['$BUILD/bin', 'a', '']
	[0, 1, 2, 100]
	100 implicit
	True
	no child
	END
	peers_wait 400 "" none_left
}

@test "standard descriptors that are closed at the start do no harm" {
	certificate mx mx.example.org
	tls-serve "${pair[@]}" -- "$drv" -l 127.0.0.1:0 <&- >&- 2>log 3>&- &
	servers+=($!)
	peers_wait 400 $! listens log
	port=${address##*:}
	client >out <<-'END'
	print(ask(starttls(p), "echo"))
	s, near = socket.socketpair()
	s.settimeout(20)
	pair = "--cert", "mx.pem", "--key", "mx.key"
	c = subprocess.Popen(["sh", "-c", 'exec tls-serve "$@" >&- 2>&-', "sh",
	                      *pair, "--wrap", "--", "cat"], stdin=near)
	near.close()
	t = Session(s)
	t.send(b"wrapped")
	t.goodbye()
	print(t.rest(), c.wait(20))
	END
	printf '%s\n' echo "b'wrapped' 0" | same out
}

@test "its exit status and its signals are ours" {
	certificate mx mx.example.org
	for script in 'exit 0' 'exit 7' 'kill -TERM $$' 'kill -KILL $$'; do
		got=0
		tls-serve "${pair[@]}" -- sh -c "$script" || got=$?
		echo "$got"
	done >out
	printf '%s\n' 0 7 143 137 | same out
}

@test "what cannot be executed is 126, what is not there 127" {
	certificate mx mx.example.org
	exits 126 tls-serve "${pair[@]}" -- "$PWD" 2>err
	exits 127 tls-serve "${pair[@]}" -- ./missing 2>>err
	same err <<-END
	tls-serve: execute $PWD: Permission denied
	tls-serve: execute ./missing: No such file or directory
	END
	peers_wait 400 "" none_left
}

@test "wrong command lines are 64, wrong files of options 78" {
	for line in '' '-- true' '--cert a -- true' '--cert a --key b' \
		'--cert a --key b --cert c -- true' \
		'--cert a --key b --wrap --implicit -- true' \
		'--cert a --key b --log paper -- true' \
		'--cert a --key b --wrap -- true'; do
		# shellcheck disable=SC2086 # a list of words
		exits 64 tls-serve $line </dev/null 2>>err
	done
	printf 'cert a\nkey b\nciphers all\n' >options
	exits 78 tls-serve --config options -- true 2>>err
	same err <<-'END'
	tls-serve: --cert and --key are needed, each as often
	tls-serve: --cert and --key are needed, each as often
	tls-serve: --cert and --key are needed, each as often
	tls-serve: which server? -- COMMAND [ARG...]
	tls-serve: --cert and --key are needed, each as often
	tls-serve: either --implicit or --wrap, not both
	tls-serve: `paper' is not stderr, syslog or none
	tls-serve: descriptor 0 is no connection
	tls-serve: options:3: unknown option `ciphers'
	END
}

@test "no socket or process to be had is 71" {
	certificate mx mx.example.org
	export ASAN_OPTIONS=detect_leaks=0
	exits 71 strace -o /dev/null -e trace=socketpair \
		-e inject=socketpair:error=EMFILE \
		tls-serve "${pair[@]}" -- true 2>err
	exits 71 strace -o /dev/null -e trace=clone -e inject=clone:error=EAGAIN \
		tls-serve "${pair[@]}" -- true 2>>err
	same err <<-'END'
	tls-serve: make a socket: Too many open files
	tls-serve: fork: Resource temporarily unavailable
	END
}

@test "--config: the certificates of a file" {
	certificate mx mx.example.org
	certificate net '*.example.net'
	cat >options <<-END
	# two of them
	cert $PWD/mx.pem
	key $PWD/mx.key
	cert net.pem
	key net.key
	END
	serve --config options
	client >out <<-'END'
	for ca, name in ("mx.pem", "mx.example.org"), ("net.pem", "a.example.net"):
	    print(ask(starttls(p, ca=ca, name=name), name))
	END
	printf '%s\n' mx.example.org a.example.net | same out
}

# wrapped COMMAND...: --wrap for one connection on descriptors 0, 1 and 2;
# standard input is the client, in Python, which has it as s.
wrapped() {
	{
		cat <<-'END'
		import socket, subprocess, sys
		from tls import *
		with socket.create_server(("127.0.0.1", 0)) as listener:
		    s = connect(listener.getsockname()[1])
		    near, _ = listener.accept()
		c = subprocess.Popen(sys.argv[1:], stdin=near, stdout=near, stderr=near)
		near.close()
		END
		cat
		echo 'print(c.wait(20))'
	} >client.py
	"$PYTHON" client.py tls-serve "${pair[@]}" --wrap -- "$@"
}

@test "--wrap: a program that knows nothing of it speaks TLS" {
	certificate mx mx.example.org
	wrapped cat >out <<-'END'
	t = Session(s)
	data = b"x" * 300000
	t.send(data)
	t.goodbye()
	print(t.rest() == data)
	END
	printf '%s\n' True 0 | same out
}

@test "--wrap: the program may end before the handshake has begun" {
	certificate mx mx.example.org
	wrapped sh -c 'echo hello; echo "an error" >&2; exit 9' >out <<-'END'
	c.wait(20)
	print(Session(s).rest())
	END
	printf '%s\n' "b'hello\\nan error\\n'" 9 | same out
	peers_wait 400 "" none_left
}

@test "--wrap: the client's address is in the environment, TLS_FD is not" {
	certificate mx mx.example.org
	# shellcheck disable=SC2016 # the program's own
	wrapped sh -c 'echo "$REMOTE_ADDR ${REMOTE_PORT:+port} $TLS_FD"
		ls /proc/self/fd' >out <<-'END'
	print(Session(s).rest())
	END
	printf '%s\n' "b'127.0.0.1 port \\n0\\n1\\n2\\n3\\n'" 0 | same out
}

@test "--wrap: a failed handshake is the end of the program's input" {
	certificate mx mx.example.org
	wrapped sh -c 'cat; exit 4' >out <<-'END'
	s.sendall(b"EHLO in clear\r\n")
	print(rest(s))
	END
	printf '%s\n' "b''" 4 | same out
}

@test "--log=none: nothing is said of handshakes" {
	certificate mx mx.example.org
	tls-serve "${pair[@]}" --log none -- "$drv" -l 127.0.0.1:0 2>log \
		</dev/null 3>&- &
	servers+=($!)
	peers_wait 400 $! listens log
	port=${address##*:}
	client >out <<-'END'
	print(ask(starttls(p), "echo"))
	END
	echo echo | same out
	! grep event=tls log
}

# All that is mapped, shared pages by halves. Others' /proc is root's to read.
@test "a session takes less than 12 MB in all its processes" {
	[ "$EUID" = 0 ] || skip 'needs root'
	case $BUILD in
	*/san*) skip 'said of the plain build' ;;
	esac
	certificate mx mx.example.org
	serve "${pair[@]}"
	client "$PWD/mx.pem" "$pid" >out <<-'END'
	def sum_of(pids):
	    n = 0
	    for pid in pids:
	        for text in open("/proc/%s/smaps_rollup" % pid):
	            if text.startswith("Pss:"):
	                n += int(text.split()[1])
	    return n
	def is_session(pid):
	    with open("/proc/%s/stat" % pid) as f:
	        parent = f.read().rsplit(")")[-1].split()[1]
	    return sys.argv[2] in (pid, parent)
	def ours():
	    for pid in filter(str.isdigit, os.listdir("/proc")):
	        try:
	            command = open("/proc/%s/cmdline" % pid).read()
	            if pid != str(os.getpid()) and \
	                    (sys.argv[1] in command or is_session(pid)):
	                yield pid
	        except OSError:
	            pass
	t = starttls(p)
	t.sendall(b"send 3000000\r\n")
	got = 0
	while got < 3000000:
	    got += len(t.recv(65536))
	pids = list(ours())
	print(len(pids), sum_of(pids) < 12000 or sum_of(pids))
	END
	echo 4 True | same out
}

@test "--user: who talks to the client is that user, confined; who has the keys is not" {
	[ "$EUID" = 0 ] || skip 'needs root'
	certificate mx mx.example.org
	certificate new mx.example.org
	chmod 755 "$BATS_TEST_TMPDIR"
	serve "${pair[@]}" --user nobody
	client >out <<-'END'
	def relay():
	    [pid] = relays(broker())
	    with open("/proc/%s/status" % pid) as f:
	        return dict(text.split(":\t", 1) for text in f)
	t = starttls(p)
	print(ask(t, "echo"))
	s = relay()
	for name in "Uid", "Groups", "CapEff", "NoNewPrivs", "Seccomp":
	    print(name, *s[name].split()[:1])
	# Only root may read the renewed key.
	for name in "pem", "key":
	    os.rename("new." + name, "mx." + name)
	print(ask(starttls(p, ca="mx.pem", name="mx.example.org"), "renewed"))
	END
	seccomp=2
	! grep -q 'event=unconfined.*seccomp' log || seccomp=0
	case $BUILD in
	*/san*) seccomp=0 ;;
	esac
	same out <<-END
	echo
	Uid $(id -u nobody)
	Groups
	CapEff 0000000000000000
	NoNewPrivs 1
	Seccomp $seccomp
	renewed
	END
}

@test "--user: nobody that there is not, and not root: 454, and a line" {
	certificate mx mx.example.org
	for user in no-such-user root; do
		serve "${pair[@]}" --user $user
		client >>out <<-'END'
		s = connect(p)
		line(s)
		print(ask(s, "STARTTLS").split()[0], ask(s, "in clear"))
		END
		grep ^tls-serve: log >>said
	done
	printf '454 in clear\n%.0s' 1 2 | same out
	same said <<-'END'
	tls-serve: user no-such-user: no such user
	tls-serve: user root: root is no user to become
	END
}
