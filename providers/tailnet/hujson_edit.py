"""Changes to HuJSON text that keep every byte outside the change.

Owns where a removed item ends and how a new one is written. What it promises:

- Appending items and removing them again gives back the exact bytes.
- A new item follows its surroundings: own line and indentation or the same line, trailing comma or none, CRLF.
- A removed item that has its lines to itself takes those lines and the comment that follows it on its last line.
  Comments on lines of their own, above or below, stay: they may speak of something else. The line break before it goes,
  the one after it stays (which matters only where a text mixes LF and CRLF).
- A removed item that shares its line takes itself, its comma and the spaces that belong to it; comments stay.

A container that was empty is told apart afterwards by the comma: `[]` is filled without a trailing comma and becomes
`[]` again when its last item goes; `[` newline `]` is filled with one and keeps its lines.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from .hujson import BYTE_ORDER_MARK, Item, Node, Parsed

WIDTH = 110
"""A new value is written on one line when the line stays within this many characters."""

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_TO_LINE_END = re.compile(r"(?:[ \t]|/\*(?:(?!\*/)[^\n])*\*/)*(?://[^\n]*|\r)?(?=\n)")


@dataclass
class Editor:
    """Collects changes to one text and applies them at once.

    Removals and replacements first, then additions on the result: use one Editor for the former, a second one for the
    latter. Spans are those of the nodes of `parsed`.
    """

    parsed: Parsed
    _changes: list[tuple[int, int, str]] = field(default_factory=list, init=False)

    @property
    def text(self) -> str:
        return self.parsed.text

    @property
    def root(self) -> Node:
        return self.parsed.root

    def result(self) -> Parsed:
        """The changed text, read again. Overlapping changes are a programming error and raise ValueError."""
        if not self._changes:
            return self.parsed
        parts, position = [], 0
        for start, end, replacement in sorted(self._changes, key=lambda change: change[:2]):
            if start < position:
                raise ValueError(f"changes overlap at {start}")
            parts += [self.text[position:start], replacement]
            position = end
        return Parsed.of("".join([*parts, self.text[position:]]))

    def remove(self, container: Node, indexes: Collection[int]) -> None:
        """Removes items of one container by position. To be called once per container."""
        if not indexes:
            return
        items = container.items
        kept = [index for index in range(len(items)) if index not in indexes]
        spans = [span for index in sorted(indexes) for span in self._item_spans(container, index, indexes)]
        last_had_comma = items[-1].comma is not None
        if not kept and not last_had_comma:
            inside = self.text[container.start + 1 : container.end - 1]
            left = _without(inside, spans, container.start + 1)
            if "\n" in left and not left.strip():
                self._changes.append((container.start + 1, container.end - 1, ""))
                return
        if kept and kept[-1] != len(items) - 1 and not last_had_comma:
            comma = items[kept[-1]].comma
            assert comma is not None  # noqa: S101  only the last item can be without one
            spans.append((comma, comma + 1))
        self._changes += [(start, end, "") for start, end in _merged(spans)]

    def append(self, container: Node, entries: Sequence[tuple[str | None, Any]]) -> None:
        """Appends items: (name, value) for an object, (None, value) for an array. Once per container."""
        if not entries:
            return
        trailing, lead, separator = self._style(container)
        content_start = self._content_end(container)
        tail = self.text[content_start : container.end - 1]
        at = content_start + _before_closing(tail)
        if container.items and container.items[-1].comma is None:
            end = container.items[-1].node.end
            self._changes.append((end, end, ","))
        written = (self._write(name, value, lead, trailing) for name, value in entries)
        glue = separator if container.items or "\n" in lead else ""
        body = ("," + separator).join(written)
        closing = ""
        if not container.items and "\n" in lead and "\n" not in tail:
            closing = self._newline + self._indent_of(container.start)
        self._changes.append((at, at, glue + body + ("," if trailing else "") + closing))

    def replace(self, node: Node, value: Any) -> None:
        """Writes another value in place of one that stands there."""
        lead = self._newline + self._indent_of(node.start) if "\n" in self._root_text else ""
        self._changes.append((node.start, node.end, self._render(value, lead, trailing=False)))

    # --- removal -----------------------------------------------------------------------------

    def _item_spans(self, container: Node, index: int, removed: Collection[int]) -> list[tuple[int, int]]:
        item = container.items[index]
        if item.comma is not None and self.text[item.node.end : item.comma].strip():
            # A comment stands between the value and its comma: it stays, and so do the lines.
            return [(item.start, item.node.end), (item.comma, item.comma + 1)]
        end = item.node.end if item.comma is None else item.comma + 1
        line = self._line_break_before(container, item)
        to_line_end = _TO_LINE_END.match(self.text, end)
        to_closing = self._skip_spaces(end) == container.end - 1
        if line is not None and to_line_end:
            stop = to_line_end.end()
            return [(self._with_return(line), self._with_return(stop))]
        if line is not None and to_closing and not self._comment_ends_at(container, index, line):
            return [(self._with_return(line), end)]
        something_follows = any(later not in removed for later in range(index + 1, len(container.items)))
        if something_follows and not to_line_end:
            return [(item.start, self._skip_spaces(end))]
        return [(len(self.text[: item.start].rstrip(" \t")), end)]

    def _line_break_before(self, container: Node, item: Item) -> int | None:
        """Where the line break stands after which the item is the first thing on its line; None if it is not."""
        line = self.text.rfind("\n", container.start, item.start)
        return line if line >= 0 and self.text[line + 1 : item.start].strip(" \t") == "" else None

    def _comment_ends_at(self, container: Node, index: int, line: int) -> bool:
        """Whether the line break at `line` ends a `//` comment: then it has to stay."""
        before = container.items[index - 1].comma if index else container.start
        comments = _COMMENT.finditer(self.text, (before or 0) + 1, container.items[index].start)
        return any(comment[0].startswith("//") and comment.end() == line for comment in comments)

    def _with_return(self, line: int) -> int:
        """The position of a line break, of its carriage return where it has one."""
        return line - 1 if line > 0 and self.text[line - 1] == "\r" else line

    def _skip_spaces(self, position: int) -> int:
        while self.text[position] in " \t":
            position += 1
        return position

    # --- addition ----------------------------------------------------------------------------

    def _style(self, container: Node) -> tuple[bool, str, str]:
        """(trailing comma?, newline and indentation of an item or "", what separates two items)."""
        tail = self.text[self._content_end(container) : container.end - 1]
        if container.items:
            last = container.items[-1]
            trailing = last.comma is not None
            line = self._line_break_before(container, last)
            if line is not None:
                lead = self._newline + self.text[line + 1 : last.start]
                return trailing, lead, lead
            if "\n" not in tail:
                return trailing, "", self._inline_gap
        elif "\n" in tail:
            trailing = True
        elif tail or "\n" not in self._root_text:
            return False, "", self._inline_gap
        else:
            trailing = False
        lead = self._newline + self._indent_of(container.start) + self._unit
        return trailing, lead, lead

    def _content_end(self, container: Node) -> int:
        if not container.items:
            return container.start + 1
        last = container.items[-1]
        return last.node.end if last.comma is None else last.comma + 1

    def _write(self, name: str | None, value: Any, lead: str, trailing: bool) -> str:
        head = "" if name is None else json.dumps(name, ensure_ascii=False) + self._colon
        return head + self._render(value, lead, trailing, len(head))

    def _render(self, value: Any, lead: str, trailing: bool, used: int = 0) -> str:
        """`value` as text; `lead` is the newline and indentation of its line ("": everything on one line)."""
        compact = self._colon == ":"
        separators = ("," if compact else ", ", self._colon)
        line = json.dumps(value, ensure_ascii=False, separators=separators)
        if not lead or not value or not isinstance(value, dict | list):
            return line
        must_break = isinstance(value, list) and any(isinstance(element, dict) for element in value)
        if not must_break and len(lead) + used + len(line) < WIDTH:
            return line
        inner = lead + self._unit
        pairs = value.items() if isinstance(value, dict) else ((None, element) for element in value)
        body = ("," + inner).join(self._write(name, element, inner, trailing) for name, element in pairs)
        opening, closing = "{}" if isinstance(value, dict) else "[]"
        return f"{opening}{inner}{body}{',' if trailing else ''}{lead}{closing}"

    # --- the style of the whole text ---------------------------------------------------------

    @property
    def _root_text(self) -> str:
        return self.text[self.root.start : self.root.end]

    @property
    def _newline(self) -> str:
        first = self.text.find("\n")
        return "\r\n" if first > 0 and self.text[first - 1] == "\r" else "\n"

    @property
    def _unit(self) -> str:
        """One level of indentation: that of the first member, else a tab, as the admin console writes."""
        for item in self.root.items:
            indent = self._indent_of(item.start)
            if indent:
                return indent
        return "\t"

    @property
    def _colon(self) -> str:
        """What stands between a name and its value: as after the first name of the document."""
        if not self.root.items:
            return ": " if "\n" in self._root_text else ":"
        first = self.root.items[0]
        return ":" if self.text[first.start : first.node.start].endswith(":") else ": "

    @property
    def _inline_gap(self) -> str:
        return "" if self._colon == ":" else " "

    def _indent_of(self, position: int) -> str:
        line = self.text.rfind("\n", 0, position) + 1
        if line == 0 and self.text.startswith(BYTE_ORDER_MARK):
            line = len(BYTE_ORDER_MARK)
        return self.text[line : self._skip_spaces(line)]


def _before_closing(tail: str) -> int:
    """Where new items go in what stands between the last item and the closing bracket.

    Below everything that people wrote there, above the closing bracket's line when it has one.
    """
    spaces = tail[len(tail.rstrip(" \t\r\n")) :]
    if "\n" not in spaces:
        return len(tail.rstrip(" \t"))
    line = tail.rfind("\n")
    return line - 1 if line > 0 and tail[line - 1] == "\r" else line


def _merged(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same spans without overlaps (the spaces between two removed neighbours belong to both)."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _without(text: str, spans: Sequence[tuple[int, int]], offset: int) -> str:
    """`text`, which begins at `offset` of the document, without the spans."""
    parts, position = [], 0
    for start, end in _merged(spans):
        parts.append(text[position : start - offset])
        position = end - offset
    return "".join([*parts, text[position:]])
