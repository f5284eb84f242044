#!/usr/bin/env python3
"""A runner that can deliver nothing, with a FAULT: runner.py FAULT -d SPOOL
run. Its reports go into the maildir box."""

import os
import sys

FAULT, SPOOL = sys.argv[1], sys.argv[3]
OTHER = {"a": "b", "b": "a", "sp": "sp"}[SPOOL]


def report(name, message):
    if FAULT != "whole":
        message = message.partition(b"\n\n")[0] + b"\n"
    with open(f"box/tmp/{name}", "wb") as f:
        f.write(b"X: y\nAuto-Submitted: auto-replied\n\n" + message)
    os.rename(f"box/tmp/{name}", f"box/new/{name}")


for name in os.listdir(f"{SPOOL}/queue"):
    path = f"{SPOOL}/queue/{name}"
    with open(path, "rb") as f:
        envelope, _, message = f.read().partition(b"\n\n")
    if FAULT == "passes-on":
        os.rename(path, f"{OTHER}/queue/{name}")
    elif b"\nF <>" in envelope and FAULT != "answers-null":
        os.rename(path, f"{SPOOL}/dead/{name}")
    elif FAULT == "marks-first":
        os.unlink(path)
        report(name, message)
    else:
        report(name, message)
        os.unlink(path)
