"""Stand-in for the gcp plugin: classic firewall rules, rules of network firewall policies, and what gcp_proxy.py has,
in the cloud store.

Kept from the real one: a firewall rule whose direction nobody declares is INGRESS; a policy rule is keyed by policy
and priority, a used priority is refused, and one that somebody else removed fails every refresh and deletion (the
service answers 400, and only a 404 means gone). Credentials are not asked for, only the project.
"""

# ruff: noqa: ARG002, RUF012, S105 - parameters of the interface; ClassVar is declared in Kind; type tokens

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from sandbox.plugins.cloud_store import Store, autoname
from sandbox.plugins.gcp_kind import NAME_DIGITS, GcpKind
from sandbox.plugins.gcp_proxy import GatewaySecurityPolicyRule, UrlList
from sandbox.plugins.install import sdk_version
from sandbox.plugins.kind import Input, InvalidInput, Kind
from sandbox.plugins.provider import StandIn
from sandbox.plugins.server import main
from sandbox.plugins.values import UNKNOWN, Properties

PROJECT_VARIABLES = ("GOOGLE_PROJECT", "GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT", "CLOUDSDK_CORE_PROJECT")
INGRESS_ONLY = ("sourceRanges", "sourceTags", "sourceServiceAccounts")
ACCOUNTS_PER_RULE = 10


class Firewall(GcpKind):
    """A classic VPC firewall rule. Direction, name and project cannot change in place."""

    token = "gcp:compute/firewall:Firewall"
    noun = "Firewall"
    service = "Compute"
    delete_before_replace = True
    inputs = {
        "name": Input(replaces=True),
        "network": Input(required=True),
        "project": Input(served=True, replaces=True),
        "direction": Input(default="INGRESS", replaces=True),
        "deletionPolicy": Input(default="DELETE"),
        "priority": Input(default=1000),
        "description": Input(default=""),
        "disabled": Input(default=False),
        "allows": Input(unordered=True),
        "denies": Input(unordered=True),
        "destinationRanges": Input(served=True, unordered=True),
        "enableLogging": Input(),
        "logConfig": Input(),
        "params": Input(replaces=True),
        "sourceRanges": Input(served=True, unordered=True),
        "sourceServiceAccounts": Input(unordered=True),
        "sourceTags": Input(unordered=True),
        "targetServiceAccounts": Input(unordered=True),
        "targetTags": Input(unordered=True),
    }
    outputs = frozenset({"creationTimestamp", "selfLink"})

    def check(self, inputs: Properties, name: str, seed: bytes) -> Properties:
        if inputs.get("direction") == "EGRESS":
            for forbidden in INGRESS_ONLY:
                if forbidden in inputs:
                    raise InvalidInput(forbidden, "is of INGRESS rules only; this rule's direction is EGRESS")
        if bool(inputs.get("allows")) == bool(inputs.get("denies")):
            raise InvalidInput("allows", "exactly one of `allows,denies` must be specified")
        accounts, priority = inputs.get("targetServiceAccounts") or [], inputs.get("priority", 1000)
        if accounts and inputs.get("targetTags"):
            raise InvalidInput("targetServiceAccounts", "conflicts with targetTags")
        if isinstance(accounts, list) and len(accounts) > ACCOUNTS_PER_RULE:
            raise InvalidInput("targetServiceAccounts", f"has more than {ACCOUNTS_PER_RULE} items")
        if priority is not UNKNOWN and not 0 <= priority <= 65535:
            raise InvalidInput("priority", f"{priority} is not in the range (0 - 65535)")
        self.in_project(inputs)
        return {"name": autoname(name, seed, NAME_DIGITS)} | inputs

    def path(self, inputs: Properties) -> str:
        return f"{self.in_project(inputs)}/global/firewalls/{inputs['name']}"

    def served(self, path: str, inputs: Properties) -> Properties:
        return {"selfLink": path, "project": path.split("/")[1]}


class NetworkFirewallPolicyRule(GcpKind):
    """One rule of a global network firewall policy."""

    token = "gcp:compute/networkFirewallPolicyRule:NetworkFirewallPolicyRule"
    noun = "NetworkFirewallPolicyRule"
    service = "Compute"
    delete_before_replace = True
    inputs = {
        "firewallPolicy": Input(required=True, replaces=True),
        "priority": Input(required=True, replaces=True),
        "project": Input(served=True, replaces=True),
        "action": Input(required=True),
        "direction": Input(required=True),
        "match": Input(required=True),
        "deletionPolicy": Input(default="DELETE"),
        "description": Input(default=""),
        "disabled": Input(default=False),
        "enableLogging": Input(),
        "ruleName": Input(),
        "securityProfileGroup": Input(),
        "targetForwardingRules": Input(),
        "targetSecureTags": Input(),
        "targetServiceAccounts": Input(),
        "targetType": Input(),
        "tlsInspect": Input(),
    }
    outputs = frozenset({"creationTimestamp", "kind", "ruleTupleCount"})

    def check(self, inputs: Properties, name: str, seed: bytes) -> Properties:
        if inputs.get("targetSecureTags") and inputs.get("targetServiceAccounts"):
            raise InvalidInput("targetSecureTags", "and targetServiceAccounts cannot both be specified")
        self.in_project(inputs)
        return inputs

    def path(self, inputs: Properties) -> str:
        policy = str(inputs["firewallPolicy"]).rsplit("/", 1)[-1]
        return f"{self.in_project(inputs)}/{self.scope(inputs)}/firewallPolicies/{policy}/rules/{inputs['priority']}"

    def scope(self, inputs: Properties) -> str:
        return "global"

    def served(self, path: str, inputs: Properties) -> Properties:
        return {"kind": "compute#firewallPolicyRule", "project": path.split("/")[1]}


class RegionNetworkFirewallPolicyRule(NetworkFirewallPolicyRule):
    """One rule of a network firewall policy of one region."""

    token = "gcp:compute/regionNetworkFirewallPolicyRule:RegionNetworkFirewallPolicyRule"
    noun = "RegionNetworkFirewallPolicyRule"
    inputs = {**NetworkFirewallPolicyRule.inputs, "region": Input(served=True, replaces=True)}

    def check(self, inputs: Properties, name: str, seed: bytes) -> Properties:
        if not inputs.get("region"):
            raise InvalidInput("region", "is not set; this stand-in knows no default region")
        return super().check(inputs, name, seed)

    def scope(self, inputs: Properties) -> str:
        return f"regions/{inputs['region']}"


KINDS: tuple[type[GcpKind], ...] = (
    Firewall,
    NetworkFirewallPolicyRule,
    RegionNetworkFirewallPolicyRule,
    UrlList,
    GatewaySecurityPolicyRule,
)


class Gcp(StandIn):
    package = "gcp"

    def configured(self, options: Properties, variables: Mapping[str, str] = os.environ) -> Iterable[Kind]:
        store = Store.of(variables)
        project = options.get("project") or next((v for n in PROJECT_VARIABLES if (v := variables.get(n))), "")
        return [kind(store, project) for kind in KINDS]


if __name__ == "__main__":
    main(Gcp(), sdk_version(Gcp.package) or "")
