"""Pass rules on TLS server names for a network firewall that the customer already has, in AWS.

Owns one stateful rule group. The customer adds it to its policy, and takes it out again before the kill: AWS deletes no
rule group that a policy still refers to (the provider waits ten minutes, then says so), and attaching it ourselves
would mean owning the whole policy. Never a domain list of the kind ALLOWLIST, which drops all other TLS. Dies after the
release; until the customer has taken it out, this is the one object of a stack that may stay behind.
"""

from __future__ import annotations

import hashlib
import ipaddress

import pulumi
import pulumi_aws as aws

from components import PACKAGE
from components.egress import left_out, suricata
from components.egress.aws_firewall_policy import Unreadable, cautions, look_up, problems, reference, unreadable
from components.egress.destinations import UDP, Destination
from components.egress.public_addresses import public
from components.egress.target import Target, TargetArgs, description, tags
from components.naming import Names
from components.settings.egress_aws import POLICY_ARN, AwsNetworkFirewallEgress
from components.settings.problems import SettingsError

CAPACITY = suricata.SIDS_PER_STACK
"""One per rule. It cannot be changed later, so it is what a stack may ever have; an account has 30000 to give."""


def group_name(names: Names, policy: str) -> str:
    """Unique in an account and region, where a stack may have a group for each of several policies."""
    return f"support-access-{names.name}-{hashlib.sha256(policy.encode()).hexdigest()[:8]}"


def group_arn(names: Names, policy: str) -> str:
    """The ARN that the group gets: known beforehand, because the policy's says partition, region and account."""
    found = POLICY_ARN.fullmatch(policy)
    if found is None:
        raise ValueError(f"{policy!r} is not the ARN of a firewall policy.")
    where = f"arn:{found['partition']}:network-firewall:{found['region']}:{found['account']}"
    return f"{where}:stateful-rulegroup/{group_name(names, policy)}"


class AwsNetworkFirewall(Target):
    """A rule group that lets the operator's connections pass once the customer's policy refers to it."""

    def __init__(
        self,
        name: str,
        args: TargetArgs[AwsNetworkFirewallEgress],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(f"{PACKAGE}:egress:AwsNetworkFirewall", name, None, opts)
        egress = args.egress
        _fits(args)
        left_out.tell(args, left_out.is_named, "names")
        group = aws.networkfirewall.RuleGroup(
            f"{name}-rules",
            name=group_name(args.names, egress.policy),
            description=description(args.names),
            type="STATEFUL",
            capacity=CAPACITY,
            rule_group=aws.networkfirewall.RuleGroupRuleGroupArgs(
                rule_variables=aws.networkfirewall.RuleGroupRuleGroupRuleVariablesArgs(
                    ip_sets=[
                        _ip_set("HOME_NET", egress.sources),
                        # A group with its own HOME_NET needs its own EXTERNAL_NET: by default that is the policy's.
                        _ip_set("EXTERNAL_NET", _everywhere(egress.sources)),
                        *([] if egress.udp == "off" else [_ip_set("PUBLIC_NET", _public(egress.sources))]),
                    ]
                ),
                rules_source=aws.networkfirewall.RuleGroupRuleGroupRulesSourceArgs(
                    rules_string="\n".join(suricata.rules(_rows(args), args.names)),
                ),
                stateful_rule_options=aws.networkfirewall.RuleGroupRuleGroupStatefulRuleOptionsArgs(
                    rule_order=egress.rule_order,
                ),
            ),
            tags=tags(args.names),
            # A name is taken once: a replacement has to go before it comes.
            opts=pulumi.ResourceOptions(
                parent=self, provider=args.provider, depends_on=[args.narrowed], delete_before_replace=True
            ),
        )
        self.handoff = {
            "target": egress.target,
            "place": egress.place,
            "ruleGroup": group.arn,
            "customerAdds": group.arn.apply(lambda arn: reference(egress, arn)),
        }
        self.register_outputs(self.handoff)


def _fits(args: TargetArgs[AwsNetworkFirewallEgress]) -> None:
    """Ends the run before anything is made when the customer's policy cannot take the group."""
    stack, ours = args.names.name, group_arn(args.names, args.egress.policy)
    try:
        policy = look_up(args.egress.policy, args.provider)
    except Unreadable as reason:
        raise pulumi.RunError(str(SettingsError(stack, [unreadable(args.index, str(reason))]))) from None
    found = list(problems(stack, args.index, args.egress, policy, ours))
    if found:
        raise pulumi.RunError(str(SettingsError(stack, found)))
    for caution in cautions(args.egress, policy, ours):
        pulumi.log.warn(caution)


def _rows(args: TargetArgs[AwsNetworkFirewallEgress]) -> list[Destination]:
    """UDP as this target opens it, whatever another one does."""
    return [*(row for row in args.rows if row.protocol == "tcp"), *UDP[args.egress.udp]]


def _ip_set(key: str, definitions: tuple[str, ...]) -> aws.networkfirewall.RuleGroupRuleGroupRuleVariablesIpSetArgs:
    return aws.networkfirewall.RuleGroupRuleGroupRuleVariablesIpSetArgs(
        key=key,
        ip_set=aws.networkfirewall.RuleGroupRuleGroupRuleVariablesIpSetIpSetArgs(definitions=list(definitions)),
    )


def _everywhere(sources: tuple[str, ...]) -> tuple[str, ...]:
    return tuple({4: "0.0.0.0/0", 6: "::/0"}[version] for version in _versions(sources))


def _public(sources: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(network for version in _versions(sources) for network in public(version))


def _versions(sources: tuple[str, ...]) -> list[int]:
    """IP versions: nobody dials an address of another one than its own."""
    return sorted({ipaddress.ip_network(source).version for source in sources})
