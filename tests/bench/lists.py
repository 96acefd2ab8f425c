"""What a person or a page asks first, on a store with much history: each answer must be there at once (U31, G19)."""
import statistics

import rig
from rig import row

JOBS = ["", "?state=failed", "?state=failed&type=work", "?state=failed&since=24h", "?state=failed&since=20d&until=10d", "?state=unknown",
        "?state=queued", "?state=succeeded", "?type=work&since=1h", "?pattern=P1"]
ASKED = {"jobs": [f"/v1/jobs{q}" for q in JOBS],
         "count of failed jobs": ["/v1/jobs/count?state=failed"],
         "attempts": ["/v1/attempts", "/v1/attempts?since=24h"],
         "patterns": ["/v1/patterns", "/v1/patterns/P1"],
         "status, queues, types, metrics": ["/v1/status", "/v1/queues", "/v1/types", "/v1/types/work", "/metrics"],
         "replays, purges, deploys": ["/v1/replays", "/v1/purges", "/v1/deploys"]}
TIMES = 5


def took_ms(d, path):
    status = d.http("GET", path)[0]
    if status != 200:
        raise RuntimeError(f"{path}: {status}")
    return statistics.median(rig.seconds(lambda: d.http("GET", path)) for _ in range(TIMES)) * 1e3


def first_pages(d, name):
    """A row for each kind of list: its slowest question."""
    rows = []
    for what, paths in ASKED.items():
        found = {path: took_ms(d, path) for path in paths}
        rows.append(row(f"first page of {what}, {name}", max(found.values()), "ms", ("<=", 50), each=found))
    return rows
