"""A Job of the program's own runs to its end in a real cluster, and what it said stands in its pod's status."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.operator.conftest import Kubernetes, eventually

pytestmark = pytest.mark.usefixtures("stand_in")
OURS = {"app.kubernetes.io/managed-by": "support-access"}


def made(cluster: Kubernetes, name: str, script: str, labels: dict[str, str], **pod: Any) -> str:
    """A new Job; its path."""
    container = {"name": "probe", "image": "x", "command": ["/bin/sh", "-c", script]}
    container["env"] = [{"name": "RESULTS", "value": "/dev/termination-log"}]
    spec = {"restartPolicy": "Never", "automountServiceAccountToken": False, "containers": [container], **pod}
    jobs = f"/apis/batch/v1/namespaces/{cluster.namespace}/jobs"
    template = {"metadata": {"labels": labels}, "spec": spec}
    cluster.call("POST", jobs, {"metadata": {"name": name}, "spec": {"backoffLimit": 0, "template": template}})
    return f"{jobs}/{name}"


def pod_of(cluster: Kubernetes, name: str) -> dict[str, Any]:
    """The Job's pod, as soon as there is one."""
    path = f"{cluster.core}/pods?labelSelector=batch.kubernetes.io/job-name%3D{name}"
    return eventually(lambda: cluster.find(path)["items"])[0]


def state_of(cluster: Kubernetes, name: str) -> dict[str, Any]:
    [status] = pod_of(cluster, name)["status"]["containerStatuses"]
    return status["state"]


def conditions(cluster: Kubernetes, path: str) -> set[str]:
    found = cluster.find(path)["status"].get("conditions") or []
    return {condition["type"] for condition in found if condition["status"] == "True"}


def test_it_runs_once_and_what_it_said_stands_in_the_status(acme: Kubernetes) -> None:
    path = made(acme, "said", 'printf said > "$RESULTS"', OURS)
    eventually(lambda: "Complete" in conditions(acme, path))
    assert state_of(acme, "said")["terminated"].items() >= {"exitCode": 0, "message": "said"}.items()
    acme.call("DELETE", f"{path}?propagationPolicy=Background")


def test_one_that_fails_fails_its_job(acme: Kubernetes) -> None:
    path = made(acme, "failed", "exit 3", OURS)
    eventually(lambda: "Failed" in conditions(acme, path))
    assert state_of(acme, "failed")["terminated"]["exitCode"] == 3
    acme.call("DELETE", f"{path}?propagationPolicy=Background")


def test_one_that_cannot_be_played_says_why_and_one_of_somebody_elses_never_runs(acme: Kubernetes) -> None:
    foreign = made(acme, "foreign", 'printf said > "$RESULTS"', {})
    aliases = [{"ip": "192.0.2.1", "hostnames": ["a.example"]}]
    path = made(acme, "aliases", "true", OURS, hostAliases=aliases)
    waiting = eventually(
        lambda: pod_of(acme, "aliases")["status"].get("containerStatuses") and state_of(acme, "aliases")["waiting"]
    )
    assert waiting["reason"] == "CreateContainerError"
    assert "hostAliases" in waiting["message"]
    assert pod_of(acme, "foreign")["status"] == {"phase": "Pending", "qosClass": "BestEffort"}
    for job in (foreign, path):
        acme.call("DELETE", f"{job}?propagationPolicy=Background")
