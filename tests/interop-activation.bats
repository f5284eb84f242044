#!/usr/bin/env bats
# smtp-recv and pop3-serve under every super-server, in clear and with tls-serve
# in front, for STARTTLS and from the first octet: whole transactions each, by
# clients whose addresses are not the server's.

# shellcheck disable=SC2030,SC2031 # each test is a subshell
# shellcheck disable=SC2154 # address, of server
load lib
load peers
load interop

setup_file()
{
	cd "$BATS_FILE_TMPDIR" || return
	write_message >message
	crlf <message >wire
	printf 'Subject: two\n\n.\n' >second
	echo secret >password
	chmod 600 password
	peers_certificate
}

setup()
{
	sandbox
	cp -p "$BATS_FILE_TMPDIR"/{message,wire,second,password} .
	maildirs bob
	echo "bob@example.org $PWD/bob/" >mailboxes
	peers_certificate
	export PEERS_CA
}

teardown()
{
	stop_servers
	peers_stop
}

# front MODE: what stands before the program for clear, starttls or implicit.
front()
{
	tls=(tls-serve --cert "$PEERS_CERT" --key "$PEERS_KEY")
	case $1 in
	clear) tls=() ;;
	starttls) tls+=(--) ;;
	implicit) tls+=(--implicit --) ;;
	esac
}

smtp=(smtp-recv --hostname mx.example.org --local example.org)
pop3=(pop3-serve --auth-clear --single-user bob --password-file password)

# under SUPER MODE PROGRAM ARG...: runs the program under that super-server, or
# its own, on $port.
under()
{
	local super=$1 mode=$2 program
	shift 2
	front "$mode"
	set -- "${tls[@]}" "$@"
	[ "$super" != own ] || {
		started "$mode.log" "$@" --listen 127.0.0.1:0
		port=${address#*:}
		return
	}
	program=$BUILD/bin/$1
	shift
	set -- sh -c "cd '$PWD' && exec \"\$0\" \"\$@\"" "$program" "$@"
	free_port port
	case $super in
	inetd-nowait) inetd_start "$port" nowait "$PEERS_USER" "$@" ;;
	inetd-wait) inetd_start "$port" wait "$PEERS_USER" "$@" ;;
	xinetd) xinetd_start "$port" "$@" ;;
	tcpserver) tcpserver_start "$port" "$@" ;;
	systemd) systemd_activate "$port" "$@" ;;
	systemd-accept) systemd_activate -a "$port" "$@" ;;
	systemd-inetd) systemd_activate -a --inetd "$port" "$@" ;;
	esac
}

# send 'MODE PORT CLIENT...'...: by smtplib, a session from each of these, which
# are addresses of ours, with two messages.
send()
{
	"$PYTHON" - "$@" <<-'END'
		import os, smtplib, ssl, sys
		tls = ssl.create_default_context(cafile=os.environ["PEERS_CA"])
		text = open("wire", "rb").read()
		def session(client, mode, port):
		    args = ("127.0.0.1", int(port), "client.example.net")
		    more = {"timeout": 20, "source_address": (client, 0)}
		    if mode == "implicit":
		        s = smtplib.SMTP_SSL(*args, context=tls, **more)
		    else:
		        s = smtplib.SMTP(*args, **more)
		    if mode == "starttls":
		        s.starttls(context=tls)
		    s.sendmail("ann@example.net", "bob@example.org", text)
		    s.sendmail("ann@example.net", "bob@example.org", text)
		    s.quit()
		for job in sys.argv[1:]:
		    mode, port, *clients = job.split()
		    for client in clients:
		        session(client, mode, port)
	END
}

# receives SUPER: smtp-recv under it takes two sessions from two clients.
receives()
{
	local mode jobs=() last=1
	for mode in clear starttls implicit; do
		under "$1" "$mode" "${smtp[@]}" --mailboxes mailboxes
		jobs+=("$mode $port 127.0.0.$((++last)) 127.0.0.$((++last))")
	done
	send "${jobs[@]}"
	came "${jobs[@]}"
}

# came 'MODE PORT CLIENT...'...: what send sent, and no more.
came()
{
	local job client clients mode fields sum=0
	for job; do
		read -r mode _ clients <<<"$job"
		fields=$(trace "$mode")
		for client in $clients; do
			came_from "$client"
			((sum += 2))
		done
	done
	files bob/new $sum
}

# came_from CLIENT: two messages.
came_from()
{
	local file text found=0
	for file in bob/new/*; do
		IFS= read -rd '' text <"$file" || :
		[[ $text == *"([$1])"* ]] || continue
		arrived "$file" <<<"${fields/127.0.0.1/$1}"
		((++found))
	done
	[ $found = 2 ]
}

# trace MODE
trace()
{
	local using='\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384)'
	if [ "$1" = clear ]; then
		ours client.example.net ESMTP bob@example.org
	else
		ours client.example.net ESMTPS bob@example.org |
			sed "/^Received/a\\\\$using"
	fi
}

# retrieve 'MODE PORT'...: by poplib, two sessions in each mode; each has and
# then deletes the first message.
retrieve()
{
	"$PYTHON" - "$@" <<-'END'
		import os, poplib, ssl, sys
		tls = ssl.create_default_context(cafile=os.environ["PEERS_CA"])
		def session(mode, port):
		    where = "127.0.0.1", int(port)
		    if mode == "implicit":
		        p = poplib.POP3_SSL(*where, timeout=20, context=tls)
		    else:
		        p = poplib.POP3(*where, timeout=20)
		    if mode == "starttls":
		        p.stls(tls)
		    p.user("bob")
		    p.pass_("secret")
		    sys.stdout.buffer.write(b"\n".join(p.retr(1)[1]) + b"\n")
		    p.dele(1)
		    p.quit()
		for job in sys.argv[1:]:
		    session(*job.split())
		    session(*job.split())
	END
}

# serves SUPER: pop3-serve under it serves two sessions.
serves()
{
	local mode jobs=() place=0
	for mode in clear starttls implicit; do
		cp message "bob/new/$((++place)).1.host"
		cp second "bob/new/$((++place)).1.host"
		under "$1" "$mode" "${pop3[@]}"
		jobs+=("$mode $port")
	done
	retrieve "${jobs[@]}" >got
	cat message second message second message second | same got
	holds bob 0
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
	receives own
}

@test "pop3-serve as its own super-server" {
	serves own
}

@test "smtp-recv between pipes learns the client from tcpserver" {
	free_port port
	tcpserver_start "$port" sh -c "cd '$PWD' && cat | \"\$@\" | cat" sh \
	    "$BUILD/bin/smtp-recv" "${smtp[@]:1}" --mailboxes mailboxes
	send "clear $port 127.0.0.8"
	came "clear $port 127.0.0.8"
}

# dialogues PROGRAM LINE... < OPTIONS: for each line of options, what a client
# reads of the program with them under classic inetd, where fd 2 is the peer. It
# reads a reply before it sends each line, and prints every octet that comes.
dialogues()
{
	local program=$1
	shift
	free_port port
	inetd_start "$port" nowait "$PEERS_USER" sh -c "cd '$PWD' &&
	    read -r options <options &&
	    exec '$BUILD/bin/$program' --log stderr \$options"
	cat >talk.py <<-'END'
		import socket, sys
		def dialogue(port, lines, out):
		    s = socket.create_connection(("127.0.0.1", port), 20)
		    s.settimeout(20)
		    f = s.makefile("rb")
		    def reply():
		        line = f.readline()
		        out.write(line)
		        if line[3:4] == b"-" and line[:1] in b"2345":
		            reply()
		    try:
		        for line in lines:
		            reply()
		            s.sendall(line.encode() + b"\r\n")
		        s.shutdown(socket.SHUT_WR)
		        out.write(f.read())
		    except (BrokenPipeError, ConnectionResetError):
		        pass
		    s.close()
		for options in sys.stdin:
		    with open("options", "w") as f:
		        f.write(options)
		    sys.stdout.buffer.write(options.encode())
		    dialogue(int(sys.argv[1]), sys.argv[2:], sys.stdout.buffer)
	END
	"$PYTHON" talk.py "$port" "$@" |
		sed "s/^${host-} //; s/delivered as [0-9a-z]*/delivered as ID/"
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
