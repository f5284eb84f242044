#!/usr/bin/env bats
# auth-passwd: who gets in, as whom, and what the file looks like afterwards.
# shellcheck disable=SC2059 # formats of our own
load lib

setup() {
	sandbox
	umask 077
	outside=
}

teardown() {
	[ -z "$outside" ] || rm -rf "$outside"
}

# A folder that other users may enter, with the file in it.
outside() {
	outside=$(mktemp -d)
	chmod 755 "$outside"
	cd "$outside" || return 1
	mkdir -m 755 home
}

# md5 PASSWORD: a cheap hash.
md5() { openssl passwd -1 -salt abcdefgh "$1"; }

# check PAIR [COMMAND...]: with the escapes of printf; prints the exit code.
check() {
	local pair=$1 code=0
	shift
	[ $# -gt 0 ] || set -- true
	printf "$pair" >pair
	auth-passwd --file users "$@" 3<pair 2>>err || code=$?
	echo $code
}

@test "the right password runs the command, a wrong one and an unknown name do not" {
	{
		echo '# bob:none'
		echo "alice:$(md5 'se cret')"
		echo "carol:$(md5 x):"
	} >users
	check 'alice\0se cret\0\0' sh -c 'echo "$USER ${HOME-none} $*"; exit 7' sh -x >out
	check 'alice\0se cret\0x123\0' >>out
	check 'carol\0x\0' >>out
	for pair in 'alice\0se cre\0\0' 'alice\0se crett\0\0' 'alice\0\0\0' \
	    'alic\0se cret\0\0' 'Alice\0se cret\0\0' '\0se cret\0\0' \
	    'alice:\0se cret\0\0' '# bob\0none\0\0' 'alice\\n\0se cret\0\0' \
	    'root\0\0\0' 'bob\0none\0\0' '%%s\0$(id)\0\0'; do
		check "$pair"
	done | sort | uniq -c >>out
	same out <<-'END'
	alice none -x
	7
	0
	0
	     12 1
	END
	[ ! -e err ] || same err </dev/null
}

@test "every scheme of the host is known" {
	/usr/bin/python3 - >users <<-'END'
	import ctypes
	lib = ctypes.CDLL("libcrypt.so.1")
	lib.crypt_gensalt.restype = lib.crypt.restype = ctypes.c_char_p
	for i, prefix in enumerate([b"$y$", b"$gy$", b"$7$", b"$2b$", b"$2y$",
	                            b"$2a$", b"$6$", b"$5$", b"$sha1", b"$md5",
	                            b"$1$", b"_", b""]):
	    setting = lib.crypt_gensalt(prefix, 0, None, 0)
	    if setting:
	        print(f"u{i}:" + lib.crypt(b"p\xc3\xa9w:", setting).decode())
	END
	grep -c '^u' users >out
	[ "$(cat out)" -ge 10 ]
	cut -d : -f 1 users | while read -r name; do
		check "$name\\0p\\303\\251w:\\0\\0"
		check "$name\\0p\\303\\250w:\\0\\0"
	done | sort | uniq -c | awk '{ print $1, $2 }' >got
	printf '%s 0\n%s 1\n' "$(cat out)" "$(cat out)" | same got
}

@test "what is no hash never matches" {
	hash=$(md5 secret)
	for field in '' '*' '!' "!$hash" "*$hash" '*0' '*1' x secret '$' '$1$' \
	    '$y$' '$nonsense$x$y' "${hash%?}" "${hash}x" "$hash " ' ' ab; do
		printf '%s\n' "cheap:$hash" "alice:$field" >users
		for password in secret '' "$field"; do
			check "alice\\0${password//\\/}\\0\\0"
		done
	done | sort | uniq -c >out
	echo '     54 1' | same out
}

@test "the first line of a name counts, and others' mistakes do not" {
	{
		printf '\n::\nnonsense\nalice\n:x\nbad:%s:x:y\n' "$(md5 a)"
		printf 'NUL\0alice:%s\n' "$(md5 nul)"
		printf 'alice:%s\nalice:%s' "$(md5 a)" "$(md5 b)"
	} >users
	for pair in 'alice\0a\0\0' 'alice\0b\0\0' 'alice\0nul\0\0' 'bad\0a\0\0'; do
		check "$pair"
	done >out
	printf '%s\n' 0 1 1 111 | same out
	same err <<<'auth-passwd: users: user bad: uid and gid are no numbers'
}

# cpu PAIR: hundredths of a second.
cpu() {
	printf "$1" >pair
	/usr/bin/python3 - 3<pair <<-'END'
	import os, resource, subprocess
	subprocess.run(["auth-passwd", "--file", "users", "true"], pass_fds=[3])
	r = resource.getrusage(resource.RUSAGE_CHILDREN)
	print(round(100 * (r.ru_utime + r.ru_stime)))
	END
}

@test "an unknown name costs what a known one costs, and so does a disabled line" {
	# shellcheck disable=SC2016 # a hash
	hash='$2b$11$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a'
	printf '%s\n' '# x' 'off:!' "alice:$hash" "bob:$(md5 b)" >users
	known=$(cpu 'alice\0x\0\0')
	[ "$known" -ge 5 ]
	for name in mallory off '# x' ''; do
		unknown=$(cpu "$name\\0x\\0\\0")
		[ $((unknown * 2)) -gt "$known" ] || echo "$name: $unknown, $known"
	done >out
	same out </dev/null
}

@test "512 octets and not one more" {
	echo "alice:$(md5 secret)" >users
	stamp=x$(printf %0497d 1)
	check "alice\\0secret\\0$stamp\\0" >out
	check "alice\\0secret\\0${stamp}x\\0" >>out
	check "alice\\0secret\\0$stamp$stamp$stamp\\0" >>out
	printf '%s\n' 0 1 1 | same out
}

@test "the command has all descriptors but 3, and what the environment had" {
	echo "alice:$(md5 secret)" >users
	check 'alice\0secret\0\0' sh -c 'exec ls /proc/self/fd' 4>&1 5>&1 \
		7>&- 8>&- 9>&- 10>&- >out
	sed -n '/^[3-6]$/p' out >got # 3 is ls's own
	printf '%s\n' 3 4 5 | same got
	ORIG_UID=7 check 'alice\0secret\0\0' printenv ORIG_UID >out
	printf '7\n0\n' | same out
}

@test "as root it becomes the user of the line, without the groups of root" {
	[ "$EUID" = 0 ] || skip 'only root can become another'
	outside
	{
		echo "a:$(md5 x):65534:65534::$outside/home:/bin/ignored"
		echo "b:$(md5 x):4711:4712:A comment:/none"
		echo "c:$(md5 x):4711:4712"
		echo "nobody:$(md5 x)"
		echo "mail:$(md5 x):::$(: no gecos):$outside/home"
		echo "virtual@example.org:$(md5 x)"
		echo "v2:$(md5 x)::::/virtual"
	} >users
	export SHELL # bash sets it, but the environment may be without
	for name in a b c nobody mail virtual@example.org v2; do
		check "$name\\0x\\0\\0" sh -c 'echo "$USER" $(id -u) $(id -g) \
			$(id -G) "${HOME-none} ${SHELL-none}" ${EXTRA-none} \
			$userdb_uid $userdb_gid; pwd' | head -n 2
	done 2>&1 | sed "s,$outside,OUT,; s,/bin/[a-z]*sh,SH," >out
	mail_shell=$(getent passwd mail | cut -d : -f 7)
	nobody_home=$(getent passwd nobody | cut -d : -f 6)
	[ -d "$nobody_home" ] && nobody_pwd=$nobody_home || nobody_pwd=OUT
	sed -i "s,$mail_shell,MAIL,; s,SH,${SHELL-none}," out
	same out <<-END
	a 65534 65534 65534 OUT/home ${SHELL-none} userdb_uid userdb_gid 65534 65534
	OUT/home
	b 4711 4712 4712 /none ${SHELL-none} userdb_uid userdb_gid 4711 4712
	OUT
	c 4711 4712 4712 none ${SHELL-none} userdb_uid userdb_gid 4711 4712
	OUT
	nobody 65534 65534 65534 $nobody_home MAIL userdb_uid userdb_gid 65534 65534
	$nobody_pwd
	mail 8 8 8 OUT/home MAIL userdb_uid userdb_gid 8 8
	OUT/home
	virtual@example.org 0 0 0 none ${SHELL-none} none
	OUT
	v2 0 0 0 /virtual ${SHELL-none} none
	OUT
	END
}

@test "nobody becomes root" {
	[ "$EUID" = 0 ] || skip 'only root can become another'
	for user in root 'x:0:0' 'x:00:1' 'x:1:0' 'x:4294967296:1' 'x:-1:1' \
	    'x:4294967295:1' 'x:1' 'x:1:' 'x::1' 'x: 1:1'; do
		echo "${user%%:*}:$(md5 x):${user#*:}" | sed 's/:root$//' >users
		check "${user%%:*}\\0x\\0\\0" id
	done | sort | uniq -c >out
	echo '     11 111' | same out
}

@test "another user than root changes no user" {
	[ "$EUID" = 0 ] || skip 'only root can become another'
	outside
	printf 'a:%s:0:0::/x\nnobody:%s\n' "$(md5 x)" "$(md5 x)" >users
	chown 4711 users
	for name in a nobody; do
		printf '%s\0x\0\0' $name >pair
		setpriv --reuid 4711 --clear-groups "$BUILD/bin/auth-passwd" \
			--file users sh -c 'id -u; echo "$USER"' 3<pair
	done >out
	printf '%s\n' 4711 a 4711 nobody | same out
}

@test "--add makes the file, and a line of it" {
	echo 'se cret' | auth-passwd --file users --add alice@example.org
	stat -c '%a %h' users >out
	same out <<<'600 1'
	# shellcheck disable=SC2016 # a hash
	sed 's/:\$y\$.*/:$y$.../' users >out
	# shellcheck disable=SC2016
	same out <<<'alice@example.org:$y$...'
	check 'alice@example.org\0se cret\0\0' >out
	check 'alice@example.org\0se cret \0\0' >>out
	printf '0\n1\n' | same out
	find . -name '*users*' >out
	same out <<<./users
}

@test "--add changes the hash alone; everything else stays, octet for octet" {
	{
		printf '# alice:old:1:1\n\nbob:%s:8:8:B:/b:/bin/sh\r\n' "$(md5 b)"
		printf 'alice2:x\n\xff\x00:\nalice:!:65534:65534::/home/a:\n'
		printf 'alice:second\nlast:!'
	} >users
	chmod 640 users
	[ "$EUID" != 0 ] || chown 4711:4712 users
	stat -c '%a %u %g' users >before
	cp users old
	echo new | auth-passwd --file users --add alice
	# shellcheck disable=SC2016 # a hash
	sed 's/^alice:\$y\$[^:]*:/alice:!:/' users >out
	same out <old
	stat -c '%a %u %g' users >after
	same after <before
	echo new | auth-passwd --file users --add carol
	# shellcheck disable=SC2016
	sed 's/\$y\$[^:]*/HASH/' users | tail -n 3 >out
	printf 'alice:second\nlast:!\ncarol:HASH\n' | same out
	chmod 600 users
	[ "$EUID" != 0 ] || chown 0 users
	check 'carol\0new\0\0' >out
	same out <<<0
}

@test "--add without the memory for a line takes none of the file away" {
	plain_build
	printf 'bob:%05000d:\nlast:!\n' 0 >old
	for n in {1..12}; do
		cp old users
		echo new | without_memory "$n" auth-passwd --file users --add alice \
			2>err || true
		head -n 2 users >kept
		same kept <old
	done
}

@test "--add asks twice on a terminal, and refuses two that differ" {
	cat >ask.py <<-'END'
	import os, pty, sys
	for answers in ("secret", "secret"), ("one", "two"):
	    pid, fd = pty.fork()
	    if pid == 0:
	        os.execvp("auth-passwd", ["auth-passwd", "--file", "users",
	                                  "--add", "alice"])
	    said = b""
	    for answer in answers:
	        while not said.endswith(b": "):
	            said += os.read(fd, 100)
	        os.write(fd, answer.encode() + b"\n")
	        said += b"|"
	    try:
	        while part := os.read(fd, 100):
	            said += part
	    except OSError:
	        pass
	    print(said, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
	END
	timeout 30 /usr/bin/python3 ask.py >out
	same out <<-'END'
	b'Password for alice: |\r\nPassword for alice, again: |\r\n' 0
	b'Password for alice: |\r\nPassword for alice, again: |\r\nauth-passwd: the two are not the same\r\n' 2
	END
	check 'alice\0secret\0\0' >out
	same out <<<0
}

@test "ten --add at once lose no line, and a link stays a link" {
	: >real
	ln -s real users
	for i in 0 1 2 3 4 5 6 7 8 9; do
		echo "p$i" | auth-passwd --file users --add "user$i" &
	done 3>&-
	wait
	cut -d : -f 1 users | sort >out
	printf 'user%s\n' 0 1 2 3 4 5 6 7 8 9 | same out
	[ -L users ]
	find . -name '*.new' >out
	same out </dev/null
}

@test "--add is on the disk before it ends" {
	echo "bob:$(md5 x)" >users
	echo p | strace -y -o trace \
		-e trace=fsync,rename,renameat,renameat2 \
		auth-passwd --file users --add alice
	sed -nE 's/^(fsync|rename)[a-z0-9]*\([^/]*[^<]*<[^>]*\/([^/>]+)>.*/\1 \2/p' \
		trace | sed "s,${PWD##*/},folder," >order
	printf 'fsync .users.new\nrename folder\nfsync folder\n' | same order
}

@test "exit 1: a wrong password, an unknown name" {
	echo "alice:$(md5 x)" >users
	for pair in 'alice\0y\0\0' 'bob\0x\0\0'; do
		printf "$pair" >pair
		exits 1 auth-passwd --file users true 3<pair 2>err
		same err </dev/null
	done
}

@test "exit 2: a wrong command line, no pair, a name or password that cannot be" {
	echo "alice:$(md5 x)" >users
	exits 2 auth-passwd true 2>err 3<users
	exits 2 auth-passwd --file users 2>err 3<users
	exits 2 auth-passwd --file users --add alice true 2>err </dev/null
	echo 'nonsense' >conf
	exits 2 auth-passwd --config conf true 2>err
	exits 2 auth-passwd --file users true 3>&- 2>err
	same err <<<'auth-passwd: read descriptor 3: Bad file descriptor'
	for pair in '' alice 'alice\0x'; do
		printf "$pair" >pair
		exits 2 auth-passwd --file users true 3<pair 2>err
		same err <<<'auth-passwd: descriptor 3: no name and password, each with NUL'
	done
	cp users old
	for name in '' '#a' a:b $'a\nb' $'a\x7f' "$(printf %0510d 1)"; do
		echo x | exits 2 auth-passwd --file users --add "$name" 2>err
		wc -l <err >lines
		same lines <<<1
	done
	exits 2 auth-passwd --file users --add bob </dev/null 2>err
	printf 'a\0b\n' | exits 2 auth-passwd --file users --add bob 2>err
	same users <old
}

@test "exit 111: a file that is absent, not for us alone, or none" {
	printf 'alice\0x\0\0' >pair
	try=(auth-passwd --file users true)
	exits 111 "${try[@]}" 3<pair 2>err
	same err <<<'auth-passwd: users: No such file or directory'
	echo "alice:$(md5 x)" >users
	for mode in 644 604 602 620 601; do
		chmod $mode users
		exits 111 "${try[@]}" 3<pair 2>err
		same err <<<"auth-passwd: users: others may read or write it (mode 0$mode)"
		echo x | exits 111 auth-passwd --file users --add bob 2>err
	done
	chmod 640 users
	exits 0 "${try[@]}" 3<pair
	if [ "$EUID" = 0 ]; then
		chown 4711 users
		exits 111 "${try[@]}" 3<pair 2>err
		same err <<<"auth-passwd: users: it is another user's"
	fi
	rm users
	mkfifo users
	exits 111 timeout 5 "${try[@]}" 3<pair 2>err
	rm users
	mkdir users
	exits 111 "${try[@]}" 3<pair 2>err
	echo x | exits 111 auth-passwd --file none/users --add bob 2>err
}

@test "exit 111: a command that is absent, a pair that does not come" {
	echo "alice:$(md5 x)" >users
	printf 'alice\0x\0\0' >pair
	exits 111 auth-passwd --file users /nonexistent 3<pair 2>err
	same err <<<'auth-passwd: execute /nonexistent: No such file or directory'
	mkfifo slow
	auth-passwd --file users true 3<>slow &
	pid=$!
	# What the alarm clock does after 30 seconds.
	for _ in {1..200}; do
		grep -q '^SigCgt:.*[2367abef]...$' "/proc/$pid/status" && break
		pause
	done
	kill -ALRM $pid
	exits 111 wait $pid
}
