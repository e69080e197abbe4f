"""Why a registered device cannot be reached although it runs: what the API reports of it, and the fix.

Owns the four obstacles: not approved, not signed under tailnet lock, an expired key, incoming connections blocked. Does
not own which device is meant (enrollment.py). Pure.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any


def obstacles(device: Mapping[str, Any], now: float) -> tuple[str, ...]:
    """Every obstacle of a device as `GET /tailnet/-/devices` shows it, with its fix. now: seconds since 1970."""
    return tuple(_obstacles(device, now))


def _obstacles(device: Mapping[str, Any], now: float) -> Iterator[str]:
    path = f"/api/v2/device/{device.get('nodeId')}"
    if device.get("authorized") is False:
        yield (
            "it is not approved, so no other device may connect to it. Fix: approve it in the admin console "
            f'(Machines), or send POST {path}/authorized with {{"authorized": true}}'
        )
    if error := device.get("tailnetLockError"):
        keys = [str(device[name]) for name in ("nodeKey", "tailnetLockKey") if device.get(name)]
        yield (
            f"tailnet lock refuses its key ({error}), so other devices do not accept it. Fix: on a signing device run "
            f"`{shlex.join(['tailscale', 'lock', 'sign', *keys])}`"
        )
    if _expired(device, now):
        yield (
            f"its key expired at {device['expires']}, so it must log in again. Fix: disable the key's expiry in the "
            f'admin console (Machines) or send POST {path}/key with {{"keyExpiryDisabled": true}}; if it then stays '
            "offline, delete the device and restart its pod, which registers it anew"
        )
    if device.get("blocksIncomingConnections"):
        yield (
            "it blocks incoming connections, so no engineer reaches it. Fix: run `tailscale set --shields-up=false` in "
            "its container, and take --shields-up out of TS_EXTRA_ARGS where that sets it"
        )


def _expired(device: Mapping[str, Any], now: float) -> bool:
    """The API shows the expiry of a key that never expires too, and the year 1 where there is none."""
    if device.get("keyExpiryDisabled"):
        return False
    try:
        expires = datetime.fromisoformat(str(device.get("expires")))
        return expires.year > 1 and expires.timestamp() <= now
    except ValueError:
        return False
