#!/usr/bin/env python3
"""A fuzz target for some time, with a corpus that grows in build/fuzz-corpus/TARGET, and what it has done in sum.

usage: soak.py TARGET|all [--seconds N] [--seed N]       (tools/soak --fuzz hands over to this)
       soak.py TARGET|all --merge [--files N]            writes the grown corpus, made small, into tests/fuzz/corpus/TARGET
       soak.py TARGET|all --record                       moves what was done here into the tracked sums, tests/fuzz/executions.csv
       soak.py TARGET|all --sums                         shows the sums: the tracked ones and what was done here since

`all` goes through every target, the one with the fewest executions first. `run` plays whole runs against the plain model (run.py).
The goal for each is 10^8 executions or an hour of processor time in sum. What was done here and is not recorded yet stands in
build/fuzz-corpus/TARGET.count. What fails stands in build/fuzz-corpus/TARGET-crash-…, and is tried again with build/fuzz/tests/fuzz_TARGET FILE."""
import argparse, csv, glob, os, random, re, shutil, subprocess, sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
GROWN, BUILT, SUMS = f"{ROOT}/build/fuzz-corpus", f"{ROOT}/build/fuzz/tests", f"{HERE}/executions.csv"
TARGETS = sorted(os.path.basename(p)[5:-2] for p in glob.glob(f"{HERE}/fuzz_*.c"))
# how long an input may be: as long as what it can be needs, as speed hangs on it
SIZES = {"csv": 128, "csv_short": 256, "source": 512, "inflate": 256, "records": 384, "ref": 512, "texts": 512, "segment": 192, "store": 384, "phone_record": 384,
         "history": 256, "queues": 160}
SIZE = 96
# not weighed by how seldom what an input reaches is reached: with as many inputs as these have, that takes a third of the time or more
PLAIN = {"csv", "csv_short", "dump", "texts"}
FILES, FILE_SIZE = 40, 4096
# the goal for each target: so many executions, or so many seconds of the processor (others may share it, and it may be stopped)
EXECUTIONS, SECONDS = 10**8, 3600
# what makes the sanitizer slow and finds nothing here: long stacks of allocations, a long quarantine
SANITIZER = {**os.environ, "ASAN_OPTIONS": "quarantine_size_mb=4:malloc_context_size=2:max_malloc_fill_size=0"}


def build(names):
    for command in (["cmake", "--preset", "fuzz"], ["cmake", "--build", "--preset", "fuzz", "-j2", "--target", *[f"fuzz_{name}" for name in names]]):
        p = subprocess.run(["nice", "-n", "10", *command], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if p.returncode:
            sys.exit(f"soak: {' '.join(command)} failed:\n{p.stdout[-3000:]}")


def here(target):
    """executions (of run: runs) and seconds that were done here and are not recorded yet"""
    path = f"{GROWN}/{target}.count"
    return [int(x) for x in open(path).read().split()] if os.path.exists(path) else [0, 0]


def add_here(target, executions, seconds):
    path, before = f"{GROWN}/{target}.count", here(target)
    with open(path + ".new", "w") as f:
        print(before[0] + executions, before[1] + seconds, file=f)
    os.rename(path + ".new", path)


def recorded():
    with open(SUMS, newline="") as f:
        return {row["target"]: [int(row["executions"]), int(row["seconds"])] for row in csv.DictReader(f)}


def total(target):
    return [a + b for a, b in zip(here(target), recorded().get(target, [0, 0]))]


def share(target):
    """how far it has got"""
    done = total(target)
    return f"in sum {done[0]} executions in {done[1]} s, {min(1, max(done[0] / EXECUTIONS, done[1] / SECONDS)):.1%} of the goal"


def record(names):
    sums = recorded()
    for name in names:
        sums[name] = total(name)
    with open(SUMS + ".new", "w", newline="") as f:
        w = csv.writer(f, lineterminator="\n")
        w.writerow(["target", "executions", "seconds"])
        w.writerows([name, *sums[name]] for name in sorted(sums))
    os.rename(SUMS + ".new", SUMS)
    for name in names:
        done = here(name)
        add_here(name, -done[0], -done[1])


def command(target, seconds, seed):
    return ["nice", "-n", "19", f"{BUILT}/fuzz_{target}", f"-max_total_time={seconds}", f"-seed={seed % 2**32 or 1}", f"-max_len={SIZES.get(target, SIZE)}", f"-entropic={int(target not in PLAIN)}",
            "-print_final_stats=1", "-print_funcs=0", "-detect_leaks=0", "-reload=0", "-timeout=60", "-rss_limit_mb=2048", f"-artifact_prefix={GROWN}/{target}-",
            f"{GROWN}/{target}", f"{HERE}/corpus/{target}"]


def fuzz(target, seconds, seed):
    """True: nothing was found."""
    os.makedirs(f"{GROWN}/{target}", exist_ok=True)
    if target == "run":
        return subprocess.run([sys.executable, "-B", f"{HERE}/run.py", f"{ROOT}/build/release/besik", "--seconds", str(seconds), "--seed", str(seed),
                               "--keep", f"{GROWN}/run", "--count", f"{GROWN}/run.count"]).returncode == 0
    began = sum(os.times()[2:4])
    p = subprocess.run(command(target, seconds, seed), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace", cwd=f"{ROOT}/build", env=SANITIZER)
    found = re.search(r"number_of_executed_units: (\d+)", p.stderr)
    now = int(found.group(1)) if found else 0
    spent = round(sum(os.times()[2:4]) - began)
    add_here(target, now, spent)
    print(f"fuzz {target}: {now} executions in {spent} s; {share(target)}; {'clean' if p.returncode == 0 else 'FAILED'}", flush=True)
    if p.returncode:
        print(p.stderr[-4000:])
    return p.returncode == 0


def merge(target, files):
    """The corpus of the tree from what has grown: one file for each thing reached, the smallest first."""
    tree, small = f"{HERE}/corpus/{target}", f"{GROWN}/{target}.small"
    shutil.rmtree(small, ignore_errors=True)
    os.makedirs(small)
    named = {open(f"{tree}/{n}", "rb").read() for n in os.listdir(tree)} if os.path.isdir(tree) else set()
    subprocess.run([f"{BUILT}/fuzz_{target}", "-merge=1", f"-max_len={FILE_SIZE}", small] + [d for d in (tree, f"{GROWN}/{target}") if os.path.isdir(d)],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True, cwd=f"{ROOT}/build")
    new = sorted((p for p in glob.glob(f"{small}/*") if open(p, "rb").read() not in named), key=os.path.getsize)
    new = [p for p in new if os.path.getsize(p) <= FILE_SIZE][:: max(1, len(new) // files)][:files]
    os.makedirs(tree, exist_ok=True)
    for path in new:
        shutil.copy(path, f"{tree}/{os.path.basename(path)[:12]}")
    print(f"merge {target}: {len(os.listdir(small))} reach all, {len(new)} added to {len(named)}")
    shutil.rmtree(small)


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("target", help=", ".join(TARGETS + ["run", "all"]))
    a.add_argument("--seconds", type=int, default=60, help="for each target")
    a.add_argument("--seed", type=int, default=random.randrange(1, 2**31))
    a.add_argument("--merge", action="store_true")
    a.add_argument("--files", type=int, default=FILES)
    a.add_argument("--record", action="store_true")
    a.add_argument("--sums", action="store_true")
    o = a.parse_args()
    if o.target not in TARGETS + ["run", "all"]:
        a.error(f"{o.target}: there is {', '.join(TARGETS + ['run', 'all'])}")
    os.makedirs(GROWN, exist_ok=True)
    names = TARGETS + ["run"] if o.target == "all" else [o.target]
    if o.record:
        record(names)
    if o.record or o.sums:
        for name in names:
            print(f"{name}: {share(name)}")
        return
    print(f"seed {o.seed}", flush=True)
    if names != ["run"]:
        build([name for name in names if name != "run"])
    if o.merge:
        for name in names:
            if name != "run":
                merge(name, o.files)
        return
    names.sort(key=total)
    bad = [name for name in names if not fuzz(name, o.seconds, o.seed)]
    for name in names if len(names) > 1 else []:
        print(f"{name}: {share(name)}")
    print("fuzz: " + ("failed: " + ", ".join(bad) if bad else "all clean"))
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
