"""Result lines, and many runs at once."""

import concurrent.futures
import sys

SHOWN = 3
JOBS = 16


class Report:
    def __init__(self):
        self.held = self.failed = self.pending = 0

    def say(self, line):
        print("clients", line, flush=True)

    def result(self, subject, runs, note=""):
        """runs: [(name, trial or None, faults)]."""
        held = sum(not faults for _, _, faults in runs)
        trials = [t for _, t, _ in runs if t]
        if trials:
            note += (f" worst_ms={max(t.seconds for t in trials) * 1000:.0f}"
                     f" rss_kb={max(t.kib for t in trials)}")
        self.say(f"{subject} cases={len(runs)} held={held}{note}")
        self.held += held
        self.failed += len(runs) - held
        for name, t, faults in [r for r in runs if r[2]][:SHOWN]:
            said = t.said.decode("latin-1").strip() if t else ""
            print(f"{subject} {name}: {'; '.join(faults)} ({said!r})",
                  file=sys.stderr)

    def control(self, fault, by, sound):
        self.say(f"broken {fault} caught={int(bool(by))}")
        self.held += bool(by and sound)
        self.failed += not (by and sound)
        if not by or not sound:
            print(f"broken {fault}: {by or 'nothing fell'}"
                  f"{'' if sound else ', nor does it hold without it'}",
                  file=sys.stderr)

    def end(self):
        print(f"clients held={self.held} failed={self.failed} "
              f"pending={self.pending}")
        return 1 if self.failed else 0


def each(run, cases, jobs=JOBS):
    """[(case's name, trial, faults)]. Who was late while others ran has
    another go by itself."""
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        runs = list(pool.map(run, cases))
    for at, (name, t, faults) in enumerate(runs):
        if any(f.startswith("takes ") for f in faults):
            runs[at] = run(cases[at])
    return runs
