"""analyze --templates: the pattern of each line of a file, without a daemon."""
import gzip
import subprocess
import sys

import pytest

from reprise import SHARED, environment, run

NOWHERE = environment(REPRISE_SOCKET="/nonexistent/reprise.sock")
LINES = [
    "could not connect to 10.1.2.3:5432",
    "request done in 15ms",
    "could not connect to 10.9.9.9:5433",
    "",
    "request done in 7ms",
]


def rows(out):
    return [line.split("\t") for line in out.splitlines()]


def check(out):
    table = rows(out)
    assert [r[0] for r in table] == ["1", "2", "3", "4", "5"]
    assert table[0][1] == table[2][1] != table[1][1] == table[4][1]
    assert [r[2] for r in table[:3]] == ["could not connect to <*>:<*>", "request done in <*>ms", "could not connect to <*>:<*>"]


def templates(path, **kwargs):
    return run("analyze", "--templates", path, env=NOWHERE, **kwargs)


def test_each_line_has_its_pattern_and_template(tmp_path):
    plain = tmp_path / "a.log"
    plain.write_text("\n".join(LINES) + "\n")
    check(templates(plain, code=0).out)


def test_a_packed_file_and_standard_input_are_read_alike(tmp_path):
    packed = tmp_path / "a.log.gz"
    packed.write_bytes(gzip.compress("\n".join(LINES).encode()))
    check(templates(packed, code=0).out)
    check(templates("-", code=0, input="\r\n".join(LINES) + "\r\n").out)


def test_a_cut_gzip_file_says_so_and_keeps_what_was_read(tmp_path):
    packed = tmp_path / "a.log.gz"
    whole = gzip.compress("".join(f"request {i} of {i * i} done\n" for i in range(100000)).encode())
    packed.write_bytes(whole[: len(whole) // 2])
    done = templates(packed, code=1)
    assert "cannot be unpacked" in done.err
    assert len(rows(done.out)) > 1000


def test_odd_bytes_and_a_very_long_line_are_lines(tmp_path):
    file = tmp_path / "odd.log"
    file.write_bytes(b"a\0b\xff\xfe\n" + b"x" * (20 << 20) + b"\n" + b"tab\there\n")
    table = templates(file, code=0).out.split("\n")
    assert len(table) == 4 and table[3] == ""
    assert all(len(row.split("\t")) == 3 for row in table[:3])
    assert table[1].endswith("<*>") and len(table[1]) < 20000


def test_a_file_that_is_not_there_is_named(tmp_path):
    done = templates(tmp_path / "none.log", code=1)
    assert done.out == "" and "none.log" in done.err


@pytest.mark.skipif(not (SHARED / "tools" / "logscore.py").is_file(), reason="no labelled logs beside the checkout")
@pytest.mark.parametrize("family, ga, fga", [("loghub", .985, .95), ("templates", .94, .95)])
def test_labelled_logs_score_above_the_floor(tmp_path, family, ga, fga):
    score = str(SHARED / "tools" / "logscore.py")
    for folder in sorted((SHARED / "data" / family).iterdir()):
        truth = folder / f"{folder.name}_2k.log_structured.csv"
        if truth.is_file():
            lines = subprocess.run([sys.executable, score, "extract", truth], capture_output=True, check=True).stdout
            found = templates("-", code=0, input=lines).out
            (tmp_path / f"{folder.name}.tsv").write_bytes(found.encode(errors="surrogateescape"))
    out = subprocess.run([sys.executable, score, "score", "--tsv", "--pred", tmp_path, "--truth", SHARED / "data" / family],
                         capture_output=True, text=True, check=True).stdout
    average = out.splitlines()[-1].split("\t")
    assert average[0] == "average" and float(average[1]) >= ga and float(average[2]) >= fga, out
