"""What a node and its credential ask of Tailscale: an auth key, a registration, to be seen online, a
device's deletion.

`Credential` is an OAuth client's API access (golang's clientcredentials behaviour: Basic authentication,
one token kept until it expires, even when the client was revoked meanwhile); `FederatedCredential` has a token of the
cluster in place of the client's secret, read anew for each exchange. `Control` stands for the
control connection, which has no public protocol: the sandbox's own endpoints. Neither retries: what a
refusal means is the caller's matter. A refusal is `Refusal`, an unreachable server `httpx.TransportError`.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
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

    async def device(self, node_id: str) -> dict[str, Any]:
        """A device as the API shows it."""
        return (await self._call("GET", f"/api/v2/device/{node_id}")).json()

    async def delete_device(self, node_id: str) -> None:
        """Deletes a device; that it is gone already is no error."""
        try:
            await self._call("DELETE", f"/api/v2/device/{node_id}")
        except Refusal as refusal:
            if refusal.status != 404:
                raise

    async def service(self, name: str) -> dict[str, Any] | None:
        """A Tailscale Service, or None."""
        try:
            return (await self._call("GET", f"/api/v2/tailnet/-/vip-services/{name}")).json()
        except Refusal as refusal:
            if refusal.status == 404:
                return None
            raise

    async def put_service(self, body: dict[str, Any]) -> None:
        """Makes or replaces a Tailscale Service."""
        await self._call("PUT", f"/api/v2/tailnet/-/vip-services/{body['name']}", body)

    async def delete_service(self, name: str) -> None:
        """Deletes a Tailscale Service; that it is gone already is no error."""
        try:
            await self._call("DELETE", f"/api/v2/tailnet/-/vip-services/{name}")
        except Refusal as refusal:
            if refusal.status != 404:
                raise

    async def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        if time.monotonic() >= self._expires:
            await self._authenticate()
        headers = {"Authorization": f"Bearer {self._token}", "User-Agent": "tailscale-k8s-operator"}
        return _checked(await self._http.request(method, self._base + path, json=body, headers=headers))

    async def _authenticate(self) -> None:
        token = await self._issue()
        self._token = token["access_token"]
        self._expires = time.monotonic() + token.get("expires_in", 3600) - EARLY_SECONDS

    async def _issue(self) -> dict[str, Any]:
        """A new token of the API, as the server gives it."""
        form = {"grant_type": "client_credentials"}
        url = f"{self._base}/api/v2/oauth/token"
        return _checked(await self._http.post(url, data=form, auth=httpx.BasicAuth(*self._client))).json()


class FederatedCredential(Credential):
    """A federated identity, used as the operator uses it; `token` reads the cluster's token as it is mounted now.

    `twice`: hands the access token in again as if it were the cluster's, as 1.98.0 to 1.98.3 do (tailscale issue
    19844; `IDTokenFunc` in cmd/k8s-operator/tsclient.go), and is refused for it.
    """

    def __init__(
        self, http: httpx.AsyncClient, base: str, client_id: str, token: Callable[[], Awaitable[str]], *, twice: bool
    ) -> None:
        super().__init__(http, base, client_id, "")
        self._identity, self._jwt, self._twice = client_id, token, twice

    async def _issue(self) -> dict[str, Any]:
        token = await self._exchange(await self._jwt())
        return await self._exchange(token["access_token"]) if self._twice else token

    async def _exchange(self, jwt: str) -> dict[str, Any]:
        form = {"grant_type": "client_credentials", "client_id": self._identity, "jwt": jwt}
        return _checked(await self._http.post(f"{self._base}/api/v2/oauth/token-exchange", data=form)).json()


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

    async def register(self, auth_key: str, hostname: str, routes: Sequence[str] = ()) -> Registration:
        """Registers a new node with an auth key, which is used up by it; it offers to lead into `routes`."""
        body = {
            "authKey": auth_key,
            "hostname": hostname,
            "clientVersion": self._version,
            "os": "linux",
            "routes": list(routes),
        }
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
