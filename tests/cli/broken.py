#!/usr/bin/env python3
"""Files with odd names, and files that cannot be read: what is said of them, and in which order.

usage: broken.py BESIK [NAME…]         NAME: only these tests"""
import bz2, gzip, json, lzma, os, shutil, subprocess, zlib

from harness import BESIK, Failed, main, same

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
AS_OF = "2026-11-24T22:00:00+05:00"
MESSAGES = b"operator,message_id,received_at,msisdn,short_code,text\n"
BAD = MESSAGES + b"kcell,m1,x,77011200101,1414,R 1 1\n"


class Room:
    """a folder with an empty store; names and what is said are bytes"""

    def __init__(self, work):
        self.work = work
        self("init", "store")

    def __call__(self, *args, exit=0, **env):
        done = subprocess.run([BESIK, *args], capture_output=True, cwd=self.work, timeout=300, env=os.environ | env)
        if done.returncode != exit:
            raise Failed(f"besik {args}: exit {done.returncode}, not {exit}: {done.stderr[-400:]}")
        self.said = done.stderr.decode() # UTF-8, whatever the names are
        return done.stdout.decode()

    def path(self, name):
        return os.fsencode(self.work) + b"/" + os.fsencode(name)

    def write(self, name, data):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "wb") as f:
            f.write(data)

    def read(self, name):
        with open(self.path(name), "rb") as f:
            return f.read()

    def run(self, *files, exit=0, out="out", **env):
        self("run", "store", "--out", out, "--as-of", AS_OF, *files, exit=exit, **env)
        return self.said


def test_names_that_are_no_text(b):
    """a name that is not UTF-8 is shown alike in rejects.csv and in run.json, in the order of the real names"""
    names = [b"in/z\xff\xd0.csv", b"in/z\xfe,b.csv", b"in/\xd0\x96.csv", b"in/y\x80\xd0\x96.csv", b"in/\xc3\n.csv"]
    for i, name in enumerate(sorted(names)):
        b.write(name, MESSAGES + b"kcell,m%d,x,77011200101,1414,R 1 1\n" % i)
    b.run(b"in")
    files = [x["file"] for x in json.loads(b.read("out/run.json"))["inputs"]]
    same("in run.json", files, [n.decode() if n == b"in/\xd0\x96.csv" else "".join(chr(c) if c < 0x80 else "\ufffd" for c in n) for n in sorted(names)])
    quoted = ['"' + f + '"' if "," in f or "\n" in f else f for f in files]
    same("in rejects.csv", b.read("out/rejects.csv").decode(),
         "file,line,kind,outcome,reason,identity,msisdn,detail\n" +
         "".join(f"{f},2,messages,reject,bad_time,kcell:m{i},77011200101,not RFC 3339 with an offset\n" for i, f in enumerate(quoted)))


UNFIT = "; besik profile check FILE tells how one is read, or why not"
ONE = ": mend it, have it sent again, or leave it out"


def many(n):
    return f": mend these {n} files, have them sent again, or leave them out"


def test_all_at_once_in_the_order_of_names(b):
    """all that cannot be read is named by one run: headers, bytes, and paths; in the order of names, whatever the threads do"""
    cut = gzip.compress(os.urandom(9) + MESSAGES * 1000)[:-9]
    b.write("in/good.csv", BAD)
    want = {"in/link.csv": ": no such file or folder", "in/pipe.csv": ": not a plain file", "missing.csv": ": no such file or folder", "a/b.csv": ": no such file or folder"}
    for i in range(40):
        b.write(f"in/{i:02}.csv.gz", cut)
        want[f"in/{i:02}.csv.gz"] = ": gzip: cut short"
        b.write(f"in/{i:02}-header.csv", b"a,b,c\n")
        want[f"in/{i:02}-header.csv"] = ":1: its header fits no kind of file (are its columns parted by commas?)"
    os.symlink("nowhere", b.path("in/link.csv"))
    os.mkfifo(b.path("in/pipe.csv"))
    lines = [name + why for name, why in sorted(want.items())]
    for i in range(6):
        said = b.run("--workers", str(1 + i % 3), "missing.csv", "in", "a/b.csv", "missing.csv", exit=3)
        same("named", said, "besik run: " + "\n".join(lines) + many(len(want)) + UNFIT + "\n")
    same("no folder", os.path.exists(b.path("out")), False)
    # a folder that stands is not taken for that of a run with other files
    b.run("in/good.csv")
    same("stands", b.run("in/good.csv", "missing.csv", exit=3), f"besik run: missing.csv: no such file or folder{ONE}\n")


def test_the_last_line(b):
    """it says what failed, which file and line, and what to do"""
    for name, data, why in (("a.gz", gzip.compress(MESSAGES)[:-3], ": gzip: cut short"), ("b.csv", b"\n\nx\n", ":3: its header fits no kind of file (are its columns parted by commas?)"),
                            ("c.csv", None, ": no such file or folder")):
        if data:
            b.write(name, data)
        same(name, b.run(name, exit=3), f"besik run: {name}{why}{ONE}{UNFIT if 'header' in why else ''}\n")
    same("two", b.run("a.gz", "b.csv", exit=3), "besik run: a.gz: gzip: cut short\nb.csv:3: its header fits no kind of file (are its columns parted by commas?)" + many(2) + UNFIT + "\n")


def test_the_line_of_a_header(b):
    """it may stand behind blank lines: of plain and compressed files, small and large ones, and where profiles are asked"""
    wrong = (b"a,b\n", "its header fits no kind of file"), (b'"a', "its header is no CSV record (a quote that nothing closes, or over 64 KiB)"), (b"," * 5000 + b"\n", "its header has more than 4096 columns")
    for profiles in False, True:
        if profiles:
            shutil.copytree(f"{ROOT}/tools/share/ref", os.fsdecode(b.path("ref")))
            b.write("ref/dumps.ini", b"[t]\nkind = totals\nparty = a\ncolumn.kind = b\nfrom = c\nto = d\ncount = e\n")
            b("ref", "store", "ref")
        for header, why in wrong:
            for blank, line in (b"", 1), (b"\n\r\n\n", 4), (b"\xef\xbb\xbf\n", 2):
                for more in b"", b"x,y\n" * 5000:
                    for name, data in ("f.csv", blank + header + more), ("f.csv.gz", gzip.compress(blank + header + more)):
                        b.write(name, data)
                        said = b.run(name, "--workers", "2", exit=3, BESIK_BLOCK="4096")
                        want = f"besik run: {name}:{line}: {why}"
                        same(f"{name}, {why}, {len(more)} bytes more", said[:len(want)], want)


def test_thousands(b):
    """all are named, however many"""
    for i in range(6000):
        b.write(f"in/{i:04}.csv", b"x\n")
    said = b.run("in", exit=3)
    same("all", said, "besik run: " + "\n".join(f"in/{i:04}.csv:1: its header fits no kind of file (are its columns parted by commas?)" for i in range(6000)) + many(6000) + UNFIT + "\n")


def test_what_it_is(b):
    """a form that besik does not read is named by its first bytes, packed too, and where profiles are asked; two kinds and a column that lacks are"""
    known = {"UTF-16": [("\ufeff" + MESSAGES.decode()).encode(x) for x in ("utf-16-le", "utf-16-be")], "xz": [lzma.compress(MESSAGES)], "bzip2": [bz2.compress(MESSAGES)],
             "zip": [b"PK\3\4" + bytes(30)], "zlib": [zlib.compress(MESSAGES, n) for n in (1, 3, 6, 9)], "packed twice": [gzip.compress(gzip.compress(MESSAGES))], "PDF": [b"%PDF-1.7\n"],
             "UTF-32": [("\ufeff" + MESSAGES.decode()).encode("utf-32-le")], "7z": [b"7z\xbc\xaf\x27\x1c\0"], "RAR": [b"Rar!\x1a\7"], "compress": [b"\x1f\x9d\x90"], "lz4": [b"\4\x22\x4d\x18@"],
             "workbook": [b"\xd0\xcf\x11\xe0\xa1\xb1"]}
    two = b"operator,message_id,received_at,msisdn,short_code,text,sms_id,status,at\n"
    for profiles in False, True:
        if profiles:
            shutil.copytree(f"{ROOT}/tools/share/ref", os.fsdecode(b.path("ref")))
            b.write("ref/dumps.ini", "".join(f"[{name}]\nkind = messages\nmessage_id = id\noperator = \"kcell\"\nreceived_at = {at}\nmsisdn = caller\nshort_code = \"1414\"\ntext = body\n"
                                             for name, at in (("sms", "time"), ("smpp", "stamp"))).encode())
            b("ref", "store", "ref")
        for word, files in known.items():
            for data in files:
                for name, given in ("f", data), ("f.gz", gzip.compress(data)):
                    b.write(name, given)
                    said = b.run(name, exit=3)
                    same(f"{word}: {said}", (said.startswith(f"besik run: {name}:1: is "), word in said, said.endswith(f"{ONE}{UNFIT}\n")), (True,) * 3)
        either = "; no profile of dumps.ini reads it either" if profiles else ""
        for header, why in ((two, "its header fits two kinds of file (messages and receipts)" + either),
                            (b"id,stamp,caller,txt\n", "its header fits no kind of file (are its columns parted by commas?)" + (either + " (nearest: [smpp], which needs column 'body', and once)" if profiles else ""))):
            b.write("f.csv", header)
            same("told", b.run("f.csv", exit=3), f"besik run: f.csv:1: {why}{ONE}{UNFIT}\n")
            b("profile", "check", "--store", "store", "f.csv", exit=3)
            same("so is profile check", b.said, f"besik profile: f.csv:1: {why}\n")


ODD = b"in/a\n\tb\x1b[31m\x7f\xff\xc2\x85\xd0\x96\\.csv"
SHOWN = "in/a\\n\\tb\\x1b[31m\\x7f\\xff\\xc2\\x85Ж\\.csv"


def test_names_in_messages(b):
    """a name is one piece of one line, and does nothing to a terminal"""
    b.write(ODD, b"x\n")
    why = ":1: its header fits no kind of file (are its columns parted by commas?)"
    same("header", b.run(ODD, exit=3), f"besik run: {SHOWN}{why}{ONE}{UNFIT}\n")
    same("in a folder", b.run(b"in", exit=3), f"besik run: {SHOWN}{why}{ONE}{UNFIT}\n")
    b("profile", "check", ODD, exit=3)
    same("profile check", b.said.startswith(f"besik profile: {SHOWN}:1: ") and b.said.count("\n") == 1, True)
    same("missing", b.run(ODD + b"\n", exit=3), f"besik run: {SHOWN}\\n: no such file or folder{ONE}\n")
    for command in (("run", ODD, "--out", "o"), ("case", ODD, "77011200101"), ("status", ODD), ("set", ODD, "keep-runs", "3"), ("init", ODD), ("init", "new", "--ref", ODD), ("ref", "store", ODD),
                    ("init", "new", "--key", ODD), ("backup", "store", ODD), ("check", ODD), ("gen", ODD, "--cases", "1"), ("run", "store", "--out", ODD + b"/x"), ("run", "store", "--out", ODD),
                    ("run", "store", "--out", "o", "--metrics", ODD + b"/m")):
        done = subprocess.run([BESIK, *command], capture_output=True, cwd=b.work, timeout=300)
        said = done.stderr.decode()
        same(f"{command}: {done.returncode} {said}", (done.returncode > 0, {SHOWN in line for line in said.splitlines()}, [c for c in said if c < " " and c != "\n"]), (True, {True}, []))


def test_names_in_answers(b):
    """and so where a command that did its work shows it"""
    notice = b"notice_id,registered_at,msisdn,mother_iin,birth_date,sex,child_order,region\nN1,2026-11-23T08:00:00+05:00,77011200101,940312400117,2026-11-22,F,2,103200000\n"
    b.write(ODD, notice)
    b.run(ODD)
    sms = next(b.read(f"out/{n}").decode().splitlines()[1].split(",")[0] for n in os.listdir(b.path("out").decode()) if n.startswith("outbound"))
    for command in (("why", "store", sms), ("run", "store", "--out", ODD + b"4", "--as-of", "2026-11-26T08:00:00+05:00"), ("run", "store", "--out", ODD + b"4"), ("reissue", "store", "1", "--out", ODD + b"2"), ("gen", ODD + b"3", "--cases", "1"), ("profile", "check", ODD)):
        said = b(*command)
        same(f"{command}: {said}", (SHOWN in said, [c for c in said if c < " " and c != "\n" or c in "\x7f\x85"]), (True, []))


main(Room)
