"""What a change of the document adds to one environment, and whether its failures stop that change.

Owns the comparison of two documents: failures stop a change that gives anybody more reach, or the environment more
entries; never one that only takes away, however bad the rest of the document is. A loosened condition adds: a posture,
a `via` or a recorder that goes. The server's tests are no access and do not count. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..ownership import canonical, section_key, section_of
from ..tags import Environment
from .access import Subject
from .coverage import grants_value, opens, values
from .finding import Finding, accepted
from .isolation import findings
from .names import Document, entries, fields, texts
from .networks import inside
from .rules import Rule
from .standing import Standing, Who

_DEFINING = ("groups", "hosts", "ipsets", "postures", "defaultSrcPosture")


def stops(
    before: Document,
    after: Document,
    environment: Environment,
    *,
    declared: Mapping[str, Any] | None = None,
    exceptions: Iterable[Mapping[str, Any]] = (),
    devices: Iterable[Mapping[str, Any]] = (),
) -> tuple[Finding, ...]:
    """The failures that stop the change from `before` to `after`; none when it may be written.

    declared, devices: as for `findings`, of `after`. exceptions: as for `accepted`.
    """
    if not additions(before, after, environment, devices=devices):
        return ()
    found = accepted(findings(after, environment, declared=declared, devices=devices), exceptions)
    return tuple(finding for finding in found.left if finding.failure)


def additions(
    before: Document, after: Document, environment: Environment, *, devices: Iterable[Mapping[str, Any]] = ()
) -> tuple[str, ...]:
    """In words, what `after` gives to or through the environment and `before` did not; sorted."""
    if canonical(before) == canonical(after):
        return ()
    several = tuple(devices)
    old = Standing(before, environment, several)
    new = Subject.of(after, environment, None, several)
    found = {
        *_rules(old, new),
        *_tag_owners(old, new.standing),
        *_node_attributes(old, new.standing),
        *_routes(old, new.standing),
        *_services(old, new.standing),
    }
    return tuple(sorted(found))


def _rules(old: Standing, new: Subject) -> Iterator[str]:
    unchanged: set[str] = set()
    if all(_same(old.document, new.standing.document, section) for section in _DEFINING):
        unchanged = {rule.canonical for rule in old.rules}
    pairs: dict[tuple[str, str], tuple[Rule, str, str]] = {}
    for rule, source, destination in (*new.inbound(), *new.outbound()):
        if rule.canonical not in unchanged:
            pairs[f"{rule.place}", f"{source} {destination}"] = (rule, source, destination)
    for rule, source, destination in pairs.values():
        names = {"after": new.standing.names}
        for opening in rule.openings(destination):
            if not opens(old.names, old.rules, source, destination, opening, rule, **names):
                yield f"{source} reaches {destination} at {opening.text}"
        for value in values(rule):
            if not grants_value(old.names, old.rules, source, destination, value, rule, **names):
                yield f"{source} has {value.capability} at {destination}: {value.given}"


def _same(before: Document, after: Document, section: str) -> bool:
    return canonical(section_of(before, section)) == canonical(section_of(after, section))


def _tag_owners(old: Standing, new: Standing) -> Iterator[str]:
    own = new.environment
    there, now = (_mapping(standing.document, "tagOwners") for standing in (old, new))
    for tag, owners in now.items():
        if not own.owns(tag) and tag not in own.chain_tags:
            continue
        if tag not in there:
            yield f"{tag} is a tag"
        for owner in texts(owners):
            if not any(old.names.includes(wide, owner, after=new.names) for wide in texts(there.get(tag))):
                yield f"{owner} may assign {tag}"


def _node_attributes(old: Standing, new: Standing) -> Iterator[str]:
    there = list(_attributes(old))
    for target, attribute in _attributes(new):
        if Who.OWN in new.of(target) and not any(
            attribute == other and old.names.includes(wide, target, after=new.names) for wide, other in there
        ):
            yield f"{target} has the attribute {attribute}"


def _attributes(standing: Standing) -> Iterator[tuple[str, str]]:
    for _, entry in entries(standing.document, "nodeAttrs"):
        given = fields(entry)
        attributes = texts(given.get("attr"))
        attributes += [f"{name} {canonical(given[name])}" for name in ("app", "ippool") if given.get(name)]
        yield from ((target, attribute) for target in texts(given.get("target")) for attribute in attributes)


def _routes(old: Standing, new: Standing) -> Iterator[str]:
    for route in new.routes_of(Who.OWN):
        served = [network for other in old.routes if other.tag == route.tag for network in other.networks]
        if not inside(route.networks, served):
            yield f"{route.tag} may serve {route.text}"


def _services(old: Standing, new: Standing) -> Iterator[str]:
    there = set(_approved_services(old))
    for service, tag in _approved_services(new):
        if Who.OWN in new.of(tag) | new.of(service) and (service, tag) not in there:
            yield f"{tag} may offer {service}"


def _approved_services(standing: Standing) -> Iterator[tuple[str, str]]:
    for key, value in _mapping(standing.document, "autoApprovers").items():
        if key.lower() == "services" and isinstance(value, Mapping):
            yield from ((service, tag) for service, tags in value.items() for tag in texts(tags))


def _mapping(document: Document, section: str) -> Mapping[str, Any]:
    value = document.get(section_key(document, section))
    return value if isinstance(value, Mapping) else {}
