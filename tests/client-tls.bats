#!/usr/bin/env bats
# TLS of the clients: what they do when a server, or who sits between, does
# everything wrong (tests/lib/client-tls.py has the table of misbehaviours).
load lib
load peers

# authority NAME: a certificate and key that sign.
authority() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-days 2 -subj "/CN=$1" -keyout "$1.key" -out "$1" 2>>req
}

# certificate FILE NAME DAYS: signed by ca, for that alternative name.
certificate() {
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-subj /CN=peer -keyout "$1" -out "$1.req" 2>>req
	printf 'subjectAltName=%s\n' "$2" >"$1.ext"
	openssl x509 -req -in "$1.req" -CA ca -CAkey ca.key -days "$3" \
		-extfile "$1.ext" 2>>req >>"$1"
}

setup_file() {
	cd "$BATS_FILE_TMPDIR" || return
	authority ca
	certificate good IP:127.0.0.1 2
	certificate wrong DNS:other.example 2
	certificate expired IP:127.0.0.1 -1
	authority self
	cat self.key >>self
	printf 'Subject: private\n\nprivate\n' >m
	echo secret >pw
	chmod 600 pw
}

setup() {
	sandbox
	cp "$BATS_FILE_TMPDIR"/{ca,good,wrong,expired,self,pw,m} .
}

# table CLIENT... < WANTED
table() {
	PYTHONDONTWRITEBYTECODE=1 "$PYTHON" "$TESTS/lib/client-tls.py" "$@" >got
	same got
}

# said CLIENT...: what was on stderr, where it is libcurl's or ours alone.
said() {
	local cases='stripped|refused|injected|wrong-name|self-signed|expired|forgotten|preauth'
	grep -E "^[^ ]+ ($cases): " log | sort |
		sed -E 's/:[0-9]{4,5}/:PORT/; s/: [a-z0-9]+-(send|fetch): /: /'
}

@test "smtp-send with a login: nothing of it leaves without TLS and the right certificate" {
	table smtp-login smtps off <<-'END'
		smtp-login good: 0, 1 connection, clear [EHLO STARTTLS] TLS [EHLO AUTH EHLO MAIL RCPT DATA QUIT]
		smtp-login stripped: 75, 1 connection, clear [EHLO] TLS []
		smtp-login refused: 75, 1 connection, clear [EHLO STARTTLS] TLS []
		smtp-login injected: 75, 1 connection, clear [EHLO STARTTLS] TLS []
		smtp-login presaid: 75, 1 connection, clear [EHLO STARTTLS] TLS []
		smtp-login wrong-name: 75, 1 connection, clear [EHLO STARTTLS] TLS []
		smtp-login self-signed: 75, 1 connection, clear [EHLO STARTTLS] TLS []
		smtp-login expired: 75, 1 connection, clear [EHLO STARTTLS] TLS []
		smtp-login garbage: 75, 1 connection, clear [EHLO STARTTLS] TLS []
		smtp-login closed: 75, 1 connection, clear [EHLO STARTTLS] TLS []
		smtp-login closed-at-once: 75, 1 connection, clear [EHLO STARTTLS] TLS []
		smtp-login silent: 75, 1 connection, clear [EHLO STARTTLS] TLS []
		smtp-login plain-instead: 75, 1 connection, clear [EHLO STARTTLS] TLS []
		smtp-login plain-after: 75, 1 connection, clear [EHLO STARTTLS] TLS []
		smtp-login forgotten: 75, 1 connection, clear [EHLO STARTTLS] TLS [EHLO]
		smtps good: 0, 1 connection, clear [] TLS [EHLO AUTH EHLO MAIL RCPT DATA QUIT]
		smtps wrong-name: 75, 1 connection, clear [] TLS []
		smtps self-signed: 75, 1 connection, clear [] TLS []
		smtps expired: 75, 1 connection, clear [] TLS []
		smtps garbage: 75, 1 connection, clear [] TLS []
		smtps closed: 75, 1 connection, clear [] TLS []
		smtps closed-at-once: 75, 1 connection, clear [] TLS []
		smtps silent: 75, 1 connection, clear [] TLS []
		smtps plain-instead: 75, 1 connection, clear [] TLS []
		smtps plain-after: 75, 1 connection, clear [] TLS []
		off good: 0, 1 connection, clear [EHLO AUTH EHLO MAIL RCPT DATA QUIT] TLS []
	END
	said >err
	same err <<-'END'
		smtp-login expired: send <b@x.org>: connect smtp://alice@127.0.0.1:PORT: SSL certificate problem: certificate has expired
		smtp-login forgotten: send <b@x.org>: connect smtp://alice@127.0.0.1:PORT: server offers no mechanism for this login
		smtp-login injected: send <b@x.org>: connect smtp://alice@127.0.0.1:PORT: server spoke out of turn, before TLS
		smtp-login refused: send <b@x.org>: 454 4.7.0 not now (--tls=off goes without)
		smtp-login self-signed: send <b@x.org>: connect smtp://alice@127.0.0.1:PORT: SSL certificate problem: self-signed certificate (--cafile FILE trusts another authority)
		smtp-login stripped: send <b@x.org>: connect smtp://alice@127.0.0.1:PORT: STARTTLS not supported. (--tls=off goes without)
		smtp-login wrong-name: send <b@x.org>: connect smtp://alice@127.0.0.1:PORT: SSL: no alternative certificate subject name matches target host name '127.0.0.1'
		smtps expired: send <b@x.org>: connect smtps://alice@127.0.0.1:PORT: SSL certificate problem: certificate has expired
		smtps self-signed: send <b@x.org>: connect smtps://alice@127.0.0.1:PORT: SSL certificate problem: self-signed certificate (--cafile FILE trusts another authority)
		smtps wrong-name: send <b@x.org>: connect smtps://alice@127.0.0.1:PORT: SSL: no alternative certificate subject name matches target host name '127.0.0.1'
	END
}

@test "smtp-send without a login: required TLS keeps the mail, opportunistic says when it fails" {
	table submission opportunistic <<-'END'
		submission good: 0, 1 connection, clear [EHLO STARTTLS] TLS [EHLO EHLO MAIL RCPT DATA QUIT]
		submission stripped: 75, 1 connection, clear [EHLO] TLS []
		submission refused: 75, 1 connection, clear [EHLO STARTTLS] TLS []
		submission injected: 75, 1 connection, clear [EHLO STARTTLS] TLS []
		submission presaid: 75, 1 connection, clear [EHLO STARTTLS] TLS []
		submission wrong-name: 75, 1 connection, clear [EHLO STARTTLS] TLS []
		submission self-signed: 75, 1 connection, clear [EHLO STARTTLS] TLS []
		submission expired: 75, 1 connection, clear [EHLO STARTTLS] TLS []
		submission garbage: 75, 1 connection, clear [EHLO STARTTLS] TLS []
		submission closed: 75, 1 connection, clear [EHLO STARTTLS] TLS []
		submission closed-at-once: 75, 1 connection, clear [EHLO STARTTLS] TLS []
		submission silent: 75, 1 connection, clear [EHLO STARTTLS] TLS []
		submission plain-instead: 75, 1 connection, clear [EHLO STARTTLS] TLS []
		submission plain-after: 75, 1 connection, clear [EHLO STARTTLS] TLS []
		submission forgotten: 0, 1 connection, clear [EHLO STARTTLS] TLS [EHLO EHLO MAIL RCPT DATA QUIT]
		opportunistic good: 0, 1 connection, clear [EHLO STARTTLS] TLS [EHLO EHLO MAIL RCPT DATA QUIT]
		opportunistic stripped: 0, 1 connection, clear [EHLO EHLO MAIL RCPT DATA QUIT] TLS []
		opportunistic refused: 0, 1 connection, clear [EHLO STARTTLS EHLO MAIL RCPT DATA QUIT] TLS []
		opportunistic injected: 75, 1 connection, clear [EHLO STARTTLS] TLS []
		opportunistic presaid: 75, 1 connection, clear [EHLO STARTTLS] TLS []
		opportunistic wrong-name: 0, 1 connection, clear [EHLO STARTTLS] TLS [EHLO EHLO MAIL RCPT DATA QUIT]
		opportunistic self-signed: 0, 1 connection, clear [EHLO STARTTLS] TLS [EHLO EHLO MAIL RCPT DATA QUIT]
		opportunistic expired: 0, 1 connection, clear [EHLO STARTTLS] TLS [EHLO EHLO MAIL RCPT DATA QUIT]
		opportunistic garbage: 75, 1 connection, clear [EHLO STARTTLS] TLS []
		opportunistic closed: 75, 1 connection, clear [EHLO STARTTLS] TLS []
		opportunistic closed-at-once: 75, 1 connection, clear [EHLO STARTTLS] TLS []
		opportunistic silent: 75, 1 connection, clear [EHLO STARTTLS] TLS []
		opportunistic plain-instead: 75, 1 connection, clear [EHLO STARTTLS] TLS []
		opportunistic plain-after: 75, 1 connection, clear [EHLO STARTTLS] TLS []
		opportunistic forgotten: 0, 1 connection, clear [EHLO STARTTLS] TLS [EHLO EHLO MAIL RCPT DATA QUIT]
	END
	said >err
	same err <<-'END'
		opportunistic injected: send <b@x.org>: connect smtp://127.0.0.1:PORT: server spoke out of turn, before TLS
		submission expired: send <b@x.org>: connect submission://127.0.0.1:PORT: SSL certificate problem: certificate has expired (--tls=opportunistic takes any certificate)
		submission injected: send <b@x.org>: connect submission://127.0.0.1:PORT: server spoke out of turn, before TLS
		submission refused: send <b@x.org>: 454 4.7.0 not now (--tls=opportunistic goes without)
		submission self-signed: send <b@x.org>: connect submission://127.0.0.1:PORT: SSL certificate problem: self-signed certificate (--cafile FILE trusts another authority)
		submission stripped: send <b@x.org>: connect submission://127.0.0.1:PORT: STARTTLS not supported. (--tls=opportunistic goes without)
		submission wrong-name: send <b@x.org>: connect submission://127.0.0.1:PORT: SSL: no alternative certificate subject name matches target host name '127.0.0.1' (--tls=opportunistic takes any certificate)
	END
}

@test "pop3-fetch: no password leaves without TLS and the right certificate" {
	table pop3 pop3s <<-'END'
		pop3 good: 0, 1 connection, clear [CAPA STLS] TLS [CAPA AUTH CAPA UIDL QUIT]
		pop3 stripped: 75, 1 connection, clear [CAPA] TLS []
		pop3 refused: 75, 1 connection, clear [CAPA STLS] TLS []
		pop3 injected: 75, 1 connection, clear [CAPA STLS] TLS []
		pop3 presaid: 75, 1 connection, clear [CAPA STLS] TLS []
		pop3 wrong-name: 75, 1 connection, clear [CAPA STLS] TLS []
		pop3 self-signed: 75, 1 connection, clear [CAPA STLS] TLS []
		pop3 expired: 75, 1 connection, clear [CAPA STLS] TLS []
		pop3 garbage: 75, 1 connection, clear [CAPA STLS] TLS []
		pop3 closed: 75, 1 connection, clear [CAPA STLS] TLS []
		pop3 closed-at-once: 75, 1 connection, clear [CAPA STLS] TLS []
		pop3 silent: 75, 1 connection, clear [CAPA STLS] TLS []
		pop3 plain-instead: 75, 1 connection, clear [CAPA STLS] TLS []
		pop3 plain-after: 75, 1 connection, clear [CAPA STLS] TLS []
		pop3 forgotten: 75, 1 connection, clear [CAPA STLS] TLS [CAPA]
		pop3s good: 0, 1 connection, clear [] TLS [CAPA AUTH CAPA UIDL QUIT]
		pop3s wrong-name: 75, 1 connection, clear [] TLS []
		pop3s self-signed: 75, 1 connection, clear [] TLS []
		pop3s expired: 75, 1 connection, clear [] TLS []
		pop3s garbage: 75, 1 connection, clear [] TLS []
		pop3s closed: 75, 1 connection, clear [] TLS []
		pop3s closed-at-once: 75, 1 connection, clear [] TLS []
		pop3s silent: 75, 1 connection, clear [] TLS []
		pop3s plain-instead: 75, 1 connection, clear [] TLS []
		pop3s plain-after: 75, 1 connection, clear [] TLS []
	END
	said >err
	same err <<-'END'
		pop3 expired: connect pop3://alice@127.0.0.1:PORT: SSL certificate problem: certificate has expired
		pop3 forgotten: connect pop3://alice@127.0.0.1:PORT: server offers no mechanism for this login
		pop3 injected: connect pop3://alice@127.0.0.1:PORT: server spoke out of turn, before TLS
		pop3 refused: connect pop3://alice@127.0.0.1:PORT: STARTTLS denied: -ERR not now (--tls=off goes without)
		pop3 self-signed: connect pop3://alice@127.0.0.1:PORT: SSL certificate problem: self-signed certificate (--cafile FILE trusts another authority)
		pop3 stripped: connect pop3://alice@127.0.0.1:PORT: STLS not supported. (--tls=off goes without)
		pop3 wrong-name: connect pop3://alice@127.0.0.1:PORT: SSL: no alternative certificate subject name matches target host name '127.0.0.1'
		pop3s expired: connect pop3s://alice@127.0.0.1:PORT: SSL certificate problem: certificate has expired
		pop3s self-signed: connect pop3s://alice@127.0.0.1:PORT: SSL certificate problem: self-signed certificate (--cafile FILE trusts another authority)
		pop3s wrong-name: connect pop3s://alice@127.0.0.1:PORT: SSL: no alternative certificate subject name matches target host name '127.0.0.1'
	END
}


@test "imap-fetch: no password leaves without TLS and the right certificate, PREAUTH or not" {
	table imap imaps <<-'END'
		imap good: 0, 1 connection, clear [CAPABILITY STARTTLS] TLS [CAPABILITY AUTHENTICATE CAPABILITY SELECT LOGOUT]
		imap stripped: 75, 1 connection, clear [CAPABILITY] TLS []
		imap refused: 75, 1 connection, clear [CAPABILITY STARTTLS] TLS []
		imap preauth: 75, 1 connection, clear [CAPABILITY] TLS []
		imap injected: 75, 1 connection, clear [CAPABILITY STARTTLS] TLS []
		imap presaid: 75, 1 connection, clear [CAPABILITY STARTTLS] TLS []
		imap wrong-name: 75, 1 connection, clear [CAPABILITY STARTTLS] TLS []
		imap self-signed: 75, 1 connection, clear [CAPABILITY STARTTLS] TLS []
		imap expired: 75, 1 connection, clear [CAPABILITY STARTTLS] TLS []
		imap garbage: 75, 1 connection, clear [CAPABILITY STARTTLS] TLS []
		imap closed: 75, 1 connection, clear [CAPABILITY STARTTLS] TLS []
		imap closed-at-once: 75, 1 connection, clear [CAPABILITY STARTTLS] TLS []
		imap silent: 75, 1 connection, clear [CAPABILITY STARTTLS] TLS []
		imap plain-instead: 75, 1 connection, clear [CAPABILITY STARTTLS] TLS []
		imap plain-after: 75, 1 connection, clear [CAPABILITY STARTTLS] TLS []
		imap forgotten: 0, 1 connection, clear [CAPABILITY STARTTLS] TLS [CAPABILITY LOGIN CAPABILITY SELECT LOGOUT]
		imaps good: 0, 1 connection, clear [] TLS [CAPABILITY AUTHENTICATE CAPABILITY SELECT LOGOUT]
		imaps wrong-name: 75, 1 connection, clear [] TLS []
		imaps self-signed: 75, 1 connection, clear [] TLS []
		imaps expired: 75, 1 connection, clear [] TLS []
		imaps garbage: 75, 1 connection, clear [] TLS []
		imaps closed: 75, 1 connection, clear [] TLS []
		imaps closed-at-once: 75, 1 connection, clear [] TLS []
		imaps silent: 75, 1 connection, clear [] TLS []
		imaps plain-instead: 75, 1 connection, clear [] TLS []
		imaps plain-after: 75, 1 connection, clear [] TLS []
	END
	said >err
	same err <<-'END'
		imap expired: connect imap://alice@127.0.0.1:PORT: SSL certificate problem: certificate has expired
		imap injected: connect imap://alice@127.0.0.1:PORT: server spoke out of turn, before TLS
		imap preauth: connect imap://alice@127.0.0.1:PORT: STARTTLS not available. (--tls=off goes without)
		imap refused: connect imap://alice@127.0.0.1:PORT: STARTTLS denied: A002 NO not now (--tls=off goes without)
		imap self-signed: connect imap://alice@127.0.0.1:PORT: SSL certificate problem: self-signed certificate (--cafile FILE trusts another authority)
		imap stripped: connect imap://alice@127.0.0.1:PORT: STARTTLS not available. (--tls=off goes without)
		imap wrong-name: connect imap://alice@127.0.0.1:PORT: SSL: no alternative certificate subject name matches target host name '127.0.0.1'
		imaps expired: connect imaps://alice@127.0.0.1:PORT: SSL certificate problem: certificate has expired
		imaps self-signed: connect imaps://alice@127.0.0.1:PORT: SSL certificate problem: self-signed certificate (--cafile FILE trusts another authority)
		imaps wrong-name: connect imaps://alice@127.0.0.1:PORT: SSL: no alternative certificate subject name matches target host name '127.0.0.1'
	END
}

# peer VALUE...: a server that offers AUTH PLAIN under TLS; its port in $port.
peer() {
	rm -f sink sink.*
	"$PYTHON" "$TESTS/lib/sink.py" sink caps=STARTTLS,SIZE \
		'tlscaps=AUTH PLAIN LOGIN,SIZE 1000' cert=good "$@" 3>&- &
	SINK=$!
	peers_wait 400 $! test -s sink
	port=$(<sink)
}

teardown() {
	[ -z "${SINK-}" ] || kill "$SINK"
}

# probe CODE URL OPTION...
probe() {
	local code=$1 url=$2
	shift 2
	exits "$code" smtp-send --probe --relay "$url" --hostname me \
		--timeout 10s "$@" 2>err |
		sed -E 's/^(certificate-(from|until): ).*/\1DATE/
			s/^(tls: TLSv1\.3) .*/\1 CIPHER/
			s/:'"$port"'$/:PORT/' >out
	[ "${PIPESTATUS[0]}" = 0 ]
}

# What every probe with TLS says of the certificate.
shown() {
	cat <<-'END'
		certificate-subject: CN = peer
		certificate-issuer: CN = ca
		certificate-names: IP Address:127.0.0.1
		certificate-from: DATE
		certificate-until: DATE
	END
}

@test "--probe shows greeting, capabilities, TLS, certificate, mechanisms and login, and sends no mail" {
	peer
	probe 0 "smtp://u@127.0.0.1:$port" --cafile ca --password-file pw
	same out <<-END
		server: smtp://u@127.0.0.1:PORT
		greeting: 220 sink
		name: sink
		offers-in-clear: STARTTLS
		offers-in-clear: SIZE
		tls: TLSv1.3 CIPHER
		name: sink
		offers: AUTH PLAIN LOGIN
		offers: SIZE 1000
		$(shown)
		mechanisms: PLAIN LOGIN
		login: u
		verified-for: 127.0.0.1
		result: a message could be sent
	END
	same err </dev/null
	same -v sink.1 <<-'END'
		EHLO me^M
		STARTTLS^M
		EHLO me^M
		AUTH PLAIN AHUAc2VjcmV0^M
		QUIT^M
	END
}

@test "--probe: a certificate that is not in order is shown, and no login goes there" {
	peer
	probe 75 "smtp://u@127.0.0.1:$port" --password-file pw
	same out <<-END
		server: smtp://u@127.0.0.1:PORT
		greeting: 220 sink
		name: sink
		offers-in-clear: STARTTLS
		offers-in-clear: SIZE
		tls: TLSv1.3 CIPHER
		$(shown)
		not-verified: SSL certificate problem: unable to get local issuer certificate (--cafile FILE trusts another authority)
		result: SSL certificate problem: unable to get local issuer certificate (--cafile FILE trusts another authority)
	END
	same err <<-END
		smtp-send: probe smtp://u@127.0.0.1:$port: SSL certificate problem: unable to get local issuer certificate (--cafile FILE trusts another authority)
	END
	exits 1 grep -q AUTH sink.1 sink.2
	# Without a login mail would go there all the same.
	probe 0 "smtp://127.0.0.1:$port"
	sed 1,/offers:/d out >got
	same got <<-END
		offers: SIZE 1000
		$(shown)
		mechanisms: PLAIN LOGIN
		not-verified: SSL certificate problem: unable to get local issuer certificate (--cafile FILE trusts another authority)
		result: a message could be sent
	END
	probe 75 "submission://localhost:$port" --cafile ca
	sed -n '/verified/p' out >got
	same got <<-'END'
		not-verified: SSL: no alternative certificate subject name matches target host name 'localhost' (--tls=opportunistic takes any certificate)
	END
}

@test "--probe: a refusal is the result, octets of a server are escaped, and the command line" {
	peer auth='535 5.7.8 bad dog' tlscaps=$'AUTH PLAIN,X\e[2J'
	probe 75 "smtp://u@127.0.0.1:$port" --cafile ca --password-file pw
	grep -e '\[2J' -e result out >got
	same got <<-'END'
		offers: X\x1b[2J
		result: 535 bad dog
	END
	exits 64 smtp-send --probe --relay smtp://h b@x.org
	exits 64 smtp-send --probe --mx
	exits 64 smtp-send --probe --lmtp h:1
	exits 64 smtp-send --probe --batch --relay smtp://h
	exits 64 smtp-send --probe -t --relay smtp://h
	exits 75 smtp-send --probe --relay "smtp://127.0.0.1:$port" >/dev/full
}

@test "the environment adds no authority, no way around a proxy, and gets no keys" {
	peer
	export SSL_CERT_FILE=$PWD/ca SSL_CERT_DIR=$PWD CURL_CA_BUNDLE=$PWD/ca
	probe 75 "submission://127.0.0.1:$port"
	SSLKEYLOGFILE=$PWD/keys probe 0 "submission://127.0.0.1:$port" --cafile ca
	[ ! -s keys ]
	no_proxy=127.0.0.1 NO_PROXY=127.0.0.1 probe 75 \
		"smtp://127.0.0.1:$port" --proxy http://127.0.0.1:1
}

@test "TLS before 1.2 is refused" {
	cat >old.py <<-'END'
		import socket, ssl
		context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
		context.load_cert_chain("good")
		context.set_ciphers("ALL:@SECLEVEL=0")
		context.minimum_version = ssl.TLSVersion.TLSv1
		context.maximum_version = ssl.TLSVersion.TLSv1_1
		listener = socket.create_server(("127.0.0.1", 0))
		open("sink", "w").write(str(listener.getsockname()[1]))
		try:
		    context.wrap_socket(listener.accept()[0], server_side=True)
		except OSError as e:
		    print(e.reason, flush=True)
	END
	OPENSSL_CONF=/dev/null "$PYTHON" -W ignore old.py >said 3>&- &
	SINK=$!
	peers_wait 400 $! test -s sink
	port=$(<sink)
	OPENSSL_CONF=/dev/null probe 75 "smtps://127.0.0.1:$port" --cafile ca
	wait "$SINK"
	SINK=
	same said <<<UNSUPPORTED_PROTOCOL
}
