"""Which of several kills on one machine lifts the lock that a dead run has left on a stack.

Owns a lock among kills, in a file that stays empty. `pulumi cancel` takes away every lock of a stack: of two kills that
have seen the same dead one, the second would take the fresh lock of the first one's destroy, and both would run. Held
until the first one's destroy has ended; dies with its process. A kill elsewhere needs none: only a run of its own
machine does it ever call dead.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def turn(stack: str) -> Iterator[Callable[[], bool]]:
    """Whether it is this kill's turn, asked when that is needed. Where no file can be had there is no other to wait
    for."""
    with _opened(Path(tempfile.gettempdir()) / f"support-access-{stack}.lock") as file:

        def mine() -> bool:
            try:
                if file is not None:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            except OSError:  # a file system without locks
                return True
            return True

        yield mine


@contextmanager
def _opened(path: Path) -> Iterator[int | None]:
    """The file, which another user may have made: then reading it has to do, and does for a lock."""
    file = None
    for flags in (os.O_RDONLY | os.O_CREAT, os.O_RDONLY):
        try:
            file = os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
            break
        except OSError:
            continue
    try:
        yield file
    finally:
        if file is not None:
            os.close(file)
