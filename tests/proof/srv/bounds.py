"""What a server stands from one client (PROOF.md section 5)."""

import os
import re
import threading

from . import addresses, common as c, guests

MEMORY = 16384  # KiB
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
    """Sends it all; on the way out the replies are read. The last one."""
    opening, _, head = row[1].rpartition("_")
    head = OPENINGS.get(opening + "_", b"") + c.octets(head)
    piece, times = c.octets(row[2]), int(row[3])

    def send():
        try:
            d.send(head)
            for left in range(times, 0, -1000):
                d.send(piece * min(left, 1000))
            d.send(c.octets(row[4]))
        except OSError:
            pass
    writer = threading.Thread(target=send)
    writer.start()
    last = b""
    while more := receive(d.sock):
        last = (last + more)[-400:]
    writer.join()
    return last.rstrip(b"\r\n").rpartition(b"\n")[2][:3].decode() or "-"


def flood(server, row, hello):
    with c.scratch() as folder:
        with c.Dialogue([c.PEAK, f"{folder}/peak", *server]) as d:
            d.reply()
            if hello:
                d.ask(hello)
            try:
                last = pour(d, row)
            except TimeoutError:
                return "silence"
        # The kernel's word once it has ended: no moment is missed.
        with open(f"{folder}/peak", encoding="ascii") as f:
            most = int(f.read().split()[-1])
    # The search for leaks at the end takes memory of its own.
    large = most > MEMORY and not c.SANITIZED
    return c.first(c.differs(row[5], last), f"{most} KiB" if large else None)


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
