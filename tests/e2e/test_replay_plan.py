"""What the dry run of a replay says beside its checks (replay.md 4): per type and pattern, the basis of the estimate, side effects."""
import pytest

from reprise import wait_for

JOBS = """
max_running: 2
replay: { settle: 0s }
defaults: { idempotent: true, retries: 0 }
jobs:
  bill:
    shell: 'cd "DIR"; test -e fixed && { sleep 0.3; exit 0; }; echo "$(cat)" >&2; exit 1'
    side_effects: charges the customer's card
  page: { shell: 'cd "DIR"; test -e fixed && exit 0; echo "$(cat)" >&2; exit 1' }
  mail: { shell: 'echo "Connection refused" >&2; exit 1', idempotent: false }
"""
REFUSED = "connection to server at 10.0.0.7, port 5432 failed: Connection refused"
LIMIT = "Stripe: rate limit exceeded"
BUG = "TypeError: Cannot read properties of undefined (reading 'tenantId')"


@pytest.fixture
def d(daemon):
    d = daemon("jobs: { x: {} }\n")
    d.write_config(JOBS.replace("DIR", str(d.dir)))
    d.reload()
    wait_for(lambda: d.http("GET", "/v1/types/mail")[0] == 200, "the new configuration")
    return d


def fail(d, type, *errors):
    jobs = [d.enqueue(type, payload=e) for e in errors]
    wait_for(lambda: all(d.job(j)["state"] == "failed" for j in jobs), "the failures")
    return d.job(jobs[0])["error"]["pattern"]


def flat(text):
    return " ".join(text.split())


def test_R4_a_dry_run_counts_by_type_and_pattern(d):
    refused, limit = fail(d, "bill", *[REFUSED] * 4), fail(d, "bill", *[LIMIT] * 2)
    bug, mail = fail(d, "bill", BUG), fail(d, "mail", "{}", "{}", "{}")
    assert fail(d, "page", *[REFUSED] * 3) == refused, "one pattern in two types"
    plan = d.json("replay", "--all", "--dry-run")
    kinds = {(k["type"], k["pattern"]): (k["matched"], k["to_replay"]) for k in plan["kinds"]}
    assert kinds == {("bill", refused): (4, 4), ("mail", mail): (3, 0), ("page", refused): (3, 3), ("bill", limit): (2, 2), ("bill", bug): (1, 0)}
    assert [k["matched"] for k in plan["kinds"]] == [4, 3, 3, 2, 1] and len(plan["kinds"]) == 5
    assert plan["kinds"][0]["class"] == "connection"
    assert sum(k["matched"] for k in plan["kinds"]) == plan["matched"] == 13
    assert sum(k["to_replay"] for k in plan["kinds"]) == plan["to_replay"] == 9
    assert {p["pattern"]: p["items"] for p in plan["outlook"]["patterns"]} == {refused: 7, limit: 2}
    said = flat(d.cli("replay", "--all", "--dry-run").out)
    assert f"of 4 of bill {refused} connection 0 of 3 of mail {mail} connection" in said and f"0 of 1 of bill {bug} code_bug" in said


def test_R4_a_dry_run_says_what_its_estimate_comes_from_or_why_there_is_none(d):
    fail(d, "bill", *[REFUSED] * 6)
    assert "estimate not known: no run of bill has succeeded lately" in flat(d.cli("replay", "--all", "--dry-run").out)
    assert "estimate_s" not in d.json("replay", "--all", "--dry-run")
    (d.dir / "fixed").touch()
    for _ in range(3):
        d.wait_state(d.enqueue("bill", payload={}), "succeeded")
    plan = d.json("replay", "--all", "--dry-run")
    assert plan["estimate_basis"].startswith("at ") and plan["estimate_basis"].endswith("a job, 2 at once"), plan
    assert plan["estimate_basis"] in flat(d.cli("replay", "--all", "--dry-run").out)
    slow = d.json("replay", "--all", "--rate", "6/m", "--dry-run")
    assert slow["estimate_basis"] == "by its rate of 0.1/s" and slow["estimate_s"]["mid"] in (60, 61)


def test_R4_a_dry_run_names_the_side_effects_that_types_declare(d):
    fail(d, "page", REFUSED)
    assert "side_effects" not in d.json("replay", "--all", "--dry-run")
    fail(d, "bill", REFUSED)
    assert d.json("replay", "--all", "--dry-run")["side_effects"] == {"bill": "charges the customer's card"}
    assert "side effects bill: charges the customer's card" in flat(d.cli("replay", "--all", "--dry-run").out)
    assert d.json("type", "show", "bill")["settings"]["side_effects"] == "charges the customer's card"


@pytest.mark.parametrize("wait", ["--when dependency:nosuch", "--when deploy:nosuch", "--when full-moon", "--at +2h --expires +1h", "--expires -1h"])
def test_U10_a_dry_run_knows_what_the_run_could_not_wait_for(d, wait):
    fail(d, "bill", REFUSED)
    said = [d.cli("replay", "--type", "bill", *wait.split(), *more, code=None) for more in ([], ["--dry-run"])]
    assert said[0].code == said[1].code in (1, 2) and said[0].err == said[1].err, said
    assert d.get("/v1/replays")["items"] == []
    assert d.json("replay", "--type", "bill", "--when", "deploy:bill", "--at", "+1h", "--expires", "+2h", "--dry-run")["to_replay"] == 1


def test_U10_a_dry_run_of_what_would_be_parked_is_no_refusal(d):
    fail(d, "bill", "{}")  # of no known class
    refused = d.cli("replay", "--type", "bill", "--dry-run", code=4).out
    said = flat(d.cli("replay", "--type", "bill", "--at", "+1h", "--dry-run").out)
    assert "refused now" in refused and "refused now" not in said
    assert "parked would wait, then be planned, checked and started by itself now it would be refused: 1 job failed" in said
    assert " UTC" in d.cli("replay", "--type", "bill", "--at", "+1h").out


def test_R1_jobs_of_unknown_outcome_are_selected_by_an_explicit_state_and_taken_along_by_an_explicit_flag(daemon):
    d = daemon("replay: { settle: 0s }\njobs: { w: { retries: 0 } }\n")

    def lease(job, ms):
        [lease] = d.post("/v1/work/fetch", {"worker": "w", "types": ["w"], "lease_ms": ms})["leases"]
        assert lease["job"]["id"] == job
        return lease

    failed = d.enqueue("w")
    taken = lease(failed, 3_600_000)  # of as much time as a slow machine needs to report it
    d.post("/v1/work/report", [{"lease": taken["lease"], "token": taken["token"], "outcome": "failed", "error": {"message": REFUSED}}])
    lost = d.enqueue("w")
    lease(lost, 1000)
    d.wait_state(lost, "unknown")

    def plan(*args):
        p = d.json("replay", "--dry-run", "--include-unsafe", "--reason", "looked it up", *args)
        return p["matched"], p["to_replay"], p["left_out"]

    assert plan("--all") == (1, 1, {})
    assert plan("--all", "--state", "unknown") == plan("--type", "w", "--state", "unknown") == (1, 0, {"unknown-outcome": 1})
    assert plan("--all", "--state", "unknown", "--include-unknown") == (1, 1, {})
    assert plan("--all", "--include-unknown") == (2, 2, {})
    said = d.cli("replay", "--all", "--state", "succeeded", code=2).err
    assert "only failed and unknown jobs can be selected" in said and "line 1" not in said and "byte" not in said
