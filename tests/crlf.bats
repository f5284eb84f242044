#!/usr/bin/env bats
# Line ends and the dot-stuffed end of data, byte for byte.
load lib
setup() { sandbox; CRLF=$BUILD/drv/crlf; }

# feeds MODE INPUT OUTPUT NOTES: printf formats; whole, octet by octet, and
# cut at each position.
feeds() {
	# shellcheck disable=SC2059
	printf "$2" > in
	# shellcheck disable=SC2059
	printf "$3" > want
	for size in 1000000 1 2 3; do
		"$CRLF" "$1" $size < in > got 2> notes
		same got < want
		same notes <<< "$4"
	done
	"$CRLF" "$1" splits < in
}

wires() {
	# shellcheck disable=SC2059
	printf "$2" > in
	# shellcheck disable=SC2059
	printf "$3" > want
	for size in 1000000 1 2; do
		"$CRLF" "$1" $size < in > got
		same got < want
	done
	"$CRLF" "$1" splits < in
}

@test "reading makes CRLF a LF and keeps every other octet" {
	feeds text 'a\r\nb\nc\r\n\r\n\377.' 'a\nb\nc\n\n\377.' \
		'offset=12 nul=0 bare_cr=0'
}

@test "the first NUL and the first bare CR are noted with their offsets" {
	feeds text 'ab\r\nc\rd\0e\0\r' 'ab\nc\rd\0e\0\r' \
		'offset=11 nul=8 bare_cr=6'
}

@test "a CR before CRLF is bare, the CR of the CRLF is not" {
	feeds text 'a\r\r\nb' 'a\r\nb' 'offset=5 nul=0 bare_cr=2'
}

@test "a CR at the very end comes out and is bare" {
	feeds text 'a\r' 'a\r' 'offset=2 nul=0 bare_cr=2'
}

@test "no octets read are no octets written" {
	feeds text '' '' 'offset=0 nul=0 bare_cr=0'
	wires stuff '' ''
	feeds data '' '' 'taken=0 end=0 nul=0 bare_cr=0 bare_lf=0'
}

@test "writing makes LF and CRLF a CRLF and doubles leading dots" {
	wires stuff '.\na\r\n..b\nc.\n.' '..\r\na\r\n...b\r\nc.\r\n..\r\n'
	wires wire '.\na\r\n.' '.\r\na\r\n.\r\n'
}

@test "a missing last line end is completed, one that is there is not doubled" {
	wires stuff 'a' 'a\r\n'
	wires stuff 'a\n' 'a\r\n'
	wires stuff '\n' '\r\n'
}

@test "data ends at CRLF.CRLF and leaves what follows" {
	feeds data 'a\r\n.\r\nRSET\r\n' 'a\n' \
		'taken=6 end=1 nul=0 bare_cr=0 bare_lf=0'
}

@test "data that is empty ends at its first line" {
	feeds data '.\r\nRSET\r\n' '' 'taken=3 end=1 nul=0 bare_cr=0 bare_lf=0'
}

@test "one leading dot of a line is removed, dots elsewhere stay" {
	feeds data '..\r\n.a\r\nb.\r\n...\r\n.\r\n' '.\na\nb.\n..\n' \
		'taken=20 end=1 nul=0 bare_cr=0 bare_lf=0'
}

@test "LF.LF, LF.CRLF and CRLF.LF do not end data and are noted" {
	feeds data 'a\n.\nb\r\n.\r\n' 'a\n.\nb\n' \
		'taken=10 end=1 nul=0 bare_cr=0 bare_lf=1'
	feeds data 'a\n.\r\nb\r\n.\r\n' 'a\n.\nb\n' \
		'taken=11 end=1 nul=0 bare_cr=0 bare_lf=1'
	feeds data 'a\r\n.\nb\r\n.\r\n' 'a\n\nb\n' \
		'taken=11 end=1 nul=0 bare_cr=0 bare_lf=1'
}

@test "CR.CR, CRLF.CR and CRLF.CR.CRLF do not end data and are noted" {
	feeds data 'a\r.\rb\r\n.\r\n' 'a\r.\rb\n' \
		'taken=10 end=1 nul=0 bare_cr=1 bare_lf=0'
	feeds data 'a\r\n.\rb\r\n.\r\n' 'a\n\rb\n' \
		'taken=11 end=1 nul=0 bare_cr=1 bare_lf=0'
	feeds data 'a\r\n.\r\r\nb\r\n.\r\n' 'a\n\r\nb\n' \
		'taken=13 end=1 nul=0 bare_cr=1 bare_lf=0'
}

@test "NUL around the dot keeps data from ending and is noted" {
	feeds data 'a\r\n\0.\r\nb\r\n.\0\r\nc\r\n.\r\n' 'a\n\0.\nb\n\0\nc\n' \
		'taken=20 end=1 nul=1 bare_cr=0 bare_lf=0'
}

@test "end of input is not the end of data, whatever came last" {
	feeds data 'a\r\n.\r' 'a\n' 'taken=5 end=0 nul=0 bare_cr=0 bare_lf=0'
	feeds data 'a\r\n.' 'a\n' 'taken=4 end=0 nul=0 bare_cr=0 bare_lf=0'
}

@test "in chunks a dot is a dot, and only their count is the end" {
	feeds chunks '.\r\n..a\r\n.\r\nb\r\n' '.\n..a\n.\nb\n' \
		'taken=14 end=0 nul=0 bare_cr=0 bare_lf=0'
	feeds chunks 'a\nb' 'a\nb' 'taken=3 end=0 nul=0 bare_cr=0 bare_lf=1'
	feeds chunks '.\rb' '.\rb' 'taken=3 end=0 nul=0 bare_cr=1 bare_lf=0'
	feeds chunks '\0\r\n.\r' '\0\n.' \
		'taken=5 end=0 nul=1 bare_cr=1 bare_lf=0'
}

@test "no pair of odd line ends around a dot ends data (160 cases)" {
	ends=('\r\n' '\n' '\r' '\r\r\n' '\n\r' '\r\n\0' '\0\r\n' '\r\0\n' \
		'\x0b' '\x0c' '\x85' '\xe2\x80\xa8' '\r\n ')
	python3 - "$CRLF" "${ends[@]}" >got <<-'END'
	import subprocess, sys
	def drive(how, text):
	    p = subprocess.run([sys.argv[1], "data", how], input=text,
	                       capture_output=True)
	    return p.returncode, p.stdout, p.stderr
	ends = [bytes(e, "ascii").decode("unicode_escape").encode("latin1")
	        for e in sys.argv[2:]]
	cases = 0
	for odd in (before + b"." + after for before in ends for after in ends):
	    if b"\r\n.\r\n" in odd:
	        continue
	    text = b"a" + odd + b"MAIL FROM:<x@y>\r\nb\r\n.\r\n"
	    for size in "1000000", "1":
	        _, out, notes = drive(size, text)
	        if (not notes.startswith(b"taken=%d end=1 " % len(text)) or
	                not out.endswith(b"MAIL FROM:<x@y>\nb\n")):
	            print(odd, size, notes)
	    if drive("splits", text)[0] != 0:
	        print(odd, "splits")
	    cases += 1
	print(cases)
	END
	same got <<<160
}

@test "every odd pair with a bare CR, a bare LF or NUL is noted as such" {
	for odd in '\n' '\r' '\r\r\n' '\n\r' '\r\n\0' '\0\r\n' '\r\0\n'; do
		# shellcheck disable=SC2059
		printf "a${odd}b\r\n.\r\n" | "$CRLF" data 2> notes > got
		want="nul=0 bare_cr=0 bare_lf=0"
		case $odd in *0*) want=${want/nul=0/nul=1} ;; esac
		case $odd in '\n' | '\n\r' | '\r\0\n')
			want=${want/lf=0/lf=1} ;; esac
		case $odd in '\r' | '\r\r\n' | '\n\r' | '\r\0\n')
			want=${want/cr=0/cr=1} ;; esac
		[ "$(cut -d' ' -f3- notes)" = "$want" ] ||
			{ echo "$odd: $(< notes), not $want"; return 1; }
	done
}

@test "what was stuffed for the wire is unstuffed to what it was" {
	{ printf '.\n..\n.a\n\n.\n'; seq 2000; printf '.\n'; } > in
	"$CRLF" stuff 4096 < in > wire
	printf '.\r\n' >> wire
	"$CRLF" data 1000 < wire 2> notes > got
	cmp in got
	[ "$(cut -d' ' -f2 notes)" = end=1 ]
}
