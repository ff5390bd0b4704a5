"""How the pages of an LMDB file (0.9, 4 KiB pages) are used; read from the file itself, as nothing that tells it is installed.
Used by the tests beside it; the file must not be written meanwhile."""
import struct

PAGE = 4096
LEAF, BRANCH = 2, 1


def _nodes(page):
    lower = struct.unpack_from("<H", page, 12)[0]
    for at in range(16, lower, 2):
        offset = struct.unpack_from("<H", page, at)[0]
        low, high, flags, key_size = struct.unpack_from("<4H", page, offset)
        yield low | high << 16, flags, page[offset + 8:offset + 8 + key_size], offset + 8 + key_size


def _leaves(f, root):
    """(key, flags, value) of all leaves below a page"""
    if root == 2**64 - 1:
        return
    f.seek(root * PAGE)
    page = f.read(PAGE)
    kind = struct.unpack_from("<H", page, 10)[0]
    for number, flags, key, data in _nodes(page):
        if kind & BRANCH:
            yield from _leaves(f, number | flags << 32)
        elif flags & 1:  # the value has pages of its own
            f.seek(struct.unpack_from("<Q", page, data)[0] * PAGE + 16)
            yield key, flags, f.read(number)
        else:
            yield key, flags, page[data:data + number]


def _tree(record):
    return dict(zip("branch leaf overflow entries root".split(), struct.unpack_from("<5Q", record, 8)))


def pages(path):
    """{"size", "used", "free": pages; "tables": {name: {"pages", "entries"}}; "free_pages": their numbers}"""
    with open(path, "rb") as f:
        metas = []
        for number in (0, 1):
            f.seek(number * PAGE + 16)
            meta = f.read(136)
            metas.append((struct.unpack_from("<Q", meta, 128)[0], struct.unpack_from("<Q", meta, 120)[0], _tree(meta[24:72]), _tree(meta[72:120])))
        _, last, free, main = max(metas, key=lambda m: m[0])
        numbers = []
        for _, _, value in _leaves(f, free["root"]):
            count = struct.unpack_from("<Q", value)[0]
            numbers += struct.unpack_from(f"<{count}Q", value, 8)
        tables = {}
        for key, flags, value in _leaves(f, main["root"]):
            if flags & 2:
                tree = _tree(value)
                tables[key.decode().rstrip("\0")] = {"pages": tree["branch"] + tree["leaf"] + tree["overflow"], "entries": tree["entries"]}
        return {"size": last + 1, "free": len(numbers), "used": last + 1 - len(numbers), "tables": tables, "free_pages": numbers}
