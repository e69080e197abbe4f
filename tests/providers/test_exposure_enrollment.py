"""What is exposed is up when an update ends, or the update says what is missing and why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from providers.cluster.problems import ClusterUnknownError
from providers.tailnet.exposure_enrollment import EVENTS, ExposureEnrollment
from providers.tailnet.problems import ApiError, TailnetError
from providers.tailnet.values import UNKNOWN
from tests.providers.policies import ACME, GLOBEX
from tests.providers.test_resources import Recorder

DB, WEB = ACME.svc_tag("db"), ACME.svc_tag("web")
SERVICE = "/api/v1/namespaces/shop/services/db"
INPUTS: dict[str, Any] = {
    "customer": "acme",
    "environment": "prod",
    "tags": [DB, WEB],
    "objects": [SERVICE],
    "timeoutSeconds": 60,
    "context": "acme-eks",
    "kubeconfig": "",
}


class Tailnet:
    """A client whose devices change as its clock goes on. story: second to the devices from then on, `{tag: online}`;
    None in place of the devices is an API that refuses."""

    def __init__(self, story: dict[float, dict[str, bool] | None]) -> None:
        self.story, self.now, self.asked = story, 0.0, 0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def devices(self, tag: str) -> list[dict[str, Any]]:
        self.asked += 1
        standing = self.story[max(second for second in self.story if second <= self.now)]
        if standing is None:
            raise ApiError("the token is refused", status=401)
        if tag not in standing:
            return []
        return [{"nodeId": tag, "name": f"{tag}.ts.net", "connectedToControl": standing[tag]}]


class Cluster:
    """answers: by path, documents and lists."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers

    def document(self, path: str) -> dict[str, Any] | None:
        return self.answers.get(path)

    def whole(self, path: str, labels: str = "") -> list[dict[str, Any]]:
        return self.answers.get(path, [])


def resource(story: Any, cluster: Any = None) -> tuple[ExposureEnrollment, Tailnet, Recorder]:
    tailnet, log = Tailnet(story), Recorder()

    def connect(context: str, kubeconfig: Path | None) -> Any:
        assert (context, kubeconfig) == ("acme-eks", None)
        if isinstance(cluster, Exception):
            raise cluster
        return cluster or Cluster()

    return ExposureEnrollment(tailnet, log, connect), tailnet, log  # type: ignore[arg-type]


def warning(kind: str, name: str, message: str, at: str = "2026-12-01T10:00:00Z") -> dict[str, Any]:
    about = {"kind": kind, "name": name, "namespace": "tailscale"}
    return {"type": "Warning", "involvedObject": about, "message": message, "lastTimestamp": at}


def test_it_ends_as_soon_as_every_tag_has_a_device_online() -> None:
    made, tailnet, _ = resource({0: {}, 4: {DB: True}, 8: {DB: True, WEB: False}, 12: {DB: True, WEB: True}})
    assert made.create(INPUTS) == {**INPUTS, "status": "online"}
    assert tailnet.now == 12


def refusal(cluster: Any, story: Any = None) -> str:
    made, tailnet, _ = resource(story or {0: {DB: True}}, cluster)
    with pytest.raises(TailnetError) as caught:
        made.create(INPUTS)
    assert tailnet.now >= 60
    return str(caught.value)


def test_a_proxy_that_never_comes_fails_the_update_with_the_clusters_reason() -> None:
    """GKE Autopilot refuses the StatefulSet itself: only the exposed object's condition says so."""
    conditions = [
        {"type": "TailscaleProxyReady", "status": "False", "message": "failed to provision: webhook denied it"},
        {"type": "Other", "status": "True", "message": "all is well"},
    ]
    events = [
        warning("StatefulSet", "ts-db-abc", "create Pod ts-db-abc-0 failed: violates PodSecurity"),
        warning("Pod", "operator-abc", "the operator's own"),
        {**warning("Pod", "ts-web-x-0", "started"), "type": "Normal"},
    ]
    cluster = Cluster(**{SERVICE: {"status": {"conditions": conditions}}, EVENTS: events})
    told = refusal(cluster)
    assert WEB in told
    assert DB not in told
    assert "services db: failed to provision: webhook denied it" in told
    assert "create Pod ts-db-abc-0 failed" in told
    for other in ("all is well", "the operator's own", "started"):
        assert other not in told
    assert "kubectl --context acme-eks" in told


def test_the_newest_warnings_come_first_and_each_once_and_no_more_than_a_few() -> None:
    events = [
        warning("Pod", "ts-db-0", f"warning {minute}", f"2026-12-01T10:{minute:02}:00Z") for minute in range(20)
    ] + [warning("Pod", "ts-db-0", "warning 19", "2026-12-01T10:19:30Z")]
    told = refusal(Cluster(**{EVENTS: events}))
    assert told.count("warning 19") == 1
    assert told.index("warning 19") < told.index("warning 18")
    assert "warning 5;" not in told


@pytest.mark.parametrize("cluster", [None, ClusterUnknownError("the API server does not answer")])
def test_a_cluster_that_does_not_say_changes_nothing_of_the_failure(cluster: Any) -> None:
    told = refusal(cluster)
    assert ("does not answer" in told) is (cluster is not None)
    assert WEB in told


def test_a_proxy_that_is_connected_and_cannot_be_reached_is_told_with_the_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    made, tailnet, _ = resource({0: {DB: True, WEB: True}})
    listed = tailnet.devices

    def unsigned(tag: str) -> list[dict[str, Any]]:
        return [{**device, "tailnetLockError": "no signature", "nodeKey": "nodekey:x"} for device in listed(tag)]

    monkeypatch.setattr(tailnet, "devices", unsigned)
    with pytest.raises(TailnetError, match="tailscale lock sign nodekey:x"):
        made.create(INPUTS)


def test_a_preview_knows_no_status_and_asks_nothing() -> None:
    made, tailnet, _ = resource({0: {}})
    assert made.preview(INPUTS)["status"] is UNKNOWN
    assert tailnet.asked == 0


def test_what_was_up_and_is_not_is_a_warning_and_holds_up_no_update() -> None:
    made, tailnet, log = resource({0: {DB: True}})
    state = {**INPUTS, "status": "online"}
    assert made.diff(state, INPUTS) == {}
    assert WEB in log.warnings[0]
    assert made.read(state)["status"] == "pending"
    assert tailnet.now == 0


def test_a_new_exposure_is_waited_for() -> None:
    made, _, _ = resource({0: {}})
    assert made.diff({**INPUTS, "tags": [DB], "status": "online"}, INPUTS) == {"tags": "update"}


def test_its_delete_asks_nothing_and_never_fails() -> None:
    made, tailnet, _ = resource({0: None})
    made.delete({**INPUTS, "status": "online"})
    made.delete({})
    assert tailnet.asked == 0


@pytest.mark.parametrize(
    ("bent", "name"),
    [
        ({"tags": []}, "tags"),
        ({"tags": [GLOBEX.svc_tag("db")]}, "tags"),
        ({"tags": [7]}, "tags"),
        ({"timeoutSeconds": 0}, "timeoutSeconds"),
        ({"timeoutSeconds": None}, "timeoutSeconds"),
        ({"customer": "A"}, "customer"),
    ],
)
def test_inputs_that_name_nothing_of_the_environment_are_refused(bent: dict[str, Any], name: str) -> None:
    assert [key for key, _ in ExposureEnrollment.check({**INPUTS, **bent})] == [name]
    assert ExposureEnrollment.check(INPUTS) == []


def test_it_cannot_be_imported() -> None:
    made, _, _ = resource({0: {}})
    with pytest.raises(TailnetError, match="cannot be imported"):
        made.read({})
