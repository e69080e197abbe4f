"""Waiting for something to be so, with an end."""

from __future__ import annotations

import time
from collections.abc import Callable

LONGEST = 60.0
LOOK = 0.05


def wait_until(what: str, so: Callable[[], bool], seconds: float = LONGEST) -> None:
    """Returns when `so()`. Raises TimeoutError naming `what` after `seconds`."""
    ends = time.monotonic() + seconds
    while not so():
        if time.monotonic() > ends:
            raise TimeoutError(f"not within {seconds:.0f} s: {what}")
        time.sleep(LOOK)
