"""What the read-only support role may see, as RBAC rules in plain data.

Owns the list, and with it the promise that support reads no secrets and cannot act. Every resource is named: a
wildcard would take in what a later Kubernetes release or a customer's own API adds. Left out on purpose: secrets,
everything of rbac.authorization.k8s.io, pods/exec, pods/attach, pods/portforward, every */proxy, ephemeral
containers, serviceaccounts/token, impersonation, and every verb that writes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

READ = ("get", "list", "watch")

READABLE: dict[str, tuple[str, ...]] = {
    "": (
        "configmaps",
        "endpoints",
        "events",
        "limitranges",
        "namespaces",
        "nodes",
        "persistentvolumeclaims",
        "persistentvolumes",
        "pods",
        "pods/log",
        "pods/status",
        "podtemplates",
        "replicationcontrollers",
        "resourcequotas",
        "serviceaccounts",
        "services",
    ),
    "admissionregistration.k8s.io": ("mutatingwebhookconfigurations", "validatingwebhookconfigurations"),
    "apiextensions.k8s.io": ("customresourcedefinitions",),
    "apiregistration.k8s.io": ("apiservices",),
    "apps": ("controllerrevisions", "daemonsets", "deployments", "replicasets", "statefulsets"),
    "autoscaling": ("horizontalpodautoscalers",),
    "batch": ("cronjobs", "jobs"),
    "coordination.k8s.io": ("leases",),
    "discovery.k8s.io": ("endpointslices",),
    "events.k8s.io": ("events",),
    "metrics.k8s.io": ("nodes", "pods"),
    "networking.k8s.io": ("ingressclasses", "ingresses", "networkpolicies"),
    "policy": ("poddisruptionbudgets",),
    "scheduling.k8s.io": ("priorityclasses",),
    "storage.k8s.io": ("csidrivers", "csinodes", "storageclasses", "volumeattachments"),
}
"""API group to the resources of it that support may read."""


def read_only_rules(extra: Mapping[str, Sequence[str]] | None = None) -> list[Any]:
    """PolicyRules of the read-only role, in the API's own spelling, one per API group, in a stable order.

    extra: API groups to resources of the customer's own kinds, as the settings name and check them.
    """
    return [
        {"apiGroups": [group], "resources": list(resources), "verbs": list(READ)}
        for group, resources in sorted({**READABLE, **(extra or {})}.items())
    ]
