"""Runs a command under ptrace and yields what it does to files and streams.

Whoever iterates over run() has the process at a standstill at the end of each
call that is yielded, and finds its descriptors in /proc. A call on a file is
never under way in two processes at once, so the disk is what the calls made.
"""

import ctypes
import os
import signal
import stat
import subprocess

libc = ctypes.CDLL(None, use_errno=True)
TRACEME, SYSCALL, SETOPTIONS, SYSCALL_INFO = 0, 24, 0x4200, 0x420E
# system calls, forks, vforks, clones, execs; death with the tracer
OPTIONS = 1 | 2 | 4 | 8 | 16 | 0x100000
WALL = 0x40000000
ENTRY, EXIT = 1, 2

# fd: writes to descriptor 0 of its arguments; out: to another one.
WRITES = {"write": 0, "pwrite64": 0, "writev": 0, "pwritev": 0, "pwritev2": 0,
          "sendto": 0, "sendmsg": 0, "ftruncate": 0, "fallocate": 0,
          "sendfile": 0, "copy_file_range": 2, "splice": 2, "mmap": 4}
SYNCS = ("fsync", "fdatasync", "syncfs", "sync", "sync_file_range")
NAMES = ("open", "creat", "openat", "openat2", "mkdir", "mkdirat", "unlink",
         "unlinkat", "rmdir", "rename", "renameat", "renameat2", "link",
         "linkat", "symlink", "symlinkat", "truncate")


class SyscallInfo(ctypes.Structure):
    _fields_ = [("op", ctypes.c_uint8), ("pad", ctypes.c_uint8 * 7),
                ("ip", ctypes.c_uint64), ("sp", ctypes.c_uint64),
                ("data", ctypes.c_uint64 * 7)]


class Call:
    """One system call that is done: name, arguments, result."""

    def __init__(self, pid, name, args):
        self.pid, self.name, self.args, self.result = pid, name, args, None

    def memory(self, at, n):
        with open("/proc/%d/mem" % self.pid, "rb", 0) as mem:
            mem.seek(at)
            return mem.read(n)

    def text(self, i):
        """The path in argument i."""
        at, found = self.args[i], b""
        while b"\0" not in found:
            step = 4096 - (at + len(found)) % 4096
            found += self.memory(at + len(found), step)
        return os.fsdecode(found.split(b"\0")[0])

    def link(self, fd):
        fd = ctypes.c_int(fd & 0xFFFFFFFF).value
        return "/proc/%d/%s" % (self.pid, "cwd" if fd < 0 else "fd/%d" % fd)

    def path(self, fd, i):
        """Argument i as an absolute path; fd is its folder's descriptor."""
        name = self.text(i)
        if name.startswith("/proc/self/"):
            return "/proc/%d/%s" % (self.pid, name[11:])
        return os.path.normpath(os.path.join(os.readlink(self.link(fd)), name))

    def stat(self, fd):
        try:
            return os.stat(self.link(fd))
        except OSError:
            return None

    def target(self):
        return self.args[WRITES[self.name]]

    def said(self):
        """What it wrote to a pipe or socket, else nothing."""
        if self.name not in ("write", "sendto", "writev", "sendmsg"):
            return b""
        st = self.stat(self.args[0])
        if not st or not (stat.S_ISFIFO(st.st_mode) or
                          stat.S_ISSOCK(st.st_mode)):
            return b""
        if self.name in ("write", "sendto"):
            return self.memory(self.args[1], self.result)
        at, n = self.args[1], self.args[2]
        if self.name == "sendmsg":
            head = self.memory(at + 16, 16)
            at, n = (int.from_bytes(head[i:i + 8], "little") for i in (0, 8))
        parts = [self.memory(at + 16 * i, 16) for i in range(n)]
        return b"".join(
            self.memory(*(int.from_bytes(p[i:i + 8], "little")
                          for i in (0, 8))) for p in parts)[:self.result]

    def on_file(self):
        if self.name not in WRITES or self.name == "mmap":
            return self.name in SYNCS or self.name in NAMES
        st = self.stat(self.target())
        return bool(st) and stat.S_ISREG(st.st_mode)


ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM)


def numbers():
    """Names of the system calls that matter, by number."""
    out = subprocess.run(["cc", "-E", "-dM", "-include", "asm/unistd.h", "-"],
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         text=True, check=True).stdout
    known = {}
    for line in out.splitlines():
        words = line.split()
        name = words[1][5:]
        if words[1].startswith("__NR_") and (
                name in WRITES or name in SYNCS or name in NAMES):
            known[int(words[2])] = name
    return known


def ptrace(request, pid, address=0, data=None):
    return libc.ptrace(ctypes.c_long(request), ctypes.c_long(pid),
                       ctypes.c_void_p(address), data)


def start(command, prepare, mask):
    pid = os.fork()
    if pid:
        os.waitpid(pid, WALL | os.WUNTRACED)
        ptrace(SETOPTIONS, pid, 0, ctypes.c_void_p(OPTIONS))
        return pid
    try:
        prepare()
        ptrace(TRACEME, 0)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        os.kill(os.getpid(), signal.SIGSTOP)
        os.execvp(command[0], command)
    finally:
        os._exit(127)


class Tracer:
    def __init__(self):
        self.known = numbers()
        self.status = None

    def run(self, command, prepare):
        """Yields Calls that succeeded, and None where the command exits."""
        info = SyscallInfo()
        self.live, self.inside, focus, self.status = set(), {}, -1, None
        try:
            main = self.begin(command, prepare)
            ptrace(SYSCALL, main)
            while self.live:
                pid, status = os.waitpid(focus, WALL)
                if not os.WIFSTOPPED(status):
                    self.live.discard(pid)
                    focus = -1
                    if pid == main:
                        self.status = os.waitstatus_to_exitcode(status)
                        yield None
                    continue
                fresh = pid not in self.live
                self.live.add(pid)
                number = os.WSTOPSIG(status)
                if number == signal.SIGTRAP | 0x80:
                    ptrace(SYSCALL_INFO, pid, ctypes.sizeof(info),
                           ctypes.byref(info))
                    call = self.step(pid, info)
                    focus = pid if pid in self.inside and \
                        self.inside[pid].on_file() else -1
                    if call:
                        yield call
                    number = 0
                elif number == signal.SIGTRAP or \
                        (fresh and number == signal.SIGSTOP):
                    number = 0
                ptrace(SYSCALL, pid, 0, ctypes.c_void_p(number))
        finally:
            self.end()

    def begin(self, command, prepare):
        """The child; a signal waits until it is known, because a child that is
        left behind here would be stopped for ever."""
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
        try:
            main = start(command, prepare, mask)
            self.live.add(main)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        return main

    def step(self, pid, info):
        """The call that is done now, if it succeeded."""
        if info.op == ENTRY:
            name = self.known.get(info.data[0])
            if name:
                self.inside[pid] = Call(pid, name, list(info.data[1:7]))
            return None
        call = self.inside.pop(pid, None)
        if call:
            call.result = ctypes.c_long(info.data[0]).value
        return call if call and call.result >= 0 else None

    def end(self):
        for pid in self.live:
            try:
                os.kill(pid, signal.SIGKILL)
                while os.WIFSTOPPED(os.waitpid(pid, WALL)[1]):
                    pass
            except OSError:
                pass
        self.live = set()
