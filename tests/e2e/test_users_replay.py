"""What users of other tools suffered when they replayed (users.md U1 to U11, U26, U28), as they would see it here: against the program."""
import hashlib
import http.client
import json
import sqlite3
import threading

import pytest

from reprise import wait_for

JOBS = """
replay: { settle: 0s }
jobs:
  once: { idempotent: true, retries: 0 }
  other: { idempotent: true, retries: 0 }
  mail: { retries: 0 }
"""
REFUSED = "connection to server at 10.0.0.7, port 5432 failed: Connection refused"
RATE = "Stripe: rate limit exceeded"
BUG = "TypeError: Cannot read properties of undefined (reading 'tenantId')"


class Worker:
    """Fetches and reports as an application's worker would. `verdict` decides each job: an error text, or None for success."""

    def __init__(self, daemon, *types):
        self.d, self.types, self.batches = daemon, list(types), []

    def work(self, verdict=lambda job: None, most=1000):
        done = []
        while len(done) < most:
            leases = self.d.post("/v1/work/fetch", {"worker": "w1", "types": self.types, "max": 100})["leases"]
            if not leases:
                return done
            self.batches.append(len(leases))
            for lease in leases:
                error = verdict(lease["job"])
                report = {"lease": lease["lease"], "token": lease["token"], "outcome": "failed" if error else "succeeded"}
                self.d.post("/v1/work/report", [report | ({"error": error} if error else {})])
                done.append(lease["job"]["id"])
        return done


def fail(d, worker, type, errors, **more):
    ids = [d.enqueue(type, payload={"n": i, "error": e}, **more) for i, e in enumerate(errors)]
    assert sorted(worker.work(lambda job: job["payload"]["error"])) == sorted(ids)
    return ids


def states(d, ids):
    return [d.job(i)["state"] for i in ids]


def run_replay(d, worker, verdict=lambda job: None, **body):
    r = d.post("/v1/replays", body)["id"]
    return follow(d, worker, r, verdict)


def follow(d, worker, r, verdict=lambda job: None):
    def over():
        worker.work(verdict)
        now = d.get(f"/v1/replays/{r}")
        return now if now["state"] not in ("running", "planned") else None
    return wait_for(over, f"the end of {r}")


@pytest.fixture
def d(daemon):
    return daemon(JOBS)


def test_U1_one_pattern_of_three_is_replayed_and_the_others_stay_byte_for_byte(d):
    w = Worker(d, "once")
    ids = fail(d, w, "once", [REFUSED] * 6 + [RATE] * 5 + [BUG] * 4)
    pattern = {e: d.job(ids[i])["error"]["pattern"] for e, i in ((REFUSED, 0), (RATE, 6), (BUG, 11))}
    assert len(set(pattern.values())) == 3
    before = {i: (d.http("GET", f"/v1/jobs/{i}")[1], d.http("GET", f"/v1/jobs/{i}/attempts")[1]) for i in ids}
    plan = d.json("replay", "--pattern", pattern[RATE], "--dry-run")
    assert (plan["matched"], plan["to_replay"]) == (5, 5)
    end = run_replay(d, w, select={"pattern": pattern[RATE]})
    assert end["state"] == "done" and end["fates"]["succeeded"] == 5
    for i in ids[:6] + ids[11:]:
        assert (d.http("GET", f"/v1/jobs/{i}")[1], d.http("GET", f"/v1/jobs/{i}/attempts")[1]) == before[i]
    assert set(states(d, ids[6:11])) == {"succeeded"}


NAMES = [a + b for a in ("al", "bo", "car", "da", "er", "fre", "gil", "hu") for b in ("ice", "ris", "lo", "na", "vin")]


def three_errors(n):
    """Never the same text twice: ids, paths, addresses, times, sizes and people's names differ."""
    name, when = NAMES[n * 7 % len(NAMES)], f"2026-11-{n % 28 + 1:02}T{n % 24:02}:{n % 60:02}:07Z"
    if n % 100 == 0:
        return f"deadlock detected at {when} for the tenant of user {name}"
    if n % 3 == 0:
        return f"cannot write /srv/out/{name}/{n}/part-{n * 31}.csv: No space left on device (needed {n} bytes)"
    return f"connection to 10.{n % 256}.{n // 256 % 256}.9:{5000 + n % 99} refused after {n % 900}ms, request {n * 2654435761 % 2**32:08x}"


def test_U1_fifty_thousand_failures_of_three_errors_are_three_patterns(d):
    """Exactly one of them is replayed, and not a byte of the others changes."""
    w, count = Worker(d, "once"), 50000
    for at in range(0, count, 1000):
        d.post("/v1/jobs", [{"type": "once", "payload": {"error": three_errors(n)}} for n in range(at, at + 1000)])
        leases = d.post("/v1/work/fetch", {"worker": "w1", "types": ["once"], "max": 1000})["leases"]
        d.post("/v1/work/report", [{"lease": l["lease"], "token": l["token"], "outcome": "failed", "error": l["job"]["payload"]["error"]}
                                   for l in leases])
    patterns = wait_for(lambda: (lambda p: p if len(p) == 3 else None)(d.get("/v1/patterns")["items"]), "three patterns", 120)
    assert sum(p["failures"] for p in patterns) == count
    users = [p for p in patterns if p["template"] == "deadlock detected at <*> for the tenant of user <*>"]
    assert [p["failures"] for p in users] == [count // 100], patterns

    def others():
        db = sqlite3.connect(f"file:{d.dir}/reprise.db?mode=ro", uri=True)
        return [hashlib.sha256(repr(db.execute(sql).fetchall()).encode()).hexdigest() for sql in (
            "select * from job where id % 100 <> 1", "select * from attempt where job_id % 100 <> 1",
            "select * from output where job_id % 100 <> 1")]

    before = others()
    plan = d.json("replay", "--pattern", users[0]["id"], "--dry-run")
    assert (plan["matched"], plan["to_replay"]) == (count // 100, count // 100)
    end = run_replay(d, w, select={"pattern": users[0]["id"]})
    assert end["state"] == "done" and end["fates"]["succeeded"] == count // 100
    assert others() == before
    assert d.get("/v1/jobs/count?state=failed")["count"] == count - count // 100


def test_U1_an_empty_reason_is_one_pattern_of_its_own(d):
    w = Worker(d, "once")
    for error in ("", " \n", None, "no messages in queue mail", "no message from host db7", ""):
        d.enqueue("once", payload={"error": error})
    for lease in d.post("/v1/work/fetch", {"worker": "w1", "types": ["once"], "max": 100})["leases"]:
        error = lease["job"]["payload"]["error"]
        d.post("/v1/work/report", [{"lease": lease["lease"], "token": lease["token"], "outcome": "failed"}
                                   | ({} if error is None else {"error": error})])
    by_template = {p["template"]: p["failures"] for p in d.get("/v1/patterns")["items"]}
    assert by_template["no message"] == 4 and sum(by_template.values()) == 6, by_template


def test_patterns_are_the_same_after_a_kill_and_restart(d):
    """What was said of them, too (miner.md 15, 17, 18)."""
    w = Worker(d, "once")
    users = [f"tenant of user {n} was not found" for n in NAMES[:8]]
    ids = fail(d, w, "once", users + [REFUSED, BUG])
    first = d.job(ids[0])["error"]["pattern"]
    d.cli("pattern", "name", first, "tenants move")
    d.kill()
    d.start()
    wait_for(lambda: len({d.job(i)["error"]["pattern"] for i in ids[:8]}) == 1, "one pattern of users", 120)
    known = [d.job(i)["error"]["pattern"] for i in ids]
    assert known[0] == first and len(set(known)) == 3
    d.kill()
    d.start()
    again = fail(d, w, "once", users + [REFUSED.replace("0.7", "9.9"), BUG, "tenant of user zoe was not found"])
    assert [d.job(i)["error"]["pattern"] for i in again] == known + [first]
    shown = d.json("pattern", "show", first)
    assert shown["name"] == "tenants move" and shown["failures"] == 17 and 1 <= len(shown["parts"]) <= 7
    # a part's number still names it; a person splits it off again, and merges it
    part = shown["parts"][0]
    assert d.json("pattern", "show", part)["id"] == first
    assert d.json("replay", "--pattern", part, "--dry-run")["matched"] == 17
    assert part in d.cli("pattern", "show", first).out
    d.cli("pattern", "split", first, "--reason", "look at one")
    assert d.json("replay", "--pattern", part, "--dry-run")["matched"] == 2
    assert d.json("pattern", "show", part)["id"] == part
    d.cli("pattern", "merge", part, first)
    assert d.json("pattern", "show", part)["id"] == first


def test_U2_a_selection_never_takes_a_success_and_never_ignores_what_it_cannot_use(d):
    w = Worker(d, "once")
    failed, good = fail(d, w, "once", [REFUSED] * 3), [d.enqueue("once")]
    w.work()
    assert states(d, good) == ["succeeded"]
    assert d.json("replay", "--type", "once", "--dry-run")["matched"] == 3
    for select in ({"type": "once", "pattern": "P999"}, {"type": "nobody"}, {"type": "once", "sate": "failed"}, {"type": "once", "pattern": "7"},
                   {"type": "once", "state": "succeeded"}, {"type": "once", "since": "yesterdayish"}, {"jobs": good}, {"type": ""}, {}):
        status, body = d.http("POST", "/v1/replays", {"select": select})
        assert status >= 400, f"{select}: {body}"
    assert states(d, good) == ["succeeded"] and set(states(d, failed)) == {"failed"}
    # a success runs again only by its id, with a reason
    assert d.cli("job", "retry", good[0], code=None).code != 0
    d.cli("job", "retry", good[0], "--reason", "the file was lost")
    assert w.work() == good


def test_U3_what_was_shown_is_what_runs_or_the_difference_is_said(d):
    w = Worker(d, "once")
    ids = fail(d, w, "once", [REFUSED] * 8)
    plan = d.json("replay", "--type", "once", "--dry-run")
    assert f"reprise replay --plan {plan['plan']}" in d.cli("replay", "--type", "once", "--dry-run").out
    later = fail(d, w, "once", [REFUSED])
    answer = d.json("replay", "--plan", plan["plan"], code=4)
    assert answer["check"] == "plan"
    refused = d.cli("replay", "--plan", plan["plan"], code=4)
    assert f"new: 1 ({later[0]})" in refused.err, refused.err
    assert set(states(d, ids + later)) == {"failed"}
    again = d.json("replay", "--type", "once", "--dry-run")
    r = d.json("replay", "--plan", again["plan"], "--detach")
    assert r["plan"] == again["plan"] and r["to_replay"] == 9 and r["selection"]["type"] == "once"
    assert follow(d, w, r["id"])["fates"]["succeeded"] == 9
    assert "in the last hour" in d.cli("replay", "--plan", "0123456789abcdef", code=4).err


def test_R3_a_deploy_mark_makes_failures_of_code_replayable(d):
    w = Worker(d, "once", "other")
    fail(d, w, "once", [BUG] * 3)
    fail(d, w, "other", [BUG] * 2)
    before = " ".join(d.cli("replay", "--type", "once", "--dry-run").out.split())
    assert "fix-first" in before and "reprise deploy mark" in before
    assert "nothing" in d.cli("replay", "--type", "once", code=4).err
    marked = d.json("deploy", "mark", "once", "--version", "v1.2", "--reason", "tenantId is checked")["items"]
    assert [(m["type"], m["version"], m["reason"]) for m in marked] == [("once", "v1.2", "tenantId is checked")]
    assert d.cli("deploy", "mark", "once", "nobody", code=None).code != 0
    assert [m["type"] for m in d.json("deploys")["items"]] == ["once"]
    assert "v1.2" in d.cli("deploys", "--type", "once").out
    assert d.json("replay", "--type", "once", "--dry-run")["to_replay"] == 3
    assert d.json("replay", "--type", "other", "--dry-run")["left_out"] == {"fix-first": 2}
    assert run_replay(d, w, select={"type": "once"})["fates"]["succeeded"] == 3


def test_R10_what_goes_past_a_guard_needs_a_reason_and_is_shown_ever_after(d):
    w = Worker(d, "mail", "once")
    fail(d, w, "mail", [REFUSED] * 2)
    fail(d, w, "once", [BUG])
    args = ["replay", "--all", "--include-unsafe", "--override", "fix-first"]
    assert "--reason" in d.cli(*args, "--yes", code=2).err
    plan = d.json(*args, "--reason", "support checked", "--dry-run")
    assert plan["forced"] == {"not-idempotent": 2, "fix-first": 1} and plan["to_replay"] == 3
    r = d.json(*args, "--reason", "support checked", "--yes", "--detach")
    end = follow(d, w, r["id"])
    assert end["forced"] == {"not-idempotent": 2, "fix-first": 1} and end["reason"] == "support checked"
    shown = d.cli("replay", "show", r["id"]).out
    assert "gone past" in shown and "not-idempotent: 2 jobs" in shown


def test_rule_1_what_failed_again_in_a_replay_can_be_selected(d):
    w = Worker(d, "once")
    ids = fail(d, w, "once", [REFUSED] * 6)
    first = run_replay(d, w, lambda job: REFUSED if job["payload"]["n"] < 2 else None, select={"type": "once"})
    assert first["fates"]["failed_same"] == 2
    fail(d, w, "once", [REFUSED])
    plan = d.json("replay", "--replay", first["id"], "--dry-run")
    assert plan["to_replay"] == 2
    end = run_replay(d, w, select={"replay": first["id"]})
    assert end["fates"]["succeeded"] == 2 and set(states(d, ids)) == {"succeeded"}


def test_U5_one_bad_item_stops_nothing_and_every_item_ends_with_a_fate_and_a_reason(d):
    w = Worker(d, "once")
    ids = fail(d, w, "once", [REFUSED] * 8)
    r = d.post("/v1/replays", {"select": {"jobs": ids}})["id"]
    d.post(f"/v1/replays/{r}/pause")
    assert "another replay has it" in d.cli("job", "retry", ids[0], code=4).err
    for i in ids[:2]:
        d.cli("job", "retry", i, "--override", "in-another-replay", "--reason", "by hand")
    d.cli("job", "cancel", ids[1], "--reason", "not wanted")
    assert w.work() == [ids[0]]
    d.post(f"/v1/replays/{r}/resume")
    end = follow(d, w, r, lambda job: RATE if job["id"] == ids[2] else None)
    assert end["state"] == "done"
    items = {i["job"]: i for i in d.get(f"/v1/replays/{r}/items?limit=100")["items"]}
    assert set(items) == set(ids)
    assert [items[i]["fate"] for i in ids] == ["skipped"] * 2 + ["failed-new"] + ["succeeded"] * 5
    assert "succeeded" in items[ids[0]]["why"] and "cancelled" in items[ids[1]]["why"]
    assert items[ids[2]]["pattern_after"] != items[ids[2]]["pattern_before"]


def test_U6_it_is_said_whether_each_fix_worked(d):
    w = Worker(d, "once")
    ids = fail(d, w, "once", [REFUSED] * 5 + [RATE] * 3)
    again = run_replay(d, w, lambda job: RATE if job["id"] == ids[5] else BUG if job["id"] == ids[0] else None, select={"type": "once"})
    o = d.get(f"/v1/replays/{again['id']}")["outcome"]
    fixes = {p["items"]: p for p in o["patterns"]}
    assert fixes[3]["fix"] == "not proven" and (fixes[3]["came_back"], fixes[3]["tested"]) == (1, 3)
    assert fixes[5]["fix"] == "proven" and fixes[5]["failed_new"] == 1
    assert [n["n"] for n in o["new_patterns"]] == [1] and "Cannot read properties" in o["new_patterns"][0]["template"]
    before, after = ((o[k]["runs"], o[k]["failed"]) for k in ("before", "after"))
    assert (before, after, o["verdict"]) == ((8, 8), (8, 2), "better")
    shown = d.cli("replay", "show", again["id"]).out
    for words in ("verdict", "better", "before 8 of 8 runs failed", "since 2 of 8", "not proven", "came back in 1 of 3", "new failures",
                  f"reprise pattern show {fixes[3]['pattern']}"):
        assert words in shown, f"{words!r} is not in\n{shown}"
    # and the other way: from the job to its replay
    lineage = d.get(f"/v1/jobs/{ids[5]}/replays")["items"]
    assert [(x["replay"], x["fate"], x["repairs"], x["attempt"]) for x in lineage] == [(again["id"], "failed-same", 1, 2)]
    assert f"replay {again['id']}" in d.cli("job", "show", ids[5]).out


def test_U26_what_nobody_looked_at_stays_and_a_replay_keeps_id_attempts_and_output(d):
    w = Worker(d, "once")
    [job] = fail(d, w, "once", [REFUSED], key="invoice-7", labels={"tenant": "t7"})
    before, first = d.job(job), d.attempts(job)[0]
    run_replay(d, w, lambda job: RATE, select={"jobs": [job]})
    end = run_replay(d, w, select={"jobs": [job]})
    assert end["fates"]["succeeded"] == 1
    after, attempts = d.job(job), d.attempts(job)
    assert (after["id"], after["key"], after["labels"], after["payload"], after["created_at"]) == (
        before["id"], before["key"], before["labels"], before["payload"], before["created_at"])
    assert attempts[0] == first and [a["outcome"] for a in attempts] == ["failed", "failed", "succeeded"]
    assert [a.get("replay") for a in attempts] == [None, "R1", "R2"]


def test_U28_who_may_enqueue_or_read_may_not_replay_and_a_GET_changes_nothing(daemon):
    d = daemon("listen: 127.0.0.1:0\n" + JOBS)
    port = d.port()

    def ask(method, path, body, token):  # over the Unix socket it would be root who asks
        c = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            c.request(method, path, json.dumps(body), {"Authorization": f"Bearer {token}"})
            return c.getresponse().status
        finally:
            c.close()

    w = Worker(d, "once")
    ids = fail(d, w, "once", [REFUSED] * 2)
    calls = [("POST", "/v1/replays", {"select": {"all": True}}), ("POST", "/v1/deploys", {"types": ["once"]}),
             ("POST", f"/v1/jobs/{ids[0]}/retry", {}), ("POST", "/v1/replays/R1/undo", {}),
             ("POST", "/v1/types/once/changes", {"set": {"timeout": "1h"}, "reason": "r"}), ("POST", "/v1/changes/C1/revert", {})]
    for scope, allowed in (("read", False), ("enqueue", False), ("work", False), ("purge", False), ("operate", True)):
        token = d.post("/v1/tokens", {"name": scope, "scope": scope})["token"]
        for method, path, body in calls:
            status = ask(method, path, body, token)
            assert (status != 403) == allowed, f"{scope} {path}: {status}"
        if not allowed:
            assert set(states(d, ids)) == {"failed"}
    for _, path, _ in calls:
        assert d.http("GET", path)[0] in (200, 404, 405)
    assert [r["id"] for r in d.get("/v1/replays")["items"]] == ["R1"]
    assert [(c["id"], c["actor"]) for c in d.get("/v1/changes")["items"]] == [("C1", "token:operate")]


def test_U8_jobs_of_one_sequence_come_back_in_their_first_order(d):
    w = Worker(d, "once")
    ids = fail(d, w, "once", [REFUSED] * 6, labels={"sequence": "tenant-7"})
    r = d.post("/v1/replays", {"select": {"type": "once"}})["id"]
    order, w.batches = [], []
    wait_for(lambda: order.extend(w.work()) or d.get(f"/v1/replays/{r}")["state"] == "done", "its end")
    assert order == ids and max(w.batches) == 1


def test_U9_what_may_have_had_its_effect_is_counted_and_needs_to_be_asked_for(d):
    w = Worker(d, "once", "mail")
    fail(d, w, "once", [REFUSED] * 2)
    mails = fail(d, w, "mail", [REFUSED] * 3)
    plan = d.json("replay", "--all", "--dry-run")
    assert plan["risk"] == {"none": 0, "safe": 2, "unknown": 0, "partial": 0} and plan["left_out"] == {"not-idempotent": 3}
    assert d.cli("replay", "--all", "--include-unsafe", code=2).code == 2
    plan = d.json("replay", "--all", "--include-unsafe", "--reason", "none was sent", "--dry-run")
    assert plan["risk"]["unknown"] == 3
    r = d.json("replay", "--all", "--include-unsafe", "--reason", "none was sent", "--yes", "--detach")["id"]
    follow(d, w, r)
    risks = {i["job"]: i["risk"] for i in d.get(f"/v1/replays/{r}/items?limit=100")["items"]}
    assert {risks[m] for m in mails} == {"unknown"} and set(risks.values()) == {"unknown", "safe"}


def test_U10_a_parked_replay_starts_by_itself_after_the_deploy_and_survives_a_kill(d):
    w = Worker(d, "once")
    ids = fail(d, w, "once", [BUG] * 3)
    parked = d.json("replay", "--type", "once", "--when", "deploy:once", "--expires", "+2h")
    assert parked["state"] == "planned" and parked["parked"]["when"] == "deploy:once"
    assert "parked" in d.cli("replay", "show", parked["id"]).out
    d.kill()
    d.start()
    assert w.work() == [] and d.get(f"/v1/replays/{parked['id']}")["state"] == "planned"
    d.cli("deploy", "mark", "once", "--version", "v2")
    end = follow(d, w, parked["id"])
    assert end["state"] == "done" and end["fates"]["succeeded"] == 3 and set(states(d, ids)) == {"succeeded"}
    assert d.cli("replay", "--type", "once", "--when", "deploy:nobody", code=None).code != 0
    assert d.cli("replay", "--type", "once", "--when", "full-moon", code=None).code != 0


def test_U7_what_a_later_run_has_done_is_not_done_again(d):
    w = Worker(d, "once")
    [january] = fail(d, w, "once", [REFUSED], key="invoice-1")
    [other] = fail(d, w, "once", [REFUSED], key="invoice-2")
    march = d.enqueue("once", key="invoice-1", payload={"n": 0, "error": None})
    assert w.work() == [march]
    plan = d.json("replay", "--type", "once", "--dry-run")
    assert (plan["matched"], plan["to_replay"], plan["left_out"]) == (2, 1, {"superseded": 1})
    assert run_replay(d, w, select={"type": "once"})["fates"]["succeeded"] == 1
    assert states(d, [january, other]) == ["failed", "succeeded"]


def test_two_operators_at_once_start_one_replay_of_the_same_jobs(d):
    w = Worker(d, "once")
    ids = fail(d, w, "once", [REFUSED] * 10)
    answers = []

    def start():
        answers.append(d.http("POST", "/v1/replays", {"select": {"type": "once"}}))
    both = [threading.Thread(target=start) for _ in range(6)]
    for t in both:
        t.start()
    for t in both:
        t.join()
    assert sorted(status for status, _ in answers) == [201] + [409] * 5
    refused = [json.loads(body) for status, body in answers if status == 409]
    assert {r["check"] for r in refused} <= {"replays", "selection"}, refused
    assert follow(d, w, "R1")["fates"]["succeeded"] == 10
    assert all(len(d.attempts(i)) == 2 for i in ids)
