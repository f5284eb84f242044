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
	local link
	[ -z "$(find "$TMPDIR" "$HOME" -mindepth 1)" ] || return
	for link in /proc/[0-9]*/cwd; do
		case $(readlink "$link" 2>/dev/null) in
		"$TMPDIR"*) return 1 ;;
		esac
	done
}

@test "the demo takes a message through four hosts in under 15 seconds" {
	local from=$SECONDS
	"$TESTS/demo" "$BUILD/bin" >out 3>&-
	[ $((SECONDS - from)) -lt 15 ]
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

# Until the line is said, at most 10 seconds.
said() {
	local i
	for ((i = 0; i < 500; i++)); do
		grep -q "$1" out && return
		sleep 0.02
	done
	return 1
}

@test "a demo that is told to end leaves no process and no file, at any step" {
	local pid step
	for step in 'The two SMTP' '^1\.' '^2\.' '^3\.' '^4\.' 'byte for byte'; do
		for sign in INT:130 TERM:143 HUP:129; do
			session "$TESTS/demo" "$BUILD/bin" >out 2>&1 3>&- &
			pid=$!
			said "$step"
			# As Ctrl-C does: to all of them, and once more.
			kill "-${sign%:*}" -- "-$pid" || true
			kill "-${sign%:*}" -- "-$pid" || true
			wait "$pid" || [ $? -eq "${sign#*:}" ]
			nothing_left
		done
	done
}

@test "a demo whose reader goes away leaves no process and no file" {
	for lines in 1 12 30; do
		"$TESTS/demo" "$BUILD/bin" 2>&1 3>&- | head -n "$lines" >out
		nothing_left
	done
}
