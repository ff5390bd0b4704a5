#!/usr/bin/env python3
"""The folder of a run, where a kill, or somebody, comes between its being written and its standing in place: what took effect is never
lost, what did not is never left, and no folder is taken for another run's.

usage: published.py BESIK SHIM.so"""
import glob, json, os, shutil, subprocess, sys, tempfile, traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))
from folders import folder  # noqa: E402
SAMPLE = os.path.join(HERE, "..", "sample")
BESIK, SHIM = map(os.path.abspath, sys.argv[1:3])


def same(what, got, want):
    if got != want:
        raise AssertionError(f"{what}: {str(got)[:300]}, not {str(want)[:300]}")


def besik(*args, exit=0, says="", **env):
    p = subprocess.run([BESIK, *map(str, args)], env=dict(os.environ, BESIK_IO="plain") | env, capture_output=True, text=True, timeout=120)
    same(f"besik {' '.join(map(str, args))}: exit ({p.stderr[-300:]})", p.returncode, exit)
    if says not in p.stderr:
        raise AssertionError(f"besik {' '.join(map(str, args))}: {says!r} is not in {p.stderr!r}")
    return p.stdout


def night(n, store="store", out=None, exit=0, says="", more=(), **env):
    return besik("run", store, "--out", out or f"out{n}", "--as-of", f"2026-11-0{n + 1}T22:00:00+05:00", "--workers", "1", *more, f"{SAMPLE}/night{n}",
                 exit=exit, says=says, **env)


def killed(at, **more):
    """night 2 with a kill before the `at`-th call that writes; how many there were where it was not killed"""
    env = dict(LD_PRELOAD=SHIM, FAULT_CLASS="write", FAULT_KIND="kill_before", FAULT_AT=str(at), FAULT_ON="once", FAULT_COUNT=os.path.abspath("count"))
    p = subprocess.run([BESIK, "run", "store", "--out", "out/2", "--as-of", "2026-11-03T22:00:00+05:00", "--workers", "1", f"{SAMPLE}/night2"],
                       env=dict(os.environ, BESIK_IO="plain") | env, capture_output=True, text=True, timeout=120)
    return None if p.returncode == -9 else int(open("count").read().replace("\0", " ").split()[0])


def hidden():
    return sorted(glob.glob(".*.besik-*") + glob.glob("*/.*.besik-*"))


def took_effect():
    return json.loads(besik("status", "store", "--json"))["run"] == 2


def start():
    for name in os.listdir("."):
        shutil.rmtree(name) if os.path.isdir(name) else os.remove(name)
    os.mkdir("out")
    besik("init", "store", "--key", f"{SAMPLE}/key")
    night(1)


def begun():
    """for each point of a run that is killed: whether it took effect"""
    start()
    shutil.copytree("store", "evening")
    calls = killed(10**6)
    want = folder("out/2")
    for at in range(calls, 0, -1):
        for name in "store", "out":
            shutil.rmtree(name)
        shutil.copytree("evening", "store")
        os.mkdir("out")
        same(f"killed at {at}", killed(at), None)
        yield at, took_effect(), want


def test_nothing_is_left():
    """of a run that was killed before it took effect the next command that writes takes its folder away, wherever that writes to"""
    points = 0
    for at, effect, _ in begun():
        if effect:
            continue
        left = hidden()
        besik("set", "store", "keep-runs", 5)
        same(f"killed at {at}: what is left", (hidden(), os.listdir("out"), os.path.exists("store/hidden")), ([], [], False))
        points += bool(left)
    same("points that left a folder", points > 3, True)
    return points


def test_nothing_is_lost():
    """of a run that was killed after it took effect, and whose hidden folder somebody took away, the folder comes all the same, byte for byte"""
    points = 0
    for at, effect, want in begun():
        if not effect:
            break
        if os.path.exists("out/2"):
            continue
        for path in hidden():
            shutil.rmtree(path)
        shutil.copytree("store", "after")
        for again in False, True:
            if again:
                same("given again", night(2, out="out/2").split()[:4], ["run", "2:", "done", "before:"])
            else:
                besik("set", "store", "keep-runs", 5)
            same(f"killed at {at}: the folder", folder("out/2") == want, True)
            same("what is beside it", hidden(), [])
            night(3)
            points += 1
            for name in "store", "out/2", "out3":
                shutil.rmtree(name)
            shutil.copytree("after", "store")
        shutil.rmtree("after")
    same("points", points > 0, True)
    return points


def test_restored():
    """the folder that comes again comes whole, however often the command that writes it is killed, or a call of it fails"""
    for at, effect, want in begun():
        if effect and not os.path.exists("out/2"):
            break
    for path in hidden():
        shutil.rmtree(path)
    shutil.copytree("store", "after")
    points = 0
    for kind, calls in ("kill_before", "write"), ("ENOSPC", "write"), ("EIO", "write"):
        at, over = 1, False
        while not over:
            p = subprocess.run([BESIK, "set", "store", "keep-runs", "5"], capture_output=True, text=True, timeout=120,
                               env=dict(os.environ, BESIK_IO="plain", LD_PRELOAD=SHIM, FAULT_CLASS=calls, FAULT_KIND=kind, FAULT_AT=str(at), FAULT_ON="once"))
            same(f"{kind} {at}: exit", p.returncode in (-9, 0, 1), True)
            over = p.returncode == 0
            same("what stands is whole", not os.path.exists("out/2") or folder("out/2") == want, True)
            for again in range(at % 2):  # or it is given on and on
                killed(at)
            same(f"{kind} {at}: given again", night(2, out="out/2").split()[:4], ["run", "2:", "done", "before:"])
            same("the folder", folder("out/2") == want, True)
            same("what is beside it", hidden(), [])
            points += 1
            at += 1
            shutil.rmtree("store")
            shutil.rmtree("out/2")
            shutil.copytree("after", "store")
    same("points", points > 30, True)
    return points


def test_parent_gone():
    """its parent folder taken away: said, with what to do; made again, the folder comes"""
    for at, effect, want in begun():
        if effect and not os.path.exists("out/2"):
            break
    shutil.rmtree("out")
    night(3, exit=1, says="the run took effect, but the folder in which its own is to appear")
    os.mkdir("out")
    os.mkdir("out/2")
    night(3, exit=1, says="make room for it")
    os.rmdir("out/2")
    night(3)
    same("the folder", folder("out/2") == want, True)


def test_side_by_side():
    """two stores that write to one place: each has a hidden folder of its own"""
    start()
    besik("init", "other", "--key", f"{SAMPLE}/key")
    names = set()
    for store in "store", "other":
        at, name = 1, []
        while not name:
            shutil.copytree(store, "copy")
            p = subprocess.run([BESIK, "run", "copy", "--out", "out/n", "--as-of", "2026-11-04T22:00:00+05:00", f"{SAMPLE}/night3"], capture_output=True,
                               env=dict(os.environ, BESIK_IO="plain", LD_PRELOAD=SHIM, FAULT_CLASS="write", FAULT_KIND="kill_before", FAULT_AT=str(at),
                                        FAULT_ON="once"))
            same("killed", p.returncode, -9)
            name = [x for x in hidden() if x not in names]
            shutil.rmtree("copy")
            at += 1
        names |= set(name)
    same("two hidden folders", len(names), 2)


def test_dry():
    """a dry run's folder is never taken for the run's, nor for another run of the same files"""
    start()
    night(2, out="try", more=["--dry-run"])
    night(2, out="try", exit=2, says="is of a dry run")
    night(2)
    night(2, out="try", exit=2, says="is of a dry run")
    besik("run", "store", "--out", "try", f"{SAMPLE}/night2", exit=2, says="is of a dry run")
    same("the same run", night(2).split()[2:4], ["done", "before:"])
    same("timing, without times", {k for k in json.load(open("try/run.json"))["timing"]} - {k for k in json.load(open("out2/run.json"))["timing"]}, {"dry_run"})
    besik("init", "other")
    besik("run", "other", "--out", "out2", exit=2, says="holds another run")
    os.mkdir("empty")
    open("file", "w").close()
    os.symlink("nowhere", "dangling")
    for path in "empty", "file", "dangling":
        night(3, out=path, exit=2, says=f"{path}: stands already and is no folder of a run")
    same("no as-of: the same run", besik("run", "store", "--out", "out2", f"{SAMPLE}/night2").split()[2:4], ["done", "before:"])


def main():
    failed, tests = 0, {name[5:]: test for name, test in globals().items() if name.startswith("test_")}
    for name, test in tests.items():
        with tempfile.TemporaryDirectory(prefix="besik-published-") as work:
            os.chdir(work)
            try:
                points = test()
                print(f"ok - {name}{f': {points} points' if points else ''}", flush=True)
            except Exception:
                failed += 1
                print(f"not ok - {name}: {traceback.format_exc()}", flush=True)
            os.chdir("/")
    print(f"published: {len(tests)} tests, {failed} failed")
    sys.exit(bool(failed))


main()
