"""What Google refuses around VPC firewall rules, network firewall policies and Secure Web Proxy.

Paths are those of the APIs, `projects/P/...`. Networks, firewall policies and gateway security policies are the
customer's: whoever plays the customer puts them. Quotas, conflicts and orderings are the documented ones, where there
are documents; words that no public report has say `unverified`. Not known: the order in which Google asks rules of
different sorts, whether names resolve, permissions.
"""

# ruff: noqa: ARG001 - parameters of a Check

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.cloud.refusals import Body, Found, Refusal, Rules, World, parent

NETWORK = "gcp:compute:Network"
FIREWALL = "gcp:compute:Firewall"
POLICY = "gcp:compute:NetworkFirewallPolicy"
POLICY_RULE = "gcp:compute:NetworkFirewallPolicyRule"
REGION_POLICY = "gcp:compute:RegionNetworkFirewallPolicy"
REGION_POLICY_RULE = "gcp:compute:RegionNetworkFirewallPolicyRule"
GATEWAY_POLICY = "gcp:networksecurity:GatewaySecurityPolicy"
GATEWAY_RULE = "gcp:networksecurity:GatewaySecurityPolicyRule"
URL_LIST = "gcp:networksecurity:UrlList"

LIMITS = {"destFqdns": 100, "destIpRanges": 5000}
SECURE_TAGS = 256  # per rule
OPERATORS = 12  # `&&`, `||` and `!` in one matcher

MISSING = Refusal(404, "notFound", "The resource '{id}' was not found")
EXISTS = Refusal(409, "alreadyExists", "The resource '{id}' already exists")
NO_RULE = Refusal(
    400,
    "invalid",
    "Invalid value for field 'priority': '{name}'. The firewall policy does not contain a rule at priority {name}.",
)
TAKEN = Refusal(
    400,
    "invalid",
    "Invalid value for field 'resource.priority': '{name}'. The priority is taken (unverified words)",
)


def _invalid(message: str) -> Refusal:
    return Refusal(400, "invalid", f"{message} (unverified words)")


def _not_found(path: str) -> Found:
    return Refusal(404, "notFound", f"The resource '{path}' was not found"), path


def network_path(firewall: str, network: str) -> str:
    """The network's own path, however a rule at the path `firewall` names it: by name, path or URL."""
    found = re.search(r"projects/[^/]+/global/networks/[^/]+$", network)
    return found[0] if found else f"{parent(firewall)}/networks/{network.rpartition('/')[2]}"


def firewall_fits(identity: str, body: Body, world: World) -> Found | None:
    network = network_path(identity, body["network"])
    if network not in world[NETWORK]:
        return _not_found(network)
    before = world[FIREWALL].get(identity)
    if before and network_path(identity, before["network"]) != network:
        return _invalid("The network of a rule cannot be changed"), identity
    if before and before["direction"] != body["direction"]:
        return _invalid("The direction of a rule cannot be changed"), identity
    families = {ipaddress.ip_network(cidr).version for cidr in body.get("destinationRanges") or []}
    if len(families) > 1:
        return _invalid("Invalid value for field 'destinationRanges': IPv4 and IPv6 do not mix in one rule"), identity
    return None


def policy_rule_fits(policies: str, identity: str, body: Body, world: World) -> Found | None:
    policy = parent(identity)
    if policy not in world[policies]:
        return _not_found(policy)
    match = body["match"]
    for key, limit in LIMITS.items():
        if len(match.get(key) or []) > limit:
            return _invalid(f"Invalid value for field '{key}': at most {limit}"), identity
    if [name for name in match.get("destFqdns") or [] if not _is_name(name)]:
        return _invalid("Invalid value for field 'destFqdns': not a full domain name"), identity
    if len(body.get("targetSecureTags") or []) > SECURE_TAGS:
        return _invalid(f"Invalid value for field 'targetSecureTags': at most {SECURE_TAGS}"), identity
    return None


def global_rule_fits(identity: str, body: Body, world: World) -> Found | None:
    return policy_rule_fits(POLICY, identity, body, world)


def region_rule_fits(identity: str, body: Body, world: World) -> Found | None:
    return policy_rule_fits(REGION_POLICY, identity, body, world)


def _is_name(text: str) -> bool:
    label = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"
    return bool(re.fullmatch(rf"{label}(\.{label})+", text))


def url_list_fits(identity: str, body: Body, world: World) -> Found | None:
    if not body["values"]:
        return _invalid("A list has at least one value"), identity
    if [value for value in body["values"] if "." not in value or "*" in value.split("/")[0][1:]]:
        return _invalid("A value has a period, and a wildcard only before its domain or after its path"), identity
    return None


def url_list_free(identity: str, body: Body, world: World) -> Found | None:
    for rule, theirs in world[GATEWAY_RULE].items():
        if identity in lists_of(theirs):
            return _invalid("{name} is still in use by {other}"), rule
    return None


def lists_of(rule: Body) -> Iterator[str]:
    for matcher in ("sessionMatcher", "applicationMatcher"):
        yield from re.findall(r"'(projects/[^']+/urlLists/[^']+)'", rule.get(matcher) or "")


def gateway_rule_fits(identity: str, body: Body, world: World) -> Found | None:
    policy = parent(identity)
    if policy not in world[GATEWAY_POLICY]:
        return _not_found(policy)
    for values in lists_of(body):
        if values not in world[URL_LIST]:
            return _invalid("The list {other} does not exist"), values
        if values.split("/")[3] != policy.split("/")[3]:
            return _invalid("The list {other} is in another location than the policy"), values
    if len(re.findall(r"&&|\|\||!(?!=)", body["sessionMatcher"])) > OPERATORS:
        return _invalid(f"A matcher has at most {OPERATORS} logical operators"), identity
    if body.get("tlsInspectionEnabled") and not world[GATEWAY_POLICY][policy].get("tlsInspectionPolicy"):
        return _invalid("The policy has no TLS inspection"), identity
    return None


THEIRS: dict[str, Any] = {"missing": MISSING, "exists": EXISTS}
"""Of objects that only the customer makes."""

RULES: Mapping[str, Rules] = {
    NETWORK: Rules(**THEIRS),
    POLICY: Rules(**THEIRS),
    REGION_POLICY: Rules(**THEIRS),
    GATEWAY_POLICY: Rules(**THEIRS),
    FIREWALL: Rules(missing=MISSING, exists=EXISTS, fits=firewall_fits),
    POLICY_RULE: Rules(missing=NO_RULE, exists=TAKEN, fits=global_rule_fits),
    REGION_POLICY_RULE: Rules(missing=NO_RULE, exists=TAKEN, fits=region_rule_fits),
    URL_LIST: Rules(missing=MISSING, exists=EXISTS, fits=url_list_fits, free=url_list_free),
    GATEWAY_RULE: Rules(
        missing=MISSING,
        exists=EXISTS,
        unique={("priority",): _invalid("Priority {priority} is that of {other}")},
        fits=gateway_rule_fits,
    ),
}
