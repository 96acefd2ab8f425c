"""A daemon that answers what it was told to, and answers of one in the middle of an incident: for the tests of rendering."""
import datetime
import http.server
import json
import socketserver
import threading

from reprise import environment, run


class _Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def address_string(self):
        return "unix"

    def _answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        self.server.seen.append((self.command, self.path, dict(self.headers), body))
        status, kind, text, extra = self.server.find(self.command, self.path)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text)))
        for name, value in extra.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = _answer


class Canned(socketserver.ThreadingUnixStreamServer):
    """Answers what it was told to; for tests of rendering, requests and exit codes only."""
    daemon_threads = True

    def __init__(self, path):
        self.answers, self.seen, self.path = {}, [], path
        super().__init__(str(path), _Handler)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def on(self, request, answer, status=200, **headers):
        """`on("GET /v1/jobs", {...})`; of several answers to one request each comes once, the last one stays. `?…` of a
        request is looked at only where a path with it was given."""
        if isinstance(answer, bytes):
            entry = (status, "text/plain", answer, headers)
        else:
            kind = "application/problem+json" if status >= 400 else "application/json"
            entry = (status, kind, json.dumps(answer).encode(), headers)
        self.answers.setdefault(request, []).append(entry)
        return self

    def problem(self, request, status, slug, detail, hint=None):
        return self.on(request, {"type": f"urn:reprise:problem:{slug}", "title": slug, "status": status, "detail": detail}
                       | ({"hint": hint} if hint else {}), status=status)

    def find(self, method, path):
        for key in (f"{method} {path}", f"{method} {path.partition('?')[0]}"):
            if key in self.answers:
                found = self.answers[key]
                return found.pop(0) if len(found) > 1 else found[0]
        return 404, "application/problem+json", json.dumps(
            {"type": "urn:reprise:problem:not-found", "title": "not found", "status": 404, "detail": f"nothing at {path}"}).encode(), {}

    def env(self, **more):
        return environment(REPRISE_SOCKET=self.path, **more)

    def run(self, *args, **kwargs):
        return run(*args, env=self.env(), **kwargs)

    def sent(self, path):
        """The JSON bodies that were posted to a path."""
        return [json.loads(body) for method, where, _, body in self.seen if method == "POST" and where == path]


def ago(seconds):
    at = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=seconds)
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


REFUSED = "connection to server at <*>, port <*> failed: Connection refused"


def status(**changes):
    return {
        "node": "web-1", "version": "0.1.0", "now": ago(0), "started_at": ago(86400), "last_tick_at": ago(0.4), "ready": True,
        "stopping": False, "covers": "cgroup",
        "schedules": {"active": 38, "paused": 1, "missed": [{"name": "nightly-export", "instant": ago(1800), "why": "down"}]},
        "failures": {"window_s": 900, "runs": 4120, "failed": 952, "rate": 0.231, "above": 0.1, "alert": True, "since": ago(420)},
        "retried_failures": 12,
        "queues": [{"name": "billing", "waiting": 1204, "oldest_at": ago(540), "held": 3, "running": 4},
                   {"name": "mail", "waiting": 0, "paused": {"by": "uid:ops", "since": ago(60)}},
                   {"name": "media", "waiting": 17, "oldest_at": ago(5)}],
        "impact": [{"type": "reconciliation", "failed": 840, "unknown": 0, "critical": False, "since": ago(420)},
                   {"type": "invoice", "failed": 112, "unknown": 0, "critical": True, "since": ago(300)}],
        "failed_total": 952, "unknown_total": 2,
        "deps": [{"name": "billing-db", "state": "down", "since": ago(540)}, {"name": "stripe-api", "state": "up"}],
        "replays": [{"id": "R1", "state": "running", "to_replay": 104, "fates": {"succeeded": 75}}],
        "running": 21, "next": ["reprise analyze --since 1h", "reprise deps"],
    } | changes


def job(**changes):
    return {
        "id": "4711", "type": "reconciliation", "queue": "billing", "state": "failed", "priority": 0, "key": "2026-11-23",
        "payload": {"month": "2026-10", "tenant": 7}, "labels": {"region": "eu"}, "attempts": 3, "max_attempts": 3,
        "created_at": ago(1000), "due_at": ago(1000), "started_at": ago(990), "ended_at": ago(420), "schedule": "nightly",
        "error": {"message": "connection to server at 10.0.0.5, port 5432 failed: Connection refused", "class": "connection",
                  "pattern": "P7"}, "last_n": 3,
    } | changes


def attempts():
    return {"items": [
        {"n": 1, "outcome": "failed", "node": "web-1", "started_at": ago(990), "ended_at": ago(987), "duration_us": 3100000,
         "ended_by": "itself", "exit": {"code": 1, "cpu_us": 410000, "memory_peak": 84000000},
         "error": {"message": "connection refused"}, "class": "connection", "pattern": "P7", "rule": "text: connection refused",
         "output_bytes": 120, "output_dropped": 0},
        {"n": 2, "outcome": "timeout", "node": "web-1", "started_at": ago(700), "ended_at": ago(400), "duration_us": 300000000,
         "ended_by": "the time limit", "exit": {"signal": "SIGKILL", "cpu_us": 99000, "memory_peak": 512000000},
         "survivors": "sleep (4711), node (4712)", "error": {"message": "timed out after 5 min"}, "class": "timeout",
         "output_bytes": 600000, "output_dropped": 88000},
    ]}


def failures():
    return {"total": 952, "items": [
        {"type": "reconciliation", "class": "connection", "template": REFUSED, "sample": "x", "pattern": "P7", "count": 840,
         "first": ago(420), "last": ago(5), "sample_job": "4711", "critical": False},
        {"type": "invoice", "class": "rate_limit", "template": "Stripe: rate limit exceeded (request <*>)", "pattern": "P9",
         "count": 112, "first": ago(300), "last": ago(60), "sample_job": "4801", "critical": True}]}


def analysis():
    condition = {"where": {"node": "web-2", "dependency billing-db": "down"}, "inside": {"failed": 830, "runs": 840},
                 "outside": {"failed": 122, "runs": 3280}, "lift": 4.28, "q": 3e-200, "coverage": 0.87,
                 "shadows": [{"where": {"queue": "billing"}, "inside": {"failed": 840, "runs": 1100}, "lift": 3.3, "q": 1e-90,
                              "outside": {"failed": 112, "runs": 3020}, "coverage": 0.88}], "more_shadows": 2}
    return {"window": {"since": ago(3600), "until": ago(0)}, "runs": 4120, "failures": 952, "unexplained": 10,
            "rate": {"runs": 4120, "failures": 952, "rate": 0.231, "low": 0.218, "high": 0.244},
            "last_hour": {"runs": 4120, "failures": 952, "rate": 0.231, "low": 0.218, "high": 0.244},
            "same_hour_before": {"runs": 28000, "failures": 504, "rate": 0.018, "low": 0.0165, "high": 0.0196},
            "onset": {"kind": "sudden", "at": ago(420), "from": ago(430), "to": ago(410), "before": 0.018, "after": 0.61},
            "suspects": [{"at": ago(425), "kind": "dependency down", "what": "billing-db"}], "conditions": [condition],
            "poison": [{"job": "4801", "type": "invoice", "pattern": "P3", "failures": 4, "nodes": 2, "successes_of_others": 61,
                        "first": ago(300), "last": ago(60)}], "gone": [{"id": "P2"}], "types": [], "queues": [], "patterns": [
        {"id": "P7", "new": True, "onset": {"kind": "slow", "at": ago(420), "from": ago(430), "to": ago(410), "before": 0.0,
                                            "after": 0.4}, "suspects": [], "conditions": [condition], "template": REFUSED, "class": "connection", "group": "dependency",
         "action": "check the dependency, then replay", "count": 840, "share": 0.88, "first": ago(420), "last": ago(5),
         "types": {"reconciliation": 840}, "samples": ["4711", "4712"]},
        {"id": "P3", "template": "TypeError: Cannot read properties of undefined (reading <*>)", "class": "code_bug",
         "group": "code", "action": "fix the code, then replay", "count": 102, "share": 0.1, "first": ago(300), "last": ago(60),
         "types": {"invoice": 91, "mail": 11}, "samples": ["4801"]}]}


def plan(**changes):
    return {
        "matched": 851, "to_replay": 840, "left_out": {"class code without a deploy since": 11},
        "preflight": [{"check": "dependencies", "state": "fails", "says": "billing-db is down"},
                      {"check": "workers", "state": "holds", "says": "3 alive"},
                      {"check": "duplicates", "state": "holds", "says": ""}],
        "canary": 10, "waves": [10, 50, 100, 200, 200, 200, 80], "rate": 20, "plan": "5f1c9a7e00d1b2c3",
        "estimate_s": {"low": 240, "mid": 360, "high": 480}, "risk": {"none": 0, "safe": 838, "unknown": 2, "partial": 0},
        "halt": {"baseline": 0.018, "p0": 0.036, "decision_rate": 0.18, "decision_after": 9},
        "undo": {"can_compensate": {}, "cannot_compensate": {"reconciliation": 840}},
        "refused": {"check": "dependencies", "says": "billing-db is down", "hint": "bring billing-db back first"},
    } | changes


def replay(state="done", succeeded=104, failed=0, **changes):
    return {
        "id": "R1", "state": state, "actor": "uid:ops", "created_at": ago(60), "started_at": ago(60),
        "matched": 115, "left_out": 11, "to_replay": 104, "wave": 3, "canary": 5, "wave_max": 50,
        "progress": {"ended": succeeded + failed, "failed": failed},
        "fates": {"succeeded": succeeded, "failed_same": failed, "failed_new": 0, "skipped": 0, "unknown": 0, "running": 0,
                  "not_run": 104 - succeeded - failed},
    } | ({"ended_at": ago(2)} if state == "done" else {}) | changes


def incident(server):
    """Everything that the commands of reading ask for."""
    queues = {"items": [
        {"name": "billing", "scheduled": 2, "waiting": 1204, "running": 4, "retrying": 12, "held": 3, "failed": 952,
         "oldest_at": ago(540), "weight": 1, "done_5m": 830, "failed_5m": 40},
        {"name": "mail", "waiting": 0, "running": 0, "retrying": 0, "held": 0, "failed": 0, "weight": 1, "done_5m": 0,
         "failed_5m": 0, "paused": {"by": "uid:ops", "since": ago(60), "reason": "bounces"}}]}
    schedules = {"items": [
        {"name": "nightly", "type": "reconciliation", "expr": "0 2 * * *", "zone": "Europe/Berlin", "active": True,
         "next_at": ago(-40000), "last_at": ago(46400), "last_job": "4711", "last_state": "failed", "missed_24h": 0},
        {"name": "nightly-export-of-everything", "type": "export", "expr": "*/15 9-17 * * MON-FRI", "zone": "UTC",
         "active": True, "next_at": ago(-900), "missed_24h": 2}]}
    types = {"items": [
        {"name": "reconciliation", "configured": True, "external": False, "critical": True, "waiting": 1204, "running": 4,
         "retrying": 12, "failed": 840, "unknown": 0, "runs_24h": 12040, "failed_24h": 851},
        {"name": "old-thing", "configured": False, "external": False, "critical": False, "held": "type gone", "waiting": 3,
         "running": 0, "retrying": 0, "failed": 0, "unknown": 0, "runs_24h": 0, "failed_24h": 0}]}
    one_type = types["items"][0] | {
        "settings": {"run": ["node", "dist/reconcile.js"], "queue": "billing", "timeout_s": 300, "retries": 3,
                     "idempotent": True, "needs": ["billing-db"]}, "source": "reconciliation:\n  run: [node]\n"}
    deps = {"items": [
        {"name": "billing-db", "kind": "postgres", "target": "127.0.0.1:5432/billing", "state": "down", "since": ago(540),
         "checked_at": ago(2), "says": "connection refused", "held": 1204},
        {"name": "stripe-api", "kind": "http", "target": "https://api.example.com/health", "state": "up", "since": ago(9000),
         "latency_us": 84000, "says": "200", "held": 0}]}
    pattern = {"id": "P7", "template": REFUSED, "class": "connection", "group": "dependency",
               "action": "check the dependency, then replay", "rule": "text: connection refused", "failures": 840,
               "first": ago(420), "last": ago(5)}
    server.on("GET /v1/status", status())
    server.on("GET /v1/doctor", {"findings": [
        {"check": "store", "state": "holds", "says": "writes in 0.4 ms"},
        {"check": "process trees", "state": "fails", "says": "no writable cgroup: a job that hides its children may leave some",
         "hint": "run the daemon by its systemd unit, which delegates one"},
        {"check": "clock", "state": "unknown", "says": "no time service answers"}]})
    server.on("GET /v1/jobs", {"items": [job(), job(id="4712", state="running", error=None, type="a-rather-long-type-name-indeed"),
                                         job(id="4713", state="queued", held="dependency billing-db is down", error=None)],
                               "next_cursor": "abc"})
    server.on("GET /v1/jobs/count", {"count": 1204})
    server.on("GET /v1/jobs/failures", failures())
    server.on("GET /v1/jobs/4711", job()).on("GET /v1/jobs/4711/attempts", attempts())
    server.on("GET /v1/jobs/4711/attempts/1/output?stream=1", b"reconciling 7\nopening billing-db\n")
    server.on("GET /v1/jobs/4711/attempts/1/output?stream=2", b"Error: connection refused\n  at connect (db.js:7)\n")
    server.on("GET /v1/jobs/4711/attempts/2/output?stream=1", b"a\nb\nc\nd\ne\nf\n")
    server.on("GET /v1/jobs/4711/attempts/2/output?stream=2", b"")
    server.on("GET /v1/jobs/4711/attempts/latest/output", b"reconciling 7\nError: connection refused\n")
    server.on("GET /v1/queues", queues).on("GET /v1/schedules", schedules).on("GET /v1/types", types)
    server.on("GET /v1/types/reconciliation", one_type)
    server.on("GET /v1/schedules/nightly", schedules["items"][0])
    server.on("GET /v1/schedules/nightly/next", {"expression": "0 2 * * *", "timezone": "Europe/Berlin",
                                                 "words": "at 02:00 every day", "next": [ago(-40000), ago(-126400)]})
    server.on("GET /v1/schedules/nightly/occurrences", {"items": [
        {"instant": ago(90000), "verdict": "ran", "job": "4711", "job_state": "failed", "lateness_us": 1400000},
        {"instant": ago(3600), "verdict": "missed", "why": "the daemon was down from 01:55 to 02:10 UTC on web-1"}]})
    server.on("GET /v1/dependencies", deps).on("POST /v1/dependencies/check", deps)
    server.on("GET /v1/patterns", {"items": [pattern]}).on("GET /v1/patterns/P7", pattern)
    server.on("POST /v1/patterns/P7", pattern | {"name": "billing db away"})
    server.on("POST /v1/analyses", analysis())
    server.on("GET /v1/replays", {"items": [replay(), replay("halted", 10, 4, id="R2")]})
    server.on("GET /v1/replays/R1", replay("done", 101, 3))
    server.on("GET /v1/replays/R1/items", {"items": [
        {"job": "4711", "type": "reconciliation", "wave": 1, "fate": "succeeded"},
        {"job": "4712", "type": "reconciliation", "wave": 2, "fate": "failed-same", "why": "connection refused again"}]})
    server.on("GET /v1/tokens", {"items": [{"id": "3", "name": "ci", "scope": "enqueue", "created_at": ago(9000),
                                            "last_used_at": ago(60)}]})
    return server
