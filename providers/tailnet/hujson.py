"""A parser for HuJSON that remembers where everything stands in the text.

HuJSON is JSON with `//` and `/* */` comments and trailing commas, and nothing more (no single quotes, no unquoted
keys). Owns the reading: values with their spans. Does not change text (hujson_edit does). A text that is not HuJSON,
or that repeats a key within one object, is refused with line and column: of two equal keys it cannot be known
which one the server follows, so neither is edited.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

BYTE_ORDER_MARK = "\ufeff"
MAX_DEPTH = 64

_TOKEN = re.compile(
    r"""
    (?P<space>[ \t\r\n]+)
  | (?P<comment>//[^\n]*|/\*.*?\*/)
  | (?P<string>"(?:[^"\\\x00-\x1f]++|\\.)*+")  # possessive: a string can be read in one way only
  | (?P<number>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)(?![0-9A-Za-z.])
  | (?P<word>true|false|null)(?![0-9A-Za-z_])
  | (?P<mark>[\[\]{},:])
    """,
    re.VERBOSE | re.DOTALL,
)
_WORDS = {"true": True, "false": False, "null": None}


class HujsonError(ValueError):
    """The text is not HuJSON. The message gives line and column, both counted from 1."""

    def __init__(self, text: str, position: int, what: str) -> None:
        self.line = text.count("\n", 0, position) + 1
        self.column = position - (text.rfind("\n", 0, position) + 1) + 1
        super().__init__(f"line {self.line}, column {self.column}: {what}")


@dataclass(slots=True)
class Node:
    """One value: its Python form and its span [start, end) in the text. Containers also have items."""

    start: int
    end: int
    value: Any
    items: list[Item] = field(default_factory=list)

    @property
    def is_object(self) -> bool:
        return isinstance(self.value, dict)

    @property
    def is_array(self) -> bool:
        return isinstance(self.value, list)

    def get(self, key: str) -> Node | None:
        """The value of an object's member, or None."""
        return next((item.node for item in self.items if item.key == key), None)


@dataclass(slots=True)
class Item:
    """One member of an object (with key) or one element of an array (key None).

    `start` is where the key or the element begins; `comma` the position of the comma that follows it, None when the
    item is the last and has none.
    """

    start: int
    key: str | None
    node: Node
    comma: int | None = None


@dataclass(frozen=True, slots=True)
class Parsed:
    """A text and what stands in it, together, so that no step of a change has to read the text again."""

    text: str
    root: Node

    @classmethod
    def of(cls, text: str) -> Parsed:
        """Raises HujsonError."""
        return cls(text, parse(text))

    @property
    def value(self) -> Any:
        return self.root.value


def parse(text: str) -> Node:
    """The document's root value. Raises HujsonError."""
    parser = _Parser(text)
    root = parser.value(0)
    parser.skip()
    if parser.position < len(text):
        raise HujsonError(text, parser.position, "text after the end of the document")
    return root


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.position = len(BYTE_ORDER_MARK) if text.startswith(BYTE_ORDER_MARK) else 0

    def skip(self) -> re.Match[str] | None:
        """Passes over spaces and comments; returns the next token without consuming it, None at the end."""
        while True:
            match = _TOKEN.match(self.text, self.position)
            if match is None:
                if self.position < len(self.text):
                    raise HujsonError(self.text, self.position, self._what_is_wrong())
                return None
            if match.lastgroup not in ("space", "comment"):
                return match
            self.position = match.end()

    def _what_is_wrong(self) -> str:
        rest = self.text[self.position : self.position + 2]
        if rest == "/*":
            return "comment without an end"
        if rest.startswith('"'):
            return "string without an end, or with a control character in it"
        return f"unexpected {rest[0]!r}"

    def expect(self, expected: str) -> re.Match[str]:
        token = self.skip()
        if token is None:
            raise HujsonError(self.text, self.position, f"the document ends where {expected} is expected")
        return token

    def value(self, depth: int) -> Node:
        token = self.expect("a value")
        if depth > MAX_DEPTH:
            raise HujsonError(self.text, token.start(), f"nested deeper than {MAX_DEPTH} levels")
        kind, written = token.lastgroup, token[0]
        if kind == "mark":
            if written in "{[":
                return self.container(token, depth)
            raise HujsonError(self.text, token.start(), f"unexpected {written!r} where a value is expected")
        self.position = token.end()
        if kind == "word":
            return Node(token.start(), token.end(), _WORDS[written])
        return Node(token.start(), token.end(), self.decode(token))

    def decode(self, token: re.Match[str]) -> Any:
        if token.lastgroup == "string" and "\\" not in token[0]:
            return token[0][1:-1]
        try:
            return json.loads(token[0])
        except ValueError as error:
            raise HujsonError(self.text, token.start(), f"{error}") from None

    def container(self, opening: re.Match[str], depth: int) -> Node:
        is_object = opening[0] == "{"
        closing = "}" if is_object else "]"
        node = Node(opening.start(), 0, {} if is_object else [])
        self.position = opening.end()
        while True:
            token = self.expect(f"{closing!r}")
            if token[0] == closing:
                self.position = node.end = token.end()
                return node
            if node.items and node.items[-1].comma is None:
                raise HujsonError(self.text, token.start(), f"',' or {closing!r} is expected")
            item = self.item(token, node, depth) if is_object else Item(token.start(), None, self.value(depth + 1))
            node.items.append(item)
            if is_object:
                node.value[item.key] = item.node.value
            else:
                node.value.append(item.node.value)
            following = self.expect(f"',' or {closing!r}")
            if following[0] == ",":
                item.comma = following.start()
                self.position = following.end()

    def item(self, token: re.Match[str], node: Node, depth: int) -> Item:
        if token.lastgroup != "string":
            raise HujsonError(self.text, token.start(), "a member's name in double quotes is expected")
        key = self.decode(token)
        if key in node.value:
            raise HujsonError(self.text, token.start(), f"the name {token[0]} stands twice in one object")
        self.position = token.end()
        colon = self.expect("':'")
        if colon[0] != ":":
            raise HujsonError(self.text, colon.start(), f"':' is expected after {token[0]}")
        self.position = colon.end()
        return Item(token.start(), key, self.value(depth + 1))
