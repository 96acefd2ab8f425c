"""analyze --log alone: since when a pattern and a type fail, and which single jobs are suspected of poison, from the log's own times and ids."""
import datetime
import random

import pytest
from reprise import run

BEGAN = datetime.datetime(2026, 3, 4, 9, 0)
ONSET = BEGAN + datetime.timedelta(hours=7)
POISON = "c0ffee000000000000000001"


def entry(at, kind, jid, event, seconds=None):
    took = f" elapsed={seconds}" if seconds is not None else ""
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z pid=11 tid=t{int(at.timestamp()) % 97} class={kind} jid={jid}{took} INFO: {event}"


def sidekiq(error_after):
    """Ten hours, four runs a minute; Mail fails from ONSET on with one error, Report rarely. One job of Report fails every hour."""
    rng, lines, truth = random.Random(3), [], {"runs": 0, "failed": 0, "mail": [0, 0]}

    def one(at, kind, jid, failed, error):
        end = at + datetime.timedelta(milliseconds=200)
        truth["runs"] += 1
        truth["failed"] += failed
        lines.append(entry(at, kind, jid, "start"))
        lines.append(entry(end, kind, jid, "fail" if failed else "done", 0.2))
        if failed:
            tid = f"pid=11 tid=t{int(end.timestamp()) % 97}"
            lines.append(f"{end:%Y-%m-%dT%H:%M:%S}.{end.microsecond // 1000:03}Z {tid} WARN: {error}")

    for i in range(10 * 60 * 4):
        at = BEGAN + datetime.timedelta(seconds=15 * i)
        kind = "Mail" if i % 2 else "Report"
        bad = kind == "Mail" and at >= ONSET and rng.random() < .8
        one(at, kind, f"{i:024x}", bad, error_after)
        if kind == "Mail":
            truth["mail"][0] += bad
            truth["mail"][1] += 1
        if i % 240 == 100:
            one(at + datetime.timedelta(seconds=5), "Report", POISON, True, "ArgumentError: invalid date in row 7")
    return "\n".join(lines) + "\n", truth


@pytest.fixture
def log(folder):
    text, truth = sidekiq("Errno::ECONNREFUSED: Connection refused - connect(2) for smtp.example.com:25")
    path = f"{folder}/sidekiq.log"
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    return path, truth


def time_of(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "")).replace(tzinfo=None)


def test_the_onset_is_told_for_all_for_the_pattern_and_for_the_type_that_changed(log):
    path, truth = log
    a = run("analyze", "--log", path, "--json", code=0).json()
    assert a["format"] == "sidekiq" and (a["runs"], a["failures"]) == (truth["runs"], truth["failed"])
    mail = next(p for p in a["patterns"] if p["types"].get("Mail"))
    [of_type] = a["type_onsets"]
    assert of_type["type"] == "Mail"
    for onset in (a["onset"], mail["onset"], of_type["onset"]):
        assert onset["kind"] == "sudden"
        assert time_of(onset["from"]) <= ONSET <= time_of(onset["to"])
        assert abs(time_of(onset["at"]) - ONSET) <= datetime.timedelta(minutes=2)
    assert of_type["onset"]["before"] == 0 and .7 < of_type["onset"]["after"] < .9
    rest = next(p for p in a["patterns"] if not p["types"].get("Mail"))
    assert rest["onset"] == {"kind": "none"}


def test_the_job_that_fails_alone_is_suspected_of_poison_and_no_other(log):
    path, truth = log
    a = run("analyze", "--log", path, "--json", code=0).json()
    [p] = a["poison_suspected"]
    assert a["poison"] == []  # takes two nodes
    pattern = next(q for q in a["patterns"] if not q["types"].get("Mail"))
    assert (p["job"], p["type"], p["failures"], p["pattern"]) == (POISON, "Report", 10, pattern["id"])
    # two runs of Report in each minute from that of the first failure to that of the last
    assert p["successes_of_others"] == 2 * (9 * 60 + 1)
    assert "nodes" not in p, "a log that names no node does not say how many there were"
    assert time_of(p["last"]) - time_of(p["first"]) == datetime.timedelta(hours=9)


def test_words_and_page_say_the_same(log, folder):
    path, truth = log
    words = " ".join(run("analyze", "--log", path, code=0).out.split())
    assert words.count("began suddenly") == 3 and "by type: Mail" in words
    assert "suspected of poison, not proven: 1 job" in words and f"job {POISON} (Report) 10 failures, 1,082 of others succeeded in between" in words
    run("analyze", "--log", path, "--html", f"{folder}/a.html", code=0)
    page = open(f"{folder}/a.html", encoding="utf-8").read()
    assert "Failures over time" in page and "Since when each type fails more than before" in page
    assert POISON in page and "not told" in page


def test_a_log_without_times_or_ids_has_neither(folder):
    path, config = f"{folder}/own.log", f"{folder}/own.yaml"
    with open(config, "w", encoding="utf-8") as f:
        f.write('log_formats:\n  own: { line: "[{type}] {event}" }\n')
    with open(path, "w", encoding="utf-8") as f:
        f.write("".join(f"[nightly] started\n[nightly] {'failed' if i % 3 == 0 else 'finished'}\n" for i in range(60)))
    a = run("analyze", "--log", path, "--config", config, "--format", "own", "--json", code=0).json()
    assert (a["runs"], a["failures"]) == (60, 20)
    assert "onset" not in a and a["poison"] == [] and a["poison_suspected"] == [] and a["type_onsets"] == [] and "timeline" not in a
