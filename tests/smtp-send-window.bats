# smtp-send: messages back to back (CHUNKING), and what a server's offers and
# limits make of a transaction.
# shellcheck disable=SC2154
load lib
load send

# jobs N [RCPT...]: N jobs, q1 and so on; the Nth is for bN@x.org.
jobs() {
	local n
	for ((n = 1; n <= $1; n++)); do
		job "q$n" "$PWD/m" "${@:2}" "b$n@x.org"
	done
}

# chunked N: what the Nth of these jobs is on the wire.
chunked() {
	printf '%s\r\n' 'MAIL FROM:<a@x.org>' "RCPT TO:<b$1@x.org>" \
		'BDAT 22 LAST' 'Subject: hi' '' Hello
}

@test "with CHUNKING a batch goes out back to back, each after the first behind RSET" {
	sink caps=PIPELINING,CHUNKING reads=1
	jobs 3 > jobs
	exits 0 smtp-send "${to[@]}" --batch < jobs > results
	{
		printf -- '--\nEHLO me.example\r\n--\nEHLO me.example\r\n--\n'
		chunked 1
		printf 'RSET\r\n'
		chunked 2
		printf 'RSET\r\n'
		chunked 3
		printf -- '--\nQUIT\r\n'
	} > want
	cmp want sink.1
	accepted 3 | same results
}

@test "a chunk has no dots stuffed, its line ends are CRLF and its size is right" {
	sink caps=PIPELINING,CHUNKING
	printf '.\r\n..\n\n.a\r\nno end' > m
	exits 0 smtp-send "${to[@]}" -f a@x.org b@x.org < m
	sed -n '/^BDAT/,$p' sink.1 > got
	same -v got <<- 'END'
		BDAT 21 LAST^M
		.^M
		..^M
		^M
		.a^M
		no end^M
		QUIT^M
	END
	exits 0 smtp-send "${to[@]}" --allow-empty -f a@x.org b@x.org < /dev/null
	sed -n '/^BDAT/,$p' sink.2 > got
	same -v got <<- 'END'
		BDAT 0 LAST^M
		QUIT^M
	END
}

@test "64 messages are sent without an answer, the next one waits for one" {
	sink caps=PIPELINING,CHUNKING late=64
	jobs 200 > jobs
	exits 0 smtp-send "${to[@]}" --batch < jobs > results
	accepted 200 | cmp - results
	[ ! -e sink.2 ]
	sink caps=PIPELINING,CHUNKING late=65
	exits 0 smtp-send "${to[@]}" --timeout 1s --batch < jobs > results
	grep -ac BDAT sink.1 > got
	same got <<< 64
	cut -f 3-6 results | sort | uniq -c | sed 's/^ *//' > got
	same got <<- 'END'
		136 temp	000	-	no answer in time
		64 unsure	000	-	no answer in time
	END
}

@test "a window's failures are each message's own, and no chunk is taken for commands" {
	sink caps=PIPELINING,CHUNKING
	printf 'RSET\nMAIL FROM:<x@x.org>\nQUIT\n' > evil
	{
		job q1 "$PWD/m" b@x.org
		job q2 "$PWD/evil" 550c@x.org
		job q3 "$PWD/m" 451data@x.org
		job q4 "$PWD/evil" 550d@x.org e@x.org
		job q5 "$PWD/m" f@x.org
	} > jobs
	exits 0 smtp-send "${to[@]}" --batch < jobs > results
	same results <<- 'END'
		q1	<b@x.org>	ok	250	2.0.0	queued
		q2	<550c@x.org>	perm	550	5.1.1	no thanks
		q3	<451data@x.org>	temp	451	4.0.0	queued
		q4	<550d@x.org>	perm	550	5.1.1	no thanks
		q4	<e@x.org>	ok	250	2.0.0	queued
		q5	<f@x.org>	ok	250	2.0.0	queued
	END
	[ ! -e sink.2 ]
	for n in 1 2; do
		printf 'BDAT 33 LAST\r\nRSET\r\nMAIL FROM:<x@x.org>\r\nQUIT\r\nRSET\r\n'
	done > want
	grep -aA 4 '^BDAT 33' sink.1 | grep -av -e '^--' | cmp - want
}

@test "a chunk that is refused at once goes out whole, and the dialogue stays in step" {
	sink caps=PIPELINING,CHUNKING hasty=1
	for _ in {1..40000}; do
		echo 'RSET and much more, so that no buffer holds it all, 64 octets'
	done > long
	{
		job q1 "$PWD/long" 550b@x.org
		job q2 "$PWD/m" c@x.org
	} > jobs
	exits 0 smtp-send "${to[@]}" --batch < jobs > results
	same results <<- 'END'
		q1	<550b@x.org>	perm	550	5.1.1	no thanks
		q2	<c@x.org>	ok	250	2.0.0	queued
	END
	[ ! -e sink.2 ]
	crlf < long > want
	grep -ac 'so that no buffer' sink.1 > got
	same got <<< 40000
}

@test "a lost window: what was sent whole is unsure, the rest goes over a new connection" {
	sink caps=PIPELINING,CHUNKING lose=3
	jobs 5 > jobs
	exits 0 smtp-send "${to[@]}" --batch < jobs | cut -f 1-5 > results
	same results <<- 'END'
		q1	<b1@x.org>	ok	250	2.0.0
		q2	<b2@x.org>	ok	250	2.0.0
		q3	<b3@x.org>	unsure	000	-
		q4	<b4@x.org>	unsure	000	-
		q5	<b5@x.org>	unsure	000	-
	END
	# More than the kernel takes of one that nobody reads.
	head -c 12000000 /dev/zero | tr '\0' '\n' > long
	sink caps=PIPELINING,CHUNKING lose=2
	{
		job q1 "$PWD/m" b1@x.org
		job q2 "$PWD/m" b2@x.org
		job q3 "$PWD/long" b3@x.org
		job q4 "$PWD/m" b4@x.org
	} > jobs
	exits 0 smtp-send "${to[@]}" --batch < jobs | cut -f 1-5 > results
	same results <<- 'END'
		q1	<b1@x.org>	ok	250	2.0.0
		q2	<b2@x.org>	unsure	000	-
		q3	<b3@x.org>	ok	250	2.0.0
		q4	<b4@x.org>	unsure	000	-
	END
	grep -ah '^RCPT' sink.1 sink.2 | tr -d '\r' > got
	same got <<- 'END'
		RCPT TO:<b1@x.org>
		RCPT TO:<b2@x.org>
		RCPT TO:<b3@x.org>
		RCPT TO:<b3@x.org>
		RCPT TO:<b4@x.org>
	END
}

@test "LMTP with CHUNKING: a reply for each recipient of each chunk" {
	sink lmtp=1 caps=PIPELINING,CHUNKING
	{
		job q1 "$PWD/m" b@x.org 550c@x.org 452data@x.org
		job q2 "$PWD/m" 550d@x.org
		job q3 "$PWD/m" e@x.org
	} > jobs
	exits 0 smtp-send --lmtp "127.0.0.1:$port" --hostname me.example \
		--batch < jobs > results
	same results <<- 'END'
		q1	<550c@x.org>	perm	550	5.1.1	no thanks
		q1	<b@x.org>	ok	250	2.0.0	for 250
		q1	<452data@x.org>	temp	452	4.0.0	for 452
		q2	<550d@x.org>	perm	550	5.1.1	no thanks
		q3	<e@x.org>	ok	250	2.0.0	for 250
	END
	grep -ac -e ^BDAT -e ^RSET sink.1 > got
	same got <<< 5
}

@test "who offers CHUNKING and knows no BDAT gets all with DATA, over a new connection" {
	local reply
	for reply in '502 5.5.1 what' '500 what'; do
		sink caps=PIPELINING,CHUNKING bdat="$reply" after=3
		printf '%s\n' RSET 'MAIL FROM:<>' 'RCPT TO:<x@x.org>' DATA > evil
		{
			job q1 "$PWD/evil" 550b@x.org c@x.org
			job q2 "$PWD/m" 550d@x.org
			job q3 "$PWD/m" 554data@x.org
			job q4 "$PWD/m" e@x.org
		} > jobs
		exits 0 timeout 20 smtp-send "${to[@]}" --batch < jobs > results
		sort results > got
		same got <<- 'END'
			q1	<550b@x.org>	perm	550	5.1.1	no thanks
			q1	<c@x.org>	ok	250	2.0.0	queued
			q2	<550d@x.org>	perm	550	5.1.1	no thanks
			q3	<554data@x.org>	perm	554	5.0.0	queued
			q4	<e@x.org>	ok	250	2.0.0	queued
		END
		grep -ac ^BDAT sink.1 > got
		same got <<< 4
		printf '%s\r\n' 'EHLO me.example' 'EHLO me.example' \
			'MAIL FROM:<a@x.org>' 'RCPT TO:<c@x.org>' DATA \
			RSET 'MAIL FROM:<>' 'RCPT TO:<x@x.org>' DATA . \
			'MAIL FROM:<a@x.org>' 'RCPT TO:<550d@x.org>' DATA RSET \
			'MAIL FROM:<a@x.org>' 'RCPT TO:<554data@x.org>' DATA > want
		cmp want sink.2
		printf '%s\r\n' 'EHLO me.example' 'EHLO me.example' \
			'MAIL FROM:<a@x.org>' 'RCPT TO:<554data@x.org>' DATA \
			'Subject: hi' '' Hello . \
			'MAIL FROM:<a@x.org>' 'RCPT TO:<e@x.org>' DATA \
			'Subject: hi' '' Hello . QUIT > want
		cmp want sink.3
		[ ! -e sink.4 ]
	done
	exits 69 smtp-send "${to[@]}" -f a@x.org 554data@x.org < m 2> err
	same err <<< 'smtp-send: send <554data@x.org>: 554 5.0.0 queued'
	sink lmtp=1 caps=CHUNKING bdat='500 what'
	exits 75 smtp-send --lmtp "127.0.0.1:$port" -f a@x.org \
		b@x.org 452data@x.org < m 2> err
	same err <<< 'smtp-send: send <452data@x.org>: 452 4.0.0 for 452'
}

@test "a server that ends each connection after some messages gets them all" {
	sink caps=PIPELINING,CHUNKING after=11
	jobs 40 > jobs
	exits 0 smtp-send "${to[@]}" --batch < jobs > results
	accepted 40 | cmp - results
	[ -e sink.4 ]
	[ ! -e sink.5 ]
	# One that it always ends at is given up, and only that one.
	sink caps=PIPELINING,CHUNKING
	{
		job q1 "$PWD/m" b@x.org
		job q2 "$PWD/m" 421c@x.org
		job q3 "$PWD/m" d@x.org
		job q4 "$PWD/m" e@x.org
	} > jobs
	exits 0 smtp-send "${to[@]}" --batch < jobs | cut -f 1-5 | sort > results
	same results <<- 'END'
		q1	<b@x.org>	ok	250	2.0.0
		q2	<421c@x.org>	temp	421	4.1.1
		q3	<d@x.org>	ok	250	2.0.0
		q4	<e@x.org>	ok	250	2.0.0
	END
}

@test "a message that changes while it is sent never makes a chunk of another size" {
	local turn pid
	for turn in shrinks grows; do
		rm -f go
		sink caps=CHUNKING hold="$PWD/go"
		head -c 300000 /dev/zero | tr '\0' x > long
		job q1 "$PWD/long" b@x.org > jobs
		smtp-send "${to[@]}" --batch < jobs > results &
		pid=$!
		seen RCPT sink.1
		if [ $turn = shrinks ]; then
			truncate -s 200000 long
		else
			# More on the wire, not in the file.
			tr x '\n' < long > other
			cat other > long
		fi
		touch go
		exits 0 wait "$pid"
		same results <<< $'q1\t<b@x.org>\ttemp\t000\t-\tthe message has changed'
		exits 1 grep -aq QUIT sink.1
		tail -c +1 sink.1 | sed '1,/^BDAT/d' | wc -c > n
		[ "$(< n)" -lt 300002 ]
	done
}

@test "a message over the server's SIZE is refused before it is said" {
	sink caps=PIPELINING,SIZE\ 22
	printf 'Subject: hi\n\nHello.\n' > big
	{
		job q1 "$PWD/m" b@x.org
		job q2 "$PWD/big" c@x.org d@x.org
	} > jobs
	exits 0 smtp-send "${to[@]}" --batch < jobs | sort > results
	same results <<- 'END'
		q1	<b@x.org>	ok	250	2.0.0	queued
		q2	<c@x.org>	perm	552	5.3.4	message is larger than the server takes
		q2	<d@x.org>	perm	552	5.3.4	message is larger than the server takes
	END
	grep -ac MAIL sink.1 > got
	same got <<< 1
	for none in 'SIZE 0' SIZE 'SIZE x' 'SIZE 99999999999999999999'; do
		sink "caps=PIPELINING,$none"
		exits 0 smtp-send "${to[@]}" -f a@x.org b@x.org < big
	done
}

# transactions: of all connections, a line each: recipients.
transactions() {
	cat sink.[0-9]* | tr -d '\r' | awk '
		/^MAIL/ { if (n++) print line; line = "" }
		/^RCPT/ { gsub(/RCPT TO:<|>.*/, ""); line = line $0 " " }
		END { print line }' | sed 's/ $//'
}

@test "--max-rcpts and a server's RCPTMAX split a transaction" {
	sink
	exits 0 smtp-send "${to[@]}" --max-rcpts 2 -f a@x.org 1@x 2@x 3@x 4@x 5@x < m
	transactions > got
	same got <<- 'END'
		1@x 2@x
		3@x 4@x
		5@x
	END
	sink 'caps=PIPELINING,LIMITS FOO=1 rcptmax=3 RCPTMAX=x'
	exits 75 smtp-send "${to[@]}" --max-rcpts 4 -f a@x.org 1@x 450@x 3@x 4@x 5@x < m 2> err
	transactions > got
	same got <<- 'END'
		1@x 450@x 3@x
		4@x 5@x
	END
	same err <<< 'smtp-send: send <450@x>: 450 4.1.1 no thanks'
	[ ! -e sink.2 ]
	exits 64 smtp-send "${to[@]}" --max-rcpts 0 -f a@x.org 1@x < m 2> err
	same err <<< "smtp-send: --max-rcpts: \`0' is no number of 1 and more"
}

@test "who is one too many for a transaction goes in the next one, on every way" {
	local way over
	for way in '' PIPELINING PIPELINING,CHUNKING 'PIPELINING lmtp=1' \
		'PIPELINING,CHUNKING lmtp=1'; do
		for over in '452 4.5.3 too many' '552 too many'; do
			# shellcheck disable=SC2086 # two words
			sink most=2 over="$over" caps=$way
			[ "${way%lmtp=1}" = "$way" ] || to=(--lmtp "127.0.0.1:$port")
			{
				job q1 "$PWD/m" 1@x 2@x 3@x 550@x 4@x 5@x
				job q2 "$PWD/m" 6@x
			} > jobs
			exits 0 smtp-send "${to[@]}" --batch < jobs > results
			cut -f 1-4 results | sort > got
			same got <<- 'END'
				q1	<1@x>	ok	250
				q1	<2@x>	ok	250
				q1	<3@x>	ok	250
				q1	<4@x>	ok	250
				q1	<550@x>	perm	550
				q1	<5@x>	ok	250
				q2	<6@x>	ok	250
			END
			transactions > got
			same got <<- 'END'
				1@x 2@x 3@x 550@x 4@x 5@x
				6@x
				3@x 4@x 5@x
				5@x
			END
			[ ! -e sink.2 ]
		done
	done
}

@test "one too many in a transaction that accepts none: that is the verdict" {
	sink
	exits 75 smtp-send "${to[@]}" -f a@x.org \
		1@x 452b@x 3@x 552c@x 452d@x < m 2> err
	transactions > got
	same got <<- 'END'
		1@x 452b@x 3@x 552c@x 452d@x
		452b@x 552c@x 452d@x
	END
	same err <<- 'END'
		smtp-send: send <452b@x>: 452 4.1.1 no thanks
		smtp-send: send <552c@x>: 552 5.1.1 no thanks
		smtp-send: send <452d@x>: 452 4.1.1 no thanks
	END
	# A lost acknowledgement is not that of who is still to be asked for.
	sink caps=PIPELINING,CHUNKING most=2 lose=2
	{
		job q1 "$PWD/m" 1@x
		job q2 "$PWD/m" 2@x 3@x 4@x
	} > jobs
	exits 0 smtp-send "${to[@]}" --batch < jobs | cut -f 1-3 > results
	same results <<- 'END'
		q1	<1@x>	ok
		q2	<2@x>	unsure
		q2	<3@x>	unsure
		q2	<4@x>	ok
	END
	transactions > got
	same got <<- 'END'
		1@x
		2@x 3@x 4@x
		4@x
	END
}

@test "a server's RCPTDOMAINMAX splits by domains, MAILMAX goes on over a new connection" {
	sink 'caps=PIPELINING,LIMITS RCPTDOMAINMAX=2'
	exits 0 smtp-send "${to[@]}" -f a@x.org 1@a 1@b 1@c 2@A 2@C 2@b 1@d < m
	transactions > got
	same got <<- 'END'
		1@a 1@b 2@A 2@b
		2@C 1@c 1@d
	END
	sink 'caps=PIPELINING,CHUNKING,LIMITS MAILMAX=2'
	jobs 5 > jobs
	exits 0 smtp-send "${to[@]}" --batch < jobs | cut -f 1,3 > results
	printf 'q%d\tok\n' 1 2 3 4 5 | same results
	grep -ac -e ^MAIL -e ^QUIT sink.1 sink.2 sink.3 > got
	same got <<- 'END'
		sink.1:3
		sink.2:3
		sink.3:2
	END
	[ ! -e sink.4 ]
}

@test "DSN goes along where it is offered; where not, a success says so to whom it was promised" {
	{
		printf 'q1\t%s/m\t0\t-\t<a@x.org> RET=HDRS ENVID=e\t' "$PWD"
		printf '<b@x.org> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;b@x\t'
		printf '<c@x.org> NOTIFY=FAILURE\t<550d@x.org> NOTIFY=SUCCESS\n'
	} > jobs
	sink caps=PIPELINING,DSN
	exits 0 smtp-send "${to[@]}" --batch < jobs > results
	grep -a -e ^MAIL -e ^RCPT sink.1 | tr -d '\r' > got
	same got <<- 'END'
		MAIL FROM:<a@x.org> RET=HDRS ENVID=e
		RCPT TO:<b@x.org> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;b@x
		RCPT TO:<c@x.org> NOTIFY=FAILURE
		RCPT TO:<550d@x.org> NOTIFY=SUCCESS
	END
	cut -f 2- results > got
	same got <<- 'END'
		<550d@x.org>	perm	550	5.1.1	no thanks
		<b@x.org>	ok	250	2.0.0	queued
		<c@x.org>	ok	250	2.0.0	queued
	END
	sink
	exits 0 smtp-send "${to[@]}" --batch < jobs > results
	grep -a -e ^MAIL -e ^RCPT sink.1 | tr -d '\r' > got
	same got <<- 'END'
		MAIL FROM:<a@x.org> SIZE=22
		RCPT TO:<b@x.org>
		RCPT TO:<c@x.org>
		RCPT TO:<550d@x.org>
	END
	cut -f 2- results > got
	same got <<- 'END'
		<550d@x.org>	perm	550	5.1.1	no thanks
		<b@x.org>	ok	250	2.0.0	no DSN: queued
		<c@x.org>	ok	250	2.0.0	queued
	END
}

@test "--max-time ends what is not done, before an answer's own time or at no time of silence" {
	sink end=silence
	exits 75 smtp-send "${to[@]}" --max-time 1s -f a@x.org b@x.org < m 2> err
	same err <<< 'smtp-send: send <b@x.org>: unsure: not done within --max-time'
	sink mail=silence
	exits 75 smtp-send "${to[@]}" --max-time 1s -f a@x.org b@x.org < m 2> err
	same err <<< 'smtp-send: send <b@x.org>: not done within --max-time'
	sink greet=silence
	exits 75 smtp-send "${to[@]}" --max-time 1s -f a@x.org b@x.org < m 2> err
	sed 's/: [^:]*$//' err > got
	same got <<< "smtp-send: send <b@x.org>: connect smtp://127.0.0.1:$port"
	# A job's time is its own: they take longer together.
	sink wait=0.4
	jobs 5 > jobs
	exits 0 smtp-send "${to[@]}" --max-time 2s --batch < jobs | cut -f 1,3 > got
	printf 'q%d\tok\n' 1 2 3 4 5 | same got
	local bad
	for bad in 0 x 8d; do
		exits 64 smtp-send "${to[@]}" --max-time $bad b@x.org < m 2> err
		same err <<< "smtp-send: --max-time: \`$bad' is not a time of 1s to 1w"
	done
}

@test "a header in UTF-8, of a message that says so, fails with 5.6.7 where SMTPUTF8 is not offered" {
	printf 'Subject: \303\274\r\n\r\nx\n' > utf8
	printf 'Subject: u\n\n\303\274\n' > body
	local file
	for file in utf8 body m; do
		job $file "$PWD/$file" b@x.org | sed 's/<a@x.org>/& SMTPUTF8/'
		job $file-plain "$PWD/$file" b@x.org
	done > jobs
	sink caps=PIPELINING,8BITMIME
	exits 0 smtp-send "${to[@]}" --batch < jobs | cut -f 1,3-6 > results
	same results <<- 'END'
		utf8	perm	554	5.6.7	header needs SMTPUTF8, which is not offered
		utf8-plain	ok	250	2.0.0	queued
		body	ok	250	2.0.0	queued
		body-plain	ok	250	2.0.0	queued
		m	ok	250	2.0.0	queued
		m-plain	ok	250	2.0.0	queued
	END
	sink caps=PIPELINING,8BITMIME,SMTPUTF8
	exits 0 smtp-send "${to[@]}" --batch < jobs | cut -f 3 | sort -u > results
	same results <<< ok
	grep -a ^MAIL sink.1 | tr -d '\r' > got
	same got <<- 'END'
		MAIL FROM:<a@x.org> BODY=8BITMIME SMTPUTF8
		MAIL FROM:<a@x.org> BODY=8BITMIME
		MAIL FROM:<a@x.org> BODY=8BITMIME SMTPUTF8
		MAIL FROM:<a@x.org> BODY=8BITMIME
		MAIL FROM:<a@x.org>
		MAIL FROM:<a@x.org>
	END
}
