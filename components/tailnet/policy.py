"""The entries of one environment in the tailnet policy, as plain data.

Owns the text of the claims: who owns which tag, who reaches the environment, from which devices and as which
Kubernetes group, and the server-side tests that guard it. Does not write anything: the policy slices do
(providers/tailnet). Nothing here lives, so nothing dies.
"""

from __future__ import annotations

from typing import Any

from components.naming import SENTINEL_TAG, Names
from components.settings.access import Access, is_person
from components.settings.environment import EnvironmentSettings
from components.settings.posture import own_name

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


def access_sections(names: Names, settings: EnvironmentSettings) -> dict[str, Any]:
    """What lets people in: `grants` and, where an entry has conditions on the device, `postures` (name to conditions).

    The access slice writes them; the identity slice is told the same as what is declared, and removes the rest.
    """
    sections: dict[str, Any] = {"grants": grants(names, settings)}
    if own := postures(names, settings):
        sections["postures"] = own
    return sections


def isolation_test(names: Names, settings: EnvironmentSettings) -> dict[str, Any]:
    """One server test, whatever the size of the fleet: the environment's nodes reach neither staff nor the sentinel.

    The server runs it on every later change by anybody, so a careless wildcard elsewhere is refused there.
    It judges network rules only; the server's tests do not see app capabilities. People who are let in by name are left
    out: a test that names an unknown user fails, so one who leaves the tailnet would block everybody's changes.
    """
    staff = sorted({entry.source for entry in settings.access if not is_person(entry.source)})
    return {"src": names.tags.kube_tag, "deny": [f"{who}:443" for who in [*staff, SENTINEL_TAG]]}


def grants(names: Names, settings: EnvironmentSettings) -> list[dict[str, Any]]:
    """One grant per access entry: the source reaches the operator's API proxy and is impersonated as one group.

    A grant carries both `ip` and `app`: a capability alone opens no port. A person without a group gets the capability
    with no group in it, which adds none to their own name (an absent one would too, but then the proxy goes on to look
    for the capability under its old name, and takes the groups from there).
    """
    return [_grant(names, entry) for entry in settings.access]


def postures(names: Names, settings: EnvironmentSettings) -> dict[str, list[str]]:
    """The environment's own postures, by name; entries with the same conditions share one."""
    return {own_name(names, entry.conditions): list(entry.conditions) for entry in settings.access if entry.conditions}


def _grant(names: Names, entry: Access) -> dict[str, Any]:
    posture = entry.shared_posture or (own_name(names, entry.conditions) if entry.conditions else None)
    return {
        "src": [entry.source],
        "dst": [names.tags.kube_tag],
        **({"srcPosture": [posture]} if posture else {}),
        "ip": [API_PORT],
        "app": {KUBERNETES_CAPABILITY: [{"impersonate": {"groups": [entry.impersonate] if entry.impersonate else []}}]},
    }
