#!/usr/bin/env bats
# mbox-deliver: one message into a maildir, an mbox or the mailboxes of a table.
# shellcheck disable=SC2059,SC2094,SC2129,SC2030,SC2031
load lib

setup() {
	sandbox
	umask 022
	pids=()
	shared=
	mkdir -p box/{tmp,new,cur}
	printf 'Subject: hello\n\nFirst line\n' >message
	cat >table <<-END
	# the first line's target is postmaster's too
	alice@example.net $PWD/box/
	bob@example.net   $PWD/mbox
	carol@example.net carol@example.org
	dave@example.net  dave@example.com
	lost@example.net  $PWD/missing/
	prog@example.net  |false
	@example.org      $PWD/%u/
	END
	deliver=(mbox-deliver -f s@example.com -d spool --mailboxes table
		--local example.net)
}

teardown() {
	local pid
	for pid in "${pids[@]}"; do
		kill -9 "$pid" 2>/dev/null || true
	done
	[ -z "$shared" ] || rm -rf "$shared"
}

is_root() { [ "$EUID" -eq 0 ]; }

# A folder that another user can reach, with our program in it.
share() {
	shared=$(mktemp -d /tmp/mailpipe-test.XXXXXX)
	cp "$BUILD/bin/mbox-deliver" message "$shared"
	chmod 755 "$shared"
	! is_root || chown -R 65534:65534 "$shared"
	cd "$shared" || return 1
}

# Runs as somebody who is not root.
as_user() {
	if is_root; then
		setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
	else
		"$@"
	fi
}

# Nothing was delivered, nothing left behind.
nothing() {
	find box mbox spool/queue spool/tmp -type f 2>/dev/null >left || true
	same left </dev/null
}

# Hides what differs from run to run.
boxed() { cat box/new/*; }

@test "bare -o and --mbox add nothing" {
	mbox-deliver -o box <message
	boxed | same message
	mbox-deliver --mbox mbox <message
	sed '1s/From MAILER-DAEMON .*/From_/' mbox >got
	{ echo From_; cat message; echo; } | same got
	mbox-deliver -f s@example.com --mbox mbox2 <message
	sed '1s/From s@example.com ... ... .. ..:..:.. ....$/From_/' mbox2 >got
	{ echo From_; cat message; echo; } | same got
}

@test "-f and recipients put Return-Path and Delivered-To on top" {
	mbox-deliver -f '<s@example.com>' -o box -- a@example.net <message
	{
		echo 'Return-Path: <s@example.com>'
		echo 'Delivered-To: a@example.net'
		cat message
	} >want
	boxed | same want
	mbox-deliver -f '' --mbox mbox -- a@example.net <message
	sed '1s/From MAILER-DAEMON .*/From_/' mbox >got
	{ echo From_; sed '1s/s@example.com//' want; echo; } | same got
}

@test "a message without a header gets an empty line under the trace fields" {
	printf 'no header\n' | mbox-deliver -f a@b -o box -- c@d
	boxed >got
	same got <<-'END'
	Return-Path: <a@b>
	Delivered-To: c@d

	no header
	END
	rm box/new/*
	printf 'From x y\n\nz' | mbox-deliver -f a@b -o box -- c@d
	boxed >got
	printf 'Return-Path: <a@b>\nDelivered-To: c@d\nFrom x y\n\nz' | same got
}

@test "CRLF becomes LF and every other octet stays" {
	while read -r octets; do
		rm -f box/new/* mbox
		printf "A: b\n\n$octets" >in
		mbox-deliver -o box <in
		boxed | same in
		sed 's/$/\r/' in >crlf.in
		[ -z "$(tail -c1 in)" ] || truncate -s -1 crlf.in
		rm box/new/*
		mbox-deliver -o box <crlf.in
		boxed | same in
	done <<-'END'
	a\0b\0\n
	bare\rcr\n
	cr at the end\r
	\xff\xfe\x80 \xe2\x80\xa8\n
	.\n..\n.x\n\n
	From a\n>From b\n
	no final newline
	\n\n\n
	END
	rm -f box/new/*
	printf 'A: b\r\r\n' | mbox-deliver -o box
	boxed >got
	printf 'A: b\r\n' | same got
	rm -f box/new/*
	{ echo 'A: b'; echo; head -c 5000 /dev/zero | tr '\0' x; } >in
	mbox-deliver -o box <in
	boxed | same in
}

@test "other readers find the messages: Python's mailbox, and mblaze" {
	printf 'Subject: one\n\nFrom here\n>From there\n' >one
	for to in '-o box' '--mbox mbox'; do
		# shellcheck disable=SC2086
		mbox-deliver -f s@e $to -- a@b <one
		# shellcheck disable=SC2086
		mbox-deliver -f s@e $to -- a@b <message
	done
	python3 - <<-'END' >got
	import mailbox
	for box in mailbox.Maildir("box"), mailbox.mbox("mbox"):
	    for m in sorted(box, key=lambda m: m["Subject"]):
	        print(m["Return-Path"], m["Delivered-To"], m["Subject"],
	            repr(m.get_payload()))
	END
	same got <<-'END'
	<s@e> a@b hello 'First line\n'
	<s@e> a@b one 'From here\n>From there\n'
	<s@e> a@b hello 'First line\n'
	<s@e> a@b one '>From here\n>>From there\n'
	END
	mlist box | mhdr -h subject | sort >got
	printf 'hello\none\n' | same got
}

@test "no octets are 65, unless --allow-empty" {
	exits 65 mbox-deliver -o box </dev/null 2>err
	echo 'mbox-deliver: read stdin: no message' | same err
	nothing
	mbox-deliver --allow-empty -f a@b -o box -- c@d </dev/null
	boxed >got
	printf 'Return-Path: <a@b>\nDelivered-To: c@d\n' | same got
}

@test "--size N: any other count of octets is 75 and nothing is kept" {
	n=$(crlf <message | wc -c)
	for wrong in $((n - 1)) $((n + 1)) 0; do
		exits 75 mbox-deliver --size $wrong -o box < <(crlf <message) 2>err
		echo "mbox-deliver: read stdin: $n octets, not $wrong" | same err
	done
	exits 75 mbox-deliver --size "$n" -o box </dev/null 2>err
	echo "mbox-deliver: read stdin: 0 octets, not $n" | same err
	nothing
	mbox-deliver --size "$n" -o box < <(crlf <message)
	boxed | same message
}

@test "a loop is 69, with the reply for SMTP on stdout" {
	printf 'Delivered-To: B@example.net\n\nx\n' >loop
	exits 69 mbox-deliver -f a@b -o box -- b@example.net <loop >out 2>err
	echo '554 5.4.6 mail loop: delivered to this mailbox before' | same out
	echo 'mbox-deliver: deliver: mail loop: delivered to this mailbox before' |
		same err
	for _ in {1..101}; do echo 'Received: x'; done >hops
	exits 69 "${deliver[@]}" carol@example.net <hops >out 2>err
	echo '554 5.4.6 mail loop: too many hops' | same out
	nothing
	mbox-deliver -o box <loop
	mbox-deliver -f a@b -o box -- c@example.net <loop
}

@test "the table sends each recipient to his mailbox, all or none" {
	"${deliver[@]}" -- alice@example.net bob+x@example.net \
		ALICE@example.net alice@example.net <message
	grep -h Delivered-To box/new/* | sort >got
	printf 'Delivered-To: %s\n' ALICE@example.net alice@example.net | same got
	sed '1s/ ... ... .. ..:..:.. ....$//' mbox >got
	{
		echo 'From s@example.com'
		echo 'Return-Path: <s@example.com>'
		echo 'Delivered-To: bob+x@example.net'
		cat message
		echo
	} | same got
	ls -A box/tmp >left
	same left </dev/null
}

@test "forwards become one entry of the spool, with Delivered-To alone" {
	"${deliver[@]}" -- carol@example.net alice@example.net dave@example.net \
		<message
	cat spool/queue/*.q >entry
	sed -n 's/^[FR] .*</</p' entry >got
	printf '<%s>\n' s@example.com carol@example.org dave@example.com | same got
	sed '1,/^$/d' entry >got
	{
		echo 'Delivered-To: carol@example.net'
		echo 'Delivered-To: dave@example.net'
		cat message
	} | same got
	cat box/new/* >got
	{
		echo 'Return-Path: <s@example.com>'
		echo 'Delivered-To: alice@example.net'
		cat message
	} | same got
}

@test "one unknown among several: 67 and nothing delivered" {
	exits 67 "${deliver[@]}" -- alice@example.net bob@example.net \
		carol@example.net nobody@example.net <message 2>err
	echo 'mbox-deliver: find nobody@example.net: no such mailbox' | same err
	nothing
	exits 67 "${deliver[@]}" -- nobody@example.org <message 2>err
	echo 'mbox-deliver: find nobody@example.org: no such mailbox' | same err
}

@test "a foreign domain is 77, and every domain is local without --local" {
	exits 77 "${deliver[@]}" -- alice@example.com <message 2>err
	echo 'mbox-deliver: find alice@example.com: foreign domain' | same err
	exits 67 mbox-deliver -f a@b --mailboxes table -- x@example.com \
		<message 2>err
	nothing
}

@test "bad syntax and hostile names are 65 with a 553" {
	for rcpt in 'a b@example.net' '' a@ @example.net 'a@b@c' '"../x"@example.org' \
		$'a\n@example.net' 'a@[1.2.3]'; do
		exits 65 "${deliver[@]}" -- "$rcpt" <message >out 2>err
		echo '553 5.1.3 Bad recipient address' | same out
	done
	exits 65 mbox-deliver -f 'a b' -o box <message >out 2>err
	echo '553 5.1.7 Bad sender address' | same out
	echo 'mbox-deliver: parse sender a b: no address' | same err
	nothing
}

@test "a missing folder is 75, one of several too, and -o makes its own" {
	exits 75 "${deliver[@]}" -- alice@example.net lost@example.net \
		<message 2>err
	echo "mbox-deliver: open $PWD/missing/: No such file or directory" | same err
	nothing
	exits 75 mbox-deliver --mbox no/mbox <message 2>err
	echo 'mbox-deliver: open no/mbox: No such file or directory' | same err
	mbox-deliver -o made <message
	cat made/new/* | same message
	exits 75 mbox-deliver -o no/made <message 2>err
	echo 'mbox-deliver: open no/made: No such file or directory' | same err
}

@test "a source route is dropped before the look-up" {
	"${deliver[@]}" -- @a.example,@b.example:alice@example.net <message
	grep -h Delivered-To box/new/* >got
	echo 'Delivered-To: alice@example.net' | same got
}

@test "a program among several is 75 and nothing happens" {
	share
	cat >table <<-END
	prog@x |touch $PWD/ran; true
	mbox@x $PWD/mbox
	END
	for list in 'prog@x mbox@x' 'mbox@x prog@x'; do
		# shellcheck disable=SC2086
		exits 75 as_user ./mbox-deliver -f a@b --mailboxes table -- $list \
			<message 2>err
		echo "mbox-deliver: deliver ${list#* }: a program takes its recipient" \
			alone | same err
	done
	[ ! -e ran ]
	[ ! -e mbox ]
}

@test "a program is a handler: arguments, environment, a seekable stdin" {
	share
	cat >table <<-'END'
	a+x@example.net |./handler one "two three"
	END
	cat >handler <<-'END'
	#!/bin/sh
	printf '%s\n' "$@" "$MAIL_ID" "$MAIL_SIZE" >args
	dd of=tail skip=24 bs=1 status=none
	dd of=head count=1 bs=24 status=none
	python3 -c 'import os; os.lseek(0, 0, 0)'
	cat >stdin
	echo "250 2.6.0 filed"
	echo "not this"
	END
	chmod 755 handler
	as_user env MAIL_ID=abc123 ./mbox-deliver -f '' --mailboxes table -- \
		a+x@example.net <message >out
	echo '250 2.6.0 filed' | same out
	{ echo 'Delivered-To: a+x@example.net'; cat message; } >want
	same stdin <want
	printf '%s\n' one 'two three' -f '' -- a+x@example.net abc123 \
		"$(wc -c <want)" | same args
}

@test "a program's exit status is ours, and what cannot run is temporary" {
	share
	cat >table <<-'END'
	a@x |echo 552 5.2.2 full; exit "${0:+69}"; :
	b@x |./none
	c@x |kill -9 $$; :
	d@x |exit 65; :
	END
	for want in '69 a' '127 b' '75 c' '65 d'; do
		got=0
		as_user ./mbox-deliver -f s@e --mailboxes table -- "${want#* }@x" \
			<message >>out 2>/dev/null || got=$?
		case $got in 75 | 127) got="temp" ;; esac
		echo "$got ${want#* }"
	done >codes
	printf '69 a\ntemp b\ntemp c\n65 d\n' | same codes
	echo '552 5.2.2 full' | same out
}

@test "what is no mbox is refused at once and left alone" {
	mkdir dir real
	mkfifo fifo
	echo old >target
	ln -s target link
	ln -s nowhere dangling
	echo old >hard
	ln hard hard2
	ln -s hostile real.lock
	mkfifo fifo2.lock
	mkdir dir3.lock
	for f in dir fifo link dangling hard /dev/null /dev/full real fifo2 dir3; do
		timeout 2 mbox-deliver --mbox $f <message 2>err || echo $? >code
		echo 75 | same code
		sed 's/: [A-Z].*//' err >got
		echo "mbox-deliver: open $f" | same got
	done
	echo old | same target
	echo old | same hard
	[ ! -e nowhere ]
	[ ! -e hostile ]
	ls -d ./*.lock >locks
	printf '%s\n' ./dir3.lock ./fifo2.lock ./real.lock | same locks
}

@test "50 writers at once: every message whole, in both kinds" {
	for i in {1..50}; do
		{ echo "N: $i"; echo; seq "$i" 2000; } >"in.$i"
		mbox-deliver --mbox mbox <"in.$i" &
		pids+=($!)
		mbox-deliver -o box <"in.$i" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do wait "$pid"; done
	pids=()
	python3 - <<-'END' >got
	import mailbox
	for box in mailbox.mbox("mbox"), mailbox.Maildir("box"):
	    whole = 0
	    for m in box:
	        i = int(m["N"])
	        body = "".join("%d\n" % n for n in range(i, 2001))
	        whole += m.get_payload() == body
	    print(len(box), whole)
	END
	printf '50 50\n50 50\n' | same got
	ls -A box/tmp >left
	same left </dev/null
	[ ! -e mbox.lock ]
}

@test "a file-size limit: 75, the old octets stay and nothing new is seen" {
	mbox-deliver --mbox mbox <message
	cp mbox before
	head -c 100000 /dev/zero | tr '\0' 'x' >big
	(
		ulimit -f 16
		exits 75 mbox-deliver --mbox mbox <big 2>err
		exits 75 mbox-deliver -o box <big 2>>err
	)
	same err <<-'END'
	mbox-deliver: write a temporary file: File too large
	mbox-deliver: write box: File too large
	END
	same mbox <before
	find box -type f >left
	same left </dev/null
	head -c 15000 big >old
	mbox-deliver --mbox mbox <old
	cp mbox before
	(
		ulimit -f 16
		exits 75 mbox-deliver --mbox mbox <old 2>err
	)
	echo 'mbox-deliver: write mbox: File too large' | same err
	same mbox <before
}

# Starts a delivery whose writer pauses in the middle; fd 7 is the writer.
begin_slow() {
	mkfifo pipe
	mbox-deliver "$@" <pipe &
	pids=($!)
	exec 7>pipe
	cat message >&7
	eventually begun
}

# begun: something is in tmp.
begun() {
	local files=(box/tmp/*)
	[ -e "${files[0]}" ]
}

@test "SIGTERM in the middle: 75 and nothing left; SIGKILL: only a file in tmp" {
	begin_slow -o box
	kill "${pids[0]}"
	exits 75 wait "${pids[0]}"
	exec 7>&-
	nothing
	rm pipe
	begin_slow -o box
	kill -9 "${pids[0]}"
	wait "${pids[0]}" || true
	exec 7>&-
	pids=()
	ls box/new >left
	same left </dev/null
	mbox-deliver -o box <message
	boxed | same message
}

@test "a writer that dies before its end delivers nothing under --size" {
	begin_slow --size 1000 -o box
	exec 7>&-
	exits 75 wait "${pids[0]}"
	pids=()
	nothing
}

@test "a dot-lock of a dead process does not hold the next delivery" {
	sh -c 'echo $$' >mbox.lock
	timeout 2 mbox-deliver --mbox mbox <message
	sed 1d mbox >got
	{ cat message; echo; } | same got
}

@test "killed while it makes the dot-lock, it does not hold the next delivery" {
	plain_build "strace and sanitizers do not mix"
	for call in write renameat2 openat; do
		for when in 1 2 3 4 5 6 7 8 9 10; do
			rm -f mbox mbox.lock
			strace -o /dev/null -e "trace=$call" \
				-e "inject=$call:signal=KILL:when=$when" \
				mbox-deliver --mbox mbox <message || true
			timeout 1 mbox-deliver --mbox mbox <message ||
				echo "$call $when: $(ls)"
		done
	done >out 2>/dev/null
	same out </dev/null
}

@test "what fails at the second recipient takes the first one's copy back" {
	plain_build "strace and sanitizers do not mix"
	mkdir -p dan/{tmp,new,cur}
	for fault in renameat2:error=ENOSPC:when=2 fsync:error=EIO:when=4; do
		exits 75 strace -o /dev/null -e "trace=${fault%%:*}" \
			-e "inject=$fault" "${deliver[@]}" --local example.org \
			-- alice@example.net dan@example.org <message 2>err
		[ "$(wc -l <err)" -eq 1 ]
		find box dan -type f >left
		same left </dev/null
	done
	"${deliver[@]}" --local example.org \
		-- alice@example.net dan@example.org <message
	[ "$(find box/new dan/new -type f | wc -l)" -eq 2 ]
}

@test "a signal behind the commit does not make a delivered message fail" {
	plain_build "strace and sanitizers do not mix"
	for sign in TERM INT HUP; do
		rm -rf box
		mkdir -p box/{tmp,new,cur}
		strace -o /dev/null -e trace=renameat2 \
			-e "inject=renameat2:signal=$sign" mbox-deliver -o box <message
		cmp message box/new/*
		find box/tmp -type f >left
		same left </dev/null
	done
}

@test "a table that cannot be read for now is 75" {
	plain_build "strace and sanitizers do not mix"
	for fault in openat:error=EMFILE read:error=EIO newfstatat:error=EIO; do
		exits 75 strace -o /dev/null -P "$PWD/table" \
			-e "trace=${fault%%:*}" -e "inject=$fault" \
			mbox-deliver --mailboxes "$PWD/table" -f a@b \
			-- alice@example.net <message 2>err
		[ "$(wc -l <err)" -eq 1 ]
	done
	nothing
}

@test "300 recipients need few descriptors and get a copy each" {
	mkdir -p b/{1..300}/{tmp,new,cur}
	for i in {1..300}; do echo "u$i@x $PWD/b/$i/"; done >many
	mapfile -t list < <(cut -d' ' -f1 many)
	(
		ulimit -n 20
		mbox-deliver -f s@e --mailboxes many -- "${list[@]}" <message
	)
	text=$(<message)
	for i in {1..300}; do
		printf 'Return-Path: <s@e>\nDelivered-To: u%d@x\n%s\n' "$i" "$text"
	done >want
	for i in {1..300}; do echo b/"$i"/new/*; done | xargs cat | cmp - want
	find b -path '*/tmp/*' >left
	same left </dev/null
	rm -r b/*/new/*
	rmdir b/200/new
	exits 75 mbox-deliver -f s@e --mailboxes many -- "${list[@]}" <message 2>err
	find b -type f >left
	same left </dev/null
}

@test "as root it becomes the owner of each target, and takes all or none" {
	is_root || skip "needs root"
	share
	for u in 12301 12302; do
		mkdir -p box$u/{tmp,new,cur}
		touch mbox$u
		chown -R $u:$u box$u mbox$u
	done
	cat >table <<-END
	a@x $PWD/box12301/
	b@x $PWD/box12302/
	c@x $PWD/mbox12301
	d@x $PWD/mbox12302
	f@x f@example.org
	n@x $PWD/none/
	END
	chown root table
	exits 75 ./mbox-deliver -f s@e -d spool --mailboxes table -- \
		a@x b@x c@x d@x f@x n@x <message 2>err
	echo "mbox-deliver: open $PWD/none/: No such file or directory" | same err
	find box1* mbox1* spool -type f -size +0 >left 2>/dev/null || true
	same left </dev/null
	mkdir -m 700 spool
	chown 12303:12303 spool
	./mbox-deliver -f s@e -d spool --mailboxes table -- a@x b@x c@x d@x f@x \
		<message
	stat -c '%u %g' box*/new/* mbox1* spool/queue/* >owners
	printf '%s\n' '12301 12301' '12302 12302' '12301 12301' '12302 12302' \
		'12303 12303' | same owners
	for f in box*/new/*; do sed 1,2d "$f"; done >got
	cat message message | same got
	find . -path '*/tmp/*' -o -name '*.lock' >left
	same left </dev/null
	./mbox-deliver -f s@e --mailboxes table -- a@x c@x <message
	stat -c %u box12301/new/* >owners
	printf '12301\n12301\n' | same owners
}

@test "as root a folder of root's is root's, reached by root's path alone" {
	is_root || skip "needs root"
	mbox-deliver -o box <message
	stat -c %u box/new/* >owner
	echo 0 | same owner
	share
	mkdir -p "$BATS_TEST_TMPDIR/secret/"{tmp,new,cur}
	touch "$BATS_TEST_TMPDIR/secret/mbox"
	ln -s "$BATS_TEST_TMPDIR/secret" link
	chown -h 65534 link
	exits 75 ./mbox-deliver -o link <message 2>err
	echo 'mbox-deliver: open link: Operation not permitted' | same err
	exits 75 ./mbox-deliver --mbox link/mbox <message 2>err
	echo 'mbox-deliver: open link/mbox: Operation not permitted' | same err
	find "$BATS_TEST_TMPDIR/secret" -type f -size +0 >left
	same left </dev/null
}

@test "as root a missing mbox is its folder's owner's, unless several write there" {
	is_root || skip "needs root"
	share
	mkdir alice
	mkdir -m 1777 mail
	chown 12301:12301 alice
	printf '%s\n' "a@x $PWD/alice/mbox" "b@x $PWD/mail/b" >table
	./mbox-deliver -f s@e --mailboxes table -- a@x <message
	stat -c '%u %g %a' alice/mbox >owner
	echo '12301 12301 600' | same owner
	exits 75 ./mbox-deliver -f s@e --mailboxes table -- b@x <message 2>err
	echo "mbox-deliver: open $PWD/mail/b: Operation not permitted" | same err
	chown root mail .
	./mbox-deliver --mbox mail/b <message
	stat -c '%u %a' mail/b >owner
	echo '0 600' | same owner
}

@test "as root no program is run" {
	is_root || skip "needs root"
	exits 75 "${deliver[@]}" -- prog@example.net <message 2>err
	echo 'mbox-deliver: run false: no program runs as root' | same err
}

@test "misuse is 64, a bad table 78" {
	: >err
	exits 64 mbox-deliver <message 2>>err
	exits 64 mbox-deliver -o box --mbox mbox <message 2>>err
	exits 64 mbox-deliver --mailboxes table <message 2>>err
	exits 64 mbox-deliver --size 1k -o box <message 2>>err
	exits 64 mbox-deliver --log tty -o box <message 2>>err
	echo bad >>table
	exits 78 "${deliver[@]}" alice@example.net <message 2>>err
	exits 78 mbox-deliver --mailboxes none a@b <message 2>>err
	same err <<-'END'
	mbox-deliver: one of -o, --mbox and --mailboxes must say where
	mbox-deliver: one of -o, --mbox and --mailboxes must say where
	mbox-deliver: --mailboxes needs recipients
	mbox-deliver: --size: no number of octets
	mbox-deliver: --log: stderr, syslog or none
	mbox-deliver: table:9: no target behind the key
	mbox-deliver: open none: No such file or directory
	END
	nothing
}

@test "descriptors 0 to 2 that are closed do no harm" {
	mbox-deliver -o box <message >&- 2>&-
	boxed | same message
	exits 75 mbox-deliver -o box <&- >&- 2>&-
	exits 75 mbox-deliver --mbox box <message >&- 2>&-
}

@test "--log tells of each delivery" {
	MAIL_ID=abc "${deliver[@]}" --log stderr -- alice@example.net \
		bob@example.net <message 2>err
	sed 's/^[^e]*event/event/' err >got
	same got <<-'END'
	event=delivered id=abc from=s@example.com to=alice@example.net size=27
	event=delivered id=abc from=s@example.com to=bob@example.net size=27
	END
}

@test "memory stays under 3 MB whatever the message" {
	plain_build "sanitizers need more"
	truncate -s 40M big
	seq 3000000 >lines
	for f in big lines; do
		"$BUILD/drv/peak" kib mbox-deliver -f a@b -o box -- c@d <$f
		"$BUILD/drv/peak" kib mbox-deliver --mbox mbox <$f
	done
	awk '$2 > 3072' kib >over
	same over </dev/null
}

@test "--version and --help take few calls and a screen, and libc is all" {
	mbox-deliver --version >out
	sed 's/[0-9.]*$/N/' out >got
	echo 'mbox-deliver (mailpipe) N' | same got
	mbox-deliver --help | awk 'length > 80 || NR > 24' >long
	same long </dev/null
	sanitized && return
	readelf -d "$BUILD/bin/mbox-deliver" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' >libs
	echo libc.so.6 | same libs
}
