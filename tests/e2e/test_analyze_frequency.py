"""How often, against the week before: the newest hour beside the same hour of seven days, and patterns that are new, known or gone."""
import datetime
import math
import pathlib

import pytest
from reprise import Daemon

CONFIG = "jobs:\n  mail: {}\n"
KNOWN, NEW, GONE = "connect ECONNREFUSED 10.0.0.1:5432", "no space left on device", "certificate has expired"


def wilson(k, n, z=1.959963984540054):
    p, z2 = k / n, z * z
    half = z * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    return (p + z2 / (2 * n) - half) / (1 + z2 / n), (p + z2 / (2 * n) + half) / (1 + z2 / n)


@pytest.fixture
def week(daemon, folder):
    """Half an hour ago 20 runs, 8 failed. At that time of each of the 8 days before 10 runs, of which as many failed as days have gone.
    Two hours before each of these 5 runs more, all failed: they are in no hour that is compared."""
    rows = ["job,status,end,error"]
    now = datetime.datetime.now(datetime.timezone.utc)

    def runs(at, n, failed, error):
        for i in range(n):
            rows.append(f"j{len(rows)},{'failed' if i < failed else 'ok'},{at:%Y-%m-%dT%H:%M:%SZ},{error if i < failed else ''}")

    for day in range(9):
        at = now - datetime.timedelta(days=day, minutes=30)
        if day == 0:
            runs(at, 10, 4, KNOWN)
            runs(at, 10, 4, NEW)
        else:
            runs(at, 10, day, GONE if day == 3 else KNOWN)
        runs(at - datetime.timedelta(hours=2), 5, 5, KNOWN)
    table = pathlib.Path(folder) / "week.csv"
    table.write_text("\n".join(rows) + "\n", encoding="utf-8")
    d = daemon(CONFIG)
    d.run("import", "csv", table, "--type", "mail", "--column", "job=job,outcome=status,end=end,error=error", code=0)
    return d


def test_the_newest_hour_stands_beside_the_same_hour_of_seven_days(week):
    a = week.run("analyze", "--since", "12h", "--json", code=0).json()
    for key, failures, runs in (("last_hour", 8, 20), ("same_hour_before", sum(range(1, 8)), 70), ("rate", 13, 25)):
        low, high = wilson(failures, runs)
        assert (a[key]["failures"], a[key]["runs"]) == (failures, runs), key
        assert a[key]["rate"] == pytest.approx(failures / runs) and a[key]["low"] == pytest.approx(low) and a[key]["high"] == pytest.approx(high)
    words = " ".join(week.run("analyze", "--since", "12h", code=0).out.split())
    assert "last hour 8 of 20, 40 %" in words and "same hour of the 7 days before 28 of 70, 40 %" in words


def test_patterns_are_new_recurring_or_gone(week):
    a = week.run("analyze", "--since", "12h", "--json", code=0).json()
    by_class = {p["class"]: p for p in a["patterns"]}
    assert {c: p["new"] for c, p in by_class.items()} == {"connection": False, "disk_full": True}
    assert by_class["connection"]["count"] == 9 and by_class["connection"]["share"] == pytest.approx(9 / 13)
    assert [p["class"] for p in a["gone"]] == ["cert"]
    assert "patterns: 1 new, 1 recurring, 1 gone since the week before" in week.run("analyze", "--since", "12h", code=0).out
