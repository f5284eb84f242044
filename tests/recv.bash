# What the tests of smtp-recv share.
# shellcheck shell=bash

# one_box: c@host.example has a maildir, box, by the table mailboxes.
one_box() {
	mkdir -p box/{tmp,new,cur}
	echo "c@host.example $PWD/box/" >mailboxes
	export TMPDIR=$BATS_TEST_TMPDIR
}

# behind_ehlo ARG... < dialogue, LF: what smtp-recv answers behind EHLO's reply.
behind_ehlo() {
	sed $'1i EHLO me.example\r\n; s/$/\r/' |
		smtp-recv --hostname host.example "$@" 2>log |
		sed 's/\r//g; 1,/^250 /d; s/as [0-9a-z]\{20\}$/as ID/'
}
