"""What stands in the customer's cluster before anything is made there: one look, at every preview and update.

Owns what is asked, and what the answers mean for this stack: a role that would let the operator impersonate more than
is declared, bindings that give engineers more, rights that the customer has deleted, an operator that the customer runs
already, a namespace that an entry names and that is not there, where the API server answers, and which cluster it is. A
cluster that does not answer, or refuses the credential, stops an update: what is there is unknown, so state and outputs
stay as they were. A preview warns and goes on, for its reader must see what the change grants, and so does a stack that
is suspended, for it adds nothing. Asked in a thread, after the identity slice is registered: access that is no longer
declared is removed whatever the cluster does. Reads only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import pulumi

from components.cluster.bound_elsewhere import bound_elsewhere
from components.cluster.declared import path
from components.cluster.definitions import CRDS, definitions_problems
from components.cluster.elsewhere import elsewhere
from components.cluster.exposed_services import exposed_problems
from components.cluster.impersonators import Declared, identity, sentence, wider
from components.cluster.issuer import issuer_problems
from components.cluster.platform import privileged_pods
from components.cluster.revoked import revoked
from components.manifests import record
from components.manifests.delivery import rights
from components.manifests.network_policy import Backend
from components.naming import NAMESPACE, RELEASE, Names
from components.settings.environment import Cluster, EnvironmentSettings
from components.settings.expose import EgressExposure, SidecarExposure, backends
from components.settings.network_policy import Form
from providers.cluster.helm_release import Orphan, orphans, release_of, removal
from providers.cluster.look import ClusterLook, Found
from providers.cluster.problems import ClusterRefusedError, ClusterUnknownError
from providers.tailnet.recorded_cluster import uid_of
from providers.tailnet.resources import Provider, get_operators

SECONDS = 10.0
"""For one call, the kubeconfig's login plugin included. What follows the survey waits for it; what takes access away
does not."""

_RBAC = "/apis/rbac.authorization.k8s.io/v1"
ROLES = {"ClusterRole": f"{_RBAC}/clusterroles", "Role": f"{_RBAC}/roles"}
BINDINGS = {"ClusterRoleBinding": f"{_RBAC}/clusterrolebindings", "RoleBinding": f"{_RBAC}/rolebindings"}
NAMESPACES = "/api/v1/namespaces"
GOING = ", being deleted"
INGRESS_CLASSES = "/apis/networking.k8s.io/v1/ingressclasses"
INGRESS_CONTROLLER = "tailscale.com/ts-ingress"
CHART_ROLE = "tailscale-operator"
CHART_CRDS = ("connectors", "dnsconfigs", "proxyclasses", "proxygroups", "recorders")
"""Those of the chart since 1.80. One is enough to tell."""
CILIUM_POLICIES = "ciliumnetworkpolicies.cilium.io"
RECORD = f"{NAMESPACES}/{NAMESPACE}/configmaps/{record.NAME}"
API_SERVICE = "/api/v1/namespaces/default/services"
API_ENDPOINTS = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"


class Asked(Protocol):
    """What can be asked of a cluster: see ClusterLook."""

    def one(self, path: str) -> Found | None: ...
    def all(self, path: str, labels: str = "") -> list[Found]: ...
    def whole(self, path: str, labels: str = "") -> list[dict[str, Any]]: ...
    def document(self, path: str) -> dict[str, Any] | None: ...
    def create(self, path: str, body: Mapping[str, Any], *, dry_run: bool = False) -> dict[str, Any]: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """problems: what must be mended before this stack makes anything there, in words. notices: what whoever reads the
    preview must know. uid: which cluster it is; empty where it does not answer. stands: false where the environment's
    namespace was looked for and is not there. api_server: addresses and ports that the API server answers on. backends:
    pods behind the exposed Services, as the Services themselves select them. Both are asked for a network policy alone.
    """

    uid: str = ""
    problems: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    stands: bool = True
    api_server: tuple[tuple[str, int], ...] = ()
    backends: tuple[Backend, ...] = ()


def survey(look: Asked, settings: EnvironmentSettings, users: Iterable[str]) -> Survey:
    """users: whom the operator may impersonate, beside the groups in the settings. Raises ClusterUnknownError."""
    uid = uid_of(look)
    context = settings.cluster.context if settings.cluster else ""
    groups = {entry.impersonate for entry in settings.access if entry.impersonate is not None}
    declared = Declared(groups=frozenset(groups), users=frozenset(users), any_user=settings.any_user is not None)
    bindings, roles = _of_kinds(look, BINDINGS), _of_kinds(look, ROLES)
    own = {identity(manifest): path(manifest) for manifest in rights(settings, [*users])}
    problems = [sentence(found, context) for found in wider(bindings, roles, declared, own)]
    existing = {own[key] for each in (*bindings, *roles) if (key := identity(each)) in own}
    deleted, restored = revoked(settings, own.values(), existing, look.document(RECORD))
    problems += deleted
    refused, unsure = privileged_pods(look, settings, bindings)
    problems += refused
    notices = (*bound_elsewhere(bindings, settings, declared, context), *restored, *unsure)
    problems += _missing_namespaces(look, settings)
    problems += exposed_problems(look.whole, settings)
    problems += issuer_problems(look.document, settings)
    problems += definitions_problems(look.all, settings, context)
    stands = _has_namespace(look, settings.names)
    orphaned = [] if stands else _orphans(look)
    if theirs := other_operator(look, bindings, installed=stands, crds=settings.operator.chart.crds):
        going = [part for part in theirs if part.endswith(GOING)]
        problems.append(
            _leaving(going, settings.names, context) if going == theirs else _occupied(theirs, orphaned, context)
        )
    if settings.network_policy.form is Form.OFF:
        return Survey(uid=uid, problems=tuple(problems), notices=notices, stands=stands)
    if settings.network_policy.form is Form.CILIUM_SNI and look.one(f"{CRDS}/{CILIUM_POLICIES}") is None:
        problems.append(
            f"support-access:networkPolicy.form is {Form.CILIUM_SNI}, and the cluster {context} has no Cilium: it would"
            " refuse the policy. Mend: form portable."
        )
    return Survey(
        uid=uid,
        problems=tuple(problems),
        notices=notices,
        stands=stands,
        api_server=_api_server(look),
        backends=_backends(look, settings),
    )


def other_operator(look: Asked, bindings: Sequence[Mapping[str, Any]], *, installed: bool, crds: bool) -> list[str]:
    """Parts of an operator that this stack did not install, in words. installed: whether this stack has its namespace.
    crds: whether the chart's would collide."""
    found: list[str] = []
    for binding in bindings:
        if binding["kind"] == "ClusterRoleBinding" and binding["roleRef"]["name"] == CHART_ROLE:
            homes = {subject.get("namespace") for subject in binding.get("subjects") or ()}
            found += [f"an operator in namespace {home}" for home in sorted(map(str, homes - {NAMESPACE}))]
            if NAMESPACE in homes and not installed:
                found.append(f"an operator in namespace {NAMESPACE}")
    kinds = [look.one(f"{CRDS}/{kind}.tailscale.com") for kind in CHART_CRDS] if crds else []
    classes = [each for each in look.whole(INGRESS_CLASSES) if each["spec"].get("controller") == INGRESS_CONTROLLER]
    for what, metadata in (
        *(("custom resource definition", kind) for kind in kinds if kind is not None),
        *(("IngressClass", each["metadata"]) for each in classes),
    ):
        release = release_of(metadata)
        if not installed or release != (RELEASE, NAMESPACE):
            of = f"of Helm release {release[0]} in namespace {release[1]}" if release else "made by hand"
            found.append(f"{what} {metadata['name']}, {of}{GOING if metadata.get('deletionTimestamp') else ''}")
    return found


def _orphans(look: Asked) -> list[Orphan]:
    """Helm's records are Secrets, which a credential for previews may not list: then the advice is the usual one."""
    try:
        return orphans(look, NAMESPACE, RELEASE)
    except ClusterRefusedError:
        return []


def _has_namespace(look: Asked, names: Names) -> bool:
    return names.owns((look.one(f"{NAMESPACES}/{NAMESPACE}") or {}).get("labels") or {})


def surveyed(
    cluster: Cluster, settings: EnvironmentSettings, users: Sequence[str], *, tailnet: Provider, after: pulumi.Resource
) -> pulumi.Output[Survey]:
    """The survey, taken when `after` is registered. It fails the run when there is something to mend."""

    async def ask(_: str) -> Survey:
        try:
            found = await asyncio.to_thread(lambda: survey(_connected(cluster), settings, users))
        except ClusterUnknownError as unknown:
            if settings.suspended:
                goes_on = "Access is suspended all the same."
            elif pulumi.runtime.is_dry_run():
                goes_on = "`pulumi up` stops here until it answers."
            else:
                raise pulumi.RunError(unreached(settings.names.name, cluster.context, unknown)) from None
            pulumi.log.warn(f"The cluster {cluster.context} was not checked: {unknown}. {goes_on}")
            return Survey()
        for notice in found.notices:
            pulumi.log.warn(notice, resource=after)
        problems = list(found.problems)
        if not found.stands:
            known = await get_operators(settings.names.tags.kube_tag, pulumi.InvokeOptions(provider=tailnet))
            problems += filter(None, [elsewhere(settings.names, cluster.context, known)])
        for problem in problems:
            pulumi.log.error(problem, resource=after)
        if problems:
            raise pulumi.RunError(f"The cluster {cluster.context} is not ready for this stack: see the errors above.")
        return found

    return after.urn.apply(ask)


def unreached(stack: str, context: str, reason: ClusterUnknownError) -> str:
    """Why nothing is done in a cluster that does not answer, and what to do."""
    return (
        f"The cluster {context} was not reached: {reason}. Nothing is changed in it, and state and outputs stay as they"
        " were; access that the settings no longer declare is removed from the tailnet policy all the same."
        f" Fix: run again when `kubectl --context {context} get namespace kube-system` answers. To revoke access"
        f" without the cluster: pulumi destroy -s {stack}"
    )


def _connected(cluster: Cluster) -> ClusterLook:
    look = ClusterLook(cluster.context, cluster.kubeconfig, seconds=SECONDS)
    for warning in look.warnings:
        pulumi.log.warn(warning)
    return look


def _of_kinds(look: Asked, kinds: Mapping[str, str]) -> list[dict[str, Any]]:
    """A list of the API does not say of its items which kind they are."""
    return [{**each, "kind": kind} for kind, path in kinds.items() for each in look.whole(path)]


def _missing_namespaces(look: Asked, settings: EnvironmentSettings) -> list[str]:
    named = [
        ("access", name, entry.source, "a role cannot be bound")
        for entry in settings.access
        for name in entry.namespaces or ()
    ] + [
        ("expose", exposure.namespace, exposure.name, "nothing can be made")
        for exposure in settings.expose
        if isinstance(exposure, EgressExposure | SidecarExposure)
    ]
    return [
        f"support-access:{key} of {whom} names {name}, and the cluster has no such namespace: {cannot} there."
        " Mend: correct the name, or have the customer make the namespace first."
        for key, name, whom, cannot in named
        if look.one(f"{NAMESPACES}/{name}") is None
    ]


def _occupied(theirs: list[str], orphaned: list[Orphan], context: str) -> str:
    """orphaned: parts whose release has no record, so that Helm does not find it."""
    if orphaned:
        return (
            f"The cluster {context} has parts of an operator whose Helm release no longer exists, left by an"
            f" installation that was interrupted: {'; '.join(theirs)}. Nothing is taken over, and `helm uninstall` does"
            f" not find them. Fix: delete them, then run again:\n{removal(orphaned, context)}\nWith a definition"
            " Kubernetes deletes every object of its kind: `kubectl get` those first."
        )
    return (
        f"The cluster {context} has a Tailscale operator, or parts of one, that this stack did not install:"
        f" {'; '.join(theirs)}. The chart's cluster-wide names are fixed, so a cluster holds one. Nothing is taken"
        " over. Mend: whoever owns it removes it (`helm uninstall NAME -n NAMESPACE`, which takes its custom resources"
        " along: move those first), or name another cluster in support-access:cluster. Where only the definitions stay,"
        " support-access:operator.chart.crds: false leaves them to their owner."
    )


def _leaving(going: list[str], names: Names, context: str) -> str:
    return (
        f"The cluster {context} is still removing parts of an operator that was uninstalled: {'; '.join(going)}. Helm"
        " cannot make them anew while they go. Mend: run again when they are gone (`kubectl --context"
        f" {context} get customresourcedefinitions`); one that stays waits for the finalizers of its objects, which"
        f" `supportctl verify {names.name} --gone` names with the command that takes each off."
    )


def _api_server(look: Asked) -> tuple[tuple[str, int], ...]:
    """The Service `kubernetes` and what is behind it: which of the two a policy sees is up to the network."""
    found: dict[tuple[str, int], None] = {}
    for service in look.whole(API_SERVICE):
        if service["metadata"]["name"] == "kubernetes":
            found |= {
                (ip, port["port"]): None for ip in service["spec"]["clusterIPs"] for port in service["spec"]["ports"]
            }
    for part in look.whole(API_ENDPOINTS, "kubernetes.io/service-name=kubernetes"):
        addresses = [ip for end in part.get("endpoints") or () for ip in end.get("addresses") or ()]
        found |= {(ip, port["port"]): None for ip in addresses for port in part.get("ports") or ()}
    return tuple(found)


def _backends(look: Asked, settings: EnvironmentSettings) -> tuple[Backend, ...]:
    """A policy is judged by the pods' own ports: those that the Service leads to."""
    found: list[Backend] = []
    for namespace, name, ports in backends(settings.expose):
        services = look.whole(f"{NAMESPACES}/{namespace}/services")
        spec = next((each["spec"] for each in services if each["metadata"]["name"] == name), {})
        if not spec.get("selector"):
            continue  # what selects no pods, the policy cannot name
        wanted = {tuple(port.split(":")) for port in ports}
        targets = tuple(
            (port.get("protocol", "TCP"), port.get("targetPort", port["port"]))
            for port in spec.get("ports") or ()
            if (port.get("protocol", "TCP").lower(), str(port["port"])) in wanted
        )
        if targets:
            found.append(Backend(namespace=namespace, selector=spec["selector"], ports=targets))
    return tuple(found)
