"""The cloud store's own interface, for those who set up or look at a cloud."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

from sandbox.cloud.rules import RULES
from sandbox.cloud.store import create_app

RULE = "azure-native:network:SecurityRule"
GROUPS = "subscriptions/s/resourceGroups/g/providers/Microsoft.Network/networkSecurityGroups"
NODES = f"{GROUPS}/nodes/securityRules"
BODY = {
    "priority": 100,
    "direction": "Outbound",
    "sourceAddressPrefix": "10.64.0.0/16",
    "destinationAddressPrefix": "192.200.0.0/24",
}


def answers(*requests: tuple[str, str, Any]) -> list[tuple[int, Any]]:
    """Status and body for each (method, path, body), one after the other on one new store with two security groups."""

    async def scene() -> list[tuple[int, Any]]:
        transport = httpx.ASGITransport(create_app())
        async with httpx.AsyncClient(transport=transport, base_url="http://store") as client:
            for group in ("nodes", "others"):
                await client.put(f"/azure-native:network:NetworkSecurityGroup/{GROUPS}/{group}", json={})
            got = [await client.request(method, path, json=body) for method, path, body in requests]
        return [(answer.status_code, answer.json() if answer.content else None) for answer in got]

    return asyncio.run(scene())


def test_what_was_put_is_listed_until_it_is_deleted() -> None:
    one = f"/{RULE}/{NODES}/a"
    assert answers(("PUT", one, BODY), ("GET", f"/{RULE}", None), ("DELETE", one, None), ("GET", f"/{RULE}", None)) == [
        (201, BODY),
        (200, {"items": {f"{NODES}/a": BODY}}),
        (204, None),
        (200, {"items": {}}),
    ]


def test_rules_of_another_group_do_not_conflict() -> None:
    other = NODES.replace("nodes", "others")
    statuses = [s for s, _ in answers(("PUT", f"/{RULE}/{NODES}/a", BODY), ("PUT", f"/{RULE}/{other}/b", BODY))]
    assert statuses == [201, 201]


def test_a_rule_does_not_conflict_with_itself() -> None:
    assert [s for s, _ in answers(*[("PUT", f"/{RULE}/{NODES}/a", BODY)] * 2)] == [201, 200]


def test_what_is_not_there_is_refused_for_every_kind() -> None:
    for kind, rules in RULES.items():
        [(status, body)] = answers(("GET", f"/{kind}/projects/p/rules/328", None))
        assert (status, body["error"]["code"]) == (rules.missing.status, rules.missing.code)
        assert "328" in body["error"]["message"]


def test_an_unknown_kind_is_named_with_the_known_ones() -> None:
    [(status, body)] = answers(("PUT", "/aws:s3:Bucket/b", {}))
    assert status == 404
    assert all(kind in body["error"]["message"] for kind in RULES)
