"""The cluster that a stack's state records, and whether it is the one that answers.

Owns the reading of the rows. Changes nothing. A cluster that does not answer is not called another one: what it keeps
is the destroy's matter. A state of an older version records no cluster.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from providers.cluster.problems import ClusterUnknownError
from providers.tailnet.recorded_cluster import OtherClusterError, reached

TYPE = "tailnet:index:Cluster"


@dataclass(frozen=True, slots=True)
class Recorded:
    """kubeconfig: None for the one that kubectl finds. uid: of the namespace kube-system."""

    context: str
    kubeconfig: Path | None
    uid: str

    def other(self) -> str | None:
        """What to say where another cluster answers; None where the recorded one does, or none."""
        try:
            reached({"context": self.context, "kubeconfig": str(self.kubeconfig or ""), "clusterUid": self.uid})
        except OtherClusterError as other:
            return str(other)
        except ClusterUnknownError:
            pass
        return None


def recorded(rows: Iterable[Mapping[str, Any]]) -> Recorded | None:
    """The cluster of these rows of a state; None where none is recorded."""
    for row in rows:
        outputs = row.get("outputs") or {}
        context, uid = outputs.get("context"), outputs.get("uid")
        if row["type"] == TYPE and isinstance(context, str) and isinstance(uid, str) and uid:
            kubeconfig = outputs.get("kubeconfig")
            return Recorded(context, Path(kubeconfig) if isinstance(kubeconfig, str) and kubeconfig else None, uid)
    return None
