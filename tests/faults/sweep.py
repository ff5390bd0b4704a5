#!/usr/bin/env python3
"""Fault and kill sweep: each system call of a small run of every kind of file fails once, or from then on, or is where the
process is killed; then the same command is given again without a fault and must end in the undisturbed bytes, and so must
the next night. Likewise each call of init, given again until the store is made.

usage: sweep.py BESIK SHIM.so [--kinds kill_before,EIO,EIO!,read:EIO,ring:short,…] [--step N] [--first K] [--messages N]
                [--keep DIR]
       sweep.py BESIK SHIM.so --twice POINTS|all [--seed N]

A kind is CLASS:FAULT (write, read or ring; write unless told); ! is: from then on. Each point must end in exit 1 (or a kill)
with no folder published, or be absorbed (exit 0, the undisturbed bytes). A kill or a fault after the deciding transaction may
leave the folder unpublished or published: the next command completes it. No sync of a file may follow one that failed.
--step N tries every N-th point only of those that are no kills, from one on that moves by one from kind to kind; --messages N: the night is so many
messages of bench/gen.py, which are spilled from some 100,000 on. Prints the count of points.

--twice: killed at a write and, when the command is given again, killed at a write of that run too: so many pairs drawn by the
seed, or all of them."""
import argparse, hashlib, os, random, re, shutil, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))
from folders import folder  # noqa: E402
from nights import SAMPLE, dumps  # noqa: E402
FAULTS = ("EIO", "ENOSPC", "EINTR", "EAGAIN", "short")
KINDS = ",".join(["kill_before", "kill_after", "ring:kill_before", "ring:kill_after"] +
                 [f"{where}:{fault}{on}" for where in ("write", "read", "ring") for fault in FAULTS for on in ("", "!")])
ADVICE = re.compile(r"again|make room|free some|restore|mend|wait|give another|make one")
HANG = 120  # seconds: a run takes some hundredths


class Sweep:
    """the store of an evening, what the two nights after it make undisturbed, and tries to disturb them"""

    days = {1: "02", 2: "03", 3: "04"}

    def __init__(self, besik, shim, messages=0):
        self.besik, self.shim, self.messages = besik, shim, messages
        if messages:
            self.days = {1: "20", 2: "24", 3: "28"}
            gen = [sys.executable, f"{HERE}/../../bench/gen.py", "load", "--messages", str(messages)]
            subprocess.run(gen, check=True, stdout=subprocess.DEVNULL)
        assert self.init("evening").returncode == 0
        self.given = self.dumps()
        assert self.night("evening", "out1", 1).returncode == 0
        self.first = nameless("out1")
        self.given = self.dumps("out1")
        self.want, self.tried = {}, {}
        shutil.copytree("evening", "undisturbed")
        for number in (2, 3):
            p = self.night("undisturbed", f"out{number}", number)
            assert p.returncode == 0, p.stderr
            self.want[f"out{number}"] = folder(f"out{number}")

    def dumps(self, first_out=None):
        if self.messages:
            return {1: ["load/notices.csv"], 2: ["load/messages.csv"], 3: []}
        return dumps(first_out) if first_out else {1: [f"{SAMPLE}/night1"]}

    def call(self, args, **env):
        try:
            return subprocess.run(args, env=dict(os.environ, BESIK_IO="plain") | env, capture_output=True, text=True, timeout=HANG)
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(args, "hang", "", "")

    def init(self, store, **env):
        return self.call([self.besik, "init", store, "--key", f"{SAMPLE}/key", "--shards", "4"], **env)

    def night(self, store, out, number, **env):
        return self.call([self.besik, "run", store, "--out", out, "--as-of", f"2026-11-{self.days[number]}T22:00:00+05:00",
                          "--workers", "1", "--memory", "16M", *self.given[number]], **env)

    def again(self):
        for x in ("store", "out2", "out3"):
            shutil.rmtree(x, ignore_errors=True)
        shutil.copytree("evening", "store")

    def disturb(self, what, at, init=False, **more):
        """night 2 (or init) with a fault in it: what became of the process, calls of the class (None: killed), syncs after a
        failed one"""
        where, kind = what.split(":") if ":" in what else ("write", what)
        if os.path.exists("count"):
            os.remove("count")
        command = (lambda **env: self.init("store", **env)) if init else lambda **env: self.night("store", "out2", 2, **env)
        p = command(LD_PRELOAD=self.shim, FAULT_CLASS=where, FAULT_KIND=kind.rstrip("!"), FAULT_AT=str(at),
                    FAULT_ON="always" if kind.endswith("!") else "once", FAULT_COUNT=os.path.abspath("count"),
                    BESIK_IO="" if where == "ring" else "plain", **more)
        calls, syncs = ([*open("count").read().replace("\0", " ").split()] + [None, None])[:2]
        return p, calls and int(calls), int(syncs or 0)

    def told(self, p):
        """a run that failed exits 1 and says what to do"""
        right = p.returncode == 1 and ADVICE.search(p.stderr) and "bug at" not in p.stderr
        return [] if right else [f"exit {p.returncode}: {p.stderr[-200:]}"]

    def judge(self, what, p, syncs):
        """what is wrong with a disturbed run"""
        wrong = []
        whole, out = os.path.exists("out2"), "out2"
        if p.returncode == 0 and not whole:
            wrong.append("exit 0 and no folder")
        elif "kill" in what:
            if p.returncode not in (0, -9):
                wrong.append(f"exit {p.returncode}: {p.stderr[-200:]}")
        elif p.returncode == 4 and "EAGAIN" in what and "busy" in p.stderr:
            pass  # of a lock EAGAIN says just that
        elif p.returncode:
            wrong += self.told(p)
        if whole and folder(out) != self.want[out]:
            wrong.append("a folder of other bytes")
        if syncs:
            wrong.append("a sync after one that failed")
        return wrong

    def go_on_from_init(self, what, p):
        """init again, where it failed, then night 1"""
        wrong = [] if p.returncode in (0, -9) or p.returncode == 4 and "EAGAIN" in what else self.told(p)
        shutil.rmtree("out1")
        q = p if p.returncode == 0 else self.init("store")
        if q.returncode not in (0, 2):  # 2: it was whole
            wrong.append(f"then init: exit {q.returncode} {q.stderr.strip()[-200:]}")
        q = self.night("store", "out1", 1)
        if q.returncode or nameless("out1") != self.first:
            wrong.append(f"then out1: exit {q.returncode} {q.stderr.strip()[-200:]}, or it differs")
        os.makedirs("out1", exist_ok=True)
        return wrong

    def stands(self):
        """what the disturbed run left, of which its locks are no part: hashed"""
        hash = hashlib.blake2b()
        for top in sorted(x for x in os.listdir(".") if x in ("store", "out2") or x.startswith(".")):
            for where, _, names in sorted(os.walk(top)):
                for name in sorted(names):
                    path = f"{where}/{name}"
                    locks = path in ("store/lock", "store/lock.mdb")
                    data = b"" if locks else open(path, "rb").read()
                    hash.update(f"{path}\0{len(data)}\0".encode() + data)
                hash.update(f"{where}\0".encode())
        return hash.digest()

    def go_on(self):
        """the same night again, undisturbed, and the next: what is wrong with them; once for each state"""
        stands = self.stands()
        if stands not in self.tried:
            self.tried[stands] = self.nights()
        return self.tried[stands]

    def nights(self):
        wrong = []
        for number in (2, 3):
            out = f"out{number}"
            p = self.night("store", out, number)
            if p.returncode:
                wrong.append(f"then {out}: exit {p.returncode} {p.stderr.strip()[-200:]}")
            elif folder(out) != self.want[out]:
                wrong.append(f"then {out} differs in {[f for f in self.want[out] if folder(out).get(f) != self.want[out][f]]}")
        left = [x for x in os.listdir(".") if x.startswith(".")]
        if left:
            wrong.append(f"left behind: {left}")
            for x in left:
                shutil.rmtree(x)
        return wrong


def nameless(path):
    """as folder(), without the store's name, which is drawn when it is made"""
    files = folder(path)
    return files | {"run.json": re.sub(rb'"store": "[0-9a-f]*"', b"", files["run.json"])}


def once(sweep, o):
    points = bad = absorbed = 0
    kinds = [(what, False) for what in o.kinds.split(",")]
    if not o.messages:
        kinds += [(what, True) for what, _ in kinds if not what.startswith("ring")]
    for number, (what, init) in enumerate(kinds):
        step = 1 if "kill" in what else o.step
        before, at = points, o.first + number % step
        while True:
            sweep.again()
            if init:
                shutil.rmtree("store")
            p, calls, syncs = sweep.disturb(what, at, init)
            if calls is not None and calls < at:
                break
            points += 1
            absorbed += p.returncode == 0
            wrong = ["a sync after one that failed"] if init and syncs else []
            wrong += sweep.go_on_from_init(what, p) if init else sweep.judge(what, p, syncs) + sweep.go_on()
            if wrong:
                bad += 1
                print(f"{'init: ' * init}{what} at {at}: " + "; ".join(wrong), flush=True)
            at += step
        if points == before:
            bad += 1
        print(f"{'init: ' * init}{what}: {points - before} points", flush=True)
    print(f"{points} points, {absorbed} absorbed, the others in {len(sweep.tried)} states, {bad} bad")
    return bad


def twice(sweep, o):
    """by kills before a call alone: after one is before the next"""
    sweep.again()
    _, calls, _ = sweep.disturb("kill_before", 0)
    r = random.Random(o.seed)
    some = None if o.twice == "all" else int(o.twice)
    firsts = range(1, calls + 1) if some is None else (r.randint(1, calls) for _ in range(some))
    pairs = seconds = bad = 0
    for first in firsts:
        at = 1
        while True:
            sweep.again()
            wrong = sweep.judge("kill_before", *sweep.disturb("kill_before", first)[::2])
            if some is not None:  # a moment of the second run, whose calls are as many as the first's or so
                at = r.randint(1, calls + 5)
            p, ended, syncs = sweep.disturb("kill_before", at)
            wrong += sweep.judge("kill_before", p, syncs)
            pairs += 1
            seconds += ended is None
            wrong += sweep.go_on()
            if wrong:
                bad += 1
                print(f"killed at {first}, then at {at}: " + "; ".join(wrong), flush=True)
            if some is not None or ended is not None:
                break
            at += 1
    print(f"{pairs} pairs of kills, {seconds} of them killed twice, {bad} bad")
    return bad or not seconds


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("besik")
    a.add_argument("shim")
    a.add_argument("--kinds", default=KINDS)
    a.add_argument("--step", type=int, default=1)
    a.add_argument("--first", type=int, default=1)
    a.add_argument("--messages", type=int, default=0)
    a.add_argument("--twice", metavar="POINTS")
    a.add_argument("--seed", type=int, default=random.randrange(10**6))
    a.add_argument("--keep")
    o = a.parse_args()
    besik, shim = os.path.abspath(o.besik), os.path.abspath(o.shim)
    work = o.keep or tempfile.mkdtemp(prefix="besik-sweep-")
    os.makedirs(work, exist_ok=True)
    os.chdir(work)
    if o.twice:
        print(f"seed {o.seed}", flush=True)
    bad = (twice if o.twice else once)(Sweep(besik, shim, o.messages), o)
    if not o.keep:
        shutil.rmtree(work)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
