"""What stands of one environment, and what belongs to everybody else, in one look at the tailnet.

Owns telling one from the other, by tags alone: it knows nothing of the program's own rules. Pure; who looks is
stage.py's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.tailscale.policy import hujson

OTHERS = ("users", "issuers", "settings", "dns", "streams", "externalIds", "webhooks")
"""Parts of the tailnet that no environment owns anything in."""
UNSTEADY = ("lastSeenAt", "online", "clientVersion")
"""What a device says of itself every few seconds."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One environment in the tailnet: grants to it, credentials and devices that carry its tags."""

    grants: tuple[str, ...]
    credentials: tuple[str, ...]
    devices: tuple[str, ...]
    online: tuple[str, ...]
    """Those of the devices that are connected."""
    services: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Environment:
    """An environment by its stack's name, as in acme-prod."""

    stack: str

    def owns(self, tag: str) -> bool:
        name = self.stack
        return tag in (f"tag:kube-{name}", f"tag:api-{name}", f"tag:rec-{name}") or tag.startswith(f"tag:svc-{name}-")

    def has(self, thing: Mapping[str, Any]) -> bool:
        """Whether a credential, a device or a Service carries a tag of the environment."""
        return any(map(self.owns, thing.get("tags") or []))

    def standing(self, tailnet: Mapping[str, Any]) -> Standing:
        """tailnet: what GET /sandbox/state answers."""
        document = hujson.loads(tailnet["policy"])
        devices = [device for device in tailnet["devices"].values() if self.has(device)]
        return Standing(
            grants=tuple(
                json.dumps(grant)
                for section in ("grants", "acls")
                for grant in document.get(section) or []
                if any(map(self.owns, (target.rpartition(":")[0] or target for target in _targets(grant))))
            ),
            credentials=tuple(key["id"] for key in tailnet["keys"].values() if self.has(key) and _is_good(key)),
            devices=tuple(device["name"] for device in devices),
            online=tuple(device["name"] for device in devices if device["online"]),
            services=tuple(name for name, service in tailnet["services"].items() if self.has(service)),
        )

    def others(self, tailnet: Mapping[str, Any]) -> str:
        """Everything in the tailnet that is not the environment's, the policy left out, in bytes to compare."""
        kept = {
            "keys": {name: key for name, key in tailnet["keys"].items() if not self.has(key)},
            "devices": {
                name: {field: value for field, value in device.items() if field not in UNSTEADY}
                for name, device in tailnet["devices"].items()
                if not self.has(device)
            },
            "services": {name: one for name, one in tailnet["services"].items() if not self.has(one)},
            **{part: tailnet[part] for part in OTHERS},
        }
        return json.dumps(kept, sort_keys=True, indent=1)


def _targets(grant: Mapping[str, Any]) -> list[str]:
    """Destinations of a grant, `tag:x`, or of an access rule, `tag:x:443`; both forms are given."""
    targets = [str(target) for target in grant.get("dst") or []]
    return [*targets, *(f"{target}:" for target in targets)]


def _is_good(key: Mapping[str, Any]) -> bool:
    """An auth key that let its one device in lets nobody in again."""
    return not key["revoked"] and not key.get("used")
