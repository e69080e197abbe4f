"""Between the engine's properties of a PolicySlice and a Slice: what is declared, and what of it stands in a document.

Pure: values in, values out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .ownership import canonical, section_of
from .slice import Slice
from .tags import Environment

Properties = dict[str, Any]

INPUTS = ("part", "customer", "environment", "sections", "declared", "active", "exceptions", "openPolicy")
_FIELDS = ("action", "src", "srcPosture", "target", "dst", "via", "proto", "ip", "attr", "app", "accept", "deny")


def slice_of(properties: Mapping[str, Any]) -> Slice:
    """The slice that inputs or a state describe."""
    environment = None
    if properties["part"] != "shared":
        environment = Environment(properties["customer"], properties["environment"])
    return Slice(
        part=properties["part"],
        environment=environment,
        sections=arranged(properties.get("sections") or {}),
        declared=arranged(properties.get("declared") or {}),
        active=properties.get("active", True),
        open_policy=properties.get("openPolicy"),
    )


def inputs_of(properties: Mapping[str, Any]) -> Properties:
    """The inputs among a resource's properties."""
    return {name: properties[name] for name in INPUTS if name in properties}


def arranged(value: Any) -> Any:
    """The same value with members in the order in which people write them: the engine gives them in any order."""
    if isinstance(value, Mapping):
        ordered = sorted(value, key=lambda name: (_FIELDS.index(name) if name in _FIELDS else len(_FIELDS), name))
        return {name: arranged(value[name]) for name in ordered}
    if isinstance(value, list):
        return [arranged(element) for element in value]
    return value


def present(slice: Slice, document: Mapping[str, Any]) -> Properties:
    """The declared sections as the document has them: what is gone is left out, what differs is as it stands."""
    found: Properties = {}
    for section, declared in slice.sections.items():
        there = section_of(document, section)
        if isinstance(declared, list):
            entries = {canonical(entry) for entry in there or []}
            found[section] = [entry for entry in declared if canonical(entry) in entries]
        elif section == "autoApprovers":
            found[section] = _both(declared, there)
        else:
            there = there if isinstance(there, Mapping) else {}
            found[section] = {
                name: _named(slice, name, value, there[name]) for name, value in declared.items() if name in there
            }
    return found


def status_of(slice: Slice, document: Mapping[str, Any]) -> str:
    """`written`, or `waiting` while an access slice that is not active is not in the document."""
    if slice.active or canonical(present(slice, document)) == canonical(slice.sections):
        return "written"
    return "waiting"


def _named(slice: Slice, name: str, declared: Any, there: Any) -> Any:
    """What stands under a name. Neither the order of a list nor a repetition in it has a meaning, and the owners of a
    chain tag are not only ours."""
    if not isinstance(declared, list) or not isinstance(there, list):
        return there
    if slice.environment is not None and name in slice.environment.chain_tags:
        return [owner for owner in declared if owner in there]
    same = set(map(canonical, declared)) == set(map(canonical, there))
    return declared if same else there


def _both(declared: Any, there: Any) -> Any:
    """What of declared approvers stands in the document."""
    if isinstance(declared, Mapping):
        there = there if isinstance(there, Mapping) else {}
        return {key: _both(value, there[key]) for key, value in declared.items() if key in there}
    if isinstance(declared, list):
        return [element for element in declared if isinstance(there, list) and element in there]
    return there
