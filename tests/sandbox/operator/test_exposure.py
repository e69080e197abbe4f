"""Exposed Services: what they are given, under which credential, and what holds them when they go."""

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


def start(cluster: Kubernetes, tailnet: Tailnet, scopes: list[str]) -> None:
    cluster.secret(CREDENTIAL, tailnet.client(scopes, OPERATOR_TAGS))
    cluster.install()
    eventually(tailnet.online)


def proxy(tailnet: Tailnet, hostname: str) -> dict[str, Any] | None:
    """The proxy of that name once it is online."""
    return next((device for device in tailnet.online() if device["hostname"] == hostname), None)


def test_a_service_gets_a_finalizer_and_a_proxy_with_the_tags_that_it_names(
    acme: Kubernetes, tailnet: Tailnet, stand_in: StandIn
) -> None:
    start(acme, tailnet, ["auth_keys"])
    named = acme.expose("web", {"tailscale.com/tags": "tag:svc-acme-prod-web", "tailscale.com/hostname": "web"})
    acme.expose("plain", {"tailscale.com/hostname": "plain"})
    assert eventually(lambda: proxy(tailnet, "web"))["tags"] == ["tag:svc-acme-prod-web"]
    assert eventually(lambda: proxy(tailnet, "plain"))["tags"] == ["tag:k8s-acme"]
    assert FINALIZER in acme.find(named)["metadata"]["finalizers"]


def test_a_tag_that_the_credential_does_not_own_is_an_event_and_no_proxy(
    acme: Kubernetes, tailnet: Tailnet, stand_in: StandIn
) -> None:
    start(acme, tailnet, ["auth_keys"])
    acme.expose("web", {"tailscale.com/tags": "tag:elsewhere"})
    eventually(lambda: "are invalid or not permitted" in acme.warnings("Service"))
    assert [device["hostname"] for device in tailnet.devices()] == ["acme-prod-kube"]


def test_without_devices_core_a_deleted_service_keeps_its_finalizer_and_device(
    acme: Kubernetes, tailnet: Tailnet, stand_in: StandIn
) -> None:
    start(acme, tailnet, ["auth_keys"])
    path = acme.expose("web", {"tailscale.com/hostname": "web"})
    eventually(lambda: proxy(tailnet, "web"))
    acme.call("DELETE", path)
    eventually(lambda: "(HTTP 403)" in acme.warnings("Service"))
    assert acme.find(path)["metadata"]["finalizers"] == [FINALIZER]
    assert "web" in [device["hostname"] for device in tailnet.devices()]


def test_with_devices_core_a_deleted_service_takes_everything_of_its_own_along(
    acme: Kubernetes, tailnet: Tailnet, stand_in: StandIn
) -> None:
    start(acme, tailnet, ["auth_keys", "devices:core"])
    path = acme.expose("web", {"tailscale.com/hostname": "web"})
    eventually(lambda: proxy(tailnet, "web"))
    acme.call("DELETE", path)
    eventually(lambda: acme.find(path) is None)
    assert [device["hostname"] for device in tailnet.devices()] == ["acme-prod-kube"]
    managed = "?labelSelector=tailscale.com%2Fmanaged%3Dtrue"
    assert acme.find(f"{acme.core}/secrets{managed}")["items"] == []
    assert acme.find(f"{acme.core}/services{managed}")["items"] == []


def test_a_service_that_is_no_longer_exposed_loses_its_proxy_and_stays(
    acme: Kubernetes, tailnet: Tailnet, stand_in: StandIn
) -> None:
    start(acme, tailnet, ["auth_keys", "devices:core"])
    path = acme.expose("web", {"tailscale.com/hostname": "web"})
    eventually(lambda: proxy(tailnet, "web"))
    acme.call("PATCH", path, {"metadata": {"annotations": {"tailscale.com/expose": None}}})
    eventually(lambda: "finalizers" not in acme.find(path)["metadata"])
    assert [device["hostname"] for device in tailnet.devices()] == ["acme-prod-kube"]


def test_with_the_operator_gone_proxies_stay_online_and_finalizers_hold(
    acme: Kubernetes, tailnet: Tailnet, stand_in: StandIn
) -> None:
    start(acme, tailnet, ["auth_keys", "devices:core"])
    path = acme.expose("web", {"tailscale.com/hostname": "web"})
    eventually(lambda: proxy(tailnet, "web"))
    acme.uninstall()
    eventually(lambda: [device["hostname"] for device in tailnet.online()] == ["web"])
    acme.call("DELETE", path)
    assert "deletionTimestamp" in acme.find(path)["metadata"]
    assert acme.find(path)["metadata"]["finalizers"] == [FINALIZER]
