"""The Secret with the operator's credential. Owns its form; where the credential comes from is the caller's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from components.manifests import Manifest
from components.naming import NAMESPACE, credential_secret


def credential(generation: int, *, client_id: Any, client_secret: Any, labels: Mapping[str, str]) -> Manifest:
    """client_id, client_secret: texts, or the engine's outputs that will be texts."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": credential_secret(generation), "namespace": NAMESPACE, "labels": dict(labels)},
        "stringData": {"client_id": client_id, "client_secret": client_secret},
    }
