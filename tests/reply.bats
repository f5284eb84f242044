#!/usr/bin/env bats
# SMTP replies, and what of them may reach a terminal.
load lib
setup() { sandbox; REPLY_DRV=$BUILD/drv/reply; }

reads() { printf '%b' "$1" | "$REPLY_DRV" > got; cat > want; diff -u want got; }

@test "a reply is one line, or several that go on with a dash" {
	reads '220 mx ready\r\n250-one\n250-\n250 two\n354\n' <<- X
	220 [] 1 lines: mx ready
	250 [] 3 lines: one two
	354 [] 1 lines: 
	X
}

@test "an enhanced code is taken out where its class is that of the code" {
	reads '550-5.1.1 no\n550 5.1.1 such\n' <<< '550 [5.1.1] 2 lines: no such'
	reads '550 4.1.1 x\n' <<< '550 [] 1 lines: 4.1.1 x'
	reads '250 2.0.0\n' <<< '250 [2.0.0] 1 lines: '
	reads '250 2.1234.0 x\n' <<< '250 [] 1 lines: 2.1234.0 x'
	reads '250 2.1.0x y\n' <<< '250 [] 1 lines: 2.1.0x y'
	reads '250 2.1.x\n' <<< '250 [] 1 lines: 2.1.x'
	reads '354 3.0.0 go\n' <<< '354 [] 1 lines: 3.0.0 go'
	reads '550-first\n550 5.7.999 no\n' <<< '550 [5.7.999] 2 lines: first no'
}

@test "what is no reply is bad" {
	for s in '' 2 25 'abc d' '25x y' 2500 '250x' '250\tx' '250\x01x' \
		'150 x' '600 x' '099 x' '-50 x' ' 250 x'; do
		reads "$s\n" <<< bad
	done
}

@test "a code that changes within a reply is bad" {
	reads '250-a\n251 b\n' <<< bad
}

@test "200 lines are a reply, 201 are not" {
	{ for _ in {1..199}; do echo 250-x; done; echo 250 y; } |
		"$REPLY_DRV" | cut -c1-20 > got
	same got <<< '250 [] 200 lines: x '
	[ "$(for _ in {1..201}; do echo 250-x; done | "$REPLY_DRV")" = bad ]
}

@test "a long text is cut and NUL does not end it" {
	[ "$(printf '250 %0600d\n' 0 | "$REPLY_DRV" | wc -c)" -eq $((16 + 499 + 1)) ]
	reads '250 a\0b\n' <<< '250 [] 1 lines: a b'
}

escapes() {
	printf '%b' "$1" | "$REPLY_DRV" escape ${3:+"$3"} > got
	[ "$(< got)" = "${#2} $2" ] || { cat got; return 1; }
}

@test "control, C1, bidi and invalid octets are shown as hexadecimal" {
	escapes 'a\x1b[2Jb\r\n\x7f\0' 'a\x1b[2Jb\x0d\x0a\x7f\x00'
	escapes '\xc2\x85\xc2\x9b' '\xc2\x85\xc2\x9b'
	escapes '\xe2\x80\xae\xe2\x81\xa6\xd8\x9c' \
		'\xe2\x80\xae\xe2\x81\xa6\xd8\x9c'
	escapes '\xff\xc3x\xe9' '\xff\xc3x\xe9'
	escapes '\xe2\x80\xa8' '\xe2\x80\xa8'
}

@test "valid text stays as it is" {
	printf 'Gr\xc3\xbc\xc3\x9fe \xf0\x9f\x98\x80' | "$REPLY_DRV" escape > got
	printf '%s\n' $'12 Gr\xc3\xbc\xc3\x9fe \xf0\x9f\x98\x80' | diff - got
}

@test "no escape and no character is cut in two" {
	escapes 'abc\x01' 'abc' 7
	escapes 'abc\x01' 'abc\x01' 8
	escapes 'ab\xc3\xa9' 'ab' 4
}
