"""aio.py PORT TLS_PORT CERT KEY DIR: alice may log in with secret."""
import os
import ssl
import sys
import threading

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

port, tls_port, cert, key, folder = sys.argv[1:]
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(cert, key)


class Handler:
    def __init__(self, implicit):
        self.implicit = implicit

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("zoe@"):
            return "550 5.1.1 no zoe here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        how = "TLS" if self.implicit or session.ssl else "clear"
        if session.authenticated:
            how += " " + session.auth_data.login.decode()
        name = os.path.join(folder, envelope.rcpt_tos[0])
        with open(name + ".new", "wb") as f:
            f.write(f"{how} {envelope.mail_from}\n".encode())
            f.write(envelope.content.replace(b"\r\n", b"\n"))
        os.rename(name + ".new", name)
        return "250 2.0.0 taken"


def check(server, session, envelope, mechanism, data):
    good = data.login == b"alice" and data.password == b"secret"
    return AuthResult(success=good, auth_data=data)


options = {
    "hostname": "127.0.0.1",
    "authenticator": check,
    "auth_require_tls": False,
    "decode_data": False,
}
Controller(Handler(False), port=int(port), tls_context=context, **options).start()
Controller(Handler(True), port=int(tls_port), ssl_context=context, **options).start()
threading.Event().wait()
