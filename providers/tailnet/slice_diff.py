"""Where the declaration of a PolicySlice differs from its state, as property paths for the engine's detailed diff."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .ownership import canonical
from .slice_state import INPUTS
from .values import is_known


def declared_differences(state: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, str]:
    """Where the declaration changed: per entry of a list or name in a section, else per property."""
    found: dict[str, str] = {}
    for name in INPUTS:
        old, new = state.get(name), inputs.get(name)
        if not is_known(new) and not isinstance(new, Mapping):
            found[name] = "update"
        elif name in ("sections", "declared") and isinstance(old, Mapping) and isinstance(new, Mapping):
            for section in dict.fromkeys((*old, *new)):
                found |= _section_differences(f"{name}.{section}", old.get(section), new.get(section))
        elif (True if name == "active" and old is None else old) != (True if name == "active" and new is None else new):
            found[name] = "add" if old is None else "delete" if new is None else "update"
    return found


def _section_differences(path: str, old: Any, new: Any) -> dict[str, str]:
    if not is_known(new):
        return {path: "update"}
    if canonical(old) == canonical(new):
        return {}
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return {
            f'{path}["{name}"]': "add" if name not in old else "delete" if name not in new else "update"
            for name in dict.fromkeys((*old, *new))
            if canonical(old.get(name)) != canonical(new.get(name)) or (name in old) != (name in new)
        }
    if isinstance(old, list) and isinstance(new, list):
        before, after = {canonical(entry) for entry in old}, {canonical(entry) for entry in new}
        found = {f"{path}[{i}]": "delete" for i, entry in enumerate(old) if canonical(entry) not in after}
        for i, entry in enumerate(new):
            if canonical(entry) not in before:
                found[f"{path}[{i}]"] = "update" if f"{path}[{i}]" in found else "add"
        return found or {path: "update"}
    return {path: "add" if old is None else "delete" if new is None else "update"}
