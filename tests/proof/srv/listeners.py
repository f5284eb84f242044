"""Many clients at once, and the next one (PROOF.md section 5)."""

import os
import signal
import socket
import subprocess
import time

from . import bounds, common as c, guests

PROMPT = 10  # seconds, for others that want the machine


def start(argv):
    """The process in a session of its own, and its port."""
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, start_new_session=True)
    try:
        for line in process.stderr:
            if b"event=listening" in line:
                return process, int(line.rpartition(b":")[2])
        raise RuntimeError(f"no listener: {argv}")
    except BaseException:
        end(process)
        raise


def end(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
    process.stderr.close()


def call(port, last):
    """A client at 127.0.0.LAST."""
    sock = socket.socket()
    sock.settimeout(PROMPT)
    sock.bind((f"127.0.0.{last}", 0))
    sock.connect(("127.0.0.1", port))
    return sock


def greeting(sock):
    try:
        return sock.recv(3, socket.MSG_WAITALL).decode("latin-1")
    except TimeoutError:
        return "silence"
    except OSError:
        return "reset"


def leave(sock, how):
    if how == "reset":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                        guests.struct.pack("ii", 1, 0))
    sock.close()


def one_more(port, last):
    with call(port, last) as sock:
        return greeting(sock)


def served_again(port, want):
    """The sessions before are ended by the server, which takes a moment."""
    until = time.monotonic() + PROMPT
    while (got := one_more(port, 1)) != want:
        if time.monotonic() > until:
            return f"the next one gets {got!r}"
        time.sleep(0.05)
    return None


def full(port, process, clients, row):
    """What is wrong while they are all there; the first thing, for each that is
    waited for in vain takes its time."""
    _, _, _, addresses, want, busy, _ = row
    for sock in clients:
        if (got := greeting(sock)) != want:
            return c.differs(want, got)
    last = 1 if addresses == "1" else 99
    if (got := one_more(port, last)) != busy:
        return c.differs(busy, got)
    if last == 1 and (got := one_more(port, 99)) != want:
        return c.differs(want, got)
    most = bounds.peak(process.pid)
    return None if 0 < most <= 16384 else f"{most} KiB"


def crowd(port, process, row):
    _, _, count, addresses, want, _, how = row
    clients = [call(port, 1 + n % int(addresses)) for n in range(int(count))]
    try:
        fault = full(port, process, clients, row)
    finally:
        for sock in clients:
            leave(sock, how)
    return fault or served_again(port, want)


def trial(argv, row):
    with c.scratch() as folder:
        process, port = start(argv(row[1], folder))
        try:
            fault = crowd(port, process, row)
            process.send_signal(signal.SIGTERM)
            status = process.wait(PROMPT)
        except subprocess.TimeoutExpired:
            fault, status = fault or "goes on after SIGTERM", 0
        finally:
            end(process)
    return c.first(fault, c.differs(0, status))


def listening(kind, folder):
    return guests.server(kind, folder, "--log", "stderr", "--listen",
                         "127.0.0.1:0")


def listeners(report, argv=listening, subject="all"):
    with c.Check(report, subject, "listeners") as check:
        for row in c.table("listeners"):
            if not c.quick or row[0] in ("smtp-one", "pop3-all"):
                check.case(row[0], trial(argv, row))


def broken(fault):
    return lambda kind, folder: c.broken(fault, "listener.py")
