"""Nothing is opened inward: no inbound rule, no public address, no load balancer, no Funnel, in no cloud."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any

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
AWS_RULES = "aws:networkfirewall/ruleGroup:"
DIRECTIONS = {
    "gcp:compute/firewall:": ("direction", "EGRESS"),
    "gcp:compute/networkFirewallPolicyRule:": ("direction", "EGRESS"),
    "gcp:compute/regionNetworkFirewallPolicyRule:": ("direction", "EGRESS"),
    "azure-native:network:SecurityRule": ("direction", "Outbound"),
    "aws:ec2/securityGroupRule:": ("type", "egress"),
}
"""Types whose direction is a property: which, and what it must say. Left out, some clouds mean inbound."""
NETWORK_POLICIES = ("NetworkPolicy", "CiliumNetworkPolicy")
SLICE = "tailnet:index:PolicySlice"
CLASS = "kubernetes.io/ingress.class"
FUNNEL = "funnel"


def inbound(seen: Seen, limits: Limits) -> Iterator[str]:
    """A rule that lets somebody in."""
    del limits
    if any(name in seen.type for name in INBOUND_TYPES):
        yield f"{seen.type} lets traffic in. Support access only ever dials out."
    for collection in seen.props.get("ruleCollections") or () if seen.type.startswith(AZURE_GROUP) else ():
        if collection.get("ruleCollectionType") == "FirewallPolicyNatRuleCollection":
            yield f"rule collection {collection.get('name')} translates addresses: it lets traffic in."
    if seen.type.startswith(AWS_RULES):
        group = seen.props.get("ruleGroup") or {}
        yield from _suricata(group.get("rulesSource") or {})
        yield from _home(group.get("ruleVariables") or {})
    # Cilium takes one rule under `spec`, or several under `specs`.
    rules = [seen.props.get("spec"), *(seen.props.get("specs") or ())] if seen.kind in NETWORK_POLICIES else []
    if any((rule or {}).get("ingress") for rule in rules):
        yield "its ingress lets others reach pods that another policy may keep from them."
    for kind, (key, wanted) in DIRECTIONS.items():
        if seen.type.startswith(kind) and seen.props.get(key) != wanted:
            said = seen.props.get(key)
            yield f"its {key} is {said!r} and must be said to be {wanted!r}: left out, it may mean inbound."


def public(seen: Seen, limits: Limits) -> Iterator[str]:
    """An address or a door that the internet sees."""
    del limits
    if seen.type.startswith(PUBLIC_TYPES):
        yield f"{seen.type} is an address or a balancer that others can dial. None is needed."
    if seen.kind == "Service":
        yield from _service(seen)
    if seen.kind == "Ingress" and (
        (seen.props.get("spec") or {}).get("ingressClassName") != "tailscale" or CLASS in seen.annotations
    ):
        yield "an Ingress of another class than tailscale is served by whatever controller takes it, perhaps publicly."
    if str(seen.annotations.get("tailscale.com/funnel", "false")).lower() not in ("false", ""):
        yield "tailscale.com/funnel makes it public on the internet."
    if seen.type == SLICE:
        for entry in (seen.props.get("sections") or {}).get("nodeAttrs") or ():
            if FUNNEL in map(str, entry.get("attr") or ()):
                yield "its nodeAttrs let machines use Funnel, which makes them public on the internet."


def _service(seen: Seen) -> Iterator[str]:
    spec = seen.props.get("spec") or {}
    kind = spec.get("type")
    if kind == "LoadBalancer" and spec.get("loadBalancerClass") == "tailscale":
        if spec.get("allocateLoadBalancerNodePorts") is not False:
            yield "a balancer opens a port on every node too, unless allocateLoadBalancerNodePorts is false."
    elif kind in ("LoadBalancer", "NodePort"):
        yield f"a Service of type {kind} can be dialled from outside of the cluster."
    if spec.get("externalIPs"):
        yield "a Service with externalIPs can be dialled from outside of the cluster."


def _suricata(source: Mapping[str, Any]) -> Iterator[str]:
    """Rules of AWS Network Firewall: text in which every connection begins in $HOME_NET."""
    rules = source.get("rulesString")
    if not isinstance(rules, str):
        yield "its rules are not in rulesString, so nobody can say in which direction they let traffic pass."
        return
    for line in filter(None, map(str.strip, rules.splitlines())):
        words = line.partition("(")[0].split()
        if not line.startswith("#") and (words[2:3] != ["$HOME_NET"] or words[4:5] != ["->"]):
            yield f"the rule `{' '.join(words)}` does not say that $HOME_NET begins: it may let traffic in."


def _home(variables: Mapping[str, Any]) -> Iterator[str]:
    """What $HOME_NET is, where the group says so: were it everywhere, everybody would begin."""
    for each in variables.get("ipSets") or ():
        if each.get("key") != "HOME_NET":
            continue
        said = [str(one) for one in (each.get("ipSet") or {}).get("definitions") or ()]
        networks = [ipaddress.ip_network(one, strict=False) for one in said]
        version_4 = ipaddress.collapse_addresses(one for one in networks if isinstance(one, ipaddress.IPv4Network))
        version_6 = ipaddress.collapse_addresses(one for one in networks if isinstance(one, ipaddress.IPv6Network))
        if any(one.prefixlen == 0 for one in (*version_4, *version_6)):
            yield f"its $HOME_NET is {', '.join(said)}, which is everywhere: it lets traffic in."
