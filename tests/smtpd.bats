#!/usr/bin/env bats
# The server's dialogue as bytes in, events out: lib/smtpd and lib/command.

load lib

setup() {
	sandbox
	smtpd=$BUILD/drv/smtpd
}

pieces=0,1,2,3,5,7,17,64

# talk [PIECES [FLAG...]] < dialogue with LF: what the driver printed, as LF.
talk() {
	"$smtpd" "${1:-0}" plain "${@:2}"
}

@test "a session greets, answers each verb and says goodbye" {
	talk >got <<-'EOF'
		HELO client.example
		NOOP
		noop with words
		RSET
		VRFY someone
		HELP
		EHLO client.example
		QUIT
	EOF
	same got <<-'EOF'
		250 mx.example
		250 2.0.0 OK
		250 2.0.0 OK
		250 2.0.0 Reset
		252 2.1.5 Send mail to find out
		214 2.0.0 HELO EHLO MAIL RCPT DATA BDAT RSET NOOP QUIT VRFY HELP
		250-mx.example
		250-PIPELINING
		250-SIZE 200
		250-8BITMIME
		250-SMTPUTF8
		250-CHUNKING
		250 ENHANCEDSTATUSCODES
		221 2.0.0 Bye
		CLOSED
	EOF
}

transaction() {
	cat <<-'EOF'
		EHLO me
		MAIL FROM:<a@b.example> SIZE=20 BODY=8BITMIME
		RCPT TO:<c@d.example>
		RCPT TO:<no-one@d.example>
		DATA
		Subject: x

		..dot
		.
		MAIL FROM:<>
		RCPT TO:<@r.example:"q u"@[192.0.2.1]>
		RCPT TO:<Postmaster>
		RCPT TO:<third@d.example>
		DATA
		.
		QUIT
	EOF
}

transcript() {
	cat <<-'EOF'
		250-mx.example
		250-PIPELINING
		250-SIZE 200
		250-8BITMIME
		250-SMTPUTF8
		250-CHUNKING
		250 ENHANCEDSTATUSCODES
		MAIL <a@b.example> BODY=8BITMIME
		250 2.1.0 sender
		RCPT <c@d.example>
		250 2.1.5 recipient
		RCPT <no-one@d.example>
		550 5.1.1 no
		DATA
		354 go
		| Subject: x
		| 
		| .dot
		END 17
		250 2.0.0 message
		MAIL <>
		250 2.1.0 sender
		RCPT <@r.example:"q u"@[192.0.2.1]>
		250 2.1.5 recipient
		RCPT <Postmaster>
		250 2.1.5 recipient
		452 4.5.3 Too many recipients
		DATA
		354 go
		END 0
		250 2.0.0 message
		221 2.0.0 Bye
		CLOSED
	EOF
}

@test "messages pass with their dots, the empty one too, and recipients are counted" {
	transaction | talk >got
	transcript | same got
}

@test "in pieces of any length a dialogue is the same as in one" {
	transaction | talk "$pieces" >got
	transcript | same got
}

@test "commands out of order are refused and change nothing" {
	talk >got <<-'EOF'
		MAIL FROM:<a@b.example>
		RCPT TO:<c@d.example>
		DATA
		HELO me
		RCPT TO:<c@d.example>
		DATA
		MAIL FROM:<a@b.example>
		MAIL FROM:<a@b.example>
		DATA
		RCPT TO:<no-one@d.example>
		DATA
		HELO me
		RCPT TO:<c@d.example>
	EOF
	same got <<-'EOF'
		503 5.5.1 Send EHLO or HELO first
		503 5.5.1 Send MAIL first
		503 5.5.1 Send MAIL first
		250 mx.example
		503 5.5.1 Send MAIL first
		503 5.5.1 Send MAIL first
		MAIL <a@b.example>
		250 2.1.0 sender
		503 5.5.1 There is a sender already
		503 5.5.1 Send RCPT first
		RCPT <no-one@d.example>
		550 5.1.1 no
		554 5.5.1 No valid recipients
		250 mx.example
		503 5.5.1 Send MAIL first
		WAITING
	EOF
}

@test "arguments that are missing, superfluous or unknown have their replies" {
	talk >got <<-'EOF'
		EHLO
		HELO
		VRFY
		RSET now
		DATA now
		QUIT now
		EXPN list
		expn
		GET / HTTP/1.1

		MAILFROM:<a@b.example>
	EOF
	same got <<-'EOF'
		501 5.5.4 A host name is missing
		501 5.5.4 A host name is missing
		501 5.5.4 An argument is missing
		501 5.5.4 No argument is allowed
		501 5.5.4 No argument is allowed
		501 5.5.4 No argument is allowed
		502 5.5.1 There is no EXPN here
		502 5.5.1 There is no EXPN here
		500 5.5.2 Unknown command
		500 5.5.2 Unknown command
		500 5.5.2 Unknown command
		WAITING
	EOF
}

@test "blanks are tolerated behind the verb, the colon and the command" {
	printf '%s\n' 'ehlo  me ' 'mail  from: <a@b.example>  ' \
		'rcpt To: <c@d.example> ' 'noop ' | talk | tail -n 6 >got
	same got <<-'EOF'
		MAIL <a@b.example>
		250 2.1.0 sender
		RCPT <c@d.example>
		250 2.1.5 recipient
		250 2.0.0 OK
		WAITING
	EOF
}

# mail_replies < arguments of MAIL: the reply to each in a session of its own.
mail_replies() {
	while IFS= read -r line; do
		printf 'EHLO me\nMAIL %s\n' "$line" | talk |
			sed '1,/^250 E/d;s/^MAIL.*/accepted/;q'
	done
}

@test "a sender's syntax and parameters are checked exactly" {
	mail_replies >got <<-'EOF'
		FROM:<a@b.example> SIZE=200
		FROM:<a@b.example> SIZE=201
		FROM:<a@b.example> SIZE=18446744073709551615
		FROM:<a@b.example> SIZE=18446744073709551616
		FROM:<a@b.example> SIZE=00000000000000000000001
		FROM:<a@b.example> SIZE=-1
		FROM:<a@b.example> SIZE=
		FROM:<a@b.example> SIZE
		FROM:<a@b.example> SIZE=1 size=1
		FROM:<a@b.example> BODY=7bit BODY=7bit
		FROM:<a@b.example> BODY=BINARYMIME
		FROM:<a@b.example> AUTH=<>
		FROM:<a@b.example> AUTH=+3C+3E
		FROM:<a@b.example> AUTH=e+3Dmc2@example.com
		FROM:<a@b.example> auth=user
		FROM:<a@b.example> AUTH=
		FROM:<a@b.example> AUTH=<> AUTH=<>
		FROM:<a@b.example> AUTH=a@b.example+0A
		FROM:<a@b.example> AUTH=+0D+0A@b.example
		FROM:<a@b.example> AUTH=a+00@b.example
		FROM:<a@b.example> AUTH=a+3d@b.example
		FROM:<a@b.example> AUTH=a+4
		FROM:<a@b.example> AUTH=a=b@c.example
		FROM:<a@b.example> AUTH=<a@b.example>
		FROM:<a@b.example> AUTH=+22a+20b+22@c.example
		FROM:<a@b.example> =1
		FROM:<a@b.example>  SIZE=1
		FROM:<a@b.example>SIZE=1
		FROM:a@b.example
		FROM <a@b.example>
		FROM:  <a@b.example>
		FROM:<a@b.example
		FROM:<a b@c.example>
		FROM:<a@b@c.example>
		FROM:<a>
		FROM:<a@b.example>>
		TO:<a@b.example>
	EOF
	same got <<-'EOF'
		accepted
		552 5.3.4 Message is too big
		552 5.3.4 Message is too big
		501 5.5.4 Bad parameter
		501 5.5.4 Bad parameter
		501 5.5.4 Bad parameter
		501 5.5.4 Bad parameter
		501 5.5.4 Bad parameter
		501 5.5.4 Bad parameter
		501 5.5.4 Bad parameter
		501 5.5.4 Bad parameter
		accepted
		accepted
		accepted
		accepted
		501 5.5.4 Bad parameter
		501 5.5.4 Bad parameter
		501 5.5.4 Bad parameter
		501 5.5.4 Bad parameter
		501 5.5.4 Bad parameter
		501 5.5.4 Bad parameter
		501 5.5.4 Bad parameter
		501 5.5.4 Bad parameter
		501 5.5.4 Bad parameter
		accepted
		501 5.5.4 Bad parameter
		501 5.5.4 Bad parameter
		501 5.5.4 A blank must follow the path
		501 5.1.7 Bad sender address syntax
		501 5.5.4 Syntax: MAIL FROM:<address>
		501 5.1.7 Bad sender address syntax
		501 5.1.7 Bad sender address syntax
		501 5.1.7 Bad sender address syntax
		501 5.1.7 Bad sender address syntax
		501 5.1.7 Bad sender address syntax
		501 5.5.4 A blank must follow the path
		501 5.5.4 Syntax: MAIL FROM:<address>
	EOF
}

@test "a recipient's syntax and parameters are checked exactly" {
	talk >got <<-'EOF'
		EHLO me
		MAIL FROM:<a@b.example>
		RCPT TO:<>
		RCPT TO:<user>
		RCPT TO:c@d.example
		RCPT TO:<c@d.example> NOTIFY=NEVER
		RCPT TO:<c@d.example> NOTIFY=x
		RCPT TO:<c@d.example> x
		RCPT FROM:<c@d.example>
	EOF
	tail -n 10 got >last
	same last <<-'EOF'
		MAIL <a@b.example>
		250 2.1.0 sender
		501 5.1.3 Bad recipient address syntax
		501 5.1.3 Bad recipient address syntax
		501 5.1.3 Bad recipient address syntax
		555 5.5.4 Unknown parameter
		501 5.5.4 Bad parameter
		555 5.5.4 Unknown parameter
		501 5.5.4 Syntax: RCPT TO:<address>
		WAITING
	EOF
}

@test "UTF-8 is in paths where MAIL said SMTPUTF8, and in VRFY that says it itself" {
	talk >got <<-'EOF'
		EHLO me
		MAIL FROM:<jörg@b.example>
		MAIL FROM:<jörg@b.example> SMTPUTF8=1
		MAIL FROM:<jörg@b.example> SMTPUTF8 SMTPUTF8
		MAIL FROM:<a@b.example>
		RCPT TO:<"bücher "@d.example>
		RSET
		MAIL FROM:<jörg@bücher.example> smtputf8
		RCPT TO:<"bücher "@d.example>
		RCPT TO:<用户@例子.example>
		RSET
		MAIL FROM:<> SMTPUTF8
		VRFY jörg
		VRFY jörg SMTPUTF8
		VRFY smtputf8
	EOF
	sed -i '1,/^250 E/d' got
	same got <<-'EOF'
		553 5.6.7 Non-ASCII address without SMTPUTF8
		501 5.5.4 Bad parameter
		501 5.5.4 Bad parameter
		MAIL <a@b.example>
		250 2.1.0 sender
		553 5.6.7 Non-ASCII address without SMTPUTF8
		250 2.0.0 Reset
		MAIL <jörg@bücher.example> SMTPUTF8
		250 2.1.0 sender
		RCPT <"bücher "@d.example>
		250 2.1.5 recipient
		RCPT <用户@例子.example>
		250 2.1.5 recipient
		250 2.0.0 Reset
		MAIL <> SMTPUTF8
		250 2.1.0 sender
		553 5.6.7 Non-ASCII address without SMTPUTF8
		252 2.1.5 Send mail to find out
		252 2.1.5 Send mail to find out
		WAITING
	EOF
	printf 'EHLO me\nMAIL FROM:<%b@b.example> SMTPUTF8\n' '\xff' | talk |
		tail -n 2 >got
	printf 'EHLO me\nMAIL FROM:<%b@b.example> SMTPUTF8\n' '\xc2\x85' | talk |
		tail -n 2 >>got
	same got <<-'EOF'
		501 5.1.7 Bad sender address syntax
		WAITING
		501 5.1.7 Bad sender address syntax
		WAITING
	EOF
}

# notices < "MAIL params" or "RCPT params": the reply to each where DSN is offered.
notices() {
	while read -r verb line; do
		{
			echo 'EHLO me'
			if [ "$verb" = MAIL ]; then
				echo "MAIL FROM:<a@b.example> $line"
			else
				echo "MAIL FROM:<a@b.example>${utf8:+ SMTPUTF8}"
				echo "RCPT TO:<c@d.example> $line"
			fi
		} | talk 0 dsn | tail -n 3 | sed -n "/^$verb/p;/^5/p"
	done
}

@test "the parameters of DSN are checked, and kept as they were said" {
	notices >got <<-EOF
		MAIL RET=FULL ENVID=QQ314159
		MAIL ret=hdrs BODY=8BITMIME
		MAIL RET=HDRS RET=HDRS
		MAIL RET=BODY
		MAIL RET
		MAIL ENVID=a+2Bb+3D+20c
		MAIL ENVID=$(printf '%0100d' 0)
		MAIL ENVID=$(printf '%0101d' 0)
		MAIL ENVID=a ENVID=a
		MAIL ENVID=a+0Ab
		MAIL ENVID=a+0D+0AX:y
		MAIL ENVID=a+7F
		MAIL ENVID=a+C3+A4
		MAIL ENVID=ä
		MAIL ENVID=a=b
		MAIL ENVID=a+2
		MAIL NOTIFY=NEVER
		RCPT NOTIFY=NEVER
		RCPT notify=delay,FAILURE,success ORCPT=rfc822;d+40@e.example
		RCPT NOTIFY=NEVER,SUCCESS
		RCPT NOTIFY=SUCCESS,SUCCESS
		RCPT NOTIFY=SUCCESS,
		RCPT NOTIFY=,SUCCESS
		RCPT NOTIFY=SOMETIMES
		RCPT NOTIFY=NEVER NOTIFY=NEVER
		RCPT ORCPT=rfc822;$(printf '%0493d' 0)
		RCPT ORCPT=rfc822;$(printf '%0494d' 0)
		RCPT ORCPT=rfc822
		RCPT ORCPT=rfc822;
		RCPT ORCPT=;a@b
		RCPT ORCPT=r/c;a@b
		RCPT ORCPT=rfc822;a+0Ab
		RCPT ORCPT=rfc822;ä@b
		RCPT ORCPT=rfc822;a ORCPT=rfc822;a
		RCPT ORCPT=utf-8;ä@b
		RCPT RET=FULL
	EOF
	utf8=1 notices >>got <<<'RCPT ORCPT=utf-8;ä@b'
	sed -E 's/0{400,}/000/; s/0{80,}/00/' got >short
	bad='501 5.5.4 Bad parameter'
	same short <<-EOF
		MAIL <a@b.example> RET=FULL ENVID=QQ314159
		MAIL <a@b.example> BODY=8BITMIME RET=HDRS
		$bad
		$bad
		$bad
		MAIL <a@b.example> ENVID=a+2Bb+3D+20c
		MAIL <a@b.example> ENVID=00
		$bad
		$bad
		$bad
		$bad
		$bad
		$bad
		$bad
		$bad
		$bad
		555 5.5.4 Unknown parameter
		RCPT <c@d.example> NOTIFY=NEVER
		RCPT <c@d.example> NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;d+40@e.example
		$bad
		$bad
		$bad
		$bad
		$bad
		$bad
		RCPT <c@d.example> ORCPT=rfc822;000
		$bad
		$bad
		$bad
		$bad
		$bad
		$bad
		$bad
		$bad
		553 5.6.7 Non-ASCII address without SMTPUTF8
		555 5.5.4 Unknown parameter
		RCPT <c@d.example> ORCPT=utf-8;ä@b
	EOF
}

@test "DSN is taken where it is offered alone" {
	printf 'EHLO me\n' | talk 0 dsn >got
	same got <<-'EOF'
		250-mx.example
		250-PIPELINING
		250-SIZE 200
		250-8BITMIME
		250-SMTPUTF8
		250-CHUNKING
		250-DSN
		250 ENHANCEDSTATUSCODES
		WAITING
	EOF
	printf '%s\n' 'EHLO me' 'MAIL FROM:<a@b> RET=FULL' 'MAIL FROM:<a@b> ENVID=x' \
		'MAIL FROM:<a@b>' 'RCPT TO:<c@d> NOTIFY=NEVER' \
		'RCPT TO:<c@d> ORCPT=rfc822;c@d' | talk | grep -c ^555 >got
	same got <<<4
}

@test "over LMTP each recipient has a reply, behind data as behind the last chunk" {
	{
		printf '%s\r\n' 'EHLO me' 'HELO me' 'MAIL FROM:<a@b>' 'LHLO me' HELP \
			'MAIL FROM:<a@b>' DATA 'RCPT TO:<no-one@d>' DATA \
			'RCPT TO:<c@d>' 'RCPT TO:<e@d>' 'RCPT TO:<f@d>' DATA text . \
			'MAIL FROM:<a@b>' 'RCPT TO:<c@d>' 'RCPT TO:<e@d>' 'BDAT 3'
		printf 'a\nbBDAT 1 LAST\r\ncMAIL FROM:<a@b>\r\n'
		printf '%s\r\n' 'RCPT TO:<c@d>' 'RCPT TO:<e@d>' 'BDAT 1 LAST'
		printf 'aMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\na\rb\r\n.\r\n'
		printf 'QUIT\r\n'
	} >in
	"$smtpd" "$pieces" lmtp <in | tr -d '\r' >got
	same got <<-'EOF'
		220 mx.example LMTP mailpipe
		500 5.5.1 This is LMTP: say LHLO
		500 5.5.1 This is LMTP: say LHLO
		503 5.5.1 Send LHLO first
		250-mx.example
		250-PIPELINING
		250-SIZE 200
		250-8BITMIME
		250-SMTPUTF8
		250-CHUNKING
		250 ENHANCEDSTATUSCODES
		214 2.0.0 LHLO MAIL RCPT DATA BDAT RSET NOOP QUIT VRFY HELP
		MAIL <a@b>
		250 2.1.0 sender
		503 5.5.1 Send RCPT first
		RCPT <no-one@d>
		550 5.1.1 no
		503 5.5.1 No valid recipients
		RCPT <c@d>
		250 2.1.5 recipient
		RCPT <e@d>
		250 2.1.5 recipient
		452 4.5.3 Too many recipients
		DATA
		354 go
		| text
		END 5
		250 2.0.0 message
		END 5
		451 4.3.0 later
		MAIL <a@b>
		250 2.1.0 sender
		RCPT <c@d>
		250 2.1.5 recipient
		RCPT <e@d>
		250 2.1.5 recipient
		DATA
		SPOILED
		550 5.5.2 Bare CR or LF in message; lines end in CRLF
		CHUNK
		550 5.5.2 Bare CR or LF in message; lines end in CRLF
		550 5.5.2 Bare CR or LF in message; lines end in CRLF
		MAIL <a@b>
		250 2.1.0 sender
		RCPT <c@d>
		250 2.1.5 recipient
		RCPT <e@d>
		250 2.1.5 recipient
		DATA
		| aEND 1
		250 2.0.0 message
		END 1
		451 4.3.0 later
		MAIL <a@b>
		250 2.1.0 sender
		RCPT <c@d>
		250 2.1.5 recipient
		DATA
		354 go
		SPOILED
		550 5.5.2 Bare CR or LF in message; lines end in CRLF
		221 2.0.0 Bye
		CLOSED
	EOF
	printf 'LHLO me\nHELO me\n' | talk >got
	same got <<-'EOF'
		500 5.5.1 This is SMTP: say EHLO
		250 mx.example
		WAITING
	EOF
}

@test "control characters make no command, and NUL ends none" {
	printf 'NOOP\0\r\nNO\tOP\r\nNOOP\r\r\nHELO \033[2J\r\nNOOP\n' |
		"$smtpd" 0 | sed 's/\r//g; 1d' >got
	same got <<-'EOF'
		500 5.5.2 Control character in command
		500 5.5.2 Control character in command
		500 5.5.2 Control character in command
		500 5.5.2 Control character in command
		250 2.0.0 OK
		WAITING
	EOF
}

@test "a line over 2,048 octets is thrown away whole, wherever it is cut" {
	{
		printf 'NOOP %02041d\r\n' 0
		printf 'NOOP %02042d\r\n' 0
		printf 'NOOP %05000d' 0
		printf 'QUIT\r\nNOOP\r\n'
	} >in
	"$smtpd" 0,1,5,2048 <in | sed 's/\r//g; 1d' >got
	same got <<-'EOF'
		250 2.0.0 OK
		500 5.5.2 Line too long
		500 5.5.2 Line too long
		250 2.0.0 OK
		WAITING
	EOF
}

@test "after 20 errors the next is the last" {
	for _ in {1..15}; do printf 'bad\nEXPN list\n'; done | talk >got
	{
		for _ in {1..10}; do
			echo '500 5.5.2 Unknown command'
			echo '502 5.5.1 There is no EXPN here'
		done
		printf '421 4.7.0 Too many errors\nCLOSED\n'
	} | same got
}

@test "refused recipients are many before they end a session, and not for ever" {
	{
		printf 'EHLO me\nMAIL FROM:<a@b.example>\n'
		for _ in {1..1002}; do echo 'RCPT TO:<no-one@d.example>'; done
	} | talk | grep -v RCPT | tail -n 4 >got
	same got <<-'EOF'
		550 5.1.1 no
		550 5.1.1 no
		421 4.7.0 Too many refused recipients
		CLOSED
	EOF
}

@test "recipients over the limit are no refused ones, however many they are" {
	{
		printf 'EHLO me\nMAIL FROM:<a@b.example>\n'
		for _ in {1..1103}; do echo 'RCPT TO:<c@d.example>'; done
		printf 'DATA\ntext\n.\nMAIL FROM:<a@b.example>\n'
		for _ in {1..1001}; do echo 'RCPT TO:<no-one@d.example>'; done
	} | talk "$pieces" | sed '1,/^250 E/d' | uniq -c | sed 's/^ *//' >all
	sed '/RCPT <no-one@d.example>/,$d' all >got
	tail -n 2 all >>got
	same got <<-'EOF'
		1 MAIL <a@b.example>
		1 250 2.1.0 sender
		1 RCPT <c@d.example>
		1 250 2.1.5 recipient
		1 RCPT <c@d.example>
		1 250 2.1.5 recipient
		1101 452 4.5.3 Too many recipients
		1 DATA
		1 354 go
		1 | text
		1 END 5
		1 250 2.0.0 message
		1 MAIL <a@b.example>
		1 250 2.1.0 sender
		1 421 4.7.0 Too many refused recipients
		1 CLOSED
	EOF
}

# many < commands of two lines at most: each 25 times.
many() {
	while IFS= read -r line; do
		for _ in {1..25}; do printf '%b\n' "$line"; done
	done
}

@test "what comes behind a refused MAIL is no error, until a transaction ends or begins" {
	for mail in 'SIZE=201' 'X=1' 'RET=FULL' "$(printf %02100d 0)"; do
		{
			printf 'EHLO me\nMAIL FROM:<a@b.example> %s\n' "$mail"
			many <<<$'RCPT TO:<c@d.example>\nDATA\nBDAT 6\\nQUIT'
			echo NOOP
		} | talk "$pieces" | sed '1,/^250 E/d; /^CHUNK/d' | uniq -c |
			sed 's/^ *//'
	done >got
	for refusal in '552 5.3.4 Message is too big' \
		'555 5.5.4 Unknown parameter' '555 5.5.4 Unknown parameter' \
		'500 5.5.2 Line too long'; do
		printf '1 %s\n75 503 5.5.1 Send MAIL first\n' "$refusal"
		printf '1 250 2.0.0 OK\n1 WAITING\n'
	done | same got
	for end in RSET 'EHLO you' 'BDAT 0 LAST' 'MAIL FROM:<a@b.example>' NOOP; do
		{
			printf 'EHLO me\nMAIL FROM:<no-a@b.example>\n'
			many <<<'RCPT TO:<c@d.example>'
			printf '%s\n' "$end"
			many <<<DATA
		} | talk | sed '1,/^250 E/d; /^250[- ][A-Z8m]/d' | uniq -c |
			sed 's/^ *//'
	done >got
	same got <<-'EOF'
		1 MAIL <no-a@b.example>
		1 550 5.7.1 no
		25 503 5.5.1 Send MAIL first
		1 250 2.0.0 Reset
		20 503 5.5.1 Send MAIL first
		1 421 4.7.0 Too many errors
		1 CLOSED
		1 MAIL <no-a@b.example>
		1 550 5.7.1 no
		45 503 5.5.1 Send MAIL first
		1 421 4.7.0 Too many errors
		1 CLOSED
		1 MAIL <no-a@b.example>
		1 550 5.7.1 no
		25 503 5.5.1 Send MAIL first
		1 CHUNK
		21 503 5.5.1 Send MAIL first
		1 421 4.7.0 Too many errors
		1 CLOSED
		1 MAIL <no-a@b.example>
		1 550 5.7.1 no
		25 503 5.5.1 Send MAIL first
		1 MAIL <a@b.example>
		1 250 2.1.0 sender
		20 503 5.5.1 Send RCPT first
		1 421 4.7.0 Too many errors
		1 CLOSED
		1 MAIL <no-a@b.example>
		1 550 5.7.1 no
		25 503 5.5.1 Send MAIL first
		1 250 2.0.0 OK
		25 503 5.5.1 Send MAIL first
		1 WAITING
	EOF
}

@test "a second MAIL that is refused spares nothing, nor does any without a MAIL" {
	{
		printf 'EHLO me\nMAIL FROM:<a@b.example>\n'
		echo 'MAIL FROM:<a@b.example>'
		many <<<DATA
	} | talk "$pieces" | sed '1,/^250 E/d' | uniq -c >got
	for line in 'RCPT TO:<c@d.example>' DATA 'BDAT 6\nQUIT'; do
		{
			printf 'EHLO me\n'
			many <<<"$line"
		} | talk | sed '1,/^250 E/d; /^CHUNK/d' | uniq -c
	done >>got
	sed -i 's/^ *//' got
	{
		cat <<-'EOF'
			1 MAIL <a@b.example>
			1 250 2.1.0 sender
			1 503 5.5.1 There is a sender already
			19 503 5.5.1 Send RCPT first
			1 421 4.7.0 Too many errors
			1 CLOSED
		EOF
		for _ in {1..3}; do
			printf '20 503 5.5.1 Send MAIL first\n'
			printf '1 421 4.7.0 Too many errors\n1 CLOSED\n'
		done
	} | same got
}

# message [FLAG] < message, LF made CRLF unless it has \ escapes: its verdict.
message() {
	{
		printf 'EHLO me\r\nMAIL FROM:<a@b.example>\r\n'
		printf 'RCPT TO:<c@d.example>\r\nDATA\r\n'
		cat
		printf '\r\n.\r\nNOOP\r\n'
	} | "$smtpd" 0,1 "$@" | sed 's/\r//g; 1,/^354/d'
}

@test "NUL, bare CR, bare LF and size are refused at the end of the message" {
	printf 'Subject: x\r\n\r\na\0b' | message >got
	printf 'Subject: x\r\n\r\na\rb' | message >>got
	printf 'Subject: x\r\n\r\na\nb' | message >>got
	printf 'Subject: x\r\n\r\n%0187d' 0 | message >>got
	printf 'Subject: x\r\n\r\n%0188d' 0 | message >>got
	printf 'Subject: x\r\n\r\n\n%0200d\r\0' 0 | message >>got
	same got <<-EOF
		SPOILED
		550 5.6.0 NUL in message
		250 2.0.0 OK
		WAITING
		SPOILED
		550 5.5.2 Bare CR or LF in message; lines end in CRLF
		250 2.0.0 OK
		WAITING
		SPOILED
		550 5.5.2 Bare CR or LF in message; lines end in CRLF
		250 2.0.0 OK
		WAITING
		| Subject: x
		| 
		| $(printf %0187d 0)
		END 200
		250 2.0.0 message
		250 2.0.0 OK
		WAITING
		SPOILED
		552 5.3.4 Message is too big
		250 2.0.0 OK
		WAITING
		SPOILED
		550 5.6.0 NUL in message
		250 2.0.0 OK
		WAITING
	EOF
}

@test "with normalize a bare LF is a line end, LF.LF no end, a bare CR refused" {
	printf 'Subject: x\r\n\r\na\n.\nb' | message normalize >got
	printf 'Subject: x\r\n\r\na\rb' | message normalize >>got
	same got <<-'EOF'
		| Subject: x
		| 
		| a
		| .
		| b
		END 18
		250 2.0.0 message
		250 2.0.0 OK
		WAITING
		SPOILED
		550 5.5.2 Bare CR or LF in message; lines end in CRLF
		250 2.0.0 OK
		WAITING
	EOF
}

# chunked < dialogue with \ escapes, a line for a line and none of its
# own behind a \c: what follows the answer to EHLO, the same in all pieces.
chunked() {
	{
		printf 'EHLO me\r\n'
		while IFS= read -r line; do
			case $line in
			*'\c') printf '%b' "${line%??}" ;;
			*) printf '%b\r\n' "$line" ;;
			esac
		done
	} >in
	"$smtpd" "$pieces" <in | sed 's/\r//g; 1,/^250 E/d'
}

MAIL='MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>'

@test "chunks make a message, dots and all, and the next comes right behind" {
	chunked >got <<-EOF
		$MAIL
		BDAT 15
		Subject: x\r\n\r\n.\c
		bdat 6 last
		\r\n..\r\n\c
		$MAIL
		BDAT 5 LAST
		.\r\n.\r\c
		$MAIL
		BDAT 4
		text\c
		BDAT 0 LAST
		QUIT
	EOF
	same got <<-'EOF'
		MAIL <a@b.example>
		250 2.1.0 sender
		RCPT <c@d.example>
		250 2.1.5 recipient
		DATA
		250 2.0.0 Go on
		CHUNK
		| Subject: x
		| 
		| .
		| ..
		END 17
		250 2.0.0 message
		MAIL <a@b.example>
		250 2.1.0 sender
		RCPT <c@d.example>
		250 2.1.5 recipient
		DATA
		SPOILED
		550 5.5.2 Bare CR or LF in message; lines end in CRLF
		MAIL <a@b.example>
		250 2.1.0 sender
		RCPT <c@d.example>
		250 2.1.5 recipient
		DATA
		250 2.0.0 Go on
		CHUNK
		| textEND 4
		250 2.0.0 message
		221 2.0.0 Bye
		CLOSED
	EOF
}

@test "CR and LF in two chunks are a line end, and a chunk that is wrong spoils all" {
	chunked >got <<-EOF
		$MAIL
		BDAT 3
		ab\r\c
		BDAT 1 LAST
		\n\c
		$MAIL
		BDAT 3
		a\nb\c
		BDAT 1
		c\c
		NOOP
		BDAT 1 LAST
		d\c
		$MAIL
		BDAT 3
		ab\r\c
		BDAT 4
		cd\0e\c
		BDAT 0 LAST
		NOOP
	EOF
	same got <<-'EOF'
		MAIL <a@b.example>
		250 2.1.0 sender
		RCPT <c@d.example>
		250 2.1.5 recipient
		DATA
		250 2.0.0 Go on
		CHUNK
		| ab
		END 3
		250 2.0.0 message
		MAIL <a@b.example>
		250 2.1.0 sender
		RCPT <c@d.example>
		250 2.1.5 recipient
		DATA
		SPOILED
		550 5.5.2 Bare CR or LF in message; lines end in CRLF
		CHUNK
		550 5.5.2 Bare CR or LF in message; lines end in CRLF
		250 2.0.0 OK
		CHUNK
		550 5.5.2 Bare CR or LF in message; lines end in CRLF
		MAIL <a@b.example>
		250 2.1.0 sender
		RCPT <c@d.example>
		250 2.1.5 recipient
		DATA
		250 2.0.0 Go on
		CHUNK
		SPOILED
		550 5.6.0 NUL in message
		CHUNK
		550 5.6.0 NUL in message
		250 2.0.0 OK
		WAITING
	EOF
}

@test "the limit of a message counts over its chunks" {
	chunked >got <<-EOF
		$MAIL
		BDAT 101
		$(printf '%099d' 0)\r\n\c
		BDAT 100 LAST
		$(printf '%0100d' 0)\c
		$MAIL
		BDAT 100
		$(printf '%0100d' 0)\c
		BDAT 101 LAST
		$(printf '%0101d' 0)\c
		NOOP
	EOF
	sed -i '/^[|]/d' got
	same got <<-'EOF'
		MAIL <a@b.example>
		250 2.1.0 sender
		RCPT <c@d.example>
		250 2.1.5 recipient
		DATA
		250 2.0.0 Go on
		CHUNK
		250 2.0.0 message
		MAIL <a@b.example>
		250 2.1.0 sender
		RCPT <c@d.example>
		250 2.1.5 recipient
		DATA
		250 2.0.0 Go on
		CHUNK
		SPOILED
		552 5.3.4 Message is too big
		250 2.0.0 OK
		WAITING
	EOF
}

@test "chunks for no message are taken whole and are never commands" {
	chunked >got <<-EOF
		BDAT 6
		QUIT\r\n\c
		MAIL FROM:<a@b.example>
		BDAT 6
		QUIT\r\n\c
		RCPT TO:<no-one@d.example>
		BDAT 6
		QUIT\r\n\c
		BDAT 12 LAST
		QUIT\r\nRSET\r\n\c
		MAIL FROM:<a@b>
		BDAT 0 LAST
		RCPT TO:<c@d.example>
	EOF
	same got <<-'EOF'
		CHUNK
		503 5.5.1 Send MAIL first
		MAIL <a@b.example>
		250 2.1.0 sender
		CHUNK
		503 5.5.1 Send RCPT first
		RCPT <no-one@d.example>
		550 5.1.1 no
		CHUNK
		554 5.5.1 No valid recipients
		CHUNK
		554 5.5.1 No valid recipients
		MAIL <a@b>
		250 2.1.0 sender
		CHUNK
		503 5.5.1 Send RCPT first
		503 5.5.1 Send MAIL first
		WAITING
	EOF
}

@test "between chunks there is neither DATA nor another recipient, and RSET ends it" {
	chunked >got <<-EOF
		$MAIL
		BDAT 3
		abc\c
		DATA
		RCPT TO:<d@d.example>
		$MAIL
		BDAT 3 LAST
		def\c
		$MAIL
		BDAT 3
		abc\c
		RSET
		BDAT 3 LAST
		def\c
		$MAIL
		DATA
		ghi
		.
		QUIT
	EOF
	same got <<-'EOF'
		MAIL <a@b.example>
		250 2.1.0 sender
		RCPT <c@d.example>
		250 2.1.5 recipient
		DATA
		250 2.0.0 Go on
		503 5.5.1 Chunks or DATA, not both
		503 5.5.1 Its message has begun
		503 5.5.1 There is a sender already
		503 5.5.1 Its message has begun
		CHUNK
		| abcdefEND 6
		250 2.0.0 message
		MAIL <a@b.example>
		250 2.1.0 sender
		RCPT <c@d.example>
		250 2.1.5 recipient
		DATA
		250 2.0.0 Go on
		250 2.0.0 Reset
		CHUNK
		503 5.5.1 Send MAIL first
		MAIL <a@b.example>
		250 2.1.0 sender
		RCPT <c@d.example>
		250 2.1.5 recipient
		DATA
		354 go
		| ghi
		END 4
		250 2.0.0 message
		221 2.0.0 Bye
		CLOSED
	EOF
}

@test "a chunk without a number ends the session, for its octets are no commands" {
	for argument in '' ' ' ' -1' ' +1' ' 1x' ' 18446744073709551616' \
		' 000000000000000000001' ' 1 FIRST' ' 1 LAST x' ' 1  LAST' ' LAST' \
		'\t1' 4; do
		chunked <<-EOF | tail -n 2
			$MAIL
			BDAT$argument
			RSET
		EOF
	done >got
	for _ in {1..11}; do
		printf '501 5.5.4 Syntax: BDAT octets [LAST]\nCLOSED\n'
	done >want
	printf '500 5.5.2 %s\nCLOSED\n' 'Control character in command' \
		'Unknown command' >>want
	same got <want
}

# A line may be longer than what is kept of any; 12,290 come at once then.
@test "a BDAT that is too long ends the session, wherever it is cut" {
	for verb in BDAT bDaT; do
		for blanks in 2100 20000; do
			printf 'NOOP%*s\r\n%s 6 LAST%*s\r\nRSET\r\n' "$blanks" '' \
				"$verb" "$blanks" '' >in
			"$smtpd" "$pieces,2048,12287,12290" <in
			"$smtpd" "$pieces,2048,12287,12290" auth clear <in
		done
	done | sed 's/\r//g' >got
	for _ in {1..8}; do
		cat <<-'EOF'
			220 mx.example ESMTP mailpipe
			500 5.5.2 Line too long
			500 5.5.2 Line too long
			CLOSED
		EOF
	done | same got
}

@test "no verb is sought in a response, or in the rest of a line, that is too long" {
	printf '%s\r\n' 'EHLO me' 'AUTH PLAIN' "BDAT $(printf %012300d 0)" \
		"AUTH BDAT $(printf %012300d 0)" "BDA $(printf %02100d 0) BDAT 6" \
		QUIT >in
	"$smtpd" "$pieces,2048,12290" auth clear <in |
		sed 's/\r//g; 1,/^250 E/d' >got
	same got <<-'EOF'
		334 
		500 5.5.6 Line too long
		500 5.5.2 Line too long
		500 5.5.2 Line too long
		221 2.0.0 Bye
		CLOSED
	EOF
}

@test "a chunk of 2^64-1 octets is never full, and more than was said is a command" {
	chunked >got <<-EOF
		$MAIL
		BDAT 18446744073709551615 LAST
		$(printf '%0100d' 0)
		QUIT
	EOF
	chunked >>got <<-EOF
		$MAIL
		BDAT 10 LAST
		$(printf '%020d' 0)
		QUIT
	EOF
	same got <<-'EOF'
		MAIL <a@b.example>
		250 2.1.0 sender
		RCPT <c@d.example>
		250 2.1.5 recipient
		DATA
		WAITING
		MAIL <a@b.example>
		250 2.1.0 sender
		RCPT <c@d.example>
		250 2.1.5 recipient
		DATA
		| 0000000000END 10
		250 2.0.0 message
		500 5.5.2 Unknown command
		221 2.0.0 Bye
		CLOSED
	EOF
}

@test "the 101st Received or Delivered-To field is a loop, in the header alone" {
	hops() { for ((i = 0; i < $1; i++)); do printf 'Received:\r\n'; done; }
	{
		printf 'EHLO me\r\n'
		for n in 100 101; do
			printf 'MAIL FROM:<a@b>\r\nRCPT TO:<c@host.example>\r\nDATA\r\n'
			hops $((n - 1))
			printf 'delivered-to : x\r\n\r\nReceived:\r\n.\r\n'
		done
	} | smtp-recv --log none --hostname host.example -- true |
		tr -d '\r' | grep -A1 354 | sed 's/as .*/as ID/' >got
	same got <<-'EOF'
		354 End data with <CRLF>.<CRLF>
		250 2.0.0 accepted as ID
		--
		354 End data with <CRLF>.<CRLF>
		554 5.4.6 Too many hops
	EOF
}

@test "where commands must wait for their turn, those that did not end the session" {
	printf 'EHLO me\nNOOP\n' | talk 0 sync >got
	printf 'HELO me\nNOOP\nNOOP\n' | talk 9 sync >>got
	printf 'EHLO me\nNOOP\nNOOP\n' | talk 9 sync | tail -n 3 >>got
	same got <<-'EOF'
		554 5.5.0 Commands out of turn
		CLOSED
		250 mx.example
		554 5.5.0 Commands out of turn
		CLOSED
		250 2.0.0 OK
		250 2.0.0 OK
		WAITING
	EOF
}

# offered < dialogue: the words after the fixed ones of each answer to EHLO.
offered() {
	talk 0 "$@" | sed -n 's/^250-\(STARTTLS\|AUTH\)/\1/p' | paste -sd ' '
}

@test "STARTTLS is offered until TLS is on, AUTH under TLS or where clear may be" {
	before='EHLO me'
	after=$'EHLO me\nSTARTTLS\n\026EHLO me'
	{
		offered <<<"$before"
		offered tls <<<"$before"
		offered tls auth <<<"$before"
		offered tls <<<"$after"
		offered tls auth <<<"$after"
		offered auth <<<"$before"
		offered auth clear <<<"$before"
		offered tls auth clear <<<"$before"
	} >got
	same got <<-'EOF'

		STARTTLS
		STARTTLS
		STARTTLS
		STARTTLS AUTH PLAIN LOGIN

		AUTH PLAIN LOGIN
		STARTTLS AUTH PLAIN LOGIN
	EOF
	printf 'HELP\nSTARTTLS\n\026HELP\n' | talk 0 tls auth >got
	same got <<-'EOF'
		214 2.0.0 HELO EHLO MAIL RCPT DATA BDAT RSET NOOP QUIT VRFY HELP STARTTLS AUTH
		STARTTLS
		220 2.0.0 go
		214 2.0.0 HELO EHLO MAIL RCPT DATA BDAT RSET NOOP QUIT VRFY HELP AUTH
		WAITING
	EOF
}

# What a client says before, behind and after STARTTLS; TLS begins at SYN.
upgrade() {
	cat <<-'EOF'
		EHLO me
		STARTTLS now
		AUTH PLAIN AGFubgBzZWNyZXQ=
		MAIL FROM:<a@b.example> BODY=8BITMIME
		RCPT TO:<c@d.example>
		STARTTLS
		EHLO injected
		AUTH LOGIN
	EOF
	printf 'MAIL FROM:<x@y.example>\nand no line end\026'
	cat <<-'EOF'
		RCPT TO:<c@d.example>
		DATA
		MAIL FROM:<a@b.example>
		AUTH PLAIN AGFubgBzZWNyZXQ=
		EHLO me
		STARTTLS
		RCPT TO:<c@d.example>
		AUTH PLAIN AGFubgBzZWNyZXQ=
		MAIL FROM:<a@b.example>
		QUIT
	EOF
}

upgraded() {
	cat <<-'EOF'
		250-mx.example
		250-PIPELINING
		250-SIZE 200
		250-8BITMIME
		250-SMTPUTF8
		250-CHUNKING
		250-STARTTLS
		250-AUTH PLAIN LOGIN
		250 ENHANCEDSTATUSCODES
		501 5.5.4 No argument is allowed
		LOGIN <ann> <secret> AUTH PLAIN ***
		235 2.7.0 yes
		MAIL <a@b.example> BODY=8BITMIME
		250 2.1.0 sender
		RCPT <c@d.example>
		250 2.1.5 recipient
		STARTTLS
		220 2.0.0 go
		503 5.5.1 Send MAIL first
		503 5.5.1 Send MAIL first
		503 5.5.1 Send EHLO or HELO first
		503 5.5.1 Send EHLO first
		250-mx.example
		250-PIPELINING
		250-SIZE 200
		250-8BITMIME
		250-SMTPUTF8
		250-CHUNKING
		250-AUTH PLAIN LOGIN
		250 ENHANCEDSTATUSCODES
		503 5.5.1 TLS is on already
		503 5.5.1 Send MAIL first
		LOGIN <ann> <secret> AUTH PLAIN ***
		235 2.7.0 yes
		MAIL <a@b.example>
		250 2.1.0 sender
		221 2.0.0 Bye
		CLOSED
	EOF
}

@test "nothing of before STARTTLS survives it, and what is sent behind it is dropped" {
	upgrade | talk "$pieces" tls auth clear >got
	upgraded | same got
}

@test "errors of before STARTTLS still count, and so do failed logins" {
	{
		echo 'EHLO me'
		for _ in {1..19}; do echo bad; done
		printf 'STARTTLS\n\026bad\nbad\n'
	} | talk 0 tls | tail -n 4 >got
	{
		echo 'EHLO me'
		for _ in {1..3}; do echo 'AUTH PLAIN AGFubgBiYWQ='; done
		printf 'STARTTLS\n\026EHLO me\nAUTH PLAIN AGFubgBzZWNyZXQ=\n'
	} | talk 0 tls auth clear | tail -n 2 >>got
	same got <<-'EOF'
		220 2.0.0 go
		500 5.5.2 Unknown command
		421 4.7.0 Too many errors
		CLOSED
		421 4.7.0 Too many failed logins
		CLOSED
	EOF
}

@test "after STARTTLS commands wait for their turn again until EHLO" {
	for last in NOOP 'EHLO me'; do
		printf 'EHLO me\nSTARTTLS\n\026%s\nNOOP\nNOOP\n' "$last" |
			talk 9 sync tls | sed '1,/^220/d' | tail -n 3
	done >got
	same got <<-'EOF'
		554 5.5.0 Commands out of turn
		CLOSED
		250 2.0.0 OK
		250 2.0.0 OK
		WAITING
	EOF
}

logins() {
	cat <<-'EOF'
		AUTH PLAIN AGFubgBzZWNyZXQ=
		EHLO me
		AUTH
		AUTH PLAIN AGFubgBzZWNyZXQ= x
		AUTH PLAIN  AGFubgBzZWNyZXQ=
		AUTH CRAM-MD5
		AUTH PLAIN AGFubgBzZWNyZXQ
		AUTH PLAIN =
		AUTH PLAIN b3RoZXIAYW5uAHNlY3JldA==
		AUTH PLAIN
		*
		AUTH LOGIN
		YW5u
		*
		AUTH LOGIN
		no base64
		AUTH PLAIN
		NOOP
		auth login YW5u
		bGF0ZXI=
		MAIL FROM:<a@b.example>
		AUTH LOGIN
		RSET
		AUTH login
		YW5u
		YmFk
		AUTH PLAIN
		AGFubgBzZWNyZXQ=
		AUTH PLAIN AGFubgBzZWNyZXQ=
		EHLO me
		AUTH LOGIN
	EOF
}

logged_in() {
	cat <<-'EOF'
		503 5.5.1 Send EHLO first
		250-mx.example
		250-PIPELINING
		250-SIZE 200
		250-8BITMIME
		250-SMTPUTF8
		250-CHUNKING
		250-AUTH PLAIN LOGIN
		250 ENHANCEDSTATUSCODES
		501 5.5.4 Syntax: AUTH mechanism [initial-response]
		501 5.5.4 Syntax: AUTH mechanism [initial-response]
		501 5.5.4 Syntax: AUTH mechanism [initial-response]
		504 5.5.4 Unknown mechanism
		501 5.5.2 No login in Base64
		501 5.5.2 No login in Base64
		501 5.5.2 No login in Base64
		334 
		501 5.7.0 Login cancelled
		334 VXNlcm5hbWU6
		334 UGFzc3dvcmQ6
		501 5.7.0 Login cancelled
		334 VXNlcm5hbWU6
		501 5.5.2 No login in Base64
		334 
		501 5.5.2 No login in Base64
		334 UGFzc3dvcmQ6
		LOGIN <ann> <later> ***
		454 4.7.0 later
		MAIL <a@b.example>
		250 2.1.0 sender
		503 5.5.1 Not within a transaction
		250 2.0.0 Reset
		334 VXNlcm5hbWU6
		334 UGFzc3dvcmQ6
		LOGIN <ann> <bad> ***
		535 5.7.8 no
		334 
		LOGIN <ann> <secret> ***
		235 2.7.0 yes
		503 5.5.1 You are logged in already
		250-mx.example
		250-PIPELINING
		250-SIZE 200
		250-8BITMIME
		250-SMTPUTF8
		250-CHUNKING
		250-AUTH PLAIN LOGIN
		250 ENHANCEDSTATUSCODES
		503 5.5.1 You are logged in already
		WAITING
	EOF
}

@test "logins: initial responses, challenges, cancelled, wrong, and right once" {
	logins | talk "$pieces" auth clear >got
	logged_in | same got
}

@test "without encryption a login is 538, without a checker or TLS they are 502" {
	printf 'EHLO me\nAUTH PLAIN AGFubgBzZWNyZXQ=\nAUTH LOGIN\nYW5u\n' |
		talk 0 tls auth | tail -n 4 >got
	printf 'EHLO me\nAUTH PLAIN AGFubgBzZWNyZXQ=\nSTARTTLS\n' | talk |
		tail -n 3 >>got
	same got <<-'EOF'
		538 5.7.11 Encryption is required for that
		538 5.7.11 Encryption is required for that
		500 5.5.2 Unknown command
		WAITING
		502 5.5.1 There is no AUTH here
		502 5.5.1 There is no TLS here
		WAITING
	EOF
}

@test "mail is users' alone: before a login, and again under TLS, it is 530" {
	{
		printf '%s\r\n' 'MAIL FROM:<a@b>' 'EHLO me' 'MAIL FROM:<a@b>' \
			'RCPT TO:<c@d>' DATA 'VRFY x' 'AUTH PLAIN AGFubgB4' \
			'MAIL FROM:<a@b>' 'AUTH PLAIN AGFubgBzZWNyZXQ=' 'EHLO me' \
			'MAIL FROM:<a@b>' RSET STARTTLS
		printf '\026EHLO me\r\nMAIL FROM:<a@b>\r\n'
	} | "$BUILD/drv/smtpd" 0 users tls auth clear | tr -d '\r' |
		grep -v '^250[- ][A-Z8m]' >got
	same got <<-'EOF'
		220 mx.example ESMTP mailpipe
		503 5.5.1 Send EHLO or HELO first
		530 5.7.0 Log in first
		503 5.5.1 Send MAIL first
		503 5.5.1 Send MAIL first
		252 2.1.5 Send mail to find out
		LOGIN <ann> <x> AUTH PLAIN ***
		535 5.7.8 no
		530 5.7.0 Log in first
		LOGIN <ann> <secret> AUTH PLAIN ***
		235 2.7.0 yes
		MAIL <a@b>
		250 2.1.0 sender
		250 2.0.0 Reset
		STARTTLS
		220 2.0.0 go
		530 5.7.0 Log in first
		WAITING
	EOF
}

@test "after three failed logins the next is the last, right or not" {
	{
		printf 'EHLO me\n'
		printf 'AUTH PLAIN AGFubgB%s=\n' iYWQ sYXRlcg= iYWQ zZWNyZXQ
	} | talk 0 auth clear | grep -v '^250' >got
	same got <<-'EOF'
		LOGIN <ann> <bad> AUTH PLAIN ***
		535 5.7.8 no
		LOGIN <ann> <later> AUTH PLAIN ***
		454 4.7.0 later
		LOGIN <ann> <bad> AUTH PLAIN ***
		535 5.7.8 no
		421 4.7.0 Too many failed logins
		CLOSED
	EOF
}

# Lines of exactly N octets with their line end; nothing in Base64 is so long.
@test "a line of AUTH has 12,288 octets, wherever it is cut, others 2,048" {
	{
		printf 'EHLO me\r\n'
		printf 'AUTH PLAIN %012275d\r\n' 0
		printf 'AUTH PLAIN %012276d\r\n' 0
		printf 'AUTH PLAIN\r\n%012286d\r\n' 0
		printf 'AUTH PLAIN\r\n%012287d\r\n' 0
		printf 'NOOP %02042d\r\n' 0
	} >in
	"$smtpd" 0,1,5,2048,12287 auth clear <in |
		sed 's/\r//g; 1,/^250 E/d' >got
	same got <<-'EOF'
		501 5.5.2 No login in Base64
		500 5.5.2 Line too long
		334 
		501 5.5.2 No login in Base64
		334 
		500 5.5.6 Line too long
		500 5.5.2 Line too long
		WAITING
	EOF
}
