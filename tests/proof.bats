#!/usr/bin/env bats
# The proof as a whole: what is interrupted leaves nothing behind.
load lib

setup() {
	sandbox
	plain_build "strace and sanitizers do not mix"
}

# running SESSION: its processes, each as pid and name.
running() {
	local file stat fields
	for file in /proc/[0-9]*/stat; do
		{ read -r stat <"$file"; } 2>/dev/null || continue
		read -ra fields <<<"${stat##*) }"
		[ "${fields[3]}" != "$1" ] || echo "${stat%) *}"
	done
}

# gone SESSION: it has none, or they are in left.
gone() {
	running "$1" >left
	[ ! -s left ]
}

# interrupted PART: told to end in the midst of its work, whatever that is.
interrupted() {
	local pid
	mkdir tmp
	TMPDIR=$PWD/tmp setsid "$TESTS/proof/run" "$1" >out 2>err 3>&- &
	pid=$!
	eventually [ -s out ]
	running "$pid" >pids
	kill "$pid"
	exits 143 wait "$pid"
	eventually gone "$pid" || same left </dev/null
	{
		ls tmp
		# A walk has its folder in memory, with its number in the name.
		while read -r pid _; do
			compgen -G "/dev/shm/*.$pid.*" || true
		done <pids
	} >left
	same left </dev/null
}

@test "an interrupted walk through the programs leaves nothing" {
	interrupted walk
}

@test "interrupted power cuts leave nothing" {
	[ "$EUID" = 0 ] || skip 'disks need root'
	interrupted cut
}

@test "interrupted clients leave nothing" {
	interrupted clients
}

@test "interrupted servers leave nothing" {
	interrupted servers
}

@test "interrupted runners leave nothing" {
	interrupted runners
}
