"""An operator is never replaced by an older one.

Owns the comparison of the declared version with the one that runs, as its device reports it: the state may be lost, and
an operator may have been upgraded by hand. An older operator finds state and resource definitions of a newer one, which
its publisher does not support, and its known holes are back. A device that tells no version, or none at all, forbids
nothing.
"""

from __future__ import annotations

from typing import Any

import pulumi

from components.naming import Names
from components.settings.problems import config_key, set_command
from components.versions import tag, version_in
from providers.tailnet.resources import Provider, get_operators_now

KEY = ("operator", "version")


def ask_downgrade(names: Names, version: str, tailnet: Provider) -> str | None:
    """Why the declared version may not be installed, or None. That nobody can tell what runs is a reason too."""
    try:
        known = get_operators_now(names.tags.kube_tag, pulumi.InvokeOptions(provider=tailnet))
    except Exception as error:  # the SDK raises nothing narrower for a function that fails
        return f"It is not known which operator runs, so nothing is installed over it: {error}"
    return refusal(names.name, version, known)


def refusal(stack: str, version: str, known: list[dict[str, Any]]) -> str | None:
    """known: the devices of the environment's operators (getOperators)."""
    declared = version_in(version)
    running = [(found, device["name"]) for device in known if (found := version_in(device.get("version")))]
    if declared is None or not running:
        return None
    newest, name = max(running)
    if declared >= newest:
        return None
    return (
        f"{config_key(KEY)} is {version}, and {name} reports {tag(newest)}: that would be a downgrade. An older"
        " operator does not support state and resource definitions of a newer one, and has faults that were fixed"
        f" since. Keep the version that runs: {set_command(stack, KEY, tag(newest))}\nAn older one is only installed"
        f" anew: pulumi destroy -s {stack}, then pulumi up -s {stack}"
    )
