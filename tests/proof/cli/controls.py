"""Clients with a fault: each must fall by the case that is there for it, which
the same client without a fault holds."""

import os
import sys

from . import judge, misbehaviour, report, tables, trial

CLIENT = os.path.join(tables.HERE, "broken", "clients.py")
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


def fallen(fault, client, name, certs):
    case = next(c for c in misbehaviour.cases(client) if c.name == name)
    argv = [sys.executable, "-SE", CLIENT, fault]
    if case.tls != "off":
        argv = ["env", "PROOF_TLS=1"] + argv
    t = trial.Trial(client, case.script, certs, case.tls, argv)
    # A small client has no codes but 0 and 75.
    verdict = "0" if case.expected[0] == "0" else "75"
    return judge.always(t, name) + (
        [] if str(t.code) == verdict else [f"exit {t.code}"])


def check(out, certs):
    def one(control):
        fault, client, name, says = control
        by = [f for f in fallen(fault, client, name, certs) if says in f]
        return fault, by, not fallen("none", client, name, certs)
    with report.concurrent.futures.ThreadPoolExecutor(8) as pool:
        for result in pool.map(one, CONTROLS):
            out.control(*result)
