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
    """One entry that comes, goes or changes.

    `keys`: the names that lead to it from the document's root, ending at the list for an element of a list. `old` and
    `new` are None where it is not there.
    """

    keys: tuple[str, ...]
    kind: Kind
    old: Any
    new: Any

    @property
    def path(self) -> str:
        """The section and, where there is one, the name in it: `grants`, `groups["group:a"]`."""
        section, *names = self.keys
        return section + "".join(f"[{json.dumps(name, ensure_ascii=False)}]" for name in names)

    @property
    def entry(self) -> Any:
        """What comes, or what goes."""
        return self.old if self.kind == "delete" else self.new

    @property
    def takes_away(self) -> bool:
        """Whether something that stands in the document goes: an entry, an element of it, or another value."""
        if self.kind == "update" and isinstance(self.old, list) and isinstance(self.new, list):
            return bool(Counter(map(canonical, self.old)) - Counter(map(canonical, self.new)))
        return self.kind != "add"

    def __str__(self) -> str:
        return f"{_SIGNS[self.kind]} {self.path}: {_text(self.entry)}{self._exchange()}"

    def _exchange(self) -> str:
        """Of a list that changes, who is gained and who is lost: nobody has to find the one that is missing."""
        if not isinstance(self.old, list) or not isinstance(self.new, list):
            return ""
        gained = [_text(element) for element in self.new if element not in self.old]
        lost = [_text(element) for element in self.old if element not in self.new]
        told = [f"{verb} {', '.join(what)}" for verb, what in (("gains", gained), ("loses", lost)) if what]
        return f" ({'; '.join(told)})" if told else ""


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """The entries that differ, section by section, in the order in which they stand."""
    found: list[Change] = []
    for section in dict.fromkeys((*before, *after)):
        nested = section.lower() == "autoapprovers"  # routes and services: one level more than other sections
        found += _value((section,), before.get(section), after.get(section), 2 if nested else 1)
    return found


def _value(keys: tuple[str, ...], old: Any, new: Any, levels: int) -> list[Change]:
    """`levels`: how many levels of names are entries of their own."""
    if canonical(old) == canonical(new):
        return []
    if levels and isinstance(old or new, Mapping) and isinstance(new or old, Mapping):
        old, new = old or {}, new or {}
        names = dict.fromkeys((*old, *new))
        return [change for name in names for change in _name((*keys, name), name, old, new, levels - 1)]
    if len(keys) == 1 and isinstance(old or new, list) and isinstance(new or old, list):
        return _entries(keys, old or [], new or [])
    return [Change(keys, "add" if old is None else "update", old, new)]


def _name(
    keys: tuple[str, ...], name: str, old: Mapping[str, Any], new: Mapping[str, Any], levels: int
) -> list[Change]:
    if levels and isinstance(old.get(name, {}), Mapping) and isinstance(new.get(name, {}), Mapping):
        return _value(keys, old.get(name), new.get(name), levels)
    if name not in new:
        return [Change(keys, "delete", old[name], None)]
    if name not in old:
        return [Change(keys, "add", None, new[name])]
    return _value(keys, old[name], new[name], 0)


def _entries(keys: tuple[str, ...], old: list[Any], new: list[Any]) -> list[Change]:
    written = {canonical(entry): entry for entry in (*old, *new)}
    gone = Counter(map(canonical, old)) - Counter(map(canonical, new))
    come = Counter(map(canonical, new)) - Counter(map(canonical, old))
    return [Change(keys, "delete", written[entry], None) for entry in gone.elements()] + [
        Change(keys, "add", None, written[entry]) for entry in come.elements()
    ]
