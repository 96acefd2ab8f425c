"""Helpers of the black-box tests: the program, a daemon in a temporary folder, a canned daemon for rendering.

Nothing here sleeps to wait for something: `until` polls a condition with a deadline."""
import dataclasses
import http.server
import json
import os
import pathlib
import re
import signal
import socketserver
import subprocess
import threading
import time

BIN = os.environ.get("REPRISE_BIN") or str(pathlib.Path(__file__).parents[2] / "build" / "reprise")
ROOT = pathlib.Path(__file__).parents[2]


@dataclasses.dataclass
class Answer:
    code: int
    out: str
    err: str

    def json(self):
        return json.loads(self.out)


def environment(**more):
    """A small, known environment: nothing of the person who runs the tests leaks in."""
    base = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": "/nonexistent"}
    return base | {k: str(v) for k, v in more.items() if v is not None}


def run(*args, env=None, input=None, cwd=None, timeout=30):
    """Runs reprise with the arguments: exit code, standard output, standard error."""
    done = subprocess.run([BIN, *map(str, args)], env=env or environment(), cwd=cwd, timeout=timeout, capture_output=True,
                          input=input.encode() if isinstance(input, str) else input)
    return Answer(done.returncode, done.stdout.decode(errors="surrogateescape"), done.stderr.decode(errors="surrogateescape"))


def until(condition, seconds=20, what="the condition"):
    """The first true value of condition(), polled; fails with `what` after the deadline."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"{what} did not come within {seconds} s")


class Daemon:
    """`reprise serve` on a socket in a folder of its own."""

    def __init__(self, folder, config=""):
        self.folder = pathlib.Path(folder)
        self.config = self.folder / "reprise.yaml"
        self.socket = self.folder / "reprise.sock"
        self.log = self.folder / "daemon.log"
        self.process = None
        self.write(config)

    def write(self, config):
        text = config if "store:" in config else f"store: sqlite://{self.folder}/reprise.db\n" + config
        if "socket:" not in text:
            text = f"socket: {self.socket}\nlisten: \"\"\n" + text
        self.config.write_text(text)

    def env(self, **more):
        return environment(REPRISE_SOCKET=self.socket, XDG_STATE_HOME=self.folder / "state", **more)

    def start(self, *options):
        log = open(self.log, "ab")
        self.process = subprocess.Popen([BIN, "serve", "--config", str(self.config), *options], env=self.env(), stdout=log,
                                        stderr=log, cwd=self.folder)
        log.close()
        until(self.ready, what=f"readiness ({self.log.read_text()[-2000:]})")
        return self

    def ready(self):
        assert self.process.poll() is None, f"the daemon ended with {self.process.returncode}: {self.log.read_text()[-2000:]}"
        asked = subprocess.run(["curl", "-sf", "-m", "2", "--unix-socket", str(self.socket), "http://localhost/readyz"],
                               capture_output=True)
        return asked.returncode == 0

    def run(self, *args, **kwargs):
        return run(*args, env=self.env(), **kwargs)

    def json(self, *args, **kwargs):
        answer = self.run(*args, "--json", **kwargs)
        assert answer.out, f"reprise {args}: {answer}"
        return answer.json()

    def stop(self, sig=signal.SIGTERM, seconds=30):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(sig)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise
        return self.process.returncode if self.process else None


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


def width(line):
    return len(re.sub(r"\x1b\[[0-9;]*m", "", line))
