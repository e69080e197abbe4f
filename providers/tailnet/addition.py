"""What an environment's two slices add to the document, on parsed values.

Owns the difference between identity, which also may only narrow what access has written (postures, groups, hosts), and
access, which writes those exactly. Removal is identity.py's. Knows nothing of text.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from .identity import is_within
from .ownership import ACCESS_SECTIONS, canonical, section_key, section_of
from .problems import PolicyError
from .server_tests import SECTIONS as TEST_SECTIONS
from .tags import Environment

Document = dict[str, Any]
Sections = Mapping[str, Any]


def with_identity(document: Document, environment: Environment, sections: Sections, declared: Sections) -> Document:
    """The document with the identity sections in it.

    An environment's own tag gets exactly the declared owners; a chain tag, which other stacks declare too, gets the
    declared owners added. A posture that stands there with other conditions than declared gets the declared ones
    added, and a host the declared address when it is narrower: never wider than either. Access sets both, at the end.
    """
    wanted = copy.deepcopy(document)
    for tag, owners in (sections.get("tagOwners") or {}).items():
        there = section_in(wanted, "tagOwners", {})
        others = [] if environment.owns(tag) else _list(there.get(tag))
        there[tag] = exactly(there.get(tag), [*others, *owners])
    if sections.get("autoApprovers"):
        _merge(section_in(wanted, "autoApprovers", {}), sections["autoApprovers"])
    for section in ("nodeAttrs", *TEST_SECTIONS):
        add_entries(wanted, section, sections)
    for name, conditions in (declared.get("postures") or {}).items():
        there = section_of(wanted, "postures")
        if isinstance(there, dict) and isinstance(there.get(name), list):
            there[name] += [condition for condition in conditions if condition not in there[name]]
    hosts = section_of(wanted, "hosts")
    for name, address in (declared.get("hosts") or {}).items():
        if isinstance(hosts, dict) and name in hosts and is_within(address, hosts[name]):
            hosts[name] = address
    return wanted


def with_access(document: Document, sections: Sections) -> Document:
    """The document with the access sections in it: missing entries added; postures, groups and hosts set."""
    wanted = copy.deepcopy(document)
    for section in ("postures", "groups"):
        for name, elements in (sections.get(section) or {}).items():
            there = section_in(wanted, section, {})
            there[name] = exactly(there.get(name), elements)
    for name, address in (sections.get("hosts") or {}).items():
        section_in(wanted, "hosts", {})[name] = address
    for section in ACCESS_SECTIONS:
        add_entries(wanted, section, sections)
    return wanted


def foreign_owners(document: Document, environment: Environment, sections: Sections) -> tuple[str, ...]:
    """Warnings about owners of the chain tags that this stack does not declare."""
    warnings = []
    declared = sections.get("tagOwners") or {}
    for tag in environment.chain_tags:
        there = (section_of(document, "tagOwners") or {}).get(tag)
        others = [owner for owner in _list(there) if owner not in declared.get(tag, [])] if tag in declared else []
        if others:
            warnings.append(f"{tag} is also owned by {', '.join(map(str, others))}, which this stack does not declare")
    return tuple(warnings)


def _list(value: Any) -> list[Any]:
    """A list; a text in its place is a list of one."""
    return [value] if isinstance(value, str) else value if isinstance(value, list) else []


def exactly(there: Any, declared: Any) -> list[Any]:
    """The declared elements, those that stand there first and in their order: what people wrote beside them stays."""
    kept = [element for element in _list(there) if element in declared]
    return list({canonical(element): element for element in (*kept, *declared)}.values())


def section_in(document: Document, section: str, empty: Any) -> Any:
    """The section, made as `empty` where the document has none. Raises PolicyError when it is of another kind."""
    return _member(document, section_key(document, section), empty)


def _member(there: Document, key: str, empty: Any) -> Any:
    """The list or object at `key`, made when nothing or null is there. What else people wrote is not overwritten."""
    if there.get(key) is None:
        there[key] = empty
    if not isinstance(there[key], type(empty)):
        raise PolicyError(
            f"the tailnet's policy document has {key!r} which is not {'a list' if empty == [] else 'an object'}. "
            "Nothing was written. Correct it in the admin console (Access controls), then run again."
        )
    return there[key]


def add_entries(document: Document, section: str, sections: Sections) -> None:
    """Adds what `sections` declares of a section of entries and the document does not have yet."""
    declared = sections.get(section) or []
    if not declared:
        return
    entries = section_in(document, section, [])
    there = {canonical(entry) for entry in entries}
    for entry in declared:
        if canonical(entry) not in there:
            there.add(canonical(entry))
            entries.append(copy.deepcopy(entry))


def _merge(there: dict[str, Any], declared: Mapping[str, Any]) -> None:
    """Adds what is declared to lists in objects, at any depth; takes nothing away."""
    for key, value in declared.items():
        if isinstance(value, Mapping):
            _merge(_member(there, key, {}), value)
        else:
            elements = _member(there, key, [])
            elements += [copy.deepcopy(element) for element in value if element not in elements]
