"""Proof of absence in a cluster: every kind of leftover is seen, and another environment's things are not ours."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from components import manifests
from components.naming import Names
from providers.cluster.look import Found
from providers.cluster.problems import ClusterUnknownError
from supportctl.verify import gone_cluster
from supportctl.verify.absence import Line
from supportctl.verify.gone_cluster import LABELLED, cluster_lines

ACME, GLOBEX = Names("acme", "prod"), Names("globex", "prod")
CUSTOM = "/apis/tailscale.com/v1alpha1"
NAMESPACE = "/api/v1/namespaces/tailscale"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
HELM = {"meta.helm.sh/release-name": "tailscale-operator", "meta.helm.sh/release-namespace": "tailscale"}
THEIRS = {**HELM, "meta.helm.sh/release-name": "our-own-tailscale"}
LINES = ("release", "namespace", "our objects", "the chart's objects", "finalizers")


class Holds:
    """A cluster with these objects: path of the collection to metadata. refuses: paths that it does not answer."""

    def __init__(self, objects: dict[str, list[Found]], refuses: tuple[str, ...] = ()) -> None:
        self.objects, self.refuses = objects, refuses
        self.status: dict[str, Any] = {}

    def one(self, path: str) -> Found | None:
        collection, _, name = path.rpartition("/")
        return next((it for it in self._asked(collection) if it["name"] == name), None)

    def document(self, path: str) -> dict[str, Any] | None:
        there = self.one(path)
        return None if there is None else {"metadata": there, "status": self.status}

    def all(self, path: str, labels: str = "") -> list[Found]:
        wanted = dict(pair.split("=") for pair in labels.split(",") if pair)
        return [it for it in self._asked(path) if wanted.items() <= (it.get("labels") or {}).items()]

    def _asked(self, path: str) -> list[Found]:
        if path in self.refuses:
            raise ClusterUnknownError(f"{path}: 403")
        return self.objects.get(path, [])


def found(cluster: Holds, names: Names = ACME, patience: float = 0) -> dict[str, Line]:
    return {line.what: line for line in cluster_lines(lambda: cluster, names, patience=patience)}


def left(cluster: Holds, names: Names = ACME) -> dict[str, tuple[str, ...]]:
    return {what: line.said for what, line in found(cluster, names).items() if line.answer != "gone"}


def test_every_kind_that_the_program_makes_is_looked_for() -> None:
    """The manifests name their kinds as constants: one that is new must be looked for too."""
    text = "".join(path.read_text() for path in Path(manifests.__file__).parent.glob("*.py"))
    kinds = set(re.findall(r'"kind": "(\w+)"(?! if)', text)) | {"RoleBinding", "ClusterRoleBinding"}
    inside = {"Namespace"}  # has a line of its own
    plurals = {path.rpartition("/")[2] for path in LABELLED}
    singular = {plural.removesuffix("ies") + "y" if plural.endswith("ies") else plural for plural in plurals}
    known = {name.removesuffix("es") if name.endswith("sses") else name.removesuffix("s") for name in singular}
    assert {kind.lower() for kind in kinds - inside} <= known


def test_an_empty_cluster_has_nothing() -> None:
    assert {what: line.answer for what, line in found(Holds({})).items()} == dict.fromkeys(LINES, "gone")


@pytest.mark.parametrize(
    ("path", "metadata", "what", "said"),
    [
        (
            f"{NAMESPACE}/secrets",
            {
                "name": "sh.helm.release.v1.tailscale-operator.v1",
                "labels": {"owner": "helm", "name": "tailscale-operator"},
            },
            "release",
            "Secret sh.helm.release.v1.tailscale-operator.v1",
        ),
        ("/api/v1/namespaces", {"name": "tailscale"}, "namespace", "Namespace tailscale"),
        (f"{RBAC}/clusterroles", {"name": "any", "labels": ACME.labels}, "our objects", "clusterroles/any"),
        (
            "/api/v1/secrets",
            {"name": "key", "namespace": "shop", "labels": ACME.labels},
            "our objects",
            "secrets/key in shop",
        ),
        (
            f"{RBAC}/clusterrolebindings",
            {"name": "any", "labels": ACME.labels},
            "our objects",
            "clusterrolebindings/any",
        ),
        (
            f"{RBAC}/clusterroles",
            {"name": "op", "labels": {"app.kubernetes.io/managed-by": "Helm"}, "annotations": HELM},
            "the chart's objects",
            "clusterroles/op",
        ),
        (
            "/apis/networking.k8s.io/v1/ingressclasses",
            {"name": "tailscale", "labels": {"app.kubernetes.io/managed-by": "Helm"}, "annotations": HELM},
            "the chart's objects",
            "ingressclasses/tailscale",
        ),
        (
            CRDS,
            {"name": "connectors.tailscale.com", "annotations": HELM},
            "the chart's objects",
            "customresourcedefinitions/connectors.tailscale.com",
        ),
        (
            CRDS,
            {"name": "connectors.tailscale.com"},
            "the chart's objects",
            "customresourcedefinitions/connectors.tailscale.com",
        ),
        (
            "/api/v1/services",
            {"name": "db", "namespace": "shop", "finalizers": ["tailscale.com/finalizer"]},
            "finalizers",
            "services/db in shop is held by tailscale.com/finalizer; where no operator is left, take it out: "
            "kubectl edit services db -n shop",
        ),
        (
            "/apis/tailscale.com/v1alpha1/proxygroups",
            {"name": "api", "finalizers": ["tailscale.com/kube-apiserver-finalizer"]},
            "finalizers",
            "proxygroups/api is held by tailscale.com/kube-apiserver-finalizer; where no operator is left, take it "
            "out: kubectl edit proxygroups api",
        ),
    ],
)
def test_each_leftover_is_seen_and_named(path: str, metadata: Found, what: str, said: str) -> None:
    assert left(Holds({path: [metadata]})) == {what: (said,)}


class Ending(Holds):
    """A cluster from which what is being deleted has gone when it is asked for a third time."""

    def __init__(self, objects: dict[str, list[Found]]) -> None:
        super().__init__(objects)
        self.asked: list[str] = []

    def _asked(self, path: str) -> list[Found]:
        self.asked.append(path)
        held = super()._asked(path)
        return held if self.asked.count(path) < 3 else [it for it in held if "deletionTimestamp" not in it]


GOING = "2026-11-21T12:00:00Z"


@pytest.mark.parametrize(
    ("path", "metadata"),
    [
        (CRDS, {"name": "dnsconfigs.tailscale.com", "annotations": HELM}),
        ("/api/v1/namespaces", {"name": "tailscale"}),
        (f"{RBAC}/clusterroles", {"name": "any", "labels": ACME.labels}),
    ],
)
def test_what_is_being_deleted_is_waited_for_before_it_is_called_left(
    path: str, metadata: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gone_cluster, "GOING_LOOK", 0)
    ending = Ending({path: [metadata | {"deletionTimestamp": GOING}]})
    assert {what: line.answer for what, line in found(ending, patience=60).items()} == dict.fromkeys(LINES, "gone")


def test_what_kubernetes_is_still_deleting_is_waited_for_within_the_bound_and_is_no_leftover(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = iter(range(1000))
    monkeypatch.setattr(gone_cluster.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(gone_cluster, "GOING_LOOK", 0)
    cleanup = ["customresourcecleanup.apiextensions.k8s.io"]
    definition = {"name": "dnsconfigs.tailscale.com", "deletionTimestamp": GOING, "finalizers": cleanup}
    line = found(Holds({CRDS: [definition]}), patience=15)["the chart's objects"]
    said = "customresourcedefinitions/dnsconfigs.tailscale.com, which is being deleted by Kubernetes"
    assert (line.answer, line.said) == ("deleting", (said,))
    assert next(clock) < 25


@pytest.mark.parametrize("finalizer", ["example.com/hold", "hold", "tailscale.com/finalizer"])
@pytest.mark.parametrize("path", [f"{RBAC}/clusterrolebindings", f"{CUSTOM}/proxyclasses"])
def test_a_deletion_that_somebodys_finalizer_holds_is_left_and_the_finalizer_named(path: str, finalizer: str) -> None:
    held = {"name": "ours", "labels": ACME.labels, "deletionTimestamp": GOING, "finalizers": [finalizer]}
    line = found(Holds({path: [held]}))["our objects"]
    assert line.answer == "left"
    assert f"whose deletion is held by {finalizer}" in line.said[0]


@pytest.mark.parametrize("finalizer", ["example.com/hold", "tailscale.com/finalizer"])
def test_a_definition_whose_objects_are_held_is_left_by_them(finalizer: str) -> None:
    """A DNSConfig is nothing of ours, and it keeps the chart's definition."""
    held = {"name": "theirs", "deletionTimestamp": GOING, "finalizers": [finalizer]}
    definition = {"name": "dnsconfigs.tailscale.com", "deletionTimestamp": GOING}
    lines = found(Holds({CRDS: [definition], f"{CUSTOM}/dnsconfigs": [held]}))
    assert lines["the chart's objects"].answer == "deleting"
    assert lines["finalizers"].answer == "left"
    assert f"dnsconfigs/theirs is held by {finalizer}" in lines["finalizers"].said[0]


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("NamespaceFinalizersRemaining", "example.com/hold in 1 resource instances"),
        ("NamespaceDeletionDiscoveryFailure", "metrics.k8s.io/v1beta1: stale GroupVersion discovery"),
    ],
)
def test_a_namespace_that_kubernetes_cannot_delete_is_left_with_its_reason(kind: str, message: str) -> None:
    cluster = Holds({"/api/v1/namespaces": [{"name": "tailscale", "deletionTimestamp": GOING}]})
    cluster.status = {"phase": "Terminating", "conditions": [{"type": kind, "status": "True", "message": message}]}
    line = found(cluster)["namespace"]
    assert line.answer == "left"
    assert message in line.said[0]
    cluster.status["conditions"][0]["status"] = "False"
    assert found(cluster)["namespace"].answer == "deleting"


def test_an_object_that_stands_beside_one_that_is_deleted_is_left() -> None:
    cluster = Holds({f"{RBAC}/clusterroles": [{"name": "a", "labels": ACME.labels, "deletionTimestamp": GOING}]})
    assert found(cluster)["our objects"].answer == "deleting"
    cluster.objects[f"{RBAC}/clusterroles"].append({"name": "b", "labels": ACME.labels})
    assert found(cluster)["our objects"].answer == "left"


def test_what_stands_is_told_at_once_whatever_else_is_being_deleted() -> None:
    going, standing = {"name": "a.tailscale.com", "deletionTimestamp": GOING}, {"name": "b.tailscale.com"}
    ending = Ending({CRDS: [going, standing]})
    assert found(ending, patience=60)["the chart's objects"].answer == "left"
    assert ending.asked.count(CRDS) == 2, "once for the definitions, once for the finalizers on their objects"


@pytest.mark.parametrize(
    ("path", "metadata"),
    [
        (f"{RBAC}/clusterroles", {"name": "any", "labels": GLOBEX.labels}),
        (
            f"{RBAC}/clusterroles",
            {"name": "theirs", "labels": {"app.kubernetes.io/managed-by": "Helm"}, "annotations": THEIRS},
        ),
        (CRDS, {"name": "connectors.tailscale.com", "annotations": THEIRS}),
        (CRDS, {"name": "widgets.example.com"}),
        ("/api/v1/namespaces", {"name": "shop"}),
        ("/api/v1/services", {"name": "db", "namespace": "shop", "finalizers": ["foregroundDeletion"]}),
    ],
)
def test_what_is_somebody_elses_is_not_called_a_leftover(path: str, metadata: Found) -> None:
    assert left(Holds({path: [metadata]})) == {}


def test_a_cluster_that_another_environment_has_by_now_shows_only_what_carries_our_labels() -> None:
    theirs = {"name": "tailscale", "labels": GLOBEX.labels}
    ours = {"name": "highflame-sre", "labels": ACME.labels}
    release = {"name": "it", "labels": {"owner": "helm", "name": "tailscale-operator"}}
    cluster = Holds({"/api/v1/namespaces": [theirs], f"{NAMESPACE}/secrets": [release], f"{RBAC}/clusterroles": [ours]})
    assert left(cluster) == {"our objects": ("clusterroles/highflame-sre",)}
    assert "globex-prod's by now" in found(cluster)["release"].how
    assert left(cluster, GLOBEX).keys() == {"release", "namespace"}


def test_a_cluster_that_does_not_answer_proves_nothing_and_is_asked_once() -> None:
    asked = []

    class Silent(Holds):
        def one(self, path: str) -> Found | None:
            asked.append(path)
            raise ClusterUnknownError("it does not answer")

    lines = found(Silent({}))
    assert {what: (line.answer, line.said) for what, line in lines.items()} == dict.fromkeys(
        LINES, ("unknown", ("it does not answer",))
    )
    assert len(asked) == 1


def test_a_kind_that_may_not_be_read_is_unknown_and_the_others_are_seen() -> None:
    lines = found(Holds({"/api/v1/namespaces": [{"name": "tailscale"}]}, refuses=("/api/v1/services", CRDS)))
    assert {what: line.answer for what, line in lines.items()} == {
        **dict.fromkeys(LINES, "gone"),
        "namespace": "left",
        "our objects": "unknown",
        "the chart's objects": "unknown",
        "finalizers": "unknown",
    }
