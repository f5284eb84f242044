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

# again <PROGRAM: Python, with ask and greeted over sessions, and processes(),
# the sessions' ones.
again() {
	echo "${servers[-1]}" >pid
	{
		cat <<-'END'
		import smtplib, time
		from tls import ask, wrap

		def read(name):
		    try:
		        return open(name).read()
		    except OSError:
		        return ""

		def processes():
		    server = read("pid").strip()
		    all = read("/proc/%s/task/%s/children" % (server, server)).split()
		    return [p for p in all
		            if read("/proc/%s/comm" % p) == "smtp-recv\n"]

		def talk(source, *commands):
		    """What is said to each, and to QUIT, and the process."""
		    s, first = come(source)
		    said = [first] + [ask(s, c) for c in commands]
		    mine = [p for p in processes() if p not in talk.before]
		    said.append(ask(s, "QUIT"))
		    assert rest(s) == b"", said
		    return said, mine
		talk.before = []

		mail = ("HELO me", "MAIL FROM:<a@b.example>",
		        "RCPT TO:<c@host.example>", "DATA", "Subject: x\r\n\r\ny\r\n.")
		END
		cat
	} | client
}

@test "a process that goes on with its client's next session begins it anew" {
	listen
	again >got <<-'END'
	first, (process,) = talk("127.0.0.1", *mail, *["JUNK"] * 19, *mail[1:3])
	talk.before = [process]
	new, (another,) = talk("127.0.0.2", *mail[1:4], *mail, *["JUNK"] * 15)
	talk.before = [another]
	next, (same,) = talk("127.0.0.1", *mail[1:4], *mail, *["JUNK"] * 15)
	print(another != process, same == process)
	print(first[5][:23], first[-3:], sep="\n")
	print([line[:23] for line in next] == [line[:23] for line in new])
	print(next[:4], next[8][:23], next[-2:], sep="\n")
	END
	same got <<-'END'
	True True
	250 2.0.0 delivered as 
	['250 2.1.0 OK', '250 2.1.5 OK', '221 2.0.0 Bye']
	True
	['220 host.example ESMTP mailpipe', '503 5.5.1 Send EHLO or HELO first', '503 5.5.1 Send MAIL first', '503 5.5.1 Send MAIL first']
	250 2.0.0 delivered as 
	['500 5.5.2 Unknown command', '221 2.0.0 Bye']
	END
	grep -h ^Received: box/new/* | sort >got
	same got <<-'END'
	Received: from me ([127.0.0.1])
	Received: from me ([127.0.0.1])
	Received: from me ([127.0.0.2])
	END
}

@test "a changed table is another process' to know" {
	listen
	again >got <<-'END'
	mail = ("HELO me", "MAIL FROM:<a@b.example>", "RCPT TO:<d@host.example>")
	said, (one,) = talk("127.0.0.1", *mail)
	print(said[3])
	with open("mailboxes", "a") as f:
	    f.write("d@host.example %s/box/\n" % os.getcwd())
	talk.before = [one]
	said, (two,) = talk("127.0.0.1", *mail)
	print(said[3])
	while one in processes():
	    time.sleep(0.02)
	talk.before = []
	print(talk("127.0.0.1", *mail)[1] == [two])
	END
	same got <<-'END'
	550 5.1.1 No such user here
	250 2.1.5 OK
	True
	END
}

@test "a command and a check of recipients learn of the session that is" {
	server log smtp-recv --hostname host.example --local host.example \
		--rcpt-check 'env | grep ^REMOTE_PORT >>checked; true' -- \
		sh -c 'env | grep -E "^(REMOTE_PORT|HELO)" >>env; cat >>messages'
	sed -n 's/^event=listening address=//p' log >addresses
	again >got <<-'END'
	seen = set()
	for name in "one", "two":
	    s, _ = come()
	    for command in ("HELO " + name,) + mail[1:]:
	        said = ask(s, command)
	    print("HELO=%s\nREMOTE_PORT=%d" % (name, s.getsockname()[1]))
	    seen.update(processes())
	    ask(s, "QUIT"), rest(s)
	print(len(seen))
	END
	{
		cat env
		echo 1
	} | same got
	grep ^REMOTE_PORT env | same checked
	grep -c '^Received: from \(one\|two\) (' messages >got
	echo 2 | same got
}

# goes_on NAME...: after a session in which each of these is done, defined in
# Python on standard input with an smtplib.SMTP: whether its process has the next
# one, NOOP.
goes_on() {
	{
		cat
		cat <<-'END'
		for name in sys.argv[1:] and NAMES:
		    c = smtplib.SMTP("127.0.0.1", int(ports[0]), timeout=20)
		    globals()[name](c)
		    talk.before = processes()
		    c.docmd("QUIT")
		    rest(c.sock)
		    said, new = talk("127.0.0.1", "NOOP")
		    print(name, "ends" if new else "goes on")
		END
	} >names.py
	sed -i "s/sys.argv.*NAMES/'$*'.split()/" names.py
	again <names.py >got
}

@test "a process that has seen a password or TLS serves nobody after that" {
	certificate mx localhost
	tls=(tls-serve --cert mx.pem --key mx.key -- smtp-recv --listen 127.0.0.1:0
		--hostname host.example --mailboxes mailboxes)
	started log "${tls[@]}"
	sed -n 's/^event=listening address=//p' log >addresses
	goes_on nothing secure <<-'END'
	def nothing(c):
	    c.noop()
	def secure(c):
	    c.starttls()
	END
	same got <<-'END'
	nothing goes on
	secure ends
	END
	started log "${tls[@]}" --auth true
	sed -n 's/^event=listening address=//p' log >addresses
	goes_on nothing <<-'END'
	def nothing(c):
	    c.noop()
	END
	echo nothing ends | same got
}

@test "a process in which something failed serves nobody after that" {
	touch file
	echo "d@host.example $PWD/file/there/" >>mailboxes
	listen
	goes_on refused failed <<-'END'
	def send(c, name):
	    try:
	        c.sendmail("a@b.example", name + "@host.example", "x")
	    except smtplib.SMTPRecipientsRefused as e:
	        print(*e.recipients.values())
	    except smtplib.SMTPDataError as e:
	        print(e)
	def refused(c):
	    send(c, "e")
	def failed(c):
	    send(c, "d")
	END
	same got <<-'END'
	(550, b'5.1.1 No such user here')
	refused goes on
	(451, b'4.3.0 Temporary trouble, try again later')
	failed ends
	END
}

@test "a process that could not read the table serves nobody after that" {
	listen
	again >got <<-'END'
	talk("127.0.0.1", "NOOP")
	os.chmod("mailboxes", 0o666)
	os.utime("mailboxes")
	said, (one,) = talk("127.0.0.1", "NOOP")
	os.chmod("mailboxes", 0o644)
	talk.before = [one]
	said, new = talk("127.0.0.1", *mail)
	print(len(new), said[3])
	END
	echo '1 250 2.1.5 OK' | same got
}

@test "a process does not go on with a spool that is another one" {
	server log smtp-recv --hostname host.example --spool spool
	sed -n 's/^event=listening address=//p' log >addresses
	again >got <<-'END'
	print(talk("127.0.0.1", *mail)[0][-2][:12])
	os.rename("spool", "old")
	os.mkdir("spool")
	print(talk("127.0.0.1", *mail)[0][-2][:12])
	print(len(os.listdir("old/queue")), len(os.listdir("spool/queue")))
	END
	same got <<-'END'
	250 2.0.0 qu
	250 2.0.0 qu
	1 1
	END
}
