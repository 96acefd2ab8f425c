"""export: every attempt that has ended once, in its window, as the API describes it; nothing that looks whole and is not."""
import json
import os
import subprocess

import pytest

from reprise import BIN, SHARED, run

CONFIG = "jobs:\n  sync: {}\n  mail: {}\n"


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


def table(path, jobs, at="2026-03-02T02:00:00Z"):
    """Of each job one attempt; every tenth fails and is tried again with success."""
    rows = ["job,type,attempt,status,began,end,error"]
    for i in range(jobs):
        kind, failed = ("sync", "mail")[i % 2], i % 10 == 0
        rows.append(f"j{i},{kind},1,{'failed' if failed else 'ok'},{at},{at},{'connect ECONNREFUSED 10.0.0.1:5432' if failed else ''}")
        if failed:
            rows.append(f"j{i},{kind},2,ok,2026-03-03T00:00:00Z,2026-03-03T00:00:00Z,")
    path.write_text("\n".join(rows) + "\n")


@pytest.fixture
def filled(daemon, tmp_path):
    d = daemon(CONFIG)
    table(tmp_path / "runs.csv", 2300)
    d.cli("import", "csv", tmp_path / "runs.csv", "--column", "job=job,type=type,attempt=attempt,outcome=status,start=began,end=end,error=error")
    return d


def test_each_attempt_is_written_once_over_all_pages(filled):
    got = lines(filled.cli("export").out)
    keys = [(int(line["job"]), line["attempt"]["n"]) for line in got]
    assert len(keys) == len(set(keys)) == 2530 and keys == sorted(keys)
    failed = [line for line in got if line["attempt"]["outcome"] == "failed"]
    assert len(failed) == 230 and all("newest" not in line and line["state"] == "succeeded" for line in failed)
    one = failed[0]
    assert one["attempt"]["error"]["message"] == "connect ECONNREFUSED 10.0.0.1:5432" and one["pattern"]["template"] == "connect ECONNREFUSED <*>:<*>"
    assert (one["pattern"]["class"], one["pattern"]["group"]) == ("connection", "dependency") and one["pattern"]["id"] == one["attempt"]["pattern"]
    job = filled.get(f"/v1/jobs/{one['job']}/attempts")["items"]
    assert [line["attempt"] for line in got if line["job"] == one["job"]] == job, "an attempt is that of the API"


def test_window_and_type_choose(filled):
    assert len(lines(filled.cli("export", "--since", "2026-03-02T12:00:00Z").out)) == 230
    assert len(lines(filled.cli("export", "--until", "2026-03-02T12:00:00Z").out)) == 2300
    mail = lines(filled.cli("export", "--type", "mail").out)
    assert len(mail) == 1150 and {line["type"] for line in mail} == {"mail"}
    assert "nosuch" in filled.run("export", "--type", "nosuch", code=1).err


def test_pages_keep_a_jobs_attempts_together_and_end(filled):
    cursor, seen, pages = "", [], 0
    while True:
        page = filled.get(f"/v1/attempts?limit=7{cursor}")
        assert len(page["items"]) <= 8, "a page grows by the attempts of its last job only"
        assert not ({i["job"] for i in page["items"]} & set(seen))
        seen += [i["job"] for i in page["items"]]
        pages += 1
        if "next_cursor" not in page or pages > 60:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert pages > 60 and len(seen) > 420
    last = filled.get("/v1/attempts?cursor=2299")
    assert len(last["items"]) == 1 and "next_cursor" not in last


def test_a_file_has_its_name_only_when_it_is_whole(filled, canned, tmp_path):
    told = filled.cli("export", "-o", tmp_path / "all.jsonl")
    assert len((tmp_path / "all.jsonl").read_text().splitlines()) == 2530 and "2,530 attempts in" in told.err and told.out == ""
    item = {"job": "1", "type": "t", "queue": "q", "state": "failed", "attempt": {"n": 1}}
    canned.on("GET /v1/attempts", {"items": [item], "next_cursor": "1"}).problem("GET /v1/attempts", 500, "internal", "the disk is gone")
    broken = canned.run("export", "-o", tmp_path / "part.jsonl", code=1)
    assert "the disk is gone" in broken.err and not [p for p in os.listdir(tmp_path) if p.startswith("part")]
    canned.answers.clear()
    canned.on("GET /v1/attempts", {"items": [item], "next_cursor": "1"}).problem("GET /v1/attempts", 500, "internal", "the disk is gone")
    broken = canned.run("export", code=1)
    assert lines(broken.out) == [item] and "The export ends after 1 line: it is not whole." in broken.err
    assert "cannot write" in run("export", "--log", "-", "-o", "/nonexistent/x", input="", code=1).err


def test_nobody_reads_it_to_the_end(filled):
    with subprocess.Popen([BIN, "--socket", filled.socket, "export"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as p:
        p.stdout.readline()
        p.stdout.close()
        assert p.wait(30) != 0
        assert len(p.stderr.read()) < 500


def test_of_a_log_each_run_is_a_line_with_what_the_log_tells():
    logs = SHARED / "data" / "joblogs"
    if not logs.exists():
        pytest.skip(f"{logs} is not there")
    for name, truth in json.loads((logs / "expected.json").read_text()).items():
        got = lines(run("export", "--log", logs / name, code=0).out)
        outcomes = [line["attempt"]["outcome"] for line in got]
        assert len(got) == truth["runs"], name
        assert [outcomes.count(o) for o in ("succeeded", "failed", "timeout", "unfinished")] \
            == [truth[o] for o in ("succeeded", "failed", "timeout", "unfinished")], name
        assert all(line["pattern"]["action"] for line in got if line["attempt"]["outcome"] in ("failed", "timeout")), name


def test_without_a_daemon_it_says_how_to_start_one(tmp_path):
    assert "reprise serve" in run("--socket", tmp_path / "nobody", "export", code=5).err
