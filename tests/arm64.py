#!/usr/bin/env python3
"""Builds besik for arm64 in a Debian of its own and passes the unit, fuzz-corpus and oracle tests there, by qemu.

usage: arm64.py [--dir DIR] [--tests REGEX]

As root; wants debootstrap and the network. All is made in DIR (default: a new folder, taken away at the end; one that is given is
kept, and used again). While it runs the kernel is told to start arm64 programs by qemu: Criterion starts itself. qemu is Debian
13's: under that of 12 pthread_create never returns on newer kernels. Left out is what looks at seccomp, which qemu does not know."""
import argparse, os, shutil, subprocess, sys, tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MIRROR, BINFMT = "http://deb.debian.org/debian", "/proc/sys/fs/binfmt_misc"
ELF = (r":besik-arm64:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
       r":\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:%s:F")
CROSS = ["gcc-aarch64-linux-gnu", "binutils", "libc6-dev-arm64-cross", "libc6:arm64", "make", "cmake", "pkg-config", "python3", "zstd", "xxhash"]
BUILD = """set -e
cd /src
export PKG_CONFIG_LIBDIR=/usr/lib/aarch64-linux-gnu/pkgconfig:/usr/share/pkgconfig
cmake -B build/arm64 -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_FLAGS_RELEASE='-O2 -g' -DCMAKE_COMPILE_WARNING_AS_ERROR=ON \\
  -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 -DCMAKE_C_COMPILER=aarch64-linux-gnu-gcc -DCMAKE_LIBRARY_ARCHITECTURE=aarch64-linux-gnu \
  -DCMAKE_CROSSCOMPILING_EMULATOR=/usr/bin/env >build.log
cmake --build build/arm64 -j$(nproc) >>build.log
ctest --test-dir build/arm64 -j$(nproc) --output-on-failure --timeout 1200 -R "$1" -E 'unit.test_sandbox'
"""


def call(*command, **options):
    subprocess.run(command, check=True, **options)


def libraries():
    """those of tools/packages, for arm64"""
    words = [word for line in open(f"{ROOT}/tools/packages") for word in line.split("#")[0].split()]
    return [f"{word}:arm64" for word in words if word.startswith("lib")]


def make_debian(root):
    call("debootstrap", "--variant=minbase", "bookworm", root, MIRROR, stdout=subprocess.DEVNULL)
    inside = ["chroot", root, "env", "DEBIAN_FRONTEND=noninteractive"]
    call(*inside, "dpkg", "--add-architecture", "arm64")
    call(*inside, "apt-get", "-qq", "update")
    call(*inside, "apt-get", "-qq", "install", "-y", "--no-install-recommends", *CROSS, *libraries(), stdout=subprocess.DEVNULL)
    with open(f"{root}/etc/apt/sources.list.d/trixie.list", "w") as f:
        f.write(f"deb {MIRROR} trixie main\n")
    call(*inside, "apt-get", "-qq", "update")
    call(*inside, "sh", "-c", "cd /tmp && apt-get -qq download qemu-user/trixie && dpkg-deb -x qemu-user_*.deb /")
    open(f"{root}/made", "w").close()


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--dir")
    a.add_argument("--tests", default=r"^unit\.|^fuzz\.|oracle\.(values|cases|check\.1|gen)")
    o = a.parse_args()
    folder = os.path.abspath(o.dir) if o.dir else tempfile.mkdtemp(prefix="besik-arm64-")
    root = f"{folder}/root"
    try:
        if not os.path.exists(f"{root}/made"):
            make_debian(root)
        shutil.rmtree(f"{root}/src", ignore_errors=True)
        call("git", "clone", "-q", ROOT, f"{root}/src")
        if not os.path.exists(f"{BINFMT}/register"):
            call("mount", "-t", "binfmt_misc", "binfmt_misc", BINFMT)
        with open(f"{BINFMT}/register", "w") as f:
            f.write(ELF % f"{root}/usr/bin/qemu-aarch64")
        try:
            with open(f"{root}/build.sh", "w") as f:
                f.write(BUILD)
            call("unshare", "--mount", "sh", "-c", 'mount -t proc proc "$1/proc" && mount --bind /dev "$1/dev" && exec chroot "$1" sh /build.sh "$2"',
                 "sh", root, o.tests, env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"})
        finally:
            with open(f"{BINFMT}/besik-arm64", "w") as f:
                f.write("-1")
    except subprocess.CalledProcessError as e:
        sys.exit(f"arm64: {e.cmd[0]} failed: {e.returncode}")
    finally:
        if not o.dir:
            shutil.rmtree(folder)
    print("arm64: passed")


main()
