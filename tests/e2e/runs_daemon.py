"""A small daemon for the tests of `reprise exec` that can hold locks, cancel, lose leases and die."""
import http.server
import json
import pathlib
import socketserver
import threading
import time


def rfc(seconds):
    whole, part = divmod(int(seconds * 1e6), 1_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{part:06d}Z"


class RunsDaemon:
    """What POST /v1/runs, …/finish, …/records and /v1/work/beat promise, in memory."""

    def __init__(self, path):
        self.path = str(path)
        self.lock = threading.Lock()
        self.lease_s = 30
        self.runs, self.finished, self.records, self.known, self.beats = {}, [], [], set(), []
        self.fences, self.held_by = {}, None
        self.cancel, self.lose, self.refuse, self.delay_answer_s = False, False, None, 0
        self.server = None

    def start(self):
        daemon = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def address_string(self):
                return "unix"

            def log_message(self, *_):
                pass

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with daemon.lock:
                    status, answer = daemon.answer(self.path, body)
                    delay = daemon.delay_answer_s
                time.sleep(delay)
                text = json.dumps(answer).encode()
                try:
                    self.send_response(status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(text)))
                    self.end_headers()
                    self.wfile.write(text)
                except OSError:
                    pass

        class Server(socketserver.ThreadingUnixStreamServer):
            daemon_threads = True

        pathlib.Path(self.path).unlink(missing_ok=True)
        self.server = Server(self.path, Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def stop(self):
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            pathlib.Path(self.path).unlink(missing_ok=True)
            self.server = None

    @staticmethod
    def problem(status, slug, detail, **extra):
        return status, {"type": f"urn:reprise:problem:{slug}", "title": slug, "status": status, "detail": detail, **extra}

    def answer(self, path, body):
        if self.refuse:
            return self.problem(*self.refuse)
        if path == "/v1/runs":
            return self.begin(body)
        if path == "/v1/runs/records":
            return self.take_records(body["records"])
        if path == "/v1/work/beat":
            return self.beat(body)
        if path.startswith("/v1/runs/") and path.endswith("/finish"):
            return self.finish(path.split("/")[3], body)
        return self.problem(404, "not-found", path)

    def begin(self, body):
        assert set(body) <= {"type", "key", "lock", "timeout_s", "worker", "lease_ms"}, body
        if "lock" in body and self.held_by:
            return self.problem(409, "lock-held", f"the lock {body['lock']} is held by {self.held_by} since 02:14")
        lease, now = str(len(self.runs) + 1), time.time()
        run = {"token": f"{int(lease):016x}", **body}
        self.runs[lease] = run
        answer = {"lease": lease, "token": run["token"], "attempt": 1, "deadline": rfc(now + self.lease_s),
                  "job": {"id": str(1000 + int(lease)), "type": body["type"], "key": body.get("key", "made-up-key"),
                          "started_at": rfc(now)}}
        if "lock" in body:
            answer["fence"] = self.fences[body["lock"]] = self.fences.get(body["lock"], 0) + 1
        return 201, answer

    def finish(self, lease, body):
        run = self.runs.get(lease)
        if not run or run["token"] != body["token"] or self.lose:
            return self.problem(409, "lease-lost", f"lease {lease} is not held any more")
        self.finished.append({**run, **body})
        return 200, {"state": body["outcome"]}

    def take_records(self, records):
        added = 0
        for r in records:
            if r["spool_id"] in self.known:
                continue
            self.known.add(r["spool_id"])
            self.records.append(r)
            added += 1
        return 200, {"added": added, "known": len(records) - added}

    def beat(self, body):
        self.beats.append(time.monotonic())
        return 200, [{"lease": one["lease"], "ok": not self.lose, **({"cancel": True} if self.cancel else {})}
                     for one in body["leases"]]
