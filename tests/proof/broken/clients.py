"""clients.py FAULT pop3|imap|smtp PORT: a small client that is right but for
its FAULT (none: for nothing). It fetches into Mail and deletes, or sends
standard input to b@x.org and c@x.org; a second is all that a server has."""

import os
import signal
import socket
import sys

FAULT, PROTOCOL, PORT = sys.argv[1], sys.argv[2], int(sys.argv[3])
PATIENCE = 2  # seconds, also of a busy machine


class Temporary(Exception):
    pass


class Wire:
    def __init__(self):
        wait = None if FAULT == "patient" else PATIENCE
        self.s = socket.create_connection(("127.0.0.1", PORT), wait)
        self.data, self.hoard = b"", []
        if FAULT not in ("patient", "hog"):
            signal.signal(signal.SIGALRM, late)
            signal.setitimer(signal.ITIMER_REAL, PATIENCE)

    def more(self):
        got = self.s.recv(65536)
        if not got:
            raise EOFError
        self.data += got
        self.hoard += [got * 64] * (FAULT == "hog")
        if len(self.data) > 1 << 20:
            raise Temporary("too long")

    def take(self, end):
        while end not in self.data:
            self.more()
        got, _, self.data = self.data.partition(end)
        return got + end

    def octets(self, n):
        while len(self.data) < n:
            self.more()
        got, self.data = self.data[:n], self.data[n:]
        return got

    def say(self, line):
        self.s.sendall(line.encode() + b"\r\n")


def late(*_):
    raise Temporary("late")


def deliver(message, name="m"):
    for sub in ("tmp", "new", "cur"):
        os.makedirs("Mail/" + sub, exist_ok=True)
    deliver.n = getattr(deliver, "n", 0) + 1
    if FAULT != "path":
        name = f"{deliver.n}.proof"
    with open("Mail/tmp/" + name, "wb") as f:
        f.write(message.replace(b"\r\n", b"\n"))
    os.rename("Mail/tmp/" + name, "Mail/new/" + name)


def ok(w, command):
    w.say(command)
    line = w.take(b"\r\n")
    if not line.startswith(b"+OK"):
        raise Temporary(line)


def retrieve(w, n):
    ok(w, f"RETR {n}")
    end = b"\n.\n" if FAULT == "lf-dot" else b"\r\n.\r\n"
    try:
        while end not in w.data and b"\r\n.\r\n" not in w.data:
            w.more()
    except EOFError:
        if FAULT != "cut-is-end":
            raise
        got, w.data = w.data, b""
        return got
    end = end if end in w.data else b"\r\n.\r\n"
    lines = w.take(end)[:end.index(b".") - len(end)].split(b"\r\n")
    return b"\r\n".join(x[1:] if x[:1] == b"." else x for x in lines)


def pop3(w):
    if not w.take(b"\r\n").startswith(b"+OK"):
        raise Temporary
    ok(w, "AUTH PLAIN AGFsaWNlAHNlY3JldA==")
    ok(w, "UIDL")
    names = w.take(b"\r\n.\r\n").decode("latin-1").split("\r\n")[:-2]
    for line in names:
        n, _, uid = line.partition(" ")
        if FAULT == "dele-first":
            ok(w, f"DELE {n}")
        deliver(retrieve(w, n), uid)
        if FAULT != "dele-first":
            ok(w, f"DELE {n}")
    ok(w, "QUIT")


def tagged(w, command):
    """The untagged lines before the answer."""
    w.say("A1 " + command)
    lines = []
    while not (line := w.take(b"\r\n")).startswith(b"A1 "):
        if line.startswith(b"+"):
            w.say("AGFsaWNlAHNlY3JldA==")
        elif not line.startswith(b"*"):
            raise Temporary(line)
        lines.append(line)
    if not line.startswith(b"A1 OK"):
        raise Temporary(line)
    return lines


def imap(w):
    w.take(b"\r\n")
    tagged(w, "AUTHENTICATE PLAIN")
    tagged(w, "SELECT INBOX")
    w.say("A1 UID FETCH 1:3 (UID BODY.PEEK[])")
    for uid in (1, 2, 3):
        line = w.take(b"\r\n")
        if FAULT != "unasked" and b"(UID %d " % uid not in line:
            raise Temporary(line)
        size = int(line[line.rindex(b"{") + 1:line.rindex(b"}")])
        text = w.octets(size)
        rest = w.take(b"\r\n")
        if rest != b")\r\n" and FAULT != "literal":
            raise Temporary(rest)
        deliver(text)
        while FAULT == "literal" and not rest.endswith(b")\r\n"):
            rest = w.take(b"\r\n")
    w.take(b"\r\n")
    tagged(w, "UID STORE 1:3 +FLAGS.SILENT (\\Deleted)")
    tagged(w, "UID EXPUNGE 1:3")
    w.say("A1 LOGOUT")


def reply(w, wanted="2"):
    while (line := w.take(b"\r\n"))[3:4] == b"-":
        pass
    if line[:1] != wanted.encode():
        raise Temporary(line)


def smtp(w):
    message = sys.stdin.buffer.read().replace(b"\n", b"\r\n")
    reply(w)
    w.say("EHLO me")
    reply(w)
    if os.environ.get("PROOF_TLS"):
        w.say("STARTTLS")
        try:
            reply(w)
            raise Temporary("no TLS here")
        except Temporary:
            if FAULT != "clear-after":
                raise
    for line in ("MAIL FROM:<a@x.org>", "RCPT TO:<b@x.org>",
                 "RCPT TO:<c@x.org>"):
        w.say(line)
        reply(w)
    w.say("DATA")
    reply(w, "3")
    if FAULT != "no-stuffing":
        message = message.replace(b"\r\n.", b"\r\n..")
    w.s.sendall(message + b".\r\n")
    try:
        reply(w)
    except EOFError:
        if FAULT != "close-is-success":
            raise
    w.say("QUIT")


try:
    {"pop3": pop3, "imap": imap, "smtp": smtp}[PROTOCOL](Wire())
except (Temporary, EOFError, OSError, ValueError):
    sys.exit(75)
