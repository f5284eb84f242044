"""What is asserted of a run: always, and as the table says."""

from . import tables
from .trial import MEMORY, SANITIZED, SLACK, TIMEOUT

LETTERS = {"ok": "o", "temp": "t", "perm": "p", "unsure": "u"}


def numbers(text):
    return [] if text == "-" else sorted(int(n) for n in text.split(","))


def secure(t, names):
    """No credential and no mail in clear; none at all to whom is not known."""
    if t.tls == "off":
        return []
    faults = [f"{n!r} in clear" for n in tables.SECRETS + tables.MAIL
              if n in t.clear]
    unknown = any(s in names for s in ("wrong", "self", "expired"))
    return faults + ([f"said {t.hidden!r}"] if unknown and t.hidden else [])


def always(t, name, slack=SLACK):
    """The faults that no run may have. slack: seconds beyond the time-out."""
    return [f for f in (
        t.hung and "never ends",
        t.seconds > TIMEOUT + slack and f"takes {t.seconds:.1f} s",
        t.code > 128 and f"ended by signal {t.code - 128}",
        not SANITIZED and t.kib > MEMORY and f"{t.kib} KiB",
        t.stray and f"leaves {t.stray}",
        t.partial and f"delivers {t.partial[0][:60]!r}",
        t.early and f"deletes {t.early} before it is delivered",
        t.client in ("pop3", "imap") and not replaced(t) <= set(t.got)
        and f"deletes {t.gone}, has {t.got}",
        unaccepted(t)) if f] + secure(t, name)


def replaced(t):
    """What is deleted; 9 stood for 2."""
    return {9 if n == 2 and 9 in t.got else n for n in t.gone}


def unaccepted(t):
    """A message called sent that the server has not whole."""
    wire = tables.on_wire(tables.MESSAGES[1])
    whole = [m for m in t.taken if m in (wire, b".\r\n")]
    sent = {r[0] for r in t.results if r[2] == "ok"}
    if t.client == "smtp" and t.code == 0:
        sent = {"all"}
    if len(whole) < len(t.taken):
        return f"the server got {t.taken[-1]!r}"
    return len(whole) < len(sent) and "called sent, not received"


def letters(t):
    return "".join(LETTERS.get(r[2], "?") for r in
                   sorted(t.results, key=lambda r: r[1]))


def as_expected(t, case):
    exits, *rest = case.expected
    if t.client == "batch":
        wanted, got = rest[0].split("/"), letters(t)
        return [] if t.code == 0 and got in wanted else [
            f"exit {t.code}, results {got}, not {rest[0]}"]
    faults = [] if str(t.code) in exits.split("/") else [
        f"exit {t.code}, not {exits}"]
    lines = t.said.count(b"\n")
    if t.client == "pop3" and lines != (t.code != 0):
        faults.append(f"{lines} lines of diagnostics")
    if t.client != "smtp":
        got, gone = (numbers(text) for text in rest)
        if t.got != got:
            faults.append(f"got {t.got}, not {got}")
        if t.gone != gone:
            faults.append(f"deleted {t.gone}, not {gone}")
    return faults


def faults(t, case):
    return always(t, case.name) + as_expected(t, case)
