"""People's logins: what one looks like, and the one spelling that counts.

The service keeps logins in lower case, a policy document may spell them otherwise, and Kubernetes compares names by
case. So everything that compares or writes a login uses `lowered`. It lowers the letters A to Z and no others: what the
service does to letters outside of ASCII is not known, and Unicode's own rules would make one person of two (the Kelvin
sign becomes a k). Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from string import ascii_lowercase, ascii_uppercase
from typing import Any

_LOGIN = r"[^\s:@*]+@[A-Za-z0-9][A-Za-z0-9.-]*"
_WITH_PORTS = re.compile(rf"({_LOGIN})(:.*)?")
_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)

_LISTS = ("groups", "tagowners")
_ENTRIES = ("acls", "grants", "ssh", "nodeattrs", "tests", "sshtests")
_SELECTORS = ("src", "users", "user", "dst", "ports", "target", "accept", "deny", "allow", "check")
"""Sections and fields of the policy document that name people, in lower case."""


def is_login(text: str) -> bool:
    """Whether this is one person's login, `ada@example.com` or `ada@github`, and no other kind of selector."""
    return re.fullmatch(_LOGIN, text) is not None


def lowered(login: str) -> str:
    """The spelling that counts."""
    return login.translate(_LOWER)


def one_spelling(value: Any) -> Any:
    """The same value with every text that is a login, or one with ports behind it, in the spelling that counts."""
    if isinstance(value, str):
        found = _WITH_PORTS.fullmatch(value)
        return value if found is None else lowered(found[1]) + (found[2] or "")
    if isinstance(value, Mapping):
        return {key: one_spelling(inner) for key, inner in value.items()}
    return [one_spelling(inner) for inner in value] if isinstance(value, list | tuple) else value


def document_in_one_spelling(document: Mapping[str, Any]) -> dict[str, Any]:
    """A policy document in which people are spelled in one way; capabilities and names stay as they are."""
    return {section: _section(section.lower(), value) for section, value in document.items()}


def _section(section: str, value: Any) -> Any:
    if section in _LISTS:
        return one_spelling(value)
    if section not in _ENTRIES or not isinstance(value, list | tuple):
        return value
    return [_entry(entry) if isinstance(entry, Mapping) else entry for entry in value]


def _entry(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {field: one_spelling(value) if field.lower() in _SELECTORS else value for field, value in entry.items()}
