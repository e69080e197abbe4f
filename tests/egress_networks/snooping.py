"""A filter that learns addresses by watching pods' DNS answers, as Cilium's toFQDNs and GKE's FQDNNetworkPolicy do.

No target is of this kind; it is here to show why. A wildcard helps no one: an address that nobody asked for is unknown.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.egress_networks.connections import ADDRESSES, INSIDE, Connection
from tests.egress_networks.network import pattern_matches


@dataclass(slots=True)
class SnoopingFilter:
    """The filter of one pod. allowed: host and port, hosts with a wildcard in front or without. Remembers what it has
    seen."""

    allowed: Iterable[tuple[str, int]]
    learnt: set[tuple[str, int]] = field(default_factory=set)

    def passes(self, connection: Connection) -> bool:
        if connection.source != INSIDE:
            return False
        if connection.asks and connection.host is not None:
            ports = [port for pattern, port in self.allowed if pattern_matches(pattern, connection.host)]
            self.learnt |= {(address, port) for port in ports for address in ADDRESSES[connection.host]}
        return connection.protocol == "tcp" and (connection.address, connection.port) in self.learnt
