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

# way COMMAND...: with what tls-serve opens on 3, where nobody can ask any more.
way() {
	"$PYTHON" -c 'import os, socket, sys
ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
ours.close()
os.dup2(its.fileno(), 3)
os.execvp(sys.argv[1], sys.argv[1:])' "$@"
}

@test "it ends with 0 when nobody can ask any more, with 78 for an unknown user" {
	exits 0 way tls-broker mx.pem mx.key
	exits 78 way tls-broker --user no-such-user mx.pem mx.key 2>err
	exits 71 way strace -o /dev/null -e trace=signalfd4 \
		-e inject=signalfd4:error=EMFILE tls-broker mx.pem mx.key 2>>err
	same err <<-'END'
	tls-serve: user no-such-user: no such user
	tls-serve: broker: Too many open files
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
