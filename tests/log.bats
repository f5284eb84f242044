#!/usr/bin/env bats
# lib/log: events as key=value, diagnostics, and never a byte to the peer.
load lib

setup() {
	sandbox
	drv=$BUILD/drv/log
}

@test "an event is one line of pairs, quoted where it must be" {
	"$drv" stderr event queued id abc size 17 2>out
	"$drv" stderr event queued id 'a b' size '' 2>>out
	"$drv" stderr event queued id 'a"b' size 'a\b' 2>>out
	"$drv" stderr event queued id 'a=b' size "it's" 2>>out
	"$drv" stderr event queued id 2>>out
	grep -v '^raw$' out >lines
	same lines <<-'END'
	event=queued id=abc size=17
	event=queued id="a b" size=""
	event=queued id="a\"b" size="a\\b"
	event=queued id="a=b" size=it's
	event=queued
	END
}

@test "control, C1 and bidi bytes are escaped" {
	"$drv" stderr event x id $'a\nb\x1b[1m\x7f' size $'\xc2\x85\xe2\x80\xae' 2>out
	"$drv" stderr error $'bad\nthing\r' 2>>out
	same out <<-'END'
	event=x id=a\x0ab\x1b[1m\x7f size=\xc2\x85\xe2\x80\xae
	raw
	drv: bad\x0athing\x0d
	raw
	END
}

@test "a value over 1 kB is cut" {
	"$drv" stderr event x id "$(printf '%01001d' 0)" 2>out
	printf 'event=x id=%01000d\nraw\n' 0 | same out
}

@test "of a diagnostic over 1 kB the middle goes" {
	"$drv" stderr error "$(printf 'a%01000db' 0)" 2>out
	printf 'drv: a%0743d...%0255db\nraw\n' 0 0 | same out
}

@test "none silences events, not diagnostics" {
	"$drv" none event queued id abc 2>out
	"$drv" none error oops 2>>out
	same out <<-'END'
	raw
	drv: oops
	raw
	END
}

@test "an unknown target is refused" {
	exits 64 "$drv" journal event x
}

@test "log_die says why and exits" {
	exits 69 "$drv" stderr die 69 'no such thing' 2>out
	exits 75 "$drv" - die 75 'before log_open' 2>>out
	same out <<-'END'
	drv: no such thing
	log: before log_open
	END
}

@test "an event is one write" {
	strace -o trace -e trace=write \
		"$drv" stderr event queued id 'a b' size 17 2>out
	grep -c '^write(2, "event=' trace >count
	echo 1 | same count
}

# The socket on fds 0, 1 and 2: what is said must not arrive there.
@test "where fd 2 is the peer, nothing is ever written to it" {
	for words in 'stderr event queued id 1' 'stderr error oops' \
		'none error oops' 'syslog event queued' '- error early'; do
		# shellcheck disable=SC2086
		python3 -S "$TESTS/wire.py" nowait "$drv" $words >>out </dev/null
	done
	exits 69 python3 -S "$TESTS/wire.py" nowait "$drv" - die 69 no \
		>>out </dev/null
	same out </dev/null
}

@test "a socket on fd 2 that is not the peer is written to" {
	python3 - "$drv" >out <<-'END'
	import socket, subprocess, sys
	near, far = socket.socketpair()
	p = subprocess.Popen([sys.argv[1], "stderr", "error", "oops"],
	                     stdin=subprocess.DEVNULL, stdout=far, stderr=far)
	far.close()
	p.wait()
	print(near.recv(1000).decode(), end="")
	END
	same out <<-'END'
	drv: oops
	raw
	END
}
