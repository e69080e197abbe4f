"""What Helm records of a release in its cluster: interrupted revisions, and objects whose release no longer exists.

Owns the names and labels that Helm gives to its records, and the annotations by which it recognises its objects. Reads
metadata only: a record holds the release's values. Deletes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

PENDING = ("pending-install", "pending-upgrade", "pending-rollback")
"""States in which Helm refuses the next install, upgrade or rollback. A command that was killed leaves one."""

_CLUSTER_WIDE = {
    "clusterrolebinding": "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "clusterrole": "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "ingressclass": "/apis/networking.k8s.io/v1/ingressclasses",
    "customresourcedefinition": "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
}
"""Every cluster-scoped kind of the operator's chart, as kubectl calls it, and where the API lists it."""


class Reader(Protocol):
    """The part of ClusterLook that reads metadata."""

    def all(self, path: str, labels: str = "") -> list[dict[str, Any]]: ...


@dataclass(frozen=True, slots=True)
class Record:
    """A revision of a release. path: of the Secret that records it. uid: of that Secret."""

    revision: int
    status: str
    path: str
    uid: str


@dataclass(frozen=True, slots=True)
class Orphan:
    """A cluster-scoped object of a release. kind: as kubectl calls it. metadata: the object's."""

    kind: str
    path: str
    metadata: Mapping[str, Any]


def records(reader: Reader, namespace: str, release: str) -> list[Record]:
    """Newest revision first. Raises ClusterUnknownError."""
    secrets = f"/api/v1/namespaces/{namespace}/secrets"
    found: list[Record] = []
    for metadata in reader.all(secrets, f"owner=helm,name={release}"):
        labels = metadata.get("labels") or {}
        path = f"{secrets}/{metadata['name']}"
        found.append(Record(int(labels.get("version") or 0), str(labels.get("status")), path, str(metadata.get("uid"))))
    return sorted(found, key=lambda record: -record.revision)


def pending(reader: Reader, namespace: str, release: str) -> list[Record]:
    """Revisions whose Helm command never ended, newest first. Raises ClusterUnknownError."""
    return [record for record in records(reader, namespace, release) if record.status in PENDING]


def orphans(reader: Reader, namespace: str, release: str) -> list[Orphan]:
    """Cluster-scoped objects of a release that has no record any more: `helm uninstall` does not find it. None where
    there is a record, whatever its state. Raises ClusterUnknownError."""
    if records(reader, namespace, release):
        return []
    return [
        Orphan(kind, f"{path}/{metadata['name']}", metadata)
        for kind, path in _CLUSTER_WIDE.items()
        for metadata in reader.all(path)
        if release_of(metadata) == (release, namespace)
    ]


def removal(found: Sequence[Orphan], context: str) -> str:
    """The commands that delete them, a line for each kind."""
    names: dict[str, list[str]] = {}
    for orphan in found:
        names.setdefault(orphan.kind, []).append(str(orphan.metadata["name"]))
    return "\n".join(f"kubectl --context {context} delete {kind} {' '.join(each)}" for kind, each in names.items())


def release_of(metadata: Mapping[str, Any]) -> tuple[str, str] | None:
    """Name and namespace of the Helm release that made an object; None where none did."""
    annotations = metadata.get("annotations") or {}
    name, place = annotations.get("meta.helm.sh/release-name"), annotations.get("meta.helm.sh/release-namespace")
    return (name, place) if name and place else None
