import contextlib
import shutil
import tempfile

import pytest

from canned import Canned
from reprise import Daemon


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
