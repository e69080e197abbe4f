"""What the properties of all targets draw at random and look for, whichever cloud they are in."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from components.endpoints import derp_map
from components.endpoints.published import CERTIFICATE_AUTHORITY

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


def lists_of(cidrs: st.SearchStrategy[str]) -> st.SearchStrategy[list[str]]:
    """Those that the settings take: not everything, neither one of them nor together."""
    return st.lists(cidrs, min_size=1, max_size=4, unique=True).filter(are_not_everything)


def are_not_everything(cidrs: list[str]) -> bool:
    sizes = {4: 2**32, 6: 2**128}
    for cidr in map(ipaddress.ip_network, cidrs):
        sizes[cidr.version] -= cidr.num_addresses
    return min(sizes.values()) > 0  # so many addresses are left over, however the ranges overlap


CIDRS = lists_of(CIDR_V4)
BOTH = lists_of(CIDR_V4 | CIDR_V6)


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
        "production.cloudfront.docker.com",
    ]
    return all(any(matches(host, pattern) for pattern in patterns) for host in needed)


PRIVATE = [ipaddress.ip_network(each) for each in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")]
PEERS = [ipaddress.ip_address(each) for each in ("192.200.0.1", "8.8.8.8", "2606:b740:49::1", "2001:4860:4860::8888")]


def public_only(ranges: Iterable[str]) -> bool:
    """Every kind of address that peers and relays have, no private one; and nothing twice, which Azure refuses."""
    networks = [ipaddress.ip_network(each) for each in ranges]
    versions = {network.version for network in networks}
    inside = [any(peer in network for network in networks) for peer in PEERS if peer.version in versions]
    outside = [one for one in networks for each in PRIVATE if one.version == each.version and one.overlaps(each)]
    by_version = [[network for network in networks if network.version == version] for version in versions]
    return bool(inside) and all(inside) and not outside and all(map(distinct, by_version))


def distinct(networks: list[Any]) -> bool:
    return not any(one.overlaps(other) for one, other in pairwise(sorted(networks)))
