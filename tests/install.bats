#!/usr/bin/env bats
# make install and uninstall, and what is installed at work.

load lib
load peers
load interop

setup() {
	sandbox
}

teardown() {
	stop_servers
	peers_stop
}

install_to() {
	make -s -C "$TOP" "$1" B="$BUILD" DESTDIR="$PWD/dest" PREFIX=/usr \
		3>&-
}

programs() {
	sed -e :a -e '/\\$/{N;s/\\\n//;ba' -e '}' "$TOP/Makefile" |
		sed -n 's/^PROGRAMS :=//p' | tr -s ' \t' '\n\n' | sed '/^$/d'
}

@test "make install puts programs, pages and sendmail under PREFIX, and uninstall removes them" {
	install_to install
	(cd dest && find . ! -type d | sort) >installed
	{
		programs | sed 's,^,./usr/bin/,'
		echo ./usr/sbin/sendmail
		echo ./usr/lib/sysusers.d/mailpipe.conf
		echo ./usr/lib/tmpfiles.d/mailpipe.conf
		(cd "$TOP/lib/systemd" && printf './usr/lib/systemd/%s\n' ./*/*) |
			sed 's,/\./,/,'
		cd "$TOP/man" && for m in *.[1-8]; do
			echo "./usr/share/man/man${m##*.}/$m"
		done
	} | sort >expected
	diff -u expected installed
	install_to uninstall
	[ -z "$(find dest ! -type d)" ]
}

@test "the installed programs work and find each other" {
	install_to install
	mkdir -p box/{tmp,new,cur}
	mkdir spool
	echo "* deliver mbox-deliver -o $PWD/box" >spool/routes
	printf 'Subject: x\n\nhi\n' | MAILPIPE_SPOOL=$PWD/spool \
		PATH=/usr/bin:/bin dest/usr/sbin/sendmail -f a@b.example c@d.example
	PATH=/usr/bin:/bin dest/usr/bin/spool -d spool run
	cat box/new/* | sed '1,/^$/d' >body
	same body <<<hi
}

@test "the whole journey runs with the installed copies" {
	install_to install
	TMPDIR=$PWD "$TESTS/demo" dest/usr/bin >out 3>&-
	[ "$(grep -c 'arrived byte for byte' out)" = 1 ]
}

# What systemd itself has to say of them.
@test "the units are well formed, and name programs and pages that are there" {
	make -s -C "$TOP" install B="$BUILD" PREFIX="$PWD/usr" 3>&-
	for unit in "$TOP"/lib/systemd/system/*; do
		echo "usr/lib/systemd/system/${unit##*/}"
	done >units
	# shellcheck disable=SC2046 # a list of words
	SYSTEMD_UNIT_PATH=$PWD/usr/lib/systemd/system: \
		peer systemd-analyze verify --man=no $(<units) >out 2>&1 || true
	grep -F mailpipe out >ours || true
	same ours </dev/null
	sed -n 's/^Documentation=//p' usr/lib/systemd/*/*.service |
		tr ' ' '\n' | sed 's/^man:\(.*\)(\(.\))$/\1.\2/' | sort -u |
		while read -r page; do
			[ -e "$TOP/man/$page" ] || echo "$page"
		done >out
	same out </dev/null
}

# unit_runs NAME PORT: the command of the installed service, on a socket that
# systemd passes. /etc/mailpipe and the spool are ours, the user is nobody.
unit_runs() {
	local command
	command=$(sed -e :a -e '/\\$/{N;s/\\\n//;ba' -e '}' \
		"dest/usr/lib/systemd/system/mailpipe-$1.service" |
		sed -n "s,/etc/mailpipe,$site,g; s,/var/spool/mailpipe,$site/spool,
			s,--user mailpipe,$user,g
			s,^ExecStart=/usr/bin,exec $PWD/dest/usr/bin,p")
	systemd_activate -E "MAILPIPE_SPOOL=$site/spool" "$2" sh -c "$command"
}

@test "the command of each unit is a server that does what its socket says" {
	local user='--user nobody' port
	install_to install
	peers_certificate
	export PEERS_CA
	site=$(peers_new site)
	[ "$EUID" = 0 ] || user=
	cp "$PEERS_CERT" "$site/cert.pem"
	cp "$PEERS_KEY" "$site/key.pem"
	mkdir -p "$site"/bob/Maildir/{tmp,new,cur} "$site/spool"
	echo "bob@example.net $site/bob/Maildir/" >"$site/mailboxes"
	echo secret | auth-passwd --file "$site/passwd" --add bob
	sed -i "s,\$,:$(id -u nobody):$(id -g nobody)::$site/bob," "$site/passwd"
	chmod 600 "$site/passwd"
	[ "$EUID" != 0 ] || chown -R nobody: "$site/bob" "$site/spool"
	for unit in smtp submission submissions pop3 pop3s; do
		free_port port
		unit_runs "$unit" "$port"
		"$PYTHON" - "$unit" "$port" >>got <<-'END'
			import os, poplib, smtplib, ssl, sys
			unit, at = sys.argv[1], ("127.0.0.1", int(sys.argv[2]))
			tls = ssl.create_default_context(cafile=os.environ["PEERS_CA"])
			def smtp(client, rcpt):
			    print(unit, client.sendmail("ann@example.net", rcpt,
			        f"Subject: {unit}\r\n\r\nx\r\n"))
			    client.quit()
			def pop3(client):
			    client.user("bob")
			    client.pass_("secret")
			    print(unit, client.retr(1)[1][-3:])
			    client.quit()
			if unit == "submissions":
			    s = smtplib.SMTP_SSL(*at, context=tls)
			elif unit in ("smtp", "submission"):
			    s = smtplib.SMTP(*at)
			    s.starttls(context=tls)
			elif unit == "pop3s":
			    p = poplib.POP3_SSL(*at, context=tls)
			else:
			    p = poplib.POP3(*at)
			    p.stls(tls)
			if unit == "smtp":
			    smtp(s, "bob@example.net")
			elif unit[0] == "s":
			    s.login("bob", "secret")
			    smtp(s, "eve@example.com")
			else:
			    pop3(p)
		END
	done
	same got <<-'END'
		smtp {}
		submission {}
		submissions {}
		pop3 [b'Subject: smtp', b'', b'x']
		pop3s [b'Subject: smtp', b'', b'x']
	END
	spool -d "$site/spool" list | grep -c '<eve@example.com>' >got
	same got <<<2
	[ "$EUID" != 0 ] ||
		[ -z "$(find "$site/bob/Maildir" "$site/spool" ! -user nobody)" ]
}

@test "sysusers and tmpfiles make the user, and a spool of its own" {
	peers_need_root 'a root tree'
	install_to install
	mkdir -p dest/etc
	peer systemd-sysusers --root="$PWD/dest" 2>err
	grep -o '^mailpipe:x:[1-9][0-9]*:[1-9][0-9]*:' dest/etc/passwd >user
	[ "$(wc -l <user)" = 1 ]
	peer systemd-tmpfiles --create --root="$PWD/dest" mailpipe.conf 2>err
	echo "700 $(cut -d : -f 3 user)" >want
	stat -c '%a %u' dest/var/spool/mailpipe | same want
}

@test "make install leaves another MTA's sendmail alone" {
	mkdir -p dest/usr/sbin
	echo theirs >dest/usr/sbin/sendmail
	install_to install
	same dest/usr/sbin/sendmail <<<theirs
	install_to uninstall
	same dest/usr/sbin/sendmail <<<theirs
}
