"""What of an environment is left in the customer's cluster: release, namespace, and what no namespace holds.

Owns the questions. A cluster that belongs to another environment by now has nothing of this one: the operator's
objects have fixed names, so there is one environment to a cluster.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from components.cluster.leftovers import PATHS, names_of
from components.naming import NAMESPACE, RELEASE, Names
from providers.cluster.look import Found, Look
from providers.cluster.problems import ClusterUnknownError
from supportctl.verify.absence import Line, UnseenError, looked, unseen

RBAC = (PATHS["ClusterRole"], PATHS["ClusterRoleBinding"])
CUSTOM = tuple(
    f"/apis/tailscale.com/v1alpha1/{kind}" for kind in ("connectors", "proxyclasses", "proxygroups", "recorders")
)
LABELLED = (
    *RBAC,
    *(f"/apis/rbac.authorization.k8s.io/v1/{kind}" for kind in ("roles", "rolebindings")),
    *(f"/api/v1/{kind}" for kind in ("secrets", "serviceaccounts", "services")),
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
"""Seconds for which all that is left may be on its way out: a deleted definition goes after its objects, which is some
seconds after whoever deleted it was told so."""
GOING_LOOK = 1.0

_Left = tuple[str, Found]
"""What to say of an object, and its metadata."""


def cluster_lines(connect: Callable[[], Look], names: Names, *, patience: float = GOING) -> Iterator[Line]:
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

    def release() -> list[_Left]:
        labels = f"owner=helm,name={RELEASE}"
        found = look.all(f"/api/v1/namespaces/{NAMESPACE}/secrets", labels)
        return [(f"Secret {it['name']}", it) for it in found]

    def namespace() -> list[_Left]:
        found = look.one(f"{PATHS['Namespace']}/{NAMESPACE}")
        return [] if found is None else [(f"Namespace {found['name']}{_going(found)}", found)]

    def ours() -> list[_Left]:
        labels = ",".join(f"{key}={value}" for key, value in names.labels.items())
        return [_left(path, it) for path in LABELLED for it in look.all(path, labels)]

    def of_the_chart() -> list[_Left]:
        found = [(path, it) for path in CHARTS for it in look.all(path, "app.kubernetes.io/managed-by=Helm")]
        return [_left(path, it) for path, it in found if _release(it) == (RELEASE, NAMESPACE)] + [
            _left(CRDS, it)
            for it in look.all(CRDS)
            if str(it["name"]).endswith(".tailscale.com") and _release(it) in ((RELEASE, NAMESPACE), None)
        ]

    def finalizers() -> list[_Left]:
        found = [(path, it) for path in FINALIZED for it in look.all(path)]
        return [
            (f"{_named(path, it)} is held by {held}; where no operator is left, take it out: {_edit(path, it)}", it)
            for path, it in found
            for held in it.get("finalizers") or []
            if str(held).startswith("tailscale.com/")
        ]

    def settled(find: Callable[[], list[_Left]]) -> Sequence[str]:
        while (found := find()) and all(_going(it) for _, it in found) and time.monotonic() < waited_out:
            time.sleep(GOING_LOOK)
        return [said for said, _ in found]

    finders: dict[str, Callable[[], list[_Left]]] = {
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
            yield looked(what, how, partial(settled, finders[what]))


def _left(path: str, there: Found) -> _Left:
    return f"{_named(path, there)}{_going(there)}", there


def _going(there: Found) -> str:
    return ", which is being deleted" if there.get("deletionTimestamp") else ""


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
