"""confined.py COMMAND [ARG...]: what the processes of a session are.

Starts a server that listens on ./sock, waits for its greeting on a connection,
and prints for the listener and all that descend from it: its command's word
(smtp-recv), Uid, Gid, Groups, NoNewPrivs and Seccomp of /proc/PID/status, and
whether it holds the wire and whether it holds a sequential-packet socket.
"""
import os
import socket
import subprocess
import sys
import time


def status(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        fields = dict(line.rstrip("\n").split(":", 1) for line in f)
    ids = [" ".join(sorted(set(fields[k].split())))
           for k in ("Uid", "Gid", "Groups")]
    return f"uid {ids[0]} gid {ids[1]} groups [{ids[2]}]" \
           f" no-new-privs{fields['NoNewPrivs'].rstrip()[-1:]}" \
           f" seccomp{fields['Seccomp'].rstrip()[-1:]}"


def sockets(kind):
    """Inodes of Unix sockets of a type by /proc/net/unix."""
    with open("/proc/net/unix", encoding="ascii") as f:
        return {w[6] for w in map(str.split, f) if w[4] == kind}


def inodes(pid):
    found = set()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            found.add(os.readlink(f"/proc/{pid}/fd/{fd}")[8:-1])
        except FileNotFoundError:
            pass  # closed since
    return found


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        for child in map(int, f.read().split()):
            yield child
            yield from children(child)


def settled(pid, inherited):
    """A starter may not have closed all it inherits when we are greeted, nor a
    listener what it accepted."""
    for _ in range(250):
        held = inodes(pid)
        if "seccomp2" in status(pid) or not held & inherited:
            break
        time.sleep(0.02)
    return held


def connect(wire):
    """To the server as soon as it listens."""
    for _ in range(500):
        try:
            wire.connect("./sock")
            break
        except OSError:
            time.sleep(0.02)


def main():
    tls, ours = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    env = dict(os.environ, TLS_FD=str(tls.fileno()))
    server = subprocess.Popen(sys.argv[1:], pass_fds=[tls.fileno()], env=env)
    tls.close()
    try:
        show(server)
    finally:
        server.terminate()
        server.wait()
    ours.close()


def show(server):
    with socket.socket(socket.AF_UNIX) as wire:
        connect(wire)
        wire.settimeout(20)
        wire.recv(1000)
        path = {w[6] for w in map(str.split, open("/proc/net/unix"))
                if w[3:5] == ["00000000", "0001"] and w[-1] == "./sock"}
        for pid in [server.pid, *children(server.pid)]:
            held = settled(pid, path if pid == server.pid
                           else path | sockets("0005"))
            print(status(pid),
                  "wire" if held & path else "-",
                  "tls" if held & sockets("0005") else "-")


main()
