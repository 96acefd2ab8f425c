"""The demo is the first thing that most people run: a real incident from outage to recovery, which must come to its end."""
import re

from reprise import run


def test_the_demo_recovers_from_its_incident_and_says_so_in_80_columns(tmp_path):
    said = run("demo", cwd=tmp_path, timeout=800)
    assert said.code == 0, said
    for step in (r"^  1  ran \d+ jobs of 5 types", r"^  2  billing-db went away.*ALERT$", r"^  3  analysis: 2 patterns", r"^  4  .*refused \(exit 4\)",
                 r"^  5  billing-db is back", r"^  6  replay R1: (\d+)/\1   \1 succeeded   0 failed", r"^  7  timeout of thumbnails 1s → 10s \(change C1",
                 r"replay R2: (\d+)/\1 ", r"^  8  verified: \d+ jobs succeeded, 0 failed, 0 unknown, queues empty"):
        assert re.search(step, said.out, re.M), f"{step!r} is not in\n{said.out}"
    assert max(map(len, said.out.splitlines())) <= 80
    assert not list(tmp_path.iterdir()), "nothing is left behind"
