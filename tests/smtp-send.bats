# smtp-send against servers of our own (tests/lib/sink.py says which).
# shellcheck disable=SC2154
load lib
load send

@test "one message: the whole dialogue" {
	sink
	exits 0 smtp-send "${to[@]}" -f a@x.org -- b@x.org c@x.org < m
	same -v sink.1 <<- 'END'
		EHLO me.example^M
		EHLO me.example^M
		MAIL FROM:<a@x.org> SIZE=22^M
		RCPT TO:<b@x.org>^M
		RCPT TO:<c@x.org>^M
		DATA^M
		Subject: hi^M
		^M
		Hello^M
		.^M
		QUIT^M
	END
}

@test "without PIPELINING and SIZE each command waits; a null sender" {
	sink caps=
	exits 0 smtp-send "${to[@]}" -f '' b@x.org < m
	same -v sink.1 <<- 'END'
		EHLO me.example^M
		EHLO me.example^M
		MAIL FROM:<>^M
		RCPT TO:<b@x.org>^M
		DATA^M
		Subject: hi^M
		^M
		Hello^M
		.^M
		QUIT^M
	END
}

@test "BODY=8BITMIME when offered and the message has 8-bit octets, which go as they are in any case" {
	printf 'Subject: \303\274\n\n' > m
	sink
	exits 0 smtp-send "${to[@]}" -f a@x.org b@x.org < m
	grep -a MAIL sink.1 > got
	same got < <(printf 'MAIL FROM:<a@x.org> SIZE=15 BODY=8BITMIME\r\n')
	sink caps=PIPELINING
	exits 0 smtp-send "${to[@]}" -f a@x.org b@x.org < m
	sed -n '/^MAIL/p; /^DATA/,$p' sink.1 > got
	printf '%s\r\n' 'MAIL FROM:<a@x.org>' DATA $'Subject: \303\274' '' . QUIT |
		cmp - got
}

@test "each refused recipient is named with the server's words: 75, or 69 when none is temporary" {
	sink
	exits 75 smtp-send "${to[@]}" -f a@x.org b@x.org 550c@x.org 450d@x.org < m 2> err
	same err <<- 'END'
		smtp-send: send <550c@x.org>: 550 5.1.1 no thanks
		smtp-send: send <450d@x.org>: 450 4.1.1 no thanks
	END
	exits 69 smtp-send "${to[@]}" -f a@x.org b@x.org 550c@x.org < m 2> err
	same err <<< 'smtp-send: send <550c@x.org>: 550 5.1.1 no thanks'
	exits 69 smtp-send -q "${to[@]}" -f a@x.org 554data@x.org < m 2> err
	same err < /dev/null
}

@test "-t takes To, Cc and Bcc; Bcc is never sent" {
	sink
	printf 'To: B <b@x.org>, grp: c@x.org;\nBcc: d@x.org\nCc: b@x.org\n\nx' > m
	exits 0 smtp-send "${to[@]}" -f a@x.org -t e@x.org < m
	same -v sink.1 <<- 'END'
		EHLO me.example^M
		EHLO me.example^M
		MAIL FROM:<a@x.org> SIZE=50^M
		RCPT TO:<e@x.org>^M
		RCPT TO:<b@x.org>^M
		RCPT TO:<c@x.org>^M
		RCPT TO:<d@x.org>^M
		DATA^M
		To: B <b@x.org>, grp: c@x.org;^M
		Cc: b@x.org^M
		^M
		x^M
		.^M
		QUIT^M
	END
	sink
	MAIL_ID=abc exits 0 smtp-send "${to[@]}" -f a@x.org b@x.org < m
	grep -ac '^Bcc:' sink.1 > got
	same got <<< 1
	sink
	printf 'Bcc: d@x.org\nFrom here on\nA: 1\n' |
		exits 0 smtp-send "${to[@]}" -f a@x.org b@x.org
	sed -n '/^DATA/,/^\./p' sink.1 > got
	same -v got <<- 'END'
		DATA^M
		^M
		From here on^M
		A: 1^M
		.^M
	END
	printf 'Subject: x\n\n' | exits 65 smtp-send "${to[@]}" -t 2> err
	same err <<< 'smtp-send: read header: no recipients in it'
}

@test "NUL, a bare CR and an empty message are refused before MAIL" {
	sink
	printf 'a\n\0b\n' | exits 65 smtp-send "${to[@]}" -f a@x.org b@x.org 2> err
	same err <<< 'smtp-send: read message: NUL at octet 2'
	printf 'a\rb\n' | exits 65 smtp-send "${to[@]}" -f a@x.org b@x.org 2> err
	same err <<< 'smtp-send: read message: bare CR at octet 1'
	exits 65 smtp-send "${to[@]}" -f a@x.org b@x.org < /dev/null 2> err
	same err <<< 'smtp-send: read message: no octets (--allow-empty sends it)'
	[ ! -e sink.1 ]
	exits 0 smtp-send "${to[@]}" --allow-empty -f a@x.org b@x.org < /dev/null
	grep -a -A1 DATA sink.1 > got
	same got < <(printf 'DATA\r\n.\r\n')
}

@test "--size N: any other count of octets is 75 and no server is asked" {
	sink
	n=$(wc -c < m)
	for wrong in $((n - 1)) $((n + 1)) 0; do
		exits 75 smtp-send "${to[@]}" --size $wrong b@x.org < m 2> err
		same err <<< "smtp-send: read message: $n octets, not $wrong"
	done
	exits 75 smtp-send "${to[@]}" --size "$n" b@x.org < /dev/null 2> err
	same err <<< "smtp-send: read message: 0 octets, not $n"
	[ ! -e sink.1 ]
	exits 0 smtp-send "${to[@]}" --size "$n" -f a@x.org b@x.org < m
	exits 64 smtp-send "${to[@]}" --size x b@x.org < m 2> err
	same err <<< 'smtp-send: --size: no number of octets'
	exits 64 smtp-send "${to[@]}" --size 1 --batch < /dev/null
}

@test "dots and line ends on the edges of the blocks" {
	sink
	for n in 65534 65535 65536 131071; do
		head -c $n /dev/zero | tr '\0' x
		printf '\n.\n'
	done > m
	printf 'a\t%s\t65530\t%d\t<a@x.org>\t<b@x.org>\n' "$PWD/m" 131090 > jobs
	exits 0 smtp-send "${to[@]}" --batch < jobs > got
	printf 'DATA\r\n' > want
	tail -c +65531 m | head -c 131090 | sed 's/^\./../; s/$/\r/' >> want
	grep -aA 9 DATA sink.1 > sent
	{ cat want; printf '\n.\r\nQUIT\r\n'; } > full
	cmp sent full
}

@test "a close after the end of data is unsure" {
	sink end=close
	exits 75 smtp-send "${to[@]}" -f a@x.org b@x.org < m 2> err
	same err <<< 'smtp-send: send <b@x.org>: unsure: server closed the connection'
}

@test "421, early replies, endless and foreign replies are temporary" {
	sink after=1
	exits 75 smtp-send "${to[@]}" -f a@x.org b@x.org < m 2> err
	same err <<< 'smtp-send: send <b@x.org>: 421 4.3.2 enough'
	sink early='250 early'
	exits 75 smtp-send "${to[@]}" -f a@x.org b@x.org < m 2> err
	same err <<< 'smtp-send: send <b@x.org>: reply before its command: 250 early'
	sink mail="250 $(printf '%05000d' 0)"
	exits 75 smtp-send "${to[@]}" -f a@x.org b@x.org < m 2> err
	same err <<< 'smtp-send: send <b@x.org>: reply line too long'
	sink mail=hello
	exits 75 smtp-send "${to[@]}" -f a@x.org b@x.org < m 2> err
	same err <<< 'smtp-send: send <b@x.org>: no SMTP reply, or one of too many lines'
	sink mail=$'550 5.0.0 \033[2Jgone'
	exits 69 smtp-send "${to[@]}" -f a@x.org b@x.org < m 2> err
	same err <<< 'smtp-send: send <b@x.org>: 550 5.0.0 \x1b[2Jgone'
}

@test "no server to be had is temporary" {
	exits 75 smtp-send --lmtp "$PWD/none" -f a@x.org b@x.org < m 2> err
	sed 's/lmtp:[^:]*:.*/PLACE/' err > got
	same got <<< 'smtp-send: send <b@x.org>: connect PLACE'
}

@test "LMTP over a Unix socket and over TCP: a reply for each recipient" {
	sink lmtp=1 unix=sock
	exits 75 smtp-send --lmtp "$PWD/sock" --hostname me.example -f a@x.org \
		b 452data@x.org 550c@x.org < m 2> err
	same err <<- 'END'
		smtp-send: send <550c@x.org>: 550 5.1.1 no thanks
		smtp-send: send <452data@x.org>: 452 4.0.0 for 452
	END
	same -v sink.1 <<- 'END'
		LHLO me.example^M
		MAIL FROM:<a@x.org> SIZE=22^M
		RCPT TO:<b>^M
		RCPT TO:<452data@x.org>^M
		RCPT TO:<550c@x.org>^M
		DATA^M
		Subject: hi^M
		^M
		Hello^M
		.^M
		QUIT^M
	END
	sink lmtp=1
	exits 69 smtp-send --lmtp "127.0.0.1:$port" -f a@x.org b 554data@x.org < m 2> err
	same err <<< 'smtp-send: send <554data@x.org>: 554 5.0.0 for 554'
}

@test "batch: a result for each recipient, and its end is 0" {
	sink
	{
		job q1 "$PWD/m" b@x.org 550c@x.org 450d@x.org
		job q2 "$PWD/none" b@x.org
		job q3 "$PWD/m" 554data@x.org
	} > jobs
	exits 0 smtp-send "${to[@]}" --batch < jobs > results
	sort results | sed "s|$PWD/||" > got
	same got <<- 'END'
		q1	<450d@x.org>	temp	450	4.1.1	no thanks
		q1	<550c@x.org>	perm	550	5.1.1	no thanks
		q1	<b@x.org>	ok	250	2.0.0	queued
		q2	<b@x.org>	temp	000	-	open none: No such file or directory
		q3	<554data@x.org>	perm	554	5.0.0	queued
	END
}

@test "batch: 1,000 jobs on one connection, each answered once" {
	sink
	for n in {1..1000}; do
		job "q$n" "$PWD/m" "b$n@x.org"
	done > jobs
	exits 0 smtp-send "${to[@]}" --batch < jobs > results
	accepted 1000 | cmp - results
	[ -e sink.1 ]
	[ ! -e sink.2 ]
}

@test "batch: after a drop what was not sent goes over a new connection" {
	sink after=4
	for n in {1..10}; do
		job "q$n" "$PWD/m" "b$n@x.org"
	done > jobs
	exits 0 smtp-send "${to[@]}" --batch < jobs > results
	accepted 10 | sort > want
	sort results | cmp - want
	[ -e sink.4 ]
	[ ! -e sink.5 ]
}

@test "batch: messages that cannot be sent as they are never reach MAIL" {
	sink
	printf 'a\rb' > cr
	printf 'a\r' > last
	printf 'a\n\0' > nul
	: > empty
	{
		job cr "$PWD/cr" b@x.org
		job last "$PWD/last" b@x.org
		job nul "$PWD/nul" b@x.org
		job empty "$PWD/empty" b@x.org
		printf 'short\t%s/m\t0\t500\t<a@x.org>\t<b@x.org>\n' "$PWD"
		printf 'dir\t%s\t0\t-\t<a@x.org>\t<b@x.org>\n' "$PWD"
	} > jobs
	exits 0 smtp-send "${to[@]}" --batch < jobs > results
	sed "s|$PWD|DIR|" results > got
	same got <<- 'END'
		cr	<b@x.org>	perm	554	5.6.0	bare CR at octet 1 of the message
		last	<b@x.org>	perm	554	5.6.0	bare CR at octet 1 of the message
		nul	<b@x.org>	perm	554	5.6.0	NUL at octet 2 of the message
		empty	<b@x.org>	perm	554	5.6.0	message of no octets
		short	<b@x.org>	temp	000	-	read DIR/m: shorter than 500 octets
		dir	<b@x.org>	temp	000	-	read DIR: not a regular file
	END
	[ ! -e sink.1 ]
}

@test "batch: a part of a file is the message" {
	sink
	printf 'mailpipe\n\nBcc: x\n\nbody\nrest' > m
	printf 'q\t%s/m\t10\t13\t<>\t<b@x.org>\n' "$PWD" > jobs
	exits 0 smtp-send "${to[@]}" --batch < jobs > results
	sed -n '/^DATA/,$p' sink.1 > got
	same -v got <<- 'END'
		DATA^M
		Bcc: x^M
		^M
		body^M
		.^M
		QUIT^M
	END
}

@test "batch: no server is temporary for all" {
	{
		job q1 "$PWD/m" b@x.org c@x.org
		job q2 "$PWD/m" d@x.org
	} > jobs
	exits 0 smtp-send --lmtp "$PWD/none" --batch < jobs | cut -f 1-5 > got
	same got <<- 'END'
		q1	<b@x.org>	temp	000	-
		q1	<c@x.org>	temp	000	-
		q2	<d@x.org>	temp	000	-
	END
}

@test "batch: a job that is none ends the batch with 65, those before are answered" {
	sink
	{
		job q1 "$PWD/m" b@x.org
		echo nonsense
		job q2 "$PWD/m" b@x.org
	} > jobs
	exits 65 smtp-send "${to[@]}" --batch < jobs > results 2> err
	cut -f 1-3 results > got
	same got <<< $'q1\t<b@x.org>\tok'
	same err <<< 'smtp-send: read jobs: line 2: no PATH, OFFSET and SIZE'
	printf 'q1\t' | exits 65 smtp-send "${to[@]}" --batch 2> err
	same err <<< 'smtp-send: read jobs: line 1: no end of line'
}

@test "batch: without a reader of results no end of data is sent" {
	sink
	job q1 "$PWD/m" b@x.org > jobs
	mkfifo pipe
	exec 8<> pipe
	exec 9> pipe
	exec 8<&-
	exits 75 smtp-send "${to[@]}" --batch < jobs >&9 2> err
	exec 9>&-
	same err <<< 'smtp-send: write results: the reader is gone'
	[ ! -e sink.1 ]
}

@test "batch: a reader that dies within a message ends it without an end of data" {
	sink hold="$PWD/go"
	job q1 "$PWD/m" b@x.org > jobs
	mkfifo pipe
	exec 8<> pipe
	exec 9> pipe
	smtp-send "${to[@]}" --batch < jobs 2> err >&9 8<&- 9>&- &
	local pid=$!
	seen DATA sink.1
	exec 8<&- 9>&-
	exits 75 wait "$pid"
	touch go
	same err <<< 'smtp-send: write results: the reader is gone'
	tail -n 1 sink.1 > got
	same -v got <<< 'DATA^M'
}

shrinks() { truncate -s 70000 long; }
worsens() {
	printf '\0' | dd of=long conv=notrunc bs=1 seek=200000 status=none
}

@test "batch: a message that shrinks or turns bad while it is sent is never ended" {
	local turn pid
	for turn in shrinks worsens; do
		rm -f go
		sink hold="$PWD/go"
		head -c 300000 /dev/zero | tr '\0' '\n' > long
		job q1 "$PWD/long" b@x.org > jobs
		smtp-send "${to[@]}" --batch < jobs > results &
		pid=$!
		seen DATA sink.1
		"$turn"
		touch go
		exits 0 wait "$pid"
		same results <<< $'q1\t<b@x.org>\ttemp\t000\t-\tthe message has changed'
		exits 1 grep -aqx $'\\.\r' sink.1
		exits 1 grep -aq QUIT sink.1
	done
}

@test "batch: a close after the end of data is unsure, the next goes elsewhere" {
	sink end=close
	{
		job q1 "$PWD/m" b@x.org c@x.org
		job q2 "$PWD/m" d@x.org
	} > jobs
	exits 0 smtp-send "${to[@]}" --batch < jobs > results
	same results <<- 'END'
		q1	<b@x.org>	unsure	000	-	server closed the connection
		q1	<c@x.org>	unsure	000	-	server closed the connection
		q2	<d@x.org>	unsure	000	-	server closed the connection
	END
	grep -ac DATA sink.1 sink.2 > got
	same got <<- 'END'
		sink.1:2
		sink.2:1
	END
}

@test "batch: an address that could end a command is no job, and reaches nobody" {
	local bad
	sink
	for bad in '<b@x.org> SIZE=1\001' '<b@x.org>RSET' '<b @x.org>' '<b\033@x.org>' \
		'<b@x.org>\r' 'b@x.org' '<>' '<b>c@x.org>'; do
		printf "q1\t$PWD/m\t0\t-\t<a@x.org>\t$bad\n" |
			exits 65 smtp-send "${to[@]}" --batch > results 2> err
		same results < /dev/null
	done
	[ ! -e sink.1 ]
	printf 'q1\t%s/m\t0\t-\t<a@x.org>\t<"b > c"@x.org>\n' "$PWD" |
		exits 0 smtp-send "${to[@]}" --batch > results
	grep -a RCPT sink.1 > got
	same -v got <<< 'RCPT TO:<"b > c"@x.org>^M'
}

@test "a batch takes one round trip a message: its end and the next envelope go out together" {
	sink reads=1
	for n in 1 2 3; do
		job "q$n" "$PWD/m" "b$n@x.org"
	done > jobs
	exits 0 smtp-send "${to[@]}" --batch < jobs > results
	{
		printf -- '--\nEHLO me.example\r\n--\nEHLO me.example\r\n--\n'
		for n in 1 2 3; do
			printf '%s\r\n' 'MAIL FROM:<a@x.org> SIZE=22' \
				"RCPT TO:<b$n@x.org>" DATA
			printf -- '--\nSubject: hi\r\n\r\nHello\r\n.\r\n'
		done
		printf -- '--\nQUIT\r\n'
	} > want
	cmp want sink.1
}

@test "a server that takes one EHLO only is taken at its answer to it" {
	printf 'Subject: \303\274\n\n' > m
	sink once=1
	exits 0 smtp-send "${to[@]}" -f a@x.org b@x.org < m
	head -n 5 sink.1 > got
	same -v got <<- 'END'
		EHLO me.example^M
		EHLO me.example^M
		MAIL FROM:<a@x.org> SIZE=15 BODY=8BITMIME^M
		RCPT TO:<b@x.org>^M
		DATA^M
	END
}

@test "a non-ASCII address goes where SMTPUTF8 is offered, else it is refused with 5.6.7" {
	local u=$'\303\274'
	sink caps=SMTPUTF8,PIPELINING
	exits 0 smtp-send "${to[@]}" -f a@x.org "$u@x.org" < m
	grep -a -e MAIL -e RCPT sink.1 > got
	same got < <(printf '%s\r\n' 'MAIL FROM:<a@x.org> SMTPUTF8' \
		"RCPT TO:<$u@x.org>")
	sink
	exits 69 smtp-send "${to[@]}" -f a@x.org "$u@x.org" b@x.org < m 2> err
	same -v err <<< 'smtp-send: send <M-CM-<@x.org>: 553 5.6.7 address needs SMTPUTF8, which is not offered'
	grep -ac RCPT sink.1 > got
	same got <<< 1
	job q1 "$PWD/m" b@x.org | sed "s/a@x.org/$u@x.org/" > jobs
	exits 0 smtp-send "${to[@]}" --batch < jobs | cut -f 2-5 > got
	same got <<< $'<b@x.org>\tperm\t553\t5.6.7'
}

@test "--proxy goes through it, the environment's proxies are not used" {
	sink
	export ALL_PROXY=http://127.0.0.1:1 all_proxy=http://127.0.0.1:1
	exits 0 smtp-send "${to[@]}" -f a@x.org b@x.org < m
	python3 -S "$TESTS/lib/connect-proxy.py" proxy 3>&- &
	SINKS+=($!)
	seen . proxy
	exits 0 smtp-send "${to[@]}" --proxy "http://127.0.0.1:$(< proxy)" \
		-f a@x.org b@x.org < m
	same proxy.log <<< "CONNECT 127.0.0.1:$port HTTP/1.1"
	cmp sink.1 sink.2
	exits 75 smtp-send "${to[@]}" --proxy http://127.0.0.1:1 -f a@x.org \
		b@x.org < m 2> err
	[ ! -e sink.3 ]
}

# login CODE OPTION...: as u@127.0.0.1.
login() {
	local code=$1
	shift
	exits "$code" smtp-send --relay "smtp://u@127.0.0.1:$port" \
		--hostname me.example --timeout 20s "$@" -f a@x.org b@x.org \
		< m 2> err
}

@test "a login needs TLS: without it no secret leaves, --tls=off allows it" {
	sink 'caps=AUTH PLAIN,PIPELINING'
	echo secret > pw
	login 75 --password-file "$PWD/pw"
	same -v sink.1 <<< 'EHLO me.example^M'
	grep -c 'tls=off' err > got
	same got <<< 1
	login 64 --password-file "$PWD/pw" --tls=opportunistic
	login 0 --password-file "$PWD/pw" --tls=off
	head -2 sink.2 > got
	same -v got <<- 'END'
		EHLO me.example^M
		AUTH PLAIN AHUAc2VjcmV0^M
	END
}

@test "passwords come from a command, a descriptor, a credential or ~/.netrc" {
	sink 'caps=AUTH PLAIN,PIPELINING'
	login 0 --tls=off --password-command 'test "$1" = u && echo secret #'
	login 0 --tls=off --password-fd 9 9<<< secret
	echo secret > pw
	CREDENTIALS_DIRECTORY=$PWD login 0 --tls=off --password-file pw
	printf '%s\n' '# mine' 'machine other login u password no' \
		'machine 127.0.0.1 login v password no' \
		'machine 127.0.0.1' 'login u password "secret"' > "$HOME/.netrc"
	chmod 600 "$HOME/.netrc"
	login 0 --tls=off
	grep -ac 'AUTH PLAIN AHUAc2VjcmV0' sink.1 sink.2 sink.3 sink.4 > got
	same got <<- 'END'
		sink.1:1
		sink.2:1
		sink.3:1
		sink.4:1
	END
}

@test "a password that is not to be had is 78: nothing is sent" {
	sink 'caps=AUTH PLAIN,PIPELINING'
	echo 'machine 127.0.0.1 login u password secret' > "$HOME/.netrc"
	chmod 640 "$HOME/.netrc"
	login 78 --tls=off
	same err <<- END
		smtp-send: send <b@x.org>: connect smtp://u@127.0.0.1:$port: $HOME/.netrc: others may read it (mode 0640, not 0600)
	END
	login 78 --tls=off --password-command 'exit 3'
	login 78 --tls=off --password-file "$PWD/none"
	[ ! -e sink.1 ]
	exits 64 smtp-send --relay "smtp://u:pw@127.0.0.1:$port" b@x.org < m
}

@test "a refused login is temporary, in the server's words" {
	sink 'caps=AUTH PLAIN,PIPELINING' 'auth=535 5.7.8 bad dog'
	login 75 --tls=off --password-fd 9 9<<< secret
	same err <<< 'smtp-send: send <b@x.org>: 535 5.7.8 bad dog'
}

@test "-v shows the dialogue with secrets masked" {
	sink 'caps=AUTH PLAIN'
	login 0 -v --tls=off --password-fd 9 9<<< secret
	same err <<- 'END'
		< 220 sink
		> EHLO me.example
		< 250-sink
		< 250 AUTH PLAIN
		> AUTH PLAIN ***
		< 235 2.7.0 welcome
		> EHLO me.example
		< 250-sink
		< 250 AUTH PLAIN
		> MAIL FROM:<a@x.org>
		< 250 2.1.0 ok
		> RCPT TO:<b@x.org>
		< 250 2.1.5 ok
		> DATA
		< 354 go on
		> .
		< 250 2.0.0 queued
		> QUIT
		< 221 2.0.0 bye
	END
}

@test "TLS: submission and smtps verify, plain smtp takes what is offered" {
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout key -out crt \
		-subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 2> req
	cat key crt > cert
	sink caps=STARTTLS,PIPELINING cert="$PWD/cert"
	local common=(--hostname me.example --timeout 20s -f a@x.org b@x.org)
	exits 75 smtp-send --relay "submission://127.0.0.1:$port" "${common[@]}" < m 2> err
	exits 0 smtp-send --relay "submission://127.0.0.1:$port" --cafile crt "${common[@]}" < m
	exits 0 smtp-send --relay "smtp://127.0.0.1:$port" "${common[@]}" < m
	exits 0 smtp-send --relay "smtp://127.0.0.1:$port" --tls=off "${common[@]}" < m
	grep -ac STARTTLS sink.1 sink.2 sink.3 sink.4 > got || :
	same got <<- 'END'
		sink.1:1
		sink.2:1
		sink.3:1
		sink.4:0
	END
	exits 1 grep -aq MAIL sink.1
	grep -aq MAIL sink.2
	# What was offered before STARTTLS is nothing behind it.
	sink caps=STARTTLS,PIPELINING,SIZE tlscaps=8BITMIME cert="$PWD/cert" once=1
	exits 0 smtp-send --relay "smtp://127.0.0.1:$port" "${common[@]}" < m
	sed -n '/MAIL/,$p' sink.1 > got
	head -n 1 got > first
	same -v first <<< 'MAIL FROM:<a@x.org>^M'
	sink caps=PIPELINING cert="$PWD/cert" implicit=1
	exits 75 smtp-send --relay "smtps://127.0.0.1:$port" "${common[@]}" < m 2> err
	exits 0 smtp-send --relay "smtps://127.0.0.1:$port" --cafile crt "${common[@]}" < m
	exits 64 smtp-send --relay "smtps://127.0.0.1:$port" --tls=off "${common[@]}" < m
}

@test "the command line: 64 for what cannot be meant" {
	exits 64 smtp-send b@x.org < m 2> err
	same err <<< 'smtp-send: no server: give --relay URL, --mx or --lmtp PLACE'
	exits 64 smtp-send --relay smtp://h --lmtp /s b@x.org < m
	exits 64 smtp-send --relay smtp://h --mx b@x.org < m
	exits 64 smtp-send --relay smtp://h --port 2525 b@x.org < m 2> err
	same err <<< 'smtp-send: --port: only with --mx'
	exits 64 smtp-send --mx --port 0 b@x.org < m
	for resolver in '' ns.example 127.0.0.1:0 127.0.0.1:65536 '[::1' '[]' '[::1]x' 1.2.3.4.5; do
		exits 64 smtp-send --mx --resolver "$resolver" b@x.org < m
	done
	exits 64 smtp-send --relay smtp://h < m
	exits 64 smtp-send --relay pop3://h b@x.org < m
	exits 64 smtp-send --relay smtp://h/path b@x.org < m
	exits 64 smtp-send --relay $'smtp://h\r\nRSET' b@x.org < m
	exits 64 smtp-send --relay smtp://u%0d%0aRSET@h b@x.org < m
	exits 64 smtp-send --relay smtp://h --hostname $'x\r\ny' b@x.org < m
	exits 64 smtp-send --relay smtp://h -f 'not an address' b@x.org < m
	exits 64 smtp-send --relay smtp://h --tls=maybe b@x.org < m
	exits 64 smtp-send --lmtp host b@x.org < m
	exits 64 smtp-send --relay smtp://h --batch b@x.org < m
	exits 64 smtp-send --nonsense
	exits 65 smtp-send --relay smtp://h -f a@x.org $'b@x.org>\r\nDATA' < m
	exits 0 smtp-send --help > got
	[ "$(wc -l < got)" -le 24 ]
	exits 0 smtp-send --version > got
}

@test "--config holds the options; an unknown one there is 78" {
	sink
	printf 'relay smtp://127.0.0.1:%s\nhostname me.example\n' "$port" > c
	exits 0 smtp-send --config c -f a@x.org b@x.org < m
	echo nonsense >> c
	exits 78 smtp-send --config c -f a@x.org b@x.org < m
}

@test "without the memory for a line of its file or for its URL it fails for now" {
	plain_build
	printf 'tls off\nrelay smtp://127.0.0.1:1\n#%0100000d' 0 >conf
	for n in {1..40}; do
		exits 75 without_memory "$n" smtp-send --config conf -f a@x.org \
			-- b@x.org <m 2>err
	done
}
