#!/usr/bin/env bats
# smtp-send --mx: mail hosts are servers on 127.0.0.2 and up, at one port; the
# DNS server says what tests/lib/dns.py reads from the file zone.
# shellcheck disable=SC2154
load lib
load peers

setup() {
	sandbox
	HOSTS=()
	printf 'Subject: hi\n\nHello\n' >m
	free_port port
}

teardown() {
	for pid in "${HOSTS[@]}"; do
		kill "$pid" && wait "$pid" || :
	done
	peers_stop
}

background() {
	/usr/bin/python3 -S "$TESTS/lib/$1" "${@:2}" 3>&- &
	HOSTS+=($!)
}

# host N [OPTION=VALUE]...: a server on 127.0.0.N; what its connection M
# received is in hN.M.
host() {
	background sink.py "h$1" "listen=127.0.0.$1:$port" "${@:2}"
}

# until_there FILE: for a bounded time.
until_there() {
	eventually [ -s "$1" ]
}

# dns [ADDRESS] < ZONE: the DNS server, and in $to what leads there.
dns() {
	cat >zone
	background dns.py dns zone "$@"
	until_there dns
	to=(--mx --resolver "127.0.0.1:$(<dns)" --port "$port"
		--hostname me.example --timeout 20s)
}

# ready N...: until those hosts listen.
ready() {
	local n
	for n; do
		until_there "h$n"
	done
}

# send CODE [OPTION VALUE] RCPT...: its diagnostics are in err.
send() {
	local code=$1 option=()
	shift
	[[ $1 != --* ]] || { option=("$1" "$2") && shift 2; }
	exits "$code" smtp-send "${to[@]}" "${option[@]}" -f a@x.org -- "$@" <m 2>err
}

asked() {
	same dns.log
}

@test "the best host gets it, in one dialogue, and those behind it are not asked" {
	host 2
	host 3
	ready 2 3
	dns <<-X
		a.example MX 20 three.a.example
		a.example MX 10 two.a.example
		two.a.example A 127.0.0.2
		three.a.example A 127.0.0.3
	X
	send 0 b@A.example
	same -v h2.1 <<-'END'
		EHLO me.example^M
		EHLO me.example^M
		MAIL FROM:<a@x.org> SIZE=22^M
		RCPT TO:<b@A.example>^M
		DATA^M
		Subject: hi^M
		^M
		Hello^M
		.^M
		QUIT^M
	END
	[ ! -e h3.1 ]
	asked <<-'END'
		a.example MX
		two.a.example AAAA
		two.a.example A
		three.a.example AAAA
		three.a.example A
	END
}

@test "the next host is tried after a refused connection and any greeting but 220" {
	host 3 greet='421 4.3.2 busy'
	host 4 greet='554 5.3.2 no mail here'
	host 5 greet='451 4.3.0 later'
	host 6
	ready 3 4 5 6
	dns <<-X
		a.example MX 1 two
		a.example MX 2 three
		a.example MX 3 four
		a.example MX 4 five
		a.example MX 5 six
		two A 127.0.0.2
		three A 127.0.0.3
		four A 127.0.0.4
		five A 127.0.0.5
		six A 127.0.0.6
		b.example MX 1 two
		b.example MX 2 four
		c.example MX 1 four
		c.example MX 2 two
	X
	send 0 b@a.example
	grep -ac RCPT h6.1 >got
	same got <<<1
	send 75 b@b.example
	sed -i 's/ after [0-9]* ms//' err
	same err <<-END
		smtp-send: send <b@b.example>: 554 5.3.2 connect two[127.0.0.2]: Failed to connect to 127.0.0.2 port $port: Couldn't connect to server; four[127.0.0.4]: no mail here
	END
	send 75 b@c.example
	sed -i 's/ after [0-9]* ms//' err
	same err <<-END
		smtp-send: send <b@c.example>: four[127.0.0.4]: no mail here; connect two[127.0.0.2]: Failed to connect to 127.0.0.2 port $port: Couldn't connect to server
	END
}

@test "a connection lost before a message was carried: the next host" {
	host 2 mail='421 4.3.2 not now'
	host 3 mail=close
	host 4 data=close
	host 5
	ready 2 3 4 5
	dns <<-X
		a.example MX 1 two
		a.example MX 2 three
		a.example MX 3 four
		a.example MX 4 five
		two A 127.0.0.2
		three A 127.0.0.3
		four A 127.0.0.4
		five A 127.0.0.5
		b.example MX 1 three
		b.example MX 2 two
	X
	send 0 b@a.example c@a.example
	grep -ac '^RCPT' h5.1 >got
	same got <<<2
	for n in 2 3 4; do
		exits 1 grep -aq '^Hello' h$n.1
	done
	send 75 b@b.example
	same err <<-'END'
		smtp-send: send <b@b.example>: 421 4.3.2 three[127.0.0.3]: server closed the connection; two[127.0.0.2]: not now
	END
}

@test "what a host answers stays: 550 and 450 are its word, a lost end is unsure, no other is asked" {
	host 2 end=close
	host 3
	ready 2 3
	dns <<-X
		a.example MX 1 two
		a.example MX 2 three
		two A 127.0.0.2
		three A 127.0.0.3
	X
	send 75 550b@a.example 450c@a.example d@a.example
	same err <<-'END'
		smtp-send: send <550b@a.example>: 550 5.1.1 two[127.0.0.2]: no thanks
		smtp-send: send <450c@a.example>: 450 4.1.1 two[127.0.0.2]: no thanks
		smtp-send: send <d@a.example>: unsure: two[127.0.0.2]: server closed the connection
	END
	[ ! -e h3.1 ]
}

@test "equal hosts are tried in random order" {
	dns <<-X
		a.example MX 10 two
		a.example MX 10 three
		two A 127.0.0.2
		three A 127.0.0.3
	X
	# Neither listens; the last one tried is named.
	for _ in {1..30}; do
		send 75 b@a.example
		grep -o '127[0-9.]*]' err
	done | sort -u >got
	same got <<-'END'
		127.0.0.2]
		127.0.0.3]
	END
}

@test "no MX: the domain's own address; aliases are followed" {
	host 2
	ready 2
	dns <<-X
		a.example A 127.0.0.2
		alias.example CNAME a.example
		b.example MX 1 alias.example
		mxalias.example CNAME b.example
	X
	send 0 b@a.example
	send 0 b@alias.example
	send 0 b@b.example
	send 0 b@mxalias.example
	grep -ah RCPT h2.1 h2.2 h2.3 h2.4 >got
	same -v got <<-'END'
		RCPT TO:<b@a.example>^M
		RCPT TO:<b@alias.example>^M
		RCPT TO:<b@b.example>^M
		RCPT TO:<b@mxalias.example>^M
	END
}

@test "IPv6 and IPv4 of a host by turns, five of them" {
	dns <<-X
		a.example A 127.0.0.2
		a.example A 127.0.0.3
		a.example A 127.0.0.4
		a.example AAAA ::1
		a.example AAAA ::2
		a.example AAAA ::3
	X
	strace -qq -f -e trace=connect -o trace \
		smtp-send "${to[@]}" -f a@x.org b@a.example <m 2>err || :
	sed -n "s/.*sin6*_port=htons($port).*\"\\([0-9a-f.:]*\\)\".*/\\1/p" trace >got
	same got <<-'END'
		::1
		127.0.0.2
		::2
		127.0.0.3
		::3
	END
}

@test "for good: no domain, null MX, no address, only addresses or no names for hosts" {
	dns <<-X
		null.example MX 0 .
		none.example MX 10 nowhere.example
		literal.example MX 10 192.0.2.1
		odd.example MX 10 a/b.example
		empty.example CNAME other.example
		other.example TXT x
	X
	send 69 a@gone.example b@null.example c@none.example d@literal.example \
		e@odd.example f@empty.example
	same err <<-'END'
		smtp-send: send <a@gone.example>: 550 5.1.2 no such domain: gone.example
		smtp-send: send <b@null.example>: 556 5.1.10 null.example takes no mail (null MX)
		smtp-send: send <c@none.example>: 550 5.4.4 no mail host of none.example has an address
		smtp-send: send <d@literal.example>: 550 5.4.4 no mail host of literal.example is a host name
		smtp-send: send <e@odd.example>: 550 5.4.4 no mail host of odd.example is a host name
		smtp-send: send <f@empty.example>: 550 5.4.4 no mail host of empty.example has an address
	END
}

@test "ourselves: our names and what is worse go, the best is temporary" {
	host 2
	host 3
	ready 2 3
	dns <<-X
		a.example MX 10 two
		a.example MX 20 Me.Example
		a.example MX 20 three
		a.example MX 30 three
		b.example MX 10 also.example
		b.example MX 20 two
		two A 127.0.0.2
		three A 127.0.0.3
		me.example A 127.0.0.3
		also.example A 127.0.0.3
	X
	to+=(--local also.example)
	send 0 b@a.example
	kill "${HOSTS[0]}"
	wait "${HOSTS[0]}" || :
	unset 'HOSTS[0]'
	send 75 b@a.example
	send 75 b@b.example c@me.example d@also.example postmaster
	same err <<-'END'
		smtp-send: send <b@b.example>: 4.3.5 the best mail host of b.example is this one, which has no route for it
		smtp-send: send <c@me.example>: 4.3.5 the best mail host of me.example is this one, which has no route for it
		smtp-send: send <postmaster>: 4.3.5 the best mail host of me.example is this one, which has no route for it
		smtp-send: send <d@also.example>: 4.3.5 the best mail host of also.example is this one, which has no route for it
	END
	[ ! -e h3.1 ]
}

# Each by a process of its own, at the same time: most of them have to wait.
@test "a resolver that fails, lies or stalls is temporary, and in time" {
	dns <<-X
		servfail.example MX !servfail
		refused.example MX !refused
		silence.example MX !silence
		garbage.example MX !garbage
		wrongid.example MX !wrongid
		foreign.example MX !foreign
		query.example MX !query
		pointer.example MX !pointer
		cut.example MX !cut
		hang.example MX !hang
		drip.example MX !drip
		close.example MX !close
		short.example MX !short
		host.example MX 10 bad.example
		bad.example A !servfail
		claims.example MX !claims 10000
		lame.example MX !lame
		loop.example MX !loop
		lamehost.example MX 10 lamed.example
		lamed.example A !lame
		slow.example MX 10 slowhost.example
		slowhost.example A !silence
	X
	to+=(--timeout 4s)
	SECONDS=0
	for what in servfail refused silence garbage wrongid foreign query pointer \
		cut hang drip close short claims lame loop lamehost host slow; do
		{
			code=0
			smtp-send "${to[@]}" -f a@x.org "b@$what.example" <m 2>err.$what || code=$?
			echo "$what $code" >code.$what
		} 3>&- &
	done
	for pid in $(jobs -p); do
		[[ " ${HOSTS[*]} " == *" $pid "* ]] || wait "$pid"
	done
	[ "$SECONDS" -lt 20 ]
	cat code.* >got
	same got <<-'END'
		claims 75
		close 75
		cut 75
		drip 75
		foreign 75
		garbage 75
		hang 75
		host 75
		lame 75
		lamehost 75
		loop 75
		pointer 75
		query 75
		refused 75
		servfail 75
		short 75
		silence 75
		slow 75
		wrongid 75
	END
	sed 's/.*>: 451 4.4.3 no answer from DNS\( in time\)* for.*/temporary/' err.* |
		sort | uniq -c | sed 's/^ *//' >got
	same got <<<'19 temporary'
}

@test "an answer cut short comes by TCP, also one of very many records" {
	host 2
	ready 2
	dns <<-X
		a.example MX !tcp 10 two
		many.example MX !many 4000
		many.example A 127.0.0.2
		full.example A !many 1900 127.0.0.2
		two A 127.0.0.2
	X
	send 0 b@a.example b@many.example b@full.example
	grep -c 'example MX' dns.log >got
	same got <<<5
	grep -c 'full.example A$' dns.log >got
	same got <<<2
}

@test "an answer that speaks of another name says nothing of ours" {
	host 2
	host 3
	ready 2 3
	dns <<-X
		a.example MX !other
		a.example A 127.0.0.2
		evil.example A 127.0.0.3
	X
	send 0 b@a.example
	grep -ah '^RCPT' h2.1 | tr -d '\r' >got
	same got <<<'RCPT TO:<b@a.example>'
	[ ! -e h3.1 ]
	grep -c evil dns.log >got || :
	same got <<<0
}

@test "twenty places are tried, of the best hosts, and no more" {
	for n in {1..40}; do
		echo "a.example MX $n h$n.a.example"
		echo "h$n.a.example A 127.0.1.$n"
	done >many
	dns <many
	strace -qq -f -e trace=connect -o trace \
		smtp-send "${to[@]}" -f a@x.org b@a.example <m 2>err || :
	sed -n "s/.*sin_port=htons($port).*\"127.0.1.\\([0-9]*\\)\".*/\\1/p" trace >got
	same got < <(seq 20)
	grep -c ' A$' dns.log >got
	same got <<<20
}

@test "recipients of several domains: each domain's hosts, in one transaction each" {
	host 2
	host 3
	ready 2 3
	dns <<-X
		a.example MX 10 two
		b.example MX 10 three
		two A 127.0.0.2
		three A 127.0.0.3
	X
	send 69 a1@a.example b1@b.example a2@A.EXAMPLE c1@c.example b2@b.example
	same err <<<'smtp-send: send <c1@c.example>: 550 5.1.2 no such domain: c.example'
	grep -ah '^RCPT' h2.1 h3.1 | tr -d '\r' >got
	same got <<-'END'
		RCPT TO:<a1@a.example>
		RCPT TO:<a2@A.EXAMPLE>
		RCPT TO:<b1@b.example>
		RCPT TO:<b2@b.example>
	END
	[ ! -e h2.2 ] && [ ! -e h3.2 ]
}

@test "a batch of several domains: one result for each recipient" {
	host 2
	ready 2
	dns <<-X
		a.example MX 10 two
		b.example MX 10 two
		c.example MX 0 .
		two A 127.0.0.2
	X
	for id in 1 2 3; do
		printf '%s\t%s/m\t0\t-\t<a@x.org>\t<x@a.example>\t<550y@b.example>\t<z@c.example>\t<@b.example:w@z.example>\n' $id "$PWD"
	done >jobs
	printf '4\t%s/none\t0\t-\t<a@x.org>\t<x@a.example>\t<x@b.example>\n' "$PWD" >>jobs
	printf '5\t%s/m\t0\t-\t<a@x.org>\t<x@a.example>\t<x@a..example>\n' "$PWD" >>jobs
	exits 0 smtp-send "${to[@]}" --batch <jobs >results
	cut -f 1-5 results | sort >got
	{
		for id in 1 2 3; do
			printf '%s\t<550y@b.example>\tperm\t550\t5.1.1\n' $id
			printf '%s\t<@b.example:w@z.example>\tok\t250\t2.0.0\n' $id
			printf '%s\t<x@a.example>\tok\t250\t2.0.0\n' $id
			printf '%s\t<z@c.example>\tperm\t556\t5.1.10\n' $id
		done
		printf '4\t<x@%s.example>\ttemp\t000\t-\n' a b
		printf '5\t<x@a.example>\tok\t250\t2.0.0\n'
		printf '5\t<x@a..example>\tperm\t553\t5.1.3\n'
	} | sort | same got
	head -n 1 results | cut -f 6 >got
	same got <<<'two[127.0.0.2]: queued'
}

@test "a batch for one domain asks DNS once, and stays on the host that works" {
	host 3
	ready 3
	dns <<-X
		a.example MX 10 two
		a.example MX 20 three
		two A 127.0.0.2
		three A 127.0.0.3
	X
	for ((id = 1; id <= 200; id++)); do
		printf '%s\t%s/m\t0\t-\t<a@x.org>\t<x@a.example>\n' $id "$PWD"
	done >jobs
	exits 0 smtp-send "${to[@]}" --batch <jobs >results
	cut -f 3,6 results | sort -u >got
	same got <<<$'ok\tthree[127.0.0.3]: queued'
	wc -l <results >got
	same got <<<200
	grep -c MX dns.log >got
	same got <<<1
	[ ! -e h3.2 ]
}

@test "after a host has carried messages a drop is mended at that host" {
	host 2 after=3
	ready 2
	dns <<-X
		a.example MX 10 two
		a.example MX 20 three
		two A 127.0.0.2
		three A 127.0.0.3
	X
	for id in 1 2 3 4 5; do
		printf '%s\t%s/m\t0\t-\t<a@x.org>\t<x@a.example>\n' $id "$PWD"
	done >jobs
	exits 0 smtp-send "${to[@]}" --batch <jobs >results
	cut -f 3,6 results | sort | uniq -c | sed 's/^ *//' >got
	same got <<<$'5 ok\ttwo[127.0.0.2]: queued'
}

@test "a host that offers chunks and knows none is asked again, without them" {
	host 2 caps=PIPELINING,CHUNKING bdat='502 5.5.1 what'
	host 3
	ready 2 3
	dns <<-X
		a.example MX 10 two.a.example
		a.example MX 20 three.a.example
		two.a.example A 127.0.0.2
		three.a.example A 127.0.0.3
	X
	send 0 b@a.example
	grep -a '^[BD]' h2.1 h2.2 >got
	same -v got <<-'END'
		h2.1:BDAT 22 LAST^M
		h2.2:DATA^M
	END
	[ ! -e h3.1 ]
}

@test "address literals go to that address" {
	host 2
	background sink.py six "listen=::1:$port"
	ready 2
	dns </dev/null
	until_there six
	send 0 'b@[127.0.0.2]' 'b@[IPv6:::1]'
	grep -ah '^RCPT' h2.1 six.1 | tr -d '\r' >got
	same got <<-'END'
		RCPT TO:<b@[127.0.0.2]>
		RCPT TO:<b@[IPv6:::1]>
	END
	send 69 '550b@[127.0.0.2]'
	same err <<<'smtp-send: send <550b@[127.0.0.2]>: 550 5.1.1 [127.0.0.2]: no thanks'
	asked </dev/null
}

@test "TLS is taken, not verified, by the host's name; where it fails nothing goes in clear" {
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout key -out crt \
		-subj /CN=elsewhere 2>req
	cat key crt >cert
	echo rubbish >broken
	host 2 caps=STARTTLS,PIPELINING cert="$PWD/broken"
	host 3 caps=STARTTLS,PIPELINING cert="$PWD/cert"
	ready 2 3
	dns <<-X
		a.example MX 10 two.a.example
		a.example MX 20 three.a.example
		two.a.example A 127.0.0.2
		three.a.example A 127.0.0.3
		b.example MX 10 two.a.example
	X
	send 0 b@a.example
	exits 1 grep -aq MAIL h2.1
	grep -ac '^MAIL\|^STARTTLS' h3.1 >got
	same got <<<2
	same h3.sni <<<three.a.example
	send 75 b@b.example
	to+=(--tls required)
	send 75 b@a.example
	to+=(--tls off)
	send 0 b@b.example
}

@test "a name in UTF-8 is looked up as its A-labels, and said as it is" {
	host 2 caps=SMTPUTF8
	ready 2
	dns <<-X
		xn--bcher-kva.example MX 10 two
		two A 127.0.0.2
	X
	send 0 b@Bücher.example
	head -n 1 dns.log >got
	same got <<<'xn--bcher-kva.example MX'
	grep -a '^RCPT' h2.1 | tr -d '\r' >got
	same got <<<'RCPT TO:<b@Bücher.example>'
	send 69 $'b@x\xe2\x80\xa4y.example'
	same err <<<$'smtp-send: send <b@x\xe2\x80\xa4y.example>: 550 5.1.2 `x\xe2\x80\xa4y.example\' has no form in ASCII'
}

@test "a resolver may be on IPv6" {
	host 2
	ready 2
	dns ::1 <<-X
		a.example A 127.0.0.2
	X
	to+=(--resolver "[::1]:$(<dns)")
	send 0 b@a.example
}

@test "with a resolver as it is in the world: dnsmasq" {
	host 3
	ready 3
	dnsmasq_start mx-host=a.example,two.a.example,10 \
		mx-host=a.example,three.a.example,20 \
		host-record=two.a.example,127.0.0.2 \
		host-record=three.a.example,127.0.0.3 \
		cname=alias.example,three.a.example dns-rr=null.example,15,000000
	to=(--mx --resolver "127.0.0.1:$DNSMASQ_PORT" --port "$port"
		--hostname me.example --timeout 20s)
	send 0 b@a.example b@three.a.example b@alias.example
	send 69 b@null.example b@gone.example
	same err <<-'END'
		smtp-send: send <b@null.example>: 556 5.1.10 null.example takes no mail (null MX)
		smtp-send: send <b@gone.example>: 550 5.1.2 no such domain: gone.example
	END
}

# hole N...: addresses 127.0.0.N that swallow what comes.
hole() {
	# A queue of one that is full: the kernel drops what comes.
	python3 - "$port" "$@" 3>&- <<-'END' &
		import socket, sys, time
		kept = []
		for n in sys.argv[2:]:
		    s = socket.socket()
		    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
		    s.bind(("127.0.0." + n, int(sys.argv[1])))
		    s.listen(0)
		    kept.append(s)
		    for _ in range(3):
		        c = socket.socket()
		        c.setblocking(False)
		        c.connect_ex(s.getsockname())
		        kept.append(c)
		open("full", "w").write("x")
		time.sleep(600)
	END
	HOSTS+=($!)
	until_there full
}

@test "an address that swallows everything costs some seconds, not all" {
	host 3
	ready 3
	dns <<-X
		a.example MX 10 hole
		a.example MX 20 three
		hole A 127.0.0.2
		three A 127.0.0.3
	X
	hole 2
	strace -qq -f -e trace=setsockopt,connect -o trace \
		smtp-send "${to[@]}" --timeout 5s -f a@x.org b@a.example <m 2>err
	grep -a RCPT h3.1 | tr -d '\r' >got
	same got <<<'RCPT TO:<b@a.example>'
	# What ends it without --timeout.
	grep -o 'TCP_SYNCNT, \[3\]' trace | sort -u >got
	same got <<<'TCP_SYNCNT, [3]'
}

@test "--max-time is shared by the hosts that are left, and each is named with what it said" {
	hole 2 3
	host 4 greet=silence
	host 5
	ready 4 5
	dns <<-X
		a.example MX 10 two
		a.example MX 20 three
		a.example MX 30 four
		a.example MX 40 five
		b.example MX 10 two
		b.example MX 20 three
		b.example MX 30 six
		two A 127.0.0.2
		three A 127.0.0.3
		four A 127.0.0.4
		five A 127.0.0.5
		six A 127.0.0.6
	X
	SECONDS=0
	send 0 --max-time 12s b@a.example
	[ "$SECONDS" -lt 13 ] && [ "$SECONDS" -ge 8 ]
	grep -ac '^RCPT' h5.1 >got
	same got <<<1
	send 75 --max-time 2s b@b.example
	sed 's/ to 127[^;]* after [0-9]* ms: / /g' err >got
	same got <<-'END'
		smtp-send: send <b@b.example>: connect two[127.0.0.2]: Failed to connect Timeout was reached; connect three[127.0.0.3]: Failed to connect Timeout was reached; connect six[127.0.0.6]: Failed to connect Couldn't connect to server
	END
}

@test "spool run: sent, refused and reported, or waiting because we are the host, which health says" {
	host 2
	ready 2
	dns <<-X
		a.example MX 10 two
		two A 127.0.0.2
		self.example MX 10 me.example
		also.example MX 10 local.example
		b.example A 127.0.0.2
	X
	export MAILPIPE_SPOOL=$PWD/spool
	mkdir spool
	echo "* mx --resolver 127.0.0.1:$(<dns) --port $port" >spool/routes
	spool add -f s@b.example x@a.example x@gone.example x@self.example \
		x@also.example <m >id
	run=(spool run --hostname me.example --local local.example --log none)
	exits 0 "${run[@]}" 2>err
	spool list | sed -E 's/^[0-9a-z]{20}.*/ID/' | sort >got
	same got <<-'END'
		  <s@b.example>
		  <x@also.example> 4.3.5 the best mail host of also.example is this one, which has no route for it
		  <x@self.example> 4.3.5 the best mail host of self.example is this one, which has no route for it
		ID
		ID
	END
	exits 1 spool health >health
	grep -o 'last run: 4.3.5 the best mail host of [as][a-z]*.example is this one' health
	exits 0 "${run[@]}" 2>err
	grep -ah '^RCPT\|^EHLO\|^Status' h2.1 h2.2 | uniq | tr -d '\r' >got
	same got <<-'END'
		EHLO me.example
		RCPT TO:<x@a.example>
		EHLO me.example
		RCPT TO:<s@b.example>
		Status: 5.1.2
	END
	exits 0 spool health >health
}

# A network and an /etc/resolv.conf of its own make the defaults safe to use.
@test "without routes, resolver and port: the system's DNS servers, and port 25" {
	unshare -nm true 2>/dev/null || skip "unshare must be run by root"
	printf 'nameserver 127.0.0.5\noptions attempts:1\n' >resolv.conf
	printf '%s\n' 'a.example MX 10 two' 'two A 127.0.0.2' >zone
	cat >inside <<-'END'
		mount --bind resolv.conf /etc/resolv.conf || exit
		python3 -c 'import fcntl, socket, struct
		fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sH14x", b"lo", 1))'
		python3 -S "$TESTS/lib/sink.py" h2 listen=127.0.0.2:25 &
		python3 -S "$TESTS/lib/dns.py" dns zone 127.0.0.5 53 &
		until_there h2
		until_there dns
		spool add -f s@b.example x@a.example <m
		spool run --hostname me.example
		kill $(jobs -p)
	END
	export TESTS MAILPIPE_SPOOL=$PWD/spool
	export -f until_there eventually pause
	unshare -nm bash -e inside >id 2>err 3>&-
	sed -E 's/id=[0-9a-z]{20}/id=ID/g' err >got
	same got <<-'END'
		event=sent id=ID mail_id=ID rcpt=x@a.example code=250 text="2.0.0 two[127.0.0.2]: queued"
	END
	grep -a '^RCPT' h2.1 | tr -d '\r' >got
	same got <<<'RCPT TO:<x@a.example>'
}

@test "--probe looks at each mail host of a domain and sends no mail; one that works is enough" {
	host 2 caps=SIZE
	host 3 caps=PIPELINING
	ready 2 3
	dns <<-X
		a.example MX 10 two
		a.example MX 20 four
		a.example MX 30 three
		two A 127.0.0.2
		three A 127.0.0.3
		four A 127.0.0.4
		dead.example MX 10 four
		null.example MX 0 .
	X
	exits 0 smtp-send "${to[@]}" --probe b@a.example >out 2>err
	grep -E '^(server|offers-in-clear)' out >seen
	same seen <<-'END'
		server: two[127.0.0.2]
		offers-in-clear: SIZE
		server: four[127.0.0.4]
		server: three[127.0.0.3]
		offers-in-clear: PIPELINING
	END
	cat h2.1 h3.1 >got
	same -v got <<-'END'
		EHLO me.example^M
		QUIT^M
		EHLO me.example^M
		QUIT^M
	END
	exits 75 smtp-send "${to[@]}" --probe dead.example a.example >out 2>err
	exits 69 smtp-send "${to[@]}" --probe null.example >out 2>err
	echo 'smtp-send: probe null.example: null.example takes no mail (null MX)' |
		same err
}
