# shellcheck shell=bash
# What the tests of tls-serve share: drv/starttls behind it, and a client in
# Python (tests/tls.py). Needs lib, peers and interop.

drv=$BUILD/drv/starttls
export PYTHONPATH=$TESTS PYTHONDONTWRITEBYTECODE=1

# serve OPTION...: drv/starttls listens behind tls-serve; sets pid and port.
serve()
{
	started log tls-serve "$@" -- "$drv" -l 127.0.0.1:0
	# shellcheck disable=SC2034 # for those who source this
	pid=$!
	# shellcheck disable=SC2154 # listening sets it
	port=${address##*:}
}

# client [ARG...]: Python on standard input, with tests/tls.py and the port as p.
client()
{
	{
		echo 'import os, select, signal, socket, ssl, subprocess, sys, threading, time'
		echo 'from tls import *'
		echo "p = ${port-0}"
		cat
	} >client.py
	"$PYTHON" -S client.py "$@"
}

# handshakes: what the log says of them.
handshakes()
{
	grep -E '^(event=tls|tls-serve:)' log
}

# none_left: no process of this test's tls-serve, which names its certificate.
none_left()
{
	! grep -qa "$PWD/mx[.]pem" <(cat /proc/[0-9]*/cmdline 2>/dev/null)
}
