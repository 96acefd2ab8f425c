"""tzdata is updated while the daemon runs, and while it is down (schedules 10)."""
import shutil
import sqlite3
import subprocess

import pytest
from reprise import Daemon, environment, run, wait_for

pytestmark = pytest.mark.skipif(not shutil.which("zic", path="/usr/sbin:/usr/bin"), reason="no zic here")
CONFIG = 'jobs:\n  report: { run: ["true"], schedule: "0 12 1 1 *", timezone: Testland }\n'


class Zones:
    """A folder of zone files with one zone of the test's own."""

    def __init__(self, folder):
        self.folder = folder

    def put(self, offset):
        subprocess.run(["/usr/sbin/zic", "-d", self.folder, "-"], input=f"Zone Testland {offset} - TST\n", text=True, check=True)


def next_time(d):
    return d.get("/v1/schedules/report")["next_at"][11:16]


def test_R10_a_schedule_follows_an_update_of_tzdata_without_a_reload_and_explains_it(tmp_path):
    zones = Zones(tmp_path / "zoneinfo")
    zones.put("1:00")
    with Daemon(CONFIG, env={"TZDIR": zones.folder}) as d:
        assert next_time(d) == "11:00"
        day = d.get("/v1/schedules/report")["next_at"][:10]
        zones.put("2:00")
        wait_for(lambda: next_time(d) == "10:00", "the new rules")
        moved, expected = sorted(d.get(f"/v1/schedules/report/occurrences?from={day}T00:00:00Z&to={day}T23:00:00Z")["items"],
                                 key=lambda o: o["verdict"], reverse=True)
        assert (moved["verdict"], moved["instant"][11:16]) == ("moved", "11:00")
        assert (expected["verdict"], expected["instant"][11:16]) == ("expected", "10:00")
        said = run("schedule", "explain", "report", day, code=0, env=environment(REPRISE_SOCKET=d.socket, TZDIR=zones.folder)).out
        assert "moved the rules of Testland have changed" in " ".join(said.split()), said
        d.stop()
        zones.put("3:00")
        d.start()
        assert next_time(d) == "09:00"
        with sqlite3.connect(f"file:{d.dir}/reprise.db?mode=ro", uri=True) as db:
            records = db.execute("select actor, object, detail ->> 'from', detail ->> 'to' from audit where action = 'schedule.rezone'").fetchall()
    assert [(a, o, f[11:16], t[11:16]) for a, o, f, t in records] == [
        ("engine", "schedule report", "11:00", "10:00"), ("engine", "schedule report", "10:00", "09:00")]
