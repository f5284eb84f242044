# shellcheck shell=bash
# Real peers for tests: unpacked by tests/deps, run on loopback at free ports.
#
# Source this, call a *_start function in setup, setup_file or a test (never in
# a subshell: it sets variables), and peers_stop in teardown or teardown_file.
# Each function returns when the peer listens, or fails and shows its log.
#
#   free_port NAME                   sets NAME to a port that is free, and stays
#                                    ours
#   wait_port PORT [PID]             until PORT listens; fails early without PID
#   peer NAME [ARG...]               runs a peer's program (smtp-source, mpop)
#   smtp_source [ARG...]             Postfix's load generator
#   smtp_sink [OPTION...]            SMTP_SINK_PORT
#   postfix_start [-s] [-d DOMAIN] [-u USER]... [-r HOST:PORT]
#                 [-o 'NAME=VALUE']... [-m LINE]...
#                                    POSTFIX_PORT, _DIR, _LOG, _MAIL: USER@DOMAIN
#                                    (alice, bob at example.org) go to the
#                                    maildirs _MAIL/USER, others to HOST:PORT;
#                                    -s: _TLS_PORT, TLS, and AUTH by Dovecot's
#                                    $DOVECOT_AUTH; -m: a line of master.cf
#   postfix_sendmail, postfix_queue [ARG...]     its sendmail and postqueue
#   dovecot_start [-s] [-u USER[:PASSWORD[:MAILDIR]]]... [-o LINE]...
#                                    DOVECOT_POP3, _IMAP, _LMTP (ports),
#                                    _LMTP_SOCKET, _LOG, _MAIL: maildirs are
#                                    _MAIL/USER (alice, bob; password secret);
#                                    -s: _POP3S, _IMAPS, _SUBMISSION and
#                                    _SUBMISSIONS, TLS and SASL, what is
#                                    submitted goes to HOST:PORT $DOVECOT_RELAY
#   peers_token USER                 an OAuth token for dovecot_start -s
#   xinetd_start PORT COMMAND [ARG...]
#   inetd_start PORT nowait|wait USER COMMAND [ARG...]
#   tcpserver_start PORT COMMAND [ARG...]
#   systemd_activate [-a] [--inetd] [-E NAME=VALUE]... PORT COMMAND [ARG...]
#   dnsmasq_start LINE...            DNSMASQ_PORT, at 127.0.0.1: answers from its
#                                    configuration, as mx-host=a.example,mx,10;
#                                    other names are NXDOMAIN
#   peers_stop [PID...]              ends these, or all; nothing remains
#
# PEERS_PID is the one started last. Outside bats set PEERS_TMP to a folder.

PEERS_ROOT=${TOP:-$(cd "${BASH_SOURCE[0]%/*}/.." && pwd)}/build/peers
PEERS_LIBS=$PEERS_ROOT/libs
PEERS_SASL=("$PEERS_ROOT"/usr/lib/*/sasl2)
# Not the first python3 of PATH, which need not be Debian's.
# shellcheck disable=SC2034 # for those who source this
PYTHON=/usr/bin/python3
PEERS_USER=root
[ "$EUID" = 0 ] || PEERS_USER=$(id -un)

# shellcheck source=tests/peers-more.bash
. "${BASH_SOURCE[0]%/*}/peers-more.bash"

peers_dir()
{
	local at
	peers_at
	echo "$at"
}

# Sets at to what peers_dir prints. What costs most here is processes: what is
# called often sets a variable instead.
peers_at()
{
	at=${PEERS_TMP:-${BATS_TEST_TMPDIR:-${BATS_FILE_TMPDIR:?}}}/peers
}

peers_need_root()
{
	[ "$EUID" = 0 ] || skip "$1 must be started by root"
}

peer_path()
{
	local program
	peers_program "$1" && echo "$program"
}

# Sets program to what peer_path prints.
peers_program()
{
	for program in "$PEERS_ROOT"/usr/{sbin,bin}/"$1"; do
		[ ! -x "$program" ] || return 0
	done
	program=$(type -P "$1") || {
		echo "peers: $1 is absent: run tests/deps check" >&2
		return 1
	}
}

peer()
{
	local program
	peers_program "$1" || return
	shift
	LD_LIBRARY_PATH=$PEERS_LIBS "$program" "$@"
}

# Connecting would count as a client, so the kernel is asked.
peers_bound()
{
	local hex table
	printf -v hex '%04X' "$1"
	for table in /proc/net/tcp{,6}; do
		[ -e "$table" ] || continue
		read -rd '' table <"$table" || :
		[[ ! $table =~ :$hex\ [0-9A-F]+:[0-9A-F]{4}\ ${2-..}\  ]] || return 0
	done
	return 1
}

# Below the ephemeral range, where an outgoing connection could take the port
# before the peer does. The file keeps tests that run beside us away from it.
free_port()
{
	local - free
	set -C
	for _ in {1..100}; do
		free=$((10000 + SRANDOM % 22000))
		{ : >"${BATS_RUN_TMPDIR:-$PEERS_TMP}/port-$free"; } 2>/dev/null ||
			continue
		peers_bound "$free" && continue
		printf -v "$1" %s "$free"
		return
	done
	return 1
}

peers_pipe=

# peers_wait TRIES PID COMMAND...: until COMMAND succeeds, some 40 tries a
# second. Without the process PID, if one is given, it fails at once.
peers_wait()
{
	local tries=$1 pid=$2
	shift 2
	until "$@"; do
		((tries-- > 0)) || return 1
		[ -z "$pid" ] || kill -0 "$pid" 2>/dev/null || return 1
		peers_pause
	done
}

# As sleep, without a process: nothing is ever written to that pipe.
peers_pause()
{
	local pipe=${BATS_RUN_TMPDIR:-$PEERS_TMP}/pause
	[ -n "$peers_pipe" ] || {
		[ -p "$pipe" ] || mkfifo "$pipe" 2>/dev/null || :
		exec {peers_pipe}<>"$pipe"
	}
	read -rt 0.02 -u "$peers_pipe" || :
}

wait_port()
{
	peers_wait 800 "${2-}" peers_bound "$1" 0A && return
	echo "peers: nothing listens on port $1" >&2
	return 1
}

# peers_new NAME: makes a folder for one peer and prints it. Peers that change
# their user must be able to reach it.
peers_new()
{
	local new
	peers_made "$1" && echo "$new"
}

# Sets new to what peers_new prints.
peers_made()
{
	local at above=()
	peers_at
	new=$at/$1.$((SRANDOM % 1000000)) # paths of sockets are short
	[ "$EUID" = 0 ] || {
		mkdir -p "$new"
		return
	}
	[ -d "$at" ] || {
		mkdir -p "$at"
		while [[ $at == "${BATS_RUN_TMPDIR:-$PEERS_TMP}"* ]]; do
			above+=("$at")
			at=${at%/*}
		done
		chmod a+x "${above[@]}"
	}
	mkdir -m 711 "$new"
}

# peers_spawn DIR COMMAND...: in a session of its own, by which peers_stop finds
# all of it, and ended by the kernel should bats itself be killed.
peers_spawn()
{
	local dir=$1 at
	shift
	(
		# bats waits for whoever holds its descriptors.
		for fd in /proc/self/fd/*; do
			fd=${fd##*/}
			((fd < 3)) || eval "exec $fd>&-"
		done
		export LD_LIBRARY_PATH=$PEERS_LIBS
		exec setsid setpriv --pdeathsig TERM "$@" \
		    </dev/null >>"$dir/log" 2>&1
	) &
	PEERS_PID=$!
	disown
	peers_at
	echo "$PEERS_PID" >>"$at/pids"
}

# peers_listen DIR PORT COMMAND...
peers_listen()
{
	local dir=$1 port=$2
	shift 2
	peers_spawn "$dir" "$@"
	wait_port "$port" "$PEERS_PID" && return
	cat "$dir/log" >&2
	return 1
}

# Sets family to the living processes of the sessions led by the given pids, and
# all their descendants, sessions of their own or not.
peers_family()
{
	local -A parent=() session=() known=() in=()
	local id found=1
	family=()
	for id; do known[$id]=1; done
	for id in /proc/[0-9]*; do
		id=${id#/proc/}
		peers_lives "$id" || continue
		parent[$id]=${BASH_REMATCH[1]}
		session[$id]=${BASH_REMATCH[2]}
	done
	while ((found)); do
		found=0
		for id in "${!parent[@]}"; do
			[ -z "${in[$id]-}" ] || continue
			[ -n "${known[${session[$id]}]-}${in[${parent[$id]}]-}" ] ||
				continue
			in[$id]=1
			family+=("$id")
			found=1
		done
	done
}

# peers_lives PID: sets BASH_REMATCH to its parent and its session. A name has
# any characters.
peers_lives()
{
	local stat=
	{ read -rd '' stat <"/proc/$1/stat"; } 2>/dev/null || :
	[[ $stat =~ .*\)\ [^Z]\ ([0-9]+)\ [0-9]+\ ([0-9]+)\  ]]
}

# A `return' that says nothing has the status of what was before the trap, in one.
peers_gone()
{
	local pid
	for pid; do
		! peers_lives "$pid" || return 1
	done
}

# What does not go at once when asked has nothing to save here: Dovecot takes
# a second. Only the family is killed: a pid on file may be somebody else's now.
peers_stop()
{
	local at pids=("$@") pid family more leaders=()
	peers_at
	[ -e "$at/pids" ] || return 0
	(($#)) || mapfile -t pids <"$at/pids"
	peers_family "${pids[@]}"
	for pid in "${pids[@]}"; do
		[[ " ${family[*]} " != *" $pid "* ]] || leaders+=("$pid")
	done
	kill "${leaders[@]}" 2>/dev/null || :
	for _ in 1 2 3; do
		peers_wait 10 "" peers_gone "${family[@]}" && break
		more=("${family[@]}")
		peers_family "${pids[@]}"
		family+=("${more[@]}")
		kill -s KILL "${family[@]}" 2>/dev/null || :
	done
	(($#)) || rm -rf "$at"
	peers_gone "${family[@]}"
}

smtp_source()
{
	peer smtp-source "$@"
}

smtp_sink()
{
	local new program user=()
	# Root must name a user; others may not.
	[ "$EUID" != 0 ] || user=(-u root)
	peers_made smtp-sink
	peers_program smtp-sink || return
	free_port SMTP_SINK_PORT
	peers_listen "$new" "$SMTP_SINK_PORT" \
	    "$program" "${user[@]}" "$@" "127.0.0.1:$SMTP_SINK_PORT" 128
}

postfix_start()
{
	local OPTIND=1 option domain=example.org users=() relay="" extra=() user
	local new secure="" master=()
	peers_need_root Postfix || return
	while getopts sd:u:r:o:m: option; do
		case $option in
		s) secure=1 ;;
		m) master+=("$OPTARG") ;;
		d) domain=$OPTARG ;;
		u) users+=("$OPTARG") ;;
		r) relay="[${OPTARG%:*}]:${OPTARG##*:}" ;;
		o) extra+=("$OPTARG") ;;
		*) return 64 ;;
		esac
	done
	((${#users[@]})) || users=(alice bob)
	free_port POSTFIX_PORT
	peers_made postfix
	POSTFIX_DIR=$new
	# shellcheck disable=SC2034 # for the caller
	POSTFIX_LOG=$POSTFIX_DIR/log
	# shellcheck disable=SC2034
	POSTFIX_MAIL=$POSTFIX_DIR/mail
	peers_postfix_folders "$POSTFIX_DIR"
	for user in "${users[@]}"; do
		echo "$user@$domain $user/"
	done >"$POSTFIX_DIR/etc/users"
	peers_postfix_main "$POSTFIX_DIR" "$domain" "$relay" \
	    >"$POSTFIX_DIR/etc/main.cf"
	peers_postfix_master "$POSTFIX_PORT" >"$POSTFIX_DIR/etc/master.cf"
	[ -z "$secure" ] || peers_postfix_secure
	((${#master[@]} == 0)) ||
		printf '%s\n' "${master[@]}" >>"$POSTFIX_DIR/etc/master.cf"
	((${#extra[@]} == 0)) ||
		printf '%s\n' "${extra[@]}" >>"$POSTFIX_DIR/etc/main.cf"
	# Postfix waits two seconds for a young file to be complete.
	touch -d '1 minute ago' "$POSTFIX_DIR"/etc/*
	peers_listen "$POSTFIX_DIR" "$POSTFIX_PORT" \
	    env MAIL_CONFIG="$POSTFIX_DIR/etc" SASL_PATH="${PEERS_SASL[0]}" \
	    "$PEERS_ROOT/usr/lib/postfix/sbin/master" -d
}

# The users that every Debian has stand for postfix and postdrop.
peers_postfix_folders()
(
	cd "$1" || return
	mkdir etc data mail queue
	chown mail data
	chown nobody mail
	chmod 755 etc queue
	cd queue || return
	mkdir pid active bounce corrupt defer deferred flush hold incoming \
	    private saved trace maildrop public
	chown mail ./*
	chown root pid
	chmod 700 ./*
	chgrp uucp maildrop public
	chmod 730 maildrop
	chmod 710 public
)

peers_postfix_main()
{
	cat <<-END
		compatibility_level = 3.6
		queue_directory = $1/queue
		data_directory = $1/data
		command_directory = $PEERS_ROOT/usr/sbin
		daemon_directory = $PEERS_ROOT/usr/lib/postfix/sbin
		shlib_directory = $PEERS_ROOT/usr/lib/postfix
		meta_directory = $PEERS_ROOT/usr/share/postfix
		sendmail_path = $PEERS_ROOT/usr/sbin/sendmail
		import_environment = MAIL_CONFIG MAIL_LOGTAG TZ LANG=C LD_LIBRARY_PATH SASL_PATH
		export_environment = MAIL_CONFIG TZ LANG LD_LIBRARY_PATH
		mail_owner = mail
		setgid_group = uucp
		maillog_file = $1/log
		maillog_file_prefixes = $1
		myhostname = postfix.$2
		mydomain = $2
		myorigin = $2
		mydestination =
		local_recipient_maps =
		local_transport = error:no local users
		alias_maps =
		alias_database =
		biff = no
		inet_interfaces = 127.0.0.1
		inet_protocols = ipv4
		mynetworks = 127.0.0.0/8
		smtpd_peername_lookup = no
		smtp_dns_support_level = disabled
		smtp_host_lookup = native
		relayhost = $3
		virtual_mailbox_domains = $2
		virtual_mailbox_base = $1/mail
		virtual_mailbox_maps = texthash:$1/etc/users
		virtual_uid_maps = static:$(id -u nobody)
		virtual_gid_maps = static:$(id -g nobody)
	END
}

peers_postfix_master()
{
	cat <<-END
		127.0.0.1:$1 inet n - n - - smtpd
		pickup unix n - n 60 1 pickup
		cleanup unix n - n - 0 cleanup
		qmgr unix n - n 300 1 qmgr
		rewrite unix - - n - - trivial-rewrite
		bounce unix - - n - 0 bounce
		defer unix - - n - 0 bounce
		trace unix - - n - 0 bounce
		verify unix - - n - 1 verify
		flush unix n - n 1000? 0 flush
		proxymap unix - - n - - proxymap
		proxywrite unix - - n - 1 proxymap
		smtp unix - - n - - smtp
		relay unix - - n - - smtp
		lmtp unix - - n - - lmtp
		showq unix n - n - - showq
		error unix - - n - - error
		retry unix - - n - - error
		discard unix - - n - - discard
		virtual unix - n n - - virtual
		anvil unix - - n - 1 anvil
		scache unix - - n - 1 scache
		tlsmgr unix - - n 1000? 1 tlsmgr
		postlog unix-dgram n - n - 1 postlogd
	END
}

peers_postfix_secure()
{
	free_port POSTFIX_TLS_PORT
	peers_certificate
	cat >>"$POSTFIX_DIR/etc/main.cf" <<-END
		smtpd_tls_security_level = may
		smtpd_tls_cert_file = $PEERS_CERT
		smtpd_tls_key_file = $PEERS_KEY
		smtpd_sasl_auth_enable = yes
		smtpd_sasl_authenticated_header = yes
		smtpd_sasl_type = dovecot
		smtpd_sasl_path = $DOVECOT_AUTH
		smtpd_sasl_security_options =
		smtp_tls_CAfile = $PEERS_CA
	END
	echo "127.0.0.1:$POSTFIX_TLS_PORT inet n - n - - smtpd" \
	    "-o smtpd_tls_wrappermode=yes" >>"$POSTFIX_DIR/etc/master.cf"
}

postfix_sendmail()
{
	MAIL_CONFIG=$POSTFIX_DIR/etc peer sendmail "$@"
}

postfix_queue()
{
	MAIL_CONFIG=$POSTFIX_DIR/etc peer postqueue "$@"
}

dovecot_start()
{
	local OPTIND=1 option users=() extra=() secure="" new dir port
	peers_need_root Dovecot || return
	while getopts su:o: option; do
		case $option in
		s) secure=1 ;;
		u) users+=("$OPTARG") ;;
		o) extra+=("$OPTARG") ;;
		*) return 64 ;;
		esac
	done
	((${#users[@]})) || users=(alice bob)
	free_port DOVECOT_POP3
	free_port DOVECOT_IMAP
	free_port DOVECOT_LMTP
	peers_new_installed dovecot
	dir=$new
	DOVECOT_LMTP_SOCKET=$dir/lmtp
	DOVECOT_AUTH=$dir/auth
	# shellcheck disable=SC2034 # for the caller
	DOVECOT_MAIL=$dir/mail
	# shellcheck disable=SC2034
	DOVECOT_LOG=$dir/log
	mkdir "$dir/home"
	chown nobody "$dir/home"
	peers_dovecot_users "$dir" "${users[@]}" >"$dir/users"
	peers_dovecot_conf "$dir" >"$dir/dovecot.conf"
	[ -z "$secure" ] || peers_dovecot_secure "$dir"
	((${#extra[@]} == 0)) ||
		printf '%s\n' "${extra[@]}" >>"$dir/dovecot.conf"
	peers_start_installed "$dir" "$DOVECOT_POP3" \
	    /usr/sbin/dovecot -F -c "$dir/dovecot.conf" || return
	for port in "$DOVECOT_IMAP" "$DOVECOT_LMTP" \
	    ${secure:+"$DOVECOT_POP3S" "$DOVECOT_IMAPS" "$DOVECOT_SUBMISSION"}; do
		wait_port "$port" "$PEERS_PID" || return
	done
	peers_wait 800 "$PEERS_PID" test -S "$DOVECOT_LMTP_SOCKET"
}

# A passwd-file. Dovecot serves no mail of root's, so a maildir that root made
# is given to nobody, and else served as its owner.
peers_dovecot_users()
{
	local dir=$1 entry name password maildir
	shift
	for entry; do
		IFS=: read -r name password maildir <<<"$entry"
		maildir=${maildir:-$dir/mail/$name}
		mkdir -p "$maildir"/{tmp,new,cur}
		[ "$(stat -c %u "$maildir")" != 0 ] ||
			chown -R nobody:nogroup "$maildir"
		printf '%s:{PLAIN}%s:%s:%s::%s::userdb_mail=maildir:%s\n' \
		    "$name" "${password:-secret}" \
		    "$(stat -c %u "$maildir")" "$(stat -c %g "$maildir")" \
		    "$dir/home/$name" "$maildir"
	done
}

peers_dovecot_conf()
{
	cat <<-END
		base_dir = $1/run
		state_dir = $1/run
		log_path = $1/log
		default_internal_user = mail
		default_internal_group = mail
		default_login_user = daemon
		first_valid_uid = 1
		first_valid_gid = 0
		listen = 127.0.0.1
		ssl = no
		disable_plaintext_auth = no
		auth_mechanisms = plain login
		auth_username_format = %n
		protocols = pop3 imap lmtp
		protocol lmtp {
		  auth_username_format = %n
		}
		passdb {
		  driver = passwd-file
		  args = scheme=PLAIN $1/users
		}
		userdb {
		  driver = passwd-file
		  args = $1/users
		}
		service pop3-login {
		  chroot =
		  inet_listener pop3 {
		    port = $DOVECOT_POP3
		  }
		  inet_listener pop3s {
		    port = 0
		  }
		}
		service imap-login {
		  chroot =
		  inet_listener imap {
		    port = $DOVECOT_IMAP
		  }
		  inet_listener imaps {
		    port = 0
		  }
		}
		service lmtp {
		  unix_listener $1/lmtp {
		    mode = 0666
		  }
		  inet_listener lmtp {
		    address = 127.0.0.1
		    port = $DOVECOT_LMTP
		  }
		}
		service anvil {
		  chroot =
		}
		service stats {
		  chroot =
		}
	END
}

# TLS, every mechanism, and submission to the host and port $DOVECOT_RELAY.
peers_dovecot_secure()
{
	free_port DOVECOT_POP3S
	free_port DOVECOT_IMAPS
	free_port DOVECOT_SUBMISSION
	free_port DOVECOT_SUBMISSIONS
	peers_certificate
	mkdir -p "$1/keys/default/HS256"
	printf 'a key that both sides know' | base64 >"$1/keys/default/HS256/default"
	cat >"$1/oauth2.conf" <<-END
		introspection_mode = local
		local_validation_key_dict = fs:posix:prefix=$1/keys/
		username_attribute = sub
	END
	cat >>"$1/dovecot.conf" <<-END
		ssl = yes
		ssl_cert = <$PEERS_CERT
		ssl_key = <$PEERS_KEY
		auth_mechanisms = plain login cram-md5 digest-md5 scram-sha-1 scram-sha-256 apop xoauth2 oauthbearer
		protocols = pop3 imap lmtp submission
		hostname = dovecot.example.org
		submission_relay_host = ${DOVECOT_RELAY%:*}
		submission_relay_port = ${DOVECOT_RELAY##*:}
		submission_relay_trusted = yes
		passdb {
		  driver = oauth2
		  mechanisms = xoauth2 oauthbearer
		  args = $1/oauth2.conf
		}
		service pop3-login {
		  inet_listener pop3s {
		    port = $DOVECOT_POP3S
		    ssl = yes
		  }
		}
		service imap-login {
		  inet_listener imaps {
		    port = $DOVECOT_IMAPS
		    ssl = yes
		  }
		}
		service submission-login {
		  chroot =
		  inet_listener submission {
		    port = $DOVECOT_SUBMISSION
		  }
		  inet_listener submissions {
		    port = $DOVECOT_SUBMISSIONS
		    ssl = yes
		  }
		}
		service auth {
		  unix_listener $DOVECOT_AUTH {
		    mode = 0666
		  }
		}
	END
}

# peers_token USER: for that Dovecot, of now.
peers_token()
{
	"$PYTHON" - "$1" <<-'END'
		import base64, hashlib, hmac, json, sys, time
		def text(octets):
		    return base64.urlsafe_b64encode(octets).rstrip(b"=")
		now = int(time.time())
		claims = {"sub": sys.argv[1], "iat": now - 60, "exp": now + 3600}
		token = text(b'{"alg":"HS256","typ":"JWT"}') + b"." + \
		    text(json.dumps(claims).encode())
		key = b"a key that both sides know"
		mac = hmac.new(key, token, hashlib.sha256).digest()
		print((token + b"." + text(mac)).decode())
	END
}

# peers_service NAME COMMAND [ARG...]: sets dir to the folder of a new peer and
# program to its program; dir/service is for sh. Super-servers split their lines
# at blanks without quoting, and should not hand our LD_LIBRARY_PATH on.
peers_service()
{
	local new
	peers_made "$1" && peers_program "$1" || return
	dir=$new
	shift
	{
		printf 'unset LD_LIBRARY_PATH\nexec'
		printf " '%s'" "${@//\'/\'\\\'\'}"
		echo
	} >"$dir/service"
}

xinetd_start()
{
	local port=$1 dir program
	shift
	peers_service xinetd "$@" || return
	cat >"$dir/conf" <<-END
		defaults
		{
			log_type = FILE $dir/log
			instances = UNLIMITED
			per_source = UNLIMITED
			cps = 100000 1
		}
		service test
		{
			type = UNLISTED
			socket_type = stream
			protocol = tcp
			wait = no
			bind = 127.0.0.1
			port = $port
			user = $PEERS_USER
			server = /bin/sh
			server_args = $dir/service
		}
	END
	peers_listen "$dir" "$port" \
	    "$program" -dontfork -f "$dir/conf" -pidfile "$dir/pid"
}

inetd_start()
{
	local port=$1 wait=$2 user=$3 dir program
	shift 3
	peers_service inetd "$@" || return
	echo "127.0.0.1:$port stream tcp $wait $user /bin/sh sh $dir/service" \
	    >"$dir/conf"
	peers_listen "$dir" "$port" "$program" -i -R 1000000 "$dir/conf"
}

tcpserver_start()
{
	local port=$1 dir program
	shift
	peers_service tcpserver "$@" || return
	peers_listen "$dir" "$port" "$program" -HRl0 -c 200 -b 128 \
	    127.0.0.1 "$port" /bin/sh "$dir/service"
}

systemd_activate()
{
	local options=() dir program
	while [[ $1 == -* ]]; do
		options+=("$1")
		[ "$1" != -E ] || {
			options+=("$2")
			shift
		}
		shift
	done
	local port=$1
	shift
	peers_service systemd-socket-activate "$@" || return
	peers_listen "$dir" "$port" "$program" "${options[@]}" \
	    -l "127.0.0.1:$port" /bin/sh "$dir/service"
}

dnsmasq_start()
{
	local new dir program
	peers_made dnsmasq
	dir=$new
	peers_program dnsmasq || return
	free_port DNSMASQ_PORT
	printf '%s\n' "$@" >"$dir/conf"
	peers_listen "$dir" "$DNSMASQ_PORT" "$program" --keep-in-foreground \
	    --conf-file="$dir/conf" --log-facility=- --pid-file= \
	    --user="$PEERS_USER" --group="$(id -gn)" --no-resolv --no-hosts \
	    --address=/#/ --bind-interfaces --listen-address=127.0.0.1 \
	    --port="$DNSMASQ_PORT"
}
