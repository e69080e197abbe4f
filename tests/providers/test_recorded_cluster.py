"""The cluster of an environment is recorded: another one is refused, and one that does not answer changes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from providers.tailnet.cluster import KILL, Cluster
from providers.tailnet.problems import TailnetError
from tests.providers.fake_cluster import UID, FakeCluster
from tests.providers.tailnet_api import SEED, running_api
from tests.providers.test_resources import Recorder, Stack

INPUTS = {"customer": "acme", "environment": "prod", "context": "acme-eks", "kubeconfig": "", "uid": UID}
SYSTEM = "/api/v1/namespaces/kube-system"
BY_US = {"meta.helm.sh/release-name": "tailscale-operator", "meta.helm.sh/release-namespace": "tailscale"}
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
CHARTS = {
    "/apis/rbac.authorization.k8s.io/v1/clusterroles/tailscale-operator": {"annotations": BY_US},
    "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/tailscale-operator": {"annotations": BY_US},
    "/apis/networking.k8s.io/v1/ingressclasses/tailscale": {"annotations": BY_US},
    f"{CRDS}/connectors.tailscale.com": {"annotations": BY_US},
}


def resource(cluster: FakeCluster) -> tuple[Cluster, Recorder]:
    log = Recorder()
    return Cluster(None, log, cluster.open), log  # type: ignore[arg-type]


def test_another_cluster_under_the_same_context_is_refused_at_preview() -> None:
    with running_api(SEED) as api:
        stack = Stack(api)
        assert stack.check("Cluster", INPUTS) == []
        assert stack.check("Cluster", {**INPUTS, "context": "renamed"}, INPUTS) == []
        (refused,) = stack.check("Cluster", {**INPUTS, "uid": "another"}, INPUTS)
    assert refused.startswith(f"uid: cannot change from '{UID}' to 'another': another cluster answers")
    assert "pulumi destroy` with the old context" in refused


def test_a_cluster_that_did_not_answer_keeps_its_record() -> None:
    with running_api(SEED) as api:
        stack = Stack(api)
        assert stack.check("Cluster", {**INPUTS, "uid": ""}, INPUTS) == []


def test_a_cluster_that_did_not_answer_is_shown_in_a_preview_and_never_recorded() -> None:
    found, _ = resource(FakeCluster())
    unknown = {**INPUTS, "uid": ""}
    assert found.check(unknown) == []
    assert found.preview(unknown) == unknown
    with pytest.raises(TailnetError, match="did not answer"):
        found.create(unknown)


def test_a_refresh_sees_the_recorded_cluster() -> None:
    found, _ = resource(FakeCluster())
    assert found.read(INPUTS) == INPUTS


def test_a_refresh_fails_for_another_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    for kill in ("", "true"):
        monkeypatch.setenv(KILL, kill)
        with pytest.raises(TailnetError, match=r"leads to another cluster.*restore the state"):
            resource(FakeCluster(uid="another"))[0].read(INPUTS)


def test_a_refresh_fails_for_a_cluster_that_does_not_answer_and_a_kill_passes_it_by(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cluster = FakeCluster()
    cluster.silent = True
    with pytest.raises(TailnetError, match=r"was not read: .*frozen. The state is kept.*Fix: run again"):
        resource(cluster)[0].read(INPUTS)
    monkeypatch.setenv(KILL, "true")
    assert resource(cluster)[0].read(INPUTS) == INPUTS


def test_at_the_end_what_an_interrupted_installation_left_is_removed() -> None:
    kept = {**BY_US, "helm.sh/resource-policy": "keep"}
    others = {**BY_US, "meta.helm.sh/release-name": "theirs"}
    theirs = {
        f"{CRDS}/recorders.tailscale.com": {"annotations": kept},
        f"{CRDS}/dnsconfigs.tailscale.com": {"annotations": others},
        "/apis/rbac.authorization.k8s.io/v1/clusterroles/view": {},
    }
    cluster = FakeCluster({**CHARTS, **theirs})
    found, log = resource(cluster)
    found.delete(INPUTS)
    assert cluster.objects.keys() == {SYSTEM, *theirs}
    assert "customresourcedefinitions.apiextensions.k8s.io connectors.tailscale.com" in log.infos[0]


def test_a_release_that_is_there_keeps_its_objects() -> None:
    labels = {"owner": "helm", "name": "tailscale-operator"}
    record = {"/api/v1/namespaces/tailscale/secrets/sh.helm.release.v1.tailscale-operator.v1": {"labels": labels}}
    cluster = FakeCluster({**CHARTS, **record})
    resource(cluster)[0].delete(INPUTS)
    assert cluster.written == []


def test_what_is_being_deleted_already_is_not_asked_for_again() -> None:
    going = {"annotations": BY_US, "finalizers": ["x"], "deletionTimestamp": "2026-12-01T00:00:00Z"}
    cluster = FakeCluster({f"{CRDS}/connectors.tailscale.com": going})
    found, log = resource(cluster)
    found.delete(INPUTS)
    assert (cluster.written, log.infos) == ([], [])


@pytest.mark.parametrize("fault", ["silent", "another", "raises"])
def test_the_end_never_fails(fault: str) -> None:
    cluster = FakeCluster(dict(CHARTS), uid="another" if fault == "another" else UID)
    cluster.silent = fault == "silent"
    log = Recorder()

    def broken(context: str, kubeconfig: object) -> Any:
        raise AttributeError("no such thing")

    Cluster(None, log, broken if fault == "raises" else cluster.open).delete(INPUTS)  # type: ignore[arg-type]
    assert "were not looked for" in log.warnings[0]
    assert cluster.written == []
