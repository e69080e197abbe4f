"""One engineer, out everywhere: in every group, every source and every list of owners, and nowhere else."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.tailnet.engineer import groups_from_elsewhere, sources_at, still_named, without_engineer
from tests.providers.policies import FOREIGN, value

ANN = "ann@example.com"


def test_the_address_leaves_every_group_and_the_others_stay() -> None:
    result = without_engineer(FOREIGN, ANN)
    assert result.outcome.text == FOREIGN.replace('"ann@example.com", ', "")
    assert len(result.words) == 1


def test_an_entry_for_this_person_alone_goes_and_a_shared_one_loses_the_person() -> None:
    text = FOREIGN.replace(
        '"grants": [',
        '"grants": [{"src": ["ann@example.com"], "dst": ["tag:ci"], "ip": ["*"]},'
        ' {"src": ["bob@example.com", "ann@example.com"], "dst": ["tag:internal"], "ip": ["*"]},',
    )
    grants = value(without_engineer(text, ANN).outcome.text)["grants"]
    assert {"src": ["bob@example.com"], "dst": ["tag:internal"], "ip": ["*"]} in grants
    assert not [grant for grant in grants if ANN in grant["src"] or not grant["src"]]


def test_who_could_mint_devices_of_a_tag_cannot_any_more() -> None:
    text = FOREIGN.replace('"tag:ci":       ["autogroup:admin"]', '"tag:ci": ["ann@example.com"]')
    assert value(without_engineer(text, ANN).outcome.text)["tagOwners"]["tag:ci"] == []


def test_approvals_by_this_person_end() -> None:
    text = FOREIGN.replace(
        '"tests": [', '"autoApprovers": {"routes": {"10.0.0.0/8": ["ann@example.com", "tag:ci"]}},\n  "tests": ['
    )
    assert value(without_engineer(text, ANN).outcome.text)["autoApprovers"]["routes"]["10.0.0.0/8"] == ["tag:ci"]


def test_a_destination_with_the_name_is_left_and_told() -> None:
    text = FOREIGN.replace('"dst": ["tag:ci"]', '"dst": ["ann@example.com"]')
    after = value(without_engineer(text, ANN).outcome.text)
    assert after["grants"][0]["dst"] == [ANN]
    assert still_named(after, ANN) == ["grants"]


@given(st.sampled_from(["ann@example.com", "bob@example.com", "nobody@example.com"]))
def test_twice_is_once_and_nothing_else_changes(address: str) -> None:
    once = without_engineer(FOREIGN, address).outcome.text
    assert without_engineer(once, address).outcome.text == once
    assert value(once)["tests"] == value(FOREIGN)["tests"]
    assert still_named(value(once), address) == []


def test_a_login_is_the_same_in_any_case() -> None:
    text = FOREIGN.replace("ann@example.com", "Ann@Example.com")
    assert "ann" not in without_engineer(text, ANN).outcome.text.lower()


def test_groups_that_an_identity_provider_fills_are_named_where_they_open_something() -> None:
    text = FOREIGN.replace(
        '"grants": [',
        '"Grants": [{"SRC": ["group:sre@example.com"], "dst": ["group:made-up"], "ip": ["*"]},'
        ' {"src": "group:lone@example.com", "dst": ["tag:ci"], "ip": ["*"]},',
    ).replace('"tag:ci":       ["autogroup:admin"]', '"tag:ci": ["group:owners@example.com"]')
    found = groups_from_elsewhere(value(text))
    assert found == ["group:lone@example.com", "group:owners@example.com", "group:sre@example.com"]
    assert groups_from_elsewhere(value(FOREIGN)) == []


@pytest.mark.parametrize(
    ("source", "holds"),
    [
        ("100.64.0.7", True),
        ("100.64.0.0/24", True),
        ("ann-laptop", True),
        ("ipset:laptops", True),
        ("fd7a:115c:a1e0::7", True),
        ("100.64.0.8", False),
        ("somebody-else", False),
        ("tag:ci", False),
        ("autogroup:member", False),
    ],
)
def test_a_source_that_holds_an_address_of_the_persons_device_is_found(source: str, holds: bool) -> None:
    named = (
        '"hosts": {"ann-laptop": "100.64.0.7", "somebody-else": "100.64.0.9"},'
        ' "ipsets": {"ipset:laptops": ["add 100.64.0.6/31"]}, "acls": ['
    )
    text = FOREIGN.replace("{", f'{{ {named} {{"action": "accept", "users": ["{source}"], "ports": ["*:*"]}}],', 1)
    assert sources_at(value(text), ["100.64.0.7", "fd7a:115c:a1e0::7"]) == ([source] if holds else [])


def test_a_person_is_out_of_lists_that_are_written_as_a_text_too() -> None:
    document = {
        "groups": {"group:sre": "Ann@Example.com"},
        "tagOwners": {"tag:ci": "ann@example.com"},
        "grants": [{"src": "ann@example.com", "dst": ["tag:ci"], "ip": ["*"]}],
        "autoApprovers": {"exitNode": "ann@example.com", "routes": {"10.0.0.0/8": "ann@example.com"}},
    }
    after = value(without_engineer(json.dumps(document), ANN).outcome.text)
    assert after == {
        "groups": {"group:sre": []},
        "tagOwners": {"tag:ci": []},
        "grants": [],
        "autoApprovers": {"exitNode": [], "routes": {"10.0.0.0/8": []}},
    }


def test_a_person_with_an_apostrophe_is_out() -> None:
    text = FOREIGN.replace("ann@example.com", "O'Brien@example.com")
    assert "brien" not in without_engineer(text, "o'brien@example.com").outcome.text.lower()


@pytest.mark.parametrize("spelled", [" ann@example.com", "ann@example.com ", "ann@example.com.", "\tANN@example.com. "])
def test_blanks_and_a_dot_behind_make_no_other_person(spelled: str) -> None:
    """What the service makes of such a text is not known, so it is taken for the person."""
    text = json.dumps(
        {
            "groups": {"group:sre": [spelled, "bob@example.com"]},
            "grants": [{"src": [spelled], "dst": ["tag:ci"], "ip": ["*"]}],
            "nodeAttrs": [{"target": [spelled], "attr": ["funnel"]}],
        }
    )
    after = without_engineer(text, "ann@example.com").outcome.after
    assert (after["groups"], after["grants"]) == ({"group:sre": ["bob@example.com"]}, [])
    assert still_named(after, "ann@example.com") == ["nodeAttrs"]
