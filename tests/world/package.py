#!/usr/bin/env python3
"""The Debian package, as CPack makes it: lintian has no error, and it installs in a bare Debian 12 (debootstrap, in memory), where
a night runs as its user with nothing else there, and then under systemd, as its unit has it; taken away it leaves the store. As root.

usage: package.py BESIK BUILD"""
import datetime, fcntl, glob, os, shutil, stat, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [f"{HERE}/../cli", f"{HERE}/shared"]
from bare import Bare, Booted, run, until
from harness import Failed, play, same

PACKAGING, SAMPLE = f"{HERE}/../../tools/packaging", f"{HERE}/../sample"
NIGHT = "2026-11-02"


def built(work):
    """the package, made anew"""
    for old in glob.glob(f"{BUILD}/besik_*.deb"):
        os.remove(old)
    run("cmake", "--build", BUILD, "--target", "package")
    made = glob.glob(f"{BUILD}/besik_*.deb")
    same("packages made", len(made), 1)
    return made[0]


def lintian(work):
    said = run("lintian", "--allow-root", "--fail-on", "error", built(work), env=os.environ | {"TMPDIR": work})
    print("#", said.replace("\n", "\n# "))


def owned(bare, name, mode):
    found = os.stat(bare.path(name))
    user = bare("stat", "-c", "%U:%G", name).strip()
    same(name, (user, oct(stat.S_IMODE(found.st_mode))), ("besik:besik", oct(mode)))


def installed(work):
    with tempfile.TemporaryDirectory(prefix="besik-bare-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as root:
        bare = Bare(root)
        shutil.copy(built(work), bare.path("/besik.deb"))
        bare("apt-get", "-q", "-y", "--no-install-recommends", "install", "/besik.deb")
        for name in "/var/lib/besik", "/var/lib/besik/in", "/var/lib/besik/out":
            owned(bare, name, 0o700)
        used(bare)
        bare("apt-get", "-q", "-y", "--no-install-recommends", "install", "systemd")
        with Booted(bare) as booted:
            started(bare, booted)
        taken_away(bare)


def used(bare):
    """nothing starts by itself, what the unit starts is there; then what an engineer does next"""
    same("wants of timers", glob.glob(bare.path("/etc/systemd/system/*.wants/besik*")), [])
    unit = open(bare.path("/lib/systemd/system/besik-night.service")).read()
    same("what it starts", os.access(bare.path(unit.split("ExecStart=")[1].split()[0]), os.X_OK), True)
    bare("runuser", "-u", "besik", "--", "besik", "init", "/var/lib/besik/store")
    owned(bare, "/var/lib/besik/store/key", 0o600)
    shutil.copytree(f"{SAMPLE}/night1", bare.path(f"/var/lib/besik/in/{NIGHT}"))
    bare("chown", "-R", "besik:", "/var/lib/besik/in")
    said = bare("runuser", "-u", "besik", "--", "/usr/lib/besik/besik-night", NIGHT)
    same("a night", "51 records" in said, True)
    owned(bare, f"/var/lib/besik/out/{NIGHT}/run.json", 0o600)
    said = bare("runuser", "-u", "besik", "--", "/usr/lib/besik/besik-night", NIGHT)
    same("the same night", "done before" in said, True)
    listed = bare("dpkg", "-L", "besik").split()
    if os.path.exists(f"{BUILD}/besik.1"):
        same("the manual page", "/usr/share/man/man1/besik.1.gz" in listed, True)
    if os.path.exists(f"{PACKAGING}/besik.bash"):
        same("completion", "/usr/share/bash-completion/completions/besik" in listed, True)
    same("dpkg --verify", bare("dpkg", "--verify", "besik"), "")


def started(bare, booted):
    """The timer is off until it is enabled. A night that must be mended is not tried again by itself; one whose store is busy is, and
    then it is done, shut in as it is."""
    same("the timer", booted("systemctl", "is-enabled", "besik-night.timer", exit=1).strip(), "disabled")
    booted("systemctl", "enable", "--now", "besik-night.timer")
    same("the next night", booted.shows("besik-night.timer")["NextElapseUSecRealtime"] != "", True)
    booted("systemctl", "stop", "besik-night.timer")  # not within this test
    time = datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=5))) - datetime.timedelta(hours=2)
    booted("sed", "-i", f"s/^TIME=.*/TIME={time:%H:%M:%S}+05:00/", "/etc/besik/night.conf")
    night = str(time.date())
    dumps = bare.path(f"/var/lib/besik/in/{night}")
    shutil.copytree(f"{SAMPLE}/night2", dumps)
    with open(f"{dumps}/broken.csv", "w") as file:
        file.write("a,b\n")
    booted("chown", "-R", "besik:", "/var/lib/besik/in")
    booted("systemctl", "start", "besik-night.service")  # it is ready: the files are looked at after that
    until("it fails", lambda: booted.shows("besik-night.service")["ActiveState"] == "failed")
    unit = booted.shows("besik-night.service")
    same("to be mended", (unit["ExecMainStatus"], unit["NRestarts"]), ("3", "0"))
    same("it says why", f"in/{night}/broken.csv" in unit["StatusText"], True)
    os.remove(f"{dumps}/broken.csv")

    os.makedirs(bare.path("/etc/systemd/system/besik-night.service.d"))
    with open(bare.path("/etc/systemd/system/besik-night.service.d/soon.conf"), "w") as file:
        file.write("[Service]\nRestartSec=500ms\n")
    booted("systemctl", "daemon-reload")
    with open(bare.path("/var/lib/besik/store/lock")) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        booted("systemctl", "start", "besik-night.service", exit=1)
        until("it is tried again", lambda: int(booted.shows("besik-night.service")["NRestarts"]) > 1)
    until("the night", lambda: os.path.exists(bare.path(f"/var/lib/besik/out/{night}/run.json")))
    until("its end", lambda: booted.shows("besik-night.service")["ActiveState"] == "inactive")
    same("how", booted.shows("besik-night.service")["Result"], "success")
    booted("systemctl", "start", "besik-night.service")
    until("its end", lambda: booted.shows("besik-night.service")["ActiveState"] == "inactive")
    booted("journalctl", "--sync")
    said = booted("journalctl", "--no-pager", "--output=cat", "--unit=besik-night.service")
    same("what it says", (said.count(" findings in "), said.count("done before"), "this kernel lacks" in said), (1, 1, False))


def taken_away(bare):
    bare("apt-get", "-q", "-y", "purge", "besik")
    same("settings", os.path.exists(bare.path("/etc/besik")), False)
    same("the store's key", os.path.exists(bare.path("/var/lib/besik/store/key")), True)


BUILD = os.path.abspath(sys.argv[2])
if os.getuid() != 0:
    raise Failed("a bare Debian is made by root")
sys.exit(play({"lintian": lintian, "installed": installed}, str) != 0)
