"""For the properties of all targets: those of GCP drawn at random, and what must hold for what each of them makes."""

from __future__ import annotations

import ipaddress
from typing import Any

from hypothesis import strategies as st

from components.endpoints import derp_map
from components.endpoints.published import CERTIFICATE_AUTHORITY
from tests.components.egress_drawn import BOTH, CIDRS, UDP, public_only
from tests.components.registered import Registration

ALLOWED_TYPES = {
    "gcp:compute/firewall:Firewall",
    "gcp:compute/networkFirewallPolicyRule:NetworkFirewallPolicyRule",
    "gcp:compute/regionNetworkFirewallPolicyRule:RegionNetworkFirewallPolicyRule",
    "gcp:networksecurity/urlList:UrlList",
    "gcp:networksecurity/gatewaySecurityPolicyRule:GatewaySecurityPolicyRule",
}

NAME = st.text("abcdef", min_size=8, max_size=8)
PROJECT = st.sampled_from(["acme-network", "acme-proxy"])
ACCOUNTS = st.lists(st.builds("{}@acme-prod.iam.gserviceaccount.com".format, NAME), min_size=1, max_size=3, unique=True)


def scopes(tags: str, values: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, Any]]:
    """Who is let out, in each of the three ways."""
    return (
        st.fixed_dictionaries({"serviceAccounts": ACCOUNTS})
        | st.fixed_dictionaries({tags: st.lists(values, min_size=1, max_size=3, unique=True)})
        | st.just({"allInstances": True})
    )


@st.composite
def networks(draw: st.DrawFn) -> dict[str, Any]:
    ipv6 = draw(st.booleans())
    cidrs = BOTH if ipv6 else CIDRS
    bound = st.fixed_dictionaries({"derp": cidrs, "certificateAuthority": cidrs | st.just("elsewhere")})
    return {
        "target": "gcp-vpc-firewall",
        "network": f"projects/{draw(PROJECT)}/global/networks/{draw(NAME)}",
        "priority": draw(st.integers(0, 65535)),
        "ipv6": ipv6,
        "udp": draw(UDP),
        **draw(scopes("networkTags", NAME)),
        **draw(st.just({"derp": "any443"}) | bound),
    }


@st.composite
def policies(draw: st.DrawFn) -> dict[str, Any]:
    scope = draw(st.sampled_from(["global", "regions/europe-west3"]))
    return {
        "target": "gcp-network-policy",
        "policy": f"projects/{draw(PROJECT)}/{scope}/firewallPolicies/{draw(NAME)}",
        "priority": draw(st.integers(0, 2147483547)),
        "relayRegions": draw(st.integers(28, 60)),
        "udp": draw(st.sampled_from(["off", "stun"])),
        **draw(scopes("secureTags", st.builds("tagValues/{}".format, st.integers(1, 10**12)))),
    }


@st.composite
def proxies(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "target": "gcp-secure-web-proxy",
        "policy": f"projects/{draw(PROJECT)}/locations/europe-west3/gatewaySecurityPolicies/{draw(NAME)}",
        "priority": draw(st.integers(0, 2**31 - 1)),
        "sources": draw(CIDRS),
    }


KINDS = {"gcp-vpc-firewall": networks(), "gcp-network-policy": policies(), "gcp-secure-web-proxy": proxies()}


def for_the_named_machines(target: Any, inputs: dict[str, Any], tags: str, tagged: list[Any]) -> None:
    """No rule is for every machine of a network unless that was said."""
    assert inputs.get("targetServiceAccounts", []) == list(target.service_accounts)
    assert inputs.get(tags, []) == tagged
    scoped = bool(target.service_accounts) + bool(tagged)
    assert scoped == (0 if target.all_instances else 1)


def outward_in_a_network(target: Any, rows: list[Registration]) -> None:
    reached: dict[tuple[str, int], set[str]] = {}
    for row in rows:
        inputs = row.inputs
        assert (inputs["direction"], inputs["network"], inputs["project"]) == ("EGRESS", target.network, target.project)
        assert inputs["priority"] == target.priority
        assert not [key for key in inputs if key.startswith("source") or key in ("denies", "disabled")]
        for_the_named_machines(target, inputs, "targetTags", list(target.network_tags))
        [allow] = inputs["allows"]
        ports = {"tcp": "443", "udp": {"stun": "3478", "any": "1-65535"}.get(target.udp)}[allow["protocol"]]
        assert allow["ports"] == [ports]
        [version] = {ipaddress.ip_network(cidr).version for cidr in inputs["destinationRanges"]}
        assert (allow["protocol"], version) not in reached, "one rule per protocol and IP family"
        reached[allow["protocol"], version] = set(inputs["destinationRanges"])
    assert {protocol for protocol, _ in reached} == ({"tcp"} if target.udp == "off" else {"tcp", "udp"})
    assert {version for _, version in reached} == ({4, 6} if target.ipv6 else {4})
    tcp = {cidr for (protocol, _), cidrs in reached.items() if protocol == "tcp" for cidr in cidrs}
    assert all(public_only(cidrs) for (protocol, _), cidrs in reached.items() if protocol == "udp")
    if target.derp == "any443":
        assert public_only(tcp)
    else:
        authority = () if target.certificate_authority == "elsewhere" else target.certificate_authority
        control = {"192.200.0.0/24"} | ({"2606:b740:49::/48"} if target.ipv6 else set())
        assert tcp == {*target.derp, *authority} | control


def outward_by_resolved_names(target: Any, rows: list[Registration]) -> None:
    [row] = rows
    inputs, match = row.inputs, row.inputs["match"]
    assert (inputs["direction"], inputs["action"]) == ("EGRESS", "allow")
    assert (inputs["firewallPolicy"], inputs["priority"]) == (target.name, target.priority)
    assert inputs.get("region") == target.part("region")
    assert match.keys() == {"destFqdns", "layer4Configs"}, "nothing by source, and no destination but the names"
    stun = [{"ipProtocol": "udp", "ports": ["3478"]}] if target.udp == "stun" else []
    assert match["layer4Configs"] == [{"ipProtocol": "tcp", "ports": ["443"]}, *stun]
    for_the_named_machines(target, inputs, "targetSecureTags", [{"name": tag} for tag in target.secure_tags])
    names = set(match["destFqdns"])
    assert len(names) == len(match["destFqdns"]) <= 100
    assert not [name for name in names if "*" in name]
    assert {f"derp{region}-all.tailscale.com" for region in range(1, target.relay_regions + 1)} <= names
    assert {"api.tailscale.com", "controlplane.tailscale.com", CERTIFICATE_AUTHORITY, "registry-1.docker.io"} <= names


def outward_by_proxy(target: Any, rows: list[Registration]) -> None:
    by_type = {row.type.rpartition(":")[2]: row.inputs for row in rows}
    assert len(by_type) == len(rows) == 2
    rule, values = by_type["GatewaySecurityPolicyRule"], by_type["UrlList"]["values"]
    assert (rule["basicProfile"], rule["enabled"], rule["tlsInspectionEnabled"]) == ("ALLOW", True, False)
    assert (rule["gatewaySecurityPolicy"], rule["priority"]) == (target.name, target.priority)
    came, *others = rule["sessionMatcher"].split(" && ")
    assert came == "(" + " || ".join(f"inIpRange(source.ip, '{source}')" for source in target.sources) + ")"
    assert len(others) == 2
    assert others[1] == "destination.port == 443"
    assert "*" not in values
    needed = [*derp_map.node_names(), "api.tailscale.com", CERTIFICATE_AUTHORITY, "registry-1.docker.io"]
    assert all(host in values or f"*.{host.partition('.')[2]}" in values for host in needed)


CHECKS = {
    "gcp-vpc-firewall": outward_in_a_network,
    "gcp-network-policy": outward_by_resolved_names,
    "gcp-secure-web-proxy": outward_by_proxy,
}
