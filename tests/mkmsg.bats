#!/usr/bin/env bats
# mkmsg: composed messages, as they are and as Python's parser reads them.
# shellcheck disable=SC2154 # said, of one_line
load lib
setup() {
	sandbox
	export EMAIL=ann@example.org
	fixed=(-H 'Date: Sun, 22 Nov 2026 03:28:20 +0000'
		-H 'Message-ID: <1@example.org>')
	cat > parse.py <<- 'X'
	import email, email.policy, sys
	def read(name):
	    return email.message_from_binary_file(open(name, 'rb'),
	        policy=email.policy.default)
	def tree(p, depth=''):
	    print(depth + p.get_content_type(), p['content-transfer-encoding'],
	        p.get_content_disposition(), ascii(p.get_filename()),
	        p['content-id'], sep='|')
	    assert not p.defects, p.defects
	    if p.is_multipart():
	        for q in p.get_payload():
	            tree(q, depth + ' ')
	def write(name, data):
	    open(name, 'wb').write(data)
	if sys.argv[1] == 'each':
	    for name in sys.argv[3:]:
	        write(name + '.back', read(name)[sys.argv[2]].encode())
	    sys.exit()
	m = read(sys.argv[1])
	leaves = [p for p in m.walk() if not p.is_multipart()]
	what = sys.argv[2]
	if what == 'tree':
	    tree(m)
	elif what == 'part':
	    part = leaves[int(sys.argv[3])]
	    sys.stdout.buffer.write(part.get_payload(decode=True))
	elif what == 'parts':
	    for n, p in enumerate(leaves):
	        write('part.%d' % n, p.get_payload(decode=True))
	        write('name.%d' % n, p.get_filename().encode())
	elif what == 'people':
	    for a in m[sys.argv[3]].addresses:
	        print(a.display_name, a.addr_spec, sep='|')
	else:
	    sys.stdout.buffer.write(m[sys.argv[3]].encode())
	X
}

parse() { python3 -S parse.py "$@"; }

# mask < message: boundaries, which are random, become B1, B2...
mask() {
	python3 -S -c '
import re, sys
seen = {}
sys.stdout.write(re.sub(r"=-[A-Za-z0-9+/]{20}",
    lambda m: seen.setdefault(m[0], "B%d" % (len(seen) + 1)),
    sys.stdin.read()))'
}

@test "text becomes a message, byte for byte" {
	printf 'hello\n.\nFrom x\nlast' |
		mkmsg "${fixed[@]}" -t bob@example.net -c 'Carl <c@d>' \
			-b e@f -s 'A subject' -H 'X-Note: 1' > got
	same got <<- X
	From: ann@example.org
	To: bob@example.net
	Cc: Carl <c@d>
	Bcc: e@f
	Subject: A subject
	Date: Sun, 22 Nov 2026 03:28:20 +0000
	Message-ID: <1@example.org>
	X-Note: 1
	MIME-Version: 1.0
	Content-Type: text/plain; charset=us-ascii
	Content-Transfer-Encoding: 7bit

	hello
	.
	From x
	last
	X
}

@test "a message with everything has the shape that readers expect" {
	printf '<p>\n' > p.html
	printf 'png' > 'lo go.png'
	printf 'From: x\n\nforwarded\n' > m
	printf 'a,b\n' > t.csv
	echo text | mkmsg "${fixed[@]}" --html p.html --inline 'lo go.png' \
		--forward m -a t.csv | mask > got
	same got <<- X
	From: ann@example.org
	Subject: Fwd:
	Date: Sun, 22 Nov 2026 03:28:20 +0000
	Message-ID: <1@example.org>
	MIME-Version: 1.0
	Content-Type: multipart/mixed; boundary="B1"

	--B1
	Content-Type: multipart/alternative; boundary="B2"

	--B2
	Content-Type: text/plain; charset=us-ascii
	Content-Transfer-Encoding: 7bit

	text

	--B2
	Content-Type: multipart/related; boundary="B3"

	--B3
	Content-Type: text/html; charset=us-ascii
	Content-Transfer-Encoding: 7bit

	<p>

	--B3
	Content-Type: image/png
	Content-Transfer-Encoding: base64
	Content-Disposition: inline; filename="lo go.png"
	Content-Id: <lo_go.png@mkmsg>

	cG5n

	--B3--

	--B2--

	--B1
	Content-Type: message/rfc822
	Content-Transfer-Encoding: 7bit

	From: x

	forwarded

	--B1
	Content-Type: text/csv; charset=us-ascii
	Content-Transfer-Encoding: 7bit
	Content-Disposition: attachment; filename=t.csv

	a,b

	--B1--
	X
}

@test "Date and Message-ID are there, and the id's domain is the sender's" {
	mkmsg -f a@h.example < /dev/null > got
	sed -n 's/^Date: [A-Z][a-z][a-z], [0-9]* [A-Z][a-z][a-z] [0-9]\{4\} [0-9:]\{8\} [-+][0-9]\{4\}$/date/p
		s/^Message-ID: <[0-9a-z]\{20\}@h.example>$/id/p' got > seen
	same seen <<- X
	date
	id
	X
}

@test "the sender is -f, else EMAIL with or without a name, else login at host" {
	from() { mkmsg "$@" < /dev/null | sed -n '1p'; }
	[ "$(from -f 'Bob <b@c>')" = 'From: Bob <b@c>' ]
	[ "$(EMAIL='Ann B. <a@b>' from)" = 'From: "Ann B." <a@b>' ]
	[ "$(EMAIL=a@b from)" = 'From: a@b' ]
	[[ $(EMAIL='' from) == "From: $(id -un)@"* ]]
}

@test "a subject is read back as it was given, whatever is in it" {
	subjects=('' x 'Grüße, "alle"' ' blanks  within ' $'a\tb' \
		'=?utf-8?q?a=0Ab?=' '=?utf-8?b?' 'a =?= b' '漢字仮名交じり文の件名がとても長い場合でも読める' \
		"$(printf 'word%.0s ' {1..500})x" "$(printf '%010000d' 0)" \
		"$(printf 'ü%.0s' {1..10000})" '😀')
	for i in "${!subjects[@]}"; do
		mkmsg -s "${subjects[i]}" < /dev/null > "m$i"
	done
	awk 'length > 998' m? m?? > out
	same out < /dev/null
	parse each Subject m? m??
	for i in "${!subjects[@]}"; do
		printf '%s' "${subjects[i]}" | same "m$i.back"
	done
}

@test "a field of -H is read back as it was given" {
	values=('' x 'ü  ö' '=?utf-8?q?x?=' '"q" <a@b>, (c)')
	for i in "${!values[@]}"; do
		mkmsg -H "X-Any: ${values[i]}" < /dev/null > "m$i"
	done
	parse each X-Any m?
	for i in "${!values[@]}"; do
		printf '%s' "${values[i]}" | same "m$i.back"
	done
}

@test "names and addresses are read back as they were given" {
	mkmsg -t 'Jörg Müller <j@x>, "Doe, \"J\" \\ K" <d@y>' -t '"a b"@z.example' \
		-t '=?utf-8?q?x?= <e@f>, "A. B:;" <g@h>, g: i@j;' \
		-H 'Reply-To: Ü <r@s>' < /dev/null > got
	parse got people To > back
	same back <<- 'X'
	Jörg Müller|j@x
	Doe, "J" \ K|d@y
	|"a b"@z.example
	=?utf-8?q?x?=|e@f
	A. B:;|g@h
	|i@j
	X
	parse got people Reply-To > back
	same back <<< 'Ü|r@s'
}

@test "a thousand recipients are one field of short lines" {
	mkmsg -t "$(seq 1000 | sed 's/.*/User & <u&@example.org>,/' | tr -d '\n')" \
		< /dev/null > got
	[ "$(awk 'length > 76' got | wc -l)" -eq 0 ]
	[ "$(parse got people To | wc -l)" -eq 1000 ]
}

@test "a line end or a control octet in any value is refused, and named" {
	: > $'bad\nname'
	for c in $'\n' $'\r' $'\v' $'\x1b' $'\x7f' $'\xc2\x85' \
		$'\xe2\x80\xa8' $'\xff'; do
		for o in -f -t -c -b -s -H; do
			v="X-A: ${c}Bcc: x@y"
			[ $o = -H ] || v="a${c}b <a@b>"
			exits 65 mkmsg $o "$v" < /dev/null > got 2> err
			[ ! -s got ]
			one_line err
			[[ $said == "mkmsg: check $o: "* ]]
		done
	done
	exits 65 mkmsg -a $'bad\nname' < /dev/null > got 2> err
	same err <<< 'mkmsg: check file name: a control octet or no UTF-8 in its value: bad\x0aname'
	exits 65 mkmsg -H $'X\nY: z' < /dev/null 2> err
	exits 65 mkmsg -H 'X Y: z' < /dev/null 2> err
	exits 65 mkmsg -H 'no colon' < /dev/null 2> err
	exits 65 mkmsg -H ': z' < /dev/null 2> err
	exits 65 mkmsg -H 'References: ü' < /dev/null 2> err
}

@test "what is no address list is refused" {
	for s in '' 'a b' 'a@' 'a@b c@d' '<a@b' 'g:;' 'a@b, x@[1]' "$(printf 'a%.0s' {1..2000})@b"; do
		exits 65 mkmsg -t "$s" < /dev/null 2> err
	done
	exits 65 mkmsg -s "$(printf '\001%0100000d' 0)" < /dev/null 2> err
	[ "$(wc -c < err)" -lt 1000 ]
	exits 65 mkmsg -f 'a@b, c@d' < /dev/null 2> err
	same err <<< 'mkmsg: check -f: more than one address: a@b, c@d'
}

@test "text arrives as it was, in the encoding that it needs" {
	encoding() { sed -n 's/^Content-Transfer-Encoding: //p' got; }
	while IFS='|' read -r want text; do
		printf '%b\n' "$text" > in
		mkmsg < in > got
		[ "$(encoding)" = "$want" ]
		parse got part 0 | cmp in -
	done <<- 'X'
	7bit|plain
	7bit|.\nFrom x\n..
	quoted-printable|mostly plain gr\xc3\xbc\xc3\x9fe = \t \n trailing 
	base64|\xe6\xbc\xa2\xe5\xad\x97
	base64|a\rb
	base64|nul\0
	X
	printf '%0999d\n' 0 > in
	mkmsg < in > got
	[ "$(encoding)" = quoted-printable ]
	parse got part 0 | cmp in -
	printf 'a\r\nb' | mkmsg > got
	parse got part 0 > back
	printf 'a\nb\n' | cmp - back
}

@test "text that is not UTF-8 is refused with its offset" {
	printf 'gr\374n\n' | exits 65 mkmsg > got 2> err
	[ ! -s got ]
	same err <<< 'mkmsg: read standard input: octet 2 is not UTF-8 (iconv converts)'
	printf '<p>\377' > p.html
	exits 65 mkmsg --html p.html < /dev/null 2> err
	same err <<< 'mkmsg: read p.html: octet 3 is not UTF-8 (iconv converts)'
}

@test "an attachment arrives byte for byte, with its name and a fitting type" {
	printf 'a\r\nb' > crlf.txt
	printf 'trailing \n\n.\n' > dot.txt
	printf 'gr\374n' > latin1.txt
	: > empty.txt
	printf '%05000d' 0 > long.csv
	head -c 300000 /dev/urandom > random.pdf
	printf '\0\1' > noext
	printf '#!/bin/sh\n' > script
	echo x > 'a "q" \ ü;=%'\''.TXT'
	echo y > "$(printf 'ü%.0s' {1..120})"
	files=(crlf.txt dot.txt latin1.txt empty.txt long.csv random.pdf noext \
		script 'a "q" \ ü;=%'\''.TXT' "$(printf 'ü%.0s' {1..120})")
	args=()
	for f in "${files[@]}"; do args+=(-a "./$f"); done
	mkmsg "${args[@]}" < /dev/null > got
	parse got parts
	for i in "${!files[@]}"; do
		cmp "${files[i]}" "part.$i"
		printf '%s' "${files[i]}" | same "name.$i"
	done
	[ ! -e "part.${#files[@]}" ]
	parse got tree | cut -d'|' -f1-3 > shape
	same shape <<- X
	multipart/mixed|None|None
	 text/plain|base64|attachment
	 text/plain|7bit|attachment
	 application/octet-stream|base64|attachment
	 text/plain|7bit|attachment
	 text/csv|quoted-printable|attachment
	 application/pdf|base64|attachment
	 application/octet-stream|base64|attachment
	 text/plain|7bit|attachment
	 text/plain|7bit|attachment
	 text/plain|7bit|attachment
	X
}

@test "a pipe may be attached" {
	mkfifo fifo
	head -c 100000 /dev/zero > fifo &
	echo x | mkmsg -a fifo > got
	wait $!
	[ "$(parse got part 1 | wc -c)" -eq 100000 ]
}

@test "an answer has the threads, subject and recipient of its question" {
	printf '%s\n' 'From: =?utf-8?q?J=C3=B6rg?= <j@x>' \
		'Subject: =?iso-8859-1?q?h=E9?=' ' fold' 'Message-ID: <3@x>' \
		'References: <1@x>' '	<2@x>' '' body > m
	mkmsg "${fixed[@]}" --reply m < /dev/null | sed -n '1,/^Ref/p' > got
	same got <<- X
	From: ann@example.org
	To: =?utf-8?q?J=C3=B6rg?= <j@x>
	Subject: =?utf-8?q?Re=3A_h=C3=A9_fold?=
	In-Reply-To: <3@x>
	References: <1@x> <2@x> <3@x>
	X
	sed -i 's/^Subject.*/Subject: RE: x/; s/^Ref.*/Reply-To: l@m/; /^\t/d
		/^ fold/d' m
	mkmsg --reply m < /dev/null | sed -n '2,/^Ref/p' > got
	same got <<- X
	To: l@m
	Subject: RE: x
	In-Reply-To: <3@x>
	References: <3@x>
	X
	mkmsg --reply m -t a@b -s own < /dev/null | sed -n '2,3p' > got
	same got <<- X
	To: a@b
	Subject: own
	X
}

@test "an answer to a hostile message has nothing of its own making" {
	printf '%s\r\n' 'From: x@y' $'Subject: a\x1b[2J=?utf-8?q?b=0D=0ABcc:_z@z?=' \
		'Message-ID: <1@x> <2@x' 'References: <a b> <> <ok@x> <<n@x>' '' > m
	mkmsg "${fixed[@]}" --reply m < /dev/null > got
	sed -n '2,/^MIME/p' got > top
	same top <<- X
	To: x@y
	Subject: Re:
	In-Reply-To: <1@x>
	References: <ok@x> <n@x> <1@x>
	Date: Sun, 22 Nov 2026 03:28:20 +0000
	Message-ID: <1@example.org>
	MIME-Version: 1.0
	X
	printf 'no header\n' > m
	exits 65 mkmsg --reply m < /dev/null 2> err
}

@test "of many references the first and the last ones stay" {
	{ echo 'From: a@b'; echo 'Message-ID: <me@x>'; echo 'References:'
		seq -f ' <%g@x>' 5000; echo; } > m
	mkmsg --reply m < /dev/null > got
	parse got field References > back
	printf '%s' "<1@x> $(seq -f '<%g@x>' -s ' ' 4981 5000) <me@x>" |
		cmp - back
}

@test "a forwarded message goes byte for byte, 8-bit and long lines included" {
	printf 'Subject: s\n\ngr\374n %01200d\n.\nno newline' 0 > m
	mkmsg --forward m < /dev/null > got
	sed -n '/rfc822/,$p' got | sed '1,/^$/d' | head -c "$(wc -c < m)" | cmp m -
	parse got tree | cut -d'|' -f1-2 > shape
	same shape <<- X
	multipart/mixed|8bit
	 message/rfc822|8bit
	  text/plain|None
	X
	parse got field Subject > back
	printf 'Fwd: s' | cmp - back
	for bad in '' 'a: b\n\nx\ry\n' 'a: b\n\n\0\n'; do
		printf '%b' "$bad" > m
		exits 65 mkmsg --forward m < /dev/null 2> err
	done
}

@test "a command gets the whole message, sender and recipients, and its exit code is ours" {
	echo text > in
	cat > handler <<- 'X'
	#!/bin/sh
	printf '%s|' "$@" > args
	echo "${MAIL_ID-unset} ${MAIL_SIZE-unset}" >> args
	cat > first
	exec 3< /proc/self/fd/0
	cat <&3 > again
	exit 67
	X
	chmod +x handler
	MAIL_ID=x MAIL_SIZE=9 exits 67 mkmsg "${fixed[@]}" -f 'A <a@b>' \
		-t 'B <b@c>, "d e"@f' -b g@h -- ./handler one < in > out
	[ ! -s out ]
	same args <<< 'one|-f|a@b|--|b@c|"d e"@f|g@h|unset unset'
	mkmsg "${fixed[@]}" -f 'A <a@b>' -t 'B <b@c>, "d e"@f' -b g@h < in |
		cmp - first
	cmp first again
}

@test "nothing is run or written when a file cannot be read" {
	exits 66 mkmsg -a none -- touch ran < /dev/null 2> err
	same err <<< 'mkmsg: open none: No such file or directory'
	exits 66 mkmsg -a . < /dev/null > got 2> err
	same err <<< 'mkmsg: read .: Is a directory'
	[ ! -s got ]
	[ ! -e ran ]
}

@test "a wrong command line is 64" {
	: > m
	for args in --nope 'operand' '--inline m' '--reply m --forward m' \
		'-H Content-Type:x' '-H to:x' '-a'; do
		# shellcheck disable=SC2086
		exits 64 mkmsg $args < /dev/null 2> err
		one_line err
	done
}

@test "no room for the temporary file, or a full disk, is 75" {
	TMPDIR=/nonexistent exits 75 mkmsg < /dev/null 2> err
	same err <<< 'mkmsg: create temporary file: No such file or directory'
	exits 75 mkmsg < /dev/null 2> err > /dev/full
	same err <<< 'mkmsg: write standard output: No space left on device'
}

@test "a command that is not there is 75, an EMAIL that is no address 78" {
	exits 75 mkmsg -- ./none < /dev/null 2> err
	same err <<< 'mkmsg: run ./none: No such file or directory'
	for e in 'a b' 'A <b' 'A <a@b>, c@d' $'a\n@b'; do
		EMAIL=$e exits 78 mkmsg < /dev/null 2> err
	done
}

@test "a read that fails half-way writes no message" {
	export ASAN_OPTIONS=detect_leaks=0
	head -c 1000000 /dev/urandom > file
	reads=$(strace -e trace=read -o /dev/stdout mkmsg -a file < /dev/null 2> err |
		grep -c '^read')
	for n in $((reads - 3)) $((reads / 2)); do
		exits 75 strace -o /dev/null -e trace=read \
			-e inject=read:error=EIO:when=$n+ \
			mkmsg -a file < /dev/null > got 2> err
		[ ! -s got ]
	done
}

@test "20 MB pass in memory that does not grow with them" {
	head -c 20000000 /dev/zero > file
	"$BUILD/drv/peak" peaks mkmsg -a file < /dev/null > got
	parse got part 0 | cmp file -
	sanitized || [ "$(cut -d' ' -f2 peaks)" -lt 16384 ]
}

@test "help fits a screen" {
	[ "$(mkmsg --help | wc -l)" -le 24 ]
	[ "$(mkmsg --help | awk 'length > 80' | wc -l)" -eq 0 ]
	[[ $(mkmsg --version) == "mkmsg "* ]]
}
