#!/usr/bin/env bats
# lib/child: commands, their exit codes, time limits and surroundings.
load lib

setup() {
	sandbox
	drv=$BUILD/drv/child
}

@test "the exit code of the command is told, 75 for a signal" {
	{
		"$drv" true
		"$drv" sh -c 'exit 67'
		"$drv" sh -c 'kill -9 $$'
		"$drv" -l sh -c 'exit 69'
	} >out
	same out <<-'END'
	0
	67
	75
	69 0 []
	END
}

# 127 and 126 are temporary: a local mistake bounces no mail.
@test "what cannot be executed is 75" {
	touch plain
	"$drv" /nonexistent >out
	"$drv" ./plain >>out
	"$drv" -l nonexistent-command >>out
	"$drv" -d /nonexistent true >>out
	printf '75\n75\n75 0 []\n75\n' | same out
}

@test "the first line of stdout is collected, no more, and up to 1,000 octets" {
	{
		"$drv" -l printf 'one\ntwo\n'
		"$drv" -l printf 'no end'
		"$drv" -l printf '\nsecond'
		"$drv" -l sh -c 'printf on; sleep 0.1; printf "e\ntwo"'
	} >out
	same out <<-'END'
	0 3 [one]
	0 6 [no end]
	0 0 []
	0 3 [one]
	END
	"$drv" -l sh -c 'yes | tr -d "\n" | head -c 300000' >out
	printf '0 1000 [%s]\n' "$(yes | tr -d '\n' | head -c 1000)" | same out
}

@test "without a line, stdout goes where stderr goes" {
	"$drv" echo said >out 2>err
	echo 0 | same out
	echo said | same err
}

@test "stdin is what was given, or empty" {
	echo body >in
	"$drv" -l -i in cat >out
	"$drv" -l cat >>out <in
	printf '0 4 [body]\n0 0 []\n' | same out
}

@test "nothing but fds 0, 1 and 2 is open in the command" {
	exec 7<"$TESTS/lib.bash" 9<"$TESTS/lib.bash"
	"$drv" -l sh -c 'echo /proc/$$/fd/*' >out
	exec 7<&- 9<&-
	sed 's,/proc/[0-9]*/fd/,,g' out >fds
	# The shell's glob has a folder open: it is listed as 3.
	sed 's/^0 [0-9]* /0 /; s/ 3\]/]/' fds >seen
	echo '0 [0 1 2]' | same seen
}

@test "the command has its own process group and signals at their defaults" {
	(
		trap '' PIPE HUP TERM
		"$drv" -l sh -c 'cut -d" " -f5 /proc/$$/stat | grep -qx $$ &&
			grep -E "^Sig(Blk|Ign)" /proc/$$/status | tr "\n\t" "  "'
	) >out
	# Signals 32 and 33 are the C library's own.
	sed 's/SigIgn: 00000001[08]/SigIgn: 000000000/' out >seen
	echo '0 50 [SigBlk: 0000000000000000 SigIgn: 0000000000000000 ]' |
		same seen
}

@test "a variable is added, or takes the place of one" {
	HELO=old "$drv" -l -e HELO=new sh -c 'echo $HELO; env' >out
	HELO=old "$drv" -l -e HELO=new sh -c 'env | grep -c ^HELO=' >>out
	HELO=old "$drv" -l -e HELO2=new sh -c 'echo $HELO$HELO2' >>out
	printf '0 3 [new]\n0 1 [1]\n0 6 [oldnew]\n' | same out
}

@test "the command starts in the folder it is given" {
	mkdir sub
	"$drv" -l -d sub sh -c 'basename "$PWD"' >out
	echo '0 3 [sub]' | same out
}

# The group: the sleep that holds the pipe as well.
@test "what runs over its time is ended with its group and counts as 75" {
	"$drv" -l -t 1 sh -c 'sleep 300 & echo $!; sleep 300' >out
	sed 's/^75 [0-9]* \[\([0-9]*\)\]$/\1/' out >pid
	for _ in $(seq 100); do
		state=$(sed 's/.*) //; s/ .*//' "/proc/$(cat pid)/stat" \
			2>/dev/null) || break
		[ "$state" = Z ] && break
		pause
	done
	[ "${state:-Z}" = Z ] || [ ! -e "/proc/$(cat pid)" ]
	sed 's/\[.*/[]/; s/ [0-9]* / /' out >code
	echo '75 []' | same code
}

@test "time over lets the command clean up, but not for ever" {
	"$drv" -t 1 sh -c 'trap "echo cleaned >said; exit 0" TERM
		while :; do sleep 0.1; done' >out
	"$drv" -t 1 sh -c 'trap "" TERM; while :; do sleep 0.1; done' >>out
	printf '75\n75\n' | same out
	echo cleaned | same said
}

@test "a limit that is not reached changes nothing" {
	"$drv" -t 60 sh -c 'exit 65' >out
	"$drv" -t 60 -l echo fine >>out
	printf '65\n0 4 [fine]\n' | same out
}

@test "what a command leaves running keeps nobody waiting" {
	"$drv" -l sh -c 'sleep 300 & echo $!' >out
	pid=$(sed 's/.*\[\(.*\)\]/\1/' out)
	kill "$pid"
	sed 's/ .*//' out >code
	echo 0 | same code
}

@test "an option's command gets its data as arguments, never as text" {
	"$drv" -l -s 'printf "%s," fixed' 'a b' "\$(touch bad)" "';touch bad" >out
	printf '0 %s\n' "38 [fixed,a b,\$(touch bad),';touch bad,]" >want
	sed 's/^0 [0-9]* //' want >w && sed 's/^0 [0-9]* //' out >o
	same o <w
	[ ! -e bad ]
}

@test "our programs find each other in their own folder" {
	"$drv" -l -p sh -c 'echo "${PATH%%:*}"' >out
	sed -i 's/^0 [0-9]* //' out
	echo "[$BUILD/drv]" | same out
	# Not twice.
	"$drv" -l -p "$drv" -l -p sh -c 'echo "$PATH"' >out
	sed -i 's/^0 [0-9]* \[0 [0-9]* //' out
	echo "[$BUILD/drv:$PATH]]" | same out
}

@test "descriptors are passed as 3 and 4, and an octet is waited for" {
	echo in >in
	"$drv" -a -t 20 sh -c 'read line <&3; echo "$line" >&4; sleep 60' <in >out
	"$drv" -a -t 20 sh -c 'printf x >&4; exit 7' <in >>out
	"$drv" -a -t 20 sh -c 'exit 7' <in >>out
	"$drv" -a -t 20 sh -c 'exec 4>&-; sleep 0.1; exit 8' <in >>out
	"$drv" -a -t 20 sh -c 'kill -9 $$' <in >>out
	"$drv" -a -t 20 /nonexistent <in >>out
	"$drv" -a -t 1 sh -c 'trap "echo ended >&2; exit" TERM; sleep 60 & wait' \
		<in >>out 2>err
	printf '%s\n' -1 -1 7 8 75 75 75 | same out
	same err <<<ended
	"$drv" -a -t 20 sh -c 'ls /proc/self/fd >fds' <in >out
	printf '%s\n' 0 1 2 3 4 5 | same fds # 5 is of ls
}
