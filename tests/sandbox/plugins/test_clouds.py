"""The gcp and azure-native stand-ins on the cloud store, with each cloud's refusals in the real plugins' words."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import httpx
import pytest

from sandbox.cloud.store import create_app
from sandbox.plugins.azure_native import AzureNative, FirewallPolicyRuleCollectionGroup, SecurityRule
from sandbox.plugins.cloud_store import Store, StoredKind
from sandbox.plugins.gcp import Firewall, Gcp, NetworkFirewallPolicyRule
from sandbox.plugins.kind import Failure
from sandbox.plugins.values import Properties
from tests.sandbox.plugins.conftest import Resource

FIREWALL = {
    "name": "tailscale",
    "network": "vpc",
    "direction": "EGRESS",
    "allows": [{"protocol": "tcp", "ports": ["443"]}],
    "destinationRanges": ["192.200.0.0/24"],
}
POLICY_RULE = {
    "firewallPolicy": "policy",
    "priority": 328,
    "action": "allow",
    "direction": "EGRESS",
    "match": {"destFqdns": ["controlplane.tailscale.com"], "layer4Configs": [{"ipProtocol": "tcp"}]},
}
SECURITY_RULE = {
    "resourceGroupName": "customer",
    "networkSecurityGroupName": "nodes",
    "securityRuleName": "tailscale",
    "access": "Allow",
    "direction": "Outbound",
    "priority": 200,
    "protocol": "Tcp",
}
COLLECTION_GROUP = {
    "resourceGroupName": "customer",
    "firewallPolicyName": "hub",
    "ruleCollectionGroupName": "tailscale",
    "priority": 500,
}


def run(scenario: Callable[[Store], Coroutine[Any, Any, None]]) -> None:
    async def scene() -> None:
        store = Store("http://store", httpx.ASGITransport(create_app()))
        try:
            await scenario(store)
        finally:
            await store.close()

    asyncio.run(scene())


def kinds(store: Store) -> list[tuple[StoredKind, Properties]]:
    return [
        (Firewall(store, "project"), FIREWALL),
        (NetworkFirewallPolicyRule(store, "project"), POLICY_RULE),
        (SecurityRule(store, "subscription"), SECURITY_RULE),
        (FirewallPolicyRuleCollectionGroup(store, "subscription"), COLLECTION_GROUP),
    ]


def test_every_kind_lives_and_dies() -> None:
    async def scenario(store: Store) -> None:
        for kind, inputs in kinds(store):
            resource = Resource(kind)
            state = await resource.create(inputs)
            assert (await resource.read() or ({}, {}))[0] == state
            assert not (await resource.diff(inputs)).changes
            imported = Resource(kind, identity=resource.identity)
            await imported.read()
            assert not (await imported.diff(inputs)).changes
            await resource.delete()
            assert await resource.read() is None
            await resource.delete()

    run(scenario)


def test_a_second_one_of_the_same_name_is_refused_and_the_first_stays() -> None:
    async def scenario(store: Store) -> None:
        for kind, inputs in kinds(store):
            first = Resource(kind)
            await first.create(inputs | {"description": "first"} if "direction" in inputs else inputs)
            before = await first.read()
            with pytest.raises(Failure, match=r"already|taken"):
                await Resource(kind).create(inputs)
            assert await first.read() == before

    run(scenario)


def test_google_and_azure_refuse_in_their_own_words() -> None:
    async def scenario(store: Store) -> None:
        firewall, _, security_rule, group = (kind for kind, _ in kinds(store))
        await Resource(firewall).create(FIREWALL)
        with pytest.raises(Failure) as refused:
            await Resource(firewall).create(FIREWALL)
        assert str(refused.value) == (
            "Error creating Firewall: googleapi: Error 409: "
            "The resource 'projects/project/global/firewalls/tailscale' already exists, alreadyExists"
        )
        await Resource(security_rule).create(SECURITY_RULE)
        path = "/subscriptions/subscription/resourceGroups/customer/providers/Microsoft.Network"
        with pytest.raises(Failure, match=f"^cannot create already existing resource '{path}/networkSecurityGroups"):
            await Resource(security_rule).create(SECURITY_RULE)
        with pytest.raises(Failure, match=r"SecurityRuleConflict.*tailscale conflicts with rule other"):
            await Resource(security_rule).create(SECURITY_RULE | {"securityRuleName": "other"})
        await Resource(security_rule).create(SECURITY_RULE | {"securityRuleName": "other", "direction": "Inbound"})
        await Resource(group).create(COLLECTION_GROUP)
        with pytest.raises(Failure, match="same priority 500"):
            await Resource(group).create(COLLECTION_GROUP | {"ruleCollectionGroupName": "other"})

    run(scenario)


def test_a_firewall_rule_without_a_direction_opens_the_network() -> None:
    async def scenario(store: Store) -> None:
        inputs = {name: value for name, value in FIREWALL.items() if name != "direction"}
        state = await Resource(Firewall(store, "project")).create(inputs)
        assert state["direction"] == "INGRESS"  # as at Google; who wants egress must say so

    run(scenario)


def test_names_are_generated_where_the_real_plugins_do() -> None:
    async def scenario(store: Store) -> None:
        inputs = {name: value for name, value in FIREWALL.items() if name != "name"}
        assert (await Resource(Firewall(store, "project")).create(inputs))["name"] == "example-0101010"
        inputs = {name: value for name, value in SECURITY_RULE.items() if name != "securityRuleName"}
        assert (await Resource(SecurityRule(store, "s")).create(inputs))["securityRuleName"] == "example01010101"

    run(scenario)


@pytest.mark.parametrize(
    ("number", "changes", "named"),
    [
        (0, {"sourceRanges": ["0.0.0.0/0"]}, "sourceRanges"),
        (0, {"denies": [{"protocol": "all"}]}, "allows"),
        (1, {"targetSecureTags": [{"name": "t"}], "targetServiceAccounts": ["a"]}, "targetSecureTags"),
        (2, {"priority": 99}, "priority"),
        (2, {"description": "x" * 141}, "description"),
        (3, {"priority": 65001}, "priority"),
        (3, {"ruleCollections": [{"rule_collection_type": "x"}]}, "ruleCollections"),
    ],
)
def test_inputs_that_the_cloud_would_refuse_are_named(number: int, changes: Properties, named: str) -> None:
    async def scenario(store: Store) -> None:
        kind, inputs = kinds(store)[number]
        [(name, _)] = await Resource(kind).check(inputs | changes)
        assert name == named

    run(scenario)


def test_what_is_missing_in_the_environment_is_named() -> None:
    with pytest.raises(Failure, match="SANDBOX_CLOUD_URL"):
        Gcp().configured({}, {})
    with pytest.raises(Failure, match="ARM_SUBSCRIPTION_ID"):
        AzureNative().configured({}, {"SANDBOX_CLOUD_URL": "http://store"})
