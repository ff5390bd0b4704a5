#!/usr/bin/env python3
"""Make one `messages` and one `notices` file in the contract's form, the same bytes for the same arguments.

  gen.py DIR --messages 10000000 [--seed 1]

DIR/notices.csv   one row a case, all valid against tools/share/ref; 2 % of the cases share the phone of the case before (second slot)
DIR/messages.csv  three days of dialogue: each case answers its prompts in order (language, name, education, income, office); half of the cases
                  to the end, the others one to four of them. 8 % of the replies have a usual mistake just before them; 5 % of the rows repeat one of the
                  last 65 536 rows byte for byte. 3 operators with message ids of their own kind (16 hex digits, UUID, 18 decimal digits).
The cases are as many as the messages need: about 0.235 a message.
"""
import argparse, os, random, time

OPS = (("kcell", ("701", "702", "775", "778")), ("beeline", ("705", "771", "776", "777")), ("tele2", ("700", "707", "708", "747")))
PREFIX = [(p, o) for o, ps in OPS for p in ps]
SUR = "Ахметова Нұрмағанбетова Иванова Сейтқали Қасымова Әлімбекова Ким Petrova Бөкейханова Жұмабаева Оспанова-Ли О’Коннор".split()
GIV = "Айша Алихан Әмина Мұхаммед София Марк Ерасыл Айлин Аврора Нұрислам Жан-Поль Үміт".split()
PAT = ["", " Сериковна", " Ерланқызы", " Бақытжанұлы", " Иванович"]
REGIONS = ["354000000", "434000000", "194000000", "433200000", "356400000", "274400000"]   # each with 12 offices or more
MISTAKES = ["Спасибо!", "r 1 2 4 1", " R 1 1 2 1", "R121", "Р 1 2 3 1", "R  1 2", '"R" 1 2', "R, 1, 2", "Рахмет сізге", "STOP", "R", '"не понял, что писать"']


def quoted(t):
    return '"' + t.replace('"', '""') + '"' if '"' in t or "," in t else t


def answers(rng):
    """For each of the five steps, and each slot and language: 4 096 replies, ready quoted."""
    out = {}
    for slot in "12":
        for lang in "12":
            head = f"R {slot} {lang}"
            number = lambda k, n: f"{head} {k} {' '.join(str(rng.randint(1, n)))}"
            out[slot, lang] = [[head] * 4096, [f"{head} {rng.choice(SUR)} {rng.choice(GIV)}{rng.choice(PAT)}" for _ in range(4096)],
                               [number(2, 9) for _ in range(4096)], [number(3, 11) for _ in range(4096)], [number(4, 12) for _ in range(4096)]]
    return out


def iin(r):
    d = [int(c) for c in f"{75 + r % 24}{1 + r % 12:02}{1 + r % 28:02}4{r % 10000:04}"]
    while True:
        c = sum(x * w for x, w in zip(d, (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11))) % 11
        if c == 10:
            c = sum(x * w for x, w in zip(d, (3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2))) % 11
        if c < 10:
            return "".join(map(str, d)) + str(c)
        d[10] = (d[10] + 1) % 10


def clock(base):
    """HH:MM:SS of a day, by second."""
    return [f"{s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}" for s in range(86400)]


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("dir"); a.add_argument("--messages", type=int, default=1_000_000); a.add_argument("--seed", type=int, default=1)
    o = a.parse_args()
    os.makedirs(o.dir, exist_ok=True)
    rng = random.Random(o.seed)
    bits, t0 = rng.getrandbits, time.time()
    cases = max(1, int(o.messages * 0.95 / 1.08 / 3.75))

    # A phone number is a fixed permutation of 0 … 12·10^7-1, so all are distinct without a set.
    space = 12 * 10**7
    step, start = 7_654_321 * 2 + 1, bits(26)
    def phone(i):
        v = (start + i * step) % space
        p, op = PREFIX[v // 10**7]
        return f"7{p}{v % 10**7:07}", op

    opi = {"kcell": 0, "beeline": 1, "tele2": 2}
    phones, ops, slots, last, buf = [], bytearray(), bytearray(), bytearray(), []
    clk = clock(0)
    iins = [iin(bits(32)) for _ in range(65536)]
    with open(f"{o.dir}/notices.csv", "w", encoding="utf-8", newline="") as f:
        f.write("notice_id,registered_at,msisdn,mother_iin,birth_date,sex,child_order,region,account,hospital\n")
        for i in range(cases):
            r = bits(32)
            second = i % 50 == 49
            if second:
                ph = phones[-1]; phones.append(ph); ops.append(ops[-1])
            else:
                ph, op = phone(i); phones.append(ph); ops.append(opi[op])
            slots.append(1 if second else 0)
            last.append(5 if r & 1 else 1 + (r >> 1) % 4)
            d = 1 + i * 20 // cases
            buf.append(f"N{i:010},2026-11-{d:02}T{clk[i * 20 % cases * 86400 // cases]}+05:00,{ph},{iins[r & 65535]},2026-11-{d:02},{'MF'[r & 1]},{1 + r % 4},{REGIONS[r % 6]},,H{r % 97:03}\n")
            if len(buf) == 65536:
                f.write("".join(buf)); buf.clear()
        f.write("".join(buf)); buf.clear()

    tx = answers(rng)
    tx = [[tx["12"[s], "12"[l]] for l in (0, 1)] for s in (0, 1)]
    bad = [quoted(m) for m in MISTAKES]
    ring, rows, dup, mist = [""] * 65536, 0, 0, 0
    hop = next(k for k in (1_000_003, 1_000_033, 1_000_037) if cases % k)      # prime: one round visits every case once
    with open(f"{o.dir}/messages.csv", "w", encoding="utf-8", newline="") as f:
        f.write("operator,message_id,received_at,msisdn,short_code,text\n")

        def put(i, text, at, r):
            nonlocal rows
            ph, k, u = phones[i], ops[i], r >> 20
            q = (r >> 12) & 31
            if q > 27:
                ph = (f"+{ph}", f"8{ph[1:]}", f"+7 {ph[1:4]} {ph[4:7]}-{ph[7:9]}-{ph[9:]}", f"8({ph[1:4]}){ph[4:]}")[q - 28]
            day = f"2026-11-{21 + at // 86400:02}T{clk[at % 86400]}"
            if k == 0:
                s = f"kcell,{u & 0xffffffff:08x}{rows:08x},{day}.{r % 1000:03}+05:00,{ph},1414,{text}\n"
            elif k == 1:
                h = f"{(u * 0x9E3779B97F4A7C15) & (1 << 96) - 1:024x}{rows:08x}"
                s = f"beeline,{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]},{day}+05:00,{ph},1414,{text}\n"
            else:
                s = f"tele2,{10**17 + rows * 7919 + (u & 1023):018},{day}.{r % 1000:03}+05:00,{ph},1414,{text}\n"
            ring[rows & 65535] = s
            buf.append(s); rows += 1

        for step in range(5):
            i = 0
            for j in range(cases):
                i = (i + hop) % cases
                if step >= last[i]:
                    continue
                r = bits(96)
                at = int((step + j / cases) * 51840)          # five rounds over three days
                if rows > 65536 and (r & 1023) < 54:
                    buf.append(ring[(r >> 10) & 65535]); ring[rows & 65535] = buf[-1]; rows += 1; dup += 1
                if (r >> 40) % 100 < 8:
                    put(i, bad[(r >> 50) % len(bad)], at, r ^ 0x5a5a5); mist += 1
                put(i, tx[slots[i]][i * 7 // 3 & 1][step][(r >> 5) & 4095], at + 1 + (r & 31), r)
                if len(buf) >= 65536:
                    f.write("".join(buf)); buf.clear()
        f.write("".join(buf)); buf.clear()
    b = os.path.getsize(f"{o.dir}/messages.csv")
    print(f"{rows} messages, {dup} repeats, {mist} mistakes, {b} bytes, {b / rows:.1f} a record; {cases} cases on {cases - cases // 50} phones; {time.time() - t0:.1f} s")


main()
