"""One namespace: outside it only what somebody has named, and cluster-wide only the few kinds that are known."""

from __future__ import annotations

from collections.abc import Iterator

from policy.seen import CLUSTER_WIDE, NAMESPACE, Limits, Seen

OUTSIDE = ("Service", "Ingress", "RoleBinding", "Role", "Secret", "ServiceAccount")
"""Kinds that exposures and namespaced roles need elsewhere, when they are named."""
BUILT_IN = ("cluster-admin", "admin", "edit", "view")
"""Roles, and one binding, that every cluster has."""


def own_namespace(seen: Seen, limits: Limits) -> Iterator[str]:
    """An object of another namespace, or of none. limits: `outside`, a list of `Kind namespace/name`."""
    if not seen.kind or seen.kind == "Release":
        if seen.kind == "Release" and seen.props.get("namespace") != NAMESPACE:
            yield f"the release goes into namespace {seen.props.get('namespace')!r}, not {NAMESPACE!r}."
        return
    if seen.kind in CLUSTER_WIDE:
        if seen.object_name in BUILT_IN or seen.object_name.startswith("system:"):
            yield f"{seen.kind} {seen.object_name} is the cluster's own: an apply would take it over."
        if seen.kind == "Namespace" and seen.object_name != NAMESPACE:
            yield f"it makes namespace {seen.object_name!r}: everything of ours is in {NAMESPACE!r}."
        return
    if seen.namespace == NAMESPACE:
        return
    this = f"{seen.kind} {seen.namespace}/{seen.object_name}"
    if seen.kind not in OUTSIDE:
        yield f"{this} is outside of {NAMESPACE!r}, where no {seen.kind} belongs."
    elif this not in (limits.get("outside") or ()):
        yield f"{this} is outside of {NAMESPACE!r} and not named. Name it in the pack's configuration: outside."
