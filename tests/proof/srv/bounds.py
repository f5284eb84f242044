"""What a server stands from one client (PROOF.md section 5)."""

import re
import threading

from . import addresses, common as c

DATA = (b"MAIL FROM:<>\r\nRCPT TO:<alice@example.org>\r\nDATA\r\n")


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
    head, piece = c.octets(row[1].replace("DATA_", "")), c.octets(row[2])
    if row[1].startswith("DATA_"):
        head = DATA + head
    left, most = int(row[3]), 0

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
    return last.rstrip(b"\r\n").rpartition(b"\n")[2][:3].decode(), most


def flood(server, row):
    with c.Dialogue(server) as d:
        d.reply()
        d.ask(b"EHLO me.example")
        try:
            last, most = pour(d, row)
        except TimeoutError:
            return "silence"
    return c.first(c.differs(row[5], last),
                   None if 0 < most <= 16384 else f"{most} KiB")


def floods(report, argv=addresses.recv, subject="smtp-recv"):
    with c.Check(report, subject, "floods") as check, c.scratch() as folder:
        for row in c.table("floods"):
            check.case(row[0], flood(argv(folder), row))
            c.take(f"{folder}/box/new")
