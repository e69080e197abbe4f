"""Rights that the customer has deleted are not made again unasked.

Owns the question. To delete a role or a binding of ours is a customer's way to end access, like `helm uninstall`. A
refresh then drops the object from the state, and the next update, perhaps a nightly one, would make it again. That it
was made before is in the stack's record in the cluster (components/manifests/record.py). Reads only.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from components.cluster.reinstall import KEY
from components.manifests.record import moment
from components.settings.environment import EnvironmentSettings
from components.settings.problems import set_command


def revoked(
    settings: EnvironmentSettings, rights: Collection[str], existing: Collection[str], made: Mapping[str, Any] | None
) -> tuple[list[str], list[str]]:
    """Problems and notices, in sentences. rights: API paths of what the settings declare. existing: of what the cluster
    has. made: the record; None where the stack has none there."""
    data = (made or {}).get("data") or {}
    missing = sorted({*str(data.get("rights") or "").splitlines()} & {*rights} - {*existing})
    if not missing:
        return [], []
    agreed, now = settings.operator.reinstall, datetime.now(UTC)
    names = ", ".join(_title(path) for path in missing)
    stack, context = settings.names.name, settings.cluster.context if settings.cluster else ""
    if agreed is not None and agreed <= now and moment(agreed) != data.get("agreed"):
        return [], [
            f"{names}: this was deleted from the cluster {context}. Only `pulumi up -s {stack}"
            " --refresh` makes it again, as was agreed."
        ]
    ask = set_command(stack, KEY, now.replace(microsecond=0).isoformat().replace("+00:00", "Z"))
    return [
        f"{names} is not in the cluster {context} any more. This stack made it and somebody deleted it, which is a"
        " customer's way to end this access: it is not made again unasked. Fix: if the customer agreed to restore it,"
        f" record when: {ask}\nand run: pulumi up -s {stack} --refresh\n"
        f"If not, revoke the rest: pulumi destroy -s {stack}"
    ], []


def _title(path: str) -> str:
    """`clusterrole NAME`, from an API path."""
    parts = path.split("/")
    place = f" in namespace {parts[5]}" if parts[4] == "namespaces" else ""
    return f"{parts[-2].removesuffix('s')} {parts[-1]}{place}"
