"""What the analysis may find, and which of it stops an `up`.

Owns the kinds, their words, and the exceptions that a stack may name. Failures are what breaks a promise to the
customer: somebody else gets in, its nodes get at others, somebody is more in the cluster than its stack says, a route
leads into another's network. The rest is worth a look. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..logins import one_spelling
from .rules import Place


@dataclass(frozen=True, slots=True)
class Kind:
    """`text` is filled with subject, environment and detail: what, why it matters, how to mend it, in one sentence."""

    failure: bool
    text: str


KINDS: Mapping[str, Kind] = {
    "foreign-customer": Kind(
        True,
        "{subject} reaches {environment} and holds, or may hold, another customer's nodes or people, who then stand"
        " before its API and services: name the vendor's groups as sources instead.",
    ),
    "foreign-environment": Kind(
        True,
        "{subject} reaches {environment} and belongs to another environment of the customer, so that whoever breaks"
        " into one has a way into the other: take it out of the sources, or declare it in this stack.",
    ),
    "undeclared-reach": Kind(
        True,
        "{subject} reaches {environment} over the network and is in no grant that its stack declares, so neither a"
        " review of the stack nor its destroy says or ends that: narrow the entry, or declare the access.",
    ),
    "wider-reach": Kind(
        False,
        "{subject} has declared access to {environment}, and another entry gives more (other ports, other nodes, or no"
        " posture), which outlives a destroy: narrow that entry.",
    ),
    "impersonation": Kind(
        True,
        "{subject} at the Kubernetes API of {environment}, which its stack does not declare; grants add up, so this"
        " holds beside every narrower one: narrow the destinations of that entry, or declare it.",
    ),
    "wide-capability": Kind(
        True,
        "{subject}: one entry impersonates at the APIs of several customers, so that cutting {environment} off does not"
        " end it there: name the tag of each environment as the destination.",
    ),
    "malformed-capability": Kind(
        True,
        "{subject} has a Kubernetes capability at {environment} that the API proxy cannot read ({detail}): it answers"
        ' each of their requests with 200 and an empty body; write {{"impersonate": {{"groups": ["<group>"]}}}}.',
    ),
    "reaches-customer": Kind(
        True,
        "nodes of {environment} reach {subject}, which holds or may hold another customer's nodes or networks: whoever"
        " takes over one cluster gets at the other; narrow the sources or the destinations of that entry.",
    ),
    "reaches-environment": Kind(
        True,
        "nodes of {environment} reach {subject}, which belongs to another environment of the customer: whoever takes"
        " over one gets at the other; narrow that entry, or declare it in this stack.",
    ),
    "reaches-staff": Kind(
        True,
        "nodes of {environment} reach {subject}, so that whoever takes over the customer's cluster gets at people's"
        " devices: narrow the sources or the destinations of that entry.",
    ),
    "reaches-vendor": Kind(
        False,
        "nodes of {environment} reach {subject}, which is the vendor's: see that what listens there is meant for"
        " customers' clusters, or narrow that entry.",
    ),
    "funnel": Kind(
        True,
        "{subject} may use Funnel and holds nodes of {environment}, so that an annotation in the customer's cluster"
        " makes a service public on the internet: take funnel away from it, or name the nodes that need it.",
    ),
    "routes": Kind(
        True,
        "{subject} overlap, so that an engineer who means the network of {environment} may be led into another one:"
        " give the connectors routes that have no address in common (4via6 makes such).",
    ),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """`subject` says who or what, `entries` which entries are the cause. Two with the same kind, subject and text are
    one finding: the order of entries and of the elements in them changes nothing but the indices in `entries`.
    """

    kind: str
    subject: str
    text: str
    entries: tuple[Place, ...]

    @property
    def failure(self) -> bool:
        """Whether it stops a change that adds something; else it is a notice."""
        return KINDS[self.kind].failure


Cause = tuple[str, str, str, Place]
"""kind, subject, detail, entry"""


def merged(environment: str, causes: Iterable[Cause]) -> list[Finding]:
    """One finding for each kind, subject and text, failures first, in a fixed order."""
    places: dict[tuple[str, str, str], dict[Place, None]] = {}
    for kind, subject, detail, place in causes:
        text = KINDS[kind].text.format(subject=subject, environment=environment, detail=detail)
        places.setdefault((kind, subject, text), {})[place] = None
    order = list(KINDS)
    found = [
        Finding(kind, subject, text, tuple(sorted(entries, key=lambda place: (place.section, place.index or 0))))
        for (kind, subject, text), entries in places.items()
    ]
    return sorted(found, key=lambda each: (not each.failure, order.index(each.kind), each.subject, each.text))


@dataclass(frozen=True, slots=True)
class Accepted:
    """Findings after the exceptions: what is `left`, what is `accepted` (with the reason), and what is wrong with the
    exceptions themselves (no reason, or nothing that they match: they have gone stale)."""

    left: tuple[Finding, ...]
    accepted: tuple[tuple[Finding, str], ...]
    problems: tuple[str, ...]


def _in_one_spelling(subject: Any) -> Any:
    """A subject as the findings have it: it begins with the selector, which may be a person's login."""
    if not isinstance(subject, str):
        return subject
    selector, space, rest = subject.partition(" ")
    return f"{one_spelling(selector)}{space}{rest}"


def accepted(findings: Iterable[Finding], exceptions: Iterable[Mapping[str, Any]]) -> Accepted:
    """Sets the findings aside that an exception `{"finding": kind, "subject": subject, "reason": why}` names exactly.

    Only exceptions with a reason count. There are no patterns: a new subject is a new decision.
    """
    problems: list[str] = []
    reasons: dict[tuple[Any, Any], str] = {}
    for number, exception in enumerate(exceptions):
        kind, subject, reason = (exception.get(name) for name in ("finding", "subject", "reason"))
        subject = _in_one_spelling(subject)
        name = f"exception {number} ({kind!r}, {subject!r})"
        if kind not in KINDS:
            problems.append(f"{name}: there is no finding of that kind; use one of {', '.join(KINDS)}")
        elif not isinstance(reason, str) or not reason.strip():
            problems.append(f"{name}: it has no reason and is not followed; say in reason why this is acceptable")
        elif (kind, subject) in reasons:
            problems.append(f"{name}: it stands twice; remove one of the two")
        else:
            reasons[kind, subject] = reason
    several = tuple(findings)
    present = {(finding.kind, finding.subject) for finding in several}
    problems += [
        f"exception ({kind!r}, {subject!r}): nothing is found that it matches; remove it"
        for kind, subject in reasons
        if (kind, subject) not in present
    ]
    return Accepted(
        left=tuple(finding for finding in several if (finding.kind, finding.subject) not in reasons),
        accepted=tuple(
            (finding, reasons[finding.kind, finding.subject])
            for finding in several
            if (finding.kind, finding.subject) in reasons
        ),
        problems=tuple(problems),
    )
