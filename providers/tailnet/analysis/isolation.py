"""The judgement of an environment's access map: `findings`.

Owns which situation is which kind of finding (their words are `finding`'s). Tests that the document itself holds do not
count here: they see no app capabilities, and whoever edits the document can remove them. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..ownership import section_key
from ..tags import Environment
from . import capabilities
from .access import Subject, api_rules
from .coverage import impersonates, opens
from .finding import Cause, Finding, merged
from .names import Document, covered, entries, fields, texts
from .networks import overlap
from .rules import Place, Rule
from .standing import Who

_NOT_OURS = frozenset({Who.CUSTOMER, Who.OUTSIDE})


def findings(
    document: Document,
    environment: Environment,
    *,
    declared: Mapping[str, Any] | None = None,
    devices: Iterable[Mapping[str, Any]] = (),
) -> list[Finding]:
    """Everything in the document that breaks, or may break, the isolation of the environment; failures first.

    declared: the sections `grants`, `acls` and `postures` of the environment's stack; None: every entry that names one
    of its tags counts as declared. devices: see `access_map`.
    """
    subject = Subject.of(document, environment, declared, devices)
    causes = [
        *_inbound(subject),
        *_impersonation(subject),
        *_outbound(subject),
        *_funnel(subject),
        *_routes(subject),
    ]
    return merged(environment.name, causes)


def _inbound(subject: Subject) -> Iterator[Cause]:
    names = subject.standing.names
    connecting = [rule for rule in subject.declared_rules if any(opened for _, opened in rule.destinations)]
    declared_sources = [source for rule in connecting for source in rule.sources]
    for rule, source, destination in subject.inbound():
        openings = rule.openings(destination)
        who = subject.standing.of(source)
        if not openings or who == {Who.OWN}:
            continue
        if who & _NOT_OURS:
            yield "foreign-customer", source, "", rule.place
        elif subject.origin(rule) == "declared":
            continue
        elif Who.SIBLING in who:
            yield "foreign-environment", source, "", rule.place
        elif not covered(names, declared_sources, source):
            yield "undeclared-reach", source, "", rule.place
        elif not all(opens(names, connecting, source, destination, opening, rule) for opening in openings):
            yield "wider-reach", source, "", rule.place


def _impersonation(subject: Subject) -> Iterator[Cause]:
    standing = subject.standing
    for rule, _ in api_rules(subject):
        if not capabilities.impersonates(rule):
            continue
        wide = [
            selector
            for selector, _ in rule.destinations
            if standing.is_api(selector) and Who.CUSTOMER in standing.of(selector)
        ]
        for source in rule.sources:
            for problem in capabilities.problems(rule):
                yield "malformed-capability", source, problem, rule.place
            for selector in wide:
                yield "wide-capability", f"{source} to {selector}", "", rule.place
            if subject.origin(rule) != "declared":
                yield from _undeclared_groups(subject, rule, source)


def _undeclared_groups(subject: Subject, rule: Rule, source: str) -> Iterator[Cause]:
    at_api = [
        declared
        for declared in subject.declared_rules
        if any(subject.standing.is_api(selector) for selector, _ in declared.destinations)
    ]
    for group in sorted(capabilities.groups(rule)):
        if not impersonates(subject.standing.names, at_api, source, group, rule):
            yield "impersonation", f"{source} as {group}", "", rule.place


def _outbound(subject: Subject) -> Iterator[Cause]:
    for rule, _, destination in subject.outbound():
        if not rule.openings(destination):
            continue
        who = subject.standing.of_destination(destination, rule)
        if Who.CUSTOMER in who:
            yield "reaches-customer", destination, "", rule.place
        if Who.PEOPLE in who:
            yield "reaches-staff", destination, "", rule.place
        if who & {Who.CUSTOMER, Who.PEOPLE} or subject.origin(rule) == "declared":
            continue
        if Who.SIBLING in who:
            yield "reaches-environment", destination, "", rule.place
        elif Who.VENDOR in who:
            yield "reaches-vendor", destination, "", rule.place


def _funnel(subject: Subject) -> Iterator[Cause]:
    document = subject.standing.document
    section = section_key(document, "nodeAttrs")
    for index, entry in entries(document, "nodeAttrs"):
        given = fields(entry)
        if not any(attribute.rpartition("/")[2] == "funnel" for attribute in texts(given.get("attr"))):
            continue
        targets = texts(given.get("target"))
        for target in targets:
            # Funnel follows the nodes: an autogroup of people holds no tagged node, so none of an environment.
            if Who.OWN in subject.standing.of(target):
                yield "funnel", target, "", Place(section, index, f"{', '.join(targets)}: funnel")


def _routes(subject: Subject) -> Iterator[Cause]:
    standing = subject.standing
    theirs = [
        route
        for route in standing.routes
        if standing.of(route.tag) & {Who.CUSTOMER, Who.SIBLING} and Who.OWN not in standing.of(route.tag)
    ]
    for own in standing.routes_of(Who.OWN):
        for other in theirs:
            if overlap(own.networks, other.networks):
                yield "routes", f"{own.text} and {other.text} of {other.tag}", "", own.place
                yield "routes", f"{own.text} and {other.text} of {other.tag}", "", other.place
