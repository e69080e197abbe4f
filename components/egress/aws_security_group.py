"""Egress rules on a security group that the customer already has, in AWS.

Owns standalone rules of its own, each removed alone; never the group, never an inline or exclusive class, nothing
inbound. A rule that the customer already has is refused by AWS (InvalidPermission.Duplicate): it is theirs, and
taking it over would delete it at the kill. Security groups know addresses, not names, and open for every pod on the
node: relays have no fixed addresses, so `any443` opens TCP 443 to everywhere, as Tailscale itself advises; a list of
ranges is the customer's own bound. Dies after the release, so that finalizers can still be seen to.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import pulumi
import pulumi_aws as aws

from components import PACKAGE
from components.egress import left_out
from components.egress.destinations import Destination, static_ranges
from components.egress.target import Target, TargetArgs, description, tags
from components.endpoints.published import HTTPS, STUN_PORT
from components.settings.egress_aws import AwsSecurityGroupEgress

ANYWHERE = ("0.0.0.0/0", "::/0")


class Rule(NamedTuple):
    """One rule: a protocol, ports from first to last, and one destination."""

    protocol: str
    first: int
    last: int
    cidr: str


def rules(egress: AwsSecurityGroupEgress, rows: Iterable[Destination]) -> list[Rule]:
    """TCP 443 to anywhere, or to the static ranges of `rows` and the customer's lists; and UDP on request.

    IPv6 only on request: in a network without it the rule is refused.
    """
    bounds = egress.certificate_authority if isinstance(egress.certificate_authority, tuple) else ()
    bounded = (*static_ranges(rows), *egress.derp, *bounds)
    tcp = ANYWHERE if egress.derp == "any443" else bounded
    wanted = {Rule("tcp", HTTPS, HTTPS, cidr) for cidr in tcp}
    if egress.udp != "off":
        ports = (STUN_PORT, STUN_PORT) if egress.udp == "stun" else (1, 65535)
        wanted |= {Rule("udp", *ports, cidr) for cidr in ANYWHERE}
    return sorted(rule for rule in wanted if egress.ipv6 or ":" not in rule.cidr)


class AwsSecurityGroup(Target):
    """TCP 443, and UDP on request, out of one security group."""

    def __init__(
        self,
        name: str,
        args: TargetArgs[AwsSecurityGroupEgress],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(f"{PACKAGE}:egress:AwsSecurityGroup", name, None, opts)
        wanted = rules(args.egress, args.rows)
        tcp = [rule.cidr for rule in wanted if rule.protocol == "tcp"]
        left_out.tell(args, left_out.within(tcp), "addresses on TCP 443")
        made: list[pulumi.Output[str]] = []
        for protocol, first, last, cidr in wanted:
            rule = aws.vpc.SecurityGroupEgressRule(
                f"{name}-{protocol}-{cidr}",
                security_group_id=args.egress.security_group,
                ip_protocol=protocol,
                from_port=first,
                to_port=last,
                cidr_ipv4=None if ":" in cidr else cidr,
                cidr_ipv6=cidr if ":" in cidr else None,
                description=description(args.names),
                tags=tags(args.names),
                # The same rule cannot stand twice: a replacement has to go before it comes.
                opts=pulumi.ResourceOptions(
                    parent=self, provider=args.provider, depends_on=[args.narrowed], delete_before_replace=True
                ),
            )
            made.append(rule.id)
        self.handoff = {"target": args.egress.target, "place": args.egress.place, "rules": made}
        self.register_outputs(self.handoff)
