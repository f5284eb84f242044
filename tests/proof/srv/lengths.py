"""Numbers that are too long, and messages that are small to write and large
to understand (PROOF.md section 5)."""

import concurrent.futures
import os
import re
import signal
import subprocess
import threading

from . import common as c

AT_ONCE = 2
BEYOND = (1 << 31) + 1  # octets on the wire of the large message
QUEUE = r"""
queue_file() {
	mkdir -p sp/queue
	{
		printf 'mailpipe-queue 1 %s %s\n' "$1" "$2"
		printf 'created 1000000000\nexpires 9000000000\ntries 0000\n'
		printf 'trace x -\nF <a@b.example>\n'
		printf 'R . 000 %0120d <c@d.example>\n\nA: b\n\nx\n' 0
	} >sp/queue/00000000001.aaaaaaaaaaaaaaaaaaaa.q
}
"""


def house(folder):
    c.maildir(f"{folder}/md")
    c.maildir(f"{folder}/large")
    c.write(f"{folder}/md/new/1.x", "Subject: x\n\none\n")
    name = c.write(f"{folder}/large/new/1.x", "Subject: x\n\none\n")
    # Three lines get a CR on the wire, the last one a line end.
    os.truncate(name, BEYOND - 5)
    c.write(f"{folder}/m", "A: b\n\nx\n")
    c.write(f"{folder}/pw", "secret\n", 0o600)
    c.write(f"{folder}/table", f"c@d.example {folder}/md/\n")


def environment(folder):
    return {"HOME": folder, "PATH": c.BIN + ":/usr/bin:/bin", "LC_ALL": "C",
            "MAILPIPE_SPOOL": f"{folder}/sp", "TMPDIR": folder}


def number(argv, row):
    _, status, pattern, *command = row
    with c.scratch() as folder:
        house(folder)
        line = f"umask 077; ulimit -v 524288\n{QUEUE}\n" + " ".join(command)
        try:
            got, out, _ = c.run(argv(["sh", "-c", line]), cwd=folder,
                                timeout=60, env=environment(folder))
        except subprocess.TimeoutExpired:
            return "hung"
        text = out.decode("latin-1")
        return c.first(
            c.differs(int(status), got),
            None if pattern == "-" or re.fullmatch(pattern, text)
            else f"said {text[-200:]!r}")


def lengths(report, argv=list, subject="all"):
    with c.Check(report, subject, "lengths") as check:
        for row in c.table("lengths"):
            if not (c.quick and row[0] == "pop3-retr"):
                check.case(row[0], number(argv, row))


def processor(argv, folder):
    """Its exit status, another one after a minute, and the seconds that it and
    what it ran had of a processor, whatever else a machine does."""
    with open(f"{folder}/m", "rb") as given:
        child = subprocess.Popen(argv, stdin=given, cwd=folder,
                                 stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL,
                                 env=environment(folder))
    limit = threading.Timer(60, os.kill, (child.pid, signal.SIGTERM))
    limit.start()
    status, used = os.wait4(child.pid, 0)[1:]
    limit.cancel()
    child.returncode = os.waitstatus_to_exitcode(status)
    return child.returncode, used.ru_utime + used.ru_stime


def eat(argv, most, row, times):
    """(what was wrong, the seconds it took)."""
    head, piece, count, tail = row[1:]
    with c.scratch() as folder:
        house(folder)
        c.write(f"{folder}/m", c.octets(head) + c.octets(piece) *
                int(int(count) * times) + c.octets(tail))
        line = "ulimit -v 524288; ulimit -s 256; exec " + \
            argv(f"{c.PEAK} {folder}/peak")
        code, took = processor(["sh", "-c", line], folder)
        with open(f"{folder}/peak", encoding="ascii") as f:
            peak = int(f.read().split()[-1])
        fault = None if code in (0, 65, 69) else f"exit {code}"
        return c.first(fault, f"{peak} KiB" if peak > most else None), took


def bomb(argv, most, row):
    """Four times as much must not take much more than four times as long."""
    fault, short = eat(argv, most, row, 0.25)
    if fault:
        return fault
    fault, full = eat(argv, most, row, 1)
    linear = full < 6 * short + 0.3
    return fault or (None if linear else f"{short:.1f} s, then {full:.1f} s")


def command(words):
    return lambda peak: f"{peak} {words}"


def bombs(report, change=command, subject="all"):
    with c.Check(report, subject, "bombs") as check, \
            concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        found = [(f"{name}.{row[0]}", pool.submit(
                     bomb, change(" ".join(words)), int(most), row))
                 for name, most, *words in c.every("eaters")
                 for row in c.every("bombs")
                 if c.sought in f"{name}.{row[0]}" and
                 (not c.quick or row[0] in ("nesting", "parentheses"))]
        for name, result in found:
            check.case(name, result.result())


def broken(fault):
    """Programs that keep 32 bits of a number, or look at all for each."""
    if fault == "none":
        return list
    return lambda words: [*words[:2], words[2].replace(
        "mbox-deliver --size 4294967304", "mbox-deliver --size 8")]


def broken_eater(fault):
    if fault == "none":
        return command
    name = os.path.join(c.BROKEN, "quadratic")
    return lambda words: lambda peak: f"{peak} {name}"
