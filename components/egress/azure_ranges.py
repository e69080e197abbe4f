"""Ranges of IPv4 addresses as one of Azure's rules takes them: none overlapping another.

Owns no list. Service tags are not used: with a default route of the customer's own the tag VirtualNetwork takes in
everything, and what then is left for the tag Internet is not documented.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable


def merged(ranges: Iterable[str]) -> list[str]:
    """The same addresses in ranges that do not overlap, sorted."""
    return [str(network) for network in ipaddress.collapse_addresses(map(ipaddress.IPv4Network, ranges))]
