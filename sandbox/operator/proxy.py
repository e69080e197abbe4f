"""A proxy's process: containerboot in the pod that the operator made for one Service, Ingress or Connector.

Owns nothing but a node's life: it logs in once, with the key that the operator left in its Secret, writes
the device's id, name and addresses there for the operator, and stays online whether the operator still runs
or not. It forwards no traffic. A login that is refused ends it (`Fatal`): its key is used up, only the
operator can make another.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping

import httpx

from sandbox.operator.container import Fatal, Say
from sandbox.operator.kube import Kube, Refused
from sandbox.operator.node import Node
from sandbox.operator.proxy_set import CONFIG_KEY
from sandbox.operator.tailnet import Control, Refusal, Registration


class Proxy:
    """One process of a proxy; `env` names its Secret (TS_KUBE_SECRET)."""

    def __init__(
        self,
        kube: Kube,
        http: httpx.AsyncClient,
        *,
        namespace: str,
        env: Mapping[str, str],
        version: str,
        say: Say,
    ) -> None:
        self._kube, self._http, self._say = kube, http, say
        self._namespace, self._secret, self._version = namespace, env["TS_KUBE_SECRET"], version

    async def run(self) -> None:
        """Runs until cancelled, or for ever cut off when its device was deleted; raises `Fatal` when it
        cannot log in.
        """
        try:
            secret = await self._kube.get(f"/api/v1/namespaces/{self._namespace}/secrets/{self._secret}")
            config = json.loads(base64.b64decode(secret["data"][CONFIG_KEY]))
            node = Node(
                self._kube,
                Control(self._http, config["serverURL"], self._version),
                namespace=self._namespace,
                secret=self._secret,
                hostname=config["hostname"],
                routes=config.get("advertiseRoutes", ()),
                extra=_device,
            )

            async def auth_key() -> str:
                return config["authKey"]

            registration = await node.start(auth_key)
        except Refused as refused:
            raise Fatal(f"keeping state in Secret {self._secret}: {refused}") from refused
        except (Refusal, httpx.TransportError) as error:
            raise Fatal(f"failed to auth tailscale: {error}") from error
        if registration:
            self._say(f"registered {registration.name} ({registration.node_id})")
        await node.stay(self._say)


def _device(registration: Registration) -> dict[str, str]:
    return {
        "device_id": registration.node_id,
        "device_fqdn": registration.name,
        "device_ips": json.dumps(list(registration.addresses)),
    }
