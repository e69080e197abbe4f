"""Hosts, ranges and ports that the transport's vendor, the certificate authority and the image registries publish.

Owns a dated copy of each. Relays have a module of their own (derp_map.py); which features dial what, and why, is
components/egress/destinations.py's. Fetches nothing. Dies by: a change at the source needs a release; only the relays
are published in a form that a machine could compare.
"""

from __future__ import annotations

from typing import Literal

AS_OF = "2026-11"
SOURCE = "operator v1.96.5's source; the vendor's firewall page as quoted in July and November 2025"

CONTROL_RANGES_V4 = ("192.200.0.0/24",)
CONTROL_RANGES_V6 = ("2606:b740:49::/48",)
"""Published static ranges of the control plane, in canonical form. Relays have none: their addresses change."""

LOG_RANGES_V4 = ("199.165.136.0/24",)
LOG_RANGES_V6 = ("2606:b740:1::/48",)

CERTIFICATE_AUTHORITY = "acme-v02.api.letsencrypt.org"
"""Behind a CDN: no fixed addresses."""

DOCKER_HUB = ("auth.docker.io", "production.cloudflare.docker.com", "registry-1.docker.io")
GITHUB = ("ghcr.io", "pkg-containers.githubusercontent.com")
"""Registries serve layers from other hosts than manifests. As their own documents name them; not verified here."""

HTTPS, STUN_PORT = 443, 3478

Udp = Literal["off", "stun", "any"]
"""off: none. stun: port 3478, which only finds out and measures. any: every port of every host, for direct paths."""
