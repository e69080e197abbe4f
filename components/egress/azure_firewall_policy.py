"""Rules on TLS server names in the policy of a firewall that the customer already has, in Azure.

Owns one rule collection group, which is a child of the policy with a life of its own; never the policy, never another
group. Application rules compare the server name without decrypting anything. They are asked after all network rules: a
network rule of the customer that denies TCP 443 comes first whatever its number, and so does an application rule of a
parent policy. A policy takes one operation at a time, and each takes minutes, hence one group per stack and no IP
groups. Dies after the release.
"""

from __future__ import annotations

import pulumi
from pulumi_azure_native import network

from components import PACKAGE
from components.egress import left_out
from components.egress.azure_policy import Unreadable, cautions, look_up, problems, unreadable
from components.egress.azure_ranges import merged
from components.egress.destinations import UDP, Spelling, spelled
from components.egress.public_addresses import public
from components.egress.target import Target, TargetArgs, description
from components.settings.egress_azure import AzureFirewallPolicyEgress
from components.settings.problems import SettingsError

NAMES_PRIORITY, UDP_PRIORITY = 100, 200
"""Of the collections within our own group. Network rules are asked first anyway."""


class AzureFirewallPolicy(Target):
    """TLS to the names that the operator and its nodes dial, and UDP on request, out of the sources."""

    def __init__(
        self,
        name: str,
        args: TargetArgs[AzureFirewallPolicyEgress],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(f"{PACKAGE}:egress:AzureFirewallPolicy", name, None, opts)
        egress = args.egress
        _fits(args)
        left_out.tell(args, left_out.is_named, "names")
        group = network.FirewallPolicyRuleCollectionGroup(
            f"{name}-rules",
            resource_group_name=egress.resource_group,
            firewall_policy_name=egress.name,
            rule_collection_group_name=f"support-access-{args.names.name}",
            priority=egress.priority,
            rule_collections=[
                _collection("names", NAMES_PRIORITY, _names(args)),
                *([_collection("udp", UDP_PRIORITY, _udp(args))] if egress.udp != "off" else []),
            ],
            # A name is taken once: a replacement has to go before it comes.
            opts=pulumi.ResourceOptions(
                parent=self, provider=args.provider, depends_on=[args.narrowed], delete_before_replace=True
            ),
        )
        self.handoff = {"target": egress.target, "place": egress.place, "ruleCollectionGroup": group.id}
        self.register_outputs(self.handoff)


def _fits(args: TargetArgs[AzureFirewallPolicyEgress]) -> None:
    """Ends the run before anything is made when the customer's policy cannot take the group."""
    stack = args.names.name
    try:
        policy = look_up(args.egress, args.provider)
    except Unreadable as reason:
        raise pulumi.RunError(str(SettingsError(stack, [unreadable(args.index, str(reason))]))) from None
    found = list(problems(stack, args.index, args.egress, policy))
    if found:
        raise pulumi.RunError(str(SettingsError(stack, found)))
    for caution in cautions(args.egress, policy):
        pulumi.log.warn(caution)


def _collection(
    what: str, priority: int, rules: list[network.ApplicationRuleArgs] | list[network.NetworkRuleArgs]
) -> network.FirewallPolicyFilterRuleCollectionArgs:
    """A collection has rules of one type only. The SDK sends plain dictionaries here as they are, in Python's spelling,
    which Azure does not know: classes all the way down."""
    return network.FirewallPolicyFilterRuleCollectionArgs(
        rule_collection_type="FirewallPolicyFilterRuleCollection",
        name=what,
        priority=priority,
        action=network.FirewallPolicyFilterRuleCollectionActionArgs(type="Allow"),
        rules=rules,
    )


def _names(args: TargetArgs[AzureFirewallPolicyEgress]) -> list[network.ApplicationRuleArgs]:
    """One rule per port: a rule lets each of its names through at each of its ports."""
    by_port: dict[int, list[str]] = {}
    for host, port in spelled(args.rows, Spelling.WILDCARD):
        by_port.setdefault(port, []).append(host)
    return [
        network.ApplicationRuleArgs(
            rule_type="ApplicationRule",
            name=f"tls-{port}",
            description=description(args.names),
            source_addresses=merged(args.egress.sources),
            target_fqdns=sorted(hosts),
            protocols=[network.FirewallPolicyRuleApplicationProtocolArgs(protocol_type="Https", port=port)],
        )
        for port, hosts in sorted(by_port.items())
    ]


def _udp(args: TargetArgs[AzureFirewallPolicyEgress]) -> list[network.NetworkRuleArgs]:
    """As this target opens it, whatever another one does."""
    return [
        network.NetworkRuleArgs(
            rule_type="NetworkRule",
            name=f"udp-{args.egress.udp}",
            description=description(args.names),
            ip_protocols=["UDP"],
            source_addresses=merged(args.egress.sources),
            destination_addresses=public(4),
            destination_ports=[str(row.port or "1-65535")],
        )
        for row in UDP[args.egress.udp]
    ]
