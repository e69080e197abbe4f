"""The aws stand-in on moto: rules are additive, have tags of their own, and duplicates are refused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from sandbox.plugins.aws import Aws, SecurityGroupEgressRule
from sandbox.plugins.kind import Failure
from sandbox.plugins.values import UNKNOWN, Properties
from tests.sandbox.plugins.conftest import Resource

VARIABLES = {"AWS_REGION": "eu-central-1"}


@pytest.fixture
def ec2(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        yield boto3.client("ec2", region_name="eu-central-1")


@pytest.fixture
def group(ec2: Any) -> str:
    """A group of the customer's with nothing but a rule of the customer's own."""
    made = ec2.create_security_group(GroupName="nodes", Description="the customer's")["GroupId"]
    everything = ec2.describe_security_groups(GroupIds=[made])["SecurityGroups"][0]["IpPermissionsEgress"]
    ec2.revoke_security_group_egress(GroupId=made, IpPermissions=everything)
    own = {"IpProtocol": "udp", "FromPort": 53, "ToPort": 53, "IpRanges": [{"CidrIp": "10.0.0.2/32"}]}
    ec2.authorize_security_group_egress(GroupId=made, IpPermissions=[own])
    return made


def rules(ec2: Any, group: str) -> list[str]:
    found = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])
    return sorted(r.get("CidrIpv4") or r["CidrIpv6"] for r in found["SecurityGroupRules"] if r["IsEgress"])


def rule(group: str, **changes: Any) -> Properties:
    common = {"securityGroupId": group, "ipProtocol": "tcp", "fromPort": 443, "toPort": 443}
    target = {} if "cidrIpv6" in changes else {"cidrIpv4": "192.200.0.0/24"}
    return common | target | {"description": "Tailscale", "tags": {"customer": "acme"}} | changes


def run(scenario: Callable[[SecurityGroupEgressRule], Coroutine[Any, Any, None]]) -> None:
    [kind] = Aws().configured({}, VARIABLES)
    assert isinstance(kind, SecurityGroupEgressRule)
    asyncio.run(scenario(kind))


def test_a_rule_comes_and_goes_and_the_customers_own_stays(ec2: Any, group: str) -> None:
    async def scenario(kind: SecurityGroupEgressRule) -> None:
        egress = Resource(kind)
        state = await egress.create(rule(group))
        assert egress.identity == state["securityGroupRuleId"]
        assert state["arn"] == f"arn:aws:ec2:eu-central-1:123456789012:security-group-rule/{egress.identity}"
        assert rules(ec2, group) == ["10.0.0.2/32", "192.200.0.0/24"]
        assert await egress.read() == (state, rule(group))
        await egress.delete()
        assert rules(ec2, group) == ["10.0.0.2/32"]
        assert await egress.read() is None
        await egress.delete()

    run(scenario)


def test_tags_and_target_change_in_place(ec2: Any, group: str) -> None:
    async def scenario(kind: SecurityGroupEgressRule) -> None:
        egress = Resource(kind)
        await egress.create(rule(group))
        changed = rule(group, cidrIpv4="192.200.1.0/24", tags={"customer": "acme", "environment": "prod"})
        diff = await egress.diff(changed)
        assert (diff.diffs, diff.replaces) == (["cidrIpv4", "tags"], [])
        await egress.update(changed)
        state, inputs = await egress.read() or ({}, {})
        assert inputs == changed
        assert state["tagsAll"] == changed["tags"]
        assert rules(ec2, group) == ["10.0.0.2/32", "192.200.1.0/24"]

    run(scenario)


def test_another_group_or_another_sort_of_target_is_another_rule(group: str) -> None:
    async def scenario(kind: SecurityGroupEgressRule) -> None:
        egress = Resource(kind)
        await egress.create(rule(group))
        assert (await egress.diff(rule(group, cidrIpv6="2606:b740:49::/48"))).replaces == ["cidrIpv4", "cidrIpv6"]
        assert (await egress.diff(rule("sg-0123456789abcdef0"))).replaces == ["securityGroupId"]

    run(scenario)


def test_a_rule_that_is_there_already_is_refused_and_not_taken_over(ec2: Any, group: str) -> None:
    async def scenario(kind: SecurityGroupEgressRule) -> None:
        await Resource(kind).create(rule(group))
        with pytest.raises(Failure, match=r"InvalidPermission\.Duplicate"):
            await Resource(kind).create(rule(group, description="another"))
        assert rules(ec2, group) == ["10.0.0.2/32", "192.200.0.0/24"]

    run(scenario)


def test_a_rule_that_somebody_removed_is_not_silently_changed(ec2: Any, group: str) -> None:
    async def scenario(kind: SecurityGroupEgressRule) -> None:
        egress = Resource(kind)
        await egress.create(rule(group))
        ec2.revoke_security_group_egress(GroupId=group, SecurityGroupRuleIds=[egress.identity])
        with pytest.raises(Failure, match="updating VPC Security Group Rule"):
            await egress.update(rule(group, cidrIpv4="192.200.1.0/24"))

    run(scenario)


def test_a_group_that_does_not_exist_is_named(ec2: Any) -> None:
    async def scenario(kind: SecurityGroupEgressRule) -> None:
        with pytest.raises(Failure, match=r"InvalidGroup\.NotFound: .*sg-0123456789abcdef0"):
            await Resource(kind).create(rule("sg-0123456789abcdef0"))

    run(scenario)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"cidrIpv4": "192.200.0.1/24"}, "cidrIpv4"),
        ({"cidrIpv6": "2606:b740:49::1/48"}, "cidrIpv6"),
        ({"cidrIpv6": "2606:b740:49::/48", "cidrIpv4": "192.200.0.0/24"}, "cidrIpv4"),
    ],
)
def test_a_rule_has_one_target_and_a_network_has_no_host_bits(ec2: Any, changes: Properties, named: str) -> None:
    async def scenario(kind: SecurityGroupEgressRule) -> None:
        [(name, _)] = await Resource(kind).check(rule("sg-1", **changes))
        assert name == named

    run(scenario)


def test_a_preview_takes_values_that_are_not_known_yet(ec2: Any) -> None:
    async def scenario(kind: SecurityGroupEgressRule) -> None:
        state = await Resource(kind).preview(rule("", securityGroupId=UNKNOWN, cidrIpv4=UNKNOWN))
        assert (state["securityGroupId"], state["arn"]) == (UNKNOWN, UNKNOWN)

    run(scenario)


def test_without_a_region_it_says_so(ec2: Any) -> None:
    with pytest.raises(Failure, match="AWS_REGION"):
        Aws().configured({}, {})
