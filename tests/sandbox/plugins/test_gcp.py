"""The gcp stand-in on the cloud store, with Google's refusals in the real plugin's words."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import httpx
import pytest

from sandbox.cloud import gcp
from sandbox.cloud.store import create_app
from sandbox.plugins.cloud_store import Store
from sandbox.plugins.gcp import Firewall, Gcp, NetworkFirewallPolicyRule, RegionNetworkFirewallPolicyRule
from sandbox.plugins.gcp_kind import GcpKind
from sandbox.plugins.gcp_proxy import GatewaySecurityPolicyRule, UrlList
from sandbox.plugins.kind import Failure
from sandbox.plugins.values import Properties
from tests.sandbox.plugins.conftest import Resource

FIREWALL = {
    "name": "tailscale",
    "network": "projects/project/global/networks/vpc",
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
REGION_RULE = {**POLICY_RULE, "region": "europe-west3"}
URL_LIST = {"name": "tailscale", "location": "europe-west3", "values": ["*.tailscale.com"]}
GATEWAY_RULE = {
    "name": "tailscale",
    "location": "europe-west3",
    "gatewaySecurityPolicy": "gateway",
    "basicProfile": "ALLOW",
    "enabled": True,
    "priority": 7,
    "sessionMatcher": "host() == 'controlplane.tailscale.com'",
}
THEIRS = {
    gcp.NETWORK: "projects/project/global/networks/vpc",
    gcp.POLICY: "projects/project/global/firewallPolicies/policy",
    gcp.REGION_POLICY: "projects/project/regions/europe-west3/firewallPolicies/policy",
    gcp.GATEWAY_POLICY: "projects/project/locations/europe-west3/gatewaySecurityPolicies/gateway",
}


def run(scenario: Callable[[Store], Coroutine[Any, Any, None]], *, customer: bool = True) -> None:
    """customer: has its network and policies."""

    async def scene() -> None:
        store = Store("http://store", httpx.ASGITransport(create_app()))
        try:
            for kind, path in THEIRS.items() if customer else ():
                await store.call("PUT", kind, path, {"name": path.rpartition("/")[2]})
            await scenario(store)
        finally:
            await store.close()

    asyncio.run(scene())


def kinds(store: Store) -> list[tuple[GcpKind, Properties]]:
    return [
        (Firewall(store, "project"), FIREWALL),
        (UrlList(store, "project"), URL_LIST),
        (GatewaySecurityPolicyRule(store, "project"), GATEWAY_RULE),
        (NetworkFirewallPolicyRule(store, "project"), POLICY_RULE),
        (RegionNetworkFirewallPolicyRule(store, "project"), REGION_RULE),
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
            changed = {**inputs, "description": "changed"}
            assert not (await resource.diff(changed)).replaces
            assert (await resource.update(changed))["description"] == "changed"
            await resource.delete()

    run(scenario)


def test_what_is_gone_is_dropped_but_a_policys_rule_stops_a_refresh_and_a_deletion() -> None:
    async def scenario(store: Store) -> None:
        for kind, inputs in kinds(store):
            resource, same = Resource(kind), Resource(kind)
            await resource.create(inputs)
            same.identity, same.state, same.inputs = resource.identity, resource.state, resource.inputs
            await resource.delete()
            if not isinstance(kind, NetworkFirewallPolicyRule):
                assert await same.read() is None
                same.identity = resource.identity
                await same.delete()
                continue
            with pytest.raises(Failure) as refused:
                await same.read()
            assert str(refused.value) == (
                f'Error when reading or editing Compute{kind.noun} "{resource.identity}": googleapi: Error 400: Invalid'
                " value for field 'priority': '328'. The firewall policy does not contain a rule at priority 328.,"
                " invalid"
            )
            with pytest.raises(Failure, match=f"^Error when reading or editing {kind.noun}: googleapi: Error 400"):
                await same.delete()

    run(scenario)


def test_a_second_one_of_the_same_name_is_refused_and_the_first_stays() -> None:
    async def scenario(store: Store) -> None:
        for kind, inputs in kinds(store):
            first = Resource(kind)
            await first.create({**inputs, "description": "first"})
            before = await first.read()
            with pytest.raises(Failure, match=r"already|taken"):
                await Resource(kind).create(inputs)
            assert await first.read() == before

    run(scenario)


def test_nothing_is_made_in_what_is_not_there() -> None:
    async def scenario(store: Store) -> None:
        for kind, inputs in kinds(store):
            if not isinstance(kind, UrlList):
                with pytest.raises(Failure, match=r"Error 404: The resource 'projects/project/.*' was not found"):
                    await Resource(kind).create(inputs)

    run(scenario, customer=False)


def test_google_refuses_in_its_own_words() -> None:
    async def scenario(store: Store) -> None:
        firewall = kinds(store)[0][0]
        await Resource(firewall).create(FIREWALL)
        with pytest.raises(Failure) as refused:
            await Resource(firewall).create(FIREWALL)
        assert str(refused.value) == (
            "Error creating Firewall: googleapi: Error 409: "
            "The resource 'projects/project/global/firewalls/tailscale' already exists, alreadyExists"
        )

    run(scenario)


def test_a_firewall_rule_without_a_direction_opens_the_network() -> None:
    async def scenario(store: Store) -> None:
        inputs = {name: value for name, value in FIREWALL.items() if name != "direction"}
        state = await Resource(Firewall(store, "project")).create(inputs)
        assert state["direction"] == "INGRESS"  # as at Google; who wants egress must say so

    run(scenario)


def test_names_are_generated_where_the_real_plugin_does() -> None:
    async def scenario(store: Store) -> None:
        for kind, inputs in kinds(store)[:3]:
            nameless = {name: value for name, value in inputs.items() if name != "name"}
            assert (await Resource(kind).create(nameless))["name"] == "example-0101010"

    run(scenario)


def test_what_names_an_object_for_ever_replaces_it_except_a_lists_name_and_place() -> None:
    changes = [
        {"direction": "INGRESS"},
        {"location": "europe-west1"},
        {"name": "other"},
        {"priority": 1},
        {"region": "x"},
    ]

    async def scenario(store: Store) -> None:
        for (kind, inputs), change in zip(kinds(store), changes, strict=True):
            resource = Resource(kind)
            await resource.create(inputs)
            replaces = (await resource.diff({**inputs, **change})).replaces
            if isinstance(kind, UrlList):
                assert not replaces
                with pytest.raises(Failure, match="Error 404"):
                    await resource.update({**inputs, **change})
            else:
                assert replaces == list(change)

    run(scenario)


@pytest.mark.parametrize(
    ("number", "changes", "named"),
    [
        (0, {"sourceRanges": ["0.0.0.0/0"]}, "sourceRanges"),
        (0, {"denies": [{"protocol": "all"}]}, "allows"),
        (0, {"priority": 65536}, "priority"),
        (0, {"targetServiceAccounts": ["a"], "targetTags": ["b"]}, "targetServiceAccounts"),
        (0, {"targetServiceAccounts": [f"a{number}" for number in range(11)]}, "targetServiceAccounts"),
        (3, {"targetSecureTags": [{"name": "t"}], "targetServiceAccounts": ["a"]}, "targetSecureTags"),
        (4, {"region": None}, "region"),
    ],
)
def test_inputs_that_the_plugin_would_refuse_are_named(number: int, changes: Properties, named: str) -> None:
    async def scenario(store: Store) -> None:
        kind, inputs = kinds(store)[number]
        [(name, _)] = await Resource(kind).check(inputs | changes)
        assert name == named

    run(scenario)


def test_what_is_missing_in_the_environment_is_named() -> None:
    with pytest.raises(Failure, match="SANDBOX_CLOUD_URL"):
        Gcp().configured({}, {})

    async def scenario(store: Store) -> None:
        for _, inputs in kinds(store):
            for kind in Gcp().configured({}, {"SANDBOX_CLOUD_URL": "http://store"}):
                if {name for name, spec in kind.inputs.items() if spec.required} <= inputs.keys() <= kind.inputs.keys():
                    [(name, _)] = await Resource(kind).check(inputs)
                    assert name in ("project", "region")

    run(scenario)
