"""G23: work by the million leaves nothing behind: no descriptor, zombie, cgroup folder or temporary file, and no memory.

RP_SOAK_JOBS and RP_SOAK_SPAWNS make it longer: scripts/test-long takes 1,000,000 and 10,000."""
import os
import pathlib
import time

from reprise import SLACK, Daemon, wait_for

JOBS = int(os.environ.get("RP_SOAK_JOBS") or 50_000)
SPAWNS = int(os.environ.get("RP_SOAK_SPAWNS") or 1_000)
BATCH, MB = 1000, 1 << 20
WARM = 25_000  # of 4 kB: the store's page cache (64 MB, src/store/sqlite.c) is full then
CONFIG = """max_running: 16
lease: 10m
jobs:
  w: { idempotent: true, retries: 0 }
  nowhere: { run: ["true"], cwd: /nonexistent/folder, retries: 0 }
  nobody: { run: ["true"], user: no-such-user-here, retries: 0 }
  bad: { run: [%(dir)s/bad], retries: 0 }
  good: { run: ["true"] }
"""


def children(pid):
    """State letters of the daemon's children."""
    states = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                rest = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(rest[1]) == pid:
                states.append(rest[0])
    return states


def cgroup_folders(d):
    """Folders of attempts below those that this daemon made."""
    # os.walk: folders of other programs come and go meanwhile. Some have been left by killed daemons with the same number: see Held.
    return [os.path.join(at, f) for at, below, _ in os.walk("/sys/fs/cgroup") for f in below
            if os.path.basename(at).startswith("reprise-") and f"-{d.process.pid}-" in os.path.basename(at)]


def files(d):
    """What a daemon may leave about: in its folder, in the folders for temporary files, in shared memory."""
    ours = {p.name for p in d.dir.iterdir()}
    return ours | {str(p) for root in ("/tmp", "/dev/shm", "/var/tmp") for p in pathlib.Path(root).glob("*reprise*") if str(d.process.pid) in p.name}


class Held:
    def __init__(self, d):
        self.descriptors, self.files, self.folders = d.descriptors(), files(d), set(cgroup_folders(d))

    def nothing_more(self, d):
        wait_for(lambda: d.descriptors() <= self.descriptors, f"no more than {self.descriptors} descriptors (now {d.descriptors()})")
        wait_for(lambda: not children(d.process.pid), f"no child (now {children(d.process.pid)})")
        wait_for(lambda: set(cgroup_folders(d)) <= self.folders, f"no folder more than {self.folders} (now {cgroup_folders(d)})")
        assert files(d) <= self.files


def work_off(d, n, payload=100, batch=BATCH):
    for _ in range(n // batch):
        d.post("/v1/jobs", [{"type": "w", "payload": {"order": 4711, "note": "x" * payload}}] * batch)
        leases = []
        while len(leases) < batch:
            leases += d.post("/v1/work/fetch", {"worker": "soak", "types": ["w"], "max": batch - len(leases), "wait_ms": 1000})["leases"]
        d.post("/v1/work/report", [{"lease": l["lease"], "token": l["token"], **(
            {"outcome": "failed", "error": {"message": f"connect ETIMEDOUT 10.0.0.{i % 250}:443"}} if i % 50 == 0 else {"outcome": "succeeded"})}
            for i, l in enumerate(leases)])


def test_G23_jobs_by_the_million_leave_nothing_behind_and_memory_is_flat():
    with Daemon("") as d:
        d.write_config(CONFIG % {"dir": d.dir})
        d.stop()
        d.start()
        work_off(d, WARM, 4000, 100)  # no request is larger than those that follow: what is measured is not what they gave back
        held, warm, began = Held(d), d.memory(), time.monotonic()
        work_off(d, JOBS)
        grown = d.memory() - warm
        print(f"{JOBS} jobs, {JOBS / (time.monotonic() - began):.0f}/s, {warm >> 20} MB before them, then {grown >> 10} kB more")
        assert d.get("/v1/jobs/count?state=succeeded")["count"] == (JOBS + WARM) // 50 * 49
        assert grown < SLACK * 16 * MB, f"{grown >> 20} MB more after {JOBS} jobs"
        held.nothing_more(d)


def test_G23_spawns_that_fail_leave_nothing_behind_and_memory_is_flat():
    with Daemon("") as d:
        bad = d.dir / "bad"
        bad.write_text("#!/no/such/interpreter\n")
        bad.chmod(0o755)
        d.write_config(CONFIG % {"dir": d.dir})
        d.stop()
        d.start()
        types, live = ["nowhere", "nobody", "bad"], lambda: d.get("/v1/jobs/count?state=queued")["count"] + d.get("/v1/jobs/count?state=running")["count"]

        def fail(n):
            for at in range(0, n, BATCH):
                d.post("/v1/jobs", [{"type": types[i % 3]} for i in range(min(BATCH, n - at))])
                wait_for(lambda: live() == 0, "their end", 120 * SLACK)

        fail(SPAWNS // 5)
        held, warm = Held(d), d.memory()
        fail(SPAWNS - SPAWNS // 5)
        grown = d.memory() - warm
        print(f"{SPAWNS} failed spawns, {warm >> 20} MB after a fifth of them, then {grown >> 10} kB more")
        assert d.get("/v1/jobs/count?state=failed")["count"] == SPAWNS
        d.wait_state(d.enqueue("good"), "succeeded")
        assert grown < SLACK * 16 * MB, f"{grown >> 20} MB more after {SPAWNS} failed spawns"
        held.nothing_more(d)
