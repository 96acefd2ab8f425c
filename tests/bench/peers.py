"""Other queues on the same payload and the same disk, where npm and their servers are installed: BullMQ on Redis, graphile-worker on
PostgreSQL. Each server is started for the measure, on a free port and in a temporary folder, and ended."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess

import rig
from rig import Skip, row

HERE = pathlib.Path(__file__).parent / "peers"
LIKE = {"batches_per_s": ("enqueue, batches of 1,000", "jobs/s", "enqueue, batches of 1,000, TCP"),
        "single_per_s": ("enqueue, single, 64 connections", "jobs/s", "enqueue, single, 64 connections, TCP"),
        "work_per_s": ("enqueue, claim, complete", "jobs/s", "enqueue, claim, complete, TCP"),
        "p50_us": ("enqueue to worker, p50", "us", "enqueue to worker, TCP, p50"),
        "p99_us": ("enqueue to worker, p99", "us", "enqueue to worker, TCP, p99")}


def need(*programs):
    for program in programs:
        if shutil.which(program) is None:
            raise Skip(f"{program} is not installed")


def installed(path):
    """The programs of tests/bench/peers with their libraries, in a folder of their own."""
    for file in HERE.iterdir():
        shutil.copy(file, path)
    done = subprocess.run(["npm", "install", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"], cwd=path,
                          capture_output=True, text=True, timeout=180)
    if done.returncode != 0:
        raise Skip(f"npm cannot install the libraries: {done.stderr.strip().splitlines()[-1:]}")


def answers(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


@contextlib.contextmanager
def server(argv, port, stop, **more):
    process = subprocess.Popen([*map(str, argv)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **more)
    try:
        rig.wait_for(lambda: process.poll() is not None or answers(port), f"{argv[0]} on port {port}")
        if process.poll() is not None:
            raise Skip(f"{argv[0]} does not start")
        yield
    finally:
        process.send_signal(stop)
        process.wait(30)


def run(path, program, argument):
    done = subprocess.run(["node", program, argument], cwd=path, capture_output=True, text=True, timeout=180)
    if done.returncode != 0:
        raise Skip(f"{program}: {done.stderr.strip()[-400:]}")
    return json.loads(done.stdout)


def rows_of(name, server_version, found):
    return [row(f"{name} {found['version']}: {what}", found[key], unit, like=like, server=server_version) for key, (what, unit, like) in LIKE.items()]


def first_line(*argv):
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip().splitlines()[0]


def bullmq(rounds):
    """BullMQ on a Redis that syncs at every write (appendfsync always). One round."""
    need("npm", "node", "redis-server")
    with rig.folder() as path:
        installed(path)
        port = rig.free_port()
        (path / "data").mkdir()
        redis = ["redis-server", "--port", port, "--bind", "127.0.0.1", "--appendonly", "yes", "--appendfsync", "always", "--save", "",
                 "--dir", path / "data"]
        with server(redis, port, signal.SIGTERM):
            return rows_of("BullMQ", first_line("redis-server", "--version"), run(path, "bullmq.mjs", str(port)))


def postgres_bin():
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    if not found:
        raise Skip("PostgreSQL is not installed")
    return found[-1].parent


def graphile(rounds):
    """graphile-worker, tuned as its manual says, on a PostgreSQL with its own settings (fsync on). One round."""
    need("npm", "node")
    binaries, port = postgres_bin(), rig.free_port()
    other = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []  # it refuses to run as root
    with rig.folder() as path, rig.folder() as data:
        installed(path)
        if other:
            shutil.chown(data, "postgres")
        subprocess.run([*other, binaries / "initdb", "-D", data / "db", "-A", "trust", "-U", "bench"], check=True, capture_output=True, cwd="/")
        argv = ["postgres", "-D", data / "db", "-p", port, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
        more = {"executable": binaries / "postgres", "cwd": "/"} | ({"user": "postgres", "group": "postgres", "extra_groups": []} if other else {})
        with server(argv, port, signal.SIGINT, **more):
            found = run(path, "graphile.mjs", f"postgresql://bench@127.0.0.1:{port}/postgres")
            return rows_of("graphile-worker", first_line(str(binaries / "postgres"), "--version"), found)


MEASURES = {"bullmq": bullmq, "graphile": graphile}
