"""Nothing is opened inward: no inbound rule, no public address, no load balancer, no Funnel, in no cloud."""

from __future__ import annotations

from collections.abc import Iterator

from policy.seen import Limits, Seen

INBOUND_TYPES = ("securityGroupIngressRule", "NatRuleCollection", "ForwardingRule", "InboundNatRule")
PUBLIC_TYPES = (
    "aws:ec2/eip:",
    "aws:lb/",
    "aws:alb/",
    "aws:elb/",
    "aws:ec2/internetGateway:",
    "azure-native:network:PublicIPAddress",
    "azure-native:network:PublicIPPrefix",
    "azure-native:network:LoadBalancer",
    "gcp:compute/address:",
    "gcp:compute/globalAddress:",
    "gcp:compute/forwardingRule:",
    "gcp:compute/globalForwardingRule:",
)
AZURE_GROUP = "azure-native:network:FirewallPolicyRuleCollectionGroup"
DIRECTIONS = {
    "gcp:compute/firewall:Firewall": "EGRESS",
    "gcp:compute/networkFirewallPolicyRule:NetworkFirewallPolicyRule": "EGRESS",
    "gcp:compute/regionNetworkFirewallPolicyRule:RegionNetworkFirewallPolicyRule": "EGRESS",
    "azure-native:network:SecurityRule": "Outbound",
    "aws:ec2/securityGroupRule:SecurityGroupRule": "egress",
}
"""Types whose direction is a property. Left out, some clouds mean inbound: so it must be said."""
DIRECTION_KEYS = ("direction", "type")


def inbound(seen: Seen, limits: Limits) -> Iterator[str]:
    """A rule that lets somebody in."""
    del limits
    if any(name in seen.type for name in INBOUND_TYPES):
        yield f"{seen.type} lets traffic in. Support access only ever dials out."
    for collection in seen.props.get("ruleCollections") or () if seen.type.startswith(AZURE_GROUP) else ():
        if collection.get("ruleCollectionType") == "FirewallPolicyNatRuleCollection":
            yield f"rule collection {collection.get('name')} translates addresses: it lets traffic in."
    wanted = next((value for kind, value in DIRECTIONS.items() if seen.type.startswith(kind)), None)
    if wanted is not None:
        said = next((seen.props[key] for key in DIRECTION_KEYS if key in seen.props), None)
        if said != wanted:
            yield f"its direction is {said!r} and must be said to be {wanted!r}: left out, it may mean inbound."


def public(seen: Seen, limits: Limits) -> Iterator[str]:
    """An address or a door that the internet sees."""
    del limits
    if seen.type.startswith(PUBLIC_TYPES):
        yield f"{seen.type} is an address or a balancer that others can dial. None is needed."
    if seen.kind == "Service":
        spec = seen.props.get("spec") or {}
        exposed = spec.get("loadBalancerClass") == "tailscale"
        if spec.get("type") in ("LoadBalancer", "NodePort") and not exposed:
            yield f"a Service of type {spec['type']} can be dialled from outside of the cluster."
        if spec.get("externalIPs"):
            yield "a Service with externalIPs can be dialled from outside of the cluster."
    if seen.kind == "Ingress" and (seen.props.get("spec") or {}).get("ingressClassName") != "tailscale":
        yield "an Ingress of another class than tailscale is served by whatever controller takes it, perhaps publicly."
    if str(seen.annotations.get("tailscale.com/funnel", "false")).lower() not in ("false", ""):
        yield "tailscale.com/funnel makes it public on the internet."
