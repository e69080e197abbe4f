"""What AWS refuses around its two firewalls, Network Firewall and Route 53 Resolver DNS Firewall.

Paths are `accounts/A/regions/R/<collection>/<id>`. The firewall policy is the customer's: whoever plays the customer
puts it. Quotas, conflicts and orderings are the documented ones; the words are not, and say `unverified`. Not known:
whether a domain list's names exist, what traffic passes, and permissions.
"""

# ruff: noqa: ARG001 - parameters of a Check

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from sandbox.cloud.refusals import Body, Found, Refusal, Rules, World, parent

RULE_GROUP = "aws:networkfirewall:RuleGroup"
POLICY = "aws:networkfirewall:FirewallPolicy"
DOMAINS = "aws:route53:ResolverFirewallDomainList"
DNS_GROUP = "aws:route53:ResolverFirewallRuleGroup"
DNS_RULE = "aws:route53:ResolverFirewallRule"
ASSOCIATION = "aws:route53:ResolverFirewallRuleGroupAssociation"

STATEFUL_GROUPS, CAPACITY = 50, 30_000  # per account and region
GROUPS_PER_VPC = 5

MISSING = Refusal(400, "ResourceNotFoundException", "{id} does not exist (unverified words)")
EXISTS = Refusal(400, "InvalidRequestException", "A resource with the name {name} already exists (unverified words)")


def _siblings(kind: str, identity: str, world: World) -> dict[str, Body]:
    """Other objects of the kind in the same account and region."""
    return {
        other: body for other, body in world[kind].items() if other != identity and parent(other) == parent(identity)
    }


def _invalid(message: str) -> Refusal:
    return Refusal(400, "InvalidRequestException", f"{message} (unverified words)")


def _limit(message: str) -> Refusal:
    return Refusal(400, "LimitExceededException", f"{message} (unverified words)")


def _conflict(message: str) -> Refusal:
    return Refusal(400, "ConflictException", f"{message} (unverified words)")


def order(rule_group: Body) -> str:
    options = rule_group.get("ruleGroup", {}).get("statefulRuleOptions") or {}
    return options.get("ruleOrder") or "DEFAULT_ACTION_ORDER"


def policy_order(policy: Body) -> str:
    [options] = policy.get("statefulEngineOptions") or [{}]
    return options.get("ruleOrder") or "DEFAULT_ACTION_ORDER"


def references(policy: Body) -> Iterator[Mapping[str, str | int]]:
    yield from policy.get("statefulRuleGroupReferences") or []


def rule_group_fits(identity: str, body: Body, world: World) -> Found | None:
    others = _siblings(RULE_GROUP, identity, world)
    if len(others) >= STATEFUL_GROUPS:
        return _limit(f"An account has {STATEFUL_GROUPS} stateful rule groups"), identity
    if body["capacity"] + sum(other["capacity"] for other in others.values()) > CAPACITY:
        return _limit(f"The capacity of all stateful rule groups is {CAPACITY}"), identity
    lines = (body["ruleGroup"]["rulesSource"].get("rulesString") or "").splitlines()
    if len(lines) > body["capacity"]:
        return _invalid("There are more rules than capacity"), identity
    sids = [found[1] for line in lines if (found := re.search(r"\bsid:\s*(\d+)", line))]
    if len(set(sids)) < len(lines):
        return _invalid("A rule has no sid, or that of another"), identity
    return None


def rule_group_free(identity: str, body: Body, world: World) -> Found | None:
    for policy, theirs in world[POLICY].items():
        if any(reference["resourceArn"] == body["arn"] for reference in references(theirs)):
            refusal = Refusal(400, "InvalidOperationException", "{name} is still in use by {other} (unverified words)")
            return refusal, policy
    return None


def policy_fits(identity: str, body: Body, world: World) -> Found | None:
    groups = {group["arn"]: group for group in world[RULE_GROUP].values()}
    priorities = [reference.get("priority") for reference in references(body)]
    strict = policy_order(body) == "STRICT_ORDER"
    if strict and (None in priorities or len(set(priorities)) < len(priorities)):
        return _invalid("In STRICT_ORDER each reference has a priority of its own"), identity
    if not strict and any(priorities):
        return _invalid("Only STRICT_ORDER knows priorities"), identity
    for reference in references(body):
        group = groups.get(reference["resourceArn"])
        if group is None:
            return _invalid("A rule group does not exist"), identity
        if order(group) != policy_order(body):
            return _invalid("A rule group has another rule order than the policy"), identity
    if identity in world[POLICY] and policy_order(world[POLICY][identity]) != policy_order(body):
        return _invalid("A policy's rule order cannot be changed"), identity
    return None


def dns_rule_fits(identity: str, body: Body, world: World) -> Found | None:
    region = parent(identity)
    for kind, collection, key in (
        (DNS_GROUP, "firewall-rule-groups", "firewallRuleGroupId"),
        (DOMAINS, "firewall-domain-lists", "firewallDomainListId"),
    ):
        path = f"{region}/{collection}/{body[key]}"
        if path not in world[kind]:
            return Refusal(400, "ResourceNotFoundException", "{other} does not exist (unverified words)"), path
    return None


def association_fits(identity: str, body: Body, world: World) -> Found | None:
    group = f"{parent(identity)}/firewall-rule-groups/{body['firewallRuleGroupId']}"
    if group not in world[DNS_GROUP]:
        return Refusal(400, "ResourceNotFoundException", "{other} does not exist (unverified words)"), group
    if not 100 < body["priority"] < 9900:
        return Refusal(400, "ValidationException", "The priority must be between 100 and 9900"), identity
    theirs = [o for o in _siblings(ASSOCIATION, identity, world).values() if o["vpcId"] == body["vpcId"]]
    if len(theirs) >= GROUPS_PER_VPC:
        return _limit(f"A VPC has {GROUPS_PER_VPC} rule groups"), identity
    return None


def association_free(identity: str, body: Body, world: World) -> Found | None:
    if body.get("mutationProtection") == "ENABLED":
        return _conflict("{name} is protected against changes"), identity
    return None


def domains_free(identity: str, body: Body, world: World) -> Found | None:
    return _used(identity, "firewallDomainListId", DNS_RULE, world)


def dns_group_free(identity: str, body: Body, world: World) -> Found | None:
    used = _used(identity, "firewallRuleGroupId", ASSOCIATION, world)
    return used or _used(identity, "firewallRuleGroupId", DNS_RULE, world)


def _used(identity: str, key: str, kind: str, world: World) -> Found | None:
    own = identity.rpartition("/")[2]
    for other, body in _siblings(kind, identity, world).items():
        if body[key] == own:
            return _conflict("{name} is still in use by {other}"), other
    return None


RULES: Mapping[str, Rules] = {
    RULE_GROUP: Rules(missing=MISSING, exists=EXISTS, fits=rule_group_fits, free=rule_group_free),
    POLICY: Rules(missing=MISSING, exists=EXISTS, fits=policy_fits),
    DOMAINS: Rules(missing=MISSING, exists=EXISTS, free=domains_free),
    DNS_GROUP: Rules(missing=MISSING, exists=EXISTS, free=dns_group_free),
    DNS_RULE: Rules(
        missing=MISSING,
        exists=EXISTS,
        unique={("firewallRuleGroupId", "priority"): _conflict("Priority {priority} is that of {other}")},
        fits=dns_rule_fits,
    ),
    ASSOCIATION: Rules(
        missing=MISSING,
        exists=EXISTS,
        unique={
            ("vpcId", "priority"): Refusal(
                400, "ValidationException", "Priority {priority} is that of {other} (unverified words)"
            ),
            ("vpcId", "firewallRuleGroupId"): _conflict("The rule group is associated already, by {other}"),
        },
        fits=association_fits,
        free=association_free,
    ),
}
