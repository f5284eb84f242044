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
	1 leaves: yes
	1 leaves: no
	192.0.2.1: full
	192.0.2.2: 1
	2 leaves: yes
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
	0 leaves: yes
	2 is 192.0.2.1: yes
	3 is local: yes
	192.0.2.1: full
	192.0.2.2: 0
	4 are here
	END
}

@test "who rests keeps the place, counts for nobody, and is found by its address" {
	"$drv" 3 1 >out <<-'END'
	192.0.2.1
	2001:db8::1
	0 rests
	1 rests
	who 192.0.2.1
	who 2001:db8::2
	who 192.0.2.2
	who local
	192.0.2.1
	0 wakes
	1 wakes
	192.0.2.3
	2 leaves
	0 wakes
	0 rests
	0 ends
	who 192.0.2.1
	0 leaves
	0 leaves
	1 rests
	END
	same out <<-'END'
	192.0.2.1: 0
	2001:db8::1: 1
	192.0.2.1: 0 rests
	2001:db8::2: 1 rests
	192.0.2.2: -1 rests
	local: -1 rests
	192.0.2.1: 2
	0 wakes: no
	1 wakes: yes
	192.0.2.3: full
	2 leaves: yes
	0 wakes: yes
	192.0.2.1: -1 rests
	0 leaves: yes
	0 leaves: no
	0 are here, 1 rest
	END
}
