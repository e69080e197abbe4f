"""Egress rules on a security group that the customer already has, in AWS.

Owns standalone rules of its own, each removed alone; never the group, never an inline or exclusive class, nothing
inbound. A rule that the customer already has is refused by AWS (InvalidPermission.Duplicate): it is theirs, and
taking it over would delete it at the kill. Security groups know addresses, not names, and open for every pod on the
node: relays have no fixed addresses, so `any443` opens TCP 443 to everywhere, as Tailscale itself advises; a list of
ranges is the customer's own bound. Dies after the release, so that finalizers can still be seen to.
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components import PACKAGE
from components.egress.destinations import CONTROL_RANGES_V4, CONTROL_RANGES_V6
from components.naming import Names
from components.settings import AwsSecurityGroupEgress

ANY_V4, ANY_V6 = "0.0.0.0/0", "::/0"


def ranges(egress: AwsSecurityGroupEgress) -> list[str]:
    """Destination ranges, each a rule of its own: anywhere, or the control plane and the customer's list.

    IPv6 only on request: in a network without it the rule is refused.
    """
    anywhere = [ANY_V4, ANY_V6]
    wanted = anywhere if egress.derp == "any443" else [*CONTROL_RANGES_V4, *CONTROL_RANGES_V6, *egress.derp]
    return sorted({cidr for cidr in wanted if egress.ipv6 or ":" not in cidr})


@dataclass(frozen=True, kw_only=True, slots=True)
class AwsSecurityGroupArgs:
    """egress: the stack's settings. names: of the environment, on every rule. narrowed: what must have taken away
    access that is no longer declared, before the customer's cloud is asked anything."""

    egress: AwsSecurityGroupEgress
    names: Names
    narrowed: pulumi.Resource


class AwsSecurityGroup(pulumi.ComponentResource):
    """TCP 443 out of one security group."""

    rules: list[pulumi.Output[str]]
    """Ids of the rules (`sgr-...`), for whoever checks them in the console."""

    def __init__(self, name: str, args: AwsSecurityGroupArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{PACKAGE}:egress:AwsSecurityGroup", name, None, opts)
        # Region is a fact of the stack; credentials are of the environment, never of the stack file.
        provider = aws.Provider(f"{name}-aws", region=args.egress.region, opts=pulumi.ResourceOptions(parent=self))
        self.rules = []
        for cidr in ranges(args.egress):
            rule = aws.vpc.SecurityGroupEgressRule(
                f"{name}-{cidr}",
                security_group_id=args.egress.security_group,
                ip_protocol="tcp",
                from_port=443,
                to_port=443,
                cidr_ipv4=None if ":" in cidr else cidr,
                cidr_ipv6=cidr if ":" in cidr else None,
                description=f"Tailscale operator, support access to {args.names.name}",
                tags={"Name": args.names.resource("egress"), **args.names.labels},
                # The same rule cannot stand twice: a replacement has to go before it comes.
                opts=pulumi.ResourceOptions(
                    parent=self, provider=provider, depends_on=[args.narrowed], delete_before_replace=True
                ),
            )
            self.rules.append(rule.id)
        self.register_outputs({"rules": self.rules})
