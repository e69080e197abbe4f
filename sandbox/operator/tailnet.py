"""What a node and its credential ask of Tailscale: an auth key, a registration, to be seen online, a
device's deletion.

`Credential` is an OAuth client's API access (golang's clientcredentials behaviour: Basic authentication,
one token kept until it expires, even when the client was revoked meanwhile). `Control` stands for the
control connection, which has no public protocol: the sandbox's own endpoints. Neither retries: what a
refusal means is the caller's matter. A refusal is `Refusal`, an unreachable server `httpx.TransportError`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import httpx

EARLY_SECONDS = 10  # A token is renewed so long before it expires (golang.org/x/oauth2).


class Refusal(Exception):  # noqa: N818 - it is an answer, not a fault
    """Tailscale refused a request: HTTP status and its message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{message} (HTTP {status})")
        self.status = status


class Credential:
    """An OAuth client, used as the operator uses it; `client_id` and `client_secret` are what was mounted
    at its start.
    """

    def __init__(self, http: httpx.AsyncClient, base: str, client_id: str, client_secret: str) -> None:
        self._http, self._base, self._client = http, base, (client_id, client_secret)
        self._token, self._expires = "", 0.0

    async def mint(self, tags: list[str]) -> str:
        """A new auth key: single-use, pre-authorized, not ephemeral, with `tags`."""
        create = {"reusable": False, "ephemeral": False, "preauthorized": True, "tags": tags}
        body = {"capabilities": {"devices": {"create": create}}}
        answer = await self._call("POST", "/api/v2/tailnet/-/keys", body)
        return answer.json()["key"]

    async def delete_device(self, node_id: str) -> None:
        """Deletes a device; that it is gone already is no error."""
        try:
            await self._call("DELETE", f"/api/v2/device/{node_id}")
        except Refusal as refusal:
            if refusal.status != 404:
                raise

    async def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        if time.monotonic() >= self._expires:
            await self._authenticate()
        headers = {"Authorization": f"Bearer {self._token}", "User-Agent": "tailscale-k8s-operator"}
        return _checked(await self._http.request(method, self._base + path, json=body, headers=headers))

    async def _authenticate(self) -> None:
        form = {"grant_type": "client_credentials"}
        url = f"{self._base}/api/v2/oauth/token"
        token = _checked(await self._http.post(url, data=form, auth=httpx.BasicAuth(*self._client))).json()
        self._token = token["access_token"]
        self._expires = time.monotonic() + token.get("expires_in", 3600) - EARLY_SECONDS


@dataclass(frozen=True)
class Registration:
    """What a node keeps of its registration; `node_key` is a secret."""

    node_id: str
    node_key: str
    name: str
    addresses: tuple[str, ...]


class Control:
    """The control server as a node sees it."""

    def __init__(self, http: httpx.AsyncClient, base: str, version: str) -> None:
        self._http, self._base, self._version = http, base, version

    async def register(self, auth_key: str, hostname: str) -> Registration:
        """Registers a new node with an auth key, which is used up by it."""
        body = {"authKey": auth_key, "hostname": hostname, "clientVersion": self._version, "os": "linux"}
        node = _checked(await self._http.post(f"{self._base}/sandbox/register", json=body)).json()
        return Registration(node["nodeId"], node["nodeKey"], node["name"], tuple(node["addresses"]))

    async def poll(self, node_key: str, *, online: bool) -> bool:
        """Says whether the node is connected; False when its device was deleted, so that it would have to
        log in again.
        """
        body = {"nodeKey": node_key, "online": online, "clientVersion": self._version}
        answer = await self._http.post(f"{self._base}/sandbox/poll", json=body)
        if answer.status_code == 404:
            return False
        _checked(answer)
        return True


def _checked(answer: httpx.Response) -> httpx.Response:
    if answer.is_error:
        try:
            message = answer.json()["message"]
        except (ValueError, KeyError, TypeError):
            message = answer.text[:300] or answer.reason_phrase
        raise Refusal(answer.status_code, message)
    return answer
