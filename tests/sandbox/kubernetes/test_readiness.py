"""When an object counts as ready."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.plugins.kubernetes.readiness import awaited, problems


def no_objects(*_: Any) -> list[dict[str, Any]]:
    return []


def deployment(**status: Any) -> dict[str, Any]:
    metadata = {"name": "d", "namespace": "n", "generation": 2}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {"replicas": 1},
        "status": status,
    }


AVAILABLE = {"type": "Available", "status": "True"}
DONE = {"observedGeneration": 2, "updatedReplicas": 1, "availableReplicas": 1, "conditions": [AVAILABLE]}


def test_a_deployment_is_ready_when_its_current_generation_is_available() -> None:
    assert problems(deployment(**DONE), no_objects) == []
    assert problems(deployment(**{**DONE, "observedGeneration": 1}), no_objects)
    assert problems(deployment(**{**DONE, "availableReplicas": 0}), no_objects)


def test_a_deployment_that_makes_no_progress_says_why() -> None:
    stuck = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "too slow"}
    failing = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "quota"}
    found = problems(deployment(conditions=[stuck, failing]), no_objects)
    assert found[:2] == ["[ProgressDeadlineExceeded] too slow", "[FailedCreate] quota"]


def test_a_pod_is_ready_when_it_says_so_or_has_succeeded() -> None:
    def pod(phase: str, *conditions: dict[str, str]) -> dict[str, Any]:
        return {"apiVersion": "v1", "kind": "Pod", "metadata": {}, "status": {"phase": phase, "conditions": conditions}}

    assert problems(pod("Running", {"type": "Ready", "status": "True"}), no_objects) == []
    assert problems(pod("Succeeded"), no_objects) == []
    unscheduled = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0 nodes"}
    assert problems(pod("Pending", unscheduled), no_objects) == ["[Unschedulable] 0 nodes"]


def test_a_service_needs_pods_and_a_load_balancer_an_address() -> None:
    def service(**spec: Any) -> dict[str, Any]:
        return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "namespace": "n"}, "spec": spec}

    def one_endpoint(*_: Any) -> list[dict[str, Any]]:
        return [{"endpoints": [{"conditions": {"ready": True}}]}]

    selecting = {"selector": {"app": "a"}, "type": "ClusterIP"}
    assert problems(service(**selecting), one_endpoint) == []
    assert problems(service(**selecting), no_objects)
    assert problems(service(selector={"app": "a"}, clusterIP="None"), no_objects) == []
    assert problems(service(type="ExternalName", selector={"app": "a"}), no_objects) == []
    assert "IP address" in problems(service(type="LoadBalancer"), no_objects)[0]


def test_an_annotation_switches_waiting_off() -> None:
    obj = deployment()
    assert awaited(obj)
    obj["metadata"]["annotations"] = {"pulumi.com/skipAwait": "true"}
    assert not awaited(obj)


def test_an_annotation_says_what_to_wait_for() -> None:
    def waiting(wait: str, **status: Any) -> list[str]:
        metadata = {"name": "g", "annotations": {"pulumi.com/waitFor": wait}}
        found = {"apiVersion": "example.com/v1", "kind": "Group", "metadata": metadata, "status": status}
        assert awaited(found)
        return problems(found, no_objects)

    assert waiting("jsonpath={.status.url}") == ["Waiting for jsonpath={.status.url}"]
    assert waiting("jsonpath={.status.url}", url="https://x") == []
    assert waiting("jsonpath={.status.url}=https://y", url="https://x")
    assert waiting("condition=Ready")
    assert waiting("condition=Ready", conditions=[{"type": "Ready", "status": "True"}]) == []
    with pytest.raises(ValueError, match="does not play"):
        waiting("jsonpath={.status.conditions[0]}")
