#!/usr/bin/env bats
# make demo plays the whole journey, and cleans up however it ends.

load lib

setup() {
	sandbox
	export TMPDIR=$BATS_TEST_TMPDIR/tmp
	mkdir "$TMPDIR"
}

# Nothing of the demo remains: no file in TMPDIR, no process with it as cwd.
nothing_left() {
	[ -z "$(find "$TMPDIR" "$HOME" -mindepth 1)" ] || return
	! readlink /proc/[0-9]*/cwd 2>/dev/null | grep -qF "$TMPDIR"
}

@test "the demo takes a message through four hosts" {
	"$TESTS/demo" "$BUILD/bin" >out 3>&-
	sed -n 's/^\(photo.jpg arrived byte for byte: 20000 octets\).*/\1/p' \
		out >end
	same end <<<'photo.jpg arrived byte for byte: 20000 octets'
	# Each hop is marked in the figure: five of them, four roles at the end.
	grep -o '([* ])' out | paste -sd ' ' | fold -w 16 >marks
	same marks <<-'EOF'
		( ) ( ) ( ) ( ) 
		(*) ( ) ( ) ( ) 
		(*) (*) ( ) ( ) 
		(*) (*) (*) ( ) 
		(*) (*) (*) (*)
	EOF
	nothing_left
}

# Started as from a terminal, with SIGINT not ignored.
session() {
	python3 -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.setsid()
os.execvp(sys.argv[1], sys.argv[1:])' "$@"
}

# Whether something like it is said.
said() {
	local text
	read -rd '' text <out || true
	[[ $'\n'$text =~ $1 ]]
}

@test "a demo that is told to end leaves no process and no file, at any step" {
	local pid at step sign status
	for at in 'INT:130:The two SMTP' $'TERM:143:\n2[.]' $'HUP:129:\n4[.]' \
		'INT:130:byte for byte'; do
		sign=${at%%:*} status=${at#*:} step=${at#*:*:}
		status=${status%%:*}
		session "$TESTS/demo" "$BUILD/bin" >out 2>&1 3>&- &
		pid=$!
		eventually said "$step"
		# As Ctrl-C does: to all of them, and once more.
		kill "-$sign" -- "-$pid" || true
		kill "-$sign" -- "-$pid" || true
		wait "$pid" || [ $? -eq "$status" ]
		nothing_left
	done
}

@test "a demo that is told to end while it cleans up does that to the end" {
	mkdir bin
	printf '#!/bin/sh\nkill -INT 0\nkill -TERM 0\nexec /bin/rm "$@"\n' >bin/rm
	chmod +x bin/rm
	PATH=$PWD/bin:$PATH session "$TESTS/demo" "$BUILD/bin" >out 2>&1 3>&-
	nothing_left
}

@test "a demo whose reader goes away leaves no process and no file" {
	for lines in 1 30; do
		"$TESTS/demo" "$BUILD/bin" 2>&1 3>&- | head -n "$lines" >out
		nothing_left
	done
}
