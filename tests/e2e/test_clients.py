"""Clients that no daemon deserves (issue «faults» 6): connections by the ten thousand, bodies that do not end or are not JSON, three
times more than it can do. What is refused is refused early, with a word and Retry-After; the others are served, memory stays in
bounds, and the daemon is well afterwards. Slow, idle and deaf clients are in test_peers.py, broken requests in test_bad_input.py."""
import contextlib
import http.client
import json
import multiprocessing
import resource
import socket
import struct
import threading
import time

import pytest
from reprise import DEADLINE_S, SLACK, Daemon, UnixConnection, stretch, wait_for

MB = 1 << 20
JOBS = "jobs:\n  w: { idempotent: true }\n"


def connect(d):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(DEADLINE_S)
    s.connect(d.socket)
    return s


def answer_of(s):
    """Status, headers and body of one answer on a raw connection."""
    answer = http.client.HTTPResponse(s)
    answer.begin()
    return answer.status, answer.headers, answer.read()


def latency(d, n=40):
    """Median seconds of small writes of somebody who behaves."""
    took = []
    for _ in range(n):
        began = time.monotonic()
        assert d.http("POST", "/v1/jobs", {"type": "w"})[0] == 201
        took.append(time.monotonic() - began)
    return sorted(took)[n // 2]


def stays_quick(d, limit):
    """Small writes take less than `limit` beside what is under way; the machine itself may be slow for a while."""
    took = []
    while len(took) < 8:
        took.append(latency(d))
        if took[-1] < limit * stretch():
            return
    assert False, f"never below {limit:.4f} s: {took}"


def well(d, descriptors):
    """Everything that clients had is given back, and the daemon serves."""
    wait_for(lambda: d.descriptors() <= descriptors + 2, f"the end of all connections (now {d.descriptors()}, before {descriptors})")
    assert d.http("POST", "/v1/jobs", {"type": "w"})[0] == 201 and d.get("/readyz") == {"ready": True}


@pytest.fixture
def d():
    with Daemon(JOBS) as d:
        d.http("GET", "/healthz")
        yield d


# ---- connections ----

CROWD = 10_000


@pytest.fixture
def many_descriptors():
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    if before[1] != resource.RLIM_INFINITY and before[1] < CROWD + 200:
        pytest.skip(f"this needs {CROWD} descriptors, {before[1]} may be had")
    resource.setrlimit(resource.RLIMIT_NOFILE, (CROWD + 200, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_G18_ten_thousand_connections_cost_bounded_memory_and_the_kept_ones_are_served(many_descriptors):
    with Daemon(f"listen: 127.0.0.1:0\n{JOBS}") as d, contextlib.ExitStack() as crowd:
        port = d.port()
        d.http("GET", "/healthz")
        before, descriptors = d.memory(), d.descriptors()
        kept = [crowd.enter_context(contextlib.closing(UnixConnection(d.socket))),
                crowd.enter_context(contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_S)))]
        ask = lambda: [(c.request("GET", "/healthz"), c.getresponse().read())[1] for c in kept]
        served = ask()
        for i in range(CROWD):  # from forty addresses, as the limit for each of them is lower than that for all
            s = crowd.enter_context(socket.socket())
            s.bind((f"127.0.1.{i % 40 + 1}", 0))
            s.setblocking(False)
            s.connect_ex(("127.0.0.1", port))
            if i % 1000 == 999:
                assert ask() == served, f"beside {i + 1} connections"
        assert ask() == served
        assert d.descriptors() < 3000
        assert d.memory("VmHWM") - before < SLACK * 128 * MB, f"{(d.memory('VmHWM') - before) >> 20} MB"
        crowd.close()
        well(d, descriptors)


def test_a_client_that_shuts_its_sending_side_still_gets_its_answer(d):
    descriptors = d.descriptors()
    with connect(d) as s:
        s.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert answer_of(s)[0] == 200
        body = b'{"type": "w"}'
        s.sendall(b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        s.shutdown(socket.SHUT_WR)
        assert answer_of(s)[0] == 201
    assert d.get("/v1/jobs/count") == {"count": 1}
    well(d, descriptors)


def test_pipelined_requests_are_answered_in_order_however_many(d):
    n, body = 2000, b'{"type": "w", "labels": {"i": "%05d"}}'
    with connect(d) as s:
        def send():
            for i in range(n):
                text = body % i
                s.sendall(b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text))

        sender = threading.Thread(target=send)
        sender.start()
        stream, ids = s.makefile("rb"), []
        for _ in range(n):
            status, length = int(stream.readline().split()[1]), 0
            while (line := stream.readline()) != b"\r\n":
                length = int(line.split()[1]) if line.lower().startswith(b"content-length") else length
            ids.append(int(json.loads(stream.read(length))["id"]))
            assert status == 201
        sender.join()
    assert ids == sorted(ids) and len(set(ids)) == n
    first = d.job(ids[0])["labels"], d.job(ids[-1])["labels"]
    assert first == ({"i": "00000"}, {"i": f"{n - 1:05d}"}), "each answer is of its own request"


# ---- bodies ----

def test_G2_truncated_bodies_add_nothing_and_leave_nothing(d):
    descriptors, before = d.descriptors(), d.memory()
    batch = json.dumps([{"type": "w"}] * 1000).encode()
    for i in range(300):
        with connect(d) as s:
            s.sendall(b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(batch))
            s.sendall(batch[: i * len(batch) // 300])
            if i % 2:  # a reset instead of an end
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    for i in range(100):
        with connect(d) as s:
            s.sendall(b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (len(batch), batch))
    wait_for(lambda: d.descriptors() <= descriptors + 2, "the end of all connections")
    assert d.get("/v1/jobs/count") == {"count": 0}
    assert d.memory() - before < SLACK * 64 * MB
    well(d, descriptors)


MONSTERS = {
    "arrays in arrays": b"[" * (7 * MB),
    "objects in objects": b'{"a":' * (MB + MB // 3),
    "a payload of arrays in arrays": b'{"type": "w", "payload": ' + b"[" * (7 * MB),
    "a number of millions of digits": b'{"type": "w", "priority": ' + b"9" * (7 * MB) + b"}",
    "a payload number of millions of digits": b'{"type": "w", "payload": 1' + b"0" * (7 * MB) + b"}",
    "a key of millions of bytes": b'{"type": "w", "' + b"k" * (7 * MB) + b'": 1}',
    "escapes without end": b'{"type": "' + b"\\u0041" * MB + b'"}',
    "a million jobs": b"[" + b'{"type":"w"},' * (MB // 2) + b'{"type":"w"}]',
    "a million labels": b'{"type": "w", "labels": {' + b",".join(b'"%d": ""' % i for i in range(MB // 2)) + b"}}",
    "spaces only": b" " * (7 * MB),
    "larger than the limit": b'{"type": "w", "payload": "' + b"x" * (9 * MB) + b'"}',
}


@pytest.fixture(scope="module")
def fed():
    with Daemon(JOBS) as d:
        yield d


@pytest.mark.parametrize("body", MONSTERS.values(), ids=MONSTERS.keys())
def test_G18_huge_and_nested_JSON_is_refused_in_bounded_memory(fed, body):
    status, answer = fed.http("POST", "/v1/jobs", body)
    problem = json.loads(answer)
    if "payload number" in str(problem):
        assert status == 201
    assert status in (400, 413, 422) or (status == 201 and b"payload" in body), problem
    assert fed.memory("VmHWM") < SLACK * 192 * MB, f"{fed.memory('VmHWM') >> 20} MB"
    assert fed.get("/readyz") == {"ready": True}


def test_G18_G21_large_bodies_on_many_connections_are_refused_early_and_small_ones_are_not(d):
    length, sent, clients = 8_000_000, 6_000_000, 60
    alone, before, descriptors = latency(d), d.memory(), d.descriptors()
    with contextlib.ExitStack() as open_ones:
        part = b"[" + b" " * sent
        for _ in range(clients):
            s = open_ones.enter_context(connect(d))
            s.sendall(b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % length + part)
        stays_quick(d, max(0.25, 20 * alone))
        grown = d.memory("VmHWM") - before
        assert grown < SLACK * 256 * MB, f"{grown >> 20} MB for {clients * sent >> 20} MB that were sent"
        c = open_ones.enter_context(contextlib.closing(UnixConnection(d.socket)))
        c.request("POST", "/v1/jobs", b"[" + b" " * (length - 2) + b"]")
        answer = c.getresponse()
        problem = json.loads(answer.read())
        assert answer.status == 503 and problem["type"].endswith(":overload") and int(answer.headers["Retry-After"]) > 0, problem
    well(d, descriptors)
    large = json.dumps([{"type": "w", "payload": "x" * 1000}] * 7000)
    assert d.http("POST", "/v1/jobs", large)[0] == 201, "large ones are taken again once there is room"


# ---- the same twice at once ----

MANY = 5000  # items of a replay: more than go into one transaction


def test_G13_G17_two_equal_starts_of_a_large_replay_with_one_Idempotency_Key_make_one_replay():
    with Daemon("jobs:\n  w: { idempotent: true, retries: 0 }\n") as d:
        for _ in range(MANY // 1000):
            d.post("/v1/jobs", [{"type": "w"}] * 1000)
            leases = d.post("/v1/work/fetch", {"worker": "w", "max": 1000, "wait_ms": 5000})["leases"]
            d.post("/v1/work/report", [{"lease": l["lease"], "token": l["token"], "outcome": "failed", "error": "refused"} for l in leases])
        ask = {"select": {"type": "w"}, "guard": {"rate": 0.01, "canary": 1, "accept_unknown": True, "reason": "once"}}
        answers = []

        def start():
            answers.append(d.http("POST", "/v1/replays", ask, {"Idempotency-Key": "the-one"}))

        threads = [threading.Thread(target=start) for _ in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert {status for status, _ in answers} == {201}, [a for a in answers if a[0] != 201]
        assert len({body for _, body in answers}) == 1, "all get the first one's answer"
        replays = d.get("/v1/replays")["items"]
        assert [(r["state"], r["to_replay"]) for r in replays] == [("running", MANY)], replays
        d.post(f"/v1/replays/{replays[0]['id']}/abort", {"reason": "end of the test"})


# ---- more than it can do ----

SECONDS, TOO_MANY, BATCH = 4, 36, 8000
PATIENCE_S = 60  # where the machine is slow, until the writes beside them are as quick as they should be


def push(path, stop, results):
    """In a process of its own: sends large batches as fast as the daemon answers, and does not heed a refusal."""
    body = json.dumps([{"type": "w", "payload": "x" * 200}] * BATCH)
    counts = {"taken": 0, "refused": 0, "unheard": 0, "wrong": []}

    def one():
        with contextlib.closing(UnixConnection(path)) as c:
            while not stop.is_set():
                try:
                    c.request("POST", "/v1/jobs", body)
                    answer = c.getresponse()
                    text = answer.read()
                except TimeoutError:  # a slow machine: whether it was taken, this client does not know
                    counts["unheard"] += 1
                    c.close()
                    continue
                if answer.status == 201:
                    counts["taken"] += 1
                elif answer.status in (429, 503) and answer.headers["Retry-After"]:
                    counts["refused"] += 1
                else:
                    counts["wrong"].append((answer.status, text[:300]))

    threads = [threading.Thread(target=one) for _ in range(TOO_MANY)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    results.put(counts)


def test_G21_at_three_times_what_it_can_do_it_refuses_early_and_what_it_lets_in_keeps_its_latency(d):
    alone, before, descriptors = latency(d), d.memory(), d.descriptors()
    small = d.get("/v1/jobs/count")["count"]
    apart = multiprocessing.get_context("spawn")  # not to share Python's lock with whoever measures
    stop, results = apart.Event(), apart.Queue()
    pusher = apart.Process(target=push, args=(d.socket, stop, results))
    pusher.start()
    wait_for(lambda: d.get("/v1/jobs/count")["count"] >= small + 2 * BATCH, "the first batches", 180)
    all, began, limit, n = [], time.monotonic(), SLACK * max(1, 50 * alone), 0
    while (passed := time.monotonic() - began) < SECONDS or len(all) < 3 or (beside >= limit * stretch() and passed < PATIENCE_S):
        all.append(latency(d, 10))
        beside, n = sorted(all)[len(all) // 2], n + 10
    stop.set()
    counts = results.get(timeout=240)
    pusher.join()
    said = f"{counts}; small writes: alone {alone:.4f} s, beside them {beside:.4f} s (medians)"
    print(said)
    assert not counts["wrong"] and counts["taken"] > 0 and counts["refused"] > 0, said
    assert beside < limit * stretch(), said
    assert d.memory("VmHWM") - before < SLACK * 384 * MB, f"{(d.memory('VmHWM') - before) >> 20} MB"
    taken = d.get("/v1/jobs/count")["count"] - small - n
    whole, rest = divmod(taken, BATCH)
    assert rest == 0 and 0 <= whole - counts["taken"] <= counts["unheard"], "G1: what was acknowledged is there, all of it and no more"
    well(d, descriptors)
