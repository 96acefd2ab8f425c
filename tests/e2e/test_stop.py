"""SIGTERM whatever is going on: the daemon ends with 0 in time, everybody who asked is answered or told, and nothing is half done after the
next start (G26)."""
import contextlib
import json
import selectors
import signal
import socket
import threading

import pytest
from reprise import DEADLINE_S, SLACK, Daemon, wait_for

JOBS, PLANS, DOCTORS, CLIENTS = 4000, 30, 8, 200
SELECT = {"select": {"type": "w", "state": "failed"}}
CONFIG = """shutdown_grace: 1s
jobs:
  w: { idempotent: true, retries: 0 }
  needy: { idempotent: true, retries: 0, needs: [stuck] }
dependencies:
  stuck: { command: [sleep, "600"], timeout: 500s, every: 1h }
"""


class Asker(threading.Thread):
    """One request on a thread of its own: status and body, or the error."""

    def __init__(self, d, method, path, body=None):
        super().__init__()
        self.ask, self.status, self.body, self.error = (method, path, body), None, None, None
        self.d = d
        self.start()

    def run(self):
        try:
            self.status, body = self.d.http(*self.ask)
            self.body = json.loads(body)
        except OSError as e:
            self.error = e

    def stopping(self):
        return self.status == 503 and self.body["type"] == "urn:reprise:problem:stopping"


def fail(d, type, n):
    for _ in range(0, n, 1000):
        d.post("/v1/jobs", [{"type": type, "payload": "x" * 100}] * min(n, 1000))
    while n > 0:
        leases = d.post("/v1/work/fetch", {"worker": "w", "types": [type], "max": 1000, "wait_ms": 20000})["leases"]
        d.post("/v1/work/report", [{"lease": l["lease"], "token": l["token"], "outcome": "failed", "error": "no such tenant"} for l in leases])
        n -= len(leases)


def under_way(d, n):
    """So many requests have begun and are not answered."""
    text = d.http("GET", "/metrics")[1].decode()
    return next(float(line.split()[1]) for line in text.splitlines() if line.startswith("reprise_http_requests_open ")) > n  # beside this one


def stop(d):
    assert d.stop() == 0, d.logged()[-3000:]


def store_finding(d):
    return next(f for f in d.get("/v1/doctor")["findings"] if f["check"] == "store")


def plans_at_a_stop(d):
    """Plans and checks of the store that were asked for when it was stopped: each is whole, told, or cut off. It runs again after them."""
    plans = [Asker(d, "POST", "/v1/replays", SELECT | {"dry_run": True}) for _ in range(PLANS)]
    doctors = [Asker(d, "GET", "/v1/doctor") for _ in range(DOCTORS)]
    stop(d)
    for a in plans + doctors:
        a.join()
        assert a.error is None or isinstance(a.error, (ConnectionError, FileNotFoundError)), a.error  # that: it came after the end
    assert all(p.status is None or p.stopping() or p.body["matched"] == JOBS for p in plans), [p.body for p in plans]
    for a in doctors:  # a check that was cut short has found no damage
        assert a.status is None or a.stopping() or next(f for f in a.body["findings"] if f["check"] == "store")["state"] != "fails", a.body
    d.start()
    return plans


def test_G26_plans_and_checks_of_the_store_that_run_or_wait_are_told_and_leave_nothing_behind():
    with Daemon(CONFIG) as d:
        fail(d, "w", JOBS)
        # Where the stop comes after the last one was made, or before the first one was heard, another time it is in between.
        wait_for(lambda: any(p.stopping() for p in plans_at_a_stop(d)), "a plan that was still to be made")
        real = Asker(d, "POST", "/v1/replays", SELECT)
        wait_for(lambda: real.status or under_way(d, 1), "the plan")
        stop(d)
        real.join()
        d.start()
        assert store_finding(d)["state"] == "holds"
        made = d.get("/v1/replays")["items"]
        assert len(made) <= 1 and all(r["state"] in ("running", "paused", "aborted", "done") for r in made), made


def test_G26_a_check_that_hangs_holds_up_no_stop_and_who_waits_for_it_is_told():
    with Daemon(CONFIG) as d:
        d.enqueue("needy")
        wait_for(lambda: d.get("/v1/dependencies")["items"], "the dependency")
        fail(d, "w", 1)
        asked = [Asker(d, "POST", "/v1/dependencies/check", {}), Asker(d, "POST", "/v1/replays", {"select": {"type": "needy"}, "dry_run": True})]
        wait_for(lambda: under_way(d, sum(a.status is None for a in asked)), "the check and the plan, unless they are answered")
        stop(d)
        for a in asked:
            a.join()
        check, plan = asked
        assert check.stopping() or check.body["items"][0]["state"] == "unknown", (check.status, check.body, check.error)
        assert plan.status is None or plan.stopping() or plan.status == 200, (plan.status, plan.body, plan.error)


def connect(d):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(DEADLINE_S)
    s.connect(d.socket)
    return s


ASK = b"GET /v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Crowd(threading.Thread):
    """Clients that ask again as soon as they are answered, until the daemon ends their connections."""

    def __init__(self, d, n):
        super().__init__()
        self.answers, self.cut = 0, []
        self.selector = selectors.DefaultSelector()
        for _ in range(n):
            s = connect(d)
            s.sendall(ASK)
            self.selector.register(s, selectors.EVENT_READ, [b""])
        self.start()

    def whole(self, s, got):
        """Whether what is there ends with an answer's end; then the next request."""
        head, _, body = got[0].partition(b"\r\n\r\n")
        length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), None)
        if length is None or len(body) < length:
            return
        assert head.split()[1] in (b"200", b"503"), head
        self.answers += 1
        got[0] = b""
        with contextlib.suppress(OSError):  # the end of the connection may be on its way
            s.sendall(ASK)

    def run(self):
        while self.selector.get_map():
            for key, _ in self.selector.select():
                with contextlib.suppress(ConnectionError):
                    more = key.fileobj.recv(65536)
                    if more:
                        key.data[0] += more
                        self.whole(key.fileobj, key.data)
                        continue
                if key.data[0]:
                    self.cut.append(key.data[0])
                self.selector.unregister(key.fileobj)
                key.fileobj.close()


def test_G26_clients_that_are_busy_slow_deaf_or_waiting_hold_up_no_stop():
    with Daemon(CONFIG) as d, contextlib.ExitStack() as open_ones:
        fail(d, "w", 1000)
        slow = [open_ones.enter_context(connect(d)) for _ in range(5)]
        for s in slow:
            s.sendall(b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\n[")
        for _ in range(5):
            deaf = open_ones.enter_context(connect(d))
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.setblocking(False)
            with contextlib.suppress(BlockingIOError, ConnectionError):
                deaf.send(b"GET /v1/jobs?limit=1000 HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20)
        polls = [Asker(d, "POST", "/v1/work/fetch", {"worker": f"w{i}", "types": ["needy"], "wait_ms": 60000}) for i in range(5)]
        wait_for(lambda: under_way(d, 5), "the long polls")
        crowd = Crowd(d, CLIENTS)
        wait_for(lambda: crowd.answers > 2 * CLIENTS, "answers")
        d.process.send_signal(signal.SIGTERM)
        ended = threading.Event()

        def trickle():
            while not ended.wait(0.05):
                for s in slow:
                    with contextlib.suppress(OSError):
                        s.send(b" ")
        drops = threading.Thread(target=trickle)
        drops.start()
        try:
            assert d.process.wait(40 * SLACK) == 0, d.logged()[-3000:]
        finally:
            ended.set()
            drops.join()
        crowd.join()
        assert not crowd.cut, f"{len(crowd.cut)} answers were cut off: {crowd.cut[0][:300]}"
        for p in polls:
            p.join()
            assert p.error is None and p.body == {"leases": []}, (p.status, p.body, p.error)


@pytest.mark.parametrize("at", ["backing up", "deleting"])
def test_G26_a_purge_is_not_begun_or_goes_on_after_the_next_start(at):
    with Daemon(CONFIG) as d:
        fail(d, "w", JOBS)
        file = d.dir / "backup"
        ask = {"select": {"type": "w", "state": "failed"}, "backup": str(file), "include_unresolved": True, "reason": "a test"}
        id = d.post("/v1/purges", ask)["id"]

        def purge():
            return d.get(f"/v1/purges/{id}")
        if at == "deleting":
            wait_for(lambda: purge()["state"] in ("deleting", "done"), "the backup")
        stop(d)
        d.start()
        wait_for(lambda: purge()["state"] in ("done", "failed"), "the end of the purge", 60 * SLACK)
        if purge()["state"] == "failed":
            assert at == "backing up" and not file.exists(), purge()
            assert d.get("/v1/jobs/count?type=w") == {"count": JOBS}
            return
        assert d.get("/v1/jobs/count?type=w") == {"count": 0}
        d.post("/v1/restores", {"file": str(file), "reason": "a test"})
        wait_for(lambda: d.get("/v1/jobs/count?type=w") == {"count": JOBS}, "all of them back", 60 * SLACK)
        assert store_finding(d)["state"] == "holds"
