"""Guarded replay of very many jobs: what a plan takes, how fast all are queued again, how fast they run through waves."""
import os
import re
import threading
import time

import rig
from history import History
from rig import Bench, in_turn, median, row
from size import mega, one_of_each

FAILED = int(os.environ.get("RP_BENCH_FAILED", "1000000"))
REPLAYED = int(os.environ.get("RP_BENCH_REPLAYED", "100000"))
CONFIG = "jobs:\n  work: {idempotent: true}\n"
SELECT = {"type": "work"}


def with_failed(d, n):
    """n failed jobs more, written while the daemon is down; a worker has asked for them."""
    ids = one_of_each(d)
    d.stop()
    History(f"{d.dir}/reprise.db", *ids, failed_every=1).grow(n, 600)
    d.start()
    d.post("/v1/work/fetch", {"worker": "bench"})
    have = d.count(state="failed")
    if have != n + 1:
        raise RuntimeError(f"{have} failed jobs, {n + 1} were to be made")


class Beside:
    """Another client meanwhile: single jobs and a question, one after the other; how long each waits for its answer."""

    def __init__(self, d):
        self.d, self.times, self.over = d, [], threading.Event()
        self.thread = threading.Thread(target=self.ask)

    def ask(self):
        while not self.over.is_set():
            for action in (lambda: self.d.post("/v1/jobs", {"type": "work", "queue": "beside"}), lambda: self.d.get("/v1/jobs?limit=1")):
                self.times.append(rig.seconds(action))
            time.sleep(.002)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.over.set()
        self.thread.join()

    def worst_ms(self):
        return max(self.times) * 1e3

    def p99_ms(self):
        return sorted(self.times)[int(.99 * len(self.times))] * 1e3


def replay(d, dry=False, **guard):
    return d.post("/v1/replays", {"select": SELECT, "guard": guard, "dry_run": dry})


def beside(d, action):
    """How long the action takes, the daemon's processor time, how long others wait meanwhile, and the writer's longest turns since start."""
    before = rig.cpu_s(d.process.pid)
    with Beside(d) as others:
        took = rig.seconds(action)
    return {"s": took, "cpu_us": (rig.cpu_s(d.process.pid) - before) * 1e6 / FAILED, "others_ms": others.worst_ms(), "p99_ms": others.p99_ms(),
            "turn_ms": longest_turn_ms(d, "clock"), "turn_cpu_ms": longest_turn_ms(d, "cpu")}


def longest_turn_ms(d, by):
    """Of the writer, by the daemon's own account."""
    found = re.search(rf'^reprise_writer_turn_longest_seconds{{by="{by}"}} (.*)$', d.http("GET", "/metrics")[1].decode(), re.M)
    return float(found[1]) * 1e3


def about_others(name, found):
    """What others had to wait for: p99 and longest answer, longest turn of the writer by the clock and of processor time."""
    worst = {key: max(x[key] for x in found) for key in ("p99_ms", "others_ms", "turn_ms", "turn_cpu_ms")}
    return [row(f"{name}: answers to others, p99", worst["p99_ms"], "ms"), row(f"{name}: longest answer to others", worst["others_ms"], "ms"),
            row(f"{name}: longest turn of the writer", worst["turn_ms"], "ms", ("<=", 50)),
            row(f"{name}: most processor time of a turn", worst["turn_cpu_ms"], "ms", ("<=", 50))]


def plan(rounds):
    """The plan of a million failed jobs: a dry run, and a start that freezes them all; what it needs, and how long others wait meanwhile."""
    with Bench(CONFIG) as d:
        with_failed(d, FAILED)
        before = d.rss_kb()
        dry = [beside(d, lambda: replay(d, dry=True)) for _ in range(rounds)]
        memory = (d.rss_kb("VmHWM") - before) * 1024 / 1e6
        room = d.store_bytes()
        start = beside(d, lambda: replay(d, canary=1))
        room = d.store_bytes() - room
    name = mega(FAILED)
    return [row(f"plan of {name} failed jobs", median(dry, "s"), "s", ("<=", 3), cpu_us_a_job=median(dry, "cpu_us"), rounds=dry),
            row(f"plan of {name}: memory while it is made", memory, "MB"),
            row(f"plan of {name} frozen and started", start["s"], "s", cpu_us_a_job=start["cpu_us"], rounds=[start]),
            *about_others(f"plan of {name}", [*dry, start]),
            row("disk, a frozen item", room / FAILED, "B")]


def queued_again(d):
    id = replay(d, canary=0, rate="unlimited", reason="bench")["id"]
    rig.wait_for(lambda: d.get(f"/v1/replays/{id}")["fates"]["not_run"] == 0, "all are queued", 300)


def requeue(_rounds):
    """A million failed jobs queued again at once, without guards (--rate unlimited --canary 0)."""
    with Bench(CONFIG) as d:
        with_failed(d, FAILED)
        found = beside(d, lambda: queued_again(d))
        memory = d.rss_kb("VmHWM") * 1024 / 1e6
    return [row(f"{mega(FAILED)} failed jobs queued again", found["s"], "s", ("<=", 30), cpu_us_a_job=found["cpu_us"], rounds=[found]),
            *about_others("queued again", [found]), row("queued again: memory, most", memory, "MB", ("<=", 150))]


WORKERS = ["--workers", 4, "--batch", 1000, "--n", REPLAYED]


def through_waves(wave):
    with Bench(CONFIG) as d:
        with_failed(d, REPLAYED)
        made = replay(d, **({"wave": wave} if wave else {}))
        found = d.load("work", "--connections", 0, *WORKERS)
        if made["to_replay"] != REPLAYED + 1:
            raise RuntimeError(f"{made['to_replay']} in the plan")
    return found


def plain(*waves):
    with Bench(CONFIG) as d:
        return d.load("work", "--connections", 1 if waves else 2, *WORKERS, *waves)


def waves(rounds):
    """100,000 jobs replayed through waves of 200 and of 2,000, beside the same jobs from enqueue to end by the same workers: as fast as they go, and
    200 at a time as well, without any replay: what waves cost by themselves."""
    small, large, bound, bare = in_turn(rounds, lambda: through_waves(None), lambda: through_waves(2000), lambda: plain("--wave", 200), plain)
    goal = (">=", .8)
    measured = ((f"{mega(REPLAYED)} jobs replayed, waves of 200", goal, small), (f"{mega(REPLAYED)} jobs replayed, waves of 2,000", goal, large),
                (f"{mega(REPLAYED)} jobs enqueued, waves of 200", None, bound))
    return [row(name, median(found, "per_s"), "jobs/s", goal, "enqueue, claim, complete", median(bare, "per_s"), goal_is_ratio=True,
                cpu_us_a_job=cpu(found), beside_cpu_us_a_job=cpu(bare), rounds=found)
            for name, goal, found in measured]


def cpu(found):
    return sum(a["cpu_s"] for a in found) * 1e6 / sum(a["jobs"] for a in found)


MEASURES = {"plan": plan, "requeue": requeue, "waves": waves}
