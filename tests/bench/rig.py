"""What the benchmarks share: a folder on a real disk, a daemon of one's own with a token, the load client, rounds in turn."""
import contextlib
import json
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
from reprise import BIN, Daemon, environment, wait_for  # noqa: E402

BUILD = ROOT / "build"
STAMP = f"reprise-bench-{os.getpid()}"


class Skip(Exception):
    """What is needed is not there."""


def filesystem(path):
    return subprocess.run(["stat", "-f", "-c", "%T", path], capture_output=True, text=True, check=True).stdout.strip()


def where():
    """A folder that a sync reaches the disk from: a RAM file system would make every figure a lie."""
    path = os.environ.get("RP_BENCH_DIR", "/var/tmp")
    if filesystem(path) in ("tmpfs", "ramfs"):
        sys.exit(f"{path} is in memory: name a folder on a disk with RP_BENCH_DIR")
    return path


tempfile.tempdir = where()


@contextlib.contextmanager
def folder():
    path = pathlib.Path(tempfile.mkdtemp(prefix="rp-bench-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


CONFIG = f"""\
max_running: 16
jobs:
  work: {{}}
  "true": {{run: [/bin/true]}}
  stamp: {{run: [{BUILD}/bench_stamp, {STAMP}]}}
"""


class Bench(Daemon):
    """A daemon that listens on TCP too, with a token."""

    def __init__(self, config=CONFIG):
        self.port = free_port()
        super().__init__(f"listen: 127.0.0.1:{self.port}\n{config}")
        self.token = None

    def tcp(self):
        if self.token is None:
            self.token = self.json("token", "create", "--name", "bench", "--scope", "admin", code=0)["token"]
        return ["--port", self.port, "--token", self.token]

    def unix(self):
        return ["--socket", self.socket]

    def load(self, what, *args, over=None):
        return load(what, *(over or self.unix()), *args, cpu_of=self.process.pid)

    def count(self, **filter):
        return self.get("/v1/jobs/count?" + "&".join(f"{k}={v}" for k, v in filter.items()))["count"]

    def store_bytes(self):
        """Of the store: its pages (those of the log too), without those on the free list."""
        size, pages, free = self.sql("pragma page_size", "pragma page_count", "pragma freelist_count")
        return size * (pages - free)

    def sql(self, *questions):
        """Numbers that the store's file tells, as a user would ask."""
        done = subprocess.run(["sqlite3", f"file:{self.dir}/reprise.db?mode=ro", *questions], capture_output=True, text=True, check=True)
        return [int(n) for n in done.stdout.split()]

    def rss_kb(self, what="VmRSS"):
        return memory_kb(self.process.pid, what)


def memory_kb(pid, what="VmRSS"):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(what + ":"):
            return int(line.split()[1])
    raise LookupError(what)


def cpu_s(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def tool(name, *args, timeout=300):
    done = subprocess.run([BUILD / name, *map(str, args)], capture_output=True, text=True, timeout=timeout, env=environment())
    if done.returncode != 0:
        raise RuntimeError(f"{name} {args}: exit {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)


def load(what, *args, cpu_of=None):
    before = cpu_s(cpu_of) if cpu_of else 0
    out = tool("bench_load", what, *args)
    if out.get("errors"):
        raise RuntimeError(f"{what} {args}: {out['errors']} answers were errors")
    if cpu_of:
        out["cpu_s"] = cpu_s(cpu_of) - before
    return out


@contextlib.contextmanager
def worker(d):
    """Two connections that fetch whatever there is and report it as succeeded, for as long as the context lasts."""
    argv = ["work", *d.unix(), "--type", "", "--connections", 0, "--workers", 2, "--batch", 100, "--n", 10**12]
    process = subprocess.Popen([BUILD / "bench_load", *map(str, argv)], env=environment())
    try:
        yield
        assert process.poll() is None, "the worker ended"
    finally:
        process.terminate()
        process.wait()


class BareServer:
    """tests/bench/bare/server.c, for a time."""

    def __init__(self, path, over="port"):
        self.path, self.over = path, over
        self.at = str(free_port()) if over == "port" else f"{path}/bare.sock"

    def __enter__(self):
        self.process = subprocess.Popen([BUILD / "bench_bare_server", self.path, self.over, self.at], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n", "the bare program does not start"
        return self

    def __exit__(self, *error):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()

    def load(self, what, *args):
        return load(what, f"--{self.over}", self.at, *args, cpu_of=self.process.pid)


def row(name, value, unit, goal=None, beside=None, beside_value=None, ratio=None, **more):
    """A row of the table: goal is (">=" or "<=", number), of the ratio if goal_is_ratio."""
    if ratio is None and beside_value:
        ratio = value / beside_value
    return {"name": name, "value": value, "unit": unit, "goal": goal, "beside": beside, "beside_value": beside_value, "ratio": ratio} | more


def in_turn(rounds, *measures):
    """Each of the functions once a round; a list of answers for each."""
    found = [[] for _ in measures]
    for _ in range(rounds):
        for answers, measure in zip(found, measures):
            answers.append(measure())
    return found


def median(answers, key):
    return statistics.median(a[key] for a in answers)


def seconds(action):
    began = time.monotonic()
    action()
    return time.monotonic() - began


__all__ = ["Bench", "BareServer", "Skip", "folder", "in_turn", "load", "median", "row", "seconds", "tool", "wait_for", "where", "filesystem"]
