"""An IMAP server that says what a script tells it to, right or wrong.

imap-script.py LOG SCRIPT...: listens, prints its port, serves a connection for
each SCRIPT (the last one for all that follow), and adds the commands that it
got after the login to LOG. A script is lines of

    greet TEXT              greets with this instead of "* OK hello"
    login [CAPABILITY]...   greets and lets anybody in
    ask                     waits for one command
    say TEXT                sends it, escapes such as \\r\\n decoded, as it is
    line TEXT               the same and CRLF
    ok [TEXT]               the OK to the last command
    no TEXT, bad TEXT       likewise
    capability TEXT         what open announces ("IMAP4rev1 UIDPLUS")
    fill N TEXT             sends it N times
    wait SECONDS            does nothing for so long
    reset                   cuts the connection with a reset

    open EXISTS UIDNEXT [UIDVALIDITY]   CAPABILITY and SELECT
    list UID...             UID FETCH of UIDs
    serve UID=TEXT...       answers commands for these as a server should
    message UID TEXT        an untagged FETCH, with flag \\Seen if TEXT says so

and at its end the connection is closed.
"""

import socket
import struct
import sys
import time

CAPABILITIES = "IMAP4rev1 UIDPLUS"


class Session:
    def __init__(self, s, log):
        self.s, self.log, self.buffer, self.tag = s, log, b"", "?"
        self.greeting = "* OK hello"
        self.capabilities = CAPABILITIES

    def line(self):
        while b"\n" not in self.buffer:
            data = self.s.recv(4096)
            if not data:
                raise EOFError
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.rstrip(b"\r").decode("latin-1")

    def send(self, text):
        self.s.sendall(text.encode("latin-1"))

    def ask(self):
        line = self.line()
        self.last, self.tag = line, line.split(" ")[0]
        with open(self.log, "a", encoding="latin-1") as f:
            f.write(line + "\n")

    def login(self, words):
        self.send(self.greeting + "\r\n")
        while True:
            tag, verb = self.line().split(" ")[:2]
            if verb.upper() == "CAPABILITY":
                self.send("* CAPABILITY IMAP4rev1 %s\r\n" % " ".join(words))
            self.send(tag + " OK\r\n")
            if verb.upper() in ("LOGIN", "AUTHENTICATE"):
                return

    def open(self, exists, uidnext, validity="7"):
        self.ask()
        self.send("* CAPABILITY %s\r\n%s OK\r\n" % (self.capabilities,
                                                   self.tag))
        self.ask()
        self.send("* FLAGS (\\Seen)\r\n* %s EXISTS\r\n"
                  "* OK [UIDVALIDITY %s] valid\r\n"
                  "* OK [UIDNEXT %s] next\r\n%s OK opened\r\n"
                  % (exists, validity, uidnext, self.tag))

    def list(self, uids):
        self.ask()
        for n, uid in enumerate(uids):
            self.send("* %d FETCH (UID %s)\r\n" % (n + 1, uid))
        self.send(self.tag + " OK\r\n")

    def message(self, uid, text):
        flags = "\\Seen" if "Seen" in text else ""
        self.send("* 1 FETCH (UID %s FLAGS (%s) INTERNALDATE "
                  '"17-Jul-1996 02:44:25 -0700" BODY[] {%d}\r\n%s)\r\n'
                  % (uid, flags, len(text), text))

    def serve(self, words):
        box = dict((int(w.split("=")[0]), w.split("=")[1]) for w in words)
        while True:
            self.ask()
            words = self.last.split(" ")
            wanted = [u for part in words[3].split(",") for u in sorted(box)
                      if self.within(part, u)] if len(words) > 3 else []
            if words[1] == "LOGOUT":
                self.send("* BYE\r\n")
            for u in wanted if words[2:3] == ["FETCH"] else []:
                if "BODY" in self.last:
                    self.message(u, box[u])
                else:
                    self.send("* 1 FETCH (UID %d)\r\n" % u)
            self.send(self.tag + " OK done\r\n")

    def within(self, part, uid):
        first, _, last = part.partition(":")
        return int(first) <= uid <= int(last or first)

    def run(self, script):
        for step in script.splitlines():
            verb, _, rest = step.partition(" ")
            text = rest.encode("latin-1").decode("unicode_escape")
            if verb == "greet":
                self.greeting = text
            elif verb == "capability":
                self.capabilities = text
            elif verb == "login":
                self.login(rest.split())
            elif verb == "ask":
                self.ask()
            elif verb == "say":
                self.send(text)
            elif verb == "line":
                self.send(text + "\r\n")
            elif verb in ("ok", "no", "bad"):
                self.send("%s %s %s\r\n" % (self.tag, verb.upper(), text))
            elif verb == "fill":
                n, _, text = text.partition(" ")
                for _ in range(int(n)):
                    self.send(text)
            elif verb == "wait":
                time.sleep(float(rest))
            elif verb == "open":
                self.open(*rest.split())
            elif verb == "list":
                self.list(rest.split())
            elif verb == "serve":
                self.serve(text.split(" "))
            elif verb == "message":
                self.message(*text.split(" ", 1))
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
        name = scripts[min(n, len(scripts) - 1)]
        with open(name, encoding="latin-1") as f:
            script = f.read()
        n += 1
        try:
            s.settimeout(20)
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            Session(s, log).run(script)
        except (EOFError, OSError):
            pass
        s.close()


main()
