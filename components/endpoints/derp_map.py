"""The relays' names, and how the published map differs from them.

Owns a copy of the names of all nodes, in the spellings that rules want; its date and source are in published.py
(names generated from the published map: DawnAleax/tailscale-derp-rules, 15bf8299). Addresses are left out on purpose:
they change, and a list of them goes stale at the customer. Fetches nothing: `compare` is given the map. A new region
needs a new copy wherever rules name regions or nodes; the wildcard does not.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, fields
from typing import Any

MAP_URL = "https://controlplane.tailscale.com/derpmap/default"

DOMAIN = "tailscale.com"
SUFFIX = f".{DOMAIN}"
WILDCARD = f"*{SUFFIX}"

NODES: dict[int, str] = {
    **{1: "fghi", 2: "def", 3: "efgh", 4: "fghij", 5: "efg", 7: "efgh", 8: "efg", 9: "def"},
    **{10: "bcd", 11: "efg", 12: "def"},
    **dict.fromkeys(range(13, 27), "bcd"),
    **{27: "bcde", 28: "bcd"},
    6: "",
}
"""Region to the letters of its nodes: 1 has derp1f to derp1i. Region 6 has one node, without a letter."""


def regions() -> list[int]:
    return sorted(NODES)


def node_names(*, without: Collection[int] = ()) -> list[str]:
    """The host name of every node, which is the TLS server name that clients send. without: numbers of regions."""
    return [
        f"derp{region}{letter}{SUFFIX}"
        for region in regions()
        if region not in without
        for letter in NODES[region] or [""]
    ]


def aliases(*, without: Collection[int] = ()) -> list[str]:
    """One name per region that resolves to all its nodes, for firewalls that resolve names themselves."""
    return [alias(region) for region in regions() if region not in without]


def alias(region: int) -> str:
    return f"derp{region}-all{SUFFIX}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Differences:
    """What the published map says and our copy does not, or the other way round; each sorted.

    outside: host names that the wildcard does not cover. odd_ports: nodes on other ports than TCP 443 and UDP 3478.
    The last two break even rules with the wildcard.
    """

    new_regions: tuple[int, ...]
    gone_regions: tuple[int, ...]
    new_nodes: tuple[str, ...]
    gone_nodes: tuple[str, ...]
    outside: tuple[str, ...]
    odd_ports: tuple[str, ...]

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) for field in fields(self))


def compare(map_json: Any) -> Differences:
    """The published map, parsed from JSON, against our copy.

    map_json: `{"Regions": {"1": {"Nodes": [{"HostName": "derp1f.tailscale.com", "DERPPort"?, "STUNPort"?}]}}}`. Raises
    ValueError when it is something else, such as a proxy's page: an empty map is no map.
    """
    published: dict[int, list[dict[str, Any]]] = {}
    for number, region in _mapping(_mapping(map_json, "the map").get("Regions"), "Regions").items():
        if not re.fullmatch(r"[1-9][0-9]{0,8}", str(number)):
            raise ValueError(f"Not a relay map: region {number!r} is no number.")
        nodes = _mapping(region, f"region {number}").get("Nodes")
        if not isinstance(nodes, list) or not nodes:
            raise ValueError(f"Not a relay map: region {number} has no list of nodes.")
        published[int(number)] = [_mapping(node, f"a node of region {number}") for node in nodes]
    found = [node for nodes in published.values() for node in nodes]
    names = {_host(node) for node in found}
    ours = set(node_names())
    return Differences(
        new_regions=tuple(sorted(published.keys() - NODES.keys())),
        gone_regions=tuple(sorted(NODES.keys() - published.keys())),
        new_nodes=tuple(sorted(names - ours)),
        gone_nodes=tuple(sorted(ours - names)),
        outside=tuple(sorted(name for name in names if not name.endswith(SUFFIX))),
        odd_ports=tuple(sorted(_host(node) for node in found if _odd(node))),
    )


def _mapping(value: Any, what: str) -> dict[Any, Any]:
    if not isinstance(value, dict) or not value:
        raise ValueError(f"Not a relay map: {what} is missing or empty.")
    return value


def _host(node: dict[str, Any]) -> str:
    name = node.get("HostName")
    if not isinstance(name, str) or not name:
        raise ValueError("Not a relay map: a node has no HostName.")
    return name.lower().rstrip(".")


def _odd(node: dict[str, Any]) -> bool:
    """Absent and 0 mean the usual port; STUNPort -1 means that the node does no STUN, which needs no rule."""
    return node.get("DERPPort", 0) not in (0, 443) or node.get("STUNPort", 0) not in (0, -1, 3478)
