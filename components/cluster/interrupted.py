"""An installation that was killed is completed by the next update.

Owns one hook, run by the engine before it makes the Helm release. A process that was killed during or right after `helm
install` leaves Helm's record of the release in the cluster and none in the state, and Helm refuses to install under a
name that has a record, whatever its status. So the record is removed in a namespace of this stack's: Helm then installs
again and adopts the objects, which carry its annotations. That nobody else is at work there follows from the stack's
lock. An interrupted upgrade of a release that the state has is ClusterRepair's. Runs on the way in only.
"""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

import pulumi

from components.naming import NAMESPACE, RELEASE, Names
from components.settings.environment import Cluster
from providers.cluster.helm_release import Reader, records
from providers.cluster.look import ClusterLook


class Api(Reader, Protocol):
    """The part of ClusterLook that is used here."""

    def one(self, path: str) -> dict[str, Any] | None: ...
    def delete(self, path: str, *, uid: str | None = None) -> bool: ...


def complete_interrupted(names: Names, cluster: Cluster) -> pulumi.ResourceHook:
    """For the options of the Helm release."""

    async def before_create(_: pulumi.ResourceHookArgs) -> None:
        def work() -> list[str]:
            return removed(ClusterLook(cluster.context, cluster.kubeconfig), names)

        for record in await asyncio.to_thread(work):
            pulumi.log.info(f"removed {record}, the record of an interrupted installation: it is completed now")

    return pulumi.ResourceHook(names.resource("interrupted"), before_create)


def removed(api: Api, names: Names) -> list[str]:
    """Names of the records that were removed. None in a namespace that is not this stack's. Raises
    ClusterUnknownError."""
    labels = (api.one(f"/api/v1/namespaces/{NAMESPACE}") or {}).get("labels") or {}
    if not names.owns(labels):
        return []
    return [
        record.path.rpartition("/")[2]
        for record in records(api, NAMESPACE, RELEASE)
        if api.delete(record.path, uid=record.uid)
    ]
