"""The record in the customer's cluster of the rights that the stack made there.

Owns its name and form. A right that is recorded and missing was deleted by the customer; one that was never made is not
recorded. Holds no rights and no secret.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from components.manifests import Manifest
from components.naming import NAMESPACE

NAME = "support-access-made"


def record(rights: Sequence[str], agreed: datetime | None, labels: Mapping[str, str]) -> Manifest:
    """rights: API paths. agreed: the setting `operator.reinstall` under which they were made; it answers once."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": NAME, "namespace": NAMESPACE, "labels": dict(labels)},
        "data": {"rights": "\n".join(sorted(rights)), "agreed": moment(agreed)},
    }


def moment(agreed: datetime | None) -> str:
    return agreed.isoformat() if agreed else ""
