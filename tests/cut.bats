#!/usr/bin/env bats
# tests/proof/cut: what is acknowledged survives a power cut, and its controls
# do not.
load lib

setup() {
	sandbox
	plain_build "strace and sanitizers do not mix"
	root=
	[ "$(id -u)" != 0 ] || [ ! -e /dev/loop-control ] || root=1
}

@test "nothing of ours may be lost, and every broken control is caught" {
	proves cut
	grep -c caught=yes out >caught
	grep -c '^broken' "$TESTS/proof/cases/cut" | same caught
	grep -cE 'caught=no|agree=no' out >bad || true
	echo 0 | same bad
	[ "$root" ] || skip "disks are cut only by root with loop devices: the lint alone ran"
	grep -c ' ext4 ' out >disks
	echo 5 | same disks
}

@test "an interrupted run leaves no mount and no file" {
	[ "$root" ] || skip 'disks need root and loop devices'
	mkdir tmp
	TMPDIR=$PWD/tmp "$TESTS/proof/cut" ext4 >out 2>err 3>&- &
	pid=$!
	eventually [ -s out ]
	kill -TERM "$pid"
	exits 143 wait "$pid"
	ls tmp >left
	same left </dev/null
	{
		cat /proc/mounts
		losetup -a
	} | grep -F "$PWD" >kept || true
	same kept </dev/null
}
