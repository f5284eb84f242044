#!/usr/bin/env bats
# The POP3 server's dialogue as octets in, events out.
load lib

setup() {
	sandbox
	pop3d=$BUILD/drv/pop3d
}

# talk [PIECE [clear]] < dialogue with LF: what the driver printed, as LF.
talk() {
	crlf | "$pop3d" "${@:-0}" | tr -d '\r' | tail -n +2
}

login='USER me\nPASS secret\n'

@test "a session: each command becomes an event or is answered" {
	printf '%s\n' CAPA 'USER me' 'pass secret' STAT LIST 'LIST 1' 'UIDL 2' \
		UIDL 'RETR 1' 'RETR 2' 'TOP 1 5' NOOP 'DELE 1' RSET QUIT STAT |
		talk 0 clear >got
	same got <<-'END'
	+OK
	TOP
	UIDL
	USER
	RESP-CODES
	AUTH-RESP-CODE
	PIPELINING
	EXPIRE NEVER
	.
	+OK
	| LOGIN <me> <secret>
	+OK
	| STAT
	| LIST all
	| LIST 1
	| UIDL 2
	| UIDL all
	| RETR 1
	| RETR 2
	-ERR [SYS/TEMP] the message cannot be read
	| RETR 1 5
	+OK
	| DELE 1
	+OK
	| RSET
	+OK
	| UPDATE
	+OK bye
	CLOSED
	END
}

@test "numbers that are none are no message's" {
	for number in 0 -1 +1 x '1 ' 3 1000001 18446744073709551617; do
		printf "${login}DELE %s\n" "$number" | talk 0 clear |
			tail -n 2 | head -n 1
	done | uniq >got
	echo '-ERR no such message' | same got
}

@test "the events do not depend on how the octets were cut" {
	{
		printf "STAT\n${login}TOP 2 1\nFOO\nPASS x\n"
		printf '%0300d\nLIST\nDELE 2\nQUIT\nSTAT\n' 1
	} | crlf >in
	"$pop3d" 0 clear <in >whole
	for piece in 1 2 3 7 254 255 256 300; do
		"$pop3d" $piece clear <in >got
		same got <whole
	done
	tail -n 3 whole | tr -d '\r' >got
	same got <<-'END'
	| UPDATE
	-ERR [SYS/TEMP] some messages are not removed
	CLOSED
	END
}

@test "without TLS neither name nor password becomes an event" {
	printf '%b' "$login" | talk 0 >got
	same got <<-'END'
	-ERR a login needs TLS here
	-ERR a login needs TLS here
	WAITING
	END
}

@test "a password belongs to the name right before it, and three are enough" {
	printf '%s\n' 'PASS secret' 'USER a' 'PASS x' 'PASS secret' 'USER busy' \
		'PASS secret' STAT 'USER b' 'PASS y' 'USER c' 'PASS  z ' NOOP |
		talk 0 clear >got
	same got <<-'END'
	-ERR not in this state
	+OK
	| LOGIN <a> <x>
	-ERR [AUTH] wrong password
	-ERR not in this state
	+OK
	| LOGIN <busy> <secret>
	-ERR [IN-USE] another session has the mailbox
	-ERR not in this state
	+OK
	| LOGIN <b> <y>
	-ERR [AUTH] wrong password
	+OK
	| LOGIN <c> < z >
	-ERR [AUTH] wrong password
	CLOSED
	END
}

@test "a reply that was cut is the last" {
	printf 'USER cut\nPASS secret\nRETR 1\nNOOP\n' | talk 0 clear | tail -n 3 >got
	printf '+OK\n| RETR 1\nCLOSED\n' | same got
}

@test "twenty lines that are no command end it, and no part of a long one is any" {
	long=$(printf %0300d 1)
	{ printf '%s\n' {1..18} "${long}QUIT" FOO; echo QUIT; } | talk >got
	{ yes -- '-ERR unknown command' | head -20; echo CLOSED; } | same got
	printf 'CAPA' | "$pop3d" 0 | tail -n 1 >got
	echo WAITING | same got
}
