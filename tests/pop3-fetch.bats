#!/usr/bin/env bats
# pop3-fetch: against pop3-serve, and against servers that misbehave.
# shellcheck disable=SC2010,SC2012,SC2059 # plain names; formats of our own
load lib

setup() {
	sandbox
	mkdir -p box/{new,cur,tmp}
	(umask 077 && echo secret >pw)
	pids=()
}

teardown() {
	for pid in "${pids[@]}"; do
		kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
	done
	true
}

# serving: pop3-serve over box; sets url.
serving() {
	local address
	: >serve.log
	pop3-serve --single-user box --password-file pw --auth-clear \
		--listen 127.0.0.1:0 2>>serve.log 3>&- &
	pids+=($!)
	eventually listens serve.log
	url=pop3://alice@$address/
}

# scripted SCRIPT...: the server of lib/pop3-script.py; sets url.
scripted() {
	: >asked
	: >port
	python3 "$TESTS/lib/pop3-script.py" asked "$@" >>port 2>script.log 3>&- &
	pids+=($!)
	eventually [ -s port ]
	url=pop3://alice@127.0.0.1:$(<port)/
}

fetch() {
	pop3-fetch --tls=off --password-file pw -q "$@" "$url"
}

# next_fetch ARG...: once the server's session that was cut has ended.
next_fetch() {
	local i status
	for ((i = 0; i < 400; i++)); do
		status=0
		fetch "$@" 2>err || status=$?
		grep -q IN-USE err || break
		pause
	done
	cat err >&2
	return $status
}

# fetch_to COMMAND...
fetch_to() {
	pop3-fetch --tls=off --password-file pw -q "$url" -- "$@"
}

# Waits until the server has noted as many commands.
asked() {
	eventually noted "$1"
	same asked
}

noted() {
	local lines
	mapfile -t lines <asked
	[ ${#lines[@]} -ge "$1" ]
}

# The messages of a maildir, in order of arrival, each after a line "--".
messages() {
	for f in "$1"/new/*; do
		[ ! -e "$f" ] || { echo --; cat "$f"; }
	done
}

listing='ask\nsay +OK\\r\\nUIDL\\r\\n.\\r\\n\nask\n'

@test "messages arrive octet for octet, and once" {
	printf 'Subject: 1\n\n.dot\n..\n.\nFrom x\n' >box/new/1
	printf 'Subject: 2\r\n\r\nCRLF\r\n' >'box/cur/2:2,S'
	printf '8-bit \xff\xfe and a very long line%02000d\n\n\n' 7 >box/new/3
	printf 'no newline' >box/new/4
	: >box/new/5
	serving
	pop3-fetch --tls=off --password-file pw -o Mail "$url" 2>err
	journal=$(echo "$HOME"/.local/state/mailpipe/pop3-alice*)
	echo "pop3-fetch: 5 new, 0 already fetched (journal $journal)" | same err
	{
		cat box/new/1
		tr -d '\r' <'box/cur/2:2,S'
		cat box/new/3
		printf 'no newline\n'
	} >want
	cat Mail/new/* >got
	same got <want
	ls Mail/new | wc -l >count
	echo 5 | same count
	ls Mail/tmp Mail/cur | grep -v : >out || true
	same out < <(echo)
	pop3-fetch --tls=off --password-file pw -o Mail "$url" 2>err
	echo "pop3-fetch: 0 new, 5 already fetched (journal $journal)" | same err
	echo new >box/new/6
	fetch -o Mail 2>err
	same err </dev/null
	ls Mail/new | wc -l >count
	echo 6 | same count
	ls box/new box/cur | grep -c '^[0-9]' >count
	echo 6 | same count
}

@test "each sink has its own journal" {
	printf 'Subject: 1\n\nFrom x\n>From y\n' >box/new/1
	printf 'no newline' >box/new/2
	serving
	fetch -o Mail
	fetch --mbox mbox
	fetch --stdout >stream
	# shellcheck disable=SC2016 # for the inner shell
	fetch_to sh -c 'echo "$MAIL_SIZE"; cat' 2>command
	same command <<-'END'
	27
	Subject: 1

	From x
	>From y
	11
	no newline
	END
	sed 's/^From MAILER-DAEMON .*/From_/' mbox >got
	same got <<-'END'
	From_
	Subject: 1

	>From x
	>>From y

	From_
	no newline

	END
	sed 's/^From MAILER-DAEMON .*/From_/' stream | cmp - got
	ls "$HOME"/.local/state/mailpipe | wc -l >count
	echo 4 | same count
	fetch --mbox ./mbox
	fetch --stdout >stream
	same stream </dev/null
	grep -c ^From mbox >count
	echo 2 | same count
}

@test "a command gets each message whole; its exit status decides" {
	for i in 1 2 3; do printf 'm%s\n' $i >box/new/$i; done
	serving
	cat >take <<-'END'
	#!/bin/sh
	read -r line
	echo "$line $MAIL_SIZE $*" >>taken
	[ "$line" != m2 ] || exit "$(cat code)"
	END
	chmod +x take
	echo 75 >code
	exits 75 pop3-fetch --tls=off --password-file pw -q --delete "$url" -- ./take a 'b c' 2>err
	echo 'pop3-fetch: message 2: ./take: exit 75' | same err
	ls box/new >left
	echo 2 | same left
	echo 67 >code
	exits 69 pop3-fetch --tls=off --password-file pw -q --delete "$url" -- ./take a 'b c' 2>err
	echo 0 >code
	pop3-fetch --tls=off --password-file pw -q --delete "$url" -- ./take a 'b c'
	printf 'm%s 3 a b c\n' 1 2 3 2 2 | same taken
	ls box/new >left
	same left </dev/null
}

@test "commands are pipelined where that was announced" {
	{
		printf 'login\nask\nsay +OK\\r\\nPIPELINING\\r\\nUIDL\\r\\n.\\r\\n\n'
		printf 'ask\nsay +OK\\r\\n1 a\\r\\n2 b\\r\\n3 c\\r\\n.\\r\\n\n'
		printf 'ask\nask\nask\n'
		printf 'say +OK\\r\\none\\r\\n.\\r\\n+OK\\r\\n..two\\r\\n.\\r\\n+OK\\r\\n.\\r\\n\n'
		printf 'ask\nask\nask\nsay +OK\\r\\n+OK\\r\\n+OK\\r\\n\nask\nsay +OK\\r\\n\n'
	} >script
	scripted script
	fetch --delete -o Mail
	asked 9 <<-'END'
	CAPA
	UIDL
	RETR 1
	RETR 2
	RETR 3
	DELE 1
	DELE 2
	DELE 3
	QUIT
	END
	messages Mail >got
	printf -- '--\none\n--\n.two\n--\n' | same got
}

@test "commands go one at a time where it was not" {
	{
		printf 'login\nask-alone\nsay -ERR\\r\\n\n'
		printf 'ask-alone\nsay +OK\\r\\n1 a\\r\\n2 b\\r\\n.\\r\\n\n'
		printf 'ask-alone\nsay +OK\\r\\none\\r\\n.\\r\\n\n'
		printf 'ask-alone\nsay +OK\\r\\ntwo\\r\\n.\\r\\n\n'
		printf 'ask-alone\nsay +OK\\r\\n\nask-alone\nsay +OK\\r\\n\n'
		printf 'ask-alone\nsay +OK\\r\\n\n'
	} >script
	scripted script
	fetch --delete -o Mail
	asked 7 <<-'END'
	CAPA
	UIDL
	RETR 1
	RETR 2
	DELE 1
	DELE 2
	QUIT
	END
}

# cut_scripts: servers of two messages that end within the second, script0 and
# so on, one for each third of its octets (the proof of clients cuts at all);
# sets cuts to their number.
cut_scripts() {
	python3 -SE - >count <<-'END'
	whole = r"+OK|Subject: x||\n.\n..|.|".replace("|", "\r\n").replace("\\n", "\n")
	cuts = range(0, len(whole), 3)
	for n, i in enumerate(cuts):
	    with open("script%d" % n, "w") as f:
	        f.write("login\nask\nsay +OK\\r\\nUIDL\\r\\n.\\r\\nask\n"
	            .replace("\\nask", "\\n\nask"))
	        f.write("say +OK\\r\\n1 a%d\\r\\n2 b\\r\\n.\\r\\n\nask\n" % i)
	        f.write("say +OK\\r\\nfirst\\r\\n.\\r\\n\nask\n")
	        f.write("say %s\n" % ascii(whole[:i])[1:-1])
	print(len(cuts))
	END
	cuts=$(cat count)
}

# cut_each COMMAND...: runs it against each of them.
cut_each() {
	local i
	# shellcheck disable=SC2046 # names without blanks
	scripted $(seq -f 'script%g' 0 $((cuts - 1)))
	for ((i = 0; i < cuts; i++)); do
		exits 75 "$@" 2>err
		echo 'pop3-fetch: connection: closed by the server' | same err
	done
}

@test "nor does an mbox, a stream or a command get any of it" {
	local i
	cut_scripts
	cut_each fetch --mbox mbox
	sed 's/^From .*/From/' mbox >got
	for ((i = 0; i < cuts; i++)); do printf 'From\nfirst\n\n'; done | same got
	cut_each fetch --stdout >stream
	sed 's/^From .*/From/' stream | same got
	cut_each fetch_to sh -c 'cat >>given; echo end >>given'
	for ((i = 0; i < cuts; i++)); do printf 'first\nend\n'; done | same given
}

@test "a reply that comes before it was asked for is not taken as an answer" {
	{
		printf "login\n$listing"
		printf 'say +OK\\r\\n1 a\\r\\n2 b\\r\\n.\\r\\n\nask\n'
		printf 'say +OK\\r\\none\\r\\n.\\r\\n+OK\\r\\nforged\\r\\n.\\r\\n\nask\nask\n'
	} >script
	{
		printf 'login\nsay +OK\\r\\n.\\r\\n\nask\n'
	} >early
	scripted script early
	exits 76 fetch --delete -o Mail 2>err
	echo 'pop3-fetch: server: a reply that nothing asked for' | same err
	messages Mail >got
	printf -- '--\none\n' | same got
	exits 75 fetch --delete -o Mail 2>err
	if grep -q DELE asked; then false; fi
}

@test "hostile unique-ids are only names" {
	{
		printf "login\n$listing"
		printf 'say +OK\\r\\n1 ../../../../tmp/x\\r\\n2 a b\\r\\n3 '
		printf '%0100d' 3
		printf '\\r\\n4 \\x1b[2J\\r\\n5 .\\r\\n6 done\\r\\n.\\r\\n\n'
		for i in 1 2 3 4 5 6; do
			printf 'ask\nsay +OK\\r\\n%s\\r\\n.\\r\\n\n' $i
		done
		printf 'ask\nsay +OK\\r\\n\n'
	} >script
	scripted script
	fetch -o Mail
	messages Mail | tr -d -- '-\n' >got
	printf 123456 | same got
	fetch -o Mail
	tail -n 1 asked >last
	echo QUIT | same last
	ls Mail/new | wc -l >count
	echo 6 | same count
	find . -name x >out
	same out </dev/null
	if grep -q "$(printf '\033')" "$HOME"/.local/state/mailpipe/*; then false; fi
}

@test "messages that share a unique-id are all fetched before any is deleted" {
	{
		printf "login\n$listing"
		printf 'say +OK\\r\\n1 same\\r\\n2 same\\r\\n.\\r\\n\n'
		printf 'ask\nsay +OK\\r\\none\\r\\n.\\r\\n\nask\nsay +OK\\r\\ntwo\\r\\n.\\r\\n\n'
		printf 'ask\nsay +OK\\r\\n\nask\nsay +OK\\r\\n\nask\nsay +OK\\r\\n\n'
	} >script
	scripted script
	fetch -o Mail
	fetch -o Mail
	messages Mail >got
	printf -- '--\none\n--\ntwo\n' | same got
	: >asked
	fetch --delete -o Mail
	asked 7 <<-'END'
	CAPA
	UIDL
	RETR 1
	RETR 2
	DELE 1
	DELE 2
	QUIT
	END
}

@test "a run cut between two that share a unique-id loses neither" {
	{
		printf "login\n$listing"
		printf 'say +OK\\r\\n1 same\\r\\n2 same\\r\\n.\\r\\n\n'
		printf 'ask\nsay +OK\\r\\none\\r\\n.\\r\\n\nask\n'
	} >cut
	{
		cat cut
		printf 'say +OK\\r\\ntwo\\r\\n.\\r\\n\nask\nsay +OK\\r\\n\n'
	} >whole
	scripted cut whole
	exits 75 fetch -o Mail 2>err
	fetch -o Mail
	messages Mail >got
	printf -- '--\none\n--\none\n--\ntwo\n' | same got
	fetch -o Mail
	tail -n 2 asked >last
	printf 'UIDL\nQUIT\n' | same last
}

# Errors of the sink in the middle of a window of five, three of them whole.
@test "a full disk keeps what came whole before, and the rest comes later" {
	{
		printf 'login\nask\nsay +OK\\r\\nPIPELINING\\r\\nUIDL\\r\\n.\\r\\n\n'
		printf 'ask\nsay +OK\\r\\n1 a\\r\\n2 b\\r\\n3 c\\r\\n4 d\\r\\n.\\r\\n\n'
		printf 'ask\nask\nask\nask\n'
		for i in 1 2; do
			printf 'say +OK\\r\\nm%s\\r\\n.\\r\\n\n' $i
		done
		printf 'say +OK\\r\\nm3 \nfill 20000 x\nsay \\r\\n.\\r\\n\n'
		printf 'say +OK\\r\\nm4\\r\\n.\\r\\n\n'
		printf 'ask\nsay +OK\\r\\n\n'
	} >script
	{
		printf "login\n$listing"
		printf 'say +OK\\r\\n1 a\\r\\n2 b\\r\\n3 c\\r\\n4 d\\r\\n.\\r\\n\n'
		for i in 3 4; do
			printf 'ask\nsay +OK\\r\\nm%s\\r\\n.\\r\\n\n' $i
		done
		printf 'ask\nsay +OK\\r\\n\n'
	} >again
	scripted script again
	(ulimit -f 10 && exits 75 fetch --delete -o Mail 2>err)
	echo 'pop3-fetch: write Mail: File too large' | same err
	messages Mail >got
	printf -- '--\nm1\n--\nm2\n' | same got
	ls Mail/tmp >left
	same left </dev/null
	if grep DELE asked; then false; fi
	fetch -o Mail
	messages Mail >got
	printf -- '--\nm1\n--\nm2\n--\nm3\n--\nm4\n' | same got
}

@test "a barrier that fails delivers nothing twice, and says so once" {
	for i in 1 2 3; do echo m$i >box/new/$i; done
	serving
	for call in syncfs:when=1 fdatasync:when=1 linkat:when=2 \
	    fsync:when=3; do
		rm -rf Mail "$HOME/.local"
		exits 75 strace -o /dev/null \
			-e trace="${call%%:*}" \
			-e inject="${call%%:*}:error=EIO:${call#*:}" \
			pop3-fetch --tls=off --password-file pw -q --delete \
			-o Mail "$url" 2>err
		wc -l <err >lines
		echo 1 | same lines
		ls box/new >left
		printf '1\n2\n3\n' | same left
		ls Mail/tmp >left
		same left </dev/null
		fetch -o Mail
		messages Mail | grep '^m' | sort >all
		printf 'm1\nm2\nm3\n' | same all
	done
}

@test "a message without a unique-id is fetched only to be deleted" {
	{
		printf "login\n$listing"
		printf 'say +OK\\r\\n1\\r\\n2 b\\r\\n.\\r\\n\nask\nsay +OK\\r\\nx\\r\\n.\\r\\n\n'
		printf 'ask\nsay +OK\\r\\nx\\r\\n.\\r\\n\nask\nsay +OK\\r\\n\nask\nsay +OK\\r\\n\nask\nsay +OK\\r\\n\n'
	} >script
	scripted script
	exits 69 fetch -o Mail 2>err
	echo 'pop3-fetch: message 1: the server gives no unique-id; --delete fetches it' |
		same err
	asked 4 <<-'END'
	CAPA
	UIDL
	RETR 2
	QUIT
	END
	: >asked
	fetch --delete -o Other
	asked 7 <<-'END'
	CAPA
	UIDL
	RETR 1
	RETR 2
	DELE 1
	DELE 2
	QUIT
	END
}

@test "without UIDL --keep refuses and --delete takes all" {
	{
		printf 'login\nask\nsay -ERR\\r\\n\nask\nsay -ERR unknown\\r\\n\n'
		printf 'ask\nsay +OK\\r\\n1 5\\r\\n2 99999999999999999999999\\r\\n.\\r\\n\n'
		printf 'ask\nsay +OK\\r\\none\\r\\n.\\r\\n\nask\nsay +OK\\r\\ntwo\\r\\n.\\r\\n\n'
		printf 'ask\nsay +OK\\r\\n\nask\nsay +OK\\r\\n\nask\nsay +OK\\r\\n\n'
	} >script
	scripted script
	exits 69 fetch -o Mail 2>err
	wc -l <err >lines
	echo 1 | same lines
	asked 2 < <(printf 'CAPA\nUIDL\n')
	: >asked
	fetch --delete -o Mail
	asked 8 <<-'END'
	CAPA
	UIDL
	LIST
	RETR 1
	RETR 2
	DELE 1
	DELE 2
	QUIT
	END
}

@test "message, journal and folder are durable before DELE is sent" {
	for i in 1 2; do echo m$i >box/new/$i; done
	serving
	strace -y -o trace \
		-e trace=syncfs,fsync,fdatasync,linkat,write,sendto \
		pop3-fetch --tls=off --password-file pw -q --delete -o Mail "$url"
	sed -n 's,^\(syncfs\|fsync\|linkat\)([0-9]*<[^>]*/\(Mail/[a-z]*\)>.*,\1 \2,p
		s,^\(fdatasync\|fsync\)([0-9]*<[^>]*/mailpipe/.*,\1 journal,p
		s,^sendto(.*\(RETR\|DELE\|QUIT\).*,\1,p' trace | uniq >order
	sed '1,/RETR/d' order >after
	same after <<-'END'
	syncfs Mail/tmp
	fdatasync journal
	linkat Mail/tmp
	fsync Mail/new
	DELE
	QUIT
	END
	ls box/new >left
	same left </dev/null
}

@test "what was fetched but not deleted is deleted next time, not fetched again" {
	printf 'one\n' >box/new/1
	serving
	fetch -o Mail
	fetch --delete -o Mail
	ls Mail/new | wc -l >count
	echo 1 | same count
	ls box/new >left
	same left </dev/null
}

@test "killed between the journal and the folder, nothing is lost or doubled" {
	for i in 1 2 3; do echo m$i >box/new/$i; done
	serving
	for call in linkat:when=1 linkat:when=2 linkat:when=3 unlinkat:when=2 \
	    fdatasync:when=1 syncfs:when=1 fsync:when=3; do
		rm -rf Mail "$HOME/.local"
		exits 137 strace -o /dev/null \
			-e trace="${call%%:*}" \
			-e inject="${call%%:*}:signal=KILL:${call#*:}" \
			pop3-fetch --tls=off --password-file pw -q -o Mail "$url"
		next_fetch -o Mail
		messages Mail >got
		grep '^m' got | sort >all
		printf 'm1\nm2\nm3\n' | same all
	done
}

@test "a thousand messages pass over a window" {
	(cd box/new && for ((i = 1000; i < 2000; i++)); do echo "m$i" >$i; done)
	serving
	fetch --delete -o Mail
	cat Mail/new/* >got
	seq -f 'm%g' 1000 1999 | same got
	ls box/new >left
	same left </dev/null
}

@test "60 MB are fetched in under 16 MB, octet for octet" {
	yes '.a line of text that starts with a dot and is not too short' |
		head -c 60000000 >box/new/1
	serving
	"$BUILD/drv/peak" peak pop3-fetch --tls=off --password-file pw -q \
		--delete -o Mail "$url"
	yes '.a line of text that starts with a dot and is not too short' |
		head -c 60000000 | cmp - Mail/new/*
	read -r _ kib <peak
	sanitized || [ "$kib" -lt 16384 ]
	rm -r Mail
}

@test "SIGTERM leaves nothing half-done and exits 75" {
	{
		printf "login\n$listing"
		printf 'say +OK\\r\\n1 a\\r\\n.\\r\\n\nask\nsay +OK\\r\\npart\nask\n'
	} >script
	scripted script
	pop3-fetch --tls=off --password-file pw -q -o Mail "$url" 3>&- &
	pid=$!
	eventually begun
	kill "$pid"
	exits 75 wait "$pid"
	ls Mail/tmp Mail/new >left
	printf 'Mail/new:\n\nMail/tmp:\n' | same left
}

@test "-v shows the dialogue, without the password" {
	echo m >box/new/1
	serving
	fetch -v -o Mail 2>err
	sed '1,/^< \./d' err >tail
	same tail <<-'END'
	> AUTH PLAIN ***
	< +OK
	> CAPA
	< +OK 
	> UIDL
	< +OK 
	> RETR 1
	< +OK message follows
	> QUIT
	< +OK bye
	END
	if grep -q secret err; then false; fi
}

@test "exit 0: --help and --version" {
	exits 0 pop3-fetch --help >out
	[ "$(wc -l <out)" -le 24 ]
	[ "$(wc -L <out)" -le 80 ]
	exits 0 pop3-fetch --version >out
	echo 'pop3-fetch (mailpipe) 0.1' | same out
}

@test "exit 64: a wrong command line" {
	url=pop3://alice@127.0.0.1:1/
	while read -r line; do
		# shellcheck disable=SC2086 # words
		eval "set -- $line"
		exits 64 pop3-fetch "$@" 2>err >out </dev/null
		wc -l <err >lines
		echo 1 | same lines
	done <<-'END'
	"$url"
	-o Mail
	-o Mail --mbox m "$url"
	-o Mail --keep --delete "$url"
	-o Mail "$url" more
	-o Mail "$url" -- cat
	"$url" --
	-o Mail --foo "$url"
	-o Mail http://alice@h/
	-o Mail pop3://h/
	-o Mail pop3://alice:secret@h/
	-o Mail --tls=perhaps "$url"
	--delete --stdout "$url" | cat
	END
	exits 64 bash -c 'pop3-fetch --delete --stdout "$1" | cat; exit "${PIPESTATUS[0]}"' \
		x "$url" 2>err 3>&-
	[ ! -e Mail ]
}

@test "--delete with --stdout works into a file" {
	echo m >box/new/1
	serving
	fetch --delete --stdout >file
	sed 's/^From MAILER-DAEMON .*/From_/' file >got
	printf 'From_\nm\n\n' | same got
	ls box/new >left
	same left </dev/null
}

@test "exit 75: no connection, a mailbox in use, a journal in use, no parent folder" {
	url=pop3://alice@127.0.0.1:1/
	exits 75 fetch -o Mail 2>err
	printf 'say -ERR [IN-USE] later\\r\\n\n' >script
	printf 'say +OK hi\\r\\n\nask\nsay -ERR\\r\\n\nask\nsay +OK\\r\\n\nask\nsay -ERR [IN-USE] later\\r\\n\n' >script2
	printf 'say +OK hi\\r\\n\nask\nsay -ERR\\r\\n\nask\nsay +OK\\r\\n\nask\nsay -ERR [SYS/TEMP] later\\r\\n\n' >script3
	scripted script script2 script3
	exits 75 fetch -o Mail 2>err
	exits 75 fetch -o Mail 2>err
	echo "pop3-fetch: connect ${url%/}: -ERR [IN-USE] later" | same err
	exits 75 fetch -o Mail 2>err
	echo m >box/new/1
	serving
	fetch -o Mail
	python3 - "$HOME"/.local/state/mailpipe/ <<-'END' >held 3>&- &
	import fcntl, glob, struct, sys, time
	held = [open(f, "r+") for f in glob.glob(sys.argv[1] + "*")]
	for f in held:
	    fcntl.fcntl(f, 37, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))
	print("held", flush=True)
	time.sleep(60)
	END
	pids+=($!)
	eventually [ -s held ]
	exits 75 fetch -o Mail 2>err
	grep -c 'another fetcher has it' err >count
	echo 1 | same count
	rm -rf "$HOME/.local"
	exits 75 fetch -o absent/Mail 2>err
}

@test "exit 75: no descriptors, a full disk, output that fails" {
	echo m >box/new/1
	serving
	exits 75 fetch --stdout >/dev/full 2>err
	echo 'pop3-fetch: write message: No space left on device' | same err
	next_fetch --stdout >file
	sed 's/^From MAILER-DAEMON .*/From_/' file >got
	printf 'From_\nm\n\n' | same got
	rm -rf "$HOME/.local"
	# shellcheck disable=SC2016 # for the inner shell
	exits 75 bash -c 'pop3-fetch --tls=off --password-file pw -q --stdout \
		"$1" 2>err | exec true; exit "${PIPESTATUS[0]}"' x "$url"
	echo 'pop3-fetch: write message: Broken pipe' | same err
	exits 75 fetch --mbox absent/mbox 2>err
	echo 'pop3-fetch: open absent/mbox: No such file or directory' |
		same err
	ls box/new >left
	echo 1 | same left
	sanitized && return
	# shellcheck disable=SC2016 # for the inner shell
	exits 75 bash -c 'ulimit -n 4 && exec pop3-fetch -o Mail "$1"' \
		x "$url" 2>err 3>&-
	echo 'pop3-fetch: open Mail: Too many open files' | same err
}

@test "a farewell that never comes matters only where something was deleted" {
	{
		printf "login\n$listing"
		printf 'say +OK\\r\\n1 a\\r\\n.\\r\\n\nask\nsay +OK\\r\\nx\\r\\n.\\r\\n\nask\n'
	} >keep
	{
		printf "login\n$listing"
		printf 'say +OK\\r\\n1 a\\r\\n.\\r\\n\nask\nsay +OK\\r\\n\nask\n'
	} >delete
	scripted keep delete
	exits 0 fetch -o Mail 2>err
	same err </dev/null
	exits 75 fetch --delete -o Mail 2>err
	echo 'pop3-fetch: connection: closed by the server' | same err
}

@test "exit 77: a refused login" {
	serving
	echo wrong >pw2
	chmod 600 pw2
	exits 77 pop3-fetch --tls=off --password-file pw2 -o Mail "$url" 2>err
	echo "pop3-fetch: connect ${url%/}: -ERR [AUTH] wrong password" | same err
}

@test "exit 78: a password that cannot be had, a configuration that is wrong" {
	serving
	exits 78 pop3-fetch --tls=off --password-file absent -o Mail "$url" 2>err
	exits 78 pop3-fetch --tls=off --password-command false -o Mail "$url" 2>err
	echo nonsense >conf
	exits 78 pop3-fetch --config conf -o Mail "$url" 2>err
}

@test "a login in clear needs --tls=off" {
	serving
	exits 75 pop3-fetch --password-file pw -o Mail "$url" 2>err
	grep -c -- '--tls=off' err >count
	echo 1 | same count
	if grep -q denied serve.log; then false; fi
}

@test "a message that comes a little at a time has an hour" {
	plain_build "a clock in front of sanitizers is too late"
	cat >slow.py <<-'END'
	import os, socket, struct, subprocess, sys, time

	RATE = 1800
	SAY = {"CAPA": "+OK\r\nUSER\r\nUIDL\r\n.\r\n", "UIDL": "+OK\r\n1 a\r\n.\r\n",
	       "LIST": "+OK\r\n1 99999\r\n.\r\n"}
	listening = socket.create_server(("127.0.0.1", 0))
	with open("clock", "wb") as f:
	    f.write(struct.pack("=qq", 0, 1))
	client = subprocess.Popen(
	    ["pop3-fetch", "--tls=off", "--timeout", "20m", "--password-file",
	     "pw", "-q", "-o", "Mail",
	     "pop3://alice@127.0.0.1:%d/" % listening.getsockname()[1]],
	    env={**os.environ, "CLOCK_FILE": "clock", "LD_PRELOAD": sys.argv[1]})
	sock, _ = listening.accept()
	lines = sock.makefile("rb")
	sock.sendall(b"+OK hello\r\n")
	for line in lines:
	    verb = line.split()[0].decode().upper()
	    if verb == "RETR":
	        break
	    sock.sendall(SAY.get(verb, "+OK\r\n").encode())
	sock.sendall(b"+OK\r\nSubject: slow\r\n\r\n")
	began = time.monotonic_ns()
	with open("clock", "r+b") as f:
	    f.write(struct.pack("=qq", began, RATE))
	took = 0
	while client.poll() is None and took < 6 * 3600:
	    try:
	        sock.send(b"A line of thirty octets, slow\r\n" * 3)
	    except OSError:
	        pass
	    time.sleep(0.01)
	    took = (time.monotonic_ns() - began) / 1e9 * RATE
	client.kill()
	print(client.wait(), "in time" if 3600 <= took < 4 * 3600 else took)
	END
	timeout 60 python3 slow.py "$BUILD/proof/clock.so" >out 2>err
	echo '75 in time' | same out
	find Mail -type f >left
	same left </dev/null
}
