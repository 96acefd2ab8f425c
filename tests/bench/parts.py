"""Single parts of the program on their own: the small benchmarks *_bench.c and exec_overhead, each with its own program."""
import json
import subprocess
import sys

import rig
from rig import row

MESSAGES = 50000


def run(argv, rounds):
    """The objects that the program prints, merged, of each round."""
    found = []
    for _ in range(rounds):
        done = subprocess.run([*map(str, argv)], capture_output=True, text=True, timeout=300, check=True,
                              env=rig.environment(REPRISE_BIN=rig.BIN, PYTHONDONTWRITEBYTECODE=1, TMPDIR=rig.where()))
        one = {}
        for line in done.stdout.splitlines():
            one |= json.loads(line)
        found.append(one)
    return found


def messages(path):
    """Messages of failures as programs write them, with numbers that differ: what the analysis is fed with."""
    known = [line.split("\t", 1)[1] for line in (rig.ROOT / "tests/unit/analyze/failures.tsv").read_text().splitlines()[1:] if "\t" in line]
    with open(path, "w") as out:
        for i in range(MESSAGES):
            out.write(f"{known[i % len(known)]} (request {i * 7919 % 1000003}, attempt {i % 7})\n")


def cron(rounds):
    """Next instants of schedules a second."""
    found = run([rig.BUILD / "bench_cron"], rounds)
    return [row("next instant of a schedule", rig.median(found, "per_s"), "/s", (">=", 1e6), rounds=found)]


def analyze(rounds):
    """Messages of failures a second of processor time, from message to pattern and class."""
    with rig.folder() as path:
        messages(path / "messages")
        found = run([rig.BUILD / "bench_analyze", path / "messages", ".3"], rounds)
        mined = []
        for n in range(rounds):
            (path / f"store{n}").mkdir(mode=0o700)
            mined += run([rig.BUILD / "bench_mining", path / "messages", path / f"store{n}", ".3"], 1)
    return [row("analysis of a failure's message", rig.median(found, "fingerprint_per_s"), "/s", rounds=found),
            row("pattern of a failure as it is reported", rig.median(mined, "form_us"), "us", ("<=", 2), rounds=mined)]


def lanes(rounds):
    """A claim by the number of lanes (queues and types with ready jobs) that it chooses from, the writer's processor time without the commit."""
    with rig.folder() as path:
        found = run([rig.BUILD / "bench_claim", path], rounds)
    of = {"of_100_at_10": None, "of_1_at_18000": ("<=", 5), "of_100_at_18000": ("<=", 5)}
    return [row(f"a claim {name.replace('_', ' ')} lanes", rig.median(found, f"claim_{name}_ms"), "ms", goal, rounds=found) for name, goal in of.items()]


def store(rounds):
    """The store without the API: 1,000 rows a commit, beside a bare insert loop; how long single operations hold the writer."""
    with rig.folder() as path:
        found = run([rig.BUILD / "bench_store", 100000, path], rounds)
        held = run([rig.BUILD / "bench_hold", 20000, path], 1)
    bare = rig.median(found, "bare_insert_per_s")
    return [row("store alone: enqueue", rig.median(found, "enqueue_per_s"), "jobs/s", None, "bare insert", bare, rounds=found),
            row("store alone: claim and succeed", rig.median(found, "claim_and_succeed_per_s"), "jobs/s"),
            row("store alone: claim and fail", rig.median(found, "claim_and_fail_per_s"), "jobs/s"),
            row("store alone: 1,000 reports hold the writer", held[0]["report_1000_ms"], "ms", all=held[0])]


def executor(rounds):
    """The executor without the engine, 16 at once, beside a posix_spawn loop; and what `reprise exec` adds to a command."""
    found = run([rig.BUILD / "bench_exec", 1000], rounds)
    wrapped = run([sys.executable, rig.ROOT / "tests/bench/exec_overhead", 40], rounds)
    return [row("executor alone: processes, 16 at once", rig.median(found, "exec_16_per_s"), "/s", None, "posix_spawn loop",
                rig.median(found, "posix_spawn_per_s"), rounds=found),
            row("reprise exec -- /bin/true, with a daemon", rig.median(wrapped, "exec_daemon_ms"), "ms", None, "the command alone",
                rig.median(wrapped, "bare_ms"), rounds=wrapped)]


MEASURES = {"cron": cron, "analyze": analyze, "lanes": lanes, "store": store, "executor": executor}
