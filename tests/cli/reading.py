#!/usr/bin/env python3
"""The commands that read a store (status, list, export, why, reissue, backup), forget, and a run's metrics, on the sample's nights:
what each tells is held against what the others tell, and against the files that went in and came out.

usage: reading.py BESIK [NAME…]         NAME: only these tests"""
import csv, fcntl, glob, gzip, io, json, os, re, stat, threading

import harness
from harness import main, same

SAMPLE = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../sample"))
AS_OF = [f"2026-11-{day:02}T22:00:00+05:00" for day in (2, 3, 4, 5)]
KINDS = ("cases", "history", "sms", "requests")


class Room(harness.Room):
    def init(self, store="store", *more):
        self("init", store, "--key", f"{SAMPLE}/key", *more)

    def night(self, n, store="store", *more, out=None):
        self("run", store, "--out", out or f"{store}-{n}", "--as-of", AS_OF[n - 1], *more, f"{SAMPLE}/night{n}")

    def nights(self, store="store", until=4):
        self.init(store)
        for n in range(1, until + 1):
            self.night(n, store)

    def files(self, folder, timing=True):
        """the bytes of each file; run.json's timing and name of the store left out where that is asked for"""
        files = {name: open(self.path(f"{folder}/{name}"), "rb").read() for name in os.listdir(self.path(folder))}
        if not timing:
            files["run.json"] = {k: v for k, v in json.loads(files["run.json"]).items() if k not in ("timing", "store")}
        return files

    def ndjson(self, *args):
        return [json.loads(line) for line in self(*args).splitlines()]

    def outbound(self, *folders):
        return [row for folder in folders for path in sorted(glob.glob(self.path(f"{folder}/outbound-*.csv")))
                for row in csv.DictReader(open(path, newline="", encoding="utf-8"))]

    def sound(self, store):
        same(f"besik check {store}", self("check", store).splitlines()[-1][:4], "ok: ")


def test_status(b):
    b.init()
    told = json.loads(b("status", "store", "--json"))
    same("before any run", (told["run"], told["as_of"], told["open"], told["cases"], told["busy"]), (0, None, {}, {"open": 0, "closed": 0}, None))
    same("settings", (told["settings"]["remind_after"], told["settings"]["reply_form"], told["settings"]["short_code"]), ("3d", "strict", "1414"))
    b("status", "store")
    for n in (1, 2, 3, 4):
        b.night(n)
    told, run = json.loads(b("status", "store", "--json")), json.load(open(b.path("store-4/run.json")))
    same("as run.json has it", {k: told[k] for k in ("run", "as_of", "store")}, {k: run[k] for k in ("run", "as_of", "store")})
    same("counts", {k: told[k] for k in ("open", "cases")}, {k: run["counts"][k] for k in ("open", "cases")})
    same("bytes", told["bytes"], os.path.getsize(b.path("store/data.mdb")))
    same("kept runs", told["kept_runs"], {"first": 1, "last": 4})
    b("run", "store", "--out", "late", "--as-of", "2026-11-14T22:00:00+05:00")
    told = json.loads(b("status", "store", "--json"))
    report = b.ndjson("report", "store", "--json")
    same("overdue", sum(told["overdue"].values()), sum(row["finding"] == "response_missing" for row in report))
    same("silent", {x["operator"] for x in told["operators"] if x["silent"]}, {row["party"] for row in report if row["finding"] == "operator_silent"})
    with open(b.path("store/lock")) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        same("busy", json.loads(b("status", "store", "--json"))["busy"], os.getpid())
        same("busy, in words", f"process {os.getpid()}" in b("status", "store"), True)
    b("status", exit=2)
    b("status", "nowhere", exit=2, says="not a store")


def test_list(b):
    b.nights()
    rows = b.ndjson("list", "store", "--json")
    keys = "msisdn case slot notice_id step since lang misses reminded".split()
    same("keys", list(rows[0]), keys)
    cases = b.ndjson("export", "store", "cases", "--phones")
    same("the open cases, in the order of output files", rows, [{k: c[k] for k in keys} for c in cases if c["step"] != "closed"])
    text = list(csv.DictReader(io.StringIO(b("list", "store"))))
    same("CSV", text, [{k: "" if v is None else str(v) for k, v in row.items()} for row in rows])
    same("--at", [r["step"] for r in b.ndjson("list", "store", "--at", "order", "--json")], ["order"] * 2)
    same("--at closed", len(b.ndjson("list", "store", "--at", "closed", "--json")), sum(c["step"] == "closed" for c in cases))
    same("--older", b.ndjson("list", "store", "--older", "24h", "--json"), [r for r in rows if r["since"] <= "2026-11-04T22:00:00+05:00"])
    b("list", "store", "--at", "nowhere", exit=2, says="no such step")
    b("list", "store", "--older", "soon", exit=2, says="must be a duration")


def test_export(b):
    b.nights()
    rows = {kind: b.ndjson("export", "store", kind, "--phones") for kind in KINDS}
    phones = list(dict.fromkeys(row["msisdn"] for row in rows["cases"]))
    told = {phone: json.loads(b("case", "store", phone, "--json"))["cases"] for phone in phones}
    both = [(phone, case) for phone in phones for case in told[phone]]
    same("all cases, case by case", [(r["msisdn"], r["case"]) for r in rows["cases"]], [(phone, case["case"]) for phone, case in both])
    for row, (_, case) in zip(rows["cases"], both):
        same("a case", {k: row[k] for k in case if k in row and k != "answers"}, {k: v for k, v in case.items() if k in row and k != "answers"})
        same("its answers", row["answers"], {k: v for k, v in case["answers"].items() if k not in ("language", "name", "account")})
    for kind in ("history", "sms", "requests"):
        same(kind, rows[kind], [{"msisdn": phone, "case": case["case"]} | x for phone, case in both for x in case[kind]])
    text = {kind: b("export", "store", kind) for kind in KINDS}
    same("no phone without --phones", [p for p in phones for k in KINDS if p in text[k] or p[2:] in text[k]], [])
    ids = {}
    for kind in KINDS:
        for opaque, row in zip(map(json.loads, text[kind].splitlines()), rows[kind]):
            same("one opaque id a phone", ids.setdefault(row["msisdn"], opaque["msisdn"]), opaque["msisdn"])
            same("the same but for the phone", opaque | {"msisdn": None}, row | {"msisdn": None})
    same("as many ids as phones", len(set(ids.values())), len(phones))
    since = AS_OF[2]
    same("sms --since", b.ndjson("export", "store", "sms", "--phones", "--since", since), [r for r in rows["sms"] if r["at"] >= since])
    same("history --since", b.ndjson("export", "store", "history", "--phones", "--since", since), [r for r in rows["history"] if r["run"] >= 3])
    same("requests --since", b.ndjson("export", "store", "requests", "--phones", "--since", since),
         [r for r in rows["requests"] if r["created_at"] >= since or (r["responded_at"] or "") >= since])
    b("export", "store", "--csv", "sheets")
    same("CSV files", sorted(os.listdir(b.path("sheets"))), sorted(["schema.sql", *(f"{kind}.csv" for kind in KINDS)]))
    for kind in KINDS:
        flat = [{k: v for key, value in row.items() for k, v in (value.items() if isinstance(value, dict) else [(key, value)])}
                for row in map(json.loads, text[kind].splitlines())]
        shown = [{k: "" if v is None else str(v).lower() if isinstance(v, bool) else str(v) for k, v in row.items()} for row in flat]
        same(f"{kind}.csv", list(csv.DictReader(open(b.path(f"sheets/{kind}.csv"), newline="", encoding="utf-8"))), shown)
    same("modes", {oct(stat.S_IMODE(os.stat(b.path(f"sheets/{name}")).st_mode)) for name in os.listdir(b.path("sheets"))}, {"0o600"})
    b("export", "store", "cases", "--csv", "one")
    same("one kind alone", sorted(os.listdir(b.path("one"))), ["cases.csv", "schema.sql"])
    b("export", "store", exit=2)
    b("export", "store", "--csv", "no/where", exit=2, says="--csv no/where")
    b("export", "store", "--csv", "store/key", exit=2, says="--csv store/key")
    b("export", "store", "sms", "--csv", "sheets", "--json", exit=2)
    b("export", "store", "names", exit=2, says="must be cases")
    b("export", "store", "sms", "--since", "yesterday", exit=2, says="not RFC 3339")
    b("init", "empty")
    same("an empty store", [b("export", "empty", kind) for kind in KINDS], [""] * 4)


def record_at(path, line):
    data = open(path, "rb").read()
    text = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode("utf-8-sig")
    lines = text.splitlines(True)
    return dict(zip(next(csv.reader(lines)), next(csv.reader(lines[line - 1:]))))


def test_why(b):
    b.nights()
    b("run", "store", "--out", "late", "--as-of", "2026-11-09T22:00:00+05:00")
    sms, requests = b.ndjson("export", "store", "sms"), b.ndjson("export", "store", "requests")
    inputs = {run: {x["file"]: x for x in json.load(open(b.path(f"store-{run}/run.json")))["inputs"]} for run in range(1, 5)}
    seen = set()
    for row in sms + requests:
        id = row.get("sms_id") or row["request_id"]
        told = json.loads(b("why", "store", id, "--json"))
        same(f"{id}: what it is", {k: told[k] for k in told if k in row}, {k: row[k] for k in told if k in row})
        same(f"{id}: its run", {1: AS_OF[0], 2: AS_OF[1], 3: AS_OF[2], 4: AS_OF[3], 5: "2026-11-09T22:00:00+05:00"}[told["run"]], row.get("at") or row["created_at"])
        same(f"{id}: a rule", bool(told["rule"] and told["rule"]["effect"]), True)
        seen.add((told["rule"]["step"], told["rule"]["on"]))
        if told["event"] in ("reminder", "expiry"):
            same(f"{id}: the clock has no record", told["record"], None)
            continue
        record = told["record"]
        file = inputs[told["run"]][record["file"]]
        same(f"{id}: its file", (record["kind"], record["xxh128"], record["run"]), (file["kind"], file["xxh128"], told["run"]))
        found = record_at(record["file"], record["line"])
        name = {"notices": "{notice_id}", "messages": "{operator}:{message_id}", "responses": "{request_id}:{status}"}[record["kind"]]
        same(f"{id}: the record at that line", name.format(**found), record["identity"])
    same("rules seen", {on for _, on in seen} >= {"notice", "answer", "granted", "refused", "remind_after", "answer, a category", "answer, not so"}, True)
    same("in words", b("why", "store", sms[0]["sms_id"]).count("\n") >= 4, True)
    for id in "s" + "0" * 26, "q" + sms[0]["sms_id"][1:], "77011200101", "":
        b("why", "store", id, exit=2, says="never issued")
    phones = {row["sms_id"]: row["msisdn"] for row in b.ndjson("export", "store", "sms", "--phones")}
    b("forget", "store", "-", input=phones[sms[0]["sms_id"]])
    told = json.loads(b("why", "store", sms[0]["sms_id"], "--json"))
    same("of a struck history", (told["run"], told["rule"], told["record"]), (3, None, None))


def test_misses(b):
    """two corrections and a prompt given up, each by the message that did it"""
    b.nights(until=1)
    phone = next(row["msisdn"] for row in b.outbound("store-1") if row["step"] == "language")
    want = [("correction", "miss bad_form", "language"), ("correction", "miss bad_form", "language"), ("info", "third miss", "language")]
    for day, (kind, on, step) in enumerate(want, 3):
        with open(b.path(f"m{day}.csv"), "w") as f:
            f.write(f"operator,message_id,received_at,msisdn,short_code,text\nkcell,x{day},2026-11-0{day}T10:00:00+05:00,{phone},1414,what?\n")
        b("run", "store", "--out", f"out{day}", "--as-of", f"2026-11-0{day}T22:00:00+05:00", f"m{day}.csv")
        sms = next(row for row in b.outbound(f"out{day}") if row["msisdn"] == phone)
        told = json.loads(b("why", "store", sms["sms_id"], "--json"))
        same(f"of the {day}th", (told["kind"], told["rule"]["on"], told["rule"]["step"], told["record"]["file"], told["record"]["identity"], told["run"]),
             (kind, on, step, f"m{day}.csv", f"kcell:x{day}", day - 1))


def test_failed_receipt(b):
    """a reminder that a failed receipt made due names that receipt, in whatever run it was read"""
    b.nights(until=1)
    row = next(row for row in b.outbound("store-1") if row["kind"] == "prompt")
    with open(b.path("receipts.csv"), "w") as f:
        f.write(f"sms_id,status,at\ns{'0' * 26},failed,2026-11-03T08:00:00+05:00\n{row['sms_id']},UNDELIV,2026-11-03T09:00:00+05:00\n"
                f"{row['sms_id']},accepted,2026-11-03T08:59:00+05:00\n{row['sms_id']},delivered,2026-11-03T09:01:00+05:00\n")
    b("run", "store", "--out", "out", "--as-of", "2026-11-03T22:00:00+05:00", "receipts.csv")
    again = next(x for x in b.outbound("out") if x["msisdn"] == row["msisdn"])
    told = json.loads(b("why", "store", again["sms_id"], "--json"))
    same("kind", (told["kind"], told["rule"]["on"]), ("reminder", "the last SMS of the prompt failed"))
    same("record", {k: told["record"][k] for k in ("kind", "file", "line", "run")}, {"kind": "receipts", "file": "receipts.csv", "line": 3, "run": 2})


def test_reissue(b):
    b.nights()
    for n in range(1, 5):
        b("reissue", "store", n, "--out", f"again-{n}")
        same(f"run {n}", b.files(f"again-{n}"), b.files(f"store-{n}"))
    same("modes", {oct(stat.S_IMODE(os.stat(b.path(f"again-1/{n}")).st_mode)) for n in os.listdir(b.path("again-1"))} | {oct(stat.S_IMODE(os.stat(b.path("again-1")).st_mode))},
         {"0o600", "0o700"})
    b("reissue", "store", 1, "--out", "again-1", exit=2, says="is there already")
    b("reissue", "store", 5, "--out", "no", exit=2, says="kept are runs 1 to 4")
    b("reissue", "store", 1, "--out", "no/where", exit=2)
    b("reissue", "store", "first", "--out", "no", exit=2)
    b("set", "store", "keep-runs", 2)
    b("run", "store", "--out", "five", "--as-of", "2026-11-06T22:00:00+05:00")
    b("reissue", "store", 3, "--out", "no", exit=2, says="kept are runs 4 to 5")
    b("reissue", "store", 4, "--out", "four", "--json")
    same("run 4", b.files("four"), b.files("store-4"))
    b.sound("store")
    b("run", "store", "--dry-run", "--out", "dry", "--as-of", "2026-11-07T22:00:00+05:00")
    b("reissue", "store", 6, "--out", "no", exit=2)
    same("nothing is left", [n for n in os.listdir(b.work) if n.startswith(".") or n == "no"], [])


def test_backup(b):
    b.nights(until=2)
    b("backup", "store", "copy")
    same("modes", [oct(stat.S_IMODE(os.stat(b.path(p)).st_mode)) for p in ("copy", "copy/key", "copy/data.mdb", "copy/lock", "copy/lock.mdb")], ["0o700"] + ["0o600"] * 4)
    b.sound("copy")
    for store in "store", "copy":
        b.night(3, store)
    same("the next night", b.files("copy-3", timing=False), b.files("store-3", timing=False))
    b("reissue", "copy", 2, "--out", "two")
    same("what it keeps", b.files("two"), b.files("store-2"))
    b("backup", "store", "copy", exit=2, says="is there already")
    b("backup", "nowhere", "other", exit=2)
    with open(b.path("store/lock")) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        same("while a run goes on", json.loads(b("backup", "store", "meanwhile", "--json"))["run"], 3)
    b.sound("meanwhile")


def test_backup_of_a_store_at_work(b):
    """copies made while one run follows another: each is a store as some run left it"""
    b.init()
    b.night(1)
    going = True

    def work():
        for i in range(40):
            if going:
                b("run", "store", "--out", f"out-{i}", "--as-of", f"2026-11-{3 + i // 2:02}T{10 + i % 2:02}:00:00+05:00", f"{SAMPLE}/night2")

    thread = threading.Thread(target=work)
    thread.start()
    runs = []
    for i in range(6):
        runs.append(json.loads(b("backup", "store", f"copy-{i}", "--json"))["run"])
        b.sound(f"copy-{i}")
        same("the run that it tells", json.loads(b("status", f"copy-{i}", "--json"))["run"], runs[-1])
    going = False
    thread.join()
    same("ever later runs", runs == sorted(runs), True)


def test_forget(b):
    for store in "store", "other":
        b.nights(store, until=3)
    rows = b.outbound("other-1", "other-2", "other-3")
    phone = "77781200909"  # two open cases
    name = json.loads(b("case", "other", phone, "--json"))["cases"][0]["answers"]["name"]
    before = json.loads(b("case", "store", phone, "--json"))
    told = json.loads(b("forget", "store", "-", "--json", input="+7 778 120 09 09\n"))
    same("cases", (told["cases"], told["closed"]), (2, 2))
    b.sound("store")
    after = json.loads(b("case", "store", phone, "--json"))
    for was, now in zip(before["cases"], after["cases"]):
        same("ids", [now[k] for k in ("case", "slot", "notice_id")] + [x["sms_id"] for x in now["sms"]] + [x["request_id"] for x in now["requests"]],
             [was[k] for k in ("case", "slot", "notice_id")] + [x["sms_id"] for x in was["sms"]] + [x["request_id"] for x in was["requests"]])
        same("all else", (now["step"], now["history"], set(now["answers"].values()), "withdrawn" in now["outcomes"].values()), ("closed", [], {None}, True))
    for n in range(1, 4):
        b("reissue", "store", n, "--out", f"again-{n}")
        for file, data in b.files(f"again-{n}").items():
            same(f"kept run {n}, {file}", phone.encode() in data or name.split()[0].encode() in data and file != "run.json" and phone in str(rows), False)
    same("others' rows are kept", sorted(str(r) for r in b.outbound("again-1", "again-2", "again-3")), sorted(str(r) for r in rows if r["msisdn"] != phone))
    same("names in the store's file", name.encode() in open(b.path("store/data.mdb"), "rb").read(), False)
    for store in "store", "other":
        b.night(4, store)
    mine = [r for r in b.outbound("store-4")]
    same("others' next night", mine, [r for r in b.outbound("other-4") if r["msisdn"] != phone])
    same("given again", json.loads(b("forget", "store", phone, "--json"))["closed"], 0)
    sms = before["cases"][0]["sms"][0]["sms_id"]
    with open(b.path("receipts.csv"), "w") as f:
        f.write(f"sms_id,status,at\n{sms},delivered,2026-11-06T09:00:00+05:00\n")
    with open(b.path("notices.csv"), "w") as f:
        old = next(r for p in sorted(glob.glob(f"{SAMPLE}/night*/notices*")) for r in csv.DictReader(open(p, encoding="utf-8-sig")) if r["notice_id"] == before["cases"][0]["notice_id"])
        out = csv.DictWriter(f, old)
        out.writeheader()
        out.writerow(old)
        out.writerow(old | {"notice_id": "N-NEW", "registered_at": "2026-11-06T08:00:00+05:00", "birth_date": "2026-11-05"})
    b("run", "store", "--out", "then", "--as-of", "2026-11-06T22:00:00+05:00", "receipts.csv", "notices.csv")
    counted = {x["kind"]: x for x in json.load(open(b.path("then/run.json")))["inputs"]}
    same("its ids are known", (counted["receipts"]["applied"], counted["notices"]["duplicates"], counted["notices"]["applied"]), (1, 1, 1))
    same("a new notice opens a new case", [(c["case"], c["slot"], c["step"]) for c in json.loads(b("case", "store", phone, "--json"))["cases"]][2:], [(3, 1, "language")])
    b.sound("store")
    b("forget", "store", "77770000002")
    b("forget", "store", "hello", exit=2)
    with open(b.path("store/lock")) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        b("forget", "store", phone, exit=4)


def test_forget_rejected(b):
    """--keep-rejected keeps records as they came: a phone in whatever form leaves them, and what is kept of the run comes again"""
    b.nights(until=1)
    rows = ["z1,2026-11-03T10:00:00+05:00,+7 (701) 120-01-01,1414,", "z2,2026-11-03T10:00:00+05:00,8 701 120 01 01,1414,nonsense",
            "z3,2026-11-03T10:00:00+05:00,87019990001,1414,hello", 'z4,"x"y,87011200101,1414,hello',
            # what is no record stands as a whole, and in it the number between whatever its form has there
            'z5,"x"[from:87011200101] [to:1414]', 'z6,"x"y 2026-11-03 10:00:00 8 701 120 01 01 1414', 'z7,"x"<tel:+7-701-120-01-01>',
            'z8,"x"[from:87019990001] 7011200101', 'z9,"x"y 1870112001012 87011200102']
    with open(b.path("m.csv"), "w") as f:
        f.write("operator,message_id,received_at,msisdn,short_code,text\n" + "".join(f"kcell,{row}\n" for row in rows))
    b("run", "store", "--out", "two", "--as-of", AS_OF[1], "--keep-rejected", "m.csv")
    b("reissue", "store", 2, "--out", "again")
    same("as it was", b.files("again"), b.files("two"))
    b("forget", "store", "77011200101")
    b("reissue", "store", 2, "--out", "then")
    kept = open(b.path("then/rejected-messages.csv")).read()
    same("who is left", [id for id in (f"z{i}" for i in range(1, 10)) if id in kept], ["z3", "z8", "z9"])
    b.sound("store")


def test_forget_many(b):
    """one phone after another, closed and open, between runs too: the store is whole all along, and in the end nobody is in it"""
    b.nights(until=2)
    phones = sorted({row["msisdn"] for row in b.ndjson("export", "store", "cases", "--phones")})
    for i, phone in enumerate(phones):
        b("forget", "store", phone)
        b.sound("store")
        if i == 3:
            b.night(3)
    rest = b.ndjson("export", "store", "cases", "--phones")
    same("who is left came later", {row["msisdn"] for row in rest if row["step"] != "closed"} & set(phones[4:]), set())
    b("run", "store", "--out", "end", "--as-of", "2026-12-25T22:00:00+05:00")
    b.sound("store")


def samples(path):
    """{name: {labels: value}}; every sample stands behind its HELP and TYPE"""
    found, kind = {}, None
    for line in open(path, encoding="utf-8"):
        if line.startswith("# HELP "):
            kind = line.split()[2]
            found[kind] = {}
        elif line.startswith("# TYPE "):
            same("TYPE", line.split()[2:], [kind, "gauge"])
        else:
            name, labels, value = re.fullmatch(r"([a-z_]+)(?:\{(.*)\})? (\S+)\n", line).groups()
            same("under its HELP", name, kind)
            found[name][tuple(sorted(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels or "")))] = float(value)
    return found


def test_metrics(b):
    b.init()
    b.night(1)
    b.night(2, "store", "--metrics", "besik.prom")
    run, told = json.load(open(b.path("store-2/run.json"))), samples(b.path("besik.prom"))
    same("names", sorted(told), sorted("besik_run_success besik_run_end_timestamp_seconds besik_run_as_of_timestamp_seconds besik_run_duration_seconds besik_records "
                                       "besik_rejects besik_sms besik_requests besik_findings besik_cases besik_overdue_requests besik_operator_silent besik_store_bytes besik_peak_memory_bytes".split()))
    same("success", told["besik_run_success"], {(): 1})
    same("mode", oct(stat.S_IMODE(os.stat(b.path("besik.prom")).st_mode)), "0o644")
    for kind in {x["kind"] for x in run["inputs"]}:
        of = [x for x in run["inputs"] if x["kind"] == kind]
        for outcome, figure in ("duplicate", "duplicates"), ("reject", "rejects"), ("miss", "misses"):
            same(f"{kind} {outcome}", told["besik_records"][("kind", kind), ("outcome", outcome)], sum(x[figure] for x in of))
        same(kind, sum(v for k, v in told["besik_records"].items() if ("kind", kind) in k), sum(x["records"] for x in of))
    same("rejects", {k: v for k, v in told["besik_rejects"].items()},
         {(("kind", kind), ("reason", reason)): n for kind, reasons in run["counts"]["rejects"].items() for reason, n in reasons.items()})
    sent = {}
    for path in glob.glob(b.path("store-2/outbound-*.csv")):
        for row in csv.DictReader(open(path, newline="", encoding="utf-8")):
            key = (("kind", row["kind"]), ("operator", os.path.basename(path)[9:-4]))
            sent[key] = sent.get(key, 0) + 1
    same("sms", told["besik_sms"], sent)
    same("requests", {k[0][1]: v for k, v in told["besik_requests"].items() if v}, run["counts"]["requests"])
    same("cases", {k[0][1]: v for k, v in told["besik_cases"].items() if v and k[0][1] != "closed"}, run["counts"]["open"])
    same("closed", told["besik_cases"][(("step", "closed"),)], run["counts"]["cases"]["closed"])
    b("run", "store", "--out", "late", "--as-of", "2026-11-14T22:00:00+05:00", "--metrics", "besik.prom")
    told = samples(b.path("besik.prom"))
    found = {}
    for row in csv.DictReader(open(b.path("late/reconciliation.csv"), newline="")):
        key = (("finding", row["finding"]), ("party", row["party"]))
        found[key] = found.get(key, 0) + 1
    same("findings", told["besik_findings"], found)
    same("overdue", {k[0][1]: v for k, v in told["besik_overdue_requests"].items()}, json.loads(b("status", "store", "--json"))["overdue"])
    same("some are", sum(told["besik_overdue_requests"].values()) > 0, True)
    with open(b.path("bad.csv"), "w") as f:
        f.write("a,b\n1,2\n")
    b("run", "store", "--out", "bad", "--metrics", "besik.prom", "bad.csv", exit=3)
    told = samples(b.path("besik.prom"))
    same("a run that failed", (told["besik_run_success"], "besik_records" in told, sum(told["besik_cases"].values()) > 0), ({(): 0}, False, True))
    silent = lambda: {k[0][1] for k, v in samples(b.path("besik.prom"))["besik_operator_silent"].items() if v}
    status = lambda: {x["operator"] for x in json.loads(b("status", "store", "--json"))["operators"] if x["silent"]}
    same("who is silent still, as of the last run", (silent(), len(silent()) > 1), (status(), True))
    b("run", "store", "--out", "later", "--as-of", "2026-11-15T22:00:00+05:00", "--metrics", "besik.prom")
    same("a silence that is told once goes on", (silent(), "operator_silent" in open(b.path("later/reconciliation.csv")).read()), (status(), False))
    with open(b.path("m.csv"), "w") as f:
        f.write("operator,message_id,received_at,msisdn,short_code,text\nkcell,z1,2026-11-16T10:00:00+05:00,77770000002,1414,hello\n")
    b("run", "store", "--out", "dry", "--dry-run", "--as-of", "2026-11-16T22:00:00+05:00", "--metrics", "besik.prom", "m.csv")
    same("a dry run's own state", silent(), status() - {"kcell"})
    b("run", "store", "--out", "heard", "--as-of", "2026-11-16T22:00:00+05:00", "--metrics", "besik.prom", "m.csv")
    same("one is heard again", ("kcell" in silent(), silent()), (False, status()))
    same("each has a sample", len(samples(b.path("besik.prom"))["besik_operator_silent"]) >= len(json.loads(b("status", "store", "--json"))["operators"]), True)
    b("run", "nowhere", "--out", "bad", "--metrics", "besik.prom", exit=2)
    same("a store that is none", samples(b.path("besik.prom"))["besik_run_success"], {(): 0})
    b("run", "store", "--out", "bad", "--metrics", "no/besik.prom", exit=2, says="--metrics no/besik.prom")
    same("nothing is left", [n for n in os.listdir(b.work) if n.startswith(".")], [])


main(Room)
