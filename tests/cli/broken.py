#!/usr/bin/env python3
"""Files with odd names, and files that cannot be read: what is said of them, and in which order.

usage: broken.py BESIK [NAME…]         NAME: only these tests"""
import gzip, json, os, shutil, subprocess, sys

from harness import Failed, play, same

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
AS_OF = "2026-11-24T22:00:00+05:00"
MESSAGES = b"operator,message_id,received_at,msisdn,short_code,text\n"
BAD = MESSAGES + b"kcell,m1,x,77011200101,1414,R 1 1\n"


class Room:
    """a folder with an empty store; names and what is said are bytes"""

    def __init__(self, work):
        self.work = work
        self("init", "store")

    def __call__(self, *args, exit=0):
        done = subprocess.run([os.path.abspath(sys.argv[1]), *args], capture_output=True, cwd=self.work, timeout=300)
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

    def run(self, *files, exit=0, out="out"):
        self("run", "store", "--out", out, "--as-of", AS_OF, *files, exit=exit)
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


def main():
    tests = {k[5:]: f for k, f in globals().items() if k.startswith("test_") and (not sys.argv[2:] or k[5:] in sys.argv[2:])}
    return 1 if play(tests, Room) else 0


sys.exit(main())
