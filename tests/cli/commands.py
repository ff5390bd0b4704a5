#!/usr/bin/env python3
"""The commands from outside: exit codes, messages, modes, and that what fails changes nothing.

usage: commands.py BESIK [NAME…]         NAME: only these tests"""
import fcntl, glob, gzip, hashlib, json, os, re, shutil, stat, subprocess

from harness import BESIK, Failed, main, same

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
SAMPLE, REF = f"{ROOT}/tests/sample", f"{ROOT}/tools/share/ref"
AS_OF = [f"2026-11-{day:02}T22:00:00+05:00" for day in (2, 3, 4, 5)]
COMMANDS = ["init", "ref", "set", "run", "case", "profile", "report"]
heard = []  # what any command said to standard error


class Room:
    """a folder of its own, with the sample's nights in it"""

    def __init__(self, work):
        self.work = work
        for night in range(1, 5):
            shutil.copytree(f"{SAMPLE}/night{night}", f"{work}/night{night}")

    def __call__(self, *args, exit=0, says=(), **kw):
        done = subprocess.run([BESIK, *map(str, args)], capture_output=True, text=True, cwd=self.work, timeout=300, **kw)
        heard.append(done.stderr)
        what = "besik " + " ".join(map(str, args))
        if done.returncode != exit:
            raise Failed(f"{what}: exit {done.returncode}, not {exit}: {done.stderr.strip()[-300:]}")
        if exit and done.stdout and args:
            raise Failed(f"{what}: fails, and yet writes to standard output")
        if exit and args and not done.stderr.strip().startswith(f"besik {args[0]}: " if args[0] in COMMANDS else "besik: "):
            raise Failed(f"{what}: {done.stderr.strip()!r} does not begin with the command")
        if exit and args and done.stderr.count(f"besik {args[0]}: ") > 1:
            raise Failed(f"{what}: {done.stderr.strip()!r} names the command twice")
        for word in [says] if isinstance(says, str) else says:
            if word not in done.stderr:
                raise Failed(f"{what}: {word!r} is not in {done.stderr.strip()!r}")
        self.err = done.stderr
        return done.stdout

    def init(self, store="store", *more):
        self("init", store, "--key", f"{SAMPLE}/key", *more)

    def night(self, n, out=None, *more, store="store", **kw):
        return self("run", store, "--out", out or f"out{n}", "--as-of", AS_OF[n - 1], *more, f"night{n}", **kw)

    def path(self, name):
        return f"{self.work}/{name}"

    def write(self, name, data):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "wb") as f:
            f.write(data if isinstance(data, bytes) else data.encode())

    def folder(self, name):
        """the folder's bytes, without run.json's timing; None where it is not there"""
        files = {}
        if not os.path.isdir(self.path(name)):
            return None
        for n in sorted(os.listdir(self.path(name))):
            data = open(self.path(f"{name}/{n}"), "rb").read()
            if n == "run.json":
                data = {k: x for k, x in json.loads(data).items() if k != "timing"}
            files[n] = data
        return files

    def store_bytes(self, store="store"):
        return hashlib.sha256(open(self.path(f"{store}/data.mdb"), "rb").read()).hexdigest()


def test_help(b):
    for args in (["--help"], ["-h"], ["help"], *([c, "--help"] for c in COMMANDS), ["run", "store", "--help"], ["case", "-h"]):
        text = b(*args)
        if "usage: besik" not in text or b.err:
            raise Failed(f"{args}: no usage, or something on standard error")
        if args[0] in COMMANDS and not all(x in text for x in ("Exit:", "Example:", f"besik {args[0]} ")):
            raise Failed(f"{args}: no exit codes or no example")
    for option in "--out --as-of --dry-run --workers --memory --tmp --progress --sms-limit --json --keep-rejected".split():
        if option not in b("run", "--help"):
            raise Failed(f"run --help does not tell {option}")
    if not re.fullmatch(r"besik [0-9]+\.[0-9]+\.[0-9]+\n", b("--version")):
        raise Failed("--version")


def test_wrong_use(b):
    b(exit=2)
    b("nosuch", exit=2, says="nosuch")
    b.init()
    before = b.store_bytes()
    for command in COMMANDS:
        b(command, "--bogus", "1", exit=2, says="bogus")
        b(command, exit=2, says="--help")
    b("run", "store", exit=2, says="--out")
    b("run", "store", "--out", exit=2, says="a value is missing")
    b("run", "store", "--out", "out", "--dry-run=1", exit=2, says="takes no value")
    for option, value in (("--workers", "0"), ("--workers", "x"), ("--workers", "100000"), ("--memory", "1"), ("--memory", "1T"), ("--sms-limit", "-1"),
                          ("--sms-limit", "many"), ("--as-of", "2026-11-02"), ("--as-of", "2026-11-02 22:00:00+05:00"), ("--as-of", "2026-11-02T22:00:00")):
        b("run", "store", "--out", "out", option, value, "night1", exit=2, says=[option, value])
    b("run", "nosuch", "--out", "out", "night1", exit=2, says="nosuch")
    b("run", "store", "--out", "no/such/out", "night1", exit=2, says="no/such/out")
    b("case", "store", "1", "2", exit=2)
    b("case", "nosuch", "77011200101", exit=2, says="nosuch")
    for phone in ("77112200101", "770112001011", "hello"):
        b("case", "store", phone, exit=2)
        if phone in b.err:
            raise Failed("case repeats what it was given: it may be a phone with a slip in it")
    b("report", "nosuch", exit=2, says="nosuch")
    b("ref", "store", exit=2)
    b("set", "store", "short_code", exit=2)
    same("the folder", os.path.exists(b.path("out")), False)
    same("the store", b.store_bytes(), before)


def test_settings(b):
    b("init", "x", "--bogus", "3", exit=2, says="bogus")
    for name, value in (("short-code", "12"), ("short_code", "123456789"), ("remind-after", "59m"), ("expire_after", "366d"), ("remind-after", "3"), ("remember", "29d"),
                        ("max-segments", "1"), ("max_segments", "21"), ("keep-runs", "0"), ("keep_runs", "1001"), ("reply-form", "loose"), ("shards", "3"), ("shards", "2048"),
                        ("response-after", "-1d"), ("receipt_after", "1w"), ("silent-after", "")):
        b("init", "x", f"--{name}", value, exit=2, says=name.replace("-", "_"))
    b("init", "x", "--remind-after", "10d", exit=2, says=["remind_after", "expire_after"])
    same("what a refused init leaves", os.path.exists(b.path("x")), False)
    b("init", "x", "--short-code", "1515", "--shards", "1", "--remind_after=2d")
    b("init", "x", exit=2, says="x")
    b("set", "x", "shards", "64", exit=2, says="shards")
    b("set", "x", "nosuch", "3", exit=2, says="nosuch")
    b("set", "x", "remind-after", "20d", exit=2, says="remind_after")
    b("set", "x", "short-code", "1414")
    b("set", "x", "expire_after", "240h")
    b.night(1, store="x")
    if ",1414,prompt," not in open(b.path("out1/outbound-kcell.csv"), encoding="utf-8").read():
        raise Failed("set short-code has no effect")
    b.write("short", b"15 bytes, not 16"[:15])
    for key, says in (("short", "16 bytes"), ("none", "none")):
        b("init", "y", "--key", key, exit=2, says=says)
    b.init("y")
    same("STORE/key", open(b.path("y/key"), "rb").read(), open(f"{SAMPLE}/key", "rb").read())
    b("init", "z")
    same("a random key", len(open(b.path("z/key"), "rb").read()), 16)


def test_busy(b):
    b.init()
    with open(b.path("store/lock"), "r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.seek(0)
        lock.truncate()
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        b.night(1, exit=4, says=str(os.getpid()))
        b("set", "store", "keep-runs", "3", exit=4, says=str(os.getpid()))
        b("ref", "store", REF, exit=4, says=str(os.getpid()))
        same("case does not wait", json.loads(b("case", "store", "77011200101", "--json"))["cases"], [])
        same("the folder", os.path.exists(b.path("out1")), False)
    b.night(1)


def test_broken_inputs(b):
    b.init()
    good = "notice_id,withdrawn_at,cause\nN-x,2026-11-01T00:00:00Z,death\n"
    packed = gzip.compress(good.encode() * 50, mtime=0)
    zstd = subprocess.run(["zstd", "-qc", "--check"], input=good.encode() * 50, capture_output=True, check=True).stdout
    broken = {"cut.csv.gz": packed[:-9], "sum.csv.gz": packed[:-8] + bytes([packed[-8] ^ 1]) + packed[-7:], "tail.gz": packed + b"and more", "cut.zst": zstd[:-6],
              "tail.zst": zstd + b"and more", "column.csv": "notice_id,withdrawn_at\nN-x,2026-11-01T00:00:00Z\n", "semicolon.csv": good.replace(",", ";"),
              "two kinds.csv": "notice_id,withdrawn_at,cause,sms_id,status,at\n", "twice.csv": "notice_id,withdrawn_at,cause,cause\n", "case.csv": good.replace("notice_id", "Notice_ID")}
    for name, data in broken.items():
        b.write(f"in/{name}", data)
    b.write("in/good.csv", good)
    before = b.store_bytes()
    b("run", "store", "--out", "out", "--as-of", AS_OF[0], "in", "night1", exit=3, says=[f"in/{name}" for name in broken])
    same("files named", "good.csv" in b.err or "night1" in b.err, False)
    b("run", "store", "--out", "out", "--as-of", AS_OF[0], "night1", "none1.csv", "none2.csv", exit=3, says=["none1.csv", "none2.csv"])
    os.mkfifo(b.path("night1/pipe"))
    b("run", "store", "--out", "out", "--as-of", AS_OF[0], "night1", exit=3, says="night1/pipe")
    os.unlink(b.path("night1/pipe"))
    same("the folder", b.folder("out"), None)
    same("the store", b.store_bytes(), before)
    b.write("night1/empty.csv", b"")
    b.write("night1/bom.csv", b"\xef\xbb\xbf")
    b.write("night1/.partial", "half a fi")
    b.night(1)
    inputs = {i["file"]: i for i in b.folder("out1")["run.json"]["inputs"]}
    same("empty files", [(inputs[f"night1/{n}"]["kind"], bool(inputs[f"night1/{n}"]["warnings"])) for n in ("empty.csv", "bom.csv")], [(None, True)] * 2)
    same("names that begin with a dot", "night1/.partial" in inputs, False)


def test_refused_ref(b):
    b.init()
    before = b.store_bytes()
    faults = {"options.csv": ("privilege,1,none", "privilege,1,other"), "offices.csv": ("103200000,2,103200000-02", "103200000,2,103200000-09"),
              "localities.csv": ("103200000,16,", "103200000,15,"), "operators.csv": ("701,kcell", "701,other")}
    for name, (old, new) in faults.items():
        shutil.rmtree(b.path("ref"), ignore_errors=True)
        shutil.copytree(REF, b.path("ref"))
        text = open(b.path(f"ref/{name}"), encoding="utf-8").read()
        same(f"{name} holds what is to change", text.count(old), 1)
        b.write(f"ref/{name}", text.replace(old, new))
        b("ref", "store", "ref", exit=3, says=[f"ref/{name}", str(text[:text.index(old)].count("\n") + 1)])
    b.write("ref/operators.csv", "prefix;operator\n")
    b("init", "x", "--ref", "ref", exit=3, says="ref/operators.csv")
    same("what a refused init leaves", os.path.exists(b.path("x")), False)
    b("ref", "store", "nosuch", exit=3, says="nosuch")
    same("the store", b.store_bytes(), before)
    b("ref", "store", REF)


def test_again(b):
    b.init()
    b.night(1)
    before, store = b.folder("out1"), b.store_bytes()
    b.night(1)
    files = sorted(glob.glob(b.path("night1/*")), reverse=True)
    b("run", "store", "--out", "out1/", *files)  # other names, other order, no time given: the same run
    same("the folder", b.folder("out1"), before)
    same("the store", b.store_bytes(), store)
    b.night(2, "out1", exit=2, says="out1")
    b("run", "store", "--out", "out1", "--as-of", AS_OF[1], "night1", exit=2, says="out1")
    os.mkdir(b.path("mine"))
    b.write("mine/keep", "me")
    b.night(2, "mine", exit=2, says="mine")
    same("a folder of somebody else's", os.listdir(b.path("mine")), ["keep"])
    same("the store", b.store_bytes(), store)
    b("run", "store", "--out", "more", "--as-of", AS_OF[0], "night1")
    again = b.folder("more")
    same("the same files to another folder: files", sorted(again), ["reconciliation.csv", "rejects.csv", "run.json"])
    same("…: a run of duplicates", sum(i["applied"] for i in again["run.json"]["inputs"]), 0)


def test_as_of(b):
    b.init()
    b.night(2)
    store = b.store_bytes()
    b("run", "store", "--out", "early", "--as-of", "2026-11-03T21:59:59+05:00", exit=2, says="2026-11-03T22:00:00+05:00")
    b("run", "store", "--out", "early", "--as-of", "2199-01-01T00:00:00Z", exit=2, says="400 days")
    same("the folder", b.folder("early"), None)
    same("the store", b.store_bytes(), store)
    b("run", "store", "--out", "clock", "--as-of", "2026-11-03T17:00:00Z")
    same("as-of in another zone", b.folder("clock")["run.json"]["as_of"], "2026-11-03T22:00:00+05:00")
    b.init("fresh")
    b("run", "fresh", "--out", "now")  # by the machine's clock


def test_dry_run(b):
    b.init()
    b.night(1)
    store, told = b.store_bytes(), b("case", "store", "77011200101", "--json")
    b.night(2, "dry", "--dry-run")
    same("the store", b.store_bytes(), store)
    same("the case", b("case", "store", "77011200101", "--json"), told)
    b.night(2)
    dry, out = b.folder("dry"), b.folder("out2")
    same("what it writes", dry, out)


def test_sms_limit(b):
    b.init()
    before = b.store_bytes()
    b.night(1, None, "--sms-limit", "3", exit=3, says=["--sms-limit", "3"])
    same("the folder", b.folder("out1"), None)
    same("what stands beside", [n for n in os.listdir(b.work) if n.startswith(".")], [])
    same("the case", json.loads(b("case", "store", "77011200101", "--json"))["cases"], [])
    b.init("fresh")
    b.night(1, "fresh1", store="fresh")
    sms = sum(o["records"] for o in b.folder("fresh1")["run.json"]["outputs"] if o["file"].startswith("outbound-"))
    b.night(1, None, "--sms-limit", sms - 1, exit=3)
    b.night(1, None, "--sms-limit", sms)
    a, c = b.folder("out1"), b.folder("fresh1")
    a["run.json"].pop("store"), c["run.json"].pop("store")
    same("the run after", a, c)
    same("the store was left alone", before is not None, True)


def test_modes(b):
    os.umask(0)
    try:
        os.mkdir(b.path("store"), 0o777)  # an empty one is taken, and is its owner's from then on
        b.init()
        b.night(1)
        b.night(2, "dry", "--dry-run")
    finally:
        os.umask(0o022)
    for path in [b.path(x) for x in ("store", "out1", "dry")]:
        same(path, oct(stat.S_IMODE(os.stat(path).st_mode)), oct(0o700))
        for file in os.listdir(path):
            same(f"{path}/{file}", oct(stat.S_IMODE(os.stat(f"{path}/{file}").st_mode)), oct(0o600))


def test_case(b):
    b.init()
    for n in (1, 2):
        b.night(n)
    told = b("case", "store", "77011200101", "--json")
    for given in ("77011200101\n", "+7 (701) 120-01-01", "8 701 120 01 01\r\n"):
        same("from standard input", b("case", "store", "-", "--json", input=given), told)
    b("case", "store", "-", exit=2, input="")
    case = json.loads(told)["cases"][0]
    same("keys", list(case), "case slot notice_id registered_at opened_at step since lang misses reminded answers outcomes requests sms history".split())
    same("where it stands", (case["slot"], case["step"], case["lang"], case["outcomes"]["registration"]), (1, "queueing", "kk", "registered"))
    same("its account", [x for x in ("27999S000000000001",) if x in told], [])
    text = b("case", "store", "77011200101")
    if not text.startswith("case 1  slot 1  at queueing since 2026-11-03T22:00:00+05:00\n") or "registration  registered" not in text:
        raise Failed("case without --json does not tell the step or the outcome")
    same("twins", [c["slot"] for c in json.loads(b("case", "store", "77781200909", "--json"))["cases"]], [1, 2])
    same("a stranger", json.loads(b("case", "store", "77770000002", "--json")), {"msisdn": "77770000002", "cases": []})


def test_report(b):
    b.init()
    for n in range(1, 5):
        b.night(n)
    before = b.store_bytes()
    b("run", "store", "--out", "late", "--as-of", "2026-11-14T22:00:00+05:00")
    after, text = b.store_bytes(), b("report", "store")
    same("what is open", text, open(b.path("late/reconciliation.csv"), encoding="utf-8", newline="").read())
    head, *rows = [line.split(",") for line in text.splitlines()]
    same("columns", head, "finding,party,id,msisdn,slot,since,detail".split(","))
    told = [json.loads(line) for line in b("report", "store", "--json").splitlines()]
    same("--json", [[str(x[k] or "") for k in head] for x in told], rows)
    same("slots are numbers, or null", {type(x["slot"]) for x in told}, {int, type(None)})
    same("the store", (b.store_bytes(), after != before), (after, True))


def test_summary(b):
    b.init()
    line = b.night(1)
    same("lines on standard output", line.count("\n"), 1)
    for word in ("run 1", "51 records", "12 SMS", "7 requests", "out1"):
        if word not in line:
            raise Failed(f"{word!r} is not in {line!r}")
    same("--json", b.night(2, None, "--json"), open(b.path("out2/run.json"), encoding="utf-8").read())
    same("--json, the same run again", b.night(2, None, "--json"), open(b.path("out2/run.json"), encoding="utf-8").read())


def test_progress(b):
    b.init()
    b.night(1, None, "--progress")
    for line in b.err.splitlines():
        if not re.fullmatch(r"[a-z_]+=\S+( [a-z_]+=\S+)*", line):
            raise Failed(f"--progress: {line!r} is no key=value line")
    b.night(2)
    same("standard error, where it is no terminal", b.err, "")


def test_installed(b):
    """beside an installed program its own reference data counts, not that of the tree it was built from"""
    os.makedirs(b.path("usr/bin"))
    shutil.copy(BESIK, b.path("usr/bin/besik"))
    shutil.copytree(REF, b.path("usr/share/besik/ref"))
    subprocess.run([b.path("usr/bin/besik"), "init", b.path("store")], check=True)
    b.write("usr/share/besik/ref/operators.csv", "prefix,operator\n701,?\n")
    done = subprocess.run([b.path("usr/bin/besik"), "init", b.path("other")], capture_output=True, text=True)
    same("a fault in the installed reference data", (done.returncode, "usr/bin/../share/besik/ref/operators.csv" in done.stderr), (3, True))


def test_environments(b):
    """the same bytes from either way of reading, any number of workers, little memory, a file in pieces"""
    b.init()
    b.night(1)
    want = b.folder("out1")
    for i, (env, more) in enumerate([({"BESIK_IO": "plain"}, []), ({"BESIK_BLOCK": "64"}, ["--workers", "3"]), ({}, ["--workers", "1", "--memory", "16M", "--tmp", "night2"])]):
        b.init(f"s{i}")
        b.night(1, f"o{i}", *more, store=f"s{i}", env={**os.environ, **env})
        got = b.folder(f"o{i}")
        got["run.json"]["store"] = want["run.json"]["store"]
        same(f"{env} {more}", got, want)


def personal():
    """phones, IINs, names, accounts and texts of the sample"""
    words = set()
    for path in glob.glob(f"{SAMPLE}/night*/*"):
        data = open(path, "rb").read()
        text = (gzip.decompress(data) if path.endswith(".gz") else data).decode()
        words.update(re.findall(r"[0-9]{9,12}(?=,)|KZ[0-9]{2}[0-9A-Z]{16}|[А-ЯӘҒҚҢӨҰҮІ][а-яәғқңөұүі’-]{2,}", text))
        words.update(p[2:] for p in re.findall(r"77[0-9]{9}", text))
    return {w for w in words if w != "103200000"}


def test_nothing_personal(b):
    """what the commands of all tests before this one said"""
    b("run", b.path("nosuch"), "--out", "out", exit=2)
    same("something was said", len(heard) > 0, True)
    found = [word for word in personal() if word in "\n".join(heard)]
    same("personal data in messages", (len(found), found[:3]), (0, []))


main(Room)
