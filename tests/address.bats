#!/usr/bin/env bats
# Paths of RFC 5321: hop|mailbox|local part unquoted|domain|popped|stripped.
load lib
setup() { sandbox; ADDRESS=$BUILD/drv/address; }

# reads FORMS PATH WANT
reads() {
	# shellcheck disable=SC2086
	"$ADDRESS" $1 <<<"$2" >got
	same got <<<"$3" || { echo "$2"; return 1; }
}

@test "a mailbox is a dot string or a quoted string at a domain" {
	reads '' a@b.example 'b.example|a@b.example|a|b.example|a@b.example|a@b.example'
	reads '' 'a.b+c/d=e@X-1.example' 'x-1.example|a.b+c/d=e@X-1.example|a.b+c/d=e|X-1.example|a.b+c/d=e@X-1.example|a.b+c/d=e@X-1.example'
	reads '' '"a\"b\\ c@d"@e' 'e|"a\"b\\ c@d"@e|a"b\ c@d|e|"a\"b\\ c@d"@e|"a\"b\\ c@d"@e'
	reads '' '""@e' 'e|""@e||e|""@e|""@e'
}

@test "a source route has hops that come off one by one, or all at once" {
	reads '' '@A,@b.c:u@z' 'a|u@z|u|z|@b.c:u@z|u@z (route)'
	reads '' '@b:u@z' 'b|u@z|u|z|u@z|u@z'
	reads '' '@[1.2.3.4],@[IPv6:::1]:u@z' \
		'[1.2.3.4]|u@z|u|z|@[IPv6:::1]:u@z|u@z (route)'
	reads '' '@[IPv6:2001:DB8::1]:u@z' '[ipv6:2001:db8::1]|u@z|u|z|u@z|u@z'
}

@test "literals are addresses that exist" {
	reads '' 'x@[192.0.2.77]' '[192.0.2.77]|x@[192.0.2.77]|x|[192.0.2.77]|x@[192.0.2.77]|x@[192.0.2.77]'
	for s in '[192.0.2]' '[192.0.2.256]' '[IPv6:1::2::3]' '[::1]' '[]' \
		'[x]' '[1.2.3.4' '1.2.3.4]' '[1.2.3.4]x' '[1.2.3.4].x' \
		"[$(printf '%0300d' 0)]"; do
		reads '' "x@$s" no
	done
}

@test "the null path and bare local parts pass where they may" {
	printf '\n' | "$ADDRESS" null > got
	same got <<< '|||||'
	printf '\n' | "$ADDRESS" > got
	same got <<< no
	reads '' alice no
	reads bare alice '|alice|alice||alice|alice'
	reads '' PostMaster '|PostMaster|PostMaster||PostMaster|PostMaster'
	reads bare '@b:alice' no
	reads '' '@b:postmaster' no
}

@test "lengths are bounded: local part 64, label 63, domain 255" {
	l64=$(printf '%064d' 0) d63=$(printf '%063d' 0)
	d255=$d63.$d63.$d63.$d63
	[ "$(printf '%s\n' "$l64@$d255" | "$ADDRESS" | cut -d'|' -f4)" = "$d255" ]
	reads '' "${l64}0@x" no
	reads '' "x@0$d63" no
	reads '' "x@$d255.0" no
	reads '' "\"$l64\"@x" no
	route=$(printf '@h%.0s,' {1..400})
	reads '' "${route%,}:u@z" no
}

@test "no hostile form passes as a path" {
	for s in 'x@' '@x' 'x@other@example.org' 'x y@z' 'x@y z' 'x@-y' 'x@y-' \
		'x@y-.z' 'x@.y' 'x@y..z' 'x@y.' 'x@example.org:25' 'x@(c)y' \
		'(c)x@y' 'x(c)@y' '.x@y' 'x.@y' 'x..y@z' '"x@y' 'x"@y' '"x"y@z' \
		'"x""y"@z' '"x\"@y' '<x@y>' 'x@y>' ':include:/x' '@x@y' '@a:' \
		'@a,:u@z' '@a,b:u@z' '@a;u@z' '@a@b:u@z' '@:u@z' ',@a:u@z' \
		'x@y,z@a' 'x;y@z' 'x@y;' '\x@y' 'x@y\' '$(x)@y'; do
		reads '' "$s" no
		reads 'null bare' "$s" no
	done
}

@test "what only looks dangerous is literal text" {
	for s in '/etc/passwd' -oX '${run{x}}' '`id`' x%other 'other!x' '#' \
		"a'b" '$HOME' '{}' '~root'; do
		reads '' "$s@z" "z|$s@z|$s|z|$s@z|$s@z"
	done
	reads '' '|cmd@z' 'z||cmd@z||cmd|z||cmd@z||cmd@z'
	reads '' '../../x@z' no
	reads '' 'x+../../y@z' no
}

@test "control octets are refused in every place" {
	for c in '\r' '\n' '\t' '\x01' '\x1b' '\x7f'; do
		for s in "a${c}b@c" "a@b$c" "$c" "\"a${c}b\"@c" "\"a\\\\${c}b\"@c" \
			"a@b${c}c" "@b$c:u@c" "a@[1.2.3.4$c]"; do
			# shellcheck disable=SC2059
			printf "$s" > in
			"$ADDRESS" -0 null bare utf8 < in > got
			same got <<< no
		done
	done
	printf 'a\0b@c' > in
	"$ADDRESS" null bare utf8 < in > got
	same got <<< no
	printf '"a\0b"@c' | "$ADDRESS" null bare utf8 > got
	same got <<< no
}

@test "UTF-8 passes only where it may, and only when it is valid" {
	reads utf8 'jörg@bücher.example' 'bücher.example|jörg@bücher.example|jörg|bücher.example|jörg@bücher.example|jörg@bücher.example'
	reads '' 'jörg@x' no
	reads '' 'x@bücher.example' no
	reads utf8 $'j\xf6rg@x' no
	reads utf8 $'j\xc2\x85rg@x' no
	reads utf8 $'"j\xf6rg"@x' no
}

@test "an SMTP argument gives its path and where it ends" {
	reads path '<a@b> SIZE=1' '5 b|a@b|a|b|a@b|a@b'
	reads path '<"a>\">b"@c>' '12 c|"a>\">b"@c|a>">b|c|"a>\">b"@c|"a>\">b"@c'
	reads 'path null' '<>' '2 |||||'
	for s in 'a@b' '<a@b' ' <a@b>' '<<a@b>>' '<>' '<a@b >' '<"a>' '<"a\>' '<'; do
		reads path "$s" no
	done
}

@test "domains compare without case and without a trailing dot" {
	[ "$("$ADDRESS" same Example.ORG. example.org)" = yes ]
	[ "$("$ADDRESS" same example.org example.org.other.example)" = no ]
	while read -r a b; do
		echo "$a $b $("$ADDRESS" same "$a" "$b")"
	done <<- 'X' >got
	[192.0.2.1] [192.0.2.1]
	[192.0.2.1] [192.0.2.2]
	[192.0.2.1] 192.0.2.1
	[IPv6:2001:db8::1] [ipv6:2001:DB8:0:0:0:0:0:1]
	[IPv6:2001:db8::1] [IPv6:2001:db8:0::0001]
	[IPv6:2001:db8::1] [IPv6:2001:db8::1:1]
	[IPv6:::ffff:192.0.2.1] [192.0.2.1]
	[IPv6:::192.0.2.1] [192.0.2.1]
	[IPv6:::1] [IPv6:::1]x
	X
	same got <<- 'X'
	[192.0.2.1] [192.0.2.1] yes
	[192.0.2.1] [192.0.2.2] no
	[192.0.2.1] 192.0.2.1 no
	[IPv6:2001:db8::1] [ipv6:2001:DB8:0:0:0:0:0:1] yes
	[IPv6:2001:db8::1] [IPv6:2001:db8:0::0001] yes
	[IPv6:2001:db8::1] [IPv6:2001:db8::1:1] no
	[IPv6:::ffff:192.0.2.1] [192.0.2.1] yes
	[IPv6:::192.0.2.1] [192.0.2.1] no
	[IPv6:::1] [IPv6:::1]x no
	X
	[ "$("$ADDRESS" same xexample.org example.org)" = no ]
	[ "$("$ADDRESS" same '' .)" = yes ]
}
