"""A bare Debian 12 in a folder, made by debootstrap: commands run in it as in a machine of its own, and systemd can be booted in it.
Namespaces hold it: what is mounted, started or left running there goes with them. As root."""
import os, subprocess, time

from harness import Failed, same

ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}

# $0 is the folder, which becomes the root (a chroot may not make the user namespaces that units ask for). It has devices of its own:
# RemoveIPC= strikes what a unit's user has in /dev/shm, where this folder may lie.
BOOT = """set -e
mount --bind "$0" "$0"
cd "$0"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup sys/fs/cgroup
mount -t tmpfs tmpfs run
mount -t tmpfs -o mode=755 tmpfs dev
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
mount -t tmpfs tmpfs dev/shm
ln -s pts/ptmx dev/ptmx
for device in "null 1 3" "zero 1 5" "full 1 7" "random 1 8" "urandom 1 9" "tty 5 0"; do
    set -- $device
    mknod -m 666 "dev/$1" c "$2" "$3"
done
pivot_root . mnt
umount -l /mnt
exec env -i container=other PATH=/usr/sbin:/usr/bin /lib/systemd/systemd --system systemd.unit=basic.target
"""


def run(*args, exit=0, timeout=600, **kw):
    done = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL, timeout=timeout, **kw)
    if exit is not None:
        same(f"{' '.join(args)[-200:]} ({done.stdout[-600:]}): exit", done.returncode, exit)
    return done.stdout


def until(what, done, seconds=60):
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            raise Failed(f"{what}: not in {seconds} s")
        time.sleep(0.2)


class Bare:
    def __init__(self, root):
        self.root = root
        os.chmod(root, 0o755)  # it is the users' / in there
        mirrors = [line.split() for line in run("apt-get", "indextargets", "--format", "$(CODENAME) $(REPO_URI) $(CREATED_BY)").splitlines()]
        mirror = [uri for codename, uri, what in mirrors if codename == "bookworm" and what == "Packages"][:1]
        run("debootstrap", "--variant=minbase", "bookworm", root, *mirror)

    def __call__(self, *args, exit=0):
        inside = 'mount -t proc proc "$0/proc" && exec chroot "$0" "$@"'
        proxies = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
        return run("unshare", "--mount", "sh", "-c", inside, self.root, *args, exit=exit, env=ENVIRONMENT | proxies)

    def path(self, name):
        return self.root + name


class Booted:
    """the same with its systemd as the first process; commands run beside it"""

    def __init__(self, bare):
        self.process = subprocess.Popen(["unshare", "--mount", "--pid", "--fork", "--ipc", "--uts", "--cgroup", "--kill-child", "sh", "-c", BOOT, bare.root],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)

    def __enter__(self):
        try:
            until("systemd's boot", self.is_up)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()

    def is_up(self):
        if self.process.poll() is not None:
            raise Failed(f"systemd's boot: {self.process.stderr.read().decode()[-300:]}")
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as children:
            self.first = children.read().strip()
        return self.first and self("systemctl", "is-system-running", exit=None).strip() in ("running", "degraded")

    def __call__(self, *args, exit=0):
        return run("nsenter", "-t", self.first, "--mount", "--pid", "--ipc", "--uts", "--cgroup", *args, exit=exit, timeout=60, env=ENVIRONMENT)

    def shows(self, unit):
        return dict(line.split("=", 1) for line in self("systemctl", "show", unit).splitlines())
