"""One line of a proof of absence: what was looked for, what came of it, how it was seen and when.

Owns the four answers. What could not be seen is `unknown` and never `gone`, whatever else is known. What Kubernetes is
deleting by itself is `deleting`: it cannot be kept any more, and nobody has anything to do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from providers.cluster.problems import ClusterUnknownError
from providers.tailnet.problems import TailnetError

Answer = Literal["gone", "deleting", "left", "unknown"]


class UnseenError(Exception):
    """It cannot be seen from here whether it is gone: why, and who can see it how."""


@dataclass(frozen=True, slots=True)
class Deleting:
    """What Kubernetes is deleting, with nothing in its way that is known. said: the line of it."""

    said: str


@dataclass(frozen=True, slots=True)
class Line:
    """what: what was looked for. said: a line each: what is left, why it is unknown, or what else should be known.
    how: the question as it was asked. when: RFC 3339."""

    what: str
    answer: Answer
    said: tuple[str, ...]
    how: str
    when: str


def looked(what: str, how: str, find: Callable[[], Sequence[str | Deleting]]) -> Line:
    """The line that comes of looking. find: gives a line for each thing that is left or being deleted, or raises
    UnseenError, TailnetError or ClusterUnknownError."""
    try:
        found = tuple(find())
    except (UnseenError, TailnetError, ClusterUnknownError) as error:
        return unseen(what, how, str(error))
    said = tuple(it.said if isinstance(it, Deleting) else it for it in found)
    is_left = any(not isinstance(it, Deleting) for it in found)
    return Line(what, "left" if is_left else "deleting" if found else "gone", said, how, _now())


def unseen(what: str, how: str, why: str) -> Line:
    """The line of what could not be looked at."""
    return Line(what, "unknown", (why,), how, _now())


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
