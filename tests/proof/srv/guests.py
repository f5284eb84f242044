"""Clients on a TCP socket that follow peer.py's steps, and the servers that
they are sent to."""

import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

from . import common as c

sys.path.insert(0, c.HERE)
import peer  # noqa: E402

CLOCK = os.path.join(c.BUILD, "proof", "clock.so")
LARGE = 3 << 20
CHECKER = "[ \"$(tr -d '\\0' <&3)\" = alicesecret ] &&"
_certificate, _once = [], threading.Lock()


def certificate():
    """The options of tls-serve; one pair for a run."""
    with _once:
        if not _certificate:
            folder = c.scratch()
            _certificate.append(folder)
            c.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                   "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=mx",
                   "-keyout", f"{folder.name}/key", "-out",
                   f"{folder.name}/cert"])
            with open(f"{folder.name}/mx", "wb") as mx:
                mx.writelines(open(f"{folder.name}/{part}", "rb").read()
                              for part in ("key", "cert"))
        name = _certificate[0].name
    return ["--cert", f"{name}/cert", "--key", f"{name}/key"]


def smtp(folder, *options):
    c.maildir(f"{folder}/box")
    c.write(f"{folder}/mailboxes", f"alice@example.org {folder}/box/\n")
    return c.program("smtp-recv", "--log", "none", "--hostname",
                     "host.example", "--local", "example.org", "--mailboxes",
                     f"{folder}/mailboxes", "--auth", CHECKER, *options)


def pop3(folder, *options):
    c.maildir(f"{folder}/box")
    c.write(f"{folder}/box/cur/1.small", "Subject: x\n\ntext\n")
    with open(f"{folder}/box/cur/2.large", "wb") as f:
        f.truncate(LARGE)
    c.write(f"{folder}/pw", "secret\n", 0o600)
    for base, folders, names in os.walk(folder):
        for name in [".", *folders, *names]:
            os.chown(os.path.join(base, name), 0 if name == "pw" else 65534,
                     65534) if os.getuid() == 0 else None
    os.chmod(folder, 0o755)
    return c.program("pop3-serve", "--log", "none", "--single-user",
                     f"{folder}/box", "--password-file", f"{folder}/pw",
                     *options)


def server(kind, folder, *options):
    """The command line for a kind of the tables: smtp, pop3, with -tls."""
    plain, _, tls = kind.partition("-")
    clear = () if tls == "tls" else ("--auth-clear",)
    argv = {"smtp": smtp, "pop3": pop3}[plain](folder, *clear, *options)
    if tls:
        return c.program("tls-serve", *certificate(), "--log", "none", "--",
                         *argv)
    return argv


def pair():
    """Both ends of a TCP connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.socket()
        # What is not read shall be felt.
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        ours.connect(listener.getsockname())
        return ours, listener.accept()[0]


class Clock:
    """What clock.so has a server's time go by: as ours, until it is told."""

    def __init__(self, folder):
        self.name = c.write(f"{folder}/clock", bytes(16))
        self.environment = dict(os.environ, LD_PRELOAD=CLOCK,
                                CLOCK_FILE=self.name)

    def hurry(self, rate):
        with open(self.name, "r+b", buffering=0) as f:
            f.write(struct.pack("qq", time.monotonic_ns(), rate))


class Guest(peer.Peer):
    """A client of a server that was started for it."""

    def __init__(self, argv, wait=c.WAIT, **more):
        sock, theirs = pair()
        more.setdefault("stderr", subprocess.DEVNULL)
        self.process = subprocess.Popen(argv, stdin=theirs, stdout=theirs,
                                        start_new_session=True, **more)
        theirs.close()
        super().__init__(peer.ready(sock), peer.Script(""), False)
        sock.settimeout(wait)

    def follow(self, text):
        """What went wrong, or None; Done and the end are no fault."""
        try:
            self.do(peer.steps(text))
        except peer.Mismatch as e:
            return str(e)
        except TimeoutError:
            return "nothing comes"
        except EOFError:
            return "the server went"
        except peer.Done:
            self.sock.close()
        except OSError:
            pass
        return None

    def do_silent(self, text):
        while True:
            self.fill()
            self.buffer = b""

    def said(self):
        return self.clear if self.tls is None else self.hidden

    def rest(self):
        """Reads to the end; False when that does not come in time. A reset is
        told once, ahead of what was sent before it."""
        for _ in range(2):
            try:
                while self.sock.fileno() >= 0:
                    self.fill()
            except TimeoutError:
                return False
            except (EOFError, OSError):
                pass
        return True

    def gone(self, wait):
        """Its status once no process is left of it, or None."""
        self.sock.close()
        try:
            status = self.process.wait(wait)
        except subprocess.TimeoutExpired:
            status = None
        if self.left():
            os.killpg(self.process.pid, signal.SIGKILL)
            status = None
        self.process.wait()
        return status

    def left(self):
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return False
        return True
