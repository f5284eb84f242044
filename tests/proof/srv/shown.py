"""What a stranger said, on a terminal, in a log or a listing: escaped, on one
line, not without end (PROOF.md section 6)."""

import concurrent.futures
import re
import subprocess

from . import common as c, guests, texts
from cli import tables

AT_ONCE = 3
LONGEST = 4096  # of a line, which may have several values of 1 kB
HARMFUL = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-"
                     "\u202e\u2066-\u2069]")
TRANSPORT = b"""#!/bin/sh
while IFS='\t' read -r id path offset size from rcpt; do
	printf '%s\\t%s\\ttemp\\t450\\t4.2.1\\t%s\\n' "$id" "$rcpt" "$TEXT"
done
"""


def login(text):
    return (b"USER " + text + b"\r\nPASS wrong\r\n" + text + b"\r\nQUIT\r\n")


def script(saying):
    if saying == "-":
        return None
    for name, kind, *rule in c.every("sayings"):
        if name == saying:
            return texts.good(kind) + "\n" + " ".join(rule)
    raise KeyError(saying)


def harm(shown):
    """What should not be on a terminal; tabs are for tables alone."""
    try:
        text = shown.decode("utf-8")
    except UnicodeDecodeError as e:
        return f"raw octets: {shown[max(0, e.start - 20):e.end + 20]!r}"
    found = HARMFUL.search(text)
    lines = text.split("\n")
    return c.first(
        found and f"raw: {text[max(0, found.start() - 20):found.end()]!r}",
        "a line was forged" if any(line.startswith("event=forged")
                                   for line in lines) else None,
        "a line without end" if any(len(line) > LONGEST for line in lines)
        else None)


def trial(command, rules, text):
    """(what is wrong, whether the words were shown)."""
    server = guests.peer.Server(guests.peer.Script(
        rules, ".", dict(tables.variables(), text=text))) if rules else None
    with c.scratch() as folder:
        texts.house(folder, text)
        c.write(f"{folder}/login", login(text))
        c.write(f"{folder}/transport", TRANSPORT, 0o755)
        environment = {"HOME": folder, "PATH": c.BIN + ":/usr/bin:/bin",
                       "LC_ALL": "C", "TEXT": text,
                       "PORT": str(server.port if server else 0)}
        try:
            _, out, err = c.run(["sh", "-c", command], cwd=folder,
                                env=environment)
        except subprocess.TimeoutExpired:
            return "hung", True
        finally:
            if server:
                server.stop()
    # The dialogue itself is for the client, not for a terminal.
    shown = err if "<dialogue" in command or "<login" in command \
        else out + err
    return harm(shown), b"mark" in shown


def judge(how, results):
    """Some place where the words are never seen has nothing to prove."""
    seen = [was for _, was in results.values()]
    if how == "all" and not all(seen) or how == "some" and not any(seen):
        return "not shown"
    return None


def shown(report, argv=str, subject="all"):
    words = [(name, c.octets(text)) for name, text in c.every("odd-words")
             if not c.quick or name in ("escape", "c1-utf8", "newline")]
    with c.Check(report, subject, "shown") as check, \
            concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        found = [(name, how, {kind: pool.submit(
                     trial, argv(" ".join(command)), script(saying), text)
                     for kind, text in words})
                 for name, saying, how, *command in c.every("shown")
                 if c.sought in name]
        for name, how, cases in found:
            results = {kind: case.result() for kind, case in cases.items()}
            for kind, (fault, _) in results.items():
                check.case(f"{name}.{kind}", fault)
            check.case(f"{name}.seen", judge(how, results))


def broken(fault):
    """A program that prints what it was told."""
    if fault == "none":
        return str
    return lambda command: "printf '%s\\n' \"event=x text=$TEXT\""
