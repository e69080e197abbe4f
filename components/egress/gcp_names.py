"""Names in GCP: those of a stack's own objects, and those of the hosts that rules by name let through.

Owns the spelling. GCP's rules have no labels, so a name begins with the customer's and environment's. Dies by: what a
rule by name cannot open is told, never left out silently.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from components.egress import derp_map
from components.egress.destinations import HTTPS, By, Destination, Spelling, spelled
from components.naming import Names


def object_name(names: Names, kind: str, place: str) -> str:
    """At most 63 characters, for a `kind` of up to four: as many as GCP takes. Unique among a stack's objects."""
    return f"{names.name}-{kind}-{hashlib.sha256(place.encode()).hexdigest()[:8]}"


def hosts(rows: Iterable[Destination], spelling: Spelling) -> list[str]:
    """What is dialled on TCP 443, sorted: one rule has one list of ports for all its names."""
    return sorted(host for host, port in spelled(rows, spelling) if port == HTTPS)


def left_out(rows: Iterable[Destination]) -> list[str]:
    """`host:port` of what is dialled by TCP in the customer's network and is not in `hosts`: other ports, and mirrors
    without a name."""
    tcp = [row for row in rows if row.protocol == "tcp" and row.by is not By.DEPLOYER]
    named = {host for host, port in spelled(tcp, Spelling.ALIASES) if port == HTTPS} | {derp_map.WILDCARD}
    return sorted(f"{row.host}:{row.port}" for row in tcp if row.host not in named or row.port != HTTPS)


def caution(target: str, place: str, rows: Iterable[Destination]) -> str | None:
    """What to tell about `left_out`, if there is anything."""
    ends = left_out(rows)
    if not ends:
        return None
    return f"{target} on {place} does not open {', '.join(ends)}: it opens names on TCP 443. The customer has to."
