"""Whether the cluster admits the privileged pods that some exposures need, before anything is exposed.

Owns the queries and their meaning. Proxies of kind service, cross-cluster, egress and connector are privileged: their
pod sets sysctls and forwards packets (deploy/manifests/proxy.yaml of operator v1.96.5), and containerboot refuses
TS_USERSPACE for them. GKE Autopilot, Fargate and admission policies refuse such pods, and the operator then only logs
it. A server-side dry run of the pod settles it where the operator's namespace exists; before that, nodes and a dry run
elsewhere give hints. What could not be known is a notice. Nothing is created.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

from components.features import runs_privileged_pods
from components.manifests import Manifest
from components.manifests.namespace import ENFORCE
from components.naming import NAMESPACE
from components.settings.environment import EnvironmentSettings
from providers.cluster.look import Found
from providers.cluster.problems import ClusterRefusedError, ClusterUnknownError

NODES = "/api/v1/nodes"
PODS = "/api/v1/namespaces/{namespace}/pods"
PROXIES = "proxies"
"""ServiceAccount of every proxy's pod."""
OPENSHIFT = "/apis/security.openshift.io"
CONSTRAINT = "system:openshift:scc:privileged"
AUTOPILOT_NODE = "gk3-"
FARGATE = ("eks.amazonaws.com/compute-type", "fargate")
ELSEWHERE = "default"
"""Namespace of the dry run while the operator's does not exist, or does not admit privileged pods yet."""
NOT_ASKED = (
    "cannot create resource",
    "error looking up service account",
    "does not support dry run",
    "failed calling webhook",
    "being terminated",
)
"""In a refusal that says nothing about the pod."""
BY_LABEL = "violates PodSecurity"


class Asked(Protocol):
    """What can be asked of a cluster: see ClusterLook."""

    def one(self, path: str) -> Found | None: ...
    def all(self, path: str, labels: str = "") -> list[Found]: ...
    def document(self, path: str) -> dict[str, Any] | None: ...
    def create(self, path: str, body: Mapping[str, Any], *, dry_run: bool = False) -> dict[str, Any]: ...


def privileged_pods(
    look: Asked, settings: EnvironmentSettings, bindings: Iterable[Mapping[str, Any]]
) -> tuple[list[str], list[str]]:
    """Problems and notices; none where no exposure needs such a pod. bindings: of all roles, with their `kind`."""
    if not runs_privileged_pods(settings):
        return [], []
    problems: list[str] = []
    notices: list[str] = []
    nodes, unknown = _nodes(look)
    if unknown:
        notices.append(unknown)
    on_fargate = [node for node in nodes if (node.get("labels") or {}).get(FARGATE[0]) == FARGATE[1]]
    if nodes and all(node["name"].startswith(AUTOPILOT_NODE) for node in nodes):
        problems.append(_problem(settings, "its nodes are those of GKE Autopilot, which admits no privileged pod"))
    elif nodes and len(on_fargate) == len(nodes):
        problems.append(_problem(settings, "all its nodes are Fargate, which runs no privileged pod"))
    elif on_fargate:
        notices.append(
            f"Some nodes of the cluster are Fargate, which runs no privileged pod: no Fargate profile may select the"
            f" namespace {NAMESPACE}, or {_named(settings)} never come up."
        )
    if not problems and look.document(OPENSHIFT) is not None and not any(map(_binds_constraint, bindings)):
        problems.append(
            f"The cluster is OpenShift, and no binding lets the proxies use the security context constraint privileged:"
            f" the pods of {_named(settings)} would never start. Fix: the customer runs `oc create clusterrolebinding"
            f" support-access-proxies-scc --clusterrole={CONSTRAINT} --serviceaccount={NAMESPACE}:{PROXIES}`, or take"
            " these out of support-access:expose. docs/exposures.md has a table of what works where."
        )
    if not problems:
        refusal, notice = _dry_run(look, settings)
        problems += refusal
        notices += notice
    return problems, notices


def privileged_pod(settings: EnvironmentSettings, *, account: bool) -> Manifest:
    """The pod of such a proxy as the operator makes it, as far as admission can tell. account: whether to name its
    ServiceAccount, which must exist."""
    operator = settings.operator
    placed = operator.proxy_pods.fields()
    resources = placed.pop("resources", {"requests": {"cpu": "1m", "memory": "1Mi"}})
    image, privileged = operator.pin("proxy").reference, {"securityContext": {"privileged": True}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "support-access-dry-run", "labels": {"tailscale.com/managed": "true"}},
        "spec": {
            **placed,
            **({"serviceAccountName": PROXIES} if account else {}),
            **(
                {"imagePullSecrets": [{"name": name} for name in operator.pull_secrets]}
                if operator.pull_secrets
                else {}
            ),
            "initContainers": [{"name": "sysctler", "image": image, **privileged}],
            "containers": [{"name": "tailscale", "image": image, "resources": resources, **privileged}],
        },
    }


def _nodes(look: Asked) -> tuple[list[Found], str]:
    try:
        return look.all(NODES), ""
    except ClusterRefusedError as refusal:
        return [], (
            "Whether the cluster's nodes run privileged pods (GKE Autopilot and Fargate do not) is not known, because"
            f" they cannot be listed: {refusal}"
        )


def _dry_run(look: Asked, settings: EnvironmentSettings) -> tuple[list[str], list[str]]:
    existing = look.one(f"/api/v1/namespaces/{NAMESPACE}")
    ready = existing is not None and (existing.get("labels") or {}).get(ENFORCE) == "privileged"
    namespace = NAMESPACE if ready else ELSEWHERE
    account = ready and look.one(f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{PROXIES}") is not None
    try:
        look.create(PODS.format(namespace=namespace), privileged_pod(settings, account=account), dry_run=True)
    except ClusterRefusedError as refusal:
        detail = refusal.detail or str(refusal)
        if any(words in detail for words in NOT_ASKED) or refusal.status >= 500:
            return [], [_unknown(settings, detail)]
        if ready:
            return [_problem(settings, f"a server-side dry run of their pod is refused: {detail}")], []
        if BY_LABEL in detail:
            return [], []  # by the label of that namespace, which the operator's will not have
        return [], [
            f"A server-side dry run of a privileged pod in namespace {ELSEWHERE} is refused: {detail}. Where that holds"
            f" for the namespace {NAMESPACE} too, {_named(settings)} never come up. Fix: the customer exempts that"
            " namespace from the policy."
        ]
    except ClusterUnknownError as unknown:
        return [], [_unknown(settings, str(unknown))]
    return [], []


def _binds_constraint(binding: Mapping[str, Any]) -> bool:
    """Whether a binding lets the proxies' ServiceAccount use the constraint."""
    if binding["roleRef"].get("name") != CONSTRAINT:
        return False
    if binding["kind"] == "RoleBinding" and binding["metadata"].get("namespace") != NAMESPACE:
        return False
    groups = (f"system:serviceaccounts:{NAMESPACE}", "system:serviceaccounts")
    return any(
        (
            subject.get("kind") == "ServiceAccount"
            and (subject.get("namespace"), subject.get("name")) == (NAMESPACE, PROXIES)
        )
        or (subject.get("kind") == "Group" and subject.get("name") in groups)
        for subject in binding.get("subjects") or ()
    )


def _problem(settings: EnvironmentSettings, reason: str) -> str:
    return (
        f"{_named(settings)} need privileged pods, and the cluster refuses them: {reason}. The update would end, and"
        " nothing would ever come up. Fix: take them out of support-access:expose; kind ingress and kind sidecar need"
        f" no privilege. Or the customer exempts the namespace {NAMESPACE} where its platform allows that."
        " docs/exposures.md has a table of what works where."
    )


def _unknown(settings: EnvironmentSettings, reason: str) -> str:
    return f"Whether the cluster admits the privileged pods of {_named(settings)} is not known: {reason}"


def _named(settings: EnvironmentSettings) -> str:
    return f"exposures {', '.join(_privileged(settings))} (support-access:expose)"


def _privileged(settings: EnvironmentSettings) -> Iterator[str]:
    return (exposure.name for exposure in settings.expose if exposure.by_operator and exposure.privileged)
