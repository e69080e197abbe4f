"""A document with neither `acls` nor `grants` lets everybody in; an empty list lets nobody in."""

from __future__ import annotations

from typing import Any

import pytest

from providers.tailnet.analysis import access_map, additions, describe, findings, stops
from providers.tailnet.analysis.reach import Evaluator, Party
from providers.tailnet.analysis.rules import UDP
from providers.tailnet.hujson import parse
from providers.tailnet.open_policy import is_open
from tests.providers.policies import ACME, grant

SSH = {"ssh": [{"action": "check", "src": ["autogroup:member"], "dst": ["autogroup:self"], "users": ["root"]}]}
OPEN = [
    "{}",
    "{ // no rules yet\n}",
    '{"tagOwners": {"tag:ci": []},}',
    '{"grants": null}',
    '{"acls": null, "Grants": null, /* later */}',
    '{// "grants": [],\n}',
    '{"groups": {"grants": [], "acls": []}}',
    '{"ssh": []}',
]
CLOSED = [
    '{"grants": []}',
    '{"Grants": [], // nobody\n}',
    '{"ACLs": []}',
    '{"acls": null, "grants": []}',
    '{"acls": [], "grants": null}',
    '{"acls": [], "grants": [],}',
    '{"grants": [{"src": ["tag:ci"], "dst": ["tag:ci"], "ip": ["*"]}]}',
]
ADA, CI = Party(user="ada@example.com"), Party(tags=("tag:ci",))


def document(**more: Any) -> dict[str, Any]:
    return {"tagOwners": {tag: [] for tag in (ACME.kube_tag, "tag:ci")}, **more}


@pytest.mark.parametrize("text", OPEN)
def test_without_either_section_everybody_reaches_everything(text: str) -> None:
    policy = parse(text).value
    assert is_open(policy)
    evaluator = Evaluator(policy)
    for source, destination in ((ADA, CI), (CI, ADA), (CI, CI)):
        assert evaluator.allows(source, destination, 1)
        assert evaluator.allows(source, destination, 65535, UDP, meets_postures=False)
    assert not evaluator.allows(CI, ADA, 443, 132)  # SCTP: the recorded rule has the usual protocols only


@pytest.mark.parametrize("text", CLOSED)
def test_with_an_empty_section_only_what_is_in_the_other_is_reached(text: str) -> None:
    policy = parse(text).value
    assert not is_open(policy)
    assert not Evaluator(policy).allows(ADA, CI, 443)


def test_access_map_of_an_open_document_says_everybody() -> None:
    access = access_map(document(**SSH), ACME)
    assert [(reach.source, reach.destination, reach.ip, reach.origin) for reach in access.inbound] == [
        ("*", "*", ("*",), "inherited")
    ]
    assert [(caller.source, caller.groups, caller.connects) for caller in access.callers] == [("*", (), True)]
    lines = describe(access)
    assert "  * -> * at * (inherited, neither acls nor grants)" in lines[: lines.index("findings:")]


def test_an_open_document_fails_isolation_in_both_directions() -> None:
    failures = {finding.kind for finding in findings(document(), ACME) if finding.failure}
    assert {"foreign-customer", "reaches-customer", "reaches-staff"} <= failures


def test_an_open_document_declares_nothing_of_a_stack() -> None:
    """What a stack declares is no document: without grants it declares no access, not all of it."""
    declared = access_map(document(), ACME, declared={"postures": {}}).inbound
    assert [reach.origin for reach in declared] == ["inherited"]


def test_opening_a_document_counts_as_more_reach() -> None:
    closed, opened = document(grants=[grant(ACME)]), document()
    assert "* reaches * at *" in additions(closed, opened, ACME)
    assert stops(closed, opened, ACME)


def test_closing_a_document_gives_nobody_more_reach() -> None:
    assert additions(document(), document(grants=[]), ACME) == ()
    assert not any("reaches" in line for line in additions(document(), document(grants=[grant(ACME)]), ACME))


def test_no_capability_comes_with_an_open_document() -> None:
    (given,) = (line for line in additions(document(), document(grants=[grant(ACME)]), ACME) if "has tailscale" in line)
    assert given.startswith("group:highflame-sre has tailscale.com/cap/kubernetes")
