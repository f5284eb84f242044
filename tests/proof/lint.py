"""What may be lost of files, by the calls alone that were made on them.

A file's data are durable from an fsync after the last write, its name from an
fsync of its folder after the link or rename, and nothing earlier, however kind
a file system may be: those of today write more than they promise.
"""

import os
import re
import stat

SYNC_FLAGS = os.O_SYNC | os.O_DSYNC
CREATED = ("open", "creat", "openat", "openat2", "mkdir", "mkdirat", "symlink",
           "symlinkat")


class Lint:
    def __init__(self, root, visible, appended, removed=False):
        """visible: names below root that readers see; appended: of these,
        the ones that may grow in place; removed: what goes must stay so."""
        self.root, self.visible = root, re.compile(visible)
        self.appended, self.removed = re.compile(appended), removed
        self.data, self.names, self.known = set(), {}, {}
        self.changed, self.gone, self.notes = False, {}, []
        for folder, dirs, files in os.walk(root):
            for name in dirs + files:
                path = os.path.join(folder, name)
                self.known[path] = os.lstat(path).st_ino

    def is_visible(self, path):
        return bool(self.visible.fullmatch(os.path.relpath(path, self.root)))

    def see(self, call):
        name = call.name
        if name in ("sync", "syncfs"):
            self.data.clear()
            self.names.clear()
            self.gone.clear()
        elif name in ("fsync", "fdatasync"):
            self.sync(call)
        elif name in CREATED:
            self.create(call)
        elif name.startswith("rename") or name.startswith("link"):
            self.move(call)
        elif name.startswith("unlink") or name == "rmdir":
            self.forget(call.path(call.args[0], 1) if name == "unlinkat"
                        else call.path(-100, 0))
        elif name == "truncate":
            self.write(os.stat(call.path(-100, 0)).st_ino)
        elif name != "sync_file_range":
            self.change(call)

    def sync(self, call):
        st = call.stat(call.args[0])
        if not st:
            return
        self.data.discard(st.st_ino)
        if stat.S_ISDIR(st.st_mode):
            for names in self.names, self.gone:
                for path in [p for p in names if names[p] == st.st_ino]:
                    del names[path]

    def change(self, call):
        st = call.stat(call.target())
        if not st or not stat.S_ISREG(st.st_mode):
            return
        if call.name == "mmap" and not (call.args[2] & 2 and
                                        call.args[3] & 1):
            return
        with open("/proc/%d/fdinfo/%d" % (call.pid, call.target())) as f:
            flags = int(re.search("flags:\t([0-7]+)", f.read())[1], 8)
        if call.name == "mmap" or not flags & SYNC_FLAGS:
            self.write(st.st_ino)

    def write(self, inode):
        self.data.add(inode)
        for path, known in self.known.items():
            if known == inode:
                self.seen(path, inode)

    def seen(self, path, inode):
        """Something of a visible file is new; half of it may be there."""
        if not self.is_visible(path):
            return
        self.changed = True
        if inode in self.data and not self.appended.fullmatch(
                os.path.relpath(path, self.root)):
            self.note("partial", path)

    def create(self, call):
        at = call.name.endswith(("at", "at2"))
        path = call.path(*((call.args[0], 1) if at else (-100, 0))) \
            if not call.name.startswith("symlink") else \
            call.path(*((call.args[1], 2) if at else (-100, 1)))
        try:
            st = os.lstat(path)
        except OSError:
            return
        if path not in self.known:
            self.name(path, st.st_ino)
        elif call.name == "creat" or (call.name in ("open", "openat") and
                                      call.args[2 if at else 1] & os.O_TRUNC):
            self.write(st.st_ino)

    def move(self, call):
        at = "at" in call.name
        old = call.path(*((call.args[0], 1) if at else (-100, 0)))
        new = call.path(*((call.args[2], 3) if at else (-100, 1)))
        self.name(new, os.lstat(new).st_ino)
        if call.name.startswith("rename"):
            for path in [p for p in self.known
                         if p == old or p.startswith(old + "/")]:
                if path != old:
                    self.known[new + path[len(old):]] = self.known[path]
                self.forget(path)

    def name(self, path, inode):
        if not path.startswith(self.root + "/"):
            return
        self.known[path] = inode
        self.names[path] = os.stat(os.path.dirname(path)).st_ino
        self.seen(path, inode)

    def forget(self, path):
        self.names.pop(path, None)
        if self.known.pop(path, None) and self.is_visible(path):
            self.changed = True
            self.gone[path] = os.stat(os.path.dirname(path)).st_ino

    def unsafe(self):
        """Visible files whose data or name, or a folder's above, may go."""
        found = list(self.gone) if self.removed else []
        for path, inode in self.known.items():
            if self.is_visible(path):
                above = path
                while above != self.root and above not in self.names:
                    above = os.path.dirname(above)
                if inode in self.data or above != self.root:
                    found.append(path)
        return found

    def acknowledged(self):
        """An acknowledgement of nothing at all promises too much."""
        if not self.changed:
            self.note("lost", self.root)
        for path in self.unsafe():
            self.note("lost", path)

    def note(self, what, path):
        line = "%s %s" % (what, os.path.relpath(path, self.root))
        if line not in self.notes:
            self.notes.append(line)

    def verdict(self):
        return self.notes[0].split()[0] if self.notes else "ok"
