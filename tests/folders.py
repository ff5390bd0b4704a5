"""Reading an output folder for comparison; used by the tests beside it."""
import os, re


def folder(path):
    """{name: bytes}, run.json without its timing"""
    out = {}
    for name in sorted(os.listdir(path)):
        data = open(f"{path}/{name}", "rb").read()
        out[name] = re.sub(rb'"timing": \{.*\}\}', b"", data, flags=re.S) if name == "run.json" else data
    return out
