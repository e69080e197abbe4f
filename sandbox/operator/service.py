"""What a Service asks of the operator, and the objects that the operator makes for it.

Pure functions of the Service object, after svc.go and sts.go of v1.96.5; nothing here talks to anybody.
"""

from __future__ import annotations

import base64
import json
import re

from sandbox.operator.kube import Object

FINALIZER = "tailscale.com/finalizer"
CONFIG_KEY = "cap-107.hujson"

_HOSTNAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE)
_TAG = re.compile(r"tag:[a-zA-Z][a-zA-Z0-9-]*")
_PREFIX = "tailscale.com/"


def concerns_operator(service: Object) -> bool:
    """Whether the operator looks at this Service at all: not at those it made itself, nor at a
    ProxyGroup's.
    """
    labels = service["metadata"].get("labels") or {}
    return labels.get(f"{_PREFIX}managed") != "true" and _annotation(service, "proxy-group") is None


def is_leaving(service: Object) -> bool:
    """Whether the Service is being deleted or is not exposed (any more)."""
    return "deletionTimestamp" in service["metadata"] or not _is_exposed(service)


def is_load_balancer(service: Object) -> bool:
    """Whether the Service wants its tailnet addresses in its status."""
    spec = service["spec"]
    return spec.get("type") == "LoadBalancer" and spec.get("loadBalancerClass") == "tailscale"


def has_finalizer(service: Object) -> bool:
    """Whether the operator has to clean up before this Service may go."""
    return FINALIZER in service["metadata"].get("finalizers", [])


def hostname(service: Object) -> str:
    """The proxy's hostname."""
    meta = service["metadata"]
    return _annotation(service, "hostname") or f"{meta['namespace']}-{meta['name']}"


def tags(service: Object, default: list[str]) -> list[str]:
    """The proxy's tags: those that the Service names, or the default."""
    named = _annotation(service, "tags")
    return named.split(",") if named else default


def violations(service: Object) -> list[str]:
    """Why the Service cannot be exposed as it is; empty when it can."""
    found = []
    if service["spec"].get("clusterIP") == "None":
        found.append("headless Services are not supported.")
    if not _HOSTNAME.fullmatch(hostname(service)):
        found.append(f'invalid Tailscale hostname "{hostname(service)}"')
    found += [f'invalid tag "{tag}"' for tag in tags(service, []) if not _TAG.fullmatch(tag)]
    return found


def child_labels(service: Object) -> dict[str, str]:
    """The labels of everything that is made for the Service; owner references cannot cross namespaces."""
    meta = service["metadata"]
    return {
        f"{_PREFIX}managed": "true",
        f"{_PREFIX}parent-resource": meta["name"],
        f"{_PREFIX}parent-resource-ns": meta["namespace"],
        f"{_PREFIX}parent-resource-type": "svc",
    }


def headless_service(service: Object) -> Object:
    """The headless Service of the proxy; its generated name is the StatefulSet's name, too (at most 52
    characters).
    """
    name = f"ts-{service['metadata']['name'][:43]}-"
    return {
        "metadata": {"generateName": name, "labels": child_labels(service)},
        "spec": {"clusterIP": "None", "selector": {"app": service["metadata"]["uid"]}},
    }


def proxy_secret(service: Object, name: str, auth_key: str, login_server: str) -> Object:
    """The proxy's Secret: its configuration now, its state later."""
    config = {
        "version": "alpha0",
        "hostname": hostname(service),
        "authKey": auth_key,
        "serverURL": login_server,
        "locked": "false",
    }
    return {
        "metadata": {"name": name, "labels": child_labels(service)},
        "data": {CONFIG_KEY: base64.b64encode(json.dumps(config).encode()).decode()},
    }


def stateful_set(service: Object, name: str, image: str) -> Object:
    """The proxy's StatefulSet. Privileged, as the real one is, so that Pod Security refuses it where it
    would refuse that.
    """
    labels = child_labels(service) | {"app": service["metadata"]["uid"]}
    container = {
        "name": "tailscale",
        "image": image,
        "env": [
            {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "TS_USERSPACE", "value": "false"},
            {"name": "TS_KUBE_SECRET", "value": "$(POD_NAME)"},
        ],
        "securityContext": {"privileged": True},
    }
    return {
        "metadata": {"name": name, "labels": child_labels(service)},
        "spec": {
            "replicas": 1,
            "serviceName": name,
            "selector": {"matchLabels": {"app": service["metadata"]["uid"]}},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"serviceAccountName": "proxies", "containers": [container]},
            },
        },
    }


def _is_exposed(service: Object) -> bool:
    spec, annotated = service["spec"], _annotation(service, "expose") == "true"
    if spec.get("type") == "ExternalName":
        return annotated and bool(spec.get("externalName"))
    return bool(spec.get("clusterIP")) and (annotated or is_load_balancer(service))


def _annotation(service: Object, name: str) -> str | None:
    return (service["metadata"].get("annotations") or {}).get(_PREFIX + name)
