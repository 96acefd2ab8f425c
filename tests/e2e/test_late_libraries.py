"""Libraries that are opened when they are needed first (base/library.h): without them the rest works, and what needs them says
what to install."""
import re

import pytest

from reprise import Daemon, environment, run, wait_for

CONFIG = """
dependencies:
  db: { postgres: "postgresql://127.0.0.1:1/none" }
  web: { http: "http://127.0.0.1:1/" }
jobs:
  free: { run: ["true"] }
  pays: { run: ["true"], needs: [db] }
"""


@pytest.fixture
def without(folder):
    """Where the loader looks first there is nothing that could be loaded."""
    for name in ("libcurl.so.4", "libpq.so.5"):
        open(f"{folder}/{name}", "w").close()
    return {"LD_LIBRARY_PATH": folder}


def test_a_check_without_its_library_says_what_to_install_and_other_jobs_run(without):
    with Daemon(CONFIG, env=without) as d:
        def down():
            return {x["name"]: x["says"] for x in d.get("/v1/dependencies")["items"] if x["state"] == "down"}
        says = wait_for(lambda: down() if len(down()) == 2 else None, "both are down")
        assert "install the package libpq5" in says["db"] and "install the package libcurl4" in says["web"]
        table = re.sub(r"\s+", " ", d.cli("deps").out)
        assert "libpq5" in table and "libcurl4" in table  # in 80 columns too
        d.wait_state(d.enqueue("free"), "succeeded")
        assert d.job(d.enqueue("pays"))["state"] == "queued"


def test_a_url_without_libcurl_says_what_to_install(without):
    answer = run("status", "--url", "http://127.0.0.1:1", env=environment(**without))
    assert answer.code == 1 and "install the package libcurl4" in re.sub(r"\s+", " ", answer.err)


def test_the_socket_needs_neither(daemon, without):
    d = daemon(CONFIG)
    answer = run("status", env=environment(REPRISE_SOCKET=d.socket, **without))
    assert answer.code == 0 and answer.err == ""
