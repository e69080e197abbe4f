"""The tables of docs/egress.md: what each target lets through, in words that the filters have said.

Owns the form, and the two marks in the page between which the tables stand.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from components.egress.destinations import Needs, Spelling, required, spelled
from tests.egress_networks.connections import PEER, PRIVATE_UDP, STUN, TCP, UNNEEDED, Group
from tests.egress_networks.network import Network
from tests.egress_networks.snooping import SnoopingFilter
from tests.egress_networks.stacks import CLOUDS, VARIANTS, Udp, networks

PAGE = Path(__file__).resolve().parents[2] / "docs" / "egress.md"
BEGIN, END = "<!-- Made by: python -m tests.egress_networks --write -->", "<!-- End of what was made. -->"

ROWS: tuple[tuple[str, Udp, Group], ...] = (
    *((group.label, "off", group) for group in TCP),
    *((group.label, "off", group) for group in UNNEEDED),
    (f"{STUN.label}; `udp: off`", "off", Group(label=STUN.label, connections=STUN.connections, needed=False)),
    (f"{STUN.label}; `udp: stun`", "stun", STUN),
    (f"{PEER.label}; `udp: stun`", "stun", Group(label=PEER.label, connections=PEER.connections, needed=False)),
    (f"{PEER.label}; `udp: any`", "any", PEER),
    (f"{PRIVATE_UDP.label}; `udp: any`", "any", PRIVATE_UDP),
)
"""Label, what `udp` is set to, and the connections."""
COUNTED = 10
"""So many connections in one line are told by their number."""


def tables() -> str:
    """All tables in Markdown, one per cloud, and one for the kind of filter that no target is for."""
    parts = [_cloud(cloud) for cloud in CLOUDS]
    allowed = spelled(required(Needs(images=("tailscale/tailscale",))), Spelling.WILDCARD)
    snooping = {"off": SnoopingFilter(allowed)}
    rows = [(label, [_cell(snooping, udp, group)]) for label, udp, group in ROWS if udp == "off"]
    parts.append(_table("No target: a filter that learns addresses from DNS answers", ["the wildcard allowed"], rows))
    return "\n\n".join(parts)


def _cloud(cloud: str) -> str:
    columns = [variant for variant in VARIANTS if variant.cloud == cloud]
    filters = [networks(variant) for variant in columns]
    rows = [(label, [_cell(found, udp, group) for found in filters]) for label, udp, group in ROWS]
    return _table(cloud, [variant.label for variant in columns], rows)


def _table(title: str, columns: list[str], rows: list[tuple[str, list[str]]]) -> str:
    lines = [["", *columns], ["---"] * (len(columns) + 1), *([label, *cells] for label, cells in rows)]
    return f"#### {title}\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(found: Mapping[Udp, Network], udp: Udp, group: Group) -> str:
    """`yes`, `no` or how many of how many; in bold where a needed one is shut or another one is open."""
    if udp not in found:
        return ""
    passing = sum(found[udp].passes(connection) for connection in group.connections)
    every = len(group.connections)
    few = {0: "no", every: "yes"} if every < COUNTED else {}
    text = few.get(passing, f"{passing} of {every}")
    wished = every if group.needed else 0
    return text if passing == wished else f"**{text}**"


def in_page(page: str) -> str:
    """The tables that the page holds. ValueError when it has not exactly one place for them."""
    before, mark, rest = page.partition(f"{BEGIN}\n")
    inside, end, after = rest.partition(f"\n{END}")
    if not (mark and end) or BEGIN in before + after or END in before + after:
        raise ValueError(f"{PAGE.name} must have {BEGIN} and {END} once each.")
    return inside


def with_tables(page: str, made: str) -> str:
    """The page with other tables in their place."""
    return page.replace(f"{BEGIN}\n{in_page(page)}\n{END}", f"{BEGIN}\n{made}\n{END}")
