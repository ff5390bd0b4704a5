#!/usr/bin/env python3
"""besik gen: the same bytes for a seed, whatever the workers and the compiler; what the dumps hold; what is refused.

usage: gen.py BESIK [NAME…]         NAME: only these tests"""
import collections, csv, gzip, hashlib, io, json, os, subprocess

import harness
from harness import main, same

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
FIRST = "2026-03-02T22:00:00+05:00"
GOLDEN = "9957642e730a98fa679212912f04f9130f51812590ca1055b9c5dc178562f4f8"  # by whatever compiler: of all rows of `gen --cases 3000 --days 4 --seed 7`, decompressed


def plain(path):
    with open(path, "rb") as f:
        data = f.read()
    if data[:2] == b"\x1f\x8b":
        return gzip.decompress(data)
    if data[:4] == b"\x28\xb5\x2f\xfd":
        return subprocess.run(["zstd", "-dqc"], input=data, stdout=subprocess.PIPE, check=True).stdout
    return data


class Room(harness.Room):
    def files(self, folder):
        """{name: decompressed bytes}"""
        found = {}
        for here, _, names in os.walk(f"{self.work}/{folder}"):
            for name in names:
                path = os.path.join(here, name)
                found[os.path.relpath(path, f"{self.work}/{folder}")] = plain(path)
        return found

    def rows(self, folder, kind):
        """{file: its rows} of a kind; those that are no CSV, or not UTF-8, left out"""
        found = {}
        for name, data in sorted(self.files(folder).items()):
            if os.path.basename(name).startswith(kind):
                text = "\n".join(x for x in data.decode("utf-8-sig", "replace").replace("\r\n", "\n").split("\n") if '"a"b' not in x)
                rows = list(csv.DictReader(io.StringIO(text, newline="")))
                found[name] = [x for x in rows if None not in x and None not in x.values()]
        return found


def digest(files):
    sum = hashlib.sha256()
    for name in sorted(files):
        if not name.startswith("."):
            sum.update(name.rsplit(".csv", 1)[0].encode() + b"\0" + files[name])
    return sum.hexdigest()


def begin(room, folder="dumps", *more):
    room("gen", folder, "--cases", 3000, "--days", 4, "--seed", 7, *more)


def first_night(room):
    room("init", "store", "--key", f"{ROOT}/tests/sample/key")
    room("run", "store", "--out", "out", "--as-of", FIRST, "dumps/day-001")


def test_same_bytes(room):
    begin(room, "dumps", "--workers", 1)
    begin(room, "twice", "--workers", 3)
    one, two = room.files("dumps"), room.files("twice")
    same("names of files", sorted(one), sorted(two))
    for name in one:
        same(f"bytes of {name}", one[name] == two[name], True)
    same("digest (another is another generator: say so in CHANGELOG.md)", digest(one), GOLDEN)
    room("gen", "other", "--cases", 3000, "--days", 4, "--seed", 8)
    same("another seed gives other bytes", digest(room.files("other")) != GOLDEN, True)


def test_same_answers(room):
    begin(room)
    begin(room, "twice")
    first_night(room)
    for folder, workers in (("dumps", 1), ("twice", 3), ("twice", 2)):
        room("gen", folder, "--answers", "out", "--workers", workers)
    one, two = room.files("dumps"), room.files("twice")
    same("names of files", sorted(one), sorted(two))
    same("bytes", [n for n in one if one[n] != two[n]], [])
    same("files that answer", sum("-a0" in name for name in one) > 20, True)


def test_what_dumps_hold(room):
    begin(room)
    names = list(room.files("dumps"))
    same("forms", {n.rsplit(".", 1)[1] for n in names if not n.startswith(".")}, {"csv", "gz", "zst"})
    notices = [row for rows in room.rows("dumps", "notices").values() for row in rows]
    messages = {name: rows for name, rows in room.rows("dumps", "messages").items()}
    every = [row for rows in messages.values() for row in rows]
    ids = collections.Counter((x["operator"], x["message_id"]) for x in every)
    days = collections.defaultdict(set)
    for name, rows in messages.items():
        for x in rows:
            days[x["operator"], x["message_id"]].add(name[:7])
    children = collections.defaultdict(set)
    for x in notices:
        children["".join(c for c in x["msisdn"] if c.isdigit())[-9:]].add(x["notice_id"])
    sizes = collections.Counter(len(x) for x in children.values())
    prefixes = dict(line.strip().split(",") for line in open(f"{ROOT}/tools/share/ref/operators.csv"))
    ported = [x for x in every if x["msisdn"].isdigit() and prefixes.get(x["msisdn"][1:4], x["operator"]) != x["operator"]]
    held = {
        "repeats": sum(n > 1 for n in ids.values()), "overlapping files": sum(len(x) > 1 for x in days.values()),
        "several children a phone": sum(n for size, n in sizes.items() if 2 <= size <= 3), "a phone of ten": sizes[10],
        "other short codes": sum(x["short_code"] == "1400" for x in every), "several operators": len({x["operator"] for x in every}) > 3,
        "ported numbers": len(ported), "line breaks in quotes": sum("\n" in x["text"] for x in every),
        "other forms of a phone": sum(not x["msisdn"].isdigit() for x in every),
        "late notices": sum(x["registered_at"] < "2026-03-03T22" for name, rows in room.rows("dumps", "notices").items() if name.startswith("day-003") for x in rows),
        "withdrawals": sum(map(len, room.rows("dumps", "withdrawals").values())), "totals": sum(map(len, room.rows("dumps", "totals").values())),
        "half a percent of bad records at least": sum(len(x["message_id"]) > 64 or not x["received_at"] or x["operator"] == "nomad-tel" for x in every),
    }
    same("what the dumps lack", [name for name, found in held.items() if not found], [])


def test_no_errors(room):
    room("gen", "clean", "--cases", 1500, "--days", 2, "--errors", "0")
    room("init", "store")
    room("run", "store", "--out", "out", "--as-of", FIRST, "clean/day-001")
    with open(f"{room.work}/out/rejects.csv", newline="") as f:
        reasons = {row["reason"] for row in csv.DictReader(f)}
    same("reasons that only spoiled records have", reasons & {"bad_csv", "bad_fields", "bad_utf8", "too_long", "bad_id", "bad_iin", "bad_operator", "future"}, set())


def test_json(room):
    told = json.loads(room("gen", "dumps", "--cases", 100, "--days", 2, "--json"))
    same("keys", list(told), ["files", "records", "bytes", "plain_bytes", "seconds"])
    same("bytes", told["plain_bytes"], sum(len(data) for name, data in room.files("dumps").items() if not name.startswith(".")))


def test_refused(room):
    begin(room)
    room("gen", "dumps", "--cases", 10, exit=2, says="not empty")
    room("gen", "x", exit=2, says="--cases")
    room("gen", __file__, "--cases", 10, exit=2, says="Not a directory")
    room("gen", "nosuch/x", "--cases", 10, exit=2, says="No such file")
    room("gen", "x", "--cases", 10, "--answers", "out", exit=2, says="either")
    for option, value in (("cases", 0), ("cases", "many"), ("days", 0), ("days", 401), ("errors", "0.6"), ("errors", "x"), ("seed", "-1"), ("workers", 0)):
        room("gen", "x", *({"cases": []}.get(option, ["--cases", 10])), f"--{option}", value, exit=2, says=f"--{option}")
    os.makedirs(f"{room.work}/empty")
    room("gen", "dumps", "--answers", "empty", exit=2, says="run.json")
    room("gen", "empty", "--answers", "empty", exit=2, says="besik gen")
    room("gen", "--help")


def test_shares(room):
    for share, ppm in (("0", 0), ("0.5", 500000), (".25", 250000), ("1.%", 10000), ("2.5%", 25000), ("0.00000199", 1), ("50%", 500000)):
        room("gen", "s", "--cases", 1, "--days", 1, "--errors", share)
        with open(f"{room.work}/s/.gen") as f:
            same(f"--errors {share}", f.read().split()[-2:], ["errors", str(ppm)])
        subprocess.run(["rm", "-r", f"{room.work}/s"], check=True)
    for share in ("", ".", "%", "0.5x", "0.5%%", "0.51", "51%", "1000", "9999999999", "-1", "0,1", "0.1 "):
        room("gen", "s", "--cases", 1, "--errors", share, exit=2, says="--errors")
    same("nothing is made", os.path.exists(f"{room.work}/s"), False)


def test_whose_folder(room):
    """a folder is taken again by the command that began it, and by no other"""
    args = {"--cases": 40, "--days": 2, "--seed": 3, "--errors": "0.02"}
    room("gen", "dumps", *(x for pair in args.items() for x in pair))
    before = room.files("dumps")
    room("gen", "dumps", *(x for pair in args.items() for x in pair))
    same("given again", room.files("dumps") == before, True)
    for option, other in (("--cases", 41), ("--days", 3), ("--seed", 4), ("--errors", "0.03")):
        room("gen", "dumps", *(x for pair in {**args, option: other}.items() for x in pair), exit=2, says="not empty")
    same("and left as it was", room.files("dumps") == before, True)


def test_what_is_no_run(room):
    room("gen", "dumps", "--cases", 40, "--days", 2)
    os.makedirs(f"{room.work}/out")
    for text, exit, says in (("", 3, "no run.json of besik"), ('{"besik": 1, "run": 1, "as_of": "yesterday"', 3, "no run.json of besik"),
                             ('{"besik": 1, "run": 1, "as_of": "2026-02-01T22:00:00+05:00"', 2, "as-of"),
                             ('{"besik": 1, "run": 1, "as_of": "2036-02-01T22:00:00+05:00"', 2, "as-of")):
        with open(f"{room.work}/out/run.json", "w") as f:
            f.write(text)
        room("gen", "dumps", "--answers", "out", exit=exit, says=says)
    run = '{"besik": 1, "run": 1, "as_of": "2026-03-02T22:00:00+05:00"'
    begun = room.files("dumps")
    with open(f"{room.work}/out/run.json", "w") as f:
        f.write(run)
    strange = {"outbound-nobody.csv": b"x\n", "outbound-.csv": b"", "outbound-kcell.txt": b"x", "requests-nobody.ndjson": b"{}\n", "requests-registry.ndjson": b"",
               "outbound-kcell.csv": b"sms_id,msisdn,short_code,kind,step,lang,segments,text\ns0,12,1414,prompt,name,ru,1,x\n\"a\"b\n1,2\n"}
    for name, data in strange.items():
        with open(f"{room.work}/out/{name}", "wb") as f:
            f.write(data)
    room("gen", "dumps", "--answers", "out")
    same("to what is nobody's nobody answers", room.files("dumps") == begun, True)
    with open(f"{room.work}/out/requests-registry.ndjson", "wb") as f:
        f.write(b'{}\n{"request_id":"r"}\n{"request_id":"r","notice_id":"N27-000000001"}\n{"request_id":"r","notice_id":"N26-999999999"}\n{"request_id":"r')
    room("gen", "dumps", "--answers", "out")
    same("nor does an agency", room.files("dumps") == begun, True)
    os.remove(f"{room.work}/out/outbound-kcell.csv")
    os.symlink("run.json", f"{room.work}/out/outbound-kcell.csv")
    room("gen", "dumps", "--answers", "out", exit=1, says="outbound-kcell.csv: open")
    with open(f"{room.work}/dumps/.gen", "w") as f:
        f.write("besik-gen 2")
    room("gen", "dumps", "--answers", "out", exit=3, says="no file of besik gen")


main(Room)
