"""What may be asked of a replay beside its guards, with real commands (replay.md 17 to 19, 23): tries, keys,
payloads; and the retry of one job."""
import json

import pytest

from reprise import run, wait_for

# Each run prints its key and its payload; it works once the file `fixed` is there.
JOBS = """
replay: { settle: 0s }
defaults: { idempotent: true, retries: 0, backoff: { kind: fixed, base: 0s } }
jobs:
  own:   { shell: 'echo "$REPRISE_KEY"; cat; test -e fixed || { echo "connection to server failed: Connection refused" >&2; exit 1; }', cwd: "DIR" }
  fresh: { shell: 'echo "$REPRISE_KEY"; cat; test -e fixed || { echo "connection to server failed: Connection refused" >&2; exit 1; }', cwd: "DIR",
           replay_key: new }
  mail:  { shell: 'test -e fixed', cwd: "DIR", idempotent: false }
"""


@pytest.fixture
def d(daemon):
    d = daemon("jobs: { x: {} }\n")
    d.write_config(JOBS.replace("DIR", str(d.dir)))
    d.reload()
    wait_for(lambda: d.http("GET", "/v1/types/fresh")[0] == 200, "the new configuration")
    return d


def fixed(d):
    (d.dir / "fixed").touch()


def fail(d, type, **more):
    job = d.enqueue(type, **more)
    wait_for(lambda: d.job(job)["state"] == "failed", "the failure")
    return job


def printed(d, job, attempt):
    """Key and payload, as attempt N printed them."""
    out = d.http("GET", f"/v1/jobs/{job}/attempts/{attempt}/output?stream=1")[1].decode()
    key, _, payload = out.partition("\n")
    return key, json.loads(payload) if payload else None


def cli(d, *args, code=0):
    return run("--socket", d.socket, *args, code=code)


def test_R17_a_replay_tries_once_and_with_retries_again(d):
    job = fail(d, "own", payload={})
    cli(d, "replay", "--job", job, code=3)
    assert [a.get("replay") for a in d.attempts(job)] == [None, "R1"]
    assert "up to 2 tries after its first" in cli(d, "replay", "--job", job, "--retries", "2", "--dry-run").out
    cli(d, "replay", "--job", job, "--retries", "2", code=3)
    assert [a.get("replay") for a in d.attempts(job)] == [None, "R1", "R2", "R2", "R2"]
    assert d.get("/v1/replays/R2")["retries"] == 2 and d.get("/v1/replays/R2")["fates"]["failed_same"] == 1
    cli(d, "replay", "--job", job, "--retries", "-1", code=2)


def test_R18_a_fresh_key_where_the_type_asks_for_it_and_the_jobs_own_elsewhere(d):
    own, fresh = fail(d, "own", key="invoice-1"), fail(d, "fresh", key="invoice-2")
    fixed(d)
    cli(d, "replay", "--all")
    assert printed(d, own, 1)[0] == printed(d, own, 2)[0] == "invoice-1"
    assert printed(d, fresh, 1)[0] == "invoice-2"
    key = printed(d, fresh, 2)[0]
    assert key not in ("", "invoice-1", "invoice-2")
    assert d.attempts(fresh)[1]["key"] == key and "key" not in d.attempts(fresh)[0] and "key" not in d.attempts(own)[1]
    assert d.get(f"/v1/jobs/{fresh}/replays")["items"][0]["key"] == key
    assert key in cli(d, "job", "show", fresh).out
    assert d.job(fresh)["key"] == "invoice-2"


def test_R19_set_changes_copies_shows_them_before_and_keeps_the_jobs_payload(d):
    payload = {"customer": {"id": 7}, "amount": 1}
    job = fail(d, "own", payload=payload)
    fixed(d)
    said = cli(d, "replay", "--job", job, "--set", "/customer/id=17", "--set", '/note="ask Ada"', "--dry-run").out
    assert "/customer/id 7 → 17" in said and '/note (none) → "ask Ada"' in said
    plan = json.loads(cli(d, "--json", "replay", "--job", job, "--set", "/customer/id=17", "--dry-run").out)
    assert plan["changed"] == [{"job": job, "changed": [{"path": "/customer/id", "before": 7, "after": 17}]}]
    assert plan["set"] == {"/customer/id": 17}
    cli(d, "replay", "--plan", plan["plan"])  # what was shown, with its values
    assert printed(d, job, 2)[1] == {"customer": {"id": 17}, "amount": 1}
    assert d.job(job)["payload"] == payload
    assert d.get("/v1/replays/R1/items")["items"][0]["changed"] == plan["changed"][0]["changed"]
    assert d.get("/v1/replays/R1")["set"] == {"/customer/id": 17}
    assert "/customer/id 7 → 17" in cli(d, "job", "show", job).out
    assert "/customer/id = 17" in cli(d, "replay", "show", "R1").out


def test_R19_what_is_no_pointer_or_no_json_or_has_no_place_is_an_error_and_nothing_runs(d):
    job = fail(d, "own", payload={"amount": 1})
    for value, words in (("amount=1", "PATH=VALUE"), ("/amount", "PATH=VALUE"), ("/a~x=1", "PATH=VALUE"), ("/amount=one", "not JSON"),
                         ("/amount/x=1", "no place for /amount/x"), ("/a/b=1", "no place for /a/b")):
        assert words in cli(d, "replay", "--job", job, "--set", value, code=2).err, value
    for set in ({"amount": 1}, {"/a~x": 1}, {}, 7, {"/x/y": 1}, {f"/m{i}": 1 for i in range(17)}):
        assert d.http("POST", "/v1/replays", {"select": {"jobs": [job]}, "guard": {"set": set}})[0] in (400, 413), set
    assert d.get("/v1/replays")["items"] == [] and len(d.attempts(job)) == 1


def test_R23_job_retry_is_a_replay_of_one_and_a_refusal_says_what_to_do(d):
    own, mail = fail(d, "own", payload={}), fail(d, "mail")
    fixed(d)
    said = cli(d, "job", "retry", mail, code=4).err
    assert "may not be repeated" in said and "--include-unsafe" in said
    status, body = d.http("POST", f"/v1/jobs/{mail}/retry")
    assert status == 409 and json.loads(body)["check"] == "not-idempotent"
    assert d.http("POST", f"/v1/jobs/{mail}/retry", {"guard": {"include_unsafe": True}})[0] == 400  # without a reason
    assert d.http("POST", f"/v1/jobs/{own}/retry", {"guard": {"at": "2100-01-01T00:00:00Z"}})[0] == 400
    cli(d, "job", "retry", mail, "--include-unsafe", "--yes", "--reason", "it was never sent")
    assert "by replay R2" in cli(d, "job", "retry", own).out
    wait_for(lambda: all(d.job(j)["state"] == "succeeded" for j in (own, mail)), "both")
    r = wait_for(lambda: (d.get("/v1/replays/R2")["state"] == "done") and d.get("/v1/replays/R2"), "its end")
    assert (r["kind"], r["to_replay"], r["selection"]) == ("retry", 1, {"jobs": [own]})
    assert d.attempts(own)[1]["replay"] == "R2"
    assert [x["replay"] for x in d.get(f"/v1/jobs/{mail}/replays")["items"]] == ["R1"]
    assert "R1 retry" in cli(d, "replay", "list").out
    cli(d, "job", "retry", own, code=4)  # it has succeeded: only with a reason, and then it is no replay
    cli(d, "job", "retry", own, "--reason", "the file was lost")
    wait_for(lambda: len(d.attempts(own)) == 3 and d.job(own)["state"] == "succeeded", "the third run")
    assert "replay" not in d.attempts(own)[2]
    assert d.http("POST", "/v1/jobs/99/retry")[0] == 404


def wilson(failed, n, z=1.959963984540054):
    """Wilson, JASA 22 (1927), as it is written there."""
    p = failed / n
    half = z * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5
    return [(p + z * z / (2 * n) + s * half) / (1 + z * z / n) for s in (-1, 1)]


def test_R20_R22_verdict_with_intervals_and_lineage_both_ways(d):
    jobs = [fail(d, "own", payload={}) for _ in range(12)]
    fixed(d)
    plan = json.loads(cli(d, "--json", "replay", "--type", "own", "--dry-run").out)["plan"]
    said = cli(d, "replay", "--plan", plan, "--reason", "the file is there").out
    o = d.get("/v1/replays/R1")["outcome"]
    assert o["verdict"] == "better" and (o["before"]["failed"], o["after"]["failed"]) == (12, 0)
    for rate in (o["before"], o["after"]):
        low, high = wilson(rate["failed"], rate["runs"])
        assert abs(rate["rate"]["low"] - low) < 1e-9 and abs(rate["rate"]["high"] - high) < 1e-9
    assert "better" in said and "12 of 12 runs failed, 100 % (75.8 % to 100 %)" in " ".join(said.split())
    # attempt → replay → plan
    attempt = d.attempts(jobs[3])[1]
    r = d.get(f"/v1/replays/{attempt['replay']}")
    assert (r["plan"], attempt["wave"]) == (plan, 1)
    assert f"plan {plan}" in cli(d, "job", "show", jobs[3]).out
    # plan → replay → attempt
    assert [x["id"] for x in d.get(f"/v1/replays?plan={plan}")["items"]] == ["R1"]
    assert d.get("/v1/replays?plan=0123456789abcdef")["items"] == []
    item = next(i for i in d.get("/v1/replays/R1/items")["items"] if i["job"] == jobs[3])
    assert (item["repairs"], item["attempt"]) == (1, 2)
    assert "R1" in cli(d, "replay", "list", "--plan", plan).out
    shown = cli(d, "replay", "show", "R1").out
    assert plan in shown and '"type":"own"' in shown and "the file is there" in shown
