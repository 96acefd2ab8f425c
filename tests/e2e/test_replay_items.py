"""What became of each job of a replay (replay.md 20, U5): those that did not succeed are shown, wherever in it they stand."""
import re
import subprocess

import pytest

from reprise import BIN, environment, wait_for

JOBS = "replay: { settle: 0s, wave_max: 1000 }\njobs: { w: { idempotent: true, retries: 0 } }\n"
ONCE_FIXED = """
replay: { settle: 0s }
jobs:
  a: { shell: 'test -e fixed || { echo "Connection refused" >&2; exit 1; }', cwd: "DIR", idempotent: true, retries: 0 }
"""


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


def test_R16_who_watches_a_replay_whose_daemon_dies_is_told_that_it_goes_on(daemon):
    d = daemon("jobs: { x: {} }\n")
    d.write_config(ONCE_FIXED.replace("DIR", str(d.dir)))
    d.reload()
    wait_for(lambda: d.http("GET", "/v1/types/a")[0] == 200, "the new configuration")
    jobs = [d.enqueue("a") for _ in range(12)]
    wait_for(lambda: all(d.job(j)["state"] == "failed" for j in jobs), "the failures")
    (d.dir / "fixed").touch()
    watching = subprocess.Popen([BIN, "--socket", d.socket, "replay", "--all", "--rate", "1/s"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                env=environment(), text=True)
    wait_for(lambda: d.http("GET", "/v1/replays/R1")[0] == 200 and d.get("/v1/replays/R1")["fates"]["succeeded"] >= 2, "its begin")
    d.kill()
    _, said = watching.communicate(timeout=60)
    said = " ".join(said.split())
    # It died between two questions of who watches, or in the midst of an answer.
    assert watching.returncode == 5 and re.search("no daemon answers|gave no whole answer", said), said
    assert "replay R1 goes on by itself where it was once the daemon is back: reprise replay show R1 --follow" in said, said
    d.start()
    assert "12 succeeded" in d.cli("replay", "show", "R1", "--follow").out
