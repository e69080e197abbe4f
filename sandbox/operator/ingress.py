"""Ingresses of class `tailscale`: a proxy that serves HTTPS in the tailnet.

Plays ingress.go of v1.96.5: finalizer, backends (a Service that is missing or headless serves nothing), proxy in user
space, host name in the status. Carries no traffic and takes no certificate. Not played: an Ingress' own
ProxyClass, ProxyGroups, redirects. Funnel is only told: no policy of the sandbox grants it.
"""

from __future__ import annotations

from typing import Any

from sandbox.operator.container import Say
from sandbox.operator.controller import Invalid, NotYet, add_finalizer, drop_finalizer, has_finalizer, is_deleted
from sandbox.operator.kube import Kube, Object
from sandbox.operator.proxies import Proxies
from sandbox.operator.proxy_set import PREFIX, Wanted

CLASS = "tailscale"


class Ingresses:
    """The controller of Ingresses."""

    collection = "/apis/networking.k8s.io/v1/ingresses"
    failed = "IngressFailed"

    def __init__(self, kube: Kube, proxies: Proxies, say: Say) -> None:
        self._kube, self._proxies, self._say = kube, proxies, say

    def concerns(self, found: Object) -> bool:
        annotations = found["metadata"].get("annotations") or {}
        ours = found["spec"].get("ingressClassName") == CLASS and f"{PREFIX}proxy-group" not in annotations
        return ours or has_finalizer(found)

    async def reconcile(self, found: Object) -> None:
        wanted = proxy(found, self._proxies.tags, self._proxies.default_class)
        if is_deleted(found) or found["spec"].get("ingressClassName") != CLASS:
            if has_finalizer(found):
                await self._proxies.clean_up(wanted)
                await drop_finalizer(self._kube, _path(found), found)
                self._say(f"no longer exposing Ingress {found['metadata']['namespace']}/{found['metadata']['name']}")
            return
        await add_finalizer(self._kube, _path(found), found)
        if not await self._has_backend(found):
            raise Invalid("NoValidBackends", "no valid backends")
        made = await self._proxies.provision(wanted)
        if not made.fqdn:
            raise NotYet
        shown = [{"hostname": made.fqdn, "ports": [{"port": 443, "protocol": "TCP"}]}]
        if ((found.get("status") or {}).get("loadBalancer") or {}).get("ingress") != shown:
            await self._kube.merge(f"{_path(found)}/status", {"status": {"loadBalancer": {"ingress": shown}}})

    async def _has_backend(self, ingress: Object) -> bool:
        for backend in backends(ingress):
            path = f"/api/v1/namespaces/{ingress['metadata']['namespace']}/services/{backend['service']['name']}"
            service = await self._kube.find(path)
            if service and service["spec"].get("clusterIP") not in (None, "", "None"):
                return True
        return False


def proxy(ingress: Object, default_tags: list[str], default_class: str) -> Wanted:
    """The proxy that it asks for: its name is the first label of the first TLS host."""
    meta, hosts = ingress["metadata"], [host for tls in ingress["spec"].get("tls") or [] for host in tls["hosts"]]
    named = (meta.get("annotations") or {}).get(f"{PREFIX}tags")
    return Wanted(
        parent=ingress,
        type="ingress",
        namespace=meta["namespace"],
        hostname=hosts[0].partition(".")[0] if hosts else f"{meta['namespace']}-{meta['name']}-ingress",
        tags=named.split(",") if named else default_tags,
        privileged=False,
        proxy_class=default_class,
    )


def backends(ingress: Object) -> list[dict[str, Any]]:
    """The backends that name a Service."""
    spec = ingress["spec"]
    paths = [path["backend"] for rule in spec.get("rules") or [] for path in rule["http"]["paths"]]
    found = [*([spec["defaultBackend"]] if "defaultBackend" in spec else []), *paths]
    return [backend for backend in found if "service" in backend]


def _path(ingress: Object) -> str:
    meta = ingress["metadata"]
    return f"/apis/networking.k8s.io/v1/namespaces/{meta['namespace']}/ingresses/{meta['name']}"
