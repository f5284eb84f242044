"""A good session of each client, cut behind every octet of the server's and
of the client's."""

from . import judge, misbehaviour, report, tables, trial


def behind(stream, text, n):
    """Whether text is whole within the first n octets of the stream."""
    at = stream.find(text)
    return at >= 0 and at + len(text) <= n


def whole(marks, stream, n):
    return [k for k in (1, 2, 3) if behind(stream, marks(k), n)]


MARKS = {
    ("pop3", "down"): lambda k: variables["w%d" % k],
    ("pop3", "up"): lambda k: b"RETR %d\r\n" % k,
    ("imap", "down"): lambda k: variables["f%d" % k],
    ("imap", "up"): lambda k: b"BODY.PEEK[])\r\n",
}
# What decides that all went well: not the goodbye, but of POP3, which
# deletes only then.
DONE = {
    ("pop3", "down"): b"+OK bye\r\n", ("pop3", "up"): b"QUIT\r\n",
    ("imap", "down"): b"* BYE", ("imap", "up"): b" LOGOUT\r\n",
    ("smtp", "down"): b"queued\r\n", ("smtp", "up"): b"\r\n.\r\n",
}
DATA = {"down": b"220 mx", "up": b"DATA"}
variables = tables.variables()


def is_done(client, way, stream, n):
    mark = DONE[client, way]
    if client == "imap":
        # Its answer or command is over where the goodbye's line starts.
        end = stream.index(mark) if way == "down" else stream.rindex(
            b"\r\n", 0, stream.index(mark)) + 2
        return n >= end
    return behind(stream, mark, n)


def faults(t, client, way, stream, n):
    """What a cut there may not do."""
    found = judge.always(t, "cut")
    code = 0 if is_done(client, way, stream, n) else 75
    if t.code != code:
        found.append(f"exit {t.code}, not {code}")
    if client != "smtp":
        want = whole(MARKS[client, way], stream, n)
        if t.got != want:
            found.append(f"got {t.got}, not {want}")
    elif way == "down":
        # Just behind the go-ahead the end may come before the message goes.
        sent = stream.index(b"354 go\r\n") + len(b"354 go\r\n")
        if n != sent and (b"unsure" in t.said) != (n > sent and code != 0):
            found.append("unsure or not")
    return found


def points(client, way, stream, sample, step):
    """One octet of sample where it counts, one of step elsewhere."""
    at = end = 0
    if client == "smtp":
        at, end = stream.index(DATA[way]), len(stream)
    elif way == "down":
        # The last message and the answer behind it.
        at = stream.index(MARKS[client, way](3))
        end = at + len(MARKS[client, way](3)) + len("A5 OK done\r\n")
    return [n for n in range(len(stream))
            if n % (sample if at <= n <= end else step) == 0]


def check(out, certs, client, sample, step):
    case = misbehaviour.cases(client)[0]
    good = trial.Trial(client, case.script, certs, delay=0.001)
    up, down = good.proxy.streams[0]
    for way, stream in (("down", down), ("up", up)):
        def one(n, way=way, stream=stream):
            t = trial.Trial(client, case.script, certs,
                            **{"cut_" + way: n})
            return f"at octet {n}", t, faults(t, client, way, stream, n)
        runs = report.each(one, points(client, way, stream, sample, step))
        lost = sum(any("deletes" in f for f in fs) for _, _, fs in runs)
        part = sum(bool(t.partial) for _, t, _ in runs)
        out.result(f"{misbehaviour.NAMES[client]} cut {way}", runs,
                   f" lost={lost} partial={part}")
