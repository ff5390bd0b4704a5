#!/usr/bin/env python3
"""Kills: a run that is killed at any instant, given again, ends in the bytes of an undisturbed one; so does the next night.

usage: kill.py BESIK [--times 40 | --kills N] [--messages 20000] [--seed N] [--keep DIR]

A store is brought to an evening (gen.py's notices in one run). Then, --times times, or until there were --kills: a copy of it
is given the messages and killed (SIGKILL) after a random moment, one to three times, given again until it ends, and followed
by a night of the clock, which is killed once too. Both folders are compared byte for byte (`timing` aside) with those of an undisturbed copy."""
import argparse, os, random, shutil, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from folders import folder  # noqa: E402


def main():
    a = argparse.ArgumentParser()
    a.add_argument("besik")
    a.add_argument("--times", type=int, default=40)
    a.add_argument("--kills", type=int)
    a.add_argument("--messages", type=int, default=20000)
    a.add_argument("--seed", type=int, default=random.randrange(10**6))
    a.add_argument("--keep")
    o = a.parse_args()
    besik = os.path.abspath(o.besik)
    print(f"seed {o.seed}", flush=True)
    r = random.Random(o.seed)
    work = o.keep or tempfile.mkdtemp(prefix="besik-kill-")
    os.makedirs(work, exist_ok=True)
    gen = f"{HERE}/../bench/gen.py"
    subprocess.run([sys.executable, gen, f"{work}/load", "--messages", str(o.messages)], check=True, stdout=subprocess.DEVNULL)
    os.chdir(work)
    run = lambda store, out, as_of, *files: [besik, "run", store, "--out", out, "--as-of", as_of, "--memory", "16M", *files]
    quiet = dict(stdout=subprocess.DEVNULL)
    subprocess.run([besik, "init", "evening"], check=True, **quiet)
    subprocess.run(run("evening", "out0", "2026-11-20T23:59:59+05:00", "load/notices.csv"), check=True, **quiet)
    nights = [("out1", "2026-11-24T22:00:00+05:00", ["load/messages.csv"]), ("out2", "2026-11-28T22:00:00+05:00", [])]
    shutil.copytree("evening", "plain")
    want, seconds = {}, {}
    for out, as_of, files in nights:
        began = time.monotonic()
        subprocess.run(run("plain", out, as_of, *files), check=True, **quiet)
        seconds[out] = time.monotonic() - began
        want[out] = folder(out)
    bad = kills = again = after = n = 0
    while n < o.times if o.kills is None else kills < o.kills:
        n += 1
        shutil.rmtree("store", ignore_errors=True)
        shutil.copytree("evening", "store")
        for out, as_of, files in nights:
            shutil.rmtree(out, ignore_errors=True)
            before = kills
            for _ in range(r.randint(1, 3) if files else 1):
                p = subprocess.Popen(run("store", out, as_of, *files), **quiet, stderr=subprocess.DEVNULL)
                time.sleep(r.random() * seconds[out] * 1.1)
                p.kill()
                killed = p.wait() < 0
                again += killed and kills > before
                kills += killed
                after += killed and os.path.exists(out)
                if os.path.exists(out) and "run.json" not in os.listdir(out):
                    bad += 1
                    print(f"{n}: a folder that is not whole")
            p = subprocess.run(run("store", out, as_of, *files), capture_output=True, text=True)
            if p.returncode or folder(out) != want[out]:
                bad += 1
                print(f"{n}: {out}: exit {p.returncode} {p.stderr.strip()} differs in {[k for k in want[out] if not os.path.exists(out) or folder(out).get(k) != want[out][k]]}", flush=True)
        left = [x for x in os.listdir(".") if x.startswith(".")]
        if left:
            bad += 1
            print(f"{n}: left behind: {left}")
    print(f"{n} times two nights, {kills} kills, {again} of them of a run after a killed one, {after} after the folder had appeared; {bad} differences")
    if not o.keep:
        shutil.rmtree(work)
    sys.exit(1 if bad else 0)


main()
