"""What the operator holds in the cluster: objects with a finalizer of its own.

Owns how they are found, deleted and released. Raises what the cluster raises.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from providers.cluster.look import Found
from providers.cluster.problems import ClusterRefusedError

from .recorded_cluster import Api

FINALIZERS = "tailscale.com/"
EXPOSED_BY = ("tailscale.com/expose", "tailscale.com/tailnet-fqdn", "tailscale.com/tailnet-ip")
"""Annotations by which the operator serves a Service, whoever set them."""

Objects = dict[str, Found]
"""Metadata by API path."""


def held(api: Api, paths: Sequence[str]) -> Objects:
    """Those of the objects that have a finalizer of the operator's."""
    found = {path: api.one(path) for path in paths}
    return {path: there for path, there in found.items() if there is not None and _finalizers(there)}


def unneeded(objects: Objects) -> Objects:
    """Those that no proxy needs any more: being deleted, or a Service that nothing exposes."""
    return {
        path: there
        for path, there in objects.items()
        if "deletionTimestamp" in there or ("/services/" in path and not _is_exposed(there))
    }


def delete_owned(api: Api, paths: Sequence[str], owner: str) -> list[str]:
    """Deletes the objects under `paths` that the object at `owner` owns, and that one last; returns what is refused.

    Not the owner alone: Kubernetes takes up to 30 seconds to notice objects of kinds that it has not seen before.
    """
    name, refused = owner.rpartition("/")[2], list[str]()
    for path in paths:
        there = api.one(path)
        if there is not None and any(reference["name"] == name for reference in there.get("ownerReferences") or ()):
            refused += attempt(partial(api.delete, path, uid=there["uid"]))
    return refused + attempt(partial(api.delete, owner))


def take_off(api: Api, path: str, annotations: Mapping[str, str]) -> list[str]:
    """Takes these annotations off a Service of the customer's where they have our values; returns what is refused."""
    there = api.one(path)
    current = (there or {}).get("annotations") or {}
    ours = dict.fromkeys(key for key, value in annotations.items() if current.get(key) == value)
    return attempt(partial(api.patch, path, {"metadata": {"annotations": ours}})) if ours else []


def release(api: Api, path: str, there: Found) -> list[str]:
    """Takes the operator's finalizers off an object, and no others; returns what is refused."""
    kept = {"finalizers": _others(there), "resourceVersion": there.get("resourceVersion")}
    return attempt(partial(api.patch, path, {"metadata": kept}))


def release_command(path: str, there: Found, context: str) -> str:
    """The command that does the same by hand."""
    place = ["-n", there["namespace"]] if "namespace" in there else []
    patch = json.dumps({"metadata": {"finalizers": _others(there)}})
    words = ["kubectl", "--context", context, "patch", kind(path), there["name"], *place, "--type=merge", "-p", patch]
    return shlex.join(words)


def attempt(call: Callable[[], object]) -> list[str]:
    """Makes a call; returns why the API server refused it, or nothing. Raises ClusterUnknownError for no answer."""
    try:
        call()
    except ClusterRefusedError as refusal:
        return [str(refusal)]
    return []


def kind(path: str) -> str:
    """The kind as kubectl takes it, `PLURAL.GROUP`."""
    parts = path.split("/")
    return parts[-2] if parts[1] == "api" else f"{parts[-2]}.{parts[2]}"


def title(path: str) -> str:
    """Kind and name."""
    return f"{kind(path)} {path.rpartition('/')[2]}"


def _is_exposed(there: Found) -> bool:
    return any(key in EXPOSED_BY for key in there.get("annotations") or {})


def _finalizers(there: Found) -> list[str]:
    return [name for name in there.get("finalizers") or [] if name.startswith(FINALIZERS)]


def _others(there: Found) -> list[str]:
    return [name for name in there.get("finalizers") or [] if not name.startswith(FINALIZERS)]
