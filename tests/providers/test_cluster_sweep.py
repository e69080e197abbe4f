"""After the devices, what gives rights in the cluster is deleted by label; nothing there stops a revocation."""

from __future__ import annotations

from typing import Any

import pytest

from providers.cluster.look import Found
from providers.tailnet.device_cleanup import DeviceCleanup
from providers.tailnet.problems import TailnetError
from tests.providers.fake_cluster import UID, FakeCluster
from tests.providers.test_resources import Recorder

RBAC = "/apis/rbac.authorization.k8s.io/v1"
BINDING = f"{RBAC}/clusterrolebindings/support-access-impersonation"
ROLE = f"{RBAC}/clusterroles/support-access-impersonation"
IN_SHOP = f"{RBAC}/namespaces/shop/rolebindings/support-access:view:sre"
OTHERS = f"{RBAC}/clusterrolebindings/support-access-of-dev"
CHARTS = f"{RBAC}/clusterroles/tailscale-operator"
CLASS = "/apis/tailscale.com/v1alpha1/proxyclasses/support-access"
WEB = "/api/v1/namespaces/shop/services/web"
LABELS = {"managed-by": "support-access", "customer": "acme", "environment": "prod"}
STATE = {
    "customer": "acme",
    "environment": "prod",
    "context": "acme-eks",
    "kubeconfig": "",
    "clusterUid": UID,
    "labels": LABELS,
    "held": [CLASS, WEB],
}
OPERATORS = "tailscale.com/finalizer"


class NoDevices:
    """A Tailscale API client without any device."""

    def clock(self) -> float:
        return 0.0

    def devices(self, tag: str = "") -> list[Any]:
        return []

    def services(self) -> list[Any]:
        return []


def cluster(**more: Found) -> FakeCluster:
    ours = {path: {"labels": dict(LABELS)} for path in (BINDING, ROLE, IN_SHOP)}
    theirs = {OTHERS: {"labels": {**LABELS, "environment": "dev"}}, CHARTS: {}}
    return FakeCluster({**ours, **theirs, **more})


def cleaned(cluster: FakeCluster, state: dict[str, Any] = STATE) -> Recorder:
    log = Recorder()
    DeviceCleanup(NoDevices(), log, cluster.open).delete(state)  # type: ignore[arg-type]
    return log


def test_roles_and_bindings_of_this_environment_are_deleted_wherever_they_are() -> None:
    found = cluster()
    log = cleaned(found)
    assert {BINDING, ROLE, IN_SHOP} & found.objects.keys() == set()
    assert {OTHERS, CHARTS} <= found.objects.keys()
    assert "is revoked" in log.infos[0]
    assert "pulumi destroy -s acme-prod --refresh" in log.infos[0]
    assert "unreachable" not in log.infos[0], "which is what `supportctl kill` takes for a cluster's answer"
    assert "clusterrolebindings.rbac.authorization.k8s.io support-access-impersonation" in log.infos[1]
    assert log.warnings == []


def test_bindings_are_deleted_before_roles() -> None:
    found = cluster()
    cleaned(found)
    assert found.written == [f"DELETE {BINDING}", f"DELETE {IN_SHOP}", f"DELETE {ROLE}"]


def test_a_binding_with_somebodys_finalizer_is_named_and_stops_nothing() -> None:
    found = cluster()
    found.objects[BINDING]["finalizers"] = ["example.com/theirs"]
    log = cleaned(found)
    assert ROLE not in found.objects
    assert "support-access-impersonation: it is deleted when example.com/theirs is taken off" in log.warnings[0]
    assert "clusterrolebindings" not in log.infos[1]
    assert found.objects[BINDING]["finalizers"] == ["example.com/theirs"]


def test_what_is_there_again_after_its_deletion_is_not_reported_as_removed() -> None:
    found = cluster()
    delete = found.delete

    def made_again(path: str, **options: Any) -> bool:
        there = dict(found.objects.get(path) or {})
        deleted = delete(path, **options)
        if path == BINDING:
            found.objects[path] = {**there, "uid": "another"}
        return deleted

    found.delete = made_again  # type: ignore[method-assign]
    log = cleaned(found)
    assert "clusterrolebindings" not in log.infos[1]
    assert "support-access-impersonation: it is still there" in log.warnings[0]


def test_a_name_with_the_signs_of_a_query_is_deleted_by_its_own_path() -> None:
    named = f"{RBAC}/clusterrolebindings/view?dryRun=All#x"
    found = cluster(**{named: {"labels": dict(LABELS)}})
    cleaned(found)
    assert f"DELETE {RBAC}/clusterrolebindings/view%3FdryRun%3DAll%23x" in found.written


def test_what_a_webhook_refuses_is_named_and_the_rest_is_deleted() -> None:
    found = cluster()
    found.refused = {BINDING}
    log = cleaned(found)
    assert found.objects.keys() & {ROLE, IN_SHOP} == set()
    assert "support-access-impersonation: the API server answers" in log.warnings[0]


def test_a_kind_that_the_credential_may_not_list_is_named_and_the_others_are_deleted() -> None:
    found = cluster()
    found.refused = {f"{RBAC}/rolebindings"}
    log = cleaned(found)
    assert found.objects.keys() & {BINDING, ROLE} == set()
    assert "rolebindings: the API server answers" in log.warnings[0]


def test_the_operators_finalizer_is_taken_off_where_nothing_needs_a_proxy_any_more() -> None:
    going = {"finalizers": [OPERATORS], "deletionTimestamp": "2026-12-01T00:00:00Z"}
    service = {"finalizers": ["example.com/theirs", OPERATORS], "annotations": {"team": "data"}}
    found = cluster(**{CLASS: going, WEB: service})
    log = cleaned(found)
    assert CLASS not in found.objects
    assert found.objects[WEB]["finalizers"] == ["example.com/theirs"]
    assert "the operator's finalizer on services web" in log.infos[1]


def test_an_object_in_use_keeps_the_operators_finalizer_and_is_named_with_the_command() -> None:
    found = cluster(
        **{
            CLASS: {"finalizers": [OPERATORS]},
            WEB: {"finalizers": [OPERATORS], "annotations": {"tailscale.com/expose": "true"}},
        }
    )
    log = cleaned(found)
    assert found.objects[CLASS]["finalizers"] == found.objects[WEB]["finalizers"] == [OPERATORS]
    assert "kubectl --context acme-eks patch services web -n shop --type=merge" in log.warnings[0]


def test_a_cluster_that_does_not_answer_is_asked_once_and_reported() -> None:
    found = cluster()
    found.silent = True
    log = cleaned(found)
    assert len(found.calls) == 1
    assert "They are deleted with the namespace" in log.warnings[0]


def test_another_cluster_is_left_alone_and_ends_the_destroy() -> None:
    """The engine would go on with helm uninstall, in that cluster."""
    found = cluster()
    found.objects["/api/v1/namespaces/kube-system"]["uid"] = "another"
    with pytest.raises(
        TailnetError, match="nothing is removed from the cluster: the context acme-eks leads to another"
    ):
        cleaned(found)
    assert found.written == []


def test_a_fault_of_the_client_library_ends_no_destroy() -> None:
    log = Recorder()

    def broken(context: str, kubeconfig: object) -> Any:
        raise AttributeError("'NoneType' object has no attribute 'get'")

    DeviceCleanup(NoDevices(), log, broken).delete(STATE)  # type: ignore[arg-type]
    assert "AttributeError" in log.warnings[0]


def test_a_handoff_and_a_state_of_an_older_version_call_no_cluster() -> None:
    log = Recorder()
    state = {"customer": "acme", "environment": "prod"}
    DeviceCleanup(NoDevices(), log, lambda *_: pytest.fail("called")).delete(state)  # type: ignore[arg-type]
    assert (log.infos, log.warnings) == ([], [])
