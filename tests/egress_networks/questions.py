"""A filter on DNS questions, as Route 53 Resolver DNS Firewall is, in a network whose connections are otherwise open.

Owns the lists and their order: groups by their priority, rules within by theirs. What asks no question is not seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tests.egress_networks.connections import Connection
from tests.egress_networks.network import pattern_matches


@dataclass(frozen=True, slots=True)
class NameRule:
    """domains: `*.example.com`, `example.com`, or `*` for every name."""

    priority: tuple[int, int]
    action: Literal["ALLOW", "BLOCK"]
    domains: tuple[str, ...]

    def matches(self, host: str) -> bool:
        return any(domain == "*" or pattern_matches(domain, host) for domain in self.domains)


@dataclass(frozen=True, slots=True)
class QuestionFilter:
    """rules: ours and the customer's. priority of each: the group's in the VPC, then the rule's in the group."""

    rules: list[NameRule]

    def passes(self, connection: Connection) -> bool:
        if connection.host is None or not connection.asks:
            return True
        for rule in sorted(self.rules, key=lambda rule: rule.priority):
            if rule.matches(connection.host):
                return rule.action == "ALLOW"
        return True
