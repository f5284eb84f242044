"""Runs a server program the way a super-server does, and talks to it.

wire.py nowait COMMAND...     the connection on fds 0, 1 and 2 (classic inetd)
wire.py connected COMMAND...  the connection on fd 3, LISTEN_FDS (Accept=yes)
wire.py wait COMMAND...       the listening socket on fds 0, 1 and 2
wire.py listening COMMAND...  the listening socket on fd 3 (Accept=no)
wire.py to ADDRESS            nobody is started

Sends standard input, half-closes, prints what comes back until the end. A
listener then gets SIGTERM. The exit status is the command's. With REPEAT=N a
listener is called N times.
"""

import os
import signal
import socket
import subprocess
import sys


def call(address, data):
    with connect(address) as s:
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: s.recv(65536), b""))


def connect(address):
    if "/" in address:
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(20)
        s.connect(address)
        return s
    host, port = address.rsplit(":", 1)
    return socket.create_connection((host.strip("[]"), int(port)), 20)


def listener():
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    s.listen(20)
    return s, "127.0.0.1:%d" % s.getsockname()[1]


def start(how, s, command):
    """The socket on 0, 1 and 2, or on 3 with LISTEN_FDS."""
    if how in ("nowait", "wait"):
        return subprocess.Popen(command, stdin=s, stdout=s, stderr=s)
    shell = ["sh", "-c", 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"', "sh"]
    fd = s.fileno()

    def place():
        os.dup2(fd, 3)
        os.set_inheritable(3, True)
        os.closerange(4, 1024)

    return subprocess.Popen(shell + command, stdin=subprocess.DEVNULL,
                            close_fds=False, preexec_fn=place)


def main():
    how, command = sys.argv[1], sys.argv[2:]
    data = sys.stdin.buffer.read()
    out = sys.stdout.buffer
    if how == "to":
        out.write(call(command[0], data))
        return 0
    s, address = listener()
    if how in ("nowait", "connected"):
        client = connect(address)
        near, _ = s.accept()
        child = start(how, near, command)
        near.close()
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        out.write(b"".join(iter(lambda: client.recv(65536), b"")))
    else:
        child = start(how, s, command)
        for _ in range(int(os.environ.get("REPEAT", "1"))):
            out.write(call(address, data))
        child.send_signal(signal.SIGTERM)
    out.flush()
    return child.wait(20)


if __name__ == "__main__":
    sys.exit(main())
