#!/usr/bin/env python3
"""Locked down: links that somebody planted are not followed, ids that this store never issued are known as such, nothing is left open
to others, and the program is built as it should be.

usage: locked.py BESIK [NAME…]         NAME: only these tests"""
import csv, json, os, stat, struct, subprocess

from harness import BESIK, main, same

HERE = os.path.dirname(os.path.abspath(__file__))
SAMPLE = os.path.join(HERE, "..", "sample")
DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"


class Room:
    def __init__(self, work):
        self.work = work

    def __call__(self, *args, exit=0):
        p = subprocess.run([BESIK, *args], capture_output=True, text=True, cwd=self.work, timeout=120)
        same(f"besik {' '.join(args)}: exit ({p.stderr.strip()[-200:]})", p.returncode, exit)
        return p.stdout, p.stderr

    def nights(self, store, *nights):
        for n in nights:
            self("run", store, "--out", f"{store}-{n}", "--as-of", f"2026-11-0{n}T22:00:00+05:00", f"{SAMPLE}/night{n}")

    def path(self, name):
        return f"{self.work}/{name}"


def test_links(room):
    """A link in the store, at the output's hidden name or at the output's name: refused, and what it points to is as it was."""
    room("init", "store")
    with open(room.path("victim"), "w") as file:
        file.write("theirs")
    for name in "key", "lock", "data.mdb", "lock.mdb":
        os.rename(room.path(f"store/{name}"), room.path("aside"))
        os.symlink(room.path("aside" if name == "data.mdb" else "victim"), room.path(f"store/{name}"))
        p = subprocess.run([BESIK, "run", "store", "--out", "out"], capture_output=True, text=True, cwd=room.work)
        same(f"a link for {name}: exit", p.returncode in (1, 3), True)
        same(f"a link for {name}: named", f"store/{name}" in p.stderr, True)
        if name.endswith(".mdb"):
            room("report", "store", exit=3)
        os.remove(room.path(f"store/{name}"))
        os.rename(room.path("aside"), room.path(f"store/{name}"))
    os.mkdir(room.path("elsewhere"))
    for name in "out", f".out.besik-{json.loads(room('status', 'store', '--json')[0])['store'][:8]}-1.tmp":
        os.symlink("elsewhere", room.path(name))
        p = subprocess.run([BESIK, "run", "store", "--out", "out"], capture_output=True, text=True, cwd=room.work)
        same(f"a link for {name}: exit", p.returncode in (1, 2), True)
        os.remove(room.path(name))
    same("what the links named", (open(room.path("victim")).read(), os.listdir(room.path("elsewhere"))), ("theirs", []))
    room("run", "store", "--out", "out")
    for folder, _, names in os.walk(room.path("store")):
        same(folder, stat.S_IMODE(os.stat(folder).st_mode), 0o700)
        for name in names:
            same(name, stat.S_IMODE(os.stat(f"{folder}/{name}").st_mode), 0o600)


def issued(room, store, nights):
    ids = {"sms_id": [], "request_id": []}
    for n in nights:
        folder = room.path(f"{store}-{n}")
        for name in os.listdir(folder):
            if name.startswith("outbound-"):
                ids["sms_id"] += [row["sms_id"] for row in csv.DictReader(open(f"{folder}/{name}", newline=""))]
            elif name.startswith("requests-"):
                ids["request_id"] += [json.loads(line)["request_id"] for line in open(f"{folder}/{name}")]
    return ids


def forged(id):
    """Of each digit another one, the id cut, longer, in capitals, of the other kind."""
    for i in range(1, len(id)):
        yield id[:i] + DIGITS[(DIGITS.index(id[i]) + 1 + i % 31) % 32] + id[i + 1:]
    yield from (id[:-1], id + "0", id.upper(), ("q" if id[0] == "s" else "s") + id[1:], id[0] + id[:0:-1], id[0] + "0" * 26, "x", "1")


def test_ids(room):
    """Forged, guessed, or of another store: no_sms and no_request, and nothing is changed by them."""
    room("init", "ours", "--key", f"{SAMPLE}/key")
    room("init", "theirs")  # the same notices under another key
    room.nights("ours", 1, 2)
    room.nights("theirs", 1)
    own, other = issued(room, "ours", (1, 2)), issued(room, "theirs", (1,))
    wrong = {}
    for column in own:
        same(f"{column}: there are some of both", bool(own[column]) and bool(other[column]), True)
        wrong[column] = [id for given in own[column][:5] for id in forged(given)] + other[column]
    at = "2026-11-03T10:00:00+05:00"
    for name, column, rest in ("receipts", "sms_id", "delivered"), ("responses", "request_id", "registered"):
        with open(room.path(f"{name}.csv"), "w") as file:
            file.write(f"{column},status,{'at' if name == 'receipts' else 'responded_at'}\n")
            file.writelines(f"{id},{rest},{at}\n" for id in wrong[column])
    room("run", "ours", "--out", "try", "--as-of", "2026-11-03T22:00:00+05:00", "receipts.csv", "responses.csv")
    counts = json.load(open(room.path("try/run.json")))["counts"]
    same("rejects", counts["rejects"], {"responses": {"no_request": len(wrong["request_id"])}, "receipts": {"no_sms": len(wrong["sms_id"])}})
    same("SMS and requests", (counts.get("sms"), counts.get("requests")), (None, None))
    same("besik check", room("check", "ours")[0].splitlines()[-1][:3], "ok:")


def test_elf(room):
    """Built so that a fault is hard to use: any address, nothing that can be written becomes code, checked stacks and copies."""
    data = open(BESIK, "rb").read()
    same("ELF of 64 bits", data[:6], b"\x7fELF\x02\x01")
    kind, machine = struct.unpack_from("<HH", data, 16)
    same("position-independent", kind, 3)
    offset, size, count = struct.unpack_from("<Q", data, 32)[0], *struct.unpack_from("<HH", data, 54)
    heads = [struct.unpack_from("<IIQQQQQQ", data, offset + i * size) for i in range(count)]
    stack = [flags for kind, flags, *_ in heads if kind == 0x6474e551]
    same("no stack that is code", stack and stack[0] & 1, 0)
    same("nothing both written and run", [h for h in heads if h[0] == 1 and h[1] & 3 == 3], [])
    same("relocations are read-only once done", any(h[0] == 0x6474e552 for h in heads), True)
    dynamic = next(h for h in heads if h[0] == 2)
    entries = dict(struct.unpack_from("<QQ", data, at) for at in range(dynamic[2], dynamic[2] + dynamic[5], 16))
    same("all symbols are bound at the start", bool(entries.get(24) is not None or entries.get(30, 0) & 8 or entries.get(0x6ffffffb, 0) & 1), True)
    same("an interpreter, so that addresses are drawn anew", any(h[0] == 3 for h in heads), True)
    if b"__asan_init" in data or b"__gcov_" in data: # a sanitizer checks more than what follows; what measures coverage is not optimised
        return
    same("stacks are checked", b"__stack_chk_fail" in data, True)
    same("copies are checked", any(name in data for name in (b"__memcpy_chk", b"__snprintf_chk", b"__vsnprintf_chk")), True)
    if machine == 62:
        same("where a jump may land is marked for the processor", data.count(b"\xf3\x0f\x1e\xfa") > 300, True)  # endbr64, by function


def test_check(room):
    """What besik check says of what is no store, of a store, and of one whose key was put in from another."""
    room("init", "store")
    room.nights("store", 1)
    out, _ = room("check", "store")
    same("ok", out.splitlines()[-1][:4], "ok: ")
    told = json.loads(room("check", "store", "--json")[0])
    same("--json", (told["ok"], told["broken"], told["run"]), (True, 0, 1))
    same("its tables", sorted(told["tables"]), sorted("meta runs open closed closed_filter notices notices_filter history due awaited inputs folders".split()))
    room("check", "nowhere", exit=2)
    room("check", exit=2)
    size = os.path.getsize(room.path("store/data.mdb"))
    with open(room.path("store/data.mdb"), "r+b") as file:
        file.truncate(size // 2)
    for command in ("check", "store"), ("run", "store", "--out", "out"):
        _, err = room(*command, exit=3)
        same("what to do is told", "restore" in err, True)


main(Room)
