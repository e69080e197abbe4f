"""Whether a Kubernetes object has become what it was made for.

Owns the conditions of Deployment, Pod and Service, in the words of the real plugin, and what the annotation
pulumi.com/waitFor asks for: a condition, or a field by its path. Pure: it judges objects that others read. Other kinds
count as ready as soon as they exist; so do, unlike with the real plugin, StatefulSets, DaemonSets, Jobs, Ingresses,
volumes and service account tokens.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from sandbox.plugins.kubernetes.kinds import Kind, of_object
from sandbox.plugins.kubernetes.values import Object

# Reads the objects of a kind in a namespace that carry labels (a selector as in a query).
Finder = Callable[[Kind, str, str], list[Object]]

_SERVICE_WITHOUT_PODS = (
    "Service does not target any Pods. Selected Pods may not be ready, or field '.spec.selector' may not match "
    "labels on any Pods"
)
_DEPLOYMENT_WITHOUT_PODS = "Minimum number of live Pods was not attained"


def problems(obj: Object, find: Finder) -> list[str]:
    """Why `obj` is not ready, nothing when it is."""
    if wait := annotation(obj, "waitFor"):
        return _waits_for(obj, wait)
    kind = of_object(obj)
    if kind.group == "apps" and kind.kind == "Deployment":
        return _deployment(obj)
    if kind.group == "" and kind.kind == "Pod":
        return _pod(obj)
    if kind.group == "" and kind.kind == "Service":
        return _service(obj, find)
    return []


def awaited(obj: Object) -> bool:
    """Whether there is anything to wait for: an annotation says so, or the kind has conditions and none says to skip
    them."""
    if annotation(obj, "waitFor"):
        return annotation(obj, "skipAwait") != "true"
    kind = of_object(obj)
    known = (kind.group, kind.kind) in {("apps", "Deployment"), ("", "Pod"), ("", "Service")}
    return known and annotation(obj, "skipAwait") != "true"


def annotation(obj: Object, name: str) -> str:
    """The value of the annotation pulumi.com/`name`, empty when there is none."""
    return str(((obj.get("metadata") or {}).get("annotations") or {}).get(f"pulumi.com/{name}") or "")


def _waits_for(obj: Object, wait: str) -> list[str]:
    """`condition=TYPE[=STATUS]` or `jsonpath={.a.b}[=VALUE]`. Lists, indices and filters are not played."""
    form, _, asked = wait.partition("=")
    if form == "condition":
        kind, _, status = asked.partition("=")
        held = _condition(obj, kind).get("status") == (status or "True")
    elif form == "jsonpath" and (found := re.fullmatch(r"\{((?:\.\w+)+)\}(?:=(.*))?", asked)):
        value = _at(obj, found[1].removeprefix(".").split("."))
        held = value is not None and (found[2] is None or str(value) == found[2])
    else:
        raise ValueError(f"this stand-in for pulumi-kubernetes does not play pulumi.com/waitFor: {wait}")
    return [] if held else [f"Waiting for {wait}"]


def _at(obj: Object, path: list[str]) -> Any:
    found: Any = obj
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return found


def _condition(obj: Object, type_: str) -> Object:
    conditions = (obj.get("status") or {}).get("conditions") or []
    return next((condition for condition in conditions if condition.get("type") == type_), {})


def _deployment(obj: Object) -> list[str]:
    status = obj.get("status") or {}
    wanted = (obj.get("spec") or {}).get("replicas", 1)
    if wanted == 0:
        return []
    seen = status.get("observedGeneration", 0) >= obj["metadata"].get("generation", 0)
    ready = status.get("updatedReplicas", 0) >= wanted and status.get("availableReplicas", 0) >= wanted
    if seen and ready and _condition(obj, "Available").get("status") == "True":
        return []
    failing = [
        f"[{condition.get('reason', '')}] {condition.get('message', '')}"
        for condition in (_condition(obj, "Progressing"), _condition(obj, "ReplicaFailure"))
        if condition and (condition["status"] == "False") == (condition["type"] == "Progressing")
    ]
    return [*failing, _DEPLOYMENT_WITHOUT_PODS]


def _pod(obj: Object) -> list[str]:
    phase = (obj.get("status") or {}).get("phase")
    if phase == "Succeeded" or (phase == "Running" and _condition(obj, "Ready").get("status") == "True"):
        return []
    return [
        f"[{condition.get('reason') or condition.get('type')}] {condition.get('message', '')}".strip()
        for type_ in ("PodScheduled", "Initialized", "ContainersReady", "Ready")
        if (condition := _condition(obj, type_)).get("status") != "True"
    ][:1]


def _service(obj: Object, find: Finder) -> list[str]:
    spec = obj.get("spec") or {}
    found: list[str] = []
    headless = spec.get("clusterIP") == "None"
    external = spec.get("type") == "ExternalName"
    if spec.get("selector") and not headless and not external and not _has_endpoints(obj, find):
        found.append(_SERVICE_WITHOUT_PODS)
    ingress = ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress")
    if spec.get("type") == "LoadBalancer" and not ingress:
        found.append("Service was not allocated an IP address; does your cloud provider support this?")
    return found


def _has_endpoints(obj: Object, find: Finder) -> bool:
    metadata = obj["metadata"]
    slices = find(
        Kind("discovery.k8s.io", "v1", "EndpointSlice"),
        metadata["namespace"],
        f"kubernetes.io/service-name={metadata['name']}",
    )
    return any(
        (endpoint.get("conditions") or {}).get("ready")
        for slice_ in slices
        for endpoint in slice_.get("endpoints") or []
    )
