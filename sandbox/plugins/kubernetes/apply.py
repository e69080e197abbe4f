"""Updating one object by server-side apply, without taking what others own.

Owns the choice of request for an update, the handover of fields that a plain create left to another manager, conflicts
and their explanation, and giving fields back. Blocking, no waiting for readiness.
"""

from __future__ import annotations

import copy
from typing import Any

from sandbox.plugins.kubernetes import kinds
from sandbox.plugins.kubernetes.checkpoint import Checkpoint
from sandbox.plugins.kubernetes.cluster import CREATE_MANAGER, ApiError, Cluster
from sandbox.plugins.kubernetes.connection import Settings
from sandbox.plugins.kubernetes.kinds import Kind
from sandbox.plugins.kubernetes.readiness import annotation
from sandbox.plugins.kubernetes.values import Object

_OWN_UPDATERS = (CREATE_MANAGER, "pulumi-kubernetes.exe", "pulumi-resource-kubernetes")
# Field managers whose fields an update takes over, by operation. A name is a prefix: kubectl's are `kubectl-label`,
# `kubectl-patch`, `kubectl-client-side-apply` and so on.
_TAKEN_OVER = {"Update": (*_OWN_UPDATERS, "kubectl", "before-first-apply"), "Apply": ("kubectl",)}
_CONFLICT_HELP = (
    "https://www.pulumi.com/registry/packages/kubernetes/how-to-guides/managing-resources-with-server-side-apply/"
    "#handle-field-conflicts-on-existing-resources"
)


def apply_update(
    cluster: Cluster,
    kind: Kind,
    old: Checkpoint,
    inputs: Object,
    manager: str,
    settings: Settings,
    *,
    ignore_changes: list[str],
    patching: bool,
    preview: bool,
) -> Object:
    """The object after the update; ApiError when the server refuses it."""
    metadata = old.live["metadata"]
    live = cluster.get(kind, metadata.get("namespace", ""), metadata["name"])
    body = _keeping(inputs, live, ignore_changes)
    if kinds.is_crd(kind):  # replaced as a whole, in place: its custom resources live on
        version = {"resourceVersion": live["metadata"]["resourceVersion"]}
        body = {**body, "metadata": {**body["metadata"], **version}}
        return cluster.replace(kind, body, manager, dry_run=preview)
    if not settings.server_side_apply:
        return cluster.merge(kind, _merge_patch(old.inputs, body), CREATE_MANAGER, dry_run=preview)
    if not patching and not preview:
        live = _take_over(cluster, kind, live, manager)
    force = forced(inputs, live, always=settings.patch_force, preview=preview)
    try:
        updated = cluster.apply(kind, body, manager, force=force, dry_run=preview)
    except ApiError as error:
        raise (conflict_error(error, manager) if error.conflict else error) from error
    if not preview and manager != old.manager:
        relinquish(cluster, kind, updated, old.manager)
    return updated


def forced(inputs: Object, live: Object | None, *, always: bool, preview: bool) -> bool:
    """Whether to overwrite fields that other managers own."""
    if always or annotation(inputs, "patchForce") == "true":
        return True
    if preview and live is None:
        return True
    managed = [] if live is None else live["metadata"].get("managedFields") or []
    if preview:  # a real update would have taken these fields over first
        return any(entry["operation"] == "Update" and entry["manager"] in _OWN_UPDATERS for entry in managed)
    return live is not None and not managed


def conflict_error(error: ApiError, manager: str) -> ApiError:
    """The server's conflict with what it means and where the ways out are written down."""
    text = (
        f"server-side apply field conflict detected, see {_CONFLICT_HELP} for troubleshooting help\n"
        f'The resource managed by field manager "{manager}" had an apply conflict: {error}'
    )
    return ApiError(text, error.status, "ApplyConflict", error.kind)


def relinquish(cluster: Cluster, kind: Kind, live: Object, manager: str) -> None:
    """Own no field of the object any more: those that nobody else owns go."""
    metadata = live["metadata"]
    identity = {key: metadata[key] for key in ("name", "namespace") if metadata.get(key)}
    empty = {"apiVersion": live["apiVersion"], "kind": live["kind"], "metadata": identity}
    cluster.apply(kind, empty, manager, force=True, dry_run=False)


def _take_over(cluster: Cluster, kind: Kind, live: Object, manager: str) -> Object:
    """Make `manager` the applier of the fields that a plain create, or kubectl, left to an updater."""
    metadata = live["metadata"]
    entries = metadata.get("managedFields") or []
    taken = [entry for entry in entries if _is_taken(entry)]
    if not taken:
        return live
    own = next((entry for entry in entries if (entry["manager"], entry["operation"]) == (manager, "Apply")), None)
    fields = copy.deepcopy(own["fieldsV1"]) if own else {}
    for entry in taken:
        _union(fields, entry.get("fieldsV1") or {})
    merged = {**(own or taken[0]), "manager": manager, "operation": "Apply", "fieldsV1": fields}
    kept = [entry for entry in entries if entry is not own and not _is_taken(entry)]
    return cluster.patch_json(
        kind,
        metadata.get("namespace", ""),
        metadata["name"],
        [
            {"op": "replace", "path": "/metadata/managedFields", "value": [*kept, merged]},
            {"op": "replace", "path": "/metadata/resourceVersion", "value": metadata["resourceVersion"]},
        ],
    )


def _is_taken(entry: Object) -> bool:
    return not entry.get("subresource") and entry["manager"].startswith(_TAKEN_OVER.get(entry["operation"], ()))


def _union(into: Object, other: Object) -> None:
    for key, value in other.items():
        _union(into.setdefault(key, {}), value)


def _merge_patch(old: Any, new: Any) -> Any:
    """`new`, with null for what it no longer has of `old`."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    removed = {key: None for key in old if key not in new}
    return {**{key: _merge_patch(old.get(key), value) for key, value in new.items()}, **removed}


def _keeping(inputs: Object, live: Object, ignored: list[str]) -> Object:
    """The inputs with the live values of ignored paths, so that ignoring never changes them."""
    body = copy.deepcopy(inputs)
    for path in ignored:
        *parents, last = path.split(".")
        source: Any = live
        target: Any = body
        for step in parents:
            source = source.get(step) if isinstance(source, dict) else None
            target = target.setdefault(step, {}) if isinstance(target, dict) else None
        if isinstance(source, dict) and isinstance(target, dict) and last in source:
            target[last] = source[last]
    return body
