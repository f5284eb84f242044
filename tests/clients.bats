#!/usr/bin/env bats
# Clients before servers that misbehave: the quick part of PROOF.md's sections
# 2, 3 and 5, case by case. `make proof PARTS=clients' runs all.

load lib

setup() {
	sandbox
}

@test "a server that misbehaves gets no mail deleted that is not here, and the right verdict" {
	proves clients misbehaviour
}

@test "a session cut at any octet loses nothing and shows nothing partial" {
	proves clients cut
}

@test "odd messages go out with one end of data, or not at all" {
	proves clients outgoing
}

@test "each client with a fault is caught by the check that looks for it" {
	plain_build "faults of memory are among them"
	proves clients broken
}
