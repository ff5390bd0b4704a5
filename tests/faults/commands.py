#!/usr/bin/env python3
"""Every command but run, init, ref and set (sweep.py and alloc.py have those) with each system call and each allocation of it
failing in turn, once or from then on.

usage: commands.py BESIK SHIM.so ALLOC.so [--points N] [--seed S] [--scenes list,export,…] [--keep DIR]

Each point must be absorbed (exit 0, the undisturbed bytes) or end in a documented exit with a message that names nobody; what
it was to write stands whole or not at all. A command that reads leaves the store as it was; one that writes is given again,
and the store then tells what the undisturbed one tells. --points N: of each scene and kind so many, spread evenly and
shifted by the seed; else all."""
import argparse, os, random, re, shutil, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SAMPLE = os.path.abspath(os.path.join(HERE, "..", "sample"))
KINDS = ("alloc:once", "alloc:always", "write:EIO", "write:ENOSPC!", "read:EIO", "read:EIO!", "write:short", "read:EINTR")
PERSONAL = re.compile(r"77\d{9}|\d{12}|KZ\d{2}\w{16}|[Ѐ-ӿ]")
PHONE = "77011200101\n"
HANG = 120  # seconds: a point takes some hundredths
TIMES = re.compile(rb'"timing": \{.*\}\}', re.S)


class Scene:
    """A command in a folder of its own that holds a store after four nights; `out` is what it makes. `fixed`: it prints the
    same each time. `half`: what `out` holds may be a part, as DIR is the caller's to give anew."""

    def __init__(self, name, args, stdin="", out=None, writes=False, fixed=True, half=False):
        self.name, self.args, self.stdin, self.out, self.writes, self.fixed, self.half = name, args, stdin, out, writes, fixed, half


def scenes(sms):
    return [
        Scene("status", ["status", "store"], fixed=False),
        Scene("status-json", ["status", "store", "--json"], fixed=False),
        Scene("list", ["list", "store", "--older", "1h"]),
        Scene("report", ["report", "store"]),
        Scene("case", ["case", "store", "-"], PHONE),
        Scene("check", ["check", "store"]),
        Scene("why", ["why", "store", sms]),
        Scene("profile", ["profile", "check", "--store", "store", f"{SAMPLE}/night1/{sorted(os.listdir(f'{SAMPLE}/night1'))[0]}"]),
        Scene("export", ["export", "store", "history", "--phones"]),
        Scene("export-csv", ["export", "store", "--csv", "sheets"], out="sheets", half=True),
        Scene("backup", ["backup", "store", "copy"], out="copy", fixed=False),
        Scene("reissue", ["reissue", "store", "2", "--out", "again"], out="again", fixed=False),
        Scene("forget", ["forget", "store", "-"], PHONE, writes=True, fixed=False),
        Scene("purge", ["purge", "store", "--closed-before", "2026-11-20T00:00:00+05:00"], writes=True, fixed=False),
        Scene("gen", ["gen", "dumps", "--cases", "200", "--days", "2", "--workers", "1"], out="dumps", fixed=False, half=True),
        # no `out`: where the folder cannot be read any more, what was to be removed from it stays
        Scene("capacity", ["capacity", "try", "--cases", "64", "--days", "2", "--workers", "1"], fixed=False),
    ]


def tree(path):
    """{name: bytes} of a folder and those in it; not LMDB's lock, run.json without its timing"""
    found = {}
    for folder, _, names in os.walk(path):
        for name in names:
            if name not in ("lock", "lock.mdb"):
                whole = os.path.join(folder, name)
                with open(whole, "rb") as file:
                    found[os.path.relpath(whole, path)] = TIMES.sub(b"", file.read()) if name == "run.json" else file.read()
    return found


class Sweep:
    def __init__(self, besik, shim, alloc):
        self.besik, self.shim, self.alloc = besik, shim, alloc
        os.makedirs("evening")
        self.must("evening", ["init", "store", "--key", f"{SAMPLE}/key", "--shards", "4"])
        for n in range(1, 5):
            self.must("evening", ["run", "store", "--out", f"out{n}", "--as-of", f"2026-11-0{n + 1}T22:00:00+05:00", "--workers", "1",
                                  f"{SAMPLE}/night{n}"])
        # far on, so that what closed may be purged
        self.must("evening", ["run", "store", "--out", "late", "--as-of", "2027-12-31T22:00:00+05:00"])
        with open("evening/out1/outbound-kcell.csv", encoding="utf-8") as file:
            self.sms = file.read().split("\n")[1].split(",")[0]
        for name in os.listdir("evening"):
            if name != "store":
                shutil.rmtree(f"evening/{name}")
        self.before = tree("evening/store")

    def must(self, where, args, stdin=""):
        p = self.call(where, args, stdin)
        assert p.returncode == 0, (args, p.returncode, p.stderr)
        return p.stdout

    def call(self, where, args, stdin="", kind=None, at=0):
        env = dict(os.environ, BESIK_IO="plain")
        if kind and kind.startswith("alloc"):
            env.update(LD_PRELOAD=self.alloc, ALLOC_AT=str(at), ALLOC_ON=kind.split(":")[1], ALLOC_COUNT=os.path.abspath("count"))
        elif kind:
            of, fault = kind.split(":")
            env.update(LD_PRELOAD=self.shim, FAULT_CLASS=of, FAULT_KIND=fault.rstrip("!"), FAULT_AT=str(at),
                       FAULT_ON="always" if fault.endswith("!") else "once", FAULT_COUNT=os.path.abspath("count"))
        try:
            return subprocess.run([self.besik, *args], cwd=where, env=env, input=stdin, capture_output=True, text=True, timeout=HANG)
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(args, "hang", "", "")

    def fresh(self):
        shutil.rmtree("here", ignore_errors=True)
        shutil.copytree("evening", "here")

    def told(self, store="store"):
        """what a store in `here` tells"""
        return [self.must("here", ["export", store, kind, "--phones"]) for kind in ("cases", "history", "sms", "requests")]

    def made(self, scene):
        """what the scene has made, or None; a store by what it tells, as its map is as large as the disk has room"""
        if not scene.out or not os.path.exists(f"here/{scene.out}"):
            return None
        return self.told(scene.out) if scene.name == "backup" else tree(f"here/{scene.out}")

    def undisturbed(self, scene, kind):
        self.fresh()
        p = self.call("here", scene.args, scene.stdin, kind, 0)
        assert p.returncode == 0, (scene.name, kind, p.returncode, p.stderr)
        with open("count") as file:
            calls = int(file.read().replace("\0", " ").split()[0])
        return p.stdout, self.made(scene), scene.writes and self.told(), calls

    def point(self, scene, kind, at, want):
        """(absorbed, what is wrong)"""
        printed, out, told, _ = want
        self.fresh()
        p = self.call("here", scene.args, scene.stdin, kind, at)
        wrong = []
        if p.returncode not in (0, 1, 2, 3, 4) or "bug at" in p.stderr:
            wrong.append(f"exit {p.returncode}")
        elif p.returncode and not (p.stderr.startswith("besik") or scene.name == "check" and p.stdout):
            wrong.append(f"exit {p.returncode} without a word")
        if PERSONAL.search(p.stderr):
            wrong.append("personal data in what it says")
        if p.returncode == 0 and scene.fixed and p.stdout != printed:
            wrong.append("exit 0 with other bytes")
        made = self.made(scene)
        if scene.out and (p.returncode == 0 or made and not scene.half) and made != out:
            wrong.append(f"exit {p.returncode}, and what it made differs")
        if not scene.writes and tree("here/store") != self.before:
            wrong.append("a reader wrote to the store")
        if scene.writes:
            again = p if p.returncode == 0 else self.call("here", scene.args, scene.stdin)
            if again.returncode:
                wrong.append(f"given again: exit {again.returncode}")
            elif self.told() != told or self.call("here", ["check", "store"]).returncode:
                wrong.append("the store tells something else")
        return p.returncode == 0, [f"{w}: {p.stderr.strip()[-200:]}" for w in wrong]


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("besik")
    a.add_argument("shim")
    a.add_argument("alloc")
    a.add_argument("--points", type=int)
    a.add_argument("--seed", type=int, default=random.randrange(10**6))
    a.add_argument("--scenes")
    a.add_argument("--keep")
    o = a.parse_args()
    print(f"seed {o.seed}", flush=True)
    r = random.Random(o.seed)
    paths = [os.path.abspath(path) for path in (o.besik, o.shim, o.alloc)]
    work = o.keep or tempfile.mkdtemp(prefix="besik-commands-")
    os.makedirs(work, exist_ok=True)
    os.chdir(work)
    sweep = Sweep(*paths)
    points = absorbed = bad = 0
    for scene in scenes(sweep.sms):
        if o.scenes and scene.name not in o.scenes.split(","):
            continue
        for kind in KINDS:
            want = sweep.undisturbed(scene, kind)
            calls, numbers = want[3], range(1, want[3] + 1)
            if o.points and calls > o.points:
                numbers = [1 + (i * calls + r.randrange(calls)) // o.points for i in range(o.points)]
            for at in numbers:
                fine, wrong = sweep.point(scene, kind, at, want)
                points += 1
                absorbed += fine
                bad += bool(wrong)
                if wrong:
                    print(f"{scene.name}: {kind} at {at} of {calls}: " + "; ".join(wrong), flush=True)
    print(f"{points} points, {absorbed} absorbed, {bad} bad")
    if not o.keep:
        os.chdir("/")
        shutil.rmtree(work)
    sys.exit(1 if bad or not points else 0)


if __name__ == "__main__":
    main()
