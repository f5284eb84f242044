"""The tables of servers that misbehave, the messages in them, and what
counts as one of the messages where it arrives."""

import os
import re

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

MESSAGES = {
    1: b"Subject: one\r\n\r\n.dot\r\n..\r\n\r\nFrom x\r\n",
    2: b"Subject: two\r\n\r\nSecond, a little longer.\r\n\r\n",
    3: b"Subject: three\r\n\r\n\xff\x85 8-bit\r\n.\r\nlast\r\n",
    9: b"Subject: nine\r\n\r\nA dot\n.\nis no end.\r\n",
}
SECRETS = (b"secret", b"AGFsaWNlAHNlY3JldA==")  # PLAIN of alice
MAIL = (b"Subject: one", b"a@x.org", b"b@x.org")


def stuffed(message):
    return re.sub(rb"(?m)^\.", b"..", message)


def at_rest(message):
    """A message as it is kept."""
    return message.replace(b"\r\n", b"\n")


def kept(number):
    """Of the bare LF of a message nothing is told where it is kept."""
    return at_rest(MESSAGES[number])


def on_wire(message):
    """As POP3 and SMTP send it, with its end."""
    lines = message.split(b"\r\n")
    return b"\r\n".join(b"." + l if l[:1] == b"." else l
                        for l in lines) + b".\r\n"


def variables():
    found = {}
    for n, m in MESSAGES.items():
        found["m%d" % n], found["n%d" % n] = m, str(len(m))
        found["w%d" % n] = on_wire(m)
        found["f%d" % n] = (
            b'* %d FETCH (UID %d FLAGS () INTERNALDATE "17-Jul-1996 02:44:25 '
            b'-0700" BODY[] {%d}\r\n%s)\r\n' % (n, n, len(m), m))
        # Header and body, for who asks for each.
        head, end, body = m.partition(b"\r\n\r\n")
        for name, part in (("h", head + end), ("b", body)):
            found[f"{name}{n}"] = part
            found[f"n{name}{n}"] = str(len(part))
    return found


class Case:
    def __init__(self, words, base):
        self.name, self.expected = words[0], words[1:]
        self.base, self.rules = base, []
        self.tls = "implicit" if self.name.startswith("tlss-") else (
            "starttls" if self.name.startswith("tls-") else "off")

    @property
    def script(self):
        return "\n".join((self.base.rules if self.base else []) + self.rules)

    @property
    def timed(self):
        """Whether time is part of it, or there is no end of octets."""
        return re.search(r"\b(silent|drip|endless|delay|fill|reset)\b",
                         "\n".join(self.rules))


def read(name, columns):
    """[Case]; the rules of the first are below those of all others."""
    cases = []
    with open(os.path.join(HERE, "cases", name), encoding="utf-8") as rows:
        for row in rows:
            if row.startswith("#") or not row.strip():
                continue
            if row[0] == "\t":
                cases[-1].rules.append(row.strip())
                continue
            words = row.split(None, columns)
            cases.append(Case(words[:columns], cases[0] if cases else None))
            cases[-1].rules += [w.rstrip("\n") for w in words[columns:]]
    return cases
