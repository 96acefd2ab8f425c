"""What a replay can expect: counted from how earlier tries after the same failure went, and "not known" where there were too few."""
import math

import pytest
from reprise import Daemon

CONFIG = """jobs:
  fetched: { idempotent: true, retries: 1, backoff: { kind: fixed, base: 1ms } }
  once: { idempotent: true, retries: 0 }
"""
REFUSED, REFUSAL = "connect ECONNREFUSED 10.0.0.1:5432", "connection"


def wilson(k, n, z=1.959963984540054):
    p, z2 = k / n, z * z
    half = z * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    return (p + z2 / (2 * n) - half) / (1 + z2 / n), (p + z2 / (2 * n) + half) / (1 + z2 / n)


def work(d, kind, error=None):
    """Takes the next job of the type and reports it: how it ended, and which it was."""
    lease = d.post("/v1/work/fetch", {"worker": "w", "types": [kind], "wait_ms": 20000})["leases"][0]
    entry = {"lease": lease["lease"], "token": lease["token"], "outcome": "failed" if error else "succeeded"}
    d.post("/v1/work/report", [entry | ({"error": error} if error else {})])
    return lease["job"]["id"]


def tries(d, ids):
    """What came after each failure, from the attempts themselves."""
    counts = {"retries": {"runs": 0, "succeeded": 0}, "replays": {"runs": 0, "succeeded": 0}}
    for id in ids:
        attempts = d.attempts(id)
        for before, after in zip(attempts, attempts[1:]):
            if before["outcome"] == "failed" and after.get("outcome"):
                c = counts["replays" if "replay" in after else "retries"]
                c["runs"] += 1
                c["succeeded"] += after["outcome"] == "succeeded"
    return counts


@pytest.fixture
def tried():
    """Six jobs that failed alike; of their retries four went well. One that failed in another way, once."""
    with Daemon(CONFIG) as d:
        ids = []
        for again in (None, None, REFUSED, None, REFUSED, None):
            ids.append(d.enqueue("fetched"))
            work(d, "fetched", REFUSED)
            work(d, "fetched", again)
        alone = d.enqueue("once")
        work(d, "once", "no space left on device")
        patterns = {p["class"]: p for p in d.get("/v1/patterns")["items"]}
        yield d, ids, alone, patterns


def test_the_outlook_of_a_pattern_is_what_its_retries_and_replays_came_to(tried):
    d, ids, alone, patterns = tried
    p = patterns[REFUSAL]
    assert tries(d, ids) == {"retries": {"runs": 6, "succeeded": 4}, "replays": {"runs": 0, "succeeded": 0}}
    expected = p["outlook"].pop("expected")
    assert p["outlook"] == tries(d, ids)
    assert (expected["from"], expected["runs"], expected["succeeded"]) == ("retries and replays", 6, 4)
    low, high = wilson(4, 6)
    assert expected["rate"] == pytest.approx(4 / 6) and expected["low"] == pytest.approx(low) and expected["high"] == pytest.approx(high)
    said = " ".join(d.run("pattern", "show", p["id"], code=0).out.split())
    assert "4 of 6 earlier retries and replays went well, 66.7 % of them" in said
    assert "4 of 6 earlier" in d.run("patterns", code=0).out


def test_what_was_not_tried_again_has_no_outlook_and_that_is_said(tried):
    d, ids, alone, patterns = tried
    assert patterns["disk_full"]["outlook"] == {"retries": {"runs": 0, "succeeded": 0}, "replays": {"runs": 0, "succeeded": 0}}
    assert "not known: none was tried again yet" in d.run("pattern", "show", patterns["disk_full"]["id"], code=0).out


def test_a_dry_run_adds_up_what_its_patterns_can_expect(tried):
    d, ids, alone, patterns = tried
    plan = d.run("replay", "--all", "--dry-run", "--json").json()
    low, high = wilson(4, 6)
    parts = {p["pattern"]: p for p in plan["outlook"]["patterns"]}
    assert plan["to_replay"] == 3 and (plan["outlook"]["known"], plan["outlook"]["not_known"]) == (2, 1)
    assert plan["outlook"]["succeed"] == pytest.approx(2 * 4 / 6)
    assert plan["outlook"]["low"] == pytest.approx(2 * low) and plan["outlook"]["high"] == pytest.approx(2 * high)
    assert parts[patterns[REFUSAL]["id"]]["items"] == 2 and parts[patterns[REFUSAL]["id"]]["expected"]["runs"] == 6
    assert "expected" not in parts[patterns["disk_full"]["id"]]
    said = " ".join(d.run("replay", "--all", "--dry-run").out.split())
    assert "about 1 of 2 do well (1 – 2), as earlier tries did" in said and "1 not known" in said


def test_what_a_replay_came_to_counts_for_the_next_one(tried):
    d, ids, alone, patterns = tried
    id = d.run("replay", "--pattern", patterns[REFUSAL]["id"], "--detach", "--json", code=0).json()["id"]
    for _ in range(2):
        work(d, "fetched")
    p = d.get(f"/v1/patterns/{patterns[REFUSAL]['id']}")
    assert p["outlook"]["replays"] == {"runs": 2, "succeeded": 2} == tries(d, ids)["replays"], id
    assert p["outlook"]["expected"]["runs"] == 8 and p["outlook"]["expected"]["succeeded"] == 6


def test_the_analysis_says_outlook_share_and_what_is_new(tried, folder):
    d, ids, alone, patterns = tried
    a = d.run("analyze", "--since", "24h", "--json", code=0).json()
    shown = {p["class"]: p for p in a["patterns"]}
    assert shown[REFUSAL]["outlook"]["expected"]["succeeded"] == 4 and shown[REFUSAL]["new"] is True
    assert sum(p["share"] for p in a["patterns"]) == pytest.approx(1)
    words = " ".join(d.run("analyze", "--since", "24h", code=0).out.split())
    assert "patterns: 2 new, 0 recurring, 0 gone" in words and "a replay: 4 of 6 earlier" in words and "66.7 % of all" in words
    d.run("analyze", "--since", "24h", "--html", f"{folder}/a.html", code=0)
    page = open(f"{folder}/a.html", encoding="utf-8").read()
    assert "A replay: 4 of 6 earlier retries and replays went well" in page and "the last hour" in page
