"""What `every public address` means, in networks.

Private addresses are left out, and reserved ones, which clouds give to pods and nodes: a rule that is asked first would
override what the customer denies between its own networks.
"""

from __future__ import annotations

import ipaddress

NOT_PUBLIC_V4 = (
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "224.0.0.0/3",
)
"""Private, shared and link-local networks, multicast, and what is reserved (IANA's special-purpose registry); not what
is reserved for examples."""

PUBLIC_V6 = ("2000::/3",)
"""Global unicast: all that is assigned to anybody."""


def public(version: int) -> list[str]:
    """Every public address of IP version 4 or 6, in networks that do not overlap, sorted."""
    if version == 6:
        return list(PUBLIC_V6)
    left = [ipaddress.IPv4Network("0.0.0.0/0")]
    for excluded in map(ipaddress.IPv4Network, NOT_PUBLIC_V4):
        left = [
            part
            for whole in left
            for part in (whole.address_exclude(excluded) if excluded.subnet_of(whole) else [whole])
        ]
    return [str(part) for part in sorted(left)]
