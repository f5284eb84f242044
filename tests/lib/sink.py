"""sink.py PORTFILE [OPTION=VALUE]...: an SMTP or LMTP server for tests.

Writes the port it listens on (or listens on unix=PATH) to PORTFILE once it is
ready, then serves connections until it is killed. Each connection's octets go
to PORTFILE.N as they came in. A recipient NNNxyz@... gets the code NNN, after
the end of data NNNdata@... (LMTP: each for itself).

  caps=A,B,...  EHLO keywords (default PIPELINING,SIZE,8BITMIME)
  lmtp=1        LHLO, and a reply for each recipient
  unix=PATH     a Unix socket
  listen=A:P    that address and port
  greet=REPLY   instead of 220
  data=REPLY    instead of 354 to DATA
  end=REPLY     instead of 250 to the end of data; `close' closes
  mail=REPLY    instead of 250 to MAIL
  most=N        recipients of a message, the next ones get
  over=REPLY    (452 4.5.3 too many)
  after=N       closes (with 421) at the Nth MAIL of a connection
  quit=REPLY    instead of 221
  early=REPLY   said behind the reply to EHLO
  cut=1         the Nth connection is closed after N - 1 octets of replies
  auth=REPLY    instead of 235 to AUTH
  cert=FILE     certificate and key: STARTTLS (add it to caps) is served, and
                the name asked for is in PORTFILE.sni
  implicit=1    TLS from the first octet
  log=0         keeps no octets
  reads=1       PORTFILE.N has `--' on a line before each read's octets
  once=1        503 to a second EHLO (STARTTLS starts anew)
  tlscaps=A,..  EHLO keywords under TLS
  hold=FILE     waits for FILE before the reply to DATA, or, with CHUNKING
                among caps, to RCPT
  late=N        from the first MAIL on it says nothing until N chunks have come
  wait=S        S seconds before the reply to each MAIL
  bdat=REPLY    to BDAT, and its chunk is taken for commands
  hasty=1       a chunk without a recipient is refused before it is read
  lose=N        the connection is cut when N chunks have come, unanswered

A chunk without a recipient, or one that is refused, leaves the transaction
open, and a MAIL within one is refused.
"""
import os
import socket
import sys
import threading
import time

portfile = sys.argv[1]
opts = dict(a.split("=", 1) for a in sys.argv[2:])
lmtp = "lmtp" in opts


def keywords(key, default):
    return [c for c in opts.get(key, default).split(",") if c]


caps = keywords("caps", "PIPELINING,SIZE,8BITMIME")


class Done(Exception):
    pass


class Session:
    def __init__(self, sock, number):
        self.sock = sock
        self.log = open(f"{portfile}.{number}", "wb", 0)
        self.buf = b""
        self.mails = self.chunks = 0
        self.open = False
        self.held = b""
        self.greeted = False
        self.caps = caps
        self.left = number - 1 if "cut" in opts else None

    def fill(self):
        data = self.sock.recv(65536)
        if not data:
            raise Done
        if "reads" in opts:
            self.log.write(b"--\n")
        if "log" not in opts:
            self.log.write(data)
        self.buf += data

    def line(self):
        while b"\r\n" not in self.buf:
            self.fill()
        line, _, self.buf = self.buf.partition(b"\r\n")
        return line.decode("utf-8", "surrogateescape")

    def body(self):
        at = 0
        while len(self.buf) < 3:
            self.fill()
        if self.buf.startswith(b".\r\n"):
            self.buf = self.buf[3:]
            return
        while (i := self.buf.find(b"\r\n.\r\n", at)) < 0:
            at = max(0, len(self.buf) - 4)
            if at > 1 << 20:
                self.buf, at = self.buf[at:], 0
            self.fill()
        self.buf = self.buf[i + 5:]

    def say(self, text):
        data = text.replace("\\n", "\r\n").encode() + b"\r\n"
        if self.mails and self.chunks < int(opts.get("late", 0)):
            self.held += data
            return
        data, self.held = self.held + data, b""
        self.sock.sendall(data[:self.left])
        if self.left is not None and self.left < len(data):
            raise Done
        if self.left is not None:
            self.left -= len(data)

    def reply(self, key, default):
        text = opts.get(key, default)
        if text == "close":
            raise Done
        if text == "silence":
            while True:
                self.fill()
        self.say(text)
        return text

    def hold(self):
        while "hold" in opts and not os.path.exists(opts["hold"]):
            time.sleep(0.01)

    def rcpt(self, arg, rcpts):
        if "CHUNKING" in self.caps:
            self.hold()
        code = arg[arg.index("<") + 1:][:3]
        if code.isdigit() and not arg.startswith("TO:<%sdata" % code):
            self.say(f"{code} {code[0]}.1.1 no thanks")
        elif "most" in opts and len(rcpts) == int(opts["most"]):
            self.say(opts.get("over", "452 4.5.3 too many"))
        else:
            rcpts.append(code if code.isdigit() else "250")
            self.say("250 2.1.5 ok")

    def hello(self):
        if "once" in opts and self.greeted:
            self.say("503 5.5.1 you said that")
            return
        self.greeted = True
        lines = ["sink"] + self.caps
        self.say("\\n".join(
            f"250{'-' if line is not lines[-1] else ' '}{line}"
            for line in lines)
            + ("\\n" + opts["early"] if "early" in opts else ""))

    def data(self, rcpts):
        self.hold()
        text = opts.get("data", "354 go on" if rcpts else "554 5.5.1 nobody")
        self.say(text)
        if text[:3] != "354":
            return
        self.body()
        self.open = False
        self.end(rcpts)

    def end(self, rcpts):
        if lmtp:
            for code in rcpts:
                self.say(f"{code} {code[0]}.0.0 for {code}")
            return "250"
        code = ([c for c in rcpts if c != "250"] or ["250"])[0]
        return self.reply("end", f"{code} {code[0]}.0.0 queued")

    def chunk(self, arg, rcpts):
        size = int(arg.partition(" ")[0])
        if "hasty" in opts and not rcpts:
            self.say("503 5.5.1 nobody")
        while size > len(self.buf):
            size -= len(self.buf)
            self.buf = b""
            self.fill()
        self.buf = self.buf[size:]
        self.chunks += 1
        if self.chunks == int(opts.get("lose", 0)):
            raise Done
        if not rcpts and "hasty" not in opts:
            self.say("503 5.5.1 nobody")
        elif rcpts and self.end(rcpts)[0] == "2":
            self.open = False

    def note_sni(self, _sock, name, _context):
        with open(portfile + ".sni", "w", encoding="utf-8") as f:
            f.write(f"{name}\n")

    def start_tls(self):
        import ssl  # as dear as all else of a start

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(opts["cert"])
        context.sni_callback = self.note_sni
        self.sock = context.wrap_socket(self.sock, server_side=True)
        self.greeted = False
        self.caps = keywords("tlscaps", ",".join(caps))

    def serve(self):
        if "implicit" in opts:
            self.start_tls()
        if self.reply("greet", "220 sink")[:3] != "220":
            return
        rcpts = []
        while True:
            line = self.line()
            verb, _, arg = line.partition(" ")
            if verb in ("EHLO", "LHLO"):
                self.hello()
            elif verb == "MAIL":
                self.mails += 1
                if self.open:
                    self.say("503 5.5.1 one at a time")
                    continue
                rcpts = []
                if self.mails == int(opts.get("after", 0)):
                    self.say("421 4.3.2 enough")
                    return
                time.sleep(float(opts.get("wait", 0)))
                self.open = self.reply("mail", "250 2.1.0 ok")[0] == "2"
            elif verb == "RCPT":
                self.rcpt(arg, rcpts)
            elif verb == "DATA":
                self.data(rcpts)
                rcpts = []
            elif verb == "BDAT" and "bdat" in opts:
                self.say(opts["bdat"])
            elif verb == "BDAT":
                self.chunk(arg, rcpts)
                rcpts = []
            elif verb == "RSET":
                self.open, rcpts = False, []
                self.say("250 2.0.0 forgotten")
            elif verb == "AUTH":
                self.reply("auth", "235 2.7.0 welcome")
            elif verb == "STARTTLS":
                self.say("220 2.0.0 go")
                self.start_tls()
            elif verb == "QUIT":
                self.reply("quit", "221 2.0.0 bye")
                return
            else:
                self.say("250 2.0.0 ok")

    def run(self):
        try:
            self.serve()
        except (Done, OSError):
            pass
        self.sock.close()


def main():
    if "unix" in opts:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(opts["unix"])
        listener.listen(64)
        where = opts["unix"]
    else:
        host, _, number = opts.get("listen", "127.0.0.1:0").rpartition(":")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, int(number)), family=family,
                                        backlog=64)
        where = str(listener.getsockname()[1])
    with open(portfile + ".tmp", "w", encoding="ascii") as f:
        f.write(where)
    os.rename(portfile + ".tmp", portfile)
    number = 0
    while True:
        sock, _ = listener.accept()
        number += 1
        if "unix" not in opts:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(
            target=Session(sock, number).run, daemon=True).start()


main()
