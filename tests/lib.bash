# Loaded by every .bats file: our programs first in PATH, a clean environment,
# and byte-exact comparisons that print a diff.
# shellcheck shell=bash
TESTS=${BASH_SOURCE[0]%/*}
[[ $TESTS == /* ]] || TESTS=$(cd "$TESTS" && pwd)
TOP=${TESTS%/*}
BUILD=${MAILPIPE_BUILD:-$TOP/build}
# Debian's tools before those that a user has in front of them: a version
# manager's python3 takes longer than most tests.
PATH=$BUILD/bin:/usr/sbin:/usr/bin:/sbin:/bin:$PATH
export PATH LC_ALL=C TZ=UTC PYTHONDONTWRITEBYTECODE=1
unset EMAIL MAILPIPE_SPOOL XDG_STATE_HOME CREDENTIALS_DIRECTORY REMOTE_ADDR \
	TCPREMOTEIP LISTEN_PID LISTEN_FDS ALL_PROXY MAIL_ID

# bats notes before each command where it is, to tell where a test fails, and
# asks date(1) for the time; together that takes as long as all else that bash
# does. The place can be noted at the failure, and bash has a clock.
bats_setup_tracing() {
	trap 'bats_check_status_from_trap; note_failure' ERR
}

get_mills_since_epoch() {
	local now=${EPOCHREALTIME/./}
	echo "${now%???}"
}

note_failure() {
	bats_capture_stack_trace
	# shellcheck disable=SC2034 # of bats
	BATS_DEBUG_LAST_STACK_TRACE_IS_VALID=1
}

# A home and a working folder of the test's own.
sandbox() {
	export HOME=$BATS_TEST_TMPDIR/home
	mkdir "$HOME"
	cd "$BATS_TEST_TMPDIR" || return 1
}

# same FILE < EXPECTED: byte for byte, else a readable diff. FILE may be `-v
# FILE' to compare what cat -v shows.
same() {
	local want='' end='' told
	# What is short and equal, as most is, takes no process.
	if IFS= read -rd '' -n 8192 want; then
		((${#want} == 8192)) || end='\0'
	elif equal "$@"; then
		return
	fi
	told=$({ printf "%s$end" "$want" && cat; } | differ "$@") && return
	cat -v <<<"$told"
	return 1
}

# equal [-v] FILE: to $want, as far as that can be told of a text.
equal() {
	local got=''
	[ -f "${*: -1}" ] && [ -r "${*: -1}" ] || return
	! IFS= read -rd '' got <"${*: -1}" || return
	if [ "$1" = -v ]; then
		[[ $got != *[^$'\t\n\r -~']* ]] || return
		got=${got//$'\r'/^M}
	fi
	[ "$got" = "$want" ]
}

differ() {
	if [ "$1" = -v ]; then
		diff -u - <(cat -v "$2")
	else
		diff -au - "$1"
	fi
}

# one_line FILE: it holds that, which is in $said.
one_line() {
	IFS= read -rd '' said <"$1" || :
	[[ $said == *$'\n' && ${said%$'\n'} != *$'\n'* ]]
}

# exits CODE COMMAND...: runs it and fails unless that is its exit status.
exits() {
	local want=$1 got=0
	shift
	"$@" || got=$?
	[ "$got" -eq "$want" ] && return
	echo "exit $got, not $want: $*" >&2
	return 1
}

quiet=
# pause: as sleep 0.02, without a process: nothing is ever written to that pipe.
pause() {
	[ -n "$quiet" ] || exec {quiet}<> <(:)
	read -rt 0.02 -u "$quiet" || true
}

# eventually COMMAND...: until it succeeds, some 60 s.
eventually() {
	local i
	for ((i = 0; i < 3000; i++)); do
		"$@" 2>/dev/null && return
		pause
	done
	echo "not within 60 s: $*" >&2
	return 1
}

# begun: something of a message is in the tmp of the maildir Mail.
begun() {
	local file
	for file in Mail/tmp/*; do
		[ ! -s "$file" ] || return 0
	done
	return 1
}

# listens LOG: whether a server says there where it listens: $address.
listens() {
	local text
	read -rd '' text <"$1" || true
	[[ $text =~ event=listening[^$'\n']*' address='([^ $'\n']+) ]] || return
	# shellcheck disable=SC2034 # for those who load this
	address=${BASH_REMATCH[1]}
}

# The sanitizers add libraries, memory, descriptors and calls of their own.
sanitized() { [[ $BUILD == */build/san* ]]; }

# plain_build [WHY]: skips the test where the programs have sanitizers.
plain_build() { ! sanitized || skip "${1-said of the plain build}"; }

# proves PART [WORD...]: its quick form holds, else what it said. Its lines are in
# out.
proves() {
	timeout 900 "$TESTS/proof/$1" quick "${@:2}" >out 2>err 3>&- && return
	cat out err
	return 1
}

# without_memory N COMMAND...: its Nth allocation fails.
without_memory() {
	# How many there were, which one fails, whether all behind it do.
	# shellcheck disable=SC2059
	printf "%b$(printf '\\x%02x' "$1")%b" '\0\0\0\0\0\0\0\0' \
		'\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0' >alloc
	WALK_ALLOC=$PWD/alloc LD_PRELOAD=$BUILD/proof/malloc.so "${@:2}"
}

# The leak checker cannot run where the tracer stands in its place.
strace() { ASAN_OPTIONS=detect_leaks=0 command strace "$@"; }

# crlf < LF > CRLF
crlf() { sed 's/$/\r/'; }
