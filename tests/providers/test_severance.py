"""What a kill makes of the document: nothing of the target is left, nothing of anybody else's is touched."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.tailnet.problems import PolicyError
from providers.tailnet.severance import FailingTest, Mark, failing_tests, revived, severed, without_tests
from providers.tailnet.slice import applied
from providers.tailnet.tags import Environment
from tests.providers.generated_policies import DOCUMENTS, slices_of, with_slices
from tests.providers.policies import ACME, FOREIGN, GLOBEX, TRAP, access, identity, names, value

DEV = Environment("acme", "dev")
MARK = Mark(who="ada", when="2026-11-21T12:00:00Z", why="left the company")


def standing(*environments: Environment, text: str = FOREIGN) -> str:
    """The document with both slices of each environment in it."""
    for environment in environments:
        text = applied(text, identity(environment)).text
        text = applied(text, access(environment)).text
    return text


def test_everything_of_the_environment_goes_and_the_mark_stays() -> None:
    text = standing(ACME, GLOBEX)
    result = severed(text, [ACME], MARK).outcome
    assert not names(result.text, ACME)
    assert names(result.text, GLOBEX)
    assert value(result.text)["groups"]["group:killed-acme-prod"] == []
    assert "// cut off by ada, 2026-11-21T12:00:00Z: left the company\n" in result.text


def test_an_environment_that_is_killed_does_not_come_back_until_the_kill_is_lifted() -> None:
    text = severed(standing(ACME), [ACME], MARK).outcome.text
    for part in (identity(ACME), access(ACME)):
        with pytest.raises(PolicyError, match="killed-acme-prod"):
            applied(text, part)
    assert names(standing(ACME, text=revived(text, ACME).text), ACME)


def test_a_kill_that_is_lifted_leaves_the_document_as_it_was() -> None:
    killed = severed(FOREIGN, [ACME], MARK).outcome.text
    assert killed != FOREIGN
    assert revived(killed, ACME).text == FOREIGN


@pytest.mark.parametrize("text", [FOREIGN, FOREIGN.replace("\n", "\r\n"), '{"groups":{"group:a":["a@x.io"]}}'])
def test_lifting_takes_only_the_comment_of_that_kill(text: str) -> None:
    both = severed(text, [ACME, GLOBEX], MARK).outcome.text
    assert revived(revived(both, ACME).text, GLOBEX).text == text
    assert revived(both, ACME).text == severed(text, [GLOBEX], MARK).outcome.text


def test_the_second_kill_changes_nothing_and_keeps_the_first_ones_reason() -> None:
    once = severed(standing(ACME), [ACME], MARK).outcome.text
    assert severed(once, [ACME], Mark(who="grace", when="later", why="again")).outcome.text == once


def test_other_environments_of_the_customer_keep_the_shared_tags() -> None:
    result = value(severed(standing(ACME, DEV), [ACME], MARK).outcome.text)
    assert set(ACME.chain_tags) <= result["tagOwners"].keys()
    assert DEV.kube_tag in result["tagOwners"]


def test_a_customer_goes_with_all_environments_and_what_they_share() -> None:
    text = standing(ACME, DEV, TRAP).replace(
        '{"src": ["group:highflame-sre"], "dst": ["tag:ci"], "ip": ["*"]},',
        '{"src": ["group:highflame-sre"], "dst": ["tag:ci", "tag:k8s-acme"], "ip": ["*"]},',
    )
    outcome = severed(text, [ACME, DEV], MARK, customer="acme").outcome
    assert not names(outcome.text, ACME)
    assert not names(outcome.text, DEV)
    assert names(outcome.text, TRAP), "customer acme-prod is somebody else"
    assert not set(ACME.chain_tags) & value(outcome.text)["tagOwners"].keys()
    assert value(outcome.text)["grants"][0]["dst"] == ["tag:ci"]
    assert not outcome.warnings


ENVIRONMENTS = (ACME, DEV, Environment("acme", "x"))
MIXED = (
    {"src": [ACME.kube_tag], "dst": [DEV.kube_tag], "ip": ["*"]},
    {"src": ["group:sre"], "dst": [ACME.kube_tag, DEV.api_tag, "tag:ci"], "ip": ["*"]},
    {"src": ["group:acme-dev-oncall"], "dst": ["tag:ci"], "ip": ["*"], "srcPosture": ["posture:acme-prod-laptop"]},
    {"src": ["group:sre"], "dst": ["tag:ci"], "ip": ["*"], "app": {"e.com/x": [{"on": [DEV.svc_tag("net")]}]}},
    {"src": ["group:sre"], "dst": ["tag:ci"], "ip": ["*"], "app": {"e.com/x": [{"on": [ACME.proxy_tag]}]}},
    {"src": [ACME.proxy_tag], "dst": ["tag:ci"], "ip": ["*"], "app": {"e.com/x": [{"on": [ACME.svc_tag("net")]}]}},
)


@given(
    DOCUMENTS,
    st.tuples(*(slices_of(environment) for environment in ENVIRONMENTS)),
    st.lists(st.sampled_from(MIXED), unique_by=str),
    st.permutations(ENVIRONMENTS),
)
def test_all_environments_at_once_leave_what_one_after_the_other_does(
    text: str, slices: Any, mixed: list[Any], order: list[Environment]
) -> None:
    text = with_slices(text, *(part for pair in slices for part in pair))
    document = value(text)
    section = next((key for key in document if key.lower() == "grants"), "grants")
    text = json.dumps({**document, section: [*(document.get(section) or []), *mixed]})
    at_once = severed(text, order, MARK, customer="acme").outcome
    for round_of in (order, [], order):
        for environment in round_of:
            text = severed(text, [environment], MARK).outcome.text
        text = text if round_of else severed(text, [], MARK, customer="acme").outcome.text
    assert value(at_once.text) == value(text)
    owners = next((owners for key, owners in value(at_once.text).items() if key.lower() == "tagowners"), {})
    stay = {tag for tag in owners if tag in ACME.chain_tags or any(one.owns(tag) for one in ENVIRONMENTS)}
    told = [line.split()[0] for line in at_once.warnings]
    assert stay <= {*told}, "whatever stays is told"
    assert len(told) == len({*told}), "once"


def test_what_a_customers_kill_has_to_leave_of_an_environment_is_told() -> None:
    text = standing(ACME).replace('"grants": [', f'"grants": [{json.dumps(MIXED[3])},')
    text = text.replace('"tagOwners": {', f'"tagOwners": {{"{DEV.svc_tag("net")}": [],')
    outcome = severed(text, [ACME, DEV], MARK, customer="acme").outcome
    assert DEV.svc_tag("net") in value(outcome.text)["tagOwners"]
    assert [line.split()[0] for line in outcome.warnings] == [DEV.svc_tag("net")]


def test_a_shared_tag_in_a_place_that_is_not_cut_stays_declared_and_is_told() -> None:
    text = standing(ACME).replace(
        '"grants": [',
        '"grants": [{"src": ["tag:ci"], "dst": ["tag:internal"], "app": {"x.io/c": [{"t": "tag:k8s-acme"}]}},',
    )
    outcome = severed(text, [ACME], MARK, customer="acme").outcome
    assert "tag:k8s-acme" in value(outcome.text)["tagOwners"]
    assert any("tag:k8s-acme" in warning for warning in outcome.warnings)


def test_tests_that_ask_for_what_goes_are_taken_out_by_source_and_address() -> None:
    text = FOREIGN.replace(
        '"tests": [', '"tests": [{"src": "group:highflame-sre", "accept": ["tag:ci:22", "tag:ci:1"]},'
    )
    result = value(without_tests(text, {FailingTest("group:highflame-sre", "tag:ci:22")}))
    assert result["tests"][0]["accept"] == ["tag:ci:1"]
    both = {FailingTest("group:highflame-sre", address) for address in ("tag:ci:22", "tag:ci:1")}
    result = value(without_tests(text, both))
    assert result["tests"] == [{"src": "tag:ci", "deny": ["tag:internal:22"]}], "a test that asserts nothing goes"


def test_what_the_server_says_of_failing_tests_is_understood() -> None:
    data = [
        {"user": "group:sre", "errors": ['address "tag:kube-acme-prod:443": want: Accept, got: Drop']},
        {"user": "ada@x.io", "errors": ['address "tag:ci:22": want: Drop, got: Accept', "something else"]},
    ]
    assert failing_tests(data) == {FailingTest("group:sre", "tag:kube-acme-prod:443")}
    assert failing_tests(None) == set()
    assert failing_tests([{"user": "x"}, 7]) == set()


@given(st.text(max_size=60), st.text(max_size=200), st.booleans())
def test_no_reason_breaks_the_document(who: str, why: str, one_line: bool) -> None:
    text = '{"groups":{"group:a":[]}}' if one_line else FOREIGN
    result = severed(text, [ACME], Mark(who=who, when="now", why=why)).outcome.text
    assert value(result) == {**value(text), "groups": {**value(text)["groups"], "group:killed-acme-prod": []}}
    assert revived(result, ACME).text == text


def test_a_document_without_groups_gets_the_mark_all_the_same() -> None:
    result = severed('{"grants": []}', [ACME], MARK).outcome.text
    assert value(result) == {"grants": [], "groups": {"group:killed-acme-prod": []}}
