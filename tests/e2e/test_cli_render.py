"""What the command line shows, asks for and ends with: a canned daemon answers, so that only the CLI is tested.

Oracles: INTERFACES (exit codes, --json is the answer unchanged), the samples of EXPERIENCE, Python's zoneinfo."""
import contextlib
import datetime
import os
import pathlib
import pty
import re
import subprocess
import unicodedata
import zoneinfo

import pytest

import canned as sample
from reprise import BIN, ROOT, environment, run, width

READS = ["status", "doctor", "jobs", "jobs --state failed --since 24h", "jobs --count", "job show 4711", "job logs 4711", "queues",
         "schedules", "schedule next nightly", "schedule explain nightly", "types", "type show reconciliation", "deps",
         "deps check", "patterns", "pattern show P7", "analyze --since 1h", "replay list", "replay show R1", "token list"]
PATHS = {"status": "/v1/status", "doctor": "/v1/doctor", "jobs": "/v1/jobs", "queues": "/v1/queues", "schedules": "/v1/schedules",
         "types": "/v1/types", "deps": "/v1/dependencies", "patterns": "/v1/patterns", "job show 4711": "/v1/jobs/4711",
         "replay list": "/v1/replays", "replay show R1": "/v1/replays/R1", "token list": "/v1/tokens"}


@pytest.fixture
def incident(canned):
    return sample.incident(canned)


# ---- every answer ----

@pytest.mark.parametrize("command", READS)
def test_an_answer_fits_80_columns_and_has_no_colour_without_a_terminal(incident, command):
    answer = incident.run(*command.split())
    assert answer.out and answer.code in (0, 3), answer
    lines = (answer.out + answer.err).splitlines()
    assert [line for line in lines if width(line) > 80] == []
    assert "\x1b" not in answer.out + answer.err


@pytest.mark.parametrize("command", sorted(PATHS))
def test_json_is_the_answer_of_the_daemon_unchanged(incident, command):
    served = incident.find("GET", PATHS[command])[2]
    answer = incident.run(*command.split(), "--json")
    assert answer.out.encode() == served + b"\n"


@pytest.mark.parametrize("command", READS)
def test_hostile_text_cannot_move_the_cursor_or_reorder_a_line(canned, command):
    """S15: control characters and bidi overrides of everything foreign are escaped."""
    evil = "x\x1b[2Jy\u202ez\u2066\x07\r\u009b31m"

    def poison(value):
        if isinstance(value, dict):
            return {k: poison(v) for k, v in value.items()}
        if isinstance(value, list):
            return [poison(v) for v in value]
        return value + evil if isinstance(value, str) and not re.match(r"20\d\d-|^(R|P)?\d+$", value) else value

    sample.incident(canned)
    for request, answers in canned.answers.items():
        for i, (status, kind, text, extra) in enumerate(answers):
            if kind == "application/json":
                import json
                answers[i] = (status, kind, json.dumps(poison(json.loads(text))).encode(), extra)
            else:
                answers[i] = (status, kind, text + evil.encode() + b"\n", extra)
    answer = canned.run(*command.split())
    shown = answer.out + answer.err
    assert answer.code in (0, 3)
    bad = {c for c in shown if c != "\n" and (unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp", "Cs"))}
    assert not bad, (bad, shown)


def test_colour_is_used_on_a_terminal_only_and_never_with_NO_COLOR(incident):
    def on_terminal(**env):
        master, slave = pty.openpty()
        child = subprocess.Popen([BIN, "status"], stdout=slave, stderr=slave, stdin=slave, env=incident.env(TERM="xterm", **env))
        os.close(slave)
        out = b""
        while True:
            try:
                part = os.read(master, 4096)
            except OSError:
                break
            if not part:
                break
            out += part
        os.close(master)
        child.wait()
        return out

    assert b"\x1b[31m" in on_terminal()
    assert b"\x1b" not in on_terminal(NO_COLOR="1")
    assert "\x1b[31m" in incident.run("status", "--color=always").out
    assert "\x1b" not in incident.run("status", "--color", "never").out


def test_utf8_is_printed_whatever_the_locale_is(incident):
    out = run("doctor", env=environment(REPRISE_SOCKET=incident.path, LANG="C", LC_ALL="C")).out
    assert "✓ store" in out


# ---- what each answer carries ----

def test_status_says_what_broke_since_when_whom_it_hits_and_what_to_do(incident):
    answer = incident.run("status")
    for words in ["running on web-1", "1 missed (nightly-export", "23.1 % of 4,120 runs in the last 15 min",
                  "ALERT job_failure_rate > 10 %", "7 min ago", "billing 1,204 waiting, oldest 9 min", "mail 0 (paused)",
                  "952 failed jobs", "invoice 112 (critical)", "billing-db DOWN 9 min", "reprise analyze --since 1h"]:
        assert words in answer.out, words
    assert answer.code == 3 and "its log" not in answer.out


def test_U30_status_says_since_when_writing_fails(canned):
    canned.on("GET /v1/status", sample.status(
        failures={"window_s": 900, "runs": 0, "failed": 0, "rate": 0, "above": 0.1, "alert": False},
        write_fails={"since": sample.ago(600), "problem": {"type": "urn:reprise:problem:store-full", "title": "full",
                                                           "detail": "the disk is full", "hint": "free space on /var"}}))
    answer = canned.run("status")
    assert answer.code == 3
    assert "WRITING FAILS" in answer.out and "10 min ago" in answer.out and "free space on /var" in answer.out


def test_G20_status_says_that_the_log_has_grown(canned):
    canned.on("GET /v1/status", sample.status(store_log={"bytes": 812 << 20, "behind_bytes": 798 << 20}))
    out = canned.run("status").out
    assert "its log has grown to 851 MB" in out and "837 MB of it not in its file yet" in out and "reprise doctor" in out, out


def test_a_healthy_status_ends_with_0_and_is_kind(canned):
    canned.on("GET /v1/status", {"node": "n", "ready": True, "schedules": {"active": 0, "paused": 0, "missed": []}, "queues": [],
                                 "failures": {"window_s": 900, "runs": 0, "failed": 0, "rate": 0, "above": 0.1, "alert": False},
                                 "impact": [], "failed_total": 0, "unknown_total": 0, "deps": [], "replays": [], "running": 0,
                                 "next": [], "last_tick_at": sample.ago(0)})
    answer = canned.run("status")
    assert answer.code == 0
    assert "no runs in the last 15 min" in answer.out and "nothing waits" in answer.out and "no failed jobs" in answer.out


def test_failed_jobs_are_listed_by_type_and_error_with_their_times(incident):
    out = incident.run("jobs", "--state", "failed", "--since", "24h").out
    assert out.startswith("952 failed jobs in 2 groups in the last 24 h, the newest at ")
    assert re.search(r"840 +reconciliation +connection P7 +(\S+ )?[\d:]+ – (\S+ )?[\d:]+ UTC", out)  # with a day about midnight
    assert "Stripe: rate limit exceeded (request <*>)" in out and "invoice (critical)" in out
    assert "reprise job show 4711" in out and "next  reprise analyze --since 24h" in out


def test_U23_U24_job_show_has_the_death_certificate_and_last_lines_of_both_streams(incident):
    out = incident.run("job", "show", "4711").out
    for words in ["3 of 3 attempts used", "class connection, pattern P7", "ended by   itself   exit code 1",
                  "CPU 410 ms   memory peak 84 MB", "opening billing-db", "stderr     Error: connection refused",
                  "the time limit   SIGKILL", "sleep (4711), node (4712); they were killed", "88 kB in the middle"]:
        assert words in out, words
    assert "             f\n" in out and " a\n" not in out


def test_job_logs_gives_the_bytes_only_when_asked_for_them_raw(canned):
    canned.on("GET /v1/jobs/1/attempts/latest/output", b"a\x1b[31mred\n\tb\xff\n")
    assert canned.run("job", "logs", "1").out == "a\\x1b[31mred\n\tb\\xff\n"
    raw = subprocess.run([BIN, "job", "logs", "1", "--raw"], env=canned.env(), capture_output=True).stdout
    assert raw == b"a\x1b[31mred\n\tb\xff\n"


def test_job_logs_follow_prints_what_is_new_once_also_over_dropped_bytes(canned):
    live = {"Reprise-Output-Live": "1"}
    request = "GET /v1/jobs/1/attempts/2/output?stream=1"
    canned.on(request, b"one\n", **live).on(request, "one\ntwö".encode()[:-1], **live)
    canned.on(request, "one\ntwö\nthree\n".encode(), **live)
    canned.on(request, b"five\n", **{"Reprise-Output-Dropped": "20"})
    answer = canned.run("job", "logs", "1", "--attempt", "2", "--stream", "out", "--follow")
    assert answer.out == "one\ntwö\nthree\nfive\n"


def test_analyze_names_patterns_counts_classes_and_the_action(incident):
    out = incident.run("analyze", "--since", "1h").out
    assert "952 failures of 4,120 runs since" in out and "2 patterns cover 98.9 %" in " ".join(out.split())
    assert "class connection → check the dependency, then replay" in out
    assert "invoice 89.2 %   mail 10.8 %" in out
    assert "reprise replay --pattern P7 --dry-run" in out


def test_analyze_says_since_when_where_and_which_jobs_are_poison_with_their_counts(incident):
    out = incident.run("analyze", "--since", "1h").out
    words = " ".join(out.split())
    assert "23.1 % (95 % interval 21.8 % – 24.4 %) failed last hour 952 of 4,120, 23.1 % (95 % interval 21.8 % – 24.4 %) " \
        "same hour of the 7 days before 504 of 28,000, 1.8 %" in words
    assert "began suddenly" in words and "1.8 % → 61 % of the runs" in words and "a slow rise since" in words
    assert "billing-db dependency down (coincidence in time, not proof)" in words
    assert "node=web-2 and dependency billing-db=down" in words and "830 of 840 (98.8 %) failed" in words
    assert "goes with it: queue=billing and 2 more" in words
    assert "job 4801 (invoice) 4 × P3 on 2 nodes, 61 of others succeeded in between" in words
    assert "not seen again since the week before: P2" in words


# ---- replay ----

def test_a_dry_run_shows_plan_checks_and_hash_and_ends_with_4_when_refused(canned):
    canned.on("POST /v1/replays", sample.plan())
    answer = canned.run("replay", "--type", "reconciliation", "--since", "24h", "--rate", "20/s", "--dry-run")
    assert answer.code == 4
    for words in ["would replay 840 of 851 matching jobs", "11 class code without", "✗ dependencies: billing-db is down",
                  "canary 10   then waves of 50, 100, 200, 200, 200, …, 80", "at most 20/s", "6 min   between 4 min and 8 min",
                  "2 may have had their effect", "5f1c9a7e00d1b2c3", "bring billing-db back first"]:
        assert words in answer.out, words
    sent, = canned.sent("/v1/replays")
    assert sent["dry_run"] is True and sent["select"]["type"] == "reconciliation" and sent["guard"]["rate"] == 20
    since = datetime.datetime.fromisoformat(sent["select"]["since"].replace("Z", "+00:00"))
    assert abs((datetime.datetime.now(datetime.timezone.utc) - since).total_seconds() - 86400) < 60


@pytest.mark.parametrize("given, sent", [
    ("20", 20), ("20/s", 20), ("90/min", 1.5), ("90/m", 1.5), ("1800/h", 0.5), ("86400/d", 1), ("none", "unlimited"), ("unlimited", "unlimited")])
def test_a_rate_is_written_as_in_the_configuration(canned, given, sent):
    canned.on("POST /v1/replays", sample.plan())
    canned.run("replay", "--type", "t", "--rate", given, "--dry-run")
    assert canned.sent("/v1/replays")[0]["guard"]["rate"] == sent


def test_a_dry_run_that_may_start_ends_with_0(canned):
    ready = sample.plan()
    del ready["refused"]
    canned.on("POST /v1/replays", ready)
    answer = canned.run("replay", "--job", "4711", "--job", "4712", "--dry-run")
    assert answer.code == 0 and "--plan 5f1c9a7e00d1b2c3" in answer.out
    assert canned.sent("/v1/replays")[0]["select"]["jobs"] == ["4711", "4712"]


@pytest.mark.parametrize("failed, code", [(0, 0), (3, 3)])
def test_a_replay_is_watched_to_its_end_and_its_code_says_whether_all_succeeded(canned, failed, code):
    canned.on("POST /v1/replays", sample.replay("running", 0), status=201)
    canned.on("GET /v1/replays/R1", sample.replay("running", 50)).on("GET /v1/replays/R1", sample.replay("done", 104 - failed, failed))
    canned.on("GET /v1/replays/R1/items", {"items": [{"job": "4712", "type": "t", "wave": 2, "fate": "failed-same",
                                                      "why": "connection refused again"}]})
    answer = canned.run("replay", "--type", "reconciliation")
    assert answer.code == code
    assert "50/104" in answer.err and "104/104" in answer.err
    assert f"{104 - failed} succeeded" in answer.out
    assert ("connection refused again" in answer.out) == (failed > 0)


def test_a_refused_start_ends_with_4_and_says_what_to_do(canned):
    canned.problem("POST /v1/replays", 409, "refused", "billing-db is down", "bring billing-db back first")
    answer = canned.run("replay", "--type", "reconciliation")
    assert (answer.code, answer.out) == (4, "")
    assert answer.err == "reprise: billing-db is down\n  → bring billing-db back first\n"


def test_a_replay_of_everything_or_past_a_guard_must_be_said(canned):
    assert canned.run("replay").code == 4
    assert canned.run("replay", "--type", "t", "--include-unsafe").code == 2
    answer = canned.run("replay", "--type", "t", "--include-unsafe", "--reason", "r")
    assert answer.code == 4 and "--yes" in answer.err
    assert canned.seen == []


@pytest.mark.parametrize("forced, answer, code, dry", [
    ({"not-idempotent": 2}, b"n\n", 4, [True]), ({"not-idempotent": 2}, b"y\n", 0, [True, False]), ({"poison": 1}, b"", 0, [True, False])])
def test_a_plan_that_goes_past_a_guard_is_asked_about_on_a_terminal(canned, forced, answer, code, dry):
    canned.on("POST /v1/replays", sample.plan(forced=forced) | {"id": "R1"})
    master, slave = pty.openpty()
    os.write(master, answer)
    child = subprocess.run([BIN, "replay", "--plan", "5f1c9a7e00d1b2c3", "--detach"], stdin=slave, capture_output=True,
                           env=canned.env(), timeout=60)
    os.close(master)
    os.close(slave)
    assert child.returncode == code, child
    assert (b"Go on?" in child.stderr) == ("not-idempotent" in forced)
    assert [sent["dry_run"] for sent in canned.sent("/v1/replays")] == dry


def frames_of(canned, *args):
    """What stands in the line that is drawn anew, one after the other, on a terminal of 80 columns."""
    master, slave = pty.openpty()
    child = subprocess.Popen([BIN, *args], stdout=subprocess.DEVNULL, stderr=slave, stdin=slave, env=canned.env(TERM="xterm"))
    os.close(slave)
    out = b""
    with contextlib.suppress(OSError):  # of the end
        while part := os.read(master, 4096):
            out += part
    os.close(master)
    child.wait(60)
    return [frame.strip() for frame in out.decode().split("\r\x1b[K") if frame.strip()]


@pytest.mark.parametrize("jobs", [104, 100_000, 1_000_000])
def test_the_progress_of_a_replay_says_failures_time_left_and_rate_in_one_line(canned, jobs):
    def running(done):
        speed = {"rate": jobs / 40, "left_s": (jobs - done) * 40 // jobs}
        return sample.replay("running", done - 8, 8, to_replay=jobs, wave=jobs // 200, progress={"ended": done, "failed": 8} | speed)

    steps = [jobs * n // 8 for n in range(1, 8)]
    for done in [8, *steps]:
        canned.on("GET /v1/replays/R1", running(done))
    canned.on("GET /v1/replays/R1", sample.replay("done", jobs - 8, 8, to_replay=jobs))
    canned.on("GET /v1/replays/R1/items", {"items": []})
    frames = frames_of(canned, "replay", "show", "R1", "--follow")
    assert len(frames) >= len(steps)
    assert all(width(f) <= 80 for f in frames), frames
    assert all(re.search(r" [\d,]+ succeeded   8 failed", f) for f in frames), frames
    later = frames[-3]
    assert re.search(r" \d+ s left", later), later
    if jobs < 1_000_000:
        done, of = (int(n.replace(",", "")) for n in re.search(r"([\d,]+)/([\d,]+)", later).groups())
        per_s, left = float(re.search(r" ([\d.]+)/s", later)[1]), int(re.search(r" (\d+) s left", later)[1])
        assert abs((of - done) / per_s - left) <= 1, later
    assert len({width(f.split()[0]) for f in frames}) == 1, "the bar keeps its width"


def test_detach_leaves_a_replay_running(canned):
    canned.on("POST /v1/replays", sample.replay("running", 0), status=201)
    answer = canned.run("replay", "--pattern", "7", "--detach")
    assert answer.code == 0 and "reprise replay show R1" in answer.out
    assert canned.sent("/v1/replays")[0]["select"]["pattern"] == "P7"


# ---- what is asked for ----

def test_filters_become_parameters_that_are_encoded(incident):
    incident.run("jobs", "--state", "queued", "--type", "a b&c", "--where", "k=v=1", "--where", "x=ü", "--pattern", "p7",
                 "--until", "2026-11-24 02:00 Europe/Berlin")
    path = incident.seen[-1][1]
    assert path == ("/v1/jobs?state=queued&type=a%20b%26c&pattern=P7&until=2026-11-24T01%3A00%3A00.000000Z"
                    "&where=k%3Dv%3D1&where=x%3D%C3%BC")


def test_a_name_cannot_leave_its_place_in_the_path(canned):
    canned.run("queue", "pause", "../jobs?x=1#/")
    assert canned.seen[-1][1] == "/v1/queues/..%2Fjobs%3Fx%3D1%23%2F/pause"


def test_enqueue_sends_the_payload_as_it_came_and_every_POST_has_a_key_of_its_own(canned, folder):
    canned.on("POST /v1/jobs", {"id": "5", "state": "queued"}, status=201)
    assert canned.run("enqueue", "invoice", "--payload", '{"a": 1.0}', "--key", "k", "--label", "r=eu").code == 0
    pathlib.Path(folder, "p.json").write_text('[1e400, "\\u0000"]\n')
    assert canned.run("enqueue", "invoice", "--payload", f"@{folder}/p.json").code == 0
    assert canned.run("enqueue", "invoice", "--payload", "-", input="null").code == 0
    bodies = [body for method, path, _, body in canned.seen]
    assert b'"payload":{"a": 1.0}' in bodies[0] and b'"labels":{"r":"eu"}' in bodies[0]
    assert b'"payload":[1e400, "\\u0000"]' in bodies[1] and b'"payload":null' in bodies[2]
    assert len({headers["Idempotency-Key"] for _, _, headers, _ in canned.seen}) == 3


def test_enqueue_refuses_a_payload_that_is_not_JSON_before_it_asks(canned):
    answer = canned.run("enqueue", "t", "--payload", "{id: 7}")
    assert answer.code == 2 and "not JSON" in answer.err and canned.seen == []


@pytest.mark.parametrize("given, seconds", [("--in 10m", 600), ("--at +1h30m", 5400)])
def test_due_times_count_from_now(canned, given, seconds):
    canned.on("POST /v1/jobs", {"id": "5", "state": "scheduled"}, status=201)
    canned.run("enqueue", "t", *given.split())
    due = datetime.datetime.fromisoformat(canned.sent("/v1/jobs")[0]["due_at"].replace("Z", "+00:00"))
    assert abs((due - datetime.datetime.now(datetime.timezone.utc)).total_seconds() - seconds) < 30


def test_explain_asks_for_the_day_of_the_schedules_zone(incident):
    incident.run("schedule", "explain", "nightly", "2026-10-25")  # 25 h long in Berlin
    path = incident.seen[-1][1]
    assert "from=2026-10-24T22%3A00%3A00.000000Z" in path and "to=2026-10-25T23%3A00%3A00.000000Z" in path


def test_a_token_is_read_from_its_file_and_sent_with_a_url(folder):
    import http.server
    import threading
    seen = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append(self.headers["Authorization"])
            self.send_response(200)
            self.send_header("Content-Length", "11")
            self.end_headers()
            self.wfile.write(b'{"count":3}')

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    pathlib.Path(folder, "token").write_text("rp_secret\n")
    url = f"http://127.0.0.1:{server.server_port}/"
    assert run("jobs", "--count", "--url", url, "--token-file", f"{folder}/token").out == "3\n"
    assert run("jobs", "--count", env=environment(REPRISE_URL=url, REPRISE_TOKEN_FILE=f"{folder}/token")).out == "3\n"
    assert seen == ["Bearer rp_secret"] * 2
    server.shutdown()


# ---- exit codes and refusals ----

@pytest.mark.parametrize("slug, status, code", [
    ("not-found", 404, 1), ("bad-field", 400, 2), ("unknown-field", 400, 2), ("refused", 409, 4), ("bad-state", 409, 1),
    ("forbidden", 403, 1), ("overload", 503, 1), ("lock-held", 409, 75), ("of-a-newer-version", 418, 1)])
def test_the_slug_of_a_problem_decides_the_exit_code(canned, slug, status, code):
    canned.problem("GET /v1/jobs/7", status, slug, "what happened", "what to do")
    answer = canned.run("job", "show", "7")
    assert (answer.code, answer.out, answer.err) == (code, "", "reprise: what happened\n  → what to do\n")


def test_a_daemon_that_is_not_there_is_5_and_the_message_says_what_to_do(folder):
    answer = run("status", env=environment(REPRISE_SOCKET=f"{folder}/none.sock"))
    assert answer.code == 5 and answer.out == "" and "reprise serve" in answer.err


def test_the_socket_is_looked_for_in_order(canned, folder):
    canned.on("GET /v1/jobs/count", {"count": 7})
    os.symlink(canned.path, f"{folder}/reprise.sock")
    assert run("jobs", "--count", env=environment(XDG_RUNTIME_DIR=folder)).out == "7\n" or os.path.exists("/run/reprise/reprise.sock")
    assert run("jobs", "--count", env=environment(REPRISE_SOCKET="/nonexistent", XDG_RUNTIME_DIR=folder)).code == 5
    assert run("jobs", "--count", "--socket", canned.path, env=environment(REPRISE_SOCKET="/nonexistent")).out == "7\n"


@pytest.mark.parametrize("command, near", [
    ("jbos", "reprise jobs"), ("stauts", "reprise status"), ("jobs --stat failed", "--state"), ("jobs --tpye x", "--type"),
    ("replay --dryrun", "--dry-run"), ("job 7", "reprise job show 7"), ("schedule explian x", "reprise schedule explain")])
def test_a_mistyped_word_is_2_and_the_near_one_is_named(command, near):
    answer = run(*command.split())
    assert answer.code == 2 and near in answer.err, answer


@pytest.mark.parametrize("command", [
    "jobs --limit", "jobs --count=3", "jobs --since yesterday", "jobs --where novalue", "jobs --pattern x", "job show", "job show x",
    "job show 1 2", "job resolve 7 perhaps --reason r", "job resolve 7 failed", "job logs 7 --attempt 0", "job logs 7 --stream both",
    "enqueue t --in 5x", "enqueue t --in 5m --at now", "enqueue t --priority high", "replay --type a --type b", "token create",
    *(f"replay --type t --rate {r}" for r in ["fast", "20min", "20/minute", "20/s/s", "20s", "1.5/s", "0/s", "-1/s", "10001/s", "nan/s"]),
    "status --color sometimes", "status --url ftp://x", "completion csh", "queue", "-x"])
def test_what_cannot_be_used_is_2_and_nothing_is_asked(canned, command):
    answer = canned.run(*command.split())
    assert answer.code == 2 and answer.err.startswith("reprise: ") and answer.out == "", answer
    assert canned.seen == []


@pytest.mark.parametrize("command, words", [
    ("jobs --state failed --since 24h", "no failed jobs in the last 24 h"), ("jobs --state queued", "no queued jobs"),
    ("queues", "no queues yet"), ("schedules", "no schedules"), ("types", "no job types yet"), ("deps", "no dependencies"),
    ("patterns", "nothing has failed yet"), ("replay list", "no replays yet"), ("token list", "no tokens")])
def test_nothing_is_said_kindly(canned, command, words):
    for path in ["jobs", "jobs/failures", "queues", "schedules", "types", "dependencies", "patterns", "replays", "tokens"]:
        canned.on(f"GET /v1/{path}", {"items": [], "total": 0})
    answer = canned.run(*command.split())
    assert answer.code == 0 and words in answer.out


def test_an_answer_that_cannot_be_written_is_not_0(incident):
    with open("/dev/full", "w") as full:
        assert subprocess.run([BIN, "queues"], env=incident.env(), stdout=full).returncode == 1


# ---- without a daemon ----

def test_cron_next_agrees_with_the_zone_and_gives_the_promised_json():
    answer = run("cron", "next", "30 2 * * *", "--tz", "Europe/Berlin", "--from", "2026-10-24T00:00:00Z", "-n", "3", "--json").json()
    berlin = zoneinfo.ZoneInfo("Europe/Berlin")
    want = [datetime.datetime(2026, 10, day, 2, 30, tzinfo=berlin).astimezone(datetime.timezone.utc) for day in (24, 25, 26)]
    assert answer["next"] == [at.strftime("%Y-%m-%dT%H:%M:%S.000000Z") for at in want]
    assert answer["expression"] == "30 2 * * *" and answer["timezone"] == "Europe/Berlin" and answer["words"]
    people = run("cron", "next", "30 2 * * *", "--tz", "Europe/Berlin").out
    assert "02:30" in people and ("CET" in people or "CEST" in people)


def test_cron_next_refuses_with_position_and_reason():
    answer = run("cron", "next", "60 2 * * *")
    assert answer.code == 2 and "60 is out of range 0-59 (column 1)" in answer.err


def test_wall_times_follow_the_zone_and_a_time_that_does_not_exist_is_refused(canned):
    canned.on("GET /v1/jobs/count", {"count": 1})
    canned.run("jobs", "--count", "--since", "2026-07-01T12:00 America/New_York")
    assert "since=2026-07-01T16%3A00%3A00.000000Z" in canned.seen[-1][1]
    answer = canned.run("jobs", "--count", "--since", "2026-03-29 02:30 Europe/Berlin")
    assert answer.code == 2 and "does not exist" in answer.err


def test_check_lists_mistakes_with_places_and_instants_of_schedules(folder):
    good, bad = pathlib.Path(folder, "good.yaml"), pathlib.Path(folder, "bad.yaml")
    good.write_text("jobs:\n  a:\n    run: [/bin/true]\n    schedule: \"0 2 * * *\"\n")
    bad.write_text("jobs:\n  a:\n    run: [/bin/true]\n    shedule: \"0 2 * * *\"\n    retries: many\n")
    nowhere = environment(REPRISE_SOCKET="/nonexistent")
    answer = run("check", "--config", good, env=nowhere)
    assert answer.code == 0 and "1 schedule" in answer.out and "02:00" in answer.out and "UTC" in answer.out + answer.err
    answer = run("check", "--config", bad, env=nowhere)
    said = answer.out + answer.err
    assert answer.code == 3 and "bad.yaml:4:5" in said and "bad.yaml:5:" in said and "did you mean schedule?" in said


def test_U29_check_tells_of_waiting_jobs_that_the_configuration_could_not_run(canned, folder):
    pathlib.Path(folder, "c.yaml").write_text("jobs:\n  a:\n    run: [/bin/true]\n")
    canned.on("POST /v1/check/waiting", {"items": [{"type": "old", "why": "the type is gone", "waiting": 12}]})
    answer = canned.run("check", f"{folder}/c.yaml")
    assert re.search(r"12 waiting jobs of (type )?old .*: the type is gone", answer.out)
    assert canned.sent("/v1/check/waiting") == [{"types": ["a"]}]


# ---- made from the table ----

def test_help_names_every_command_in_80_columns():
    out = run("help").out
    assert all(width(line) <= 80 for line in out.splitlines())
    for name in ["status", "job show", "replay undo", "cron next", "token create"]:
        assert re.search(rf"^  {name} ", out, re.M), name


def commands():
    return re.findall(r"^### `reprise (.+?)`", run("help", "--markdown").out, re.M)


def test_the_help_of_every_command_fits_and_ends_with_0():
    rows = re.findall(r"^  ([a-z]+(?: [a-z]+)?) {2,}", run("help").out, re.M)
    assert len(rows) > 35
    for row in rows:
        answer = run(*row.split(), "--help")
        assert answer.code == 0 and f"usage: reprise {row}" in answer.out, row
        assert [line for line in answer.out.splitlines() if width(line) > 80] == [], row


@pytest.mark.parametrize("flag, file", [("--markdown", "docs/cli.md"), ("--man", "packaging/reprise.1")])
def test_reference_and_manual_page_are_those_of_the_table(flag, file):
    assert (ROOT / file).read_text() == run("help", flag).out, f"run scripts/docs, or: reprise help {flag} > {file}"


def test_the_manual_page_is_clean_roff():
    groff = "/usr/bin/groff"
    if not os.path.exists(groff):
        pytest.skip("groff is not installed")
    page = run("help", "--man").out
    done = subprocess.run([groff, "-man", "-Tutf8", "-Kutf8", "-ww", "-z"], input=page.encode(), capture_output=True)
    assert done.stderr == b""


@pytest.mark.parametrize("shell, check", [("bash", ["bash", "-n"]), ("zsh", ["zsh", "-n"]), ("fish", ["fish", "-n"])])
def test_completion_scripts_are_read_by_their_shells(shell, check):
    script = run("completion", shell).out
    assert "reconcil" not in script and "replay" in script and "state" in script
    try:
        assert subprocess.run([*check, "/dev/stdin"], input=script.encode(), capture_output=True).stderr == b""
    except FileNotFoundError:
        pytest.skip(f"{shell} is not installed")


def test_bash_completes_commands_second_words_and_options():
    script = run("completion", "bash").out
    ask = script + """
    ask() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _reprise; echo "${COMPREPLY[*]}"; }
    compopt() { :; }
    ask reprise sta; ask reprise job sh; ask reprise job show --al; ask reprise jobs --stat
    """
    out = subprocess.run(["bash", "-c", ask], capture_output=True, text=True)
    assert out.stdout.splitlines() == ["status", "show", "--all", "--state"], out.stderr


@pytest.mark.parametrize("command, request_", [
    ("type show t", "GET /v1/types/t"), ("type set t timeout=5s --reason r", "POST /v1/types/t/changes"), ("job cancel 7", "POST /v1/jobs/7/cancel"),
    ("enqueue t", "POST /v1/jobs"), ("deploy mark t", "POST /v1/deploys"), ("change revert C1", "POST /v1/changes/C1/revert"),
    ("replay --type t", "POST /v1/replays"), ("replay pause R1", "POST /v1/replays/R1/pause"), ("replay undo R1", "POST /v1/replays/R1/undo"),
    ("queue pause q", "POST /v1/queues/q/pause"), ("pattern name P1 x", "POST /v1/patterns/P1"), ("restore f", "POST /v1/restores"),
    ("analyze --since 1h", "POST /v1/analyses"), ("status", "GET /v1/status")])
def test_json_of_a_problem_is_the_daemons_problem_unchanged(canned, command, request_):
    canned.problem(request_, 409, "refused", "not now", "wait")
    answer = canned.run(*command.split(), "--json")
    assert answer.json() == {"type": "urn:reprise:problem:refused", "title": "refused", "status": 409, "detail": "not now", "hint": "wait"}
    assert answer.code == 4 and "not now" in answer.err
    assert canned.run(*command.split()).out == ""
