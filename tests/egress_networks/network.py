"""What every filter answers: does this connection pass."""

from __future__ import annotations

from typing import Protocol

from tests.egress_networks.connections import Connection


class Network(Protocol):
    """The customer's network with one filter, which lets nothing out but for rules that say so."""

    def passes(self, connection: Connection) -> bool: ...


def pattern_matches(pattern: str, host: str) -> bool:
    """`*.example.com` is everything under example.com and not example.com itself; anything else is one host."""
    if pattern.startswith("*."):
        return host.endswith(pattern[1:]) and host != pattern[2:]
    if "*" in pattern:
        raise ValueError(f"{pattern!r} has a wildcard somewhere else than in front.")
    return host == pattern
