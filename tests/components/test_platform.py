"""A cluster that admits no privileged pods is recognised before anything is exposed, and what is not known is said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from components.cluster.platform import PODS, PROXIES, privileged_pod, privileged_pods
from components.settings.environment import EnvironmentSettings
from providers.cluster.problems import ClusterRefusedError, ClusterUnknownError
from tests.components.exposing import CONNECTOR, CROSS, EGRESS, INGRESS, LOCAL, SERVICE

Build = Callable[..., EnvironmentSettings]
PRIVILEGED = {"pod-security.kubernetes.io/enforce": "privileged"}
OPENSHIFT = "/apis/security.openshift.io"
RBAC = 'pods is forbidden: User "ci" cannot create resource "pods" in API group "" in the namespace "tailscale"'
WARDEN = (
    'admission webhook "warden-validating.common-webhooks.networking.gke.io" denied the request: container tailscale is'
    " privileged; not allowed in Autopilot"
)
PSA = 'pods "x" is forbidden: violates PodSecurity "baseline:latest": privileged'


def refused(detail: str, status: int = 403) -> ClusterRefusedError:
    return ClusterRefusedError(f"the API server answers with {status}: {detail}", status, "Forbidden", detail)


class Cluster:
    """labels: of the operator's namespace; None: it does not exist. answer: to every dry run. asked: dry runs."""

    def __init__(
        self,
        labels: dict[str, str] | None = PRIVILEGED,
        nodes: list[tuple[str, dict[str, str]]] | None = None,
        answer: Exception | None = None,
        documents: tuple[str, ...] = (),
    ) -> None:
        self.labels, self.nodes, self.answer, self.documents = labels, nodes, answer, documents
        self.asked: list[tuple[str, dict[str, Any], bool]] = []

    def one(self, path: str) -> dict[str, Any] | None:
        if path == "/api/v1/namespaces/tailscale":
            return None if self.labels is None else {"name": "tailscale", "labels": self.labels}
        return {"name": "proxies"} if path.endswith("/serviceaccounts/proxies") else None

    def all(self, path: str, labels: str = "") -> list[dict[str, Any]]:
        assert path == "/api/v1/nodes"
        if self.nodes is None:
            raise refused("nodes is forbidden")
        return [{"name": name, "labels": labels} for name, labels in self.nodes]

    def document(self, path: str) -> dict[str, Any] | None:
        return {"kind": "APIGroup"} if path in self.documents else None

    def create(self, path: str, body: Mapping[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        self.asked.append((path, dict(body), dry_run))
        if self.answer is not None:
            raise self.answer
        return dict(body)


NODES = [("node-1", {})]


def look(environment: Build, cluster: Cluster, *bindings: dict[str, Any], **bent: Any) -> tuple[list[str], list[str]]:
    settings = environment(**{"expose": [SERVICE], "credential": {"acknowledge": ["devices:core"]}, **bent})
    return privileged_pods(cluster, settings, list(bindings))


@pytest.mark.parametrize("exposure", [SERVICE, CROSS, EGRESS, CONNECTOR])
def test_a_cluster_that_refuses_the_proxys_pod_is_told_with_its_words(
    environment: Build, exposure: dict[str, Any]
) -> None:
    [problem], notices = look(environment, Cluster(nodes=NODES, answer=refused(WARDEN)), expose=[exposure])
    assert WARDEN in problem
    assert exposure["name"] in problem
    assert "Fix:" in problem
    assert notices == []


def test_a_cluster_that_admits_it_is_fine_and_nothing_is_made(environment: Build) -> None:
    cluster = Cluster(nodes=NODES)
    assert look(environment, cluster) == ([], [])
    [(path, pod, dry)] = cluster.asked
    assert (path, dry) == (PODS.format(namespace="tailscale"), True)
    assert pod["spec"]["serviceAccountName"] == PROXIES
    containers = [*pod["spec"]["initContainers"], *pod["spec"]["containers"]]
    assert [container["securityContext"] for container in containers] == [{"privileged": True}] * 2


def test_the_pod_goes_where_proxies_go(environment: Build) -> None:
    operator = {"proxyPods": {"nodeSelector": {"pool": "support"}}, "pullSecrets": ["mirror"]}
    pod = privileged_pod(environment(expose=[SERVICE], operator=operator), account=True)
    assert pod["spec"]["nodeSelector"] == {"pool": "support"}
    assert pod["spec"]["imagePullSecrets"] == [{"name": "mirror"}]


@pytest.mark.parametrize(
    "bent", [{"expose": []}, {"expose": [INGRESS]}, {"expose": [], "recorder": {"storage": LOCAL}}]
)
def test_what_needs_no_privilege_asks_for_nothing(environment: Build, bent: dict[str, Any]) -> None:
    cluster = Cluster(answer=refused(WARDEN))
    assert look(environment, cluster, **bent) == ([], [])
    assert cluster.asked == []


@pytest.mark.parametrize(
    ("nodes", "words"),
    [
        ([("gk3-acme-pool-1-abc", {}), ("gk3-acme-pool-2-def", {})], "GKE Autopilot"),
        ([("fargate-ip-10-0-0-1", {"eks.amazonaws.com/compute-type": "fargate"})], "Fargate"),
    ],
)
def test_a_platform_without_privileged_pods_is_known_by_its_nodes_before_the_namespace_exists(
    environment: Build, nodes: list[tuple[str, dict[str, str]]], words: str
) -> None:
    [problem], _ = look(environment, Cluster(labels=None, nodes=nodes))
    assert words in problem
    assert "Fix:" in problem


def test_some_fargate_nodes_are_a_notice(environment: Build) -> None:
    nodes = [*NODES, ("fargate-ip-10-0-0-1", {"eks.amazonaws.com/compute-type": "fargate"})]
    found, [notice] = look(environment, Cluster(nodes=nodes))
    assert found == []
    assert "Fargate" in notice


def test_before_the_namespace_exists_another_ones_refusal_is_a_notice(environment: Build) -> None:
    """The customer may have exempted the namespace: a refusal would be a dead end."""
    cluster = Cluster(labels=None, nodes=NODES, answer=refused("policy disallow-privileged-containers: blocked"))
    found, [notice] = look(environment, cluster)
    assert found == []
    assert "disallow-privileged-containers" in notice
    assert "namespace default" in notice
    [(path, pod, _)] = cluster.asked
    assert path == PODS.format(namespace="default")
    assert "serviceAccountName" not in pod["spec"]


def test_the_label_that_this_update_changes_is_no_refusal(environment: Build) -> None:
    cluster = Cluster(labels={"pod-security.kubernetes.io/enforce": "baseline"}, nodes=NODES, answer=refused(PSA))
    assert look(environment, cluster) == ([], [])
    [(path, _, _)] = cluster.asked
    assert path == PODS.format(namespace="default")


def test_a_namespace_that_still_refuses_by_its_label_is_a_refusal(environment: Build) -> None:
    [problem], _ = look(environment, Cluster(nodes=NODES, answer=refused(PSA)))
    assert "PodSecurity" in problem


@pytest.mark.parametrize(
    "answer",
    [
        refused(RBAC),
        refused('pods "x" is forbidden: error looking up service account tailscale/default: not found'),
        refused("admission webhook x does not support dry run", 400),
        refused("failed calling webhook x: connection refused", 500),
        ClusterUnknownError("the API server does not answer: timed out"),
    ],
)
def test_what_could_not_be_asked_is_said_and_stops_nothing(environment: Build, answer: Exception) -> None:
    found, [notice] = look(environment, Cluster(nodes=NODES, answer=answer))
    assert found == []
    assert "is not known" in notice


def test_nodes_that_may_not_be_listed_are_said(environment: Build) -> None:
    found, [notice] = look(environment, Cluster(nodes=None))
    assert found == []
    assert "nodes" in notice


def binding(kind: str, subject: dict[str, str], role: str = "system:openshift:scc:privileged") -> dict[str, Any]:
    place = {"namespace": "tailscale"} if kind == "RoleBinding" else {}
    reference = {"kind": "ClusterRole", "name": role}
    return {"kind": kind, "metadata": {"name": "scc", **place}, "roleRef": reference, "subjects": [subject]}


ACCOUNT = {"kind": "ServiceAccount", "name": PROXIES, "namespace": "tailscale"}


def test_openshift_needs_its_constraint_bound_to_the_proxies(environment: Build) -> None:
    """A dry run as a cluster administrator would pass: the constraint is the pod's account's."""
    cluster = Cluster(nodes=NODES, documents=(OPENSHIFT,))
    [problem], _ = look(environment, cluster)
    assert "OpenShift" in problem
    assert "oc create clusterrolebinding" in problem
    assert "system:openshift:scc:privileged" in problem


@pytest.mark.parametrize(
    "given",
    [
        binding("ClusterRoleBinding", ACCOUNT),
        binding("RoleBinding", ACCOUNT),
        binding("ClusterRoleBinding", {"kind": "Group", "name": "system:serviceaccounts:tailscale"}),
    ],
)
def test_openshift_with_the_constraint_bound_is_fine(environment: Build, given: dict[str, Any]) -> None:
    assert look(environment, Cluster(nodes=NODES, documents=(OPENSHIFT,)), given) == ([], [])


@pytest.mark.parametrize(
    "given",
    [
        binding("ClusterRoleBinding", {**ACCOUNT, "name": "operator"}),
        binding("ClusterRoleBinding", {**ACCOUNT, "namespace": "other"}),
        binding("ClusterRoleBinding", ACCOUNT, role="system:openshift:scc:restricted-v2"),
        {**binding("RoleBinding", ACCOUNT), "metadata": {"name": "scc", "namespace": "other"}},
    ],
)
def test_a_binding_of_something_else_is_not_taken_for_it(environment: Build, given: dict[str, Any]) -> None:
    [problem], _ = look(environment, Cluster(nodes=NODES, documents=(OPENSHIFT,)), given)
    assert "OpenShift" in problem
