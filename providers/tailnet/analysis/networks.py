"""Addresses and prefixes as the policy writes them: `10.0.0.0/8`, `100.64.0.7`, `10.0.0.1-10.0.0.9`.

Owns their reading and arithmetic. Knows no document: names are resolved in `names`. What cannot be read is nothing, not
an error: the server refuses a document with it. Pure.
"""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Iterable

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Networks = tuple[Network, ...]

TAILNET_RANGES: Networks = (ipaddress.ip_network("100.64.0.0/10"), ipaddress.ip_network("fd7a:115c:a1e0::/48"))
"""Where the addresses of all devices lie. They are handed out in no order: a prefix of them holds anybody's."""

DEFAULT_ROUTES: Networks = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))


@functools.lru_cache(maxsize=65536)
def read(text: str) -> Networks:
    """The networks of an address, a prefix (host bits may be set) or a range `first-last`; empty if it is none."""
    try:
        if "-" in text:
            first, _, last = text.partition("-")
            return tuple(
                ipaddress.summarize_address_range(
                    ipaddress.ip_address(first.strip()),  # type: ignore[arg-type]  # of one version, or TypeError
                    ipaddress.ip_address(last.strip()),  # type: ignore[arg-type]
                )
            )
        return (ipaddress.ip_network(text, strict=False),)
    except (ValueError, TypeError):
        return ()


def overlap(one: Iterable[Network], other: Iterable[Network]) -> bool:
    """Whether an address lies in both. Prefixes of different IP versions have none in common."""
    others = tuple(other)
    return any(left.overlaps(right) for left in one for right in others if left.version == right.version)


def inside(narrow: Iterable[Network], wide: Iterable[Network]) -> bool:
    """Whether every address of `narrow` lies in `wide`."""
    left = tuple(narrow)
    for network in wide:
        left = without(left, network)
    return not left


def without(networks: Iterable[Network], removed: Network) -> Networks:
    """`networks` without the addresses of `removed`."""
    left: list[Network] = []
    for network in networks:
        if network.version != removed.version or not network.overlaps(removed):
            left.append(network)
        elif network.supernet_of(removed) and network != removed:  # type: ignore[arg-type]
            left += network.address_exclude(removed)  # type: ignore[arg-type]
    return tuple(left)


def is_single(networks: Networks) -> bool:
    """Whether this is one address."""
    return len(networks) == 1 and networks[0].num_addresses == 1


def in_tailnet(networks: Iterable[Network]) -> bool:
    """Whether a device's own address may lie in it."""
    return overlap(networks, TAILNET_RANGES)
