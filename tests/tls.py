"""What the tests of tls-serve share: a client of drv/starttls on a port of
127.0.0.1, with or without STARTTLS."""
import socket
import ssl


def connect(port):
    s = socket.create_connection(("127.0.0.1", int(port)), 20)
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


def starttls(port, **how):
    """After the greeting, STARTTLS and the handshake."""
    s = connect(port)
    assert line(s) == "hello"
    answer = ask(s, "STARTTLS")
    assert answer == "220 go", answer
    return wrap(s, **how)
