#!/usr/bin/env bats
# imap-fetch: against scripted servers, right and wrong, and against Dovecot.
# shellcheck disable=SC2010,SC2012,SC2059 # plain names; formats of our own
load lib
load peers

setup() {
	sandbox
	(umask 077 && echo secret >pw)
	pids=()
}

teardown() {
	for pid in "${pids[@]}"; do
		kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
	done
	peers_stop
}

# scripted SCRIPT...: the server of lib/imap-script.py; sets url.
scripted() {
	: >asked
	: >port
	python3 "$TESTS/lib/imap-script.py" asked "$@" >>port 2>script.log 3>&- &
	pids+=($!)
	eventually [ -s port ]
	url=imap://alice@127.0.0.1:$(<port)/
}

fetch() {
	imap-fetch --tls=off --password-file pw -q "$@" "$url"
}

# fetch_to COMMAND...
fetch_to() {
	imap-fetch --tls=off --password-file pw -q "$url" -- "$@"
}

# names FOLDER: of its messages, without what differs each time.
names() {
	(cd "$1" && ls new cur) | sed 's/^[0-9].*,U=/,U=/'
}

# The messages of a maildir in order of their UIDs.
messages() {
	find "$1" -name '*,U=*' | sed 's/.*,U=\([0-9]*\).*/\1 &/' | sort -n |
		cut -d ' ' -f 2- | xargs -rd '\n' cat
}

# A server of two messages: bodies in full, then what follows LOGOUT.
two() {
	cat <<-'END'
	login
	open 2 6
	list 3 5
	ask
	message 3 Subject: 3\r\n\r\n.dot\r\n
	message 5 Seen 5
	ok
	ask
	line * BYE
	ok
	END
}

nothing_in() {
	(cd "$1" && find . -type f) >left
	same left </dev/null
}

@test "a whole session, octet for octet, and the next one" {
	two >script
	printf 'login\nopen 2 6\nask\nline * BYE\nok\n' >script2
	scripted script script2
	imap-fetch --tls=off --password-file pw -o Mail "$url" 2>err
	journal=$(echo "$HOME"/.local/state/mailpipe/imap-alice*)
	same err <<-END
	imap-fetch: 2 new, 0 already fetched (journal $journal)
	END
	same asked <<-'END'
	A1 CAPABILITY
	A2 SELECT "INBOX"
	A3 UID FETCH 1:5 (UID)
	A4 UID FETCH 3,5 (UID FLAGS INTERNALDATE BODY.PEEK[])
	A5 LOGOUT
	END
	names Mail >got
	same got <<-'END'
	cur:
	,U=5:2,S

	new:
	,U=3
	END
	messages Mail >got
	printf 'Subject: 3\n\n.dot\nSeen 5' | same got
	stat -c %Y Mail/new/* Mail/cur/* >times
	printf '837596665\n837596665\n' | same times
	nothing_in Mail/tmp
	tail -n +2 "$journal" | sed 's/^[35] .*,U=/,U=/' >got
	same got <<-END
	source imap://alice@127.0.0.1:$(cat port)/INBOX
	sink $PWD/Mail
	 uidvalidity 7
	,U=3
	,U=5
	 done
	1:5
	END
	: >asked
	imap-fetch --tls=off --password-file pw -o Mail "$url" 2>err
	same err <<-END
	imap-fetch: 0 new, 2 already fetched (journal $journal)
	END
	same asked <<-'END'
	A1 CAPABILITY
	A2 SELECT "INBOX"
	A3 LOGOUT
	END
}

@test "each sink has its own journal" {
	two >script
	scripted script
	fetch --mbox mbox
	fetch --stdout >stream
	# shellcheck disable=SC2016 # for the inner shell
	fetch_to sh -c 'echo "$MAIL_SIZE"; cat' 2>command
	printf '17\nSubject: 3\n\n.dot\n6\nSeen 5' | same command
	same mbox <<-'END'
	From MAILER-DAEMON Wed Jul 17 09:44:25 1996
	Subject: 3

	.dot

	From MAILER-DAEMON Wed Jul 17 09:44:25 1996
	Seen 5

	END
	same stream <mbox
	ls "$HOME"/.local/state/mailpipe | wc -l >count
	echo 3 | same count
}

@test "what is known of a message may come behind it, and strings in any form" {
	cat >script <<-'END'
	login
	open 4 9
	list 1 2 3 4
	ask
	line * 1 FETCH (BODY[] {3}\r\none FLAGS ($Forwarded \\Answered \\Deleted \\Draft \\Flagged \\Seen x) INTERNALDATE {26}\r\n17-Jul-1996 02:44:25 -0700 UID 1)
	line * 2 FETCH (X-NEW (a "(" (b)) RFC822.SIZE 99 FLAGS () UID 2 BODY[] "t\\"w\\\\o")
	line * 3 FETCH (body[] ~{5+}\r\n3\x00\r\n\r UID 3 INTERNALDATE "nonsense" FLAGS (\\Recent))
	line * 5 EXISTS
	line * 4 FETCH (UID 4 BODY[] "" FLAGS ())
	line * OK [X {5}] text (that "is not looked at {3}
	ok done {3}
	ask
	END
	scripted script
	fetch -o Mail
	names Mail >got
	same got <<-'END'
	cur:
	,U=1:2,DFPRST

	new:
	,U=2
	,U=3
	,U=4
	END
	messages Mail >got
	printf 'onet"w\\o3\0\n\r' | same got
}

@test "what the server does not send is asked for again, unless it is gone" {
	cat >script <<-'END'
	login
	open 3 9
	list 1 2 3
	ask
	message 1 one
	message 3 three
	ok
	ask
	END
	cat >script2 <<-'END'
	login
	open 3 9
	list 1 2 3
	ask
	line * 2 EXPUNGE
	line * 2 FETCH (UID 2 BODY[] NIL)
	no [EXPUNGEISSUED] gone
	ask
	END
	cat >script3 <<-'END'
	login
	open 2 9
	list 1 3
	ask
	END
	scripted script script2 script3
	exits 75 fetch -o Mail 2>err
	same err <<-'END'
	imap-fetch: INBOX: 1 messages were not sent
	END
	: >asked
	fetch -o Mail
	fetch -o Mail
	fetch -o Mail
	same asked <<-'END'
	A1 CAPABILITY
	A2 SELECT "INBOX"
	A3 UID FETCH 1:8 (UID)
	A4 UID FETCH 2 (UID FLAGS INTERNALDATE BODY.PEEK[])
	A5 LOGOUT
	A1 CAPABILITY
	A2 SELECT "INBOX"
	A3 UID FETCH 1:8 (UID)
	A4 LOGOUT
	A1 CAPABILITY
	A2 SELECT "INBOX"
	A3 LOGOUT
	END
	names Mail/ >got
	printf 'cur:\n\nnew:\n,U=1\n,U=3\n' | same got
}

@test "a changed UIDVALIDITY is said, and all is fetched again" {
	two >script
	sed 's/open 2 6/open 2 6 8/' script >script2
	scripted script script2
	fetch -o Mail
	fetch -o Mail 2>err
	same err <<-'END'
	imap-fetch: INBOX: UIDVALIDITY has changed from 7 to 8: all is fetched again
	END
	names Mail >got
	printf 'cur:\n,U=5:2,S\n,U=5:2,S\n\nnew:\n,U=3\n,U=3\n' | same got
}

@test "UIDs in any order and repeated are each fetched once" {
	{
		printf 'login\nopen 4 20\nlist 9 3 4 3 9 7\nask\n'
		for i in 9 3 7 4; do echo "message $i m$i\\n"; done
		printf 'ok\nask\n'
	} >script
	scripted script
	fetch -o Mail
	sed -n 4p asked >got
	same got <<-'END'
	A4 UID FETCH 3:4,7,9 (UID FLAGS INTERNALDATE BODY.PEEK[])
	END
	messages Mail >got
	printf 'm3\nm4\nm7\nm9\n' | same got
}

@test "without UIDNEXT what is new is found too" {
	{
		printf 'login\nask\nok\nask\nline * 1 EXISTS\n'
		printf 'line * OK [UIDVALIDITY 7]\nok\nlist 3\nask\n'
		printf 'message 3 three\nok\nask\n'
	} >script
	{
		printf 'login\nask\nok\nask\nline * 1 EXISTS\n'
		printf 'line * OK [UIDVALIDITY 7]\nok\nlist 3\nask\n'
	} >script2
	scripted script script2
	fetch -o Mail
	: >asked
	fetch -o Mail
	same asked <<-'END'
	A1 CAPABILITY
	A2 SELECT "INBOX"
	A3 UID FETCH 4:* (UID)
	A4 LOGOUT
	END
	messages Mail >got
	printf three | same got
}

@test "--delete expunges what is safe here, new or old, and nothing else" {
	two >script
	{
		printf 'login\nopen 3 7\nlist 3 5 6\nask\nmessage 6 six\nok\n'
		printf 'ask\nok\nask\nline * 1 EXPUNGE\nok\nask\nok\n'
	} >script2
	scripted script script2
	fetch -o Mail
	: >asked
	fetch --delete -o Mail
	same asked <<-'END'
	A1 CAPABILITY
	A2 SELECT "INBOX"
	A3 UID FETCH 1:6 (UID)
	A4 UID FETCH 6 (UID FLAGS INTERNALDATE BODY.PEEK[])
	A5 UID STORE 3,5:6 +FLAGS.SILENT (\Deleted)
	A6 UID EXPUNGE 3,5:6
	A7 LOGOUT
	END
}

@test "--delete without UIDPLUS marks and says so" {
	{
		printf 'capability IMAP4rev1\nlogin\nopen 1 6\nlist 3\nask\n'
		printf 'message 3 three\nok\nask\nok\nask\nok\n'
	} >script
	scripted script
	fetch --delete -o Mail 2>err
	same err <<-'END'
	imap-fetch: INBOX: the server has no UIDPLUS: messages are marked as deleted and stay until something expunges them
	END
	tail -n 2 asked >got
	same got <<-'END'
	A5 UID STORE 3 +FLAGS.SILENT (\Deleted)
	A6 LOGOUT
	END
}

@test "--delete leaves what a command refused" {
	{
		printf 'login\nopen 2 6\nlist 3 5\nask\nmessage 3 three\n'
		printf 'message 5 five\nok\nask\nok\nask\nok\nask\nok\n'
	} >script
	scripted script
	exits 75 imap-fetch --tls=off --password-file pw -q --delete "$url" -- \
		sh -c 'grep -q five || exit 75' 2>err
	echo 'imap-fetch: INBOX: message 3: sh: exit 75' | same err
	tail -n 3 asked | head -n 2 >got
	same got <<-'END'
	A5 UID STORE 5 +FLAGS.SILENT (\Deleted)
	A6 UID EXPUNGE 5
	END
}

@test "--rebuild reads the journal back from the maildir's names" {
	two >script
	printf 'login\nopen 2 6\nlist 3 5\nask\nok\n' >script2
	scripted script script2
	fetch -o Mail
	rm -r "$HOME/.local"
	: >asked
	imap-fetch --tls=off --password-file pw --rebuild -o Mail "$url" 2>err
	sed 's/ (.*//' err >got
	echo 'imap-fetch: 0 new, 2 already fetched' | same got
	names Mail >got
	printf 'cur:\n,U=5:2,S\n\nnew:\n,U=3\n' | same got
}

# folders: a server of folders, whose LIST is in the file list; the folders
# that are then opened follow from FOLDER UIDVALIDITY pairs.
@test "--all fetches every folder into a maildir of its own" {
	cat >script <<-'END'
	login
	ask
	line * CAPABILITY IMAP4rev1
	ok
	ask
	line * LIST (\\HasChildren) "/" inbox
	line * LIST (\\Noselect) "/" Archive
	line * LIST () "/" "Archive/2024.old"
	line * LIST () "/" Entw&APw-rfe
	line * LIST (\\NonExistent) "/" gone
	line * LIST () "/" {8}\r\nSent box
	ok
	ask
	line * STATUS INBOX (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 7)
	ok
	ask
	line * STATUS "Archive/2024.old" (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 7)
	ok
	ask
	no [UNAVAILABLE] not now
	ask
	line * STATUS "Sent box" (UIDVALIDITY 7 MESSAGES 0 X (a) UIDNEXT 1)
	ok
	END
	cp script script2
	for i in 1 2 3; do
		printf 'ask\nline * 1 EXISTS\nline * OK [UIDVALIDITY 7]\nline * OK [UIDNEXT 2]\nok\n'
		printf 'list 1\nask\nmessage 1 m%s\nok\n' $i
	done >>script
	printf 'ask\nline * 0 EXISTS\nline * OK [UIDVALIDITY 7]\nline * OK [UIDNEXT 1]\nok\nask\n' >>script
	printf 'ask\nline * 1 EXISTS\nline * OK [UIDVALIDITY 7]\nline * OK [UIDNEXT 2]\nok\nask\n' >>script2
	scripted script script2
	imap-fetch --tls=off --password-file pw --all -o Mail "$url" 2>err
	echo 'imap-fetch: 3 new, 0 already fetched (4 folders)' | same err
	grep -v FETCH asked >got
	same got <<-'END'
	A1 CAPABILITY
	A2 LIST "" "*"
	A3 STATUS "INBOX" (MESSAGES UIDNEXT UIDVALIDITY)
	A4 STATUS "Archive/2024.old" (MESSAGES UIDNEXT UIDVALIDITY)
	A5 STATUS "Entw&APw-rfe" (MESSAGES UIDNEXT UIDVALIDITY)
	A6 STATUS "Sent box" (MESSAGES UIDNEXT UIDVALIDITY)
	A7 SELECT "INBOX"
	A10 SELECT "Archive/2024.old"
	A13 SELECT "Entw&APw-rfe"
	A16 SELECT "Sent box"
	A17 LOGOUT
	END
	(cd Mail && find . -type d -name 'new' | sort) >got
	same got <<-'END'
	./.Archive.2024%2Eold/new
	./.Entwürfe/new
	./.Sent box/new
	./new
	END
	cat Mail/new/* Mail/.Arch*/new/* Mail/.Ent*/new/* >got
	printf m1m2m3 | same got
	: >asked
	imap-fetch --tls=off --password-file pw --all -o Mail "$url" 2>err
	echo 'imap-fetch: 0 new, 3 already fetched (4 folders)' | same err
	tail -n 2 asked >got
	printf 'A7 SELECT "Entw&APw-rfe"\nA8 LOGOUT\n' | same got
}

@test "--folder fetches those named, in UTF-8, one that fails does not stop the rest" {
	{
		printf 'login\nask\nok\nask\nline * LIST (\\\\Noselect) "." ""\nok\n'
		printf 'ask\nno [NONEXISTENT] none\nask\nno [X] \\x1b[2Jnot\nask\nok\n'
		printf 'ask\nno [NONEXISTENT] no such folder\nask\nno [INUSE] later\n'
		printf 'ask\nline * 1 EXISTS\nline * OK [UIDVALIDITY 7]\nok\n'
		printf 'list 1\nask\nmessage 1 m1\nok\nask\n'
	} >script
	scripted script
	exits 75 fetch --folder nö --folder b.c --folder '&x' -o Mail 2>err
	same err <<-'END'
	imap-fetch: nö: SELECT: [NONEXISTENT] no such folder
	imap-fetch: b.c: SELECT: [INUSE] later
	END
	grep -v FETCH asked >got
	same got <<-'END'
	A1 CAPABILITY
	A2 LIST "" ""
	A3 STATUS "n&APY-" (MESSAGES UIDNEXT UIDVALIDITY)
	A4 STATUS "b.c" (MESSAGES UIDNEXT UIDVALIDITY)
	A5 STATUS "&-x" (MESSAGES UIDNEXT UIDVALIDITY)
	A6 SELECT "n&APY-"
	A7 SELECT "b.c"
	A8 SELECT "&-x"
	A11 LOGOUT
	END
	cat Mail/.\&x/new/* >got
	printf m1 | same got
	exits 69 fetch --folder x -o Mail 2>err < <(:) || true
}

@test "hostile folder names stay in the maildir, and no two share one" {
	{
		printf 'login\nask\nline * CAPABILITY LIST-STATUS\nok\nask\n'
		for name in '"../../x"' '"/etc"' '".."' '{4}\r\na\r\nb' '"a.b"' \
		    '"-rf"' INBOX inbox '"same"' '"same"' '"\x1b[2J"'; do
			echo "line * LIST () \"/\" $name"
		done
		echo 'line * LIST () "." a.b2'
		echo 'line * LIST () "/" a/b2'
		printf 'ok\n'
		for i in 1 2 3 4 5 6 7 8 9; do
			printf 'ask\nline * 0 EXISTS\nline * OK [UIDVALIDITY 7]\nline * OK [UIDNEXT 1]\nok\n'
		done
		printf 'ask\n'
	} >script
	scripted script
	mkdir in
	exits 69 fetch --all -o in/Mail 2>err
	same err <<-'END'
	imap-fetch: a\x0d\x0ab: a name that cannot be asked for
	imap-fetch: a/b2: its maildir is that of another folder
	END
	find . -path ./home -prune -o -name new -print | sort >got
	same -v got <<-'END'
	./in/Mail/.%00.etc/new
	./in/Mail/.%2Drf/new
	./in/Mail/.%2E%2E.%2E%2E.x/new
	./in/Mail/.%2E%2E/new
	./in/Mail/.%=%1B[2J/new
	./in/Mail/.a%2Eb/new
	./in/Mail/.a.b2/new
	./in/Mail/.same/new
	./in/Mail/new
	END
}

# cut_scripts: servers that end within their second message, one for each third
# of its octets (the proof of clients cuts at all); sets cuts to their number.
cut_scripts() {
	local i part whole=$'* 2 FETCH (UID 5 BODY[] {8}\r\n5\r\n\r\n.\r\n)\r\n'
	cuts=0
	for ((i = 0; i < ${#whole}; i += 3)); do
		part=${whole:0:i}
		part=${part//$'\r'/\\r}
		printf 'login\nopen 2 6\nlist 3 5\nask\nmessage 3 three\nsay %s\n' \
			"${part//$'\n'/\\n}" >script$cuts
		cuts=$((cuts + 1))
	done
	# shellcheck disable=SC2046 # names without blanks
	scripted $(seq -f 'script%g' 0 $((cuts - 1)))
}

@test "names of folders without end are refused" {
	{
		printf 'login\nask\nok\nask\n'
		for ((i = 0; i < 90; i++)); do
			printf 'say * LIST () "/" "%s\nfill 5000 0123456789\nsay "\\r\\n\n' $i
		done
		printf 'ok\nask\n'
	} >script
	scripted script
	exits 76 fetch --all -o Mail 2>err
	cut -d : -f 5- err >got
	same got <<<' server: folders without end'
}

@test "a message that the list of UIDs leaves out is neither known nor deleted" {
	{
		printf 'login\nopen 3 4\nlist 1 2\nask\n'
		printf 'message 1 m1\nmessage 2 m2\nok\nask\n'
	} >short
	{
		printf 'login\nopen 3 4\nlist 1 2 3\nask\nmessage 3 m3\nok\n'
		printf 'ask\nok\nask\nok\nask\n'
	} >whole
	scripted short whole
	exits 75 fetch -o Mail 2>err
	same err <<<'imap-fetch: INBOX: 1 messages were not listed'
	: >asked
	fetch --delete -o Mail
	messages Mail >got
	printf m1m2m3 | same got
	grep -A1 'BODY.PEEK' asked >got
	same got <<-'END'
	A4 UID FETCH 3 (UID FLAGS INTERNALDATE BODY.PEEK[])
	A5 UID STORE 1:3 +FLAGS.SILENT (\Deleted)
	END
}

@test "a folder of which EXISTS is not said is not taken for an empty one" {
	{
		printf 'login\nask\nok\nask\nline * OK [UIDVALIDITY 7] x\n'
		printf 'line * OK [UIDNEXT 4] x\nok\nask\n'
	} >script
	scripted script
	exits 76 fetch -o Mail 2>err
	same err <<<'imap-fetch: INBOX: server: no word of how many messages it has'
}

@test "nor does a command get any of it" {
	local i
	cut_scripts
	for ((i = 0; i < cuts; i++)); do
		rm -rf "$HOME/.local"
		: >given
		exits 75 fetch_to sh -c 'cat >>given; echo . >>given' 2>err
		echo three. | same given
	done
}

# Each line: EXIT, then what the server says to the FETCH of 3 and 5.
@test "what was not asked for, nonsense and refusals end with the right exit code" {
	local n=0 i code reply why codes=() whys=()
	while IFS='|' read -r code why reply; do
		codes+=("$code")
		whys+=("$why")
		{
			printf 'login\nopen 2 6\nlist 3 5\nask\n'
			echo "${reply//|/$'\n'}"
		} >script$((n++))
	done <<-'END'
	76|server: a message that nothing asked for|message 4 four
	76|server: a message that nothing asked for|message 3 three|message 3 three
	76|server: a message without its UID|say * 1 FETCH (BODY[] {3}\r\nabc)\r\n
	76|server: a wrong FETCH|say * 1 FETCH (UID 3 RFC822.SIZE 5 BODY[] {3}\r\nabcde)\r\n
	76|server: a line that does not end in CRLF|say * 1 FETCH (UID 3 RFC822.SIZE 3 BODY[] {5}\r\nabc)\r\n
	76|server: a literal that is too long|say * 1 FETCH (UID 3 BODY[] {9223372036854775808}\r\n
	75|connection: closed by the server|say * 1 FETCH (UID 3 BODY[] {9223372036854775807}\r\nabc)\r\n
	76|server: a wrong FETCH|say * 1 FETCH (UID 3 BODY[] {-1}\r\n
	76|server: a wrong FETCH|say * 1 FETCH (UID 18446744073709551619 BODY[] {3}\r\nabc)\r\n
	76|server: a line that is too long|say * 1 FETCH (X |fill 100000 (
	76|server: a line that is too long|fill 2000 xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
	76|server: a reply to something else|line A9 OK
	76|server: a reply to something else|line + go on
	75|server: [UNAVAILABLE] going down|line * BYE [UNAVAILABLE] going down
	75|UID FETCH: [SERVERBUG] no|no [SERVERBUG] no|ask
	75|UID FETCH: [NOPERM] no|no [NOPERM] no|ask
	76|UID FETCH: what?|bad what?|ask
	75|2 messages were not sent|line * 1 FETCH (UID 3 BODY[] NIL)|ok|ask
	75|connection: Connection reset by peer|reset
	75|connection: Connection timed out|say * 1 FETCH (UID 3 BODY[] {9}\r\nabc|ask
	END
	# shellcheck disable=SC2046 # names without blanks
	scripted $(seq -f 'script%g' 0 $((n - 1)))
	for ((i = 0; i < n; i++)); do
		rm -rf Mail "$HOME/.local"
		exits "${codes[i]}" timeout 20 imap-fetch --tls=off \
			--password-file pw -q --delete -o Mail --timeout 1 "$url" 2>err
		grep -v 'messages were not sent' err >first || cp err first
		echo "imap-fetch: INBOX: ${whys[i]}" | same first
		((i != 1)) || rm Mail/new/*,U=3
		nothing_in Mail
	done
	if grep STORE asked; then false; fi
}

@test "a folder that cannot be opened, or listed as it should, is said" {
	local n=0 i code reply why codes=() whys=()
	while IFS='|' read -r code why reply; do
		codes+=("$code")
		whys+=("$why")
		{
			printf 'login\nask\nok\nask\n'
			echo "${reply//|/$'\n'}"
		} >script$((n++))
	done <<-'END'
	69|SELECT: [NONEXISTENT] none|no [NONEXISTENT] none|ask
	75|SELECT: [REFERRAL imap://h/x] there|no [REFERRAL imap://h/x] there|ask
	76|SELECT: what|bad what|ask
	69|its messages have no lasting UIDs|line * 5 EXISTS|ok|ask
	76|server: a wrong number|line * OK [UIDVALIDITY 0] x|ok
	76|server: a message that nothing asked for|message 3 early|ok
	76|server: a message that nothing asked for|line * 1 EXISTS|line * OK [UIDVALIDITY 7]|ok|ask|message 3 early|ok
	END
	# shellcheck disable=SC2046 # names without blanks
	scripted $(seq -f 'script%g' 0 $((n - 1)))
	for ((i = 0; i < n; i++)); do
		exits "${codes[i]}" timeout 20 imap-fetch --tls=off \
			--password-file pw -q -o Mail --timeout 1 "$url" 2>err
		echo "imap-fetch: INBOX: ${whys[i]}" | same err
		nothing_in Mail
	done
}

@test "message, journal and folders are durable before anything is deleted" {
	printf 'login\nopen 2 6\nserve 3=three 5=Seen\n' >script
	scripted script
	strace -y -o trace \
		-e trace=syncfs,fsync,fdatasync,linkat,write,sendto \
		imap-fetch --tls=off --password-file pw -q --delete -o Mail "$url"
	sed -n 's,^\(syncfs\|fsync\|linkat\)([0-9]*<[^>]*/\(Mail/[a-z]*\)>.*,\1 \2,p
		s,^\(fdatasync\|fsync\)([0-9]*<[^>]*/mailpipe/.*,\1 journal,p
		s,^sendto(.*\(FETCH\|STORE\|LOGOUT\).*,\1,p' trace | uniq >order
	sed '1,/FETCH/d' order >after
	same after <<-'END'
	syncfs Mail/tmp
	fdatasync journal
	linkat Mail/tmp
	fsync Mail/new
	fsync Mail/cur
	STORE
	LOGOUT
	END
}

@test "killed or failing between the journal and the folder, nothing is lost or doubled" {
	printf 'login\nopen 3 6\nserve 3=m3 4=m4Seen 5=m5\n' >script
	scripted script
	for call in linkat:when=1 linkat:when=2 linkat:when=3 unlinkat:when=2 \
	    fdatasync:when=1 syncfs:when=1 fsync:when=3; do
		for how in signal=KILL error=EIO; do
			[ $how$call != error=EIOunlinkat:when=2 ] || continue
			rm -rf Mail "$HOME/.local"
			code=75
			[ $how = error=EIO ] || code=137
			exits $code \
				strace -o /dev/null -e trace="${call%%:*}" \
				-e inject="${call%%:*}:$how:${call#*:}" \
				imap-fetch --tls=off --password-file pw -q -o Mail "$url" 2>err
			fetch -o Mail
			messages Mail >got
			printf 'm3m4Seenm5' | same got
			# What a kill leaves there is swept once it is old.
			[ $how = signal=KILL ] || nothing_in Mail/tmp
		done
	done
}

@test "a run that is killed at any time goes on where it was" {
	local i
	{
		printf 'login\nopen 600 601\nserve'
		for i in {1..600}; do printf ' %s=m%s;' "$i" "$i"; done
		echo
	} >script
	scripted script
	for i in 3 40 90 170 260 400 520; do
		exits 137 strace -o /dev/null \
			-e trace=openat -e inject=openat:signal=KILL:when=$((i + 60)) \
			imap-fetch --tls=off --password-file pw -q -o Mail "$url" 2>err ||
			break
	done
	fetch -o Mail
	messages Mail >got
	for i in {1..600}; do printf 'm%s;' "$i"; done | same got
}

@test "a message of 60 MB is fetched in under 16 MB, octet for octet" {
	{
		printf 'login\nopen 1 2\nlist 1\nask\n'
		printf 'say * 1 FETCH (UID 1 BODY[] {60000000}\\r\\n\n'
		printf 'fill 6000 %s\\n\n' "$(printf %09999d 7)"
		printf 'say )\\r\\n\nok\nask\n'
	} >script
	scripted script
	"$BUILD/drv/peak" peak imap-fetch --tls=off --password-file pw -q \
		-o Mail "$url"
	yes "$(printf %09999d 7)" | head -c 60000000 | cmp - Mail/new/*
	read -r _ kib <peak
	sanitized || [ "$kib" -lt 16384 ]
	rm -r Mail
}

@test "100,000 messages that are known cost little" {
	{
		printf 'login\nopen 100000 100001\nask\n'
		printf 'say * 1 FETCH (UID 99999)\\r\\n* 1 FETCH (UID 100000)\\r\\n\nok\nask\n'
	} >script
	scripted script
	fetch -o Mail 2>/dev/null || true
	journal=$(echo "$HOME"/.local/state/mailpipe/*)
	seq 1 100000 >>"$journal"
	: >asked
	"$BUILD/drv/peak" peak imap-fetch --tls=off --password-file pw -o Mail \
		"$url" 2>err
	sed 's/ (.*//' err >got
	echo 'imap-fetch: 0 new, 100000 already fetched' | same got
	read -r _ kib <peak
	sanitized || [ "$kib" -lt 16384 ]
	tail -n +4 "$journal" >got
	printf ' uidvalidity 7\n1:100000\n' | same got
}

@test "SIGTERM leaves nothing half-done and exits 75" {
	printf 'login\nopen 1 6\nlist 3\nask\nsay * 1 FETCH (UID 3 BODY[] {9}\\r\\nabc\nask\n' >script
	scripted script
	imap-fetch --tls=off --password-file pw -q -o Mail "$url" 3>&- &
	pid=$!
	eventually begun
	kill "$pid"
	exits 75 wait "$pid"
	nothing_in Mail
}

@test "-v shows the dialogue, without the password" {
	two >script
	scripted script
	fetch -v -o Mail 2>err
	sed '1,/^> A1 /d' err >tail
	same tail <<-'END'
	> A2 SELECT "INBOX"
	< * CAPABILITY IMAP4rev1 UIDPLUS
	< A1 OK
	< * FLAGS (\Seen)
	< * 2 EXISTS
	< * OK [UIDVALIDITY 7] valid
	< * OK [UIDNEXT 6] next
	< A2 OK opened
	> A3 UID FETCH 1:5 (UID)
	< * 1 FETCH (UID 3)
	< * 2 FETCH (UID 5)
	< A3 OK
	> A4 UID FETCH 3,5 (UID FLAGS INTERNALDATE BODY.PEEK[])
	< * 1 FETCH (UID 3 FLAGS () INTERNALDATE "17-Jul-1996 02:44:25 -0700" BODY[] {20}\x0d\x0a)
	< * 1 FETCH (UID 5 FLAGS (\Seen) INTERNALDATE "17-Jul-1996 02:44:25 -0700" BODY[] {6}\x0d\x0a)
	< A4 OK 
	> A5 LOGOUT
	< * BYE
	< A5 OK 
	END
	if grep -q secret err; then false; fi
}

@test "exit 0: --help and --version" {
	exits 0 imap-fetch --help >out
	[ "$(wc -l <out)" -le 24 ]
	[ "$(wc -L <out)" -le 80 ]
	exits 0 imap-fetch --version >out
	echo 'imap-fetch (mailpipe) 0.1' | same out
}

@test "exit 64: a wrong command line" {
	url=imap://alice@127.0.0.1:1/
	while read -r line; do
		# shellcheck disable=SC2086 # words
		eval "set -- $line"
		exits 64 imap-fetch "$@" 2>err >out </dev/null
		wc -l <err >lines
		echo 1 | same lines
	done <<-'END'
	"$url"
	-o Mail
	-o Mail --mbox m "$url"
	-o Mail --keep --delete "$url"
	-o Mail "$url" more
	"$url" --
	-o Mail --foo "$url"
	-o Mail imap://h/
	-o Mail imap://alice:secret@h/
	-o Mail pop3://alice@h/
	-o Mail --all --folder x "$url"
	-o Mail --all "$url"x
	-o Mail --folder x "$url"y
	-o Mail --folder '' "$url"
	-o Mail --folder $'\xff' "$url"
	-o Mail "$url"%ff
	--mbox m --rebuild "$url"
	END
	exits 64 bash -c 'imap-fetch --delete --stdout "$1" | cat; exit "${PIPESTATUS[0]}"' \
		x "$url" 2>err 3>&-
	[ ! -e Mail ]
}

@test "exit 75: no connection, a journal in use, no parent folder, a full disk" {
	url=imap://alice@127.0.0.1:1/
	exits 75 fetch -o Mail 2>err
	exits 75 fetch -o absent/Mail 2>err
	echo 'imap-fetch: open absent/Mail: No such file or directory' | same err
	exits 75 fetch --all -o absent/Mail 2>err
	echo 'imap-fetch: open absent/Mail: No such file or directory' | same err
	{
		two | head -n 4
		echo 'say * 1 FETCH (UID 3 BODY[] {20000}\r\n'
		echo 'fill 20000 x'
		printf 'say )\\r\\n\nok\nask\n'
	} >script
	scripted script
	(ulimit -f 10 && exits 75 fetch -o Mail 2>err)
	echo 'imap-fetch: INBOX: write Mail: File too large' | same err
	nothing_in Mail
	exec 9>>"$(echo "$HOME"/.local/state/mailpipe/*"$(cat port)"*)"
	python3 -c 'import fcntl, struct, sys
fcntl.fcntl(9, 37, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))'
	exits 75 fetch -o Mail 2>err
	grep -c 'another fetcher has it' err >count
	echo 1 | same count
	exec 9>&-
}

@test "exit 76: what is no IMAP" {
	printf 'login\nask\nline +OK POP3\n' >script
	scripted script
	exits 76 fetch -o Mail 2>err
	grep -c 'server: ' err >count
	same count <<<1
}

@test "exit 77 or 75: a refused login, for good or for now" {
	for code in AUTHENTICATIONFAILED UNAVAILABLE; do
		printf 'say * OK [CAPABILITY IMAP4rev1] hi\\r\\n\nask\nok\nask\nno [%s] x\n' \
			$code >$code
	done
	scripted AUTHENTICATIONFAILED UNAVAILABLE
	exits 77 fetch -o Mail 2>err
	exits 75 fetch -o Mail 2>err
}

@test "exit 78: a password that cannot be had, a configuration that is wrong" {
	url=imap://alice@127.0.0.1:1/
	exits 78 imap-fetch --tls=off --password-file absent -o Mail "$url" 2>err
	echo nonsense >conf
	exits 78 imap-fetch --config conf -o Mail "$url" 2>err
}

@test "no login and no mail without TLS where it is required, PREAUTH or not" {
	printf 'say * PREAUTH hi\\r\\n\nask\nline * CAPABILITY IMAP4rev1 STARTTLS\nok\nask\n' >preauth
	printf 'say * OK hi\\r\\n\nask\nline * CAPABILITY IMAP4rev1\nok\nask\n' >stripped
	scripted preauth stripped
	for _ in 1 2; do
		exits 75 timeout 10 imap-fetch --password-file pw -q -o Mail "$url" 2>err
		grep -c -- --tls=off err >count
		echo 1 | same count
	done
	sort -u asked >got
	echo 'A001 CAPABILITY' | same got
	nothing_in Mail
}

# --- with Dovecot ---

# A maildir of nobody's with every message of the corpus and some of our own.
corpus_box() {
	local n=0 f corpus=${CORPUS:-$TOP/../shared/corpus}
	[ -d "$corpus" ] || echo "# no corpus at $corpus: on tests/data alone" >&3
	box=$DOVECOT_MAIL/alice
	for f in "$TESTS"/data/odd/* "$corpus"/*; do
		[ ! -f "$f" ] || [ ! -s "$f" ] ||
			cp "$f" "$box/cur/$((1700000000 + n++)).m.h:2,S"
	done
	chown -R nobody:nogroup "$box"
}

@test "every message of the corpus comes from Dovecot byte for byte" {
	dovecot_start
	corpus_box
	url=imap://alice@127.0.0.1:$DOVECOT_IMAP/
	fetch -o Mail
	"$PYTHON" - "$box" >got <<-'END'
		import glob, os, sys
		box = sys.argv[1]
		want = {}
		for line in open(box + "/dovecot-uidlist"):
		    left, colon, name = line.partition(" :")
		    if colon:
		        want[left.split(" ")[0]] = name.strip().split(":")[0]
		for path in glob.glob("Mail/*/*,U=*"):
		    name = want.pop(path.split(",U=")[1].split(":")[0])
		    # IMAP has no NUL (RFC 3501 9); Dovecot sends 0x80.
		    there = open(glob.glob(box + "/cur/" + name + "*")[0], "rb").read()
		    there = there.replace(b"\r\n", b"\n").replace(b"\0", b"\x80")
		    if open(path, "rb").read() != there:
		        print("differs:", name, path)
		print(len(want), "missing")
	END
	echo '0 missing' | same got
	find "$box/cur" -type f -name '*:2,S' | wc -l >count
	find Mail/cur -name '*:2,S' | wc -l | same count
	fetch -v -o Mail 2>err
	grep '^> A[0-9] ' err >got
	printf '> %s\n' 'A1 CAPABILITY' 'A2 SELECT "INBOX"' 'A3 LOGOUT' | same got
}

@test "Dovecot's folders, flags and dates arrive, and only what is safe here goes" {
	dovecot_start
	box=$DOVECOT_MAIL/alice
	mkdir -p "$box"/.{Entw\&APw-rfe,'Sent Items',Work.2026}/{new,cur,tmp}
	echo draft >"$box/.Entw&APw-rfe/cur/1.m:2,D"
	echo sent >"$box/.Sent Items/cur/1.m:2,FRS"
	echo 2026 >"$box/.Work.2026/new/1.m"
	echo inbox >"$box/new/1.m"
	touch -d '2001-02-03 04:05:06 UTC' "$box/new/1.m"
	chown -R nobody:nogroup "$box"
	url=imap://alice@127.0.0.1:$DOVECOT_IMAP/
	fetch --all -o Mail 2>err
	(cd Mail && find . -type f | sed 's,/[0-9][^/,]*\,,/,' | sort) >got
	same got <<-'END'
	./.Entwürfe/cur/U=1:2,D
	./.Sent Items/cur/U=1:2,FRS
	./.Work.2026/new/U=1
	./new/U=1
	END
	find Mail -type f -exec cat {} + | sort >got
	printf '2026\ndraft\ninbox\nsent\n' | same got
	stat -c %Y Mail/new/* >got
	echo 981173106 | same got
	# Seen nowhere, and nothing new.
	find "$box/new" "$box/cur" -name '*S' >got
	same got </dev/null
	imap-fetch --tls=off --password-file pw --all -o Mail "$url" 2>err
	echo "imap-fetch: 0 new, 4 already fetched (4 folders)" | same err
	# Another's \Deleted stays.
	echo theirs >"$box/cur/2.m:2,T"
	chown nobody:nogroup "$box/cur/2.m:2,T"
	fetch --folder INBOX --folder Work.2026 --delete -o Other
	find Other -type f -exec cat {} + | sort >got
	printf '2026\ninbox\ntheirs\n' | same got
	find "$box/new" "$box/cur" "$box/.Work.2026" -name '*.m*' >got
	same got </dev/null
	fetch --folder 'Sent Items' --folder Nowhere -o Third 2>err || echo $? >code
	echo 75 | same code
	find Third -type f -exec cat {} + >got
	echo sent | same got
}
