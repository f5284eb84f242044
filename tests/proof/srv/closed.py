"""Programs whose descriptors 0 to 2 are closed when they start (PROOF.md
section 7): what is meant for one of these is in no file, and no message is
lost."""

import concurrent.futures
import os
import re
import subprocess

from . import common as c, guests, texts
from cli import tables, trial

AT_ONCE = 3
WAIT = 10
COMBINATIONS = ("0", "1", "01", "2", "02", "12", "012")
QUICK = ("012",)
LIBRARY = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                       "closed.sh")
ID = "aaaaaaaaaaaaaaaaaaaa"
HASH = "$1$ab$dslkcXxVH.x8LwW1W/oAB/"  # of secret
MESSAGE = b"From: a@b.example\nTo: c@d.example\nSubject: x\n\ntext\n"
ENVELOPE = "MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n"
DATA = ENVELOPE + "Subject: x\r\n\r\ntext\r\n.\r\n"
GUEST = ("MAIL FROM:<a@b.example>", "250", "RCPT TO:<c@d.example>", "250",
         "DATA", "354", r"Subject: x\r\n\r\ntext\r\n.", "250", "QUIT", "221")
ASKED = {
    "smtp": "reply 220 | line EHLO me | reply 250",
    "tls": "reply 220 | line EHLO me | reply 250 | line STARTTLS | reply 220"
           " | tls | line EHLO me | reply 250",
}
MADE = {
    "text": "text\n", "m": MESSAGE, "out": "", "in": "", "pw": "secret\n",
    "login": "alice\0secret\0\0", "add": "bob secret\n",
    "smtp": "EHLO me\r\n" + DATA + "QUIT\r\n",
        "lmtp": "LHLO me\r\n" + DATA + "QUIT\r\n",
    "pop3": "USER alice\r\nPASS secret\r\nRETR 1\r\nDELE 1\r\nQUIT\r\n",
    "pop3-guest": "match [+]OK.* | line USER alice | match [+]OK.* | "
                  "line PASS secret | match [+]OK.* | line RETR 1 | until . |"
                  " line DELE 1 | match [+]OK.* | line QUIT | match [+]OK.*",
    "refuses": "#!/bin/sh\nwhile IFS='\t' read -r id path at size from to; "
               "do\nprintf '%s\\t%s\\tperm\\t550\\t5.1.1\\tno\\n' \"$id\" "
               "\"$to\"\ndone\n",
    f"sp/queue/00000000001.{ID}.q":
        f"mailpipe-queue 1 00000279 {len(MESSAGE):016}\n"
        "created 01000000000\nexpires 09000000000\ntries 00000\n"
        f"trace {ID}\nF <a@b.example>\nR . 000 {'':120} <c@d.example>\n\n",
}
# What differs from one run to the next.
PASSING = re.compile(
    rb"\d+\.M\w+|[0-9a-z]{20}|\$y\$[^:\n]+|[A-Z][a-z]{2}, \d+ [A-Z][a-z]{2} |"
    rb"(?:[A-Z][a-z]{2} ){2}(?= ?\d+ \d+:)|\d+")


def house(folder, port):
    for name in "box", "md":
        c.maildir(f"{folder}/{name}")
    for name in "queue", "tmp", "dead", "corrupt":
        os.makedirs(f"{folder}/sp/{name}")
    for name, text in MADE.items():
        if name.startswith("sp/"):
            head, _, rest = text.partition("00000279")
            text = f"{head}{len(text):08}{rest}".encode() + MESSAGE
        c.write(f"{folder}/{name}", text, 0o700)
    for name, words in ASKED.items():
        pairs = zip(GUEST[::2], GUEST[1::2])
        c.write(f"{folder}/{name}-guest", " | ".join(
            [words] + [f"line {say} | reply {code}" for say, code in pairs]))
    c.write(f"{folder}/md/new/1.x", MESSAGE)
    c.write(f"{folder}/table", f"c@d.example {folder}/box/\n")
    c.write(f"{folder}/jobs", f"x\t{folder}/m\t0\t{len(MESSAGE)}\t"
            "<a@b.example>\t<c@d.example>\n")
    c.write(f"{folder}/sp/routes",
            f"* relay smtp://127.0.0.1:{port} --tls=off\n")
    c.write(f"{folder}/users", f"alice:{HASH}\n", 0o600)


def tree(folder):
    """What lies in each folder, whatever its names; standard output apart."""
    found = []
    for name in c.files(folder):
        if name == f"{folder}/out":
            continue
        with open(name, "rb") as f:
            text = f.read().replace(folder.encode(), b"")
        found.append((os.path.dirname(name)[len(folder):],
                      PASSING.sub(b"N", text)))
    return sorted(found)


class Start:
    """A script played with some of the descriptors closed."""

    def __init__(self, kind, script, closed):
        server = None
        if kind != "-":
            server = guests.peer.Server(guests.peer.Script(
                texts.good(kind), ".", tables.variables()))
        port = server.port if server else 0
        with c.scratch() as folder:
            house(folder, port)
            self.before = tree(folder)
            self.play(folder, port, script, closed)
            self.after = tree(folder)
            with open(f"{folder}/out", "rb") as f:
                self.out = PASSING.sub(b"N", f.read())
        self.taken, self.gone = [], []
        if server:
            server.stop()
            self.taken = [m for p in server.peers for m in p.messages]
            self.gone = [n for p in server.peers for line in p.lines
                         for n in trial.doomed(line)]

    def play(self, folder, port, script, closed):
        environment = {
            "BIN": c.BIN, "HOME": folder, "LC_ALL": "C", "id": ID,
            "MAILPIPE_SPOOL": f"{folder}/sp", "PORT": str(port),
            "PEER": os.path.join(c.HERE, "peer.py"), "TMPDIR": folder,
            "CERTIFICATE": " ".join(guests.certificate()),
            "CLOSED": " ".join(f"{n}>&-" for n in closed)}
        try:
            self.status, _, self.err = c.run(
                ["sh", "-c", f". {LIBRARY}; {script}"], cwd=folder,
                env=environment, timeout=WAIT)
        except subprocess.TimeoutExpired:
            self.status, self.err = "hung", b""


def undone(got, whole):
    """As it was, but for a journal that was begun."""
    new = [one for one in got.after if one not in got.before]
    return len(got.after) - len(new) == len(got.before) and all(
        where.startswith("/.local/") and any(
            text.startswith(begun) for there, text in whole.after
            if there == where) for where, begun in new)


def judge(want, closed, got, whole):
    """whole: the same with nothing closed."""
    done = got.after == whole.after
    odd = [one for one in got.after if one not in whole.before + whole.after]
    out = b"" if "1" in closed else whole.out
    promise = want == "0"
    return c.first(
        c.differs(want.rstrip("-"), str(got.status)),
        None if done or undone(got, whole)
        else f"neither as before nor as after: {odd}"[:c.CUT],
        None if got.taken in ([], whole.taken) else f"sent {got.taken}",
        "deleted, not delivered" if got.gone and not done else None,
        "status 0, not done" if promise and not done else None,
        c.differs(whole.taken, got.taken) if promise else None,
        c.differs(out, got.out) if promise else None)


def case(kind, script, statuses, combinations):
    """[(what is closed, fault)] of those combinations."""
    whole = Start(kind, script, "")
    if whole.status:
        return [("nothing", f"exit {whole.status}: {whole.err[-200:]!r}")]
    return [(closed, judge(want, closed, Start(kind, script, closed), whole))
            for closed, want in zip(COMBINATIONS, statuses.split(","))
            if closed in combinations]


def descriptors(report, change=str, subject="all"):
    combinations = QUICK if c.quick and not c.sought else COMBINATIONS
    with c.Check(report, subject, "closed") as check, \
            concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        found = [(name, pool.submit(case, kind, change(" ".join(script)),
                                    statuses, combinations))
                 for name, kind, statuses, *script in c.table("closed")
                 if not c.quick or c.sought or "-" not in name]
        for name, results in found:
            for closed, fault in results.result():
                check.case(f"{name}.{closed}", fault)


def broken(fault):
    """A deliverer that opens the file first, and says what it does."""
    if fault == "none":
        return str
    name = os.path.join(c.BROKEN, "talks")
    return lambda script: script.replace("mbox-deliver --mbox", name)
