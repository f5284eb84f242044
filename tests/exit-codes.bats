#!/usr/bin/env bats
# Each exit code that a manual page lists has a test that makes its program end
# with it, and the tests expect no other. They are in the file of the program;
# here are faults of the machine, which are 75 everywhere.
load lib
load peers
load interop

setup() {
	sandbox
	mkdir spool
	# The leak detector cannot work under strace.
	export ASAN_OPTIONS=detect_leaks=0 EMAIL=ann@example.net
	printf 'Subject: x\n\nx\n' >message
}

teardown() {
	stop_servers
	peers_stop
}

# failing CALL ERROR PATH COMMAND...: runs it with CALL failing for PATH.
failing() {
	local call=$1 error=$2 path=$3
	shift 3
	strace -f -o /dev/null -P "$path" -e "trace=$call" \
		-e "inject=$call:error=$error" "$@"
}

# pages: those of the programs.
pages() {
	basename -a "$TOP"/man/*.[18]
}

# listed PAGE: the codes of its EXIT STATUS.
listed() {
	awk '/^\.Sh/ { on = /EXIT STATUS/ }
		on && /^\.It/ { gsub(/[^0-9]+/, "\n"); print }' "$TOP/man/$1" |
		sed '/^$/d'
}

# expected PROGRAM: CODE and NAME of each test that expects an exit code of it.
expected() {
	local f
	for f in "$TESTS/$1".bats "$TESTS/$1"-*.bats "$TESTS"/exit-codes.bats; do
		[ ! -e "$f" ] || awk -v program="$1" -v all="${f##*/}" '
			/^@test "/ {
				name = substr($0, 8, length($0) - 10)
				mine = all != "exit-codes.bats" ||
				    index(name, program ": ") == 1
			}
			mine { line = $0
				while (match(line, /(exits|login) [0-9]+ [^ ]*/)) {
					split(substr(line, RSTART, RLENGTH), w, " ")
					if (w[3] !~ /^(cmp|diff|grep)$/ &&
					    (w[3] != "spool" || program == "spool"))
						print w[2], name
					line = substr(line, RSTART + RLENGTH)
				} }' "$f"
	done
}

# 0 is for the next test; 67 of mkmsg is its command's, 137 is strace's.
@test "every code of every page is tested, and every code that is tested is listed" {
	for page in $(pages); do
		program=${page%.*}
		listed "$page" | sed '/^0$/d' | sort -u >listed
		expected "$program" >table
		sed "s/ .*//; /^0$/d; /^137$/d" table | sort -u >tested
		[ "$program" != mkmsg ] || sed -i '/^67$/d' tested
		diff listed tested | sed -n \
			"s/^</$program: no test of/p; s/^>/$program: not listed:/p"
	done >out
	same out </dev/null
}

@test "--help and --version are 0 in every program, and 75 where they are not read" {
	for page in $(pages); do
		for option in --help --version; do
			exits 0 "${page%.*}" $option >out
			exits 75 "${page%.*}" $option >/dev/full 2>err
			one_line err
		done
	done
}

@test "spool: 75 when the system does not tell the path of the folder" {
	exits 75 strace -f -o /dev/null -e trace=readlink \
		-e inject=readlink:error=EACCES spool -d spool run 2>err
	sed -n '/^spool/s/fd.[0-9]*:/N:/p' err >got
	same got <<<'spool: readlink /proc/self/N: Permission denied'
}

@test "spool: 75 when the message cannot be read" {
	head -c 100000 /dev/zero | tr '\0' x >long
	id=$(spool -d spool add bob@example.net <long)
	exits 75 failing pread64 EIO:when=2+ "$(echo "$PWD"/spool/queue/*)" \
		spool -d spool show "$id" >out 2>err
	same err <<<"spool: show $id: Input/output error"
}

@test "sendmail: 75 when there is no smtp-recv" {
	cp "$BUILD/bin/spool" sendmail
	PATH=/none exits 75 ./sendmail -bs 2>err </dev/null
	same err <<<'sendmail: run smtp-recv: No such file or directory'
}

@test "smtp-send: 75 without room for the temporary file, and when input fails" {
	TMPDIR=/none exits 75 smtp-send --relay smtp://127.0.0.1:1 bob@example.net \
		<message 2>err
	same err <<<'smtp-send: create temporary file: No such file or directory'
	exits 75 smtp-send --relay smtp://127.0.0.1:1 bob@example.net <. 2>err
	same err <<<'smtp-send: read message: Is a directory'
}

@test "mbox-deliver: 75 when there is no descriptor to fill 0 with" {
	exits 75 failing openat EMFILE /dev/null \
		sh -c 'exec mbox-deliver -o box <&-'
	[ ! -e box ]
}

@test "pop3-fetch: 75 without descriptors, and without a folder" {
	maildirs box
	exits 75 failing openat EMFILE "$PWD/box" pop3-fetch -o "$PWD/box" \
		pop3://ann@127.0.0.1:1/ 2>err
	same <(grep -v ^strace: err) <<<"pop3-fetch: open $PWD/box: Too many open files"
	exits 75 pop3-fetch --mbox none/mbox pop3://ann@127.0.0.1:1/ 2>err
	same err <<<'pop3-fetch: open none/mbox: No such file or directory'
}

@test "pop3-fetch: 75 on a full disk, and on an output that is none" {
	maildirs box
	cp message box/new/1.1.host
	echo secret >password
	chmod 600 password
	server pop3.log pop3-serve --single-user box --password-file password \
		--auth-clear
	fetch=(pop3-fetch --tls=off --password-file "$PWD/password" --stdout
		"pop3://ann@$address/")
	exits 75 "${fetch[@]}" >/dev/full 2>err
	same err <<<'pop3-fetch: write message: No space left on device'
	exits 75 "${fetch[@]}" 1</dev/null 2>err
	same err <<<'pop3-fetch: write message: Bad file descriptor'
}
