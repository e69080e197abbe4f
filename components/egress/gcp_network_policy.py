"""A rule by names in a network firewall policy that the customer already has, in GCP.

Owns one rule, which its policy knows by its priority; never the policy, nor what networks it is for. Google resolves
the names itself and lets their addresses pass, so relays are spelled by the aliases that resolve to all of a region. By
default a policy is asked after hierarchical policies and classic VPC rules: behind a classic deny this rule is never
asked. A customer that writes all rules of the policy in one object takes ours out at its next run.

Dies after the release, by its priority. A rule that somebody else removed makes refresh and destroy fail: Google
answers 400, and the provider takes only a 404 for gone.
"""

from __future__ import annotations

from typing import Any

import pulumi
import pulumi_gcp as gcp

from components import PACKAGE
from components.egress import left_out
from components.egress.destinations import Spelling, are_published_relays
from components.egress.gcp_names import hosts, object_name
from components.egress.target import Target, TargetArgs, description
from components.endpoints.derp_map import alias
from components.endpoints.published import HTTPS, STUN_PORT
from components.settings.egress_gcp import REGIONS, GcpNetworkPolicyEgress


class GcpNetworkPolicy(Target):
    """TCP 443, and UDP 3478 on request, to the needed names, for the named machines."""

    def __init__(
        self,
        name: str,
        args: TargetArgs[GcpNetworkPolicyEgress],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(f"{PACKAGE}:egress:GcpNetworkPolicy", name, None, opts)
        egress = args.egress
        left_out.tell(args, left_out.is_named_on_443, "names on TCP 443")
        rule = self._rule(
            f"{name}-rule",
            opts=pulumi.ResourceOptions(
                # A policy has one rule per priority: a replacement has to go before it comes.
                parent=self,
                provider=args.provider,
                depends_on=[args.narrowed],
                delete_before_replace=True,
            ),
            args=args,
        )
        self.handoff = {
            "target": egress.target,
            "place": egress.place,
            "rule": rule.id,
            "customerChecks": [
                f"The policy is associated with the network of the nodes, and no rule of it numbered below"
                f" {egress.priority} denies this.",
                "No classic VPC rule denies it, unless the network asks policies first; and no hierarchical policy"
                " does.",
                "The network resolves names by Cloud DNS, with no other name server in its place.",
            ],
        }
        self.register_outputs(self.handoff)

    def _rule(
        self, name: str, *, args: TargetArgs[GcpNetworkPolicyEgress], opts: pulumi.ResourceOptions
    ) -> pulumi.CustomResource:
        egress = args.egress
        common: dict[str, Any] = {
            "project": egress.project,
            "firewall_policy": egress.name,
            "priority": egress.priority,
            "rule_name": object_name(args.names, "rule", egress.place),
            "description": description(args.names),
            "action": "allow",
            "direction": "EGRESS",
            "match": {"dest_fqdns": names(args), "layer4_configs": _ports(egress)},
            "target_service_accounts": list(egress.service_accounts) or None,
            "target_secure_tags": [{"name": tag} for tag in egress.secure_tags] or None,
            "opts": opts,
        }
        if region := egress.part("region"):
            return gcp.compute.RegionNetworkFirewallPolicyRule(name, region=region, **common)
        return gcp.compute.NetworkFirewallPolicyRule(name, **common)


def names(args: TargetArgs[GcpNetworkPolicyEgress]) -> list[str]:
    """Every name of the rule, sorted; those of regions that our copy of the relay map does not know come on request."""
    later = {
        region
        for row in filter(are_published_relays, args.rows)
        for region in range(REGIONS + 1, args.egress.relay_regions + 1)
        if region not in row.without
    }
    return sorted({*hosts(args.rows, Spelling.ALIASES), *map(alias, later)})


def _ports(egress: GcpNetworkPolicyEgress) -> list[dict[str, Any]]:
    stun = [{"ip_protocol": "udp", "ports": [str(STUN_PORT)]}] if egress.udp == "stun" else []
    return [{"ip_protocol": "tcp", "ports": [str(HTTPS)]}, *stun]
