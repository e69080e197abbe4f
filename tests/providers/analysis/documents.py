"""Documents that the tests of this folder share: a tailnet with several customers, as values."""

from __future__ import annotations

import copy
from typing import Any

from providers.tailnet.tags import Environment

ACME = Environment("acme", "prod")
ACME_DEV = Environment("acme", "dev")
GLOBEX = Environment("globex", "prod")
KUBERNETES = "tailscale.com/cap/kubernetes"

VENDOR: dict[str, Any] = {
    "groups": {
        "group:sre": ["ada@example.com", "grace@example.com"],
        "group:oncall": ["ada@example.com"],
        "group:net": ["edsger@example.com"],
    },
    "tagOwners": {"tag:ci": ["autogroup:admin"]},
    "grants": [{"src": ["group:sre"], "dst": ["tag:ci"], "ip": ["*"]}],
}


def grant(environment: Environment, *, source: str = "group:sre", group: str = "sre", **more: Any) -> dict[str, Any]:
    """The grant of the design: one port and one impersonated group."""
    return {
        "src": [source],
        "dst": [environment.kube_tag],
        "ip": ["tcp:443"],
        "app": capability(group),
        **more,
    }


def capability(*groups: str) -> dict[str, Any]:
    return {KUBERNETES: [{"impersonate": {"groups": list(groups)}}]}


def declared(environment: Environment) -> dict[str, Any]:
    return {"grants": [grant(environment)]}


def document(*environments: Environment, **more: Any) -> dict[str, Any]:
    """The vendor's document with these environments; `more` is added to its sections."""
    result = copy.deepcopy(VENDOR)
    for environment in environments or (ACME, ACME_DEV, GLOBEX):
        operator, proxy, customer = environment.chain_tags
        result["tagOwners"] |= {operator: ["tag:deployer"], proxy: [operator], customer: [operator]}
        result["tagOwners"] |= {environment.kube_tag: ["tag:deployer"]}
        result["grants"].append(grant(environment))
    for section, value in more.items():
        if isinstance(value, list):
            result[section] = [*result.get(section, []), *value]
        else:
            result[section] = {**result.get(section, {}), **value}
    return result
