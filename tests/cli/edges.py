#!/usr/bin/env python3
"""What the sample does not meet: runs of many transactions that fail, a report of receipts, receipts and silence to the second, bytes
that JSON escapes, a case whose messages never left, notices of one id, a report of all that is open, options by their corners, a
full standard output.

usage: edges.py BESIK [NAME…]         NAME: only these tests"""
import csv, json, os, re, shutil, subprocess, sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))
from folders import folder  # noqa: E402
from harness import BESIK, Failed, main, same  # noqa: E402
REF = os.path.join(HERE, "..", "..", "tools", "share", "ref")
KEY = os.path.join(HERE, "..", "sample", "key")
NOTICES = "notice_id,registered_at,msisdn,mother_iin,birth_date,sex,child_order,region\n"
MESSAGES = "operator,message_id,received_at,msisdn,short_code,text\n"
RESPONSES = "request_id,status,responded_at,reference,place,queue_number\n"
RECEIPTS = "sms_id,status,at\n"
ACCOUNT = "KZ84722C000012345678"


def day(n, clock="22:00:00"):
    return f"2026-11-{n:02}T{clock}+05:00"


class Room:
    def __init__(self, work):
        self.work = work

    def __call__(self, *args, exit=0, env=None):
        done = subprocess.run([BESIK, *map(str, args)], capture_output=True, text=True, cwd=self.work, timeout=300, env={**os.environ, **(env or {})})
        if done.returncode != exit:
            raise Failed(f"besik {' '.join(map(str, args))}: exit {done.returncode}, not {exit}: {done.stderr.strip()[-300:]}")
        self.err = done.stderr
        return done.stdout

    def init(self, store="store", *more):
        self("init", store, "--key", KEY, *more)

    def write(self, name, text):
        with open(f"{self.work}/{name}", "w", encoding="utf-8", newline="") as file:
            file.write(text)
        return name

    def run(self, n, out, *files, store="store", more=(), **kw):
        return self("run", store, "--out", out, "--as-of", day(n), *more, *files, **kw)

    def rows(self, name):
        path = f"{self.work}/{name}"
        if not os.path.exists(path):
            return []
        with open(path, encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def sms(self, out, phone):
        """(id, kind, step) of what a run sends to a phone"""
        return [(x["sms_id"], x["kind"], x["step"]) for name in sorted(os.listdir(f"{self.work}/{out}")) if name.startswith("outbound-")
                for x in self.rows(f"{out}/{name}") if x["msisdn"] == phone]

    def requests(self, out, agency):
        with open(f"{self.work}/{out}/requests-{agency}.ndjson", encoding="utf-8") as file:
            return [json.loads(line) for line in file]


def notice(number, phone, n, clock="10:00:00"):
    return f"{number},{day(n, clock)},{phone},940312400117,2026-11-01,F,1,103200000\n"


def message(number, phone, n, clock, text, operator="kcell"):
    return f"{operator},{number},{day(n, clock)},{phone},1414,{text}\n"


def quoted(text):
    return '"' + text.replace('"', '""') + '"'


def nameless(folder_bytes):
    """without the store's name, which is drawn"""
    return {name: re.sub(rb'"store": "[0-9a-f]+"', b"", data) if name == "run.json" else data for name, data in folder_bytes.items()}


def test_many_transactions(b):
    """a run that wrote much and then fails leaves nothing: what it was refused for gone, it ends as if it had never been tried"""
    count = 30000
    b.write("notices.csv", NOTICES + "".join(notice(f"N{i}", 77010000000 + i, 2) for i in range(count)))
    b.write("again.csv", MESSAGES + "".join(message(f"m{i}", 77010000000 + i, 2, "12:00:00", "R 1 2") for i in range(0, count, 2)))
    b.init()
    b.init("plain")
    little = ("--memory", "16M", "--workers", "2")
    for n, file in ((2, "notices.csv"), (3, "again.csv")):
        before = os.path.getsize(f"{b.work}/store/data.mdb")
        b.run(n, f"out{n}", file, more=(*little, "--sms-limit", "100"), exit=3)
        if n == 2 and os.path.getsize(f"{b.work}/store/data.mdb") < before + (2 << 20):
            raise Failed("the run that failed wrote too little to have been of many transactions")
        same("what it left beside", [x for x in os.listdir(b.work) if x.startswith(".") or x == f"out{n}"], [])
        b.run(n, f"out{n}", file, more=little)
        b.run(n, f"plain{n}", file, store="plain")
        same(f"run {n}", nameless(folder(f"{b.work}/out{n}")), nameless(folder(f"{b.work}/plain{n}")))
    for store in ("store", "plain"):
        b.run(6, f"clock-{store}", store=store)
    same("the clock's night", nameless(folder(f"{b.work}/clock-store")), nameless(folder(f"{b.work}/clock-plain")))
    reminders = json.loads(open(f"{b.work}/clock-store/run.json", encoding="utf-8").read())["counts"]["sms"]["reminder"]
    same("reminders", reminders, {"language": count // 2, "name": count // 2})


def test_open_left_as_it_is(b):
    """the same dumps again write nothing of the open cases; with a little that is new among them, none of the others is lost, nor
    does one that closed come back, whatever the number of workers"""
    count = 6000
    phones = [77010000000 + i for i in range(count)]
    b.write("notices.csv", NOTICES + "".join(notice(f"N{i}", phone, 2) for i, phone in enumerate(phones)))
    b.write("replies.csv", MESSAGES + "".join(message(f"m{i}", phone, 3, "12:00:00", "R 1 2") for i, phone in enumerate(phones)))
    b.write("few.csv", MESSAGES + message("new", phones[17], 3, "13:00:00", "R 1 2 Ахметова Айша") + message("new2", phones[4711], 3, "13:00:00", "R 1 2 Ли Ян"))
    b.write("gone.csv", f"notice_id,withdrawn_at,cause\nN99,{day(3, '13:00:00')},mistake\n")

    def of_open(store):
        return [line.split() for line in b("check", store).splitlines() if line.split()[0] == "open"]
    for store, workers in (("store", 1), ("wide", 3), ("plain", 1)):
        b.init(store)
        b.run(2, f"{store}-2", "notices.csv", store=store)
        b.run(3, f"{store}-3", "replies.csv", store=store)
        if store == "plain":
            b.run(3, "plain-few", "few.csv", "gone.csv", store=store)
            continue
        before, size = of_open(store), os.path.getsize(f"{b.work}/{store}/data.mdb")
        again = json.loads(b.run(3, f"{store}-again", "replies.csv", store=store, more=("--workers", workers, "--json")))
        same("repeats", again["inputs"][0]["duplicates"], count)
        same("what check says of the open cases", of_open(store), before)
        if os.path.getsize(f"{b.work}/{store}/data.mdb") > size + (128 << 10):
            raise Failed("a run in which nothing changed made the store larger")
        b.run(3, f"{store}-few", "few.csv", "replies.csv", "gone.csv", store=store, more=("--workers", workers))
    for store in ("store", "wide"):
        for kind in ("cases", "sms", "requests"):
            same(f"{kind} of {store}", b("export", store, kind, "--phones"), b("export", "plain", kind, "--phones"))
        b.run(6, f"{store}-6", store=store)
    b.run(6, "plain-6", store="plain")
    for name, data in folder(f"{b.work}/plain-6").items():
        if name.startswith("outbound-"):
            same(name, [folder(f"{b.work}/{store}-6")[name] == data for store in ("store", "wide")], [True, True])


def test_report_of_receipts(b):
    """SMS without a final receipt, of an operator that gives receipts; prompts whose last SMS failed"""
    a, f, c, d = "77011111111", "77012222222", "77013333333", "77051111111"
    b.init()
    b.run(2, "out2", b.write("notices.csv", NOTICES + "".join(notice(f"N{i}", phone, 2) for i, phone in enumerate((a, f, c, d)))))
    ids = {phone: b.sms("out2", phone)[0][0] for phone in (a, f, c, d)}
    same("before any receipt", list(csv.reader(b("report", "store").splitlines()))[1:], [])
    b.run(3, "out3", b.write("r3.csv", RECEIPTS + f"{ids[a]},delivered,{day(3, '08:00:00')}\n{ids[f]},UNDELIV,{day(3, '08:00:01')}\n"))
    (reminder, *_), = b.sms("out3", f)
    told = lambda: [tuple(row[k] for k in ("finding", "party", "id", "msisdn", "slot", "since")) for row in csv.DictReader(b("report", "store").splitlines())]
    same("its reminder is on its way", told(), [])
    b.run(4, "out4", b.write("r4.csv", RECEIPTS + f"{reminder},failed,{day(4, '08:00:00')}\n"))
    want = [("receipt_missing", "kcell", ids[c], c, "1", day(2)), ("sms_failed", "kcell", reminder, f, "1", day(4, "08:00:00"))]
    same("two days later", sorted(told()), want)
    same("in JSON", sorted(tuple(x[k] for k in ("finding", "party", "id", "msisdn")) for x in map(json.loads, b("report", "store", "--json").splitlines())),
         [x[:4] for x in want])
    same("as the run found them", [x[:6] for x in found(b, "out4")], want)
    b.run(5, "out5", b.write("w5.csv", f"notice_id,withdrawn_at,cause\nN2,{day(5, '08:00:00')},death\nN1,{day(5, '08:00:00')},mistake\n"))
    same("of the withdrawn nothing is said", [x for x in told() if x[3] in (c, f)], [])
    b.run(12, "out12")
    same("of an operator that has given none for a week neither", [x for x in told() if x[0] == "receipt_missing"], [])


def found(b, out):
    """a run's reconciliation.csv, its header gone"""
    return [tuple(row.values()) for row in b.rows(f"{out}/reconciliation.csv")]


def test_receipts_by_the_clock(b):
    """receipt_missing from receipt_after on to the second, once for each SMS, of each operator by itself, in the order of when they
    went out; not while an operator has given none for a week; and a dry run tells what the run tells"""
    kcell, beeline, late = ["77011111111", "77012222222", "77013333333"], ["77051111111", "77052222222"], "77014444444"
    phones = kcell + beeline
    b.init("store", "--receipt-after", "2d", "--remind-after", "2d", "--expire-after", "30d")
    b.run(2, "out2", b.write("n2.csv", NOTICES + "".join(notice(f"N{i}", phone, 2) for i, phone in enumerate(phones))))
    first = {phone: b.sms("out2", phone)[0][0] for phone in phones}
    b.run(3, "out3", b.write("r3.csv", RECEIPTS + f"{first[kcell[0]]},delivered,{day(3, '08:00:00')}\n"),
          b.write("n3.csv", NOTICES + notice("N9", late, 3)))
    first[late] = b.sms("out3", late)[0][0]
    row = lambda phone, n, sms=None, operator="kcell": ("receipt_missing", operator, sms or first[phone], phone, "1", day(n), "no final receipt yet")
    want = sorted(row(phone, 2) for phone in kcell[1:])
    dry = lambda n, out, *files, clock="22:00:00": b("run", "store", "--out", out, "--as-of", day(n, clock), "--dry-run", *files)
    missing = lambda out: sorted(x for x in found(b, out) if x[0] == "receipt_missing")
    for name, n, clock, files, told in [
            ("early", 4, "21:59:59", [], []), ("due", 4, "22:00:00", [], want),
            ("heard", 4, "22:00:00", [b.write("r4.csv", RECEIPTS + f"{first[kcell[1]]},delivered,{day(4, '08:00:00')}\n")], [row(kcell[2], 2)]),
            ("other", 4, "22:00:00", [b.write("o4.csv", RECEIPTS + f"{first[beeline[0]]},delivered,{day(4, '08:00:00')}\n")],
             sorted([*want, row(beeline[1], 2, operator="beeline")])),
            ("one later", 5, "21:59:59", [], want), ("both", 5, "22:00:00", [b.write("n5.csv", NOTICES + notice("N8", "77015555555", 5))],
                                                    sorted([*want, row(late, 3)])),
            ("last of the week", 10, "08:00:00", [], None), ("beyond the week", 10, "08:00:01", [], [])]:
        dry(n, f"dry {name}", *files, clock=clock)
        if told is not None:
            same(name, missing(f"dry {name}"), told)
        elif not set(want) < set(missing(f"dry {name}")):
            raise Failed(f"{name}: {missing(f'dry {name}')}")
    b.run(4, "out4")
    same("the run", missing("out4"), want)
    second = {phone: b.sms("out4", phone)[0][0] for phone in phones}
    dry(4, "dry again")
    same("once", missing("dry again"), [])
    b.run(4, "again")
    same("once, in a run too", missing("again"), [])
    dry(5, "dry next")
    same("the next night's alone", missing("dry next"), [row(late, 3)])
    b.run(5, "out5", "o4.csv")
    same("and of the operator that has now given one", missing("out5"), sorted([row(late, 3), row(beeline[1], 2, operator="beeline")]))
    third = b.sms("out5", late)[0][0]
    b.run(7, "out7")
    same("the reminders", missing("out7"), sorted([row(phone, 4, second[phone]) for phone in kcell] + [row(late, 5, third)] +
                                                  [row(phone, 4, second[phone], "beeline") for phone in beeline]))


def test_silence_by_the_clock(b):
    """operator_silent from silent_after on to the second, once for each silence; message_late with how many and from when to when"""
    phone = "77011111111"
    b.init("store", "--silent-after", "1d", "--remind-after", "9d", "--expire-after", "30d")
    b.run(2, "out2", b.write("n2.csv", NOTICES + notice("N1", phone, 2)),
          b.write("m2.csv", MESSAGES + message("m1", phone, 2, "20:00:00", "R 1 2") + message("x1", "77059999999", 2, "21:00:00", "x", "beeline")))
    dry = lambda n, out, clock, *files: b("run", "store", "--out", out, "--as-of", day(n, clock), "--dry-run", *files)
    told = lambda out, *findings: sorted((x[0], x[1], *x[5:]) for x in found(b, out) if x[0] in findings)
    silent = lambda operator, n, clock: ("operator_silent", operator, day(n, clock), "no messages since")
    for name, n, clock, want in [("early", 3, "19:59:59", []), ("one", 3, "20:00:00", [silent("kcell", 2, "20:00:00")]),
                                 ("one still", 3, "20:59:59", [silent("kcell", 2, "20:00:00")]),
                                 ("both", 3, "21:00:00", [silent("beeline", 2, "21:00:00"), silent("kcell", 2, "20:00:00")])]:
        dry(n, f"dry {name}", clock)
        same(name, told(f"dry {name}", "operator_silent"), want)
    old = b.write("old.csv", MESSAGES + message("x2", "77058888888", 2, "20:30:00", "x", "beeline"))
    dry(3, "dry old", "21:00:00", old)
    same("an older message ends no silence", told("dry old", "operator_silent"), [silent("beeline", 2, "21:00:00"), silent("kcell", 2, "20:00:00")])
    b.run(3, "out3")
    same("the run", told("out3", "operator_silent"), [silent("beeline", 2, "21:00:00"), silent("kcell", 2, "20:00:00")])
    b.run(4, "out4")
    same("once", told("out4", "operator_silent"), [])
    late = [(3, "10:00:00"), (2, "23:00:00"), (4, "21:59:59"), (4, "22:00:00")]
    b.run(5, "out5", b.write("m5.csv", MESSAGES + "".join(message(f"l{i}", phone, n, clock, "R 1 1") for i, (n, clock) in enumerate(late))))
    same("late", told("out5", "message_late"), [("message_late", "kcell", day(2, "23:00:00"), f"3 messages, {day(2, '23:00:00')} to {day(4, '21:59:59')}")])
    same("silent a second time", told("out5", "operator_silent"), [silent("kcell", 4, "22:00:00")])
    b.run(5, "again")
    same("told", told("again", "operator_silent", "message_late"), [])


def test_escapes(b):
    """what JSON must escape comes back as it was given: ids of any printable characters, an agency's words"""
    phone, number = "77011111111", 'N"1\\x'
    b.init()
    first = ["R 1 2", "R 1 2 Ким Анна", "R 1 2 2 1", "R 1 2 3 1", "R 1 2 4 1"]
    b.run(2, "out2", b.write("n2.csv", NOTICES + notice(quoted(number), phone, 2)),
          b.write("m2.csv", MESSAGES + "".join(message(quoted(f'm"{i}\\'), phone, 2, f"12:00:0{i}", text) for i, text in enumerate(first))))
    asked, = b.requests("out2", "registry")
    same("notice_id", asked["notice_id"], number)
    reference = 'A"7\\\t\r\n\x01\x1fҚ/é'
    b.run(3, "out3", b.write("r3.csv", RESPONSES + f"{asked['request_id']},registered,{day(3, '09:00:00')},{quoted(reference)},,\n"),
          b.write("m3.csv", MESSAGES + message("m6", phone, 3, "12:00:00", "R 1 2 5 1") + message("m7", phone, 3, "12:00:01", "R 1 2 6 1")))
    asked, = b.requests("out3", "akimat")
    b.run(4, "out4", b.write("r4.csv", RESPONSES + f"{asked['request_id']},queued,{day(4, '09:00:00')},,,17\n"),
          b.write("m4.csv", MESSAGES + message("m8", phone, 4, "12:00:00", "R 1 2 7 1") + message("m9", phone, 4, "12:00:01", f"R 1 2 8 2 {ACCOUNT}")))
    asked, = b.requests("out4", "benefit")
    same("registration_reference", (asked["registration_reference"], asked["account"]), (reference, ACCOUNT))
    raw = open(f"{b.work}/out4/requests-benefit.ndjson", encoding="utf-8", newline="").read()
    if "Қ/é" not in raw or raw.count("\n") != 1 or any(ord(c) < 32 for c in raw[:-1]):
        raise Failed(f"only quotes, backslashes and controls are escaped: {raw!r}")
    case, = json.loads(b("case", "store", phone, "--json"))["cases"]
    same("case --json", (case["notice_id"], case["history"][0]["identity"], case["history"][1]["identity"], case["step"]),
         (number, number, 'kcell:m"0\\', "assigning"))
    same("its requests", [x["agency"] for x in case["requests"]], ["registry", "akimat", "benefit"])


def test_superseded(b):
    """what was made in the run of the withdrawal, and never left, stands in the history"""
    phone = "77011111111"
    b.init()
    texts = ["R 1 2", "R 1 2 Ким Анна", "R 1 2 2 1", "R 1 2 3 1", "R 1 2 4 1"]
    b.run(2, "out2", b.write("n.csv", NOTICES + notice("N1", phone, 2) + notice("N2", phone, 2, "10:00:01")),
          b.write("m.csv", MESSAGES + "".join(message(f"m{i}", phone, 2, f"12:00:0{i}", text) for i, text in enumerate(texts))),
          b.write("w.csv", f"notice_id,withdrawn_at,cause\nN1,{day(2, '13:00:00')},death\n"))
    same("what left", [x[1:] for x in b.sms("out2", phone)], [("prompt", "language")])
    same("no request", os.path.exists(f"{b.work}/out2/requests-registry.ndjson"), False)
    first, second = json.loads(b("case", "store", phone, "--json"))["cases"]
    kept = sorted(x["result"] for x in first["history"] if x["event"] == "superseded")
    same("its history", kept, sorted([f"prompt {step}" for step in ("language", "name", "education", "income", "office")] + ["info filed", "request registry"]))
    same("the other case's", [x["event"] for x in second["history"]], ["notice"])
    text = b("case", "store", phone)
    for word in ("info filed", "request registry", "case 2  slot 2  at language", "registration  withdrawn"):
        if word not in text:
            raise Failed(f"{word!r} is not in {text!r}")


def test_report_of_the_open(b):
    """requests without a response and operators that fell silent, also of a phone whose case is closed and of one that is open again"""
    texts = ["R 1 2", "R 1 2 Ким Анна", "R 1 2 2 1", "R 1 2 3 1", "R 1 2 4 1"]
    phones = ["77011111111", "77012222222", "77013333333"]
    b.init("store", "--response-after", "3d", "--silent-after", "2d", "--remind-after", "1d", "--expire-after", "2d")
    b.run(2, "out2", b.write("n2.csv", NOTICES + "".join(notice(f"N{i}", phone, 2) for i, phone in enumerate(phones)) + notice("N9", "77051111111", 2)),
          b.write("m2.csv", MESSAGES + "".join(message(f"m{phone}-{i}", phone, 2, f"12:00:0{i}", text) for phone in phones for i, text in enumerate(texts))))
    asked = {x["msisdn"]: x["request_id"] for x in b.requests("out2", "registry")}
    same("a request each", sorted(asked), phones)
    # the last phone's case is closed by a refusal, and opened again beside it is another
    b.run(3, "out3", b.write("r3.csv", RESPONSES + f"{asked[phones[2]]},refused,{day(3, '09:00:00')},,,\n"),
          b.write("n3.csv", NOTICES + notice("N3", phones[2], 3).replace(",F,1,", ",M,2,")))
    told = lambda: [tuple(row[k] for k in ("finding", "party", "id", "msisdn", "slot", "since")) for row in csv.DictReader(b("report", "store").splitlines())]
    same("not yet", told(), [])
    b.run(4, "out4")
    silent = ("operator_silent", "kcell", "", "", "", day(2, "12:00:04"))
    same("after two days a silent operator", told(), [silent])
    b.run(5, "out5")
    missing = sorted(("response_missing", "registry", asked[phone], phone, "1", day(2)) for phone in phones[:2])
    same("after three a response", sorted(told()), sorted([*missing, silent]))
    same("as the run found them", sorted(tuple(x[k] for k in ("finding", "party", "id", "msisdn", "slot", "since")) for x in b.rows("out5/reconciliation.csv")), missing)
    b("set", "store", "response-after", "9d")
    same("by the setting of now", told(), [silent])
    b.write("outages.csv", "operator,from,to\n*,2026-11-02T00:00:00+05:00,\n")
    for name in ("options", "offices", "localities", "operators"):
        shutil.copy(f"{REF}/{name}.csv", b.work)
    b("ref", "store", b.work)
    same("in an outage nobody is silent", told(), [])


def test_notices_of_one_id(b):
    """the first of one id counts, whatever the order of files and lines: by time, then phone, then content; the others are
    repeats and conflicts of it, also in another run; a withdrawal in the same run knows it"""
    a, c = "77011111111", "77012222222"
    later = notice("N1", a, 2, "10:00:01")
    here = notice("N1", a, 2)
    other = here.replace(",F,1,", ",M,1,")
    there = notice("N1", c, 2)
    rest = "".join(notice(f"K{i}", 77013000000 + i, 2) for i in range(20))
    withdrawal = b.write("w.csv", f"notice_id,withdrawn_at,cause\nN1,{day(2, '11:00:00')},mistake\nN8,{day(2, '11:00:00')},mistake\n")
    wins = {}
    for case, lines in {"time": [later, here], "phone": [there, here], "content": [here, other], "all": [there, later, other, here]}.items():
        for turn, order in enumerate((lines, lines[::-1])):
            store = f"{case}{turn}"
            b.init(store)
            b.run(2, f"{store}-2", withdrawal, b.write("n.csv", NOTICES + order[0] + rest + "".join(order[1:])), store=store)
            with_repeats = b.write("n3.csv", NOTICES + "".join(lines) + here + rest)
            b.run(3, f"{store}-3", with_repeats, store=store)
            told = lambda out: sorted((x["reason"], x["identity"], x["msisdn"]) for x in b.rows(f"{out}/rejects.csv"))
            first = [(x["id"], x["msisdn"], x["since"]) for x in b.rows(f"{store}-2/reconciliation.csv") if x["finding"] == "notice_conflict"]
            cases = [x for phone in (a, c) for x in json.loads(b("case", store, phone, "--json"))["cases"]]
            same(f"{store}: one case, withdrawn, of the first", [(x["notice_id"], x["registered_at"], x["outcomes"]["registration"]) for x in cases],
                 [("N1", day(2, "10:00:00"), "withdrawn")])
            same(f"{store}: it is on the lesser phone", json.loads(b("case", store, c, "--json"))["cases"], [])
            same(f"{store}: conflicts", len(first), len(lines) - 1)
            same(f"{store}: rejects", [x[:2] for x in told(f"{store}-2")], [("id_conflict", "N1")] * (len(lines) - 1) + [("no_notice", "N8")])
            same(f"{store}: the next night", [x[:2] for x in told(f"{store}-3")], [("id_conflict", "N1")] * (len(lines) - 1))
            wins.setdefault(case, []).append((sorted(first), told(f"{store}-2"), told(f"{store}-3"), cases))
    for case, (one, turned) in wins.items():
        same(f"{case}: in another order of lines", turned, one)


def test_usage(b):
    """`--` ends the options; a short option there is none; a phone without a case says so"""
    b.init()
    b.run(2, "out2", b.write("n2.csv", NOTICES + notice("N1", "77011111111", 2)))
    same("a phone behind --", b("case", "store", "--json", "--", "77011111111"), b("case", "store", "77011111111", "--json"))
    same("options behind -- are none", b("case", "--", "store", "77011111111"), b("case", "store", "77011111111"))
    b("case", "store", "77011111111", "-j", exit=2)
    if "-j: no such option (see besik case --help)" not in b.err:
        raise Failed(f"-j: {b.err!r}")
    same("no case", b("case", "store", "77019999999"), "no case on this phone\n")
    same("no case in JSON", json.loads(b("case", "store", "77019999999", "--json")), {"msisdn": "77019999999", "cases": []})


def test_each_command_by_its_corners(b):
    """without what it needs, with too much, with an option that is none, on what is no store: exit 2, and its own help is named or given"""
    b.init()
    b.run(2, "out2", b.write("n2.csv", NOTICES + notice("N1", 77011111111, 2)))
    commands = [line.split()[0] for line in b("--help").split("usage:")[1].splitlines()[1:] if line.startswith("  ") and line.split()]
    if len(commands) < 16:
        raise Failed(f"--help tells of {commands} alone")
    for command in commands:
        same(f"{command} --help begins", b(command, "--help").startswith(f"usage: besik {command}"), True)
        for args in (["--nonsense"], ["a", "b", "c", "d", "e", "f", "g"] if command not in ("run", "profile", "capacity", "gen") else ["--nonsense=1"], []):
            b(command, *args, exit=2)
            same(f"{command} {args}: a message of one line", (b.err.startswith(f"besik {command}: "), b.err.count("\n")), (True, 1))
    for command in ("case", "status", "report", "list", "why", "backup", "reissue", "export", "purge", "forget", "set", "ref", "run"):
        more = {"case": ["77011111111"], "why": ["s" + "0" * 26], "backup": ["copy"], "reissue": ["1", "--out", "o"], "export": ["cases"], "set": ["remind-after", "2d"],
                "purge": ["--closed-before", day(1)], "forget": ["77011111111"], "ref": [REF], "run": ["--out", "o"]}.get(command, [])
        b(command, "nowhere", *more, exit=2)
    for args, exit in ((("purge", "store", "--closed-before", "yesterday"), 2), (("purge", "store", "--closed-before", day(20)), 2), (("purge", "store"), 2),
                       (("reissue", "store", "0", "--out", "o"), 2), (("reissue", "store", "9", "--out", "o"), 2), (("reissue", "store", "x", "--out", "o"), 2),
                       (("reissue", "store", "1"), 2), (("export", "store", "nothing"), 2), (("export", "store", "cases", "--since", "then"), 2),
                       (("why", "store", "x"), 2), (("case", "store", "12"), 2), (("forget", "store", "12"), 2), (("set", "store", "remind-after", "x"), 2),
                       (("set", "store", "nothing", "1"), 2), (("backup", "store", "out2"), 2), (("reissue", "store", "1", "--out", "out2"), 2)):
        b(*args, exit=exit)
    for args in (("backup", "store", "copy", "--json"), ("reissue", "store", "1", "--out", "again", "--json"), ("list", "store", "--json"), ("status", "store", "--json")):
        for line in b(*args).splitlines()[:1]:
            json.loads(line)
    b("gen", "dumps", "--cases", "40", "--days", "2", "--errors", "5%")
    for says, *args in (("1 to 396 days", "capacity", "d", "--scenario", "replay", "--outage", "0"), ("1 to 396 days", "capacity", "d", "--scenario", "replay", "--outage", "x"),
                        ("1 to 396 days", "capacity", "d", "--scenario", "replay", "--outage", "99999"), ("a second or more", "capacity", "d", "--target", "x"),
                        ("a second or more", "capacity", "d", "--target", "0s"), ("give one of them", "capacity", "d", "--target", "10s", "--cases", "5"),
                        ("share from 0 to 0.5", "gen", "g", "--cases", "40", "--errors", "0.55555555"), ("share from 0 to 0.5", "gen", "g", "--cases", "40", "--errors", "51%"),
                        ("share from 0 to 0.5", "gen", "g", "--cases", "40", "--errors", "%"), ("share from 0 to 0.5", "gen", "g", "--cases", "40", "--errors", ".5x"),
                        ("not empty", "gen", "dumps", "--cases", "41", "--days", "2"), ("not empty", "gen", "dumps", "--cases", "40", "--days", "2", "--errors", "4%"),
                        ("--answers FOLDER alone", "gen", "dumps", "--answers", "o", "--days", "2"), ("--answers FOLDER alone", "gen", "dumps", "--answers", "o", "--seed", "2"),
                        ("no run.json", "gen", "dumps", "--answers", "nope"), ("not a store", "profile", "check", "--store", "nowhere", "n2.csv")):
        b(*args, exit=2)
        same(f"{args}: {b.err.strip()}", says in b.err, True)
    for kind in ("cases", "history", "sms", "requests"):
        same(f"{kind} since later than all", b("export", "store", kind, "--since", day(28)), "")
    b.run(6, "out6")
    same("since then: a reminder", [json.loads(line)["kind"] for line in b("export", "store", "sms", "--since", day(4)).splitlines()], ["reminder"])
    same("and its case", len(b("export", "store", "cases", "--since", day(4)).splitlines()), 1)
    for args in (("check", "store"), ("list", "store"), ("status", "store"), ("export", "store", "cases"), ("why", "store", b.sms("out6", "77011111111")[0][0])):
        code, told = on_full_device(b, *args)
        same(f"{args[0]} on a full device", (code, "standard output: cannot write" in told), (1, True))
    b("forget", "store", "77011111111")
    same("a phone that is forgotten", "were struck" in b("case", "store", "77011111111"), True)
    b("purge", "store", "--closed-before", "2025-10-01T00:00:00+05:00", "--json")


def on_full_device(b, *args):
    with open("/dev/full", "w") as full:
        done = subprocess.run([BESIK, *args], stdout=full, stderr=subprocess.PIPE, text=True, cwd=b.work, timeout=60)
    return done.returncode, done.stderr


def test_output_full(b):
    """what cannot be told is a failure, not silence"""
    b.init()
    b.run(2, "out2", b.write("n2.csv", NOTICES + notice("N1", "77011111111", 2)))
    for args in (("case", "store", "77011111111"), ("report", "store"), ("run", "store", "--out", "out3", "--as-of", day(3))):
        same(f"{args[0]} on a full device", on_full_device(b, *args), (1, f"besik {args[0]}: standard output: cannot write\n"))
    b.run(3, "out3")
    same("and given again it is told", json.loads(b.run(3, "out3", more=("--json",)))["run"], 2)


def test_much_output_full(b):
    """more than stdio holds back is written at once, and leaves nothing that a last flush could fail at"""
    b.init()
    notices = b.write("n2.csv", NOTICES + "".join(notice(f"N{i}", f"7701222{i:04}", 2) for i in range(90)))
    b.run(2, "out2", notices)
    b.run(3, "out3", b.write("m3.csv", MESSAGES + "".join(message(f"m{i}", "77012220000", 3, "12:00:00", "?") for i in range(90))))
    b.run(5, "out5", b.write("r5.csv", RECEIPTS + f'{b.sms("out2", "77012220001")[0][0]},accepted,{day(5)}\n'))
    empty = [b.write(f"empty{i}.csv", f"{chr(10) * i}") for i in range(1, 40)]
    for args in (("case", "store", "77012220000"), ("case", "store", "77012220000", "--json"), ("list", "store"), ("list", "store", "--json"),
                 ("report", "store"), ("report", "store", "--json"), ("profile", "check", "--json", *[notices] * 9),
                 ("run", "store", "--out", "out6", "--as-of", day(6), "--json", *empty)):
        size = len(b(*args)) if args[0] != "run" else 4097
        same(f"{' '.join(args[:2])}: {size} bytes are much", size > 4096, True)
        same(f"{' '.join(args)} on a full device", on_full_device(b, *args), (1, f"besik {args[0]}: standard output: cannot write\n"))
    same("the run took effect, and is told", len(b.run(6, "out6", *empty, more=("--json",))) > 4096, True)


def test_nothing_but_totals(b):
    """blocks that begin inside quotes take text for broken records, and take that back: then a part of the rejects, and of the events, is empty"""
    row = f'kcell,messages,{day(1, "00:00:00")},{day(1, "10:00:00")},0,"' + "a,b\n" * 4000 + 'a,b"\n'
    totals = b.write("t.csv", "party,kind,from,to,count,note\n" + row * 12)
    seen = set()
    for workers in 1, 2, 4:
        for block in "4096", "65536", "1M":
            b.init(f"store{workers}{block}")
            out = f"out{workers}{block}"
            b.run(2, out, totals, store=f"store{workers}{block}", more=("--workers", workers), env={"BESIK_BLOCK": block})
            seen.add((len(b.rows(f"{out}/rejects.csv")), len(b.rows(f"{out}/reconciliation.csv")), json.load(open(f"{b.work}/{out}/run.json"))["inputs"][0]["records"]))
    same("rejects, findings, records", seen, {(0, 0, 12)})


main(Room)
