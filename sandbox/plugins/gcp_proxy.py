"""Stand-ins for the gcp plugin's resources around Secure Web Proxy, in the cloud store.

Kept from the real ones: a URL list's name and location are no reason for a replacement; a change of them asks the
service for an object that is not there.
"""

# ruff: noqa: ARG002, RUF012, S105 - parameters of the interface; ClassVar is declared in Kind; type tokens

from __future__ import annotations

from sandbox.plugins.cloud_store import autoname
from sandbox.plugins.gcp_kind import NAME_DIGITS, GcpKind
from sandbox.plugins.kind import Input
from sandbox.plugins.values import Properties

STAMP = "1970-01-01T00:00:00Z"


class UrlList(GcpKind):
    """A list of hosts and URLs that rules of a proxy name."""

    token = "gcp:networksecurity/urlList:UrlList"
    noun = "UrlLists"
    service = "NetworkSecurity"
    inputs = {
        "name": Input(),
        "location": Input(required=True),
        "project": Input(served=True, replaces=True),
        "values": Input(required=True),
        "deletionPolicy": Input(default="DELETE"),
        "description": Input(),
    }
    outputs = frozenset({"createTime", "updateTime"})

    def check(self, inputs: Properties, name: str, seed: bytes) -> Properties:
        self.in_project(inputs)
        return {"name": autoname(name, seed, NAME_DIGITS)} | inputs

    def path(self, inputs: Properties) -> str:
        return f"{self.in_project(inputs)}/locations/{inputs['location']}/urlLists/{inputs['name']}"

    def served(self, path: str, inputs: Properties) -> Properties:
        return {"project": path.split("/")[1], "createTime": STAMP, "updateTime": STAMP}

    async def update(self, identity: str, state: Properties, inputs: Properties) -> Properties:
        if (path := self.path(inputs)) != identity:
            raise self.refused("updating", identity, 404, "notFound", f"Resource '{path}' was not found")
        return await super().update(identity, state, inputs)


class GatewaySecurityPolicyRule(GcpKind):
    """One rule of a gateway security policy."""

    token = "gcp:networksecurity/gatewaySecurityPolicyRule:GatewaySecurityPolicyRule"
    noun = "GatewaySecurityPolicyRule"
    service = "NetworkSecurity"
    delete_before_replace = True
    inputs = {
        "name": Input(replaces=True),
        "gatewaySecurityPolicy": Input(required=True, replaces=True),
        "location": Input(required=True, replaces=True),
        "project": Input(served=True, replaces=True),
        "basicProfile": Input(required=True),
        "enabled": Input(required=True),
        "priority": Input(required=True),
        "sessionMatcher": Input(required=True),
        "applicationMatcher": Input(),
        "deletionPolicy": Input(default="DELETE"),
        "description": Input(),
        "tlsInspectionEnabled": Input(),
    }
    outputs = frozenset({"createTime", "selfLink", "updateTime"})

    def check(self, inputs: Properties, name: str, seed: bytes) -> Properties:
        self.in_project(inputs)
        return {"name": autoname(name, seed, NAME_DIGITS)} | inputs

    def path(self, inputs: Properties) -> str:
        policies = f"{self.in_project(inputs)}/locations/{inputs['location']}/gatewaySecurityPolicies"
        return f"{policies}/{inputs['gatewaySecurityPolicy']}/rules/{inputs['name']}"

    def served(self, path: str, inputs: Properties) -> Properties:
        return {"project": path.split("/")[1], "selfLink": path, "createTime": STAMP, "updateTime": STAMP}
