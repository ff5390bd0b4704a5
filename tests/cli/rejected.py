#!/usr/bin/env python3
"""rejected-KIND.csv, given again as it stands: the same records, rejected again, and never one that was none before.

usage: rejected.py BESIK [NAME…]         NAME: only these tests"""
import csv, gzip, json, os, random, re, shutil

from harness import Failed, Room as Plain, main, same

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
NIGHT = ["2026-11-23T22:00:00+05:00", "2026-11-24T22:00:00+05:00"]
AT = "2026-11-24T08:00:00+05:00"
RECORD_MAX = 65536
COLUMNS = {
    "notices": ("notice_id registered_at msisdn mother_iin birth_date sex child_order region".split(), ["account", "hospital"]),
    "withdrawals": ("notice_id withdrawn_at cause".split(), []),
    "messages": ("operator message_id received_at msisdn short_code text".split(), []),
    "receipts": ("sms_id status at".split(), ["operator", "operator_ref"]),
    "totals": ("party kind from to count".split(), []),
}
PROFILES = """[semicolons]
kind = messages
match = *.semi
delimiter = ;
operator = "kcell"
message_id = id
received_at = when
msisdn = phone
short_code = "1414"
text = text
part_reference = ref
parts = of
part = n

[wide]
kind = withdrawals
match = *.wide
encoding = UTF-16LE
delimiter = |
notice_id = nr
withdrawn_at = when
cause = why

[log]
kind = messages
match = *.log
take = SMS
line = {when} SMS [from:{from}] {text+}
time = %Y-%m-%dT%H:%M:%S
zone = +05:00
operator = "kcell"
message_id = *
received_at = when
msisdn = from
short_code = "1414"
text = text
"""


class Room(Plain):
    """a store with two families who were asked for their language"""

    def write(self, name, data):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "wb") as f:
            f.write(data if isinstance(data, bytes) else data.encode())

    def init(self):
        shutil.copytree(f"{ROOT}/tools/share/ref", self.path("ref"))
        self.write("ref/dumps.ini", PROFILES)
        self("init", "store", "--ref", "ref")
        self.write("notices.csv", ",".join(COLUMNS["notices"][0]) + "\n"
                   "N1,2026-11-23T08:00:00+05:00,77011200101,940312400117,2026-11-22,F,2,103200000\n"
                   "N2,2026-11-23T08:00:00+05:00,77051200202,910730400124,2026-11-22,M,1,103200000\n")
        self("run", "store", "--out", "out0", "--as-of", NIGHT[0], "notices.csv")
        sms = {row[1]: row[0] for name in os.listdir(self.path("out0")) if name.startswith("outbound-") for row in self.rows(f"out0/{name}")}
        # in the columns of rejected-KIND.csv: taken, if ever such a line begins a record there
        self.evil = {
            "notices": f"EVIL,{AT},77051200303,940312400117,2026-11-22,F,2,103200000,,,,",
            "withdrawals": f"N1,{AT},death,,",
            "messages": f"beeline,evil,{AT},77051200202,1414,R 1 2,,",
            "receipts": f"{sms['77051200202']},failed,{AT},kcell,,,",
            "totals": "kcell,messages,2026-11-24T00:00:00+05:00,2026-11-25T00:00:00+05:00,5,,",
        }

    def rows(self, name):
        """of a file that besik wrote: bytes as they are, a character a byte"""
        with open(self.path(name), newline="", encoding="latin-1") as f:
            return list(csv.reader(f))[1:]

    def keep(self, files, out):
        """a run; its run.json, the rows of its rejects by kind, and those of its rejected-KIND.csv"""
        self("run", "store", "--out", out, "--as-of", NIGHT[1], "--keep-rejected", *files)
        run = json.load(open(self.path(f"{out}/run.json")))
        listed = {kind: [r for r in self.rows(f"{out}/rejects.csv") if r[2] == kind and r[3] == "reject"] for kind in COLUMNS}
        kept = {kind: self.rows(f"{out}/rejected-{kind}.csv") if os.path.exists(self.path(f"{out}/rejected-{kind}.csv")) else [] for kind in COLUMNS}
        for kind, rows in kept.items():
            same(f"{kind}: each has its row", [r[-2] for r in rows], [r[4] for r in listed[kind]])
        return run, listed, kept

    def state(self):
        return [self("export", "store", what) for what in ("cases", "history", "sms", "requests")]


def is_empty(row):
    return not any(row[:-2])


def give_again(b, out, listed, kept, again="again"):
    """what a run kept, given again: the same records, none of them taken, and kept as they were"""
    before = b.state()
    files = [f"{out}/rejected-{kind}.csv" for kind in COLUMNS if kept[kind]]
    run, relisted, rekept = b.keep(files, again)
    for kind in COLUMNS:
        same(f"{kind}: so many", len(relisted[kind]), len(listed[kind]))
        for old, row, new, kept_again in zip(listed[kind], kept[kind], relisted[kind], rekept[kind]):
            want = [{"totals": "bad_party"}.get(kind, "bad_id"), "", ""] if is_empty(row) else old[4:7]
            same(f"{old[:2]}, {new[:2]}", new[4:7], want)
            same(f"{new[:2]} is kept as it was", kept_again[:-2] + kept_again[-1:], row[:-2] + row[-1:])
    same("none is taken", {(x["applied"], x["duplicates"]) for x in run["inputs"]} - {(0, 0)}, set())
    same("nothing is found", b.rows(f"{again}/reconciliation.csv"), [])
    same("nothing is changed", b.state() == before, True)


# ---- one by one ----

def test_quotes_in_a_long_text(b):
    """a record that its own quotes make too long is not cut into lines that are records"""
    b.init()
    b.write("in/m.csv", ",".join(COLUMNS["messages"][0]) + f'\nkcell,m1,{AT},77011200101,1414,"{chr(34) * 58000}\n{b.evil["messages"]}\n"\n')
    run, listed, kept = b.keep(["in"], "out")
    same("reason", [r[4] for r in listed["messages"]], ["too_long"])
    same("no room for it", kept["messages"], [[""] * 6 + ["too_long", ""]])
    give_again(b, "out", listed, kept)


def test_what_has_no_room_is_told(b):
    """64 KiB are a record: one byte more, and the row is empty, which rejects.csv and run.json tell"""
    b.init()
    head = ",".join(COLUMNS["messages"][0])
    most = RECORD_MAX - len(",,,,,,already_answered,") - 4 # the longest reason, two quotes, and two more for those of the record
    for name, size, has_room in (("full", most, True), ("over", most + 1, False), ("whole", RECORD_MAX, False)):
        record = '"' + f"a\n{b.evil['messages']}\n".ljust(size - 4, "x") + '",7'
        same(f"{name}: size", len(record), size)
        b.write(f"{name}.csv", f"{head}\n{record}\n\"also\nshort\"\n")
        run, listed, kept = b.keep([f"{name}.csv"], name)
        same(f"{name}: kept", [r[-1] for r in kept["messages"]], [record if has_room else "", '"also\nshort"'])
        told = [] if has_room else ["keep_rejected: 1 without room in rejected-messages.csv: mend in the file itself"]
        same(f"{name}: told", run["inputs"][0]["warnings"], told)
        same(f"{name}: told with its line", ["without room" in r[7] for r in listed["messages"]], [not has_room, False])
        give_again(b, name, listed, kept, f"{name}-again")


def test_a_record_of_quotes(b):
    """a record whose values can be taken, and whose quotes make its row too long"""
    b.init()
    columns = COLUMNS["notices"][0] + COLUMNS["notices"][1]
    fields = ["x" + '"' * 4000] * 9 + [f'"\n{b.evil["notices"]}\n"']
    b.write("n.csv", ",".join(columns) + "\n" + ",".join(fields) + "\n")
    run, listed, kept = b.keep(["n.csv"], "out")
    same("reason", [r[4] for r in listed["notices"]], ["bad_id"])
    same("no room for it", kept["notices"], [[""] * 10 + ["bad_id", ""]])
    give_again(b, "out", listed, kept)


def test_kept_again(b):
    """what is no record is not lost when the file is given again, and what it rejects is kept again"""
    b.init()
    b.write("m.csv", ",".join(COLUMNS["messages"][0]) + '\n"broken"x\n')
    run, listed, kept = b.keep(["m.csv"], "out1")
    same("as it came", kept["messages"], [[""] * 6 + ["bad_csv", '"broken"x']])
    for i in range(1, 4):
        run, listed, kept = b.keep([f"out{i}/rejected-messages.csv"], f"out{i + 1}")
        same("as it came", kept["messages"], [[""] * 6 + ["bad_id", '"broken"x']])


def test_long_broken_lines(b):
    """what is no record from its beginning on is kept whole, wherever the reader's buffer ends"""
    b.init()
    lines = [f'"{i}"b' + "x" * 30000 for i in range(20)]
    b.write("m.csv", "\n".join([",".join(COLUMNS["messages"][0]), *lines]))
    run, listed, kept = b.keep(["m.csv"], "out")
    same("as they came", [r[-1] for r in kept["messages"]], lines)


# ---- many odd ones ----

class Soup:
    """records of hostile pieces; none that is a record is one of those that may be taken"""

    def __init__(self, seed, evil):
        self.random, self.evil, self.n = random.Random(seed), evil, 0

    def odd(self, kind):
        pick = self.random.choice
        lines = [self.evil[k] for k in (kind, kind, pick(list(self.evil)))]
        pieces = ['"', '""', ",", ";", "|", "\r", "\n", "\r\n", "\n\n", "\0", "\ufeff", "Ж", "R 1 2", " ", "=1+1", "'", "\t", "x" * 50,
                  *("\n" + x + "\n" for x in lines), *lines, '"\n' + lines[0] + '\n"', ",".join(['"' + lines[0] + '"'])]
        text = "".join(pick(pieces) for _ in range(self.random.randrange(6)))
        if self.random.random() < 0.1:
            piece = pick(['"', '"', '"x', ",", "x", '\n"', "\n" + lines[0]])
            text += piece * (self.random.choice([1000, 2040, 4090, 5000, 20000, 29000, 58000]) // len(piece))
        return text if self.random.random() < 0.7 else text + "\n" + lines[0] + "\n"

    def good(self, kind):
        self.n += 1
        return {
            "notices": [f"X{self.n}", AT, "77051200404", "940312400118", "2026-11-22", "F", "1", "103200000", "", "h"],
            "withdrawals": [f"X{self.n}", AT, "death"],
            "messages": ["kcell", f"m{self.n}", AT, "77051200404", "1414", "R 1 2"],
            "receipts": [f"s{self.n}", "failed", AT, "kcell", "7"],
            "totals": ["nobody", "messages", AT, AT, "1"],
        }[kind]

    def quoted(self, text, delimiter):
        bare = not text.startswith('"') and "\n" not in text and delimiter not in text and not text.endswith("\r")
        return text if bare and self.random.random() < 0.8 else '"' + text.replace('"', '""') + '"'

    def record(self, kind, columns, delimiter):
        good = dict(zip(COLUMNS[kind][0] + COLUMNS[kind][1], self.good(kind)))
        fields = [good.get(c, "z") for c in columns]
        for _ in range(self.random.randrange(4)):
            place = self.random.randrange(len(fields))
            if columns[place] not in ("mother_iin", "party"): # these make sure that it is rejected
                fields[place] = self.odd(kind)
        fields = [self.quoted(f, delimiter) for f in fields]
        chance = self.random.random()
        if chance < 0.1:
            fields = fields[:-1]
        elif chance < 0.2:
            fields += [self.quoted(self.odd(kind), delimiter)]
        elif chance < 0.25:
            fields[-1] = '"' + self.odd(kind)
        elif chance < 0.3:
            fields[0] = '"a"b'
        record = delimiter.join(fields)
        if self.random.random() < 0.04: # of a size at which its row may be one, or not
            record = self.to_size(fields, delimiter, RECORD_MAX - self.random.choice([-1, 0, 1, 10, 17, 18, 19, 20, 21, 22, 23, 30]))
        return record

    def to_size(self, fields, delimiter, size):
        lines = "\n".join([self.evil[k] for k in self.evil] * 400)
        fields = [*fields[:-1], '"' + lines.replace('"', '""')]
        return delimiter.join(fields)[:size - 1] + '"'

    def file(self, kind, columns, delimiter=","):
        ends = self.random.choice([["\n"], ["\r\n"], ["\n", "\r\n", "\n\n"]])
        text = delimiter.join(columns) + ends[0]
        for _ in range(self.random.randrange(1, 40)):
            text += self.record(kind, columns, delimiter) + self.random.choice(ends)
        return text if self.random.random() < 0.6 else text.rstrip("\r\n")

    def own(self, kind):
        """in section 3's form, with as few columns as will never be as many as those of rejected-KIND.csv"""
        columns = COLUMNS[kind][0] + [c for c in COLUMNS[kind][1] if self.random.random() < 0.7] + ["more"] * self.random.randrange(2)
        self.random.shuffle(columns)
        data = self.file(kind, columns).encode()
        for _ in range(self.random.randrange(4)):
            at = self.random.randrange(len(data))
            if at > 150: # behind the header
                data = data[:at] + b"\xff" + data[at:]
        return (b"\xef\xbb\xbf" if self.random.random() < 0.3 else b"") + data

    def semi(self):
        names = {"message_id": "id", "received_at": "when", "msisdn": "phone", "text": "text"}
        columns = [*names, "ref", "of", "n"]
        text = self.file("messages", columns, ";")
        head, _, rest = text.partition("\n")
        return (";".join(names.get(c, c) for c in columns) + "\n" + rest.replace(";z;z;z", self.random.choice([";;;", ";1;2;1", ";1;2;2"]))).encode()

    def wide(self):
        text = self.file("withdrawals", COLUMNS["withdrawals"][0], "|")
        return ("nr|when|why\n" + text.partition("\n")[2]).encode("utf-16-le")

    def log(self):
        return "".join(f"{AT[:19]} SMS [from:77051200404] {self.odd('messages')}\n" for _ in range(20)).encode()


def text_of(name, data):
    """as besik reads it, a character a byte; where each line begins"""
    data = gzip.decompress(data) if name.endswith(".gz") else data
    if name.endswith(".wide"):
        data = data.decode("utf-16-le").encode()
    text = data.removeprefix(b"\xef\xbb\xbf").decode("latin-1")
    return text, [0, *(m.end() for m in re.finditer("\n", text))]


def try_seed(b, seed):
    soup = Soup(seed, b.evil)
    folder = f"in{seed}"
    files = {f"{kind}{i}.csv": soup.own(kind) for kind in COLUMNS for i in range(2)}
    files |= {"a.semi": soup.semi(), "b.wide": soup.wide(), "c.log": soup.log()}
    files["z.csv.gz"] = gzip.compress(soup.own("messages"))
    for name, data in files.items():
        b.write(f"{folder}/{name}", data)
    run, listed, kept = b.keep([folder], f"out{seed}")
    same("none was taken", sum(x["applied"] for x in run["inputs"]), 0)
    texts = {f"{folder}/{name}": text_of(name, data) for name, data in files.items()}
    left_out, shown = 0, 0
    for kind in COLUMNS:
        for told, row in zip(listed[kind], kept[kind]):
            left_out += "without room" in told[7]
            if not row[-1]:
                continue
            text, begins = texts[told[0]]
            at = begins[int(told[1]) - 1]
            behind = text[at + len(row[-1]):at + len(row[-1]) + 2]
            same(f"{told[:2]}: as it came", text.startswith(row[-1], at) and (behind in ("", "\r", "\r\n") or behind[0] == "\n"), True)
            shown += 1
    warned = sum(int(w.split()[1]) for x in run["inputs"] for w in x["warnings"] if w.startswith("keep_rejected: "))
    same("what is left out is told", warned, left_out)
    give_again(b, f"out{seed}", listed, kept, f"again{seed}")
    return [row for kind in COLUMNS for row in kept[kind]], left_out, shown


def test_odd_records(b):
    """many files of odd records, in each form: what is kept of them is given again"""
    b.init()
    rows, left_out, shown = [], 0, 0
    for seed in range(1, SEEDS + 1):
        try:
            found = try_seed(b, seed)
        except Failed as e:
            raise Failed(f"seed {seed}: {e}")
        rows, left_out, shown = rows + found[0], left_out + found[1], shown + found[2]
    reasons = {row[-2] for row in rows}
    lacks = {"bad_csv", "bad_fields", "too_long", "bad_utf8", "bad_id", "bad_time", "no_case", "no_notice", "no_sms", "bad_iin", "bad_party"} - reasons
    same("all kinds of them", lacks, set())
    same("some have no room, some are shown, some can be taken", (left_out > 5, shown > 50, sum(not is_empty(r) for r in rows) > 50), (True,) * 3)


SEEDS = int(os.environ.get("SEEDS", 8))


main(Room)
