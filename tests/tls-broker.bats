#!/usr/bin/env bats
# What tls-broker says of its own start; what it does for servers is in
# tls-serve.bats and tls-serve-hostile.bats.
load lib
load peers
load interop
load tls

setup() {
	sandbox
	pair=(--cert "$PWD/mx.pem" --key "$PWD/mx.key")
	certificate mx mx.example.org
}

teardown() {
	stop_servers
}

@test "by hand it says what it misses, and is 64" {
	{
		exits 64 tls-broker
		exits 64 tls-broker mx.pem
		exits 64 tls-broker mx.pem mx.key 3<&-
		exits 64 tls-broker mx.pem mx.key 3<mx.pem
		exits 64 tls-broker --log paper mx.pem mx.key
	} 2>err
	same err <<-'END'
	tls-broker: which files? CERT KEY [CERT KEY]...
	tls-broker: which files? CERT KEY [CERT KEY]...
	tls-broker: descriptor 3 is not tls-serve's
	tls-broker: descriptor 3 is not tls-serve's
	tls-broker: `paper' is not stderr, syslog or none
	END
}

@test "it ends with 0 when nobody can ask any more, with 78 for an unknown user" {
	"$PYTHON" - >out 2>err <<-'END'
	import os, socket, subprocess
	def start(*options):
	    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
	    def place():
	        os.dup2(its.fileno(), 3)
	    p = subprocess.Popen(["tls-broker", *options, "mx.pem", "mx.key"],
	                         preexec_fn=place, pass_fds=[3])
	    its.close()
	    return ours, p
	way, p = start()
	way.close()
	print(p.wait(20))
	way, p = start("--user", "no-such-user")
	print(p.wait(20))
	END
	printf '%s\n' 0 78 | same out
	same err <<-'END'
	tls-serve: user no-such-user: no such user
	END
}

@test "where it is not, the server serves without TLS, and one line says why" {
	mkdir bin
	cp "$BUILD/bin/tls-serve" bin/
	PATH=$PWD/bin:/usr/bin:/bin serve "${pair[@]}"
	client >out <<-'END'
	s = connect(p)
	print(line(s))
	print(ask(s, "STARTTLS")[:4], ask(s, "echo"))
	END
	same out <<-'END'
	hello
	454  echo
	END
	handshakes >said
	same said <<-'END'
	tls-serve: execute tls-broker: No such file or directory
	END
}
