"""Egress in AWS through the real engine: added beside what the customer has, and gone without a trace."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from sandbox.demo.observe import SecurityGroup
from sandbox.demo.pulumi import CommandError, Pulumi
from sandbox.world import World
from tests.engine.conftest import Example
from tests.engine.egress_stack import STACK, TAILNET, Stack, without

pytestmark = pytest.mark.engine

REGION, ACCOUNT = "eu-central-1", "123456789012"
BASE = f"accounts/{ACCOUNT}/regions/{REGION}"
ARN = f"arn:aws:network-firewall:{REGION}:{ACCOUNT}"
POLICY = f"{ARN}:firewall-policy/inspection"
DENY = f"{ARN}:stateful-rulegroup/deny"
RULE_GROUP, FIREWALL_POLICY = "aws:networkfirewall:RuleGroup", "aws:networkfirewall:FirewallPolicy"
DNS_GROUP = "aws:route53:ResolverFirewallRuleGroup"
ASSOCIATION = "aws:route53:ResolverFirewallRuleGroupAssociation"
KINDS = (
    RULE_GROUP,
    FIREWALL_POLICY,
    DNS_GROUP,
    ASSOCIATION,
    "aws:route53:ResolverFirewallDomainList",
    "aws:route53:ResolverFirewallRule",
)


class Customer:
    """The customer's own network: what it has, and what it does by hand."""

    def __init__(self, cloud: dict[str, Any]) -> None:
        self._http = httpx.Client(base_url=cloud["store_url"], timeout=10)
        self._group = SecurityGroup(cloud["security_groups"][STACK], cloud["aws_url"], REGION)
        self.security_group: str = cloud["security_groups"][STACK]
        self.vpc: str = cloud["vpc"]

    def put(self, kind: str, path: str, body: dict[str, Any]) -> None:
        self._http.put(f"/{kind}/{BASE}/{path}", json=body).raise_for_status()

    def refers_to(self, *arns: str) -> None:
        """Writes its policy with these rule groups, first one first."""
        references = [{"resourceArn": arn, "priority": 10 * (n + 1)} for n, arn in enumerate([*arns, DENY])]
        self.put(
            FIREWALL_POLICY,
            "firewall-policies/inspection",
            {
                "arn": POLICY,
                "statefulEngineOptions": [{"ruleOrder": "STRICT_ORDER"}],
                "statefulDefaultActions": ["aws:drop_established"],
                "statefulRuleGroupReferences": references,
            },
        )

    def builds(self) -> None:
        drop = 'drop tls $HOME_NET any -> $EXTERNAL_NET any (msg:"default"; sid:1; rev:1;)'
        options = {"statefulRuleOptions": {"ruleOrder": "STRICT_ORDER"}, "rulesSource": {"rulesString": drop}}
        self.put(
            RULE_GROUP, "stateful-rulegroups/deny", {"arn": DENY, "name": "deny", "capacity": 10, "ruleGroup": options}
        )
        self.refers_to()
        self.put(DNS_GROUP, "firewall-rule-groups/rslvr-frg-block", {"name": "block"})
        self.put(
            ASSOCIATION,
            "firewall-rule-group-associations/rslvr-frgassoc-block",
            {"firewallRuleGroupId": "rslvr-frg-block", "vpcId": self.vpc, "priority": 200},
        )

    def objects(self) -> dict[str, str]:
        """Every object in the cloud as one line of JSON, and every rule of the security group."""
        found = {
            path: json.dumps(body, sort_keys=True)
            for kind in KINDS
            for path, body in self._http.get(f"/{kind}").raise_for_status().json()["items"].items()
        }
        return found | {f"{self.security_group} {rule}": rule for rule in self._group.rules()}

    def close(self) -> None:
        self._http.close()


@pytest.fixture(scope="module")
def customer(world: World) -> Iterator[Customer]:
    it = Customer(world.facts["cloud"])
    it.builds()
    yield it
    it.close()


@pytest.fixture(scope="module", autouse=True)
def groups(pulumi: Pulumi, example: Example) -> None:
    example.write("tailnet", TAILNET)
    pulumi.up("tailnet")


@pytest.fixture
def stack(pulumi: Pulumi, example: Example) -> Iterator[Stack]:
    yield Stack(pulumi, example)
    pulumi.destroy(STACK)


def targets(customer: Customer) -> dict[str, dict[str, Any]]:
    return {
        "group": {
            "target": "aws-security-group",
            "region": REGION,
            "securityGroup": customer.security_group,
            "derp": "any443",
        },
        "firewall": {
            "target": "aws-network-firewall",
            "region": REGION,
            "policy": POLICY,
            "ruleOrder": "STRICT_ORDER",
            "priority": 5,
            "sources": ["10.64.0.0/16"],
        },
        "dns": {"target": "aws-dns-firewall", "region": REGION, "vpc": customer.vpc, "priority": 101},
    }


def test_all_three_come_change_and_go_and_leave_every_byte_of_the_customers(stack: Stack, customer: Customer) -> None:
    before, declared = customer.objects(), targets(customer)
    stack.declare(*declared.values())
    printed = stack.pulumi.up(STACK).output
    during = customer.objects()
    assert before.items() <= during.items()
    ours = during.keys() - before.keys()
    assert len(ours) == 6, "one rule, one rule group, and the four objects of DNS Firewall"
    assert "Nothing passes before the customer adds the rule group" in " ".join(printed.split())

    exported = {row["target"]: row for row in stack.pulumi.outputs(STACK)["egress"]}
    line = json.loads(exported["aws-network-firewall"]["customerAdds"])
    assert line == {"ResourceArn": exported["aws-network-firewall"]["ruleGroup"], "Priority": 5}

    stack.pulumi.preview(STACK, "--expect-no-changes")
    looked = stack.pulumi.run(
        "refresh", "-s", STACK, "--preview-only", "--expect-no-changes", "--target", "**support-access:egress:**"
    )
    assert "9 unchanged" in looked.output, "all of them were looked at: six objects and the three targets"

    for name in ("group", "firewall"):
        declared[name]["udp"] = "any"
    declared["dns"]["priority"] = 102
    stack.declare(*declared.values())
    stack.pulumi.up(STACK)
    changed = customer.objects()
    assert before.items() <= changed.items()
    assert len(changed) == len(during) + 1
    assert f"out udp/1 0.0.0.0/0 (Tailscale operator, support access to {STACK})" in changed.values()
    [association] = [body for path, body in changed.items() if "frgassoc" in path and path not in before]
    assert json.loads(association)["priority"] == 102

    stack.pulumi.destroy(STACK)
    assert customer.objects() == before


def test_a_rule_group_that_the_customer_still_refers_to_is_what_stays_until_it_is_taken_out(
    stack: Stack, customer: Customer
) -> None:
    before = customer.objects()
    stack.declare(*targets(customer).values())
    stack.pulumi.up(STACK)
    [row] = [row for row in stack.pulumi.outputs(STACK)["egress"] if row["target"] == "aws-network-firewall"]
    customer.refers_to(row["ruleGroup"])
    stack.pulumi.preview(STACK, "--expect-no-changes")
    with pytest.raises(CommandError, match="still in use"):
        stack.pulumi.destroy(STACK)
    urns = [resource["urn"] for resource in stack.pulumi.export(STACK)["deployment"]["resources"]]
    assert not [urn for urn in urns if "OauthClient" in urn or "Enrollment" in urn], "nothing at Tailscale waits for it"
    customer.refers_to()
    stack.pulumi.destroy(STACK)
    assert customer.objects() == before


def test_what_does_not_fit_is_refused_and_the_customers_stays_as_it_is(stack: Stack, customer: Customer) -> None:
    before, declared = customer.objects(), targets(customer)

    stack.declare({**without(declared["firewall"], "priority"), "ruleOrder": "DEFAULT_ACTION_ORDER"})
    assert "support-access:egress[0].ruleOrder It is DEFAULT_ACTION_ORDER, and the policy has" in stack.refused()

    stack.declare({**declared["firewall"], "priority": 10})
    assert f"Priority 10 is that of {DENY} in the policy" in stack.refused()

    stack.declare({**declared["firewall"], "policy": POLICY.replace("inspection", "elsewhere")})
    assert "support-access:egress[0].policy The policy cannot be looked up" in stack.refused()

    stack.declare({**declared["group"], "account": "999988887777"})
    assert f"AWS account ID not allowed: {ACCOUNT}" in stack.refused()
    assert customer.objects() == before

    stack.declare({**declared["dns"], "priority": 200})
    assert "Priority 200 is that of rslvr-frgassoc-block" in stack.refused()
    assert before.items() <= customer.objects().items()
    stack.pulumi.destroy(STACK)
    assert customer.objects() == before
