#!/usr/bin/env bats
# lib/envelope: sender, recipients, MAIL_ID.
# shellcheck disable=SC2059,SC2094,SC2129,SC2030,SC2031
load lib

setup() {
	sandbox
	drv=$BUILD/drv/envelope
}

domain() {
	if [ -s /etc/mailname ]; then
		awk 'NR == 1 { print $1 }' /etc/mailname
	else
		uname -n
	fi
}

@test "the sender is \$EMAIL, else the login name at the mail name" {
	EMAIL=alice@example.net "$drv" default >out
	EMAIL=alice "$drv" default >>out
	EMAIL='' "$drv" default >>out
	"$drv" default >>out
	EMAIL='not an address' "$drv" default >>out
	same out <<-END
	0 <alice@example.net>
	0 <alice@$(domain)>
	0 <$(id -un)@$(domain)>
	0 <$(id -un)@$(domain)>
	-1 <not an address>
	END
}

@test "\$EMAIL may have a name: one mailbox, of which the address is the sender" {
	for e in 'Ann B. <ann@x.example>' '"B, Ann" <ann@x.example>' \
		'ann@x.example (Ann)' 'Ann <ann>' '<ann@x.example>' \
		'Ann <ann@x.example>, bob@x.example' 'Ann <ann@x.example' \
		'Ann <>' 'Ann'; do
		EMAIL=$e "$drv" default
		EMAIL=$e "$drv" mailbox
	done >out
	same out <<-END
	0 <ann@x.example>
	0 <Ann B. <ann@x.example>>
	0 <ann@x.example>
	0 <"B, Ann" <ann@x.example>>
	0 <ann@x.example>
	0 <ann@x.example (Ann)>
	0 <ann@$(domain)>
	0 <Ann <ann>>
	0 <ann@x.example>
	0 <<ann@x.example>>
	-1 <Ann <ann@x.example>, bob@x.example>
	-1 <Ann <ann@x.example>, bob@x.example>
	-1 <Ann <ann@x.example>
	-1 <Ann <ann@x.example>
	-1 <Ann <>>
	-1 <Ann <>>
	0 <Ann@$(domain)>
	0 <Ann>
	END
}

@test "only an address without a domain is completed" {
	for a in alice postmaster '"a b"' a@b 'a b' ''; do
		"$drv" qualify "$a"
	done >out
	same out <<-END
	0 <alice@$(domain)>
	0 <postmaster@$(domain)>
	0 <"a b"@$(domain)>
	0 <a@b>
	0 <a b>
	0 <>
	END
}

@test "-f takes a path with or without <>, and both forms of the null sender" {
	for a in '' '<>' a@b '<a@b>' '"x y"@b' '<a@b' 'a@b>' '<<a@b>>' 'a@' \
		$'a@b\n' '-oX@b'; do
		"$drv" sender "$a"
	done >out
	same out <<-'END'
	0 <>
	0 <>
	0 <a@b>
	0 <a@b>
	0 <"x y"@b>
	-1 <>
	-1 <>
	-1 <>
	-1 <>
	-1 <>
	0 <-oX@b>
	END
}

@test "a recipient given twice is there once, in the order of the first" {
	"$drv" unique b@x a@x b@X A@x postmaster a@x postmaster b@x >out
	same out <<-'END'
	b@x NOTIFY=NEVER
	a@x NOTIFY=NEVER
	A@x NOTIFY=NEVER
	postmaster NOTIFY=NEVER
	END
}

@test "20,000 recipients are compared in time" {
	seq -f 'user%.0f@example.net' 10000 >list
	mapfile -t list <list
	timeout 5 "$drv" unique "${list[@]}" "${list[@]}" >out
	sed 's/$/ NOTIFY=NEVER/' list | same out
}

@test "MAIL_IDs are 20 of [0-9a-z] and never the same" {
	"$drv" id 1000 >ids
	grep -cxE '[0-9a-z]{20}' ids >count
	sort -u ids | wc -l >>count
	printf '1000\n1000\n' | same count
}
