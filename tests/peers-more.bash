# shellcheck shell=bash
# Sourced by peers.bash: the peers that want to be installed, each in a mount
# namespace where it seems to be, and the certificate for all.
#
#   peers_certificate                PEERS_CA, _CERT, _KEY: of localhost and
#                                    127.0.0.1, made once a run
#   exim_start [-d DOMAIN] [-u USER]... [-r PORT:TLS_PORT]
#                                    EXIM_PORT, _TLS_PORT, _DIR, _MAIL: as
#                                    postfix_start; STARTTLS, AUTH PLAIN, LOGIN
#                                    and CRAM-MD5, each user's password secret;
#                                    what is for another domain is relayed to
#                                    localhost, by the end of its local part:
#                                    .clear, .starttls or .implicit, each also
#                                    with .auth behind it
#   opensmtpd_start [-d DOMAIN] [-u USER]... [-r PORT:TLS_PORT]
#                                    OPENSMTPD_PORT, _TLS_PORT, _DIR, _MAIL
#   courier_start [-u USER]...       COURIER_POP3, _POP3S, _IMAP, _IMAPS, _DIR,
#                                    _MAIL: maildirs are _MAIL/USER
#   cyrus_start [-u USER]...         CYRUS_POP3, _POP3S, _IMAP, _IMAPS, _LMTP
#   aiosmtpd_start                   AIOSMTPD_PORT, _TLS_PORT, _MAIL: a message
#                                    is the file of its first recipient's name
#   peers_inside DIR COMMAND...      runs it where the server of DIR lives

# PEERS_INSTALLED DIR ROOT COMMAND...: run by sh in a new mount namespace. The
# unpacked packages lie over /usr and /etc, users have been added for them, and
# /run, /var/lib and /var/spool are folders of DIR.
# shellcheck disable=SC2016
PEERS_INSTALLED='
	dir=$1 root=$2
	shift 2
	unset LD_LIBRARY_PATH
	mount -t overlay peers -o lowerdir="$root/usr:/usr" /usr
	mount -t overlay peers -o lowerdir="$dir/etc:$root/etc:/etc" /etc
	for to in run var/lib var/spool; do
		mount --bind "$dir/$to" "/$to"
	done
	exec "$@"'

peers_inside()
(
	cd "$1" || return
	unset LD_LIBRARY_PATH
	exec nsenter --mount="/proc/$(cat pid)/ns/mnt" "${@:2}"
)

# peers_new_installed NAME USER...: sets new to the new folder of such a peer.
peers_new_installed()
{
	local user uid=64000
	peers_made "$1"
	peers_certificate
	mkdir -p "$new"/{etc/ssl/certs,mail,run/lock,var/lib,var/spool}
	cp "$PEERS_CA" "$new/etc/ssl/certs/ca-certificates.crt"
	chmod 755 "$new"/{etc,run,var,var/*}
	chown nobody "$new/mail"
	cp /etc/passwd /etc/group "$new/etc"
	for user in "${@:2}"; do
		((uid++))
		echo "$user:x:$uid:$uid::/nonexistent:/bin/false" >>"$new/etc/passwd"
		echo "$user:x:$uid:" >>"$new/etc/group"
	done
}

# peers_start_installed DIR PORT COMMAND...
peers_start_installed()
{
	local status=0
	peers_listen "$1" "$2" unshare --mount --propagation private \
	    sh -euc "$PEERS_INSTALLED" sh "$1" "$PEERS_ROOT" "${@:3}" || status=1
	echo "$PEERS_PID" >"$1/pid"
	return $status
}

peers_certificate()
{
	local dir=${BATS_RUN_TMPDIR:-$PEERS_TMP}/tls new
	PEERS_CA=$dir/ca PEERS_CERT=$dir/cert PEERS_KEY=$dir/key
	[ ! -e "$dir" ] || return 0
	new=$(mktemp -d "$dir.XXXXXX")
	peers_issue "$new" >/dev/null 2>&1
	chmod 755 "$new"
	# Another file may have been quicker; its certificate is as good.
	mv -T "$new" "$dir" 2>/dev/null || rm -r "$new"
}

# RSA, because OpenSMTPD can have no other keys.
peers_issue()
(
	cd "$1" || return
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 \
	    -nodes -days 2 -keyout ca.key -out ca -subj /CN=peers
	openssl req -newkey rsa:2048 -nodes -keyout key -out request \
	    -subj /CN=localhost
	openssl x509 -req -in request -CA ca -CAkey ca.key -days 2 \
	    -out cert -extfile - <<-END
		subjectAltName = DNS:localhost, IP:127.0.0.1
	END
)

peers_relays=({clear,starttls,implicit}{,.auth})

exim_start()
{
	local OPTIND=1 option users=() relay="" domain=example.org new
	peers_need_root Exim || return
	while getopts d:u:r: option; do
		case $option in
		d) domain=$OPTARG ;;
		u) users+=("$OPTARG") ;;
		r) relay=$OPTARG ;;
		*) return 64 ;;
		esac
	done
	((${#users[@]})) || users=(alice bob)
	free_port EXIM_PORT
	free_port EXIM_TLS_PORT
	peers_new_installed exim Debian-exim
	EXIM_DIR=$new
	peers_certificate
	# shellcheck disable=SC2034 # for the caller
	EXIM_MAIL=$EXIM_DIR/mail
	mkdir "$EXIM_DIR/etc/exim4" "$EXIM_DIR/logs"
	install -m 644 "$PEERS_CERT" "$PEERS_KEY" "$EXIM_DIR/etc/exim4"
	chown 64001:64001 "$EXIM_DIR/logs" "$EXIM_MAIL"
	peers_exim_conf >"$EXIM_DIR/etc/exim4/exim4.conf"
	peers_start_installed "$EXIM_DIR" "$EXIM_PORT" /usr/sbin/exim4 -bdf ||
		return
	wait_port "$EXIM_TLS_PORT" "$PEERS_PID"
}

peers_exim_conf()
{
	local here how port
	here=$(printf ' : %s' "${users[@]}")
	cat <<-END
		primary_hostname = exim.example.org
		log_file_path = $EXIM_DIR/logs/%s
		local_interfaces = 127.0.0.1
		daemon_smtp_ports = $EXIM_PORT : $EXIM_TLS_PORT
		tls_on_connect_ports = $EXIM_TLS_PORT
		tls_advertise_hosts = *
		tls_certificate = /etc/exim4/cert
		tls_privatekey = /etc/exim4/key
		trusted_users = root
		deliver_drop_privilege
		keep_environment =
		disable_ipv6 = true
		host_lookup =
		rfc1413_query_timeout = 0s
		smtp_accept_max = 0
		smtp_accept_queue_per_connection = 0
		acl_smtp_rcpt = rcpt
		acl_smtp_data = accept
		begin acl
		rcpt:
		  require verify = recipient
		  accept
		begin routers
		here:
		  driver = accept
		  domains = $domain
		  local_parts = ${here# : }
		  transport = maildir
	END
	[ -z "$relay" ] || for how in "${peers_relays[@]}"; do
		[[ $how == implicit* ]] && port=${relay#*:} || port=${relay%:*}
		cat <<-END
			${how/./_}:
			  driver = manualroute
			  domains = ! $domain
			  local_parts = ^.*\\\\.${how/./\\\\.}\\\$
			  route_list = * localhost::$port byname
			  self = send
			  transport = ${how/./_}
		END
	done
	cat <<-END
		begin transports
		maildir:
		  driver = appendfile
		  directory = $EXIM_MAIL/\$local_part_data
		  maildir_format
		  create_directory
		  return_path_add
	END
	[ -z "$relay" ] || for how in "${peers_relays[@]}"; do
		cat <<-END
			${how/./_}:
			  driver = smtp
			  tls_verify_certificates = $PEERS_CA
		END
		case $how in
		clear*) echo '  hosts_avoid_tls = *' ;;
		starttls*) echo '  hosts_require_tls = *' ;;
		implicit*) echo '  protocol = smtps' ;;
		esac
		[[ $how != *.auth ]] || echo '  hosts_require_auth = *'
	done
	cat <<-END
		begin retry
		* * F,1h,1h
		begin authenticators
		plain:
		  driver = plaintext
		  public_name = PLAIN
		  server_prompts = :
		  server_condition = \${if eq{\$auth3}{secret}}
		  server_set_id = \$auth2
		  client_send = ^alice^secret
		login:
		  driver = plaintext
		  public_name = LOGIN
		  server_prompts = Username:: : Password::
		  server_condition = \${if eq{\$auth2}{secret}}
		  server_set_id = \$auth1
		cram:
		  driver = cram_md5
		  public_name = CRAM-MD5
		  server_secret = secret
		  server_set_id = \$auth1
	END
}

opensmtpd_start()
{
	local OPTIND=1 option users=() relay="" domain=example.org nobody crypt new
	peers_need_root OpenSMTPD || return
	while getopts d:u:r: option; do
		case $option in
		d) domain=$OPTARG ;;
		u) users+=("$OPTARG") ;;
		r) relay=$OPTARG ;;
		*) return 64 ;;
		esac
	done
	((${#users[@]})) || users=(alice bob)
	free_port OPENSMTPD_PORT
	free_port OPENSMTPD_TLS_PORT
	peers_new_installed opensmtpd opensmtpd opensmtpq
	OPENSMTPD_DIR=$new
	peers_certificate
	# shellcheck disable=SC2034 # for the caller
	OPENSMTPD_MAIL=$OPENSMTPD_DIR/mail
	mkdir -p "$OPENSMTPD_DIR"/var/lib/opensmtpd/empty
	install -m 600 "$PEERS_CERT" "$PEERS_KEY" "$OPENSMTPD_DIR/etc"
	nobody=$(id -u nobody):$(id -g nobody):$OPENSMTPD_MAIL
	crypt=$(openssl passwd -5 secret)
	printf "%s $nobody\n" "${users[@]}" >"$OPENSMTPD_DIR/etc/users"
	printf "%s ${crypt//%/%%}\n" "${users[@]}" >"$OPENSMTPD_DIR/etc/passwords"
	peers_opensmtpd_conf >"$OPENSMTPD_DIR/etc/smtpd.conf"
	peers_start_installed "$OPENSMTPD_DIR" "$OPENSMTPD_PORT" \
	    env LD_PRELOAD="$PEERS_ROOT/opensmtpd.so" /usr/sbin/smtpd -d ||
		return
	wait_port "$OPENSMTPD_TLS_PORT" "$PEERS_PID"
}

peers_opensmtpd_conf()
{
	local how to
	cat <<-END
		pki localhost cert "/etc/cert"
		pki localhost key "/etc/key"
		table users file:/etc/users
		table passwords file:/etc/passwords
		table secrets { me = "alice:secret" }
		listen on 127.0.0.1 port $OPENSMTPD_PORT tls pki localhost auth-optional <passwords> hostname opensmtpd.example.org
		listen on 127.0.0.1 port $OPENSMTPD_TLS_PORT smtps pki localhost auth-optional <passwords> hostname opensmtpd.example.org
		action "here" maildir "$OPENSMTPD_MAIL/%{user.username}" userbase <users>
		match from any for domain "$domain" action "here"
	END
	[ -z "$relay" ] || for how in "${peers_relays[@]}"; do
		case $how in
		clear.auth) continue ;; # not with OpenSMTPD
		clear) to="smtp+notls://localhost:${relay%:*}" ;;
		starttls*) to="smtp+tls://me@localhost:${relay%:*}" ;;
		implicit*) to="smtps://me@localhost:${relay#*:}" ;;
		esac
		to="\"$to\" auth <secrets>"
		[[ $how == *.auth ]] || to=$(sed 's/me@//; s/ auth.*//' <<<"$to")
		cat <<-END
			action "$how" relay host $to helo "opensmtpd.example.org"
			match from any for any rcpt-to regex ".*\\.$how@.*" action "$how"
		END
	done
}

courier_start()
{
	local OPTIND=1 option users=() port new
	peers_need_root Courier || return
	while getopts u: option; do
		case $option in
		u) users+=("$OPTARG") ;;
		*) return 64 ;;
		esac
	done
	((${#users[@]})) || users=(alice bob)
	peers_certificate
	free_port COURIER_POP3
	free_port COURIER_POP3S
	free_port COURIER_IMAP
	free_port COURIER_IMAPS
	peers_new_installed courier courier
	COURIER_DIR=$new
	# shellcheck disable=SC2034 # for the caller
	COURIER_MAIL=$COURIER_DIR/mail
	mkdir -p "$COURIER_DIR"/etc/courier "$COURIER_DIR"/run/courier/authdaemon
	cat "$PEERS_KEY" "$PEERS_CERT" >"$COURIER_DIR/etc/courier/pem"
	cat >"$COURIER_DIR/etc/courier/authdaemonrc" <<-END
		authmodulelist="authuserdb"
		daemons=2
		authdaemonvar=/run/courier/authdaemon
	END
	peers_courier_script >"$COURIER_DIR/script"
	peers_start_installed "$COURIER_DIR" "$COURIER_IMAPS" \
	    sh -eu "$COURIER_DIR/script" || return
	for port in "$COURIER_POP3" "$COURIER_POP3S" "$COURIER_IMAP"; do
		wait_port "$port" "$PEERS_PID" || return
	done
	peers_wait 400 "$PEERS_PID" \
	    test -S "$COURIER_DIR/run/courier/authdaemon/socket"
}

# The daemons as /usr/lib/courier's scripts start them.
peers_courier_script()
{
	cat <<-END
		umask 077
		for user in ${users[*]}; do
			maildirmake.courier $COURIER_MAIL/\$user
			printf '%s	uid=%d|gid=%d|home=%s|mail=%s|systempw=%s|hmac-md5pw=%s\n' \
			    \$user $(id -u nobody) $(id -g nobody) $COURIER_MAIL \
			    $COURIER_MAIL/\$user '$(openssl passwd -6 secret)' \
			    \$(echo secret | userdbpw -hmac-md5)
		done >$COURIER_DIR/etc/courier/userdb
		chown -R nobody:nogroup $COURIER_MAIL
		makeuserdb -f $COURIER_DIR/etc/courier/userdb
		chmod -R a+rX '$COURIER_DIR/etc/courier' /run/courier
		/usr/lib/courier/courier-authlib/authdaemond &
		export COURIERTLS=/usr/bin/couriertls TLS_CERTFILE=/etc/courier/pem
		export TLS_VERIFYPEER=NONE IMAP_CAPABILITY="IMAP4rev1 UIDPLUS CHILDREN NAMESPACE IDLE AUTH=CRAM-MD5 AUTH=PLAIN"
		export IMAP_CAPABILITY_TLS="\$IMAP_CAPABILITY"
		export POP3AUTH="PLAIN LOGIN CRAM-MD5" POP3AUTH_TLS="PLAIN LOGIN CRAM-MD5"
		export IMAP_USELOCKS=0 IMAP_MAILBOX_SANITY_CHECK=0 IMAP_OBSOLETE_CLIENT=0
		tcpd()
		{
			couriertcpd -address=127.0.0.1 -maxprocs=40 -maxperip=40 \\
			    -nodnslookup -noidentlookup "\$@" &
		}
		cd /usr/lib/courier/courier
		POP3_STARTTLS=YES tcpd $COURIER_POP3 \$PWD/courierpop3login \\
		    \$PWD/courierpop3d .
		POP3_TLS=1 tcpd $COURIER_POP3S \$COURIERTLS -server -tcpd \\
		    \$PWD/courierpop3login \$PWD/courierpop3d .
		IMAP_STARTTLS=YES tcpd $COURIER_IMAP \$PWD/imaplogin /usr/bin/imapd .
		IMAP_TLS=1 tcpd $COURIER_IMAPS \$COURIERTLS -server -tcpd \\
		    \$PWD/imaplogin /usr/bin/imapd .
		wait
	END
}

cyrus_start()
{
	local OPTIND=1 option users=() port new
	peers_need_root Cyrus || return
	while getopts u: option; do
		case $option in
		u) users+=("$OPTARG") ;;
		*) return 64 ;;
		esac
	done
	((${#users[@]})) || users=(alice bob)
	peers_certificate
	free_port CYRUS_POP3
	free_port CYRUS_POP3S
	free_port CYRUS_IMAP
	free_port CYRUS_IMAPS
	free_port CYRUS_LMTP
	peers_new_installed cyrus cyrus
	CYRUS_DIR=$new
	mkdir -p "$CYRUS_DIR"/var/{lib,spool}/cyrus "$CYRUS_DIR"/run/cyrus/{proc,lock,socket}
	install -m 644 "$PEERS_CERT" "$PEERS_KEY" "$CYRUS_DIR/etc"
	peers_cyrus_conf >"$CYRUS_DIR/etc/cyrus.conf"
	peers_imapd_conf >"$CYRUS_DIR/etc/imapd.conf"
	chown -R 64001:64001 "$CYRUS_DIR"/{var,run}
	peers_start_installed "$CYRUS_DIR" "$CYRUS_LMTP" sh -euc '
		for user; do
			echo secret | saslpasswd2 -p -c -u cyrus \
			    -f /var/lib/cyrus/sasldb "$user"
		done
		chown cyrus /var/lib/cyrus/sasldb
		exec /usr/lib/cyrus/bin/master -D' sh "${users[@]}" || return
	for port in "$CYRUS_POP3" "$CYRUS_POP3S" "$CYRUS_IMAP" "$CYRUS_IMAPS"; do
		wait_port "$port" "$PEERS_PID" || return
	done
}

peers_cyrus_conf()
{
	cat <<-END
		START {
		  recover cmd="/usr/sbin/cyrus ctl_cyrusdb -r"
		}
		SERVICES {
		  imap cmd="imapd" listen="127.0.0.1:$CYRUS_IMAP" prefork=0
		  imaps cmd="imapd -s" listen="127.0.0.1:$CYRUS_IMAPS" prefork=0
		  pop3 cmd="pop3d" listen="127.0.0.1:$CYRUS_POP3" prefork=0
		  pop3s cmd="pop3d -s" listen="127.0.0.1:$CYRUS_POP3S" prefork=0
		  lmtp cmd="lmtpd -a" listen="127.0.0.1:$CYRUS_LMTP" prefork=0
		}
		EVENTS {
		}
	END
}

peers_imapd_conf()
{
	cat <<-END
		configdirectory: /var/lib/cyrus
		proc_path: /run/cyrus/proc
		mboxname_lockpath: /run/cyrus/lock
		defaultpartition: default
		partition-default: /var/spool/cyrus/mail
		sievedir: /var/lib/cyrus/sieve
		servername: cyrus
		allowplaintext: yes
		allowapop: no
		autocreate_post: yes
		autocreate_quota: 0
		sasl_pwcheck_method: auxprop
		sasl_auxprop_plugin: sasldb
		sasl_sasldb_path: /var/lib/cyrus/sasldb
		sasl_mech_list: PLAIN LOGIN CRAM-MD5 DIGEST-MD5 SCRAM-SHA-1 SCRAM-SHA-256
		tls_server_cert: /etc/cert
		tls_server_key: /etc/key
	END
}

aiosmtpd_start()
{
	local new dir
	peers_certificate
	peers_made aiosmtpd
	dir=$new
	free_port AIOSMTPD_PORT
	free_port AIOSMTPD_TLS_PORT
	# shellcheck disable=SC2034 # for the caller
	AIOSMTPD_MAIL=$dir/mail
	mkdir "$dir/mail"
	peers_listen "$dir" "$AIOSMTPD_TLS_PORT" env \
	    PYTHONPATH="$PEERS_ROOT/usr/lib/python3/dist-packages" \
	    PYTHONDONTWRITEBYTECODE=1 "$PYTHON" \
	    "${BASH_SOURCE[0]%/*}/lib/aio.py" "$AIOSMTPD_PORT" \
	    "$AIOSMTPD_TLS_PORT" "$PEERS_CERT" "$PEERS_KEY" "$dir/mail"
}
