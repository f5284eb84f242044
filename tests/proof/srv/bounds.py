"""What a server stands from one client (PROOF.md section 5)."""

import os
import re
import threading

from . import addresses, common as c, guests

OPENINGS = {
    "DATA_": b"MAIL FROM:<>\r\nRCPT TO:<alice@example.org>\r\nDATA\r\n",
    "IN_": b"USER alice\r\nPASS secret\r\n",
}


def peak(pid):
    """In KiB, the most it ever had; 0 once it is gone."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as f:
            found = re.search(r"VmHWM:\s+(\d+)", f.read())
    except FileNotFoundError:
        return 0
    return int(found.group(1)) if found else 0


def receive(sock):
    """A reset is told once, ahead of what was sent before it."""
    try:
        return sock.recv(65536)
    except ConnectionResetError:
        return sock.recv(65536)


def pour(d, row):
    """Sends it all; on the way out the replies are read. The last one, and
    the memory at its fullest."""
    opening, _, head = row[1].rpartition("_")
    head = OPENINGS.get(opening + "_", b"") + c.octets(head)
    piece, left, most = c.octets(row[2]), int(row[3]), 0

    def send():
        nonlocal left, most
        try:
            d.send(head)
            while left > 0:
                d.send(piece * min(left, 1000))
                left -= 1000
            # It cannot have ended before it has what is sent last.
            most = max(most, peak(d.process.pid))
            d.send(c.octets(row[4]))
        except OSError:
            pass
    writer = threading.Thread(target=send)
    writer.start()
    last = b""
    while more := receive(d.sock):
        last = (last + more)[-400:]
        most = max(most, peak(d.process.pid))
    writer.join()
    return last.rstrip(b"\r\n").rpartition(b"\n")[2][:3].decode() or "-", most


def flood(server, row, hello):
    with c.Dialogue(server) as d:
        d.reply()
        if hello:
            d.ask(hello)
        try:
            last, most = pour(d, row)
        except TimeoutError:
            return "silence"
    return c.first(c.differs(row[5], last),
                   None if 0 < most <= 16384 else f"{most} KiB")


def floods(report, argv=addresses.recv, subject="smtp-recv"):
    with c.Check(report, subject, "floods") as check, c.scratch() as folder:
        for row in c.table("floods"):
            check.case(row[0], flood(argv(folder), row, b"EHLO me.example"))
            c.take(f"{folder}/box/new")


def pop3_floods(report, argv=guests.server, subject="pop3-serve"):
    with c.Check(report, subject, "floods") as check:
        for row in c.table("pop3-floods"):
            with c.scratch() as folder:
                server = argv("pop3", folder)
                kept = c.files(f"{folder}/box")
                check.case(row[0], c.first(
                    flood(server, row, b""),
                    c.differs(kept, c.files(f"{folder}/box"))))


def broken_pop3(fault):
    def argv(_, folder):
        os.mkdir(f"{folder}/box")
        return c.broken(fault, "pop3d.py")
    return argv
