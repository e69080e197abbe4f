"""Names in GCP: those of a stack's own objects, and those of the hosts that rules by name let through.

Owns the spelling. GCP's rules have no labels, so a name begins with the customer's and environment's. What a rule by
name cannot open is told by left_out.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from components.egress.destinations import Destination, Spelling, spelled
from components.endpoints.published import HTTPS
from components.naming import Names


def object_name(names: Names, kind: str, place: str) -> str:
    """At most 63 characters, for a `kind` of up to four: as many as GCP takes. Unique among a stack's objects."""
    return f"{names.name}-{kind}-{hashlib.sha256(place.encode()).hexdigest()[:8]}"


def hosts(rows: Iterable[Destination], spelling: Spelling) -> list[str]:
    """What is dialled on TCP 443, sorted: one rule has one list of ports for all its names."""
    return sorted(host for host, port in spelled(rows, spelling) if port == HTTPS)
