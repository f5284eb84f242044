# What the scripts of cases/adversity are made of. BIN and CLOCK are given.
# shellcheck shell=dash disable=SC2154
PATH=$BIN:/usr/sbin:/usr/bin:/sbin:/bin

message() {
	printf 'Subject: %d\n\n' "$1"
	cat "$lines"
	echo "END $1"
}

# put N COMMAND... < nothing
put() {
	n=$1
	shift
	message "$n" | { "$@" >/dev/null 2>&1; told "$n" $?; }
}

told() {
	if [ "$2" -eq 0 ]; then echo "ok $1"; else echo "exit $2"; fi
}

# 0 for the 250 to the data, 75 for any 4xx on the way, else 1.
smtp() {
	n=$1
	shift
	status=$({
		printf 'HELO me\nMAIL FROM:<a@b.example>\n'
		printf 'RCPT TO:<alice@example.org>\nDATA\n'
		message "$n"
		printf '.\nQUIT\n'
	} | sed 's/$/\r/' |
		smtp-recv --log none --hostname example.org "$@" 2>&1 |
		sed -n 's/^4.*/75/p;6s/^250.*/0/p' | head -n 1)
	told "$n" "${status:-1}"
}

# all FROM TO put|smtp WORDS...
all() {
	i=$1 to=$2 how=$3
	shift 3
	while [ "$i" -le "$to" ]; do
		[ -z "$CLOCK_BACK" ] || CLOCK_BACK=$((CLOCK_BACK + 100))
		"$how" "$i" "$@"
		i=$((i + 1))
	done
}

crowd() {
	i=$1 to=$2 how=$3
	shift 3
	while [ "$i" -le "$to" ]; do
		"$how" "$i" "$@" &
		i=$((i + 1))
	done
	wait
}

# The folder as a file system of that size, with what is in it.
elsewhere() {
	mkdir ../small
	mount -t tmpfs -o "$1" none ../small
	cp -a . ../small
	mount --move ../small . && cd "$PWD" || exit 70
}

full() { elsewhere "size=$1"; }
inodes() { elsewhere "nr_inodes=$1"; }

# clock BACK|DAY: it goes back, or stands still.
clock() {
	export LD_PRELOAD="$CLOCK" "CLOCK_$1=1000000000"
}

# In a process namespace of its own.
namespace() {
	unshare -p -f sh -c '. "$0"; "$@"' "$library" "$@"
}

# swap FOLDER put N COMMAND...: once the command reads, the folder is another
# and its name a link to a third.
swap() {
	folder=$1 n=$3
	shift 3
	mkdir third
	mkfifo hold
	{ "$@" <hold >/dev/null 2>&1; told "$n" $?; } &
	exec 9>hold
	message "$n" | head -c 100 >&9
	sleep 0.3
	mv "$folder" "$folder.was"
	ln -s "$PWD/third" "$folder"
	message "$n" | tail -c +101 >&9
	exec 9>&-
	wait
	rm hold
}
