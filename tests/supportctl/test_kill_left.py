"""What a kill does and says of a cluster by its labels: rights are deleted, and never more than was seen is called
gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from providers.cluster.problems import ClusterRefusedError, ClusterUnknownError
from providers.tailnet import recorded_cluster
from supportctl.kill.left import Seen, left_in_cluster
from supportctl.kill.recorded import Recorded
from supportctl.verify.absence import UnseenError
from supportctl.verify.gone_cluster import cluster_lines
from tests.supportctl.test_gone_cluster import RBAC, Holds

LABELS = {
    "app.kubernetes.io/managed-by": "support-access",
    "support-access.highflame.ai/customer": "acme",
    "support-access.highflame.ai/environment": "prod",
}


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Holds:
    holds = Holds({})
    monkeypatch.setattr("supportctl.verify.gone.cluster_of", lambda *_: holds)
    return holds


def test_a_cluster_that_was_seen_to_hold_nothing_is_not_spoken_of(cluster: Holds, tmp_path: Path) -> None:
    assert left_in_cluster("acme-prod", tmp_path) == Seen()


def test_what_an_earlier_cut_left_is_named_with_its_namespace_and_the_commands(cluster: Holds, tmp_path: Path) -> None:
    cluster.objects[f"{RBAC}/clusterroles"] = [{"name": "highflame-sre", "labels": LABELS}]
    cluster.objects[f"{RBAC}/rolebindings"] = [{"name": "ours", "namespace": "shop", "labels": LABELS}]
    *found, finishing = left_in_cluster("acme-prod", tmp_path).left
    assert found == [
        "in the cluster of acme-prod: our objects: clusterroles/highflame-sre",
        "in the cluster of acme-prod: our objects: rolebindings/ours in shop",
    ]
    assert "kubectl delete clusterroles,clusterrolebindings" in finishing
    assert "kubectl delete rolebindings --all-namespaces" in finishing


def test_what_does_not_say_is_told_once_and_is_not_called_gone(cluster: Holds, tmp_path: Path) -> None:
    cluster.refuses = (f"{RBAC}/clusterroles",)
    unknown, finishing = left_in_cluster("acme-prod", tmp_path).left
    assert "not known what is left" in unknown
    assert "helm uninstall tailscale-operator -n tailscale" in finishing


@pytest.mark.parametrize("error", [UnseenError("no cluster is known"), ClusterUnknownError("no answer"), KeyError("x")])
def test_no_fault_of_the_look_is_an_answer(error: Exception, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fails(*_: object) -> Holds:
        raise error

    monkeypatch.setattr("supportctl.verify.gone.cluster_of", fails)
    unknown, finishing = left_in_cluster("acme-prod", tmp_path).left
    assert str(error) in unknown
    assert "helm uninstall" in finishing


OTHERS = {**LABELS, "support-access.highflame.ai/environment": "dev"}
CONTEXT_OF_STATE = Recorded("acme-prod", None, "1")
NAMESPACE = {"name": "tailscale", "labels": LABELS, "deletionTimestamp": "2026-12-01T12:00:00Z"}


class Deletes(Holds):
    """A cluster that deletes, unless `refuses_delete` has the path. kube-system has uid 1."""

    def __init__(self) -> None:
        super().__init__({"/api/v1/namespaces": [{"name": "kube-system", "uid": "1"}, NAMESPACE]})
        self.refuses_delete: tuple[str, ...] = ()
        self.deleted: list[str] = []
        self.status = {"conditions": [{"type": "NamespaceFinalizersRemaining", "status": "True", "message": "x/hold"}]}
        for number, kind in enumerate(("clusterrolebindings", "rolebindings", "clusterroles", "roles")):
            place = {"namespace": "shop"} if not kind.startswith("cluster") else {}
            self.objects[f"{RBAC}/{kind}"] = [
                {"name": "ours", "labels": LABELS, "uid": f"a{number}", **place},
                {"name": "theirs", "labels": OTHERS, "uid": f"b{number}", **place},
                {"name": "nobodys", "uid": f"c{number}", **place},
            ]

    def delete(self, path: str, *, uid: str) -> bool:
        if path in self.refuses_delete:
            raise ClusterRefusedError("answers with 500: failed calling webhook", 500)
        self.deleted.append(path)
        for objects in self.objects.values():
            objects[:] = [it for it in objects if it.get("uid") != uid]
        return True


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> Deletes:
    """A cluster whose namespace is stuck, by the context that the state records."""
    holds = Deletes()
    monkeypatch.setattr("supportctl.verify.gone._connected", lambda *_: holds)
    monkeypatch.setattr(recorded_cluster.reached, "__defaults__", (lambda *_: holds,))
    monkeypatch.setattr(cluster_lines, "__kwdefaults__", {"patience": 0})
    return holds


def test_rights_of_the_environment_are_deleted_though_its_namespace_is_stuck(stuck: Deletes, tmp_path: Path) -> None:
    """Bindings first. Nothing of another environment's, or without our labels."""
    seen = left_in_cluster("acme-prod", tmp_path, CONTEXT_OF_STATE)
    assert stuck.deleted == [
        f"{RBAC}/clusterrolebindings/ours",
        f"{RBAC}/namespaces/shop/rolebindings/ours",
        f"{RBAC}/clusterroles/ours",
        f"{RBAC}/namespaces/shop/roles/ours",
    ]
    assert seen.done[0] == "deleted clusterrolebindings.rbac.authorization.k8s.io ours"
    assert any("x/hold" in line for line in seen.left), "and the namespace is named with what holds it"
    assert not any("our objects" in line for line in seen.left)


def test_a_right_that_cannot_be_deleted_is_named_and_holds_up_no_other(stuck: Deletes, tmp_path: Path) -> None:
    stuck.refuses_delete = (f"{RBAC}/clusterrolebindings/ours",)
    seen = left_in_cluster("acme-prod", tmp_path, CONTEXT_OF_STATE)
    assert len(stuck.deleted) == 3
    assert any("our objects: clusterrolebindings/ours" in line for line in seen.left)


def test_nothing_is_deleted_in_another_cluster_than_the_recorded_one(stuck: Deletes, tmp_path: Path) -> None:
    seen = left_in_cluster("acme-prod", tmp_path, Recorded("acme-prod", None, "2"))
    assert (stuck.deleted, seen.done) == ([], [])
    assert "leads to another cluster" in seen.left[0]


def test_a_cluster_that_only_a_context_of_the_name_leads_to_is_read_and_not_changed(
    stuck: Deletes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In a handoff the customer made these objects."""
    monkeypatch.setattr("supportctl.verify.gone.cluster_of", lambda *_: stuck)
    seen = left_in_cluster("acme-prod", tmp_path)
    assert stuck.deleted == []
    assert any("our objects: clusterrolebindings/ours" in line for line in seen.left)


def test_the_cluster_of_the_stacks_file_is_cleaned_where_the_state_records_none(
    stuck: Deletes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The second kill, when the first one's destroy has dropped everything."""
    monkeypatch.setattr("supportctl.verify.gone.cluster_of", lambda *_: stuck)
    monkeypatch.setattr("supportctl.verify.gone.declared", lambda *_: (None, "acme-prod"))
    left_in_cluster("acme-prod", tmp_path)
    assert len(stuck.deleted) == 4
