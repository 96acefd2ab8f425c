"""What a person meets in the first hour: no configuration, no root, a typo, a job that fails the way programs fail."""
import os
import pathlib
import shutil
import subprocess

import pytest

from reprise import BIN, Daemon, environment, run, wait_for, width

NOBODY = 65534


def as_user(folder):
    """The words before a command that make it a user's; the folder and the program become theirs."""
    if os.getuid() != 0:
        return [], BIN
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv is needed to stop being root")
    program = shutil.copy(BIN, f"{folder}/reprise")
    os.chown(folder, NOBODY, NOBODY)
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"], program


@pytest.mark.parametrize("config", ["", 'listen: ""\njobs: { a: { run: ["true"] } }\n'])
def test_the_first_serve_of_a_user_works_and_every_command_finds_it(folder, config):
    words, program = as_user(folder)
    env = environment(HOME=folder)
    if config:
        pathlib.Path(folder, "reprise.yaml").write_text(config)
    options = [] if config else ["--listen", ""]
    with open(f"{folder}/log", "wb") as log:
        daemon = subprocess.Popen([*words, program, "serve", *options], env=env, cwd=folder, stdout=log, stderr=log)
    try:
        def status():
            assert daemon.poll() is None, pathlib.Path(folder, "log").read_text()
            asked = subprocess.run([*words, program, "status"], env=env, cwd=folder, capture_output=True)
            return asked if asked.returncode == 0 else None
        assert b"scheduler" in wait_for(status, what="an answer").stdout
        assert pathlib.Path(folder, ".local/state/reprise/reprise.db").stat().st_mode & 0o777 == 0o600
    finally:
        daemon.terminate()
        daemon.wait(90)


def test_reprise_alone_says_where_to_begin_on_one_screen():
    answer = run()
    assert answer.code == 2 and "reprise help" in answer.err and len(answer.err.splitlines()) < 20
    assert all(width(line) <= 80 for line in answer.err.splitlines()), answer.err


def test_check_without_a_configuration_says_what_to_do(folder):
    answer = run("check", env=environment(REPRISE_CONFIG=f"{folder}/none.yaml"))
    assert answer.code == 3 and answer.err.startswith(f"{folder}/none.yaml: cannot be read: No such file") and "--config" in answer.err


def test_who_may_not_open_the_socket_is_told_so_and_not_to_start_a_daemon(daemon, folder):
    words, program = as_user(folder)
    if not words:
        pytest.skip("only root can make a folder that its user may not enter")
    hidden = daemon("")
    os.chmod(hidden.dir, 0o700)  # the folder is root's
    answer = subprocess.run([*words, program, "status"], env=environment(REPRISE_SOCKET=hidden.socket, HOME=folder), capture_output=True)
    assert answer.returncode == 5 and b"join the group reprise" in answer.stderr, answer.stderr


@pytest.mark.parametrize("words,lists", [
    (["job", "show", "99"], "reprise jobs"), (["job", "logs", "99"], "reprise jobs"),
    (["replay", "show", "R9"], "reprise replay list"), (["pattern", "show", "P9"], "reprise patterns"),
    (["queue", "pause", "x"], "reprise queues"), (["schedule", "explain", "x"], "reprise schedules"),
    (["type", "show", "x"], "reprise types"), (["jobs", "--type", "x"], "reprise types"),
    (["replay", "--pattern", "P9", "--dry-run"], "reprise patterns"), (["deps", "x"], "reprise deps"),
])
def test_what_is_not_there_is_answered_with_the_command_that_lists_what_is(world, words, lists):
    answer = world.run(*words)
    assert answer.code == 1 and f"{lists} lists what there is" in answer.err, answer


@pytest.fixture(scope="module")
def world():
    with Daemon("""
dependencies:
  gone: { tcp: "127.0.0.1:1", every: 1s, timeout: 1s }
jobs:
  python: { run: [python3, -c, "def f():\\n  raise KeyError('tenant')\\nf()"], idempotent: true }
  held: { run: ["true"], needs: [gone] }
""") as d:
        yield d


def test_a_list_of_jobs_shows_the_line_that_says_what_happened_not_the_head_of_a_trace(world):
    job = world.run("enqueue", "python", "--quiet").out.strip()
    wait_for(lambda: world.json("job", "show", job)["state"] == "failed", what="the failure")
    assert "KeyError: 'tenant'" in world.run("jobs").out
    assert "Traceback" not in world.run("jobs", "--state", "failed").out
    assert "error      KeyError: 'tenant'\n" in world.run("job", "show", job).out


def test_what_a_dry_run_leaves_out_is_explained_with_the_way_to_take_it_along(world):
    job = world.run("enqueue", "python", "--quiet").out.strip()
    wait_for(lambda: world.json("job", "show", job)["state"] == "failed", what="the failure")
    said = " ".join(world.run("replay", job, "--dry-run").out.split())
    assert "1 fix-first: fails the same way until it is fixed; then reprise deploy mark TYPE" in said


@pytest.mark.parametrize("more", [[], ["--follow"]])
def test_the_log_of_a_job_that_has_not_run_says_so_and_why(world, more):
    wait_for(lambda: world.json("deps")["items"][0]["state"] == "down", what="the check")
    job = world.run("enqueue", "held", "--quiet").out.strip()
    said = wait_for(lambda: (e := world.run("job", "logs", job, *more).err) and "held" in e and e, what="the reason")
    assert f"job {job} is queued and has not run yet: held, dependency gone is down" in " ".join(said.split())


def test_a_demo_that_is_to_be_kept_leaves_its_store(tmp_path):
    """A hardened build once ended here: the folder's whole name went into too small a buffer."""
    with subprocess.Popen([BIN, "demo", "--keep", str(tmp_path / "kept")], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env=environment(), cwd=tmp_path) as demo:
        said = next((line for line in demo.stdout if line.startswith("  1 ")), "")
        demo.terminate()
        demo.communicate(timeout=180)
    assert " jobs of 5 types" in said and (tmp_path / "kept" / "reprise.db").read_bytes().startswith(b"SQLite format 3")
