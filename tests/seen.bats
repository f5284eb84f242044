#!/usr/bin/env bats
# The fetch journal.
# shellcheck disable=SC2010,SC2012,SC2059 # plain names; formats of our own
load lib

setup() {
	sandbox
	drv=$BUILD/drv/seen
	state=$HOME/.local/state/mailpipe
}

# seen COMMAND...: one run over the same journal; its path is left out.
seen() {
	printf '%s\n' "$@" | "$drv" 'pop3://alice@host:110' /home/alice/Mail |
		tail -n +2
}

@test "what was added is there in the next run" {
	seen 'has a' 'add a' 'add b' 'has a' count sync >out
	printf '%s\n' no done done yes 2 done | same out
	seen 'has a' 'has b' 'has c' count >out
	printf '%s\n' yes yes no 2 | same out
	same "$state"/* <<-'END'
	mailpipe-seen 1
	source pop3://alice@host:110
	sink /home/alice/Mail
	a
	b
	END
}

@test "each source and sink has a file of its own, in private folders" {
	for sink in /a /b; do
		for source in pop3://x@h:1 pop3://y@h:1; do
			"$drv" $source $sink </dev/null >>paths
		done
	done
	sort -u paths | wc -l >count
	echo 4 | same count
	stat -c %a "$state" "$state"/pop3-x* | sort | uniq -c | tr -s ' ' >modes
	printf ' 2 600\n 1 700\n' | same modes
	XDG_STATE_HOME=$PWD/xdg "$drv" s k </dev/null >path
	ls xdg/mailpipe >list
	sed 's,.*/,,' path | same list
}

@test "a hostile name of source or sink stays one line and inside the folder" {
	"$drv" 'pop3://../../x@h' "/a
	b%0" </dev/null >path
	sed 's,.*/mailpipe/,,; s/-[0-9a-f]*$//' path >name
	echo 'pop3-..-..-x@h' | same name
	sed -n 3p "$(cat path)" >sink
	echo 'sink /a%0A%09b%250' | same sink
}

@test "another fetcher is kept out" {
	mkfifo pipe
	"$drv" s k <pipe >first &
	exec 9>pipe
	until [ -s first ]; do :; done
	exits 75 "$drv" s k </dev/null >out
	exec 9>&-
	wait
	echo EAGAIN | same out
	exits 0 "$drv" s k </dev/null
}

@test "a foreign file is left alone" {
	seen 'add a' >/dev/null
	echo 'my notes, which are rather longer than the head of a journal would be' \
		>"$(echo "$state"/*)"
	exits 75 "$drv" 'pop3://alice@host:110' /home/alice/Mail </dev/null >out
	echo EBADMSG | same out
	cat "$state"/* >out
	echo 'my notes, which are rather longer than the head of a journal would be' |
		same out
}

@test "a head or a line that was cut while it was written is mended" {
	seen 'add a' >/dev/null
	file=$(echo "$state"/*)
	cp "$file" whole
	for ((n = 0; n < $(wc -c <whole); n++)); do
		head -c $n whole >"$file"
		seen 'add b' >/dev/null
		seen 'has b' 'has a' >out
		printf 'yes\nno\n' | same out
	done
	printf 'zeros\0\0\0\nlast' >>"$file"
	seen 'add c' >/dev/null
	seen 'has last' 'has c' 'has zeros' >out
	printf 'no\nyes\nno\n' | same out
}

@test "a line that could not be written whole leaves no part of it" {
	printf 'add %070d\n' {1..20} >commands
	echo sync >>commands
	bash -c 'trap "" XFSZ; ulimit -f 1; exec "$0" s k' "$drv" <commands |
		tail -n 1 >out
	echo EFBIG | same out
	same "$state"/* <<-'END'
	mailpipe-seen 1
	source s
	sink k
	END
}

@test "what is no unique-id is not taken" {
	long=$(printf %071d 1)
	seen "add $long" "add ${long:1}" "has $long" "has ${long:1}" \
	    "$(printf 'add a\x01')" "$(printf 'add \xff')" \
	    "add x $(printf %0256d 1)" >out
	printf '%s\n' EINVAL done no yes EINVAL EINVAL EINVAL | same out
}

@test "a file that was announced and is missing was not fetched" {
	seen 'add a f1' sync confirm 'add b f2' 'add c f3' sync die >/dev/null
	seen 'settle f2' 'has a' 'has b' 'has c' >out
	printf '%s\n' done yes yes no | same out
	same "$state"/* <<-'END'
	mailpipe-seen 1
	source pop3://alice@host:110
	sink /home/alice/Mail
	a
	b
	END
	seen 'settle' 'has a' 'has b' 'has c' >out
	printf '%s\n' done yes yes no | same out
}

@test "a file that was announced and is there was fetched" {
	seen 'add a f1' sync die >/dev/null
	seen 'settle f1' >out
	seen 'settle' 'has a' >>out
	printf '%s\n' done done yes | same out
}

@test "what the server no longer has is forgotten when it is the larger part" {
	seq -f 'add %g' 300 | "$drv" s k >/dev/null
	printf '%s\n' 'has 1' 'has 2' 'add new' sync compact count | "$drv" s k |
		tail -n 4 >out
	printf '%s\n' done done done 301 | same out
	file=$(echo "$state"/*)
	tail -n +4 "$file" | sort >out
	printf '%s\n' 1 2 new | same out
	seq -f 'has %g' 300 | "$drv" s k | grep -c yes >out || true
	echo 2 | same out
	ls "$state" >out
	basename "$file" | same out
}

@test "a journal mostly in use, or small, is not compacted" {
	seq -f 'add %g' 300 | "$drv" s k >/dev/null
	{ seq -f 'has %g' 150; echo compact; } | "$drv" s k >/dev/null
	seq -f 'add %g' 50 | "$drv" s other >/dev/null
	echo compact | "$drv" s other >/dev/null
	cat "$state"/* | grep -c '^[0-9]' >out
	echo 350 | same out
}

@test "seen_sync makes the file durable, and a new one its folder" {
	printf '%s\n' 'add a' sync die | strace -y \
		-o trace -e trace=write,fsync,fdatasync "$drv" s k >path
	sed -n 's,^\([a-z]*\)([0-9]*<[^>]*/\(mailpipe\)\(/[^>]*\)*>.*,\1 \2,p' trace >out
	same out <<-'END'
	write mailpipe
	fsync mailpipe
	fsync mailpipe
	write mailpipe
	fdatasync mailpipe
	END
}

@test "100,000 entries are read and asked for quickly" {
	seq -f 'add %g' 100000 | "$drv" s k >/dev/null
	exits 0 timeout 5 "$drv" s k < <(seq -f 'has %g' 100000) >out
	tail -n +2 out | uniq -c | tr -s ' ' >count
	echo ' 100000 yes' | same count
}
