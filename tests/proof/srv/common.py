"""What every check of the servers shares: tables, result lines, dialogues."""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CASES = os.path.join(HERE, "cases")
BROKEN = os.path.join(HERE, "broken")
TOP = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get("MAILPIPE_BUILD", os.path.join(TOP, "build"))
BIN = os.path.join(BUILD, "bin")
PEAK = os.path.join(BUILD, "drv", "peak")
SANITIZED = "/build/san" in BUILD
WAIT = 20
CUT = 400  # octets of what one says
SHOWN = 3  # offending cases that a check names

SINGLE = {"s": b" ", "r": b"\r", "n": b"\n", "t": b"\t", "0": b"\0",
          "v": b"\v", "f": b"\f", "\\": b"\\", "e": b"", "{": b"{"}
TOKEN = re.compile(r"\\x([0-9a-fA-F]{2})|\\(.)|\{(\d+)\*((?:\\.|[^}])*)\}|(.)",
                   re.S)


def octets(word):
    r"""A word of a table: \s \r \n \t \0 \v \f \\ \{ \xNN, \e for nothing,
    {N*text} for text N times."""
    out = b""
    for code, single, times, text, plain in TOKEN.findall(word):
        if code:
            out += bytes([int(code, 16)])
        elif single:
            out += SINGLE[single]
        elif times:
            out += int(times) * octets(text)
        else:
            out += plain.encode("utf-8")
    return out


quick = False  # of a matrix that takes long, a part does
sought = ""  # what a row's first words must hold: one for a broken control


def table(name):
    """The rows of a table: its words between blanks, as they stand."""
    with open(os.path.join(CASES, name), encoding="utf-8") as rows:
        for row in rows:
            words = row.split()
            if words and not row.startswith("#") and \
                    sought in ".".join(words[:2]):
                yield words


def share(rows, turn, turns):
    """Quick, the rows whose turn it is: each is tried one of these ways."""
    whole = not quick or sought
    return (row for i, row in enumerate(rows) if whole or i % turns == turn)


def every(name):
    """All rows, whatever is sought."""
    global sought
    was, sought = sought, ""
    try:
        return list(table(name))
    finally:
        sought = was


class Report:
    """All result lines of a run, and what they come to."""

    def __init__(self, quiet=False):
        self.held = self.failed = self.pending = 0
        self.quiet = quiet

    def say(self, line):
        if not self.quiet:
            print("servers", line, flush=True)

    def end(self):
        print(f"servers held={self.held} failed={self.failed} "
              f"pending={self.pending}")
        return 1 if self.failed else 0


class Fell(Exception):
    """A case that was to catch a broken control did."""


class Check:
    """One result line: how many cases held, and which did not."""

    def __init__(self, report, subject, kind, variant="all"):
        self.report = report
        self.name = f"{subject} {kind} {variant}"
        self.held, self.fallen, self.waiting = 0, [], []

    def __enter__(self):
        return self

    def case(self, name, fault):
        """fault: what was wrong, or None."""
        if fault is None:
            self.held += 1
            return
        if self.report.quiet:
            raise Fell(f"{name}: {fault}")
        self.fallen.append(name)
        if len(self.fallen) <= SHOWN:
            print(f"{self.name} {name}: {fault}", file=sys.stderr)

    def pending(self, name, until):
        self.waiting.append(name)
        self.report.say(f"{self.name} pending {name} until={until}")

    def __exit__(self, kind, *_):
        if kind is not None:
            return
        cases = self.held + len(self.fallen)
        pending = f" pending={len(self.waiting)}" if self.waiting else ""
        self.report.say(f"{self.name} cases={cases} held={self.held}{pending}")
        self.report.held += self.held
        self.report.failed += len(self.fallen)
        self.report.pending += len(self.waiting)


def waiting(report):
    """Names and counts what no table drives yet."""
    with open(os.path.join(CASES, "servers-pending"), encoding="ascii") as f:
        for line in f:
            if not line.startswith("#"):
                report.say("pending section " + line.strip())
                report.pending += 1


def program(name, *words):
    return [os.path.join(BIN, name), *words]


def broken(fault, *words):
    """A control that is right but for its fault."""
    name = os.path.join(BROKEN, words[0])
    return [sys.executable, "-SE", name, fault, *words[1:]]


def differs(want, got):
    return None if want == got else f"want {want!r}, got {got!r}"[:CUT]


def first(*faults):
    return next((fault for fault in faults if fault), None)


def files(folder):
    return sorted(os.path.join(base, name)
                  for base, _, names in os.walk(folder) for name in names)


def take(folder):
    """What its files hold; they go."""
    found = []
    for name in files(folder):
        with open(name, "rb") as f:
            found.append(f.read())
        os.unlink(name)
    return found


def write(name, text, mode=0o644):
    with open(name, "wb") as f:
        f.write(text if isinstance(text, bytes) else text.encode())
    os.chmod(name, mode)
    return name


def maildir(folder):
    for sub in ("tmp", "new", "cur"):
        os.makedirs(os.path.join(folder, sub))
    return folder


# What is to be durable shall not wait for the disk of others.
FOLDER = os.environ.get("TMPDIR") or (
    "/dev/shm" if os.access("/dev/shm", os.W_OK) else None)


def scratch():
    """A folder that goes with its `with'; ours to the letter for all users."""
    return tempfile.TemporaryDirectory(prefix="proof-servers-", dir=FOLDER)


def run(argv, given=b"", timeout=WAIT, **more):
    """Over pipes, to the end: exit status, output, diagnostics. What is late
    goes with all that it has started."""
    process = subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, start_new_session=True, **more)
    try:
        out, err = process.communicate(given, timeout)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise
    return process.returncode, out, err


class Dialogue:
    """A server with a socket on its descriptors 0 and 1."""

    def __init__(self, argv, wait=WAIT, early=b"", **more):
        self.sock, theirs = socket.socketpair()
        self.sock.settimeout(wait)
        self.sock.sendall(early)
        more.setdefault("stderr", subprocess.DEVNULL)
        self.process = subprocess.Popen(argv, stdin=theirs, stdout=theirs,
                                        **more)
        theirs.close()
        self.wait = wait
        self.data = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()
        try:
            self.process.wait(self.wait)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def line(self):
        while b"\n" not in self.data:
            more = self.sock.recv(65536)
            if not more:
                break
            self.data += more
        line, lf, self.data = self.data.partition(b"\n")
        return line + lf

    def reply(self):
        """An SMTP reply, the last line of it."""
        while (line := self.line())[3:4] == b"-":
            pass
        return line.rstrip(b"\r\n")

    def send(self, data):
        self.sock.sendall(data)

    def ask(self, line):
        self.send(line + b"\r\n")
        return self.reply()

    def rest(self):
        """All that comes until the server closes."""
        data, self.data = self.data, b""
        try:
            while more := self.sock.recv(65536):
                data += more
        except ConnectionResetError:
            data += b"[reset]"
        return data

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
