#!/usr/bin/env python3
"""Flipped bits: one bit of a store's file, in a page that is in use, is another; LMDB itself would believe it.

usage: flips.py BESIK [--times N] [--seed N]

A store is brought to its second evening. Then, --times times: a copy of it with one bit flipped, drawn by page and place from all kinds
of pages of all tables. `besik check` must find it; the next run must end in the undisturbed bytes or in exit 1 or 3. A bit that means
nothing (gaps and padding, the older meta page, a key in a branch that still parts its neighbours, which earlier transaction freed a
page) may pass the check: then the run must end in the undisturbed bytes. Neither may end by a signal, or not end. Prints its seed first, its figures last; exit 1 where one is
wrong."""
import argparse, collections, os, random, shutil, struct, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from folders import folder  # noqa: E402

PAGE, NONE = 4096, 2**64 - 1


class Map:
    """What each byte of each page in use is: "NAME KIND" -> page -> [(begin, end) of bytes that mean something]"""

    def __init__(self, path):
        self.data = open(path, "rb").read()
        self.kinds = collections.defaultdict(dict)
        metas = [self.data[n * PAGE + 16:n * PAGE + 152] for n in (0, 1)]
        newest = max((0, 1), key=lambda n: struct.unpack_from("<Q", metas[n], 128)[0])
        for n in (0, 1):
            whole = [(0, 8), (10, 12), (16, 152)] if n == newest else [(0, 8), (10, 12), (16, 44), (144, 152)]
            self.kinds["meta newest" if n == newest else "meta older"][n] = whole
        self.tree("free", metas[newest][24:72])
        self.tree("tables", metas[newest][72:120], self.table)

    def table(self, key, value):
        self.tree(key.decode(), value)

    def tree(self, name, record, visit=lambda key, value: None):
        root = struct.unpack_from("<Q", record, 40)[0]
        if root != NONE:
            self.page(name, root, visit)

    def page(self, name, number, visit):
        page = self.data[number * PAGE:(number + 1) * PAGE]
        flags, lower = struct.unpack_from("<HH", page, 10)
        branch = flags & 1
        spans = [(0, 8), (10, lower)]
        self.kinds[f"{name} {'branch' if branch else 'leaf'}"][number] = spans
        for at in range(16, lower, 2):
            offset = struct.unpack_from("<H", page, at)[0]
            low, high, bits, key_size = struct.unpack_from("<4H", page, offset)
            value = offset + 8 + key_size
            size = low | high << 16
            if branch:
                spans.append((offset, offset + 8))
                self.page(name, size | bits << 32, visit)
            elif bits & 1:
                spans += [(offset, offset + 8), (value, value + 8)] if name == "free" else [(offset, value + 8)]
                first = struct.unpack_from("<Q", page, value)[0]
                for i in range((15 + size) // PAGE + 1):
                    self.kinds[f"{name} long"][first + i] = [(0, 8), (10, min(PAGE, size + 16))] if i == 0 else [(0, min(PAGE, size + 16 - i * PAGE))]
            else:
                spans += [(offset, offset + 8), (value, value + size)] if name == "free" else [(offset, value + size)]
                visit(page[offset + 8:value], page[value:value + size])

    def draw(self, r):
        """(kind, page, byte, whether it means something)"""
        kind = r.choice(sorted(self.kinds))
        number = r.choice(sorted(self.kinds[kind]))
        spans = self.kinds[kind][number]
        byte = r.randrange(*r.choice(spans)) if r.random() < 0.8 else r.randrange(PAGE)
        return kind, number, byte, any(begin <= byte < end for begin, end in spans)


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("besik")
    a.add_argument("--times", type=int, default=60)
    a.add_argument("--messages", type=int, default=4000)
    a.add_argument("--seed", type=int, default=random.randrange(10**6))
    o = a.parse_args()
    besik = os.path.abspath(o.besik)
    print(f"seed {o.seed}", flush=True)
    r = random.Random(o.seed)
    work = tempfile.mkdtemp(prefix="besik-flips-")
    subprocess.run([sys.executable, f"{HERE}/../bench/gen.py", f"{work}/load", "--messages", str(o.messages)], check=True, stdout=subprocess.DEVNULL)
    os.chdir(work)

    def call(*args):
        try:
            p = subprocess.run([besik, *args], capture_output=True, text=True, timeout=120, errors="replace")
            return p.returncode, (p.stdout.strip().splitlines() or [""])[-1] + " " + p.stderr.strip()[:300]
        except subprocess.TimeoutExpired:
            return 124, "it does not end"

    def run(store, out, as_of, *files):
        return call("run", store, "--out", out, "--as-of", as_of, "--memory", "16M", *files)

    lines = open("load/messages.csv").read().splitlines(True)
    for name, part in ("early", lines[1:len(lines) // 2]), ("late", lines[len(lines) // 2:]):
        open(f"{name}.csv", "w").writelines([lines[0], *part])
    assert call("init", "evening", "--shards", "256")[0] == 0
    for out, as_of, file in ("out0", "2026-11-20T23:59:59+05:00", "load/notices.csv"), ("out1", "2026-11-24T22:00:00+05:00", "early.csv"):
        assert run("evening", out, as_of, file)[0] == 0
    last = ("2026-11-28T22:00:00+05:00", "late.csv")
    shutil.copytree("evening", "store")
    assert run("store", "want", *last)[0] == 0
    want = folder("want")
    where, found, passed, same, stopped, bad = Map("evening/data.mdb"), 0, 0, 0, collections.Counter(), 0
    assert call("check", "evening")[0] == 0
    for n in range(o.times):
        kind, number, byte, means = where.draw(r)
        bit = r.randrange(8)
        for name in "store", "out":
            shutil.rmtree(name, ignore_errors=True)
        shutil.copytree("evening", "store")
        with open("store/data.mdb", "r+b") as file:
            file.seek(number * PAGE + byte)
            file.write(bytes([where.data[number * PAGE + byte] ^ 1 << bit]))
        checked, said = call("check", "store")
        code, told = run("store", "out", *last)
        undisturbed = code == 0 and folder("out") == want
        found += checked == 3
        passed += checked == 0
        same += undisturbed
        if not undisturbed:
            stopped[code] += 1
        if (checked not in (0, 3) or not (undisturbed or code in (1, 3)) or (checked == 0 and (means or not undisturbed))
                or (code and os.path.exists("out"))):
            bad += 1
            print(f"{n}: {kind}, page {number}, byte {byte}, bit {bit}{'' if means else ' (means nothing)'}: check {checked} {said}; "
                  f"run {code} {told}{'' if undisturbed else ', other bytes' if code == 0 else ''}", flush=True)
    pages = sum(map(len, where.kinds.values()))
    print(f"{o.times} flips in {pages} pages in use of {len(where.kinds)} kinds: {found} found by check, {passed} that mean nothing; "
          f"of the runs {same} ended in the undisturbed bytes, {', '.join(f'{count} in exit {code}' for code, count in sorted(stopped.items()))}; {bad} wrong")
    shutil.rmtree(work)
    sys.exit(1 if bad else 0)


main()
