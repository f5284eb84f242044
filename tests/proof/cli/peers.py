"""Clients of others before the same servers: rows beside ours, which decide
nothing."""

import os
import random
import re

from . import judge, misbehaviour, report, tables, trial

TOP = os.path.dirname(os.path.dirname(tables.HERE))
ROOT = os.path.join(TOP, "build", "peers", "usr")
LIBRARIES = os.path.join(TOP, "build", "peers", "libs")
JOBS = 4
LATE = 7  # seconds, where a server that is silent has one
SEED = 1
RULES = ("hung", "half", "deleted", "outside", "clear", "verdict")
PERMANENT = (65, 67, 68, 69, 77)
# Fields that are theirs.
ADDED = re.compile(rb"(?m)^(?:Return-Path|Received|X-TUID|Message-ID|"
                   rb"X-getmail-[a-z-]*):.*\n")
LISTING = r"UID FETCH .* \(UID\) =>"
LISTED = r"(UID )?FETCH \S+ (?!.*(?:BODY|RFC822(?!\.SIZE))).* =>"
# What they ask that our clients do not; a case's own rules count more.
MORE = {
    "pop3": r"""
        STAT => line +OK 3 90
        LAST => line +OK 0
        NOOP => line +OK
        LIST (\d+) => line +OK $1 30
        UIDL 1 => line +OK 1 a
        UIDL 2 => line +OK 2 b
        UIDL 3 => line +OK 3 c
        TOP 1 .* => send +OK\r\n$w1
        TOP 2 .* => send +OK\r\n$w2
        TOP 3 .* => send +OK\r\n$w3
    """,
    "imap": r"""
        LOGIN .* => set gone | line $tag OK in
        (NOOP|CLOSE|CHECK|UNSELECT)\b.* => line $tag OK done
        STORE .* => set gone $gone* 1 EXPUNGE\r\n | line $tag OK done
        EXPUNGE => send $gone | set gone | line $tag OK done
        (NAMESPACE) => line * NAMESPACE (("" "/")) NIL NIL | line $tag OK done
        (LIST|LSUB) .* => line * LIST () "/" INBOX | line $tag OK done
        (UID )?SEARCH .* => line * SEARCH 1 2 3 | line $tag OK done
    """,
    "smtp": "",
}


def one_by_one(line):
    """The answer to a range, for who asks for each message by itself, and for
    who asks for header and body."""
    text, _, rest = line.partition(" => send ")[2].partition(" | ")
    parts, done = {}, "line $tag OK done"
    if text.startswith("$f1"):
        parts[1], text = "$f1 | " + done, text[3:]
    if text.endswith("$f3"):
        parts[3], text, rest = "$f3 | " + rest, text[:-3], done
    parts[2] = text + " | " + rest
    for n, part in parts.items():
        yield rf"(UID )?FETCH {n} \(?.*(BODY|RFC822)\b.* => send {part}"
        yield (rf"FETCH {n} RFC822\.HEADER => send * {n} FETCH (RFC822.HEADER "
               rf"{{$nh{n}}}\r\n$h{n})\r\n | {done}")
        part = re.sub(r"\$f(\d)", r"* \1 FETCH (UID \1 BODY[] {$n\1}\\r\\n"
                      r"$m\1)\\r\\n", part)
        part = re.sub(r"\$n(\d)", r"$nb\1", part)
        part = re.sub(r"\$m(\d)", r"$b\1", part).replace("[]", "[TEXT]")
        yield rf"FETCH {n} BODY.*\[TEXT\] => send {part}"


def asked(client, script):
    """A script that fits what peers say."""
    lines = [line.strip() for line in MORE[client].splitlines()]
    for line in script.splitlines():
        if client == "pop3":
            line = line.replace("AUTH PLAIN .* =>", "(AUTH PLAIN|PASS) .* =>")
        if client == "imap":
            if line.startswith(LISTING):
                line = re.sub(r"\(UID (\d+|\$n)\)",
                              r"(UID \1 FLAGS () RFC822.SIZE 60)",
                              line.replace(LISTING, LISTED))
            if line.startswith("AUTHENTICATE .* =>"):
                last = line.partition(" | any | ")[2]
                lines.append(f"LOGIN .* => set gone | {last}")
        lines.append(line)
        if client == "imap" and line.startswith("UID FETCH .*BODY.* => send "):
            lines += one_by_one(line)
    return "\n".join(line for line in lines if line)


class PeerTrial(trial.Trial):
    patience = LATE + 1

    def __init__(self, client, case, certs, peer):
        self.peer = peer
        super().__init__(client, asked(client, case.script), certs, case.tls)

    def command(self):
        for name in ("tmp", "new", "cur"):
            os.makedirs(os.path.join(self.work, "Mail", name))
        self.home = os.path.join(self.folder, "home")
        self.mail = os.path.join(self.work, "Mail")
        self.ca = os.path.join(self.certs, "ca")
        # It is ended for good where it does not end.
        return ["timeout", "-k", "1", "30", "env",
                "LD_LIBRARY_PATH=" + LIBRARIES, *self.peer(self)]

    def write(self, name, text):
        name = os.path.join(self.home, name)
        with open(name, "w", encoding="ascii") as f:
            f.write(text)
        os.chmod(name, 0o600)
        return name

    def arrived(self):
        """Without their fields and with other empty lines at the end."""
        known = {tables.kept(n).rstrip(b"\n"): tables.kept(n)
                 for n in tables.MESSAGES}
        bare = [ADDED.sub(b"", m) for m in super().arrived()]
        return [known.get(m.rstrip(b"\n"), m) for m in bare]

    def look(self):
        super().look()
        self.taken = [ADDED.sub(b"", m) for m in self.taken]


def program(name):
    return os.path.join(ROOT, "bin", name)


def mpop(t):
    tls = {"off": ["--tls=off"], "implicit": ["--tls-starttls=off"],
           "starttls": []}[t.tls]
    return [program("mpop"), "--host=localhost", f"--port={t.port}",
            "--user=alice", "--passwordeval=echo secret", "--auth=user",
            "--tls", "--tls-trust-file=" + t.ca, *tls, "--timeout=1",
            "--keep=off", "--received-header=off",
            "--uidls-file=" + os.path.join(t.home, "uidls"),
            "--delivery=maildir," + t.mail]


def fetchmail(t):
    tls = {"off": "sslproto ''", "starttls": "sslproto tls1.2+ sslcertck",
           "implicit": "ssl sslcertck"}[t.tls]
    if t.tls != "off":
        tls += f" sslcertfile '{t.ca}'"
    how = "pop3 uidl" if t.client == "pop3" else "imap"
    deliver = trial.program("mbox-deliver")
    rc = t.write("rc", "set invisible\nset no bouncemail\n"
                 f"poll localhost service {t.port} protocol {how} timeout 1 "
                 f"auth password user alice password secret {tls} fetchall "
                 f"no keep expunge 99 mda '{deliver} -o {t.mail}'\n")
    return ["FETCHMAILHOME=" + t.home, program("fetchmail"), "-f", rc,
            "--pidfile", os.path.join(t.home, "pid")]


def getmail(t):
    kind = ("Simple" + t.client.upper() +
            ("SSL" if t.tls == "implicit" else "") + "Retriever")
    ca = f"ca_certs = {t.ca}\n" if t.tls == "implicit" else ""
    t.write("getmailrc", f"[retriever]\ntype = {kind}\nserver = localhost\n"
            f"port = {t.port}\nusername = alice\npassword = secret\n"
            f"timeout = 1\n{ca}[destination]\ntype = MDA_external\n"
            f"path = {trial.program('mbox-deliver')}\n"
            f"arguments = ('-o', '{t.mail}')\nallow_root_commands = true\n"
            "[options]\ndelete = true\nverbose = 0\n"
            "delivered_to = false\nreceived = false\n")
    return [f"PYTHONPATH={ROOT}/lib/python3/dist-packages",
            "PYTHONDONTWRITEBYTECODE=1", "/usr/bin/python3",
            program("getmail"), "--getmaildir=" + t.home]


def mbsync(t):
    tls = {"off": "SSLType None", "starttls": "SSLType STARTTLS",
           "implicit": "SSLType IMAPS"}[t.tls]
    rc = t.write("mbsyncrc", "IMAPStore far\nHost localhost\n"
                 f"Port {t.port}\nUser alice\nPass secret\nTimeout 1\n{tls}\n"
                 f"SystemCertificates no\nCertificateFile {t.ca}\n"
                 f"AuthMechs LOGIN\n\nMaildirStore near\nInbox {t.mail}\n"
                 f"Path {t.home}/\n\nChannel c\nFar :far:INBOX\n"
                 "Near :near:INBOX\nSync Pull New\nExpunge Far\n"
                 f"SyncState {t.home}/\n")
    return [program("mbsync"), "-q", "-c", rc, "c"]


def msmtp(t):
    tls = {"off": ["--tls=off", "--auth=off"],
           "implicit": ["--tls-starttls=off"], "starttls": []}[t.tls]
    return [program("msmtp"), "--host=localhost", f"--port={t.port}",
            "--tls", "--tls-trust-file=" + t.ca, "--auth=plain",
            "--user=alice", "--passwordeval=echo secret", *tls,
            "--timeout=1", "--domain=me", "--add-missing-from-header=off",
            "--add-missing-date-header=off", "-f", "a@x.org", "--", "b@x.org",
            "c@x.org"]


# Protocol, peer, the cases that are played at most (a slow one has a sample),
# and a pattern of what it never comes to.
PEERS = [
    ("pop3", mpop, 200, None), ("pop3", fetchmail, 40, None),
    ("pop3", getmail, 40, None), ("imap", mbsync, 200, "(store|expunge)-.*"),
    ("imap", fetchmail, 40, None), ("imap", getmail, 40, None),
    ("smtp", msmtp, 200, None),
]


def wrong_verdict(t, case):
    """Done, or not; of what is sent also whether it will ever be."""
    want = case.expected[0].split("/")[0]
    if t.client != "smtp" or want == "0" or t.code == 0:
        return (want == "0") != (t.code == 0)
    return (int(want) in PERMANENT) != (t.code in PERMANENT)


def fallen(t, case):
    """The rules that fell."""
    hung = t.hung or t.seconds > LATE
    lost = t.client == "smtp" and judge.unaccepted(t)
    found = {
        "hung": hung,
        "half": t.partial or lost,
        "deleted": t.early or not judge.replaced(t) <= set(t.got),
        "outside": t.outside in t.stray,
        "clear": judge.secure(t, case.name),
        "verdict": not hung and wrong_verdict(t, case),
    }
    return [rule for rule in RULES if found[rule]]


def play(client, peer, case, certs):
    t = PeerTrial(client, case, certs, peer)
    return t, fallen(t, case)


def controls(client, peer, cases, certs):
    """{how TLS is done: why a server that is right has no success}."""
    wrong = {}
    for case in cases:
        if case.name in ("good", "tls-good", "tlss-good"):
            t, rules = play(client, peer, case, certs)
            if rules or client != "smtp" and t.got != [1, 2, 3]:
                wrong[case.tls] = (f"{','.join(rules)} got={t.got} "
                                   f"exit {t.code}")
    return wrong


def sample(cases, most):
    """Always the same ones, in the table's order."""
    some = random.Random(SEED).sample(cases, min(most, len(cases)))
    return [case for case in cases if case in some]


def each(run, cases):
    """What fell in each. Who may have been late while others ran has another
    go."""
    with report.concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        found = list(pool.map(run, cases))
    late = [at for at, fell in enumerate(found)
            if "hung" in fell or "verdict" in fell]
    with report.concurrent.futures.ThreadPoolExecutor(2) as pool:
        again = pool.map(lambda at: run(cases[at]), late)
        for at, fell in zip(late, again):
            found[at] = fell
    return found


def row(client, peer, most, never, certs):
    """The words of a line, and of one for each rule that fell."""
    if not os.path.exists(program(peer.__name__)):
        yield "absent"
        return
    every = misbehaviour.cases(client)
    wrong = controls(client, peer, every, certs)
    for tls, why in wrong.items():
        yield (f"tls={tls} no figures: nor does it do with a server that is "
               f"right: {why}")
    if "off" in wrong:
        return
    cases = sample([c for c in every if c.tls not in wrong and not (
        never and re.fullmatch(never, c.name))], most)
    found = each(lambda c: play(client, peer, c, certs)[1], cases)
    by = {rule: [c.name for c, f in zip(cases, found) if rule in f]
          for rule in RULES}
    counts = " ".join(f"{rule}={len(names)}" for rule, names in by.items())
    yield (f"cases={len(cases)} of={len(every)} seed={SEED} "
           f"held={sum(not f for f in found)} {counts}")
    for rule, names in by.items():
        if names:
            yield f"{rule}: {' '.join(names)}"


def lines(certs, client, peer, *how):
    name = f"peer {peer.__name__} {client} misbehaviour"
    try:
        return [f"{name} {words}" for words in row(client, peer, *how, certs)]
    except Exception as e:  # it is theirs, and decides nothing
        return [f"{name} not to be judged: {e!r}"]


def check(out, certs):
    with report.concurrent.futures.ThreadPoolExecutor(2) as pool:
        for found in pool.map(lambda how: lines(certs, *how), PEERS):
            for line in found:
                out.say(line)
