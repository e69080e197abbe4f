"""The policy document that lets everybody in: one with neither `acls` nor `grants`.

Owns its recognition. Recorded: with neither section the service compiles one rule, every device of the tailnet to
every other at every port; an empty list compiles to no rule at all. What such a document lets through is
`analysis.rules`', what a slice does about it `slice`'s. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .ownership import section_of

NETWORK_SECTIONS = ("acls", "grants")
"""The sections whose presence closes the network: all that is not in them is refused."""


def is_open(document: Mapping[str, Any]) -> bool:
    """Whether the document has neither section, or null in their place.

    No recording has a null. The service reads JSON in Go, where null and an absent list are the same, so it counts as
    absent: the more dangerous reading.
    """
    return all(section_of(document, section) is None for section in NETWORK_SECTIONS)
