"""Classic egress rules in a VPC network that the customer already has, in GCP.

Owns rules of its own, one per protocol and IP family, each removed alone; never the network, nothing inbound: a rule
whose direction is not said would be INGRESS, so it always is. Classic rules know addresses, not names. Relays have no
fixed ones, so `any443` opens TCP 443 to every public address; a list of ranges is the customer's own bound. By default
Google asks classic rules before network firewall policies and after hierarchical ones. Dies after the release.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import NamedTuple

import pulumi
import pulumi_gcp as gcp

from components import PACKAGE
from components.egress import left_out
from components.egress.destinations import Destination, static_ranges
from components.egress.gcp_names import object_name
from components.egress.public_addresses import public
from components.egress.target import Target, TargetArgs, description
from components.endpoints.published import HTTPS, STUN_PORT
from components.settings.egress_gcp import GcpVpcFirewallEgress


class Rule(NamedTuple):
    """One rule: a protocol, its ports as Google spells them, an IP version and networks of that version."""

    protocol: str
    ports: str
    version: int
    ranges: tuple[str, ...]

    @property
    def kind(self) -> str:
        """`tcp4`: unique among a target's rules."""
        return f"{self.protocol}{self.version}"


def rules(egress: GcpVpcFirewallEgress, rows: Iterable[Destination]) -> list[Rule]:
    """TCP 443 to every public address, or to the static ranges of `rows` and the customer's lists; and UDP on request.

    Google takes no rule with both IP families.
    """
    found, static = [], static_ranges(rows)
    for version in (4, 6):
        if version == 6 and not egress.ipv6:
            continue
        to = public(version) if egress.derp == "any443" else _bounded(egress, version, static)
        found.append(Rule("tcp", str(HTTPS), version, tuple(to)))
        if egress.udp != "off":
            ports = str(STUN_PORT) if egress.udp == "stun" else "1-65535"
            found.append(Rule("udp", ports, version, tuple(public(version))))
    return found


def _bounded(egress: GcpVpcFirewallEgress, version: int, static: list[str]) -> list[str]:
    authority = egress.certificate_authority if isinstance(egress.certificate_authority, tuple) else ()
    every = (*static, *egress.derp, *authority)
    return sorted({cidr for cidr in every if ipaddress.ip_network(cidr).version == version})


class GcpVpcFirewall(Target):
    """TCP 443, and UDP on request, out of one network, for the named machines."""

    def __init__(
        self,
        name: str,
        args: TargetArgs[GcpVpcFirewallEgress],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(f"{PACKAGE}:egress:GcpVpcFirewall", name, None, opts)
        egress = args.egress
        wanted = rules(egress, args.rows)
        tcp = [cidr for rule in wanted if rule.protocol == "tcp" for cidr in rule.ranges]
        left_out.tell(args, left_out.within(tcp), "addresses on TCP 443")
        made = [self._rule(name, args, rule) for rule in wanted]
        self.handoff = {
            "target": egress.target,
            "place": egress.place,
            "rules": made,
            "customerChecks": [
                f"No classic rule numbered {egress.priority} or below denies this, and no hierarchical policy denies it"
                " at all: they are asked first.",
            ],
        }
        self.register_outputs(self.handoff)

    def _rule(self, name: str, args: TargetArgs[GcpVpcFirewallEgress], rule: Rule) -> pulumi.Output[str]:
        egress = args.egress
        made = gcp.compute.Firewall(
            f"{name}-{rule.kind}",
            name=object_name(args.names, rule.kind, egress.place),
            description=description(args.names),
            project=egress.project,
            network=egress.network,
            direction="EGRESS",
            priority=egress.priority,
            allows=[gcp.compute.FirewallAllowArgs(protocol=rule.protocol, ports=[rule.ports])],
            destination_ranges=list(rule.ranges),
            target_service_accounts=list(egress.service_accounts) or None,
            target_tags=list(egress.network_tags) or None,
            # A name is taken once: a replacement has to go before it comes.
            opts=pulumi.ResourceOptions(
                parent=self, provider=args.provider, depends_on=[args.narrowed], delete_before_replace=True
            ),
        )
        return made.id
