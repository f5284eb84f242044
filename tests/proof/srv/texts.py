"""Text that would become a line or a command, in every other place where a
user or a stranger says something (PROOF.md section 6)."""

import concurrent.futures
import os
import re
import subprocess
import urllib.parse

from . import common as c, guests
from cli import tables  # noqa: E402

AT_ONCE = 3
MARKS = (b"Bcc:", b"body")
COLUMNS = {"smtp": 3, "pop3": 4, "imap": 4}
CONTROL = re.compile(rb"[\0-\x08\x0a-\x1f\x7f]")


def good(kind):
    """The script of a server that is as it should be."""
    return tables.read(f"{kind}-servers", COLUMNS[kind])[0].script


def house(folder, text):
    for name, what in (("text", text + b"\n"), ("pw", b"secret\n"),
                       ("dialogue", dialogue(text)), ("users", b""),
                       ("letter", b"Subject: x\n\ntext\n"),
                       ("table", f"c@d.example {folder}/md/\n".encode())):
        c.write(f"{folder}/{name}", what, 0o600)
    c.maildir(f"{folder}/md")
    try:
        c.write(os.fsencode(folder) + b"/file." + text, b"attached\n")
    except (OSError, ValueError):
        pass


def dialogue(text):
    start = b"EHLO " + text + b"\r\n"
    return b"".join(
        start + b"RSET\r\nMAIL FROM:<" + sender + b">\r\nRCPT TO:<" + rcpt +
        b">\r\nRCPT TO:<c@d.example>\r\nDATA\r\nSubject: x\r\n\r\ntext\r\n"
        b".\r\n"
        for sender, rcpt in ((b"", b"c@d.example"), (text, b"c@d.example"),
                             (b"a@b.example", text),
                             (b'"' + text + b'"@b.example', b"c@d.example"),
                             (b"a@b.example", b'"' + text + b'"@d.example')))


def words(command, text, port):
    coded = urllib.parse.quote(text, safe="").encode()
    for word in command:
        yield os.fsencode(word).replace(b"TEXT", text).replace(
            b"CODED", coded).replace(b"PORT", str(port).encode())


def starts(data):
    """A line, by any of CR and LF, that the text began."""
    return next((mark.decode() for line in re.split(rb"[\r\n]", data)
                 for mark in MARKS if line.startswith(mark)), None)


def wire(peers):
    for one in peers:
        for line in one.lines:
            raw = line.encode("latin-1")
            if starts(raw) or CONTROL.search(raw):
                return f"sent {line!r}"
    return None


def kept(folder, out):
    """What became of it in files and in the output, `text' and ours apart."""
    own = {f"{folder}/{name}" for name in ("text", "dialogue")}
    for name in c.files(folder):
        if name not in own and not name.startswith(f"{folder}/file."):
            with open(name, "rb") as f:
                if mark := starts(f.read()):
                    return f"{mark} in {name[len(folder):]!r}"
    return f"{starts(out)} on stdout" if starts(out) else None


def trial(argv, peer_kind, command, text):
    server = guests.peer.Server(guests.peer.Script(
        good(peer_kind), ".", tables.variables())) if peer_kind != "-" \
        else None
    with c.scratch() as folder:
        house(folder, text)
        given = "dialogue" if command[0] == "smtp-recv" else "letter"
        environment = {"HOME": folder, "PATH": c.BIN + ":/usr/bin:/bin",
                       "MAILPIPE_SPOOL": f"{folder}/sp", "LC_ALL": "C"}
        line = list(words(argv(command), text, server.port if server else 0))
        try:
            with open(f"{folder}/{given}", "rb") as f:
                status, out, _ = c.run(line, f.read(), cwd=folder,
                                       env=environment)
        except subprocess.TimeoutExpired:
            return "hung"
        except (OSError, ValueError):
            return None  # no argument can be so
        finally:
            if server:
                server.stop()
        sent = wire(server.peers) if server else None
        crash = f"exit {status}" if status < 0 else None
        return c.first(crash, sent, kept(folder, out))


def texts(report, argv=list, subject="all"):
    with c.Check(report, subject, "texts") as check, \
            concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        found = [(f"{name}.{kind}", pool.submit(trial, argv, peer_kind,
                                                command, c.octets(text)))
                 for name, peer_kind, *command in c.every("texts")
                 for kind, text in c.every("injection")
                 if c.sought in f"{name}.{kind}" and
                 (not c.quick or kind in ("newline", "crlf"))]
        for name, result in found:
            check.case(name, result.result())


def broken(fault):
    """A queue, and a client, that write what they are given."""
    if fault == "none":
        return list
    return lambda command: ["sh", os.path.join(c.BROKEN, fault), *command[1:]]
