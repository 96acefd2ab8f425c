"""A peer whose machine is gone sends no end (half-open connections; G20). Two network namespaces, a cable between them, and the
cable is pulled: nothing reaches the other side any more, and neither is told."""
import contextlib
import pathlib
import re
import subprocess

import pytest
from reprise import Daemon, wait_for

ASK = """
import socket, sys, time
s = socket.create_connection(("10.77.0.1", 7420))
body = '{"worker": "ghost", "wait_ms": 60000}'
if sys.argv[1] == "fetch":
    s.sendall(("POST /v1/work/fetch HTTP/1.1\\r\\nHost: 10.77.0.1\\r\\nAuthorization: Bearer %s\\r\\nContent-Length: %d\\r\\n\\r\\n%s"
               % (sys.argv[2], len(body), body)).encode())
print("sent", flush=True)
time.sleep(1000)
"""


class Cable:
    """The daemon's namespace, the peer's, and a pair of interfaces."""

    def __init__(self, stack):
        self.stack = stack
        self.here = self.holder(["unshare", "--user", "--map-root-user", "--net"])
        self.there = self.holder([*self.inside(self.here), "unshare", "--net"])
        self.ip(self.here, "link", "add", "v0", "type", "veth", "peer", "name", "v1", "netns", str(self.there.pid))
        for side, name, address in ((self.here, "v0", "10.77.0.1/24"), (self.there, "v1", "10.77.0.2/24")):
            self.ip(side, "address", "add", address, "dev", name)
            self.ip(side, "link", "set", name, "up")

    def holder(self, argv):
        """A process that keeps a namespace, once it is in it."""
        p = subprocess.Popen([*argv, "sh", "-c", "echo in; exec sleep 600"], stdout=subprocess.PIPE, text=True)
        self.stack.callback(p.wait)
        self.stack.callback(p.kill)
        assert p.stdout.readline() == "in\n"
        return p

    def inside(self, side):
        return ["nsenter", "--preserve-credentials", "--user", "--net", "-t", str(side.pid)]

    def ip(self, side, *arguments):
        subprocess.run([*self.inside(side), "ip", *arguments], check=True)

    def peer(self, *arguments):
        p = subprocess.Popen([*self.inside(self.there), "/usr/bin/python3", "-c", ASK, *arguments], stdout=subprocess.PIPE, text=True)
        self.stack.callback(p.wait)
        self.stack.callback(p.kill)
        assert p.stdout.readline() == "sent\n"
        return p

    def pull(self):
        self.ip(self.there, "link", "set", "v1", "down")


@pytest.fixture
def cable():
    with contextlib.ExitStack() as stack:
        try:
            made = Cable(stack)
        except (AssertionError, OSError, subprocess.CalledProcessError):
            pytest.skip("this machine lets nobody make network namespaces here")
        yield made


def connections(d):
    """Established TCP connections of the daemon's namespace."""
    lines = pathlib.Path(f"/proc/{d.process.pid}/net/tcp").read_text().splitlines()[1:]
    return [line.split()[2] for line in lines if line.split()[3] == "01"]


def requests_open(d):
    return int(re.search(rb"^reprise_http_requests_open (\d+)$", d.http("GET", "/metrics")[1], re.M)[1])


def test_G20_peers_that_vanish_are_let_go_and_get_no_work(cable):
    with Daemon("jobs:\n  w: {}\n", wrap=cable.inside(cable.here)) as d:
        token = d.post("/v1/tokens", {"name": "ghost", "scope": "work"})["token"]
        d.stop()
        d.write_config("listen: 10.77.0.1:7420\ninsecure: true\nhosts: [10.77.0.1]\njobs:\n  w: {}\n")
        d.start()
        cable.peer("silent")
        cable.peer("fetch", token)
        wait_for(lambda: len(connections(d)) == 2, "both connections")
        wait_for(lambda: requests_open(d) == 2, "the long poll, beside this very question")
        cable.pull()
        wait_for(lambda: connections(d) == [], "an end of the peers that are gone", 55)  # before the long poll's own end
        job = d.enqueue("w")
        lease = d.post("/v1/work/fetch", {"worker": "here", "wait_ms": 20000})["leases"][0]
        assert (lease["job"]["id"], lease["attempt"]) == (job, 1), "the first to get it is one that is there"
