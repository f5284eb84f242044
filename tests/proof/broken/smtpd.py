#!/usr/bin/env python3
"""An SMTP server on descriptors 0 and 1, for alice and postmaster of
example.org, that stores messages in FOLDER and is right but for its FAULT:
smtpd.py FAULT FOLDER. With the fault `none' every check must hold."""

import os
import re
import select
import socket
import sys
import time

FAULT, FOLDER = sys.argv[1:3]
ENDS = {"lf-dot": rb"\r?\n\.\r?\n", "cr-dot": rb"[\r\n]\.[\r\n]+",
        "nul-dot": rb"\0?\r\0?\n\.\r\0?\n"}
END = re.compile(ENDS.get(FAULT, rb"\r\n\.\r\n"))
LONGEST = 1 << 40 if FAULT == "grows" else 2048
PATH = re.compile(rb"TO:<(?:@[a-z.@,]+:)?(alice@example\.org|postmaster"
                  rb"(?:@example\.org)?)>$", re.I)
SECONDS = None if FAULT == "waits" else 2
began = time.monotonic()
errors = 0
held = b""


def fill():
    """More input, or the end of the session."""
    global held
    late = SECONDS and FAULT != "drips" and \
        time.monotonic() > began + SECONDS
    if late or not select.select([0], [], [], SECONDS)[0]:
        say("421 4.4.2 Timeout")
        part()
    more = os.read(0, 65536)
    if not more:
        sys.exit(0)
    held += more


def part():
    """Our last word is lost if we close over what was not read."""
    socket.socket(fileno=1).shutdown(socket.SHUT_WR)
    until = time.monotonic() + 1
    while time.monotonic() < until and select.select([0], [], [], 1)[0] \
            and os.read(0, 65536):
        pass
    sys.exit(0)


def say(reply):
    os.write(1, reply.encode() + b"\r\n")


def refuse(reply):
    global errors
    errors += 1
    if errors > 20 and FAULT != "patient":
        say("421 4.7.0 Too many errors")
        sys.exit(0)
    say(reply)


def discard():
    """An over-long line, of which nothing may be taken for a command."""
    global held
    while FAULT != "parses-tail" and b"\n" not in held:
        held = b""
        fill()
    held = held[2048:] if FAULT == "parses-tail" \
        else held.partition(b"\n")[2]


def command():
    global held
    while b"\n" not in held:
        if len(held) > LONGEST:
            discard()
            return b""
        fill()
    line, _, held = held.partition(b"\n")
    return b"" if len(line) > LONGEST else line.rstrip(b"\r")


def message():
    global held
    say("354 Go on")
    held = b"\r\n" + held
    while not (end := END.search(held)):
        fill()
    text, held = held[2:end.start() + 2], held[end.end():]
    bad = text.replace(b"\r\n", b"")
    if "--bare-newline=normalize" in sys.argv:
        bad = bad.replace(b"\n", b"")
    if FAULT == "stores-anything":
        bad = b""
    if b"\0" in bad:
        say("550 5.6.0 NUL")
    elif b"\r" in bad or b"\n" in bad:
        say("550 5.5.2 Bare CR or LF")
    else:
        name = os.path.join(FOLDER, str(len(os.listdir(FOLDER))))
        with open(name, "wb") as f:
            f.write(text.replace(b"\r\n.", b"\r\n").replace(b"\r\n", b"\n"))
        say("250 2.0.0 stored")


def recipient(line):
    if FAULT == "percent" and b"%" in line:
        return True
    return PATH.match(line)


def serve():
    accepted = 0
    say("220 broken.example ESMTP")
    while True:
        line = command()
        verb = line[:4].upper()
        if verb == b"RCPT" and recipient(line[5:]):
            accepted += 1
            say("250 2.1.5 OK")
        elif verb == b"RCPT":
            say("550 5.1.1 No")
        elif verb == b"DATA" and accepted:
            message()
            accepted = 0
        elif verb in (b"EHLO", b"HELO", b"MAIL", b"NOOP", b"RSET"):
            say("250 2.0.0 OK")
        elif verb == b"QUIT":
            say("221 2.0.0 Bye")
            return
        else:
            refuse("500 5.5.2 Unknown command")


serve()
