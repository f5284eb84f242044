"""Disks that are files: made, mounted by loop, copied as a power cut would
leave them. All in a mount namespace and a tmpfs of this process, so that none
of it outlives it, however it ends. Needs root."""

import ctypes
import errno
import fcntl
import os
import shutil
import struct
import subprocess

libc = ctypes.CDLL(None, use_errno=True)
NEWNS, REC_PRIVATE, DETACH = 0x20000, 0x4000 | 0x40000, 2
CTL_GET_FREE, CONFIGURE, AUTOCLEAR = 0x4C82, 0x4C0A, 4

# How each is made, how large, and how it is told to write nothing by itself.
KINDS = {
    "ext4": (["mkfs.ext4", "-q", "-F", "-b", "1024", "-J", "size=1",
              "-E", "lazy_itable_init=1,nodiscard"], 8,
             "commit=600,noauto_da_alloc"),
    "xfs": (["mkfs.xfs", "-q", "-f"], 300, ""),
    "btrfs": (["mkfs.btrfs", "-q", "-f", "-M"], 110, "commit=600"),
}


def check(result, what):
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, "%s: %s" % (what, os.strerror(code)))


def mount(source, target, kind, flags=0, options=""):
    check(libc.mount(source.encode(), target.encode(), kind.encode(),
                     ctypes.c_ulong(flags), options.encode()),
          "mount " + kind)


def umount(target):
    check(libc.umount2(target.encode(), 0), "umount " + target)


def private(folder):
    """Only this process and its children see what is mounted from here on."""
    check(libc.unshare(NEWNS), "unshare")
    mount("none", "/", "none", REC_PRIVATE)
    mount("tmpfs", folder, "tmpfs", 0, "size=2g")


def attach(image):
    """A loop device on image; it goes when it is closed and unmounted."""
    with open(image, "r+b") as back:
        for _ in range(50):
            with open("/dev/loop-control", "rb") as ctl:
                name = "/dev/loop%d" % fcntl.ioctl(ctl, CTL_GET_FREE)
            device = os.open(name, os.O_RDWR)
            config = bytearray(304)
            struct.pack_into("I", config, 0, back.fileno())
            struct.pack_into("I", config, 60, AUTOCLEAR)
            try:
                fcntl.ioctl(device, CONFIGURE, config)
                return device, name
            except OSError as e:
                os.close(device)
                if e.errno != errno.EBUSY:
                    raise
    raise OSError(errno.EBUSY, "no loop device is free")


def missing():
    """Why disks cannot be had here, or None."""
    if os.geteuid() != 0:
        return "it needs root"
    if not os.path.exists("/dev/loop-control"):
        return "there are no loop devices"
    return None


class Disk:
    def __init__(self, kind, image, target):
        self.kind, self.image, self.target = kind, image, target
        self.mounted = False

    def make(self):
        command, size, _ = KINDS[self.kind]
        with open(self.image, "wb") as f:
            f.truncate(size << 20)
        subprocess.run(command + [self.image], check=True,
                       stdout=subprocess.DEVNULL)
        subprocess.run(["fallocate", "-d", self.image], check=True)

    def mount(self):
        os.makedirs(self.target, exist_ok=True)
        device, name = attach(self.image)
        try:
            mount(name, self.target, self.kind, 0, KINDS[self.kind][2])
        finally:
            os.close(device)
        self.mounted = True

    def umount(self):
        if self.mounted:
            self.mounted = False
            umount(self.target)

    def data(self):
        """What the device holds now: a list of (offset, octets)."""
        found, at = [], 0
        with open(self.image, "rb", 0) as f:
            end = os.fstat(f.fileno()).st_size
            while at < end:
                try:
                    at = os.lseek(f.fileno(), at, os.SEEK_DATA)
                except OSError:
                    break
                stop = os.lseek(f.fileno(), at, os.SEEK_HOLE)
                found.append((at, os.pread(f.fileno(), stop - at, at)))
                at = stop
        return found

    def restore(self, data):
        size = os.stat(self.image).st_size if os.path.exists(self.image) \
            else KINDS[self.kind][1] << 20
        with open(self.image, "wb") as f:
            f.truncate(size)
            for at, octets in data:
                f.seek(at)
                f.write(octets)

    def remove(self):
        self.umount()
        if os.path.exists(self.image):
            os.remove(self.image)


def have(kind):
    return shutil.which(KINDS[kind][0][0]) is not None
