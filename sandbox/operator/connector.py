"""Connectors: a proxy that offers routes, or is an exit node.

Plays connector.go of v1.96.5: finalizer, proxy, conditions, device and routes in the status. The API server checks the
rest of the form itself, by the definition's rules. Not played: app connectors, several replicas.
"""

from __future__ import annotations

import ipaddress

from sandbox.operator.container import Say
from sandbox.operator.controller import (
    Invalid,
    NotYet,
    add_finalizer,
    drop_finalizer,
    has_finalizer,
    is_deleted,
    set_condition,
)
from sandbox.operator.kube import Kube, Object
from sandbox.operator.proxies import Proxies
from sandbox.operator.proxy_set import Wanted

READY = "ConnectorReady"
INTERNET = ("0.0.0.0/0", "::/0")


class Connectors:
    """The controller of Connectors."""

    collection = "/apis/tailscale.com/v1alpha1/connectors"
    failed = "ConnectorCreationFailed"

    def __init__(self, kube: Kube, proxies: Proxies, say: Say) -> None:
        self._kube, self._proxies, self._say = kube, proxies, say

    def concerns(self, found: Object) -> bool:
        del found
        return True

    async def reconcile(self, found: Object) -> None:
        path = f"{self.collection}/{found['metadata']['name']}"
        wanted = proxy(found, self._proxies.namespace, self._proxies.tags)
        if is_deleted(found):
            if has_finalizer(found):
                await self._proxies.clean_up(wanted)
                await drop_finalizer(self._kube, path, found)
                self._say(f"Connector {found['metadata']['name']} is cleaned up")
            return
        await add_finalizer(self._kube, path, found)
        if problem := invalid(found):
            await set_condition(self._kube, path, found, READY, ready=False, reason="ConnectorInvalid", message=problem)
            raise Invalid("ConnectorInvalid", problem)
        made = await self._proxies.provision(wanted)
        devices = [{"hostname": made.fqdn, "tailnetIPs": list(made.addresses)}] if made.fqdn else []
        await set_condition(
            self._kube,
            path,
            found,
            READY,
            ready=True,
            reason="ConnectorCreated",
            isExitNode=bool(found["spec"].get("exitNode")),
            subnetRoutes=",".join(routes(found)),
            **({"devices": devices, "hostname": made.fqdn, "tailnetIPs": list(made.addresses)} if devices else {}),
        )
        if not devices:
            raise NotYet


def routes(connector: Object) -> list[str]:
    return list((connector["spec"].get("subnetRouter") or {}).get("advertiseRoutes") or [])


def proxy(connector: Object, namespace: str, default_tags: list[str]) -> Wanted:
    """The proxy that it asks for."""
    spec, name = connector["spec"], connector["metadata"]["name"]
    return Wanted(
        parent=connector,
        type="connector",
        namespace=namespace,
        hostname=spec.get("hostname") or f"{name}-connector",
        tags=spec.get("tags") or default_tags,
        proxy_class=spec.get("proxyClass", ""),  # the operator's default is not theirs
        routes=(*routes(connector), *(INTERNET if spec.get("exitNode") else ())),
    )


def invalid(connector: Object) -> str | None:
    """Why the routes cannot be served, in the operator's words."""
    for route in routes(connector):
        try:
            ipaddress.ip_network(route)
        except ValueError as error:
            return f"Connector is invalid: route {route} is invalid: {error}"
    return None
