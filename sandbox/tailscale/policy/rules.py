"""The rules that open the network: acls and grants.

Owns their check and one common form, Rule, in which the server's tests read both. Application capabilities are
checked here and then left: they open no port.
"""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.tailscale.policy import grammar, posture, selectors
from sandbox.tailscale.policy.document import Document, Entry
from sandbox.tailscale.policy.grammar import Ports
from sandbox.tailscale.policy.refusal import Refusal, quoted
from sandbox.tailscale.policy.tailnet import Tailnet

# What a rule without a protocol lets through: TCP, UDP, ICMP for both IP versions (recorded packet filters).
DEFAULT_PROTOCOLS = frozenset({1, 6, 17, 58})
EVERYTHING = frozenset(range(256))


@dataclass(frozen=True)
class Rule:
    """Sources may reach each destination at its ports with its protocols."""

    sources: tuple[str, ...]
    destinations: tuple[tuple[str, Ports, frozenset[int]], ...]
    postures: tuple[str, ...]


def network_rules(document: Document, tailnet: Tailnet) -> list[Rule]:
    """Check all acls and grants and return those that open the network; of an open document the rule that lets
    everybody in. Raises Refusal for the first bad one."""
    for name in document.default_posture:
        posture.check_reference(name, document)
    if document.is_open:
        return [Rule(("*",), (("*", grammar.ANY_PORT, DEFAULT_PROTOCOLS),), ())]
    rules = [_acl(entry, document, tailnet) for entry in document.entries("acls")]
    return rules + [_grant(entry, document, tailnet) for entry in document.entries("grants")]


def _acl(entry: Entry, document: Document, tailnet: Tailnet) -> Rule:
    action = entry.get("action", "")
    if action != "accept":
        raise Refusal(f"action={quoted(action)} is not supported")
    protocols = frozenset({grammar.protocol(entry["proto"])}) if entry.get("proto") else DEFAULT_PROTOCOLS
    sources = entry.get("src", [])
    for source in sources:
        selectors.check_source(source, document, tailnet)
    destinations = []
    for text in entry.get("dst", []):
        host, port_list = _acl_destination(text, document, tailnet)
        destinations += [(host, each, protocols) for each in port_list]
    if any(host == "autogroup:self" for host, _, _ in destinations):
        # An acl may say "*" beside autogroup:self (recorded); a grant may not.
        _check_self([source for source in sources if source != "*"])
    return Rule(tuple(sources), tuple(destinations), _postures(entry, document))


def _acl_destination(text: str, document: Document, tailnet: Tailnet) -> tuple[str, list[Ports]]:
    host, colon, port_text = text.rpartition(":")
    if not colon:
        raise Refusal(f"dst={quoted(text)}: missing port")
    try:
        port_list = [grammar.ports(each) for each in port_text.split(",")]
    except Refusal as error:
        raise Refusal(f"dst={quoted(text)}: {error.message}") from error
    host = host.removeprefix("[").removesuffix("]")
    try:
        selectors.check_destination(host, document, tailnet)
    except selectors.UnknownName as error:
        raise Refusal(f"dst={quoted(host)}: {error.message}") from error
    return host, port_list


def _grant(entry: Entry, document: Document, tailnet: Tailnet) -> Rule:
    sources, destinations = entry.get("src", []), entry.get("dst", [])
    if not entry.get("ip") and not entry.get("app"):
        raise Refusal("ip and app can not both be empty")
    for source in sources:
        selectors.check_source(source, document, tailnet)
    for destination in destinations:
        _check_grant_destination(destination, document, tailnet)
    if "autogroup:self" in destinations:
        _check_self(sources)
    _check_app(entry)
    _check_via(entry, document)
    opened = [_ip(text) for text in entry.get("ip", [])]
    return Rule(
        tuple(sources),
        tuple((host, port_range, protocols) for host in destinations for port_range, protocols in opened),
        _postures(entry, document),
    )


def _check_grant_destination(destination: str, document: Document, tailnet: Tailnet) -> None:
    if destination in ("0.0.0.0/0", "::/0"):
        raise Refusal(f'dst {quoted(destination)}: to allow all IP addresses, use "*" or "autogroup:internet"')
    try:
        selectors.check_destination(destination, document, tailnet)
    except selectors.UnknownName as error:
        raise Refusal(f"dst={error.message}") from error


def _check_self(sources: list[str]) -> None:
    for source in sources:
        if not (
            selectors.is_user(source) or source.startswith(("group:", "user:")) or source in selectors.PEOPLE_AUTOGROUPS
        ):
            raise Refusal("autogroup:self can only be used with users, groups, or supported autogroups")


def _check_app(entry: Entry) -> None:
    capabilities = entry.get("app") or {}
    for name, values in capabilities.items():
        grammar.check_capability(name)
        if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
            raise Refusal(f"app[{quoted(name)}]: expected a list of objects")
    if capabilities and "autogroup:internet" in entry.get("dst", []):
        raise Refusal("cannot use app grants with autogroup:internet")


def _check_via(entry: Entry, document: Document) -> None:
    for name in entry.get("via", []):
        if not name.startswith("tag:"):
            raise Refusal("via can only be a tag")
        if name not in document.lists("tagOwners"):
            raise Refusal(f"tag {quoted(name)} not found")


def _ip(text: str) -> tuple[Ports, frozenset[int]]:
    """An entry of a grant's `ip`: "*", "443", "80-443", "tcp:443", "icmp:*"."""
    if text == "*":
        return grammar.ANY_PORT, EVERYTHING
    name, colon, port_text = text.partition(":")
    if not colon:
        return grammar.ports(text), DEFAULT_PROTOCOLS
    return grammar.ports(port_text), frozenset({grammar.protocol(name)})


def _postures(entry: Entry, document: Document) -> tuple[str, ...]:
    names = entry.get("srcPosture") or document.default_posture
    for name in names:
        posture.check_reference(name, document)
    return tuple(names)
