#!/usr/bin/env bats
# The software of others into smtp-recv: a line is a client, how it connects,
# and whether it logs in. Each sends one message to a mailbox named after it.

# shellcheck disable=SC2154 # address, of started
load lib
load peers
load interop

setup_file()
{
	# They share a folder.
	export BATS_NO_PARALLELIZE_WITHIN_FILE=true
	cd "$BATS_FILE_TMPDIR" || return
	write_message >message
	head -c -1 message >unended
	cp message longer
	echo >>longer
	crlf <message >wire
	peers_certificate
	echo "@example.org $PWD/mail/%u/" >mailboxes
	echo "alice:$(openssl passwd -6 secret)" >passwords
	chmod 600 passwords
	receiver recv
	PORT=${address#*:}
	receiver implicit --implicit
	TLS_PORT=${address#*:}
	started lmtp.log smtp-recv --lmtp --listen 127.0.0.1:0 \
	    --hostname mx.example.org --local example.org --mailboxes mailboxes
	LMTP_PORT=${address#*:}
	[ "$EUID" != 0 ] || relays
	export PORT TLS_PORT LMTP_PORT PEERS_CA POSTFIX_PORT EXIM_PORT OPENSMTPD_PORT
}

teardown_file()
{
	stop_servers
	peers_stop
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

# Theirs, which relay by the end of the local part.
relays()
{
	local how to options=() map="" level=none
	for how in "${peers_relays[@]}"; do
		to=$PORT
		[[ $how == clear* ]] || level=verify
		[[ $how != implicit* ]] || to=$TLS_PORT
		map+=" {/\.${how/./\\.}@/ $how:[localhost]:$to}"
		options+=(-m "$how unix - - n - - smtp
			-o smtp_tls_security_level=$level
			-o smtp_tls_wrappermode=$([[ $how == implicit* ]] && echo yes || echo no)
			-o smtp_sasl_auth_enable=$([[ $how == *.auth ]] && echo yes || echo no)")
	done
	map+=" {/\.lmtp@/ lmtp:inet:[127.0.0.1]:$LMTP_PORT}"
	options+=(-m "lmtp unix - - n - - lmtp")
	postfix_start -d example.net "${options[@]}" \
	    -o "transport_maps = regexp:{$map }" \
	    -o "smtp_tls_CAfile = $PEERS_CA" \
	    -o 'smtp_sasl_password_maps = static:alice:secret' \
	    -o 'smtp_sasl_security_options ='
	exim_start -d example.net -r "$PORT:$TLS_PORT"
	opensmtpd_start -d example.net -r "$PORT:$TLS_PORT"
}

# cell: what the test's name says.
cell()
{
	local client mode auth name protocol=ESMTP
	IFS=, read -r client mode auth <<<"${BATS_TEST_DESCRIPTION//, /,}"
	case $mode in
	clear) port=$PORT ;;
	STARTTLS) port=$PORT mode=starttls protocol=ESMTPS ;;
	implicit) port=$TLS_PORT protocol=ESMTPS ;;
	LMTP) mode=lmtp protocol=LMTP ;;
	esac
	client=${client// /-}
	name=${client,,}.$mode${auth:+.auth}
	maildirs "mail/$name"
	"by_${client,,}" "$name@example.org"
	came "$name" "$protocol${auth:+A}"
}

# came NAME PROTOCOL: to this mailbox. What the client wrote above the message
# is its own.
came()
{
	local normal text trace helo='Received: from [^ ]* ' using='' tab=$'\t'
	files "mail/$1/new" 1
	normalize "mail/$1"/new/*
	text=${normal#*$'\n\tfor '*$'\n'}
	trace=${normal%"$text"}
	[[ $text == Date:* ]] || text=Date:${text#*$'\nDate:'}
	printf %s "$text" >got.message
	same got.message <"${sent:-message}"
	[[ ! $trace =~ $helo ]] ||
		trace=${trace/"${BASH_REMATCH[0]}"/Received: from HELO }
	[[ ! $trace =~ TLSv1.[23]\ with\ cipher\ [A-Z0-9_-]* ]] ||
		trace=${trace/"${BASH_REMATCH[0]}"/TLS}
	printf %s "$trace" >got.trace
	[[ $mode = clear || $mode = lmtp ]] || using=$'\n\t(using TLS)'
	same got.trace <<-END
		Return-Path: <ann@example.net>
		Delivered-To: $1@example.org
		Received: from HELO ([127.0.0.1])$using
		${tab}by mx.example.org with $2 id ID
		${tab}for <$1@example.org>; DATE
	END
}

setup()
{
	cd "$BATS_FILE_TMPDIR" || return
}

teardown()
{
	peers_stop
}

# Into a server of theirs, which relays it.
relayed()
{
	peers_need_root "$1"
	curl -m 20 -sS --crlf --mail-from ann@example.net --mail-rcpt "$3" \
	    -T message "smtp://127.0.0.1:$2/client.example.net"
}

by_postfix() { relayed Postfix "$POSTFIX_PORT" "$1"; }
by_exim() { relayed Exim "$EXIM_PORT" "$1"; }
by_opensmtpd() { relayed OpenSMTPD "$OPENSMTPD_PORT" "$1"; }

by_curl()
{
	local options=() scheme=smtp
	[ "$mode" != starttls ] || options+=(--ssl-reqd)
	[ "$mode" != implicit ] || scheme=smtps
	[ -z "$auth" ] || options+=(-u alice:secret)
	curl -m 20 -sS --crlf --cacert "$PEERS_CA" "${options[@]}" \
	    --mail-from ann@example.net --mail-rcpt "$1" -T message \
	    "$scheme://localhost:$port/client.example.net"
}

by_msmtp()
{
	local options=()
	[ "$mode" != clear ] || options+=(--tls=off)
	[ "$mode" != implicit ] || options+=(--tls-starttls=off)
	[ -z "$auth" ] ||
		options+=(--auth=plain --user=alice --passwordeval='echo secret')
	peer msmtp --host=localhost --port="$port" --tls --auth=off \
	    --tls-trust-file="$PEERS_CA" --domain=client.example.net \
	    "${options[@]}" -f ann@example.net "$1" <message
}

by_swaks()
{
	local options=()
	[ "$mode" != starttls ] || options+=(--tls)
	[ "$mode" != implicit ] || options+=(--tlsc)
	[ "$mode" = clear ] || options+=(--tls-verify --tls-ca-path "$PEERS_CA")
	[ -z "$auth" ] || options+=(-a PLAIN -au alice -ap secret)
	swaks -s localhost -p "$port" --ehlo client.example.net \
	    -f ann@example.net -t "$1" --data @unended "${options[@]}"
}

by_smtplib()
{
	"$PYTHON" - "$port" "$PEERS_CA" "$1" "$mode" "$auth" <<-'END'
		import smtplib, ssl, sys
		port, ca, to, mode, auth = sys.argv[1:]
		context = ssl.create_default_context(cafile=ca)
		where = "localhost", int(port), "client.example.net"
		if mode == "implicit":
		    s = smtplib.SMTP_SSL(*where, timeout=20, context=context)
		else:
		    s = smtplib.SMTP(*where, timeout=20)
		if mode == "starttls":
		    s.starttls(context=context)
		if auth:
		    s.login("alice", "secret")
		s.sendmail("ann@example.net", to, open("wire", "rb").read(),
		    ["BODY=8BITMIME"])
		s.quit()
	END
}

# It ends a message with an empty line of its own.
by_smtp-source()
{
	sent=longer protocol=SMTP
	smtp_source -F message -M client.example.net -f ann@example.net \
	    -t "$1" "127.0.0.1:$port"
}

# It says EHLO only to log in, like nullmailer.
by_s-nail()
{
	local options=() scheme=smtp
	[ "$mode" != starttls ] || options+=(-S smtp-use-starttls)
	[ "$mode" != implicit ] || scheme=smtps
	[ -z "$auth" ] || options+=(-S smtp-auth=plain -S user=alice
	    -S password=secret)
	(echo From ann Tue Nov 24 10:00:00 2026 && cat message && echo) >"$1.mbox"
	printf 'Resend 1 %s\nx\n' "$1" |
		MAILRC=/dev/null peer s-nail -n -# -Sv15-compat \
		    -S mta="$scheme://localhost:$port" -S smtp-auth=none \
		    -S hostname=client.example.net -S from=ann@example.net \
		    -S tls-ca-file="$PEERS_CA" -S tls-ca-no-defaults \
		    -S tls-verify=strict "${options[@]}" -f "$1.mbox"
	[ -n "$auth" ] || protocol=SMTP
}

# Its folders are where it was told to have them when it was made.
by_nullmailer()
{
	local dir options=(--port="$port" --x509cafile="$PEERS_CA")
	peers_need_root nullmailer
	peers_new_installed nullmailer
	dir=$new
	[ "$mode" != starttls ] || options+=(--starttls)
	[ "$mode" != implicit ] || options+=(--ssl)
	[ -z "$auth" ] || options+=(--user=alice --pass=secret)
	mkdir -p "$dir/etc/nullmailer" "$dir"/var/spool/nullmailer/{queue,tmp,failed}
	mkfifo -m 622 "$dir/var/spool/nullmailer/trigger"
	echo client.example.net >"$dir/etc/nullmailer/helohost"
	echo "localhost smtp ${options[*]}" >"$dir/etc/nullmailer/remotes"
	(printf '%s\n' ann@example.net "$1" "" && cat message) >"$dir/message"
	peers_spawn "$dir" unshare --mount --propagation private sh -euc \
	    "$PEERS_INSTALLED" sh "$dir" "$PEERS_ROOT" \
	    sh -c "nullmailer-queue <'$dir/message' && exec nullmailer-send"
	files "mail/${1%@*}/new" 1
	peers_stop "$PEERS_PID"
	[ -n "$auth" ] || protocol=SMTP
}

@test "Postfix, clear" { cell; }
@test "Postfix, clear, AUTH" { cell; }
@test "Postfix, STARTTLS" { cell; }
@test "Postfix, STARTTLS, AUTH" { cell; }
@test "Postfix, implicit" { cell; }
@test "Postfix, implicit, AUTH" { cell; }
@test "Postfix, LMTP" { cell; }

@test "Postfix hands several recipients over LMTP together" {
	local user
	peers_need_root Postfix
	maildirs mail/{one,two}.lmtp
	curl -m 20 -sS --crlf --mail-from ann@example.net \
	    --mail-rcpt one.lmtp@example.org --mail-rcpt two.lmtp@example.org \
	    -T message "smtp://127.0.0.1:$POSTFIX_PORT/client.example.net"
	for user in one two; do
		files "mail/$user.lmtp/new" 1
		grep -h 'with LMTP' "mail/$user.lmtp"/new/*
	done | uniq -c | sed 's/id .*/id ID/' >got
	same got <<-'END'
		      2 	by mx.example.org with LMTP id ID
	END
}

@test "Exim, clear" { cell; }
@test "Exim, clear, AUTH" { cell; }
@test "Exim, STARTTLS" { cell; }
@test "Exim, STARTTLS, AUTH" { cell; }
@test "Exim, implicit" { cell; }
@test "Exim, implicit, AUTH" { cell; }
@test "OpenSMTPD, clear" { cell; }
@test "OpenSMTPD, STARTTLS" { cell; }
@test "OpenSMTPD, STARTTLS, AUTH" { cell; }
@test "OpenSMTPD, implicit" { cell; }
@test "OpenSMTPD, implicit, AUTH" { cell; }
@test "s-nail, clear" { cell; }
@test "s-nail, clear, AUTH" { cell; }
@test "s-nail, STARTTLS" { cell; }
@test "s-nail, STARTTLS, AUTH" { cell; }
@test "s-nail, implicit" { cell; }
@test "s-nail, implicit, AUTH" { cell; }
@test "msmtp, clear" { cell; }
@test "msmtp, clear, AUTH" { cell; }
@test "msmtp, STARTTLS" { cell; }
@test "msmtp, STARTTLS, AUTH" { cell; }
@test "msmtp, implicit" { cell; }
@test "msmtp, implicit, AUTH" { cell; }
@test "swaks, clear" { cell; }
@test "swaks, clear, AUTH" { cell; }
@test "swaks, STARTTLS" { cell; }
@test "swaks, STARTTLS, AUTH" { cell; }
@test "swaks, implicit" { cell; }
@test "swaks, implicit, AUTH" { cell; }
@test "curl, clear" { cell; }
@test "curl, clear, AUTH" { cell; }
@test "curl, STARTTLS" { cell; }
@test "curl, STARTTLS, AUTH" { cell; }
@test "curl, implicit" { cell; }
@test "curl, implicit, AUTH" { cell; }
@test "smtplib, clear" { cell; }
@test "smtplib, clear, AUTH" { cell; }
@test "smtplib, STARTTLS" { cell; }
@test "smtplib, STARTTLS, AUTH" { cell; }
@test "smtplib, implicit" { cell; }
@test "smtplib, implicit, AUTH" { cell; }
@test "smtp-source, clear" { cell; }
@test "nullmailer, clear" { cell; }
@test "nullmailer, clear, AUTH" { cell; }
@test "nullmailer, STARTTLS" { cell; }
@test "nullmailer, STARTTLS, AUTH" { cell; }
@test "nullmailer, implicit" { cell; }
@test "nullmailer, implicit, AUTH" { cell; }
