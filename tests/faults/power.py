#!/usr/bin/env python3
"""Power loss: what besik does to the disk is logged (log.c), and from the log are drawn states in which the disk may be after
the power went (disk.py tells which). On each the same command is given again, and then the next night's: both folders must
have the bytes of an undisturbed store.

usage: power.py BESIK LOG.so SHIM.so [--states 300] [--seed N] [--scenario NAME…] [--only SCENARIO:N] [--keep DIR]

Scenarios: night and ring (a night, by plain calls and by io_uring), killed (a night that was killed at a write, and then given
again), twice (the run after a loss of power meets another), merge (a night that merges segments), change (a setting),
init (a store is made), grow (a night that makes the store many times as large).

First a control: where no sync counts there must be bad states. A state is bad where a command fails, a folder has other bytes, or something is left behind. Equal states are tried once.
Assumed of the disk, as LMDB does: a sector of 512 bytes is written whole or not at all."""
import argparse, os, random, re, shutil, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))
sys.path.insert(0, HERE)
from folders import folder  # noqa: E402
from nights import SAMPLE, dumps  # noqa: E402
from disk import Log, State, digest, put, snapshot  # noqa: E402

WEIGHTS = {"night": 20, "ring": 20, "killed": 22, "twice": 12, "merge": 12, "change": 4, "init": 8, "grow": 2}
DRAWS = 40  # for each state, before it is said that there are no more


class Lab:
    """all happens in ./live, as a pending folder is known by its whole path"""

    def __init__(self, besik, log, shim, seed):
        self.besik, self.log, self.shim, self.r = besik, log, shim, random.Random(f"{seed}:lab")
        self.live = os.path.abspath("live")
        os.mkdir(self.live, 0o700)
        self.given = {1: [f"{SAMPLE}/night1"]}
        self.must(self.init())
        self.must(self.night(1))
        self.given = dumps("live/out1")
        self.evening = self.saved()
        for number in range(2, 8):
            self.must(self.night(number))
            if number == 3:
                self.later = self.saved()
        self.want = self.wanted(range(1, 8))

    def wanted(self, numbers):
        return {number: self.folder(number) for number in numbers}

    def saved(self):
        return {path: data for path, data in State(Bare(snapshot(self.live)), 0, random.Random(0)).tree().items() if "lock.mdb" not in path}

    def call(self, *args, io="plain", **env):
        return subprocess.run([self.besik, *args], cwd=self.live, env=dict(os.environ, BESIK_IO=io) | env, capture_output=True, text=True)

    def must(self, p):
        assert p.returncode == 0, p.stderr

    def init(self, **env):
        return self.call("init", "store", "--key", f"{SAMPLE}/key", "--shards", "4", **env)

    def night(self, number, **env):
        return self.call("run", "store", "--out", f"out{number}", "--as-of", f"2026-11-{number + 1:02}T22:00:00+05:00",
                         "--workers", "1", "--memory", "16M", *self.given.get(number, []), **env)

    def logged(self, base, *commands, deaf=False):
        """the log of commands, each a function of the environment, on a tree"""
        put(base, self.live)
        root, path = snapshot(self.live), os.path.abspath("log")
        if os.path.exists(path):
            os.remove(path)
        for command in commands:
            p = command(LD_PRELOAD=self.log, POWER_LOG=path, POWER_ROOT=self.live)
            assert p.returncode in (0, -9), p.stderr
        return Log(path, root, deaf)

    def killed(self, number, at):
        return lambda LD_PRELOAD, **env: self.night(number, LD_PRELOAD=f"{LD_PRELOAD} {self.shim}", FAULT_KIND="kill_before",
                                                    FAULT_AT=str(at), **env)

    def folder(self, number):
        """as folder(), whatever the store's name, which is drawn anew for each"""
        files = folder(f"live/out{number}")
        return files | {"run.json": re.sub(rb'"store": "[0-9a-f]*"', b"", files["run.json"])}

    def nights(self, *numbers, want=None):
        """gives nights: what is wrong"""
        wrong, want_all = [], want or self.want
        for number in numbers:
            p = self.night(number)
            if p.returncode:
                wrong.append(f"night {number}: exit {p.returncode} {p.stderr.strip()[-300:]}")
                continue
            got, want = self.folder(number), want_all[number]
            if got != want:
                wrong.append(f"night {number} differs in {sorted(x for x in got.keys() | want.keys() if got.get(x) != want.get(x))}")
        return wrong or self.left()

    def left(self):
        inside = set(os.listdir("live/store")) - {"key", "lock", "data.mdb", "lock.mdb", "looked"}
        left = [x for x in os.listdir("live") if x.startswith(".")] + sorted(inside)
        return [f"left behind: {left}"] if left else []


class Bare:
    """a tree to which nothing was done"""
    ops = []

    def __init__(self, root):
        self.root = root


class Scenario:
    """logs, and how to go on from a state of one"""

    def __init__(self, lab):
        self.lab, self.logs = lab, []
        self.make()

    def go_on(self, state):
        return self.lab.nights(2, 3)


class Night(Scenario):
    io, deaf = "plain", False

    def make(self):
        self.logs.append(self.lab.logged(self.lab.evening, lambda **env: self.lab.night(2, io=self.io, **env), deaf=self.deaf))


class Ring(Night):
    io = ""


class Deaf(Night):
    """the control: on a disk that does not hear of syncs some states are bad"""
    deaf = True


class Killed(Scenario):
    def make(self):
        at, killed = 1, -9
        while killed == -9:
            def first(**env):
                nonlocal killed
                p = self.lab.killed(2, at)(**env)
                killed = p.returncode
                return p
            self.logs.append(self.lab.logged(self.lab.evening, first, lambda **env: self.lab.night(2, **env)))
            at += 1


class Twice(Scenario):
    def make(self):
        log = self.lab.logged(self.lab.evening, lambda **env: self.lab.night(2, **env))
        for _ in range(24):
            base = State(log, self.lab.r.randint(1, log.end), self.lab.r).tree()
            self.logs.append(self.lab.logged(base, lambda **env: self.lab.night(2, **env)))


class Merge(Scenario):
    """three nights before: segments of like size, which the fourth merges"""

    def make(self):
        self.logs.append(self.lab.logged(self.lab.later, lambda **env: self.lab.night(4, **env)))

    def go_on(self, state):
        return self.lab.nights(4, 5)


class Change(Scenario):
    def change(self, **env):
        return self.lab.call("set", "store", "remind-after", "1h", **env)

    def make(self):
        self.logs.append(self.lab.logged(self.lab.evening, self.change))
        assert not [x for x in self.lab.nights(2, 3) if "differs" not in x]
        self.want = self.lab.wanted((2, 3))
        assert self.want != {number: self.lab.want[number] for number in self.want}

    def go_on(self, state):
        p = self.change() if state.at < state.log.end else None  # once it has ended it holds
        return [f"set: exit {p.returncode} {p.stderr}"] if p and p.returncode else self.lab.nights(2, 3, want=self.want)


class Init(Scenario):
    def make(self):
        self.logs.append(self.lab.logged({}, self.lab.init))

    def go_on(self, state):
        p = self.lab.init() if state.at < state.log.end else None
        if p and p.returncode not in (0, 2):  # 2: it stands already
            return [f"init: exit {p.returncode} {p.stderr}"]
        return self.lab.nights(1, 2)


class Grow(Scenario):
    def make(self):
        lab = self.lab
        subprocess.run([sys.executable, f"{HERE}/../../bench/gen.py", "load", "--messages", "30000"], check=True, stdout=subprocess.DEVNULL)
        lab.given[20], lab.given[21] = [os.path.abspath("load/notices.csv")], []
        grow = lambda **env: lab.night(20, **env)
        self.logs.append(lab.logged(lab.evening, grow))
        lab.must(lab.night(21))
        self.want = lab.wanted((20, 21))

    def go_on(self, state):
        return self.lab.nights(20, 21, want=self.want)


SCENARIOS = {"night": Night, "ring": Ring, "killed": Killed, "twice": Twice, "merge": Merge, "change": Change, "init": Init, "grow": Grow}


def draw(scenario, name, number, seed):
    r = random.Random(f"{seed}:{name}:{number}")
    log = r.choice(scenario.logs)
    state = State(log, r.randint(0, log.end), r)
    return state, state.tree()


def control(lab, seed):
    """can a bad state be told? How many were tried to meet one"""
    scenario = Deaf(lab)
    for number in range(1, 200):
        state, tree = draw(scenario, "deaf", number, seed)
        put(tree, lab.live)
        if scenario.go_on(state):
            return number
    sys.exit("no state was bad on a disk that does not hear of syncs: this test would see nothing")


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("besik")
    a.add_argument("log")
    a.add_argument("shim")
    a.add_argument("--states", type=int, default=300, help="different ones, in all")
    a.add_argument("--seed", type=int, default=random.randrange(10**6))
    a.add_argument("--scenario", action="append", choices=SCENARIOS)
    a.add_argument("--only", help="SCENARIO:N, one state again")
    a.add_argument("--keep")
    o = a.parse_args()
    print(f"seed {o.seed}", flush=True)
    paths = [os.path.abspath(x) for x in (o.besik, o.log, o.shim)]
    work = o.keep or tempfile.mkdtemp(prefix="besik-power-")
    os.makedirs(work, exist_ok=True)
    os.chdir(work)
    lab = Lab(*paths, o.seed)
    names = [o.only.split(":")[0]] if o.only else o.scenario or list(SCENARIOS)
    if not o.only:
        print(f"control: without syncs, bad at state {control(lab, o.seed)}", flush=True)
    tried = drawn = bad = 0
    for name in names:
        scenario, seen = SCENARIOS[name](lab), set()
        share = max(1, o.states * WEIGHTS[name] // sum(WEIGHTS[x] for x in names))
        numbers = [int(o.only.split(":")[1])] if o.only else range(share * DRAWS)
        wrong_here = loose = 0
        for number in numbers:
            state, tree = draw(scenario, name, number, o.seed)
            drawn += 1
            key = digest(tree), state.at == state.log.end
            if key in seen:
                continue
            seen.add(key)
            loose += state.loose
            put(tree, lab.live)
            if wrong := scenario.go_on(state):
                wrong_here += 1
                print(f"{name}:{number} at {state.at} of {state.log.end}, kept {len(state.kept)} of {len(state.log.ops)}: " + "; ".join(wrong), flush=True)
            if len(seen) == share:
                break
        print(f"{name}: {len(seen)} states of {len(scenario.logs)} logs, {loose / len(seen):.1f} operations in doubt in each, {wrong_here} bad", flush=True)
        tried, bad = tried + len(seen), bad + wrong_here
    print(f"{tried} different states of {drawn} drawn, {bad} bad")
    if not o.keep:
        shutil.rmtree(work)
    sys.exit(1 if bad else 0)


main()
