"""The load of the kill test: clients that enqueue, work, report and ask again after a broken connection, and a ledger of what was
answered. What a client was never told is in `doubtful` and asked again with the same Idempotency-Key; what it was told is a promise."""
import collections
import http.client
import json
import random
import threading
import time

from reprise import UnixConnection

BATCH = 20
KEYS = 6

CONFIG = """max_running: 4
lease: 2s
shutdown_grace: 1s
replay: { settle: 1s, wave_max: 8 }
jobs:
  work: { idempotent: true, retries: 100, backoff: { kind: fixed, base: 1s }, poison_after: 100 }
  once: { idempotent: false, retries: 0 }
  mend: { idempotent: true, retries: 0 }
  patch:
    shell: >
      echo "$REPRISE_JOB_ID $REPRISE_ATTEMPT" >>%(dir)s/runs;
      [ -e %(dir)s/fixed ] || exit 1;
      sleep 0.3
    idempotent: true
    retries: 0
  command:
    shell: >
      echo "$REPRISE_JOB_ID $REPRISE_ATTEMPT" >>%(dir)s/runs;
      exec 9>%(dir)s/lock.$REPRISE_JOB_ID;
      flock -n 9 || echo "$REPRISE_JOB_ID $REPRISE_ATTEMPT" >>%(dir)s/overlaps;
      (setsid sleep 0.9 &);
      sleep $(cat)
    idempotent: true
    retries: 100
    backoff: { kind: fixed, base: 10ms }
    poison_after: 100
    grace: 200ms
  tick: { shell: 'echo "$REPRISE_JOB_ID $REPRISE_ATTEMPT" >>%(dir)s/runs', idempotent: true, schedule: "* * * * * *", missed: run-all, overlap: allow }
"""


class Ledger:
    """What was answered. One lock: the clients are few."""

    def __init__(self):
        self.lock = threading.Lock()
        self.tags = collections.Counter()       # tag → jobs that must carry it: answered enqueues
        self.ids = {}                           # job id → tag
        self.doubtful = {}                      # Idempotency-Key → (body, tag, n): sent, no answer seen
        self.asked_again = {}                   # Idempotency-Key → (body, ids): answered; asked again they must say the same
        self.reports = {}                       # (job, attempt) → (outcome, state): answered reports
        self.leases = {}                        # job → (attempt, deadline, over): the newest lease that a worker was given
        self.granted = set()                    # (job, attempt): all leases that workers were given
        self.wrong = []                         # sentences
        self.done = collections.Counter()

    def say(self, sentence):
        with self.lock:
            self.wrong.append(sentence)


class Client(threading.Thread):
    """Repeats step() until the daemon is gone or `stop` is set; a broken connection ends it, as the daemon was killed."""

    def __init__(self, name, daemon, ledger, stop, seed):
        super().__init__(name=name)
        self.ledger, self.stop, self.random = ledger, stop, random.Random(seed)
        self.connection = UnixConnection(daemon.socket)

    def call(self, path, body, key=None):
        headers = {"Idempotency-Key": key} if key else {}
        self.connection.request("POST", path, body=json.dumps(body), headers=headers)
        answer = self.connection.getresponse()
        text = answer.read()
        self.ledger.done["calls"] += 1
        return answer.status, json.loads(text)

    def run(self):
        try:
            while not self.stop.is_set():
                self.step()
        except (OSError, http.client.HTTPException):
            pass  # killed: what was on its way is in the ledger as doubtful
        except Exception as e:  # anything else is a finding
            self.ledger.say(f"{self.name}: {e!r}")
        finally:
            self.connection.close()

    def tag(self):
        return f"{self.name}-{self.random.getrandbits(60):x}"


class Enqueuer(Client):
    """Single jobs and batches, with and without keys; first what earlier clients were not told."""

    def step(self):
        with self.ledger.lock:
            again = next(iter(self.ledger.doubtful.items()), None)
            known = self.random.choice(list(self.ledger.asked_again.items())) if self.ledger.asked_again else None
        if again:
            self.send(again[0], *again[1])
        elif known and self.random.random() < 0.1:
            self.ask_again(*known)
        elif self.random.random() < 0.3:
            tag = self.tag()
            self.send(tag, [self.job(tag) for _ in range(BATCH)], tag, BATCH)
        elif self.random.random() < 0.3:
            self.keyed()
        else:
            tag = self.tag()
            self.send(tag, self.job(tag, 1), tag, 1)
        time.sleep(self.random.random() * 0.02)

    def job(self, tag, commands=0):
        type = self.random.choices(["work", "once", "command"], [8, 2, commands])[0]
        return {"type": type, "payload": round(self.random.random() * 0.4, 3) if type == "command" else tag, "labels": {"tag": tag}}

    def send(self, key, body, tag, n):
        with self.ledger.lock:
            self.ledger.doubtful[key] = (body, tag, n)
        status, answer = self.call("/v1/jobs", body, key)
        jobs = answer if isinstance(body, list) else [answer]
        if status != 201 or len(jobs) != n or len({j["id"] for j in jobs}) != n:
            return self.ledger.say(f"G2: an enqueue of {n} jobs was answered {status} {str(answer)[:300]}")
        with self.ledger.lock:
            self.ledger.doubtful.pop(key, None)
            self.ledger.tags[tag] = n
            self.ledger.asked_again[key] = (body, [j["id"] for j in jobs])
            self.ledger.ids.update({j["id"]: tag for j in jobs})
            self.ledger.done["jobs"] += n

    def ask_again(self, key, known):
        body, ids = known
        status, answer = self.call("/v1/jobs", body, key)
        again = [j["id"] for j in answer] if isinstance(answer, list) else [answer.get("id")]
        if again != ids:
            self.ledger.say(f"G13: Idempotency-Key {key} was answered with jobs {ids[:3]}…, asked again {status} {again[:3]}…")
        self.ledger.done["asked again"] += 1

    def keyed(self):
        status, answer = self.call("/v1/jobs", {"type": "work", "key": f"k{self.random.randrange(KEYS)}", "payload": "keyed"})
        if status != 201:
            return self.ledger.say(f"G13: an enqueue with a key was answered {status} {answer}")
        with self.ledger.lock:
            self.ledger.ids.setdefault(answer["id"], "keyed")
        self.ledger.done["keyed"] += 1


class Worker(Client):
    """Fetches, and mostly reports; some leases it beats first, some it drops, some reports it sends twice."""
    manners = {"succeeded": 70, "failed": 12, "beat": 6, "drop": 6, "twice": 6}
    types = ["work", "once", "mend"]

    def step(self):
        status, answer = self.call("/v1/work/fetch", {"worker": self.name, "types": self.types, "max": self.random.choice([1, 3, 10, 20]), "wait_ms": 100})
        if status != 200:
            return self.ledger.say(f"a fetch was answered {status} {answer}")
        for lease in answer["leases"]:
            self.granted(lease)
        for lease in answer["leases"]:
            self.handle(lease)

    def granted(self, lease):
        job, now = lease["job"]["id"], time.time()
        with self.ledger.lock:
            before = self.ledger.leases.get(job)
            if before and lease["attempt"] < before[0] and now >= moment(lease["deadline"]):
                return self.ledger.granted.add((job, lease["attempt"]))  # heard of when it was over, after the next one
            self.ledger.leases[job] = (lease["attempt"], moment(lease["deadline"]), False)
            self.ledger.granted.add((job, lease["attempt"]))
        if before and not before[2] and now < before[1] - 0.05:
            self.ledger.say(f"G10: job {job} was leased as attempt {lease['attempt']} {before[1] - now:.2f} s before the lease of attempt {before[0]} ended")
        if before and lease["attempt"] <= before[0]:
            self.ledger.say(f"G10: attempt {lease['attempt']} of job {job} was given after attempt {before[0]}")

    def handle(self, lease):
        manner = self.random.choices(list(self.manners), list(self.manners.values()))[0]
        if manner == "drop":
            return
        if manner == "beat":
            self.beat(lease)
        self.report(lease, "failed" if manner == "failed" and lease["job"]["type"] == "work" else "succeeded")
        if manner == "twice":
            self.report_again(lease)

    def beat(self, lease):
        asked = time.time()  # the lease is longer than it was from some moment after this one
        status, answer = self.call("/v1/work/beat", {"worker": self.name, "leases": [{k: lease[k] for k in ("lease", "token")}]})
        if status == 200 and answer[0]["ok"]:
            with self.ledger.lock:
                attempt, deadline, over = self.ledger.leases[lease["job"]["id"]]
                if attempt == lease["attempt"]:
                    self.ledger.leases[lease["job"]["id"]] = (attempt, max(deadline, asked + 1.9), over)

    def entry(self, lease, outcome):
        error = {"error": {"message": "connect ETIMEDOUT 10.0.0.7:443", "type": "Error"}} if outcome == "failed" else {}
        return {"lease": lease["lease"], "token": lease["token"], "outcome": outcome, **error}

    def report(self, lease, outcome):
        job, attempt = lease["job"]["id"], lease["attempt"]
        with self.ledger.lock:  # from now on it may be over, whether or not an answer comes
            if self.ledger.leases[job][0] == attempt:
                self.ledger.leases[job] = (attempt, 0, True)
        status, answer = self.call("/v1/work/report", [self.entry(lease, outcome)])
        if status != 200:
            return self.ledger.say(f"a report was answered {status} {answer}")
        self.ledger.done["reports"] += 1
        if "state" in answer[0]:
            with self.ledger.lock:
                self.ledger.reports[(job, attempt)] = (outcome, answer[0]["state"])
        elif not answer[0]["problem"]["type"].endswith(":lease-lost"):
            self.ledger.say(f"G10: the report of attempt {attempt} of job {job} was answered {answer[0]}")

    def report_again(self, lease):
        status, answer = self.call("/v1/work/report", [self.entry(lease, "failed")])
        if status != 200 or "problem" not in answer[0]:
            self.ledger.say(f"G10: a second report with the lease of attempt {lease['attempt']} of job {lease['job']['id']} was taken: {answer}")


class Finisher(Worker):
    """Works off what is left."""
    manners = {"succeeded": 1}


def moment(text):
    """Seconds of an RFC 3339 time in UTC."""
    import datetime
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
