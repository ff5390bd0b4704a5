#!/usr/bin/env python3
"""What may stand around a command and a store, and must not harm it: descriptors that a launcher closed, another store's key, files of
the store that a copy lost.

usage: store.py BESIK [NAME…]         NAME: only these tests"""
import itertools, os, shutil, subprocess

import harness
from harness import BESIK, Failed, main, same

SAMPLE = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../sample"))



class Room(harness.Room):
    def played(self, store="store", nights=2):
        self("init", store, "--key", f"{SAMPLE}/key")
        for n in range(1, nights + 1):
            self("run", store, "--out", f"{store}-{n}", "--as-of", f"2026-11-0{n + 1}T22:00:00+05:00", f"{SAMPLE}/night{n}")

    def files(self, store):
        return {name: open(self.path(f"{store}/{name}"), "rb").read() for name in os.listdir(self.path(store))}

    def sound(self, store):
        same(f"besik check {store}", self("check", store).splitlines()[-1][:4], "ok: ")


def test_closed_descriptors(b):
    """whatever of 0, 1 and 2 is closed: no output, of data or of messages, goes into a file that was opened in their place"""
    b.played()
    phone = "77011200101"
    commands = [("export", "store", "history"), ("export", "store", "cases"), ("list", "store"), ("report", "store"), ("status", "store"), ("case", "store", phone),
                ("check", "store"), ("backup", "store", "no/where"), ("run", "store"), ("nothing",), ("run", "store", "--out", "{out}", "--progress"),
                ("set", "store", "keep-runs", "3"), ("purge", "store", "--closed-before", "2025-01-01T00:00:00+05:00")]
    for closed in (c for n in (1, 2, 3) for c in itertools.combinations((0, 1, 2), n)):
        for command in commands:
            args = [x.format(out="out" + "".join(map(str, closed))) for x in command]
            keep = {fd: subprocess.DEVNULL for fd in (0, 1, 2)}

            def close():
                for fd in closed:
                    os.close(fd)
            done = subprocess.run([BESIK, *args], cwd=b.work, stdin=keep[0], stdout=keep[1], stderr=keep[2], preexec_fn=close, timeout=100)
            if done.returncode not in (0, 2):
                raise Failed(f"{args} without {closed}: exit {done.returncode}")
        b.sound("store")


def test_another_key(b):
    """no command takes a store whose key is another's: it would open every case anew, and know no id"""
    b.played()
    b("init", "other")
    shutil.copy(b.path("store/key"), b.path("right"))
    for wrong in open(b.path("other/key"), "rb").read(), bytes(16), open(b.path("right"), "rb").read()[::-1]:
        with open(b.path("store/key"), "wb") as f:
            f.write(wrong)
        before = b.files("store")
        for command in (("run", "store", "--out", "again", f"{SAMPLE}/night1"), ("check", "store"), ("status", "store"), ("export", "store", "cases"),
                        ("backup", "store", "copy"), ("forget", "store", "77011200101"), ("set", "store", "keep-runs", 3), ("reissue", "store", 1, "--out", "r")):
            b(*command, exit=3, says="put this store's archived key back")
        same("what is beside the store", sorted(os.listdir(b.work)), ["other", "right", "store", "store-1", "store-2"])
        same("the data", b.files("store")["data.mdb"], before["data.mdb"])
    shutil.copy(b.path("right"), b.path("store/key"))
    b.sound("store")
    os.remove(b.path("store/key"))
    b("run", "store", "--out", "again", exit=3, says="store/key: is not there; put the archived key back")


def test_no_place_for_it(b):
    """init where no store can be made: told as wrong use, and nothing is made"""
    os.mkdir(b.path("empty"))
    os.symlink("empty", b.path("link"))
    open(b.path("file"), "w").close()
    for place, why in (("a/b", "No such file"), ("file/b", "Not a directory"), ("file", "is a file or a link"), ("link", "is a file or a link"),
                       ("x" * 300, "File name too long"), ("", "No such file")):
        b("init", place, exit=2, says=why)
    same("what is there", (sorted(os.listdir(b.work)), os.listdir(b.path("empty"))), (["empty", "file", "link"], []))


def test_lost_files(b):
    """the lock of a store that a copy lacks is made again; without its data it is told what to do, and never to make another store there"""
    b.played()
    os.remove(b.path("store/lock"))
    b("set", "store", "keep-runs", 3)
    same("the lock", oct(os.stat(b.path("store/lock")).st_mode & 0o777), "0o600")
    b.sound("store")
    data = open(b.path("store/data.mdb"), "rb").read()
    for left in None, b"":
        os.remove(b.path("store/data.mdb"))
        if left is not None:
            open(b.path("store/data.mdb"), "wb").close()
        for command in ("status", "store"), ("run", "store", "--out", "out"), ("check", "store"):
            b(*command, exit=3, says="restore the store from a backup")
        with open(b.path("store/data.mdb"), "wb") as f:
            f.write(data)
    b.sound("store")
    b("status", "store-1", exit=2, says="not a store of besik")


main(Room)
