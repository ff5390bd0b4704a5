#!/usr/bin/env python3
"""Fault and kill sweep: each system call of a small run of every kind of file fails once, or from then on, or is where the
process is killed; then the same command is given again without a fault and must end in the undisturbed bytes, and so must
the next night.

usage: sweep.py BESIK SHIM.so [--kinds kill_before,kill_after,EIO,…] [--step N] [--first K] [--keep DIR]

Each point must end in exit 1 (or a kill) with no folder published, or be absorbed (exit 0, the undisturbed bytes). A kill or a
fault after the deciding transaction may leave the folder unpublished or published: the next command completes it.
--step N tries every N-th point only. Prints the count of points."""
import argparse, os, shutil, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))
from folders import folder  # noqa: E402
SAMPLE = os.path.join(HERE, "..", "sample")


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("besik")
    a.add_argument("shim")
    a.add_argument("--kinds", default="kill_before,kill_after,EIO,EIO!,ENOSPC,ENOSPC!,EINTR,EAGAIN,short,read:EIO,read:EIO!,read:EINTR,read:short")
    a.add_argument("--step", type=int, default=1)
    a.add_argument("--first", type=int, default=1)
    a.add_argument("--keep")
    o = a.parse_args()
    besik, shim = os.path.abspath(o.besik), os.path.abspath(o.shim)
    work = o.keep or tempfile.mkdtemp(prefix="besik-sweep-")
    os.makedirs(work, exist_ok=True)
    sample = os.path.abspath(SAMPLE)
    os.chdir(work)
    plain = dict(os.environ, BESIK_IO="plain")
    run = lambda store, out, night, *files: [besik, "run", store, "--out", out, "--as-of", f"2026-11-0{night + 1}T22:00:00+05:00", "--workers", "1", "--memory", "16M", *files]
    call = lambda args, env=plain: subprocess.run(args, env=env, capture_output=True, text=True)
    assert call([besik, "init", "evening", "--key", f"{sample}/key", "--shards", "4"]).returncode == 0
    assert call(run("evening", "out1", 1, f"{sample}/night1")).returncode == 0
    nights = [("out2", 2, [f"{sample}/night2"]), ("out3", 3, [f"{sample}/night3"])]
    want = {}
    shutil.copytree("evening", "plain")
    for out, night, files in nights:
        p = call(run("plain", out, night, *files))
        assert p.returncode == 0, p.stderr
        want[out] = folder(out)
    out, night, files = nights[0]
    points = bad = absorbed = 0
    for what in o.kinds.split(","):
        where, kind = what.split(":") if ":" in what else ("write", what)
        fault = dict(plain, LD_PRELOAD=shim, FAULT_CLASS=where, FAULT_KIND=kind.rstrip("!"), FAULT_ON="always" if kind.endswith("!") else "once")
        n, ended = o.first, False
        before = points
        while not ended:
            for x in ("store", "out2", "out3"):
                shutil.rmtree(x, ignore_errors=True)
            shutil.copytree("evening", "store")
            count = f"{work}/count"
            if os.path.exists(count):
                os.remove(count)
            p = call(run("store", out, night, *files), dict(fault, FAULT_AT=str(n), FAULT_COUNT=count))
            ended = os.path.exists(count) and int(open(count).read()) < n
            if ended:
                break
            points += 1
            wrong = []
            whole = os.path.exists(out)
            if p.returncode == 0:
                absorbed += 1
                if not whole or folder(out) != want[out]:
                    wrong.append("exit 0 with other bytes")
            elif kind.startswith("kill"):
                if p.returncode != -9:
                    wrong.append(f"exit {p.returncode}: {p.stderr[-200:]}")
            elif p.returncode not in (1, 2, 3) or not p.stderr.strip() or "bug at" in p.stderr:
                wrong.append(f"exit {p.returncode}: {p.stderr[-200:]}")
            if whole and folder(out) != want[out]:
                wrong.append("a folder of other bytes")
            for name, k, given in nights:
                q = call(run("store", name, k, *given))
                if q.returncode or folder(name) != want[name]:
                    wrong.append(f"then {name}: exit {q.returncode} {q.stderr.strip()[-200:]}" + (f" differs in {[f for f in want[name] if folder(name).get(f) != want[name][f]]}" if not q.returncode else ""))
            left = [x for x in os.listdir(".") if x.startswith(".")]
            if left:
                wrong.append(f"left behind: {left}")
                for x in left:
                    shutil.rmtree(x)
            if wrong:
                bad += 1
                print(f"{what} at {n}: " + "; ".join(wrong), flush=True)
            n += o.step
        print(f"{what}: {points - before} points", flush=True)
    print(f"{points} points, {absorbed} absorbed, {bad} bad")
    if not o.keep:
        shutil.rmtree(work)
    sys.exit(1 if bad else 0)


main()
