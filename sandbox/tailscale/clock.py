"""Time in the tailnet: a clock that tests hold in their hand.

Owns now() and its advance. The source may be the system's clock or any function that returns seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime


class Clock:
    """Seconds since 1970, moved ahead by `advance` only."""

    def __init__(self, source: Callable[[], float] = time.time, offset: float = 0) -> None:
        self._source = source
        self.offset = offset

    def now(self) -> float:
        return self._source() + self.offset

    def advance(self, seconds: float) -> None:
        if seconds < 0:
            raise ValueError("a clock goes forward only: advanceSeconds must not be negative")
        self.offset += seconds


def stamp(seconds: float) -> str:
    """RFC 3339 in UTC, whole seconds, as the API writes times."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds(text: str) -> float:
    """The reverse of stamp, for any RFC 3339 time with a zone. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return moment.timestamp()
