#!/usr/bin/env python3
"""Writes the sample's dumps, night1 … night4: a small district (Abai, KATO 103200000) as it lives on what besik puts out.

usage: make.py BESIK [DIR]          DIR: this folder

In closed loop: night n's dumps are run, the requests of that run are read, and what the agencies answer goes into night n+1.
The same bytes every time, as besik's ids hang on the key alone. Every person, phone, IIN and account is made up. The hospital
hands out a leaflet with all questions and their numbers, so that a quick parent answers several of them on one day."""
import csv, datetime, gzip, hashlib, io, json, os, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
REGION = "103200000"
AS_OF = [f"2026-11-{day:02}T22:00:00+05:00" for day in (2, 3, 4, 5)]


def iin(born, sex, serial):
    """of a mother born in the 20th century"""
    digits = [int(c) for c in born[2:].replace("-", "") + ("4" if sex == "F" else "3") + f"{serial:04}"]
    for weights in ((1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11), (3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2)):
        check = sum(x * w for x, w in zip(digits, weights)) % 11
        if check < 10:
            return "".join(map(str, digits)) + str(check)
    raise ValueError("no such IIN: take another serial")


def account(serial):
    """an IBAN of a bank that does not exist"""
    tail = f"999S{serial:012}"
    rest = int("".join(str(int(c, 36)) for c in tail + "KZ00")) % 97
    return f"KZ{98 - rest:02}{tail}"


# One birth a row: notice, night, time of the notice, phone, mother born, serial, sex, order of the child, account on file.
BIRTHS = {
    "arai": ("N-26-0411", 1, "08:10", "77011200101", "1994-03-12", 11, "F", 2, True),
    "boris": ("N-26-0412", 1, "08:25", "77051200202", "1991-07-30", 12, "M", 1, False),
    "dana": ("N-26-0413", 1, "08:40", "77771200303", "1996-11-05", 13, "F", 3, True),
    "elena": ("N-26-0414", 1, "09:05", "77021200404", "1989-01-22", 15, "F", 1, False),
    "farida": ("N-26-0415", 1, "09:20", "77751200505", "1993-05-17", 16, "M", 4, True),
    "gulnar": ("N-26-0416", 1, "09:35", "77061200606", "1998-09-09", 17, "F", 2, True),
    "irina": ("N-26-0417", 1, "10:00", "77051200707", "1995-12-01", 18, "M", 2, False),
    "kanat": ("N-26-0418", 1, "10:15", "77011200808", "1990-04-04", 19, "M", 1, True),
    "lyazzat": ("N-26-0419", 1, "10:30", "77781200909", "1997-02-14", 20, "F", 1, False),
    "lyazzat2": ("N-26-0420", 1, "10:42", "77781200909", "1997-02-14", 20, "M", 2, False),  # twins: one phone, two slots
    "nurzhan": ("N-26-0421", 1, "11:15", "77761201010", "1992-08-19", 21, "M", 3, True),
    "olga": ("N-26-0422", 1, "11:40", "77471201111", "1999-10-10", 22, "F", 1, False),
    "perizat": ("N-26-0423", 2, "07:50", "77071201212", "1994-06-06", 23, "F", 2, True),  # tele2's prefix, served by kcell
    "rauan": ("N-26-0424", 2, "09:30", "77051201313", "1988-03-28", 24, "M", 5, False),
    "svetlana": ("N-26-0425", 3, "08:00", "77021201414", "1996-07-07", 25, "F", 1, True),
    "torgyn": ("N-26-0426", 3, "12:20", "77001201515", "1993-09-21", 26, "F", 2, False),  # her IIN is wrong at first
    "umit": ("N-26-0427", 3, "13:05", "77061201616", "2000-01-31", 28, "M", 1, False),
}

KCELL, BEELINE = "kcell", "beeline"
# What they write: night, time, operator, phone, text ({account} is theirs); a phone that is none of the above is a stranger's.
WRITES = [
    # kk, at once and to the end: assigned in the fourth night
    (1, "12:01:07.250", KCELL, "arai", "R 1 1"), (1, "12:02:30.000", KCELL, "arai", "R 1 1 Серікқызы Айару Нұржанқызы"),
    (1, "12:03:41.900", KCELL, "arai", "R 1 1 2 1"), (1, "12:04:11.004", KCELL, "arai", "R 1 1 3 1"), (1, "12:06:00.000", KCELL, "arai", "R 1 1 4 1"),
    (2, "14:10:00.000", KCELL, "arai", "R 1 1 5 1"), (2, "14:12:09.330", KCELL, "arai", "R 1 1 6 1"),
    (3, "13:30:00.000", KCELL, "arai", "R 1 1 7 1"), (3, "13:31:12.120", KCELL, "arai", "R 1 1 8 1"),
    # ru, the same, with an account of his own
    (1, "13:00:00", BEELINE, "boris", "R 1 2"), (1, "13:01:10", BEELINE, "boris", "R 1 2 Ким-Соколов Артём"), (1, "13:02:20", BEELINE, "boris", "R 1 2 2 4"),
    (1, "13:03:30", BEELINE, "boris", "R 1 2 3 2"), (1, "13:04:40", BEELINE, "boris", "R 1 2 4 2"),
    (2, "15:00:00", BEELINE, "boris", "R 1 2 5 1"), (2, "15:01:00", BEELINE, "boris", "R 1 2 6 1 0"),
    (3, "15:30:00", BEELINE, "boris", "R 1 2 7 1"), (3, "15:32:00", BEELINE, "boris", "R 1 2 8 2 {bad}"), (3, "15:40:00", BEELINE, "boris", "R 1 2 8 2 {spaced}"),
    # kk, the same at beeline; the benefit is refused
    (1, "14:00:00", BEELINE, "dana", "R 1 1"), (1, "14:01:00", BEELINE, "dana", "R 1 1 Әлімбекова Іңкәр Ғалымқызы"), (1, "14:02:00", BEELINE, "dana", "R 1 1 2 6"),
    (1, "14:03:00", BEELINE, "dana", "R 1 1 3 1 1"), (1, "14:05:00", BEELINE, "dana", "R 1 1 4 3"),
    (2, "16:00:00", BEELINE, "dana", "R 1 1 5 1"), (2, "16:01:00", BEELINE, "dana", "R 1 1 6 1 6"),
    (3, "12:15:00", BEELINE, "dana", "R 1 1 7 1"), (3, "12:16:00", BEELINE, "dana", "R 1 1 8 1"),
    # ru, the registry refuses
    (1, "15:10:00.500", KCELL, "elena", "R 1 2"), (1, "15:11:00.500", KCELL, "elena", "R 1 2 О’Коннор София Андреевна"), (1, "15:12:00.500", KCELL, "elena", "R 1 2 2 1"),
    (1, "15:13:00.500", KCELL, "elena", "R 1 2 3 1"), (1, "15:14:00.500", KCELL, "elena", "R 1 2 4 5"), (2, "18:40:00.000", KCELL, "elena", "Почему отказ, \"что\" не так?\nЖду ответа"),
    # kk, privileged: a large family; the benefit is assigned
    (1, "16:00:00.000", KCELL, "farida", "R 1 1"), (1, "16:01:00.000", KCELL, "farida", "R 1 1 Оспанов Ерасыл Бақытжанұлы"), (1, "16:02:00.000", KCELL, "farida", "R 1 1 2 7"),
    (1, "16:03:00.000", KCELL, "farida", "R 1 1 3 6"), (1, "16:04:00.000", KCELL, "farida", "R 1 1 4 4"),
    (2, "19:00:00.000", KCELL, "farida", "R 1 1 5 2"), (2, "19:05:00.000", KCELL, "farida", "R 1 1 7 1"), (2, "19:06:00.000", KCELL, "farida", "R 1 1 8 1"),
    # kk, the order is disputed
    (1, "17:00:00", BEELINE, "gulnar", "R 1 1"), (1, "17:01:00", BEELINE, "gulnar", "R 1 1 Жұмабаева Томирис"), (1, "17:02:00", BEELINE, "gulnar", "R 1 1 2 2"),
    (1, "17:03:00", BEELINE, "gulnar", "R 1 1 3 7"), (1, "17:04:00", BEELINE, "gulnar", "R 1 1 4 1"),
    (2, "17:20:00", BEELINE, "gulnar", "R 1 1 5 1"), (2, "17:21:00", BEELINE, "gulnar", "R 1 1 6 2"), (4, "11:00:00", BEELINE, "gulnar", "R 1 1 7 2"),
    # ru, begins with a mistake, then catches up
    (2, "10:00:00", BEELINE, "irina", "r 1 2"), (3, "09:00:00", BEELINE, "irina", "R 1 2"), (3, "09:02:00", BEELINE, "irina", "R 1 2 Пак Марк"),
    (3, "09:04:00", BEELINE, "irina", "R 1 2 2 1"), (3, "09:05:00", BEELINE, "irina", "R 1 2 3 9"), (3, "09:06:00", BEELINE, "irina", "R 1 2 4 2"),
    (4, "20:00:00", BEELINE, "irina", "R 1 2 5 1"),
    # kk, one day late, ends at the account
    (2, "12:00:00.000", KCELL, "kanat", "R 1 1"), (2, "12:01:00.000", KCELL, "kanat", "R 1 1 Ақанұлы Жан-Әли"), (2, "12:02:00.000", KCELL, "kanat", "R 1 1 2 1"),
    (2, "12:03:00.000", KCELL, "kanat", "R 1 1 3 4"), (2, "12:04:00.000", KCELL, "kanat", "R 1 1 4 1"),
    (3, "20:00:00.000", KCELL, "kanat", "R 1 1 5 1"), (3, "20:01:00.000", KCELL, "kanat", "R 1 1 6 1 2"), (4, "19:00:00.000", KCELL, "kanat", "R 1 1 7 1"),
    # ru, twins: the first child runs ahead of the second
    (1, "18:00:00.000", KCELL, "lyazzat", "R 1 2"), (1, "18:00:40.000", KCELL, "lyazzat", "R 2 2"), (1, "18:02:00.000", KCELL, "lyazzat", "R 1 2 Ибраева Амина Тимуровна"),
    (1, "18:03:00.000", KCELL, "lyazzat", "R 2 2 Ибраев Амир Тимурович"), (1, "18:05:00.000", KCELL, "lyazzat", "R 1 2 2 1"), (1, "18:06:00.000", KCELL, "lyazzat", "R 1 2 3 1"),
    (1, "18:07:00.000", KCELL, "lyazzat", "R 1 2 4 3"), (2, "08:30:00.000", KCELL, "lyazzat", "R 2 2 2 1"), (2, "08:31:00.000", KCELL, "lyazzat", "R 2 2 3 1"),
    (2, "08:32:00.000", KCELL, "lyazzat", "R 2 2 4 3"), (2, "20:10:00.000", KCELL, "lyazzat", "R 1 2 5 1"), (2, "20:11:00.000", KCELL, "lyazzat", "R 1 2 6 5"),
    (3, "19:10:00.000", KCELL, "lyazzat", "R 2 2 5 1"), (3, "19:11:00.000", KCELL, "lyazzat", "R 2 2 6 5"),
    # kk, a step or two a day; tries the slot of no child
    (2, "11:00:00", BEELINE, "nurzhan", "R 1 1"), (2, "11:10:00", BEELINE, "nurzhan", "R 1 1 Тоқтаров Әділет"), (3, "10:00:00", BEELINE, "nurzhan", "R 2 1 2 1"),
    (4, "10:00:00", BEELINE, "nurzhan", "R 1 1 2 4"), (4, "10:05:00", BEELINE, "nurzhan", "R 1 1 3 3"),
    # kk, a number that was carried over to another operator; the akimat refuses
    (2, "13:00:00.000", KCELL, "perizat", "R 1 1"), (2, "13:01:00.000", KCELL, "perizat", "R 1 1 Сейтқали Айзере"), (2, "13:02:00.000", KCELL, "perizat", "R 1 1 2 4"),
    (2, "13:03:00.000", KCELL, "perizat", "R 1 1 3 9"), (2, "13:04:00.000", KCELL, "perizat", "R 1 1 4 5"), (3, "18:00:00.000", KCELL, "perizat", "R 1 1 5 1"),
    (3, "18:01:00.000", KCELL, "perizat", "R 1 1 6 1 4"),
    # ru, a wrong language digit in between
    (3, "16:00:00", BEELINE, "rauan", "R 1 2"), (3, "16:02:00", BEELINE, "rauan", "R 1 2 Мұратов Алан Рауанұлы"), (4, "16:04:00", BEELINE, "rauan", "R 1 1 2 1"),
    (4, "16:30:00", BEELINE, "rauan", "R 1 2 2 1"), (4, "16:31:00", BEELINE, "rauan", "R 1 2 3 2"), (4, "16:32:00", BEELINE, "rauan", "R 1 2 4 4"),
    (4, "12:00:00.000", KCELL, "svetlana", "R 1 2"), (4, "14:00:00", BEELINE, "umit", "R 1 1"),
    # strangers, and a service that is not ours
    (1, "09:00:00.000", KCELL, "77010000001", "Такси жіберіңіз"), (2, "22:15:00", BEELINE, "77770000002", "R 1 1"), (3, "11:11:11.111", KCELL, "arai", "BAL 5"),
]
OTHER_CODE = {"BAL 5": "1400"}
SHAPES = {1: "{0}", 2: "+{0}", 3: "8{1}", 4: "+7 ({2}) {3}-{4}-{5}"}  # how an operator's export shows a phone, by night

# What an agency answers to the request of a notice: the night in which it is read, time, status, and the rest.
ANSWERS = {
    ("arai", "registry"): (2, "10:05", "registered", dict(reference="AK-2026-7001", place="Халыққа қызмет көрсету орталығы, Қараауыл а., Құнанбаев к-сі, 12")),
    ("boris", "registry"): (2, "10:10", "registered", dict(reference="AK-2026-7002")),
    ("dana", "registry"): (2, "10:15", "registered", dict(reference="AK-2026-7003", place="Тоқтамыс ауылдық округі, \"Бірлік\" ғимараты, 2-қабат")),
    ("elena", "registry"): (2, "10:20", "refused", dict(reason="Нет заявления отца, документ \"форма 3\" не приложен")),
    ("farida", "registry"): (2, "10:25", "registered", dict(reference="AK-2026-7004")),
    ("gulnar", "registry"): (2, "10:30", "registered", dict(reference="AK-2026-7005")),
    ("lyazzat", "registry"): (2, "10:35", "registered", dict(reference="AK-2026-7006")),
    ("kanat", "registry"): (3, "09:30", "registered", dict(reference="AK-2026-7007")),
    ("lyazzat2", "registry"): (3, "09:35", "registered", dict(reference="AK-2026-7008")),
    ("perizat", "registry"): (3, "09:40", "registered", dict(reference="AK-2026-7009")),
    ("irina", "registry"): (4, "09:10", "registered", dict(reference="AK-2026-7010", place="ЦОН, с. Карааул")),
    ("arai", "akimat"): (3, "11:00", "queued", dict(queue_number="103-17")),
    ("boris", "akimat"): (3, "11:05", "queued", dict(queue_number="241", place="«Балдәурен» балабақшасы")),
    ("dana", "akimat"): (3, "11:10", "queued", dict(queue_number="18")),
    ("gulnar", "akimat"): (3, "11:15", "queued", dict(queue_number="104-2")),
    ("lyazzat", "akimat"): (3, "11:20", "queued", dict(queue_number="96")),
    ("kanat", "akimat"): (4, "11:30", "queued", dict(queue_number="7")),
    ("perizat", "akimat"): (4, "11:35", "refused", dict(reason="Рамазан ауылында балабақша жоқ")),
    ("farida", "benefit"): (3, "17:00", "assigned", dict(amount="74 024 ₸")),
    ("arai", "benefit"): (4, "17:05", "assigned", dict(amount="149 112 ₸")),
    ("boris", "benefit"): (4, "17:10", "assigned", dict(amount="149112")),
    ("dana", "benefit"): (4, "17:15", "refused", dict(reason="Есепшот иесі өтініш берушіге сәйкес келмейді")),
}
STRAY = [(3, "registry", ("q" + "0" * 26, "registered", "12:00", {})), (3, "akimat", ("arai", "queued", "10:59", {}))]  # of nobody; queued without a number


def at(night, clock, zone="+05:00"):
    day = AS_OF[night - 1][:10]
    if zone == "Z":
        return (datetime.datetime.fromisoformat(f"{day}T{clock}") - datetime.timedelta(hours=5)).isoformat() + "Z"
    return f"{day}T{clock if len(clock) > 5 else clock + ':00'}{zone}"


def table(head, rows, end="\n"):
    out = io.StringIO()
    csv.writer(out, lineterminator=end).writerows([head] + rows)
    return out.getvalue().encode()


def notices(night):
    head = "notice_id registered_at msisdn mother_iin birth_date sex child_order region account hospital".split()
    rows = []
    for serial, (notice, of, clock, phone, born, number, sex, order, has_account) in enumerate(BIRTHS.values(), 1):
        row = [notice, at(of, clock), phone, iin(born, "F", number), at(of, clock)[:10], sex, order, REGION, account(serial) if has_account else "", "Абай АОА"]
        if of == night:
            if notice == "N-26-0426":
                row[3] = row[3][:11] + str((int(row[3][11]) + 1) % 10)  # mended and given again in the fourth night
            rows.append(row)
        elif night == 4 and notice == "N-26-0426" or night == 2 and notice in ("N-26-0421", "N-26-0422"):
            rows.append(row)  # the end of yesterday's list once more
    return b"\xef\xbb\xbf" + table(head, rows, "\r\n") if rows else None


def texts(name, text):
    own = account(77)
    return text.format(spaced=" ".join(own[i:i + 4] for i in range(0, 20, 4)).lower(), bad=own[:19] + str((int(own[19]) + 1) % 10))


def messages(night, operator):
    rows = []
    for of, clock, by, who, text in WRITES:
        again = of == night - 1 and operator == BEELINE and clock > "17"  # its files overlap by some hours
        if by != operator or not (of == night or again):
            continue
        phone = BIRTHS[who][3] if who in BIRTHS else who
        text, digest = texts(who, text), hashlib.sha256(f"{of} {clock} {who} {text}".encode()).hexdigest()
        shown = SHAPES[of if operator == BEELINE else 1].format(phone, phone[1:], phone[1:4], phone[4:7], phone[7:9], phone[9:])
        code = OTHER_CODE.get(text, "1414")
        if operator == KCELL:
            rows.append([operator, digest[:16], at(of, clock), shown, code, text])
        else:
            rows.append([at(of, clock, "Z"), shown, text, operator, f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}", code, "smsc-2"])
    rows.sort(key=lambda r: r[2] if operator == KCELL else r[0])
    if operator == KCELL:
        rows += rows[1:2]  # one row twice, as retries leave it
        return gzip.compress(table("operator message_id received_at msisdn short_code text".split(), rows), mtime=0)
    return table("received_at msisdn text operator message_id short_code smsc".split(), rows)


def responses(night, agency, ids):
    extra = {"registry": ["reference", "place", "reason"], "akimat": ["queue_number", "place", "reason"], "benefit": ["amount", "reason"]}[agency]
    rows = [[ids[who, agency], at(night, clock), status] + [facts.get(c, "") for c in extra]
            for (who, of), (when, clock, status, facts) in ANSWERS.items() if of == agency and when == night]
    rows += [[ids.get((who, agency), who), at(night, clock), status] + [""] * len(extra) for when, of, (who, status, clock, _) in STRAY if (when, of) == (night, agency)]
    return table(["request_id", "responded_at", "status"] + extra, rows) if rows else None


def main():
    besik, target = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2] if len(sys.argv) > 2 else HERE)
    who_of, ids = {facts[0]: who for who, facts in BIRTHS.items()}, {}
    with tempfile.TemporaryDirectory() as work:
        subprocess.run([besik, "init", f"{work}/store", "--key", f"{HERE}/key"], check=True)
        for night, as_of in enumerate(AS_OF, 1):
            os.makedirs(f"{target}/night{night}", exist_ok=True)
            day = as_of[:10]
            files = {f"notices-{day}.csv": notices(night), f"mo-kcell-{day}.csv.gz": messages(night, KCELL), f"mo-beeline-{day}.csv": messages(night, BEELINE)}
            files.update({f"{agency}-{day}.csv": responses(night, agency, ids) for agency in ("registry", "akimat", "benefit")})
            for name, data in files.items():
                if data is not None:
                    with open(f"{target}/night{night}/{name}", "wb") as f:
                        f.write(data)
            subprocess.run([besik, "run", f"{work}/store", "--out", f"{work}/out{night}", "--as-of", as_of, f"night{night}"], check=True, cwd=target)
            for agency in ("registry", "akimat", "benefit"):
                path = f"{work}/out{night}/requests-{agency}.ndjson"
                for line in open(path, encoding="utf-8") if os.path.exists(path) else ():
                    request = json.loads(line)
                    ids[who_of[request["notice_id"]], agency] = request["request_id"]


if __name__ == "__main__":
    main()
