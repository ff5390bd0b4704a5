#!/usr/bin/env python3
"""The life of a store: night after night of new cases in closed loop, with purges, and what it weighs and costs.

usage: life.py BESIK [--nights 400] [--cases 2000] [--remember 60] [--purge 100] [--seed N] [--keep DIR]

Each night --cases mothers are new; all answer a prompt a day (one in twenty stops), each request is answered and each SMS has
its receipt the next day. Every --purge nights what closed more than --remember days ago is purged. Every third night has address
space for a map of 4 GiB only, the others for one of 1 TiB: nobody tells the store how large its map is to be. Every 20 nights:
what the store weighs and what the night cost. At the end it is judged (exit 1), by work and not by time:
  - data.mdb is within the formula of store/README.md after each night
  - no night writes over twice what the median night does, in all, and into the store alone
  - what purge freed is used again: the file does not grow until as much of it is in use as was before
  - what is older than `remember` is forgotten, where no purge came before twice that: a closed case weighs less than before"""
import argparse, csv, glob, json, os, random, resource, shutil, statistics, subprocess, sys, tempfile, time
from datetime import datetime, timedelta, timezone

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from lmdb_pages import PAGE, pages  # noqa: E402

KZ = timezone(timedelta(hours=5))
BEGIN = datetime(2025, 1, 1, 22, tzinfo=KZ)
PREFIXES = "701 702 705 707 747 771 775 776 777 778".split()
ADDRESSES = 8 << 30         # of every third night
PLAIN = {**os.environ, "BESIK_IO": "plain"}  # what io_uring writes the kernel does not count
REGION = "354000000"
OPERATOR_OF = {"701": "kcell", "702": "kcell", "775": "kcell", "778": "kcell", "705": "beeline", "771": "beeline", "776": "beeline", "777": "beeline", "707": "tele2", "747": "tele2"}
SAYS = {"language": "1", "education": "1 2 1", "income": "1 3 1", "office": "1 4 1", "privilege": "1 5 1", "locality": "1 6 1", "order": "1 7 1"}
STATUS = {"registry": "registered", "akimat": "queued", "benefit": "assigned"}
SURNAMES = "Ахметова Нұрмағанбетова Иванова Сейтқали Қасымова Жұмабаева Оспанова".split()


def iin(n):
    d = [int(c) for c in f"{75 + n % 24}{1 + n // 24 % 12:02}{1 + n // 288 % 28:02}4{n // 8064 % 10000:04}"]
    for weights in ((1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11), (3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2)):
        check = sum(a * b for a, b in zip(d, weights)) % 11
        if check < 10:
            return "".join(map(str, d)) + str(check)
    return iin(n + 4 * 10**7)


def iban(n):
    body = f"125KZT{n % 10**10:010}"
    return f"KZ{98 - int(''.join(str(int(c, 36)) for c in body + 'KZ00')) % 97:02}{body}"


class Case:
    """the n-th: a phone of its own"""
    def __init__(self, n):
        v = n * 15308643 % (len(PREFIXES) * 10**7)
        self.phone = f"7{PREFIXES[v // 10**7]}{v % 10**7:07}"
        self.iin, self.on_file, self.own = iin(n), iban(2 * n), iban(2 * n + 1)
        self.surname = SURNAMES[n % 7]
        self.given = f"Мать-{''.join(chr(0x430 + int(c)) for c in str(n).zfill(6))}"


class Life:
    def __init__(self, o, work, settings=()):
        self.o, self.work, self.besik = o, work, os.path.abspath(o.besik)
        self.r = random.Random(o.seed)
        self.born = 0
        self.now = BEGIN
        self.case_of = {}       # phone: number, of those in work
        self.messages = 0
        self.nights = []        # figures
        self.entries = self.struck = 0      # records that the history holds, cases that were purged
        self.purges = []                    # (night, weight before, weight after)
        with open(f"{work}/key", "wb") as f:
            f.write(bytes(range(16)))
        subprocess.run([self.besik, "init", f"{work}/store", "--key", f"{work}/key", "--remember", f"{o.remember}d", *settings], check=True)

    def spend(self, *args, addresses=None):
        """runs besik; {seconds, cpu, written, rss} and what it told"""
        began = time.monotonic()
        limit = addresses and (lambda: resource.setrlimit(resource.RLIMIT_AS, (addresses, addresses)))
        p = subprocess.Popen([self.besik, *args], stdout=subprocess.PIPE, cwd=self.work, text=True, env=PLAIN, preexec_fn=limit)
        told = p.stdout.read()
        os.waitid(os.P_PID, p.pid, os.WEXITED | os.WNOWAIT)     # ended, and its accounts are there still
        with open(f"/proc/{p.pid}/io") as f:
            io = dict(line.split(": ") for line in f)
        _, status, usage = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(status)
        if p.returncode:
            sys.exit(f"besik {' '.join(args)}: exit {p.returncode}")
        return {"seconds": time.monotonic() - began, "cpu": usage.ru_utime + usage.ru_stime, "written": int(io["wchar"]), "rss": usage.ru_maxrss * 1024}, told

    def births(self, path, count):
        at = (self.now - timedelta(hours=1)).isoformat()
        with open(path, "w") as f:
            f.write("notice_id,registered_at,msisdn,mother_iin,birth_date,sex,child_order,region,account,hospital\n")
            for n in range(self.born, self.born + count):
                case = Case(n)
                self.case_of[case.phone] = n
                f.write(f"N{n:09},{at},{case.phone},{case.iin},{at[:10]},F,1,{REGION},{case.on_file if n % 2 else ''},H{n % 97}\n")
        self.born += count

    def read(self, folder):
        """what a run put out becomes the next night's input"""
        at = (self.now + timedelta(hours=12)).isoformat()
        rows = {"messages": ["operator,message_id,received_at,msisdn,short_code,text\n"], "receipts": ["sms_id,status,at\n"],
                "responses": ["request_id,status,responded_at,reference,place,queue_number,amount\n"]}
        sms = requests = 0
        for path in glob.glob(f"{folder}/outbound-*.csv"):
            operator = path.rsplit("-", 1)[1][:-4]
            with open(path, newline="") as f:
                for row in csv.reader(f):
                    if row[0] == "sms_id":
                        continue
                    sms += 1
                    rows["receipts"].append(f"{row[0]},delivered,{at}\n")
                    if row[3] in ("prompt", "reminder") and self.r.random() >= .006:
                        case, step = Case(self.case_of[row[1]]), row[4]
                        text = ("R 1 1" if step == "language" else f"R 1 1 {case.surname} {case.given}" if step == "name" else
                                f"R 1 1 8 {'1' if case.iin and self.case_of[row[1]] % 2 else '2 ' + case.own}" if step == "account" else f"R 1 {SAYS[step]}")
                        text = text if step in ("language", "name", "account") else f"R 1 1 {SAYS[step].split(' ', 1)[1]}"
                        self.messages += 1
                        rows["messages"].append(f"{operator},m{self.messages:011},{at},{row[1]},1414,{text}\n")
        for path in glob.glob(f"{folder}/requests-*.ndjson"):
            with open(path) as f:
                for line in f:
                    request = json.loads(line)
                    requests += 1
                    rows["responses"].append(f"{request['request_id']},{STATUS[request['agency']]},{at},АА-{requests:07},,{requests},43000\n")
        for kind, lines in rows.items():
            with open(f"{self.work}/in/{kind}.csv", "w") as f:
                f.writelines(lines)

    def night(self, new=None):
        o = self.o
        os.makedirs(f"{self.work}/in", exist_ok=True)
        self.births(f"{self.work}/in/notices.csv", o.cases if new is None else new)
        figures, _ = self.spend("run", "store", "--out", "out", "--as-of", self.now.isoformat(), "in",
                                addresses=None if len(self.nights) % 3 else ADDRESSES)
        with open(f"{self.work}/out/run.json") as f:
            told = json.load(f)
        figures["files"] = sum(x["bytes"] for x in told["outputs"])
        figures["records"] = sum(told["counts"]["records"].values())
        figures.update(open=told["counts"]["cases"].get("open", 0), closed=told["counts"]["cases"].get("closed", 0))
        self.read(f"{self.work}/out")
        shutil.rmtree(f"{self.work}/out")
        self.entries += figures["records"]
        figures.update(self.weigh(), struck=self.struck, entries=self.entries, stored=figures["written"] - figures["files"])
        self.nights.append(figures)
        with open(f"{self.work}/nights.ndjson", "a") as f:  # with --keep: to look into afterwards
            f.write(json.dumps(figures) + "\n")
        self.now += timedelta(days=1)
        return figures

    def purge(self):
        before = self.weigh()
        figures, told = self.spend("purge", "store", "--closed-before", (self.now - timedelta(days=1 + self.o.remember)).isoformat(), "--json")
        told = json.loads(told)
        self.entries -= told["history"]
        self.struck += told["cases"]
        self.purges.append((len(self.nights), before, self.weigh()))
        return figures, told

    def weigh(self):
        path = f"{self.work}/store/data.mdb"
        p = pages(path)
        return {"size": os.path.getsize(path), "used": p["used"] * PAGE, "tables": {name: t["pages"] * PAGE for name, t in p["tables"].items()}}


def mb(n):
    return f"{n / 1e6:.1f}"


KEPT_RUNS = 14  # whose folders the store keeps (settings: keep_runs)


def bound(f, kept, purged):
    """what data.mdb may weigh: the formula of store/README.md; kept: bytes of the folders that it keeps"""
    return 4e6 + 1600 * f["open"] + 1500 * (f["closed"] - f["struck"]) + 800 * f["struck"] + 32 * f["entries"] + kept / 6 + (16e6 if purged else 0)


def judge_size(life):
    """the file never shrinks: the greatest that the formula has been"""
    most = closest = 0
    for n, f in enumerate(life.nights, 1):
        kept = sum(night["files"] for night in life.nights[max(n - KEPT_RUNS, 0):n])
        most = max(most, bound(f, kept, life.purges and n > life.purges[0][0]))
        closest = max(closest, f["size"] / most)
    yield closest <= 1, f"size: at most {closest:.2f} of the formula, {mb(life.nights[-1]['size'])} of {mb(most)} MB in the end"


def judge_work(life):
    for name, what in (("written", "written by a night"), ("stored", "of it into the store")):
        values = [f[name] for f in life.nights]
        median, top = statistics.median(values), max(range(len(values)), key=values.__getitem__)
        yield values[top] <= 2 * median, f"{what}: median {mb(median)} MB, greatest {mb(values[top])} in night {top + 1}: x{values[top] / median:.2f}"


def judge_purges(life):
    for i, (n, before, after) in enumerate(life.purges):
        until = life.purges[i + 1][0] if i + 1 < len(life.purges) else len(life.nights)
        grew = [k for k in range(n, until) if life.nights[k]["size"] > after["size"]]
        # within a night what it writes stands beside what that replaces
        full = [k for k in range(n, until) if life.nights[k]["used"] + life.nights[k]["stored"] > before["used"]]
        reused = max((f["used"] for f in life.nights[n:grew[0] if grew else until]), default=0) - after["used"]
        yield (after["used"] < before["used"] and n < until and (not grew or (full and full[0] <= grew[0])),
               f"purge after night {n}: {mb(before['used'] - after['used'])} MB freed, {mb(reused)} used anew before the file grew"
               f"{f' in night {grew[0] + 1}' if grew else ', which it never did'}")


def judge_forgetting(life):
    """the least that a closed case weighs, as merges come and go; young: before anything was old enough"""
    o = life.o
    light = lambda nights: min(f["tables"]["closed"] / f["closed"] for f in nights)
    first = life.purges[0][0] if life.purges else len(life.nights)
    if first >= 2 * o.remember:     # with purges sooner too few are that old
        young, old = light(life.nights[o.remember // 2:o.remember]), light(life.nights[o.remember + 10:first])
        yield old < young, f"a closed case: {young:.0f} bytes before anything was older than `remember`, {old:.0f} after"


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("besik")
    for name, default in (("nights", 400), ("cases", 2000), ("remember", 60), ("purge", 100), ("seed", random.randrange(10**6))):
        a.add_argument(f"--{name}", type=int, default=default)
    a.add_argument("--keep")
    o = a.parse_args()
    print(f"seed {o.seed}", flush=True)
    work = o.keep or tempfile.mkdtemp(prefix="besik-life-")
    os.makedirs(work, exist_ok=True)
    life = Life(o, work)
    for n in range(1, o.nights + 1):
        f = life.night()
        if n % o.purge == 0 and n < o.nights:
            spent, told = life.purge()
            _, before, after = life.purges[-1]
            print(f"purge after night {n}: {told['cases']} cases, {told['history']} entries; data.mdb {mb(before['size'])} -> {mb(after['size'])} MB, used {mb(before['used'])} -> {mb(after['used'])}; "
                  f"written {mb(spent['written'])}, cpu {spent['cpu']:.2f} s, {spent['seconds']:.2f} s, rss {mb(spent['rss'])}", flush=True)
        if n % 20 == 0 or n == o.nights:
            t = f["tables"]
            print(f"night {n}: {f['records']} records, {f['open']} open, {f['closed']} closed; data.mdb {mb(f['size'])} MB, used {mb(f['used'])}; "
                  f"{' '.join(f'{k} {mb(v)}' for k, v in t.items() if v > 50000)}; written {mb(f['written'])} of which files {mb(f['files'])}; cpu {f['cpu']:.2f} s, {f['seconds']:.2f} s, rss {mb(f['rss'])}", flush=True)
    seconds = [f["seconds"] for f in life.nights]
    print(f"{len(seconds)} nights: median {statistics.median(seconds):.2f} s, greatest {max(seconds):.2f} s; cpu median {statistics.median(f['cpu'] for f in life.nights):.2f} s (not judged)")
    failed = False
    for good, said in (verdict for judge in (judge_size, judge_work, judge_purges, judge_forgetting) for verdict in judge(life)):
        print(said if good else f"FAILED: {said}")
        failed = failed or not good
    if not o.keep:
        shutil.rmtree(work)
    sys.exit(failed)


if __name__ == "__main__":
    main()
