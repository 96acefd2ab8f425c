"""What users of other tools suffered, seen from outside (the numbers are those of the users' cases)."""
import datetime
import json
import os
import re
import subprocess
import time

import pytest
from reprise import BIN, Daemon, processes_with, run, wait_for


def command(script, **more):
    settings = {"shell": script, "idempotent": True, "retries": 0, **more}
    return json.dumps(settings)


def test_U12_a_rolling_deploy_burns_no_attempt_of_running_jobs():
    with Daemon(f"shutdown_grace: 1s\njobs:\n  long: {command('echo begun; sleep 60', grace='200ms')}\n") as d:
        id = d.enqueue("long")
        for deploys in range(3):
            d.wait_state(id, "running")
            assert d.stop() == 0
            d.start()
        job = d.wait_state(id, "running")
        assert job["attempts"] == 0
        assert [a.get("outcome") for a in d.attempts(id)] == ["interrupted"] * 3 + [None]


def test_U12_a_job_that_is_interrupted_again_and_again_is_suspected_as_poison():
    with Daemon(f"shutdown_grace: 1s\njobs:\n  long: {command('sleep 60', grace='100ms')}\n") as d:
        id = d.enqueue("long")
        for deploys in range(5):
            d.wait_state(id, "running")
            d.stop()
            d.start()
        job = d.wait_state(id, "failed")
        assert job["poison"] is True


def test_U13_kill_9_is_seen_as_lost_within_a_lease_with_one_record():
    mark = f"7700.{os.getpid():07}"
    with Daemon(f"lease: 1h\njobs:\n  long: {command(f'sleep {mark}', retries=3)}\n") as d:
        id = d.enqueue("long")
        d.wait_state(id, "running")
        wait_for(lambda: processes_with(f"sleep {mark}") or processes_with(mark), "the job's process")
        d.kill()
        d.start()
        wait_for(lambda: len(d.attempts(id)) == 2, "a second attempt, long before the lease's end")
        assert [a.get("outcome") for a in d.attempts(id)] == ["lost", None]
        assert len(processes_with(mark)) <= 2, "the old process must not run beside its retry"  # the shell and its sleep


def test_U13_a_job_that_is_not_idempotent_waits_for_a_person_after_kill_9():
    with Daemon(f"jobs:\n  pay: {command('sleep 60', idempotent=False, retries=3)}\n") as d:
        id = d.enqueue("pay")
        d.wait_state(id, "running")
        d.kill()
        d.start()
        assert d.wait_state(id, "unknown")["attempts"] == 1
        d.post(f"/v1/jobs/{id}/resolve", {"outcome": "succeeded", "reason": "the ledger has it"})
        assert d.job(id)["state"] == "succeeded"


def test_U14_a_job_that_kills_its_worker_is_set_aside_and_its_siblings_go_on():
    with Daemon("lease: 1s\njobs:\n  fetched: { idempotent: true, retries: 10, poison_after: 3 }\n") as d:
        bad = d.enqueue("fetched", payload={"bad": True})
        for kills in range(3):  # the worker takes it and dies: nobody beats
            leases = d.post("/v1/work/fetch", {"worker": f"w{kills}", "wait_ms": 20000})["leases"]
            assert [l["job"]["id"] for l in leases] == [bad]
        job = d.wait_state(bad, "failed")
        assert job["poison"] is True
        assert [a["outcome"] for a in d.attempts(bad)] == ["lost"] * 3
        good = d.enqueue("fetched")

        def done():  # where the machine stands still for the second that the lease lasts, it is another one's turn
            lease = d.post("/v1/work/fetch", {"worker": "w9", "wait_ms": 20000})["leases"][0]
            assert lease["job"]["id"] == good
            answer = d.post("/v1/work/report", [{"lease": lease["lease"], "token": lease["token"], "outcome": "succeeded"}])
            return answer == [{"lease": lease["lease"], "state": "succeeded"}]
        wait_for(done, "the end of its sibling")


def test_U16_every_expected_instant_has_a_verdict_also_those_of_a_downtime():
    with Daemon(f"jobs:\n  tick: {command('true', schedule='* * * * * *', missed='skip')}\n") as d:
        first = wait_for(lambda: d.get("/v1/schedules/tick/occurrences")["items"], "an occurrence")[0]["instant"]
        wait_for(lambda: len(d.get("/v1/schedules/tick/occurrences")["items"]) >= 2, "two occurrences")
        d.kill()
        down = time.time()
        time.sleep(3)  # the downtime itself
        d.start()
        wait_for(lambda: [o for o in d.get("/v1/schedules/tick/occurrences")["items"]
                          if o["verdict"] == "fired" and when(o) > down + 3], "a run after the downtime")
        d.post("/v1/schedules/tick/pause", {"reason": "maintenance"})
        paused = time.time()
        wait_for(lambda: [o for o in d.get("/v1/schedules/tick/occurrences")["items"]
                          if o["verdict"] == "skipped-paused" and when(o) > paused], "an instant skipped for the pause")
        ledger = d.get("/v1/schedules/tick/occurrences")["items"]
        times = [when(o) for o in ledger]
        assert times == [times[0] + i for i in range(len(times))], "one verdict for every second, none twice"
        missed = [o for o in ledger if o["verdict"] == "missed"]
        assert missed and all("down" in o["why"] for o in missed)
        assert "uid:" in [o for o in ledger if o["verdict"] == "skipped-paused"][0]["why"]
        days = {o["instant"][:10] for o in ledger}  # two of them about midnight
        said = "".join(d.cli("schedule", "explain", "tick", day).out for day in days)
        assert "missed" in said and "paused" in said


def when(occurrence):
    return datetime.datetime.fromisoformat(occurrence["instant"].replace("Z", "+00:00")).timestamp()


def next_change(kind):
    """The next spring gap or autumn fold of Berlin, by Python's own zone data: (day as text)."""
    import zoneinfo
    zone = zoneinfo.ZoneInfo("Europe/Berlin")
    day = datetime.datetime.now(zone).replace(hour=12, minute=0, second=0, microsecond=0)
    for n in range(366):
        a, b = day + datetime.timedelta(days=n), day + datetime.timedelta(days=n + 1)
        delta = b.utcoffset() - a.utcoffset()
        if delta and (delta > datetime.timedelta(0)) == (kind == "gap"):
            return b.strftime("%Y-%m-%d")
    raise AssertionError(kind)


def test_U19_check_warns_of_instants_in_a_gap_or_fold_with_the_date(tmp_path):
    config = tmp_path / "c.yaml"
    config.write_text(f"jobs:\n  backup: {command('true', schedule='30 2 * * *', timezone='Europe/Berlin')}\n")
    done = run("check", "--config", config, code=0)
    said = done.out + done.err
    assert next_change("gap") in said and next_change("fold") in said


def test_U20_a_date_that_never_comes_is_refused_and_preview_is_the_executor(tmp_path):
    done = run("cron", "next", "0 0 31 2 *", code=2)
    assert "does not come" in done.err and "column 5" in done.err
    config = tmp_path / "c.yaml"
    config.write_text(f"jobs:\n  x: {command('true', schedule='0 0 31 2 *')}\n")
    done = run("check", "--config", config, code=3)
    assert re.search(r"c\.yaml:2:\d+", done.out + done.err)
    with Daemon(f"jobs:\n  tick: {command('true', schedule='*/2 * * * * *')}\n") as d:
        start = d.get("/v1/schedules/tick")["next_at"]
        preview = json.loads(run("cron", "next", "*/2 * * * * *", "--from", start, "-n", 3, "--json", code=0).out)["next"]
        instants = lambda: [o["instant"] for o in d.get("/v1/schedules/tick/occurrences")["items"]]
        instants = wait_for(lambda: (lambda all: all if start in all[:-3] else None)(instants()), "three occurrences behind the first")
        i = instants.index(start)
        assert instants[i + 1:i + 4] == preview[:3]


def test_U21_a_job_that_did_nothing_is_a_failure_of_class_contract():
    with Daemon("jobs:\n"
                f"  empty: {command('true', expect={'output': 'rows imported: '})}\n"
                f"  zero: {command('echo rows imported: 0', expect={'output': 'rows imported: ', 'not_output': 'imported: 0'})}\n"
                f"  good: {command('echo rows imported: 7', expect={'output': 'rows imported: '})}\n") as d:
        empty, zero, good = d.enqueue("empty"), d.enqueue("zero"), d.enqueue("good")
        assert d.wait_state(good, "succeeded", "failed")["state"] == "succeeded"
        for id in empty, zero:
            assert d.wait_state(id, "failed")["error"]["class"] == "contract"
            attempt = d.attempts(id)[0]
            assert attempt["exit"]["code"] == 0
            assert "expected" in attempt["contract"] and "imported" in attempt["contract"]
        assert "expected" in d.cli("job", "show", empty).out


def test_U21_a_stale_or_small_file_breaks_the_contract(tmp_path):
    file = tmp_path / "db.zst"
    file.write_bytes(b"x" * 10)
    os.utime(file, (time.time() - 86400, time.time() - 86400))
    with Daemon(f"jobs:\n  stale: {command('true', expect={'file': str(file), 'newer_than': '2h'})}\n"
                f"  small: {command('true', expect={'file': str(file), 'min_bytes': 1000})}\n"
                f"  usual: {command(f'head -c $(cat) /dev/zero > {file}', expect={'file': str(file), 'min_bytes': '50% of usual'})}\n") as d:
        assert "newer" in d.wait_state(d.enqueue("stale"), "failed")["error"]["message"]
        assert "1000" in d.wait_state(d.enqueue("small"), "failed")["error"]["message"]
        for n in range(3):
            d.wait_state(d.enqueue("usual", payload=1000), "succeeded")
        assert "500" in d.wait_state(d.enqueue("usual", payload=400), "failed")["error"]["message"]
        d.wait_state(d.enqueue("usual", payload=600), "succeeded")


def test_U23_both_streams_of_every_attempt_are_kept_also_when_killed():
    script = 'echo "out $REPRISE_ATTEMPT"; echo "err $REPRISE_ATTEMPT" >&2; [ $REPRISE_ATTEMPT = 1 ] && exit 1; sleep 60'
    with Daemon(f"jobs:\n  two: {command(script, retries=1, backoff={'kind': 'fixed', 'base': '50ms'}, timeout='4s', grace='100ms')}\n") as d:
        id = d.enqueue("two")
        d.wait_state(id, "failed")
        for n in 1, 2:
            assert d.output(id, n, 1) == b"out %d\n" % n
            assert d.output(id, n, 2) == b"err %d\n" % n
        first, second = d.attempts(id)
        assert first["outcome"] == "failed" and "err 1" in first["error"]["message"]
        assert second["outcome"] == "timeout" and "err 2" in second["error"]["message"]
        assert "err 1" in d.cli("job", "logs", id, "--attempt", 1).out


@pytest.mark.parametrize("script, more, by, exit", [
    ("sleep 60", {"timeout": "4s", "grace": "100ms"}, "the time limit", "SIGTERM"),
    ("exit 3", {}, "itself", 3),
    ("kill -SEGV $$", {}, "a crash", "SIGSEGV"),
    ("kill -KILL $$", {}, "a signal from outside", "SIGKILL"),
])
def test_U24_the_death_certificate_says_who_ended_it_and_how(script, more, by, exit):
    with Daemon(f"jobs:\n  x: {command('echo last words >&2; ' + script, **more)}\n") as d:
        id = d.enqueue("x")
        d.wait_state(id, "failed")
        attempt = d.attempts(id)[0]
        assert attempt["ended_by"] == by
        assert exit in (attempt["exit"].get("code"), attempt["exit"].get("signal"))
        said = d.cli("job", "show", id).out
        assert by in said and str(exit) in said and "last words" in said


def test_U24_an_operators_cancel_is_in_the_certificate():
    with Daemon(f"jobs:\n  x: {command('sleep 60', grace='100ms')}\n") as d:
        id = d.enqueue("x")
        d.wait_state(id, "running")
        d.post(f"/v1/jobs/{id}/cancel", {"reason": "wrong tenant"})
        d.wait_state(id, "cancelled")
        assert d.attempts(id)[0]["ended_by"] == "an operator"


def test_U25_orphans_are_ended_and_named():
    mark = f"8800.{os.getpid():07}"
    asleep = "while read -r c </proc/$!/comm && [ $c != sleep ]; do :; done"  # from then on that is its name
    deaf = f"'trap : TERM; sleep {mark}; sleep {mark}'"
    with Daemon(f"jobs:\n  litter: {command(f'(setsid sleep {mark} >/dev/null 2>&1 & {asleep}) ; (setsid sh -c {deaf} &); echo done')}\n") as d:
        id = d.enqueue("litter")
        d.wait_state(id, "succeeded")
        assert "sleep" in d.attempts(id)[0]["survivors"]
        assert [p for p in processes_with(f"sleep\0{mark}")] == []


def test_U29_jobs_whose_type_is_gone_are_held_and_check_lists_them(tmp_path):
    with Daemon("jobs:\n  old: { idempotent: true }\n  new: { idempotent: true }\n") as d:
        id = d.enqueue("old")
        next = tmp_path / "next.yaml"
        next.write_text("jobs:\n  new: { idempotent: true }\n")
        done = d.cli("check", "--config", next, code=3)
        assert "old" in done.out + done.err and "1" in done.out + done.err
        d.write_config("jobs:\n  new: { idempotent: true }\n")
        d.reload()
        held = wait_for(lambda: d.job(id).get("held"), "the hold")
        assert "old" in held or "type" in held
        assert d.job(id)["attempts"] == 0 and d.job(id)["state"] == "queued"


def test_U29_a_missing_command_holds_and_goes_on_when_it_is_there(tmp_path):
    program = tmp_path / "later"
    with Daemon(f"jobs:\n  x: {json.dumps({'run': [str(program)], 'idempotent': True})}\n") as d:
        id = d.enqueue("x")
        assert str(program) in wait_for(lambda: d.job(id).get("held"), "the hold")
        assert d.job(id)["attempts"] == 0
        program.write_text("#!/bin/sh\necho here now\n")
        program.chmod(0o755)
        d.wait_state(id, "succeeded")


def test_U30_readyz_proves_a_write_and_status_says_since_when_it_fails(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("needs root: a small tmpfs is mounted")
    mount = tmp_path / "small"
    mount.mkdir(mode=0o700)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m,mode=0700", "tmpfs", str(mount)]).returncode != 0:
        pytest.skip("this machine mounts no tmpfs")
    try:
        d = Daemon("jobs:\n  w: { idempotent: true }\n")
        d.config.write_text(d.config.read_text().replace(f"sqlite://{d.dir}", f"sqlite://{mount}"))
        with d:
            kept = [d.enqueue("w")]
            filler = mount / "filler"
            with open(filler, "wb", buffering=0) as f:
                try:
                    while True:
                        f.write(b"x" * 65536)
                except OSError:
                    pass
            big = {"type": "w", "payload": "y" * 100000}
            answers = [d.http("POST", "/v1/jobs", big) for _ in range(60)]
            refused = [a for a in answers if a[0] != 201]
            assert refused and refused[0][0] == 507 and b"store-full" in refused[0][1]
            status = wait_for(lambda: (lambda a: a if a[0] == 503 else None)(d.http("GET", "/readyz")), "readyz fails")
            assert b"full" in status[1]
            assert d.get("/v1/status")["write_fails"]["since"]
            kept += [json.loads(a[1])["id"] for a in answers if a[0] == 201]
            filler.unlink()
            wait_for(lambda: d.http("GET", "/readyz")[0] == 200, "service resumes by itself")
            kept.append(d.enqueue("w"))
            for id in kept:
                assert d.job(id)["state"] == "queued", "nothing acknowledged is lost"
    finally:
        subprocess.run(["umount", str(mount)])


def test_U32_a_second_daemon_on_the_store_is_refused_and_says_who_has_it():
    with Daemon("jobs: {}\n") as d:
        second = run("serve", "--config", d.config)
        assert second.code == 1
        assert str(d.process.pid) in second.err or "another daemon" in second.err
        assert d.ready()


PROVIDER = "Error: 504 Gateway Time-out from api.example.com"


@pytest.mark.parametrize("script, more, who, signal_name, kind, wrong", [
    (f"echo {PROVIDER!r} >&2; sleep 60 & sleep 60", {"timeout": "4s", "grace": "100ms"}, "the time limit", "SIGTERM", "timeout", "http_5xx"),
    (f"echo {PROVIDER!r} >&2; kill -SEGV $$", {}, "a crash", "SIGSEGV", "crash", "http_5xx"),
    ("kill -KILL $$", {}, "a signal from outside", "SIGKILL", "killed", None),
    (f"echo {PROVIDER!r} >&2; exit 127", {}, "itself", None, "missing_command", "http_5xx"),
])
def test_U24_the_death_certificate_says_who_ended_it_and_facts_beat_the_message(script, more, who, signal_name, kind, wrong):
    with Daemon(f"jobs:\n  dies: {command('echo asking the provider; ' + script, **more)}\n") as d:
        id = d.enqueue("dies")
        d.wait_state(id, "failed")
        [attempt] = d.attempts(id)
        assert (attempt["ended_by"], attempt["exit"].get("signal"), attempt["class"]) == (who, signal_name, kind)
        assert attempt["exit"]["cpu_us"] >= 0 and attempt["class"] != wrong
        shown = d.cli("job", "show", id).out
        assert re.search(f"ended by +{who}", shown) and (signal_name or "127") in shown
        assert re.search(r"stdout +asking the provider", shown), "the last lines of what it wrote"
        if wrong is not None:
            assert re.search(f"stderr +{re.escape(PROVIDER)}", shown), "the message is there, but does not decide"
        assert re.search(f"class +{kind} ", shown)


def test_U31_a_list_of_twenty_thousand_failures_comes_in_pages_that_miss_and_repeat_nothing(folder):
    many, page = 20_000, 1000
    path = f"{folder}/failures.csv"
    with open(path, "w", encoding="utf-8") as f:
        f.write("job,type,status,began,ended,error\n")
        now = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)
        for i in range(many):
            at = now - datetime.timedelta(seconds=i % 3000)
            f.write(f"j{i},mail,failed,{at:%Y-%m-%dT%H:%M:%SZ},{at:%Y-%m-%dT%H:%M:%SZ},connect ECONNREFUSED 10.0.0.1:5432\n")
    with Daemon("jobs:\n  mail: {}\n") as d:
        d.run("import", "csv", path, "--column", "job=job,type=type,outcome=status,start=began,end=ended,error=error", code=0, timeout=300)
        assert d.get("/v1/jobs?state=failed&limit=5")["items"], "an answer needs no more than its own page"
        seen, cursor, pages = [], "", 0
        while cursor is not None:
            answer = d.get(f"/v1/jobs?state=failed&type=mail&limit={page}" + (f"&cursor={cursor}" if cursor else ""))
            assert len(answer["items"]) <= page
            seen += [j["id"] for j in answer["items"]]
            cursor, pages = answer.get("next_cursor"), pages + 1
            if pages == 3:  # what fails while somebody turns pages disturbs none of them
                late = d.enqueue("mail")
                lease = d.post("/v1/work/fetch", {"worker": "w", "wait_ms": 20000})["leases"][0]
                d.post("/v1/work/report", [{"lease": lease["lease"], "token": lease["token"], "outcome": "failed", "error": "late"}])
        assert late not in seen and len(seen) == many == len(set(seen)) and many // page <= pages <= many // page + 1
        assert d.http("GET", f"/v1/jobs?state=failed&limit={many}")[0] == 400, "nobody may ask for all of it at once"
        words = d.cli("jobs", "--state", "failed").out
        assert len(words.splitlines()) < 200, "a person is not shown twenty thousand lines"
        assert sorted(p["failures"] for p in d.get("/v1/patterns")["items"]) == [1, many]
