"""The forms of RBAC objects. Owns no rule and no name: who may do what is said by those who use it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from components.manifests import Manifest

GROUP = "rbac.authorization.k8s.io"


def cluster_role(name: str, rules: Sequence[Any], labels: Mapping[str, str]) -> Manifest:
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name, "labels": dict(labels)},
        "rules": list(rules),
    }


def binding(
    name: str,
    role: str,
    subjects: Sequence[Mapping[str, str]],
    labels: Mapping[str, str],
    *,
    namespace: str | None = None,
) -> Manifest:
    """Binds a ClusterRole to subjects: in the whole cluster, or in one namespace."""
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
        "metadata": {"name": name, "labels": dict(labels)} | ({"namespace": namespace} if namespace else {}),
        "roleRef": {"apiGroup": GROUP, "kind": "ClusterRole", "name": role},
        "subjects": [dict(subject) for subject in subjects],
    }
