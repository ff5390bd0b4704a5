#!/usr/bin/env python3
"""The bulk replay: all notices of a large made-up load in one run, then all its messages in the next.

usage: replay.py BUILD [--messages 10000000] [--memory 1G] [--workers N] [--times 1] [--dir DIR]

Makes the load with gen.py beside this program (kept in DIR for the next time), a new store, and two runs. Prints for each run
records/s, seconds by stage, CPU seconds, bytes read and written, and the greatest anonymous memory. The clock runs from the
start of the command to its end: the folder is published and everything is fsynced by then."""
import argparse, json, os, shutil, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("build")
    a.add_argument("--messages", type=int, default=10_000_000)
    a.add_argument("--memory", default="1G")
    a.add_argument("--workers")
    a.add_argument("--times", type=int, default=1)
    a.add_argument("--dir")
    o = a.parse_args()
    besik, timed = os.path.abspath(f"{o.build}/besik"), os.path.abspath(f"{o.build}/bench/timed")
    work = o.dir or tempfile.mkdtemp(prefix="besik-replay-")
    load = os.path.abspath(f"{work}/load-{o.messages}")
    os.makedirs(work, exist_ok=True)
    if not os.path.exists(f"{load}/made"):
        subprocess.run([sys.executable, f"{HERE}/gen.py", load, "--messages", str(o.messages)], check=True)
        open(f"{load}/made", "w").close()
    os.chdir(work)
    for n in range(o.times):
        for name in ("store", "out1", "out2"):
            shutil.rmtree(name, ignore_errors=True)
        subprocess.run([besik, "init", "store"], check=True)
        for out, as_of, file in (("out1", "2026-11-20T23:59:59+05:00", "notices.csv"), ("out2", "2026-11-24T22:00:00+05:00", "messages.csv")):
            command = [timed, "--", besik, "run", "store", "--out", out, "--as-of", as_of, "--memory", o.memory, *(["--workers", o.workers] if o.workers else []), f"{load}/{file}"]
            told = dict(x.split("=") for x in subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1].split())
            run = json.load(open(f"{out}/run.json"))
            records = sum(run["counts"]["records"].values())
            mib = lambda x: f"{float(x) / 2**20:.0f} MiB"
            print(f"{file}: {records} records, {records / float(told['seconds']) / 1e6:.3f} M records/s, {told['seconds']} s, {told['cpu_seconds']} CPU s, stages {run['timing']['stages']}, "
                  f"read {mib(told['read_bytes'])}, written {mib(told['written_bytes'])}, anonymous {mib(told['anon_bytes'])} of --memory {o.memory}, {run['timing']['workers']} workers", flush=True)
    if not o.dir:
        shutil.rmtree(work)


main()
