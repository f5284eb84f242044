#!/usr/bin/env bats
# lib/proxy: the header that a proxy sends, octet by octet.
load lib

setup() {
	sandbox
	drv=$BUILD/drv/proxy
	mark='\r\n\r\n\0\r\nQUIT\n'
}

# says OCTETS...: what the header of these says, which printf makes.
says() {
	local octets
	for octets; do
		# shellcheck disable=SC2059 # a format on purpose
		printf "$mark$octets" | "$drv"
	done
}

v4='\xc0\0\2\7\xc0\0\2\1\x30\x39\0\x19'
v6='\x20\1\r\xb8\0\0\0\0\0\0\0\0\0\0\0\7\x20\1\r\xb8\0\0\0\0\0\0\0\0\0\0\0\1\xff\xff\0\x19'

@test "a client over IPv4 or IPv6, with fields behind that are passed over" {
	says '\x21\x11\0\x0c'"$v4" '\x21\x21\0\x24'"$v6" \
		'\x21\x11\0\x14'"$v4"'\3\0\4abcd\4' \
		'\x21\x11\0\x0d'"$v4"'\xff' >out
	same out <<-'END'
	192.0.2.7 12345 after 28
	2001:db8::7 65535 after 52
	192.0.2.7 12345 after 36
	192.0.2.7 12345 after 29
	END
}

@test "a proxy that speaks for itself, whatever else it says" {
	says '\x20\0\0\0' '\x20\x11\0\x0c'"$v4" '\x20\xff\0\3abc' >out
	same out <<-'END'
	local after 16
	local after 28
	local after 19
	END
}

@test "what is no such header is none, as soon as that is sure" {
	{
		printf 'PROXY TCP4 192.0.2.7 192.0.2.1 1 25\r\n' | "$drv"
		printf 'EHLO me\r\n' | "$drv"
		printf '\r\n\r\n\0\r\nQUIX\n\x21' | "$drv"
		: | "$drv"
		says '' '\x21' '\x21\x11\0\x0c\xc0\0\2' \
			'\x21\x11\0\x0b\xc0\0\2\7\xc0\0\2\1\x30\x39\0' \
			'\x21\x21\0\x0c'"$v4" \
			'\x21\x11\0\x0c'"${v4}x" \
			'\x22\x11\0\x0c'"$v4" '\x11\x11\0\x0c'"$v4" \
			'\x31\x11\0\x0c'"$v4" '\x21\x12\0\x0c'"$v4" \
			'\x21\0\0\x0c'"$v4" '\x21\x10\0\x0c'"$v4" \
			'\x21\x31\0\x0c'"$v4" '\x21\x11\xff\xff' \
			'\x21\x11\7\xf1' '\x21\x11\7\xf0'
	} >out
	same out <<-'END'
	none, missing -1 after 1
	none, missing -1 after 1
	none, missing -1 after 11
	none, missing 16 after 0
	none, missing 4 after 12
	none, missing 3 after 13
	none, missing 9 after 19
	none, missing 0 after 27
	none, missing 0 after 28
	none, missing 0 after 28
	none, missing 0 after 28
	none, missing 0 after 28
	none, missing 0 after 28
	none, missing 0 after 28
	none, missing 0 after 28
	none, missing 0 after 28
	none, missing 0 after 28
	none, missing -1 after 16
	none, missing -1 after 16
	none, missing 2032 after 16
	END
}
