#!/usr/bin/env bats
# lib/confine, lib/filter, lib/profile: what a session may still do; and the
# programs themselves, as confined, as another user, and where it cannot be.
load lib

drv=$BUILD/drv/confine

setup() {
	sandbox
	mkdir -p in/box/{tmp,new,cur} outside tmp
	ln -s ../../outside in/box/link
	echo secret >outside/secret
	echo mail >in/box/new/mail
	chmod 600 outside/secret
	echo "c@host.example $PWD/in/box/" >mailboxes
	export TMPDIR=$PWD/tmp MAILPIPE_SPOOL=$PWD/forwards
}

teardown() {
	[ -z "${open-}" ] || rm -rf "$open"
}

confined() {
	plain_build "the sanitizers need more"
	"$drv" try relay | head -n 1 | grep -q unconfined &&
		skip "the kernel has no landlock or no seccomp"
	:
}

need_root() {
	[ "$EUID" = 0 ] || skip "only root can become another"
}

# A folder that every user can reach.
open_folder() {
	open=$(mktemp -d -p /tmp)
	chmod 777 "$open"
	cd "$open" || return
}

# What is tried, and what comes of it where files may be opened; see the driver.
attempts() {
	cat <<-'END'
	read /etc/passwd: EACCES
	read outside: EACCES
	read box/../outside: EACCES
	read through a link: EACCES
	read through /proc: EACCES
	list outside: EACCES
	write outside: EACCES
	make outside: EACCES
	link into the box: EACCES
	link out of the box: EACCES
	rename: ENOSYS
	remove outside: EACCES
	mkdir outside: EACCES
	symlink in the box: ENOSYS
	mknod in the box: ENOSYS
	chmod outside: ENOSYS
	chown outside: ENOSYS
	xattr outside: ENOSYS
	execve: killed
	execveat: killed
	clone: ENOSYS
	clone3: ENOSYS
	socket inet: ENOSYS
	socket unix: ENOSYS
	socket netlink: ENOSYS
	socketpair inet: EPERM
	connect: ENOSYS
	bind: ENOSYS
	listen: ENOSYS
	ptrace: killed
	process_vm_readv: killed
	pidfd_open: ENOSYS
	kill: EPERM
	tgkill: EPERM
	F_SETOWN: EPERM
	prctl: ENOSYS
	setuid: ENOSYS
	setresuid: ENOSYS
	capset: ENOSYS
	mount: ENOSYS
	umount: ENOSYS
	chroot: ENOSYS
	pivot_root: ENOSYS
	unshare: ENOSYS
	setns: ENOSYS
	personality: ENOSYS
	executable mmap: EPERM
	executable mprotect: EPERM
	memfd_create: ENOSYS
	io_uring_setup: ENOSYS
	bpf: ENOSYS
	userfaultfd: ENOSYS
	perf_event_open: ENOSYS
	keyctl: ENOSYS
	seccomp: ENOSYS
	landlock: ENOSYS
	ioctl: ENOSYS
	a call unknown as yet: ENOSYS
	a call of x32: killed
	a call of i386: killed
	END
}

@test "a mailbox session reaches nothing but its mailboxes" {
	confined
	"$drv" try mailboxes mailboxes >out
	attempts | sed 's/^\(link into the box\): EACCES/\1: EXDEV/' >want
	same out <want
}

@test "a spool session reaches no mailbox, and cannot list the queue" {
	confined
	"$drv" try spool in/spool >out
	attempts | same out
	rm -r outside
	mkdir -p in/spool/queue
	ln -s in/spool/queue outside
	echo other >in/spool/queue/secret
	"$drv" try spool in/spool | grep -E '^(read|list) ' >out
	attempts | grep -E '^(read|list) ' | same out
}

@test "a session that has a command, and one that has a maildir to show" {
	confined
	"$drv" try command >out
	attempts | same out
	"$drv" try pop3 in/box >out
	attempts | same out
	[ "$(cat outside/secret in/box/new/mail)" = $'secret\nmail' ]
}

@test "before a POP3 login, and between TLS and a server, no file is opened" {
	confined
	"$drv" try login >out
	attempts | sed 's/EACCES/ENOSYS/; s/^kill:.*/kill: ENOSYS/' >want
	same out <want
	"$drv" try relay >out
	sed -i 's/^socketpair inet:.*/socketpair inet: ENOSYS/' want
	same out <want
}

@test "a call is sought in a tree: few steps for each" {
	"$drv" tree >out
	read -r instructions _ steps _ <out
	[ "$instructions" -le 128 ]
	[ "$steps" -le 16 ]
}

@test "a table of many lines is few folders, those above them if need be" {
	confined
	mkdir -p many/{1..50}/{tmp,new,cur}/box/{tmp,new,cur}
	for i in {1..50}; do
		echo "u$i@host.example $PWD/many/$i/tmp/box/"
	done >>mailboxes
	for i in 1 32 33 50; do
		printf '%s\r\n' 'HELO x' 'MAIL FROM:<>' \
			"RCPT TO:<u$i@host.example>" DATA '' . QUIT |
			smtp-recv --hostname host.example --mailboxes mailboxes \
				--log none | grep -c '^250 2.0.0 delivered'
	done >out
	printf '1\n%.0s' 1 2 3 4 | same out
	"$drv" try mailboxes mailboxes | sed -n '2,7p' >out
	attempts | sed -n '2,7p' | same out
}

# deliver USER...: a message to each, a session for all; the replies.
deliver() {
	{
		echo 'HELO x'
		for to; do
			printf '%s\n' 'MAIL FROM:<a@b.example>' \
				"RCPT TO:<$to@host.example>" DATA 'Subject: x' \
				'' text .
		done
		echo QUIT
	} | crlf | smtp-recv --hostname host.example --log none \
		--mailboxes mailboxes "${options[@]}" |
		tr -d '\r' | sed -n 's/^\(250 .*\) as .*/\1/p; /^550/p; /^4/p' |
		sort | uniq -c | sed 's/^ *//'
}

@test "every kind of mailbox works confined, and so do links that lines name" {
	options=()
	mkdir -p elsewhere/linked/{tmp,new,cur} users mbox
	ln -s "$PWD/elsewhere/linked" in/linked
	: >mbox/stale
	printf '%s\n' "linked@host.example $PWD/in/linked/" \
		"mbox@host.example $PWD/mbox/file" \
		"stale@host.example $PWD/mbox/stale" \
		'away@host.example far@b.example' \
		"prog@host.example |cat >$PWD/filed" \
		"@host.example $PWD/users/%u/" >>mailboxes
	# Of a process that is gone: it is broken, not waited for.
	sh -c 'echo $$' >mbox/stale.lock
	mkdir -p users/late/{tmp,new,cur}
	deliver c linked mbox mbox stale away late nobody >out
	same out <<-'END'
	7 250 2.0.0 delivered
	1 550 5.1.1 No such user here
	END
	[ "$(find elsewhere/linked/new users/late/new -type f | wc -l)" = 2 ]
	grep -c '^From a@b' mbox/file mbox/stale >out
	same out <<-'END'
	mbox/file:2
	mbox/stale:1
	END
	[ "$(find forwards/queue -type f | wc -l)" = 1 ]
	[ ! -e mbox/stale.lock ] && [ ! -e mbox/file.lock ]
}

@test "one message for several, some of them forwards and mboxes" {
	mkdir mbox
	printf '%s\n' "mbox@host.example $PWD/mbox/file" \
		'away@host.example far@b.example' >>mailboxes
	printf '%s\r\n' 'HELO x' 'MAIL FROM:<a@b.example>' \
		'RCPT TO:<c@host.example>' 'RCPT TO:<mbox@host.example>' \
		'RCPT TO:<away@host.example>' DATA 'Subject: x' '' text . QUIT |
		smtp-recv --hostname host.example --log none \
			--mailboxes mailboxes | grep -c delivered >out
	same out <<<1
	[ "$(find in/box/new mbox/file forwards/queue -type f | wc -l)" = 4 ]
	find tmp forwards/tmp in/box/tmp -type f >out
	same out </dev/null
}

@test "the local time is in Received, whatever cannot be opened any more" {
	[ -e /usr/share/zoneinfo/Asia/Kolkata ] || skip "no time zones"
	printf '%s\r\n' 'HELO x' 'MAIL FROM:<>' 'RCPT TO:<c@host.example>' \
		DATA '' . QUIT | TZ=Asia/Kolkata smtp-recv --log none \
		--hostname host.example --mailboxes mailboxes >/dev/null
	grep -h -c ' +0530$' in/box/new/*.* >out
	same out <<<1
}

@test "and so is the system's, without TZ" {
	local zone=/usr/share/zoneinfo/Asia/Kolkata
	[ -e "$zone" ] || skip "no time zones"
	[ "$EUID" = 0 ] || skip "not root"
	# shellcheck disable=SC2016
	unshare -m sh -c 'mount --bind "$1" "$(readlink -f /etc/localtime)" &&
		smtp-recv --log none --hostname host.example \
			--mailboxes mailboxes' x "$zone" >/dev/null \
		< <(printf '%s\r\n' 'HELO x' 'MAIL FROM:<>' \
			'RCPT TO:<c@host.example>' DATA '' . QUIT)
	grep -h -c ' +0530$' in/box/new/*.* >out
	same out <<<1
}

# session WITHOUT...: a dialogue's replies, and the log.
session() {
	printf '%s\r\n' 'HELO x' 'MAIL FROM:<a@b.example>' \
		'RCPT TO:<c@host.example>' DATA 'Subject: x' '' text . QUIT |
		"$@" smtp-recv --hostname host.example --mailboxes mailboxes \
			2>>log | sed 's/ as .*//'
}

@test "without landlock, seccomp or both it runs unchanged, with a line" {
	confined
	session >want
	: >log
	for what in landlock seccomp both; do
		session "$drv" without $what >out
		same out <want
	done
	grep unconfined log >out
	same out <<-'END'
	event=unconfined missing=landlock
	event=unconfined missing=seccomp
	event=unconfined missing="landlock and seccomp"
	END
}

@test "a listener says once what the kernel has not, its sessions do not" {
	confined
	REPEAT=3 python3 -S "$TESTS/wire.py" listening "$drv" without both \
		smtp-recv --hostname host.example --mailboxes mailboxes \
		<<<QUIT 2>log >out
	grep -c unconfined log >count
	same count <<<1
	# QUIT comes before or after the greeting.
	grep -cE '^(220|554)' out >count
	same count <<<3
}

# as --user NAME reaches it: who holds what, of listener, session, starter.
processes() {
	python3 -S "$TESTS/lib/confined.py" "$@" 2>err
}

@test "a session is confined and another user; the starter keeps its rights" {
	confined
	need_root
	open_folder
	mkdir -p box/{tmp,new,cur}
	chown -R 65534:65534 box
	echo "c@host.example $open/box/" >mailboxes
	processes smtp-recv --hostname host.example --user 65534:65533 \
		--listen ./sock -- true >out
	same out <<-'END'
	uid 0 gid 0 groups [] no-new-privs0 seccomp0 - tls
	uid 65534 gid 65533 groups [] no-new-privs1 seccomp2 wire tls
	uid 0 gid 0 groups [] no-new-privs0 seccomp0 - -
	END
	grep event=root err >got || :
	same got </dev/null
	processes smtp-recv --hostname host.example --user nobody \
		--listen ./sock --mailboxes mailboxes >out
	same out <<-'END'
	uid 0 gid 0 groups [] no-new-privs0 seccomp0 - tls
	uid 65534 gid 65534 groups [] no-new-privs1 seccomp2 wire tls
	END
}

@test "without --user a session is confined too" {
	confined
	processes smtp-recv --hostname host.example --listen ./sock \
		--spool spool >out
	sed 's/^.* groups/groups/; s/\[.*\]/[]/' out >got
	same got <<-'END'
	groups [] no-new-privs0 seccomp0 - tls
	groups [] no-new-privs1 seccomp2 wire tls
	END
}

@test "before a POP3 login a session is confined and another user" {
	confined
	need_root
	open_folder
	processes pop3-serve --user 65534 --auth true --listen ./sock >out
	same out <<-'END'
	uid 0 gid 0 groups [] no-new-privs0 seccomp0 - tls
	uid 0 gid 0 groups [] no-new-privs0 seccomp0 - -
	uid 65534 gid 65534 groups [] no-new-privs1 seccomp2 wire tls
	END
	mkdir -p box/{tmp,new,cur}
	chown -R 65534:65534 box
	echo secret >password
	chmod 600 password
	processes pop3-serve --user 65534 --single-user box \
		--password-file password --listen ./sock >out
	same out <<-'END'
	uid 0 gid 0 groups [] no-new-privs0 seccomp0 - tls
	uid 65534 gid 65534 groups [] no-new-privs1 seccomp2 wire tls
	END
}

@test "as another user it delivers there, and a table's program is that user's" {
	need_root
	open_folder
	mkdir -p box/{tmp,new,cur} tmp root/{tmp,new,cur}
	chown -R 65534:65534 box tmp
	chmod 700 root
	export TMPDIR=$open/tmp
	printf '%s\n' "c@host.example $open/box/" "root@host.example $open/root/" \
		"prog@host.example |id -u >$open/tmp/who; true" >mailboxes
	options=(--user 65534:65534)
	deliver c root >out
	same out <<-'END'
	1 250 2.0.0 delivered
	1 451 4.3.0 Temporary trouble, try again later
	END
	[ "$(stat -c %u box/new/*)" = 65534 ]
	printf '%s\r\n' 'HELO x' 'MAIL FROM:<>' 'RCPT TO:<prog@host.example>' \
		DATA '' . QUIT | smtp-recv --hostname host.example --log none \
		--mailboxes mailboxes "${options[@]}" >/dev/null
	same tmp/who <<<65534
}

@test "a user that is none, or cannot be had, is 78" {
	for name in no-such-user root 0 0:8 8:0 nobody: 4294967295 ''; do
		exits 78 smtp-recv --hostname host.example --user "$name" \
			--mailboxes mailboxes </dev/null >out 2>err
		same out </dev/null
	done
	same err <<-'END'
	smtp-recv: user : no such user
	END
	exits 78 pop3-serve --user no-such-user --auth true </dev/null 2>err
	same err <<-'END'
	pop3-serve: user no-such-user: no such user
	END
	if [ "$EUID" = 0 ]; then
		open_folder
		cp "$OLDPWD/mailboxes" .
		exits 78 setpriv --reuid 4711 --regid 4711 --clear-groups \
			"$BUILD/bin/smtp-recv" --hostname host.example \
			--user nobody --mailboxes mailboxes </dev/null 2>err
		same err <<-'END'
		smtp-recv: user nobody: only root can become another user
		END
	fi
}

# /dev is an empty folder's but for these, in a name space of the test's own.
@test "syslog is still reached" {
	need_root
	mkdir dev
	cat >run.py <<-'END'
		import os, socket, subprocess
		log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		log.bind("/dev/log")
		log.settimeout(20)
		near, far = socket.socketpair()
		p = subprocess.Popen(["smtp-recv", "--hostname", "host.example",
		                      "--mailboxes", "mailboxes"],
		                     stdin=far, stdout=far, stderr=far)
		far.close()
		for line in "HELO x", "MAIL FROM:<>", "RCPT TO:<no@host.example>":
		    near.recv(1000)
		    near.sendall(line.encode() + b"\r\n")
		near.recv(1000)
		print(log.recv(1000).decode().partition("]: ")[2])
		near.close()
		p.wait()
	END
	unshare -m sh -c 'mount -t tmpfs x dev && mknod dev/null c 1 3 &&
		mount --rbind dev /dev' 2>/dev/null || skip "no name space"
	unshare -m sh -c 'mount -t tmpfs x dev && mknod -m 666 dev/null c 1 3 &&
		mount --rbind dev /dev && exec python3 run.py' >out
	same out <<-'END'
	event=refused client=local helo=x from=<> to=no@host.example reply="550 5.1.1 No such user here"
	END
}
