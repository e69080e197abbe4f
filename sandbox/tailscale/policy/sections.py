"""The sections that declare things: groups, tagOwners, hosts, ipsets, postures, autoApprovers, nodeAttrs.

Owns their checks. Sections that only tune clients (derpMap, attrConfig, oneCGNATRoute ...) are checked for their
type in document.py and no further.
"""

from __future__ import annotations

from typing import Any

from sandbox.tailscale.policy import grammar, posture, selectors
from sandbox.tailscale.policy.document import Document, Entry
from sandbox.tailscale.policy.refusal import Refusal, quoted
from sandbox.tailscale.policy.tailnet import Tailnet


def check(document: Document, tailnet: Tailnet) -> None:
    """Raise Refusal for the first declaration that does not hold."""
    _groups(document)
    _tag_owners(document)
    for name, value in document.hosts.items():
        if grammar.network(value) is None:
            raise Refusal(f"hosts[{quoted(name)}]: {quoted(value)}: invalid address")
    for name, members in document.lists("ipsets").items():
        _ipset(name, members, document)
    for name, conditions in document.lists("postures").items():
        if not name.removeprefix("posture:") or not name.startswith("posture:"):
            raise Refusal(f"postures[{quoted(name)}]: posture names must start with 'posture:'")
        for text in conditions:
            posture.condition(text)
    _auto_approvers(document)
    for entry in document.entries("nodeAttrs"):
        _node_attributes(entry, document, tailnet)


def _groups(document: Document) -> None:
    groups = document.lists("groups")
    # From the last name to the first: of several nested groups the recorded answers name the last.
    for name in sorted(groups, reverse=True):
        if not name.removeprefix("group:") or not name.startswith("group:"):
            raise Refusal(f"groups[{quoted(name)}]: group names must start with 'group:'")
        for member in groups[name]:
            if member.startswith("group:"):
                raise Refusal(f"groups[{quoted(name)}]: {quoted(member)}: group members cannot be recursive")
            if not selectors.is_user(member):
                raise Refusal(f"groups[{quoted(name)}]: {quoted(member)}: group members must be users")


def _tag_owners(document: Document) -> None:
    owners = document.lists("tagOwners")
    for tag, names in owners.items():
        try:
            grammar.check_tag(tag)
            for name in names:
                _check_person_or_tag(name, document)
        except Refusal as error:
            raise Refusal(f"tagOwners[{quoted(tag)}]: {error.message}") from error


def _check_person_or_tag(name: str, document: Document) -> None:
    """An owner or an approver: a user, a group, a declared tag, or an autogroup of people."""
    if name in selectors.PEOPLE_AUTOGROUPS or selectors.is_user(name):
        return
    if name.startswith("tag:"):
        selectors.check_tag_declared(name, document)
    elif not name.startswith("group:"):
        raise Refusal(f"{quoted(name)} is not a user, group, tag or autogroup of users")
    elif name not in document.lists("groups") and "@" not in name:
        raise Refusal(f"group not found: {quoted(name)}")


def _ipset(name: str, members: list[str], document: Document) -> None:
    if not name.startswith("ipset:"):
        raise Refusal(f"ipsets[{quoted(name)}]: names must start with 'ipset:'")
    for member in members:
        text = member.removeprefix("add ").removeprefix("remove ").strip()
        known = text in document.hosts or text in document.lists("ipsets")
        if not known and grammar.network(text) is None:
            raise Refusal(f"ipsets[{quoted(name)}]: {quoted(text)}: invalid address")


def _auto_approvers(document: Document) -> None:
    for key, content in document.auto_approvers.items():
        if key == "exitNode":
            _approvers(key, content, document)
        elif key in ("routes", "services"):
            if not isinstance(content, dict):
                raise Refusal(f"autoApprovers.{key}: expected an object of lists of strings")
            for name, approvers in content.items():
                if key == "routes" and grammar.network(name) is None:
                    raise Refusal(f"autoApprovers.routes: {quoted(name)}: invalid address")
                if key == "services":
                    _check_service(name, document)
                _approvers(f"{key}[{quoted(name)}]", approvers, document)
        else:
            raise Refusal(f"unknown field {quoted(key)}")


def _check_service(name: str, document: Document) -> None:
    if name.startswith("tag:"):
        selectors.check_tag_declared(name, document)
    elif not name.startswith("svc:"):
        raise Refusal(f"autoApprovers.services: {quoted(name)} is not a service or a tag")


def _approvers(where: str, content: Any, document: Document) -> None:
    if not isinstance(content, list) or not all(isinstance(name, str) for name in content):
        raise Refusal(f"autoApprovers.{where}: expected a list of strings")
    for name in content:
        _check_person_or_tag(name, document)


def _node_attributes(entry: Entry, document: Document, tailnet: Tailnet) -> None:
    for target in entry.get("target", []):
        if target == "autogroup:self":
            # Recorded so: the real service fails here instead of refusing.
            raise Refusal("internal server error", status=500)
        selectors.check(target, document, tailnet)
    for text in entry.get("ipPool", []):
        pool = grammar.network(text)
        if pool is None:
            raise Refusal(f"IPPool({text}): invalid prefix")
        if any(part.overlaps(reserved) for part in pool for reserved in grammar.RESERVED_RANGES):
            raise Refusal(f"IPPool({text}): network within reserved range")
        if not all(part.version == 4 and part.subnet_of(grammar.TAILNET_RANGES[0]) for part in pool):  # type: ignore[arg-type]
            raise Refusal(f"IPPool({text}): network must be within 100.64.0.0/10")
