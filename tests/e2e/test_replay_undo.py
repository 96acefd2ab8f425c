"""Undo of a replay with compensations (replay.md 21, 4): said before, run as jobs of their own, guarded like any replay."""
import collections
import json

import pytest

from reprise import run, wait_for

# A run charges once `fixed` is there; a compensation refunds unless `broken` is.
JOBS = """
replay: { settle: 0s, wave_max: 20 }
defaults: { idempotent: true, retries: 0 }
jobs:
  pay:
    shell: 'test -e fixed || { echo "connection to server failed: Connection refused" >&2; exit 1; }; echo "charge $REPRISE_KEY" >> ledger'
    cwd: "DIR"
    max_running: 4
    compensate:
      - /bin/sh
      - -c
      - 'test -e broken && exit 1; echo "refund $REPRISE_COMPENSATES_KEY of $REPRISE_COMPENSATES/$REPRISE_COMPENSATES_ATTEMPT $(cat)" >> ledger'
  mail: { shell: 'test -e fixed || { echo "connection to server failed: Connection refused" >&2; exit 1; }', cwd: "DIR" }
"""


@pytest.fixture
def d(daemon):
    d = daemon("jobs: { x: {} }\n")
    d.write_config(JOBS.replace("DIR", str(d.dir)))
    d.reload()
    wait_for(lambda: d.http("GET", "/v1/types/mail")[0] == 200, "the new configuration")
    return d


def cli(d, *args, code=0):
    return run("--socket", d.socket, *args, code=code)


def flat(text):
    return " ".join(text.split())


def replayed(d, pays, mails=0):
    """So many failed and were replayed with success."""
    jobs = [d.enqueue("pay", key=f"k{i}", payload={"n": i}) for i in range(pays)] + [d.enqueue("mail") for _ in range(mails)]
    wait_for(lambda: all(d.job(j)["state"] == "failed" for j in jobs), "the failures")
    (d.dir / "fixed").touch()
    cli(d, "replay", "--all")
    return jobs


def ledger(d):
    return (d.dir / "ledger").read_text().splitlines()


def test_R21_a_dry_run_of_the_replay_says_which_types_can_be_compensated(d):
    jobs = [d.enqueue("pay"), d.enqueue("pay"), d.enqueue("mail")]
    wait_for(lambda: all(d.job(j)["state"] == "failed" for j in jobs), "the failures")
    assert d.json("replay", "--all", "--dry-run")["undo"] == {"can_compensate": {"pay": 2}, "cannot_compensate": {"mail": 1}}
    said = flat(cli(d, "replay", "--all", "--dry-run").out)
    assert "2 of pay can be compensated" in said and "1 of mail cannot" in said


def test_R21_undo_says_before_what_it_can_and_cannot_do_and_changes_nothing_by_saying_it(d):
    replayed(d, 2, 1)
    said = flat(cli(d, "replay", "undo", "R1", "--dry-run").out)
    assert "3: stays as it is" in said and "2 of pay can be compensated" in said and "1 of mail cannot" in said
    assert d.get("/v1/replays/R1")["state"] == "done"
    look = d.json("replay", "undo", "R1", "--compensate", "--dry-run")
    assert (look["not_run"], look["ran"]) == (0, 3)
    assert look["compensation"]["to_replay"] == 2 and look["compensation"]["left_out"] == {"no-compensation": 1}
    assert d.get("/v1/replays/R1")["state"] == "done" and len(d.get("/v1/replays")["items"]) == 1
    cli(d, "replay", "undo", "R1")
    assert d.get("/v1/replays/R1")["state"] == "undone" and len(ledger(d)) == 2  # nothing ran
    for more in ([], ["--dry-run"]):  # of an undone one
        again = d.cli("replay", "undo", "R1", *more, code=1)
        assert again.out == "" and "undone already" in again.err, "nothing is promised before"


def test_R21_compensations_are_jobs_of_their_own_with_payload_and_lineage(d):
    jobs = replayed(d, 7, 1)
    cli(d, "replay", "undo", "R1", "--compensate", "--yes", "--reason", "charged twice")
    refunds = [line for line in ledger(d) if line.startswith("refund")]
    assert sorted(refunds) == sorted(f'refund k{i} of {jobs[i]}/2 {{"n": {i}}}' for i in range(7))
    r = d.get("/v1/replays/R2")
    assert (r["kind"], r["compensates"], r["state"], r["fates"]["succeeded"]) == ("compensation", "R1", "done", 7)
    assert r["canary"] == 5 and d.get("/v1/replays/R1")["compensated_by"] == "R2"
    assert d.get("/v1/replays/R1")["state"] == "undone"
    item = d.get("/v1/replays/R2/items")["items"][0]
    job = d.job(item["job"])
    assert job["type"] == "pay.compensate" and job["compensates"]["replay"] == "R1" and job["compensates"]["job"] in jobs
    assert f"of job {job['compensates']['job']}, by replay R1" in cli(d, "job", "show", job["id"]).out
    assert "what replay R1 did" in cli(d, "replay", "show", "R2").out
    for guard in ({"override": ["workers"]}, {"set": {"/n": 1}}, {"at": "2100-01-01T00:00:00Z"}, {"rate": -1}):
        assert d.http("POST", "/v1/replays/R1/undo", {"compensate": True, "guard": guard})[0] == 400, guard
    # each only once
    cli(d, "replay", "undo", "R1", "--compensate", "--yes", code=4)
    look = d.json("replay", "undo", "R1", "--compensate", "--dry-run")
    assert look["compensation"]["left_out"] == {"no-compensation": 1, "compensated": 7}
    assert len(ledger(d)) == 14


def test_R21_compensations_are_guarded_by_canary_and_halt(d):
    replayed(d, 30)
    (d.dir / "broken").touch()
    cli(d, "replay", "undo", "R1", "--compensate", "--yes", code=3)
    r = d.get("/v1/replays/R2")
    assert r["state"] == "halted" and "failed again" in r["says"]
    states = collections.Counter(d.job(i["job"])["state"] for i in d.get("/v1/replays/R2/items?limit=100")["items"])
    assert 3 <= states["failed"] <= 5 and sum(states.values()) == states["failed"] + states["cancelled"] == 30  # of the canary; the rest never ran
    (d.dir / "broken").unlink()
    cli(d, "replay", "resume", "R2", "--reason", "mended")
    wait_for(lambda: d.get("/v1/replays/R2")["state"] == "done", "its end")
    assert sum(line.startswith("refund") for line in ledger(d)) == states["cancelled"]
    cli(d, "replay", "--type", "pay.compensate", "--accept-unknown")  # what failed is a failed job like any other
    refunds = [line.split()[1] for line in ledger(d) if line.startswith("refund")]
    assert sorted(refunds) == sorted(f"k{i}" for i in range(30))


def test_R21_of_a_stopped_replay_only_what_ran_is_compensated(d):
    jobs = [d.enqueue("pay", key=f"k{i}") for i in range(12)]
    wait_for(lambda: all(d.job(j)["state"] == "failed" for j in jobs), "the failures")
    (d.dir / "fixed").touch()
    before = [d.job(j) for j in jobs]
    d.post("/v1/replays", {"select": {"type": "pay"}, "guard": {"canary": 1, "wave": 1, "rate": 0.01}})
    wait_for(lambda: d.get("/v1/replays/R1")["fates"]["succeeded"] == 1, "the first")
    cli(d, "replay", "undo", "R1", "--compensate", "--yes")
    r = d.get("/v1/replays/R2")
    assert r["to_replay"] == 1 and r["fates"]["succeeded"] == 1
    done = [j for j in jobs if d.job(j)["state"] == "succeeded"]
    assert len(done) == 1
    assert [d.job(j) for j in jobs if j not in done] == [b for j, b in zip(jobs, before) if j not in done]


def test_R21_a_type_of_that_name_is_a_mistake(d):
    d.write_config(JOBS.replace("DIR", str(d.dir)) + "  pay.compensate: { run: [/bin/true] }\n")
    assert "is the name of what compensates pay" in run("check", "--config", d.config, code=3).err
