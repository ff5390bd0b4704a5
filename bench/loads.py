"""The inputs of the measurements: made once, kept in a folder outside the tree, the same bytes for the same name."""
import gzip, json, os, random, shutil, subprocess, sys
from datetime import datetime, timedelta

HERE = os.path.dirname(os.path.abspath(__file__))
NOTICES_AT, MESSAGES_AT = "2026-11-20T23:59:59+05:00", "2026-11-24T22:00:00+05:00"
HEAD = b"operator,message_id,received_at,msisdn,short_code,text\n"


NIGHT_AT = "2026-11-21T22:00:00+05:00"  # of an ordinary night after the notices: nothing is overdue yet


def later(text, **by):
    return (datetime.fromisoformat(text) + timedelta(**by)).isoformat()


class Loads:
    def __init__(self, root, rng_seed=1):
        self.root, self.seed = os.path.abspath(root), rng_seed
        os.makedirs(self.root, mode=0o700, exist_ok=True)

    def made(self, name, make):
        """the folder of a load; make(folder) fills it where it is not there yet"""
        path = f"{self.root}/{name}"
        if not os.path.exists(f"{path}/made"):
            shutil.rmtree(path, ignore_errors=True)
            os.makedirs(path)
            make(path)
            open(f"{path}/made", "w").close()
        return path

    def dialogues(self, messages):
        """the canonical load: notices.csv and messages.csv"""
        return self.made(f"dialogues-{messages}", lambda path: subprocess.run(
            [sys.executable, f"{HERE}/gen.py", path, "--messages", str(messages)], check=True, stdout=subprocess.DEVNULL))

    def by_day(self, messages, pack):
        """its messages as 20 files by operator and time, each packed by gzip or zstd"""
        def make(path):
            outs, rows, each = {}, {}, max(1, messages // 20)
            with open(f"{self.dialogues(messages)}/messages.csv", "rb") as f:
                next(f)
                for line in f:
                    operator = line[:line.index(b",")].decode()
                    rows[operator] = rows.get(operator, 0) + 1
                    name = f"{path}/{operator}-{rows[operator] // each:02}.csv"
                    if name not in outs:
                        outs[name] = open(name, "wb")
                        outs[name].write(HEAD)
                    outs[name].write(line)
            for name, out in outs.items():
                out.close()
                subprocess.run({"gzip": ["gzip", "-6", name], "zstd": ["zstd", "-q", "-3", "--rm", name]}[pack], check=True)
        return self.made(f"{pack}-{messages}", make)

    def overlapping(self, messages):
        """its messages as 56 files: 14 days of 4 sources, each day's file repeating the last quarter of the day before (20 % in all)"""
        def make(path):
            with open(f"{self.dialogues(messages)}/messages.csv", "rb") as f:
                lines = f.readlines()[1:]
            each = -(-len(lines) // 56)
            for i in range(56):
                first = max(0, i * each - (each // 4 if i else 0))
                with open(f"{path}/{i % 4}-{i // 4:02}.csv", "wb") as out:
                    out.write(HEAD)
                    out.writelines(lines[first:(i + 1) * each])
        return self.made(f"overlapping-{messages}", make)

    def receipts(self, messages, folders):
        """two receipts, the second final, for each SMS of the runs' folders"""
        def make(path):
            at = later(MESSAGES_AT, minutes=5)
            with open(f"{path}/receipts.csv", "w") as out:
                out.write("sms_id,operator,status,at\n")
                for folder in folders:
                    for name in sorted(x for x in os.listdir(folder) if x.startswith("outbound-")):
                        operator = name[len("outbound-"):-len(".csv")]
                        with open(f"{folder}/{name}", "rb") as f:
                            next(f)
                            for line in f:      # a text may go over many lines: an SMS begins with its id and a phone
                                if line[27:29] == b",7" and line[39:41] == b",1":
                                    for status in ("accepted", "delivered"):
                                        out.write(f"{line[:27].decode()},{operator},{status},{at}\n")
        return self.made(f"receipts-{messages}-{len(folders)}", make)

    def night(self, messages, cases, outbound):
        """a country's night beside `cases` open ones: so many replies and receipts (of the SMS in the folder), 1,100 notices at most"""
        def make(path):
            rng = random.Random(self.seed)
            with open(f"{self.dialogues(int(cases / 0.2346))}/notices.csv") as f:
                head, *rows = f.read().splitlines()
            with open(f"{path}/messages.csv", "w") as out:
                out.write(HEAD.decode())
                for i, row in enumerate(rng.sample(rows, min(messages, len(rows)))):
                    out.write(f"kcell,n{i},{later(NIGHT_AT, minutes=-i % 1000)},{row.split(',')[2]},1414,R 1 {1 + i % 2}\n")
            with open(f"{path}/notices.csv", "w") as out:
                out.write(head + "\n")
                for i, row in enumerate(rng.sample(rows, min(1100, len(rows)))):
                    values = row.split(",")
                    values[0], values[1] = f"M{i}", later(NIGHT_AT, hours=-2)
                    out.write(",".join(values) + "\n")
            with open(f"{self.receipts(int(cases / 0.2346), [outbound])}/receipts.csv") as f:
                head, *rows = f.read().splitlines()
            with open(f"{path}/receipts.csv", "w") as out:
                rows = [f"{row.rsplit(',', 1)[0]},{NIGHT_AT}" for row in rng.sample(rows, min(messages, len(rows)))]
                out.write("\n".join([head, *rows]) + "\n")
        return self.made(f"ordinary-night-{messages}-{cases}", make)
