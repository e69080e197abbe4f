"""One workload's way into the tailnet without the operator: its key, a ServiceAccount, and the patch for the workload.

Owns the objects and the text of the patch, which is the customer's to apply: the workload is theirs, and a container
more restarts its pods. One pod keeps its identity in a Secret of its own; the Role covers exactly that one, and it is
made beforehand, because RBAC cannot bound the creation of a Secret to a name. Of several pods each has its own in
memory, and needs no right at all. The key lies apart: containerboot deletes a key that it finds beside its state
(cmd/containerboot/kube.go of v1.96.5), and the next `up` would put it back.
"""

from __future__ import annotations

import json
import shlex
from typing import Any

from components.manifests import Manifest
from components.manifests.rbac import GROUP
from components.naming import exposure_object
from components.settings.environment import EnvironmentSettings
from components.settings.expose import SidecarExposure


def sidecar(settings: EnvironmentSettings, exposure: SidecarExposure, key: Any) -> dict[str, Manifest]:
    """By what each is called in the stack. key: the auth key, a text or the engine's output that will be one."""
    name, state = exposure_object(exposure.name), state_secret(exposure)
    metadata = {"name": name, "namespace": exposure.namespace, "labels": settings.names.labels}
    made: dict[str, Manifest] = {
        "secret": {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"authkey": key}}
    }
    if exposure.workload.pods == "several":
        return made
    rule = {"apiGroups": [""], "resources": ["secrets"], "resourceNames": [state], "verbs": ["get", "patch", "update"]}
    return {
        **made,
        "state": {"apiVersion": "v1", "kind": "Secret", "metadata": {**metadata, "name": state}},
        "account": {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata},
        "role": {"apiVersion": f"{GROUP}/v1", "kind": "Role", "metadata": metadata, "rules": [rule]},
        "binding": {
            "apiVersion": f"{GROUP}/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": GROUP, "kind": "Role", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": exposure.namespace}],
        },
    }


def state_secret(exposure: SidecarExposure) -> str:
    """Where one pod keeps its identity."""
    return f"{exposure_object(exposure.name)}-state"


def workload_patch(settings: EnvironmentSettings, exposure: SidecarExposure) -> dict[str, Any]:
    """A strategic merge patch: the sidecar beside what is there.

    In user space, without any privilege. A workload of one pod takes the sidecar's ServiceAccount, so the customer adds
    the rights of the workload's own one to it where there are any.
    """
    name, one = exposure_object(exposure.name), exposure.workload.pods == "one"
    container = {
        "name": "tailscale",
        "image": settings.operator.pin("proxy").reference,
        "env": [
            {"name": "TS_AUTHKEY", "valueFrom": {"secretKeyRef": {"name": name, "key": "authkey"}}},
            {"name": "TS_AUTH_ONCE", "value": "true"},
            # Empty is not the same as left out, which would be a Secret called `tailscale`.
            {"name": "TS_KUBE_SECRET", "value": state_secret(exposure) if one else ""},
            {"name": "TS_USERSPACE", "value": "true"},
            {"name": "TS_HOSTNAME", "value": settings.exposure_hostname(exposure)},
            {"name": "TS_NO_LOGS_NO_SUPPORT", "value": "true"},
            {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "POD_UID", "valueFrom": {"fieldRef": {"fieldPath": "metadata.uid"}}},
        ],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "runAsNonRoot": True,
            "runAsUser": 1000,
        },
    }
    account = {"serviceAccountName": name} if one else {}
    return {"spec": {"template": {"spec": {**account, "containers": [container]}}}}


def patch_command(settings: EnvironmentSettings, exposure: SidecarExposure) -> str:
    """What the customer runs, on one line: kubectl takes JSON where it takes YAML."""
    patch = shlex.quote(json.dumps(workload_patch(settings, exposure), separators=(",", ":")))
    workload = exposure.workload
    return f"kubectl -n {exposure.namespace} patch {workload.kind.lower()} {workload.name} --type=strategic -p {patch}"
