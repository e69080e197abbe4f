"""The azure-native stand-in on the cloud store, with Azure's refusals in the real plugin's words."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import httpx
import pytest
from pulumi.provider.experimental.provider import InvokeRequest

from sandbox.cloud.azure import COLLECTION_GROUP, POLICY, SECURITY_GROUP
from sandbox.cloud.store import create_app
from sandbox.plugins.azure_native import (
    GET_POLICY,
    AzureNative,
    FirewallPolicyRuleCollectionGroup,
    SecurityRule,
    firewall_policy,
)
from sandbox.plugins.cloud_store import Store, StoredKind
from sandbox.plugins.kind import Failure
from sandbox.plugins.values import Properties
from tests.sandbox.plugins.conftest import Resource

NETWORK = "subscriptions/s/resourceGroups/customer/providers/Microsoft.Network"
RULE = {
    "resourceGroupName": "customer",
    "networkSecurityGroupName": "nodes",
    "securityRuleName": "tailscale",
    "access": "Allow",
    "direction": "Outbound",
    "priority": 200,
    "protocol": "Tcp",
    "sourceAddressPrefixes": ["10.64.0.0/16"],
    "destinationAddressPrefixes": ["192.200.0.0/24"],
}
GROUP = {
    "resourceGroupName": "customer",
    "firewallPolicyName": "hub",
    "ruleCollectionGroupName": "tailscale",
    "priority": 500,
}


class Network(httpx.ASGITransport):
    """Lets others run before each request, as a network does."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)
        return await super().handle_async_request(request)


def run(scenario: Callable[[Store], Coroutine[Any, Any, None]]) -> None:
    """On a store with the customer's policy and security group."""

    async def scene() -> None:
        store = Store("http://store", Network(create_app()))
        try:
            await store.call("PUT", POLICY, f"{NETWORK}/firewallPolicies/hub", {"sku": {"tier": "Standard"}})
            await store.call("PUT", SECURITY_GROUP, f"{NETWORK}/networkSecurityGroups/nodes", {})
            await scenario(store)
        finally:
            await store.close()

    asyncio.run(scene())


def kinds(store: Store) -> list[tuple[StoredKind, Properties]]:
    return [(SecurityRule(store, "s"), RULE), (FirewallPolicyRuleCollectionGroup(store, "s"), GROUP)]


def test_every_kind_lives_and_dies() -> None:
    async def scenario(store: Store) -> None:
        for kind, inputs in kinds(store):
            resource = Resource(kind)
            state = await resource.create(inputs)
            assert state["provisioningState"] == "Succeeded"
            assert (await resource.read() or ({}, {}))[0] == state
            assert not (await resource.diff(inputs)).changes
            imported = Resource(kind, identity=resource.identity)
            await imported.read()
            assert not (await imported.diff(inputs)).changes
            assert (await resource.update({**inputs, "priority": 300}))["priority"] == 300
            await resource.delete()
            assert await resource.read() is None
            await resource.delete()

    run(scenario)


def test_what_is_there_already_stays_and_azure_refuses_in_its_own_words() -> None:
    async def scenario(store: Store) -> None:
        rule, group = (kind for kind, _ in kinds(store))
        first = Resource(rule)
        await first.create(RULE)
        before = await first.read()
        with pytest.raises(Failure, match=f"^cannot create already existing resource '/{NETWORK}/networkSecurityG"):
            await Resource(rule).create({**RULE, "priority": 201})
        with pytest.raises(Failure, match=r"SecurityRuleConflict.*tailscale conflicts with rule other"):
            await Resource(rule).create({**RULE, "securityRuleName": "other"})
        await Resource(rule).create({**RULE, "securityRuleName": "other", "direction": "Inbound"})
        assert await first.read() == before
        await Resource(group).create(GROUP)
        with pytest.raises(Failure, match="same priority 500"):
            await Resource(group).create({**GROUP, "ruleCollectionGroupName": "other"})
        with pytest.raises(Failure, match="ParentResourceNotFound"):
            await Resource(group).create({**GROUP, "firewallPolicyName": "elsewhere"})

    run(scenario)


def test_two_groups_of_one_policy_are_not_written_at_once() -> None:
    async def scenario(store: Store) -> None:
        group = FirewallPolicyRuleCollectionGroup(store, "s")
        other = {**GROUP, "ruleCollectionGroupName": "other", "priority": 501}
        done = await asyncio.gather(
            Resource(group).create(GROUP), Resource(group).create(other), return_exceptions=True
        )
        [refused] = [each for each in done if isinstance(each, Failure)]
        assert "UpdateNotAllowedWhenUpdatingOrDeleting" in str(refused)
        groups = f"{NETWORK}/firewallPolicies/hub/ruleCollectionGroups"
        left = [await store.call("GET", COLLECTION_GROUP, f"{groups}/{name}") for name in ("tailscale", "other")]
        assert [answer.json().get("provisioningState") for answer in left] == ["Succeeded", None]

    run(scenario)


def test_a_group_that_is_gone_is_not_made_again_by_its_removal() -> None:
    async def scenario(store: Store) -> None:
        resource = Resource(FirewallPolicyRuleCollectionGroup(store, "s"))
        await resource.create(GROUP)
        await store.call("DELETE", COLLECTION_GROUP, resource.identity.removeprefix("/"))
        await resource.delete()
        assert await resource.read() is None

    run(scenario)


def test_a_group_of_a_policy_that_is_being_changed_is_not_removed() -> None:
    async def scenario(store: Store) -> None:
        resource = Resource(FirewallPolicyRuleCollectionGroup(store, "s"))
        await resource.create(GROUP)
        path = f"{NETWORK}/firewallPolicies/hub"
        await store.call("PUT", POLICY, path, {"provisioningState": "Updating"})
        before = await resource.read()
        with pytest.raises(Failure, match="UpdateNotAllowedWhenUpdatingOrDeleting"):
            await resource.delete()
        assert await resource.read() == before

    run(scenario)


def test_a_name_is_generated_where_the_real_plugin_does() -> None:
    async def scenario(store: Store) -> None:
        inputs = {name: value for name, value in RULE.items() if name != "securityRuleName"}
        assert (await Resource(SecurityRule(store, "s")).create(inputs))["securityRuleName"] == "example01010101"

    run(scenario)


@pytest.mark.parametrize(
    ("number", "changes", "named"),
    [
        (0, {"priority": 99}, "priority"),
        (0, {"priority": 4097}, "priority"),
        (0, {"description": "x" * 141}, "description"),
        (0, {"destination_port_range": "443"}, "destination_port_range"),
        (1, {"priority": 99}, "priority"),
        (1, {"priority": 65001}, "priority"),
        (1, {"ruleCollections": [{"rule_collection_type": "x"}]}, "ruleCollections"),
    ],
)
def test_inputs_that_the_cloud_would_refuse_are_named(number: int, changes: Properties, named: str) -> None:
    async def scenario(store: Store) -> None:
        kind, inputs = kinds(store)[number]
        [(name, _)] = await Resource(kind).check({**inputs, **changes})
        assert name == named

    run(scenario)


def test_the_customers_policy_is_looked_up() -> None:
    async def scenario(store: Store) -> None:
        found = await firewall_policy(store, "s", "customer", "hub")
        assert found["id"] == f"/{NETWORK}/firewallPolicies/hub"
        assert (found["sku"], found["childPolicies"], found["provisioningState"]) == (
            {"tier": "Standard"},
            [],
            "Succeeded",
        )
        with pytest.raises(Failure, match='Status=404 Code="NotFound"'):
            await firewall_policy(store, "s", "customer", "elsewhere")

    run(scenario)


def test_what_is_missing_is_named() -> None:
    with pytest.raises(Failure, match="ARM_SUBSCRIPTION_ID"):
        AzureNative().configured({}, {"SANDBOX_CLOUD_URL": "http://store"})
    with pytest.raises(Failure, match="SANDBOX_CLOUD_URL"):
        AzureNative().configured({"subscriptionId": "s"}, {})
    with pytest.raises(Failure, match="does not answer"):
        asyncio.run(AzureNative().invoke(InvokeRequest(tok=GET_POLICY, args={})))
