"""From what the AWS targets register to the filters of a customer in AWS, with the customer's own denial in place."""

from __future__ import annotations

import json
from typing import Any

from components.settings.egress_aws import AwsNetworkFirewallEgress
from tests.components.registered import Registration
from tests.egress_networks.addresses import AddressFilter, AddressRule
from tests.egress_networks.connections import INSIDE
from tests.egress_networks.questions import NameRule, QuestionFilter
from tests.egress_networks.server_names import Order, Rule, ServerNameFilter, parse

NODES = (f"{INSIDE}/32",)
"""The machines that are in the security group."""
THEIRS = 200
"""The priority of the customer's own denial: after ours, as the settings ask for it."""

DENIAL = "drop tls any any -> any any (msg:theirs; sid:1; rev:1;)\ndrop http any any -> any any (msg:theirs; sid:2;)"
EVERYTHING = "\ndrop tcp any any -> any any (flow:to_server; sid:3;)\ndrop udp any any -> any any (sid:4;)"
"""In the default order there is no default action: a customer that denies by default drops the rest by rules."""


def security_group(rows: list[Registration]) -> AddressFilter:
    """A group without any other rule. What is not in the group is not let out by it."""
    return AddressFilter([_group_rule(row.inputs) for row in rows])


def _group_rule(inputs: dict[str, Any]) -> AddressRule:
    [destination] = [inputs[key] for key in ("cidrIpv4", "cidrIpv6") if key in inputs]
    return AddressRule(
        protocol=inputs["ipProtocol"],
        ports=((int(inputs["fromPort"]), int(inputs["toPort"])),),
        destinations=(destination,),
        sources=NODES,
    )


def network_firewall(
    rows: list[Registration], target: AwsNetworkFirewallEgress, *, theirs: int = THEIRS, default: str | None = None
) -> ServerNameFilter:
    """A policy that drops TLS and HTTP by a group of its own, once the customer has added ours as it is told to.

    theirs: priority of the customer's group. default: action of a policy in STRICT_ORDER.
    """
    [row] = rows
    group = row.inputs["ruleGroup"]
    if group["rulesSource"].keys() != {"rulesString"}:
        raise ValueError(f"rules of another kind than text: {sorted(group['rulesSource'])}")
    variables = {entry["key"]: tuple(entry["ipSet"]["definitions"]) for entry in group["ruleVariables"]["ipSets"]}
    ours: list[Rule] = parse(group["rulesSource"]["rulesString"], variables)
    order: Order = group["statefulRuleOptions"]["ruleOrder"]
    if order == "DEFAULT_ACTION_ORDER":
        return ServerNameFilter({0: parse(DENIAL + EVERYTHING, {}), 1: ours}, order, default=None)
    if target.priority is None:
        raise ValueError("STRICT_ORDER without a priority")
    groups = {target.priority: ours, theirs: parse(DENIAL, {})}
    return ServerNameFilter(groups, order, default or "aws:drop_established")


def dns_firewall(rows: list[Registration], *, theirs: int = THEIRS) -> QuestionFilter:
    """A VPC where a group of the customer's blocks every name. theirs: its priority."""
    inputs = {row.type.rpartition(":")[2]: row.inputs for row in rows}
    rule = inputs["ResolverFirewallRule"]
    if rule["action"] != "ALLOW":
        raise ValueError(json.dumps(rule))
    ours = NameRule(
        (inputs["ResolverFirewallRuleGroupAssociation"]["priority"], rule["priority"]),
        "ALLOW",
        tuple(inputs["ResolverFirewallDomainList"]["domains"]),
    )
    return QuestionFilter([NameRule((theirs, 1), "BLOCK", ("*",)), ours])
