"""A whole daemon whose disk fills up, again and again (G6; also G5, G26): new work is refused in words that say what to do, what runs
ends in a recorded outcome with its output, and service resumes by itself. The disk is a tmpfs of a few megabytes; mounting it needs root.

RP_FULL_ROUNDS=n makes it longer."""
import json
import os
import sqlite3
import subprocess
import tempfile
import time

import pytest
from reprise import Daemon, run, wait_for

A_DISK = 2  # rounds: what was let in stays, and takes the room of later ones
DISKS = max(1, int(os.environ.get("RP_FULL_ROUNDS", "2")) // A_DISK)
SAID = 60_000  # bytes that a command says while the disk is full
LEASE_S = 6  # for longer than a slow machine needs to fill the disk
CONFIG = f"lease: {LEASE_S}s" + """
shutdown_grace: 1s
jobs:
  fetched: { idempotent: true }
  mend: { retries: 0 }
  talker:
    shell: "echo begun; while [ ! -e $GO ]; do sleep 0.05; done; head -c %d /dev/zero | tr '\\\\0' x; echo; echo over"
    env: { GO: %s }
    idempotent: true
    retries: 3
  failer:
    shell: "while [ ! -e $GO ]; do sleep 0.05; done; echo 'no such table: invoices' >&2; exit 65"
    env: { GO: %s }
  tick: { shell: "true", schedule: "* * * * * *", overlap: allow, missed: skip }
"""


class SmallDisk:
    """A folder with little room, and ballast that takes the rest of it."""

    def __init__(self, size="6m"):
        self.dir, self.size = tempfile.mkdtemp(prefix="rp-full-"), size
        self.ballast = f"{self.dir}/ballast"

    def __enter__(self):
        if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={self.size},mode=0700", "tmpfs", self.dir]).returncode != 0:
            os.rmdir(self.dir)
            pytest.skip("no small file system can be mounted here: this needs root")
        return self

    def __exit__(self, *error):
        subprocess.run(["umount", "-l", self.dir])
        os.rmdir(self.dir)

    def fill(self, but=0):
        """But for so many bytes."""
        room = os.statvfs(self.dir)
        left = room.f_bavail * room.f_frsize - but if but else 1 << 40
        with open(self.ballast, "ab", buffering=0) as f:
            try:
                while left > 0:
                    left -= f.write(b"x" * 4096)
            except OSError:
                pass

    def make_room(self):
        os.unlink(self.ballast)


@pytest.fixture
def disk():
    with SmallDisk() as d:
        yield d


@pytest.fixture
def daemon(disk, tmp_path):
    d = Daemon(CONFIG % (SAID, tmp_path / "go", tmp_path / "go"))
    d.config.write_text(d.config.read_text().replace(f"sqlite://{d.dir}", f"sqlite://{disk.dir}"))
    d.go = tmp_path / "go"
    with d:
        yield d


def lease_one(d, type):
    d.enqueue(type)
    return d.post("/v1/work/fetch", {"worker": "w", "types": [type], "wait_ms": 20000})["leases"][0]


def report(d, lease, outcome="succeeded"):
    entry = {"lease": lease["lease"], "token": lease["token"], "outcome": outcome}
    if outcome == "failed":
        entry["error"] = {"message": "refused"}
    return d.http("POST", "/v1/work/report", [entry])


def refused_in_words(answer):
    """A refusal is a problem with a code, a sentence and an instruction; it is never taken for success."""
    status, text = answer
    problem = json.loads(text)
    problem = problem[0]["problem"] if isinstance(problem, list) else problem
    assert status in (507, 503) or (status == 200 and "type" in problem), (status, text)
    assert problem["type"] == "urn:reprise:problem:store-full", problem
    assert "no room" in problem["detail"] and "free space" in problem["hint"], problem
    return True


def fill_up(d, disk, kept):
    """Until an enqueue is refused: the store's log may have had room of its own left."""
    disk.fill()
    for _ in range(200):
        status, text = d.http("POST", "/v1/jobs", {"type": "fetched", "payload": "y" * 60000})
        if status != 201:
            return refused_in_words((status, text))
        kept.append(json.loads(text)["id"])
    assert False, "it does not become full"


def all_is_refused(d, lease, kept):
    """One of each kind of write. A small one may find room in what the store's log has left, until that is used up."""
    for path, body in [("/v1/jobs", {"type": "fetched", "payload": "y" * 60000}), ("/v1/jobs", [{"type": "fetched"}] * 500),
                       ("/v1/schedules/tick/run", {})]:
        for _ in range(500):
            status, text = d.http("POST", path, body)
            if status >= 300:
                break
            if isinstance(body, list):
                kept += [j["id"] for j in json.loads(text)]
        refused_in_words((status, text))
    answer = report(d, lease)
    reported = answer[0] == 200 and "state" in json.loads(answer[1])[0]
    assert reported or refused_in_words(answer)
    status, text = wait_for(lambda: (lambda a: a if a[0] == 503 else None)(d.http("GET", "/readyz")), "readyz says so")
    assert json.loads(text)["since"], text
    status = wait_for(lambda: d.get("/v1/status").get("write_fails"), "reads go on, and the status says why")
    assert status["problem"]["hint"] and status["since"]
    return reported


def whole_after(d, disk):
    """The daemon ends as it should, and the file it leaves is whole."""
    assert d.stop() == 0
    with sqlite3.connect(f"{disk.dir}/reprise.db") as db:
        assert db.execute("pragma integrity_check").fetchall() == [("ok",)]
        assert db.execute("select count(*) from job where state = 3").fetchone() == (0,)


@pytest.mark.parametrize("_", range(DISKS))
def test_G6_a_daemon_on_a_full_disk_refuses_in_words_keeps_what_runs_and_resumes_by_itself(_, daemon, disk):
    d, kept, refused = daemon, [], 0
    for _ in range(A_DISK):
        d.go.unlink(missing_ok=True)
        talker, failer = d.enqueue("talker"), d.enqueue("failer")
        d.wait_state(talker, "running")
        d.wait_state(failer, "running")
        lease = lease_one(d, "mend")
        fill_up(d, disk, kept)
        reported = all_is_refused(d, lease, kept)
        d.go.touch()  # both commands end while nobody can write it down …
        ended = time.monotonic() + LEASE_S + 1
        while time.monotonic() < ended:  # … for longer than a lease, and everything stays refused
            refused_in_words(d.http("POST", "/v1/jobs", {"type": "fetched", "payload": "y" * 60000}))
            refused += 1
        disk.make_room()
        wait_for(lambda: d.http("GET", "/readyz")[0] == 200, "service resumes by itself")
        assert d.wait_state(talker, "succeeded", "failed", "unknown")["state"] == "succeeded"
        assert d.wait_state(failer, "succeeded", "failed", "unknown")["state"] == "failed"
        assert [len(d.attempts(j)) for j in (talker, failer)] == [1, 1], "once each"
        said = d.output(talker)
        assert said.startswith(b"begun\n") and said.endswith(b"over\n") and said.count(b"x") == SAID, said[-100:]
        assert "no such table" in d.attempts(failer)[0]["error"]["message"]
        status, text = report(d, lease) if not reported else (200, '[{"state": "succeeded"}]')
        assert status == 200 and json.loads(text)[0]["state"] == "succeeded", "the worker's lease outlived the full disk"
        kept.append(d.enqueue("fetched"))
    assert refused > 10
    assert d.get("/v1/jobs/count?type=fetched&state=queued")["count"] == len(kept), "what was answered is there, what was refused is not"
    for id in kept[::50] + kept[-1:]:
        assert d.job(id)["type"] == "fetched"
    whole_after(d, disk)


def test_G6_a_daemon_that_is_killed_on_a_full_disk_says_so_at_its_start_and_starts_with_room(daemon, disk):
    d, kept = daemon, []
    talker = d.enqueue("talker")
    d.wait_state(talker, "running")
    fill_up(d, disk, kept)
    d.kill()
    again = run("serve", "--config", d.config)
    assert again.code == 1 and "no room" in again.err and "free space" in again.err, again
    disk.make_room()
    d.go.touch()
    d.start()
    job = d.wait_state(talker, "succeeded")
    assert [a["outcome"] for a in d.attempts(talker)] == ["lost", "succeeded"], job
    for id in kept:
        assert d.job(id)["state"] == "queued"


def test_G26_a_stop_on_a_full_disk_ends_in_time_and_the_next_start_knows_what_was_not_written(daemon, disk):
    d, kept = daemon, []
    talker = d.enqueue("talker")
    d.wait_state(talker, "running")
    fill_up(d, disk, kept)
    assert d.stop(timeout=60) == 0
    disk.make_room()
    d.go.touch()
    d.start()
    d.wait_state(talker, "succeeded")
    assert [a["outcome"] for a in d.attempts(talker)][-1] == "succeeded"
    for id in kept:
        assert d.job(id)["state"] == "queued"


def test_R14_a_replay_halts_when_the_room_on_the_disk_would_not_do_for_the_rest_of_it(tmp_path):
    with SmallDisk("160m") as disk:
        d = Daemon("replay: { settle: 0s }\njobs:\n  a: { shell: \"test -e %s || { echo 'Connection refused' >&2; exit 1; }\", idempotent: true, retries: 0 }\n"
                   % (tmp_path / "fixed"))
        d.config.write_text(d.config.read_text().replace(f"sqlite://{d.dir}", f"sqlite://{disk.dir}"))
        with d:
            jobs = [d.enqueue("a") for _ in range(12)]
            wait_for(lambda: all(d.job(j)["state"] == "failed" for j in jobs), "the failures")
            (tmp_path / "fixed").touch()
            d.post("/v1/replays", {"select": {"all": True}, "guard": {"rate": 0.2}})
            wait_for(lambda: d.get("/v1/replays/R1")["fates"]["succeeded"] > 0, "its begin")
            disk.fill(but=40 << 20)
            halted = wait_for(lambda: (lambda r: r if r["state"] == "halted" else None)(d.get("/v1/replays/R1")), "the halt")
            assert "the store's disk has" in halted["says"] and "MB left, too little for" in halted["says"], halted["says"]
            refused = d.cli("replay", "--all", "--dry-run", code=4).out
            assert "store" in refused
            disk.make_room()
            d.cli("replay", "resume", "R1", "--reason", "made room")
            d.cli("replay", "abort", "R1")
            d.post("/v1/replays", {"select": {"all": True}})
            wait_for(lambda: d.get("/v1/replays/R2")["state"] == "done", "all of it")
            assert {d.job(j)["state"] for j in jobs} == {"succeeded"}
