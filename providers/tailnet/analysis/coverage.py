"""Whether one rule gives all that another gives, part by part.

Owns the comparison of rules, for "is this declared?" and for "does this change add anything?". When in doubt a rule is
not covered. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from . import capabilities
from .names import Names, covered
from .rules import Opening, Rule

NO_RECORDING = "{}"


def postures_include(wide: Rule, narrow: Rule) -> bool:
    """Whether whoever meets a posture of `narrow` meets one of `wide`. No posture: everybody."""
    if not wide.postures:
        return True
    return bool(narrow.postures) and all(
        any(asked <= conditions for asked in wide.postures) for conditions in narrow.postures
    )


def via_includes(wide: Rule, narrow: Rule) -> bool:
    """Whether `wide` leads through all the connectors of `narrow`. No `via`: through any."""
    return not wide.via or (bool(narrow.via) and set(narrow.via) <= set(wide.via))


def opens(
    names: Names,
    rules: Iterable[Rule],
    source: str,
    destination: str,
    opening: Opening,
    like: Rule,
    *,
    after: Names | None = None,
) -> bool:
    """Whether `rules` open the network so far, under the postures and `via` of `like`, to everybody of `source`."""
    sources = [
        wide
        for rule in rules
        if postures_include(rule, like)
        and via_includes(rule, like)
        and any(
            any(each.includes(opening) for each in opened) and names.includes(selector, destination, after=after)
            for selector, opened in rule.destinations
        )
        for wide in rule.sources
    ]
    return covered(names, sources, source, after=after)


def impersonates(names: Names, rules: Iterable[Rule], source: str, group: str, like: Rule) -> bool:
    """Whether `rules` have everybody of `source` impersonated as `group`, under the postures of `like`."""
    sources = [
        wide
        for rule in rules
        if group in capabilities.groups(rule) and postures_include(rule, like)
        for wide in rule.sources
    ]
    return covered(names, sources, source)


def grants_value(
    names: Names,
    rules: Iterable[Rule],
    source: str,
    destination: str,
    value: Value,
    like: Rule,
    *,
    after: Names | None = None,
) -> bool:
    """Whether `rules` give everybody of `source` this value of a capability (see `values`) at `destination`."""
    sources = [
        wide
        for rule in rules
        if postures_include(rule, like)
        and via_includes(rule, like)
        and any(each.includes(value) for each in values(rule))
        and any(names.includes(selector, destination, after=after) for selector, _ in rule.destinations)
        for wide in rule.sources
    ]
    return covered(names, sources, source, after=after)


@dataclass(frozen=True, slots=True)
class Value:
    """One thing that a capability gives: a group of the Kubernetes capability, or a value of another one.

    `recording` is the canonical JSON of what is asked for in exchange.
    """

    capability: str
    given: str
    recording: str = NO_RECORDING

    def includes(self, other: Value) -> bool:
        """Whether this is the same with no more asked for."""
        same = (self.capability, self.given) == (other.capability, other.given)
        return same and self.recording in (NO_RECORDING, other.recording)


def values(rule: Rule) -> list[Value]:
    """All that a rule's capabilities give, in pieces."""
    found = [Value(name, text) for name, text in capabilities.others(rule)]
    for each in capabilities.impersonations(rule):
        found += [Value(capabilities.KUBERNETES, group, each.recording) for group in each.groups]
    return found + [Value(capabilities.KUBERNETES, problem) for problem in capabilities.problems(rule)]
