"""One run of the probe's Job in the customer's cluster: made, waited for, read, removed.

Owns the cluster's side, with the credential of the stack's kubeconfig. Whatever happens, the Job is removed before this
returns; where that fails, the command that does it is told, and the cluster does it by itself ten minutes later.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from components.manifests import Manifest
from components.naming import NAMESPACE
from components.settings.environment import Cluster
from providers.cluster.look import ClusterLook
from providers.cluster.problems import ClusterRefusedError, ClusterUnknownError
from supportctl.verify.probe import CONTAINER, ProbeError

JOBS, PODS = f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs", f"/api/v1/namespaces/{NAMESPACE}/pods"
REQUEST_SECONDS = 15
POLL_SECONDS = 0.5
HOPELESS = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError"}
    | {"CreateContainerError", "RunContainerError"}
)
"""Reasons for which a container does not start, and will not a little later."""


def run(cluster: Cluster, job: Manifest, *, limit: float) -> str:
    """What the probe said. limit: seconds. Raises ProbeError, with what was there instead."""
    name = job["metadata"]["name"]
    with _refusals(cluster):
        api = ClusterLook(cluster.context, cluster.kubeconfig, seconds=REQUEST_SECONDS)
        api.create(JOBS, job)
        try:
            return _said(api, name, time.monotonic() + limit)
        finally:
            _remove(api, name, cluster.context)


@contextmanager
def _refusals(cluster: Cluster) -> Iterator[None]:
    """Says what the cluster, or the way to it, has against the probe."""
    try:
        yield
    except ClusterRefusedError as error:
        if error.status == 404 and error.detail.startswith("namespaces"):
            raise ProbeError(
                f"there is no namespace {NAMESPACE} in {cluster.context}: the probe runs where the operator does, so"
                " `pulumi up` first."
            ) from None
        if error.status == 409:
            raise ProbeError(
                "another probe is there already, running or ended. Wait for it, or remove it:"
                f" kubectl --context {cluster.context} -n {NAMESPACE} delete job -l app.kubernetes.io/name="
                "support-access-egress-probe"
            ) from None
        raise ProbeError(f"{cluster.context} refuses ({error.status}): {error.detail or error}") from None
    except ClusterUnknownError as error:
        raise ProbeError(f"the cluster {cluster.context} cannot be used from here: {error}") from None


def _said(api: ClusterLook, name: str, deadline: float) -> str:
    state = "no pod was made"
    while time.monotonic() < deadline:
        for pod in api.whole(PODS, f"job-name={name}"):
            said, state = _look(pod["status"])
            if said is not None:
                return said
        ended = api.document(f"{JOBS}/{name}")
        if ended is None:
            raise ProbeError(f"the probe's Job {name} was removed by somebody else; {state}.")
        for condition in ended.get("status", {}).get("conditions") or []:
            if condition["type"] == "Failed" and condition["status"] == "True":
                why = f"{condition.get('reason')}: {condition.get('message')}"
                raise ProbeError(f"the cluster ended the probe ({why}); {state}.")
        time.sleep(POLL_SECONDS)
    raise ProbeError(f"the probe did not end in time; {state}.")


def _look(pod: Mapping[str, Any]) -> tuple[str | None, str]:
    """What the container said, if it has ended, and in which state the pod is otherwise. pod: its status."""
    for container in pod.get("containerStatuses") or []:
        if container["name"] != CONTAINER:
            continue
        state = container.get("state") or {}
        if ended := state.get("terminated"):
            if not ended.get("message"):
                code = f"code {ended.get('exitCode')} ({ended.get('reason')})"
                raise ProbeError(f"the probe ended with {code} and said nothing.")
            return ended["message"], "it has ended"
        waiting = state.get("waiting")
        if waiting and waiting.get("reason") in HOPELESS:
            raise ProbeError(f"the probe does not start ({waiting['reason']}): {waiting.get('message')}")
        if waiting:
            return None, f"its pod waits: {waiting.get('reason')} {waiting.get('message') or ''}".rstrip()
        return None, "its pod runs"
    for condition in pod.get("conditions") or []:
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return None, f"no node takes its pod: {condition.get('message')}"
    return None, f"its pod is {pod.get('phase')}"


def _remove(api: ClusterLook, name: str, context: str) -> None:
    try:
        api.delete(f"{JOBS}/{name}")
    except ClusterUnknownError as error:
        raise ProbeError(
            f"the Job cannot be removed: {error}. It removes itself in ten minutes, or by hand: kubectl --context"
            f" {context} -n {NAMESPACE} delete job {name}"
        ) from None
