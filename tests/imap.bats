#!/usr/bin/env bats
# The IMAP engine of the client, folder names, and sets of UIDs.
# shellcheck disable=SC2059,SC1003 # formats of our own; IMAP's backslashes
load lib

setup() {
	sandbox
	drv=$BUILD/drv/imap
}

# fetches TEXT: what the engine says of it, as the answer to a UID FETCH.
fetches() {
	printf "$1" | "$drv" FETCH:9
}

@test "capabilities, folders, counts, a selection and a farewell are told apart" {
	crlf >in <<-'END'
	* CAPABILITY IMAP4rev1 uidplus LIST-STATUS
	A1 OK [CAPABILITY x] here
	* LIST (\HasChildren \Noselect) "/" "a \"b\\c"
	* LIST () NIL {6}
	a"
	b(
	* LIST (\NonExistent) "\\" x[y
	* LSUB () "/" z
	A2 OK
	* STATUS "Sent" (UIDNEXT 4294967295 X-NEW (a (b "c")) MESSAGES 0 UIDVALIDITY 1)
	A3 NO [UNAVAILABLE] later
	* FLAGS (\Answered)
	* 172 EXISTS
	* OK [UNSEEN 12] first {5}
	* ok [uidvalidity 3857529045] valid
	* OK [UIDNEXT 4392] next
	A4 OK [READ-ONLY] opened
	A5 BAD what
	* BYE bye
	A6 OK
	END
	exits 0 "$drv" CAPABILITY LIST STATUS SELECT STORE LOGOUT <in |
		tr -d '\r' >out
	same out <<-'END'
	OTHER
	OK CAPABILITY 0 code=CAPABILITY: [CAPABILITY x] here
	MAILBOX <a "b\c> / not selectable
	MAILBOX <a"
	b(> -
	MAILBOX <x[y> \ not selectable
	OTHER
	OK LIST 0: 
	COUNTS <Sent> messages=0 uidnext=4294967295 uidvalidity=1
	NO STATUS 0 code=UNAVAILABLE: [UNAVAILABLE] later
	OTHER
	OTHER
	OTHER
	OTHER
	OTHER
	OK SELECT 0 code=READ-ONLY messages=172 uidnext=4392 uidvalidity=3857529045: [READ-ONLY] opened
	BAD STORE 0: what
	OTHER
	OK LOGOUT 0: 
	waiting=0 expunged=0 uidplus=1 list-status=1
	END
	"$drv" splits CAPABILITY LIST STATUS SELECT STORE LOGOUT <in >out
	echo "same for $(($(wc -c <in) + 1)) cuts" | same out
}

@test "messages come in any form a string has, with what is said of them around" {
	printf '%s\r\n' \
		'* 12 FETCH (UID 7 FLAGS (\Seen $Forwarded x) INTERNALDATE " 7-Nov-2026 03:28:20 +0100" RFC822.SIZE 99999999999999999999 BODY[] {7}' >in
	printf 'a\r\nb\n\rc)\r\n' >>in
	printf '%s\r\n' '* 13 FETCH (BODY[] {0}' ' UID 8)' \
		'* 14 FETCH (UID 9 body[] "x\"y")' \
		'* 15 FETCH (UID 10 BODY[] NIL BODY[HEADER.FIELDS (TO)] ~{5+}' \
		'{1}' ' ENVELOPE ("a" NIL (("(" {1}' ')))))' \
		'* 16 FETCH (FLAGS (\Seen))' '* 1 EXPUNGE' \
		'* 17 FETCH ()' 'A1 OK [EXPUNGEISSUED] x' >>in
	"$drv" FETCH:9 <in >out
	same out < <(cat <<-'END'
	MESSAGE uid=7 flags=PS date=1794018500 body=a
	b
	END
	printf '\rc\n'
	cat <<-'END'
	MESSAGE uid=8 flags= body=
	MESSAGE uid=9 flags= body=x"y
	MESSAGE uid=10 flags=
	MESSAGE uid=0 flags=S
	OTHER
	MESSAGE uid=0 flags=
	OK FETCH 9 code=EXPUNGEISSUED: [EXPUNGEISSUED] x
	waiting=0 expunged=1 uidplus=0 list-status=0
	END
	)
	"$drv" -1 FETCH:9 <in >single
	same single <out
	"$drv" splits FETCH:9 <in >out
	echo "same for $(($(wc -c <in) + 1)) cuts" | same out
}

@test "a literal is as long as it says, and what follows must fit" {
	for n in 0 3 4 6 7; do
		fetches "* 1 FETCH (UID 3 BODY[] {$n}\r\nfive!)\r\nA1 OK\r\n" |
			head -n 1
	done >out
	same out <<-'END'
	BROKEN: a wrong FETCH
	BROKEN: a wrong FETCH
	BROKEN: a wrong FETCH
	BROKEN: a wrong FETCH
	BROKEN: a line that does not end in CRLF
	END
	fetches '* 1 FETCH (UID 3 BODY[] {8}\r\nfive!)\r\nA1 OK\r\n' >out
	same out <<-'END'
	BROKEN: a wrong FETCH
	waiting=1 expunged=0 uidplus=0 list-status=0
	END
	# Never complete: the literal goes on.
	fetches '* 1 FETCH (UID 3 BODY[] {9223372036854775807}\r\nfive!)\r\nA1 OK\r\n' >out
	same out <<-'END'
	waiting=1 expunged=0 uidplus=0 list-status=0
	END
}

@test "what is no IMAP, or not what was asked for, is broken" {
	while IFS='|' read -r text want; do
		fetches "$text" | head -n 1 >out
		echo "BROKEN: $want" | same out
	done <<-'END'
	* 1 FETCH (UID 3 BODY[] {9223372036854775808}\r\n|a literal that is too long
	* 1 FETCH (UID 3 BODY[] {99999999999999999999999}\r\n|a literal that is too long
	* 1 FETCH (X {70000}\r\n|a literal that is too long
	* 1 FETCH (UID 3 BODY[] {-1}\r\n|a wrong FETCH
	* 1 FETCH (UID 3 BODY[] {}\r\n|a wrong FETCH
	* 1 FETCH (UID 0 BODY[] {1}\r\na)\r\n|a wrong FETCH
	* 1 FETCH (UID 4294967296 BODY[] {1}\r\na)\r\n|a wrong FETCH
	* 1 FETCH (UID -1 BODY[] {1}\r\na)\r\n|a wrong FETCH
	* 1 FETCH (BODY[] {1}\r\na)\r\n|a message without its UID
	* 1 FETCH (UID 3 BODY[] {1}\r\na BODY[] {1}\r\n|two messages in one
	* 1 FETCH (UID 3 BODY[] {1}\r\na BODY[] "b")\r\n|a wrong FETCH
	* 1 FETCH (UID 3 (BODY[] {1}\r\na))\r\n|a wrong FETCH
	* 1 FETCH (UID 3 X " BODY[] {1}\r\na")\r\n|a wrong FETCH
	* 1 FETCH (UID 3 BODY[] {1}\r\na))\r\n|a wrong FETCH
	* 1 FETCH (UID 3 BODY[] "a\r\n|a wrong FETCH
	* 1 FETCH (UID 3 FLAGS (\\Seen)\r\n|a wrong FETCH
	* 1 FETCH UID 3\r\n|a wrong FETCH
	* 1 FETCH (UID 3)\n|a line that does not end in CRLF
	* 1 FETCH (UID\r3)\r\n|a line with NUL or CR in it
	* OK \x00\r\n|a line with NUL or CR in it
	*\r\n|a reply to something else
	* \r\n|an unknown response
	* 5\r\n|an unknown response
	\r\n|a reply to something else
	+ go on\r\n|a reply to something else
	A2 OK\r\n|a reply to something else
	A1OK\r\n|a reply to something else
	a1 OK\r\n|a reply to something else
	A1 FINE\r\n|a reply that is none of OK, NO and BAD
	END
	for text in '* 1 FETCH (UID 3 BODY[] {5}\r\n' '* 1 FETCH (UID 3 BODY[] "x")\r\n'; do
		printf "$text" | "$drv" SELECT >out
		printf 'BROKEN: %s\nwaiting=1 expunged=0 uidplus=0 list-status=0\n' \
			'a message that nothing asked for' | same out
	done
}

@test "wrong numbers of a folder are broken" {
	for text in '* OK [UIDVALIDITY 0]' '* OK [UIDNEXT 4294967296]' \
	    '* OK [UIDNEXT -1]' '* OK [UIDNEXT' '* OK [UIDNEXT 5 6]'; do
		printf '%s\r\n' "$text" | "$drv" SELECT | head -n 1 >out
		echo 'BROKEN: a wrong number' | same out
	done
	for text in '* STATUS' '* STATUS a' '* STATUS a (MESSAGES)' \
	    '* STATUS a (UIDNEXT 0)' '* STATUS a (MESSAGES 1'; do
		printf '%s\r\n\r\n' "$text" | "$drv" STATUS | head -n 1 >out
		echo 'BROKEN: a wrong STATUS' | same out
	done
	for text in '* LIST () "/"' '* LIST () "/" "a' '* LIST (x "/" a'; do
		printf '%s\r\n' "$text" | "$drv" LIST | head -n 1 >out
		echo 'BROKEN: a wrong mailbox' | same out
	done
}

@test "a reply that comes before its command was sent is broken" {
	printf 'A1 OK\r\n' | "$drv" -u SELECT >out
	same out <<-'END'
	BROKEN: a reply that nothing asked for
	waiting=1 expunged=0 uidplus=0 list-status=0
	END
}

@test "so is one that nothing asked for" {
	printf 'A1 OK\r\nA2 OK\r\n' | "$drv" FETCH >out
	same out <<-'END'
	OK FETCH 0: 
	BROKEN: a reply that nothing asked for
	waiting=0 expunged=0 uidplus=0 list-status=0
	END
}

@test "the server's farewell is told, unless it was asked for" {
	printf '* BYE [X] gone\r\n' | "$drv" FETCH >out
	same out <<-'END'
	BYE: [X] gone
	waiting=1 expunged=0 uidplus=0 list-status=0
	END
}

@test "lines, lists in lists and responses without end stay in bounds" {
	{ printf '* OK '; head -c 70000 /dev/zero | tr '\0' x; } | "$drv" FETCH |
		head -n 1 >out
	{ printf '* 1 FETCH (X '; printf '(%.0s' {1..33}; printf '\r\n'; } |
		"$drv" FETCH | head -n 1 >>out
	{ printf '* 1 FETCH (X '; printf '(%.0s' {1..100000}; printf '\r\n'; } |
		"$drv" FETCH | head -n 1 >>out
	same out <<-'END'
	BROKEN: a line that is too long
	BROKEN: a wrong FETCH
	BROKEN: a line that is too long
	END
	# Deep but allowed.
	{ printf '* 1 FETCH (X '; printf '(%.0s' {1..32}; printf ')%.0s' {1..32}
		printf ' UID 2)\r\n'; } | "$drv" FETCH | head -n 1 >out
	echo 'MESSAGE uid=2 flags=' | same out
	yes '* 1 EXISTS' | crlf | head -n 100000 >many
	"$drv" long 60 SELECT <many | tail -n 2 | head -n 1 >out
	echo 'BROKEN: responses without end' | same out
}

@test "names are quoted for a command, and refused where nothing can hold them" {
	printf 'a "b\\c' | "$drv" quote >out
	printf '"a \\"b\\\\c"' | same out
	for text in 'a\r' 'a\nb' '\0'; do
		printf "$text" | exits 1 "$drv" quote >out
	done
}

@test "modified UTF-7 is read one way and written the same" {
	printf '%s\n' INBOX 'Entw&APw-rfe' 'a &- b' '&U,BTFw-/&ZeVnLIqe-' \
		'&2D3eAA-' '&ImIDkQ-.' >names
	"$drv" mutf7 <names >out
	same out <<-'END'
	INBOX
	Entwürfe
	a & b
	台北/日本語
	😀
	≢Α.
	END
	"$drv" utf7 <out | same names
	printf '%s\n' 'a&b' '&' '&AGE-' '&APw' '&APx-' '&APw-&APw-' '&2D0-' \
		'&3gA-' '&2D0AYQ-' '&AP/-' "$(printf '\xc3\xbc')" '&A-' '&AAAA-' |
		"$drv" mutf7 | sort -u >out
	echo none | same out
	printf '%b\n' '\xff' '\xc0\x80' '\xed\xa0\x80' 'a\xc3' |
		"$drv" utf7 | sort -u >out
	echo none | same out
}

@test "a folder's name reaches the disk as one harmless name" {
	"$drv" disk / >out <<-'END'
	INBOX
	inbox
	Sent Mail
	Entw&APw-rfe/2026
	a.b/c
	..
	../../etc
	/
	a//b
	-rf
	100%
	a&AAE-b
	a&AC8-b
	a&AC8
	INBOX/x
	~root
	END
	printf '%b\n' '\xc3\xbc' 'a\x01b' '\x1b[2J' | "$drv" disk / >>out
	same -v out <<-'END'


	.Sent Mail
	.EntwM-CM-<rfe.2026
	.a%2Eb.c
	.%2E%2E
	.%2E%2E.%2E%2E.etc
	.%00.%00
	.a.%00.b
	.%2Drf
	.100%25
	.a%01b
	.%=a%26AC8-b
	.%=a%26AC8
	.INBOX.x
	.~root
	.%=%C3%BC
	.%=a%01b
	.%=%1B[2J
	END
	printf '%s\n' a.b a/b | "$drv" disk . >out
	printf '.a.b\n.a%%2Fb\n' | same out
	for i in 1 2; do printf '%0300d\n' $i; done | "$drv" disk / >out
	sort -u out | awk '{ print length($0), substr($0, 1, 3),
		index($0, "%~") }' >lengths
	printf '255 .00 222\n255 .00 222\n' | same lengths
}

@test "INTERNALDATE is read, in its zone" {
	printf '%s\n' '17-Jul-1996 02:44:25 -0700' ' 7-nov-2026 03:28:20 +0130' \
		'7-Nov-2026 03:28:20 +0000' >in
	"$drv" date <in >out
	printf '837596665\n1794016700\n1794022100\n' | same out
	printf '%s\n' '' '17-Jul-1996' '32-Jul-1996 02:44:25 -0700' \
		'17-Foo-1996 02:44:25 -0700' '17-Jul-1996 24:44:25 -0700' \
		'17-Jul-1996 02:44:25' '17-Jul-1996 02:44:25 -0700x' \
		'17-Jul-1900 02:44:25 -0700' '17-Jul-99999 02:44:25 -0700' \
		'17-Jul-1996 02:44:25 0700' |
		"$drv" date | sort -u >out
	echo none | same out
}

@test "ranges join, split and are counted" {
	"$drv" ranges >out <<-'END'
	add 5
	add 7:9
	add 1
	add 6
	add 20:30
	remove 25
	remove 25
	remove 8
	add 0
	add 9:8
	add 4294967296
	add 4294967294:4294967295
	END
	same out <<-'END'
	removed
	absent
	removed
	none
	none
	none
	1:1 5:7 9:9 20:24 26:30 4294967294:4294967295 count=17 gap=2
	END
	printf '%s\n' 'add 3:8' 'add 1:4' 'add 10:12' 'cut 11' | "$drv" ranges >out
	printf '10 cut\n12:12 count=1 gap=1\n' | same out
	echo 'add 1:4294967295' | "$drv" ranges >out
	echo '1:4294967295 count=4294967295 gap=0' | same out
}
