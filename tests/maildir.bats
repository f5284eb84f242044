#!/usr/bin/env bats
# lib/maildir: one message a file, tmp then new.
# shellcheck disable=SC2059,SC2094,SC2129,SC2030,SC2031
load lib

setup() {
	sandbox
	drv=$BUILD/drv/maildir
}

@test "names of one process are all different, sorted by time, without ':' and '/'" {
	"$drv" names 1000 >names
	sort -u names | wc -l >count
	echo 1000 | same count
	cut -dP -f1 names >stamps
	sort -c stamps
	grep -vE '^[0-9]{10,}\.M[0-9]{6}P[0-9]+R[0-9a-f]{16}\.[^/:,]+$' names >odd ||
		[ "$?" -eq 1 ]
	same odd </dev/null
}

@test "a folder is made only when asked, with its three parts" {
	"$drv" open box >said || true
	echo "No such file or directory" | same said
	"$drv" make box
	(cd box && stat -c '%n %a' cur new tmp) >modes
	printf 'cur 700\nnew 700\ntmp 700\n' | same modes
	"$drv" make none/box >said || true
	echo "No such file or directory" | same said
}

@test "a folder that lacks a part is none, and no part may be a link" {
	"$drv" make box
	rmdir box/cur
	"$drv" open box >said || true
	echo "No such file or directory" | same said
	mkdir elsewhere
	ln -s ../elsewhere box/cur
	"$drv" open box >said || true
	echo "Not a directory" | same said
}

@test "a link to the folder is followed when it is ours or root's" {
	"$drv" make real
	ln -s real link
	"$drv" open link
	"$drv" open link/
	[ "$EUID" -eq 0 ] || skip "needs root"
	chown -h 12345 link
	for name in link link/; do
		"$drv" open $name >said || true
		echo "Permission denied" | same said
	done
}

@test "a file is whole in new, under its suffix, and gone from tmp" {
	"$drv" make box
	printf 'a\0b' | "$drv" put box ,U=7
	(cd box && find . -type f | sed 's/[0-9].*,/NAME,/') >files
	echo ./new/NAME,U=7 | same files
	cat box/new/* >got
	printf 'a\0b' | same got
	stat -c %a box/new/* >mode
	echo 600 | same mode
}

@test "a list has regular files of new and cur, sorted, without hidden ones" {
	"$drv" make box
	touch box/new/2 box/cur/1:2,S box/new/3 box/new/.hidden box/tmp/4
	mkfifo box/new/5
	mkdir box/cur/6
	ln -s 2 box/new/7
	"$drv" list box >list
	printf 'cur 1:2,S\nnew 2\nnew 3\n' | same list
}

@test "the first delivery of an hour clears tmp of what is 36 hours old" {
	"$drv" make box
	touch -d '37 hours ago' box/tmp/old
	touch -d '35 hours ago' box/tmp/young
	touch -d '2 hours ago' box/tmp
	echo x | "$drv" put box
	ls box/tmp >left
	echo young | same left
}
