"""What the AWS targets register with the engine, to the last input."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pulumi
import pytest

from components.egress import aws_firewall_policy, suricata
from components.egress.aws_firewall_policy import Policy, cautions, problems
from components.egress.aws_network_firewall import group_arn
from components.egress.aws_security_group import Rule, rules
from components.egress.destinations import UDP, Needs, required
from components.egress.needs import needs
from components.egress.public_addresses import public
from components.egress.targets import open_egress
from components.naming import Names
from components.settings.egress_aws import AwsNetworkFirewallEgress, AwsSecurityGroupEgress
from components.settings.environment import EnvironmentSettings
from tests.components import registered as registrations
from tests.components.registered import Registered, registered
from tests.components.test_egress_settings import BOUNDED, DNS, FIREWALL, GROUP, POLICY

Build = Callable[..., EnvironmentSettings]
NAMES = Names("acme", "prod")
ROWS = required(Needs(images=()))
TAGS = {
    "Name": "acme-prod-egress",
    "app.kubernetes.io/managed-by": "support-access",
    "support-access.highflame.ai/customer": "acme",
    "support-access.highflame.ai/environment": "prod",
    "support-access.highflame.ai/stack": "acme-prod",
}
RULE_GROUP = "acme-prod-egress-" + POLICY + "-rules"


class Opened(pulumi.ComponentResource):
    """The targets, with something that stands for what must have taken away access first."""

    def __init__(self, name: str, settings: EnvironmentSettings) -> None:
        super().__init__("test:index:Opened", name)
        narrowed = pulumi.CustomResource("test:index:Narrowed", "narrowed", {}, pulumi.ResourceOptions(parent=self))
        open_egress(settings, needs(settings), narrowed=narrowed, parent=self)


def opened(settings: EnvironmentSettings) -> Registered:
    return registered(Opened, "opened", settings)


def of_type(seen: Registered, part: str) -> dict[str, dict[str, Any]]:
    return {name: row.inputs for name, row in seen.rows.items() if part in row.type and row.custom}


def group(**bent: Any) -> AwsSecurityGroupEgress:
    return AwsSecurityGroupEgress.model_validate({**GROUP, **bent})


def firewall(**bent: Any) -> AwsNetworkFirewallEgress:
    return AwsNetworkFirewallEgress.model_validate({**FIREWALL, **bent})


def test_ipv6_is_opened_only_on_request() -> None:
    assert rules(group(), ROWS) == [Rule("tcp", 443, 443, "0.0.0.0/0")]
    assert rules(group(ipv6=True), ROWS) == [Rule("tcp", 443, 443, "0.0.0.0/0"), Rule("tcp", 443, 443, "::/0")]


def test_lists_of_ranges_are_the_customers_bound() -> None:
    bounded = {**BOUNDED, "derp": ["203.0.113.0/24"], "certificateAuthority": ["198.51.100.0/24", "203.0.113.0/24"]}
    version_4 = ["192.200.0.0/24", "198.51.100.0/24", "203.0.113.0/24"]
    assert [rule.cidr for rule in rules(group(**bounded), ROWS)] == version_4
    assert [rule.cidr for rule in rules(group(**bounded, ipv6=True), ROWS)] == [*version_4, "2606:b740:49::/48"]


def test_udp_is_opened_only_on_request_and_as_far_as_it_says() -> None:
    assert [rule for rule in rules(group(udp="stun"), ROWS) if rule.protocol == "udp"] == [
        Rule("udp", 3478, 3478, "0.0.0.0/0")
    ]
    assert [rule for rule in rules(group(udp="any", ipv6=True), ROWS) if rule.protocol == "udp"] == [
        Rule("udp", 1, 65535, "0.0.0.0/0"),
        Rule("udp", 1, 65535, "::/0"),
    ]


def test_a_security_group_gets_standalone_rules(environment: Build) -> None:
    seen = opened(environment(egress=[{**GROUP, "ipv6": True}]))
    common = {
        "securityGroupId": GROUP["securityGroup"],
        "ipProtocol": "tcp",
        "fromPort": 443,
        "toPort": 443,
        "description": "Tailscale operator, support access to acme-prod",
        "tags": TAGS,
    }
    name = f"acme-prod-egress-{GROUP['securityGroup']}-tcp"
    assert of_type(seen, "aws:vpc") == {
        f"{name}-0.0.0.0/0": {**common, "cidrIpv4": "0.0.0.0/0"},
        f"{name}-::/0": {**common, "cidrIpv6": "::/0"},
    }


def test_a_firewall_gets_a_rule_group_of_pass_rules(environment: Build) -> None:
    seen = opened(environment(egress=[FIREWALL]))
    made = of_type(seen, "aws:networkfirewall")
    assert made.keys() == {RULE_GROUP}
    inputs = dict(made[RULE_GROUP])
    text = inputs["ruleGroup"]["rulesSource"].pop("rulesString")
    assert inputs == {
        "name": group_arn(NAMES, POLICY).rpartition("/")[2],
        "description": "Tailscale operator, support access to acme-prod",
        "type": "STATEFUL",
        "capacity": 100,
        "ruleGroup": {
            "ruleVariables": {
                "ipSets": [
                    {"key": "HOME_NET", "ipSet": {"definitions": ["10.64.0.0/16"]}},
                    {"key": "EXTERNAL_NET", "ipSet": {"definitions": ["0.0.0.0/0"]}},
                ]
            },
            "rulesSource": {},
            "statefulRuleOptions": {"ruleOrder": "STRICT_ORDER"},
        },
        "tags": TAGS,
    }
    lines = text.splitlines()
    assert lines == suricata.rules(required(Needs(images=("tailscale/tailscale",))), NAMES)
    assert len(lines) <= inputs["capacity"]


def test_groups_for_two_policies_have_two_names(environment: Build) -> None:
    """An account has one rule group of a name in a region, whichever policy it is for."""
    seen = opened(environment(egress=[FIREWALL, {**FIREWALL, "policy": f"{POLICY}-2"}]))
    names = {inputs["name"] for inputs in of_type(seen, "aws:networkfirewall").values()}
    assert len(names) == 2
    assert all(name.startswith("support-access-acme-prod-") for name in names)


def test_ipv6_sources_reach_ipv6_destinations(environment: Build) -> None:
    seen = opened(environment(egress=[{**FIREWALL, "sources": ["2001:db8::/64", "10.64.0.0/16"]}]))
    sets = seen.rows[RULE_GROUP].inputs["ruleGroup"]["ruleVariables"]["ipSets"]
    assert sets[1]["ipSet"]["definitions"] == ["0.0.0.0/0", "::/0"]


def test_udp_passes_to_public_addresses_only(environment: Build) -> None:
    """Our rules may be asked before those by which the customer keeps its own networks apart."""
    sources = {"sources": ["10.64.0.0/16", "2001:db8::/64"], "udp": "stun"}
    seen = opened(environment(egress=[{**FIREWALL, **sources}]))
    sets = seen.rows[RULE_GROUP].inputs["ruleGroup"]["ruleVariables"]["ipSets"]
    assert sets[2] == {"key": "PUBLIC_NET", "ipSet": {"definitions": [*public(4), *public(6)]}}
    lines = seen.rows[RULE_GROUP].inputs["ruleGroup"]["rulesSource"]["rulesString"].splitlines()
    assert [line.split("(")[0] for line in lines if " udp " in line] == ["pass udp $HOME_NET any -> $PUBLIC_NET 3478 "]


def test_no_rule_is_longer_than_aws_takes_when_its_variables_are_written_out(environment: Build) -> None:
    wide = {"sources": [f"10.64.{n}.0/24" for n in range(0, 256, 2)], "udp": "any"}
    group = opened(environment(egress=[{**FIREWALL, **wide}])).rows[RULE_GROUP].inputs["ruleGroup"]
    sets = {f"${each['key']}": ",".join(each["ipSet"]["definitions"]) for each in group["ruleVariables"]["ipSets"]}
    for line in group["rulesSource"]["rulesString"].splitlines():
        assert len(re.sub(r"\$[A-Z_]+", lambda found: sets[found[0]], line)) <= 8192


def test_the_suricata_text() -> None:
    rows = [*required(Needs(images=("mirror.example.com:5000/x",))), *UDP["stun"], *UDP["any"]]
    first = int(suricata.rules(rows, NAMES)[0].split("sid:")[1].split(";")[0])
    ends = [f'msg:"support access to acme-prod"; sid:{first + n}; rev:1;)' for n in range(5)]
    tls, flow = "ssl_state:client_hello; tls.sni; ", "flow:to_server, established; "
    out = "$HOME_NET any -> $EXTERNAL_NET"
    assert suricata.rules(rows, NAMES) == [
        f'pass tls {out} 5000 ({tls}content:"mirror.example.com"; startswith; nocase; endswith; {flow}{ends[0]}',
        f'pass tls {out} 443 ({tls}dotprefix; content:".tailscale.com"; nocase; endswith; {flow}{ends[1]}',
        f'pass tls {out} 443 ({tls}content:"acme-v02.api.letsencrypt.org"; startswith; nocase; endswith; '
        f"{flow}{ends[2]}",
        f"pass udp $HOME_NET any -> $PUBLIC_NET 3478 (flow:to_server; {ends[3]}",
        f"pass udp $HOME_NET any -> $PUBLIC_NET any (flow:to_server; {ends[4]}",
    ]


def test_the_numbers_of_two_stacks_rules_do_not_meet() -> None:
    rows = required(Needs(images=("a/b",)))
    numbers = [
        {line.split("sid:")[1].split(";")[0] for line in suricata.rules(rows, Names(customer, "prod"))}
        for customer in ("acme", "globex", "initech")
    ]
    assert len(set.union(*numbers)) == sum(map(len, numbers))


def test_more_rules_than_a_stack_has_numbers_for_are_refused() -> None:
    images = tuple(f"mirror{number}.example.com/x" for number in range(100))
    with pytest.raises(ValueError, match="102 rules"):
        suricata.rules(required(Needs(images=images)), NAMES)


def test_dns_firewall_gets_a_group_of_its_own_and_an_association(environment: Build) -> None:
    seen = opened(environment(egress=[DNS]))
    name = f"acme-prod-egress-{DNS['vpc']}"
    assert of_type(seen, "aws:route53") == {
        f"{name}-names": {
            "name": "support-access-acme-prod",
            "domains": [
                "*.tailscale.com",
                "acme-v02.api.letsencrypt.org",
                "auth.docker.io",
                "production.cloudflare.docker.com",
                "production.cloudfront.docker.com",
                "registry-1.docker.io",
            ],
            "tags": TAGS,
        },
        f"{name}-group": {"name": "support-access-acme-prod", "tags": TAGS},
        f"{name}-allow": {
            "name": "support-access-acme-prod",
            "action": "ALLOW",
            "firewallDomainListId": f"{name}-names-id",
            "firewallRuleGroupId": f"{name}-group-id",
            "firewallDomainRedirectionAction": "TRUST_REDIRECTION_DOMAIN",
            "priority": 1,
        },
        f"{name}-association": {
            "name": "support-access-acme-prod",
            "firewallRuleGroupId": f"{name}-group-id",
            "vpcId": DNS["vpc"],
            "priority": 101,
            "mutationProtection": "DISABLED",
            "tags": TAGS,
        },
    }
    assert f"{name}-allow" in seen.names(seen.rows[f"{name}-association"].depends_on)


def test_targets_of_a_region_share_a_provider_which_takes_one_account_only(environment: Build) -> None:
    west = {**DNS, "region": "eu-west-1", "vpc": "vpc-01234567"}
    seen = opened(environment(egress=[GROUP, FIREWALL, DNS, west]))
    providers = of_type(seen, "pulumi:providers:aws")
    assert {name: inputs["region"] for name, inputs in providers.items()} == {
        "acme-prod-egress-aws-eu-central-1": "eu-central-1",
        "acme-prod-egress-aws-eu-west-1": "eu-west-1",
    }
    of_west = {name for name, row in seen.rows.items() if "aws-eu-west-1" in row.provider}
    assert of_west == {name for name in seen.rows if name.startswith(f"acme-prod-egress-{west['vpc']}-")}
    assert all(inputs["allowedAccountIds"] in (["111122223333"], '["111122223333"]') for inputs in providers.values())
    assert not [key for inputs in providers.values() for key in inputs if "ey" in key or "token" in key]
    assert "allowedAccountIds" not in of_type(opened(environment(egress=[GROUP])), "providers:aws").popitem()[1]


def test_access_is_narrowed_before_the_cloud_is_asked(environment: Build) -> None:
    seen = opened(environment(egress=[GROUP, FIREWALL, DNS]))
    made = of_type(seen, "aws:").keys() - of_type(seen, "pulumi:providers:").keys()
    through = {name for name in made if "narrowed" in seen.names(seen.rows[name].depends_on)}
    later = {name for name in made - through if seen.names(seen.rows[name].depends_on) & through}
    assert made == through | later
    assert len(made) == 6


def test_what_is_taken_once_goes_before_its_replacement_comes(environment: Build) -> None:
    """A rule, a name, a priority: the cloud would refuse the second one."""
    seen = opened(environment(egress=[{**GROUP, "ipv6": True, "udp": "stun"}, FIREWALL, DNS]))
    first = {row.type.rpartition(":")[2] for row in seen.rows.values() if row.deletes_first}
    assert first == {
        "SecurityGroupEgressRule",
        "RuleGroup",
        "ResolverFirewallRule",
        "ResolverFirewallRuleGroupAssociation",
    }
    assert len([row for row in seen.rows.values() if row.deletes_first]) == 4 + 1 + 2


POLICIES: list[tuple[dict[str, Any], Policy, list[str]]] = [
    ({}, Policy(rule_order="STRICT_ORDER", default_actions=(), decrypts=False, references={}), []),
    (
        {},
        Policy(rule_order="DEFAULT_ACTION_ORDER", default_actions=(), decrypts=False, references={}),
        ["support-access:egress[3].ruleOrder: It is STRICT_ORDER, and the policy has DEFAULT_ACTION_ORDER."],
    ),
    (
        {"ruleOrder": "DEFAULT_ACTION_ORDER", "priority": None},
        Policy(rule_order="STRICT_ORDER", default_actions=(), decrypts=False, references={}),
        ["support-access:egress[3].ruleOrder: It is DEFAULT_ACTION_ORDER, and the policy has STRICT_ORDER."],
    ),
    (
        {},
        Policy(rule_order="STRICT_ORDER", default_actions=(), decrypts=True, references={}),
        ["support-access:egress[3].uninspected: The policy decrypts TLS, and it is false."],
    ),
    (
        {"uninspected": True},
        Policy(rule_order="STRICT_ORDER", default_actions=(), decrypts=True, references={}),
        [],
    ),
    (
        {},
        Policy(rule_order="STRICT_ORDER", default_actions=(), decrypts=False, references={"theirs": 10, "x": 7}),
        ["support-access:egress[3].priority: Priority 10 is that of theirs in the policy."],
    ),
    (
        {},
        Policy(
            rule_order="STRICT_ORDER",
            default_actions=(),
            decrypts=False,
            references={group_arn(NAMES, POLICY): 10, "x": 7},
        ),
        [],
    ),
]


@pytest.mark.parametrize(("bent", "policy", "told"), POLICIES)
def test_what_does_not_fit_the_customers_policy_is_told(bent: dict[str, Any], policy: Policy, told: list[str]) -> None:
    found = list(problems("acme-prod", 3, firewall(**bent), policy, group_arn(NAMES, POLICY)))
    assert [f"{problem.key}: {problem.what}" for problem in found] == told
    assert all(problem.why and problem.mend for problem in found)


def test_the_customer_is_told_what_to_add() -> None:
    ours = group_arn(NAMES, POLICY)
    strict = Policy(rule_order="STRICT_ORDER", default_actions=("aws:drop_strict",), decrypts=False, references={})
    [add, handshakes] = cautions(firewall(), strict, ours)
    assert f'{{"ResourceArn": "{ours}", "Priority": 10}}' in add
    assert "handshakes" in handshakes
    lenient = Policy(
        rule_order="STRICT_ORDER", default_actions=("aws:drop_established",), decrypts=False, references={ours: 10}
    )
    assert list(cautions(firewall(), lenient, ours)) == []
    [moved] = cautions(firewall(), replace(lenient, references={ours: 500}), ours)
    assert moved.startswith(f"{POLICY} has the rule group at priority 500, and priority is 10:")
    unordered = firewall(ruleOrder="DEFAULT_ACTION_ORDER", priority=None)
    assert aws_firewall_policy.reference(unordered, ours) == f'{{"ResourceArn": "{ours}"}}'


def test_the_policy_is_looked_up_before_anything_is_made(environment: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registrations, "FIREWALL_POLICY", {"tlsInspectionConfigurationArn": "arn:of:one"})
    with pytest.raises(pulumi.RunError) as caught:
        opened(environment(egress=[FIREWALL]))
    assert "2 problems" in str(caught.value)
    assert "the policy has DEFAULT_ACTION_ORDER" in str(caught.value)
    assert "egress[0].uninspected" in str(caught.value)


def test_a_policy_that_cannot_be_read_is_a_problem_of_its_own(
    environment: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registrations, "FIREWALL_POLICY", None)
    with pytest.raises(pulumi.RunError) as caught:
        opened(environment(egress=[FIREWALL]))
    assert "support-access:egress[0].policy" in str(caught.value)
    assert "DescribeFirewallPolicy" in str(caught.value)
    assert "AccessDeniedException" in str(caught.value)


def test_a_cloud_that_is_not_chosen_is_not_imported() -> None:
    code = "import sys, components.support_access; print([m for m in sys.modules if m.startswith('pulumi_aws')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
