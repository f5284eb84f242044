"""Mail servers that do TLS right or wrong, for tests of clients: their words,
over the wires of tests/proof/peer.py."""

import os
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.realpath(__file__)),
                             "..", "proof"))
import peer  # noqa: E402
from peer import behind_records, ready  # noqa: E402,F401


class Peer(peer.Wire):
    def line(self):
        return self.take_line()

    def raw(self, data):
        self.sock.sendall(data)

    def say(self, *lines):
        self.send("".join(line + "\r\n" for line in lines).encode("latin-1"))


class Server(peer.Listener):
    """Serves every connection by serve(peer); the peers are kept."""

    def __init__(self, serve):
        self.serve, self.peers = serve, []
        super().__init__()

    def begin(self, sock):
        wire = Peer(sock)
        self.peers.append(wire)
        return lambda: self.run(wire)

    def run(self, wire):
        try:
            self.serve(wire)
        except (OSError, EOFError):
            pass
        wire.close()


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
