#!/usr/bin/env bats
# smtp-recv --rcpt-check: a command judges who may receive mail here.

load lib
load recv

setup() {
	sandbox
	one_box
	export MAILPIPE_SPOOL=$PWD/forwards
	cat >check <<-'END'
	#!/bin/sh
	printf '%s\n' "$@" >>asked
	case $2 in
	no@*) exit 67 ;;
	*) exit 0 ;;
	esac
	END
	chmod +x check
}

recv() { behind_ehlo --log none "$@"; }

# rcpt ADDRESS...: a transaction up to its recipients.
rcpt() {
	echo 'MAIL FROM:<a@b.example>'
	printf 'RCPT TO:<%s>\n' "$@"
}

# judged CHECK: the reply to a recipient.
judged() {
	rcpt c@host.example | recv --spool spool --rcpt-check "$1" | tail -n 1
}

@test "it gets sender and recipient as arguments, the rest in its environment" {
	cat >say <<-'END'
	#!/bin/sh
	printf '<%s>' "$0" "$@" >>said
	env | grep -E '^(REMOTE_|HELO|PROTOCOL|AUTH_USER|MAIL_)' | sort >env
	END
	chmod +x say
	{
		rcpt c@host.example '"q $(u) `x`"@host.example' -o@host.example
		printf 'RSET\nMAIL FROM:<>\nRCPT TO:<postmaster>\n'
	} | REMOTE_ADDR=192.0.2.7 REMOTE_PORT=99 AUTH_USER=root recv \
		--spool spool --rcpt-check "./say 'one two'" >got
	printf '250 2.1.%s\n' '0 OK' '5 OK' '5 OK' '5 OK' '0 OK' '5 OK' >want
	sed -i '5i 250 2.0.0 Reset' want
	same got <want
	{
		printf '<./say><one two><a@b.example><%s>' c@host.example \
			'"q $(u) `x`"@host.example' -o@host.example
		printf '<./say><one two><><postmaster>'
	} | same said
	same env <<-'END'
	AUTH_USER=
	HELO=me.example
	PROTOCOL=ESMTP
	REMOTE_ADDR=192.0.2.7
	REMOTE_PORT=99
	END
}

@test "its exit status is the reply" {
	for code in 0 67 68 65 77 69 64 78 75 1 126 127; do
		judged "exit $code;"
	done >got
	judged 'kill -9 $$;' >>got
	judged /nonexistent >>got
	same got <<-'END'
	250 2.1.5 OK
	550 5.1.1 No such user here
	550 5.1.2 No such domain
	553 5.1.3 Bad mailbox name
	550 5.7.1 Not allowed
	554 5.0.0 Delivery refused
	451 4.3.0 Temporary trouble, try again later
	451 4.3.0 Temporary trouble, try again later
	451 4.3.0 Temporary trouble, try again later
	451 4.3.0 Temporary trouble, try again later
	451 4.3.0 Temporary trouble, try again later
	451 4.3.0 Temporary trouble, try again later
	451 4.3.0 Temporary trouble, try again later
	451 4.3.0 Temporary trouble, try again later
	END
}

@test "its first line replaces the reply when the class agrees" {
	judged 'echo "550 5.2.1 Gone fishing"; echo more; exit 67;' >got
	judged 'echo "452 4.2.2 Full"; exit 75;' >>got
	judged 'printf "251 2.1.5 By \033[31m\200\n"; :' >>got
	judged 'echo "250 2.1.5 Yes"; exit 67;' >>got
	judged 'echo "550 5.1.1 No"; :' >>got
	judged 'echo hello; exit 77;' >>got
	same got <<-'END'
	550 5.2.1 Gone fishing
	452 4.2.2 Full
	251 2.1.5 By ?[31m?
	550 5.1.1 No such user here
	250 2.1.5 OK
	550 5.7.1 Not allowed
	END
}

@test "it has 30 seconds, or the time of a command" {
	rcpt c@host.example | recv --spool spool --timeout 1 \
		--rcpt-check 'sleep 60; echo late >late; :' | tail -n 1 >got
	same got <<<'451 4.3.0 Temporary trouble, try again later'
	[ ! -e late ]
}

@test "it is asked in place of the table, about those that are local, alone" {
	cat >>mailboxes <<-END
	@named.example $PWD/box/
	END
	mkdir spool
	echo 'lists.example lmtp /run/lmtp' >spool/routes
	rcpt new@host.example c@host.example new@named.example all@lists.example \
		no@named.example x@other.example |
		recv --spool spool --mailboxes mailboxes --rcpt-check ./check >got
	same got <<-'END'
	250 2.1.0 OK
	250 2.1.5 OK
	250 2.1.5 OK
	250 2.1.5 OK
	250 2.1.5 OK
	550 5.1.1 No such user here
	550 5.7.1 No relaying for you
	END
	printf '%s\n' a@b.example new@host.example a@b.example c@host.example \
		a@b.example new@named.example a@b.example all@lists.example \
		a@b.example no@named.example | same asked
	rm asked
	rcpt x@other.example no@host.example | REMOTE_ADDR=192.0.2.1 recv \
		--relay-from 192.0.2.1 --rcpt-check ./check -- true | tail -n 2 >got
	same got <<-'END'
	250 2.1.5 OK
	550 5.1.1 No such user here
	END
	printf '%s\n' a@b.example no@host.example | same asked
}

@test "without a table it makes nobody local, and a message goes its way" {
	{
		rcpt c@host.example no@host.example
		printf 'DATA\n\ntext\n.\n'
	} | recv --rcpt-check ./check -- sh -c 'printf "%s\n" "$@" >args' sh >got
	same got <<-'END'
	250 2.1.0 OK
	250 2.1.5 OK
	550 5.1.1 No such user here
	354 End data with <CRLF>.<CRLF>
	250 2.0.0 accepted as ID
	END
	printf '%s\n' -f a@b.example -- c@host.example | same args
}

@test "where mailboxes are delivered into, both must know the recipient" {
	mkdir -p no/{tmp,new,cur}
	echo "no@host.example $PWD/no/" >>mailboxes
	{
		rcpt no@host.example new@host.example c@host.example
		printf 'DATA\n\ntext\n.\n'
	} | recv --mailboxes mailboxes --rcpt-check ./check >got
	same got <<-'END'
	250 2.1.0 OK
	550 5.1.1 No such user here
	550 5.1.1 No such user here
	250 2.1.5 OK
	354 End data with <CRLF>.<CRLF>
	250 2.0.0 delivered as ID
	END
	[ "$(find box no -type f | wc -l)" -eq 1 ]
}
