#!/usr/bin/env bats
# The grammars of everything that is parsed, fuzzed for a moment each, so that
# targets stay true to what they drive and what was found once is found again.

load lib

setup() {
	sandbox
	plain_build "fuzzers are built with sanitizers anyway"
}

# One second each, two at a time, with what building them takes: 5 s each would
# be a minute, which `make proof' has and `make check' has not. Seeds come first.
@test "the grammars stand a moment of fuzzing, and what is broken does not" {
	proves grammars
	(cd "$TESTS/fuzz" && ls ./*.c) | sed 's,./\(.*\)\.c$,\1,' >want
	sed -n 's/^grammars \(.*\) fuzz run .*/\1/p' out | sort >ran
	same ran <want
	[ "$(grep -c caught=yes out)" -eq 2 ]
	[ "$(grep -c 'coverage=0 ' out)" -eq 0 ]
}

@test "every grammar has seeds, its modules and a dictionary, and none is an orphan's" {
	(cd "$TESTS/fuzz" && ls ./*.c) | sed 's,./\(.*\)\.c$,\1,' >want
	(cd "$TESTS/fuzz/seeds" && ls) >have
	same have <want
	sed -n 's/^\([^#][^ ]*\) .*/\1/p' "$TESTS/fuzz/modules" >have
	same have <want
	(cd "$TESTS/fuzz" && ls ./*.dict) | sed 's,./\(.*\)\.dict$,\1,' >have
	same have <want
}
