#!/usr/bin/env bats
# The POP3 software of others at pop3-serve: a line is a client, how it connects
# and how it logs in. Each takes two messages from a mailbox of its own, and
# removes them there.

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
	printf 'Subject: two\n\nno end of line' >unended
	(cat unended && echo) >two
	peers_certificate
	crypt=$(openssl passwd -6 secret)
	for user in {poplib,curl,mpop,fetchmail,getmail,s-nail}.{clear,stls,implicit}.{user,plain}; do
		echo "$user:$crypt"
	done >passwords
	chmod 600 passwords
	server_ours plain
	PORT=${address#*:}
	server_ours implicit --implicit
	TLS_PORT=${address#*:}
	export PORT TLS_PORT PEERS_CA
}

# server_ours NAME [--implicit]
server_ours()
{
	started "$1.log" tls-serve --cert "$PEERS_CERT" --key "$PEERS_KEY" \
	    "${@:2}" -- pop3-serve --listen 127.0.0.1:0 --auth-clear \
	    --auth "auth-passwd --file '$PWD/passwords'" \
	    --maildir "$PWD/mail/%u"
}

teardown_file()
{
	stop_servers
}

setup()
{
	cd "$BATS_FILE_TMPDIR" || return
}

# cell: what the test's name says.
cell()
{
	local client mode auth port=$PORT user
	IFS=, read -r client mode auth <<<"${BATS_TEST_DESCRIPTION//, /,}"
	client=${client,,} mode=${mode,,} auth=${auth,,}
	[ "$mode" != implicit ] || port=$TLS_PORT
	user=$client.$mode.$auth
	maildirs "mail/$user" "in/$user"
	cp message "mail/$user/new/1.1.host"
	cp unended "mail/$user/cur/2.1.host:2,S"
	"by_$client"
	same_files 2 message two "in/$user/new"/*
	holds "mail/$user" 0
}

by_poplib()
{
	"$PYTHON" - "$port" "$PEERS_CA" "$user" "$mode" "in/$user/new" <<-'END'
		import poplib, ssl, sys
		port, ca, user, mode, folder = sys.argv[1:]
		context = ssl.create_default_context(cafile=ca)
		where = "localhost", int(port)
		if mode == "implicit":
		    p = poplib.POP3_SSL(*where, context=context, timeout=20)
		else:
		    p = poplib.POP3(*where, timeout=20)
		if mode == "stls":
		    p.stls(context)
		p.user(user)
		p.pass_("secret")
		for n in range(1, p.stat()[0] + 1):
		    with open(folder + f"/{n}", "wb") as f:
		        f.writelines(line + b"\n" for line in p.retr(n)[1])
		    p.dele(n)
		p.quit()
	END
}

by_curl()
{
	local scheme=pop3 options=() number
	[ "$mode" != stls ] || options+=(--ssl-reqd)
	[ "$mode" != implicit ] || scheme=pop3s
	[ "$auth" = plain ] || options+=(--login-options AUTH=LOGIN)
	for number in 1 2; do
		curl -m 20 -sS --cacert "$PEERS_CA" "${options[@]}" \
		    -u "$user:secret" "$scheme://localhost:$port/$number" |
			tr -d '\r' >"in/$user/new/$number"
	done
	for number in 2 1; do
		curl -m 20 -sS --cacert "$PEERS_CA" "${options[@]}" -I \
		    -X "DELE $number" -u "$user:secret" \
		    "$scheme://localhost:$port/"
	done
}

by_mpop()
{
	local options=()
	[ "$mode" != clear ] || options+=(--tls=off)
	[ "$mode" != implicit ] || options+=(--tls-starttls=off)
	peer mpop --host=localhost --port="$port" --user="$user" \
	    --passwordeval='echo secret' --auth="$auth" --tls \
	    --tls-trust-file="$PEERS_CA" "${options[@]}" --keep=off \
	    --timeout=20 --received-header=off --uidls-file="$PWD/in/$user/uidls" \
	    --delivery=maildir,"in/$user"
}

by_fetchmail()
{
	local tls=
	case $mode in
	clear) tls="sslproto ''" ;;
	stls) tls="sslproto tls1.2+ sslcertck sslcertfile '$PEERS_CA'" ;;
	implicit) tls="ssl sslcertck sslcertfile '$PEERS_CA'" ;;
	esac
	mkdir "in/$user/home"
	cat >"in/$user/home/rc" <<-END
		set invisible
		poll localhost service $port protocol pop3 uidl auth password
		    user $user password secret $tls fetchall no keep
		    mda 'mbox-deliver -o $PWD/in/$user'
	END
	chmod 600 "in/$user/home/rc"
	FETCHMAILHOME=$PWD/in/$user/home peer fetchmail \
	    -f "in/$user/home/rc" --pidfile "$PWD/in/$user/home/pid"
}

# It puts a Return-Path on top.
by_getmail()
{
	local type=SimplePOP3Retriever
	[ "$mode" != implicit ] || type=SimplePOP3SSLRetriever
	mkdir "in/$user/home"
	cat >"in/$user/home/getmailrc" <<-END
		[retriever]
		type = $type
		server = localhost
		port = $port
		username = $user
		password = secret
		$([ "$mode" != implicit ] || echo "ca_certs = $PEERS_CA")
		[destination]
		type = MDA_external
		path = $BUILD/bin/mbox-deliver
		arguments = ("-o", "$PWD/in/$user")
		allow_root_commands = true
		[options]
		delete = true
		delivered_to = false
		received = false
		verbose = 0
	END
	PYTHONPATH=$PEERS_ROOT/usr/lib/python3/dist-packages \
	    PYTHONDONTWRITEBYTECODE=1 "$PYTHON" "$PEERS_ROOT/usr/bin/getmail" \
	    --getmaildir="$PWD/in/$user/home"
	sed -i '1{/^Return-Path: <unknown>$/d}' "in/$user/new"/*
}

# It writes an mbox, where an empty line ends a message.
by_s-nail()
{
	local scheme=pop3 options=()
	[ "$mode" != stls ] || options+=(-S pop3-use-starttls)
	[ "$mode" != implicit ] || scheme=pop3s
	printf 'copy * in/%s/mbox\ndelete *\nquit\n' "$user" |
		MAILRC=/dev/null peer s-nail -n -# -Sv15-compat \
		    -S user="$user" -S password=secret \
		    -S tls-ca-file="$PEERS_CA" -S tls-ca-no-defaults \
		    -S tls-verify=strict "${options[@]}" \
		    -f "$scheme://$user@localhost:$port"
	awk -v to="in/$user/new/" '
	last == "" && /^From [^ ]+ [A-Z]../ { close(to n++); next }
	{ print >(to n); last = $0 }' "in/$user/mbox"
	sed -i '$d' "in/$user/new"/*
}

@test "poplib, clear, USER" { cell; }
@test "poplib, STLS, USER" { cell; }
@test "poplib, implicit, USER" { cell; }
@test "curl, clear, PLAIN" { cell; }
@test "curl, STLS, PLAIN" { cell; }
@test "curl, implicit, PLAIN" { cell; }
@test "mpop, clear, USER" { cell; }
@test "mpop, clear, PLAIN" { cell; }
@test "mpop, STLS, USER" { cell; }
@test "mpop, STLS, PLAIN" { cell; }
@test "mpop, implicit, USER" { cell; }
@test "mpop, implicit, PLAIN" { cell; }
@test "fetchmail, clear, USER" { cell; }
@test "fetchmail, STLS, USER" { cell; }
@test "fetchmail, implicit, USER" { cell; }
@test "getmail, clear, USER" { cell; }
@test "getmail, implicit, USER" { cell; }
@test "s-nail, clear, USER" { cell; }
@test "s-nail, STLS, USER" { cell; }
@test "s-nail, implicit, USER" { cell; }
