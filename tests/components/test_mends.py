"""What a refused setting's message tells its author to do ends the problem."""

from __future__ import annotations

import json
from typing import Any

import pytest

from components.settings.environment import EnvironmentSettings
from components.settings.load import load
from components.settings.problems import SettingsError
from tests.components.least import AWS, LEAST, TAILNET

RECORDED = {"storage": {"kind": "s3", "endpoint": "s3.example.com", "bucket": "b", "secret": "s", "role": "arn:aws:r"}}
FIREWALL = {
    "target": "aws-network-firewall",
    "region": "eu-central-1",
    "policy": "arn:aws:network-firewall:eu-central-1:111122223333:firewall-policy/inspection",
    "ruleOrder": "DEFAULT_ACTION_ORDER",
    "sources": ["10.64.0.0/16"],
}
NSG = {
    "target": "azure-nsg",
    "nsg": "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/n/providers/Microsoft.Network"
    "/networkSecurityGroups/nodes",
    "priority": 400,
    "sources": ["10.64.0.0/16"],
    "derp": "any443",
}
TWO_ENDS = {
    "name": "art",
    "kind": "egress",
    "namespace": "shop",
    "service": "a",
    "fqdn": "a.t.ts.net",
    "ports": [443],
    "to": "tag:art",
    "peer": {"environment": "dev", "exposure": "db"},
}


def flat(keys: dict[str, Any]) -> dict[str, str]:
    return {f"support-access:{k}": v if isinstance(v, str) else json.dumps(v) for k, v in keys.items()}


def mends(stack: str, keys: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(SettingsError) as caught:
        load(stack, flat(keys))
    return {problem.key.removeprefix("support-access:"): problem.mend for problem in caught.value.problems}


@pytest.mark.parametrize(
    ("keys", "key"),
    [
        ({"access": [{"from": "group:x", "role": "view", "until": "2027-01-31"}]}, "access[0].until"),
        ({"networkPolicy": {"apiServer": {"networks": ["10.0.0.0/28"]}}}, "networkPolicy.apiServer"),
        ({"recorder": RECORDED, "credential": {"acknowledge": ["devices:core"]}}, "recorder.storage.role"),
        ({"expose": [TWO_ENDS], "credential": {"acknowledge": ["devices:core"]}}, "expose[0].peer"),
        ({"egress": [{**AWS, "certificateAuthority": "elsewhere"}]}, "egress[0].certificateAuthority"),
        ({"egress": [{**FIREWALL, "priority": 100}]}, "egress[0].priority"),
        ({"egress": [{**NSG, "udpPriority": 401}]}, "egress[0].udpPriority"),
    ],
)
def test_what_must_go_is_not_suggested_again(keys: dict[str, Any], key: str) -> None:
    mend = mends("acme-prod", {**LEAST, **keys})[key]
    assert mend.startswith("pulumi config rm ")
    assert f"support-access:{key}" in mend


def test_a_part_that_must_go_is_named_below_its_group() -> None:
    splunk = {"destination": "splunk", "url": "https://l.example.com", "tokenVariable": "TOKEN", "user": "x"}
    mend = mends("tailnet", {"tailnet": {**TAILNET, "logs": {"configuration": splunk}}})["tailnet.logs.configuration"]
    assert mend == "pulumi config rm --stack tailnet --path support-access:tailnet.logs.configuration.user"


def test_two_rules_of_one_number_are_told_another_number() -> None:
    for number, other in ((400, 401), (401, 402), (4096, 4095)):
        keys = {**LEAST, "egress": [{**NSG, "priority": number, "udp": "stun", "udpPriority": number}]}
        assert mends("acme-prod", keys)["egress[0].udpPriority"].endswith(f" {other}")


def test_a_text_of_digits_is_set_as_text() -> None:
    """`pulumi config set --path` writes 111122223333 as a number, which is refused again."""
    mend = mends("acme-prod", {**LEAST, "egress": [{**AWS, "account": 111122223333}]})["egress[0].account"]
    assert " --type string " in mend
    assert "--type" not in mends("acme-prod", {**LEAST, "operator": {"udpPort": "x"}})["operator.udpPort"]


def test_a_group_of_settings_says_what_it_takes() -> None:
    assert mends("acme-prod", {**LEAST, "enrolment": 300})["enrolment"].endswith("; it takes timeoutSeconds")
    assert mends("acme-prod", {**LEAST, "egress": ["aws"]})["egress[0]"].endswith(
        "; it takes target, and what goes with it"
    )


def test_what_chooses_a_kind_has_an_example() -> None:
    found = mends("acme-prod", {**LEAST, "egress": [{"region": "eu-central-1"}], "expose": [{"kind": "services"}]})
    assert found["egress[0].target"].endswith(" aws-security-group")
    assert found["expose[0].kind"].endswith(" service")


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (123456789012, "123456789012"),
        (12345678901, "012345678901"),  # 012345678901 in the file
        (1.23456789012e11, "123456789012"),
        (123000000000.0, "123000000000"),  # 1.23e11
        (1402433619, "001402433619"),  # and 012345670123, which YAML takes for octal digits
    ],
)
def test_an_account_without_quotes_is_shown_as_the_twelve_digits_that_were_meant(given: float, shown: str) -> None:
    keys = {**LEAST, "egress": [{**AWS, "account": given}]}
    mend = mends("acme-prod", keys)["egress[0].account"]
    assert shown in mend
    (command,) = mend.splitlines()
    assert command.endswith(f"support-access:egress[0].account' {shown}")
    assert ("--type string" in command) is (shown[0] != "0"), "the engine writes digits with a leading zero as text"
    loaded = load("acme-prod", flat({**keys, "egress": [{**AWS, "account": shown}]}))
    assert isinstance(loaded, EnvironmentSettings)


def test_an_account_that_may_have_been_read_as_octal_is_shown_both_ways() -> None:
    with pytest.raises(SettingsError) as caught:
        load("acme-prod", flat({**LEAST, "egress": [{**AWS, "account": 1402433619}]}))
    assert "It may also have been 012345670123" in caught.value.problems[0].what


@pytest.mark.parametrize("given", [True, -1, 1.5, [], 1234567890123, float("inf")])
def test_what_is_no_account_is_refused_whatever_it_is(given: Any) -> None:
    mend = mends("acme-prod", {**LEAST, "egress": [{**AWS, "account": given}]})["egress[0].account"]
    assert "111122223333" in mend, "an example, since nothing of what was given can be meant"
