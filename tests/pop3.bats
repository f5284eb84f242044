#!/usr/bin/env bats
# The POP3 engine of the client, and the command lines of the server.
# shellcheck disable=SC2010,SC2012,SC2059 # plain names; formats of our own
load lib

setup() {
	sandbox
	drv=$BUILD/drv/pop3
}

@test "capabilities, a listing, a message and a farewell are told apart" {
	crlf >in <<-'END'
	+OK here
	TOP
	pipelining
	UIDL
	EXPIRE 5
	.
	+OK
	1 abc
	3  x{y}z 
	..9
	END
	exits 0 "$drv" CAPA UIDL <in >out
	same out <<-'END'
	OK CAPA 0: here
	END CAPA 0
	OK UIDL 0
	ITEM UIDL 0 item=1: abc
	ITEM UIDL 0 item=3: x{y}z
	BROKEN: a listing with a wrong message number
	waiting=1 pipelining=1 uidl=1 top=1
	END
	printf '+OK\r\na: b\r\n\r\n..dot\r\n.x\r\n.\r\n-ERR [IN-USE] no\r\n+OK bye\r\n' |
		"$drv" RETR:7 DELE:8 QUIT >out
	same out <<-'END'
	OK RETR 7
	a: b

	.dot
	x
	END RETR 7
	ERR DELE 8 code=IN-USE: [IN-USE] no
	OK QUIT 0: bye
	waiting=0 pipelining=0 uidl=0 top=0
	END
}

@test "events do not depend on how the octets were cut" {
	printf '+OK\r\nUIDL\r\n.\r\n+OK\r\n1 a\r\n2 b\r\n.\r\n+OK x\r\na\r\n..\r\n\r\n.\r\n+OK\r\n.\r\n-ERR\r\n+OK\r\n' >in
	"$drv" splits CAPA UIDL RETR:1 RETR:2 DELE:1 QUIT <in >out
	echo "same for $(($(wc -c <in) + 1)) cuts" | same out
	"$drv" CAPA UIDL RETR:1 RETR:2 DELE:1 QUIT <in >whole
	"$drv" -1 CAPA UIDL RETR:1 RETR:2 DELE:1 QUIT <in >single
	same single <whole
}

@test "only CRLF.CRLF ends a message" {
	for end in '\n.\n' '\r.\r' '\n.\r\n' '\r\n.\n' '\r\n.\r' '\r\r\n.\r\r\n' \
	    '\r\n.\0\r\n' '\r\n..\r\n' '\r\n. \r\n'; do
		printf "+OK\r\nx${end}MAIL" | "$drv" RETR:1 >out
		printf 'OK RETR 1\nwaiting=1 pipelining=0 uidl=0 top=0\n' |
			same out
	done
}

@test "an odd message comes out octet for octet" {
	printf '+OK\r\n\n.\nx\ry\r\r\n..\r\n.\0\xff\r\n.\r\n' | "$drv" RETR:1 >out
	printf 'OK RETR 1\n\n.\nx\ry\r\n.\n\0\xff\nEND RETR 1\nwaiting=0 pipelining=0 uidl=0 top=0\n' |
		same out
}

broken() { # broken REASON ASKED... < input
	local why=$1
	shift
	"$drv" "$@" | grep '^BROKEN' >out
	echo "BROKEN: $why" | same out
}

@test "replies that nobody asked for, and those that come too early, are refused" {
	printf '+OK\r\n' | broken 'a reply that nothing asked for'
	printf '+OK\r\n+OK\r\n' | broken 'a reply that nothing asked for' QUIT
	printf '+OK\r\n' | broken 'a reply that nothing asked for' -u RETR:1
}

@test "what is no reply is refused" {
	for bad in 'hello\r\n' '+O\r\n' '+OKAY\r\n' '-ERRx\r\n' ' +OK\r\n' '\r\n'; do
		printf -- "$bad" | broken 'a reply that is neither +OK nor -ERR' QUIT
	done
	printf '+OK\n' | broken 'a line that does not end in CRLF' QUIT
	printf '+OK \0\r\n' | broken 'a line with NUL or CR in it' QUIT
	printf '+OK \rx\r\n' | broken 'a line with NUL or CR in it' QUIT
}

@test "lines and listings are bounded" {
	{ printf '+OK '; head -c 3000 /dev/zero | tr '\0' x; } |
		broken 'a line that is too long' QUIT
	{ printf '+OK\r\n1 '; head -c 100000 /dev/zero | tr '\0' x; } |
		broken 'a line that is too long' UIDL
	for item in '0 a' '-1 a' '1000001 a' '18446744073709551617 a' 'a b' ''; do
		printf '+OK\r\n%s\r\n' "$item" |
			broken 'a listing with a wrong message number' UIDL
	done
	printf '+OK\r\n1 a\r\n1 b\r\n' |
		broken 'a listing with a wrong message number' UIDL
	{ printf '+OK\r\n'; yes X | head -1001 | crlf; } |
		broken 'a list of capabilities without end' CAPA
}

@test "a listing gives the text behind the number, whatever it is" {
	printf '+OK\r\n1\r\n2 18446744073709551615\r\n3 ../../x\r\n4 a b\r\n.\r\n' |
		"$drv" LIST >out
	same out <<-'END'
	OK LIST 0
	ITEM LIST 0 item=1
	ITEM LIST 0 item=2: 18446744073709551615
	ITEM LIST 0 item=3: ../../x
	ITEM LIST 0 item=4: a b
	END LIST 0
	waiting=0 pipelining=0 uidl=0 top=0
	END
}

@test "command lines are taken apart" {
	{
		printf 'quit\r\nSTAT\nRETR 1\r\nTOP 1 2\r\nPASS  a b \r\n'
		printf 'VERYLONGVERB x\r\n \r\n\r\nUSER a\tb\r\n'
		printf 'USER a\0b\r\nUSER a\rb\r\nUSER \033\r\nUSER \303\251\r\n'
		printf 'USER %0248d\r\nUSER %0249d\r\nNOOP' 1 1
	} | "$drv" command >out
	same out <<-END
	<QUIT> <->
	<STAT> <->
	<RETR> <1>
	<TOP> <1 2>
	<PASS> < a b >
	<> <x>
	<> <>
	<> <->
	<USER> <a	b>
	none
	none
	none
	<USER> <é>
	<USER> <$(printf %0248d 1)>
	none
	none
	END
}

@test "TOP is the header, the empty line and some lines of the body" {
	printf 'a: b\n c\n\n1\n2\n' >m
	"$drv" top 0 <m >out
	printf 'a: b\n c\n\n|1\n' | same out
	"$drv" top 1 <m >out
	printf 'a: b\n c\n\n1\n|1\n' | same out
	"$drv" top 9 <m >out
	printf 'a: b\n c\n\n1\n2\n|1\n' | same out
	printf 'a: b\r\n\r\n1\r\n\r\n3' | "$drv" top 2 >out
	printf 'a: b\r\n\r\n1\r\n\r\n|1\n' | same out
	printf 'only: fields' | "$drv" top 2 >out
	printf 'only: fields|1\n' | same out
}
