"""What the tests of tls-serve share: a client of drv/starttls on a port of
127.0.0.1, with or without STARTTLS."""
import os
import socket
import ssl


def connect(port, source="127.0.0.1"):
    s = socket.create_connection(("127.0.0.1", int(port)), 20, (source, 0))
    s.settimeout(20)
    return s


def line(s):
    """A line, or what there is before the end."""
    got = b""
    while not got.endswith(b"\n"):
        octet = s.recv(1)
        if not octet:
            break
        got += octet
    return got.decode().rstrip("\r\n")


def ask(s, command):
    s.sendall(command.encode() + b"\r\n")
    return line(s)


def greeted(s, *commands):
    """The last line said: the greeting, or behind it to the last of commands,
    each of which awaits one line."""
    answer = line(s)
    for command in commands:
        answer = ask(s, command)
    return answer


def rest(s):
    got = []
    while got[-1:] != [b""]:
        got.append(s.recv(65536))
    return b"".join(got)


def context(ca=None, version=None):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ca:
        c.load_verify_locations(ca)
    else:
        c.check_hostname = False
        c.verify_mode = ssl.CERT_NONE
    if version:
        c.set_ciphers("DEFAULT@SECLEVEL=0")
        c.minimum_version = c.maximum_version = version
    return c


def wrap(s, ca=None, name=None, version=None):
    return context(ca, version).wrap_socket(s, server_hostname=name)


def starttls(port, source="127.0.0.1", **how):
    """After the greeting, STARTTLS and the handshake."""
    s = connect(port, source)
    assert line(s) == "hello"
    answer = ask(s, "STARTTLS")
    assert answer == "220 go", answer
    return wrap(s, **how)


class Session:
    """TLS over s with the records in our hands: one direction can be ended by
    its close_notify alone, while the other goes on."""

    def __init__(self, s):
        self.s, self.read, self.write = s, ssl.MemoryBIO(), ssl.MemoryBIO()
        self.o = context().wrap_bio(self.read, self.write)
        self.run(self.o.do_handshake)

    def flush(self):
        if self.write.pending:
            self.s.sendall(self.write.read())

    def run(self, f, *args):
        while True:
            try:
                got = f(*args)
                self.flush()
                return got
            except ssl.SSLWantReadError:
                self.flush()
                data = self.s.recv(65536)
                if data:
                    self.read.write(data)
                else:
                    self.read.write_eof()

    def send(self, data):
        self.run(self.o.write, data)

    def goodbye(self):
        try:
            self.o.unwrap()
        except ssl.SSLWantReadError:
            pass
        self.flush()

    def rest(self):
        """To the other side's close_notify; an end without it raises."""
        got = b""
        while True:
            try:
                data = self.run(self.o.read, 65536)
            except ssl.SSLZeroReturnError:
                return got
            if not data:
                return got
            got += data


def reply(s):
    """The lines of an SMTP reply."""
    got = [line(s)]
    while got[-1][3:4] == "-":
        got.append(line(s))
    return "\n".join(got)


def say(s, *commands):
    """Each command, and the last line of its reply, for a transcript."""
    for command in commands:
        s.sendall(command.encode("latin-1") + b"\r\n")
        print(reply(s).splitlines()[-1])


def relays(parent=None):
    """Pids of tls-broker with this folder's mx.pem: children of parent, or
    with None those of no other tls-broker, which are brokers."""
    parents = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/cmdline" % pid) as f:
                words = f.read().split("\0")
            with open("/proc/%s/stat" % pid) as f:
                ppid = int(f.read().rsplit(")")[-1].split()[1])
        except OSError:
            continue
        if words[0] == "tls-broker" and os.getcwd() + "/mx.pem" in words:
            parents[int(pid)] = ppid
    return [pid for pid, ppid in parents.items()
            if ppid == parent or parent is None and ppid not in parents]


def broker():
    """The pid of the one broker with this folder's mx.pem."""
    [pid] = relays()
    return pid
