"""A state as the previous version of the program wrote it, made from one of today.

`state_of_before.json` is what that version exported for the same example stack, without values: by resource the keys of
its inputs, nested, and what it was deleted with, for the resources that have changed since. It was taken once, from the
program itself.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

Row = dict[str, Any]
SHAPE = json.loads(Path(__file__).with_name("state_of_before.json").read_text())
NEW = ("acme-prod-cluster", "acme-prod-repair", "acme-prod-record")
"""Resources that there have been since."""
ADDED = ("context", "kubeconfig", "clusterUid", "labels", "held")
"""Inputs that the device cleanup has had since."""


def as_of_before(state: Row) -> Row:
    """state: what `pulumi stack export` prints today."""
    old = copy.deepcopy(state)
    rows: list[Row] = old["deployment"]["resources"]
    new = {row["urn"] for row in rows if row["urn"].endswith(NEW)}
    old["deployment"]["resources"] = rows = [row for row in rows if row["urn"] not in new]
    for row in rows:
        row["dependencies"] = [urn for urn in row.get("dependencies") or [] if urn not in new]
        for urns in (row.get("propertyDependencies") or {}).values():
            urns[:] = [urn for urn in urns or [] if urn not in new]
        row.pop("deletedWith", None)
        for part in ("inputs", "outputs"):
            values = row.get(part) or {}
            (values.get("metadata") or {}).pop("ownerReferences", None)
            if row["type"] == "pulumi:providers:kubernetes":
                values["deleteUnreachable"] = "true"
            if row["type"].endswith(":DeviceCleanup"):
                for name in ADDED:
                    values.pop(name, None)
    return old


def shape(state: Row) -> Row:
    """By the resource's name: its type, the keys of its inputs, and what it is deleted with. Of the cluster's provider
    and objects, the release left out, and the device cleanup."""
    return {
        row["urn"].rpartition("::")[2]: {
            "type": row["type"],
            "inputs": _keys(row.get("inputs")),
            **({"deletedWith": row["deletedWith"].rpartition("::")[2]} if row.get("deletedWith") else {}),
        }
        for row in state["deployment"]["resources"]
        if row["type"].startswith(("pulumi:providers:kubernetes", "kubernetes:", "tailnet:index:DeviceCleanup"))
        and not row["type"].endswith(":Release")
    }


def _keys(value: Any) -> Any:
    if isinstance(value, dict):
        if "4dabf18193072939515e22adb298388d" in value:  # an encrypted value
            return None
        return {key: _keys(inner) for key, inner in sorted(value.items())}
    return [_keys(value[0])] if isinstance(value, list) and value and isinstance(value[0], dict) else None
