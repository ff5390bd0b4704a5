#!/usr/bin/env python3
"""besik capacity: every case ends where it was meant to, in each scenario; a besik with a rule broken is found out; what is refused;
that it can be stopped; the page.

usage: capacity.py BESIK [NAME…]         NAME: only these tests
The broken ones are made from the build folder of BESIK (compile_commands.json, link.txt) and left out where that is not there."""
import html.parser, json, os, re, shlex, signal, subprocess, time

import harness
from harness import BESIK, main, same

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
BROKEN = {  # a rule, and what becomes of it
    "a question is left out": ("engine/flow.c", "[STEP_EDUCATION][ON_ANSWER] = GOES(STEP_INCOME)", "[STEP_EDUCATION][ON_ANSWER] = GOES(STEP_OFFICE)"),
    "the second miss gives up": ("engine/apply_message.c", "kase->misses >= 3", "kase->misses >= 2"),
    "a prompt expires a day too late": ("engine/apply_end.c", "age >= run->expire_after &&", "age > run->expire_after &&"),
}


class Room(harness.Room):
    def left(self):
        return sorted(os.listdir(self.work))


def check_figures(told, cases, days):
    same("nights", [n["night"] for n in told["nights"]], list(range(1, days + 1)))
    same("cases elsewhere", told["plan"]["elsewhere"], 0)
    same("places that differ", [p for p in told["plan"]["places"] if p["planned"] != p["found"]], [])
    same("cases in all", sum(p["found"] for p in told["plan"]["places"]), cases)
    for night in told["nights"]:
        for key in ("records", "cases", "bytes", "plain_bytes", "seconds", "anonymous_bytes", "written_bytes", "store_bytes"):
            same(f"night {night['night']}: {key} is more than nothing", night[key] > 0, True)
        same("stages", list(night["stages"]), ["read", "apply", "commit", "publish"])
        same("bound by", night["bound_by"] in ("cpu", "read", "commit", "memory", "disk"), True)


def test_nightly(room):
    told = json.loads(room("capacity", "try", "--cases", 2000, "--json"))
    check_figures(told, 2000, 16)
    same("forecast from", told["forecast"]["from_cases"], [200, 666])
    same("forecast of the store is near", 0.7 < told["forecast"]["store_bytes"]["forecast"] / told["forecast"]["store_bytes"]["truth"] < 1.4, True)
    places = " ".join(p["place"] for p in told["plan"]["places"])
    same("steps where cases stand", [x for x in "language name education income office registering privilege locality queueing order account assigning".split() if x not in places], [])
    same("outcomes with which they close", [x for x in "assigned refused missed expired disputed privileged queued".split() if x not in places], [])
    same("what is left", room.left(), [])


def test_text(room):
    told = room("capacity", "try", "--cases", 600, "--days", 4, "--workers", 1)
    same("last line", re.match(r"All 600 cases stand where they were meant to\. With 150 births a day .* takes [0-9.]+ s for .* bounds? it\.$", told.strip().split("\n")[-1]) is not None, True)
    same("space is told first", "takes about" in told.split("\n")[1], True)


def test_scenarios(room):
    told = json.loads(room("capacity", "try", "--cases", 2000, "--scenario", "replay", "--seed", 3, "--json"))
    check_figures(told, 2000, 18)
    records = [n["records"] for n in told["nights"]]
    same("the night of the catching up has most records", records.index(max(records)) + 1, 16)
    same("the sentence", re.match(r"A 14-day outage of beeline, among 111 births a day, is caught up in [0-9.]+ s on", told["sentence"]) is not None, True)
    told = json.loads(room("capacity", "try", "--cases", 1500, "--scenario", "storm", "--json"))
    check_figures(told, 1500, 16)
    records = [n["records"] for n in told["nights"]]
    same("the night of the storm has most records", records.index(max(records)) + 1, 12)
    told = json.loads(room("capacity", "try", "--cases", 1500, "--scenario", "replay", "--outage", 5, "--days", 8, "--json", "--errors", "0.2"))
    check_figures(told, 1500, 8)


def test_refused(room):
    os.makedirs(f"{room.work}/full")
    with open(f"{room.work}/full/x", "w"):
        pass
    room("capacity", "full", "--cases", 10, exit=2, says="not empty")
    room("capacity", __file__, "--cases", 10, exit=2, says="Not a directory")
    room("capacity", "nosuch/x", "--cases", 10, exit=2, says="No such file")
    same("what stood there", os.listdir(f"{room.work}/full"), ["x"])
    for args, says in ((["--scenario", "weekly"], "--scenario"), (["--outage", "3"], "replay"), (["--target", "soon"], "--target"), (["--target", "10ms"], "--target"),
                       (["--target", "9s", "--cases", "5"], "--target"), (["--scenario", "replay", "--days", "5"], "--days"), (["--cases", "0"], "--cases"),
                       (["--errors", "2"], "--errors")):
        room("capacity", "try", *args, exit=2, says=says)
    same("what is left", room.left(), ["full"])
    room("capacity", exit=2, says="DIR")
    room("capacity", "--help")


def test_empty_folder_stays(room):
    os.makedirs(f"{room.work}/mine")
    room("capacity", "mine", "--cases", 64, "--days", 2)
    same("an empty folder that was there is empty again", os.listdir(f"{room.work}/mine"), [])
    room("capacity", "kept", "--cases", 64, "--days", 2, "--keep")
    same("with --keep", {"runs", "store"} <= set(os.listdir(f"{room.work}/kept")), True)
    room("check", "kept/store")


def test_stopped(room):
    for after in (0.05, 0.2, 0.3, 0.5, 0.7, 1, 1.5):
        going = subprocess.Popen([BESIK, "capacity", "try", "--cases", "400000"], cwd=room.work, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        time.sleep(after)
        going.send_signal(signal.SIGINT)
        said = going.communicate(timeout=120)[1]
        if going.returncode == -signal.SIGINT:
            continue  # it had not begun
        same("exit", going.returncode, 1)
        same("what it says", said.strip(), "besik capacity: stopped")
        same("what is left", room.left(), [])


def test_unheard(room):
    """whoever reads it goes away: then it ends, and leaves nothing"""
    going = subprocess.Popen([BESIK, "capacity", "try", "--cases", "400"], cwd=room.work, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, restore_signals=True)
    going.stdout.close()
    same("exit", going.wait(timeout=120), 1)
    same("what is left", room.left(), [])


def broken_build(rule, work):
    """a besik in which one rule is another, or None where it cannot be made"""
    build = os.path.dirname(BESIK)
    if not os.path.exists(f"{build}/compile_commands.json") or not os.path.exists(f"{build}/CMakeFiles/besik.dir/link.txt"):
        return None
    file, right, wrong = BROKEN[rule]
    with open(f"{ROOT}/{file}", encoding="utf-8") as f:
        text = f.read()
    same(f"{right} in {file}", text.count(right), 1)
    with open(f"{work}/broken.c", "w", encoding="utf-8") as f:
        f.write(text.replace(right, wrong))
    with open(f"{build}/compile_commands.json") as f:
        command = next(x for x in json.load(f) if x["file"] == f"{ROOT}/{file}")
    words = shlex.split(command["command"])
    words[words.index("-o") + 1] = f"{work}/broken.o"
    words[words.index(f"{ROOT}/{file}")] = f"{work}/broken.c"
    subprocess.run(words, cwd=command["directory"], check=True)
    with open(f"{build}/CMakeFiles/besik.dir/link.txt") as f:
        words = shlex.split(f.read())
    words[words.index("-o") + 1] = f"{work}/besik"
    words.insert(next(i for i, word in enumerate(words) if word.endswith(".o")) + 1, f"{work}/broken.o")  # before the library that has the right one
    subprocess.run(words, cwd=build, check=True)
    return f"{work}/besik"


def test_broken_rules_are_found(room):
    for rule in BROKEN:
        besik = broken_build(rule, room.work)
        if besik is None:
            print("# no build folder: not tried")
            return
        told = room("capacity", "try", "--cases", 1000, "--keep", besik=besik, exit=1, says="do not stand where they were meant to")
        same(f"{rule}: places are marked", "<<<" in told, True)
        subprocess.run(["rm", "-r", f"{room.work}/try"], check=True)


class Page(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.open, self.figures, self.marks, self.addresses, self.cells = [], [], {}, [], 0
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        a = dict(attributes)
        self.addresses += [a[k] for k in ("href", "src") if k in a]
        if tag == "figure":
            self.figures.append(a["id"])
        if tag in ("rect", "circle"):
            self.marks[self.figures[-1]] = self.marks.get(self.figures[-1], 0) + 1
        self.cells += tag == "td"
        if tag not in ("meta", "link", "line", "polyline"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        pass

    def handle_endtag(self, tag):
        same("the element that ends", tag, self.open.pop())


def test_page(room):
    told = json.loads(room("capacity", "try", "--cases", 1000, "--days", 6, "--html", "page.html", "--json"))
    same("what is left", room.left(), ["page.html"])
    with open(f"{room.work}/page.html", encoding="utf-8") as f:
        text = f.read()
    page = Page(text)
    same("elements left open", page.open, [])
    same("plots", page.figures, ["throughput", "stages", "room", "commits", "workers", "forecast"])
    same("marks", [page.marks[x] for x in ("throughput", "stages", "room", "commits", "forecast")], [6, 24, 18, 18, 4])
    same("addresses", page.addresses, ["data:,"])
    same("no script, no network", [x for x in ("<script", "http:", "https:", "@import", "url(") if x in text], [])
    for night in told["nights"]:
        same(f"records of night {night['night']} in a table", f"<td>{night['records']}</td>" in text, True)
    for place in told["plan"]["places"]:
        same(f"{place['place']} in a table", place["place"] in text, True)


main(Room)
