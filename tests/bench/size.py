"""What it needs: memory, disk, time to be ready again; and whether that, or a job's cost, grows with what there is."""
import os
import shutil
import sqlite3
import time

import rig
from history import History
from lists import first_pages
from rig import Bench, in_turn, median, row

JOBS = int(os.environ.get("RP_BENCH_JOBS", "1000000"))
ROWS = int(os.environ.get("RP_BENCH_ROWS", "10000000"))
HISTORY_S = 120  # more history than fits in this time is not written
ROW_BYTES = 450  # of an ended job with its attempt, roughly
PAYLOAD = 200


def mega(n):
    return f"{n / 1e6:.3g} M" if n >= 1e6 else f"{n:,}"


def idle():
    with Bench() as d:
        d.get("/v1/status")
        time.sleep(1)
        return d.rss_kb() * 1024 / 1e6


def filled(d, payload):
    """Fills the store; returns bytes of memory and of disk."""
    empty = d.store_bytes()
    d.load("fill", "--batch", 1000, "--n", JOBS, "--payload", payload)
    return d.rss_kb() * 1024, d.store_bytes() - empty


def ready_again(d):
    d.kill()
    return {"s": rig.seconds(d.start), "queued": d.count(state="queued")}


def size(rounds):
    """Memory idle and with a million queued jobs; disk a job, queued and succeeded with its attempt; ready again after kill -9."""
    rows = [row("memory, idle", idle(), "MB", ("<=", 60))]
    with Bench() as d:
        memory, small = filled(d, 8)
    rows += [row(f"memory, {mega(JOBS)} queued, payload of 8 bytes", memory / 1e6, "MB", ("<=", 150)),
             row("disk, a queued job, payload of 8 bytes", small / JOBS, "B", ("<=", 400), without_payload=small / JOBS - 8)]
    with Bench() as d:
        memory, large = filled(d, PAYLOAD)
        rows += [row(f"memory, {mega(JOBS)} queued, payload of 200 bytes", memory / 1e6, "MB", ("<=", 150)),
                 row("disk, a queued job, payload of 200 bytes", large / JOBS, "B", ("<=", 400), without_payload=large / JOBS - PAYLOAD)]
        again = [ready_again(d) for _ in range(rounds)]
        if any(a["queued"] != JOBS for a in again):
            raise RuntimeError(f"jobs were lost: {again}")
        rows.append(row(f"ready after kill -9, {mega(JOBS)} queued", median(again, "s"), "s", ("<=", 2), rounds=again))
        empty = d.store_bytes() - large
        d.load("work", "--connections", 0, "--workers", 4, "--batch", 1000, "--n", JOBS)
        ended = d.store_bytes() - empty
        rows.append(row("disk, a succeeded job with its attempt, payload of 200 bytes", ended / JOBS, "B", ("<=", 400),
                        without_payload=ended / JOBS - PAYLOAD))
    return rows


# ---- history ----

def one_of_each(d):
    """A job that succeeded and one that failed: what the history is made of."""
    found = []
    for report in ({"outcome": "succeeded"}, {"outcome": "failed", "error": {"message": "connect ECONNREFUSED 10.0.0.7:5432"}}):
        found.append(int(d.enqueue("work", payload={"k": "x" * (PAYLOAD - 8)})))
        lease = d.post("/v1/work/fetch", {"worker": "bench"})["leases"][0]
        d.post("/v1/work/report", [{"lease": lease["lease"], "token": lease["token"]} | report])
    return found


def with_history(d, rows):
    ids = one_of_each(d)
    d.stop()
    written = History(f"{d.dir}/reprise.db", *ids).grow(rows, HISTORY_S)
    d.start()
    have = d.sql("select count(*) from job")[0]
    if have != written + 2:
        raise RuntimeError(f"{have} jobs after {written} were written")
    return written


def history(rounds):
    """What a job costs from enqueue to its end with ten million ended jobs in the store, against an empty one, in turn; first pages of lists."""
    room = shutil.disk_usage(rig.where()).free - 5 * 10**9
    rows = min(ROWS, int(room / ROW_BYTES) if room > 0 else 0)
    if rows < 100000:
        raise rig.Skip(f"no room for history in {rig.where()}")
    args = ["work", "--connections", 2, "--workers", 4, "--batch", 1000, "--n", 30000]
    with Bench() as full, Bench() as empty:
        written = with_history(full, rows)
        d, e = in_turn(rounds + 1, lambda: full.load(*args), lambda: empty.load(*args))
        d, e = d[1:], e[1:]  # the first round reads the file into memory
        pages = first_pages(full, f"with {mega(written)} ended jobs")
        cost = [sum(x["cpu_s"] for x in found) * 1e6 / sum(x["jobs"] for x in found) for found in (d, e)]
    name = f"with {mega(written)} ended jobs"
    return [row(f"enqueue, claim, complete, {name}", median(d, "per_s"), "jobs/s", (">=", .8), "empty store", median(e, "per_s"), goal_is_ratio=True,
                cpu_us_a_job=cost[0], beside_cpu_us_a_job=cost[1], rounds=d, empty_rounds=e),
            row(f"processor time a job, {name}", cost[0], "us", ("<=", 1.2), "empty store", cost[1], goal_is_ratio=True), *pages]


# ---- schedules ----

SCHEDULES = int(os.environ.get("RP_BENCH_SCHEDULES", "100000"))
LATE = "select started_at - instant from job where schedule_id is not null and instant between ? and ? order by 1"


def schedules(rounds):
    """100,000 schedules, spread over an hour (28 a second): how late due ones start. Workers fetch them, with long polls."""
    lines = "".join(f' j{i}: {{schedule: "{i % 60} {i // 60 % 60} * * * *"}}\n' for i in range(SCHEDULES))
    d = Bench("jobs:\n" + lines)
    try:
        first = rig.seconds(lambda: ready(d))
        memory, late = d.rss_kb() * 1024 / 1e6, lateness(d, 6 + 4 * rounds)
        d.kill()
        again = rig.seconds(lambda: ready(d))
    finally:
        d.__exit__(None, None, None)
    name = f"{SCHEDULES:,} schedules"
    return [row(f"ready with {name}, first start", first, "s"), row(f"ready with {name}, after kill -9", again, "s"),
            row(f"memory with {name}", memory, "MB"),
            row(f"{name}, lateness of a start, p50", late[len(late) // 2] / 1e3, "ms", samples=len(late)),
            row(f"{name}, lateness of a start, p99", late[int(.99 * len(late))] / 1e3, "ms", ("<=", 50), samples=len(late))]


def ready(d):
    d.start(ready=False)
    rig.wait_for(d.ready, "readyz", 240)


def lateness(d, seconds):
    """Of what was due in that time, with workers that wait for it; the first seconds, in which a start works off its gap, are left out."""
    rig.wait_for(lambda: d.count(state="queued") == 0 or d.post("/v1/work/fetch", {"worker": "first", "max": 1000}) is None, "the first instants")
    with rig.worker(d):
        since = time.time() + 2
        time.sleep(2 + seconds)
        until = since + seconds - 1
    db = sqlite3.connect(f"file:{d.dir}/reprise.db?mode=ro", uri=True)
    late = [r[0] for r in db.execute(LATE, (int(since * 1e6), int(until * 1e6)))]
    db.close()
    if None in late or len(late) < 20 * seconds * SCHEDULES / 100000:
        raise RuntimeError(f"{late.count(None)} of {len(late)} that were due did not start")
    return late


MEASURES = {"size": size, "history": history, "schedules": schedules}
