"""The rules of the shared slice, on parsed values: what the whole tailnet has in common.

Owns by name (groups, tagOwners, hosts, postures, ipsets) or by equality (entries of lists). What one stack declared
before and no longer declares goes. Touches nothing that names an environment's tag, and nothing that it did not
declare.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from .addition import add_entries, exactly, section_in
from .claims import Claims
from .ownership import ACCESS_SECTIONS, GONE, canonical, compact, mentioned_names, section_key, section_of
from .problems import PolicyError

BY_NAME = ("groups", "tagOwners", "hosts", "postures", "ipsets")
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
    for section in BY_NAME:
        for name, value in (sections.get(section) or {}).items():
            there = section_in(result, section, {})
            # An ipset adds and removes in turn. Elsewhere the order says nothing: what stands there keeps its own.
            as_it_is = section == "ipsets" or not isinstance(value, list)
            there[name] = copy.deepcopy(value) if as_it_is else exactly(there.get(name), value)
    for section in BY_EQUALITY:
        add_entries(result, section, sections)
    return result


def refuse_claimed(document: Document, sections: Sections) -> None:
    """Raises PolicyError for what is declared here and belongs to an environment of the document."""
    claims = Claims(document)
    found: list[str] = []
    for section, content in sections.items():
        for name in content if section in BY_NAME else ():
            owner = claims.of_tag(name) or claims.of_name(name)
            if owner:
                found.append(f"{section}: {name} belongs by its name to {owner.name}, whose stack removes it")
        for entry in content.values() if isinstance(content, Mapping) else content:
            named = claims.of_value(entry)
            if named:
                found.append(f"{section}: an entry names {named[0]}, which belongs to {named[1].name}")
    if found:
        lines = "\n  ".join(dict.fromkeys(found))
        raise PolicyError(
            f"the shared slice declares what belongs to an environment's own stack; nothing was written:\n  {lines}\n"
            "Declare it there, or give it another name."
        )


def refuse_missed(document: Document, marked: Document) -> None:
    """Raises PolicyError for a group or posture that goes while entries let somebody in by it: the server would refuse
    the document, and does not say whose they are."""
    named = [section_of(marked, section) for section in ("groups", "postures")]
    gone = {name for names in named if isinstance(names, dict) for name, value in names.items() if value is GONE}
    if not gone:
        return
    claims, left, found = Claims(document), compact(marked), []
    for section in ACCESS_SECTIONS:
        entries = section_of(left, section)
        for index, entry in enumerate(entries if isinstance(entries, list) else ()):
            owner = claims.of_value(entry)
            for name in sorted(gone & mentioned_names({section: [entry]})):
                found.append(f"{name}: {section}[{index}], {f'of {owner[1].name}' if owner else 'of somebody else'}")
    if found:
        lines = "\n  ".join(found)
        raise PolicyError(
            f"what is no longer declared is still named; nothing was written:\n  {lines}\n"
            "Take it out there first, in a stack's access for instance, and run `pulumi up` for that. To end at once "
            "whatever a group opens, leave it declared, with nobody in it."
        )


def refuse_removal(document: Document) -> None:
    """Raises PolicyError while a customer environment is in the document: it stands on what is shared."""
    names = sorted(Claims(document).environments)
    if names:
        raise PolicyError(
            f"what the tailnet shares is not removed while environments stand on it: {', '.join(names)}. "
            "Destroy those stacks first (`pulumi destroy -s <stack>`), then this one."
        )
