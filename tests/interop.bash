# shellcheck shell=bash
# What the interop tests share: servers of ours, one message with the lines
# that mail software gets wrong, and its comparison where it arrived.

servers=()

# server LOG PROGRAM [ARG...]: starts one of ours on a free port of 127.0.0.1;
# its address is in $address, HOST:PORT.
server()
{
	local log=$1 program=$2
	shift 2
	started "$log" "$program" --listen 127.0.0.1:0 "$@"
}

# started LOG COMMAND...: the same, where the command says itself to listen.
started()
{
	local log=$1
	shift
	# What the last one said there is not for this one's reader.
	: >"$log"
	"$@" 2>"$log" </dev/null 3>&- &
	servers+=($!)
	peers_wait 400 $! listens "$log" && return
	cat "$log"
	return 1
}

stop_servers()
{
	((${#servers[@]} == 0)) || kill "${servers[@]}" 2>/dev/null || :
	wait
}

# certificate NAME HOST...: NAME.pem and NAME.key, made out to these.
certificate()
{
	local name=$1 names
	shift
	names=$(printf ',DNS:%s' "$@")
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-keyout "$name.key" -out "$name.pem" -subj "/CN=$name" \
		-addext "subjectAltName=${names#,}" -days 2 2>/dev/null
	chmod 600 "$name.key"
}

# maildirs NAME...
maildirs()
{
	local name
	for name; do mkdir -p "$name"/{tmp,new,cur}; done
}

# files DIR N: waits until DIR holds N files, for peers deliver behind us.
files()
{
	peers_wait 400 "" holds "$@" && return
	echo "$1 does not hold $2 files:"
	ls -la "$1"
	return 1
}

# holds DIR N: the folder and two levels below it.
holds()
{
	local file found=0
	for file in "$1"/{,*/,*/*/}{,.[!.]}*; do
		[ ! -f "$file" ] || ((++found))
	done
	((found == $2))
}

# shellcheck disable=SC2034 # want, of equal
# same_files N FILE...: the first N are what the others are, in any order.
same_files()
{
	local expected=("${@:2:$1}") got=("${@:$1 + 2}") file want i
	[ ${#got[@]} = "$1" ] || {
		echo "not $1 files: ${got[*]}"
		return 1
	}
	for file in "${expected[@]}"; do
		! IFS= read -rd '' want <"$file" || return
		for i in "${!got[@]}"; do
			equal "${got[i]}" || continue
			unset 'got[i]'
			continue 2
		done
		echo "none is $file:"
		for i in "${!got[@]}"; do same "$file" <"${got[i]}" || :; done
		return 1
	done
}

# No line over 998 octets and no missing newline at the end: other programs
# may change those.
write_message()
{
	cat <<-'END'
		Date: Tue, 24 Nov 2026 10:00:00 +0000
		From: Ann <ann@example.net>
		To: Bob <bob@example.org>
		Message-ID: <1@example.net>
		Subject: a folded
		 subject
		MIME-Version: 1.0
		Content-Type: text/plain; charset=utf-8
		Content-Transfer-Encoding: 8bit

		.
		..
		.a dot first
		From the sea, as in an mbox
		grüße, mit acht Bits

		  blanks in front, behind and alone  

	END
	printf ' \n\t\n%0990d\n\nThe end.\n' 0
}

# normal FILE: above the author's first field ids and dates become ID and DATE.
normal()
{
	local normal
	normalize "$1"
	printf %s "$normal"
}

# normalize FILE: sets normal to that. A file with a NUL, which none here has,
# ends before it.
normalize()
{
	local rest='' line=
	local id='(^|[^[:alnum:]_])id [^ ;]+'
	local date=$'(; |^\t)[A-Z][a-z]{2}, +[0-9]+ [A-Z][a-z]{2} [0-9]{4} .*'
	normal=
	IFS= read -rd '' rest <"$1" || :
	while [[ $line != Date:* && $rest == *$'\n'* ]]; do
		line=${rest%%$'\n'*} rest=${rest#*$'\n'}
		[[ ! $line =~ $id ]] ||
			line=${line/"${BASH_REMATCH[0]}"/"${BASH_REMATCH[1]}id ID"}
		[[ ! $line =~ $date ]] ||
			line=${line/"${BASH_REMATCH[0]}"/"${BASH_REMATCH[1]}DATE"}
		normal+=$line$'\n'
	done
	normal+=$rest
}

# arrived FILE < FIELDS: FILE is those trace fields, where \t starts what is
# folded, and the message.
arrived()
{
	local normal fields='' text=''
	IFS= read -rd '' fields || :
	fields=${fields//$'\n\\t'/$'\n\t'}
	IFS= read -rd '' text <message || :
	normalize "$1"
	[ "$normal" != "$fields$text" ] || return 0
	printf %s "$normal" >arrived.got
	same arrived.got <<<"${fields}${text%$'\n'}"
	return 1
}

# ours HELO PROTOCOL RCPT [ALL]: the trace fields of our delivery by SMTP, to
# RCPT alone or as one of all.
ours()
{
	local whom=$'\n'"\\tfor <$3>"
	[ $# != 4 ] || whom=
	printf '%s\n' 'Return-Path: <ann@example.net>' "Delivered-To: $3" \
	    "Received: from $1 ([127.0.0.1])" \
	    "\\tby mx.example.org with $2 id ID$whom; DATE"
}
