#!/usr/bin/env python3
"""What systemd is told of a run: the messages on a socket of each kind that NOTIFY_SOCKET can name, with the run locked down.

usage: notify.py BESIK [NAME…]         NAME: only these tests"""
import os, socket, subprocess, threading

from harness import BESIK, main, same

SAMPLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "sample")
STAGES = ["STATUS=read", "STATUS=apply", "STATUS=commit", "STATUS=publish"]


class Room:
    def __init__(self, work):
        self.work, self.heard = work, []
        self("init", "store")

    def __call__(self, *args, exit=0, to=None):
        env = {k: v for k, v in os.environ.items() if k != "NOTIFY_SOCKET"} | ({"NOTIFY_SOCKET": to} if to is not None else {})
        done = subprocess.run([BESIK, *args], capture_output=True, text=True, cwd=self.work, timeout=120, env=env)
        same(f"besik {' '.join(args)} ({done.stderr[-200:]}): exit", done.returncode, exit)
        return done

    def listened(self, name, *args, exit=0):
        """the messages of a run that is told to write to the socket `name`"""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.bind("\0" + name[1:] if name[0] == "@" else name)
            heard = []
            reader = threading.Thread(target=lambda: heard.extend(iter(lambda: s.recv(4096).decode(), "END")))
            reader.start()
            try:
                done = self("run", "store", *args, exit=exit, to=name)
            finally:
                with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
                    end.sendto(b"END", s.getsockname())
                reader.join()
        return heard, done


def test_stages(room):
    for number, name in enumerate((f"{room.work}/notify", f"@besik-test-{os.getpid()}"), 1):
        heard, done = room.listened(name, "--out", f"out{number}", "--as-of", f"2026-11-0{number + 1}T22:00:00+05:00", f"{SAMPLE}/night{number}")
        same("what is told", heard[:-1], ["STATUS=start", "READY=1", *STAGES])
        same("the end", heard[-1].startswith(f"STOPPING=1\nSTATUS=run {number}: ") and heard[-1].split("STATUS=")[1] in done.stdout, True)
        same("nothing on standard error", done.stderr, "")


def test_again(room):
    night = "--out", "out", "--as-of", "2026-11-02T22:00:00+05:00", f"{SAMPLE}/night1"
    room("run", "store", *night)
    heard, _ = room.listened(f"{room.work}/notify", *night)
    same("done before", heard, ["STATUS=start", "READY=1", "STOPPING=1\nSTATUS=done before"])


def test_failed(room):
    """Never ready; why stands in the status, in one line, whatever a file is called."""
    name = "bad\nMAINPID=1"
    with open(f"{room.work}/{name}", "w") as file:
        file.write("a,b\n1,2\n")
    heard, _ = room.listened(f"{room.work}/notify", "--out", "out", name, exit=3)
    same("the messages", [m.split("=")[0] for m in heard if m[:4] != "STAT"], ["READY", "STOPPING"])
    same("the end, in two lines", (heard[-1].count("\n"), "bad\\nMAINPID=1" in heard[-1]), (1, True))
    heard, _ = room.listened(f"{room.work}/notify2", "--out", "out", "--as-of", "tomorrow", exit=2)
    same("wrong use", [m.split("=")[0] for m in heard], ["STATUS", "STOPPING"])


def test_deaf(room):
    """Nobody there, no name, a name that is none: the run is the same."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(f"{room.work}/left")
    for number, name in enumerate((f"{room.work}/left", f"{room.work}/none", "", "/", "@", "relative", "vsock:1:2", "/" + "x" * 200)):
        done = room("run", "store", "--out", f"out{number}", to=name)
        same(f"{name}: standard error", done.stderr, "")


def test_full(room):
    """A listener that does not read is waited for once, and not for ever: the run is the same."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        listener.bind(f"{room.work}/notify")
        other.setblocking(False)
        try:
            while True:
                other.sendto(b"x", f"{room.work}/notify")
        except BlockingIOError:
            pass
        same("standard error", room("run", "store", "--out", "out", to=f"{room.work}/notify").stderr, "")


main(Room)
