"""Who reaches whom under the network rules of a policy.

Owns matching: does a selector name a party, does a rule let one party reach another. It judges names, not packets:
a party is somebody (a user, a holder of a tag, an address), with or without a device of their own in the tailnet.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.tailscale.policy import grammar, posture
from sandbox.tailscale.policy.document import Document
from sandbox.tailscale.policy.rules import Rule
from sandbox.tailscale.policy.selectors import ROLE_AUTOGROUPS
from sandbox.tailscale.policy.tailnet import Address, Node, Tailnet


@dataclass(frozen=True)
class Party:
    """One side of a connection. `group` is set only for a member of a group that lists nobody."""

    user: str = ""
    tags: tuple[str, ...] = ()
    addresses: tuple[Address, ...] = ()
    group: str = ""


def party_of(node: Node) -> Party:
    return Party(user="" if node.tags else node.user, tags=node.tags, addresses=node.addresses)


class Reach:
    """The rules of one document in one tailnet."""

    def __init__(self, document: Document, tailnet: Tailnet, rules: Iterable[Rule]) -> None:
        self._document = document
        self._tailnet = tailnet
        self._rules = list(rules)

    def allows(
        self, source: Party, destination: Party, protocol: int, port: int, attributes: Mapping[str, Any]
    ) -> bool:
        """Is there a rule that lets `source`, a device with the posture `attributes`, through?"""
        return any(
            self._rule_allows(rule, source, destination, protocol, port)
            for rule in self._rules
            if posture.holds(list(rule.postures), self._document, attributes)
        )

    def _rule_allows(self, rule: Rule, source: Party, destination: Party, protocol: int, port: int) -> bool:
        if not any(self.names_source(selector, source) for selector in rule.sources):
            return False
        return any(
            port in ports and protocol in protocols and self._names_destination(host, destination, source)
            for host, ports, protocols in rule.destinations
        )

    def names_source(self, selector: str, party: Party) -> bool:
        if selector == "*":
            return bool(party.user or party.tags or party.group) or any(
                self._in_tailnet(address) for address in party.addresses
            )
        return self._names(selector, party)

    def _names_destination(self, selector: str, party: Party, source: Party) -> bool:
        if selector == "*":
            return True
        if selector == "autogroup:self":
            return bool(party.user) and party.user == source.user
        if selector == "autogroup:internet":
            return any(address.is_global and not self._in_tailnet(address) for address in party.addresses)
        return self._names(selector, party)

    def _names(self, selector: str, party: Party) -> bool:
        """The selectors that mean the same on both sides."""
        if selector.startswith("tag:"):
            return selector in party.tags
        if selector.startswith("group:"):
            return party.group == selector or (
                bool(party.user) and party.user in self._document.lists("groups").get(selector, [])
            )
        if selector.startswith("user:*@"):
            return bool(party.user) and party.user.endswith(selector.removeprefix("user:*"))
        if selector.startswith("autogroup:"):
            return self._names_autogroup(selector, party)
        return party.user == selector or self._covers(selector, party.addresses)

    def _names_autogroup(self, selector: str, party: Party) -> bool:
        if selector == "autogroup:danger-all":
            return True
        if selector == "autogroup:tagged":
            return bool(party.tags)
        if selector in ("autogroup:member", "autogroup:members"):
            return bool(party.user or party.group)
        role = ROLE_AUTOGROUPS.get(selector)
        return role is not None and bool(party.user) and self._tailnet.users.get(party.user) == role

    def _covers(self, selector: str, addresses: Iterable[Address]) -> bool:
        if selector.startswith("ipset:"):
            return any(self._covers(text, addresses) for text in self._ipset(selector))
        networks = grammar.network(self._document.hosts.get(selector, selector)) or []
        return any(address in network for address in addresses for network in networks)

    def _ipset(self, name: str) -> list[str]:
        """What an ipset adds. What it removes is not subtracted: a test there is judged on the wide side."""
        members = self._document.lists("ipsets").get(name, [])
        return [text.removeprefix("add ").strip() for text in members if not text.startswith("remove ")]

    def _in_tailnet(self, address: Address) -> bool:
        """Part of what "*" means as a source: the tailnet's own addresses and the routes its nodes serve."""
        routes = (ipaddress.ip_network(route) for node in self._tailnet.nodes for route in node.routes)
        served = (route for route in routes if route.prefixlen > 0)
        return any(address in network for network in (*grammar.TAILNET_RANGES, *served))
