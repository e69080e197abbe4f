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
from components.tailnet import exposures

KUBERNETES_CAPABILITY = "tailscale.com/cap/kubernetes"
API_PORT, REDIRECT_PORT = "tcp:443", "tcp:80"
"""Where API proxies serve. The second is open where proxies of their own do, as their publisher documents it; what
comes there is sent on to the first."""


def identity_sections(names: Names, settings: EnvironmentSettings) -> dict[str, Any]:
    """What makes the environment exist in the policy, and bounds it, but lets nobody in.

    Returns sections of the policy document: `tagOwners` (tag to owners), `tests` and, with a connector or highly
    available API proxies, `autoApprovers`.
    The chain tags are shared by the customer's environments; every environment declares them alike.
    """
    tags, api = names.tags, settings.operator.api_server_proxy
    approved = exposures.approvers(names, settings)
    if api.highly_available:
        # The proxies, and nobody else, serve the Tailscale Service that carries their tag.
        approved["services"] = {tags.api_tag: [tags.api_tag]}
    return {
        "tagOwners": {
            tags.operator_tag: [settings.deployer],
            tags.proxy_tag: [tags.operator_tag],
            tags.customer_tag: [tags.operator_tag],
            tags.kube_tag: [settings.deployer],
            **({tags.api_tag: [tags.kube_tag]} if api.highly_available else {}),
            **exposures.tag_owners(names, settings),
        },
        "tests": isolation_tests(names, settings),
        **({"autoApprovers": approved} if approved else {}),
    }


def access_sections(names: Names, settings: EnvironmentSettings) -> dict[str, Any]:
    """What lets people in: `grants` and, where an entry has conditions on the device, `postures` (name to conditions).

    The access slice writes them; the identity slice is told the same as what is declared, and removes the rest.
    """
    sections: dict[str, Any] = {"grants": grants(names, settings)}
    if own := postures(names, settings):
        sections["postures"] = own
    return sections


def api_tag(names: Names, settings: EnvironmentSettings) -> str:
    """The tag on whatever serves the API: the operator, or the proxies of their own."""
    return names.tags.api_tag if settings.operator.api_server_proxy.highly_available else names.tags.kube_tag


def isolation_tests(names: Names, settings: EnvironmentSettings) -> list[dict[str, Any]]:
    """A server test for each tag of the operator and its API proxies, whatever the size of the fleet: they reach
    neither staff nor the sentinel.

    The server runs it on every later change by anybody, so a careless wildcard elsewhere is refused there.
    It judges network rules only; the server's tests do not see app capabilities. People who are let in by name are left
    out: a test that names an unknown user fails, so one who leaves the tailnet would block everybody's changes.
    """
    staff = sorted({entry.source for entry in settings.access if not is_person(entry.source)})
    denied = [f"{who}:443" for who in [*staff, SENTINEL_TAG]]
    sources = dict.fromkeys([names.tags.kube_tag, api_tag(names, settings)])
    return [{"src": source, "deny": list(denied)} for source in sources]


def grants(names: Names, settings: EnvironmentSettings) -> list[dict[str, Any]]:
    """One grant per access entry, and per exposure.

    An access entry's source reaches the operator's API proxy and is impersonated as one group.

    A grant carries both `ip` and `app`: a capability alone opens no port. A person without a group gets the capability
    with no group in it, which adds none to their own name (an absent one would too, but then the proxy goes on to look
    for the capability under its old name, and takes the groups from there). Where the proxy impersonates nobody the
    grant opens the port alone.
    """
    return [
        *(_grant(names, settings, entry) for entry in settings.access),
        *exposures.grants(names, settings, [api_tag(names, settings)]),
    ]


def postures(names: Names, settings: EnvironmentSettings) -> dict[str, list[str]]:
    """The environment's own postures, by name; entries with the same conditions share one."""
    return {own_name(names, entry.conditions): list(entry.conditions) for entry in settings.access if entry.conditions}


def _grant(names: Names, settings: EnvironmentSettings, entry: Access) -> dict[str, Any]:
    api = settings.operator.api_server_proxy
    posture = entry.shared_posture or (own_name(names, entry.conditions) if entry.conditions else None)
    impersonated = {"groups": [entry.impersonate] if entry.impersonate else []}
    capability = {"impersonate": impersonated, **exposures.recording(names, settings)}
    return {
        "src": [entry.source],
        "dst": [api_tag(names, settings)],
        **({"srcPosture": [posture]} if posture else {}),
        "ip": [REDIRECT_PORT, API_PORT] if api.highly_available else [API_PORT],
        **({"app": {KUBERNETES_CAPABILITY: [capability]}} if api.impersonates else {}),
    }
