#!/usr/bin/env python3
"""The Debian package, as CPack makes it: lintian has no error, and it installs in a bare Debian 12 (debootstrap, in memory), where
a night runs as its user with nothing else there; taken away again it leaves the store. As root.

usage: package.py BESIK BUILD"""
import glob, os, shutil, stat, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, f"{HERE}/../cli")
from harness import Failed, play, same

PACKAGING, SAMPLE = f"{HERE}/../../tools/packaging", f"{HERE}/../sample"
NIGHT = "2026-11-02"


def run(*args, exit=0, **kw):
    done = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL, timeout=600, **kw)
    same(f"{' '.join(args)[:200]} ({done.stdout[-600:]}): exit", done.returncode, exit)
    return done.stdout


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


class Bare:
    """a Debian 12 with nothing but what each has, in a folder; commands run in it with a /proc of their own"""

    def __init__(self, root):
        self.root = root
        os.chmod(root, 0o755)  # it is the users' / in there
        mirrors = [line.split() for line in run("apt-get", "indextargets", "--format", "$(CODENAME) $(REPO_URI) $(CREATED_BY)").splitlines()]
        mirror = [uri for codename, uri, what in mirrors if codename == "bookworm" and what == "Packages"][:1]
        run("debootstrap", "--variant=minbase", "bookworm", root, *mirror)

    def __call__(self, *args, exit=0):
        # a mount namespace: what is mounted goes with the command; besik's own sandbox is not in the way
        inside = 'mount -t proc proc "$0/proc" && exec chroot "$0" "$@"'
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
        env |= {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
        return run("unshare", "--mount", "sh", "-c", inside, self.root, *args, exit=exit, env=env)

    def path(self, name):
        return self.root + name


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
    for page in glob.glob(f"{PACKAGING}/*.1"):
        same(page, f"/usr/share/man/man1/{os.path.basename(page)}.gz" in listed, True)
    if os.path.exists(f"{PACKAGING}/besik.bash"):
        same("completion", "/usr/share/bash-completion/completions/besik" in listed, True)
    same("dpkg --verify", bare("dpkg", "--verify", "besik"), "")


def taken_away(bare):
    bare("apt-get", "-q", "-y", "purge", "besik")
    same("settings", os.path.exists(bare.path("/etc/besik")), False)
    same("the store's key", os.path.exists(bare.path("/var/lib/besik/store/key")), True)


BUILD = os.path.abspath(sys.argv[2])
if os.getuid() != 0:
    raise Failed("a bare Debian is made by root")
sys.exit(play({"lintian": lintian, "installed": installed}, str) != 0)
