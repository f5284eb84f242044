#!/usr/bin/env bats
load lib

setup() {
	sandbox
	export MAILPIPE_SPOOL=$PWD/s EMAIL=me@home.example
}

# The one queued message, its supplied fields made equal.
queued() {
	local id
	id=$(spool list | sed -n '1s/ .*//p')
	spool show "$id" | sed -E 's/^(Date|Message-ID): .*/\1: X/'
}

@test "Date, Message-ID and From are supplied where they are missing" {
	printf 'Subject: x\n\nhi\n' | sendmail -F 'My Name' -i bob@x.example >out
	same out </dev/null
	queued >m
	same m <<-'END'
		Date: X
		From: My Name <me@home.example>
		Message-ID: X
		Subject: x

		hi
	END
}

@test "what is there is not supplied again" {
	printf 'date: a\nFROM: b\nmessage-id: c\n\nhi\n' | sendmail bob@x.example
	queued >m
	same m <<-'END'
		date: a
		FROM: b
		message-id: c

		hi
	END
}

@test "a message without header stays body" {
	printf 'just text\nmore\n' | sendmail -oi bob@x.example
	queued >m
	same m <<-'END'
		Date: X
		From: <me@home.example>
		Message-ID: X

		just text
		more
	END
}

@test "a From_ line stays first, and a lone dot ends nothing" {
	printf 'From a b\nSubject: x\n\n.\nhi\n' | sendmail bob@x.example
	queued >m
	same m <<-'END'
		From a b
		Date: X
		From: <me@home.example>
		Message-ID: X
		Subject: x

		.
		hi
	END
}

@test "mail in transit is not altered" {
	printf 'Bcc: x@y.example\n\nhi\n' | MAIL_ID=m1 sendmail -f '<>' bob@x.example 2>log
	queued >m
	printf 'Bcc: x@y.example\n\nhi\n' | same m
}

@test "-t with -f, -N, -R and -V make the envelope" {
	printf 'To: bob@x.example\nBcc: eve@x.example\nDate: a\nFrom: b\nMessage-ID: c\n\nhi\n' |
		sendmail -t -odi -em -O Timeout=1 -B8BITMIME -fann@y.example -N success,failure -R hdrs -V 'a+b c'
	sed -n '/^[FR] /s/  */ /gp' s/queue/* >envelope
	same envelope <<-'END'
		F <ann@y.example> RET=HDRS ENVID=a+2Bb+20c
		R . 000 <bob@x.example> NOTIFY=SUCCESS,FAILURE
		R . 000 <eve@x.example> NOTIFY=SUCCESS,FAILURE
	END
	queued >m
	same m <<-'END'
		To: bob@x.example
		Date: X
		From: b
		Message-ID: X

		hi
	END
}

@test "as cron calls it: the output of a job goes to its user" {
	unset EMAIL
	printf 'From: root (Cron Daemon)\nTo: me\nSubject: Cron <root@h> true\n\n.\nout\n' |
		env -i MAILPIPE_SPOOL="$PWD/s" PATH=/usr/bin:/bin LOGNAME=me \
			"$BUILD/bin/sendmail" -FCronDaemon -i -B8BITMIME -oem me >out 2>&1
	same out </dev/null
	domain=$(cat /etc/mailname 2>/dev/null || hostname)
	sed -n '/^[FR] /s/  */ /gp' s/queue/* >envelope
	same envelope <<-END
		F <$(id -un)@$domain>
		R . 000 <me@$domain>
	END
	queued >m
	same m <<-'END'
		Date: X
		Message-ID: X
		From: root (Cron Daemon)
		To: me
		Subject: Cron <root@h> true

		.
		out
	END
}

@test "as Python and PHP call it: -t -i, the message with either line end" {
	python3 - "$BUILD/bin/sendmail" <<-'END'
		import subprocess, sys
		from email.message import EmailMessage
		m = EmailMessage()
		m["To"] = "Bob <bob@x.example>, ann@y.example"
		m["Bcc"] = "eve@x.example"
		m["Subject"] = "from Python"
		m.set_content(".\nhi\n")
		subprocess.run([sys.argv[1], "-t", "-i"], input=m.as_bytes(), check=True)
	END
	sed -n '/^[FR] /s/  */ /gp' s/queue/* >envelope
	same envelope <<-'END'
		F <me@home.example>
		R . 000 <bob@x.example>
		R . 000 <ann@y.example>
		R . 000 <eve@x.example>
	END
	queued | grep -av '^\(Content\|MIME\)' >m
	same m <<-'END'
		Date: X
		From: <me@home.example>
		Message-ID: X
		To: Bob <bob@x.example>, ann@y.example
		Subject: from Python

		.
		hi
	END
	rm -r s
	printf 'To: bob@x.example\r\nSubject: from PHP\r\nX-PHP-Originating-Script: 0:a.php\r\n\r\nhi\n' |
		sh -c "'$BUILD/bin/sendmail' -t -i"
	queued >m
	same m <<-'END'
		Date: X
		From: <me@home.example>
		Message-ID: X
		To: bob@x.example
		Subject: from PHP
		X-PHP-Originating-Script: 0:a.php

		hi
	END
}

@test "an EMAIL with a name is a sender too" {
	echo hi | EMAIL='Ann B. <ann@y.example>' sendmail bob@x.example
	sed -n '/^F /p' s/queue/* >envelope
	echo 'F <ann@y.example>' | same envelope
}

@test "a name without a domain gets one" {
	echo hi | sendmail root
	to=$(spool list | sed -n 's/^  <root@\(.*\)>$/\1/p')
	[ "$to" = "$(cat /etc/mailname 2>/dev/null || hostname)" ]
}

@test "-bp lists, -q runs, -bi does nothing" {
	mkdir s
	echo '* deliver cat >>seen; :' >s/routes
	printf 'From: a\nDate: a\nMessage-ID: a\n\nhi\n' | sendmail bob@x.example
	sendmail -bp | cut -d' ' -f5- >listed
	head -n 1 listed >first
	echo '34 <me@home.example>' | same first
	sendmail -bi
	sendmail -q30m 2>log
	sendmail -bp >listed
	same listed </dev/null
	printf 'From: a\nDate: a\nMessage-ID: a\n\nhi\n' | same seen
}

@test "-bs speaks SMTP into the spool" {
	printf 'EHLO me\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\nSubject: x\r\n\r\nhi\r\n.\r\nQUIT\r\n' |
		sendmail -bs 2>log | cut -c1-3 | sort -u >codes
	printf '220\n221\n250\n354\n' | same codes
	spool list | sed -n '2p' >rcpt
	echo '  <c@d.example>' | same rcpt
}

@test "-bs that ends within DATA queues nothing" {
	printf 'EHLO me\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\nSubject: x\r\n\r\nhi\r\n.\r' >cut
	sendmail -bs <cut >said 2>/dev/null
	tail -n 1 said | cut -c1-3 >code
	echo 354 | same code
	spool list >listed
	same listed </dev/null
	find . -path '*/tmp/*' >left
	same left </dev/null
}

@test "each exit code" {
	exits 64 sendmail <<<hi 2>err
	exits 64 sendmail -Z x@y.example <<<hi 2>>err
	exits 64 sendmail -bd x@y.example <<<hi 2>>err
	exits 65 sendmail 'a b' <<<hi 2>>err
	printf 'a\0b' | exits 65 sendmail x@y.example 2>>err
	printf 'Subject: x\n\nhi\n' | exits 65 sendmail -t 2>>err
	yes 'Received: x' | head -n 101 | exits 69 sendmail x@y.example 2>>err >out
	echo '554 5.4.6 Too many hops: the message loops' | same out
	MAILPIPE_SPOOL=no/such/s exits 75 sendmail x@y.example <<<hi 2>>err
	mkdir -p s
	echo bad >s/routes
	exits 78 sendmail -q 2>>err
	same err <<-'END'
		sendmail: no recipient (try --help)
		sendmail: -Z: unknown, or lacks its value
		sendmail: -bd: not here (try --help)
		sendmail: recipient: no address: a b
		sendmail: NUL at byte 1: such a message is refused
		sendmail: header: no recipient
		sendmail: 554 5.4.6 Too many hops: the message loops
		sendmail: open spool no/such/s: No such file or directory
		sendmail: routes:1: no target
	END
}

@test "--help fits a screen" {
	sendmail --help >help
	[ "$(wc -l <help)" -le 24 ]
	[ "$(wc -L <help)" -le 80 ]
	sendmail --version | grep -qx 'sendmail (mailpipe) .*'
}
