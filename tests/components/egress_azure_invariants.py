"""For the properties of all targets: those of Azure drawn at random, and what must hold for what each of them makes."""

from __future__ import annotations

import ipaddress
from typing import Any

from hypothesis import strategies as st

from tests.components.egress_drawn import CIDRS, HEX, UDP, covers, distinct, public_only
from tests.components.registered import Registration

ALLOWED_TYPES = {
    "azure-native:network:FirewallPolicyRuleCollectionGroup",
    "azure-native:network:SecurityRule",
}

ARM = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/Hub/providers/Microsoft.Network"


@st.composite
def policies(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "target": "azure-firewall-policy",
        "policy": f"{ARM}/firewallPolicies/{draw(HEX)}",
        "priority": draw(st.integers(100, 65000)),
        "sources": draw(CIDRS),
        "udp": draw(UDP),
    }


@st.composite
def security_groups(draw: st.DrawFn) -> dict[str, Any]:
    bound = draw(
        st.just({"derp": "any443"})
        | st.fixed_dictionaries({"derp": CIDRS, "certificateAuthority": CIDRS | st.just("elsewhere")})
    )
    udp = draw(UDP)
    return {
        "target": "azure-nsg",
        "nsg": f"{ARM}/networkSecurityGroups/{draw(HEX)}",
        "priority": draw(st.integers(100, 2000)),
        "sources": draw(CIDRS),
        "udp": udp,
        **({} if udp == "off" else {"udpPriority": draw(st.integers(2001, 4096))}),
        **bound,
    }


KINDS = {"azure-firewall-policy": policies(), "azure-nsg": security_groups()}


def outward_by_server_name(target: Any, rows: list[Registration]) -> None:
    [row] = rows
    inputs = row.inputs
    assert (inputs["firewallPolicyName"], inputs["resourceGroupName"]) == (target.name, "Hub")
    assert inputs["priority"] == target.priority
    names, *others = inputs["ruleCollections"]
    for collection in inputs["ruleCollections"]:
        assert collection["action"] == {"type": "Allow"}
        assert collection["ruleCollectionType"] == "FirewallPolicyFilterRuleCollection", "no address is translated"
        for rule in collection["rules"]:
            assert same_addresses(rule["sourceAddresses"], target.sources)
            assert not {"terminateTLS", "destinationFqdns", "webCategories", "fqdnTags"} & rule.keys()
    for rule in names["rules"]:
        assert rule["ruleType"] == "ApplicationRule"
        assert rule["protocols"] == [{"protocolType": "Https", "port": 443}]
    assert covers([host for rule in names["rules"] for host in rule["targetFqdns"]], leading_dot=False)
    assert "*" not in [host for rule in names["rules"] for host in rule["targetFqdns"]]
    assert len(others) == (target.udp != "off")
    for rule in [rule for collection in others for rule in collection["rules"]]:
        assert (rule["ruleType"], rule["ipProtocols"]) == ("NetworkRule", ["UDP"])
        assert rule["destinationPorts"] == {"stun": ["3478"], "any": ["1-65535"]}[target.udp]
        assert public_only(rule["destinationAddresses"])


def outward_by_address(target: Any, rows: list[Registration]) -> None:
    by_protocol = {row.inputs["protocol"]: row.inputs for row in rows}
    assert by_protocol.keys() == ({"Tcp"} if target.udp == "off" else {"Tcp", "Udp"})
    assert len(rows) == len(by_protocol) == len({inputs["priority"] for inputs in by_protocol.values()})
    for inputs in by_protocol.values():
        assert (inputs["direction"], inputs["access"]) == ("Outbound", "Allow")
        assert (inputs["networkSecurityGroupName"], inputs["resourceGroupName"]) == (target.name, "Hub")
        assert same_addresses(inputs["sourceAddressPrefixes"], target.sources)
        assert not [key for key in inputs if "ApplicationSecurityGroups" in key or key.endswith("AddressPrefix")]
    tcp = by_protocol["Tcp"]
    assert tcp["destinationPortRange"] == "443"
    if target.derp == "any443":
        assert public_only(tcp["destinationAddressPrefixes"])
    else:
        bounds = () if target.certificate_authority == "elsewhere" else target.certificate_authority
        assert same_addresses(tcp["destinationAddressPrefixes"], ["192.200.0.0/24", *target.derp, *bounds])
    if target.udp != "off":
        assert by_protocol["Udp"]["destinationPortRange"] == {"stun": "3478", "any": "1-65535"}[target.udp]
        assert public_only(by_protocol["Udp"]["destinationAddressPrefixes"])


def same_addresses(ranges: list[str], declared: Any) -> bool:
    """The same addresses, said without overlaps."""
    networks, meant = ([ipaddress.IPv4Network(each) for each in side] for side in (ranges, declared))
    return distinct(networks) and list(ipaddress.collapse_addresses(meant)) == sorted(networks)


CHECKS = {"azure-firewall-policy": outward_by_server_name, "azure-nsg": outward_by_address}
