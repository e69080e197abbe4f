"""Each bad value of an Azure target is refused by its key, before any cloud is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from components.settings.egress_azure import AzureFirewallPolicyEgress, AzureNsgEgress
from tests.components.test_egress_settings import FIREWALL, loaded, refusals, without
from tests.components.test_siblings import refused, stack

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
NETWORK = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/Hub-RG/providers/Microsoft.Network"
POLICY: dict[str, Any] = {
    "target": "azure-firewall-policy",
    "policy": f"{NETWORK}/firewallPolicies/Egress",
    "priority": 1000,
    "sources": ["10.64.0.0/16"],
}
NSG: dict[str, Any] = {
    "target": "azure-nsg",
    "nsg": f"{NETWORK}/networkSecurityGroups/nodes",
    "priority": 400,
    "sources": ["10.64.0.0/16"],
    "derp": "any443",
}
BOUNDED = {**NSG, "derp": ["198.51.100.0/24"], "certificateAuthority": "elsewhere"}
UDP = {**NSG, "udp": "stun", "udpPriority": 401}


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SUPPORT_ACCESS_CHART_REPOSITORY", raising=False)


def test_an_id_says_all_that_the_rules_need() -> None:
    policy, nsg = loaded([POLICY, NSG]).egress
    assert isinstance(policy, AzureFirewallPolicyEgress)
    assert isinstance(nsg, AzureNsgEgress)
    assert (policy.subscription, policy.resource_group, policy.name) == (SUBSCRIPTION, "Hub-RG", "Egress")
    assert (nsg.subscription, nsg.resource_group, nsg.name) == (SUBSCRIPTION, "Hub-RG", "nodes")
    assert policy.place == POLICY["policy"].lower()


def test_a_hub_and_a_spoke_may_be_in_two_subscriptions() -> None:
    other = NSG["nsg"].replace(SUBSCRIPTION, "99999999-2222-3333-4444-555555555555")
    assert len(loaded([POLICY, {**NSG, "nsg": other}, NSG]).egress) == 3


def test_without_the_sdk_the_command_that_brings_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    told = refusals([POLICY])["[0].target"]
    assert "pulumi-azure-native" in told
    assert "pip install -r requirements/azure.txt" in told


@pytest.mark.parametrize(
    ("egress", "key", "what"),
    [
        ([POLICY, {**POLICY, "priority": 1001}], "", "azure-firewall-policy on /subscriptions/"),
        ([NSG, {**NSG, "nsg": NSG["nsg"].upper().replace("MICROSOFT", "Microsoft")}], "", "azure-nsg on"),
        ([NSG, FIREWALL], "", "targets of aws and azure"),
        ([{**NSG, "target": "nsg"}], "[0].target", "not known"),
        ([{**POLICY, "policy": "egress"}], "[0].policy", "its name, and the whole id"),
        ([{**POLICY, "policy": FIREWALL["policy"]}], "[0].policy", "no such id"),
        ([{**POLICY, "policy": NSG["nsg"]}], "[0].policy", "one of networkSecurityGroups"),
        ([{**POLICY, "policy": f"{NETWORK}/azureFirewalls/hub"}], "[0].policy", "one of azureFirewalls"),
        (
            [{**POLICY, "policy": f"{POLICY['policy']}/ruleCollectionGroups/theirs"}],
            "[0].policy",
            "one of firewallPolicies/ruleCollectionGroups",
        ),
        ([{**POLICY, "policy": POLICY["policy"].replace(SUBSCRIPTION, "acme")}], "[0].policy", "no such id"),
        ([{**POLICY, "policy": POLICY["policy"] + "/"}], "[0].policy", "no such id"),
        ([without(POLICY, "policy")], "[0].policy", "missing"),
        ([{**POLICY, "priority": 99}], "[0].priority", "greater"),
        ([{**POLICY, "priority": 65001}], "[0].priority", "less"),
        ([without(POLICY, "priority")], "[0].priority", "missing"),
        ([{**POLICY, "sources": []}], "[0].sources", "empty"),
        ([without(POLICY, "sources")], "[0].sources", "missing"),
        ([{**POLICY, "sources": ["0.0.0.0/0"]}], "[0].sources", "0.0.0.0/0"),
        ([{**POLICY, "sources": ["*"]}], "[0].sources", "not ranges"),
        ([{**POLICY, "sources": ["10.64.0.1/16"]}], "[0].sources", "host bits"),
        ([{**POLICY, "sources": ["2001:db8::/32"]}], "[0].sources", "IPv6 ranges: 2001:db8::/32"),
        ([{**POLICY, "udp": 41641}], "[0].udp", "sends from"),
        ([{**POLICY, "inherited": "yes"}], "[0].inherited", "true or false"),
        ([{**POLICY, "terminateTls": True}], "[0].terminateTls", "no setting"),
        ([{**POLICY, "fqdns": ["*"]}], "[0].fqdns", "no setting"),
        ([{**POLICY, "clientSecret": "s"}], "[0].clientSecret", "no setting"),
        ([{**POLICY, "derp": "any443"}], "[0].derp", "no setting"),
        ([{**NSG, "nsg": "nodes"}], "[0].nsg", "its name, and the whole id"),
        ([{**NSG, "nsg": POLICY["policy"]}], "[0].nsg", "one of firewallPolicies"),
        ([{**NSG, "nsg": f"{NSG['nsg']}/securityRules/x"}], "[0].nsg", "networkSecurityGroups/securityRules"),
        (
            [{**NSG, "nsg": NSG["nsg"].replace("Hub-RG", "MC_acme_prod_westeurope")}],
            "[0].nsg",
            "kept by AKS itself",
        ),
        (
            [{**NSG, "nsg": NSG["nsg"].replace("/nodes", "/aks-agentpool-12345678-nsg")}],
            "[0].nsg",
            "kept by AKS itself",
        ),
        ([{**NSG, "priority": 99}], "[0].priority", "greater"),
        ([{**NSG, "priority": 4097}], "[0].priority", "less"),
        ([{**NSG, "sources": ["2001:db8::/32"]}], "[0].sources", "IPv6 ranges"),
        ([without(NSG, "derp")], "[0].derp", "missing"),
        ([{**BOUNDED, "derp": ["derp3.tailscale.com"]}], "[0].derp", "derp3"),
        ([{**BOUNDED, "derp": ["2001:db8::/32"]}], "[0].derp", "IPv6 ranges"),
        ([without(BOUNDED, "certificateAuthority")], "[0].certificateAuthority", "TLS handshake"),
        ([{**BOUNDED, "certificateAuthority": ["2001:db8::/32"]}], "[0].certificateAuthority", "IPv6 ranges"),
        ([{**NSG, "certificateAuthority": "elsewhere"}], "[0].certificateAuthority", "any443"),
        ([without(UDP, "udpPriority")], "[0].udpPriority", "missing, and udp is stun"),
        ([{**NSG, "udpPriority": 401}], "[0].udpPriority", "set, and udp is off"),
        ([{**UDP, "udpPriority": 400}], "[0].udpPriority", "so is priority"),
        ([{**UDP, "udpPriority": 99}], "[0].udpPriority", "greater"),
        ([{**NSG, "direction": "Inbound"}], "[0].direction", "no setting"),
        ([{**NSG, "protocol": "*"}], "[0].protocol", "no setting"),
    ],
)
def test_a_wrong_value_is_named_by_its_key(egress: Any, key: str, what: str) -> None:
    assert what in refusals(egress)[key]


def test_a_priority_in_one_group_is_one_stacks_however_its_id_is_written(tmp_path: Path) -> None:
    acme = stack(tmp_path, "acme", egress=[NSG, POLICY])
    stack(tmp_path, "globex", egress=[{**POLICY, "priority": 1001}, {**NSG, "priority": 401}])
    assert refused(tmp_path, "acme", acme) == []
    stack(tmp_path, "umbrella", egress=[{**UDP, "priority": 402, "udpPriority": 400}])
    assert refused(tmp_path, "acme", acme) == [
        f'egress[0].priority: Stack "umbrella-prod" has azure-nsg {NSG["nsg"].lower()} 400 too.'
    ], "TCP and UDP take their numbers from one row"
    (tmp_path / "Pulumi.umbrella-prod.yaml").unlink()
    stack(tmp_path, "initech", egress=[{**POLICY, "policy": POLICY["policy"].lower()}])
    assert refused(tmp_path, "acme", acme) == [
        f'egress[1].priority: Stack "initech-prod" has azure-firewall-policy {POLICY["policy"].lower()} 1000 too.'
    ]
