#!/usr/bin/env bats
# The proof as a whole: what is interrupted leaves nothing behind.
load lib

setup() {
	sandbox
	plain_build "strace and sanitizers do not mix"
}

# running SESSION: what it still has.
running() { ps -o args= -s "$1" || true; }

# interrupted PART: told to end in the midst of its work, whatever that is.
interrupted() {
	local pid i
	mkdir tmp
	TMPDIR=$PWD/tmp setsid "$TESTS/proof/run" "$1" >out 2>err 3>&- &
	pid=$!
	for ((i = 0; i < 1000; i++)); do
		[ ! -s out ] || break
		read -rt 0.02 <> <(:) || true
	done
	[ -s out ]
	ps -o pid= -s "$pid" >pids
	kill "$pid"
	exits 143 wait "$pid"
	for ((i = 0; i < 200; i++)); do
		running "$pid" >left
		[ -s left ] || break
		read -rt 0.02 <> <(:) || true
	done
	same left </dev/null
	{
		ls tmp
		# A walk has its folder in memory, with its number in the name.
		while read -r pid; do
			compgen -G "/dev/shm/*.$pid.*" || true
		done <pids
	} >left
	same left </dev/null
}

@test "an interrupted walk through the programs leaves nothing" {
	interrupted walk
}

@test "interrupted power cuts leave nothing" {
	[ "$(id -u)" = 0 ] || skip 'disks need root'
	interrupted cut
}

@test "interrupted clients leave nothing" {
	interrupted clients
}

@test "interrupted servers leave nothing" {
	interrupted servers
}
