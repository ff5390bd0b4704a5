"""What the scripts of this folder share: a test is a function of a room, in a folder of its own, and fails by raising. A script's command
line is the besik to test, and names of tests where not all are wanted."""
import os, subprocess, sys, tempfile, traceback

BESIK = os.path.abspath(sys.argv[1])


class Failed(Exception):
    pass


def same(what, got, want):
    if got != want:
        raise Failed(f"{what}: {str(got)[:400]}, not {str(want)[:400]}")


class Room:
    """a folder, and besik called in it"""

    def __init__(self, work):
        self.work = work

    def __call__(self, *args, exit=0, says="", besik=None, **kw):
        done = subprocess.run([besik or BESIK, *map(str, args)], capture_output=True, text=True, cwd=self.work,
                              timeout=500, **kw)
        what = "besik " + " ".join(map(str, args))
        if done.returncode != exit:
            raise Failed(f"{what}: exit {done.returncode}, not {exit}: {done.stderr.strip()[-300:]}")
        if says not in done.stderr:
            raise Failed(f"{what}: {says!r} is not in {done.stderr.strip()!r}")
        return done.stdout

    def path(self, name):
        return f"{self.work}/{name}"


def play(tests, room):
    """each test (name: function) in a room of its own, told as it ends; how many failed"""
    failed = 0
    for i, (name, test) in enumerate(tests.items(), 1):
        with tempfile.TemporaryDirectory(prefix=f"besik-{name}-") as work:
            try:
                test(room(work))
                print(f"ok {i} - {name}", flush=True)
            except Failed as e:
                failed += 1
                print(f"not ok {i} - {name}: {e}", flush=True)
            except Exception:
                failed += 1
                print(f"not ok {i} - {name}: {traceback.format_exc()}", flush=True)
    return failed


def main(room, around=lambda test: test):
    """plays the script's functions test_NAME, each as `around` gives it, and ends the script"""
    script = sys.modules["__main__"]
    tests = {name[5:]: around(test) for name, test in vars(script).items() if name.startswith("test_")}
    if sys.argv[2:]:
        tests = {name: tests[name] for name in sys.argv[2:]}
    failed = play(tests, room)
    print(f"{os.path.basename(script.__file__)}: {len(tests)} tests, {failed} failed")
    sys.exit(failed > 0)
