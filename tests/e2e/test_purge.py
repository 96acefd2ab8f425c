"""Deletion: rows go only after a backup that was read back, and come back exactly (guarantees G8; users.md U26, U28), against the program."""
import hashlib
import http.client
import json
import os
import pathlib
import random
import shutil
import sqlite3

import pytest

from reprise import SEED, run, wait_for
from test_users_replay import JOBS, RATE, REFUSED, Worker, fail, run_replay, states

OWN = ("job", "attempt", "output")
CONFIG = JOBS + "  shell: { run: [sh, -c, 'cat; echo to the error stream >&2'], retries: 0, idempotent: true }\n"


@pytest.fixture
def d(daemon):
    return daemon(CONFIG)


def rows(d, *tables):
    """Every row as it is stored, by table."""
    db = sqlite3.connect(f"file:{d.dir}/reprise.db?mode=ro", uri=True)
    try:
        return {t: db.execute(f"select * from {t} order by 1, 2").fetchall() for t in tables or OWN}
    finally:
        db.close()


def sql(d, text, *values):
    db = sqlite3.connect(f"file:{d.dir}/reprise.db?mode=ro", uri=True)
    try:
        return db.execute(text, values).fetchall()
    finally:
        db.close()


def ended(d, what, id):
    def over():
        now = d.get(f"/v1/{what}/{id}")
        return now if now["state"] in ("done", "failed") else None
    return wait_for(over, f"the end of {what} {id}")


def purge(d, state="done", **body):
    end = ended(d, "purges", d.post("/v1/purges", body)["id"])
    assert end["state"] == state, end
    return end


def restore(d, file, state="done", **body):
    end = ended(d, "restores", d.post("/v1/restores", {"file": str(file), **body})["id"])
    assert end["state"] == state, end
    return end


def succeed(d, worker, n, **more):
    ids = [d.enqueue("once", payload={"n": i, "text": "é\u2028\\u0000"}, **more) for i in range(n)]
    assert sorted(worker.work()) == sorted(ids)
    return ids


def many(d, n):
    """So many successes, in few requests."""
    d.post("/v1/jobs", [{"type": "once", "payload": {"n": i, "pad": "x" * 200}} for i in range(n)])
    while leases := d.post("/v1/work/fetch", {"worker": "w1", "types": ["once"], "max": 1000})["leases"]:
        d.post("/v1/work/report", [{"lease": l["lease"], "token": l["token"], "outcome": "succeeded"} for l in leases])


def assert_stops(d):
    """Also in the middle of a purge, at once."""
    assert d.stop() == 0


def counts_hold(d):
    """The counts beside the rows agree with them, and nothing points to nothing."""
    findings = d.get("/v1/doctor")["findings"]
    assert [f["state"] for f in findings if f["check"] == "store"] == ["holds"], findings


def history(d, w):
    """Successes, retries of a replay, failures, cancelled ones, outputs, labels, keys."""
    good = succeed(d, w, 5, labels={"tenant": "t7"})
    bad = fail(d, w, "once", [REFUSED, RATE, REFUSED])
    run_replay(d, w, select={"jobs": bad[:1]})
    shell = [d.enqueue("shell", payload={"line": "x" * 3000}) for _ in range(2)]
    for id in shell:
        wait_for(lambda: d.job(id)["state"] == "succeeded", "the command")
    keyed = d.enqueue("once", key="invoice-7", payload={"amount": 12.5})
    d.post(f"/v1/jobs/{keyed}/cancel", {"reason": "twice"})
    return good, bad, shell, keyed


def test_G8_purge_and_restore_are_identity_byte_for_byte_and_counts_hold(d):
    w = Worker(d, "once")
    good, bad, shell, keyed = history(d, w)
    before, counted, file = rows(d), d.get("/v1/status"), d.dir / "b.rpb"
    end = purge(d, select={"state": "succeeded,cancelled", "all": True}, backup=str(file))
    gone = {int(i) for i in [*good, bad[0], *shell, keyed]}
    assert (end["jobs"], end["purged"], end["changed"]) == (len(gone), len(gone), 0)
    assert end["rows"] == sum(sum(1 for r in before[t] if r[0] in gone) for t in OWN)
    assert rows(d) == {t: [r for r in before[t] if r[0] not in gone] for t in OWN}
    assert d.http("GET", f"/v1/jobs/{good[0]}")[0] == 404
    counts_hold(d)
    assert end["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert file.stat().st_mode & 0o777 == 0o600
    look = restore(d, file, dry_run=True)
    assert "would bring back" in look["says"] and len(rows(d)["job"]) == len(before["job"]) - len(gone)
    back = restore(d, file, reason="the auditor asks")
    assert (back["restored"], back["there"], back["purge"]) == (len(gone), 0, end["id"])
    assert rows(d) == before
    counts_hold(d)
    assert d.get("/v1/status")["failures"] == counted["failures"]
    again = restore(d, file)
    assert (again["restored"], again["there"]) == (0, len(gone)) and rows(d) == before


def test_U26_what_nobody_resolved_stays_and_goes_only_with_a_flag_and_a_reason(d):
    w = Worker(d, "once")
    good, bad = succeed(d, w, 2), fail(d, w, "once", [REFUSED] * 3)
    waiting = d.enqueue("once", delay_s=3600)
    [lease] = d.post("/v1/work/fetch", {"worker": "w2", "types": ["mail"], "max": 1})["leases"] if d.enqueue("mail") else []
    plan = d.post("/v1/purges", {"select": {"all": True}, "dry_run": True})
    assert (plan["matched"], plan["to_purge"], plan["by_state"]) == (7, 2, {"succeeded": 2})
    assert plan["left_out"] == {"unresolved": 3, "waiting": 1, "running": 1} and plan["safety"] == "IRREVERSIBLE"
    before = rows(d)
    ask = {"select": {"all": True}, "backup": "all", "include_unresolved": True, "include_waiting": True}
    status, problem = d.http("POST", "/v1/purges", ask)
    assert status == 400 and "reason" in json.loads(problem)["detail"] and rows(d) == before
    end = purge(d, **ask, reason="test data")
    assert end["purged"] == 6 and [r[0] for r in rows(d)["job"]] == [int(lease["job"]["id"])]
    counts_hold(d)
    audit = [(a, json.loads(detail)) for a, detail in sql(d, "select action, detail from audit where action like 'purge.%' order by id")]
    assert [a for a, _ in audit] == ["purge.start", "purge.done"]
    assert audit[1][1]["reason"] == "test data" and audit[1][1]["sha256"] == end["sha256"] and audit[1][1]["moved"] == 6
    restore(d, "all")
    counts_hold(d)
    assert rows(d) == before and set(states(d, bad)) == {"failed"} and d.job(waiting)["state"] == "scheduled"
    assert d.attempts(bad[0])[0]["error"]["message"] == REFUSED
    assert set(states(d, good)) == {"succeeded"}
    run_replay(d, w, select={"jobs": bad})
    assert set(states(d, bad)) == {"succeeded"}, "what came back can be replayed, under its id"


def test_U28_who_may_trigger_may_not_delete_and_a_GET_changes_nothing(daemon):
    d = daemon("listen: 127.0.0.1:0\n" + CONFIG)
    port = d.port()

    def ask(method, path, body, token):
        c = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            c.request(method, path, json.dumps(body), {"Authorization": f"Bearer {token}"})
            answer = c.getresponse()
            return answer.status, answer.read()
        finally:
            c.close()

    w = Worker(d, "once")
    ids, before = succeed(d, w, 3), None
    before = rows(d)
    calls = [("/v1/purges", {"select": {"all": True}, "backup": "x"}), ("/v1/purges", {"select": {"all": True}, "dry_run": True}),
             ("/v1/restores", {"file": "x"})]
    token = {s: d.post("/v1/tokens", {"name": s, "scope": s})["token"] for s in ("read", "enqueue", "work", "operate", "purge")}
    for scope in ("read", "enqueue", "work", "operate"):
        for path, body in calls:
            assert ask("POST", path, body, token[scope])[0] == 403, f"{scope} {path}"
    assert ask("POST", "/v1/jobs", {"type": "once"}, token["operate"])[0] == 201, "trigger yes"
    assert ask("POST", "/v1/replays", {"select": {"all": True}}, token["purge"])[0] == 403
    assert ask("POST", f"/v1/jobs/{ids[0]}/retry", {"reason": "r"}, token["purge"])[0] == 403
    for scope in token:
        for path in ("/v1/purges", "/v1/restores", "/v1/purges/1", "/v1/restores/1"):
            for query in ("", "?backup=x", "?dry_run=false"):
                assert ask("GET", path + query, {"select": {"all": True}, "backup": "x"}, token[scope])[0] in (200, 400, 403, 404)
        assert ask("DELETE", f"/v1/jobs/{ids[0]}", {}, token[scope])[0] in (404, 405)
    assert rows(d)["job"][:3] == before["job"] and d.get("/v1/purges")["items"] == []
    assert not (d.dir / "backups").exists()
    for name in ("/tmp/elsewhere", "../up", ".hidden", "a/b", ""):
        status, problem = ask("POST", "/v1/purges", {"select": {"jobs": ids}, "backup": name}, token["purge"])
        assert status == 400, f"{name}: {problem}"
    status, body = ask("POST", "/v1/purges", {"select": {"jobs": ids}, "backup": "named"}, token["purge"])
    assert status == 201 and json.loads(body)["actor"] == "token:purge"
    assert ended(d, "purges", json.loads(body)["id"])["backup"] == str(d.dir / "backups" / "named")
    assert (d.dir / "backups").stat().st_mode & 0o777 == 0o700


def test_U2_a_purge_never_takes_more_than_was_said(d):
    w = Worker(d, "once")
    ids = succeed(d, w, 3)
    for select, code in (({}, "bad-field"), ({"state": "succeeded"}, "bad-field"), ({"typ": "once"}, "unknown-field"),
                         ({"type": "nope"}, "not-found"), ({"jobs": ["99"]}, "not-found"), ({"state": "gone", "all": True}, "bad-field"),
                         ({"jobs": []}, "bad-field"), ({"pattern": "P99"}, "not-found"),
                         ({"state": "succeeded", "until": "1960-01-01T00:00:00Z"}, "bad-field"), ({"all": True, "until": "36500d"}, "bad-field")):
        status, problem = d.http("POST", "/v1/purges", {"select": select, "backup": "b"})
        assert status >= 400 and json.loads(problem)["type"].endswith(code), f"{select}: {problem}"
    status, problem = d.http("POST", "/v1/purges", {"select": {"all": True}})
    assert status == 400 and "backup" in json.loads(problem)["detail"]
    assert d.post("/v1/purges", {"select": {"until": "24h", "all": True}, "dry_run": True})["to_purge"] == 0
    plan = d.post("/v1/purges", {"select": {"jobs": ids[:2]}, "dry_run": True})["plan"]
    d.post(f"/v1/jobs/{ids[0]}/retry", {"reason": "again"})
    status, problem = d.http("POST", "/v1/purges", {"select": {"jobs": ids[:2]}, "backup": "b", "plan": plan})
    assert status == 409 and plan in json.loads(problem)["detail"]
    assert len(rows(d)["job"]) == 3
    purge(d, select={"jobs": [ids[2], ids[2]]}, backup="b")
    status, problem = d.http("POST", "/v1/purges", {"select": {"jobs": ids[1:2]}, "backup": "b"})
    assert status == 409 and "exists" in json.loads(problem)["detail"]
    assert [r[0] for r in rows(d)["job"]] == [int(i) for i in ids[:2]]


def test_a_purge_of_payloads_keeps_jobs_leaves_them_out_of_replays_and_comes_back(d):
    w = Worker(d, "once")
    bad, good = fail(d, w, "once", [REFUSED] * 2), succeed(d, w, 1)
    shell = d.enqueue("shell", payload={"secret": "x"})
    wait_for(lambda: d.job(shell)["state"] == "succeeded", "the command")
    before = rows(d)
    end = purge(d, select={"all": True}, payloads=True, include_unresolved=True, reason="erasure", backup="p")
    assert (end["what"], end["purged"]) == ("payloads", 4)
    after = rows(d)
    assert after["attempt"] == before["attempt"] and after["output"] == [] and len(after["job"]) == 4
    assert "payload" not in d.job(bad[0]) and d.job(bad[0])["error"]["message"] == REFUSED
    plan = d.post("/v1/replays", {"select": {"jobs": bad}, "dry_run": True})
    assert (plan["to_replay"], plan["left_out"]) == (0, {"payload-purged": 2})
    status, problem = d.http("POST", f"/v1/jobs/{bad[0]}/retry", {})
    assert status == 409 and "payload" in json.loads(problem)["detail"]
    assert d.post("/v1/purges", {"select": {"all": True}, "payloads": True, "dry_run": True,
                                 "include_unresolved": True, "reason": "r"})["left_out"] == {"payload-purged": 4}
    assert restore(d, "p")["restored"] == 4
    assert rows(d) == before
    assert restore(d, "p")["there"] == 4
    run_replay(d, w, select={"jobs": bad})
    assert set(states(d, bad + good)) == {"succeeded"}


def test_a_restore_is_no_new_history_for_what_counts_attempts_as_they_end(d):
    w = Worker(d, "once")
    [bad] = fail(d, w, "once", [REFUSED])
    run_replay(d, w, lambda job: RATE, select={"jobs": [bad]})
    run_replay(d, w, select={"jobs": [bad]})
    assert len(d.attempts(bad)) == 3
    counts = [t for (t,) in sql(d, "select name from sqlite_schema where type = 'table' and name not in ('job', 'attempt', 'output', 'purge',"
                                   " 'audit', 'meta', 'worker', 'node', 'tally', 'idempotency') and name not like 'sqlite_%'")]
    assert {"rollup", "pattern", "replay_item", "replay_tally", "job_hour"} <= set(counts)
    db = sqlite3.connect(d.dir / "reprise.db")  # as a count of repairs might be kept
    db.executescript("create table counted(job_id, n); create trigger count_them after insert on attempt when exists (select 1 from attempt a"
                     " where a.job_id = new.job_id and a.n = new.n - 1) begin insert into counted values(new.job_id, new.n); end;")
    db.close()
    before, kept = rows(d), rows(d, *counts)
    purge(d, select={"jobs": [bad]}, backup="b")
    assert rows(d, *counts) == kept, "what others did with it stays on record"
    restore(d, "b")
    assert rows(d) == before and rows(d, *counts) == kept and sql(d, "select count(*) from counted") == [(0,)]
    again = d.post(f"/v1/jobs/{bad}/retry", {"reason": "r"})
    w.work()
    assert again and sql(d, "select n from counted") == [(4,)], "the trigger is one"


def test_a_restore_refuses_what_is_there_and_differs_and_changes_nothing(d):
    w = Worker(d, "once")
    ids = succeed(d, w, 4)
    end = purge(d, select={"jobs": ids[:3]}, backup="b")
    restore(d, "b")
    d.post(f"/v1/jobs/{ids[1]}/retry", {"reason": "again"})
    purge(d, select={"jobs": ids[:1]}, backup="c")
    before = rows(d)
    said = restore(d, "b", "failed")["says"]
    assert f"1 jobs in the store are not as in the backup: {ids[1]}" in said and rows(d) == before
    look = restore(d, "b", "failed", dry_run=True)
    assert look["dry_run"] and rows(d) == before
    restore(d, "c")
    assert end["id"] in [p["id"] for p in d.get("/v1/purges")["items"]]


def test_a_waiting_job_whose_key_is_taken_cannot_come_back_and_is_named(d):
    first = d.enqueue("once", key="invoice-7", delay_s=3600)
    purge(d, select={"jobs": [first]}, include_waiting=True, reason="wrong", backup="b")
    second = d.enqueue("once", key="invoice-7", delay_s=3600)
    assert second != first
    end = restore(d, "b", "failed")
    assert f"job {first} cannot come back: another one has its key (wait for that job or cancel it" in end["says"] and [r[0] for r in rows(d)["job"]] == [int(second)]
    d.post(f"/v1/jobs/{second}/cancel", {"reason": "r"})
    assert restore(d, "b")["restored"] == 1 and d.job(first)["state"] == "scheduled"
    counts_hold(d)


def test_a_truncated_or_altered_backup_is_refused_with_a_reason_and_nothing_is_lost(d):
    w = Worker(d, "once")
    ids = succeed(d, w, 20)
    purge(d, select={"jobs": ids}, backup="b")
    whole = (d.dir / "backups" / "b").read_bytes()
    before, dice = rows(d), random.Random(SEED)
    print(f"RP_SEED={SEED}")
    bad = [whole[:dice.randrange(len(whole))] for _ in range(6)] + [b"", whole + b"x", whole + whole, b"not a backup at all"]
    for _ in range(14):
        at = dice.randrange(len(whole))
        bad.append(whole[:at] + bytes([whole[at] ^ 1 << dice.randrange(8)]) + whole[at + 1:])
    for i, bytes_ in enumerate(bad):
        (d.dir / "backups" / f"bad{i}").write_bytes(bytes_)
        end = restore(d, f"bad{i}", "failed")
        assert end["says"] and end["restored"] == 0, i
    assert rows(d) == before
    failed = sql(d, "select count(*) from audit where action = 'restore.failed'")[0][0]
    assert failed == len(bad)
    for name, status in (("none", 404), ("/dev/null", 422), (str(d.dir), 422)):
        assert d.http("POST", "/v1/restores", {"file": name})[0] == status, name
    assert restore(d, "b")["restored"] == 20


def test_a_backup_of_another_store_or_made_by_hand_is_refused(daemon):
    a, b = daemon(CONFIG), daemon(CONFIG)
    ids = succeed(a, Worker(a, "once"), 2)
    succeed(b, Worker(b, "once"), 2)
    purge(a, select={"jobs": ids[:1]}, backup="b")
    purge(b, select={"jobs": ids[:1]}, backup="b")
    assert "of another store" in restore(b, a.dir / "backups" / "b", "failed")["says"]
    purge(a, select={"jobs": ids[1:]}, backup="c")
    unpacked = run_zstd("-dc", a.dir / "backups" / "b")
    forged = unpacked.replace(b'"purge":1', b'"purge":2')
    assert forged != unpacked
    (a.dir / "backups" / "forged").write_bytes(run_zstd("-c", input=forged))
    assert "damaged" in restore(a, "forged", "failed")["says"]
    (a.dir / "backups" / "packed").write_bytes(run_zstd("-19", "-c", input=unpacked))
    assert "is not the file that purge 1 wrote" in restore(a, "packed", "failed")["says"], "sound, but not ours"


def run_zstd(*args, input=None):
    import subprocess
    if shutil.which("zstd") is None:
        pytest.skip("zstd is not installed")
    return subprocess.run(["zstd", "-q", *map(str, args)], input=input, capture_output=True, check=True).stdout


def test_a_disk_without_room_fails_the_purge_and_all_rows_stay(daemon, tmp_path):
    d = daemon(CONFIG)
    ids = succeed(d, Worker(d, "once"), 3)
    before = rows(d)
    end = purge(d, "failed", select={"jobs": ids}, backup=str(d.dir / "none" / "b"))
    assert "cannot be written" in end["says"] and rows(d) == before
    (d.dir / "locked").mkdir()
    if os.geteuid() != 0:
        (d.dir / "locked").chmod(0o500)
        assert "cannot be written" in purge(d, "failed", select={"jobs": ids}, backup=str(d.dir / "locked" / "b"))["says"]
    assert rows(d) == before and not list(d.dir.glob("**/*.part*"))
    assert purge(d, select={"jobs": ids}, backup="b")["purged"] == 3


@pytest.mark.parametrize("round", range(6))
def test_G8_a_kill_at_any_moment_leaves_all_rows_or_goes_on_with_a_whole_backup(d, round):
    many(d, 3000)
    before = rows(d)
    assert len(before["job"]) == 3000
    dice = random.Random(f"{SEED} {round}")
    print(f"RP_SEED={SEED}")
    id = d.post("/v1/purges", {"select": {"all": True}, "backup": "b"})["id"]
    wanted = dice.choice(["backing up", "deleting", "any"])
    if wanted == "deleting":
        wait_for(lambda: d.get(f"/v1/purges/{id}")["state"] != "backing up", "the deletion")
    d.kill() if dice.random() < .7 else assert_stops(d)
    d.start()
    end = ended(d, "purges", id)
    left = rows(d)
    file = d.dir / "backups" / "b"
    if end["state"] == "failed":
        assert "nothing was deleted" in end["says"] and left == before
        assert not file.exists() and not list(d.dir.glob("backups/*"))
        end = purge(d, select={"all": True}, backup="b")
    assert (end["purged"], end["changed"]) == (3000, 0) and rows(d)["job"] == []
    counts_hold(d)
    r = d.post("/v1/restores", {"file": "b"})["id"]
    if round % 2:
        d.kill()
        d.start()
    assert ended(d, "restores", r)["state"] == "done"
    assert rows(d) == before
    counts_hold(d)


@pytest.mark.parametrize("how", ["gone", "cut", "packed anew"])
def test_a_backup_that_is_gone_or_altered_stops_a_deletion_that_was_interrupted(d, how):
    many(d, 4000)
    id = d.post("/v1/purges", {"select": {"all": True}, "backup": "b"})["id"]
    wait_for(lambda: d.get(f"/v1/purges/{id}")["state"] != "backing up", "the deletion")
    d.kill()
    left = rows(d)["job"]
    if not left:
        pytest.skip("it was done before it could be killed")
    file = d.dir / "backups" / "b"
    whole = file.read_bytes()
    if how == "gone":
        file.unlink()
    else:
        file.write_bytes(whole[:-40] if how == "cut" else run_zstd("-19", "-c", input=run_zstd("-dc", file)))
    d.start()
    end = ended(d, "purges", id)
    assert end["state"] == "failed" and rows(d)["job"] == left
    file.write_bytes(whole)
    assert restore(d, "b")["there"] == len(left)
    assert len(rows(d)["job"]) == 4000


def test_the_command_line_shows_what_goes_asks_and_brings_it_back(d, tmp_path):
    w = Worker(d, "once")
    good, bad = succeed(d, w, 4), fail(d, w, "once", [REFUSED])
    before, file = rows(d), d.dir / "cli.rpb"
    env = {"REPRISE_SOCKET": d.socket, "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": "/nonexistent"}

    def cli(*args, code=0):
        return run(*args, env=env, cwd=d.dir, code=code)

    assert "nothing selects" in cli("purge", "--backup", "./x", code=4).err
    assert "nothing was selected" in cli("purge", "--state", "succeeded", "--backup", "./x", code=2).err
    assert "--backup" in cli("purge", "--all", code=2).err
    shown = cli("purge", "--all", "--dry-run").out
    assert "would delete 4 of 5 matching jobs" in shown and "unresolved" in shown and "IRREVERSIBLE" in shown
    assert rows(d) == before
    refused = cli("purge", "--all", "--backup", "./cli.rpb", code=4)
    assert "deleting all rows of 4 jobs cannot be taken back" in refused.err and "--yes" in refused.err and rows(d) == before
    done = cli("purge", "--all", "--backup", "./cli.rpb", "--yes", "--reason", "old")
    assert "4 of 4 jobs" in done.out and f"reprise restore {file}" in done.out.replace("\n", " ")
    assert [r[0] for r in rows(d)["job"]] == [int(bad[0])]
    assert "nothing is left to purge\n  → --dry-run says" in cli("purge", "--all", "--backup", "./y", "--yes", code=4).err
    assert "would bring back 4 jobs" in cli("restore", "./cli.rpb", "--dry-run").out
    assert json.loads(cli("restore", str(file), "--json").out)["restored"] == 4
    assert rows(d) == before
    assert "cli.rpb" in cli("purge", "list").out and "done" in cli("restore", "list").out
    assert "sha256" in cli("purge", "show", "1").out
    assert cli("restore", "./none", code=1).err
    assert pathlib.Path(file).exists() and good
