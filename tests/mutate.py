#!/usr/bin/env python3
"""Mutants: a small fault is put into the rules, and the tests must see it.

usage: mutate.py [--seed N] [--count 200] [--jobs N] [--files engine/flow.c,…] [--keep DIR] [--show]

Draws by the seed, an operator first, then a place; a mutant whose object file, optimised, is the original's is none, and another
is drawn.
Tests run in the order that kills early and stop at the first that fails; one that takes ten times its time (20 s at least) has
failed too. Prints every survivor as FILE:LINE and the change, then killed/count. Exit 1 under 90 %.

What is no rule is left alone: CHECK(...); the sizes of arrays; in tools/ the lines that only pass on a failure of disk or memory
(`failed`, `error`, `fault`, `return -1`), which the fault sweeps see to. The 1 of `? -1 : 1` becomes 0, as any other says the
same."""
import argparse, collections, json, os, random, re, resource, shutil, signal, subprocess, sys, tempfile, threading, time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RULES = [f"engine/{name}" for name in sorted(os.listdir(f"{ROOT}/engine")) if name.endswith(".c")]
RULES += ["tools/run_due.c", "tools/run_reconcile.c", "tools/run_notices.c", "tools/findings.c"]
FAMILIES = ("KIND STEP AGENCY PHASE SMS INFO OUTCOME REASON FINDING LANG ON VERDICT HISTORY RESULT RECEIPT").split()
TOKENS = re.compile(r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|0[xX][0-9a-fA-F]+\w*|\d+\w*|[A-Za-z_]\w*
                        |<<=|>>=|\.\.\.|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|\S""", re.S | re.X)
SWAPS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="}
LOGIC = {"&&": "||", "||": "&&"}
UNITS = "fault event flow ref pack phone reply segments values texts apply records findings".split()


class Mutant(collections.namedtuple("Mutant", "operator file begin end new line")):
    def apply(self, text):
        return text[:self.begin] + self.new + text[self.end:]

    def show(self, text):
        return f"{self.file}:{self.line}: {self.operator}: `{text[self.begin:self.end]}` became `{self.new}`: " + \
            text.split("\n")[self.line - 1].strip()


def constants():
    """{family: its enum constants}, of the engine's headers"""
    found = collections.defaultdict(list)
    for name in ("words.h", "flow.h", "apply.h", "event.h"):
        with open(f"{ROOT}/engine/{name}", encoding="utf-8") as file:
            for word in re.findall(r"\b[A-Z][A-Z_]+\b", file.read()):
                family = word.split("_")[0]
                if family in FAMILIES and "_" in word and not re.search(r"_(COUNT|MAX|WORDS|CODES)$|^RECEIPT_.*(FIELDS|ID|REF|GIVEN|OPERATOR|STATUS)", word) \
                        and word not in found[family]:
                    found[family].append(word)
    return found


def balanced(text, at):
    """where the parenthesis at `at` closes"""
    depth = 0
    for found in TOKENS.finditer(text, at):
        depth += {"(": 1, ")": -1}.get(found.group(), 0)
        if not depth:
            return found.end()


def mutants_of(path, text, families, dice):
    """all mutants of a file"""
    tokens = [(m.group(), m.start(), m.end()) for m in TOKENS.finditer(text) if not m.group().startswith(("//", "/*"))]
    checks = [(m.start(), balanced(text, m.end() - 1)) for m in re.finditer(r"\bCHECK\(", text)]
    checks += [(m.start(), m.end()) for m in re.finditer(r"^#(include|if).*$|^static_assert.*?;$", text, re.M)]
    line_of = lambda at: text.count("\n", 0, at) + 1
    if path.startswith("tools/"):
        checks += [(m.start(), m.end()) for m in re.finditer(r"^.*(\b(failed|error|fault)\b|return -1;).*$", text, re.M)]
    spared = lambda at: any(begin <= at < end for begin, end in checks)

    def mutant(operator, begin, end, new):
        return Mutant(operator, path, begin, end, new, line_of(begin))
    for i, (word, begin, end) in enumerate(tokens):
        if spared(begin):
            continue
        before, behind = tokens[i - 1][0] if i else "", tokens[i + 1][0] if i + 1 < len(tokens) else ""
        if word in SWAPS:
            yield mutant("relation", begin, end, SWAPS[word])
        elif word in LOGIC:
            yield mutant("logic", begin, end, LOGIC[word])
        elif re.fullmatch(r"\d+[uU]?|0[xX][0-9a-fA-F]+[uU]?", word):
            source = text[text.rfind("\n", 0, begin) + 1:begin]
            if before == "[" and behind == "]" and "=" not in source:
                continue  # the size of an array
            number = int(word.rstrip("uU"), 0) + dice.choice((-1, 1))
            if re.search(r"\? -$|\? -1 : $", source):
                number = 0
            yield mutant("constant", begin, end, f"({number})" if number < 0 else str(number) + ("u" if word[-1] in "uU" else ""))
        elif word in ("if", "while") and behind == "(":
            close = balanced(text, tokens[i + 1][1])
            yield mutant("negation", tokens[i + 1][1], close, f"(!{text[tokens[i + 1][1]:close]})")
        elif word.split("_")[0] in families and word in families[word.split("_")[0]]:
            others = [other for other in families[word.split("_")[0]] if other != word]
            yield mutant("constant's name", begin, end, dice.choice(others))
        elif word == "return" and behind != ";":
            close = text.index(";", end)
            value = text[end:close].strip()
            if value in ("true", "false"):
                yield mutant("return", begin, close, f"return {'false' if value == 'true' else 'true'}")
            elif value not in ("0", "NULL"):
                yield mutant("return", begin, close, "return 0")
    for found in re.finditer(r"^ +(?!return\b|break|continue|goto|CHECK|case|default|\(void\)|else|if\b|for\b|while\b)"
                             r"[*(]*[a-z_]\w*(?:->|\.|\[[^\n=;]*\]|\w|\))*(?: ?[-+*/%|&^]?= |\+\+|--|\()[^;{}]*;$", text, re.M):
        begin = found.start() + len(found.group()) - len(found.group().lstrip())
        if not spared(begin):
            yield mutant("removal", begin, found.end(), ";")


class Tree:
    """A copy of the sources with a build of its own; one mutant at a time stands in it."""

    def __init__(self, path):
        self.path, self.build = path, f"{path}/build"
        keep_out = lambda folder, names: [n for n in names if n in (".git", "build", "__pycache__") and folder == ROOT or n == "__pycache__"]
        shutil.copytree(ROOT, path, ignore=keep_out, dirs_exist_ok=True)
        for command in (["cmake", "-S", path, "-B", self.build, "-DCMAKE_BUILD_TYPE=", "-DCMAKE_C_FLAGS=-O2", "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON"],
                        ["cmake", "--build", self.build, "-j", str(os.cpu_count()), "--target", "besik", *(f"test_{unit}" for unit in UNITS)]):
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                sys.exit(f"{done.stdout[-2000:]}{done.stderr[-2000:]}mutate: the build failed")
        with open(f"{self.build}/compile_commands.json", encoding="utf-8") as file:
            self.commands = {os.path.relpath(x["file"], path): x["command"] for x in json.load(file)}

    def text(self, file):
        with open(f"{ROOT}/{file}", encoding="utf-8") as source:
            return source.read()

    def object(self, file):
        return f"{self.build}/CMakeFiles/{file.split('/')[0]}.dir/{file}.o"

    def compile(self, file, text):
        """the bytes of the object that a source makes, None where it does not compile; the tree stays as it was"""
        with open(f"{self.path}/{file}", "w", encoding="utf-8") as source:
            source.write(text)
        try:
            with open(self.object(file), "rb") as compiled:
                before = compiled.read()
            if subprocess.run(["sh", "-c", self.commands[file]], cwd=self.build, capture_output=True).returncode:
                return None
            with open(self.object(file), "rb") as compiled:
                return compiled.read()
        finally:
            self.place(file, before)
            with open(f"{self.path}/{file}", "w", encoding="utf-8") as source:
                source.write(self.text(file))

    def place(self, file, compiled):
        with open(self.object(file), "wb") as place:
            place.write(compiled)

    def link(self, target, folder=""):
        where = f"{self.build}/{folder}"
        if target in ("engine", "tools"):
            os.remove(f"{self.build}/lib{target}.a")
        with open(f"{where}/CMakeFiles/{target}.dir/link.txt") as script:
            subprocess.run(["sh", "-ec", script.read()], cwd=where, check=True, capture_output=True)

    def tests(self, file):
        """(name, command, what must be linked first), in the order that kills early"""
        stem = os.path.basename(file)[:-2].split("_")[0].rstrip("s")
        units = sorted(UNITS, key=lambda name: not name.startswith(stem))
        if not file.startswith("engine/"):
            units = [name for name in units if name.startswith(stem)]
        for name in units:
            yield f"test_{name}", [f"{self.build}/tests/test_{name}"], (f"test_{name}", "tests")
        script = lambda *args: [sys.executable, "-B", f"{self.path}/tests/{args[0]}", f"{self.build}/besik", *args[1:]]
        yield "cases", script("oracle/cases.py"), ("besik", "")
        yield "sample", script("cli/sample.py"), None
        yield "edges", script("cli/edges.py", "report_of_receipts", "report_of_the_open", "receipts_by_the_clock",
                               "silence_by_the_clock", "notices_of_one_id", "superseded"), None
        yield "core", script("oracle/check.py", "--core", "--quick", "--seed", "1"), None
        yield "full", script("oracle/check.py", "--quick", "--seed", "1"), None
        yield "commands", script("cli/commands.py"), None

    def passes(self, command, seconds):
        with tempfile.TemporaryDirectory(prefix="besik-mutant-") as scratch:
            limit = lambda: (resource.setrlimit(resource.RLIMIT_DATA, (3 << 30, 3 << 30)), resource.setrlimit(resource.RLIMIT_CORE, (0, 0)),
                             resource.setrlimit(resource.RLIMIT_FSIZE, (4 << 30, 4 << 30)))
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
                                       env=dict(os.environ, TMPDIR=scratch), start_new_session=True, preexec_fn=limit)
            try:
                return process.wait(seconds) == 0
            except subprocess.TimeoutExpired:
                return False
            finally:
                try:
                    os.killpg(process.pid, signal.SIGKILL)  # with all that it started
                except ProcessLookupError:
                    pass
                process.wait()

    def killer(self, mutant, compiled, original, times):
        """the test that fails on a mutant, None where it survives"""
        self.place(mutant.file, compiled)
        try:
            self.link("engine")  # the mutant's, or the original after another mutant
            self.link("tools")
            for name, command, target in self.tests(mutant.file):
                if target:
                    self.link(*target)
                if not self.passes(command, max(20, 10 * times[name])):
                    return name
        except subprocess.CalledProcessError:
            return "the linker"
        finally:
            self.place(mutant.file, original)


def draw(tree, files, count, dice):
    """`count` mutants that are other programs than the original, each with its object; and the originals' objects"""
    families, pools, originals = constants(), collections.defaultdict(list), {}
    for file in files:
        originals[file] = tree.compile(file, tree.text(file))
        for mutant in mutants_of(file, tree.text(file), families, dice):
            pools[mutant.operator].append(mutant)
    print("places: " + ", ".join(f"{operator} {len(pool)}" for operator, pool in sorted(pools.items())), flush=True)
    for operator in sorted(pools):
        dice.shuffle(pools[operator])
    drawn, equal, refused = [], 0, 0
    while len(drawn) < count and any(pools.values()):
        mutant = pools[dice.choice(sorted(operator for operator in pools if pools[operator]))].pop()
        compiled = tree.compile(mutant.file, mutant.apply(tree.text(mutant.file)))
        equal += compiled == originals[mutant.file]
        refused += compiled is None
        if compiled not in (None, originals[mutant.file]):
            drawn.append((mutant, compiled))
    print(f"drawn: {len(drawn)}; besides {equal} with the original's object, {refused} that do not compile", flush=True)
    return drawn, originals


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--seed", type=int, default=random.randrange(10**6))
    a.add_argument("--count", type=int, default=200)
    a.add_argument("--jobs", type=int, default=1)
    a.add_argument("--files", default=",".join(RULES))
    a.add_argument("--keep", metavar="DIR", help="where the trees are and stay")
    a.add_argument("--show", action="store_true", help="also what killed each mutant")
    o = a.parse_args()
    print(f"mutants: seed {o.seed}, {o.count}", flush=True)
    where = o.keep or tempfile.mkdtemp(prefix="besik-mutants-")
    trees = [Tree(f"{where}/{i}") for i in range(o.jobs)]
    left, originals = draw(trees[0], o.files.split(","), o.count, random.Random(o.seed))
    count, times = len(left), {}
    for name, command, _ in trees[0].tests("engine/flow.c"):
        began = time.monotonic()
        if not trees[0].passes(command, 600):
            sys.exit(f"mutate: {name} fails without any fault")
        times[name] = time.monotonic() - began
    killers, lock = collections.Counter(), threading.Lock()

    def work(tree):
        while True:
            with lock:
                if not left:
                    return
                mutant, compiled = left.pop(0)
            killer = tree.killer(mutant, compiled, originals[mutant.file], times)
            with lock:
                killers[killer] += 1
                if o.show or not killer:
                    print(f"{'survives' if not killer else killer}: {mutant.show(tree.text(mutant.file))}", flush=True)
    workers = [threading.Thread(target=work, args=(tree,)) for tree in trees]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if not o.keep:
        shutil.rmtree(where)
    killed = count - killers[None]
    print("killed by: " + ", ".join(f"{name} {n}" for name, n in killers.most_common() if name))
    print(f"mutants: {killed}/{count} killed = {100 * killed / count:.1f} %")
    sys.exit(killed < 0.9 * count)


main()
