#!/usr/bin/env python3
"""link.py PORT MILLISECONDS: a link to 127.0.0.1:PORT whose round trip takes so
long, at any rate. Prints its own port and serves until it is killed."""

import queue
import socket
import sys
import threading
import time

AHEAD = 1024  # pieces on their way, in one direction


def send(to, pieces, delay):
    """Each piece when it is due; an empty one is the end."""
    try:
        while True:
            came, data = pieces.get()
            time.sleep(max(0, came + delay - time.monotonic()))
            if not data:
                break
            to.sendall(data)
        to.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def take(sock, to, delay):
    pieces = queue.Queue(AHEAD)
    threading.Thread(target=send, args=(to, pieces, delay),
                     daemon=True).start()
    data = b"x"
    while data:
        try:
            data = sock.recv(262144)
        except OSError:
            data = b""
        pieces.put((time.monotonic(), data))


def main(port, milliseconds):
    delay = float(milliseconds) / 2000
    listener = socket.create_server(("127.0.0.1", 0), backlog=50)
    print(listener.getsockname()[1], flush=True)
    while True:
        near, _ = listener.accept()
        far = socket.create_connection(("127.0.0.1", int(port)))
        for sock, to in ((near, far), (far, near)):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=take, args=(sock, to, delay),
                             daemon=True).start()


# A piece that is due goes at once, whatever the other threads do.
sys.setswitchinterval(0.0005)
main(*sys.argv[1:])
