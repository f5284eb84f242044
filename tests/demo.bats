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

@test "an interrupted demo leaves no process and no file" {
	local pid i
	setsid "$TESTS/demo" "$BUILD/bin" >out 2>&1 3>&- &
	pid=$!
	for ((i = 0; i < 200; i++)); do
		grep -q '^1\. ' out && break
		sleep 0.02
	done
	kill -TERM "$pid"
	exits 143 wait "$pid"
	nothing_left
}
