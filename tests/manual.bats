#!/usr/bin/env bats
# The examples of the manual pages and README do what their sentences say. Only
# host names and paths are replaced, by loopback and the test's own folder. And
# a page knows the options of its program, all of them and no others.

# shellcheck disable=SC2030,SC2031 # each test is a subshell
# shellcheck disable=SC2154 # address, of server
load lib
load peers
load interop

setup()
{
	sandbox
	export EMAIL=ann@example.net MAILPIPE_SPOOL=$PWD/spool
	mkdir spool bin
	PATH=$PWD/bin:$PATH
	echo 'See you at eight.' >text
}

teardown()
{
	stop_servers
	peers_stop
}

# example PAGE N [SED]: the Nth example of a page as a reader sees it.
example()
{
	awk -v want="$2" '
		/^\.Sh/ { on = /EXAMPLES/ }
		!on { next }
		/^\.Bd/ { n++; block = 1; next }
		/^\.Ed/ { block = 0; next }
		/^\.Dl/ { n++; sub(/^\.Dl (\$ )?/, "") }
		n == want && (block || !/^\./) { print }
		!block && n == want { n++; want = -1 }
	' "$TOP/man/$1" | sed -e 's/\\e/\\/g; s/^\\&//' -e "${3-}"
}

# readme N [SED]: the Nth command of README's "In the shell".
readme()
{
	awk -v want="$1" '
		/^[A-Z]/ { on = /^In the shell/ }
		!/^    / { last = 0; next }
		on { n += !last; last = 1 }
		on && n == want
	' "$TOP/README" | sed "${2-}"
}

# try PAGE N [SED]: runs it.
try()
{
	example "$@" >script
	[ -s script ]
	sh -e script
}

# stub NAME COMMAND: a program that is not ours.
stub()
{
	printf '#!/bin/sh\n%s\n' "$2" >"bin/$1"
	chmod +x "bin/$1"
}

# body < MESSAGE
body()
{
	sed '1,/^$/d'
}

# waits: what is in the spool, without what differs each time.
waits()
{
	spool list | sed -E 's/^.{20} (.*) [^ ]+ [0-9]+ [0-9]+ </\1 </'
}

@test "mkmsg(1): a message with two attachments goes into the spool" {
	printf '%%PDF\n' >a.pdf
	echo 1,2 >b.csv
	id=$(try mkmsg.1 1)
	spool show "$id" >shown
	"$PYTHON" - shown >got <<-'END'
		import email, email.policy, sys
		m = email.message_from_bytes(open(sys.argv[1], "rb").read(),
		    policy=email.policy.default)
		print(m["From"], m["To"], m["Subject"], sep="\n")
		for part in m.iter_parts():
		    print(part.get_content_type(), part.get_filename(),
			repr(part.get_content()))
	END
	same got <<-'END'
		ann@example.net
		bob@example.net
		The figures
		text/plain None 'See you at eight.\n'
		application/pdf a.pdf b'%PDF\n'
		text/csv b.csv '1,2\n'
	END
	waits >got
	same got <<-'END'
		queued <ann@example.net>
		  <bob@example.net>
	END
}

@test "mkmsg(1): a message is looked at before it goes" {
	stub less 'exec cat'
	try mkmsg.1 2 | body >got
	same got <text
}

@test "mkmsg(1): a question is answered from a script" {
	printf 'From: bob@example.org\nSubject: When?\nMessage-ID: <1@example.org>\n\n?\n' \
		>question.eml
	cp text answer
	try mkmsg.1 3
	waits >got
	same got <<-'END'
		queued <ann@example.net>
		  <bob@example.org>
	END
}

@test "auth-passwd(1): a user is added, and gets a uid and a folder" {
	stub auth-passwd "echo secret | $(type -P auth-passwd) \"\$@\""
	try auth-passwd.1 1
	sed 's/:\$y\$[^:]*/:HASH/' users >got
	same got <<<'alice:HASH:1000:1000::/home/alice'
}

@test "auth-passwd(1): a check by hand" {
	echo secret | auth-passwd --file users --add alice
	try auth-passwd.1 2 >got
	same got <<<alice
}

# Dovecot is unpacked beside its usual place, and looks for its part there.
@test "auth-passwd(1): Dovecot's passdb, and whom it serves" {
	outside=$(mktemp -d)
	chmod 755 "$outside"
	mkdir -p "$outside"/{md/{new,cur,tmp},bin}
	cp "$(type -P auth-passwd)" "$outside/bin"
	printf 'Subject: hello\n\nx\n' >"$outside"/md/new/1
	cat >"$outside/auth-passwd" <<-END
	#!/bin/sh
	exec $outside/bin/auth-passwd "\$1" "\$2" "$PEERS_ROOT\$3"
	END
	chmod 755 "$outside/auth-passwd"
	echo "erin:$(openssl passwd -1 'pass word'):65534:65534::$outside" \
		>"$outside/users"
	chmod 600 "$outside/users"
	[ "$EUID" != 0 ] || {
		chown -R 65534:65534 "$outside/md"
		chown mail "$outside/users"
	}
	example auth-passwd.1 3 "s,/usr/local/bin/,$outside/,
		s,/etc/mailpipe/,$outside/," >conf
	# What it runs may have no more memory than itself.
	dovecot_start -o 'mail_location = maildir:~/md' -o "$(cat conf)" \
		-o 'service auth {' -o 'vsz_limit = 0' -o '}'
	"$PYTHON" - "$DOVECOT_POP3" >got <<-'END'
	import poplib, sys
	for password in "pass word", "wrong":
	    p = poplib.POP3("127.0.0.1", int(sys.argv[1]), timeout=20)
	    try:
	        p.user("erin")
	        p.pass_(password)
	        print(p.stat()[0], p.top(1, 0)[1][0])
	        p.quit()
	    except poplib.error_proto as e:
	        print(e)
	END
	rm -r "$outside"
	same got <<-'END'
	1 b'Subject: hello'
	b'-ERR [AUTH] Authentication failed.'
	END
}

@test "mbox-deliver(1): what mkmsg made is filed" {
	maildirs box
	try mbox-deliver.1 1
	body <box/new/* >got
	same got <text
}

@test "mbox-deliver(1): a line of a spool's routes delivers for a domain" {
	maildirs bob
	echo "bob@example.net $PWD/bob/" >mailboxes
	example mbox-deliver.1 2 "s,/etc/mailpipe,$PWD," >spool/routes
	spool add bob@example.net <<<$'Subject: x\n\nx' >id
	spool run
	holds bob/new 1
}

@test "spool(1): queued while offline, sent later" {
	maildirs bob
	echo "bob@example.net $PWD/bob/" >mailboxes
	echo "* deliver mbox-deliver --mailboxes $PWD/mailboxes" >spool/routes
	try spool.1 1
	body <bob/new/* >got
	same got <text
	try spool.1 2
	waits >got
	same got <<-'END'
		queued <ann@example.net>
		  <bob@example.net>
	END
	try spool.1 3 "s/^[^a-z]*  //; s,/tmp/health,$PWD/health,g"
	holds bob/new 2
	[ "$(wc -l <health)" = 1 ]
}

@test "smtp-send(1): what mkmsg made is sent to those it names" {
	maildirs bob
	echo "bob@example.net $PWD/bob/" >mailboxes
	server recv.log smtp-recv --local example.net --mailboxes mailboxes
	try smtp-send.1 1 "s,submission://alice@smtp.example.com,smtp://$address,"
	body <bob/new/* >got
	same got <text
}

@test "smtp-send(1): a report is given to Dovecot" {
	dovecot_start -u bob
	printf 'Subject: report\n\nreport\n' >report
	try smtp-send.1 2 "s,/run/dovecot/lmtp,$DOVECOT_LMTP_SOCKET,"
	body <"$(find "$DOVECOT_MAIL/bob/new" -type f)" >got
	same got <<<report
}

@test "smtp-send(1): a batch" {
	maildirs bob
	echo "bob@example.net $PWD/bob/" >mailboxes
	server recv.log smtp-recv --local example.net --mailboxes mailboxes
	printf 'q1\t%s\t0\t-\t<ann@example.net>\t<bob@example.net>\t<x@example.net>\n' \
	    "$PWD/text" >"jobs"
	try smtp-send.1 3 "s,localhost:2525,$address,"
	sed 's/as .*/as ID/' results | sort >got
	same got <<-'END'
		q1	<bob@example.net>	ok	250	2.0.0	delivered as ID
		q1	<x@example.net>	perm	550	5.1.1	No such user here
	END
}

@test "smtp-send(1): a server is looked at" {
	server recv.log smtp-recv --local example.net -- true
	try smtp-send.1 5 "s,submission://alice@smtp.example.com,smtp://$address," >out
	sed -E '/^(greeting|name|offers-in-clear): /d' out >got
	same got <<-END
		server: smtp://$address
		result: a message could be sent
	END
}

@test "smtp-send(1): straight to the mail hosts" {
	maildirs bob carol
	printf '%s %s/\n' bob@example.net "$PWD/bob" \
		carol@example.org "$PWD/carol" >mailboxes
	server recv.log smtp-recv --local example.net --local example.org \
		--mailboxes mailboxes
	dnsmasq_start mx-host=example.net,mx.example.net,10 \
		host-record=mx.example.net,127.0.0.1 \
		host-record=example.org,127.0.0.1
	cp text message
	try smtp-send.1 4 "s/--mx/& --port ${address#*:} --resolver 127.0.0.1:$DNSMASQ_PORT/"
	body <bob/new/* >got
	same got <text
	body <carol/new/* >got
	same got <text
}

# The stub does what git-send-email does with such a command.
@test "sendmail(8): a script's message is queued, and git's patch" {
	cat >bin/git <<-'END'
		#!/bin/sh
		[ "$1 $4" = 'send-email HEAD^' ] || exit 1
		printf 'From: %s\nTo: %s\nSubject: [PATCH] x\n\nx\n' "$EMAIL" "${3#--to=}" |
			sh -c "${2#--sendmail-cmd=} \"\$@\"" - -i "${3#--to=}"
	END
	chmod +x bin/git
	try sendmail.8 1
	waits >got
	same got <<-'END'
		queued <ann@example.net>
		  <bob@example.net>
		queued <ann@example.net>
		  <bob@example.net>
	END
}

# A mailbox at POP3, on $address.
pop3_server()
{
	maildirs box
	printf 'Subject: one\n\none\n' | tee one >box/new/1.1.host
	echo secret >password
	chmod 600 password
	server pop3.log pop3-serve --single-user box --password-file password \
	    --auth-clear
	there="s,pop3s://ann@pop.example.net/,--tls=off pop3://ann@$address/,"
}

@test "pop3-fetch(1): cron fetches with the password of .netrc" {
	pop3_server
	echo "machine 127.0.0.1 login ann password secret" >"$HOME/.netrc"
	chmod 600 "$HOME/.netrc"
	try pop3-fetch.1 1 "s/^[^a-z]*  //; $there"
	same "$HOME"/Maildir/new/* <one
}

@test "pop3-fetch(1): mail is sorted on arrival and the mailbox emptied" {
	pop3_server
	maildirs Maildir
	stub pass "[ \"\$1 \$2\" = 'show mail' ] && echo secret"
	try pop3-fetch.1 2 "$there"
	same Maildir/new/* <one
	holds box 0
}

@test "pop3-fetch(1): mail goes into a pipe" {
	pop3_server
	echo "machine 127.0.0.1 login ann password secret" >"$HOME/.netrc"
	chmod 600 "$HOME/.netrc"
	[ "$(try pop3-fetch.1 3 "s,127.0.0.1:1100,$address,")" = 1 ]
}

@test "pop3-serve(1): users of a password file, over TLS" {
	certificate mx mx.example.org
	maildirs "$HOME/Maildir"
	printf 'Subject: x\n\nx\n' >"$HOME/Maildir/new/1"
	stub auth-passwd "echo secret | $(type -P auth-passwd) \"\$@\""
	example pop3-serve.1 1 's/127.0.0.1:1100/127.0.0.1:0/; s/^tls/exec tls/' \
		>script
	# The user has no account here, so the folder is said.
	sed -i "s,--listen,--maildir $HOME/Maildir &," script
	sh -e script 2>log </dev/null 3>&- &
	servers+=($!)
	peers_wait 400 $! listens log
	curl -m 20 -sS --ssl-reqd --cacert mx.pem \
		--connect-to "::127.0.0.1:${address##*:}" \
		"pop3://alice:secret@mx.example.org/" >list
	printf '1 17\r\n' | cmp - list
}

@test "imap-fetch(1): all folders, a mailbox emptied, one whose journal was lost" {
	dovecot_start -u ann
	box=$DOVECOT_MAIL/ann
	mkdir -p "$box"/{,.Lists/}{new,cur,tmp}
	printf 'Subject: one\n\none\n' | tee one >"$box/new/1.m"
	cp one "$box/.Lists/new/2.m"
	chown -R nobody:nogroup "$box"
	echo "machine 127.0.0.1 login ann password secret" >"$HOME/.netrc"
	chmod 600 "$HOME/.netrc"
	there="s,imaps://ann@imap.example.net,--tls=off imap://ann@127.0.0.1:$DOVECOT_IMAP,"
	try imap-fetch.1 1 "s/^[^a-z]*  //; $there"
	same "$HOME"/Maildir/new/* <one
	same "$HOME"/Maildir/.Lists/new/* <one
	cp -r "$HOME/Maildir/.Lists" Lists
	try imap-fetch.1 3 "$there"
	holds Lists/new 1
	maildirs Maildir
	stub pass "[ \"\$1 \$2\" = 'show mail' ] && echo secret"
	try imap-fetch.1 2 "$there"
	same Maildir/new/* <one
	find "$box/new" "$box/cur" -type f >left
	same left </dev/null
}

@test "pop3-serve(1): a test server, and a session by hand" {
	maildirs Maildir
	example pop3-serve.1 2 's/127.0.0.1:1100/127.0.0.1:0/; s/^pop3/exec pop3/' \
		>script
	sh -e script 2>log </dev/null 3>&- &
	servers+=($!)
	peers_wait 400 $! listens log
	curl -m 20 -sS "pop3://me:secret@$address/" >list
	crlf <<<'' | cmp - list
	try pop3-serve.1 3 >got
	crlf <<-'END' | diff - got
		+OK POP3
		+OK
		+OK
		+OK 0 0
		+OK bye
	END
}

# A session of smtplib that sends one message to bob.
send_one()
{
	"$PYTHON" - "$1" <<-'END'
		import smtplib, sys
		s = smtplib.SMTP("127.0.0.1", int(sys.argv[1]), timeout=20)
		s.sendmail("ann@example.net", "bob@example.net", "Subject: x\r\n\r\nx\r\n")
		s.quit()
	END
}

# inetd_runs PAGE N: inetd's line there, for our port, user and folder.
inetd_runs()
{
	local dir port program
	maildirs bob
	echo "bob@example.net $PWD/bob/" >mailboxes
	dir=$(peers_new inetd)
	free_port port
	program=$(peer_path inetd)
	example "$1" "$2" "s,^smtp stream,127.0.0.1:$port stream,
		s/ --user mailpipe//; s, \(mail\|root\) , $(id -un) ,
		s,/usr/local/bin,$BUILD/bin,; s,/etc/mailpipe,$PWD,g" \
		>"$dir/conf"
	peers_listen "$dir" "$port" "$program" -i "$dir/conf"
	send_one "$port"
	peers_stop
	holds bob/new 1
}

@test "smtp-recv(1): from inetd into maildirs" {
	inetd_runs smtp-recv.1 1
}

@test "smtp-recv(1): what comes from our network is queued for anyone" {
	example smtp-recv.1 2 "s/:25 /127.0.0.1:0 /; s,192.0.2.0/24,127.0.0.0/8,
		s,/var/spool/mailpipe,$PWD/spool,; s/^smtp/exec smtp/" >script
	sh -e script 2>log </dev/null 3>&- &
	servers+=($!)
	peers_wait 400 $! listens log
	send_one "${address#*:}"
	waits >got
	same got <<-'END'
		queued <ann@example.net>
		  <bob@example.net>
	END
}

@test "smtp-recv(1): a spool's route leads into its LMTP socket" {
	maildirs bob
	echo "bob@example.net $PWD/bob/" >mailboxes
	example smtp-recv.1 5 "s,/run/mailpipe,$PWD,; s,/etc/mailpipe,$PWD,
		s/^smtp/exec smtp/" >script
	sh -e script 2>log </dev/null 3>&- &
	servers+=($!)
	peers_wait 400 $! listens log
	echo "example.net lmtp $PWD/lmtp" >spool/routes
	spool add bob@example.net <text >id
	spool run 2>run.log
	holds bob/new 1
	waits >got
	same got </dev/null
}

# The files that mailpipe(7) has in /etc/mailpipe, in our folder. The user is
# an installed system's.
etc_mailpipe()
{
	make_certificate
	echo secret | auth-passwd --file passwd --add bob
	maildirs bob
	echo "bob@example.net $PWD/bob/" >mailboxes
	example mailpipe.7 12 "s,/etc/mailpipe,$PWD,; /^user/d" >pop3.conf
	echo "maildir $PWD/%u" >>pop3.conf
	example mailpipe.7 13 "s,/etc/mailpipe,$PWD,; /^user/d" >tls.conf
}

make_certificate()
{
	peers_certificate
	cp "$PEERS_CERT" cert.pem
	cp "$PEERS_KEY" key.pem
	chmod 600 key.pem
}

@test "mailpipe(7): who logs in may send anywhere" {
	make_certificate
	example mailpipe.7 9 "s,/etc/mailpipe,$PWD,g; s,/var/spool/mailpipe,hub,
		s/:587/127.0.0.1:0/; s/^tls-serve/exec &/" >script
	echo secret | sh -e script 2>log 3>&- &
	servers+=($!)
	peers_wait 400 $! listens log
	echo secret >password
	chmod 600 password
	smtp-send --relay "submission://ann@$address" --cafile "$PEERS_CA" \
	    --password-file password -f ann@example.net bob@example.com <text
	spool -d hub list | sed -E 's/^.{20} (.*) [^ ]+ [0-9]+ [0-9]+ </\1 </' >got
	same got <<-'END'
		queued <ann@example.net>
		  <bob@example.com>
	END
}

@test "mailpipe(7): the units that systemd is told to enable are there" {
	stub systemctl 'echo "$@" >>asked'
	try mailpipe.7 10
	try mailpipe.7 11
	tr ' ' '\n' <asked | sed -n 's/@.*\./@./; /^mailpipe/p' | sort >got
	(cd "$TOP/lib/systemd" && ls system user) | sort >there
	comm -23 got there >missing
	same missing </dev/null
	[ "$(wc -l <got)" = 6 ]
}

# send_tls PORT: one message to bob after STARTTLS.
send_tls()
{
	"$PYTHON" - "$1" <<-'END'
		import smtplib, sys
		s = smtplib.SMTP("127.0.0.1", int(sys.argv[1]), timeout=20)
		s.starttls()
		s.sendmail("ann@example.net", "bob@example.net", "Subject: x\r\n\r\nx\r\n")
		s.quit()
	END
}

@test "tls-serve(1): a certificate that only tries, and a server with STARTTLS" {
	example tls-serve.1 1 's/:2525/:0/; s/^tls-serve/exec &/' >script
	sh -e script 2>log </dev/null 3>&- &
	servers+=($!)
	peers_wait 800 $! listens log
	send_tls "${address#*:}"
	waits >got
	same got <<-'END'
		queued <ann@example.net>
		  <bob@example.net>
	END
}

@test "tls-serve(1): from inetd" {
	certificate mx mx.example.net
	send_one() {
		send_tls "$1"
	}
	inetd_runs tls-serve.1 2
}

@test "tls-broker(1): who holds keys" {
	certificate mx mx.example.net
	tls-serve --cert "$PWD/mx.pem" --key "$PWD/mx.key" -- sleep 60 3>&- &
	servers+=($!)
	peers_wait 400 $! eval 'try tls-broker.1 1 >all; grep " $PWD/mx.pem " all >got'
	sed "s/^[0-9]* //" got >command
	echo "tls-broker --log stderr -- $PWD/mx.pem $PWD/mx.key" | same command
}

# cat is as good a server as imapd.
@test "tls-serve(1): a server that has no TLS" {
	certificate mx mx.example.net
	stub imapd 'exec cat'
	free_port port
	peers_new tcpserver >dir
	peers_listen "$(cat dir)" "$port" sh -c "$(example tls-serve.1 3 \
		"s,^tcpserver 0 993,exec '$(peer_path tcpserver)' -HRl0 127.0.0.1 $port,")"
	"$PYTHON" - "$port" >got <<-'END'
		import socket, ssl, sys
		s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 20)
		t = ssl._create_unverified_context().wrap_socket(s)
		t.sendall(b"a1 NOOP\r\n")
		print(t.recv(100))
	END
	echo "b'a1 NOOP\\r\\n'" | same got
}

@test "smtp-recv(1): our users log in under TLS and send to anyone" {
	certificate cert localhost
	mv cert.key key.pem
	echo secret | auth-passwd --file users --add ann
	example smtp-recv.1 3 "s/:587 /127.0.0.1:0 /; s/^tls-serve/exec &/
		s,/var/spool/mailpipe,$PWD/spool,
		s,/etc/mailpipe/passwd,$PWD/users," >script
	sh -e script 2>log </dev/null 3>&- &
	servers+=($!)
	peers_wait 400 $! listens log
	"$PYTHON" - "${address#*:}" <<-'END'
		import smtplib, ssl, sys
		with smtplib.SMTP("localhost", int(sys.argv[1]), timeout=20) as c:
		    c.starttls(context=ssl.create_default_context(cafile="cert.pem"))
		    c.login("ann", "secret")
		    c.sendmail("ann@example.net", ["bob@other.example"], "\r\n")
	END
	waits >got
	same got <<-'END'
		queued <ann@example.net>
		  <bob@other.example>
	END
}

@test "smtp-recv(1): each login has its senders" {
	stub check 'cat <&3 >&2'
	example smtp-recv.1 4 >senders
	for mail in 'ann sales@example.net' 'ann bob@bob.example' \
		'bob any@bob.example' 'bob'; do
		read -r login sender <<<"$mail"
		printf '%s\r\n' 'EHLO me' "AUTH PLAIN $(printf '\0%s\0x' "$login" |
			base64)" "MAIL FROM:<$sender>" |
			smtp-recv --log none --submission --auth check \
				--auth-clear --sender-map senders --spool spool |
			tail -n 1
	done >got
	crlf <<-'END' | same got
		250 2.1.0 OK
		550 5.7.1 Not an address of yours
		250 2.1.0 OK
		250 2.1.0 OK
	END
}

@test "mailpipe(7): the recipient's server under inetd" {
	etc_mailpipe
	inetd_runs mailpipe.7 14
}

@test "mailpipe(7): mailboxes are served under xinetd" {
	local dir port
	etc_mailpipe
	cp text bob/new/1.1.host
	dir=$(peers_new xinetd)
	free_port port
	example mailpipe.7 15 "s,/etc/mailpipe,$PWD,g; s,/usr/local/bin,$BUILD/bin,
		s/= root/= $(id -un)/
		s/^{/&\ntype = UNLISTED\nbind = 127.0.0.1\nport = $port/" \
		>"$dir/conf"
	peers_listen "$dir" "$port" "$(peer_path xinetd)" -dontfork \
	    -f "$dir/conf" -pidfile "$dir/pid"
	curl -m 20 -sS --cacert "$PEERS_CA" "pop3s://bob:secret@127.0.0.1:$port/1" \
		>got
	crlf <text | cmp - got
}

@test "mailpipe(7): the recipient's server under tcpserver" {
	local port
	etc_mailpipe
	free_port port
	example mailpipe.7 16 "s,/etc/mailpipe,$PWD,g; s/ --user mailpipe//
		s/ 0 25 / 127.0.0.1 $port /" >script
	stub tcpserver "exec '$(peer_path tcpserver)' \"\$@\""
	peers_listen "$(peers_new tcpserver)" "$port" sh -e "$PWD/script"
	send_one "$port"
	holds bob/new 1
}

@test "mailpipe(7): cron sends and fetches" {
	maildirs box
	echo "* deliver mbox-deliver -o $PWD/box" >spool/routes
	spool add bob@example.net <text
	stub imap-fetch 'printf "%s\n" "$@" >fetched'
	try mailpipe.7 17 "s/^[^a-z]*  //; s,/var/spool/mailpipe,$PWD/spool,"
	holds box/new 1
	printf '%s\n' -q --all -o "$HOME/Maildir" \
	    imaps://bob@imap.example.net/ | same fetched
}

@test "mailpipe-batch(5): a job and its results" {
	maildirs b
	echo "b@example.net $PWD/b/" >mailboxes
	server recv.log smtp-recv --local example.net --mailboxes mailboxes
	example mailpipe-batch.5 1 "s,/tmp/m,$PWD/text,; s/ /\t/g" >lines
	head -n 1 lines | smtp-send --relay "smtp://$address" --batch >results
	cut -f 1-5 results | sort >got
	sed 1d lines | cut -f 1-5 | sort | same got
}

@test "mailpipe-queue(5): what is due, and a message of dead/" {
	id=$(spool add bob@example.net <text)
	mv spool/queue/*."$id".q spool/dead/
	[ -z "$(try mailpipe-queue.5 1)" ]
	try mailpipe-queue.5 2 "s/[^ ]*$/$id/" >got
	same got <text
	spool add bob@example.net <text
	[ "$(try mailpipe-queue.5 1 | grep -c '  <bob@example.net>')" = 1 ]
}

@test "mailpipe-seen(5): a message is fetched again" {
	pop3_server
	mv box/new/1.1.host box/new/0000a1b2
	cp one box/new/0000a1b3
	fetch=(pop3-fetch -q --tls=off --password-file "$PWD/password"
		-o Maildir "pop3://ann@$address/")
	"${fetch[@]}"
	"${fetch[@]}"
	holds Maildir/new 2
	try mailpipe-seen.5 1 's/pop.example.net/127.0.0.1/'
	"${fetch[@]}"
	holds Maildir/new 3
}

@test "mailpipe-mailboxes(5): the table finds everyone" {
	mkdir -p mail srv/example.org/dan
	maildirs mail/alice srv/example.org/dan
	stub file-bug 'cat >bug'
	example mailpipe-mailboxes.5 1 "s,/var/mail,$PWD/mail,
		s,/usr/local/bin,$PWD/bin,; s,/srv/mail,$PWD/srv," >mailboxes
	for rcpt in alice@example.net bob@example.net dan@example.org; do
		mbox-deliver --mailboxes mailboxes -f ann@example.net -- $rcpt \
		    <<<$'Subject: x\n\nx'
	done
	holds mail/alice/new 1
	holds srv/example.org/dan/new 1
	[ -s mail/bob ]
	exits 67 mbox-deliver --mailboxes mailboxes -f ann@example.net -- \
	    eve@example.org <<<$'Subject: x\n\nx' 2>errors
}

@test "mailpipe-routes(5): the routes are read" {
	example mailpipe-routes.5 1 >spool/routes
	spool run
	example mailpipe-routes.5 2 >spool/routes
	spool run
}

@test "mailpipe(7): the four roles as its scripts play them" {
	maildirs srv/bob old
	mkdir hub
	example mailpipe.7 7 "s,/srv/mail,$PWD/srv," >mailboxes
	mx=$(example mailpipe.7 6 "s,/etc/mailpipe,$PWD,; s/--listen.*//")
	mail=$(example mailpipe.7 3 "s,/var/spool/mailpipe,$PWD/hub,
		s,192.0.2.0/24,127.0.0.0/8,; s/--listen.*//")
	eval "server mx.log $mx"
	example mailpipe.7 5 "s,smtp://mx.example.net,smtp://$address," \
	    >hub/routes
	eval "server mail.log $mail"
	export MAILPIPE_SPOOL=$HOME/.local/state/mailpipe/spool
	try mailpipe.7 1 "s,submission://ann@smtp.example.org,smtp://$address,"
	try mailpipe.7 2 's/^[^a-z]*  //'
	try mailpipe.7 4 "s/^[^a-z]*  //; s,/var/spool/mailpipe,$PWD/hub,"
	echo "machine 127.0.0.1 login bob password secret" >"$HOME/.netrc"
	echo secret >password
	chmod 600 "$HOME/.netrc" password
	server pop3.log pop3-serve --single-user srv/bob --auth-clear \
	    --password-file password
	try mailpipe.7 8 \
	    "s,pop3s://bob@pop.example.net/,--tls=off pop3://bob@$address/,"
	body <"$(find "$HOME/Maildir/new" -type f)" >got
	same got <text
	cp text old/cur/1.1.host
	cp text old/cur/2.1.host
	try mailpipe.7 18
	holds "$HOME/Maildir/new" 3
}

@test "README: a file is sent now" {
	maildirs bob
	echo "bob@example.net $PWD/bob/" >mailboxes
	server recv.log smtp-recv --local example.net --mailboxes mailboxes
	printf '%%PDF\n' >report.pdf
	cp text note.txt
	readme 1 "s,submission://ann@smtp.example.org,smtp://$address," >script
	sh -e script
	"$PYTHON" - bob/new/* >got <<-'END'
		import email, email.policy, sys
		m = email.message_from_bytes(open(sys.argv[1], "rb").read(),
		    policy=email.policy.default)
		print(m["Subject"], [p.get_content() for p in m.iter_parts()])
	END
	same got <<<"Report ['See you at eight.\\n', b'%PDF\\n']"
}

@test "README: cron sends what was written while offline" {
	maildirs bob
	echo "* deliver mbox-deliver -o $PWD/bob" >spool/routes
	mkmsg -t bob@example.net -- spool add <text
	readme 2 's/^[^a-z]*  //' >script
	sh -e script
	body <bob/new/* >got
	same got <text
}

# As inetd does it: the connection is standard input and output.
@test "README: a message is received on standard input" {
	maildirs bob
	echo "bob@mx.example.net $PWD/bob/" >mailboxes
	readme 3 "s,/etc/mailpipe/,$PWD/,; s/^ *//" >script
	crlf <<-'END' | sh -e script >got 2>log
		EHLO me.example.net
		MAIL FROM:<ann@example.net>
		RCPT TO:<bob@mx.example.net>
		DATA
		Subject: x

		See you at eight.
		.
		QUIT
	END
	tail -n 1 got >last
	same -v last <<<'221 2.0.0 Bye^M'
	body <bob/new/* >got
	same got <text
}

@test "README: what is safe here is forgotten on the server" {
	pop3_server
	echo "machine 127.0.0.1 login bob password secret" >"$HOME/.netrc"
	chmod 600 "$HOME/.netrc"
	readme 4 "s,pop3s://bob@pop.example.net/,--tls=off pop3://bob@$address/," \
		>script
	sh -e script
	same "$HOME"/Maildir/new/* <one
	holds box 0
}

@test "README: mailboxes are merged in a loop" {
	maildirs old
	cp text old/cur/1.1.host
	cp text old/new/2.1.host
	readme 5 >script
	sh -e script
	holds "$HOME/Maildir/new" 2
}

@test "README names all pages of formats, and is one page" {
	[ "$(wc -l <"$TOP/README")" -le 66 ]
	[ "$(wc -L <"$TOP/README")" -le 80 ]
	readme=$(<"$TOP/README")
	for page in "$TOP"/man/*.[57]; do
		name=${page##*/}
		name="${name%.*}(${name##*.})"
		[[ $readme == *"$name"* ]] || echo "$name is not named"
	done >out
	same out </dev/null
}

@test "every example of every page is run here" {
	(cd "$TOP/man" && awk 'FNR == 1 { on = n = 0 }
		/^\.Sh/ { on = /EXAMPLES/ }
		on && /^\.(Bd|Dl)/ { print FILENAME, ++n }' ./*.[1578]) |
		sed 's,^\./,,' | sort >there
	grep -oE '(try|example|inetd_runs) [a-z0-9-]+\.[1578] [0-9]+' \
		"$BATS_TEST_FILENAME" | cut -d ' ' -f 2- | sort -u >run
	same there <run
}

# has_options PROGRAM: the long ones of its tables, as the compiler sees them.
has_options()
{
	local source
	for source in "$TOP/bin/$1.c" "$TOP/bin/$1-options.c"; do
		[ ! -e "$source" ] || ${CC:-cc} -E -P -D_GNU_SOURCE \
			-DVERSION='""' -I"$TOP/lib" "$source"
	done | tr '\n' ' ' |
		grep -oE 'struct option_def [a-z_]+\[\] = \{[^;]*;' |
		grep -oE '\{ *"[a-z0-9-]+"' | tr -d '{" '
	printf '%s\n' config help version
}

long_options()
{
	grep -oE -- '--[a-z][a-z0-9-]+' | sed 's/^--//'
}

# of: each behind the name of $program.
of()
{
	sed "s/^/$program /"
}

# A page may speak of another program's options in its sentences, but lists
# those of its own.
@test "--help and the page have every option of a program, and no other" {
	for page in "$TOP"/man/*.1; do
		program=${page##*/} program=${program%.1}
		has_options "$program" | of >>known
		"$program" --help | long_options | of >>help
		mandoc -Tascii "$page" | sed 's/.\x08//g' | long_options | of >>said
		sed -nE '/^\.Sh SYNOPSIS/,/^\.Sh/p; /^\.It Fl/p' "$page" |
			grep -oE '(Fl -|, -|Fl Fl )[a-z][a-z0-9-]+' |
			sed -E 's/^(Fl -|, -|Fl Fl )//' | of >>listed
	done
	sort -u -o known known
	sort -u -o help help
	sort -u -o said said
	sort -u -o listed listed
	{
		cut -d ' ' -f 1 known | uniq -c | awk '$1 < 4 { print $2, "has", $1 }'
		comm -23 known help | sed 's/$/ is not in --help/'
		comm -13 known help | sed 's/$/ is strange in --help/'
		comm -23 known said | sed 's/$/ is not in the page/'
		comm -13 known listed | sed 's/$/ is strange in the page/'
	} >out
	same out </dev/null
}

@test "sendmail(8) and its --help have the same options" {
	sendmail --help | grep -oE '(^|[ ,])-[a-zA-Z][a-z]?\>' | tr -d ' ,' |
		sort -u >help
	mandoc -Tascii "$TOP/man/sendmail.8" | sed 's/.\x08//g' >page
	while read -r option; do
		grep -qE -- "(^|[ ,])$option([ ,.]|$)" page || echo "$option"
	done <help >out
	same out </dev/null
}
