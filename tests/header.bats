#!/usr/bin/env bats
# The header of a message, line by line.
load lib
setup() { sandbox; HEADER=$BUILD/drv/header; }

@test "fields, folds, the empty line and the body are told apart" {
	printf 'To: a\nSubject : b\r\n\tc\n  \nX-Y:d\n\r\nTo: no\n' |
		"$HEADER" > got
	same -v got <<- 'X'
	FIELD [To][a
	]
	FIELD [Subject][b^M
	] subject
	FOLD
	FOLD
	FIELD [X-Y][d
	]
	END
	BODY
	X
}

@test "what is no field begins the body" {
	for line in 'no colon' ': empty name' 'two words: x' 'a' \
		$'\x01: x' $'n\xc3\xa9: x' ' fold first: x'; do
		printf '%s\nTo: x\n' "$line" | "$HEADER" > got
		same got <<- X
		BODY
		BODY
		X
	done
}

@test "a field that has no colon in the middle of a header begins the body" {
	printf 'A: 1\nnonsense\nB: 2\n' | "$HEADER" > got
	same got <<- X
	FIELD [A][1
	]
	BODY
	BODY
	X
}

@test "a From_ line counts only as the very first one" {
	printf '>From x\nA: 1\nFrom y\n' | "$HEADER" > got
	same got <<- X
	FROM
	FIELD [A][1
	]
	BODY
	X
	printf 'From x y\n fold\n' | "$HEADER" > got
	same got <<- X
	FROM
	BODY
	X
}

@test "the pieces of a long line go on with it, whatever they begin with" {
	printf 'Subject: aaaaFrom: x\nB: 2\n' | "$HEADER" 13 > got
	same got <<- X
	FIELD [Subject][aaaa] subject
	FOLD
	FIELD [B][2
	]
	X
	printf 'aaaaB: 2\nC: 3\n' | "$HEADER" 4 > got
	same got <<- X
	BODY
	BODY
	BODY
	BODY
	BODY
	X
}

@test "an empty line may be the first, and a fold is no end" {
	printf '\nA: 1\n' | "$HEADER" > got
	same got <<- X
	END
	BODY
	X
	printf 'A: 1\n \r\n\r\n' | "$HEADER" > got
	same got <<- X
	FIELD [A][1
	]
	FOLD
	END
	X
}

@test "only a first line that is no field, no From_ and not empty needs a gap" {
	gap() { printf '%b' "$1" | "$HEADER" gap; }
	[ "$(gap 'A: 1\n')" = none ]
	[ "$(gap '\n')" = none ]
	[ "$(gap '\r\n')" = none ]
	[ "$(gap 'From x\n')" = none ]
	[ "$(gap '>From x\n')" = none ]
	[ "$(gap '')" = none ]
	[ "$(gap 'hello\n')" = gap ]
	[ "$(gap ' A: 1\n')" = gap ]
	[ "$(gap '.\n')" = gap ]
}
