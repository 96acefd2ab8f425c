"""What black-box tests share: the program, a daemon of one's own in a temporary folder, HTTP over its Unix socket, waiting for conditions.

A test drives $REPRISE_BIN as a user would. Nothing sleeps and hopes: wait_for polls a condition with a deadline."""
import dataclasses
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).parents[2]
BIN = os.environ.get("REPRISE_BIN") or str(ROOT / "build" / "reprise")
SHARED = pathlib.Path(os.environ.get("RP_SHARED") or ROOT.parent / "shared")
DEADLINE_S = 90  # of what must come about: late enough for any machine, as nothing is measured by it
# A program built with a sanitizer needs more memory and time than its own: scripts/test-long says by how much (docs/testing.md).
SLACK = float(os.environ.get("RP_SANITIZER_SLACK") or 1)
SANITIZED = SLACK > 1
SEED = int(os.environ.get("RP_SEED") or 20261126)  # each time the same choices; scripts/test-long makes others


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
    base |= {k: v for k, v in os.environ.items() if k in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS")}
    return base | {k: str(v) for k, v in more.items() if v is not None}


def run(*args, code=None, input=None, env=None, cwd=None, timeout=180):
    """The program once, in environment() or `env`; checks its exit code if one is given."""
    done = subprocess.run([BIN, *map(str, args)], input=input.encode() if isinstance(input, str) else input, capture_output=True,
                          timeout=timeout, cwd=cwd, env=environment() if env is None else env)
    answer = Answer(done.returncode, done.stdout.decode(errors="surrogateescape"), done.stderr.decode(errors="surrogateescape"))
    assert code is None or answer.code == code, f"{args}: exit {answer.code}, wanted {code}\n{answer.out}\n{answer.err}"
    return answer


def wait_for(condition, what="the condition", deadline_s=DEADLINE_S):
    """Polls until condition() is true and gives back its value."""
    until = time.monotonic() + deadline_s
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < until, f"{what} did not come true in {deadline_s} s"
        time.sleep(0.02)


def stretch():
    """How many times longer work takes now than on a machine that does nothing else: its time on the clock by its processor time."""
    clock, own = time.monotonic(), time.process_time()
    while (worked := time.process_time() - own) < 0.1:
        pass
    return max(1, (time.monotonic() - clock) / worked)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=DEADLINE_S)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(DEADLINE_S)
        self.sock.connect(self.path)


def remove_cgroups(pid):
    """The empty folders of a killed daemon whose store goes too: nobody else would take them away."""
    for root in {line.split()[4] for line in open("/proc/self/mountinfo") if " - cgroup2 " in line}:
        for at, _, _ in os.walk(root, topdown=False):
            if f"-{pid}-" in at and "/reprise-" in at:
                try:
                    os.rmdir(at)
                except OSError:
                    pass  # it is not empty: not ours


class Daemon:
    """`reprise serve` with a configuration text. Use as a context; kill() and start() again as often as you like."""

    def __init__(self, config, wrap=(), env=None):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="rp-e2e-"))
        self.socket = str(self.dir / "s")
        self.config = self.dir / "reprise.yaml"
        self.wrap, self.env = list(wrap), env or {}
        self.write_config(config)
        self.process = None
        self.pids = []  # of all that were started

    def write_config(self, config):
        self.config.write_text(f"store: sqlite://{self.dir}/reprise.db\nsocket: {self.socket}\nnode: test\n"
                               + ("" if "listen:" in config else "listen: \"\"\n") + config)

    def start(self, ready=True):
        self.log = open(self.dir / "daemon.log", "ab")
        self.log_from = self.log.tell()
        self.process = subprocess.Popen([*self.wrap, BIN, "serve", "--config", str(self.config)], stderr=self.log, stdout=self.log,
                                        env=environment(**self.env), start_new_session=True, cwd=self.dir)
        self.pids.append(self.process.pid)
        if ready:
            wait_for(self.ready, "readyz")
        return self

    def ready(self):
        """It answers as soon as it can write, and says that it is ready once all its threads and what they hold are there."""
        assert self.process.poll() is None, f"the daemon ended: {self.logged()}"
        try:
            return self.http("GET", "/readyz")[0] == 200 and 'msg="ready"' in self.logged(self.log_from)
        except OSError:
            return False

    def logged(self, since=0):
        return (self.dir / "daemon.log").read_bytes()[since:].decode(errors="replace")

    def port(self):
        """Where it listens on TCP."""
        return int(wait_for(lambda: re.search(r" port=(\d+)", self.logged(self.log_from)), what="the port")[1])

    def stop(self, sig=signal.SIGTERM, timeout=DEADLINE_S):
        self.process.send_signal(sig)
        code = self.process.wait(timeout)
        self.process = None
        return code

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process = None

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def __enter__(self):
        return self.start()

    def __exit__(self, *error):
        leaks, ended = "", None if self.process is None else self.process.poll()
        if ended is not None and ended != 0 and -ended not in (signal.SIGKILL, signal.SIGTERM):
            leaks = f"it had ended by itself with {ended}: {self.logged()[-6000:]}"
        elif self.process is not None and SANITIZED and error[0] is None and ended is None:
            leaks = self.end_at_once()
        elif self.process is not None:
            self.process.kill()
            self.process.wait()
        for pid in self.pids:
            remove_cgroups(pid)
        if error[0] is not None:
            print(self.logged()[-4000:])
        shutil.rmtree(self.dir, ignore_errors=True)
        assert not leaks, leaks

    def end_at_once(self):
        """Its end by signals, so that a sanitizer can look what was not given back: its words, if it found something."""
        for _ in range(2):
            self.process.send_signal(signal.SIGTERM)
            time.sleep(0.1)
        code = self.process.wait(DEADLINE_S)
        return "" if code == 0 else f"exit {code}: {self.logged()[-6000:]}"

    # ---- what it holds, by the kernel's account ----

    def memory(self, what="RssAnon"):
        """Bytes of its own (files that are mapped do not count); VmHWM: the most so far, with those."""
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) << 10 for line in status if line.startswith(what + ":"))

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    # ---- HTTP ----

    def http(self, method, path, body=None, headers=None):
        connection = UnixConnection(self.socket)
        try:
            text = body if isinstance(body, (bytes, str)) or body is None else json.dumps(body)
            connection.request(method, path, body=text, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def call(self, method, path, body=None, status=None):
        got, answer = self.http(method, path, body)
        assert got == status if status else got < 300, f"{method} {path}: {got} {answer[:600]}"
        return json.loads(answer)

    def get(self, path):
        return self.call("GET", path)

    def post(self, path, body=None, status=None):
        return self.call("POST", path, body if body is not None else {}, status)

    def enqueue(self, type, **more):
        return self.post("/v1/jobs", {"type": type, **more})["id"]

    def job(self, id):
        return self.get(f"/v1/jobs/{id}")

    def attempts(self, id):
        return self.get(f"/v1/jobs/{id}/attempts")["items"]

    def output(self, id, n="latest", stream=0):
        return self.http("GET", f"/v1/jobs/{id}/attempts/{n}/output?stream={stream}")[1]

    def wait_state(self, id, *states, deadline_s=DEADLINE_S):
        return wait_for(lambda: (lambda j: j if j["state"] in states else None)(self.job(id)), f"job {id} in {states}", deadline_s)

    # ---- the command line ----

    def run(self, *args, **more):
        return run(*args, env=environment(REPRISE_SOCKET=self.socket, XDG_STATE_HOME=self.dir / "state"), **more)

    def cli(self, *args, code=0, **more):
        answer = self.run(*args, **more)
        assert code is None or answer.code == code, f"{args}: exit {answer.code}, wanted {code}\n{answer.out}\n{answer.err}\n{self.looks()}"
        return answer

    def looks(self):
        """For a failure that cannot be had again: whether the daemon lives, its socket, who waits for what."""
        pid = self.process.pid if self.process is not None else None
        said = [f"the daemon: pid {pid}, ended with {self.process.poll() if pid else '-'}, socket there: {os.path.exists(self.socket)}"]
        for what in ("/proc/loadavg", "/proc/meminfo", f"/proc/{pid}/status", f"/proc/{pid}/limits"):
            try:
                said.append(f"{what}: {pathlib.Path(what).read_text()[:1500]}")
            except OSError as e:
                said.append(f"{what}: {e}")
        return "\n".join([*said, self.logged()[-2000:]])

    def json(self, *args, **more):
        answer = self.run(*args, "--json", **more)
        assert answer.out, f"reprise {args}: {answer}"
        return answer.json()


def processes_with(text):
    """Pids of processes whose command line holds the text."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if text.encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                pass
    return found


def width(line):
    """Characters of a line without its colours."""
    return len(re.sub(r"\x1b\[[0-9;]*m", "", line))
