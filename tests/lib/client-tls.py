"""client-tls.py CLIENT...: what clients do when TLS goes wrong.

Each client of the table runs against each misbehaviour. A line for each says
the exit status, and the commands that went in clear and under TLS; octets of a
password or a message where they must not be end the run. The folder holds the
certificates (good, wrong, self, expired), ca, pw and m.
"""

import base64
import concurrent.futures
import subprocess
import sys

from tlspeer import Imap, Pop3, Server, Smtp, behind_records

LOGIN = ["--password-file", "pw", "--cafile", "ca"]
SEND = ["smtp-send", "--hostname", "me", "-f", "a@x.org", "b@x.org"]
# Protocol, whether TLS is from the first octet, command line.
CLIENTS = {
    "smtp-login": (Smtp, False, SEND + LOGIN + [
        "--relay", "smtp://alice@127.0.0.1:%d"]),
    "submission": (Smtp, False, SEND + [
        "--cafile", "ca", "--relay", "submission://127.0.0.1:%d"]),
    "opportunistic": (Smtp, False, SEND + [
        "--relay", "smtp://127.0.0.1:%d"]),
    "off": (Smtp, False, SEND + LOGIN + [
        "--tls=off", "--relay", "smtp://alice@127.0.0.1:%d"]),
    "smtps": (Smtp, True, SEND + LOGIN + [
        "--relay", "smtps://alice@127.0.0.1:%d"]),
    "pop3": (Pop3, False, ["pop3-fetch", "-q", "--stdout"] + LOGIN + [
        "pop3://alice@127.0.0.1:%d/"]),
    "pop3s": (Pop3, True, ["pop3-fetch", "-q", "--stdout"] + LOGIN + [
        "pop3s://alice@127.0.0.1:%d/"]),
    "imap": (Imap, False, ["imap-fetch", "-q", "-o", "maildir"] + LOGIN + [
        "imap://alice@127.0.0.1:%d/"]),
    "imaps": (Imap, True, ["imap-fetch", "-q", "-o", "maildir"] + LOGIN + [
        "imaps://alice@127.0.0.1:%d/"]),
}
SECRETS = [b"secret", base64.b64encode(b"\0alice\0secret"),
           base64.b64encode(b"secret")]
MAIL = [b"Subject: private", b"a@x.org", b"b@x.org"]


class Case:
    """A server that behaves, in all but one thing."""
    certificate = "good"
    early_ones = True  # also where TLS comes first

    def __init__(self, protocol, implicit):
        self.at, self.implicit = protocol(), implicit

    def words(self, secure):
        return ["USER", "SASL PLAIN"] + ([] if secure else ["TLS"])

    def begin(self, p):
        p.handshake(self.certificate)

    def go(self, p, line):
        p.say(self.at.reply(line, self.at.go))

    def serve(self, p):
        if self.implicit:
            self.begin(p)
        self.at.greet(p)
        while True:
            line = p.line()
            if self.at.asks_offer(line):
                self.at.offer(p, line, self.words(p.tls))
            elif self.at.asks_tls(line):
                self.go(p, line)
                self.begin(p)
            else:
                self.at.ok(p, line)


class Good(Case):
    pass


class Stripped(Case):
    early_ones = False

    def words(self, secure):
        return ["USER", "SASL PLAIN"]


class Refused(Case):
    early_ones = False

    def go(self, p, line):
        p.say(self.at.reply(line, self.at.no))

    def begin(self, p):
        pass


class Preauth(Case):
    early_ones = False

    def __init__(self, protocol, implicit):
        super().__init__(protocol, implicit)
        self.at.preauth = True


class Injected(Case):
    """A forged reply, in one segment with the go-ahead."""
    early_ones = False

    def go(self, p, line):
        p.say(self.at.reply(line, self.at.go), *self.at.forged)


class Presaid(Case):
    """A go-ahead in one segment with the capabilities, and another."""
    early_ones = False

    def serve(self, p):
        say, said = p.say, []
        self.at.greet(p)
        line = p.line()
        p.say = lambda *lines: said.extend(lines)
        self.at.offer(p, line, self.words(False))
        p.say = say
        p.say(*said, self.at.reply("A002 STARTTLS", self.at.go))
        while not self.at.asks_tls(line):
            line = p.line()
        self.go(p, line)
        self.begin(p)
        self.at.ok(p, p.line())


class WrongName(Case):
    certificate = "wrong"


class SelfSigned(Case):
    certificate = "self"


class Expired(Case):
    certificate = "expired"


class Garbage(Case):
    def begin(self, p):
        p.in_clear = False
        p.receive()
        p.raw(b"\x16\x03\x03garbage and no handshake at all\r\n" * 40)


class Closed(Case):
    """A close where the server's part of the handshake is due."""

    def begin(self, p):
        p.in_clear = False
        p.receive()
        raise EOFError


class ClosedAtOnce(Case):
    def begin(self, p):
        p.in_clear = False
        raise EOFError


class Silent(Case):
    def begin(self, p):
        p.in_clear = False
        while True:
            p.receive()


class PlainInstead(Case):
    """Goes on in clear, as if there were nothing to begin."""

    def begin(self, p):
        p.in_clear = False
        while not behind_records(p.receive()):
            self.at.greet(p)


class PlainAfter(Case):
    """Plain text once the handshake is done."""

    def begin(self, p):
        super().begin(p)
        p.tls = None
        for _ in range(4):
            p.say(*self.at.forged)


class Forgotten(Case):
    """No login is offered under TLS, only before."""
    early_ones = False

    def words(self, secure):
        return ["X"] if secure else super().words(secure)


CASES = {
    "good": Good, "stripped": Stripped, "refused": Refused,
    "preauth": Preauth, "injected": Injected, "presaid": Presaid,
    "wrong-name": WrongName, "self-signed": SelfSigned, "expired": Expired,
    "garbage": Garbage, "closed": Closed, "closed-at-once": ClosedAtOnce,
    "silent": Silent, "plain-instead": PlainInstead,
    "plain-after": PlainAfter, "forgotten": Forgotten,
}


def verbs(data):
    """The commands of a client, a message as one of them."""
    names, skip = [], False
    for line in data.decode("latin-1").split("\r\n")[:-1]:
        words = line.split(" ")
        if skip:
            skip = line != "."
            continue
        verb = words[0]
        if verb[:1] in "AaT" and verb[1:].isdigit() and words[1:]:
            verb = words[1]
        names.append(verb.upper())
        skip = verb == "DATA"
    return " ".join(names)


def holds(data, needles):
    return [n for n in needles if n in data]


def trial(client, name):
    protocol, implicit, argv = CLIENTS[client]
    case = CASES[name](protocol, implicit)
    server = Server(case.serve)
    argv = [a % server.port if "%d" in a else a for a in argv]
    with open("m", "rb") as message:
        done = subprocess.run(
            argv[:1] + ["--timeout", "2s"] + argv[1:], stdin=message,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=30,
            check=False)
    server.stop()
    clear = b"".join(p.clear for p in server.peers)
    hidden = b"".join(p.hidden for p in server.peers)
    if client != "off":
        assert not holds(clear, SECRETS), (client, name, clear)
    if client not in ("off", "opportunistic"):
        assert not holds(clear, MAIL), (client, name, clear)
        assert case.certificate == "good" or not hidden, (client, name)
    with open("log", "ab") as log:
        log.write(b"".join(f"{client} {name}: ".encode() + line + b"\n"
                           for line in done.stderr.splitlines()))
    return (f"{client} {name}: {done.returncode}, {len(server.peers)} "
            f"connection, clear [{verbs(clear)}] TLS [{verbs(hidden)}]")


def wanted(client):
    protocol, implicit, _ = CLIENTS[client]
    if client == "off":
        return [(client, "good")]
    return [(client, name) for name, case in CASES.items()
            if (case.early_ones or not implicit)
            and (name != "preauth" or protocol is Imap)]


def main():
    trials = [t for client in sys.argv[1:] for t in wanted(client)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for line in pool.map(lambda t: trial(*t), trials):
            print(line)


main()
