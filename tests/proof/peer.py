#!/usr/bin/env python3
r"""Scripted peers: servers and clients on a socket, right or wrong.

A script is lines of steps, separated by " | ", which are run in order, and of
rules for a server,

    PATTERN => STEP | STEP ...

that answer what comes once the steps are done. PATTERN is a regular expression
for a whole line in any case; of several that match the last one counts, so
that a script behind a good server's changes only what it names. START is the
rule for a new connection. Lines that start with blanks continue the one
before; "# " starts a comment line. The steps:

    expect TEXT     waits for a line, which must be TEXT, without its end
    match REGEX     the same by expression; its groups become $1, $2, $NAME
    any             takes a line, whatever it is
    reply CODE      takes an SMTP reply whose code starts with CODE
    until TEXT      takes lines up to one that is TEXT
    octets N        takes N octets, into $data
    message         takes all to CRLF.CRLF, or .CRLF alone, into .messages
    chunk N         takes N octets, into .messages as if they had come so
    end             waits for the other side's end; anything else is wrong
    line TEXT       sends TEXT and CRLF
    send TEXT       sends TEXT as it is
    file PATH       sends a file's octets
    fill N TEXT     sends TEXT N times
    endless TEXT    sends TEXT until the other side goes, $n counts
    drip RATE TEXT  sends TEXT, RATE octets in a second, each by itself
    delay SECONDS   does nothing
    silent          says nothing until the other side goes
    close           ends after what was sent; what still comes is noted
    half-close      ends our direction alone, and goes on
    reset           cuts the connection with a reset
    tls [CERT]      the handshake, as a server with certs/CERT (good)
    no-tls          the handshake, which must fail without a word in clear
    plain           goes on in clear within TLS
    tagged          from now on rules match behind a tag, which is $tag (IMAP)
    set NAME TEXT   a variable
    repeat N STEP   a step N times, $n counts from 1
    serve           answers by the rules (implied at the end, if there are any)
    pass            nothing

TEXT knows \r \n \t \0 \\ \xHH, $NAME or ${NAME} ($line is the last line, $tag
its tag, $$ a dollar); " | " in it is \x20\x7c\x20.

From Python: Script(text, certs, variables), Server(script) with .port, .peers
and .stop(), connect(address, script) for a client. Each Peer has .lines,
.clear and .hidden (octets that came in clear and within TLS), .messages, .sent
and .failed (what was not as expected, or None).

    peer.py serve [-c CERTS] [-n CONNECTIONS] SCRIPT...   prints its port
    peer.py client [-c CERTS] ADDRESS SCRIPT...           host:port, path, or -

print each line they get; exit 1 when something was not as expected. SCRIPT is
a file, several are joined; "-" as address is the connection on fd 0.
"""

import re
import socket
import ssl
import struct
import sys
import threading
import time

WAIT = 20  # seconds that a peer waits for anything
ENDLESS = 1 << 28  # octets that are enough
ESCAPES = {"r": b"\r", "n": b"\n", "t": b"\t", "0": b"\0", "\\": b"\\"}


class Mismatch(Exception):
    """Something else came than the script expects."""


class Done(Exception):
    """The script ends the connection."""


def decode(text, variables):
    """TEXT of a step as octets."""
    def one(m):
        if m.group(1):
            return bytes([int(m.group(1), 16)]).decode("latin-1")
        if m.group(2):
            return ESCAPES[m.group(2)].decode()
        if m.group(3):
            return "$"
        value = variables[m.group(4) or m.group(5)]
        return value.decode("latin-1") if isinstance(value, bytes) else value
    pattern = r"\\x([0-9a-fA-F]{2})|\\([rnt0\\])|(\$\$)|\$\{(\w+)\}|\$(\w+)"
    return re.sub(pattern, one, text).encode("latin-1", "surrogateescape")


def steps(text):
    """[(verb, rest)] of a line."""
    found = []
    for step in re.split(r" \| ?|\| (?=\S)", text.strip()):
        verb, _, rest = step.strip("\n").lstrip().partition(" ")
        if verb:
            if not hasattr(Peer, "do_" + verb.replace("-", "_")):
                raise ValueError("no step: %r in %r" % (verb, text))
            found.append((verb, rest))
    return found


class Script:
    """Steps and rules; certs is the folder of certificates."""

    def __init__(self, text, certs=".", variables=None):
        self.steps, self.rules, self.certs = [], [], certs
        self.variables = dict(variables or {})
        joined = re.sub(r"\n[ \t]+", " ", text)
        for line in joined.splitlines():
            if line.startswith("#") or not line.strip():
                continue
            pattern, arrow, rest = line.partition(" =>")
            if arrow:
                self.rules.append((pattern.strip(), steps(rest)))
            else:
                self.steps += steps(line)

    def rule(self, line):
        """The steps for a line, and the match."""
        for pattern, found in reversed(self.rules):
            m = pattern != "START" and re.fullmatch(pattern, line, re.I)
            if m:
                return found, m
        raise Mismatch("no rule for %r" % line)

    def start(self):
        found = [s for pattern, s in self.rules if pattern == "START"]
        return found[-1] if found else []


_contexts, _lock = {}, threading.Lock()


def context(pem):
    """A server's, made once; of a client, without verification, for None."""
    with _lock:
        if pem not in _contexts:
            made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if pem
                                  else ssl.PROTOCOL_TLS_CLIENT)
            if pem:
                made.load_cert_chain(pem)
            else:
                made.check_hostname = False
                made.verify_mode = ssl.CERT_NONE
            _contexts[pem] = made
        return _contexts[pem]


def behind_records(data):
    """What is left of data behind whole and cut TLS records."""
    while data[:1] in (b"\x14", b"\x15", b"\x16", b"\x17") and (
            data[1:2] in (b"", b"\x03")):
        data = data[5 + int.from_bytes(data[3:5], "big"):]
    return data


class Wire:
    """The octets of one connection, with TLS or without: what came in clear
    (`clear`), what came out of TLS (`hidden`), and what is not yet taken. What
    comes instead of TLS once it was to begin counts as clear."""

    def __init__(self, sock):
        self.sock, self.tls, self.in_clear = sock, None, True
        self.clear = self.hidden = self.records = self.buffer = b""

    def receive(self):
        """Octets from the wire, noted; EOFError at the end."""
        data = self.sock.recv(65536)
        if not data:
            raise EOFError
        if self.in_clear:
            self.clear += data
        else:
            self.records += data
        return data

    def fill(self):
        if not self.tls:
            self.buffer += self.receive()
            return
        while True:
            try:
                data = self.tls.read(65536)
                break
            except ssl.SSLWantReadError:
                self.incoming.write(self.receive())
        if not data:
            raise EOFError
        self.hidden += data
        self.buffer += data

    def take(self, end):
        """All up to and with end."""
        at = 0
        while (found := self.buffer.find(end, at)) < 0:
            at = max(0, len(self.buffer) - len(end))
            self.fill()
        found += len(end)
        data, self.buffer = self.buffer[:found], self.buffer[found:]
        return data

    def take_line(self):
        raw = self.take(b"\n")[:-1]
        return (raw[:-1] if raw.endswith(b"\r") else raw).decode("latin-1")

    def send(self, data):
        if self.tls:
            self.tls.write(data)
            data = self.outgoing.read()
        self.sock.sendall(data)

    def handshake(self, pem):
        """As a server with that certificate, or as a client for None."""
        self.in_clear = False
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context(pem).wrap_bio(self.incoming, self.outgoing,
                                    pem is not None)
        self.incoming.write(self.buffer)
        self.buffer = b""
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self.sock.sendall(self.outgoing.read())
                self.incoming.write(self.receive())
        self.sock.sendall(self.outgoing.read())
        self.tls = tls

    def close(self):
        """Notes all that the other side still has to say."""
        try:
            self.sock.shutdown(socket.SHUT_WR)
            while True:
                if self.tls:
                    self.fill()
                else:
                    self.receive()
        except (OSError, EOFError, ValueError):
            pass
        self.sock.close()
        self.clear += behind_records(self.records)


class Peer(Wire):
    """One connection, ours as a server or as a client."""

    def __init__(self, sock, script, is_server, watch=None):
        super().__init__(sock)
        self.script, self.is_server = script, is_server
        self.watch = watch or (lambda peer, line: None)
        self.vars = dict(script.variables)
        self.tagged, self.failed = False, None
        self.lines, self.messages, self.sent = [], [], 0

    def line(self):
        line = self.take_line()
        self.lines.append(line)
        self.vars["line"] = line
        self.watch(self, line)
        return line

    def send(self, data):
        self.sent += len(data)
        super().send(data)

    def text(self, text):
        return decode(text, self.vars)

    # --- steps that wait ---
    def wrong(self, wanted):
        raise Mismatch("%s expected, got %r" % (wanted, self.vars["line"]))

    def do_expect(self, text):
        if self.line() != self.text(text).decode("latin-1"):
            self.wrong(repr(text))

    def do_match(self, text):
        m = re.fullmatch(text, self.line(), re.S)
        if not m:
            self.wrong("/%s/" % text)
        self.groups(m)

    def groups(self, m):
        self.vars.update((str(i + 1), g or "")
                         for i, g in enumerate(m.groups()))
        self.vars.update((k, g or "") for k, g in m.groupdict().items())

    def do_any(self, text):
        self.line()

    def do_reply(self, text):
        while self.line()[3:4] == "-":
            pass
        if not self.vars["line"].startswith(text):
            self.wrong("a reply " + text)

    def do_until(self, text):
        while self.line() != text:
            pass

    def do_octets(self, text):
        n = int(self.text(text))
        while len(self.buffer) < n:
            self.fill()
        self.vars["data"], self.buffer = self.buffer[:n], self.buffer[n:]

    def do_message(self, text):
        while len(self.buffer) < 3:
            self.fill()
        if not self.buffer.startswith(b".\r\n"):
            self.messages.append(self.take(b"\r\n.\r\n"))
        else:
            self.messages.append(self.take(b".\r\n"))

    def do_chunk(self, text):
        self.do_octets(text)
        self.messages.append(
            re.sub(rb"(?m)^\.", b"..", self.vars["data"]) + b".\r\n")

    def do_end(self, text):
        try:
            self.fill()
        except (EOFError, OSError):
            raise Done from None
        self.vars["line"] = self.buffer
        self.wrong("the end")

    # --- steps that send ---
    def do_line(self, text):
        self.send(self.text(text) + b"\r\n")

    def do_send(self, text):
        self.send(self.text(text))

    def do_file(self, text):
        with open(self.text(text), "rb") as f:
            self.send(f.read())

    def do_fill(self, text):
        n, _, text = text.partition(" ")
        data, left = self.text(text), int(n)
        each = max(1, 65536 // max(1, len(data)))
        while left > 0:
            self.send(data * min(each, left))
            left -= each

    def do_endless(self, text):
        limit, n = self.sent + ENDLESS, 0
        self.vars["n"] = "\0n"
        parts = self.text(text).split(b"\0n")
        each = 65536 // max(1, len(text)) + 1
        while self.sent < limit:
            block = (b"%d" % i for i in range(n + 1, n + each + 1))
            self.send(b"".join(i.join(parts) for i in block)
                      if len(parts) > 1 else parts[0] * each)
            n += each

    def do_drip(self, text):
        rate, _, text = text.partition(" ")
        for octet in self.text(text):
            self.send(bytes([octet]))
            time.sleep(1 / float(rate))

    # --- the rest ---
    def do_delay(self, text):
        time.sleep(float(text))

    def do_silent(self, text):
        while True:
            self.receive()

    def do_close(self, text):
        raise Done

    def do_half_close(self, text):
        self.sock.shutdown(socket.SHUT_WR)

    def do_reset(self, text):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack("ii", 1, 0))
        self.sock.close()
        raise Done

    def do_tls(self, text):
        pem = "%s/%s" % (self.script.certs, self.text(text).decode() or "good")
        self.handshake(pem if self.is_server else None)

    def do_no_tls(self, text):
        """A handshake that fails without a word in clear."""
        try:
            self.do_tls(text)
        except (OSError, EOFError):
            if behind_records(self.records):
                self.vars["line"] = self.records
                self.wrong("a handshake that fails in silence")
        else:
            self.wrong("no handshake")

    def do_plain(self, text):
        self.tls = None

    def do_tagged(self, text):
        self.tagged = True

    def do_set(self, text):
        name, _, text = text.partition(" ")
        self.vars[name] = self.text(text)

    def do_repeat(self, text):
        n, _, step = text.partition(" ")
        for i in range(int(n)):
            self.vars["n"] = str(i + 1)
            self.do(steps(step))

    def do_pass(self, text):
        pass

    def do_serve(self, text):
        self.do(self.script.start())
        while True:
            line = self.line()
            if self.tagged:
                self.vars["tag"], _, line = line.partition(" ")
            found, m = self.script.rule(line)
            self.groups(m)
            self.do(found)

    def do(self, found):
        for verb, rest in found:
            getattr(self, "do_" + verb.replace("-", "_"))(rest)

    def run(self):
        """The whole script, to the end of the connection."""
        try:
            self.do(self.script.steps)
            if self.script.rules:
                self.do_serve("")
        except Mismatch as e:
            self.failed = str(e)
        except (Done, OSError):
            pass
        except EOFError:
            if not self.script.rules:
                self.failed = "the other side went"
        self.close()


class Listener:
    """Gives each connection to begin(sock), in turn; what that returns runs in
    a thread of its own."""

    def __init__(self):
        self.threads = []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=50)
        self.port = self.listener.getsockname()[1]
        self.accepting = threading.Thread(target=self.accept, daemon=True)
        self.accepting.start()

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self.begin(ready(sock)),
                                      daemon=True)
            self.threads.append(thread)
            thread.start()

    def stop(self):
        # shutdown wakes accept, which close alone does not.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.accepting.join(WAIT)
        for thread in self.threads:
            thread.join(WAIT)


class Server(Listener):
    """Runs a script for every connection. watch(peer, line) sees each line
    before it is answered."""

    def __init__(self, script, watch=None):
        self.script, self.watch, self.peers = script, watch, []
        super().__init__()

    def begin(self, sock):
        peer = Peer(sock, self.script, True, self.watch)
        self.peers.append(peer)
        return peer.run


def ready(sock):
    sock.settimeout(WAIT)
    if sock.family != socket.AF_UNIX:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def dial(address):
    if address == "-":
        return socket.socket(fileno=0)
    if "/" in address:
        s = socket.socket(socket.AF_UNIX)
        s.connect(address)
        return s
    host, _, port = address.rpartition(":")
    return socket.create_connection((host.strip("[]"), int(port)), WAIT)


def connect(address, script, watch=None):
    """Runs a script as a client; the Peer, once it has ended."""
    peer = Peer(ready(dial(address)), script, False, watch)
    peer.run()
    return peer


def show(peer, line):
    print(line.encode("unicode_escape").decode(), flush=True)


def main(mode, *args):
    certs, count, args = ".", None, list(args)
    while args and args[0] in ("-c", "-n"):
        option, value = args.pop(0), args.pop(0)
        certs, count = ((value, count) if option == "-c"
                        else (certs, int(value)))
    address = args.pop(0) if mode == "client" else None
    script = Script("\n".join(open(name).read() for name in args), certs)
    if mode == "client":
        peers = [connect(address, script, show)]
    else:
        server = Server(script, show)
        print(server.port, flush=True)
        while count is None or len(server.threads) < count:
            time.sleep(0.05)
        server.stop()
        peers = server.peers
    wrong = [p.failed for p in peers if p.failed]
    for why in wrong:
        print("peer:", why, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
