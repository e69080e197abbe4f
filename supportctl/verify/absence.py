"""One line of a proof of absence: what was looked for, what came of it, how it was seen and when.

Owns the three answers. What could not be seen is `unknown` and never `gone`, whatever else is known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from providers.cluster.problems import ClusterUnknownError
from providers.tailnet.problems import TailnetError

Answer = Literal["gone", "left", "unknown"]


class UnseenError(Exception):
    """It cannot be seen from here whether it is gone: why, and who can see it how."""


@dataclass(frozen=True, slots=True)
class Line:
    """what: what was looked for. said: a line each: what is left, why it is unknown, or what else should be known.
    how: the question as it was asked. when: RFC 3339."""

    what: str
    answer: Answer
    said: tuple[str, ...]
    how: str
    when: str


def looked(what: str, how: str, find: Callable[[], Sequence[str]]) -> Line:
    """The line that comes of looking. find: gives a line for each thing that is left, or raises UnseenError,
    TailnetError or ClusterUnknownError."""
    try:
        found = tuple(find())
    except (UnseenError, TailnetError, ClusterUnknownError) as error:
        return unseen(what, how, str(error))
    return Line(what, "left" if found else "gone", found, how, _now())


def unseen(what: str, how: str, why: str) -> Line:
    """The line of what could not be looked at."""
    return Line(what, "unknown", (why,), how, _now())


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
