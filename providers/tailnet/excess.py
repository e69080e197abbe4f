"""What an object in a cluster has beyond its manifest, and the patch that takes it away again.

Owns the comparison of whole lists: the engine's Kubernetes plugin compares live lists only as far as the declared ones
reach, so an added subject, rule or egress rule is invisible to it. What an object has less than its manifest is no
excess, for that is the customer's to narrow, except where the missing part is what limits. Pure: plain objects in the
API's own form go in. Leaves the values of declared fields outside of lists to the plugin, except where it applies the
same patch anyway.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

Object = Mapping[str, Any]

_IDENTITY: Final = frozenset({"apiVersion", "kind", "metadata", "status"})
_FIELDS: Final[dict[str, frozenset[str]]] = {
    "Namespace": frozenset(),
    "ServiceAccount": frozenset(),  # clusters add pull secrets and tokens by themselves
}
"""Top-level fields that are compared, where these are not all."""

_DEFAULTS: Final = {
    ("Recorder", "spec.replicas"),
    *(
        ("Service", f"spec.{name}")
        for name in ("allocateLoadBalancerNodePorts", "internalTrafficPolicy", "sessionAffinity", "ports")
    ),
}
"""Kind and path of what the API server fills in by itself."""

_WRITTEN: Final = {("Service", "spec.externalName")}
"""Kind and path of what the operator writes."""

_LIMITS: Final = {
    ("CiliumNetworkPolicy", "spec"),
    ("CiliumNetworkPolicy", "spec.egress"),
    ("CiliumNetworkPolicy", "spec.endpointSelector"),
}
"""Kind and path of what limits by being there: Cilium lets everything through where it is missing or empty."""

_METADATA: Final = (
    "pod-security.kubernetes.io/enforce",  # which pods a namespace admits
    "rbac.authorization.k8s.io/aggregate-to-",  # adds a role's rules to another role
    "tailscale.com/",  # what the operator exposes, and as what
)
"""Beginnings of labels and annotations that give access by themselves."""

_HARMLESS: Final = {"pod-security.kubernetes.io/enforce-version": "latest"}
"""Labels and values that change nothing. OpenShift labels namespaces by itself."""

_REPORTING: Final = ("pod-security.kubernetes.io/warn", "pod-security.kubernetes.io/audit")
"""Beginnings of labels that refuse nothing."""


@dataclass(frozen=True, slots=True)
class Excess:
    """sentences: what there is more than declared. patch: a merge patch that takes it away, without `roleRef`, which
    no patch changes. other_role: whether the object binds another role than declared."""

    sentences: tuple[str, ...]
    patch: dict[str, Any]
    other_role: bool


def excess(manifest: Object, live: Object) -> Excess | None:
    """None where the object has nothing beyond its manifest."""
    kind = str(manifest["kind"])
    found: list[str] = []
    patch: dict[str, Any] = {}
    for key in _fields(kind, manifest, live):
        changed = _beyond(kind, key, manifest.get(key), live.get(key), found)
        if changed is not _NOTHING:
            patch[key] = changed
    metadata = {
        part: wrong
        for part in ("labels", "annotations")
        if (wrong := _metadata(part, _part(manifest, part), _part(live, part), found))
    }
    if metadata:
        patch["metadata"] = metadata
    if not patch:
        return None
    other_role = patch.pop("roleRef", None) is not None
    return Excess(tuple(found), patch, other_role)


def title(manifest: Object) -> str:
    """`KIND NAME`, with its namespace where it has one."""
    metadata = manifest["metadata"]
    place = f" in namespace {metadata['namespace']}" if "namespace" in metadata else ""
    return f"{manifest['kind']} {metadata['name']}{place}"


_NOTHING: Final = object()


def _fields(kind: str, manifest: Object, live: Object) -> Iterable[str]:
    named = dict.fromkeys([*manifest, *live])
    return [key for key in named if key not in _IDENTITY and key in _FIELDS.get(kind, named)]


def _beyond(kind: str, path: str, declared: Any, live: Any, found: list[str]) -> Any:
    """What to set in the place of `live`, for a merge patch; _NOTHING to leave it."""
    if _empty(live) and (kind, path) in _LIMITS and declared is not None:
        found.append(f"{path}: missing or empty, which limits nothing")
        return declared
    if _empty(live) or (kind, path) in _WRITTEN or (_empty(declared) and (kind, path) in _DEFAULTS):
        return _NOTHING
    if declared is None:
        found.append(f"{path}: {_shown(live)}")
        return None
    if isinstance(declared, Mapping) and isinstance(live, Mapping) and path != "roleRef":
        limits = [key for key in declared if (kind, f"{path}.{key}") in _LIMITS]
        changed = {
            key: _beyond(kind, f"{path}.{key}", declared.get(key), live.get(key), found)
            for key in dict.fromkeys([*live, *limits])
        }
        return {key: value for key, value in changed.items() if value is not _NOTHING} or _NOTHING
    if isinstance(declared, Sequence) and isinstance(live, Sequence) and not isinstance(declared, str):
        covers = _rule_covers if path == "rules" else _same
        more = [item for item in live if not any(covers(wanted, item) for wanted in declared)]
        found.extend(f"{path}: {_shown(item)}" for item in more)
        return list(declared) if more else _NOTHING
    if _same(declared, live):
        return _NOTHING
    found.append(f"{path}: {_shown(live)} instead of {_shown(declared)}")
    return declared


def _metadata(part: str, declared: Mapping[str, str], live: Mapping[str, str], found: list[str]) -> dict[str, Any]:
    """Declared labels are restored too: a kill and a check for leftovers find objects by them."""
    patch: dict[str, Any] = {}
    for key, value in live.items():
        if key not in declared and key.startswith(_METADATA) and _HARMLESS.get(key) != value:
            found.append(f"{part[:-1]} {key}: {_shown(value)}")
            patch[key] = None
    for key, value in declared.items() if part == "labels" else ():
        if live.get(key) != value and not key.startswith(_REPORTING):
            found.append(f"label {key}: {_shown(live.get(key))} instead of {_shown(value)}")
            patch[key] = value
    return patch


def _part(found: Object, part: str) -> Mapping[str, str]:
    return (found.get("metadata") or {}).get(part) or {}


def _rule_covers(declared: Object, live: Object) -> bool:
    """Whether a declared rule of RBAC allows all that a live one does. An empty resourceNames means every name."""
    for key in ("verbs", "apiGroups", "resources", "nonResourceURLs"):
        allowed, asked = set(declared.get(key) or ()), set(live.get(key) or ())
        if not asked <= allowed and "*" not in allowed:
            return False
    names = set(declared.get("resourceNames") or ())
    return not names or (bool(live.get("resourceNames")) and set(live["resourceNames"]) <= names)


def _same(declared: Any, live: Any) -> bool:
    return _canonical(declared) == _canonical(live)


def _canonical(value: Any) -> str:
    """Lists without their order. What is empty counts as left out, but for an object: `{}` selects everything."""
    return json.dumps(_sorted(value), sort_keys=True)


def _sorted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _sorted(item) for key, item in value.items() if not _empty(item)}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return sorted((_sorted(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
    return value


def _empty(value: Any) -> bool:
    return value is None or value is False or value == "" or (isinstance(value, list | tuple) and not value)


def _shown(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
