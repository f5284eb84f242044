#!/usr/bin/env bats
# lib/lock: locks that end with their holder, and the dot-locks of an mbox.
load lib

setup() {
	sandbox
	drv=$BUILD/drv/lock
	pid=
}

teardown() {
	exec 7>&- || true
	[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null || true
}

# hold ARGS...: a process that holds a lock until fd 7 is closed.
hold() {
	mkfifo in out
	"$drv" "$@" <in >out &
	pid=$!
	exec 7>in 8<out
	read -r line <&8
	echo "$line" >held
	echo locked | same held
}

release() {
	exec 7>&-
	wait "$pid"
	pid=
}

@test "one byte or the whole file, held by one at a time" {
	hold hold file 5 1
	{
		"$drv" try file 5 1
		"$drv" try file 4 1
		"$drv" try file 6 1
		"$drv" try file 0 0
	} >said
	release
	"$drv" try file 0 0 >>said
	same said <<-'END'
	EAGAIN
	locked
	locked
	EAGAIN
	locked
	END
}

@test "a lock ends with its holder, however that ends" {
	hold hold file 0 0
	kill -9 "$pid"
	wait "$pid" || true
	"$drv" try file 0 0 >said
	echo locked | same said
}

@test "a dropped lock is free while its holder goes on" {
	hold hold file 0 0 60
	exec 7>&-
	read -r line <&8
	"$drv" try file 0 0 >said
	kill "$pid"
	wait "$pid" || true
	echo "$line" >>said
	printf 'locked\ndropped\n' | same said
}

@test "waiting ends with the lock, or with its seconds" {
	hold hold file 0 0
	"$drv" wait file 0 0 0 >said
	"$drv" wait file 0 0 1 >>said
	"$drv" wait file 0 0 20 >later 7>&- &
	waiter=$!
	release
	wait "$waiter"
	printf 'EAGAIN\nEAGAIN\n' | same said
	echo locked | same later
}

@test "a dot-lock is a file that names us, and goes with undot" {
	hold dothold box 0
	echo "$pid:$(uname -n)" | same box.lock
	"$drv" dot box 0 >said
	"$drv" dot box 1 >>said
	release
	[ ! -e box.lock ]
	"$drv" dot box 0 >>said
	printf 'EAGAIN\nEAGAIN\nlocked\n' | same said
	[ ! -e box.lock ]
}

@test "waiting for a dot-lock ends when its holder does" {
	hold dothold box 0
	"$drv" dot box 20 >later 7>&- &
	waiter=$!
	release
	wait "$waiter"
	echo locked | same later
}

@test "a dot-lock of a dead process of this host is stale at once" {
	sh -c 'echo $$' >dead
	for text in "$(cat dead)" "$(cat dead):$(uname -n)"; do
		echo "$text" >box.lock
		"$drv" dot box 0 >>said
	done
	# Of another host, of procmail, of nobody, of the living: not known.
	for text in "$(cat dead):elsewhere.example" 0 '' x "$$" -5 \
		99999999999999999999; do
		echo "$text" >box.lock
		"$drv" dot box 0 >>said
	done
	printf 'locked\n%.0s' 1 2 >want
	printf 'EAGAIN\n%.0s' 1 2 3 4 5 6 7 >>want
	same said <want
}

@test "a dot-lock older than 5 minutes is stale" {
	echo "$$" >box.lock
	touch -d '4 minutes ago' box.lock
	"$drv" dot box 0 >said
	touch -d '6 minutes ago' box.lock
	"$drv" dot box 0 >>said
	printf 'EAGAIN\nlocked\n' | same said
}

@test "links, pipes and folders in its place are left alone and time out" {
	mkdir target
	echo keep >target/file
	for make in 'ln -s target/file' 'ln -s absent' mkfifo mkdir; do
		$make box.lock
		touch -h -d '1 hour ago' box.lock
		timeout 10 "$drv" dot box 0 >>said
		rm -rf box.lock
	done
	printf 'EAGAIN\n%.0s' 1 2 3 4 | same said
	echo keep | same target/file
	[ ! -e target/absent ] && [ ! -e absent ]
}

@test "a lock that another took over for stale is not ours to remove" {
	hold dothold box 0
	touch -d '6 minutes ago' box.lock
	rm box.lock
	echo "1:another" >box.lock
	release
	echo "1:another" | same box.lock
}

@test "twenty at once: each in its turn" {
	for i in $(seq 20); do
		"$drv" dot box 30 >"said$i" &
	done
	wait
	cat said* | sort | uniq -c | tr -s ' ' >count
	echo ' 20 locked' | same count
	[ ! -e box.lock ]
}

@test "a folder that allows no lock says so" {
	mkdir ro
	chmod 500 ro
	if [ "$EUID" = 0 ]; then
		chmod 755 . .. "$BATS_TEST_TMPDIR"
		setpriv --reuid 65534 --clear-groups -- \
			"$drv" dot ro/box 0 >said || skip "cannot become nobody"
	else
		"$drv" dot ro/box 0 >said
	fi
	echo EACCES | same said
}
