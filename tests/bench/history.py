"""A store with much history, made in minutes: rows of two jobs that a daemon ran, copied by SQL while it is down, over thirty days."""
import sqlite3
import time

DAYS_US, HOUR_US = 30 * 86400 * 10**6, 3600 * 10**6
FAILED_EVERY, FIRST, CHUNK = 100, 1000, 500000
TIMES = ("created_at", "due_at", "started_at", "ended_at")


class History:
    """Writes ended jobs into a store that no daemon has open, one in a hundred of them failed (or in as many as is said), the rest gone well."""

    def __init__(self, path, succeeded, failed, failed_every=FAILED_EVERY):
        self.failed_every = failed_every
        self.db = sqlite3.connect(path, isolation_level=None)
        self.sources = {succeeded: 0, failed: 0}
        self.failed, self.succeeded = failed, succeeded
        for id in self.sources:
            self.sources[id] = self.db.execute("select created_at from job where id = ?", (id,)).fetchone()[0]
        for sql in ("journal_mode = delete", "synchronous = off", "locking_mode = exclusive", "cache_size = -262144", "foreign_keys = off"):
            self.db.execute("pragma " + sql)

    def columns(self, table):
        return [r[1] for r in self.db.execute(f"pragma table_info({table})")]

    def grow(self, most, seconds):
        """Up to `most` rows, or what can be written in that time; returns how many."""
        began, rows = time.monotonic(), 0
        start, step = int(time.time() * 1e6) - DAYS_US, DAYS_US // (most + 1)
        while rows < most and time.monotonic() - began < seconds:
            n = min(CHUNK, most - rows)
            self.db.execute("begin exclusive")
            self.chunk(FIRST + rows, FIRST + rows + n, start, step)
            self.db.execute("commit")
            rows += n
        self.db.execute("begin exclusive")
        self.count(rows, start, step)
        self.db.execute("commit")
        self.db.execute("pragma journal_mode = wal")
        self.db.close()
        return rows

    def chunk(self, first, last, start, step):
        for source, made in self.sources.items():
            kind = "=" if source == self.failed else "<>"
            moved = {c: f"s.{c} + {start - made} + (i - {FIRST}) * {step}" for c in TIMES}
            for table, id in (("job", "id"), ("attempt", "job_id")):
                names = self.columns(table)
                values = ", ".join("i" if c == id else moved.get(c, f"s.{c}") for c in names)
                self.db.execute(f"insert into {table}({', '.join(names)}) with recursive n(i) as (values({first}) union all select i + 1 from n "
                                f"where i + 1 < {last}) select {values} from (select * from {table} where {id} = {source} limit 1) s, n "
                                f"where i % {self.failed_every} {kind} 0")

    def count(self, rows, start, step):
        """What the store keeps beside its rows: failed jobs by the hour, the first id of an hour."""
        names = ", ".join(c for c in self.columns("tally") if c not in ("hour", "n"))
        self.db.execute(f"insert into tally({names}, hour, n) select {names}, ended_at / {HOUR_US}, count(*) from job where state = 6 "
                        f"and id >= {FIRST} group by {names}, ended_at / {HOUR_US} on conflict do update set n = n + excluded.n")
        for hour in range(start // HOUR_US, (start + DAYS_US) // HOUR_US + 1):
            first = max(0, -((start - hour * HOUR_US) // step))
            if first < rows:
                self.db.execute("insert into job_hour(hour, first_id) values (?, ?) on conflict do nothing", (hour, FIRST + first))
