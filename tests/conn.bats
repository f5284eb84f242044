#!/usr/bin/env bats
# lib/conn: lines, pieces, deadlines; output waits until input must be waited
# for.
load lib

setup() {
	sandbox
	drv=$BUILD/drv/conn
}

@test "a line comes whole with its LF, the last one without" {
	printf 'a\n\nbc\r\nlast' | "$drv" lines 1000 >out 2>err
	same -v out <<-'END'
	2 a
	1 
	4 bc^M
	4 last
	END
	echo end | same err
}

@test "a line that is too long comes in pieces" {
	printf 'abcdefgh\nabcd\nabc\nx' | "$drv" lines 4 >out 2>err
	same out <<-'END'
	4 abcd
	4 efgh
	1 
	4 abcd
	1 
	4 abc
	1 x
	END
	echo end | same err
}

@test "lines come out the same whatever the reads were" {
	python3 -c 'for i in range(20000): print("x" * (i * 7919 % 211))' >in
	awk '{ print length($0) + 1, $0 }' in >want
	(dd bs=7777 status=none | "$drv" lines 1000) <in >out 2>err
	same out <want
}

@test "a line may be as long as the buffer, NUL and 8-bit octets in it" {
	python3 - >in <<-'END'
	import sys
	sys.stdout.buffer.write(b"\0\xff" * 32767 + b"\n" + b"y" * 70000 + b"\n")
	END
	"$drv" lines 65536 <in 2>err | tr -d '\0\377' >out
	{
		echo '65535 '
		printf '65536 %s\n4465 %s\n' "$(printf '%065536d' 0 | tr 0 y)" \
			"$(printf '%04464d' 0 | tr 0 y)"
	} | same out
}

@test "peek gives what is there, take leaves the rest" {
	printf '12345678' | "$drv" peek >out 2>err
	same out <<-'END'
	8 of 8
	4 of 4
	2 of 2
	1 of 1
	END
}

# On a SEQPACKET socket each write is a packet.
@test "answers to pipelined lines go out in one write" {
	python3 - "$drv" >out <<-'END'
	import socket, subprocess, sys
	near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
	p = subprocess.Popen([sys.argv[1], "lines", "1000", "20"], stdin=far,
	                     stdout=far, stderr=subprocess.DEVNULL)
	far.close()
	for data in b"a\nb\nc\n", b"d\ne", b"f\n":
	    near.send(data)
	    print(near.recv(1000))
	near.close()
	p.wait()
	END
	same out <<-'END'
	b'2 a\n2 b\n2 c\n'
	b'2 d\n'
	b'3 ef\n'
	END
}

@test "waiting for input ends after its seconds" {
	mkfifo pipe
	exec 7<>pipe
	"$drv" lines 1000 1 <&7 2>err
	exec 7>&-
	echo ETIMEDOUT | same err
}

# An octet every 50 ms: no wait is ever long.
@test "the deadline ends a peer that sends an octet now and then" {
	python3 - "$drv" >out <<-'END'
	import socket, subprocess, sys, time
	near, far = socket.socketpair()
	p = subprocess.Popen([sys.argv[1], "drip", "5", "400"], stdin=far,
	                     stdout=far, stderr=subprocess.PIPE)
	far.close()
	start = time.monotonic()
	while p.poll() is None and time.monotonic() - start < 20:
	    try:
	        near.send(b"x")
	    except OSError:
	        break
	    time.sleep(0.05)
	print(p.stderr.read().decode(), end="")
	print("in time" if time.monotonic() - start < 4 else "late")
	END
	same out <<-'END'
	ETIMEDOUT
	in time
	END
}

@test "a peer that never reads is given up, over a socket and over a pipe" {
	python3 - "$drv" >out <<-'END'
	import os, socket, subprocess, sys
	def flood(*limits):
	    near, far = socket.socketpair()
	    near.send(b"x" * 100000)
	    p = subprocess.Popen([sys.argv[1], "flood", *limits], stdin=far,
	                         stdout=far, stderr=subprocess.PIPE)
	    print(p.communicate()[1].decode(), end="")
	    r, w = os.pipe()
	    p = subprocess.Popen([sys.argv[1], "flood", *limits], stdout=w,
	                         stderr=subprocess.PIPE)
	    print(p.communicate()[1].decode(), end="")
	flood("1", "0")
	flood("60", "300")
	END
	printf 'ETIMEDOUT\n%.0s' 1 2 3 4 | same out
}

@test "a peer that is gone is an error, not a signal" {
	python3 - "$drv" >out <<-'END'
	import socket, subprocess, sys
	near, far = socket.socketpair()
	near.close()
	p = subprocess.Popen([sys.argv[1], "flood", "5", "0"], stdin=far,
	                     stdout=far, stderr=subprocess.PIPE)
	print(p.communicate()[1].decode(), p.returncode)
	END
	same out <<-'END'
	EPIPE
	 0
	END
}

@test "the descriptor's O_NONBLOCK is left as it was, and served both ways" {
	python3 - "$drv" >out <<-'END'
	import os, socket, subprocess, sys
	for blocking in True, False:
	    for seconds in "0", "5":
	        near, far = socket.socketpair()
	        far.setblocking(blocking)
	        p = subprocess.Popen([sys.argv[1], "lines", "100", seconds],
	                             stdin=far, stdout=far,
	                             stderr=subprocess.DEVNULL)
	        near.send(b"a\n")
	        got = near.recv(100)
	        near.shutdown(socket.SHUT_WR)
	        p.wait()
	        print(got, os.get_blocking(far.fileno()) == blocking)
	END
	printf "b'2 a\\\\n' True\n%.0s" 1 2 3 4 | same out
}
