"""check, and the ways in from elsewhere: crontabs, job logs, tables of runs."""
import csv
import datetime
import glob
import gzip
import json
import os
import pathlib
import re
import subprocess
import zoneinfo

import pytest

from reprise import BIN, ROOT, SHARED, environment, run

LOGS = SHARED / "data" / "joblogs"
PODS = SHARED / "data" / "jobs" / "cluster-pods.csv"
NOWHERE = environment(REPRISE_SOCKET="/nonexistent/reprise.sock")

shared_logs = pytest.mark.skipif(not LOGS.is_dir(), reason=f"no shared job logs at {LOGS}")
shared_table = pytest.mark.skipif(not PODS.is_file(), reason=f"no shared table of runs at {PODS}")


def alone(*args, **kwargs):
    """Without a daemon."""
    return run(*args, env=NOWHERE, **kwargs)


def write(folder, name, text):
    path = pathlib.Path(folder) / name
    path.write_text(text)
    return path


def count(d, *filters):
    return d.json("jobs", "--count", *filters)["count"]


def runner_log(runs, first=1):
    """A log of the plain form: each run lasts a second, every fifth fails."""
    lines, at = [], datetime.datetime(2026, 11, 20, 6, 0, 0)
    for i in range(first, first + runs):
        start, end = ((at + datetime.timedelta(seconds=2 * i + n)).strftime("%Y-%m-%dT%H:%M:%SZ") for n in (0, 1))
        lines.append(f"{start} [report] job {i} started")
        lines.append(f"{end} [report] job {i} " + ("failed with exit code 2 after 1s" if i % 5 == 0 else "finished in 1s"))
    return "\n".join(lines) + "\n"


# ---- import log ----

EXACT = ("format", "lines", "runs", "succeeded", "failed", "timeout", "unfinished", "attempts")


@shared_logs
@pytest.mark.parametrize("name", [p.name for p in sorted(LOGS.glob("*.log"))])
def test_the_counts_of_a_job_log_are_exact(name):
    want = json.loads((LOGS / "expected.json").read_text())[name]
    got = alone("import", "log", LOGS / name, "--dry-run", "--json").json()
    assert {k: got[k] for k in EXACT if k in want} == {k: want[k] for k in EXACT if k in want}
    assert got["outcome_unknown"] == want.get("outcome_unknown", 0)
    assert {t: {k: got["types"][t].get(k, 0) for k in counts} for t, counts in want["types"].items()} == want["types"]
    assert set(got["types"]) == set(want["types"])
    assert "stored" not in got
    for key in ("first_start", "last_end"):
        if want[key] is None:
            assert key not in got
        elif name != "cron-default-traditional.log" or key == "first_start":
            seconds = (datetime.datetime.fromisoformat(got[key]) - datetime.datetime.fromisoformat(want[key])).total_seconds()
            if name == "rq.log":  # a clock without a date: the day is guessed from the file's
                seconds = (seconds + 3600) % 86400 - 3600
            # the year is not in traditional syslog: it is guessed from the file's
            no_year = "traditional" in name or name == "journald-short.log"
            assert abs(seconds) < 2 or (no_year and got[key][4:16] == want[key][4:16])


def test_a_year_that_the_log_does_not_name_is_taken_from_the_option(folder):
    log = write(folder, "cron.log", "Nov 23 22:27:01 web-1 CRON[7]: (root) CMD (/bin/a)\nDec 31 23:59:01 web-1 CRON[8]: (root) CMD (/bin/a)\n"
                "Jan  1 00:00:01 web-1 CRON[9]: (root) CMD (/bin/a)\n")
    got = alone("import", "log", log, "--dry-run", "--json", "--year", "2019").json()
    assert got["runs"] == got["outcome_unknown"] == 3
    assert got["first_start"] == "2019-11-23T22:27:01.000000Z"


def test_times_without_a_zone_are_read_in_the_zone_that_was_given_and_else_in_UTC_which_is_said(folder):
    log = write(folder, "jobs.log", "2026-07-01 10:00:00,000 INFO sync[7] started\n2026-07-01 10:00:02,000 INFO sync[7] succeeded in 2.0s\n" * 3)
    berlin = alone("import", "log", log, "--dry-run", "--json", "--tz", "Europe/Berlin")
    assert berlin.json()["first_start"] == "2026-07-01T08:00:00.000000Z" and "zone" not in berlin.err
    utc = alone("import", "log", log, "--dry-run", "--json")
    assert utc.json()["first_start"] == "2026-07-01T10:00:00.000000Z" and "UTC" in utc.err


def test_packed_logs_and_standard_input_are_read_as_they_are(folder):
    text = runner_log(300)
    plain = alone("import", "log", write(folder, "a.log", text), "--dry-run", "--json").json()
    assert plain["runs"] == 300 and plain["failed"] == 60
    half = text.index("\n", len(text) // 2) + 1
    packed = pathlib.Path(folder) / "a.log.1.gz"
    packed.write_bytes(gzip.compress(text[:half].encode()) + gzip.compress(text[half:].encode()))
    assert alone("import", "log", packed, "--dry-run", "--json").json() == plain
    assert alone("import", "log", "-", "--dry-run", "--json", input=text).json() == plain
    assert alone("import", "log", "-", "--dry-run", "--json", input=packed.read_bytes()).json() == plain
    packed.write_bytes(packed.read_bytes()[:-20])
    torn = alone("import", "log", packed, "--dry-run", "--json")
    assert torn.code == 1 and torn.json()["runs"] == 299 and "gzip" in torn.err and str(packed) in torn.err


def test_a_log_of_any_size_is_read_in_constant_memory():
    def peak_kb(runs):
        """Its peak when it has read all but what a pipe holds."""
        env = NOWHERE | {"ASAN_OPTIONS": "quarantine_size_mb=1"}
        process = subprocess.Popen([BIN, "import", "log", "-", "--dry-run", "--json"], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for first in range(1, runs, 1000):
            process.stdin.write(runner_log(1000, first).encode())
        process.stdin.flush()
        status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
        out, _ = process.communicate()
        got = json.loads(out)
        assert process.returncode == 0 and got["runs"] == runs and got["failed"] == runs // 5
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1])
    small, large = peak_kb(5000), peak_kb(200000)
    assert large < small + 4096, f"{small} kB for 5,000 runs, {large} kB for 200,000"


def test_a_log_of_no_known_format_is_an_error_and_a_format_can_be_named(folder):
    nothing = alone("import", "log", write(folder, "x.log", "dear diary\n" * 50), "--dry-run")
    assert nothing.code == 2 and "--format" in nothing.err
    unknown = alone("import", "log", write(folder, "x.log", "x\n"), "--dry-run", "--format", "cobol")
    assert unknown.code == 2 and "cron" in unknown.err and "plain" in unknown.err


def test_without_a_daemon_an_import_ends_with_5_and_names_the_dry_run(folder):
    log = write(folder, "a.log", runner_log(5))
    answer = alone("import", "log", log)
    assert answer.code == 5 and "--dry-run" in answer.err and answer.out == ""
    assert alone("import", "csv", log, "--column", "type=a,outcome=b").code in (2, 5)


def test_importing_a_log_again_adds_nothing_also_when_it_was_renamed_packed_or_has_grown(daemon, folder):
    d, log = daemon(), write(folder, "a.log", runner_log(700))
    first = d.json("import", "log", log)
    assert first["stored"] == {"added": 700, "known": 0, "not_stored": 0}
    assert d.json("import", "log", log)["stored"] == {"added": 0, "known": 700, "not_stored": 0}
    packed = pathlib.Path(folder) / "old.log.gz"
    packed.write_bytes(gzip.compress(log.read_bytes()))
    assert d.json("import", "log", packed)["stored"]["added"] == 0
    log.write_text(runner_log(750))
    assert d.json("import", "log", log)["stored"] == {"added": 50, "known": 700, "not_stored": 0}
    assert count(d, "--state", "failed", "--type", "report") == 150
    assert count(d, "--state", "succeeded", "--type", "report") == 600
    one = d.json("jobs", "--state", "failed", "--limit", "1")["items"][0]
    assert "exit code 2" in one["error"]["message"] and one["labels"]["file"] in ("a.log", "old.log.gz")
    assert one["started_at"] < one["ended_at"] < "2026-11-21"


def test_runs_that_have_no_number_are_known_again_by_their_place_in_the_file(daemon, folder):
    d, text = daemon(), re.sub(r"job \d+ ", "", runner_log(50))
    assert d.json("import", "log", write(folder, "a.log", text))["stored"]["added"] == 50
    assert d.json("import", "log", write(folder, "b.log", text + "odd line\n"))["stored"] == {"added": 0, "known": 50, "not_stored": 0}
    assert d.json("import", "log", write(folder, "c.log", text.replace("2026-11-20T06:00:02Z", "2026-11-20T06:00:01Z", 1)))["stored"]["added"] == 50


def test_numbers_that_come_again_are_other_jobs_and_attempts_are_of_one_job(daemon, folder):
    d = daemon()
    day = "".join(f"2026-11-2{n} 10:00:00,000 INFO sync[7] started\n2026-11-2{n} 10:00:02,000 INFO sync[7] succeeded in 2.0s\n"
                  for n in (0, 1, 2))
    assert d.json("import", "log", write(folder, "ids.log", day))["stored"]["added"] == 3
    assert count(d, "--type", "sync") == 3
    retried = ("2026-11-20 10:00:00,000 INFO pay[9] started\n2026-11-20 10:00:01,000 ERROR pay[9] failed after 1.0s: boom\n"
               "2026-11-20 10:00:05,000 INFO pay[9] started (attempt 2 of 3)\n2026-11-20 10:00:06,000 INFO pay[9] succeeded in 1.0s\n")
    assert d.json("import", "log", write(folder, "retry.log", retried))["stored"]["added"] == 2
    jobs = d.json("jobs", "--type", "pay")["items"]
    assert [(j["state"], j["attempts"]) for j in jobs] == [("succeeded", 2)]


def test_outcomes_that_the_log_does_not_tell_are_counted_said_and_not_stored(daemon, folder):
    d = daemon()
    log = write(folder, "cron.log", "".join(f"Nov 23 22:2{n}:01 web-1 CRON[{100 + n}]: (root) CMD (/bin/a)\n" for n in range(5)))
    answer = d.run("import", "log", log)
    assert answer.code == 0 and "5 outcomes are not told by this log" in answer.out and "0 runs stored" in answer.out
    assert count(d) == 0


@shared_logs
def test_the_store_holds_what_a_sample_log_tells(daemon):
    d = daemon()
    for name in ("cron-l15-rfc3339.log", "plain-brackets.log"):
        want = json.loads((LOGS / "expected.json").read_text())[name]
        assert d.json("import", "log", LOGS / name)["stored"]["added"] == want["runs"]
        for job_type, n in want["types"].items():
            assert count(d, "--type", job_type, "--state", "succeeded") == n["succeeded"]
            assert count(d, "--type", job_type, "--state", "failed") == n["failed"] + n["timeout"]
            assert count(d, "--type", job_type, "--state", "unknown") == n["unfinished"]


# ---- import csv ----

COLUMNS = "job=job_id,type=queue,outcome=status,submit=submit,start=start,end=end"


@shared_table
def test_a_table_of_runs_gives_the_counts_and_failure_rates_that_it_holds(daemon):
    with open(PODS, newline="") as f:
        rows = list(csv.DictReader(f))
    d = daemon()
    answer = d.run("import", "csv", PODS, "--column", COLUMNS, "--json")
    got = answer.json()
    ran = [r for r in rows if r["status"] != "pending"]
    assert answer.code == 0 and got["lines"] == len(rows) and got["runs"] == len(ran)
    assert got["never_started"] == len(rows) - len(ran) and "from a zero of its own" in answer.err
    assert got["unfinished"] == sum(r["status"] == "running" for r in rows)
    assert got["stored"] == {"added": len(ran), "known": 0, "not_stored": len(rows) - len(ran)}
    assert count(d, "--state", "failed") == sum(r["status"] == "failed" for r in rows)
    for queue in {r["queue"] for r in ran}:
        mine = [r["status"] for r in ran if r["queue"] == queue]
        failed, succeeded = (count(d, "--type", queue, "--state", s) for s in ("failed", "succeeded"))
        assert (failed, succeeded) == (mine.count("failed"), mine.count("succeeded"))
        ended = mine.count("failed") + mine.count("succeeded")
        if ended:
            assert failed / (failed + succeeded) == mine.count("failed") / ended
    again = d.json("import", "csv", PODS, "--column", COLUMNS)
    assert again["stored"] == {"added": 0, "known": len(ran), "not_stored": len(rows) - len(ran)}


TABLE = "id,name,state,began,over,region\n1,mail,ok,2026-11-20T10:00:00Z,2026-11-20T10:00:05Z,eu\n" \
        "2,mail,failed,2026-11-20T11:00:00Z,2026-11-20T11:00:05Z,us\n"
NAMES = ("--column", "job=id,type=name,outcome=state", "--column", "start=began,end=over")


def test_columns_that_are_not_mapped_become_labels(daemon, folder):
    d = daemon()
    assert d.json("import", "csv", write(folder, "t.csv", TABLE), *NAMES)["stored"]["added"] == 2
    assert count(d, "--where", "region=us", "--state", "failed") == 1
    assert count(d, "--where", "region=eu", "--state", "failed") == 0


def test_a_later_export_of_the_same_table_adds_only_what_is_new(daemon, folder):
    d = daemon()
    assert d.json("import", "csv", write(folder, "monday.csv", TABLE), *NAMES)["stored"]["added"] == 2
    head, _, rest = TABLE.partition("\n")
    later = head + "\n3,mail,ok,2026-11-21T10:00:00Z,2026-11-21T10:00:05Z,eu\n" + rest
    assert d.json("import", "csv", write(folder, "tuesday.csv", later), *NAMES)["stored"] == {"added": 1, "known": 2, "not_stored": 0}


def test_one_mistake_in_a_table_names_its_line_and_nothing_of_the_table_is_stored(daemon, folder):
    d = daemon()
    rows = "".join(f"{n},mail,ok,2026-11-20T10:00:00Z,,eu\n" for n in range(3, 1500))
    for bad, says in (("9999,mail,perhaps,2026-11-20T10:00:00Z,,eu", "perhaps"), ("9999,mail,ok,soon,,eu", "soon")):
        answer = d.run("import", "csv", write(folder, "t.csv", TABLE + rows + bad + "\n"), *NAMES)
        assert answer.code == 2 and f"t.csv:{3 + 1497 + 1}:" in answer.err and says in answer.err
        assert count(d) == 0


@pytest.mark.parametrize("columns, says", [
    ("outcome=state", "type"), ("type=name", "outcome"), ("type=name,outcome=status", "its columns: id name state"),
    ("type=name,outcome=state,finish=over", "finish"), (None, "--column")])
def test_columns_that_cannot_be_used_are_named(folder, columns, says):
    answer = alone("import", "csv", write(folder, "t.csv", TABLE), "--dry-run", *(["--column", columns] if columns else []))
    assert answer.code == 2 and says in answer.err and answer.out == ""


def test_a_table_without_a_type_column_takes_the_type_from_the_option(folder):
    got = alone("import", "csv", write(folder, "t.csv", TABLE), "--dry-run", "--json", "--type", "post", "--column", "outcome=state").json()
    assert set(got["types"]) == {"post"} and got["runs"] == 2 and got["failed"] == 1


# ---- import crontab ----

OWN = r"""# the night
MAILTO=ops@example.com
SHELL=/bin/bash
PATH=/usr/local/bin:/usr/bin:/bin
*/15 * * * * cd /srv/app && bin/poll --to "a b" %first line%second
30 2 * * 1-5 /srv/app/bin/backup > /dev/null 2>&1
0 0 13 * fri echo 'both' ${HOME} $((1+1))
@reboot /srv/app/bin/up
@monthly : # not a comment
0 4 * jan-mar,dec sun /srv/app/bin/audit --key=a:b --yaml='{x: [1]}'
61 * * * * /srv/app/bin/never
"""


def check_accepts(folder, yaml, cwd=None):
    path = write(folder, "imported.yaml", yaml)
    answer = alone("check", "--config", path, "--json", cwd=cwd)
    assert answer.code == 0, answer.out
    return answer.json()


def test_an_imported_crontab_is_accepted_by_check_and_nothing_is_dropped(folder):
    path = write(folder, "tab", OWN)
    answer = alone("import", "crontab", path, "--user")
    assert answer.code == 0
    checked = check_accepts(folder, answer.out)
    assert len(checked["schedules"]) == 6
    assert "61 * * * *" in answer.out and f"{path}:11:" in re.sub(r"\s+", "", answer.err)
    assert "ops@example.com" in answer.out and "those of cron" in answer.err
    system = "".join(f"{' '.join(line.split(' ')[:5])} root {line.split(' ', 5)[5]}" if line[:1] in "*0123456789" else
                     re.sub(r"^(@\w+) ", r"\1 root ", line) for line in OWN.splitlines(keepends=True))
    same = alone("import", "crontab", write(folder, "system", system))
    assert [s["expression"] for s in check_accepts(folder, same.out)["schedules"]] == [s["expression"] for s in checked["schedules"]]
    assert same.out.count('user: "root"') == 6


def test_a_users_crontab_without_the_option_is_doubted(folder):
    answer = alone("import", "crontab", write(folder, "tab", "1 2 * * * /srv/app/bin/a now\n"))
    assert answer.code == 0 and "--user" in answer.err


def test_the_crontabs_of_this_machine_are_accepted(folder):
    paths = [p for p in ["/etc/crontab", *glob.glob("/etc/cron.d/*")] if os.path.isfile(p) and not os.path.basename(p).startswith(".")]
    for path in paths:
        answer = alone("import", "crontab", path)
        assert answer.code == 0, answer.err
        jobs = sum(bool(re.match(r"\s*[*0-9@]", line)) for line in open(path, errors="replace"))
        assert len(check_accepts(folder, answer.out)["schedules"]) == jobs
    if not paths:
        pytest.skip("this machine has no system crontabs")


# ---- check ----

CONFIG = """jobs:
  reconciliation:
    run: ["true"]
    schedule: "30 2 * * *"
    timezone: Europe/Berlin
  tick: { run: ["true"], schedule: "0 * * * *" }
dependencies:
  billing-db: { postgres: "postgresql://app:s3cret@127.0.0.1:5432/billing" }
"""


def test_check_shows_schedules_in_words_with_the_next_instants_in_local_time_and_utc(folder):
    answer = alone("check", "--config", write(folder, "reprise.yaml", CONFIG))
    assert answer.code == 0 and "2 job types, 2 schedules, 1 dependency" in answer.out
    assert "at 02:30 every day" in answer.out and "UTC (the default zone)" in answer.out
    assert "billing-db: postgres" in answer.out and "s3cret" not in answer.out
    berlin, now = zoneinfo.ZoneInfo("Europe/Berlin"), datetime.datetime.now(datetime.timezone.utc)
    shown = re.findall(r"(\d{4}-\d\d-\d\d \d\d:\d\d) (CES?T)   (\d{4}-\d\d-\d\d \d\d:\d\d) UTC", answer.out)
    assert len(shown) == 3
    for local, zone, utc in shown:
        instant = datetime.datetime.strptime(utc, "%Y-%m-%d %H:%M").replace(tzinfo=datetime.timezone.utc)
        there = instant.astimezone(berlin)
        assert there.strftime("%Y-%m-%d %H:%M %Z") == f"{local} {zone}" and instant > now - datetime.timedelta(minutes=1)


def test_U19_check_warns_of_the_days_on_which_a_change_of_clocks_moves_a_schedule(folder):
    berlin, now = zoneinfo.ZoneInfo("Europe/Berlin"), datetime.datetime.now(datetime.timezone.utc)
    hours = [now + datetime.timedelta(hours=n) for n in range(365 * 24)]
    days = [b.astimezone(berlin).date().isoformat() for a, b in zip(hours, hours[1:])
            if a.astimezone(berlin).utcoffset() != b.astimezone(berlin).utcoffset()]
    answer = alone("check", "--config", write(folder, "reprise.yaml", CONFIG))
    warned = re.findall(r"reprise\.yaml:4:16: warning: .* on (\d{4}-\d\d-\d\d)", answer.err)
    assert answer.code == 0 and len(days) == 2 and warned == days


def test_check_names_each_mistake_by_file_line_and_column_and_ends_with_3(folder):
    path = write(folder, "bad.yaml", 'jobs:\n  a: { runn: [x], schedule: "61 2 * * *" }\n  b: { run: [x], timeout: 5 bananas }\n')
    answer = alone("check", "--config", path)
    assert answer.code == 3
    for place in ("2:8", "2:30", "3:27"):
        assert f"{path}:{place}: " in answer.err
    found = alone("check", "--config", path, "--json")
    assert found.code == 3 and [(m["line"], m["column"]) for m in found.json()["mistakes"]] == [(2, 8), (2, 30), (3, 27)]
    assert alone("check", "--config", "/nonexistent.yaml").code == 3


def test_check_without_a_daemon_says_that_it_could_not_ask(folder):
    path = write(folder, "reprise.yaml", CONFIG)
    answer = alone("check", "--config", path)
    assert answer.code == 0 and "is not known" in answer.err
    assert "no daemon" in alone("check", "--config", path, "--json").json()["waiting_not_known"]


def test_U29_check_lists_waiting_jobs_that_a_new_configuration_could_not_run(daemon, folder):
    d = daemon("jobs:\n  invoice: { queue: work }\n  mail: { queue: work }\n")
    for _ in range(3):
        assert d.run("enqueue", "invoice").code == 0
    assert d.run("enqueue", "mail").code == 0
    renamed = write(folder, "new.yaml", f"socket: {d.socket}\njobs:\n  invoices: {{ queue: work }}\n  mail: {{ queue: work }}\n")
    answer = d.run("check", "--config", renamed)
    assert answer.code == 3 and "3 waiting jobs of invoice would be held" in answer.out and "mail" not in answer.out
    assert [(w["type"], w["waiting"]) for w in d.json("check", "--config", renamed)["waiting"]] == [("invoice", 3)]
    assert d.run("check", "--config", d.config).code == 0
    # the daemon of the configuration itself is asked when no other one is named
    assert run("check", "--config", renamed, env=environment()).code == 3


def test_the_reference_of_the_configuration_is_the_one_in_docs():
    assert alone("check", "--reference").out == (ROOT / "docs" / "configuration.md").read_text()
