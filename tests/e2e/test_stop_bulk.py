"""SIGTERM in the midst of bulk work: while a replay of very many jobs is planned, frozen or let out, and while failures are mined. The daemon
ends with 0 in time, and after the next start nothing is half done (G26). A moment is a condition, not a time: so far it has come."""
import contextlib
import os
import random
import sqlite3

import pytest
from reprise import SANITIZED, SEED, SLACK, Daemon, wait_for
from test_stop import Asker, store_finding, under_way

CONFIG = "shutdown_grace: 1s\njobs:\n  w: { idempotent: true, retries: 0 }\n"
JOBS = 6000 if SANITIZED else 61000
SELECT = {"select": {"type": "w", "state": "failed"}}
# On a slow machine it is minutes since a worker asked.
AT_ONCE = SELECT | {"guard": {"canary": 0, "rate": "unlimited", "override": ["workers"], "reason": "it is mended"}}
STOP_S = 40 * SLACK


def stored(d, question):
    """A number that the store's file tells."""
    with contextlib.closing(sqlite3.connect(f"file:{d.dir}/reprise.db?mode=ro", uri=True, timeout=30)) as db:
        return db.execute(question).fetchone()[0]


def stop(d):
    assert d.stop(timeout=STOP_S) == 0, d.logged()[-3000:]


def failed(d):
    return d.get("/v1/jobs/count?state=failed")["count"]


def fail_with(d, texts):
    for at in range(0, len(texts), 1000):
        some = texts[at:at + 1000]
        d.post("/v1/jobs", [{"type": "w"}] * len(some))
        while some:
            leases = d.post("/v1/work/fetch", {"worker": "w", "types": ["w"], "max": len(some), "wait_ms": 20000})["leases"]
            d.post("/v1/work/report", [{"lease": l["lease"], "token": l["token"], "outcome": "failed", "error": text}
                                       for l, text in zip(leases, some)])
            some = some[len(leases):]


@pytest.fixture(scope="module")
def many():
    """A daemon with very many failed jobs; each test leaves them failed."""
    with Daemon(CONFIG) as d:
        fail_with(d, ["connect ECONNREFUSED 10.0.0.7:5432"] * JOBS)
        yield d


def undone(d):
    """What a test let out is failed again."""
    for r in d.get("/v1/replays")["items"]:
        if r["state"] in ("running", "paused", "halted"):
            d.post(f"/v1/replays/{r['id']}/undo", {"reason": "the test has ended"})
    wait_for(lambda: failed(d) == JOBS, "all of them failed again")


def test_G26_a_plan_of_very_many_jobs_is_told_of_the_stop_and_leaves_nothing(many):
    d = many
    before = stored(d, "select count(*) from replay")
    plan = Asker(d, "POST", "/v1/replays", SELECT | {"dry_run": True})
    wait_for(lambda: plan.status or under_way(d, 1), "the plan")
    stop(d)
    plan.join()
    assert plan.stopping() or plan.body["matched"] == JOBS, plan.body
    assert stored(d, "select count(*) from replay") == before
    d.start()
    assert failed(d) == JOBS


@pytest.mark.parametrize("share", [0, .2, .8])
def test_G26_a_replay_that_is_being_frozen_is_aborted_and_its_jobs_stay_failed(many, share):
    d = many
    before = stored(d, "select coalesce(max(id), 0) from replay")

    def frozen():
        return stored(d, f"select count(*) from replay_item where replay_id > {before}")
    made = Asker(d, "POST", "/v1/replays", AT_ONCE)
    wait_for(lambda: made.status or frozen() > share * JOBS, "items")
    stop(d)
    made.join()
    left = frozen()
    out = stored(d, f"select count(*) from replay_item where replay_id > {before} and fate <> 1")
    assert made.stopping() or made.status == 201, made.body
    d.start()
    newest = d.get("/v1/replays")["items"][0]
    if made.stopping():
        assert newest["state"] == "aborted" and out == 0 and left < JOBS, (newest, left)
        assert failed(d) == JOBS
    else:  # the machine was quicker than the stop: it goes on
        wait_for(lambda: d.get(f"/v1/replays/{newest['id']}")["fates"]["not_run"] == 0, "all of them out")
    undone(d)
    assert store_finding(d)["state"] == "holds"


@pytest.mark.parametrize("share", [0, .5])
def test_G26_jobs_that_are_let_out_by_the_thousand_go_on_after_the_next_start_each_once(many, share):
    d = many
    id = d.post("/v1/replays", AT_ONCE)["id"]
    wait_for(lambda: JOBS - failed(d) > share * JOBS, "jobs that are out")
    stop(d)
    out = stored(d, f"select count(*) from replay_item where replay_id = {id[1:]} and fate = 2")
    assert out == stored(d, f"select count(*) from job where state = 2 and replay_id = {id[1:]}")
    d.start()
    wait_for(lambda: d.get(f"/v1/replays/{id}")["fates"]["not_run"] == 0, "all of them out")
    assert failed(d) == 0
    assert d.get("/v1/jobs/count?state=queued") == {"count": JOBS}
    assert store_finding(d)["state"] == "holds"
    undone(d)


# ---- mining ----

ALIKE, OTHERS = (300, 300) if SANITIZED else (2000, 4000)
TEMPLATE = "tenant of user <*> is not in region north"


def messages():
    """Many of one pattern, and many that have nothing in common."""
    dice = random.Random(SEED)

    def word():
        return "".join(dice.choice("bcdfghjklmnpqrstvwxz") + dice.choice("aeiou") for _ in range(dice.randint(2, 4)))
    alike = [TEMPLATE.replace("<*>", f"{word()}{word()}") for _ in range(ALIKE)]
    others = [" ".join(word() for _ in range(dice.randint(6, 12))) for _ in range(OTHERS)]
    all = alike + others
    dice.shuffle(all)
    return all


def failures_of_one(d):
    return stored(d, "select coalesce(sum(p.failures), 0) from pattern p join pattern now on now.id = coalesce(p.joined, p.id)"
                     f" where now.template = '{TEMPLATE}'")


def cpu_s(d):
    """The daemon's processor time: after a start nothing but the miner has work."""
    fields = open(f"/proc/{d.process.pid}/stat").read().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_G26_a_stop_in_the_midst_of_mining_loses_nothing_and_the_next_start_mines_on():
    texts = messages()
    with Daemon(CONFIG) as d:
        fail_with(d, texts)
        stop(d)
        for moment in (0, .03, .1, .2, .4):
            d.start()
            begun = cpu_s(d)
            wait_for(lambda: cpu_s(d) - begun >= moment or failures_of_one(d) == ALIKE, "the miner at work")
            stop(d)
            assert stored(d, "select sum(failures) from pattern") == len(texts)
        d.start()
        wait_for(lambda: failures_of_one(d) == ALIKE, f"one pattern of {ALIKE}")
        assert stored(d, "select sum(failures) from pattern") == len(texts)
        assert store_finding(d)["state"] == "holds"
