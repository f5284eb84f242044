"""The tables of servers that misbehave, as they are, with every octet in a
segment of its own, and with all that is said at once in one."""

from . import judge, report, tables, trial

TABLES = {"pop3": ("pop3-servers", 4), "imap": ("imap-servers", 4),
          "smtp": ("smtp-servers", 3), "batch": ("smtp-servers", 3)}
NAMES = {"pop3": "pop3-fetch", "imap": "imap-fetch", "smtp": "smtp-send",
         "batch": "smtp-send-batch"}
PLAYED = {"all": {}, "split": {"split": True}, "join": {"join": 0.02}}


def cases(client, variant="all"):
    found = tables.read(*TABLES[client])
    return found if variant == "all" else [c for c in found if not c.timed]


def one(client, case, certs, argv=None, **relayed):
    t = trial.Trial(client, case.script, certs, case.tls, argv, **relayed)
    return case.name, t, judge.faults(t, case)


def check(out, certs, client, variant, sample=1):
    runs = report.each(lambda case: one(client, case, certs,
                                        **PLAYED[variant]),
                       cases(client, variant)[::sample])
    out.result(f"{NAMES[client]} misbehaviour {variant}", runs)
