import shutil
import tempfile

import pytest

from harness import Canned, Daemon


@pytest.fixture
def folder():
    """A short path: the name of a Unix socket has at most 107 bytes."""
    path = tempfile.mkdtemp(prefix="rp-")
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def canned(folder):
    server = Canned(f"{folder}/canned.sock")
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def daemon(folder):
    """A function: daemon(config) starts `reprise serve`; whatever runs at the end of the test is stopped."""
    started = []

    def start(config="", *options):
        d = Daemon(folder, config)
        started.append(d)
        return d.start(*options)

    yield start
    for d in started:
        d.stop()
