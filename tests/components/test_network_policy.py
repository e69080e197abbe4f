"""The namespace's network policy lets through what is needed and named, and nothing else of the customer's network."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from components.cluster import survey as module
from components.cluster.survey import Survey
from components.egress.destinations import Destination, Needs, required
from components.endpoints.published import Udp
from components.manifests.delivery import delivery
from components.manifests.network_policy import (
    NOT_PUBLIC_V4,
    Backend,
    Reach,
    cilium_sni,
    network_policy,
    portable,
)
from components.settings.environment import EnvironmentSettings
from components.support_access import SupportAccess, SupportAccessArgs
from tests.components.registered import registered

Build = Callable[..., EnvironmentSettings]
NEEDS = required(Needs(images=("tailscale/k8s-operator",)))
API = ("10.0.0.4/32", 6443)
WEB = Backend(namespace="shop", selector={"app": "web"}, ports=(("TCP", "http"),))
PRIVATE = st.sampled_from(NOT_PUBLIC_V4).flatmap(
    lambda text: st.integers(0, ip_network(text).num_addresses - 1).map(
        lambda offset: str(ip_address(int(ip_network(text).network_address) + offset))
    )
)
DNS_ON_THE_NODE = ("169.254.20.10", "169.254.169.254", "169.254.10.10", "169.254.10.11")
PORTS = st.sampled_from([22, 53, 80, 443, 3478, 6443, 8080, 41641])
PROTOCOLS = st.sampled_from(["TCP", "UDP"])


def lets(manifest: dict[str, Any], address: str, port: int, protocol: str = "TCP") -> bool:
    """Whether a NetworkPolicy lets pods through to an address, as its documentation tells it. Pods are no addresses."""
    found: IPv4Address | IPv6Address = ip_address(address)
    for rule in manifest["spec"]["egress"]:
        ports = rule.get("ports", [{"protocol": protocol}])
        if not any(each["protocol"] == protocol and each.get("port", port) == port for each in ports):
            continue
        for block in (to["ipBlock"] for to in rule["to"] if "ipBlock" in to):
            without = any(found in ip_network(each) for each in block.get("except", ()))
            if found in ip_network(block["cidr"]) and not without:
                return True
    return False


def reach(**more: Any) -> Reach:
    return Reach(**{"needs": NEEDS, "api_server": [API], **more})


@given(PRIVATE, PORTS, PROTOCOLS)
def test_nothing_of_the_customers_network_is_reached_unnamed(address: str, port: int, protocol: str) -> None:
    named = address == "10.0.0.4" and (port, protocol) == (6443, "TCP")
    dns = address in DNS_ON_THE_NODE and port == 53
    assert lets(portable(reach(), {}), address, port, protocol) == (named or dns)


@given(st.ip_addresses(v=4).map(str), PORTS, PROTOCOLS)
def test_of_the_internet_only_the_needed_ports_are_reached(address: str, port: int, protocol: str) -> None:
    public = not any(ip_address(address) in ip_network(each) for each in NOT_PUBLIC_V4)
    expected = public and (port, protocol) == (443, "TCP")
    if public:
        assert lets(portable(reach(), {}), address, port, protocol) == expected


NAT64 = ip_network("64:ff9b::/96")


@given(st.ip_addresses(v=4), PORTS, PROTOCOLS)
def test_no_address_that_the_internet_does_not_have_is_reached_unnamed(
    address: IPv4Address, port: int, protocol: str
) -> None:
    """By the registry of IANA, as Python has it, and not by our own list: clouds give pods and nodes reserved ones."""
    assume(not address.is_global or address.is_multicast)
    assume(str(address) not in DNS_ON_THE_NODE)
    made = portable(reach(api_server=[("1.1.1.1/32", 6443)]), {})
    assert not lets(made, str(address), port, protocol)
    assert not lets(made, str(NAT64[int(address)]), port, protocol), "the same end, by the gateway's other name"


@given(st.ip_addresses(v=6), PORTS, PROTOCOLS)
def test_of_the_other_internet_nothing_but_what_is_assigned_is_reached(
    address: IPv6Address, port: int, protocol: str
) -> None:
    """Global unicast, and IPv4 behind a NAT64."""
    made = portable(reach(), {})
    assert lets(made, str(address), port, protocol) <= (address in ip_network("2000::/3") or address in NAT64)


@pytest.mark.parametrize(
    "address", ["10.1.2.3", "192.168.0.9", "172.31.0.1", "100.100.0.1", "198.18.0.1", "240.0.0.1", "fd12::1", "fe80::1"]
)
def test_a_private_address_is_reached_on_no_port(address: str) -> None:
    assert not [port for port in (53, 80, 443, 6443) if lets(portable(reach(), {}), address, port)]
    assert lets(portable(reach(), {}), "64:ff9b::1.1.1.1", 443)


@pytest.mark.parametrize("address", DNS_ON_THE_NODE)
def test_names_are_resolved_by_the_node_too(address: str) -> None:
    """NodeLocal DNSCache, Cloud DNS for GKE, and LocalDNS of AKS, which AKS Automatic has switched on."""
    assert [proto for proto in ("TCP", "UDP") if lets(portable(reach(), {}), address, 53, proto)] == ["TCP", "UDP"]
    assert not lets(portable(reach(), {}), address, 443)
    assert f"{address}/32" in str(cilium_sni(reach(), {}))


def test_the_clouds_metadata_is_out_of_reach() -> None:
    for address in ("169.254.169.254", "168.63.129.16", "fd00:ec2::254"):
        assert not lets(portable(reach(), {}), address, 80)


@pytest.mark.parametrize(("udp", "opened"), [("off", []), ("stun", [3478]), ("any", [53, 3478, 41641])])
def test_direct_paths_open_udp_and_only_where_they_are_wanted(udp: Udp, opened: list[int]) -> None:
    made = portable(reach(needs=required(Needs(images=(), udp=udp))), {})
    assert [port for port in (53, 3478, 41641) if lets(made, "1.1.1.1", port, "UDP")] == opened


def test_a_policy_that_would_cut_off_the_operator_is_not_made() -> None:
    with pytest.raises(ValueError, match="API server"):
        portable(Reach(needs=NEEDS), {})


def test_only_the_operators_namespace_is_selected() -> None:
    for made in (portable(reach(backends=[WEB]), {}), cilium_sni(reach(backends=[WEB]), {})):
        assert made["metadata"]["namespace"] == "tailscale"
        assert made["spec"].get("podSelector", made["spec"].get("endpointSelector")) == {}
    assert portable(reach(), {})["spec"]["policyTypes"] == ["Egress"]


def test_both_forms_whole(snapshot: SnapshotAssertion) -> None:
    everything = reach(ends=[("10.9.0.5/32", 3128, "TCP"), ("10.9.0.6/32", 3128, "TCP")], backends=[WEB])
    assert {"portable": portable(everything, {"a": "b"}), "cilium-sni": cilium_sni(everything, {"a": "b"})} == snapshot


def test_cilium_names_every_host_that_pods_dial_and_no_address() -> None:
    (world,) = [rule for rule in cilium_sni(reach(), {})["spec"]["egress"] if rule.get("toEntities") == ["world"]]
    (ports,) = world["toPorts"]
    assert ports["serverNames"] == ["*.tailscale.com", "acme-v02.api.letsencrypt.org"]
    assert ports["ports"] == [{"port": "443", "protocol": "TCP"}]


def test_cilium_takes_any_udp_port_as_a_range() -> None:
    made = cilium_sni(reach(needs=required(Needs(images=(), udp="any"))), {})
    ports = [port for rule in made["spec"]["egress"] for each in rule.get("toPorts", ()) for port in each["ports"]]
    assert {"port": "1", "endPort": 65535, "protocol": "UDP"} in ports


def rows(*ends: tuple[str, int]) -> tuple[Destination, ...]:
    return tuple(Destination(host=host, port=port, why="test") for host, port in ends)


def test_a_port_of_its_own_is_opened_too() -> None:
    assert lets(portable(reach(needs=rows(("minio.example.com", 9000))), {}), "1.1.1.1", 9000)


def policy(settings: EnvironmentSettings, seen: Survey) -> dict[str, Any]:
    return network_policy(settings, needs=NEEDS, api_server=seen.api_server, backends=seen.backends)


SEEN = Survey(api_server=(("10.96.0.1", 443), ("10.0.0.4", 6443), ("fd00::1", 443)))


def test_the_setting_stands_for_itself_and_the_cluster_only_in_its_absence(environment: Build) -> None:
    asked = policy(environment(networkPolicy={"form": "portable"}), SEEN)
    assert lets(asked, "10.96.0.1", 443)
    assert lets(asked, "10.0.0.4", 6443)
    assert lets(asked, "fd00::1", 443)
    assert not lets(asked, "10.0.0.5", 6443)
    declared = {"form": "portable", "apiServer": {"networks": ["10.8.0.0/28"], "ports": [443]}}
    told = policy(environment(networkPolicy=declared), SEEN)
    assert lets(told, "10.8.0.15", 443)
    assert not lets(told, "10.96.0.1", 443)


def test_who_installs_alone_is_handed_the_same_policy(environment: Build) -> None:
    chosen = {"form": "portable", "apiServer": {"networks": ["10.8.0.0/28"]}}
    alone = environment(networkPolicy=chosen, delivery="handoff", cluster=None)
    handed = [each for each in delivery(alone, [], NEEDS).objects if each["kind"] == "NetworkPolicy"]
    assert handed == [policy(environment(networkPolicy=chosen), SEEN)]
    off = environment(delivery="handoff", cluster=None)
    assert "NetworkPolicy" not in [each["kind"] for each in delivery(off, [], NEEDS).objects]


def test_without_either_there_is_no_policy_and_no_guess(environment: Build) -> None:
    with pytest.raises(ValueError, match=r"networkPolicy\.apiServer"):
        policy(environment(networkPolicy={"form": "portable"}), Survey())


def test_a_connector_still_reaches_its_routes(environment: Build) -> None:
    connector = {"kind": "connector", "name": "net", "routes": ["10.20.0.0/24"], "ports": [5432], "from": "group:a"}
    made = policy(environment(networkPolicy={"form": "portable"}, expose=[connector]), SEEN)
    assert lets(made, "10.20.0.9", 5432)
    assert not lets(made, "10.20.0.9", 22)
    assert not lets(made, "10.20.0.9", 5432, "UDP")
    both = policy(
        environment(networkPolicy={"form": "portable"}, expose=[{**connector, "ports": ["udp:53", 5432]}]), SEEN
    )
    assert lets(both, "10.20.0.9", 53, "UDP")
    assert lets(both, "10.20.0.9", 5432)
    assert not lets(both, "10.20.0.9", 53)


def test_it_is_there_before_anybody_is_let_in(environment: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "survey", lambda look, settings, users: SEEN)
    monkeypatch.setattr(module, "_connected", lambda cluster: None)
    settings = environment(networkPolicy={"form": "portable"})
    found = registered(SupportAccess, settings.names.name, SupportAccessArgs(settings=settings))
    row = found.rows["acme-prod-network-policy-portable"]
    assert lets(row.inputs, "10.96.0.1", 443)
    assert "acme-prod-network-policy-portable" in found.names(found.rows["acme-prod-enrolment"].depends_on)
    assert row.delete_timeout == "30s"


def test_the_private_ranges_are_canonical() -> None:
    assert [str(ip_network(each)) for each in NOT_PUBLIC_V4] == list(NOT_PUBLIC_V4)
