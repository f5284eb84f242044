#!/usr/bin/env bats
# smtp-send and spool into the servers of others: a line is ours, theirs, how it
# connects, and whether it logs in. Each sends one message to a mailbox of its
# own.

# shellcheck disable=SC2154 # address, of started
load lib
load peers
load interop

setup_file()
{
	local users=() name
	# They share a folder.
	export BATS_NO_PARALLELIZE_WITHIN_FILE=true
	cd "$BATS_FILE_TMPDIR" || return
	write_message >message
	peers_certificate
	echo secret >password
	echo "alice:$(openssl passwd -6 secret)" >passwords
	chmod 600 password passwords
	echo "@example.org $PWD/mail/%u/" >mailboxes
	receiver recv
	PORT=${address#*:}
	receiver implicit --implicit
	TLS_PORT=${address#*:}
	aiosmtpd_start
	for name in {smtp-send,spool}.{clear,starttls,implicit}{,.auth} \
	    {smtp-send,spool}.{port,socket}; do
		users+=(-u "$name")
	done
	[ "$EUID" != 0 ] || theirs "${users[@]}"
	export PORT TLS_PORT "${!PEERS_@}" "${!POSTFIX_@}" "${!EXIM_@}" \
	    "${!OPENSMTPD_@}" "${!DOVECOT_@}" "${!AIOSMTPD_@}"
}

theirs()
{
	# shellcheck disable=SC2034
	DOVECOT_RELAY=localhost:$PORT
	dovecot_start -s -u alice "$@"
	postfix_start -s "$@"
	exim_start "$@"
	opensmtpd_start -u alice "$@"
}

# receiver NAME [--implicit]
receiver()
{
	started "$1.log" tls-serve --cert "$PEERS_CERT" --key "$PEERS_KEY" \
	    "${@:2}" -- smtp-recv --listen 127.0.0.1:0 \
	    --hostname mx.example.org --local example.org \
	    --mailboxes mailboxes --auth-clear \
	    --auth "auth-passwd --file '$PWD/passwords'"
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
	local ours theirs mode auth
	IFS=, read -r ours theirs mode auth <<<"${BATS_TEST_DESCRIPTION//, /,}"
	mode=${mode,,}
	name=$ours.$mode${auth:+.auth}
	"into_${theirs,,}"
}

# relay PORT TLS_PORT: the message to $name there.
relay()
{
	local port=$1 scheme=smtp login=${auth:+alice@}
	local options=(--cafile "$PEERS_CA" --password-file "$PWD/password")
	case $mode in
	clear) options+=(--tls=off) ;;
	starttls) options+=(--tls=required) ;;
	implicit) port=$2 scheme=smtps ;;
	esac
	send "relay $scheme://${login}localhost:$port" "${options[@]}"
}

# send ROUTE OPTION...
send()
{
	local to=$name@example.org
	if [ "$ours" = smtp-send ]; then
		# shellcheck disable=SC2086 # two words
		smtp-send --${1} "${@:2}" --hostname client.example.net \
		    -f ann@example.net -- "$to" <message
	else
		mkdir "$theirs.$name"
		echo "* $* --hostname client.example.net" >"$theirs.$name/routes"
		spool -d "$theirs.$name" add -f ann@example.net -- "$to" <message
		spool -d "$theirs.$name" run
		spool -d "$theirs.$name" list >"$theirs.$name/list"
		same "$theirs.$name/list" </dev/null
	fi
}

# came DIR: one message, whose last Received field says how it came. Above the
# message are only fields of the server's.
came()
{
	local protocol=ESMTPS file how text
	case $mode in
	clear) protocol=ESMTP ;;
	port | socket) protocol=LMTP ;;
	esac
	files "$1/new" 1
	for file in "$1"/new/*; do
		IFS= read -rd '' text <"$file" || :
	done
	how=${text%%$'\nDate:'*}
	printf %s "Date:${text#*$'\nDate:'}" >"$theirs.$name.got"
	same "$theirs.$name.got" <message
	how=${how##*[^[:alnum:]_]with }
	how=${how%%[^[:alpha:]]*}
	printf '%s\n' "${how^^}" >"$theirs.$name.how"
	same "$theirs.$name.how" <<<"$protocol${auth:+A}"
}

into_postfix()
{
	peers_need_root Postfix
	relay "$POSTFIX_PORT" "$POSTFIX_TLS_PORT"
	came "$POSTFIX_MAIL/$name"
}

into_exim()
{
	peers_need_root Exim
	relay "$EXIM_PORT" "$EXIM_TLS_PORT"
	came "$EXIM_MAIL/$name"
}

into_opensmtpd()
{
	peers_need_root OpenSMTPD
	relay "$OPENSMTPD_PORT" "$OPENSMTPD_TLS_PORT"
	came "$OPENSMTPD_MAIL/$name"
}

into_submission()
{
	peers_need_root Dovecot
	name=submission.$name
	maildirs "mail/$name"
	relay "$DOVECOT_SUBMISSION" "$DOVECOT_SUBMISSIONS"
	came "mail/$name"
}

into_lmtp()
{
	peers_need_root Dovecot
	case $mode in
	port) send "lmtp 127.0.0.1:$DOVECOT_LMTP" ;;
	socket) send "lmtp $DOVECOT_LMTP_SOCKET" ;;
	esac
	came "$DOVECOT_MAIL/$name"
}

into_smtp-recv()
{
	name=smtp-recv.$name
	maildirs "mail/$name"
	relay "$PORT" "$TLS_PORT"
	came "mail/$name"
}

into_aiosmtpd()
{
	local how text
	relay "$AIOSMTPD_PORT" "$AIOSMTPD_TLS_PORT"
	[ "$mode" = clear ] && how=clear || how=TLS
	IFS= read -rd '' text <message || :
	same "$AIOSMTPD_MAIL/$name@example.org" \
	    <<<"$how${auth:+ alice} ann@example.net"$'\n'"${text%$'\n'}"
}

@test "smtp-send, Postfix, clear" { cell; }
@test "smtp-send, Postfix, clear, AUTH" { cell; }
@test "smtp-send, Postfix, STARTTLS" { cell; }
@test "smtp-send, Postfix, STARTTLS, AUTH" { cell; }
@test "smtp-send, Postfix, implicit" { cell; }
@test "smtp-send, Postfix, implicit, AUTH" { cell; }
@test "smtp-send, Exim, clear" { cell; }
@test "smtp-send, Exim, clear, AUTH" { cell; }
@test "smtp-send, Exim, STARTTLS" { cell; }
@test "smtp-send, Exim, STARTTLS, AUTH" { cell; }
@test "smtp-send, Exim, implicit" { cell; }
@test "smtp-send, Exim, implicit, AUTH" { cell; }
@test "smtp-send, OpenSMTPD, clear" { cell; }
@test "smtp-send, OpenSMTPD, STARTTLS" { cell; }
@test "smtp-send, OpenSMTPD, STARTTLS, AUTH" { cell; }
@test "smtp-send, OpenSMTPD, implicit" { cell; }
@test "smtp-send, OpenSMTPD, implicit, AUTH" { cell; }
@test "smtp-send, aiosmtpd, clear" { cell; }
@test "smtp-send, aiosmtpd, clear, AUTH" { cell; }
@test "smtp-send, aiosmtpd, STARTTLS" { cell; }
@test "smtp-send, aiosmtpd, STARTTLS, AUTH" { cell; }
@test "smtp-send, aiosmtpd, implicit" { cell; }
@test "smtp-send, aiosmtpd, implicit, AUTH" { cell; }
@test "smtp-send, smtp-recv, clear" { cell; }
@test "smtp-send, smtp-recv, clear, AUTH" { cell; }
@test "smtp-send, smtp-recv, STARTTLS" { cell; }
@test "smtp-send, smtp-recv, STARTTLS, AUTH" { cell; }
@test "smtp-send, smtp-recv, implicit" { cell; }
@test "smtp-send, smtp-recv, implicit, AUTH" { cell; }
@test "smtp-send, submission, clear, AUTH" { cell; }
@test "smtp-send, submission, STARTTLS, AUTH" { cell; }
@test "smtp-send, submission, implicit, AUTH" { cell; }
@test "smtp-send, LMTP, port" { cell; }
@test "smtp-send, LMTP, socket" { cell; }
@test "spool, Postfix, clear" { cell; }
@test "spool, Postfix, clear, AUTH" { cell; }
@test "spool, Postfix, STARTTLS" { cell; }
@test "spool, Postfix, STARTTLS, AUTH" { cell; }
@test "spool, Postfix, implicit" { cell; }
@test "spool, Postfix, implicit, AUTH" { cell; }
@test "spool, Exim, clear" { cell; }
@test "spool, Exim, clear, AUTH" { cell; }
@test "spool, Exim, STARTTLS" { cell; }
@test "spool, Exim, STARTTLS, AUTH" { cell; }
@test "spool, Exim, implicit" { cell; }
@test "spool, Exim, implicit, AUTH" { cell; }
@test "spool, OpenSMTPD, clear" { cell; }
@test "spool, OpenSMTPD, STARTTLS" { cell; }
@test "spool, OpenSMTPD, STARTTLS, AUTH" { cell; }
@test "spool, OpenSMTPD, implicit" { cell; }
@test "spool, OpenSMTPD, implicit, AUTH" { cell; }
@test "spool, aiosmtpd, clear" { cell; }
@test "spool, aiosmtpd, clear, AUTH" { cell; }
@test "spool, aiosmtpd, STARTTLS" { cell; }
@test "spool, aiosmtpd, STARTTLS, AUTH" { cell; }
@test "spool, aiosmtpd, implicit" { cell; }
@test "spool, aiosmtpd, implicit, AUTH" { cell; }
@test "spool, smtp-recv, clear" { cell; }
@test "spool, smtp-recv, clear, AUTH" { cell; }
@test "spool, smtp-recv, STARTTLS" { cell; }
@test "spool, smtp-recv, STARTTLS, AUTH" { cell; }
@test "spool, smtp-recv, implicit" { cell; }
@test "spool, smtp-recv, implicit, AUTH" { cell; }
@test "spool, submission, clear, AUTH" { cell; }
@test "spool, submission, STARTTLS, AUTH" { cell; }
@test "spool, submission, implicit, AUTH" { cell; }
@test "spool, LMTP, port" { cell; }
@test "spool, LMTP, socket" { cell; }
