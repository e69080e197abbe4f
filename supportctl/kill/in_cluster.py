"""What stays in a cluster that could not be cleaned, and the commands that take it away.

Owns the reading of a state's rows for it. Asks no cluster. Nothing of this lets anybody in once the grant, the
credential and the devices are gone; but what stays keeps the next `pulumi up` there from succeeding, so it is named.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from components.naming import NAMESPACE, RELEASE

_LABEL = "-l app.kubernetes.io/managed-by=support-access"
_ALL = (
    f"kubectl delete clusterroles,clusterrolebindings {_LABEL}",
    f"kubectl delete rolebindings --all-namespaces {_LABEL}",
)
_GOES_ALONE = ("Namespace", "Release")
"""Named in every line there is, or Helm's."""
_PATCH = "Patch"


def in_cluster(rows: Iterable[Mapping[str, Any]]) -> tuple[str, ...] | None:
    """The commands that take away what these rows of a state hold beside the release and the namespace.

    An object of ours is deleted; of a customer's own, which we patched, only the annotations that we gave it are. What
    lies in the operator's namespace goes with it. None when the rows hold nothing that lies in a cluster.
    """
    held = [row for row in rows if row["type"].startswith("kubernetes:")]
    if not held:
        return None
    deleted: dict[str, list[str]] = {}
    patched: list[str] = []
    for row in held:
        kind = str(row["type"]).rpartition(":")[2]
        namespace, _, name = str(row.get("id") or "").rpartition("/")
        if not name or namespace == NAMESPACE or kind in _GOES_ALONE:
            continue
        if kind.endswith(_PATCH):
            patched += _unpatched(kind.removesuffix(_PATCH).lower(), namespace, name, row)
        else:
            deleted.setdefault(namespace, []).append(f"{kind.lower()}/{name}")
    return (
        *(shlex.join(["kubectl", "delete", *_in(namespace), *names]) for namespace, names in deleted.items()),
        *patched,
    )


def finishing(stack: str, commands: tuple[str, ...]) -> str:
    """What to run in the cluster of `stack`: harmless where all is gone already. commands: () when they are unknown."""
    first = (f"helm uninstall {RELEASE} -n {NAMESPACE}", f"kubectl delete namespace {NAMESPACE}")
    return (
        f"what {stack} has in its cluster, which could not be cleaned from here. To be run there: "
        f"{'; '.join((*first, *(commands or _ALL)))}. What does not go is held by a finalizer of the operator's: "
        f"`supportctl verify {stack} --gone` names it, with the command. "
        "Without a grant, a credential and a device none of it lets anybody in; the next `pulumi up` there is refused "
        "while it stands."
    )


def _unpatched(kind: str, namespace: str, name: str, row: Mapping[str, Any]) -> list[str]:
    metadata = (row.get("inputs") or {}).get("metadata") or {}
    ours = [f"{key}-" for key in metadata.get("annotations") or {}]
    return [shlex.join(["kubectl", "annotate", *_in(namespace), f"{kind}/{name}", *ours])] if ours else []


def _in(namespace: str) -> list[str]:
    return ["-n", namespace] if namespace else []
