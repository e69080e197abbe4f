"""The store refuses what AWS would refuse around its two firewalls: quotas, conflicts and orderings."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from sandbox.cloud.aws import ASSOCIATION, CAPACITY, DNS_GROUP, DNS_RULE, DOMAINS, POLICY, RULE_GROUP
from sandbox.cloud.store import create_app

BASE = "accounts/1/regions/eu-central-1"
Request = tuple[str, str, str, Any]


def statuses(*requests: Request) -> list[tuple[int, str]]:
    """Status and error code for each (method, kind, path, body), one after the other on one new store."""

    async def scene() -> list[tuple[int, str]]:
        transport = httpx.ASGITransport(create_app())
        async with httpx.AsyncClient(transport=transport, base_url="http://store") as client:
            got = []
            for method, kind, path, body in requests:
                answer = await client.request(method, f"/{kind}/{BASE}/{path}", json=body)
                code = answer.json()["error"]["code"] if answer.is_error else ""
                got.append((answer.status_code, code))
        return got

    return asyncio.run(scene())


def group(name: str = "ours", order: str = "STRICT_ORDER", capacity: int = 2, rules: int = 1) -> Request:
    text = "\n".join(f"pass tls any any -> any 443 (sid:{number}; rev:1;)" for number in range(rules))
    source = {"statefulRuleOptions": {"ruleOrder": order}, "rulesSource": {"rulesString": text}}
    body = {"arn": f"arn:{name}", "capacity": capacity, "ruleGroup": source}
    return ("PUT", RULE_GROUP, f"stateful-rulegroups/{name}", body)


def policy(*references: tuple[str, int | None], order: str = "STRICT_ORDER") -> Request:
    named = [{"resourceArn": f"arn:{name}", "priority": priority} for name, priority in references]
    body = {"statefulEngineOptions": [{"ruleOrder": order}], "statefulRuleGroupReferences": named}
    return ("PUT", POLICY, "firewall-policies/theirs", body)


REMOVE = ("DELETE", RULE_GROUP, "stateful-rulegroups/ours", None)
INVALID = (400, "InvalidRequestException")
LIMIT = (400, "LimitExceededException")


def test_a_rule_group_that_a_policy_refers_to_stays() -> None:
    assert statuses(group(), policy(("ours", 1)), REMOVE, policy(), REMOVE) == [
        (201, ""),
        (201, ""),
        (400, "InvalidOperationException"),
        (200, ""),
        (204, ""),
    ]


@pytest.mark.parametrize(
    "refused",
    [
        policy(("ours", 1), order="DEFAULT_ACTION_ORDER"),
        policy(("ours", None), order="DEFAULT_ACTION_ORDER"),
        policy(("ours", None)),
        policy(("ours", 1), ("ours", 1)),
        policy(("nobody", 1)),
    ],
)
def test_a_policy_takes_rule_groups_of_its_own_order_at_priorities_of_their_own(refused: Request) -> None:
    assert statuses(group(), refused)[1] == INVALID


def test_the_order_of_a_policy_is_for_ever() -> None:
    assert statuses(policy(), policy(order="DEFAULT_ACTION_ORDER"))[1] == INVALID


def test_capacity_is_bounded_in_a_group_and_in_all() -> None:
    assert statuses(group(capacity=1, rules=2)) == [INVALID]
    assert statuses(group("a", capacity=CAPACITY - 1), group("b", capacity=1), group("c", capacity=1))[1:] == [
        (201, ""),
        LIMIT,
    ]
    assert statuses(*[group(f"g{number}") for number in range(51)])[49:] == [(201, ""), LIMIT]


def test_a_group_may_be_written_again_at_its_own_quota() -> None:
    assert statuses(group(capacity=CAPACITY), group(capacity=CAPACITY))[1] == (200, "")


def test_rules_have_numbers_of_their_own() -> None:
    method, kind, path, body = group(capacity=5)
    twice = {**body["ruleGroup"], "rulesSource": {"rulesString": "pass x (sid:1;)\npass y (sid:1;)"}}
    assert statuses((method, kind, path, {**body, "ruleGroup": twice})) == [INVALID]


def dns_group(identity: str) -> Request:
    return ("PUT", DNS_GROUP, f"firewall-rule-groups/{identity}", {})


def association(identity: str, group: str, priority: int = 101, **more: Any) -> Request:
    body = {"firewallRuleGroupId": group, "vpcId": "vpc-1", "priority": priority, **more}
    return ("PUT", ASSOCIATION, f"firewall-rule-group-associations/{identity}", body)


def removed(kind: str, path: str) -> Request:
    return ("DELETE", kind, path, None)


def test_a_vpc_has_one_rule_group_per_priority_and_five_in_all() -> None:
    groups = [dns_group(f"g{number}") for number in range(7)]
    assert statuses(*groups, association("a", "g0"), association("b", "g1"))[-1] == (400, "ValidationException")
    assert statuses(*groups, association("a", "g0"), association("b", "g0", 102))[-1] == (400, "ConflictException")
    six = [association(f"a{number}", f"g{number}", 101 + number) for number in range(6)]
    assert statuses(*groups, *six)[-2:] == [(201, ""), LIMIT]
    elsewhere = association("z", "g6", 101, vpcId="vpc-2")
    assert statuses(*groups, *six, elsewhere)[-1] == (201, "")


@pytest.mark.parametrize("priority", [100, 9900])
def test_a_priority_lies_between_100_and_9900(priority: int) -> None:
    assert statuses(dns_group("g"), association("a", "g", priority))[1] == (400, "ValidationException")


def test_what_is_used_is_not_deleted() -> None:
    names = ("PUT", DOMAINS, "firewall-domain-lists/l", {})
    rule = ("PUT", DNS_RULE, "firewall-rules/g:l", {"firewallRuleGroupId": "g", "firewallDomainListId": "l"})
    in_use = (400, "ConflictException")
    assert statuses(
        names,
        dns_group("g"),
        rule,
        association("a", "g"),
        removed(DOMAINS, "firewall-domain-lists/l"),
        removed(DNS_GROUP, "firewall-rule-groups/g"),
        removed(DNS_RULE, "firewall-rules/g:l"),
        removed(DNS_GROUP, "firewall-rule-groups/g"),
        removed(ASSOCIATION, "firewall-rule-group-associations/a"),
        removed(DNS_GROUP, "firewall-rule-groups/g"),
        removed(DOMAINS, "firewall-domain-lists/l"),
    )[4:] == [in_use, in_use, (204, ""), in_use, (204, ""), (204, ""), (204, "")]


def test_a_protected_association_is_not_deleted() -> None:
    protected = association("a", "g", mutationProtection="ENABLED")
    gone = removed(ASSOCIATION, "firewall-rule-group-associations/a")
    assert statuses(dns_group("g"), protected, gone)[2] == (400, "ConflictException")


def test_a_rule_and_an_association_are_of_things_that_are_there() -> None:
    missing = (400, "ResourceNotFoundException")
    rule = ("PUT", DNS_RULE, "firewall-rules/g:l", {"firewallRuleGroupId": "g", "firewallDomainListId": "l"})
    assert statuses(rule, association("a", "g"), dns_group("g"), rule) == [missing, missing, (201, ""), missing]
