"""The rows of bench/run's table: each measures one goal, besik and what it is held against in turn, and gives ratios."""
import glob, json, os, shutil, statistics, subprocess, tempfile, time
from loads import MESSAGES_AT, NIGHT_AT, NOTICES_AT, later

HERE = os.path.dirname(os.path.abspath(__file__))


class Bench:
    """one build of besik, its loads, and a place to work in"""

    def __init__(self, build, loads, work, messages, pairs, duck):
        self.besik, self.tools = f"{build}/besik", f"{build}/bench"
        self.loads, self.work, self.messages, self.pairs, self.duck = loads, work, messages, pairs, duck
        self.key = f"{work}/key"
        with open(self.key, "wb") as f:
            f.write(bytes(range(16)))

    def at(self, name):
        return f"{self.work}/{name}"

    def drop(self, *names):
        for name in names:
            shutil.rmtree(self.at(name), ignore_errors=True)

    def run(self, store, out, as_of, inputs, *options):
        """one run: its seconds and what else `timed` and run.json tell; the folder goes again unless it is kept by its name"""
        self.drop(out)
        told = subprocess.run([f"{self.tools}/timed", "--", self.besik, "run", self.at(store), "--out", self.at(out), "--as-of", as_of,
                               *options, *inputs], check=True, capture_output=True, text=True).stdout.splitlines()[-1]
        figures = {k: float(v) for k, v in (x.split("=") for x in told.split())}
        run = json.load(open(self.at(f"{out}/run.json")))
        figures["records"] = sum(run["counts"]["records"].values())
        figures["timing"] = run["timing"]
        figures["out_bytes"] = sum(os.path.getsize(x) for x in glob.glob(self.at(f"{out}/*")))
        figures["files"] = len(os.listdir(self.at(out)))
        return figures

    def base_with_notices(self, messages):
        """a store after the notices' run of a load, made once; its name"""
        base = f"base-{messages}"
        if not os.path.exists(self.at(f"{base}/whole")):
            self.drop(base, f"{base}-out")
            os.makedirs(self.at(base))
            subprocess.run([self.besik, "init", self.at(f"{base}/store"), "--key", self.key], check=True)
            self.run(f"{base}/store", f"{base}-out", NOTICES_AT, [f"{self.loads.dialogues(messages)}/notices.csv"])
            open(self.at(f"{base}/whole"), "w").close()
        return f"{base}/store"

    def store_with_notices(self, name, messages):
        """a copy of it, for a measurement"""
        base = self.base_with_notices(messages)
        self.drop(name)
        shutil.copytree(self.at(base), self.at(name))
        os.sync()

    def replay(self, inputs, messages, *options, keep=()):
        """the messages on the cases of their notices"""
        self.store_with_notices("store", messages)
        before = os.path.getsize(self.at("store/data.mdb"))
        figures = self.run("store", "out", MESSAGES_AT, inputs, *options)
        figures["store_bytes"] = max(0, figures["written_bytes"] - figures["out_bytes"]) or os.path.getsize(self.at("store/data.mdb")) - before
        self.drop(*(x for x in ("out", "store") if x not in keep))
        return figures

    def kept_bytes(self, store):
        """of the folders that a store keeps"""
        told = subprocess.run([self.besik, "check", self.at(store)], check=True, capture_output=True, text=True).stdout
        return sum(int(line.split()[3]) for line in told.splitlines() if line.startswith("folders "))

    def floor(self, write, files, inputs, *options):
        self.drop("floor")
        told = subprocess.run([f"{self.tools}/floor", self.at("floor"), "--write", str(int(write)), "--files", str(files), *options, *inputs],
                              check=True, capture_output=True, text=True).stdout
        self.drop("floor")
        return float(told.split()[0].split("=")[1])

    def duckdb(self, messages, *mode):
        """seconds of DuckDB on the same files, as it tells them: setting up its cases is not timed"""
        if not self.duck:
            return None
        told = subprocess.run(["node", f"{self.duck}/duck.mjs", "job", self.loads.dialogues(messages), self.at("duck"), str(os.cpu_count()),
                               *mode], check=True, capture_output=True, text=True).stdout.splitlines()[-1]
        return float(told.split(": ")[1].split(" s")[0])

    def paired(self, ours, theirs):
        """each in turn, so often as --pairs says: medians, and the median of the ratios theirs / ours"""
        a, b = [], []
        for i in range(self.pairs):
            for which in ((ours, a), (theirs, b)) if i % 2 == 0 else ((theirs, b), (ours, a)):
                which[1].append(which[0]())
        return a, b


def seconds(figures):
    return [x["seconds"] if isinstance(x, dict) else x for x in figures]


def spread(values):
    return f"{statistics.median(values):.3f} s ({min(values):.3f}–{max(values):.3f})"


def ratio(over, under):
    return statistics.median(x / y for x, y in zip(over, under))


def rate(figures):
    return f"{statistics.median(x['records'] / x['seconds'] for x in figures) / 1e6:.2f} M records/s"


def compare(bench, name, goal, ours, theirs, times=1.0, over="ours"):
    """ratio of theirs to ours (over='theirs': how many times faster we are) or of ours to theirs"""
    a, b = bench.paired(ours, theirs)
    x, y = seconds(a), seconds(b)
    found = ratio(y, x) if over == "theirs" else ratio(x, y)
    return {"row": name, "goal": goal, "ratio": f"{found * times:.2f}", "besik": f"{spread(x)}, {rate(a)}", "other": spread(y)}


def row_replay(bench):
    files = [f"{bench.loads.dialogues(bench.messages)}/messages.csv"]
    if not bench.duck:
        return absent("bulk replay against DuckDB `last`", "≥ 10", "DuckDB")
    return compare(bench, "bulk replay against DuckDB `last`", "≥ 10", lambda: bench.replay(files, bench.messages),
                   lambda: bench.duckdb(bench.messages, "last"), over="theirs")


def row_floor(bench):
    files = [f"{bench.loads.dialogues(bench.messages)}/messages.csv"]
    one = bench.replay(files, bench.messages)
    return compare(bench, "bulk replay against reading and writing as much", "≤ 2.5", lambda: bench.replay(files, bench.messages),
                   lambda: bench.floor(one["written_bytes"] or one["out_bytes"] + one["store_bytes"], one["files"] + 1, files))


def packed(bench, pack, goal):
    plain = [f"{bench.loads.dialogues(bench.messages)}/messages.csv"]
    folder = bench.loads.by_day(bench.messages, pack)
    return compare(bench, f"20 files of {pack} against plain", goal,
                   lambda: bench.replay(sorted(glob.glob(f"{folder}/*.{'gz' if pack == 'gzip' else 'zst'}")), bench.messages),
                   lambda: bench.replay(plain, bench.messages)["seconds"], over="theirs")


def row_gzip(bench):
    return packed(bench, "gzip", "≥ 0.6")


def row_zstd(bench):
    return packed(bench, "zstd", "≥ 0.8")


def row_again(bench):
    if not bench.duck:
        return absent("the same files again against DuckDB `again`", "≥ 10", "DuckDB")
    files = [f"{bench.loads.dialogues(bench.messages)}/messages.csv"]
    bench.replay(files, bench.messages, keep=("store",))
    bench.duckdb(bench.messages, "last")
    count = [0]

    def again():
        count[0] += 1
        return bench.run("store", "again", later(MESSAGES_AT, minutes=count[0]), files)
    found = compare(bench, "the same files again against DuckDB `again`", "≥ 10", again,
                    lambda: bench.duckdb(bench.messages, "last", "again"), over="theirs")
    bench.drop("store", "again", "duck")
    return found


def row_postgres(bench):
    """at a tenth of the load: it would take minutes else"""
    messages = max(1000, bench.messages // 10)
    name = f"{messages:,} messages against PostgreSQL"
    if not glob.glob("/usr/lib/postgresql/*/bin/initdb") and not shutil.which("initdb"):
        return absent(name, "–", "PostgreSQL")
    files = [f"{bench.loads.dialogues(messages)}/messages.csv"]

    def theirs():
        work = tempfile.mkdtemp(prefix="besik-postgres-")  # its user must reach it
        os.chmod(work, 0o755)
        try:
            told = subprocess.run([f"{HERE}/postgres.sh", work, os.path.dirname(files[0])], check=True, capture_output=True, text=True).stdout
        finally:
            shutil.rmtree(work)
        return float(told.split("=")[1])
    return compare(bench, name, "–", lambda: bench.replay(files, messages), theirs, over="theirs")


def row_zsv(bench):
    """zsv does no more than read and write the columns again; of besik the whole run"""
    if not shutil.which("zsv"):
        return absent("bulk replay against `zsv select` of all columns", "–", "zsv")
    files = [f"{bench.loads.dialogues(bench.messages)}/messages.csv"]

    def theirs():
        began = time.monotonic()
        subprocess.run(["zsv", "select", "-o", bench.at("zsv.csv"), files[0], "--", "operator", "message_id", "received_at", "msisdn", "text"], check=True)
        return time.monotonic() - began
    return compare(bench, "bulk replay against `zsv select` of all columns", "–", lambda: bench.replay(files, bench.messages), theirs, over="theirs")


def row_engine(bench):
    told = subprocess.run([f"{bench.tools}/engine", f"{bench.loads.ref}", str(max(100, bench.messages // 50)), "7"], check=True,
                          capture_output=True, text=True).stdout
    figures = dict(x.split("=") for x in told.split())
    return {"row": "the rules alone, one core", "goal": "≥ 10,000 events/ms", "ratio": "–",
            "besik": f"{float(figures['events_per_second']) / 1e3:.0f} events/ms, {figures['cases_per_ms']} cases/ms of 7 events each", "other": "–"}


def row_workers(bench):
    files = [f"{bench.loads.dialogues(bench.messages)}/messages.csv"]
    return compare(bench, "2 workers against 1", "≥ 1.7", lambda: bench.replay(files, bench.messages, "--workers", "2"),
                   lambda: bench.replay(files, bench.messages, "--workers", "1")["seconds"], over="theirs")


def row_memory(bench):
    files = [f"{bench.loads.dialogues(bench.messages)}/messages.csv"]
    return compare(bench, "`--memory 128M` against 8G", "≥ 0.6", lambda: bench.replay(files, bench.messages, "--memory", "128M"),
                   lambda: bench.replay(files, bench.messages, "--memory", "8G")["seconds"], over="theirs")


def row_files(bench):
    plain = [f"{bench.loads.dialogues(bench.messages)}/messages.csv"]
    folder = bench.loads.overlapping(bench.messages)

    def each():  # per record, as 20 % more are given
        one = bench.replay(plain, bench.messages)
        return one["seconds"] / one["records"]

    def many():
        figures = bench.replay(sorted(glob.glob(f"{folder}/*.csv")), bench.messages)
        return figures["seconds"] / figures["records"]
    a, b = bench.paired(many, each)
    return {"row": "56 files, 20 % repeated, against one (rates)", "goal": "≥ 0.9", "ratio": f"{ratio(b, a):.2f}",
            "besik": f"{1e-6 / statistics.median(a):.2f} M records/s", "other": f"{1e-6 / statistics.median(b):.2f} M records/s"}


def row_night(bench):
    cases = max(1000, min(1_000_000, bench.messages // 10))
    messages = int(cases / 0.2346)
    bench.store_with_notices("store", messages)
    folder = bench.loads.night(min(15000, cases), cases, bench.at(f"base-{messages}-out"))
    files = sorted(glob.glob(f"{folder}/*.csv"))

    def ours():
        bench.store_with_notices("store", messages)
        return bench.run("store", "out", NIGHT_AT, files)
    one = ours()
    store_bytes = max(4096, one["written_bytes"] - one["out_bytes"])
    found = compare(bench, f"a night beside {cases:,} open cases against writing as much", "≤ 3", ours,
                    lambda: bench.floor(one["out_bytes"], one["files"], files, "--commits", "2", "--commit-bytes", str(int(store_bytes / 2))))
    found["besik"] += f"; {store_bytes / max(1, one['records']) / 1024:.2f} KiB of store a record"
    bench.drop("out", "store")
    return found


def row_serial(bench):
    one = bench.replay([f"{bench.loads.dialogues(bench.messages)}/messages.csv"], bench.messages)
    stages = one["timing"]["stages"]
    share = max(0.0, 1 - (stages["read"] + stages["apply"]) / one["seconds"])
    amdahl = lambda n: 1 / (share + (1 - share) / n)
    return {"row": "serial share of a run", "goal": "≤ 5 %", "ratio": f"{share:.1%}",
            "besik": f"Amdahl: ×{amdahl(8):.1f} on 8 cores, ×{amdahl(32):.1f} on 32", "other": "the writers of store and files are counted as parallel"}


def row_written(bench):
    """the folder that is kept for `reissue` is counted apart, as the outputs are"""
    path = f"{bench.loads.dialogues(bench.messages)}/messages.csv"
    before = bench.kept_bytes(bench.base_with_notices(bench.messages))
    one = bench.replay([path], bench.messages, "--memory", "8G", keep=("store",))
    kept = bench.kept_bytes("store") - before
    bench.drop("store")
    size = os.path.getsize(path)
    return {"row": "bytes written to store and spill a byte of input", "goal": "≤ 0.6", "ratio": f"{(one['store_bytes'] - kept) / size:.2f}",
            "besik": f"{(one['store_bytes'] - kept) / 1e6:.0f} MB, and {kept / 1e6:.0f} MB of kept folder", "other": f"{size / 1e6:.0f} MB of input"}


def row_receipts(bench):
    files = [f"{bench.loads.dialogues(bench.messages)}/messages.csv"]
    bench.replay(files, bench.messages, keep=("out", "store"))
    folder = bench.loads.receipts(bench.messages, [bench.at("out"), bench.at(f"base-{bench.messages}-out")])
    bench.drop("out")
    found = []
    for i in range(bench.pairs):
        shutil.copytree(bench.at("store"), bench.at("receipted"))
        found.append(bench.run("receipted", "out", later(MESSAGES_AT, hours=1), [f"{folder}/receipts.csv"]))
        bench.drop("receipted", "out")
    bench.drop("store")
    return {"row": "receipts on their SMS", "goal": "≥ 5 M records/s", "ratio": "–",
            "besik": f"{int(found[0]['records']):,} records: {spread(seconds(found))}, {rate(found)}", "other": "–"}


def row_growth(bench):
    rates, told = [], []
    for part in (100, 30, 10, 3, 1):
        messages = bench.messages * 10 // part
        bench.base_with_notices(messages)
        bench.drop(f"base-{messages}-out")  # room on the disk
        one = bench.replay([f"{bench.loads.dialogues(messages)}/messages.csv"], messages)
        rates.append(one["records"] / one["seconds"])
        told.append(f"{messages / 1e6:g} M: {rates[-1] / 1e6:.2f}")
        bench.drop(f"base-{messages}", f"base-{messages}-out")
    return {"row": "cost of growth: the rate at ten times the load against at the load", "goal": "≥ 0.8", "ratio": f"{rates[4] / rates[2]:.2f}",
            "besik": ", ".join(told) + " M records/s", "other": "–"}


def row_closed(bench):
    closed = bench.messages
    told = subprocess.run([os.sys.executable, f"{os.path.dirname(os.path.abspath(__file__))}/closed.py", os.path.dirname(bench.tools),
                           "--closed", str(closed), "--pairs", str(max(3, bench.pairs)), "--dir", bench.at("closed"), "--open",
                           str(max(1000, closed // 50)), "--replies", str(max(100, min(1000, closed // 50)))],
                          check=True, capture_output=True, text=True).stdout.splitlines()
    bench.drop("closed")
    found = {line.split(":")[0]: line.split("median of ratios ")[1] for line in told if "median of ratios" in line}
    return {"row": f"a night beside {closed:,} closed cases against none", "goal": "≤ 1.25 (pages, bytes ≤ 1.1)", "ratio": found["seconds"],
            "besik": f"pages read ×{found['read_bytes']}, bytes written ×{found['written_bytes']}", "other": "–"}


def absent(name, goal, what):
    return {"row": name, "goal": goal, "ratio": "–", "besik": "not measured", "other": f"{what} is not here"}


ROWS = {name[4:]: value for name, value in list(globals().items()) if name.startswith("row_")}
