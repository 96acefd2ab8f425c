"""Messages that wrap errors (analysis: two levels): a pattern is the pair of both. Every count here is that of the jobs that were made."""
import collections

import pytest
from reprise import Daemon, run, wait_for, width

CONFIG = """jobs:
  fetched: { idempotent: true, retries: 0 }
"""
REFUSED, TENANT, BUG = "connection refused to 10.0.0.7:5432", "no tenant {} in region north", "Cannot read properties of undefined (reading 'id')"
TENANTS = ["acme", "delta", "globex", "initech", "umbrella"]
FAILURES = [REFUSED] * 7 + [TENANT.format(t) for t in TENANTS] + [BUG] * 3
INNERS = {"connection refused to <*>:<*>": 7, "no tenant <*> in region north": 5, BUG: 3}
ALONE = "template of the invoice is too old"


def fail(d, message):
    """One more job that failed so; its id."""
    id = d.enqueue("fetched")
    lease = d.post("/v1/work/fetch", {"worker": "w", "types": ["fetched"], "wait_ms": 20000})["leases"][0]
    d.post("/v1/work/report", [{"lease": lease["lease"], "token": lease["token"], "outcome": "failed", "error": message}])
    return id


def inners(d):
    """What `sync failed` wraps, with its failures, when all that was told apart first is one."""
    return {p["inner"]: p["failures"] for p in d.get("/v1/patterns")["items"] if p.get("outer", {}).get("template") == "sync failed: <*>"}


def pairs(d):
    return {p["inner"]: p for p in d.get("/v1/patterns")["items"] if "outer" in p}


@pytest.fixture
def failed():
    """Jobs by what is wrapped in "sync failed: …", and one that wraps nothing."""
    jobs = collections.defaultdict(list)
    with Daemon(CONFIG) as d:
        for message in FAILURES:
            jobs[TENANT if "tenant" in message else message].append(fail(d, f"sync failed: {message}"))
        jobs[ALONE].append(fail(d, ALONE))
        wait_for(lambda: inners(d) == INNERS, f"three pairs with their counts, now {inners(d)}")
        yield d, jobs


def test_a_message_around_three_errors_is_one_outer_with_three_pairs(failed):
    d, jobs = failed
    items = d.get("/v1/patterns")["items"]
    outer = {p["outer"]["id"] for p in items if "outer" in p}
    assert len(outer) == 1 and len(items) == 4
    for p in items[:3]:  # together, largest first, at the place of their sum
        assert p["outer"] | {"failures": 15, "patterns": 3} == p["outer"]
        assert p["template"] == f"sync failed: {p['inner']}"
    assert [p["failures"] for p in items] == [7, 5, 3, 1] and "outer" not in items[3]
    assert [p["class"] for p in items[:3]] == ["connection", "unknown", "code_bug"]
    whole = d.get(f"/v1/patterns/{outer.pop()}")
    assert whole["failures"] == 15 and whole["template"] == "sync failed: <*>" and "class" not in whole
    assert {i["inner"]: i["failures"] for i in whole["inners"]} == INNERS
    one = d.get(f"/v1/patterns/{items[0]['id']}")
    assert {i["inner"] for i in one["siblings"]} == set(INNERS) - {one["inner"]}


def test_a_replay_of_a_pair_takes_its_jobs_and_one_of_the_message_takes_all(failed):
    d, jobs = failed
    p = pairs(d)
    refused, outer = p["connection refused to <*>:<*>"]["id"], p[BUG]["outer"]["id"]
    all_of_it = [id for what, ids in jobs.items() if what != ALONE for id in ids]
    assert {j["id"] for j in d.json("jobs", "--pattern", outer)["items"]} == set(all_of_it)
    assert d.json("jobs", "--pattern", outer, "--count") == {"count": 15}
    assert d.json("replay", "--pattern", outer, "--dry-run")["matched"] == 15
    plan = d.json("replay", "--pattern", refused, "--detach")
    items = d.get(f"/v1/replays/{plan['id']}/items")["items"]
    assert {i["job"] for i in items} == set(jobs[REFUSED])
    d.cli("replay", "abort", plan["id"])
    listed = d.run("purge", "--state", "failed", "--pattern", outer, "--dry-run", "--json")
    assert listed.json()["matched"] == 15, listed.out


def test_a_new_error_belongs_to_the_message_at_once_and_numbers_outlive_kill_9(failed):
    d, jobs = failed
    before = {inner: p["id"] for inner, p in pairs(d).items()}
    outer = pairs(d)[BUG]["outer"]["id"]
    d.kill()
    d.start()
    new = fail(d, "sync failed: quota of the mailbox is used up")
    p = d.get(f"/v1/patterns/{d.job(new)['error']['pattern']}")
    assert p["outer"]["id"] == outer and p["inner"] == "quota of the mailbox is used up"
    known = fail(d, f"sync failed: {TENANT.format('zebra')}")
    assert d.job(known)["error"]["pattern"] == before["no tenant <*> in region north"]
    assert {inner: p["id"] for inner, p in pairs(d).items() if inner in before} == before
    assert d.get(f"/v1/patterns/{outer}")["failures"] == 17


def test_classes_are_of_pairs_names_of_both_and_levels_are_not_merged(failed):
    d, jobs = failed
    p = pairs(d)
    tenant, bug, outer = p["no tenant <*> in region north"]["id"], p[BUG]["id"], p[BUG]["outer"]["id"]
    refused = d.run("pattern", "class", outer, "config", code=1)
    assert "each of which has its class" in refused.err and f"pattern show {outer}" in refused.err
    assert d.json("pattern", "show", tenant)["rule"] != "person"
    corrected = d.json("pattern", "class", tenant, "bad_payload")
    assert (corrected["class"], corrected["rule"]) == ("bad_payload", "person"), "no rule said that"
    assert "class bad_payload (rule: person)" in " ".join(d.cli("pattern", "show", tenant).out.split())
    assert d.json("pattern", "name", outer, "the nightly sync")["name"] == "the nightly sync"
    assert d.get(f"/v1/patterns/{bug}")["class"] == "code_bug"
    d.run("pattern", "merge", outer, bug, code=1)
    merged = d.json("pattern", "merge", bug, tenant)
    assert merged["failures"] == 8 and d.get(f"/v1/patterns/{outer}")["failures"] == 15
    split = d.json("pattern", "split", merged["id"])
    assert split["outer"]["id"] == outer and d.get(f"/v1/patterns/{outer}")["failures"] == 15


def test_lists_show_the_message_once_and_what_it_wraps_below_it(failed):
    d, jobs = failed
    p = pairs(d)
    outer = p[BUG]["outer"]["id"]
    for command in (["patterns"], ["analyze", "--since", "1h"], ["pattern", "show", outer]):
        out = d.run(*command, code=0).out
        assert out.count("sync failed: <*>") == 1, out
        at = [out.index(text) for text in ["sync failed: <*>", *INNERS]]
        assert at == sorted(at), out
        assert max(width(line) for line in out.splitlines()) <= 80
    assert f"{outer}" in d.run("pattern", "show", p[BUG]["id"], code=0).out
    a = d.json("analyze", "--since", "1h")["patterns"]
    assert [x["count"] for x in a] == [7, 5, 3, 1]
    assert [x["outer"] for x in a[:3]] == [{"id": outer, "template": "sync failed: <*>", "failures": 15, "patterns": 3}] * 3


def test_a_job_log_has_the_same_levels_without_a_daemon(folder):
    path = f"{folder}/worker.log"
    with open(path, "w", encoding="utf-8") as f:
        for i, m in enumerate(FAILURES):
            f.write(f'{{"level":50,"time":{1760000000000 + 1000 * i},"name":"sync","jobId":"{i}","msg":"job failed","err":{{"message":"sync failed: {m}"}}}}\n')
    a = run("analyze", "--log", path, "--json", code=0).json()
    assert {p["inner"]: p["count"] for p in a["patterns"]} == INNERS
    assert {(p["outer"]["template"], p["outer"]["failures"], p["outer"]["patterns"]) for p in a["patterns"]} == {("sync failed: <*>", 15, 3)}
    assert len({p["id"] for p in a["patterns"]}) == 3
    out = run("analyze", "--log", path, code=0).out
    assert out.count("sync failed: <*>") == 1
    run("analyze", "--log", path, "--html", f"{folder}/a.html", code=0)
    page = open(f"{folder}/a.html", encoding="utf-8").read()
    assert page.count("<h3>") == 1 and page.count("<h4>") == 3
