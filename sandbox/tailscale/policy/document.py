"""A policy document as values: sections and rule fields under their present names, with the types they must have.

Owns the spelling of sections and fields (the server reads them without regard to case, and knows the older names
`users`/`ports` in rules and `user`/`allow` in tests) and their JSON types. What a value means is judged elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sandbox.tailscale.policy import hujson
from sandbox.tailscale.policy.refusal import Refusal, quoted

# Section -> what it holds. "lists": an object of lists of strings; "entries": a list of objects.
SECTIONS = {
    "acls": "entries",
    "attrConfig": "object",
    "autoApprovers": "object",
    "defaultSrcPosture": "strings",
    "derpMap": "object",
    "disableIPv4": "boolean",
    "grants": "entries",
    "groups": "lists",
    "hosts": "texts",
    "ipsets": "lists",
    "nodeAttrs": "entries",
    "oneCGNATRoute": "string",
    "postures": "lists",
    "randomizeClientPort": "boolean",
    "ssh": "entries",
    "sshTests": "entries",
    "tagOwners": "lists",
    "tests": "entries",
}

# Field of an entry -> its type; a field that is not here is refused, as a misspelt one would silently do nothing.
FIELDS: dict[str, dict[str, str]] = {
    "acls": {"action": "string", "src": "strings", "dst": "strings", "proto": "string", "srcPosture": "strings"},
    "grants": {
        "src": "strings",
        "dst": "strings",
        "ip": "strings",
        "app": "object",
        "srcPosture": "strings",
        "via": "strings",
    },
    "nodeAttrs": {"target": "strings", "attr": "strings", "app": "object", "ipPool": "strings"},
    "ssh": {
        "action": "string",
        "src": "strings",
        "dst": "strings",
        "users": "strings",
        "checkPeriod": "string",
        "acceptEnv": "strings",
        "recorder": "strings",
        "enforceRecorder": "boolean",
        "srcPosture": "strings",
    },
    "sshTests": {
        "src": "string",
        "dst": "strings",
        "accept": "strings",
        "check": "strings",
        "deny": "strings",
        "srcPostureAttrs": "object",
    },
    "tests": {
        "src": "string",
        "proto": "string",
        "accept": "strings",
        "deny": "strings",
        "srcPostureAttrs": "object",
    },
}
_OTHER = re.compile(r"(group|tag|autogroup|user|svc|host|ipset):")
"""What a selector begins with that is no login."""

OLD_NAMES = {"acls": {"users": "src", "ports": "dst"}, "tests": {"user": "src", "allow": "accept"}}

Entry = Mapping[str, Any]


class Document:
    """The sections of one policy. A section that is absent or null is empty."""

    def __init__(self, sections: Mapping[str, Any]) -> None:
        self._sections = sections

    def entries(self, section: str) -> list[Entry]:
        return self._sections.get(section) or []

    @property
    def is_open(self) -> bool:
        """Whether it has neither acls nor grants: then everybody reaches everything (recorded), unlike with an empty
        list. Of null nothing is recorded; here it counts as absent."""
        return self._sections.get("acls") is None and self._sections.get("grants") is None

    def lists(self, section: str) -> Mapping[str, list[str]]:
        return self._sections.get(section) or {}

    @property
    def hosts(self) -> Mapping[str, str]:
        return self._sections.get("hosts") or {}

    @property
    def auto_approvers(self) -> Mapping[str, Any]:
        return self._sections.get("autoApprovers") or {}

    @property
    def default_posture(self) -> list[str]:
        return self._sections.get("defaultSrcPosture") or []

    def named_users(self) -> set[str]:
        """Every login name that a group of the document lists."""
        return {member for members in self.lists("groups").values() for member in members}


def parse(text: str) -> Document:
    """Read HuJSON or JSON. Raises Refusal for text, a section or a field that cannot be one."""
    try:
        value = hujson.loads(text)
    except hujson.HujsonError as error:
        raise Refusal(str(error)) from error
    return from_value(value)


def from_value(value: Any) -> Document:
    """The same from values that are already read."""
    if not isinstance(value, dict):
        raise Refusal("the policy must be a JSON object")
    sections = _renamed(value, {name.lower(): name for name in SECTIONS})
    for name, content in sections.items():
        if content is None:
            continue
        _check_type(name, content, SECTIONS[name])
        if SECTIONS[name] == "entries":
            sections[name] = [_entry(name, entry) for entry in content]
        elif name in ("groups", "tagOwners"):
            sections[name] = {key: _kept(members) for key, members in content.items()}
    return Document(sections)


def _entry(section: str, entry: Any) -> Entry:
    if not isinstance(entry, dict):
        raise Refusal(f"{section}: expected an object")
    names = {name.lower(): name for name in FIELDS[section]} | OLD_NAMES.get(section, {})
    fields = {key: value for key, value in _renamed(entry, names).items() if value is not None}
    for key, value in fields.items():
        _check_type(f"{section}.{key}", value, FIELDS[section][key])
    return {key: _kept(value) if key in ("src", "dst", "target") else value for key, value in fields.items()}


def kept(selector: str) -> str:
    """A selector as the service keeps it: logins in lower case. A test's own text is shown as it was written."""
    return selector.lower() if "@" in selector and selector.isascii() and not _OTHER.match(selector) else selector


def _kept(value: Any) -> Any:
    return [kept(item) for item in value] if isinstance(value, list) else value


def _renamed(value: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, content in value.items():
        name = names.get(key.lower())
        if name is None:
            raise Refusal(f"unknown field {quoted(key)}")
        if name in found:
            raise Refusal(f"duplicate field {quoted(name)}")
        found[name] = content
    return found


def _check_type(where: str, value: Any, kind: str) -> None:
    matches = {
        "entries": lambda: isinstance(value, list),
        "strings": lambda: _strings(value),
        "object": lambda: isinstance(value, dict),
        "lists": lambda: isinstance(value, dict) and all(_strings(item) for item in value.values()),
        "texts": lambda: isinstance(value, dict) and all(isinstance(item, str) for item in value.values()),
        "string": lambda: isinstance(value, str),
        "boolean": lambda: isinstance(value, bool),
    }
    meaning = {
        "entries": "a list of objects",
        "strings": "a list of strings",
        "object": "an object",
        "lists": "an object of lists of strings",
        "texts": "an object of strings",
        "string": "a string",
        "boolean": "true or false",
    }
    if not matches[kind]():
        raise Refusal(f"{where}: expected {meaning[kind]}")


def _strings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
