"""Reports on mail that failed, and mail that goes in circles (PROOF.md section
8)."""

import concurrent.futures
import glob
import os
import re
import subprocess
import sys

from . import common as c

AT_ONCE = 3
WAIT = 120
QUICK = ("reported", "null", "fails", "hops-101", "hops-smtp")
LIBRARY = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                       "reports.sh")
SPOOLS = ("sp", "a", "b")
ROUTES = """here.example deliver mbox-deliver -o {}/box
gone.example deliver exit 67; :
* deliver cat >/dev/null; :
"""


def house(folder):
    c.maildir(f"{folder}/box")
    for spool in SPOOLS:
        for name in "queue", "tmp", "dead", "corrupt":
            os.makedirs(f"{folder}/{spool}/{name}")
        c.write(f"{folder}/{spool}/routes", ROUTES.format(folder))


def count(folder, name):
    return sum(len(os.listdir(f"{folder}/{spool}/{name}")) for spool in SPOOLS
               if os.path.isdir(f"{folder}/{spool}"))


def within(number, limits):
    least, _, most = limits.partition("-")
    return int(least) <= number <= int(most or least)


def is_report(text):
    return b"\nAuto-Submitted: auto-replied\n" in text and \
        text.count(b"Subject: original\n") == 1


def judge(folder, row):
    """What is wrong there, or None."""
    reports, dead, queued, most = row[1:5]
    found = c.take(f"{folder}/box/new")
    size = max(map(len, found), default=0)
    return c.first(
        None if within(count(folder, "queue"), queued)
        else f"{count(folder, 'queue')} wait",
        None if within(count(folder, "dead"), dead)
        else f"{count(folder, 'dead')} dead",
        None if within(len(found), reports) else f"{len(found)} reports",
        f"{size} octets" if size > int(most) << 10 else None,
        None if all(map(is_report, found)) else "no report")


def trial(row, run):
    pattern, script = row[5], " ".join(row[6:])
    with c.scratch() as folder:
        house(folder)
        environment = {"BIN": c.BIN, "HOME": folder, "LC_ALL": "C",
                       "MAILPIPE_SPOOL": f"{folder}/sp", "RUN": run,
                       "ROUNDS": "150" if run == "spool" else "3"}
        script = re.sub(r"(\badd [^;]*)", r"\1 >ids", script) \
            if pattern == "-" else script
        try:
            _, out, _ = c.run(["sh", "-c", f". {LIBRARY}; {script}"],
                              cwd=folder, env=environment, timeout=WAIT)
        except subprocess.TimeoutExpired:
            return "hung"
        said = out.decode("latin-1").strip()
        tries = glob.glob(f"{folder}/tries/*") or [folder]
        want = "" if pattern == "-" else pattern
        faults = [(judge(one, row), os.path.basename(one)) for one in tries]
        return c.first(
            None if re.fullmatch(want, said, re.S) else f"said {said!r}",
            *(fault and f"{fault} ({at})" for fault, at in faults))


def reports(report, run="spool", subject="spool"):
    with c.Check(report, subject, "reports") as check, \
            concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        found = [(row[0], pool.submit(trial, row, run))
                 for row in c.table("reports")
                 if not c.quick or c.sought or row[0] in QUICK]
        for name, result in found:
            check.case(name, result.result())


def broken(fault):
    if fault == "none":
        return "spool"
    return f"{sys.executable} -SE {os.path.join(c.BROKEN, 'runner.py')} {fault}"
