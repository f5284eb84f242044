# The SMTP and LMTP client engine, driven from memory (tests/drv/smtp.c).
load lib

setup() {
	sandbox
	PATH=$BUILD/drv:$PATH
}

dialogue() {
	cat > script
}

# plays EXPECTED ARGS...: the script, whole lines at once, then each octet
# alone, to the same end.
plays() {
	local want=$1
	shift
	smtp "$@" < script > got
	same got < "$want"
	smtp -1 "$@" < script > got
	same got < "$want"
}

ehlo='S 250-sink
& 250-PIPELINING
& 250-SIZE 1000000
& 250-8BITMIME
& 250 ENHANCEDSTATUSCODES'

@test "an envelope goes out in one segment, the body after 354, results as they come" {
	dialogue <<- END
		$ehlo
		S 250 2.1.0 ok
		& 250 2.1.5 ok
		& 550 5.1.1 who
		& 450 4.2.1 later
		& 354 go
		S 250-2.0.0 queued
		& 250 2.0.0 as 17
		Q
		S 221 2.0.0 bye
	END
	cat > want <<- 'END'
		C EHLO me.example^M
		C MAIL FROM:<a@x> SIZE=10^M
		C RCPT TO:<b@x>^M
		C RCPT TO:<c@x>^M
		C RCPT TO:<d@x>^M
		C DATA^M
		= result 1 <c@x> perm 550 [5.1.1] who
		= result 1 <d@x> temp 450 [4.2.1] later
		= body 1
		C Hi^M
		C ..^M
		C x^M
		C .^M
		= result 1 <b@x> ok 250 [2.0.0] queued as 17
		= done 1
		C QUIT^M
		= over 221 [2.0.0] bye
		wait 0
	END
	plays want '<a@x>|<b@x>|<c@x>|<d@x>'
}

@test "the end of one message and the envelope of the next go out together" {
	dialogue <<- END
		$ehlo
		S 250 ok
		& 250 ok
		& 354 go
		S 250 one
		& 250 ok
		& 250 ok
		& 354 go
		S 250 two
	END
	cat > want <<- 'END'
		C EHLO me.example^M
		C MAIL FROM:<a@x> SIZE=10^M
		C RCPT TO:<b@x>^M
		C DATA^M
		= body 1
		C Hi^M
		C ..^M
		C x^M
		C .^M
		C MAIL FROM:<> SIZE=10^M
		C RCPT TO:<c@x>^M
		C DATA^M
		= result 1 <b@x> ok 250 [] one
		= done 1
		= body 2
		C Hi^M
		C ..^M
		C x^M
		C .^M
		= result 2 <c@x> ok 250 [] two
		= done 2
		wait 0
	END
	plays want '<a@x>|<b@x>' '<>|<c@x>'
}

@test "without PIPELINING each command waits, and a refused envelope is reset" {
	dialogue <<- 'END'
		S 250 sink
		S 250 ok
		S 550 5.1.1 who
		S 250 reset
		S 553 not you
		S 250 ok
		S 250 ok
		S 354 go
		S 250 three
	END
	cat > want <<- 'END'
		C EHLO me.example^M
		C MAIL FROM:<a@x>^M
		C RCPT TO:<b@x>^M
		= result 1 <b@x> perm 550 [5.1.1] who
		= done 1
		C RSET^M
		C MAIL FROM:<e@x>^M
		= result 2 <c@x> perm 553 [] not you
		= done 2
		C MAIL FROM:<f@x>^M
		C RCPT TO:<d@x>^M
		C DATA^M
		= body 3
		C Hi^M
		C ..^M
		C x^M
		C .^M
		= result 3 <d@x> ok 250 [] three
		= done 3
		wait 0
	END
	plays want '<a@x>|<b@x>' '<e@x>|<c@x>' '<f@x>|<d@x>'
}

@test "354 without a recipient gets an end of data and nothing else" {
	dialogue <<- END
		$ehlo
		S 250 ok
		& 550 no
		& 354 go
		S 554 nobody
	END
	cat > want <<- 'END'
		C EHLO me.example^M
		C MAIL FROM:<a@x> SIZE=10^M
		C RCPT TO:<b@x>^M
		C DATA^M
		= result 1 <b@x> perm 550 [] no
		C .^M
		= done 1
		wait 0
	END
	plays want '<a@x>|<b@x>'
}

@test "a refused sender is every recipient's answer, a refused DATA that of the accepted" {
	dialogue <<- END
		$ehlo
		S 451 4.3.0 later
		& 503 no sender
		& 503 no sender
		S 250 ok
		& 550 no
		& 250 ok
		& 554 5.5.1 not today
	END
	cat > want <<- 'END'
		C EHLO me.example^M
		C MAIL FROM:<a@x> SIZE=10^M
		C RCPT TO:<b@x>^M
		C DATA^M
		= result 1 <b@x> temp 451 [4.3.0] later
		= done 1
		C MAIL FROM:<e@x> SIZE=10^M
		C RCPT TO:<c@x>^M
		C RCPT TO:<d@x>^M
		C DATA^M
		= result 2 <c@x> perm 550 [] no
		= result 2 <d@x> perm 554 [5.5.1] not today
		= done 2
		wait 0
	END
	plays want '<a@x>|<b@x>' '<e@x>|<c@x>|<d@x>'
}

@test "452 or 552 behind an accepted recipient puts off, but for a full mailbox" {
	dialogue <<- END
		$ehlo
		S 250 ok
		& 452 first
		& 250 ok
		& 452 4.5.3 many
		& 552 many
		& 552 5.2.2 full
		& 452 4.2.2 full
		& 451 4.5.3 later
		& 354 go
		S 250 queued
		& 250 ok
		& 452 4.5.3 many
		& 250 ok
		& 452 many
		& 554 not today
	END
	cat > want <<- 'END'
		= result 1 <b@x> temp 452 [] first
		= result 1 <f@x> perm 552 [5.2.2] full
		= result 1 <g@x> temp 452 [4.2.2] full
		= result 1 <h@x> temp 451 [4.5.3] later
		= result 1 <c@x> ok 250 [] queued
		= done 1
		= result 2 <d@x> temp 452 [4.5.3] many
		= result 2 <b@x> perm 554 [] not today
		= done 2
	END
	smtp '<a@x>|<b@x>|<c@x>|<d@x>|<e@x>|<f@x>|<g@x>|<h@x>' \
		'<a@x>|<d@x>|<b@x>|<e@x>' < script | grep '^= [rd]' > got
	same got < want
	# Handed over whole: they are not unsure, nor lost.
	dialogue <<- END
		$ehlo
		S 250 ok
		& 250 ok
		& 452 many
		& 354 go
		L
	END
	smtp '<a@x>|<b@x>|<c@x>' < script | grep '^= [rdao]' > got
	same got <<- 'END'
		= result 1 <b@x> unsure 000 [] connection lost
		= done 1
		= over 000 [] connection lost
	END
}

@test "LMTP answers for each accepted recipient, and greets here" {
	dialogue <<- 'END'
		S 220 hi
		S 250-sink
		& 250 PIPELINING
		S 250 ok
		& 250 ok
		& 550 no
		& 250 ok
		& 354 go
		S 250 for b
		& 452 full
	END
	cat > want <<- 'END'
		C LHLO me.example^M
		C MAIL FROM:<a@x>^M
		C RCPT TO:<b@x>^M
		C RCPT TO:<c@x>^M
		C RCPT TO:<d@x>^M
		C DATA^M
		= result 1 <c@x> perm 550 [] no
		= body 1
		C Hi^M
		C ..^M
		C x^M
		C .^M
		= result 1 <b@x> ok 250 [] for b
		= result 1 <d@x> temp 452 [] full
		= done 1
		wait 0
	END
	plays want -l '<a@x>|<b@x>|<c@x>|<d@x>'
}

@test "parameters go only where they were offered, BODY only with 8-bit octets" {
	dialogue <<- 'END'
		S 250-sink
		& 250-8bitmime
		& 250 DSN
		S 250 ok
	END
	cat > want <<- 'END'
		C EHLO me.example^M
		C MAIL FROM:<a@x> BODY=8BITMIME RET=HDRS^M
		C RCPT TO:<b@x> NOTIFY=NEVER^M
		wait 300
	END
	plays want -8 '<a@x> RET=HDRS SIZE=3 SMTPUTF8 AUTH=<>|<b@x> NOTIFY=NEVER X=1'
	dialogue <<- 'END'
		S 250 sink
		S 250 ok
	END
	cat > want <<- 'END'
		C EHLO me.example^M
		C MAIL FROM:<a@x>^M
		C RCPT TO:<b@x>^M
		wait 300
	END
	plays want -8 '<a@x> RET=HDRS|<b@x> NOTIFY=NEVER'
}

@test "a server without EHLO is greeted with HELO" {
	dialogue <<- 'END'
		S 502 what
		S 250 hello
		S 250 ok
	END
	cat > want <<- 'END'
		C EHLO me.example^M
		C HELO me.example^M
		C MAIL FROM:<a@x>^M
		C RCPT TO:<b@x>^M
		wait 300
	END
	plays want '<a@x>|<b@x>'
}

@test "a loss before the end of data was sent is no result, after it it is unsure" {
	dialogue <<- END
		$ehlo
		S 250 ok
		& 250 ok
		L
	END
	cat > want <<- 'END'
		C EHLO me.example^M
		C MAIL FROM:<a@x> SIZE=10^M
		C RCPT TO:<b@x>^M
		C DATA^M
		= again 1 000 [] connection lost
		= over 000 [] connection lost
		wait 120
	END
	plays want '<a@x>|<b@x>'
	dialogue <<- END
		$ehlo
		S 250 ok
		& 250 ok
		& 354 go
		R 250-queued
		R 250 as far as
		L
	END
	cat > want <<- 'END'
		C EHLO me.example^M
		C MAIL FROM:<a@x> SIZE=10^M
		C RCPT TO:<b@x>^M
		C DATA^M
		= body 1
		C Hi^M
		C ..^M
		C x^M
		C .^M
		= result 1 <b@x> unsure 000 [] connection lost
		= done 1
		= over 000 [] connection lost
		wait 600
	END
	plays want '<a@x>|<b@x>'
}

@test "what was received before the loss still counts" {
	dialogue <<- END
		$ehlo
		S 250 ok
		& 250 ok
		& 354 go
		S 250 queued
		L
	END
	smtp '<a@x>|<b@x>' < script | grep '^= ' > got
	same got <<- 'END'
		= body 1
		= result 1 <b@x> ok 250 [] queued
		= done 1
		= over 000 [] connection lost
	END
}

@test "a reply before its command ends the connection" {
	dialogue <<- END
		$ehlo
		& 250 early
	END
	for one in "" -1; do
		smtp $one '<a@x>|<b@x>' < script | grep '^= over' > got
		same got <<< '= over 000 [] reply before its command: 250 early'
	done
	dialogue <<- END
		$ehlo
		S 250 ok
		& 250 ok
		& 354 go
		& 250 queued
	END
	smtp '<a@x>|<b@x>' < script | grep '^= ' > got
	same got <<- 'END'
		= body 1
		= again 1 000 [] reply before its command: 250 queued
		= over 000 [] reply before its command: 250 queued
	END
}

@test "421 ends the connection with its words" {
	dialogue <<- END
		$ehlo
		S 421 4.3.2 closing
	END
	smtp '<a@x>|<b@x>' < script | grep '^= ' > got
	same got <<- 'END'
		= again 1 421 [4.3.2] closing
		= over 421 [4.3.2] closing
	END
	dialogue <<- END
		$ehlo
		S 250 ok
		& 250 ok
		& 354 go
		S 421 4.3.2 closing
	END
	smtp '<a@x>|<b@x>' < script | grep '^= ' > got
	same got <<- 'END'
		= body 1
		= result 1 <b@x> temp 421 [4.3.2] closing
		= done 1
		= over 421 [4.3.2] closing
	END
}

@test "a reply that is none, too long or of too many lines ends the connection" {
	for bad in 'S hello' 'S 25 ok' 'S 250?ok' $'S 250-a\n& 550 b' 'S 354 go' \
		"S 250 $(printf '%04096d' 0)" "$(printf 'S 250-x%s' "$(for _ in {1..200}; do printf '\n& 250-x'; done)")"; do
		{ echo "$ehlo"; echo "$bad"; } > script
		smtp '<a@x>|<b@x>' < script | grep -c '^= again 1 000' > got
		same got <<< 1
		smtp -1 '<a@x>|<b@x>' < script | grep -c '^= again 1 000' > got
		same got <<< 1
	done
}

@test "where a second EHLO is refused, what the first was offered holds" {
	dialogue <<- 'END'
		S 503-5.5.1 you
		& 503-8BITMIME
		& 503 said that
		S 250 ok
	END
	cat > want <<- 'END'
		C EHLO me.example^M
		C MAIL FROM:<a@x> SIZE=10^M
		C RCPT TO:<b@x>^M
		C DATA^M
		wait 300
	END
	plays want -8 -e '<a@x>|<b@x>'
	dialogue <<- 'END'
		S 250 sink
	END
	cat > want <<- 'END'
		C EHLO me.example^M
		C MAIL FROM:<a@x>^M
		wait 300
	END
	plays want -e '<a@x>|<b@x>'
}

@test "SMTPUTF8 is said where it was offered and an address needs it, or the job and 8-bit octets" {
	for message in '<\303\274@x>|<b@x>' '<a@x>|<b@x>|<\303\274@x>' \
		'<a@x> SMTPUTF8|<b@x>'; do
		printf 'S 250-sink\n& 250 SMTPUTF8\nF\n' > script
		smtp -8 "$(printf "$message")" < script | grep -a MAIL > got
		same got < <(printf 'C MAIL FROM:%s SMTPUTF8^M\n' \
			"$(printf "$message" | sed 's/>.*/>/')")
	done
	printf 'S 250-sink\n& 250 SMTPUTF8\nF\n' > script
	for message in '<a@x> SMTPUTF8|<b@x>' '<a@x> SMTPUTF8X|<b@x>'; do
		smtp "$message" < script | grep -a MAIL > got
		same got <<< 'C MAIL FROM:<a@x>^M'
	done
}

chunking='S 250-sink
& 250-PIPELINING
& 250 CHUNKING'

@test "with CHUNKING messages go out back to back, and replies are matched in order" {
	dialogue <<- END
		$chunking
		S 250 ok
		& 250 ok
		& 250 one
		& 250 reset
		& 250 ok
		& 250 ok
		& 550 5.1.1 who
		& 250 two
		& 250 reset
		& 250 ok
		& 250 ok
		& 451 later
	END
	cat > want <<- 'END'
		C EHLO me.example^M
		= body 1
		= body 2
		= body 3
		C MAIL FROM:<a@x>^M
		C RCPT TO:<b@x>^M
		C BDAT 10 LAST^M
		C Hi^M
		C .^M
		C x^M
		C RSET^M
		C MAIL FROM:<>^M
		C RCPT TO:<c@x>^M
		C RCPT TO:<d@x>^M
		C BDAT 10 LAST^M
		C Hi^M
		C .^M
		C x^M
		C RSET^M
		C MAIL FROM:<a@x>^M
		C RCPT TO:<e@x>^M
		C BDAT 10 LAST^M
		C Hi^M
		C .^M
		C x^M
		= result 1 <b@x> ok 250 [] one
		= done 1
		= result 2 <d@x> perm 550 [5.1.1] who
		= result 2 <c@x> ok 250 [] two
		= done 2
		= result 3 <e@x> temp 451 [] later
		= done 3
		wait 0
	END
	plays want '<a@x>|<b@x>' '<>|<c@x>|<d@x>' '<a@x>|<e@x>'
}

@test "in the window a refused sender, recipient or chunk is its own message's alone" {
	dialogue <<- END
		$chunking
		S 451 4.3.0 later
		& 503 no sender
		& 503 no sender
		& 250 reset
		& 250 ok
		& 550 5.1.1 who
		& 503 5.5.1 nobody
		& 250 reset
		& 250 ok
		& 250 ok
		& 552 5.3.4 too big
		& 250 reset
		& 250 ok
		& 250 ok
		& 250 four
	END
	smtp '<a@x>|<b@x>' '<a@x>|<c@x>' '<a@x>|<d@x>' '<a@x>|<e@x>' < script |
		grep '^= [rd]\|wait' > got
	same got <<- 'END'
		= result 1 <b@x> temp 451 [4.3.0] later
		= done 1
		= result 2 <c@x> perm 550 [5.1.1] who
		= done 2
		= result 3 <d@x> perm 552 [5.3.4] too big
		= done 3
		= result 4 <e@x> ok 250 [] four
		= done 4
		wait 0
	END
}

@test "RSET stands only where it is needed: behind what is unanswered or was refused" {
	dialogue <<- END
		$chunking
		S 250 ok
		& 250 ok
		& 250 one
		N
		S 250 ok
		& 550 who
		& 503 nobody
		N
		F
	END
	smtp -n '<a@x>|<b@x>' '<a@x>|<c@x>' '<a@x>|<d@x>' < script |
		grep 'MAIL\|RSET\|done' > got
	same got <<- 'END'
		C MAIL FROM:<a@x>^M
		= done 1
		C MAIL FROM:<a@x>^M
		= done 2
		C RSET^M
		C MAIL FROM:<a@x>^M
	END
	dialogue <<- 'END'
		S 250-sink
		& 250 CHUNKING
		S 250 ok
		S 250 ok
		S 250 one
		S 250 ok
		S 250 ok
		S 552 too big
		S 250 reset
		S 250 ok
		S 550 who
		F
	END
	smtp '<a@x>|<b@x>' '<a@x>|<c@x>' '<a@x>|<d@x>' < script |
		grep -v '^C [Hx.]' > got
	same got <<- 'END'
		C EHLO me.example^M
		C MAIL FROM:<a@x>^M
		C RCPT TO:<b@x>^M
		= body 1
		C BDAT 10 LAST^M
		= result 1 <b@x> ok 250 [] one
		= done 1
		C MAIL FROM:<a@x>^M
		C RCPT TO:<c@x>^M
		= body 2
		C BDAT 10 LAST^M
		= result 2 <c@x> perm 552 [] too big
		= done 2
		C RSET^M
		C MAIL FROM:<a@x>^M
		C RCPT TO:<d@x>^M
		= result 3 <d@x> perm 550 [] who
		= done 3
		wait 0
	END
}

@test "a chunk that is refused before it is whole goes out whole, accepted it is a lie" {
	dialogue <<- END
		$chunking
		W 48
		& 250 ok
		& 550 5.1.1 who
		& 503 5.5.1 nobody
		S 250 reset
		& 250 ok
		& 250 ok
		& 250 two
	END
	smtp '<a@x>|<b@x>' '<a@x>|<c@x>' < script > got
	same got <<- 'END'
		C EHLO me.example^M
		= body 1
		= body 2
		C MAIL FROM:<a@x>^M
		C RCPT TO:<b@x>^M
		C BDAT 10 LAST^M
		C Hi|
		= result 1 <b@x> perm 550 [5.1.1] who
		= done 1
		C ^M
		C .^M
		C x^M
		C RSET^M
		C MAIL FROM:<a@x>^M
		C RCPT TO:<c@x>^M
		C BDAT 10 LAST^M
		C Hi^M
		C .^M
		C x^M
		= result 2 <c@x> ok 250 [] two
		= done 2
		wait 0
	END
	dialogue <<- END
		$chunking
		W 55
		& 250 ok
		& 250 ok
		& 250 early
	END
	smtp '<a@x>|<b@x>' < script | grep '^= [ao]' > got
	same got <<- 'END'
		= again 1 000 [] reply before its command: 250 early
		= over 000 [] reply before its command: 250 early
	END
}

@test "of a lost window what was handed over whole is unsure, the rest no result" {
	dialogue <<- END
		$chunking
		W 117
		& 250 ok
		& 250 ok
		C
	END
	smtp '<a@x>|<b@x>' '<a@x>|<c@x>' '<a@x>|<d@x>' < script |
		grep '^= [rdao]' > got
	same got <<- 'END'
		= result 1 <b@x> unsure 000 [] connection lost
		= done 1
		= again 2 000 [] connection lost
		= again 3 000 [] connection lost
		= over 000 [] connection lost
	END
	sed -i 's/W 117/W 118/' script
	smtp '<a@x>|<b@x>' '<a@x>|<c@x>' '<a@x>|<d@x>' < script |
		grep '^= [rda]' > got
	same got <<- 'END'
		= result 1 <b@x> unsure 000 [] connection lost
		= done 1
		= result 2 <c@x> unsure 000 [] connection lost
		= done 2
		= again 3 000 [] connection lost
	END
}

@test "behind a 421 nothing is unsure: the server looks at nothing more" {
	dialogue <<- END
		$chunking
		S 250 ok
		& 250 ok
		& 250 one
		& 250 reset
		& 421 4.7.0 enough
	END
	smtp '<a@x>|<b@x>' '<a@x>|<c@x>' '<a@x>|<d@x>' < script |
		grep '^= [rdao]' > got
	same got <<- 'END'
		= result 1 <b@x> ok 250 [] one
		= done 1
		= again 2 421 [4.7.0] enough
		= again 3 421 [4.7.0] enough
		= over 421 [4.7.0] enough
	END
	dialogue <<- END
		$chunking
		S 250 ok
		& 250 ok
		& 421 4.7.0 enough
	END
	smtp '<a@x>|<b@x>' '<a@x>|<c@x>' < script | grep '^= [rda]' > got
	same got <<- 'END'
		= result 1 <b@x> temp 421 [4.7.0] enough
		= done 1
		= again 2 421 [4.7.0] enough
	END
}

@test "500 or 502 to the first chunk: nobody is to blame, nothing more is sent" {
	local code
	for code in 500 502; do
		dialogue <<- END
			$chunking
			W 125
			& 250 ok
			& 250 ok
			& 550 5.1.1 who
			& $code 5.5.1 what
			& 250 ok
			& 250 2.0.0 queued
			L
		END
		cat > want <<- END
			C EHLO me.example^M
			= body 1
			= body 2
			= body 3
			C MAIL FROM:<a@x>^M
			C RCPT TO:<b@x>^M
			C RCPT TO:<c@x>^M
			C BDAT 10 LAST^M
			C Hi^M
			C .^M
			C x^M
			C RSET^M
			C MAIL FROM:<a@x>^M
			C RCPT TO:<d@x>^M
			C BDAT 10 LAST^M
			C Hi|
			= result 1 <c@x> perm 550 [5.1.1] who
			= again 1 $code [5.5.1] what
			= again 2 $code [5.5.1] what
			= again 3 $code [5.5.1] what
			= over $code [5.5.1] what
			no chunks
			wait 300
		END
		plays want '<a@x>|<b@x>|<c@x>' '<a@x>|<d@x>' '<a@x>|<e@x>'
	done
}

@test "told to use no chunks it says DATA, though they are offered" {
	dialogue <<- END
		$chunking
		S 250 ok
		& 250 ok
		& 354 go
		S 502 5.5.1 what
	END
	cat > want <<- 'END'
		C EHLO me.example^M
		C MAIL FROM:<a@x>^M
		C RCPT TO:<b@x>^M
		C DATA^M
		= body 1
		C Hi^M
		C ..^M
		C x^M
		C .^M
		= result 1 <b@x> perm 502 [5.5.1] what
		= done 1
		wait 0
	END
	plays want -c '<a@x>|<b@x>'
}

@test "a server that has answered a chunk knows them: its 500 is of the message" {
	dialogue <<- END
		$chunking
		S 250 ok
		& 250 ok
		& 451 later
		& 250 reset
		& 250 ok
		& 250 ok
		& 500 5.6.0 odd
		& 250 reset
		& 250 ok
		& 250 ok
		& 250 three
	END
	smtp '<a@x>|<b@x>' '<a@x>|<c@x>' '<a@x>|<d@x>' < script |
		grep -v '^C' > got
	same got <<- 'END'
		= body 1
		= body 2
		= body 3
		= result 1 <b@x> temp 451 [] later
		= done 1
		= result 2 <c@x> perm 500 [5.6.0] odd
		= done 2
		= result 3 <d@x> ok 250 [] three
		= done 3
		wait 0
	END
}

@test "LMTP answers a chunk for each accepted recipient, or once when there is none" {
	dialogue <<- 'END'
		S 220 hi
		S 250-sink
		& 250-PIPELINING
		& 250 CHUNKING
		S 250 ok
		& 250 ok
		& 550 no
		& 250 ok
		& 250 for b
		& 452 full
		& 250 reset
		& 250 ok
		& 550 no
		& 503 nobody
		& 250 reset
		& 250 ok
		& 250 ok
		& 250 for f
	END
	smtp -l '<a@x>|<b@x>|<c@x>|<d@x>' '<a@x>|<e@x>' '<a@x>|<f@x>' < script |
		grep '^= [rd]\|wait' > got
	same got <<- 'END'
		= result 1 <c@x> perm 550 [] no
		= result 1 <b@x> ok 250 [] for b
		= result 1 <d@x> temp 452 [] full
		= done 1
		= result 2 <e@x> perm 550 [] no
		= done 2
		= result 3 <f@x> ok 250 [] for f
		= done 3
		wait 0
	END
}

@test "each wait has its limit: 2 minutes for DATA, 3 for room, 5, and 10 for the end" {
	local want
	for want in 'F 300' 'S_250_ok|F 300' 'S_250_ok|S_250_ok|F 120' \
		'S_250_ok|S_250_ok|S_354_go|F 600' 'S_250_ok|S_250_ok|S_354_go|W_3 180'; do
		{
			echo 'S 250 sink'
			tr '|_' '\n ' <<< "${want% *}"
			echo T
		} > script
		smtp '<a@x>|<b@x>' < script | grep '^wait' | head -n 1 > got
		same got <<< "wait ${want##* }"
	done
}
