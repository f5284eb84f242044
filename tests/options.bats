#!/usr/bin/env bats
# lib/options: the command line, and --config FILE.
load lib

setup() {
	sandbox
	drv=$BUILD/drv/options
}

@test "long and short options, with their values in the ways of getopt" {
	"$drv" -n a -nb --name c --name=d -f --flag -fn e --long-only x y z >out
	same out <<-'END'
	n a
	n b
	n c
	n d
	f (none)
	f (none)
	f (none)
	n e
	300 x
	operand y
	operand z
	END
}

@test "options end at the first operand, or at --" {
	"$drv" -f a -f >out
	"$drv" -f -- -f a >>out
	same out <<-'END'
	f (none)
	operand a
	operand -f
	f (none)
	operand -f
	operand a
	END
}

@test "where a program takes no command, options may follow operands" {
	PLUS=1 "$drv" a -f b -n c -- -d >out
	same out <<-'END'
	f (none)
	n c
	operand a
	operand b
	operand -d
	END
}

@test "a second command line, behind a subcommand, is parsed afresh" {
	"$drv" -2 sub -f x >out
	same out <<-'END'
	2 (none)
	again
	f (none)
	operand x
	END
}

@test "-h and --help print the usage, -V and --version the version" {
	"$drv" -h >out
	"$drv" --help -n >>out
	"$drv" -V >>out
	"$drv" --version >>out
	same out <<-'END'
	usage: drv [options]
	usage: drv [options]
	drv (mailpipe) 0.1
	drv (mailpipe) 0.1
	END
}

@test "help that cannot be written exits 75" {
	exits 75 "$drv" -h >/dev/full 2>err
	same err <<-'END'
	options: write stdout: No space left on device
	END
}

@test "misuse is one line and exit 64" {
	for o in --nothing -x --name --flag=1 -n '-fx' '-s 1x'; do
		# shellcheck disable=SC2086
		exits 64 "$drv" $o >out 2>>err
	done
	same err <<-'END'
	options: --nothing: unknown option (try --help)
	options: -x: unknown option (try --help)
	options: --name: needs a value (try --help)
	options: --flag=1: takes no value
	options: -n: needs a value (try --help)
	options: -x: unknown option (try --help)
	options: size 1x: not a number
	END
}

@test "a file has long options, one a line, and comments" {
	printf '%s\n' '# comment' '' '   ' 'name  two words  ' 'flag' \
		'	size	17' '  # more' 'long-only a=b # c' >file
	printf 'name last' >>file
	"$drv" -n first --config file -n after x >out
	same out <<-'END'
	n first
	n two words
	f (none)
	s 17
	300 a=b # c
	n last
	n after
	operand x
	END
}

@test "errors of a file are told with file and line, exit 78" {
	for line in 'nothing 1' 'config other' 'name' 'flag yes' 'size 1x' \
		'--flag' 'nam x'; do
		printf '\n%s\n' "$line" >file
		exits 78 "$drv" --config file 2>>err
	done
	printf 'flag\0\n' >file
	exits 78 "$drv" --config file 2>>err
	exits 78 "$drv" --config absent 2>>err
	exits 78 "$drv" --config . 2>>err
	same err <<-'END'
	options: file:2: unknown option `nothing'
	options: file:2: unknown option `config'
	options: file:2: `name' needs a value
	options: file:2: `flag' takes no value
	options: file:2: size 1x: not a number
	options: file:2: unknown option `--flag'
	options: file:2: unknown option `nam'
	options: file:1: NUL in the line
	options: absent: No such file or directory
	options: .: no file of at most 1 MiB
	END
}
