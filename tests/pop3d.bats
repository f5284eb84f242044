#!/usr/bin/env bats
# The POP3 server's dialogue as octets in, events out.
load lib

setup() {
	sandbox
	pop3d=$BUILD/drv/pop3d
}

# talk [PIECE [WORD...]] < dialogue with LF: what the driver printed, as LF.
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
	SASL PLAIN
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

@test "SASL PLAIN: with the command, behind a challenge, cancelled, and wrong" {
	printf '%s\n' AUTH 'AUTH LOGIN' 'AUTH PLAIN *' 'AUTH PLAIN ' 'AUTH PLAIN =' \
		'AUTH PLAIN AHgAeQ==x' 'AUTH plain' '*' 'AUTH PLAIN' 'QUIT' \
		'AUTH PLAIN' 'AG1lAHdyb25n' 'PASS secret' 'USER me' \
		'AUTH PLAIN AG1lAHdyb25n' 'PASS secret' \
		'AUTH PLAIN bWUAbWUAc2VjcmV0' 'AUTH PLAIN' STAT |
		talk 0 clear >got
	same -v got <<-'END'
	-ERR wrong arguments
	-ERR unknown mechanism
	-ERR cancelled
	-ERR wrong response
	-ERR wrong response
	-ERR wrong response
	+ 
	-ERR cancelled
	+ 
	-ERR wrong response
	+ 
	| LOGIN <me> <wrong>
	-ERR [AUTH] wrong password
	-ERR not in this state
	+OK
	| LOGIN <me> <wrong>
	-ERR [AUTH] wrong password
	-ERR not in this state
	| LOGIN <me> <secret>
	+OK
	-ERR not in this state
	| STAT
	WAITING
	END
}

@test "a SASL response has 2,048 octets, a command 255" {
	local n long
	long=$(head -c 3000 /dev/zero | tr '\0' A)
	for n in 2046 2047 5000; do
		printf 'AUTH PLAIN\n%s\nNOOP\n' "${long:0:n}" | talk 0 clear
		printf 'AUTH PLAIN\n%s\nNOOP\n' "${long:0:n}" | talk 100 clear
	done | sort | uniq -c >got
	# 512 and 252 octets: a name as long as it may be, and an initial response
	name=$(printf 'x%.0s' {1..250})
	printf 'AUTH PLAIN\n%s\n' \
		"$(printf '%s\0%s\0%s' "$name" "$name" "$name" | base64 -w 0)" |
		talk 0 clear | tail -n 3 | cut -c 1-20 >>got
	printf 'AUTH PLAIN %s\n' "${long:0:242}" | talk 0 clear >>got
	printf 'AUTH PLAIN %s\n' "${long:0:243}" | talk 0 clear >>got
	same -v got <<-'END'
	      6 + 
	      6 -ERR not in this state
	      6 -ERR wrong response
	      6 WAITING
	| LOGIN <xxxxxxxxxxx
	-ERR [AUTH] wrong pa
	WAITING
	-ERR wrong response
	WAITING
	-ERR unknown command
	WAITING
	END
}

@test "STLS: what was said before it is forgotten, what was sent behind it dropped" {
	printf '%s\n' CAPA 'AUTH PLAIN AG1lAHNlY3JldA==' 'STLS now' STLS CAPA \
		'USER evil' HANDSHAKE 'PASS secret' CAPA STLS 'USER me' \
		'PASS secret' STLS CAPA QUIT | talk 0 stls >got
	same got <<-'END'
	+OK
	TOP
	UIDL
	STLS
	RESP-CODES
	AUTH-RESP-CODE
	PIPELINING
	EXPIRE NEVER
	.
	-ERR a login needs TLS here
	-ERR wrong arguments
	| STLS
	+OK
	-ERR not in this state
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
	-ERR TLS is there already
	+OK
	| LOGIN <me> <secret>
	+OK
	-ERR not in this state
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
	| UPDATE
	+OK bye
	CLOSED
	END
	printf '%s\n' 'USER me' STLS HANDSHAKE 'PASS secret' |
		talk 0 clear stls | tail -n 2 >got
	printf -- '-ERR not in this state\nWAITING\n' | same got
}

@test "STLS where there is none, or none just now" {
	printf '%s\n' STLS NOOP | talk 0 clear >got
	printf '%s\n' STLS 'USER me' 'PASS secret' | talk 0 clear stls notls >>got
	same got <<-'END'
	-ERR there is no TLS here
	-ERR not in this state
	WAITING
	| STLS
	-ERR [SYS/TEMP] TLS is not available just now
	+OK
	| LOGIN <me> <secret>
	+OK
	WAITING
	END
}

@test "a login that is handed on is the last that is said, and trouble counts" {
	printf '%s\n' 'USER trouble' 'PASS x' 'USER handed' 'PASS secret' NOOP |
		talk 0 clear >got
	printf 'USER trouble\nPASS x\n%.0s' 1 2 3 4 | talk 0 clear >>got
	printf 'STAT\nUSER x\n' | crlf | "$pop3d" 0 resume | tr -d '\r' >>got
	same got <<-'END'
	+OK
	| LOGIN <trouble> <x>
	-ERR [SYS/TEMP] no login just now
	+OK
	| LOGIN <handed> <secret>
	CLOSED
	+OK
	| LOGIN <trouble> <x>
	-ERR [SYS/TEMP] no login just now
	+OK
	| LOGIN <trouble> <x>
	-ERR [SYS/TEMP] no login just now
	+OK
	| LOGIN <trouble> <x>
	-ERR [SYS/TEMP] no login just now
	CLOSED
	+OK
	| STAT
	-ERR not in this state
	WAITING
	END
}
