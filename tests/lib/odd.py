"""odd.py SINK SMTP-SEND OPTION...: sends 29 odd messages, and looks at what
came to SINK.N: one end of data, at the end, no bare CR or LF, the message; or
exit 65 and nothing at all.
"""
import subprocess
import sys

CLEAN = [
    b"x", b"x\n", b".", b".\n", b".\nx", b"x\n.", b"x\n.\n", b"\n", b"\r\n",
    b"\n.\n.\n", b"x\r\n.\r\ny\r\n", b"x\n.\r\ny", b"x\r\n.\ny", b"..\n",
    b"\n.", b"a\n\n.\n", b"x" * 5000 + b"\n", b"\xff\x85\n.\xe2\x80\xa8\n",
    b"x" * 65535 + b"\n.\n" + b"x" * 65532 + b"\n.\r\n.",
    b"x" * 65534 + b"\r\n.\r\ny",
    b"a\r\n.\r\nMAIL FROM:<e@x>\r\nRCPT TO:<f@x>\r\nDATA\r\nh\r\n.\r\n",
]
REFUSED = [
    b"x\r.\r\n", b"x\r.\ry", b"x\r\n.\ry", b"x\n\r.\n\ry", b"x\r\r\n.\r\r\ny",
    b"x\r\n\0.\r\ny", b"\0", b"x\r",
]


def send(message):
    return subprocess.run(sys.argv[2:], input=message, check=False,
                          stderr=subprocess.DEVNULL).returncode


def check(wire, message):
    text = message.replace(b"\r\n", b"\n")
    body = wire[wire.index(b"DATA\r\n") + 6:]
    assert body.endswith(b".\r\nQUIT\r\n"), body
    body = body[:-len(b".\r\nQUIT\r\n")]
    rest = body.replace(b"\r\n", b"")
    assert b"\r" not in rest and b"\n" not in rest, body
    assert b"\r\n.\r\n" not in b"\r\n" + body, body
    lines = body.split(b"\r\n")
    back = b"\n".join(l[1:] if l[:1] == b"." else l for l in lines)
    assert back == text + (b"" if text[-1:] == b"\n" else b"\n"), back


for number, odd in enumerate(CLEAN, 1):
    assert send(odd) == 0, odd
    with open(f"{sys.argv[1]}.{number}", "rb") as f:
        check(f.read(), odd)
for odd in REFUSED:
    assert send(odd) == 65, odd
print(len(CLEAN), len(REFUSED))
