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
	local i
	: >asked
	: >port
	python3 "$TESTS/lib/imap-script.py" asked "$@" >>port 2>script.log 3>&- &
	pids+=($!)
	for ((i = 0; i < 200; i++)); do
		[ -s port ] && break
		sleep 0.05
	done
	url=imap://alice@127.0.0.1:$(cat port)/
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
		while read -r _ f; do cat "$f"; done
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
	list 2 3
	ask
	line * 2 EXPUNGE
	line * 2 FETCH (UID 2 BODY[] NIL)
	no [EXPUNGEISSUED] gone
	ask
	END
	cat >script3 <<-'END'
	login
	open 2 9
	list 3
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
	A3 UID FETCH 2:8 (UID)
	A4 UID FETCH 2 (UID FLAGS INTERNALDATE BODY.PEEK[])
	A5 LOGOUT
	A1 CAPABILITY
	A2 SELECT "INBOX"
	A3 UID FETCH 2:8 (UID)
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
		printf 'login\nopen 6 20\nlist 9 3 4 3 9 7\nask\n'
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
	printf 'ask\nline * OK [UIDVALIDITY 7]\nline * OK [UIDNEXT 1]\nok\nask\n' >>script
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
