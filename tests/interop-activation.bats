#!/usr/bin/env bats
# smtp-recv and pop3-serve under every super-server, in clear and with tls-serve
# in front, for STARTTLS and from the first octet: whole transactions each, by
# clients whose addresses are not the server's.

# shellcheck disable=SC2030,SC2031 # each test is a subshell
# shellcheck disable=SC2154 # address, of server
load lib
load peers
load interop

setup()
{
	sandbox
	write_message >message
	crlf <message >wire
	maildirs bob
	echo "bob@example.org $PWD/bob/" >mailboxes
	echo secret >password
	chmod 600 password
	peers_certificate
	export PEERS_CA
	front clear
}

teardown()
{
	stop_servers
	peers_stop
}

# front clear|starttls|implicit: what stands before the program, on a new port.
front()
{
	mode=$1
	port=$(free_port)
	tls=(tls-serve --cert "$PEERS_CERT" --key "$PEERS_KEY")
	case $mode in
	clear) tls=() ;;
	starttls) tls+=(--) ;;
	implicit) tls+=(--implicit --) ;;
	esac
}

smtp=(smtp-recv --hostname mx.example.org --local example.org)
pop3=(pop3-serve --auth-clear --single-user bob --password-file password)

# under SUPER PROGRAM ARG...: runs the program under that super-server.
under()
{
	local super=$1 program
	shift
	set -- "${tls[@]}" "$@"
	program=$(type -P "$1")
	shift
	set -- sh -c "cd '$PWD' && exec \"\$0\" \"\$@\"" "$program" "$@"
	case $super in
	inetd-nowait) inetd_start "$port" nowait "$(id -un)" "$@" ;;
	inetd-wait) inetd_start "$port" wait "$(id -un)" "$@" ;;
	xinetd) xinetd_start "$port" "$@" ;;
	tcpserver) tcpserver_start "$port" "$@" ;;
	systemd) systemd_activate "$port" "$@" ;;
	systemd-accept) systemd_activate -a "$port" "$@" ;;
	systemd-inetd) systemd_activate -a --inetd "$port" "$@" ;;
	esac
}

# server_of COMMAND...: one that listens by itself, on $port.
server_of()
{
	started server.log "$@"
	port=${address#*:}
}

# send FROM: by smtplib, two messages in a session, from an address of ours.
send()
{
	"$PYTHON" - "$1" "$port" wire "$mode" <<-'END'
		import os, smtplib, ssl, sys
		tls = ssl.create_default_context(cafile=os.environ["PEERS_CA"])
		args = ("127.0.0.1", int(sys.argv[2]), "client.example.net")
		more = {"timeout": 20, "source_address": (sys.argv[1], 0)}
		if sys.argv[4] == "implicit":
		    s = smtplib.SMTP_SSL(*args, context=tls, **more)
		else:
		    s = smtplib.SMTP(*args, **more)
		if sys.argv[4] == "starttls":
		    s.starttls(context=tls)
		text = open(sys.argv[3], "rb").read()
		s.sendmail("ann@example.net", "bob@example.org", text)
		s.sendmail("ann@example.net", "bob@example.org", text)
		s.quit()
	END
}

# receives SUPER: smtp-recv under it takes two sessions from two clients.
receives()
{
	local how
	for how in clear starttls implicit; do
		front "$how"
		under "$1" "${smtp[@]}" --mailboxes mailboxes
		send 127.0.0.8
		send 127.0.0.9
		came 127.0.0.8 127.0.0.9
		peers_stop "$PEERS_PID"
	done
}

# came ADDRESS...: two messages from each, which go.
came()
{
	local client file from
	files bob/new $(($# * 2))
	for client; do
		mapfile -t from < <(grep -lF "([$client])" bob/new/*)
		[ ${#from[@]} = 2 ]
		trace "$client" >fields
		for file in "${from[@]}"; do
			arrived "$file" <fields
		done
	done
	rm bob/new/*
}

# trace CLIENT
trace()
{
	local protocol=ESMTP using=()
	[ "$mode" = clear ] || {
		protocol=ESMTPS
		using=(-e '/^Received/a\\\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384)')
	}
	ours client.example.net $protocol bob@example.org |
		sed -e "s/127.0.0.1/$1/" "${using[@]}"
}

# retrieve: by poplib, then the message is deleted.
retrieve()
{
	"$PYTHON" - "$port" "$mode" <<-'END'
		import os, poplib, ssl, sys
		tls = ssl.create_default_context(cafile=os.environ["PEERS_CA"])
		if sys.argv[2] == "implicit":
		    p = poplib.POP3_SSL("127.0.0.1", int(sys.argv[1]), timeout=20,
			context=tls)
		else:
		    p = poplib.POP3("127.0.0.1", int(sys.argv[1]), timeout=20)
		if sys.argv[2] == "starttls":
		    p.stls(tls)
		p.user("bob")
		p.pass_("secret")
		sys.stdout.buffer.write(b"\n".join(p.retr(1)[1]) + b"\n")
		p.dele(1)
		p.quit()
	END
}

# serves SUPER: pop3-serve under it serves two sessions.
serves()
{
	local how
	for how in clear starttls implicit; do
		front "$how"
		cp message bob/new/1.1.host
		printf 'Subject: two\n\n.\n' | tee second >bob/new/2.1.host
		under "$1" "${pop3[@]}"
		retrieve >got
		same got <message
		retrieve >got
		same got <second
		holds bob 0
		peers_stop "$PEERS_PID"
	done
}

@test "smtp-recv under inetd, nowait" {
	receives inetd-nowait
}

@test "pop3-serve under inetd, nowait" {
	serves inetd-nowait
}

@test "smtp-recv under inetd, wait" {
	receives inetd-wait
}

@test "pop3-serve under inetd, wait" {
	serves inetd-wait
}

@test "smtp-recv under xinetd" {
	receives xinetd
}

@test "pop3-serve under xinetd" {
	serves xinetd
}

@test "smtp-recv under tcpserver" {
	receives tcpserver
}

@test "pop3-serve under tcpserver" {
	serves tcpserver
}

@test "smtp-recv under systemd, the listening socket handed over" {
	receives systemd
}

@test "pop3-serve under systemd, the listening socket handed over" {
	serves systemd
}

@test "smtp-recv under systemd, a socket for each connection" {
	receives systemd-accept
}

@test "pop3-serve under systemd, a socket for each connection" {
	serves systemd-accept
}

@test "smtp-recv under systemd, with the connection on 0 and 1" {
	receives systemd-inetd
}

@test "pop3-serve under systemd, with the connection on 0 and 1" {
	serves systemd-inetd
}

@test "smtp-recv as its own super-server" {
	local how
	for how in clear starttls implicit; do
		front "$how"
		server_of "${tls[@]}" "${smtp[@]}" --mailboxes mailboxes \
		    --listen 127.0.0.1:0
		send 127.0.0.8
		send 127.0.0.9
		came 127.0.0.8 127.0.0.9
	done
}

@test "pop3-serve as its own super-server" {
	local how
	for how in clear starttls implicit; do
		front "$how"
		cp message bob/new/1.1.host
		server_of "${tls[@]}" "${pop3[@]}" --listen 127.0.0.1:0
		retrieve >got
		same got <message
		holds bob 0
	done
}

@test "smtp-recv between pipes learns the client from tcpserver" {
	tcpserver_start "$port" sh -c "cd '$PWD' && cat | \"\$@\" | cat" sh \
	    "$(type -P smtp-recv)" "${smtp[@]:1}" --mailboxes mailboxes
	send 127.0.0.8
	came 127.0.0.8
}

# talk LINE...: reads a reply before it sends each line, and prints every octet
# that comes back.
talk()
{
	"$PYTHON" - "$port" "$@" <<-'END'
		import socket, sys
		s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 20)
		s.settimeout(20)
		f = s.makefile("rb")
		def reply():
		    line = f.readline()
		    sys.stdout.buffer.write(line)
		    if line[3:4] == b"-" and line[:1] in b"2345":
		        reply()
		try:
		    for line in sys.argv[2:]:
		        reply()
		        s.sendall(line.encode() + b"\r\n")
		    s.shutdown(socket.SHUT_WR)
		    sys.stdout.buffer.write(f.read())
		except (BrokenPipeError, ConnectionResetError):
		    pass
	END
}

# dialogues PROGRAM LINE... < OPTIONS: for each line of options, what a client
# reads of the program with them under classic inetd, where fd 2 is the peer.
dialogues()
{
	local program=$1 options
	shift
	while read -r options; do
		port=$(free_port)
		inetd_start "$port" nowait "$(id -un)" sh -c "cd '$PWD' && exec \
		    '$(type -P "$program")' --log stderr $options"
		echo "${options#"${host-} "}"
		talk "$@" | sed 's/delivered as [0-9a-z]*/delivered as ID/'
	done </dev/stdin
}

@test "no diagnostic of smtp-recv or its command gets into the dialogue" {
	cat >handler <<-'END'
		#!/bin/sh
		cat >/dev/null
		echo "handler: cannot do that" >&2
		exit "$1"
	END
	chmod +x handler
	echo "bob@example.org |$PWD/handler 75" >programs
	echo 'bob@example.org nonsense' >nonsense
	cp mailboxes writable
	chmod 666 writable
	host='--hostname mx.example.org --local example.org'
	dialogues smtp-recv 'EHLO client.example.net' \
	    'MAIL FROM:<ann@example.net>' 'RCPT TO:<bob@example.org>' DATA \
	    $'Subject: x\r\n\r\nx\r\n.' QUIT >got <<-END
		$host --mailboxes mailboxes --verbose
		$host --mailboxes absent
		$host --mailboxes nonsense
		$host --mailboxes writable
		$host --mailboxes programs
		$host --spool absent/spool
		$host -- ./handler 67
		$host -- ./absent
		--hostname mx.example.org --config absent
		--nonsense
	END
	same -v got <<-'END'
		--mailboxes mailboxes --verbose
		220 mx.example.org ESMTP mailpipe^M
		250-mx.example.org^M
		250-PIPELINING^M
		250-SIZE 104857600^M
		250-8BITMIME^M
		250-SMTPUTF8^M
		250-CHUNKING^M
		250 ENHANCEDSTATUSCODES^M
		250 2.1.0 OK^M
		250 2.1.5 OK^M
		354 End data with <CRLF>.<CRLF>^M
		250 2.0.0 delivered as ID^M
		221 2.0.0 Bye^M
		--mailboxes absent
		--mailboxes nonsense
		--mailboxes writable
		--mailboxes programs
		220 mx.example.org ESMTP mailpipe^M
		250-mx.example.org^M
		250-PIPELINING^M
		250-SIZE 104857600^M
		250-8BITMIME^M
		250-SMTPUTF8^M
		250-CHUNKING^M
		250 ENHANCEDSTATUSCODES^M
		250 2.1.0 OK^M
		250 2.1.5 OK^M
		354 End data with <CRLF>.<CRLF>^M
		451 4.3.0 Temporary trouble, try again later^M
		221 2.0.0 Bye^M
		--spool absent/spool
		421 4.3.0 mx.example.org Temporary trouble, try again later^M
		-- ./handler 67
		220 mx.example.org ESMTP mailpipe^M
		250-mx.example.org^M
		250-PIPELINING^M
		250-SIZE 104857600^M
		250-8BITMIME^M
		250-SMTPUTF8^M
		250-CHUNKING^M
		250 ENHANCEDSTATUSCODES^M
		250 2.1.0 OK^M
		250 2.1.5 OK^M
		354 End data with <CRLF>.<CRLF>^M
		550 5.1.1 No such user here^M
		221 2.0.0 Bye^M
		-- ./absent
		220 mx.example.org ESMTP mailpipe^M
		250-mx.example.org^M
		250-PIPELINING^M
		250-SIZE 104857600^M
		250-8BITMIME^M
		250-SMTPUTF8^M
		250-CHUNKING^M
		250 ENHANCEDSTATUSCODES^M
		250 2.1.0 OK^M
		250 2.1.5 OK^M
		354 End data with <CRLF>.<CRLF>^M
		451 4.3.0 Temporary trouble, try again later^M
		221 2.0.0 Bye^M
		--hostname mx.example.org --config absent
		--nonsense
	END
}

@test "no diagnostic of pop3-serve gets into the dialogue" {
	cp message bob/new/1.1.host
	: >empty
	chmod 600 empty
	dialogues pop3-serve 'USER bob' 'PASS secret' 'LIST 1' QUIT >got <<-'END'
		--auth-clear --single-user bob --password-file password
		--auth-clear --single-user absent --password-file password
		--auth-clear --single-user bob --password-file absent
		--auth-clear --single-user bob --password-file empty
		--single-user bob --password-file password
		--auth-clear
		--nonsense
	END
	same -v got <<-'END'
		--auth-clear --single-user bob --password-file password
		+OK POP3^M
		+OK^M
		+OK^M
		+OK 1 1375^M
		+OK bye^M
		--auth-clear --single-user absent --password-file password
		-ERR [SYS/TEMP] the mailbox cannot be opened^M
		--auth-clear --single-user bob --password-file absent
		-ERR [SYS/TEMP] the mailbox cannot be opened^M
		--auth-clear --single-user bob --password-file empty
		-ERR [SYS/TEMP] the mailbox cannot be opened^M
		--single-user bob --password-file password
		+OK POP3^M
		-ERR a login needs TLS here^M
		-ERR a login needs TLS here^M
		-ERR not in this state^M
		+OK bye^M
		--auth-clear
		--nonsense
	END
}
