#!/usr/bin/env bats
# tls-serve: clients that do not shake hands, and servers that strangers have
# taken over. drv/starttls is the server.
# shellcheck disable=SC2030,SC2031 # each test is a subshell
# shellcheck disable=SC2154 # drv, pid and address: tls.bash and interop.bash
load lib
load peers
load interop
load tls

setup() {
	sandbox
	pair=(--cert "$PWD/mx.pem" --key "$PWD/mx.key")
	certificate mx mx.example.org
}

teardown() {
	stop_servers
	peers_stop
}

@test "what was sent behind STARTTLS is neither obeyed nor kept" {
	serve "${pair[@]}"
	client >out <<-'END'
	# In the segment of the command: read by the server, which drops it. The
	# handshake is as if it had not been.
	s = connect(p)
	line(s)
	s.sendall(b"STARTTLS\r\ninjected\r\n")
	print(line(s))
	t = wrap(s)
	print(ask(t, "echo"))
	# Behind it, not yet read by the server when it asks: no handshake.
	s = connect(p)
	line(s)
	s.sendall(b"STARTTLS\r\n" + b"injected\r\n" * 20000)
	print(line(s))
	try:
	    print(wrap(s).version())
	except (ssl.SSLError, OSError):
	    print("no handshake")
	END
	same out <<-'END'
	220 go
	echo
	220 go
	no handshake
	END
}

@test "what is no handshake ends it, is a line of the log, and the next is served" {
	serve "${pair[@]}"
	client >out <<-'END'
	hello = bytes.fromhex("010000")  # and a length
	def record(data):
	    return b"\x16\x03\x01" + len(data).to_bytes(2, "big") + data
	def begin():
	    s = connect(p)
	    line(s), ask(s, "STARTTLS")
	    return s
	for data in (b"", b"GET / HTTP/1.0\r\n\r\n", b"EHLO x\r\n",
	             b"\0" * 100, b"\x80\x2e\x01\x03\x01" + b"\0" * 60,
	             record(b"\x01\0\0\x02\x03\x03"), record(b""),
	             b"\x16\x03\x01\xff\xff" + b"x" * 70000,
	             record(b"\x01\xff\xff\xff" + b"x" * 1000),
	             b"\x15\x03\x03\0\2\2\x28", b"\x17\x03\x03\0\5hello"):
	    s = begin()
	    try:
	        s.sendall(data)
	        s.shutdown(socket.SHUT_WR)
	        rest(s)
	    except OSError:
	        pass
	    t = starttls(p)
	    print(ask(t, "next"))
	END
	printf 'next\n%.0s' {1..11} | same out
	[ "$(grep -c '^event=tls-failed client=127.0.0.1 reason=' log)" = 11 ]
	[ "$(grep -c '^event=tls client=127.0.0.1 ' log)" = 11 ]
	! grep -v -e '^event=tls' -e '^event=root' -e '^event=listening' \
		-e '^event=no-tls reason="Protocol error"$' log
}

@test "a handshake of many octets is ended at 64 KiB" {
	serve "${pair[@]}"
	client >out 2>&1 <<-'END'
	s = connect(p)
	line(s), ask(s, "STARTTLS")
	# A hello that says it has 120,000, in records of 1,000.
	data = b"\x01\x01\xd4\xc0\x03\x03" + b"\0" * 120000
	try:
	    for i in range(0, 120000, 1000):
	        part = data[i:i + 1000]
	        s.sendall(b"\x16\x03\x01" + len(part).to_bytes(2, "big") + part)
	    rest(s)
	except OSError:
	    pass
	print(ask(starttls(p), "next"))
	END
	echo next | same out
	handshakes | head -n 1 >said
	echo 'event=tls-failed client=127.0.0.1 reason="too many octets"' | same said
}

@test "after 30 seconds of silence or drips the handshake is over, others go on" {
	serve "${pair[@]}"
	client >out <<-'END'
	def begin():
	    s = connect(p)
	    line(s), ask(s, "STARTTLS")
	    return s
	silent, drips, talks = begin(), begin(), starttls(p)
	hello = ssl.MemoryBIO()
	try:
	    context().wrap_bio(ssl.MemoryBIO(), hello).do_handshake()
	except ssl.SSLWantReadError:
	    pass
	began = time.monotonic()
	open_ = {silent, drips}
	for octet in hello.read():
	    if drips in open_:
	        drips.sendall(bytes([octet]))
	    for s in select.select(list(open_), [], [], 1)[0]:
	        open_.discard(s)
	        print(29 < time.monotonic() - began < 36)
	    if not open_:
	        break
	print(ask(talks, "echo"), ask(starttls(p), "next"))
	END
	same out <<-'END'
	True
	True
	echo next
	END
	grep failed log >said
	printf 'event=tls-failed client=127.0.0.1 reason=timeout\n%.0s' 1 2 |
		same said
}

@test "a client that goes away in each state is not missed" {
	serve "${pair[@]}"
	client >out <<-'END'
	import struct
	def cut(s):
	    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
	                 struct.pack("ii", 1, 0))
	    s.close()
	hello = ssl.MemoryBIO()
	try:
	    context().wrap_bio(ssl.MemoryBIO(), hello).do_handshake()
	except ssl.SSLWantReadError:
	    pass
	hello = hello.read()
	for how in cut, lambda s: s.close():
	    s = connect(p)
	    line(s)
	    s.sendall(b"STARTTLS\r\n")
	    how(s)
	    for part in b"", hello[:100], hello:
	        s = connect(p)
	        line(s), ask(s, "STARTTLS")
	        s.sendall(part)
	        how(s)
	    t = starttls(p)
	    t.sendall(b"send 3000000\r\n")
	    t.recv(100)
	    how(t)
	    t = starttls(p)
	    t.sendall(b"take 3000000\r\n" + b"x" * 100000)
	    how(t)
	print(ask(starttls(p), "next"))
	END
	echo next | same out
	kill "$pid"
	wait "$pid"
	peers_wait 400 "" none_left
}

# The server is one that strangers have taken over: it says anything to the
# broker, and then asks as it should.
@test "no datagram harms the broker, and no descriptor stays with it" {
	cat >server.py <<-'END'
	import array, errno, os, socket, sys, time
	from tls import *
	s = socket.socket(fileno=int(os.environ["TLS_FD"]))
	s.settimeout(20)
	def send(data, fds=()):
	    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
	               array.array("i", fds))] if fds else []
	    while True:
	        try:
	            return s.sendmsg([data], rights)
	        except OSError as e:
	            # Who is no root may have so many on their way.
	            if e.errno != errno.ETOOMANYREFS:
	                raise
	            time.sleep(0.02)
	def start():
	    """What a server does; True when the relay is ready."""
	    near, far = socket.socketpair()
	    wire, client = socket.socketpair()
	    send(b"START", [wire.fileno(), far.fileno()])
	    far.close()
	    near.settimeout(20)
	    return line(near) == "READY"
	def fds():
	    return sorted(os.listdir("/proc/%s/fd" % broker()))
	print(start())
	before = fds() if os.getuid() == 0 else None
	a, b = socket.socketpair()
	pipe, datagram = os.pipe(), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
	file, listener = os.open("/dev/zero", os.O_RDONLY), socket.socket()
	listener.bind(("127.0.0.1", 0))
	listener.listen()
	socks = [a.fileno(), b.fileno()]
	for data in (b"", b"S", b"START", b"STARTX", b"START\0", b"WRAPX",
	             b"start", b"\0" * 5, b"x" * 100000):
	    for rights in ((), socks[:1], socks + [file], socks * 100,
	                   [file, file], list(pipe), [file, socks[0]],
	                   [socks[0], pipe[1]], [s.fileno(), s.fileno()],
	                   [socks[0], datagram.fileno()]):
	        for _ in range(3):
	            send(data, rights)
	# The last close of this one waits for who never reads.
	slow = socket.create_connection(listener.getsockname())
	slow.setblocking(False)
	try:
	    while True:
	        slow.send(b"x" * 100000)
	except BlockingIOError:
	    pass
	slow.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
	                array.array("i", [1, 15]))
	slow.setblocking(True)
	send(b"START", [slow.fileno(), file])
	os.close(slow.detach()) # the broker has it, if only for a while
	then = time.monotonic()
	print(start(), time.monotonic() - then < 10)
	# These two are as they should be, but for what they lead to.
	for data in b"START", b"WRAP":
	    send(data, [listener.fileno(), a.fileno()])
	    send(data, [a.fileno(), a.fileno()])
	print(start())
	a.close(), b.close(), listener.close()
	while before and fds() != before:
	    time.sleep(0.02)
	print("as before")
	END
	timeout 60 tls-serve "${pair[@]}" -- \
		"$PYTHON" server.py >out 2>err
	printf '%s\n' True 'True True' True 'as before' | same out
	[ -z "$(grep -v 'event=tls-failed client=[a-z0-9.]* reason=' err)" ]
	peers_wait 400 "" none_left
}

@test "a server that is gone right behind its go-ahead leaves no client waiting" {
	cat >server.py <<-'END'
	import array, os, signal, socket
	from tls import *
	s = socket.socket(fileno=int(os.environ["TLS_FD"]))
	near, far = socket.socketpair()
	wire, client = socket.socketpair()
	s.sendmsg([b"START"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
	    array.array("i", [wire.fileno(), far.fileno()]))])
	far.close(), wire.close()
	near.settimeout(20)
	print(line(near))
	[relay] = relays(broker())
	# It finds both at once.
	os.kill(relay, signal.SIGSTOP)
	near.sendall(b"\n")
	near.close()
	os.kill(relay, signal.SIGCONT)
	client.settimeout(15)
	print(client.recv(1))
	END
	timeout 60 tls-serve "${pair[@]}" -- "$PYTHON" server.py >out 2>err
	printf '%s\n' READY "b''" | same out
	peers_wait 400 "" none_left
}
