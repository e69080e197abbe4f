"""What the operator must reach, and why: the list that a customer's network team is handed.

Owns the data, with its date and source. Opens nothing: the targets do (aws_security_group.py). Older documents name
`derp1` to `derp30`, leave out the API host and the certificate authority, and take images from the package host; with
such a list the operator is online and every kubectl fails in its TLS handshake.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

AS_OF = "2026-11"
SOURCE = "operator v1.96.5's source; the vendor's firewall page as quoted in July and November 2025"

CONTROL_RANGES_V4 = ("192.200.0.0/24",)
CONTROL_RANGES_V6 = ("2606:b740:49::/48",)
"""Published static ranges of the control plane. Relays have none: their addresses change."""

DOCKER_HUB = ("auth.docker.io", "production.cloudflare.docker.com", "registry-1.docker.io")
"""As Docker's own documents name them; not verified here."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Destination:
    """One line of the allowlist. host: name or wildcard; port: TCP; by: who dials; why: what fails without it."""

    host: str
    port: int
    by: str
    why: str


def destinations(*, images: list[str]) -> list[Destination]:
    """Everything that an in-process API proxy needs, one line per host.

    images: repositories of the pinned images, `[HOST/]PATH`, that nodes pull.
    """
    pod = "operator pod"
    registries = sorted({host for image in images for host in registry_hosts(image)})
    return [
        *(Destination(host=host, port=443, by="node", why="pulls the pinned images") for host in registries),
        Destination(host="controlplane.tailscale.com", port=443, by=pod, why="control plane and token"),
        Destination(host="api.tailscale.com", port=443, by=pod, why="mints the operator's one auth key"),
        Destination(host="*.tailscale.com", port=443, by=pod, why="relays of every region: a peer's home may be any"),
        Destination(host="acme-v02.api.letsencrypt.org", port=443, by=pod, why="certificate of the API proxy"),
    ]


def registry_hosts(image: str) -> tuple[str, ...]:
    """Hosts that a node dials to pull an image; a first part without a dot or colon means Docker Hub."""
    host = image.split("/", 1)[0]
    return (host,) if "." in host or ":" in host else DOCKER_HUB


def allowlist(*, images: list[str]) -> dict[str, Any]:
    """The list as plain data for outputs and documents: `{asOf, source, destinations: [{host, port, by, why}]}`."""
    return {
        "asOf": AS_OF,
        "source": SOURCE,
        "destinations": [asdict(row) for row in destinations(images=images)],
    }
