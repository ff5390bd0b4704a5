#!/usr/bin/env python3
"""The units and what they start: systemd's own judgement of them, the system calls that they leave a run, and besik-night as the timer
starts it. There is no systemd to start them with: a socket stands for it.

usage: systemd.py BESIK BUILD"""
import datetime, fcntl, json, os, re, shutil, socket, subprocess, sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, f"{HERE}/../cli")
from harness import play, same

PACKAGING, SAMPLE = f"{HERE}/../../tools/packaging", f"{HERE}/../sample"
NIGHTS = [f"2026-11-0{n}" for n in range(2, 6)]
ZONE = datetime.timezone(datetime.timedelta(hours=5))


class Room:
    def __init__(self, work):
        self.work = work

    def path(self, name):
        return f"{self.work}/{name}"

    def run(self, *args, exit=0, **kw):
        done = subprocess.run(args, capture_output=True, text=True, cwd=self.work, timeout=300, **kw)
        same(f"{' '.join(args)} ({(done.stdout + done.stderr)[-300:]}): exit", done.returncode, exit)
        return done.stdout + done.stderr

    def settle(self, time="22:00:00+05:00", options=""):
        """a store, the sample's nights among the dumps, and a night.conf"""
        self.run(BESIK, "init", "store", "--key", f"{SAMPLE}/key")
        os.mkdir(self.path("out"))
        for n, night in enumerate(NIGHTS, 1):
            shutil.copytree(f"{SAMPLE}/night{n}", self.path(f"in/{night}"))
        with open(self.path("night.conf"), "w") as file:
            file.write(f"STORE={self.work}/store\nDUMPS={self.work}/in\nOUT={self.work}/out\nTIME={time}\nOPTIONS=({options})\n")

    def night(self, *args, exit=0, **env):
        env = os.environ | {"PATH": f"{os.path.dirname(BESIK)}:{os.environ['PATH']}", "BESIK_CONF": self.path("night.conf")} | env
        return self.run(f"{PACKAGING}/besik-night", *args, exit=exit, env=env)

    def inputs(self, night):
        return sorted({os.path.basename(os.path.dirname(i["file"])) for i in json.load(open(self.path(f"out/{night}/run.json")))["inputs"]})


def settings(unit):
    pairs = [line.strip().split("=", 1) for line in open(f"{PACKAGING}/{unit}") if "=" in line and line[0] != "#"]
    return {name: [value for n, value in pairs if n == name] for name, _ in pairs}


def judged(room):
    """verify finds nothing, security at most 1.5 (--threshold counts tenths)."""
    for unit in "besik-night.service", "besik-night.timer":
        text = open(f"{PACKAGING}/{unit}").read()
        with open(room.path(unit), "w") as file:
            file.write(text.replace("/usr/lib/besik/besik-night", os.path.abspath(f"{PACKAGING}/besik-night")))
    said = room.run("systemd-analyze", "verify", "--man=no", "./besik-night.service", "./besik-night.timer")
    same("verify says", said, "")
    said = room.run("systemd-analyze", "security", "--offline=yes", "--threshold=15", "--no-pager", "./besik-night.service")
    print("#", said.strip().splitlines()[-1])


def exits(room):
    """4, busy, comes again later; 2 and 3, where somebody must look, do not; 1 does as any failure."""
    unit = settings("besik-night.service")
    same("type", unit["Type"], ["notify"])
    same("busy", unit["RestartForceExitStatus"], ["4"])
    same("somebody must look", unit["RestartPreventExitStatus"], ["2 3"])
    same("the rest", (unit["Restart"], unit["RestartSec"]), (["on-failure"], ["5min"]))
    said = room.run("systemd-analyze", "calendar", settings("besik-night.timer")["OnCalendar"][0], env=os.environ | {"TZ": "UTC"})
    same("when", re.search(r"Next elapse: .* (\d\d:\d\d:\d\d UTC)", said)[1], "17:30:00 UTC")


def calls(room):
    """Whatever a run calls, the unit's filter lets it."""
    room.run(BESIK, "init", "store")
    room.run("strace", "-f", "-qq", "-o", "log", BESIK, "run", "store", "--out", "out", "--as-of", f"{NIGHTS[0]}T22:00:00+05:00", f"{SAMPLE}/night1",
             env=os.environ | {"ASAN_OPTIONS": "detect_leaks=0"})
    used = set(re.findall(r"^\d+ +(?:<\.\.\. )?(\w+)(?:\(| resumed)", open(room.path("log")).read(), re.M))
    same("there are some, and a sandbox", {"openat", "pwrite64", "seccomp"} - used, set())

    def expand(names):
        found = set()
        for name in names:
            if name[0] == "@":
                listed = [line.strip() for line in room.run("systemd-analyze", "syscall-filter", name).splitlines()[1:]]
                found |= expand([n for n in listed if n and n[0] != "#"])
            else:
                found.add(name)
        return found

    allow, deny = settings("besik-night.service")["SystemCallFilter"]
    same("refused by the unit", used - (expand(allow.split()) - expand(deny[1:].split())) - expand(["@default"]), set())


def nights(room):
    """A folder a night; the same again is the same; what was missed is made up for; a night without dumps, or another's, is not run."""
    room.settle()
    room.night(NIGHTS[0])
    room.night(NIGHTS[3])
    same("a night's dumps", (room.inputs(NIGHTS[0]), room.inputs(NIGHTS[3])), ([NIGHTS[0]], NIGHTS[1:]))
    for night in NIGHTS[0], NIGHTS[3]:
        same("again", room.night(night).split(":")[1].strip(), "done before")
    same("folders", sorted(os.listdir(room.path("out"))), [NIGHTS[0], NIGHTS[3]])
    room.night(NIGHTS[1], exit=2)
    said = room.night("2026-11-06", exit=3)
    same("no dumps: told", "in/2026-11-06" in said, True)
    same("the store", room.run(BESIK, "check", "store").splitlines()[-1][:3], "ok:")


def last(room):
    """By itself it takes the last night whose time has come: one that came a minute ago, one that comes in an hour."""
    now = datetime.datetime.now(ZONE)
    for minutes in -1, 60:
        time = (now + datetime.timedelta(minutes=minutes)).replace(microsecond=0)
        want = time.date() - datetime.timedelta(days=minutes > 0)
        work = Room(room.path(str(minutes)))
        os.mkdir(work.work)
        work.settle(time=time.strftime("%H:%M:%S+05:00"))
        os.mkdir(work.path(f"in/{want}"))
        work.night()
        same(f"{minutes} minutes away", os.listdir(work.path("out")), [str(want)])


def told(room):
    """The script becomes besik, so that systemd, which listens to the main process alone, hears it; a busy store is exit 4."""
    room.settle(options="--sms-limit 100")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        listener.bind(room.path("notify"))
        env = os.environ | {"PATH": f"{os.path.dirname(BESIK)}:{os.environ['PATH']}", "BESIK_CONF": room.path("night.conf"),
                            "NOTIFY_SOCKET": room.path("notify")}
        done = subprocess.Popen([f"{PACKAGING}/besik-night", NIGHTS[0]], env=env, stdout=subprocess.DEVNULL)
        same("exit", done.wait(timeout=120), 0)
        heard = []
        listener.setblocking(False)
        while not heard or not heard[-1].startswith("STOPPING=1\n"):
            message, ancillary, *_ = listener.recvmsg(4096, 64)
            same("who says so", int.from_bytes(ancillary[0][2][:4], sys.byteorder), done.pid)
            heard.append(message.decode())
    same("ready", heard[1], "READY=1")
    with open(room.path("store/lock")) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        room.night(NIGHTS[1], exit=4)
    room.night(NIGHTS[1])


BESIK = os.path.abspath(sys.argv[1])
sys.exit(play({"judged": judged, "exits": exits, "calls": calls, "nights": nights, "last": last, "told": told}, Room) != 0)
