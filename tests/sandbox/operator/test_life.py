"""The life of an operator's device, from the real chart in a real cluster to what it leaves behind."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.sandbox.operator.conftest import (
    CREDENTIAL,
    OPERATOR_TAGS,
    Kubernetes,
    StandIn,
    Tailnet,
    eventually,
)

pytestmark = pytest.mark.engine


@pytest.fixture
def running(acme: Kubernetes, tailnet: Tailnet, stand_in: StandIn) -> Kubernetes:
    """A release whose operator is online, with a credential that has no scope but auth_keys."""
    acme.secret(CREDENTIAL, tailnet.client(["auth_keys"], OPERATOR_TAGS))
    acme.install()
    eventually(tailnet.online)
    return acme


def restart(cluster: Kubernetes) -> None:
    """What `kubectl rollout restart` does; returns when the old pod is gone and the new one runs."""
    old = cluster.pod()["metadata"]["uid"]
    annotation = {"kubectl.kubernetes.io/restartedAt": str(time.time())}
    patch = {"spec": {"template": {"metadata": {"annotations": annotation}}}}
    cluster.call("PATCH", cluster.deployment, patch)
    eventually(lambda: cluster.pod().get("metadata", {}).get("uid", old) != old and cluster.available())


def test_waits_for_its_secret_and_registers_with_exactly_its_own_tags(
    acme: Kubernetes, tailnet: Tailnet, stand_in: StandIn
) -> None:
    acme.install()
    eventually(lambda: f'secret "{CREDENTIAL}" not found' in acme.warnings("Pod"))
    assert not acme.available()
    assert tailnet.minted() == 0
    acme.secret(CREDENTIAL, tailnet.client(["auth_keys"], OPERATOR_TAGS))
    (device,) = eventually(tailnet.online)
    assert sorted(device["tags"]) == sorted(OPERATOR_TAGS)
    assert device["hostname"] == "acme-prod-kube"
    assert device["clientVersion"].startswith("1.96.5")
    eventually(acme.available)


def test_needs_both_keys_of_the_secret_at_its_start(acme: Kubernetes, tailnet: Tailnet, stand_in: StandIn) -> None:
    client = tailnet.client(["auth_keys"], OPERATOR_TAGS)
    acme.secret(CREDENTIAL, {"client_id": client["client_id"]})
    acme.install()
    eventually(lambda: "/oauth/client_secret" in acme.warnings("Pod"))
    assert acme.restarts() >= 1
    assert tailnet.minted() == 0


def test_a_restart_keeps_the_device_and_needs_no_valid_credential(running: Kubernetes, tailnet: Tailnet) -> None:
    (before,) = tailnet.online()
    tailnet.revoke(running.content(CREDENTIAL))
    restart(running)
    (after,) = eventually(tailnet.online)
    assert after["nodeId"] == before["nodeId"]
    assert tailnet.minted() == 1


def test_a_deleted_device_stays_cut_off_until_the_pod_restarts(
    running: Kubernetes, tailnet: Tailnet, stand_in: StandIn
) -> None:
    (device,) = tailnet.online()
    tailnet.delete_device(device)
    eventually(lambda: "cut off" in stand_in.output.read_text())
    time.sleep(1)
    assert tailnet.devices() == []
    assert running.available()
    pod = running.pod()["metadata"]["name"]
    running.call("DELETE", f"{running.core}/pods/{pod}")
    (again,) = eventually(tailnet.online)
    assert again["nodeId"] != device["nodeId"]


def test_a_deleted_device_and_a_revoked_credential_end_it_for_good(running: Kubernetes, tailnet: Tailnet) -> None:
    tailnet.revoke(running.content(CREDENTIAL))
    tailnet.delete_device(tailnet.online()[0])
    pod = running.pod()["metadata"]["name"]
    running.call("DELETE", f"{running.core}/pods/{pod}")
    eventually(lambda: running.restarts() >= 2)
    assert tailnet.devices() == []
    eventually(lambda: not running.available())
    assert "creating operator authkey" in running.warnings("Pod")


def test_a_key_that_the_tag_rule_refuses_is_an_event_and_no_device(
    acme: Kubernetes, tailnet: Tailnet, stand_in: StandIn
) -> None:
    acme.secret(CREDENTIAL, tailnet.client(["auth_keys"], [*OPERATOR_TAGS, "tag:elsewhere"]))
    acme.install()
    eventually(lambda: acme.restarts() >= 2)
    assert "are invalid or not permitted" in acme.warnings("Pod")
    assert tailnet.devices() == []
    assert acme.content("operator").keys() == {"_machinekey"}


def test_a_failure_that_passes_is_got_over_by_the_next_start(
    acme: Kubernetes, tailnet: Tailnet, stand_in: StandIn
) -> None:
    tailnet.fail({"method": "POST", "path": "/keys$", "kind": "status", "status": 500, "count": 1})
    acme.secret(CREDENTIAL, tailnet.client(["auth_keys"], OPERATOR_TAGS))
    acme.install()
    eventually(tailnet.online)
    assert acme.restarts() == 1
    assert tailnet.minted() == 2


def test_uninstall_leaves_the_device_offline_and_its_secret_behind(running: Kubernetes, tailnet: Tailnet) -> None:
    (device,) = tailnet.online()
    running.uninstall()
    eventually(lambda: not tailnet.online())
    assert [left["nodeId"] for left in tailnet.devices()] == [device["nodeId"]]
    assert "_current-profile" in running.content("operator")
    running.install()
    (back,) = eventually(tailnet.online)
    assert back["nodeId"] == device["nodeId"]


def test_scaled_to_zero_is_offline_and_comes_back_as_the_same_device(running: Kubernetes, tailnet: Tailnet) -> None:
    (device,) = tailnet.online()
    running.call("PATCH", running.deployment, {"spec": {"replicas": 0}})
    eventually(lambda: not tailnet.online())
    eventually(lambda: not running.available())
    running.call("PATCH", running.deployment, {"spec": {"replicas": 1}})
    (back,) = eventually(tailnet.online)
    assert back["nodeId"] == device["nodeId"]


def test_both_proxy_modes_at_once_are_refused(acme: Kubernetes, tailnet: Tailnet, stand_in: StandIn) -> None:
    both = [{"name": "AUTH_PROXY", "value": "true"}, {"name": "APISERVER_PROXY", "value": "true"}]
    acme.secret(CREDENTIAL, tailnet.client(["auth_keys"], OPERATOR_TAGS))
    acme.install(extraEnv=both)
    eventually(lambda: "mutually exclusive" in acme.warnings("Pod"))
    assert tailnet.minted() == 0


def test_works_with_the_rights_of_its_service_account_only(running: Kubernetes, folder: Path, tailnet: Tailnet) -> None:
    log = folder / "clusters" / running.context / "audit.log"
    writers = set()
    for line in log.read_text().splitlines():
        event = json.loads(line)
        target = event.get("objectRef", {})
        if (target.get("namespace"), target.get("resource"), target.get("name")) == (
            running.namespace,
            "secrets",
            "operator",
        ):
            writers.add(event["user"]["username"])
    assert writers == {f"system:serviceaccount:{running.namespace}:operator"}
    role_binding = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{running.namespace}/rolebindings/operator"
    running.call("DELETE", role_binding)
    running.call("DELETE", f"{running.core}/secrets/operator")
    restarted = running.pod()["metadata"]["name"]
    running.call("DELETE", f"{running.core}/pods/{restarted}")
    eventually(lambda: "forbidden" in running.warnings("Pod"))
    assert tailnet.minted() == 1


def test_plays_in_several_clusters_at_once(clusters: list[Kubernetes], tailnet: Tailnet, stand_in: StandIn) -> None:
    for one in clusters:
        one.secret(CREDENTIAL, tailnet.client(["auth_keys"], OPERATOR_TAGS))
        one.install(hostname=f"{one.context}-kube")
    eventually(lambda: len(tailnet.online()) == 2)
    assert {device["hostname"] for device in tailnet.online()} == {f"{c.context}-kube" for c in clusters}
    lines = stand_in.output.read_text().splitlines()
    for one in clusters:
        assert any(line.startswith(f"{one.context} {one.namespace}/") for line in lines)


def test_ends_at_once_and_takes_its_devices_offline(running: Kubernetes, tailnet: Tailnet, stand_in: StandIn) -> None:
    began = time.monotonic()
    assert stand_in.stop() == 0
    assert time.monotonic() - began < 2
    assert tailnet.online() == []
    printed = stand_in.output.read_text()
    assert "Traceback" not in printed
    assert "tskey-" not in printed
    assert "nodekey:" not in printed
