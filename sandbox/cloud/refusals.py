"""How a cloud says no: the forms of its rules, whichever cloud it is.

Owns what can be said about objects side by side. Which rules there are is rules.py and aws.py. Holds no object itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Body = Mapping[str, Any]
World = Mapping[str, Mapping[str, Body]]
"""All objects of the store: kind to path to object."""


@dataclass(frozen=True)
class Refusal:
    """An answer that is no success. `message` may name {id}, {name}, {other} (the name of the object in the way)
    and properties.
    """

    status: int
    code: str
    message: str

    def text(self, identity: str, other: str, body: Body) -> str:
        return self.message.format_map({**body, "id": identity, "name": name(identity), "other": name(other)})


Found = tuple[Refusal, str]
"""A refusal, and the path of the object in the way."""
Check = Callable[[str, Body, World], Found | None]


def nothing(identity: str, body: Body, world: World) -> None:  # noqa: ARG001 - a Check that finds nothing
    return None


@dataclass(frozen=True)
class Rules:
    """`unique`: properties whose combination no two objects of one parent may share, with the refusal for the
    second. `fits` looks at all objects before one is put; `free` before one is deleted.
    """

    missing: Refusal
    exists: Refusal
    unique: Mapping[tuple[str, ...], Refusal] = field(default_factory=dict)
    fits: Check = nothing
    free: Check = nothing

    def conflict(self, identity: str, body: Body, others: Mapping[str, Body]) -> Found | None:
        """The first refusal that `others` cause for `body` at `identity`, with the id of the object in the way."""
        for other, present in others.items():
            if other == identity or parent(other) != parent(identity):
                continue
            for properties, refusal in self.unique.items():
                if all(present.get(p) == body.get(p) for p in properties):
                    return refusal, other
        return None


def parent(identity: str) -> str:
    return identity.rsplit("/", 2)[0]


def name(identity: str) -> str:
    return identity.rsplit("/", 1)[-1]
