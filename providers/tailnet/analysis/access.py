"""The access map of one environment: who reaches it and as whom, and what its nodes reach.

Owns the map. Does not judge it (`findings`). Everything is listed under the selectors of the document, since those
are what a reviewer can change; a person is listed by name only where several entries together make them more than
each entry does. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ..logins import document_in_one_spelling
from ..ownership import section_of
from ..tags import Environment
from . import capabilities
from .names import SELF, Document, is_user
from .rules import TCP, Rule, entry_rules
from .standing import Standing, Who

Origin = Literal["declared", "foreign", "inherited"]
"""declared: of the environment's own stack. foreign: names a tag of the environment, but its stack does not declare it.
inherited: names none, and holds through a wildcard, a tag of the customer's chain, an autogroup or a network."""

API_PORT = 443


@dataclass(frozen=True, slots=True, order=True)
class Reach:
    """One source reaches one destination. `ip` is empty where a grant only gives capabilities: no port opens then.

    Of an inbound one the destination holds the environment's nodes or networks, of an outbound one the source does.
    """

    source: str
    destination: str
    ip: tuple[str, ...]
    capabilities: tuple[str, ...]
    postures: tuple[str, ...]
    via: tuple[str, ...]
    origin: Origin
    place: str
    """Section and index of the entry, `grants[3]`."""


@dataclass(frozen=True, slots=True, order=True)
class Caller:
    """Somebody at the environment's Kubernetes API.

    `user`: what the proxy impersonates them as, the login name of people and the name of tagged nodes. `groups`: the
    union over all matching grants. A caller without `connects` has a capability but no port; another entry may give it
    to some of them.
    """

    source: str
    user: str
    groups: tuple[str, ...]
    connects: bool


@dataclass(frozen=True, slots=True)
class AccessMap:
    environment: str
    inbound: tuple[Reach, ...]
    callers: tuple[Caller, ...]
    outbound: tuple[Reach, ...]


@dataclass(frozen=True, slots=True)
class Subject:
    """What the functions of this package work on: a document as one environment sees it, and what its stack declares.

    `declared` None: every entry that names a tag of the environment counts as declared.
    """

    standing: Standing
    declared: frozenset[str] | None
    declared_rules: tuple[Rule, ...]

    @classmethod
    def of(
        cls,
        document: Document,
        environment: Environment,
        declared: Mapping[str, Any] | None,
        devices: Iterable[Mapping[str, Any]],
    ) -> Subject:
        standing = Standing(document, environment, devices)
        if declared is None:
            own = tuple(rule for rule in standing.rules if standing.names_own_tag(rule))
            return cls(standing, None, own)
        declared = document_in_one_spelling(declared)
        postures = {**(section_of(document, "postures") or {}), **(section_of(declared, "postures") or {})}
        usual = section_of(document, "defaultSrcPosture")
        found = tuple(entry_rules(declared, {"postures": postures, "defaultSrcPosture": usual}))
        return cls(standing, frozenset(rule.canonical for rule in found), found)

    def origin(self, rule: Rule) -> Origin:
        if self.declared is not None and rule.canonical in self.declared:
            return "declared"
        if self.standing.names_own_tag(rule):
            return "declared" if self.declared is None else "foreign"
        return "inherited"

    def inbound(self) -> Iterable[tuple[Rule, str, str]]:
        """Rule, source and destination, for every destination that holds nodes or networks of the environment."""
        for rule in self.standing.rules:
            yield from ((rule, source, selector) for selector in self.reached(rule) for source in rule.sources)

    def reached(self, rule: Rule) -> list[str]:
        """The destinations of a rule that hold nodes or networks of the environment."""
        standing = self.standing
        found = (selector for selector, _ in rule.destinations if Who.OWN in standing.of_destination(selector, rule))
        return list(dict.fromkeys(found))

    def outbound(self) -> Iterable[tuple[Rule, str, str]]:
        """Rule, source and destination, for every source that holds nodes of the environment."""
        for rule in self.standing.rules:
            for source in rule.sources:
                if Who.OWN in self.standing.of(source):
                    reached = dict.fromkeys(selector for selector, _ in rule.destinations if selector != SELF)
                    yield from ((rule, source, selector) for selector in reached)


def access_map(
    document: Document,
    environment: Environment,
    devices: Iterable[Mapping[str, Any]] = (),
    *,
    declared: Mapping[str, Any] | None = None,
) -> AccessMap:
    """Who reaches the environment and what it reaches, under every rule of the document.

    devices: `{"tags": [...], "user": "ada@example.com", "addresses": [...]}`, to tell whose a single address is.
    declared: the sections `grants`, `acls` and `postures` that the environment's stack declares.
    """
    subject = Subject.of(document, environment, declared, devices)
    return AccessMap(
        environment=environment.name,
        inbound=_sorted(subject, subject.inbound()),
        callers=callers(subject),
        outbound=_sorted(subject, subject.outbound()),
    )


def _sorted(subject: Subject, found: Iterable[tuple[Rule, str, str]]) -> tuple[Reach, ...]:
    return tuple(
        sorted(
            Reach(
                source=source,
                destination=destination,
                ip=tuple(opening.text for opening in rule.openings(destination)),
                capabilities=tuple(sorted(rule.app)),
                postures=rule.posture_names,
                via=rule.via,
                origin=subject.origin(rule),
                place=str(rule.place),
            )
            for rule, source, destination in found
        )
    )


def api_rules(subject: Subject) -> list[tuple[Rule, bool]]:
    """Rules that matter at the environment's API, and whether each lets its sources connect to it."""
    found: list[tuple[Rule, bool]] = []
    for rule in subject.standing.rules:
        opened = [openings for selector, openings in rule.destinations if subject.standing.is_api(selector)]
        connects = any(opening.admits(API_PORT, TCP) for openings in opened for opening in openings)
        if connects or (opened and capabilities.impersonates(rule)):
            found.append((rule, connects))
    return found


def callers(subject: Subject) -> tuple[Caller, ...]:
    """Everybody at the environment's API with what they are impersonated as."""
    relevant = api_rules(subject)
    names = subject.standing.names
    selectors = {source for rule, _ in relevant for source in rule.sources}
    found = {selector: _caller(subject, selector, relevant) for selector in selectors}
    people = {user for selector in selectors for user in names.elements(selector) if is_user(user)} - selectors
    for user in people:
        caller = _caller(subject, user, relevant)
        lines = (found[selector].groups for selector in selectors if names.includes(selector, user))
        if caller.groups not in lines:  # the proxy adds up all that matches, which no single line says
            found[user] = caller
    return tuple(sorted(found.values()))


def _caller(subject: Subject, selector: str, relevant: list[tuple[Rule, bool]]) -> Caller:
    names = subject.standing.names
    matching = [
        (rule, connects)
        for rule, connects in relevant
        if any(names.includes(source, selector) for source in rule.sources)
    ]
    impersonated = frozenset[str]().union(*(capabilities.groups(rule) for rule, _ in matching))
    tagged = selector.startswith("tag:")
    people = subject.standing.of(selector) <= {Who.PEOPLE, Who.OUTSIDE}
    return Caller(
        source=selector,
        user="login name" if people else "node name" if tagged else "login name, or node name with its tags as groups",
        groups=tuple(sorted(impersonated or ({selector} if tagged else ()))),
        connects=any(connects for _, connects in matching),
    )
