"""A POP3 server that says what a script tells it to, right or wrong.

pop3-script.py LOG SCRIPT...: listens, prints its port, serves a connection for
each SCRIPT (the last one for all that follow), and adds the commands that it
got after the login to LOG. A script is lines of

    login [CAPABILITY]...   greets and lets anybody in
    ask                     waits for one command
    ask-alone               the same, and fails if another came with it
    say TEXT                sends it, escapes such as \\r\\n decoded, as it is
    fill N TEXT             sends it N times
    reset                   cuts the connection with a reset

and at its end the connection is closed.
"""

import socket
import struct
import sys


class Session:
    def __init__(self, s, log):
        self.s, self.log, self.buffer = s, log, b""

    def line(self):
        while b"\n" not in self.buffer:
            data = self.s.recv(4096)
            if not data:
                raise EOFError
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.rstrip(b"\r").decode()

    def note(self, text):
        with open(self.log, "a") as f:
            f.write(text + "\n")

    def login(self, words):
        self.s.sendall(b"+OK hello\r\n")
        while True:
            verb = self.line().split()[0].upper()
            if verb == "CAPA":
                self.s.sendall("\r\n".join(
                    ["+OK", "USER"] + words + [".", ""]).encode())
            else:
                self.s.sendall(b"+OK\r\n")
            if verb == "PASS":
                return

    def run(self, script):
        for step in script.splitlines():
            verb, _, rest = step.partition(" ")
            text = rest.encode().decode("unicode_escape").encode("latin-1")
            if verb == "login":
                self.login(rest.split())
            elif verb in ("ask", "ask-alone"):
                self.note(self.line())
                if verb == "ask-alone" and self.buffer:
                    self.note("and more: %r" % self.buffer)
            elif verb == "say":
                self.s.sendall(text)
            elif verb == "fill":
                n, _, text = text.partition(b" ")
                self.s.sendall(text * int(n))
            elif verb == "reset":
                self.s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                  struct.pack("ii", 1, 0))


def main():
    log, scripts = sys.argv[1], sys.argv[2:]
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(20)
    print(listener.getsockname()[1], flush=True)
    n = 0
    while True:
        s, _ = listener.accept()
        s.settimeout(20)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        script = open(scripts[min(n, len(scripts) - 1)]).read()
        n += 1
        try:
            Session(s, log).run(script)
        except (EOFError, OSError):
            pass
        s.close()


main()
