"""What of an environment goes, on parsed values: by narrowing (identity), with access, and altogether.

Knows nothing of text. Everything that is removed is marked GONE so that the text can be cut at the same places. What
is added is addition.py's.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from .ownership import (
    ACCESS_SECTIONS,
    GONE,
    NAMED_SECTIONS,
    canonical,
    compact,
    marked_approvers,
    marked_entry,
    marked_tag_owners,
    mentioned_names,
    mentioned_tags,
    owner_test,
    section_key,
    section_of,
    tags_test,
)
from .server_tests import SECTIONS as TEST_SECTIONS
from .server_tests import source_is_owned, speaks_of, without_accept
from .tags import Environment, Owner, environment_of

Document = dict[str, Any]
Sections = Mapping[str, Any]


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
    owns, names = owner_test(environment), speaks_of(environment)
    marked = dict(document)
    declared = _without_moved_hosts(document, declared)
    for section in (*ACCESS_SECTIONS, "nodeAttrs"):
        stays = declared if section in ACCESS_SECTIONS else sections
        _mark_entries(marked, section, stays, lambda entry, name=section: marked_entry(name, entry, owns))
    for section in TEST_SECTIONS:
        _mark_entries(
            marked,
            section,
            sections,
            lambda entry, name=section: (
                GONE
                if source_is_owned(entry, owns)
                else (without_accept(name, entry, names) if drop_accept_tests else entry)
            ),
        )
    _mark_approvers(marked, environment, sections.get("autoApprovers"))
    _mark_names(marked, environment, declared)
    _mark_members(marked, declared)
    _mark_tag_owners(marked, environment, keep=set(sections.get("tagOwners") or {}))
    return marked


def without_access(document: Document, environment: Environment) -> Document:
    """The document marked for the removal of access: everything that gives it, and tests that ask for it."""
    owns, names = owner_test(environment), speaks_of(environment)
    marked = dict(document)
    for section in ACCESS_SECTIONS:
        _mark_entries(marked, section, {}, lambda entry, name=section: marked_entry(name, entry, owns))
    for section in TEST_SECTIONS:
        _mark_entries(marked, section, {}, lambda entry, name=section: without_accept(name, entry, names))
    _mark_names(marked, environment, {})
    return marked


def without_everything(document: Document, environment: Owner) -> tuple[Document, tuple[str, ...]]:
    """The document marked for the removal of the environment from every section, and what had to stay.

    The customer's chain tags go with its last environment, unless somebody else's entry names them.
    """
    owns, names = owner_test(environment), speaks_of(environment)
    marked = dict(document)
    for section in (*ACCESS_SECTIONS, "nodeAttrs"):
        _mark_entries(marked, section, {}, lambda entry, name=section: marked_entry(name, entry, owns))
    for section in TEST_SECTIONS:
        _mark_entries(marked, section, {}, lambda entry, name=section: marked_entry(name, entry, names))
    _mark_approvers(marked, environment, None)
    _mark_names(marked, environment, {})
    kept = _mark_tag_owners(marked, environment, keep=set())
    kept |= _mark_chain(marked, environment)
    return marked, tuple(
        f"{name} stays in the policy document because an entry that is not this environment's still names it: "
        "remove that entry by hand, then the name"
        for name in sorted(kept | _names_left(marked, environment))
    )


def is_within(inner: Any, outer: Any) -> bool:
    """Whether the address or prefix of one host lies within that of another. False for what is neither."""
    if not isinstance(inner, str) or not isinstance(outer, str):
        return False
    try:
        one, other = ipaddress.ip_network(inner, strict=False), ipaddress.ip_network(outer, strict=False)
    except ValueError:
        return False
    return one.version == other.version and one.subnet_of(other)  # type: ignore[arg-type]


def _without_moved_hosts(document: Document, declared: Sections) -> Sections:
    """`declared` without hosts that stand elsewhere today and without the entries that name them.

    The way to the old address goes first and the one to the new comes last, as for every other change of access. A
    host that only becomes narrower or wider is not moved: addition.py narrows it at once.
    """
    there = section_of(document, "hosts")
    there = there if isinstance(there, dict) else {}
    moved = {
        name
        for name, address in (declared.get("hosts") or {}).items()
        if name in there
        and address != there[name]
        and not is_within(address, there[name])
        and not is_within(there[name], address)
    }
    if not moved:
        return declared
    kept = {name: list(declared.get(name) or []) for name in ACCESS_SECTIONS}
    kept = {name: [e for e in entries if not moved & mentioned_names({name: e})] for name, entries in kept.items()}
    return {**declared, **kept, "hosts": {n: at for n, at in declared["hosts"].items() if n not in moved}}


def _mark_entries(marked: Document, section: str, stays: Sections, mark: Any) -> None:
    key = section_key(marked, section)
    entries = marked.get(key)
    if not isinstance(entries, list):
        return
    declared = {canonical(entry) for entry in stays.get(section) or []}
    marked[key] = [entry if canonical(entry) in declared else mark(entry) for entry in entries]


def _mark_approvers(marked: Document, environment: Owner, declared: Any) -> None:
    key = section_key(marked, "autoApprovers")
    if key in marked:
        marked[key] = marked_approvers(marked[key], owner_test(environment), declared)


def _mark_names(marked: Document, environment: Owner, declared: Sections) -> None:
    """Marks postures, hosts and groups of the environment that are neither declared nor named by what is left."""
    named = mentioned_names(compact(marked))
    for section in NAMED_SECTIONS:
        key = section_key(marked, section)
        names = marked.get(key)
        if isinstance(names, dict):
            stays = named | set(declared.get(section) or {})
            marked[key] = {
                name: GONE if environment.owns_name(name) and name not in stays else value
                for name, value in names.items()
            }


def _mark_members(marked: Document, declared: Sections) -> None:
    """Marks members of declared groups who are not declared: who leaves a group is out before anything else."""
    key = section_key(marked, "groups")
    for group, members in (declared.get("groups") or {}).items():
        there = marked.get(key)
        if isinstance(there, dict) and isinstance(there.get(group), list):
            left = [member if member in members else GONE for member in there[group]]
            marked[key] = {**there, group: left}


def _names_left(marked: Document, environment: Owner) -> set[str]:
    left = compact(marked)
    return {
        name
        for section in NAMED_SECTIONS
        if isinstance(names := section_of(left, section), dict)
        for name in names
        if environment.owns_name(name)
    }


def _mark_tag_owners(marked: Document, environment: Owner, keep: set[str]) -> set[str]:
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
        listed = [value for tag in tags if isinstance(value := tag_owners.get(tag), list)]
        owners = {owner for value in listed for owner in value if isinstance(owner, str) and owns(owner)}
        if owners <= tags:
            return tags
        tags = tags | owners


def _without_owned(marked: Document, key: str, owns: Any) -> Document:
    """The document with its own tags taken out of everybody's owner lists: those mentions go in any case."""
    return {**marked, key: marked_tag_owners(marked.get(key), owns, set())} if key in marked else marked


def _mark_chain(marked: Document, environment: Owner) -> set[str]:
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
