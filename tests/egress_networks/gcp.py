"""From what the GCP targets register to the filters of a customer in GCP, with the customer's own denial in place.

The machine that the rules are for runs as the account that they name; the other one does not.
"""

from __future__ import annotations

import re
from typing import Any

from tests.components.registered import Registration
from tests.egress_networks.addresses import ANYWHERE, AddressFilter, AddressRule
from tests.egress_networks.connections import INSIDE
from tests.egress_networks.proxy import ProxyFilter, parse
from tests.egress_networks.resolving import addresses_of

NODES = (f"{INSIDE}/32",)
THEIRS = 1000
"""The priority of the customer's denial of everything: after ours, as the settings ask for it."""


def vpc_firewall(rows: list[Registration], *, theirs: int = THEIRS) -> AddressFilter:
    """A network whose classic rules deny everything."""
    rules = [rule for row in rows for rule in _classic(row.inputs)]
    return AddressFilter([*rules, AddressRule(action="deny", priority=theirs)])


def _classic(inputs: dict[str, Any]) -> list[AddressRule]:
    _is_outward(inputs)
    return [
        AddressRule(
            protocol=allowed["protocol"],
            ports=_ports(allowed),
            destinations=tuple(inputs["destinationRanges"]),
            sources=_machines(inputs),
            priority=inputs["priority"],
        )
        for allowed in inputs["allows"]
    ]


def network_policy(rows: list[Registration], *, theirs: int = THEIRS, classic: bool = False) -> AddressFilter:
    """A network whose policy denies everything. classic: so do its classic rules, which by default are asked first."""
    [row] = rows
    inputs = row.inputs
    _is_outward(inputs)
    match = inputs["match"]
    if match.keys() != {"destFqdns", "layer4Configs"}:
        raise ValueError(f"matches by something else than names: {sorted(match)}")
    before = [AddressRule(action="deny", priority=-1)] if classic else []
    ours = [
        AddressRule(
            protocol=layer["ipProtocol"],
            ports=_ports(layer),
            destinations=addresses_of(match["destFqdns"]),
            sources=_machines(inputs),
            priority=inputs["priority"],
        )
        for layer in match["layer4Configs"]
    ]
    return AddressFilter([*before, *ours, AddressRule(action="deny", priority=theirs)])


def secure_web_proxy(rows: list[Registration]) -> ProxyFilter:
    """A network whose only way out is the proxy; the client has been given its address."""
    by_type = {row.type.rpartition(":")[2]: row.inputs for row in rows}
    rule, urls = by_type["GatewaySecurityPolicyRule"], by_type["UrlList"]
    if (rule["basicProfile"], rule["enabled"], rule["tlsInspectionEnabled"]) != ("ALLOW", True, False):
        raise ValueError(f"not a rule that allows: {rule}")
    found = re.search(r"inUrlList\(host\(\), '([^']+)'\)", rule["sessionMatcher"])
    return parse(rule["sessionMatcher"], {found[1] if found else "": tuple(urls["values"])})


def _is_outward(inputs: dict[str, Any]) -> None:
    if inputs["direction"] != "EGRESS" or inputs.get("action", "allow") != "allow":
        raise ValueError(f"not a rule that lets out: {inputs}")


def _machines(inputs: dict[str, Any]) -> tuple[str, ...]:
    named = ("targetServiceAccounts", "targetTags", "targetSecureTags")
    return NODES if any(inputs.get(key) for key in named) else ANYWHERE


def _ports(layer: dict[str, Any]) -> tuple[tuple[int, int], ...]:
    """`443` and `1-65535`, as Google spells ports; none are all."""
    ends = [port.partition("-") for port in layer.get("ports") or ()]
    return tuple((int(first), int(last or first)) for first, _, last in ends)
