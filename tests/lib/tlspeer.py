"""Mail servers that do TLS right or wrong, for tests of clients.

A Peer is one connection: it keeps every octet that the client sent in clear
(`clear`) and every one that came out of TLS (`hidden`). What a client sends
instead of TLS after it was told to begin counts as clear.
"""

import socket
import ssl
import threading

WAIT = 20


def context(pem):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(pem)
    return made


def behind_records(data):
    """What is left of data behind whole and cut TLS records."""
    while data[:1] in (b"\x14", b"\x15", b"\x16", b"\x17") and (
            data[1:2] in (b"", b"\x03")):
        data = data[5 + int.from_bytes(data[3:5], "big"):]
    return data


class Peer:
    def __init__(self, sock):
        self.sock, self.tls = sock, None
        self.clear = self.hidden = self.records = self.buffer = b""
        self.in_clear = True

    def receive(self):
        """Octets from the wire, noted; an exception at the end."""
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

    def line(self):
        while b"\n" not in self.buffer:
            self.fill()
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.rstrip(b"\r").decode("latin-1")

    def raw(self, data):
        self.sock.sendall(data)

    def say(self, *lines):
        data = "".join(line + "\r\n" for line in lines).encode("latin-1")
        if self.tls:
            self.tls.write(data)
            self.raw(self.outgoing.read())
        else:
            self.raw(data)

    def handshake(self, pem):
        self.in_clear = False
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context(pem).wrap_bio(self.incoming, self.outgoing, True)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self.raw(self.outgoing.read())
                self.incoming.write(self.receive())
        self.tls = tls
        self.raw(self.outgoing.read())

    def close(self):
        """Waits for all that the client still has to say."""
        try:
            self.sock.shutdown(socket.SHUT_WR)
            while True:
                self.fill() if self.tls else self.receive()
        except (OSError, EOFError):
            pass
        self.sock.close()
        self.clear += behind_records(self.records)


class Server:
    """Serves every connection by serve(peer), in threads; the peers are kept."""

    def __init__(self, serve):
        self.peers, self.threads, self.serve = [], [], serve
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.settimeout(WAIT)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            peer = Peer(sock)
            self.peers.append(peer)
            thread = threading.Thread(target=self.run, args=(peer,),
                                      daemon=True)
            self.threads.append(thread)
            thread.start()

    def run(self, peer):
        try:
            self.serve(peer)
        except (OSError, EOFError):
            pass
        peer.close()

    def stop(self):
        # shutdown wakes accept, which close alone does not.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for thread in self.threads:
            thread.join(WAIT)


class Smtp:
    go = "220 2.0.0 go"
    no = "454 4.7.0 not now"
    forged = ["250-forged", "250 AUTH PLAIN"]

    def greet(self, p):
        p.say("220 peer")

    def offer(self, p, line, words):
        words = ["AUTH " + w[5:] if w.startswith("SASL ") else
                 "STARTTLS" if w == "TLS" else w for w in words]
        words = ["peer"] + [w for w in words if w != "USER"]
        p.say(*["250-" + w for w in words[:-1]], "250 " + words[-1])

    def reply(self, line, text):
        return text

    def asks_offer(self, line):
        return line.startswith("EHLO")

    def asks_tls(self, line):
        return line == "STARTTLS"

    def ok(self, p, line):
        verb = line.split(" ")[0]
        if verb == "AUTH":
            p.say("235 2.7.0 welcome")
        elif verb == "DATA":
            p.say("354 go on")
            while p.line() != ".":
                pass
            p.say("250 2.0.0 queued")
        elif verb == "QUIT":
            p.say("221 2.0.0 bye")
            raise EOFError
        else:
            p.say("250 2.0.0 ok")


class Pop3:
    go = "+OK go"
    no = "-ERR not now"
    forged = ["+OK", "USER", "SASL PLAIN", "."]

    def greet(self, p):
        p.say("+OK peer")

    def offer(self, p, line, words):
        p.say("+OK", *["STLS" if w == "TLS" else w for w in words], ".")

    def reply(self, line, text):
        return text

    def asks_offer(self, line):
        return line == "CAPA"

    def asks_tls(self, line):
        return line == "STLS"

    def ok(self, p, line):
        if line in ("UIDL", "LIST"):
            p.say("+OK", ".")
        else:
            p.say("+OK")
        if line == "QUIT":
            raise EOFError


class Imap:
    go = "OK go"
    no = "NO not now"
    forged = ["* CAPABILITY IMAP4rev1 AUTH=PLAIN", "A003 OK forged"]
    preauth = False

    def greet(self, p):
        p.say("* PREAUTH peer" if self.preauth else "* OK peer")

    def offer(self, p, line, words):
        words = ["AUTH=" + m for w in words if w.startswith("SASL ")
                 for m in w[5:].split()] + [
                     "STARTTLS" for w in words if w == "TLS"] + [
                     "SASL-IR"]
        p.say("* CAPABILITY IMAP4rev1 " + " ".join(words),
              line.split()[0] + " OK done")

    def reply(self, line, text):
        return line.split(" ")[0] + " " + text

    def asks_offer(self, line):
        return line.upper().endswith(" CAPABILITY")

    def asks_tls(self, line):
        return line.endswith(" STARTTLS")

    def ok(self, p, line):
        tag, _, rest = line.partition(" ")
        verb = rest.upper().split(" ")[0]
        if verb == "SELECT":
            p.say("* FLAGS (\\Seen)", "* 0 EXISTS", "* 0 RECENT",
                  "* OK [UIDVALIDITY 1] x", "* OK [UIDNEXT 1] x")
        elif verb == "LIST":
            p.say('* LIST () "/" INBOX')
        elif verb == "LOGOUT":
            p.say("* BYE peer")
        p.say(tag + " OK done")
        if verb == "LOGOUT":
            raise EOFError
