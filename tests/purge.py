#!/usr/bin/env python3
"""besik purge: what is struck is gone from the file, and no later night can tell.

usage: purge.py BESIK SHIM.so [--nights 24] [--cases 8] [--points 40] [--seed 1] [--keep DIR]

A small district lives through --nights nights. Then one copy of its store is purged, the other (the twin) is not, and both get
the same further nights, with all that ever came given again, withdrawals, conflicting answers, replies and new births on the
phones that were struck: the folders must be the same bytes. Of the struck no name, IIN or account is in data.mdb; `case` tells
null for them and the same as the twin's for all else. Then the purge is killed, or a call of it fails, at --points of its writes:
given again, or not, later nights are the same, and given again nothing of the struck is left."""
import argparse, csv, fcntl, glob, json, os, shutil, subprocess, sys, tempfile
from datetime import timedelta

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from folders import folder  # noqa: E402
from life import PLAIN, Case, Life  # noqa: E402

SETTINGS = ["--remind-after", "1d", "--expire-after", "2d", "--response-after", "3d", "--shards", "4"]


class Failed(Exception):
    pass


def check(what, good):
    if not good:
        raise Failed(what)


class Test:
    def __init__(self, o, work):
        self.o, self.work, self.besik = o, work, os.path.abspath(o.besik)
        os.chdir(work)
        o.remember = 6
        self.life = Life(o, work, SETTINGS)
        for n in range(o.nights):
            self.life.night()
            shutil.copytree("in", f"given/{n}")     # what the next night will be given; all nights' once more, later
        self.last = self.life.now - timedelta(days=1)
        self.limit = self.last - timedelta(days=o.remember)
        os.rename("store", "twin")

    def call(self, *args, exit=0, env=PLAIN, **kw):
        p = subprocess.run([self.besik, *map(str, args)], capture_output=True, text=True, env=env, **kw)
        check(f"besik {' '.join(map(str, args))}: exit {p.returncode}: {p.stderr[-300:]}", exit is None or p.returncode == exit)
        return p

    def purge(self, store, **kw):
        return self.call("purge", store, "--closed-before", self.limit.isoformat(), "--json", **kw)

    def fresh(self, store):
        shutil.rmtree(store, ignore_errors=True)
        shutil.copytree("twin", store)

    def cases(self, store):
        return {n: json.loads(self.call("case", store, "-", "--json", input=Case(n).phone).stdout)["cases"] for n in range(self.life.born)}

    def refusals(self):
        self.fresh("store")
        before = open("store/data.mdb", "rb").read()
        late = self.limit + timedelta(seconds=1)
        said = self.call("purge", "store", "--closed-before", late.isoformat(), exit=2).stderr
        check(f"refused, with both times: {said}", late.isoformat() in said and self.limit.isoformat() in said)
        self.call("purge", "store", exit=2)
        self.call("purge", "store", "--closed-before", "yesterday", exit=2)
        self.call("purge", "--closed-before", late.isoformat(), exit=2)
        with open("store/lock", "r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            check("busy", "busy" in self.purge("store", exit=4).stderr)
        check("what is refused changes nothing", open("store/data.mdb", "rb").read() == before)

    def strike(self):
        """purges a copy; who was struck is told by the twin"""
        self.was = self.cases("twin")
        closed = lambda case: case["step"] == "closed" and case["since"] < self.limit.isoformat()
        self.struck = [n for n, cases in self.was.items() if closed(cases[0])]
        self.kept = [n for n in self.was if n not in self.struck]
        told = json.loads(self.purge("store").stdout)
        check(f"{told}: {len(self.struck)} cases were to be struck", told["cases"] == len(self.struck) > 20)
        check(f"{told}: entries", told["history"] == sum(len(self.was[n][0]["history"]) for n in self.struck) > 0)
        for n, cases in self.cases("store").items():
            want = json.loads(json.dumps(self.was[n]))
            if n in self.struck:
                want[0]["history"] = []
                want[0]["answers"].update(name=None, account=None)
            check(f"case {n} after purge: {cases}, not {want}", cases == want)
        said = {n: "besik purge" in self.call("case", "store", "-", input=Case(n).phone).stdout for n in self.was}
        check("to people, case says of whom it was struck", [n for n in said if said[n]] == self.struck)
        check("nothing is left to strike", json.loads(self.purge("store").stdout)["cases"] == 0)
        traces = self.traces("twin")
        check("unpurged, all is in the file", len(traces) > 2 * len(self.struck))
        self.gone("store")
        data = open("store/data.mdb", "rb").read()
        check("of the others all is there", all(Case(n).iin.encode() in data for n in self.kept))

    def traces(self, store):
        data = open(f"{store}/data.mdb", "rb").read()
        words = lambda case: (case.given, case.iin, case.on_file, case.own)
        return [(n, word) for n in self.struck for word in words(Case(n)) if word.encode() in data]

    def gone(self, store):
        left = self.traces(store)
        check(f"{len(left)} traces are left in {store}: {left[:4]}", not left)

    def later(self, night):
        """inputs of a later night: all that ever came, and much about the struck"""
        at = (self.last + timedelta(days=night, hours=-3)).isoformat()
        put = lambda name, head, rows: (os.makedirs("more", exist_ok=True), csv.writer(open(f"more/{name}.csv", "w", newline="")).writerows([head.split(), *rows]))
        requests = [r["request_id"] for n in self.struck for r in self.was[n][0]["requests"]]
        sms = [s["sms_id"] for n in self.struck for s in self.was[n][0]["sms"]]
        put("responses", "request_id status responded_at", [(q, s, at) for q in requests for s in (("refused",) if night == 1 else ("registered", "queued", "assigned"))])
        put("receipts", "sms_id status at", [(s, w, at) for s in sms for w in ("failed", "accepted")[night - 1:night]])
        put("messages", "operator message_id received_at msisdn short_code text", [("kcell", f"x{night}-{n}", at, Case(n).phone, "1414", t) for n in self.struck for t in ("R 1 1", "R 1 1 7 1", "hello")[night - 1:night + 1]])
        put("withdrawals", "notice_id withdrawn_at cause", [(f"N{n:09}", at, "mistake") for n in self.struck[night::3]])
        put("births", "notice_id registered_at msisdn mother_iin birth_date sex child_order region", [(f"M{night}-{n}", at, Case(n).phone, Case(10**6 * night + n).iin, at[:10], "M", 2, "354000000") for n in self.struck[1::4]])

    def night(self, store, night, *files):
        out = f"out-{store}-{night}"
        shutil.rmtree(out, ignore_errors=True)
        self.call("run", store, "--out", out, "--as-of", (self.last + timedelta(days=night)).isoformat(), *files)
        return folder(out)

    def nights(self):
        for night in (1, 2):
            self.later(night)
            shutil.copytree("more", f"more{night}")
        files = {1: ["in", "more1"], 2: [*sorted(glob.glob("given/*")), "more1", "more2"], 3: []}
        self.want = {night: self.night("twin", night, *given) for night, given in files.items()}
        check("the later nights reject and apply much", self.want[2]["rejects.csv"].count(b"\n") > 500 and b"response_conflict" in self.want[1]["reconciliation.csv"])
        self.files = files

    def same_nights(self, store):
        for night, given in self.files.items():
            got = self.night(store, night, *given)
            check(f"night {night} of {store} differs in {[k for k in self.want[night] if got.get(k) != self.want[night][k]]}", got == self.want[night])

    def alike(self):
        """the one thing that hangs on an IIN: a struck case is like no other any more"""
        n, at = self.struck[0], (self.last + timedelta(days=3, hours=-1)).isoformat()
        born = self.was[n][0]["registered_at"][:10]
        for store, found in (("twin", 1), ("store", 0)):
            with open("alike.csv", "w") as f:
                f.write(f"notice_id,registered_at,msisdn,mother_iin,birth_date,sex,child_order,region\nA1,{at},{Case(n).phone},{Case(n).iin},{born},F,1,354000000\n")
            got = self.night(store, 3, "alike.csv")
            check(f"{store}: notice_alike", got["reconciliation.csv"].count(b"notice_alike") == found)

    def cut(self):
        """killed, or failing, at each of some of its writes"""
        os.rename("twin", "lived")
        os.rename("evening", "twin")
        points = 0
        for kind in ("kill_before", "kill_after", "EIO", "ENOSPC"):
            count = self.writes()
            for at in range(1 + points % 3, count + 1, max(1, 4 * count // self.o.points)):
                self.fresh("store")
                p = self.purge("store", exit=None, env=dict(PLAIN, LD_PRELOAD=os.path.abspath(self.shim), FAULT_CLASS="write", FAULT_KIND=kind, FAULT_ON="once", FAULT_AT=str(at)))
                check(f"{kind} at {at}: exit {p.returncode} {p.stderr}", p.returncode == -9 if kind.startswith("kill") else p.returncode == 1 and p.stderr)
                points += 1
                if points % 2:      # given again, or not
                    self.purge("store")
                    self.gone("store")
                self.same_nights("store")
        return points

    def writes(self):
        self.fresh("store")
        self.purge("store", env=dict(PLAIN, LD_PRELOAD=os.path.abspath(self.shim), FAULT_CLASS="write", FAULT_KIND="EIO", FAULT_ON="once", FAULT_AT="0", FAULT_COUNT="count"))
        return int(open("count").read().split()[0])  # and the fsyncs


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("besik")
    a.add_argument("shim", nargs="?")
    for name, default in (("nights", 26), ("cases", 5), ("points", 40), ("seed", 1)):
        a.add_argument(f"--{name}", type=int, default=default)
    a.add_argument("--keep")
    o = a.parse_args()
    print(f"seed {o.seed}", flush=True)
    work = o.keep or tempfile.mkdtemp(prefix="besik-purge-")
    o.besik, shim = os.path.abspath(o.besik), o.shim and os.path.abspath(o.shim)
    os.makedirs(work, exist_ok=True)
    points = 0
    try:
        test = Test(o, work)
        test.shim = shim
        test.refusals()
        test.strike()
        shutil.copytree("twin", "evening")
        test.nights()
        test.same_nights("store")
        test.gone("store")
        shutil.rmtree("out-twin-3")
        points = test.cut() if shim else 0
        test.fresh("store")
        test.purge("store")
        test.alike()
    except Failed as failed:
        print(f"failed: {failed}")
        sys.exit(1)
    print(f"{len(test.struck)} of {test.life.born} cases struck, {points} points: 0 traces, 0 differences in {len(test.files)} later nights")
    if not o.keep:
        os.chdir("/")
        shutil.rmtree(work)


main()
