"""What differs between two policy documents, in words and per entry: for preview, diff and refresh."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from .ownership import canonical

Kind = Literal["add", "delete", "update"]
_SIGNS: dict[Kind, str] = {"add": "+", "delete": "-", "update": "~"}


@dataclass(frozen=True, slots=True)
class Change:
    """One entry that comes, goes or changes. `path` names the section and, where there is one, the name in it."""

    kind: Kind
    path: str
    entry: Any

    def __str__(self) -> str:
        return f"{_SIGNS[self.kind]} {self.path}: {json.dumps(self.entry, ensure_ascii=False)}"


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """The entries that differ, section by section, in the order in which they stand."""
    found: list[Change] = []
    for section in dict.fromkeys((*before, *after)):
        found += _section(section, before.get(section), after.get(section))
    return found


def _section(section: str, old: Any, new: Any) -> list[Change]:
    if canonical(old) == canonical(new):
        return []
    if isinstance(old or new, Mapping) and isinstance(new or old, Mapping):
        return _names(section, old or {}, new or {})
    if isinstance(old or new, list) and isinstance(new or old, list):
        return _entries(section, old or [], new or [])
    return [Change("update", section, new)]


def _names(section: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    found: list[Change] = []
    for name in dict.fromkeys((*old, *new)):
        path = f"{section}[{json.dumps(name, ensure_ascii=False)}]"
        if name not in new:
            found.append(Change("delete", path, old[name]))
        elif name not in old:
            found.append(Change("add", path, new[name]))
        elif canonical(old[name]) != canonical(new[name]):
            found.append(Change("update", path, new[name]))
    return found


def _entries(section: str, old: list[Any], new: list[Any]) -> list[Change]:
    written = {canonical(entry): entry for entry in (*old, *new)}
    gone = Counter(map(canonical, old)) - Counter(map(canonical, new))
    come = Counter(map(canonical, new)) - Counter(map(canonical, old))
    return [Change("delete", section, written[entry]) for entry in gone.elements()] + [
        Change("add", section, written[entry]) for entry in come.elements()
    ]
