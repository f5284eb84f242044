#!/usr/bin/env bats
# The peers work by themselves, so that when one of our programs fails against
# a peer it is not the machinery.

# shellcheck disable=SC2154 # port, of free_port
load lib
load peers
load interop

setup()
{
	cd "$BATS_TEST_TMPDIR" || return
}

teardown()
{
	peers_stop
}

message()
{
	printf 'From: x@example.net\nSubject: %s\n\nhello\n' "$1"
}


# ask PORT LINE: sends LINE, ends, and prints what comes back.
ask()
{
	"$PYTHON" - "$@" <<-'END'
		import socket, sys
		s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 10)
		s.settimeout(10)
		s.sendall(sys.argv[2].encode() + b"\n")
		s.shutdown(socket.SHUT_WR)
		while data := s.recv(4096):
		    sys.stdout.write(data.decode())
	END
}

@test "tests/deps is silent when everything is there" {
	run "$BATS_TEST_DIRNAME/deps" check
	[ "$status" = 0 ]
	[ "$output" = "" ]
}

@test "tests/deps refuses an unknown stage" {
	run "$BATS_TEST_DIRNAME/deps" everything
	[ "$status" = 64 ]
	[ "$output" = "usage: tests/deps build | check | proof | bench" ]
}

@test "free ports are all different" {
	local port
	for _ in {1..20}; do
		free_port port
		echo "$port"
	done >ports
	[ "$(sort -u ports | wc -l)" = 20 ]
}

@test "smtp-sink dumps what smtp-source sends, a file a message" {
	mkdir dump
	smtp_sink -d dump/%H
	smtp_source -m 7 -s 2 -f a@example.net -t b@example.org \
	    "127.0.0.1:$SMTP_SINK_PORT"
	files dump 7
}

@test "smtp-sink refuses the commands it is told to" {
	smtp_sink -r rcpt
	run swaks -s "127.0.0.1:$SMTP_SINK_PORT" -f a@example.net -t b@example.org
	[ "$status" = 24 ]
	grep -Fx '<** 450 4.3.0 Error: command failed' <<<"$output"
}

@test "Postfix takes mail for its users and refuses others" {
	postfix_start -u alice
	"$PYTHON" - "$POSTFIX_PORT" >got <<-'END'
		import smtplib, sys
		s = smtplib.SMTP("127.0.0.1", int(sys.argv[1]), timeout=20)
		s.ehlo("client.example.net")
		print(*sorted(s.esmtp_features))
		print(s.vrfy("alice@example.org"))
		print(s.sendmail("x@example.net",
		    ["alice@example.org", "zoe@example.org"], "Subject: s\n\nhello\n"))
	END
	cat >expected <<-'END'
		8bitmime chunking dsn enhancedstatuscodes etrn pipelining size smtputf8 vrfy
		(252, b'2.0.0 alice@example.org')
		{'zoe@example.org': (550, b'5.1.1 <zoe@example.org>: Recipient address rejected: User unknown in virtual mailbox table')}
	END
	diff -u expected got
	files "$POSTFIX_MAIL/alice/new" 1
}

@test "Postfix's sendmail queues and delivers" {
	postfix_start
	message one | postfix_sendmail -f x@example.net alice@example.org bob@example.org
	files "$POSTFIX_MAIL/alice/new" 1
	files "$POSTFIX_MAIL/bob/new" 1
	grep -Fx 'Return-Path: <x@example.net>' "$POSTFIX_MAIL"/bob/new/*
}

@test "Postfix relays to the host and port it is given" {
	mkdir dump
	smtp_sink -d dump/%H
	postfix_start -r "127.0.0.1:$SMTP_SINK_PORT"
	message two | postfix_sendmail -f x@example.net carol@example.com
	files dump 1
	eventually grep -Fx 'Subject: two' dump/*
}

@test "Postfix keeps what its next hop defers" {
	local port
	free_port port
	postfix_start -r "127.0.0.1:$port"
	message three | postfix_sendmail -f x@example.net carol@example.com
	files "$POSTFIX_DIR/queue/deferred" 1
	postfix_queue -p | grep -F 'Connection refused'
}

@test "Dovecot takes LMTP by port and by socket and serves POP3 and IMAP" {
	dovecot_start -u alice -u "carol:other:$BATS_TEST_TMPDIR/carol"
	swaks --protocol LMTP -s 127.0.0.1 -p "$DOVECOT_LMTP" \
	    -f x@example.net -t alice@example.org -h-Subject one
	swaks --protocol LMTP --socket "$DOVECOT_LMTP_SOCKET" \
	    -f x@example.net -t carol@example.org -h-Subject two
	files "$BATS_TEST_TMPDIR/carol/new" 1
	"$PYTHON" - "$DOVECOT_POP3" "$DOVECOT_IMAP" >got <<-'END'
		import imaplib, poplib, sys
		p = poplib.POP3("127.0.0.1", int(sys.argv[1]), timeout=20)
		p.user("alice")
		p.pass_("secret")
		print([l for l in p.retr(1)[1] if l.startswith(b"Subject")])
		p.quit()
		i = imaplib.IMAP4("127.0.0.1", int(sys.argv[2]), timeout=20)
		i.login("carol", "other")
		i.select()
		print(i.fetch("1", "BODY[HEADER.FIELDS (SUBJECT)]")[1][0][1])
		i.logout()
	END
	cat >expected <<-'END'
		[b'Subject: one']
		b'Subject: two\r\n\r\n'
	END
	diff -u expected got
}

@test "Dovecot refuses unknown users and wrong passwords" {
	dovecot_start
	run swaks --protocol LMTP -s 127.0.0.1 -p "$DOVECOT_LMTP" \
	    -f x@example.net -t zoe@example.org
	[ "$status" = 24 ]
	run curl -m 20 -sS "pop3://alice:wrong@127.0.0.1:$DOVECOT_POP3/"
	[ "$status" = 67 ]
}

@test "Dovecot does STLS with a certificate" {
	openssl req -x509 -newkey rsa:2048 -nodes -keyout key -out cert \
	    -subj /CN=localhost 2>/dev/null
	dovecot_start -o 'ssl = required' -o "ssl_cert = <$PWD/cert" \
	    -o "ssl_key = <$PWD/key"
	run curl -m 20 -sS --ssl-reqd --cacert cert --resolve "localhost:$DOVECOT_POP3:127.0.0.1" \
	    "pop3://alice:secret@localhost:$DOVECOT_POP3/"
	[ "$status" = 0 ]
}

# login PORT TLS MECHANISM: by curl, a message to bob, as alice.
login()
{
	message "$2 $3" | curl -m 20 -sS --crlf --ssl-reqd --cacert "$PEERS_CA" \
	    -u alice:secret --login-options "AUTH=$3" \
	    --mail-from x@example.net --mail-rcpt bob@example.org -T - \
	    "$2://localhost:$1/client.example.net"
}

@test "Exim takes mail in clear, under TLS and with AUTH, and refuses others" {
	exim_start
	message one | curl -m 20 -sS --crlf --mail-from x@example.net \
	    --mail-rcpt bob@example.org -T - "smtp://127.0.0.1:$EXIM_PORT"
	login "$EXIM_PORT" smtp CRAM-MD5
	login "$EXIM_PORT" smtp PLAIN
	login "$EXIM_TLS_PORT" smtps LOGIN
	files "$EXIM_MAIL/bob/new" 4
	run swaks -s "127.0.0.1:$EXIM_PORT" -f x@example.net -t zoe@example.org
	[ "$status" = 24 ]
}

@test "OpenSMTPD takes mail in clear, under TLS and with AUTH, and refuses others" {
	opensmtpd_start
	message one | curl -m 20 -sS --crlf --mail-from x@example.net \
	    --mail-rcpt bob@example.org -T - "smtp://127.0.0.1:$OPENSMTPD_PORT"
	login "$OPENSMTPD_PORT" smtp PLAIN
	login "$OPENSMTPD_TLS_PORT" smtps LOGIN
	files "$OPENSMTPD_MAIL/bob/new" 3
	run swaks -s "127.0.0.1:$OPENSMTPD_PORT" -f x@example.net -t zoe@example.org
	[ "$status" = 24 ]
}

# shellcheck disable=SC2016 # for the shell that is run
answer='read -r line; printf "%s|" "$1" "$line"; echo'

@test "xinetd runs a command for each connection" {
	free_port port
	xinetd_start "$port" sh -c "$answer" sh "it's  one"
	[ "$(ask "$port" first)" = "it's  one|first|" ]
	[ "$(ask "$port" second)" = "it's  one|second|" ]
}

@test "inetd runs a command for each connection, socket on 0, 1 and 2" {
	free_port port
	inetd_start "$port" nowait "$(id -un)" sh -c "$answer; echo oops >&2" sh a
	[ "$(ask "$port" first)" = $'a|first|\noops' ]
	[ "$(ask "$port" second)" = $'a|second|\noops' ]
}

@test "inetd hands over the listening socket with wait" {
	cat >server.py <<-'END'
		import socket
		listener = socket.socket(fileno=0)
		for _ in range(2):
		    s, _ = listener.accept()
		    s.sendall(b"got " + s.recv(100))
		    s.close()
	END
	free_port port
	inetd_start "$port" wait "$(id -un)" "$PYTHON" "$PWD/server.py"
	[ "$(ask "$port" first)" = "got first" ]
	[ "$(ask "$port" second)" = "got second" ]
	[ "$(ask "$port" third)" = "got third" ]
}

@test "tcpserver runs a command for each connection" {
	free_port port
	tcpserver_start "$port" sh -c "$answer" sh "it's  one"
	[ "$(ask "$port" first)" = "it's  one|first|" ]
	[ "$(ask "$port" second)" = "it's  one|second|" ]
}

@test "systemd-socket-activate runs a command for each connection with -a" {
	free_port port
	systemd_activate -a --inetd -E GREETING=hi "$port" \
	    sh -c "echo \$GREETING; $answer" sh "it's  one"
	[ "$(ask "$port" first)" = $'hi\nit'"'s  one|first|" ]
	[ "$(ask "$port" second)" = $'hi\nit'"'s  one|second|" ]
}

@test "systemd-socket-activate hands over the listening socket without -a" {
	cat >server.py <<-'END'
		import os, socket
		assert os.environ["LISTEN_PID"] == str(os.getpid())
		listener = socket.socket(fileno=3)
		s, _ = listener.accept()
		s.sendall(b"got " + s.recv(100))
	END
	free_port port
	systemd_activate "$port" "$PYTHON" "$PWD/server.py"
	[ "$(ask "$port" first)" = "got first" ]
}

@test "mpop fetches from Dovecot" {
	dovecot_start
	message one >"$DOVECOT_MAIL/alice/new/1.1.host"
	mkdir -p in/{tmp,new,cur}
	peer mpop --host=127.0.0.1 --port="$DOVECOT_POP3" --user=alice \
	    --passwordeval='echo secret' --auth=user --tls=off --keep=on --timeout=20 \
	    --received-header=off --uidls-file="$PWD/uidls" --delivery=maildir,in
	message one >expected
	cat in/new/* | diff -u expected -
}

@test "maildrop, procmail and mdeliver deliver into a maildir" {
	mkdir -p {maildrop,procmail,mblaze}/{tmp,new,cur}
	echo "to \"$PWD/maildrop\"" >filter
	chmod 600 filter
	message one | HOME=$PWD peer maildrop filter
	message one | peer procmail -p -m DEFAULT="$PWD/procmail/" \
	    MAILDIR="$PWD" /dev/null
	message one | peer mdeliver mblaze
	message one >expected
	for program in maildrop procmail mblaze; do
		cat $program/new/* | diff -u expected -
	done
}

@test "dnsmasq answers from its lines, and knows no other name" {
	dnsmasq_start mx-host=a.example,mx.a.example,10
	"$PYTHON" - "$DNSMASQ_PORT" <<-'END' >out
		import socket, sys
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.settimeout(10)
		for name in b"\1a", b"\1b":
		    s.sendto(b"\0\1\1\0\0\1" + b"\0" * 6 + name +
			b"\7example\0\0\17\0\1", ("127.0.0.1", int(sys.argv[1])))
		    answer = s.recv(512)
		    print(answer[3] & 15, answer[7])
	END
	printf '0 1\n3 0\n' | diff - out
}

@test "a peer that cannot start says why" {
	local port other
	free_port port
	free_port other
	tcpserver_start "$port" true
	run peers_listen "$(peers_new again)" "$other" \
	    "$(peer_path tcpserver)" 127.0.0.1 "$port" true
	[ "$status" = 1 ]
	[[ $output == *"unable to bind: address already used" ]]
}

@test "peers_stop ends the peers, what they run, and their files" {
	sleeper='exec setsid -w sleep 321'
	free_port port
	inetd_start "$port" nowait "$(id -un)" sh -c "echo \$\$; $sleeper"
	exec {connection}<>"/dev/tcp/127.0.0.1/$port"
	read -r -t 10 -u "$connection" service
	smtp_sink
	sink=$PEERS_PID
	if [ "$EUID" = 0 ]; then
		postfix_start
		dovecot_start
		exim_start
		opensmtpd_start
	fi
	mapfile -t pids <"$(peers_dir)/pids"
	family=()
	peers_family "${pids[@]}"
	[[ " ${family[*]} " == *" $service "* && " ${family[*]} " == *" $sink "* ]]
	peers_stop
	peers_gone "${family[@]}"
	[ ! -e "$(peers_dir)" ]
}
