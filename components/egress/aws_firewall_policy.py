"""The customer's network firewall policy, as far as our rule group must fit it: looked up, never changed.

Owns what is compared. A provider that wrote into the policy would own the whole document, and the customer's own tools
would undo it. Dies by: a policy that cannot be read is a problem of its own, because nothing then says that the rules
would be asked at all.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.settings.egress_aws import AwsNetworkFirewallEgress
from components.settings.problems import Problem, config_key, set_command

DEFAULT_ORDER = "DEFAULT_ACTION_ORDER"
"""What a policy without engine options has."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """rule_order: STRICT_ORDER or DEFAULT_ACTION_ORDER. default_actions: of the stateful engine, `aws:drop_strict` and
    the like. decrypts: whether a TLS inspection is configured. references: ARN of each rule group to its priority,
    None in the default order."""

    rule_order: str
    default_actions: tuple[str, ...]
    decrypts: bool
    references: dict[str, int | None]


class Unreadable(Exception):  # noqa: N818 - named for what it tells
    """The policy could not be looked up; carries the cloud's own words."""


def look_up(arn: str, provider: pulumi.ProviderResource) -> Policy:
    """The policy as it is now. Asks for network-firewall:DescribeFirewallPolicy. Raises Unreadable."""
    try:
        found = aws.networkfirewall.get_firewall_policy(arn=arn, opts=pulumi.InvokeOptions(provider=provider))
        policy = found.firewall_policies[0]
    except Exception as error:  # the SDK raises nothing narrower
        raise Unreadable(str(error)) from error
    options = policy.stateful_engine_options
    return Policy(
        rule_order=(options[0].rule_order if options else None) or DEFAULT_ORDER,
        default_actions=tuple(policy.stateful_default_actions or ()),
        decrypts=bool(policy.tls_inspection_configuration_arn),
        references={row.resource_arn: row.priority or None for row in policy.stateful_rule_group_references or ()},
    )


def unreadable(index: int, reason: str) -> Problem:
    return Problem(
        config_key(("egress", index, "policy")),
        f"The policy cannot be looked up: {reason}",
        "The rule group must have its rule order; a wrong one is refused only when the customer adds it.",
        "check the ARN, and that the credentials of the environment are of its account and may"
        " network-firewall:DescribeFirewallPolicy: aws sts get-caller-identity",
    )


def problems(stack: str, index: int, egress: AwsNetworkFirewallEgress, policy: Policy, ours: str) -> Iterator[Problem]:
    """Why our rule group would not work in the policy. ours: the ARN of our rule group."""
    if policy.rule_order != egress.rule_order:
        yield Problem(
            config_key(("egress", index, "ruleOrder")),
            f"It is {egress.rule_order}, and the policy has {policy.rule_order}.",
            "A policy takes rule groups of its own order only, and neither can be changed later.",
            set_command(stack, ("egress", index, "ruleOrder"), policy.rule_order),
        )
    if policy.decrypts and not egress.uninspected:
        yield Problem(
            config_key(("egress", index, "uninspected")),
            "The policy decrypts TLS, and it is false.",
            "The operator accepts the certificates of its own servers only: a connection that is decrypted on the way"
            " fails.",
            "have the customer leave the sources out of the TLS inspection, then "
            + set_command(stack, ("egress", index, "uninspected"), True),
        )
    taken = sorted(arn for arn, priority in policy.references.items() if priority == egress.priority and arn != ours)
    if egress.priority is not None and taken:
        yield Problem(
            config_key(("egress", index, "priority")),
            f"Priority {egress.priority} is that of {taken[0]} in the policy.",
            "A policy has one rule group per priority.",
            "choose a number that is free and lower than that of the group that drops; taken:"
            f" {', '.join(str(p) for p in sorted(p for p in policy.references.values() if p))}",
        )


def cautions(egress: AwsNetworkFirewallEgress, policy: Policy, ours: str) -> Iterator[str]:
    """What to tell the customer, although the rule group itself is right."""
    if ours not in policy.references:
        yield f"Nothing passes before the customer adds the rule group to {egress.policy}: {reference(egress, ours)}"
    elif policy.references[ours] != egress.priority:
        yield (
            f"{egress.policy} has the rule group at priority {policy.references[ours]}, and priority is"
            f" {egress.priority}: a group of the customer that drops may be asked first."
        )
    if "aws:drop_strict" in policy.default_actions:
        yield (
            f"{egress.policy} has the default action aws:drop_strict: unless another group of the customer lets TCP"
            " handshakes to port 443 pass, no server name is ever seen and nothing passes."
        )


def reference(egress: AwsNetworkFirewallEgress, ours: str) -> str:
    """The entry that the customer adds to the policy's StatefulRuleGroupReferences, as JSON."""
    entry: dict[str, str | int] = {"ResourceArn": ours}
    return json.dumps(entry if egress.priority is None else {**entry, "Priority": egress.priority})
