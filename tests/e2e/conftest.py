import contextlib
import shutil
import signal
import tempfile

import pytest

from canned import Canned
from reprise import Daemon

# What a shell starts in the background ignores these two, and so does all that it starts in turn: `exec` would pass none on.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)


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
def daemon():
    """A function: daemon(config) starts `reprise serve`; whatever runs at the end of the test is ended."""
    with contextlib.ExitStack() as started:
        yield lambda config="": started.enter_context(Daemon(config))
