#!/usr/bin/env bats
# tls-serve: TLS for a server that asks for it, for one that begins with it, and
# for one that knows nothing of it. drv/starttls is the server.
load lib
load peers
load interop

setup() {
	sandbox
	drv=$BUILD/drv/starttls
	export PYTHONPATH=$TESTS PYTHONDONTWRITEBYTECODE=1
}

teardown() {
	stop_servers
	peers_stop
}

# certificate NAME HOST...: NAME.pem and NAME.key, made out to these.
certificate() {
	local name=$1 names
	shift
	names=$(printf ',DNS:%s' "$@")
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-keyout "$name.key" -out "$name.pem" -subj "/CN=$name" \
		-addext "subjectAltName=${names#,}" -days 2 2>/dev/null
	chmod 600 "$name.key"
}

# serve OPTION...: drv/starttls listens behind tls-serve; sets pid and port.
serve() {
	tls-serve "$@" -- "$drv" -l 127.0.0.1:0 2>log </dev/null 3>&- &
	pid=$!
	servers+=("$pid")
	peers_wait 400 "$pid" listening log
	port=${address##*:}
}

# client: Python with tests/tls.py and the port as p.
client() {
	{
		printf 'import os, socket, ssl, sys\nfrom tls import *\np = %s\n' \
			"$port"
		cat
	} | python3 -
}

@test "STARTTLS: the server learns what was agreed on, and the log tells it" {
	certificate mx mx.example.org
	serve --cert mx.pem --key mx.key
	client >out <<-'END'
	for v in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
	    t = starttls(p, ca="mx.pem", name="mx.example.org", version=v)
	    print(ask(t, "how"), ask(t, "quit"), rest(t))
	    print(*t.cipher()[1::-1])
	END
	same out <<-'END'
	TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384 bye b''
	TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384
	TLSv1.3 TLS_AES_256_GCM_SHA384 bye b''
	TLSv1.3 TLS_AES_256_GCM_SHA384
	END
	grep event=tls log >said
	same said <<-'END'
	event=tls peer=127.0.0.1 version=TLSv1.2 cipher=ECDHE-ECDSA-AES256-GCM-SHA384
	event=tls peer=127.0.0.1 version=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384
	END
}
