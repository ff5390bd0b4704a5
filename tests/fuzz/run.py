#!/usr/bin/env python3
"""Whole runs on hostile dumps against the plain model: a made-up district's files, changed by the seed where it hurts (quotes, fields, line
ends, times, ids, phones, replies, sizes), then one run after another in closed loop. What a file is, which records are rejected and why, and
all that is sent must be what the model says; a file that cannot be used stops the run, named, and changes nothing.

usage: run.py BESIK [--seconds N | --games N] [--seed N] [--keep DIR] [--count FILE]

A game that differs stays in DIR, and is played again with its own seed: --games 1 --seed N."""
import argparse, os, random, shutil, sys, tempfile, time, traceback
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "oracle"))
import check, population, records, values as v

ROUNDS, CASES = 9, 16
BYTES = [b'"', b'""', b",", b"\r", b"\n", b"\r\n", b"\0", b"\x85", b"\xa0", "\u00a0".encode(), "\u2028".encode(), "\ufeff".encode(), b"\xed\xa0\x80", b"\xc0\xaf", b"\xff", b";",
         b"\t", b" ", b"'", b"\\", b"=1+1", "é".encode(), "é".encode(), "😀".encode(), "Ө".encode()]
TIMES = ["2026-09-31T10:00:00+05:00", "2026-10-01T24:00:00Z", "2026-10-01T23:59:60Z", "2026-10-01t23:59:59z", "2026-10-01T10:00:00+23:59", "2026-10-01T10:00:00-00:00", "2026-10-01T10:00:00.9999Z",
         "2026-10-01T10:00:00.1234567891Z", "2199-12-31T23:59:59Z", "1900-01-01T00:00:00Z", "2026-2-01T10:00:00Z", "２026-10-01T10:00:00Z", "2024-02-29T00:00:00+05:00", "1783274400", ""]
PHONES = ["+77010000001", "87010000001", "8 (701) 000-00-01", "77 01 0000001", "+87010000001", "77110000001", "77210000001", "7701000000", "770100000011", "٧٧٠١٠٠٠٠٠٠١", "77010000001\t", ""]
REPLIES = ["R 1 2", "R 1 1 ", "r 1 1", "R  1 1", "R 1 1\n", "R 1 1\u00a0\r\n", "\ufeffR 1 1", "R 1 1 2 1", "R 1 1 2 0 1", "R 1 1 2 9 9 9 9 9", "R 1 1 4 1 2", "R 1 1 5 1 x", "R 1 2 8 2 KZ86 125K ZT50 0410 0100",
           "R 1 1 8 1", "R 1 1 7 2", "R 9 1", "R 0 1", "R 1 3", "R", "R ", "R 1", "R 1 1 Ахметова Айша", "R 1 1 Ахметова Айша", "R 1 1 Кы\u0306м И\u0306", "R 1 1 Ли Ян-", "R 1 1 " + "Ә" * 40 + " Я",
           "R 1 1 " + "Ә" * 41 + " Я", "R 1 1 А Б В Г", "R 1 1 А Б В Г Д", "R 1 1 O’Brien D'Arc", "R 1 1 Ким\u00a0\u00a0Айша", "Р 1 1", "", " ", "😀", "R 1 1 " + "Я" * 2046, "R １ 1", "R 1 1 2 1" * 3]


def spoil_id(r, ids):
    """an id that was given, or one that looks like it"""
    if not ids or r.random() < .1:
        return r.choice(["", "s" + "0" * 26, "q" + "7" + "z" * 25, "x" * 64, "x" * 65, "a b", "№1"])
    x = r.choice(ids)
    how = r.randrange(5)
    at = r.randrange(len(x))
    return [x, x.upper(), x[:at] + r.choice("0123456789abcdefghjkmnpqrstvwxyz!") + x[at + 1:], x[:-1], ("q" if x[0] == "s" else "s") + x[1:]][how]


def field(r, column, old, ids):
    """another value for a field, mostly one of its own sort"""
    q = lambda s: b'"' + s.encode("utf-8", "surrogatepass").replace(b'"', b'""') + b'"'
    if r.random() < .15:
        return r.choice([b"", b'""', b"x" * 4096, b"y" * 4097, b'"' + b"z" * r.choice([4095, 4096, 65000, 65530, 65536, 66000]) + b'"', b'"' + old, old + b'"', b'"' + old + b'"x', b'x"' + old + b'"'])
    if column.endswith("_at") or column in ("at", "from", "to"):
        return r.choice(TIMES).encode()
    if column in ("msisdn",):
        return q(r.choice(PHONES))
    if column in ("request_id", "sms_id"):
        return spoil_id(r, ids).encode()
    if column == "text":
        return q(r.choice(REPLIES))
    if column == "status":
        return r.choice(["registered", "queued", "assigned", "refused", "privileged", "delivered", "DELIVRD", "failed", "Expired", "lost", "", "queued "]).encode()
    if column == "operator":
        return r.choice(["kcell", "beeline", "tele2", "other", "KCELL", "", "kcell "]).encode()
    if column == "region":
        return r.choice(population.REGIONS + [population.ONLY_OFFICES, "71560000", "0715600000", ""]).encode()
    if column in ("child_order", "count"):
        return r.choice(["0", "1", "20", "21", "01", "+1", "1.0", "", "999999999999999999", "1000000000000000000", "-1"]).encode()
    return old


def change(r, data, ids):
    """one change of a file's bytes; seldom in its header, as that stops the whole file"""
    lines = data.split(b"\n")
    head = lines[0].lstrip(b"\xef\xbb\xbf").rstrip(b"\r").replace(b'"', b"").decode("utf-8", "replace").split(",")
    at = r.randrange(1, len(lines)) if len(lines) > 1 and r.random() < .99 else 0
    line, how = lines[at], r.randrange(12)
    parts, spot = line.split(b","), r.randrange(len(line) + 1)
    k = r.randrange(len(parts))
    if how <= 4:
        parts[k] = field(r, head[k] if k < len(head) else "", parts[k], ids)
        lines[at] = b",".join(parts)
    elif how == 5:
        lines[at] = line[:spot] + r.choice(BYTES) + line[spot:]
    elif how == 6:
        lines[at] = line[:spot] + line[spot + r.choice([1, 1, 2, 9]):]
    elif how == 7:
        lines[at] = line[:spot] + bytes([r.randrange(256)]) + line[spot + 1:]
    elif how == 8:
        other = r.randrange(len(parts))
        parts[k], parts[other] = parts[other], parts[k]
        lines[at] = b",".join(parts)
    elif how == 9:
        lines.insert(r.randrange(1, len(lines) + 1), line)
    elif how == 10 and at:
        lines[at - 1:at + 1] = [lines[at - 1] + r.choice([b"", b"\r", b'"', b","]) + line] if at > 1 else lines[at - 1:at + 1]
    elif how == 11 and at:
        lines[at] = line[:spot] + r.choice(lines[1:])[spot:]
    return b"\n".join(lines)


class Hostile(check.Game):
    changes = runs = refused = 0

    def spoil(self, path, rnd):
        r = random.Random(f"{self.seed} {rnd} {os.path.basename(path)}")
        data = open(path, "rb").read()
        for _ in range(r.choice([0, 1, 2, 4, 8])):
            data = change(r, data, self.known)
            self.changes += 1
        data = population.pack(data, r)
        if r.random() < .02 and len(data) > 20:
            at = r.randrange(len(data))
            data = data[:at] + bytes([data[at] ^ 1 << r.randrange(8)]) + data[at + 1:]
        with open(path, "wb") as f:
            f.write(data)

    def usable(self, s, paths, out):
        """the files without those that stop the run, which is tried first"""
        old = os.getcwd()
        os.chdir(self.work)
        try:
            broken = [name for name, _ in records.load(paths)[2]]
        finally:
            os.chdir(old)
        if not broken:
            return paths
        self.refused += 1
        p = s.call(["run", s.path, "--out", out + "-refused", "--as-of", v.show(self.now), *paths])
        self.score.same("again", f"{broken} stop the run: exit", p.returncode, 3, p.err[-300:])
        self.score.same("again", "files that stop the run and are not named", [n for n in broken if n not in p.err], [], p.err[-500:])
        self.score.same("again", "a run that was stopped leaves no folder", os.path.exists(f"{self.work}/{out}-refused"), False)
        return [p for p in paths if p not in broken]

    def night(self, rnd):
        r, sc, s = self.r, self.score, self.stores[0]
        sc.where = f"[{self.flavour} {self.seed}] round {rnd}"
        _, step = self.pop.step_on()
        self.now += step
        if rnd and self.pop.new_ref(f"{self.work}/ref{self.refs + 1}"):
            self.refs += 1
            s.must(["ref", s.path, f"ref{self.refs}"])
            s.world.set_ref(f"{self.work}/ref{self.refs}")
        self.known = getattr(self, "known", [])[-400:] + [x["sms_id"] for x in self.out] + [x["request_id"] for x in self.req]
        pieces = self.pop.day(self.now, self.out, self.req, CASES // (ROUNDS - 4) if rnd < ROUNDS - 4 else 0)
        paths = []
        if pieces:
            paths = population.write_files(f"{self.work}/in{rnd:02}", pieces, f"{self.seed} {rnd}", cuts=2, odd=.5, pick="plain")
        for top in paths:
            for path in [top] if os.path.isfile(top) else sorted(os.path.join(d, n) for d, _, names in os.walk(top) for n in names if not n.startswith(".")):
                if not os.path.islink(path) and "/." not in path:
                    self.spoil(path, rnd)
        paths = [os.path.relpath(p, self.work) for p in paths]
        flat = []
        for p in paths:  # files one by one, so that the broken ones can be left out
            full = f"{self.work}/{p}"
            flat += [p] if os.path.isfile(full) else sorted(os.path.relpath(os.path.join(d, n), self.work) for d, _, names in os.walk(full) for n in names
                                                            if not os.path.islink(os.path.join(d, n)) and "/." not in os.path.join(d, n))
        out = f"out{rnd:02}"
        paths = self.usable(s, flat, out)
        s.run(self.now, paths, out, self.options(0, rnd))
        self.out, self.req = s.compare(out, s.expect(self.now, paths), self.now)
        self.runs += 1


def play(besik, work, seed, score):
    r = random.Random(f"{seed} game")
    game = Hostile(besik, work, seed, r.choice(["mix", "misses", "late", "slots", "agencies", "receipts", "withdraw", "conflicts", "totals", "outages"]), CASES, ROUNDS, score, stores=1,
                   shards=(r.choice([1, 64]),), memory=(r.choice([None, "16M"]),))
    try:
        game.play()
    except check.Stop:
        pass
    except Exception:
        score.differ("run", "output that the check cannot even read", traceback.format_exc()[-1500:])
    return game


def add_up(path, runs, seconds):
    before = [int(x) for x in open(path).read().split()] if os.path.exists(path) else [0, 0]
    with open(path, "w") as f:
        print(before[0] + runs, before[1] + seconds, file=f)
    return before[0] + runs, before[1] + seconds


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("besik")
    a.add_argument("--seconds", type=int, default=60)
    a.add_argument("--games", type=int, help="so many, however long they take")
    a.add_argument("--seed", type=int, default=random.randrange(1, 2**31))
    a.add_argument("--keep")
    a.add_argument("--count")
    o = a.parse_args()
    if not os.access(o.besik, os.X_OK):
        sys.exit("run.py: build besik first: cmake --preset release && cmake --build --preset release")
    print(f"seed {o.seed}", flush=True)
    base = o.keep or tempfile.mkdtemp(prefix="hostile-")
    os.makedirs(base, exist_ok=True)
    began, used, games, runs, changes, refused, compared, bad = time.time(), sum(os.times()[:4]), 0, 0, 0, 0, 0, 0
    while games < o.games if o.games else time.time() - began < o.seconds:
        score, work = check.Score(), f"{base}/{o.seed + games}"
        shutil.rmtree(work, ignore_errors=True)
        game = play(os.path.abspath(o.besik), work, o.seed + games, score)
        games, runs, changes, refused = games + 1, runs + game.runs, changes + game.changes, refused + game.refused
        compared += sum(score.seen.values())
        if sum(score.bad.values()):
            bad += 1
            print(f"differs: --games 1 --seed {o.seed + games - 1}, its files: {work}")
            if bad == 10:
                break
        else:
            shutil.rmtree(work)
    spent = round(sum(os.times()[:4]) - used)  # of the processor, besik's with it
    if not bad and not o.keep:
        shutil.rmtree(base)
    total = ""
    if o.count:
        total = "; {} runs in {} s in sum".format(*add_up(o.count, runs, spent))
    print(f"fuzz run: {games} games, {runs} runs, {changes} changes, {refused} runs stopped by broken files, {compared} comparisons in {spent} s{total}; {bad} games differ")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
