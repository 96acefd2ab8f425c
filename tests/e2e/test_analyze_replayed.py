"""analyze after the replay: what failed stays in the answer as it failed, also when none of its jobs is failed any more."""
from reprise import Daemon

CONFIG = """replay: { settle: 0s }
jobs:
  mail: { idempotent: true, retries: 0 }
"""
REFUSED = "connect ECONNREFUSED 10.0.0.1:5432"
BAD, GOOD = 30, 60


def work(d, n, error=None):
    """Takes n jobs and reports them; their ids."""
    ids = []
    while len(ids) < n:
        leases = d.post("/v1/work/fetch", {"worker": "w", "types": ["mail"], "max": n - len(ids), "wait_ms": 20000})["leases"]
        d.post("/v1/work/report", [{"lease": x["lease"], "token": x["token"], "outcome": "failed" if error else "succeeded"}
                                   | ({"error": error} if error else {}) for x in leases])
        ids += [x["job"]["id"] for x in leases]
    return ids


def test_failures_that_a_replay_has_run_again_keep_their_conditions_and_samples():
    with Daemon(CONFIG) as d:
        d.post("/v1/jobs", [{"type": "mail", "labels": {"region": "us"}} for _ in range(GOOD)])
        work(d, GOOD)
        d.post("/v1/jobs", [{"type": "mail", "labels": {"region": "eu"}} for _ in range(BAD)])
        failed = work(d, BAD, REFUSED)
        before = d.run("analyze", "--json", code=0).json()
        assert before["patterns"][0]["still_failed"] is True
        assert [(n["node"], n["rate"]["failures"], n["rate"]["runs"]) for n in before["nodes"]] == [("test", BAD, BAD + GOOD)]
        assert before["conditions"][0]["inside"] == {"failed": BAD, "runs": BAD}

        d.run("replay", "--type", "mail", "--canary", BAD, "--detach", code=0)
        assert sorted(work(d, BAD)) == sorted(failed)
        after = d.run("analyze", "--json", code=0).json()
        assert (after["runs"], after["failures"]) == (GOOD + 2 * BAD, BAD)
        pattern = after["patterns"][0]
        for found in (after["conditions"], pattern["conditions"]):
            assert found[0]["where"] == {"label region": "eu"}
            assert found[0]["inside"] == {"failed": BAD, "runs": 2 * BAD}  # the failures, and the same jobs when they went well
            assert found[0]["outside"] == {"failed": 0, "runs": GOOD}
        assert pattern["still_failed"] is False
        assert len(set(pattern["samples"])) == 3 and set(pattern["samples"]) <= set(failed)
        words = " ".join(d.run("analyze", code=0).out.split())
        assert "none of its jobs is failed any more" in words
        assert "reprise status" in words and "reprise replay" not in words
        assert "None of its jobs is failed any more" in d.run("analyze", "--html", "-", code=0).out


def many(d, n, region, error=None):
    """n jobs of a region, run one thousand after the other."""
    for _ in range(0, n, 1000):
        d.post("/v1/jobs", [{"type": "mail", "labels": {"region": region}} for _ in range(1000)])
        work(d, 1000, error)


def test_a_sample_of_a_burst_stands_for_all_of_it_also_after_a_replay():
    """More runs than are read one by one (12,000), and all failures within a minute or two: two of three in the region that failed first."""
    with Daemon(CONFIG) as d:
        many(d, 9000, "us")
        many(d, 4000, "eu", REFUSED)
        many(d, 2000, "us", REFUSED)
        first = d.run("analyze", "--json", code=0).json()
        assert first["sampled"]["failures"] == 3000
        [node] = first["nodes"]  # scaled to all of the window
        assert (node["rate"]["failures"], node["rate"]["runs"]) == (6000, 15000)
        [found] = first["conditions"]
        assert found["where"] == {"label region": "eu"} and found["inside"]["failed"] == found["inside"]["runs"]
        elsewhere = found["outside"]
        assert abs(elsewhere["failed"] / elsewhere["runs"] - 2000 / 11000) < .02
        assert abs(found["coverage"] - 4000 / 6000) < .02

        d.run("replay", "--type", "mail", "--where", "region=eu", "--canary", 4000, "--detach", code=0)
        for _ in range(4):
            work(d, 1000)
        [found] = d.run("analyze", "--json", code=0).json()["conditions"]
        assert abs(found["inside"]["failed"] / found["inside"]["runs"] - 4000 / 8000) < .02
        assert abs(found["outside"]["failed"] / found["outside"]["runs"] - 2000 / 11000) < .02
        assert abs(found["coverage"] - 4000 / 6000) < .02
