#!/usr/bin/env python3
"""A transport that sends a batch of jobs, each whole file, with a FAULT:
sender.py FAULT PORT <JOBS. `unstuffed' leaves dots as they are."""

import re
import socket
import sys

FAULT, PORT = sys.argv[1:]
wire = socket.create_connection(("127.0.0.1", int(PORT)))
replies = wire.makefile("rb")


def ask(data):
    wire.sendall(data)
    while (line := replies.readline())[3:4] == b"-":
        pass


ask(b"")
ask(b"EHLO me\r\n")
for job in sys.stdin.buffer.read().splitlines():
    name, path, _, _, sender, rcpt = job.split(b"\t")
    with open(path, "rb") as f:
        text = f.read().replace(b"\n", b"\r\n")
    if FAULT != "unstuffed":
        text = re.sub(rb"(?m)^\.", b"..", text)
    ask(b"MAIL FROM:" + sender + b"\r\n")
    ask(b"RCPT TO:" + rcpt + b"\r\n")
    ask(b"DATA\r\n")
    ask(text + b".\r\n")
    print(f"{name.decode()}\t{rcpt.decode()}\tok\t250\t-\tok")
ask(b"QUIT\r\n")
