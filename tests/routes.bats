#!/usr/bin/env bats
load lib

setup() {
	sandbox
	R=$BUILD/drv/routes
	umask 022
}

@test "the first line that matches decides" {
	cat >routes <<-'END'
		# comment
		  # another

		example.net   deliver mbox-deliver --mailboxes "/etc/x y" # z
		.corp.example	relay smtp://gateway.corp.example --tls=off  --x
		lists.example lmtp /run/dovecot/lmtp
		from:Me@work.example relay smtps://w
		from:@work.example relay smtps://x
		b.example mx
		* relay submission://alice@smtp.example.com
	END
	"$R" routes >out <<-'END'
		a@b EXAMPLE.net.
		a@b sub.example.net
		a@b corp.example
		a@b a.b.CORP.example
		a@b xcorp.example
		a@b lists.example
		me@WORK.example z.example
		you@work.example z.example
		you@not.work.example b.example
		a@b [192.0.2.1]
	END
	same out <<-'END'
		EXAMPLE.net.: example.net deliver `mbox-deliver --mailboxes "/etc/x y" # z' local
		sub.example.net: * relay `submission://alice@smtp.example.com'
		corp.example: * relay `submission://alice@smtp.example.com'
		a.b.CORP.example: .corp.example relay `smtp://gateway.corp.example' --tls=off --x
		xcorp.example: * relay `submission://alice@smtp.example.com'
		lists.example: lists.example lmtp `/run/dovecot/lmtp' local
		z.example: from:Me@work.example relay `smtps://w'
		z.example: from:@work.example relay `smtps://x'
		b.example: b.example mx `'
		[192.0.2.1]: * relay `submission://alice@smtp.example.com'
	END
}

@test "without the file everything goes mx, with an empty one nothing goes" {
	echo 'a@b c.example' | "$R" missing >out
	echo "c.example: * mx \`'" | same out
	: >routes
	echo 'a@b c.example' | "$R" routes >out
	echo 'c.example: none' | same out
}

@test "* deliver makes no domain local" {
	echo '* deliver x' >routes
	echo 'a@b c.example' | "$R" routes >out
	echo "c.example: * deliver \`x'" | same out
}

@test "a line that is none is refused, with its number" {
	for bad in 'x' 'x foo' 'x relay' 'x lmtp' 'x deliver' 'from: mx' '. mx'; do
		printf 'a mx\n%s\n' "$bad" >routes
		"$R" routes </dev/null >>out || true
	done
	printf 'a mx\nb\0 mx\n' >routes
	"$R" routes </dev/null >>out || true
	same out <<-'END'
		routes:2: no target
		routes:2: unknown target
		routes:2: the target lacks its place or command
		routes:2: the target lacks its place or command
		routes:2: the target lacks its place or command
		routes:2: the key lacks its name
		routes:2: the key lacks its name
		routes:2: NUL in the line
	END
}

@test "what others may write, and what is no file, is refused" {
	echo '* mx' >routes
	chmod 620 routes
	"$R" routes </dev/null >out || true
	chmod 602 routes
	"$R" routes </dev/null >>out || true
	mkfifo fifo
	"$R" fifo </dev/null >>out || true
	same out <<-'END'
		routes: others may write it
		routes: others may write it
		fifo: not a regular file
	END
}
