#!/usr/bin/env python3
"""A listener of 20 sessions from an address with a FAULT: listener.py FAULT.
`one-by-one' serves one client at a time, `no-limit' any number."""

import collections
import os
import signal
import socket
import sys

FAULT = sys.argv[1]
children, of = collections.Counter(), {}
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))


def reap():
    while of:
        pid, _ = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        children[of.pop(pid)] -= 1


def serve(sock):
    sock.sendall(b"220 broken\r\n")
    try:
        while sock.recv(4096):
            pass
    except OSError:
        pass


listener = socket.create_server(("127.0.0.1", 0), backlog=200)
print(f"event=listening address=127.0.0.1:{listener.getsockname()[1]}",
      file=sys.stderr, flush=True)
while True:
    client, (address, _) = listener.accept()
    reap()
    if children[address] >= 20 and FAULT != "no-limit":
        client.sendall(b"421 busy\r\n")
    elif FAULT == "one-by-one":
        serve(client)
    elif (pid := os.fork()) == 0:
        listener.close()
        serve(client)
        os._exit(0)
    else:
        children[address] += 1
        of[pid] = address
    client.close()
