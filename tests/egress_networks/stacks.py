"""Stacks with every target in every variant, and the filters that come of what they register.

Owns the settings of the variants and which filter a target's rules are played in. One stack per cloud holds all of its
variants, each on an object of its own, so that the program runs once per cloud.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from components.settings.egress_target import TargetSettings
from components.settings.environment import EnvironmentSettings
from tests.components.conftest import LEAST
from tests.components.registered import Registration
from tests.components.test_egress_aws import opened
from tests.egress_networks import aws, azure, gcp
from tests.egress_networks.connections import ADDRESSES, INSIDE
from tests.egress_networks.network import Network

Udp = str
CERTIFICATES = "acme-v02.api.letsencrypt.org"
BOUND = {"derp": ["198.51.100.0/24"], "certificateAuthority": [f"{ADDRESSES[CERTIFICATES][0]}/32"]}
"""Ranges that a customer lists itself: where the relays and the certificate authority are, as it believes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Variant:
    """One column of a table. settings: of the target, for a number that makes its place unique and what udp is set to.
    udp: what it can be set to, `off` alone where the target knows no such thing."""

    cloud: str
    label: str
    settings: Callable[[int, Udp], dict[str, Any]]
    network: Callable[[list[Registration], Any], Network]
    udp: tuple[Udp, ...] = ("off", "stun", "any")


Settings = Callable[[int, Udp], dict[str, Any]]
NODES = "gke-nodes@acme-prod.iam.gserviceaccount.com"


def _security_group(**more: Any) -> Settings:
    return lambda number, udp: {
        "target": "aws-security-group",
        "region": "eu-central-1",
        "securityGroup": f"sg-{number:08x}",
        "udp": udp,
        **more,
    }


def _network_firewall(number: int, udp: Udp) -> dict[str, Any]:
    return {
        "target": "aws-network-firewall",
        "region": "eu-central-1",
        "policy": f"arn:aws:network-firewall:eu-central-1:111122223333:firewall-policy/inspection-{number}",
        "sources": [f"{INSIDE}/32"],
        "ruleOrder": "STRICT_ORDER",
        "priority": 100,
        "udp": udp,
    }


def _dns_firewall(number: int, _: Udp) -> dict[str, Any]:
    return {"target": "aws-dns-firewall", "region": "eu-central-1", "vpc": f"vpc-{number:08x}", "priority": 101}


def _vpc_firewall(**more: Any) -> Settings:
    return lambda number, udp: {
        "target": "gcp-vpc-firewall",
        "network": f"projects/acme-network/global/networks/prod-{number}",
        "priority": 900,
        "serviceAccounts": [NODES],
        "udp": udp,
        **more,
    }


def _network_policy(number: int, udp: Udp) -> dict[str, Any]:
    return {
        "target": "gcp-network-policy",
        "policy": f"projects/acme-network/global/firewallPolicies/egress-{number}",
        "priority": 900,
        "serviceAccounts": [NODES],
        "udp": udp,
    }


def _secure_web_proxy(number: int, _: Udp) -> dict[str, Any]:
    return {
        "target": "gcp-secure-web-proxy",
        "policy": f"projects/acme-network/locations/europe-west3/gatewaySecurityPolicies/egress-{number}",
        "priority": 900,
        "sources": [f"{INSIDE}/32"],
    }


def _azure(kind: str, number: int) -> str:
    group = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/network"
    return f"{group}/providers/Microsoft.Network/{kind}/egress-{number}"


def _firewall_policy(number: int, udp: Udp) -> dict[str, Any]:
    return {
        "target": "azure-firewall-policy",
        "policy": _azure("firewallPolicies", number),
        "priority": 1000,
        "sources": [f"{INSIDE}/32"],
        "udp": udp,
    }


def _nsg(**more: Any) -> Settings:
    return lambda number, udp: {
        "target": "azure-nsg",
        "nsg": _azure("networkSecurityGroups", number),
        "priority": 400,
        "sources": [f"{INSIDE}/32"],
        "udp": udp,
        **({} if udp == "off" else {"udpPriority": 401}),
        **more,
    }


VARIANTS = (
    Variant(
        cloud="AWS",
        label="`aws-security-group`, `derp: any443`",
        settings=_security_group(derp="any443"),
        network=lambda rows, _: aws.security_group(rows),
    ),
    Variant(
        cloud="AWS",
        label="`aws-security-group`, ranges",
        settings=_security_group(**BOUND),
        network=lambda rows, _: aws.security_group(rows),
    ),
    Variant(
        cloud="AWS",
        label="`aws-network-firewall`",
        settings=_network_firewall,
        network=aws.network_firewall,
    ),
    Variant(
        cloud="AWS",
        label="`aws-dns-firewall`",
        settings=_dns_firewall,
        network=lambda rows, _: aws.dns_firewall(rows),
        udp=("off",),
    ),
    Variant(
        cloud="GCP",
        label="`gcp-vpc-firewall`, `derp: any443`",
        settings=_vpc_firewall(derp="any443"),
        network=lambda rows, _: gcp.vpc_firewall(rows),
    ),
    Variant(
        cloud="GCP",
        label="`gcp-vpc-firewall`, ranges",
        settings=_vpc_firewall(**BOUND),
        network=lambda rows, _: gcp.vpc_firewall(rows),
    ),
    Variant(
        cloud="GCP",
        label="`gcp-network-policy`",
        settings=_network_policy,
        network=lambda rows, _: gcp.network_policy(rows),
        udp=("off", "stun"),
    ),
    Variant(
        cloud="GCP",
        label="`gcp-secure-web-proxy`",
        settings=_secure_web_proxy,
        network=lambda rows, _: gcp.secure_web_proxy(rows),
        udp=("off",),
    ),
    Variant(
        cloud="Azure",
        label="`azure-nsg`, `derp: any443`",
        settings=_nsg(derp="any443"),
        network=lambda rows, _: azure.security_group(rows),
    ),
    Variant(
        cloud="Azure",
        label="`azure-nsg`, ranges",
        settings=_nsg(**BOUND),
        network=lambda rows, _: azure.security_group(rows),
    ),
    Variant(
        cloud="Azure",
        label="`azure-firewall-policy`",
        settings=_firewall_policy,
        network=lambda rows, _: azure.firewall_policy(rows),
    ),
)
CLOUDS = tuple(dict.fromkeys(variant.cloud for variant in VARIANTS))


@dataclass(frozen=True, slots=True)
class Played:
    """What one variant registered. target: its validated settings; rows: its objects."""

    target: TargetSettings
    rows: list[Registration]


def networks(variant: Variant) -> dict[Udp, Network]:
    """The customer's network, by what `udp` is set to."""
    found = _registered(variant.cloud)
    return {
        udp: variant.network(found[variant.label, udp].rows, found[variant.label, udp].target) for udp in variant.udp
    }


def played(label: str, udp: Udp = "off") -> Played:
    """What one variant registered, by its column's label."""
    [variant] = [variant for variant in VARIANTS if variant.label == label]
    return _registered(variant.cloud)[label, udp]


@cache
def _registered(cloud: str) -> dict[tuple[str, Udp], Played]:
    keys = [(variant, udp) for variant in VARIANTS if variant.cloud == cloud for udp in variant.udp]
    egress = [variant.settings(number, udp) for number, (variant, udp) in enumerate(keys, start=1)]
    declared = EnvironmentSettings.model_validate({**LEAST, "egress": egress})
    seen = opened(declared)
    rows = {name: row for name, row in seen.rows.items() if row.custom}
    return {
        (variant.label, udp): Played(
            target, [row for name, row in rows.items() if name.startswith(f"acme-prod-egress-{target.place}-")]
        )
        for (variant, udp), target in zip(keys, declared.egress, strict=True)
    }
