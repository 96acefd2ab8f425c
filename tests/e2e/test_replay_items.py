"""What became of each job of a replay (replay.md 20, U5): those that did not succeed are shown, wherever in it they stand."""
import re

import pytest

from reprise import wait_for

JOBS = "replay: { settle: 0s, wave_max: 1000 }\njobs: { w: { idempotent: true, retries: 0 } }\n"


def work(d, verdict):
    """Fetches all there is, then reports all of it: nothing is left that a halt could stop."""
    leases = []
    while got := d.post("/v1/work/fetch", {"worker": "w", "types": ["w"], "max": 100})["leases"]:
        leases += got
    for lease in leases:
        error = verdict(lease["job"]["payload"]["n"])
        d.post("/v1/work/report", [{"lease": lease["lease"], "token": lease["token"], "outcome": "failed" if error else "succeeded"}
                                   | ({"error": {"message": error}} if error else {})])
    return len(leases)


@pytest.fixture
def replayed(daemon):
    """130 jobs of which the last 25 failed again, in a new way."""
    d = daemon(JOBS)
    d.post("/v1/jobs", [{"type": "w", "payload": {"n": n}} for n in range(130)])
    assert work(d, lambda n: "Connection refused") == 130
    d.post("/v1/replays", {"select": {"all": True}, "guard": {"canary": 0, "reason": "all at once"}})
    wait_for(lambda: d.get("/v1/replays/R1")["fates"]["running"] == 130, "all are out")
    assert work(d, lambda n: "tenant unreachable: No route to host" if n >= 105 else None) == 130
    wait_for(lambda: d.get("/v1/replays/R1")["state"] == "done", "its end")
    return d


def test_U5_jobs_that_failed_again_are_shown_however_late_they_come(replayed):
    out = replayed.cli("replay", "show", "R1").out
    rows = re.findall(r"^ *(\d+) +w +\d+ +failed-new +P\d+$", out, re.M)
    assert [int(r) for r in rows] == list(range(106, 126)), out
    more = re.search(r"and 5 more: reprise (.*)", out)[1]
    listed = replayed.json(*more.split(), "--limit", "1000")["items"]
    assert {int(j["id"]) for j in listed} == set(range(106, 131)), "what was said shows all of them"


def test_items_are_asked_for_by_their_fate(replayed):
    def jobs(query):
        answer = replayed.get(f"/v1/replays/R1/items?{query}")
        return [int(i["job"]) for i in answer["items"]], answer.get("next_cursor")

    assert jobs("fate=failed-new") == (list(range(106, 131)), None)
    assert jobs("fate=failed-same,unknown") == ([], None)
    first, cursor = jobs("fate=failed-new&limit=20")
    assert (first, jobs(f"fate=failed-new&limit=20&cursor={cursor}")) == (list(range(106, 126)), (list(range(126, 131)), None))
    assert len(jobs("fate=succeeded&limit=999")[0]) == 105
    assert replayed.http("GET", "/v1/replays/R1/items?fate=failed")[0] == 400
    assert replayed.http("GET", "/v1/replays/R1/items?fate=")[0] == 400
