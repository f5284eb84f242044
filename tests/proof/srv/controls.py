"""Programs with the fault that a check looks for: each must be caught, and
the one without a fault must not be."""

import sys

from . import common as c
from . import addresses, data

CONTROLS = [
    # fault, check, program
    ("lf-dot", data.end_of_data, data.broken("lf-dot")),
    ("cr-dot", data.end_of_data, data.broken("cr-dot")),
    ("nul-dot", data.end_of_data, data.broken("nul-dot")),
    ("stores-anything", data.end_of_data, data.broken("stores-anything")),
    ("percent", addresses.forms, addresses.broken("percent")),
]


def caught(check, argv):
    """The case that fell, or None."""
    try:
        check(c.Report(quiet=True), argv, "broken")
    except c.Fell as fell:
        return str(fell)
    return None


def all_caught(report):
    for fault, check, argv in CONTROLS:
        by = caught(check, argv)
        right = (by is None) == fault.startswith("none")
        report.say(f"broken {fault} {check.__name__.replace('_', '-')} "
                   f"caught={int(by is not None)}")
        report.held += right
        report.failed += not right
        if not right:
            print(f"broken {fault}: {by or 'nothing fell'}", file=sys.stderr)
