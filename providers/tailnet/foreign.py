"""Entries of the document as people wrote them: for what `up` will remove, so that a reader sees whose work that is.

Owns which text belongs to an entry: the entry itself, the comment lines directly above it, the comment behind it on
its last line. Longer texts are cut. Pure.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from .changes import Change, changes
from .hujson import Item, Node, parse
from .ownership import canonical

LONGEST = 600
"""Characters of an entry that are shown."""

_BLOCKS = r"(?:/\*(?:(?!\*/)[^\n])*\*/[ \t]*)"
_BEHIND = re.compile(rf"[ \t]*({_BLOCKS}*),?[ \t]*(//[^\n]*|{_BLOCKS}*(?=\r?\n))")
"""Comments before the comma, and those behind it."""


def foreign_entries(text: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What of `text`, whose value is `before`, is not in `after`: one text per entry, headed by where it stands."""
    taken = [change for change in changes(before, after) if change.takes_away]
    return _written(text, taken) if taken else []


def _written(text: str, taken: Sequence[Change]) -> list[str]:
    root, shown, found = parse(text), set[int](), []
    for change in taken:
        place = _place(root, change, shown)
        if place is None:
            found.append(str(change))
            continue
        container, index = place
        shown.add(container.items[index].start)
        found.append(f"{change.path}: {_shortened(source(text, container, index))}")
    return found


def source(text: str, container: Node, index: int) -> str:
    """The text of one item with the comments that belong to it, without the indentation that they share."""
    item = container.items[index]
    previous = container.items[index - 1] if index else None
    start = container.start + 1 if previous is None else (previous.comma or previous.node.end) + 1
    behind = _BEHIND.match(text, item.node.end)
    comments_behind = [comment.strip() for comment in behind.groups() if comment.strip()] if behind else []
    written = " ".join([text[item.start : item.node.end], *comments_behind])
    line = text.rfind("\n", 0, item.start) + 1
    if line <= start:  # the item before it, or the bracket, is on the same line
        above = text[start : item.start].strip()
        return f"{above} {written}".strip().replace("\r", "")
    comments: list[str] = []
    for one in reversed(text[start:line].split("\n")[1:-1]):
        if not one.strip():
            break
        comments.insert(0, one)
    indent = text[line : item.start] if not text[line : item.start].strip() else ""
    lines = "\n".join([*comments, indent + (written if indent else text[line : item.start] + written)])
    return textwrap.dedent(lines.replace("\r", ""))


def _place(root: Node, change: Change, shown: set[int]) -> tuple[Node, int] | None:
    """Where the old entry of a change stands; of equal elements of a list the first that is not `shown` yet."""
    node = root
    for key in change.keys[:-1]:
        node = node.get(key) or node
    last = next((index for index, item in enumerate(node.items) if item.key == change.keys[-1]), None)
    if last is None:
        return None
    if len(change.keys) > 1 or change.kind == "update":
        return node, last
    wanted, entries = canonical(change.old), node.items[last].node
    for index, item in enumerate(entries.items):
        if item.start not in shown and _is(item, wanted):
            return entries, index
    return None


def _is(item: Item, wanted: str) -> bool:
    return canonical(item.node.value) == wanted


def _shortened(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    return f"{text[:LONGEST]} … ({len(text) - LONGEST} more characters)"
