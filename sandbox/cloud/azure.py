"""What Azure refuses around firewall policies and network security groups.

Paths are ARM ids without the first slash: `subscriptions/S/resourceGroups/G/providers/Microsoft.Network/<parents>/P`,
and `/<children>/C` for what lies in them. Policies and security groups are the customer's: whoever plays the customer
puts them. A policy takes one operation at a time: an object that is being written or deleted says so in its
`provisioningState`. Words are those of public reports; where none was found they say `unverified`. Not known: that
names compare without regard to case, what traffic passes, and permissions.
"""

# ruff: noqa: ARG001 - parameters of a Check

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from sandbox.cloud.refusals import Body, Found, Refusal, Rules, World, parent

POLICY = "azure-native:network:FirewallPolicy"
COLLECTION_GROUP = "azure-native:network:FirewallPolicyRuleCollectionGroup"
SECURITY_GROUP = "azure-native:network:NetworkSecurityGroup"
SECURITY_RULE = "azure-native:network:SecurityRule"

GROUPS_PER_POLICY = 50  # of policies made before July 2022; later ones take 90
RULES_PER_SECURITY_GROUP = 1000
BUSY = ("Updating", "Deleting")
TYPES = {"ApplicationRule": ("targetFqdns",), "NetworkRule": ("destinationAddresses", "destinationFqdns")}
"""Rule type to the properties of which it needs one: those that this stand-in knows."""

MISSING = Refusal(404, "NotFound", "Resource {id} not found.")
EXISTS = Refusal(412, "PreconditionFailed", "{id} exists (unverified: ARM creates and replaces alike)")
NO_PARENT = Refusal(
    404,
    "ParentResourceNotFound",
    "Can not perform requested operation on nested resource. Parent resource '{other}' not found.",
)
LOCKED = Refusal(
    409,
    "FirewallPolicyRuleCollectionGroupUpdateNotAllowedWhenUpdatingOrDeleting",
    "{name} cannot be changed while {other} is in state Updating or Deleting (unverified words)",
)


def _invalid(message: str, code: str = "InvalidRequestFormat") -> Refusal:
    return Refusal(400, code, f"{message} (unverified words)".replace("{", "{{").replace("}", "}}"))


def _siblings(kind: str, identity: str, world: World) -> dict[str, Body]:
    return {
        other: body for other, body in world[kind].items() if other != identity and parent(other) == parent(identity)
    }


def unlocked(identity: str, body: Body, world: World) -> Found | None:
    """Neither the policy nor another of its groups is being changed. Who has begun may end."""
    policy, own = parent(identity), world[COLLECTION_GROUP].get(identity, {})
    if own.get("provisioningState") in BUSY:
        return None
    around = {policy: world[POLICY].get(policy, {}), **_siblings(COLLECTION_GROUP, identity, world)}
    for other, present in around.items():
        if present.get("provisioningState") in BUSY:
            return LOCKED, other
    return None


def collection_group_fits(identity: str, body: Body, world: World) -> Found | None:
    policy = world[POLICY].get(parent(identity))
    if policy is None:
        return NO_PARENT, parent(identity)
    if locked := unlocked(identity, body, world):
        return locked
    if len(_siblings(COLLECTION_GROUP, identity, world)) >= GROUPS_PER_POLICY:
        return _invalid(f"A policy has {GROUPS_PER_POLICY} rule collection groups", "QuotaExceeded"), identity
    wrong = next(_wrong_collections(body.get("ruleCollections") or [], policy), None)
    return (_invalid(wrong), identity) if wrong else None


def _wrong_collections(collections: list[dict[str, Any]], policy: Body) -> Iterator[str]:
    for one, other in pairwise(sorted(each.get("name", "") for each in collections)):
        if one == other:
            yield f"Two collections are called {one}"
    for collection in collections:
        rules = collection.get("rules") or []
        if collection.get("ruleCollectionType") != "FirewallPolicyFilterRuleCollection":
            yield f"{collection.get('ruleCollectionType')} is no type of collection that this stand-in knows"
        if not 100 <= collection.get("priority", 0) <= 65000:
            yield "A collection's priority is between 100 and 65000"
        if (collection.get("action") or {}).get("type") not in ("Allow", "Deny"):
            yield "A collection's action is Allow or Deny"
        if len({rule.get("ruleType") for rule in rules}) != 1:
            yield "The rules of a collection are of one type"
        for rule in rules:
            yield from _wrong_rule(rule, policy)


def _wrong_rule(rule: dict[str, Any], policy: Body) -> Iterator[str]:
    kind, called = rule.get("ruleType"), rule.get("name")
    needs = TYPES.get(str(kind))
    if needs is None:
        yield f"{kind} is no type of rule that this stand-in knows"
        return
    if not any(rule.get(key) for key in needs):
        yield f"Rule {called} has no destination: {' or '.join(needs)}"
    if not rule.get("sourceAddresses"):
        yield f"Rule {called} has no sourceAddresses"
    if kind == "ApplicationRule":
        if not rule.get("protocols"):
            yield f"Rule {called} has no protocols"
        if rule.get("terminateTLS") and not policy.get("transportSecurity"):
            yield f"Rule {called} decrypts TLS, and the policy has no certificate for that"
    elif rule.get("destinationFqdns"):
        if not (policy.get("dnsSettings") or {}).get("enableProxy"):
            yield f"Rule {called} has destinationFqdns, and the policy's DNS proxy is off"
        if any("*" in host for host in rule["destinationFqdns"]):
            yield f"Rule {called} has a wildcard in destinationFqdns"


def security_rule_fits(identity: str, body: Body, world: World) -> Found | None:
    if parent(identity) not in world[SECURITY_GROUP]:
        return NO_PARENT, parent(identity)
    if len(_siblings(SECURITY_RULE, identity, world)) >= RULES_PER_SECURITY_GROUP:
        return _invalid(f"A group has {RULES_PER_SECURITY_GROUP} rules", "SecurityRuleQuotaExceeded"), identity
    families = set()
    for side in ("source", "destination"):
        one, many = body.get(f"{side}AddressPrefix", ""), body.get(f"{side}AddressPrefixes") or []
        if bool(one) == bool(many):
            return _invalid(f"One of {side}AddressPrefix and {side}AddressPrefixes is needed"), identity
        networks = sorted(_networks(many or [one]), key=lambda each: (each.version, each))
        families |= {network.version for network in networks}
        for wide, narrow in pairwise(networks):
            if wide.overlaps(narrow):
                return _overlapping(identity, side, wide, narrow), identity
    if len(families) > 1:
        return DIFFERENT_FAMILIES, identity
    return None


DIFFERENT_FAMILIES = Refusal(
    400,
    "ResourceCannotContainAddressPrefixesFromDifferentAddressFamilies",
    "{name} contains IP addresses or prefixes that belong to different address families. All IP addresses or prefixes"
    " in the resource should belong to the same address family.",
)


def _networks(prefixes: list[str]) -> Iterator[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """Those that are no service tag and not `*`."""
    for prefix in prefixes:
        if prefix[0].isdigit() or ":" in prefix:
            yield ipaddress.ip_network(prefix)


def _overlapping(identity: str, side: str, wide: object, narrow: object) -> Refusal:
    return Refusal(
        400,
        "OverlappingSubnetsNotPermittedInSecurityRule",
        f"Security rule parameter {side.title()}AddressPrefix for rule with Id /{identity} contains overlapping subnets"
        f" [{wide}, {narrow}], which is not permitted.",
    )


RULES: Mapping[str, Rules] = {
    POLICY: Rules(missing=MISSING, exists=EXISTS),
    COLLECTION_GROUP: Rules(
        missing=MISSING,
        exists=EXISTS,
        unique={
            ("priority",): Refusal(
                400,
                "FirewallPolicyRuleCollectionGroupInvalidPriorityDuplicate",
                "Rule collection groups {other} and {name} have the same priority {priority} (unverified words)",
            )
        },
        fits=collection_group_fits,
        free=unlocked,
    ),
    SECURITY_GROUP: Rules(missing=MISSING, exists=EXISTS),
    SECURITY_RULE: Rules(
        missing=MISSING,
        exists=EXISTS,
        unique={
            ("priority", "direction"): Refusal(
                400,
                "SecurityRuleConflict",
                "Security rule {other} conflicts with rule {name}. Rules cannot have the same Priority and Direction. "
                "To learn more, see aka.ms/nsgrules.",
            )
        },
        fits=security_rule_fits,
    ),
}
