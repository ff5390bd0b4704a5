#!/usr/bin/env python3
"""A full disk: store, output folder and spilled records stand on a tmpfs that is grown until a night passes, and on one that
somebody else fills at each write of a night, and of init.

usage: full_disk.py BESIK SHIM.so [--messages N] [--step PAGES] [--pretend] [--keep DIR]

Each must end in exit 1, with the bytes that are free and those that are needed where it ends before it reads, else with a word
of the full disk; nothing published. The next run, with room, gives the undisturbed bytes, and so does the night after it.
The night is the sample's, or N messages of bench/gen.py, most of them spilled.

The tmpfs is mounted in a name space of its own. Where that is not permitted, or with --pretend, shim.c counts the bytes."""
import argparse, os, re, shutil, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from sweep import Sweep  # noqa: E402
PAGE = 4096
BEFORE = re.compile(r"\d+ MiB free, \d+ MiB needed")
LATER = re.compile(r"the disk is full|free space")
INSIDE = "BESIK_TESTS_MAY_MOUNT"


def may_mount():
    """starts itself anew in a name space of its own, where that is permitted"""
    if INSIDE in os.environ:
        return True
    for way in (["unshare", "-m"], ["unshare", "-Urm"]):
        if subprocess.run([*way, "mount", "-t", "tmpfs", "none", tempfile.gettempdir()], capture_output=True).returncode == 0:
            os.environ[INSIDE] = "1"
            os.execvp(way[0], [*way, sys.executable, "-B", *sys.argv])
    print("a tmpfs may not be mounted here: shim.c counts the bytes instead", flush=True)
    return False


def room(messages):
    """more than all takes"""
    return (16 << 20) + messages * 2000


class Disk(Sweep):
    """all happens on the disk, which is the working folder"""

    def __init__(self, besik, shim, pretend, messages):
        self.pretend, self.room = pretend, room(messages)
        super().__init__(besik, shim, messages)

    def of_room(self, pages):
        """night 2 with so many pages of room"""
        self.again()
        if self.pretend:
            return self.filled(1, pages)
        disk = os.statvfs(".")
        self.size((disk.f_blocks - disk.f_bfree + pages) * PAGE)
        p = self.night("store", "out2", 2)
        self.size(self.room)
        return p

    def size(self, size):
        subprocess.run(["mount", "-o", f"remount,size={size}", "."], check=True)

    def filled(self, at, pages, init=False):
        """night 2 (or init), at whose N-th write the disk is filled but for so many pages"""
        more = {"FAULT_ROOM": str(pages * PAGE)} | ({} if self.pretend else {"FAULT_FILL": "ballast"})
        p, self.calls, self.syncs = self.disturb("full", at, init, **more)
        if os.path.exists("ballast"):
            os.remove("ballast")
        return p

    def wrong(self, p, init=False):
        """what is wrong with a command that met the full disk, and with what follows"""
        wrong = ["a sync after one that failed"] if self.syncs else []
        if p.returncode and not BEFORE.search(p.stderr) and not LATER.search(p.stderr):
            wrong.append(f"says nothing of the disk: exit {p.returncode} {p.stderr[-300:]}")
        return wrong + (self.go_on_from_init("full", p) if init else self.judge("full", p, 0) + self.go_on())


class Count:
    points = before = later = passed = bad = 0

    def take(self, where, p, wrong):
        self.points += 1
        self.passed += p.returncode == 0
        self.before += bool(p.returncode and BEFORE.search(p.stderr))
        self.later += bool(p.returncode and not BEFORE.search(p.stderr))
        if wrong:
            self.bad += 1
            print(f"{where}: " + "; ".join(wrong), flush=True)

    def __str__(self):
        return f"{self.points} points, {self.before} ended before reading, {self.later} later, {self.passed} passed, {self.bad} bad"


def grow(disk, step):
    count, pages, p = Count(), 0, None
    while p is None or p.returncode:
        disk.syncs = 0
        p = disk.of_room(pages)
        count.take(f"{pages} pages of room", p, disk.wrong(p))
        pages += step
    print(f"grown by {step} pages to {pages - step}: {count}", flush=True)
    return count.bad or count.passed != 1 or not count.before or count.later > count.before / 4  # it is told before, as a rule


def fill(disk, rooms, init):
    count = Count()
    for pages in rooms:
        at = 1
        while True:
            disk.again()
            if init:
                shutil.rmtree("store")
            p = disk.filled(at, pages, init)
            if disk.calls < at:
                break
            count.take(f"{'init ' * init}filled at {at} but for {pages} pages", p, disk.wrong(p, init))
            at += 1
    print(f"{'init ' * init}filled at each write: {count}", flush=True)
    return count.bad or not count.later


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("besik")
    a.add_argument("shim")
    a.add_argument("--messages", type=int, default=0)
    a.add_argument("--step", type=int, default=1)
    a.add_argument("--pretend", action="store_true")
    a.add_argument("--keep")
    o = a.parse_args()
    besik, shim = os.path.abspath(o.besik), os.path.abspath(o.shim)
    pretend = o.pretend or not may_mount()
    work = o.keep or tempfile.mkdtemp(prefix="besik-full-")
    os.makedirs(work, exist_ok=True)
    if not pretend:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"mode=700,size={room(o.messages)}", "none", work], check=True)
    os.chdir(work)
    disk = Disk(besik, shim, pretend, o.messages)
    bad = grow(disk, o.step)
    if not o.messages:
        bad |= fill(disk, (0, 3), False)
        bad |= fill(disk, (0, 3), True)
    os.chdir("/")
    if not pretend:
        subprocess.run(["umount", work], check=True)
    if not o.keep:
        shutil.rmtree(work)
    sys.exit(1 if bad else 0)


main()
