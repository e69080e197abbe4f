"""Routes into networks, and who serves them: what autoApprovers lets a tag serve, and grants with `via`.

Owns the list of routes and the question which of two owners overlap. Routes that a person approves by hand are in no
document and are not seen here. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..ownership import section_key, section_of
from .names import INTERNET, Document, Names, texts
from .networks import DEFAULT_ROUTES, Network, Networks, read
from .rules import Place, Rule


@dataclass(frozen=True, slots=True)
class Route:
    """Networks that nodes with a tag may serve. `text` is how the document calls them."""

    text: str
    networks: Networks
    tag: str
    place: Place

    @property
    def is_default(self) -> bool:
        return any(network.prefixlen == 0 for network in self.networks)


def routes(document: Document, names: Names, rules: Iterable[Rule]) -> list[Route]:
    """Every route of the document that a tag serves."""
    return [*_approved(document), *_by_grant(names, rules)]


def _approved(document: Document) -> Iterable[Route]:
    approvers = section_of(document, "autoApprovers")
    if not isinstance(approvers, Mapping):
        return
    name = section_key(document, "autoApprovers")
    for key, value in approvers.items():
        if key.lower() == "routes" and isinstance(value, Mapping):
            for index, (prefix, tags) in enumerate(value.items()):
                place = Place(f"{name}.{key}", index, prefix)
                for tag in _tags(tags):
                    yield Route(prefix, read(prefix), tag, place)
        elif key.lower() == "exitnode":
            for index, tag in enumerate(_tags(value)):
                yield Route("exit node", DEFAULT_ROUTES, tag, Place(f"{name}.{key}", index, tag))


def _by_grant(names: Names, rules: Iterable[Rule]) -> Iterable[Route]:
    for rule in rules:
        for tag in rule.via:
            for selector, _ in rule.destinations:
                networks = DEFAULT_ROUTES if selector == INTERNET else names.networks(selector)
                if networks:
                    yield Route(selector, networks, tag, rule.place)


def _tags(value: object) -> list[str]:
    return [text for text in texts(value) if text.startswith("tag:")]


class Overlaps:
    """Routes arranged so that those that overlap a network are found without comparing with every other."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._exact: dict[Network, list[Route]] = {}
        self._lengths: dict[int, set[int]] = {4: set(), 6: set()}
        for route in routes:
            for network in route.networks:
                self._exact.setdefault(network, []).append(route)
                self._lengths[network.version].add(network.prefixlen)

    def containing(self, network: Network) -> Iterable[Route]:
        """Routes to `network` or to one around it."""
        for length in self._lengths[network.version]:
            if length <= network.prefixlen:
                yield from self._exact.get(network.supernet(new_prefix=length), ())

    def of(self, networks: Networks) -> list[Route]:
        """Routes that share an address with one of `networks`."""
        found = [route for network in networks for route in self.containing(network)]
        found += [
            route
            for other, several in self._exact.items()
            if any(
                other.version == network.version and other.prefixlen > network.prefixlen and other.overlaps(network)
                for network in networks
            )
            for route in several
        ]
        return list(dict.fromkeys(found))
