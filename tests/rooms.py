#!/usr/bin/env python3
"""rooms.py - a room uses only what it may: its #include lines, what its library is linked with and wants of the other rooms' (nm).

usage: rooms.py BUILD ROOM=USES=LIBRARIES…    USES: other rooms, or single headers of them, with commas; LIBRARIES: what the room's
                                              own is linked with; CMakeLists.txt gives them
"""
import collections, os, re, subprocess, sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# Of the world: which libraries' headers, and where only one file is meant, that file. What stands in no row is libc's.
LIBRARIES = {"xxhash.h": ("engine", "engine/sys", "io", "store", "tools"), "xxh_x86dispatch.h": ("engine/sys/hash.h",),
             "utf8proc.h": ("engine",), "liburing.h": ("io/ring.c",), "isa-l/": ("io/inflate_gzip.c", "tools/gen_file.c"),
             "zstd.h": ("io/inflate_zstd.c", "store/kept.c", "tools/gen_file.c"), "zstd_errors.h": ("io/inflate_zstd.c", "store/kept.c"),
             "openssl/": ("io/aes.c",), "lmdb.h": ("store/db.h",)}

# All that the engine has of the world: no system call, no allocation, no clock. CHECK prints, and a fault is a text.
ENGINE_WORLD = re.compile(r"mem(cmp|cpy|move|set|chr|pcpy)|str(cmp|len|error|ncmp|chr)|v?snprintf|fprintf|abort|stderr|__errno_location"
                          r"|XXH3_\w+|utf8proc_\w+")
# What the compiler adds by itself.
COMPILER = re.compile(r"_GLOBAL_OFFSET_TABLE_|__(stack_chk|asan|ubsan|tsan|sanitizer|sancov|gcov|llvm)_\w+|__start_\w+|__stop_\w+")


def includes(room):
    for name in sorted(os.listdir(f"{ROOT}/{room}")):
        if name.endswith((".c", ".h")):
            with open(f"{ROOT}/{room}/{name}", encoding="utf-8") as file:
                for number, line in enumerate(file, 1):
                    found = re.match(r'\s*#\s*include\s*([<"])(.*)[>"]', line)
                    if found:
                        yield f"{room}/{name}", number, *found.groups()


def wrong_includes(room, uses):
    seen = 0
    for file, number, kind, header in includes(room):
        seen += 1
        if kind == '"':
            right = os.path.dirname(header) in (room, *uses) or header in uses
        else:
            right = all(file in who or room in who for start, who in LIBRARIES.items() if header.startswith(start))
        if not right:
            yield f"{file}:{number}: {room} may not include {header}"
    if not seen:
        yield f"{room}: has no #include at all: looked at in the wrong place?"


def symbols(build, room, *options):
    out = subprocess.run(["nm", "--format=posix", *options, f"{build}/lib{os.path.basename(room)}.a"], capture_output=True, text=True, check=True).stdout
    return {line.split()[0] for line in out.splitlines() if len(line.split()) > 1}


def known(room, uses):
    """the rooms of which it may use something"""
    return {room, *(os.path.dirname(use) if use.endswith(".h") else use for use in uses)}


def wrong_links(rooms, linked):
    for room, uses in rooms.items():
        for other in rooms:
            if os.path.basename(other) in linked[room] and other not in known(room, uses):
                yield f"{room} may not be linked with {other}"


def wrong_symbols(build, rooms):
    own = {room: symbols(build, room, "--defined-only", "--extern-only") for room in rooms}
    for room, uses in rooms.items():
        if not own[room]:
            yield f"{room}: its library defines nothing: looked at in the wrong place?"
        wanted = symbols(build, room, "--undefined-only") - own[room]
        for other in rooms:
            if other not in known(room, uses):
                yield from (f"{room} may not use {name} of {other}" for name in sorted(wanted & own[other]))
        if room == "engine":
            for name in sorted(wanted):
                plain = re.sub(r"^__(?:isoc99_)?(\w+?)_chk$", r"\1", name)
                if not ENGINE_WORLD.fullmatch(plain) and not COMPILER.fullmatch(name):
                    yield f"engine is pure and may not use {name}"


def main():
    build, *table = sys.argv[1:]
    table = [row.split("=") for row in table]
    rooms = {room: [use for use in uses.split(",") if use] for room, uses, _ in table}
    linked = {room: libraries.split(",") for room, _, libraries in table}
    wrong = [line for room, uses in rooms.items() for line in wrong_includes(room, uses)]
    wrong += [*wrong_links(rooms, linked), *wrong_symbols(build, rooms)]
    print("\n".join(wrong) or f"{len(rooms)} rooms: each uses what it may")
    sys.exit(bool(wrong))


main()
