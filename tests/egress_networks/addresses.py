"""A filter that knows addresses and ports, never names: security groups, network security groups, VPC firewalls.

Owns the match and the order: the lowest priority first, and of equals a denial first. Ends with a denial.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from tests.egress_networks.connections import Connection

ANYWHERE = ("0.0.0.0/0", "::/0")


def contains(networks: Iterable[str], address: str) -> bool:
    return any(ipaddress.ip_address(address) in ipaddress.ip_network(network) for network in networks)


@dataclass(frozen=True, kw_only=True, slots=True)
class AddressRule:
    """ports: first and last of each range; none at all is every port. sources: networks whose machines it is for."""

    action: Literal["allow", "deny"] = "allow"
    protocol: Literal["tcp", "udp", "any"] = "any"
    ports: tuple[tuple[int, int], ...] = ()
    destinations: tuple[str, ...] = ANYWHERE
    sources: tuple[str, ...] = ANYWHERE
    priority: int = 0

    def matches(self, connection: Connection) -> bool:
        return (
            self.protocol in ("any", connection.protocol)
            and (not self.ports or any(first <= connection.port <= last for first, last in self.ports))
            and contains(self.destinations, connection.address)
            and contains(self.sources, connection.source)
        )


@dataclass(frozen=True, slots=True)
class AddressFilter:
    """rules: ours and the customer's, in any order."""

    rules: list[AddressRule] = field(default_factory=list)

    def passes(self, connection: Connection) -> bool:
        for rule in sorted(self.rules, key=lambda rule: (rule.priority, rule.action == "allow")):
            if rule.matches(connection):
                return rule.action == "allow"
        return False
