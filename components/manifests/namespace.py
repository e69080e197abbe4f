"""The one namespace that everything of ours is in."""

from __future__ import annotations

from collections.abc import Mapping

from components.manifests import Manifest
from components.naming import NAMESPACE

POD_SECURITY = {
    "pod-security.kubernetes.io/enforce": "baseline",
    "pod-security.kubernetes.io/warn": "restricted",
}
"""The operator's pod needs no privilege; only proxies of exposed services would."""


def namespace(labels: Mapping[str, str]) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": NAMESPACE, "labels": {**labels, **POD_SECURITY}},
    }
