#!/usr/bin/env python3
"""besik export --csv is taken by DuckDB and by PostgreSQL as it stands: schema.sql, then each file; both count, join and compute what
the NDJSON tells, and both come to the same.

usage: export.py BESIK [BUILD]          DuckDB is installed by npm in BUILD/duckdb, or for the time of the test"""
import glob, json, os, pwd, shutil, subprocess, sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, f"{HERE}/../cli")
from harness import Failed, play, same

SAMPLE = f"{HERE}/../sample"
KINDS = ("cases", "history", "sms", "requests")
DUCK = """
import { DuckDBInstance } from '@duckdb/node-api';
const connection = await (await DuckDBInstance.create(':memory:')).connect();
let rows = [];
for (const statement of JSON.parse(process.argv[1])) rows = (await connection.runAndReadAll(statement)).getRowsJson();
console.log(JSON.stringify(rows));
"""
QUERIES = {  # all values as text, so that both tell them alike
    "cases by step": """select step, cast(count(*) as varchar) from cases group by step order by step""",
    "SMS by operator and status": """select operator, coalesce(status, '-'), cast(count(*) as varchar) from sms group by 1, 2 order by 1, 2""",
    "an instant": """select cast(cast(extract(epoch from max("at")) as bigint) as varchar) from sms""",
    "how long requests took": """select agency, cast(cast(sum(extract(epoch from responded_at - created_at)) as bigint) as varchar) from requests
                                 where status is not null group by agency order by agency""",
    "a join": """select c.notice_id, cast(count(*) as varchar) from cases c join sms s on s.msisdn = c.msisdn and s."case" = c."case"
                 where not c.withdrawn group by c.notice_id order by c.notice_id""",
    "history": """select event, result, cast(count(*) as varchar) from history group by event, result order by event, result""",
}


def run(*args, given=None, exit=0, **kw):
    done = subprocess.run(args, input=given, capture_output=True, text=True, timeout=300, **kw)
    same(f"{' '.join(args)[:120]} ({done.stderr.strip()[-500:]}): exit", done.returncode, exit)
    return done.stdout


class Room:
    """four nights, exported"""

    def __init__(self, work):
        self.work = work
        os.chmod(work, 0o755)  # postgres is to reach its folder
        run(BESIK, "init", "store", cwd=work)
        for n in range(1, 5):
            run(BESIK, "run", "store", "--out", f"out{n}", "--as-of", f"2026-11-0{n + 1}T22:00:00+05:00", f"{SAMPLE}/night{n}", cwd=work)
        run(BESIK, "export", "store", "--csv", "sheets", cwd=work)
        self.rows = {kind: [json.loads(line) for line in run(BESIK, "export", "store", kind, cwd=work).splitlines()] for kind in KINDS}

    def path(self, name):
        return f"{self.work}/{name}"

    def schema(self):
        return open(self.path("sheets/schema.sql"), encoding="utf-8").read()

    def expect(self, ask):
        """what the NDJSON tells, in SQL's order"""
        def count(keys):
            found = {}
            for key in keys:
                found[key] = found.get(key, 0) + 1
            return [[*key, str(n)] for key, n in sorted(found.items())]
        same("cases by step", ask(QUERIES["cases by step"]), count((row["step"],) for row in self.rows["cases"]))
        same("SMS by operator and status", ask(QUERIES["SMS by operator and status"]), count((row["operator"], row["status"] or "-") for row in self.rows["sms"]))
        same("history", ask(QUERIES["history"]), count((row["event"], row["result"]) for row in self.rows["history"]))
        notices = {(row["msisdn"], row["case"]): row["notice_id"] for row in self.rows["cases"]}
        same("a join", ask(QUERIES["a join"]), count((notices[row["msisdn"], row["case"]],) for row in self.rows["sms"]))
        same("an instant", ask(QUERIES["an instant"]), [["1793898000"]])
        for kind in KINDS:
            same(f"rows of {kind}", ask(f"select cast(count(*) as varchar) from {kind}"), [[str(len(self.rows[kind]))]])
        return [ask(query) for query in QUERIES.values()]


def duck_folder(room):
    folder = f"{BUILD}/duckdb" if BUILD else room.path("duckdb")
    if not os.path.isdir(f"{folder}/node_modules/@duckdb"):
        os.makedirs(folder, exist_ok=True)
        run("npm", "install", "--no-audit", "--no-fund", "--prefix", folder, "@duckdb/node-api")
    return folder


def duckdb(room):
    folder = duck_folder(room)
    loads = [room.schema()] + [f"copy {kind} from '{room.path(f'sheets/{kind}.csv')}' (format csv, header true)" for kind in KINDS]
    def ask(query):
        return json.loads(run("node", "--input-type=module", "-e", DUCK, json.dumps(["set timezone = 'Asia/Almaty'", *loads, query]), cwd=folder))
    same("the clock of a day", ask("""select strftime(max("at"), '%H:%M') from sms"""), [["22:00"]])
    again = subprocess.run(["node", "--input-type=module", "-e", DUCK, json.dumps([*loads, loads[1]])], cwd=folder, capture_output=True, text=True)
    same("a case twice is refused", (again.returncode != 0, "onstraint" in again.stderr), (True, True))
    return room.expect(ask)


class Postgres:
    """a server of its own, on a socket in a folder, as the user postgres where we are root"""

    def __init__(self, work):
        self.bin = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
        self.data, self.kw = f"{work}/postgres", {"cwd": "/"}
        os.mkdir(self.data)
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self.data, user.pw_uid, user.pw_gid)
            self.kw |= {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}

    def __enter__(self):
        run(f"{self.bin}/initdb", "-D", f"{self.data}/db", "-U", "besik", "--auth", "trust", "--encoding", "UTF8", "--locale", "C", **self.kw)
        done = subprocess.run([f"{self.bin}/pg_ctl", "-D", f"{self.data}/db", "-w", "-l", f"{self.data}/log", "-o", f"-k {self.data} -h '' -F", "start"],
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120, **self.kw)
        same("pg_ctl start", done.returncode, 0)
        return self

    def __exit__(self, *_):
        subprocess.run([f"{self.bin}/pg_ctl", "-D", f"{self.data}/db", "-m", "immediate", "stop"], stdout=subprocess.DEVNULL, timeout=120, **self.kw)

    def psql(self, script, exit=0):
        return run(f"{self.bin}/psql", "-X", "-q", "-h", self.data, "-U", "besik", "-d", "postgres", "-v", "ON_ERROR_STOP=1", "-At", "-F", "\t", given=script, exit=exit)


def postgres(room):
    with Postgres(room.work) as server:
        server.psql(room.schema())
        for kind in KINDS:
            server.psql(f"\\copy {kind} from '{room.path(f'sheets/{kind}.csv')}' (format csv, header true)\n")
        def ask(query):
            return [line.split("\t") for line in server.psql(query).splitlines()]
        server.psql(room.schema())  # once more does no harm
        same("the clock of a day", ask("""set timezone = 'Asia/Qyzylorda'; select to_char(max("at"), 'HH24:MI') from sms"""), [["22:00"]])
        server.psql(f"\\copy cases from '{room.path('sheets/cases.csv')}' (format csv, header true)\n", exit=3)
        return room.expect(ask)


def readme(room):
    """README's example, as typed: the tables are there, and full"""
    text = open(f"{HERE}/../../README.md", encoding="utf-8").read().split("**To count and to watch.**")[1].split("\n\n")[1]
    lines = [line for line in text.splitlines() if "--metrics" not in line]
    same("lines on SQL", (len(lines), "psql" in lines[-1]), (2, True))
    with Postgres(room.work) as server:
        for name, to in ("besik", BESIK), ("psql", f"{server.bin}/psql"):
            os.symlink(to, room.path(name))
        env = os.environ | {"PATH": f"{room.work}:{os.environ['PATH']}", "PGHOST": server.data, "PGUSER": "besik", "PGDATABASE": "postgres"}
        shutil.rmtree(room.path("sheets"))
        run("bash", "-ec", "\n".join(lines).replace("STORE", "store"), cwd=room.work, env=env)
        for kind in KINDS:
            same(f"rows of {kind}", server.psql(f"select count(*) from {kind}").strip(), str(len(room.rows[kind])))


def both(room):
    same("DuckDB and PostgreSQL", dict(zip(QUERIES, duckdb(room))), dict(zip(QUERIES, postgres(room))))


def main():
    failed = play({"both": both, "readme": readme}, Room)
    print(f"export: 2 tests, {failed} failed")
    sys.exit(failed > 0)


BESIK = os.path.abspath(sys.argv[1])
BUILD = os.path.abspath(sys.argv[2]) if len(sys.argv) > 2 else None
main()
