# What is known of a message before it is sent (tests/drv/scan.c).
load lib

setup() {
	sandbox
	PATH=$BUILD/drv:$PATH
}

# says TEXT < MESSAGE: in blocks of any size.
says() {
	cat > m
	for block in 1 2 127 128 129 65536; do
		scan "$block" < m > got
		same got <<< "$1"
	done
}

@test "the size on the wire has CRLF for each LF and a last line end" {
	printf '' | says '0 octets, 0 on the wire'
	printf 'a' | says '1 octets, 3 on the wire'
	printf 'a\n\nb\r\nc\n' | says '8 octets, 11 on the wire'
	printf 'a\r\nb' | says '4 octets, 6 on the wire'
	head -c 70000 /dev/zero | tr '\0' '\n' |
		says '70000 octets, 140000 on the wire'
}

@test "8-bit octets are seen wherever they stand" {
	for before in 0 126 127 128 200; do
		{ printf "%${before}s" ''; printf '\200\n'; } |
			says "$((before + 2)) octets, $((before + 3)) on the wire, 8-bit from the header on"
	done
	printf 'a\n\n\200\n' | says '5 octets, 8 on the wire, 8-bit'
	printf 'a\r\n\r\n\200\n' | says '7 octets, 8 on the wire, 8-bit'
	printf '\n\200' | says '2 octets, 5 on the wire, 8-bit'
	printf 'a\n b\nc\200\n\n' |
		says '9 octets, 13 on the wire, 8-bit from the header on'
}

@test "the first NUL or bare CR is named with its offset" {
	printf 'ab\0c\r' | says 'NUL at 2'
	printf 'a\rb\0' | says 'bare CR at 1'
	printf 'a\r\n\r\0' | says 'bare CR at 3'
	printf 'a\r\r\n' | says 'bare CR at 1'
	printf 'a\r\nb\r' | says 'bare CR at 4'
	for before in 126 127 128 255; do
		{ printf "%${before}s" ''; printf '\rx'; } |
			says "bare CR at $before"
		{ printf "%${before}s" ''; printf '\0\n'; } |
			says "NUL at $before"
	done
}
