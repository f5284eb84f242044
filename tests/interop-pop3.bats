#!/usr/bin/env bats
# POP3 with the software of others, beyond what interop-serve.bats and
# interop-fetch.bats try with each.

# shellcheck disable=SC2154 # address, of server
load lib
load peers
load interop

setup()
{
	sandbox
	write_message >message
	maildirs box
	cp message box/new/1.1.host
	printf 'Subject: two\n\nno end of line' >box/cur/2.1.host:2,S
	printf 'Subject: three\n\n' | tee three >box/new/3.1.host
	(cat box/cur/* && echo) >two
	echo secret >password
	chmod 600 password
}

teardown()
{
	stop_servers
	peers_stop
}

pop3_server()
{
	server pop3.log pop3-serve --single-user box --password-file password \
	    --auth-clear
}

@test "Python's poplib lists, reads and deletes" {
	pop3_server
	"$PYTHON" - "$address" message >got <<-'END'
		import poplib, sys
		host, port = sys.argv[1].split(":")
		p = poplib.POP3(host, int(port), timeout=20)
		print(p.getwelcome(), sorted(p.capa().items()))
		print(p.user("bob"), p.pass_("secret"))
		print(p.stat(), p.list(), p.list(2))
		uids = [line.split()[1] for line in p.uidl()[1]]
		print(len(set(uids)), p.uidl(3).split()[2] == uids[2])
		print(p.retr(1)[1] == open(sys.argv[2], "rb").read().split(b"\n")[:-1])
		print(p.retr(2), p.retr(3), p.top(1, 1)[1][-2:], p.noop())
		print(p.dele(1), p.rset(), p.dele(2), p.stat())
		try:
		    p.retr(2)
		except poplib.error_proto as e:
		    print(e)
		print(p.quit())
	END
	same got <<-'END'
		b'+OK POP3' [('AUTH-RESP-CODE', []), ('EXPIRE', ['NEVER']), ('PIPELINING', []), ('RESP-CODES', []), ('SASL', ['PLAIN']), ('TOP', []), ('UIDL', []), ('USER', [])]
		b'+OK' b'+OK'
		(3, 1425) (b'+OK', [b'1 1375', b'2 32', b'3 18'], 20) b'+OK 2 32'
		3 True
		True
		(b'+OK message follows', [b'Subject: two', b'', b'no end of line'], 32) (b'+OK message follows', [b'Subject: three', b''], 18) [b'', b'.'] b'+OK'
		b'+OK' b'+OK' b'+OK' (2, 1393)
		b'-ERR no such message'
		b'+OK bye'
	END
	find box -type f | sort >left
	same left <<-'END'
		box/new/1.1.host
		box/new/3.1.host
	END
}

@test "poplib that is cut off deletes nothing" {
	pop3_server
	"$PYTHON" - "$address" <<-'END'
		import poplib, sys
		host, port = sys.argv[1].split(":")
		p = poplib.POP3(host, int(port), timeout=20)
		p.user("bob")
		p.pass_("secret")
		p.dele(1)
		p.close()
	END
	stop_servers
	[ -e box/new/1.1.host ]
}

@test "a wrong password is refused to poplib" {
	pop3_server
	"$PYTHON" - "$address" >got <<-'END'
		import poplib, sys
		host, port = sys.argv[1].split(":")
		p = poplib.POP3(host, int(port), timeout=20)
		p.user("bob")
		try:
		    p.pass_("wrong")
		except poplib.error_proto as e:
		    print(e)
		print(p.user("bob"), p.pass_("secret"), p.quit())
	END
	same got <<-'END'
		b'-ERR [AUTH] wrong password'
		b'+OK' b'+OK' b'+OK bye'
	END
}

@test "curl lists and retrieves" {
	pop3_server
	curl -m 20 -sS "pop3://bob:secret@$address/" >list
	crlf <message | wc -c >size
	crlf <<-END | same list
		1 $(cat size)
		2 32
		3 18
	END
	curl -m 20 -sS "pop3://bob:secret@$address/1" >got
	crlf <message | same got
}

@test "curl's wrong password is refused" {
	pop3_server
	exits 67 curl -m 20 -sS "pop3://bob:wrong@$address/" 2>/dev/null
}

# holds_all DIR: the three messages and nothing else, a newline ending each.
holds_all()
{
	same_files 3 message two three "$1"/*
}

# mpop_fetch KEEP: what bob has, into the maildir in.
mpop_fetch()
{
	peer mpop --host=127.0.0.1 --port="${address#*:}" --user=bob \
	    --passwordeval='echo secret' --auth=user --tls=off --keep="$1" \
	    --timeout=20 --received-header=off --uidls-file="$PWD/uidls" \
	    --delivery=maildir,in
}

@test "mpop fetches all once, then what is new, and deletes" {
	pop3_server
	maildirs in
	mpop_fetch on
	holds_all in/new
	mpop_fetch on
	holds_all in/new
	rm in/new/*
	cp message box/new/4.1.host
	mpop_fetch off
	same in/new/* <message
	holds box 0
}

# fetchmail_poll WORD...: what bob has, with those words as its user options.
fetchmail_poll()
{
	cat >fetchmailrc <<-END
		set invisible
		poll 127.0.0.1 service ${address#*:} protocol pop3 uidl
		    auth password user bob password secret $*
		    sslproto '' fetchall no keep
	END
	chmod 600 fetchmailrc
	FETCHMAILHOME=$PWD peer fetchmail -f fetchmailrc \
	    --pidfile "$PWD/fetchmail.pid"
}

@test "fetchmail takes from pop3-serve and gives to smtp-recv" {
	rm box/new/3.1.host box/cur/2.1.host:2,S
	maildirs carol
	echo "carol@example.org $PWD/carol/" >mailboxes
	server recv.log smtp-recv --hostname mx.example.org \
	    --local example.org --mailboxes mailboxes
	smtp=$address
	pop3_server
	fetchmail_poll "is carol@example.org here smtphost '${smtp/://}'"
	ours 127.0.0.1 ESMTP carol@example.org | arrived carol/new/*
	holds box 0
}

# fetch OPTION...: by pop3-fetch, into the maildir home.
fetch()
{
	pop3-fetch --tls=off --password-file password -o home "$@" \
	    "pop3://bob@$address/"
}

@test "pop3-fetch takes what is in Dovecot away" {
	dovecot_start -u "bob:secret:$PWD/box"
	address=127.0.0.1:$DOVECOT_POP3
	fetch --delete
	holds_all home/new
	files box/new 0
	files box/cur 0
}

@test "pop3-fetch keeps, then takes away what is at pop3-serve" {
	pop3_server
	fetch --keep
	holds_all home/new
	fetch --delete
	holds_all home/new
	holds box 0
}

@test "pop3-fetch is told by Dovecot that the password is wrong" {
	dovecot_start -u bob
	address=127.0.0.1:$DOVECOT_POP3
	echo wrong >password
	exits 77 fetch --keep 2>errors
	same errors <<-END
		pop3-fetch: connect pop3://bob@$address: -ERR [AUTH] Authentication failed.
	END
}
