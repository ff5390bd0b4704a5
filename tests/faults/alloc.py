#!/usr/bin/env python3
"""Allocations that fail: the N-th one of a process, once or from then on, for N = 1 ... last, in init, ref, set, run (with one
worker and with three), report and case, over the sample.

usage: alloc.py BESIK SHIM.so [--sample N] [--seed S] [--jobs J] [--scenes run1,init,…] [--keep DIR]

Each point must be absorbed (exit 0, the undisturbed bytes) or end in exit 1 with a message that says what to do, nothing
published and no personal data told; then the same command given again, and the nights that follow, give the undisturbed bytes.
Nothing may crash or hang. --sample N tries N points of each scene and kind, drawn by the seed. Prints the count of points."""
import argparse, concurrent.futures, filecmp, os, random, re, shutil, subprocess, sys, tempfile, threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))
import folders  # noqa: E402
SAMPLE = os.path.abspath(os.path.join(HERE, "..", "sample"))
REF = os.path.abspath(os.path.join(HERE, "..", "..", "tools", "share", "ref"))
PERSONAL = re.compile(r"77\d{9}|\d{12}|KZ\d{2}\w{16}|[Ѐ-ӿ]")
ADVICE = re.compile(r"out of memory.*(free|fewer|less|again)|again")
NAME = re.compile(rb'"store": "[0-9a-f]+"')  # drawn by init
HANG = 60  # seconds: a point takes some hundredths


def folder(path):
    return {name: NAME.sub(b"", data) if name == "run.json" else data for name, data in folders.folder(path).items()}


def run_args(store, out, night, workers):
    return ["run", store, "--out", out, "--as-of", f"2026-11-0{night + 1}T22:00:00+05:00", "--workers", str(workers), "--memory", "16M",
            f"{SAMPLE}/night{night}"]


class Scene:
    """A command that is disturbed in a folder of its own, copied from `start`; `nights` are played after it."""

    def __init__(self, name, start, args, stdin="", out=None, nights=(), writes=True):
        self.name, self.start, self.args, self.stdin, self.out, self.nights, self.writes = name, start, args, stdin, out, nights, writes


SCENES = [
    Scene("init", "nothing", ["init", "store", "--key", f"{SAMPLE}/key", "--shards", "4"], nights=(1,)),
    Scene("ref", "evening", ["ref", "store", REF], nights=(2,)),
    Scene("set", "evening", ["set", "store", "remind-after", "1d"], nights=(2,)),
    Scene("run1", "evening", run_args("store", "out", 2, 1), out="out", nights=(3,)),
    Scene("run3", "evening", run_args("store", "out", 2, 3), out="out", nights=(3,)),
    Scene("report", "evening", ["report", "store"], writes=False),
    Scene("case", "evening", ["case", "store", "-", "--json"], stdin="77011200101\n", writes=False),
]


class Sweep:
    def __init__(self, besik, shim, work):
        self.besik, self.shim, self.work = besik, shim, work
        self.want = {}  # by scene: (what it prints, {folder: bytes})

    def call(self, where, args, stdin="", at=None, kind="once"):
        env = dict(os.environ)
        if at is not None:
            env.update(LD_PRELOAD=self.shim, ALLOC_AT=str(at), ALLOC_ON=kind, ALLOC_COUNT=f"{where}.count")
        try:
            return subprocess.run([self.besik, *args], cwd=where, env=env, input=stdin, capture_output=True, text=True, timeout=HANG)
        except subprocess.TimeoutExpired as e:
            return subprocess.CompletedProcess(args, "hang", "", str(e.stderr or ""))

    def fresh(self, scene, where):
        shutil.rmtree(where, ignore_errors=True)
        shutil.copytree(f"{self.work}/{scene.start}", where)

    def play(self, scene, where):
        """what the nights after the scene give"""
        folders = {}
        for night in scene.nights:
            p = self.call(where, run_args("store", f"night{night}", night, 1))
            folders[night] = (p.returncode, p.stderr.strip()) if p.returncode else folder(f"{where}/night{night}")
        return folders

    def prepare(self):
        os.makedirs(f"{self.work}/nothing")
        os.makedirs(f"{self.work}/evening")
        for args in (SCENES[0].args, run_args("store", "first", 1, 1)):
            p = self.call(f"{self.work}/evening", args)
            assert p.returncode == 0, p.stderr
        shutil.rmtree(f"{self.work}/evening/first")

    def undisturbed(self, scene):
        """how many allocations the scene makes"""
        where = f"{self.work}/{scene.name}.plain"
        self.fresh(scene, where)
        p = self.call(where, scene.args, scene.stdin, at=0)
        assert p.returncode == 0, p.stderr
        out = folder(f"{where}/{scene.out}") if scene.out else None
        self.want[scene.name] = (p.stdout, out, self.play(scene, where))
        assert all(isinstance(x, dict) for x in self.want[scene.name][2].values()), self.want[scene.name][2]
        return int(open(f"{where}.count").read())

    def point(self, scene, n, kind):
        """(was it met, absorbed, what is wrong)"""
        where = f"{self.work}/{scene.name}.{threading.get_ident()}"
        self.fresh(scene, where)
        if os.path.exists(f"{where}.count"):
            os.remove(f"{where}.count")
        p = self.call(where, scene.args, scene.stdin, n, kind)
        if os.path.exists(f"{where}.count") and int(open(f"{where}.count").read()) < n:
            return False, False, []
        printed, out, nights = self.want[scene.name]
        wrong = []
        if PERSONAL.search(p.stderr) or (scene.writes and PERSONAL.search(p.stdout)):
            wrong.append("personal data in what it says")
        if p.returncode == 0:
            same = p.stdout == printed if not scene.writes else True
            if not same or (scene.out and folder(f"{where}/{scene.out}") != out):
                wrong.append("exit 0 with other bytes")
        elif p.returncode != 1 or not ADVICE.search(p.stderr) or "bug at" in p.stderr:
            wrong.append(f"exit {p.returncode}: {p.stderr[-300:]}")
        if scene.out and os.path.exists(f"{where}/{scene.out}") and folder(f"{where}/{scene.out}") != out:
            wrong.append("a folder of other bytes")
        if scene.start == "nothing":
            untouched = False
        else:
            untouched = filecmp.cmp(f"{where}/store/data.mdb", f"{self.work}/evening/store/data.mdb", shallow=False)
        if not scene.writes and not untouched:
            wrong.append("a reader wrote to the store")
        # The very store that it began with, and nothing beside it: what follows is undisturbed for sure.
        if scene.writes and not (untouched and p.returncode and os.listdir(where) == ["store"]):
            if p.returncode:
                q = self.call(where, scene.args)
                if q.returncode or (scene.out and folder(f"{where}/{scene.out}") != out):
                    wrong.append(f"given again: exit {q.returncode} {q.stderr.strip()[-300:]}")
            then = self.play(scene, where)
            if then != nights:
                wrong.append(f"the nights after it differ: {[x for x in then.values() if not isinstance(x, dict)]}")
        left = [x for x in os.listdir(where) if x.startswith(".")]
        if left:
            wrong.append(f"left behind: {left}")
        return True, p.returncode == 0, wrong


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("besik")
    a.add_argument("shim")
    a.add_argument("--sample", type=int)
    a.add_argument("--seed", type=int, default=random.randrange(10**6))
    a.add_argument("--jobs", type=int, default=1)
    a.add_argument("--scenes")
    a.add_argument("--keep")
    o = a.parse_args()
    print(f"seed {o.seed}", flush=True)
    r = random.Random(o.seed)
    work = os.path.abspath(o.keep or tempfile.mkdtemp(prefix="besik-alloc-"))
    sweep = Sweep(os.path.abspath(o.besik), os.path.abspath(o.shim), work)
    sweep.prepare()
    points = absorbed = bad = 0
    with concurrent.futures.ThreadPoolExecutor(o.jobs) as pool:
        for scene in SCENES:
            if o.scenes and scene.name not in o.scenes.split(","):
                continue
            count = sweep.undisturbed(scene)
            for kind in ("once", "always"):
                numbers = range(1, count + 1)
                if o.sample and o.sample < count:
                    # of each of as many equal stretches one: none is left out for long
                    numbers = [1 + (i * count + r.randrange(count)) // o.sample for i in range(o.sample)]
                before, before_absorbed = points, absorbed
                for n, (met, fine, wrong) in zip(numbers, pool.map(lambda n: sweep.point(scene, n, kind), numbers)):
                    points += met
                    absorbed += met and fine
                    if wrong:
                        bad += 1
                        print(f"{scene.name}, {kind} at {n}: " + "; ".join(wrong), flush=True)
                print(f"{scene.name}, {kind}: {points - before} points of {count}, {absorbed - before_absorbed} absorbed", flush=True)
    print(f"{points} points, {absorbed} absorbed, {bad} bad")
    if not o.keep:
        shutil.rmtree(work)
    sys.exit(1 if bad or not points else 0)


main()
