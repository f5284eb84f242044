#!/usr/bin/env bats
# lib/trace: fields on top of a message that passes by.
# shellcheck disable=SC2059,SC2094,SC2129,SC2030,SC2031
load lib

setup() {
	sandbox
	drv=$BUILD/drv/trace
}

@test "a message that begins with a field, From_ line or empty line passes as it is" {
	for begin in 'Subject: a\n\nb\n' 'From a b\nSubject: c\n\nd' '\nbody\n' \
		'>From a\nX: y\n' 'X:\n' '' 'A: b'; do
		printf "$begin" >in
		"$drv" a@example.net <in >out
		same out <in
	done
}

@test "a message that begins with its body gets an empty line first" {
	for begin in 'hello\nSubject: a\n' ' fold\n' 'no newline' ': x\n'; do
		{ echo; printf "$begin"; } >want
		printf "$begin" | "$drv" a@example.net >out
		same out <want
	done
}

@test "a first line of 5,000 octets is body, or a field when it has a colon early" {
	head -c 5000 /dev/zero | tr '\0' x >long
	{ echo; cat long; } >want
	"$drv" a@example.net <long >out
	same out <want
	{ printf 'X: '; cat long; } >in
	"$drv" a@example.net <in >out
	same out <in
}

@test "an earlier Delivered-To of a recipient is a loop, whatever its case and folds" {
	for field in 'Delivered-To: b@example.net' 'delivered-to:B@EXAMPLE.NET ' \
		'Delivered-To:\n b@example.net' 'Delivered-To : b@example.net\r'; do
		printf "Subject: x\n$field\nX: y\n\nbody\n" |
			"$drv" a@example.net b@example.net >out
		echo "mail loop: delivered to this mailbox before" | same out
		printf "$field" | "$drv" b@example.net >out
		echo "mail loop: delivered to this mailbox before" | same out
	done
}

@test "Delivered-To of others, in the body, or of a longer address is none" {
	printf 'Delivered-To: c@example.net\nDelivered-To: b@example.net.org\n%s' \
		'X-Delivered-To: b@example.net

Delivered-To: b@example.net
' >in
	"$drv" b@example.net <in >out
	same out <in
}

@test "100 hops pass, 101 are a loop" {
	for _ in {1..50}; do printf 'Received: x\nDelivered-To: y\n'; done >in
	"$drv" a@example.net <in >out
	same out <in
	{ cat in; echo 'received: z'; } | "$drv" a@example.net >out
	echo "mail loop: too many hops" | same out
}

@test "every cut in two gives the same" {
	printf 'Received: a\n b\nDelivered-To:\n c@d\nX: y\n\nbody\n' >in
	n=$(($(wc -c <in) + 1))
	"$drv" -c a@b <in >out
	echo "same for $n cuts" | same out
	"$drv" -c c@d <in >out
	echo "same for $n cuts" | same out
	printf 'no header\nhere' | "$drv" -c a@b >out
	echo "same for 15 cuts" | same out
}
