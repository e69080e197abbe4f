"""Which kinds of resource a stack may have at all: whatever is not known here is refused.

So a list, a patch or a manifest that would hold a known kind where no other rule looks for it needs no rule of its own,
nor does an authoritative class (one that owns a whole security group, firewall policy, route table or IAM policy, and
throws out what the customer wrote); the best known are named, so that the refusal says why. And that nothing keeps the
engine from taking one away, or from changing one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from policy.seen import TAILNET, Limits, Seen

KNOWN = (
    "pulumi:pulumi:",
    "pulumi:providers:",
    "support-access:",
    "tailnet:index:",
    "tailscale:index/oauthClient:",
    "tailscale:index/federatedIdentity:",
    "tailscale:index/tailnetKey:",
    "kubernetes:core/v1:ConfigMap",
    "kubernetes:core/v1:Namespace",
    "kubernetes:core/v1:Secret",
    "kubernetes:core/v1:Service",
    "kubernetes:core/v1:ServicePatch",
    "kubernetes:core/v1:ServiceAccount",
    "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole",
    "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding",
    "kubernetes:rbac.authorization.k8s.io/v1:Role",
    "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding",
    "kubernetes:networking.k8s.io/v1:Ingress",
    "kubernetes:networking.k8s.io/v1:NetworkPolicy",
    "kubernetes:cilium.io/v2:CiliumNetworkPolicy",
    "kubernetes:helm.sh/v3:Release",
    "kubernetes:tailscale.com/v1alpha1:Connector",
    "kubernetes:tailscale.com/v1alpha1:ProxyClass",
    "kubernetes:tailscale.com/v1alpha1:ProxyGroup",
    "kubernetes:tailscale.com/v1alpha1:Recorder",
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
"""Type tokens; what ends in a colon stands for all that begins so."""
TAILNET_STACK = (
    "tailscale:index/dnsPreferences:",
    "tailscale:index/tailnetSettings:",
    "tailscale:index/logstreamConfiguration:",
    "tailscale:index/awsExternalId:",
    "tailscale:index/webhook:",
)
"""What the whole tailnet shares, and only its one stack may own."""

NEVER = {
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
"""What no limit lets in, and why."""

WAYS_IN = (
    "tailnet:index:",
    "tailscale:index/oauthClient:",
    "tailscale:index/federatedIdentity:",
    "tailscale:index/tailnetKey:",
)
BOUNDS = ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")
"""What lets in, and what bounds it: a change of these is never passed by."""

_VERSION = re.compile(r"/v\d{8}(preview)?:")
"""Azure's kinds are there once more for each version of the API."""


def known_kinds(seen: Seen, limits: Limits) -> Iterator[str]:
    """A kind that no stack needs. limits: `also`, further beginnings of type tokens; `tailnet`, whether the stack may
    own what the whole tailnet shares."""
    kind = _VERSION.sub(":", seen.type)
    if why := next((reason for token, reason in NEVER.items() if _is(kind, token)), None):
        yield f"{seen.type} is no kind that support access needs: {why}."
        return
    if seen.protected:
        yield "it is protected: `pulumi destroy` would stop at it, and the access would stay."
    if seen.ignored and (seen.kind in BOUNDS or any(_is(seen.type, token) for token in WAYS_IN)):
        yield f"changes of {', '.join(seen.ignored)} are ignored: what the stack takes away would stay."
    if _other(seen):
        yield f"its token says {seen.type} and its body {seen.props.get('apiVersion')} {seen.props.get('kind')}."
    if any(_is(seen.type, token) for token in KNOWN) or seen.type.startswith(tuple(limits.get("also", ()))):
        return
    if not seen.type.startswith(TAILNET_STACK):
        yield f"{seen.type} is no kind that support access needs."
    elif not limits.get("tailnet"):
        yield (
            f"{seen.type} is no kind that support access needs: it belongs to the whole tailnet, and only the stack"
            f" `{TAILNET}` may own it."
        )


def _is(kind: str, token: str) -> bool:
    return kind.startswith(token) if token.endswith(":") else kind == token


def _other(seen: Seen) -> bool:
    """Whether the body is of another kind than the token: the provider goes by the body, the other rules do not."""
    if not seen.kind:
        return False
    version = seen.type.removeprefix("kubernetes:").rpartition(":")[0].removeprefix("core/")
    said = (seen.props.get("apiVersion") or version, seen.props.get("kind") or seen.kind)
    return said != (version, seen.kind)
