"""Stand-in for the gcp plugin: classic firewall rules and rules of a network firewall policy, in the cloud store.

Kept from the real one: a firewall rule whose direction nobody declares is INGRESS; a policy rule is keyed by policy
and priority, and a used priority is refused. Credentials are not asked for, only the project.
"""

# ruff: noqa: ARG002, RUF012, S105 - parameters of the interface; ClassVar is declared in Kind; type tokens

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

import httpx

from sandbox.plugins.cloud_store import Store, StoredKind, autoname
from sandbox.plugins.install import sdk_version
from sandbox.plugins.kind import Failure, Input, InvalidInput, Kind
from sandbox.plugins.provider import StandIn
from sandbox.plugins.server import main
from sandbox.plugins.values import Properties

PROJECT_VARIABLES = ("GOOGLE_PROJECT", "GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT", "CLOUDSDK_CORE_PROJECT")
INGRESS_ONLY = ("sourceRanges", "sourceTags", "sourceServiceAccounts")
NAME_DIGITS = 7


class GcpKind(StoredKind):
    noun: str

    def __init__(self, store: Store, project: str) -> None:
        super().__init__(store)
        self.project = project

    def refused(self, doing: str, path: str, status: int, code: str, message: str) -> Failure:
        return Failure(f"Error {doing} {self.noun}: googleapi: Error {status}: {message}, {code}")

    def in_project(self, inputs: Properties) -> str:
        project = inputs.get("project") or self.project
        if not project:
            raise InvalidInput("project", f"is not set, and neither is any of {', '.join(PROJECT_VARIABLES)}")
        return f"projects/{project}"


class Firewall(GcpKind):
    """A classic VPC firewall rule. Direction, name, network and project cannot change in place."""

    token = "gcp:compute/firewall:Firewall"
    noun = "Firewall"
    delete_before_replace = True
    inputs = {
        "name": Input(replaces=True),
        "network": Input(required=True, replaces=True),
        "project": Input(served=True, replaces=True),
        "direction": Input(default="INGRESS", replaces=True),
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
        "sourceServiceAccounts": Input(unordered=True, replaces=True),
        "sourceTags": Input(unordered=True),
        "targetServiceAccounts": Input(unordered=True, replaces=True),
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
    gone = httpx.codes.BAD_REQUEST  # the real service answers 400 when the policy has no rule at that priority
    delete_before_replace = True
    inputs = {
        "firewallPolicy": Input(required=True, replaces=True),
        "priority": Input(required=True, replaces=True),
        "project": Input(served=True, replaces=True),
        "action": Input(required=True),
        "direction": Input(required=True),
        "match": Input(required=True),
        "description": Input(default=""),
        "disabled": Input(default=False),
        "enableLogging": Input(),
        "ruleName": Input(),
        "securityProfileGroup": Input(),
        "targetForwardingRules": Input(),
        "targetSecureTags": Input(),
        "targetServiceAccounts": Input(unordered=True),
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
        return f"{self.in_project(inputs)}/global/firewallPolicies/{policy}/rules/{inputs['priority']}"

    def served(self, path: str, inputs: Properties) -> Properties:
        return {"kind": "compute#firewallPolicyRule", "project": path.split("/")[1]}


class Gcp(StandIn):
    package = "gcp"

    def configured(self, options: Properties, variables: Mapping[str, str] = os.environ) -> Iterable[Kind]:
        store = Store.of(variables)
        project = options.get("project") or next((v for n in PROJECT_VARIABLES if (v := variables.get(n))), "")
        return [Firewall(store, project), NetworkFirewallPolicyRule(store, project)]


if __name__ == "__main__":
    main(Gcp(), sdk_version(Gcp.package) or "")
