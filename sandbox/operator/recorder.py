"""Recorders: the controller that deploys one, and what runs in its pod.

Plays tsrecorder.go and tsrecorder_specs.go of v1.96.5: finalizer, an auth key in a Secret, a Secret for its state, a
ServiceAccount with a Role on exactly these, StatefulSet, status with the device as the API knows it; at the end the
device goes, and Kubernetes collects the rest by owner. What runs is a node and records nothing. Not played: more than
one replica.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import httpx

from sandbox.operator.container import Fatal, Say
from sandbox.operator.controller import (
    Invalid,
    NotYet,
    add_finalizer,
    drop_finalizer,
    has_finalizer,
    is_deleted,
    set_condition,
)
from sandbox.operator.kube import Kube, Object, Refused
from sandbox.operator.node import Node
from sandbox.operator.proxy_set import value
from sandbox.operator.tailnet import Control, Credential, Refusal

READY = "RecorderReady"
RBAC = "/apis/rbac.authorization.k8s.io/v1"


class Recorders:
    """The controller of Recorders."""

    collection = "/apis/tailscale.com/v1alpha1/recorders"
    failed = "RecorderCreationFailed"

    def __init__(
        self, kube: Kube, credential: Credential, *, namespace: str, image: str, login_server: str, say: Say
    ) -> None:
        self._kube, self._credential, self._say = kube, credential, say
        self._namespace, self._image, self._login_server = namespace, image, login_server

    def concerns(self, found: Object) -> bool:
        del found
        return True

    async def reconcile(self, found: Object) -> None:
        name, path = found["metadata"]["name"], f"{self.collection}/{found['metadata']['name']}"
        if is_deleted(found):
            if has_finalizer(found):
                if node_id := await self._node_id(name):
                    await self._credential.delete_device(node_id)
                await drop_finalizer(self._kube, path, found)
                self._say(f"Recorder {name} is cleaned up")
            return
        await add_finalizer(self._kube, path, found)
        if problem := invalid(found):
            message = f"Recorder is invalid: {problem}"
            await set_condition(self._kube, path, found, READY, ready=False, reason="RecorderInvalid", message=message)
            raise Invalid("RecorderInvalid", message)
        try:
            devices = await self._provision(found)
        except Refusal as refusal:
            message = f"failed creating Recorder: {refusal}"
            await set_condition(self._kube, path, found, READY, ready=False, reason=self.failed, message=message)
            raise
        shown: dict[str, Any] = {"devices": devices} if devices else {}
        await set_condition(self._kube, path, found, READY, ready=True, reason="RecorderCreated", **shown)
        if not devices:
            raise NotYet

    async def _provision(self, recorder: Object) -> list[Object]:
        """Makes what is missing; the devices that the recorder has."""
        name, core = recorder["metadata"]["name"], f"/api/v1/namespaces/{self._namespace}"
        if await self._kube.find(f"{core}/secrets/{name}-auth-0") is None:
            auth_key = await self._credential.mint(recorder["spec"].get("tags") or ["tag:k8s"])
            data = {"authkey": base64.b64encode(auth_key.encode()).decode()}
            await self._kube.create(f"{core}/secrets", {"metadata": _meta(recorder, f"{name}-auth-0"), "data": data})
        rbac = f"{RBAC}/namespaces/{self._namespace}"
        for collection, child in (
            (f"{core}/secrets", {"metadata": _meta(recorder, f"{name}-0")}),
            (f"{core}/serviceaccounts", {"metadata": _service_account(recorder)}),
            (f"{rbac}/roles", role(recorder)),
            (f"{rbac}/rolebindings", role_binding(recorder, self._namespace)),
            (
                f"/apis/apps/v1/namespaces/{self._namespace}/statefulsets",
                stateful_set(recorder, self._image, self._login_server),
            ),
        ):
            if await self._kube.find(f"{collection}/{child['metadata']['name']}") is None:
                await self._kube.create(collection, child)
        node_id = await self._node_id(name)
        if not node_id:
            return []
        device = await self._credential.device(node_id)
        return [{"hostname": device["hostname"], "tailnetIPs": device["addresses"], "url": f"https://{device['name']}"}]

    async def _node_id(self, name: str) -> str:
        """Of the node whose state the recorder's Secret holds, empty before it has logged in."""
        state = await self._kube.find(f"/api/v1/namespaces/{self._namespace}/secrets/{name}-0")
        data = (state or {}).get("data")
        profile = value(data, value(data, "_current-profile"))
        return json.loads(profile)["Config"]["NodeID"] if profile else ""


class TsRecorder:
    """The process in a recorder's pod; `env` as the operator wrote it, `files` what is mounted at its start."""

    def __init__(
        self,
        kube: Kube,
        http: httpx.AsyncClient,
        *,
        namespace: str,
        env: Mapping[str, str],
        files: Mapping[str, str],
        version: str,
        say: Say,
    ) -> None:
        self._env, self._files, self._say = env, files, say
        secret = env["TS_STATE"].removeprefix("kube:")
        control = Control(http, env["TSRECORDER_LOGIN_SERVER"], version)
        self._node = Node(kube, control, namespace=namespace, secret=secret, hostname=env["TSRECORDER_HOSTNAME"])

    async def run(self) -> None:
        """Runs until cancelled; raises `Fatal` when it cannot log in."""

        async def auth_key() -> str:
            return self._files[self._env["TS_AUTHKEY_FILE"]]

        try:
            registration = await self._node.start(auth_key)
        except Refused as refused:
            raise Fatal(f"keeping state: {refused}") from refused
        except (Refusal, httpx.TransportError) as error:
            raise Fatal(f"failed to auth tailscale: {error}") from error
        if registration:
            self._say(f"registered {registration.name} ({registration.node_id}); recordings go to {self._storage()}")
        await self._node.stay(self._say)

    def _storage(self) -> str:
        return f"{self._env['TSRECORDER_DST']} {self._env.get('TSRECORDER_BUCKET', '')}".strip()


def invalid(recorder: Object) -> str | None:
    """Why nobody could ever see a recording."""
    spec = recorder["spec"]
    if not spec.get("enableUI") and not (spec.get("storage") or {}).get("s3"):
        return "must either enable UI or use S3 storage to ensure recordings are accessible"
    return None


def role(recorder: Object) -> Object:
    name = recorder["metadata"]["name"]
    return {
        "metadata": _meta(recorder, name),
        "rules": [
            {
                "apiGroups": [""],
                "resources": ["secrets"],
                "verbs": ["get", "patch", "update"],
                "resourceNames": [f"{name}-0", f"{name}-auth-0"],
            },
            {"apiGroups": [""], "resources": ["events"], "verbs": ["get", "create", "patch"]},
        ],
    }


def role_binding(recorder: Object, namespace: str) -> Object:
    name = recorder["metadata"]["name"]
    subject = {"kind": "ServiceAccount", "name": name, "namespace": namespace}
    return {
        "metadata": _meta(recorder, name),
        "subjects": [subject],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
    }


def stateful_set(recorder: Object, image: str, login_server: str) -> Object:
    """image: of the operator's own version, for a recorder that names none."""
    name = recorder["metadata"]["name"]
    spec, pod = recorder["spec"], ((recorder["spec"].get("statefulSet") or {}).get("pod") or {})
    s3 = (spec.get("storage") or {}).get("s3") or {}
    env = [
        {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "POD_UID", "valueFrom": {"fieldRef": {"fieldPath": "metadata.uid"}}},
        {"name": "TS_AUTHKEY_FILE", "value": "/etc/tailscaled/$(POD_NAME)/authkey"},
        {"name": "TS_STATE", "value": "kube:$(POD_NAME)"},
        {"name": "TSRECORDER_HOSTNAME", "value": "$(POD_NAME)"},
        {"name": "TSRECORDER_LOGIN_SERVER", "value": login_server},
        {"name": "TSRECORDER_DST", "value": f"s3://{s3['endpoint']}" if s3 else "/data/recordings"},
        *([{"name": "TSRECORDER_BUCKET", "value": s3["bucket"]}] if s3 else []),
        *([{"name": "TSRECORDER_UI", "value": "true"}] if spec.get("enableUI") else []),
    ]
    credentials = ((s3.get("credentials") or {}).get("secret") or {}).get("name")
    container = {
        "name": "recorder",
        "image": (pod.get("container") or {}).get("image") or image,
        "command": ["/tsrecorder"],
        "env": env,
        **({"envFrom": [{"secretRef": {"name": credentials}}]} if credentials else {}),
        "volumeMounts": [
            {"name": "data", "mountPath": "/data"},
            {"name": "authkey-0", "mountPath": f"/etc/tailscaled/{name}-0", "readOnly": True},
        ],
    }
    volumes = [
        {"name": "data", "emptyDir": {}},
        {
            "name": "authkey-0",
            "secret": {"secretName": f"{name}-auth-0", "items": [{"key": "authkey", "path": "authkey"}]},
        },
    ]
    pod_spec: dict[str, Any] = {
        "serviceAccountName": _service_account(recorder)["name"],
        "containers": [container],
        "volumes": volumes,
        **({"imagePullSecrets": pod["imagePullSecrets"]} if "imagePullSecrets" in pod else {}),
    }
    labels = _labels(recorder)
    return {
        "metadata": _meta(recorder, name),
        "spec": {
            "replicas": 1,
            "serviceName": name,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod_spec},
        },
    }


def _service_account(recorder: Object) -> Object:
    account = ((recorder["spec"].get("statefulSet") or {}).get("pod") or {}).get("serviceAccount") or {}
    meta = _meta(recorder, account.get("name") or recorder["metadata"]["name"])
    return meta | ({"annotations": account["annotations"]} if "annotations" in account else {})


def _meta(recorder: Object, name: str) -> Object:
    owner = {
        "apiVersion": "tailscale.com/v1alpha1",
        "kind": "Recorder",
        "name": recorder["metadata"]["name"],
        "uid": recorder["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    return {"name": name, "labels": _labels(recorder), "ownerReferences": [owner]}


def _labels(recorder: Object) -> dict[str, str]:
    return {
        "app.kubernetes.io/name": "recorder",
        "app.kubernetes.io/instance": recorder["metadata"]["name"],
        "app.kubernetes.io/managed-by": "tailscale-operator",
    }
