"""The policy document without one engineer: out of every group, every source and every list of owners.

Owns what "revoked everywhere" means in the document. Pure. What the person reaches by being in the tailnet at all
(autogroups, `*`) stays: that ends by suspending the user, which is an administrator's act and is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from .analysis import networks
from .analysis.names import Names, entries
from .changes import changes
from .ownership import ACCESS_SECTIONS, GONE, compact, section_key, section_of, strings
from .severance import Severed
from .slice import edited, parsed

_SOURCES = ("src", "users")


def without_engineer(text: str, address: str) -> Severed:
    """`text` in which nothing lets `address` in by name. Twice is once. Raises PolicyError for what cannot be read.

    An entry that would have no source left goes; a group stays, empty.
    """
    document = parsed(text)
    marked: dict[str, Any] = dict(document.value)
    for section in ("groups", "tagOwners"):
        key = section_key(marked, section)
        if isinstance(marked.get(key), dict):
            marked[key] = {name: _without(members, address) for name, members in marked[key].items()}
    for section in ACCESS_SECTIONS:
        key = section_key(marked, section)
        if isinstance(marked.get(key), list):
            marked[key] = [_entry(entry, address) for entry in marked[key]]
    approvers = section_key(marked, "autoApprovers")
    if approvers in marked:
        marked[approvers] = _deep(marked[approvers], address)
    outcome = edited(document, marked, compact(marked))
    return Severed(outcome, tuple(str(change) for change in changes(outcome.before, outcome.after)))


def still_named(document: dict[str, Any], address: str) -> list[str]:
    """Sections that name the address after all: targets of attributes, destinations, tests."""
    return [section for section, value in document.items() if any(_is(text, address) for text in strings(value))]


def groups_from_elsewhere(document: dict[str, Any]) -> list[str]:
    """Groups that something is open to and that the document does not define: an identity provider fills them."""
    owners = strings([section_of(document, section) for section in ("tagOwners", "autoApprovers")])
    defined = section_of(document, "groups") or ()
    named = {*_sources(document), *owners}
    return sorted(name for name in named if name.startswith("group:") and name not in defined)


def sources_at(document: dict[str, Any], addresses: Iterable[str]) -> list[str]:
    """Sources that hold one of these addresses: an address, a prefix, or a host or an ipset that stands for some."""
    names, own = Names(document), [network for address in addresses for network in networks.read(address)]
    return sorted({source for source in _sources(document) if networks.overlap(names.networks(source), own)})


def _sources(document: dict[str, Any]) -> Iterator[str]:
    for section in ACCESS_SECTIONS:
        for _, entry in entries(document, section):
            for field, value in entry.items():
                if field.lower() in _SOURCES:
                    yield from strings(value)


def _is(element: Any, address: str) -> bool:
    """Logins are the same in any case: the service lowers them, people who write the document may not. By Unicode's
    rules, not by those of `lowered`, and whatever blanks are around and dots behind: what takes access away takes
    whoever may be meant."""
    return isinstance(element, str) and element.strip().rstrip(".").lower() == address.lower()


def _without(elements: Any, address: str) -> Any:
    """A list without the person; a text that is the person, in the place of a list of one, becomes an empty list."""
    if _is(elements, address):
        return []
    if not isinstance(elements, list):
        return elements
    return [GONE if _is(element, address) else element for element in elements]


def _entry(entry: Any, address: str) -> Any:
    if not isinstance(entry, dict):
        return entry
    marked = dict(entry)
    for field, value in entry.items():
        if field.lower() not in _SOURCES:
            continue
        marked[field] = GONE if _is(value, address) else _without(value, address)
        if marked[field] is GONE or (value and not compact(marked[field])):
            return GONE
    return marked


def _deep(value: Any, address: str) -> Any:
    if isinstance(value, dict):
        return {key: _deep(inner, address) for key, inner in value.items()}
    return _without(value, address)
