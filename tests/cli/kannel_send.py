#!/usr/bin/env python3
"""tools/kannel-send against a gateway that answers, refuses, is full, breaks off, hangs or is not there: each SMS is given once.

usage: kannel_send.py BESIK [NAME…]         NAME: only these tests"""
import collections, csv, fcntl, glob, http.server, json, os, re, signal, stat, subprocess, threading, urllib.parse

from harness import BESIK, main, same

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
SEND = f"{ROOT}/tools/kannel-send"


class Gateway(http.server.ThreadingHTTPServer):
    """answers with the status that `answer` gives for the nth request; None: it breaks off; HANG: it never answers"""
    HANG = object()

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.got, self.answer, self.hanging = [], lambda n: 202, threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, address):
        pass

    def times(self):
        return collections.Counter(q["account"] for q in self.got)


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        gateway = self.server
        gateway.got.append(dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query, keep_blank_values=True)))
        status = gateway.answer(len(gateway.got))
        if status is Gateway.HANG:
            gateway.hanging.set()
            self.rfile.read(1)  # until the other end is gone
        elif status:
            self.send_response(status)
            self.end_headers()

    def log_message(self, *args):
        pass


class Room:
    def __init__(self, work):
        self.work, self.gateway, self.heard = work, Gateway(), ""
        for args in ["init", "store"], ["run", "store", "--out", "out", "--as-of", "2026-11-02T22:00:00+05:00", f"{ROOT}/tests/sample/night1"]:
            subprocess.run([BESIK, *args], cwd=work, check=True, stdout=subprocess.DEVNULL, timeout=120)
        self.sms = {row["sms_id"]: (os.path.basename(file)[9:-4], row) for file in sorted(glob.glob(f"{work}/out/outbound-*.csv"))
                    for row in csv.DictReader(open(file, newline=""))}
        self.config(self.gateway.server_address[1])

    def config(self, port, mode=0o600):
        with open(f"{self.work}/kannel.ini", "w") as file:
            file.write(f"[kannel]\nurl = http://127.0.0.1:{port}/cgi-bin/sendsms\nuser = besik\npassword = p%w\n"
                       f"dlr_url = http://127.0.0.1:1/dlr\njournal = {self.work}/sent\n[smsc]\nkcell = kcell-2\n")
        os.chmod(f"{self.work}/kannel.ini", mode)

    def __call__(self, *args, exit=0):
        done = subprocess.run([SEND, "--config", "kannel.ini", *args], cwd=self.work, capture_output=True, text=True, timeout=120)
        same(f"kannel-send {' '.join(args)} ({done.stderr[-300:]}): exit", done.returncode, exit)
        self.heard += done.stdout + done.stderr
        return done.stdout + done.stderr

    def journal(self):
        return next(iter(glob.glob(f"{self.work}/sent/*")))

    def end(self):
        """what holds at the end of each test"""
        told = self.heard + "".join(open(path).read() for path in glob.glob(f"{self.work}/sent/*"))
        for _, row in self.sms.values():
            same("phones told", row["msisdn"] in told, False)
        same("texts told", re.search("[А-я]", told), None)


def test_once(room):
    room("out/")
    same("each once", room.gateway.times(), collections.Counter(dict.fromkeys(room.sms, 1)))
    for query in room.gateway.got:
        operator, row = room.sms[query["account"]]
        same("to whom, from whom, what", (query["to"], query["from"], query["text"]), (row["msisdn"], row["short_code"], row["text"]))
        same("by whom", query["smsc"], {"kcell": "kcell-2"}.get(operator, operator))
        same("how", (query["coding"], query["charset"], query["dlr-mask"], query["password"]), ("2", "UTF-8", "27", "p%w"))
        same("reports", query["dlr-url"], f"http://127.0.0.1:1/dlr?sms_id={row['sms_id']}&status=%d&at=%T&smsc=%i&ref=%F")
    same("again", f"0 SMS sent, {len(room.sms)} sent before" in room("out"), True)
    same("nothing again", len(room.gateway.got), len(room.sms))
    same("modes", [stat.S_IMODE(os.stat(p).st_mode) for p in (f"{room.work}/sent", room.journal())], [0o700, 0o600])


def test_broken_off(room):
    """One is in doubt: told, not sent again unless asked to."""
    room.gateway.answer = lambda n: None if n == 5 else 202
    room("out", exit=1)
    doubted = room.gateway.got[-1]["account"]
    said = room("out", exit=3)
    same("told", f"{doubted}: in doubt" in said and "1 in doubt" in said, True)
    same("each once", room.gateway.times(), collections.Counter(dict.fromkeys(room.sms, 1)))
    with open(f"{room.work}/access.log", "w") as log:  # Kannel's own word on another one
        log.write(f"2026-11-02 22:00:00 Sent SMS [SMSC:kcell] [SVC:besik] [ACT:s0] [BINF:] [msg:5:[ACT:{doubted}]] [udh:0:]\n")
    room("--log", "access.log", "out", exit=3)
    room("--again", "out")
    same("that one again", room.gateway.times()[doubted], 2)
    room("out")


def test_killed(room):
    for turn in 2, 5, 8:
        room.gateway.answer = lambda n: Gateway.HANG if n == turn else 202
        room.gateway.hanging.clear()
        child = subprocess.Popen([SEND, "--config", "kannel.ini", "out"], cwd=room.work, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        same("it hangs", room.gateway.hanging.wait(60), True)
        child.send_signal(signal.SIGKILL)
        child.wait()
    room.gateway.answer = lambda n: 202
    same("in doubt", "3 in doubt" in room("out", exit=3), True)
    with open(f"{room.work}/access.log", "w") as log:
        for query in room.gateway.got:
            log.write(f"2026-11-02 22:00:00 Sent SMS [SMSC:kcell] [SVC:besik] [ACT:{query['account']}] [BINF:] [msg:1:x] [udh:0:]\n")
    same("by Kannel's log", f"0 SMS sent, {len(room.sms)} sent before, 0 refused, 0 in doubt" in room("--log", "access.log", "out"), True)
    room("--log", "nowhere", "out", exit=2)
    same("each once", room.gateway.times(), collections.Counter(dict.fromkeys(room.sms, 1)))


def test_refused(room):
    room.gateway.answer = lambda n: 400 if n == 3 else 202
    same("told", f"{len(room.sms) - 1} SMS sent, 0 sent before, 1 refused" in room("out", exit=3), True)
    room("out")  # that one once more
    same("asked", len(room.gateway.got), len(room.sms) + 1)


def test_full(room):
    room.gateway.answer = lambda n: 503 if n == 2 else 202
    room("out")
    same("asked", len(room.gateway.got), len(room.sms) + 1)


def test_not_let_in(room):
    room.gateway.answer = lambda n: 403
    room("out", exit=2)
    same("asked", len(room.gateway.got), 1)
    room.gateway.answer = lambda n: 202
    room("out")


def test_not_there(room):
    room.gateway.shutdown()
    room.gateway.server_close()
    room("out", exit=1)
    room.gateway = Gateway()
    room.config(room.gateway.server_address[1])
    room("out")
    same("each once", room.gateway.times(), collections.Counter(dict.fromkeys(room.sms, 1)))


def test_journal(room):
    """A mark that was cut says nothing; two at a time are refused; a link is not followed."""
    room("out")
    last = room.gateway.got[-1]["account"]
    path = room.journal()
    text = open(path).read()
    with open(path, "w") as file:
        file.write(text[:-3])  # the last `+` is cut
    same("in doubt", f"{last}: in doubt" in room("out", exit=3), True)
    with open(path, "w") as file:
        file.write(text[:text.rindex("?") + 9])  # it was not given to Kannel yet
    room("out")
    same("sent again", room.gateway.times()[last], 2)
    with open(path) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        room("out", exit=4)
    os.rename(path, f"{room.work}/aside")
    os.symlink(f"{room.work}/aside", path)
    room("out", exit=1)


def test_wrong_use(room):
    room(exit=2)
    room("--what", "out", exit=2)
    room("store", exit=2)
    room("--help")
    os.chmod(f"{room.work}/kannel.ini", 0o640)
    room("out", exit=2)
    os.chmod(f"{room.work}/kannel.ini", 0o600)
    path = f"{room.work}/out/run.json"
    with open(path) as file:
        run = json.load(file)
    for timing in {**run["timing"], "dry_run": True}, None:  # of a dry run; no folder of a run
        with open(path, "w") as file:
            json.dump({**run, "timing": timing}, file)
        room("out", exit=2)
    with open(path, "w") as file:
        json.dump(run, file)
    with open(glob.glob(f"{room.work}/out/outbound-*.csv")[0], "a") as file:
        file.write("s1,")
    room("out", exit=3)
    with open(file.name, "w") as file:
        file.write("")
    room("out", exit=3)
    os.remove(file.name)
    room("out", exit=3)


def ended(test):
    def both(room):
        test(room)
        room.end()
    return both


main(Room, ended)
