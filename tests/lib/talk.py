"""talk.py SCRIPT...: one side of a dialogue, from a file for each connection.

Writes its port to `port', then serves a connection by each SCRIPT in turn, and
adds what came to `log'. A script is lines of

    S: TEXT    sends it
    C:         waits for a line
    tls PEM    a handshake

and at its end the connection is read until it ends.
"""

import os
import socket
import sys

from tlspeer import Peer, ready


def run(peer, script, log):
    for step in script.splitlines():
        verb, _, rest = step.partition(" ")
        if verb == "S:":
            peer.say(rest)
        elif verb == "tls":
            peer.handshake(rest)
        else:
            log.write(f"C: {peer.line()}\n".encode("latin-1"))


def main():
    listener = socket.create_server(("127.0.0.1", 0))
    with open("port.new", "w", encoding="ascii") as f:
        f.write(str(listener.getsockname()[1]))
    os.rename("port.new", "port")
    for name in sys.argv[1:]:
        sock, _ = listener.accept()
        peer = Peer(ready(sock))
        with open(name, encoding="latin-1") as f, open("log", "ab", 0) as log:
            try:
                run(peer, f.read(), log)
            except (OSError, EOFError):
                log.write(b"end\n")
        peer.close()


main()
