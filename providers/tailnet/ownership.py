"""Which elements of a policy document belong to one environment, and what is left without them.

Works on parsed values only. Ownership is structural: an element that names a tag of the environment is the
environment's, whoever wrote it; there are no markers and there is no side table. Removing an element must never widen
access, so an entry goes as a whole when one of its lists that restrict it (src, dst, via, target) would become empty.
An environment's tag in any other place (a recorder in somebody's grant, say) is left: taking it away could
switch off what a person asked for. Such a tag stays declared and is reported.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from .tags import TAG_IN_TEXT, Owner, tag_of

ACCESS_SECTIONS = ("grants", "acls", "ssh")
"""Sections whose entries give access."""

NAMED_SECTIONS = ("postures", "hosts", "groups")
"""Sections of names without tags: they carry the environment's name."""

RESTRICTING: Final[dict[str, tuple[str, ...]]] = {
    "grants": ("src", "dst", "via"),
    "acls": ("src", "dst", "users", "ports"),
    "ssh": ("src", "dst"),
    "nodeAttrs": ("target",),
    "sshTests": ("src", "dst"),
    "tests": ("src", "user"),
}
"""Per section of entries: the fields that may not become empty while the entry stays. Old documents write `users`,
`ports` and `user`."""

ASSERTED = ("accept", "allow", "check", "deny")
"""What a test may assert; `allow` is the old name of `accept`, `check` is of sshTests."""

Owns = Callable[[str], bool]
Document = Mapping[str, Any]


class _Gone:
    def __repr__(self) -> str:
        return "GONE"


GONE: Final = _Gone()
"""Stands in a marked value where something is removed."""


def canonical(value: Any) -> str:
    """A text that two values share exactly when they are the same JSON value (1 and 1.0 are)."""
    return json.dumps(_plain(value), sort_keys=True, ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, str):  # most values are, and the tests below take long
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value


def compact(marked: Any) -> Any:
    """A marked value without what is GONE in it."""
    if isinstance(marked, dict):
        return {key: compact(value) for key, value in marked.items() if value is not GONE}
    if isinstance(marked, list):
        return [compact(value) for value in marked if value is not GONE]
    return marked


def section_key(document: Document, section: str) -> str:
    """The name under which a section stands in the document: old documents write `ACLs` or `TagOwners`."""
    return next((key for key in document if key.lower() == section.lower()), section)


def section_of(document: Document, section: str) -> Any:
    """A section's value, or None. Section names count without regard to case, as for the server."""
    return document.get(section_key(document, section))


def owner_test(environment: Owner) -> Owns:
    """Whether an element (`tag:x`, or `tag:x:443`) names one of the environment's tags."""

    def owns(element: str) -> bool:
        tag = tag_of(element)
        return tag is not None and environment.owns(tag)

    return owns


def tags_test(tags: set[str]) -> Owns:
    """Whether an element names one of these tags."""
    return lambda element: tag_of(element) in tags


# --- one entry ---------------------------------------------------------------------------------------------


def marked_entry(section: str, entry: Any, owns: Owns) -> Any:
    """`entry` of a section of entries with the owned elements marked, or GONE when nothing of it may stay."""
    if not isinstance(entry, dict):
        return entry
    restricting = RESTRICTING[section]
    marked = dict(entry)
    for field, value in entry.items():
        name = field.lower()
        if name in restricting:
            marked[field] = marked_list(value, owns)
            if marked[field] is GONE or (isinstance(value, list) and value and not compact(marked[field])):
                return GONE
        elif section == "tests" and name in ASSERTED:  # in sshTests they list users, not destinations
            marked[field] = marked_list(value, owns)
    if section == "tests" and not asserts(marked) and asserts(entry):
        return GONE
    return marked


def asserts(entry: dict[str, Any]) -> bool:
    """Whether a test, marked or not, asserts anything: one that does not is refused by the server."""
    return any(compact(value) for field, value in entry.items() if field.lower() in ASSERTED and value is not GONE)


def marked_list(value: Any, owns: Owns) -> Any:
    """A string or a list of strings with the owned ones marked."""
    if isinstance(value, str):
        return GONE if owns(value) else value
    if isinstance(value, list):
        return [GONE if isinstance(element, str) and owns(element) else element for element in value]
    return value


# --- whole sections ----------------------------------------------------------------------------------------


def marked_tag_owners(tag_owners: Any, owns: Owns, kept: set[str]) -> Any:
    """tagOwners with owned tags marked: as keys unless in `kept`, and as owners of what is not owned.

    A key of somebody else whose last owner goes stays with `[]`: only administrators own it then.
    """
    if not isinstance(tag_owners, dict):
        return tag_owners
    marked: dict[str, Any] = {}
    for key, owners in tag_owners.items():
        if owns(key):
            marked[key] = owners if key in kept else GONE
        else:
            marked[key] = marked_list(owners, owns) if isinstance(owners, list) else owners
    return marked


def marked_approvers(approvers: Any, owns: Owns, declared: Any = None) -> Any:
    """autoApprovers with owned elements marked, but for those that `declared` has at the same place.

    Under a key that is owned only the declared ones stay. A route or service that is left without anybody goes.
    """
    if isinstance(approvers, list):
        stays = declared if isinstance(declared, list) else []
        return marked_list(approvers, lambda element: owns(element) and element not in stays)
    if not isinstance(approvers, dict):
        return approvers
    marked: dict[str, Any] = {}
    for key, value in approvers.items():
        inner = declared.get(key) if isinstance(declared, Mapping) else None
        if inner is None and owns(key):
            marked[key] = GONE
            continue
        marked[key] = marked_approvers(value, (lambda _: True) if owns(key) else owns, inner)
        if isinstance(value, list) and value and not compact(marked[key]) and key not in ("exitNode",):
            marked[key] = GONE
    return marked


# --- who still speaks of it --------------------------------------------------------------------------------


def strings(value: Any) -> Iterator[str]:
    """Every string in a value, names of members too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield key
            yield from strings(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from strings(inner)


def mentioned_tags(document: Document, without: Callable[[str], bool]) -> set[str]:
    """Tags that the document names anywhere; in tagOwners only in the entries of keys for which `without` is false."""
    found: set[str] = set()
    owners_key = section_key(document, "tagOwners")
    for section, value in document.items():
        if section == owners_key and isinstance(value, Mapping):
            value = {key: owners for key, owners in value.items() if not without(key)}
        for text in strings(value):
            found.update(TAG_IN_TEXT.findall(text))
    return found


def mentioned_names(document: Document) -> set[str]:
    """Every word that may name a posture, host or group anywhere but where it is defined.

    A name also stands before a port (`acme-prod-db:443`), after `add` or `remove` in an ipset, and after `host:`.
    """
    defining = {section_key(document, section) for section in NAMED_SECTIONS}
    found: set[str] = set()
    for section, value in document.items():
        inside: Any = value.values() if section in defining and isinstance(value, Mapping) else [value]
        for text in strings(list(inside)):
            for word in text.split():
                bare = word.removeprefix("host:")
                found |= {word, bare, bare.rpartition(":")[0]}
    return found
