"""The world's HTTP services in one process: `python -m sandbox.services`.

The Tailscale API at /, the cloud store at /cloud and the chart repository at /charts share one port; moto
(AWS) has its own. Owns the first state: the tailnet's policy, the deployer's OAuth client, the
administrator's key, the customers' network. When all of it listens, it writes `services.json` into its folder
(mode 0600: it holds secrets), in the shape of the same parts of world.json. All state is in memory and dies
with the process, on SIGTERM.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
import uvicorn
from moto.server import ThreadedMotoServer
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from sandbox import aws, ports
from sandbox.cloud.store import create_app as create_store
from sandbox.secret_file import write_secret
from sandbox.tailscale import console
from sandbox.tailscale.app import create_app as create_tailscale
from sandbox.tailscale.state import State

POLICY = Path(__file__).with_name("tailnet.hujson")

PEOPLE = {
    "admin@highflame.example": "owner",
    "ada@highflame.example": "member",
    "grace@highflame.example": "member",
    "lin@highflame.example": "member",
}

# What the pipeline that runs the program holds: each scope is one that a stack of some kind needs.
DEPLOYER_TAGS = ["tag:support-access-deployer"]
DEPLOYER_SCOPES = [
    "policy_file",
    "devices:core",
    "devices:posture_attributes",
    "oauth_keys",
    "federated_keys",
    "auth_keys",
    "services",
    "dns",
    "feature_settings",
    "networking_settings",
    "logs:configuration:read",
    "logs:network",
    "log_streaming",
    "webhooks",
]


def main(
    facts: Annotated[Path, typer.Option(help="The file to write when everything listens.")],
    chart: Annotated[Path, typer.Option(help="The folder of the Helm repository.")],
    cluster: Annotated[list[str], typer.Option(help="A cluster that gets a security group; repeat it.")],
) -> None:
    """Serve the Tailscale API, the clouds and the chart repository on loopback until SIGTERM."""
    moto = ThreadedMotoServer(ports.LOOPBACK, 0, verbose=False)
    moto.start()
    listener = ports.listening()
    url, aws_url = _url(*listener.getsockname()), _url(*moto.get_host_and_port())
    state = State()
    console.seed(state, POLICY.read_text(), PEOPLE)
    client_id, client_secret = console.new_oauth_client(
        state, DEPLOYER_SCOPES, DEPLOYER_TAGS, "support access deployer"
    )
    served = {
        "tailscale": {"url": url, "admin_key": console.new_admin_key(state)},
        "deployer": {"client_id": client_id, "client_secret": client_secret},
        "cloud": {"aws_url": aws_url, "store_url": f"{url}/cloud", **aws.create_network(aws_url, cluster)},
        "chart": {"repository": f"{url}/charts"},
    }
    app = Starlette(
        routes=[
            Mount("/cloud", create_store()),
            Mount("/charts", StaticFiles(directory=chart)),
            Mount("/", create_tailscale(state)),
        ]
    )
    write_secret(facts, json.dumps(served))
    config = uvicorn.Config(app, timeout_graceful_shutdown=1)
    uvicorn.Server(config).run(sockets=[listener])
    moto.stop()


def _url(host: str, port: int) -> str:
    return f"http://{host}:{port}"


if __name__ == "__main__":
    typer.run(main)
