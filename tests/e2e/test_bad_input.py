"""Wrong configurations, damaged stores, broken requests: each is refused, by name, with what to do; nothing else changes."""
import http.client
import json
import random
import re
import shutil
import socket
import sqlite3
import subprocess

import pytest
from reprise import BIN, SANITIZED, SEED, Daemon, run, wait_for


# ---- configuration ----

MISTAKES = [
    ("jobs:\n  a: { shell: \"true\", retrys: 3 }\n", "2:23", "retries"),                          # a near word
    ("jobs:\n  a: { shell: \"true\", timeout: soon }\n", "2:32", "90s"),                           # a duration
    ("jobs:\n  a:\n    shell: \"true\"\n    schedule: \"61 * * * *\"\n", "4:16", "0.*59"),         # inside an expression
    ("jobs:\n  a: { shell: \"true\", schedule: \"0 2 * * *\", timezone: Mars/Base }\n", "2:56", "IANA|zone"),
    ("jobs:\n  a: { shell: \"true\", overlap: maybe }\n", "2:32", "skip.*queue.*replace.*allow"),
    ("jobs:\n  a: { shell: \"true\", needs: [nobody] }\n", "2:31", "dependencies"),
    ("listen: 80\njobs: []\n", "2:7", "map"),
    ("jobs:\n  a: { run: \"echo hi\" }\n", "2:14", "list"),
    ("lease: 30s\nlease: 40s\n", "2:1", "twice|already|duplicate"),
    ("jobs:\n  a: { shell: \"true\"\n", "", ""),                                                  # YAML that does not end
    ("store: mysql://x/y\n", "1:8", "sqlite"),
    ("notify:\n  - { webhook: \"ftp://x\" }\n", "2:17", "http"),
]


@pytest.mark.parametrize("text, place, expected", MISTAKES, ids=[m[0].strip().split("\n")[-1][:40] for m in MISTAKES])
def test_G33_a_mistake_in_the_configuration_is_named_with_file_line_column_and_what_was_expected(tmp_path, text, place, expected):
    config = tmp_path / "reprise.yaml"
    config.write_text(text)
    for command in ["check", "--config", config], ["serve", "--config", config]:
        done = run(*command, code=3)
        said = done.out + done.err
        assert f"{config}:{place}" in said if place else re.search(re.escape(str(config)) + r":\d+:\d+: ", said), said
        assert re.search(expected, said), f"{said!r} does not say {expected!r}"
    assert not list(tmp_path.glob("*.db*"))


def test_G33_all_mistakes_are_named_at_once_in_order(tmp_path):
    config = tmp_path / "reprise.yaml"
    config.write_text("lease: x\njobs:\n  a: { shell: \"true\", retries: -1 }\n  b: { sh: \"true\" }\n")
    done = run("check", "--config", config, code=3)
    assert re.findall(r"reprise\.yaml:(\d+):", done.out + done.err) == ["1", "3", "4"]


@pytest.mark.parametrize("content", [b"\0" * 5000, b"\xff\xfe\x00jobs", b"jobs: " + b"[" * 20000, b"a: &a [x]\n" + b"".join(
    b"b%d: &b%d [%s]\n" % (i, i, b", ".join([b"*b%d" % (i - 1) if i else b"*a"] * 10)) for i in range(12)), b"# " + b"x" * 5_000_000], ids=["NULs", "no UTF-8", "depth", "aliases", "size"])
def test_G18_a_configuration_that_is_no_text_too_deep_or_too_large_is_refused_in_bounds(tmp_path, content):
    config = tmp_path / "reprise.yaml"
    config.write_bytes(content)
    done = subprocess.run(["sh", "-c", f"{'' if SANITIZED else 'ulimit -v 4000000 2>/dev/null;'} exec \"$0\" check --config \"$1\"", BIN, str(config)],
                          capture_output=True, timeout=30)
    assert done.returncode == 3 and b"reprise.yaml" in done.stdout + done.stderr, done
    assert b"\0" not in done.stdout + done.stderr and len(done.stdout + done.stderr) < 20000


# ---- the store ----

def filled():
    """A daemon that has stopped in order; its store holds some thousand rows."""
    d = Daemon("jobs:\n  w: { idempotent: true }\n")
    d.start()
    for _ in range(4):
        d.post("/v1/jobs", [{"type": "w", "payload": "x" * 100, "labels": {"n": str(i)}} for i in range(1000)])
    assert d.stop() == 0
    return d


def refused(d, *words, code=1):
    """Serve ends with a sentence and an instruction."""
    done = run("serve", "--config", d.config, code=code)
    first, *rest = done.err.strip().splitlines()
    assert first.startswith("reprise: ") and str(d.dir / "reprise.db") in first, done.err
    assert any(line.startswith("  → ") for line in rest), f"{done.err!r} does not say what to do"
    for word in words:
        assert re.search(word, done.err), f"{done.err!r} does not say {word}"


def test_G28_an_older_program_refuses_a_newer_schema_and_says_which():
    d = filled()
    with sqlite3.connect(d.dir / "reprise.db") as db:
        db.execute("update meta set value = '99' where key = 'schema'")
    db.close()
    before = (d.dir / "reprise.db").read_bytes()
    refused(d, "schema 99", "newer")
    assert (d.dir / "reprise.db").read_bytes() == before
    shutil.rmtree(d.dir)


def damage_header(data, r):
    data[r.randrange(16)] ^= 1 << r.randrange(8)


def damage_page_size(data, r):
    data[16] ^= 0xff


def damage_middle(data, r):
    """The head of some pages in the middle: a bit each."""
    for page in r.sample(range(1, len(data) // 4096), 12):
        data[page * 4096 + r.randrange(8)] ^= 1 << r.randrange(8)


def damage_zeros(data, r):
    at = r.randrange(8, len(data) // 4096 - 8) * 4096
    data[at:at + 8 * 4096] = bytes(8 * 4096)


def damage_end(data, r):
    del data[len(data) // 2:]


@pytest.mark.parametrize("damage", [damage_header, damage_page_size, damage_middle, damage_zeros, damage_end])
def test_G7_a_damaged_store_is_named_at_the_start_and_left_alone(damage):
    print(f"RP_SEED={SEED}")
    d = filled()
    store, r = d.dir / "reprise.db", random.Random(f"{SEED} {damage.__name__}")
    whole = store.read_bytes()
    for _ in range(3):
        data = bytearray(whole)
        damage(data, r)
        store.write_bytes(data)
        refused(d, "damaged|corrupt|not a|another program|malformed", "backup|restore|another file")
        assert store.read_bytes() == bytes(data), "evidence is not written over"
    store.write_bytes(whole)
    with d:
        assert d.get("/v1/jobs/count")["count"] == 4000
    shutil.rmtree(d.dir, ignore_errors=True)


def test_G7_a_file_of_another_program_or_no_database_is_refused():
    d = Daemon("jobs: {}\n")
    store = d.dir / "reprise.db"
    store.write_text("these are my notes, and no database\n" * 100)
    store.chmod(0o600)
    refused(d, "not a database|no database|another program")
    store.unlink()
    with sqlite3.connect(store) as db:
        db.execute("create table mine(x)")
    db.close()
    store.chmod(0o600)
    refused(d, "another program", "--store")
    shutil.rmtree(d.dir)


def test_S19_a_store_that_others_may_read_is_refused_with_the_command_that_mends_it():
    d = filled()
    (d.dir / "reprise.db").chmod(0o644)
    refused(d, "chmod 600", code=3)
    subprocess.run(re.search(r"chmod 600 \S+", run("serve", "--config", d.config, code=None).err).group().split(), check=True)
    with d:
        pass


def test_G29_a_second_daemon_says_who_has_the_store_and_does_not_disturb_the_first():
    with Daemon("jobs:\n  w: { idempotent: true }\n") as d:
        id = d.enqueue("w")
        for _ in range(3):
            done = run("serve", "--config", d.config, code=1)
            assert str(d.process.pid) in done.err and "  → " in done.err, done.err
        assert d.job(id)["state"] == "queued"
        assert d.cli("jobs").code == 0, "the socket is still the first one's"


# ---- requests ----

@pytest.fixture(scope="module")
def tcp():
    with Daemon("listen: 127.0.0.1:0\nbody_limit: 100kB\njobs:\n  w: { idempotent: true }\n") as d:
        d.token = d.post("/v1/tokens", {"name": "all", "scope": "admin"})["token"]
        yield d


def ask(d, method, path, body=None, token=None, **headers):
    """Over TCP: status, parsed problem, headers."""
    c = http.client.HTTPConnection("127.0.0.1", d.port(), timeout=20)
    try:
        c.request(method, path, body, headers | ({"Authorization": f"Bearer {token}"} if token else {}))
        answer = c.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else None, answer.headers
    finally:
        c.close()


DEEP = "[" * 10000 + "]" * 10000
BROKEN = [
    ("POST", "/v1/jobs", '{"type": "nosuch"}', 422, "unknown-type"),
    ("POST", "/v1/jobs", '{"type": "w"', 400, "malformed-json"),
    ("POST", "/v1/jobs", '{"type": "w",}', 400, "malformed-json"),
    ("POST", "/v1/jobs", '{"type": "w"} x', 400, "malformed-json"),
    ("POST", "/v1/jobs", b'{"type": "w\xff"}', 400, "malformed-json"),
    ("POST", "/v1/jobs", '{"type": "w", "payload": "\\ud800"}', 400, "malformed-json"),
    ("POST", "/v1/jobs", "", 400, "malformed-json"),
    ("POST", "/v1/jobs", DEEP, 400, "bad-field"),
    ("POST", "/v1/jobs", '{"type": "w", "payload": %s}' % DEEP, 413, "too-large"),
    ("POST", "/v1/jobs", '{"type": "w", "labels": %s}' % DEEP, 413, "too-large"),
    ("POST", "/v1/jobs", '{"type": "w", "type": "w"}', 400, "malformed-json|bad-field"),
    ("POST", "/v1/jobs", '{"type": "w", "prio": 1}', 400, "unknown-field"),
    ("POST", "/v1/jobs", '{"type": "w", "priority": 1e99}', 400, "bad-field|malformed-json"),
    ("POST", "/v1/jobs", '{"type": "w", "delay_s": -1}', 400, "bad-field"),
    ("POST", "/v1/jobs", '{"type": 7}', 400, "bad-field|malformed-json"),
    ("POST", "/v1/jobs", "[]", 400, "bad-field"),
    ("POST", "/v1/jobs", '{"type": "w", "payload": "%s"}' % ("x" * 200000), 413, "too-large"),
    ("POST", "/v1/work/report", '[{"lease": "1", "outcome": "great"}]', 400, "bad-field"),
    ("GET", "/v1/jobs?state=broken", None, 400, "bad-field"),
    ("GET", "/v1/jobs?stat=failed", None, 400, "unknown-field"),
    ("GET", "/v1/jobs?cursor=../../etc", None, 400, "bad-field"),
    ("GET", "/v1/jobs/99999999", None, 404, "not-found"),
    ("GET", "/v1/jobs/%00", None, 404, "not-found"),
    ("GET", "/v1/nothing", None, 404, "not-found"),
    ("DELETE", "/v1/jobs", None, 405, "method-not-allowed"),
    ("GET", "/v1/jobs/1/cancel", None, 405, "method-not-allowed"),
]


@pytest.mark.parametrize("method, path, body, status, slug", BROKEN, ids=[f"{b[3]} {b[4]} {str(b[2])[:30]}" for b in BROKEN])
def test_G33_a_broken_request_is_answered_with_a_problem_of_stable_type(tcp, method, path, body, status, slug):
    got, problem, headers = ask(tcp, method, path, body, tcp.token)
    assert got == status, problem
    assert headers["Content-Type"] == "application/problem+json"
    assert re.fullmatch(f"urn:reprise:problem:({slug})", problem["type"]), problem
    assert problem["status"] == status and problem["title"] and problem["detail"]
    assert ask(tcp, "GET", "/v1/jobs/count", token=tcp.token)[1] == {"count": 0}, "nothing was added"


@pytest.mark.parametrize("token", [None, "", "x", "a" * 20000, "0" * 64])
def test_S2_without_a_valid_token_the_answer_is_401_whatever_was_wrong(tcp, token):
    got, problem, headers = ask(tcp, "GET", "/v1/jobs", **({} if token is None else {"Authorization": f"Bearer {token}"}))
    assert (got, problem["type"]) == (401, "urn:reprise:problem:unauthorized") and headers["WWW-Authenticate"] == "Bearer"
    assert problem["detail"] == "no valid token"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:7420", "127.0.0.1.evil.example", "localhost@evil", "[::2]", ""])
def test_S4_a_foreign_host_is_refused(tcp, host):
    got, problem, _ = ask(tcp, "GET", "/v1/jobs", token=tcp.token, Host=host)
    assert got in (400, 403) and problem["type"] in ("urn:reprise:problem:forbidden", "urn:reprise:problem:bad-request"), problem


RAW = {
    "two lengths": b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "length and chunks": b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a folded header": b"GET /v1/jobs HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b\r\n\r\n",
    "bare line feeds": b"GET /v1/jobs HTTP/1.1\nHost: localhost\n\n",
    "NUL in a header": b"GET /v1/jobs HTTP/1.1\r\nHost: localhost\r\nX: a\0b\r\n\r\n",
    "no HTTP at all": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20 + b"\r\n\r\n",
    "a huge header": b"GET /v1/jobs HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 70000 + b"\r\n\r\n",
    "a negative length": b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
    "a bad chunk size": b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("text", RAW.values(), ids=RAW.keys())
def test_S6_a_request_whose_end_is_in_doubt_is_refused_and_ends_its_connection(tcp, text):
    with socket.create_connection(("127.0.0.1", tcp.port()), timeout=20) as s:
        try:
            s.sendall(text)
            got = b""
            while chunk := s.recv(65536):
                got += chunk
        except ConnectionError:
            pass  # cut off: refused as well
    assert re.match(rb"HTTP/1\.[01] 4\d\d ", got) or got == b"", got
    assert tcp.ready()


def test_G33_the_cli_says_why_and_ends_with_the_code_of_the_reason(tcp):
    for args, code, word in [(["enqueue", "nosuch"], 1, "nosuch"), (["enqueue", "w", "--payload", "{"], 2, "JSON"),
                             (["enqueue", "w", "--payload", DEEP], None, "deep|levels|nested"), (["job", "show", "99999999"], 1, "99999999"),
                             (["jobs", "--state", "broken"], 2, "broken"), (["jobs", "--frobnicate"], 2, "frobnicate"),
                             (["nonsense"], 2, "nonsense")]:
        done = tcp.cli(*args, code=code)
        assert done.code in (1, 2) and re.search(word, done.err) and done.out == "", (args[:2], done.err[:500])
        assert len(done.err) < 2000
    done = run("--socket", tcp.dir / "nobody", "status", code=5)
    assert "reprise serve" in done.err or "start" in done.err
