#!/usr/bin/env bats
# Where a user's message enters.
load lib
setup() { sandbox; INTAKE=$BUILD/drv/intake; }

# takes OPTIONS: message `in' becomes standard input's lines, a line `---',
# and what was noted; in one piece, by octets, and cut at each position.
takes() {
	cat > want
	for size in 100000 1 7; do
		# shellcheck disable=SC2086
		"$INTAKE" $1 -s $size < in > out 2> notes
		{ cat out; echo ---; cat notes; } | diff -u want -
	done
	# shellcheck disable=SC2086
	"$INTAKE" $1 splits < in
}

@test "Bcc and Resent-Bcc are removed with their folds, the body is kept" {
	printf '%s\n' 'From: a' 'Bcc: b@c,' ' d@e' 'BCC : f@g' 'To: h@i' \
		'Resent-bcc: j' 'Subject: s' ' fold' '' 'Bcc: body' > in
	takes '' <<- X
	From: a
	To: h@i
	Subject: s
	 fold

	Bcc: body
	---
	octets 83, hops 0, From
	X
}

@test "mail in transit keeps its Bcc" {
	printf 'Bcc: b\n\nx\n' > in
	takes -k <<- X
	Bcc: b

	x
	---
	octets 10, hops 0
	X
}

@test "line ends become LF, a missing last one stays missing" {
	printf 'A: 1\r\nBcc: x\r\n\r\nb\r\nc' > in
	"$INTAKE" < in > out 2> notes
	printf 'A: 1\n\nb\nc' | cmp - out
	printf 'A: 1' > in
	"$INTAKE" < in 2> notes | cmp in -
}

@test "recipients come from To, Cc and Bcc, and each that is there is noted" {
	printf '%s\n' 'To: a@b, "X, Y" <c@d>' 'Cc: e@f' 'Bcc: g@h,' ' i@j' \
		'Date: x' 'Message-Id: y' '' 'To: no@body' > in
	takes -t <<- X
	To: a@b, "X, Y" <c@d>
	Cc: e@f
	Date: x
	Message-Id: y

	To: no@body
	---
	octets 80, hops 0, Date, Message-ID
	to a@b
	to c@d
	to e@f
	to g@h
	to i@j
	X
}

@test "only the first block of Resent fields counts" {
	printf '%s\n' 'Resent-From: r' 'Resent-To: a@b' 'Resent-Bcc: c@d' \
		'Received: x' 'Resent-To: old@x' 'To: t@u' '' > in
	takes -t <<- X
	Resent-From: r
	Resent-To: a@b
	Received: x
	Resent-To: old@x
	To: t@u

	---
	octets 84, hops 1
	to t@u
	resent a@b
	resent c@d
	X
	printf '%s\n' 'Resent-From: r' 'Resent-To: a@b' 'Resent-From: s' \
		'Resent-To: old@x' '' > in
	"$INTAKE" -t < in 2>&1 > out | sed -n '/^resent/p' > got
	same got <<< 'resent a@b'
}

@test "hops are counted, in the header alone" {
	{ for _ in {1..60}; do printf 'Received: x\n\ty\nDelivered-To: z\n'; done
		printf '\nReceived: body\n'; } > in
	"$INTAKE" < in > out 2> notes
	cmp in out
	same notes <<< 'octets 1876, hops 120'
}

@test "an address list that is none is named" {
	printf 'To: a@b\nCc: x y@z\nBcc: <\n\n' > in
	takes -t <<- X
	To: a@b
	Cc: x y@z

	---
	octets 26, hops 0
	to a@b
	bad Cc: x y@z
	X
}

@test "NUL and a bare CR are found, whichever comes first" {
	printf 'A: 1\n\na\rb\0c\n' | "$INTAKE" 2>&1 > out | tail -n 1 > got
	same got <<< 'bare CR at 7'
	printf 'A: \0001\n\na\rb\n' | "$INTAKE" 2>&1 > out | tail -n 1 > got
	same got <<< 'NUL at 3'
	printf 'A: 1\r' | "$INTAKE" 2>&1 > out | tail -n 1 > got
	same got <<< 'bare CR at 4'
}

@test "a message without a header, or with nothing at all, goes as it is" {
	printf 'hello\nBcc: x\n' > in
	"$INTAKE" -t < in 2> notes | cmp in -
	same notes <<< 'octets 13, hops 0'
	: > in
	"$INTAKE" < in 2> notes | cmp in -
	same notes <<< 'octets 0, hops 0'
	printf 'From x\nBcc: y\nA: 1\n\n' > in
	"$INTAKE" < in 2> notes > out
	printf 'From x\nA: 1\n\n' | cmp - out
}

@test "what Bcc leaves on top is no From_ line: a body stays body" {
	for from in From '>From'; do
		printf '%s\n' 'Bcc: b@c,' ' d@e' 'Resent-Bcc: f' "$from bob: hi" \
			'Subject: body' '' 'x' > in
		takes '' <<- X

		$from bob: hi
		Subject: body

		x
		---
		octets $(stat -c %s in), hops 0
		X
	done
	printf 'Bcc: b\nFrom ' > in
	"$INTAKE" < in 2> notes > out
	printf '\nFrom ' | cmp - out
}

@test "what Bcc leaves on top is no From_ line: a field stays one" {
	printf '%s\n' 'Bcc: b' 'From  : a@b' ' (fold)' 'From : c@d' '' 'From x' > in
	takes '' <<- X
	From: a@b
	 (fold)
	From : c@d

	From x
	---
	octets 46, hops 0, From
	X
	printf '%s\n' 'Bcc: b' '>From : a@b' 'A: 1' '' > in
	"$INTAKE" < in 2> notes > out
	printf '%s\n' '>From: a@b' 'A: 1' '' | cmp - out
}

@test "nothing else is altered for a From_ line's sake" {
	for text in 'From x\nFrom y\nA: 1\n' 'A: 1\nFrom y\nB: 2\n' \
		'From : a\nA: 1\n\n' '>From x\n\nb\n' 'From x' '\nFrom x\n'; do
		printf "$text" > in
		"$INTAKE" < in 2> notes | cmp in -
		printf "Bcc: x\\n$text" > in
		"$INTAKE" -k < in 2> notes | cmp in -
	done
	printf 'From x\nBcc: y\nFrom z\nA: 1\n' > in
	"$INTAKE" < in 2> notes > out
	printf 'From x\nFrom z\nA: 1\n' | cmp - out
	printf 'Bcc: y\n\nFrom z\nA: 1\n' > in
	"$INTAKE" < in 2> notes > out
	printf '\nFrom z\nA: 1\n' | cmp - out
	printf 'Bcc: y\nFromage\n' > in
	"$INTAKE" < in 2> notes > out
	echo Fromage | cmp - out
}

@test "a Bcc field on one line of 300 kB is removed whole" {
	printf 'Bcc: %0300000d\nA: 1\n\nb\n' 0 > in
	"$INTAKE" < in 2> notes > out
	printf 'A: 1\n\nb\n' | cmp - out
	printf 'A: %0300000d\nBcc: y\n z\n\nb\n' 0 > in
	"$INTAKE" < in 2> notes > out
	printf 'A: %0300000d\n\nb\n' 0 | cmp - out
}

@test "address lists over 1 MiB are refused in bounded memory" {
	{ printf 'To: '; seq 500000 | sed 's/.*/user&@example.org,/; s/^/ /'
		printf 'Subject: x\n\n'; } > in
	(
		sanitized || ulimit -v 65536
		"$INTAKE" -t < in > out 2> notes
	)
	cmp in out
	[ "$(tail -n 1 notes)" = 'bad To: too long' ]
}
