"""What one exposed Service is given and what must be taken back before it may go.

Plays `maybeProvision`/`maybeCleanup` (svc.go) and `Provision`/`Cleanup` (sts.go) of v1.96.5 for annotation
`tailscale.com/expose` and loadBalancerClass `tailscale`. In: finalizer, headless Service, Secret with an
auth key minted under the tag rule, StatefulSet. Out: StatefulSet, device (through the API, with the
operator's own credential), Secret and headless Service, finalizer. Each step finds out what is there, so it
can be cut anywhere. Not played: egress Services, ProxyClasses, ProxyGroups, Ingresses, Connectors. Refusals
pass through (`Refused`, `Refusal`); waiting is `NotYet`.
"""

from __future__ import annotations

import base64
import json

from sandbox.operator import service as services
from sandbox.operator.container import Say
from sandbox.operator.kube import Kube, Object
from sandbox.operator.tailnet import Credential


class NotYet(Exception):  # noqa: N818 - nothing is wrong
    """The Service is not where it should be, and there is nothing to do but wait."""


class Exposure:
    """Exposes Services from the operator's `namespace`; `tags` are the proxies' unless a Service names
    others.
    """

    def __init__(
        self,
        kube: Kube,
        credential: Credential,
        *,
        namespace: str,
        tags: list[str],
        image: str,
        login_server: str,
        say: Say,
    ) -> None:
        self._kube, self._credential, self._say = kube, credential, say
        self._tags, self._image, self._login_server = tags, image, login_server
        self._core = f"/api/v1/namespaces/{namespace}"
        self._sets = f"/apis/apps/v1/namespaces/{namespace}/statefulsets"

    async def provision(self, service: Object) -> None:
        """Brings the Service onto the tailnet."""
        if not services.has_finalizer(service):
            await self._set_finalizers(service, [*service["metadata"].get("finalizers", []), services.FINALIZER])
            self._say(f"exposing Service {_name(service)}")
            raise NotYet
        made = (await self._kube.get(f"{self._core}/services", labelSelector=_selector(service)))["items"]
        headless = (
            made[0] if made else await self._kube.create(f"{self._core}/services", services.headless_service(service))
        )
        name = headless["metadata"]["name"]
        secret = await self._kube.find(f"{self._core}/secrets/{name}-0")
        if secret is None:
            auth_key = await self._credential.mint(services.tags(service, self._tags))
            secret = services.proxy_secret(service, f"{name}-0", auth_key, self._login_server)
            secret = await self._kube.create(f"{self._core}/secrets", secret)
        if await self._kube.find(f"{self._sets}/{name}") is None:
            await self._kube.create(self._sets, services.stateful_set(service, name, self._image))
        if services.is_load_balancer(service):
            await self._publish(service, secret["data"])

    async def clean_up(self, service: Object) -> None:
        """Takes back what the Service was given, the finalizer last."""
        selector = _selector(service)
        sets = (await self._kube.get(self._sets, labelSelector=selector))["items"]
        if sets:
            for found in sets:
                if "deletionTimestamp" not in found["metadata"]:
                    await self._kube.delete(f"{self._sets}/{found['metadata']['name']}", foreground=True)
            raise NotYet
        secrets = (await self._kube.get(f"{self._core}/secrets", labelSelector=selector))["items"]
        for secret in secrets:
            if node_id := _value(secret["data"], "device_id"):
                await self._credential.delete_device(node_id)
            await self._kube.delete(f"{self._core}/secrets/{secret['metadata']['name']}")
        for headless in (await self._kube.get(f"{self._core}/services", labelSelector=selector))["items"]:
            await self._kube.delete(f"{self._core}/services/{headless['metadata']['name']}")
        finalizers = service["metadata"]["finalizers"]
        await self._set_finalizers(service, [name for name in finalizers if name != services.FINALIZER])
        self._say(f"no longer exposing Service {_name(service)}")

    async def _publish(self, service: Object, state: dict[str, str]) -> None:
        """Writes the proxy's name and addresses into the Service's status, once the proxy has logged in."""
        fqdn = _value(state, "device_fqdn")
        if not fqdn:
            raise NotYet
        addresses = json.loads(_value(state, "device_ips"))
        ingress = [{"hostname": fqdn}] + [{"ip": ip} for ip in addresses if ":" not in ip]
        shown = service.get("status", {}).get("loadBalancer", {}).get("ingress", [])
        if [{key: one.get(key) for key in ("hostname", "ip") if key in one} for one in shown] != ingress:
            await self._kube.merge(f"{_path(service)}/status", {"status": {"loadBalancer": {"ingress": ingress}}})

    async def _set_finalizers(self, service: Object, finalizers: list[str]) -> None:
        await self._kube.replace(
            _path(service), {**service, "metadata": {**service["metadata"], "finalizers": finalizers}}
        )


def _value(data: dict[str, str], key: str) -> str:
    return base64.b64decode(data.get(key, "")).decode()


def _selector(service: Object) -> str:
    return ",".join(f"{key}={value}" for key, value in services.child_labels(service).items())


def _name(service: Object) -> str:
    return f"{service['metadata']['namespace']}/{service['metadata']['name']}"


def _path(service: Object) -> str:
    return f"/api/v1/namespaces/{service['metadata']['namespace']}/services/{service['metadata']['name']}"
