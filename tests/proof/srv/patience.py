"""Clients that are slow, silent, deaf or gone, in every state of a session
(PROOF.md section 5): the session ends in its time, and keeps nothing that was
not whole."""

import concurrent.futures
import os
import re
import time

from . import common as c, guests

AT_ONCE = 48
SLACK = 2  # seconds, for others that want the machine


def way(states, name):
    """All steps from the start of the session to that state."""
    row = states[name]
    before = "" if row[3] == "-" else way(states, row[3]) + " | "
    return before + " ".join(row[4:])


def all_states():
    return {row[0]: row for row in c.every("states")}


def kept(folder, server, state):
    """The message that was accepted and no other; those in a maildir."""
    found = [name.rpartition("/")[2] for name in c.files(f"{folder}/box")]
    if server.startswith("pop3"):
        return c.differs(["1.small", "2.large"], sorted(found))
    return c.differs(int(state == "stored"), len(found))


def ending(ends, state, said):
    """What was said in the end; of a start only what comes when it is late."""
    last = "" if state[2] == "-" else state[2]
    want = {"late": last or None if state[3] == "-" else last,
            "now": None if state[3] == "-" else ""}.get(ends)
    line = said.rstrip(b"\r\n").rpartition(b"\n")[2][:3].decode("latin-1")
    return None if want is None else c.differs(want, line)


def visit(argv, state, steps, manner):
    """One session; what was wrong with it, or None."""
    _, _, ends, timeout, rate, most, *what = manner
    with c.scratch() as folder:
        clock = guests.Clock(folder)
        guest = guests.Guest(argv(state[1], folder, "--timeout", timeout),
                             env=clock.environment)
        fault = guest.follow(steps)
        clock.hurry(int(rate))
        before, began = len(guest.said()), time.monotonic()
        guest.sock.settimeout(float(most) + SLACK)
        if not fault:
            guest.follow(" ".join(what))
        ended = guest.rest()
        took = time.monotonic() - began
        status = guest.gone(float(most) + SLACK)
        return fault or c.first(
            None if ended else "it goes on",
            None if took < float(most) + SLACK else f"{took:.1f} s",
            None if status in (0, 75) else f"exit {status}, or processes left",
            ending(ends, state, guest.said()[before:]),
            kept(folder, state[1], state[0]))


def cases(argv):
    """(server, name, what to call) of each state with each manner it may
    have."""
    return [(state[1], f"{state[0]}.{manner[0]}",
             (argv, state, way(states, state[0]), manner))
            for states in [all_states()]
            for manner in c.every("manners") for state in states.values()
            if re.fullmatch(manner[1], state[0]) and
            c.sought in f"{state[0]}.{manner[0]}"]


def manners(report, argv=guests.server, subject=None):
    """All at once: they wait more than they work."""
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        results = [(server, name, pool.submit(visit, *words))
                   for server, name, words in cases(argv)]
    for kind in dict.fromkeys(server for server, _, _ in results):
        with c.Check(report, subject or kind, "manners") as check:
            for server, name, result in results:
                if server == kind:
                    check.case(name, result.result())


def broken(fault):
    def argv(_, folder, *options):
        os.makedirs(f"{folder}/box/new")
        return c.broken(fault, "smtpd.py", f"{folder}/box/new", *options)
    return argv
