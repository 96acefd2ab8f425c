"""Jobs and callers that print, name and send what harms a terminal, a JSON reader or the memory of the daemon."""
import json
import os
import pathlib
import random
import re
import sqlite3
import unicodedata

import pytest
from reprise import SLACK, Daemon, run, wait_for

# What moves a cursor, changes colours, hides text, or turns its order (S15).
HARMFUL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
EVIL = "\x1b[2J\x1b]0;owned\x07\x00\r\x08\x9b31m\u202egnp.exe\u2066\u200b\ufeff\x7f\u0085"

SPEW = r"""
printf '\033[2J\033]0;owned\007first\000\r\b\302\233 \342\200\256gnp \377\376\300\200\n';
head -c 1000000000 /dev/zero;
printf '\nlast \033[31m\355\240\200 \033]52;c;cm0gLXJm\007\n' >&2;
exit 1
"""


LOUD, LOUD_BYTES = 8, 20_000_000


def test_G5_G18_output_of_many_commands_at_once_is_kept_in_turns_while_they_run():
    """Of each 16 MB are kept, and no more than 16 MB are copied in one go: all get their turn."""
    loud = {"shell": f"head -c {LOUD_BYTES} /dev/urandom; echo; sleep 1000", "output_limit": "8MB", "retries": 0}
    with Daemon(f"max_running: {LOUD}\nlease: 5m\njobs:\n  loud: {json.dumps(loud)}\n") as d:
        before, ids = d.memory(), [d.enqueue("loud") for _ in range(LOUD)]

        def kept():
            with sqlite3.connect(f"file:{d.dir}/reprise.db?mode=ro", uri=True, timeout=30) as db:
                return db.execute("select count(*) from output where length(packed) > 15000000").fetchone()[0]

        wait_for(lambda: kept() == LOUD, "the output of all of them in the store", 240 * SLACK)
        assert d.memory("VmHWM") - before < SLACK * ((LOUD * 18 + 192) << 20), f"{(d.memory('VmHWM') - before) >> 20} MB"
        assert all(d.job(id)["state"] == "running" for id in ids)
        assert d.http("POST", "/v1/jobs", {"type": "loud"})[0] == 201
        for id in ids:
            d.post(f"/v1/jobs/{id}/cancel", {"reason": "end of the test"})


def test_jobs_get_the_limit_of_open_files_that_the_daemon_was_started_with():
    with Daemon("jobs:\n  ask: { shell: ulimit -Sn; ulimit -Hn }\n  told: { shell: ulimit -Sn, limits: { open_files: 50 } }\n",
                wrap=["prlimit", "--nofile=700:4000"]) as d:
        asked, told = d.enqueue("ask"), d.enqueue("told")
        d.wait_state(asked, "succeeded")
        d.wait_state(told, "succeeded")
        with open(f"/proc/{d.process.pid}/limits") as limits:
            assert re.search(r"Max open files\s+4000\s+4000", limits.read()), "the daemon itself takes what it may have"
        assert d.output(asked).split() == [b"700", b"4000"] and d.output(told).split() == [b"50"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has something to lose here")
def test_root_takes_a_configuration_of_the_folder_only_if_nobody_else_may_change_it(folder):
    socket, config = f"{folder}/s", pathlib.Path(folder) / "reprise.yaml"
    config.write_text("jobs:\n  ours: [")  # a mistake in it says that it was read
    for mode, owner, folder_mode, read in [(0o644, 0, 0o755, True), (0o666, 0, 0o755, False), (0o644, 65534, 0o755, False),
                                           (0o644, 0, 0o777, False), (0o644, 0, 0o1777, True)]:
        config.chmod(mode)
        os.chown(config, owner, 0)
        os.chmod(folder, folder_mode)
        said = run("serve", "--store", f"sqlite://{folder}/no/such/\x01folder/x.db", "--socket", socket, "--listen", "", cwd=folder)
        assert ("reprise.yaml:" in said.err and said.code == 3) == read, (oct(mode), owner, oct(folder_mode), said)
        assert ("not taken" in said.err) != read, said


def store_bytes(d):
    return sum(p.stat().st_size for p in d.dir.glob("reprise.db*"))


def test_G18_S15_a_job_that_writes_a_gigabyte_of_NULs_and_escapes_costs_little_and_harms_no_terminal():
    with Daemon("jobs:\n  spew: " + json.dumps({"shell": SPEW, "retries": 0}) + "\n") as d:
        before = d.memory("VmHWM")
        id = d.enqueue("spew")
        d.wait_state(id, "failed", deadline_s=240)
        assert d.memory("VmHWM") - before < SLACK * (64 << 20), f"{(d.memory('VmHWM') - before) >> 20} MB"
        assert store_bytes(d) < 16 << 20
        attempt = d.attempts(id)[0]
        assert attempt["output_bytes"] > 1_000_000_000 and attempt["output_dropped"] > 999_000_000
        for command in ["job", "show", id], ["job", "logs", id], ["job", "logs", id, "--stream", "err"], ["jobs", "--state", "failed"], \
                ["jobs", "--state", "failed", "--list"], ["patterns"], ["analyze"], ["status"]:
            said = d.cli(*command, code=None)
            assert said.code in (0, 3)
            harm = HARMFUL.search(said.out + said.err)
            assert not harm, f"{command}: {harm.group()!r} at {harm.start()}"
            if "logs" not in command:
                json.loads(d.cli(*command, "--json", code=None).out)
        assert "\\x1b[2J" in d.cli("job", "logs", id).out
        assert b"\x1b[2J" in d.output(id), "the bytes themselves are kept"
        assert d.memory("VmHWM") - before < SLACK * (96 << 20), f"{(d.memory('VmHWM') - before) >> 20} MB"


@pytest.fixture(scope="module")
def hostile():
    """Everything that a caller may name has a hostile name."""
    with Daemon("jobs:\n  w: { idempotent: true, retries: 0 }\n") as d:
        names = {"queue": "q" + EVIL, "key": "k" + EVIL, "labels": {"tenant" + EVIL: "acme" + EVIL}, "payload": {"x" + EVIL: EVIL}}
        d.refused, d.taken = [], []
        for leave_out in [], ["queue"], ["queue", "key"], ["queue", "key", "labels"], ["queue", "key", "labels", "payload"]:
            body = {"type": "w"} | {k: v for k, v in names.items() if k not in leave_out}
            status, answer = d.http("POST", "/v1/jobs", body)
            (d.taken if status == 201 else d.refused).append((status, json.loads(answer)))
        leases = d.post("/v1/work/fetch", {"worker": "worker" + EVIL, "max": 50, "wait_ms": 10000})["leases"]
        assert len(leases) == len(d.taken)
        d.post("/v1/work/report", [{"lease": l["lease"], "token": l["token"], "outcome": "failed", "result": {"r": EVIL}, "error": {
            "message": f"could not {EVIL} connect\n{EVIL}", "type": "E" + EVIL, "stack": "at x" + EVIL}} for l in leases])
        d.post("/v1/runs/records", {"source": "log" + EVIL, "records": [{"type": "imported" + EVIL, "queue": "iq", "key": "ik" + EVIL, "outcome": "failed",
               "external_id": "e" + EVIL, "labels": {"l" + EVIL: EVIL}, "error": "gone" + EVIL}]}) \
            if d.http("POST", "/v1/runs/records", {"records": [{"type": "imported" + EVIL, "outcome": "failed", "error": EVIL}]})[0] == 200 else None
        d.http("POST", "/v1/tokens", {"name": "t" + EVIL, "scope": "read"})
        d.http("POST", "/v1/queues/default/pause", {"reason": "because" + EVIL})
        for p in d.get("/v1/patterns")["items"]:
            d.http("POST", f"/v1/patterns/{p['id']}", {"name": "known as " + EVIL})
        d.http("POST", "/v1/replays", {"select": {"type": "w"}, "guard": {"accept_unknown": True, "reason": "try" + EVIL}})
        yield d


LISTS = [["status"], ["jobs"], ["jobs", "--list"], ["jobs", "--state", "failed"], ["jobs", "--state", "failed", "--list"], ["queues"], ["types"],
         ["type", "show", "w"], ["patterns"], ["analyze"], ["schedules"], ["deps"], ["replay", "list"], ["token", "list"], ["doctor"]]


@pytest.mark.parametrize("command", LISTS, ids=" ".join)
def test_S15_no_list_prints_a_control_character_of_a_name_and_json_stays_json(hostile, command):
    said = hostile.cli(*command, code=None)
    assert said.code in (0, 3), said
    harm = HARMFUL.search(said.out + said.err)
    assert not harm, f"{command}: {harm.group()!r} in {said.out[max(0, harm.start() - 60):harm.start() + 30]!r}"
    assert max(map(width, said.out.splitlines()), default=0) <= 80, max(said.out.splitlines(), key=width)
    assert "\\x5c" not in said.out, "escaped once, not twice"
    whole = hostile.cli(*command, "--json", code=None)
    assert json.loads(whole.out) is not None
    assert not re.search("[\x00-\x09\x0b-\x1f]", whole.out), "JSON escapes control characters"


def width(line):
    """Columns on a terminal."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def test_S15_one_job_with_hostile_names_is_shown_escaped(hostile):
    assert hostile.taken, hostile.refused
    for _, answer in hostile.taken:
        for command in ["job", "show", answer["id"]], ["job", "logs", answer["id"]]:
            said = hostile.cli(*command, code=None)
            assert not HARMFUL.search(said.out + said.err), said
        job = json.loads(hostile.cli("job", "show", answer["id"], "--json").out)
        assert "\x1b[2J" in json.dumps(job, ensure_ascii=False).encode().decode("unicode_escape")


def test_S15_refusals_escape_what_they_quote(hostile):
    for status, problem in hostile.refused:
        assert 400 <= status < 500 and problem["type"].startswith("urn:reprise:problem:")
    for args in ["enqueue", "no" + EVIL.replace("\x00", "")], ["jobs", "--type", EVIL.replace("\x00", "")], ["job", "show", EVIL.replace("\x00", "")], \
            ["jobs", "--state", EVIL.replace("\x00", "")], [EVIL.replace("\x00", "")], ["cron", "next", EVIL.replace("\x00", "")]:
        said = hostile.cli(*args, code=None)
        assert not HARMFUL.search(said.out + said.err), (args, said.err)


def test_S16_one_record_a_line_in_the_daemons_log_whatever_it_is_about(hostile):
    hostile.http("GET", "/v1/jobs?state=" + "%0a%1b[2J")
    hostile.http("GET", "/%0ats=now%20level=error")
    for line in hostile.logged().splitlines():
        assert line.startswith("ts=") and not HARMFUL.search(line), repr(line)


def test_G18_a_message_of_a_megabyte_and_ten_thousand_different_ones_stay_in_bounds():
    with Daemon("jobs:\n  w: { idempotent: true, retries: 0 }\n") as d:
        before, dice = d.memory("VmHWM"), random.Random(5)
        for batch in range(10):
            d.post("/v1/runs/records", {"records": [{"type": "w", "outcome": "failed",
                   "error": f"{dice.randbytes(8).hex()} {'x' * 300} {batch}-{i} in {dice.randbytes(4).hex()}"} for i in range(1000)]})
        for _ in range(4):
            d.post("/v1/runs/records", {"records": [{"type": "w", "outcome": "failed", "error": "boom " * 200_000}]})
        assert d.memory("VmHWM") - before < SLACK * (128 << 20), f"{(d.memory('VmHWM') - before) >> 20} MB"
        assert store_bytes(d) < 64 << 20
        assert len(d.cli("patterns", timeout=60).out) < 500_000
        assert len(d.get("/v1/jobs?limit=1")["items"][0]["error"]["message"]) <= 64 << 10
