"""What the scripts of this folder share: a test is a function of a room, in a folder of its own, and fails by raising."""
import tempfile, traceback


class Failed(Exception):
    pass


def same(what, got, want):
    if got != want:
        raise Failed(f"{what}: {str(got)[:400]}, not {str(want)[:400]}")


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
