#!/usr/bin/env bats
# smtp-recv as its own super-server: on which addresses, how many sessions, and
# how it ends.

# shellcheck disable=SC2154 # address and servers, of server
load lib
load peers
load interop

setup() {
	sandbox
	export PYTHONPATH=$TESTS PYTHONDONTWRITEBYTECODE=1
	maildirs box
	echo "c@host.example $PWD/box/" >mailboxes
	cat >client.py <<-'END'
	import os, signal, socket, sys
	from tls import connect, greeted, line, rest

	ports = [a.rsplit(":", 1)[1] for a in sys.argv[1:]]

	def come(source="127.0.0.1"):
	    s = connect(ports[0], source)
	    return s, line(s)
	END
}

teardown() {
	stop_servers
}

listen() {
	server log smtp-recv --hostname host.example --mailboxes mailboxes "$@"
	sed -n 's/^event=listening address=//p' log >addresses
}

client() {
	cat client.py - >run.py
	# shellcheck disable=SC2046 # an address is a word
	"$PYTHON" run.py $(cat addresses)
}

@test "it serves each address it is told, IPv4 and IPv6" {
	grep -q ' lo$' /proc/net/if_inet6 || skip "no IPv6 loopback here"
	listen --listen 127.0.0.2:0 --listen '[::1]:0'
	client >got <<-'END'
	for host, port in zip(("127.0.0.1", "127.0.0.2", "::1"), ports):
	    s = socket.create_connection((host, port), 20)
	    print(greeted(s, "HELO me", "MAIL FROM:<a@b.example>",
	              "RCPT TO:<c@host.example>", "DATA", "\r\nx\r\n.")[:9])
	    s.close()
	END
	printf '250 2.0.0\n%.0s' 1 2 3 | same got
	sed -n 's/^Received: //p' box/new/* | sort >got
	same got <<-'END'
	from me ([127.0.0.1])
	from me ([127.0.0.1])
	from me ([IPv6:::1])
	END
}

@test "200 sessions at once, 20 from one address: the next ones are told 421" {
	listen
	client >got <<-'END'
	kept = [come() for _ in range(20)]
	print({text for _, text in kept})
	print(come()[1])
	kept += [come("127.0.0.%d" % (2 + i // 20)) for i in range(180)]
	print({text for _, text in kept[20:]})
	print(come("127.0.0.100")[1])
	for s, _ in kept:
	    s.close()
	while True:
	    text = come("127.0.0.100")[1]
	    if not text.startswith("421"):
	        break
	print(text)
	END
	same got <<-'END'
	{'220 host.example ESMTP mailpipe'}
	421 4.3.2 host.example Too many connections
	{'220 host.example ESMTP mailpipe'}
	421 4.3.2 host.example Too many connections
	220 host.example ESMTP mailpipe
	END
}

@test "SIGTERM: a message that comes is taken to its end, all others are told 421" {
	listen --timeout 20
	echo "${servers[-1]}" >pid
	client >got <<-'END'
	def begin(*more):
	    s = connect(ports[0])
	    print(greeted(s, "HELO me", "MAIL FROM:<a@b.example>",
	              "RCPT TO:<c@host.example>", *more)[:3])
	    return s
	idle, middle, data = come()[0], begin(), begin("DATA")
	data.sendall(b"Subject: x\r\n\r\nfirst\r\n")
	os.kill(int(open("pid").read()), signal.SIGTERM)
	print(rest(idle), rest(middle))
	try:
	    come()
	    print("open")
	except OSError:
	    print("closed")
	data.sendall(b"last\r\n.\r\nNOOP\r\n")
	print(line(data)[:9], rest(data))
	END
	wait "${servers[-1]}"
	servers=()
	same got <<-'END'
	250
	354
	b'421 4.3.2 host.example Shutting down\r\n' b'421 4.3.2 host.example Shutting down\r\n'
	closed
	250 2.0.0 b'250 2.0.0 OK\r\n421 4.3.2 host.example Shutting down\r\n'
	END
	sed '1,/^$/d' box/new/* >got
	printf '%s\n' first last | same got
	[ "$(find box -type f | wc -l)" -eq 1 ]
}
