#!/usr/bin/env bats
# lib/serve: every form of activation, limits, and an orderly end. The session
# of drv/serve greets and answers lines.
# shellcheck disable=SC2030,SC2031,SC2154 # each @test is a subshell, and means it
load lib

setup() {
	sandbox
	drv=$BUILD/drv/serve
	wire=$TESTS/wire.py
	pid=
	export PYTHONPATH=$TESTS PYTHONDONTWRITEBYTECODE=1
}

teardown() {
	[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null || true
}

# say LINE...: the client's side
say() { printf '%s\r\n' "$@"; }

# listen OPTIONS...: starts the server and waits for it; sets pid, and address
# as the log tells it.
listen() {
	: >log
	"$drv" "$@" 2>>log &
	pid=$!
	eventually listens log
}

# stop: SIGTERM; the exit status is the server's.
stop() {
	kill "$pid"
	wait "$pid"
	local status=$?
	pid=
	return $status
}

ipv6() {
	[ -e /proc/net/if_inet6 ] && grep -q ' lo$' /proc/net/if_inet6
}

@test "two pipes are the peer, and the session's exit status is ours" {
	say who fds x quit | REMOTE_ADDR=192.0.2.1 exits 3 "$drv" >out
	sed -i '3s/.*/fds/' out
	printf 'hello\r\n192.0.2.1\r\nfds\nx\r\nbye\r\n' | same out
	say x | exits 0 "$drv" >out
	say hello x | same out
}

@test "inetd: a connection on fds 0, 1 and 2" {
	say who fds quit | exits 3 python3 -S "$wire" nowait "$drv" >out
	say hello 127.0.0.1 '0 1 2' bye | same out
}

@test "systemd with Accept=yes: a connection on fd 3" {
	say who fds env quit | exits 3 python3 -S "$wire" connected "$drv" >out
	say hello 127.0.0.1 '0 1 2' end bye | same out
}

@test "several connections on descriptors: a session each, then exit 0" {
	cat >run.py <<-'END'
	import os, socket, subprocess, sys
	pairs = [socket.socketpair() for _ in range(3)]
	for i, (near, far) in enumerate(pairs):
	    os.dup2(far.fileno(), 30 + i)
	def place():
	    for i in range(3):
	        os.dup2(30 + i, 3 + i)
	        os.set_inheritable(3 + i, True)
	    os.closerange(6, 1024)
	p = subprocess.Popen(["sh", "-c", 'LISTEN_PID=$$ LISTEN_FDS=3 exec "$0"',
	                      sys.argv[1]], stdin=subprocess.DEVNULL,
	                     close_fds=False, preexec_fn=place)
	for i, (near, far) in enumerate(pairs):
	    os.close(30 + i)
	    far.close()
	for near, _ in pairs:
	    near.sendall(b"fds\r\nquit\r\n")
	for near, _ in pairs:
	    print(b"".join(iter(lambda: near.recv(1000), b"")))
	print(p.wait())
	END
	timeout 30 python3 run.py "$drv" >out 2>err
	printf '%s\n' "b'hello\\r\\n0 1 2\\r\\nbye\\r\\n'" >line
	cat line line line - <<<0 >want
	same out <want
	same err </dev/null
}

@test "descriptors meant for another process are left alone" {
	: >run
	say who quit | LISTEN_PID=1 LISTEN_FDS=1 exits 3 "$drv" 3<run >out
	say hello unknown bye | same out
}

@test "systemd with Accept=no: a listening socket on fd 3" {
	say who fds env quit | REPEAT=3 REMOTE_ADDR=192.0.2.1 \
		exits 0 python3 -S "$wire" listening "$drv" >out 2>log
	say hello 127.0.0.1 '0 1 2' end bye >one
	cat one one one | same out
	sed -i 's/:[0-9]*$/:PORT/' log
	sed -i /^event=root/d log
	echo 'event=listening address=127.0.0.1:PORT' | same log
}

@test "systemd-socket-activate starts it both ways" {
	command -v systemd-socket-activate >/dev/null ||
		skip "no systemd-socket-activate here"
	for how in '' --accept; do
		systemd-socket-activate $how -l "$PWD/sock" "$drv" 2>log &
		pid=$!
		eventually [ -S sock ]
		say who fds quit | python3 -S "$wire" to "$PWD/sock" >out
		kill "$pid"
		wait "$pid" || true
		pid=
		rm -f sock
		say hello local '0 1 2' bye | same out
	done
}

@test "inetd's wait: a listening socket on fds 0, 1 and 2" {
	say who fds env quit | REPEAT=3 REMOTE_ADDR=192.0.2.1 \
		exits 0 python3 -S "$wire" wait "$drv" >out
	say hello 127.0.0.1 '0 1 2' end bye >one
	cat one one one | same out
}

@test "--listen on an IPv4 address, whatever the caller's peer was" {
	REMOTE_ADDR=192.0.2.1 REMOTE_PORT=1 TCPREMOTEIP=192.0.2.1 \
		listen -l 127.0.0.1:0
	say who fds env quit | python3 -S "$wire" to "$address" >out
	say hello 127.0.0.1 '0 1 2' end bye | same out
	stop
}

@test "--listen on an IPv6 address" {
	ipv6 || skip "no IPv6 loopback here"
	listen -l '[::1]:0'
	[ "${address%:*}" = '[::1]' ]
	say who quit | python3 -S "$wire" to "$address" >out
	say hello ::1 bye | same out
	stop
}

@test "--listen on a port alone serves every family there is" {
	listen -l :0
	port=${address##*:}
	say who quit | python3 -S "$wire" to "127.0.0.1:$port" >out
	say hello 127.0.0.1 bye | same out
	if ipv6; then
		say who quit | python3 -S "$wire" to "[::1]:$port" >out
		say hello ::1 bye | same out
	fi
	stop
}

@test "--listen on all addresses of each family, on one port" {
	ipv6 || skip "no IPv6 loopback here"
	listen -l 0.0.0.0:0
	port=${address##*:}
	stop
	listen -l "0.0.0.0:$port" -l "[::]:$port"
	say who quit | python3 -S "$wire" to "127.0.0.1:$port" >out
	say who quit | python3 -S "$wire" to "[::1]:$port" >>out
	{
		say hello 127.0.0.1 bye
		say hello ::1 bye
	} | same out
	stop
}

@test "--listen on a path, which is removed at the end and reused if dead" {
	python3 -c 'import socket; socket.socket(1).bind("sock")'
	listen -l ./sock
	echo ./sock >want
	echo "$address" | same want
	say who quit | python3 -S "$wire" to ./sock >out
	say hello local bye | same out
	stop
	[ ! -e sock ]
}

@test "--listen on several addresses" {
	listen -l 127.0.0.1:0 -l ./sock -l 127.0.0.1:0
	sed -n 's/^event=listening address=//p' log >addresses
	while read -r a; do
		say who quit | python3 -S "$wire" to "$a"
	done <addresses >out
	{
		say hello 127.0.0.1 bye
		say hello local bye
		say hello 127.0.0.1 bye
	} | same out
	stop
}

@test "--listen with standard descriptors closed" {
	listen -l ./sock <&- >&-
	say fds quit | python3 -S "$wire" to ./sock >out
	say hello '0 1 2' bye | same out
	stop
}

@test "what is no address is 64" {
	for a in '' 25 127.0.0.1 127.0.0.1: 127.0.0.1:x 127.0.0.1:65536 \
		localhost:0 ::1:0 '[127.0.0.1]:0' '[]:0' '[:0' \
		"./$(printf '%0120d' 0)"; do
		exits 64 timeout 5 "$drv" -l "$a" 2>>err
	done
	wc -l <err >lines
	echo 12 | same lines
	exits 64 "$drv" -l 25 2>err
	same err <<-'END'
	drv: listen 25: not ADDR:PORT, [ADDR]:PORT, :PORT or a path with a slash
	END
}

@test "an address that cannot be had is 71" {
	listen -l 127.0.0.1:0 -l ./sock
	exits 71 "$drv" -l "$address" 2>err
	echo "drv: listen $address: Address already in use" | same err
	exits 71 "$drv" -l ./sock 2>err
	echo 'drv: listen ./sock: Address already in use' | same err
	exits 71 "$drv" -l 192.0.2.1:0 2>err
	echo 'drv: listen 192.0.2.1:0: Cannot assign requested address' |
		same err
	touch file
	exits 71 "$drv" -l ./file 2>err
	echo 'drv: listen ./file: Address already in use' | same err
	# The one that was there still serves.
	say quit | python3 -S "$wire" to ./sock >out
	say hello bye | same out
	stop
}

@test "beyond the limit of an address: the busy line, and others still served" {
	listen -l 127.0.0.1:0 -a 2
	timeout 30 python3 - "$address" >out <<-'END'
	import socket, sys, wire
	port = int(sys.argv[1].rsplit(":", 1)[1])
	def come(source):
	    return socket.create_connection(("127.0.0.1", port), 20, (source, 0))
	def greeting(s):
	    return s.makefile("rb").readline()
	first, second = come("127.0.0.1"), come("127.0.0.1")
	print(greeting(first), greeting(second))
	third = come("127.0.0.1")
	third.sendall(b"early\r\n")
	print(third.makefile("rb").read())
	other = come("127.0.0.2")
	print(greeting(other))
	first.close()
	while True:
	    again = come("127.0.0.1")
	    line = greeting(again)
	    if line != b"421 busy\r\n":
	        break
	print(line)
	END
	same out <<-'END'
	b'hello\r\n' b'hello\r\n'
	b'421 busy\r\n'
	b'hello\r\n'
	b'hello\r\n'
	END
	stop
}

@test "the limit of an address holds for IPv6, and on all sockets together" {
	ipv6 || skip "no IPv6 loopback here"
	listen -l '[::1]:0' -l :0 -a 2
	sed -n 's/^event=listening address=.*:/[::1]:/p' log >addresses
	timeout 30 python3 - >out <<-'END'
	import wire
	addresses = open("addresses").read().split()
	def greeting(address):
	    s = wire.connect(address)
	    return s, s.makefile("rb").readline()
	kept = [greeting(a) for a in addresses]
	print(*(text for _, text in kept))
	print(*(greeting(a)[1] for a in addresses))
	other = addresses[1].rsplit(":", 1)[1]
	print(greeting("127.0.0.1:" + other)[1])
	END
	same out <<-'END'
	b'hello\r\n' b'hello\r\n'
	b'421 busy\r\n' b'421 busy\r\n'
	b'hello\r\n'
	END
	stop
}

@test "beyond the overall limit: the busy line, on a Unix socket too" {
	listen -l ./sock -m 2 -a 1
	timeout 30 python3 - >out <<-'END'
	import wire
	a, b, c = (wire.connect("./sock") for _ in range(3))
	for s in a, b:
	    print(s.makefile("rb").readline())
	print(c.makefile("rb").read())
	END
	same out <<-'END'
	b'hello\r\n'
	b'hello\r\n'
	b'421 busy\r\n'
	END
	stop
}

# again <PROGRAM: Python that calls the server of -r; prints to out.
again() {
	cat - >again.py
	timeout 60 python3 - "$address" "$pid" >out <<-'END'
	import os, signal, socket, sys, time, wire
	port = int(sys.argv[1].rsplit(":", 1)[1])
	server = int(sys.argv[2])
	def come(source="127.0.0.1"):
	    s = socket.create_connection(("127.0.0.1", port), 20, (source, 0))
	    f = s.makefile("rwb")
	    s.close()
	    return f, f.readline()
	def say(f, *lines):
	    f.write(b"".join(b"%s\r\n" % line for line in lines))
	    f.flush()
	    return f.readline().strip()
	def pid(source="127.0.0.1", last=b"quit"):
	    f, _ = come(source)
	    n = int(say(f, b"pid", last))
	    f.read()
	    return n
	def is_there(n):
	    try:
	        return b") Z " not in open("/proc/%d/stat" % n, "rb").read()
	    except OSError:
	        return False
	def gone(*all):
	    until = time.monotonic() + 20
	    while any(map(is_there, all)) and time.monotonic() < until:
	        time.sleep(0.02)
	    return not any(map(is_there, all))
	exec(open("again.py").read())
	END
}

@test "a process goes on with its address' next connection, and with no other's" {
	listen -l 127.0.0.1:0 -r
	again <<-'END'
	one, two = pid(), pid("127.0.0.2")
	print(one != two, pid() == one, pid("127.0.0.2") == two, pid() == one)
	f, _ = come()
	print(int(say(f, b"pid")) == one, pid() not in (one, two))
	print(len(say(f, b"fds", b"quit").split()))
	f.read()
	s = wire.connect(sys.argv[1])
	f = s.makefile("rwb")
	f.readline()
	print(say(f, b"peer").decode() == "%s %d" % s.getsockname(), say(f, b"who"))
	END
	same out <<-'END'
	True True True True
	True True
	5
	True b'127.0.0.1'
	END
	stop
	sed -i /^event=root/d log
	echo "event=listening address=$address" | same log
}

@test "a process that was not left well, or is no address', serves once" {
	listen -l 127.0.0.1:0 -l ./sock -r
	sed -n 's/^event=listening address=\(127.*\)/\1/p' log >tcp
	address=$(<tcp)
	again <<-'END'
	f, _ = come()
	one = int(say(f, b"pid"))
	f.close()
	print(gone(one))
	called = wire.call("./sock", b"pid\r\nquit\r\n")
	print(wire.call("./sock", b"pid\r\nquit\r\n") != called)
	END
	printf '%s\n' True True | same out
	stop
}

@test "no process goes on with what is out of date, nor after 100 sessions" {
	listen -l 127.0.0.1:0 -r
	again <<-'END'
	f, _ = come("127.0.0.2")
	busy, one = int(say(f, b"pid")), pid()
	open("new", "w").close()
	two = pid()
	print(two != one, pid() == two, os.path.exists("new"))
	say(f, b"quit")
	print(f.read(), pid("127.0.0.2") != busy, gone(one, busy))
	print({pid() == two for _ in range(98)}, pid() == two, gone(two))
	END
	same out <<-'END'
	True True False
	b'' True True
	{True} False True
	END
	stop
}

@test "a process waits two seconds, and is killed if it does not go" {
	listen -l 127.0.0.1:0 -r
	again <<-'END'
	one = pid()
	then = time.monotonic()
	stubborn = pid("127.0.0.2", b"free")
	print(gone(one), 1.9 < time.monotonic() - then < 10, gone(stubborn))
	END
	echo True True True | same out
	stop
	sed -i /^event=root/d log
	echo "event=listening address=$address" | same log
}

@test "neighbours in an IPv6 /64 have processes of their own" {
	unshare -n true 2>/dev/null || skip "unshare must be run by root"
	ipv6 || skip "no IPv6 loopback here"
	cat >inside.py <<-'END'
	import fcntl, socket, struct, subprocess, sys
	lo = socket.if_nametoindex("lo")
	up = struct.pack("16sH14x", b"lo", 1)
	fcntl.ioctl(socket.socket(), 0x8914, up)
	neighbours = "fd00::a", "fd00::b"
	for n in neighbours:
	    n = socket.inet_pton(socket.AF_INET6, n)
	    fcntl.ioctl(socket.socket(socket.AF_INET6), 0x8916,
	                struct.pack("16sIi", n, 128, lo))
	server = subprocess.Popen([sys.argv[1], "-l", "[fd00::a]:0", "-r"],
	                          stderr=subprocess.PIPE, text=True)
	for line in server.stderr:
	    if "listening" in line:
	        break
	port = int(line.rsplit(":", 1)[1])
	def pid(source):
	    s = socket.create_connection(("fd00::a", port), 20, (source, 0))
	    s.sendall(b"pid\r\nquit\r\n")
	    return b"".join(iter(lambda: s.recv(1000), b"")).split()[1]
	one, two = map(pid, neighbours)
	print(one != two, [one, two] == [pid(n) for n in neighbours])
	server.terminate()
	print(server.wait())
	END
	timeout 60 unshare -n python3 inside.py "$drv" >out
	printf '%s\n' 'True True' 0 | same out
}

@test "a process says that it is free and nothing else" {
	listen -l 127.0.0.1:0 -r
	again <<-'END'
	f, _ = come()
	one = int(say(f, b"pid"))
	print(say(f, b"babble", b"quit"), f.read(), pid() != one, gone(one))
	END
	echo "b'socket: Broken pipe' b'bye\\r\\n' True True" | same out
	stop
}

@test "who waits does not count, and takes no place" {
	listen -l 127.0.0.1:0 -r -m 2 -a 1
	again <<-'END'
	one, two, three = (pid("127.0.0.%d" % (i + 1)) for i in range(3))
	print(is_there(one), is_there(two), is_there(three))
	f, first = come("127.0.0.3")
	print(first, int(say(f, b"pid")) == three, come("127.0.0.3")[1])
	g, second = come("127.0.0.1")
	print(second, come("127.0.0.4")[1])
	END
	same out <<-'END'
	True True True
	b'hello\r\n' True b'421 busy\r\n'
	b'hello\r\n' b'421 busy\r\n'
	END
	stop
}

@test "the listener's end is the end of those that wait" {
	for how in SIGTERM SIGKILL; do
		listen -l 127.0.0.1:0 -r
		again <<-END
		one, two = pid(), pid("127.0.0.2")
		then = time.monotonic()
		os.kill(server, signal.$how)
		print(gone(one, two), time.monotonic() - then < 1.5)
		END
		wait "$pid" || [ $how = SIGKILL ]
		pid=
		echo True True | same out
	done
}

@test "a listener that is root says so once" {
	[ "$EUID" -eq 0 ] || skip "needs root"
	listen -l ./sock
	say quit | python3 -S "$wire" to ./sock >out
	say quit | python3 -S "$wire" to ./sock >>out
	stop
	same log <<-'END'
	event=root note="sessions run as root"
	event=listening address=./sock
	END
}

@test "a session that crashes is told in the log, and the server goes on" {
	listen -l ./sock
	say crash | python3 -S "$wire" to ./sock >out
	say hello | same out
	say quit | python3 -S "$wire" to ./sock >out
	say hello bye | same out
	stop
	sed -i /^event=root/d log
	same log <<-'END'
	event=listening address=./sock
	event=session-killed signal=9
	END
}

@test "SIGTERM: no new ones, those in the middle finish, exit 0" {
	listen -l ./sock
	timeout 30 python3 - "$pid" >out <<-'END'
	import os, signal, sys, wire
	idle, busy = wire.connect("./sock"), wire.connect("./sock")
	idle, busy = idle.makefile("rwb"), busy.makefile("rwb")
	print(idle.readline(), busy.readline())
	busy.write(b"hold\r\n")
	busy.flush()
	print(busy.readline())
	os.kill(int(sys.argv[1]), signal.SIGTERM)
	print(idle.read())
	try:
	    wire.connect("./sock")
	except OSError:
	    print("closed")
	busy.write(b"still here\r\nfinish\r\n")
	busy.flush()
	print(busy.read())
	END
	exits 0 wait "$pid"
	pid=
	same out <<-'END'
	b'hello\r\n' b'hello\r\n'
	b'holding\r\n'
	b''
	closed
	b'still here\r\nfinished\r\n'
	END
}

@test "SIGTERM and SIGINT end an idle listener with 0" {
	for sig in TERM INT; do
		listen -l 127.0.0.1:0
		kill -"$sig" "$pid"
		exits 0 wait "$pid"
		pid=
	done
}

@test "running out of descriptors neither ends it nor makes it spin" {
	listen -l ./sock
	timeout 30 python3 - "$pid" >out <<-'END'
	import os, resource, sys, time, wire
	# No descriptor is left to the server: its limit becomes what it has.
	pid = int(sys.argv[1])
	used = {int(fd) for fd in os.listdir("/proc/%d/fd" % pid)}
	free = next(fd for fd in range(1024) if fd not in used)
	resource.prlimit(pid, resource.RLIMIT_NOFILE, (free, 1024))
	s = wire.connect("./sock")
	def ticks():
	    f = open("/proc/%d/stat" % pid).read().rsplit(")", 1)[1].split()
	    return int(f[11]) + int(f[12])
	while "event=accept" not in open("log").read():
	    time.sleep(0.02)
	before = ticks()
	time.sleep(1.2)
	print("spins" if ticks() - before > 10 else "rests")
	resource.prlimit(pid, resource.RLIMIT_NOFILE, (1024, 1024))
	print(s.makefile("rb").readline())
	END
	stop
	same out <<-'END'
	rests
	b'hello\r\n'
	END
}

@test "a flood of connections is all served, none is left a zombie" {
	local calls=300
	! sanitized || calls=30
	listen -l 127.0.0.1:0 -m 50 -a 50
	timeout 120 python3 - "$address" $calls >out <<-'END'
	import sys, wire
	print({wire.call(sys.argv[1], b"quit\r\n")
	       for _ in range(int(sys.argv[2]))})
	END
	echo "{b'hello\\r\\nbye\\r\\n'}" | same out
	for _ in $(seq 200); do
		pgrep -P "$pid" >left || break
		pause
	done
	same left </dev/null
	stop
}
