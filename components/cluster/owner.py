"""Owners for Kubernetes' garbage collection: an object that names one is deleted after it.

Owns the reference. Kubernetes lets an object be owned from its own namespace or by a cluster-scoped object; a Namespace
is one. Which object belongs to which owner is the components' matter. So is `deleted_with`, by which the engine leaves
the deletion of an owned object to its owner: it then calls the cluster for none of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi_kubernetes as kubernetes

from components.manifests import Manifest
from components.naming import HOLDER, NAMESPACE


@dataclass(frozen=True, kw_only=True, slots=True)
class Owner:
    """A cluster-scoped object that owns others."""

    resource: kubernetes.core.v1.Namespace | kubernetes.rbac.v1.ClusterRole
    api_version: str
    kind: str
    name: str

    def owned(self, manifest: Manifest) -> Manifest:
        """The manifest as an object of this owner."""
        uid = self.resource.metadata.apply(lambda metadata: metadata.uid)
        reference = {"apiVersion": self.api_version, "kind": self.kind, "name": self.name, "uid": uid}
        return {**manifest, "metadata": {**manifest["metadata"], "ownerReferences": [reference]}}


def namespace_owner(namespace: kubernetes.core.v1.Namespace) -> Owner:
    """The operator's namespace: deleting it removes everything of the environment that has no operator's finalizer."""
    return Owner(resource=namespace, api_version="v1", kind="Namespace", name=NAMESPACE)


def proxies_owner(role: kubernetes.rbac.v1.ClusterRole) -> Owner:
    """The owner of what the operator puts a finalizer on (holder.py)."""
    return Owner(resource=role, api_version="rbac.authorization.k8s.io/v1", kind="ClusterRole", name=HOLDER)
