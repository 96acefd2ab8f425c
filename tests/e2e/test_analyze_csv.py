"""analyze --csv: what a table of runs says about its failures, without a daemon."""
import datetime
import random
import re
import shlex
import subprocess
import sys
import unicodedata

import pytest

from reprise import SHARED, environment, run

JOBS = SHARED / "data" / "jobs"
NOWHERE = environment(REPRISE_SOCKET="/nonexistent/reprise.sock")


def analyze(path, *args, **kwargs):
    return run("analyze", "--csv", path, *args, env=NOWHERE, **kwargs)


def table(folder, text):
    path = f"{folder}/runs.csv"
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    return path


def runs(folder, planted=True):
    """600 runs; those of version v2 on node n1 fail but for one in ten, of the others one in fifty."""
    rows = ["id,version,node,status,began"]
    for i in range(600):
        version, node = f"v{i % 3}", f"n{i // 3 % 4}"
        bad = planted and version == "v2" and node == "n1"
        failed = i // 12 % 10 != 0 if bad else i % 50 == 0
        rows.append(f"{i},{version},{node},{'failed' if failed else 'done'},2026-01-{1 + i // 24:02}T{i % 24:02}:00:00Z")
    return table(folder, "\n".join(rows) + "\n")


def references():
    """(arguments of analyze, condition of the reference's first line or None) of each question of REFERENCE.txt."""
    if not JOBS.is_dir():
        return []
    found = []
    text = (JOBS / "REFERENCE.txt").read_text(encoding="utf-8")
    for block in text.split("$ rcaref.py ")[1:]:
        command, *lines = block.splitlines()
        if not command.startswith("attrs"):
            continue
        file, rest = re.match(r"attrs (\S+) (.*)", command).groups()
        option = dict(re.findall(r"--(\S+) (.*?)(?= --|$)", rest))
        args = ["--attributes", option["attrs"], "--failed", option.get("fail") or option["match"]]
        if "among" in option:
            args += ["--runs", option["among"]]
        answers = lines[lines.index(next(line for line in lines if line.endswith("condition"))) + 1:]
        first = next((line[57:].strip() for line in answers if line.strip()), None)
        found.append(pytest.param(JOBS / file, args, first, id=f"{file}-{len(found)}"))
    return found


def bins(condition):
    """The reference's "2^9.." is "512..1023" here."""
    def one(hit):
        low = 2.0 ** int(hit[1])
        return "=" + ("1" if low == 1 else f"{low:g}..{2 * low - 1:g}")
    return re.sub(r"=2\^(-?\d+)\.\.", one, condition)


@pytest.mark.skipif(not JOBS.is_dir(), reason=f"no shared histories at {JOBS}")
@pytest.mark.parametrize("path, args, first", references() or [pytest.param(None, None, None)])
def test_the_first_condition_of_a_real_history_is_the_references(path, args, first):
    found = analyze(path, *args, "--json", code=0).json()["conditions"]
    said = " & ".join(f"{k}={v}" for k, v in found[0]["where"].items()) if found else None
    assert said == (bins(first) if first else None), shlex.join(args)


def random_history(seed):
    """Columns of many kinds (names, numbers, fractions, rare and missing values, copies of another) and failures that follow some of them."""
    r = random.Random(seed)
    n, cols = r.choice([60, 200, 500, 1000, 3000]), {}
    kinds = {
        "names": lambda: f"v{r.randrange(6)}", "numbers": lambda: str(int(r.random() ** 3 * 5000)), "fractions": lambda: f"{r.expovariate(1):.3f}",
        "negative": lambda: str(r.randint(-30, 30)), "rare": lambda: "common" if r.random() < .97 else f"r{r.randrange(3)}",
        "missing": lambda: "" if r.random() < .3 else f"m{r.randrange(4)}", "mixed": lambda: str(r.randrange(100)) if r.random() < .9 else "auto",
    }
    for j in range(r.randint(1, 8)):
        if cols and r.random() < .25:  # follows another column, but for one in twenty
            of = cols[r.choice(list(cols))]
            cols[f"a{j}"] = ["s" + x[:2] if r.random() < .95 else "s" for x in of]
        else:
            kind = kinds[r.choice(list(kinds))]
            cols[f"a{j}"] = [kind() for _ in range(n)]
    causes = []
    for _ in range(r.choice([0, 1, 1, 2, 3])):
        row = r.randrange(n)
        causes.append(({k: cols[k][row] for k in r.sample(list(cols), min(len(cols), r.choice([1, 1, 2])))}, r.choice([.15, .3, .6, .95])))
    base = r.choice([.003, .02, .1, .3])
    failed = [r.random() < max([base] + [p for where, p in causes if all(cols[k][i] == v for k, v in where.items())]) for i in range(n)]
    return cols, failed


def reference_of(path, attributes, failures):
    """The reference's first condition: at our support and lift, and with the points that conditions need beside them."""
    least = max(20, -(-failures // 100))
    said = subprocess.run([sys.executable, JOBS / "rcaref.py", "attrs", path, "--fail", "status=failed", "--attrs", attributes, "--min-lift", "1.5",
                           "--min-support", str(least), "--top", "100"], capture_output=True, text=True, check=True).stdout.splitlines()
    runs = int(said[0].split()[1].rstrip(","))
    for line in said[3:]:
        inside, outside, fails, rows = (float(x) for x in line[17:48].split())
        if inside - outside >= .1 or fails / failures - (rows - fails) / (runs - failures) >= .1:
            return bins(line[57:].strip())
    return None


@pytest.mark.skipif(not JOBS.is_dir(), reason=f"no shared histories at {JOBS}")
@pytest.mark.parametrize("first", range(0, 40, 8))
def test_the_first_condition_of_random_histories_is_the_references(folder, first):
    for seed in range(first, first + 8):
        cols, failed = random_history(seed)
        if not any(failed) or all(failed):
            continue
        rows = zip(*cols.values(), ["failed" if f else "done" for f in failed])
        path = table(folder, ",".join([*cols, "status"]) + "\n" + "".join(",".join(row) + "\n" for row in rows))
        found = analyze(path, "--failed", "status=failed", "--attributes", ",".join(cols), "--json", code=0).json()["conditions"]
        mine = " & ".join(f"{k}={v}" for k, v in found[0]["where"].items()) if found else None
        theirs = reference_of(path, ",".join(cols), sum(failed))
        # Fractions and numbers below zero are labelled in another way, as the reference's whole numbers are not.
        assert plain(mine) == plain(theirs), f"seed {seed}"


def plain(condition):
    """Without the upper end of bins, which the reference does not say."""
    return condition and re.sub(r"=0 or less", "=0", re.sub(r"=([\d.]+)\.\.[-\d.]+", lambda m: f"={float(m[1]):g}..", condition))


def test_a_planted_pair_is_found_with_its_counts(folder):
    a = analyze(runs(folder), "--failed", "status=failed", "--json", code=0).json()
    first = a["conditions"][0]
    assert first["where"] == {"node": "n1", "version": "v2"}
    assert first["inside"] == {"failed": 45, "runs": 50}
    assert a["runs"] == 600 and first["outside"]["runs"] == 550
    assert a["failures"] == 45 + first["outside"]["failed"]
    assert a["attributes"] == ["version", "node", "hour of began", "weekday of began"]
    assert first["q"] < 1e-20 and 0 < first["coverage"] <= 1


def test_no_condition_is_said_in_words_and_as_an_empty_list(folder):
    path = runs(folder, planted=False)
    assert analyze(path, "--failed", "status=failed", "--json", code=0).json()["conditions"] == []
    assert "no attribute explains this" in analyze(path, "--failed", "status=failed", code=0).out


def test_the_words_fit_80_columns_and_carry_counts(folder):
    out = analyze(runs(folder), "--failed", "status=failed", code=0).out
    assert "node=n1 and version=v2" in out and "45 of 50 (90 %) failed" in out
    for line in out.splitlines():
        assert sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line) <= 80, line


def test_rows_are_chosen_by_values_and_by_a_regular_expression(folder):
    path = table(folder, "status,message,kind\n" + "error,out of memory at 0x1f,a\nok,,b\nskipped,,a\n" * 40)
    by_value = analyze(path, "--failed", "status=error|dead", "--runs", "status=error|ok", "--json", code=0).json()
    assert (by_value["runs"], by_value["failures"]) == (80, 40)
    by_regex = analyze(path, "--failed", r"message~memory at 0x\d", "--attributes", "kind", "--json", code=0).json()
    assert (by_regex["runs"], by_regex["failures"]) == (120, 40)
    assert by_regex["conditions"][0]["where"] == {"kind": "a"}


def test_hour_and_weekday_of_the_time_column_are_attributes_and_it_makes_the_window(folder):
    rows = [f"{1767225600 + i * 1800},{'bad' if i // 2 % 24 == 3 else 'good'}" for i in range(24 * 2 * 20)]
    path = table(folder, "at,outcome\n" + "\n".join(rows) + "\n")
    a = analyze(path, "--failed", "outcome=bad", "--time", "at", "--json", code=0).json()
    assert a["conditions"][0]["where"] == {"hour of at": "03:00"}
    assert a["window"] == {"since": "2026-01-01T00:00:00.000000Z", "until": "2026-01-20T23:30:00.000000Z"}


def test_the_beginning_is_found_over_the_whole_period_of_a_table(folder):
    def outcome(i):
        return "bad" if i % (2 if i >= 3000 else 100) == 0 else "good"
    rows = [f"{1767225600 + i * 7200},{outcome(i)}" for i in range(4000)]  # nearly a year, a run every two hours
    path = table(folder, "at,outcome\n" + "\n".join(rows) + "\n")
    a = analyze(path, "--failed", "outcome=bad", "--time", "at", "--json", code=0).json()
    began = datetime.datetime.fromtimestamp(1767225600 + 3000 * 7200, datetime.timezone.utc)
    at = datetime.datetime.fromisoformat(a["onset"]["at"].replace("Z", "+00:00"))
    assert a["onset"]["kind"] == "sudden" and abs(at - began) < datetime.timedelta(days=1)
    assert sum(a["timeline"]["runs"]) == 4000 and sum(a["timeline"]["failures"]) == a["failures"]
    words = " ".join(analyze(path, "--failed", "outcome=bad", "--time", "at", code=0).out.split())
    assert "began suddenly" in words and "1 % → 50" in words


@pytest.mark.parametrize("args, says", [
    ((), "--failed is missing"),
    (("--failed", "status"), "is not COLUMN=VALUE"),
    (("--failed", "message~("), "--failed: "),
    (("--failed", "outcome=failed"), 'no column "outcome"'),
    (("--failed", "status=failed", "--attributes", "version,colour"), 'no column "colour"'),
    (("--failed", "status=failed", "--time", "ended"), 'no column "ended"'),
])
def test_a_wrong_question_says_what_is_wrong_with_it(folder, args, says):
    answer = analyze(runs(folder), *args, code=2)
    assert says in answer.err and "→" in answer.err


def test_an_empty_table_is_an_error_and_one_without_rows_has_no_failures(folder):
    assert "not even a header" in analyze(table(folder, ""), "--failed", "a=1").err
    a = analyze(table(folder, "a,b\n"), "--failed", "a=1", "--json", code=0).json()
    assert a["runs"] == 0 and a["conditions"] == []
