"""A slow, plain model of the contract, written from the contract alone; shares no code with the project.

World(refdir, settings).run(events, as_of) applies one run and says all that a correct run must put out. Events come from
records.load. The ids of SMS and requests are the program's own: the check teaches them by position (learn_sms, learn_request).
`# Q<n>` marks a place where notes/oracle-questions.md, entry n, had to choose."""
import csv, os, re
from dataclasses import dataclass, field
import values as v
from values import DAY, HOUR, segments, phone_hash  # noqa: F401 (segments is for those who import the model)

PROMPTS = "language name education income office privilege locality order account".split()
CODE = {"education": 2, "income": 3, "office": 4, "privilege": 5, "locality": 6, "order": 7, "account": 8}
STEP_OF = {k: s for s, k in CODE.items()}
AGENCY_AT = {"registering": "registry", "queueing": "akimat", "assigning": "benefit"}
STATES = "language name education income office registering privilege locality queueing order account assigning closed".split()
PHASE = {s: "registration" if i < 6 else "kindergarten" if i < 9 else "benefit" for i, s in enumerate(STATES[:-1])}
STATUSES = {"registry": ("registered", "refused"), "akimat": ("queued", "refused"), "benefit": ("assigned", "refused")}
RECEIPT = {s: s for s in ("accepted", "delivered", "failed")}
SMPP = {**dict.fromkeys("ACCEPTD ENROUTE UNKNOWN".split(), "accepted"), "DELIVRD": "delivered",
        **dict.fromkeys("UNDELIV EXPIRED DELETED REJECTD".split(), "failed")}
RANK = {"notices": 0, "withdrawals": 1, "responses": 2, "messages": 3, "receipts": 4}
AGENCIES = ("registry", "akimat", "benefit")
DEFAULTS = dict(short_code="1414", remind_after=3 * DAY, expire_after=10 * DAY, response_after=5 * DAY, receipt_after=2 * DAY,
                silent_after=DAY, remember=400 * DAY, max_segments=8)


def tally(keys):
    """nested counts: of ("a", "b"), ("a", "b") {"a": {"b": 2}}"""
    out = {}
    for *path, last in keys:
        d = out
        for k in path:
            d = d.setdefault(k, {})
        d[last] = d.get(last, 0) + 1
    return out


def receipt_status(word):
    return RECEIPT.get(word.lower()) or SMPP.get(word.upper())  # Q16


class Ref:
    def __init__(self, d):
        def rd(f):
            with open(os.path.join(d, f), encoding="utf-8-sig", newline="") as fh:
                return list(csv.DictReader(fh))
        self.options, self.offices, self.localities = {}, {}, {}
        for r in rd("options.csv"):
            self.options.setdefault(r["step"], {})[int(r["number"])] = r
        for r in rd("offices.csv"):
            self.offices.setdefault(r["region"], {})[int(r["number"])] = r
        for r in rd("localities.csv"):
            self.localities.setdefault(r["region"], {})[int(r["number"])] = r
        self.prefixes = {r["prefix"]: r["operator"] for r in rd("operators.csv")}
        self.operators = set(self.prefixes.values()) - {"other"}
        self.regions = set(self.offices) & set(self.localities)
        self.outages = []
        if os.path.exists(os.path.join(d, "outages.csv")):
            self.outages = [(r["operator"], v.time(r["from"]), v.time(r["to"]) if r["to"] else None) for r in rd("outages.csv")]

    def out(self, op, a, b):
        """ms of [a, b) that lie in an outage of op or of all"""
        spans = sorted((max(f, a), min(b if t is None else t, b)) for o, f, t in self.outages if o in (op, "*"))
        total, end = 0, a
        for f, t in spans:
            if t > max(f, end):
                total += t - max(f, end)
                end = t
        return total

    def out_now(self, op, now):
        return any(o in (op, "*") and f <= now and (t is None or now < t) for o, f, t in self.outages)

    def choices(self, c, step):
        return {"office": self.offices.get(c.region, {}), "locality": self.localities.get(c.region, {})}.get(step) or self.options.get(step, {})


@dataclass
class Sms:
    case: object
    kind: str
    step: str
    lang: str
    prompt: int           # the serial of the prompt that it belongs to
    about: dict           # what its text must carry, for checks of texts
    at: int = 0           # as-of
    operator: str = ""
    id: str = ""
    statuses: list = field(default_factory=list)
    final: str = ""
    reported: bool = False


@dataclass
class Request:
    case: object
    agency: str
    facts: dict
    at: int
    made_in: int
    status: str = ""
    answered_in: int = 0
    sent: bool = False
    id: str = ""
    reported: bool = False


@dataclass
class Case:
    phone: object
    number: int
    slot: int
    notice_id: str
    registered: int
    iin: str
    birth: str
    sex: str
    order: int
    region: str
    account_on_file: str
    hospital: str
    at: str = ""
    lang: int = 0
    serial: int = 0           # prompts opened so far
    opened: int = 0           # as-of of the run that opened the prompt
    opened_in: int = 0        # number of that run
    reminded: int = None      # as-of of the reminder
    misses: int = 0
    missed_in: int = 0
    corrected_in: int = 0
    last_sms: Sms = None      # the prompt's last SMS that went out
    answers: dict = field(default_factory=dict)
    outcomes: dict = field(default_factory=dict)
    requests: dict = field(default_factory=dict)
    expired: dict = field(default_factory=dict)   # step -> as-of of the run that gave it up
    closed_by: str = ""
    closed_at: int = 0
    closed_step: str = ""
    withdrawn: bool = False
    made: list = field(default_factory=list)      # SMS of this run
    sent: list = field(default_factory=list)      # SMS that went out, in order
    log: list = field(default_factory=list)       # for hints

    @property
    def prompt(self):
        return self.at in PROMPTS

    def langs(self):
        return {0: "kk+ru", 1: "kk", 2: "ru"}[self.lang]


@dataclass
class Phone:
    msisdn: str
    cases: list = field(default_factory=list)
    messages: dict = field(default_factory=dict)  # identity -> content
    latest: tuple = None                          # (received_at, operator)


class Result:
    def __init__(self):
        self.sms = {}            # operator -> [Sms], in order
        self.requests = {}       # agency -> [Request], in order
        self.rejects = []        # (file, line, kind, outcome, reason, identity, msisdn)
        self.findings = []       # (finding, party, id, msisdn, slot, since)
        self.late = {}           # operator -> how many messages came late
        self.files = {}          # file -> dict(records, applied, misses, duplicates, rejects, warnings)
        self.counts = {}


class World:
    def __init__(self, refdir, **settings):
        self.ref = Ref(refdir)
        self.set = dict(DEFAULTS, **settings)
        self.phones, self.notices = {}, {}
        self.request_ids, self.request_of, self.sms_ids = {}, {}, {}  # id -> (msisdn, case number, agency), and back; id -> Sms
        self.open_requests, self.open_sms = [], []
        self.n, self.last = 0, None
        self.heard, self.silence, self.receipted = {}, {}, {}

    def set_ref(self, d):
        self.ref = Ref(d)

    def learn_sms(self, s, id):
        s.id = id
        self.sms_ids[id] = s

    def learn_request(self, q, id):
        q.id = id
        self.teach_request(id, q.case.phone.msisdn, q.case.number, q.agency)

    def teach_request(self, id, msisdn, number, agency):
        """an id is known from the key, phone, case number and agency alone, before the request is made (rebuilt stores)"""
        self.request_ids[id] = (msisdn, number, agency)
        self.request_of[msisdn, number, agency] = id

    # ---- what became of a record -------------------------------------------------------------------------------------
    def tell(self, ev, outcome, reason):
        self.res.rejects.append((ev["file"], ev["line"], ev["kind"], outcome, reason, *(("", "") if reason == "bad_id" else (ev.get("identity", ""), ev.get("msisdn") or ""))))
        f = self.res.files[ev["file"]]
        f[{"reject": "rejects", "miss": "misses", "warning": "warnings"}[outcome]] += 1
        self.note(ev, f"{outcome} {reason}")

    def reject(self, ev, reason):
        self.tell(ev, "reject", reason)
        f = self.res.files[ev["file"]]
        f["applied"] -= 1

    def duplicate(self, ev):
        f = self.res.files[ev["file"]]
        f["duplicates"] += 1
        f["applied"] -= 1
        self.note(ev, "duplicate")

    def note(self, ev, what):
        for c in self.phones.get(ev.get("msisdn"), Phone("")).cases:
            c.log.append(f"run {self.n}: {ev['kind'][:-1]} {v.show(ev['t']) if ev.get('t') is not None else '?'} {(ev['row'] or {}).get('text', (ev['row'] or {}).get('status', ''))!r} -> {what}; case {c.number} at {c.at}")

    def find(self, finding, party, id, msisdn, slot, since, case=None):
        """a finding of a case falls away if that case is withdrawn by the end of the run  # Q1, Q9"""
        self.found.append(((finding, party, id, msisdn, str(slot), v.show(since)), case))

    # ---- checks (section 4): fills in t, msisdn, identity, content; gives the first fault ---------------------------
    def check(self, ev):
        r, k = ev["row"], ev["kind"]
        now, old = self.as_of, self.as_of - self.set["remember"]
        if ev["fault"]:
            return ev["fault"]
        ev["msisdn"] = v.msisdn(r["msisdn"]) if "msisdn" in r else None
        ev["identity"] = {"messages": lambda: f"{r['operator']}:{r['message_id']}", "responses": lambda: f"{r['request_id']}:{r['status']}",
                          "receipts": lambda: f"{r['sms_id']}:{r['status']}", "totals": lambda: ""}.get(k, lambda: r["notice_id"])()
        if k == "totals":
            ev["t"] = v.time(r["from"])
            ops = self.ref.operators
            if r["party"] not in ops and r["party"] not in AGENCIES:
                return "bad_party"
            if r["kind"] not in (("messages", "receipts") if r["party"] in ops else ("responses",)):
                return "bad_kind"
            if ev["t"] is None or v.time(r["to"]) is None:
                return "bad_time"
            return None if re.fullmatch("[0-9]{1,18}", r["count"]) else "bad_count"
        t = ev["t"] = v.time(r[{"notices": "registered_at", "withdrawals": "withdrawn_at", "messages": "received_at", "responses": "responded_at", "receipts": "at"}[k]])
        if not v.an_id(r[{"notices": "notice_id", "withdrawals": "notice_id", "messages": "message_id", "responses": "request_id", "receipts": "sms_id"}[k]]):
            return "bad_id"
        if t is None:
            return "bad_time"
        if k in ("notices", "messages") and t < old:
            return "too_old"
        if t > now + DAY:
            return "future"
        if k == "notices":
            return self.check_notice(ev, r, t)
        if k == "withdrawals":
            ev["key"], ev["content"] = (r["notice_id"],), (r["cause"],)
            return None if r["cause"] in ("death", "mistake", "other") else "bad_cause"
        if k == "messages":
            if ev["msisdn"] is None:
                return "bad_msisdn"
            if r["operator"] not in self.ref.operators or not re.fullmatch("[a-z0-9][a-z0-9_-]{0,31}", r["operator"]):
                return "bad_operator"
            ev["key"], ev["content"] = (ev["msisdn"], r["operator"], r["message_id"]), (t, r["short_code"], r["text"])
            self.heard[r["operator"]] = max(t, self.heard.get(r["operator"], t))  # Q6
            self.had.setdefault(("messages", r["operator"]), set()).add((t, ev["key"]))
        if k == "responses":
            ev["key"], ev["content"] = (r["request_id"], r["status"]), tuple(r.get(c, "") for c in "reference place queue_number amount reason".split())
            ev["to"] = self.request_ids.get(r["request_id"])
            if ev["to"] is None:
                return "no_request"
            ev["msisdn"] = ev["to"][0]
            ev["agency"] = ev["to"][2]
        if k == "receipts":
            ev["sms"] = self.sms_ids.get(r["sms_id"])
            if ev["sms"] is None:
                return "no_sms"
            ev["msisdn"] = ev["sms"].case.phone.msisdn
            ev["status"] = receipt_status(r["status"])
            if ev["status"] is None:
                return "bad_status"
            ev["key"], ev["content"] = (r["sms_id"], ev["status"]), (r.get("operator", ""), r.get("operator_ref", ""))
            self.had.setdefault(("receipts", ev["sms"].operator), set()).add((t, ev["key"]))
        return None

    def check_notice(self, ev, r, t):
        if ev["msisdn"] is None:
            return "bad_msisdn"
        if not v.iin(r["mother_iin"]):
            return "bad_iin"
        born = v.real_date(r["birth_date"])
        if born is None or born > v.day(t):
            return "bad_birth_date"
        if r["sex"] not in ("M", "F"):
            return "bad_sex"
        if not re.fullmatch("[1-9]|1[0-9]|20", r["child_order"]):
            return "bad_child_order"
        if r["region"] not in self.ref.regions:
            return "bad_region"
        ev["account"] = v.account(r.get("account", "")) or ""
        ev["warn"] = bool(r.get("account", "").strip(" ")) and not ev["account"]
        ev["key"] = (r["notice_id"],)
        ev["content"] = (t, ev["msisdn"], r["mother_iin"], r["birth_date"], r["sex"], r["child_order"], r["region"], ev["account"])
        return None

    # ---- effects -----------------------------------------------------------------------------------------------------
    def sms(self, c, kind, step, **about):
        c.made.append(Sms(c, kind, step, c.langs(), c.serial, about, self.as_of))

    def open(self, c, step):
        c.at, c.opened, c.opened_in = step, self.as_of, self.n
        c.reminded, c.misses, c.last_sms = None, 0, None
        c.serial += 1
        self.sms(c, "prompt", step)

    def request(self, c, agency):
        a = c.answers
        f = dict(request_id=None, agency=agency, created_at=v.show(self.as_of), notice_id=c.notice_id, msisdn=c.phone.msisdn, mother_iin=c.iin, birth_date=c.birth, sex=c.sex,
                 surname=a["name"][0], given=a["name"][1], patronymic=a["name"][2], region=c.region)
        if agency == "registry":
            f.update(education=a["education"], income=a["income"], office=a["office"])
        if agency == "akimat":
            f.update(locality=a["locality"])
        if agency == "benefit":
            f.update(child_order=c.order, account=a["account"], registration_reference=a.get("reference"))
        c.at = {g: s for s, g in AGENCY_AT.items()}[agency]
        q = c.requests[agency] = Request(c, agency, f, self.as_of, self.n)
        q.id = self.request_of.get((c.phone.msisdn, c.number, agency), "")
        return q

    def close(self, c, by):
        c.at, c.closed_by, c.closed_at = "closed", by, self.as_of
        self.closed += 1

    def outcome(self, c, phase, what):
        c.outcomes[phase] = what
        of = self.outcomes.setdefault(phase, {})
        of[what] = of.get(what, 0) + 1

    def give_up(self, c, how):
        step = c.closed_step = c.at
        self.outcome(c, PHASE[step], how)
        self.gave[how] = self.gave.get(how, 0) + 1
        if how == "expired":
            c.expired[step] = self.as_of
        c.log.append(f"run {self.n}: {step} given up, {how}")
        self.sms(c, "info", PHASE[step] + "_manual")
        if PHASE[step] == "kindergarten":
            self.open(c, "order")
        else:
            self.close(c, how)

    def miss(self, ev, c, reason):
        if c.opened_in == self.n or c.missed_in == self.n:
            return self.reject(ev, reason)
        c.missed_in = self.n
        c.misses += 1
        self.tell(ev, "miss", reason)
        if c.misses >= 3:
            self.give_up(c, "missed")
        else:
            c.corrected_in = self.n
            self.sms(c, "correction", c.at, reason=reason)

    # ---- one event ---------------------------------------------------------------------------------------------------
    def notices_(self, p, ev):
        held = {c.slot for c in p.cases if c.at != "closed"}
        free = [s for s in range(1, 10) if s not in held]
        if not free:
            return self.reject(ev, "no_free_slot")
        r = ev["row"]
        c = Case(p, len(p.cases) + 1, free[0], r["notice_id"], ev["t"], r["mother_iin"], r["birth_date"], r["sex"], int(r["child_order"]), r["region"], ev["account"], r.get("hospital", ""))
        if any((o.iin, o.birth, o.sex, o.order) == (c.iin, c.birth, c.sex, c.order) for o in p.cases):
            self.find("notice_alike", c.hospital, c.notice_id, p.msisdn, c.slot, ev["t"], c)
        p.cases.append(c)
        self.notices[c.notice_id] = (p.msisdn, ev["content"], c)
        self.opened += 1
        if ev["warn"]:                                    # Q10
            self.tell(ev, "warning", "bad_account")
        self.open(c, "language")
        self.note(ev, "opened")
        for w in self.wait_w.pop(c.notice_id, []):
            self.withdrawals_(p, w)

    def withdrawals_(self, p, ev):
        known = self.notices.get(ev["row"]["notice_id"])
        if known is None:
            return self.wait_w.setdefault(ev["row"]["notice_id"], []).append(ev)
        c = known[2]
        if c.withdrawn:
            return self.duplicate(ev)
        self.withdrawn += 1
        c.withdrawn = True                                # Q9: a closed case keeps its outcomes, and is never revived
        if c.at != "closed":
            self.outcome(c, PHASE[c.at], "withdrawn")
            self.close(c, "withdrawn")
        c.last_sms = None
        self.note(ev, "withdrawn")

    def responses_(self, p, ev):
        _, number, agency = ev["to"]
        q = p.cases[number - 1].requests.get(agency) if number <= len(p.cases) else None
        if q is None:
            return self.wait_r.setdefault((number, agency), []).append(ev)
        c, r = q.case, ev["row"]
        status = r["status"]
        if status not in STATUSES[agency]:
            return self.reject(ev, "bad_status")
        if q.status == status:
            return self.duplicate(ev)
        if q.status:
            self.find("response_conflict", agency, q.id or r["request_id"], p.msisdn, c.slot, ev["t"], c)
            return self.reject(ev, "already_answered")
        if status == "queued" and not (r.get("queue_number") or "").strip(" \t\r\n\u00a0"):
            return self.reject(ev, "bad_response")
        q.status, q.answered_in = status, self.n
        self.note(ev, "taken")
        if c.withdrawn:
            return
        if agency == "registry":
            self.outcome(c, "registration", status)
            if status == "refused":
                self.sms(c, "info", "registration_refused", reason=r.get("reason", ""))
                return self.close(c, "refused")
            c.answers["reference"] = r.get("reference") or None
            self.sms(c, "info", "registered", place=r.get("place", ""))
            return self.open(c, "privilege")
        if agency == "akimat":
            self.outcome(c, "kindergarten", status)
            self.sms(c, "info", "queued" if status == "queued" else "queue_refused", queue_number=r.get("queue_number", ""), reason=r.get("reason", ""))
            return self.open(c, "order")
        self.outcome(c, "benefit", status)
        self.sms(c, "info", "assigned" if status == "assigned" else "benefit_refused", amount=r.get("amount", ""), reason=r.get("reason", ""))
        self.close(c, status)

    def receipts_(self, p, ev):
        s, st = ev["sms"], ev["status"]
        c = s.case
        if st in s.statuses:
            return self.duplicate(ev)
        s.statuses.append(st)
        self.receipted[s.operator] = max(ev["t"], self.receipted.get(s.operator, ev["t"]))
        self.note(ev, f"receipt {st} of {s.kind} {s.step}")
        if st == "accepted":
            return
        if not s.final:
            s.final = st
            if st == "failed":
                self.find("sms_failed", s.operator, s.id, p.msisdn, c.slot, ev["t"], c)
        else:
            self.find("receipt_conflict", s.operator, s.id, p.msisdn, c.slot, ev["t"], c)

    def messages_(self, p, ev):
        r, t = ev["row"], ev["t"]
        if r["short_code"] != self.set["short_code"]:
            return self.reject(ev, "other_short_code")
        there = [c for c in p.cases if c.registered <= t] if p else []
        if not there:
            return self.reject(ev, "no_case")
        key = (r["operator"], r["message_id"])
        if key in p.messages and p.messages[key][0] >= self.as_of - self.set["remember"]:     # else forgotten
            if p.messages[key] == ev["content"]:
                return self.duplicate(ev)
            self.find("message_conflict", r["operator"], r["message_id"], p.msisdn, "", t)
            return self.reject(ev, "id_conflict")
        p.messages[key] = ev["content"]
        p.latest = max(p.latest or (t, r["operator"]), (t, r["operator"]))
        if self.last is not None and t < self.last:
            self.late.setdefault(r["operator"], []).append(t)
        self.table(p, ev, there, r, t)

    def table(self, p, ev, there, r, t):
        """section 7's table, from its second row"""
        asked = [c for c in there if c.prompt]
        form = v.reply(r["text"])
        if form is None:
            if not asked:
                return self.reject(ev, "no_open_prompt")
            return self.miss(ev, max(asked, key=lambda c: (c.opened_in, c.slot)), "bad_form")
        digits, text = form
        slot = int(digits[0])
        of_slot = [c for c in there if c.slot == slot]
        last = of_slot[-1] if of_slot else None
        if last and last.at == "closed" and last.closed_by == "expired" and not last.withdrawn and t < last.closed_at:
            if any(c.slot == slot and c.at != "closed" for c in p.cases):   # a later case, or an earlier one revived before: oracle-questions 1
                self.find("late_reply", r["operator"], r["message_id"], p.msisdn, slot, t, last)
                return self.reject(ev, "too_late")
            self.revive(p, ev, last)
        mine = [c for c in of_slot if c.at != "closed"]
        if not mine:
            return self.miss(ev, asked[0], "bad_slot") if len(asked) == 1 else self.reject(ev, "bad_slot")
        c = mine[-1]
        if not c.prompt:
            return self.reject(ev, "no_open_prompt")
        self.answer(p, ev, c, digits, text)

    def revive(self, p, ev, c):
        step = c.closed_step
        c.closed_by = ""
        del c.outcomes[PHASE[step]], c.expired[step]
        self.revived += 1
        self.find("late_reply", ev["row"]["operator"], ev["row"]["message_id"], p.msisdn, c.slot, ev["t"], c)
        c.log.append(f"run {self.n}: revived at {step}")
        self.open(c, step)

    def answer(self, p, ev, c, d, text):
        now = c.at
        step = STEP_OF.get(int(d[2])) if len(d) > 2 else "language" if text is None else "name"
        if len(d) == 1 or step is None:
            return self.miss(ev, c, "bad_answer")
        if step in c.expired and ev["t"] < c.expired[step]:
            self.find("late_reply", ev["row"]["operator"], ev["row"]["message_id"], p.msisdn, c.slot, ev["t"], c)
            return self.reject(ev, "too_late")
        lang = int(d[1])
        if step == "language" and now == "name":
            return self.reject(ev, "already_answered") if lang == c.lang else self.miss(ev, c, "bad_language")
        if PROMPTS.index(step) < PROMPTS.index(now):      # Q8: a step that was passed over counts too
            return self.reject(ev, "already_answered")
        if c.lang and lang != c.lang:
            return self.miss(ev, c, "bad_language")
        if PROMPTS.index(step) > PROMPTS.index(now):
            return self.miss(ev, c, "not_asked")
        bad = self.take(c, step, lang, d[3:], text, dry=True)
        if bad:
            return self.miss(ev, c, bad)
        if c.last_sms and c.last_sms.final == "failed":   # Q11
            s = c.last_sms
            self.find("failed_but_answered", s.operator, s.id, p.msisdn, c.slot, ev["t"], c)
        c.last_sms = None
        self.take(c, step, lang, d[3:], text)
        self.note(ev, f"{step} taken")
        for q in list(c.requests.values()):
            for w in self.wait_r.pop((c.number, q.agency), []):
                self.responses_(p, w)

    def take(self, c, step, lang, a, text, dry=False):
        """takes the answer to c's open prompt; dry: only says what is wrong with it"""
        n = int(a) if a and a[0] != "0" else 0
        if step == "language":
            if dry:
                return None if lang in (1, 2) else "bad_answer"
            c.lang = lang
            return self.open(c, "name")
        if step == "name":
            full = v.name(text)
            if dry:
                return None if full else "bad_name"
            c.answers["name"] = full
            return self.open(c, "education")
        if step == "account":
            if n == 1 and text is None and c.account_on_file:
                acc = c.account_on_file
            elif n == 2 and text is not None:
                acc = v.account(text)
                if acc is None:
                    return "bad_account"
            else:
                return "bad_answer"
            if dry:
                return None
            c.answers["account"] = acc
            self.request(c, "benefit")
            return
        if text is not None or not n:
            return "bad_answer"
        if step == "order":
            if dry:
                return None if n in (1, 2) else "bad_answer"
            if n == 1:
                return self.open(c, "account")
            self.outcome(c, "benefit", "disputed")
            self.sms(c, "info", "order_disputed")
            return self.close(c, "disputed")
        choice = self.ref.choices(c, step).get(n)
        if dry:
            return None if choice else "bad_answer"
        c.answers[step] = choice["kato" if step == "locality" else "code"]
        if step in ("education", "income"):
            return self.open(c, "income" if step == "education" else "office")
        if step == "office":
            self.request(c, "registry")
            return self.sms(c, "info", "filed")
        if step == "locality":
            self.request(c, "akimat")
            return
        if n == 1:
            return self.open(c, "locality")
        self.outcome(c, "kindergarten", "privileged")
        self.sms(c, "info", "privileged")
        self.open(c, "order")

    # ---- a run -------------------------------------------------------------------------------------------------------
    def run(self, events, as_of, rebuild=False, files=()):
        """files: names of all inputs (those without records too). rebuild changes nothing here: what is made counts as sent"""
        self.n += 1
        self.as_of, self.res, self.found, self.late, self.had, self.gave = as_of, Result(), [], {}, {}, {}
        self.opened = self.closed = self.revived = self.withdrawn = self.superseded = 0
        self.outcomes = {}
        for f in list(files) + [ev["file"] for ev in events]:
            self.res.files.setdefault(f, dict(records=0, applied=0, misses=0, duplicates=0, rejects=0, warnings=0))
        good = []
        for ev in events:
            ev = dict(ev)
            f = self.res.files[ev["file"]]
            f["records"] += 1
            f["applied"] += 1
            fault = self.check(ev)
            if fault:
                self.reject(ev, fault)
            else:
                good.append(ev)
        self.apply(good)
        for p in self.phones.values():
            self.clock(p)
        self.count_responses(good)
        self.totals([e for e in good if e["kind"] == "totals"])
        self.send()
        self.reconcile()
        self.res.rejects.sort(key=lambda x: (os.fsencode(x[0]), x[1], x[4]))
        every = [c for p in self.phones.values() for c in p.cases]
        r = self.res
        r.counts = dict(records=tally((f,) for f in [ev["kind"] for ev in events]), rejects=tally((x[2], x[4]) for x in r.rejects if x[3] == "reject"), misses=tally((x[4],) for x in r.rejects if x[3] == "miss"),
                        sms=tally((s.kind, s.step) for l in r.sms.values() for s in l), requests=tally((q.agency,) for l in r.requests.values() for q in l), superseded=self.superseded, opened=self.opened, closed=self.closed,
                        revived=self.revived, withdrawn=self.withdrawn, given_up=self.gave, outcomes=self.outcomes, reconciliation=tally((f[0],) for f in r.findings),
                        open=tally((c.at,) for c in every if c.at != "closed"), cases=tally(("closed" if c.at == "closed" else "open",) for c in every))
        self.last = as_of
        return self.res

    @staticmethod
    def place(ev):
        return os.fsencode(ev["file"]), ev["line"]

    def order(self, ev):
        b = lambda parts: tuple(x.encode() if isinstance(x, str) else x for x in parts)
        return ev["t"], RANK[ev["kind"]], b(ev["key"]), b(ev["content"]), self.place(ev)

    def apply(self, good):
        mine = {}
        # notices are told apart first, over all phones; Q4
        told = {}
        for ev in sorted((e for e in good if e["kind"] == "notices"), key=lambda e: (e["t"], e["msisdn"].encode(), self.order(e)[3], self.place(e))):
            id = ev["row"]["notice_id"]
            was = self.notices[id][1] if id in self.notices else told.get(id)
            if was is None:
                told[id] = ev["content"]
                mine.setdefault(ev["msisdn"], []).append(ev)
            elif was == ev["content"]:
                self.duplicate(ev)
            else:
                self.find("notice_conflict", ev["row"].get("hospital", ""), id, ev["msisdn"], "", ev["t"])
                self.reject(ev, "id_conflict")
        for ev in good:
            if ev["kind"] == "withdrawals":
                id = ev["row"]["notice_id"]
                ev["msisdn"] = self.notices[id][0] if id in self.notices else told[id][1] if id in told else None
                if ev["msisdn"] is None:
                    self.reject(ev, "no_notice")
                    continue
            if ev["kind"] not in ("notices", "totals"):
                mine.setdefault(ev["msisdn"], []).append(ev)
        for m, evs in mine.items():
            p = self.phones.get(m)
            if p is None:
                p = Phone(m)
                if any(e["kind"] == "notices" for e in evs):
                    self.phones[m] = p
            self.wait_w, self.wait_r = {}, {}
            for ev in sorted(evs, key=self.order):
                getattr(self, ev["kind"] + "_")(p, ev)
            for ev in [e for w in self.wait_w.values() for e in w]:
                ev["msisdn"] = None
                self.reject(ev, "no_notice")
            for ev in [e for w in self.wait_r.values() for e in w]:
                ev["msisdn"] = None
                self.reject(ev, "no_request")

    def operator(self, p):
        return p.latest[1] if p.latest else self.ref.prefixes.get(p.msisdn[1:4], "other")

    def clock(self, p):
        for c in p.cases:
            if not c.prompt or c.opened_in == self.n or c.corrected_in == self.n:
                continue
            age = self.as_of - c.opened - self.ref.out(self.operator(p), c.opened, self.as_of)
            if age >= self.set["expire_after"] and c.reminded is not None and self.as_of - c.reminded >= DAY:
                self.give_up(c, "expired")
            elif c.reminded is None and (age >= self.set["remind_after"] or c.last_sms and c.last_sms.final == "failed"):
                c.reminded = self.as_of
                c.log.append(f"run {self.n}: reminder {c.at}")
                self.sms(c, "reminder", c.at)

    def send(self):
        for p in sorted(self.phones.values(), key=lambda p: (phone_hash(p.msisdn), p.msisdn)):
            for c in p.cases:
                asks = [s for s in c.made if s.kind != "info"]
                for s in c.made:
                    if c.withdrawn or s.kind != "info" and (s is not asks[-1] or not c.prompt or s.prompt != c.serial):
                        self.superseded += 1
                        continue
                    s.operator = self.operator(p)
                    if s.kind != "info":
                        c.last_sms = s
                    c.sent.append(s)
                    self.open_sms.append(s)
                    self.res.sms.setdefault(s.operator, []).append(s)
                c.made = []
                for a in AGENCIES:
                    q = c.requests.get(a)
                    if q and q.made_in == self.n:
                        if q.status or c.withdrawn:
                            self.superseded += 1
                            continue
                        q.sent = True
                        self.open_requests.append(q)
                        self.res.requests.setdefault(a, []).append(q)

    def count_responses(self, good):
        for ev in good:
            if ev["kind"] == "responses" and ev["row"]["status"] in STATUSES[ev["agency"]]:
                p = self.phones.get(ev["msisdn"])
                number, agency = ev["to"][1:]
                if p and number <= len(p.cases) and agency in p.cases[number - 1].requests:
                    self.had.setdefault(("responses", agency), set()).add((ev["t"], ev["key"]))

    def totals(self, evs):
        for ev in evs:
            r = ev["row"]
            a, b = v.time(r["from"]), v.time(r["to"])
            n = len({key for t, key in self.had.get((r["kind"], r["party"]), ()) if a <= t < b})
            if n != int(r["count"]):
                self.find("count_mismatch", r["party"], r["kind"], "", "", a)

    def reconcile(self):
        now = self.as_of
        late = set()
        for q in self.open_requests:
            if not q.status and not q.case.withdrawn:
                late.add(id(q))
                if now - q.at >= self.set["response_after"]:
                    q.reported = True
                    self.find("response_missing", q.agency, q, q.case.phone.msisdn, q.case.slot, q.at)
        self.open_requests = [q for q in self.open_requests if id(q) in late and not q.reported]
        keep = []
        for s in self.open_sms:
            if s.final or s.case.withdrawn:
                continue
            if now - s.at >= self.set["receipt_after"] and self.receipted.get(s.operator, -1) >= now - 7 * DAY:
                self.find("receipt_missing", s.operator, s, s.case.phone.msisdn, s.case.slot, s.at)
            else:
                keep.append(s)
        self.open_sms = keep
        for op, times in self.late.items():
            self.find("message_late", op, "", "", "", min(times))
            self.res.late[op] = len(times)
        for op, t in self.heard.items():
            if now - t >= self.set["silent_after"] and self.silence.get(op) != t and not self.ref.out_now(op, now):
                self.silence[op] = t
                self.find("operator_silent", op, "", "", "", t)
        rows = []
        for (f, party, id_, *rest), case in self.found:
            if case is None or not case.withdrawn:
                rows.append((f, party, id_ if isinstance(id_, str) else id_.id, *rest))
        self.res.findings = sorted(dict.fromkeys(rows), key=lambda x: (x[0], x[1].encode(), phone_hash(x[3]), x[3], x[2].encode(), x[4], x[5]))
