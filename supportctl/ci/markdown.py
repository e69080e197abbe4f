"""Text that others wrote, inside Markdown that means something: escaped so that it stays text.

Owns the two ways in which a value reaches a comment: as a code span and as a fenced block. GitHub renders neither
HTML, links nor images in them and takes no `@name` or `#1` in them for a mention. Whatever does not print, or turns
the direction of text, is shown by its code point: a reviewer must see what is there.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from string import Formatter
from typing import Any

LONGEST = 300
"""Characters of one value in a sentence; a group called after a novel must not push the rest out of the comment."""
WIDEST = 1000
"""Characters of one line of a block."""


class Markdown(str):
    """Text that was written here, or escaped: the only text that the template lets through as it is."""

    __slots__ = ()


def code(value: object) -> Markdown:
    """Any value as a code span of one line; `(empty)` for nothing."""
    text = _visible(" ".join(str(value).split()))
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]}... ({len(text) - LONGEST} more)"
    if not text:
        return Markdown("(empty)")
    fence = "`" * (_longest_run(text) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return Markdown(f"{fence}{pad}{text}{pad}{fence}")


def block(text: str, language: str = "") -> Markdown:
    """Lines as a fenced block. language: of the program's own choice, as in `diff`."""
    lines = [_visible(line.replace("\t", "    ")) for line in text.rstrip("\n").split("\n")]
    fence = "`" * max(3, max(map(_longest_run, lines)) + 1)
    return Markdown("\n".join([f"{fence}{language}", *lines, fence]))


def cut(text: str, most: int) -> str:
    """So many lines of a block's text, each of at most WIDEST characters, and how much there is besides."""
    lines = text.split("\n")
    shown = [
        line if len(line) <= WIDEST else f"{line[:WIDEST]}... ({len(line) - WIDEST} more)" for line in lines[:most]
    ]
    return "\n".join([*shown, *([f"... and {len(lines) - most} lines more: see the run"] if len(lines) > most else [])])


def first(values: Sequence[object], most: int) -> list[Markdown]:
    """So many of them, escaped, and how many there are besides; nothing where none may be shown."""
    shown = [escaped(value) for value in values[:most]]
    more = len(values) - len(shown)
    return [*shown, Markdown(f"... and {more} more: see the run")] if shown and more else shown


def say(sentence: str, /, **values: object) -> Markdown:
    """A sentence of the program's own with `{name}` fields; what is no Markdown yet is escaped."""
    return Markdown(_Escaping().vformat(sentence, (), values))


def listed(values: Iterable[object]) -> Markdown:
    """Values as code spans with commas; `nothing` for none."""
    return Markdown(", ".join(map(escaped, values)) or "nothing")


def escaped(value: object) -> Markdown:
    """A value as it may stand in a comment."""
    return value if isinstance(value, Markdown) else code(value)


class _Escaping(Formatter):
    def format_field(self, value: Any, format_spec: str) -> str:  # noqa: ARG002 - fields have no formats
        return escaped(value)


def _visible(text: str) -> str:
    return "".join(each if each == " " or _seen(each) else f"<U+{ord(each):04X}>" for each in text)


def _seen(character: str) -> bool:
    return unicodedata.category(character)[0] not in "CZ"


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)
