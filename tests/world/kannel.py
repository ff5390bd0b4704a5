#!/usr/bin/env python3
"""The whole service with nothing of ours in the middle: what a run writes goes by tools/kannel-send into Kannel (bearerbox and smsbox),
by SMPP to two operators, to phones that read and answer; Kannel's access log, and the log of a web server that it reports deliveries
to, come back as dumps by their profiles. Ten cases go from notice to `assigned`.

usage: kannel.py BESIK BUILD"""
import collections, csv, datetime, glob, json, os, re, signal, socket, stat, subprocess, sys, threading, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [f"{HERE}/../cli", f"{HERE}/shared", f"{HERE}/../sample"]
from harness import Failed, play, same
from make import account, iin
from smsc import Smsc, shown

ROOT = os.path.normpath(f"{HERE}/../..")
ZONE = datetime.timezone(datetime.timedelta(hours=5))
REGION = "103200000"
PHONES = {f"7701{n:07}" if n % 2 else f"7705{n:07}": ("kcell" if n % 2 else "beeline") for n in range(1000001, 1000011)}
NAMES = ["Ахметова Айша", "Нұрмағанбетова Әмина Бекболатқызы", "Ким Софья Владимировна", "Petrova Maria", "Сейтқали Алихан",
         "Әлімбекова Айлин Ерланқызы", "Иванова Аврора", "О’Коннор Марк", "Қасымов Нұрислам Бақытжанұлы",
         "Тілеубердіұлы-Құдайбергенов Мұхаммед-Әли Нұрсұлтан Бейбітшілікұлы"]  # the last one takes two parts
ROUNDS = 16

SMSC = """group = smsc
smsc = smpp
smsc-id = {name}
allowed-smsc-id = {name}
host = 127.0.0.1
port = {port}
transceiver-mode = true
smsc-username = besik
smsc-password = none
system-type = none
msg-id-type = 0x01

"""

KANNEL = """group = core
admin-port = {admin}
admin-password = none
admin-deny-ip = "*.*.*.*"
smsbox-port = {box}
smsbox-interface = 127.0.0.1
box-allow-ip = 127.0.0.1
box-deny-ip = "*.*.*.*"
access-log = {work}/access.log
log-file = {work}/bearerbox.log
log-level = 1

{smscs}group = smsbox
bearerbox-host = 127.0.0.1
bearerbox-port = {box}
sendsms-port = {sendsms}
sendsms-interface = 127.0.0.1
log-file = {work}/smsbox.log
log-level = 1

group = sms-service
keyword = default
max-messages = 0
text = ""

group = sendsms-user
username = besik
password = none
concatenation = true
max-messages = 8
"""


def free_ports(count):
    lines = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [line.getsockname()[1] for line in lines]
    for line in lines:
        line.close()
    return ports


def until(what, done, seconds=120):
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            raise Failed(f"{what}: not in {seconds} s")
        time.sleep(0.05)


class Person:
    """reads, answers as shown; some err"""

    def __init__(self, number):
        self.name, self.number, self.read, self.erred = NAMES[number], number, [], False

    def __call__(self, text):
        self.read.append(text)
        if self.number == 3 and len(self.read) == 1:
            return "UNDELIV", None  # the phone is off; what comes again is a reminder
        answer = shown(text, self.name, "Қазақша" if self.number % 2 else "Русский")
        if self.number == 4 and answer and not self.erred:
            self.erred = True
            return "DELIVRD", answer.replace(" ", "")  # a correction comes
        return "DELIVRD", answer



class Service:
    """Kannel, the operators and their phones, besik's store, and the folder of dumps"""

    def __init__(self, work):
        self.work, self.children, self.sent, self.round = work, [], 0, 0
        self.people = {msisdn: Person(n) for n, msisdn in enumerate(PHONES)}
        self.smscs = {operator: Smsc(lambda msisdn, text: self.people[msisdn](text)) for operator in ("kcell", "beeline")}
        self.admin, self.box, self.sendsms, self.web = free_ports(4)

    def path(self, name):
        return f"{self.work}/{name}"

    def start(self, name, *args):
        with open(self.path(f"{name}.out"), "wb") as out:
            self.children.append(subprocess.Popen(args, cwd=self.path("www"), stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                                  env=os.environ | {"TZ": "Asia/Almaty"}))

    def begin(self):
        os.makedirs(self.path("www"))
        open(self.path("www/dlr"), "w").close()
        with open(self.path("kannel.conf"), "w") as file:
            smscs = "".join(SMSC.format(name=name, port=self.smscs[operator].port) for name, operator in (("kcell1", "kcell"), ("beeline", "beeline")))
            file.write(KANNEL.format(work=self.work, admin=self.admin, box=self.box, sendsms=self.sendsms, smscs=smscs))
        with open(self.path("kannel.ini"), "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write(f"[kannel]\nurl = http://127.0.0.1:{self.sendsms}/cgi-bin/sendsms\nuser = besik\npassword = none\n"
                       f"dlr_url = http://127.0.0.1:{self.web}/dlr\njournal = {self.work}/sent\n[smsc]\nkcell = kcell1\n")
        self.start("dlr", sys.executable, "-u", "-m", "http.server", "--bind", "127.0.0.1", str(self.web))
        self.start("bearerbox", "/usr/sbin/bearerbox", self.path("kannel.conf"))
        self.answering(self.box)
        self.start("smsbox", "/usr/sbin/smsbox", self.path("kannel.conf"))
        self.answering(self.sendsms)
        self.answering(self.web)

    def answering(self, port):
        def tried():
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return True
            except OSError:
                return False
        until(f"port {port}", tried)

    def end(self):
        for child in reversed(self.children):
            child.send_signal(signal.SIGINT)
        for child in self.children:
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        for smsc in self.smscs.values():
            smsc.close()

    def run(self, *args, exit=0):
        done = subprocess.run(args, cwd=self.work, capture_output=True, text=True, timeout=300)
        same(f"{' '.join(args)} ({(done.stdout + done.stderr)[-400:]}): exit", done.returncode, exit)
        return done.stdout

    def lines(self, file, pattern):
        return sum(bool(re.search(pattern, line)) for line in open(self.path(file), encoding="utf-8", errors="replace"))

    def night(self):
        """a run over the logs as they are by now, whole, and over what the agencies answered to the last one; then out it goes"""
        self.round += 1
        dumps, out = self.path(f"in/{self.round}"), self.path(f"out-{self.round}")
        os.makedirs(dumps, exist_ok=True)
        for name, dump in ("access.log", "kannel-access.log"), ("dlr.out", "kannel-dlr.log"):
            if self.round > 1:
                with open(self.path(name), "rb") as log, open(f"{dumps}/{dump}", "wb") as file:
                    file.write(log.read())
        if self.round > 1:
            self.agencies(self.path(f"out-{self.round - 1}"), dumps)
        self.run(BESIK, "run", "store", "--out", out, dumps)
        outbound = [row for file in glob.glob(f"{out}/outbound-*.csv") for row in csv.DictReader(open(file, newline=""))]
        self.send(out, outbound)
        return json.load(open(f"{out}/run.json"))

    def send(self, out, outbound):
        """on the first night it is killed on its way; given again it sends what it had not, and once more, nothing"""
        send = f"{ROOT}/tools/kannel-send", "--config", "kannel.ini", "--log", "access.log"
        if self.round == 1:
            child = subprocess.Popen([*send, out], cwd=self.work, stdout=subprocess.DEVNULL)
            until("a few SMS", lambda: child.poll() is not None or sum(s.whole for s in self.smscs.values()) >= 3)
            child.kill()
            child.wait()
            time.sleep(2)  # whatever Kannel was given stands in its log by then
            self.run(*send, "--again", out)
        else:
            self.run(*send, out)
        self.sent += len(outbound)
        same("given again", f"0 SMS sent, {len(outbound)} sent before" in self.run(*send, out), True)
        self.settled()

    def settled(self):
        """each SMS is at its phone, each report and each answer in Kannel's logs"""
        until("SMS at their phones", lambda: sum(smsc.whole for smsc in self.smscs.values()) >= self.sent)
        until("reports", lambda: self.lines("dlr.out", r'"GET /dlr\?sms_id=s\w+&status=[12]&') >= self.sent)
        until("answers", lambda: self.lines("access.log", " Receive SMS ") >= sum(smsc.answered for smsc in self.smscs.values()))

    def agencies(self, folder, dumps):
        """each request is granted"""
        answers = {"registry": ("registered", "", "", ""), "akimat": ("queued", "", "17", ""), "benefit": ("assigned", "", "", "74024")}
        with open(f"{dumps}/responses.csv", "w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow("request_id status responded_at place queue_number amount".split())
            for path in glob.glob(f"{folder}/requests-*.ndjson"):
                for line in open(path):
                    request = json.loads(line)
                    status, *rest = answers[request["agency"]]
                    rows.writerow([request["request_id"], status, datetime.datetime.now(ZONE).isoformat(timespec="seconds"), *rest])

    def notices(self):
        with open(self.path("in/1/notices.csv"), "w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow("notice_id registered_at msisdn mother_iin birth_date sex child_order region account hospital".split())
            born = datetime.datetime.now(ZONE) - datetime.timedelta(hours=1)
            for n, msisdn in enumerate(PHONES):
                mother = iin("1994-03-12", "F", 1000 + n)
                rows.writerow([f"N-{n}", born.isoformat(timespec="seconds"), msisdn, mother, born.date(), "F", 1, REGION, account(n), "Абай АОА"])


def settings(service):
    """the profiles that besik ships, with this Kannel's names"""
    ref = service.path("ref")
    subprocess.run(["cp", "-r", f"{ROOT}/tools/share/ref", ref], check=True)
    with open(f"{ROOT}/tools/share/dumps.ini", encoding="utf-8") as shipped, open(f"{ref}/dumps.ini", "w", encoding="utf-8") as file:
        file.write(shipped.read())
    service.run(BESIK, "init", "store", "--ref", "ref")


def assigned(service):
    settings(service)
    os.makedirs(service.path("in/1"))
    service.notices()
    service.begin()
    try:
        done, runs = 0, []
        while done < len(PHONES) and service.round < ROUNDS:
            runs.append(service.night())
            done += runs[-1]["counts"].get("outcomes", {}).get("benefit", {}).get("assigned", 0)
        same("assigned", done, len(PHONES))
        last = service.night()  # the logs once more, and the last reports: nothing goes out
        same("nothing more", (last["counts"].get("sms"), last["counts"].get("requests")), (None, None))
        judged(service, runs)
    finally:
        service.end()


def judged(service, runs):
    for msisdn, person in service.people.items():
        thanks = "рахмет" if person.number % 2 else "Благодарим"
        same(f"the last words to person {person.number}", "74024" in person.read[-1] and thanks in person.read[-1], True)
    # each SMS went once: Kannel's own log names it by its sms_id
    given = collections.Counter(re.findall(r" Sent SMS .*?\[ACT:(\w+)\]", open(service.path("access.log"), errors="replace").read()))
    issued = {row["sms_id"] for file in glob.glob(service.path("out-*/outbound-*.csv")) for row in csv.DictReader(open(file, newline=""))}
    same("what Kannel sent", (set(given), {n: c for n, c in given.items() if c > 1}), (issued, {}))
    # what besik knows of them: all delivered but one that failed, and was reminded of; one was corrected
    rejects = collections.Counter((row["kind"], row["reason"]) for file in glob.glob(service.path("out-*/rejects.csv"))
                                  for row in csv.DictReader(open(file, newline="")))
    same("rejects", dict(rejects), {("messages", "bad_form"): 1})
    sms = collections.Counter(kind for run in runs for kind, steps in run["counts"].get("sms", {}).items() for _ in range(sum(steps.values())))
    same("reminders and corrections", (sms["reminder"], sms["correction"]), (1, 1))
    finals = collections.Counter()
    for msisdn in PHONES:
        case, = json.loads(service.run(BESIK, "case", "store", msisdn, "--json"))["cases"]
        same("outcomes", case["outcomes"], {"registration": "registered", "kindergarten": case["outcomes"]["kindergarten"], "benefit": "assigned"})
        finals.update(s["status"] for s in case["sms"])
    print(f"# {service.round} nights, {len(issued)} SMS")
    same("receipts", dict(finals), {"delivered": len(issued) - 1, "failed": 1})
    same("modes", {stat.S_IMODE(os.stat(p).st_mode) for p in glob.glob(service.path("sent/*"))}, {0o600})


BESIK = os.path.abspath(sys.argv[1])
sys.exit(play({"assigned": assigned}, Service) != 0)
