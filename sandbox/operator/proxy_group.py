"""ProxyGroups of kind kube-apiserver: the highly available API proxies.

Plays proxygroup.go and api-server-proxy-pg.go of v1.96.5: waits for the ProxyClass, refuses a group whose
ServiceAccount is missing, gives each replica a key under the tag rule, then makes the Tailscale Service and writes
devices, conditions and the URL. Out: the Service, then the devices, each with the operator's own credential, and a
finalizer after each; a credential that is refused leaves them. Not played: other kinds, certificates (a proxy offers
the Service as soon as it is told to), keys for a proxy whose device somebody deleted.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from sandbox.operator import proxy_group_set as sets
from sandbox.operator.container import Say
from sandbox.operator.controller import Invalid, NotYet, add_finalizer, drop_finalizer, has_finalizer, is_deleted
from sandbox.operator.kube import Kube, Object
from sandbox.operator.proxy_class import ProxyClasses, applied, is_ready
from sandbox.operator.proxy_set import value
from sandbox.operator.tailnet import Credential

SERVICE_FINALIZER = "tailscale.com/kube-apiserver-finalizer"
OWNERS = "tailscale.com/owner-references"
RBAC = "/apis/rbac.authorization.k8s.io/v1"


class ProxyGroups:
    """The controller of ProxyGroups. default_tags, default_class: of groups that name none. state_secret: where the
    operator keeps its own identity, by which it marks Services as its own.
    """

    collection = "/apis/tailscale.com/v1alpha1/proxygroups"
    failed = "ProxyGroupCreationFailed"

    def __init__(
        self,
        kube: Kube,
        credential: Credential,
        *,
        namespace: str,
        state_secret: str,
        default_tags: list[str],
        default_class: str,
        image: str,
        login_server: str,
        say: Say,
    ) -> None:
        self._kube, self._credential, self._say = kube, credential, say
        self._namespace, self._state_secret = namespace, state_secret
        self._default_tags, self._default_class = default_tags, default_class
        self._image, self._login_server = image, login_server
        self._core = f"/api/v1/namespaces/{namespace}"

    def concerns(self, found: Object) -> bool:
        del found
        return True

    async def reconcile(self, found: Object) -> None:
        if is_deleted(found):
            await self._clean_up(found)
            return
        if found["spec"]["type"] != "kube-apiserver":
            raise Invalid("NotPlayed", f"ProxyGroups of type {found['spec']['type']} are not played by this stand-in")
        await add_finalizer(self._kube, self._path(found), found)
        proxy_class = await self._class(found)
        await self._check_account(found)
        await self._provision(found, proxy_class)
        devices = await self._devices(found)
        shown = found.get("status") or {}
        if devices != shown.get("devices", []):
            await self._show(found, devices, len(devices) if "url" in shown else 0)
            raise NotYet
        offering = 0
        if devices:
            await self._add_service_finalizer(found)
            await self._offer(found)
            offering = await self._tell_proxies(found)
        await self._show(found, devices, offering)
        if min(len(devices), offering) < sets.replicas(found):
            raise NotYet

    async def _class(self, group: Object) -> Object | None:
        name = group["spec"].get("proxyClass") or self._default_class
        if not name:
            return None
        found = await self._kube.find(f"{ProxyClasses.collection}/{name}")
        if found is not None and is_ready(found):
            return found
        problem = "does not (yet) exist" if found is None else "is not yet in a ready state, waiting..."
        await self._not_ready(group, "ProxyGroupCreating", f'the ProxyGroup\'s ProxyClass "{name}" {problem}')
        raise NotYet

    async def _check_account(self, group: Object) -> None:
        account = sets.AUTH_SERVICE_ACCOUNT
        if not sets.impersonates(group) or await self._kube.find(f"{self._core}/serviceaccounts/{account}"):
            return
        message = (
            f'invalid ProxyGroup spec: the ServiceAccount "{account}" used for the API server proxy in auth mode does'
            " not exist but should have been created during operator installation"
        )
        await self._not_ready(group, "ProxyGroupInvalid", message)
        raise Invalid("ProxyGroupInvalid", message)

    async def _provision(self, group: Object, proxy_class: Object | None) -> None:
        secrets, rbac = f"{self._core}/secrets", f"{RBAC}/namespaces/{self._namespace}"
        tags = group["spec"].get("tags") or self._default_tags
        for number in range(sets.replicas(group)):
            await self._make(secrets, sets.state(group, number))
            name = f"{group['metadata']['name']}-{number}-config"
            if await self._kube.find(f"{secrets}/{name}") is None:
                key = await self._credential.mint(tags)
                await self._kube.create(secrets, sets.config(group, number, key, self._login_server))
        if not sets.impersonates(group):
            await self._make(f"{self._core}/serviceaccounts", sets.account(group))
        await self._make(f"{rbac}/roles", sets.role(group), again=True)
        await self._make(f"{rbac}/rolebindings", sets.role_binding(group, self._namespace))
        wanted = sets.stateful_set(group, self._namespace, self._image)
        if proxy_class is not None:
            wanted = applied(wanted, proxy_class)
        await self._make(f"/apis/apps/v1/namespaces/{self._namespace}/statefulsets", wanted, again=True)
        await self._drop_surplus(group)

    async def _make(self, collection: str, wanted: Object, *, again: bool = False) -> None:
        """Creates what is missing; with `again` also brings an old one up to date."""
        path = f"{collection}/{wanted['metadata']['name']}"
        if await self._kube.find(path) is None:
            await self._kube.create(collection, wanted)
        elif again:
            await self._kube.merge(path, {key: value for key, value in wanted.items() if key != "metadata"})

    async def _drop_surplus(self, group: Object) -> None:
        """Devices and Secrets of replicas that are no longer wanted."""
        for number, secret in await self._states(group):
            if number >= sets.replicas(group):
                if node_id := value(secret.get("data"), "device_id"):
                    await self._credential.delete_device(node_id)
                name = secret["metadata"]["name"]
                await self._kube.delete(f"{self._core}/secrets/{name}")
                await self._kube.delete(f"{self._core}/secrets/{name}-config")

    async def _states(self, group: Object) -> list[tuple[int, Object]]:
        found = await self._kube.get(f"{self._core}/secrets", labelSelector=sets.selector(group, sets.STATE))
        numbered = [(int(one["metadata"]["name"].rpartition("-")[2]), one) for one in found["items"]]
        return sorted(numbered, key=lambda pair: pair[0])

    async def _devices(self, group: Object) -> list[Object]:
        """Of replicas whose pod, as it now is, has written them."""
        devices = []
        for _, secret in await self._states(group):
            data = secret.get("data")
            pod = await self._kube.find(f"{self._core}/pods/{secret['metadata']['name']}")
            if pod is not None and value(data, "pod_uid") == pod["metadata"]["uid"] and value(data, "device_fqdn"):
                name, addresses = value(data, "device_fqdn").partition(".")[0], json.loads(value(data, "device_ips"))
                devices.append({"hostname": name, "tailnetIPs": addresses})
        return devices

    async def _add_service_finalizer(self, group: Object) -> None:
        finalizers = group["metadata"]["finalizers"]
        if SERVICE_FINALIZER not in finalizers:
            self._say(f"provisioning {sets.service_name(group)} for ProxyGroup {group['metadata']['name']}")
            await self._finalizers(group, [*finalizers, SERVICE_FINALIZER])
            raise NotYet

    async def _offer(self, group: Object) -> None:
        """Makes the Tailscale Service, unless somebody else has one of that name."""
        name = sets.service_name(group)
        there, mark = await self._credential.service(name), await self._mark(group)
        tags = group["spec"].get("tags") or self._default_tags
        if there is not None and (there.get("annotations") or {}).get(OWNERS) != mark:
            message = (
                f"error ensuring exclusive ownership of Tailscale Service {name}: it is already owned by something"
                " else. To proceed, you can either manually delete the existing Tailscale Service or choose another"
                " name"
            )
            await self._write(group, {"KubeAPIServerProxyValid": (False, "KubeAPIServerProxyInvalid", message)})
            raise Invalid("InvalidTailscaleService", message)
        if there is None or there["tags"] != tags:
            body = {"name": name, "tags": tags, "ports": ["tcp:443"], "annotations": {OWNERS: mark}}
            await self._credential.put_service(body)

    async def _tell_proxies(self, group: Object) -> int:
        """Names the Service in each proxy's configuration; how many proxies there are to offer it."""
        found = await self._kube.get(f"{self._core}/secrets", labelSelector=sets.selector(group, sets.CONFIG))
        for secret in found["items"]:
            contents = sets.unpacked(secret)
            if contents.get("advertiseServices") != [sets.service_name(group)]:
                contents["advertiseServices"] = [sets.service_name(group)]
                path = f"{self._core}/secrets/{secret['metadata']['name']}"
                await self._kube.merge(path, {"data": sets.packed(contents)})
        return len(await self._devices(group))

    async def _clean_up(self, group: Object) -> None:
        finalizers = group["metadata"].get("finalizers", [])
        if SERVICE_FINALIZER in finalizers:
            there = await self._credential.service(sets.service_name(group))
            if there is not None and (there.get("annotations") or {}).get(OWNERS) == await self._mark(group):
                await self._credential.delete_service(sets.service_name(group))
            await self._finalizers(group, [name for name in finalizers if name != SERVICE_FINALIZER])
        elif has_finalizer(group):
            for _, secret in await self._states(group):
                if node_id := value(secret.get("data"), "device_id"):
                    await self._credential.delete_device(node_id)
            await drop_finalizer(self._kube, self._path(group), group)
            self._say(f"ProxyGroup {group['metadata']['name']} is cleaned up")

    async def _mark(self, group: Object) -> str:
        """What says on a Service that it is this group's, of this operator."""
        data = (await self._kube.get(f"{self._core}/secrets/{self._state_secret}")).get("data")
        operator = json.loads(value(data, value(data, "_current-profile")))["Config"]["NodeID"]
        owner = {"operatorID": operator, "resource": {"kind": "ProxyGroup", "uid": group["metadata"]["uid"]}}
        return json.dumps({"ownerRefs": [owner]}, sort_keys=True)

    async def _show(self, group: Object, devices: list[Object], offering: int) -> None:
        wanted = sets.replicas(group)
        running = f"{len(devices)}/{wanted} ProxyGroup pods running"
        ready = min(len(devices), offering) == wanted
        waiting = "waiting for proxies to start advertising the kube-apiserver proxy's hostname"
        conditions = {
            "ProxyGroupAvailable": (
                bool(devices),
                "ProxyGroupAvailable" if len(devices) == wanted else "ProxyGroupCreating",
                running,
            ),
            "ProxyGroupReady": (
                ready,
                "ProxyGroupReady" if ready else "ProxyGroupCreating",
                "ProxyGroupReady" if ready else (waiting if devices else running),
            ),
        }
        if devices:
            conditions["KubeAPIServerProxyValid"] = (True, "KubeAPIServerProxyValid", "KubeAPIServerProxyValid")
            conditions["KubeAPIServerProxyConfigured"] = (
                offering > 0,
                "KubeAPIServerProxyConfigured" if offering else "KubeAPIServerProxyNoBackends",
                f"{offering}/{wanted} proxy backends ready and advertising",
            )
        url = await self._url(group) if offering else None
        await self._write(group, conditions, devices=devices or None, url=url)

    async def _url(self, group: Object) -> str:
        (_, secret), *_ = [pair for pair in await self._states(group) if value(pair[1].get("data"), "device_fqdn")]
        suffix = value(secret["data"], "device_fqdn").partition(".")[2]
        return f"https://{sets.service_name(group).removeprefix('svc:')}.{suffix}"

    async def _not_ready(self, group: Object, reason: str, message: str) -> None:
        await self._write(group, {"ProxyGroupReady": (False, reason, message)})

    async def _write(self, group: Object, conditions: dict[str, tuple[bool, str, str]], **status: Any) -> None:
        """Writes the status when that changes anything."""
        current = group.get("status") or {}
        shown = {one["type"]: one for one in current.get("conditions") or []}
        for kind, (true, reason, message) in conditions.items():
            new = {"type": kind, "status": str(true), "reason": reason, "message": message}
            old = shown.get(kind, {})
            same = old.get("status") == new["status"]
            now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            shown[kind] = {**new, "lastTransitionTime": old["lastTransitionTime"] if same else now}
        kept = {key: value for key, value in {**current, **status}.items() if value is not None}
        wanted = {**kept, "conditions": list(shown.values())}
        if wanted != current:
            await self._kube.replace(f"{self._path(group)}/status", {**group, "status": wanted})

    async def _finalizers(self, group: Object, finalizers: list[str]) -> None:
        changed = {**group, "metadata": {**group["metadata"], "finalizers": finalizers}}
        await self._kube.replace(self._path(group), changed)

    def _path(self, group: Object) -> str:
        return f"{self.collection}/{group['metadata']['name']}"
