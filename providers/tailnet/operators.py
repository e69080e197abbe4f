"""Which operators of an environment the tailnet knows, online or not: the function getOperators.

A device outlives its operator: an uninstalled one leaves it behind, offline. So this is what says that an environment
was installed before, also when no state and no cluster tells it any more. Reads the devices once; writes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .client import Client
from .problems import TailnetError
from .tags import environment_of


def operators(client: Client, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The devices that carry `asked["tag"]`, an environment's kube tag, by name: `name`, `nodeId`, `online`,
    and `version` and `lastSeen` where the API tells them. Raises TailnetError for another tag, ApiError when they
    cannot be listed."""
    tag = asked.get("tag")
    if not isinstance(tag, str) or environment_of(tag) is None:
        raise TailnetError(f"getOperators needs the tag of one environment's operator, as in tag:kube-acme-prod: {tag}")
    return sorted(map(_told, client.devices(tag)), key=lambda device: device["name"])


def _told(device: Mapping[str, Any]) -> dict[str, Any]:
    seen, version = device.get("lastSeen"), device.get("clientVersion")
    return {
        "name": str(device.get("name") or device.get("hostname") or ""),
        "nodeId": str(device.get("nodeId")),
        "online": bool(device.get("connectedToControl")),
        **({"version": version} if isinstance(version, str) and version else {}),
        **({"lastSeen": seen} if isinstance(seen, str) else {}),
    }
