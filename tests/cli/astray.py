#!/usr/bin/env python3
"""What is given to a command and is not what it should be: a device for a file, a list for a number, a folder that is none. It is told
before anything is done, and what was there stays.

usage: astray.py BESIK [NAME…]         NAME: only these tests"""
import json, os, resource, shutil, socket, stat, subprocess

import harness
from harness import BESIK, main, same

SAMPLE = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../sample"))
AS_OF = [f"2026-11-{day:02}T22:00:00+05:00" for day in (2, 3, 4, 5)]
PHONES = ["77781200909", "77011200101", "77751200505"]


class Room(harness.Room):
    def nights(self, until, store="store"):
        self("init", store, "--key", f"{SAMPLE}/key")
        for n in range(1, until + 1):
            self("run", store, "--out", f"{store}-{n}", "--as-of", AS_OF[n - 1], f"{SAMPLE}/night{n}")

    def night(self, n, *more, **kw):
        return self("run", "store", "--out", f"out{n}", "--as-of", AS_OF[n - 1], *more, f"{SAMPLE}/night{n}", **kw)

    def store_bytes(self):
        return open(self.path("store/data.mdb"), "rb").read()


def test_metrics_over_what_is_no_file(b):
    """a device, a FIFO, a socket, a folder, a link, even to a plain file: never replaced, and the run does not begin"""
    b.nights(1)
    before = b.store_bytes()
    os.mkfifo(b.path("fifo"))
    server = socket.socket(socket.AF_UNIX)
    server.bind(b.path("socket"))
    os.mkdir(b.path("folder"))
    open(b.path("plain"), "w").close()
    try:
        os.mknod(b.path("device"), 0o666 | stat.S_IFCHR, os.makedev(1, 3))  # never the machine's own: a besik that fails here, as root, would take it away
        devices = ["device"]
    except PermissionError:  # not root: then nothing in /dev can be taken away either
        devices = ["/dev/null"]
    for name, to in ("link", "plain"), ("dangling", "nowhere"), ("null", devices[0]), ("turn", "turn"):
        os.symlink(to, b.path(name))
    there = {name: os.lstat(b.path(name)).st_ino for name in os.listdir(b.work)}
    for name in *devices, "fifo", "socket", "folder", "link", "dangling", "null", "turn":
        was = stat.S_IFMT(os.lstat(os.path.join(b.work, name)).st_mode)
        b.night(2, "--metrics", name, exit=2, says=f"--metrics {name}: ")
        same(f"{name}: what it is", stat.S_IFMT(os.lstat(os.path.join(b.work, name)).st_mode), was)
    same("what is there", {name: os.lstat(b.path(name)).st_ino for name in os.listdir(b.work)}, there)
    same("the store", b.store_bytes() == before, True)
    b.night(2, "--metrics", "plain")
    same("a plain file is replaced", "besik_run_success 1" in open(b.path("plain")).read(), True)
    server.close()


def test_tmp_that_cannot_be_used(b):
    """--tmp is tried at the start, not when the first record spills"""
    b.nights(1)
    before = b.store_bytes()
    open(b.path("plain"), "w").close()
    os.symlink("nowhere", b.path("dangling"))
    for name in "nowhere", "plain", "dangling", "plain/x", "/proc", "":
        b.night(2, "--tmp", name, exit=2, says=f"--tmp {name}: ")
    if os.geteuid():
        os.mkdir(b.path("closed"), 0o500)
        b.night(2, "--tmp", "closed", exit=2, says="--tmp closed: ")
    same("the store", b.store_bytes() == before, True)
    os.mkdir(b.path("spill"))
    os.symlink("spill", b.path("to-spill"))
    b.night(2, "--tmp", "to-spill")
    same("nothing is left there", os.listdir(b.path("spill")), [])


def test_page_that_cannot_be_written(b):
    """capacity --html is tried before the first night, and leaves what is there as it was"""
    os.mkdir(b.path("folder"))
    for name in "nowhere/page.html", "folder", "folder/", "/proc/page.html":
        b("capacity", "try", "--cases", 64, "--days", 2, "--html", name, exit=2, says=f"--html {name}: ")
        same("DIR", os.path.exists(b.path("try")), False)
    with open(b.path("page.html"), "w") as file:
        file.write("theirs")
    b("capacity", "try", "--cases", 64, "--days", 2, "--target", "9s", "--html", "page.html", exit=2)
    same("a page that stands", open(b.path("page.html")).read(), "theirs")
    b("capacity", "nowhere/try", "--cases", 64, "--days", 2, "--html", "new.html", exit=2, says="nowhere/try")
    same("no page of what was not played", os.path.exists(b.path("new.html")), False)


def test_forget_a_list(b):
    """standard input of several numbers: all of them are forgotten, in whatever form they stand, empty lines aside"""
    b.nights(3)
    alone = [json.loads(b("forget", "store", phone, "--json")) for phone in PHONES[:2]]
    for list in f"{PHONES[0]}\n{PHONES[1]}", f"\n+7 778 120 09 09\r\n  \n87011200101\r\n\n{PHONES[0]}\n":
        store = f"s{len(list)}"
        b.nights(3, store)
        told = json.loads(b("forget", store, "-", "--json", input=list))
        same("the summary counts all", {k: told[k] for k in ("cases", "closed", "history", "rows")}, {k: sum(x[k] for x in alone) for k in ("cases", "closed", "history", "rows")})
        same("of how many phones", told["phones"], 2)
        for phone in PHONES[:2]:
            for case in json.loads(b("case", store, phone, "--json"))["cases"]:
                same("a case", (case["step"], case["history"], set(case["answers"].values())), ("closed", [], {None}))
        same("who is not named", json.loads(b("case", store, PHONES[2], "--json")), json.loads(b("case", "store", PHONES[2], "--json")))
        same("check", b("check", store).splitlines()[-1][:4], "ok: ")


def test_lists_that_are_none(b):
    """a line that is no number is named by its place, never by what stands there; of case one number is taken; nothing is struck"""
    b.nights(3)
    before = b.store_bytes()
    ok = f"{PHONES[0]}\n"
    for list, says in ((ok + "\nhello\n", "line 3: not a Kazakh mobile number"), (ok + "7701120010\n", "line 2: not"), ("77011200101 77751200505\n" + ok, "line 1: not"),
                       (ok + "7" * 300 + "\n" + ok, "line 2: not"), (ok + " " * 300 + PHONES[1] + "\n", "line 2: not"), (ok + "\0\n", "line 2: not"), (f"{PHONES[0]}\r{PHONES[1]}\r", "line 1: not"),
                       (ok * 3000 + "77112200101\n", "line 3001: not"), ("", "holds no phone number"), ("\n \n\n", "holds no phone number")):
        b("forget", "store", "-", exit=2, says=says, input=list)
    for list, says in ((ok + PHONES[1], "more than one"), (ok + "\n\n" + ok, "more than one"), (ok + "x\n", "line 2: not"), ("", "holds no phone number"), ("\n\nx", "line 3: not")):
        b("case", "store", "-", exit=2, says=says, input=list)
    same("one, and empty lines", json.loads(b("case", "store", "-", "--json", input=f"\n{ok}\n"))["msisdn"], PHONES[0])
    folder = os.open(b.work, os.O_RDONLY)
    b("forget", "store", "-", exit=1, says="standard input: ", stdin=folder)
    os.close(folder)
    same("the store", b.store_bytes() == before, True)


def limited(size):
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def test_limit_on_the_size_of_files(b):
    """ulimit -f: told as a full disk is, never a death by SIGXFSZ, wherever the limit cuts; then, without it, as if there had been none"""
    b.nights(1)
    shutil.copytree(b.path("store"), b.path("before"))
    b.nights(1, "other")
    b("run", "other", "--out", "want", "--as-of", AS_OF[1], f"{SAMPLE}/night2")
    size, told = os.path.getsize(b.path("store/data.mdb")), 0
    for limit in (1, 512, 1024, 2000, 4096, 9000, size // 2 // 4096 * 4096, size, size + 4096, size + 3 * 4096):
        shutil.rmtree(b.path("store"))
        shutil.copytree(b.path("before"), b.path("store"))
        done = subprocess.run([BESIK, "run", "store", "--out", "out2", "--as-of", AS_OF[1], f"{SAMPLE}/night2"], cwd=b.work, capture_output=True, text=True, preexec_fn=limited(limit))
        same(f"limit {limit}: {done.stderr.strip()}", done.returncode in (0, 1), True)
        if done.returncode:
            said = [line for line in done.stderr.splitlines() if not line.startswith("libgcov")]  # tools/coverage: its files are too large too
            cut = "commit: Input/output error: give the command again" in done.stderr  # LMDB's word for a write of which a part was taken
            same(f"limit {limit}: {done.stderr.strip()}", (cut or "File too large (a limit" in done.stderr, len(said)), (True, 1))
            told += 1
            b.night(2)
        same(f"limit {limit}: the folder", rows(b.path("out2")), rows(b.path("want")))
        shutil.rmtree(b.path("out2"))
    same("some were too small", told > 3, True)
    for args in (["init", "new"], ["backup", "store", "copy"], ["export", "store", "--csv", "sheets"], ["gen", "dumps", "--cases", "50", "--days", "2"],
                 ["purge", "store", "--closed-before", "2025-09-01T00:00:00+05:00"], ["reissue", "store", "1", "--out", "again"], ["forget", "store", PHONES[0]]):
        b(*args, exit=1, says="File too large", preexec_fn=limited(200))
    b("check", "store")


def rows(folder):
    return {name: open(f"{folder}/{name}").read() for name in os.listdir(folder) if name.endswith("csv") or name.endswith("ndjson")}


def test_bounds_that_are_told(b):
    """a setting out of its bounds: both are named, as they are"""
    b.nights(0)
    for name, bad in ("remember", ("29d", "36501d", "99999d", "x")), ("remind-after", ("59m", "366d")), ("expire-after", ("0h", "99999d")), ("silent-after", ("366d",)):
        for value in bad:
            b("set", "store", name, value, exit=2, says=f"{name.replace('-', '_')}")
            if value != "29d":
                b("set", "store", name, value, exit=2, says="36500d" if name == "remember" else "1h to 365d")
            else:
                b("set", "store", name, value, exit=2, says="three times expire_after")
    for name, good in ("remember", ("30d", "36500d")), ("remind-after", ("1h",)), ("silent-after", ("365d",)):
        for value in good:
            b("set", "store", name, value)


main(Room)
