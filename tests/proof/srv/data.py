"""End of data is CR LF . CR LF and nothing else (PROOF.md section 2)."""

import os
import socket

from . import common as c

ENVELOPE = (b"MAIL FROM:<a@b.example>\r\nRCPT TO:<alice@example.org>\r\n"
            b"DATA\r\n")
SECOND = (b"MAIL FROM:<evil@b.example>\r\nRCPT TO:<alice@example.org>\r\n"
          b"DATA\r\nSubject: smuggled\r\n\r\nsmuggled\r\n.\r\n")
AFTER = [b"250 2.0.0", b"221 2.0.0", b""]


def recv(folder, *options, name="alice", **_):
    """smtp-recv that delivers into FOLDER/box."""
    rows = "".join(f"{user}@example.org {folder}/box/\n"
                   for user in (name, "postmaster"))
    if not os.path.isdir(f"{folder}/box"):
        c.maildir(f"{folder}/box")
    c.write(f"{folder}/mailboxes", rows)
    return c.program("smtp-recv", "--log", "none", "--hostname",
                     "host.example", "--mailboxes", f"{folder}/mailboxes",
                     *options)


def broken(fault):
    def argv(folder, *options):
        os.makedirs(f"{folder}/box/new", exist_ok=True)
        return c.broken(fault, "smtpd.py", f"{folder}/box/new", *options)
    return argv


def over_pipe(argv, envelope, data):
    """The replies that follow 354."""
    _, out, _ = c.run(argv, b"EHLO me.example\r\n" + envelope + data)
    return out.partition(b"\r\n354 ")[2].split(b"\r\n")[1:]


def over_socket(argv, envelope, data):
    with c.Dialogue(argv) as d:
        d.reply()
        d.ask(b"EHLO me.example")
        d.send(envelope + data)
        return d.rest().partition(b"\r\n354 ")[2].split(b"\r\n")[1:]


def by_octets(argv, envelope, data):
    """The end and what follows, each octet in a write of its own."""
    with c.Dialogue(argv) as d:
        d.reply()
        d.ask(b"EHLO me.example")
        for line in envelope.splitlines(keepends=True):
            d.send(line)
            reply = d.reply()
        if not reply.startswith(b"354"):
            return [reply]
        for octet in data:
            d.send(bytes([octet]))
        return d.rest().split(b"\r\n")


def judge(replies, reply, stored):
    """One reply to the one message, then those to NOOP and QUIT."""
    want = [reply.replace("_", " ").encode()] + AFTER
    got = [r[:len(w)] for r, w in zip(replies, want)]
    return c.first(
        c.differs(want, got if len(replies) == len(want) else replies),
        c.differs(int(reply[0] == "2"), len(stored)))


def smuggle(check, argv, folder, way, column=2, turn=0, turns=1):
    """The rows of the table; yields what was stored."""
    for row in c.share(c.table("end-of-data"), turn, turns):
        before, after = c.octets(row[0]), c.octets(row[1])
        data = b"Subject: x\r\n\r\ntext" + before + b"." + after + SECOND
        replies = way(argv, ENVELOPE, data + b"NOOP\r\nQUIT\r\n")
        stored = c.take(f"{folder}/box/new")
        check.case(f"{row[0]}.{row[1]}", judge(replies, row[column], stored))
        yield from stored


def end_of_data(report, argv=recv, subject="smtp-recv"):
    """Returns what was stored."""
    kept = []
    ways = (("pipe", over_pipe, 2, ()), ("socket", over_socket, 2, ()),
            ("octets", by_octets, 2, ()),
            ("normalize", over_pipe, 3, ("--bare-newline=normalize",)))
    for turn, (name, way, column, options) in enumerate(ways):
        with c.scratch() as folder, \
                c.Check(report, subject, "end-of-data", name) as check:
            server = argv(folder, *options)
            kept += smuggle(check, server, folder, way, column, turn,
                            len(ways))
    return kept


def early(report, argv=recv, subject="smtp-recv"):
    """On a socket: what comes before the greeting, or before EHLO offered
    pipelining."""
    with c.Check(report, subject, "early") as check, c.scratch() as folder:
        for name, before, then, want in c.table("early"):
            with c.Dialogue(argv(folder), early=c.octets(before)) as d:
                if then != "-":
                    d.reply()
                    d.send(c.octets(then))
                replies = [r[:3].decode() for r in
                           d.rest().split(b"\r\n")[:-1]]
            stored = c.take(f"{folder}/box/new")
            check.case(name, c.first(c.differs(want, ",".join(replies)),
                                     c.differs([], stored)))


def chunks(report, argv=recv, subject="smtp-recv"):
    """As they come, and each octet in a segment of its own."""
    for variant in ("whole", "octets"):
        with c.Check(report, subject, "bdat", variant) as check, \
                c.scratch() as folder:
            for name, words, want, stored in c.table("bdat"):
                replies = chunk_replies(argv(folder), c.octets(words), variant)
                kept = c.take(f"{folder}/box/new")
                check.case(name, c.first(
                    c.differs(want.strip("-"), ",".join(replies)),
                    c.differs(int(stored), len(kept))))


def chunk_replies(argv, data, variant):
    """The codes of what is answered to DATA behind MAIL and RCPT."""
    step = len(data) if variant == "whole" else 1
    with c.Dialogue(argv) as d:
        d.reply()
        for line in (b"EHLO me.example", *ENVELOPE.splitlines()[:2]):
            d.ask(line)
        for at in range(0, len(data), step):
            d.send(data[at:at + step])
        d.sock.shutdown(socket.SHUT_WR)
        return [r[:3].decode() for r in d.rest().split(b"\r\n")[:-1]]
