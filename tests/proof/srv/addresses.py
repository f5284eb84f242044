"""Whom a server takes mail for, and what hostile addresses come to (PROOF.md
section 4)."""

import os
import re

from . import common as c

SENDERS = (b"<>", b"<alice@example.org>", b"<a@[127.0.0.1]>")
LETTER = b"Subject: x\r\n\r\ntext\r\n.\r\n"


def recv(folder, *options, sink="box"):
    """smtp-recv for example.org, where alice and postmaster have a box."""
    box = f"{folder}/box"
    if not os.path.isdir(box):
        c.maildir(box)
        c.write(f"{folder}/mailboxes",
                f"alice@example.org {box}/\npostmaster {box}/\n")
        c.write(f"{folder}/routes", "")
    to = {"box": (), "spool": ("--spool", f"{folder}/spool"),
          "command": ("--", "sh", "-c", f"printf '%s\\n' \"$@\" >"
                      f"{folder}/box/new/$MAIL_ID", "-")}[sink]
    return c.program("smtp-recv", "--log", "none", "--hostname",
                     "host.example", "--local", "example.org",
                     "--mailboxes", f"{folder}/mailboxes", *options, *to)


def broken(fault):
    def argv(folder, *options, **_):
        os.makedirs(f"{folder}/box/new", exist_ok=True)
        return c.broken(fault, "smtpd.py", f"{folder}/box/new", *options)
    return argv


def transaction(argv, sender, form):
    """The first reply to RCPT, and to the data if it came so far."""
    _, out, _ = c.run(argv, b"HELO me\r\nMAIL FROM:" + sender +
                      b"\r\nRCPT TO:" + form + b"\r\nDATA\r\n" + LETTER)
    replies = [line for line in out.split(b"\r\n") if line[3:4] != b"-"]
    return replies[3].decode(), replies[4:]


def recipients(folder):
    """Those of everything that was queued, stored or handed over."""
    found = []
    for text in c.take(f"{folder}/spool/queue"):
        found += re.findall(rb"^R .*<([^>\n]*)>", text, re.M)
    for text in c.take(f"{folder}/box/new"):
        found += re.findall(rb"^Delivered-To: (.*)", text, re.M) + \
            text.rpartition(b"\n--\n")[2].splitlines() * \
            (b"\n--\n" in text) + ([b"alice@example.org"]
                                   if text.startswith(b"Subject:") else [])
    return [r.decode("utf-8", "replace") for r in found]


def judge(row, want_code, code, rest, reached):
    want = row[3] if want_code == "250" else "-"
    got = ",".join(reached) or "-"
    step = out_of_step(code, rest)
    return c.first(c.differs(want_code, code[:3]), c.differs(want, got), step)


def out_of_step(code, rest):
    if code.startswith("250"):
        return c.differs([b"354", b"250"], [r[:3] for r in rest[:2]])
    return "data accepted" if any(r[:3] == b"354" for r in rest) else None


def forms(report, argv=recv, subject="smtp-recv"):
    for turn, (variant, sink, senders, column) in enumerate((
            ("box", "box", SENDERS, 1), ("spool", "spool", SENDERS, 1),
            ("command", "command", SENDERS[:1], 1),
            ("follow", "spool", SENDERS[:1], 2))):
        options = ["--source-routes=follow"] * (variant == "follow")
        with c.scratch() as folder, \
                c.Check(report, subject, "rcpt", variant) as check:
            server = argv(folder, *options, sink=sink)
            for row in c.share(c.table("rcpt"), turn, 4):
                for sender in senders:
                    code, rest = transaction(server, sender,
                                             c.octets(row[0]))
                    check.case(f"{sender.decode()} {row[0]}",
                               judge(row, row[column], code, rest,
                                     recipients(folder)))


FOLDERS = ("alice", "x", "%s%n", "$home", "-ox")
PROGRAM = "#!/bin/sh\ncat >/dev/null\nprintf '%s\\0' \"$@\" >ROOT/arguments\n"


def house(folder):
    """Mailboxes by template, a folder that a `..' would reach, a program."""
    for name in FOLDERS:
        c.maildir(f"{folder}/box/{name}")
    c.maildir(f"{folder}/x")
    c.write(f"{folder}/mailboxes", f"@example.org {folder}/box/%u/\n"
            f"@e.example {folder}/box/%e/\n")
    c.write(f"{folder}/programs", f"@example.org |{folder}/program\n"
            f"@e.example |{folder}/program\n")
    c.write(f"{folder}/program", PROGRAM.replace("ROOT", folder), 0o755)
    if os.getuid() == 0:
        for base, folders, names in os.walk(folder):
            for name in [".", *folders, *names]:
                os.chown(os.path.join(base, name), NOBODY, NOBODY)


NOBODY = 65534


def nobody():
    """Programs of a table are never run as root."""
    if os.getuid() != 0:
        return {}
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []}


def outside(folder):
    """What there is but the mailboxes, and the files in those of others."""
    return [name for name in c.files(folder)
            if not name.startswith(f"{folder}/box/")]


def told(folder):
    """The arguments that the program saw, the last of them."""
    name = f"{folder}/arguments"
    if not os.path.exists(name):
        return None
    with open(name, "rb") as f:
        words = f.read().split(b"\0")[:-1]
    os.unlink(name)
    return words


def deliver(folder, name, address):
    """mbox-deliver's exit status."""
    if b"\0" in address:
        return 65
    argv = c.program("mbox-deliver", "--mailboxes", f"{folder}/{name}",
                     "--local", "example.org", "-f", "", "--", address)
    return c.run(argv, b"Subject: x\n\ntext\n", cwd=folder, **nobody())[0]


def own_key(folder, address):
    """Where the address is a key: mbox-deliver's status for it, and for the
    one of the next line; what is delivered is delivered there."""
    box, found = f"{folder}/box/alice", []
    c.write(f"{folder}/keys", address + f" {box}/\n"
            f"next@example.org {box}/\n".encode())
    for to in address, b"next@example.org":
        found.append(str(deliver(folder, "keys", to)))
        delivered = len(c.take(f"{folder}/box"))
        if delivered != (found[-1] == "0"):
            return found, f"{delivered} delivered"
    return found, None


def by_rcpt(folder, row, address):
    server = c.program("smtp-recv", "--log", "none", "--hostname",
                       "host.example", "--local", "example.org",
                       "--mailboxes", f"{folder}/mailboxes")
    _, out, _ = c.run(server, b"HELO me\r\nMAIL FROM:<>\r\nRCPT TO:<" +
                      address + b">\r\n", cwd=folder, **nobody())
    return c.differs(row[1], out.split(b"\r\n")[3][:3].decode())


def by_folder(folder, row, address):
    return c.differs(int(row[2]), deliver(folder, "mailboxes", address))


def by_program(folder, row, address):
    status = deliver(folder, "programs", address)
    want = [b"-f", b"", b"--", address] if row[3] == "0" else None
    return c.first(c.differs(int(row[3]), status),
                   c.differs(want, told(folder)))


def as_key(folder, row, address):
    found, astray = own_key(folder, address)
    return c.first(c.differs(row[4:], found), astray)


def hostile(report):
    """The same list through RCPT, mbox-deliver and a program, and as keys."""
    ways = (("smtp-recv", "all", by_rcpt),
            ("mbox-deliver", "maildir", by_folder),
            ("mbox-deliver", "program", by_program),
            ("mbox-deliver", "key", as_key))
    with c.scratch() as folder:
        house(folder)
        c.write(f"{folder}/keys", "")
        os.chmod(folder, 0o755)
        before = outside(folder)
        for turn, (subject, variant, way) in enumerate(ways):
            with c.Check(report, subject, "addresses", variant) as check:
                for row in c.share(c.table("addresses"), turn, len(ways)):
                    fault = way(folder, row, c.octets(row[0]))
                    check.case(row[0], c.first(
                        fault, c.differs(before, outside(folder))))
                    c.take(f"{folder}/box")


def handlers(report):
    """Whatever sender and recipient smtp-recv takes, its command sees as it
    stands."""
    with c.scratch() as folder, \
            c.Check(report, "smtp-recv", "addresses", "command") as check:
        house(folder)
        before = outside(folder)
        server = c.program("smtp-recv", "--log", "none", "--hostname",
                           "host.example", "--local", "example.org", "--local",
                           "e.example", "--",
                           f"{folder}/program")
        for row in c.table("addresses"):
            address = c.octets(row[0])
            path = b"<" + address + b">"
            _, out, _ = c.run(server, b"HELO me\r\nMAIL FROM:" + path +
                              b"\r\nRCPT TO:" + path + b"\r\nDATA\r\n" +
                              LETTER, cwd=folder)
            taken = b"\r\n354 " in out
            want = [b"-f", address, b"--", address] if taken else None
            check.case(row[0], c.first(
                c.differs(row[3] == "0", taken),
                c.differs(want, told(folder)),
                c.differs(before, outside(folder))))


def parameters(report):
    with c.Check(report, "smtp-recv", "parameters") as check, \
            c.scratch() as folder:
        server = recv(folder)
        for command, want in c.table("parameters"):
            line = c.octets(command)
            first = b"EHLO me\r\n" + b"MAIL FROM:<>\r\n" * \
                line.upper().startswith(b"RCPT")
            _, out, _ = c.run(server, first + line + b"\r\nNOOP\r\n")
            replies = [r[:3].decode() for r in out.split(b"\r\n")
                       if r[3:4] == b" "]
            check.case(command, c.differs([want, "250"], replies[-2:]))
