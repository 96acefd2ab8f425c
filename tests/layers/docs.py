#!/usr/bin/env python3
"""Fails when docs/architecture.md or CONTRIBUTING.md names what is not there.

Of what stands between backquotes: a path must exist, from the top or from src/; a plain word that looks like a function, a type or
a table (lower case with an underscore, `rp_…`, `RP_…`) must be a word of the C code. A word that is said to be in a file, as in `tick` (`engine/tick.c`) or `kinds` of
`src/deps/check.c`, must be in that file.

Fails too when a library that is opened late (base/library.h) is not among what packaging/dependencies.txt says is needed to run."""
import pathlib
import re
import sys

PAGES = ["docs/architecture.md", "CONTRIBUTING.md"]
PATH = re.compile(r"^[\w.\[\]-]+/[\w./\[\]-]*$")
NAME = re.compile(r"^(?:struct )?([a-z][a-z0-9]*(?:_[a-z0-9]+)+|RP_[A-Z_0-9]+)$")
PLACED = re.compile(r"`(\w+)`\s+(?:\(`|(?:in|of) `)((?:src/)?[\w/]+\.[ch])`")
MADE = re.compile(r"^build")  # what the build makes


def exists(root, path):
    if "[" in path:  # core/states.[ch]
        return any(any(top.glob(path)) for top in (root, root / "src"))
    return any((top / path).exists() for top in (root, root / "src"))


def words(file):
    return set(re.findall(r"\w+", file.read_text()))


def mistakes(root):
    known = set().union(*(words(f) for f in (root / "src").rglob("*.[ch]")))
    for page in PAGES:
        text = re.sub(r"^```.*?^```$", lambda m: "\n" * m[0].count("\n"), (root / page).read_text(), flags=re.M | re.S)
        for quoted in re.finditer(r"`([^`\n]+)`", text):
            line, said = text.count("\n", 0, quoted.start()) + 1, quoted[1]
            name = NAME.match(said)
            if name and name[1] not in known:
                yield f"{page}:{line}: no {said} in src/"
            if PATH.match(said) and not MADE.match(said) and not exists(root, said):
                yield f"{page}:{line}: there is no {said}"
        for placed in PLACED.finditer(text):
            word, file = placed[1], root / "src" / placed[2].removeprefix("src/")
            if file.is_file() and word not in words(file):
                yield f"{page}:{text.count(chr(10), 0, placed.start()) + 1}: no {word} in {file.relative_to(root)}"


def unlisted(root):
    opened = {p for f in (root / "src").rglob("*.c") for p in re.findall(r'RP_LIBRARY\([^;]*, "([^"]+)"\);', f.read_text())}
    run = (root / "packaging/dependencies.txt").read_text().split("# --- run\n")[1].split("# --- ")[0]
    listed = set(re.findall(r"^([a-z0-9.+-]+):", run, re.M))
    assert opened, "no library is opened late any more: this check, and the comment in dependencies.txt, can go"
    return (f"packaging/dependencies.txt: {name} is not below run, and src/ opens it" for name in sorted(opened - listed))


root = pathlib.Path(sys.argv[1])
found = [*mistakes(root), *unlisted(root)]
print("\n".join(found) if found else "docs: every function and path that the pages name is there")
sys.exit(1 if found else 0)
