"""What the policy document sets for the whole tailnet and an environment depends on: the function getTailnetDefaults.

Owns reading `derpMap` (the tailnet's own relays) and `defaultSrcPosture` as the service reads them: names of members
count in any case, absent numbers have the client's defaults (tailcfg/derpmap.go). Reads the document once; writes
nothing. What of it may be opened in a customer's network is decided in components/endpoints/relays.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .client import Client
from .ownership import section_of
from .problems import PolicyError
from .slice import read

HTTPS, STUN = 443, 3478


def tailnet_defaults(client: Client, _: Mapping[str, Any]) -> dict[str, Any]:
    """`srcPosture`: names of postures for rules without their own. `derpMap`: `omitDefaultRegions`, `removed` (numbers
    of regions that are null) and `nodes`, each `{region, host, port, stunPort, stunOnly, addresses, insecure}`; a
    stunPort of -1 is none. Raises PolicyError for a derpMap of another form."""
    document = read(client.policy().text)
    posture = section_of(document, "defaultSrcPosture") or []
    return {
        "srcPosture": [name for name in posture if isinstance(name, str)] if isinstance(posture, list) else [],
        "derpMap": _derp_map(section_of(document, "derpMap")),
    }


def _derp_map(written: Any) -> dict[str, Any]:
    members = _members(written, "it")
    removed: list[int] = []
    nodes: list[dict[str, Any]] = []
    for number, region in _mapping(members.get("regions"), "Regions").items():
        if not re.fullmatch(r"[1-9][0-9]{0,8}", str(number)):
            raise PolicyError(f"the policy document's derpMap is not a relay map: region {number!r} is not a number")
        if region is None:
            removed.append(int(number))
            continue
        listed = _members(region, f"region {number}").get("nodes") or []
        if not isinstance(listed, list):
            raise PolicyError(f"the policy document's derpMap is not a relay map: region {number} has no list of Nodes")
        nodes += [_node(int(number), _members(node, f"a node of region {number}")) for node in listed]
    return {"omitDefaultRegions": members.get("omitdefaultregions") is True, "removed": sorted(removed), "nodes": nodes}


def _node(region: int, members: Mapping[str, Any]) -> dict[str, Any]:
    addresses = [members.get("ipv4") or "", members.get("ipv6") or ""]
    return {
        "region": region,
        "host": str(members.get("hostname") or ""),
        "port": _number(members.get("derpport"), HTTPS),
        "stunPort": _number(members.get("stunport"), STUN),
        "stunOnly": members.get("stunonly") is True,
        # A client takes what is not an address for "none"; what is written is told, for others to refuse.
        "addresses": [str(address) for address in addresses if address and address != "none"],
        "insecure": members.get("insecurefortests") is True,
    }


def _number(value: Any, default: int) -> int:
    """Absent, null and 0 are the default; what is no number is a port that nobody can dial."""
    if value is None or value == 0:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or value % 1 != 0:  # not 0 for infinity
        return -2
    return int(value)


def _members(value: Any, what: str) -> dict[str, Any]:
    return {str(name).lower(): member for name, member in _mapping(value, what).items()}


def _mapping(value: Any, what: str) -> Mapping[Any, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise PolicyError(f"the policy document's derpMap is not a relay map: {what} is not an object")
    return value
