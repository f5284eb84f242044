"""What smtp-recv took, sent on by smtp-send, is as clean (PROOF.md section
2)."""

import re

from . import common as c, data, guests, texts


def send_on(argv, stored):
    """What a server got in one batch: its lines that are no message, and the
    messages; the results."""
    server = guests.peer.Server(guests.peer.Script(texts.good("smtp")))
    jobs = b""
    with c.scratch() as folder:
        for number, text in enumerate(stored):
            c.write(f"{folder}/{number}", text)
            jobs += (f"{number}\t{folder}/{number}\t0\t-\t<a@b.example>\t"
                     "<c@d.example>\n").encode()
        _, out, _ = c.run(argv(server.port), jobs, timeout=60)
    server.stop()
    lines = [line for one in server.peers for line in one.lines]
    return lines, [m for one in server.peers for m in one.messages], out


def clean(text, message):
    """message: as it went, to its end."""
    rest = message.replace(b"\r\n", b"")
    back = re.sub(rb"(?m)^\.", b"", message[:-len(b".\r\n")])
    if not text.endswith(b"\n"):
        text += b"\n"
    return c.first(
        "a bare CR or LF" if b"\r" in rest or b"\n" in rest else None,
        c.differs(text, back.replace(b"\r\n", b"\n")))


def smtp_send(port):
    return c.program("smtp-send", "--relay", f"smtp://127.0.0.1:{port}",
                     "--tls=off", "--batch")


def composition(report, argv=smtp_send, subject="smtp-send"):
    stored = data.end_of_data(c.Report(quiet=True))
    lines, messages, out = send_on(argv, stored)
    with c.Check(report, subject, "composition") as check:
        asked = [line for line in lines if line.startswith("MAIL ")]
        check.case("envelopes", c.first(
            None if stored else "nothing stored",
            c.differs(len(stored), out.count(b"\tok\t")),
            c.differs(["MAIL FROM:<a@b.example>"] * len(stored),
                      [line.partition("> ")[0].rstrip(">") + ">"
                       for line in asked])))
        for number, (text, message) in enumerate(zip(stored, messages)):
            check.case(f"stored-{number}", clean(text, message))


def broken(fault):
    return lambda port: c.broken(fault, "sender.py", str(port))
