"""Hosts, ranges and ports that the transport's vendor, the certificate authority and the image registries publish.

Owns the copy, its date and its sources. The relays' names are in derp_map.py; which features dial what, and why, is in
components/egress/destinations.py. Fetches nothing: `supportctl egress check` compares the copy with what is published
and with what registries answer. A change at a source needs a release.
"""

from __future__ import annotations

from typing import Literal

AS_OF = "2026-12"
"""Month in which this copy, the relays' names included, was last compared with its sources."""
SOURCE = (
    "operator v1.96.5's source; the vendor's firewall page as quoted in July and November 2025; the relay map as a"
    " third party published it in August 2026; Docker's allowlist (docker/docs pull requests 25108 and 25304, May and"
    " June 2026)"
)

CONTROL_RANGES_V4 = ("192.200.0.0/24",)
CONTROL_RANGES_V6 = ("2606:b740:49::/48",)
"""Published static ranges of the control plane, in canonical form. Relays have none: their addresses change."""

LOG_RANGES_V4 = ("199.165.136.0/24",)
LOG_RANGES_V6 = ("2606:b740:1::/48",)

CERTIFICATE_AUTHORITY = "acme-v02.api.letsencrypt.org"
"""Behind a CDN: no fixed addresses."""

DOCKER_HUB = (
    "auth.docker.io",
    "production.cloudflare.docker.com",
    "production.cloudfront.docker.com",
    "registry-1.docker.io",
)
"""Layers come from the CloudFront host since May 2026. Docker took the Cloudflare host off its list in June 2026; it
stays here until no pull is reported to be redirected there."""
DOCKER_HUB_NAMES = ("docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com")
"""How image references spell Docker Hub, besides leaving the host out."""
GITHUB = ("ghcr.io", "pkg-containers.githubusercontent.com")
"""Manifests, and the host that layers are redirected to. Not verified against the real registries here."""

HTTPS, STUN_PORT = 443, 3478

Udp = Literal["off", "stun", "any"]
"""off: none. stun: port 3478, which only finds out and measures. any: every port of every host, for direct paths."""
