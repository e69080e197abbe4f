"""Services that are exposed, or stand for a node of the tailnet.

Plays svc.go of v1.96.5 for annotations `tailscale.com/expose`, `tailnet-fqdn` and `tailnet-ip`, and for
loadBalancerClass `tailscale`: finalizer, proxy, status, and an egress Service's new external name; all of it back again
when the Service goes or no longer asks. Not played: a Service's own ProxyClass, ProxyGroups.
"""

from __future__ import annotations

from sandbox.operator import service as services
from sandbox.operator.container import Say
from sandbox.operator.controller import Invalid, NotYet, add_finalizer, drop_finalizer, has_finalizer, set_condition
from sandbox.operator.kube import Kube, Object
from sandbox.operator.proxies import Proxies, Proxy

READY = "TailscaleProxyReady"


class Exposure:
    """The controller of Services."""

    collection = "/api/v1/services"
    failed = "ProxyFailed"

    def __init__(self, kube: Kube, proxies: Proxies, say: Say) -> None:
        self._kube, self._proxies, self._say = kube, proxies, say

    def concerns(self, found: Object) -> bool:
        return services.concerns_operator(found)

    async def reconcile(self, found: Object) -> None:
        if services.is_leaving(found):
            if has_finalizer(found):
                await self._clean_up(found)
        elif violations := services.violations(found):
            message = f"unable to provision proxy resources: invalid Service: {', '.join(violations)}"
            await set_condition(
                self._kube, _path(found), found, READY, ready=False, reason="ProxyInvalid", message=message
            )
            raise Invalid("INVALIDSERVICE", message)
        else:
            await self._provision(found)

    async def _provision(self, service: Object) -> None:
        if not has_finalizer(service):
            self._say(f"exposing Service {_name(service)}")
        await add_finalizer(self._kube, _path(service), service)
        proxy = await self._proxies.provision(services.wanted(service, self._proxies.tags, self._proxies.default_class))
        if services.is_egress(service):
            await self._lead(service, proxy)
        elif services.is_load_balancer(service):
            await self._publish(service, proxy)
        await set_condition(self._kube, _path(service), service, READY, ready=True, reason="ProxyCreated")

    async def _lead(self, service: Object, proxy: Proxy) -> None:
        """Makes the Service another name of its proxy."""
        name = f"{proxy.name}.{self._proxies.namespace}.svc.cluster.local"
        spec = service["spec"]
        if spec.get("type") != "ExternalName" or spec.get("externalName") != name:
            kept = {key: value for key, value in spec.items() if key != "selector"}
            await self._kube.replace(
                _path(service), {**service, "spec": {**kept, "type": "ExternalName", "externalName": name}}
            )
            raise NotYet

    async def _publish(self, service: Object, proxy: Proxy) -> None:
        """Writes the proxy's name and addresses into the Service's status, once the proxy has logged in."""
        if not proxy.fqdn:
            raise NotYet
        ingress = [{"hostname": proxy.fqdn}] + [{"ip": ip} for ip in proxy.addresses if ":" not in ip]
        shown = service.get("status", {}).get("loadBalancer", {}).get("ingress", [])
        if [{key: one.get(key) for key in ("hostname", "ip") if key in one} for one in shown] != ingress:
            await self._kube.merge(f"{_path(service)}/status", {"status": {"loadBalancer": {"ingress": ingress}}})
            raise NotYet

    async def _clean_up(self, service: Object) -> None:
        await self._proxies.clean_up(services.wanted(service, self._proxies.tags, self._proxies.default_class))
        left = await drop_finalizer(self._kube, _path(service), service)
        conditions = (left.get("status") or {}).get("conditions") or []
        kept = [one for one in conditions if one["type"] != READY]
        if "deletionTimestamp" not in left["metadata"] and kept != conditions:
            await self._kube.merge(f"{_path(service)}/status", {"status": {"conditions": kept or None}})
        self._say(f"no longer exposing Service {_name(service)}")


def _name(service: Object) -> str:
    return f"{service['metadata']['namespace']}/{service['metadata']['name']}"


def _path(service: Object) -> str:
    return f"/api/v1/namespaces/{service['metadata']['namespace']}/services/{service['metadata']['name']}"
