"""ProxyClasses: the controller that accepts them, and what one does to a StatefulSet.

Plays proxyclass.go of v1.96.5 (a finalizer that only its metrics need, and the condition that proxies wait for) and,
of `applyProxyClassToStatefulSet` in sts.go, the pod's pull secrets, placement and priority and its container's
environment and resources. Not played: labels, annotations, metrics, static endpoints, an image.
"""

from __future__ import annotations

from typing import Any

from sandbox.operator.container import Say
from sandbox.operator.controller import add_finalizer, drop_finalizer, has_finalizer, is_deleted, set_condition
from sandbox.operator.kube import Kube, Object

READY = "ProxyClassReady"
POD_FIELDS = ("affinity", "imagePullSecrets", "nodeSelector", "priorityClassName", "tolerations")


class ProxyClasses:
    """The controller of ProxyClasses."""

    collection = "/apis/tailscale.com/v1alpha1/proxyclasses"
    failed = "ProxyClassInvalid"

    def __init__(self, kube: Kube, say: Say) -> None:
        self._kube, self._say = kube, say

    def concerns(self, found: Object) -> bool:
        del found
        return True

    async def reconcile(self, found: Object) -> None:
        path = f"{self.collection}/{found['metadata']['name']}"
        if is_deleted(found):
            if has_finalizer(found):
                await drop_finalizer(self._kube, path, found)
            return
        await add_finalizer(self._kube, path, found)
        await set_condition(self._kube, path, found, READY, ready=True, reason="ProxyClassValid")


def is_ready(proxy_class: Object) -> bool:
    """Whether the operator has accepted it as it now is."""
    conditions = (proxy_class.get("status") or {}).get("conditions") or []
    return any(one["type"] == READY and one["status"] == "True" for one in conditions)


def applied(stateful_set: Object, proxy_class: Object) -> Object:
    """The StatefulSet as the class wants it; its own environment comes before the class's, which wins."""
    wanted: dict[str, Any] = (proxy_class["spec"].get("statefulSet") or {}).get("pod") or {}
    template = stateful_set["spec"]["template"]
    (container,) = template["spec"]["containers"]
    of_container = wanted.get("tailscaleContainer") or {}
    container = {**container, "env": [*container["env"], *of_container.get("env", [])]}
    if "resources" in of_container:
        container["resources"] = of_container["resources"]
    fields = {field: wanted[field] for field in POD_FIELDS if field in wanted}
    pod = {**template["spec"], **fields, "containers": [container]}
    return {**stateful_set, "spec": {**stateful_set["spec"], "template": {**template, "spec": pod}}}
