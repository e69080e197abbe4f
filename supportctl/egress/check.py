"""`supportctl egress check`: the dated copy of the relays' names beside the published map.

Owns the table and the exit code. Changes nothing: a copy that is out of date is mended by a release, and until then by
the customer's own rule.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rich import box
from rich.table import Table

from components.endpoints import derp_map
from components.endpoints.derp_map import Differences
from components.endpoints.published import AS_OF
from supportctl.egress.relay_map import MapError, relay_map
from supportctl.screen import console

SAME, DIFFERS, NOT_COMPARED = 0, 1, 2


def run_check(url: str, file: Path | None) -> int:
    """Compares, and says what each difference breaks. Returns the exit code."""
    out = console()
    try:
        found = derp_map.compare(relay_map(url, file))
    except (MapError, ValueError) as error:
        console(stderr=True).print(f"error: {error}", markup=False)
        return NOT_COMPARED
    ours = f"{len(derp_map.regions())} regions, {len(derp_map.node_names())} nodes, of {AS_OF}"
    if not found:
        out.print(f"The published map has the same relays as this program's copy ({ours}).", markup=False)
        return SAME
    table = Table(box=box.SIMPLE, title=f"This program's copy ({ours}) is not the published map", title_justify="left")
    for column in ("difference", "which", "what it breaks"):
        table.add_column(column, overflow="fold")
    for row in rows(found):
        table.add_row(*row)
    out.print(table, soft_wrap=False)
    return DIFFERS


def rows(found: Differences) -> Iterator[tuple[str, str, str]]:
    """What differs, which, and what it means for the targets; one row per kind of difference."""
    by_alias = "rules that name regions (derpN-all): the firewall does not know its addresses"
    by_node = "rules that name nodes: it is not let through. The wildcard covers it"
    stale = "nothing; the rule lets a name through that nobody uses"
    for what, which, meaning in (
        ("new regions", found.new_regions, by_alias),
        ("gone regions", found.gone_regions, stale),
        ("new nodes", found.new_nodes, by_node),
        ("gone nodes", found.gone_nodes, stale),
        ("names outside the domain", found.outside, f"every rule: not even {derp_map.WILDCARD} covers it"),
        ("other ports", found.odd_ports, "every rule for TCP 443 or UDP 3478"),
    ):
        if which:
            yield what, ", ".join(map(str, which)), meaning
