#!/usr/bin/env bats
# The fuzz targets are built and run for a moment each, so that they stay true
# to the grammars they drive. SECONDS_EACH makes it longer.

load lib

setup() {
	sandbox
}

@test "the dialogues stand some seconds of fuzzing each" {
	local target modules seconds=${SECONDS_EACH:-2}
	modules=$(sed -n '/^PURE/,/[^\\]$/p' "$TOP/Makefile" |
		sed 's/^PURE := //; s/\\//' | tr -s '[:space:]' '\n' |
		sed "s,.\+,$TOP/lib/&.c,")
	for target in "$TESTS"/fuzz/*.c; do
		# shellcheck disable=SC2086 # a list of files
		clang -std=c11 -D_GNU_SOURCE -O1 -I"$TOP/lib" -o fuzz \
			-fsanitize=fuzzer,address,undefined \
			-fno-sanitize-recover=undefined "$target" $modules
		mkdir seeds
		./fuzz -max_total_time="$seconds" -max_len=4096 \
			-print_final_stats=1 seeds >log 2>&1 3>&- || {
			tail -n 40 log
			return 1
		}
		[ "$(sed -n 's/^stat::number_of_executed_units: //p' log)" -gt 100 ]
		rm -r seeds
	done
}
