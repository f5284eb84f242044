"""What is left of the clear under TLS: nothing (PROOF.md section 3)."""

import os

from . import common as c, guests, patience


class Guest(guests.Guest):
    def do_end(self, text):
        """Nothing in clear and nothing hidden; alerts are TLS's own."""
        said = len(self.hidden)
        if not self.rest() or len(self.hidden) > said:
            self.wrong("the end")


def dialogue(argv, states, row):
    name, kind, state, *steps = row
    with c.scratch() as folder:
        guest = Guest(argv(kind, folder))
        fault = guest.follow(patience.way(states, state) + " | " +
                             " ".join(steps))
        clear = peer_clear(guest)
        guest.gone(c.WAIT)
        return fault or clear


def peer_clear(guest):
    """What came in clear where records were to."""
    left = guests.peer.behind_records(guest.records or b"")
    return f"in clear: {left!r}" if left else None


def tls(report, argv=guests.server, subject=None):
    for plain in ("smtp", "pop3"):
        with c.Check(report, subject or f"{plain}-tls", "tls") as check:
            states = patience.all_states()
            for row in c.table("tls"):
                if row[1].startswith(plain):
                    check.case(row[0], dialogue(argv, states, row))


def broken(fault):
    def argv(_, folder):
        return c.broken(fault, "starttls.py", os.path.join(
            os.path.dirname(guests.certificate()[1])))
    return argv
