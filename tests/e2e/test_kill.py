"""SIGKILL at random moments under load, restart, and a look whether every promise was kept (guarantees: kill).

RP_KILL_ROUNDS=n makes it longer, RP_SEED=n repeats the choices of a run that failed (the moments are the machine's)."""
import os
import random
import sqlite3
import statistics
import threading
import time

from load import CONFIG, Enqueuer, Finisher, Ledger, Worker
from reprise import Daemon, wait_for

ROUNDS = int(os.environ.get("RP_KILL_ROUNDS", "12"))
ROUNDS_A_STORE = 25  # then a new one, so that each check stays quick
SEED = int(os.environ.get("RP_SEED", random.SystemRandom().getrandbits(32)))
MENDS = 40


class Rounds:
    """One store, killed again and again."""

    def __init__(self, daemon, seed):
        self.d, self.seed, self.ledger = daemon, seed, Ledger()
        self.random = random.Random(seed)
        self.starts, self.replay = [], None

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
        self.starts.append(time.monotonic() - began)

    def fail_some(self):
        """Jobs that failed, for a replay that the kills will hit."""
        self.mends = [j["id"] for j in self.d.post("/v1/jobs", [{"type": "mend", "payload": "mend"}] * MENDS)]
        stop = threading.Event()
        w = Worker("breaker", self.d, self.ledger, stop, 0)
        w.types = ["mend"]
        w.handle = lambda lease: w.report(lease, "failed")
        w.start()
        wait_for(lambda: self.d.get("/v1/jobs/count?type=mend&state=failed")["count"] == MENDS, "failed jobs to replay")
        stop.set()
        w.join()

    def start_replay(self):
        answer = self.d.post("/v1/replays", {"select": {"type": "mend"}, "guard": {
            "canary": 4, "wave": 6, "rate": 12, "accept_unknown": True, "reason": "the link is back"}})
        self.replay = answer["id"]

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
        return self.replay is not None and job in self.mends

    def check_once(self):
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
        for instant, n in self.rows("select instant, count(*) from job where schedule_id is not null group by 1 having count(*) > 1"):
            self.ledger.say(f"G14: the instant {instant} made {n} jobs")
        seconds = [i // 1000000 for (i,) in self.rows("select instant from occurrence order by 1")]
        gaps = [(a, b) for a, b in zip(seconds, seconds[1:]) if b != a + 1]
        if gaps:
            self.ledger.say(f"G14: between the instants {gaps[0]} there is none with a verdict")

    def check_replay(self):
        for job, replay, n in self.rows("select job_id, replay_id, count(*) from attempt where replay_id is not null "
                                        "and outcome not in (4, 7) group by 1, 2 having count(*) > 1"):
            self.ledger.say(f"G17: job {job} ran {n} times in replay R{replay}")
        for job, in self.rows("select distinct job_id from attempt where replay_id is not null"):
            if str(job) not in self.mends:
                self.ledger.say(f"G17: job {job} ran in a replay that has not selected it")

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

        answers, rows = wait_for(agree, "a moment in which no row changes", 60)
        if answers != rows:
            self.ledger.say(f"G30: the answers say {answers}, the rows {rows}")

    # ---- the end ----

    def finish(self):
        """Whatever was accepted comes to an end by itself, the replay too."""
        threads, stop = self.clients("end", [Finisher, Finisher])
        live = "select count(*) from job j join job_type t on t.id = j.type_id where j.state < 5 and t.name <> 'tick'"
        try:
            wait_for(self.replay_over, "the end of the replay", 120)
            wait_for(lambda: self.rows(live) == [(0,)], "the end of every job", 120)
        finally:
            stop.set()
            for t in threads:
                t.join()
        items = self.d.get(f"/v1/replays/{self.replay}/items?limit=999")["items"]
        assert sorted(i["job"] for i in items) == sorted(self.mends), "G17: the replay's items are the jobs that failed"
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
        r.fail_some()
        for round in range(rounds):
            if round == 1:
                r.start_replay()
            r.load(round)
            r.restart()
            r.check()
        r.finish()
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
