"""Cluster-scoped objects of the operator's chart whose release is gone.

Owns which those are and their deletion. Helm deletes them with the release; an installation that was interrupted has
none to uninstall. What carries Helm's note to keep it stays.
"""

from __future__ import annotations

from functools import partial

from .held import attempt, title
from .recorded_cluster import Api

RELEASE, NAMESPACE = "tailscale-operator", "tailscale"
RECORDS = f"/api/v1/namespaces/{NAMESPACE}/secrets"
KINDS = (
    "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "/apis/networking.k8s.io/v1/ingressclasses",
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
)


def delete_orphans(api: Api) -> tuple[list[str], list[str]]:
    """Removed, and remaining with the reason. Nothing where the release is there. Raises ClusterUnknownError."""
    removed: list[str] = []
    remaining: list[str] = []
    if api.all(RECORDS, f"owner=helm,name={RELEASE}"):
        return removed, remaining
    for kind in KINDS:
        for there in api.all(kind):
            notes = there.get("annotations") or {}
            of = notes.get("meta.helm.sh/release-name"), notes.get("meta.helm.sh/release-namespace")
            if of != (RELEASE, NAMESPACE) or notes.get("helm.sh/resource-policy") == "keep":
                continue
            if "deletionTimestamp" in there:
                continue
            path = f"{kind}/{there['name']}"
            refused = attempt(partial(api.delete, path, uid=there["uid"]))
            if refused:
                remaining.append(f"{title(path)}: {refused[0]}")
            else:
                removed.append(title(path))
    return removed, remaining
