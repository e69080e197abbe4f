"""What stays in a cluster that could not be cleaned, and the commands that take it away.

Owns the reading of a state's rows for it. Asks no cluster. Nothing of this lets anybody in once the grant, the
credential and the devices are gone; but what stays keeps the next `pulumi up` there from succeeding, so it is named.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from components.naming import NAMESPACE, RELEASE

_KINDS = {
    "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole": "clusterrole",
    "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding": "clusterrolebinding",
}
"""Kinds that do not go with the namespace. What lies in the namespace goes with it."""
_ALL = "clusterroles,clusterrolebindings -l app.kubernetes.io/managed-by=support-access"


def in_cluster(rows: Iterable[Mapping[str, Any]]) -> tuple[str, ...] | None:
    """`clusterrole/NAME` of every cluster-wide object in these rows of a state, as kubectl takes them.

    None when the rows hold nothing that lies in a cluster.
    """
    held = [row for row in rows if row["type"].startswith("kubernetes:")]
    if not held:
        return None
    return tuple(f"{_KINDS[row['type']]}/{row['id']}" for row in held if row["type"] in _KINDS and row.get("id"))


def finishing(stack: str, objects: tuple[str, ...]) -> str:
    """What to run in the cluster of `stack`: harmless where all is gone already. objects: () when they are unknown."""
    named = shlex.join(objects) if objects else _ALL
    return (
        f"what {stack} has in its cluster, which could not be cleaned from here. To be run there: "
        f"helm uninstall {RELEASE} -n {NAMESPACE}; kubectl delete namespace {NAMESPACE}; kubectl delete {named}. "
        "Without a grant, a credential and a device none of it lets anybody in; the next `pulumi up` there is refused "
        "while it stands."
    )
