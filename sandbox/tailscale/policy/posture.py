"""Posture conditions: `node:os == 'macos'`, `node:tsVersion >= '1.40'`, `custom:tier IN ['a', 'b']`, `x IS SET`.

Owns their syntax and their truth for a set of attributes. Postures narrow the source of a rule only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.tailscale.policy.document import Document
from sandbox.tailscale.policy.refusal import Refusal, quoted

Condition = Callable[[Mapping[str, Any]], bool]

_ATTRIBUTE = r"(?P<name>[A-Za-z0-9_]+:[A-Za-z0-9_.-]+)"
_VALUE = r"'[^']*'|\"[^\"]*\"|true|false|-?[0-9]+(?:\.[0-9]+)?"
_SET = re.compile(rf"{_ATTRIBUTE}\s+(?P<op>IS SET|NOT SET)")
_LIST = re.compile(rf"{_ATTRIBUTE}\s+(?P<op>NOT IN|IN)\s+\[(?P<values>\s*(?:{_VALUE})(?:\s*,\s*(?:{_VALUE}))*\s*)\]")
_COMPARE = re.compile(rf"{_ATTRIBUTE}\s*(?P<op>==|!=|<=|>=|<|>)\s*(?P<value>{_VALUE})")


def condition(text: str) -> Condition:
    """Read one condition. An attribute that is not set makes every comparison false, NOT SET apart."""
    stripped = text.strip()
    if found := _SET.fullmatch(stripped):
        name, wanted = found["name"], found["op"] == "IS SET"
        return lambda attributes: (name in attributes) is wanted
    if found := _LIST.fullmatch(stripped):
        name, wanted = found["name"], found["op"] == "IN"
        values = [_value(item) for item in re.findall(_VALUE, found["values"])]
        return lambda attributes: name in attributes and (attributes[name] in values) is wanted
    if found := _COMPARE.fullmatch(stripped):
        name, op, value = found["name"], found["op"], _value(found["value"])
        return lambda attributes: name in attributes and _compare(attributes[name], op, value)
    raise Refusal(f"invalid posture condition {quoted(text)}")


def check_reference(name: str, document: Document) -> None:
    if name not in document.lists("postures"):
        raise Refusal(f"posture not found: {quoted(name)}")


def holds(names: list[str], document: Document, attributes: Mapping[str, Any]) -> bool:
    """Does a source with `attributes` meet one of the named postures? No names: yes."""
    postures = document.lists("postures")
    return not names or any(
        all(condition(text)(attributes) for text in postures[name]) for name in names if name in postures
    )


def _value(text: str) -> str | bool | float:
    if text[0] in "'\"":
        return text[1:-1]
    return text == "true" if text in ("true", "false") else float(text)


def _compare(have: Any, op: str, want: Any) -> bool:
    if op in ("==", "!="):
        return (have == want) is (op == "==")
    left, right = _order(have), _order(want)
    return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[op]


def _order(value: Any) -> tuple[int, ...]:
    """Versions and numbers in their order: 1.9 before 1.40."""
    return tuple(int(part) for part in re.findall(r"[0-9]+", str(value)))
