"""What an environment leaves in its cluster beside the namespace: found by label, deleted when nothing else would.

Owns what is deleted after the operator's credential is gone: roles and bindings that carry the environment's labels,
because the namespace that owns them may be stuck, and finalizers of the operator's that nobody else takes off any more.
Leaves the release and the namespace to the engine. Reports everything it did, and everything that remains.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import quote

from providers.cluster.look import Found
from providers.cluster.problems import ClusterRefusedError

from .held import attempt, held, release, release_command, title, unneeded
from .recorded_cluster import Api

_RBAC = "/apis/rbac.authorization.k8s.io/v1"
RIGHTS = ("clusterrolebindings", "rolebindings", "clusterroles", "roles")
"""Bindings first: a role without one gives nobody anything."""


@dataclass(kw_only=True, slots=True)
class Swept:
    """removed: what was deleted or released. remaining: what was not, each with the reason."""

    removed: list[str] = field(default_factory=list)
    remaining: list[str] = field(default_factory=list)


def sweep(api: Api, labels: Mapping[str, str], paths: Sequence[str], context: str) -> Swept:
    """labels: of the environment's objects. paths: of what the operator may hold. Raises ClusterUnknownError."""
    found = Swept()
    selector = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
    for resource in RIGHTS:
        try:
            _delete(api, resource, selector, found)
        except ClusterRefusedError as refusal:
            found.remaining.append(f"{resource}: {refusal}")
    for path, there in held(api, paths).items():
        if path in unneeded({path: there}) and not release(api, path, there):
            found.removed.append(f"the operator's finalizer on {title(path)}")
        else:
            found.remaining.append(
                f"the operator's finalizer on {title(path)}: {release_command(path, there, context)}"
            )
    return found


def _delete(api: Api, resource: str, selector: str, found: Swept) -> None:
    asked: set[str] = set()
    for there in api.all(f"{_RBAC}/{resource}", selector):
        path = _path(resource, there)
        if refused := attempt(partial(api.delete, path, uid=there["uid"])):
            found.remaining.append(f"{title(path)}: {refused[0]}")
        else:
            asked.add(path)
    held_back = {_path(resource, there): there for there in api.all(f"{_RBAC}/{resource}", selector)} if asked else {}
    for path in sorted(asked):
        there = held_back.get(path)
        if there is None:
            found.removed.append(title(path))
        elif finalizers := there.get("finalizers"):
            found.remaining.append(f"{title(path)}: it is deleted when {', '.join(finalizers)} is taken off")
        else:
            found.remaining.append(f"{title(path)}: it is still there, or was made again meanwhile")


def _path(resource: str, there: Found) -> str:
    """A name of RBAC may hold `?` and `#`, which would make it another object's path."""
    place = f"namespaces/{there['namespace']}/" if "namespace" in there else ""
    return f"{_RBAC}/{place}{resource}/{quote(there['name'], safe=':')}"
