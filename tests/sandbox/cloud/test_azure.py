"""The store refuses what Azure would refuse around firewall policies and security groups."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from sandbox.cloud.azure import (
    COLLECTION_GROUP,
    GROUPS_PER_POLICY,
    POLICY,
    RULES_PER_SECURITY_GROUP,
    SECURITY_GROUP,
    SECURITY_RULE,
    security_rule_fits,
)
from sandbox.cloud.store import create_app

BASE = "subscriptions/s/resourceGroups/g/providers/Microsoft.Network"
Request = tuple[str, str, str, Any]


def answers(*requests: Request) -> list[tuple[int, str, str]]:
    """Status, error code and message for each (method, kind, path, body), one after the other on one new store."""

    async def scene() -> list[tuple[int, str, str]]:
        transport = httpx.ASGITransport(create_app())
        async with httpx.AsyncClient(transport=transport, base_url="http://store") as client:
            got = []
            for method, kind, path, body in requests:
                answer = await client.request(method, f"/{kind}/{BASE}/{path}", json=body)
                error = answer.json()["error"] if answer.is_error else {"code": "", "message": ""}
                got.append((answer.status_code, error["code"], error["message"]))
        return got

    return asyncio.run(scene())


def statuses(*requests: Request) -> list[tuple[int, str]]:
    return [(status, code) for status, code, _ in answers(*requests)]


def policy(**body: Any) -> Request:
    return ("PUT", POLICY, "firewallPolicies/hub", body)


def collection(*rules: dict[str, Any], **bent: Any) -> dict[str, Any]:
    whole = {
        "ruleCollectionType": "FirewallPolicyFilterRuleCollection",
        "name": "names",
        "priority": 100,
        "action": {"type": "Allow"},
        "rules": list(rules or [APPLICATION]),
    }
    return {**whole, **bent}


APPLICATION = {
    "ruleType": "ApplicationRule",
    "name": "tls",
    "sourceAddresses": ["10.64.0.0/16"],
    "targetFqdns": ["*.tailscale.com"],
    "protocols": [{"protocolType": "Https", "port": 443}],
}
NETWORK = {
    "ruleType": "NetworkRule",
    "name": "udp",
    "sourceAddresses": ["10.64.0.0/16"],
    "destinationAddresses": ["*"],
    "destinationPorts": ["3478"],
    "ipProtocols": ["UDP"],
}


def group(name: str, priority: int, *collections: dict[str, Any], state: str = "Succeeded") -> Request:
    body = {"priority": priority, "ruleCollections": list(collections), "provisioningState": state}
    return ("PUT", COLLECTION_GROUP, f"firewallPolicies/hub/ruleCollectionGroups/{name}", body)


def removed(name: str) -> Request:
    return ("DELETE", COLLECTION_GROUP, f"firewallPolicies/hub/ruleCollectionGroups/{name}", None)


LOCKED = (409, "FirewallPolicyRuleCollectionGroupUpdateNotAllowedWhenUpdatingOrDeleting")
INVALID = (400, "InvalidRequestFormat")


def test_a_policy_takes_one_operation_at_a_time() -> None:
    assert statuses(
        policy(),
        group("a", 100, state="Updating"),
        group("b", 200),
        group("a", 100),
        group("b", 200),
        group("a", 100, state="Deleting"),
        removed("b"),
        removed("a"),
        removed("b"),
    ) == [(201, ""), (201, ""), LOCKED, (200, ""), (201, ""), (200, ""), LOCKED, (204, ""), (204, "")]


def test_a_policy_that_is_being_changed_takes_nothing() -> None:
    busy = policy(provisioningState="Updating")
    assert statuses(policy(), group("a", 100), busy, group("a", 101), removed("a"), policy(), removed("a"))[3:] == [
        LOCKED,
        LOCKED,
        (200, ""),
        (204, ""),
    ]


def test_groups_of_a_policy_have_priorities_of_their_own() -> None:
    assert statuses(policy(), group("a", 100), group("b", 100))[-1] == (
        400,
        "FirewallPolicyRuleCollectionGroupInvalidPriorityDuplicate",
    )


def test_what_lies_in_nothing_is_refused() -> None:
    [(status, code, message)] = answers(group("a", 100))
    assert (status, code) == (404, "ParentResourceNotFound")
    assert message.endswith("Parent resource 'hub' not found.")
    assert statuses(rule())[0] == (404, "ParentResourceNotFound")


def test_groups_of_a_policy_are_counted() -> None:
    many = [group(f"g{number}", 100 + number) for number in range(GROUPS_PER_POLICY + 1)]
    assert statuses(policy(), *many)[-2:] == [(201, ""), (400, "QuotaExceeded")]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ([collection(rule_type="ApplicationRule"), collection()], "Two collections are called names"),
        ([collection(ruleCollectionType="FirewallPolicyNatRuleCollection")], "no type of collection"),
        ([collection(priority=99)], "between 100 and 65000"),
        ([collection(action={"type": "allow"})], "Allow or Deny"),
        ([collection(APPLICATION, NETWORK)], "of one type"),
        ([collection({"rule_type": "ApplicationRule"})], "None is no type of rule"),
        ([collection({**APPLICATION, "sourceAddresses": []})], "no sourceAddresses"),
        ([collection({**APPLICATION, "targetFqdns": []})], "no destination"),
        ([collection({**APPLICATION, "protocols": []})], "no protocols"),
        ([collection({**APPLICATION, "terminateTLS": True})], "decrypts TLS"),
        ([collection({**NETWORK, "destinationFqdns": ["api.tailscale.com"]})], "DNS proxy is off"),
    ],
)
def test_rules_that_azure_does_not_know_are_refused(wrong: list[dict[str, Any]], told: str) -> None:
    status, code, message = answers(policy(), group("a", 100, *wrong))[-1]
    assert (status, code) == INVALID
    assert told in message


def test_names_in_network_rules_need_the_dns_proxy_and_have_no_wildcard() -> None:
    proxy = policy(dnsSettings={"enableProxy": True})
    named = {**NETWORK, "destinationAddresses": [], "destinationFqdns": ["derp1-all.tailscale.com"]}
    wild = {**named, "destinationFqdns": ["*.tailscale.com"]}
    assert statuses(proxy, group("a", 100, collection(named)), group("b", 200, collection(wild)))[1:] == [
        (201, ""),
        INVALID,
    ]


def rule(name: str = "ours", **bent: Any) -> Request:
    body = {
        "direction": "Outbound",
        "access": "Allow",
        "protocol": "Tcp",
        "priority": 200,
        "sourceAddressPrefixes": ["10.64.0.0/16"],
        "destinationAddressPrefixes": ["192.200.0.0/24"],
        "destinationPortRange": "443",
    }
    return ("PUT", SECURITY_RULE, f"networkSecurityGroups/nodes/securityRules/{name}", {**body, **bent})


NODES: Request = ("PUT", SECURITY_GROUP, "networkSecurityGroups/nodes", {})


def test_rules_of_one_direction_have_priorities_of_their_own() -> None:
    assert statuses(NODES, rule("a"), rule("b"), rule("b", direction="Inbound"))[1:] == [
        (201, ""),
        (400, "SecurityRuleConflict"),
        (201, ""),
    ]


@pytest.mark.parametrize(
    ("bent", "code"),
    [
        (
            {"destinationAddressPrefixes": ["192.200.0.0/16", "192.200.0.0/24"]},
            "OverlappingSubnetsNotPermittedInSecurityRule",
        ),
        ({"sourceAddressPrefixes": ["10.0.0.0/8", "10.64.0.0/16"]}, "OverlappingSubnetsNotPermittedInSecurityRule"),
        (
            {"destinationAddressPrefixes": ["2606:b740:49::/48"]},
            "ResourceCannotContainAddressPrefixesFromDifferentAddressFamilies",
        ),
        ({"destinationAddressPrefixes": []}, "InvalidRequestFormat"),
        ({"sourceAddressPrefix": "*"}, "InvalidRequestFormat"),
    ],
)
def test_addresses_that_azure_refuses(bent: dict[str, Any], code: str) -> None:
    assert statuses(NODES, rule(**bent))[-1] == (400, code)


def test_service_tags_are_taken() -> None:
    to_internet = rule(destinationAddressPrefixes=[], destinationAddressPrefix="Internet")
    assert statuses(NODES, to_internet)[-1] == (201, "")


def test_rules_of_a_group_are_counted() -> None:
    group_path = f"{BASE}/networkSecurityGroups/nodes"
    _, _, path, body = rule("one-more")
    there = {f"{group_path}/securityRules/r{number}": body for number in range(RULES_PER_SECURITY_GROUP)}
    world = {SECURITY_GROUP: {group_path: {}}, SECURITY_RULE: there}
    found = security_rule_fits(f"{BASE}/{path}", body, world)
    assert found is not None
    assert found[0].code == "SecurityRuleQuotaExceeded"
    there.popitem()
    assert security_rule_fits(f"{BASE}/{path}", body, world) is None
