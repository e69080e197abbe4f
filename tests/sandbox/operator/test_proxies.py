"""Ingresses, Connectors, egress Services and Recorders: what they are given, and what holds them when they go."""

from __future__ import annotations

from typing import Any

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

FINALIZER = "tailscale.com/finalizer"
TAG = "tag:svc-acme-prod-web"
CUSTOM = "/apis/tailscale.com/v1alpha1"
BOTH = ["auth_keys", "devices:core"]
# Kubernetes looks for kinds that are new every 30 s, and again and again doubles the time until it asks for an owner
# of a kind that it did not know: 41 s at most until the next question, when this is the first test of its clusters.
NEW_KIND_SECONDS = 90


@pytest.fixture
def running(acme: Kubernetes, tailnet: Tailnet, stand_in: StandIn) -> Kubernetes:
    """The cluster with an operator that is online and may do all that it needs."""
    return start(acme, tailnet, BOTH)


def start(cluster: Kubernetes, tailnet: Tailnet, scopes: list[str]) -> Kubernetes:
    cluster.secret(CREDENTIAL, tailnet.client(scopes, OPERATOR_TAGS))
    cluster.install()
    eventually(tailnet.online)
    return cluster


def proxy(tailnet: Tailnet, hostname: str) -> dict[str, Any] | None:
    return next((device for device in tailnet.online() if device["hostname"] == hostname), None)


def condition(cluster: Kubernetes, path: str, reason: str) -> dict[str, Any] | None:
    conditions = cluster.find(path).get("status", {}).get("conditions") or []
    return next((one for one in conditions if one["reason"] == reason), None)


def gone(cluster: Kubernetes, tailnet: Tailnet, path: str) -> None:
    """Deletes it and waits until neither it nor anything that was made for it is left."""
    cluster.call("DELETE", path)
    eventually(lambda: cluster.find(path) is None)
    assert [device["hostname"] for device in tailnet.devices()] == ["acme-prod-kube"]
    managed = "?labelSelector=tailscale.com%2Fmanaged%3Dtrue"
    assert cluster.find(f"{cluster.core}/secrets{managed}")["items"] == []


def ingress(service: str, **more: Any) -> dict[str, Any]:
    backend = {"service": {"name": service, "port": {"number": 80}}}
    spec = {"ingressClassName": "tailscale", "defaultBackend": backend, "tls": [{"hosts": ["ui"]}]}
    return {"metadata": {"name": "ui", "annotations": {"tailscale.com/tags": TAG}}, "spec": spec | more}


def test_an_ingress_gets_a_proxy_without_privilege_and_shows_its_name(running: Kubernetes, tailnet: Tailnet) -> None:
    running.make(f"{running.core}/services", {"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}})
    collection = f"/apis/networking.k8s.io/v1/namespaces/{running.namespace}/ingresses"
    path = running.make(collection, ingress("web"))
    device = eventually(lambda: proxy(tailnet, "ui"))
    assert device["tags"] == [TAG]
    shown = eventually(lambda: running.find(path)["status"]["loadBalancer"].get("ingress"))
    assert shown[0]["hostname"] == device["name"]
    sets = running.find(f"/apis/apps/v1/namespaces/{running.namespace}/statefulsets")["items"]
    assert "privileged" not in str(sets[0]["spec"]["template"]["spec"]["containers"])
    gone(running, tailnet, path)


def test_an_ingress_before_nothing_serves_nothing_and_goes_all_the_same(running: Kubernetes, tailnet: Tailnet) -> None:
    collection = f"/apis/networking.k8s.io/v1/namespaces/{running.namespace}/ingresses"
    path = running.make(collection, ingress("missing"))
    eventually(lambda: "NoValidBackends" in running.warnings("Ingress"))
    gone(running, tailnet, path)


def test_an_ingress_of_another_class_is_left_alone(running: Kubernetes, tailnet: Tailnet) -> None:
    collection = f"/apis/networking.k8s.io/v1/namespaces/{running.namespace}/ingresses"
    other = running.make(collection, {**ingress("web", ingressClassName="nginx"), "metadata": {"name": "theirs"}})
    running.make(collection, ingress("missing"))
    eventually(lambda: "NoValidBackends" in running.warnings("Ingress"))
    assert "finalizers" not in running.find(other)["metadata"]


def test_a_connectors_routes_are_approved_for_its_tag(running: Kubernetes, tailnet: Tailnet) -> None:
    spec = {"tags": [TAG], "hostname": "net", "subnetRouter": {"advertiseRoutes": ["10.20.0.0/24", "10.9.0.0/24"]}}
    path = running.make(f"{CUSTOM}/connectors", {**custom("Connector", f"net-{running.namespace[-6:]}"), "spec": spec})
    eventually(lambda: proxy(tailnet, "net"))
    assert tailnet.routes("net") == (["10.20.0.0/24", "10.9.0.0/24"], ["10.20.0.0/24"])
    eventually(lambda: condition(running, path, "ConnectorCreated"))
    assert eventually(lambda: running.find(path)["status"].get("hostname")).startswith("net.")
    gone(running, tailnet, path)


def test_an_egress_service_becomes_another_name_of_its_proxy(running: Kubernetes, tailnet: Tailnet) -> None:
    annotations = {"tailscale.com/tailnet-fqdn": "cache.tail0000.ts.net", "tailscale.com/tags": TAG}
    spec = {"type": "ExternalName", "externalName": "unset.invalid"}
    body = {"metadata": {"name": "cache", "annotations": annotations}, "spec": spec}
    path = running.make(f"{running.core}/services", body)
    eventually(lambda: proxy(tailnet, f"{running.namespace}-cache"[:63]))
    name = eventually(lambda: (found := running.find(path)["spec"]["externalName"]) != "unset.invalid" and found)
    assert name.endswith(f".{running.namespace}.svc.cluster.local")
    gone(running, tailnet, path)


def test_a_recorder_is_online_with_its_own_tag_and_takes_all_of_it_along(running: Kubernetes, tailnet: Tailnet) -> None:
    name = f"rec-{running.namespace[-6:]}"
    path = running.make(f"{CUSTOM}/recorders", {**custom("Recorder", name), "spec": {"tags": [TAG], "enableUI": True}})
    assert eventually(lambda: proxy(tailnet, f"{name}-0"))["tags"] == [TAG]
    assert eventually(lambda: condition(running, path, "RecorderCreated"))
    gone(running, tailnet, path)
    stateful_set = f"/apis/apps/v1/namespaces/{running.namespace}/statefulsets/{name}"
    eventually(lambda: running.find(stateful_set) is None, NEW_KIND_SECONDS)


def test_a_recorder_whose_recordings_nobody_could_see_is_refused(running: Kubernetes) -> None:
    path = running.make(f"{CUSTOM}/recorders", {**custom("Recorder", f"rec-{running.namespace[-6:]}"), "spec": {}})
    assert "must either enable UI" in eventually(lambda: condition(running, path, "RecorderInvalid"))["message"]


def test_without_devices_core_a_recorder_is_never_ready_and_never_goes(
    acme: Kubernetes, tailnet: Tailnet, stand_in: StandIn
) -> None:
    start(acme, tailnet, ["auth_keys"])
    name = f"rec-{acme.namespace[-6:]}"
    path = acme.make(f"{CUSTOM}/recorders", {**custom("Recorder", name), "spec": {"tags": [TAG], "enableUI": True}})
    assert "(HTTP 403)" in eventually(lambda: condition(acme, path, "RecorderCreationFailed"))["message"]
    acme.call("DELETE", path)
    assert acme.find(path)["metadata"]["finalizers"] == [FINALIZER]


def custom(kind: str, name: str) -> dict[str, Any]:
    return {"apiVersion": "tailscale.com/v1alpha1", "kind": kind, "metadata": {"name": name}}
