#!/usr/bin/env python3
"""An SMTP server on descriptor 0 that offers STARTTLS and is right, as far as
its check goes, but for its FAULT: starttls.py FAULT FOLDER-OF-mx."""

import os
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import peer  # noqa: E402

FAULT, CERTS = sys.argv[1:]
CLEAR = """
START => line 220 mx
EHLO .* => line 250-mx | line 250 STARTTLS
STARTTLS => line 220 go | tls mx | under-tls
"""
BOTH = """
(MAIL|NOOP).* => line 250 ok
RCPT.* => line %s
QUIT => line 221 bye | close
"""


class Broken(peer.Peer):
    def handshake(self, pem):
        kept = self.buffer if FAULT == "injects" else b""
        self.buffer = b""
        super().handshake(pem)
        self.buffer += kept

    def do_under_tls(self, text):
        rcpt = "250 ok" if FAULT == "remembers" else "503 no"
        self.script = peer.Script("EHLO .* => line 250 mx" + BOTH % rcpt)


peer.Peer.do_under_tls = Broken.do_under_tls
Broken(peer.ready(socket.socket(fileno=0)),
       peer.Script(CLEAR + BOTH % "250 ok", CERTS), True).run()
