"""Names that AWS answers in a VPC whose DNS Firewall blocks the others: Route 53 Resolver DNS Firewall.

Owns a list of names, a rule group with one ALLOW rule, and its association with the customer's VPC. Never another
group, nor the VPC's fail-open switch. Never enough alone: relays are dialled by address, which no DNS rule sees. An
ALLOW that is asked first also overrides a block of these names by the customer. Dies in the order of its edges; the
association takes no protection, which would hold up the kill.
"""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from components import PACKAGE
from components.egress.destinations import Spelling, spelled
from components.egress.target import Target, TargetArgs, tags
from components.settings.egress_aws import AwsDnsFirewallEgress

RULE_PRIORITY = 1
"""Within our own group, which has one rule."""


class AwsDnsFirewall(Target):
    """Answers for the names that the operator and its nodes ask for."""

    def __init__(
        self,
        name: str,
        args: TargetArgs[AwsDnsFirewallEgress],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(f"{PACKAGE}:egress:AwsDnsFirewall", name, None, opts)
        called, labels = f"support-access-{args.names.name}", tags(args.names)
        mine = pulumi.ResourceOptions(parent=self, provider=args.provider, depends_on=[args.narrowed])
        names = aws.route53.ResolverFirewallDomainList(
            f"{name}-names",
            name=called,
            domains=sorted({host for host, _ in spelled(args.rows, Spelling.WILDCARD)}),
            tags=labels,
            opts=mine,
        )
        group = aws.route53.ResolverFirewallRuleGroup(f"{name}-group", name=called, tags=labels, opts=mine)
        rule = aws.route53.ResolverFirewallRule(
            f"{name}-allow",
            name=called,
            action="ALLOW",
            firewall_domain_list_id=names.id,
            firewall_rule_group_id=group.id,
            # The certificate authority is an alias of a CDN's name: that one is let through with it.
            firewall_domain_redirection_action="TRUST_REDIRECTION_DOMAIN",
            priority=RULE_PRIORITY,
            # A group has one rule per priority: a replacement has to go before it comes.
            opts=pulumi.ResourceOptions(parent=self, provider=args.provider, delete_before_replace=True),
        )
        association = aws.route53.ResolverFirewallRuleGroupAssociation(
            f"{name}-association",
            name=called,
            firewall_rule_group_id=group.id,
            vpc_id=args.egress.vpc,
            priority=args.egress.priority,
            mutation_protection="DISABLED",
            tags=labels,
            # Only a whole group is asked. And a VPC has one group per priority, as above.
            opts=pulumi.ResourceOptions(
                parent=self, provider=args.provider, depends_on=[rule], delete_before_replace=True
            ),
        )
        self.handoff = {
            "target": args.egress.target,
            "place": args.egress.place,
            "ruleGroup": group.arn,
            "association": association.id,
        }
        self.register_outputs(self.handoff)
