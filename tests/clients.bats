#!/usr/bin/env bats
# Clients before servers that misbehave: the quick part of PROOF.md's sections
# 2, 3 and 5, case by case. `make proof PARTS=clients' runs all.

load lib

# held CHECK...: every case of theirs holds.
held() {
	"$TESTS/proof/clients" quick "$@" >got 2>err || {
		cat got err
		return 1
	}
}

setup() {
	sandbox
}

@test "a server that misbehaves gets no mail deleted that is not here, and the right verdict" {
	held misbehaviour
}

@test "a session cut at any octet loses nothing and shows nothing partial" {
	held cut
}

@test "odd messages go out with one end of data, or not at all" {
	held outgoing
}

@test "each client with a fault is caught by the check that looks for it" {
	held broken
}
