"""Slow, stuck and silent peers, signals to the daemon: the others are served, a stop keeps its word, a bad reload changes nothing."""
import contextlib
import json
import re
import signal
import socket
import threading
import time

import pytest
from reprise import DEADLINE_S, SLACK, Daemon, stretch, wait_for

ONE_BYTE_CLIENTS, IDLE, DEAF = 20, 500, 20


def connect(d):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(DEADLINE_S)
    s.connect(d.socket)
    return s


def latencies(d, n=60):
    """Seconds of reads and writes of somebody who behaves."""
    took = []
    for i in range(n):
        began = time.monotonic()
        assert d.http("POST", "/v1/jobs", {"type": "w"})[0] == 201 if i % 2 else d.http("GET", "/v1/status")[0] == 200
        took.append(time.monotonic() - began)
    return sorted(took)


def trickle(d, stop):
    """A request byte by byte, and never its end."""
    text = b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\n" + b"x" * 4000
    with contextlib.suppress(OSError), connect(d) as s:
        for byte in text:
            if stop.wait(0.02):
                return
            s.send(bytes([byte]))


def deaf(d):
    """Asks for much, as often as the daemon takes it, and reads nothing."""
    s = connect(d)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.setblocking(False)
    ask = b"GET /v1/jobs?limit=1000 HTTP/1.1\r\nHost: localhost\r\n\r\n" * 50
    with contextlib.suppress(BlockingIOError, ConnectionError):
        for _ in range(20):
            s.send(ask)
    return s


def test_G20_slow_idle_and_deaf_clients_do_not_delay_others():
    with Daemon("jobs:\n  w: { idempotent: true }\n") as d, contextlib.ExitStack() as open_ones:
        d.post("/v1/jobs", [{"type": "w", "payload": "x" * 2000}] * 1000)
        alone, before, stop = latencies(d), d.memory("VmHWM"), threading.Event()
        threads = [threading.Thread(target=trickle, args=(d, stop)) for _ in range(ONE_BYTE_CLIENTS)]
        for t in threads:
            t.start()
        for _ in range(IDLE):
            open_ones.enter_context(connect(d))
        for _ in range(DEAF):
            open_ones.enter_context(deaf(d))
        limit = max(0.25, 20 * alone[len(alone) // 2])
        for _ in range(8):  # the machine may have become slow since: once it is quick beside them, they do not delay it
            beside, slow = latencies(d), stretch()
            if beside[len(beside) // 2] < limit * slow:
                break
        stop.set()
        for t in threads:
            t.join()
        said = f"alone {alone[len(alone) // 2]:.4f} s, beside them {beside[len(beside) // 2]:.4f} s (median), {beside[-1]:.4f} s (longest)"
        assert beside[len(beside) // 2] < limit * slow, said
        grown = d.memory("VmHWM") - before
        assert grown < SLACK * (256 << 20), f"{grown >> 20} MB"


@pytest.mark.parametrize("pause", [None, 0.5], ids=["silent", "a byte at a time"])
def test_S6_headers_that_do_not_come_in_time_end_the_connection(pause):
    """However busy it looks: a client has 10 s for all of them."""
    with Daemon("jobs: {}\n") as d, connect(d) as s:
        began = time.monotonic()
        s.send(b"GET /v1/status HTTP/1.1\r\nHost: localhost\r\nX-Much: ")
        s.settimeout(pause or 60)
        while time.monotonic() < began + 60:
            try:
                if not s.recv(1000):
                    break
            except TimeoutError:
                s.send(b"x")
            except ConnectionError:
                break
        took = time.monotonic() - began
        assert 5 < took < 60, f"it ended after {took:.1f} s"


def test_G18_more_connections_than_the_limit_are_turned_away_and_the_rest_served():
    with Daemon("jobs: {}\n") as d, contextlib.ExitStack() as open_ones:
        kept = open_ones.enter_context(connect(d))
        kept.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b" 200 " in kept.recv(4096)
        for _ in range(900):
            with contextlib.suppress(OSError):
                open_ones.enter_context(connect(d))
        kept.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b" 200 " in kept.recv(4096)
        open_ones.close()
        wait_for(d.ready, "service after they have gone")


STUBBORN = json.dumps({"shell": "trap '' TERM; echo begun; sleep 60 & wait; sleep 60", "idempotent": True, "retries": 3, "grace": "1s"})
OBEDIENT = json.dumps({"shell": "trap 'echo bye; exit 0' TERM; echo begun; sleep 60 & wait", "idempotent": True, "retries": 3, "grace": "5s"})


def test_G26_SIGTERM_ends_within_its_grace_with_exit_0_and_loses_nothing():
    with Daemon(f"shutdown_grace: 1s\nmax_running: 8\njobs:\n  stubborn: {STUBBORN}\n  obedient: {OBEDIENT}\n  fetched: {{ idempotent: true }}\n") as d:
        for stops in range(2):
            ids = [d.enqueue("stubborn"), d.enqueue("obedient")]
            waiting = d.enqueue("fetched")
            for id in ids:
                d.wait_state(id, "running")
                wait_for(lambda: b"begun" in d.output(id), "its first line")
            lease = d.post("/v1/work/fetch", {"worker": "w", "wait_ms": 20000})["leases"][0]
            began = time.monotonic()
            assert d.stop() == 0
            assert time.monotonic() - began < 40, "shutdown_grace + 5 s, much for a loaded machine, but not the commands' 60 s"
            d.start()
            answer = d.post("/v1/work/report", [{"lease": lease["lease"], "token": lease["token"], "outcome": "succeeded"}])
            assert answer[0].get("state") == "succeeded", "a worker's lease outlives a restart"
            assert d.job(waiting)["state"] == "succeeded"
            for id in ids:
                assert d.attempts(id)[0]["outcome"] in ("interrupted", "succeeded")
                assert b"begun" in d.output(id, 1), "what was printed is kept"
                assert d.job(id)["state"] in ("queued", "running", "succeeded") and d.job(id)["attempts"] <= 1
                d.post(f"/v1/jobs/{id}/cancel", {"reason": "end of the test"}) if d.job(id)["state"] != "succeeded" else None


def test_G26_a_second_SIGTERM_stops_at_once():
    with Daemon(f"shutdown_grace: 60s\njobs:\n  stubborn: {STUBBORN.replace('1s', '60s')}\n") as d:
        id = d.enqueue("stubborn")
        d.wait_state(id, "running")
        d.process.send_signal(signal.SIGTERM)
        wait_for(lambda: "stopping" in d.logged(), "the first signal")
        began = time.monotonic()
        assert d.stop() == 0
        assert time.monotonic() - began < 40, "neither the grace of 60 s nor that of the command"
        d.start()
        assert d.attempts(id)[0]["outcome"] == "interrupted"


def test_G26_new_work_is_refused_while_stopping_with_a_word_that_says_so():
    with Daemon(f"shutdown_grace: 60s\njobs:\n  stubborn: {STUBBORN}\n  fetched: {{ idempotent: true }}\n") as d:
        d.wait_state(d.enqueue("stubborn"), "running")
        d.enqueue("fetched")
        d.process.send_signal(signal.SIGTERM)
        wait_for(lambda: d.http("GET", "/readyz")[0] == 503, "the stop")
        answers = []
        with contextlib.suppress(OSError):
            while True:
                answers.append(d.http("POST", "/v1/work/fetch", {"worker": "w"}))
                assert json.loads(answers[-1][1]).get("leases", []) == [], "no new claims once a stop began"
                ready = d.http("GET", "/readyz")
                assert ready[0] == 503 and b"urn:reprise:problem:stopping" in ready[1]
                if len(answers) == 200:
                    d.process.send_signal(signal.SIGTERM)  # at once now, while requests come
        assert answers and d.process.wait(DEADLINE_S) == 0


def test_G28_SIGHUP_with_a_bad_file_changes_nothing_and_says_where_the_mistake_is():
    good = "jobs:\n  old: { idempotent: true, retries: 2 }\n"
    with Daemon(good) as d:
        before = d.get("/v1/types/old")["settings"]
        for bad, place in [("jobs:\n  new: { idempotent: maybe }\n", ":6:"), ("jobs: [\n", ""), ("", None)]:
            if place is None:
                d.config.unlink()
            else:
                d.write_config(bad)
            refusals = d.logged().count("reload refused")
            d.reload()
            wait_for(lambda: d.logged().count("reload refused") > refusals, "the refusal in the log")
            assert re.search(re.escape(str(d.config)) + (place or ""), d.logged()), d.logged()
            assert d.get("/v1/types/old")["settings"] == before
            assert {t["name"] for t in d.get("/v1/types")["items"]} == {"old"}
            d.enqueue("old")
        d.write_config(good.replace("retries: 2", "retries: 5") + "  new: { idempotent: true }\n")
        d.reload()
        wait_for(lambda: {t["name"] for t in d.get("/v1/types")["items"]} == {"old", "new"}, "a good file is taken")
        assert d.get("/v1/types/old")["settings"]["retries"] == 5


def test_G28_a_configuration_that_would_be_refused_is_named_by_doctor_until_it_is_right():
    with Daemon("jobs:\n  old: { idempotent: true }\n") as d:
        d.write_config("jobs:\n  new: { idempotent: maybe }\n")
        d.reload()
        wait_for(lambda: "reload refused" in d.logged(), "the refusal")
        finding = wait_for(lambda: [f for f in d.get("/v1/doctor")["findings"] if f["check"] == "configuration" and f["state"] == "fails"], "doctor")[0]
        line = 1 + d.config.read_text().splitlines().index("  new: { idempotent: maybe }")
        assert f"{d.config}:{line}:" in finding["says"] and "refused" in finding["says"] and "reprise check" in finding["hint"]
        d.write_config("jobs:\n  old: { idempotent: true }\n")
        wait_for(lambda: all(f["state"] == "holds" for f in d.get("/v1/doctor")["findings"] if f["check"] == "configuration"), "the finding goes")
