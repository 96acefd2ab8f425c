"""The measures of `make bench`: one function each, which takes how many rounds and returns rows of the table."""
import rig
from rig import BareServer, Bench, in_turn, median

BATCH = 1000


def row(name, value, unit, goal=None, beside=None, beside_value=None, ratio=None, **more):
    if ratio is None and beside_value:
        ratio = value / beside_value
    return {"name": name, "value": value, "unit": unit, "goal": goal, "beside": beside, "beside_value": beside_value, "ratio": ratio} | more


def cpu_us(answers):
    """Processor time of the server a job: steadier than the rate on a machine that others use too."""
    return sum(a["cpu_s"] for a in answers) * 1e6 / sum(a["all"] for a in answers)


def bare_sqlite():
    with rig.folder() as path:
        return rig.tool("bench_bare_sqlite", path, 100000)


def enqueue_batches(rounds):
    """Durable enqueue in batches of 1,000, over TCP with a token and over the socket, beside SQLite alone."""
    args = ["enqueue", "--connections", 4, "--batch", BATCH, "--seconds", 1.5, "--warm", .3]
    with Bench() as d:
        tcp, unix, bare = in_turn(rounds, lambda: d.load(*args, over=d.tcp()), lambda: d.load(*args), bare_sqlite)
    limit = median(bare, "insert_per_s")
    return [row(f"enqueue, batches of 1,000, {name}", median(found, "per_s"), "jobs/s", (">=", 100000), "SQLite alone", limit,
                cpu_us_a_job=cpu_us(found), p50_us=median(found, "p50_us"), p99_us=median(found, "p99_us"), rounds=found)
            for name, found in (("TCP", tcp), ("socket", unix))]


def enqueue_single(rounds):
    """Durable enqueue, one job a POST on 64 and 256 connections, beside a bare program, in turn."""
    found = []
    with Bench() as d, rig.folder() as path, BareServer(path, "port") as bare_tcp, rig.folder() as other, BareServer(other, "socket") as bare_unix:
        for over, mine, bare in (("TCP", d.tcp(), bare_tcp), ("socket", d.unix(), bare_unix)):
            for n in (64, 255):  # 256 is what the bare program stops at, see docs/performance.md
                args = ["enqueue", "--connections", n, "--seconds", .8, "--warm", .2]
                ours, theirs = in_turn(2 * rounds, lambda: d.load(*args, over=mine), lambda: bare.load(*args))
                found.append(row(f"enqueue, single, {n} connections, {over}", median(ours, "per_s"), "jobs/s", (">=", .9), "bare program",
                                 median(theirs, "per_s"), goal_is_ratio=True, cpu_us_a_job=cpu_us(ours), bare_cpu_us_a_job=cpu_us(theirs),
                                 p50_us=median(ours, "p50_us"), p99_us=median(ours, "p99_us"), rounds=ours, bare_rounds=theirs))
    return found


def work(rounds):
    """Enqueue, claim and complete through the API: 2 connections that enqueue, 4 workers, batches of 1,000."""
    args = ["work", "--connections", 2, "--workers", 4, "--batch", BATCH, "--n", 50000]
    with Bench() as d:
        tcp, unix, bare = in_turn(rounds, lambda: d.load(*args, over=d.tcp()), lambda: d.load(*args), bare_sqlite)
    limit = median(bare, "work_per_s")
    return [row(f"enqueue, claim, complete, {name}", median(found, "per_s"), "jobs/s", (">=", 40000), "SQLite alone", limit,
                cpu_us_a_job=sum(a["cpu_s"] for a in found) * 1e6 / sum(a["jobs"] for a in found), rounds=found)
            for name, found in (("TCP", tcp), ("socket", unix))]


MEASURES = {"batches": enqueue_batches, "single": enqueue_single, "work": work}
