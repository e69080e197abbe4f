"""The session recorder, as the operator's Recorder resource (tsrecorder.go of v1.96.5).

Owns its text. No ProxyClass shapes a recorder's pod, so what proxies get by theirs is said here as well: a recorder
that finds no node, or no way out, records nothing, and then every request is refused. Does not own who sends to it or
watches (components/tailnet/exposures.py), nor the bucket, which is the customer's. With local storage the operator
demands the web interface: there is no other way to the recordings.
"""

from __future__ import annotations

from typing import Any

from packaging.version import Version

from components.manifests import Manifest
from components.manifests.variables import outbound_variables
from components.settings.environment import EnvironmentSettings
from components.settings.recorder import S3, Recorder
from components.versions import version_in

ROLE_ANNOTATION = "eks.amazonaws.com/role-arn"
FIRST_WITH_REPLICAS = Version("1.92.0")
"""The first chart whose Recorder has `replicas`. Up to v1.94.2 its definition has no default for it, and refuses a
Recorder that does not say it (https://github.com/tailscale/tailscale/pull/18375)."""


def recorder(settings: EnvironmentSettings, declared: Recorder) -> Manifest:
    storage, operator = declared.storage, settings.operator
    pod = operator.proxy_pods.fields()
    pod.pop("priorityClassName", None)  # a Recorder has no field for it
    container = {"image": operator.pin("recorder").reference, "env": outbound_variables(operator)}
    if resources := pod.pop("resources", None):
        container["resources"] = resources
    pod["container"] = container
    if operator.pull_secrets:
        pod["imagePullSecrets"] = [{"name": name} for name in operator.pull_secrets]
    spec: dict[str, Any] = {"tags": [settings.names.tags.rec_tag], "enableUI": not isinstance(storage, S3)}
    chart = version_in(operator.chart.version)
    if chart is None or chart >= FIRST_WITH_REPLICAS:
        spec["replicas"] = 1
    if isinstance(storage, S3):
        credentials = {"credentials": {"secret": {"name": storage.secret}}} if storage.secret else {}
        spec["storage"] = {"s3": {"endpoint": storage.endpoint, "bucket": storage.bucket, **credentials}}
        if storage.role:
            pod["serviceAccount"] = {"annotations": {ROLE_ANNOTATION: storage.role}}
    return {
        "apiVersion": "tailscale.com/v1alpha1",
        "kind": "Recorder",
        "metadata": {"name": settings.recorder_name, "labels": settings.names.labels},
        "spec": {**spec, "statefulSet": {"pod": pod}},
    }
