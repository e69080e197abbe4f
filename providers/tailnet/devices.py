"""Devices and Tailscale Services of an environment: found by the tags it owns, removed until none is left.

Owns the loop. A device that is gone already is fine; one that comes back (its operator had a request under way) is
removed again. Removing a device cuts its connections at once. Needs no cluster.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from .client import Client
from .problems import TailnetError
from .tags import Environment

PATIENCE = 120.0
"""Seconds for which devices that come back are removed again."""

Found = tuple[str, Callable[[], object]]
"""A name and the call that removes what bears it."""

PAUSE = 0.5
"""Seconds before looking whether a removed device came back."""


def remove_all(client: Client, environment: Environment) -> list[str]:
    """Removes every device and Tailscale Service that carries a tag of the environment; returns their names."""

    def found() -> list[Found]:
        services = [
            service for service in client.services() if any(environment.owns(tag) for tag in service.get("tags") or [])
        ]
        return _devices(client, client.devices(), environment.owns) + [
            (str(service["name"]), partial(client.delete_service, str(service["name"]))) for service in services
        ]

    return _until_none_is_left(client, environment, found)


def remove_api_devices(client: Client, environment: Environment) -> list[str]:
    """Removes the operator's device and the API proxies' at once, which ends open streams; returns their names."""
    tags = (environment.kube_tag, environment.api_tag)

    def found() -> list[Found]:
        return [device for tag in tags for device in _devices(client, client.devices(tag), tag.__eq__)]

    return _until_none_is_left(client, environment, found)


def _devices(client: Client, devices: list[dict[str, Any]], owns: Callable[[str], bool]) -> list[Found]:
    return [
        (str(device.get("name")), partial(client.delete_device, str(device["nodeId"])))
        for device in devices
        if any(owns(tag) for tag in device.get("tags") or [])
    ]


def _until_none_is_left(client: Client, environment: Environment, find: Callable[[], list[Found]]) -> list[str]:
    removed: list[str] = []
    ends = client.clock() + PATIENCE
    while found := find():
        if client.clock() >= ends:
            names = ", ".join(name for name, _ in found)
            raise TailnetError(
                f"devices of {environment.name} come back as fast as they are removed: {names}. A credential for them "
                "is still valid: remove the OAuth client or auth key that mints them, then run again."
            )
        for name, delete in found:
            delete()
            removed.append(name)
        client.sleep(PAUSE)
    return list(dict.fromkeys(removed))
