#!/usr/bin/env python3
"""What is made from the program's own help: completion in bash, and besik(1); and the help itself, which fits a screen.

usage: completion.py BESIK"""
import os, re, subprocess, sys

from harness import play, same

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


def completion(room):
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
        "besik nonsense ": [],
    }.items():
        same(line, room.complete(line), offered)
    for command in room.commands():
        same(f"{command}: all options", set(re.findall(r"^  (--[a-z-]+)", room.besik(command, "--help"), re.M)) - set(room.complete(f"besik {command} --")), set())


def manual(room):
    """besik(1) has every command and every option, in roff without a line that groff would take for a request of its own"""
    page = room.besik("--man")
    for command in room.commands():
        same(f"{command}: its section", f".SS besik {command}\n" in page, True)
        part = page.split(f".SS besik {command}\n")[1].split(".SS ")[0]
        for option in re.findall(r"^  (--[a-z-]+)", room.besik(command, "--help"), re.M):
            same(f"{command} {option}", f".BR {option.replace('-', chr(92) + '-')}" in part or option.replace("-", "\\-") in part, True)
    requests = set(re.findall(r"^\.(\S+)", page, re.M))
    same("requests", requests - {"TH", "SH", "SS", "B", "BR", "I", "PP", "TP", "nf", "fi"}, set())


def screen(room):
    """--help of each command: 24 lines at most, the whole list too"""
    for command in ["", *room.commands()]:
        text = room.besik(*filter(None, [command]), "--help")
        same(f"{command}: lines", len(text.splitlines()) <= 24, True)
        if command:
            same(f"{command}: an example", "Example: " in text, True)


def main():
    failed = play({test.__name__: test for test in (completion, manual, screen)}, Room)
    print(f"completion: 3 tests, {failed} failed")
    sys.exit(failed > 0)


BESIK = os.path.abspath(sys.argv[1])
main()
