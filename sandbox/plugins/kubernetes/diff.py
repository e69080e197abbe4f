"""What an update would change, property by property, and whether it means a new object.

Owns pruning live state to what a program declared, the comparison, and the marks of replacement. Pure; knows neither
servers nor Pulumi's engine.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from pulumi.provider.experimental.provider import PropertyDiff, PropertyDiffKind

from sandbox.plugins.kubernetes.values import Object

Step = str | int
Diff = dict[str, PropertyDiff]

_REPLACING = {
    PropertyDiffKind.ADD: PropertyDiffKind.ADD_REPLACE,
    PropertyDiffKind.DELETE: PropertyDiffKind.DELETE_REPLACE,
    PropertyDiffKind.UPDATE: PropertyDiffKind.UPDATE_REPLACE,
}
_REPLACEMENTS = frozenset(_REPLACING.values())
_PATH = re.compile(r'\["((?:[^"\\]|\\.)*)"\]|\[(\d+|\*)\]|\.?([^.\[\]]+)')


def prune(live: Any, shape: Any) -> Any:
    """The part of `live` that `shape` also has: keys of maps, elements of lists by position."""
    if isinstance(live, dict) and isinstance(shape, dict):
        return {key: prune(value, shape[key]) for key, value in live.items() if key in shape}
    if isinstance(live, list) and isinstance(shape, list):
        return [prune(value, wanted) for value, wanted in zip(live, shape, strict=False)]
    return live


def compare(old: Object, new: Object, force_new: Sequence[str] = ()) -> Diff:
    """The changes from `old` to `new` by property path; those under a `force_new` path replace."""
    patterns = [_parse(pattern) for pattern in force_new]
    changes: Diff = {}
    _compare_maps((), old, new, patterns, changes)
    return changes


def _compare_maps(path: tuple[Step, ...], old: Object, new: Object, patterns: list[list[Step]], out: Diff) -> None:
    for key in old.keys() | new.keys():
        here = (*path, key)
        if key not in new or (new[key] is None and old[key] is not None):
            _record(here, PropertyDiffKind.DELETE, None, patterns, out)
        elif key not in old:
            if new[key] is not None:
                _record(here, PropertyDiffKind.ADD, new[key], patterns, out)
        else:
            _compare(here, old[key], new[key], patterns, out)


def _compare(path: tuple[Step, ...], old: Any, new: Any, patterns: list[list[Step]], out: Diff) -> None:
    if isinstance(old, dict) and isinstance(new, dict):
        _compare_maps(path, old, new, patterns, out)
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            here = (*path, index)
            if index >= len(new):
                _record(here, PropertyDiffKind.DELETE, None, patterns, out)
            elif index >= len(old):
                _record(here, PropertyDiffKind.ADD, new[index], patterns, out)
            else:
                _compare(here, old[index], new[index], patterns, out)
    elif isinstance(old, bool) is not isinstance(new, bool) or old != new:
        _record(path, PropertyDiffKind.UPDATE, new, patterns, out)


def _record(path: tuple[Step, ...], kind: PropertyDiffKind, value: Any, patterns: list[list[Step]], out: Diff) -> None:
    replacing = any(_touches(path, value, pattern) for pattern in patterns)
    out[_format(path)] = PropertyDiff(
        _REPLACING[kind] if replacing else kind, input_diff=kind is PropertyDiffKind.DELETE
    )


def _touches(path: Sequence[Step], value: Any, pattern: Sequence[Step]) -> bool:
    """Whether a change of `value` at `path` changes something that `pattern` names."""
    for step, wanted in zip(path, pattern, strict=False):
        if wanted not in ("*", step):
            return False
    return _has(value, pattern[len(path) :])


def _has(value: Any, rest: Sequence[Step]) -> bool:
    if not rest:
        return True
    if rest[0] == "*":
        return isinstance(value, list) and any(_has(item, rest[1:]) for item in value)
    return isinstance(value, dict) and rest[0] in value and _has(value[rest[0]], rest[1:])


def _parse(path: str) -> list[Step]:
    steps: list[Step] = []
    for quoted, index, name in _PATH.findall(path):
        steps.append(int(index) if index.isdigit() else index or name or quoted.replace('\\"', '"'))
    return steps


def _format(path: Iterable[Step]) -> str:
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif any(character in step for character in '."[]'):
            text += '["' + step.replace('"', '\\"') + '"]'
        else:
            text += f".{step}" if text else step
    return text


def ignoring(changes: Diff, ignore: Sequence[str]) -> Diff:
    """`changes` without those at or below one of the `ignore` paths (the resource option ignoreChanges)."""
    ignored = [_parse(path) for path in ignore]
    return {
        path: change
        for path, change in changes.items()
        if not any(_parse(path)[: len(prefix)] == prefix for prefix in ignored)
    }


def replaces(changes: Diff) -> list[str]:
    """The paths that make it a new object; losing all metadata does so too."""
    return [
        path
        for path, change in changes.items()
        if change.kind in _REPLACEMENTS or (change.kind is PropertyDiffKind.DELETE and path == "metadata")
    ]
