#!/usr/bin/env python3
"""A POP3 server of an empty mailbox on descriptors 0 and 1, with a FAULT:
pop3d.py FAULT."""

import os
import sys

FAULT = sys.argv[1]
held = bytearray()


def line():
    global held
    more = held
    while b"\n" not in more:
        if FAULT != "grows":
            del held[2048:]
        more = os.read(0, 65536)
        if not more:
            sys.exit(0)
        held += more
    found, _, held = held.partition(b"\n")
    return bytes(found).rstrip(b"\r")


def serve():
    errors = 0
    os.write(1, b"+OK\r\n")
    while errors < 20:
        verb = line().upper().partition(b" ")[0]
        known = verb in (b"USER", b"PASS", b"NOOP", b"QUIT")
        errors += not known and FAULT != "patient"
        os.write(1, b"+OK\r\n" if known else b"-ERR\r\n")
        if verb == b"QUIT":
            return


serve()
