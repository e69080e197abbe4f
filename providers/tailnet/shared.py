"""The rules of the shared slice, on parsed values: what the whole tailnet has in common.

Owns by name (groups, tagOwners, hosts, postures) or by equality (entries of lists). What one stack declared before
and no longer declares goes. Touches nothing that names an environment's tag, and nothing that it did not declare.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from .ownership import GONE, canonical, section_key, section_of
from .problems import PolicyError
from .tags import environment_of

BY_NAME = ("groups", "tagOwners", "hosts", "postures")
BY_EQUALITY = ("grants", "acls", "ssh", "nodeAttrs", "tests", "sshTests")

Document = dict[str, Any]
Sections = Mapping[str, Any]


def marked(document: Document, previous: Sections, sections: Sections) -> Document:
    """The document with what `previous` declared and `sections` does not marked GONE."""
    result = dict(document)
    for section in BY_NAME:
        key = section_key(result, section)
        if isinstance(result.get(key), dict):
            names = set(previous.get(section) or {}) - set(sections.get(section) or {})
            result[key] = {name: GONE if name in names else value for name, value in result[key].items()}
    for section in BY_EQUALITY:
        key = section_key(result, section)
        if isinstance(result.get(key), list):
            old = {canonical(entry) for entry in previous.get(section) or []}
            gone = old - {canonical(entry) for entry in sections.get(section) or []}
            result[key] = [GONE if canonical(entry) in gone else entry for entry in result[key]]
    return result


def wanted(document: Document, sections: Sections) -> Document:
    """The document with the shared sections in it: names set to what is declared, missing entries added."""
    result = copy.deepcopy(document)
    for section, declared in sections.items():
        if not declared:
            continue
        key = section_key(result, section)
        if section in BY_NAME:
            there = result.setdefault(key, {})
            there.update({name: copy.deepcopy(value) for name, value in declared.items()})
        else:
            there = result.setdefault(key, [])
            present = {canonical(entry) for entry in there}
            there += [copy.deepcopy(entry) for entry in declared if canonical(entry) not in present]
    return result


def refuse_removal(document: Document) -> None:
    """Raises PolicyError while a customer environment is in the document: it stands on what is shared."""
    owners = section_of(document, "tagOwners") or {}
    names = sorted(found.name for tag in owners if (found := environment_of(tag)))
    if names:
        raise PolicyError(
            f"what the tailnet shares is not removed while environments stand on it: {', '.join(names)}. "
            "Destroy those stacks first (`pulumi destroy -s <stack>`), then this one."
        )
