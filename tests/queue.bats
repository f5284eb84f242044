#!/usr/bin/env bats
load lib

setup() {
	sandbox
	Q=$BUILD/drv/queue
}

@test "a name is DUE.ID.S and nothing else" {
	"$Q" s names >out <<-'END'
		01795320979.hodz2l5357aal12ifztm.q
		00000000000.00000000000000000000.h
		01795320979.hodz2l5357aal12ifztm.x
		1795320979.hodz2l5357aal12ifztm.q
		01795320979.HODZ2l5357aal12ifztm.q
		01795320979.hodz2l5357aal12ifzt.qq
		+1795320979.hodz2l5357aal12ifztm.q
		01795320979.hodz2l5357aal12ifztm.q.bak
		README
	END
	same out <<-'END'
		1795320979 hodz2l5357aal12ifztm q
		0 00000000000000000000 h
		foreign
		foreign
		foreign
		foreign
		foreign
		foreign
		foreign
	END
}

@test "the origin and parameters are kept, control octets in them not" {
	export ORIGIN=$'192.0.2.1 esmtp \n\033x' PARAMS='ENVID=a RET=HDRS' RCPT_PARAMS=NOTIFY=NEVER
	id=$("$Q" s add a@b.example '@x,@y:c@d.example' </dev/null)
	sed -n "s/$id/ID/; s/  */ /g; /^trace/p; /^[FR] /p" s/queue/*.q >"head"
	same head <<-'END'
		trace ID 192.0.2.1 esmtp \x0a\x1bx
		F <a@b.example> ENVID=a RET=HDRS
		R . 000 <@x,@y:c@d.example> NOTIFY=NEVER
	END
}

@test "what is no address or parameter is refused, and nothing stays" {
	"$Q" s add 'a b' c@d.example </dev/null 2>err && false
	"$Q" s add a@b.example $'c@d.example\nR' </dev/null 2>>err && false
	"$Q" s add a@b.example </dev/null 2>>err && false
	PARAMS=$'X\nR' "$Q" s add a@b.example c@d.example </dev/null 2>>err && false
	for _ in 1 2 3 4; do echo 'begin: Invalid argument'; done | same err
	ABORT=1 "$Q" s add a@b.example c@d.example <<<x
	[ -z "$(find s/queue s/tmp -type f)" ]
}

@test "a large message has its size in the first line" {
	head -c 1000000 /dev/urandom >m
	id=$("$Q" s add a@b.example c@d.example <m)
	spool -d s show "$id" >back
	cmp m back
	head -c 43 s/queue/* >first
	[ "$(cut -d' ' -f4 first)" = 0000000001000000 ]
}

@test "marks are overwritten in place, texts escaped and cut" {
	id=$("$Q" s add a@b.example c@d.example e@f.example <<<hi)
	size=$(stat -c %s s/queue/*)
	"$Q" s mark "$id" 1 - 550 $'5.1.1 no\tsuch\nuser'
	"$Q" s mark "$id" 0 . 450 "$(printf 'x%.0s' {1..119})ä"
	[ "$(stat -c %s s/queue/*)" = "$size" ]
	grep -a '^R' s/queue/* >rcpts
	{
		printf 'R . 450 %-120s <c@d.example>\n' "$(printf 'x%.0s' {1..119})"
		printf 'R - 550 %-120s <e@f.example>\n' '5.1.1 no\x09such\x0auser'
	} | same rcpts
}

@test "a message is claimed by one at a time" {
	id=$("$Q" s add a@b.example c@d.example <<<hi)
	mkfifo in out
	"$Q" s claim "$id" <in >out &
	exec 8>in 9<out
	read -r word <&9
	[ "$word" = claimed ]
	"$Q" s claim "$id" </dev/null 2>err && false
	echo 'claim: Resource temporarily unavailable' | same err
	exec 8>&- 9<&-
	wait
	"$Q" s claim "$id" </dev/null >again
	echo claimed | same again
}

@test "an existing folder keeps its mode, a new one is 0700" {
	mkdir -m 750 s
	"$Q" s names </dev/null
	stat -c '%a %n' s s/* >modes
	same modes <<-'END'
		750 s
		700 s/corrupt
		700 s/dead
		700 s/queue
		700 s/tmp
	END
}

@test "hostile envelopes on disk are corrupt, never more" {
	id=$("$Q" s add a@b.example c@d.example <<<hi)
	cp s/queue/* good
	name=$(ls s/queue)
	for edit in '1s/1 0/2 0/' '1s/ 0000/ 9999/' 's/^tries 0/tries x/' \
		's/^F <a/F a/' 's/^R \./R Z/' 's/^R \. 000/R . 0x0/' \
		's/^trace /trace \//' 's/<c@d/<c d/' 's/^created 0/created -/'; do
		sed "$edit" good >"s/queue/$name"
		spool -d s list >>listed
		exits 65 spool -d s show "$id" 2>/dev/null
	done
	same listed </dev/null
}
