"""What a kill says of a cluster whose state holds nothing of it: what is left there, and never more than was seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from providers.cluster.problems import ClusterUnknownError
from supportctl.kill.left import left_in_cluster
from supportctl.verify.absence import UnseenError
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
    assert left_in_cluster("acme-prod", tmp_path) == []


def test_what_an_earlier_cut_left_is_named_with_its_namespace_and_the_commands(cluster: Holds, tmp_path: Path) -> None:
    cluster.objects[f"{RBAC}/clusterroles"] = [{"name": "highflame-sre", "labels": LABELS}]
    cluster.objects[f"{RBAC}/rolebindings"] = [{"name": "ours", "namespace": "shop", "labels": LABELS}]
    *found, finishing = left_in_cluster("acme-prod", tmp_path)
    assert found == [
        "in the cluster of acme-prod: our objects: clusterroles/highflame-sre",
        "in the cluster of acme-prod: our objects: rolebindings/ours in shop",
    ]
    assert "kubectl delete clusterroles,clusterrolebindings" in finishing
    assert "kubectl delete rolebindings --all-namespaces" in finishing


def test_what_does_not_say_is_told_once_and_is_not_called_gone(cluster: Holds, tmp_path: Path) -> None:
    cluster.refuses = (f"{RBAC}/clusterroles",)
    unknown, finishing = left_in_cluster("acme-prod", tmp_path)
    assert "not known what is left" in unknown
    assert "helm uninstall tailscale-operator -n tailscale" in finishing


@pytest.mark.parametrize("error", [UnseenError("no cluster is known"), ClusterUnknownError("no answer"), KeyError("x")])
def test_no_fault_of_the_look_is_an_answer(error: Exception, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fails(*_: object) -> Holds:
        raise error

    monkeypatch.setattr("supportctl.verify.gone.cluster_of", fails)
    unknown, finishing = left_in_cluster("acme-prod", tmp_path)
    assert str(error) in unknown
    assert "helm uninstall" in finishing
