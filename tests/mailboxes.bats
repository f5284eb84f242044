#!/usr/bin/env bats
# lib/mailboxes: who has a mailbox, and what it is.
load lib

setup() {
	sandbox
	umask 022
	drv=$BUILD/drv/mailboxes
	cat >table <<-'END'
	# who is who

	first@example.net       /var/mail/first
	alice@example.net       /var/mail/alice/
	bob@Example.NET         /var/mail/bob  	
	  sales                 alice@example.net
	alice+lists@example.net /var/mail/lists/
	bugs@example.net        |/usr/local/bin/file-bug  -v  %u
	"john doe"@example.net  /var/mail/john
	carol+x                 /var/mail/carolx
	END
}

@test "each kind of target is known by its form" {
	"$drv" table alice@example.net bob@example.net sales@example.net \
		bugs@example.net >out
	same out <<-'END'
	alice@example.net: maildir /var/mail/alice/
	bob@example.net: mbox /var/mail/bob
	sales@example.net: forward alice@example.net
	bugs@example.net: program /usr/local/bin/file-bug  -v  %u
	END
}

@test "keys are found whatever their case, quoted or not" {
	"$drv" table ALICE@EXAMPLE.net '"alice"@example.net' \
		'"John Doe"@example.net' 'john@example.net' '"a\lice"@example.net' >out
	same out <<-'END'
	ALICE@EXAMPLE.net: maildir /var/mail/alice/
	"alice"@example.net: maildir /var/mail/alice/
	"John Doe"@example.net: mbox /var/mail/john
	john@example.net: 67
	"a\lice"@example.net: maildir /var/mail/alice/
	END
}

@test "the full address is sought over all lines, then the one without extension" {
	"$drv" table alice+lists@example.net alice+other@example.net \
		alice+lists+x@example.net carol+x@example.net carol@example.net \
		alice+@example.net +x@example.net >out
	same out <<-'END'
	alice+lists@example.net: maildir /var/mail/lists/
	alice+other@example.net: maildir /var/mail/alice/
	alice+lists+x@example.net: maildir /var/mail/alice/
	carol+x@example.net: mbox /var/mail/carolx
	carol@example.net: 67
	alice+@example.net: maildir /var/mail/alice/
	+x@example.net: 67
	END
}

@test "the first line that matches wins; a catch-all matches like any" {
	printf '%s\n' 'a@x /1' 'a@x /2' '@x /3' 'b@x /4' 'c+d@x /5' 'a /6' >t
	"$drv" t a@x b@x c+d@x c@x a@y b@y a+z@x >out
	same out <<-'END'
	a@x: mbox /1
	b@x: mbox /3
	c+d@x: mbox /5
	c@x: mbox /3
	a@y: mbox /6
	b@y: 67
	a+z@x: mbox /1
	END
}

@test "foreign domains are 77; those of --local and of keys are ours" {
	"$drv" table -l example.org -l example.com. -d example.org \
		-d EXAMPLE.com -d example.net -d other.example -d example alice@other.example \
		nobody@example.org sales@example.org sales@other.example \
		nobody@example.net sales@example.net sales postmaster@other.example >out
	same out <<-'END'
	example.org local
	EXAMPLE.com local
	example.net local
	other.example foreign
	example foreign
	alice@other.example: 77
	nobody@example.org: 67
	sales@example.org: forward alice@example.net
	sales@other.example: 77
	nobody@example.net: 67
	sales@example.net: 67
	sales: forward alice@example.net
	postmaster@other.example: 77
	END
}

@test "postmaster goes to the first line unless a line says where" {
	"$drv" table postmaster PostMaster@example.net postmaster+x@example.net >out
	echo 'postmaster  /var/mail/chief' >>table
	"$drv" table postmaster Postmaster@example.net >>out
	printf '@x /none/%%u/\n@y /var/mail/y\n' >t
	"$drv" t postmaster@x postmaster@y >>out
	same out <<-'END'
	postmaster: mbox /var/mail/first
	PostMaster@example.net: mbox /var/mail/first
	postmaster+x@example.net: mbox /var/mail/first
	postmaster: mbox /var/mail/chief
	Postmaster@example.net: mbox /var/mail/chief
	postmaster@x: 67
	postmaster@y: mbox /var/mail/y
	END
}

@test "%u, %d and %e name a folder that exists, in lower case" {
	mkdir -p srv/example.org/alice/lists srv/100%
	touch srv/example.org/mbox
	printf '%s\n' "@example.org $PWD/srv/%d/%u/" "@e.example $PWD/srv/example.org/%u/%e/" \
		"@m.example $PWD/srv/example.org/%u" "@f.example %u@example.org" \
		"@p.example $PWD/srv/100%%/" >t
	"$drv" t Alice@Example.ORG alice+x@example.org bob@example.org \
		alice+Lists@e.example alice+none@e.example alice@e.example \
		mbox@m.example box@m.example Bob+x@f.example x@p.example >out
	same out <<-END
	Alice@Example.ORG: maildir $PWD/srv/example.org/alice/
	alice+x@example.org: maildir $PWD/srv/example.org/alice/
	bob@example.org: 67
	alice+Lists@e.example: maildir $PWD/srv/example.org/alice/lists/
	alice+none@e.example: 67
	alice@e.example: 67
	mbox@m.example: mbox $PWD/srv/example.org/mbox
	box@m.example: 67
	Bob+x@f.example: forward bob@example.org
	x@p.example: maildir $PWD/srv/100%/
	END
}

@test "no address leaves its folder or hides in it" {
	mkdir -p srv/u
	printf '%s\n' "@x $PWD/srv/u/%u/" "@e $PWD/srv/u/%e/" '@f %u@example.org' >t
	"$drv" t '"../.."@x' '".."@x' '"."@x' '".hidden"@x' 'a/b@x' '"a/b"@x' '/@x' \
		'"/etc/passwd"@x' '""@x' 'x+../../../y@e' 'x+a/b@e' '"x+.y"@e' '""@f' \
		'"a b"@f' '%u@x' '|cmd@x' '"|cmd x"@x' >out
	same out <<-'END'
	"../.."@x: 65
	".."@x: 65
	"."@x: 65
	".hidden"@x: 65
	a/b@x: 65
	"a/b"@x: 65
	/@x: 65
	"/etc/passwd"@x: 65
	""@x: 65
	x+../../../y@e: no address
	x+a/b@e: 65
	"x+.y"@e: 65
	""@f: 65
	"a b"@f: 65
	%u@x: 67
	|cmd@x: 67
	"|cmd x"@x: 67
	END
}

@test "a pattern that cannot be looked at is 75, not absent" {
	ln -s loop loop
	echo "@x $PWD/loop/%u/" >t
	"$drv" t a@x >out
	echo 'a@x: 75' | same out
}

@test "a line that says nothing sure is refused with its number" {
	while IFS='|' read -r line why; do
		printf '# one\n\nok@x /a\n%b\n' "${line//PIPE/|}" >t
		exits 78 "$drv" t a@x >out
		echo "t:4: $why" | same out
	done <<-'END'
	alice|no target behind the key
	alice@ /x|no domain behind `@' in the key
	alice@. /x|no domain behind `@' in the key
	a@x box/|target is no absolute path, address or |program
	a@x alice|target is no absolute path, address or |program
	a@x b@c d@e|target is no absolute path, address or |program
	a@x /srv/%x/|only %u, %d, %e and %% may be in a target
	a@x /srv/%|only %u, %d, %e and %% may be in a target
	a@x PIPE|no command behind `|'
	a@x /a\0001b|control byte in the target
	a\0177@x /a|control byte in the key
	END
}

@test "a table that others may write, or that is no file, is refused" {
	for mode in 620 602 666; do
		chmod $mode table
		exits 78 "$drv" table alice@example.net >out
		echo "table: others may write it" | same out
	done
	mkfifo fifo
	exits 78 timeout 5 "$drv" fifo >out
	echo "fifo: no file of at most 64 MiB" | same out
	exits 78 "$drv" none >out
	echo "open none: No such file or directory" | same out
}

@test "an empty table has nobody, and a last line needs no newline" {
	: >t
	"$drv" t a@x postmaster >out
	printf 'a@x /m' >t
	"$drv" t a@x >>out
	printf 'a@x /m\r\n' >t
	"$drv" t a@x >>out
	printf 'a@x: 67\npostmaster: 67\na@x: mbox /m\na@x: mbox /m\n' | same out
}

@test "100,000 lines are read and searched in less than quadratic time" {
	seq 100000 | sed 's,.*,user&@example.net /var/mail/&/,' >t
	timeout 10 "$drv" t user99999@example.net nobody@example.net >out
	same out <<-'END'
	user99999@example.net: maildir /var/mail/99999/
	nobody@example.net: 67
	END
}
