"""An explicit proxy: the client asks it for a host by name, and rules compare that name.

Owns the few words of the matcher that the target writes, and that what no rule allows is denied. Nothing but what
clients ask a proxy for comes through it: HTTP, and TCP by CONNECT. Tailscale's clients ask for relays by name too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.egress_networks.addresses import contains
from tests.egress_networks.connections import Connection
from tests.egress_networks.network import pattern_matches

_MATCHER = re.compile(
    r"\((?P<sources>[^()]+(?:\([^()]*\)[^()]*)*)\) && inUrlList\(host\(\), '(?P<list>[^']+)'\)"
    r" && destination\.port == (?P<port>\d+)"
)
_SOURCE = re.compile(r"inIpRange\(source\.ip, '([^']+)'\)")


@dataclass(frozen=True, slots=True)
class ProxyFilter:
    """sources: networks that the rule is for. hosts: `*.example.com` or one host."""

    sources: tuple[str, ...]
    hosts: tuple[str, ...]
    port: int

    def passes(self, connection: Connection) -> bool:
        asked = connection.address if connection.forged or connection.host is None else connection.host
        return (
            connection.protocol == "tcp"
            and connection.port == self.port
            and contains(self.sources, connection.source)
            and any(pattern_matches(host, asked) for host in self.hosts)
        )


def parse(matcher: str, lists: dict[str, tuple[str, ...]]) -> ProxyFilter:
    """lists: by their id. ValueError for words that are not known here."""
    found = _MATCHER.fullmatch(matcher)
    if found is None:
        raise ValueError(f"not a matcher that is understood here: {matcher}")
    parts = [_SOURCE.fullmatch(part) for part in found["sources"].split(" || ")]
    sources = tuple(part[1] for part in parts if part)
    if len(sources) != len(parts):
        raise ValueError(f"not sources that are understood here: {found['sources']}")
    return ProxyFilter(sources, lists[found["list"]], int(found["port"]))
