#!/usr/bin/env bats
# lib/crowd: how many sessions there may be, in all and for one address.
load lib

setup() {
	sandbox
	drv=$BUILD/drv/crowd
}

@test "an IPv4 address and an IPv6 /64 have their share, and nobody another's" {
	"$drv" 100 2 >out <<-'END'
	192.0.2.1
	192.0.2.1
	192.0.2.1
	192.0.2.2
	::ffff:192.0.2.1
	2001:db8::1
	2001:db8::ffff:ffff:ffff:ffff
	2001:db8:0:0:8000::
	2001:db8:0:1::1
	::1
	::2
	::3
	END
	same out <<-'END'
	192.0.2.1: 0
	192.0.2.1: 1
	192.0.2.1: full
	192.0.2.2: 2
	::ffff:192.0.2.1: full
	2001:db8::1: 3
	2001:db8::ffff:ffff:ffff:ffff: 4
	2001:db8:0:0:8000::: full
	2001:db8:0:1::1: 5
	::1: 6
	::2: 7
	::3: full
	8 are here
	END
}

@test "who has no address counts in all, and a place is used again" {
	"$drv" 3 1 >out <<-'END'
	local
	-
	192.0.2.1
	local
	1 leaves
	1 leaves
	192.0.2.1
	192.0.2.2
	2 leaves
	192.0.2.1
	END
	same out <<-'END'
	local: 0
	-: 1
	192.0.2.1: 2
	local: full
	leaves: yes
	leaves: no
	192.0.2.1: full
	192.0.2.2: 1
	leaves: yes
	192.0.2.1: 2
	3 are here
	END
}

@test "a session that says whose it is counts there, or is one too many" {
	"$drv" 10 2 >out <<-'END'
	-
	-
	-
	-
	0 is 192.0.2.1
	1 is 192.0.2.1
	2 is 192.0.2.1
	192.0.2.1
	0 leaves
	2 is 192.0.2.1
	3 is local
	192.0.2.1
	192.0.2.2
	END
	same out <<-'END'
	-: 0
	-: 1
	-: 2
	-: 3
	0 is 192.0.2.1: yes
	1 is 192.0.2.1: yes
	2 is 192.0.2.1: no
	192.0.2.1: full
	leaves: yes
	2 is 192.0.2.1: yes
	3 is local: yes
	192.0.2.1: full
	192.0.2.2: 0
	4 are here
	END
}

@test "who rests keeps a place besides, and counts for nobody until it wakes" {
	"$drv" 2 1 >out <<-'END'
	192.0.2.1
	2001:db8::1
	192.0.2.3
	0 rests
	192.0.2.1
	192.0.2.3
	0 wakes for 192.0.2.1
	1 rests
	192.0.2.3
	0 wakes for 192.0.2.1
	0 rests
	0 leaves
	0 leaves
	END
	same out <<-'END'
	192.0.2.1: 0
	2001:db8::1: 1
	192.0.2.3: full
	rests: yes
	192.0.2.1: 2
	192.0.2.3: full
	0 wakes for 192.0.2.1: no
	rests: yes
	192.0.2.3: 3
	0 wakes for 192.0.2.1: no
	rests: yes
	leaves: yes
	leaves: no
	1 are here, 2 rest
	END
}

@test "32 may rest, and one more may not" {
	for i in {0..32}; do
		printf '%s\n' "192.0.2.$i" "$i rests"
	done | "$drv" 1 1 >out
	tail -n 3 out >got
	same got <<-'END'
	192.0.2.32: 32
	rests: no
	1 are here, 32 rest
	END
}
