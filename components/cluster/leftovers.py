"""What stands in the cluster under a name that this stack is about to take: refused, with the command that removes it.

Owns one hook, run by the engine before it makes an object outside of the stack's own namespace, at preview too. A stack
that was cut while its cluster did not answer leaves such objects behind; the API server would only say that they exist.
Nothing is taken over: not even what carries this environment's own labels, for its rules may be older and wider than
what is declared. A cluster that does not say is passed by: the engine's own attempt tells why. Runs on the way in only,
so a destroy never needs it.
"""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Callable, Mapping
from typing import Any

import pulumi

from components.naming import LABEL_DOMAIN, NAMESPACE, RELEASE, Names
from components.settings.environment import Cluster
from providers.cluster.look import ClusterLook, Found, Look
from providers.cluster.problems import ClusterUnknownError

_RBAC = "/apis/rbac.authorization.k8s.io/v1"
PATHS = {
    "Namespace": "/api/v1/namespaces",
    "ClusterRole": f"{_RBAC}/clusterroles",
    "ClusterRoleBinding": f"{_RBAC}/clusterrolebindings",
    "ProxyClass": "/apis/tailscale.com/v1alpha1/proxyclasses",
    "ProxyGroup": "/apis/tailscale.com/v1alpha1/proxygroups",
    "Connector": "/apis/tailscale.com/v1alpha1/connectors",
    "Recorder": "/apis/tailscale.com/v1alpha1/recorders",
    "RoleBinding": f"{_RBAC}/namespaces/{{namespace}}/rolebindings",
    "Service": "/api/v1/namespaces/{namespace}/services",
    "Ingress": "/apis/networking.k8s.io/v1/namespaces/{namespace}/ingresses",
    "Secret": "/api/v1/namespaces/{namespace}/secrets",
    "ServiceAccount": "/api/v1/namespaces/{namespace}/serviceaccounts",
    "Role": f"{_RBAC}/namespaces/{{namespace}}/roles",
    "NetworkPolicy": "/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies",
    "CiliumNetworkPolicy": "/apis/cilium.io/v2/namespaces/{namespace}/ciliumnetworkpolicies",
    "ConfigMap": "/api/v1/namespaces/{namespace}/configmaps",
}
"""Every kind that the stack makes or patches, and where the API has its objects."""

OF_EXPOSURES = ("Connector", "Recorder", "Service", "Ingress", "Secret", "ServiceAccount", "Role")
"""Kinds whose names follow from an exposure's, so that another name is a way out."""

CLUSTER_WIDE = ("ClusterRole", "ClusterRoleBinding")

MANAGED_BY = "app.kubernetes.io/managed-by"


def refuse_leftovers(names: Names, cluster: Cluster) -> pulumi.ResourceHookBinding:
    """For the options of every object that does not go with the operator's namespace."""
    look = _Once(lambda: ClusterLook(cluster.context, cluster.kubeconfig))

    async def before_create(made: pulumi.ResourceHookArgs) -> None:
        inputs = made.new_inputs or {}
        kind, metadata = str(inputs.get("kind")), inputs["metadata"]
        there = await asyncio.to_thread(look.one, path_of(kind, metadata))
        if there is not None:
            stands = await asyncio.to_thread(look.may_have, f"{PATHS['Namespace']}/{NAMESPACE}")
            raise ValueError(leftover(names, cluster.context, kind, there, stands=stands))

    hook = pulumi.ResourceHook(names.resource("leftovers"), before_create, pulumi.ResourceHookOptions(on_dry_run=True))
    return pulumi.ResourceHookBinding(before_create=[hook])


def path_of(kind: str, metadata: Mapping[str, Any]) -> str:
    """Where the API has the object."""
    return f"{PATHS[kind].format(namespace=metadata.get('namespace'))}/{metadata['name']}"


def leftover(names: Names, context: str, kind: str, there: Found, *, stands: bool) -> str:
    """What to say of an object that is there. there: its metadata; stands: see removal()."""
    labels: Mapping[str, Any] = there.get("labels") or {}
    place = f" in namespace {there['namespace']}" if "namespace" in there else ""
    what = f"{kind} {there['name']}{place} is in the cluster {context} already"
    if names.owns(labels):
        renamed = (
            "an exposure of another name still has it, which goes in an update of its own first; or "
            if kind in OF_EXPOSURES
            else ""
        )
        return (
            f"{what} and carries the labels of {names.name}: {renamed}it stayed behind when the stack, or this part of "
            "it, went while the cluster did not answer. Nothing is taken over, for it may allow more than is declared "
            f"now. Remove what stayed, then run again:\n{removal(names, context, kind, there, stands=stands)}"
        )
    owner = names_of(labels)
    if owner is not None:
        return (
            f"{what} and belongs to {owner.name}: the operator's objects have fixed names, so one cluster holds one "
            f"environment. Name another context in `support-access:cluster`, or end that one: `pulumi destroy -s "
            f"{owner.name}`"
        )
    return (
        f"{what} and is not of this program's making. Nothing is taken over: find out who uses it (`kubectl --context "
        f"{context} get {kind.lower()} {shlex.quote(there['name'])}{_in(there)} -o yaml`) and let them remove it, or "
        + (
            "choose another name in `support-access:expose`"
            if kind in OF_EXPOSURES
            else "name another context in `support-access:cluster`"
        )
    )


def removal(names: Names, context: str, kind: str, there: Found, *, stands: bool) -> str:
    """The commands, a line each, that take away what stayed of an environment.

    stands: the operator's namespace may be in the cluster, and with it an installation that needs the rest of what has
    these labels: then it is the one object. With the namespace, or where none stands, it is all of it.
    """
    if kind not in (("Namespace",) if stands else ("Namespace", *CLUSTER_WIDE)):
        return f"kubectl --context {context} delete {kind.lower()} {shlex.quote(there['name'])}{_in(there)}"
    cluster_wide = f"kubectl --context {context} delete clusterroles,clusterrolebindings -l {names.selector}"
    if kind in CLUSTER_WIDE:
        return cluster_wide
    return (
        f"helm --kube-context {context} uninstall {RELEASE} -n {NAMESPACE} --ignore-not-found\n"
        f"kubectl --context {context} delete namespace {NAMESPACE}\n{cluster_wide}"
    )


def _in(there: Found) -> str:
    return f" -n {there['namespace']}" if "namespace" in there else ""


def names_of(labels: Mapping[str, Any]) -> Names | None:
    """The environment whose labels these are, or None."""
    try:
        names = Names(*(str(labels.get(f"{LABEL_DOMAIN}/{part}")) for part in ("customer", "environment")))
    except ValueError:
        return None
    return names if labels.get(MANAGED_BY) == names.labels[MANAGED_BY] else None


class _Once:
    """A Look that stops asking a cluster that did not say: an answer that takes its whole time is waited for once."""

    def __init__(self, connect: Callable[[], Look]) -> None:
        self._connect = connect
        self._look: Look | None = None
        self._silent = False

    def one(self, path: str) -> Found | None:
        if self._silent:
            return None
        try:
            self._look = self._look or self._connect()
            return self._look.one(path)
        except ClusterUnknownError:
            self._silent = True
            return None

    def may_have(self, path: str) -> bool:
        """Whether the object is there, or the cluster does not say."""
        return self.one(path) is not None or self._silent
