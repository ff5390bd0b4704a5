"""Values as the contract accepts them (section 2), the form of a reply (7), the phone hash and SMS parts (9). Time is whole ms since 1970 UTC."""
import re, unicodedata
from datetime import date, datetime, timedelta, timezone

KZ = timezone(timedelta(hours=5))
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
SECOND, HOUR, DAY = 1000, 3_600_000, 86_400_000
WHITE = " \t\r\n\u00a0"


def msisdn(s):
    t = re.sub(r"[ \-()]", "", s)
    m = re.fullmatch(r"\+?77([03-9][0-9]{8})|87([03-9][0-9]{8})", t)
    return "77" + (m.group(1) or m.group(2)) if m else None


TIME = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?([Zz]|[+-][0-9]{2}:[0-9]{2})")


def time(s):
    m = TIME.fullmatch(s)
    if not m:
        return None
    y, mo, d, h, mi, sec = (int(x) for x in m.groups()[:6])
    off = 0
    if m.group(8) not in "Zz":
        oh, om = int(m.group(8)[1:3]), int(m.group(8)[4:6])
        if oh > 23 or om > 59:
            return None
        off = (oh * 60 + om) * (1 if m.group(8)[0] == "+" else -1)
    if not 1900 <= y <= 2199:
        return None
    try:
        t = datetime(y, mo, d, h, mi, sec, tzinfo=timezone.utc)
    except ValueError:
        return None
    whole = (t - EPOCH) // timedelta(seconds=1) - off * 60
    return whole * 1000 + int(((m.group(7) or "") + "000")[:3])


def show(ms):
    """a time as besik writes it"""
    t = (EPOCH + timedelta(milliseconds=ms)).astimezone(KZ)
    return t.strftime("%Y-%m-%dT%H:%M:%S") + (f".{ms % 1000:03}" if ms % 1000 else "") + "+05:00"


def day(ms):
    return (EPOCH + timedelta(milliseconds=ms)).astimezone(KZ).date()


def real_date(s):
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", s):
        return None
    try:
        return date(int(s[:4]), int(s[5:7]), int(s[8:]))
    except ValueError:
        return None


def iin(s):
    if not re.fullmatch(r"[0-9]{12}", s):
        return False
    d = [int(c) for c in s]
    centuries = {0: (1900, 2000), 1: (1800,), 2: (1800,), 3: (1900,), 4: (1900,), 5: (2000,), 6: (2000,)}.get(d[6], ())
    if not any(real_date(f"{c + int(s[:2]):04}-{s[2:4]}-{s[4:6]}") for c in centuries):
        return False
    for weights in ((1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11), (3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2)):
        c = sum(x * w for x, w in zip(d, weights)) % 11
        if c < 10:
            return c == d[11]
    return False


def account(s):
    t = s.replace(" ", "")
    if not t.isascii():
        return None
    t = t.upper()
    if not re.fullmatch(r"KZ[0-9]{2}[0-9]{3}[A-Z0-9]{13}", t) or not 2 <= int(t[2:4]) <= 98:
        return None
    return t if int("".join(str(int(c, 36)) for c in t[4:] + t[:4])) % 97 == 1 else None


def an_id(s):
    return bool(re.fullmatch(r"[\x21-\x7e]{1,64}", s))


def letter(c):
    o = ord(c)
    return c.isascii() and c.isalpha() or (0xC0 <= o <= 0x24F or 0x1E00 <= o <= 0x1EFF) and o not in (0xD7, 0xF7) or 0x400 <= o <= 0x52F and not 0x482 <= o <= 0x489


def name(s):
    """(surname, given, patronymic) or None"""
    words = [w for w in re.split(f"[{WHITE}]+", unicodedata.normalize("NFC", s)) if w]
    if not 2 <= len(words) <= 4:
        return None
    for w in words:
        if not all(letter(c) or c in "-'’" for c in w) or not (letter(w[0]) and letter(w[-1])) or sum(map(letter, w)) > 40:
            return None
    return words[0], words[1], " ".join(words[2:])


REPLY = re.compile(r"R((?: [0-9]){1,8})(?: (.+))?", re.S)


def reply(text):
    """(digits, text or None); None when not in form"""
    m = REPLY.fullmatch(text.rstrip(WHITE))
    if not m:
        return None
    if m.group(2) is not None and not letter(unicodedata.normalize("NFC", m.group(2))[0]):
        return None
    return m.group(1).replace(" ", ""), m.group(2)


# XXH3-64, seed 0, of 9 to 16 bytes: of the algorithm's fixed secret this length needs the words at 24 to 55
_FLIP_LO, _FLIP_HI = 0x1F67B3B7A4A44072 ^ 0x78E5C0CC4EE679CB, 0x2172FFCC7DD05A82 ^ 0x8E2443F7744608B8
_M64 = (1 << 64) - 1


def phone_hash(s):
    b = s.encode()
    if not 9 <= len(b) <= 16:
        return 0
    lo = int.from_bytes(b[:8], "little") ^ _FLIP_LO
    hi = int.from_bytes(b[-8:], "little") ^ _FLIP_HI
    p = lo * hi
    h = (len(b) + int.from_bytes(lo.to_bytes(8, "little"), "big") + hi + ((p & _M64) ^ (p >> 64))) & _M64
    h ^= h >> 37
    h = h * 0x165667919E3779F9 & _M64
    return h ^ h >> 32


GSM = set("@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà")
GSM_TWO = set("\f^{}\\[~]|€")


def segments(text):
    if all(c in GSM or c in GSM_TWO for c in text):
        one, more, width = 160, 153, [2 if c in GSM_TWO else 1 for c in text]
    else:
        one, more, width = 70, 67, [2 if ord(c) > 0xFFFF else 1 for c in text]
    if sum(width) <= one:
        return 1
    parts, room = 1, more
    for w in width:
        if w > room:
            parts, room = parts + 1, more
        room -= w
    return parts


def duration(s):
    m = re.fullmatch(r"([0-9]+)([smhd])", s)
    return int(m.group(1)) * {"s": SECOND, "m": 60 * SECOND, "h": HOUR, "d": DAY}[m.group(2)] if m else None


if __name__ == "__main__":  # against the public vectors, and the hash against xxhsum
    import csv, os, random, shutil, subprocess
    here = os.path.dirname(os.path.abspath(__file__))
    bad = 0

    def rows(f):
        return list(csv.reader(open(f"{here}/../vectors/{f}.csv", encoding="utf-8", newline="")))[1:]

    def same(what, x, got, want):
        global bad
        if got != want:
            bad += 1
            print(f"{what} {x!r}: {got!r}, not {want!r}")
    for r in rows("msisdn"): same("msisdn", r[0], msisdn(r[0]) or "", r[1])
    for r in rows("account"): same("account", r[0], account(r[0]) or "", r[1])
    for r in rows("iin"):
        if r[1] in "01": same("iin", r[0], iin(r[0]), r[1] == "1")
    for r in rows("time"): same("time", r[0], "" if time(r[0]) is None else show(time(r[0])), r[1])
    for r in rows("name"): same("name", r[0], "|".join(name(r[0]) or ()), r[1])
    for r in rows("reply"): same("reply", r[0], (reply(r[0]) or ("",))[0], r[1])
    for r in rows("segments"): same("segments", r[0], segments(r[1]), int(r[2]))
    if shutil.which("xxhsum"):
        for _ in range(50):
            p = f"77{random.randint(0, 999999999):09}"
            same("xxh3", p, f"{phone_hash(p):016x}", subprocess.run(["xxhsum", "-H3", "-"], input=p, capture_output=True, text=True).stdout.split("= ")[-1].strip())
    print(f"values: {bad} differences")
    raise SystemExit(bad > 0)
