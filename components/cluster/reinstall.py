"""The customer's own switch stays thrown: an operator that was uninstalled is not installed again unasked.

Owns one hook, run by the engine before it makes the Helm release, at preview too. `helm uninstall` is the customer's
kill switch. A refresh then drops the release from the state, and the next update, perhaps a nightly one, would
install it again. That the operator was here before is told by its device, which outlives it. Runs on the way in only,
so a destroy never needs it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pulumi

from components.naming import Names
from components.settings.problems import set_command
from providers.tailnet.resources import Provider, get_operators

KEY = ("operator", "reinstall")


def ask_before_reinstall(names: Names, agreed: datetime | None, tailnet: Provider) -> pulumi.ResourceHook:
    """For the options of the Helm release. agreed: the setting `operator.reinstall`."""

    async def before_create(_: pulumi.ResourceHookArgs) -> None:
        known = await get_operators(names.tags.kube_tag, pulumi.InvokeOptions(provider=tailnet))
        refusal = question(names.name, known, agreed, datetime.now(UTC))
        if refusal is not None:
            raise ValueError(refusal)

    return pulumi.ResourceHook(names.resource("reinstall"), before_create, pulumi.ResourceHookOptions(on_dry_run=True))


def question(stack: str, known: list[dict[str, Any]], agreed: datetime | None, now: datetime) -> str | None:
    """What to ask before the release is made; None when there is nothing to ask, or somebody has agreed.

    known: the devices of the environment's operators (getOperators). agreed: answers for what was last seen before it;
    a time that is still to come answers nothing.
    """
    online = [device for device in known if device["online"]]
    if online:
        return (
            f"an operator of {stack} is online as {_named(online)}, and no release of it is in this stack's cluster: "
            "another cluster has it, or the customer's own installation. Uninstall that one first, or remove the "
            "device in the admin console (Machines), then run again"
        )
    if not known or (agreed is not None and agreed <= now and all(_seen(device) < agreed for device in known)):
        return None
    ask = set_command(stack, KEY, now.replace(microsecond=0).isoformat().replace("+00:00", "Z"))
    return (
        f"the operator of {stack} was in the cluster before ({_named(known)}, {_last(known)}) and its release is gone: "
        "somebody has uninstalled it, which is the customer's way to end this access. Is it to be installed again? If "
        f"so, say when that was agreed: {ask}\nIf not, end it: pulumi destroy -s {stack} --refresh"
    )


def _named(devices: list[dict[str, Any]]) -> str:
    return ", ".join(device["name"] for device in devices)


def _last(devices: list[dict[str, Any]]) -> str:
    seen = max(_seen(device) for device in devices)
    return "never seen online" if seen == _NEVER else f"last seen {seen:%Y-%m-%dT%H:%M:%SZ}"


_NEVER = datetime.min.replace(tzinfo=UTC)


def _seen(device: dict[str, Any]) -> datetime:
    """When the device was last seen; in an answer that does not say, never."""
    try:
        return datetime.fromisoformat(device.get("lastSeen", "")).astimezone(UTC)
    except ValueError:
        return _NEVER
