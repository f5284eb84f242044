#!/usr/bin/env bats
# pop3-serve: whole dialogues, and what they leave in the maildir.
# shellcheck disable=SC2010,SC2012,SC2059 # plain names; formats of our own
# shellcheck disable=SC2154 # address, by listens
load lib

setup() {
	sandbox
	mkdir -p md/{new,cur,tmp}
	(umask 077 && echo 'secret word' >pw)
	serve=(pop3-serve --single-user md --password-file pw)
	login='USER x\nPASS secret word\n'
	pid=
}

teardown() {
	[ -z "$pid" ] || kill "$pid" 2>/dev/null || true
	[ -z "$fresh" ] || { chmod -R u+w "$fresh" && rm -rf "$fresh"; }
}

# talk COMMANDS [OPTION...]: a session over pipes, its events in log.
talk() {
	local commands=$1
	shift
	printf "$commands" | crlf | "${serve[@]}" --auth-clear "$@" 2>log
}

# listening COMMAND...: starts a listener and sets address.
listening() {
	: >listen.log
	"$@" --listen 127.0.0.1:0 2>>listen.log 3>&- &
	pid=$!
	eventually listens listen.log
}

@test "a whole session, byte for byte" {
	printf 'Subject: a\n\n.dot\n..two\nend' >md/new/1.a
	printf 'Subject: b\r\n\r\nx\r\ny\nz\r\n' >'md/cur/2.b:2,S'
	: >md/new/3.c
	talk "CAPA\n${login}CAPA\nSTAT\nLIST\nLIST 2\nUIDL\nUIDL 2\nRETR 1\nRETR 2\nRETR 3\nTOP 1 1\nTOP 2 0\nNOOP\nDELE 2\nSTAT\nLIST\nLIST 2\nUIDL\nUIDL 2\nRETR 2\nTOP 2 1\nDELE 2\nRSET\nSTAT\nDELE 1\nQUIT\n" >out
	crlf <<-'END' | same out
	+OK POP3
	+OK
	TOP
	UIDL
	USER
	SASL PLAIN
	RESP-CODES
	AUTH-RESP-CODE
	PIPELINING
	EXPIRE NEVER
	.
	+OK
	+OK
	+OK
	TOP
	UIDL
	USER
	SASL PLAIN
	RESP-CODES
	AUTH-RESP-CODE
	PIPELINING
	EXPIRE NEVER
	.
	+OK 3 55
	+OK
	1 32
	2 23
	3 0
	.
	+OK 2 23
	+OK
	1 1.a
	2 2.b
	3 3.c
	.
	+OK 2 2.b
	+OK message follows
	Subject: a

	..dot
	...two
	end
	.
	+OK message follows
	Subject: b

	x
	y
	z
	.
	+OK message follows
	.
	+OK message follows
	Subject: a

	..dot
	.
	+OK message follows
	Subject: b

	.
	+OK
	+OK
	+OK 2 32
	+OK
	1 32
	3 0
	.
	-ERR no such message
	+OK
	1 1.a
	3 3.c
	.
	-ERR no such message
	-ERR no such message
	-ERR no such message
	-ERR no such message
	+OK
	+OK 3 55
	+OK
	+OK bye
	END
	(cd md && find . -type f | sort) >left
	printf './cur/2.b:2,S\n./new/3.c\n' | same left
	same log <<-'END'
	event=login peer=unknown user=x
	event=logout peer=unknown user=x messages=3 sent=5 removed=1
	END
}

@test "the same when every octet comes alone" {
	printf 'a: b\n\nc\n' >md/new/1
	printf "${login}STAT\nRETR 1\nUIDL\nFOO\nQUIT\n" | crlf >in
	"${serve[@]}" --auth-clear <in >whole 2>/dev/null
	python3 - "${serve[@]}" --auth-clear <<-'END' >single
	import socket, subprocess, sys
	a, b = socket.socketpair()
	p = subprocess.Popen(sys.argv[1:], stdin=b, stdout=b, stderr=subprocess.DEVNULL)
	b.close()
	for c in open("in", "rb").read():
	    a.send(bytes([c]))
	sys.stdout.buffer.write(b"".join(iter(lambda: a.recv(4096), b"")))
	sys.exit(p.wait())
	END
	same single <whole
}

@test "commands have their state and their arguments" {
	talk 'STAT\nRETR 1\nPASS x\nUSER\nNOOP\nQUIT now\nQUIT\n' >out
	crlf <<-'END' | same out
	+OK POP3
	-ERR not in this state
	-ERR not in this state
	-ERR not in this state
	-ERR wrong arguments
	-ERR not in this state
	-ERR wrong arguments
	+OK bye
	END
	echo >md/new/1
	talk "${login}USER x\nRETR\nRETR x\nRETR 0\nRETR -1\nRETR 2\nRETR 18446744073709551617\nTOP 1\nTOP 1 x\nTOP 1 -1\nTOP 2 1\nSTAT 1\nLIST 1 2\nDELE 1 2\nquit\n" |
		tail -n +4 >out
	crlf <<-'END' | same out
	-ERR not in this state
	-ERR wrong arguments
	-ERR no such message
	-ERR no such message
	-ERR no such message
	-ERR no such message
	-ERR no such message
	-ERR wrong arguments
	-ERR wrong arguments
	-ERR wrong arguments
	-ERR no such message
	-ERR wrong arguments
	-ERR no such message
	-ERR no such message
	+OK bye
	END
}

@test "without TLS and --auth-clear neither name nor password is taken" {
	printf 'CAPA\r\nUSER x\r\nPASS secret word\r\nSTAT\r\nQUIT\r\n' |
		"${serve[@]}" >out
	crlf <<-'END' | same out
	+OK POP3
	+OK
	TOP
	UIDL
	RESP-CODES
	AUTH-RESP-CODE
	PIPELINING
	EXPIRE NEVER
	.
	-ERR a login needs TLS here
	-ERR a login needs TLS here
	-ERR not in this state
	+OK bye
	END
}

@test "a wrong password is refused, and the third ends the session" {
	talk 'USER x\nPASS secret\nPASS secret word\nUSER x\nPASS secret word and more\nUSER y\nPASS \nUSER y\nPASS Secret word\nUSER x\nPASS secret word\nSTAT\n' >out
	crlf <<-'END' | same out
	+OK POP3
	+OK
	-ERR [AUTH] wrong password
	-ERR not in this state
	+OK
	-ERR [AUTH] wrong password
	+OK
	-ERR wrong arguments
	+OK
	-ERR [AUTH] wrong password
	END
	same log <<-'END'
	event=denied peer=unknown user=x
	event=denied peer=unknown user=x
	event=denied peer=unknown user=y
	END
}

@test "an over-long line is no command, and too many bad ones end the session" {
	long=$(head -c 70000 /dev/zero | tr '\0' x)
	{ printf 'USER x\r\n'; echo "${long}QUIT" | crlf; printf 'QUIT\r\n'; } |
		"${serve[@]}" --auth-clear >out
	printf '+OK POP3\n+OK\n-ERR unknown command\n+OK bye\n' | crlf | same out
	yes FOO | head -5000 | "${serve[@]}" --auth-clear >out
	{ echo '+OK POP3'; yes -- '-ERR unknown command' | head -20; } | crlf |
		same out
}

@test "links, FIFOs, folders and hidden files are no messages" {
	mkfifo md/new/fifo
	ln -s /etc/passwd md/new/link
	ln -s nowhere md/cur/dangling
	mkdir md/cur/folder
	echo >md/new/.hidden
	echo >md/new/real
	exits 0 timeout 5 true
	talk "${login}UIDL\nQUIT\n" | tail -n +4 >out
	printf '+OK\n1 real\n.\n+OK bye\n' | crlf | same out
}

@test "unique-ids are valid, unique, and stay when flags change" {
	long=$(printf %080d 1)
	touch md/new/ok md/new/"$long" 'md/new/with blank' \
		"md/new/$(printf 'b\xc3\xa9')" md/new/same 'md/cur/same:2,S' \
		"md/cur/seventy-$(printf %062d 1):2,"
	talk "${login}UIDL\nQUIT\n" | tr -d '\r' | sed -n 's/^[0-9] //p' >uids
	sort -u uids | wc -l >count
	echo 7 | same count
	if grep -vE '^[!-~]{1,70}$' uids; then false; fi
	grep -E '^(ok|seventy-0{61}1)$' uids | wc -l >count
	echo 2 | same count
	for f in "$long" 'with blank' ok; do
		mv "md/new/$f" "md/cur/$f:2,S"
	done
	mv "md/cur/seventy-$(printf %062d 1):2,"{,RS}
	talk "${login}UIDL\nQUIT\n" | tr -d '\r' | sed -n 's/^[0-9] //p' >again
	sort again >b
	sort uids | same b
}

@test "LIST and STAT give the octets that RETR sends" {
	local n=0
	for text in '' '\n' '\r' '\r\n' '.\n' 'a' 'a\r' 'a\n\n.' 'a\r\nb\n' \
	    'a\r\r\nb' '\n\r\n' '\r\n\r' 'x\0y\n' '..\n.\n'; do
		printf "$text" >"md/new/$n"
		n=$((n + 1))
	done
	head -c 32767 /dev/zero | tr '\0' x >md/new/edge1
	printf '\r\n' >>md/new/edge1
	head -c 65536 /dev/zero | tr '\0' '\n' >md/new/edge2
	listening "${serve[@]}" --auth-clear
	python3 - "$address" <<-'END' >out
	import poplib, sys
	host, port = sys.argv[1].rsplit(":", 1)
	p = poplib.POP3(host, int(port), 20)
	poplib._MAXLINE = 1 << 20
	p.user("any"); p.pass_("secret word")
	n, total = p.stat()
	sizes = [int(l.split()[1]) for l in p.list()[1]]
	print(n, len(sizes), total == sum(sizes))
	for i, size in enumerate(sizes, 1):
	    if p.retr(i)[2] != size or int(p.list(i).split()[2]) != size:
	        print("differs", i)
	p.quit()
	END
	echo '16 16 True' | same out
}

@test "Python's poplib reads, deletes and finds the mailbox in use" {
	for i in 1 2 3; do printf 'Subject: %s\n\n.\n' $i >md/new/$i; done
	listening "${serve[@]}" --auth-clear
	python3 - "$address" <<-'END' >out
	import poplib, sys
	host, port = sys.argv[1].rsplit(":", 1)
	def login():
	    p = poplib.POP3(host, int(port), 20)
	    p.user("any")
	    print(p.pass_("secret word"))
	    return p
	p = login()
	print(sorted(p.capa().items()))
	try:
	    login()
	except poplib.error_proto as e:
	    print(e)
	print(p.stat(), p.list(), p.uidl(), p.uidl(2))
	print(p.retr(2), p.top(3, 0))
	print(p.dele(2), p.noop(), p.quit())
	p = login()
	print(p.uidl())
	p.dele(1)
	p.rset()
	p.quit()
	END
	same out <<-'END'
	b'+OK'
	[('AUTH-RESP-CODE', []), ('EXPIRE', ['NEVER']), ('PIPELINING', []), ('RESP-CODES', []), ('SASL', ['PLAIN']), ('TOP', []), ('UIDL', []), ('USER', [])]
	b'-ERR [IN-USE] another session has the mailbox'
	(3, 51) (b'+OK', [b'1 17', b'2 17', b'3 17'], 18) (b'+OK', [b'1 1', b'2 2', b'3 3'], 15) b'+OK 2 2'
	(b'+OK message follows', [b'Subject: 2', b'', b'.'], 17) (b'+OK message follows', [b'Subject: 3', b''], 14)
	b'+OK' b'+OK' b'+OK bye'
	b'+OK'
	(b'+OK', [b'1 1', b'2 3'], 10)
	END
	(cd md && find . -type f | sort) >left
	printf './new/1\n./new/3\n' | same left
	kill "$pid"
	exits 0 wait "$pid"
	pid=
}

@test "under classic inetd nothing but the dialogue reaches the client" {
	echo >md/new/1
	ln -sf nowhere md/new/broken
	printf 'USER x\r\nPASS secret word\r\nRETR 1\r\nQUIT\r\n' |
		python3 -S "$TESTS/wire.py" nowait "${serve[@]}" --auth-clear >out
	printf '+OK POP3\n+OK\n+OK\n+OK message follows\n\n.\n+OK bye\n' | crlf |
		same out
	rm -r md
	exits 75 python3 -S "$TESTS/wire.py" nowait "${serve[@]}" </dev/null >out
	printf -- '-ERR [SYS/TEMP] the mailbox cannot be opened\r\n' | same out
}

@test "a session that ends without QUIT removes nothing" {
	touch md/new/{1,2}
	talk "${login}DELE 1\nDELE 2\n" >out
	ls md/new >left
	printf '1\n2\n' | same left
	mkfifo in out2
	"${serve[@]}" --auth-clear --log none <in >out2 &
	pid=$!
	exec 8>in 9<out2
	printf "${login}DELE 1\nDELE 2\n" >&8
	for _ in 1 2 3 4 5; do read -r -u 9 line; done
	[ "$line" = $'+OK\r' ]
	kill -KILL "$pid"
	wait "$pid" || true
	pid=
	exec 8>&- 9<&-
	ls md/new >left
	printf '1\n2\n' | same left
}

@test "silence ends a session, and removes nothing" {
	touch md/new/1
	mkfifo in
	exec 8<>in
	printf "${login}DELE 1\r\n" >&8
	exits 0 "${serve[@]}" --auth-clear --timeout 1 --log none <in >out
	exec 8>&-
	printf '+OK POP3\n+OK\n+OK\n+OK\n' | crlf | same out
	ls md/new >left
	echo 1 | same left
}

@test "a message that is gone is refused, and QUIT counts it as removed" {
	touch md/new/{1,2,3}
	mkfifo in out2
	"${serve[@]}" --auth-clear --log none <in >out2 &
	pid=$!
	exec 8>in 9<out2
	printf "${login}DELE 3\r\n" >&8
	for _ in 1 2 3 4; do read -r -u 9 line; done
	rm md/new/[13]
	printf 'RETR 1\r\nTOP 1 1\r\nSTAT\r\nLIST\r\nRETR 1\r\nQUIT\r\n' >&8
	exec 8>&-
	cat <&9 >out
	exec 9<&-
	exits 0 wait "$pid"
	pid=
	crlf <<-'END' | same out
	-ERR [SYS/TEMP] the message cannot be read
	-ERR [SYS/TEMP] the message cannot be read
	+OK 1 0
	+OK
	2 0
	.
	-ERR no such message
	+OK bye
	END
}

# during COMMANDS BEFORE ACTION COMMANDS: a session with something done in the
# middle, once BEFORE lines are answered; the rest of its output in out.
during() {
	local line i
	mkfifo in out2
	"${serve[@]}" --auth-clear --log none <in >out2 3>&- &
	pid=$!
	exec 8>in 9<out2
	printf "${login}$1" | crlf >&8
	for ((i = 0; i < 3 + $2; i++)); do read -r -u 9 line; done
	eval "$3"
	printf "$4" | crlf >&8
	exec 8>&-
	cat <&9 >out
	exec 9<&-
	exits "${5:-0}" wait "$pid"
	pid=
	rm in out2
}

@test "a message that a mail reader moves or flags is found again" {
	echo one >md/new/1.a
	echo two >md/cur/2.b:2,
	echo three >md/new/3.c
	echo four >md/new/4.d
	during 'DELE 4\n' 1 'mv md/new/1.a md/cur/1.a:2,S
		mv md/cur/2.b:2, md/cur/2.b:2,RS; mv md/new/4.d md/cur/4.d:2,S' \
		'LIST\nUIDL\nRETR 1\nTOP 2 9\nDELE 1\nDELE 2\nQUIT\n'
	crlf <<-'END' | same out
	+OK
	1 5
	2 5
	3 7
	.
	+OK
	1 1.a
	2 2.b
	3 3.c
	.
	+OK message follows
	one
	.
	+OK message follows
	two
	.
	+OK
	+OK
	+OK bye
	END
	(cd md && find . -type f) >left
	echo ./new/3.c | same left
}

@test "messages that share the part that stays are not taken for each other" {
	echo one >md/cur/same:2,
	echo two >md/cur/same:2,S
	during 'DELE 2\n' 1 'mv md/cur/same:2,S md/cur/same:2,RS' \
		'RETR 1\nQUIT\n' 75
	crlf <<-'END' | same out
	+OK message follows
	one
	.
	-ERR [SYS/TEMP] some messages are not removed
	END
	ls md/cur >left
	printf 'same:2,\nsame:2,RS\n' | same left
}

@test "a unique-id that two share is neither one's, and stays with flags" {
	uids() {
		talk "${login}UIDL\nQUIT\n" | tr -d '\r' |
			sed -n 's/^[0-9] //p' | sort
	}
	echo one >md/cur/same:2,
	echo two >md/cur/same:2,S
	ln md/cur/same:2,S md/new/same
	uids >before
	sort -u before | grep -xEc '[0-9a-f]{32}' >count
	echo 3 | same count
	rm md/new/same
	uids >before
	mv md/cur/same:2, md/cur/same:2,T
	uids >after
	same after <before
}

@test "messages are gone for good before QUIT is answered" {
	touch md/new/1 'md/cur/2:2,'
	printf "${login}DELE 1\r\nDELE 2\r\nQUIT\r\n" |
		strace -y -o trace \
		-e trace=unlinkat,fsync,write "${serve[@]}" --auth-clear \
		--log none | tail -n 1 >out
	sed -n 's,^\(unlinkat\|fsync\)([0-9]*<[^>]*/\([a-z]*\)>.*,\1 \2,p
		s,^write(1.*bye.*,bye,p' trace >order
	same order <<-'END'
	unlinkat new
	unlinkat cur
	fsync cur
	fsync new
	bye
	END
}

@test "60 MB are sent in under 3 MB, octet for octet" {
	yes '.a line of text that starts with a dot and is not too short' |
		head -c 60000001 >md/new/1
	printf "${login}RETR 1\nQUIT\n" | crlf | "$BUILD/drv/peak" peak \
		"${serve[@]}" --auth-clear --log none >out
	tail -n +5 out | head -n -2 | sed 's/^\.//; s/\r$//' | cmp - <(cat md/new/1; echo)
	read -r _ kib <peak
	sanitized || [ "$kib" -lt 3072 ]
	rm md/new/1 out
}

@test "a message of over 2^31 octets has its size" {
	truncate -s 2147483649 md/new/1
	talk "${login}STAT\nLIST 1\nQUIT\n" | tail -n +4 >out
	crlf <<-'END' | same out
	+OK 1 2147483651
	+OK 1 2147483651
	+OK bye
	END
}

@test "10,000 messages are listed at once" {
	(cd md/new && seq -f 'm%g' 10000 | xargs touch)
	printf "${login}STAT\nLIST\nUIDL\nQUIT\n" | crlf |
		timeout 10 "${serve[@]}" --auth-clear --log none >out
	grep -c '^[0-9]' out >count
	echo 20000 | same count
	sed -n 4p out >stat
	printf '+OK 10000 0\r\n' | same stat
}

@test "as root it serves as the owner of the folder" {
	[ "$EUID" = 0 ] || skip 'only root can become another'
	fresh=$(mktemp -d)
	chmod 755 "$fresh"
	mv md "$fresh/md"
	touch "$fresh"/md/new/1
	chown -R 65534:65534 "$fresh/md"
	serve=(pop3-serve --single-user "$fresh/md" --password-file pw)
	listening "${serve[@]}" --auth-clear
	python3 - "$address" <<-'END' >out
	import glob, poplib, sys
	host, port = sys.argv[1].rsplit(":", 1)
	p = poplib.POP3(host, int(port), 20)
	p.user("any"); p.pass_("secret word")
	for f in glob.glob("/proc/[0-9]*/status"):
	    try:
	        s = open(f).read()
	    except OSError:
	        continue
	    if "Name:\tpop3-serve" in s and "Uid:\t65534\t65534\t65534" in s \
	            and "Gid:\t65534\t65534\t65534" in s and "Groups:\t \n" in s:
	        print("nobody")
	p.quit()
	END
	echo nobody | same out
}

@test "exit 0: --help and --version" {
	exits 0 pop3-serve --help >out
	[ "$(wc -l <out)" -le 24 ]
	[ "$(wc -L <out)" -le 80 ]
	exits 0 pop3-serve --version >out
	echo 'pop3-serve (mailpipe) 0.1' | same out
}

@test "exit 64: a wrong command line" {
	for wrong in '' '--single-user md' '--password-file pw' '--foo' \
	    '--single-user md --password-file pw more' \
	    '--single-user md --password-file pw --timeout 0' \
	    '--single-user md --password-file pw --log nowhere'; do
		# shellcheck disable=SC2086 # words
		exits 64 pop3-serve $wrong 2>err </dev/null >out
		wc -l <err >lines
		echo 1 | same lines
		same out </dev/null
	done
}

@test "exit 71: an address that cannot be had" {
	exits 71 "${serve[@]}" --listen 192.0.2.1:1 2>err
}

@test "exit 75: no maildir; some messages cannot be removed" {
	rm -r md
	exits 75 "${serve[@]}" </dev/null 2>err >out
	echo 'pop3-serve: open md: No such file or directory' | same err
	printf -- '-ERR [SYS/TEMP] the mailbox cannot be opened\r\n' | same out

	fresh=$(mktemp -d)
	chmod 755 "$fresh"
	mkdir -p "$fresh"/md/{new,cur,tmp}
	touch "$fresh"/md/new/1 "$fresh/md/cur/2:2,"
	[ "$EUID" != 0 ] || chown -R 65534:65534 "$fresh/md"
	chmod 500 "$fresh/md/cur"
	printf "${login}DELE 1\nDELE 2\nQUIT\n" | crlf >in
	exits 75 pop3-serve --single-user "$fresh/md" --password-file pw \
		--auth-clear --log none <in >out
	tail -n 1 out >last
	printf -- '-ERR [SYS/TEMP] some messages are not removed\r\n' | same last
	ls "$fresh/md/new" "$fresh/md/cur" | grep . >left
	printf '%s\n' "$fresh/md/cur:" '2:2,' "$fresh/md/new:" | same left
}

@test "exit 78: a password file that is absent, that others may write, empty or endless" {
	exits 78 pop3-serve --single-user md --password-file absent </dev/null >out 2>err
	chmod 620 pw
	exits 78 "${serve[@]}" </dev/null >out 2>err
	wc -l <err >lines
	echo 1 | same lines
	: >pw
	chmod 600 pw
	exits 78 "${serve[@]}" </dev/null >out 2>err
	head -c 2000000 /dev/zero >pw
	exits 78 "${serve[@]}" </dev/null >out 2>err
	echo 'pop3-serve: pw: too long for a password' | same err
	printf 'single-user md\nnonsense\n' >conf
	exits 78 pop3-serve --config conf </dev/null 2>err
}

@test "exit 75: a password file that cannot be read for now" {
	[[ $BUILD == */san* ]] && skip "strace and sanitizers do not mix"
	for fault in openat:error=EMFILE read:error=EIO; do
		exits 75 strace -o /dev/null -P "$PWD/pw" \
			-e "trace=${fault%%:*}" -e "inject=$fault" \
			pop3-serve --single-user md --password-file "$PWD/pw" \
			</dev/null >out 2>err
		[ "$(wc -l <err)" -eq 1 ]
	done
}
