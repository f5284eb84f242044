#!/usr/bin/env bats
# pop3-fetch and imap-fetch from the servers of others: a line is ours, theirs,
# how it connects, and how it logs in. Each fetches two messages into a maildir
# of its own, and what it says is known the next time.

# shellcheck disable=SC2154 # address, of started
load lib
load peers
load interop

setup_file()
{
	# They share a folder.
	export BATS_NO_PARALLELIZE_WITHIN_FILE=true
	cd "$BATS_FILE_TMPDIR" || return
	export XDG_STATE_HOME=$PWD/state
	mkdir state mail
	write_message >message
	printf 'Date: Tue, 24 Nov 2026 10:00:00 +0000\nFrom: Ann <ann@example.net>\nMessage-ID: <2@example.net>\n\n.\nend\n' >two
	peers_certificate
	echo secret >password
	echo "alice:$(openssl passwd -6 secret)" >passwords
	chmod 600 password passwords
	maildirs mail/alice
	fill mail/alice
	receiver plain
	PORT=${address#*:}
	receiver implicit --implicit
	TLS_PORT=${address#*:}
	[ "$EUID" != 0 ] || theirs
	export PORT TLS_PORT "${!PEERS_@}" "${!DOVECOT_@}" "${!COURIER_@}" \
	    "${!CYRUS_@}"
}

# receiver NAME [--implicit]: pop3-serve.
receiver()
{
	started "$1.log" tls-serve --cert "$PEERS_CERT" --key "$PEERS_KEY" \
	    "${@:2}" -- pop3-serve --listen 127.0.0.1:0 --auth-clear \
	    --auth "auth-passwd --file '$PWD/passwords'" \
	    --maildir "$PWD/mail/%u"
}

theirs()
{
	# shellcheck disable=SC2034
	DOVECOT_RELAY=127.0.0.1:9
	dovecot_start -s -u alice
	fill "$DOVECOT_MAIL/alice"
	courier_start -u alice
	fill "$COURIER_MAIL/alice"
	cyrus_start -u alice
	for file in message two; do
		# swaks ends a message with a newline of its own.
		head -c -1 $file >unended
		swaks --silent 2 --protocol LMTP -s "127.0.0.1:$CYRUS_LMTP" \
		    -f ann@example.net -t alice --data @unended
	done
	peers_token alice >token
}

# fill MAILDIR
fill()
{
	cp message "$1/new/1.1.host"
	cp two "$1/new/2.1.host"
	[ "$(stat -c %U "$1")" = "$(id -un)" ] || chown nobody "$1"/new/*
}

teardown_file()
{
	stop_servers
	peers_stop
}

setup()
{
	cd "$BATS_FILE_TMPDIR" || return
}

# cell: what the test's name says.
cell()
{
	local ours theirs mode mechanism user=alice scheme port name
	local options=(--cafile "$PEERS_CA")
	IFS=, read -r ours theirs mode mechanism <<<"${BATS_TEST_DESCRIPTION//, /,}"
	scheme=${ours%-fetch}
	ports "$theirs"
	case $mode in
	clear) options+=(--tls=off) ;;
	implicit) scheme+=s ;;
	esac
	case $mechanism in
	XOAUTH2 | OAUTHBEARER) options+=(--oauth2-command "cat '$PWD/token'; :") ;;
	*) options+=(--password-file password) ;;
	esac
	[ -z "$mechanism" ] || user+=";AUTH=$mechanism"
	name=${BATS_TEST_DESCRIPTION//, /.}
	fetched "2 new, 0 already fetched"
	shopt -s nullglob
	came "$name"/{new,cur}/*
	fetched "0 new, 2 already fetched"
}

# fetched SUMMARY
fetched()
{
	local log
	"$ours" "${options[@]}" -o "$PWD/$name" \
	    "$scheme://$user@localhost:$port/" 2>"$name.log"
	mapfile -t log <"$name.log"
	printf '%s\n' "${log[@]/ (journal *)/ (journal FILE)}" >"$name.said"
	same "$name.said" <<<"$ours: $1 (journal FILE)"
}

# came FILE...: these are the two messages, in any order, without what LMTP put
# on top of them.
came()
{
	local file text order=(message two)
	[ $# = 2 ]
	for file; do
		! IFS= read -rd '' text <"$file"
		[ "$theirs" != Cyrus ] ||
			text=${text#Return-Path:*$'\n'X-Sieve:*$'\n'}
		printf %s "$text" >"$name.got"
		[[ $# = 1 || $text != *$'\nMessage-ID: <2@'* ]] ||
			order=(two message)
		same "$name.got" <"${order[-$#]}"
		shift
	done
}

# ports SERVER: sets port for the protocol and the mode.
ports()
{
	local kind=${ours%-fetch}
	[ "$mode" != implicit ] || kind+=s
	case $1 in
	pop3-serve)
		port=$PORT
		[ "$mode" != implicit ] || port=$TLS_PORT
		;;
	*)
		peers_need_root "$1"
		port=${1^^}_${kind^^}
		port=${!port}
		;;
	esac
}

@test "pop3-fetch, pop3-serve, clear" { cell; }
@test "pop3-fetch, pop3-serve, clear, PLAIN" { cell; }
@test "pop3-fetch, pop3-serve, STARTTLS" { cell; }
@test "pop3-fetch, pop3-serve, STARTTLS, PLAIN" { cell; }
@test "pop3-fetch, pop3-serve, implicit" { cell; }
@test "pop3-fetch, pop3-serve, implicit, PLAIN" { cell; }
@test "pop3-fetch, Dovecot, clear, PLAIN" { cell; }
@test "pop3-fetch, Dovecot, clear, LOGIN" { cell; }
@test "pop3-fetch, Dovecot, clear, CRAM-MD5" { cell; }
@test "pop3-fetch, Dovecot, clear, +APOP" { cell; }
@test "pop3-fetch, Dovecot, STARTTLS, PLAIN" { cell; }
@test "pop3-fetch, Dovecot, STARTTLS, LOGIN" { cell; }
@test "pop3-fetch, Dovecot, STARTTLS, CRAM-MD5" { cell; }
@test "pop3-fetch, Dovecot, STARTTLS, XOAUTH2" { cell; }
@test "pop3-fetch, Dovecot, STARTTLS, OAUTHBEARER" { cell; }
@test "pop3-fetch, Dovecot, STARTTLS, +APOP" { cell; }
@test "pop3-fetch, Dovecot, implicit, PLAIN" { cell; }
@test "pop3-fetch, Dovecot, implicit, LOGIN" { cell; }
@test "pop3-fetch, Dovecot, implicit, CRAM-MD5" { cell; }
@test "pop3-fetch, Dovecot, implicit, XOAUTH2" { cell; }
@test "pop3-fetch, Dovecot, implicit, OAUTHBEARER" { cell; }
@test "pop3-fetch, Dovecot, implicit, +APOP" { cell; }
@test "imap-fetch, Dovecot, clear, PLAIN" { cell; }
@test "imap-fetch, Dovecot, clear, LOGIN" { cell; }
@test "imap-fetch, Dovecot, clear, CRAM-MD5" { cell; }
@test "imap-fetch, Dovecot, STARTTLS, PLAIN" { cell; }
@test "imap-fetch, Dovecot, STARTTLS, LOGIN" { cell; }
@test "imap-fetch, Dovecot, STARTTLS, CRAM-MD5" { cell; }
@test "imap-fetch, Dovecot, STARTTLS, XOAUTH2" { cell; }
@test "imap-fetch, Dovecot, STARTTLS, OAUTHBEARER" { cell; }
@test "imap-fetch, Dovecot, implicit, PLAIN" { cell; }
@test "imap-fetch, Dovecot, implicit, LOGIN" { cell; }
@test "imap-fetch, Dovecot, implicit, CRAM-MD5" { cell; }
@test "imap-fetch, Dovecot, implicit, XOAUTH2" { cell; }
@test "imap-fetch, Dovecot, implicit, OAUTHBEARER" { cell; }
@test "pop3-fetch, Courier, clear, PLAIN" { cell; }
@test "pop3-fetch, Courier, clear, LOGIN" { cell; }
@test "pop3-fetch, Courier, clear, CRAM-MD5" { cell; }
@test "pop3-fetch, Courier, STARTTLS, PLAIN" { cell; }
@test "pop3-fetch, Courier, STARTTLS, LOGIN" { cell; }
@test "pop3-fetch, Courier, STARTTLS, CRAM-MD5" { cell; }
@test "pop3-fetch, Courier, implicit, PLAIN" { cell; }
@test "pop3-fetch, Courier, implicit, LOGIN" { cell; }
@test "pop3-fetch, Courier, implicit, CRAM-MD5" { cell; }
@test "imap-fetch, Courier, clear, PLAIN" { cell; }
@test "imap-fetch, Courier, clear, CRAM-MD5" { cell; }
@test "imap-fetch, Courier, STARTTLS, PLAIN" { cell; }
@test "imap-fetch, Courier, STARTTLS, CRAM-MD5" { cell; }
@test "imap-fetch, Courier, implicit, PLAIN" { cell; }
@test "imap-fetch, Courier, implicit, CRAM-MD5" { cell; }
@test "pop3-fetch, Cyrus, clear, PLAIN" { cell; }
@test "pop3-fetch, Cyrus, clear, LOGIN" { cell; }
@test "pop3-fetch, Cyrus, clear, CRAM-MD5" { cell; }
@test "pop3-fetch, Cyrus, clear, DIGEST-MD5" { cell; }
@test "pop3-fetch, Cyrus, STARTTLS, PLAIN" { cell; }
@test "pop3-fetch, Cyrus, STARTTLS, LOGIN" { cell; }
@test "pop3-fetch, Cyrus, STARTTLS, CRAM-MD5" { cell; }
@test "pop3-fetch, Cyrus, STARTTLS, DIGEST-MD5" { cell; }
@test "pop3-fetch, Cyrus, implicit, PLAIN" { cell; }
@test "pop3-fetch, Cyrus, implicit, LOGIN" { cell; }
@test "pop3-fetch, Cyrus, implicit, CRAM-MD5" { cell; }
@test "pop3-fetch, Cyrus, implicit, DIGEST-MD5" { cell; }
@test "imap-fetch, Cyrus, clear, PLAIN" { cell; }
@test "imap-fetch, Cyrus, clear, LOGIN" { cell; }
@test "imap-fetch, Cyrus, clear, CRAM-MD5" { cell; }
@test "imap-fetch, Cyrus, clear, DIGEST-MD5" { cell; }
@test "imap-fetch, Cyrus, STARTTLS, PLAIN" { cell; }
@test "imap-fetch, Cyrus, STARTTLS, LOGIN" { cell; }
@test "imap-fetch, Cyrus, STARTTLS, CRAM-MD5" { cell; }
@test "imap-fetch, Cyrus, STARTTLS, DIGEST-MD5" { cell; }
@test "imap-fetch, Cyrus, implicit, PLAIN" { cell; }
@test "imap-fetch, Cyrus, implicit, LOGIN" { cell; }
@test "imap-fetch, Cyrus, implicit, CRAM-MD5" { cell; }
@test "imap-fetch, Cyrus, implicit, DIGEST-MD5" { cell; }
