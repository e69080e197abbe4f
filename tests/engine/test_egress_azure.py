"""Egress in Azure through the real engine: added beside what the customer has, and gone without a trace."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from sandbox.cloud.azure import COLLECTION_GROUP, POLICY, SECURITY_GROUP, SECURITY_RULE
from sandbox.demo.pulumi import CommandError, Pulumi
from sandbox.world import World
from tests.engine.conftest import Example
from tests.engine.egress_stack import STACK, TAILNET, Stack

pytestmark = pytest.mark.engine

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
NETWORK = f"subscriptions/{SUBSCRIPTION}/resourceGroups/hub/providers/Microsoft.Network"
HUB, NODES = f"{NETWORK}/firewallPolicies/hub", f"{NETWORK}/networkSecurityGroups/nodes"
OURS = {
    f"{HUB}/ruleCollectionGroups/support-access-{STACK}",
    f"{NODES}/securityRules/support-access-{STACK}-tcp",
}
OURS_WITH_UDP = OURS | {f"{NODES}/securityRules/support-access-{STACK}-udp"}

FIREWALL = {
    "target": "azure-firewall-policy",
    "policy": f"/{HUB}",
    "priority": 1000,
    "sources": ["10.64.0.0/16"],
}
NSG = {
    "target": "azure-nsg",
    "nsg": f"/{NODES}",
    "priority": 400,
    "sources": ["10.64.0.0/16"],
    "derp": "any443",
}


class Customer:
    """The customer's own network: what it has, and what it does by hand."""

    def __init__(self, cloud: dict[str, Any]) -> None:
        self._http = httpx.Client(base_url=cloud["store_url"], timeout=10)

    def put(self, kind: str, path: str, body: dict[str, Any]) -> None:
        self._http.put(f"/{kind}/{path}", json=body).raise_for_status()

    def has_policy(self, state: str = "Succeeded") -> None:
        """Its firewall policy, in this provisioning state."""
        self.put(POLICY, HUB, {"firewalls": [{"id": "/firewall"}], "provisioningState": state})

    def builds(self) -> None:
        self.has_policy()
        self.put(SECURITY_GROUP, NODES, {})
        deny = {
            "ruleType": "NetworkRule",
            "name": "ssh",
            "sourceAddresses": ["*"],
            "destinationAddresses": ["*"],
            "destinationPorts": ["22"],
            "ipProtocols": ["TCP"],
        }
        collection = {
            "ruleCollectionType": "FirewallPolicyFilterRuleCollection",
            "name": "deny",
            "priority": 100,
            "action": {"type": "Deny"},
            "rules": [deny],
        }
        self.put(
            COLLECTION_GROUP,
            f"{HUB}/ruleCollectionGroups/deny",
            {"priority": 5000, "ruleCollections": [collection], "provisioningState": "Succeeded"},
        )
        everything = {"sourceAddressPrefix": "*", "destinationAddressPrefix": "*", "destinationPortRange": "*"}
        self.put(
            SECURITY_RULE,
            f"{NODES}/securityRules/deny",
            {"priority": 4096, "direction": "Outbound", "access": "Deny", "protocol": "*", **everything},
        )

    def objects(self) -> dict[str, str]:
        """Every object in the cloud as one line of JSON."""
        return {
            path: json.dumps(body, sort_keys=True)
            for kind in (POLICY, COLLECTION_GROUP, SECURITY_GROUP, SECURITY_RULE)
            for path, body in self._http.get(f"/{kind}").raise_for_status().json()["items"].items()
        }

    def close(self) -> None:
        self._http.close()


@pytest.fixture(scope="module")
def customer(world: World) -> Iterator[Customer]:
    it = Customer(world.facts["cloud"])
    it.builds()
    yield it
    it.close()


@pytest.fixture(scope="module", autouse=True)
def groups(pulumi: Pulumi, example: Example) -> None:
    example.write("tailnet", TAILNET)
    pulumi.up("tailnet")


@pytest.fixture
def stack(pulumi: Pulumi, example: Example) -> Iterator[Stack]:
    yield Stack(pulumi, example)
    pulumi.destroy(STACK)


def test_both_come_change_and_go_and_leave_every_byte_of_the_customers(stack: Stack, customer: Customer) -> None:
    before = customer.objects()
    stack.declare(FIREWALL, NSG)
    stack.pulumi.up(STACK)
    during = customer.objects()
    assert before.items() <= during.items()
    assert during.keys() - before.keys() == OURS
    exported = {row["target"]: row for row in stack.pulumi.outputs(STACK)["egress"]}
    made = {exported["azure-firewall-policy"]["ruleCollectionGroup"], *exported["azure-nsg"]["rules"]}
    assert made == {f"/{path}" for path in OURS}

    stack.pulumi.preview(STACK, "--expect-no-changes")
    looked = stack.pulumi.run(
        "refresh", "-s", STACK, "--preview-only", "--expect-no-changes", "--target", "**support-access:egress:**"
    )
    assert "4 unchanged" in looked.output, "all of them were looked at: two objects and the two targets"

    stack.declare({**FIREWALL, "priority": 1001, "udp": "stun"}, {**NSG, "udp": "any", "udpPriority": 401})
    stack.pulumi.up(STACK)
    changed = customer.objects()
    assert before.items() <= changed.items()
    assert changed.keys() - before.keys() == OURS_WITH_UDP
    group = json.loads(changed[f"{HUB}/ruleCollectionGroups/support-access-{STACK}"])
    assert group["priority"] == 1001
    assert [collection["name"] for collection in group["ruleCollections"]] == ["names", "udp"]

    customer.has_policy("Updating")
    with pytest.raises(CommandError, match="UpdateNotAllowedWhenUpdatingOrDeleting"):
        stack.pulumi.destroy(STACK)
    urns = [resource["urn"] for resource in stack.pulumi.export(STACK)["deployment"]["resources"]]
    assert not [urn for urn in urns if "OauthClient" in urn or "Enrollment" in urn], "nothing at Tailscale waits for it"
    customer.has_policy()
    stack.pulumi.destroy(STACK)
    assert customer.objects() == before


def test_what_does_not_fit_is_refused_and_the_customers_stays_as_it_is(stack: Stack, customer: Customer) -> None:
    before = customer.objects()
    stack.declare({**FIREWALL, "policy": f"/{HUB}-elsewhere"})
    assert "support-access:egress[0].policy The policy cannot be looked up" in stack.refused()
    assert customer.objects() == before

    stack.declare({**FIREWALL, "priority": 5000})
    assert "deny and support-access-acme-prod have the same priority 5000" in stack.refused()
    stack.declare({**NSG, "priority": 4096})
    assert "Security rule deny conflicts with rule support-access-acme-prod-tcp" in stack.refused()
    assert customer.objects() == before
