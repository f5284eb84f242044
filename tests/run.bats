#!/usr/bin/env bats
# tests/run itself: what fails in a test is told, whatever way it fails.

load lib

setup() {
	sandbox
	ln -s "$TESTS/lib.bash" .
}

# ran [OPTION...] FILE...: what tests/run says, without its folder.
ran() {
	"$TESTS/run" "$@" 2>err | sed 's,/[^ ]*/tests[.][^/ ]*,DIR,' >said
	return "${PIPESTATUS[0]}"
}

@test "a test holds when all its commands do, and else it is told where and what" {
	cat >one.bats <<-'END'
	load lib
	setup() { sandbox; echo set up; }
	teardown() { echo torn down; }
	deep() {
		false
	}
	@test "holds, with a \$ in its name" { [ -d "$HOME" ]; }
	@test "fails" {
		echo text
		deep
		echo not reached
	}
	@test "fails in a subshell" {
		(exit 7)
	}
	@test "compares" { printf 'a\n' >x; echo b | same x; }
	@test "ends too early" { exit 0; }
	@test "kills itself" { kill -KILL $BASHPID; }
	@test "is skipped" { skip "for a reason"; }
	@test "starts in a folder of its own" { ls -A; [ -z "$(ls)" ]; }
	@test "ends at an error in a condition's last part" { true && false; }
	END
	exits 1 ran one.bats
	sed -i '/^# \(---\|+++\) /d; / Killed /d' said
	same said <<-'END'
	ok 1 holds, with a $ in its name
	not ok 2 fails
	# (one.bats, line 5)
	# (one.bats, line 10)
	# set up
	# text
	# torn down
	not ok 3 fails in a subshell
	# (one.bats, line 14)
	# set up
	# torn down
	not ok 4 compares
	# (one.bats, line 16)
	# set up
	# @@ -1 +1 @@
	# -b
	# +a
	# torn down
	not ok 5 ends too early
	# set up
	# torn down
	not ok 6 kills itself: ended by a signal
	# set up
	ok 7 is skipped # skip for a reason
	not ok 8 starts in a folder of its own
	# (one.bats, line 20)
	# set up
	# home
	# torn down
	not ok 9 ends at an error in a condition's last part
	# (one.bats, line 21)
	# set up
	# torn down
	1..9
	END
}

@test "what a file sets up its tests find, and what fails there is told" {
	cat >a.bats <<-'END'
	setup_file() { export word=given; echo text >"$BATS_FILE_TMPDIR/file"; }
	teardown_file() { echo "# torn down after ${word}" >&3; }
	@test "found" { [ "$word $(cat "$BATS_FILE_TMPDIR/file")" = "given text" ]; }
	END
	cat >b.bats <<-'END'
	setup_file() { echo said; false; }
	@test "not run" { :; }
	END
	cat >c.bats <<-'END'
	teardown_file() { false; }
	@test "run" { :; }
	END
	printf '@test "unfinished" {\n' >d.bats
	for file in a b c d; do
		ran $file.bats || echo "exit $?" >>said
		sed 's/\(d.bats: line\).*/\1/' said
	done >got
	same got <<-'END'
	ok 1 found
	# torn down after given
	1..1
	not ok 1 setup_file of b.bats
	# (b.bats, line 1)
	# said
	1..1
	exit 1
	ok 1 run
	not ok 2 teardown_file of c.bats
	1..2
	exit 1
	not ok 1 reading d.bats
	# DIR/1/d.bats: line
	1..1
	exit 1
	END
}

@test "files run beside each other, and are told whole and counted on" {
	mkfifo fifo
	printf '@test "%s" {\n\techo >%s\n}\n@test "last" { :; }\n' \
		1 "$PWD/fifo" >1.bats
	printf '@test "%s" {\n\tread -r <%s\n}\n' 2 "$PWD/fifo" >2.bats
	ran -j 2 2.bats 1.bats
	sed 's/ok [0-9]*/ok/' said | sort >sorted
	printf 'ok %s\n' 1 2 last | sort | sed '1i 1..3' | same sorted
	ran -f '^l' 1.bats 2.bats
	printf '%s\n' 'ok 1 last' 1..1 | same said
}

@test "a run that is told to end ends its tests, which tear down" {
	cat >long.bats <<-END
	teardown_file() { echo file >>$PWD/torn; }
	teardown() { echo test >>$PWD/torn; }
	@test "long" { mkfifo $PWD/up; echo >$PWD/up; sleep 1000; }
	@test "never run" { :; }
	END
	mkdir tmp
	TMPDIR=$PWD/tmp "$TESTS/run" long.bats >out 2>&1 3>&- &
	pid=$!
	until [ -p up ]; do read -rt 0.02 <> <(:) || true; done
	read -r <up
	kill "$pid"
	exits 143 wait "$pid"
	printf 'test\nfile\n' | same torn
	ls tmp >left
	same left </dev/null
}
