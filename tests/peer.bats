#!/usr/bin/env bats
# lib/peer: who is at the other end, and networks.
load lib

setup() {
	sandbox
	drv=$BUILD/drv/peer
}

@test "a TCP peer is its address and port" {
	python3 -S "$TESTS/wire.py" nowait "$drv" </dev/null >out
	echo '127.0.0.1 port some literal [127.0.0.1]' | same out
}

@test "an IPv4-mapped peer is IPv4, an IPv6 one is IPv6" {
	[ -e /proc/net/if_inet6 ] && grep -q ' lo$' /proc/net/if_inet6 ||
		skip "no IPv6 loopback here"
	python3 - "$drv" >out <<-'END'
	import socket, subprocess, sys
	for host in "127.0.0.1", "::1":
	    s = socket.create_server(("::", 0), family=socket.AF_INET6,
	                             dualstack_ipv6=True)
	    c = socket.create_connection((host, s.getsockname()[1]))
	    subprocess.run([sys.argv[1]], stdin=s.accept()[0])
	END
	same out <<-'END'
	127.0.0.1 port some literal [127.0.0.1]
	::1 port some literal [IPv6:::1]
	END
}

@test "behind a pipe it is what the environment says, if that is an address" {
	{
		"$drv"
		REMOTE_ADDR=192.0.2.1 "$drv"
		REMOTE_ADDR=192.0.2.1 REMOTE_PORT=1025 TCPREMOTEIP=192.0.2.9 "$drv" x
		REMOTE_ADDR=2001:DB8:0::1 "$drv"
		REMOTE_ADDR=::ffff:192.0.2.7 "$drv"
		TCPREMOTEIP=192.0.2.2 TCPREMOTEPORT=99999 "$drv"
		REMOTE_ADDR=nonsense TCPREMOTEIP=192.0.2.3 "$drv"
		REMOTE_ADDR=local "$drv"
		REMOTE_ADDR='192.0.2.1 x' "$drv"
	} </dev/null >out
	same out <<-'END'
	unknown port none literal unknown
	192.0.2.1 port none literal [192.0.2.1]
	192.0.2.1 port some literal [192.0.2.1]
	1025
	2001:db8::1 port none literal [IPv6:2001:db8::1]
	192.0.2.7 port none literal [192.0.2.7]
	192.0.2.2 port none literal [192.0.2.2]
	192.0.2.3 port none literal [192.0.2.3]
	unknown port none literal unknown
	unknown port none literal unknown
	END
}

@test "a TCP peer is never what the environment says" {
	REMOTE_ADDR=192.0.2.1 TCPREMOTEIP=192.0.2.1 \
		python3 -S "$TESTS/wire.py" nowait "$drv" </dev/null >out
	echo '127.0.0.1 port some literal [127.0.0.1]' | same out
}

@test "a Unix socket is local, unless what stands between knows better" {
	cat >run.py <<-'END'
	import socket, subprocess, sys
	near, far = socket.socketpair()
	subprocess.run([sys.argv[1]], stdin=far)
	END
	python3 run.py "$drv" >out
	REMOTE_ADDR=192.0.2.4 python3 run.py "$drv" >>out
	same out <<-'END'
	local port none literal local
	192.0.2.4 port none literal [192.0.2.4]
	END
}

@test "networks hold what their bits say, and nothing that is no address" {
	cat >table <<-'END'
	127.0.0.0/8 127.0.0.1 yes
	127.0.0.0/8 127.255.255.255 yes
	127.0.0.0/8 128.0.0.0 no
	127.0.0.1 127.0.0.1 yes
	127.0.0.1 127.0.0.2 no
	192.0.2.128/25 192.0.2.200 yes
	192.0.2.128/25 192.0.2.127 no
	192.0.2.4/31 192.0.2.5 yes
	192.0.2.4/31 192.0.2.6 no
	0.0.0.0/0 203.0.113.9 yes
	0.0.0.0/0 ::1 no
	0.0.0.0/0 local no
	0.0.0.0/0 unknown no
	::/0 2001:db8::1 yes
	::/0 127.0.0.1 no
	::/0 local no
	::/0 unknown no
	::1 ::1 yes
	::1/128 ::2 no
	2001:db8::/32 2001:db8:ffff::1 yes
	2001:db8::/32 2001:db9::1 no
	[2001:db8::]/33 2001:db8:7fff::1 yes
	[2001:db8::]/33 2001:db8:8000::1 no
	[::1] ::1 yes
	::ffff:192.0.2.0/120 192.0.2.9 yes
	::ffff:192.0.2.0/120 192.0.3.9 no
	::ffff:192.0.2.9 ::ffff:192.0.2.9 yes
	192.0.2.9 ::ffff:192.0.2.9 yes
	::ffff:0:0/96 203.0.113.9 yes
	::ffff:0:0/96 2001:db8::1 no
	2001:DB8:0:0:0:0:0:1 2001:db8::1 yes
	127.0.0.1/8 127.0.0.1 bad
	192.0.2.0/23 192.0.2.1 yes
	192.0.3.0/23 192.0.3.1 bad
	2001:db8::1/64 ::1 bad
	10.0.0.0/33 10.0.0.1 bad
	::/129 ::1 bad
	10.0.0.0/ 10.0.0.1 bad
	10.0.0.0/+8 10.0.0.1 bad
	10.0.0.0/8x 10.0.0.1 bad
	10.0.0/24 10.0.0.1 bad
	[10.0.0.1] 10.0.0.1 bad
	[::1 ::1 bad
	/8 10.0.0.1 bad
	localhost 127.0.0.1 bad
	END
	cut -d' ' -f1,2 table | "$drv" match >out
	same out <table
}
