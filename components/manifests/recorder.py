"""The session recorder, as the operator's Recorder resource (tsrecorder.go of v1.96.5).

Owns its text. Does not own who sends to it or watches (components/tailnet/exposures.py), nor the bucket, which is the
customer's. With local storage the operator demands the web interface: there is no other way to the recordings.
"""

from __future__ import annotations

from typing import Any

from components.manifests import Manifest
from components.settings.environment import EnvironmentSettings
from components.settings.recorder import S3, Recorder

ROLE_ANNOTATION = "eks.amazonaws.com/role-arn"


def recorder(settings: EnvironmentSettings, declared: Recorder) -> Manifest:
    storage, operator = declared.storage, settings.operator
    pod: dict[str, Any] = {"container": {"image": operator.pin("recorder").reference}}
    if operator.pull_secrets:
        pod["imagePullSecrets"] = [{"name": name} for name in operator.pull_secrets]
    spec: dict[str, Any] = {"tags": [settings.names.tags.rec_tag], "enableUI": not isinstance(storage, S3)}
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
