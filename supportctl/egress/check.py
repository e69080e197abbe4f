"""`supportctl egress check`: the required egress compared with what is published and with what registries answer.

Owns the tables and the exit code. Changes nothing: a list that is out of date is fixed by a release, and until then by
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
from supportctl.egress import registries as registry
from supportctl.egress.registries import RegistryError
from supportctl.egress.relay_map import MapError, relay_map
from supportctl.screen import console

SAME, DIFFERS, NOT_COMPARED = 0, 1, 2
_WHAT = {"token": "the token service", "layers": "the layers", "manifests": "manifests"}


def run_check(url: str, file: Path | None, *, relays: bool, registries: bool, images: tuple[str, ...]) -> int:
    """Compares, and prints what each difference breaks. images: as nodes pull them; none: the operator's, from both
    places where it is published. Returns the exit code: a difference counts before what could not be compared."""
    results = [_relays(url, file)] if relays else []
    if registries:
        results += [_registry(image) for image in images or registry.published()]
    return next((code for code in (DIFFERS, NOT_COMPARED) if code in results), SAME)


def _relays(url: str, file: Path | None) -> int:
    try:
        found = derp_map.compare(relay_map(url, file))
    except (MapError, ValueError) as error:
        console(stderr=True).print(f"error: {error}", markup=False)
        return NOT_COMPARED
    ours = f"{len(derp_map.regions())} regions, {len(derp_map.node_names())} nodes, of {AS_OF}"
    if not found:
        console().print(f"The published map has the same relays as this program's copy ({ours}).", markup=False)
        return SAME
    _print(f"This program's copy ({ours}) is not the published map", rows(found))
    return DIFFERS


def _registry(image: str) -> int:
    try:
        found = registry.dialled(image)
    except RegistryError as error:
        console(stderr=True).print(f"error: {image} was not compared: {error}", markup=False)
        return NOT_COMPARED
    if missing := registry.unlisted(image, found):
        breaks = "every rule that names hosts: nodes cannot pull the image. The customer opens the host until a release"
        lines = ((f"host of {_WHAT[what]}", f"{host}:{port}", breaks) for (host, port), what in missing.items())
        _print(f"A pull of {image} dials hosts that are not in the required egress ({AS_OF})", lines)
        return DIFFERS
    ends = ", ".join(f"{host}:{port}" for host, port in found)
    console().print(f"A pull of {image} dials listed hosts only: {ends}.", markup=False)
    return SAME


def _print(title: str, lines: Iterator[tuple[str, str, str]]) -> None:
    table = Table(box=box.SIMPLE, title=title, title_justify="left")
    for column in ("difference", "which", "what it breaks"):
        table.add_column(column, overflow="fold")
    for line in lines:
        table.add_row(*line)
    console().print(table, soft_wrap=False)


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
