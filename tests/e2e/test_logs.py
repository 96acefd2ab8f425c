"""analyze --log and import log: formats, damaged and hostile input, formats of the user's own, progress."""
import gzip
import json
import os
import pathlib
import pty
import re
import shutil
import subprocess

import pytest

from reprise import BIN, SHARED, environment, run

LOGS = SHARED / "data" / "joblogs"
NOWHERE = environment(REPRISE_SOCKET="/nonexistent/reprise.sock")
shared_logs = pytest.mark.skipif(not LOGS.is_dir(), reason=f"no shared job logs at {LOGS}")


def alone(*args, **kwargs):
    return run(*args, env=NOWHERE, **kwargs)


def write(folder, name, content):
    path = pathlib.Path(folder) / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def sidekiq(jobs, first=0):
    """Every fourth fails, one in eight with another error."""
    lines = []
    for i in range(first, first + jobs):
        at = f"2026-11-23T{i // 3600 % 24:02d}:{i // 60 % 60:02d}:{i % 60:02d}"
        who = f"pid=7 tid=t{i % 5} class=Mail jid={i:012x}"
        lines.append(f"{at}.000Z {who} INFO: start")
        if i % 4:
            lines.append(f"{at}.500Z {who} elapsed=0.5 INFO: done")
        else:
            lines.append(f"{at}.500Z {who} elapsed=0.5 INFO: fail")
            error = "KeyError: key not found: :to" if i % 8 else f"Errno::ECONNREFUSED: Connection refused - connect(2) for 10.0.0.{i % 250}:25"
            lines.append(f"{at}.501Z pid=7 tid=t{i % 5} WARN: {error}")
            lines.append(f"{at}.502Z pid=7 tid=t{i % 5} WARN: /srv/app/mail.rb:9:in `perform'")
    return "\n".join(lines) + "\n"


# ---- what it says ----

@shared_logs
@pytest.mark.parametrize("name", [p.name for p in sorted(LOGS.glob("*.log"))])
def test_an_analysis_counts_what_an_import_counts_and_every_failure_is_in_a_pattern(name):
    counts = alone("import", "log", LOGS / name, "--dry-run", "--json", code=0).json()
    got = alone("analyze", "--log", LOGS / name, "--json", code=0).json()
    assert {k: got[k] for k in counts} == counts
    assert got["failures"] == counts["failed"] + counts["timeout"] and got["unexplained"] == 0
    assert sum(p["count"] for p in got["patterns"]) == got["failures"]
    assert all(p["class"] and p["action"] and p["samples"] for p in got["patterns"])
    words = alone("analyze", "--log", LOGS / name, code=0).out
    assert max(map(len, words.splitlines())) <= 80


@shared_logs
@pytest.mark.parametrize("name", ["journald-short.log", "journald-short-iso.log", "journald-json.log"])
@pytest.mark.parametrize("piped", [False, True])
def test_a_log_with_its_newest_line_first_counts_as_in_order(folder, name, piped):
    in_order = alone("import", "log", LOGS / name, "--dry-run", "--json", code=0).json()
    entries = (LOGS / name).read_bytes().splitlines(keepends=True)[::-1]
    log = write(folder, name, b"".join(entries))
    got = alone("import", "log", "-" if piped else log, "--dry-run", "--json", input=log.read_bytes() if piped else None, code=0)
    counts = ("runs", "succeeded", "failed", "timeout", "unfinished", "types", "lines")
    assert {k: got.json()[k] for k in counts} == {k: in_order[k] for k in counts}
    assert "newest line to its oldest" in " ".join(alone("analyze", "--log", log, code=0).err.split())


def test_failures_of_a_log_are_shown_by_pattern_with_class_and_action(folder):
    log = write(folder, "sidekiq.log", sidekiq(80))
    got = alone("analyze", "--log", log, "--json", code=0).json()
    assert got["format"] == "sidekiq" and got["runs"] == 80 and got["failures"] == 20 and got["unassigned_lines"] == 0
    by_class = {p["class"]: p for p in got["patterns"]}
    assert by_class["connection"]["count"] == 10 and by_class["connection"]["template"].startswith("Errno::ECONNREFUSED")
    assert by_class["code_bug"]["count"] == 10 and by_class["code_bug"]["types"] == {"Mail": 10}
    assert by_class["connection"]["samples"][0] == f"{0:012x}" and by_class["connection"]["sample_lines"][0] == 1
    assert got["window"]["since"] == "2026-11-23T00:00:00.000000Z"
    words = alone("analyze", "--log", log, code=0)
    assert "20 failures of 80 runs" in words.out and "check the dependency, then replay" in words.out
    assert "\033" not in words.out + words.err


def test_it_is_said_where_the_runs_that_failed_differ_and_a_page_is_made_of_it(folder):
    lines = []
    for i in range(400):
        kind, at = ("etl", "mail")[i % 2], f"2026-11-23T{i // 60:02d}:{i % 60:02d}"
        lines += [f"{at}:00Z [{kind}] job {i} started", f"{at}:01Z [{kind}] job {i} " + ("failed: no route to db" if i % 4 == 0 else "done")]
    log = write(folder, "a.log", "\n".join(lines))
    got = alone("analyze", "--log", log, "--json", code=0).json()
    assert [c["where"] for c in got["conditions"]] == [{"type": "etl"}]
    assert got["conditions"][0]["inside"] == {"failed": 100, "runs": 200} and got["conditions"][0]["outside"] == {"failed": 0, "runs": 200}
    assert "etl" in alone("analyze", "--log", log, code=0).out.split("where they differ")[1]
    page = pathlib.Path(folder) / "page.html"
    alone("analyze", "--log", log, "--html", page, code=0)
    assert "no route to db" in page.read_text() and "job log" in page.read_text()


def test_a_part_of_a_log_is_chosen_by_type_and_time(folder):
    log = write(folder, "sidekiq.log", sidekiq(80))
    part = alone("analyze", "--log", log, "--json", "--since", "2026-11-23T00:00:40Z", "--until", "2026-11-23T00:01:00Z", code=0).json()
    assert part["runs"] == 20 and part["failures"] == 5
    assert alone("analyze", "--log", log, "--json", "--type", "Other", code=0).json()["runs"] == 0


# ---- damaged and hostile input ----

def test_what_was_read_before_a_packed_file_breaks_off_is_shown_and_the_damage_said(folder):
    text = sidekiq(4000)
    packed = gzip.compress(text.encode())
    for command in (("analyze", "--log"), ("import", "log", "--dry-run")):
        torn = alone(*command, write(folder, "torn.gz", packed[: len(packed) // 2]), "--json")
        assert torn.code == 1 and "its end is missing" in torn.err and "torn.gz" in torn.err
        assert 500 < torn.json()["runs"] < 4000
        bad = alone(*command, write(folder, "bad.gz", packed[: len(packed) // 2] + b"\xff" * 2000), "--json")
        assert bad.code == 1 and "gzip" in bad.err and 500 < bad.json()["runs"] < 4000
    if shutil.which("zstd"):
        packed = subprocess.run(["zstd", "-q", "-c"], input=text.encode(), stdout=subprocess.PIPE, check=True).stdout
        assert alone("analyze", "--log", write(folder, "a.zst", packed), "--json", code=0).json()["runs"] == 4000
        torn = alone("analyze", "--log", write(folder, "torn.zst", packed[:-30]), "--json")
        assert torn.code == 1 and "zstd" in torn.err and torn.json()["runs"] >= 0


def test_runs_before_the_damage_are_kept_in_the_history(daemon, folder):
    d = daemon()
    packed = gzip.compress(sidekiq(4000).encode())
    answer = d.run("import", "log", write(folder, "torn.gz", packed[: len(packed) // 2]), "--json")
    assert answer.code == 1 and "its end is missing" in answer.err
    stored = answer.json()["stored"]["added"]
    assert stored > 500 and d.json("jobs", "--count")["count"] == stored


@shared_logs
def test_runs_of_every_format_are_stored_once(daemon):
    d, total = daemon(), 0
    for log in sorted(LOGS.glob("*.log")):
        got = d.json("import", "log", log)
        assert got["stored"] == {"added": got["runs"] - got["outcome_unknown"], "known": 0, "not_stored": got["outcome_unknown"]}, log.name
        again = d.json("import", "log", log)["stored"]
        assert (again["added"], again["known"]) == (0, got["stored"]["added"]), log.name
        total += got["runs"] - got["outcome_unknown"]
    assert sum(d.json("jobs", "--count", "--state", s)["count"] for s in ("succeeded", "failed", "unknown")) > 1000
    assert d.json("jobs", "--count", "--state", "failed", "--type", "ReconcilePayment")["count"] > 0


@pytest.mark.parametrize("content, says", [
    (b"", "the log is empty"),
    (b"\n\n\n", "no line of the log is of a known format"),
    (bytes(range(256)) * 400, "a binary file"),
    (b"\xfd7zXZ\0" + bytes(range(256)) * 4, "xz -dc"),
    (b"PK\3\4" + b"2026-11-23T10:00:00Z [a] job 1 started\n" * 9, "a zip archive"),
    (b"LPKSHHRH" + bytes(1000), "journalctl --file"),
    ("2026-11-23T10:00:00Z [a] job 1 started\n".encode("utf-16"), "UTF-16"),
    (b"dear diary\n" * 100, "no line of the log is of a known format"),
])
def test_input_that_is_no_log_is_said_in_a_sentence(folder, content, says):
    for command in (("analyze", "--log"), ("import", "log", "--dry-run")):
        answer = alone(*command, write(folder, "x", content))
        assert answer.code == 2 and answer.out == "" and says in answer.err and "→" in answer.err
    assert alone("analyze", "--log", folder).code == 1
    assert alone("analyze", "--log", pathlib.Path(folder) / "absent").code == 1


@pytest.mark.parametrize("endless", ["/dev/zero", "/dev/urandom"])
def test_what_is_no_text_and_never_ends_is_not_read_on(endless):
    answer = alone("analyze", "--log", endless)
    assert answer.code == 2 and "this is a binary file, not a log" in answer.err


def test_line_ends_marks_nuls_and_bytes_of_other_encodings_change_no_count(folder):
    text = sidekiq(200)
    want = alone("analyze", "--log", write(folder, "a.log", text), "--json", code=0).json()
    crlf = alone("analyze", "--log", write(folder, "b.log", "\ufeff" + text.replace("\n", "\r\n")), "--json", code=0).json()
    assert crlf == want
    dirty = text.encode().replace(b"INFO: done\n", b"INFO: done\nzero\0bytes caf\xe9 \xff\xfe\n")
    got = alone("analyze", "--log", write(folder, "c.log", dirty), "--json", code=0).json()
    assert got["unassigned_lines"] == 150
    assert {k: got[k] for k in ("runs", "failed", "succeeded", "patterns")} | {"patterns": 0} == {
        k: want[k] for k in ("runs", "failed", "succeeded", "patterns")} | {"patterns": 0}


def test_a_clock_that_goes_backwards_and_a_line_that_breaks_off_are_read(folder):
    log = write(folder, "a.log", "2026-11-23T10:00:09Z [sync] job 1 started\n2026-11-23T10:00:01Z [sync] job 1 finished in 1s\n"
                "2026-11-23T10:00:02Z [sync] job 2 started\n2026-11-23T10:00:0")
    got = alone("analyze", "--log", log, "--json", code=0).json()
    assert (got["runs"], got["succeeded"], got["unfinished"], got["lines"]) == (2, 1, 1, 4)


def test_a_log_whose_newest_line_is_first_is_read_from_its_end_and_that_is_said(folder):
    lines = sidekiq(4000).splitlines()
    told = alone("analyze", "--log", write(folder, "a.log", "\n".join(reversed(lines))), "--json", code=0)
    straight = alone("analyze", "--log", write(folder, "b.log", "\n".join(lines)), "--json", code=0)
    assert "newest line to its oldest" in " ".join(told.err.split()) and "newest" not in straight.err
    got, want = told.json(), straight.json()
    assert {k: got[k] for k in ("runs", "failed", "first_start", "last_end")} == {k: want[k] for k in ("runs", "failed", "first_start", "last_end")}
    assert [(p["template"], p["count"]) for p in got["patterns"]] == [(p["template"], p["count"]) for p in want["patterns"]]


def test_a_line_of_100_MB_is_cut_and_said_in_bounded_memory(folder):
    env = NOWHERE | {"ASAN_OPTIONS": "quarantine_size_mb=1"}
    process = subprocess.Popen([BIN, "analyze", "--log", "-", "--json"], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdin.write(sidekiq(600).encode())
    process.stdin.write(b"2026-11-23T10:00:00.000Z pid=7 tid=t1 class=Mail jid=ff INFO: ")
    for _ in range(100):
        process.stdin.write(b"x" * 1000000)
    process.stdin.write(b"\n" + sidekiq(600, 600).encode())
    process.stdin.flush()
    peak = int(re.search(r"VmHWM:\s+(\d+) kB", pathlib.Path(f"/proc/{process.pid}/status").read_text())[1])
    out, err = process.communicate()
    got = json.loads(out)
    assert process.returncode == 0 and got["runs"] == 1200 and b"longer than" in err
    assert peak < 400000, f"{peak} kB"  # the line alone has 100,000; the sanitizers take their share


# ---- formats of the user's own ----

OWN = """
log_formats:
  batch:
    line: "{time} <{type}/{id}> {event}"
    start: [go]
    succeeded: [ready]
    failed: [broken]
"""
OWN_LOG = ("2026-11-23 10:00:00 <etl/1> go\n2026-11-23 10:00:01 <etl/1> broken: no route to db\n"
           "2026-11-23 10:00:02 <etl/2> go\n2026-11-23 10:00:03 <etl/2> ready\n")


def test_a_format_of_the_users_own_is_found_and_named(folder):
    config, log = write(folder, "reprise.yaml", OWN), write(folder, "a.log", OWN_LOG)
    for more in ((), ("--format", "batch")):
        got = alone("analyze", "--log", log, "--config", config, "--json", *more, code=0).json()
        assert got["format"] == "batch" and got["types"]["etl"]["failed"] == got["types"]["etl"]["succeeded"] == 1
        assert got["patterns"][0]["template"] == "broken: no route to db"
    usual = alone("import", "log", log, "--dry-run", "--json", cwd=folder, code=0).json()  # ./reprise.yaml
    assert usual["format"] == "batch" and usual["runs"] == 2


def test_a_format_that_cannot_work_is_refused_by_its_place(folder):
    config, log = write(folder, "c.yaml", OWN.replace("{event}", "{evnt}")), write(folder, "a.log", OWN_LOG)
    answer = alone("analyze", "--log", log, "--config", config)
    assert answer.code == 3 and f"{config}:4:33" in answer.err and "{evnt}" in answer.err
    check = alone("check", "--config", config)
    assert check.code == 3 and f"{config}:4:33" in check.out + check.err


def test_a_configuration_that_is_wrong_elsewhere_does_not_keep_a_log_from_being_read(folder):
    write(folder, "reprise.yaml", OWN + "\nnonsense: 1\n")
    log = write(folder, "sidekiq.log", sidekiq(10))
    answer = alone("analyze", "--log", log, "--json", cwd=folder, code=0)
    assert answer.json()["runs"] == 10 and "log_formats" in answer.err


# ---- progress ----

def on_terminal(path, **more):
    """What standard error shows when it is a terminal; standard output is none."""
    master, slave = pty.openpty()
    process = subprocess.Popen([BIN, "analyze", "--log", path, "--json"], env=NOWHERE | more, stdout=subprocess.PIPE, stderr=slave)
    os.close(slave)
    out, shown = process.stdout.read(), b""
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        shown += piece
    os.close(master)
    return process.wait(), out, shown.decode()


def test_progress_shows_bytes_and_rate_on_a_terminal_only(folder):
    log = write(folder, "big.log", sidekiq(30000))
    code, out, shown = on_terminal(log, NO_COLOR="1")
    assert code == 0 and json.loads(out)["runs"] == 30000
    assert re.search(r"MB read, [\d.]+ .?B/s", shown) and not re.search(r"\033\[[\d;]*m", shown)
    quiet = alone("analyze", "--log", log, "--json", code=0)
    assert "MB read" not in quiet.err
