#!/usr/bin/env bats
# lib/atomic: files that are whole or not there.
load lib

setup() {
	sandbox
	drv=$BUILD/drv/atomic
	mkdir tmp new
}

teardown() {
	[ -z "${pid:-}" ] || kill -9 "$pid" 2>/dev/null || true
}

@test "a committed file is there, whole, and its temporary name is not" {
	head -c 300000 /dev/urandom >in
	"$drv" commit tmp new name <in >out
	echo 'commit done' | same out
	same new/name <in
	ls tmp new >list
	printf 'new:\nname\n\ntmp:\n' | same list
	stat -c '%a %h' new/name >mode
	echo '600 1' | same mode
}

@test "a name that is taken stays as it is" {
	echo old >new/name
	echo new | "$drv" commit tmp new name >out
	echo 'commit EEXIST' | same out
	echo old | same new/name
	ls tmp >list
	same list </dev/null
}

@test "a temporary name that is taken is nobody's to remove" {
	echo other >tmp/new
	echo new | "$drv" commit tmp new name >out
	echo 'begin EEXIST' | same out
	echo other | same tmp/new
	ls new >list
	same list </dev/null
}

@test "an aborted file leaves nothing, and aborting twice is fine" {
	"$drv" abort tmp >out
	echo 'begin done' | same out
	ls tmp >list
	same list </dev/null
}

@test "a full disk commits nothing" {
	(
		trap '' XFSZ
		ulimit -f 8
		head -c 100000 /dev/zero | "$drv" commit tmp new name >out
	)
	echo 'write EFBIG' | same out
	ls tmp new >list
	printf 'new:\n\ntmp:\n' | same list
}

@test "the order is file, name, folder" {
	echo x | strace -y -o trace \
		-e trace=fsync,linkat,renameat2,unlinkat "$drv" commit tmp new name
	sed -n "s,[^(]*([0-9]*<$PWD/\([^>]*\)>.*,&\n\1,; s,(.*\n, ,p" trace >out
	same out <<-'END'
	fsync tmp/new
	renameat2 tmp
	fsync new
	END
}

@test "a thousand files become visible together" {
	"$drv" many tmp new 1000 >out
	echo 'many done' | same out
	find new -name 'f*' | wc -l >count
	echo 1000 | same count
	echo f999 | tr -d '\n' | same new/f999
	ls tmp >list
	same list </dev/null
}

@test "SIGTERM, SIGINT and SIGHUP remove what is uncommitted and exit 75" {
	for sig in TERM INT HUP; do
		mkfifo pipe
		# A shell's background job ignores SIGINT.
		env --default-signal=INT "$drv" hold tmp 300 >pipe &
		pid=$!
		read -r line <pipe
		echo "$line" >out
		echo 'holding done' | same out
		find tmp -name 'f*' | wc -l >count
		echo 299 | same count
		kill -"$sig" "$pid"
		exits 75 wait "$pid"
		pid=
		ls tmp >list
		echo kept | same list
		rm -f tmp/kept pipe
	done
}

@test "an ignored hang-up stays ignored" {
	mkfifo pipe
	env --default-signal --ignore-signal=HUP "$drv" hold tmp 2 >pipe &
	pid=$!
	read -r _ <pipe
	kill -HUP "$pid"
	# Those from 32 on are the C library's own.
	ignored=$(sed -n 's/^SigIgn:\t/0x/p' "/proc/$pid/status")
	[ $((ignored & 0x7fffffff)) -eq 1 ]
	kill -TERM "$pid"
	exits 75 wait "$pid"
	pid=
}

@test "a sweep removes regular files over 36 hours old, nothing else" {
	mkdir -p sub tmp/folder
	touch -d '35 hours ago' tmp/young
	touch -d '37 hours ago' tmp/old tmp/.hidden sub/kept
	touch -d '37 hours ago' tmp/folder
	ln -s ../sub/kept tmp/link
	touch -h -d '37 hours ago' tmp/link
	mkfifo tmp/fifo
	touch -d '37 hours ago' tmp/fifo
	"$drv" sweep tmp
	ls -A tmp sub >list
	printf 'sub:\nkept\n\ntmp:\nfifo\nfolder\nlink\nyoung\n' | same list
}

@test "a scratch file has no name" {
	TMPDIR=$PWD/tmp "$drv" scratch >out
	TMPDIR=$PWD/absent "$drv" scratch >>out
	TMPDIR='' "$drv" scratch >>out
	printf 'scratch done\nscratch ENOENT\nscratch done\n' | same out
	ls -A tmp >list
	same list </dev/null
}
