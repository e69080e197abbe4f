"""The rules of an environment's two slices, on parsed values: what goes, what stays, what is added.

Owns the difference between narrowing (identity, removes what is not declared), adding (access) and removing. Knows
nothing of text. Everything that is removed is marked GONE so that the text can be cut at the same places.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from .ownership import (
    ACCESS_SECTIONS,
    GONE,
    NAMED_SECTIONS,
    canonical,
    compact,
    marked_accept,
    marked_approvers,
    marked_entry,
    marked_tag_owners,
    mentioned_tags,
    name_is_mentioned,
    owner_test,
    section_key,
    section_of,
    source_is_owned,
    tags_test,
)
from .tags import Environment, environment_of

Document = dict[str, Any]
Sections = Mapping[str, Any]


# --- removing ----------------------------------------------------------------------------------------------


def narrowed(
    document: Document,
    environment: Environment,
    sections: Sections,
    declared: Sections,
    *,
    drop_accept_tests: bool,
) -> Document:
    """The document marked for `up`: what is the environment's and neither in `sections` nor in `declared` goes.

    Tests that others wrote about the environment stay, unless `drop_accept_tests`: then those that ask for access
    which is gone lose that line.
    """
    owns = owner_test(environment)
    marked = dict(document)
    for section in (*ACCESS_SECTIONS, "nodeAttrs"):
        stays = declared if section in ACCESS_SECTIONS else sections
        _mark_entries(marked, section, stays, lambda entry, name=section: marked_entry(name, entry, owns))
    for section in ("tests", "sshTests"):
        _mark_entries(
            marked,
            section,
            sections,
            lambda entry: (
                GONE if source_is_owned(entry, owns) else (marked_accept(entry, owns) if drop_accept_tests else entry)
            ),
        )
    _mark_approvers(marked, environment, sections.get("autoApprovers"))
    _mark_names(marked, environment, ("postures",), declared)
    _mark_tag_owners(marked, environment, keep=set(sections.get("tagOwners") or {}))
    return marked


def without_access(document: Document, environment: Environment) -> Document:
    """The document marked for the removal of access: everything that gives it, and tests that ask for it."""
    owns = owner_test(environment)
    marked = dict(document)
    for section in (*ACCESS_SECTIONS, "sshTests"):
        _mark_entries(marked, section, {}, lambda entry, name=section: marked_entry(name, entry, owns))
    _mark_entries(marked, "tests", {}, lambda entry: marked_accept(entry, owns))
    _mark_names(marked, environment, ("postures",), {})
    return marked


def without_everything(document: Document, environment: Environment) -> tuple[Document, tuple[str, ...]]:
    """The document marked for the removal of the environment from every section, and what had to stay.

    The customer's chain tags go with its last environment, unless somebody else's entry names them.
    """
    owns = owner_test(environment)
    marked = dict(document)
    for section in (*ACCESS_SECTIONS, "nodeAttrs", "tests", "sshTests"):
        _mark_entries(marked, section, {}, lambda entry, name=section: marked_entry(name, entry, owns))
    _mark_approvers(marked, environment, None)
    _mark_names(marked, environment, NAMED_SECTIONS, {})
    kept = _mark_tag_owners(marked, environment, keep=set())
    kept |= _mark_chain(marked, environment)
    return marked, tuple(
        f"{name} stays in the policy document because an entry that is not this environment's still names it: "
        "remove that entry by hand, then the name"
        for name in sorted(kept | _names_left(marked, environment))
    )


def _mark_entries(marked: Document, section: str, stays: Sections, mark: Any) -> None:
    key = section_key(marked, section)
    entries = marked.get(key)
    if not isinstance(entries, list):
        return
    declared = {canonical(entry) for entry in stays.get(section) or []}
    marked[key] = [entry if canonical(entry) in declared else mark(entry) for entry in entries]


def _mark_approvers(marked: Document, environment: Environment, declared: Any) -> None:
    key = section_key(marked, "autoApprovers")
    if key in marked:
        marked[key] = marked_approvers(marked[key], owner_test(environment), declared)


def _mark_names(marked: Document, environment: Environment, where: tuple[str, ...], declared: Sections) -> None:
    """Marks postures, hosts and groups of the environment that are neither declared nor named by what is left."""
    for section in where:
        key = section_key(marked, section)
        names = marked.get(key)
        if not isinstance(names, dict):
            continue
        left = compact(marked)
        marked[key] = {
            name: GONE
            if environment.owns_name(name)
            and name not in (declared.get(section) or {})
            and not name_is_mentioned(left, name)
            else value
            for name, value in names.items()
        }


def _names_left(marked: Document, environment: Environment) -> set[str]:
    left = compact(marked)
    return {
        name
        for section in NAMED_SECTIONS
        if isinstance(names := section_of(left, section), dict)
        for name in names
        if environment.owns_name(name)
    }


def _mark_tag_owners(marked: Document, environment: Environment, keep: set[str]) -> set[str]:
    """Marks the environment's tags but for `keep`; returns those that stay only because an entry names them."""
    key = section_key(marked, "tagOwners")
    owns = owner_test(environment)
    named = {tag for tag in mentioned_tags(compact(_without_owned(marked, key, owns)), owns) if owns(tag)}
    if not isinstance(marked.get(key), dict):
        return set()
    named = _with_owners(named, marked[key], owns)
    marked[key] = marked_tag_owners(marked[key], owns, keep | named)
    return {tag for tag in named - keep if tag in marked[key]}


def _with_owners(tags: set[str], tag_owners: Mapping[str, Any], owns: Any) -> set[str]:
    """`tags` and, of those for which `owns` holds, everything that owns them, at any remove."""
    while True:
        owners = {owner for tag in tags for owner in tag_owners.get(tag) or [] if owns(owner)}
        if owners <= tags:
            return tags
        tags = tags | owners


def _without_owned(marked: Document, key: str, owns: Any) -> Document:
    """The document with its own tags taken out of everybody's owner lists: those mentions go in any case."""
    return {**marked, key: marked_tag_owners(marked.get(key), owns, set())} if key in marked else marked


def _mark_chain(marked: Document, environment: Environment) -> set[str]:
    """Marks the customer's chain tags when no environment of the customer is left; returns those that must stay."""
    key = section_key(marked, "tagOwners")
    owners = marked.get(key)
    if not isinstance(owners, dict):
        return set()
    left = compact(owners)
    for tag in left:
        other = environment_of(tag)
        if other is not None and other.customer == environment.customer:
            return set()
    chain = {tag for tag in environment.chain_tags if tag in left}
    of_chain = tags_test(chain)
    approvers = section_key(marked, "autoApprovers")
    cleared = {**marked, approvers: marked_approvers(marked[approvers], of_chain)} if approvers in marked else marked
    named = mentioned_tags(compact(cleared), lambda tag: tag in chain) & chain
    named = _with_owners(named, left, of_chain)
    if not named:
        marked.update(cleared)
    marked[key] = {tag: GONE if tag in chain - named else value for tag, value in marked[key].items()}
    return named


# --- adding ------------------------------------------------------------------------------------------------


def with_identity(document: Document, environment: Environment, sections: Sections, declared: Sections) -> Document:
    """The document with the identity sections in it.

    An environment's own tag gets exactly the declared owners; a chain tag, which other stacks declare too, gets the
    declared owners added. A posture that stands there with other conditions than declared gets the declared ones
    added, which is never wider than either; access sets it exactly, at the end.
    """
    wanted = copy.deepcopy(document)
    for tag, owners in (sections.get("tagOwners") or {}).items():
        there = _section(wanted, "tagOwners", {})
        if environment.owns(tag) or not isinstance(there.get(tag), list):
            there[tag] = list(owners)
        else:
            there[tag] += [owner for owner in owners if owner not in there[tag]]
    if sections.get("autoApprovers"):
        _merge(_section(wanted, "autoApprovers", {}), sections["autoApprovers"])
    for section in ("nodeAttrs", "tests"):
        _add_entries(wanted, section, sections)
    for name, conditions in (declared.get("postures") or {}).items():
        there = section_of(wanted, "postures")
        if isinstance(there, dict) and isinstance(there.get(name), list):
            there[name] += [condition for condition in conditions if condition not in there[name]]
    return wanted


def with_access(document: Document, sections: Sections) -> Document:
    """The document with the access sections in it: missing grants added, postures set."""
    wanted = copy.deepcopy(document)
    for name, conditions in (sections.get("postures") or {}).items():
        there = _section(wanted, "postures", {})
        if canonical(there.get(name)) != canonical(conditions):
            there[name] = copy.deepcopy(conditions)
    _add_entries(wanted, "grants", sections)
    return wanted


def foreign_owners(document: Document, environment: Environment, sections: Sections) -> tuple[str, ...]:
    """Warnings about owners of the chain tags that this stack does not declare."""
    warnings = []
    declared = sections.get("tagOwners") or {}
    for tag in environment.chain_tags:
        there = (section_of(document, "tagOwners") or {}).get(tag)
        others = [owner for owner in there or [] if owner not in declared.get(tag, [])] if tag in declared else []
        if others:
            warnings.append(f"{tag} is also owned by {', '.join(others)}, which this stack does not declare")
    return tuple(warnings)


def _section(document: Document, section: str, empty: Any) -> Any:
    key = section_key(document, section)
    if not isinstance(document.get(key), type(empty)):
        document[key] = empty
    return document[key]


def _add_entries(document: Document, section: str, sections: Sections) -> None:
    declared = sections.get(section) or []
    if not declared:
        return
    entries = _section(document, section, [])
    there = {canonical(entry) for entry in entries}
    for entry in declared:
        if canonical(entry) not in there:
            there.add(canonical(entry))
            entries.append(copy.deepcopy(entry))


def _merge(there: dict[str, Any], declared: Mapping[str, Any]) -> None:
    """Adds what is declared to lists in objects, at any depth; takes nothing away."""
    for key, value in declared.items():
        if isinstance(value, Mapping):
            if not isinstance(there.get(key), dict):
                there[key] = {}
            _merge(there[key], value)
        elif isinstance(there.get(key), list):
            there[key] += [element for element in value if element not in there[key]]
        else:
            there[key] = copy.deepcopy(value)
