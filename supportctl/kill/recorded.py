"""The cluster that a stack's state records, and whether it is the one that answers.

Owns the reading of the rows, and the comparison by the uid of the namespace kube-system. Changes nothing. A cluster
that does not answer is not called another one: what it keeps is the destroy's matter. A state of an older version
records no uid.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from providers.cluster.look import ClusterLook
from providers.cluster.problems import ClusterUnknownError

TYPE = "tailnet:index:Cluster"
KUBE_SYSTEM = "/api/v1/namespaces/kube-system"
SECONDS = 10.0
"""For the one question, its login included. Access is revoked by then."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """kubeconfig: None for the one that kubectl finds."""

    context: str
    kubeconfig: Path | None
    uid: str

    def other(self) -> str | None:
        """What to say where another cluster answers; None where the recorded one does, or none."""
        try:
            found = ClusterLook(self.context, self.kubeconfig, seconds=SECONDS).one(KUBE_SYSTEM)
        except ClusterUnknownError:
            return None
        answers = (found or {"uid": "(it has none)"}).get("uid")
        if answers == self.uid:
            return None
        return (
            f"nothing was touched in the cluster: the context {self.context} leads to another one than the state"
            f" records. Its namespace kube-system has the uid {answers}, and {self.uid} is recorded. Fix: correct the"
            f" context in the kubeconfig (`kubectl config view --context {self.context} --minify`)"
        )


def recorded(rows: Iterable[Mapping[str, Any]]) -> Recorded | None:
    """The cluster of these rows of a state; None where none is recorded with its uid."""
    for row in rows:
        outputs = row.get("outputs") or {}
        context, uid = outputs.get("context"), outputs.get("uid")
        if row["type"] == TYPE and isinstance(context, str) and isinstance(uid, str) and uid:
            kubeconfig = outputs.get("kubeconfig")
            return Recorded(context, Path(kubeconfig) if isinstance(kubeconfig, str) and kubeconfig else None, uid)
    return None
