#!/usr/bin/env python3
"""Fault and kill sweep: each system call of a small run of every kind of file fails once, or from then on, or is where the
process is killed; then the same command is given again without a fault and must end in the undisturbed bytes, and so must
the next night. Likewise each call of init, given again until the store is made.

usage: sweep.py BESIK SHIM.so [--kinds kill_before,EIO,EIO!,read:EIO,ring:short,…] [--step N] [--first K] [--keep DIR]
       sweep.py BESIK SHIM.so --twice POINTS|all [--seed N]

A kind is CLASS:FAULT (write, read or ring; write unless told); ! is: from then on. Each point must end in exit 1 (or a kill)
with no folder published, or be absorbed (exit 0, the undisturbed bytes). A kill or a fault after the deciding transaction may
leave the folder unpublished or published: the next command completes it. No sync of a file may follow one that failed.
--step N tries every N-th point only. Prints the count of points.

--twice: killed at a write and, when the command is given again, killed at a write of that run too: so many pairs drawn by the
seed, or all of them."""
import argparse, os, random, re, shutil, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))
from folders import folder  # noqa: E402
from nights import SAMPLE, dumps  # noqa: E402
KINDS = ("kill_before,kill_after,EIO,EIO!,ENOSPC,ENOSPC!,EINTR,EAGAIN,short,read:EIO,read:EIO!,read:EINTR,read:EAGAIN,read:short,"
         "ring:kill_before,ring:kill_after,ring:EIO,ring:EIO!,ring:ENOSPC,ring:EINTR,ring:EAGAIN,ring:EAGAIN!,ring:short,ring:short!")


class Sweep:
    """the store of an evening, what the two nights after it make undisturbed, and tries to disturb them"""

    def __init__(self, besik, shim):
        self.besik, self.shim = besik, shim
        assert self.init("evening").returncode == 0
        self.given = {1: [f"{SAMPLE}/night1"]}
        assert self.night("evening", "out1", 1).returncode == 0
        self.first = nameless("out1")
        self.given = dumps("out1")
        self.want = {}
        shutil.copytree("evening", "undisturbed")
        for number in (2, 3):
            p = self.night("undisturbed", f"out{number}", number)
            assert p.returncode == 0, p.stderr
            self.want[f"out{number}"] = folder(f"out{number}")

    def call(self, args, **env):
        return subprocess.run(args, env=dict(os.environ, BESIK_IO="plain") | env, capture_output=True, text=True)

    def init(self, store, **env):
        return self.call([self.besik, "init", store, "--key", f"{SAMPLE}/key", "--shards", "4"], **env)

    def night(self, store, out, number, **env):
        return self.call([self.besik, "run", store, "--out", out, "--as-of", f"2026-11-0{number + 1}T22:00:00+05:00",
                          "--workers", "1", "--memory", "16M", *self.given[number]], **env)

    def again(self):
        for x in ("store", "out2", "out3"):
            shutil.rmtree(x, ignore_errors=True)
        shutil.copytree("evening", "store")

    def disturb(self, what, at, init=False):
        """night 2 (or init) with a fault in it: what became of the process, calls of the class (None: killed), syncs after a
        failed one"""
        where, kind = what.split(":") if ":" in what else ("write", what)
        if os.path.exists("count"):
            os.remove("count")
        command = (lambda **env: self.init("store", **env)) if init else lambda **env: self.night("store", "out2", 2, **env)
        p = command(LD_PRELOAD=self.shim, FAULT_CLASS=where, FAULT_KIND=kind.rstrip("!"), FAULT_AT=str(at),
                    FAULT_ON="always" if kind.endswith("!") else "once", FAULT_COUNT=os.path.abspath("count"),
                    BESIK_IO="" if where == "ring" else "plain")
        calls, syncs = ([*open("count").read().split()] + [None, None])[:2]
        return p, calls and int(calls), int(syncs or 0)

    def judge(self, what, p, syncs):
        """what is wrong with a disturbed run"""
        wrong = []
        whole, out = os.path.exists("out2"), "out2"
        if p.returncode == 0 and not whole:
            wrong.append("exit 0 and no folder")
        elif "kill" in what:
            if p.returncode not in (0, -9):
                wrong.append(f"exit {p.returncode}: {p.stderr[-200:]}")
        elif p.returncode not in (0, 1, 2, 3) or (p.returncode and not p.stderr.strip()) or "bug at" in p.stderr:
            wrong.append(f"exit {p.returncode}: {p.stderr[-200:]}")
        if whole and folder(out) != self.want[out]:
            wrong.append("a folder of other bytes")
        if syncs:
            wrong.append("a sync after one that failed")
        return wrong

    def go_on_from_init(self, p):
        """init again, where it failed, then night 1"""
        wrong = [] if p.returncode in (0, 1, -9) else [f"exit {p.returncode}: {p.stderr[-200:]}"]
        shutil.rmtree("out1")
        q = p if p.returncode == 0 else self.init("store")
        if q.returncode not in (0, 2):  # 2: it was whole
            wrong.append(f"then init: exit {q.returncode} {q.stderr.strip()[-200:]}")
        q = self.night("store", "out1", 1)
        if q.returncode or nameless("out1") != self.first:
            wrong.append(f"then out1: exit {q.returncode} {q.stderr.strip()[-200:]}, or it differs")
        os.makedirs("out1", exist_ok=True)
        return wrong

    def go_on(self):
        """the same night again, undisturbed, and the next: what is wrong with them"""
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
    kinds += [(what, True) for what, _ in kinds if not what.startswith("ring")]
    for what, init in kinds:
        before, at = points, o.first
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
            wrong += sweep.go_on_from_init(p) if init else sweep.judge(what, p, syncs) + sweep.go_on()
            if wrong:
                bad += 1
                print(f"{'init: ' * init}{what} at {at}: " + "; ".join(wrong), flush=True)
            at += o.step
        if points == before:
            bad += 1
        print(f"{'init: ' * init}{what}: {points - before} points", flush=True)
    print(f"{points} points, {absorbed} absorbed, {bad} bad")
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
    bad = (twice if o.twice else once)(Sweep(besik, shim), o)
    if not o.keep:
        shutil.rmtree(work)
    sys.exit(1 if bad else 0)


main()
