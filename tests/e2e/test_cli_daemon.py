"""The command line against a real daemon: what the commands promise holds in the store, and their ids and words fit together."""
import json
import pathlib
import re

import pytest

from reprise import wait_for, width

CONFIG = """
dependencies:
  db: {{ tcp: "127.0.0.1:1", every: 1s, timeout: 1s }}
jobs:
  ok:
    run: [sh, -c, "echo hello; echo oops >&2; cat"]
    schedule: "0 2 * * *"
    timezone: Europe/Berlin
    idempotent: true
  bad:
    run: [sh, -c, "echo working; echo 'Error: connect ECONNREFUSED 10.0.0.5:5432' >&2; test -e {folder}/fixed"]
    retries: 0
    idempotent: true
  slow:
    run: [sh, -c, "echo 1; sleep 30"]
    retries: 0
    timeout: 4s
  held:
    run: ["true"]
    needs: [db]
"""


@pytest.fixture
def live(daemon, folder):
    return daemon(CONFIG.format(folder=folder))


def enqueue(live, *args):
    answer = live.run("enqueue", *args, "--quiet")
    assert answer.code == 0, answer
    return answer.out.strip()


def ended(live, job):
    def look():
        found = live.json("job", "show", job)
        return found if found["state"] in ("succeeded", "failed", "cancelled") else None
    return wait_for(look, what=f"the end of job {job}")


def test_a_job_is_added_once_by_its_key_runs_and_is_shown_with_both_streams(live):
    job = enqueue(live, "ok", "--payload", '{"a": 1.0}', "--key", "k", "--in", "1h")
    again = live.run("enqueue", "ok", "--key", "k")
    assert again.code == 0 and f"job {job} has this key already" in again.out
    assert live.run("jobs", "--count", "--type", "ok").out == "1\n"
    job = enqueue(live, "ok", "--payload", '{"a": 1.0}')
    assert ended(live, job)["state"] == "succeeded"
    shown = live.run("job", "show", job).out
    assert re.search(r"stdout +hello\n +\{\"a\": 1.0\}", shown) and re.search(r"stderr +oops", shown)
    assert live.run("job", "logs", job, "--stream", "err").out == "oops\n"
    assert live.run("job", "logs", job, "--stream", "out", "--raw").out == 'hello\n{"a": 1.0}'


def test_a_time_limit_is_named_in_the_certificate(live):
    job = enqueue(live, "slow")
    assert ended(live, job)["state"] == "failed"
    shown = live.run("job", "show", job).out
    assert "ended by   the time limit" in shown and "class timeout" in shown and re.search(r"stdout +1\n", shown)


def test_follow_ends_with_the_attempt_and_has_all_of_its_output(live):
    job = enqueue(live, "slow")
    wait_for(lambda: live.json("job", "show", job)["state"] != "queued", what="the start")
    answer = live.run("job", "logs", job, "--follow")
    assert (answer.code, answer.out) == (0, "1\n")


def test_the_runbook_failures_analysis_dry_run_fix_replay(live, folder):
    jobs = [enqueue(live, "bad", "--label", f"n={i}") for i in range(8)]
    for job in jobs:
        assert ended(live, job)["state"] == "failed"
    listed = live.run("jobs", "--state", "failed", "--since", "1h").out
    assert listed.startswith("8 failed jobs in 1 group in the last 1 h, the newest at")
    pattern = re.search(r"bad +connection (P\d+)", listed)[1]
    assert "ECONNREFUSED" in listed
    analysis = live.run("analyze", "--since", "1h").out
    assert "8 failures of 8 runs" in analysis and f"reprise replay --pattern {pattern} --dry-run" in analysis
    dry = live.run("replay", "--pattern", pattern, "--dry-run")
    assert dry.code == 0 and "would replay 8 of 8 matching jobs" in dry.out, dry
    plan = re.search(r"plan hash +(\w+)", dry.out)[1]
    pathlib.Path(folder, "fixed").touch()
    refused = live.run("replay", "--pattern", pattern, "--plan", "0123456789abcdef")
    assert refused.code == 4 and live.run("jobs", "--state", "failed", "--count").out == "8\n"
    done = live.run("replay", "--pattern", pattern, "--plan", plan)
    assert done.code == 0 and "8 succeeded" in done.out and "8/8" in done.err, done
    assert live.run("jobs", "--state", "failed").out == "no failed jobs\n"
    assert "R1" in live.run("replay", "list").out and live.run("replay", "show", "1").code == 0


def test_a_replay_that_fails_again_ends_with_3_and_names_the_jobs(live):
    jobs = [enqueue(live, "bad") for _ in range(3)]
    for job in jobs:
        ended(live, job)
    answer = live.run("replay", "--type", "bad")
    assert answer.code == 3 and "3 failed the same way" in answer.out, answer
    assert all(re.search(rf"^ *{job} +bad ", answer.out, re.M) for job in jobs)


def test_a_held_job_says_why_in_every_place(live):
    wait_for(lambda: "DOWN" in live.run("deps").out, what="the dependency seen down")
    job = enqueue(live, "held")
    assert "dependency db is down" in live.run("job", "show", job).out
    assert "held: dependency db is down" in live.run("jobs", "--type", "held").out
    assert "db DOWN" in live.run("status").out
    assert live.run("deps", "check", "db").code == 3
    assert live.run("job", "cancel", job).code == 0
    assert live.json("job", "show", job)["state"] == "cancelled"


def test_queues_and_schedules_pause_and_go_on(live):
    job = enqueue(live, "ok", "--in", "1h")
    assert live.run("queue", "pause", "default", "--reason", "maintenance").code == 0
    assert re.search(r"paused by\s+uid:", live.run("queues").out)
    assert live.run("queue", "resume", "default").code == 0
    assert live.run("schedule", "pause", "ok").code == 0 and "paused by" in live.run("schedules").out
    assert live.run("schedule", "resume", "ok").code == 0
    manual = live.json("schedule", "run", "ok")["id"]
    assert ended(live, manual)["schedule"] == "ok" and manual != job
    assert "02:00" in live.run("schedule", "next", "ok", "-n", "2").out


def test_a_token_made_here_opens_the_network_door_until_it_is_revoked(daemon, folder):
    live = daemon("listen: 127.0.0.1:0\n")
    made = live.run("token", "create", "--name", "ci", "--scope", "read", "--expires", "1d")
    assert made.code == 0 and re.fullmatch(r"rp_[\w-]{43}\n", made.out), made
    port = live.port()
    pathlib.Path(folder, "token").write_text(made.out)
    reach = ["--url", f"http://127.0.0.1:{port}", "--token-file", f"{folder}/token"]
    assert live.run("queues", *reach).code == 0
    assert live.run("queues", *reach[:2]).code == 1
    assert live.run("queue", "pause", "default", *reach).code == 1
    assert live.run("token", "revoke", "1", "--yes").code == 0
    answer = live.run("queues", *reach)
    assert answer.code == 1 and "  → " in answer.err


def test_a_token_of_every_scope_of_the_help_can_be_made(daemon):
    d = daemon("")
    scopes = re.search(r"--scope S +(.+)", d.cli("token", "create", "--help").out)[1]
    for scope in re.split(r", | or ", scopes):
        assert d.json("token", "create", "--name", f"of-{scope}", "--scope", scope)["scope"] == scope
    refused = d.run("token", "create", "--name", "x", "--scope", "root")
    assert refused.code != 0 and scopes in refused.err


@pytest.mark.parametrize("command", ["status", "doctor", "jobs", "jobs --state failed", "queues", "schedules", "types", "type show bad",
                                     "deps", "patterns", "analyze", "replay list", "token list", "check --config reprise.yaml"])
def test_what_a_real_daemon_answers_fits_80_columns_and_is_json_on_demand(live, command):
    job = enqueue(live, "bad")
    ended(live, job)
    answer = live.run(*command.split(), cwd=live.dir)
    assert answer.code in (0, 3) and answer.out, answer
    lines = [line for line in answer.out.splitlines() if not re.match(r"\S+:\d+:\d+: ", line)]  # of compilers' form: one line each
    assert [line for line in lines if width(line) > 80] == []
    json.loads(live.run(*command.split(), "--json", cwd=live.dir).out)
