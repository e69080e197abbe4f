"""What the probe dials: the stack's own list of destinations, relays by address, and what must stay shut.

Owns which is which. Relays get their addresses from the published map, not from the DNS: no client asks it for them,
and a probe that did would teach every filter that watches DNS answers what the operator never does. Dials nothing.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from components.egress.destinations import RELAYS, By, Destination, are_published_relays, required
from components.egress.needs import needs
from components.endpoints import derp_map
from components.endpoints.hosts import host_problem
from components.endpoints.published import HTTPS
from components.endpoints.relays import PUBLISHED, Relays
from components.settings.environment import EnvironmentSettings
from components.settings.network_policy import Form

STUN = "stun:"
"""In place of a URL: whether any relay answers by UDP."""


class Expect(StrEnum):
    """NEEDED: must answer. SHUT: must not. DECLARED: answers because the stack opens TCP 443 to everywhere."""

    NEEDED = "needed"
    SHUT = "must stay shut"
    DECLARED = "opened to everywhere"


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One thing to dial. url: what wget is given, or STUN. address: what the host is in this pod, for a relay.
    relay: whether it is one."""

    url: str
    expect: Expect
    why: str
    address: str | None = None
    relay: bool = False

    @property
    def label(self) -> str:
        return "relays, by UDP 3478" if self.url == STUN else self.url.rstrip("/")

    @property
    def host(self) -> str:
        return self.url.partition("//")[2].rpartition(":")[0]


class CheckError(Exception):
    """What cannot be dialled as it is written, and why."""


SHUT = ("example.com", "http://example.com:80", "http://controlplane.tailscale.com:80")
"""Hosts that nobody needs, and a port that the operator does without."""


def checks(settings: EnvironmentSettings, relay_map: Callable[[], Any], relays: Relays = PUBLISHED) -> list[Check]:
    """All of the stack's. relay_map: fetches the published one, parsed. relays: those that the tailnet uses. Raises
    CheckError for a map without addresses.

    Registries are left out: nodes dial them, and the probe's own image came from one. So is the chart's host, and what
    an HTTP proxy lets through: of that way the probe sees the proxy itself.
    """
    wanted = needs(settings, relays)
    rows = [row for row in required(wanted) if row.by is By.POD]
    named = [row for row in rows if not (are_published_relays(row) or row.own_relay)]
    found = [_needed(row, wanted.http_proxy) for row in named]
    for row in rows:
        if are_published_relays(row):
            found += _relays(relay_map(), row.without)
        elif row.own_relay and row.protocol == "tcp":
            found += _own_relay(row)
    by_name = Expect.DECLARED if everything_is_open(settings) else Expect.SHUT
    for text in SHUT:
        plain = text.startswith("http://")
        found.append(written(text, Expect.SHUT if plain else by_name, "nobody needs it"))
    return found


def everything_is_open(settings: EnvironmentSettings) -> bool:
    """Whether all that the stack opens it opens by address, TCP 443 to everywhere, and nothing of its own compares
    names on the way there."""
    if settings.network_policy.form is Form.CILIUM_SNI:
        return False
    return bool(settings.egress) and all(getattr(target, "derp", None) == "any443" for target in settings.egress)


def chosen(needed: Iterable[str], shut: Iterable[str]) -> list[Check]:
    """What somebody named instead of the stack's list. Raises CheckError."""
    return [
        *(written(text, Expect.NEEDED, "asked for") for text in needed),
        *(written(text, Expect.SHUT, "asked for") for text in shut),
    ]


def written(text: str, expect: Expect, why: str) -> Check:
    """`HOST`, `HOST:PORT`, or `http://HOST:PORT` for one that speaks no TLS."""
    plain = text.startswith("http://")
    host, _, port = text.removeprefix("http://").removeprefix("https://").rstrip("/").partition(":")
    problem = None if host == "localhost" or _is_ipv4(host) else host_problem(host)
    if problem is not None:
        raise CheckError(f"{text!r} cannot be dialled: {problem}. Write HOST, HOST:PORT or http://HOST:PORT.")
    if port and not (re.fullmatch(r"[1-9][0-9]{0,4}", port) and int(port) <= 65535):
        raise CheckError(f"{text!r} cannot be dialled: {port!r} is no port.")
    scheme = "http" if plain else "https"
    return Check(url=f"{scheme}://{host}:{port or (80 if plain else HTTPS)}/", expect=expect, why=why)


def _needed(row: Destination, http_proxy: str | None) -> Check:
    if row.protocol == "udp":
        return Check(url=STUN, expect=Expect.NEEDED, why=row.why)
    end = f"{row.host}:{row.port}"
    scheme = "http" if end == http_proxy else "https"
    return Check(url=f"{scheme}://{end}/", expect=Expect.NEEDED, why=row.why)


def _own_relay(row: Destination) -> Iterator[Check]:
    """By its first address in the policy document or, where it has none, by its name, as clients do."""
    address = next((cidr.partition("/")[0] for cidr in row.ranges), None)
    yield Check(
        url=f"https://{row.host}:{row.port}/",
        expect=Expect.NEEDED,
        why=row.why,
        address=address,
        relay=address is not None,
    )


def _relays(relay_map: Any, without: Collection[int]) -> Iterator[Check]:
    """Every node of the map, by its IPv4 address or, where it has none, by its IPv6 address. without: numbers of the
    regions that the tailnet does not use."""
    derp_map.compare(relay_map)  # refuses what is no map
    for region in (region for number, region in relay_map["Regions"].items() if int(number) not in without):
        for node in region["Nodes"]:
            name, address = node["HostName"].lower().rstrip("."), _address(node)
            if address is None:
                raise CheckError(f"The relay map has no address of {name}: it is not the published one.")
            if host_problem(name) is not None:
                raise CheckError(f"The relay map names {name!r}, which is no host: it is not the published one.")
            port = node.get("DERPPort") or HTTPS
            yield Check(
                url=f"https://{name}:{port}/", expect=Expect.NEEDED, why=RELAYS.why, address=address, relay=True
            )


def _address(node: dict[str, Any]) -> str | None:
    for key in ("IPv4", "IPv6"):
        try:
            return str(ipaddress.ip_address(node.get(key) or ""))
        except ValueError:
            continue
    return None


def _is_ipv4(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).version == 4
    except ValueError:
        return False
