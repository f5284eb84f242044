#!/usr/bin/env bats
# spool: transports, runners and disks that fail.
load lib
load spool

@test "what a dead transport leaves unanswered is unsure and tried again" {
	relay
	message | spool add -f a@b.example good@x.example kill@x.example >/dev/null
	run_spool 2>/dev/null
	spool list | plain >listed
	same listed <<-'END'
		ID queued TIME 1 18 <a@b.example>
		  <kill@x.example> unsure: transport ended with status 137
	END
	spool retry
	rm log
	run_spool 2>/dev/null
	same log <<-'END'
		args --batch --relay smtp://127.0.0.1:1 --tls=off
		<a@b.example> <kill@x.example> hi
	END
}

@test "--unsure=hold keeps it until someone releases it" {
	relay
	id=$(message | spool add -f a@b.example unsure@x.example)
	run_spool --unsure hold 2>/dev/null
	spool list | plain >listed
	same listed <<-'END'
		ID held TIME 0 18 <a@b.example>
		  <unsure@x.example> unsure: lost after the final dot
	END
	rm log
	spool release "$id"
	spool list | plain >listed
	same listed <<-'END'
		ID queued TIME 0 18 <a@b.example>
		  <unsure@x.example> lost after the final dot
	END
	run_spool --unsure hold 2>/dev/null
	lines log 2
}

@test "a transport that cannot run or refuses its options bounces nothing" {
	relay
	message | spool add -f a@b.example good@x.example >/dev/null
	for cmd in /nonexistent 'exit 64; :' 'exit 78; :'; do
		exits 0 spool run --transport "$cmd" 2>/dev/null
		spool retry
	done
	spool list | plain >listed
	same listed <<-'END'
		ID queued TIME 3 18 <a@b.example>
		  <good@x.example> transport ended with status 78
	END
}

@test "of a transport that dies only the jobs that it was given are unsure" {
	relay
	# A line over the pipe's 64 KiB: of the second one some stays here.
	label=$(printf 'd%.0s' {1..60})
	many=$(printf "%040d@$label.$label.$label.example " {1..300})
	# shellcheck disable=SC2086 # a list of words
	for _ in 1 2; do
		message | spool add -f a@b.example $many >/dev/null
	done
	exits 0 spool run --transport 'read -r job; exit 77; :' 2>/dev/null
	spool list | grep -o 'unsure: .*\|transport .*' | sort | uniq -c >counts
	same counts <<-'END'
		    300 transport ended with status 77
		    300 unsure: transport ended with status 77
	END
}

@test "a transport that hangs is ended after --timeout, others go on" {
	message | spool add -f a@b.example hang@x.example good@y.example >/dev/null
	run_spool --timeout 3 2>/dev/null
	spool list | plain >listed
	same listed <<-'END'
		ID queued TIME 1 18 <a@b.example>
		  <hang@x.example> unsure: transport ended by signal 9
	END
}

@test "a transport without any answer at its end leaves them unsure" {
	relay
	message | spool add -f a@b.example mute@x.example >/dev/null
	run_spool 2>/dev/null
	spool list | plain >listed
	same listed <<-'END'
		ID queued TIME 1 18 <a@b.example>
		  <mute@x.example> unsure: transport ended with status 0
	END
}

@test "a result whose line was cut is none" {
	relay
	message | spool add -f a@b.example cutoff@x.example >/dev/null
	run_spool 2>/dev/null
	spool list | plain >listed
	same listed <<-'END'
		ID queued TIME 1 18 <a@b.example>
		  <cutoff@x.example> unsure: transport ended with status 0
	END
}

@test "two runners at once never send twice" {
	relay
	for i in {1..150}; do
		message "m$i" | spool add -f a@b.example good@x.example
	done >/dev/null
	run_spool 2>/dev/null &
	run_spool 2>/dev/null
	wait
	grep -v ^args log | sort | uniq -c | awk '{ n++; if ($1 > 1) d++ } END { print n, d + 0 }' >counted
	echo '150 0' | same counted
	[ "$(spool list)" = "" ]
}

@test "8 adders and 8 runners that are killed at random lose nothing, and send twice only what was cut" {
	plain_build 'locks are preloaded'
	proves runners
	sed -n 's/^runners messages/# &/p' out >&3
}

@test "the transport that outlives its runner keeps the claim" {
	relay
	id=$(message | spool add -f a@b.example late@x.example)
	run_spool 2>/dev/null &
	runner=$!
	PIDS+=("$runner")
	eventually lines log 2
	# 'spool run' itself, not the subshell that bats made of the function.
	pkill -KILL -P "$runner" spool || kill -KILL "$runner"
	wait "$runner" 2>/dev/null || true
	exits 75 spool rm "$id" 2>err
	echo "spool: rm $id: it is being sent now" | same err
	exits 75 spool hold "$id" 2>err
	run_spool 2>/dev/null
	lines log 2 && ! lines log 4
	touch go
	eventually spool hold "$id"
	spool list | plain >listed
	same listed <<-'END'
		ID held TIME 0 18 <a@b.example>
		  <late@x.example>
	END
}

@test "killed between a report and its mark: reported again, never lost" {
	relay
	id=$(message | spool add -f a@b.example perm@x.example)
	# As such a kill leaves it: failed, the report queued, not yet marked.
	python3 - s/queue/*."$id".q <<-'END'
		import sys
		d = open(sys.argv[1], "r+b").read()
		at = d.index(b"\nR . ") + 3
		f = open(sys.argv[1], "r+b")
		f.seek(at)
		f.write(b"- 550 " + b"5.1.1 gone".ljust(120))
	END
	run_spool 2>err
	[ ! -e log ]
	plain <err >logged
	same logged <<-'END'
		event=bounced id=ID mail_id=ID report=ID to=a@b.example
	END
	[ -z "$(compgen -G "s/queue/*.$id.q")" ]
}

@test "a message all sent but not removed is removed, not sent again" {
	relay
	id=$(message | spool add -f a@b.example good@x.example)
	sed -i 's/^R \. 000/R + 250/' s/queue/*."$id".q
	run_spool
	[ ! -e log ]
	[ -z "$(ls s/queue)" ]
}

@test "what is sent but cannot be removed is not sent again" {
	export ASAN_OPTIONS=detect_leaks=0
	relay
	message | spool add -f a@b.example good@x.example ok@x.example >/dev/null
	exits 75 strace -o trace -e trace=unlinkat -e inject=unlinkat:error=EROFS \
		spool run --transport "$T" --log none 2>/dev/null
	grep -c INJECTED trace >count
	echo 1 | same count
	rm log
	run_spool
	[ ! -e log ]
	[ -z "$(ls s/queue)" ]
}

@test "corrupt, empty and foreign files are set aside" {
	relay
	id=$(message | spool add -f a@b.example good@x.example)
	name=$(ls s/queue)
	head -c 100 "s/queue/$name" >"s/queue/00000000001.${id/%?/0}.q"
	: >"s/queue/00000000002.${id/%?/1}.q"
	echo more | cat "s/queue/$name" - >"s/queue/00000000003.${id/%?/2}.q"
	ln -s /etc/passwd "s/queue/00000000004.${id/%?/3}.q"
	mkfifo "s/queue/00000000005.${id/%?/4}.q"
	mkdir "s/queue/00000000006.${id/%?/5}.q"
	echo x >s/queue/README
	run_spool 2>err
	[ -z "$(ls s/queue)" ]
	ls s/corrupt | plain | sort >aside
	same aside <<-'END'
		00000000001.ID.q
		00000000002.ID.q
		00000000003.ID.q
		00000000004.ID.q
		00000000005.ID.q
		00000000006.ID.q
		README
	END
	lines log 2
	exits 1 spool health >health
	echo 'trouble: 0 queued, 0 held, 0 due, 0 dead, 7 corrupt' | same health
}

@test "SIGTERM ends a run with 75 once what was begun has its result" {
	relay
	message | spool add -f a@b.example late@x.example >/dev/null
	spool run --transport "$T" 2>/dev/null &
	pid=$!
	PIDS+=("$pid")
	eventually lines log 2
	kill -TERM $pid
	touch go
	got=0
	wait $pid || got=$?
	[ $got = 75 ]
	[ "$(spool list)" = "" ]
}

# has_read PID OCTETS
has_read() { awk -v n="$2" '/^rchar/ { exit $2 < n }' "/proc/$1/io"; }

@test "a run whose transport never pauses hears SIGTERM, and a second signal" {
	relay
	message | spool add -f a@b.example good@x.example >/dev/null
	# It says of each line that it is no result: that takes longer than yes does.
	spool run --transport 'yes; :' 2>/dev/null 3>&- &
	pid=$!
	PIDS+=("$pid")
	eventually has_read "$pid" 1000000
	kill -TERM "$pid"
	kill -INT "$pid"
	timeout 20 tail -s 0.02 --pid "$pid" -f /dev/null || kill -KILL "$pid"
	exits 75 wait "$pid"
}
