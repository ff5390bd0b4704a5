#!/usr/bin/env python3
"""Memory is bounded by --memory, not by what comes in or by the store: contract, section 11.5.

usage: memory.py BESIK [--full] [--only SCENE…] [--memory SIZE…] [--workers N] [--dir DIR] [--tmp DIR]

Scenes: many messages of many phones, at three sizes; one phone with all of them; one shard with all; bombs of zstd (valid
records, zeros, one giant field, a window of 128 MiB); many files; many rejects and findings; totals. Each is played with small
and with ample memory, and must

  keep its anonymous memory (the greatest RssAnon seen) under --memory + 32 MiB + 4 MiB a worker,
  write the same bytes with either, where it is small enough to be played twice,
  leave no name in --tmp while it goes on, and its files there 0600.

--full: 30 million messages, 5 million of one phone, 10 GB bombs, 100,000 files."""
import argparse, glob, os, random, shutil, stat, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, f"{HERE}/oracle"]
import folders  # noqa: E402
from values import phone_hash  # noqa: E402

MIB = 1 << 20
HEADERS = {
    "notices": "notice_id,registered_at,msisdn,mother_iin,birth_date,sex,child_order,region\n",
    "messages": "operator,message_id,received_at,msisdn,short_code,text\n",
    "totals": "party,kind,from,to,count\n",
}
TEXTS = ["R 1 1", "R 1 1 Ахметова Айша", "R 1 1 2 1", "спасибо", "R 2 1", "R 1 1 9 9", "R 1 2", "?"]
NIGHTS = ("2026-11-20T23:59:59+05:00", "2026-11-24T22:00:00+05:00", "2026-11-25T22:00:00+05:00")


# ---- what goes in ----------------------------------------------------------------------------------------------------------------

def phone(i):
    return f"7701{i:07}"


def write(path, kind, rows):
    with open(path, "w", encoding="utf-8") as f:
        f.write(HEADERS[kind])
        part = []
        for row in rows:
            part.append(row)
            if len(part) == 20000:
                f.write("".join(part))
                part.clear()
        f.write("".join(part))


def notices(path, phones):
    write(path, "notices", (f"N{p},2026-11-01T08:00:00+05:00,{p},920819400219,2026-11-01,F,1,354000000\n" for p in phones))


def message(i, p):
    second = i % 250000
    return f"kcell,{i:x},2026-11-2{1 + second // 86400}T{second % 86400 // 3600:02}:{second % 3600 // 60:02}:{second % 60:02}.{i % 1000:03}+05:00,{p},1414,{TEXTS[i * 7 % 8]}\n"


def messages(path, count, phones, begin=0):
    write(path, "messages", (message(i, phones[i * 7919 % len(phones)]) for i in range(begin, begin + count)))


def packed(path, head, block, size, *options):
    """a bomb: the head, then the block again and again, `size` bytes in all"""
    zstd = subprocess.Popen(["zstd", "-q", "-1", *options, "-o", path], stdin=subprocess.PIPE)
    zstd.stdin.write(head)
    block *= max(1, (4 * MIB) // len(block))
    for _ in range(max(1, size // len(block))):
        zstd.stdin.write(block)
    zstd.stdin.close()
    if zstd.wait():
        sys.exit("zstd failed")


def scene_phones(count):
    def make(d):
        phones = [phone(i) for i in range(max(1, count // 4))]
        notices(f"{d}/night0/n.csv", phones)
        messages(f"{d}/night1/m.csv", count, phones)
        messages(f"{d}/night2/m.csv", count // 10, phones, count)
    return make


def scene_phone(count):
    def make(d):
        notices(f"{d}/night0/n.csv", [phone(1), phone(2)])
        messages(f"{d}/night1/m.csv", count, [phone(1)])
        messages(f"{d}/night2/m.csv", count // 10, [phone(1)], count * 9 // 10)     # some of them known, some not
    return make


def scene_shard(count):
    def make(d):
        phones = [p for p in map(phone, range(64 * 500)) if phone_hash(p) >> 58 == 11]
        notices(f"{d}/night0/n.csv", phones)
        messages(f"{d}/night1/m.csv", count, phones)
        messages(f"{d}/night2/m.csv", count // 10, phones, count)
    return make


def scene_records(size):
    def make(d):
        notices(f"{d}/night0/n.csv", [phone(1)])
        packed(f"{d}/night1/bomb.zst", HEADERS["messages"].encode(), message(1, phone(1)).encode(), size)
        messages(f"{d}/night2/m.csv", 10, [phone(1)])
    return make


def scene_zeros(size):
    def make(d):
        notices(f"{d}/night0/n.csv", [phone(1)])
        packed(f"{d}/night1/zeros.zst", HEADERS["messages"].encode(), bytes(MIB), size)
        packed(f"{d}/night1/field.zst", HEADERS["messages"].encode() + b'kcell,1,"', b"xxxx,\n;" + b"x" * 65536, size)
        packed(f"{d}/night1/window.zst", HEADERS["messages"].encode(), random.Random(1).randbytes(48 * MIB) * 3, 144 * MIB, "--long=27")
        messages(f"{d}/night2/m.csv", 10, [phone(1)])
    return make


def scene_files(count):
    def make(d):
        phones = [phone(i) for i in range(1000)]
        notices(f"{d}/night0/n.csv", phones)
        for i in range(count):
            if i % 1000 == 0:
                os.mkdir(f"{d}/night1/{i // 1000:03}")
            with open(f"{d}/night1/{i // 1000:03}/messages-of-some-operator-{i:06}.csv", "w") as f:
                f.write(HEADERS["messages"] + message(i, phones[i % 1000]))
        messages(f"{d}/night2/m.csv", 10, phones)
    return make


def scene_rejects(count):
    """a third no CSV, a third strangers', a third conflicts: each a reject, the last a finding too"""
    def make(d):
        phones = [phone(i) for i in range(1000)]
        notices(f"{d}/night0/n.csv", phones)
        write(f"{d}/night1/m.csv", "messages",
              (('"a"b\n', message(i, phone(5000000 + i)), f"kcell,same,2026-11-21T08:00:00+05:00,{phones[i % 1000]},1414,{i}\n")[i % 3] for i in range(count)))
        write(f"{d}/night1/t.csv", "totals", (f"kcell,messages,2026-11-21T00:00:00+05:00,2026-11-24T00:00:00+05:00,{i}\n" for i in range(count // 1000)))
        messages(f"{d}/night2/m.csv", 10, phones)
    return make


# name: (small, full, memory to play it with, is it played twice)
SCENES = {
    "few": (scene_phones(30_000), scene_phones(300_000), "16M", True),
    "some": (scene_phones(100_000), scene_phones(3_000_000), "64M", True),
    "many": (scene_phones(300_000), scene_phones(30_000_000), "64M", False),
    "phone": (scene_phone(150_000), scene_phone(5_000_000), "16M", True),
    "shard": (scene_shard(150_000), scene_shard(5_000_000), "16M", True),
    "records": (scene_records(50 * MIB), scene_records(10 << 30), "16M", False),
    "zeros": (scene_zeros(200 * MIB), scene_zeros(10 << 30), "16M", True),
    "files": (scene_files(2000), scene_files(100_000), "16M", True),
    "rejects": (scene_rejects(200_000), scene_rejects(6_000_000), "16M", True),
}


# ---- playing ---------------------------------------------------------------------------------------------------------------------

def value_of(status, name):
    at = status.find(name)
    return int(status[at + len(name) + 1:].split()[0]) * 1024 if at >= 0 else 0


def watch(command, tmp):
    """(greatest RssAnon, what is wrong with the files in tmp)"""
    wrong, peak, seen, turns = set(), 0, set(), 0
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while process.poll() is None:
        try:
            peak = max(peak, value_of(open(f"/proc/{process.pid}/status").read(), "RssAnon:"))
            turns += 1
            if turns % 8 == 0:
                wrong |= {f"{name} has a name" for name in os.listdir(tmp)}
                for fd in glob.glob(f"/proc/{process.pid}/fd/*"):
                    if os.readlink(fd).startswith(f"{tmp}/"):
                        seen.add(fd)
                        if stat.S_IMODE(os.stat(fd).st_mode) != 0o600:
                            wrong.add(f"a spill file of mode {os.stat(fd).st_mode:o}")
        except (FileNotFoundError, ProcessLookupError):
            pass
        time.sleep(.01)
    if process.returncode:
        wrong.add(f"exit {process.returncode}")
    return peak, wrong, len(seen)


def play(o, name, memory, work, workers):
    store, tmp, told = f"{work}/store-{memory}", f"{work}/tmp", []
    os.makedirs(tmp, exist_ok=True)
    with open(f"{work}/key", "wb") as f:
        f.write(b"0123456789abcdef")
    os.chmod(f"{work}/key", 0o600)
    subprocess.run([o.besik, "init", store, "--key", f"{work}/key"], check=True, stdout=subprocess.DEVNULL)
    bound = int(memory[:-1]) * MIB * (1024 if memory[-1] == "G" else 1) + 32 * MIB + 4 * MIB * workers
    failed, outs, peaks = [], [], []
    os.chdir(work)
    began = time.time()
    for night, as_of in enumerate(NIGHTS):
        out = f"{work}/out-{memory}-{night}"
        peak, wrong, spills = watch([o.besik, "run", store, "--out", out, "--as-of", as_of, "--memory", memory, "--tmp", tmp, "--workers", str(workers),
                                     f"night{night}"], tmp)
        if not wrong:
            outs.append(folders.folder(out) if o.compare else None)
        shutil.rmtree(out, ignore_errors=True)
        if peak > bound:
            wrong.add(f"{peak / MIB:.0f} MiB are more than {bound / MIB:.0f}")
        failed += [f"{name}, --memory {memory}, night {night}: {x}" for x in sorted(wrong)]
        peaks.append(f"{peak / MIB:.0f}")
    if o.compare:   # a record and a history in pieces are read by others too
        outs.append({"case": subprocess.run([o.besik, "case", store, phone(1), "--json"], check=True, capture_output=True).stdout})
    size = os.path.getsize(f"{store}/data.mdb")
    shutil.rmtree(store)
    print(f"{name:8} --memory {memory:>4} --workers {workers:2}: at most {' / '.join(peaks):>14} MiB anonymous of {bound / MIB:.0f}; store {size / MIB:.0f} MiB; {time.time() - began:.0f} s", flush=True)
    return failed, outs


def strip(outs):
    """as far as stores of two names can be alike"""
    import re
    return [{name: re.sub(rb'"store": "[0-9a-f]+"', b"", data) if name == "run.json" else data for name, data in out.items()} for out in outs]


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("besik"); a.add_argument("--full", action="store_true"); a.add_argument("--only", nargs="*", choices=list(SCENES))
    a.add_argument("--memory", nargs="*"); a.add_argument("--workers", type=int, default=2); a.add_argument("--dir"); a.add_argument("--tmp")
    o = a.parse_args()
    o.besik = os.path.abspath(o.besik)
    work, failed = tempfile.mkdtemp(prefix="besik-memory-", dir=o.dir), []
    try:
        for name in o.only or SCENES:
            small, full, memory, twice = SCENES[name]
            place = f"{work}/{name}"
            for night in range(3):
                os.makedirs(f"{place}/night{night}")
            (full if o.full else small)(place)
            o.compare = twice and not o.memory and not o.full
            plays = [play(o, name, m, place, o.workers) for m in o.memory or ([memory, "1G"] if o.compare else [memory])]
            failed += [x for wrong, _ in plays for x in wrong]
            if o.compare and not failed and strip(plays[0][1]) != strip(plays[1][1]):
                failed.append(f"{name}: other bytes with other memory")
            shutil.rmtree(place)
    finally:
        os.chdir("/")
        shutil.rmtree(work)
    print("\n".join(failed) or "memory: all within their bounds")
    sys.exit(bool(failed))


main()
