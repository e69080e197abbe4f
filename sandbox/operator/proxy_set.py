"""What the operator makes for anything that it gives a proxy, and how it finds that again.

Pure functions after sts.go of v1.96.5; nothing here talks to anybody. `proxies` makes the objects. Not played:
several replicas, metrics.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass

from sandbox.operator.kube import Object

FINALIZER = "tailscale.com/finalizer"
PREFIX = "tailscale.com/"
CONFIG_KEY = "cap-107.hujson"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """One proxy. type: `svc`, `ingress` or `connector`. namespace: that the labels name, the operator's own for what is
    in none. routes: what it offers to lead into. privileged: only what forwards packets is. proxy_class: the name of
    its ProxyClass, empty for none."""

    parent: Object
    type: str
    namespace: str
    hostname: str
    tags: list[str]
    privileged: bool = True
    routes: tuple[str, ...] = ()
    proxy_class: str = ""


def labels(wanted: Wanted) -> dict[str, str]:
    """Of everything that is made for the parent; owner references cannot cross namespaces."""
    return {
        f"{PREFIX}managed": "true",
        f"{PREFIX}parent-resource": wanted.parent["metadata"]["name"],
        f"{PREFIX}parent-resource-ns": wanted.namespace,
        f"{PREFIX}parent-resource-type": wanted.type,
    }


def headless_service(wanted: Wanted) -> Object:
    """Its generated name is the StatefulSet's name, too (at most 52 characters)."""
    name = f"ts-{wanted.parent['metadata']['name'][:43]}-"
    return {
        "metadata": {"generateName": name, "labels": labels(wanted)},
        "spec": {"clusterIP": "None", "selector": {"app": wanted.parent["metadata"]["uid"]}},
    }


def secret(wanted: Wanted, name: str, auth_key: str, login_server: str) -> Object:
    """The proxy's Secret: its configuration now, its state later."""
    config = {
        "version": "alpha0",
        "hostname": wanted.hostname,
        "authKey": auth_key,
        "serverURL": login_server,
        "locked": "false",
        **({"advertiseRoutes": list(wanted.routes)} if wanted.routes else {}),
    }
    return {
        "metadata": {"name": name, "labels": labels(wanted)},
        "data": {CONFIG_KEY: base64.b64encode(json.dumps(config).encode()).decode()},
    }


def stateful_set(wanted: Wanted, name: str, image: str) -> Object:
    """Privileged where the real one is, so that Pod Security refuses it where it would refuse that."""
    uid = wanted.parent["metadata"]["uid"]
    container = {
        "name": "tailscale",
        "image": image,
        "env": [
            {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "TS_USERSPACE", "value": "false" if wanted.privileged else "true"},
            {"name": "TS_KUBE_SECRET", "value": "$(POD_NAME)"},
        ],
        **({"securityContext": {"privileged": True}} if wanted.privileged else {}),
    }
    return {
        "metadata": {"name": name, "labels": labels(wanted)},
        "spec": {
            "replicas": 1,
            "serviceName": name,
            "selector": {"matchLabels": {"app": uid}},
            "template": {
                "metadata": {"labels": labels(wanted) | {"app": uid}},
                "spec": {"serviceAccountName": "proxies", "containers": [container]},
            },
        },
    }


def value(data: dict[str, str] | None, key: str) -> str:
    """One key of a Secret, empty when it is not there."""
    return base64.b64decode((data or {}).get(key, "")).decode()
