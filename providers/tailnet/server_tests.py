"""Tests of the policy document, `tests` and `sshTests`: whose they are, and what of them cannot hold without access.

A test is the environment's own when its source is: only such tests does a slice declare, and only such are removed as
undeclared. What others assert about the environment stays, but for what asks for access that is removed.
"""

from __future__ import annotations

from typing import Any

from .ownership import GONE, Owns, asserts, marked_list, tag_of
from .tags import Owner

SECTIONS = ("tests", "sshTests")

_SOURCE = ("src", "user")
_ACCEPT = ("accept", "allow", "check")


def speaks_of(environment: Owner) -> Owns:
    """Whether an element of a test names the environment: by a tag, or by a name of a posture, host or group."""

    def names(element: str) -> bool:
        tag = tag_of(element)
        if tag is not None:
            return environment.owns(tag)
        return environment.owns_name(element) or environment.owns_name(element.rpartition(":")[0])

    return names


def source_is_owned(entry: Any, owns: Owns) -> bool:
    """Whether a test speaks for the environment: its source is one of the environment's tags."""
    return isinstance(entry, dict) and any(
        field.lower() in _SOURCE and isinstance(value, str) and owns(value) for field, value in entry.items()
    )


def without_accept(section: str, entry: Any, owns: Owns) -> Any:
    """A test marked so that it asks for no access of or to what is owned. What it denies stays.

    An entry of sshTests accepts users on all its destinations at once: where others stand beside ours, ours goes.
    """
    if not isinstance(entry, dict):
        return entry
    marked = dict(entry)
    all_of_it = source_is_owned(entry, owns)
    if section == "sshTests" and not all_of_it and any(entry[field] for field in _fields(entry, _ACCEPT)):
        for field in _fields(entry, ("dst",)):
            marked[field] = marked_list(entry[field], owns)
            if marked[field] is GONE or (isinstance(entry[field], list) and all(x is GONE for x in marked[field])):
                marked[field], all_of_it = entry[field], True
    for field in _fields(entry, _ACCEPT):
        if all_of_it:
            marked[field] = GONE
        elif section == "tests":
            marked[field] = marked_list(entry[field], owns)
    return marked if asserts(marked) or not asserts(entry) else GONE


def _fields(entry: dict[str, Any], names: tuple[str, ...]) -> list[str]:
    return [field for field in entry if field.lower() in names]
