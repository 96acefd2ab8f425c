"""docs/workers.md is what a developer has: its examples are run as they stand there."""
import json
import re
import subprocess
import sys

import pytest

from reprise import ROOT, environment, wait_for

PAGE = (ROOT / "docs" / "workers.md").read_text()


def example(language, having):
    [text] = [t for t in re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.S | re.M) if having in t]
    return text


@pytest.fixture
def live(daemon):
    return daemon(example("yaml", "mail:"))


@pytest.fixture
def worker(live):
    started = subprocess.Popen([sys.executable, "-c", example("python", "def beat")], env=environment(REPRISE_SOCKET=live.socket), stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
    yield started
    started.kill()
    started.communicate()


def ended(live, job, state):
    return wait_for(lambda: (j := live.json("job", "show", job))["state"] == state and j, what=f"job {job} {state}")


def curl(live, text):
    done = subprocess.run(["sh", "-c", text], env=environment(REPRISE_SOCKET=live.socket), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_the_page_s_curl_adds_one_job_however_often_it_is_run(live):
    text = example("sh", "/v1/jobs")
    first = curl(live, text.replace("curl ", "curl -s "))
    assert first == {"id": "1", "state": "queued"} == curl(live, text.replace("curl ", "curl -s "))


def test_the_page_s_worker_runs_jobs_and_reports_how_they_fail(live, worker):
    job = curl(live, example("sh", "/v1/jobs").replace("curl ", "curl -s "))["id"]
    ended(live, job, "succeeded")
    assert worker.stdout.readline() == b"mail to a@example.org\n"
    bad = live.run("enqueue", "mail", "--payload", "{}", "--max-attempts", "1", "--quiet").out.strip()
    failed = ended(live, bad, "failed")
    assert "'to'" in failed["error"]["message"] and failed["error"]["class"] == "code_bug"
    assert worker.poll() is None


def test_every_variable_the_page_promises_to_a_command_is_there(daemon):
    live = daemon("jobs:\n  show: { run: [env], timeout: 1m, limits: { memory: 1G } }\n")
    job = live.run("enqueue", "show", "--quiet").out.strip()
    ended(live, job, "succeeded")
    have = {line.split("=")[0] for line in live.run("job", "logs", job).out.splitlines()}
    table = PAGE[PAGE.index("| variable | value |"):PAGE.index("Exit code 0")]
    promised = set(re.findall(r"`([A-Z_]+)`", table)) | {"PATH", "HOME", "LANG", "TZ"}
    assert {v for v in promised - have if not v.startswith("REPRISE_COMPENSATES")} == {"REPRISE_REPLAY_ID"} and have - promised <= {"REPRISE_STORE_ID", "REPRISE_ATTEMPT_MARK"}
