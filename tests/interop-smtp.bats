#!/usr/bin/env bats
# SMTP and LMTP with the software of others, beyond what each client and server
# is tried with in interop-recv.bats and interop-send.bats: refusals, several
# recipients and messages, reports.

# shellcheck disable=SC2154 # address, of server
load lib
load peers
load interop

setup()
{
	sandbox
	write_message >message
	# swaks ends it with a newline of its own.
	head -c -1 message >unended
}

teardown()
{
	stop_servers
	peers_stop
}

# receiver: smtp-recv for example.org, where bob and carol are.
receiver()
{
	maildirs bob carol
	printf '%s@example.org %s/\n' bob "$PWD/bob" carol "$PWD/carol" >mailboxes
	server recv.log smtp-recv --hostname mx.example.org \
	    --local example.org --mailboxes mailboxes
}

# both HELO PROTOCOL: one message of two recipients came to both.
both()
{
	local name
	for name in bob carol; do
		files "$name/new" 1
		ours "$1" "$2" "$name@example.org" all | arrived "$name"/new/*
	done
}

@test "Postfix relays a message of two recipients into our mailboxes" {
	receiver
	postfix_start -d example.net -u ann -r "$address"
	postfix_sendmail -i -f ann@example.net bob@example.org carol@example.org \
	    <message
	files bob/new 1
	files carol/new 1
	for name in bob carol; do
		arrived $name/new/* <<-END
			Return-Path: <ann@example.net>
			Delivered-To: $name@example.org
			Received: from postfix.example.net ([127.0.0.1])
			\tby mx.example.org with ESMTP id ID; DATE
			Received: by postfix.example.net (Postfix, from userid $(id -u))
			\tid ID; DATE
		END
	done
}

@test "Postfix tells its sender about the recipient that we refuse" {
	receiver
	postfix_start -d example.net -u ann -r "$address"
	postfix_sendmail -i -f ann@example.net bob@example.org zoe@example.org \
	    <message
	files bob/new 1
	files "$POSTFIX_MAIL/ann/new" 1
	sed -n '/^Final-Recipient/,/^$/{/^Remote-MTA/d;p}' \
	    "$POSTFIX_MAIL"/ann/new/* >report
	same report <<-'END'
		Final-Recipient: rfc822; zoe@example.org
		Original-Recipient: rfc822;zoe@example.org
		Action: failed
		Status: 5.1.1
		Diagnostic-Code: smtp; 550 5.1.1 No such user here

	END
}

# smtp-source ends a message with an empty line of its own.
longer()
{
	cp message sent
	echo >>message
}

@test "smtp-source sends 12 messages of three recipients in four sessions" {
	mkdir box
	maildirs box/{user,2user,3user}
	echo "@example.org $PWD/box/%u/" >mailboxes
	server recv.log smtp-recv --hostname mx.example.org \
	    --local example.org --mailboxes mailboxes
	longer
	smtp_source -F sent -m 12 -s 4 -r 3 -M client.example.net \
	    -f ann@example.net -t user@example.org "$address"
	for name in user 2user 3user; do
		[ "$(find box/$name/new -type f | wc -l)" = 12 ]
		for file in "box/$name"/new/*; do
			arrived "$file" <<-END
				Return-Path: <ann@example.net>
				Delivered-To: $name@example.org
				Received: from client.example.net ([127.0.0.1])
				\tby mx.example.org with SMTP id ID; DATE
			END
		done
	done
}

@test "smtp-source sends 8 messages in one session" {
	receiver
	longer
	smtp_source -d -F sent -m 8 -s 1 -M client.example.net \
	    -f ann@example.net -t bob@example.org "$address"
	files bob/new 8
	for file in bob/new/*; do
		ours client.example.net SMTP bob@example.org | arrived "$file"
	done
}

@test "swaks says HELO and pipelines when told" {
	receiver
	swaks -s "$address" --protocol SMTP --helo client.example.net \
	    -f ann@example.net -t bob@example.org --data @unended
	ours client.example.net SMTP bob@example.org | arrived bob/new/*
	swaks -s "$address" --pipeline --ehlo client.example.net \
	    -f ann@example.net -t carol@example.org --data @unended
	ours client.example.net ESMTP carol@example.org | arrived carol/new/*
}

@test "msmtp knows a refusal" {
	receiver
	msmtp()
	{
		peer msmtp --host=127.0.0.1 --port="${address#*:}" --auth=off \
		    --tls=off --domain=client.example.net -f ann@example.net "$@"
	}
	exits 65 msmtp bob@example.org zoe@example.org <message 2>errors
	same errors <<-'END'
		msmtp: recipient address zoe@example.org not accepted by the server
		msmtp: server message: 550 5.1.1 No such user here
		msmtp: could not send mail
	END
}

@test "Python's smtplib sends a message and learns who is refused" {
	receiver
	crlf <message >wire
	"$PYTHON" - "$address" wire >got <<-'END'
		import smtplib, sys
		host, port = sys.argv[1].split(":")
		s = smtplib.SMTP(host, int(port), "client.example.net", 20)
		s.ehlo_or_helo_if_needed()
		print(*sorted(s.esmtp_features))
		print(s.sendmail("ann@example.net", ["bob@example.org",
		    "zoe@example.org", "carol@example.org", "dan@example.com"],
		    open(sys.argv[2], "rb").read(), ["BODY=8BITMIME"]))
		print(s.noop(), s.rset(), s.quit())
	END
	same got <<-'END'
		8bitmime chunking enhancedstatuscodes pipelining size smtputf8
		{'zoe@example.org': (550, b'5.1.1 No such user here'), 'dan@example.com': (550, b'5.7.1 No relaying for you')}
		(250, b'2.0.0 OK') (250, b'2.0.0 Reset') (221, b'2.0.0 Bye')
	END
	both client.example.net ESMTP
}

# waiting SPOOL: what list says, a line a message, without what differs each
# time.
waiting()
{
	spool -d "$1" list >listed
	sed -E ':a;N;$!ba;s/\n  / | /g' listed | sed -E 's/^[0-9a-z]{20} /ID /
		s/ [0-9-]{10}T[0-9:]{8}Z ([0-9]+) [0-9]+ / TIME \1 SIZE /' |
		sort >waiting
}

@test "what curl sends is in our spool before it is done" {
	mkdir spool
	server recv.log smtp-recv --hostname mx.example.org \
	    --local example.org --spool spool
	curl -m 20 -sS --crlf --mail-from ann@example.net \
	    --mail-rcpt bob@example.org --mail-rcpt carol@example.org \
	    -T message "smtp://$address/client.example.net"
	waiting spool
	same waiting <<-'END'
		ID queued TIME 0 SIZE <ann@example.net> | <bob@example.org> | <carol@example.org>
	END
	spool -d spool show "$(head -c 20 listed)" >shown
	arrived shown <<-'END'
		Received: from client.example.net ([127.0.0.1])
		\tby mx.example.org with ESMTP id ID; DATE
	END
}

@test "what swaks sends is handed to a command with its envelope" {
	cat >handler <<-'END'
		#!/bin/sh
		printf '%s|' "$@" "$REMOTE_ADDR" "$HELO" "$PROTOCOL" >envelope
		cat >got
	END
	chmod +x handler
	server recv.log smtp-recv --hostname mx.example.org \
	    --local example.org -- "$PWD/handler" word
	swaks -s "$address" --ehlo client.example.net -f ann@example.net \
	    -t bob@example.org,carol@example.org --data @unended
	echo >>envelope
	same envelope <<-'END'
		word|-f|ann@example.net|--|bob@example.org|carol@example.org|127.0.0.1|client.example.net|ESMTP|
	END
	arrived got <<-'END'
		Received: from client.example.net ([127.0.0.1])
		\tby mx.example.org with ESMTP id ID; DATE
	END
}

send()
{
	smtp-send --hostname laptop.example.net -f ann@example.net "$@"
}

batch()
{
	smtp-send --hostname laptop.example.net --batch "$@"
}

# postfix: with its users bob and carol, the latter busy.
postfix()
{
	postfix_start -u bob -u carol -o 'smtpd_recipient_restrictions =
	    check_recipient_access inline:{{carol@example.org=450 4.2.1 busy}},
	    permit_mynetworks, reject'
}

# by_postfix RCPT [FOR]: the trace fields of its delivery.
by_postfix()
{
	cat <<-END
		Return-Path: <ann@example.net>
		X-Original-To: $1
		Delivered-To: $1
		Received: from laptop.example.net (unknown [127.0.0.1])
		\tby postfix.example.org (Postfix) with ESMTP id ID
		\tfor <$1>; DATE
	END
}

# job ID RCPT...: a line for --batch, of the message.
job()
{
	printf '%s\t%s\t0\t-\t<ann@example.net>' "$1" "$PWD/message"
	shift
	printf '\t<%s>' "$@"
	echo
}

# results < RESULTS: sorted, and without what differs each time.
results()
{
	sed -E 's/queued as [0-9A-F]+/queued as ID/
		s/[^ ]+ Saved/ID Saved/; s/delivered as .*/delivered as ID/' | sort
}

@test "smtp-send names the recipients that Postfix refuses and those it defers" {
	postfix
	exits 75 send --relay "smtp://127.0.0.1:$POSTFIX_PORT" -- \
	    bob@example.org zoe@example.org carol@example.org \
	    <message 2>errors
	sort errors >sorted
	same sorted <<-'END'
		smtp-send: send <carol@example.org>: 450 4.2.1 <carol@example.org>: Recipient address rejected: busy
		smtp-send: send <zoe@example.org>: 550 5.1.1 <zoe@example.org>: Recipient address rejected: User unknown in virtual mailbox table
	END
	exits 69 send --relay "smtp://127.0.0.1:$POSTFIX_PORT" -- \
	    bob@example.org zoe@example.org <message
	files "$POSTFIX_MAIL/bob/new" 2
	for file in "$POSTFIX_MAIL"/bob/new/*; do
		by_postfix bob@example.org | arrived "$file"
	done
}

@test "a batch into Postfix has a result for each recipient" {
	postfix
	{
		job one bob@example.org zoe@example.org carol@example.org
		job two bob@example.org
		job three zoe@example.org
	} | batch --relay "smtp://127.0.0.1:$POSTFIX_PORT" >got
	results <got >sorted
	same sorted <<-'END'
		one	<bob@example.org>	ok	250	2.0.0	Ok: 1375 bytes queued as ID
		one	<carol@example.org>	temp	450	4.2.1	<carol@example.org>: Recipient address rejected: busy
		one	<zoe@example.org>	perm	550	5.1.1	<zoe@example.org>: Recipient address rejected: User unknown in virtual mailbox table
		three	<zoe@example.org>	perm	550	5.1.1	<zoe@example.org>: Recipient address rejected: User unknown in virtual mailbox table
		two	<bob@example.org>	ok	250	2.0.0	Ok: 1375 bytes queued as ID
	END
	files "$POSTFIX_MAIL/bob/new" 2
	for file in "$POSTFIX_MAIL"/bob/new/*; do
		by_postfix bob@example.org | arrived "$file"
	done
}

# sink_takes OPTION... < DUMP: what is sent to such an smtp-sink arrives so.
sink_takes()
{
	smtp_sink "$@" -h sink.example.org -d "dump/%H"
	send --relay "smtp://127.0.0.1:$SMTP_SINK_PORT" -- \
	    bob@example.org carol@example.org <message
	files dump 1
	# smtp-sink ends it with an empty line of its own.
	normal dump/* | sed '$d' >arrived
	rm dump/*
	sed 's/^\\t/\t/' | cat - message | same arrived
}

@test "smtp-send into smtp-sink, whatever that lacks" {
	local option
	mkdir dump
	for option in -c -p -E -N; do
		sink_takes $option <<-'END'
			X-Client-Addr: 127.0.0.1
			X-Client-Proto: ESMTP
			X-Helo-Args: laptop.example.net
			X-Mail-Args: <ann@example.net> BODY=8BITMIME
			X-Rcpt-Args: <bob@example.org>
			X-Rcpt-Args: <carol@example.org>
			Received: from laptop.example.net ([127.0.0.1])
			\tby sink.example.org (smtp-sink) with ESMTP id ID;
			\tDATE
		END
	done
	for option in -8 -e; do
		sink_takes $option <<-END
			X-Client-Addr: 127.0.0.1
			X-Client-Proto: $([ $option = -e ] || echo E)SMTP
			X-Helo-Args: laptop.example.net
			X-Mail-Args: <ann@example.net>
			X-Rcpt-Args: <bob@example.org>
			X-Rcpt-Args: <carol@example.org>
			Received: from laptop.example.net ([127.0.0.1])
			\tby sink.example.org (smtp-sink) with $([ $option = -e ] || echo E)SMTP id ID;
			\tDATE
		END
	done
}

# sink_tells OPTION...: what smtp-send makes of such an smtp-sink: its exit
# status for one message, and the result in a batch.
sink_tells()
{
	local status=0
	smtp_sink "$@"
	send --relay "smtp://127.0.0.1:$SMTP_SINK_PORT" -- bob@example.org \
	    <message 2>/dev/null || status=$?
	printf '%s: %s ' "$*" "$status"
	job one bob@example.org |
		batch --relay "smtp://127.0.0.1:$SMTP_SINK_PORT" |
		cut -f 3- | sed 's/connect .*/connect .../'
}

@test "each refusal of smtp-sink is permanent, temporary or unsure as it should be" {
	local when
	for when in connect ehlo,helo mail rcpt data . quit; do
		sink_tells -r $when
		sink_tells -f $when
		sink_tells -q $when
		sink_tells -Q $when
	done >got
	same got <<-'END'
		-r connect: 75 temp	450	4.3.0	Error: command failed
		-f connect: 75 temp	500	5.3.0	Error: command failed
		-q connect: 75 temp	000	-	connect ...
		-Q connect: 75 temp	421	4.0.0	Server closing connection
		-r ehlo,helo: 75 temp	450	4.3.0	Error: command failed
		-f ehlo,helo: 75 temp	500	5.3.0	Error: command failed
		-q ehlo,helo: 75 temp	000	-	connect ...
		-Q ehlo,helo: 75 temp	421	4.0.0	Server closing connection
		-r mail: 75 temp	450	4.3.0	Error: command failed
		-f mail: 69 perm	500	5.3.0	Error: command failed
		-q mail: 75 temp	000	-	server closed the connection
		-Q mail: 75 temp	421	4.0.0	Server closing connection
		-r rcpt: 75 temp	450	4.3.0	Error: command failed
		-f rcpt: 69 perm	500	5.3.0	Error: command failed
		-q rcpt: 75 temp	000	-	server closed the connection
		-Q rcpt: 75 temp	421	4.0.0	Server closing connection
		-r data: 75 temp	450	4.3.0	Error: command failed
		-f data: 69 perm	500	5.3.0	Error: command failed
		-q data: 75 temp	000	-	server closed the connection
		-Q data: 75 temp	421	4.0.0	Server closing connection
		-r .: 75 temp	450	4.3.0	Error: command failed
		-f .: 69 perm	500	5.3.0	Error: command failed
		-q .: 75 unsure	000	-	server closed the connection
		-Q .: 75 temp	421	4.0.0	Server closing connection
		-r quit: 0 ok	250	2.0.0	Ok
		-f quit: 0 ok	250	2.0.0	Ok
		-q quit: 0 ok	250	2.0.0	Ok
		-Q quit: 0 ok	250	2.0.0	Ok
	END
}

# lmtp PLACE VIA: a message to Dovecot there, whose Received has VIA.
lmtp()
{
	local name
	job one bob@example.org zoe@example.org carol@example.org |
		batch --lmtp "$1" >got
	results <got >sorted
	same sorted <<-'END'
		one	<bob@example.org>	ok	250	2.0.0	<bob@example.org> ID Saved
		one	<carol@example.org>	ok	250	2.0.0	<carol@example.org> ID Saved
		one	<zoe@example.org>	perm	550	5.1.1	<zoe@example.org> User doesn't exist: zoe@example.org
	END
	for name in bob carol; do
		files "$DOVECOT_MAIL/$name/new" 1
		arrived "$DOVECOT_MAIL/$name"/new/* <<-END
			Return-Path: <ann@example.net>
			Received: from laptop.example.net$2
			\tby dovecot.example.org with LMTP
			\tid ID
			\t(envelope-from <ann@example.net>); DATE
		END
		rm "$DOVECOT_MAIL/$name"/new/*
	done
}

@test "smtp-send into Dovecot's LMTP, by port and by socket" {
	dovecot_start -u bob -u carol -o 'hostname = dovecot.example.org'
	lmtp "127.0.0.1:$DOVECOT_LMTP" ' ([127.0.0.1])'
	lmtp "$DOVECOT_LMTP_SOCKET" ''
}

@test "one of Dovecot's mailboxes is in trouble and the other takes its copy" {
	dovecot_start -u bob -u carol
	chown -R root "$DOVECOT_MAIL/carol"
	chmod 0 "$DOVECOT_MAIL/carol"
	job one carol@example.org bob@example.org |
		batch --lmtp "127.0.0.1:$DOVECOT_LMTP" >got
	results <got | sed 's/occurred[.].*/occurred./' >sorted
	same sorted <<-'END'
		one	<bob@example.org>	ok	250	2.0.0	<bob@example.org> ID Saved
		one	<carol@example.org>	temp	451	4.2.0	<carol@example.org> Internal error occurred.
	END
	files "$DOVECOT_MAIL/bob/new" 1
}

@test "smtp-send into smtp-recv" {
	receiver
	{
		job one bob@example.org zoe@example.org carol@example.org
		job two bob@example.org
	} | batch --relay "smtp://$address" >got
	results <got >sorted
	same sorted <<-'END'
		one	<bob@example.org>	ok	250	2.0.0	delivered as ID
		one	<carol@example.org>	ok	250	2.0.0	delivered as ID
		one	<zoe@example.org>	perm	550	5.1.1	No such user here
		two	<bob@example.org>	ok	250	2.0.0	delivered as ID
	END
	files bob/new 2
	files carol/new 1
	ours laptop.example.net ESMTP carol@example.org all |
		arrived carol/new/*
}

# A server that announces no pipelining, by Python's asyncore; it defers what
# goes to carol and refuses zoe.
python_server()
{
	local port
	free_port port
	cat >server.py <<-'END'
		import warnings
		warnings.simplefilter("ignore")
		import asyncore, smtpd, sys
		class Channel(smtpd.SMTPChannel):
		    def smtp_RCPT(self, arg):
		        if "zoe@" in arg:
		            self.push("550 5.1.1 no zoe here")
		        else:
		            super().smtp_RCPT(arg)
		class Server(smtpd.SMTPServer):
		    channel_class = Channel
		    def process_message(self, peer, sender, rcpts, data, **options):
		        if "carol@example.org" in rcpts:
		            return "451 4.3.0 not now"
		        with open("got", "ab") as f:
		            f.write(data.replace(b"\r\n", b"\n") + b"\n")
		        with open("options", "w") as f:
		            print(sender, rcpts, options, file=f)
		Server(("127.0.0.1", int(sys.argv[1])), None)
		asyncore.loop()
	END
	"$PYTHON" server.py "$port" 3>&- 2>server.log &
	servers+=($!)
	wait_port "$port" $!
	address=127.0.0.1:$port
}

@test "smtp-send into Python's smtpd" {
	python_server
	{
		job one bob@example.org zoe@example.org
		job two carol@example.org
	} | batch --relay "smtp://$address" >results
	sort results >sorted
	same sorted <<-'END'
		one	<bob@example.org>	ok	250	-	OK
		one	<zoe@example.org>	perm	550	5.1.1	no zoe here
		two	<carol@example.org>	temp	451	4.3.0	not now
	END
	same options <<-'END'
		ann@example.net ['bob@example.org'] {'mail_options': ['SIZE=1375', 'BODY=8BITMIME'], 'rcpt_options': []}
	END
	same got <message
}

# A message for bob, zoe and carol at Postfix; reports go to ann at Dovecot.
three_fates()
{
	postfix
	dovecot_start -u ann -o 'hostname = dovecot.example.net'
	mkdir spool
	cat >spool/routes <<-END
		example.org relay smtp://127.0.0.1:$POSTFIX_PORT --hostname laptop.example.net
		example.net lmtp 127.0.0.1:$DOVECOT_LMTP --hostname laptop.example.net
	END
	spool -d spool add -f ann@example.net -- bob@example.org \
	    zoe@example.org carol@example.org <message >id
	spool -d spool run --hostname laptop.example.net 2>log
}

@test "spool run: the good one has the message, the refused one is reported, the deferred one waits" {
	three_fates
	files "$POSTFIX_MAIL/bob/new" 1
	by_postfix bob@example.org | arrived "$POSTFIX_MAIL"/bob/new/*
	waiting spool
	same waiting <<-'END'
		ID queued TIME 0 SIZE <> | <ann@example.net>
		ID queued TIME 1 SIZE <ann@example.net> | <carol@example.org> 450 4.2.1 <carol@example.org>: Recipient address rejected: busy
	END
	spool -d spool run --hostname laptop.example.net
	waiting spool
	same waiting <<-'END'
		ID queued TIME 1 SIZE <ann@example.net> | <carol@example.org> 450 4.2.1 <carol@example.org>: Recipient address rejected: busy
	END
	holds spool/dead 0
}

@test "the report is read by Python's email parser, over POP3 and IMAP" {
	three_fates
	spool -d spool run --hostname laptop.example.net
	"$PYTHON" - "$DOVECOT_POP3" "$DOVECOT_IMAP" message >got <<-'END'
		import email, email.policy, imaplib, poplib, sys
		p = poplib.POP3("127.0.0.1", int(sys.argv[1]), timeout=20)
		p.user("ann")
		p.pass_("secret")
		text = b"\r\n".join(p.retr(1)[1]) + b"\r\n"
		print(p.stat()[0])
		p.quit()
		i = imaplib.IMAP4("127.0.0.1", int(sys.argv[2]), timeout=20)
		i.login("ann", "secret")
		i.select()
		print(i.fetch("1", "BODY[]")[1][0][1] == text)
		i.logout()
		m = email.message_from_bytes(text, policy=email.policy.default)
		print(m["Return-Path"], m["From"], m["To"], m["Subject"],
		    m["Auto-Submitted"], m.get_content_type(),
		    m.get_param("report-type"), sep="\n")
		print([part for part in m.walk() if part.defects], m.defects)
		said, status, original = m.iter_parts()
		print(said.get_content_type(), status.get_content_type(),
		    original.get_content_type())
		print(said.get_content())
		whole, zoe = status.iter_parts()
		print(whole["Reporting-MTA"], *zoe.items(), sep="\n")
		print(original.get_content().as_bytes() ==
		    open(sys.argv[3], "rb").read())
	END
	sed "s/('Last-Attempt-Date', .*/DATE/; s/\r$//" got >parsed
	same parsed <<-'END'
		1
		True
		<>
		Mail Delivery System <MAILER-DAEMON@laptop.example.net>
		ann@example.net
		Undelivered mail
		auto-replied
		multipart/report
		delivery-status
		[] []
		text/plain message/delivery-status message/rfc822
		This is the mail system at laptop.example.net.

		Your message could not be delivered to these recipients, and will
		not be tried again.

		    <zoe@example.org>
		        5.1.1 <zoe@example.org>: Recipient address rejected: User unknown in virtual mailbox table

		dns;laptop.example.net
		('Final-Recipient', 'rfc822;zoe@example.org')
		('Action', 'failed')
		('Status', '5.1.1')
		('Diagnostic-Code', 'smtp; 550 5.1.1 <zoe@example.org>: Recipient address rejected: User unknown in virtual mailbox table')
		DATE
		True
	END
}

@test "spool run: a server that vanishes at the end leaves the recipient unsure and queued" {
	smtp_sink -q .
	mkdir spool
	echo "* relay smtp://127.0.0.1:$SMTP_SINK_PORT" >spool/routes
	spool -d spool add -f ann@example.net -- bob@example.org <message
	spool -d spool run
	waiting spool
	same waiting <<-'END'
		ID queued TIME 1 SIZE <ann@example.net> | <bob@example.org> unsure: server closed the connection
	END
}
