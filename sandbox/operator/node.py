"""One Tailscale node whose state lies in a Kubernetes Secret, as `ipn/store/kubestore` keeps it.

Owns the identity: reading it, logging in when there is none or its device was deleted, keeping it, being
online. Does not know where an auth key comes from. The keys of the Secret (`_machinekey`,
`_current-profile`, `profile-*`) are tailscaled's own, so that what stays behind after an uninstall looks as
it does in a customer's cluster.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import NoReturn

import httpx

from sandbox.operator.container import Say
from sandbox.operator.kube import Kube, Object
from sandbox.operator.tailnet import Control, Refusal, Registration

POLL_SECONDS = 2.0
FAREWELL_SECONDS = 1.0


class Node:
    """A node named `hostname`; `extra` gives further keys of the Secret, as containerboot writes them for
    its operator.
    """

    def __init__(
        self,
        kube: Kube,
        control: Control,
        *,
        namespace: str,
        secret: str,
        hostname: str,
        routes: Sequence[str] = (),
        extra: Callable[[Registration], dict[str, str]] = lambda _: {},
    ) -> None:
        self._kube, self._control, self._hostname, self._routes, self._extra = kube, control, hostname, routes, extra
        self._collection = f"/api/v1/namespaces/{namespace}/secrets"
        self._path, self._secret = f"{self._collection}/{secret}", secret
        self._key = ""

    async def start(self, auth_key: Callable[[], Awaitable[str]]) -> Registration | None:
        """Comes up: with the identity that is kept, or in state NeedsLogin with a new auth key. The
        registration, if it is new.

        The Secret is written before a key is asked for, so a process that may not keep its state makes no
        device.
        """
        state = _decoded(await self._kube.find(self._path))
        profile = state.get("_current-profile") or f"profile-{secrets.token_hex(2)}"
        if kept := state.get(profile):
            self._key = json.loads(kept)["Config"]["PrivateNodeKey"]
            if await self._known():
                return None
        await self.keep({"_machinekey": state.get("_machinekey") or f"privkey:{secrets.token_hex(32)}"})
        registration = await self._control.register(await auth_key(), self._hostname, self._routes)
        persisted = {"PrivateNodeKey": registration.node_key, "NodeID": registration.node_id}
        preferences = json.dumps({"Hostname": self._hostname, "Config": persisted})
        await self.keep({"_current-profile": profile, profile: preferences} | self._extra(registration))
        self._key = registration.node_key
        return registration

    async def stay(self, say: Say) -> NoReturn:
        """Stays online; once its device is deleted, stays cut off. Marks it offline when cancelled, as a
        process that ends.
        """
        try:
            while True:
                with contextlib.suppress(httpx.TransportError, Refusal):
                    if not await self._control.poll(self._key, online=True):
                        say("cut off: its device was deleted, and it stays so until the process starts again")
                        await asyncio.Event().wait()
                await asyncio.sleep(POLL_SECONDS)
        except asyncio.CancelledError:
            with contextlib.suppress(httpx.TransportError, Refusal, TimeoutError):
                async with asyncio.timeout(FAREWELL_SECONDS):
                    await self._control.poll(self._key, online=False)
            raise

    async def _known(self) -> bool:
        """Whether the device still exists; waits for a control server that does not answer, as tailscaled
        does.
        """
        while True:
            with contextlib.suppress(httpx.TransportError):
                return await self._control.poll(self._key, online=False)
            await asyncio.sleep(POLL_SECONDS)

    async def keep(self, values: dict[str, str]) -> None:
        """Adds keys to the Secret."""
        data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
        if await self._kube.find(self._path):
            await self._kube.merge(self._path, {"data": data})
        else:
            await self._kube.create(self._collection, {"metadata": {"name": self._secret}, "data": data})


def _decoded(secret: Object | None) -> dict[str, str]:
    data = (secret or {}).get("data") or {}
    return {key: base64.b64decode(value).decode() for key, value in data.items()}
