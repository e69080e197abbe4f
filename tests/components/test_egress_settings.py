"""Egress is a list of targets; each bad value is refused by its key, before any cloud is asked."""

from __future__ import annotations

import json
from typing import Any

import pytest

from components.settings.egress import AwsSecurityGroupEgress
from components.settings.environment import EnvironmentSettings
from components.settings.load import load
from components.settings.problems import SettingsError

GROUP: dict[str, Any] = {
    "target": "aws-security-group",
    "region": "eu-central-1",
    "securityGroup": "sg-0123456789abcdef0",
    "derp": "any443",
}
POLICY = "arn:aws:network-firewall:eu-central-1:111122223333:firewall-policy/inspection"
FIREWALL: dict[str, Any] = {
    "target": "aws-network-firewall",
    "region": "eu-central-1",
    "policy": POLICY,
    "ruleOrder": "STRICT_ORDER",
    "priority": 10,
    "sources": ["10.64.0.0/16"],
}
DNS: dict[str, Any] = {
    "target": "aws-dns-firewall",
    "region": "eu-central-1",
    "vpc": "vpc-0123456789abcdef0",
    "priority": 101,
}
BOUNDED = {**GROUP, "derp": ["198.51.100.0/24"], "certificateAuthority": "elsewhere"}


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SUPPORT_ACCESS_CHART_REPOSITORY", raising=False)


def loaded(egress: Any) -> EnvironmentSettings:
    keys = {"access": [{"from": "group:sre", "role": "view"}], "egress": egress}
    flat = {f"support-access:{key}": json.dumps(value) for key, value in keys.items()}
    named = {"support-access:customer": "acme", "support-access:environment": "prod"}
    settings = load("acme-prod", {**flat, **named})
    assert isinstance(settings, EnvironmentSettings)
    return settings


def refusals(egress: Any) -> dict[str, str]:
    """Key below egress to everything that is said about it."""
    with pytest.raises(SettingsError) as caught:
        loaded(egress)
    for problem in caught.value.problems:
        assert all((problem.key, problem.what, problem.why, problem.mend))
    return {problem.key.removeprefix("support-access:egress"): str(problem) for problem in caught.value.problems}


def without(target: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in target.items() if name != key}


def test_layers_of_one_network_stand_side_by_side() -> None:
    targets = loaded([GROUP, FIREWALL, DNS, {**GROUP, "securityGroup": "sg-01234567"}]).egress
    assert [target.target for target in targets] == [
        "aws-security-group",
        "aws-network-firewall",
        "aws-dns-firewall",
        "aws-security-group",
    ]
    assert len({target.place for target in targets}) == 4


def test_nothing_is_opened_unless_it_is_asked_for() -> None:
    assert loaded([]).egress == ()


def test_ranges_are_kept_in_canonical_form() -> None:
    bounded = {**BOUNDED, "derp": ["198.51.100.0/24", "203.0.113.7"], "ipv6": True}
    target = loaded([{**bounded, "certificateAuthority": ["2001:DB8:0::/32"]}]).egress[0]
    assert isinstance(target, AwsSecurityGroupEgress)
    assert target.derp == ("198.51.100.0/24", "203.0.113.7/32")
    assert target.certificate_authority == ("2001:db8::/32",)


@pytest.mark.parametrize(
    ("egress", "key", "what"),
    [
        ({}, "", "a list"),
        ({"target": "none"}, "", "a list"),
        (GROUP, "", "a list"),
        (["aws-security-group"], "[0]", "group of settings"),
        ([{}], "[0].target", "missing"),
        ([{"target": "none"}], "[0].target", "'aws-network-firewall'"),
        ([{"target": "none"}, GROUP], "[0].target", "not known"),
        ([{"target": "security-group"}], "[0].target", "not known"),
        ([GROUP, GROUP], "", "aws-security-group on sg-0123456789abcdef0"),
        ([DNS, {**DNS, "priority": 102}], "", "aws-dns-firewall on vpc-"),
        ([FIREWALL, {**FIREWALL, "priority": 11}], "", "aws-network-firewall on arn:"),
        ([{**GROUP, "account": "444455556666"}, FIREWALL], "", "111122223333 and 444455556666"),
        ([{**GROUP, "region": "Frankfurt"}], "[0].region", "region"),
        ([without(GROUP, "region")], "[0].region", "missing"),
        ([{**GROUP, "account": 111122223333}], "[0].account", "text"),
        ([{**GROUP, "account": "acme"}], "[0].account", "twelve digits"),
        ([{**GROUP, "accessKey": "AKIA"}], "[0].accessKey", "no setting"),
        ([{**GROUP, "profile": "acme"}], "[0].profile", "no setting"),
        ([{**GROUP, "securityGroup": "nodes"}], "[0].securityGroup", "id"),
        ([{**GROUP, "securityGroup": "sg-0123456789ABCDEF0"}], "[0].securityGroup", "id"),
        (
            [{**GROUP, "securityGroup": "arn:aws:ec2:eu-central-1:111122223333:security-group/sg-01234567"}],
            "[0].securityGroup",
            "is an ARN",
        ),
        ([{**GROUP, "security_group": "sg-1"}], "[0].security_group", '"securityGroup"'),
        ([{**GROUP, "derp": "off"}], "[0].derp", "any443"),
        ([{**GROUP, "derp": []}], "[0].derp", "any443"),
        ([{**BOUNDED, "derp": ["10.0.0.1/8"]}], "[0].derp", "host bits"),
        ([{**BOUNDED, "derp": ["0.0.0.0/0"]}], "[0].derp", "0.0.0.0/0"),
        ([{**BOUNDED, "derp": ["128.0.0.0/2", "0.0.0.0/1", "192.0.0.0/2"]}], "[0].derp", "Together they are 0.0.0.0/0"),
        ([{**BOUNDED, "derp": ["derp3.tailscale.com"]}], "[0].derp", "derp3"),
        ([{**BOUNDED, "derp": ["2001:db8::/32"]}], "[0].derp", "ipv6 is false"),
        ([{**BOUNDED, "derp": ["198.51.100.0/24"] * 2}], "[0].derp", "twice"),
        ([without(BOUNDED, "certificateAuthority")], "[0].certificateAuthority", "TLS handshake"),
        ([{**GROUP, "certificateAuthority": "elsewhere"}], "[0].certificateAuthority", "any443"),
        ([{**BOUNDED, "certificateAuthority": "no"}], "[0].certificateAuthority", "elsewhere"),
        ([{**BOUNDED, "certificateAuthority": ["0.0.0.0/0"]}], "[0].certificateAuthority", "0.0.0.0/0"),
        ([{**BOUNDED, "certificateAuthority": ["2001:db8::/32"]}], "[0].certificateAuthority", "ipv6 is false"),
        ([{**GROUP, "ipv6": "yes"}], "[0].ipv6", "true or false"),
        ([{**GROUP, "udp": 41641}], "[0].udp", "sends from"),
        ([{**GROUP, "udp": "41641"}], "[0].udp", "sends from"),
        ([{**GROUP, "udp": "all"}], "[0].udp", "'off', 'stun' or 'any'"),
        ([{**GROUP, "protocol": "all"}], "[0].protocol", "no setting"),
        ([{**GROUP, "ports": [22]}], "[0].ports", "no setting"),
        ([{**FIREWALL, "policy": "inspection"}], "[0].policy", "not the ARN"),
        ([{**FIREWALL, "policy": "vpc-01234567"}], "[0].policy", "not the ARN"),
        (
            [{**FIREWALL, "policy": "arn:aws:network-firewall:eu-central-1:111122223333:firewall/inspection"}],
            "[0].policy",
            "ARN of a firewall,",
        ),
        (
            [{**FIREWALL, "policy": "arn:aws:network-firewall:eu-central-1:111122223333:stateful-rulegroup/x"}],
            "[0].policy",
            "ARN of a stateful-rulegroup,",
        ),
        ([{**FIREWALL, "region": "eu-west-1"}], "[0].policy", "in eu-central-1"),
        ([{**FIREWALL, "account": "444455556666"}], "[0].policy", "444455556666"),
        ([{**FIREWALL, "policy": POLICY.replace("arn:aws:", "arn:aws-cn:")}], "[0].policy", "partition aws-cn"),
        ([{**FIREWALL, "ruleOrder": "strict"}], "[0].ruleOrder", "'STRICT_ORDER' or 'DEFAULT_ACTION_ORDER'"),
        ([without(FIREWALL, "ruleOrder")], "[0].ruleOrder", "missing"),
        ([without(FIREWALL, "priority")], "[0].priority", "ruleOrder is STRICT_ORDER"),
        ([{**FIREWALL, "ruleOrder": "DEFAULT_ACTION_ORDER"}], "[0].priority", "every pass comes before every drop"),
        ([{**FIREWALL, "priority": 0}], "[0].priority", "greater"),
        ([{**FIREWALL, "priority": 65536}], "[0].priority", "less"),
        ([{**FIREWALL, "sources": []}], "[0].sources", "empty"),
        ([without(FIREWALL, "sources")], "[0].sources", "missing"),
        ([{**FIREWALL, "sources": ["0.0.0.0/0"]}], "[0].sources", "0.0.0.0/0"),
        ([{**FIREWALL, "sources": ["::/0"]}], "[0].sources", "::/0"),
        ([{**FIREWALL, "sources": ["0.0.0.0/1", "128.0.0.0/1"]}], "[0].sources", "Together they are 0.0.0.0/0"),
        ([{**FIREWALL, "sources": ["8000::/1", "10.0.0.0/8", "::/1"]}], "[0].sources", "Together they are ::/0"),
        ([{**FIREWALL, "sources": ["10.64.0.1/16"]}], "[0].sources", "host bits"),
        ([{**FIREWALL, "sources": "10.64.0.0/16"}], "[0].sources", "a list"),
        ([{**FIREWALL, "hosts": ["*"]}], "[0].hosts", "no setting"),
        ([{**DNS, "vpc": POLICY}], "[0].vpc", "is an ARN"),
        ([{**DNS, "vpc": "default"}], "[0].vpc", "VPC's id"),
        ([{**DNS, "priority": 100}], "[0].priority", "greater"),
        ([{**DNS, "priority": 9900}], "[0].priority", "less"),
        ([without(DNS, "priority")], "[0].priority", "missing"),
        ([{**DNS, "udp": "any"}], "[0].udp", "no setting"),
    ],
)
def test_a_wrong_value_is_named_by_its_key(egress: Any, key: str, what: str) -> None:
    assert what in refusals(egress)[key]


def test_all_that_is_wrong_in_all_targets_is_told_at_once() -> None:
    wrong = [{**GROUP, "region": "x"}, {**FIREWALL, "sources": []}, {"target": "gcp"}]
    assert refusals(wrong).keys() == {"[0].region", "[1].sources", "[2].target"}


def test_china_and_the_government_have_partitions_of_their_own() -> None:
    china = "arn:aws-cn:network-firewall:cn-north-1:111122223333:firewall-policy/x"
    assert loaded([{**FIREWALL, "region": "cn-north-1", "policy": china}]).egress[0].place == china
    federal = "arn:aws-us-gov:network-firewall:us-gov-west-1:111122223333:firewall-policy/x"
    assert loaded([{**FIREWALL, "region": "us-gov-west-1", "policy": federal}]).egress[0].place == federal
    sovereign = "arn:aws-eusc:network-firewall:eusc-de-east-1:111122223333:firewall-policy/x"
    assert loaded([{**FIREWALL, "region": "eusc-de-east-1", "policy": sovereign}]).egress[0].place == sovereign
