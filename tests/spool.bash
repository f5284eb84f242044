# What the tests of spool have in common: a spool of their own, a transport
# that does as recipients say, and its log.
# shellcheck shell=bash disable=SC2034
setup() {
	sandbox
	export MAILPIPE_SPOOL=$PWD/s TRANSPORT_LOG=$PWD/log GO=$PWD/go
	T=$TESTS/transport.py
	PIDS=()
}

teardown() {
	touch "$GO"
	local pid
	for pid in "${PIDS[@]}"; do
		kill -KILL "$pid" 2>/dev/null || true
	done
}

# All mail by one relay route.
relay() {
	mkdir -p s
	echo '* relay smtp://127.0.0.1:1 --tls=off' >s/routes
	chmod 644 s/routes
}

# A new one, whose reports are in a file.
fresh_spool() {
	rm -rf s log reports && mkdir s
	printf 'b.example deliver cat >>reports; :\n* relay smtp://x\n' >s/routes
	chmod 644 s/routes
}

message() { printf 'Subject: test\n\n%s\n' "${1:-hi}"; }

run_spool() { spool run --hostname me.example --transport "$T" "$@"; }

# What was listed or logged, without IDs and times that differ each time.
plain() {
	sed -E 's/\b[0-9a-z]{20}\b/ID/g; s/[0-9]{4}-[0-9-]+T[0-9:]+Z/TIME/g'
}

lines() { [ "$(cat "$1" 2>/dev/null | wc -l)" -ge "$2" ]; }

set_time() { # ID created|expires|tries NUMBER
	python3 - "$PWD"/s/queue/*."$1".* "$2" "$3" <<-'END'
		import sys
		name, field, value = sys.argv[1:]
		data = open(name, "rb").read()
		at = data.index(b"\n" + field.encode()) + len(field) + 2
		width = data.index(b"\n", at) - at
		new = data[:at] + value.zfill(width).encode() + data[at + width:]
		open(name, "r+b").write(new)
	END
}

# walk CALL FAULT COMMAND...: the command with that fault at each of its calls
# in turn, until there is no such call; then after is run.
walk() {
	local call=$1 fault=$2 n code
	shift 2
	for ((n = 1; n < 100; n++)); do
		before
		code=0
		strace -o trace -e trace="$call" \
			-e inject="$call:$fault:when=$n" "$@" || code=$?
		grep -q 'INJECTED\|killed by SIGKILL' trace || return 0
		case $fault:$code in
		signal=KILL:137 | error=*:0 | error=*:75) ;;
		*) echo "exit $code of $call $n with $fault" >&2 && return 1 ;;
		esac
		after "$code" || {
			echo "after $call $n with $fault" >&2
			return 1
		}
	done
	return 1
}
