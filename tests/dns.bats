#!/usr/bin/env bats
# Answers of a DNS server, read from memory, and the order of mail hosts.
load lib

setup() {
	sandbox
}

# answers TYPE EXPRESSION: reads the answer that the Python expression makes.
# q is a question for a.example, rr(data, type=15) a record of it, msg(records)
# the whole; p(n) is a pointer, at the octet where the first record's data
# begin.
answers() {
	python3 - "$2" <<-'PYTHON' >message
		import struct, sys
		def name(text):
		    return b"".join(bytes([len(n)]) + n.encode() for n in
		        text.split(".") if n) + b"\0"
		def p(n): return struct.pack(">H", 0xc000 | n)
		def mx(n, host):
		    return struct.pack(">H", n) + (host if isinstance(host, bytes)
		        else name(host))
		def rr(data, type=15, cls=1, owner=p(12), size=None):
		    return owner + struct.pack(">HHIH", type, cls, 60,
		        len(data) if size is None else size) + data
		q = name("a.example") + b"\0\x0f\0\1"
		at = 12 + len(q) + 12
		def msg(*records, flags=0x8180, count=None, questions=1):
		    return struct.pack(">HHHHHH", 7, flags, questions,
		        len(records) if count is None else count, 0, 0) + (
		        q * questions) + b"".join(records)
		sys.stdout.buffer.write(eval(sys.argv[1]))
	PYTHON
	"$BUILD/drv/dns" "$1" "${@:3}" <message >out
	same out
}

@test "records of the type are taken, others and other classes passed over" {
	answers 15 'msg(rr(mx(10, "MX1.b.Example")), rr(b"1234", 1),
		rr(mx(7, "chaos"), cls=3), rr(mx(65535, "m_x-2.b")))' <<-'X'
	ok
	10 mx1.b.example
	65535 m_x-2.b
	X
	answers 1 'msg(rr(b"\x7f\0\0\2", 1), rr(b"\0" * 16, 28))' <<-'X'
	ok
	0 127.0.0.2
	X
	answers 28 'msg(rr(b"\x20\1\x0d\xb8" + b"\0" * 11 + b"\1", 28))' <<-'X'
	ok
	0 2001:db8::1
	X
	answers 15 'msg(rr(mx(10, "x")), questions=3)' <<-'X'
	ok
	10 x
	X
}

@test "names by pointers, the root, and octets that no host name has" {
	answers 15 'msg(rr(mx(1, b"\2mx" + p(12))), rr(mx(2, "")),
		rr(mx(3, b"\5a.b\0\xff" + p(12))))' <<-'X'
	ok
	1 mx.a.example
	2 
	3 a?b??.a.example
	X
	answers 15 'msg(rr(mx(1, ".".join(["x" * 63] * 3 + ["y" * 61]))))' <<-X
	ok
	1 $(printf 'x%.0s' {1..63}).$(printf 'x%.0s' {1..63}).$(printf 'x%.0s' {1..63}).$(printf 'y%.0s' {1..61})
	X
}

@test "no such name, no such record, and a server that fails differ" {
	answers 15 'msg(flags=0x8183)' <<<'no name'
	answers 15 'msg(rr(name("b"), 5), flags=0x8183)' <<<'no name'
	answers 15 'msg()' <<<none
	answers 15 'msg(rr(name("b.example"), 5))' <<<none
	for code in 1 2 4 5 9 15; do
		answers 15 "msg(rr(mx(1, 'x')), flags=0x8180 | $code)" <<<failed
	done
}

@test "what is no whole answer has failed, wherever it ends" {
	answers 15 'b""' <<<failed
	answers 15 'msg(rr(mx(1, "x")), flags=0x0180)' <<<failed  # a query
	answers 15 'msg(rr(mx(1, "x")), flags=0x8380)' <<<failed  # cut short
	answers 15 'msg(rr(mx(1, "x")), count=2)' <<<failed
	answers 15 'msg(questions=1)[:-1]' <<<failed
	answers 15 'msg(rr(mx(1, "x"), size=6))' <<<failed
	answers 15 'msg(rr(mx(1, "x"), size=65535))' <<<failed
	answers 15 'msg(rr(mx(1, "x") + b"more"))' <<<failed
	answers 15 'msg(rr(b"\0\1"))' <<<failed
	answers 1 'msg(rr(b"123", 1))' <<<failed
	answers 28 'msg(rr(b"1234", 28))' <<<failed
	# Every length of a good one: the whole alone is an answer.
	answers 15 'msg(rr(mx(10, b"\2mx" + p(12))), rr(mx(20, "y.z")))' cut <<-'X'
	ok
	10 mx.a.example
	20 y.z
	X
}

@test "a name that leads to itself, forward or nowhere, or is too long, ends" {
	answers 15 'msg(rr(mx(1, p(at + 2))))' <<<failed
	answers 15 'msg(rr(mx(1, b"\1x" + p(at + 2))))' <<<failed
	answers 15 'msg(rr(mx(1, p(at + 4) + b"\1y" + p(at + 2))))' <<<failed
	answers 15 'msg(rr(mx(1, p(16383))))' <<<failed
	answers 15 'msg(rr(mx(1, b"\x40\0")))' <<<failed
	answers 15 'msg(rr(mx(1, b"\x80\0")))' <<<failed
	answers 15 'msg(rr(mx(1, ".".join(["x" * 63] * 3 + ["y" * 62]))))' <<<failed
	answers 15 'msg(rr(mx(1, ".".join(["x" * 63] * 9))))' <<<failed
	# A chain that goes back each time, 200 labels of it.
	answers 15 'msg(rr(b"\0\1\1x\0" + b"".join(b"\1x" + p(at + 2 + max(0, 4 * i - 1))
		for i in range(200)), 16), rr(mx(1, p(at + 2 + 3 + 4 * 199))))' <<<failed
}

@test "what an alias is of is followed, in any order, and no other name has a say" {
	answers 15 'msg(rr(name("b.example"), 5), rr(mx(1, "x"), owner=name("B.example")))' <<-'X'
	ok
	1 x
	X
	answers 15 'msg(rr(mx(1, "x"), owner=name("d")), rr(name("d"), 5, owner=name("c")),
		rr(name("c"), 5, owner=name("b")), rr(name("b"), 5))' <<-'X'
	ok
	1 x
	X
	answers 15 'msg(rr(mx(1, "evil"), owner=name("b.example")), rr(mx(2, "x")),
		rr(mx(3, "evil"), owner=name("example")))' <<-'X'
	ok
	2 x
	X
	answers 15 'msg(rr(mx(1, "evil"), owner=name("other.example")))' <<<none
	# Beside an alias a name has nothing else.
	answers 15 'msg(rr(mx(1, "evil")), rr(name("b"), 5), rr(mx(2, "x"), owner=name("b")))' <<-'X'
	ok
	2 x
	X
}

@test "aliases that lead back, or on and on, have failed" {
	answers 15 'msg(rr(name("a.example"), 5))' <<<failed
	answers 15 'msg(rr(name("b"), 5), rr(name("a.example"), 5, owner=name("b")),
		rr(mx(1, "x"), owner=name("b")))' <<<failed
	chain='msg(rr(name("c0"), 5), *[rr(name(f"c{n + 1}"), 5, owner=name(f"c{n}"))
		for n in range(%d)], rr(mx(1, "x"), owner=name("c%d")))'
	# shellcheck disable=SC2059
	printf -v chain16 "$chain" 15 15
	# shellcheck disable=SC2059
	printf -v chain17 "$chain" 16 16
	answers 15 "$chain16" <<<$'ok\n1 x'
	answers 15 "$chain17" <<<failed
}

@test "nothing, from a server that is neither a resolver nor the domain's own, has failed" {
	answers 15 'msg(flags=0x8000)' <<<failed
	answers 15 'msg(flags=0x8003)' <<<failed
	answers 15 'msg(flags=0x8400)' <<<none
	answers 15 'msg(flags=0x8403)' <<<'no name'
	answers 15 'msg(flags=0x8080)' <<<none
	# Its own alias, of a name that is another's.
	answers 15 'msg(rr(name("b"), 5), flags=0x8400)' <<<failed
	answers 15 'msg(rr(mx(1, "x")), flags=0x8000)' <<<$'ok\n1 x'
}

@test "of very many records the first hundred are taken" {
	python3 - >want <<-'X'
		print("ok\n" + "\n".join(f"{n} mx" for n in range(100)))
	X
	answers 15 'msg(*[rr(mx(n, "mx")) for n in range(3000)])' <want
}

# order WANTED OWN...: lines PREFERENCE TIE HOST on standard input.
order() {
	local want=$1
	shift
	"$BUILD/drv/dns" mx "$@" | paste -sd' ' >out
	same out <<<"$want"
}

@test "hosts go by preference, equal ones by their random numbers" {
	order 'ok a b c d' <<<$'20 1 d\n0 9 a\n10 1 b\n10 2 c'
	order 'ok a c b d' <<<$'20 1 d\n0 9 a\n10 2 b\n10 1 c'
	order 'ok a b' <<<$'10 1 a\n20 1 b\n30 1 a'
}

@test "our own names go, and all that is no better" {
	order 'ok a' me.example <<<$'5 1 a\n10 1 b\n10 2 ME.example\n20 1 c'
	order 'ok a' x.example me.example <<<$'5 1 a\n10 1 me.example\n20 1 x.example'
	order self me.example <<<$'5 1 me.example\n5 2 a\n10 1 b'
	order 'ok a me.example.org' me.example <<<$'5 1 a\n6 1 me.example.org'
}

@test "no mail, addresses and what is no host name" {
	order null <<<'0 1 .'
	order null me.example <<<'10 1 .'
	order 'ok a' <<<$'0 1 .\n10 1 a'
	order unusable <<<$'0 1 .\n10 1 .'
	order 'ok a' <<<$'0 1 192.0.2.1\n1 1 7\n2 1 x?y\n9 1 a'
	order unusable <<<'0 1 192.0.2.1'
	order 'ok 1.a' <<<'0 1 1.a'
}

@test "twenty hosts are enough" {
	want=ok
	for i in {1..20}; do
		want+=" h$i"
	done
	for i in {30..1}; do
		echo "$i 0 h$i"
	done | order "$want"
}
