"""The connections of the operator and its nodes, as clients really open them, and some that nobody needs.

Owns names, made-up addresses and whether a DNS question comes first. Addresses lie in the ranges for documentation, but
for the control plane's, which lies in its published range: no rule can know the others. Relays are dialled by address,
with the node's own name as the TLS server name. So is the control plane when it has handed out addresses, which need
not be those that the DNS has; when none of them answers, the client goes back to the name.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from components.endpoints import derp_map
from components.endpoints.published import CERTIFICATE_AUTHORITY, DOCKER_HUB

INSIDE, ELSEWHERE = "10.64.3.7", "10.99.0.1"
"""A node that the rules are for, and a machine of the customer's that they are not for."""

RELAYS = {name: f"198.51.100.{number}" for number, name in enumerate(derp_map.node_names(), start=1)}
"""Server name of every node to its address."""
CONTROL, LOGIN, API = "controlplane.tailscale.com", "login.tailscale.com", "api.tailscale.com"
LOGS, FOREIGN = "log.tailscale.com", "example.com"

ADDRESSES: dict[str, tuple[str, ...]] = {
    **{name: (address,) for name, address in RELAYS.items()},
    **{
        alias: tuple(RELAYS[f"derp{region}{letter}{derp_map.SUFFIX}"] for letter in derp_map.NODES[region] or [""])
        for region, alias in zip(derp_map.regions(), derp_map.aliases(), strict=True)
    },
    CONTROL: ("192.200.0.10",),
    LOGIN: ("192.200.0.11",),
    API: ("203.0.113.1",),
    LOGS: ("203.0.113.2",),
    CERTIFICATE_AUTHORITY: ("203.0.113.3",),
    **{host: (f"203.0.113.{number}",) for number, host in enumerate(DOCKER_HUB, start=4)},
    FOREIGN: ("203.0.113.200",),
}
"""What the DNS answers; the aliases of regions are there for firewalls that look names up themselves."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Connection:
    """host: the TLS server name, the Host header or, through a proxy, the name that it is asked for; None: none is
    sent. content: what is spoken. asks: whether the DNS is asked for the host just before. source: who dials. forged:
    whether the host is not whom the address belongs to."""

    host: str | None
    address: str
    port: int = 443
    content: Literal["tls", "http", "udp", "ssh"] = "tls"
    asks: bool = True
    source: str = INSIDE
    forged: bool = False

    @property
    def protocol(self) -> Literal["tcp", "udp"]:
        return "udp" if self.content == "udp" else "tcp"


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """One line of the table. needed: whether the operator does without it only at a loss."""

    label: str
    connections: tuple[Connection, ...]
    needed: bool = True


def to(host: str) -> Connection:
    """By name, over TLS."""
    return Connection(host=host, address=ADDRESSES[host][0])


def by_address(host: str) -> Connection:
    """Over TLS with the server's name, without a DNS question."""
    return replace(to(host), asks=False)


def datagram(address: str, port: int) -> Connection:
    return Connection(host=None, address=address, port=port, content="udp", asks=False)


STUN = Group(label="STUN to the relays, UDP 3478", connections=tuple(datagram(a, 3478) for a in RELAYS.values()))
PEER = Group(label="a peer directly, UDP to any port", connections=(datagram("198.51.100.250", 51820),))
PRIVATE_UDP = Group(
    label="a private address of the customer's, UDP", connections=(datagram("10.200.0.1", 53),), needed=False
)

TCP = (
    Group(label="control plane, by name", connections=(to(CONTROL), to(LOGIN))),
    Group(
        label="control plane, by an address that it handed out",
        connections=(replace(by_address(CONTROL), address="192.200.0.20"),),
    ),
    Group(label="API", connections=(to(API),)),
    Group(label="relays, by address with their server name", connections=tuple(map(by_address, RELAYS))),
    Group(label="certificate authority", connections=(to(CERTIFICATE_AUTHORITY),)),
    Group(label="image registries, from the nodes", connections=tuple(map(to, DOCKER_HUB))),
)
UNNEEDED = (
    Group(label="another host, TLS by name", connections=(to(FOREIGN),), needed=False),
    Group(
        label="another host, TLS by address, no name",
        connections=(Connection(host=None, address=ADDRESSES[FOREIGN][0], asks=False),),
        needed=False,
    ),
    Group(
        label="another host that claims a relay's server name",
        connections=(Connection(host="derp1f.tailscale.com", address=ADDRESSES[FOREIGN][0], asks=False, forged=True),),
        needed=False,
    ),
    Group(
        label="another host, HTTP on port 80",
        connections=(replace(to(FOREIGN), port=80, content="http"),),
        needed=False,
    ),
    Group(label="another host, HTTP on port 443", connections=(replace(to(FOREIGN), content="http"),), needed=False),
    Group(label="control plane on port 80", connections=(replace(to(CONTROL), port=80, content="http"),), needed=False),
    Group(
        label="a private address of the customer's, TLS",
        connections=(Connection(host=None, address="10.200.0.1", asks=False),),
        needed=False,
    ),
    Group(label="another host, SSH", connections=(replace(to(FOREIGN), port=22, content="ssh"),), needed=False),
    Group(label="the operator's logs, `log.tailscale.com`", connections=(to(LOGS),), needed=False),
    Group(
        label="the control plane, from a machine that the rules are not for",
        connections=(replace(to(CONTROL), source=ELSEWHERE),),
        needed=False,
    ),
)
