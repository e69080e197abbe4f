"""The one namespace that everything of ours is in."""

from __future__ import annotations

from collections.abc import Mapping

from components.manifests import Manifest
from components.naming import NAMESPACE

ENFORCE = "pod-security.kubernetes.io/enforce"


def pod_security(*, proxies: bool) -> dict[str, str]:
    """Labels that say which pods the API server admits here.

    proxies: whether privileged pods of the operator's making run, the proxies of some exposures. Without them nothing
    needs more than `baseline`: neither the operator, nor API proxies, Ingress proxies and recorders. Pods that the
    stricter standard would refuse are warned of, where that says anything.
    """
    if proxies:
        return {ENFORCE: "privileged"}
    return {ENFORCE: "baseline", "pod-security.kubernetes.io/warn": "restricted"}


def namespace(labels: Mapping[str, str], *, proxies: bool) -> Manifest:
    """proxies: as in `pod_security`."""
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": NAMESPACE, "labels": {**labels, **pod_security(proxies=proxies)}},
    }
