#!/usr/bin/env bats
# lib/mbox: appending in mboxrd form. Files that are no mbox: mbox-deliver.bats
# shellcheck disable=SC2059,SC2094,SC2129,SC2030,SC2031
load lib

setup() {
	sandbox
	drv=$BUILD/drv/mbox
}

@test "From_ lines get one '>' more, others pass, the end is an empty line" {
	printf 'From a\n>From b\n>>From c\n From d\nFrom\nFro\n>Frog\nfrom e\n' |
		"$drv" quote a@example.net >out
	same out <<-'END'
	From a@example.net Thu Jan  1 00:00:00 1970
	>From a
	>>From b
	>>>From c
	 From d
	From
	Fro
	>Frog
	from e

	END
}

@test "a missing final newline is added, also behind a part of From_" {
	for end in x '>' '>>Fro' 'From' 'From '; do
		printf "a\n$end" | "$drv" quote x@y >out
		{
			echo 'From x@y Thu Jan  1 00:00:00 1970'
			echo a
			[ "$end" != 'From ' ] || printf '>'
			printf '%s\n\n' "$end"
		} | same out
	done
	"$drv" quote x@y </dev/null >out
	printf 'From x@y Thu Jan  1 00:00:00 1970\n\n' | same out
}

@test "the null sender is MAILER-DAEMON and a sender is one word" {
	: | "$drv" quote '' >out
	: | "$drv" quote '"a b
	c"@d' >>out
	same out <<-'END'
	From MAILER-DAEMON Thu Jan  1 00:00:00 1970

	From "a-b--c"@d Thu Jan  1 00:00:00 1970

	END
}

@test "every cut in two gives the same" {
	printf 'From a\n>>From b\nFroFrom c\n\n>F\nFrom ' >in
	"$drv" cuts x@y <in >out
	echo "same for $(($(wc -c <in) + 1)) cuts" | same out
}

@test "an append ends what a killed one left" {
	printf 'From a@b Thu Jan  1 00:00:00 1970\nSubject: cut of' >box
	printf 'new\n' >message
	"$drv" append box x@y <message
	same box <<-'END'
	From a@b Thu Jan  1 00:00:00 1970
	Subject: cut of

	From x@y Thu Jan  1 00:00:00 1970
	new

	END
	printf 'From a@b x\n\nbody\n' >box
	"$drv" append box x@y <message
	same box <<-'END'
	From a@b x

	body

	From x@y Thu Jan  1 00:00:00 1970
	new

	END
}

@test "a round trip through mboxrd readers gives the body back" {
	printf 'X: y\n\nFrom a\n>From b\n>>From c\n\nFrom d\n\n\n' >message
	"$drv" append box x@y <message
	"$drv" append box x@y <message
	python3 - <<-'END' >got
	import re
	text = open("box").read()
	for m in text.split("From x@y Thu Jan  1 00:00:00 1970\n")[1:]:
	    print(re.sub(r"(?m)^>(>*From )", r"\1", m[:-1]), end="")
	END
	cat message message | same got
}
