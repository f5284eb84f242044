"""Programs with the fault that a check looks for: each must be caught by the
case that names it, which the same program without a fault holds."""

import sys

from . import addresses, adversity, bounds, closed, common as c
from . import composition, data, files, injection, lengths, listeners
from . import oddities, patience, reports, shown, texts, tls

CONTROLS = [
    # fault, check, what the name of the case says, program, without fault
    ("lf-dot", data.end_of_data, r"\r\n.\n", data.broken),
    ("cr-dot", data.end_of_data, r"\r.\r\n", data.broken),
    ("nul-dot", data.end_of_data, r"\r\n.\r\0\n", data.broken),
    ("stores-anything", data.end_of_data, r"\n.\n", data.broken),
    ("percent", addresses.forms, "%", addresses.broken),
    ("patient", bounds.floods, "bad-commands", addresses.broken),
    ("grows", bounds.floods, "command-line", addresses.broken),
    ("patient", bounds.pop3_floods, "in-bad", bounds.broken_pop3),
    ("grows", bounds.pop3_floods, "in-command", bounds.broken_pop3),
    ("waits", patience.manners, "rcpt.silence", patience.broken),
    ("drips", patience.manners, "rcpt.drip", patience.broken),
    ("injects", tls.tls, "injected.smtp", tls.broken),
    ("remembers", tls.tls, "forgets-mail", tls.broken),
    ("opens", oddities.odd, "mailboxes.fifo", oddities.broken),
    ("follows", oddities.odd, "sink-mbox.symlink", oddities.broken),
    ("rewrite", adversity.adversity, "crowd-mbox", adversity.broken),
    ("cat-new", adversity.adversity, "full-maildir", adversity.broken),
    ("append", files.mboxes, "symlink", files.broken),
    ("queues", texts.texts, "spool-sender.newline", texts.broken),
    ("prints", shown.shown, "deliver-log", shown.broken),
    ("talks", closed.descriptors, "deliver-mbox", closed.broken),
    ("short", lengths.lengths, "deliver-2^32+8", lengths.broken),
    ("quadratic", lengths.bombs, "add.parentheses", lengths.broken_eater),
    ("unstuffed", composition.composition, "", composition.broken),
    ("one-by-one", listeners.listeners, "smtp-one", listeners.broken),
    ("no-limit", listeners.listeners, "smtp-one", listeners.broken),
    ("answers-null", reports.reports, "null", reports.broken),
    ("whole", reports.reports, "large", reports.broken),
    ("passes-on", reports.reports, "loop-relay", reports.broken),
    ("marks-first", reports.reports, "killed", reports.broken),
    ("header", injection.headers, "newline", injection.broken),
]

# What make check leaves to make proof, and with it the controls.
WHOLE = (composition.composition, patience.manners, oddities.odd,
         adversity.adversity, shown.shown, lengths.bombs, listeners.listeners)


def caught(check, argv, sought):
    """The case that fell, or None."""
    c.sought = sought
    try:
        check(c.Report(quiet=True), argv, "broken")
    except c.Fell as fell:
        return str(fell)
    finally:
        c.sought = ""
    return None


def all_caught(report, quick=True):
    for fault, check, sought, broken in CONTROLS:
        if quick and check in WHOLE:
            continue
        by = caught(check, broken(fault), sought)
        sound = quick or caught(check, broken("none"), sought) is None
        report.say(f"broken {fault} {check.__name__.replace('_', '-')} "
                   f"caught={int(by is not None)}")
        report.held += bool(by) and sound
        report.failed += not (by and sound)
        if not by or not sound:
            print(f"broken {fault}: {by or 'nothing fell'}"
                  f"{'' if sound else ', nor does it hold without it'}",
                  file=sys.stderr)
