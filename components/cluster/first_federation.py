"""An operator that stands is not uninstalled on the way to a federated identity.

Owns one question, asked where the identity's id is not in the settings: then nothing is declared in the cluster, and
what stands there would go. That is right where nothing stands, and wrong for an environment with a Secret, or when
somebody takes the id out. Decides by the devices of the environment's operators, as Tailscale knows them.
"""

from __future__ import annotations

from typing import Any

import pulumi

from components.naming import Names
from components.settings.federation import CLIENT_ID
from components.settings.problems import config_key
from providers.tailnet.resources import Provider, get_operators_now


def ask_first_federation(names: Names, tailnet: Provider) -> str | None:
    """Why nothing may be left out of the cluster, or None. That nobody can tell what stands is a reason too."""
    try:
        known = get_operators_now(names.tags.kube_tag, pulumi.InvokeOptions(provider=tailnet))
    except Exception as error:  # the SDK raises nothing narrower for a function that fails
        return f"It is not known whether an operator stands, so none is taken away: {error}"
    return refusal(names.name, known)


def refusal(stack: str, known: list[dict[str, Any]]) -> str | None:
    """known: the devices of the environment's operators (getOperators)."""
    if not known:
        return None
    return (
        f"{config_key(CLIENT_ID)} is missing, and {stack} has an operator already"
        f" ({', '.join(sorted(device['name'] for device in known))}): without the id nothing is declared in the"
        " cluster, so the operator would be uninstalled. If the identity is there, put its id back (`pulumi stack"
        f" output credential -s {stack}`). To move an environment that has a Secret, end it first: pulumi destroy -s"
        f" {stack}, then pulumi up -s {stack}"
    )
