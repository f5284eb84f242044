#!/usr/bin/env bats
# tests/proof/cut: what is acknowledged survives a power cut, and its controls
# do not.
load lib

setup() {
	sandbox
	plain_build "strace and sanitizers do not mix"
	root=
	[ "$EUID" != 0 ] || [ ! -e /dev/loop-control ] || root=1
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

# A child that is forked but not yet known as a tracee would be stopped for ever.
@test "a subject that begins when its tracer is told to end goes with it" {
	exits 143 timeout 60 python3 -S - "$TESTS/proof" 3>&- <<-'END'
	import os, signal, sys, time
	sys.path.insert(0, sys.argv[1])
	import tracer

	def enter():
	    with open("pid", "w") as f:
	        f.write(str(os.getpid()))
	    os.kill(os.getppid(), signal.SIGTERM)
	    time.sleep(0.2)

	signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
	for call in tracer.Tracer().run(["sleep", "1000"], enter):
	    pass
	END
	read -r pid <pid || [ "$pid" ]
	[ ! -e "/proc/$pid" ]
}
