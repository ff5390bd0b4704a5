#!/usr/bin/env python3
"""Dumps in other forms: dumps.ini, the ready profiles, encodings, zones, parts, and what was rejected given again.

usage: profiles.py BESIK [NAME…]         NAME: only these tests"""
import csv, gzip, io, itertools, json, os, re, shutil, stat, subprocess, urllib.parse

from harness import BESIK, Failed, main, same

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
SHARE = f"{ROOT}/tools/share"
NIGHT = ["2026-11-23T22:00:00+05:00", "2026-11-24T22:00:00+05:00", "2026-11-25T22:00:00+05:00"]
NOTICES = ("notice_id,registered_at,msisdn,mother_iin,birth_date,sex,child_order,region\n"
           "N1,2026-11-23T08:00:00+05:00,77011200101,940312400117,2026-11-22,F,2,103200000\n"
           "N2,2026-11-23T08:00:00+05:00,77051200202,910730400124,2026-11-22,M,1,103200000\n")
NAME = "Ахметова Айша"


class Room:
    """a folder with reference data and a store in which two cases wait for their language"""

    def __init__(self, work):
        self.work = work
        shutil.copytree(f"{SHARE}/ref", f"{work}/ref")

    def path(self, name):
        return f"{self.work}/{name}"

    def __call__(self, *args, exit=0, says=(), env=None):
        done = subprocess.run([BESIK, *map(str, args)], capture_output=True, text=True, cwd=self.work, timeout=300,
                              env={**os.environ, **(env or {})})
        if done.returncode != exit:
            raise Failed(f"besik {' '.join(map(str, args))}: exit {done.returncode}, not {exit}: {done.stderr[-400:]}")
        for word in [says] if isinstance(says, str) else says:
            if word not in done.stderr:
                raise Failed(f"{word!r} is not in {done.stderr!r}")
        return done.stdout

    def write(self, name, data, encoding="utf-8"):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "wb") as f:
            f.write(data if isinstance(data, bytes) else data.encode(encoding))

    def rows(self, name):
        with open(self.path(name), newline="", encoding="utf-8", errors="surrogateescape") as f:
            return list(csv.reader(f))[1:]

    def json(self, out):
        return json.load(open(self.path(f"{out}/run.json")))

    def init(self, ini=None, *more):
        """a store with the two cases, whose language was asked"""
        if ini is None:
            shutil.copy(f"{SHARE}/dumps.ini", self.path("ref/dumps.ini"))
        else:
            self.write("ref/dumps.ini", ini)
        self("init", "store", "--ref", "ref", *more)
        self.write("notices.csv", NOTICES)
        self("run", "store", "--out", "out0", "--as-of", NIGHT[0], "notices.csv")

    def night(self, files, out="out1", n=1, *more, **kw):
        self("run", "store", "--out", out, "--as-of", NIGHT[n], *more, *files, **kw)
        return self.json(out)

    def case(self, phone="77011200101"):
        return json.loads(self("case", "store", phone, "--json"))["cases"][0]

    def sms(self):
        """ids of the SMS that were sent, by phone"""
        return {row[1]: row[0] for out in ("out0",) for name in sorted(os.listdir(self.path(out))) if name.startswith("outbound-")
                for row in self.rows(f"{out}/{name}")}


def rejects(b, out="out1"):
    return [(r[0], int(r[1]), r[4]) for r in b.rows(f"{out}/rejects.csv") if r[3] == "reject"]


def figures(run, i=0):
    return {k: run["inputs"][i][k] for k in ("kind", "records", "applied", "misses", "duplicates", "rejects")}


# ---- the ready profiles ----

def kannel(date, phone, text, coding=0, udh="", smsc="kcell1", length=None):
    shown = text.encode("utf-16-be").hex().upper() if coding == 2 else text
    return (f"{date} Receive SMS [SMSC:{smsc}] [SVC:] [ACT:] [BINF:] [FID:] [META:] [from:{phone}] [to:1414] [flags:-1:{coding}:-1:0:-1] "
            f"[msg:{length or len(text)}:{shown}] [udh:{len(udh) // 2}:{udh}]\n")


def test_kannel_access(b):
    b.init()
    log = ("2026-11-24 08:00:00 Log begins\n" + kannel("2026-11-24 08:15:30", "+77011200101", "R 1 2")
           + kannel("2026-11-24 08:15:31", "77051200202", "a] [udh:0:] [msg:1:x")
           + kannel("2026-11-24 08:15:32", "77011200101", "R 1 2 " + NAME, coding=2)
           + "2026-11-24 09:00:00 Sent SMS [SMSC:kcell1] [SVC:x]\n" + "2026-11-24 09:00:01 Receive SMS [SMSC:kcell1] cut off\n"
           + kannel("2026-11-24 08:15:33", "77011200101", "R 1 2 2 1", coding=2))
    b.write("in/kcell-access.log", log)
    run = b.night(["in"])
    same("figures", figures(run), {"kind": "messages", "records": 5, "applied": 4, "misses": 1, "duplicates": 0, "rejects": 1})
    same("rejects", rejects(b), [("in/kcell-access.log", 6, "bad_fields")])
    case = b.case()
    same("step", case["step"], "income")
    same("its time", [h["at"] for h in case["history"] if h["event"] == "message"],
         ["2026-11-24T08:15:30+05:00", "2026-11-24T08:15:32+05:00", "2026-11-24T08:15:33+05:00"])
    b.write("again/old.access.log.gz", gzip.compress(log.encode()))
    same("again", figures(b.night(["again"], "out2", 2))["duplicates"], 4)


def test_kannel_parts(b):
    b.init()
    whole = "R 1 2 " + NAME
    parts = [(0x0500, 1, whole[:9]), (0x0500, 2, whole[9:14]), (0x0500, 3, whole[14:])]
    lines = [kannel("2026-11-24 08:15:30", "77011200101", "R 1 2")]
    lines += [kannel(f"2026-11-24 08:16:{30 + i}", "77011200101", t, coding=2, udh=f"050003CC03{i:02X}") for _, i, t in parts]
    b.write("a/access.log", lines[3] + lines[1])
    b.write("b/access.log", lines[0] + lines[2])
    run = b.night(["a", "b"])
    same("figures", [figures(run, i)["records"] for i in (0, 1)], [1, 1])
    same("step", b.case()["step"], "education")
    same("the latest part's time", [h["at"] for h in b.case()["history"] if h["event"] == "message"][-1], "2026-11-24T08:16:33+05:00")
    lone = kannel("2026-11-24 09:16:30", "77011200101", "R 1 2 2", udh="06080400110202")
    b.write("c/access.log", lone + "".join(lines) + lines[2])
    run = b.night(["c"], "out2", 2)
    same("again", figures(run), {"kind": "messages", "records": 4, "applied": 0, "misses": 0, "duplicates": 3, "rejects": 1})
    same("a lone part", rejects(b, "out2"), [("c/access.log", 1, "bad_fields")])


def sqlbox(rows):
    columns = ["sql_id", "momt", "sender", "receiver", "udhdata", "msgdata", "time", "smsc_id", "id", "coding", "dlr_mask", "dlr_url"]
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, restval="", lineterminator="\n")
    writer.writeheader()
    for i, row in enumerate(rows):
        writer.writerow({"sql_id": i, **row})
    return out.getvalue()


def test_sqlbox(b):
    b.init()
    at = 1795490130  # 2026-11-24T08:15:30+05:00
    name = urllib.parse.quote_plus(("R 1 2 " + NAME).encode("utf-16-be"))
    mo = dict(momt="MO", receiver="1414", smsc_id="kcell", coding="0", sender="+77011200101")
    b.write("in/mo.csv", sqlbox([
        {**mo, "msgdata": "R+1+2", "time": at, "id": "a1"}, {"momt": "MT", "sender": "1414", "receiver": "7701", "msgdata": "x"},
        {**mo, "msgdata": name, "coding": "2", "time": at + 1, "id": "a2"},
        {**mo, "msgdata": "R 1 2 %2", "time": at + 2, "id": "a3"}]))
    ids = b.sms()
    b.write("in/dlr.csv", sqlbox([{"momt": "DLR", "time": at, "dlr_mask": mask, "dlr_url": ids["77051200202"], "smsc_id": "kcell"} for mask in (8, 1)]))
    run = b.night(["in"])
    same("receipts", figures(run, 0), {"kind": "receipts", "records": 2, "applied": 2, "misses": 0, "duplicates": 0, "rejects": 0})
    same("messages", figures(run, 1), {"kind": "messages", "records": 3, "applied": 2, "misses": 0, "duplicates": 0, "rejects": 1})
    same("rejects", rejects(b), [("in/mo.csv", 5, "bad_utf8")])
    same("step", b.case()["step"], "education")
    same("its status", b.case("77051200202")["sms"][0]["status"], "delivered")


def jasmin(date, phone, content, n):
    return (f"{date} INFO     851 SMS-MO [cid:kcell] [queue-msgid:{n}] [status:ESME_ROK] [prio:LEVEL_1] [validity:None] [from:{phone}] "
            f"[to:1414] [content:{content!r}]\n")


def test_jasmin(b):
    b.init()
    b.write("in/messages.log", "2026-11-24 08:00:00 INFO     851 SMS-MT [cid:kcell] [queue-msgid:z]\n"
            + jasmin("2026-11-24 08:15:30", "77011200101", b"R 1 2", "m1")
            + jasmin("2026-11-24 08:15:31", "77011200101", ("R 1 2 " + NAME).encode("utf-16-be"), "m2")
            + jasmin("2026-11-24 08:15:32", "77011200101", "R 1 2 2 1", "m3")
            + jasmin("2026-11-24 08:15:33", "77051200202", "it's \"a\" ] [content:'x", "m4"))
    same("figures", figures(b.night(["in"])), {"kind": "messages", "records": 4, "applied": 4, "misses": 1, "duplicates": 0, "rejects": 0})
    same("step", b.case()["step"], "income")


def test_smpp_receipts(b):
    b.init()
    ids = b.sms()
    b.write("in/receipts.txt",
            f"id:{ids['77011200101']} sub:001 dlvrd:001 submit date:2611240815 done date:2611240816 stat:DELIVRD err:000 text:hello stat:x\n"
            f"id:{ids['77051200202']} submit date:261124081530 done date:261124081631 stat:UNDELIV\n"
            "id:870928761 sub:001 dlvrd:001 submit date:2611240815 done date:2611240816 stat:DELIVRD err:000 text:\n")
    run = b.night(["in"])
    same("figures", figures(run), {"kind": "receipts", "records": 3, "applied": 2, "misses": 0, "duplicates": 0, "rejects": 1})
    same("statuses", [b.case(p)["sms"][0]["status"] for p in ("77011200101", "77051200202")], ["delivered", "failed"])
    same("times", [h["at"] for p in ("77011200101", "77051200202") for h in b.case(p)["history"] if h["event"] == "receipt"],
         ["2026-11-24T08:16:00+05:00", "2026-11-24T08:16:31+05:00"])


SHEET = ["Дата;Номер;Короткий номер;Текст;ID", "24.11.2026 08:15:30;+7 (701) 120-01-01;1414;R 1 2;a1",
         f"24.11.2026 08:15:31;87011200101;1414;R 1 2 {NAME};a2", "24.11.2026 08:15:31;7,70101E+10;1414;R 1 2;a3",
         '24.11.2026 08:15:33;87011200101;1414;"R 1 2 2; да,', 'так";a4', "31.11.2026 08:15:33;87011200101;1414;R;a5", "Итого: 5;;;;"]


def test_spreadsheet(b):
    b.init()
    for i, encoding in enumerate(("cp1251", "utf-8-sig")):
        b.write(f"in{i}/sheet.csv", "\r\n".join(SHEET), encoding)
        run = b.night([f"in{i}"], f"out{i + 1}", i + 1)
        same("figures", figures(run), {"kind": "messages", "records": 6, "applied": 2 - 2 * i, "misses": 0, "duplicates": 3 * i,
                                       "rejects": 4 - i})
        same("rejects, one record in two lines before", [r[1:] for r in rejects(b, f"out{i + 1}")],
             [(4, "bad_msisdn"), *([] if i else [(5, "bad_form")]), (7, "bad_time"), (8, "bad_id")])
        same("step", b.case()["step"], "education")
    ids = b.sms()
    b.write("sheet/r.csv", f"Дата;ID;Статус\r\n24.11.2026 08:15:30;{ids['77051200202']};Не доставлено\r\n", "cp1251")
    b.night(["sheet"], "out3", 2)
    same("its status", b.case("77051200202")["sms"][0]["status"], "failed")


# ---- forms ----

PLAIN = """[plain]
kind = messages
{more}
operator = "kcell"
message_id = {id}
received_at = {at}
msisdn = {phone}
short_code = "1414"
text = {text}
"""
COLUMNS = dict(id="id", at="when", phone="phone", text="text")
LOCAL = "time = %Y-%m-%d %H:%M:%S\nzone = Asia/Almaty"


def test_encodings(b):
    for i, encoding in enumerate(("CP1251", "UTF-16", "UTF-16LE", "UTF-16BE", "KOI8-R", "UTF-32", "GB18030")):
        ini = PLAIN.format(more=f"{LOCAL}\nencoding = {encoding}\ndelimiter = tab", **COLUMNS)
        if i == 0:
            b.init(ini)
        else:
            b.write("ref/dumps.ini", ini)
            b("ref", "store", "ref")
        lines = ["id\twhen\tphone\ttext"] + [f"{encoding}-{n}\t2026-11-24 08:15:{n % 60:02}\t77011200101\tПривет, {n}\n" for n in range(3000)]
        b.write("in/a.csv", "\r\n".join(lines).replace("\n\r", "\r"), encoding)
        run = b.night(["in"], f"e{i}")
        same(encoding, (figures(run)["records"], figures(run)["applied"] + figures(run)["rejects"]), (3000, 3000))
        same(encoding, {r[2] for r in rejects(b, f"e{i}")} <= {"bad_form", "no_open_prompt"}, True)
        same(f"{encoding}: lines", [r[1] for r in rejects(b, f"e{i}")][-1], 3001)
    b.write("bad/a.csv", b"id\twhen\tphone\ttext\nz1\t2026-11-24 08:15:00\t77011200101\tR 1\xff2\n")
    b.night(["bad"], "bad1")
    same("what is no GB18030", rejects(b, "bad1"), [("bad/a.csv", 2, "bad_utf8")])


def test_no_character(b):
    b.init(PLAIN.format(more=f"{LOCAL}\nencoding = UTF-16LE", **COLUMNS))
    text = "id,when,phone,text\nz1,2026-11-24 08:15:00,77011200101,R ?1 2\nz2,2026-11-24 08:15:00,77011200101,R 1 2".encode("utf-16-le")
    b.write("in/a.csv", text.replace(b"?\0", b"\0\xd8") + b"\x31")
    run = b.night(["in"])
    same("half a pair, and half a unit at the end", rejects(b), [("in/a.csv", 2, "bad_utf8"), ("in/a.csv", 3, "bad_utf8")])


def test_time_zones(b):
    """Almaty went from +06:00 to +05:00 in the night to 2024-03-01: an hour came twice"""
    rows = [("23:30:00", "29.02.2024", "2024-02-29T22:30:00+05:00"), ("22:59:59", "29.02.2024", "2024-02-29T21:59:59+05:00"),
            ("00:00:00", "01.03.2024", "2024-03-01T00:00:00+05:00"), ("08:00:00", "01.01.2024", "2024-01-01T07:00:00+05:00")]
    b.init(PLAIN.format(more="time = %d.%m.%Y %H:%M:%S\nzone = Asia/Almaty", **COLUMNS))
    for i, (clock, day, _) in enumerate(rows):
        b.write("a.csv", f"id,when,phone,text\ni{i},{day} {clock},77011200101,R\n")
        shown = json.loads(b("profile", "check", "--json", "--store", "store", "a.csv"))["records"][0]
        same(f"{day} {clock}", shown["fields"]["received_at"], rows[i][2])
    b.write("ref/dumps.ini", PLAIN.format(more="time = %d.%m.%Y %H:%M:%S\nzone = Europe/Berlin", **COLUMNS))
    b("ref", "store", "ref")
    b.write("a.csv", "id,when,phone,text\n1,29.03.2026 02:30:00,77011200101,R\n2,29.03.2026 03:30:00,77011200101,R\n3,25.10.2026 02:30:00,77011200101,R\n")
    same("Berlin", [r["fields"]["received_at"] for r in json.loads(b("profile", "check", "--json", "--store", "store", "a.csv"))["records"]],
         ["29.03.2026 02:30:00", "2026-03-29T06:30:00+05:00", "2026-10-25T05:30:00+05:00"])
    b.night(["a.csv"])
    same("a time that does not exist", rejects(b)[0], ("a.csv", 2, "bad_time"))
    for zone, shown in (("+03:00", "2026-03-29T04:30:00+05:00"), ("-0330", "2026-03-29T11:00:00+05:00"), ("UTC", "2026-03-29T07:30:00+05:00")):
        b.write("z.ini", PLAIN.format(more=f"time = %d.%m.%Y %H:%M:%S\nzone = {zone}", **COLUMNS))
        same(zone, json.loads(b("profile", "check", "--json", "--profiles", "z.ini", "a.csv"))["records"][0]["fields"]["received_at"], shown)


def test_no_header(b):
    b.init(PLAIN.format(more=f"{LOCAL}\nheader = no\ndelimiter = |\nmatch = mo-*.txt", id="3", at="1", phone="2", text="5"))
    rows = [f"2026-11-24 08:15:30|77011200101|a1|x|R 1 2", "2026-11-24 08:15:31|77011200101|a2|x", "2026-11-24 08:15:31|77011200101|a3|x|Привет|y|z", ""]
    b.write("in/mo-1.txt", "\n".join(rows))
    run = b.night(["in"])
    same("figures", figures(run), {"kind": "messages", "records": 3, "applied": 1, "misses": 0, "duplicates": 0, "rejects": 2})
    same("rejects", [r[1:] for r in rejects(b)], [(2, "bad_fields"), (3, "bad_fields")])
    b.write("other/m.txt", "\n".join(rows))
    b("run", "store", "--out", "out2", "--as-of", NIGHT[2], "other", exit=3, says=["other/m.txt:1: ", "no profile of dumps.ini"])
    b.write("empty/mo-2.txt", "")
    same("no bytes", b.night(["empty"], "out3", 2)["inputs"][0]["kind"], None)


def test_fields_beyond_those_of_no_header(b):
    """a name with a comma that nobody quoted is not taken without its patronymic, whatever way the file is read"""
    b.init(PLAIN.format(more=f"{LOCAL}\nheader = no\nmatch = mo*", id="1", at="2", phone="3", text="4"))
    row = lambda id, second, text: f"{id},2026-11-24 08:15:{second:02},77011200101,{text}\n"
    data = (row("a", 0, "R 1 2") + row("b", 1, "R 1 2 Ахметова Айша, Нұрмағанбетқызы") + row("c", 2, "R 1 2 Ахметова Айша") + row("d", 3, "R 1 2 2 1")).encode()
    data += b"".join(f"x{n},2026-11-24 08:16:00,77011200999,R{',' * (n % 3 == 0)}\n".encode() for n in range(3000))
    forms = {"mo.csv": data, "mo.gz": gzip.compress(data[:70]) + gzip.compress(data[70:])}
    seen = []
    for i, (form, workers, block) in enumerate(itertools.product(forms, (1, 3), ("64", "100000"))):
        b.write(f"in{i}/{form}", forms[form])
        run = b.night([f"in{i}"], f"out{i + 1}", 1, "--dry-run", "--keep-rejected", "--workers", workers, env={"BESIK_BLOCK": block})
        seen.append((figures(run), [r[1:] for r in b.rows(f"out{i + 1}/rejects.csv")], b.rows(f"out{i + 1}/rejected-messages.csv"), outputs(b, f"out{i + 1}")))
        same(f"{form} {workers} {block}", seen[-1] == seen[0], True)
    same("figures", seen[0][0], {"kind": "messages", "records": 3004, "applied": 3, "misses": 0, "duplicates": 0, "rejects": 3001})
    same("rejects", [(int(r[0]), r[3]) for r in seen[0][1]][:3], [(2, "bad_fields"), (5, "bad_fields"), (6, "no_case")])


def test_hex_and_columns_of_parts(b):
    b.init(PLAIN.format(more=f"{LOCAL}\ntext_form = hex-ucs2\npart_reference = ref\nparts = of\npart = n", **COLUMNS))
    whole = "R 1 2 " + NAME
    row = lambda id, second, text, *part: ",".join([id, f"2026-11-24 08:15:{second}", "77011200101", text.encode("utf-16-be").hex(), *part])
    lines = ["id,when,phone,text,ref,of,n", row("w", "01", "R 1 2", "", "", ""), row("p2", "02", whole[8:], "x7", "2", "2"),
             row("p1", "03", whole[:8], "x7", "2", "1"), row("q1", "04", "R 1 2 2 1", "x7", "1", "1"),
             row("r1", "05", "R 1", "x7", "2", "1"), row("r2", "06", "x", "x7", "2", "3"), row("s1", "07", "R", "x7", "2", "z")]
    files = {"one": [lines], "two": [[lines[0]] + lines[1:3] + lines[5:], [lines[0]] + lines[3:5]]}
    for name, cut in files.items():
        for i, part in enumerate(cut):
            b.write(f"{name}/{i}.csv", "\n".join(part))
    run = b.night(["one"], "out1", 1, "--dry-run")
    same("figures", figures(run), {"kind": "messages", "records": 6, "applied": 3, "misses": 0, "duplicates": 0, "rejects": 3})
    same("rejects", [r[1:] for r in rejects(b)], [(6, "bad_fields"), (7, "bad_fields"), (8, "bad_fields")])
    b.night(["two"], "out2", 1)
    same("cut in two", outputs(b, "out1"), outputs(b, "out2"))
    same("step", b.case()["step"], "income")


def cuts(lines, n):
    """the lines under their header as some files, of another cut and order for each n"""
    if n == 0:
        return {"a.csv": lines}
    rows = lines[:0:-1] if n == 1 else lines[1:][n:] + lines[1:][:n]
    return {f"{name}.csv": [lines[0]] + rows[i::2] for i, name in enumerate("ba")}


def joined(b, lines):
    """a dry night of these parts, cut in four ways: (records, applied, duplicates, rejects), the rejected lines' texts, times of messages taken"""
    seen = []
    for n in range(4):
        shutil.rmtree(b.path("in"), ignore_errors=True)
        files = cuts(lines, n)
        for name, rows in files.items():
            b.write(f"in/{name}", "\n".join(rows) + "\n")
        out = f"out{len(os.listdir(b.work))}"
        run = b.night(["in"], out, 1, "--dry-run", "--workers", 1 + n % 2, "--memory", ("256M", "16M")[n // 2])
        for x in run["inputs"]:
            same("each record is accounted for", x["records"], x["applied"] + x["duplicates"] + x["rejects"])
        sums = tuple(sum(x[k] for x in run["inputs"]) for k in ("records", "applied", "duplicates", "rejects"))
        lost = sorted(files[r[0][3:]][r[1] - 1].split(",")[0] + " " + r[2] for r in rejects(b, out))
        seen.append((sums, lost, outputs(b, out)))
        same(f"cut {n}", seen[-1] == seen[0], True)
    return seen[0][:2]


PARTED = "id,when,phone,text,ref,of,n"


def part(id, clock, text, *part, day="2026-11-24", phone="77011200101"):
    return ",".join([id, f"{day} {clock}", phone, text, *map(str, part or ("", "", ""))])


def test_parts_delivered_twice(b):
    b.init(PLAIN.format(more=f"{LOCAL}\npart_reference = ref\nparts = of\npart = n", **COLUMNS))
    sms = [PARTED, part("w", "08:00:00", "R 1 2"), part("a1", "08:01:00", "R 1 2 Ахме", 7, 3, 1), part("a2", "08:01:01", "това Ай", 7, 3, 2), part("a3", "08:01:03", "ша", 7, 3, 3)]
    again = {"before the last, under another id": [part("z", "08:01:02", "R 1 2 Ахме", 7, 3, 1)], "in another second": [part("a1", "08:01:02", "R 1 2 Ахме", 7, 3, 1)],
             "in the same second": [part("a0", "08:01:00", "R 1 2 Ахме", 7, 3, 1)], "the very same": [sms[3]],
             "after the last": [part("z", "08:01:04", "ша", 7, 3, 3)], "all of it": [part(f"z{i}", f"08:02:0{i}", x.split(",")[3], 7, 3, i) for i, x in enumerate(sms[2:], 1)]}
    for what, parts in again.items():
        n = len(parts)
        same(what, joined(b, sms + parts), ((2 + n, 2, n, 0), []))
    # one that was never whole: the second delivery counts as one
    same("incomplete", joined(b, sms[:4] + again["in another second"]), ((4, 1, 1, 2), ["a1 bad_fields", "a2 bad_fields"]))
    # the same number with another text is another SMS, as references come again
    same("another SMS", joined(b, sms + [part("b1", "08:05:00", "R 1 2", 7, 3, 1), part("b2", "08:05:01", " 2", 7, 3, 2), part("b3", "08:05:02", " 1", 7, 3, 3)]),
         ((3, 3, 0, 0), []))
    same("another SMS, and a part of the first again", joined(b, sms + [part("b1", "08:05:00", "R 1 2", 7, 3, 1), part("z", "08:05:01", "това Ай", 7, 3, 2), part("b2", "08:05:02", " 2", 7, 3, 2),
                                                                       part("b3", "08:05:03", " 1", 7, 3, 3)]), ((4, 3, 1, 0), []))
    same("another SMS before this one was whole", joined(b, sms[:4] + [part("b1", "08:05:00", "R 1 2", 7, 3, 1), part("b2", "08:05:01", " 2", 7, 3, 2), part("b3", "08:05:02", " 1", 7, 3, 3)]),
         ((4, 1, 0, 3), ["a1 bad_fields", "a2 bad_fields", "b1 not_asked"]))
    for files in (sms + again["after the last"], sms):
        b.write("m.csv", "\n".join(files))
        b.night(["m.csv"], f"taken{len(files)}")
    same("step", b.case()["step"], "education")


def test_parts_far_apart(b):
    """a day apart they may yet be one SMS; more, and the reference has come again"""
    b.init(PLAIN.format(more=f"{LOCAL}\npart_reference = ref\nparts = of\npart = n", **COLUMNS))
    w, h1 = part("w", "08:00:00", "R 1 2", day="2026-11-23"), part("h1", "09:00:00", "R 1 2 Ахметова Айша", 7, 2, 1, day="2026-11-23")
    same("a day", joined(b, [PARTED, w, h1, part("h2", "09:00:00", "қызы", 7, 2, 2)]), ((2, 2, 0, 0), []))
    same("a second more", joined(b, [PARTED, w, h1, part("h2", "09:00:01", "қызы", 7, 2, 2)]), ((3, 1, 0, 2), ["h1 bad_fields", "h2 bad_fields"]))
    same("the day is the first part's", joined(b, [PARTED, w, *(part(f"k{i}", clock, "R 1 2"[i - 1:i], 7, 3, i, day=day) for i, (day, clock) in enumerate(
        [("2026-11-23", "09:00:00"), ("2026-11-24", "08:00:00"), ("2026-11-24", "10:00:00")], 1))]), ((4, 1, 0, 3), ["k1 bad_fields", "k2 bad_fields", "k3 bad_fields"]))
    late = [part("k1", "09:00:01", "R 1 2 Ким", 7, 2, 1), part("k2", "09:00:02", " Айша", 7, 2, 2)]
    same("the next is whole", joined(b, [PARTED, w, h1, *late]), ((3, 2, 0, 1), ["h1 bad_fields"]))
    same("the same text a day later is no part delivered twice", joined(b, [PARTED, w, h1, part("h2", "09:00:01", " Ким", 7, 2, 2, day="2026-11-23"),
         part("l1", "09:00:02", "R 1 2 Ахметова Айша", 7, 2, 1), part("l2", "09:00:03", " Ким", 7, 2, 2)]), ((3, 2, 0, 1), ["l1 already_answered"]))
    same("joined to what is left of the week before", joined(b, [PARTED, w, part("h2", "09:00:00", "Айша", 7, 2, 2, day="2026-11-23"), *late]), ((3, 2, 0, 1), ["h2 bad_fields"]))


def test_parts_left_alone(b):
    """what lacks a part is not made whole with a part of a later SMS that has all of its own, whichever is lacking; what was held up is"""
    b.init(PLAIN.format(more=f"{LOCAL}\npart_reference = ref\nparts = of\npart = n", **COLUMNS))
    w = part("w", "08:00:00", "R 1 2")
    late = [part("k1", "12:00:00", "R 1 2 Ахметова", 7, 3, 1), part("k2", "12:00:59", " Айша", 7, 3, 2), part("k3", "12:01:58", " қызы", 7, 3, 3)]
    for lacking in (1, 2), (1, 3), (2, 3), (1,), (2,), (3,):
        old = [part(f"h{n}", f"10:00:0{n}", f"R 1 2 {n}", 7, 3, n) for n in lacking]
        lost = [f"h{n} bad_fields" for n in lacking]
        same(f"{lacking}", joined(b, [PARTED, w, *old, *late]), ((2 + len(old), 2, 0, len(old)), lost))
        same(f"{lacking}, after", joined(b, [PARTED, w, *late, *(x.replace("10:00", "14:00") for x in old)]), ((2 + len(old), 2, 0, len(old)), lost))
    again = part("z2", "10:00:00", " Айша", 7, 3, 2)
    same("delivered again with the rest", joined(b, [PARTED, w, again, *late]), ((3, 2, 1, 0), []))
    same("and another", joined(b, [PARTED, w, again, part("h3", "10:00:01", "", 7, 3, 3), *late]), ((4, 2, 1, 1), ["h3 bad_fields"]))
    held_up = [late[0], part("k2", "13:00:00", " Айша", 7, 3, 2), part("k3", "14:30:00", " қызы", 7, 3, 3)]
    same("held up", joined(b, [PARTED, w, *held_up]), ((2, 2, 0, 0), []))
    same("two, the second part's first", joined(b, [PARTED, w, held_up[0], *(x.replace("k", "z") for x in held_up[1:]), part("m1", "15:00:00", "R 1 2", 7, 3, 1), part("m2", "15:00:01", " 2", 7, 3, 2), part("m3", "15:00:02", " 1", 7, 3, 3)]),
         ((3, 3, 0, 0), []))


def test_parts_of_several(b):
    """held up, delivered again, close behind each other: parts stay with the SMS that they were joined to without the others"""
    b.init(PLAIN.format(more=f"{LOCAL}\npart_reference = ref\nparts = of\npart = n", **COLUMNS))
    two = [part("a1", "10:00:00", "R 1", 7, 2, 1), part("a2", "10:01:10", " 2", 7, 2, 2), part("b1", "10:01:20", "R 1 2 Ахметова", 7, 2, 1), part("b2", "10:01:21", " Айша", 7, 2, 2)]
    same("held up till the next comes", joined(b, [PARTED, *two]), ((2, 2, 0, 0), []))
    three = [part(f"a{n}", clock, text, 7, 3, n) for n, clock, text in ((1, "10:00:00", "R"), (2, "10:00:01", " 1"), (3, "10:01:40", " 2"))]
    three += [part(f"b{n}", clock, text, 7, 3, n) for n, clock, text in ((1, "10:01:50", "R 1 2"), (2, "10:01:51", " Ахметова"), (3, "10:01:52", " Айша"))]
    same("its last part is", joined(b, [PARTED, *three]), ((2, 2, 0, 0), []))
    before = [part("x1", "10:00:00", "R 1", 7, 2, 1), part("x2", "10:00:01", " 2", 7, 2, 2), part("a1", "10:00:30", "R 1 2 Ахметова", 7, 2, 1), part("x1", "10:02:00", "R 1", 7, 2, 1),
              part("x2", "10:02:01", " 2", 7, 2, 2), part("a2", "10:02:10", " Айша", 7, 2, 2)]
    same("the SMS before comes again meanwhile", joined(b, [PARTED, *before]), ((4, 2, 2, 0), []))
    both = [part("h1", "10:00:00", "R 9", 7, 2, 1), *(x.replace("10:0", "12:0") for x in two[:1]), part("a2", "12:00:01", " 2", 7, 2, 2), *(x.replace("10:0", "12:0") for x in two[2:])]
    same("two behind one that lacks a part", joined(b, [PARTED, *both]), ((3, 2, 0, 1), ["h1 bad_fields"]))
    b.write("m.csv", "\n".join([PARTED, *two[:2]]))
    b.night(["m.csv"], "first")
    b.write("again.csv", "\n".join([PARTED, *two[:2], part("z1", "10:01:15", "R 1", 7, 2, 1)]))
    run = b.night(["again.csv"], "second", 2)
    same("given again with a part that came twice", [(x["records"], x["applied"], x["duplicates"], x["rejects"]) for x in run["inputs"]], [(2, 0, 2, 0)])


def test_a_character_cut_between_parts(b):
    b.init(PLAIN.format(more=f"{LOCAL}\ntext_form = hex-ucs2\npart_reference = ref\nparts = of\npart = n", **COLUMNS))
    hexed = lambda text: text.encode("utf-16-be").hex()
    ask, whole = part("w", "08:00:00", hexed("R 1 2")), hexed("R 1 2 Ахметова Айша 👶")
    sms = lambda *cut: [PARTED, ask] + [part(f"p{i}", f"08:01:0{i}", x, 7, len(cut), i) for i, x in enumerate(cut, 1)]
    same("in one", joined(b, [PARTED, ask, part("p1", "08:01:03", whole)]), ((2, 1, 0, 1), ["p1 bad_name"]))
    b.write("one.csv", "\n".join([PARTED, ask, part("p1", "08:01:03", whole)]))
    b.write("three.csv", "\n".join(sms(whole[:20], whole[20:-4], whole[-4:])))
    for name in ("one", "three"):
        b.night([f"{name}.csv"], name, 1, "--dry-run")
    same("as in one part", outputs(b, "three"), outputs(b, "one"))
    same("its fault is the name", [r[1:] for r in rejects(b, "three")], [(3, "bad_name")])
    taken = hexed("R 1 2 Ахметова Айша")
    for what, cut, lost in (("a half that finds none", (taken + "d83d", "0020"), ["p1 bad_utf8", "p2 bad_utf8"]), ("the second alone", (taken, "de00"), ["p1 bad_utf8", "p2 bad_utf8"]),
                            ("at the SMS's end", (taken, "d83d"), ["p1 bad_utf8", "p2 bad_utf8"]), ("at its beginning", ("de00" + taken, "0020"), ["p1 bad_utf8", "p2 bad_utf8"]),
                            ("within a part", (taken + "d83d0020", "0020"), ["p1 bad_utf8", "p2 bad_fields"])):
        same(what, joined(b, sms(*cut)), ((3, 1, 0, 2), lost))
    same("a half in an SMS of one part", joined(b, [PARTED, ask, part("p1", "08:01:03", taken + "d83d"), part("p2", "08:01:04", "de00")]), ((3, 1, 0, 2), ["p1 bad_utf8", "p2 bad_utf8"]))
    same("a lone part with half", joined(b, sms(whole[:-4], whole[-4:])[:3]), ((2, 1, 0, 1), ["p1 bad_fields"]))
    b.write("part.csv", "\n".join(sms(whole[:-4], whole[-4:])))
    same("shown", [r["rejected"] for r in json.loads(b("profile", "check", "--json", "--store", "store", "part.csv"))["records"]], [None] * 3)


def test_what_details_say_of_a_profile(b):
    """the word for people is not of headers and forms that the file never had"""
    b.init(PLAIN.format(more=f"{LOCAL}\nheader = no\nmatch = m*\ntext_form = hex-ucs2\npart_reference = 5\nparts = 6\npart = 7", id="1", at="2", phone="3", text="4")
           + "[rfc]\nkind = messages\noperator = op\nmessage_id = id\nreceived_at = at\nmsisdn = who\nshort_code = \"1414\"\ntext = text\n")
    b.write("m.csv", "\n".join([part("a", "08:00:00", "0052", 7, 2, 1), part("b", "08:00:00", "0052", 7, 2, "x"), part("c", "08:00", "0052"), part("d", "08:00:00", "005"), "e"]))
    b.write("n.csv", "id,at,who,text,op\na,2026-11-24,77011200101,R,kcell\n")
    b.write("o.csv", b"operator,message_id,received_at,msisdn,short_code,text\nkcell,a,x,77011200101,1414,R\nkcell,a,x,77011200101,1414,\xff\nkcell,a\n")
    b.night(["m.csv", "n.csv", "o.csv"])
    same("details", [(r[0], r[4], r[7]) for r in b.rows("out1/rejects.csv")],
         [("m.csv", "bad_fields", "other parts of the SMS are missing"), ("m.csv", "bad_fields", "not the fields that its profile has, or no number of a part"),
          ("m.csv", "bad_time", "not in a form of time of its profile, or no such time there"), ("m.csv", "bad_utf8", "not in the encoding or text_form of its profile, or a NUL in it"),
          ("m.csv", "bad_fields", "not the fields that its profile has, or no number of a part"), ("n.csv", "bad_time", "not RFC 3339 with an offset"),
          ("o.csv", "bad_time", "not RFC 3339 with an offset"), ("o.csv", "bad_utf8", "not UTF-8, or a NUL in it"), ("o.csv", "bad_fields", "not as many fields as the header")])


def outputs(b, out):
    return {n: open(b.path(f"{out}/{n}"), "rb").read() for n in os.listdir(b.path(out)) if n.startswith(("outbound", "requests", "recon"))}


def test_long_and_cut(b):
    """records that lie across each edge of what is read at once, compressed and plain, by any number of workers"""
    b.init(PLAIN.format(more=f"{LOCAL}\nencoding = CP1251\ndelimiter = ;", **COLUMNS))
    lines = ["id;when;phone;text"]
    for n in range(4000):
        text = "я" * (n * 37 % 4000) if n % 50 else "й;" * 2040
        lines.append(f'n{n};2026-11-24 08:15:30;77011200101;"{text}\n"')
    lines[100] = 'n;2026-11-24 08:15:30;77011200101;"' + "x" * 70000 + '"'
    lines[200] = 'n;2026-11-24 08:15:30;77011200101;"open'
    lines[201] = 'n201"x;y'
    data = "\r\n".join(lines).encode("cp1251")
    forms = {"a.csv": data, "a.csv.gz": gzip.compress(data), "a.csv.zst": subprocess.run(["zstd", "-qc"], input=data, capture_output=True, check=True).stdout}
    seen = []
    for i, (form, workers, block) in enumerate(itertools.product(forms, (1, 3), ("64", "100000"))):
        b.write(f"in{i}/a.csv", forms[form])
        run = b.night([f"in{i}"], f"out{i + 1}", 1, "--dry-run", "--workers", workers, "--memory", "64M", env={"BESIK_BLOCK": block})
        rows = [r[1:] for r in b.rows(f"out{i + 1}/rejects.csv")]
        seen.append((figures(run), rows, outputs(b, f"out{i + 1}")))
        same(f"{form} {workers} {block}", seen[-1] == seen[0], True)
    reasons = [r[3] for r in seen[0][1]]
    same("reasons", sorted(set(reasons)), ["bad_csv", "bad_fields", "bad_form", "too_long"])


def test_mistakes_in_dumps_ini(b):
    good = PLAIN.format(more=LOCAL, **COLUMNS)
    b.init(good)
    for line, text, why in ((1, "kind = messages\n", "before the first"), (2, "[a]\nkind = sms\n", "kind is none"), (3, "[a]\nkind = messages\nencoding = CP99\n", "iconv"),
                            (3, "[a]\nkind = messages\nzone = Asia/Nowhere\n", "Asia/Nowhere"), (3, "[a]\nkind = messages\nzone = ../../etc/passwd\n", "tzdata"),
                            (3, "[a]\nkind = messages\ndelimiter = :\n", "delimiter"), (3, "[a]\nkind = messages\nsex = x\n", "'sex'"),
                            (3, "[a]\nkind = messages\nnonsense\n", "KEY = VALUE"), (3, "[a]\nkind = messages\nline = {a}{b}\n", "nothing between"),
                            (3, "[a]\nkind = messages\ntext = \"x\n", "quote"), (1, "[a]\nkind = messages\n", "message_id"),
                            (10, good.replace("message_id = id\n", "") + "[plain]\nkind = withdrawals\n", "twice"),
                            (1, good.replace("zone = Asia/Almaty\n", ""), "no zone"), (1, good + "header = no\n", "match"),
                            (3, "[a]\nkind = messages\nkind = messages\n", "twice"), (1, good + "parts = \"2\"\npart = n\npart_reference = r\n", "no constants"), (1, "[a]\n", "kind"),
                            (5, good.replace("kcell", "nokcell"), "operator 'nokcell' is not in operators.csv"), (3, good.replace("%S", "%S %Z"), "%Z"), (3, good.replace(" %H:%M:%S", " %H"), "does not tell"),
                            (6, "[a]\nkind = receipts\nsms_id = i\nstatus = s\nat = t\nstatus.OK = deliverd\n", "no status of receipts"), (1, b"[a\xff]\n", "UTF-8")):
        b.write("ref/dumps.ini", text)
        b("ref", "store", "ref", exit=3, says=[f"ref/dumps.ini:{line}: ", why])
    b.write("in/a.csv", "id,when,phone,text\na,2026-11-24 08:15:30,77011200101,R 1 2\n")
    same("the old ones hold", figures(b.night(["in"]))["applied"], 1)


def test_other_kinds(b):
    b.init("""[hospital]
kind = notices
delimiter = |
time = %d/%m/%Y %H.%M
zone = +05:00
notice_id = nr
registered_at = when
msisdn = phone
mother_iin = iin
birth_date = born
sex = sex
child_order = order
region = "103200000"
[dead]
kind = withdrawals
delimiter = |
notice_id = nr
withdrawn_at = when
time = %d/%m/%Y %H.%M
zone = +05:00
cause = "death"
[sums]
kind = totals
delimiter = |
party = "kcell"
column.kind = what
from = a
to = b
count = n
""")
    b.write("in/n.csv", "nr|when|phone|iin|born|sex|order|hospital\nX1|24/11/2026 08.00|87051200203|910730400124|2026-11-24|M|1|z\n")
    b.write("in/t.csv", "what|a|b|n\nmessages|2026-11-24T00:00:00+05:00|2026-11-25T00:00:00+05:00|3\n")
    b.write("in/w.csv", "nr|when|who\nN1|24/11/2026 09.00|z\n")
    run = b.night(["in"])
    same("kinds", [(x["kind"], x["applied"]) for x in run["inputs"]], [("notices", 1), ("totals", 1), ("withdrawals", 1)])
    same("opened", (run["counts"]["opened"], run["counts"]["withdrawn"]), (1, 1))
    same("the sum is looked at", "count_mismatch" in open(b.path("out1/reconciliation.csv")).read(), True)


# ---- what was rejected, given again ----

def keep(b, files, out, n=1, *more):
    run = b.night(files, out, n, "--keep-rejected", *more)
    kept = {name: b.path(f"{out}/{name}") for name in sorted(os.listdir(b.path(out))) if name.startswith("rejected-")}
    same("listed", [x["file"] for x in run["outputs"] if x["file"].startswith("rejected-")], list(kept))
    same("sums", [(x["bytes"], x["xxh128"]) for x in run["outputs"] if x["file"] in kept],
         [(os.path.getsize(p), subprocess.run(["xxh128sum", p], capture_output=True, text=True, check=True).stdout.split()[0]) for p in kept.values()])
    same("only its owner's", {stat.S_IMODE(os.stat(p).st_mode) for p in kept.values()} | {0o600}, {0o600})
    same("each reject", sum(x["rejects"] for x in run["inputs"]), sum(x["records"] for x in run["outputs"] if x["file"] in kept))
    return run, kept


def test_own_form_shown(room):
    """each kind in besik's own form: why a record would be rejected, and no digit of a person"""
    room.init()
    good = {
        "notices": ("notice_id,registered_at,msisdn,mother_iin,birth_date,sex,child_order,region,account", ["N1", NIGHT[0], "77011200101", "940312400117", "2026-11-22", "F", "1", "103200000", "KZ86125KZT5004100100"]),
        "withdrawals": ("notice_id,withdrawn_at,cause", ["N1", NIGHT[0], "error"]),
        "messages": ("operator,message_id,received_at,msisdn,short_code,text", ["kcell", "m1", NIGHT[0], "77011200101", "1414", "R 1 1"]),
        "responses": ("request_id,status,responded_at", ["r" * 8, "registered", NIGHT[0]]),
        "receipts": ("sms_id,status,at,operator", ["s" * 8, "delivered", NIGHT[0], "kcell"]),
        "totals": ("party,kind,from,to,count", ["kcell", "messages", NIGHT[0], NIGHT[1], "5"]),
    }
    bad = {"notices": {0: "bad_id", 1: "bad_time", 2: "bad_msisdn"}, "withdrawals": {0: "bad_id", 1: "bad_time"}, "messages": {1: "bad_id", 2: "bad_time", 3: "bad_msisdn"},
           "responses": {0: "bad_id", 2: "bad_time"}, "receipts": {0: "bad_id", 2: "bad_time"}, "totals": {2: "bad_time", 3: "bad_time"}}
    for kind, (header, row) in good.items():
        rows = [row] + [[("+7 (701) 120-01-0x" if what == "bad_msisdn" else "") if c == i else x for c, x in enumerate(row)] for i, what in bad[kind].items()]
        room.write(f"{kind}.csv", "\n".join([header] + [",".join(x) for x in rows]) + "\n")
        told = json.loads(room("profile", "check", "--json", "--store", "store", f"{kind}.csv"))
        same(f"{kind}: kind and profile", (told["kind"], told["profile"]), (kind, None))
        same(f"{kind}: rejected", [x["rejected"] for x in told["records"]], [None, *bad[kind].values()])
        text = room("profile", "check", "--store", "store", f"{kind}.csv")
        same(f"{kind}: {text.splitlines()[0]}", text.splitlines()[0], f"{kind}.csv: {kind}, read by no profile: it is in besik's own form")
        for i, what in enumerate(bad[kind].values()):
            same(f"{kind}: line {i + 3} in words", f"  line {i + 3}: would be rejected, {what}\n" in text, True)
        for secret in ("77011200101", "940312400117", "KZ86125KZT5004100100", "120-01-0"):
            same(f"{kind}: {secret} is masked", secret in text + json.dumps(told), False)
    room.write("bytes.csv", b"notice_id,withdrawn_at,cause\nN1,\xff,x\n\"a\"b\n")
    same("bytes", [x["rejected"] for x in json.loads(room("profile", "check", "--json", "--store", "store", "bytes.csv"))["records"]], ["bad_utf8", "bad_csv"])
    room.write("empty.csv", b"")
    same("empty", room("profile", "check", "--store", "store", "empty.csv"), "empty.csv: empty\n")
    same("empty", json.loads(room("profile", "check", "--json", "--store", "store", "empty.csv")), {"file": "empty.csv", "kind": None, "profile": None, "profiles": None, "records": []})
    same("nothing is in the way of a run", "besik ref" in room("profile", "check", "messages.csv", "empty.csv"), False)


def test_how_a_run_gets_a_profile(room):
    """a store without the ready profiles: its run names `profile check`, which says where the profile is and how the store gets it; done as
    it says, the run reads the file"""
    room.write("reports.csv", "ID;Дата;Статус\nabc;24.11.2026 10:00:00;Доставлено\n", "cp1251")
    room("init", "store", "--ref", "ref")
    room("run", "store", "--out", "out", "--as-of", NIGHT[0], "reports.csv", exit=3, says=["reports.csv:1: ", "besik profile check FILE"])
    shown = room("profile", "check", "reports.csv").splitlines()
    name, ini = re.fullmatch(r"reports.csv: receipts, read by profile \[(.+)\] of (/.+/dumps.ini)", shown[0]).groups()
    same("its JSON", [json.loads(room("profile", "check", "--json", "reports.csv"))[k] for k in ("profile", "profiles")], [name, ini])
    for word in ini, "besik ref STORE FOLDER":
        same(f"{shown[-1]}: {word}", word in shown[-1], True)
    shutil.copy(ini, room.path("ref"))
    room("ref", "store", "ref")
    text = room("profile", "check", "--store", "store", "reports.csv")
    same(text, (f"read by profile [{name}] of the store's dumps.ini\n" in text, "besik ref" in text), (True, False))
    room("run", "store", "--out", "out", "--as-of", NIGHT[0], "reports.csv")
    same("given by hand", "besik ref STORE FOLDER" in room("profile", "check", "--profiles", "ref/dumps.ini", "reports.csv").splitlines()[-1], True)
    room.write("odd.csv", "a;b\n1;2\n")
    room("run", "store", "--out", "out2", "--as-of", NIGHT[1], "odd.csv", exit=3, says=["odd.csv:1: ", "no profile of dumps.ini reads it either", "besik profile check FILE"])


def test_readme_own_export(room):
    """README's example, as typed"""
    text = open(f"{ROOT}/README.md", encoding="utf-8").read().split("**From an operator's own export.**")[1].split("\n\n")[1]
    room("init", "store")
    room.write("mo-kcell.csv", "ID;Дата;Номер;Короткий номер;Текст\n1;23.11.2026 10:00:00;77011200101;1414;R 1 2\n", "cp1251")
    room.write("in/2026-11-24/notices.csv", NOTICES)
    shutil.rmtree(room.path("ref"))
    os.mkdir(room.path("out"))
    os.mkdir(room.path("bin"))
    os.symlink(f"{ROOT}/tools", room.path("tools"))
    os.symlink(BESIK, room.path("bin/besik"))
    done = subprocess.run(["bash", "-ec", text.replace("STORE", "store")], capture_output=True, text=True, cwd=room.work, env=os.environ | {"PATH": f"{room.work}/bin:{os.environ['PATH']}"})
    same("commands", len([line for line in text.splitlines() if line.startswith("    ")]), 4)
    same(done.stderr, done.returncode, 0)
    same("what the run made of it", figures(room.json("out/2026-11-24"), 0)["kind"], "messages")


def test_profiles_that_cannot_be_read(room):
    room.write("a.csv", "x\n")
    room.write("large.ini", "#" * ((1 << 20) + 1))
    for args, exit, says in ((("--profiles", "nowhere.ini"), 2, "nowhere.ini: "), (("--profiles", "ref"), 2, "ref: "), (("--profiles", "large.ini"), 3, "large.ini: larger than"),
                             (("--profiles", "x", "--store", "y"), 2, "not both"), (("--store", "nowhere"), 2, "nowhere")):
        same(f"{args}: nothing on standard output", room("profile", "check", *args, "a.csv", exit=exit, says=says), "")
    room("profile", "look", "a.csv", exit=2, says="give check and FILE")
    room("profile", "check", exit=2, says="give check and FILE")


def test_keep_rejected(b):
    b.init("")
    b.write("in/m.csv", b"text,operator,message_id,received_at,msisdn,short_code,extra\r\n"
            b"R 1 2,kcell,a1,2026-11-24 08:15:30,77011200101,1414,x\r\n"
            b"\"R 1 1\nx\",kcell,a2,2026-11-24T08:15:30+05:00,7701,1414,x\r\n"
            b"R 1 2,kcell,a3,2026-11-24T08:15:30+05:00,77051200202,1414,x,y\r\n"
            b"R \xff 2,kcell,a4,2026-11-24T08:15:30+05:00,77051200202,1414,x\r\n"
            b"\"R 1 2\"x,kcell,a5,2026-11-24T08:15:30+05:00,77051200202,1414,x\r\n"
            b"R 1 2,kcell,a6,2026-11-24T08:15:30+05:00,77051200999,1414,x\r\n"
            b"R 1 2,kcell,a7,2026-11-24T08:15:30+05:00,77051200202,1414,x\r\n"
            + b"x" * 5000 + b",kcell,a8,2026-11-24T08:15:30+05:00,77051200202,1414,x\r\n"
            b"\"open,kcell,a9\n")
    b.write("in/r.csv", "request_id,status,responded_at,reason\nq,refused,2026-11-24T08:15:30+05:00,their word\n")
    b.write("in/n.csv.gz", gzip.compress((NOTICES.splitlines()[0] + "\nN9,2026-11-24T08:00:00+05:00,77011200777,940312400118,2026-11-22,F,2,103200000\n").encode()))
    run, kept = keep(b, ["in"], "out1")
    same("files", list(kept), ["rejected-messages.csv", "rejected-notices.csv", "rejected-responses.csv"])
    rows = b.rows("out1/rejected-messages.csv")
    same("reasons", [r[6] for r in rows], ["bad_time", "bad_msisdn", "bad_fields", "bad_utf8", "bad_csv", "no_case", "too_long", "bad_csv"])
    same("as it came", rows[0][:6], ["kcell", "a1", "2026-11-24 08:15:30", "77011200101", "1414", "R 1 2"])
    same("a record that is none", rows[4], [""] * 6 + ["bad_csv", '"R 1 2"x,kcell,a5,2026-11-24T08:15:30+05:00,77051200202,1414,x'])
    same("their word is theirs", b.rows("out1/rejected-responses.csv")[0][7:9], ["their word", "no_request"])
    # given again as it stands: all is rejected again, nothing changes
    before = b.case(), b.case("77051200202")
    again, _ = keep(b, list(kept.values()), "out2", 2)
    same("unmended", [(x["records"], x["rejects"]) for x in again["inputs"]], [(8, 8), (1, 1), (1, 1)])
    same("nothing is changed", (b.case(), b.case("77051200202")), before)
    same("no outbound", [n for n in os.listdir(b.path("out2")) if n.startswith("outbound")], [])
    # mended
    head, *_ = open(b.path("out1/rejected-messages.csv"), encoding="utf-8", errors="surrogateescape").read().split("\n")
    rows[0][2] = "2026-11-24T08:15:30+05:00"
    rows[1][3], rows[1][5] = "+7 705 120 09 99", "R 1 1"
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([head.split(","), *rows[:2]])
    b.write("mended/m.csv", out.getvalue())
    mended, _ = keep(b, ["mended"], "out3", 2)
    same("mended", figures(mended), {"kind": "messages", "records": 2, "applied": 1, "misses": 0, "duplicates": 0, "rejects": 1})
    same("step", b.case()["step"], "name")


def test_keep_rejected_of_profiles(b):
    b.init(PLAIN.format(more=f"{LOCAL}\nencoding = CP1251\ndelimiter = ;\npart_reference = ref\nparts = of\npart = n", **COLUMNS))
    b.write("in/a.csv", "id;when;phone;text;ref;of;n\np;2026-11-24 08:15:30;77051200202;R 1 2 Ким;1;2;1\n"
            "a;31.02.2026 08:15:30;77011200101;Я, R;;;\nb;2026-11-24 08:15:30;7;R;;;\n", "cp1251")
    for i, more in enumerate(((), ("--workers", "1"), ("--workers", "3", "--memory", "16M"))):
        _, kept = keep(b, ["in"], f"out{i + 1}", 1, "--dry-run", *more)
        same("rows", b.rows(f"out{i + 1}/rejected-messages.csv"),
             [[""] * 6 + ["bad_fields", "p;2026-11-24 08:15:30;77051200202;R 1 2 Ким;1;2;1"],
              ["kcell", "a", "31.02.2026 08:15:30", "77011200101", "1414", "Я, R", "bad_time", ""],
              ["kcell", "b", "2026-11-24T08:15:30+05:00", "7", "1414", "R", "bad_msisdn", ""]])
    run, _ = keep(b, [kept["rejected-messages.csv"]], "out9", 2)
    same("again", figures(run), {"kind": "messages", "records": 3, "applied": 0, "misses": 0, "duplicates": 0, "rejects": 3})


# ---- replies that are not in form ----

WRONG = {"Р 1 1": "русская", "r 1 1": "строчная", "R11": "Не хватает пробела", "R  1 1": "Лишний пробел", " R 1 1": "Лишний пробел",
         "r11": "Не по форме", "hello": "Не по форме"}


def message(text, id="m1"):
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([["operator", "message_id", "received_at", "msisdn", "short_code", "text"],
                                                   ["kcell", id, "2026-11-24T08:15:30+05:00", "77011200101", "1414", text]])
    return out.getvalue()


def correction(b, out):
    return [r[7] for name in sorted(os.listdir(b.path(out))) if name.startswith("outbound-") for r in b.rows(f"{out}/{name}") if r[3] == "correction"]


def test_what_a_correction_names(b):
    b.init("")
    for i, (text, why) in enumerate(WRONG.items()):
        b.write("m.csv", message(text))
        run = b.night(["m.csv"], f"out{i + 1}", 1, "--dry-run")
        same(text, (run["counts"].get("misses"), [why in x for x in correction(b, f"out{i + 1}")]), ({"bad_form": 1}, [True]))
    # a text of the ministry's own for bad_form stands for all of them, save for what it replaces too
    b.write("ref/texts.csv", 'kind,step,lang,text\ncorrection,bad_form,ru,"Свой текст.\n{prompt}"\ncorrection,bad_form_case,ru,"Свой о строчной.\n{prompt}"\n')
    b("ref", "store", "ref")
    for i, (text, why) in enumerate({"Р 1 1": "Свой текст.", "r 1 1": "Свой о строчной.", "hello": "Свой текст."}.items()):
        b.write("m.csv", message(text))
        b.night(["m.csv"], f"own{i}", 1, "--dry-run")
        same(text, [why in x for x in correction(b, f"own{i}")], [True])


def test_lenient(b):
    b.init("", "--reply-form", "lenient")
    for i, text in enumerate(WRONG):
        b.write("m.csv", message(text))
        run = b.night(["m.csv"], f"out{i + 1}", 1, "--dry-run")
        want = (0, {"bad_form": 1}) if text == "hello" else (1, None)
        same(text, (run["inputs"][0]["mended"], run["counts"].get("misses")), want)
        same("keys", list(run["inputs"][0])[4:8], ["records", "applied", "misses", "mended"])
    b.write("m.csv", message("r11", "m2"))
    b.night(["m.csv"], "taken")
    same("step", b.case()["step"], "name")


main(Room)
