"""Which kinds of resource a stack may have at all: whatever is not known here is refused.

So an authoritative class (one that owns a whole security group, firewall policy, route table or IAM policy, and throws
out what the customer wrote) needs no list of its own; the best known are named, so that the refusal says why.
"""

from __future__ import annotations

from collections.abc import Iterator

from policy.seen import Limits, Seen

KNOWN = (
    "pulumi:",
    "support-access:",
    "tailnet:index:",
    "tailscale:index/oauthClient:",
    "tailscale:index/federatedIdentity:",
    "tailscale:index/tailnetKey:",
    "kubernetes:core/v1:Namespace",
    "kubernetes:core/v1:Secret",
    "kubernetes:core/v1:Service",
    "kubernetes:core/v1:ServiceAccount",
    "kubernetes:core/v1:ConfigMap",
    "kubernetes:rbac.authorization.k8s.io/v1:",
    "kubernetes:networking.k8s.io/v1:Ingress",
    "kubernetes:networking.k8s.io/v1:NetworkPolicy",
    "kubernetes:cilium.io/v2:CiliumNetworkPolicy",
    "kubernetes:helm.sh/v3:Release",
    "kubernetes:tailscale.com/v1alpha1:",
    "aws:vpc/securityGroupEgressRule:",
    "aws:networkfirewall/ruleGroup:",
    "aws:route53/resolverFirewallDomainList:",
    "aws:route53/resolverFirewallRule:",
    "aws:route53/resolverFirewallRuleGroup:",
    "aws:route53/resolverFirewallRuleGroupAssociation:",
    "gcp:compute/firewall:",
    "gcp:compute/networkFirewallPolicyRule:",
    "gcp:compute/regionNetworkFirewallPolicyRule:",
    "gcp:networksecurity/gatewaySecurityPolicyRule:",
    "gcp:networksecurity/urlList:",
    "azure-native:network:FirewallPolicyRuleCollectionGroup",
    "azure-native:network:SecurityRule",
)
TAILNET_STACK = (
    "tailscale:index/dnsPreferences:",
    "tailscale:index/tailnetSettings:",
    "tailscale:index/logstreamConfiguration:",
    "tailscale:index/awsExternalId:",
    "tailscale:index/webhook:",
)
"""What the whole tailnet shares, and only its one stack may own."""

WHY = {
    "tailscale:index/acl:": "it replaces the whole policy document of the tailnet, and resets it when it is deleted",
    "aws:ec2/securityGroup:": "it owns every rule of the group and throws out the customer's",
    "aws:ec2/defaultSecurityGroup:": "it takes the customer's default group over and empties it",
    "aws:ec2/networkAcl:": "it owns every rule of the subnets",
    "aws:ec2/routeTable:": "it owns every route",
    "aws:networkfirewall/firewallPolicy:": "it owns the customer's whole firewall policy",
    "azure-native:network:NetworkSecurityGroup": "it owns every rule of the group and throws out the customer's",
    "azure-native:network:FirewallPolicy": "it owns the customer's whole firewall policy",
    "gcp:projects/iAMPolicy:": "it owns every binding of the project",
    "gcp:compute/network:": "it owns the customer's network",
}


def known_kinds(seen: Seen, limits: Limits) -> Iterator[str]:
    """A kind that no stack needs. limits: `also`, further beginnings of type tokens."""
    allowed = (*KNOWN, *limits.get("also", ()))
    if limits.get("tailnet"):
        allowed += TAILNET_STACK
    if seen.type.startswith(allowed):
        return
    why = next((reason for kind, reason in WHY.items() if seen.type.startswith(kind)), None)
    if why is None and seen.type.startswith(TAILNET_STACK):
        why = "it belongs to the whole tailnet, and only the stack `tailnet` may own it"
    yield f"{seen.type} is no kind that support access needs{f': {why}' if why else ''}."
