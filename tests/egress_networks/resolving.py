"""What a firewall that looks names up itself makes of them: addresses, which it then compares.

Owns the lookup, with the limits that Google documents: no wildcard, 32 addresses of a family per name, and a name
without an answer is left out. What it has looked up may differ from what a client was answered, for hosts behind a
CDN; here both have the same answers.
"""

from __future__ import annotations

from collections.abc import Iterable

from tests.egress_networks.connections import ADDRESSES

MOST = 32


def addresses_of(names: Iterable[str]) -> tuple[str, ...]:
    """Networks of one address each. ValueError for a wildcard, which such a rule does not take."""
    found: list[str] = []
    for name in names:
        if "*" in name:
            raise ValueError(f"{name!r} cannot be looked up.")
        found += [f"{address}/32" for address in ADDRESSES.get(name, ())[:MOST]]
    return tuple(found)
