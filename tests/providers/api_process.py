"""The sandbox's Tailscale API in a process of its own: `python -m tests.providers.api_process`.

Reads the policy document from standard input, prints one line of JSON (`url`, `admin_key`, `client_id`,
`client_secret`) when it listens, and serves until SIGTERM. For tests in which the load of the server must not be the
load of the test.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from sandbox import ports
from sandbox.tailscale import console
from sandbox.tailscale.app import create_app
from sandbox.tailscale.state import State
from tests.providers.tailnet_api import DEPLOYER, USERS


class RemoteApi:
    """A running API: variables for a plugin, and the administrator's calls."""

    def __init__(self, told: dict[str, str]) -> None:
        self.environ = {
            "TAILSCALE_BASE_URL": told["url"],
            "TAILSCALE_OAUTH_CLIENT_ID": told["client_id"],
            "TAILSCALE_OAUTH_CLIENT_SECRET": told["client_secret"],
        }
        self._http = httpx.Client(base_url=told["url"], auth=(told["admin_key"], ""), trust_env=False)

    def text(self) -> str:
        """The policy document's text. To be asked while no fault is on."""
        answer = self._http.get("/api/v2/tailnet/-/acl", headers={"Accept": "application/hujson"})
        return answer.raise_for_status().content.decode()

    def faults(self, *faults: dict[str, Any]) -> None:
        self._http.put("/sandbox/faults", json=list(faults)).raise_for_status()

    def calls(self) -> list[dict[str, Any]]:
        """`method`, `path` and `status` of every call since the last time; the sandbox's own are not among them."""
        made = self._http.get("/sandbox/calls").raise_for_status().json()
        self._http.delete("/sandbox/calls").raise_for_status()
        return made

    def close(self) -> None:
        self._http.close()


@contextmanager
def separate_api(policy: str) -> Iterator[RemoteApi]:
    """The API with this document; its process is gone after the block."""
    command = [sys.executable, "-m", "tests.providers.api_process"]
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen(command, cwd=root, env=os.environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdin
            assert process.stdout
            process.stdin.write(policy.encode())
            process.stdin.close()
            api = RemoteApi(json.loads(process.stdout.readline()))
            try:
                yield api
            finally:
                api.close()
        finally:
            process.kill()


def main() -> None:
    state = State()
    console.seed(state, sys.stdin.buffer.read().decode(), USERS)
    client_id, secret = console.new_oauth_client(state, DEPLOYER, ["tag:support-access-deployer"], "deployer")
    listener = ports.listening()
    host, port = listener.getsockname()
    told = {"url": f"http://{host}:{port}", "admin_key": console.new_admin_key(state)}
    print(json.dumps({**told, "client_id": client_id, "client_secret": secret}), flush=True)
    # "critical": a connection that a fault breaks is no error to be told.
    config = uvicorn.Config(create_app(state), log_level="critical", lifespan="off", ws="none")
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
