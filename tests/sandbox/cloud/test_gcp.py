"""The store refuses what Google would refuse around firewall rules, firewall policies and Secure Web Proxy."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from sandbox.cloud.gcp import (
    FIREWALL,
    GATEWAY_POLICY,
    GATEWAY_RULE,
    NETWORK,
    POLICY,
    POLICY_RULE,
    REGION_POLICY,
    REGION_POLICY_RULE,
    URL_LIST,
)
from sandbox.cloud.store import create_app

Request = tuple[str, str, str, Any]
VPC, OTHER = "projects/p/global/networks/vpc", "projects/p/global/networks/other"
GLOBAL, REGIONAL = "projects/p/global/firewallPolicies/x", "projects/p/regions/europe-west3/firewallPolicies/x"
PLACE = "projects/p/locations/europe-west3"
GATEWAY, LIST = f"{PLACE}/gatewaySecurityPolicies/x", f"{PLACE}/urlLists/ours"
THEIRS: list[Request] = [
    ("PUT", NETWORK, VPC, {}),
    ("PUT", NETWORK, OTHER, {}),
    ("PUT", POLICY, GLOBAL, {}),
    ("PUT", REGION_POLICY, REGIONAL, {}),
    ("PUT", GATEWAY_POLICY, GATEWAY, {}),
]
DONE, INVALID, MISSING = (201, ""), (400, "invalid"), (404, "notFound")


def statuses(*requests: Request, customer: bool = True) -> list[tuple[int, str]]:
    """Status and error code for each (method, kind, path, body), one after the other, beside the customer's objects."""

    async def scene() -> list[tuple[int, str]]:
        transport = httpx.ASGITransport(create_app())
        async with httpx.AsyncClient(transport=transport, base_url="http://store") as client:
            got = []
            for method, kind, path, body in [*(THEIRS if customer else []), *requests]:
                answer = await client.request(method, f"/{kind}/{path}", json=body)
                code = answer.json()["error"]["code"] if answer.is_error else ""
                got.append((answer.status_code, code))
        return got[-len(requests) :]

    return asyncio.run(scene())


def firewall(**bent: Any) -> Request:
    return ("PUT", FIREWALL, "projects/p/global/firewalls/ours", {"network": VPC, "direction": "EGRESS", **bent})


def rule(policy: str = GLOBAL, **bent: Any) -> Request:
    kind = POLICY_RULE if policy == GLOBAL else REGION_POLICY_RULE
    return ("PUT", kind, f"{policy}/rules/7", {"match": {"destFqdns": ["a.example.com"]}, **bent})


def hosts(*values: str, path: str = LIST) -> Request:
    return ("PUT", URL_LIST, path, {"values": list(values or ["*.tailscale.com"])})


def gateway(name: str = "ours", url_list: str = LIST, **bent: Any) -> Request:
    body = {"priority": 7, "sessionMatcher": f"inUrlList(host(), '{url_list}')", **bent}
    return ("PUT", GATEWAY_RULE, f"{GATEWAY}/rules/{name}", body)


def test_a_rule_is_of_a_network_or_policy_that_is_there() -> None:
    assert statuses(firewall(), rule(), rule(REGIONAL), gateway(), customer=False) == [MISSING] * 4
    assert statuses(firewall(), rule(), rule(REGIONAL), hosts(), gateway()) == [DONE] * 5


@pytest.mark.parametrize("network", ["vpc", VPC, f"https://www.googleapis.com/compute/v1/{VPC}"])
def test_a_network_is_named_in_three_ways(network: str) -> None:
    assert statuses(firewall(network=network)) == [DONE]


def test_ip_families_do_not_mix_in_a_firewall_rule() -> None:
    assert statuses(firewall(destinationRanges=["192.0.2.0/24", "198.51.100.0/24"])) == [DONE]
    assert statuses(firewall(destinationRanges=["192.0.2.0/24", "2001:db8::/32"])) == [INVALID]


def test_network_and_direction_of_a_firewall_rule_are_for_ever() -> None:
    assert statuses(firewall(), firewall(network=OTHER), firewall(direction="INGRESS"), firewall(priority=1)) == [
        DONE,
        INVALID,
        INVALID,
        (200, ""),
    ]


@pytest.mark.parametrize("policy", [GLOBAL, REGIONAL])
@pytest.mark.parametrize(
    ("bent", "expected"),
    [
        ({"match": {"destFqdns": [f"n{number}.example.com" for number in range(100)]}}, DONE),
        ({"match": {"destFqdns": [f"n{number}.example.com" for number in range(101)]}}, INVALID),
        ({"match": {"destFqdns": ["*.tailscale.com"]}}, INVALID),
        ({"match": {"destFqdns": ["https://a.example.com"]}}, INVALID),
        ({"match": {"destFqdns": ["a.example.com."]}}, INVALID),
        ({"match": {"destIpRanges": ["192.0.2.0/24"] * 5001}}, INVALID),
        ({"targetSecureTags": [{"name": f"tagValues/{number}"} for number in range(257)]}, INVALID),
    ],
)
def test_a_policys_rule_has_bounds(policy: str, bent: dict[str, Any], expected: tuple[int, str]) -> None:
    assert statuses(rule(policy, **bent)) == [expected]


def test_a_list_that_a_rule_uses_stays_and_one_that_is_not_there_is_not_used() -> None:
    drop_list, drop_rule = ("DELETE", URL_LIST, LIST, None), ("DELETE", GATEWAY_RULE, f"{GATEWAY}/rules/ours", None)
    assert statuses(gateway(), hosts(), gateway(), drop_list, drop_rule, drop_list) == [
        INVALID,
        DONE,
        DONE,
        INVALID,
        (204, ""),
        (204, ""),
    ]


def test_a_list_is_in_the_location_of_the_policy() -> None:
    elsewhere = "projects/p/locations/europe-west1/urlLists/ours"
    assert statuses(hosts(path=elsewhere), gateway(url_list=elsewhere)) == [DONE, INVALID]


def test_a_proxys_policy_has_one_rule_per_priority() -> None:
    assert statuses(hosts(), gateway(), gateway("other"), gateway("other", priority=8)) == [DONE, DONE, INVALID, DONE]


def test_a_matcher_has_twelve_logical_operators_at_most() -> None:
    assert statuses(gateway(sessionMatcher="true" + " && true" * 12)) == [DONE]
    assert statuses(gateway(sessionMatcher="true" + " && true" * 13)) == [INVALID]


def test_nothing_is_decrypted_where_the_policy_does_not() -> None:
    assert statuses(hosts(), gateway(tlsInspectionEnabled=True)) == [DONE, INVALID]
    inspecting = ("PUT", GATEWAY_POLICY, GATEWAY, {"tlsInspectionPolicy": "t"})
    assert statuses(inspecting, hosts(), gateway(tlsInspectionEnabled=True)) == [(200, ""), DONE, DONE]


@pytest.mark.parametrize("value", ["localhost", "*", "a.*.example.com"])
def test_what_is_no_host_or_url_is_not_listed(value: str) -> None:
    assert statuses(hosts(value)) == [INVALID]
    assert statuses(hosts("*.example.com", "example.com/path/*")) == [DONE]
