# What the tests of smtp-send share: servers of our own (tests/lib/sink.py says
# which).
# shellcheck shell=bash disable=SC2034

setup() {
	sandbox
	SINKS=()
	printf 'Subject: hi\n\nHello\n' > m
}

teardown() {
	for pid in "${SINKS[@]}"; do
		kill "$pid" && wait "$pid" || :
	done
}

# sink [OPTION=VALUE]...: starts a server; its port in $port, what connection N
# received in sink.N.
sink() {
	rm -f sink sink.*
	python3 -S "$TESTS/lib/sink.py" sink "$@" 3>&- &
	SINKS+=($!)
	eventually [ -s sink ]
	port=$(< sink)
	to=(--relay "smtp://127.0.0.1:$port" --hostname me.example
		--timeout 20s)
}

# job ID FILE RCPT...
job() {
	local id=$1 file=$2
	shift 2
	printf '%s\t%s\t0\t-\t<a@x.org>' "$id" "$file"
	printf '\t<%s>' "$@"
	printf '\n'
}

# seen PATTERN FILE: waits until a line of it matches.
seen() {
	eventually grep -aqs -e "$1" "$2"
}

# accepted N: the results of as many jobs for one recipient each.
accepted() {
	local n
	for ((n = 1; n <= $1; n++)); do
		printf 'q%d\t<b%d@x.org>\tok\t250\t2.0.0\tqueued\n' $n $n
	done
}
