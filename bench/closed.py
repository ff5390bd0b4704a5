#!/usr/bin/env python3
"""What does a night cost on a store with many closed cases, against one with none?

usage: closed.py BUILD [--closed 1000000] [--open 20000] [--replies 1000] [--pairs 15] [--dir DIR]

Two stores of one key. The first gets --closed notices and two runs of the clock, at +3 d (reminders) and +10 d (expiry). Then
both get the same --open notices, and --pairs nights of --replies answers each, in turn: first the one, then the other, first
the other, then the one, … Each run begins with the store's file out of the page cache, so that pages read are counted.
Prints the medians, and the ratios of pages read, bytes written and time."""
import argparse, os, random, shutil, statistics, subprocess, tempfile
from datetime import datetime, timedelta, timezone

KZ = timezone(timedelta(hours=5))
BEGIN = datetime(2026, 9, 1, 22, tzinfo=KZ)
PREFIXES = "701 702 705 707 747 775 776 777 778".split()


def iin(r):
    while True:
        d = [int(c) for c in f"{75 + r.randrange(24)}{1 + r.randrange(12):02}{1 + r.randrange(28):02}4{r.randrange(10000):04}"]
        for w in ((1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11), (3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2)):
            c = sum(a * b for a, b in zip(d, w)) % 11
            if c < 10:
                return "".join(map(str, d)) + str(c)


def notices(path, count, begin, at, iins):
    with open(path, "w") as f:
        f.write("notice_id,registered_at,msisdn,mother_iin,birth_date,sex,child_order,region\n")
        phones = []
        for i in range(begin, begin + count):
            v = i * 15308643 % (len(PREFIXES) * 10**7)          # a permutation: all phones are distinct
            phones.append(f"7{PREFIXES[v // 10**7]}{v % 10**7:07}")
            f.write(f"N{i:09},{at.isoformat()},{phones[-1]},{iins[i % len(iins)]},{at.date()},F,1,354000000\n")
    return phones


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("build")
    for name, default in (("closed", 1_000_000), ("open", 20_000), ("replies", 1000), ("pairs", 15)):
        a.add_argument(f"--{name}", type=int, default=default)
    a.add_argument("--dir")
    o = a.parse_args()
    besik, timed = os.path.abspath(f"{o.build}/besik"), os.path.abspath(f"{o.build}/bench/timed")
    work = o.dir or tempfile.mkdtemp(prefix="besik-closed-")
    os.makedirs(work, exist_ok=True)
    os.chdir(work)
    r = random.Random(1)
    iins = [iin(r) for _ in range(4096)]
    key = bytes(range(16))
    open("key", "wb").write(key)
    outs = [0]

    def run(store, now, *files, cold=False):
        outs[0] += 1
        command = [timed] + (["--cold", f"{store}/data.mdb"] if cold else []) + ["--", besik, "run", store, "--out", f"out{outs[0]}", "--as-of", now.isoformat(), *files]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        shutil.rmtree(f"out{outs[0]}")
        return {k: float(v) for k, v in (x.split("=") for x in told.splitlines()[-1].split())}

    for store in ("many", "none"):
        subprocess.run([besik, "init", store, "--key", "key"], check=True)
    notices("closed.csv", o.closed, 0, BEGIN - timedelta(hours=1), iins)
    run("many", BEGIN, "closed.csv")
    run("many", BEGIN + timedelta(days=3))
    run("many", BEGIN + timedelta(days=10))
    run("none", BEGIN + timedelta(days=10))
    now = BEGIN + timedelta(days=10, hours=12)
    phones = notices("open.csv", o.open, o.closed, now - timedelta(hours=1), iins)
    for store in ("many", "none"):
        run(store, now, "open.csv")
    figures = {"many": [], "none": []}
    r.shuffle(phones)
    for night in range(o.pairs):
        now += timedelta(hours=1)
        with open("mo.csv", "w") as f:
            f.write("operator,message_id,received_at,msisdn,short_code,text\n")
            for i, phone in enumerate(phones[night * o.replies % len(phones):][:o.replies]):
                f.write(f"kcell,m{night}-{i},{(now - timedelta(minutes=5)).isoformat()},{phone},1414,R 1 {1 + i % 2}\n")
        for store in (("many", "none"), ("none", "many"))[night % 2]:
            figures[store].append(run(store, now, "mo.csv", cold=True))
    size = {s: os.path.getsize(f"{s}/data.mdb") for s in figures}
    print(f"{o.pairs} pairs of nights, {o.replies} replies each, {o.open} open cases; {o.closed} closed against none; store {size['many']} against {size['none']} bytes")
    for name in ("read_bytes", "written_bytes", "seconds", "cpu_seconds"):
        m, n = (statistics.median(x[name] for x in figures[s]) for s in ("many", "none"))
        ratio = statistics.median(x[name] / y[name] if y[name] else 1 for x, y in zip(figures["many"], figures["none"]))
        print(f"{name}: many {m:.3f} none {n:.3f} ratio of medians {m / n if n else 1:.3f}, median of ratios {ratio:.3f}")
    if not o.dir:
        shutil.rmtree(work)


main()
