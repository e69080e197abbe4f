"""How a selector of the policy stands to one environment: its own, another customer's, staff, ...

Owns that classification, for sources and for destinations alike. Does not know what a rule opens. A selector that may
hold somebody holds them: the answer is on the wide side. Pure; every selector is looked at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from ..logins import document_in_one_spelling
from ..ownership import section_of
from ..tags import Environment
from .names import EVERYBODY, INTERNET, MEMBERS, ROLES, SELF, SHARED, TAGGED, Document, Names, is_user, texts
from .networks import DEFAULT_ROUTES, in_tailnet, is_single, overlap
from .reach import Party
from .routes import Overlaps, Route, routes
from .rules import Rule, rules
from .scheme import Owner, Scheme


class Who(StrEnum):
    """Who may be behind a selector, seen from one environment."""

    OWN = "its own nodes or networks"
    SIBLING = "another environment of the same customer"
    CUSTOMER = "another customer"
    PEOPLE = "people of the tailnet"
    VENDOR = "nodes of the vendor"
    OUTSIDE = "people of other tailnets"
    NETWORK = "a network"
    INTERNET = "the internet"
    UNKNOWN = "nobody that the document names"


Standings = frozenset[Who]
_NODES = frozenset({Who.OWN, Who.SIBLING, Who.CUSTOMER, Who.VENDOR})
_DEVICES = _NODES | {Who.PEOPLE}


class Standing:
    """One document as one environment sees it: its names, rules, routes, and who is who. People have the spelling that
    counts, whatever the document's."""

    def __init__(self, document: Document, environment: Environment, devices: Iterable[Mapping[str, Any]] = ()) -> None:
        self.document = document = document_in_one_spelling(document)
        self.environment = environment
        self.names = Names(document)
        self.scheme = Scheme(document)
        self.rules = rules(document)
        self.routes = routes(document, self.names, self.rules)
        self.has_siblings = any(
            other.customer == environment.customer and other != environment
            for other in self.scheme.environments.values()
        )
        self._devices = tuple(Party.of_device(device) for device in devices)
        self._overlaps = Overlaps(self.routes)
        self._services = _services(document)
        self._known: dict[str, Standings] = {}

    def of(self, selector: str) -> Standings:
        """Who may be behind a selector."""
        if selector not in self._known:
            self._known[selector] = self._look_up(selector)
        return self._known[selector]

    def of_destination(self, selector: str, rule: Rule) -> Standings:
        """The same for a destination: networks that `via` leads through certain nodes are reached through those."""
        if rule.via and (selector == INTERNET or self.names.networks(selector)):
            place = Who.INTERNET if selector == INTERNET else Who.NETWORK
            return frozenset({place}).union(*(self.of(tag) for tag in rule.via))
        return self.of(selector)

    def is_api(self, selector: str) -> bool:
        """Whether a destination holds a node that serves this environment's Kubernetes API."""
        own = self.environment
        if selector.startswith("tag:"):
            return selector in (own.kube_tag, own.api_tag, *own.chain_tags)
        if selector.startswith("svc:"):
            return Who.OWN in self.of(selector)
        networks = self.names.networks(selector)
        if networks and is_single(networks):
            return any(tag in (own.kube_tag, own.api_tag) for device in self._at(selector) for tag in device.tags)
        return in_tailnet(networks) if networks else selector in ("*", TAGGED)

    def names_own_tag(self, rule: Rule) -> bool:
        """Whether a tag of this environment alone stands in the rule, which makes that element the environment's."""
        return any(self.environment.owns(element) for element in rule.elements)

    def _look_up(self, selector: str) -> Standings:
        if selector == "*":
            return _DEVICES
        if selector == EVERYBODY:
            return _DEVICES | {Who.OUTSIDE}
        if selector == TAGGED:
            return _NODES
        if selector == SHARED:
            return frozenset({Who.OUTSIDE})
        if selector == SELF:
            return frozenset()  # tagged nodes are nobody's own: nothing of an environment is behind it
        if selector == INTERNET:
            serving = (route.tag for route in self._overlaps.of(DEFAULT_ROUTES) if route.is_default)
            return frozenset({Who.INTERNET}).union(*(self.of(tag) for tag in serving))
        if selector.startswith("tag:"):
            return self._of_tag(selector)
        if selector.startswith("svc:"):
            return self._of_service(selector)
        if selector.startswith("group:"):
            other = self.scheme.named(selector.removeprefix("group:"))
            theirs = other is not None and other.owns_name(selector)
            return self._of_environment(other) - {Who.OWN} | {Who.PEOPLE} if theirs else frozenset({Who.PEOPLE})
        if selector in (MEMBERS, "autogroup:members", *ROLES) or selector.startswith("user:") or is_user(selector):
            return frozenset({Who.PEOPLE})
        return self._of_networks(selector)

    def _of_tag(self, tag: str) -> Standings:
        # Asked of the environment itself: before its first `up` the document does not know it.
        if self.environment.owns(tag):
            return frozenset({Who.OWN})
        if tag in self.environment.chain_tags:
            return self._of_owner(Owner(self.environment.customer))
        return self._of_owner(self.scheme.owner(tag))

    def _of_owner(self, owner: Owner | None) -> Standings:
        if owner is None:
            return frozenset({Who.VENDOR})
        if owner.customer != self.environment.customer:
            return frozenset({Who.CUSTOMER})
        if owner.environment is None:
            return frozenset({Who.OWN, Who.SIBLING} if self.has_siblings else {Who.OWN})
        return frozenset({Who.OWN if owner.environment == self.environment.environment else Who.SIBLING})

    def _of_environment(self, environment: Environment | None) -> Standings:
        if environment is None:
            return frozenset({Who.VENDOR})
        return self._of_owner(Owner(environment.customer, environment.environment))

    def _of_service(self, service: str) -> Standings:
        tags = self._services.get(service, ())
        name = service.removeprefix("svc:")
        if name == self.environment.name or name.startswith(f"{self.environment.name}-"):
            tags = (*tags, self.environment.kube_tag) if self.scheme.named(name) in (None, self.environment) else tags
        if tags:
            return frozenset().union(*(self.of(tag) for tag in tags))
        return self._of_environment(self.scheme.named(name))

    def _of_networks(self, selector: str) -> Standings:
        networks = self.names.networks(selector)
        if not networks:
            return frozenset({Who.UNKNOWN})
        found = {Who.NETWORK}
        if in_tailnet(networks):
            if not is_single(networks):
                return _DEVICES
            for device in self._at(selector):
                found |= frozenset({Who.PEOPLE}) if device.user else frozenset()
                found = found.union(*(self.of(tag) for tag in device.tags))
        for route in self._overlaps.of(networks):
            found |= self.of(route.tag)
        return frozenset(found)

    def _at(self, selector: str) -> list[Party]:
        networks = self.names.networks(selector)
        return [device for device in self._devices if overlap(networks, device.addresses)]

    def routes_of(self, who: Who) -> list[Route]:
        """Routes that nodes of that standing may serve."""
        return [route for route in self.routes if who in self.of(route.tag)]


def _services(document: Document) -> dict[str, tuple[str, ...]]:
    """Service to the tags that may offer it, as far as the document says so."""
    approvers = section_of(document, "autoApprovers")
    if not isinstance(approvers, Mapping):
        return {}
    found: dict[str, tuple[str, ...]] = {}
    for key, value in approvers.items():
        if key.lower() == "services" and isinstance(value, Mapping):
            found |= {
                name: tuple(text for text in texts(tags) if text.startswith("tag:"))
                for name, tags in value.items()
                if name.startswith("svc:")
            }
    return found
