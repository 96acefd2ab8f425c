"""analyze of a store: what the answer says about a history whose cause and beginning are known."""
import datetime
import html.parser
import random
import re

import pytest

CONFIG = "jobs:\n  mail: {}\n  report: {}\n"
NOW = datetime.datetime.now(datetime.timezone.utc).replace(second=30, microsecond=0)
BEGAN = NOW - datetime.timedelta(hours=3)


def history(folder):
    """Three runs a minute over 20 hours; since three hours ago those of version v2 in region eu fail."""
    rng = random.Random(7)
    rows = ["job,type,queue,status,began,ended,version,region,error"]
    truth = {"failed": 0, "runs": 0, "inside": [0, 0]}
    for minute in range(20 * 60):
        for k in range(3):
            at = NOW - datetime.timedelta(minutes=20 * 60 - minute) + datetime.timedelta(seconds=10 * k)
            version, region = f"v{rng.randrange(3)}", rng.choice(["eu", "us"])
            kind = rng.choice(["mail", "report"])
            bad = version == "v2" and region == "eu"
            failed = (bad and at >= BEGAN) or rng.random() < .01
            end = at + datetime.timedelta(seconds=2)
            rows.append(f"j{minute}-{k},{kind},q-{kind},{'failed' if failed else 'ok'},{at:%Y-%m-%dT%H:%M:%SZ},{end:%Y-%m-%dT%H:%M:%SZ},"
                        f"{version},{region},{'connect ECONNREFUSED 10.0.0.1:5432' if failed else ''}")
            truth["runs"] += 1
            truth["failed"] += failed
            truth["inside"][0] += bad and failed
            truth["inside"][1] += bad
    path = f"{folder}/history.csv"
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n".join(rows) + "\n")
    return path, truth


@pytest.fixture
def filled(daemon, folder):
    d = daemon(CONFIG)
    path, truth = history(folder)
    d.run("import", "csv", path, "--column", "job=job,type=type,queue=queue,outcome=status,start=began,end=ended,error=error", code=0)
    return d, truth


def time_of(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def test_the_planted_cause_and_its_beginning_are_found_with_exact_counts(filled):
    d, truth = filled
    a = d.run("analyze", "--since", "24h", "--json", code=0).json()
    assert (a["runs"], a["failures"]) == (truth["runs"], truth["failed"])
    assert a["rate"]["low"] < truth["failed"] / truth["runs"] < a["rate"]["high"]
    first = a["conditions"][0]
    assert first["where"] == {"label region": "eu", "label version": "v2"}
    assert first["inside"] == {"failed": truth["inside"][0], "runs": truth["inside"][1]}
    assert "sampled" not in a and a["poison"] == [] and a["gone"] == []
    assert a["onset"]["kind"] == "sudden"
    assert abs((time_of(a["onset"]["at"]) - BEGAN).total_seconds()) < 600
    assert time_of(a["onset"]["from"]) <= time_of(a["onset"]["at"]) <= time_of(a["onset"]["to"])
    pattern = a["patterns"][0]
    assert pattern["count"] == truth["failed"] and pattern["share"] == 1
    assert pattern["onset"]["kind"] == "sudden" and pattern["conditions"][0]["where"] == first["where"]
    assert {t["type"]: t["rate"]["failures"] for t in a["types"]} == pattern["types"]
    assert {t["type"] for t in a["type_onsets"]} == {"mail", "report"}
    for t in a["type_onsets"]:
        assert t["onset"]["kind"] == "sudden" and abs((time_of(t["onset"]["at"]) - BEGAN).total_seconds()) < 1800
    assert [(n["node"], n["rate"]["failures"], n["rate"]["runs"]) for n in a["nodes"]] == [("import", truth["failed"], truth["runs"])]


def test_one_type_and_an_early_window_count_only_their_own(filled):
    d, truth = filled
    mail = d.run("analyze", "--since", "24h", "--type", "mail", "--json", code=0).json()
    report = d.run("analyze", "--since", "24h", "--type", "report", "--json", code=0).json()
    assert mail["runs"] + report["runs"] == truth["runs"] and mail["failures"] + report["failures"] == truth["failed"]
    before = d.run("analyze", "--since", "24h", "--until", f"{BEGAN:%Y-%m-%dT%H:%M:%SZ}", "--json", code=0).json()
    assert before["onset"] == {"kind": "none"} and before["conditions"] == []
    assert before["failures"] < truth["failed"] / 2


def test_the_words_name_cause_and_beginning(filled):
    d, truth = filled
    words = " ".join(d.run("analyze", "--since", "24h", code=0).out.split())
    assert "label region=eu and label version=v2" in words and "began suddenly" in words and "95 % interval" in words
    by_type = {t["type"]: t["rate"] for t in d.run("analyze", "--since", "24h", "--json", code=0).json()["types"]}
    for name, rate in by_type.items():
        assert f"{name} {rate['failures']:,} of {rate['runs']:,} ({100 * rate['rate']:.2g}" in words
    inside, runs = truth["inside"]
    assert f"{inside:,} of {runs:,}" in words


def test_patterns_that_have_no_place_are_counted_and_named_by_a_command(daemon, folder):
    d = daemon(CONFIG)
    words = "alpha bravo carol delta eagle frost grape hotel index joker karma lemon mango north ocean piano quiet river solar tiger".split()
    texts = [f"{a} {b} refused the {b} of {a}" for a in words for b in words if a != b][:70]
    rows = ["job,type,status,began,ended,error"]
    for n, text in enumerate(texts):
        for k in range(3 if n < 50 else 1):
            rows.append(f"j{n}-{k},mail,failed,{NOW:%Y-%m-%dT%H:%M:%SZ},{NOW:%Y-%m-%dT%H:%M:%SZ},{text}")
    with open(f"{folder}/many.csv", "w", encoding="utf-8") as f:
        f.write("\n".join(rows) + "\n")
    d.run("import", "csv", f"{folder}/many.csv", "--column", "job=job,type=type,outcome=status,start=began,end=ended,error=error", code=0)
    a = d.run("analyze", "--since", "24h", "--json", code=0).json()
    total = len(d.get("/v1/patterns?limit=1000")["items"])
    assert a["failures"] == 3 * 50 + 20 and len(a["patterns"]) == 50 and total > 50
    assert a["more_patterns"] == {"patterns": total - 50, "failures": a["failures"] - sum(p["count"] for p in a["patterns"])}
    out = " ".join(d.run("analyze", "--since", "24h", code=0).out.split())
    left = a["failures"] - sum(p["count"] for p in a["patterns"][:6])
    assert f"{total} patterns cover" in out
    assert f"… and {total - 6} smaller patterns of {left} failures: reprise patterns --since 24h" in out
    listed = d.run("patterns", "--since", "24h", "--json", code=0).json()["items"]
    assert len(listed) == total


VOID = {"meta", "rect", "line"}


class Page(html.parser.HTMLParser):
    """Open tags must be closed in order; ids and the references to them are kept."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.labelled, self.tags, self.text = [], set(), [], [], ""
        self.feed(text)
        assert self.open == [], self.open

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append((tag, attrs))
        if "id" in attrs:
            assert attrs["id"] not in self.ids
            self.ids.add(attrs["id"])
        self.labelled += (attrs.get("aria-labelledby") or "").split()
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        assert tag in VOID
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, f"</{tag}> after {self.open}"

    def handle_data(self, data):
        self.text += data


def luminance(colour):
    digits = colour.lstrip("#")
    digits = "".join(c * 2 for c in digits) if len(digits) == 3 else digits
    parts = [int(digits[i:i + 2], 16) / 255 for i in (0, 2, 4)]
    r, g, b = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def check_contrast(text):
    """WCAG 2.2: 4.5 to 1 for text (1.4.3), 3 to 1 for shapes that tell something (1.4.11), light and dark."""
    schemes = [dict(re.findall(r"--(\w+):(#\w+)", rule)) for rule in re.findall(r":root\{([^}]*)\}", text)]
    assert len(schemes) == 2
    for colours in schemes:
        def against_paper(name):
            pair = sorted([luminance(colours[name]), luminance(colours["paper"])])
            return (pair[1] + 0.05) / (pair[0] + 0.05)
        for name, least in (("ink", 4.5), ("soft", 4.5), ("mark", 4.5), ("bad", 3), ("calm", 3)):
            assert against_paper(name) >= least, (name, colours, against_paper(name))


def check_columns(page):
    """A number stands below its title: both at the right."""
    titles = cells = None
    for tag, attributes in page.tags:
        if tag == "table":
            titles = []
        elif tag == "th":
            titles.append(attributes.get("class"))
        elif tag == "tr":
            cells = iter(titles)
        elif tag == "td":
            assert attributes.get("class") == next(cells), (titles, attributes)


def check_page(text):
    page = Page(text)
    assert not re.search(r"(src|href|url)\s*[=(]|<script|@import", text), "it must need nothing else"
    assert page.labelled and set(page.labelled) <= page.ids
    pictures = [a for t, a in page.tags if t == "svg"]
    assert all(a.get("role") == "img" and a.get("aria-labelledby") for a in pictures)
    assert pictures or ("ul", {"class": "bars"}) in page.tags
    assert not re.search(r"<svg[^>]*>(?:(?!</svg>).)*<text", text, re.S), "a stretched picture holds no text"
    scrolling = [a for t, a in page.tags if a.get("class") == "scroll"]
    assert scrolling and all(a.get("tabindex") == "0" and a.get("role") == "region" and a.get("aria-labelledby") for a in scrolling)
    assert [t for t, _ in page.tags].count("main") == 1 and [t for t, _ in page.tags].count("h1") == 1
    check_contrast(text)
    check_columns(page)
    assert ("html", {"lang": "en"}) in page.tags and "prefers-color-scheme:dark" in text
    assert sum(t == "caption" for t, _ in page.tags) == sum(t == "table" for t, _ in page.tags) > 0
    assert all(a.get("scope") == "col" for t, a in page.tags if t == "th")
    return page


def test_the_page_holds_pictures_with_their_tables_and_needs_nothing_else(filled, folder):
    d, truth = filled
    d.run("analyze", "--since", "24h", "--html", f"{folder}/a.html", code=0)
    page = check_page(open(f"{folder}/a.html", encoding="utf-8").read())
    assert f"{truth['failed']} failures of {truth['runs']:,} runs" in page.text
    assert "label region=eu and label version=v2" in page.text and "Failing began at 20" in page.text
    assert "type mail" in page.text and "queue q-report" in page.text
    assert sum(t == "rect" for t, _ in page.tags) > 100


def test_foreign_text_in_a_page_is_text(folder):
    from reprise import run
    path = f"{folder}/t.csv"
    with open(path, "w", encoding="utf-8") as f:
        f.write("kind,status\n" + '<script>alert("1")</script>&,bad\nfine,good\n' * 40)
    out = run("analyze", "--csv", path, "--failed", "status=bad", "--html", "-", code=0).out
    assert 'kind=<script>alert("1")</script>&' in check_page(out).text


def test_patterns_of_no_known_class_cover_their_failures_and_are_counted_apart(daemon):
    d = daemon("jobs:\n  odd: { shell: 'echo flobbergast the quux >&2; exit 1' }\n  down: { shell: 'echo Connection refused >&2; exit 1' }\n")
    jobs = [d.enqueue(t) for t in ("odd", "down", "down", "down")]
    for job in jobs:
        d.wait_state(job, "failed")
    out = " ".join(d.run("analyze", "--since", "1h", code=0).out.split())
    assert "2 patterns cover 100 % 1 of them of no known class" in out
    assert d.run("analyze", "--since", "1h", "--json", code=0).json()["unexplained"] == 1
