"""Hostile files where mailboxes should be (PROOF.md section 7)."""

import os
import subprocess

from . import common as c


def mbox(box):
    return c.program("mbox-deliver", "--mbox", box)


def deliver(argv, folder):
    try:
        return c.run(argv(f"{folder}/box"), b"Subject: x\n\ntext\n",
                     timeout=5)[0]
    except subprocess.TimeoutExpired:
        return "hung"


def mboxes(report, argv=mbox, subject="mbox-deliver"):
    with c.Check(report, subject, "mbox-files") as check:
        for name, make, want in c.table("mbox-files"):
            with c.scratch() as folder:
                c.write(f"{folder}/other", "")
                subprocess.run(["sh", "-c", c.octets(make)], cwd=folder,
                               check=True)
                got = deliver(argv, folder)
                check.case(name, c.first(
                    c.differs(int(want), got),
                    c.differs(0, os.path.getsize(f"{folder}/other")),
                    "made" if os.path.exists(f"{folder}/none") else None))


def broken(fault):
    if fault == "none":
        return mbox
    return lambda box: ["sh", os.path.join(c.BROKEN, fault), box]
