"""From what the Azure targets register to the filters of a customer in Azure, with the customer's own denial."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from tests.components.registered import Registration
from tests.egress_networks.addresses import AddressFilter, AddressRule, contains
from tests.egress_networks.connections import Connection
from tests.egress_networks.network import pattern_matches

THEIRS = 4000
"""The priority of the customer's denial of everything: after ours, as the settings ask for it."""


def security_group(rows: list[Registration], *, theirs: int = THEIRS) -> AddressFilter:
    """A network security group with a rule that denies everything outbound."""
    return AddressFilter([*(_security_rule(row.inputs) for row in rows), AddressRule(action="deny", priority=theirs)])


def _security_rule(inputs: dict[str, Any]) -> AddressRule:
    if (inputs["direction"], inputs["access"], inputs["sourcePortRange"]) != ("Outbound", "Allow", "*"):
        raise ValueError(f"not a rule that lets out: {inputs}")
    return AddressRule(
        protocol=_protocol(inputs["protocol"]),
        ports=(_range(inputs["destinationPortRange"]),),
        destinations=tuple(inputs["destinationAddressPrefixes"]),
        sources=tuple(inputs["sourceAddressPrefixes"]),
        priority=inputs["priority"],
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class NameRule:
    """An application rule for HTTPS: it compares the TLS server name."""

    sources: tuple[str, ...]
    hosts: tuple[str, ...]
    ports: tuple[int, ...]

    def matches(self, connection: Connection) -> bool:
        host = connection.host
        return (
            connection.content == "tls"
            and host is not None
            and connection.port in self.ports
            and contains(self.sources, connection.source)
            and any(pattern_matches(pattern, host) for pattern in self.hosts)
        )


@dataclass(frozen=True, slots=True)
class PolicyFilter:
    """A firewall policy. All network rules are asked before any application rule, whatever their groups' numbers; what
    none allows is denied."""

    by_address: list[AddressRule] = field(default_factory=list)
    by_name: list[NameRule] = field(default_factory=list)

    def passes(self, connection: Connection) -> bool:
        for rule in sorted(self.by_address, key=lambda rule: rule.priority):
            if rule.matches(connection):
                return rule.action == "allow"
        return any(rule.matches(connection) for rule in self.by_name)


def firewall_policy(rows: list[Registration], *, theirs: AddressRule | None = None) -> PolicyFilter:
    """A policy that denies what no rule allows. theirs: a network rule of the customer's in another group."""
    [row] = rows
    network, names = [theirs] if theirs else [], []
    for collection in row.inputs["ruleCollections"]:
        if collection["action"]["type"] != "Allow":
            raise ValueError(f"not a collection that allows: {collection}")
        for rule in collection["rules"]:
            match rule["ruleType"]:
                case "ApplicationRule":
                    names.append(_name_rule(rule))
                case "NetworkRule":
                    network += _network_rules(rule, row.inputs["priority"])
                case other:
                    raise ValueError(f"a rule of type {other}")
    return PolicyFilter(network, names)


def _name_rule(rule: dict[str, Any]) -> NameRule:
    if rule.get("terminateTLS") or any(protocol["protocolType"] != "Https" for protocol in rule["protocols"]):
        raise ValueError(f"decrypts, or is for something else than HTTPS: {rule}")
    return NameRule(
        sources=tuple(rule["sourceAddresses"]),
        hosts=tuple(rule["targetFqdns"]),
        ports=tuple(protocol["port"] for protocol in rule["protocols"]),
    )


def _network_rules(rule: dict[str, Any], priority: int) -> list[AddressRule]:
    return [
        AddressRule(
            protocol=_protocol(protocol),
            ports=tuple(map(_range, rule["destinationPorts"])),
            destinations=tuple(rule["destinationAddresses"]),
            sources=tuple(rule["sourceAddresses"]),
            priority=priority,
        )
        for protocol in rule["ipProtocols"]
    ]


def _protocol(word: str) -> Literal["tcp", "udp"]:
    found: dict[str, Literal["tcp", "udp"]] = {"tcp": "tcp", "udp": "udp"}
    return found[word.lower()]


def _range(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    return int(first), int(last or first)
