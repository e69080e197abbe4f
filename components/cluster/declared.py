"""What a managed stack declares in the customer's cluster, as plain objects: for comparisons with what is there.

Owns the list and its order, the impersonation limit first. Does not own the manifests (components/manifests), nor the
comparison (providers/tailnet/excess.py). Leaves out Secrets, which are never read, and the objects of the chart, which
are Helm's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from components.cluster.leftovers import path_of
from components.egress.destinations import required
from components.egress.needs import needs
from components.manifests import Manifest
from components.manifests.delivery import delivery
from components.manifests.network_policy import Backend
from components.manifests.sidecar import sidecar
from components.settings.environment import EnvironmentSettings
from components.settings.expose import SidecarExposure


def declared(
    settings: EnvironmentSettings,
    users: Sequence[str],
    *,
    api_server: Sequence[tuple[str, int]],
    backends: Sequence[Backend],
) -> list[dict[str, Any]]:
    """`path` in the API and `manifest` of each object. The rest: as in `delivery`."""
    made = delivery(settings, users, required(needs(settings)), api_server=api_server, backends=backends)
    sidecars = [
        manifest
        for exposure in settings.expose
        if isinstance(exposure, SidecarExposure)
        for manifest in sidecar(settings, exposure, "").values()
    ]
    # The limit and what it limits come first.
    manifests = [*made.rbac, made.place, *made.objects, *sidecars]
    return [{"path": path(each), "manifest": each} for each in manifests if each["kind"] != "Secret"]


def path(manifest: Manifest) -> str:
    """Where the API has the object."""
    return path_of(manifest["kind"], manifest["metadata"])
