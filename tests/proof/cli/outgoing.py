"""Odd messages, by smtp-send, its batch, with and without chunks, and a spool:
what the server gets is the message and one end, or nothing."""

import os
import subprocess
import tempfile

import peer
from srv.common import octets, table
from . import misbehaviour, report, trial

WAYS = ("single", "batch", "spool", "chunk")


def text_of(message):
    text = message.replace(b"\r\n", b"\n")
    return text if text.endswith(b"\n") else text + b"\n"


def wrong_chunk(wire, message):
    """The same of what came as one chunk."""
    head, _, rest = wire.partition(b" LAST\r\n")
    n = int(head.rpartition(b"BDAT ")[2] or -1)
    if rest[n:] != b"QUIT\r\n":
        return f"no end: {rest[-40:]!r}"
    want = text_of(message).replace(b"\n", b"\r\n")
    return None if rest[:n] == want else f"arrives as {rest[:60]!r}"


def wrong(wire, message):
    """What is wrong with all that a server got, or None."""
    _, data, body = wire.partition(b"DATA\r\n")
    end = b".\r\nQUIT\r\n"
    if not data or not body.endswith(end):
        return f"no end: {wire[-40:]!r}"
    body = body[:-len(end)]
    rest = body.replace(b"\r\n", b"")
    if b"\r" in rest or b"\n" in rest:
        return "a bare CR or LF"
    if b"\r\n.\r\n" in b"\r\n" + body:
        return "an end before the end"
    lines = body.split(b"\r\n")
    back = b"\n".join(x[1:] if x[:1] == b"." else x for x in lines)
    return None if back == text_of(message) else f"arrives as {back[:60]!r}"


def run(argv, given):
    with open(given, "rb") as f:
        return subprocess.run(argv, stdin=f, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, check=False)


def spooled(folder, relay):
    """Through a queue, as it is run by cron."""
    spool = [trial.program("spool"), "-d", folder + "/spool"]
    done = run(spool + ["add", "-f", "a@x.org", "b@x.org"], folder + "/m")
    if done.returncode:
        return done
    with open(folder + "/spool/routes", "w", encoding="ascii") as f:
        f.write("* relay " + " ".join(relay) + "\n")
    return run(spool + ["run", "--once"], "/dev/null")


def send(way, folder, port):
    """The exit status, 65 for a result that says so."""
    relay = [f"smtp://127.0.0.1:{port}", "--hostname=me", "--tls=off",
             "--timeout=5s"]
    if way == "spool":
        return spooled(folder, relay).returncode
    smtp = [trial.program("smtp-send"), "--relay", *relay]
    if way == "single":
        return run(smtp + ["-f", "a@x.org", "b@x.org"],
                   folder + "/m").returncode
    with open(folder + "/jobs", "w", encoding="ascii") as f:
        f.write(f"q\t{folder}/m\t0\t-\t<a@x.org>\t<b@x.org>\n")
    done = run(smtp + ["--batch"], folder + "/jobs")
    return 65 if b"\tperm\t554\t5.6.0" in done.stdout else done.returncode


def one(way, row):
    name, code, text = row
    message = octets(text)
    kind = "chunk-good" if way == "chunk" else "good"
    good = next(c for c in misbehaviour.cases("smtp") if c.name == kind)
    server = peer.Server(peer.Script(good.script))
    with tempfile.TemporaryDirectory(prefix="proof-clients-",
                                     dir=trial.FOLDER) as folder:
        with open(os.path.join(folder, "m"), "wb") as f:
            f.write(message)
        got = send(way, folder, server.port)
    server.stop()
    wires = [p.clear for p in server.peers]
    if got != int(code):
        return name, None, [f"exit {got}"]
    if code == "65":
        return name, None, ["it reached MAIL"] * any(
            b"MAIL" in w for w in wires)
    judge = wrong_chunk if way == "chunk" else wrong
    fault = judge(wires[0], message) if len(wires) == 1 else "no connection"
    return name, None, [fault] if fault else []


def check(out, certs):
    for way in WAYS:
        with report.concurrent.futures.ThreadPoolExecutor(4) as pool:
            runs = list(pool.map(lambda row, way=way: one(way, row),
                                 table("outgoing")))
        out.result(f"smtp-send outgoing {way}", runs)
