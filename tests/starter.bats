#!/usr/bin/env bats
# lib/starter: a command that runs for a session which may not run any.
load lib

setup() {
	sandbox
	drv=$BUILD/drv/starter
	echo body >in
}

@test "the command gets the arguments and the body, again and again" {
	"$drv" sh -c 'echo "$# $* $(cat)"; exit 67' cmd fixed -- 'a b' '' \
		<in >out
	printf '67 [6 fixed -f s -- a b  body]\n%.0s' 1 2 | same out
}

@test "no sender and no recipient is ever an option of the command" {
	"$drv" -f --config=x sh -c 'printf "<%s>" "$@"' cmd -- -o /x <in >out
	printf '0 [<-f><--config=x><--><-o></x>]\n%.0s' 1 2 | same out
	"$drv" -f '' sh -c 'printf "<%s>" "$@"' cmd -- <in >out
	printf '0 [<-f><><-->]\n%.0s' 1 2 | same out
}

@test "variables of the envelope arrive, those that steer programs do not" {
	for env in HELO=x.example REMOTE_ADDR=192.0.2.1 MAIL_SIZE=17; do
		ENV=$env "$drv" sh -c 'env | grep "^${4%%=*}="' sh -- "$env" \
			<in | head -n 1
	done >out
	for env in LD_PRELOAD=/x.so PATH=/tmp HELOX=1 HELO nonsense ''; do
		ENV=$env "$drv" sh -c 'echo ran' -- <in | head -n 1
	done >>out
	same out <<-'END'
	0 [HELO=x.example]
	0 [REMOTE_ADDR=192.0.2.1]
	0 [MAIL_SIZE=17]
	75 []
	75 []
	75 []
	75 []
	75 []
	75 []
	END
}

# raw PYTHON: what the expression gives goes to a starter that may check and
# handle; prints what it answers, in hexadecimal, and how it ended.
raw() {
	python3 -c "import sys, struct
h = lambda *n: struct.pack('=4I', *n)
sys.stdout.buffer.write($1)" | "$drv" -r ./check ./handler
}

@test "a request that is none ends the starter, and runs nothing" {
	printf '#!/bin/sh\necho "$0 $*" >>ran\n' | tee check >handler
	chmod +x check handler
	for request in "b''" "b'x'" "b'x' * 100" "b'\0' * 16" "b'\xff' * 1000" \
	    "h(4, 4, 2, 0) + b'a\0b\0'" "h(1, 4, 1, 0) + b'a\0b\0'" \
	    "h(1, 6, 3, 0) + b'a\0b\0c\0'" "h(1, 3, 2, 0) + b'a\0b'" \
	    "h(1, 5, 2, 0) + b'a\0b\0c'" "h(1, 8, 2, 1) + b'a\0b\0X=y\0'" \
	    "h(1, 9, 2, 1) + b'a\0b\0HELO=\0'" "h(1, 2**32 - 1, 2, 0)" \
	    "h(1, 4, 2**32 - 1, 0) + b'a\0b\0'" "h(0, 0, 0, 0)" \
	    "h(0, 2, 1, 2**32 - 1) + b'a\0'" "h(0, 2, 1, 8) + b'a\0'" \
	    "h(0, 1000001, 1, 0) + b'a' * 1000001" "h(0, 3, 1, 0) + b'a\0b'" \
	    "h(0, 14, 1, 1) + b'a\0LD_PRELOAD=\0'" \
	    "h(2, 4, 2, 0) + b'a\0b\0'" "h(1, 4, 2, 0) + b'a\0'"; do
		raw "$request"
	done | uniq -c >out
	printf '     22  exit 0\n' | same out
	[ ! -e ran ]
	raw "h(1, 4, 2, 0) + b'a\0b\0' + h(0, 4, 2, 0) + b'a\0b\0' + b'z' * 16" >out
	same out <<<'00000000000000000000000000000000 exit 0'
	same ran <<-'END'
	./check true
	./handler -f a -- b
	END
}

@test "a recipient is judged by the command for that, with its own time" {
	printf '#!/bin/sh\necho "$0 $*" >>ran\n' | tee check >handler
	chmod +x check handler
	raw "h(3, 4, 2, 0) + b'a\0b\0'" >out
	export RCPT_CHECK='printf "%s." "$HELO"; printf "<%s>"'
	raw "h(3, 11, 2, 1) + b'a\0b\0HELO=x\0'" >>out
	raw "h(3, 8, 2, 1) + b'a\0b\0X=y\0'" >>out
	SECONDS_LIMIT=1 RCPT_CHECK='sleep 60; echo late >>ran; :' \
		raw "h(3, 4, 2, 0) + b'a\0b\0'" >>out
	same out <<-'END'
	4600000000000000 exit 0
	0000000008000000782e3c613e3c623e exit 0
	 exit 0
	4b00000000000000 exit 0
	END
	[ ! -e ran ]
}

@test "twenty wrong passwords are the last that are checked" {
	printf '#!/bin/sh\necho >>ran\nexit 1\n' | tee check >handler
	chmod +x check handler
	raw "(h(1, 4, 2, 0) + b'a\0b\0') * 30" >out
	printf '0100000000000000%.0s' {1..20} >want
	echo ' exit 0' >>want
	same out <want
	[ "$(wc -l <ran)" = 20 ]
}

@test "a thousand recipients of 320 octets pass" {
	COUNT=1000 "$drv" sh -c 'for last; do :; done; echo $# ${#last}' sh -- \
		<in >out
	printf '0 [1003 320]\n%.0s' 1 2 | same out
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

@test "an answer that could not be read is not taken for the next one's" {
	strace -o trace -e inject=recvfrom:error=EIO:when=1 \
		"$drv" sh -c 'echo ran' -- <in >out
	grep -c 'EIO.*INJECTED' trace >count
	echo 1 | same count
	printf '75 []\n%.0s' 1 2 | same out
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

@test "a checkpassword command gets the pair on fd 3, and true to run" {
	"$drv" -a 'sh -c '\''{ echo "$@"; cat <&3; } >>said'\'' sh' \
		alice secret "a b'c" '$(x)' $'o\nd\xff' '' <in >out
	printf '0\n0\n0\n' | same out
	{
		printf 'true\nalice\0secret\0\0true\n'
		printf "a b'c\\0\$(x)\\0\\0true\no\nd\xff\\0\\0\\0"
	} | same said
}

@test "0 is right, 1 is wrong, everything else is temporary" {
	for code in 0 1 2 75 111 126; do
		"$drv" -a "sh -c 'exit $code' sh" a b <in
	done >out
	"$drv" -a /nonexistent a b <in >>out 2>err
	"$drv" -a 'kill -9 $$;' a b <in >>out
	"$drv" -a true a "$(printf %0508d 1)" <in >>out
	"$drv" -a 'echo ran >&2;' a "$(printf %0509d 1)" <in >>out
	printf '%s\n' 0 1 75 75 75 75 75 75 0 75 | same out
}

@test "a checkpassword command has no descriptor of the session" {
	exec 7<in
	"$drv" -a 'exec ls /proc/self/fd >"$HOME/fds" #' a b <in >out
	exec 7<&-
	printf '0\n1\n2\n3\n4\n' | same "$HOME/fds" # 4 is ls's own
}
