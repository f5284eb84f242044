#!/usr/bin/env python3
"""What a shell cannot do to smtp-recv: sockets on its descriptors, pieces of a
dialogue, connections cut at every octet. Every subcommand takes the server's
command line and prints what it saw, or dies with what was wrong."""

import os
import signal
import socket
import subprocess
import sys
import time

WAIT = 20
ENVELOPE = b"EHLO me\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@host.example>\r\nDATA\r\n"
CHUNKS = ENVELOPE[:-6]


def start(argv, on_stderr=False):
    """The server with a socket on 0 and 1 (and 2); ours is the other end."""
    ours, theirs = socket.socketpair()
    ours.settimeout(WAIT)
    process = subprocess.Popen(
        argv, stdin=theirs, stdout=theirs,
        stderr=theirs if on_stderr else subprocess.PIPE)
    theirs.close()
    return ours, process


def read_all(sock):
    data = b""
    try:
        while piece := sock.recv(65536):
            data += piece
    except ConnectionResetError:
        data += b"[reset]"
    return data


def read_reply(sock):
    data = b""
    while True:
        line = b""
        while not line.endswith(b"\n"):
            octet = sock.recv(1)
            if not octet:
                return data + line
            line += octet
        data += line
        if line[3:4] != b"-":
            return data


def begin_data(sock, envelope=ENVELOPE):
    """From the greeting to 354."""
    read_reply(sock)
    for line in envelope.splitlines(keepends=True):
        sock.sendall(line)
        read_reply(sock)


def over_pipes(argv, data):
    return subprocess.run(argv, input=data, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, timeout=WAIT, check=False)


def files(folder):
    found = []
    for base, _, names in os.walk(folder):
        found += [os.path.join(base, name) for name in names]
    return sorted(found)


def show(data):
    sys.stdout.write(data.decode("latin-1").replace("\r\n", "\n"))


def inetd(argv):
    """A session with a socket on 0, 1 and 2; the dialogue comes from stdin,
    a reply is awaited after each line up to DATA's."""
    sock, process = start(argv, on_stderr=True)
    show(read_reply(sock))
    in_data = False
    for line in sys.stdin.buffer.read().splitlines():
        sock.sendall(line + b"\r\n")
        if in_data and line != b".":
            continue
        in_data = line.upper() == b"DATA"
        show(read_reply(sock))
    sock.shutdown(socket.SHUT_WR)
    show(read_all(sock))
    print("exit", process.wait(WAIT))


def burst(argv):
    """Greeting, then all of stdin in one segment."""
    sock, process = start(argv)
    show(read_reply(sock))
    sock.sendall(sys.stdin.buffer.read())
    sock.shutdown(socket.SHUT_WR)
    show(read_all(sock))
    print("exit", process.wait(WAIT))


def drip(argv):
    """Each octet of stdin in a segment of its own."""
    sock, process = start(argv)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    show(read_reply(sock))
    for octet in sys.stdin.buffer.read():
        sock.sendall(bytes([octet]))
        if octet == 10:
            time.sleep(0.002)
    sock.shutdown(socket.SHUT_WR)
    show(read_all(sock))
    print("exit", process.wait(WAIT))


def cut(argv, *folders):
    """A connection that ends after each octet of DATA but the last."""
    cut_each(argv, folders, ENVELOPE,
             b"Subject: x\r\n\r\n..dot\r\ntext\r\n.\r\n")


def cut_chunks(argv, *folders):
    """The same of chunks."""
    cut_each(argv, folders, CHUNKS,
             b"BDAT 15\r\nSubject: x\r\n\r\n.BDAT 6 LAST\r\ntext\r\n")


def cut_each(argv, folders, envelope, message):
    for n in range(len(message)):
        result = over_pipes(argv, envelope + message[:n])
        if result.returncode != 0:
            print("cut at", n, "exit", result.returncode)
        found = [f for folder in folders for f in files(folder)]
        if found:
            print("cut at", n, "left", found)
    result = over_pipes(argv, envelope + message)
    found = [f for folder in folders for f in files(folder)]
    print(len(found), "file after", result.stdout.split(b"\r\n")[-2][:9])


def address_of(log):
    until = time.time() + WAIT
    while time.time() < until:
        with open(log, encoding="ascii") as f:
            for line in f:
                if "event=listening" in line:
                    host, port = line.split("address=")[1].strip().rsplit(
                        ":", 1)
                    return host, int(port)
        time.sleep(0.01)
    raise SystemExit("not listening")


def listening(argv):
    process = subprocess.Popen(argv + ["--log", "stderr", "--listen", "127.0.0.1:0"],
                               stderr=open("log", "wb"))
    return process, address_of("log")


def deliver_with_smtplib(client):
    client.ehlo("me.example")
    refused = client.sendmail(
        "a@b.example", ["c@host.example", "nobody@host.example"],
        "Subject: hello\r\n\r\n.dot\r\n..\r\nlast\r\n")
    print("refused", refused)
    print("noop", client.noop())
    print("quit", client.quit()[0])


def smtplib_listen(argv):
    import smtplib
    process, where = listening(argv)
    try:
        with smtplib.SMTP(*where, timeout=WAIT) as client:
            deliver_with_smtplib(client)
    finally:
        process.terminate()
    print("exit", process.wait(WAIT))


def smtplib_inetd(argv):
    import smtplib
    sock, process = start(argv)

    class Client(smtplib.SMTP):
        def _get_socket(self, host, port, timeout):
            return sock

    deliver_with_smtplib(Client("inetd", 25, timeout=WAIT))
    print("exit", process.wait(WAIT))


def stop_idle(argv):
    """SIGTERM between commands."""
    sock, process = start(argv)
    read_reply(sock)
    sock.sendall(b"NOOP\r\n")
    read_reply(sock)
    process.send_signal(signal.SIGTERM)
    show(read_all(sock))
    print("exit", process.wait(WAIT))


def stop_in_data(argv):
    """SIGTERM in a message: it is finished first."""
    sock, process = start(argv)
    begin_data(sock)
    sock.sendall(b"Subject: x\r\n")
    process.send_signal(signal.SIGTERM)
    time.sleep(0.1)
    sock.sendall(b"\r\ntext\r\n.\r\nNOOP\r\n")
    show(read_all(sock))
    print("exit", process.wait(WAIT))


def stop_in_chunks(argv):
    """SIGTERM in a chunk, and between two: their message is finished first."""
    for size, awaited in ((14, False), (12, True)):
        sock, process = start(argv)
        begin_data(sock, CHUNKS)
        sock.sendall(b"BDAT %d\r\nSubject: x\r\n" % size)
        if awaited:
            show(read_reply(sock))
        time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.1)
        sock.sendall(b"\r\n"[:size - 12] + b"BDAT 6 LAST\r\n\r\ntextNOOP\r\n")
        show(read_all(sock))
        print("exit", process.wait(WAIT))


def stop_twice(argv, *folders):
    """Asked twice, an uncommitted message is given up."""
    sock, process = start(argv)
    begin_data(sock)
    sock.sendall(b"Subject: x\r\n" + 2000 * (80 * b"x" + b"\r\n"))
    time.sleep(0.1)
    print(len([f for d in folders for f in files(d)]), "file while it comes")
    process.send_signal(signal.SIGTERM)
    time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    print("exit", process.wait(WAIT))
    print(len([f for d in folders for f in files(d)]), "left")


def peak(process):
    with open(f"/proc/{process.pid}/status", encoding="ascii") as f:
        for line in f:
            if line.startswith("VmHWM"):
                return int(line.split()[1])
    return 0


def big(argv):
    """A message of 16 MB; how much memory that took."""
    sock, process = start(argv)
    begin_data(sock)
    block = 1000 * (62 * b"x" + b"\r\n")
    for _ in range(250):
        sock.sendall(block)
    sock.sendall(b".\r\n")
    print(read_reply(sock)[:9].decode())
    kib = peak(process)
    print("under 4 MiB" if kib < 4096 else f"{kib} KiB")
    sock.close()
    process.wait(WAIT)


def big_chunk(argv):
    """The same in one chunk, and then in one that nobody wants."""
    sock, process = start(argv)
    begin_data(sock, CHUNKS)
    block = 1000 * (62 * b"x" + b"\r\n")
    for _ in range(2):
        sock.sendall(b"BDAT 16000000 LAST\r\n")
        for _ in range(250):
            sock.sendall(block)
        print(read_reply(sock)[:9].decode())
    kib = peak(process)
    print("under 4 MiB" if kib < 4096 else f"{kib} KiB")
    sock.close()
    process.wait(WAIT)


def flood(argv):
    """Octets without a line end, commands without sense, without end."""
    sock, process = start(argv)
    read_reply(sock)
    for data in (b"x" * 4000000 + b"\r\n", b"NOOP\r\n" * 50000):
        sent = 0
        sock.setblocking(False)
        got = b""
        while sent < len(data):
            try:
                sent += sock.send(data[sent:sent + 65536])
            except BlockingIOError:
                pass
            try:
                got += sock.recv(65536)
            except BlockingIOError:
                pass
        sock.setblocking(True)
        sock.settimeout(WAIT)
        lines = max(1, data.count(b"\n"))
        while got.count(b"\n") < lines:
            got += sock.recv(65536)
        print(got.count(b"\n"), got.split(b"\r\n")[0].decode())
        if data[0:1] == b"x":
            sock.sendall(b"EHLO me\r\n")
            read_reply(sock)
    kib = peak(process)
    print("under 4 MiB" if kib < 4096 else f"{kib} KiB")
    sock.close()
    process.wait(WAIT)


def main():
    name, *rest = sys.argv[1:]
    folders = []
    while rest and rest[0] != "--":
        folders.append(rest.pop(0))
    globals()[name.replace("-", "_")](rest[1:], *folders)


main()
