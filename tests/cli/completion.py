#!/usr/bin/env python3
"""What is made from the program's own help: completion in bash, and besik(1); and the help itself, which fits a screen.

usage: completion.py BESIK [NAME…]         NAME: only these tests"""
import json, os, re, subprocess

from harness import BESIK, main, same

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
SCRIPT = f"{ROOT}/tools/packaging/besik.bash"


class Room:
    def __init__(self, work):
        self.work = work

    def besik(self, *args):
        done = subprocess.run([BESIK, *args], capture_output=True, text=True, timeout=60)
        same(f"besik {' '.join(args)}: exit", done.returncode, 0)
        return done.stdout

    def commands(self):
        return re.findall(r"^  ([a-z]+) ", self.besik("--help"), re.M)

    def complete(self, line):
        """what bash offers at the end of a line, as readline would ask for it"""
        words = line.split(" ")
        quoted = " ".join(f"'{word}'" for word in words)
        script = f"source {SCRIPT}; COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _besik besik; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        env = os.environ | {"PATH": f"{self.work}:{os.environ['PATH']}"}
        if not os.path.exists(f"{self.work}/besik"):
            os.symlink(BESIK, f"{self.work}/besik")
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, cwd=self.work, env=env, timeout=60)
        same(f"{line!r}: {done.stderr}", (done.returncode, done.stderr), (0, ""))
        return sorted(done.stdout.split())


def test_completion(room):
    os.mkdir(f"{room.work}/store")
    with open(f"{room.work}/data.csv", "w"):
        pass
    for line, offered in {
        "besik ": sorted(["--help", "--version"] + room.commands()),
        "besik re": ["ref", "reissue", "report"],
        "besik export store ": ["cases", "history", "requests", "sms"],
        "besik export --phones store s": ["sms"],
        "besik export store sms --c": ["--csv"],
        "besik list store --at or": ["order"],
        "besik list store --older ": [],
        "besik run store --out st": ["store"],
        "besik run store --out x da": ["data.csv"],
        "besik run store --as-of ": [],
        "besik run store --dry-run da": ["data.csv"],
        "besik run --me": ["--memory", "--metrics"],
        "besik init store --remi": ["--remind-after"],
        "besik init store --reply-form s": ["strict"],
        "besik set store rem": ["remember", "remind-after"],
        "besik set store re": ["receipt-after", "remember", "remind-after", "reply-form", "response-after"],
        "besik set store s": ["short-code", "silent-after"],
        "besik set store reply-form ": ["lenient", "strict"],
        "besik set store reply_form l": ["lenient"],
        "besik set store remember ": [],
        "besik profile check --store st": ["store"],
        "besik profile check --profiles da": ["data.csv"],
        "besik capacity try --html da": ["data.csv"],
        "besik help re": ["ref", "reissue", "report"],
        "besik nonsense ": [],
    }.items():
        same(line, room.complete(line), offered)
    for command in room.commands():
        text = room.besik(command, "--help")
        taken = set(re.findall(r"^ *(--[a-z-]+)|  (--[a-z-]+) [0-9]|  (--[a-z-]+) strict", text.split("\nExample")[0], re.M)) if command == "init" else set(re.findall(r"^  (--[a-z-]+)", text, re.M))
        taken = {"".join(x) for x in taken}
        same(f"{command}: its options, and no others'", room.complete(f"besik {command} --"), sorted(taken | {"--help"}))


def test_manual(room):
    """besik(1) has every command and every option, in roff without a line that groff would take for a request of its own"""
    page = room.besik("--man")
    for command in room.commands():
        same(f"{command}: its section", f".SS besik {command}\n" in page, True)
        part = page.split(f".SS besik {command}\n")[1].split(".SS ")[0]
        for option in re.findall(r"^  (--[a-z-]+)", room.besik(command, "--help"), re.M):
            same(f"{command} {option}", f".BR {option.replace('-', chr(92) + '-')}" in part or option.replace("-", "\\-") in part, True)
    requests = set(re.findall(r"^\.(\S+)", page, re.M))
    same("requests", requests - {"TH", "SH", "SS", "B", "BR", "I", "PP", "TP", "nf", "fi"}, set())


def test_screen(room):
    """--help of each command: 24 lines at most, the whole list too"""
    for command in ["", *room.commands()]:
        text = room.besik(*filter(None, [command]), "--help")
        same(f"{command}: lines", len(text.splitlines()) <= 24, True)
        if command:
            same(f"{command}: an example", "Example: " in text, True)


def test_asked_of_help(room):
    """`help COMMAND` is `COMMAND --help`; of no command, or of two, it is wrong use; and help that cannot be told is a failure"""
    for command in room.commands():
        same(f"help {command}", room.besik("help", command), room.besik(command, "--help"))
    for args in (["help", "nonsense"], ["help", "run", "case"]):
        done = subprocess.run([BESIK, *args], capture_output=True, text=True)
        same(f"{args}: {done.stderr}", (done.returncode, done.stdout, done.stderr.count("\n")), (2, "", 1))
    for args in (["--help"], ["-h"], ["help"], ["help", "run"], ["run", "--help"], ["--version"], ["--man"]):
        with open("/dev/full", "w") as full:
            done = subprocess.run([BESIK, *args], stdout=full, stderr=subprocess.PIPE, text=True)
        same(f"{args} on a full device", (done.returncode, done.stderr.endswith(": standard output: cannot write\n"), done.stderr.count("\n")), (1, True, 1))


def test_examples(room):
    """those that count: the header is none of what they count"""
    besik = lambda *args: subprocess.run([BESIK, *args], capture_output=True, text=True, cwd=room.work, check=True).stdout
    besik("init", "store", "--key", f"{ROOT}/tests/sample/key")
    for n in range(1, 5):
        besik("run", "store", "--out", f"out{n}", "--as-of", f"2026-11-0{n + 1}T22:00:00+05:00", f"{ROOT}/tests/sample/night{n}")
    besik("run", "store", "--out", "late", "--as-of", "2026-11-14T22:00:00+05:00")
    env = os.environ | {"PATH": f"{os.path.dirname(BESIK)}:{os.environ['PATH']}"}
    def example(command):
        text = re.search(r"^Example: (.*)", room.besik(command, "--help"), re.M).group(1).replace("/var/lib/besik/store", "store")
        return subprocess.run(["bash", "-c", text], capture_output=True, text=True, cwd=room.work, env=env, check=True).stdout
    same("list", int(example("list")), len(besik("list", "store", "--at", "registering", "--older", "5d", "--json").splitlines()))
    found = {}
    for row in map(json.loads, besik("report", "store", "--json").splitlines()):
        key = f"{row['finding']},{row['party']}"
        found[key] = found.get(key, 0) + 1
    same("report", dict(reversed(line.split(None, 1)) for line in example("report").splitlines()), {key: str(n) for key, n in found.items()})


main(Room)
