"""Other things than files where files should be (PROOF.md section 7): a status
in time, nothing read or written behind a link, nothing made outside."""

import concurrent.futures
import os
import subprocess

from . import common as c

SECRET = b"Subject: other\n\nnobody's business\n"
MADE = {
    "message": "Subject: x\n\ntext\n",
    "pass": "secret\n",
    "login": "alice\0secret\0\0",
    "pop3": "USER x\r\nPASS secret\r\nSTAT\r\nRETR 1\r\nQUIT\r\n",
}
WAIT = 10
AT_ONCE = 3
QUICK = ("fifo", "symlink")


def odd_files(folder):
    """What the commands find beside the file that is odd."""
    c.write(f"{folder}/other", SECRET, 0o600)
    os.mkdir(f"{folder}/work")
    work = f"{folder}/work"
    for name, text in MADE.items():
        c.write(f"{work}/{name}", text, 0o600)
    for name in "md", "box":
        c.maildir(f"{work}/{name}")
    for name in "queue", "tmp", "dead", "corrupt":
        os.makedirs(f"{work}/sp/{name}")
    os.mkdir(f"{work}/sp2")
    return work


def place(folder, work, path, make):
    """Puts the odd file there, in place of what is there."""
    name = f"work/{path}"
    os.makedirs(os.path.dirname(f"{folder}/{name}"), exist_ok=True)
    subprocess.run(["sh", "-c", f'umask 077; rm -rf "$1"; {make}', "sh", name],
                   cwd=folder, check=True)


def environment(work):
    return {"HOME": work, "PATH": c.BIN + ":/usr/sbin:/usr/bin:/sbin:/bin",
            "LC_ALL": "C", "TMPDIR": work}


def trial(command, path, make):
    """The exit status, with `f' where something came of what is behind."""
    with c.scratch() as folder:
        work = odd_files(folder)
        place(folder, work, path, make)
        argv = ["sh", "-c", f"ulimit -v 524288; {command}"]
        try:
            status, out, err = c.run(argv, cwd=work, timeout=WAIT,
                                     env=environment(work))
        except subprocess.TimeoutExpired:
            return "hung"
        with open(f"{folder}/other", "rb") as f:
            touched = f.read() != SECRET or b"nobody's" in out + err or \
                sorted(os.listdir(folder)) != ["other", "work"]
        return f"{status}{'f' if touched else ''}"


def own(command):
    return command


def odd(report, argv=own, subject="all"):
    kinds = [(row[0], " ".join(row[1:])) for row in c.every("odd-files")]
    with c.Check(report, subject, "odd-files") as check, \
            concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        found = [(f"{name}.{kind}", want, pool.submit(
                     trial, argv(" ".join(command)), path, make))
                 for name, path, statuses, *command in c.every("odd-places")
                 for (kind, make), want in zip(kinds, statuses.split(","))
                 if c.sought in f"{name}.{kind}" and want != "-" and
                 (kind in QUICK or not c.quick)]
        for name, want, result in found:
            check.case(name, c.differs(want, result.result()))


def broken(fault):
    """A reader that waits at a FIFO, a writer that follows links."""
    if fault == "none":
        return own
    commands = {"opens": "cat table >/dev/null",
                "follows": "cat message >>in; exit 75"}
    return lambda command: commands[fault]
