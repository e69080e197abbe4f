"""The rules of a document that open the network: acls and grants, in one form.

Owns their reading, old forms too (`users` and `ports` in acls, names in any case), and the one rule of a document that
has neither section (`..open_policy`). Does not judge them. What it cannot read it takes on the wide side (a port that
is no port is every port): the server refuses such a document anyway. The ssh section is not here: Tailscale SSH needs a
connection, which only these rules open. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..open_policy import NETWORK_SECTIONS, is_open
from ..ownership import canonical, section_key, section_of
from .names import Document, entries, fields, texts

TCP, UDP = 6, 17
USUAL_PROTOCOLS = frozenset({1, TCP, UDP, 58})
"""What a rule that names no protocol lets through: TCP, UDP and ICMP (recorded)."""

ALL_PROTOCOLS = frozenset(range(256))
PROTOCOLS: Mapping[str, int] = {
    "icmp": 1, "igmp": 2, "ipv4": 4, "ip-in-ip": 4, "tcp": TCP, "egp": 8, "igp": 9, "udp": UDP,
    "gre": 47, "esp": 50, "ah": 51, "ipv6-icmp": 58, "sctp": 132,
}  # fmt: skip
_PORTS = re.compile(r"\*|[0-9]+(?:-[0-9]+)?")
_PORT_LIST = re.compile(rf"(?:{_PORTS.pattern})(?:,(?:{_PORTS.pattern}))*")


@dataclass(frozen=True, slots=True)
class Opening:
    """Ports `first` to `last` of some protocols. `text` is how the document says it."""

    first: int
    last: int
    protocols: frozenset[int]
    text: str = field(compare=False)

    def admits(self, port: int, protocol: int) -> bool:
        return self.first <= port <= self.last and protocol in self.protocols

    def includes(self, other: Opening) -> bool:
        return self.first <= other.first and other.last <= self.last and other.protocols <= self.protocols


@dataclass(frozen=True, slots=True)
class Place:
    """Where an entry stands and what it says. `index` counts from 0; None for what is not an entry of a section."""

    section: str
    index: int | None
    text: str

    def __str__(self) -> str:
        return self.section if self.index is None else f"{self.section}[{self.index}]"


@dataclass(frozen=True, slots=True)
class Rule:
    """Sources may reach each destination at what it opens; each gets the capabilities of `app` there.

    `postures`: alternatives, of which a source must meet one; each is a set of conditions that must all hold. None of
    them: no condition. `posture_names` is how the document calls them.
    """

    place: Place
    canonical: str
    sources: tuple[str, ...]
    destinations: tuple[tuple[str, tuple[Opening, ...]], ...]
    app: Mapping[str, Any] = field(default_factory=dict, hash=False)
    via: tuple[str, ...] = ()
    postures: frozenset[frozenset[str]] = frozenset()
    posture_names: tuple[str, ...] = ()

    def openings(self, destination: str) -> tuple[Opening, ...]:
        """What the rule opens at one of its destinations."""
        return tuple(opening for selector, opened in self.destinations if selector == destination for opening in opened)

    @property
    def elements(self) -> Iterator[str]:
        """Every selector that the rule names."""
        yield from self.sources
        for selector, _ in self.destinations:
            yield selector
        yield from self.via


def rules(document: Document) -> list[Rule]:
    """The acls and grants of a document, in their order; of an open one the rule that lets everybody in."""
    return [OPEN] if is_open(document) else entry_rules(document, document)


def entry_rules(sections: Document, definitions: Document) -> list[Rule]:
    """The acls and grants among `sections`, which need not be a whole document. Postures are looked up in
    `definitions`."""
    postures = _Postures(definitions)
    found: list[Rule] = []
    for section in NETWORK_SECTIONS:
        name = section_key(sections, section)
        for index, entry in entries(sections, section):
            rule = _rule(section, Place(name, index, json.dumps(entry, ensure_ascii=False)), entry, postures)
            if rule is not None:
                found.append(rule)
    return found


def _rule(section: str, place: Place, entry: Mapping[str, Any], postures: _Postures) -> Rule | None:
    given = fields(entry)
    sources = tuple(dict.fromkeys(texts(given.get("src")) + texts(given.get("users"))))
    if section == "acls":
        if given.get("action", "accept") != "accept":
            return None
        protocols = protocol_numbers(given.get("proto"))
        written = dict.fromkeys(texts(given.get("dst")) + texts(given.get("ports")))
        destinations = tuple(_acl_destination(text, protocols, given.get("proto")) for text in written)
        app: Mapping[str, Any] = {}
    else:
        opened = tuple(opening(text) for text in texts(given.get("ip")))
        destinations = tuple((text, opened) for text in dict.fromkeys(texts(given.get("dst"))))
        app = given["app"] if isinstance(given.get("app"), Mapping) else {}
    names = tuple(texts(given.get("srcposture"))) or postures.usual
    return Rule(
        place=place,
        canonical=canonical(entry),
        sources=sources,
        destinations=destinations,
        app=app,
        via=tuple(texts(given.get("via"))),
        postures=frozenset(postures.conditions(name) for name in names),
        posture_names=names,
    )


class _Postures:
    def __init__(self, document: Document) -> None:
        defined = section_of(document, "postures")
        self._defined: Mapping[str, Any] = defined if isinstance(defined, Mapping) else {}
        self.usual = tuple(texts(section_of(document, "defaultSrcPosture")))

    def conditions(self, name: str) -> frozenset[str]:
        return frozenset(texts(self._defined.get(name)))


def _acl_destination(text: str, protocols: frozenset[int], name: Any) -> tuple[str, tuple[Opening, ...]]:
    host, _, ports = text.rpartition(":")
    if not host or not _PORT_LIST.fullmatch(ports):
        host, ports = text, "*"
    prefix = f"{name}:" if isinstance(name, str) and name else ""
    opened = tuple(_ports(part, protocols, prefix + part) for part in ports.split(","))
    return host.removeprefix("[").removesuffix("]"), opened


def opening(text: str) -> Opening:
    """An element of a grant's `ip`: `*`, `443`, `80-443`, `tcp:443`, `icmp:*`."""
    if text == "*":
        return Opening(0, 65535, ALL_PROTOCOLS, text)
    name, colon, ports = text.partition(":")
    return _ports(ports, protocol_numbers(name), text) if colon else _ports(text, USUAL_PROTOCOLS, text)


def _ports(ports: str, protocols: frozenset[int], text: str) -> Opening:
    if ports == "*" or not _PORTS.fullmatch(ports):
        return Opening(0, 65535, protocols, text)
    first, _, last = ports.partition("-")
    return Opening(int(first), int(last or first), protocols, text)


def protocol_numbers(name: Any) -> frozenset[int]:
    """The protocols that a name or a number means; nothing means the usual ones, and what is neither means all."""
    if name is None or name == "":
        return USUAL_PROTOCOLS
    text = str(name).lower()
    if text in PROTOCOLS:
        return frozenset({PROTOCOLS[text]})
    return frozenset({int(text)}) if text.isascii() and text.isdigit() else ALL_PROTOCOLS


OPEN = Rule(
    place=Place("neither acls nor grants", None, "every device of the tailnet reaches every other at every port"),
    canonical="open",
    sources=("*",),
    destinations=(("*", (Opening(0, 65535, USUAL_PROTOCOLS, "*"),)),),
)
"""What the service compiles for an open document (recorded). It gives no capability and asks for no posture."""
