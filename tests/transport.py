#!/usr/bin/python3 -S
"""A transport that does as the recipient's local part says.

good, nodsn, perm, temp, unsure, nodns: that result. die: exit 75 at once; kill: SIGKILL of
itself. hang: no result, never ends. late: answers once the file `go' exists.
mute: no result for it, exit 0 at the end. cutoff: a result without its line
end, then exit 0. garbage: lines that are no results,
then good. Each job is logged to $TRANSPORT_LOG with its message's last line.
"""
import os
import sys
import time

log = os.environ.get("TRANSPORT_LOG")
REPLIES = {
    "good": "ok\t250\t2.0.0\tqueued as 42",
    "nodsn": "ok\t250\t2.0.0\tno DSN: queued as 42",
    "perm": "perm\t550\t5.1.1\tno such user",
    "temp": "temp\t450\t4.2.1\tbusy",
    "nodns": "temp\t451\t4.4.3\tno answer from DNS",
    "unsure": "unsure\t000\t-\tlost after the final dot",
}


def say(line):
    os.write(1, line.encode())


def note(line):
    if log:
        with open(log, "a") as f:
            f.write(line + "\n")


def result(job, rcpt, kind):
    say("%s\t%s\t%s\n" % (job, rcpt, REPLIES.get(kind, REPLIES["good"])))


def serve(line):
    job, path, offset, size, sender, *rcpts = line.rstrip("\n").split("\t")
    with open(path, "rb") as f:
        f.seek(int(offset))
        body = f.read(int(size))
    for field in rcpts:
        rcpt = field.split(" ")[0]
        kind = rcpt.strip("<>").split(":")[-1].split("@")[0].split("-")[0]
        note("%s %s %s" % (sender, field, body.decode().splitlines()[-1]))
        if kind == "die":
            sys.exit(75)
        elif kind == "kill":
            os.kill(os.getpid(), 9)  # signal is dear to import
        elif kind == "hang":
            while True:
                time.sleep(60)
        elif kind == "late":
            while not os.path.exists(os.environ["GO"]):
                time.sleep(0.01)
            result(job, rcpt, "good")
        elif kind == "mute":
            pass
        elif kind == "cutoff":
            say("%s\t%s\t%s" % (job, rcpt, REPLIES["good"]))
            sys.exit(0)
        elif kind == "garbage":
            say("no result\n\n%s\t<who@where>\tok\t250\t-\tx\n" % job)
            say("unknownid\t%s\tok\t250\t-\tx\n%s\t%s\tmaybe\t250\t-\tx\n"
                % (rcpt, job, rcpt))
            result(job, rcpt, "good")
        else:
            result(job, rcpt, kind)


note("args " + " ".join(sys.argv[1:]))
for text in sys.stdin:
    serve(text)
