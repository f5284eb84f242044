#!/usr/bin/env bats
# The fault walker: a sample of its points, and all of its broken controls. `make
# proof PARTS=walk' visits every point.
load lib

setup() {
	sandbox
	plain_build "every system call is the point, and sanitizers make their own"
}

@test "at a sample of points no fault loses, cuts, blocks or multiplies a message" {
	proves walk
}

@test "an interrupted walk leaves no folder and no process" {
	PATH=$BUILD/proof:$PATH walker "$TESTS"/proof/cases/walk-broken broken:stale-lock \
		>out &
	pid=$!
	eventually [ -s out ]
	compgen -G "/*/shm/walk.$pid.*" || compgen -G "/tmp/walk.$pid.*"
	kill "$pid"
	exits 143 wait "$pid"
	! compgen -G "/*/shm/walk.$pid.*" && ! compgen -G "/tmp/walk.$pid.*"
	! grep -qs "stale-lock.*walk[.]$pid" /proc/[0-9]*/cmdline
}
