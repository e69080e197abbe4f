"""What one parent is given, and what must be taken back before it may go.

Plays `Provision` and `Cleanup` (sts.go of v1.96.5). In: headless Service, Secret with an auth key minted under the tag
rule, StatefulSet. Out: StatefulSet, device (through the API, with the operator's own credential), Secret and headless
Service. Each step finds out what is there, so it can be cut anywhere. Finalizers and status are the controllers'
(exposure, ingress, connector). Refusals pass through (`Refused`, `Refusal`); waiting is `NotYet`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from sandbox.operator import proxy_set
from sandbox.operator.controller import NotYet
from sandbox.operator.kube import Kube, Object, Refused
from sandbox.operator.proxy_class import ProxyClasses, applied, is_ready
from sandbox.operator.proxy_set import Wanted
from sandbox.operator.tailnet import Credential


@dataclass(frozen=True)
class Proxy:
    """A proxy that is made. name: of its headless Service; fqdn: empty until it has logged in."""

    name: str
    fqdn: str = ""
    addresses: tuple[str, ...] = ()


class Proxies:
    """The proxies in the operator's `namespace`; `tags` and `default_class` are theirs unless a parent names others."""

    def __init__(
        self,
        kube: Kube,
        credential: Credential,
        *,
        namespace: str,
        tags: list[str],
        default_class: str,
        image: str,
        login_server: str,
    ) -> None:
        self._kube, self._credential = kube, credential
        self.namespace, self.tags, self.default_class = namespace, tags, default_class
        self._image, self._login_server = image, login_server
        self._core = f"/api/v1/namespaces/{namespace}"
        self._sets = f"/apis/apps/v1/namespaces/{namespace}/statefulsets"

    async def provision(self, wanted: Wanted) -> Proxy:
        """Makes what is missing, once the ProxyClass that is named is accepted."""
        proxy_class = await self._class(wanted.proxy_class)
        made = (await self._kube.get(f"{self._core}/services", labelSelector=_selector(wanted)))["items"]
        if not made:
            made = [await self._kube.create(f"{self._core}/services", proxy_set.headless_service(wanted))]
        name = made[0]["metadata"]["name"]
        secret = await self._kube.find(f"{self._core}/secrets/{name}-0")
        if secret is None:
            auth_key = await self._credential.mint(wanted.tags)
            secret = await self._kube.create(
                f"{self._core}/secrets", proxy_set.secret(wanted, f"{name}-0", auth_key, self._login_server)
            )
        if await self._kube.find(f"{self._sets}/{name}") is None:
            made_set = proxy_set.stateful_set(wanted, name, self._image)
            await self._kube.create(self._sets, applied(made_set, proxy_class) if proxy_class else made_set)
        data = secret.get("data")
        addresses = proxy_set.value(data, "device_ips")
        return Proxy(name, proxy_set.value(data, "device_fqdn"), tuple(json.loads(addresses)) if addresses else ())

    async def _class(self, name: str) -> Object | None:
        if not name:
            return None
        found = await self._kube.find(f"{ProxyClasses.collection}/{name}")
        if found is None:
            raise Refused(400, "NotFound", f'error verifying ProxyClass: proxyclasses "{name}" not found')
        if not is_ready(found):
            raise NotYet
        return found

    async def clean_up(self, wanted: Wanted) -> None:
        """Takes back what was given; `NotYet` until all of it is gone."""
        selector = _selector(wanted)
        sets = (await self._kube.get(self._sets, labelSelector=selector))["items"]
        if sets:
            for found in sets:
                if "deletionTimestamp" not in found["metadata"]:
                    await self._kube.delete(f"{self._sets}/{found['metadata']['name']}", foreground=True)
            raise NotYet
        secrets = (await self._kube.get(f"{self._core}/secrets", labelSelector=selector))["items"]
        for secret in secrets:
            if node_id := proxy_set.value(secret.get("data"), "device_id"):
                await self._credential.delete_device(node_id)
            await self._kube.delete(f"{self._core}/secrets/{secret['metadata']['name']}")
        for headless in (await self._kube.get(f"{self._core}/services", labelSelector=selector))["items"]:
            await self._kube.delete(f"{self._core}/services/{headless['metadata']['name']}")


def _selector(wanted: Wanted) -> str:
    return ",".join(f"{key}={value}" for key, value in proxy_set.labels(wanted).items())
