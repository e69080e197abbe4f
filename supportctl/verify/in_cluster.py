"""One run of the probe's Job in the customer's cluster: made, waited for, read, removed.

Owns the cluster's side, with the credential of the stack's kubeconfig. Whatever happens, the Job is removed before this
returns; where that fails, the command that does it is told, and the cluster does it by itself ten minutes later.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import urllib3
from kubernetes import client, config

from components.manifests import Manifest
from components.naming import NAMESPACE
from components.settings.environment import Cluster
from components.settings.kubeconfig import files
from supportctl.verify.probe import CONTAINER, ProbeError

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
    with _refusals(cluster), _connected(cluster) as api:
        batch, core = client.BatchV1Api(api), client.CoreV1Api(api)
        batch.create_namespaced_job(NAMESPACE, job, _request_timeout=REQUEST_SECONDS)
        try:
            return _said(core, batch, name, time.monotonic() + limit)
        finally:
            _remove(batch, name, cluster.context)


@contextmanager
def _connected(cluster: Cluster) -> Iterator[client.ApiClient]:
    configuration = client.Configuration()
    configuration.retries = False  # type: ignore[assignment] - urllib3 takes it for none
    config.load_kube_config(
        config_file=os.pathsep.join(map(str, files(cluster.kubeconfig))),
        context=cluster.context,
        client_configuration=configuration,
        persist_config=False,
    )
    with client.ApiClient(configuration) as api:
        yield api


@contextmanager
def _refusals(cluster: Cluster) -> Iterator[None]:
    """Says what the cluster, or the way to it, has against the probe."""
    try:
        yield
    except client.ApiException as error:
        if error.status == 404 and _message(error).startswith("namespaces"):
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
        if not error.status:  # a certificate that is not trusted, for instance
            raise ProbeError(f"the API server of {cluster.context} cannot be used: {error.reason}") from None
        raise ProbeError(f"{cluster.context} refuses ({error.status}): {_message(error)}") from None
    except config.ConfigException as error:
        raise ProbeError(f"the kubeconfig does not lead to {cluster.context}: {error}") from None
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise ProbeError(f"the API server of {cluster.context} cannot be reached from here: {error}") from None


def _said(core: Any, batch: Any, name: str, deadline: float) -> str:
    state = "no pod was made"
    while time.monotonic() < deadline:
        pods = core.list_namespaced_pod(
            NAMESPACE, label_selector=f"job-name={name}", _request_timeout=REQUEST_SECONDS
        ).items
        for pod in pods:
            said, state = _look(pod)
            if said is not None:
                return said
        ended = batch.read_namespaced_job(name, NAMESPACE, _request_timeout=REQUEST_SECONDS).status
        for condition in ended.conditions or []:
            if condition.type == "Failed" and condition.status == "True":
                raise ProbeError(f"the cluster ended the probe ({condition.reason}: {condition.message}); {state}.")
        time.sleep(POLL_SECONDS)
    raise ProbeError(f"the probe did not end in time; {state}.")


def _look(pod: Any) -> tuple[str | None, str]:
    """What the container said, if it has ended, and in which state the pod is otherwise."""
    for status in pod.status.container_statuses or []:
        if status.name != CONTAINER:
            continue
        if status.state.terminated is not None:
            ended = status.state.terminated
            if not ended.message:
                raise ProbeError(f"the probe ended with code {ended.exit_code} ({ended.reason}) and said nothing.")
            return ended.message, "it has ended"
        waiting = status.state.waiting
        if waiting is not None and waiting.reason in HOPELESS:
            raise ProbeError(f"the probe does not start ({waiting.reason}): {waiting.message}")
        if waiting is not None:
            return None, f"its pod waits: {waiting.reason} {waiting.message or ''}".rstrip()
        return None, "its pod runs"
    for condition in pod.status.conditions or []:
        if condition.type == "PodScheduled" and condition.status == "False":
            return None, f"no node takes its pod: {condition.message}"
    return None, f"its pod is {pod.status.phase}"


def _remove(batch: Any, name: str, context: str) -> None:
    try:
        batch.delete_namespaced_job(name, NAMESPACE, propagation_policy="Background", _request_timeout=REQUEST_SECONDS)
    except client.ApiException as error:
        if error.status != 404:
            raise ProbeError(_stays(name, context, _message(error))) from None
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise ProbeError(_stays(name, context, str(error))) from None


def _stays(name: str, context: str, why: str) -> str:
    return (
        f"the Job cannot be removed: {why}. It removes itself in ten minutes, or by hand: kubectl --context {context}"
        f" -n {NAMESPACE} delete job {name}"
    )


def _message(error: Any) -> str:
    try:
        return str(json.loads(error.body or "")["message"])
    except (ValueError, KeyError, TypeError):
        return str(error.reason)
