"""Crowds, full disks, clocks and folders that play tricks (PROOF.md section
7): what was acknowledged is whole, and nothing else is there."""

import os
import re
import shutil
import time

from . import common as c, guests

LINES = b"x" * 70 + b"\n"
COUNT = 40
OLD = b"Subject: 0\n\n" + LINES * COUNT + b"END 0\n"
WHOLE = re.compile(rb"Subject: (\d+)\n\n(?:" + LINES[:-1] + rb"\n){" +
                   str(COUNT).encode() + rb"}END \1\n")
LIBRARY = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                       "adversity.sh")
SLACK = 4  # times; others want the machine too


def house(folder):
    """Old mail, tables, and the lines that messages are made of."""
    os.mkdir(f"{folder}/work")
    work = f"{folder}/work"
    c.maildir(f"{work}/box")
    c.write(f"{work}/box/cur/1.old:2,S", OLD)
    c.write(f"{work}/in", b"From a@b.example Thu Jan  1 00:00:00 1970\n" +
            OLD + b"\n", 0o600)
    for name in "queue", "tmp":
        os.makedirs(f"{work}/sp/{name}")
    c.write(f"{work}/table", f"alice@example.org {work}/box/\n")
    c.write(f"{work}/table-mbox", f"alice@example.org {work}/in\n")
    c.write(f"{folder}/lines", LINES * COUNT)
    return work


def play(folder, work, script):
    """The lines that the script says. What is left is copied out of its
    namespace."""
    lines = f"lines={folder}/lines library={LIBRARY}; export lines library\n"
    text = (f"cd {work}\n{lines}. {LIBRARY}\n( {script}\n) >{folder}/said\n"
            f"cp -a {work} {folder}/left\n")
    environment = {"BIN": c.BIN, "CLOCK": guests.CLOCK, "HOME": work,
                   "LC_ALL": "C"}
    c.run(["unshare", "-m", "-u", "sh", "-c", text], env=environment,
          timeout=100)
    with open(f"{folder}/said", encoding="ascii") as f:
        return f.read().splitlines()


def stored(left):
    """The numbers of whole messages, how many begin, and what tmp holds."""
    whole, begun, waste = [], 0, []
    for name in c.files(left):
        if "/tmp/" in name or "/tmp.was/" in name:
            waste.append(name)
            continue
        with open(name, "rb") as f:
            text = f.read()
        begun += text.count(b"Subject: ")
        whole += [int(m.group(1)) for m in WHOLE.finditer(text)]
    return sorted(whole), begun, waste


def trial(row):
    name, least, most, seconds, *script = row
    with c.scratch() as folder:
        work = house(folder)
        began = time.monotonic()
        said = play(folder, work, " ".join(script))
        took = time.monotonic() - began
        acknowledged = sorted(int(s[3:]) for s in said if s[:3] == "ok ")
        codes = {s for s in said if s[:3] != "ok "}
        whole, begun, waste = stored(f"{folder}/left")
        shutil.rmtree(f"{folder}/left")
        return c.first(
            c.differs([0, 0] + acknowledged, whole),
            f"{begun - len(whole)} cut" if begun != len(whole) else None,
            f"left {waste}" if waste else None,
            f"{codes}" if codes - {"exit 75"} else None,
            None if int(least) <= len(acknowledged) <= int(most)
            else f"{len(acknowledged)} acknowledged",
            None if took < SLACK * int(seconds) else f"{took:.1f} s")


def adversity(report, change=None, subject="all"):
    """change: what a broken control puts in place of what."""
    if os.getuid() != 0:
        report.say(f"{subject} adversity skipped: it takes root")
        return
    with c.Check(report, subject, "adversity") as check:
        for row in c.table("adversity"):
            if change:
                row = row[:4] + [" ".join(row[4:]).replace(*change)]
            elif c.quick and row[0] not in QUICK:
                continue
            check.case(row[0], trial(row))


QUICK = ("crowd-mbox", "full-maildir", "full-smtp-spool", "still-maildir",
         "tmp-elsewhere", "swapped-new")


def broken(fault):
    """Something else in place of mbox-deliver."""
    rewrites = ("mbox-deliver --mbox in", f"{c.BROKEN}/rewrite in")
    fails = ("mbox-deliver -o box", f"{c.BROKEN}/cat-new box")
    return {"rewrite": rewrites, "cat-new": fails}.get(fault, ("", ""))
