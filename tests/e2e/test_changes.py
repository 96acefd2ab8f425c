"""Settings of types that are changed while the daemon runs: validated as in the file, said what they mean for what runs, taken back by
hand or by themselves, through kills and reloads, with history and audit."""
import pathlib
import sqlite3

import pytest

from reprise import wait_for

JOBS = """
jobs:
  slow: { shell: "sleep 2", timeout: 300ms, grace: 100ms, retries: 0, idempotent: true }
  one: { shell: "while [ -e {gate} ]; do sleep 0.05; done", max_running: 1, idempotent: true }
  other: { idempotent: true, retries: 2 }
"""


@pytest.fixture
def d(daemon, folder):
    gate = pathlib.Path(folder) / "gate"
    gate.touch()
    live = daemon(JOBS.replace("{gate}", str(gate)))
    live.gate = gate
    return live


def setting(d, type, key):
    return d.get(f"/v1/types/{type}")["settings"].get(key)


def test_a_longer_time_limit_holds_for_the_next_attempt_and_is_taken_back_by_hand(d):
    assert d.wait_state(d.enqueue("slow"), "failed")["error"]["class"] == "timeout"
    change = d.json("type", "set", "slow", "timeout=30s", "--reason", "the export is larger")
    assert change["settings"] == [{"key": "timeout", "before": "300ms", "after": "30s"}] and change["state"] == "in force"
    assert setting(d, "slow", "timeout_s") == 30
    assert "# changed: timeout: 30s" in d.get("/v1/types/slow")["source"]
    d.wait_state(d.enqueue("slow"), "succeeded")
    back = d.json("change", "revert", change["id"], "--reason", "done")
    assert back["state"] == "taken back" and back["ended_why"] == "done"
    d.wait_state(d.enqueue("slow"), "failed")
    assert d.cli("change", "revert", change["id"], code=None).code != 0
    shown = " ".join(d.cli("changes").out.split())
    assert change["id"] in shown and "300ms →" in shown and "taken back" in shown


def test_what_runs_goes_on_and_the_answer_says_so(d):
    jobs = [d.enqueue("one") for _ in range(3)]
    wait_for(lambda: d.job(jobs[0])["state"] == "running", "the first")
    said = d.cli("type", "set", "one", "max_running=3", "--reason", "hurry", "--revert-after", "1h").out
    assert "running ones (1) go on" in said and "taken back by itself" in said
    wait_for(lambda: [d.job(j)["state"] for j in jobs] == ["running"] * 3, "all three")
    d.cli("change", "revert", "C1")
    assert [d.job(j)["state"] for j in jobs] == ["running"] * 3
    last = d.enqueue("one")
    d.gate.unlink()
    for j in [*jobs, last]:
        d.wait_state(j, "succeeded")


@pytest.mark.parametrize("pair, words", [
    ("timeout=10", "a number needs its unit"), ("timeout=soon", "expected a duration"), ("retries=-1", "not within 0 and 1000"),
    ("retries=many", "retries"), ("timout=10m", "did you mean timeout?"), ("run=/bin/true", "cannot be set while the daemon runs"),
    ("schedule=@daily", "cannot be set"), ("idempotent=maybe", "idempotent"), ("timeout", "is not KEY=VALUE")])
def test_a_value_is_judged_as_in_the_file(d, pair, words):
    answer = d.cli("type", "set", "slow", pair, "--reason", "r", code=None)
    assert answer.code not in (0, 3) and words in answer.err, answer
    assert d.get("/v1/changes")["items"] == [] and setting(d, "slow", "timeout_s") == 0.3


def test_all_or_nothing_and_never_without_a_reason(d):
    assert d.cli("type", "set", "slow", "grace=1s", "timeout=soon", "--reason", "r", code=None).code != 0
    assert setting(d, "slow", "grace_s") == 0.1
    assert "--reason" in d.cli("type", "set", "slow", "grace=1s", code=2).err
    assert d.http("POST", "/v1/types/slow/changes", {"set": {"grace": "1s"}})[0] == 400 and d.get("/v1/changes")["items"] == []
    assert d.http("POST", "/v1/types/nobody/changes", {"set": {"grace": "1s"}, "reason": "r"})[0] == 404


def test_it_is_taken_back_by_itself_after_its_time_also_when_the_daemon_was_killed(d):
    change = d.json("type", "set", "slow", "timeout=5m", "retries=3", "--reason", "month's end", "--revert-after", "2s")
    assert change["revert_at"] > change["at"]
    d.kill()
    d.start()
    wait_for(lambda: d.get("/v1/changes")["items"][0]["state"] == "taken back", "the end of the change")
    assert (setting(d, "slow", "timeout_s"), setting(d, "slow", "retries")) == (0.3, 0)
    ended = d.get("/v1/changes")["items"][0]
    assert ended["ended_by"] == "engine" and ended["ended_at"] >= change["revert_at"]
    with sqlite3.connect(f"file:{d.dir}/reprise.db?mode=ro", uri=True) as db:
        trail = db.execute("select action, safety from audit where action like 'change.%' order by id").fetchall()
    assert trail == [("change.set", "REVERSIBLE"), ("change.revert", "REVERSIBLE")]


def test_it_survives_a_kill_and_a_reload_and_ends_with_its_type(d):
    d.json("type", "set", "slow", "timeout=7m", "--reason", "r")
    d.json("type", "set", "slow", "timeout=9m", "grace=3s", "--reason", "r")
    d.kill()
    d.start()
    assert (setting(d, "slow", "timeout_s"), setting(d, "slow", "grace_s")) == (540, 3)
    d.write_config("jobs:\n  slow: { shell: \"sleep 2\", timeout: 1s, priority: 5 }\n")
    d.reload()
    wait_for(lambda: setting(d, "slow", "priority") == 5, "the reload")
    assert setting(d, "slow", "timeout_s") == 540
    d.cli("change", "revert", "C2")  # the older one of the same key holds again
    assert (setting(d, "slow", "timeout_s"), setting(d, "slow", "grace_s")) == (420, 10)
    d.write_config("jobs:\n  fresh: { shell: \"true\" }\n")
    d.reload()
    wait_for(lambda: d.get("/v1/changes")["items"][1]["state"] == "taken back", "the end of C1")
    assert "slow" in d.get("/v1/changes")["items"][1]["ended_why"]


def fetched(d):
    return d.post("/v1/work/fetch", {"worker": "w", "types": ["other"], "max": 9})["leases"]


def test_a_type_is_paused_for_a_time_through_kill_and_reload_and_goes_on(d):
    first = d.enqueue("other")
    failed, = fetched(d)
    d.post("/v1/work/report", [{"lease": failed["lease"], "token": failed["token"], "outcome": "failed",
                                "error": {"message": "Connection refused", "retryable": False}}])
    said = " ".join(d.cli("type", "set", "other", "paused=true", "--revert-after", "1h", "--reason", "the link is full").out.split())
    assert "paused false → true" in said and "waiting ones (0) wait for as long as it is true" in said
    live = d.enqueue("other")
    assert fetched(d) == [] and d.job(live)["held"] == "the type is paused" == d.get("/v1/types/other")["held"]
    d.kill()
    d.start()
    d.reload()
    wait_for(lambda: "reload" in d.logged(), "the reload")
    assert fetched(d) == [] and setting(d, "other", "paused") is True
    refused = " ".join(d.cli("replay", "--job", first, code=4).err.split())
    assert "other: the type is paused" in refused and "reprise type set other paused=false --reason" in refused
    d.cli("type", "set", "other", "paused=false", "--reason", "it is free")
    assert [lease["job"]["id"] for lease in fetched(d)] == [live]
    d.cli("change", "revert", "C2")
    assert setting(d, "other", "paused") is True, "the change before is still in force"
    d.cli("change", "revert", "C1")
    assert setting(d, "other", "paused") is False and "held" not in d.get("/v1/types/other")
