"""An exception sets aside exactly what it names, with a reason, and is reported when it does nothing."""

from __future__ import annotations

from typing import Any

import pytest

from providers.tailnet.analysis import accepted, findings
from tests.providers.analysis.documents import ACME, capability, declared, document

POLICY = document(
    grants=[
        {"src": ["tag:ci"], "dst": [ACME.kube_tag], "ip": ["tcp:443"]},
        {"src": ["group:net"], "dst": ["*"], "ip": ["tcp:443"]},
        {"src": ["group:sre"], "dst": [ACME.chain_tags[0]], "app": capability("view", "system:masters")},
    ]
)
FOUND = findings(POLICY, ACME, declared=declared(ACME))
SUBJECTS = ["group:net", "tag:ci", "group:sre as system:masters", "group:sre as view"]


def test_what_is_named_with_a_reason_is_set_aside_and_nothing_else() -> None:
    assert [each.subject for each in FOUND] == SUBJECTS
    judged = accepted(FOUND, [{"finding": "undeclared-reach", "subject": "tag:ci", "reason": "health checks"}])
    assert [each.subject for each in judged.left] == ["group:net", *SUBJECTS[2:]]
    assert [(each.subject, reason) for each, reason in judged.accepted] == [("tag:ci", "health checks")]
    assert judged.problems == ()


def test_an_accepted_group_does_not_accept_a_stronger_one() -> None:
    exception = {"finding": "impersonation", "subject": "group:sre as view", "reason": "readers"}
    left = accepted(FOUND, [exception]).left
    assert "group:sre as system:masters" in [each.subject for each in left]


@pytest.mark.parametrize(
    ("exception", "problem"),
    [
        ({"finding": "undeclared-reach", "subject": "tag:ci"}, "no reason"),
        ({"finding": "undeclared-reach", "subject": "tag:ci", "reason": "  "}, "no reason"),
        ({"finding": "undeclared-reach", "subject": "tag:ci", "reason": True}, "no reason"),
        ({"finding": "undeclared-reach", "subject": "tag:*", "reason": "x"}, "nothing is found"),
        ({"finding": "undeclared-reach", "subject": "TAG:CI", "reason": "x"}, "nothing is found"),
        ({"finding": "wider-reach", "subject": "tag:ci", "reason": "x"}, "nothing is found"),
        ({"finding": "undeclared", "subject": "tag:ci", "reason": "x"}, "no finding of that kind"),
        ({"subject": "tag:ci", "reason": "x"}, "no finding of that kind"),
        ({}, "no finding of that kind"),
    ],
)
def test_an_exception_that_does_not_hold_sets_nothing_aside_and_is_reported(
    exception: dict[str, Any], problem: str
) -> None:
    judged = accepted(FOUND, [exception])
    assert list(judged.left) == FOUND
    assert judged.accepted == ()
    (text,) = judged.problems
    assert problem in text


def test_the_same_exception_twice_is_reported() -> None:
    exception = {"finding": "undeclared-reach", "subject": "tag:ci", "reason": "health checks"}
    (text,) = accepted(FOUND, [exception, exception]).problems
    assert "twice" in text
