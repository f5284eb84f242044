#!/usr/bin/env bats
# lib/starter: a command that runs for a session which may not run any.
load lib

setup() {
	sandbox
	drv=$BUILD/drv/starter
	echo body >in
}

@test "the command gets the arguments and the body, again and again" {
	"$drv" sh -c 'echo "$# $* $(cat)"; exit 67' cmd fixed -- -f s 'a b' '' \
		<in >out
	printf '67 [5 fixed -f s a b  body]\n%.0s' 1 2 | same out
}

@test "variables of the envelope arrive, those that steer programs do not" {
	for env in HELO=x.example REMOTE_ADDR=192.0.2.1 MAIL_SIZE=17; do
		ENV=$env "$drv" sh -c 'env | grep "^${1%%=*}="' sh -- "$env" \
			<in | head -n 1
	done >out
	for env in LD_PRELOAD=/x.so PATH=/tmp HELOX=1 HELO nonsense ''; do
		ENV=$env "$drv" sh -c 'echo ran' -- <in | head -n 1
	done >>out
	same out <<-'END'
	0 [HELO=x.example]
	0 [REMOTE_ADDR=192.0.2.1]
	0 [MAIL_SIZE=17]
	70 []
	70 []
	70 []
	70 []
	70 []
	70 []
	END
}

@test "a thousand recipients of 320 octets pass" {
	COUNT=1000 "$drv" sh -c 'echo $# ${#1} ${1000}' -- <in >out 2>err
	COUNT=1000 "$drv" sh -c 'for last; do :; done; echo $# ${#last}' sh -- \
		<in >out
	printf '0 [1000 320]\n%.0s' 1 2 | same out
}

@test "more than a million octets are refused, and it goes on being refused" {
	COUNT=3200 "$drv" sh -c 'echo ran' -- <in >out
	printf '75 []\n%.0s' 1 2 | same out
}

@test "the time limit holds" {
	SECONDS_LIMIT=1 "$drv" sh -c 'echo late; sleep 60' -- <in >out
	printf '75 [late]\n%.0s' 1 2 | same out
}

@test "a starter that is gone is 75" {
	KILL=1 "$drv" sh -c 'echo ran' -- <in >out
	same out <<-'END'
	0 [ran]
	75 []
	END
}

@test "what cannot be executed is 75" {
	"$drv" /nonexistent -- <in >out
	printf '75 []\n%.0s' 1 2 | same out
}

# fd 3 is the glob's folder.
@test "neither the wire nor the starter's own socket is open in the command" {
	exec 7<in
	"$drv" sh -c 'cd /proc/$$/fd; echo *; cat >/dev/null' -- <in >out
	exec 7<&-
	printf '0 [0 1 2 3]\n%.0s' 1 2 | same out
}

# If the starter kept the wire, the reader would not see its end.
@test "the starter does not keep the wire open, and ends with the session" {
	python3 - "$drv" >out <<-'END'
	import os, socket, subprocess, sys
	near, far = socket.socketpair()
	near.settimeout(10)
	p = subprocess.Popen([sys.argv[1], "sh", "-c", "sleep 0.2", "--"],
	                     stdin=subprocess.DEVNULL, stdout=far)
	far.close()
	print(near.recv(100))
	p.kill()
	print(near.recv(100))
	END
	head -n 2 out >first
	printf "b''\nb''\n" >want
	tail -n 1 out >last
	echo "b''" | same last
}
