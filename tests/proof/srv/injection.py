"""Text that would become a field, seen by a parser of another hand (PROOF.md
section 6)."""

import email
import os

from . import common as c

OPTIONS = {"subject": ["-s"], "header": ["-H"], "from": ["-f"], "to": ["-t"],
           "cc": ["-c"]}
BARE = {"mime-version", "content-type", "content-transfer-encoding", "date",
        "message-id", "from", "to", "cc", "subject", "x-note"}


def mkmsg(option, text):
    values = {"-f": b"me@example.org", "-t": b"you@example.org"}
    values[option] = b"X-Note: " + text if option == "-H" else \
        b"\"" + text + b"\" <a@example.org>" if option in "-f-t-c" else text
    argv = c.program("mkmsg")
    for name, value in values.items():
        argv += [name, value]
    return argv


def broken(fault):
    if fault == "none":
        return mkmsg
    return lambda *words: ["sh", os.path.join(c.BROKEN, fault), *words]


def fault(status, out):
    """A refusal, or the fields asked for and the body given."""
    if status in (64, 65):
        return c.differs(b"", out)
    if status != 0:
        return f"exit {status}"
    message = email.message_from_bytes(out)
    names = [name.lower() for name in message.keys()]
    return c.first(
        c.differs([], [n for n in names if n not in BARE]),
        c.differs(len(set(names)), len(names)),
        c.differs("body\n", message.get_payload()),
        "a control octet" if any(b in out for b in b"\r\v\0") else None)


def headers(report, argv=mkmsg, subject="mkmsg"):
    for kind, (option,) in OPTIONS.items():
        with c.Check(report, subject, "injection", kind) as check:
            for name, text in c.table("injection"):
                status, out, _ = c.run(argv(option, c.octets(text)),
                                       b"body\n")
                check.case(name, fault(status, out))
