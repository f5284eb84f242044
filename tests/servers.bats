#!/usr/bin/env bats
# What servers and deliverers take from strangers: the quick part of PROOF.md's
# sections 2 to 8, case by case. `make proof PARTS=servers' runs all.

load lib

setup() {
	sandbox
}

@test "what is no end of data ends none, and what came too early ends the session" {
	proves servers end-of-data early bdat
}

@test "mail is taken for those who are here, whatever the form of the address" {
	proves servers rcpt parameters
}

@test "a hostile address is text: no shell, no path, no option" {
	proves servers addresses commands
}

@test "floods, hostile files and text that would be a field do no harm" {
	proves servers floods files injection
}

@test "TLS keeps nothing of the clear" {
	proves servers tls
}

@test "numbers too long and floods of POP3 do no harm" {
	plain_build "sanitizers need more memory than there may be"
	proves servers pop3-floods lengths
}

@test "descriptors 0 to 2 that are closed take nothing that is opened later" {
	proves servers closed
}

@test "what failed is told to its sender, once and to nobody else" {
	proves servers reports
}

@test "text and names from outside are refused or arrive as text, everywhere" {
	proves servers texts
}

@test "each server with a fault is caught by the check that looks for it" {
	plain_build "faults of memory are among them"
	proves servers broken
}
