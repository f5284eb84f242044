#!/usr/bin/env bats
# Dates as mail writes them, times as users write them.
load lib
setup() { sandbox; DATE=$BUILD/drv/date; NOW=1795318100; }

@test "a Date field has local time and its zone" {
	[ "$("$DATE" rfc $NOW)" = 'Sun, 22 Nov 2026 03:28:20 +0000' ]
	[ "$(TZ=XXX-5:30 "$DATE" rfc $NOW)" = \
		'Sun, 22 Nov 2026 08:58:20 +0530' ]
	[ "$(TZ=XXX3:30 "$DATE" rfc $NOW)" = 'Sat, 21 Nov 2026 23:58:20 -0330' ]
	[ "$("$DATE" rfc 0)" = 'Thu, 1 Jan 1970 00:00:00 +0000' ]
}

@test "the From_ line has UTC, its day padded with a blank" {
	[ "$(TZ=XXX-5 "$DATE" asctime $NOW)" = 'Sun Nov 22 03:28:20 2026' ]
	[ "$("$DATE" asctime 1793601012)" = 'Mon Nov  2 06:30:12 2026' ]
}

@test "ISO 8601 is UTC" {
	[ "$(TZ=XXX-5 "$DATE" iso $NOW)" = 2026-11-22T03:28:20Z ]
}

@test "times that have no calendar form do no harm" {
	for t in -1 -9223372036854775808 9223372036854775807 100000000000; do
		[ "$("$DATE" rfc "$t")" = 'Thu, 1 Jan 1970 00:00:00 +0000' ]
	done
	[ "$("$DATE" iso 99999999999)" = 5138-11-16T09:46:39Z ]
}

reads() {
	local got
	got=$("$DATE" parse $NOW "$1")
	[ "$got" = "$2" ] || { echo "$1: $got, not $2"; return 1; }
}

@test "a time is an epoch, a distance, a clock or a date" {
	reads @5 5
	reads +90 1795318190
	reads +2h 1795325300
	reads 04:00 1795320000
	reads 03:28 1795404480
	reads 2026-12-24 1798070400
	reads 2026-12-24T18:30 1798137000
	reads 2026-12-24T18:30:05Z 1798137005
	reads 2028-02-29 1835395200
	[ "$(TZ=XXX-1 "$DATE" parse $NOW 2026-12-24T18:30)" = 1798133400 ]
	[ "$(TZ=XXX-1 "$DATE" parse $NOW 2026-12-24T18:30Z)" = 1798137000 ]
}

@test "what is no time is refused" {
	for s in '' @ @-1 @99999999999999 + +x +99999999999999999999 24:00 12:60 \
		1:00 12:3 2026-13-01 2026-02-29 2026-02-30 2026-00-10 \
		2026-01-00 2026-01-32 26-01-01 2026-01-01T 2026-01-01T25:00 \
		2026-01-01T10:00:60 2026-01-01T10:00x 2026-01-01ZZ 1969-12-31 \
		9999-01-01 tomorrow '2026-01-01 10:00'; do
		reads "$s" no
	done
}
