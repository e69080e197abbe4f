"""Which Services the operator exposes, and with what."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.operator import service as services
from sandbox.operator.proxy_set import headless_service


def service(
    annotations: dict[str, str] | None = None, labels: dict[str, str] | None = None, **spec: Any
) -> dict[str, Any]:
    tailscale = {f"tailscale.com/{key}": value for key, value in (annotations or {}).items()}
    meta = {"name": "web", "namespace": "app", "uid": "u-1", "annotations": tailscale, "labels": labels or {}}
    return {"metadata": meta, "spec": {"type": "ClusterIP", "clusterIP": "10.96.0.9"} | spec}


@pytest.mark.parametrize(
    ("candidate", "leaving"),
    [
        (service({"expose": "true"}), False),
        (service({"expose": "false"}), True),
        (service(), True),
        (service(type="LoadBalancer", loadBalancerClass="tailscale"), False),
        (service(type="LoadBalancer", loadBalancerClass="other"), True),
        (service(type="LoadBalancer"), True),
        (service({"expose": "true"}, type="ExternalName", externalName="db.example"), False),
        (service({"expose": "true"}, clusterIP=""), True),
    ],
)
def test_only_annotated_services_and_load_balancers_of_the_class_are_exposed(
    candidate: dict[str, Any], leaving: bool
) -> None:
    assert services.is_leaving(candidate) is leaving


def test_a_service_on_its_way_out_is_leaving_whatever_it_asks_for() -> None:
    candidate = service({"expose": "true"})
    candidate["metadata"]["deletionTimestamp"] = "2026-11-21T00:00:00Z"
    assert services.is_leaving(candidate)


def test_the_operators_own_services_and_those_of_a_proxy_group_are_left_alone() -> None:
    assert services.concerns_operator(service({"expose": "true"}))
    assert not services.concerns_operator(service(labels={"tailscale.com/managed": "true"}))
    assert not services.concerns_operator(service({"expose": "true", "proxy-group": "ha"}))


def test_name_and_tags_come_from_the_annotations_or_the_defaults() -> None:
    plain, named = service(), service({"hostname": "shop", "tags": "tag:a,tag:b"})
    assert (services.hostname(plain), services.tags(plain, ["tag:k8s"])) == ("app-web", ["tag:k8s"])
    assert (services.hostname(named), services.tags(named, ["tag:k8s"])) == ("shop", ["tag:a", "tag:b"])


@pytest.mark.parametrize(
    "candidate",
    [
        service({"tags": "k8s"}),
        service({"hostname": "a.b"}),
        service({"hostname": "x" * 64}),
        service(clusterIP="None"),
    ],
)
def test_what_cannot_be_exposed_is_said(candidate: dict[str, Any]) -> None:
    assert len(services.violations(candidate)) == 1
    assert services.violations(service({"expose": "true", "tags": "tag:a", "hostname": "shop"})) == []


def test_the_name_of_the_stateful_set_leaves_room_for_the_revision() -> None:
    candidate = service()
    candidate["metadata"]["name"] = "w" * 63
    assert len(headless_service(services.wanted(candidate, []))["metadata"]["generateName"]) + 5 <= 52
