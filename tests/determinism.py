#!/usr/bin/env python3
"""The same bytes whatever the machine: contract, section 11.3.

    determinism.py BESIK [--all] [--seed N] [--count N] [--cases N] [--keep DIR]

One set of inputs for several runs is made in closed loop (citizens, agencies and operators of oracle/population.py answer what
the program puts out) and laid out nastily: quoted texts of several lines, quotes in bare fields, broken records, CRLF, blank
lines, an unclosed end. It is then played again in stores of the same key, by other workers, shards, orders and cuts of the
files, compression, ways of reading, sizes of blocks and of memory. All outputs must be the same, save

  cut otherwise            `file` and `line` in rejects.csv, and so its order; `inputs` of run.json but their sums by kind
  compressed               `bytes` and `xxh128` in `inputs`
  any                      `timing` and `store` of run.json

A sample of the product of all these, every value of each several times, unless --all. Exit 1 where anything differs; what is
printed then is enough to play the one combination again with --only."""
import argparse, csv, gzip, hashlib, io, itertools, json, os, random, re, shutil, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "oracle"))
import population, records, values as v  # noqa: E402
from values import DAY  # noqa: E402

START = v.time("2026-11-20T22:00:00+05:00")
AXES = {
    "workers": ["1", "2", "3", "7"],
    "shards": ["64", "1", "1024"],
    "cut": ["one", "many", "all"],
    "order": ["folder", "shuffled", "backwards"],
    "pack": ["plain", "gzip", "zstd"],
    "io": ["uring", "plain"],
    "block": ["-", "16", "61", "256", "1000", "4096"],
    "memory": ["-", "16M"],
}


# ---- what the files hold: chunks of bytes that stand for themselves, whatever follows --------------------------------------------

class Nasty:
    """records of one kind, as chunks that are read alike wherever a file is cut between them"""

    def __init__(self, kind, r):
        self.kind, self.r = kind, r
        need, may = records.KINDS[kind]
        self.columns = need + may
        r.shuffle(self.columns)
        for _ in range(r.randint(1, 2)):
            self.columns.insert(r.randint(0, len(self.columns)), f"extra{len(self.columns)}")
        self.header = ",".join(f'"{c}"' if r.random() < .2 else c for c in self.columns).encode() + r.choice([b"\n", b"\r\n"])
        if r.random() < .5:
            self.header = b"\xef\xbb\xbf" + self.header
        self.lines = []     # whole records, for the insides of quoted fields

    def field(self, s):
        r = self.r
        if re.search('[,\r\n]', s) or s.startswith('"') or r.random() < .15:
            return b'"' + s.encode().replace(b'"', b'""') + b'"'
        return s.encode()   # quotes inside a bare field are data

    def extra(self):
        r = self.r
        inner = [x.decode("utf-8", "replace") for x in r.sample(self.lines, min(len(self.lines), r.randint(0, 2)))]
        return r.choice(["", "x", 'a "b" c', 'a""', "\n", "\r\n\r\n", '"', '""\n"', "line\nline", ",\n,", "x" * r.randint(0, 300), "\n".join(["", *inner, ""]), "ж\n" * r.randint(0, 40)])

    def end(self):
        return self.r.choice([b"\n", b"\n", b"\r\n"])

    def record(self, row, plain):
        return b",".join(self.field(row.get(c, "")) if plain or not c.startswith("extra") else self.field(self.extra()) for c in self.columns)

    def broken(self):
        """chunks that are, or begin with, no CSV"""
        r = self.r
        some = b"".join(x + b"\n" for x in r.sample(self.lines, min(len(self.lines), r.randint(0, 3))))
        commas = b"," * (len(self.columns) - 1)
        return r.choice([
            b'"a"b' + commas, b'x,"y" ,z', b'"', b'"a" "b"', b"h" * 65537, b"h" * 70000 + commas, b'x,"' + b"many lines\n" * 7000 + b'"', b'"open\n' + some + b'shut"x',
            b'"a\nb"c\nd"e', b'"\n\n"x', b",", b"", b"\r", b'a"b', b'"' + some + b'"', b'"' + b'""\n' * 300 + b'"x', b'"' + b"," * 40000 + b'"' + commas, b",".join([b"x"] * 5000),
            b'"' + b"x" * 65533 + b'"', b'"' + b"x" * 65534 + b'"', b'"' + b"x" * 65535 + b'"', b"\n" * r.randint(1, 40), b"\r\n" * r.randint(1, 9) + b"\n\r"]) + self.end()

    def chunks(self, pieces):
        out, r = [], self.r
        for p in pieces:
            chunk = (population.record(p, [c if not c.startswith("extra") else "extra" for c in self.columns], r, True) if p.spoil else self.record(p.row, p.alone)) + self.end()
            if not p.spoil:
                self.lines = (self.lines + [chunk.rstrip(b"\r\n")])[-40:]
            odd = [chunk] if p.spoil else []
            if r.random() < .06:
                odd.append(self.broken())
            out += [] if p.spoil else [chunk]
            out += [c for c in odd if self.stands_alone(c)]
            if r.random() < .08:
                out.append(r.choice([b"\n", b"\r\n", b"\n\n\r\n"]))
        return out

    def stands_alone(self, chunk):
        return all(self.read(chunk + x) == self.read(chunk) + self.read(x) for x in (b"x\n", b'"\n', b'","\n', b'"x"\n', b'x"\n', b'""\n"x"\n'))

    def read(self, data):
        return [fields for _, fields in records.table(b"a,b\n" + data)[1]]

    def tail(self):
        """the end of a file: unclosed, or without its line end"""
        r = self.r
        last = r.choice(self.lines) if self.lines else b"x"
        return r.choice([b"", b"", b'x,"unclosed\n' + last + b"\n" + last, last, b'"', last + b"\r", b'"x"', b"\n\n", b"h" * 66000])


class Inputs:
    """one run's files: by kind a header, chunks and an end"""

    def __init__(self, r, pieces, nasty):
        self.kinds = {}
        for kind in sorted({p.kind for p in pieces}):
            maker = nasty.setdefault(kind, Nasty(kind, r))
            self.kinds[kind] = (maker.header, maker.chunks([p for p in pieces if p.kind == kind]), maker.tail())

    def layout(self, cut, r):
        """[(name, bytes)] of a cut; what is in each file is the same for all that cut so"""
        out = []
        for kind, (header, chunks, tail) in self.kinds.items():
            if cut == "one":
                out.append((f"{kind}.csv", header + b"".join(chunks) + tail))
                continue
            chunks = list(chunks)
            if cut == "many":
                r.shuffle(chunks)
            files = min(len(chunks), r.randint(2, 9)) or 1
            cuts = sorted(r.randint(0, len(chunks)) for _ in range(files - 1))
            for i, (a, b) in enumerate(zip([0] + cuts, cuts + [len(chunks)])):
                name = f"{r.choice(['', '', 'а/', 'b/c/'])}{r.randint(0, 99):02}-{kind}-{i}{r.choice(['.csv', '', '.csv.gz', '.zst'])}"
                out.append((name, header + b"".join(chunks[a:b]) + (tail if i == files - 1 else b"")))
        return out


def pack(data, how, r):
    if how == "plain" or how == "gzip" and not data:
        return data
    cuts = sorted(r.randint(0, len(data)) for _ in range(r.choice([0, 1, 3])))
    parts = [data[a:b] for a, b in zip([0] + cuts, cuts + [len(data)])]
    if how == "gzip":
        return b"".join(gzip.compress(p, 1, mtime=0) for p in parts)
    return b"".join(subprocess.run(["zstd", "-qc1"], input=p, capture_output=True, check=True).stdout for p in parts)


# ---- playing -------------------------------------------------------------------------------------------------------------------------------

class Play:
    def __init__(self, besik, work, seed, cases, rounds):
        self.besik, self.work, self.seed, self.cases, self.rounds = besik, work, seed, cases, rounds
        self.r = random.Random(f"{seed} determinism")
        self.inputs, self.as_of, self.laid, self.wanted = [], [], {}, {}
        os.makedirs(work, exist_ok=True)
        population.write_ref(f"{work}/ref", [("kcell", v.show(START + 3 * DAY), v.show(START + 4 * DAY))])
        with open(f"{work}/key", "wb") as f:
            f.write(hashlib.md5(str(seed).encode()).digest())
        self.serial = 0

    def store(self, name, shards):
        path = f"{self.work}/store-{name}"
        self.call(["init", path, "--ref", f"{self.work}/ref", "--key", f"{self.work}/key", "--shards", shards, "--remind-after", "1d", "--expire-after", "2d", "--response-after", "2d", "--receipt-after", "1d"], self.work)
        return path

    def call(self, args, cwd, **env):
        p = subprocess.run([self.besik, *args], cwd=cwd, capture_output=True, env=dict(os.environ, **env), timeout=300)
        if p.returncode:
            raise SystemExit(f"FAILED (exit {p.returncode}): in {cwd}: {' '.join(f'{k}={x}' for k, x in env.items())} besik {' '.join(args)}\n{p.stderr.decode(errors='replace')}")

    def make(self):
        """all inputs, in closed loop with a store of its own"""
        pop = population.Population(f"{self.seed}", "mix", self.cases)
        pop.f.update(odd_files=0, bad=.1, conflict=.06, totals=.6, late=.2, tie=.3, early_withdraw=.05, withdraw=.06, second=.4)
        store, nasty, now, sms, requests = self.store("make", "64"), {}, START, [], []
        for n in range(self.rounds):
            pieces = pop.day(now, sms, requests, max(1, self.cases // max(1, self.rounds - 4)) if n < self.rounds - 3 else 0)
            if n == self.rounds - 1:
                pieces += self.storm(pop, now)
            self.inputs.append(Inputs(self.r, pieces, nasty))
            self.as_of.append(now)
            d = self.lay(n, "one", "plain")
            out = f"{self.work}/made-{n}"
            self.call(["run", store, "--out", out, "--as-of", v.show(now), "in"], d)
            sms, requests = [], []
            for name in sorted(os.listdir(out)):
                with open(f"{out}/{name}", encoding="utf-8", newline="") as f:
                    if name.startswith("outbound-"):
                        op = name[len("outbound-"):-len(".csv")]
                        sms += [dict(row, operator=op) for row in csv.DictReader(f)]
                    if name.startswith("requests-"):
                        requests += [json.loads(line) for line in f]
            now += self.r.choice([DAY, DAY, DAY, DAY - 1, DAY + 61001])

    def storm(self, pop, now):
        """so many that 16M of memory is not enough for them"""
        r, out = self.r, []
        for i in range(self.flood):
            m = r.choice(pop.phones) if pop.phones and r.random() < .3 else f"7701{r.randint(0, 9999999):07}"
            out.append(population.Piece("messages", dict(operator="kcell", message_id=f"storm{r.randint(0, 10 * self.flood)}", received_at=v.show(now - r.randint(0, DAY)), msisdn=m, short_code="1414",
                                                         text=r.choice(["R 1 1", "R 1 2", "R 1 1 2 1", "сәлем", "R 2 1 Ким Анна", "a\nb"] + ["ж" * r.randint(1, 1500)] * 8)), alone=True))
        return out

    def lay(self, n, cut, how):
        """the folder that holds `in`, the inputs of run n"""
        d = f"{self.work}/in-{cut}-{how}/{n}"
        if not os.path.isdir(d):
            for name, data in self.inputs[n].layout(cut, random.Random(f"{self.seed} {cut} {n}")):
                path = f"{d}/in/{name}"
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "wb") as f:
                    f.write(pack(data, how, self.r))
            os.makedirs(f"{d}/in", exist_ok=True)
        return d

    def paths(self, d, order, n):
        if order == "folder":
            return ["in"]
        names = sorted(name for name, _ in records.gather_names(d))
        if order == "shuffled":
            random.Random(n).shuffle(names)
        return names[::-1] if order == "backwards" else names

    def play(self, c, flood):
        """one combination: plays all runs, and gives what differs from the first that was cut so"""
        self.serial += 1
        store = self.store(str(self.serial), c["shards"])
        env = {k: x for k, x in (("BESIK_IO", "plain" if c["io"] == "plain" else ""), ("BESIK_BLOCK", "" if c["block"] == "-" else c["block"])) if x}
        differs = []
        for n in range(self.rounds if flood else self.rounds - 1):
            d = self.lay(n, c["cut"], c["pack"])
            out = f"{self.work}/out-{self.serial}-{n}"
            memory = [] if c["memory"] == "-" else ["--memory", c["memory"]]
            self.call(["run", store, "--out", out, "--as-of", v.show(self.as_of[n]), "--workers", c["workers"], *memory, *self.paths(d, c["order"], n)], d, **env)
            got = Folder(out)
            wanted = self.wanted.setdefault((c["cut"], n), got)
            differs += [f"run {n}: {x}" for x in wanted.differences(got, c["pack"] == "plain" and wanted.plain)]
            got.plain = c["pack"] == "plain"
            first = self.wanted.setdefault(("any", n), got)
            differs += [f"run {n}, against another cut: {x}" for x in first.differences_of_cut(got)]
            if not differs:
                shutil.rmtree(out)
        shutil.rmtree(store)
        return differs


class Folder:
    """what one run put out"""
    plain = True

    def __init__(self, path):
        self.path, self.files = path, {}
        for name in sorted(os.listdir(path)):
            with open(f"{path}/{name}", "rb") as f:
                self.files[name] = f.read()
        self.json = json.loads(self.files["run.json"])
        for key in ("timing", "store"):
            if key not in self.json:
                raise SystemExit(f"FAILED: {path}/run.json has no {key}")
            del self.json[key]
        self.rejects = self.files["rejects.csv"]

    def differences(self, other, same_bytes):
        """against a run of the same files, perhaps compressed"""
        out = []
        for name in sorted(set(self.files) | set(other.files)):
            if name == "run.json":
                mine, theirs = json.loads(json.dumps(self.json)), json.loads(json.dumps(other.json))
                for j in (mine, theirs):
                    for x in j["inputs"]:
                        if not same_bytes:
                            x["bytes"] = x["xxh128"] = None
                if mine != theirs:
                    out.append("run.json: " + first_difference(json.dumps(mine, indent=1, ensure_ascii=False), json.dumps(theirs, indent=1, ensure_ascii=False)))
            elif self.files.get(name) != other.files.get(name):
                out.append(f"{name}: " + first_difference(*(x.files.get(name, b"").decode("utf-8", "replace") for x in (self, other))))
        return out

    def differences_of_cut(self, other):
        """against a run of the same records in other files"""
        out = []
        for name in sorted((set(self.files) | set(other.files)) - {"run.json", "rejects.csv"}):
            if self.files.get(name) != other.files.get(name):
                out.append(f"{name}: " + first_difference(*(x.files.get(name, b"").decode("utf-8", "replace") for x in (self, other))))
        mine, theirs = self.placeless(), other.placeless()
        if mine != theirs:
            out.append("rejects.csv: " + first_difference("\n".join(mine), "\n".join(theirs)))
        mine, theirs = self.sums(), other.sums()
        if mine != theirs:
            out.append("run.json: " + first_difference(json.dumps(mine, indent=1), json.dumps(theirs, indent=1)))
        return out

    def placeless(self):
        rows = list(csv.reader(io.StringIO(self.rejects.decode("utf-8"), newline="")))
        return sorted(repr(row[2:]) for row in rows)

    def sums(self):
        kinds = {}
        for x in self.json["inputs"]:
            if x["kind"] is not None:
                of = kinds.setdefault(x["kind"], dict(records=0, applied=0, misses=0, duplicates=0, rejects=0))
                for key in of:
                    of[key] += x[key]
        outputs = [x if x["file"] != "rejects.csv" else dict(x, bytes=0, xxh128="") for x in self.json["outputs"]]
        return dict(self.json, inputs=kinds, outputs=outputs)


def first_difference(a, b):
    for i, (x, y) in enumerate(itertools.zip_longest(a.split("\n"), b.split("\n"))):
        if x != y:
            return f"line {i + 1}:\n      {str(x)[:300]}\n      {str(y)[:300]}"
    return "?"


def gather_names(d):
    here = os.getcwd()
    os.chdir(d)
    try:
        return records.gather(["in"])
    finally:
        os.chdir(here)


records.gather_names = gather_names


def combinations(everything, count, r):
    whole = [dict(zip(AXES, x)) for x in itertools.product(*AXES.values())]
    # of compressed files and of one worker no block is cut: one such size is enough
    whole = [c for c in whole if c["block"] == "-" or c["pack"] == "plain" and c["workers"] != "1"]
    if everything:
        return whole
    # each next one is of several the one that brings most pairs of values that were not yet together
    seen, out = set(), []
    while len(out) < count:
        best = max(r.sample(whole, 40), key=lambda c: len(set(itertools.combinations(c.items(), 2)) - seen))
        seen |= set(itertools.combinations(best.items(), 2))
        out.append(best)
    return out


def main():
    a = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    a.add_argument("besik")
    a.add_argument("--all", action="store_true", help="the whole product (takes long)")
    a.add_argument("--seed", type=int, default=None)
    a.add_argument("--count", type=int, default=40, help="how many combinations of the sample (default 40)")
    a.add_argument("--cases", type=int, default=120)
    a.add_argument("--rounds", type=int, default=6)
    a.add_argument("--flood", type=int, default=16000, help="messages of the last run, which combinations with little memory play")
    a.add_argument("--only", help="one combination, as it was printed: workers=2,shards=1,…")
    a.add_argument("--times", action="store_true", help="tell how long each combination took")
    a.add_argument("--keep", help="a folder to leave everything in")
    o = a.parse_args()
    seed = random.SystemRandom().randrange(10**6) if o.seed is None else o.seed
    print(f"seed {seed}", flush=True)
    began = time.monotonic()
    work = os.path.abspath(o.keep or tempfile.mkdtemp(prefix="besik-determinism-"))
    play = Play(os.path.abspath(o.besik), work, seed, o.cases, o.rounds)
    play.flood = o.flood
    play.make()
    base = dict(workers="1", shards="64", cut="one", order="folder", pack="plain", io="uring", block="-", memory="-")
    todo = [dict(base, cut=cut) for cut in AXES["cut"]]     # what others are held against
    if o.only:
        todo.append(dict(base, **dict(x.split("=") for x in o.only.split(","))))
    else:
        todo += combinations(o.all, o.count, random.Random(f"{seed} sample"))
    print(f"inputs: {play.rounds} runs, {sum(len(k[1]) for i in play.inputs for k in i.kinds.values())} chunks; made in {time.monotonic() - began:.0f} s", flush=True)
    failed = flooded = 0
    for i, c in enumerate(todo):
        # the great last run: for those that others are held against, and some of those with little memory
        flood = i < 3 or o.only or c["memory"] == "16M" and (o.all or flooded < 5)
        flooded += i >= 3 and bool(flood)
        name = ",".join(f"{k}={x}" for k, x in c.items())
        before = time.monotonic()
        differs = play.play(c, flood)
        if o.times:
            print(f"{time.monotonic() - before:5.1f} s  {name}")
        if differs:
            failed += 1
            print(f"DIFFERS: --seed {seed} --cases {o.cases} --rounds {o.rounds} --flood {o.flood} --only {name}", *["  " + x for x in differs[:4]], sep="\n", flush=True)
            if failed == 5:
                break
    print(f"{len(todo)} combinations, {flooded} of them with the great run, {failed} differ; {time.monotonic() - began:.0f} s; seed {seed}")
    if not o.keep:
        shutil.rmtree(work, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
