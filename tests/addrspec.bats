#!/usr/bin/env bats
# The addr-specs of an address list.
load lib
setup() { sandbox; ADDRSPEC=$BUILD/drv/addrspec; }

# list FIELD: compares with standard input, a line each.
list() { printf '%b' "$1" | "$ADDRSPEC" > got; same got; }

@test "addresses stand alone or behind a display name" {
	list 'a@b, Alice <c@d>,"Doe, \\"J\\"" <e@f> , g' <<- X
	a@b
	c@d
	e@f
	g
	X
}

@test "folds, blanks and comments go where the grammar lets them" {
	list 'a (c(o,m)\\) m) @\r\n b\n\t. c (x), <(,)d@e>,  f . g@h' <<- X
	a@b.c
	d@e
	f.g@h
	X
}

@test "quoted local parts are kept, with what they quote" {
	list '"a, b"@c, <"x@y"@z>, "q\\"r"@s, "<no>" <u@v>' <<- X
	"a, b"@c
	"x@y"@z
	"q\\"r"@s
	u@v
	X
}

@test "a group gives its members, an empty one nothing" {
	list 'Friends: a@b, "C" <c@d>; , e@f, None:;' <<- X
	a@b
	c@d
	e@f
	X
	list 'undisclosed-recipients:;' < /dev/null
	list '' < /dev/null
	list ' ,, ;\n' < /dev/null
}

@test "an obsolete route is dropped" {
	list '<@a,@b.c:u@z>, X <@[1.2.3.4] , @d : v@w>' <<- X
	u@z
	v@w
	X
}

@test "encoded words and UTF-8 in a display name are no address" {
	list '=?utf-8?q?x=40y=2C?= <a@b>, J\xc3\xb6rg M. <c@d>' <<- X
	a@b
	c@d
	X
}

@test "an address may be in UTF-8 or have a literal for its domain" {
	list 'j\xc3\xb6rg@b\xc3\xbccher.example, x@[IPv6:::1]' <<- X
	jörg@bücher.example
	x@[IPv6:::1]
	X
}

@test "what is no list says which part" {
	for s in 'a@b c@d' '<a,b@c>' '<a@b' 'a@b>' '<<a@b>>' '"a' '(a' '[a' \
		'a@' '@a' 'a@@b' '<>' 'a\' '"a"b@c' 'a@b <c@d> x' \
		'<a@b> <c@d>' '.' ':' ': a@b' 'a@b@c' 'a..b@c' '<@a:b:c@d>' \
		'a)'; do
		printf 'x@y, %s' "$s" | "$ADDRSPEC" > got
		same got <<< "no: $s"
	done
	printf 'a@b\0c' | "$ADDRSPEC" > got
	printf 'no: a@b\n' | diff - got
	printf 'x@y, z %0100d' 0 | "$ADDRSPEC" > got
	printf 'no: z %058d\n' 0 | diff - got
}

@test "500,000 addresses are read within two seconds" {
	seq 500000 | sed 's/.*/User & <user&@example.org>,/' > in
	[ "$(timeout 20 "$ADDRSPEC" count < in)" = 500000 ]
	[ "$("$ADDRSPEC" < in | tail -n 1)" = user500000@example.org ]
}

@test "comments 100,000 deep need no stack, unclosed ones are refused" {
	deep=$(printf '(%.0s' {1..100000}) shut=$(printf ')%.0s' {1..100000})
	printf '%s%s a@b' "$deep" "$shut" > in
	printf '%s a@b' "$deep" > open
	(
		ulimit -s 256
		[ "$("$ADDRSPEC" < in)" = a@b ] || exit 1
		[ "$("$ADDRSPEC" < open | cut -c1-8)" = 'no: ((((' ]
	)
}

@test "separators by the million are read in time" {
	head -c 3000000 /dev/zero | tr '\0' ';' > in
	[ "$(timeout 20 "$ADDRSPEC" count < in)" = 0 ]
	head -c 3000000 /dev/zero | tr '\0' ':' > in
	[[ $(timeout 20 "$ADDRSPEC" count < in) == no:* ]]
	{ printf 'a@b'; head -c 3000000 /dev/zero | tr '\0' '.'; } > in
	[[ $(timeout 20 "$ADDRSPEC" count < in) == no:* ]]
	yes 'g:' | head -n 1000000 > in
	[ "$(timeout 20 "$ADDRSPEC" count < in)" = 0 ]
}
