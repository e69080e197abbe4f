"""Whether the cluster's tokens name the issuer that the settings declare.

Owns the one question, asked at preview: with another issuer the operator would be refused for ever, and Tailscale does
not say why. A cluster that does not tell forbids nothing. Reads only; nothing here lives, so nothing dies.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pulumi

from components.settings.environment import EnvironmentSettings
from components.settings.problems import config_key, set_command, shown
from providers.cluster.problems import ClusterUnknownError

DISCOVERY = "/.well-known/openid-configuration"
KEY = ("credential", "federation", "issuer")


def issuer_problems(document: Callable[[str], dict[str, Any] | None], settings: EnvironmentSettings) -> list[str]:
    """In words. document: what the API server answers under a path; None where there is nothing."""
    federation = settings.credential.federation
    if federation is None:
        return []
    try:
        issuer = (document(DISCOVERY) or {}).get("issuer")
    except ClusterUnknownError as unknown:
        pulumi.log.warn(f"Which issuer the cluster's tokens name was not looked at: {unknown}")
        return []
    if not isinstance(issuer, str) or issuer == federation.issuer:
        return []
    return [
        f"{config_key(KEY)} is {shown(federation.issuer, 200)}, and the cluster's tokens name {shown(issuer, 200)}:"
        " Tailscale would refuse the operator. Mend, if that one is reached from the internet:"
        f" {set_command(settings.names.name, KEY, issuer)}"
    ]
