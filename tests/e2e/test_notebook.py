"""notebooks/job-failure-analysis.ipynb: its figures are those of the input, and what cannot be read is said in a sentence."""
import datetime
import gzip
import json
import pathlib
import random
import re

import pytest

import notebook
from reprise import SHARED

WHY_NOT = notebook.missing()
pytestmark = pytest.mark.skipif(WHY_NOT is not None, reason=WHY_NOT or "")
CONFIG = "jobs:\n  sync: {}\n  mail: {}\n"
BEGAN, DAYS = datetime.datetime(2026, 3, 2, tzinfo=datetime.timezone.utc), 4
REFUSED, CODE = "connect ECONNREFUSED 10.0.0.1:5432", "TypeError: Cannot read properties of undefined (reading 'tenant')"


def history(path):
    """Five jobs an hour of each type for four days. From the third day at 10:00 on, sync fails in region eu; five of these are tried again
    and go well; mail runs into its limit nine times and has a bug four times."""
    rng = random.Random(11)
    rows = ["job,type,attempt,status,began,ended,region,error"]
    truth = {"runs": 0, "refused": 0, "retried": 0, "inside": 0}

    def row(job, kind, attempt, status, at, seconds, region, error=""):
        truth["runs"] += 1
        end = at + datetime.timedelta(seconds=seconds)
        rows.append(f'{job},{kind},{attempt},{status},{at:%Y-%m-%dT%H:%M:%SZ},{end:%Y-%m-%dT%H:%M:%SZ},{region},"{error}"')

    for hour in range(24 * DAYS):
        for k in range(10):
            at = BEGAN + datetime.timedelta(hours=hour, minutes=5 * k)
            kind, region, job, serial = ("sync", "mail")[k % 2], rng.choice(["eu", "us"]), f"j{hour}-{k}", hour * 10 + k
            refused = kind == "sync" and region == "eu" and hour >= 58
            truth["inside"] += kind == "sync" and region == "eu"
            if refused:
                row(job, kind, 1, "failed", at, 2, region, REFUSED)
                truth["refused"] += 1
                if truth["retried"] < 5:
                    truth["retried"] += 1
                    truth["inside"] += 1
                    row(job, kind, 2, "ok", at + datetime.timedelta(minutes=1), 2, region)
            elif kind == "mail" and serial % 100 == 1 and hour < 90:
                row(job, kind, 1, "timeout", at, 60, region, "timed out after 60 s")
            elif kind == "mail" and serial % 200 == 5 and hour < 80:
                row(job, kind, 1, "failed", at, 1, region, CODE)
            else:
                row(job, kind, 1, "ok", at, 3, region)
    path.write_text("\n".join(rows) + "\n")
    return truth


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A store with that history, an export of it, and what must come out."""
    from reprise import Daemon
    folder = tmp_path_factory.mktemp("notebook")
    truth = history(folder / "history.csv")
    with Daemon(CONFIG) as d:
        d.cli("import", "csv", folder / "history.csv", "--column",
              "job=job,type=type,attempt=attempt,outcome=status,start=began,end=ended,error=error")
        d.cli("export", "-o", folder / "attempts.jsonl")
        d.stop()
        (folder / "reprise.db").write_bytes((d.dir / "reprise.db").read_bytes())
    return folder, truth


def check(summary, truth):
    failures = truth["refused"] + 9 + 4
    assert (summary["runs"], summary["failures"]) == (truth["runs"], failures)
    assert summary["classes"] == {"connection": truth["refused"], "timeout": 9, "code_bug": 4}
    assert [p["count"] for p in summary["patterns"]] == [truth["refused"], 9, 4]
    assert summary["types"]["sync"]["failures"] == truth["refused"] and summary["types"]["mail"]["failures"] == 13
    assert summary["rate_low"] < failures / truth["runs"] < summary["rate_high"]
    assert sum(h["failures"] for h in summary["hours"].values()) == failures and len(summary["hours"]) == 24
    found = [c for c in summary["conditions"] if c["of"] == "all"][0]
    assert set(found["where"].split(" and ")) == {"label region=eu", "type=sync"}
    assert found["inside"] == f"{truth['refused']} of {truth['inside']}"
    assert summary["onset"]["kind"] == "sudden"
    onset, planted = datetime.datetime.fromisoformat(summary["onset"]["at"].replace("Z", "+00:00")), BEGAN + datetime.timedelta(hours=58)
    assert abs(onset - planted) < datetime.timedelta(hours=3), onset
    ready = {c["class"]: c for c in summary["candidates"]}
    assert {k: c["jobs"] for k, c in ready.items()} == {"connection": truth["refused"] - 5, "timeout": 9, "code_bug": 4}
    assert ready["connection"]["verdict"] == "once the dependency is back" and ready["code_bug"]["verdict"] == "after the mend"
    assert re.fullmatch(r"reprise replay --pattern P\d+ --dry-run", ready["connection"]["command"])


def test_executed_without_a_browser_it_shows_a_store_as_it_is_and_saves_what_it_drew(filled, tmp_path):
    folder, truth = filled
    done, shown = notebook.execute(folder / "reprise.db", tmp_path)
    assert done.returncode == 0 and shown is not None, done.stderr[-2000:]
    check(json.loads((tmp_path / "summary.json").read_text()), truth)
    pictures = {"failures-by-type", "error-types", "failures-over-time", "failures-by-hour", "durations", "causes", "replay-candidates"}
    for name in pictures:
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG") and (tmp_path / f"{name}.png").stat().st_size > 5000, name
        assert (tmp_path / f"{name}.csv").exists() or name == "replay-candidates", "a picture stands beside a table"
    outputs = [o for c in shown for o in c.get("outputs", [])]
    assert sum("image/png" in o.get("data", {}) for o in outputs) == len(pictures)
    assert not [o for o in outputs if o["output_type"] == "error"]
    text = json.dumps(outputs)
    assert "Nothing failed" not in text and "2026-03-04 10:00:02 UTC" in text, "times have their zone"


def test_a_store_and_its_export_packed_or_not_give_the_same_figures(filled, tmp_path):
    folder, truth = filled
    of_store = notebook.cells(folder / "reprise.db", tmp_path / "store")["summary"]
    of_export = notebook.cells(folder / "attempts.jsonl", tmp_path / "export")["summary"]
    check(of_export, truth)
    packed = folder / "attempts.jsonl.gz"
    packed.write_bytes(gzip.compress((folder / "attempts.jsonl").read_bytes()))
    of_packed = notebook.cells(packed, tmp_path / "packed")["summary"]
    for name in ("source", "kind"):
        of_store.pop(name), of_export.pop(name), of_packed.pop(name)
    assert of_store == of_export == of_packed


def test_parameters_choose_type_time_and_zone(filled, tmp_path):
    folder, truth = filled
    mail = notebook.cells(folder / "reprise.db", tmp_path, type="mail")["summary"]
    assert list(mail["types"]) == ["mail"] and mail["failures"] == 13
    late = notebook.cells(folder / "reprise.db", tmp_path, since="2026-03-04T10:00:00Z", zone="Asia/Tokyo")["summary"]
    assert late["classes"]["connection"] == truth["refused"] and "+09:00" in late["first"]
    assert late["runs"] < truth["runs"] / 2


@pytest.mark.parametrize("name", ["airflow.log", "celery.log", "cron-default-traditional.log", "github-actions.log", "plain-python.log",
                                  "rq.log", "sidekiq-text.log", "winston.log"])
def test_the_figures_of_a_job_log_are_those_of_the_program_that_wrote_it(name, tmp_path):
    logs = SHARED / "data" / "joblogs"
    if not logs.exists():
        pytest.skip(f"{logs} is not there")
    truth = json.loads((logs / "expected.json").read_text())[name]
    summary = notebook.cells(logs / name, tmp_path)["summary"]
    assert summary["kind"] == "log" and summary["attempts"] == truth["runs"]
    failures = truth["failed"] + truth["timeout"]
    assert summary["failures"] == failures
    assert summary["outcomes"].get("timeout", 0) == truth["timeout"] and summary["outcomes"].get("unfinished", 0) == truth["unfinished"]
    if failures:
        assert sum(p["count"] for p in summary["patterns"]) == failures == sum(summary["classes"].values())
        assert {t: v["failures"] for t, v in summary["types"].items() if v["failures"]} \
            == {t: v["failed"] + v["timeout"] for t, v in truth["types"].items() if v["failed"] + v["timeout"]}
        assert all(c["command"] == "" for c in summary["candidates"]), "a log cannot be replayed"


def test_what_did_not_fail_or_never_ran_is_said_honestly(daemon, tmp_path):
    d = daemon(CONFIG)
    d.cli("export", "-o", tmp_path / "nothing.jsonl")
    assert (tmp_path / "nothing.jsonl").read_text() == ""
    d.stop()
    for source in (d.dir / "reprise.db", tmp_path / "nothing.jsonl"):
        seen = notebook.cells(source, tmp_path)
        assert (seen["summary"]["attempts"], seen["summary"]["failures"]) == (0, 0)
        assert "There are no attempts in it" in seen["said"]
    log = tmp_path / "good.log"
    log.write_text("".join(f"2026-03-02T02:00:{i:02d}Z [nightly] job {i} started\n2026-03-02T02:01:{i:02d}Z [nightly] job {i} finished\n"
                           for i in range(30)))
    seen = notebook.cells(log, tmp_path)
    assert seen["summary"]["runs"] == 30 and "Nothing failed" in seen["said"] and not list(tmp_path.glob("*.png"))


def stopped(source, tmp_path, **more):
    with pytest.raises(Exception) as e:
        notebook.cells(source, tmp_path, cells_most=3, **more)
    assert type(e.value).__name__ == "Stop", repr(e.value)
    return str(e.value)


def test_what_cannot_be_read_is_said_in_a_sentence(filled, tmp_path):
    folder, _ = filled
    assert re.fullmatch(r"there is no file .*/gone.db; set SOURCE to .*", stopped(tmp_path / "gone.db", tmp_path))
    assert re.fullmatch(r".* is not a file; set SOURCE .*", stopped(folder, tmp_path))
    assert "PostgreSQL cannot be read yet" in stopped("postgresql://db/reprise", tmp_path)
    assert 'no time zone "Mars/Olympus"' in stopped(folder / "reprise.db", tmp_path, zone="Mars/Olympus")
    assert 'SINCE is "soon"' in stopped(folder / "reprise.db", tmp_path, since="soon")
    assert "KIND" in stopped(folder / "reprise.db", tmp_path, kind="oracle")
    (tmp_path / "junk.db").write_bytes(b"SQLite format 3\0" + bytes(range(256)) * 40)
    assert "is not a Reprise store" in stopped(tmp_path / "junk.db", tmp_path)
    (tmp_path / "torn.jsonl").write_text((folder / "attempts.jsonl").read_text()[:-30])
    assert re.search(r"line \d+, is not a line that `reprise export` writes", stopped(tmp_path / "torn.jsonl", tmp_path))
    (tmp_path / "torn.jsonl.gz").write_bytes(gzip.compress((folder / "attempts.jsonl").read_bytes())[:-2000])
    assert "torn.jsonl.gz is damaged" in stopped(tmp_path / "torn.jsonl.gz", tmp_path, kind="export")
    (tmp_path / "strange.log").write_text("no log\n" * 20)
    assert "format" in stopped(tmp_path / "strange.log", tmp_path)


def test_without_a_browser_a_missing_file_ends_it_with_the_sentence(tmp_path):
    done, shown_cells = notebook.execute(tmp_path / "gone.db", tmp_path)
    assert done.returncode != 0 and shown_cells is None
    assert "there is no file" in done.stderr and "set SOURCE to a store" in done.stderr


def test_the_committed_notebook_has_no_outputs_no_machine_and_a_cell_of_parameters():
    text = notebook.NOTEBOOK.read_text()
    cells = json.loads(text)["cells"]
    code = [c for c in cells if c["cell_type"] == "code"]
    assert all(c["outputs"] == [] and c["execution_count"] is None for c in code)
    assert code[0]["metadata"]["tags"] == ["parameters"] and "SOURCE = " in "".join(code[0]["source"])
    assert not re.search(r"/(home|root|work|tmp|Users)/", text)
    assert pathlib.Path(notebook.NOTEBOOK).stat().st_size < 60_000
