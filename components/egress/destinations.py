"""What the declared features must reach, and why: the list that a customer's network team is handed.

Owns which feature dials what, and how each kind of rule spells a host. The data, with its dates and sources, is in
components/endpoints, and so is what of a tailnet's own relays is taken (relays.py). Opens nothing: the targets do.
Published relays are a wildcard here; their names, one by one, are in derp_map.py. Nothing is looked up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Literal
from urllib.parse import urlsplit

from components.endpoints import derp_map
from components.endpoints.hosts import address_of, host_problem
from components.endpoints.published import (
    AS_OF,
    CERTIFICATE_AUTHORITY,
    CONTROL_RANGES_V4,
    CONTROL_RANGES_V6,
    DOCKER_HUB,
    DOCKER_HUB_NAMES,
    GITHUB,
    HTTPS,
    LOG_RANGES_V4,
    LOG_RANGES_V6,
    SOURCE,
    STUN_PORT,
    Udp,
)
from components.endpoints.relays import PUBLISHED, Relays
from components.naming import CHART_REPOSITORY
from components.settings.images import names_host

ANY = "*"


class By(StrEnum):
    """Who dials. Rules in the customer's cloud are for the first two."""

    POD = "operator pod"
    NODE = "node"
    DEPLOYER = "whoever runs Helm"


@dataclass(frozen=True, kw_only=True, slots=True)
class Needs:
    """The declared features, as far as the way out depends on them.

    images: repositories of the pinned images, `[HOST[:PORT]/]PATH`, that nodes pull. api_proxy, ingress: either takes
    its certificate from the authority. chart: the repository's URL, None for a chart that lies here. recordings: host,
    or host:port, that takes session recordings. logs: whether the operator sends its own logs to the vendor of the
    transport. http_proxy: `host:port` of the proxy through which pods dial everything outside the cluster. relays:
    those that the tailnet uses.
    """

    images: tuple[str, ...]
    api_proxy: bool = True
    ingress: bool = False
    logs: bool = False
    chart: str | None = CHART_REPOSITORY
    recordings: str | None = None
    udp: Udp = "off"
    http_proxy: str | None = None
    relays: Relays = PUBLISHED


@dataclass(frozen=True, kw_only=True, slots=True)
class Destination:
    """One line of the allowlist.

    host: a name, `*.tailscale.com` for the published relays, or `*` for any. port: None is any. ranges: published
    static ones, or the addresses of a relay of the tailnet's own; empty when there are none. why: what fails without
    it. own_relay: whether the policy document names it. without: of the published relays, numbers of the regions that
    the tailnet does not use.
    """

    host: str
    port: int | None = HTTPS
    protocol: Literal["tcp", "udp"] = "tcp"
    ranges: tuple[str, ...] = ()
    by: By = By.POD
    why: str
    own_relay: bool = False
    without: tuple[int, ...] = ()


CONTROL = Destination(
    host="controlplane.tailscale.com",
    ranges=CONTROL_RANGES_V4 + CONTROL_RANGES_V6,
    why="control plane and token: the operator does not come online",
)
LOGIN = Destination(
    host="login.tailscale.com",
    ranges=CONTROL_RANGES_V4 + CONTROL_RANGES_V6,
    why="the control plane's other name, which redirects and older clients use",
)
API = Destination(host="api.tailscale.com", why="the operator cannot mint its one auth key")
RELAYS = Destination(
    host=derp_map.WILDCARD,
    why="relays of every region, because a peer's home may be any: without one, random pairs of devices fail",
)
OWN_RELAY = "a relay of the tailnet's own: a peer whose home it is cannot be reached without it"
CERTIFICATES = Destination(
    host=CERTIFICATE_AUTHORITY,
    why="certificates: the device is online and every kubectl fails in its TLS handshake, at renewal too",
)
LOGS = Destination(
    host="log.tailscale.com",
    ranges=LOG_RANGES_V4 + LOG_RANGES_V6,
    why="the operator's logs do not reach the vendor of the transport; nothing else fails",
)
UDP = {
    "off": (),
    "stun": (
        Destination(
            host=ANY, port=STUN_PORT, protocol="udp", why="relays are measured by UDP; direct paths need more than this"
        ),
    ),
    "any": (
        Destination(
            host=ANY,
            port=None,
            protocol="udp",
            why="direct paths: a peer is at any address and port; else it is relays",
        ),
    ),
}


def required(needs: Needs) -> tuple[Destination, ...]:
    """Everything that `needs` dials, one row per host, port and protocol; in an order that does not change.

    Behind an HTTP proxy pods dial the proxy in place of every TCP row. Raises ValueError when the endpoint of the
    recordings is no host.
    """
    rows = _without_proxy(needs)
    if needs.http_proxy is None:
        return rows
    host, port = _end(needs.http_proxy)
    proxy = Destination(host=host, port=port, why="the way out of every pod: without it nothing comes online")
    return (proxy, *(row for row in rows if row.by is not By.POD or row.protocol == "udp"))


def through_proxy(needs: Needs) -> tuple[Destination, ...]:
    """What the HTTP proxy must let pods reach by CONNECT; nothing where there is none."""
    if needs.http_proxy is None:
        return ()
    return tuple(row for row in _without_proxy(needs) if row.by is By.POD and row.protocol == "tcp")


def _without_proxy(needs: Needs) -> tuple[Destination, ...]:
    rows = [
        *(
            Destination(host=host, port=port, by=By.NODE, why="nodes cannot pull the pinned images")
            for host, port in sorted({end for image in needs.images for end in registry_ends(image)})
        ),
        CONTROL,
        LOGIN,
        API,
        *_relays(needs.relays),
    ]
    if needs.api_proxy or needs.ingress:
        rows.append(CERTIFICATES)
    if needs.logs:
        rows.append(LOGS)
    if needs.recordings:
        host, port = _end(needs.recordings)
        rows.append(Destination(host=host, port=port, why="session recordings cannot be stored"))
    if needs.chart is not None:
        chart = urlsplit(needs.chart)
        host, port = chart.hostname or "", chart.port or HTTPS
        rows.append(Destination(host=host, port=port, by=By.DEPLOYER, why="the chart cannot be fetched"))
    return (*rows, *UDP[needs.udp], *(_stun(needs.relays) if needs.udp == "stun" else ()))


def _relays(relays: Relays) -> Iterator[Destination]:
    if relays.published:
        yield replace(RELAYS, without=relays.removed)
    for relay in relays.own:
        if relay.port is not None:
            yield Destination(host=relay.host, port=relay.port, ranges=relay.ranges, why=OWN_RELAY, own_relay=True)


def _stun(relays: Relays) -> Iterator[Destination]:
    """Of the tailnet's own, by name: where `udp` is `any`, that opens these too."""
    for relay in relays.own:
        if relay.stun_port is not None:
            yield Destination(
                host=relay.host,
                port=relay.stun_port,
                protocol="udp",
                ranges=relay.ranges,
                why="a relay of the tailnet's own is measured by UDP",
                own_relay=True,
            )


def are_published_relays(row: Destination) -> bool:
    """Whether a row stands for the published relays: it is the one with a wildcard."""
    return row.host == derp_map.WILDCARD


def static_ranges(rows: Iterable[Destination]) -> list[str]:
    """Networks that pods dial on TCP 443 and whose addresses are known, sorted: for rules that know no names."""
    dialled = [row for row in rows if row.protocol == "tcp" and row.port == HTTPS and row.by is By.POD]
    return sorted({cidr for row in dialled for cidr in row.ranges})


def registry_ends(image: str) -> tuple[tuple[str, int], ...]:
    """Hosts and ports that a node dials to pull an image; a first part without a dot or colon means Docker Hub."""
    first = image.split("/", 1)[0].lower()
    if not names_host(image) or first in DOCKER_HUB_NAMES:
        return tuple((host, HTTPS) for host in DOCKER_HUB)
    if first in GITHUB:
        return tuple((host, HTTPS) for host in GITHUB)
    host, _, port = first.partition(":")
    return ((host, int(port or HTTPS)),)


def _end(text: str) -> tuple[str, int]:
    """Host and port of `host` or `host:port`; ValueError with the reason."""
    host, _, port = text.partition(":")
    problem = host_problem(host)
    if problem or (port and not re.fullmatch(r"[1-9][0-9]{0,4}", port)):
        raise ValueError(f"{text!r} is not a host, or host:port: {problem or 'the port is no number'}.")
    return host, int(port or HTTPS)


class Spelling(StrEnum):
    """How a kind of rule names the relays.

    WILDCARD: `*.tailscale.com`, for filters on the TLS server name, the CONNECT host or the DNS question. SUFFIX: the
    same as `.tailscale.com`. ALIASES: `derpN-all`, for firewalls that resolve names themselves; no client asks for them
    or sends them. NODES: the server name of every relay, where there is no wildcard.
    """

    WILDCARD = "wildcard"
    SUFFIX = "suffix"
    ALIASES = "aliases"
    NODES = "nodes"


def spelled(rows: Iterable[Destination], spelling: Spelling) -> list[tuple[str, int]]:
    """Host and port of every TCP row that is dialled in the customer's network, relays as `spelling` says.

    What the wildcard covers is not said twice.
    """
    tcp = [row for row in rows if row.protocol == "tcp" and row.by is not By.DEPLOYER and row.port is not None]
    covered = spelling in (Spelling.WILDCARD, Spelling.SUFFIX) and any(map(are_published_relays, tcp))
    found: dict[tuple[str, int], None] = {}  # a set that keeps the order
    for row in tcp:
        if address_of(row.host):
            continue  # a mirror without a name: no name to let through
        if are_published_relays(row):
            found |= dict.fromkeys((name, HTTPS) for name in _spelled_relays(row, spelling))
        elif not (covered and row.port == HTTPS and row.host.endswith(derp_map.SUFFIX)):
            found[row.host, row.port or HTTPS] = None
    return list(found)


def _spelled_relays(row: Destination, spelling: Spelling) -> list[str]:
    match spelling:
        case Spelling.WILDCARD:
            return [derp_map.WILDCARD]
        case Spelling.SUFFIX:
            return [derp_map.SUFFIX]
        case Spelling.ALIASES:
            return derp_map.aliases(without=row.without)
        case Spelling.NODES:
            return derp_map.node_names(without=row.without)


def allowlist(needs: Needs) -> dict[str, Any]:
    """The list as plain data for outputs and documents.

    `{asOf, source, destinations: [{host, port, protocol, ranges, by, why}]}`; port is None for any. Behind an HTTP
    proxy also `throughProxy`, rows of the same form: what the proxy itself must let through. Where the policy document
    names relays also `relays`, as `Relays.plain` writes them.
    """
    beyond = through_proxy(needs)
    return {
        "asOf": AS_OF,
        "source": SOURCE,
        "destinations": [_plain(row) for row in required(needs)],
        **({"throughProxy": [_plain(row) for row in beyond]} if beyond else {}),
        **({"relays": needs.relays.plain()} if needs.relays != PUBLISHED else {}),
    }


def _plain(row: Destination) -> dict[str, Any]:
    return {
        "host": row.host,
        "port": row.port,
        "protocol": row.protocol,
        "ranges": list(row.ranges),
        "by": str(row.by),
        "why": row.why,
    }
