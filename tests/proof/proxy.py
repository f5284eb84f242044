#!/usr/bin/env python3
"""A TCP proxy that splits, joins, delays and cuts: each dialogue can be played
again byte by byte, and cut at every byte.

Proxy(port) passes all on to 127.0.0.1:port and keeps it, per connection, in
.streams as a pair of octets sent up (by the client) and down. Its options:

    split=True   every octet of both directions in a segment of its own
    join=S       what comes within S seconds of each other in one segment
    delay=S      everything S seconds later
    cut_down=N   ends both directions after N octets of the server's
    cut_up=N     the server gets N octets of the client's and then the end

    proxy.py PORT [split=1] [join=S] [delay=S] [cut_down=N] [cut_up=N]

prints its own port and serves until it is killed.
"""

import select
import socket
import sys
import threading
import time

from peer import WAIT, Listener, ready


class Relay:
    """One connection: two directions, each with what is left of its cut."""

    def __init__(self, client, server, proxy):
        self.proxy = proxy
        self.streams = {"up": b"", "down": b""}
        self.routes = {client: ("up", server), server: ("down", client)}
        self.left = {"up": proxy.cut_up, "down": proxy.cut_down}
        self.open = {client, server}

    def receive(self, sock):
        """What is there, or with join all that comes soon."""
        data = more = sock.recv(65536)
        while self.proxy.join and more:
            if not select.select([sock], [], [], self.proxy.join)[0]:
                break
            more = sock.recv(65536)
            data += more
        return data, not more

    def send(self, to, data):
        if self.proxy.delay:
            time.sleep(self.proxy.delay)
        step = 1 if self.proxy.split else len(data)
        for at in range(0, len(data), step or 1):
            to.sendall(data[at:at + step])

    def move(self, sock):
        way, to = self.routes[sock]
        data, ended = self.receive(sock)
        if self.left[way] is not None:
            data = data[:self.left[way]]
            self.left[way] -= len(data)
        self.streams[way] += data
        try:
            self.send(to, data)
            if ended:
                self.finish(sock, to)
            elif self.left[way] == 0:
                self.cut(way, sock, to)
        except OSError:
            self.open.discard(sock)

    def finish(self, sock, to):
        self.open.discard(sock)
        to.shutdown(socket.SHUT_WR)

    def cut(self, way, sock, to):
        """The other side of a cut is read to its end, so that no reset takes
        away what was sent before."""
        to.shutdown(socket.SHUT_WR)
        if way == "down":
            sock.shutdown(socket.SHUT_RDWR)
            self.open.discard(sock)
        self.left = {"up": 0, "down": self.left["down"]}

    def run(self):
        for way, (sock, (_, to)) in zip(("up", "down"), self.routes.items()):
            if self.left[way] == 0:
                self.cut(way, sock, to)
        try:
            while self.open:
                found = select.select(self.open, [], [], WAIT)[0]
                if not found:
                    break
                for sock in found:
                    self.drop(sock) if self.is_over(sock) else self.move(sock)
        except OSError:
            pass
        for sock in self.routes:
            sock.close()

    def is_over(self, sock):
        return self.left[self.routes[sock][0]] == 0

    def drop(self, sock):
        """Beyond the cut."""
        try:
            if not sock.recv(65536):
                self.open.discard(sock)
        except OSError:
            self.open.discard(sock)


class Proxy(Listener):
    def __init__(self, port, split=False, join=0, delay=0, cut_down=None,
                 cut_up=None):
        self.target, self.split, self.join, self.delay = (
            port, split, join, delay)
        self.cut_down, self.cut_up, self.relays = cut_down, cut_up, []
        super().__init__()

    @property
    def streams(self):
        return [(r.streams["up"], r.streams["down"]) for r in self.relays]

    def begin(self, sock):
        server = ready(socket.create_connection(
            ("127.0.0.1", self.target), WAIT))
        relay = Relay(sock, server, self)
        self.relays.append(relay)
        return relay.run


def main(port, *options):
    options = dict(o.split("=") for o in options)
    given = {k: float(v) if k in ("join", "delay") else int(v)
             for k, v in options.items()}
    print(Proxy(int(port), **given).port, flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
