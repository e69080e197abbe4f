"""What the operator holds in the cluster: objects with a finalizer of its own.

Owns the question and the command that takes one finalizer off by hand. Changes nothing. A cluster that does not say is
asked once: its answer takes its whole time.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Sequence

from providers.cluster.look import Found, Look
from providers.cluster.problems import ClusterUnknownError

FINALIZERS = "tailscale.com/"


class Held:
    """Those of the objects under `paths` that are not let go of yet. connect: as ClusterLook."""

    unknown = ""
    """Why the cluster did not say; empty as long as it does."""

    def __init__(self, paths: Sequence[str], connect: Callable[[], Look]) -> None:
        self._left = list(paths)
        self._connect = connect
        self._look: Look | None = None

    def objects(self) -> dict[str, Found]:
        """Metadata by path. What has been let go of once is not asked about again."""
        if self.unknown or not self._left:
            return {}
        try:
            look = self._look = self._look or self._connect()
            found = {path: look.one(path) for path in self._left}
        except ClusterUnknownError as error:
            self.unknown = str(error)
            return {}
        standing = {path: there for path, there in found.items() if there is not None and _ours(there)}
        self._left = list(standing)
        return standing


def release(path: str, there: Found, context: str) -> str:
    """The command that takes the operator's finalizers off one object, and nobody else's."""
    others = [name for name in there.get("finalizers") or [] if not name.startswith(FINALIZERS)]
    place = ["-n", there["namespace"]] if "namespace" in there else []
    patch = json.dumps({"metadata": {"finalizers": others}})
    words = ["kubectl", "--context", context, "patch", kind(path), there["name"], *place, "--type=merge", "-p", patch]
    return shlex.join(words)


def kind(path: str) -> str:
    """The kind as kubectl takes it, `PLURAL.GROUP`."""
    parts = path.split("/")
    return parts[-2] if parts[1] == "api" else f"{parts[-2]}.{parts[2]}"


def _ours(there: Found) -> list[str]:
    return [name for name in there.get("finalizers") or [] if name.startswith(FINALIZERS)]
