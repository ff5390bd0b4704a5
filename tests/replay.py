#!/usr/bin/env python3
"""A replay that proves itself: 30 nights of a made-up district in closed loop, played twice by the same citizens.

usage: replay.py BESIK [--cases 2000] [--nights 30] [--seed 1] [--keep DIR]

World A is undisturbed. In world B kcell's dumps of days 8-12 are withheld; an outage is declared after the run of night 10 and closed on
day 13, when what was withheld comes in overlapping pieces, one twice, one as gzip, out of order; on day 14 all files of day 13 come again.
In both, each kind of disagreement is injected 50 times. Citizens, agencies and operators live on what besik really puts out. What besik must
put out for what it was given, SMS by SMS and finding by finding, is told by Ledger: section 4-10 of the contract for what happens here,
sharing no code with besik or with the plain model. Exit 1 where anything differs; --keep leaves inputs, outputs and stores in DIR."""
import argparse, collections, csv, gzip, io, json, os, random, re, shutil, subprocess, sys, tempfile, time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

HOUR, DAY = 3600, 86400
KZ = timezone(timedelta(hours=5))
START = int(datetime(2026, 11, 1, 22, tzinfo=KZ).timestamp())  # day n is what lies between the as-of of night n - 1 and that of night n
HELD, DECLARED, BACK, AGAIN = range(8, 13), 10, 13, 14
SETTINGS = ["--remind-after", "2d", "--expire-after", "5d"]
REMIND, EXPIRE, RECEIPT, RESPONSE, SILENT, ACTIVE = 2 * DAY, 5 * DAY, 2 * DAY, 5 * DAY, DAY, 7 * DAY

OPERATORS = {"kcell": "701 702 775 778", "beeline": "705 771 776 777", "tele2": "700 707 708 747"}
OPERATORS = {op: prefixes.split() for op, prefixes in OPERATORS.items()}
OP_OF = {p: op for op, ps in OPERATORS.items() for p in ps}
TINY = {f"op{i:02}": p for i, p in enumerate([str(p) for p in [*range(730, 770), *range(780, 800)] if str(p) not in OP_OF][:50])}
REGIONS = ["103200000", "353220000", "471810000"]
AGENCIES = {"registry": ("registered", "registering"), "akimat": ("queued", "queueing"), "benefit": ("assigned", "assigning")}
PROMPTS = "language name education income office privilege locality order account".split()
DIGIT = {"education": 2, "income": 3, "office": 4, "privilege": 5, "locality": 6, "order": 7, "account": 8}
PHASE = {**dict.fromkeys(PROMPTS[:5], "registration"), **dict.fromkeys(PROMPTS[5:7], "kindergarten"), **dict.fromkeys(PROMPTS[7:], "benefit")}
INJECTED = {"lost": "receipt_missing", "undone": "receipt_conflict", "refused": "response_conflict", "reused": "message_conflict", "twin": "notice_alike", "wrong": "count_mismatch", "tiny": "operator_silent"}
COLUMNS = {"notices": "notice_id registered_at msisdn mother_iin birth_date sex child_order region account hospital", "messages": "operator message_id received_at msisdn short_code text",
           "responses": "request_id status responded_at reference place queue_number amount reason", "receipts": "sms_id status at operator", "totals": "party kind from to count"}
COLUMNS = {kind: columns.split() for kind, columns in COLUMNS.items()}
RANK = {"notices": 0, "responses": 2, "messages": 3, "receipts": 4}


def rng(*key):
    return random.Random("/".join(map(str, key)))


def as_of(n):
    return START + n * DAY


def show(t):
    return datetime.fromtimestamp(t, KZ).isoformat()


def tally(rows):
    return dict(collections.Counter(rows))


# ---- reference data ------------------------------------------------------------------------------------------------------
def write_ref(folder, outages=()):
    os.makedirs(folder, exist_ok=True)

    def put(name, columns, rows):
        with open(f"{folder}/{name}", "w", encoding="utf-8", newline="") as f:
            csv.writer(f, lineterminator="\n").writerows([columns.split(), *rows])
    words = {"education": "higher college school basic", "income": "work own stipend benefit dependant", "privilege": "none large_family disabled military"}
    put("options.csv", "step number code kk ru", [(step, i + 1, code, f"{code} (kk)", f"{code} (ru)") for step, codes in words.items() for i, code in enumerate(codes.split())])
    put("offices.csv", "region number code kk ru address_kk address_ru", [(r, n, f"{r}-{n:02}", f"АХАТ бөлімі №{n}", f"Отдел РАГС №{n}", f"Абай к-сі, {n}", f"ул. Абая, {n}") for r in REGIONS for n in range(1, 13)])
    put("localities.csv", "region number kato kk ru", [(r, n, int(r) + n, f"Ауыл-{n}", f"Село-{n}") for r in REGIONS for n in range(1, 16)])
    put("operators.csv", "prefix operator", [*OP_OF.items(), *((p, op) for op, p in TINY.items())])
    if outages:
        put("outages.csv", "operator from to", [(op, show(a), show(b) if b else "") for op, a, b in outages])


# ---- the plan: who is born when, and how the mother answers; the same in both worlds ---------------------------------------
class Birth:
    """a notice that a hospital will give on `day`; with what its mother will write, when asked"""
    twin_of = inject = at = never = mistake = None

    def __init__(self, plan, day, phone=None, op=None, calm=False):
        r = self.r = rng(plan.seed, "birth", len(plan.births))
        self.id, self.day = f"N{len(plan.births):05}", day
        self.t = as_of(day - 1) + r.randrange(HOUR, 20 * HOUR)
        self.op = op or r.choices(list(OPERATORS), [4, 3, 3])[0]
        prefix = r.choice(list(OP_OF) if r.random() < .04 else OPERATORS[self.op])     # a ported number has another's prefix
        self.phone = phone or f"7{prefix}{len(plan.births):05}{r.randrange(10, 90)}"
        self.row = dict(notice_id=self.id, registered_at=show(self.t), msisdn=r.choice([self.phone] * 8 + ["+" + self.phone, "8" + self.phone[1:]]), mother_iin=iin(r), birth_date=show(self.t)[:10], sex=r.choice("MF"),
                        child_order=str(r.randint(1, 4)), region=r.choice(REGIONS), account=iban(r) if r.random() < .6 else "", hospital=r.choice(["H1", "Роддом №2, Абай", "H3"]))
        self.lang = r.choice("12")
        rush = r.random() < .25     # knows the questions, and answers as many as she can at once
        self.delay = {s: 0 if rush and s in ("name", "education", "income", "office", "locality", "account") else r.choice([1] * 19 + [2]) if s != "language" else 1 for s in PROMPTS}
        if not calm:
            if rush and self.op == "kcell" and day <= 3 and r.random() < .4:    # answers about the kindergarten when it is too late, if it is withheld
                self.delay["privilege"] = 5
            elif r.random() < .4:
                self.delay[r.choice(PROMPTS)] = r.choice([3, 4, 5, 5])
            asked = [s for s in PROMPTS if self.delay[s]]
            if r.random() < .06 and not rush:
                self.mistake = r.choice(asked)
            elif r.random() < .03:
                self.never = r.choice(asked)
        late = lambda: day < plan.nights - 11 and sum(self.delay.values()) + len(AGENCIES) + (self.mistake is not None) > plan.nights - 6 - day
        while late() and max(self.delay.values()) > 1:      # all who begin early are done before the last night, though kcell fails for five days
            self.delay[max(PROMPTS, key=self.delay.get)] = 1
        self.value = {"education": r.randint(1, 4), "income": r.randint(1, 5), "office": r.randint(1, 12), "privilege": r.choice([1] * 9 + [2, 3, 4]), "locality": r.randint(1, 15), "order": r.choice([1] * 19 + [2])}
        self.iban = iban(r)
        self.full_name = f"{r.choice('Ахметова Иванова Қасымова Ким Әлімбекова'.split())} {r.choice('Айша Алихан София Марк Үміт'.split())}{r.choice(['', ' Сериковна', ' Бақытжанұлы'])}"
        self.says = {a: "refused" if r.random() < .03 else yes for a, (yes, _) in AGENCIES.items()}

    def text(self, step, slot, lang, good):
        if step == "language":
            return f"R {slot} {lang if good else 3}"
        if step == "name":
            return f"R {slot} {lang} {self.full_name if good else 'Ахметова'}"
        head = f"R {slot} {lang} {DIGIT[step]} "
        if step == "account":
            return head + ("1" if good and self.row["account"] else "2 " + (self.iban if good else "KZ00"))
        return head + (" ".join(str(self.value[step])) if good else "9 9 9")


def iin(r):
    while True:
        d = [int(c) for c in f"{r.randint(75, 99)}{r.randint(1, 12):02}{r.randint(1, 28):02}4{r.randrange(10000):04}"]
        for weights in ([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], [3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2]):
            check = sum(a * b for a, b in zip(d, weights)) % 11
            if check < 10:
                return "".join(map(str, d)) + str(check)


def iban(r):
    body = "125" + "".join(r.choice("0123456789ABCDEFGHKT") for _ in range(13))
    return f"KZ{98 - int(''.join(str(int(c, 36)) for c in body + 'KZ00')) % 97:02}{body}"


class Plan:
    def __init__(self, seed, cases, nights):
        self.seed, self.cases, self.nights, self.births = seed, cases, nights, []
        r = rng(seed, "plan")
        self.each = k = min(50, cases // 10)
        late = cases // 10
        for i in range(cases - late - k):
            self.births.append(Birth(self, 1 + i % (nights - 20)))
        first = list(self.births)
        r.shuffle(first)
        for what in ("lost", "undone", "refused", "reused", "twin"):
            for b in [first.pop() for _ in range(k)]:
                b.inject = what
                b.never = b.mistake = None
                b.at = r.choice([s for s in PROMPTS[:5] if b.delay[s]] if what in ("lost", "undone") else PROMPTS[1:5])    # the prompt or reply that it happens to
                if what == "twin":
                    t = Birth(self, b.day + r.randint(0, 2), b.phone, b.op)
                    t.t = max(b.t + r.randint(60, HOUR), as_of(t.day - 1) + HOUR)
                    t.row = dict(b.row, notice_id=t.id, registered_at=show(t.t), hospital=t.row["hospital"])
                    t.twin_of, t.never = b, "language"
                    self.births.append(t)
        for b in first:     # a second child, often while the answer of the first one's mother lies at kcell
            stuck = b.op == "kcell" and b.day < 6 and max(b.delay.values()) > 2
            if r.random() < (.4 if stuck else .03):
                self.births.append(Birth(self, r.randint(10, 12) if stuck else b.day + r.randint(3, 5), b.phone, b.op, calm=True))
        for _ in range(late):
            self.births.append(Birth(self, r.randint(nights - 10, nights + 1)))
        self.by_day = collections.defaultdict(list)
        for b in self.births:
            self.by_day[b.day].append(b)
        self.alone = {m for m, n in collections.Counter(b.phone for b in self.births).items() if n == 1}
        parties = [(op, kind) for op in OPERATORS for kind in ("messages", "receipts")] + [(a, "responses") for a in AGENCIES]
        self.wrong = set(r.sample([(n, p, kind) for n in range(2, nights + 1) for p, kind in parties if n != BACK and not (p == "kcell" and n in HELD)], k))
        self.tiny = collections.defaultdict(list)
        for i, op in enumerate(list(TINY)[:k]):
            self.tiny[2 + i % (nights - 3)].append(op)


# ---- what besik must make of what it is given ------------------------------------------------------------------------------
class Rec:
    """a record as given: its row, its identity, and what it means"""
    __slots__ = "kind party t row key what bad".split()

    def __init__(self, kind, party, t, row, key, what=None, bad=False):
        self.kind, self.party, self.t, self.row, self.key, self.what, self.bad = kind, party, t, row, key, what, bad


class Sms:
    id = operator = final = None
    lost = undone = reported = False

    def __init__(self, case, kind, step, at):
        self.case, self.kind, self.step, self.at, self.lang, self.serial, self.statuses = case, kind, step, at, ("kk+ru", "kk", "ru")[case.lang], case.serial, set()


class Case:
    at = opened = opened_in = reminded = last_sms = closed_by = closed_at = closed_step = None
    lang = serial = misses = missed_in = corrected_in = 0

    def __init__(self, phone, birth, slot):
        self.phone, self.birth, self.slot, self.number = phone, birth, slot, len(phone.cases) + 1
        self.outcomes, self.expired, self.requests, self.made = {}, {}, {}, []


class Phone:
    def __init__(self, msisdn):
        self.msisdn, self.cases, self.messages, self.latest = msisdn, [], {}, None


class Ledger:
    def __init__(self, plan):
        self.plan, self.phones, self.case_of, self.befell, self.outages = plan, {}, {}, set(), []
        self.n, self.last = 0, None
        self.sms, self.requests = {}, {}         # by id: Sms; (case, agency)
        self.open_sms, self.open_requests = [], []
        self.heard, self.silence, self.active = {}, {}, {}

    def run(self, now, given, again=()):
        """one run; again: records that came before. Leaves what must come out in self.found, self.out, self.asked and self.counts"""
        self.n, self.now = self.n + 1, now
        self.found, self.out, self.asked, self.late, self.had = {}, {}, set(), {}, collections.defaultdict(set)
        self.counts = collections.Counter()      # (kind, outcome), and revived, expired, opened
        self.reasons = collections.Counter()     # ("rejects", kind, reason), ("misses", reason)
        self.verdicts = collections.Counter()    # of the records that come again: (kind, outcome)
        mine, totals = collections.defaultdict(list), []
        for old, recs in ((False, given), (True, again)):
            for rec in recs:
                self.counts[rec.kind, "records"] += 1
                self.rec = rec, old
                if rec.kind == "totals":
                    totals.append(rec)
                    self.verdict("applied")
                elif rec.kind in ("notices", "messages"):
                    mine[rec.key[0] if rec.kind == "messages" else rec.what.phone].append((rec, old))
                else:
                    mine[(self.sms[rec.key[0]].case if rec.kind == "receipts" else self.requests[rec.key[0]][0]).phone.msisdn].append((rec, old))
        for msisdn, recs in mine.items():
            phone = self.phones.get(msisdn) or Phone(msisdn)
            for rec, old in sorted(recs, key=lambda x: (x[0].t, RANK[x[0].kind], x[0].key, sorted(x[0].row.items()))):
                self.rec = rec, old
                self.verdict({"notices": self.notice, "messages": self.message, "responses": self.response, "receipts": self.receipt}[rec.kind](phone, rec) or "applied")
        for phone in self.phones.values():
            for c in phone.cases:
                self.clock(c)
        for rec in totals:
            a, b, kind = rec.t, rec.what, rec.row["kind"]
            n = len({key for t, key in self.had[kind, rec.party] if a <= t < b})
            if n != int(rec.row["count"]):
                self.find("count_mismatch", rec.party, kind, None, a, rec.bad, n, int(rec.row["count"]))
        for phone in self.phones.values():
            self.send(phone)
        self.due()
        self.last = now

    def verdict(self, what):
        """applied, duplicates, or the reason of a reject"""
        rec, old = self.rec
        if what not in ("applied", "duplicates"):
            self.reasons["rejects", rec.kind, what] += 1
            what = "rejects"
        self.counts[rec.kind, what] += 1
        if old:
            self.verdicts[rec.kind, what] += 1

    def find(self, finding, party, id, case, since, injected, *figures, phone="", slot=None, again=False):
        row = (finding, party, id, case.phone.msisdn if case else phone, str(slot or (case.slot if case else "")), show(since))
        self.found.setdefault(row, ("again" if again else "injected" if injected else "gap", figures))

    # ---- effects ----
    def open(self, c, step):
        c.at, c.opened, c.opened_in, c.reminded, c.misses, c.last_sms = step, self.now, self.n, None, 0, None
        c.serial += 1
        self.make(c, "prompt", step)

    def make(self, c, kind, step):
        c.made.append(Sms(c, kind, step, self.now))

    def close(self, c, by):
        c.closed_by, c.closed_at, c.closed_step, c.at = by, self.now, c.at, "closed"

    def request(self, c, agency):
        c.at = AGENCIES[agency][1]
        c.requests[agency] = {"status": None, "id": None, "at": self.now, "reported": False}
        self.asked.add((c.birth.id, agency))
        self.open_requests.append((c, agency))

    # ---- records ----
    def notice(self, phone, rec):
        if any(c.birth is rec.what for c in phone.cases):
            return "duplicates"
        b, held = rec.what, {c.slot for c in phone.cases if c.at != "closed"}
        self.phones[phone.msisdn] = phone
        c = Case(phone, b, min(s for s in range(1, 10) if s not in held))
        same = lambda o: all(o.birth.row[x] == b.row[x] for x in ("mother_iin", "birth_date", "sex", "child_order"))
        if any(map(same, phone.cases)):
            self.find("notice_alike", b.row["hospital"], b.id, c, rec.t, b.twin_of)
        phone.cases.append(c)
        self.case_of[b.id] = c
        self.counts["opened"] += 1
        self.open(c, "language")

    def message(self, phone, rec):
        t, op = rec.t, rec.party
        self.heard[op] = max(t, self.heard.get(op, t))
        self.had["messages", op].add((t, rec.key))
        if rec.row["short_code"] != "1414":
            return "other_short_code"
        there = [c for c in phone.cases if c.birth.t <= t]
        if not there:
            return "no_case"
        content = t, rec.row["short_code"], rec.row["text"]
        if rec.key in phone.messages:
            if phone.messages[rec.key] == content:
                return "duplicates"
            self.find("message_conflict", op, rec.key[2], None, t, rec.bad, phone=phone.msisdn, again=self.rec[1])
            return "id_conflict"
        phone.messages[rec.key] = content
        phone.latest = max(phone.latest or (t, op), (t, op))
        if self.last is not None and t < self.last:
            self.late.setdefault(op, []).append(t)
        asking = [c for c in there if c.at in PROMPTS]
        if rec.what is None:
            return self.miss(max(asking, key=lambda c: (c.opened_in, c.slot)), "bad_form") if asking else "no_open_prompt"
        slot, lang, step, good, birth = rec.what
        mine = [c for c in there if c.slot == slot]
        if mine and mine[-1].closed_by == "expired" and t < mine[-1].closed_at:
            c, taken = mine[-1], any(c.slot == slot and c.at != "closed" for c in phone.cases)
            self.find("late_reply", op, rec.key[2], c, t, False, *([] if taken else ["revived"]))
            if taken:
                return "too_late"
            del c.outcomes[PHASE[c.closed_step]], c.expired[c.closed_step]
            c.closed_by, revived = None, c.closed_step
            self.counts["revived"] += 1
            self.open(c, revived)
        mine = [c for c in mine if c.at != "closed"]
        if not mine:
            return self.miss(asking[0], "bad_slot") if len(asking) == 1 else "bad_slot"
        c = mine[-1]
        if c.at not in PROMPTS:
            return "no_open_prompt"
        if step in c.expired and t < c.expired[step]:
            self.find("late_reply", op, rec.key[2], c, t, False)
            return "too_late"
        if PROMPTS.index(step) < PROMPTS.index(c.at):
            return "already_answered"
        if c.lang and int(lang) != c.lang:
            return self.miss(c, "bad_language")
        if step != c.at:
            return self.miss(c, "not_asked")
        if not good:
            return self.miss(c, {"name": "bad_name", "account": "bad_account"}.get(step, "bad_answer"))
        self.take(c, step, int(lang), birth)

    def miss(self, c, reason):
        if c.opened_in == self.n or c.missed_in == self.n:
            return reason
        self.reasons["misses", reason] += 1
        c.missed_in = c.corrected_in = self.n
        c.misses += 1
        assert c.misses < 3
        self.counts["messages", "misses"] += 1
        self.make(c, "correction", c.at)

    def take(self, c, step, lang, b):
        c.last_sms = None
        if step == "language":
            c.lang = lang
        if step in ("language", "name", "education", "income"):
            self.open(c, PROMPTS[PROMPTS.index(step) + 1])
        elif step == "office":
            self.request(c, "registry")
            self.make(c, "info", "filed")
        elif step == "privilege" and b.value[step] == 1:
            self.open(c, "locality")
        elif step == "privilege":
            c.outcomes["kindergarten"] = "privileged"
            self.make(c, "info", "privileged")
            self.open(c, "order")
        elif step == "locality":
            self.request(c, "akimat")
        elif step == "order" and b.value[step] == 1:
            self.open(c, "account")
        elif step == "order":
            c.outcomes["benefit"] = "disputed"
            self.make(c, "info", "order_disputed")
            self.close(c, "disputed")
        else:
            self.request(c, "benefit")

    def response(self, phone, rec):
        c, agency = self.requests[rec.key[0]]
        status, q = rec.key[1], c.requests[agency]
        self.had["responses", agency].add((rec.t, rec.key))
        if q["status"] == status:
            return "duplicates"
        if q["status"]:
            self.find("response_conflict", agency, rec.key[0], c, rec.t, rec.bad, again=self.rec[1])
            return "already_answered"
        q["status"] = status
        yes = status != "refused"
        c.outcomes[{"registry": "registration", "akimat": "kindergarten", "benefit": "benefit"}[agency]] = status
        self.make(c, "info", status if yes else {"registry": "registration_refused", "akimat": "queue_refused", "benefit": "benefit_refused"}[agency])
        if agency == "akimat":
            self.open(c, "order")
        elif agency == "registry" and yes:
            self.open(c, "privilege")
        else:
            self.close(c, status)

    def receipt(self, phone, rec):
        sms, status = self.sms[rec.key[0]], rec.key[1]
        self.had["receipts", sms.operator].add((rec.t, rec.key))
        if status in sms.statuses:
            return "duplicates"
        sms.statuses.add(status)
        self.active[sms.operator] = max(rec.t, self.active.get(sms.operator, rec.t))
        if sms.final:
            self.find("receipt_conflict", sms.operator, sms.id, sms.case, rec.t, rec.bad)
        sms.final = sms.final or status

    # ---- the end of a run ----
    def operator(self, phone):
        return phone.latest[1] if phone.latest else OP_OF[phone.msisdn[1:4]]

    def clock(self, c):
        if c.at not in PROMPTS or c.opened_in == self.n or c.corrected_in == self.n:
            return
        spans = [(max(a, c.opened), min(b or self.now, self.now)) for op, a, b in self.outages if op == self.operator(c.phone)]
        age = self.now - c.opened - sum(max(0, b - a) for a, b in spans)
        if age >= EXPIRE and c.reminded is not None and self.now - c.reminded >= DAY:
            step, phase = c.at, PHASE[c.at]
            c.outcomes[phase], c.expired[step] = "expired", self.now
            self.counts["expired"] += 1
            self.make(c, "info", phase + "_manual")
            if phase == "kindergarten":
                self.open(c, "order")
            else:
                self.close(c, "expired")
        elif age >= REMIND and c.reminded is None:
            c.reminded = self.now
            self.make(c, "reminder", c.at)

    def send(self, phone):
        for c in phone.cases:
            asks = [s for s in c.made if s.kind != "info"]
            for s in c.made:
                if s.kind != "info" and (s is not asks[-1] or s.serial != c.serial or c.at not in PROMPTS):
                    continue
                s.operator = self.operator(phone)
                b = c.birth
                if b.inject in ("lost", "undone") and (s.kind, s.step) == ("prompt", b.at) and b.id not in self.befell:
                    self.befell.add(b.id)
                    s.lost, s.undone = b.inject == "lost", b.inject == "undone"
                self.out.setdefault(phone.msisdn, []).append(s)
                self.open_sms.append(s)
            c.made = []

    def due(self):
        """findings that come due with the clock; those on ids are found by object, as besik gives the ids"""
        now = self.now
        for c, agency in self.open_requests:
            if not c.requests[agency]["status"] and now - c.requests[agency]["at"] >= RESPONSE and not c.requests[agency]["reported"]:
                c.requests[agency]["reported"] = True
                self.find("response_missing", agency, c.requests[agency]["id"], c, c.requests[agency]["at"], False)
        self.open_requests = [(c, a) for c, a in self.open_requests if not c.requests[a]["status"]]
        keep = []
        for s in self.open_sms:
            if not s.final and now - s.at >= RECEIPT and self.active.get(s.operator, 0) >= now - ACTIVE:
                self.find("receipt_missing", s.operator, s.id, s.case, s.at, s.lost)
            elif not s.final:
                keep.append(s)
        self.open_sms = keep
        for op, times in self.late.items():
            self.find("message_late", op, "", None, min(times), False, len(times))
        for op, t in self.heard.items():
            out = any(o == op and a <= now and (b is None or now < b) for o, a, b in self.outages)
            if now - t >= SILENT and self.silence.get(op) != t and not out:
                self.silence[op] = t
                self.find("operator_silent", op, "", None, t, op in TINY)


# ---- a world: a store, and those who live around it ------------------------------------------------------------------------
class World:
    def __init__(self, besik, home, plan, name, gap, key=None):
        self.besik, self.home, self.plan, self.name, self.gap = besik, f"{home}/{name}", plan, name, gap
        os.makedirs(self.home)
        self.ledger, self.faults = Ledger(plan), []
        self.given, self.files, self.due, self.held = {}, {}, collections.defaultdict(list), collections.defaultdict(list)
        self.told, self.answered, self.replies = {}, {}, collections.defaultdict(list)   # by (birth, step): what she wrote, the night it was given, all replies as (Rec, night given)
        self.rows, self.runs, self.prompts, self.nagged, self.seconds = {}, {}, 0, 0, 0
        self.refs, self.expired, self.last_asked = {}, {}, {}    # expired: by (birth, step), the night on which she was told so
        write_ref(f"{self.home}/ref")
        self.do("init", "store", "--ref", "ref", *(["--key", key] if key else []), *SETTINGS)

    def fail(self, what):
        self.faults.append(f"world {self.name}: {what}")

    def do(self, *args, ok=True):
        began = time.time()
        done = subprocess.run([self.besik, *args], capture_output=True, text=True, cwd=self.home)
        self.seconds += time.time() - began
        if ok and done.returncode:
            sys.exit(f"besik {' '.join(args[:6])} (in {self.home}): exit {done.returncode}: {done.stderr.strip()[-500:]}")
        return done

    def outage(self, after, to):
        """declared after the run of that night"""
        self.ledger.outages = [("kcell", as_of(HELD[0] - 1), to)]
        self.refs[after] = f"ref{after}"
        write_ref(f"{self.home}/ref{after}", self.ledger.outages)
        self.do("ref", "store", f"ref{after}")

    # ---- the dumps of a day ----
    def gather(self, n):
        """writes the files of day n, and gives the records in them"""
        for b in self.plan.by_day[n]:
            self.put(n, Rec("notices", b.row["hospital"], b.t, b.row, (b.id,), b))
        day, r = as_of(n - 1), rng(self.plan.seed, "strangers", n)
        for op in OPERATORS:
            for i in range(6):
                self.stranger(n, op, f"7{r.choice(OPERATORS[op])}9{r.randrange(10**6):06}", day + (r.randrange(DAY - HOUR, DAY - 60) if i == 0 else r.randrange(60, DAY - 60)), f"x{n}.{i}", r.choice(["Здравствуйте", "R 1 1", "?", "Сколько стоит, \"сегодня\"?"]))
        for op in self.plan.tiny[n]:
            self.stranger(n, op, f"7{TINY[op]}9{r.randrange(10**6):06}", day + r.randrange(HOUR, 23 * HOUR), "only", "Алло")
        recs = self.due.pop(n, [])
        for rec in recs:        # a dump repeats a few of the day before
            if rec.kind == "messages" and not rec.bad and rng(self.plan.seed, "repeat", rec.key, n).random() < .03 and rec.t >= day:
                self.put(n + 1, rec)
        by = collections.defaultdict(list)
        for rec in recs:
            by[rec.kind, rec.party].append(rec)
        for op in OPERATORS:
            for kind in ("messages", "receipts"):
                self.total(by, n, op, kind, by.get((kind, op), []))
        for a in AGENCIES:
            self.total(by, n, a, "responses", by.get(("responses", a), []))
        files = {}
        for (kind, party), some in list(by.items()):
            if self.gap and n in HELD and party == "kcell" and kind in ("messages", "receipts"):
                self.held[kind] += some
            else:
                files[f"{kind}-{'all' if kind in ('notices', 'totals') else party}.csv" + (".gz" if party == "tele2" else "")] = []
        for (kind, party), some in by.items():
            name = f"{kind}-{'all' if kind in ('notices', 'totals') else party}.csv" + (".gz" if party == "tele2" else "")
            if name in files:
                files[name] += some
        if self.gap and n == BACK:
            for kind, some in self.held.items():
                some.sort(key=lambda rec: (rec.t, rec.key))
                m = len(some)
                files.update({f"z-first-{kind}.csv": some[:m * 2 // 5], f"middle-{kind}.csv": some[m * 3 // 10:m * 7 // 10], f"a-middle-{kind}.csv": some[m * 3 // 10:m * 7 // 10], f"last-{kind}.csv.gz": some[m * 3 // 5:]})
            self.pieces = {name: len(x) for name, x in files.items() if "first" in name or "middle" in name or "last" in name}
        os.makedirs(f"{self.home}/in/{n:02}")
        for name, some in files.items():
            out = io.StringIO(newline="")
            w = csv.DictWriter(out, COLUMNS[some[0].kind] if some else COLUMNS["messages"], lineterminator="\n", extrasaction="ignore")
            w.writeheader()
            w.writerows(rec.row for rec in some)
            data = out.getvalue().encode()
            with open(f"{self.home}/in/{n:02}/{name}", "wb") as f:
                f.write(gzip.compress(data, 1, mtime=0) if name.endswith(".gz") else data)
        self.files[n] = [f"in/{n:02}/{name}" for name in files]
        rng(self.plan.seed, "order", n).shuffle(self.files[n])
        self.given[n] = [rec for some in files.values() for rec in some]
        for rec in self.given[n]:
            if rec.kind == "messages" and rec.what and not rec.bad:
                k = rec.what[4].id, rec.what[2]
                self.replies[k].append((rec, n))
                if rec.what[3]:
                    self.answered.setdefault(k, n)
        return self.given[n]

    def put(self, n, rec):
        self.due[n].append(rec)

    def stranger(self, n, op, msisdn, t, id, text):
        self.put(n, Rec("messages", op, t, dict(operator=op, message_id=id, received_at=show(t), msisdn=msisdn, short_code="1414", text=text), (msisdn, op, id)))

    def total(self, by, n, party, kind, recs):
        """the count that an operator or agency tells of its day; on the day of return, of the days withheld too"""
        if self.gap and n == BACK and party == "kcell":
            recs = recs + self.held[kind]
            days = [*HELD, n]
        else:
            days = [n]
        for d in days:
            a, b = as_of(d - 1), as_of(d)
            bad = d == n and (n, party, kind) in self.plan.wrong
            count = len({rec.key for rec in recs if a <= rec.t < b}) + bad
            by["totals", party].append(Rec("totals", party, a, {"party": party, "kind": kind, "from": show(a), "to": show(b), "count": str(count)}, (), b, bad))

    # ---- a night ----
    def night(self, n, again=()):
        given = self.gather(n)
        files = self.files[n] + [f for d in again for f in self.files[d]]
        if again:
            self.do("run", "store", "--dry-run", "--out", "dry", "--as-of", show(as_of(n)), *self.files[n])
        self.do("run", "store", "--out", f"out{n:02}", "--as-of", show(as_of(n)), *files)
        self.ledger.run(as_of(n), given, [rec for d in again for rec in self.given[d]])
        self.read(n)

    def read(self, n):
        """binds what came out to what had to, and lets everyone answer it"""
        out, led = f"{self.home}/out{n:02}", self.ledger
        got = collections.defaultdict(list)
        for name in sorted(os.listdir(out)):
            if name.startswith("outbound-"):
                with open(f"{out}/{name}", encoding="utf-8", newline="") as f:
                    for row in csv.DictReader(f):
                        row["operator"] = name[9:-4]
                        got[row["msisdn"]].append(row)
        tell = lambda s: (s.kind, s.step, s.lang, s.operator)
        bound = []
        for msisdn in sorted({*got, *led.out}):
            rows, want = got.get(msisdn, []), led.out.get(msisdn, [])
            have = [(x["kind"], x["step"], x["lang"], x["operator"]) for x in rows]
            if have != list(map(tell, want)):
                self.fail(f"night {n}, {msisdn}: SMS {have}, not {list(map(tell, want))}")
            for row, s in zip(rows, want):
                if (row["kind"], row["step"]) == (s.kind, s.step):
                    s.id = row["sms_id"]
                    led.sms[s.id] = s
                    bound.append((row, s))
        asked = {}
        for agency in AGENCIES:
            if os.path.exists(f"{out}/requests-{agency}.ndjson"):
                for line in open(f"{out}/requests-{agency}.ndjson", encoding="utf-8"):
                    q = json.loads(line)
                    asked[q["notice_id"], q["agency"]] = q["request_id"]
        if set(asked) != led.asked:
            self.fail(f"night {n}: requests {sorted(set(asked) ^ led.asked)[:6]} differ")
        with open(f"{out}/reconciliation.csv", encoding="utf-8", newline="") as f:
            self.rows[n] = {tuple(x[c] for c in ("finding", "party", "id", "msisdn", "slot", "since")): x["detail"] for x in csv.DictReader(f)}
        self.runs[n] = dict(json.load(open(f"{out}/run.json", encoding="utf-8")), found=led.found, expected=led.counts, reasons=led.reasons, verdicts=led.verdicts, late=led.late)
        for row, s in bound:
            if s.step.endswith("_manual"):
                self.expired.setdefault((s.case.birth.id, self.last_asked[s.case]), n)
            elif s.kind != "info":
                self.last_asked[s.case] = s.step
            self.citizen(n, row, s)
            self.operator(n, s)
        for (notice, agency), id in asked.items():
            c = led.case_of.get(notice)
            if c and agency in c.requests:
                c.requests[agency]["id"] = id
                led.requests[id] = c, agency
                self.agency(n, c.birth, agency, id)

    def citizen(self, n, row, s):
        b, step = s.case.birth, s.step
        if s.kind == "info":
            r = rng(self.plan.seed, "thanks", b.id)
            if step == "assigned" and b.phone in self.plan.alone and r.random() < .3:
                self.say(n + 1, b, r.randrange(9 * HOUR, 20 * HOUR), f"{b.id}-thanks", "Спасибо!", None)
            return
        self.prompts += 1
        if (b.id, step) in self.answered:
            self.nagged += 1
            self.fail(f"night {n}: {s.kind} for {step} to {b.phone}, who answered it; given on night {self.answered[b.id, step]}")
        told, day = self.told.get((b.id, step), (None, 0))
        if told == "good" or day > n or b.never == step or told and s.kind == "reminder":
            return
        slot = re.search(r"(?<![A-Za-z0-9])R ([1-9])(?![0-9])", row["text"]).group(1)
        if int(slot) != s.case.slot:
            self.fail(f"night {n}, {b.phone}: a {s.kind} of slot {slot}, not {s.case.slot}")
        lang = {"kk+ru": b.lang, "kk": "1", "ru": "2"}[row["lang"]]
        good = told or b.mistake != step
        day = n + (1 if told else max(1, b.delay[step]))
        r = rng(self.plan.seed, b.id, step, told)
        at = r.randrange(9 * HOUR, 23 * HOUR)
        steps = [step]
        if good:
            while steps[-1] not in ("office", "locality", "account") and not b.delay[PROMPTS[PROMPTS.index(steps[-1]) + 1]] and not (steps[-1] in ("privilege", "order") and b.value[steps[-1]] != 1):
                steps.append(PROMPTS[PROMPTS.index(steps[-1]) + 1])
        for x in steps:
            if x != step and (b.id, x) in self.told:
                break
            self.told[b.id, x] = "good" if good else "bad", day
            id = f"{b.id}-{x}" + ("-again" if told else "")
            self.say(day, b, at, id, b.text(x, slot, lang, good), (int(slot), lang, x, bool(good), b))
            if b.inject == "reused" and x == b.at:
                wait = r.randint(0, 1)
                self.say(day + wait, b, r.randrange(HOUR, 9 * HOUR) if wait else at + r.randrange(30, 1800), id, b.text(x, slot, lang, True) + " 1", (int(slot), lang, x, True, b), bad=True)
            at += r.randint(60, 120)
        if r.random() < .02:
            self.say(day, b, at, f"{b.id}-{step}-taxi", "R 1 1", None, code="1010")

    def say(self, day, b, at, id, text, what, bad=False, code="1414"):
        t = as_of(day - 1) + at
        self.put(day, Rec("messages", b.op, t, dict(operator=b.op, message_id=id, received_at=show(t), msisdn=b.phone, short_code=code, text=text), (b.phone, b.op, id), what, bad))

    def operator(self, n, s):
        if s.lost:
            return
        b, r = s.case.birth, rng(self.plan.seed, "receipt", s.case.birth.id, s.kind, s.step, s.at)
        t = s.at + r.randrange(HOUR, 20 * HOUR)
        self.put(n + 1, Rec("receipts", s.operator, t, dict(sms_id=s.id, status=r.choice(["delivered", "DELIVRD", "Delivered"]), at=show(t), operator=s.operator), (s.id, "delivered")))
        if s.undone:
            wait = r.randint(0, 1)
            t += wait * DAY + r.randrange(60, 2 * HOUR)
            self.put(n + 1 + wait, Rec("receipts", s.operator, t, dict(sms_id=s.id, status=r.choice(["failed", "UNDELIV", "EXPIRED"]), at=show(t), operator=s.operator), (s.id, "failed"), bad=True))

    def agency(self, n, b, agency, id):
        yes, r = AGENCIES[agency][0], rng(self.plan.seed, agency, b.id)
        says = [b.says[agency]] if b.inject != "refused" or agency != "registry" else ["refused", yes]
        for i, status in enumerate(says):
            t = as_of(n + i) + r.randrange(HOUR, 20 * HOUR)
            row = dict(request_id=id, status=status, responded_at=show(t), reference=f"A-{b.id}" if status == yes else "", place="ЦОН, пр. Мангилик Ел, 3" if agency == "registry" and r.random() < .5 else "",
                       queue_number=str(r.randint(1, 9000)) if status == "queued" else "", amount="163800.00" if status == "assigned" else "", reason="" if status == yes else "данные не совпадают")
            self.put(n + 1 + i, Rec("responses", agency, t, row, (id, status), bad=i > 0))

    # ---- at the end ----
    def cases(self, store, phones):
        """case --json of each phone"""
        with ThreadPoolExecutor(max(2, os.cpu_count() or 2)) as pool:
            return dict(zip(phones, pool.map(lambda m: json.loads(self.do("case", store, m, "--json").stdout)["cases"], phones)))


def folder(path):
    out = {}
    for name in sorted(os.listdir(path)):
        data = open(f"{path}/{name}", "rb").read()
        out[name] = {k: v for k, v in json.loads(data).items() if k not in ("store", "timing")} if name == "run.json" else data
    return out


# ---- checks ----------------------------------------------------------------------------------------------------------------
def check_counts(w):
    """every record accounted for, and each run's own counts as computed"""
    for n, run in w.runs.items():
        want, got = run["expected"], collections.Counter()
        for x in run["inputs"]:
            if x["records"] != x["applied"] + x["duplicates"] + x["rejects"]:
                w.fail(f"night {n}: {x['file']}: records are not applied + duplicates + rejects")
            for k in ("records", "applied", "duplicates", "rejects", "misses"):
                got[x["kind"], k] += x[k]
        for key in {*got, *(k for k in want if isinstance(k, tuple))}:
            if got[key] != want[key]:
                w.fail(f"night {n}: {' '.join(key)} {got[key]}, not {want[key]}")
        c = run["counts"]
        reasons = {("rejects", kind, reason): x for kind, some in c.get("rejects", {}).items() for reason, x in some.items()} | {("misses", reason): x for reason, x in c.get("misses", {}).items()}
        for key in {*reasons, *run["reasons"]}:
            if reasons.get(key, 0) != run["reasons"][key]:
                w.fail(f"night {n}: {' '.join(key)} {reasons.get(key, 0)}, not {run['reasons'][key]}")
        for name, have in (("opened", c.get("opened", 0)), ("revived", c.get("revived", 0)), ("expired", c.get("given_up", {}).get("expired", 0))):
            if have != want[name]:
                w.fail(f"night {n}: {name} {have}, not {want[name]}")
        if c.get("reconciliation", {}) != tally(x[0] for x in w.rows[n]):
            w.fail(f"night {n}: counts of findings are not those of reconciliation.csv")


def check_findings(w):
    print(f"world {w.name}: findings of {len(w.rows)} nights (injected; brought by the gap; brought again on day {AGAIN})")
    print(f"  {'finding':20} injected   gap  again  found  recall  precision")
    want = {(n, row): tag for n, run in w.runs.items() for row, tag in run["found"].items()}
    got = {(n, row): detail for n, rows in w.rows.items() for row, detail in rows.items()}
    for finding in sorted({row[0] for _, row in {**want, **got}} | set(INJECTED.values())):
        tags = tally(tag[0] for (n, row), tag in want.items() if row[0] == finding)
        mine, have = {k for k in want if k[1][0] == finding}, {k for k in got if k[1][0] == finding}
        both = len(mine & have)
        print(f"  {finding:20} {tags.get('injected', 0):8} {tags.get('gap', 0):5} {tags.get('again', 0):6} {len(have):6} {both / len(mine) if mine else 1:7.1%} {both / len(have) if have else 1:10.1%}")
        if finding in INJECTED.values() and tags.get("injected", 0) != w.plan.each:
            w.fail(f"{tags.get('injected', 0)} of {finding} were injected, not {w.plan.each}")
        if not w.gap and tags.get("gap", 0):
            w.fail(f"an undisturbed world expects {tags['gap']} of {finding} that were not injected")
        for n, row in sorted(mine - have)[:3]:
            w.fail(f"night {n}: no {','.join(map(str, row))}")
        for n, row in sorted(have - mine)[:3]:
            w.fail(f"night {n}: {','.join(row)} ({got[n, row]}) was not to come")
    for key, (_, figures) in want.items():
        words = re.findall(r"[A-Za-z_]+|[0-9]+", got.get(key, ""))
        for x in figures if key in got else ():
            if str(x) not in words or x == "revived" and got[key] != x:
                w.fail(f"night {key[0]}: {','.join(key[1])}: {x} is not in its detail, {got[key]!r}")


def check_revival(w):
    """every case that expired while its reply was withheld is revived, or listed as late_reply"""
    rows = {(row[2], row[3]): detail for r in w.rows.values() for row, detail in r.items() if row[0] == "late_reply"}
    waited = revived = listed = taken = 0
    for (birth, step), replies in w.replies.items():
        at = w.expired.get((birth, step))
        late = [rec for rec, n in replies if at and rec.t < as_of(at) and n > at]
        if late:
            waited += 1
            details = {rows.get((rec.key[2], rec.key[0])) for rec in late}
            revived += "revived" in details
            listed += "revived" not in details and details != {None}
            taken += "revived" not in details and details != {None} and PHASE[step] != "kindergarten"
            if details == {None}:
                w.fail(f"{step} of {birth} expired on night {at} while its reply was withheld; it is neither revived nor listed")
    counted = sum(run["counts"].get("revived", 0) for run in w.runs.values())
    print(f"  (2) prompts that expired while their reply was withheld: {waited}: {revived} cases revived (run.json: {counted}), {listed} listed as late_reply ({taken} as another child holds the slot); late_reply rows: {len(rows)}")
    if counted != revived or revived != sum(d == "revived" for d in rows.values()):
        w.fail(f"revived: {revived} cases, {counted} in run.json, {sum(d == 'revived' for d in rows.values())} rows")
    if w.gap and w.plan.cases >= 1000 and not (revived and taken and listed > taken):
        w.fail("not every way of a late reply was tried: mend the plan of the test")
    if not w.gap and (waited or counted):
        w.fail("replies were late in an undisturbed world")


def check_same_end(a, b):
    """each case ends in B as in A, or its late reply is listed: all by the ledgers, that every SMS and request agreed with; those that the gap touched, and some others, by `besik case`"""
    late = {row[2] for rows in b.rows.values() for row in rows if row[0] == "late_reply"}
    listed = lambda id: any(f"{id}-{step}" in late for step in PROMPTS)
    tell = lambda c: c and (c.at, c.lang, c.outcomes, {agency: (q["status"], q["id"]) for agency, q in c.requests.items()})
    ends = {w: {id: tell(c) for id, c in w.ledger.case_of.items()} for w in (a, b)}
    differ = {id for id in ends[a] | ends[b] if ends[a].get(id) != ends[b].get(id)}
    touched = {b.ledger.case_of[id].phone.msisdn for id in ends[b] if id in differ or listed(id)}
    others = sorted(set(b.ledger.phones) - touched)
    phones = sorted(touched) + rng(b.plan.seed, "others").sample(others, min(100, len(others)))
    shown = {}
    for w in (a, b):
        w.ends = w.cases("store", phones)
        shown[w] = {c["notice_id"]: c for cases in w.ends.values() for c in cases}
        for m in phones:
            for c in w.ledger.phones[m].cases:
                e = shown[w].get(c.birth.id) or {"requests": [], "outcomes": {}}
                have = e.get("step"), e.get("slot"), {k: v for k, v in e["outcomes"].items() if v}, {q["agency"]: (q["status"], q["request_id"]) for q in e["requests"]}
                if have != (c.at, c.slot, *tell(c)[2:]):
                    w.fail(f"{c.birth.id} ends as {have}, not {(c.at, c.slot, *tell(c)[2:])}")
    for id in shown[a].keys() | shown[b].keys():
        x, y = ([e and [e[k] for k in ("step", "lang", "answers", "outcomes")]] for e in (shown[a].get(id), shown[b].get(id)))
        if x != y:
            differ.add(id)
    print(f"  (1) {len(ends[a])} cases, of which {sum(c.at == 'closed' for c in a.ledger.case_of.values())} are closed; in B {len(differ)} end otherwise than in A, of which {sum(map(listed, differ))} have their late reply listed "
          f"({len(shown[a])} cases compared by `besik case`, among them all with a late reply)")
    for id in sorted(id for id in differ if not listed(id))[:5]:
        b.fail(f"{id} ends as {ends[b].get(id)} in B, as {ends[a].get(id)} in A, and no late reply of it is listed")


def check_gap(w):
    """totals, message_late and operator_silent name the gap"""
    rows = [(n, row, detail) for n, r in w.rows.items() for row, detail in r.items() if row[1] == "kcell"]
    totals = {(n, row[2]) for n, row, _ in rows if row[0] == "count_mismatch" and row[5] == show(as_of(n - 1)) and n in HELD}
    late = [(n, row[5], detail) for n, row, detail in rows if row[0] == "message_late"]
    silent = [(n, row[5]) for n, row, _ in rows if row[0] == "operator_silent"]
    print(f"  (3) kcell's gap: count_mismatch {len(totals)} of {2 * len(HELD)}; message_late {late}; operator_silent {silent}")
    last = max(rec.t for n in range(1, HELD[0]) for rec in w.given[n] if rec.kind == "messages" and rec.party == "kcell")
    times = w.runs[BACK]["late"].get("kcell", [])
    if totals != {(n, kind) for n in HELD for kind in ("messages", "receipts")}:
        w.fail(f"count_mismatch names {sorted(totals)} of the days withheld")
    if [(n, t) for n, t, _ in late] != [(BACK, show(min(times, default=0)))] or show(max(times)) not in late[0][2]:
        w.fail(f"message_late does not name the gap from {show(min(times))} to {show(max(times))}")
    if silent != [(HELD[0], show(last))]:
        w.fail(f"operator_silent does not name the silence since {show(last)}")


def check_again(w):
    """the files of the day of return, given once more: duplicates, and nothing sent for them"""
    old = [x for x in w.runs[AGAIN]["inputs"] if x["file"].startswith(f"in/{BACK:02}/")]
    got = collections.Counter()
    for x in old:
        for k in ("records", "applied", "duplicates", "rejects", "misses"):
            got[x["kind"], k] += x[k]
    want = w.runs[AGAIN]["verdicts"]
    for kind in ("notices", "messages", "responses", "receipts"):
        if got[kind, "applied"] or got[kind, "misses"] or got[kind, "rejects"] != want[kind, "rejects"] or got[kind, "duplicates"] != want[kind, "duplicates"]:
            w.fail(f"day {BACK} again: {kind}: {got[kind, 'applied']} applied, {got[kind, 'duplicates']} duplicates, {got[kind, 'rejects']} rejects, not 0, {want[kind, 'duplicates']}, {want[kind, 'rejects']}")
    without, out = folder(f"{w.home}/dry"), folder(f"{w.home}/out{AGAIN}")
    sends = [n for n in sorted({*without, *out}) if n.startswith(("outbound-", "requests-"))]
    for name in sends:
        if without.get(name) != out.get(name):
            w.fail(f"day {BACK} again: {name} is not what it is without those files")
    n = sum(got[k, "records"] for k in COLUMNS if k != "totals")
    print(f"  (5) day {BACK} again on day {AGAIN}: {len(old)} files, {n} records besides totals: {sum(got[k, 'duplicates'] for k in COLUMNS)} duplicates, {sum(got[k, 'rejects'] for k in COLUMNS)} rejects as before, "
          f"{sum(got[k, 'applied'] for k in COLUMNS if k != 'totals')} applied; {len(sends)} outbound and request files are what they are without them")


def check_rebuild(w, phones):
    """run by run into a new store, then the next night to both; and three nights a run"""
    last = w.plan.nights
    args = ["--key", "store/key", "--ref", "ref", *SETTINGS]
    w.do("init", "rebuilt", *args)
    same = 0
    for n in range(1, last + 1):
        files = w.files[n] + (w.files[BACK] if w.gap and n == AGAIN else [])
        w.do("run", "rebuilt", "--rebuild", "--out", f"rebuilt{n:02}", "--as-of", show(as_of(n)), *files)
        if n in w.refs:
            w.do("ref", "rebuilt", w.refs[n])
        a, b = folder(f"{w.home}/out{n:02}"), folder(f"{w.home}/rebuilt{n:02}")
        if any(x.startswith(("outbound-", "requests-")) for x in b):
            w.fail(f"rebuild, night {n}: writes {sorted(b)}")
        for x in ("counts", "inputs", "run", "as_of"):
            if a["run.json"][x] != b["run.json"][x]:
                w.fail(f"rebuild, night {n}: {x} of run.json differs")
        for x in ("rejects.csv", "reconciliation.csv"):
            same += a[x] == b[x]
            if a[x] != b[x]:
                w.fail(f"rebuild, night {n}: {x} differs")
    w.fine = w.cases("store", phones)
    w.gather(last + 1)
    for store, out in (("store", f"out{last + 1}"), ("rebuilt", f"rebuilt{last + 1}")):
        w.do("run", store, "--out", out, "--as-of", show(as_of(last + 1)), *w.files[last + 1])
    a, b = folder(f"{w.home}/out{last + 1}"), folder(f"{w.home}/rebuilt{last + 1}")
    differ = [n for n in {*a, *b} if a.get(n) != b.get(n)]
    records = sum(x["records"] for x in a["run.json"]["outputs"])
    print(f"  (6) world {w.name} rebuilt run by run: {same} of {2 * last} files of rejects and findings the same; night {last + 1} to both stores: {len(a) - len(differ)} of {len(a)} files the same bytes ({records} records)")
    for n in sorted(differ):
        w.fail(f"rebuild: {n} of night {last + 1} differs")
    if records < w.plan.cases // 20:
        w.fail(f"rebuild: night {last + 1} puts out {records} records only")
    if w.gap:
        return
    w.do("init", "coarse", *args)
    for n in range(3, last + 3, 3):
        days = range(n - 2, min(n, last) + 1)
        w.do("run", "coarse", "--rebuild", "--out", f"coarse{n:02}", "--as-of", show(as_of(days[-1])), *(f for d in days for f in w.files[d]))
    ids = lambda cases: {(c["notice_id"], q["agency"]): q["request_id"] for c in cases for q in c["requests"]}
    late = {w.ledger.case_of[birth].phone.msisdn for birth, _ in w.expired}     # expiries are counted by runs: what A reached past one, the other need not
    all_of, past = 0, []
    cases = w.cases("coarse", phones)
    for m in phones:
        fine, coarse = ids(w.fine[m]), ids(cases[m])
        short = {k: id for k, id in fine.items() if coarse.get(k) != id}
        all_of += not short
        past += [m] if short and m in late and not short.keys() & coarse.keys() else []
        if short and m not in past:
            w.fail(f"rebuilt in fewer runs, {m}: A's requests {short} are not among {coarse}")
    print(f"  (6) rebuilt three nights a run, {len(phones)} phones: {sum(len(ids(w.fine[m])) for m in phones)} request ids in A, {sum(len(ids(cases[m])) for m in phones)} rebuilt; {all_of} phones have all of A's, {len(past)} all but those past an expiry in A")


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("besik")
    ap.add_argument("--cases", type=int, default=2000)
    ap.add_argument("--nights", type=int, default=30)
    ap.add_argument("--seed", default="1")
    ap.add_argument("--keep")
    o = ap.parse_args()
    if o.cases < 100 or o.nights < 30:
        ap.error("at least 100 cases and 30 nights")
    home = os.path.abspath(o.keep) if o.keep else tempfile.mkdtemp(prefix="replay-")
    if o.keep:
        shutil.rmtree(home, ignore_errors=True)
        os.makedirs(home)
    began = time.time()
    try:
        plan = Plan(o.seed, o.cases, o.nights)
        worlds = play(os.path.abspath(o.besik), home, plan)
        faults = [f for w in worlds for f in w.faults]
        for f in faults[:40]:
            print("FAIL", f)
        print(f"{len(faults)} failures; {time.time() - began:.0f} s, of which besik {sum(w.seconds for w in worlds):.0f} s (commands, two at a time where they only read)")
        return 1 if faults else 0
    finally:
        if not o.keep:
            shutil.rmtree(home, ignore_errors=True)


def play(besik, home, plan):
    a = World(besik, home, plan, "A", gap=False)
    b = World(besik, home, plan, "B", gap=True, key=f"{home}/A/store/key")
    for w in (a, b):
        for n in range(1, plan.nights + 1):
            if w.gap and n == BACK:
                w.outage(BACK - 1, as_of(BACK - 1) + 12 * HOUR)
            w.night(n, again=[BACK] if w.gap and n == AGAIN else ())
            if w.gap and n == DECLARED:
                w.outage(DECLARED, None)
        sms, given = len(w.ledger.sms), [rec for n in w.given for rec in w.given[n]]
        print(f"world {w.name}: {plan.nights} nights, {sum(len(p.cases) for p in w.ledger.phones.values())} cases on {len(w.ledger.phones)} phones; {sms} SMS, {len(w.ledger.requests)} requests; given: {tally(rec.kind for rec in given)}; "
              f"expired {sum(run['expected']['expired'] for run in w.runs.values())}, revived {sum(run['expected']['revived'] for run in w.runs.values())}")
        check_counts(w)
        check_findings(w)
        print(f"  (1) {w.prompts} prompts, reminders and corrections: {w.nagged} for a step whose answer had been given")
        check_revival(w)
        if w.gap:
            print(f"      given on day {BACK}: {w.pieces}")
            check_gap(w)
            check_again(w)
    check_same_end(a, b)
    phones = sorted(m for m, p in a.ledger.phones.items() if any(c.requests for c in p.cases))
    check_rebuild(a, rng(plan.seed, "sample").sample(phones, min(50, len(phones))))
    check_rebuild(b, [])
    return a, b


if __name__ == "__main__":
    sys.exit(main())
