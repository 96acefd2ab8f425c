"""Outages and rates, seen from outside (the numbers are those of the users' cases)."""
import json
import socketserver
import threading
import time

from reprise import Daemon, wait_for

# Its first attempt fails when the dependency goes; a later one succeeds once it may.
INVOICE = """
if [ "$REPRISE_ATTEMPT" = 1 ]; then
  while [ -e {dir}/up ]; do sleep 0.1; done
  echo "connect ECONNREFUSED 10.0.0.7:5432" >&2
  exit 1
fi
echo "$REPRISE_JOB_ID" >> {dir}/begun
while ! [ -e {dir}/open ]; do sleep 0.1; done
"""


def outage(folder, more=""):
    script = json.dumps(INVOICE.format(dir=folder))
    return (f"max_running: 60\ndependencies:\n  db: {{ command: [test, -e, {folder}/up], every: 20s }}\njobs:\n"
            f"  invoice: {{ shell: {script}, idempotent: true, retries: 0, needs: [db]{more} }}\n")


def dependency(d):
    return d.get("/v1/dependencies")["items"][0]


def test_U11_an_outage_burns_no_attempt_and_a_canary_comes_back_first(tmp_path):
    (tmp_path / "up").touch()
    with Daemon(outage(tmp_path)) as d:
        wait_for(lambda: dependency(d)["state"] == "up", "the dependency is up")
        ids = [d.enqueue("invoice") for _ in range(40)]
        for id in ids:
            d.wait_state(id, "running")
        (tmp_path / "up").unlink()  # no check is due for 20 s: it is the failures that bring one
        wait_for(lambda: dependency(d)["state"] == "down", "a check sees the outage")
        for id in ids:
            job = wait_for(lambda: (lambda j: j if "since" in j.get("held", "") else None)(d.job(id)), f"job {id} is held")
            assert (job["state"], job["attempts"], job["max_attempts"], job["held_by"]) == ("retrying", 0, 1, "db")
        first = d.attempts(ids[0])
        assert [(a["outcome"], a["held"], a["class"]) for a in first] == [("failed", "db", "connection")]
        assert dependency(d)["held"] == 40
        assert 'reprise_dependency_held_jobs{dependency="db"} 40' in d.http("GET", "/metrics")[1].decode()
        assert "holds 40 jobs" in " ".join(d.cli("deps").out.split())
        shown = d.cli("job", "show", ids[0]).out
        assert "by db since" in shown and "no: dependency db was to blame" in shown
        d.kill()  # what is held stays held
        d.start()
        assert {d.job(id)["state"] for id in ids} == {"retrying"}
        (tmp_path / "up").touch()
        d.cli("deps", "check", "db")
        begun = wait_for(lambda: (lambda b: b if len(b) >= 5 else None)((tmp_path / "begun").read_text().split()
                         if (tmp_path / "begun").exists() else []), "a canary runs")
        states = {id: d.job(id)["state"] for id in ids}
        assert len(begun) == 5 and {id for id in ids if states[id] == "running"} == set(begun)
        assert [s for id, s in states.items() if id not in begun] == ["retrying"] * 35
        (tmp_path / "open").touch()
        for id in ids:
            job = d.wait_state(id, "succeeded", deadline_s=180)
            assert job["attempts"] == 1 and job["last_n"] == 2
        assert dependency(d)["held"] == 0


def test_U11_hold_max_ends_it_and_the_job_says_why(tmp_path):
    (tmp_path / "up").touch()
    with Daemon(outage(tmp_path, more=", hold_max: 3s").replace("every: 20s", "every: 1s")) as d:
        wait_for(lambda: dependency(d)["state"] == "up", "the dependency is up")
        id = d.enqueue("invoice")
        d.wait_state(id, "running")
        (tmp_path / "up").unlink()
        job = d.wait_state(id, "failed")
        assert job["attempts"] == 0
        assert job["error"]["message"].startswith("held for 3s, the longest that its type waits, and dependency db is still down")


def test_U11_a_held_job_is_cancelled_like_any_other(tmp_path):
    (tmp_path / "up").touch()
    with Daemon(outage(tmp_path).replace("every: 20s", "every: 1s")) as d:
        wait_for(lambda: dependency(d)["state"] == "up", "the dependency is up")
        id = d.enqueue("invoice")
        d.wait_state(id, "running")
        (tmp_path / "up").unlink()
        wait_for(lambda: "since" in d.job(id).get("held", ""), "the job is held")
        d.cli("job", "cancel", id, "--reason", "not needed any more")
        assert d.job(id)["state"] == "cancelled" and "held" not in d.job(id)
        assert dependency(d)["held"] == 0


class Counter(socketserver.ThreadingTCPServer):
    """A dependency that counts its calls: a call says which job it is; a check only connects. Calls fail while it is broken."""
    allow_reuse_address = daemon_threads = True
    request_queue_size = 200

    def __init__(self):
        self.calls, self.broken = [], True
        super().__init__(("127.0.0.1", 0), Call)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def port(self):
        return self.server_address[1]


class Call(socketserver.StreamRequestHandler):
    def handle(self):
        said = self.rfile.readline()
        if said:
            self.server.calls.append((time.monotonic(), said.decode().strip()))
            self.wfile.write(b"no\n" if self.server.broken else b"yes\n")


CALL = """exec 3<>/dev/tcp/127.0.0.1/{port}
echo "$REPRISE_JOB_TYPE $REPRISE_JOB_ID $REPRISE_ATTEMPT $${{REPRISE_REPLAY_ID:-live}}" >&3
read -r answer <&3
[ "$answer" = yes ] || {{ echo "TypeError: undefined is not a function" >&2; exit 1; }}"""
RATE, SLACK_S = 20, 3  # how late the start of a process may be beside the next one's, on a machine that does much else


def worst(calls, window_s):
    """The most calls that any window of that length holds."""
    at = sorted(t for t, _ in calls)
    return max(sum(1 for other in at[i:] if other < t + window_s) for i, t in enumerate(at))


def test_U4_a_dependency_that_counts_its_calls_never_sees_more_than_its_rate():
    with Counter() as api, Daemon(
            f"max_running: 50\nreplay: {{ settle: 0s }}\ndependencies:\n"
            f"  api: {{ tcp: \"127.0.0.1:{api.port}\", every: 5s, rate: {RATE}/s }}\njobs:\n"
            + "".join(f"  {t}: {{ run: [/bin/bash, -c, {json.dumps(CALL.format(port=api.port))}], needs: [api], idempotent: true, "
                      f"retries: {retries}, backoff: {{ kind: fixed, base: 200ms }} }}\n"
                      for t, retries in (("charge", 2), ("refund", 0)))) as d:
        wait_for(lambda: dependency(d)["state"] == "up", "the dependency is up")
        failed = [d.enqueue("refund") for _ in range(10)]
        for id in failed:
            d.wait_state(id, "failed", deadline_s=180)
        d.cli("deploy", "mark", "refund", "--version", "2")  # class code: a fix is out
        api.calls.clear()
        d.post("/v1/jobs", [{"type": "charge"} for _ in range(40)])  # with their retries up to 120 calls
        replay = d.json("replay", "--type", "refund", "--since", "1h", "--rate", "1000/s", "--canary", "5", "--detach")
        wait_for(lambda: any("charge" in said and said.split()[2] == "3" for _, said in api.calls), "retries go out", 180)
        api.broken = False
        live = [d.enqueue("refund") for _ in range(60)]
        for id in live + failed:
            d.wait_state(id, "succeeded", "failed", deadline_s=240)
        kinds = {(said.split()[0], said.split()[2] != "1", said.split()[3] != "live") for _, said in api.calls}
        assert {("charge", False, False), ("charge", True, False), ("refund", True, True), ("refund", False, False)} <= kinds, replay
        window_s = 3
        assert len(api.calls) > RATE * (window_s + SLACK_S) + 5, "more calls than the window may hold, or nothing was measured"
        assert worst(api.calls, window_s) <= RATE * (window_s + SLACK_S)


def test_U4_workers_that_wait_get_jobs_as_the_rate_lets_them_start():
    with Daemon("jobs:\n  fetched: { idempotent: true, rate: 4/s }\n") as d:
        d.post("/v1/jobs", [{"type": "fetched"} for _ in range(12)])
        began, got = time.monotonic(), []
        while len(got) < 12 and time.monotonic() < began + 180:
            leases = d.post("/v1/work/fetch", {"worker": "w", "max": 10, "wait_ms": 20000})["leases"]
            assert len(leases) == 1, "one at a time, and each is waited for"
            got.append(time.monotonic())
        assert got[-1] - began >= 11 / 4 - 0.05, "twelve starts at four a second take eleven intervals"
