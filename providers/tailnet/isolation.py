"""What the analysis says of one environment, told at preview, and where it stops an `up`.

Owns when it is asked and what follows: a failure stops a write that adds access, and a preview of one; it never stops
a change that only removes, so the identity slice, which narrows, only warns when it writes. What is judged is in
analysis/. Pure: documents in, words out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .addition import with_access
from .analysis import accepted, access_map, describe, findings, stops
from .identity import without_access
from .ownership import compact
from .problems import PolicyError
from .slice import Slice

Exceptions = Sequence[Mapping[str, Any]]
Document = Mapping[str, Any]


def with_declared(document: Document, slice: Slice) -> dict[str, Any]:
    """The document as it will be when the slice's environment is up: an identity slice knows what access adds."""
    return with_access(dict(document), _declared(slice))


def with_declared_alone(document: Document, slice: Slice) -> dict[str, Any]:
    """The document with no other access of the slice's environment than what is declared, as identity leaves it."""
    return with_declared(compact(without_access(dict(document), slice.own())), slice)


def refuse_failures(before: Document, after: Document, slice: Slice, exceptions: Exceptions) -> None:
    """Raises PolicyError when the change adds access of or to the environment while a failure stands in `after`."""
    found = stops(before, after, slice.own(), declared=_declared(slice), exceptions=exceptions)
    if not found:
        return
    lines = "\n".join(
        f"  {finding.kind} ({finding.subject}): {finding.text}" + "".join(f"\n    {place}" for place in finding.entries)
        for finding in found
    )
    raise PolicyError(
        f"{slice.own().name} would not be isolated, so no access is added:\n{lines}\nMend the entries, or accept a "
        "finding by name in `support-access:isolation`: exceptions: [{finding, subject, reason}]."
    )


def warnings(document: Document, slice: Slice, exceptions: Exceptions) -> list[str]:
    """What is wrong in the document as it will be, a line each, and what is wrong with the exceptions."""
    judged = accepted(findings(with_declared(document, slice), slice.own(), declared=_declared(slice)), exceptions)
    return [
        *(f"{finding.kind} ({finding.subject}): {finding.text}" for finding in judged.left),
        *judged.problems,
    ]


def report(document: Document, slice: Slice, exceptions: Exceptions) -> str:
    """Who reaches the environment as whom, what its nodes reach, and the findings, as text."""
    wanted = with_declared(document, slice)
    environment, declared = slice.own(), _declared(slice)
    judged = accepted(findings(wanted, environment, declared=declared), exceptions)
    return "\n".join(describe(access_map(wanted, environment, declared=declared), judged))


def _declared(slice: Slice) -> Mapping[str, Any]:
    return slice.declared if slice.part == "identity" else slice.sections
