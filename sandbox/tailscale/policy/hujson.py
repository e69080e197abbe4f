"""HuJSON as the policy API reads it: JSON plus comments and trailing commas, nothing more.

Owns turning the text into Python values. It is a reader only and keeps no formatting: the document is stored as
the text that was posted. Dies with HujsonError, which says where.
"""

from __future__ import annotations

import json
from typing import Any


class HujsonError(ValueError):
    """The text is not HuJSON. The message names line and column, both counted from 1."""


def loads(text: str) -> Any:
    """Read `text`. Refuses duplicate object keys, single quotes, bare keys, NaN and Infinity."""
    try:
        return json.loads(to_json(text), object_pairs_hook=_unique, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise HujsonError(f"hujson: line {error.lineno}, column {error.colno}: {error.msg}") from error
    except RecursionError as error:
        raise HujsonError("hujson: nested too deeply") from error


def to_json(text: str) -> str:
    """The same text as plain JSON, character for character in the same place: comments and trailing commas
    become spaces, so that positions in later errors are the positions in the original."""
    out: list[str] = []
    before = ""  # the last character that is neither space nor comment
    at = 0
    while at < len(text):
        char = text[at]
        if char == '"':
            end = _string_end(text, at)
            out.append(text[at:end])
        elif text.startswith(("//", "/*"), at):
            end = _comment_end(text, at)
            out.append("".join(c if c in "\r\n" else " " for c in text[at:end]))
            at = end
            continue
        else:
            end = at + 1
            trailing = char == "," and before not in ("", ",", "[", "{", ":") and _closes(text, end)
            out.append(" " if trailing else char)
        if not char.isspace():
            before = char
        at = end
    return "".join(out)


def _string_end(text: str, start: int) -> int:
    at = start + 1
    while at < len(text):
        if text[at] == "\\":
            at += 2
            continue
        if text[at] == '"':
            return at + 1
        at += 1
    raise _error(text, start, "unterminated string")


def _comment_end(text: str, start: int) -> int:
    if text[start + 1] == "/":
        end = text.find("\n", start)
        return len(text) if end < 0 else end
    end = text.find("*/", start + 2)
    if end < 0:
        raise _error(text, start, "unterminated comment")
    return end + 2


def _closes(text: str, at: int) -> bool:
    """Is the next thing after spaces and comments a closing bracket?"""
    while at < len(text):
        if text[at].isspace():
            at += 1
        elif text.startswith(("//", "/*"), at):
            at = _comment_end(text, at)
        else:
            return text[at] in "]}"
    return False


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise HujsonError(f"hujson: duplicate object name {json.dumps(key)}")
        found[key] = value
    return found


def _no_constant(name: str) -> Any:
    raise HujsonError(f"hujson: invalid literal {name}")


def _error(text: str, at: int, what: str) -> HujsonError:
    line = text.count("\n", 0, at) + 1
    column = at - text.rfind("\n", 0, at)
    return HujsonError(f"hujson: line {line}, column {column}: {what}")
