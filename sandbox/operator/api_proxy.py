"""A highly available API proxy's process: k8s-proxy in the pod that the operator made for a ProxyGroup.

Owns nothing but a node's life, as `proxy` does; only that its configuration lies in a Secret beside that of its state,
both named by its environment, and that it says of which pod what it writes is. It forwards no request.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import httpx

from sandbox.operator.container import Fatal, Say
from sandbox.operator.kube import Kube, Refused
from sandbox.operator.node import Node
from sandbox.operator.proxy_group_set import unpacked
from sandbox.operator.tailnet import Control, Refusal, Registration

CONFIG_VARIABLE = "TS_K8S_PROXY_CONFIG"


class ApiProxy:
    """One process of a proxy; `env` names its Secrets."""

    def __init__(self, kube: Kube, http: httpx.AsyncClient, *, env: Mapping[str, str], version: str, say: Say) -> None:
        self._kube, self._http, self._say = kube, http, say
        self._env, self._version = env, version

    async def run(self) -> None:
        """Runs until cancelled, or for ever cut off when its device was deleted; raises `Fatal` when it cannot
        log in.
        """
        namespace, _, secret = self._env[CONFIG_VARIABLE].removeprefix("kube:").partition("/")
        state = secret.removesuffix("-config")
        try:
            config = unpacked(await self._kube.get(f"/api/v1/namespaces/{namespace}/secrets/{secret}"))
            node = Node(
                self._kube,
                Control(self._http, config["serverURL"], self._version),
                namespace=namespace,
                secret=state,
                hostname=config["hostname"],
                extra=_device,
            )

            async def auth_key() -> str:
                return config["authKey"]

            registration = await node.start(auth_key)
            await node.keep({"pod_uid": self._env["POD_UID"]})
        except Refused as refused:
            raise Fatal(f"keeping state in Secret {state}: {refused}") from refused
        except (Refusal, httpx.TransportError) as error:
            raise Fatal(f"error starting tailscale server: {error}") from error
        if registration:
            self._say(f"registered {registration.name} ({registration.node_id})")
        self._say(f"API server proxy: {config['apiServerProxy']['mode']}")
        await node.stay(self._say)


def _device(registration: Registration) -> dict[str, str]:
    return {
        "device_id": registration.node_id,
        "device_fqdn": registration.name,
        "device_ips": json.dumps(list(registration.addresses)),
    }
