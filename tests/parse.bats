#!/usr/bin/env bats
# Bounded numbers, units, ids, UTF-8, and the written forms of a verdict.
load lib
setup() { sandbox; }

# says WANT LINE...: the driver's answers to the lines, in order.
says() {
	local want=$1
	shift
	printf '%s\n' "$@" | "$BUILD/drv/parse" > got
	diff -u <(tr ' ' '\n' <<< "$want") got
}

@test "a number is digits alone, up to its bound" {
	says '0 7 10 10 no no no no no no' 'number 10 0' 'number 10 7' \
		'number 10 10' 'number 10 0000010' 'number 10 11' \
		'number 10 ' 'number 10 +1' 'number 10 -1' 'number 10 1 ' \
		'number 10 0x1'
}

@test "64 bits are neither overflowed nor wrapped" {
	says '18446744073709551615 no no no' \
		'number 18446744073709551615 18446744073709551615' \
		'number 18446744073709551615 18446744073709551616' \
		'number 18446744073709551615 99999999999999999999999' \
		'number 18446744073709551614 18446744073709551615'
}

@test "the leading digits of a text are a number of their own" {
	says '12 no no' 'digits 123' 'digits 1x' 'digits -1'
}

@test "a size has one unit, a power of 1024" {
	says '5 2048 3145728 1073741824 no no no no no' 'size 5' 'size 2K' \
		'size 3M' 'size 1G' 'size K' 'size 1k' 'size 1KK' 'size ' \
		'size 99999999999999999G'
}

@test "a duration is in seconds or has one unit" {
	says '30 30 120 7200 172800 604800 no no no' 'duration 30' \
		'duration 30s' 'duration 2m' 'duration 2h' 'duration 2d' \
		'duration 1w' 'duration 1y' 'duration 1h30m' 'duration -1'
}

@test "a mail id is 1 to 40 digits and small letters" {
	says 'yes yes no no no no' 'id a' "id $(printf '%040d' 0)" \
		"id $(printf '%041d' 0)" 'id ' 'id A' 'id a/b'
}

@test "UTF-8 is decoded only when it is valid and shortest" {
	printf 'utf8 %b\n' '\xc3\xa9x' '\xe2\x82\xac' '\xf0\x9f\x98\x80' \
		'\xc0\x80' '\xed\xa0\x80' '\xf4\x90\x80\x80' '\xc3' '\x80' a \
		'\xe0\x80\xaf' '\xf8\x88\x80\x80\x80' > in
	"$BUILD/drv/parse" < in > got
	same got <<- X
	2 U+00E9
	3 U+20AC
	4 U+1F600
	0 U+0000
	0 U+0000
	0 U+0000
	0 U+0000
	0 U+0000
	0 U+0000
	0 U+0000
	0 U+0000
	X
}

@test "only 65, 67, 68, 69 and 77 are permanent, all but 0 else temporary" {
	for i in $(seq 0 255); do
		case $i in
		0) echo ok ;;
		65 | 67 | 68 | 69 | 77) echo perm ;;
		*) echo temp ;;
		esac
	done > want
	for i in $(seq 0 255); do echo "exit $i"; done |
		"$BUILD/drv/parse" | diff -u want -
}

@test "a wait status is its exit code, a signal or 126 and above is 75" {
	says '0 67 75 75 75 75' 'wait 0' "wait $((67 << 8))" \
		"wait $((126 << 8))" "wait $((127 << 8))" 'wait 9' 'wait 139'
}

@test "reply codes of 2xx and 5xx are final, all else temporary" {
	says 'ok ok temp temp perm perm temp temp' 'code 200' 'code 299' \
		'code 354' 'code 450' 'code 550' 'code 599' 'code 600' 'code 0'
}

@test "each exit code has its SMTP reply" {
	for i in 0 65 67 68 69 77 75 64 1; do echo "reply $i"; done |
		"$BUILD/drv/parse" | cut -d' ' -f1-2 > got
	same got <<- X
	250 2.0.0
	554 5.6.0
	550 5.1.1
	550 5.1.2
	554 5.0.0
	550 5.7.1
	451 4.3.0
	451 4.3.0
	451 4.3.0
	X
}

@test "a file that is missing or not to be read is a mistake, all else may pass" {
	for i in $(seq 0 140); do echo "errno $i"; done | "$BUILD/drv/parse" |
		awk '$1 != 75 { print NR - 1, $1 }' > got
	same got <<- X
	1 78
	2 78
	6 78
	9 78
	13 78
	19 78
	20 78
	21 78
	22 78
	36 78
	40 78
	61 78
	90 78
	X
}
