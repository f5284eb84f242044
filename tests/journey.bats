#!/usr/bin/env bats
# The whole way of a message, through all programs at once.

# shellcheck disable=SC2154 # address, by listens
load lib

setup() {
	sandbox
	servers=()
}

teardown() {
	stop_servers
}

stop_servers() {
	for pid in "${servers[@]}"; do
		kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
	done
	servers=()
}

# server LOG COMMAND...: starts one and sets $address to where it listens.
server() {
	local log=$1
	shift
	: >"$log"
	"$@" 2>"$log" 3>&- &
	servers+=($!)
	eventually listens "$log"
}

@test "every message of the corpus arrives byte for byte or is refused with its offset" {
	local corpus=${CORPUS:-$TOP/../shared/corpus}
	if [ ! -d "$corpus" ]; then
		echo "# no corpus at $corpus: on tests/data alone" >&3
		corpus=$TESTS/data/odd
	fi
	python3 "$TESTS/lib/journey.py" "$corpus" >count
	sed 's/^/# corpus: /' count >&3
	[ -s count ]
}

@test "the odd messages of our own arrive byte for byte or are refused" {
	python3 "$TESTS/lib/journey.py" "$TESTS/data/odd" >count
	same count <<-'EOF'
		4 NUL or bare CR, refused
		19 arrived
		1 empty, refused
		1 too many hops, refused
	EOF
}

# relay_host NAME: a server of ours with its own spool, all of whose mail for
# other hosts goes where its routes file says, written later.
relay_host() {
	mkdir "$1"
	server "$1.log" smtp-recv --hostname "$1" --relay-from 127.0.0.0/8 \
		--source-routes="$2" --spool "$1" --listen 127.0.0.1:0
	where[$1]=$address
}

# The hosts a, d, p and u, where z's mail is delivered at u.
four_hosts() {
	declare -gA where=()
	local host
	for host in a d p; do relay_host "$host" "$1"; done
	mkdir -p box/{tmp,new,cur}
	echo "user@z $PWD/box/" >mailboxes
	server u.log smtp-recv --hostname u --local z --mailboxes mailboxes \
		--source-routes="$1" --listen 127.0.0.1:0
	where[u]=$address
	for host in a d p; do
		printf '%s relay smtp://%s --tls=off\n' d "${where[d]}" \
			p "${where[p]}" u "${where[u]}" z "${where[u]}" \
			>"$host/routes"
	done
	mkdir mine
	printf '* relay smtp://%s --tls=off\n' "${where[a]}" >mine/routes
	printf 'Subject: seed\n\nrelayed\n' |
		spool -d mine add -f me@a -- '@d,@p,@u:user@z' >/dev/null
	for host in mine a d p; do
		spool -d "$host" run
	done
}

# The hosts of the Received fields, the last hop first.
trail() {
	sed -n '/^$/q;s/^.*\bby \([a-z]*\) .*$/\1/p' box/new/* | paste -sd ' '
}

@test "a source route is followed hop by hop through four servers with their own spools" {
	four_hosts follow
	[ "$(trail)" = "u p d a" ]
	sed '1,/^$/d' box/new/* >body
	same body <<<relayed
	for host in mine a d p; do [ -z "$(spool -d "$host" list)" ]; done
}

@test "without follow a source route is stripped and the message goes straight" {
	four_hosts strip
	[ "$(trail)" = "u a" ]
}

@test "a source route does not make a server relay for a stranger" {
	mkdir s
	server s.log smtp-recv --hostname s --local s --source-routes=follow \
		--spool s --listen 127.0.0.1:0
	printf '* relay smtp://%s --tls=off\n' "$address" >routes
	mkdir mine && mv routes mine/
	printf 'Subject: no\n\nno\n' |
		spool -d mine add -f me@a -- '@s,@elsewhere.example:user@z' >/dev/null
	spool -d mine run
	[ -z "$(find s/queue -type f)" ]
}

@test "100 MB go from mkmsg -a to the fetched maildir, each process under 16 MB" {
	local peak="$BUILD/drv/peak $PWD/peaks"
	mkdir -p box/{tmp,new,cur} spool
	echo "bob@example.net $PWD/box/" >mailboxes
	echo secret >password && chmod 600 password
	truncate -s 75M big
	printf 'the end' >>big
	server smtp.log $peak smtp-recv --hostname example.net --mailboxes mailboxes \
		--max-size 1G --listen 127.0.0.1:0
	echo "* relay smtp://$address --tls=off" >spool/routes
	echo text | $peak mkmsg -f ann@example.org -t bob@example.net -s big \
		-a big -- "$BUILD/drv/peak" "$PWD/peaks" spool -d spool add
	$peak spool -d spool run --transport "$peak smtp-send"
	[ "$(stat -c %s box/new/*)" -gt 100000000 ]
	server pop3.log $peak pop3-serve --single-user box --password-file password \
		--auth-clear --listen 127.0.0.1:0
	$peak pop3-fetch -q --tls=off --password-file password --delete -o home \
		"pop3://bob@$address/"
	stop_servers
	awk '/^Content-Disposition: attachment/ { part = 1 }
		part && /^$/ { body = 1; next }
		body && /^--/ { exit }
		body' home/new/* | base64 -d | cmp - big
	sort peaks | sed 's/^/# peak: /' >&3
	[ "$(wc -l <peaks)" -eq 7 ]
	sanitized && return
	awk '$2 >= 16384 { print; bad = 1 } END { exit bad }' peaks
}
