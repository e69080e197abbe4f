"""A stack's state as text to compare, without what the engine writes anew whenever it saves one.

That is the manifest (a time), the ciphertext of every secret (hence an export with secrets, of which only digests are
kept), and property dependencies that are empty, which it leaves out after a refresh. Pure.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

SECRET = "4dabf18193072939515e22adb298388d"  # noqa: S105 - the engine's mark of a secret value, not one
ANEW = "manifest"


def comparable(exported: Mapping[str, Any]) -> str:
    """exported: what `pulumi stack export --show-secrets` prints. A line for each resource, and one for the rest."""
    deployment = exported["deployment"]
    rest = {key: value for key, value in deployment.items() if key not in (ANEW, "resources")}
    lines = [
        f"{row['urn'].rpartition('::')[2]} {json.dumps(_row(row), sort_keys=True)}"
        for row in deployment.get("resources") or []
    ]
    return "\n".join([*lines, json.dumps(rest, sort_keys=True)])


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    """Times of a resource stay: a command that changes nothing keeps them."""
    kept = {key: _digested(value) for key, value in row.items() if key != "propertyDependencies"}
    dependencies = {name: urns for name, urns in (row.get("propertyDependencies") or {}).items() if urns}
    return {**kept, **({"propertyDependencies": dependencies} if dependencies else {})}


def _digested(value: Any) -> Any:
    if isinstance(value, Mapping):
        if SECRET in value:
            return f"secret {hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()}"
        return {key: _digested(item) for key, item in value.items()}
    return [_digested(item) for item in value] if isinstance(value, list) else value
