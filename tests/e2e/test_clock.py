"""The daemon under a wall clock that jumps while it runs (G24; schedules 11). libfaketime sets the wall clock only: what runs by
CLOCK_BOOTTIME or CLOCK_MONOTONIC goes on as it does when somebody sets the clock."""
import glob
import os
import time

import pytest
from load import moment
from reprise import Daemon, wait_for

FOUND = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
pytestmark = pytest.mark.skipif(not FOUND, reason="libfaketime is not installed")

HOUR = 3600
CONFIG = """lease: 5m
jobs:
  tick: { shell: "true", schedule: "* * * * * *", idempotent: true, overlap: allow, missed: skip }
  w: { idempotent: true, retries: 5, backoff: { kind: fixed, base: 2s } }
"""


class Clock:
    """The daemon's wall clock against the machine's, in seconds."""

    def __init__(self, folder):
        self.file = folder / "clock"
        self.set(0)

    def set(self, seconds):
        new = self.file.with_suffix(".new")
        new.write_text(f"{seconds:+d}\n")
        new.rename(self.file)

    def slew(self, rate):
        new = self.file.with_suffix(".new")
        new.write_text(f"+0 {rate}\n")
        new.rename(self.file)


@pytest.fixture
def clocked(tmp_path):
    clock = Clock(tmp_path)
    # A program with the address sanitizer ends at once where a library comes before the sanitizer's, as libfaketime must.
    asan = ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "verify_asan_link_order=0"]))
    with Daemon(CONFIG, env={"LD_PRELOAD": FOUND[0], "ASAN_OPTIONS": asan, "FAKETIME_TIMESTAMP_FILE": clock.file, "FAKETIME_NO_CACHE": "1",
                             "FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_RESET": "1"}) as d:
        wait_for(lambda: fired(d), "the first run of the schedule")
        yield d, clock


def fired(d):
    """Instants of the schedule's jobs, oldest first."""
    return sorted(j["instant"] for j in d.get("/v1/jobs?schedule=tick&limit=1000")["items"])


def lease_one(d):
    return d.post("/v1/work/fetch", {"worker": "w", "types": ["w"], "wait_ms": 20000})["leases"][0]


def report(d, lease, outcome="succeeded"):
    return d.post("/v1/work/report", [{"lease": lease["lease"], "token": lease["token"], "outcome": outcome}])[0]


@pytest.mark.parametrize("jump", [HOUR, -HOUR, 24 * HOUR, -24 * HOUR])
def test_G24_a_jump_of_the_clock_takes_no_lease_and_delays_no_retry(clocked, jump):
    d, clock = clocked
    running, retried = d.enqueue("w"), None
    lease = lease_one(d)
    assert lease["job"]["id"] == running
    retried = d.enqueue("w")
    assert report(d, lease_one(d), "failed").get("state") == "retrying"
    clock.set(jump)
    again = lease_one(d)  # it waits for 20 s: the delay is a span, not a moment of the wall clock
    assert again["job"]["id"] == retried and again["attempt"] == 2, "the retry came, and no lease was taken for lost"
    answer = d.post("/v1/work/beat", {"worker": "w", "leases": [{k: again[k] for k in ("lease", "token")}]})
    assert answer[0]["ok"] and report(d, again)["state"] == "succeeded"
    assert d.job(running)["state"] == "running" or [a["outcome"] for a in d.attempts(running)][0] == "lost"


@pytest.mark.parametrize("jump", [HOUR, 24 * HOUR])
def test_G14_no_instant_fires_twice_when_the_clock_is_set_forward_and_back(clocked, jump):
    d, clock = clocked
    clock.set(jump)
    count = len(fired(d))
    wait_for(lambda: len(fired(d)) > count + 1, "runs after the jump")
    clock.set(0)
    if jump > 3 * HOUR:  # a correction: it starts from the new time
        count = len(fired(d))
        wait_for(lambda: len(fired(d)) > count + 1, "runs after the correction")
    else:  # they wait until the clock has reached the last instant again
        time.sleep(2)
    instants = fired(d)
    assert len(instants) == len(set(instants))
    assert len(instants) < 100, "no storm of the hour that was jumped over"
    assert d.get("/readyz") == {"ready": True}


@pytest.mark.parametrize("jump", [24 * HOUR, -24 * HOUR])
def test_R11_a_clock_that_was_wrong_by_hours_is_an_alert(clocked, jump):
    d, clock = clocked
    assert "clock" not in d.cli("status", code=None).out and "clock_set" not in d.get("/v1/status")
    clock.set(jump)
    said = wait_for(lambda: d.get("/v1/status").get("clock_set"), "the status says so")
    assert abs(said["by_s"] - jump) <= 1, said
    line = next(l for l in d.cli("status", code=None).out.splitlines() if l.startswith("clock"))
    assert "ALERT" in line and ("forward" if jump > 0 else "back") in line, line
    assert "reprise_clock_corrections_total 1" in d.http("GET", "/metrics")[1].decode()


@pytest.mark.parametrize("rate", ["x1.02", "x0.98"])
def test_G24_a_slewed_clock_fires_each_instant_once_and_is_no_alert(clocked, rate):
    """A smeared leap second is 11 millionths; this is a thousand times as much."""
    d, clock = clocked
    clock.slew(rate)
    count = len(fired(d))
    wait_for(lambda: len(fired(d)) > count + 4, "more runs")
    seconds = [round(moment(i)) for i in fired(d)]
    assert seconds == list(range(seconds[0], seconds[0] + len(seconds))), "each second, once"
    assert "clock_set" not in d.get("/v1/status")


def test_U16_instants_that_the_clock_jumped_over_are_missed_and_the_clock_is_named(clocked):
    d, clock = clocked
    clock.set(HOUR)
    missed = wait_for(lambda: [o for o in d.get("/v1/schedules/tick/occurrences?limit=1000")["items"] if o["verdict"] == "missed"], "the verdicts")
    assert "clock" in missed[0]["why"], missed[0]
