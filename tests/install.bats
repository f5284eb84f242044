#!/usr/bin/env bats
# make install and uninstall.

load lib

setup() {
	sandbox
}

install_to() {
	make -s -C "$TOP" "$1" B="$BUILD" DESTDIR="$PWD/dest" PREFIX=/usr \
		3>&-
}

@test "make install puts programs, pages and sendmail under PREFIX, and uninstall removes them" {
	install_to install
	(cd dest && find . ! -type d | sort) >installed
	{
		for p in auth-passwd imap-fetch mbox-deliver mkmsg pop3-fetch \
			pop3-serve smtp-recv smtp-send spool tls-serve; do
			echo "./usr/bin/$p"
		done
		echo ./usr/sbin/sendmail
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

@test "make install leaves another MTA's sendmail alone" {
	mkdir -p dest/usr/sbin
	echo theirs >dest/usr/sbin/sendmail
	install_to install
	same dest/usr/sbin/sendmail <<<theirs
	install_to uninstall
	same dest/usr/sbin/sendmail <<<theirs
}
