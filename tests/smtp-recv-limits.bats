#!/usr/bin/env bats
# smtp-recv: the limits that smtp-recv(1) states, at their edges. Times pass on
# a clock that runs as fast as a test can wait.

load lib
load recv

setup() {
	sandbox
	one_box
	cat >limits.py <<-'END'
	import os, select, socket, struct, subprocess, sys, time

	BEGIN = (b"EHLO me", b"MAIL FROM:<a@b.example>",
	         b"RCPT TO:<c@host.example>")

	class Server:
	    """On a socket of ours; from run() on its clock is rate times as fast."""

	    def __init__(self, *options):
	        ours, theirs = socket.socketpair()
	        self.sock = ours
	        with open("clock", "wb") as f:
	            f.write(struct.pack("=qq", 0, 1))
	        self.process = subprocess.Popen(
	            ["smtp-recv", "--log", "none", "--hostname", "host.example",
	             *options], stdin=theirs, stdout=theirs,
	            env={**os.environ, "CLOCK_FILE": "clock",
	                 "LD_PRELOAD": sys.argv[1]})
	        theirs.close()
	        ours.settimeout(60)
	        self.reply()

	    def reply(self):
	        got = b""
	        while not got.endswith(b"\n") or got.rsplit(b"\n", 2)[-2][3:4] == b"-":
	            octet = self.sock.recv(1)
	            if not octet:
	                break
	            got += octet
	        return got.decode().rstrip("\r\n")

	    def say(self, *commands):
	        for command in commands:
	            self.sock.sendall(command + b"\r\n")
	            answer = self.reply()
	        return answer

	    def run(self, rate):
	        self.rate, self.began = rate, time.monotonic_ns()
	        with open("clock", "r+b") as f:
	            f.write(struct.pack("=qq", self.began, rate))

	    def passed(self):
	        return (time.monotonic_ns() - self.began) / 1e9 * self.rate

	    def wait(self, drip=b"", pause=0.002, until=None):
	        """Drips, and takes what is said, until the end; the last line."""
	        got = b""
	        while until is None or self.passed() < until:
	            ready, _, _ = select.select([self.sock], [], [], pause)
	            try:
	                if ready:
	                    piece = self.sock.recv(65536)
	                    if not piece:
	                        break
	                    got += piece
	                elif drip:
	                    self.sock.send(drip)
	            except OSError:
	                break
	        return got.decode().rstrip("\r\n").rsplit("\n", 1)[-1]

	def late(name, server, limit, drip=b""):
	    """Ends after limit seconds, not before, and not much behind. What drips
	    must be there in three minutes of that clock on a busy machine, too."""
	    server.run(min(limit * 5 // 3, 1200))
	    last = server.wait(drip)
	    took = server.passed()
	    print(name, last, "in time" if limit <= took < 4 * limit else took)
	    server.sock.close()
	    server.process.wait(20)
	END
}

# limits: Python behind limits.py
limits() {
	plain_build "a clock in front of sanitizers is too late"
	cat limits.py - >run.py
	timeout 200 python3 run.py "$BUILD/proof/clock.so"
}

@test "a command has five minutes, however slowly it comes, a block of a message three" {
	limits >got <<-'END'
	def at(*commands):
	    s = Server("--spool", "spool")
	    if commands:
	        s.say(*commands)
	    return s
	late("nothing", at(), 300)
	late("between", at(*BEGIN), 300)
	late("octets", at(), 300, b"x")
	late("data", at(*BEGIN, b"DATA"), 180)
	chunk = at(*BEGIN)
	chunk.sock.sendall(b"BDAT 100000 LAST\r\nx")
	late("chunk", chunk, 180)
	END
	for what in nothing between octets data chunk; do
		echo "$what 421 4.4.2 host.example Timeout in time"
	done | same got
	find spool -type f ! -name lock >left
	same left </dev/null
}

@test "a session has an hour for its next message: no octets and no commands give it more" {
	limits >got <<-'END'
	def at(*commands):
	    s = Server("--spool", "spool")
	    s.say(*commands)
	    return s
	late("commands", at(*BEGIN), 3600, b"NOOP\r\n")
	late("data", at(*BEGIN, b"DATA"), 3600, b"x")
	late("lines", at(*BEGIN, b"DATA"), 3600, b"x\r\n")
	chunk = at(*BEGIN)
	chunk.sock.sendall(b"BDAT 100000000 LAST\r\n")
	late("chunk", chunk, 3600, b"x")
	late("chunks", at(*BEGIN), 3600, b"BDAT 1\r\nx")
	END
	for what in commands data lines chunk chunks; do
		echo "$what 421 4.4.2 host.example Timeout in time"
	done | same got
	find spool -type f ! -name lock >left
	same left </dev/null
}

@test "a message that is accepted begins another hour" {
	limits >got <<-'END'
	s = Server("--mailboxes", "mailboxes")
	s.run(1200)
	s.say(BEGIN[0])
	s.wait(b"NOOP\r\n", until=2400)
	s.sock.setblocking(True)
	s.sock.sendall(b"\r\n".join(BEGIN[1:] + (b"DATA\r\n",)))
	while not s.reply().startswith("354"):
	    pass
	s.sock.sendall(b"\r\nx\r\n.\r\n")
	print(s.reply()[:9])
	again = s.passed()
	print(s.wait(b"NOOP\r\n"), s.passed() - again > 3000)
	END
	same got <<-'END'
	250 2.0.0
	421 4.4.2 host.example Timeout True
	END
}

@test "a client that reads nothing is not waited for" {
	limits >got <<-'END'
	s = Server("--spool", "spool")
	s.say(BEGIN[0])
	s.run(500)
	s.sock.setblocking(False)
	while s.process.poll() is None and s.passed() < 5000:
	    try:
	        s.sock.send(b"HELP\r\n" * 1000)
	    except OSError:
	        time.sleep(0.01)
	print(s.process.wait(20), 300 <= s.passed() < 3000)
	END
	same got <<<'0 True'
}

# Each check takes its 30 s: a hundred of them would take most of an hour.
@test "the hour holds for recipients that came at once, and are checked one by one" {
	limits >got <<-'END'
	s = Server("--spool", "spool", "--rcpt-check", "sleep 60; :")
	s.say(*BEGIN[:2])
	s.run(3000)
	s.sock.sendall(b"RCPT TO:<c@host.example>\r\n" * 500)
	got = b""
	while piece := s.sock.recv(65536):
	    got += piece
	lines = got.decode().splitlines()
	print(set(lines[:-1]), lines[-1], len(lines) < 300)
	END
	same got <<-'END'
	{'451 4.3.0 Temporary trouble, try again later'} 421 4.4.2 host.example Timeout True
	END
}

# replies ARGS < dialogue, LF
replies() {
	crlf | smtp-recv --log none --hostname host.example "$@" | tr -d '\r' |
		sed 's/as [0-9a-z]\{20\}$/as ID/'
}

@test "a message has 100 recipients, or those of --max-rcpts, up to 1,000" {
	for n in 100 1000; do
		{
			printf '%s\n' 'EHLO me' 'MAIL FROM:<a@b.example>'
			for i in $(seq $((n + 1))); do
				echo "RCPT TO:<c$i@host.example>"
			done
			printf 'DATA\n\nx\n.\n'
		} >in
		options=()
		[ $n -eq 100 ] || options=(--max-rcpts 1000)
		replies "${options[@]}" --spool spool$n <in | sed "1,/^250 /d" |
			sort | uniq -c | sed 's/^ *//'
		grep -ac '^R ' spool$n/queue/*
	done >got
	for n in 100 1000; do
		cat <<-END
			1 250 2.0.0 queued as ID
			1 250 2.1.0 OK
			$n 250 2.1.5 OK
			1 354 End data with <CRLF>.<CRLF>
			1 452 4.5.3 Too many recipients
			$n
		END
	done >want
	sort got >sorted
	sort want | same sorted
}

# sent < MESSAGE: the last reply.
sent() {
	{
		printf '%s\n' 'EHLO me' 'MAIL FROM:<a@b.example>' \
			'RCPT TO:<c@host.example>' DATA
		cat
		echo .
	} | replies -- sh -c 'cat >/dev/null' | tail -n 1
}

@test "100 Received fields are taken, and a header of 1 MiB; the next of either is not" {
	{
		for n in 100 101; do
			{
				for _ in $(seq $n); do echo 'Received: x'; done
				printf '\nReceived: of the body\n'
			} | sent
		done
		for n in 1048572 1048573; do
			{
				printf 'X: %0*d\n\n' "$n" 0
				printf '%01048577d\n' 0
			} | sent
		done
	} >got
	same got <<-'END'
	250 2.0.0 accepted as ID
	554 5.4.6 Too many hops
	250 2.0.0 accepted as ID
	552 5.3.4 Message header is too big
	END
}

@test "a message has its size in octets with line ends of one, said or found" {
	for text in 1234567890 12345678901; do
		{
			printf '%s\n' 'EHLO me' 'MAIL FROM:<a@b.example>' \
				'RCPT TO:<c@host.example>' DATA "$text" . \
				'MAIL FROM:<a@b.example> SIZE='${#text}
		} | replies --max-size 11 -- sh -c 'cat >/dev/null' |
			tail -n 2
	done >got
	{
		echo 'MAIL FROM:<a@b.example> SIZE=12' | sed '1i EHLO me' |
			replies --max-size 11 -- true | tail -n 1
	} >>got
	same got <<-'END'
	250 2.0.0 accepted as ID
	250 2.1.0 OK
	552 5.3.4 Message is too big
	250 2.1.0 OK
	552 5.3.4 Message is too big
	END
}

@test "after 20 refused commands the next is the last, as after 1,000 refused recipients" {
	{
		echo 'EHLO me'
		for _ in {1..30}; do echo NOSUCH; done
	} | replies --spool spool | sed "1,/^250 /d" | uniq -c >got
	{
		printf '%s\n' 'EHLO me' 'MAIL FROM:<a@b.example>'
		for _ in {1..1010}; do echo 'RCPT TO:<x@other.example>'; done
	} | replies --spool spool | tail -n 1002 | uniq -c >>got
	same got <<-'END'
	     20 500 5.5.2 Unknown command
	      1 421 4.7.0 Too many errors
	      1 250 2.1.0 OK
	   1000 550 5.7.1 No relaying for you
	      1 421 4.7.0 Too many refused recipients
	END
}
