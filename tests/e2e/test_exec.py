"""`reprise exec` from outside, against a small daemon of our own that can hold locks, cancel, lose leases and die.

Run alone: REPRISE_BIN=build-debug/reprise /usr/bin/python3 -m pytest -q tests/e2e/test_exec.py"""
import base64
import hashlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

import pytest

from reprise import BIN, DEADLINE_S, Daemon, wait_for
from runs_daemon import RunsDaemon, rfc


class World:
    def __init__(self, root):
        self.root = root
        self.state = root / "state"
        self.daemon = RunsDaemon(root / "s")
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("REPRISE")}
        self.env |= {"REPRISE_STATE": str(self.state), "REPRISE_SOCKET": self.daemon.path}

    def argv(self, *command, options=()):
        return [BIN, "exec", "--type", "t", *options, "--", *command]

    def run(self, *command, options=(), **kw):
        kw = {"env": self.env, "capture_output": True, "timeout": DEADLINE_S, "stdin": subprocess.DEVNULL} | kw
        if "input" in kw:
            del kw["stdin"]
        return subprocess.run(self.argv(*command, options=options), check=False, **kw)

    def sh(self, script, *options, **kw):
        return self.run("sh", "-c", script, options=options, **kw)

    def start(self, *command, options=(), **kw):
        kw = {"env": self.env, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL} | kw
        return subprocess.Popen(self.argv(*command, options=options), **kw)

    def flush(self):
        return subprocess.run([BIN, "exec", "--flush"], env=self.env, capture_output=True, timeout=DEADLINE_S, check=False)

    def spooled(self):
        return [json.loads(p.read_text()) for p in sorted((self.state / "spool").glob("*.json"))]


@pytest.fixture
def world():
    root = pathlib.Path(tempfile.mkdtemp(prefix="rx-"))
    w = World(root)
    yield w
    w.daemon.stop()
    shutil.rmtree(root)


@pytest.fixture
def daemon(world):
    return world.daemon.start()


def lives(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


# ---- rule 22: with the daemon ----

def test_rule22_the_exit_code_is_the_commands(world, daemon):
    for script, code in (("exit 0", 0), ("exit 3", 3), ("exit 255", 255), ("kill -9 $$", 137), ("kill -15 $$", 143)):
        assert world.sh(script).returncode == code
    assert world.run("/nonesuch").returncode == 127
    assert world.run("/etc/passwd").returncode == 126
    assert [f["outcome"] for f in daemon.finished] == ["succeeded"] + ["failed"] * 6
    assert daemon.finished[1]["exit"] == {"code": 3}
    assert daemon.finished[3]["exit"] == {"signal": "SIGKILL"}
    assert world.spooled() == []


def test_rule22_a_run_is_registered_and_finished_with_its_certificate(world, daemon):
    world.sh("echo out; echo went wrong >&2; exit 65", "--key", "k1", "--timeout", "1m30s", "--lock=nightly")
    run = daemon.finished[0]
    assert (run["type"], run["key"], run["lock"], run["timeout_s"]) == ("t", "k1", "nightly", 90)
    assert (run["ended_by"], run["output_bytes"], run["output_dropped"]) == ("itself", 15, 0)
    assert run["error"] == {"message": "went wrong", "retryable": False}
    assert run["started_at"] <= run["ended_at"] and run["duration_us"] > 0 and run["cpu_us"] > 0
    packed = base64.b64decode(run["output"], validate=True)
    plain = subprocess.run(["zstd", "-dc"], input=packed, capture_output=True, check=True).stdout if shutil.which("zstd") else b""
    assert not plain or (b"out\n" in plain and b"went wrong\n" in plain)


def test_rule22_the_environment_is_the_callers_with_what_is_known_of_the_run(world, daemon):
    world.env["MINE"] = "a=b c"
    world.env["REPRISE_FENCE"] = "of an outer run"
    out = world.run("env", options=["--lock", "--timeout", "1h"]).stdout.decode().splitlines()
    got = dict(line.split("=", 1) for line in out)
    assert got["MINE"] == "a=b c"
    assert (got["REPRISE_JOB_TYPE"], got["REPRISE_JOB_ID"], got["REPRISE_ATTEMPT"], got["REPRISE_FENCE"]) == ("t", "1001", "1", "1")
    assert got["REPRISE_KEY"] == "made-up-key"
    assert got["REPRISE_DEADLINE"] > rfc(time.time() + 3500)
    assert "REPRISE_FENCE" not in world.run("env").stdout.decode()


def test_rule22_the_time_limit_ends_the_whole_tree_with_124(world, daemon):
    pids = world.root / "pids"
    script = f"setsid sleep 301 & echo $! >> {pids}; (sleep 302 & echo $! >> {pids}); trap '' TERM; sleep 303 & echo $! >> {pids}; wait; wait"
    got = world.sh(script, "--timeout", "4s", "--grace", "300ms")
    assert got.returncode == 124
    assert b"time limit of 4s" in got.stderr
    all_pids = [int(p) for p in pids.read_text().split()]
    assert len(all_pids) == 3 and not any(lives(p) for p in all_pids)
    assert (daemon.finished[0]["outcome"], daemon.finished[0]["ended_by"]) == ("timeout", "the time limit")


def test_rule22_the_time_limit_holds_though_nobody_reads_the_output(world, daemon):
    p = world.start("yes", options=["--timeout", "500ms", "--grace", "500ms"])
    assert p.wait(DEADLINE_S) == 124
    assert daemon.finished[0]["outcome"] == "timeout"


def test_rule22_a_held_lock_is_75_and_says_by_whom_and_since_when(world, daemon):
    daemon.held_by = "exec@other:77 (job 5)"
    got = world.sh("echo ran", "--lock")
    assert (got.returncode, got.stdout) == (75, b"")
    assert b"exec@other:77" in got.stderr and b"since 02:14" in got.stderr
    got = world.sh("echo ran", "--lock", "--lock-exit", "0", "--quiet")
    assert (got.returncode, got.stdout, got.stderr) == (0, b"", b"")
    assert world.sh("exit 7").returncode == 7  # without --lock nobody is in the way
    assert len(daemon.finished) == 1 and world.spooled() == []


def test_rule22_beats_come_in_thirds_of_the_lease_and_stop_with_the_command(world, daemon):
    daemon.lease_s = .9
    began = time.monotonic()
    p = world.start("sh", "-c", "read go", stdin=subprocess.PIPE)

    def gaps():
        return [b - a for a, b in zip(daemon.beats, daemon.beats[1:])]

    wait_for(lambda: len(daemon.beats) >= 5 and min(gaps()) < .6, "five beats; a slow machine only makes what is between them longer")
    p.communicate(b"go\n", timeout=DEADLINE_S)
    n, took = len(daemon.beats), time.monotonic() - began
    assert p.returncode == 0 and n <= took / .3 + 1, (took, gaps())
    daemon.lease_s = 3 * DEADLINE_S  # the next one beats by itself no sooner than a slow machine lets it end
    world.sh("true")
    assert len(daemon.beats) == n


def test_rule22_a_cancel_that_a_beat_tells_ends_the_tree(world, daemon):
    daemon.lease_s, daemon.cancel = .6, True
    got = world.sh("sleep 300", "--grace", "5s", "--retries", "3")
    assert got.returncode == 143 and b"ended by an operator" in got.stderr
    assert [f["outcome"] for f in daemon.finished] == ["cancelled"]


def test_rule22_a_live_run_with_the_key_is_a_refusal(world, daemon):
    daemon.refuse = (409, "conflict", "job 7 with the key k is live")
    got = world.sh("echo ran", "--key", "k")
    assert (got.returncode, got.stdout) == (1, b"") and b"job 7 with the key k is live" in got.stderr


def test_rule22_retries_run_again_but_not_after_65_or_a_signal(world, daemon):
    counter = world.root / "n"
    script = f"echo x >> {counter}; test $(wc -l < {counter}) -ge 3 && echo try $REPRISE_ATTEMPT"
    got = world.sh(script, "--retries", "5")
    assert (got.returncode, got.stdout) == (0, b"try 3\n")
    assert [f["outcome"] for f in daemon.finished] == ["failed", "failed", "succeeded"]
    assert world.sh("exit 65", "--retries", "5").returncode == 65
    assert world.run("/nonesuch", options=["--retries", "5"]).returncode == 127
    assert len(daemon.finished) == 5
    p = world.start("sh", "-c", "echo in; exec sleep 300", options=["--retries", "5"])
    assert p.stdout.readline() == b"in\n"
    p.terminate()
    assert p.wait(DEADLINE_S) == 143 and len(daemon.runs) == 6


# ---- rule 23: without it ----

def test_rule23_without_the_daemon_it_runs_and_the_record_comes_later_once_in_order(world):
    for n in range(7):
        assert world.sh(f"echo {n}; exit {n}").returncode == n
    assert [r["exit"]["code"] for r in world.spooled()] == list(range(7))
    daemon = world.daemon.start()
    assert world.sh("exit 9").returncode == 9
    assert [r["exit"]["code"] for r in daemon.records] == list(range(7))
    assert daemon.finished[0]["exit"]["code"] == 9
    assert world.spooled() == [] and world.flush().returncode == 0
    assert len(daemon.records) == 7 and len({r["spool_id"] for r in daemon.records}) == 7


def test_rule23_nothing_is_said_where_nothing_is_wrong(world):
    assert world.sh("true").stderr == b""


def test_rule23_tries_without_the_daemon_are_attempts_of_one_run(world):
    assert world.sh("exit 4", "--retries", "1").returncode == 4
    a, b = world.spooled()
    assert (a["attempt"], b["attempt"]) == (1, 2) and a["external_id"] == b["external_id"]


def test_rule23_require_daemon_refuses_with_5(world):
    got = world.sh("echo ran", "--require-daemon")
    assert (got.returncode, got.stdout) == (5, b"") and got.stderr
    assert not (world.state / "spool").exists() or world.spooled() == []


def test_rule23_flush_needs_no_command_and_says_what_stands_in_its_way(world):
    world.sh("exit 1")
    assert world.flush().returncode == 5
    daemon = world.daemon.start()
    assert world.flush().returncode == 0
    assert len(daemon.records) == 1 and world.flush().returncode == 0


def test_rule23_the_daemon_dies_while_the_command_runs(world, daemon):
    go = world.root / "go"
    p = world.start("sh", "-c", f"echo begun; while ! test -e {go}; do sleep .02; done; echo ended; exit 6")
    assert p.stdout.readline() == b"begun\n"
    daemon.stop()
    go.touch()
    assert p.stdout.read() == b"ended\n" and p.wait(DEADLINE_S) == 6 and p.stderr.read() == b""
    record, = world.spooled()
    assert (record["lease"], record["token"], record["job"], record["attempt"]) == ("1", f"{1:016x}", "1001", 1)
    daemon.start()
    assert world.flush().returncode == 0
    assert len(daemon.records) == 1 and world.spooled() == []


def test_rule23_a_daemon_that_cannot_write_does_not_stop_the_command(world, daemon):
    daemon.refuse = (507, "store-full", "the disk of the store is full")
    got = world.sh("echo ran; exit 2")
    assert (got.returncode, got.stdout) == (2, b"ran\n") and b"the disk of the store is full" in got.stderr
    assert len(world.spooled()) == 1


def test_rule23_a_state_folder_that_cannot_be_made_stops_the_command_only_if_it_wants_the_lock(world):
    world.env["REPRISE_STATE"] = "/dev/null/state"
    got = world.sh("echo ran; exit 2")
    assert (got.returncode, got.stdout) == (2, b"ran\n") and b"REPRISE_STATE" in got.stderr
    got = world.sh("echo ran", "--lock")
    assert (got.returncode, got.stdout) == (1, b"") and b"REPRISE_STATE" in got.stderr


def test_rule23_a_poison_file_is_set_aside_with_a_message_and_blocks_none(world):
    world.sh("exit 1")
    (world.state / "spool" / "00000000000000000001-poison.json").write_text('{"type":')
    daemon = world.daemon.start()
    got = world.sh("true")
    assert got.returncode == 0 and b"set aside as aside/00000000000000000001-poison.json" in got.stderr
    assert len(daemon.records) == 1


def test_G9_killed_before_it_heard_the_answer_it_sends_again_and_nothing_is_added_twice(world):
    for n in range(30):
        assert world.sh(f"exit {n % 5}").returncode == n % 5
    want = [r["spool_id"] for r in world.spooled()]
    daemon = world.daemon.start()
    daemon.delay_answer_s = 60
    p = subprocess.Popen([BIN, "exec", "--flush"], env=world.env)
    wait_for(lambda: daemon.records, "the records")
    p.kill()
    p.wait(DEADLINE_S)
    assert len(world.spooled()) == 30
    daemon.delay_answer_s = 0
    assert world.flush().returncode == 0
    assert [r["spool_id"] for r in daemon.records] == want and world.spooled() == []


def test_G9_many_at_once_lose_nothing(world):
    for p in [world.start("true") for _ in range(12)]:
        assert p.wait(DEADLINE_S) == 0
    assert len(world.spooled()) == 12
    daemon = world.daemon.start()
    for p in [world.start("true") for _ in range(6)]:
        assert p.wait(DEADLINE_S) == 0
    assert len(daemon.records) == 12 and len(daemon.finished) == 6 and world.spooled() == []


def cgroups_made():
    """Folders in any cgroup v2 hierarchy of the machine that this program has made. Other tests' killed daemons leave some, and
    numbers of processes come again: what is asked for is what was not there before."""
    roots = [line.split()[4] for line in open("/proc/self/mountinfo") if " - cgroup2 " in line]
    # os.walk: folders of other runs come and go meanwhile
    return {os.path.join(at, f) for r in roots for at, below, _ in os.walk(r) for f in below if f.startswith("reprise-")}


def test_a_killed_exec_leaves_no_folder_behind_for_longer_than_the_next_run(world):
    before = cgroups_made()
    p = world.start("sh", "-c", "echo $$; exec sleep 300")
    pid = int(p.stdout.readline())
    p.kill()
    p.wait(DEADLINE_S)
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not lives(pid), "its end")
    left = {f for f in cgroups_made() - before if os.path.basename(f).split("-")[2] == str(p.pid)}
    assert len(left) <= 1  # none where cgroups are not to be had
    run = world.sh("true")
    assert (run.returncode, run.stderr) == (0, b"")
    # A run beside this one may be sweeping it just now: then it is gone a moment later.
    wait_for(lambda: not left & cgroups_made(), f"the end of {left}")


# ---- G15: never two at once ----

def overlaps(log):
    inside = worst = 0
    for line in log.read_text().splitlines():
        inside += 1 if line == "in" else -1
        worst = max(worst, inside)
    return worst


def test_G15_without_the_daemon_two_runs_with_a_lock_never_overlap(world):
    log = world.root / "log"
    script = f"echo in >> {log}; sleep .05; echo out >> {log}"
    codes = []
    for _ in range(4):
        codes += [p.wait(DEADLINE_S) for p in [world.start("sh", "-c", script, options=["--lock=L"]) for _ in range(5)]]
    assert set(codes) == {0, 75} and overlaps(log) == 1
    assert log.read_text().count("in") == codes.count(0)


def test_G15_the_lock_is_held_as_long_as_the_command_lives_also_when_exec_was_killed(world):
    p = world.start("sh", "-c", "echo $$; exec sleep 300", options=["--lock"])
    pid = int(p.stdout.readline())
    p.kill()
    p.wait(DEADLINE_S)
    got = world.sh("echo ran", "--lock")
    assert got.returncode == 75 and f"process {p.pid} since".encode() in got.stderr
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not lives(pid), "its end")
    assert world.sh("true", "--lock").returncode == 0


def test_G15_the_lock_of_this_machine_holds_between_runs_with_and_without_the_daemon(world, daemon):
    p = world.start("sh", "-c", "echo in; exec sleep 300", options=["--lock"])
    p.stdout.readline()
    daemon.stop()
    assert world.sh("echo ran", "--lock").returncode == 75
    p.terminate()
    assert p.wait(DEADLINE_S) == 143


def test_G15_who_has_lost_its_lock_is_ended_and_says_so(world, daemon):
    daemon.lease_s = .6
    p = world.start("sleep", "300", options=["--lock", "--grace", "5s"])
    wait_for(lambda: len(daemon.beats) >= 1, "a beat")
    p.send_signal(signal.SIGSTOP)
    daemon.lose = True
    p.send_signal(signal.SIGCONT)
    out, err = p.communicate(timeout=DEADLINE_S)
    assert p.returncode == 143 and b"the loss of its lock" in err and out == b""
    assert daemon.records[0]["ended_by"] == "the loss of its lock"  # its finish was refused; the record tells


def test_G15_the_fence_rises_with_each_holder(world, daemon):
    fences = [int(world.sh("echo $REPRISE_FENCE", "--lock=L").stdout) for _ in range(3)]
    assert fences == [1, 2, 3]


# ---- rule 24: as if the command stood there alone ----

def test_rule24_both_streams_pass_byte_for_byte(world, daemon):
    data = bytes(range(256)) * 20000 + b"\0no line feed at the end"
    got = world.run("sh", "-c", "cat; printf 'err\\377\\0or' >&2", input=data)
    assert hashlib.sha256(got.stdout).digest() == hashlib.sha256(data).digest()
    assert got.stderr == b"err\xff\0or"
    assert daemon.finished[0]["output_bytes"] == len(data) + 7


def test_rule24_a_stream_keeps_its_order_and_comes_at_once(world):
    p = world.start("sh", "-c", "echo one; read x; echo two $x", stdin=subprocess.PIPE)
    assert p.stdout.readline() == b"one\n"
    p.stdin.write(b"line\n")
    p.stdin.flush()
    assert p.stdout.readline() == b"two line\n" and p.wait(DEADLINE_S) == 0
    got = world.sh("seq 1 200000").stdout
    assert got == "".join(f"{n}\n" for n in range(1, 200001)).encode()


def test_rule24_standard_input_is_left_as_it_is(world):
    text = world.root / "text"
    text.write_text("abcdef")
    with text.open("rb") as f:
        assert world.run("head", "-c", "3", stdin=f).stdout == b"abc"
        assert os.read(f.fileno(), 10) == b"def"  # nothing was read that the command did not read


def test_rule24_a_reader_that_stops_stops_the_writer(world):
    progress = world.root / "progress"
    script = f"import os\nn=0\nwhile n < 64: os.write(1, b'x' * 65536); n += 1; open({str(progress)!r}, 'w').write(str(n))"
    p = world.start("python3", "-c", script)
    wait_for(lambda: progress.exists() and progress.read_text(), "a beginning")
    seen = -1
    while (now := int(progress.read_text() or 0)) != seen:  # until it stands still for a while
        seen = now
        time.sleep(.4)
    assert seen < 16, f"{seen * 64} kB were taken though nobody read"
    out, _ = p.communicate(timeout=DEADLINE_S)
    assert len(out) == 64 * 65536 and p.returncode == 0


def test_rule24_a_reader_that_goes_is_a_broken_pipe_to_the_command(world):
    p = world.start("yes")
    p.stdout.read(10)
    p.stdout.close()
    assert p.wait(DEADLINE_S) == 128 + signal.SIGPIPE


@pytest.mark.parametrize("name", ["TERM", "INT", "HUP", "QUIT", "USR1", "USR2"])
def test_rule24_signals_are_passed_on(world, daemon, name):
    p = world.start("sh", "-c", f"trap 'echo got {name}; exit 9' {name}; echo ready; while :; do sleep .02; done")
    assert p.stdout.readline() == b"ready\n"
    p.send_signal(getattr(signal, "SIG" + name))
    assert p.stdout.read() == f"got {name}\n".encode() and p.wait(DEADLINE_S) == 9
    assert daemon.finished[0]["exit"] == {"code": 9}


def test_rule24_what_the_caller_ignores_stays_ignored(world):
    p = subprocess.Popen(["nohup", *world.argv("sh", "-c", "echo ready; kill -HUP $$; sleep .1; echo alive")], env=world.env,
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    assert p.stdout.readline() == b"ready\n"
    p.send_signal(signal.SIGHUP)
    assert p.stdout.read() == b"alive\n" and p.wait(DEADLINE_S) == 0
    assert world.sh("kill -PIPE $$; echo alive").returncode == 128 + signal.SIGPIPE  # what exec ignores for itself is not


def test_rule24_umask_folder_and_privileges_are_the_callers(world):
    old = os.umask(0o027)
    try:
        got = world.sh("umask; pwd; grep NoNewPrivs /proc/self/status", cwd="/usr").stdout.decode().split()
    finally:
        os.umask(old)
    assert got[0] in ("0027", "027") and got[1] == "/usr" and got[3] == "0"


def test_rule24_closed_standard_files_do_no_harm(world, daemon):
    line = " ".join(world.argv("sh", "-c", "'echo out; exit 4'", options=["--lock"]))
    got = subprocess.run(["sh", "-c", f"{line} <&- >&- 2>&-"], env=world.env, timeout=DEADLINE_S, check=False)
    assert got.returncode == 4 and daemon.finished[0]["output_bytes"] == 4
    assert "out" not in "".join(p.read_text() for p in (world.state / "locks").iterdir())


def test_rule24_what_outlives_the_command_is_ended_and_named(world, daemon):
    got = world.sh("sleep 300 & while read -r c </proc/$!/comm && [ $c != sleep ]; do :; done; echo $!")
    assert got.returncode == 0 and not lives(int(got.stdout))
    assert b"outlived the command: sleep (" in got.stderr
    assert daemon.finished[0]["survivors"].startswith("sleep (") and daemon.finished[0]["outcome"] == "succeeded"
    assert world.sh("sleep 300 &", "--quiet").stderr == b""


# ---- against the real daemon ----

@pytest.fixture
def real(world):
    with Daemon("") as d:
        world.env["REPRISE_SOCKET"] = d.socket
        yield d


def jobs(real):
    return sorted(real.get("/v1/jobs?type=t")["items"], key=lambda j: int(j["id"]))


def test_rule22_the_real_daemon_shows_the_run_with_its_output_and_certificate(world, real):
    assert world.sh("echo the output; echo no such invoice >&2; exit 3", "--key", "k").returncode == 3
    job, = jobs(real)
    attempt, = real.attempts(job["id"])
    assert (job["state"], job["key"], attempt["outcome"], attempt["exit"]["code"]) == ("failed", "k", "failed", 3)
    assert attempt["error"]["message"] == "no such invoice" and attempt["ended_by"] == "itself"
    text = real.http("GET", f"/v1/jobs/{job['id']}/attempts/latest/output")[1]
    assert b"the output\n" in text and b"no such invoice\n" in text


def test_rule22_the_real_daemons_lock_is_held_by_one_on_all_machines(world, real):
    p = world.start("sh", "-c", "echo in; exec sleep 300", options=["--lock=L"])
    p.stdout.readline()
    world.env["REPRISE_STATE"] = str(world.root / "another machine")
    got = world.sh("echo ran", "--lock=L")
    assert (got.returncode, got.stdout) == (75, b"") and f":{p.pid}".encode() in got.stderr
    p.terminate()
    assert p.wait(DEADLINE_S) == 143
    assert world.sh("echo $REPRISE_FENCE", "--lock=L").stdout == b"2\n"


def test_rule22_reprise_job_cancel_ends_a_run_of_exec(world, real):
    p = world.start("sh", "-c", "echo in; exec sleep 300")
    p.stdout.readline()
    real.post(f"/v1/jobs/{jobs(real)[0]['id']}/cancel", {"reason": "a test"})
    assert p.wait(DEADLINE_S) == 143
    assert jobs(real)[0]["state"] == "cancelled"


def test_G9_the_real_daemon_is_killed_in_the_middle_and_each_run_is_there_once(world, real):
    go = world.root / "go"
    p = world.start("sh", "-c", f"echo begun; while ! test -e {go}; do sleep .02; done; exit 6")
    p.stdout.readline()
    real.kill()
    go.touch()
    assert p.wait(DEADLINE_S) == 6
    for n in range(3):
        assert world.sh(f"exit {n}").returncode == n
    assert len(world.spooled()) == 4
    real.start()
    assert world.flush().returncode == 0 and world.spooled() == []
    states = [(j["state"], real.attempts(j["id"])[-1]["exit"]["code"]) for j in jobs(real)]
    assert states == [("failed", 6), ("succeeded", 0), ("failed", 1), ("failed", 2)]


# ---- the command line ----

@pytest.mark.parametrize("argv, says", [
    (["exec", "--", "true"], b"--type"),
    (["exec", "--type", "t"], b"a command"),
    (["exec", "--type", "", "--", "true"], b"--type"),
    (["exec", "--type", "t", "--timeout", "soon", "--", "true"], b"soon"),
    (["exec", "--type", "t", "--retries", "-1", "--", "true"], b"--retries"),
    (["exec", "--type", "t", "--lock-exit", "256", "--", "true"], b"--lock-exit"),
])
def test_a_command_line_that_is_not_understood_is_exit_2_and_runs_nothing(world, argv, says):
    got = subprocess.run([BIN, *argv], env=world.env, capture_output=True, timeout=DEADLINE_S, check=False)
    assert got.returncode == 2 and says in got.stderr


def test_options_after_the_command_are_the_commands(world):
    assert world.run("echo", "--quiet", "--json", "-h").stdout == b"--quiet --json -h\n"
    got = subprocess.run([BIN, "exec", "--type", "t", "echo", "--type", "x"], env=world.env, capture_output=True, check=False)
    assert got.stdout == b"--type x\n"
