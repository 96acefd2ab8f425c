"""Out of memory, seen from outside (the numbers are those of the users' cases).

Where the kernel has a memory controller, it ends what reaches the limit, and says so. Where it has none (docs/testing.md), each process is
limited by itself, its next allocation fails, and Python says MemoryError. Either way the class is `oom`, and on_oom goes by that."""
import json

from reprise import Daemon

MB = 1000000


def eats(megabytes):
    """A job that needs so much memory, and says how much it may use."""
    script = f"import os; print('limit', os.environ['REPRISE_MEMORY_LIMIT']); b = bytearray(b'x') * {megabytes * MB}; print(len(b))"
    return f"run: [/usr/bin/python3, -c, {json.dumps(script)}], retries: 0, backoff: {{ kind: fixed, base: 100ms }}"


def test_U15_out_of_memory_is_tried_again_with_more():
    with Daemon(f"jobs:\n  big: {{ {eats(250)}, limits: {{ memory: 100MB }}, on_oom: {{ memory: x2, max: 8GB }} }}\n") as d:
        id = d.enqueue("big")
        job = d.wait_state(id, "succeeded", "failed")
        assert job["state"] == "succeeded" and job["attempts"] == 3
        attempts = d.attempts(id)
        assert [a["outcome"] for a in attempts] == ["failed", "failed", "succeeded"]
        assert [a.get("class") for a in attempts] == ["oom", "oom", None]
        assert [a["exit"]["memory_limit"] for a in attempts] == [100 * MB, 200 * MB, 400 * MB]
        assert attempts[2]["exit"]["memory_peak"] > 250 * MB
        assert d.output(id).decode().split() == ["limit", str(400 * MB), str(250 * MB)]
        assert "of 400 MB" in d.cli("job", "show", id).out


def test_U15_what_needs_more_than_the_most_fails_once_it_had_that():
    with Daemon(f"jobs:\n  big: {{ {eats(500)}, limits: {{ memory: 100MB }}, on_oom: {{ memory: x2, max: 300MB }} }}\n") as d:
        id = d.enqueue("big")
        d.wait_state(id, "failed")
        assert [a["exit"]["memory_limit"] for a in d.attempts(id)] == [100 * MB, 200 * MB, 300 * MB]


def test_U15_without_on_oom_it_is_not_tried_with_the_same_memory():
    with Daemon(f"jobs:\n  big: {{ {eats(250)}, limits: {{ memory: 100MB }} }}\n") as d:
        id = d.enqueue("big")
        assert d.wait_state(id, "failed")["attempts"] == 1
