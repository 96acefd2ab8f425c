"""Many connections that ask at the same moment are all answered (G20).

libmicrohttpd 0.9.75 stalls a thread that finds exactly 128 events at once; here each round makes hundreds of them ready together.

Run alone: REPRISE_BIN=build-debug/reprise /usr/bin/python3 -m pytest -q tests/e2e/test_bursts.py"""
import select
import socket
import time

from reprise import DEADLINE_S, Daemon

CONNECTIONS = (126, 127, 128, 129, 250, 256, 260, 384)
ROUNDS = 12
REQUEST = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


def connect(path):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(DEADLINE_S)
    s.connect(path)
    return s


def answers(sockets):
    """Waits until each of them has its whole answer, or the deadline is over; returns how many have."""
    waiting, got, until = {s.fileno(): s for s in sockets}, {}, time.monotonic() + DEADLINE_S
    poll = select.poll()
    for fd in waiting:
        poll.register(fd, select.POLLIN)
    while waiting and time.monotonic() < until:
        for fd, _ in poll.poll(100):
            got[fd] = got.get(fd, b"") + waiting[fd].recv(4096)
            head, _, body = got[fd].partition(b"\r\n\r\n")
            if body and len(body) >= int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]):
                poll.unregister(fd)
                del waiting[fd]
    return len(sockets) - len(waiting)


def test_G20_a_burst_of_any_size_is_answered():
    with Daemon("jobs: {}\n") as d:
        for n in CONNECTIONS:
            sockets = [connect(d.socket) for _ in range(n)]
            for _ in range(ROUNDS):
                for s in sockets:
                    s.sendall(REQUEST)
                assert answers(sockets) == n
            for s in sockets:
                s.close()
