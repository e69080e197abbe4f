"""What the properties of all targets draw at random and look for, whichever cloud they are in."""

from __future__ import annotations

import ipaddress

from hypothesis import strategies as st

from components.egress import derp_map
from components.egress.destinations import CERTIFICATE_AUTHORITY

HEX = st.text("0123456789abcdef", min_size=8, max_size=8)
UDP = st.sampled_from(["off", "stun", "any"])
CIDR_V4 = st.builds(
    lambda bits, prefix: str(ipaddress.ip_network((bits, prefix), strict=False)),
    st.integers(0, 2**32 - 1),
    st.integers(1, 32),
)
CIDR_V6 = st.builds(
    lambda bits, prefix: str(ipaddress.ip_network((bits, prefix), strict=False)),
    st.integers(0, 2**128 - 1),
    st.integers(1, 128),
)
CIDRS = st.lists(CIDR_V4, min_size=1, max_size=4, unique=True)
BOTH = st.lists(CIDR_V4 | CIDR_V6, min_size=1, max_size=4, unique=True)


def covers(patterns: list[str], *, leading_dot: bool) -> bool:
    """Whether every relay, the API, the control plane and the certificate authority match one of the patterns."""

    def matches(host: str, pattern: str) -> bool:
        if pattern.startswith("." if leading_dot else "*."):
            return host.endswith(pattern.removeprefix("*"))
        return host == pattern

    needed = [
        *derp_map.node_names(),
        "api.tailscale.com",
        "controlplane.tailscale.com",
        CERTIFICATE_AUTHORITY,
        "registry-1.docker.io",
    ]
    return all(any(matches(host, pattern) for pattern in patterns) for host in needed)
