"""What a preview reports of the tailnet's own settings.

Owns which conditions concern which stack. Does not own the conditions nor their messages
(providers/tailnet/conditions.py). Only a preview queries them: whether `pulumi up` goes on does not depend on them.
"""

from __future__ import annotations

import pulumi

from providers.tailnet.resources import Provider, get_tailnet_conditions

POLICY_OWNER = "policyOwner"
"""The one condition that the stack `tailnet` cannot set right by itself."""


def report_conditions(tailnet: Provider, *, only: str | None = None) -> None:
    """Warns of what fails or may end access, and names once what could not be checked. only: one condition's name."""
    if not pulumi.runtime.is_dry_run():
        return
    try:
        found = get_tailnet_conditions(pulumi.InvokeOptions(provider=tailnet))
    except Exception as error:  # the SDK raises nothing narrower for a function that fails
        pulumi.log.info(f"The tailnet's settings are not checked: {error}")
        return
    concerned = [condition for condition in found if only in (None, condition["name"])]
    for condition in concerned:
        if condition["state"] in ("failed", "warning"):
            pulumi.log.warn(f"{condition['message']}.")
    if unknown := [condition["message"] for condition in concerned if condition["state"] == "unknown"]:
        pulumi.log.info(f"{'. '.join(unknown)}.")
