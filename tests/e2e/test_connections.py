"""Preflight of a replay: a database takes as many connections as its jobs would open at once (issue of the replays, 2), against a real
PostgreSQL that the test makes."""
import glob
import os
import pwd
import shutil
import socket
import subprocess
import tempfile

import pytest

from reprise import wait_for

BIN = max(glob.glob("/usr/lib/postgresql/*/bin"), default=None)
pytestmark = pytest.mark.skipif(not BIN, reason="PostgreSQL is not installed")

CONFIG = """
max_running: 6
replay: { settle: 0s }
defaults: { idempotent: true, retries: 0 }
dependencies:
  db: { postgres: "host=127.0.0.1 port=PORT user=bob dbname=postgres", every: 10s }
jobs:
  a: { shell: 'echo "rate limit exceeded" >&2; exit 1', needs: [db] }
  free: { shell: 'echo "rate limit exceeded" >&2; exit 1' }
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


@pytest.fixture(scope="module")
def server():
    """A server that takes 7 clients; it does not run as root. What is checked as bob is used by ada, of whom he sees little."""
    folder = tempfile.mkdtemp(prefix="rp-pg-")
    user = next((u for u in ("postgres", "nobody") if u in {p.pw_name for p in pwd.getpwall()}), None) if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user)
    os.chmod(folder, 0o700)
    as_user = ["setpriv", "--reuid", user, "--clear-groups", "--regid", str(pwd.getpwnam(user).pw_gid), "--"] if user else []

    def call(*args):
        return subprocess.run([*as_user, *args], cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0

    assert call(f"{BIN}/initdb", "-D", f"{folder}/d", "-U", "ada", "-A", "trust", "-N")
    for _ in range(5):  # another program may take the port first
        port = free_port()
        options = f"-p {port} -h 127.0.0.1 -k {folder} -c fsync=off -c max_connections=10 -c superuser_reserved_connections=3"
        if call(f"{BIN}/pg_ctl", "-D", f"{folder}/d", "-w", "-t", "120", "-l", f"{folder}/log", "-o", options, "start"):
            break
    else:
        pytest.fail(open(f"{folder}/log").read() if os.path.exists(f"{folder}/log") else "no server")
    assert call(f"{BIN}/psql", "-h", "127.0.0.1", "-p", str(port), "-U", "ada", "-d", "postgres", "-c", "create role bob login")
    yield port
    call(f"{BIN}/pg_ctl", "-D", f"{folder}/d", "-w", "-m", "immediate", "stop")
    shutil.rmtree(folder, ignore_errors=True)


def free_now(d):
    d.cli("deps", "check")
    return d.get("/v1/dependencies")["items"][0].get("connections_free")


def test_preflight_refuses_a_replay_that_would_take_more_connections_than_are_free(daemon, server):
    d = daemon(CONFIG.replace("PORT", str(server)))
    jobs = [d.enqueue("a") for _ in range(20)] + [d.enqueue("free") for _ in range(20)]
    wait_for(lambda: all(d.job(j)["state"] == "failed" for j in jobs), "the failures")
    wait_for(lambda: free_now(d) == 7, "all are free")
    plan = d.json("replay", "--type", "a", "--dry-run")
    assert {c["check"]: c["state"] for c in plan["preflight"]}["connections"] == "holds" and "refused" not in plan
    busy = [subprocess.Popen([f"{BIN}/psql", "-h", "127.0.0.1", "-p", str(server), "-U", "ada", "-d", "postgres", "-c", "select pg_sleep(600)"],
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(3)]
    try:
        wait_for(lambda: free_now(d) == 4, "three are taken")
        refused = d.json("replay", "--type", "a", "--dry-run")["refused"]
        assert refused["check"] == "connections" and refused["says"] == "db has 4 connections free, up to 6 jobs would run at once"
        said = " ".join(d.cli("replay", "--type", "a", code=4).err.split())
        assert "--wave 4" in said and "--override connections --reason" in said
        assert "refused" not in d.json("replay", "--type", "a", "--wave", "4", "--dry-run"), "what was said helps"
        assert "refused" not in d.json("replay", "--type", "a", "--override", "connections", "--reason", "a pooler", "--dry-run")
        plan = d.json("replay", "--type", "free", "--dry-run")
        assert "refused" not in plan and "connections" not in {c["check"] for c in plan["preflight"]}, "they need none"
    finally:
        for process in busy:
            process.kill()
            process.wait()
