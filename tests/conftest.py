"""What all tests share: one embedded world for those that need it, and a look behind everybody at the end."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import pytest
from hypothesis import settings

from sandbox.world import World

# How long an example takes depends on what else the machine does; that is no property of the code.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

# A run that is ended from outside, by a time limit for instance, ends its world too.
signal.signal(signal.SIGTERM, signal.default_int_handler)
# A shell without job control starts what runs in its background with SIGINT ignored, and children inherit that: the
# tests that interrupt a child would wait for ever.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def nothing_left() -> Iterator[None]:
    """Fails the run when a child process or a thread outlives the tests. Set up first, so torn down last."""
    yield
    with pytest.raises(ChildProcessError):  # "no child processes"
        os.waitpid(-1, os.WNOHANG)
    assert [t.name for t in threading.enumerate() if t is not threading.main_thread() and not t.daemon] == []


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The whole world with both clusters, in a folder and on ports of its own. Tests undo what they change in it."""
    with World(tmp_path_factory.mktemp("world")) as world:
        yield world
