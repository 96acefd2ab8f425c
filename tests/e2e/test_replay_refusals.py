"""A replay that is refused says what to do about just that (EXPERIENCE: every refusal says what to do next; replay.md 3, 5 to 10, 15)."""
import re
import socket

import pytest

from reprise import wait_for

JOBS = """
replay: { settle: 0s, max_running: 1 }
dependencies:
  db: { tcp: "127.0.0.1:PORT", every: 1s }
defaults: { idempotent: true, retries: 0 }
jobs:
  fetched: {}  # has no jobs
  odd: { shell: 'echo "flobbergast the quux" >&2; exit 1' }
  refused: { shell: 'echo "Connection refused" >&2; exit 1' }
  needing: { shell: 'echo "Connection refused" >&2; exit 1', needs: [db], hold_max: 0s }
  mail: { shell: 'echo "Connection refused" >&2; exit 1', idempotent: false }
  bug: { shell: 'echo "TypeError: Cannot read properties of undefined (reading id)" >&2; exit 1' }
"""


@pytest.fixture
def db():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@pytest.fixture
def d(daemon, db):
    return daemon(JOBS.replace("PORT", str(db.getsockname()[1])))


def failed(d, *types):
    jobs = [d.enqueue(t) for t in types]
    wait_for(lambda: all(d.job(j)["state"] == "failed" for j in jobs), "the failures")
    return jobs


def flat(text):
    return " ".join(text.split())


def refusal(d, *args):
    """Its words; the dry run and the API say the same."""
    answer = d.cli("replay", *args, code=4)
    dry = d.json("replay", *args, "--dry-run")
    if "refused" in dry:
        assert dry["refused"]["hint"] in flat(answer.err), (dry["refused"], answer.err)
        assert flat(dry["refused"]["hint"]) in flat(d.cli("replay", *args, "--dry-run", code=4).out)
    return flat(answer.err)


def test_R3_a_replay_whose_jobs_are_all_left_out_says_why_and_what_then(d):
    failed(d, "mail", "bug")
    assert "1 matched, all left out (1 not-idempotent) → find out; then --include-unsafe" in refusal(d, "--type", "mail")
    assert "(1 fix-first) → mend it, then reprise deploy mark bug;" in refusal(d, "--type", "bug")
    both = refusal(d, "--all")
    assert "2 matched, all left out" in both and "1 not-idempotent" in both and "1 fix-first" in both and "--dry-run" in both
    assert "no failed job matches → reprise jobs --state failed" in refusal(d, "--type", "fetched")
    d.cli("deploy", "mark", "bug")
    assert d.json("replay", "--type", "bug", "--dry-run")["to_replay"] == 1, "what was said helps"


def test_R3_a_retry_names_the_type_to_mark(d):
    job, = failed(d, "bug")
    assert "reprise deploy mark bug" in flat(d.cli("job", "retry", job, code=4).err)


def test_R7_an_unknown_class_names_the_pattern_to_look_at(d):
    job, = failed(d, "odd")
    pattern = d.job(job)["error"]["pattern"]
    said = refusal(d, "--type", "odd")
    assert "1 job failed" in said and f"reprise pattern show {pattern}, reprise pattern class {pattern} CLASS" in said
    assert "--accept-unknown" in said and "--override class --reason" in said
    d.cli("pattern", "class", pattern, "connection")
    assert "refused" not in d.json("replay", "--type", "odd", "--dry-run"), "what was said helps"


def test_R5_a_dependency_that_is_down_is_named_with_the_way_to_wait_for_it(d, db):
    wait_for(lambda: d.get("/v1/dependencies")["items"][0]["state"] == "up", "the first check")
    failed(d, "needing")
    db.close()
    said = refusal(d, "--type", "needing")
    assert "reprise deps check db" in said and "--when dependency:db" in said and "0s" not in said
    assert "its jobs wait until it is up, also with an override; or --override dependencies --reason" in said
    parked = d.cli("replay", "--type", "needing", "--when", "dependency:db")
    assert "parked" in parked.out, "what was said helps"


def test_R10_an_override_of_a_dependency_that_is_down_is_recorded_and_waits_for_it(d, db):
    wait_for(lambda: d.get("/v1/dependencies")["items"][0]["state"] == "up", "the first check")
    failed(d, "needing")
    db.close()
    wait_for(lambda: d.get("/v1/dependencies")["items"][0]["state"] == "down", "it is down")
    d.cli("replay", "--type", "needing", "--override", "dependencies", "--reason", "I know", "--detach")
    shown = wait_for(lambda: "waits: needing: " in (out := d.cli("replay", "show", "R1").out) and out, "it waits")
    assert "dependencies" in d.get("/v1/replays/R1")["forced"] and "running" in shown


def test_R8_another_replay_of_the_type_is_named_to_be_followed(d):
    failed(d, *["refused"] * 8)
    d.post("/v1/replays", {"select": {"type": "refused"}, "guard": {"canary": 1, "wave": 1, "rate": 0.01}})
    failed(d, "refused")
    assert "reprise replay show R1 --follow" in refusal(d, "--type", "refused")
    failed(d, "odd")  # of another type: there is but one place for a replay
    assert "reprise replay list" in refusal(d, "--type", "odd", "--accept-unknown")


def test_R15_a_halted_replay_says_what_to_look_at_how_to_go_on_and_how_to_go_back(d):
    failed(d, *["refused"] * 8)
    answer = d.cli("replay", "--type", "refused", code=3)
    pattern = d.get("/v1/replays/R1/items")["items"][0]["pattern_before"]
    said = flat(answer.out)
    assert "halted" in said and re.search(r"says (\d) of \d replayed jobs failed again: more than 2 %", said), "the numbers come once"
    assert said.endswith(f"next reprise pattern show {pattern} then reprise replay resume R1 --reason … or reprise replay undo R1")
    assert "R1 is halted" in d.cli("replay", "pause", "R1", code=1).err
