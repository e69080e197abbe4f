"""Devices and Tailscale Services of an environment: found by the tags it owns, removed until none is left.

Owns the loop. A device that is gone already is fine; one that comes back (its operator had a request under way) is
removed again; one that cannot be removed does not keep the others. Ends by time, with an error that names what is
left. Removing a device cuts its connections at once. Needs no cluster.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from .client import Client
from .problems import ApiError, TailnetError
from .tags import Environment

PATIENCE = 120.0
"""Seconds for which devices that come back, or could not be removed, are removed again."""

Found = tuple[str, Callable[[], object]]
"""A name and the call that removes what bears it."""

PAUSE = 0.5
"""Seconds before looking whether a removed device came back."""

NO_RIGHT = (401, 403)
"""Answers that trying again does not change."""

Tell = Callable[[str], object]
"""Takes a line on how far it is."""


def _nobody(_line: str) -> None:
    """For who does not want to be told."""


def remove_all(client: Client, environment: Environment, tell: Tell = _nobody) -> list[str]:
    """Removes every device and Tailscale Service that carries a tag of the environment; returns their names.

    Raises TailnetError with what is left when the time is up, ApiError when the credential may not.
    """

    # Devices first and by themselves: what lets anybody in goes, whatever becomes of the Services.
    return _until_none_is_left(
        client, environment, lambda: _devices(client, client.devices(), environment.owns), tell
    ) + _until_none_is_left(client, environment, lambda: _services(client, environment.owns), tell)


def remove_api_devices(client: Client, environment: Environment, tell: Tell = _nobody) -> list[str]:
    """Removes the operator's device and the API proxies' at once, which ends open streams; returns their names.

    Those that are there when it is asked. While their credential lives an operator that restarts brings its device
    back: to fight that here would only hold up the end of the credential, after which `remove_all` comes. Raises as
    `remove_all`.
    """
    tags = (environment.kube_tag, environment.api_tag)

    def standing() -> list[dict[str, Any]]:
        return [device for tag in tags for device in client.devices(tag)]

    first = {device["nodeId"] for device in standing()}

    def found() -> list[Found]:
        return _devices(client, [device for device in standing() if device["nodeId"] in first], tags.__contains__)

    return _until_none_is_left(client, environment, found, tell)


def _devices(client: Client, devices: list[dict[str, Any]], owns: Callable[[str], bool]) -> list[Found]:
    return [
        (str(device.get("name")), partial(client.delete_device, str(device["nodeId"])))
        for device in devices
        if any(owns(tag) for tag in device.get("tags") or [])
    ]


def _services(client: Client, owns: Callable[[str], bool]) -> list[Found]:
    return [
        (str(service["name"]), partial(client.delete_service, str(service["name"])))
        for service in client.services()
        if any(owns(tag) for tag in service.get("tags") or [])
    ]


def _until_none_is_left(
    client: Client, environment: Environment, find: Callable[[], list[Found]], tell: Tell
) -> list[str]:
    removed: list[str] = []
    failure: ApiError | None = None
    ends = client.clock() + PATIENCE
    while found := find():
        names = ", ".join(name for name, _ in found)
        if client.clock() >= ends:
            raise TailnetError(_left(environment, names, failure))
        tell(f"removing {names}")
        failure = None
        for name, delete in found:
            try:
                delete()
                removed.append(name)
            except ApiError as error:
                if error.status in NO_RIGHT:
                    raise
                failure = error
                tell(f"{name} is not removed yet: {error}")
            if client.clock() >= ends:
                break
        client.sleep(PAUSE)
    return list(dict.fromkeys(removed))


def _left(environment: Environment, names: str, failure: ApiError | None) -> str:
    if failure is not None:
        return (
            f"devices or Services of {environment.name} are left after {PATIENCE:.0f} s of trying: {names}. "
            f"The API said last: {failure}. Run again, or remove them in the admin console (Machines, Services)."
        )
    return (
        f"devices of {environment.name} come back as fast as they are removed: {names}. A credential for them "
        "is still valid: remove the OAuth client or auth key that mints them, then run again."
    )
