# What the scripts of cases/reports are made of. BIN is given, RUN, what runs
# a spool, and ROUNDS, how often at most.
# shellcheck shell=dash disable=SC2154
PATH=$BIN:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
servers=
trap '[ -z "$servers" ] || kill $servers' EXIT

fields() {
	echo 'Subject: original'
	seq "$1" | sed 's/^/Received: by x/'
	printf '\ntext\n'
}

large() {
	printf 'Subject: original\n\n'
	yes 'a line of the body' | head -c "$1"
}

# dialogue COMMAND... < message: the server's replies.
dialogue() {
	{
		printf 'EHLO me\nMAIL FROM:<ann@here.example>\n'
		printf 'RCPT TO:<ok@other.example>\nDATA\n'
		cat
		printf '.\nQUIT\n'
	} | sed 's/$/\r/' | "$@" --log none --hostname h.example
}

rounds() {
	left=$ROUNDS
	while full "${1}/queue" "${2-$1}/queue" && [ "$((left -= 1))" -gt 0 ]; do
		for spool; do
			$RUN -d "$spool" run
		done
	done 2>>log
}

# All of two folders: ls says their names, too.
full() {
	for folder; do
		[ -z "$(ls "$folder")" ] || return 0
	done
	return 1
}

# The port of the server of that spool, once it listens.
port() {
	left=500
	until grep -q event=listening "$1.log" 2>/dev/null ||
		[ "$((left -= 1))" -eq 0 ]; do
		sleep 0.02
	done
	sed -n 's/.*address=127.0.0.1:\([0-9]*\).*/\1/p' "$1.log"
}

# Into the spool, or as the words say; the other spool's mail goes there.
server() {
	spool=$1 to=$2
	shift 2
	[ $# -gt 0 ] || set -- --spool "$spool" --relay-from 127.0.0.1/32
	MAILPIPE_SPOOL=$spool smtp-recv --listen 127.0.0.1:0 --local far.example \
		--hostname "$spool.example" "$@" \
		2>"$spool.log" </dev/null >/dev/null &
	servers="$servers $!"
	sed -i '/^[*]/d' "$to/routes"
	echo "* relay smtp://127.0.0.1:$(port "$spool") --tls=off" >>"$to/routes"
}

forwards() {
	echo "x@far.example y@far.example" >ta
	echo "y@far.example x@far.example" >tb
}

# Each time in a folder of its own. The error is so that the call is not made.
killed() {
	spool=$1
	mkdir tries
	for call in linkat,link renameat,renameat2,rename unlinkat,unlink pwrite64; do
		n=0
		while [ "$((n += 1))" -lt 200 ]; do
			try=tries/$n.${call%%,*}
			mkdir "$try"
			cp -a "$spool" "$try"
			mkdir -p "$try"/box/new "$try"/box/cur "$try"/box/tmp
			(
				cd "$try" || exit
				sed -i "s,$OLDPWD,$PWD," "$spool/routes"
				strace -f -qq -o /dev/null -e "trace=$call" \
					-e "inject=$call:error=EIO:signal=KILL:when=$n" \
					$RUN -d "$spool" run 2>/dev/null
				status=$?
				spool -d "$spool" retry
				rounds "$spool"
				exit $status
			) || continue
			break
		done
	done
	rm -rf "$spool"
}
