"""Clients with a fault: each must fall by the case that is there for it, which
the same client without a fault holds."""

import os
import sys

from . import judge, misbehaviour, report, tables, trial

CLIENT = os.path.join(tables.HERE, "broken", "clients.py")
CONTROLS = [
    # fault, client, case
    ("lf-dot", "pop3", "retr-lf-dot-lf"),
    ("dele-first", "pop3", "good"),
    ("cut-is-end", "pop3", "retr-cut"),
    ("path", "pop3", "uidl-path"),
    ("hog", "pop3", "retr-endless-line"),
    ("patient", "pop3", "greeting-silent"),
    ("literal", "imap", "literal-longer"),
    ("unasked", "imap", "fetch-wrong-uid"),
    ("no-stuffing", "smtp", "good"),
    ("close-is-success", "smtp", "end-closed"),
    ("clear-after", "smtp", "tls-refused"),
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
        by = fallen(*control, certs)
        return control[0], by, not fallen("none", *control[1:], certs)
    with report.concurrent.futures.ThreadPoolExecutor(8) as pool:
        for result in pool.map(one, CONTROLS):
            out.control(*result)
