"""The proxy drain gives the operator's proxies up, waits for it a few seconds, and stops no revocation."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from providers.cluster.look import Found
from providers.tailnet import withdrawal
from providers.tailnet.problems import CancelledError, TailnetError
from providers.tailnet.withdrawal import Withdrawal
from tests.providers.fake_cluster import UID, FakeCluster
from tests.providers.test_resources import Recorder

OPERATORS = "tailscale.com/finalizer"
OWNER = "/apis/rbac.authorization.k8s.io/v1/clusterroles/support-access-proxies"
WEB = "/api/v1/namespaces/shop/services/web"
CLASS = "/apis/tailscale.com/v1alpha1/proxyclasses/support-access"
ANNOTATIONS = {"tailscale.com/expose": "true", "tailscale.com/tags": "tag:svc-acme-prod-web"}
STATE = {
    "customer": "acme",
    "environment": "prod",
    "held": [CLASS, WEB],
    "owner": OWNER,
    "patched": [{"path": WEB, "annotations": ANNOTATIONS}],
    "context": "acme-eks",
    "kubeconfig": "",
    "clusterUid": UID,
}


class Time:
    """A client that has a clock and nothing else: the drain calls no Tailscale API. at: second to what happens then."""

    def __init__(self, at: dict[float, Any] | None = None) -> None:
        self.now, self.at = 0.0, dict(at or {})

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        for second in [second for second in self.at if second <= self.now]:
            self.at.pop(second)()


def exposed() -> FakeCluster:
    """A cluster with a ProxyClass of ours and a Service of the customer's that is exposed."""
    owned = {"ownerReferences": [{"kind": "ClusterRole", "name": "support-access-proxies"}], "finalizers": [OPERATORS]}
    service: Found = {
        "annotations": {"team": "data", **ANNOTATIONS},
        "finalizers": ["example.com/theirs", OPERATORS],
    }
    return FakeCluster({OWNER: {}, CLASS: owned, WEB: service})


def drained(cluster: FakeCluster, time: Time | None = None, **more: Any) -> tuple[Time, Recorder]:
    time, log = time or Time(), Recorder()
    Withdrawal(time, log, cluster.open).delete({**STATE, **more})  # type: ignore[arg-type]
    return time, log


def operator_takes_back(cluster: FakeCluster, *paths: str) -> Any:
    def act() -> None:
        for path in paths:
            theirs = [name for name in cluster.objects[path]["finalizers"] if name != OPERATORS]
            cluster.patch(path, {"metadata": {"finalizers": theirs}})

    return act


def test_everything_that_the_operator_holds_is_given_up_at_once_and_waited_for() -> None:
    cluster = exposed()
    time, log = drained(cluster, Time({3: operator_takes_back(cluster, WEB), 5: operator_takes_back(cluster, CLASS)}))
    assert cluster.written[:3] == [f"PATCH {WEB}", f"DELETE {CLASS}", f"DELETE {OWNER}"]
    assert (time.now, log.warnings) == (5, [])
    assert cluster.objects.keys() == {WEB, "/api/v1/namespaces/kube-system"}
    assert cluster.objects[WEB]["annotations"] == {"team": "data"}
    assert cluster.objects[WEB]["finalizers"] == ["example.com/theirs"]
    assert cluster.opened == [("acme-eks", None)]


def test_an_annotation_that_somebody_has_changed_is_not_ours_to_take_off() -> None:
    cluster = exposed()
    cluster.objects[WEB]["annotations"]["tailscale.com/tags"] = "tag:theirs"
    drained(cluster, Time({1: operator_takes_back(cluster, WEB, CLASS)}))
    assert cluster.objects[WEB]["annotations"] == {"team": "data", "tailscale.com/tags": "tag:theirs"}


def test_a_service_that_somebody_else_exposes_too_is_not_waited_for() -> None:
    cluster = exposed()
    cluster.objects[WEB]["annotations"]["tailscale.com/expose"] = "yes"
    time, log = drained(cluster, Time({2: operator_takes_back(cluster, CLASS)}))
    assert (time.now, log.warnings) == (2, [])


def test_a_dead_operator_is_waited_for_until_the_deadline_and_reported() -> None:
    time, log = drained(exposed())
    assert time.now == withdrawal.LONGEST == 10
    assert log.warnings[0].startswith(
        "the operator still holds proxyclasses.tailscale.com support-access, services web after 10 s"
    )


def test_where_nothing_is_held_it_takes_no_time() -> None:
    assert drained(FakeCluster({OWNER: {}}))[0].now == 0


def test_a_cluster_that_does_not_answer_is_asked_once() -> None:
    cluster = exposed()
    cluster.silent = True
    time, log = drained(cluster)
    assert (time.now, len(cluster.calls)) == (0, 1)
    assert "does not answer: frozen. Revocation goes on" in log.warnings[0]


def test_what_the_api_server_refuses_stops_neither_the_rest_nor_the_revocation() -> None:
    cluster = exposed()
    cluster.refused = {WEB, CLASS}
    _, log = drained(cluster)
    assert [line for line in log.warnings if "failed calling webhook" in line] == log.warnings[:2]
    assert OWNER not in cluster.objects


def test_nothing_is_deleted_in_another_cluster() -> None:
    cluster = exposed()
    cluster.objects["/api/v1/namespaces/kube-system"]["uid"] = "another"
    _, log = drained(cluster)
    assert cluster.written == []
    assert "leads to another cluster than the one that this environment is in" in log.warnings[0]


def test_an_object_that_the_owner_does_not_own_is_not_deleted() -> None:
    cluster = exposed()
    cluster.objects[CLASS]["ownerReferences"] = [{"kind": "ClusterRole", "name": "theirs"}]
    drained(cluster)
    assert f"DELETE {CLASS}" not in cluster.calls


@pytest.mark.parametrize("fault", [AttributeError("'NoneType' object"), RuntimeError("MaxRetryError"), ValueError()])
def test_a_fault_of_the_client_library_stops_no_revocation(fault: Exception) -> None:
    def broken(context: str, kubeconfig: Path | None) -> Any:
        raise fault

    log = Recorder()
    Withdrawal(Time(), log, broken).delete(STATE)  # type: ignore[arg-type]
    assert "Revocation goes on" in log.warnings[0]


def test_a_login_that_never_answers_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(withdrawal, "LONGEST", 0.1)
    monkeypatch.setattr(withdrawal, "SLACK", 0.0)
    answers = threading.Event()

    def hangs(context: str, kubeconfig: Path | None) -> Any:
        answers.wait(30)
        raise AssertionError("nobody waits for this")

    log = Recorder()
    Withdrawal(Time(), log, hangs).delete(STATE)  # type: ignore[arg-type]
    answers.set()
    assert "the cluster needs longer than" in log.warnings[0]


def test_a_kubeconfig_that_leads_nowhere_stops_no_revocation(tmp_path: Path) -> None:
    log = Recorder()
    Withdrawal(Time(), log).delete({**STATE, "kubeconfig": str(tmp_path / "none")})  # type: ignore[arg-type]
    assert "Revocation goes on" in log.warnings[0]


def test_an_interrupted_wait_is_no_end() -> None:
    time = Time()

    def cancelled(_seconds: float) -> None:
        raise CancelledError("cancelled while waiting")

    time.sleep = cancelled  # type: ignore[method-assign]
    with pytest.raises(TailnetError, match="cancelled"):
        drained(exposed(), time)


def test_a_state_of_an_older_version_waits_for_what_the_engine_has_deleted() -> None:
    cluster = exposed()
    cluster.objects[CLASS]["deletionTimestamp"] = "2026-12-01T00:00:00Z"
    cluster.objects[WEB]["annotations"] = {"team": "data"}
    old = {key: STATE[key] for key in ("customer", "environment", "held", "context", "kubeconfig")}
    log = Recorder()
    time = Time({4: operator_takes_back(cluster, WEB, CLASS)})
    Withdrawal(time, log, cluster.open).delete(old)  # type: ignore[arg-type]
    assert (time.now, log.warnings) == (4, [])
    assert [call for call in cluster.written if call.startswith("DELETE")] == []


def test_a_state_without_objects_calls_no_cluster() -> None:
    """The first version recorded no objects, and no context."""
    log = Recorder()
    state = {"customer": "acme", "environment": "prod", "tags": ["tag:svc-acme-prod-web"]}
    Withdrawal(Time(), log, lambda *_: pytest.fail("called")).delete(state)  # type: ignore[arg-type]
    assert log.warnings == []


@pytest.mark.parametrize("path", ["services/web", "", 3])
def test_what_is_held_is_named_by_its_path(path: Any) -> None:
    ((name, _),) = Withdrawal.check({**STATE, "held": [WEB, path]})
    assert name == "held"
    assert Withdrawal.check(STATE) == []
