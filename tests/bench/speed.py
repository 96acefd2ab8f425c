"""How much goes through in a second, and how long one job takes. Each measure takes how many rounds, and gives rows of the table."""
import rig
from rig import BareServer, Bench, in_turn, load, median, row

BATCH = 1000


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
    with Bench() as d, rig.folder() as a, BareServer(a, "port") as bare_tcp, rig.folder() as b, BareServer(b, "socket") as bare_unix:
        for over, mine, bare in (("TCP", d.tcp(), bare_tcp), ("socket", d.unix(), bare_unix)):
            for n in (64, 255):  # 256 is what the bare program stops at, see docs/performance.md
                args = ["enqueue", "--connections", n, "--seconds", .8, "--warm", .2]
                ours, theirs = in_turn(2 * rounds, lambda: d.load(*args, over=mine), lambda: bare.load(*args))
                found.append(row(f"enqueue, single, {n} connections, {over}", median(ours, "per_s"), "jobs/s", (">=", .9), "bare program",
                                 median(theirs, "per_s"), goal_is_ratio=True, cpu_us_a_job=cpu_us(ours), beside_cpu_us_a_job=cpu_us(theirs),
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


def fetch(rounds):
    """From the POST of a job to the answer of a long poll that waits for it, on an idle daemon."""
    rows = []
    for over in ("TCP", "socket"):
        with Bench() as d:
            found = [d.load("fetch", "--n", 200, over=d.tcp() if over == "TCP" else None) for _ in range(rounds)]
        for share, goal in (("p50", 1000), ("p99", 3000)):
            rows.append(row(f"enqueue to worker, {over}, {share}", median(found, share + "_us"), "us", ("<=", goal), rounds=found))
    return rows


def start(rounds):
    """From the POST of a job to the first line of its process on an idle daemon, less what a bare posix_spawn of it takes."""
    args = ["start", "--type", "stamp", "--stamp", rig.STAMP, "--program", rig.BUILD / "bench_stamp", "--n", 60]
    with Bench() as d:
        found = [d.load(*args) for _ in range(rounds)]
    return [row(f"enqueue to process, beyond the spawn, {share}", median(found, f"beyond_{share}_us"), "us", ("<=", goal), "posix_spawn alone",
                median(found, f"bare_{share}_us"), whole_us=median(found, f"job_{share}_us"), rounds=found)
            for share, goal in (("p50", 3000), ("p99", 15000))]


def run_processes(d, n):
    done, before = d.count(state="succeeded"), rig.cpu_s(d.process.pid)
    took = rig.seconds(lambda: (d.post("/v1/jobs", [{"type": "true"}] * n), rig.wait_for(lambda: d.count(state="succeeded") == done + n, "runs", 120)))
    return {"per_s": n / took, "cpu_us_a_run": (rig.cpu_s(d.process.pid) - before) * 1e6 / n}


def processes(rounds):
    """Jobs that are a process each (/bin/true, 16 at once), beside a posix_spawn and waitpid loop."""
    n = 1000
    with Bench() as d:
        run_processes(d, 100)
        ours, bare = in_turn(rounds, lambda: run_processes(d, n), lambda: load("spawn", "--n", n))
    return [row("process jobs", median(ours, "per_s"), "jobs/s", (">=", .8), "posix_spawn loop", median(bare, "per_s"), goal_is_ratio=True,
                cpu_us_a_job=median(ours, "cpu_us_a_run"), rounds=ours, bare_rounds=bare)]


MEASURES = {"batches": enqueue_batches, "single": enqueue_single, "work": work, "fetch": fetch, "start": start, "processes": processes}
