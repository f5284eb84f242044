#!/usr/bin/env bats
# spool health: what is wrong here is no fault of the mail, which waits, and it
# is said until it is mended.
load lib
load spool

# told REASON: that is what health says of the last run, with exit 1.
told() {
	exits 1 spool health >health
	sed 's/.*; last run: //' health >reason
	same reason <<<"$1"
}

# waits ROUTE REASON [OPTION...]: mail that takes this route is deferred, and
# health says why, also once a later run found nothing due; mended it says so.
waits() {
	rm -rf s
	mkdir s
	echo "$1" >s/routes
	chmod 644 s/routes
	message | spool add -f a@b.example good@x.example >/dev/null
	exits 0 spool run --hostname me.example --log none "${@:3}" 2>err
	told "$2"
	exits 0 spool run --hostname me.example --log none "${@:3}" 2>/dev/null
	told "$2"
	ls s/queue | plain >left
	[ "$(wc -l <left)" = 1 ]
	! grep -aq '^R [^.]' s/queue/*
	echo '* deliver cat >>seen; :' >s/routes
	spool retry
	spool run --log none
	[ -z "$(ls s/queue)" ]
	spool health >health
	same health <<<'ok: 0 queued, 0 held, 0 due, 0 dead, 0 corrupt'
}

@test "a transport that is missing, or is told nonsense" {
	waits '* mx' 'transport ended with status 127' --transport ./missing
	waits '* relay smtp://x --nonsense' 'transport ended with status 64'
	waits '* relay nonsense://x' 'transport ended with status 64'
	waits '* mx' 'transport ended with status 78' --transport 'exit 78; :'
}

@test "a route's command that is missing, or is told nonsense" {
	waits '* deliver ./missing' \
		'4.3.5 the command of the route failed (exit 127)'
	touch no-program
	waits '* deliver ./no-program' \
		'4.3.5 the command of the route failed (exit 126)'
	waits '* deliver mbox-deliver --nonsense' \
		'4.3.5 the command of the route failed (exit 64)'
}

@test "no route, and a domain whose best mail host is this one" {
	waits 'y.example mx' 'no route'
	echo 'x.example MX 10 me.example' >zone
	python3 -S "$TESTS/lib/dns.py" dns zone 3>&- &
	PIDS+=($!)
	eventually test -s dns
	waits "* mx --resolver 127.0.0.1:$(<dns)" \
		'4.3.5 the best mail host of x.example is this one, which has no route for it'
}

@test "a login that is refused" {
	python3 -S "$TESTS/lib/sink.py" port caps=PIPELINING,AUTH\ PLAIN \
		auth='535 5.7.8 wrong password' 3>&- &
	PIDS+=($!)
	eventually test -s port
	echo secret >password
	chmod 600 password
	waits "* relay smtp://ann@127.0.0.1:$(<port) --tls=off --password-file $PWD/password" \
		'5.7.8 wrong password'
}

@test "a resolver that answers nothing, but not one that knows other domains" {
	waits '* mx --resolver 127.0.0.1:1 --timeout 1s' \
		'4.3.5 no DNS server can be reached to ask for x.example'
	# Nor is it so of an address that needs no DNS.
	echo '* mx --resolver 127.0.0.1:1 --port 1' >s/routes
	message | spool add -f a@b.example a@x.example 'b@[127.0.0.1]' >/dev/null
	spool run --hostname me.example --log none
	told '4.3.5 no DNS server can be reached to ask for x.example'
	rm -rf s
	message | spool add -f a@b.example nodns@x.example >/dev/null
	run_spool --log none
	told '4.4.3 no answer from DNS'
	message | spool add -f a@b.example good@y.example >/dev/null
	spool retry
	run_spool --log none
	spool health >health
	same health <<<'ok: 1 queued, 0 held, 0 due, 0 dead, 0 corrupt'
}

@test "a watch that goes on keeps what was wrong, until it is mended" {
	mkdir s
	echo 'y.example mx' >s/routes
	chmod 644 s/routes
	message | spool add -f a@b.example good@x.example >/dev/null
	spool run --watch --transport "$T" --log none &
	PIDS+=($!)
	eventually told 'no route'
	message | spool add --hold -f a@b.example good@x.example >/dev/null
	message | spool add --hold -f a@b.example good@x.example >/dev/null
	sleep 2.2
	told 'no route'
	echo '* mx' >s/routes
	spool retry
	eventually sh -c 'spool health | grep -q ^ok'
	kill -TERM "${PIDS[0]}"
	wait "${PIDS[0]}"
}
