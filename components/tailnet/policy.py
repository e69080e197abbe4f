"""The entries of one environment in the tailnet policy, as plain data.

Owns the text of the claims: who owns which tag, who reaches the environment and as which Kubernetes group, and the
server-side tests that guard it. Does not write anything: the policy slices do (providers/tailnet). Nothing here lives,
so nothing dies.
"""

from __future__ import annotations

from typing import Any

from components.naming import SENTINEL_TAG, Names
from components.settings import EnvironmentSettings

KUBERNETES_CAPABILITY = "tailscale.com/cap/kubernetes"
API_PORT = "tcp:443"


def identity_sections(names: Names, settings: EnvironmentSettings) -> dict[str, Any]:
    """What makes the environment exist in the policy, and bounds it, but lets nobody in.

    Returns sections of the policy document: `tagOwners` (tag to owners) and `tests`.
    The chain tags are shared by the customer's environments; every environment declares them alike.
    """
    tags = names.tags
    return {
        "tagOwners": {
            tags.operator_tag: [settings.deployer],
            tags.proxy_tag: [tags.operator_tag],
            tags.customer_tag: [tags.operator_tag],
            tags.kube_tag: [settings.deployer],
        },
        "tests": [isolation_test(names, settings)],
    }


def isolation_test(names: Names, settings: EnvironmentSettings) -> dict[str, Any]:
    """One server test, whatever the size of the fleet: the environment's nodes reach neither staff nor the sentinel.

    The server runs it on every later change by anybody, so a careless wildcard elsewhere is refused there.
    It judges network rules only; the server's tests do not see app capabilities.
    """
    staff = sorted({entry.source for entry in settings.access})
    return {"src": names.tags.kube_tag, "deny": [f"{who}:443" for who in [*staff, SENTINEL_TAG]]}


def grants(names: Names, settings: EnvironmentSettings) -> list[dict[str, Any]]:
    """One grant per access entry: the group reaches the operator's API proxy and is impersonated as one group.

    A grant carries both `ip` and `app`: a capability alone opens no port, and a port alone would reach the proxy
    with no group at all.
    """
    return [
        {
            "src": [entry.source],
            "dst": [names.tags.kube_tag],
            "ip": [API_PORT],
            "app": {KUBERNETES_CAPABILITY: [{"impersonate": {"groups": [entry.impersonate]}}]},
        }
        for entry in settings.access
    ]
