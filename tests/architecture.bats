#!/usr/bin/env bats
# The rules of the tree: who may include whom, what a program links, what it
# costs to start, and that everything has its page, its tests and its form.
load lib

setup() {
	sandbox
}

# make_list NAME...: the words of these variables of the Makefile, one a line.
make_list() {
	local name
	for name; do
		sed -e :a -e '/\\$/{N;s/\\\n//;ba' -e '}' "$TOP/Makefile" |
			sed -n "s/^$name :=//p"
	done | tr -s ' \t' '\n\n' | sed '/^$/d'
}

# libraries PROGRAM: what DESIGN lets it need, sorted.
libraries() {
	case $1 in
	mkmsg) echo 'libc.so libglib-2.0.so libgmime-3.0.so libgobject-2.0.so' ;;
	smtp-send | pop3-fetch | imap-fetch) echo 'libc.so libcurl.so' ;;
	tls-broker) echo 'libc.so libcrypto.so libssl.so' ;;
	auth-passwd) echo 'libc.so libcrypt.so' ;;
	*) echo 'libc.so' ;;
	esac
}

@test "every module is in the Makefile once, and has a contract" {
	make_list PURE PROCESS STORE FOREIGN | sort >listed
	sort -u listed | cmp -s - listed
	(cd "$TOP/lib" && ls ./*.c) | sed 's,./,,; s/\.c$//' | sort >there
	same listed <there
	while read -r module; do
		[ -e "$TOP/lib/$module.h" ] || echo "$module has no header"
	done <listed >out
	same out </dev/null
}

@test "every pure module is fuzzed, or no grammar" {
	make_list PURE | sort >pure
	awk '/^[^#]/ { for (i = 3; i <= NF; i++) print $i }' \
		"$TESTS/fuzz/modules" | sort -u >fuzzed
	comm -23 pure fuzzed >out
	printf '%s\n' buf compose hash media parse received uidl verdict |
		same out
}

@test "a module includes only modules above it" {
	make_list PURE PROCESS STORE FOREIGN >order
	(cd "$TOP/lib" && grep -o '^#include "[^"]*"' ./*.c ./*.h) |
		sed 's,^\./\([^.]*\)\.[ch]:#include "\(.*\)\.h",\1 \2,' >includes
	[ -s includes ]
	awk 'NR == FNR { at[$1] = NR; next }
		!($1 in at) || !($2 in at) { print $1, "includes", $2 ", not listed" }
		at[$2] > at[$1] { print $1, "includes", $2, "below it" }
	' order includes >out
	same out </dev/null
}

@test "programs include nothing that is not a listed module" {
	make_list PURE PROCESS STORE FOREIGN >order
	# What the parts of one program share.
	(cd "$TOP/bin" && ls ./*.h) | sed 's,^\./,,; s/\.h$//' >>order
	(cd "$TOP/bin" && grep -o '^#include "[^"]*"' ./*.c) |
		sed 's,^\./\([^:]*\):#include "\(.*\)\.h",\1 \2,' |
		awk 'NR == FNR { at[$1] = 1; next } !($2 in at)' order - >out
	same out </dev/null
}

# buf alone: it says that memory is out, and ends the program. What a wait status
# means is known by verdict.
@test "pure modules know no descriptors, no processes and no clock" {
	mapfile -t pure < <(make_list PURE | sed '/^buf$/d')
	(cd "$TOP/lib" && grep -HE \
		'^#include <(unistd|fcntl|poll|signal|netdb|spawn|dirent|syslog|sys/.*)\.h>' \
		"${pure[@]/%/.c}" "${pure[@]/%/.h}") >included
	grep -v '<sys/types.h>$' included >out
	same out <<<'verdict.c:#include <sys/wait.h>'
}

@test "pure modules call nothing that reads, writes, prints or ends" {
	plain_build
	mapfile -t pure < <(make_list PURE)
	(cd "$BUILD/lib" && nm -A -u "${pure[@]/%/.o}") >undefined
	awk '
		{ sub(/\.o:$/, "", $1) }
		$1 == "buf" && $3 ~ /^(_?exit|write)$/ { next }
		$3 ~ /^(open|openat|read|write|close|printf|__printf_chk|puts|putchar|perror|stdout|stderr|__fprintf_chk|fprintf|dprintf|__dprintf_chk|fopen|fwrite|_?exit|abort|fork|getenv|setenv|socket)$/ {
			print $1, $3
		}' undefined >out
	same out </dev/null
}

@test "pure modules have no variables of their own" {
	plain_build
	mapfile -t pure < <(make_list PURE)
	(cd "$BUILD/lib" && objdump -t "${pure[@]/%/.o}") >symbols
	awk '
		/: +file format / { module = $1; next }
		/ O (\.data|\.bss|\.tdata|\.tbss|\*COM\*)/ && !/rel\.ro/ {
			print module, $0
		}' symbols >out
	same out </dev/null
}

@test "a program needs the libraries that are its own, and no others" {
	plain_build
	for program in $(make_list PROGRAMS); do
		# shellcheck disable=SC2046 # a list of words
		echo "$program" $(libraries "$program") >>want
		# shellcheck disable=SC2046
		echo "$program" $(readelf -d "$BUILD/bin/$program" |
			sed -n 's/.*(NEEDED).*\[\(.*\.so\).*\]$/\1/p' | sort) >>out
	done
	same out <want
}

@test "light programs start in few system calls more than true" {
	plain_build
	strace -f -o trace /bin/true
	most=$(($(wc -l <trace) + 10))
	for program in $(make_list PROGRAMS); do
		[ "$(libraries "$program")" = libc.so ] || continue
		strace -f -o trace "$BUILD/bin/$program" --version >/dev/null
		calls=$(wc -l <trace)
		[ "$calls" -le "$most" ] || echo "$program: $calls, over $most"
	done >out
	same out </dev/null
}

@test "the top of the tree holds what it should, no more" {
	(cd "$TOP" && ls) |
		sed -E '/^(Makefile|bin|lib|tests|man|README|LICENSE|build)$/d' >out
	same out </dev/null
}

@test "every program has its page and its tests, and no page is an orphan" {
	programs=" $(make_list PROGRAMS | tr '\n' ' ')"
	for program in $programs; do
		[ -e "$TOP/man/$program.1" ] || [ -e "$TOP/man/$program.8" ] ||
			echo "$program has no page"
		[ -e "$TOP/tests/$program.bats" ] || echo "$program has no tests"
	done >out
	for page in "$TOP"/man/*.[18]; do
		name=${page##*/} name=${name%.*}
		[ "$name" = sendmail ] || [[ $programs == *" $name "* ]] ||
			echo "$name is no program"
	done >>out
	same out </dev/null
}

@test "--help fits a screen, and names the program" {
	for program in $(make_list PROGRAMS); do
		"$program" --help >help
		awk -v p="$program" '
			{ n = length($0); gsub(/[^\t]/, "", $0) }
			n + 7 * length($0) > 80 { print p ": line", NR, "is too wide" }
			END { if (NR > 24) print p ": " NR " lines" }' help
		read -r first <help
		[[ $first == *"$program"* ]] || echo "$program: no name"
		"$program" --version >version
		same version <<<"$program (mailpipe) 0.1" ||
			echo "$program has another version"
	done >out
	same out </dev/null
}

# auth-passwd: 2 is what its callers know (checkpassword).
@test "an unknown option is one line and exit 64, in every program" {
	for program in $(make_list PROGRAMS); do
		code=64
		[ "$program" != auth-passwd ] || code=2
		exits $code "$program" --no-such-option </dev/null >said 2>err
		same said </dev/null
		same err <<-END
		$program: --no-such-option: unknown option (try --help)
		END
	done
}

@test "clang-format would change nothing" {
	cd "$TOP"
	clang-format --dry-run bin/*.c lib/*.[ch] tests/drv/*.[ch] \
		tests/fuzz/*.[ch] tests/fuzz/*/*.[ch] \
		>"$BATS_TEST_TMPDIR/out" 2>&1
	same "$BATS_TEST_TMPDIR/out" </dev/null
}

# Not: words and files that are called done, tail or END; ls of our own names.
@test "shellcheck has nothing to warn of" {
	cd "$TOP"
	LC_ALL=C.UTF-8 shellcheck -x -S warning \
		-e SC1010,SC1122,SC2010,SC2238 tests/*.bats tests/*.bash \
		tests/deps tests/demo .ci/run tests/fuzz/run \
		tests/proof/run tests/proof/grammars
}

@test "mandoc has nothing to warn of" {
	mandoc -Tlint -W warning "$TOP"/man/*.[1578]
}
