"""Which relays a tailnet uses: the published regions, those that its policy document removes, and relays of its own.

Owns what of a document's `derpMap` may be opened in a customer's network. The document is the whole tailnet's, so a
mistake in it reaches every customer: only a full host name, TLS on a usual port and public addresses are taken, and
every other relay is left out by name. Reads no document: the provider does (getTailnetDefaults).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from components.endpoints import derp_map
from components.endpoints.hosts import address_of, host_problem
from components.endpoints.published import HTTPS

MOST = 50
"""Relays of its own. Firewalls bound their rules; a longer list is a mistake, or an attack."""
FIRST_FREE_PORT = 1024
"""Below it, only 443 is a relay's: another service may answer there."""
NOT_PUBLIC = (".internal", ".local", ".localhost", ".home.arpa")
"""Ends of names that the public DNS never has (RFC 6761, 6762 and 8375, ICANN): what answers is the customer's own."""
AZURE_PLATFORM = ipaddress.ip_address("168.63.129.16")


@dataclass(frozen=True, kw_only=True, slots=True)
class Relay:
    """One of the tailnet's own. port: TCP, with TLS; None where it answers STUN alone. stun_port: UDP; None where it
    answers none. addresses: those that clients dial; without any they ask the DNS."""

    host: str
    port: int | None = HTTPS
    stun_port: int | None = None
    addresses: tuple[str, ...] = ()

    @property
    def ranges(self) -> tuple[str, ...]:
        return tuple(str(ipaddress.ip_network(address)) for address in self.addresses)


@dataclass(frozen=True, kw_only=True, slots=True)
class Relays:
    """published: whether any published region is used. removed: numbers of published regions that are not. own: relays
    of the tailnet's own. left_out: a sentence for each that is not taken."""

    published: bool = True
    removed: tuple[int, ...] = ()
    own: tuple[Relay, ...] = ()
    left_out: tuple[str, ...] = ()

    def plain(self) -> dict[str, Any]:
        """As JSON holds it; `from_plain` reads it."""
        return {
            "published": self.published,
            "removed": list(self.removed),
            "own": [
                {
                    "host": relay.host,
                    "port": relay.port,
                    "stunPort": relay.stun_port,
                    "addresses": list(relay.addresses),
                }
                for relay in self.own
            ],
            "leftOut": list(self.left_out),
        }


PUBLISHED = Relays()
"""Where the policy document says nothing of relays."""


def from_plain(value: Mapping[str, Any] | None) -> Relays:
    """What `Relays.plain` wrote; None: nothing was written."""
    if value is None:
        return PUBLISHED
    return Relays(
        published=value["published"],
        removed=tuple(int(number) for number in value["removed"]),
        own=tuple(
            Relay(
                host=row["host"],
                port=_whole(row["port"]),
                stun_port=_whole(row["stunPort"]),
                addresses=tuple(row["addresses"]),
            )
            for row in value["own"]
        ),
        left_out=tuple(value["leftOut"]),
    )


def of_document(found: Mapping[str, Any]) -> Relays:
    """found: `derpMap` as getTailnetDefaults gives it. A region of the document replaces the published one of its
    number; where the published ones are omitted, but there is no other, the service keeps them (tailcfg/derpmap.go)."""
    replaced = {int(node["region"]) for node in found["nodes"]}
    removed = {int(number) for number in found["removed"]} | (replaced & derp_map.NODES.keys())
    omitted = bool(found["omitDefaultRegions"]) and bool(replaced)
    own: dict[Relay, None] = {}
    left_out: list[str] = []
    for node in found["nodes"]:
        relay = _relay(node)
        problem = _problem(node, relay)
        if problem is None and len(own) >= MOST and relay not in own:
            problem = f"there are more than {MOST}"
        if problem is None:
            own[relay] = None
        else:
            name = f"{str(node['host'])[:100]!r} (region {int(node['region'])})"
            left_out.append(
                f"The policy document's derpMap names the relay {name}, and {problem}: it is left out of the required"
                " egress, and no rule opens it. Clients still try it. Fix: correct the relay in the policy document."
            )
    return Relays(
        published=not omitted and bool(derp_map.NODES.keys() - removed),
        removed=tuple(sorted(removed)),
        own=tuple(own),
        left_out=tuple(left_out),
    )


def _relay(node: Mapping[str, Any]) -> Relay:
    stun = int(node["stunPort"])
    return Relay(
        host=str(node["host"]).lower(),
        port=None if node["stunOnly"] else int(node["port"]),
        stun_port=None if stun == -1 else stun,
        addresses=tuple(dict.fromkeys(map(_canonical, node["addresses"]))),
    )


def _problem(node: Mapping[str, Any], relay: Relay) -> str | None:
    """Why the relay may not be opened, as the end of a sentence."""
    if node["insecure"]:
        return "InsecureForTests turns the check of its certificate off"
    if problem := host_problem(relay.host):
        return f"its HostName is not usable in rules: {problem}"
    # Resolvers read what ends in a number as an address: 127.1 and 0x7f.1 are 127.0.0.1.
    if "." not in relay.host or re.search(r"\.([0-9]+|0x[0-9a-f]*)$", relay.host):
        return "its HostName is not a full host name"
    if relay.host.endswith(NOT_PUBLIC):
        return "its HostName is not in the public DNS: in a customer's network it may be anything of the customer's"
    if relay.port is not None and not _usual(relay.port, HTTPS):
        return f"its DERPPort is {relay.port}, which is neither {HTTPS} nor a port from {FIRST_FREE_PORT} on"
    if relay.stun_port is not None and not _usual(relay.stun_port):
        return f"its STUNPort is {relay.stun_port}, which is not a port from {FIRST_FREE_PORT} on"
    return next(_address_problems(relay.addresses), None)


def _address_problems(addresses: tuple[str, ...]) -> Iterator[str]:
    for text in addresses:
        address = address_of(text)
        if address is None or "%" in text:  # a zone is of one machine, and firewalls take none
            yield f"{text!r} is not an address"
        elif not _is_public(address):
            yield f"its address {text} is not public: in a customer's network it may be anything of the customer's"


def _is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and (
        address not in ipaddress.ip_network("2000::/3") or address.sixtofour is not None
    ):
        return False
    return address.is_global and not address.is_multicast and address != AZURE_PLATFORM


def _usual(port: int, *well_known: int) -> bool:
    return port in well_known or FIRST_FREE_PORT <= port <= 65535


def _canonical(text: str) -> str:
    address = address_of(text)
    return text if address is None else str(address)


def _whole(value: float | None) -> int | None:
    """Numbers of outputs are floating-point."""
    return None if value is None else int(value)
