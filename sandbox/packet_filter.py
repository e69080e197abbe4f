"""Recorded packet filters: what the real service's compiled rules let through.

Owns the reading of one node's filter (tailcfg.FilterRule as JSON). It knows no policy document: the evaluators of
this repository are checked against it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.tailscale.policy import grammar

USUAL_PROTOCOLS = (1, 6, 17, 58)
"""What a rule without protocols lets through: ICMP, TCP, UDP and ICMPv6 (recorded beside such rules)."""

PORTS = ((22, 6), (80, 6), (443, 6), (5432, 6), (53, 17))
"""Port and protocol pairs that both evaluators are asked about."""

_OF_THE_SERVICE = ("relay-target", "drive-sharer")
"""Capabilities that the service adds for its own features in the opposite direction; no document names them."""

Filter = Sequence[Mapping[str, Any]] | None
"""The rules of one node; None where it has none."""


def admits(rules: Filter, source: str, destination: str, port: int, protocol: int) -> bool:
    """Whether the filter of the node at `destination` lets `source` through. Both are addresses."""
    return any(
        _within(source, rule["SrcIPs"])
        and protocol in (rule.get("IPProto") or USUAL_PROTOCOLS)
        and any(
            _within(destination, [opened["IP"]]) and opened["Ports"]["First"] <= port <= opened["Ports"]["Last"]
            for opened in rule.get("DstPorts") or ()
        )
        for rule in rules or ()
    )


def capabilities(rules: Filter, source: str, destination: str) -> dict[str, list[Any]]:
    """What the filter of the node at `destination` gives `source`: each capability with its values."""
    given: dict[str, list[Any]] = {}
    for rule in rules or ():
        for grant in rule.get("CapGrant") or ():
            if _within(source, rule["SrcIPs"]) and _within(destination, grant["Dsts"]):
                for name, values in grant["CapMap"].items():
                    if not name.endswith(_OF_THE_SERVICE):
                        given[name] = given.get(name, []) + list(values or ())
    return given


def _within(address: str, texts: Sequence[str]) -> bool:
    return any(
        text == "*" or any(ipaddress.ip_address(address) in network for network in grammar.network(text) or ())
        for text in texts
    )
