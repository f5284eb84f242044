#!/usr/bin/env bats
load lib
load peers

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

@test "the name of -F is no other field and no other address, or is refused" {
	for name in 'Doe, "J" <x@y.example>' 'a\b' 'René' ''; do
		printf 'Subject: x\n\nhi\n' | sendmail -F "$name" bob@x.example
		queued | sed -n 's/^From: //p' |
			python3 -c 'import email.header, email.utils
name, address = email.utils.parseaddr(input())
print(str(email.header.make_header(email.header.decode_header(name))), address)'
		spool list | sed -n '1s/ .*//p' | xargs spool rm
	done >out
	same out <<-'END'
		Doe, "J" <x@y.example> me@home.example
		a\b me@home.example
		René me@home.example
		 me@home.example
	END
	printf 'Subject: x\n\nhi\n' >m
	exits 65 sendmail -F $'a\nBcc: c@d.example' bob@x.example <m 2>err
	same err <<<'sendmail: -F: no name: control octets'
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

@test "a body that Bcc leaves on top stays body, below the fields supplied" {
	printf 'Bcc: c@d.example\nFrom a to b\nSubject: x\n' | sendmail bob@x.example
	queued >m
	same m <<-'END'
		Date: X
		From: <me@home.example>
		Message-ID: X

		From a to b
		Subject: x
	END
	rm -r s
	printf 'Bcc: c@d.example\nFrom : a@b\n\nx\n' | sendmail bob@x.example
	queued >m
	same m <<-'END'
		Date: X
		Message-ID: X
		From: a@b

		x
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

@test "PHP's mail() sends through it" {
	peer php8.2 -n -d sendmail_path="$BUILD/bin/sendmail -t -i" -r '
		exit(mail("bob@x.example, ann@y.example", "from PHP", ".\nhi\n",
		    "Bcc: eve@x.example\r\nX-Mailer: PHP") ? 0 : 1);'
	sed -n '/^[FR] /s/  */ /gp' s/queue/* >envelope
	same envelope <<-'END'
		F <me@home.example>
		R . 000 <bob@x.example>
		R . 000 <ann@y.example>
		R . 000 <eve@x.example>
	END
	queued >m
	same m <<-'END'
		Date: X
		From: <me@home.example>
		Message-ID: X
		To: bob@x.example, ann@y.example
		Subject: from PHP
		X-Mailer: PHP

		.
		hi

	END
}

@test "s-nail sends through it" {
	printf '.\nhi\n' | MAILRC=/dev/null peer s-nail -n -# -S v15-compat \
	    -S mta="$BUILD/bin/sendmail" -S from='Me <me@home.example>' \
	    -r ann@y.example -s 'from s-nail' -b eve@x.example bob@x.example
	sed -n '/^[FR] /s/  */ /gp' s/queue/* >envelope
	same envelope <<-'END'
		F <ann@y.example>
		R . 000 <bob@x.example>
		R . 000 <eve@x.example>
	END
	queued | sed 's/^User-Agent: .*/User-Agent: s-nail/' >m
	same m <<-'END'
		Date: X
		From: ann@y.example
		To: bob@x.example
		Subject: from s-nail
		Message-ID: X
		User-Agent: s-nail

		.
		hi
	END
}

@test "git send-email sends through it" {
	export GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_DATE='2026-11-24T10:00:00Z'
	git init -q r
	git -C r config user.name Ann
	git -C r config user.email ann@y.example
	echo one >r/file
	git -C r add file
	git -C r commit -qm 'file: one' -m 'Grüße.' -m '.'
	PERL5LIB=$PEERS_ROOT/usr/share/perl5 \
	    PATH=$PEERS_ROOT/usr/lib/git-core:$PATH git -C r send-email -1 --quiet \
	    --confirm=never --to=bob@x.example --cc=eve@x.example \
	    --suppress-cc=all --sendmail-cmd="$BUILD/bin/sendmail" \
	    --envelope-sender=auto
	sed -n '/^[FR] /s/  */ /gp' s/queue/* >envelope
	same envelope <<-'END'
		F <ann@y.example>
		R . 000 <bob@x.example>
		R . 000 <eve@x.example>
	END
	queued | sed 's/^\(Message-Id\|X-Mailer\): .*/\1: X/; s/^[0-9][0-9.]*$/X/' >m
	same m <<-'END'
		From: Ann <ann@y.example>
		To: bob@x.example
		Cc: eve@x.example
		Subject: [PATCH] file: one
		Date: X
		Message-Id: X
		X-Mailer: X
		MIME-Version: 1.0
		Content-Type: text/plain; charset=UTF-8
		Content-Transfer-Encoding: 8bit

		Grüße.

		.
		---
		 file | 1 +
		 1 file changed, 1 insertion(+)
		 create mode 100644 file

		diff --git a/file b/file
		new file mode 100644
		index 0000000..5626abf
		--- /dev/null
		+++ b/file
		@@ -0,0 +1 @@
		+one
		-- 
		X

	END
}

@test "as Python calls it: -t -i, and with CRLF" {
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
	printf 'To: bob@x.example\r\nSubject: CRLF\r\n\r\nhi\n' |
		sh -c "'$BUILD/bin/sendmail' -t -i"
	queued >m
	same m <<-'END'
		Date: X
		From: <me@home.example>
		Message-ID: X
		To: bob@x.example
		Subject: CRLF

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

@test "/etc/mailpipe/sendmail.conf is looked for" {
	strace -o trace -e trace=file "$BUILD/bin/sendmail" -bi
	grep -c '"/etc/mailpipe/sendmail.conf"' trace >count
	echo 1 | same count
}

@test "a sendmail.conf that the disk does not give is no word against the mail" {
	plain_build
	local call got
	for call in access openat; do
		got=0
		strace -o trace -P /etc/mailpipe/sendmail.conf \
			-e "inject=$call:error=EIO" sendmail a@x.example <<<hi || got=$?
		# Whichever it is asked by.
		[ "$got:$(grep -c INJECTED trace)" = 0:0 ] || [ "$got" = 75 ]
	done
}

# with_conf COMMAND...: as if the file conf were there.
with_conf() {
	mkdir -p etc/mailpipe
	cp /etc/passwd etc
	cp conf etc/mailpipe/sendmail.conf
	unshare -m sh -c 'mount --bind etc /etc && exec "$@"' sh "$@"
}

@test "what sendmail.conf says: where, how long, and how it is sent" {
	unshare -m true 2>/dev/null || skip "needs a name space of mounts"
	mkdir sub
	cat >conf <<-END
		# for all users
		dir $PWD/sub/spool
		expires 1h
		hostname conf.example
		delay-warning 4h
		transport cat >jobs; :
		log none
	END
	unset MAILPIPE_SPOOL
	printf 'Subject: x\n\nhi\n' | with_conf sendmail bob@x.example
	python3 - sub/spool/queue/*.q <<-'END'
		import re, sys
		h = open(sys.argv[1]).read()
		c, e = (int(re.search(k + r" (\d+)", h)[1]) for k in ("created", "expires"))
		assert e - c == 3600, (c, e)
	END
	printf 'EHLO me\r\nQUIT\r\n' | with_conf sendmail -bs | head -c 16 >greeting
	printf '220 conf.example' | same greeting
	with_conf sendmail -q
	grep -c '<bob@x.example>' jobs >count
	echo 1 | same count
	printf 'Subject: x\n\nhi\n' |
		MAILPIPE_SPOOL=$PWD/own with_conf sendmail bob@x.example
	find own/queue -type f | wc -l >count
	echo 1 | same count
	echo 'nonsense 1' >conf
	exits 78 with_conf sendmail bob@x.example <<<hi 2>err
	same err <<<"sendmail: /etc/mailpipe/sendmail.conf:1: unknown option \`nonsense'"
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
