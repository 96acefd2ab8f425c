"""In what failures differ: what a job does not carry as a label, the deploy that was out and what stands in its payload."""
import datetime
import pathlib

from reprise import Daemon

CONFIG = "jobs:\n  mail: { idempotent: true, retries: 0 }\n"
REFUSED = "connect ECONNREFUSED 10.0.0.1:5432"


def work(d, payloads, fails, kind="mail"):
    """Enqueues jobs with these payloads and reports each as failed or not by its payload."""
    d.post("/v1/jobs", [{"type": kind, "payload": p} for p in payloads])
    done = 0
    while done < len(payloads):
        leases = d.post("/v1/work/fetch", {"worker": "w", "types": [kind], "max": 100, "wait_ms": 20000})["leases"]
        d.post("/v1/work/report", [{"lease": x["lease"], "token": x["token"]} | (
            {"outcome": "failed", "error": REFUSED} if fails(x["job"]["payload"]) else {"outcome": "succeeded"}) for x in leases])
        done += len(leases)


def test_what_stands_in_payloads_is_an_attribute_where_the_question_says_so():
    with Daemon(CONFIG) as d:
        regions = ["eu", "us", "asia", 7]
        work(d, [{"customer": {"region": regions[i % 4], "id": i}} for i in range(160)], lambda p: p["customer"]["region"] == "eu")
        assert d.run("analyze", "--json", code=0).json()["conditions"] == []
        assert "no attribute explains where it happens" in d.run("analyze", code=0).out
        a = d.run("analyze", "--payload", "customer/region", "--payload", "/absent", "--json", code=0).json()
        [found] = a["conditions"]
        assert found["where"] == {"payload /customer/region": "eu"}
        assert found["inside"] == {"failed": 40, "runs": 40} and found["outside"] == {"failed": 0, "runs": 120}
        assert "payload /customer/region=eu" in d.run("analyze", "--payload", "/customer/region", code=0).out
        wrong = d.run("analyze", "--payload", "/a~2", code=2)
        assert "no JSON pointer" in wrong.err


def test_what_types_need_explains_failures_of_several_of_them():
    config = ("dependencies:\n  db: { command: [/bin/true] }\njobs:\n  mail: { retries: 0 }\n"
              "  invoice: { retries: 0, needs: [db], hold_max: 0 }\n  ledger: { retries: 0, needs: [db], hold_max: 0 }\n")
    with Daemon(config) as d:
        d.run("deps", "check")
        for kind in ("mail", "invoice", "ledger"):
            work(d, [{"i": i} for i in range(60)], lambda p, kind=kind: kind != "mail" and p["i"] % 3 > 0, kind)
        [found] = d.run("analyze", "--json", code=0).json()["conditions"]
        assert found["where"] == {"needs db": "yes"}
        assert found["inside"] == {"failed": 80, "runs": 120} and found["outside"] == {"failed": 0, "runs": 60}


def test_the_deploy_that_was_out_is_an_attribute():
    with Daemon(CONFIG) as d:
        work(d, [{"i": i} for i in range(60)], lambda p: False)
        d.run("deploy", "mark", "mail", "--version", "v2", code=0)
        work(d, [{"i": i} for i in range(60)], lambda p: p["i"] % 3 > 0)
        [found] = d.run("analyze", "--json", code=0).json()["conditions"]
        assert found["where"] == {"deploy": "v2"}
        assert found["inside"] == {"failed": 40, "runs": 60} and found["outside"] == {"failed": 0, "runs": 60}


def test_what_changed_just_before_failing_began_is_a_suspect_by_time_only(folder):
    """An hour of runs that went well, then a deploy, then failures."""
    now = datetime.datetime.now(datetime.timezone.utc)
    times = [now - datetime.timedelta(minutes=60 - i % 55) for i in range(220)]
    table = pathlib.Path(folder) / "past.csv"
    table.write_text("job,status,end\n" + "".join(f"j{i},ok,{t:%Y-%m-%dT%H:%M:%SZ}\n" for i, t in enumerate(times)), encoding="utf-8")
    with Daemon(CONFIG) as d:
        d.run("import", "csv", table, "--type", "mail", "--column", "job=job,outcome=status,end=end", code=0)
        work(d, [{"i": i} for i in range(5)], lambda p: False)
        d.run("deploy", "mark", "mail", "--version", "v2", code=0)
        work(d, [{"i": i} for i in range(40)], lambda p: True)
        a = d.run("analyze", "--json", code=0).json()
        assert a["onset"]["kind"] == "sudden"
        [suspect] = a["suspects"]
        assert (suspect["kind"], suspect["what"]) == ("deploy.mark", "type mail")
        assert suspect["at"] <= a["onset"]["at"]
        words = " ".join(d.run("analyze", code=0).out.split())
        assert "in the 15 minutes before:" in words and "deploy.mark type mail (coincidence in time, not proof)" in words
        d.run("queue", "pause", "default", "--reason", "to look", code=0)
        after = d.run("analyze", "--json", code=0).json()["suspects"][1:]
        words = " ".join(d.run("analyze", code=0).out.split())
        assert ("in the minute after:" in words and "queue.pause" in words) == bool(after)  # within a minute, on a fast machine
