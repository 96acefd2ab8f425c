#!/usr/bin/env python3
"""Fails when an include points the wrong way.

The order of LAYERS is the order of docs/architecture.md: a folder may include its own files, folders of a lower layer, and
nothing else; folders of one layer do not see each other (faces do not call faces). From another folder only public headers may be
included: never `internal.h` or a header named in PRIVATE."""
import pathlib
import re
import sys

LAYERS = [
    ["base"],
    ["core"],
    ["config", "store", "exec"],
    ["engine"],
    ["analyze", "deps"],
    ["replay"],
    ["api", "cli", "wire"],
    ["daemon"],
    ["."],  # main.c
]
PRIVATE = re.compile(r"(internal|driver)\.h$")
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)

rank = {folder: i for i, layer in enumerate(LAYERS) for folder in layer}


def mistakes(src):
    for file in sorted(src.rglob("*.[ch]")):
        rel = file.relative_to(src)
        here = rel.parts[0] if len(rel.parts) > 1 else "."
        if here not in rank:
            yield f"{rel}: folder {here} has no place in LAYERS"
            continue
        for line, target in enumerate_includes(file):
            if not (src / target).is_file():
                yield f"{rel}:{line}: {target} is not a path from src/"
                continue
            there = pathlib.PurePath(target).parts[0]
            if there == here:
                continue
            if rank.get(there, 99) >= rank[here]:
                yield f"{rel}:{line}: {here} may not include {there}"
            elif PRIVATE.search(target):
                yield f"{rel}:{line}: {target} is private to {there}"


def enumerate_includes(file):
    text = file.read_text()
    for hit in INCLUDE.finditer(text):
        yield text.count("\n", 0, hit.start()) + 1, hit.group(1)


found = list(mistakes(pathlib.Path(sys.argv[1])))
print("\n".join(found) if found else "layers: every include points down")
sys.exit(1 if found else 0)
