"""What a slice makes of the document: never wider, never another's."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.tailnet.ownership import canonical
from providers.tailnet.problems import PolicyError
from providers.tailnet.slice import Slice, applied, removed
from providers.tailnet.slice_state import present
from providers.tailnet.tags import Environment
from tests.providers.policies import ACME, FOREIGN, GLOBEX, TRAP, access, grant, identity, names, value

STAGING = Environment("acme", "staging")


def with_slices(text: str, *slices: Slice) -> str:
    for slice in slices:
        text = applied(text, slice).text
    return text


def without_slices(text: str, *slices: Slice) -> str:
    for slice in slices:
        text = removed(text, slice).text
    return text


def both(environment: Environment) -> tuple[Slice, Slice]:
    return identity(environment), access(environment)


def add_entry(text: str, section: str, entry: Any) -> str:
    """The text with one more entry, as a person would write it."""
    document = value(text)
    if section not in document:
        return text.replace(
            '\n  "tests":', f'\n  {json.dumps(section)}: [\n    {json.dumps(entry)},\n  ],\n\n  "tests":'
        )
    head = f'"{section}": [\n'
    assert head in text
    return text.replace(head, f"{head}    // written by hand\n    {json.dumps(entry)},\n")


# --- never wider -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "entry",
    [
        {"src": ["*"], "dst": [ACME.kube_tag], "ip": ["*"]},
        {"src": [ACME.kube_tag], "dst": ["*"], "ip": ["*"]},
        {"src": ["*"], "dst": ["10.0.0.0/8"], "ip": ["*"], "via": [ACME.svc_tag("net")]},
        {"src": ["autogroup:member"], "dst": [ACME.api_tag, ACME.rec_tag], "ip": ["tcp:443"]},
        {**grant(ACME), "ip": ["*"]},
    ],
)
def test_identity_removes_grants_that_are_not_declared(entry: dict[str, Any]) -> None:
    text = with_slices(FOREIGN, *both(ACME))
    wider = add_entry(text, "grants", entry)
    assert applied(wider, identity(ACME)).after == value(text)
    assert "// written by hand" in applied(wider, identity(ACME)).text


@pytest.mark.parametrize(
    ("section", "entry"),
    [
        ("acls", {"action": "accept", "src": ["*"], "dst": [f"{ACME.kube_tag}:443"]}),
        ("acls", {"action": "accept", "users": ["*"], "ports": [f"{ACME.kube_tag}:*"]}),
        ("ssh", {"action": "accept", "src": ["*"], "dst": [ACME.kube_tag], "users": ["root"]}),
        ("nodeAttrs", {"target": [ACME.kube_tag], "attr": ["funnel"]}),
    ],
)
def test_identity_removes_every_kind_of_undeclared_access(section: str, entry: dict[str, Any]) -> None:
    text = add_entry(with_slices(FOREIGN, *both(ACME)), section, entry)
    after = applied(text, identity(ACME)).after
    assert after[section] == []
    assert after["grants"] == value(text)["grants"]


def test_narrowing_comes_with_identity_alone() -> None:
    admins = grant(ACME, "group:admins")
    text = with_slices(FOREIGN, identity(ACME, [grant(ACME), admins]), access(ACME, [grant(ACME), admins]))
    after = applied(text, identity(ACME, [grant(ACME)])).after
    assert admins not in after["grants"]
    assert grant(ACME) in after["grants"]


@pytest.mark.parametrize("field", ["src", "dst", "via"])
def test_an_entry_whose_restriction_would_become_empty_goes_as_a_whole(field: str) -> None:
    entry = {"src": ["*"], "dst": ["tag:ci"], "ip": ["*"], "via": ["tag:internal"], field: [ACME.kube_tag]}
    assert removed(add_entry(FOREIGN, "grants", entry), identity(ACME)).after == value(FOREIGN)


@pytest.mark.parametrize("field", ["src", "dst", "via"])
def test_of_an_entry_that_names_others_only_our_element_goes(field: str) -> None:
    ours = with_slices(FOREIGN, *both(ACME), *both(GLOBEX))
    entry = {"src": ["group:a"], "dst": ["tag:ci"], "ip": ["*"], "via": ["tag:internal"]}
    entry[field] = [ACME.kube_tag, GLOBEX.kube_tag]
    left = {**entry, field: [GLOBEX.kube_tag]}
    text = add_entry(ours, "grants", entry)
    for outcome in (applied(text, identity(ACME)), removed(text, access(ACME)), removed(text, identity(ACME))):
        assert left in outcome.after["grants"]
        assert entry not in outcome.after["grants"]


def test_access_is_not_written_before_it_is_active_and_not_without_the_tag() -> None:
    text = with_slices(FOREIGN, identity(ACME))
    assert applied(text, access(ACME, active=False)).text == text
    with pytest.raises(PolicyError, match="tag:kube-acme-prod is not in"):
        applied(FOREIGN, access(ACME))


def test_access_that_is_not_active_takes_nothing_away() -> None:
    text = with_slices(FOREIGN, *both(ACME))
    assert applied(text, access(ACME, active=False)).text == text


@pytest.mark.parametrize("slice", both(ACME), ids=["identity", "access"])
def test_what_was_killed_does_not_come_back(slice: Slice) -> None:
    text = with_slices(FOREIGN, identity(ACME)).replace('"groups": {', f'"groups": {{ "{ACME.killed_group}": [],')
    with pytest.raises(PolicyError, match="group:killed-acme-prod"):
        applied(text, slice)
    assert ACME.killed_group in removed(text, identity(ACME)).text, "destroy does not lift a kill"
    assert with_slices(text, *both(GLOBEX)), "others are not concerned"


def test_owners_of_an_environments_tag_are_exactly_the_declared_ones() -> None:
    text = with_slices(FOREIGN, *both(ACME))
    wider = text.replace(f'"{ACME.kube_tag}": ["tag:support', f'"{ACME.kube_tag}": ["autogroup:member", "tag:support')
    assert wider != text
    assert applied(wider, identity(ACME)).after == value(text)


def test_a_posture_never_becomes_weaker_before_access_is_written() -> None:
    name = "posture:acme-prod-laptop"
    strict = {name: ["node:os == 'macos'", "node:tsVersion >= '1.90'"]}
    loose = {name: ["node:os == 'macos'"]}
    text = with_slices(FOREIGN, identity(ACME), access(ACME, postures=strict))
    slice = Slice(
        part="identity", environment=ACME, sections=identity(ACME).sections,
        declared={"grants": [grant(ACME)], "postures": loose},
    )  # fmt: skip
    assert applied(text, slice).after["postures"] == strict
    assert applied(text, access(ACME, postures=loose)).after["postures"] == loose
    text = with_slices(FOREIGN, identity(ACME), access(ACME, postures=loose))
    tighter = Slice(
        part="identity", environment=ACME, sections=identity(ACME).sections,
        declared={"grants": [grant(ACME)], "postures": strict},
    )  # fmt: skip
    assert applied(text, tighter).after["postures"] == strict


def test_a_recorder_in_somebody_elses_grant_is_not_switched_off() -> None:
    recorded = {
        "src": ["group:a"], "dst": ["tag:ci"], "ip": ["*"],
        "app": {"tailscale.com/cap/kubernetes": [{"recorder": [ACME.rec_tag], "enforceRecorder": True}]},
    }  # fmt: skip
    more = {**identity(ACME).sections["tagOwners"], ACME.rec_tag: [ACME.kube_tag]}
    slice = identity(ACME, tagOwners=more)
    outcome = removed(add_entry(with_slices(FOREIGN, slice), "grants", recorded), slice)
    assert recorded in outcome.after["grants"]
    # The recorder's tag stays declared, and so does its owner: else the document would be refused.
    assert {ACME.rec_tag, ACME.kube_tag} <= outcome.after["tagOwners"].keys()
    assert any(ACME.rec_tag in warning for warning in outcome.warnings)


# --- never another's ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_up_then_destroy_gives_back_the_exact_bytes(newline: str) -> None:
    text = FOREIGN.replace("\n", newline).replace(
        f"{newline}}}{newline}", f'{newline}  "autoApprovers": {{{newline}  }},{newline}}}{newline}'
    )
    assert without_slices(with_slices(text, *both(ACME)), access(ACME), identity(ACME)) == text.replace(
        f'"autoApprovers": {{{newline}  }}', f'"autoApprovers": {{{newline}    "services": {{}},{newline}  }}'
    )


def test_what_people_wrote_stays_byte_for_byte() -> None:
    text = with_slices(FOREIGN, *both(ACME), *both(GLOBEX), *both(TRAP))
    kept = iter(text.splitlines())
    assert all(line in kept for line in FOREIGN.splitlines()), "every line of the original, in its order"


@given(st.permutations([*both(ACME), *both(GLOBEX), *both(TRAP), *both(STAGING)]))
def test_the_order_in_which_stacks_are_applied_and_removed_does_not_matter(slices: list[Slice]) -> None:
    first = [slice for slice in slices if slice.part == "identity"]
    last = [slice for slice in slices if slice.part == "access"]
    text = with_slices(FOREIGN, *first, *last)
    reference = with_slices(FOREIGN, *both(ACME), *both(GLOBEX), *both(TRAP), *both(STAGING))
    after, expected = value(text), value(reference)
    assert after.keys() == expected.keys()
    for section, entries in expected.items():
        ordered = sorted(map(canonical, entries)) if isinstance(entries, list) else entries
        assert (sorted(map(canonical, after[section])) if isinstance(entries, list) else after[section]) == ordered
    assert with_slices(text, *slices) == text, "twice is once"
    empty = without_slices(text, *last, *first)
    assert empty.startswith(FOREIGN.rstrip().removesuffix("}").rstrip())
    assert value(empty) == {**value(FOREIGN), "autoApprovers": {"services": {}}}


@pytest.mark.parametrize("removed_slices", [both(ACME), both(TRAP), both(GLOBEX), both(STAGING)])
def test_destroying_one_environment_leaves_the_others_as_they_are(removed_slices: tuple[Slice, Slice]) -> None:
    gone = removed_slices[0].own()
    others = [environment for environment in (ACME, TRAP, GLOBEX, STAGING) if environment != gone]
    slices = [slice for environment in others for slice in both(environment)]
    text = with_slices(FOREIGN, *slices)
    assert value(without_slices(with_slices(text, *removed_slices), *reversed(removed_slices))) == value(text)
    assert not names(text, gone)


def test_the_chain_goes_with_the_customers_last_environment() -> None:
    text = with_slices(FOREIGN, *both(ACME), *both(STAGING))
    one = removed(text, identity(ACME)).after
    assert all(tag in one["tagOwners"] for tag in ACME.chain_tags)
    two = without_slices(text, access(ACME), identity(ACME), access(STAGING), identity(STAGING))
    assert not any(tag in two for tag in ACME.chain_tags)


def test_a_chain_tag_that_somebody_names_stays_with_its_owners_and_is_reported() -> None:
    entry = {"src": [ACME.proxy_tag], "dst": ["tag:internal"], "ip": ["tcp:443"]}
    text = add_entry(with_slices(FOREIGN, *both(ACME)), "grants", entry)
    outcome = removed(text, identity(ACME))
    assert entry in outcome.after["grants"]
    assert {ACME.proxy_tag, ACME.operator_tag} <= outcome.after["tagOwners"].keys()
    assert ACME.customer_tag not in outcome.after["tagOwners"]
    assert any(ACME.proxy_tag in warning for warning in outcome.warnings)


def test_owners_that_others_gave_to_the_chain_stay_and_are_reported() -> None:
    text = with_slices(FOREIGN, *both(ACME))
    more = text.replace(f'"{ACME.operator_tag}": [', f'"{ACME.operator_tag}": ["autogroup:admin", ')
    outcome = applied(more, identity(ACME))
    assert outcome.text == more
    assert "autogroup:admin" in outcome.warnings[0]


def test_tests_of_others_about_the_environment_stay_on_up_and_never_stop_a_cut() -> None:
    guard = {"src": "group:contractors", "deny": [f"{ACME.kube_tag}:443"]}
    asks = {"src": "group:highflame-sre", "accept": [f"{ACME.kube_tag}:443", "tag:ci:22"]}
    text = add_entry(add_entry(with_slices(FOREIGN, *both(ACME)), "tests", guard), "tests", asks)
    assert applied(text, identity(ACME)).text == text
    narrow = applied(text, identity(ACME, []), narrowing_wins=True).after["tests"]
    cut = removed(text, access(ACME)).after["tests"]
    for tests in (narrow, cut):
        assert guard in tests
        assert {"src": "group:highflame-sre", "accept": ["tag:ci:22"]} in tests
    assert not names(removed(text, identity(ACME)).text, ACME)


def test_old_spellings_of_sections_are_followed() -> None:
    text = '{"TagOwners": {"tag:ci": []}, "Grants": []}'
    after = value(with_slices(text, *both(ACME)))
    assert "tagOwners" not in after
    assert "grants" not in after
    assert ACME.kube_tag in after["TagOwners"]
    assert after["Grants"] == [grant(ACME)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"grants": [], "Grants": []}', "'Grants'"),
        ('{"grants": [],\n "grants": []}', "line 2, column 2"),
        ("{", "line 1"),
        ("", "line 1"),
        ("[]", "not an object"),
    ],
)
def test_a_document_that_cannot_be_understood_is_refused(text: str, words: str) -> None:
    for attempt in (lambda: applied(text, identity(ACME)), lambda: removed(text, identity(ACME))):
        with pytest.raises(PolicyError, match="Nothing was written") as raised:
            attempt()
        assert words in str(raised.value)


def test_numbers_from_the_engine_are_the_numbers_of_the_document() -> None:
    text = with_slices(FOREIGN, identity(ACME, [grant(ACME, x=1)]), access(ACME, [grant(ACME, x=1)]))
    assert applied(text, identity(ACME, [grant(ACME, x=1.0)])).text == text
    assert applied(text, identity(ACME, [grant(ACME, x=True)])).after["grants"] == value(FOREIGN)["grants"]


def test_who_is_taken_out_of_a_list_takes_nobodys_comment_along() -> None:
    text = with_slices(FOREIGN, *both(ACME))
    by_hand = text.replace(
        f'"{ACME.kube_tag}": ["tag:support-access-deployer"],',
        f'"{ACME.kube_tag}": [\n      // who deploys: ticket 7\n      "autogroup:member", // to try\n'
        '      "tag:support-access-deployer", // the pipeline\n    ],',
    )
    assert by_hand != text
    assert applied(by_hand, identity(ACME)).text == by_hand.replace('      "autogroup:member", // to try\n', "")

    groups = {"group:acme-prod-oncall": ["ann@example.com", "bob@example.com"]}
    text = with_slices(FOREIGN, identity(ACME), access(ACME, groups=groups)).replace(
        '["ann@example.com", "bob@example.com"],\n  },',
        '[\n      // emea\n      "ann@example.com",\n      // us\n      "bob@example.com", // lead\n    ],\n  },',
    )
    assert "// emea" in text
    smaller = access(ACME, groups={"group:acme-prod-oncall": ["eve@example.com", "bob@example.com"]})
    assert applied(text, smaller).text == text.replace('      "ann@example.com",\n', "").replace(
        "// lead\n", '// lead\n      "eve@example.com",\n'
    )


# --- what is shared ----------------------------------------------------------------------------------------

SHARED = Slice(
    part="shared",
    sections={
        "groups": {"group:highflame-sre": ["ann@example.com"], "group:oncall": ["bob@example.com"]},
        "tests": [{"src": "group:oncall", "deny": ["tag:internal:22"]}],
    },
)


def test_an_engineer_taken_out_of_a_group_is_out_of_the_document() -> None:
    after = applied(FOREIGN, SHARED).after
    assert after["groups"] == SHARED.sections["groups"]
    assert value(FOREIGN)["tests"][0] in after["tests"]
    assert SHARED.sections["tests"][0] in after["tests"]


def test_what_shared_no_longer_declares_goes_and_nothing_else() -> None:
    text = applied(FOREIGN, SHARED).text
    smaller = Slice(part="shared", sections={"groups": {"group:highflame-sre": ["ann@example.com"]}})
    after = applied(text, smaller, SHARED).after
    assert after["groups"] == smaller.sections["groups"]
    assert after["tests"] == value(FOREIGN)["tests"]


def test_a_group_that_still_lets_somebody_in_does_not_go_and_it_is_told_where() -> None:
    """The server refuses it too, and says neither whose entry it is nor what to do."""
    oncall = grant(ACME, "group:oncall")
    by_hand = {"src": ["group:oncall"], "dst": ["tag:internal"], "ip": ["tcp:22"]}
    text = json.dumps(
        {"groups": SHARED.sections["groups"], "tagOwners": {ACME.kube_tag: []}, "grants": [oncall], "acls": [by_hand]}
    )
    smaller = Slice(part="shared", sections={"groups": {"group:highflame-sre": ["ann@example.com"]}})
    with pytest.raises(PolicyError) as refused:
        applied(text, smaller, SHARED)
    for line in ("group:oncall: grants[0], of acme-prod", "group:oncall: acls[0], of somebody else", "nobody in it"):
        assert line in str(refused.value)
    emptied = Slice(part="shared", sections={"groups": {**smaller.sections["groups"], "group:oncall": []}})
    assert applied(text, emptied, SHARED).after["groups"]["group:oncall"] == []


def test_who_leaves_a_shared_group_takes_nobodys_comment_along() -> None:
    members = '      // emea\n      "eve@example.com",\n      // us\n      "bob@example.com", // lead\n'
    group = f'"group:oncall": [\n{members}    ],'
    text = FOREIGN.replace('"groups": {', f'"groups": {{\n    {group}')
    after = applied(text, Slice(part="shared", sections={"groups": SHARED.sections["groups"]})).text
    assert group.replace('      "eve@example.com",\n', "") in after


def test_an_order_that_means_nothing_is_left_and_that_of_an_ipset_is_set() -> None:
    there = {
        "groups": {"group:oncall": ["bob@example.com", "ann@example.com"]},
        "ipsets": {"ipset:dc": ["remove 10.1.0.0/16", "add 10.0.0.0/8"]},
    }
    turned = {section: {name: one[::-1] for name, one in named.items()} for section, named in there.items()}
    after = applied(json.dumps(there), Slice(part="shared", sections=turned)).after
    assert after == {"groups": there["groups"], "ipsets": turned["ipsets"]}


def test_somebody_who_is_declared_twice_is_written_once_and_is_no_drift() -> None:
    twice = Slice(part="shared", sections={"groups": {"group:oncall": ["ann@example.com", "ann@example.com"]}})
    after = applied("{}", twice).after
    assert after == {"groups": {"group:oncall": ["ann@example.com"]}}
    assert present(twice, after) == twice.sections


@pytest.mark.parametrize("section", ["groups", "tests"])
def test_a_section_that_is_null_is_filled_and_one_of_another_kind_is_refused(section: str) -> None:
    sections = {section: SHARED.sections[section]}
    text = f'{{"{section}": null, "grants": [ ]}}'
    assert applied(text, Slice(part="shared", sections=sections)).after == {**sections, "grants": []}
    other = {"groups": "[]", "tests": "{}"}[section]
    with pytest.raises(PolicyError, match=f"'{section}' which is not"):
        applied(f'{{"{section}": {other}}}', Slice(part="shared", sections=sections))


def test_shared_is_not_removed_while_environments_stand_on_it() -> None:
    text = with_slices(applied(FOREIGN, SHARED).text, identity(TRAP))
    with pytest.raises(PolicyError, match="acme-prod-x"):
        removed(text, SHARED)
    after = removed(without_slices(text, identity(TRAP)), SHARED).after
    assert after["groups"] == {}
    assert after["tagOwners"] == value(FOREIGN)["tagOwners"]
