#!/usr/bin/env bats
# The grammars of everything that is parsed, fed with their seeds and with small
# changes of these, so that targets stay true to what they drive and what was
# found once is found again. `make fuzz' and `make proof' look for more.

load lib

setup() {
	sandbox
	replay=$BUILD/replay
}

@test "the grammars stand their seeds, and small changes of these" {
	for name in "$TESTS"/fuzz/*.c; do
		name=${name##*/} name=${name%.c}
		"$replay/$name" "$TESTS/fuzz/seeds/$name"/* >inputs ||
			echo "$name: $?"
		read -r inputs <inputs
		[ "$inputs" -gt 100 ] || echo "$name: $inputs inputs"
	done >out 2>&1
	same out </dev/null
}

@test "what a grammar does wrong is seen, with the input's seed and place" {
	echo From >seed
	exits 134 "$replay/broken-wrong" seed 2>said
	exits 155 "$replay/broken-hang" seed 2>>said
	printf 'replay: seed, octet 5\n%.0s' 1 2 | same said
	! sanitized || for name in overflow leak; do
		exits 1 "$replay/broken-$name" seed 2>said
		grep -q -e heap-buffer-overflow -e 'detected memory leaks' said
	done
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
