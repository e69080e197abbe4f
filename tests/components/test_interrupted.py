"""Records of an interrupted installation are removed in the stack's own namespace, and in no other."""

from __future__ import annotations

from typing import Any

from components.cluster.interrupted import removed
from components.naming import Names

NAMES = Names("acme", "prod")
SECRETS = "/api/v1/namespaces/tailscale/secrets"


class Cluster:
    """A cluster with a namespace that has these labels, and records of a release in it."""

    def __init__(self, labels: dict[str, str]) -> None:
        self.labels = labels
        self.deleted: list[str] = []

    def one(self, path: str) -> dict[str, Any] | None:
        return {"name": "tailscale", "labels": self.labels}

    def all(self, path: str, labels: str = "") -> list[dict[str, Any]]:
        assert (path, labels) == (SECRETS, "owner=helm,name=tailscale-operator")
        return [
            {"name": f"sh.helm.release.v1.tailscale-operator.v{version}", "uid": f"u{version}", "labels": labelled}
            for version, labelled in (
                (1, {"version": "1", "status": "superseded"}),
                (2, {"version": "2", "status": "pending-upgrade"}),
            )
        ]

    def delete(self, path: str, *, uid: str | None = None) -> bool:
        self.deleted.append(f"{path} {uid}")
        return True


def test_every_record_is_removed_whatever_its_status() -> None:
    cluster = Cluster(NAMES.labels)
    assert removed(cluster, NAMES) == [f"sh.helm.release.v1.tailscale-operator.v{version}" for version in (2, 1)]
    assert cluster.deleted[0] == f"{SECRETS}/sh.helm.release.v1.tailscale-operator.v2 u2"


def test_nothing_is_removed_in_a_namespace_of_somebody_else() -> None:
    for labels in ({}, Names("acme", "dev").labels):
        cluster = Cluster(labels)
        assert removed(cluster, NAMES) == []
        assert cluster.deleted == []
