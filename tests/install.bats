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
	grep -c 'arrived byte for byte' out | same /dev/stdin <<<1
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
