"""What the operator makes for a ProxyGroup of kind kube-apiserver, and how it finds that again.

Pure functions after proxygroup_specs.go of v1.96.5; nothing here talks to anybody. Everything is owned by the group, so
Kubernetes collects it when the group is gone. Not played: NodePorts, metrics, a certificate.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from sandbox.operator.kube import Object
from sandbox.operator.proxy_set import PREFIX

CONFIG_FILE = "config.hujson"
AUTH_SERVICE_ACCOUNT = "kube-apiserver-auth-proxy"
STATE, CONFIG = "state", "config"


def replicas(group: Object) -> int:
    return group["spec"].get("replicas", 2)


def impersonates(group: Object) -> bool:
    return (group["spec"].get("kubeAPIServer") or {}).get("mode", "auth") == "auth"


def service_account(group: Object) -> str:
    """Of its pods: in mode auth one that must be there already."""
    return AUTH_SERVICE_ACCOUNT if impersonates(group) else group["metadata"]["name"]


def service_name(group: Object) -> str:
    """Of the Tailscale Service."""
    return f"svc:{(group['spec'].get('kubeAPIServer') or {}).get('hostname') or group['metadata']['name']}"


def hostname(group: Object, number: int) -> str:
    return f"{group['spec'].get('hostnamePrefix') or group['metadata']['name']}-{number}"


def labels(group: Object, secret_type: str = "") -> dict[str, str]:
    return {
        f"{PREFIX}managed": "true",
        f"{PREFIX}parent-resource-type": "proxygroup",
        f"{PREFIX}parent-resource": group["metadata"]["name"],
        **({f"{PREFIX}secret-type": secret_type} if secret_type else {}),
    }


def selector(group: Object, secret_type: str) -> str:
    return ",".join(f"{key}={value}" for key, value in labels(group, secret_type).items())


def config(group: Object, number: int, auth_key: str, login_server: str) -> Object:
    """What the proxy is started with; the operator adds the Service that it is to offer."""
    mode = "auth" if impersonates(group) else "noauth"
    contents = {
        "version": "v1alpha1",
        "authKey": auth_key,
        "hostname": hostname(group, number),
        "serverURL": login_server,
        "apiServerProxy": {"enabled": True, "mode": mode},
    }
    return {"metadata": _meta(group, f"{_pod(group, number)}-config", CONFIG), "data": packed(contents)}


def packed(contents: dict[str, Any]) -> dict[str, str]:
    """A configuration as a Secret's data."""
    return {CONFIG_FILE: base64.b64encode(json.dumps(contents).encode()).decode()}


def unpacked(secret: Object) -> dict[str, Any]:
    return json.loads(base64.b64decode(secret["data"][CONFIG_FILE]))


def state(group: Object, number: int) -> Object:
    """Where the proxy keeps its identity."""
    return {"metadata": _meta(group, _pod(group, number), STATE)}


def account(group: Object) -> Object:
    return {"metadata": _meta(group, group["metadata"]["name"])}


def role(group: Object) -> Object:
    names = [
        name for number in range(replicas(group)) for name in (f"{_pod(group, number)}-config", _pod(group, number))
    ]
    return {
        "metadata": _meta(group, group["metadata"]["name"]),
        "rules": [
            {"apiGroups": [""], "resources": ["secrets"], "verbs": ["list", "watch"]},
            {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "patch", "update"], "resourceNames": names},
            {"apiGroups": [""], "resources": ["events"], "verbs": ["create", "patch", "get"]},
        ],
    }


def role_binding(group: Object, namespace: str) -> Object:
    name = group["metadata"]["name"]
    return {
        "metadata": _meta(group, name),
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": service_account(group), "namespace": namespace}],
    }


def stateful_set(group: Object, namespace: str, image: str) -> Object:
    """Without privileges, unlike the proxies of exposed Services."""
    name = group["metadata"]["name"]
    container = {
        "name": "tailscale",
        "image": image,
        "env": [
            {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "POD_UID", "valueFrom": {"fieldRef": {"fieldPath": "metadata.uid"}}},
            {"name": "TS_K8S_PROXY_CONFIG", "value": f"kube:{namespace}/$(POD_NAME)-config"},
        ],
        "ports": [{"name": "k8s-proxy", "containerPort": 443, "protocol": "TCP"}],
    }
    return {
        "metadata": _meta(group, name),
        "spec": {
            "replicas": replicas(group),
            "selector": {"matchLabels": labels(group)},
            "template": {
                "metadata": {"labels": labels(group)},
                "spec": {"serviceAccountName": service_account(group), "containers": [container]},
            },
        },
    }


def _pod(group: Object, number: int) -> str:
    return f"{group['metadata']['name']}-{number}"


def _meta(group: Object, name: str, secret_type: str = "") -> Object:
    owner = {
        "apiVersion": "tailscale.com/v1alpha1",
        "kind": "ProxyGroup",
        "name": group["metadata"]["name"],
        "uid": group["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    return {"name": name, "labels": labels(group, secret_type), "ownerReferences": [owner]}
