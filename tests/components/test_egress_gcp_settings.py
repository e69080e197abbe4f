"""Each bad value of a GCP target is refused by its key, before any cloud is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from components.settings.egress_gcp import GcpNetworkPolicyEgress, GcpSecureWebProxyEgress, GcpVpcFirewallEgress
from tests.components.test_egress_settings import GROUP, loaded, refusals, without
from tests.components.test_siblings import refused, stack

NODES = "gke-nodes@acme-prod.iam.gserviceaccount.com"
NETWORK: dict[str, Any] = {
    "target": "gcp-vpc-firewall",
    "network": "projects/acme-network/global/networks/prod",
    "priority": 900,
    "serviceAccounts": [NODES],
    "derp": "any443",
}
POLICY: dict[str, Any] = {
    "target": "gcp-network-policy",
    "policy": "projects/acme-network/global/firewallPolicies/egress",
    "priority": 900,
    "serviceAccounts": [NODES],
}
PROXY: dict[str, Any] = {
    "target": "gcp-secure-web-proxy",
    "policy": "projects/acme-proxy/locations/europe-west3/gatewaySecurityPolicies/egress",
    "priority": 900,
    "sources": ["10.64.0.0/16"],
}
BOUNDED = {**NETWORK, "derp": ["198.51.100.0/24"], "certificateAuthority": "elsewhere"}
REGIONAL = {**POLICY, "policy": "projects/acme-network/regions/europe-west3/firewallPolicies/egress"}


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SUPPORT_ACCESS_CHART_REPOSITORY", raising=False)


def test_a_path_says_all_that_the_rules_need() -> None:
    network, policy, regional, proxy = loaded([NETWORK, POLICY, REGIONAL, PROXY]).egress
    assert isinstance(network, GcpVpcFirewallEgress)
    assert isinstance(policy, GcpNetworkPolicyEgress)
    assert isinstance(regional, GcpNetworkPolicyEgress)
    assert isinstance(proxy, GcpSecureWebProxyEgress)
    assert (network.project, network.name) == ("acme-network", "prod")
    assert (policy.project, policy.name, policy.part("region")) == ("acme-network", "egress", None)
    assert (regional.name, regional.part("region")) == ("egress", "europe-west3")
    assert (proxy.project, proxy.name, proxy.part("location")) == ("acme-proxy", "egress", "europe-west3")
    assert len({target.place for target in (network, policy, regional, proxy)}) == 4


def test_a_project_of_a_domain_has_its_name_too() -> None:
    path = "projects/example.com:acme-network/global/networks/prod"
    [target] = loaded([{**NETWORK, "network": path}]).egress
    assert isinstance(target, GcpVpcFirewallEgress)
    assert target.project == "example.com:acme-network"


@pytest.mark.parametrize(
    ("egress", "key", "what"),
    [
        ([NETWORK, GROUP], "", "targets of aws and gcp"),
        ([NETWORK, {**NETWORK, "priority": 901}], "", "gcp-vpc-firewall on projects/"),
        ([POLICY, {**POLICY, "priority": 901}], "", "gcp-network-policy on projects/"),
        ([PROXY, {**PROXY, "priority": 901}], "", "gcp-secure-web-proxy on projects/"),
        ([{**NETWORK, "target": "vpc-firewall"}], "[0].target", "not known"),
        ([{**NETWORK, "credentials": "{}"}], "[0].credentials", "no setting"),
        ([{**NETWORK, "network": "prod"}], "[0].network", '"prod" is a name'),
        ([{**NETWORK, "network": "projects/acme-network/networks/prod"}], "[0].network", "not such a path"),
        ([{**NETWORK, "network": POLICY["policy"]}], "[0].network", "path of a network is wanted"),
        (
            [{**NETWORK, "network": f"https://www.googleapis.com/compute/v1/{NETWORK['network']}"}],
            "[0].network",
            f"egress[0].network' {NETWORK['network']}",
        ),
        ([{**NETWORK, "network": 7}], "[0].network", "text"),
        ([{**NETWORK, "priority": -1}], "[0].priority", "greater"),
        ([{**NETWORK, "priority": 65536}], "[0].priority", "less"),
        ([without(NETWORK, "priority")], "[0].priority", "missing"),
        ([without(NETWORK, "serviceAccounts")], "[0].serviceAccounts", "so are networkTags and allInstances"),
        ([{**NETWORK, "serviceAccounts": []}], "[0].serviceAccounts", "so are networkTags and allInstances"),
        ([{**NETWORK, "serviceAccounts": ["nodes"]}], "[0].serviceAccounts[0]", "service account"),
        ([{**NETWORK, "serviceAccounts": ["ada@acme.example"]}], "[0].serviceAccounts[0]", "service account"),
        ([{**NETWORK, "serviceAccounts": [NODES, NODES]}], "[0].serviceAccounts", "twice"),
        ([{**NETWORK, "serviceAccounts": [f"a{n}-{NODES}" for n in range(11)]}], "[0].serviceAccounts", "at most 10"),
        ([{**NETWORK, "networkTags": ["nodes"]}], "[0].serviceAccounts", "serviceAccounts and networkTags are set"),
        ([{**NETWORK, "allInstances": True}], "[0].serviceAccounts", "serviceAccounts and allInstances are set"),
        ([{**without(NETWORK, "serviceAccounts"), "networkTags": ["tagValues/1"]}], "[0].networkTags[0]", "secure tag"),
        ([{**without(NETWORK, "serviceAccounts"), "networkTags": ["Nodes"]}], "[0].networkTags[0]", "network tag"),
        ([{**NETWORK, "secureTags": ["tagValues/1"]}], "[0].secureTags", "no setting"),
        ([{**NETWORK, "direction": "INGRESS"}], "[0].direction", "no setting"),
        ([{**NETWORK, "sourceRanges": ["10.0.0.0/8"]}], "[0].sourceRanges", "no setting"),
        ([{**NETWORK, "ports": [22]}], "[0].ports", "no setting"),
        ([{**NETWORK, "udp": 41641}], "[0].udp", "sends from"),
        ([{**NETWORK, "ipv6": "yes"}], "[0].ipv6", "true or false"),
        ([without(NETWORK, "derp")], "[0].derp", "missing"),
        ([{**BOUNDED, "derp": ["10.0.0.1/8"]}], "[0].derp", "host bits"),
        ([{**BOUNDED, "derp": ["0.0.0.0/0"]}], "[0].derp", "0.0.0.0/0"),
        ([{**BOUNDED, "derp": ["derp3.tailscale.com"]}], "[0].derp", "derp3"),
        ([{**BOUNDED, "derp": ["2001:db8::/32"]}], "[0].derp", "ipv6 is false"),
        ([without(BOUNDED, "certificateAuthority")], "[0].certificateAuthority", "TLS handshake"),
        ([{**NETWORK, "certificateAuthority": "elsewhere"}], "[0].certificateAuthority", "any443"),
        ([{**BOUNDED, "certificateAuthority": ["2001:db8::/32"]}], "[0].certificateAuthority", "ipv6 is false"),
        ([{**POLICY, "policy": "egress"}], "[0].policy", '"egress" is a name'),
        ([{**POLICY, "policy": "123456789012"}], "[0].policy", "hierarchical"),
        ([{**POLICY, "policy": "locations/global/firewallPolicies/123456"}], "[0].policy", "hierarchical"),
        ([{**POLICY, "policy": "organizations/1/firewallPolicies/2"}], "[0].policy", "no rule of a project opens"),
        ([{**POLICY, "policy": PROXY["policy"]}], "[0].policy", "path of a network firewall policy is wanted"),
        ([{**POLICY, "priority": -1}], "[0].priority", "greater"),
        ([{**POLICY, "priority": 2147483548}], "[0].priority", "less"),
        ([without(POLICY, "serviceAccounts")], "[0].serviceAccounts", "so are secureTags and allInstances"),
        ([{**POLICY, "secureTags": ["tagValues/1"]}], "[0].serviceAccounts", "Google takes one of them"),
        ([{**POLICY, "serviceAccounts": [f"a{n}-{NODES}" for n in range(11)]}], "[0].serviceAccounts", "at most 10"),
        ([{**POLICY, "allInstances": True}], "[0].serviceAccounts", "serviceAccounts and allInstances are set"),
        ([{**POLICY, "allInstances": "no"}], "[0].allInstances", "true or false"),
        ([{**without(POLICY, "serviceAccounts"), "secureTags": ["nodes"]}], "[0].secureTags[0]", "secure tag"),
        (
            [{**without(POLICY, "serviceAccounts"), "secureTags": [f"tagValues/{n}" for n in range(257)]}],
            "[0].secureTags",
            "at most 256",
        ),
        ([{**POLICY, "relayRegions": 27}], "[0].relayRegions", "random pairs"),
        ([{**POLICY, "relayRegions": 61}], "[0].relayRegions", "less"),
        ([{**POLICY, "udp": "any"}], "[0].udp", "gcp-vpc-firewall"),
        ([{**POLICY, "udp": 41641}], "[0].udp", "sends from"),
        ([{**POLICY, "hosts": ["*.tailscale.com"]}], "[0].hosts", "no setting"),
        ([{**POLICY, "derp": "any443"}], "[0].derp", "no setting"),
        ([{**PROXY, "policy": POLICY["policy"]}], "[0].policy", "path of a gateway security policy is wanted"),
        ([{**PROXY, "sources": []}], "[0].sources", "empty"),
        ([{**PROXY, "sources": ["0.0.0.0/0"]}], "[0].sources", "0.0.0.0/0"),
        ([{**PROXY, "sources": ["10.64.0.1/16"]}], "[0].sources", "host bits"),
        ([{**PROXY, "sources": ["2001:db8::/32"]}], "[0].sources", "IPv4 only"),
        ([{**PROXY, "sources": [f"10.{n}.0.0/16" for n in range(12)]}], "[0].sources", "at most 11"),
        ([without(PROXY, "sources")], "[0].sources", "missing"),
        ([without(PROXY, "priority")], "[0].priority", "missing"),
        ([{**PROXY, "priority": -1}], "[0].priority", "greater"),
        ([{**PROXY, "priority": 2147483648}], "[0].priority", "less"),
        ([{**PROXY, "udp": "any"}], "[0].udp", "no setting"),
    ],
)
def test_a_wrong_value_is_named_by_its_key(egress: Any, key: str, what: str) -> None:
    assert what in refusals(egress)[key]


def test_without_accounts_and_tags_only_a_plain_word_lets_every_machine_out() -> None:
    for target in (NETWORK, POLICY):
        bare = without(target, "serviceAccounts")
        refusal = refusals([bare])["[0].serviceAccounts"]
        assert "only allInstances, true, says" in refusal
        assert "true" not in refusal.partition("Mend:")[2], "what is suggested is the narrow way"
        [declared] = loaded([{**bare, "allInstances": True}]).egress
        assert isinstance(declared, GcpVpcFirewallEgress | GcpNetworkPolicyEgress)
        assert declared.all_instances


def test_what_was_loaded_says_the_same_when_it_is_written_and_loaded_again() -> None:
    once = loaded([NETWORK, BOUNDED | {"network": NETWORK["network"] + "2"}, POLICY, REGIONAL, PROXY])
    dumped = once.model_dump(mode="json", by_alias=True, exclude_none=True)
    assert loaded(dumped["egress"]).egress == once.egress


def test_two_stacks_share_a_network_but_no_priority_of_a_policy(tmp_path: Path) -> None:
    acme = stack(tmp_path, "acme", egress=[NETWORK, POLICY, PROXY])
    stack(tmp_path, "globex", egress=[NETWORK, {**POLICY, "priority": 901}, {**PROXY, "priority": 901}])
    assert refused(tmp_path, "acme", acme) == []
    stack(tmp_path, "initech", egress=[PROXY])
    assert refused(tmp_path, "acme", acme) == [
        f'egress[2].priority: Stack "initech-prod" has gcp-secure-web-proxy {PROXY["policy"]} 900 too.'
    ]
