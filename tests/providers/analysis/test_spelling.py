"""Both spellings of a login are one person to the analysis: neither a second caller nor a gain of access."""

from __future__ import annotations

from typing import Any

import pytest

from providers.tailnet.analysis import accepted, access_map, additions, findings
from providers.tailnet.analysis.reach import Evaluator, Party
from tests.providers.analysis.documents import ACME, grant

TYPED, COUNTS = "Ada@Example.com", "ada@example.com"


def opened(*grants: dict[str, Any], members: tuple[str, ...] = ()) -> dict[str, Any]:
    """A document with these grants alone, and these people in group:sre."""
    return {"tagOwners": {ACME.kube_tag: ["tag:deployer"]}, "groups": {"group:sre": [*members]}, "grants": [*grants]}


def test_one_person_in_two_spellings_is_one_caller_with_the_groups_of_both() -> None:
    both = opened(grant(ACME, source=TYPED), grant(ACME, source=COUNTS, group="admins"))
    (caller,) = access_map(both, ACME).callers
    assert (caller.source, caller.groups) == (COUNTS, ("admins", "sre"))


def test_an_entry_that_is_declared_in_another_spelling_is_declared() -> None:
    found = access_map(opened(grant(ACME, source=TYPED)), ACME, declared={"grants": [grant(ACME, source=COUNTS)]})
    assert {reach.origin for reach in found.inbound} == {"declared"}
    found = access_map(opened(grant(ACME, source=COUNTS)), ACME, declared={"grants": [grant(ACME, source=TYPED)]})
    assert {reach.origin for reach in found.inbound} == {"declared"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (opened(grant(ACME, source=TYPED)), opened(grant(ACME, source=COUNTS))),
        (opened(grant(ACME, source=COUNTS)), opened(grant(ACME, source=TYPED))),
        (opened(grant(ACME), members=(TYPED,)), opened(grant(ACME), members=(COUNTS,))),
        (opened(grant(ACME), members=(COUNTS,)), opened(grant(ACME), members=(TYPED,))),
        (opened(grant(ACME), members=(TYPED,)), opened(grant(ACME, source=COUNTS))),
    ],
)
def test_another_spelling_gives_nobody_anything(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert additions(before, after, ACME) == ()


@pytest.mark.parametrize("spelled", [TYPED, COUNTS])
def test_an_exception_holds_for_its_person_in_any_spelling_and_for_no_other_group(spelled: str) -> None:
    found = findings(opened(grant(ACME, source=TYPED, group="Ops")), ACME, declared={"grants": []})
    kinds = {(finding.kind, finding.subject) for finding in found}
    assert kinds == {("undeclared-reach", COUNTS), ("impersonation", f"{COUNTS} as Ops")}
    reason = {"reason": "agreed with the customer"}
    exceptions = [
        {"finding": "undeclared-reach", "subject": spelled, **reason},
        {"finding": "impersonation", "subject": f"{spelled} as Ops", **reason},
    ]
    assert accepted(found, exceptions).left == ()
    other = {"finding": "impersonation", "subject": f"{spelled} as ops", **reason}
    assert [finding.kind for finding in accepted(found, [exceptions[0], other]).left] == ["impersonation"]


def test_another_person_is_a_gain_though_the_letters_look_alike() -> None:
    """The Kelvin sign is a k to Unicode, and another letter to the service for all that is known."""
    before, after = (opened(grant(ACME, source=f"mar{k}@example.com")) for k in ("k", "\u212a"))
    assert additions(before, after, ACME)


@pytest.mark.parametrize(("name", "written"), [(TYPED, COUNTS), (COUNTS, TYPED)])
def test_the_evaluator_matches_a_person_in_any_spelling(name: str, written: str) -> None:
    evaluator = Evaluator(opened(grant(ACME), members=(written,)))
    person = evaluator.party(name)
    assert person is not None
    assert person == Party(user=COUNTS)
    assert evaluator.allows(person, Party(tags=(ACME.kube_tag,)), 443)
    assert Party.of_device({"user": name}) == person
