#!/usr/bin/env bats
# lib/sasl and lib/base64: what the lines of an AUTH exchange come to.
load lib

setup() {
	sandbox
	sasl=$BUILD/drv/sasl
}

# b64 TEXT: with the escapes of printf.
b64() {
	# shellcheck disable=SC2059 # escapes are meant
	printf "$1" | base64 -w 0
}

@test "PLAIN: with the command, or as the answer to an empty challenge" {
	"$sasl" PLAIN "$(b64 '\0alice\0secret')" </dev/null >out
	b64 '\0alice\0se cret' | "$sasl" plain >>out
	"$sasl" PLAIN "$(b64 'alice\0alice\0\303\244:\001')" </dev/null >>out
	same -v out <<-'END'
	user <alice> password <secret>
	+ 
	user <alice> password <se cret>
	user <alice> password <M-CM-$:^A>
	END
}

@test "PLAIN: nobody acts for another, and each part is there once" {
	for text in 'bob\0alice\0secret' '\0alice\0' '\0\0secret' 'alice\0secret' \
	    'alice' '' '\0' '\0\0' '\0alice\0sec\0ret' '\0alice\0secret\0' \
	    'alic\0alice\0secret' 'alicea\0alice\0secret'; do
		"$sasl" PLAIN "$(b64 "$text")" </dev/null
	done | sort | uniq -c >out
	echo '     12 bad' | same out
	"$sasl" PLAIN = </dev/null >out
	echo bad | same out
}

@test "LOGIN: name and password, each after its question" {
	printf '%s\n' "$(b64 alice)" "$(b64 'se cret')" | "$sasl" LOGIN >out
	b64 'x y' | "$sasl" login "$(b64 bob)" >>out
	for text in '' 'a\0b'; do
		printf '%s\n' "$(b64 "$text")" "$(b64 x)" | "$sasl" LOGIN
		printf '%s\n' "$(b64 x)" "$(b64 "$text")" | "$sasl" LOGIN
	done | grep -v + >>out
	same out <<-'END'
	+ VXNlcm5hbWU6
	+ UGFzc3dvcmQ6
	user <alice> password <se cret>
	+ UGFzc3dvcmQ6
	user <bob> password <x y>
	bad
	bad
	bad
	bad
	END
}

@test "an exchange can be cancelled, and other mechanisms are unknown" {
	echo '*' | "$sasl" PLAIN >out
	printf '%s\n*\n' "$(b64 alice)" | "$sasl" LOGIN >>out
	"$sasl" LOGIN '*' </dev/null >>out
	for name in CRAM-MD5 PLAI PLAINX LOGINS ''; do
		"$sasl" "$name" </dev/null >>out
	done
	same out <<-'END'
	+ 
	cancelled
	+ VXNlcm5hbWU6
	+ UGFzc3dvcmQ6
	cancelled
	cancelled
	unknown
	unknown
	unknown
	unknown
	unknown
	END
}

@test "name and password have 509 octets together, not one more" {
	name=x$(printf %0254d 1)
	for n in 254 255; do
		password=x$(printf "%0$((n - 1))d" 1)
		b64 "$name\\0$name\\0$password" | "$sasl" PLAIN
		printf '%s\n' "$(b64 "$name")" "$(b64 "$password")" |
			"$sasl" LOGIN
	done | grep -v + >out
	password=x$(printf %0253d 1)
	printf '%s\n' "user <$name> password <$password>"{,} bad bad | same out
	head -c 12000 /dev/zero | tr '\0' A | "$sasl" LOGIN | tail -n 1 >out
	echo bad | same out
}

@test "Base64 has one form" {
	printf '%s\n' Zg== Zm8= Zm9v Zm9vYg== '' Zm9vYmE= +/+/ >in
	"$sasl" -d <in >out
	same -v out <<-'END'
	<f>
	<fo>
	<foo>
	<foob>
	<>
	<fooba>
	<M-{M-^?M-?>
	END
	printf '%s\n' Zg Zg= Z=== ==== = Zh== Zm9= Zm9v= 'Zm9v Zm9v' ' Zm9v' \
		'Zm9v ' Zg==Zg== Zm8=Zm9v Zm-_ $'Zm9v\r' 'Zm9$' $'\xff\xff\xff\xff' \
		'Z*==' 'Z=g=' |
		"$sasl" -d | sort | uniq -c >out
	echo '     19 bad' | same out
}
