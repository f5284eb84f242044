"""What a reader finds after a power cut: whole, absent or partial."""

import os
import re


def files(folder):
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return
    for name in names:
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            with open(path, "rb") as f:
                yield name, f.read()


def maildir(path, message):
    found = "absent"
    for part in ("new", "cur"):
        for _, text in files(os.path.join(path, part)):
            if not text.endswith(message) or b"\0" in text:
                return "partial"
            found = "whole"
    return found


def mbox(path, message):
    """Half of one at the end is allowed: the next delivery sets it apart."""
    if not os.path.exists(path):
        return "absent"
    with open(path, "rb") as f:
        text = f.read()
    return "whole" if re.search(rb"^From .*\n(.*\n)*?" + re.escape(message),
                                text, re.M) else "absent"


def queue(path, message):
    """Each entry as its first line says, its recipient among them."""
    found = "absent"
    for _, text in files(os.path.join(path, "queue")):
        head = re.match(rb"mailpipe-queue 1 (\d{8}) (\d{16})\n", text)
        if not head or int(head[1]) + int(head[2]) != len(text) or \
                not text.endswith(message) or \
                not re.search(rb"\nR [.+] .*<c@", text):
            return "partial"
        found = "whole"
    return found


def sent(path, message):
    """Whole: no one will send it again; absent: somebody still will."""
    for _, text in files(os.path.join(path, "queue")):
        if queue(path, message) == "partial":
            return "partial"
        if re.search(rb"\nR [^+] .*<c@", text):
            return "absent"
    return "whole"


def journal(path, _message):
    """A line of the message's id behind the head."""
    for folder, _, _ in os.walk(path):
        for _, text in files(folder):
            if re.search(rb"^1( .*)?$", text, re.M):
                return "whole"
    return "absent"


JUDGES = {"maildir": maildir, "mbox": mbox, "queue": queue, "sent": sent,
          "journal": journal}
# Names that the lint must see synced, and those that may grow in place.
VISIBLE = {"maildir": "{0}/(new|cur)/.*", "mbox": "{0}", "queue":
           "{0}/queue/.*", "sent": "{0}/queue/.*", "journal": "{0}/.*[^/]"}
APPENDED = ("mbox", "journal", "sent")


def look(root, where, message):
    """The worst of what the places in `where' say."""
    said = []
    for place in where.split(","):
        kind, path = place.split(":")
        said.append(JUDGES[kind](os.path.join(root, path), message))
    return min(said, key=("partial", "absent", "whole").index)


def patterns(where):
    places = [p.split(":") for p in re.split("[,;]", where)]
    return ("|".join(VISIBLE[k].format(p) for k, p in places),
            "|".join(VISIBLE[k].format(p) for k, p in places
                     if k in APPENDED) or "(?!)", where.startswith("sent:"))
