#!/usr/bin/env bats
# Logins of the clients: each mechanism, tokens, and where secrets come from.
# `smtp-send --probe' ends right behind the login, so most dialogues are its.
load lib
load peers

setup() {
	sandbox
	echo secret >pw
	TALK=
	# Nothing here may find a ticket, or ask a network for one.
	export KRB5CCNAME=FILE:/nonexistent KRB5_CONFIG=/dev/null
}

teardown() {
	[ -z "$TALK" ] || kill "$TALK" 2>/dev/null || :
	peers_stop
}

# talks SCRIPT...: a server that talks by these; its port in $port.
talks() {
	rm -f port log
	PYTHONDONTWRITEBYTECODE=1 "$PYTHON" "$TESTS/lib/talk.py" "$@" \
		3>&- >talk.err 2>&1 &
	TALK=$!
	peers_wait 400 $! test -s port
	port=$(<port)
}

# heard: what came, once the server has nothing more to say.
heard() {
	wait "$TALK"
	TALK=
	cat log talk.err
}

# offers FILE MECHANISMS [REPLY]...: an SMTP server's script with a reply for
# each line of a login.
offers() {
	local file=$1 mechanisms=$2
	shift 2
	{
		printf 'S: 220 peer\nC:\nS: 250-peer\nS: 250 AUTH %s\n' \
			"$mechanisms"
		printf 'C:\nS: %s\n' "$@"
		echo C:
	} >"$file"
}

# probe CODE USER OPTION...: logs in in clear and goes.
probe() {
	local code=$1 user=$2
	shift 2
	exits "$code" smtp-send --probe --relay "smtp://$user@127.0.0.1:$port" \
		--tls=off --hostname me --timeout 10s "$@" >out 2>err
}

# encoded [FORMAT...]: base64 of what printf makes of it, with ^A for control-A.
encoded() {
	# shellcheck disable=SC2059 # it is a format
	printf "$@" | tr ^ '\001' | base64 -w 0
}

# A command for tokens: the first, then another; notes how it was called.
token_command() {
	cat >token <<-'END'
		#!/bin/sh
		echo "$1 ${TOKEN_STALE-fresh}" >>called
		cat "first${TOKEN_STALE-}"
	END
	chmod +x token
	echo "${1-aaa}" >first
	echo "${2-bbb}" >first1
}

@test "OAUTHBEARER and XOAUTH2 in one step: the user and the token, as libcurl says them" {
	token_command
	offers o 'PLAIN CRAM-MD5 XOAUTH2 OAUTHBEARER' '235 ok'
	offers x 'PLAIN CRAM-MD5 XOAUTH2' '235 ok'
	talks o x o
	probe 0 ann%40x.org --oauth2-command ./token
	probe 0 ann%40x.org --oauth2-command ./token
	probe 0 'ann;auth=xoauth2' --oauth2-command ./token
	heard >got
	same got <<-END
		C: EHLO me
		C: AUTH OAUTHBEARER $(encoded 'n,a=ann@x.org,^host=127.0.0.1^port=%s^auth=Bearer aaa^^' "$port")
		C: QUIT
		C: EHLO me
		C: AUTH XOAUTH2 $(encoded 'user=ann@x.org^auth=Bearer aaa^^')
		C: QUIT
		C: EHLO me
		C: AUTH XOAUTH2 $(encoded 'user=ann^auth=Bearer aaa^^')
		C: QUIT
	END
	same called <<-'END'
		ann@x.org fresh
		ann@x.org fresh
		ann fresh
	END
}

@test "a long token goes in two steps: the server asks for it first" {
	local long mechanism
	long=$(head -c 40000 /dev/zero | tr '\0' t)
	token_command "$long"
	for mechanism in OAUTHBEARER XOAUTH2; do
		offers two "$mechanism" '334 ' '235 ok'
		talks two
		probe 0 ann --oauth2-command ./token
		heard >got
		case $mechanism in
		XOAUTH2) encoded 'user=ann^auth=Bearer %s^^' "$long" ;;
		*) encoded 'n,a=ann,^host=127.0.0.1^port=%s^auth=Bearer %s^^' \
			"$port" "$long" ;;
		esac >sent
		printf 'C: EHLO me\nC: AUTH %s\nC: %s\nC: QUIT\n' "$mechanism" \
			"$(<sent)" | same got
	done
}

@test "a stale token: the command is run once more and told so, and the login is tried again" {
	token_command
	offers stale OAUTHBEARER "334 $(encoded '{"status":"invalid_token"}')" \
		'535 5.7.8 stale'
	offers good OAUTHBEARER '235 ok'
	talks stale good
	probe 0 ann --oauth2-command ./token
	heard >got
	same got <<-END
		C: EHLO me
		C: AUTH OAUTHBEARER $(encoded 'n,a=ann,^host=127.0.0.1^port=%s^auth=Bearer aaa^^' "$port")
		C: AQ==
		end
		C: EHLO me
		C: AUTH OAUTHBEARER $(encoded 'n,a=ann,^host=127.0.0.1^port=%s^auth=Bearer bbb^^' "$port")
		C: QUIT
	END
	printf '%s\n' 'ann fresh' 'ann 1' | same called
}

@test "a token that is refused twice is a failure for now, in the server's words" {
	token_command
	offers stale XOAUTH2 "334 $(encoded '{"status":"401"}')"
	sed -i '$d' stale
	talks stale stale
	probe 75 ann --oauth2-command ./token
	same err <<-END
		smtp-send: probe smtp://ann@127.0.0.1:$port: 334 {"status":"401"}
	END
	printf '%s\n' 'ann fresh' 'ann 1' | same called
	offers denied XOAUTH2 '535 5.7.8 no'
	sed -i '$d' denied
	talks denied denied
	echo x | exits 75 smtp-send --relay "smtp://ann@127.0.0.1:$port" \
		--tls=off -f a@x.org b@x.org --oauth2-command ./token 2>err
	same err <<<'smtp-send: send <b@x.org>: 535 5.7.8 no'
	# What is refused for the moment is not the token's fault.
	offers busy XOAUTH2 '454 4.7.0 later'
	sed -i '$d' busy
	talks busy
	rm called
	probe 75 ann --oauth2-command ./token
	same called <<<'ann fresh'
}

@test "a new token that is not to be had is 78" {
	token_command
	echo '[ -z "$TOKEN_STALE" ] || exit 3' >>token
	offers denied XOAUTH2 '535 5.7.8 no'
	sed -i '$d' denied
	talks denied
	probe 78 ann --oauth2-command ./token
	same err <<-END
		smtp-send: probe smtp://ann@127.0.0.1:$port: ./token: exit status 3
	END
}

@test "a token is in no argument, no environment and no log" {
	token_command
	offers good XOAUTH2 '235 ok'
	talks good
	strace -f -o calls -s 1000 -v -e trace=execve smtp-send --probe -v \
		--relay "smtp://ann@127.0.0.1:$port" --tls=off --hostname me \
		--oauth2-command ./token >out 2>err
	grep -c execve calls >/dev/null
	exits 1 grep -e aaa -e "$(encoded 'ann^auth=Bearer aaa^^')" calls out err
	grep '^> ' err >got
	same got <<-'END'
		> EHLO me
		> AUTH XOAUTH2 ***
	END
}

@test "a token and a mechanism that takes none, or none and one that does: 78 and nobody is asked" {
	port=1
	probe 78 'ann;AUTH=PLAIN' --oauth2-command 'echo aaa'
	same err <<-'END'
		smtp-send: probe smtp://ann@127.0.0.1:1: AUTH=PLAIN takes no token (--oauth2-command)
	END
	probe 78 'ann;AUTH=XOAUTH2' --password-file "$PWD/pw"
	same err <<-'END'
		smtp-send: probe smtp://ann@127.0.0.1:1: AUTH=XOAUTH2 takes a token: --oauth2-command
	END
}

@test "pop3-fetch logs in with a token, and a refused one is 77" {
	token_command
	cat >good <<-'END'
		S: +OK peer
		C:
		S: +OK
		S: USER
		S: SASL PLAIN XOAUTH2
		S: .
		C:
		S: +OK
		C:
		S: -ERR no CAPA
		C:
		S: +OK
		S: .
		C:
		S: +OK bye
	END
	sed "7,\$d" good >stale
	printf 'C:\nS: + %s\n' "$(encoded '{"status":"400"}')" >>stale
	local fetch=(--tls=off --oauth2-command ./token --stdout -q)
	talks stale good
	exits 0 pop3-fetch "${fetch[@]}" "pop3://ann@127.0.0.1:$port/"
	heard >got
	same got <<-END
		C: CAPA
		C: AUTH XOAUTH2 $(encoded 'user=ann^auth=Bearer aaa^^')
		C: CAPA
		C: AUTH XOAUTH2 $(encoded 'user=ann^auth=Bearer bbb^^')
		C: CAPA
		C: UIDL
		C: QUIT
	END
	talks stale stale
	exits 77 pop3-fetch "${fetch[@]}" "pop3://ann@127.0.0.1:$port/" 2>err
	same err <<-END
		pop3-fetch: connect pop3://ann@127.0.0.1:$port: + {"status":"400"}
	END
}

@test "imap-fetch logs in with a token: in one step where SASL-IR is offered, else in two" {
	local step
	token_command
	for step in IR two; do
		printf 'S: * OK peer\nC:\nS: * CAPABILITY IMAP4rev1 %s\n' \
			"$([ $step = two ] || echo SASL-IR) AUTH=XOAUTH2"
		printf 'S: A001 OK done\nC:\n'
		[ $step = IR ] || printf 'S: +\nC:\n'
		printf 'S: %s\n' 'A002 OK in' '* BYE peer'
	done >both
	csplit -s -f step both '/^S: . OK peer/' '{1}'
	talks step01 step02
	for step in 1 2; do
		exits 75 imap-fetch -q --tls=off --oauth2-command ./token \
			-o maildir "imap://ann@127.0.0.1:$port/" 2>err
	done
	heard >all
	grep AUTHENTICATE -A1 all >got
	same got <<-END
		C: A002 AUTHENTICATE XOAUTH2 $(encoded 'user=ann^auth=Bearer aaa^^')
		C: A001 CAPABILITY
		C: A002 AUTHENTICATE XOAUTH2
		C: $(encoded 'user=ann^auth=Bearer aaa^^')
	END
}

@test "each mechanism of SMTP that libcurl has: PLAIN, LOGIN, CRAM-MD5, DIGEST-MD5, NTLM" {
	local challenge='<1.2@peer>' digest
	offers plain 'LOGIN PLAIN' '235 ok'
	offers login LOGIN '334 UGFzc3dvcmQ6' '235 ok'
	offers cram 'PLAIN CRAM-MD5' "334 $(encoded %s "$challenge")" '235 ok'
	offers forced 'PLAIN CRAM-MD5' '235 ok'
	digest=$(printf %s "$challenge" | openssl dgst -md5 -hmac secret |
		sed 's/.* //')
	talks plain login cram forced
	for user in u u u 'u;AUTH=PLAIN'; do
		probe 0 "$user" --password-file "$PWD/pw"
	done
	heard >got
	same got <<-END
		C: EHLO me
		C: AUTH PLAIN $(encoded '\0u\0secret')
		C: QUIT
		C: EHLO me
		C: AUTH LOGIN $(encoded u)
		C: $(encoded secret)
		C: QUIT
		C: EHLO me
		C: AUTH CRAM-MD5
		C: $(encoded 'u %s' "$digest")
		C: QUIT
		C: EHLO me
		C: AUTH PLAIN $(encoded '\0u\0secret')
		C: QUIT
	END
	# What answers these holds random octets.
	offers digest DIGEST-MD5 "334 $(encoded 'realm="x",nonce="n",qop="auth",charset=utf-8,algorithm=md5-sess')" \
		'334 cnNwYXV0aD0x' '235 ok'
	offers ntlm NTLM "334 TlRMTVNTUAACAAAAAAAAADAAAAAGgokAASNFZ4mrze8AAAAAAAAAAAAAAAAwAAAA" \
		'235 ok'
	talks digest ntlm
	probe 0 u --password-file "$PWD/pw"
	probe 0 u --password-file "$PWD/pw"
	heard >all
	sed -E 's/^C: [A-Za-z0-9+/]{60,}=*$/C: .../' all >got
	same got <<-'END'
		C: EHLO me
		C: AUTH DIGEST-MD5
		C: ...
		C: 
		C: QUIT
		C: EHLO me
		C: AUTH NTLM TlRMTVNTUAABAAAABoIIAAAAAAAAAAAAAAAAAAAAAAA=
		C: ...
		C: QUIT
	END
}

# fetched USER[;AUTH=MECHANISM]
fetched() {
	exits 0 pop3-fetch -q --tls=off --password-file "$PWD/pw" --stdout \
		"pop3://$1@127.0.0.1:$DOVECOT_POP3/"
}

# Not DIGEST-MD5 alone: Dovecot quotes the name of the algorithm, which libcurl
# does not understand, and takes the next mechanism.
@test "Dovecot lets pop3-fetch in by every mechanism that both have" {
	local mechanism
	dovecot_start -o 'auth_mechanisms = plain login cram-md5 digest-md5 apop'
	for mechanism in '*' PLAIN LOGIN CRAM-MD5 +APOP; do
		fetched "alice;AUTH=$mechanism" >out
		same out </dev/null
	done
	sed -nE 's/.*Login: user=<alice>, method=([^,]*),.*/\1/p' \
		"$DOVECOT_LOG" >got
	same got <<-'END'
		CRAM-MD5
		PLAIN
		LOGIN
		CRAM-MD5
		APOP
	END
}

@test "users and passwords of any characters arrive as they are" {
	local password long
	long=$(head -c 2000 /dev/zero | tr '\0' p)
	offers plain PLAIN '235 ok'
	offers two PLAIN '334 ' '235 ok'
	for password in 'pässwörd' 'a"b\c d%41 ' "it's:;,=" '*' '<&>'; do
		printf '%s\n' "$password" >pw
		talks plain
		probe 0 'ann%40x.org%3a%25"' --password-file "$PWD/pw"
		heard >got
		same got <<-END
			C: EHLO me
			C: AUTH PLAIN $(encoded '\0ann@x.org:%%"\0%s' "$password")
			C: QUIT
		END
	done
	echo "$long" >pw
	talks two
	probe 0 u --password-file "$PWD/pw"
	heard >got
	same got <<-END
		C: EHLO me
		C: AUTH PLAIN
		C: $(encoded '\0u\0%s' "$long")
		C: QUIT
	END
}

@test "Kerberos is tried first only where a ticket is, then comes the password" {
	offers gssapi 'GSSAPI PLAIN' '235 ok'
	sed '5,$d' gssapi >tried
	talks tried gssapi
	probe 0 ann%40x.org --password-file "$PWD/pw"
	heard >got
	same got <<-END
		C: EHLO me
		C: EHLO me
		C: AUTH PLAIN $(encoded '\0ann@x.org\0secret')
		C: QUIT
	END
	# Asked for, it needs no password, and nothing takes its place.
	talks tried
	probe 75 'ann%40x.org;AUTH=GSSAPI'
	heard >got
	same got <<<'C: EHLO me'
}

@test "a server that offers no login is a failure for now: the mail does not go without" {
	printf 'S: 220 peer\nC:\nS: 250 peer\n' >none
	talks none
	probe 75 u --password-file "$PWD/pw"
	same err <<-END
		smtp-send: probe smtp://u@127.0.0.1:$port: server offers no mechanism for this login
	END
	heard >got
	same got <<<'C: EHLO me'
}

@test "a login that is answered before it was begun sends no mail" {
	cat >early <<-'END'
		S: 220 peer
		C:
		S: 250-peer
		S: 250-AUTH PLAIN
		S: 250 SIZE
		S: 235 early
		C:
		S: 235 late
		C:
		S: 250 peer
		C:
	END
	talks early
	echo x | exits 75 smtp-send --relay "smtp://u@127.0.0.1:$port" \
		--tls=off -f a@x.org b@x.org --password-file "$PWD/pw" 2>err
	heard >got
	exits 1 grep -a MAIL got
	grep -ac AUTH got >count
	same count <<<1
}

# login PASSWORD OPTION...: that it is the one that arrives, for u.
login() {
	local password=$1
	shift
	offers plain PLAIN '235 ok'
	talks plain
	probe 0 u "$@"
	heard >all
	sed -n 2p all >got
	same got <<-END
		C: AUTH PLAIN $(encoded '\0u\0%s' "$password")
	END
}

@test "a password command: its first line counts, and its end, not that of what it left behind" {
	login one --password-command 'printf "one\ntwo\n" #'
	login one --password-command 'printf "one\r\n" #'
	login one --password-command 'printf one #'
	login u --password-command echo
	# The pipe is kept open behind the command's back.
	login one --password-command 'sleep 30 & echo $! >left; echo one #'
	kill "$(<left)"
}

@test "a password command that fails, hangs or says nothing is 78, and nobody is asked" {
	port=1
	while IFS='|' read -r command why; do
		SECONDS=0
		probe 78 u --timeout 1s --password-command "$command #"
		[ $SECONDS -lt 10 ]
		same err <<-END
			smtp-send: probe smtp://u@127.0.0.1:1: $command #: $why
		END
	done <<-'END'
		echo secret; exit 3|exit status 3
		true|no secret on its output
		echo; echo secret|no secret on its output
		printf "a\0b\n"|no secret on its output
		echo secret; exec sleep 60|no answer in time
		echo secret; exec >/dev/null; exec sleep 60|no answer in time
		absent-command 2>/dev/null|exit status 75
		kill -9 $$|exit status 75
	END
}

@test "~/.netrc: quoted, several logins of one machine, default, macros, comments" {
	touch "$HOME/.netrc"
	chmod 600 "$HOME/.netrc"
	cat >"$HOME/.netrc" <<-'END'
		# mine
		machine other.example login u password wrong
		machine 127.0.0.1 login v password wrong account x
		macdef init
		machine 127.0.0.1 login u password wrong

		machine 127.0.0.1 login u
			password "a \"b\" \\ #c"
		machine 127.0.0.1 login u password second
		default login u password wrong
	END
	login 'a "b" \ #c'
	echo 'default login u password any' >"$HOME/.netrc"
	login any
	echo 'default password any' >"$HOME/.netrc"
	login any
	ln -s .netrc "$HOME/link"
	chmod 604 "$HOME/.netrc"
	port=1
	probe 78 u
	same err <<-END
		smtp-send: probe smtp://u@127.0.0.1:1: $HOME/.netrc: others may read it (mode 0604, not 0600)
	END
	rm "$HOME/.netrc"
	mkfifo -m 600 "$HOME/.netrc"
	probe 78 u
}

@test "a password file that others may write, or that is empty, is 78" {
	port=1
	chmod 622 pw
	probe 78 u --password-file "$PWD/pw"
	same err <<-END
		smtp-send: probe smtp://u@127.0.0.1:1: $PWD/pw: others may write it
	END
	: >empty
	probe 78 u --password-file "$PWD/empty"
	mkfifo fifo
	: >fifo &
	probe 78 u --password-file "$PWD/fifo"
	probe 78 u --password-fd 99
	probe 78 u --password-fd x
}

@test "without any source and without a terminal: 78, and what to do" {
	port=1
	exits 78 setsid -w smtp-send --probe --tls=off \
		--relay "smtp://u@127.0.0.1:$port" >out 2>err </dev/null
	same err <<-'END'
		smtp-send: probe smtp://u@127.0.0.1:1: no password: put `machine 127.0.0.1 login u password ...' into ~/.netrc, or use --password-command, --password-file or --password-fd
	END
}

@test "a URL whose user or mechanism cannot be meant is 64" {
	local url
	for url in 'smtp://@h' 'smtp://u;x@h' 'smtp://u;AUTH=@h' \
		'smtp://u;AUTH=A%0d@h' 'smtp://u:@h' 'smtp://u:p@h' \
		'smtp://h/?q' 'smtp://h/#f' 'smtp://a@b@h' 'imap://h' 'x://h'; do
		exits 64 smtp-send --probe --relay "$url" >out 2>err </dev/null
	done
	port=1
	offers plain PLAIN '235 ok'
	talks plain
	probe 78 'u;AUTH=NOSUCH' --password-file "$PWD/pw"
}
