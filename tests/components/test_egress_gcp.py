"""What the GCP targets register with the engine, to the last input, in Google's own spelling."""

from __future__ import annotations

import ipaddress
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from components.egress import gcp_names
from components.egress.destinations import Needs, Spelling, required
from components.egress.gcp_secure_web_proxy import matcher
from components.egress.gcp_vpc_firewall import Rule, rules
from components.egress.left_out import is_named_on_443, left_out
from components.egress.public_addresses import public
from components.naming import Names
from components.settings.egress_gcp import MAX_REGIONS, MAX_SOURCES, GcpVpcFirewallEgress
from components.settings.environment import EnvironmentSettings
from sandbox.cloud.gcp import OPERATORS
from tests.components.test_egress_aws import of_type, opened
from tests.components.test_egress_gcp_settings import BOUNDED, NETWORK, NODES, POLICY, PROXY, REGIONAL

Build = Callable[..., EnvironmentSettings]
DESCRIPTION = "Tailscale operator, support access to acme-prod"
DOCKER = [
    "auth.docker.io",
    "production.cloudflare.docker.com",
    "production.cloudfront.docker.com",
    "registry-1.docker.io",
]
NAMES = Names("acme", "prod")
ROWS = required(Needs(images=()))


def network(**bent: Any) -> GcpVpcFirewallEgress:
    return GcpVpcFirewallEgress.model_validate({**NETWORK, **bent})


def called(kind: str, place: str) -> str:
    return gcp_names.object_name(NAMES, kind, place)


def test_a_network_gets_an_egress_rule(environment: Build) -> None:
    made = of_type(opened(environment(egress=[NETWORK])), "gcp:compute")
    assert made == {
        f"acme-prod-egress-{NETWORK['network']}-tcp4": {
            "name": called("tcp4", NETWORK["network"]),
            "description": DESCRIPTION,
            "project": "acme-network",
            "network": "projects/acme-network/global/networks/prod",
            "direction": "EGRESS",
            "priority": 900,
            "allows": [{"protocol": "tcp", "ports": ["443"]}],
            "destinationRanges": public(4),
            "targetServiceAccounts": [NODES],
        }
    }


def test_ip_families_and_protocols_have_rules_of_their_own(environment: Build) -> None:
    tagged = {**{k: v for k, v in BOUNDED.items() if k != "serviceAccounts"}, "networkTags": ["nodes"]}
    wide = {**tagged, "ipv6": True, "udp": "stun", "certificateAuthority": ["2001:db8::/32"]}
    made = of_type(opened(environment(egress=[wide])), "gcp:compute")
    prefix = f"acme-prod-egress-{NETWORK['network']}"
    assert {name.removeprefix(prefix): (row["allows"], row["destinationRanges"]) for name, row in made.items()} == {
        "-tcp4": ([{"protocol": "tcp", "ports": ["443"]}], ["192.200.0.0/24", "198.51.100.0/24"]),
        "-udp4": ([{"protocol": "udp", "ports": ["3478"]}], public(4)),
        "-tcp6": ([{"protocol": "tcp", "ports": ["443"]}], ["2001:db8::/32", "2606:b740:49::/48"]),
        "-udp6": ([{"protocol": "udp", "ports": ["3478"]}], public(6)),
    }
    assert all(row["targetTags"] == ["nodes"] and "targetServiceAccounts" not in row for row in made.values())
    assert len({row["name"] for row in made.values()}) == 4


def test_udp_is_opened_only_on_request_and_as_far_as_it_says() -> None:
    assert [rule.kind for rule in rules(network(), ROWS)] == ["tcp4"]
    assert rules(network(udp="any"), ROWS)[1] == Rule("udp", "1-65535", 4, tuple(public(4)))


def test_every_public_address_is_meant_and_no_private_one() -> None:
    left = [ipaddress.ip_network(part) for part in public(4)]
    assert len(left) == 73, "as docs/egress.md says"
    private = ("10.1.2.3", "172.31.0.1", "192.168.0.1", "100.64.0.1", "169.254.169.254", "224.0.0.1", "255.0.0.1")
    for inside in (*private, "198.18.0.1", "198.19.255.255", "192.0.0.1", "240.0.0.1", "127.0.0.1"):
        assert not [part for part in left if ipaddress.ip_address(inside) in part], inside
    for outside in ("1.1.1.1", "9.255.255.255", "11.0.0.0", "172.32.0.0", "192.200.0.1", "199.36.153.8", "223.9.9.9"):
        assert [part for part in left if ipaddress.ip_address(outside) in part], outside
    assert sum(part.num_addresses for part in left) == 2**32 - sum(
        ipaddress.ip_network(part).num_addresses
        for part in (
            *("10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/3"),
            *("0.0.0.0/8", "127.0.0.0/8", "192.0.0.0/24", "198.18.0.0/15"),
        )
    )
    for inside in ("fd00::1", "fe80::1", "ff02::1"):
        assert not [part for part in public(6) if ipaddress.ip_address(inside) in ipaddress.ip_network(part)]


def test_a_policy_gets_one_rule_by_names(environment: Build) -> None:
    made = of_type(opened(environment(egress=[POLICY])), "gcp:compute")
    [name] = made
    assert name == f"acme-prod-egress-{POLICY['policy']}-rule"
    inputs = dict(made[name])
    match = inputs.pop("match")
    assert inputs == {
        "project": "acme-network",
        "firewallPolicy": "egress",
        "priority": 900,
        "ruleName": called("rule", POLICY["policy"]),
        "description": DESCRIPTION,
        "action": "allow",
        "direction": "EGRESS",
        "targetServiceAccounts": [NODES],
    }
    relays = [f"derp{region}-all.tailscale.com" for region in range(1, 29)]
    tailscale = [f"{host}.tailscale.com" for host in ("api", "controlplane", "login")]
    assert match == {
        "destFqdns": sorted(["acme-v02.api.letsencrypt.org", *DOCKER, *tailscale, *relays]),
        "layer4Configs": [{"ipProtocol": "tcp", "ports": ["443"]}],
    }


def test_a_policy_of_a_region_gets_the_same_rule(environment: Build) -> None:
    target = {**{k: v for k, v in REGIONAL.items() if k != "serviceAccounts"}, "secureTags": ["tagValues/1"]}
    seen = opened(environment(egress=[{**target, "udp": "stun", "relayRegions": 30}]))
    [row] = [row for row in seen.rows.values() if "FirewallPolicyRule" in row.type]
    assert row.type == "gcp:compute/regionNetworkFirewallPolicyRule:RegionNetworkFirewallPolicyRule"
    assert (row.inputs["region"], row.inputs["firewallPolicy"]) == ("europe-west3", "egress")
    assert row.inputs["targetSecureTags"] == [{"name": "tagValues/1"}]
    assert "targetServiceAccounts" not in row.inputs
    assert row.inputs["match"]["layer4Configs"] == [
        {"ipProtocol": "tcp", "ports": ["443"]},
        {"ipProtocol": "udp", "ports": ["3478"]},
    ]
    names = row.inputs["match"]["destFqdns"]
    assert {"derp29-all.tailscale.com", "derp30-all.tailscale.com"} <= set(names)
    assert "derp31-all.tailscale.com" not in names


def test_who_dials_a_proxy_is_let_through_to_no_relay(environment: Build) -> None:
    told = {"httpProxy": {"url": "http://proxy.acme.example:443"}}
    made = of_type(opened(environment(egress=[{**POLICY, "relayRegions": 30}], operator=told)), "gcp:compute")
    [inputs] = made.values()
    assert inputs["match"]["destFqdns"] == sorted([*DOCKER, "proxy.acme.example"])


def test_the_most_regions_still_leave_room_for_every_name_that_may_be_needed() -> None:
    images = ("tailscale/tailscale", "ghcr.io/tailscale/k8s-operator", "mirror.example.com/k8s-proxy")
    widest = Needs(images=images, ingress=True, logs=True, recordings="s3.example.com")
    others = [host for host in gcp_names.hosts(required(widest), Spelling.ALIASES) if not host.startswith("derp")]
    assert MAX_REGIONS + len(others) <= 100


def test_a_proxys_policy_gets_a_list_and_a_rule_that_decrypts_nothing(environment: Build) -> None:
    sources = ["10.64.0.0/16", "10.65.0.0/16"]
    seen = opened(environment(egress=[{**PROXY, "sources": sources}]))
    name = f"acme-prod-egress-{PROXY['policy']}"
    assert of_type(seen, "gcp:networksecurity") == {
        f"{name}-hosts": {
            "name": called("urls", PROXY["policy"]),
            "description": DESCRIPTION,
            "project": "acme-proxy",
            "location": "europe-west3",
            "values": sorted(["*.tailscale.com", "acme-v02.api.letsencrypt.org", *DOCKER]),
        },
        f"{name}-allow": {
            "name": called("rule", PROXY["policy"]),
            "description": DESCRIPTION,
            "project": "acme-proxy",
            "location": "europe-west3",
            "gatewaySecurityPolicy": "egress",
            "enabled": True,
            "priority": 900,
            "basicProfile": "ALLOW",
            "sessionMatcher": "(inIpRange(source.ip, '10.64.0.0/16') || inIpRange(source.ip, '10.65.0.0/16'))"
            f" && inUrlList(host(), '{name}-hosts-id') && destination.port == 443",
            "tlsInspectionEnabled": False,
        },
    }
    assert f"{name}-hosts" in seen.names(seen.rows[f"{name}-allow"].depends_on)


def test_the_proxy_that_the_operator_is_told_to_use_is_asked_for_the_hosts_themselves(environment: Build) -> None:
    told = {"httpProxy": {"url": "http://proxy.acme.example:443"}}
    name = f"acme-prod-egress-{PROXY['policy']}-hosts"
    alone, asked = (
        of_type(opened(environment(egress=[PROXY], operator=operator)), "urlList")[name]["values"]
        for operator in ({}, told)
    )
    assert asked == alone, "who asks a proxy needs the same hosts as who does not know of it; the proxy is none of them"
    assert {"*.tailscale.com", "acme-v02.api.letsencrypt.org"} <= set(asked)


def test_a_matcher_with_the_most_sources_is_still_one_that_google_takes() -> None:
    text = matcher(tuple(f"10.{n}.0.0/16" for n in range(MAX_SOURCES)), "list")
    assert text.count("&&") + text.count("||") == OPERATORS


def test_names_have_the_length_that_google_takes_and_differ_by_place() -> None:
    longest = Names("c" * 32, "e" * 16)
    names = {gcp_names.object_name(longest, "tcp4", place) for place in (NETWORK["network"], POLICY["policy"])}
    assert {len(name) for name in names} == {63}
    assert len(names) == 2


def test_a_rule_by_names_on_one_port_leaves_out_addresses_and_other_ports() -> None:
    usual = required(Needs(images=("tailscale/tailscale",)))
    assert left_out(usual, is_named_on_443) == []
    images = ("mirror.example.com:5000/a", "10.0.0.5/b", "10.0.0.6:5000/c", "other.example.com/d")
    assert left_out(required(Needs(images=images, udp="stun")), is_named_on_443) == [
        "10.0.0.5:443",
        "10.0.0.6:5000",
        "mirror.example.com:5000",
    ]


def test_targets_of_a_project_share_a_provider_which_holds_no_credential(environment: Build) -> None:
    providers = of_type(opened(environment(egress=[NETWORK, POLICY, REGIONAL, PROXY])), "pulumi:providers:gcp")
    assert {name: inputs["project"] for name, inputs in providers.items()} == {
        "acme-prod-egress-gcp-acme-network": "acme-network",
        "acme-prod-egress-gcp-acme-proxy": "acme-proxy",
    }
    assert all(inputs.keys() <= {"project", "region", "zone"} for inputs in providers.values())


def test_access_is_narrowed_before_the_cloud_is_asked(environment: Build) -> None:
    seen = opened(environment(egress=[NETWORK, POLICY, PROXY]))
    made = of_type(seen, "gcp:").keys() - of_type(seen, "pulumi:providers:").keys()
    through = {name for name in made if "narrowed" in seen.names(seen.rows[name].depends_on)}
    later = {name for name in made - through if seen.names(seen.rows[name].depends_on) & through}
    assert made == through | later
    assert len(made) == 4


def test_what_is_taken_once_goes_before_its_replacement_comes(environment: Build) -> None:
    """A name, and a priority in a policy: Google would refuse the second one."""
    seen = opened(environment(egress=[NETWORK, POLICY, REGIONAL, PROXY]))
    assert {row.type.rpartition(":")[2] for row in seen.rows.values() if row.deletes_first} == {
        "Firewall",
        "NetworkFirewallPolicyRule",
        "RegionNetworkFirewallPolicyRule",
        "GatewaySecurityPolicyRule",
    }


@pytest.mark.parametrize("target", [None, "aws"])
def test_a_cloud_that_is_not_chosen_is_not_imported(target: str | None) -> None:
    chosen = "" if target is None else "import components.egress.aws_security_group;"
    code = f"import sys, components.support_access; {chosen} print([m for m in sys.modules if 'pulumi_gcp' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
