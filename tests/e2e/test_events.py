"""Server-Sent Events: how far a replay is (issue of the replays, 3), read as an EventSource reads them (HTML, 9.2)."""
import json
import time

import pytest

from reprise import wait_for

JOBS = """
replay: { settle: 0s }
defaults: { idempotent: true, retries: 0 }
jobs:
  a: { shell: 'test -e fixed || { echo "Connection refused" >&2; exit 1; }; test "$(cat)" != 7 || { echo "tenant gone" >&2; exit 1; }', cwd: "DIR" }
"""


@pytest.fixture
def failed(daemon):
    d = daemon("jobs: { x: {} }\n")
    d.write_config(JOBS.replace("DIR", str(d.dir)))
    d.reload()
    wait_for(lambda: d.http("GET", "/v1/types/a")[0] == 200, "the new configuration")
    jobs = [d.enqueue("a", payload=n) for n in range(12)]
    wait_for(lambda: all(d.job(j)["state"] == "failed" for j in jobs), "the failures")
    (d.dir / "fixed").touch()
    return d


class Source:
    """One answer after the other, as the standard has it: id and retry are kept, 204 is the end."""

    def __init__(self, d, path):
        self.d, self.path, self.id, self.retry_ms, self.over = d, path, None, None, False

    def ask(self):
        status, text = self.d.http("GET", self.path, headers={"Last-Event-ID": self.id} if self.id else {})
        self.over = status == 204
        if self.over:
            return []
        assert status == 200, (status, text)
        events, data, kind, id_ = [], [], "message", self.id
        for line in text.decode().split("\n"):
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if line == "":
                if data:
                    events.append((kind, json.loads("\n".join(data))))
                data, kind, self.id = [], "message", id_
            elif field == "retry":
                self.retry_ms = int(value)
            elif field == "id":
                id_ = value
            elif field == "event":
                kind = value
            elif field == "data":
                data.append(value)
        return events

    def listen(self):
        events, until = [], time.monotonic() + 90
        while not self.over:
            assert time.monotonic() < until, events
            events += self.ask()
            time.sleep(self.retry_ms / 4000)  # sooner than it asks for: the more there is to hear
        return events


def test_R_progress_of_a_replay_is_heard_with_failures_rate_and_time_left_until_its_end(failed):
    failed.post("/v1/replays", {"select": {"all": True}, "guard": {"rate": 2}})
    source = Source(failed, "/v1/events?replay=R1")
    events = source.listen()
    assert {kind for kind, _ in events} == {"replay"} and source.retry_ms == 1000
    heard = [e for _, e in events]
    assert all(e["id"] == "R1" and e["to_replay"] == 12 and e["succeeded"] + e["failed"] == e["ended"] for e in heard), heard
    ended = [e["ended"] for e in heard]
    assert ended == sorted(ended) and len(ended) >= 3 and len({json.dumps(e) for e in heard}) == len(heard), "each change once"
    assert (heard[-1]["state"], heard[-1]["succeeded"], heard[-1]["failed"]) == ("done", 11, 1)
    fast = [e for e in heard if "rate" in e]
    assert fast and all(0 < e["rate"] <= 12 and abs(e["left_s"] - (12 - e["ended"]) / e["rate"]) <= 1 for e in fast), fast
    assert "rate" not in heard[-1] and failed.get("/v1/replays/R1")["fates"]["succeeded"] == 11


def test_R13_what_a_replay_waits_for_is_heard_when_that_changes(failed):
    failed.cli("queue", "pause", "default", "--reason", "so")
    failed.post("/v1/replays", {"select": {"jobs": ["1", "2"]}})
    source, heard = Source(failed, "/v1/events?replay=R1"), []

    def hears(what):
        heard.extend(event for _, event in source.ask())
        return any(what(event) for event in heard)

    wait_for(lambda: hears(lambda e: e.get("says") == "waits: queue default is paused"), "what it waits for")
    failed.cli("queue", "resume", "default")
    wait_for(lambda: hears(lambda e: e["state"] == "done"), "its end")


def test_without_a_name_all_live_replays_are_told_and_none_that_is_over(failed):
    source = Source(failed, "/v1/events")
    assert source.ask() == [] and not source.over
    failed.post("/v1/replays", {"select": {"jobs": ["1", "2"]}, "guard": {"rate": 0.01, "canary": 1, "wave": 1}})
    failed.cli("replay", "pause", "R1")
    (_, event), = source.ask()
    assert (event["id"], event["state"], event["to_replay"]) == ("R1", "paused", 2) and "rate" not in event
    failed.cli("replay", "abort", "R1")
    wait_for(lambda: source.ask() == [], "its end")


def test_what_cannot_be_listened_to_is_a_problem(failed):
    assert failed.http("GET", "/v1/events?replay=R99")[0] == 404
    assert failed.http("GET", "/v1/events?replay=12")[0] == 404
    assert failed.http("GET", "/v1/events?replays=R1")[0] == 400
    assert failed.http("POST", "/v1/events", {})[0] == 405
