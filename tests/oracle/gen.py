#!/usr/bin/env python3
"""The dumps of `besik gen` in closed loop, against the plain model: night after night the model is given the very files, and must say
what the program says.

usage: gen.py BESIK [--cases N] [--nights N] [--seed N] [--errors SHARE] [--keep DIR]

Also: the dumps hold what real ones do, and bad records of every reason that can befall a record nobody waits for. Exit 0 where
nothing differs; one figure last."""
import argparse, collections, os, shutil, subprocess, sys, tempfile
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.setrecursionlimit(100_000)
from check import Score, Stop, Store
import values as v

REF = os.path.join(HERE, "..", "..", "tools", "share", "ref")
BEGIN = v.time("2026-03-01T22:00:00+05:00")
WANTED = {kind: set(reasons.split()) for kind, reasons in {
    "notices": "bad_csv bad_fields too_long bad_utf8 bad_id bad_time too_old future bad_msisdn bad_iin bad_birth_date bad_sex bad_child_order bad_region bad_account "
               "id_conflict no_free_slot",
    "withdrawals": "bad_fields bad_id bad_time future bad_cause no_notice",
    "messages": "bad_csv bad_fields too_long bad_utf8 bad_id bad_time too_old future bad_msisdn bad_operator other_short_code no_case id_conflict no_open_prompt "
                "already_answered bad_form bad_answer bad_language not_asked bad_name bad_account",
    "responses": "bad_csv bad_fields bad_id bad_time future no_request bad_status already_answered bad_response",
    "receipts": "bad_csv bad_fields bad_id bad_time future no_sms bad_status",
    "totals": "bad_csv bad_party bad_kind bad_time bad_count"}.items()}


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("besik")
    for name, default in (("cases", 5120), ("nights", 14), ("seed", 1)):
        ap.add_argument(f"--{name}", type=int, default=default)
    ap.add_argument("--errors", default="0.08")
    ap.add_argument("--keep")
    a = ap.parse_args()
    besik, work = os.path.abspath(a.besik), a.keep or tempfile.mkdtemp(prefix="oracle-gen-")
    os.makedirs(work, exist_ok=True)
    shutil.copytree(REF, f"{work}/ref")
    gen = lambda *args: subprocess.run([besik, "gen", "dumps", *args], cwd=work, check=True, stdout=subprocess.DEVNULL)
    score, seen, forms, duplicates = Score(), collections.Counter(), set(), 0
    gen("--cases", str(a.cases), "--days", str(a.nights), "--seed", str(a.seed), "--errors", a.errors)
    try:
        s = Store(besik, "A", work, "ref", None, {}, None, score)
        for night in range(1, a.nights + 1):
            score.where = f"[gen {a.seed}] night {night}"
            now, day, out = BEGIN + night * v.DAY, f"dumps/day-{night:03}", f"out{night}"
            forms.update(name.rsplit(".", 1)[1] for name in os.listdir(f"{work}/{day}"))
            s.run(now, [day], out, ["--workers", str(1 + night % 2)])
            res = s.expect(now, [day])
            s.compare(out, res, now)
            seen.update(f"{x[2]}:{x[4]}" for x in res.rejects)
            seen.update(f"finding:{x[0]}" for x in res.findings)
            duplicates += sum(f["duplicates"] for f in res.files.values())
            gen("--answers", out)
            shutil.rmtree(f"{work}/{out}")
    except Stop:
        pass
    missing = {f"{kind}:{reason}" for kind, reasons in WANTED.items() for reason in reasons} - set(seen)
    missing |= {f"finding:{x}" for x in "response_conflict receipt_conflict sms_failed message_conflict notice_conflict message_late count_mismatch".split()} - set(seen)
    print("seen: " + ", ".join(f"{k} {n}" for k, n in sorted(seen.items())) + f"; duplicates {duplicates}")
    if missing or not duplicates or forms != {"csv", "gz", "zst"}:
        score.differ("run", f"the dumps lack {sorted(missing)}, or repeats, or a form: {sorted(forms)}")
    if not a.keep:
        shutil.rmtree(work)
    sys.exit(1 if score.end() else 0)


if __name__ == "__main__":
    main()
