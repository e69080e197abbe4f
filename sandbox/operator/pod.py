"""What a pod's spec says to the process in it: environment, image, mounted Secrets and tokens.

Pure functions of the Pod object as the API server returns it; nothing here talks to anybody.
"""

from __future__ import annotations

import re
from typing import Any

from sandbox.operator.kube import Object

PLAYED_VERSION = "1.96.5"  # An image that is pinned by digest alone does not tell its version.

_TAG = re.compile(r":v?(\d+\.\d+\.\d+[\w.-]*)(?:@|$)")


def is_operator(pod: Object) -> bool:
    """Whether this is the pod that the chart's Deployment `operator` makes."""
    return any(
        container["name"] == "operator" and "OPERATOR_HOSTNAME" in environment(pod, "operator")
        for container in pod["spec"]["containers"]
    )


def is_proxy(pod: Object) -> bool:
    """Whether this is the pod of a proxy that an operator made."""
    labels = pod["metadata"].get("labels") or {}
    return labels.get("tailscale.com/managed") == "true"


def is_recorder(pod: Object) -> bool:
    """Whether this is the pod of a session recorder that an operator deployed."""
    labels = pod["metadata"].get("labels") or {}
    return (labels.get("app.kubernetes.io/name"), labels.get("app.kubernetes.io/managed-by")) == (
        "recorder",
        "tailscale-operator",
    )


def is_task(pod: Object) -> bool:
    """Whether this is the pod of a Job that the program itself has made, and has not ended."""
    meta = pod["metadata"]
    labels = meta.get("labels") or {}
    owners = [owner["kind"] for owner in meta.get("ownerReferences") or []]
    ended = pod.get("status", {}).get("phase") in ("Succeeded", "Failed")
    return labels.get("app.kubernetes.io/managed-by") == "support-access" and owners == ["Job"] and not ended


def environment(pod: Object, container: str) -> dict[str, str]:
    """The environment of one container; fieldRef is resolved for the fields that the chart and the proxies
    use.

    A name given twice has its last value, as in the kubelet. `valueFrom` a Secret or ConfigMap is not
    supported: neither uses it.
    """
    resolved: dict[str, str] = {}
    for variable in _container(pod, container).get("env") or []:
        field = variable.get("valueFrom", {}).get("fieldRef", {}).get("fieldPath")
        if field:
            resolved[variable["name"]] = str(pod["metadata"].get(field.removeprefix("metadata."), ""))
        else:
            value = variable.get("value", "")
            resolved[variable["name"]] = re.sub(r"\$\((\w+)\)", lambda m: resolved.get(m[1], m[0]), value)
    return resolved


def version(pod: Object, container: str) -> str:
    """The client version that the container's image announces, such as `1.96.5`."""
    found = _TAG.search(image(pod, container))
    return found[1] if found else PLAYED_VERSION


def image(pod: Object, container: str) -> str:
    """The image reference of a container."""
    return _container(pod, container)["image"]


def secret_mounts(pod: Object, container: str) -> list[tuple[str, str, str]]:
    """The Secrets that must exist before the container starts: (volume, mount path, Secret name)."""
    paths = {mount["name"]: mount["mountPath"] for mount in _container(pod, container).get("volumeMounts") or []}
    return [
        (volume["name"], paths[volume["name"]].rstrip("/"), volume["secret"]["secretName"])
        for volume in pod["spec"].get("volumes") or []
        if volume["name"] in paths and "secret" in volume and not volume["secret"].get("optional")
    ]


def token_mounts(pod: Object, container: str) -> list[tuple[str, str, int]]:
    """The ServiceAccount tokens that are projected for others than the API server: (path, audience, seconds)."""
    paths = {mount["name"]: mount["mountPath"] for mount in _container(pod, container).get("volumeMounts") or []}
    return [
        (
            f"{paths[volume['name']].rstrip('/')}/{token['path']}",
            token["audience"],
            token.get("expirationSeconds", 3600),
        )
        for volume in pod["spec"].get("volumes") or []
        for source in volume.get("projected", {}).get("sources") or []
        if volume["name"] in paths and (token := source.get("serviceAccountToken")) and token.get("audience")
    ]


def _container(pod: Object, name: str) -> dict[str, Any]:
    return next(container for container in pod["spec"]["containers"] if container["name"] == name)
