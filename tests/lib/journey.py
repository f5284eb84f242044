#!/usr/bin/env python3
"""journey.py CORPUS: sends every message of a folder through the whole path.

Each .eml and each message of each .mbox goes through spool add, spool run,
smtp-send, smtp-recv, a mailbox, pop3-serve and pop3-fetch, in the current
folder, and must arrive byte for byte: apart from trace fields on top, Bcc
fields, LF for CRLF, and a final newline. Messages with NUL or a bare CR must
be refused with 65 and the byte offset. Prints how many had which outcome.
"""
import mailbox
import os
import re
import subprocess
import sys
import time

FIELD = re.compile(rb"[!-9;-~]+[ \t]*:")
BCC = re.compile(rb"(resent-)?bcc[ \t]*:", re.I)
HOP = re.compile(rb"(received|delivered-to)[ \t]*:", re.I)
TRACE = re.compile(
    rb"Return-Path: <ann@example\.org>\n"
    rb"Delivered-To: box\+(\d+)@example\.net\n"
    rb"Received: [^\n]*\n(?:[ \t][^\n]*\n)*"
)


def messages(corpus):
    """Yields (name, bytes) of everything in the folder."""
    for name in sorted(os.listdir(corpus)):
        path = os.path.join(corpus, name)
        if name.endswith(".eml"):
            with open(path, "rb") as file:
                yield name, file.read()
        elif name.endswith(".mbox"):
            box = mailbox.mbox(path, create=False)
            for key in box.keys():
                yield f"{name}#{key}", box.get_bytes(key)


def offence(data):
    """The offset of the first NUL or bare CR, or None."""
    found = re.search(rb"\0|\r(?!\n)", data)
    return found.start() if found else None


def split_header(data):
    """The header's lines and the rest, as a reader of RFC 5322 sees them."""
    lines = re.findall(rb"[^\n]*\n|[^\n]+\Z", data)
    count = 0
    if lines and lines[0].startswith((b"From ", b">From ")):
        count = 1
    first = count
    while count < len(lines):
        line = lines[count]
        fold = line[:1] in b" \t" and line.strip(b"\r\n") and count > first
        if not FIELD.match(line) and not fold:
            break
        count += 1
    return lines[:count], b"".join(lines[count:])


def expected(data):
    """What must arrive under the trace fields."""
    data = data.replace(b"\r\n", b"\n")
    header, body = split_header(data)
    kept, drop = [], False
    for line in header:
        if line[:1] not in b" \t":
            drop = bool(BCC.match(line))
        if not drop:
            kept.append(line)
    out = b"".join(kept) + body
    if out and not out.endswith(b"\n"):
        out += b"\n"
    first = out.split(b"\n", 1)[0]
    plain = first and not FIELD.match(first) and not first.startswith(
        (b"From ", b">From "))
    return (b"\n" if plain else b"") + out


def hops(data):
    header, _ = split_header(data)
    return sum(1 for line in header if HOP.match(line))


def listening(log):
    """Waits for the server to say where it listens."""
    for _ in range(200):
        with open(log, encoding="utf-8") as file:
            found = re.search(r"event=listening.* address=(\S+)", file.read())
        if found:
            return found.group(1)
        time.sleep(0.05)
    sys.exit(f"no server: {open(log, encoding='utf-8').read()}")


def start(log, *command):
    with open(log, "wb") as file:
        server = subprocess.Popen(command, stderr=file)
    return server, listening(log)


def add_all(corpus, count, faults):
    sent = {}
    for number, (name, data) in enumerate(messages(corpus)):
        done = subprocess.run(
            ["spool", "-d", "spool", "add", "-f", "ann@example.org", "--",
             f"box+{number}@example.net"], input=data, capture_output=True)
        bad = offence(data)
        if not data:
            want, kind = 65, "empty, refused"
        elif bad is not None:
            want, kind = 65, "NUL or bare CR, refused"
        elif hops(data) > 100:
            want, kind = 69, "too many hops, refused"
        else:
            want, kind = 0, "arrived"
        if done.returncode != want:
            faults.append(f"{name}: spool add exits {done.returncode}, not "
                          f"{want}: {done.stderr!r}")
        elif kind.startswith("NUL") and not re.search(
                rb"\b%d\b" % bad, done.stderr):
            faults.append(f"{name}: offset {bad} not in {done.stderr!r}")
        elif want == 0:
            sent[number] = (name, data)
            continue
        count[kind] = count.get(kind, 0) + 1
    return sent


def read_back(sent, count, faults):
    for file in os.listdir("home/new"):
        with open(os.path.join("home/new", file), "rb") as opened:
            data = opened.read()
        trace = TRACE.match(data)
        if not trace:
            faults.append(f"{file}: no trace fields: {data[:300]!r}")
            continue
        name, original = sent.pop(int(trace.group(1)), (None, b""))
        if name is None:
            faults.append(f"{trace.group(1)} arrived twice")
        elif data[trace.end():] != expected(original):
            faults.append(f"{name}: differs (see {file})")
        else:
            count["arrived"] = count.get("arrived", 0) + 1
    faults.extend(f"{name}: did not arrive" for name, _ in sent.values())


def main():
    corpus = sys.argv[1]
    os.makedirs("box/new")
    os.mkdir("box/tmp")
    os.mkdir("box/cur")
    with open("mailboxes", "w", encoding="ascii") as file:
        file.write(f"box@example.net {os.getcwd()}/box/\n")
    with open("password", "w", encoding="ascii") as file:
        file.write("secret\n")
    os.chmod("password", 0o600)
    count, faults, servers = {}, [], []
    try:
        smtp, address = start(
            "smtp.log", "smtp-recv", "--hostname", "mx.example.net", "--local",
            "example.net", "--mailboxes", "mailboxes", "--listen",
            "127.0.0.1:0")
        servers.append(smtp)
        pop3, pop = start(
            "pop3.log", "pop3-serve", "--single-user", "box",
            "--password-file", "password", "--auth-clear", "--listen",
            "127.0.0.1:0")
        servers.append(pop3)
        sent = add_all(corpus, count, faults)
        with open("spool/routes", "w", encoding="ascii") as file:
            file.write(f"* relay smtp://{address} --tls=off\n")
        subprocess.run(["spool", "-d", "spool", "run"], check=True)
        subprocess.run(
            ["pop3-fetch", "-q", "--tls=off", "--password-file", "password",
             "--delete", "-o", "home", f"pop3://box@{pop}/"], check=True)
    finally:
        for server in servers:
            server.terminate()
            server.wait()
    read_back(sent, count, faults)
    left = os.listdir("box/new") + os.listdir("box/cur") + os.listdir("box/tmp")
    left += os.listdir("spool/queue") + os.listdir("spool/tmp")
    faults.extend(f"{file}: left behind" for file in left)
    for kind, number in sorted(count.items()):
        print(f"{number} {kind}")
    for fault in faults:
        print(fault, file=sys.stderr)
    sys.exit(1 if faults else 0)


main()
