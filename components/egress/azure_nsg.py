"""Security rules in a network security group that the customer already has, in Azure.

Owns one outbound rule per protocol, each removed alone; never the group, nothing inbound. A name or priority that the
customer already uses is refused and stays the customer's. Security groups know addresses, not names, and open for every
pod of the node: relays have no fixed addresses, so `any443` opens TCP 443 to every public address; a list of ranges is
the customer's own bound. Dies after the release.
"""

from __future__ import annotations

from collections.abc import Iterable

import pulumi
from pulumi_azure_native import network

from components import PACKAGE
from components.egress import left_out
from components.egress.azure_ranges import merged
from components.egress.destinations import Destination, static_ranges
from components.egress.public_addresses import public
from components.egress.target import Target, TargetArgs, description
from components.endpoints.published import HTTPS, STUN_PORT
from components.settings.egress_azure import AzureNsgEgress


def destinations(egress: AzureNsgEgress, rows: Iterable[Destination]) -> list[str]:
    """Of the TCP rule: every public address, or the static ranges of `rows` and the customer's lists. IPv4 alone."""
    if egress.derp == "any443":
        return public(4)
    bounds = egress.certificate_authority if isinstance(egress.certificate_authority, tuple) else ()
    static = [cidr for cidr in static_ranges(rows) if ":" not in cidr]
    return merged((*static, *egress.derp, *bounds))


class AzureNsg(Target):
    """TCP 443, and UDP on request, out of one network security group."""

    def __init__(
        self,
        name: str,
        args: TargetArgs[AzureNsgEgress],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(f"{PACKAGE}:egress:AzureNsg", name, None, opts)
        egress = args.egress
        tcp = destinations(egress, args.rows)
        left_out.tell(args, left_out.within(tcp), "addresses on TCP 443")
        made = [self._rule(name, args, "tcp", egress.priority, str(HTTPS), tcp)]
        if egress.udp_priority is not None:
            port = str(STUN_PORT) if egress.udp == "stun" else "1-65535"
            made.append(self._rule(name, args, "udp", egress.udp_priority, port, public(4)))
        self.handoff = {"target": egress.target, "place": egress.place, "rules": made}
        self.register_outputs(self.handoff)

    def _rule(
        self,
        name: str,
        args: TargetArgs[AzureNsgEgress],
        protocol: str,
        priority: int,
        port: str,
        to: list[str],
    ) -> pulumi.Output[str]:
        rule = network.SecurityRule(
            f"{name}-{protocol}",
            resource_group_name=args.egress.resource_group,
            network_security_group_name=args.egress.name,
            security_rule_name=f"support-access-{args.names.name}-{protocol}",
            description=description(args.names),
            direction="Outbound",
            access="Allow",
            priority=priority,
            protocol=protocol.title(),
            source_address_prefixes=merged(args.egress.sources),
            source_port_range="*",
            destination_address_prefixes=to,
            destination_port_range=port,
            # A name is taken once: a replacement has to go before it comes.
            opts=pulumi.ResourceOptions(
                parent=self, provider=args.provider, depends_on=[args.narrowed], delete_before_replace=True
            ),
        )
        return rule.id
