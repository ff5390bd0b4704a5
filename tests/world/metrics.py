#!/usr/bin/env python3
"""A run's metrics as Prometheus takes them: promtool finds nothing to say of them, a node exporter's textfile collector serves them,
the alert rules fire when they should and keep still when they should, and the dashboard asks for nothing that there is not.

usage: metrics.py BESIK [BUILD]"""
import json, os, re, shutil, socket, subprocess, sys, time, urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, f"{HERE}/../cli")
from harness import Failed, play, same

PACKAGING, SAMPLE = f"{HERE}/../../tools/packaging", f"{HERE}/../sample"
NAMES = """besik_run_success besik_run_end_timestamp_seconds besik_run_as_of_timestamp_seconds besik_run_duration_seconds besik_records besik_rejects besik_sms
besik_requests besik_findings besik_cases besik_overdue_requests besik_operator_silent besik_store_bytes besik_peak_memory_bytes""".split()


class Room:
    def __init__(self, work):
        self.work = work
        os.mkdir(self.path("textfiles"))
        self.prom = self.path("textfiles/besik.prom")

    def path(self, name):
        return f"{self.work}/{name}"

    def __call__(self, *args, exit=0):
        done = subprocess.run([BESIK, *args], capture_output=True, text=True, cwd=self.work, timeout=300)
        same(f"besik {' '.join(args)} ({done.stderr}): exit", done.returncode, exit)

    def nights(self):
        """four of the sample and one long after, which has findings of operators and agencies"""
        self("init", "store")
        for n in range(1, 5):
            self("run", "store", "--out", f"out{n}", "--as-of", f"2026-11-0{n + 1}T22:00:00+05:00", "--metrics", self.prom, f"{SAMPLE}/night{n}")

    def late(self):
        self("run", "store", "--out", "late", "--as-of", "2026-11-14T22:00:00+05:00", "--metrics", self.prom)


def promtool(*args, given=None):
    done = subprocess.run(["promtool", *args], input=given, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


def clean(b):
    """after a good night, a failed one, and one with findings"""
    b.nights()
    for what in "a night", "a failure", "findings":
        if what == "a failure":
            with open(b.path("bad.csv"), "w") as f:
                f.write("nothing,known\n")
            b("run", "store", "--out", "bad", "--metrics", b.prom, "bad.csv", exit=3)
        if what == "findings":
            b.late()
        code, said = promtool("check", "metrics", given=open(b.prom, encoding="utf-8").read())
        same(f"promtool of {what}", (code, said), (0, ""))


def served(b):
    """by a real node exporter that runs as another user: the very values"""
    b.nights()
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    os.chmod(b.work, 0o755)
    nobody = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
    os.chmod(b.path("textfiles"), 0o755)
    exporter = subprocess.Popen([shutil.which("prometheus-node-exporter"), "--collector.disable-defaults", "--collector.textfile",
                                 f"--collector.textfile.directory={b.path('textfiles')}", f"--web.listen-address=127.0.0.1:{port}"],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **nobody)
    try:
        for i in range(100):
            try:
                text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10).read().decode()
                break
            except OSError:
                time.sleep(0.1)
        else:
            raise Failed("the node exporter does not answer")
    finally:
        exporter.terminate()
        exporter.wait()
    def samples(text):
        found = {}
        for line in text.splitlines():
            if line.startswith("besik_"):
                head, value = line.rsplit(" ", 1)
                name, _, labels = head.partition("{")
                found[name, tuple(sorted(re.findall(r'\w+="[^"]*"', labels)))] = float(value)
        return found
    same("served", samples(text), samples(open(b.prom).read()))
    same("no error of the collector", re.search(r"^node_textfile_scrape_error (\S+)", text, re.M).group(1), "0")


def rules(b):
    """promtool plays the rules: a week of good nights is still; then each alert in its turn"""
    same("check rules", promtool("check", "rules", f"{PACKAGING}/alerts.yml")[0], 0)
    shutil.copy(f"{PACKAGING}/alerts.yml", b.path("alerts.yml"))
    hour = lambda n: n * 3600
    def series(name, labels, values):
        return {"series": f'{name}{{instance="a"{"," + labels if labels else ""}}}', "values": values}
    good = [series("besik_run_success", "", "1x200"),
            series("besik_records", 'kind="messages",outcome="applied"', "1000x200"), series("besik_records", 'kind="messages",outcome="reject"', "20x200"),
            series("besik_overdue_requests", 'agency="registry"', "0x200"), series("besik_operator_silent", 'operator="kcell"', "0x200")]
    end = lambda values: series("besik_run_end_timestamp_seconds", "", values)
    still = ("BesikNoRun", "BesikRunFailed", "BesikRejectShare", "BesikOperatorSilent", "BesikOverdueRequests")
    def test(name, input, at, firing):
        wants = [{"alertname": alert, "eval_time": f"{at}h", "exp_alerts": [{"exp_labels": firing[alert]}] if alert in firing else []} for alert in still]
        return {"name": name, "interval": "1h", "input_series": input, "alert_rule_test": wants}
    who, ends = {"instance": "a"}, end(" ".join(str(hour(n)) for n in range(200)))
    tests = [
        test("good nights", good + [end("_ " + " ".join(str(hour(n // 24 * 24 + 1)) for n in range(1, 200)))], 100, {}),
        test("no run", good + [end(f"{hour(0)}x200")], 27, {"BesikNoRun": {"severity": "critical"} | who}),
        test("failed", [series("besik_run_success", "", "0x200"), *good[1:], ends], 5, {"BesikRunFailed": {"severity": "critical"} | who}),
        test("rejects", [good[0], good[1], series("besik_records", 'kind="messages",outcome="reject"', "200x200"), *good[3:], ends], 5,
             {"BesikRejectShare": {"severity": "warning", "kind": "messages"} | who}),
        # told of once, in the night in which it came due; it goes on until messages come
        test("silent, and silent on", good[:4] + [series("besik_operator_silent", 'operator="kcell"', "0x2 1x200"), series("besik_findings", 'finding="operator_silent",party="kcell"', "1x3 _x200"), ends], 50,
             {"BesikOperatorSilent": {"severity": "warning", "operator": "kcell"} | who}),
        test("heard again", good[:4] + [series("besik_operator_silent", 'operator="kcell"', "1x40 0x200"), ends], 42, {}),
        test("overdue", [*good[:3], good[4], series("besik_overdue_requests", 'agency="registry"', "3x200"), ends], 30,
             {"BesikOverdueRequests": {"severity": "warning", "agency": "registry"} | who}),
        # a run that does not come as far as the store tells nothing of what stands in it
        test("as it was when it was last told of", [series("besik_operator_silent", 'operator="kcell"', "1x30 stale _x200"), series("besik_overdue_requests", 'agency="registry"', "3x30 stale _x200"),
                                                    series("besik_run_success", "", "1x30 0x200"), ends], 40,
             {"BesikOperatorSilent": {"severity": "warning", "operator": "kcell"} | who, "BesikOverdueRequests": {"severity": "warning", "agency": "registry"} | who,
              "BesikRunFailed": {"severity": "critical"} | who}),
    ]
    annotations = json.loads(json.dumps(tests))
    for case in annotations:  # texts are for people: labels are what is tested
        for want in case["alert_rule_test"]:
            for alert in want["exp_alerts"]:
                alert["exp_annotations"] = texts(want["alertname"], case["name"])
    with open(b.path("tests.yml"), "w") as f:
        json.dump({"rule_files": ["alerts.yml"], "evaluation_interval": "1h", "tests": annotations}, f)  # JSON is YAML
    code, said = promtool("test", "rules", b.path("tests.yml"))
    same(f"promtool test rules: {said[-1500:]}", code, 0)


def texts(alert, case):
    """the annotations of a rule, its words filled in for the case"""
    text = open(f"{PACKAGING}/alerts.yml", encoding="utf-8").read().split(f"alert: {alert}\n")[1].split("- alert:")[0]
    fill = {"{{ $value | humanizePercentage }}": "16.67%", "{{ $labels.kind }}": "messages", "{{ $labels.operator }}": "kcell", "{{ $labels.agency }}": "registry", "{{ $value }}": "3"}
    for mark, word in fill.items():
        text = text.replace(mark, word)
    return dict(re.findall(r'(summary|description): "(.*)"', text))


def dashboard(b):
    """it is JSON, its panels have places that do not overlap, and every expression is one of ours that promtool can read"""
    board = json.load(open(f"{PACKAGING}/grafana.json", encoding="utf-8"))
    asked, taken = set(), set()
    with open(b.path("rules.yml"), "w") as f:
        found = []
        for panel in board["panels"]:
            place = panel["gridPos"]
            cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
            same(f"{panel['title']}: overlaps", bool(cells & taken), False)
            taken |= cells
            for target in panel["targets"]:
                expr = target["expr"].replace("$instance", ".*")
                asked |= set(re.findall(r"besik_[a-z_]+", expr))
                found.append({"record": f"a:b{len(found)}", "expr": expr})
        json.dump({"groups": [{"name": "panels", "rules": found}]}, f)
    same("every expression is read", promtool("check", "rules", b.path("rules.yml"))[0], 0)
    same("names that it asks for", sorted(asked), sorted(NAMES))


def main():
    failed = play({test.__name__: test for test in (clean, served, rules, dashboard)}, Room)
    print(f"metrics: 4 tests, {failed} failed")
    sys.exit(failed > 0)


BESIK = os.path.abspath(sys.argv[1])
main()
