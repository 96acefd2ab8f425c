"""SIGKILL at random moments under load (workers, processes, a schedule, a replay under way), restart, and a look whether every promise
was kept (guarantees: kill).

RP_KILL_ROUNDS=n makes it longer, RP_SEED=n makes other choices, or those of a run that failed again (the moments are the machine's)."""
import collections
import json
import os
import random
import sqlite3
import statistics
import threading
import time

from load import CONFIG, Enqueuer, Finisher, Ledger, Worker
from reprise import SEED, Daemon, processes_with, stretch, wait_for

ROUNDS = int(os.environ.get("RP_KILL_ROUNDS", "20"))
ROUNDS_A_STORE = 25  # then a new one, so that each check stays quick
MENDS, PATCHES = 24, 6  # jobs of one replay: for workers, with a process


class Rounds:
    """One store, killed again and again."""

    def __init__(self, daemon, seed):
        self.d, self.seed, self.ledger = daemon, seed, Ledger()
        self.random = random.Random(seed)
        self.starts, self.replays, self.replay = [], {}, None  # replays: number → its jobs

    # ---- load ----

    def clients(self, round, kinds):
        stop = threading.Event()
        threads = [kind(f"{kind.__name__.lower()}{i}-{round}", self.d, self.ledger, stop, f"{self.seed} {round} {i}")
                   for i, kind in enumerate(kinds)]
        for t in threads:
            t.start()
        return threads, stop

    def load(self, round):
        threads, stop = self.clients(round, [Enqueuer, Enqueuer, Worker, Worker])
        time.sleep(0.2 + self.random.random() * 1.3)  # the random moment
        self.d.kill()
        stop.set()
        for t in threads:
            t.join()

    def restart(self):
        began = time.monotonic()
        self.d.start()
        took = time.monotonic() - began
        self.starts.append(took if took < 1 else took / stretch())  # a long one in time of a machine that does nothing else

    def fail_some(self, patches):
        """Jobs that failed, for a replay that the kills will hit."""
        (self.d.dir / "fixed").unlink(missing_ok=True)
        wanted = [{"type": "mend", "payload": "mend"}] * MENDS + [{"type": "patch"}] * patches
        ids = [j["id"] for j in self.d.post("/v1/jobs", wanted)]
        stop = threading.Event()
        w = Worker("breaker", self.d, self.ledger, stop, 0)
        w.types = ["mend"]
        w.handle = lambda lease: w.report(lease, "failed")
        w.start()
        of_these = f"select count(*) from job where state = 6 and id >= {ids[0]} and id <= {ids[-1]}"
        wait_for(lambda: self.rows(of_these) == [(len(ids),)], "failed jobs to replay")
        stop.set()
        w.join()
        (self.d.dir / "fixed").touch()
        return ids

    def keep_replaying(self):
        """A new replay whenever the one before has ended, so that kills hit all its stages. Every second one is of one type, which
        workers take straight from it."""
        if self.replay is None or self.replay_over():
            alike = len(self.replays) % 2 == 1
            ids = self.fail_some(0 if alike else PATCHES)
            self.replay = self.d.post("/v1/replays", {"select": {"jobs": ids}, "guard": {
                "canary": 4, "wave": 6, "rate": "unlimited" if alike else 12, "accept_unknown": True, "reason": "the link is back"}})["id"]
            self.replays[int(self.replay.removeprefix("R"))] = sorted(map(int, ids))

    # ---- checks ----

    def rows(self, sql, *values):
        with sqlite3.connect(f"file:{self.d.dir}/reprise.db?mode=ro", uri=True, timeout=30) as db:
            return db.execute(sql, values).fetchall()

    def check(self):
        self.check_store()
        self.check_enqueued()
        self.check_reports()
        self.check_once()
        self.check_keys()
        self.check_schedule()
        self.check_replay()
        self.check_processes()
        self.check_counts()
        assert not self.ledger.wrong, f"RP_SEED={SEED}:\n" + "\n".join(self.ledger.wrong[:20])

    def check_store(self):
        findings = self.d.json("doctor")["findings"]
        self.ledger.wrong += [f"G4: {f}" for f in findings if f["check"] == "store" and f["state"] != "holds"]

    def check_enqueued(self):
        tags = dict(self.rows("select labels ->> '$.tag', count(*) from job where labels is not null group by 1"))
        ids = {id for (id,) in self.rows("select cast(id as text) from job")}
        for tag, n in self.ledger.tags.items():
            if tags.get(tag, 0) != n:
                self.ledger.say(f"G1/G13: {n} jobs of {tag} were acknowledged, {tags.get(tag, 0)} are there")
        for body, tag, n in self.ledger.doubtful.values():
            if tags.get(tag, 0) not in (0, n):
                self.ledger.say(f"G2: of the batch {tag} with {n} jobs {tags[tag]} are there")
        for id in self.ledger.ids.keys() - ids:
            self.ledger.say(f"G1: job {id} ({self.ledger.ids[id]}) was acknowledged and is gone")

    def check_reports(self):
        outcomes = {(str(j), n): name for j, n, name in self.rows(
            "select job_id, n, name from attempt a join outcome_name o on o.id = a.outcome")}
        states = {str(j): (last, name) for j, last, name in self.rows(
            "select j.id, last_n, name from job j join state_name s on s.id = j.state")}
        for (job, n), (outcome, state) in self.ledger.reports.items():
            if outcomes.get((job, n)) != outcome:
                self.ledger.say(f"G3: attempt {n} of job {job} was reported {outcome}, it is {outcomes.get((job, n))}")
            last, now = states[job]
            if last == n and state in ("succeeded", "failed") and now != state and not self.replayed(job):
                self.ledger.say(f"G3: job {job} was answered to be {state}, it is {now}")

    def replayed(self, job):
        return any(int(job) in jobs for jobs in self.replays.values())

    def check_once(self):
        runs = self.d.dir / "runs"
        begun = collections.Counter(tuple(line.split()) for line in runs.read_text().splitlines()) if runs.exists() else {}
        recorded = {(str(j), n) for j, n in self.rows("select job_id, n from attempt union select job_id, n from lease")}  # after it: schedule and replay go on
        for job, n in self.ledger.granted - recorded:
            self.ledger.say(f"G12: attempt {n} of job {job} was given to a worker and is not on record")
        for (job, n), times in begun.items():
            if times > 1 or (job, int(n)) not in recorded:
                self.ledger.say(f"G12: the process of attempt {n} of job {job} began {times} times"
                                f"{'' if (job, int(n)) in recorded else ', and the attempt is not on record'}")
        for job, n in self.rows("select job_id, count(*) from attempt a join job j on j.id = a.job_id join job_type t on t.id = j.type_id "
                                "where t.name = 'once' group by 1 having count(*) > 1"):
            self.ledger.say(f"G12: job {job}, which is not idempotent, ran {n} times")
        for job, state in self.rows("select j.id, j.state from job j join attempt a on a.job_id = j.id and a.n = j.last_n join job_type t on "
                                    "t.id = j.type_id where t.name = 'once' and a.outcome = 4 and j.state <> 8"):
            self.ledger.say(f"G12: the attempt of job {job} was lost, and the job is in state {state} instead of unknown")
        for job, n, state in self.rows("select j.id, j.attempts, j.state from job j join job_type t on t.id = j.type_id "
                                       "where t.name in ('work', 'command') and j.state in (6, 8)"):
            self.ledger.say(f"G12: job {job} is idempotent and is in state {state} after {n} attempts")

    def check_keys(self):
        for key, a, b in self.rows("select a.key, a.id, b.id from job a join job b on b.type_id = a.type_id and b.key = a.key and b.id > a.id "
                                   "where a.key is not null and (a.ended_at is null or b.created_at < a.ended_at)"):
            self.ledger.say(f"G13: jobs {a} and {b} with the key {key} were live at the same time")

    def check_schedule(self):
        for instant, n in self.rows("select instant, count(*) from job where schedule_id is not null group by schedule_id, instant having count(*) > 1"):
            self.ledger.say(f"G14: the instant {instant} made {n} jobs")
        seconds = [i // 1000000 for (i,) in self.rows("select instant from occurrence order by 1")]
        gaps = [(a, b) for a, b in zip(seconds, seconds[1:]) if b != a + 1]
        if gaps:
            self.ledger.say(f"G14: between the instants {gaps[0]} there is none with a verdict")

    def check_replay(self):
        for job, replay, n in self.rows("select job_id, replay_id, count(*) from attempt where replay_id is not null "
                                        "and outcome not in (4, 7) group by 1, 2 having count(*) > 1"):
            self.ledger.say(f"G17: job {job} ran {n} times in replay R{replay}")
        for replay, jobs in self.replays.items():
            items = self.rows("select job_id, fate from replay_item where replay_id = ? order by job_id", replay)
            if [job for job, _ in items] != jobs:
                self.ledger.say(f"G17: the items of R{replay} are {items}, selected were {jobs}")
            ran = {job for job, in self.rows("select distinct job_id from attempt where replay_id = ?", replay)}
            if not ran <= set(jobs):
                self.ledger.say(f"G17: jobs {ran - set(jobs)} ran in R{replay}, which has not selected them")
            for job, fate in items:
                if fate in (3, 4, 5, 7) and job not in ran:
                    self.ledger.say(f"G17: job {job} has a fate in R{replay} and did not run in it")
        open_items = self.rows("select r.id, count(*) from replay r join replay_item i on i.replay_id = r.id and i.fate in (1, 2) "
                               "where r.state = 5 group by 1")
        for replay, n in open_items:
            self.ledger.say(f"G17: R{replay} is done and has lost {n} items")

    def check_processes(self):
        overlaps = self.d.dir / "overlaps"
        for line in overlaps.read_text().splitlines() if overlaps.exists() else []:
            self.ledger.say(f"G16: job and attempt {line} began while a process of an attempt before was alive")

    def counted(self):
        """What the rows say: state → number, and (queue, waiting, running, retrying, failed)."""
        states = dict(self.rows("select s.name, (select count(*) from job j where j.state = s.id) from state_name s"))
        queues = self.rows("select q.name, sum(j.state = 1), sum(j.state = 2), sum(j.state = 3), sum(j.state = 4), sum(j.state = 6) "
                           "from queue q join job j on j.queue_id = q.id group by 1 order by 1")
        return states, queues

    def check_counts(self):
        """G30: asked between two equal looks at the rows, as schedule and replay go on."""
        def agree():
            before = self.counted()
            queues = self.d.get("/v1/queues")["items"]
            status = self.d.get("/v1/status")
            counts = {s: self.d.get(f"/v1/jobs/count?state={s}")["count"] for s in before[0]}
            if self.counted() != before:
                return None
            names = ("name", "scheduled", "waiting", "running", "retrying", "failed")
            said = sorted(tuple(q[n] for n in names) for q in queues)
            return (counts, said, status["failed_total"], status["running"]), (before[0], before[1], before[0]["failed"], before[0]["running"])

        answers, rows = wait_for(agree, "a moment in which no row changes", 240)
        if answers != rows:
            self.ledger.say(f"G30: the answers say {answers}, the rows {rows}")

    # ---- the end ----

    def finish(self):
        """Whatever was accepted comes to an end by itself, the replay too."""
        threads, stop = self.clients("end", [Finisher] * 6)  # they wait most of their time
        live = "select count(*) from job j join job_type t on t.id = j.type_id where j.state < 5 and t.name <> 'tick'"
        try:
            wait_for(self.replay_over, "the end of the replay", 240)
            wait_for(lambda: self.rows(live) == [(0,)], "the end of every job", 240)
        finally:
            stop.set()
            for t in threads:
                t.join()
        self.check()

    def replay_over(self):
        """Lost attempts may halt it, as they should: a person then lets it go on."""
        replay = self.d.get(f"/v1/replays/{self.replay}")
        if replay["state"] == "halted":
            self.d.post(f"/v1/replays/{self.replay}/resume", {"reason": "the daemon was killed, nothing else"})
        return replay.get("ended_at") and replay["state"] != "halted"


def rounds_on_one_store(seed, rounds):
    d = Daemon("")
    d.write_config(CONFIG % {"dir": d.dir})
    with d:
        r = Rounds(d, seed)
        for round in range(rounds):
            r.keep_replaying()
            r.load(round)
            r.restart()
            r.check()
        r.finish()
        r.ledger.done["replays"] += len(r.replays)
        assert d.stop() == 0
    left = processes_with(str(d.dir))
    assert not left, f"G16: processes {left} have outlived their jobs and the daemon"
    return r


def test_G1_to_G4_G10_to_G17_G27_G30_no_promise_is_broken_by_kills():
    print(f"RP_SEED={SEED} RP_KILL_ROUNDS={ROUNDS}")
    starts, done, left = [], {}, ROUNDS
    while left > 0:
        r = rounds_on_one_store(f"{SEED} {left}", max(2, min(left, ROUNDS_A_STORE)))
        left -= ROUNDS_A_STORE
        starts += r.starts
        for what, n in r.ledger.done.items():
            done[what] = done.get(what, 0) + n
        print(f"{len(starts)} kills; ready again after {statistics.median(starts):.2f} s (median), {max(starts):.2f} s (longest); {done}", flush=True)
    assert statistics.median(starts) < 2, f"G27: RP_SEED={SEED}: ready again after {sorted(starts)[-5:]} s"


COUNT = "i=0; while :; do i=$((i + 1)); echo $i; echo $i >>%s/said; sleep 0.05; done"


def test_G5_output_survives_the_daemons_death_but_for_its_last_second():
    with Daemon("") as d:
        d.write_config("jobs:\n  talk: " + json.dumps({"shell": COUNT % d.dir, "idempotent": True, "retries": 3}) + "\n")
        d.reload()
        wait_for(lambda: d.http("POST", "/v1/jobs", {"type": "talk"})[0] == 201, "the job")
        id = d.get("/v1/jobs")["items"][0]["id"]

        def said():
            path = d.dir / "said"
            return len(path.read_text().splitlines()) if path.exists() else 0

        at_least = wait_for(lambda: said() > 20 and said(), "some output")
        time.sleep(3)  # the last second, and two for a machine that is busy with other things
        d.kill()
        d.start()
        assert d.attempts(id)[0]["outcome"] == "lost"
        kept = [int(n) for n in d.output(id, 1).split()]
        assert kept == list(range(1, len(kept) + 1)) and len(kept) >= at_least, f"{len(kept)} lines are kept, {at_least} were written 3 s before"
