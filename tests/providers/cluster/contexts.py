"""Kubeconfigs of a test's own: one context, acme-prod, with the cluster and user that the test gives it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

CONTEXT = "acme-prod"


def write(file: Path, cluster: dict[str, Any], user: dict[str, Any], **more: Any) -> Path:
    """JSON, which is YAML."""
    document = {
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": CONTEXT, "context": {"cluster": "c", "user": "u"}}],
        "current-context": "another",
        **more,
    }
    file.write_text(json.dumps(document))
    return file
