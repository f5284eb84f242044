"""One run of a client against a server of a script, and what it came to."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

import peer
import proxy
from . import tables

BUILD = os.environ.get("MAILPIPE_BUILD", os.path.join(
    os.path.dirname(os.path.dirname(tables.HERE)), "build"))
PEAK = os.path.join(BUILD, "drv", "peak")
SANITIZED = "/build/san" in BUILD
# syncfs waits for all that others write to the disk of /tmp.
FOLDER = os.environ.get("TMPDIR") or (
    "/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
TIMEOUT = 1
# The quick part runs beside other tests, which may take its turn.
SLACK = 3 if "quick" in sys.argv else 1
MEMORY = 32768  # KiB
MAILDIR = re.compile(r"work/(Mail(/(new|cur|tmp))?|results)|"
                     r"work/Mail/(new|cur)/[^/]+|"
                     r"home(/\.local(/state(/mailpipe(/[^/]+)?)?)?)?")
FETCH = {"pop3": ["pop3-fetch", "-q"], "imap": ["imap-fetch", "-q"]}
COMMON = ["--timeout", f"{TIMEOUT}s"]


def program(name):
    return os.path.join(BUILD, "bin", name)


class Trial:
    """A client in a folder of its own; what it leaves there is looked at once
    it has ended. client: "pop3", "imap", "smtp" or "batch"."""

    patience = TIMEOUT + 4  # seconds until it is ended

    def __init__(self, client, script, certs, tls="off", argv=None, **relayed):
        self.client, self.tls, self.certs = client, tls, certs
        self.early, self.argv = [], argv
        self.folder = tempfile.mkdtemp(prefix="proof-clients-", dir=FOLDER)
        self.work = os.path.join(self.folder, "work")
        os.mkdir(self.work)
        os.mkdir(os.path.join(self.folder, "home"))
        self.outside = self.folder + "-escaped"
        given = dict(tables.variables(), out=self.outside)
        self.server = peer.Server(peer.Script(script, certs, given),
                                  self.watch)
        self.proxy = proxy.Proxy(self.server.port, **relayed) \
            if relayed else None
        self.port = (self.proxy or self.server).port
        try:
            try:
                self.run()
            finally:
                self.stop()
            self.look()
        finally:
            shutil.rmtree(self.folder)

    def stop(self):
        if self.proxy:
            self.proxy.stop()
        self.server.stop()

    # --- the command ---
    def url(self, scheme):
        if self.tls == "implicit":
            scheme += "s"
        user = "" if scheme == "smtp" and self.tls == "off" else "alice@"
        slash = "" if scheme.startswith("smtp") else "/"
        return f"{scheme}://{user}127.0.0.1:{self.port}{slash}"

    def command(self):
        how = (["--tls=off"] if self.tls == "off"
               else ["--cafile", os.path.join(self.certs, "ca")])
        secret = ["--password-file", os.path.join(self.certs, "pw")]
        if self.argv:
            return self.argv + [self.client, str(self.port)]
        if self.client in FETCH:
            name, *words = FETCH[self.client]
            return [program(name), *words, *COMMON, *how, *secret, "--delete",
                    "-o", "Mail", self.url(self.client)]
        send = [program("smtp-send"), *COMMON, *how, "--hostname", "me",
                "--relay", self.url("smtp")]
        if self.tls != "off":
            send += secret
        if self.client == "batch":
            return send + ["--batch"]
        return send + ["-f", "a@x.org", "b@x.org", "c@x.org"]

    def given(self):
        """Standard input."""
        message = os.path.join(self.folder, "message")
        with open(message, "wb") as f:
            f.write(tables.kept(1))
        if self.client != "batch":
            return message
        jobs = os.path.join(self.folder, "jobs")
        with open(jobs, "w", encoding="ascii") as f:
            for rcpts in ("<b@x.org>\t<c@x.org>", "<d@x.org>"):
                f.write(f"q{len(rcpts)}\t{message}\t0\t-\t<a@x.org>"
                        f"\t{rcpts}\n")
        return jobs

    def run(self):
        peak = os.path.join(self.folder, "peak")
        out = os.path.join(self.folder, "out")
        env = dict(os.environ, HOME=os.path.join(self.folder, "home"),
                   LC_ALL="C")
        for name in ("EMAIL", "XDG_STATE_HOME", "MAIL_ID"):
            env.pop(name, None)
        with open(self.given(), "rb") as given, open(out, "wb") as wrote:
            start = time.monotonic()
            child = subprocess.Popen(
                [PEAK, peak, *self.command()], stdin=given, stdout=wrote,
                stderr=subprocess.PIPE, cwd=self.work, env=env)
            self.hung = False
            try:
                self.said = child.communicate(timeout=self.patience)[1]
            except subprocess.TimeoutExpired:
                child.terminate()
                self.hung, self.said = True, child.communicate()[1]
            self.seconds = time.monotonic() - start
        self.code = child.returncode
        with open(peak, encoding="ascii") as f:
            self.kib = int(f.read().split()[-1])
        with open(out, encoding="latin-1") as f:
            self.results = sorted(line.split("\t")[:3] for line in f)

    # --- what came of it ---
    def arrived(self):
        """The octets of each message that readers see."""
        found = []
        for name in ("new", "cur"):
            folder = os.path.join(self.work, "Mail", name)
            for entry in sorted(os.listdir(folder)) \
                    if os.path.isdir(folder) else []:
                with open(os.path.join(folder, entry), "rb") as f:
                    found.append(f.read())
        return found

    def look(self):
        whole = {tables.kept(n): n for n in tables.MESSAGES}
        there = self.arrived()
        self.got = sorted(whole.get(m, 0) for m in there)
        self.partial = [m for m in there if m not in whole]
        paths = [os.path.relpath(os.path.join(base, name), self.folder)
                 for base, folders, names in os.walk(self.folder)
                 for name in folders + names]
        self.stray = [p for p in paths if not MAILDIR.fullmatch(p)
                      and p not in ("work", "message", "jobs", "peak", "out")]
        if os.path.lexists(self.outside):
            self.stray.append(self.outside)
            os.unlink(self.outside)
        self.gone = sorted({n for p in self.server.peers for line in p.lines
                            for n in doomed(line)})
        self.clear = b"".join(p.clear for p in self.server.peers)
        self.hidden = b"".join(p.hidden for p in self.server.peers)
        self.taken = [m for p in self.server.peers for m in p.messages]

    def watch(self, at, line):
        """What is to be deleted must be there already."""
        for n in doomed(line):
            have = self.arrived()
            # Of a message that was another's in its place: 9 for 2.
            if not any(tables.kept(k) in have for k in (n, 9)
                       if k in tables.MESSAGES):
                self.early.append(n)


def doomed(line):
    """The messages that a command deletes."""
    m = re.fullmatch(r"DELE (\d+)", line, re.I)
    if m:
        return [int(m.group(1))]
    m = re.fullmatch(r"\S+ (?:UID )?STORE ([\d:,]+) \+?FLAGS.*\\Deleted.*",
                     line, re.I)
    ranges = (part.partition(":") for part in m.group(1).split(",")) \
        if m else ()
    return [n for first, _, last in ranges
            for n in range(int(first), min(int(last or first), 999) + 1)]
