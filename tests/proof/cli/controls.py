"""Clients with a fault: each must fall by the case that is there for it, which
the same client without a fault holds."""

import os
import sys

from . import judge, misbehaviour, peers, report, tables, trial

CLIENT = os.path.join(tables.HERE, "broken", "clients.py")
SLACK = 3  # Python starts slowly, and several do at once
CONTROLS = [
    # fault, client, case, what the check says
    ("lf-dot", "pop3", "retr-lf-dot-lf", "delivers"),
    ("dele-first", "pop3", "good", "before it is delivered"),
    ("cut-is-end", "pop3", "retr-cut", "delivers"),
    ("path", "pop3", "uidl-path", "leaves"),
    ("hog", "pop3", "retr-endless-line", "KiB"),
    ("patient", "pop3", "greeting-silent", "never ends"),
    ("literal", "imap", "literal-longer", "delivers"),
    ("unasked", "imap", "fetch-wrong-uid", "deletes [1, 2, 3], has [0, 1, 3]"),
    ("no-stuffing", "smtp", "good", "the server got"),
    ("close-is-success", "smtp", "end-closed", "exit 0"),
    ("clear-after", "smtp", "tls-refused", "in clear"),
]
# What a row of peers says of one that has it.
RULES = [
    ("lf-dot", "pop3", "retr-lf-dot-lf", "half"),
    ("dele-first", "pop3", "good", "deleted"),
    ("unasked", "imap", "fetch-wrong-uid", "half"),
    ("path", "pop3", "uidl-path", "outside"),
    ("patient", "pop3", "greeting-silent", "hung"),
    ("clear-after", "smtp", "tls-refused", "clear"),
    ("close-is-success", "smtp", "end-closed", "verdict"),
]


def named(name, client):
    return next(c for c in misbehaviour.cases(client) if c.name == name)


def rules(fault, client, name, certs):
    """What falls where it is run as a peer is."""
    def peer(t):
        tls = ["PROOF_TLS=1"] if t.tls != "off" else []
        return [*tls, sys.executable, "-SE", CLIENT, fault, t.client,
                str(t.port)]
    return peers.play(client, peer, named(name, client), certs)[1]


def fallen(fault, client, name, certs):
    case = named(name, client)
    argv = [sys.executable, "-SE", CLIENT, fault]
    if case.tls != "off":
        argv = ["env", "PROOF_TLS=1"] + argv
    t = trial.Trial(client, case.script, certs, case.tls, argv)
    # A small client has no codes but 0 and 75.
    verdict = "0" if case.expected[0] == "0" else "75"
    return judge.always(t, name, SLACK) + (
        [] if str(t.code) == verdict else [f"exit {t.code}"])


def check(out, certs, quick):
    """quick: that each falls, not that it holds without its fault, nor what a
    peer's row would say."""
    def one(control):
        fault, client, name, says = control
        by = [f for f in fallen(fault, client, name, certs) if says in f]
        return fault, by, quick or not fallen("none", client, name, certs)

    def as_peer(control):
        fault, client, name, rule = control
        by = rule in rules(fault, client, name, certs)
        return f"{fault} as-peer", by, not rules("none", client, name, certs)
    with report.concurrent.futures.ThreadPoolExecutor(8) as pool:
        for result in [*pool.map(one, CONTROLS),
                       *pool.map(as_peer, () if quick else RULES)]:
            out.control(*result)
