"""What the Azure targets register with the engine, to the last input, in Azure's own spelling."""

from __future__ import annotations

import ipaddress
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pulumi
import pytest
from pulumi_azure_native import network

from components.egress.azure_nsg import destinations
from components.egress.azure_policy import Policy, cautions, problems
from components.egress.azure_ranges import merged
from components.egress.destinations import Needs, required
from components.settings.egress_azure import AzureFirewallPolicyEgress, AzureNsgEgress
from components.settings.environment import EnvironmentSettings
from tests.components import registered as registrations
from tests.components.test_egress_aws import of_type, opened
from tests.components.test_egress_azure_settings import BOUNDED, NSG, POLICY, SUBSCRIPTION, UDP

Build = Callable[..., EnvironmentSettings]
DESCRIPTION = "Tailscale operator, support access to acme-prod"
GROUP_NAME = f"acme-prod-egress-{POLICY['policy'].lower()}-rules"
RULE_NAME = f"acme-prod-egress-{NSG['nsg'].lower()}"
ROWS = required(Needs(images=()))
DOCKER = [
    "auth.docker.io",
    "production.cloudflare.docker.com",
    "production.cloudfront.docker.com",
    "registry-1.docker.io",
]


@pytest.fixture(autouse=True, scope="module")
def imported() -> None:
    """Once, and not in the process of each test."""
    assert network.SecurityRule


def nsg(**bent: Any) -> AzureNsgEgress:
    return AzureNsgEgress.model_validate({**NSG, **bent})


def policy(**bent: Any) -> AzureFirewallPolicyEgress:
    return AzureFirewallPolicyEgress.model_validate({**POLICY, **bent})


def test_a_policy_gets_one_rule_collection_group_in_azures_spelling(environment: Build) -> None:
    made = of_type(opened(environment(egress=[POLICY])), "azure-native:network")
    assert made == {
        GROUP_NAME: {
            "resourceGroupName": "Hub-RG",
            "firewallPolicyName": "Egress",
            "ruleCollectionGroupName": "support-access-acme-prod",
            "priority": 1000,
            "ruleCollections": [
                {
                    "ruleCollectionType": "FirewallPolicyFilterRuleCollection",
                    "name": "names",
                    "priority": 100,
                    "action": {"type": "Allow"},
                    "rules": [
                        {
                            "ruleType": "ApplicationRule",
                            "name": "tls-443",
                            "description": DESCRIPTION,
                            "sourceAddresses": ["10.64.0.0/16"],
                            "targetFqdns": ["*.tailscale.com", "acme-v02.api.letsencrypt.org", *DOCKER],
                            "protocols": [{"protocolType": "Https", "port": 443}],
                        }
                    ],
                }
            ],
        }
    }


def test_udp_is_a_collection_of_network_rules(environment: Build) -> None:
    for udp, ports in (("stun", ["3478"]), ("any", ["1-65535"])):
        made = of_type(opened(environment(egress=[{**POLICY, "udp": udp}])), "azure-native:network")
        collection = made[GROUP_NAME]["ruleCollections"][1]
        [rule] = collection.pop("rules")
        assert collection == {
            "ruleCollectionType": "FirewallPolicyFilterRuleCollection",
            "name": "udp",
            "priority": 200,
            "action": {"type": "Allow"},
        }
        assert rule == {
            "ruleType": "NetworkRule",
            "name": f"udp-{udp}",
            "description": DESCRIPTION,
            "ipProtocols": ["UDP"],
            "sourceAddresses": ["10.64.0.0/16"],
            "destinationAddresses": destinations(nsg(), ROWS),
            "destinationPorts": ports,
        }


def test_names_at_another_port_have_a_rule_of_their_own(environment: Build) -> None:
    images = {
        image: {"repository": f"mirror.example.com:5000/tailscale/{image.lower()}"}
        for image in ("operator", "proxy", "k8sProxy")
    }
    made = of_type(opened(environment(egress=[POLICY], operator={"images": images})), "azure-native:network")
    [collection] = made[GROUP_NAME]["ruleCollections"]
    assert [(rule["name"], rule["targetFqdns"], rule["protocols"]) for rule in collection["rules"]] == [
        (
            "tls-443",
            ["*.tailscale.com", "acme-v02.api.letsencrypt.org"],
            [{"protocolType": "Https", "port": 443}],
        ),
        ("tls-5000", ["mirror.example.com"], [{"protocolType": "Https", "port": 5000}]),
    ]


def test_a_security_group_gets_one_outbound_rule_per_protocol(environment: Build) -> None:
    bent = {**UDP, "derp": ["198.51.100.0/24"], "certificateAuthority": ["203.0.113.0/24"]}
    common = {
        "resourceGroupName": "Hub-RG",
        "networkSecurityGroupName": "nodes",
        "description": DESCRIPTION,
        "direction": "Outbound",
        "access": "Allow",
        "sourceAddressPrefixes": ["10.64.0.0/16"],
        "sourcePortRange": "*",
    }
    assert of_type(opened(environment(egress=[bent])), "azure-native:network") == {
        f"{RULE_NAME}-tcp": {
            **common,
            "securityRuleName": "support-access-acme-prod-tcp",
            "protocol": "Tcp",
            "priority": 400,
            "destinationAddressPrefixes": ["192.200.0.0/24", "198.51.100.0/24", "203.0.113.0/24"],
            "destinationPortRange": "443",
        },
        f"{RULE_NAME}-udp": {
            **common,
            "securityRuleName": "support-access-acme-prod-udp",
            "protocol": "Udp",
            "priority": 401,
            "destinationAddressPrefixes": destinations(nsg(), ROWS),
            "destinationPortRange": "3478",
        },
    }


def test_udp_to_any_port_is_said_as_a_range(environment: Build) -> None:
    made = of_type(opened(environment(egress=[{**UDP, "udp": "any"}])), "azure-native:network")
    assert made[f"{RULE_NAME}-udp"]["destinationPortRange"] == "1-65535"


def test_everywhere_is_every_public_address_and_no_private_one() -> None:
    everywhere = [ipaddress.ip_network(each) for each in destinations(nsg(), ROWS)]

    def open_to(address: str) -> bool:
        return any(ipaddress.ip_address(address) in network for network in everywhere)

    public = ["1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.0", "172.15.0.1", "172.32.0.1", "192.169.0.1"]
    private = ["10.0.0.1", "100.64.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.168.1.1", "224.0.0.1"]
    assert [address for address in public if not open_to(address)] == []
    pods = ["198.18.0.1", "198.19.255.254", "240.0.0.1"]  # reserved, and given to pods and nodes by clouds
    assert [address for address in [*private, *pods] if open_to(address)] == []


def test_ranges_that_overlap_become_one() -> None:
    assert merged(["10.64.1.0/24", "10.64.0.0/16", "10.0.0.0/24"]) == ["10.0.0.0/24", "10.64.0.0/16"]
    bounded = nsg(**{**BOUNDED, "derp": ["192.200.0.0/16"], "certificateAuthority": ["192.200.7.0/24"]})
    assert destinations(bounded, ROWS) == ["192.200.0.0/16"]


def test_sources_that_overlap_become_one(environment: Build) -> None:
    sources = {"sources": ["10.64.1.0/24", "10.64.0.0/16"]}
    made = of_type(opened(environment(egress=[{**POLICY, **sources, "udp": "stun"}, {**UDP, **sources}])), "azure-nat")
    rules = [rule for collection in made[GROUP_NAME]["ruleCollections"] for rule in collection["rules"]]
    assert [rule["sourceAddresses"] for rule in rules] == [["10.64.0.0/16"]] * 2
    for protocol in ("tcp", "udp"):
        assert made[f"{RULE_NAME}-{protocol}"]["sourceAddressPrefixes"] == ["10.64.0.0/16"]


def test_each_subscription_has_one_provider_and_no_credential(environment: Build) -> None:
    other = NSG["nsg"].replace(SUBSCRIPTION, "99999999-2222-3333-4444-555555555555")
    seen = opened(environment(egress=[POLICY, NSG, {**NSG, "nsg": other}]))
    providers = of_type(seen, "pulumi:providers:azure-native")
    assert {name: inputs["subscriptionId"] for name, inputs in providers.items()} == {
        f"acme-prod-egress-azure-{SUBSCRIPTION}": SUBSCRIPTION,
        "acme-prod-egress-azure-99999999-2222-3333-4444-555555555555": "99999999-2222-3333-4444-555555555555",
    }
    for inputs in providers.values():
        assert not inputs.keys() & {"clientId", "clientSecret", "oidcToken", "clientCertificatePassword", "tenantId"}
    assert len({row.provider for row in seen.rows.values() if row.type.startswith("azure-native:")}) == 2


def test_access_is_narrowed_before_the_cloud_is_asked(environment: Build) -> None:
    seen = opened(environment(egress=[POLICY, UDP]))
    made = of_type(seen, "azure-native:network")
    assert len(made) == 3
    assert all("narrowed" in seen.names(seen.rows[name].depends_on) for name in made)
    assert all(seen.rows[name].deletes_first for name in made), "a name is taken once"


def fine(**bent: Any) -> Policy:
    return Policy(**{"decrypts": False, "children": (), "firewalls": ("/firewall",), "busy": False, **bent})


@pytest.mark.parametrize(
    ("bent", "found", "told"),
    [
        ({}, fine(), []),
        ({}, fine(busy=True), []),
        (
            {},
            fine(decrypts=True),
            ["support-access:egress[3].uninspected: The policy can decrypt TLS, and it is false."],
        ),
        ({"uninspected": True}, fine(decrypts=True), []),
        (
            {},
            fine(children=("/a", "/b")),
            ["support-access:egress[3].policy: 2 policies inherit from it, for example /a."],
        ),
        ({"inherited": True}, fine(children=("/a", "/b")), []),
    ],
)
def test_what_does_not_fit_the_customers_policy_is_told(bent: dict[str, Any], found: Policy, told: list[str]) -> None:
    said = list(problems("acme-prod", 3, policy(**bent), found))
    assert [f"{problem.key}: {problem.what}" for problem in said] == told
    assert all(problem.why and problem.mend for problem in said)


def test_what_the_customer_should_know_is_told() -> None:
    assert list(cautions(policy(), fine())) == []
    [idle] = cautions(policy(), fine(firewalls=()))
    assert idle == f"No firewall uses {POLICY['policy']}: its rules let nothing through."
    assert list(cautions(policy(), fine(firewalls=(), children=("/a",)))) == []
    [busy] = cautions(policy(), fine(busy=True))
    assert "one operation at a time" in busy


def test_the_policy_is_looked_up_before_anything_is_made(environment: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    found = {
        "transportSecurity": {"certificateAuthority": {"name": "ca", "keyVaultSecretId": "https://vault"}},
        "childPolicies": [{"id": "/child"}],
    }
    monkeypatch.setattr(registrations, "AZURE_POLICY", found)
    with pytest.raises(pulumi.RunError) as caught:
        opened(environment(egress=[POLICY]))
    assert "2 problems" in str(caught.value)
    assert "egress[0].uninspected" in str(caught.value)
    assert "for example /child" in str(caught.value)


def test_a_policy_that_cannot_be_read_is_a_problem_of_its_own(
    environment: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registrations, "AZURE_POLICY", None)
    with pytest.raises(pulumi.RunError) as caught:
        opened(environment(egress=[NSG, POLICY]))
    assert "support-access:egress[1].policy" in str(caught.value)
    assert "Microsoft.Network/firewallPolicies/read" in str(caught.value)
    assert "AuthorizationFailed" in str(caught.value)


def test_a_cloud_that_is_not_chosen_is_not_imported() -> None:
    code = "import sys, components.support_access; print([m for m in sys.modules if m.startswith('pulumi_azure')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
