"""The cluster that the settings name is the one in which the environment stands.

Owns the comparison of what the cluster holds with the devices of the environment's operators, as Tailscale knows them.
The engine cannot tell: an API server may change its address, so another context in the settings replaces nothing, and
from then on roles would be bound, and a destroy would look, in somebody else's cluster. An operator that is offline
forbids nothing: the namespace may have been deleted, which is the customer's right.
"""

from __future__ import annotations

from typing import Any

from components.naming import NAMESPACE, Names
from components.settings.problems import config_key, stack_file

KEY = ("cluster", "context")


def elsewhere(names: Names, context: str, known: list[dict[str, Any]]) -> str | None:
    """Why this is not the cluster of an environment whose namespace is not in it; None where nothing says so.

    known: the devices of the environment's operators (getOperators).
    """
    online = [device["name"] for device in known if device["online"]]
    if not online:
        return None
    return (
        f"{config_key(KEY)} is {context}, and {names.name} stands in another cluster: its operator is online"
        f" ({', '.join(online)}), and this one has no namespace {NAMESPACE} of it. What this stack binds and removes"
        " would be bound and removed in the wrong cluster. Mend: put the context back that was there before"
        f" (`git log -p {stack_file(names.name)}`). To move to another cluster: with the old"
        f" context, pulumi destroy -s {names.name}; then pulumi up -s {names.name} with the new one. Where the"
        " namespace was deleted just now, wait until the device is offline, or remove it in the admin console"
        " (Machines)."
    )
