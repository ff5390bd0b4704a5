"""The nights that are disturbed here: those of tests/sample, the second with the kinds of file that the sample lacks."""
import csv, glob, os, subprocess

SAMPLE = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "sample"))
DAY = "2026-11-03T{}:00:00+05:00"


def write(path, header, rows):
    with open(path, "w") as file:
        file.writelines(",".join(row) + "\n" for row in [header, *rows])


def dumps(first_out):
    """Writes ./dumps2, to be given with night 2, from what night 1 sent. Returns what to give in each night."""
    os.makedirs("dumps2")
    sent = [row["sms_id"] for path in sorted(glob.glob(f"{first_out}/outbound-*.csv")) for row in csv.DictReader(open(path, newline=""))]
    write("dumps2/withdrawals.csv", ["notice_id", "withdrawn_at", "cause"], [["N-26-0411", DAY.format("09"), "mistake"]])
    write("dumps2/totals.csv", ["party", "kind", "from", "to", "count"], [["kcell", "messages", DAY.format("00"), DAY.format("23"), "99"]])
    write("dumps2/receipts.csv", ["sms_id", "status", "at"],
          [[sms, "failed" if i % 5 == 0 else "delivered", DAY.format("10")] for i, sms in enumerate(sent)])
    subprocess.run(["zstd", "-q", "--rm", "dumps2/receipts.csv"], check=True)
    return {1: [f"{SAMPLE}/night1"], 2: [f"{SAMPLE}/night2", os.path.abspath("dumps2")], 3: [f"{SAMPLE}/night3"], 4: [f"{SAMPLE}/night4"]}
