"""What of an environment is left in the customer's cluster: release, namespace, and what no namespace holds.

Owns the questions, and what counts as left: what Kubernetes is deleting is waited for within a bound, and is then left
only where a finalizer that is not Kubernetes' own, or a condition of the namespace, holds it. A cluster that belongs to
another environment by now has nothing of this one: the operator's
objects have fixed names, so there is one environment to a cluster.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from components.cluster.leftovers import PATHS, names_of
from components.naming import NAMESPACE, RELEASE, Names
from providers.cluster.look import Found, Look
from providers.cluster.problems import ClusterUnknownError
from supportctl.verify.absence import Deleting, Line, UnseenError, looked, unseen

RBAC = (PATHS["ClusterRole"], PATHS["ClusterRoleBinding"])
CUSTOM = tuple(
    f"/apis/tailscale.com/v1alpha1/{kind}" for kind in ("connectors", "proxyclasses", "proxygroups", "recorders")
)
LABELLED = (
    *RBAC,
    *(f"/apis/rbac.authorization.k8s.io/v1/{kind}" for kind in ("roles", "rolebindings")),
    *(f"/api/v1/{kind}" for kind in ("configmaps", "secrets", "serviceaccounts", "services")),
    *(f"/apis/networking.k8s.io/v1/{kind}" for kind in ("ingresses", "networkpolicies")),
    "/apis/cilium.io/v2/ciliumnetworkpolicies",
    *CUSTOM,
)
"""Every kind that the program makes, in all namespaces. A kind that the cluster does not know has no objects."""
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
CHARTS = (*RBAC, "/apis/networking.k8s.io/v1/ingressclasses")
"""Kinds of the chart's that no namespace holds, besides definitions."""

RELEASE_LINE, NAMESPACE_LINE, OURS_LINE = "release", "namespace", "our objects"
CHART_LINE, FINALIZER_LINE = "the chart's objects", "finalizers"
HOW = {
    RELEASE_LINE: f"Secrets of Helm for {RELEASE} in {NAMESPACE}",
    NAMESPACE_LINE: f"GET /api/v1/namespaces/{NAMESPACE}",
    OURS_LINE: "each kind that the program makes, in all namespaces, with the environment's labels",
    CHART_LINE: "ClusterRoles, ClusterRoleBindings and IngressClasses of the release, definitions of tailscale.com",
    FINALIZER_LINE: "Services, Ingresses and objects of tailscale.com, everywhere, that the operator's finalizer holds",
}
"""What is looked for, and how."""

FINALIZED = ("/api/v1/services", "/apis/networking.k8s.io/v1/ingresses", *CUSTOM)
"""Kinds that the operator holds by a finalizer: once it is gone, nobody can delete them, nor the definitions of those
that are its own."""

GOING = 15.0
"""Seconds to wait for objects that are being deleted: a definition is removed some seconds after its objects, and the
command that deleted it has returned by then."""
GOING_LOOK = 1.0

STUCK = (
    "NamespaceDeletionDiscoveryFailure",
    "NamespaceDeletionGroupVersionParsingFailure",
    "NamespaceDeletionContentFailure",
    "NamespaceFinalizersRemaining",
)
"""Conditions by which Kubernetes says why it cannot delete a namespace."""
_KUBERNETES = ("kubernetes.io", "k8s.io")
_OF_THE_COLLECTOR = ("foregroundDeletion", "orphan", "kubernetes")
"""Kubernetes' own finalizers without a domain. On roles and bindings anybody may set another one."""


@dataclass(frozen=True, slots=True)
class _Remains:
    """An object. held: by what, beside Kubernetes itself, its deletion is held, or would be."""

    said: str
    is_deleted: bool
    held: tuple[str, ...]

    @property
    def line(self) -> str | Deleting:
        """That it is there, that something holds its deletion, or that Kubernetes deletes it."""
        if not self.is_deleted:
            return self.said
        if self.held:
            return f"{self.said}, whose deletion is held by {', '.join(self.held)}"
        return Deleting(f"{self.said}, which is being deleted by Kubernetes")


class Reads(Look, Protocol):
    """What is asked of the cluster: see ClusterLook."""

    def document(self, path: str) -> dict[str, Any] | None: ...


def cluster_lines(connect: Callable[[], Reads], names: Names, *, patience: float = GOING) -> Iterator[Line]:
    """Each answer as soon as it is there. connect: raises UnseenError or ClusterUnknownError.

    The namespace is asked for first: a cluster that does not say even that is not waited for again.
    patience: seconds, for all answers together, for what is being deleted to be gone.
    """
    waited_out = time.monotonic() + patience
    try:
        look = connect()
        there = look.one(f"{PATHS['Namespace']}/{NAMESPACE}")
    except (UnseenError, ClusterUnknownError) as error:
        yield from (unseen(what, how, str(error)) for what, how in HOW.items())
        return
    owner = names_of((there or {}).get("labels") or {})
    anothers = owner if owner != names else None

    def release() -> list[_Remains]:
        labels = f"owner=helm,name={RELEASE}"
        found = look.all(f"/api/v1/namespaces/{NAMESPACE}/secrets", labels)
        return [_Remains(f"Secret {it['name']}", _is_deleted(it), ()) for it in found]

    def namespace() -> list[_Remains]:
        found = look.document(f"{PATHS['Namespace']}/{NAMESPACE}")
        if found is None:
            return []
        return [_Remains(f"Namespace {NAMESPACE}", _is_deleted(found["metadata"]), _stuck(found))]

    def ours() -> list[_Remains]:
        return [_remains(path, it) for path in LABELLED for it in look.all(path, names.selector)]

    def of_the_chart() -> list[_Remains]:
        found = [(path, it) for path in CHARTS for it in look.all(path, "app.kubernetes.io/managed-by=Helm")]
        return [_remains(path, it) for path, it in found if _release(it) == (RELEASE, NAMESPACE)] + [
            _remains(CRDS, it)
            for it in look.all(CRDS)
            if str(it["name"]).endswith(".tailscale.com") and _release(it) in ((RELEASE, NAMESPACE), None)
        ]

    def finalizers() -> list[_Remains]:
        defined = [_objects(str(it["name"])) for it in look.all(CRDS) if str(it["name"]).endswith(".tailscale.com")]
        paths = dict.fromkeys((*FINALIZED, *defined))
        return [
            _Remains(
                f"{_named(path, it)} is held by {held}; where no operator is left, take it out: {_edit(path, it)}",
                _is_deleted(it),
                (held,),
            )
            for path in paths
            for it in look.all(path)
            for held in (it.get("finalizers") or [])
            # Anybody's finalizer on an object that is being deleted keeps the definition of its kind.
            if held.startswith("tailscale.com/") or (path in defined and _is_deleted(it) and _is_foreign(held))
        ]

    def settled(find: Callable[[], list[_Remains]], *, named: bool = False) -> Sequence[str | Deleting]:
        """named: whether what is said of each object names already what holds it."""
        while (found := find()) and all(it.is_deleted for it in found) and time.monotonic() < waited_out:
            time.sleep(GOING_LOOK)
        return [it.said if named else it.line for it in found]

    finders: dict[str, Callable[[], list[_Remains]]] = {
        RELEASE_LINE: release,
        NAMESPACE_LINE: namespace,
        CHART_LINE: of_the_chart,
        FINALIZER_LINE: finalizers,
    }
    for what, how in HOW.items():
        if what == OURS_LINE:
            yield looked(what, how, partial(settled, ours))
        elif anothers:
            yield looked(what, f"{how}; the namespace is {anothers.name}'s by now", tuple)
        else:
            yield looked(what, how, partial(settled, finders[what], named=what == FINALIZER_LINE))


def _remains(path: str, there: Found) -> _Remains:
    held = tuple(name for name in there.get("finalizers") or [] if _is_foreign(name))
    return _Remains(_named(path, there), _is_deleted(there), held)


def _is_deleted(there: Found) -> bool:
    return bool(there.get("deletionTimestamp"))


def _is_foreign(finalizer: str) -> bool:
    """Whether something else than Kubernetes itself must take it off."""
    domain, slash, _ = finalizer.rpartition("/")
    known = domain if slash else finalizer
    is_kubernetes = any(known == name or known.endswith(f".{name}") for name in _KUBERNETES)
    return not is_kubernetes and finalizer not in _OF_THE_COLLECTOR


def _stuck(namespace: dict[str, Any]) -> tuple[str, ...]:
    """Why Kubernetes cannot delete a namespace, in its own words."""
    listed = (namespace.get("status") or {}).get("conditions") or []
    why = [it for it in listed if it["type"] in STUCK and it["status"] == "True"]
    return tuple(f"{it['type']}: {it.get('message')}" for it in why)


def _objects(definition: str) -> str:
    """Where the API has the objects of a definition of the operator's, PLURAL.GROUP."""
    plural, _, group = definition.partition(".")
    return f"/apis/{group}/v1alpha1/{plural}"


def _named(path: str, there: Found) -> str:
    place = f" in {there['namespace']}" if "namespace" in there else ""
    return f"{path.rpartition('/')[2]}/{there['name']}{place}"


def _edit(path: str, there: Found) -> str:
    place = f" -n {there['namespace']}" if "namespace" in there else ""
    return f"kubectl edit {path.rpartition('/')[2]} {shlex.quote(there['name'])}{place}"


def _release(there: Found) -> tuple[str, str] | None:
    """Name and namespace of the Helm release that made it; None for what no release made."""
    annotations = there.get("annotations") or {}
    name = annotations.get("meta.helm.sh/release-name")
    return None if name is None else (name, annotations.get("meta.helm.sh/release-namespace", ""))
