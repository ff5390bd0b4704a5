#!/usr/bin/env python3
"""The sample, played: every file of every night as in sample/golden, and one run of all four nights against four runs.

usage: sample.py BESIK [--update]        --update writes the golden folders anew, to be read as a diff"""
import json, os, re, shutil, subprocess, sys, tempfile

SAMPLE = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../sample"))
GOLDEN = f"{SAMPLE}/golden"
NIGHTS = {f"night{day - 1}": f"2026-11-{day:02}T22:00:00+05:00" for day in (2, 3, 4, 5)}
NEEDED = {("registration", "registered"): 5, ("kindergarten", "queued"): 4, ("benefit", "assigned"): 2, ("registration", "refused"): 1,
          ("benefit", "disputed"): 1, ("kindergarten", "privileged"): 1}
bad = 0


def say(what):
    global bad
    bad += 1
    print(f"not ok: {what}")


def besik(*args, **kw):
    done = subprocess.run([BESIK, *args], capture_output=True, text=True, cwd=SAMPLE, **kw)
    if done.returncode:
        sys.exit(f"besik {' '.join(args)}: exit {done.returncode}: {done.stderr}")
    return done.stdout


def settled(name, data):
    """the bytes of an output file without what differs from machine to machine"""
    if name != "run.json":
        return data
    text, n = re.subn(r',\n "timing": \{.*\}\}\n\Z', "}\n", data.decode())
    text, m = re.subn(r'"store": "[0-9a-f]{32}"', f'"store": "{"0" * 32}"', text)
    if (n, m) != (1, 1):
        say("run.json: no timing, or no store, where expected")
    return text.encode()


def read(folder):
    return {n: settled(n, open(f"{folder}/{n}", "rb").read()) for n in sorted(os.listdir(folder))} if os.path.isdir(folder) else {}


def compare(night, got):
    want = read_plain(f"{GOLDEN}/{night}")
    for name in sorted(set(got) | set(want)):
        if got.get(name) == want.get(name):
            continue
        if name not in want or name not in got:
            say(f"{night}/{name}: {'is new' if name in got else 'is missing'}")
            continue
        a, b = want[name].decode().split("\n"), got[name].decode().split("\n")
        line = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
        say(f"{night}/{name}:{line + 1}: {b[line:line + 1]}, not {a[line:line + 1]}")


def read_plain(folder):
    return {n: open(f"{folder}/{n}", "rb").read() for n in sorted(os.listdir(folder))} if os.path.isdir(folder) else {}


def update(night, got):
    shutil.rmtree(f"{GOLDEN}/{night}", ignore_errors=True)
    os.makedirs(f"{GOLDEN}/{night}")
    for name, data in got.items():
        with open(f"{GOLDEN}/{night}/{name}", "wb") as f:
            f.write(data)


def cases(store):
    """phone -> what must not depend on how the runs are cut"""
    phones = set()
    for night in NIGHTS:
        for name in os.listdir(f"{SAMPLE}/{night}"):
            if name.startswith("notices"):
                phones.update(re.findall(r",(77[0-9]{9}),", open(f"{SAMPLE}/{night}/{name}", encoding="utf-8").read()))
    told = {}
    for phone in sorted(phones):
        view = json.loads(besik("case", store, "-", "--json", input=phone + "\n"))
        told[phone] = [{k: c[k] for k in ("case", "slot", "notice_id", "registered_at", "lang", "answers", "outcomes")} |
                       {"requests": [(r["request_id"], r["agency"], r["status"]) for r in c["requests"]]} for c in view["cases"]]
    return told


def requests(folder):
    return sorted(json.loads(x)["request_id"] for n in os.listdir(folder) if n.startswith("requests-") for x in open(f"{folder}/{n}", encoding="utf-8"))


def main():
    with tempfile.TemporaryDirectory(prefix="besik-sample-") as work:
        besik("init", f"{work}/a", "--key", "key")
        for night, as_of in NIGHTS.items():
            besik("run", f"{work}/a", "--out", f"{work}/{night}", "--as-of", as_of, night)
            (update if UPDATE else compare)(night, read(f"{work}/{night}"))
        besik("init", f"{work}/b", "--key", "key")
        besik("run", f"{work}/b", "--out", f"{work}/all", "--as-of", NIGHTS["night4"], *NIGHTS)
        four, one = cases(f"{work}/a"), cases(f"{work}/b")
        for phone in four:
            if four[phone] != one[phone]:
                say(f"four runs and one differ on the phone of {[c['notice_id'] for c in four[phone]]}: {four[phone]} {one[phone]}")
        open_requests = sorted(r[0] for cs in four.values() for c in cs for r in c["requests"] if r[2] is None)
        if requests(f"{work}/all") != open_requests or not open_requests:
            say("the one run sends requests other than those unanswered")
        outcomes = [x for cs in four.values() for c in cs for x in c["outcomes"].items()]
        for need, count in NEEDED.items():
            if outcomes.count(need) < count:
                say(f"{need[0]} {need[1]}: {outcomes.count(need)} cases, {count} wanted")
    print(f"sample: {len(four)} phones, {sum(map(len, four.values()))} cases, {len(open_requests)} requests open: "
          + (f"{bad} differences" if bad else "golden folders written" if UPDATE else "no difference"))
    sys.exit(bad > 0)


BESIK, UPDATE = os.path.abspath(sys.argv[1]), "--update" in sys.argv[2:]
main()
