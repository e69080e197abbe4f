"""Cluster-scoped objects of the operator's chart whose release is gone.

Owns their deletion. Helm deletes them with the release; an installation that was interrupted has none to uninstall.
What carries Helm's note to keep it stays. Which objects those are is Helm's record (providers/cluster/helm_release.py).
"""

from __future__ import annotations

from functools import partial

from providers.cluster.helm_release import orphans

from .held import attempt, title
from .recorded_cluster import Api

RELEASE, NAMESPACE = "tailscale-operator", "tailscale"


def delete_orphans(api: Api) -> tuple[list[str], list[str]]:
    """Removed, and remaining with the reason. Nothing where the release is there. Raises ClusterUnknownError."""
    removed: list[str] = []
    remaining: list[str] = []
    for orphan in orphans(api, NAMESPACE, RELEASE):
        kept = (orphan.metadata.get("annotations") or {}).get("helm.sh/resource-policy") == "keep"
        if kept or "deletionTimestamp" in orphan.metadata:
            continue
        refused = attempt(partial(api.delete, orphan.path, uid=orphan.metadata["uid"]))
        if refused:
            remaining.append(f"{title(orphan.path)}: {refused[0]}")
        else:
            removed.append(title(orphan.path))
    return removed, remaining
