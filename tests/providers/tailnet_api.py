"""The sandbox's Tailscale API on loopback, for tests of what talks to it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import uvicorn
from starlette.types import ASGIApp

from providers.tailnet.client import Client
from providers.tailnet.credentials import credentials
from sandbox.tailscale import console, keys
from sandbox.tailscale.app import create_app
from sandbox.tailscale.credentials import owner_of
from sandbox.tailscale.state import State
from tests.issuer import AUDIENCE, SUBJECT, Issuer
from tests.providers.policies import FOREIGN

DEPLOYER = ["policy_file", "devices:core", "services", "auth_keys", "oauth_keys", "devices:posture_attributes"]
SEED = FOREIGN.replace(
    '"tagOwners": {', '"tagOwners": {\n    "tag:support-access-deployer": ["autogroup:admin"],'
)  # fmt: skip
WHOLE = (
    SEED.rstrip().removesuffix("}")
    + """
  "autoApprovers": {
    "services": {
      // what the operators announce
    },
  },

  "postures": {
    // by device
  },
}
"""
)
"""With every section that an environment's slices use: without them it must be these very bytes again."""

USERS = {"admin@example.com": "owner", "ann@example.com": "member", "bob@example.com": "member"}


class Api:
    """A running API: its state, its address, and clients of it."""

    def __init__(self, state: State, url: str) -> None:
        self.state = state
        self.url = url
        self.admin_key = console.new_admin_key(state)
        self.environ = {"TAILSCALE_BASE_URL": url, "TAILSCALE_API_KEY": self.admin_key}
        self._open: list[Client] = []

    def use_oauth_client(self) -> None:
        """From here on clients authenticate as the deployer's OAuth client; the policy has to own its tag."""
        client_id, secret = console.new_oauth_client(self.state, DEPLOYER, ["tag:support-access-deployer"], "deployer")
        del self.environ["TAILSCALE_API_KEY"]
        self.environ |= {"TAILSCALE_OAUTH_CLIENT_ID": client_id, "TAILSCALE_OAUTH_CLIENT_SECRET": secret}

    def use_federated_identity(self, issuer: Issuer, **fields: Any) -> dict[str, Any]:
        """From here on clients authenticate as the deployer's federated identity; the token itself is for the test.

        `fields` replace those of the identity, whose public form is returned.
        """
        self.control("PUT", "issuers", {issuer.url: issuer.jwks})
        body = {
            "keyType": "federated",
            "scopes": DEPLOYER,
            "tags": ["tag:support-access-deployer"],
            "issuer": issuer.url,
            "subject": SUBJECT,
            "audience": AUDIENCE,
        }
        made = keys.create(self.state, owner_of(self.state), body | fields)
        for name in ("TAILSCALE_API_KEY", "TAILSCALE_OAUTH_CLIENT_SECRET"):
            self.environ.pop(name, None)
        self.environ["TAILSCALE_OAUTH_CLIENT_ID"] = made["id"]
        return made

    @property
    def text(self) -> str:
        """The policy document as it stands."""
        return self.state.data["policy"]

    def client(self, **more: Any) -> Client:
        """A client with the deployer's credential; closed with the API."""
        client = Client(credentials(self.environ), **more)
        self._open.append(client)
        return client

    def close(self) -> None:
        for client in self._open:
            client.close()

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """One of the sandbox's own calls."""
        answer = httpx.request(
            method,
            f"{self.url}/sandbox/{path}",
            json=body,
            headers={"Authorization": f"Bearer {self.admin_key}"},
        )
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def calls(self) -> list[str]:
        """`METHOD path` of every call since the last time, without the sandbox's own."""
        made = [f"{call['method']} {call['path'].removeprefix('/api/v2')}" for call in self.control("GET", "calls")]
        self.control("DELETE", "calls")
        return made

    def faults(self, *faults: dict[str, Any]) -> None:
        self.control("PUT", "faults", list(faults))

    def register(self, hostname: str, tags: list[str]) -> dict[str, Any]:
        """A device with these tags comes online, by an auth key of the administrator."""
        body = {
            "capabilities": {"devices": {"create": {"reusable": False, "preauthorized": True, "tags": tags}}},
            "expirySeconds": 3600,
        }
        headers = {"Authorization": f"Bearer {self.admin_key}"}
        key = httpx.post(f"{self.url}/api/v2/tailnet/-/keys", json=body, headers=headers)
        assert key.is_success, key.text
        answer = httpx.post(
            f"{self.url}/sandbox/register",
            json={"authKey": key.json()["key"], "hostname": hostname, "clientVersion": "1.96.5", "os": "linux"},
        )
        assert answer.is_success, answer.text
        device = answer.json()
        self.poll(device, online=True)
        return device

    def serve(self, service: str, tag: str) -> None:
        """A Tailscale Service (`svc:...`) with this tag."""
        answer = httpx.put(
            f"{self.url}/api/v2/tailnet/-/vip-services/{service}",
            json={"name": service, "tags": [tag], "ports": ["tcp:443"]},
            headers={"Authorization": f"Bearer {self.admin_key}"},
        )
        assert answer.is_success, answer.text

    def poll(self, device: dict[str, Any], *, online: bool) -> None:
        answer = httpx.post(
            f"{self.url}/sandbox/poll",
            json={"nodeKey": device["nodeKey"], "online": online, "clientVersion": "1.96.5"},
        )
        assert answer.is_success, answer.text


@contextmanager
def running_api(policy: str | None = SEED, around: Callable[[ASGIApp], ASGIApp] = lambda app: app) -> Iterator[Api]:
    """The API on a free port, with this policy; None leaves the document of a tailnet that nobody edited.

    `around` puts something between the server and the application.
    """
    state = State()
    if policy is not None:
        console.seed(state, policy, USERS)
    app = around(create_app(state))
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="off", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        api = Api(state, f"http://127.0.0.1:{port}")
        try:
            yield api
        finally:
            api.close()
    finally:
        server.should_exit = True
        thread.join()


def put_policy(api: Api, text: str) -> None:
    """What a person does in the admin console."""
    answer = httpx.post(
        f"{api.url}/api/v2/tailnet/-/acl", content=text, headers={"Authorization": f"Bearer {api.admin_key}"}
    )
    assert answer.is_success, json.dumps(answer.json())
