"""dns.py PORTFILE ZONE [ADDRESS [PORT]]: a DNS server that says what a real one would
not.

Writes the port it listens on, UDP and TCP, to PORTFILE once it is ready. Each
query is noted in PORTFILE.log as NAME TYPE. ZONE has lines NAME TYPE DATA...:

  a.example MX 10 mx1.a.example       A, AAAA, MX and CNAME records; `.' is the
  mx1.a.example A 127.0.0.2           root, other names are NXDOMAIN

or instead of DATA what becomes of the answer:

  !servfail, !refused    that code            !silence   none comes
  !garbage               octets               !wrongid   with another id
  !pointer               a name that points to itself
  !cut                   without its last octets
  !foreign               an answer to another question
  !query                 the question comes back
  !many N [ADDRESS]      N records, by TCP, of which each has that address
  !claims N              one record, and says they are N
  !lame                  other servers' names, and an address of theirs
  !loop                  aliases of each other
  !other                 the record of another name: 10 evil.example
  !tcp MORE...           cut short by UDP; by TCP MORE, data or of these:
  !hang                  TCP: nothing         !drip      TCP: an octet a second
  !close                 TCP: closed          !short     TCP: a length too long
"""
import os
import socket
import struct
import sys
import threading
import time

TYPES = {"A": 1, "CNAME": 5, "MX": 15, "AAAA": 28}
portfile, zone = sys.argv[1:3]
address = sys.argv[3] if len(sys.argv) > 3 else "127.0.0.1"
wanted = int(sys.argv[4]) if len(sys.argv) > 4 else 0
log = open(portfile + ".log", "w", buffering=1)


def encode(name):
    if name == ".":
        return b"\0"
    labels = name.encode("latin-1").split(b".")
    return b"".join(bytes([len(n)]) + n for n in labels) + b"\0"


def decode(query):
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode("latin-1"))
        at += 1 + query[at]
    return ".".join(labels).lower(), query[at + 1:at + 3], query[12:at + 5]


def record(owner, kind, data):
    if kind == "A":
        octets = socket.inet_aton(data[0])
    elif kind == "AAAA":
        octets = socket.inet_pton(socket.AF_INET6, data[0])
    elif kind == "MX":
        octets = struct.pack(">H", int(data[0])) + encode(data[1])
    else:
        octets = encode(data[0])
    return (encode(owner) + struct.pack(">HHIH", TYPES[kind], 1, 60,
                                        len(octets)) + octets)


def find(name, kind, lines):
    """The records, and the special that stands instead of them."""
    records, special = [], None
    for owner, type_, *data in lines:
        if owner == name and type_ == kind and data[0].startswith("!"):
            special = data
        elif owner == name and type_ == kind:
            records.append(record(name, kind, data))
        elif owner == name and type_ == "CNAME":
            more, special = find(data[0], kind, lines)
            records += [record(name, "CNAME", data)] + more
    return records, special


def answer(query, question, records, rcode=0, flags=0x8180, count=None):
    head = query[:2] + struct.pack(">HHHHH", flags | rcode, 1, count or
                                   len(records), 0, 0)
    return head + question + b"".join(records)


def respond(query, tcp):
    """The answer, or None; for TCP also how it is sent."""
    name, number, question = decode(query)
    kind = {v: k for k, v in TYPES.items()}[struct.unpack(">H", number)[0]]
    log.write(f"{name} {kind}\n")
    with open(zone, encoding="utf-8") as f:
        lines = [line.split() for line in f if line.strip()]
    names = {line[0] for line in lines}
    records, special = find(name, kind, lines)
    what = special[0] if special else ""
    if what in ("!tcp", "!many", "!hang", "!drip", "!close", "!short"):
        if not tcp:
            return answer(query, question, [], flags=0x8380), ""
        if what == "!tcp":
            return answer(query, question,
                          [record(name, kind, special[1:])]), ""
        if what == "!many" and len(special) > 2:
            one = record(name, "A", special[2:])
            return answer(query, question, [one] * int(special[1])), ""
        if what == "!many":
            owner = b"\xc0\x0c"
            one = struct.pack(">HHIH", 15, 1, 60, 4) + b"\0\1\xc0\x0c"
            return answer(query, question,
                          [owner + one] * int(special[1])), ""
        return answer(query, question, records), what
    if what == "!silence":
        return None, what
    if what == "!servfail":
        return answer(query, question, [], 2), ""
    if what == "!refused":
        return answer(query, question, [], 5), ""
    if what == "!garbage":
        return query[:2] + b"\x81\x80" + os.urandom(200), ""
    if what == "!wrongid":
        return b"\0\0" + answer(query, question, [])[2:], ""
    if what == "!foreign":
        return answer(query, b"\1x\0\0\x0f\0\1", []), ""
    mx = record(name, "MX", ["10", "a.b"])
    if what == "!claims":
        return answer(query, question, [mx], count=int(special[1])), ""
    if what == "!other":
        return answer(query, question, [
            record("evil.example", "MX", ["10", "evil.example"])]), ""
    if what == "!loop":
        return answer(query, question, [record(name, "CNAME", ["x." + name]),
                                        record("x." + name, "CNAME", [name])]), ""
    if what == "!lame":
        other = encode("example") + struct.pack(">HHIH", 2, 1, 60, 4) + b"\2ns\0"
        glue = record("ns", "A", ["127.0.0.9"])
        head = query[:2] + struct.pack(">HHHHH", 0x8000, 1, 0, 1, 1)
        return head + question + other + glue, ""
    if what == "!query":
        return query, ""
    if what == "!pointer":
        at = 12 + len(question) + 14
        return answer(query, question, [
            b"\xc0\x0c" + struct.pack(">HHIHHH", 15, 1, 60, 4, 10,
                                      0xc000 | at)]), ""
    if what == "!cut":
        whole = answer(query, question, [record(name, "MX", ["10", "a.b"])])
        return whole[:-3], ""
    if name not in names:
        return answer(query, question, [], 3), ""
    return answer(query, question, records), ""


def serve_udp(sock):
    while True:
        query, peer = sock.recvfrom(4096)
        data, _ = respond(query, False)
        if data:
            sock.sendto(data, peer)


def serve_one(sock):
    try:
        size = sock.recv(2)
        while len(size) == 2:
            query = sock.recv(struct.unpack(">H", size)[0])
            data, how = respond(query, True)
            if how == "!close":
                break
            whole = struct.pack(">H", len(data) +
                                (50 if how == "!short" else 0)) + data
            if how == "!hang":
                time.sleep(600)
            for i in range(len(whole) if how == "!drip" else 0):
                sock.sendall(whole[i:i + 1])
                time.sleep(1)
            sock.sendall(whole)
            if how == "!short":
                break
            size = sock.recv(2)
    except OSError:
        pass
    sock.close()


def serve_tcp(listener):
    while True:
        sock, _ = listener.accept()
        threading.Thread(target=serve_one, args=(sock,), daemon=True).start()


def main():
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    while True:
        listener = socket.create_server((address, wanted), family=family)
        port = listener.getsockname()[1]
        udp = socket.socket(family, socket.SOCK_DGRAM)
        try:
            udp.bind((address, port))
            break
        except OSError:
            listener.close()
            udp.close()
    threading.Thread(target=serve_tcp, args=(listener,), daemon=True).start()
    with open(portfile + ".tmp", "w", encoding="ascii") as f:
        f.write(str(port))
    os.rename(portfile + ".tmp", portfile)
    serve_udp(udp)


main()
