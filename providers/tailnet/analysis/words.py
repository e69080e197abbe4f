"""The access map and the findings as plain lines for a preview or a report.

Owns the words. No colours, no order but that of the map, which is fixed: the same document gives the same lines.
"""

from __future__ import annotations

from collections.abc import Iterable

from .access import AccessMap, Caller, Reach
from .finding import Accepted, Finding

_ENTRY_LENGTH = 240


def describe(access: AccessMap, found: Iterable[Finding] | Accepted = ()) -> list[str]:
    """The lines, without line ends. With `accepted(...)` also what is accepted, and what is wrong with exceptions."""
    lines = [f"who reaches {access.environment}:", *_indented(map(_reach, access.inbound))]
    lines += ["whom its Kubernetes API takes them for:", *_indented(map(_caller, access.callers))]
    lines += [f"what nodes of {access.environment} reach:", *_indented(map(_reach, access.outbound))]
    judged = found if isinstance(found, Accepted) else Accepted(tuple(found), (), ())
    lines += ["findings:", *_indented(line for finding in judged.left for line in _finding(finding))]
    if judged.accepted:
        lines += ["accepted:"]
        lines += [f"  {finding.kind} ({finding.subject}): {reason}" for finding, reason in judged.accepted]
    return lines + list(judged.problems)


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"  {line}" for line in lines] or ["  nothing"]


def _reach(reach: Reach) -> str:
    parts = [f"{reach.source} -> {reach.destination}", f"at {', '.join(reach.ip)}" if reach.ip else "no port"]
    if reach.capabilities:
        parts.append(f"with {', '.join(reach.capabilities)}")
    if reach.postures:
        parts.append(f"under {' or '.join(reach.postures)}")
    if reach.via:
        parts.append(f"via {', '.join(reach.via)}")
    return f"{' '.join(parts)} ({reach.origin}, {reach.place})"


def _caller(caller: Caller) -> str:
    groups = f"in {', '.join(caller.groups)}" if caller.groups else "in no group"
    return f"{caller.source}: {caller.user}, {groups}" + ("" if caller.connects else ", but no port of its own")


def _finding(finding: Finding) -> Iterable[str]:
    yield f"{'failure' if finding.failure else 'notice'} {finding.kind} ({finding.subject}): {finding.text}"
    for place in finding.entries:
        text = place.text if len(place.text) <= _ENTRY_LENGTH else f"{place.text[:_ENTRY_LENGTH]}..."
        yield f"  {place}: {text}"
