"""One tailnet and its API in memory, with a clock that stands still."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from sandbox.tailscale import console
from sandbox.tailscale.app import create_app
from sandbox.tailscale.state import State

NOON = 1_790_000_000.0
DEPLOYER = "tag:deployer"
POLICY = """{
	// who may do what
	"groups": {"group:sre": ["alice@example.com", "bob@example.com"]},
	"tagOwners": {
		"tag:deployer":          ["autogroup:admin"],
		"tag:k8s-operator-acme": ["tag:deployer"],
		"tag:kube-acme-prod":    ["tag:deployer"],
		"tag:k8s-acme":          ["tag:k8s-operator-acme"],
		"tag:cust-acme":         ["tag:k8s-operator-acme"],
		"tag:svc-acme-prod-ui":  ["tag:kube-acme-prod"],
		"tag:mine":              ["alice@example.com"],
	},
	"grants": [{"src": ["group:sre"], "dst": ["tag:kube-acme-prod"], "ip": ["tcp:443"]}],
}
"""
PEOPLE = {"owner@example.com": "owner", "alice@example.com": "member", "bob@example.com": "member"}


class Api:
    """The application as a caller sees it; `key` is sent as Basic user name, as the Go client does."""

    def __init__(self, state: State, key: str = "") -> None:
        self.state = state
        self.key = key
        self._app = create_app(state)

    def as_(self, key: str) -> Api:
        return Api(self.state, key)

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """`path` below /api/v2, unless it begins with /sandbox; {t} stands for the tailnet."""
        full = path if path.startswith("/sandbox") else f"/api/v2{path}"
        if self.key and "auth" not in options and "authorization" not in options.get("headers", {}):
            options["auth"] = (self.key, "")
        return asyncio.run(self._send(method, full.replace("{t}", "tailnet/-"), options))

    async def _send(self, method: str, path: str, options: dict[str, Any]) -> httpx.Response:
        transport = httpx.ASGITransport(app=self._app)
        async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as client:
            return await client.request(method, path, **options)

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.call("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.call("POST", path, **options)

    def put(self, path: str, **options: Any) -> httpx.Response:
        return self.call("PUT", path, **options)

    def delete(self, path: str, **options: Any) -> httpx.Response:
        return self.call("DELETE", path, **options)


@pytest.fixture
def state() -> State:
    made = State(clock=lambda: NOON)
    console.seed(made, POLICY, PEOPLE)
    return made


@pytest.fixture
def api(state: State) -> Api:
    """Called by the owner, with an API key."""
    return Api(state, console.new_admin_key(state))


@pytest.fixture
def client_token(api: Api) -> Callable[..., str]:
    """A token of a new OAuth client with these scopes and tags."""

    def make(*scopes: str, tags: tuple[str, ...] = (DEPLOYER,)) -> str:
        client_id, secret = console.new_oauth_client(api.state, list(scopes), list(tags))
        answer = api.as_("").post("/oauth/token", auth=(client_id, secret))
        assert answer.status_code == 200, answer.text
        return answer.json()["access_token"]

    return make


@pytest.fixture
def register(api: Api) -> Callable[..., dict[str, Any]]:
    """A registered node, tagged unless `tags` is empty."""

    def make(hostname: str = "acme-prod-kube", tags: tuple[str, ...] = ("tag:kube-acme-prod",)) -> dict[str, Any]:
        create = {"tags": list(tags), "preauthorized": True}
        key = api.post("/{t}/keys", json={"capabilities": {"devices": {"create": create}}}).json()["key"]
        body = {"authKey": key, "hostname": hostname, "clientVersion": "1.96.5", "os": "linux"}
        answer = api.as_("").post("/sandbox/register", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return make
